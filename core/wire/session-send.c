/* The session machine: what is sent.
 *
 * Responsible for: which message may be sent in which state and by whom, the chunks of AUTH
 * tokens, the credit that a batch takes, and the bound on control that the peer does not read. Not
 * for: the order on the wire (output.c).
 * Threads: the session's loop. Ownership: messages are borrowed and encoded at once; a batch's
 * buffer is shared until it is sent.
 * Failure: YETT_EPROTO where the state forbids it, with nothing sent. */
#include "session-state.h"

#include <yett/auth.h>

int yett_wire_appended(struct yett_wire *wire, struct yett_error *error)
{
	yett_output_appended(&wire->output);
	if (wire->output.control_unsent <= YETT_WIRE_UNSENT_MAX) {
		return 0;
	}
	return yett_fail(error, YETT_ELIMIT, "see why the peer does not read",
		"the peer leaves more than %d bytes of control unread", YETT_WIRE_UNSENT_MAX);
}

/* After a message of ours was encoded: fails the machine where the peer does not read. */
static int sent(struct yett_wire *wire)
{
	struct yett_error error = YETT_ERROR_INIT;
	int result = yett_wire_appended(wire, &error);

	if (result < 0) {
		yett_wire_fail(wire, result, &error);
	}
	return result;
}

static GByteArray *control(struct yett_wire *wire)
{
	return yett_output_control(&wire->output);
}

static bool is_initiator(const struct yett_wire *wire)
{
	return wire->role == YETT_ROLE_INITIATOR;
}

int yett_wire_hello(struct yett_wire *wire, const struct yett_hello *message)
{
	if (wire->state != YETT_WIRE_HELLO || wire->hello_sent) {
		return YETT_EPROTO;
	}
	yett_hello_encode(message, control(wire));
	wire->hello_sent = true;
	yett_wire_proceed(wire);
	return sent(wire);
}

int yett_wire_auth(struct yett_wire *wire, const struct yett_auth_message *message)
{
	struct yett_auth_message chunk = *message;
	size_t left = message->token_length;

	if (wire->state != YETT_WIRE_AUTH || wire->done_sent) {
		return YETT_EPROTO;
	}
	if (left > YETT_AUTH_TOKEN_MAX) {
		return YETT_ELIMIT;
	}
	do {
		chunk.token_length = MIN(left, YETT_AUTH_CHUNK_MAX);
		left -= chunk.token_length;
		chunk.more = left > 0;
		yett_auth_encode(&chunk, control(wire));
		yett_output_appended(&wire->output);
		chunk.token += chunk.token_length;
	} while (left > 0);
	if (message->status == YETT_AUTH_DENY) {
		wire->state = YETT_WIRE_CLOSED;
		return 0;
	}
	wire->done_sent = message->status == YETT_AUTH_DONE;
	yett_wire_proceed(wire);
	return 0;
}

int yett_wire_intro(struct yett_wire *wire, const struct yett_intro *message)
{
	if (wire->state != YETT_WIRE_INTRO || wire->intro_sent) {
		return YETT_EPROTO;
	}
	yett_intro_encode(message, control(wire));
	wire->intro_sent = true;
	return sent(wire);
}

int yett_wire_welcome(struct yett_wire *wire, const struct yett_welcome *message)
{
	if (is_initiator(wire) || wire->state != YETT_WIRE_INTRO || !wire->intro_sent ||
		!wire->intro_received) {
		return YETT_EPROTO;
	}
	yett_welcome_encode(message, control(wire));
	wire->state = YETT_WIRE_OPEN;
	return sent(wire);
}

/* The last word, of either kind. */
static int leave(struct yett_wire *wire, const struct yett_refuse *message, int type)
{
	if (wire->state == YETT_WIRE_CLOSED) {
		return YETT_EPROTO;
	}
	yett_output_drop_batches(&wire->output);
	yett_refuse_encode(message, type, control(wire));
	yett_output_appended(&wire->output);
	wire->state = YETT_WIRE_CLOSED;
	return 0;
}

int yett_wire_refuse(struct yett_wire *wire, const struct yett_refuse *message)
{
	return leave(wire, message, YETT_FRAME_REFUSE);
}

int yett_wire_goodbye(struct yett_wire *wire, const struct yett_refuse *message)
{
	return leave(wire, message, YETT_FRAME_GOODBYE);
}

