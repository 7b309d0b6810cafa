/* Two session machines that talk to each other in memory, and what each was told: for the tests of
 * the session. */
#ifndef YETT_TESTS_WIRE_PAIR_H
#define YETT_TESTS_WIRE_PAIR_H

#include <CUnit/Basic.h>
#include <glib.h>
#include <stdlib.h>

#include <yett/auth.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "wire/batch.h"
#include "wire/frame.h"
#include "wire/session-state.h"

/* One end: a machine, and what it was told. */
struct end {
	struct yett_wire *wire;
	struct end *peer;
	GString *told; /* a word an event */
	int failure;
	char cause[sizeof(((struct yett_error *)NULL)->text)]; /* of the failure */
	struct yett_refuse refuse;
	GByteArray *token;
	GPtrArray *batches; /* struct yett_buffer */
	uint64_t last_number;
	uint32_t hops;
	uint64_t pong, question;
	bool close_at_batch;
	bool any_content; /* damaged messages: what they say is not looked at */
};

static void tell(struct end *end, const char *word)
{
	g_string_append_printf(end->told, "%s%s", end->told->len > 0 ? " " : "", word);
}

static const struct yett_hello hello = {
	.version_low = 1, .version_high = 1, .method_count = 1, .methods = {"x509"}, .wall_ns = 1};
static const struct yett_auth_message auth_done = {.method = "x509", .status = YETT_AUTH_DONE};
static const struct yett_intro intro = {
	.name = "a.example.org", .id = {{1, 2}}, .boot = {{3, 4}}, .software = "test"};
static const struct yett_admission_ask asked
	__attribute__((unused)) = {.id = {{1, 2}}, .as = YETT_AS_AGENT, .name = "a1.example"};
static const struct yett_welcome welcome = {.group = "HOME", .heartbeat_s = 60};
static const struct yett_refuse leaving
	__attribute__((unused)) = {.code = YETT_REFUSE_SHUTDOWN, .cause = "bye"};

/* A good frame of what management sends down to a node, or up from it. */
static __attribute__((unused)) void put_managed(int type, GByteArray *to)
{
	static const struct yett_report report = {.number = 1, .result = YETT_REPORT_REFUSED};

	if (type == YETT_FRAME_CONFIG) {
		yett_config_encode(&(struct yett_config){.signed_count = 1}, to);
	} else if (type == YETT_FRAME_APPLIED) {
		yett_applied_encode(&(struct yett_applied){.state = YETT_APPLIED_DONE}, to);
	} else if (type == YETT_FRAME_QUERY) {
		yett_query_encode(&(struct yett_query_message){.number = 1, .what = 1}, to);
	} else {
		yett_report_encode(&report, to);
	}
}

static void on_hello(void *arg, const struct yett_hello *message)
{
	struct end *end = arg;

	tell(end, "hello");
	CU_ASSERT(end->any_content || strcmp(message->methods[0], "x509") == 0);
	if (end->wire->role == YETT_ROLE_ACCEPTOR) {
		CU_ASSERT_EQUAL(yett_wire_hello(end->wire, &hello), 0);
	}
	if (end->wire->hello_sent) {
		CU_ASSERT_EQUAL(yett_wire_state(end->wire), YETT_WIRE_AUTH);
	}
}

static void on_auth(void *arg, const struct yett_auth_message *message)
{
	struct end *end = arg;

	tell(end, message->status == YETT_AUTH_DONE   ? "done"
		  : message->status == YETT_AUTH_DENY ? "deny"
						      : "auth");
	CU_ASSERT_FALSE(message->more);
	if (message->token_length > 0) {
		g_byte_array_set_size(end->token, 0);
		g_byte_array_append(end->token, message->token, (guint)message->token_length);
	}
}

static void on_intro(void *arg, const struct yett_intro *message)
{
	const struct end *end = arg;

	CU_ASSERT(end->any_content || strcmp(message->name, "a.example.org") == 0);
	tell(arg, "intro");
}

static void on_welcome(void *arg, const struct yett_welcome *message)
{
	const struct end *end = arg;

	CU_ASSERT(end->any_content || strcmp(message->group, "HOME") == 0);
	tell(arg, "welcome");
}

static void on_refused(void *arg, const struct yett_refuse *message)
{
	((struct end *)arg)->refuse = *message;
	tell(arg, "refused");
}

static void on_goodbye(void *arg, const struct yett_refuse *message)
{
	((struct end *)arg)->refuse = *message;
	tell(arg, "goodbye");
}

static void on_batch(void *arg, uint64_t number, const struct yett_envelope *envelope,
	const struct yett_batch *batch)
{
	struct end *end = arg;

	tell(end, (const char *[]){"urgent", "normal", "bulk"}[batch->info.lane]);
	g_ptr_array_add(end->batches, yett_buffer_ref(batch->buffer));
	end->last_number = number;
	end->hops = envelope->hops;
	if (end->close_at_batch) {
		yett_wire_close(end->wire);
	}
}

