/* The session machine: bytes in, events out; messages in, bytes out. No socket, no clock, no
 * thread. It knows the frames, the states in which each is legal, the limits, the chunks of AUTH
 * tokens and of batches, and the credit of both directions.
 *
 *     HELLO --both hellos--> AUTH --both done--> INTRO --welcome--> OPEN --goodbye--> CLOSED
 *
 * Legal in each state (i: sent by the initiator only, a: by the acceptor only):
 *     HELLO   HELLO
 *     AUTH    AUTH
 *     INTRO   INTRO, WELCOME (a, after the initiator's INTRO), REFUSE
 *     OPEN    BATCH (i), ACK (a), CREDIT (a grants, i wants), PATH (a), ATTACH, DETACH (i),
 *             ADMISSION (i asks, a answers), CONFIG (a), APPLIED (i), QUERY (a), REPORT (i, once for each
 *             QUERY), STANDBY (i), HEARTBEAT, PING, PONG, GOODBYE
 *     REFUSE and GOODBYE are legal in every state and end it, as an AUTH that denies does.
 *     Anything else is YETT_EPROTO.
 *
 * What is sent: control first, in order; then batches in chunks of one frame, urgent ones before
 * the others, none starving. So batches of different lanes overtake each other; within a lane they
 * keep their order. A batch's `number` rises within its lane.
 *
 * On failure the machine is CLOSED: the peer is told (REFUSE, or GOODBYE once OPEN), `failed` is
 * called once, then nothing.
 * Events are called from within yett_wire_receive; they may send, and may not free the machine
 * (yett_wire_close stops all further events). */
#ifndef YETT_WIRE_SESSION_H
#define YETT_WIRE_SESSION_H

#include <sys/uio.h>
#include <yett/transport.h>

#include "envelope.h"
#include "message.h"

#define YETT_WIRE_UNSENT_MAX (1024 * 1024)       /* of control frames */
#define YETT_WIRE_CREDIT_MAX (UINT64_C(1) << 40) /* of a lane */

enum yett_wire_state {
	YETT_WIRE_HELLO = 1,
	YETT_WIRE_AUTH,
	YETT_WIRE_INTRO,
	YETT_WIRE_OPEN,
	YETT_WIRE_CLOSED,
};

struct yett_wire;

struct yett_wire_events {
	void (*hello)(void *arg, const struct yett_hello *message);
	/* Whole: chunks are assembled. */
	void (*auth)(void *arg, const struct yett_auth_message *message);
	void (*intro)(void *arg, const struct yett_intro *message);
	void (*welcome)(void *arg, const struct yett_welcome *message);
	/* The peer refuses or leaves; the machine is CLOSED. */
	void (*refused)(void *arg, const struct yett_refuse *message);
	void (*goodbye)(void *arg, const struct yett_refuse *message);
	/* A batch within credit, header and checksums good. `batch` and its buffer are borrowed:
	 * take a reference to keep it. `number` is the sender's, for ACK. */
	void (*batch)(void *arg, uint64_t number, const struct yett_envelope *envelope,
		const struct yett_batch *batch);
	void (*ack)(void *arg, const struct yett_ack *message);
	/* Credit rose (initiator), or the peer waits for more than it has (acceptor). */
	void (*credit)(void *arg, const struct yett_credit *message);
	void (*path)(void *arg, const struct yett_path *message);
	void (*attach)(void *arg, const struct yett_attach *message);
	void (*detach)(void *arg, const struct yett_detach *message);
	void (*heartbeat)(void *arg, const struct yett_heartbeat *message);
	void (*standby)(void *arg, const struct yett_standby *message);
	void (*admission)(void *arg, const struct yett_admission *message);
	void (*config)(void *arg, const struct yett_config *message);
	void (*applied)(void *arg, const struct yett_applied *message);
	/* At most YETT_QUESTIONS_MAX are open at a time; each is answered once (yett_wire_report). */
	void (*query)(void *arg, const struct yett_query_message *message);
	void (*report)(void *arg, const struct yett_report *message);
	/* PINGs are answered by the machine itself. */
	void (*pong)(void *arg, uint64_t token);
	void (*failed)(void *arg, int result, const struct yett_error *error);
};

