/* One channel: what channel.c and endpoint.c share. */
#ifndef YETT_TRANSPORT_TLS_CHANNEL_H
#define YETT_TRANSPORT_TLS_CHANNEL_H

#include "tls.h"

/* Legal transitions:
 *   CONNECTING → HANDSHAKE, GONE
 *   HANDSHAKE → UP, ENDING, GONE
 *   UP → ENDING, GONE
 *   ENDING → GONE          its owner has let go; an alert is on its way, within a bound
 */
enum yett_tls_state {
	YETT_TLS_CONNECTING,
	YETT_TLS_HANDSHAKE,
	YETT_TLS_UP,
	YETT_TLS_ENDING,
	YETT_TLS_GONE,
};

/* What an idle channel does not need is on the heap while it is needed: memory counts with tens
 * of thousands of them. */
struct yett_channel {
	struct yett_tls *tls;
	struct yett_channel *next, *previous; /* the instance's list */
	struct yett_stream *stream;
	struct yett_tls_credentials *credentials;
	gnutls_session_t session; /* from the first byte on */
	const struct yett_channel_events *events;
	void *arg;
	struct yett_tls_facts *facts; /* from `up` on */
	struct yett_timer *timer;     /* deadline of the handshake, then what is put off */
	char *name;                   /* to be named in the handshake (SNI); NULL: none */
	const uint8_t *in; /* what is borrowed during a read callback, and not yet decrypted */
	size_t in_length;
	uint8_t *held; /* what was not yet decrypted when it was paused, or has to wait */
	size_t held_length;
	struct yett_channel *turn_next, *turn_previous; /* while it waits (turn.c) */
	size_t unsent;                                  /* bytes lent to the stream */
	size_t discarded;                               /* while ENDING */
	uint64_t deadline_ns;
	int broken;    /* the stream's error, to be told by the timer; 0: none */
	unsigned busy; /* calls on the stack that will still use it */
	uint8_t role;
	uint8_t state;
	bool no_certificates; /* asks for none, shows none */
	bool dialling;        /* the host will still call back */
	bool reading;
	bool paused;
	bool want_writable;
	bool peer_closed; /* it sent a close alert, or a fatal one */
	bool waits;       /* for its turn */
	int ended;        /* while it waits: the stream's end, to be told; 0: bytes are held */
};

struct yett_channel *yett_tls_channel_new(
	struct yett_tls *tls, struct yett_stream *stream, enum yett_role role);
/* Starts with the handshake; the stream is there. */
int yett_tls_channel_begin(struct yett_channel *channel);
/* Ends it, tells the owner why, and is gone. */
void yett_tls_channel_fail(struct yett_channel *channel, int result, const char *mend,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
void yett_tls_channel_fail_for(struct yett_channel *channel, struct yett_tls_cause cause);
/* Without a word. */
void yett_tls_channel_release(struct yett_channel *channel);
/* While one is between enter and leave, its memory stays. */
void yett_tls_channel_enter(struct yett_channel *channel);
void yett_tls_channel_leave(struct yett_channel *channel);
/* Restarts the one timer; 0: soon, but not now. */
int yett_tls_channel_timer(struct yett_channel *channel, uint64_t delay_ns);
void yett_tls_channel_drop_timer(struct yett_channel *channel);

void yett_tls_start_reading(struct yett_channel *channel);
void yett_tls_stop_reading(struct yett_channel *channel);

/* What comes in (receive.c). */
void yett_tls_on_read(void *arg, int result, const uint8_t *bytes, size_t length);
void yett_tls_shake_hands(struct yett_channel *channel);
void yett_tls_resume(struct yett_channel *channel); /* after a pause */

void yett_tls_put_off_done(struct yett_channel *channel); /* its turn has come */

/* Turns (turn.c). begin: it may be seen to at once; then `end` with what that gave. */
bool yett_tls_turn_begin(struct yett_channel *channel, uint64_t *ret_began_ns);
void yett_tls_turn_end(struct yett_tls *tls, uint64_t began_ns);
int yett_tls_turn_wait(struct yett_channel *channel);
void yett_tls_turn_leave(struct yett_channel *channel); /* whether it waits or not */
void yett_tls_turns_done(struct yett_tls *tls);

/* The session (session.c). */
int yett_tls_session_new(struct yett_channel *channel);
/* What is known once the handshake is done; a cause where that is not enough. */
int yett_tls_session_facts(struct yett_channel *channel, struct yett_tls_cause *ret_cause);

struct yett_tls_facts {
	struct yett_facts facts;
	char local[64];
	char peer[64];
	char suite[48];
};

/* GnuTLS's way to the stream (send.c, receive.c). */
ssize_t yett_tls_push(gnutls_transport_ptr_t arg, const giovec_t *iov, int n);
ssize_t yett_tls_pull(gnutls_transport_ptr_t arg, void *ret_bytes, size_t length);

#endif
