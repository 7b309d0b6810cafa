/* The session machine: what arrives.
 *
 * Responsible for: frames out of bytes, the rules of when which frame is legal and how long it may
 * be (checked on its header, before anything is kept), and the events. Not for: sending
 * (session-send.c), batches in pieces (incoming.c), meaning (flow).
 * Threads: the session's loop. Ownership: what events are given is borrowed; large messages are
 * decoded on the heap and freed after their event, so that an idle session stays small.
 * Failure: fail() closes the machine, tells the peer, and raises `failed` once. */
#include "session-state.h"

#include <inttypes.h>

#include <yett/auth.h>

#include "../base/buffer.h"
#include "batch.h"

#define AUTH_ROUNDS_MAX 16 /* messages of one side, whatever the method */
#define MEND_PEER       "update the software of the peer, or of this node"

/* Who may send a frame, in which states, and how long its body may be. */
enum sender {
	BY_INITIATOR = 1 << YETT_ROLE_INITIATOR,
	BY_ACCEPTOR = 1 << YETT_ROLE_ACCEPTOR,
	BY_BOTH = BY_INITIATOR | BY_ACCEPTOR,
};
#define IN(state) (1u << (state))
#define IN_ANY    (IN(YETT_WIRE_HELLO) | IN(YETT_WIRE_AUTH) | IN(YETT_WIRE_INTRO) | IN(YETT_WIRE_OPEN))

static int on_hello(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);
static int on_auth(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);
static int on_intro(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);
static int on_welcome(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);
static int on_refuse(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);
static int on_goodbye(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);
static int on_ack(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);
static int on_credit(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);
static int on_path(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);
static int on_attach(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);
static int on_detach(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);
static int on_heartbeat(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);
static int on_ping(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);
static int on_pong(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error);

static const struct rule {
	uint8_t type;
	uint8_t senders;
	uint8_t states;
	uint16_t max;
	const char *name;
	/* Control. Says in `error` what is wrong where it is not the body's form. */
	int (*handle)(struct yett_wire *wire, const uint8_t *bytes, size_t length,
		struct yett_error *error);
} rules[] = {
	{YETT_FRAME_HELLO, BY_BOTH, IN(YETT_WIRE_HELLO), YETT_HELLO_MAX, "HELLO", on_hello},
	{YETT_FRAME_AUTH, BY_BOTH, IN(YETT_WIRE_AUTH), YETT_FRAME_BODY_MAX, "AUTH", on_auth},
	{YETT_FRAME_INTRO, BY_BOTH, IN(YETT_WIRE_INTRO), YETT_HELLO_MAX, "INTRO", on_intro},
	{YETT_FRAME_WELCOME, BY_ACCEPTOR, IN(YETT_WIRE_INTRO), YETT_HELLO_MAX, "WELCOME",
		on_welcome},
	{YETT_FRAME_REFUSE, BY_BOTH, IN_ANY, YETT_HELLO_MAX, "REFUSE", on_refuse},
	{YETT_FRAME_GOODBYE, BY_BOTH, IN_ANY, YETT_HELLO_MAX, "GOODBYE", on_goodbye},
	{YETT_FRAME_BATCH, BY_INITIATOR, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "BATCH", NULL},
	{YETT_FRAME_ACK, BY_ACCEPTOR, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "ACK", on_ack},
	{YETT_FRAME_CREDIT, BY_BOTH, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "CREDIT", on_credit},
	{YETT_FRAME_PATH, BY_ACCEPTOR, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "PATH", on_path},
	{YETT_FRAME_ATTACH, BY_INITIATOR, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "ATTACH",
		on_attach},
	{YETT_FRAME_DETACH, BY_INITIATOR, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "DETACH",
		on_detach},
	{YETT_FRAME_HEARTBEAT, BY_BOTH, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "HEARTBEAT",
		on_heartbeat},
	{YETT_FRAME_PING, BY_BOTH, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "PING", on_ping},
	{YETT_FRAME_PONG, BY_BOTH, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "PONG", on_pong},
};

