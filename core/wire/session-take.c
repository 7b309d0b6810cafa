/* The session machine: what control messages do to it.
 *
 * Responsible for: the rules of when which frame is legal and how long it may be, what a message
 * changes in the machine, and its event. Not for: frames out of bytes (session.c), forms (message.c).
 * Threads: the session's loop. Ownership: what events are given is borrowed; large messages are
 * decoded on the heap and freed after their event, so that an idle session stays small.
 * Failure: a result, which ends the session (session.c); `error` says why, where it is not the
 * message's form. */
#include "session-state.h"

#include <inttypes.h>

#include <yett/auth.h>

#define AUTH_ROUNDS_MAX 16 /* messages of one side, whatever the method */

static int take_hello(
	struct yett_wire *wire, const struct yett_hello *message, struct yett_error *error)
{
	if (wire->hello_received) {
		return yett_fail(error, YETT_EPROTO, YETT_WIRE_MEND, "a second HELLO came");
	}
	wire->hello_received = true;
	yett_wire_proceed(wire);
	if (YETT_WIRE_EVENT(wire, hello)) {
		wire->events->hello(wire->arg, message);
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
		return yett_fail(error, YETT_EPROTO, YETT_WIRE_MEND,
			"an AUTH token began with the method %s, and goes on with %s",
			wire->token_method, message->method);
	}
	if (message->token_length > YETT_AUTH_TOKEN_MAX - wire->token->len) {
		return yett_fail(error, YETT_ELIMIT, YETT_WIRE_MEND,
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

static int take_auth(
	struct yett_wire *wire, struct yett_auth_message *message, struct yett_error *error)
{
	GByteArray *token;
	int result;

	if (wire->done_received) {
		return yett_fail(
			error, YETT_EPROTO, YETT_WIRE_MEND, "AUTH came after the peer was done");
	}
	result = assemble_token(wire, message, error);
	if (result < 0 || message->more) {
		return result;
	}
	if (++wire->auth_received > AUTH_ROUNDS_MAX) {
		return yett_fail(error, YETT_ELIMIT, YETT_WIRE_MEND,
			"AUTH came with more than %d tokens of %s", AUTH_ROUNDS_MAX,
			message->method);
	}
	if (message->status == YETT_AUTH_DONE) {
		wire->done_received = true;
		yett_wire_proceed(wire);
	} else if (message->status == YETT_AUTH_DENY) {
		wire->state = YETT_WIRE_CLOSED;
	}
	token = g_steal_pointer(&wire->token);
	if (YETT_WIRE_EVENT(wire, auth)) {
		wire->events->auth(wire->arg, message);
	}
	if (token != NULL) {
		g_byte_array_unref(token);
	}
	return 0;
}

static int take_intro(
	struct yett_wire *wire, const struct yett_intro *message, struct yett_error *error)
{
	if (wire->intro_received) {
		return yett_fail(error, YETT_EPROTO, YETT_WIRE_MEND, "a second INTRO came");
	}
	wire->intro_received = true;
	if (YETT_WIRE_EVENT(wire, intro)) {
		wire->events->intro(wire->arg, message);
	}
	return 0;
}

static int take_welcome(
	struct yett_wire *wire, const struct yett_welcome *message, struct yett_error *error)
{
	if (!wire->intro_sent || !wire->intro_received) {
		return yett_fail(
			error, YETT_EPROTO, YETT_WIRE_MEND, "WELCOME came before both INTROs");
	}
	wire->state = YETT_WIRE_OPEN;
	if (YETT_WIRE_EVENT(wire, welcome)) {
		wire->events->welcome(wire->arg, message);
	}
	return 0;
}

static int take_refuse(
	struct yett_wire *wire, const struct yett_refuse *message, struct yett_error *error)
{
	(void)error;
	wire->state = YETT_WIRE_CLOSED;
	if (YETT_WIRE_EVENT(wire, refused)) {
		wire->events->refused(wire->arg, message);
	}
	return 0;
}

static int take_goodbye(
	struct yett_wire *wire, const struct yett_refuse *message, struct yett_error *error)
{
	(void)error;
	wire->state = YETT_WIRE_CLOSED;
	if (YETT_WIRE_EVENT(wire, goodbye)) {
		wire->events->goodbye(wire->arg, message);
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
		return yett_fail(error, YETT_EPROTO, YETT_WIRE_MEND,
			"ACK names the batch %" PRIu64 ", and %" PRIu64 " were sent", highest,
			wire->batches);
	}
	return 0;
}

static int take_ack(
	struct yett_wire *wire, const struct yett_ack *message, struct yett_error *error)
{
	int result = check_ack(wire, message, error);

	if (result == 0 && YETT_WIRE_EVENT(wire, ack)) {
		wire->events->ack(wire->arg, message);
	}
	return result;
}

static int check_credit(
	const struct yett_wire *wire, const struct yett_credit *message, struct yett_error *error)
{
	bool grants = wire->role == YETT_ROLE_INITIATOR;

	for (int lane = 0; lane < YETT_LANES; lane++) {
		if ((grants ? message->wanted[lane] : message->granted[lane]) != 0) {
			return yett_fail(error, YETT_EPROTO, YETT_WIRE_MEND,
				grants ? "CREDIT wants, which an acceptor may not"
				       : "CREDIT grants, which an initiator may not");
		}
		if (message->wanted[lane] > YETT_BATCH_MAX) {
			return yett_fail(error, YETT_ELIMIT, YETT_WIRE_MEND,
				"CREDIT wants %" PRIu64
				" bytes in lane %d, and a batch has %d at most",
				message->wanted[lane], lane, YETT_BATCH_MAX);
		}
		if (message->granted[lane] > YETT_WIRE_CREDIT_MAX - wire->credit[lane]) {
			return yett_fail(error, YETT_ELIMIT, YETT_WIRE_MEND,
				"CREDIT grants more than 2^40 bytes in lane %d", lane);
		}
	}
	return 0;
}

static int take_credit(
	struct yett_wire *wire, const struct yett_credit *message, struct yett_error *error)
{
	int result = check_credit(wire, message, error);

	for (int lane = 0; lane < YETT_LANES && result == 0; lane++) {
		wire->credit[lane] += message->granted[lane];
	}
	if (result == 0 && YETT_WIRE_EVENT(wire, credit)) {
		wire->events->credit(wire->arg, message);
	}
	return result;
}

static int take_admission(
	struct yett_wire *wire, const struct yett_admission *message, struct yett_error *error)
{
	if ((wire->role == YETT_ROLE_INITIATOR) != (message->signed_count > 0)) {
		return yett_fail(error, YETT_EPROTO, YETT_WIRE_MEND,
			wire->role == YETT_ROLE_INITIATOR
				? "ADMISSION asks, which an acceptor may not"
				: "ADMISSION decides, which an initiator may not");
	}
	if (YETT_WIRE_EVENT(wire, admission)) {
		wire->events->admission(wire->arg, message);
	}
	return 0;
}

uint64_t *yett_wire_question(struct yett_wire *wire, uint64_t number)
{
	for (size_t i = 0; i < YETT_QUESTIONS_MAX; i++) {
		if (wire->open[i] == number) {
			return &wire->open[i];
		}
	}
	return NULL;
}

static int take_query(
	struct yett_wire *wire, const struct yett_query_message *message, struct yett_error *error)
{
	uint64_t *place = yett_wire_question(wire, 0);

	if (message->number <= wire->questions) {
		return yett_fail(error, YETT_EPROTO, YETT_WIRE_MEND,
			"QUERY has the number %" PRIu64 ", after %" PRIu64, message->number,
			wire->questions);
	}
	if (place == NULL) {
		return yett_fail(error, YETT_ELIMIT, YETT_WIRE_MEND,
			"QUERY came while %d others are not answered", YETT_QUESTIONS_MAX);
	}
	*place = wire->questions = message->number;
	if (YETT_WIRE_EVENT(wire, query)) {
		wire->events->query(wire->arg, message);
	}
	return 0;
}

/* Only what was asked can be answered, and once. */
static int take_report(
	struct yett_wire *wire, const struct yett_report *message, struct yett_error *error)
{
	uint64_t *place = yett_wire_question(wire, message->number);

	if (place == NULL) {
		return yett_fail(error, YETT_EPROTO, YETT_WIRE_MEND,
			"REPORT answers the question %" PRIu64 ", which is not open",
			message->number);
	}
	*place = 0;
	if (YETT_WIRE_EVENT(wire, report)) {
		wire->events->report(wire->arg, message);
	}
	return 0;
}

static int take_ping(
	struct yett_wire *wire, const struct yett_ping *message, struct yett_error *error)
{
	yett_ping_encode(message, YETT_FRAME_PONG, yett_output_control(&wire->output));
	return yett_wire_appended(wire, error);
}

static int take_pong(
	struct yett_wire *wire, const struct yett_ping *message, struct yett_error *error)
{
	(void)error;
	if (YETT_WIRE_EVENT(wire, pong)) {
		wire->events->pong(wire->arg, message->token);
	}
	return 0;
}

/* Messages that change nothing here. */
#define TAKE(name)                                                                                 \
	static int take_##name(struct yett_wire *wire, const struct yett_##name *message,          \
		struct yett_error *error)                                                          \
	{                                                                                          \
		(void)error;                                                                       \
		if (YETT_WIRE_EVENT(wire, name)) {                                                 \
			wire->events->name(wire->arg, message);                                    \
		}                                                                                  \
		return 0;                                                                          \
	}
TAKE(path)
TAKE(attach)
TAKE(detach)
TAKE(heartbeat)
TAKE(standby)
TAKE(config)
TAKE(applied)

/* What arrives is decoded, then taken: small ones on the stack, large ones on the heap. */
#define ON(name, form, structure)                                                                  \
	static int on_##name(struct yett_wire *wire, const uint8_t *bytes, size_t length,          \
		struct yett_error *error)                                                          \
	{                                                                                          \
		struct structure message;                                                          \
		int result = yett_##form##_decode(bytes, length, &message);                        \
		return result < 0 ? result : take_##name(wire, &message, error);                   \
	}
#define ON_LARGE(name)                                                                             \
	static int on_##name(struct yett_wire *wire, const uint8_t *bytes, size_t length,          \
		struct yett_error *error)                                                          \
	{                                                                                          \
		struct yett_##name *message = g_new(struct yett_##name, 1);                        \
		int result = yett_##name##_decode(bytes, length, message);                         \
		result = result < 0 ? result : take_##name(wire, message, error);                  \
		g_free(message);                                                                   \
		return result;                                                                     \
	}
