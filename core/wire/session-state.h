/* The inside of the session machine, shared by receiving (session.c, session-take.c) and
 * sending (session-send.c) only. */
#ifndef YETT_WIRE_SESSION_STATE_H
#define YETT_WIRE_SESSION_STATE_H

#include "incoming.h"
#include "output.h"
#include "session.h"

struct yett_wire {
	enum yett_role role;
	enum yett_wire_state state;
	const struct yett_wire_events *events;
	void *arg;
	bool silent; /* no more events */
	bool hello_sent, hello_received;
	bool done_sent, done_received;
	bool intro_sent, intro_received;
	uint8_t auth_received; /* messages */
	/* The frame that is arriving. */
	uint8_t header_filled;
	uint8_t header[YETT_FRAME_HEADER_SIZE];
	struct yett_frame frame;
	const struct yett_wire_rule *rule; /* NULL: skipped */
	size_t body_left;
	GByteArray *body;  /* of a control frame that comes in parts; NULL: none */
	GByteArray *token; /* of an AUTH that comes in chunks; NULL: none */
	char token_method[YETT_METHOD_NAME_SIZE];
	struct yett_incoming incoming;

	uint64_t credit[YETT_LANES];       /* initiator: ours to send; acceptor: the peer's */
	uint64_t batches;                  /* initiator: how many were sent */
	uint64_t questions;                /* the number of the last one */
	uint64_t open[YETT_QUESTIONS_MAX]; /* numbers of those that are not answered; 0: none */
	struct yett_output output;
};

/* Who may send a frame, in which states, and how long its body may be. */
struct yett_wire_rule {
	uint8_t type;
	uint8_t senders; /* a bit for each enum yett_role */
	uint8_t states;  /* YETT_WIRE_IN */
	uint16_t max;
	const char *name;
	/* Control. Says in `error` what is wrong where it is not the body's form. */
	int (*handle)(struct yett_wire *wire, const uint8_t *bytes, size_t length,
		struct yett_error *error);
};
#define YETT_WIRE_IN(state) (1u << (state))
/* session-take.c; NULL: no such type. */
const struct yett_wire_rule *yett_wire_rule(uint8_t type);

/* What mends a peer that breaks the protocol. */
#define YETT_WIRE_MEND "update the software of the peer, or of this node"
/* Whether an event may be raised, and is wanted. */
#define YETT_WIRE_EVENT(wire, name) (!(wire)->silent && (wire)->events->name != NULL)

/* The place of an open question, or of none (number 0); NULL: there is no such. */
uint64_t *yett_wire_question(struct yett_wire *wire, uint64_t number);
/* Goes on to the next state where both sides have done their part. */
void yett_wire_proceed(struct yett_wire *wire);
void yett_wire_fail(struct yett_wire *wire, int result, const struct yett_error *error);
/* After frames were appended to the output: YETT_ELIMIT where they are too many. */
int yett_wire_appended(struct yett_wire *wire, struct yett_error *error);

#endif