static const struct rule *find_rule(uint8_t type)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].type == type) {
			return &rules[i];
		}
	}
	return NULL;
}

/* Whether an event may be raised, and is wanted. */
#define EVENT(wire, name) (!(wire)->silent && (wire)->events->name != NULL)

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

void yett_wire_close(struct yett_wire *wire)
{
	wire->silent = true;
	wire->state = YETT_WIRE_CLOSED;
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
	if (EVENT(wire, failed)) {
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

static int on_hello(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error)
{
	struct yett_hello message;
	int result = yett_hello_decode(bytes, length, &message);

	if (result < 0) {
		return result;
	}
	if (wire->hello_received) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER, "a second HELLO came");
	}
	wire->hello_received = true;
	yett_wire_proceed(wire);
	if (EVENT(wire, hello)) {
		wire->events->hello(wire->arg, &message);
	}
	return 0;
}

/* Adds a chunk to the token; on the last one the message's token is the whole of it. */
static int assemble_token(
	struct yett_wire *wire, struct yett_auth_message *message, struct yett_error *error)
{
	if (wire->token == NULL && !message->more) {
		return 0;
	}
	if (wire->token == NULL) {
		wire->token = g_byte_array_new();
		memcpy(wire->token_method, message->method, sizeof(wire->token_method));
	} else if (strcmp(wire->token_method, message->method) != 0) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER,
			"an AUTH token began with the method %s, and goes on with %s",
			wire->token_method, message->method);
	}
	if (message->token_length > YETT_AUTH_TOKEN_MAX - wire->token->len) {
		return yett_fail(error, YETT_ELIMIT, MEND_PEER,
			"an AUTH token of %s has more than %d bytes", message->method,
			YETT_AUTH_TOKEN_MAX);
	}
	if (message->token_length > 0) {
		g_byte_array_append(wire->token, message->token, (guint)message->token_length);
	}
	message->token = wire->token->data;
	message->token_length = wire->token->len;
	return 0;
}

static int on_auth(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error)
{
	struct yett_auth_message message;
	GByteArray *token;
	int result = yett_auth_decode(bytes, length, &message);

	if (result < 0) {
		return result;
	}
	if (wire->done_received) {
		return yett_fail(
			error, YETT_EPROTO, MEND_PEER, "AUTH came after the peer was done");
	}
	result = assemble_token(wire, &message, error);
	if (result < 0 || message.more) {
		return result;
	}
	if (++wire->auth_received > AUTH_ROUNDS_MAX) {
		return yett_fail(error, YETT_ELIMIT, MEND_PEER,
			"AUTH came with more than %d tokens of %s", AUTH_ROUNDS_MAX,
			message.method);
	}
	if (message.status == YETT_AUTH_DONE) {
		wire->done_received = true;
		yett_wire_proceed(wire);
	} else if (message.status == YETT_AUTH_DENY) {
		wire->state = YETT_WIRE_CLOSED;
	}
	token = g_steal_pointer(&wire->token);
	if (EVENT(wire, auth)) {
		wire->events->auth(wire->arg, &message);
	}
	if (token != NULL) {
		g_byte_array_unref(token);
	}
	return 0;
}

static int on_intro(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error)
{
	struct yett_intro message;
	int result = yett_intro_decode(bytes, length, &message);

	if (result < 0) {
		return result;
	}
	if (wire->intro_received) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER, "a second INTRO came");
	}
	wire->intro_received = true;
	if (EVENT(wire, intro)) {
		wire->events->intro(wire->arg, &message);
	}
	return 0;
}