ON(hello, hello, yett_hello)
ON(auth, auth, yett_auth_message)
ON(intro, intro, yett_intro)
ON(welcome, welcome, yett_welcome)
ON(refuse, refuse, yett_refuse)
ON(goodbye, refuse, yett_refuse)
ON_LARGE(ack)
ON(credit, credit, yett_credit)
ON(path, path, yett_path)
ON_LARGE(attach)
ON_LARGE(detach)
ON_LARGE(heartbeat)
ON_LARGE(admission)
ON(ping, ping, yett_ping)
ON(pong, ping, yett_ping)
ON(standby, standby, yett_standby)
ON_LARGE(config)
ON_LARGE(applied)
ON(query, query, yett_query_message)
ON_LARGE(report)

/* Who may send a frame, in which states, and how long its body may be. */
enum sender {
	BY_INITIATOR = 1 << YETT_ROLE_INITIATOR,
	BY_ACCEPTOR = 1 << YETT_ROLE_ACCEPTOR,
	BY_BOTH = BY_INITIATOR | BY_ACCEPTOR,
};
#define IN(state) YETT_WIRE_IN(state)
#define IN_ANY    (IN(YETT_WIRE_HELLO) | IN(YETT_WIRE_AUTH) | IN(YETT_WIRE_INTRO) | IN(YETT_WIRE_OPEN))

