/* What the files of transport-tls share. */
#ifndef YETT_TRANSPORT_TLS_H
#define YETT_TRANSPORT_TLS_H

#include <gnutls/gnutls.h>
#include <yett/transport.h>

struct yett_tls_settings {
	const char *certificate; /* path; "": none */
	const char *key;
	uint64_t max_unsent_bytes;
};

/* What this node shows of itself. Counted: a channel keeps those that it began with, so that new
 * ones concern new channels only. */
struct yett_tls_credentials {
	unsigned references;
	bool ephemeral;    /* made at start, claims nothing */
	int64_t not_after; /* Unix seconds */
	char subject[256];
	char *file; /* of the certificate; NULL if ephemeral */
	gnutls_certificate_credentials_t acceptor;
	gnutls_certificate_credentials_t initiator; /* without a certificate if ephemeral */
	gnutls_certificate_credentials_t bare;      /* always without */
};

int yett_tls_credentials_load(const struct yett_host *host,
	const struct yett_tls_settings *settings, struct yett_tls_credentials **ret_credentials,
	struct yett_error *error);
struct yett_tls_credentials *yett_tls_credentials_ref(struct yett_tls_credentials *credentials);
void yett_tls_credentials_unref(struct yett_tls_credentials *credentials); /* NULL is fine */

#define YETT_TLS_RECORD  16384                         /* plain bytes of one record */
#define YETT_TLS_RECORDS (4 * (YETT_TLS_RECORD + 256)) /* of some, encrypted */

enum yett_tls_metric {
	YETT_TLS_HANDSHAKES,
	YETT_TLS_FAILURES,
	YETT_TLS_CHANNELS,
};

/* One instance. Counted: by its owner until `destroy`, and by each channel. */
struct yett_tls {
	const struct yett_host *host;                     /* NULL after `destroy` */
	void (*stream_close)(struct yett_stream *stream); /* for what is dialled until after it */
	unsigned references;
	size_t max_unsent_bytes;
	gnutls_priority_t priority;
	struct yett_tls_credentials *credentials;
	struct yett_timer *watch; /* how long they still last; NULL: not started */
	struct yett_channel *channels;
	size_t channel_count;
	size_t ending; /* let go by their owner, not yet gone */
	struct {       /* turn.c */
		struct yett_channel *first, *last;
		struct yett_channel *last_begun; /* those before it have a TLS session already */
		struct yett_timer *timer;
		uint64_t spent_ns; /* in this round */
		unsigned spent_cost;
		bool running; /* the timer that begins the next one */
	} turns;
	uint8_t scratch[YETT_TLS_RECORD]; /* where pieces become a record */
	struct yett_channel *gathers;     /* its encrypted records wait for one write (send.c) */
	uint8_t *records;                 /* them; NULL: not needed yet */
	size_t records_length;
};

void yett_tls_unref(struct yett_tls *tls);

/* Channels (endpoint.c, channel.c, send.c). */
int yett_tls_listen(void *self, const char *address,
	int (*accepted)(void *arg, struct yett_channel *channel, const char *peer_address,
		const struct yett_channel_events **ret_events, void **ret_events_arg),
	void *arg, struct yett_endpoint **ret_endpoint, struct yett_error *error);
int yett_tls_endpoint_address(struct yett_endpoint *endpoint, char *ret_text, size_t size);
void yett_tls_endpoint_close(struct yett_endpoint *endpoint);
int yett_tls_connect(void *self, const char *address, const char *source, const char *name,
	uint64_t timeout_ns, const struct yett_channel_events *events, void *arg,
	struct yett_channel **ret_channel, struct yett_error *error);
int yett_tls_send(struct yett_channel *channel, const struct iovec *iov, int n);
void yett_tls_pause(struct yett_channel *channel, int paused);
void yett_tls_close(struct yett_channel *channel, int orderly);
void yett_tls_without_certificates(struct yett_channel *channel);
/* Closes what is left, at once. */
void yett_tls_close_all(struct yett_tls *tls);

/* Why a handshake or a record failed (cause.c). */
struct yett_tls_cause {
	int result;
	const char *text;
	const char *mend; /* NULL: nothing is known */
};

/* `gnutls_code` is what a GnuTLS call returned; `during_handshake` as it says. */
struct yett_tls_cause yett_tls_cause(
	gnutls_session_t session, int gnutls_code, bool during_handshake);
/* What the first bytes are if they begin no TLS record; false: they do. */
bool yett_tls_no_tls(const uint8_t *first, size_t length, struct yett_tls_cause *ret_cause);

#endif