static int on_welcome(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error)
{
	struct yett_welcome message;
	int result = yett_welcome_decode(bytes, length, &message);

	if (result < 0) {
		return result;
	}
	if (!wire->intro_sent || !wire->intro_received) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER, "WELCOME came before both INTROs");
	}
	wire->state = YETT_WIRE_OPEN;
	if (EVENT(wire, welcome)) {
		wire->events->welcome(wire->arg, &message);
	}
	return 0;
}

static int on_refuse(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error)
{
	struct yett_refuse message;
	int result = yett_refuse_decode(bytes, length, &message);

	(void)error;
	if (result < 0) {
		return result;
	}
	wire->state = YETT_WIRE_CLOSED;
	if (EVENT(wire, refused)) {
		wire->events->refused(wire->arg, &message);
	}
	return 0;
}

static int on_goodbye(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error)
{
	struct yett_refuse message;
	int result = yett_refuse_decode(bytes, length, &message);

	(void)error;
	if (result < 0) {
		return result;
	}
	wire->state = YETT_WIRE_CLOSED;
	if (EVENT(wire, goodbye)) {
		wire->events->goodbye(wire->arg, &message);
	}
	return 0;
}

/* Only batches that were sent can be acknowledged or refused. */
static int check_ack(
	const struct yett_wire *wire, const struct yett_ack *message, struct yett_error *error)
{
	uint64_t highest = 0;

	for (uint32_t i = 0; i < message->range_count; i++) {
		highest = MAX(highest, message->ranges[i].last);
	}
	for (uint32_t i = 0; i < message->refusal_count; i++) {
		highest = MAX(highest, message->refusals[i].number);
	}
	if (highest > wire->batches) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER,
			"ACK names the batch %" PRIu64 ", and %" PRIu64 " were sent", highest,
			wire->batches);
	}
	return 0;
}

static int on_ack(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error)
{
	struct yett_ack *message = g_new(struct yett_ack, 1);
	int result = yett_ack_decode(bytes, length, message);

	if (result == 0) {
		result = check_ack(wire, message, error);
	}
	if (result == 0 && EVENT(wire, ack)) {
		wire->events->ack(wire->arg, message);
	}
	g_free(message);
	return result;
}

static int check_credit(
	const struct yett_wire *wire, const struct yett_credit *message, struct yett_error *error)
{
	bool grants = wire->role == YETT_ROLE_INITIATOR;

	for (int lane = 0; lane < YETT_LANES; lane++) {
		if ((grants ? message->wanted[lane] : message->granted[lane]) != 0) {
			return yett_fail(error, YETT_EPROTO, MEND_PEER,
				grants ? "CREDIT wants, which an acceptor may not"
				       : "CREDIT grants, which an initiator may not");
		}
		if (message->wanted[lane] > YETT_BATCH_MAX) {
			return yett_fail(error, YETT_ELIMIT, MEND_PEER,
				"CREDIT wants %" PRIu64
				" bytes in lane %d, and a batch has %d at most",
				message->wanted[lane], lane, YETT_BATCH_MAX);
		}
		if (message->granted[lane] > YETT_WIRE_CREDIT_MAX - wire->credit[lane]) {
			return yett_fail(error, YETT_ELIMIT, MEND_PEER,
				"CREDIT grants more than 2^40 bytes in lane %d", lane);
		}
	}
	return 0;
}

static int on_credit(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error)
{
	struct yett_credit message;
	int result = yett_credit_decode(bytes, length, &message);

	if (result == 0) {
		result = check_credit(wire, &message, error);
	}
	for (int lane = 0; lane < YETT_LANES && result == 0; lane++) {
		wire->credit[lane] += message.granted[lane];
	}
	if (result == 0 && EVENT(wire, credit)) {
		wire->events->credit(wire->arg, &message);
	}
	return result;
}