static void on_ack(void *arg, const struct yett_ack *message)
{
	((struct end *)arg)->last_number = message->ranges[0].last;
	tell(arg, "ack");
}

static void on_credit(void *arg, const struct yett_credit *message)
{
	tell(arg, message->wanted[YETT_LANE_BULK] > 0 ? "wanted" : "granted");
}

static void on_path(void *arg, const struct yett_path *message)
{
	const struct end *end = arg;

	CU_ASSERT(end->any_content || message->open);
	tell(arg, "path");
}

static void on_attach(void *arg, const struct yett_attach *message)
{
	char word[32];

	snprintf(word, sizeof(word), "attach%u", message->count);
	tell(arg, word);
}

static void on_detach(void *arg, const struct yett_detach *message)
{
	const struct end *end = arg;

	CU_ASSERT(end->any_content || message->count == 1);
	tell(arg, "detach");
}

static void on_heartbeat(void *arg, const struct yett_heartbeat *message)
{
	const struct end *end = arg;

	CU_ASSERT(end->any_content || message->interval_s == 60);
	tell(arg, "heartbeat");
}

static void on_standby(void *arg, const struct yett_standby *message)
{
	const struct end *end = arg;

	CU_ASSERT(end->any_content || message->session == 9);
	tell(arg, message->on ? "standby" : "active");
}

static void on_admission(void *arg, const struct yett_admission *message)
{
	const struct end *end = arg;

	CU_ASSERT(end->any_content || message->ask_count + message->signed_count >= 1);
	tell(arg, message->ask_count > 0 ? "ask" : "decision");
}

static void on_config(void *arg, const struct yett_config *message)
{
	const struct end *end = arg;

	CU_ASSERT(end->any_content || message->signed_count == 1);
	tell(arg, "config");
}

static void on_applied(void *arg, const struct yett_applied *message)
{
	const struct end *end = arg;

	CU_ASSERT(end->any_content || message->state != 0);
	tell(arg, "applied");
}

static void on_query(void *arg, const struct yett_query_message *message)
{
	struct end *end = arg;

	CU_ASSERT(message->number > 0);
	end->question = message->number;
	tell(end, "query");
}

static void on_report(void *arg, const struct yett_report *message)
{
	((struct end *)arg)->question = message->number;
	tell(arg, "report");
}

static void on_pong(void *arg, uint64_t token)
{
	((struct end *)arg)->pong = token;
	tell(arg, "pong");
}

static void on_failed(void *arg, int result, const struct yett_error *error)
{
	struct end *end = arg;

	CU_ASSERT_EQUAL(end->failure, 0); /* once */
	CU_ASSERT_EQUAL(yett_wire_state(end->wire), YETT_WIRE_CLOSED);
	CU_ASSERT(error->text[0] != '\0');
	end->failure = result;
	g_strlcpy(end->cause, error->text, sizeof(end->cause));
}

static const struct yett_wire_events events = {
	.hello = on_hello,
	.auth = on_auth,
	.intro = on_intro,
	.welcome = on_welcome,
	.refused = on_refused,
	.goodbye = on_goodbye,
	.batch = on_batch,
	.ack = on_ack,
	.credit = on_credit,
	.path = on_path,
	.attach = on_attach,
	.detach = on_detach,
	.heartbeat = on_heartbeat,
	.standby = on_standby,
	.admission = on_admission,
	.config = on_config,
	.applied = on_applied,
	.query = on_query,
	.report = on_report,
	.pong = on_pong,
	.failed = on_failed,
};

struct pair {
	struct end i, a; /* initiator and acceptor */
	GRand *chunks;   /* NULL: whole */
	uint32_t chunk_max;
	size_t buffers; /* alive before */
};

static void unref_buffer(void *buffer)
{
	yett_buffer_unref(buffer);
}

static void end_init(struct end *end, enum yett_role role, struct end *peer)
{
	*end = (struct end){.peer = peer};
	end->wire = yett_wire_new(role, &events, end);
	end->told = g_string_new(NULL);
	end->token = g_byte_array_new();
	end->batches = g_ptr_array_new_with_free_func(unref_buffer);
}

static void end_done(struct end *end)
{
	yett_wire_free(end->wire);
	g_string_free(end->told, TRUE);
	g_byte_array_unref(end->token);
	g_ptr_array_unref(end->batches);
}

/* chunk_max 0: as it comes; else pieces of 1 to chunk_max bytes, by chance. */
static inline void pair_init(struct pair *pair, uint32_t chunk_max)
{
	end_init(&pair->i, YETT_ROLE_INITIATOR, &pair->a);
	end_init(&pair->a, YETT_ROLE_ACCEPTOR, &pair->i);
	pair->chunks = chunk_max > 0 ? g_rand_new_with_seed(7) : NULL;
	pair->chunk_max = chunk_max;
	pair->buffers = yett_buffer_alive();
}