static const struct yett_wire_rule rules[] = {
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
	{YETT_FRAME_ADMISSION, BY_BOTH, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "ADMISSION",
		on_admission},
	{YETT_FRAME_CONFIG, BY_ACCEPTOR, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "CONFIG",
		on_config},
	{YETT_FRAME_APPLIED, BY_INITIATOR, IN(YETT_WIRE_OPEN), YETT_HELLO_MAX, "APPLIED",
		on_applied},
	{YETT_FRAME_QUERY, BY_ACCEPTOR, IN(YETT_WIRE_OPEN), YETT_HELLO_MAX, "QUERY", on_query},
	{YETT_FRAME_REPORT, BY_INITIATOR, IN(YETT_WIRE_OPEN), YETT_REPORT_MAX, "REPORT", on_report},
	{YETT_FRAME_HEARTBEAT, BY_BOTH, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "HEARTBEAT",
		on_heartbeat},
	{YETT_FRAME_PING, BY_BOTH, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "PING", on_ping},
	{YETT_FRAME_PONG, BY_BOTH, IN(YETT_WIRE_OPEN), YETT_FRAME_BODY_MAX, "PONG", on_pong},
	{YETT_FRAME_STANDBY, BY_INITIATOR, IN(YETT_WIRE_OPEN), YETT_HELLO_MAX, "STANDBY",
		on_standby},
};

const struct yett_wire_rule *yett_wire_rule(uint8_t type)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].type == type) {
			return &rules[i];
		}
	}
	return NULL;
}
