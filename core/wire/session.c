/* The session machine: what arrives.
 *
 * Responsible for: frames out of bytes, held to their rules on their headers, before anything is kept;
 * and the machine's life. Not for: the rules, and what messages do (session-take.c), sending
 * (session-send.c), batches in pieces (incoming.c), meaning (flow).
 * Threads: the session's loop. Ownership: what events are given is borrowed.
 * Failure: fail() closes the machine, tells the peer, and raises `failed` once. */
#include "session-state.h"

#include "../base/buffer.h"
#include "batch.h"

struct yett_wire *yett_wire_new(
	enum yett_role role, const struct yett_wire_events *events, void *arg)
{
	struct yett_wire *wire = g_new0(struct yett_wire, 1);

	wire->role = role;
	wire->state = YETT_WIRE_HELLO;
	wire->events = events;
	wire->arg = arg;
	yett_output_init(&wire->output);
	return wire;
}

/* What was kept of frames that are not whole. */
static void drop_input(struct yett_wire *wire)
{
	yett_incoming_done(&wire->incoming);
	if (wire->body != NULL) {
		g_byte_array_unref(wire->body);
		wire->body = NULL;
	}
	if (wire->token != NULL) {
		g_byte_array_unref(wire->token);
		wire->token = NULL;
	}
}

void yett_wire_free(struct yett_wire *wire)
{
	if (wire == NULL) {
		return;
	}
	drop_input(wire);
	yett_output_done(&wire->output);
	g_free(wire);
}

enum yett_wire_state yett_wire_state(const struct yett_wire *wire)
{
	return wire->state;
}

/* What is half there goes at once, and what was not sent: whoever waits for a batch of this session to be durable
 * keeps the machine, and nobody counts these bytes any more. No event is raised while one of them is touched. */
void yett_wire_close(struct yett_wire *wire)
{
	wire->silent = true;
	wire->state = YETT_WIRE_CLOSED;
	drop_input(wire);
	yett_output_done(&wire->output);
	yett_output_init(&wire->output);
}

void yett_wire_fail(struct yett_wire *wire, int result, const struct yett_error *error)
{
	bool open = wire->state == YETT_WIRE_OPEN;
	struct yett_refuse *refuse;

	if (wire->state == YETT_WIRE_CLOSED) {
		return;
	}
	wire->state = YETT_WIRE_CLOSED;
	yett_output_drop_batches(&wire->output);
	refuse = g_new0(struct yett_refuse, 1);
	refuse->code = YETT_REFUSE_PROTOCOL;
	g_strlcpy(refuse->cause, error->text, sizeof(refuse->cause));
	yett_refuse_encode(refuse, open ? YETT_FRAME_GOODBYE : YETT_FRAME_REFUSE,
		yett_output_control(&wire->output));
	yett_output_appended(&wire->output);
	g_free(refuse);
	if (YETT_WIRE_EVENT(wire, failed)) {
		wire->events->failed(wire->arg, result, error);
	}
}

void yett_wire_proceed(struct yett_wire *wire)
{
	if (wire->state == YETT_WIRE_HELLO && wire->hello_sent && wire->hello_received) {
		wire->state = YETT_WIRE_AUTH;
	} else if (wire->state == YETT_WIRE_AUTH && wire->done_sent && wire->done_received) {
		wire->state = YETT_WIRE_INTRO;
	}
}

/* A batch is whole: the last check, and the event. */
static int on_batch(
	struct yett_wire *wire, struct yett_incoming_batch *done, struct yett_error *error)
{
	struct yett_batch batch;
	int result = yett_batch_parse(done->buffer, yett_buffer_bytes(done->buffer),
		yett_buffer_length(done->buffer), &batch);

	if (result < 0) {
		result = yett_fail(error, YETT_EPROTO, "look for damage at the peer",
			"a batch arrived damaged: its checksum does not match");
	} else if (YETT_WIRE_EVENT(wire, batch)) {
		wire->events->batch(wire->arg, done->number, &done->envelope, &batch);
	}
	yett_incoming_batch_free(done);
	return result;
}