static inline void pair_done(struct pair *pair)
{
	end_done(&pair->i);
	end_done(&pair->a);
	if (pair->chunks != NULL) {
		g_rand_free(pair->chunks);
	}
	CU_ASSERT_EQUAL(yett_buffer_alive(), pair->buffers);
}

/* Moves some of what `from` has to send; false: nothing. */
static inline bool move(struct pair *pair, struct end *from)
{
	struct iovec iov[4];
	int n = yett_wire_output(from->wire, iov,
		1 + (pair->chunks != NULL ? g_rand_int_range(pair->chunks, 0, 4) : 3));
	size_t length, total = 0;
	uint8_t *exact;

	if (n == 0) {
		CU_ASSERT_EQUAL(yett_wire_unsent(from->wire), 0);
		return false;
	}
	for (int k = 0; k < n; k++) {
		CU_ASSERT(iov[k].iov_len > 0);
		total += iov[k].iov_len;
	}
	CU_ASSERT(yett_wire_unsent(from->wire) >= total);
	length = iov[0].iov_len;
	if (pair->chunks != NULL) {
		size_t most =
			(size_t)g_rand_int_range(pair->chunks, 1, (gint32)pair->chunk_max + 1);

		length = MIN(length, most);
	}
	/* In a place of its own, so that a byte too many that is read is noticed. */
	exact = malloc(length);
	memcpy(exact, iov[0].iov_base, length);
	yett_wire_sent(from->wire, length);
	yett_wire_receive(from->peer->wire, exact, length);
	free(exact);
	return true;
}

static inline void settle(struct pair *pair)
{
	bool moved = true;

	while (moved) {
		moved = move(pair, &pair->i);
		moved = move(pair, &pair->a) || moved;
	}
}

/* As far as `state`. */
static inline void bring_to(struct pair *pair, enum yett_wire_state state)
{
	if (state >= YETT_WIRE_AUTH) {
		CU_ASSERT_EQUAL(yett_wire_hello(pair->i.wire, &hello), 0);
		settle(pair);
	}
	if (state >= YETT_WIRE_INTRO) {
		CU_ASSERT_EQUAL(yett_wire_auth(pair->i.wire, &auth_done), 0);
		CU_ASSERT_EQUAL(yett_wire_auth(pair->a.wire, &auth_done), 0);
		settle(pair);
	}
	if (state >= YETT_WIRE_OPEN) {
		CU_ASSERT_EQUAL(yett_wire_intro(pair->i.wire, &intro), 0);
		settle(pair);
		CU_ASSERT_EQUAL(yett_wire_intro(pair->a.wire, &intro), 0);
		CU_ASSERT_EQUAL(yett_wire_welcome(pair->a.wire, &welcome), 0);
		settle(pair);
	}
	CU_ASSERT_EQUAL_FATAL(yett_wire_state(pair->i.wire), state);
	CU_ASSERT_EQUAL_FATAL(yett_wire_state(pair->a.wire), state);
	g_string_truncate(pair->i.told, 0);
	g_string_truncate(pair->a.told, 0);
}

static inline struct yett_batch make_batch(uint32_t lane, size_t length)
{
	struct yett_batch_info info = {.lane = (uint8_t)lane,
		.content = YETT_CONTENT_RECORDS,
		.count = 1,
		.plain_length = (uint32_t)(length - YETT_BATCH_HEADER_SIZE)};
	static const struct yett_id origin = {{9}};
	static const struct yett_epoch epoch = {1, 2};
	uint8_t *payload = malloc(info.plain_length);
	struct yett_batch batch;

	for (uint32_t i = 0; i < info.plain_length; i++) {
		payload[i] = (uint8_t)(i * 31 + (i >> 8) + lane);
	}
	CU_ASSERT_EQUAL_FATAL(yett_batch_build(&info, payload, info.plain_length, &batch), 0);
	yett_batch_renumber(&batch, &origin, &epoch, 1);
	free(payload);
	return batch;
}

static inline void send_batch(struct pair *pair, uint32_t lane, size_t length, int want)
{
	struct yett_envelope envelope = {.hops = YETT_HOPS_MAX, .method = "x509"};
	struct yett_batch batch = make_batch(lane, length);
	uint64_t number;

	CU_ASSERT_EQUAL(yett_wire_batch(pair->i.wire, &envelope, &batch, &number), want);
	yett_buffer_unref(batch.buffer);
}

static inline void grant(struct pair *pair, uint64_t urgent, uint64_t normal, uint64_t bulk)
{
	struct yett_credit credit = {.granted = {urgent, normal, bulk}};

	CU_ASSERT_EQUAL(yett_wire_credit(pair->a.wire, &credit), 0);
}

#endif