struct yett_wire *yett_wire_new(
	enum yett_role role, const struct yett_wire_events *events, void *arg);
void yett_wire_free(struct yett_wire *wire);
enum yett_wire_state yett_wire_state(const struct yett_wire *wire);
/* CLOSED, without another event; what is to be sent may still be taken out. */
void yett_wire_close(struct yett_wire *wire);

void yett_wire_receive(struct yett_wire *wire, const uint8_t *bytes, size_t length);

/* Sending: YETT_EPROTO where the state forbids it. Encoded at once, messages are borrowed. */
int yett_wire_hello(struct yett_wire *wire, const struct yett_hello *message);
/* Cuts the token into chunks. A status of DONE counts for the state; DENY: → CLOSED. */
int yett_wire_auth(struct yett_wire *wire, const struct yett_auth_message *message);
int yett_wire_intro(struct yett_wire *wire, const struct yett_intro *message);
int yett_wire_welcome(struct yett_wire *wire, const struct yett_welcome *message);
/* What has not been sent of batches is dropped by these two. */
int yett_wire_refuse(struct yett_wire *wire, const struct yett_refuse *message);  /* → CLOSED */
int yett_wire_goodbye(struct yett_wire *wire, const struct yett_refuse *message); /* → CLOSED */
/* Initiator: takes a reference to the batch's buffer until it is sent. YETT_EAGAIN: not enough
 * credit in its lane. `*ret_number` counts the session's batches from 1: ACKs name it. */
int yett_wire_batch(struct yett_wire *wire, const struct yett_envelope *envelope,
	const struct yett_batch *batch, uint64_t *ret_number);
int yett_wire_ack(struct yett_wire *wire, const struct yett_ack *message);
/* YETT_ELIMIT where too much control is unsent (YETT_WIRE_UNSENT_MAX): the peer does not read, and
 * the machine has failed. */
/* Acceptor: grants, which the machine holds the peer to. Initiator: wants. */
int yett_wire_credit(struct yett_wire *wire, const struct yett_credit *message);
int yett_wire_path(struct yett_wire *wire, const struct yett_path *message);
int yett_wire_attach(struct yett_wire *wire, const struct yett_attach *message);
int yett_wire_detach(struct yett_wire *wire, const struct yett_detach *message);
/* Initiator: asks. Acceptor: what is signed. */
int yett_wire_admission(struct yett_wire *wire, const struct yett_admission *message);
int yett_wire_config(struct yett_wire *wire, const struct yett_config *message);   /* acceptor */
int yett_wire_applied(struct yett_wire *wire, const struct yett_applied *message); /* initiator */
/* Acceptor: YETT_EAGAIN where YETT_QUESTIONS_MAX are not answered. `number` is given by the machine. */
int yett_wire_query(
	struct yett_wire *wire, const struct yett_query_message *message, uint64_t *ret_number);
/* Initiator: answers a question that is open, once; YETT_ELIMIT beyond YETT_REPORT_MAX. */
int yett_wire_report(struct yett_wire *wire, const struct yett_report *message);
/* How many are open: asked (acceptor), or to be answered (initiator). */
uint32_t yett_wire_questions(const struct yett_wire *wire);
int yett_wire_heartbeat(struct yett_wire *wire, const struct yett_heartbeat *message);
int yett_wire_standby(struct yett_wire *wire, const struct yett_standby *message);
int yett_wire_ping(struct yett_wire *wire, uint64_t token);

/* Credit left in a lane: ours to send (initiator), the peer's (acceptor). */
uint64_t yett_wire_credit_left(const struct yett_wire *wire, uint32_t lane);

/* What is to be sent next: up to `max` pieces, not necessarily all there is; 0: nothing. Valid
 * until the next call of sent or output, or free. */
int yett_wire_output(struct yett_wire *wire, struct iovec *ret_iov, int max);
/* So many bytes of that are sent, or copied. */
void yett_wire_sent(struct yett_wire *wire, size_t bytes);
/* 0 when there is nothing to send; does not count the frame headers of batches to come. */
size_t yett_wire_unsent(const struct yett_wire *wire);
/* Of it, what is control, which YETT_WIRE_UNSENT_MAX bounds. */
size_t yett_wire_control_unsent(const struct yett_wire *wire);

#endif