int yett_wire_batch(struct yett_wire *wire, const struct yett_envelope *envelope,
	const struct yett_batch *batch, uint64_t *ret_number)
{
	uint64_t *credit = &wire->credit[batch->info.lane];

	if (!is_initiator(wire) || wire->state != YETT_WIRE_OPEN) {
		return YETT_EPROTO;
	}
	if (batch->length > *credit) {
		return YETT_EAGAIN;
	}
	*credit -= batch->length;
	yett_output_batch(&wire->output, ++wire->batches, envelope, batch);
	*ret_number = wire->batches;
	return 0;
}

int yett_wire_credit(struct yett_wire *wire, const struct yett_credit *message)
{
	bool initiator = is_initiator(wire);

	if (wire->state != YETT_WIRE_OPEN) {
		return YETT_EPROTO;
	}
	for (int lane = 0; lane < YETT_LANES; lane++) {
		if ((initiator ? message->granted[lane] : message->wanted[lane]) != 0) {
			return YETT_EPROTO;
		}
		if (message->wanted[lane] > YETT_BATCH_MAX ||
			message->granted[lane] > YETT_WIRE_CREDIT_MAX - wire->credit[lane]) {
			return YETT_ELIMIT;
		}
	}
	for (int lane = 0; lane < YETT_LANES; lane++) {
		wire->credit[lane] += message->granted[lane];
	}
	yett_credit_encode(message, control(wire));
	return sent(wire);
}

/* Messages of an open session that change nothing here. */
#define SEND(name, allowed)                                                                        \
	int yett_wire_##name(struct yett_wire *wire, const struct yett_##name *message)            \
	{                                                                                          \
		if (wire->state != YETT_WIRE_OPEN || !(allowed)) {                                 \
			return YETT_EPROTO;                                                        \
		}                                                                                  \
		yett_##name##_encode(message, control(wire));                                      \
		return sent(wire);                                                                 \
	}
SEND(ack, !is_initiator(wire))
SEND(path, !is_initiator(wire))
SEND(attach, is_initiator(wire))
SEND(detach, is_initiator(wire))
SEND(heartbeat, true)
SEND(standby, is_initiator(wire))
SEND(admission, is_initiator(wire) ? message->ask_count > 0 : message->signed_count > 0)
SEND(config, !is_initiator(wire))
SEND(applied, is_initiator(wire))
#undef SEND

int yett_wire_query(
	struct yett_wire *wire, const struct yett_query_message *message, uint64_t *ret_number)
{
	struct yett_query_message numbered = *message;
	uint64_t *place = yett_wire_question(wire, 0);

	if (is_initiator(wire) || wire->state != YETT_WIRE_OPEN) {
		return YETT_EPROTO;
	}
	if (place == NULL) {
		return YETT_EAGAIN;
	}
	numbered.number = *place = ++wire->questions;
	*ret_number = numbered.number;
	yett_query_encode(&numbered, control(wire));
	return sent(wire);
}

int yett_wire_report(struct yett_wire *wire, const struct yett_report *message)
{
	uint64_t *place = yett_wire_question(wire, message->number);

	if (!is_initiator(wire) || wire->state != YETT_WIRE_OPEN || message->number == 0 ||
		place == NULL) {
		return YETT_EPROTO;
	}
	if (yett_report_size(message) > YETT_REPORT_MAX) {
		return YETT_ELIMIT;
	}
	*place = 0;
	yett_report_encode(message, control(wire));
	return sent(wire);
}

uint32_t yett_wire_questions(const struct yett_wire *wire)
{
	uint32_t count = 0;

	for (size_t i = 0; i < YETT_QUESTIONS_MAX; i++) {
		count += wire->open[i] != 0 ? 1 : 0;
	}
	return count;
}

int yett_wire_ping(struct yett_wire *wire, uint64_t token)
{
	struct yett_ping message = {.token = token};

	if (wire->state != YETT_WIRE_OPEN) {
		return YETT_EPROTO;
	}
	yett_ping_encode(&message, YETT_FRAME_PING, control(wire));
	return sent(wire);
}

uint64_t yett_wire_credit_left(const struct yett_wire *wire, uint32_t lane)
{
	return lane < YETT_LANES ? wire->credit[lane] : 0;
}

int yett_wire_output(struct yett_wire *wire, struct iovec *ret_iov, int max)
{
	return yett_output_iov(&wire->output, ret_iov, max);
}

void yett_wire_sent(struct yett_wire *wire, size_t bytes)
{
	yett_output_sent(&wire->output, bytes);
}

size_t yett_wire_unsent(const struct yett_wire *wire)
{
	return yett_output_unsent(&wire->output);
}

size_t yett_wire_control_unsent(const struct yett_wire *wire)
{
	return wire->output.control_unsent;
}