/* Messages that change nothing here: decoded on the heap, told, freed. */
#define ON_MESSAGE(name)                                                                           \
	static int on_##name(struct yett_wire *wire, const uint8_t *bytes, size_t length,          \
		struct yett_error *error)                                                          \
	{                                                                                          \
		(void)error;                                                                       \
		struct yett_##name *message = g_new(struct yett_##name, 1);                        \
		int result = yett_##name##_decode(bytes, length, message);                         \
		if (result == 0 && EVENT(wire, name)) {                                            \
			wire->events->name(wire->arg, message);                                    \
		}                                                                                  \
		g_free(message);                                                                   \
		return result;                                                                     \
	}
ON_MESSAGE(path)
ON_MESSAGE(attach)
ON_MESSAGE(detach)
ON_MESSAGE(heartbeat)
#undef ON_MESSAGE

static int on_ping(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error)
{
	struct yett_ping message;
	int result = yett_ping_decode(bytes, length, &message);

	if (result == 0) {
		yett_ping_encode(&message, YETT_FRAME_PONG, yett_output_control(&wire->output));
		result = yett_wire_appended(wire, error);
	}
	return result;
}

static int on_pong(
	struct yett_wire *wire, const uint8_t *bytes, size_t length, struct yett_error *error)
{
	struct yett_ping message;
	int result = yett_ping_decode(bytes, length, &message);

	(void)error;
	if (result == 0 && EVENT(wire, pong)) {
		wire->events->pong(wire->arg, message.token);
	}
	return result;
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
	} else if (EVENT(wire, batch)) {
		wire->events->batch(wire->arg, done->number, &done->envelope, &batch);
	}
	yett_incoming_batch_free(done);
	return result;
}

/* All that can be said against a frame by its header. */
static int begin_frame(struct yett_wire *wire, struct yett_error *error)
{
	const struct yett_frame *frame = &wire->frame;
	unsigned sender = wire->role == YETT_ROLE_INITIATOR ? BY_ACCEPTOR : BY_INITIATOR;
	uint8_t known_flags = 0;
	const struct rule *rule = find_rule(frame->type);
	size_t max = YETT_FRAME_BODY_MAX;

	wire->rule = rule;
	if (rule != NULL) {
		max = rule->max;
	} else if (wire->state != YETT_WIRE_OPEN) {
		max = YETT_HELLO_MAX; /* little for strangers */
	}
	if (frame->length > max) {
		return yett_fail(error, YETT_ELIMIT, MEND_PEER,
			"a frame of type %u has %u bytes, and may have %zu", frame->type,
			frame->length, max);
	}
	if (rule == NULL) {
		if ((frame->type & YETT_FRAME_IGNORABLE) != 0) {
			return 0;
		}
		return yett_fail(error, YETT_EPROTO, MEND_PEER,
			"a frame has the type %u, which is unknown here and may not be skipped",
			frame->type);
	}
	if (rule->type == YETT_FRAME_BATCH) {
		known_flags |= YETT_FRAME_MORE;
	} else if (frame->lane != 0) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER, "%s came in a lane", rule->name);
	}
	if ((frame->flags & ~known_flags) != 0 || frame->reserved != 0) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER,
			"%s has flags 0x%02x, reserved 0x%02x, which have no meaning here",
			rule->name, frame->flags, frame->reserved);
	}
	if ((rule->senders & sender) == 0 || (rule->states & IN(wire->state)) == 0) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER,
			"%s came when it may not (state %d)", rule->name, wire->state);
	}
	return rule->handle == NULL ? yett_incoming_frame(&wire->incoming, frame, error) : 0;
}

/* The frame's body is complete; `bytes` are a control frame's. */
static int end_frame(struct yett_wire *wire, const uint8_t *bytes, struct yett_error *error)
{
	const struct rule *rule = wire->rule;
	struct yett_incoming_batch *done = NULL;
	int result;

	wire->header_filled = 0;
	if (rule == NULL) {
		return 0;
	}
	if (rule->handle != NULL) {
		result = rule->handle(wire, bytes, wire->frame.length, error);
		if (result < 0) {
			yett_fail(error, result, MEND_PEER, "%s is malformed: %s", rule->name,
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