/* All that can be said against a frame by its header. */
static int begin_frame(struct yett_wire *wire, struct yett_error *error)
{
	const struct yett_frame *frame = &wire->frame;
	enum yett_role sender =
		wire->role == YETT_ROLE_INITIATOR ? YETT_ROLE_ACCEPTOR : YETT_ROLE_INITIATOR;
	uint8_t known_flags = 0;
	const struct yett_wire_rule *rule = yett_wire_rule(frame->type);
	size_t max = YETT_FRAME_BODY_MAX;

	wire->rule = rule;
	if (rule != NULL) {
		max = rule->max;
	} else if (wire->state != YETT_WIRE_OPEN) {
		max = YETT_HELLO_MAX; /* little for strangers */
	}
	if (frame->length > max) {
		return yett_fail(error, YETT_ELIMIT, YETT_WIRE_MEND,
			"a frame of type %u has %u bytes, and may have %zu", frame->type,
			frame->length, max);
	}
	if (rule == NULL) {
		if ((frame->type & YETT_FRAME_IGNORABLE) != 0) {
			return 0;
		}
		return yett_fail(error, YETT_EPROTO, YETT_WIRE_MEND,
			"a frame has the type %u, which is unknown here and may not be skipped",
			frame->type);
	}
	if (rule->type == YETT_FRAME_BATCH) {
		known_flags |= YETT_FRAME_MORE;
	} else if (frame->lane != 0) {
		return yett_fail(
			error, YETT_EPROTO, YETT_WIRE_MEND, "%s came in a lane", rule->name);
	}
	if ((frame->flags & ~known_flags) != 0 || frame->reserved != 0) {
		return yett_fail(error, YETT_EPROTO, YETT_WIRE_MEND,
			"%s has flags 0x%02x, reserved 0x%02x, which have no meaning here",
			rule->name, frame->flags, frame->reserved);
	}
	if ((rule->senders & 1 << sender) == 0 || (rule->states & YETT_WIRE_IN(wire->state)) == 0) {
		return yett_fail(error, YETT_EPROTO, YETT_WIRE_MEND,
			"%s came when it may not (state %d)", rule->name, wire->state);
	}
	return rule->handle == NULL ? yett_incoming_frame(&wire->incoming, frame, error) : 0;
}

/* The frame's body is complete; `bytes` are a control frame's. */
static int end_frame(struct yett_wire *wire, const uint8_t *bytes, struct yett_error *error)
{
	const struct yett_wire_rule *rule = wire->rule;
	struct yett_incoming_batch *done = NULL;
	int result;

	wire->header_filled = 0;
	if (rule == NULL) {
		return 0;
	}
	if (rule->handle != NULL) {
		result = rule->handle(wire, bytes, wire->frame.length, error);
		if (result < 0) {
			yett_fail(error, result, YETT_WIRE_MEND, "%s is malformed: %s", rule->name,
				yett_result_text(result));
		}
		return result;
	}
	result = yett_incoming_frame_end(&wire->incoming, &wire->frame, &done, error);
	if (result == 0 && done != NULL) {
		result = on_batch(wire, done, error);
	}
	return result;
}

/* Control: straight from the input where all of it is there, else put together. */
static int take_control(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error)
{
	GByteArray *body;
	int result;

	if (wire->body == NULL && length == wire->frame.length) {
		return end_frame(wire, bytes, error);
	}
	if (wire->body == NULL) {
		wire->body = g_byte_array_new();
	}
	g_byte_array_append(wire->body, bytes, (guint)length);
	if (wire->body_left > 0) {
		return 0;
	}
	body = g_steal_pointer(&wire->body);
	result = end_frame(wire, body->data, error);
	g_byte_array_unref(body);
	return result;
}

/* Some of the frame's body; `length` is at most what it lacks. */
static int take_body(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error)
{
	size_t left = wire->body_left;
	int result;

	wire->body_left -= length;
	if (wire->rule != NULL && wire->rule->handle != NULL) {
		return take_control(wire, bytes, length, error);
	}
	if (wire->rule != NULL && length > 0) {
		result = yett_incoming_bytes(&wire->incoming, &wire->frame, bytes, length, left,
			&wire->credit[wire->frame.lane], error);
		if (result < 0) {
			return result;
		}
	}
	return wire->body_left == 0 ? end_frame(wire, NULL, error) : 0;
}

/* The next bytes: of a header, or of a body. */
static int take(struct yett_wire *wire, const uint8_t *bytes, size_t length, size_t *ret_used,
	struct yett_error *error)
{
	size_t step;
	int result;

	if (wire->header_filled == YETT_FRAME_HEADER_SIZE) {
		*ret_used = MIN(length, wire->body_left);
		return take_body(wire, bytes, *ret_used, error);
	}
	step = MIN(length, (size_t)YETT_FRAME_HEADER_SIZE - wire->header_filled);
	memcpy(wire->header + wire->header_filled, bytes, step);
	wire->header_filled += (uint8_t)step;
	*ret_used = step;
	if (wire->header_filled < YETT_FRAME_HEADER_SIZE) {
		return 0;
	}
	wire->frame = yett_frame_get(wire->header);
	wire->body_left = wire->frame.length;
	result = begin_frame(wire, error);
	if (result == 0 && wire->body_left == 0) {
		result = take_body(wire, bytes, 0, error);
	}
	return result;
}

void yett_wire_receive(struct yett_wire *wire, const uint8_t *bytes, size_t length)
{
	while (length > 0 && wire->state != YETT_WIRE_CLOSED) {
		struct yett_error error = YETT_ERROR_INIT;
		size_t used;
		int result = take(wire, bytes, length, &used, &error);

		if (result < 0) {
			yett_wire_fail(wire, result, &error);
			break;
		}
		bytes += used;
		length -= used;
	}
	if (wire->state == YETT_WIRE_CLOSED) {
		drop_input(wire);
	}
}
