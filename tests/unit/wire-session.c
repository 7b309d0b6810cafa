/* The session machine: two of them talk to each other in memory, whole and byte by byte; and each
 * is told what it must refuse. */
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
	struct yett_refuse refuse;
	GByteArray *token;
	GPtrArray *batches; /* struct yett_buffer */
	uint64_t last_number;
	uint32_t hops;
	uint64_t pong;
	bool close_at_batch;
};

static void tell(struct end *end, const char *word)
{
	g_string_append_printf(end->told, "%s%s", end->told->len > 0 ? " " : "", word);
}

static const struct yett_hello hello = {
	.version_low = 1, .version_high = 1, .method_count = 1, .methods = {"x509"}, .wall_ns = 1};
static const struct yett_auth_message auth_done = {.method = "x509", .status = YETT_AUTH_DONE};
static const struct yett_intro intro = {.name = "a.example.org", .software = "test"};
static const struct yett_welcome welcome = {.group = "HOME", .heartbeat_s = 60};
static const struct yett_refuse leaving = {.code = YETT_REFUSE_SHUTDOWN, .cause = "bye"};

static void on_hello(void *arg, const struct yett_hello *message)
{
	struct end *end = arg;

	tell(end, "hello");
	CU_ASSERT_STRING_EQUAL(message->methods[0], "x509");
	if (end->wire->role == YETT_ROLE_ACCEPTOR) {
		CU_ASSERT_EQUAL(yett_wire_hello(end->wire, &hello), 0);
	}
	CU_ASSERT_EQUAL(yett_wire_state(end->wire), YETT_WIRE_AUTH);
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
	CU_ASSERT_STRING_EQUAL(message->name, "a.example.org");
	tell(arg, "intro");
}

static void on_welcome(void *arg, const struct yett_welcome *message)
{
	CU_ASSERT_STRING_EQUAL(message->group, "HOME");
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
	CU_ASSERT(message->open);
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
	CU_ASSERT_EQUAL(message->count, 1);
	tell(arg, "detach");
}

static void on_heartbeat(void *arg, const struct yett_heartbeat *message)
{
	CU_ASSERT_EQUAL(message->interval_s, 60);
	tell(arg, "heartbeat");
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
static void pair_init(struct pair *pair, uint32_t chunk_max)
{
	end_init(&pair->i, YETT_ROLE_INITIATOR, &pair->a);
	end_init(&pair->a, YETT_ROLE_ACCEPTOR, &pair->i);
	pair->chunks = chunk_max > 0 ? g_rand_new_with_seed(7) : NULL;
	pair->chunk_max = chunk_max;
	pair->buffers = yett_buffer_alive();
}

static void pair_done(struct pair *pair)
{
	end_done(&pair->i);
	end_done(&pair->a);
	if (pair->chunks != NULL) {
		g_rand_free(pair->chunks);
	}
	CU_ASSERT_EQUAL(yett_buffer_alive(), pair->buffers);
}

/* Moves some of what `from` has to send; false: nothing. */
static bool move(struct pair *pair, struct end *from)
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

static void settle(struct pair *pair)
{
	bool moved = true;

	while (moved) {
		moved = move(pair, &pair->i);
		moved = move(pair, &pair->a) || moved;
	}
}

/* As far as `state`. */
static void bring_to(struct pair *pair, enum yett_wire_state state)
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

static struct yett_batch make_batch(uint32_t lane, size_t length)
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

static void send_batch(struct pair *pair, uint32_t lane, size_t length, int want)
{
	struct yett_envelope envelope = {.hops = YETT_HOPS_MAX, .method = "x509"};
	struct yett_batch batch = make_batch(lane, length);
	uint64_t number;

	CU_ASSERT_EQUAL(yett_wire_batch(pair->i.wire, &envelope, &batch, &number), want);
	yett_buffer_unref(batch.buffer);
}

static void grant(struct pair *pair, uint64_t urgent, uint64_t normal, uint64_t bulk)
{
	struct yett_credit credit = {.granted = {urgent, normal, bulk}};

	CU_ASSERT_EQUAL(yett_wire_credit(pair->a.wire, &credit), 0);
}

static const uint32_t chunk_sizes[] = {0, 1, 2, 7, 100, 20000};

static void test_whole_session(void)
{
	for (size_t k = 0; k < G_N_ELEMENTS(chunk_sizes); k++) {
		struct yett_ack ack = {.range_count = 1, .ranges = {{1, 2}}};
		struct yett_credit wanted = {.wanted = {0, 0, 5000}};
		struct yett_path path = {.open = true, .count = 1};
		struct yett_heartbeat heartbeat = {.interval_s = 60, .wall_ns = -1};
		struct yett_detach detach = {.count = 1};
		struct yett_attach *attach = g_new0(struct yett_attach, 1);
		struct pair pair;

		pair_init(&pair, chunk_sizes[k]);
		bring_to(&pair, YETT_WIRE_OPEN);
		grant(&pair, 70000, 500, 0);
		CU_ASSERT_EQUAL(yett_wire_path(pair.a.wire, &path), 0);
		settle(&pair);
		CU_ASSERT_STRING_EQUAL(pair.i.told->str, "granted path");
		attach->count = 200;
		for (uint32_t j = 0; j < attach->count; j++) {
			memset(attach->nodes[j].name, 'n', YETT_NODE_NAME_SIZE - 1);
		}
		CU_ASSERT_EQUAL(yett_wire_attach(pair.i.wire, attach), 0);
		CU_ASSERT_EQUAL(yett_wire_detach(pair.i.wire, &detach), 0);
		CU_ASSERT_EQUAL(yett_wire_heartbeat(pair.i.wire, &heartbeat), 0);
		send_batch(&pair, 0, 60000, 0);
		send_batch(&pair, 1, 89, 0);
		send_batch(&pair, 1, 89, 0);
		send_batch(&pair, 2, 89, YETT_EAGAIN);
		CU_ASSERT_EQUAL(yett_wire_credit(pair.i.wire, &wanted), 0);
		CU_ASSERT_EQUAL(yett_wire_ping(pair.i.wire, 77), 0);
		settle(&pair);
		CU_ASSERT(g_str_has_suffix(
			pair.a.told->str, "detach heartbeat wanted urgent normal normal"));
		CU_ASSERT(g_str_has_prefix(pair.a.told->str, "attach"));
		CU_ASSERT_EQUAL(pair.a.last_number, 3);
		CU_ASSERT_EQUAL(pair.a.hops, YETT_HOPS_MAX);
		CU_ASSERT_EQUAL(pair.i.pong, 77);
		CU_ASSERT_EQUAL(yett_wire_credit_left(pair.i.wire, 0), 10000);
		CU_ASSERT_EQUAL(yett_wire_credit_left(pair.a.wire, 0), 10000);
		CU_ASSERT_EQUAL(yett_wire_credit_left(pair.a.wire, 1), 500 - 178);
		CU_ASSERT_EQUAL(yett_wire_ack(pair.a.wire, &ack), 0);
		CU_ASSERT_EQUAL(yett_wire_ping(pair.a.wire, 78), 0);
		settle(&pair);
		CU_ASSERT_EQUAL(pair.i.last_number, 2);
		CU_ASSERT_EQUAL(pair.a.pong, 78);
		CU_ASSERT_EQUAL(yett_wire_goodbye(pair.i.wire, &leaving), 0);
		settle(&pair);
		CU_ASSERT(g_str_has_suffix(pair.a.told->str, "goodbye"));
		CU_ASSERT_STRING_EQUAL(pair.a.refuse.cause, "bye");
		CU_ASSERT_EQUAL(yett_wire_state(pair.a.wire), YETT_WIRE_CLOSED);
		CU_ASSERT_EQUAL(pair.a.failure, 0);
		g_free(attach);
		pair_done(&pair);
	}
}

static void test_large_batches(void)
{
	static const size_t lengths[] = {89, 16376, 16377, 2 * 16376, YETT_BATCH_MAX};

	for (size_t k = 0; k < G_N_ELEMENTS(lengths); k++) {
		struct yett_batch want = make_batch(2, lengths[k]);
		struct yett_buffer *got;
		struct pair pair;

		pair_init(&pair, 5000);
		bring_to(&pair, YETT_WIRE_OPEN);
		grant(&pair, 0, 0, lengths[k]);
		settle(&pair);
		send_batch(&pair, 2, lengths[k], 0);
		settle(&pair);
		CU_ASSERT_EQUAL_FATAL(pair.a.batches->len, 1);
		got = pair.a.batches->pdata[0];
		CU_ASSERT_EQUAL(yett_buffer_length(got), want.length);
		CU_ASSERT_EQUAL(memcmp(yett_buffer_bytes(got), want.bytes, want.length), 0);
		CU_ASSERT_EQUAL(yett_wire_credit_left(pair.a.wire, 2), 0);
		pair_done(&pair);
		yett_buffer_unref(want.buffer);
	}
}

/* Control and urgent batches that come later go before a bulk batch that is under way. */
static void test_interleaving(void)
{
	struct iovec iov[8];
	struct pair pair;
	size_t sent = 0;

	pair_init(&pair, 0);
	bring_to(&pair, YETT_WIRE_OPEN);
	grant(&pair, 1000000, 1000000, 1000000);
	settle(&pair);
	g_string_truncate(pair.i.told, 0);
	send_batch(&pair, 2, 1000000, 0);
	while (sent < 40000) { /* some of it */
		CU_ASSERT(yett_wire_output(pair.i.wire, iov, 8) > 0);
		yett_wire_receive(pair.a.wire, iov[0].iov_base, iov[0].iov_len);
		sent += iov[0].iov_len;
		yett_wire_sent(pair.i.wire, iov[0].iov_len);
	}
	send_batch(&pair, 1, 100000, 0);
	send_batch(&pair, 0, 100000, 0);
	send_batch(&pair, 0, 100, 0);
	CU_ASSERT_EQUAL(yett_wire_ping(pair.i.wire, 1), 0);
	for (int k = 0; k < 10; k++) {
		move(&pair, &pair.i);
	}
	move(&pair, &pair.a);
	CU_ASSERT_EQUAL(pair.i.pong, 1);
	settle(&pair);
	CU_ASSERT_STRING_EQUAL(pair.a.told->str, "urgent urgent normal bulk");
	CU_ASSERT_EQUAL(pair.a.failure, 0);
	pair_done(&pair);
}

/* An endless stream of urgent batches leaves something for the others. */
static void test_no_starvation(void)
{
	struct pair pair;

	pair_init(&pair, 0);
	bring_to(&pair, YETT_WIRE_OPEN);
	grant(&pair, 10000000, 10000000, 10000000);
	settle(&pair);
	send_batch(&pair, 1, 100, 0);
	send_batch(&pair, 2, 100, 0);
	for (int k = 0; k < 100; k++) {
		send_batch(&pair, 0, 16000, 0);
	}
	settle(&pair);
	CU_ASSERT(strstr(pair.a.told->str, "urgent normal bulk urgent") != NULL);
	pair_done(&pair);
}

static void test_auth_tokens(void)
{
	static const size_t lengths[] = {
		0, 1, YETT_AUTH_CHUNK_MAX, YETT_AUTH_CHUNK_MAX + 1, YETT_AUTH_TOKEN_MAX};
	uint8_t *token = g_malloc(YETT_AUTH_TOKEN_MAX + 1);

	for (size_t k = 0; k < YETT_AUTH_TOKEN_MAX; k++) {
		token[k] = (uint8_t)(k ^ (k >> 8));
	}
	for (size_t k = 0; k < G_N_ELEMENTS(lengths); k++) {
		struct yett_auth_message message = {.method = "kerberos",
			.status = YETT_AUTH_CONTINUE,
			.token = token,
			.token_length = lengths[k]};
		struct pair pair;

		pair_init(&pair, 3000);
		bring_to(&pair, YETT_WIRE_AUTH);
		CU_ASSERT_EQUAL(yett_wire_auth(pair.i.wire, &message), 0);
		message.status = YETT_AUTH_DENY;
		strcpy(message.cause, "no");
		settle(&pair);
		CU_ASSERT_EQUAL(pair.a.token->len, lengths[k]);
		CU_ASSERT(lengths[k] == 0 || memcmp(pair.a.token->data, token, lengths[k]) == 0);
		message.token_length = YETT_AUTH_TOKEN_MAX + 1;
		CU_ASSERT_EQUAL(yett_wire_auth(pair.a.wire, &message), YETT_ELIMIT);
		message.token_length = 0;
		CU_ASSERT_EQUAL(yett_wire_auth(pair.a.wire, &message), 0);
		settle(&pair);
		CU_ASSERT_STRING_EQUAL(pair.i.told->str, "deny");
		CU_ASSERT_EQUAL(yett_wire_state(pair.i.wire), YETT_WIRE_CLOSED);
		CU_ASSERT_EQUAL(yett_wire_state(pair.a.wire), YETT_WIRE_CLOSED);
		CU_ASSERT_EQUAL(pair.i.failure, 0);
		pair_done(&pair);
	}
	g_free(token);
}

/* Every message out of its state, by whom it may not be sent: nothing goes out. */
static void test_sending_out_of_state(void)
{
	for (enum yett_wire_state state = YETT_WIRE_HELLO; state <= YETT_WIRE_OPEN; state++) {
		struct yett_credit credit = {.granted = {1}}, wanted = {.wanted = {1}};
		struct yett_heartbeat heartbeat = {.interval_s = 1};
		struct yett_envelope envelope = {.hops = 0};
		struct yett_batch batch = make_batch(0, 100);
		struct yett_path path = {.open = false};
		struct yett_ack ack = {.range_count = 0};
		struct yett_attach *attach = g_new0(struct yett_attach, 1);
		struct yett_detach *detach = g_new0(struct yett_detach, 1);
		bool open = state == YETT_WIRE_OPEN;
		struct pair pair;
		uint64_t number;

		pair_init(&pair, 0);
		bring_to(&pair, state);
		if (state != YETT_WIRE_HELLO) {
			CU_ASSERT_EQUAL(yett_wire_hello(pair.i.wire, &hello), YETT_EPROTO);
		}
		if (state != YETT_WIRE_AUTH) {
			CU_ASSERT_EQUAL(yett_wire_auth(pair.i.wire, &auth_done), YETT_EPROTO);
		}
		if (state != YETT_WIRE_INTRO) {
			CU_ASSERT_EQUAL(yett_wire_intro(pair.i.wire, &intro), YETT_EPROTO);
		}
		CU_ASSERT_EQUAL(yett_wire_welcome(pair.i.wire, &welcome), YETT_EPROTO);
		CU_ASSERT_EQUAL(yett_wire_welcome(pair.a.wire, &welcome), YETT_EPROTO);
		CU_ASSERT_EQUAL(yett_wire_ack(pair.i.wire, &ack), YETT_EPROTO);
		CU_ASSERT_EQUAL(yett_wire_path(pair.i.wire, &path), YETT_EPROTO);
		CU_ASSERT_EQUAL(yett_wire_credit(pair.i.wire, &credit), YETT_EPROTO);
		CU_ASSERT_EQUAL(yett_wire_credit(pair.a.wire, &wanted), YETT_EPROTO);
		CU_ASSERT_EQUAL(yett_wire_attach(pair.a.wire, attach), YETT_EPROTO);
		CU_ASSERT_EQUAL(yett_wire_detach(pair.a.wire, detach), YETT_EPROTO);
		CU_ASSERT_EQUAL(
			yett_wire_batch(pair.a.wire, &envelope, &batch, &number), YETT_EPROTO);
		CU_ASSERT_EQUAL(yett_wire_batch(pair.i.wire, &envelope, &batch, &number),
			open ? YETT_EAGAIN : YETT_EPROTO);
		CU_ASSERT_EQUAL(yett_wire_unsent(pair.i.wire), 0);
		CU_ASSERT_EQUAL(yett_wire_unsent(pair.a.wire), 0);
		CU_ASSERT_EQUAL(yett_wire_ping(pair.i.wire, 1), open ? 0 : YETT_EPROTO);
		CU_ASSERT_EQUAL(
			yett_wire_heartbeat(pair.a.wire, &heartbeat), open ? 0 : YETT_EPROTO);
		CU_ASSERT_EQUAL(yett_wire_refuse(pair.a.wire, &leaving), 0);
		CU_ASSERT_EQUAL(yett_wire_refuse(pair.a.wire, &leaving), YETT_EPROTO);
		g_free(attach);
		g_free(detach);
		pair_done(&pair);
		yett_buffer_unref(batch.buffer);
	}
}

/* One frame, to one end in one state. */
static int receive(enum yett_wire_state state, bool to_acceptor, const uint8_t *bytes,
	size_t length, const char *told)
{
	struct pair pair;
	struct end *end = to_acceptor ? &pair.a : &pair.i;
	int failure;

	pair_init(&pair, 0);
	bring_to(&pair, state);
	yett_wire_receive(end->wire, bytes, length);
	if (told != NULL) {
		CU_ASSERT_STRING_EQUAL(end->told->str, told);
	}
	failure = end->failure;
	if (failure != 0) {
		/* Nothing more is taken, and the other end learns of it. */
		yett_wire_receive(end->wire, bytes, length);
		settle(&pair);
		CU_ASSERT_STRING_EQUAL(
			end->peer->told->str, state == YETT_WIRE_OPEN ? "goodbye" : "refused");
		CU_ASSERT_EQUAL(end->peer->refuse.code, YETT_REFUSE_PROTOCOL);
	}
	pair_done(&pair);
	return failure;
}

/* Each type in each state, at each end: allowed as the table in session.h says. Bodies are empty,
 * so what is allowed fails as malformed too, but says so in other words: told apart by REFUSE,
 * whose body here is good. */
static void test_receiving_out_of_state(void)
{
	static const struct {
		uint8_t type;
		enum yett_wire_state state;
		int to; /* 1: acceptor, 2: initiator, 3: both */
	} legal[] = {
		{YETT_FRAME_HELLO, YETT_WIRE_HELLO, 3},
		{YETT_FRAME_AUTH, YETT_WIRE_AUTH, 3},
		{YETT_FRAME_INTRO, YETT_WIRE_INTRO, 3},
		{YETT_FRAME_WELCOME, YETT_WIRE_INTRO, 2},
		{YETT_FRAME_BATCH, YETT_WIRE_OPEN, 1},
		{YETT_FRAME_ACK, YETT_WIRE_OPEN, 2},
		{YETT_FRAME_CREDIT, YETT_WIRE_OPEN, 3},
		{YETT_FRAME_PATH, YETT_WIRE_OPEN, 2},
		{YETT_FRAME_ATTACH, YETT_WIRE_OPEN, 1},
		{YETT_FRAME_DETACH, YETT_WIRE_OPEN, 1},
		{YETT_FRAME_HEARTBEAT, YETT_WIRE_OPEN, 3},
		{YETT_FRAME_PING, YETT_WIRE_OPEN, 3},
		{YETT_FRAME_PONG, YETT_WIRE_OPEN, 3},
	};

	for (size_t k = 0; k < G_N_ELEMENTS(legal); k++) {
		for (enum yett_wire_state state = YETT_WIRE_HELLO; state <= YETT_WIRE_OPEN;
			state++) {
			for (int to = 1; to <= 2; to++) {
				/* The header and one byte that no body begins with: refused by
				 * the header, or waiting for more of the body. */
				uint8_t bytes[9] = {100, 0, 0, 0, legal[k].type, 0, 0, 0, 0xff};
				bool may = legal[k].state == state && (legal[k].to & to) != 0;
				int got = receive(state, to == 1, bytes, sizeof(bytes), "");

				CU_ASSERT_EQUAL(got, may ? 0 : YETT_EPROTO);
			}
		}
	}
}

static void put_header(uint8_t *to, uint32_t length, int type, int flags, int lane, int reserved)
{
	struct yett_frame frame = {
		length, (uint8_t)type, (uint8_t)flags, (uint8_t)lane, (uint8_t)reserved};

	yett_frame_put(&frame, to);
}

static void test_frame_headers(void)
{
	static const struct {
		const char *name;
		enum yett_wire_state state;
		uint32_t length;
		int type, flags, lane, reserved, want;
	} rows[] = {
		{"HELLO at its limit", YETT_WIRE_HELLO, 4096, 1, 0, 0, 0, 0},
		{"HELLO beyond", YETT_WIRE_HELLO, 4097, 1, 0, 0, 0, YETT_ELIMIT},
		{"HELLO, all ones", YETT_WIRE_HELLO, UINT32_MAX, 1, 0, 0, 0, YETT_ELIMIT},
		{"AUTH at its limit", YETT_WIRE_AUTH, 16376, 2, 0, 0, 0, 0},
		{"AUTH beyond", YETT_WIRE_AUTH, 16377, 2, 0, 0, 0, YETT_ELIMIT},
		{"BATCH at its limit", YETT_WIRE_OPEN, 16376, 16, 0, 0, 0, 0},
		{"BATCH beyond", YETT_WIRE_OPEN, 16377, 16, 0, 0, 0, YETT_ELIMIT},
		{"BATCH, all ones", YETT_WIRE_OPEN, UINT32_MAX, 16, 0, 0, 0, YETT_ELIMIT},
		{"BATCH, empty", YETT_WIRE_OPEN, 0, 16, 0, 0, 0, YETT_EPROTO},
		{"BATCH, empty with more", YETT_WIRE_OPEN, 0, 16, 2, 0, 0, YETT_EPROTO},
		{"BATCH in lane 2", YETT_WIRE_OPEN, 10, 16, 0, 2, 0, 0},
		{"BATCH in lane 3", YETT_WIRE_OPEN, 10, 16, 0, 3, 0, YETT_EPROTO},
		{"BATCH with more", YETT_WIRE_OPEN, 10, 16, 2, 0, 0, 0},
		{"BATCH with unknown flags", YETT_WIRE_OPEN, 10, 16, 4, 0, 0, YETT_EPROTO},
		{"PING with more", YETT_WIRE_OPEN, 10, 28, 2, 0, 0, YETT_EPROTO},
		{"PING in a lane", YETT_WIRE_OPEN, 10, 28, 0, 1, 0, YETT_EPROTO},
		{"PING with reserved", YETT_WIRE_OPEN, 10, 28, 0, 0, 1, YETT_EPROTO},
		{"PING, empty", YETT_WIRE_OPEN, 0, 28, 0, 0, 0, YETT_EPROTO},
		{"PING that may be ignored", YETT_WIRE_OPEN, 10, 28, 1, 0, 0, 0},
		{"PING beyond", YETT_WIRE_OPEN, 16377, 28, 0, 0, 0, YETT_ELIMIT},
		{"unknown", YETT_WIRE_OPEN, 10, 22, 0, 0, 0, YETT_EPROTO},
		{"unknown, ignorable", YETT_WIRE_OPEN, 10, 22, 1, 0, 0, 0},
		{"unknown, ignorable, other fields", YETT_WIRE_OPEN, 10, 255, 0xff, 9, 9, 0},
		{"unknown, ignorable, empty", YETT_WIRE_OPEN, 0, 22, 1, 0, 0, 0},
		{"unknown, ignorable, too long", YETT_WIRE_OPEN, 16377, 22, 1, 0, 0, YETT_ELIMIT},
		{"unknown, ignorable, early", YETT_WIRE_HELLO, 4096, 99, 1, 0, 0, 0},
		{"unknown, too long for early", YETT_WIRE_AUTH, 4097, 99, 1, 0, 0, YETT_ELIMIT},
		{"type 0", YETT_WIRE_HELLO, 0, 0, 0, 0, 0, YETT_EPROTO},
	};

	for (size_t k = 0; k < G_N_ELEMENTS(rows); k++) {
		uint8_t bytes[8];
		int got;

		put_header(bytes, rows[k].length, rows[k].type, rows[k].flags, rows[k].lane,
			rows[k].reserved);
		got = receive(rows[k].state, true, bytes, sizeof(bytes), "");
		if (got != rows[k].want) {
			printf("  %s: %d, want %d\n", rows[k].name, got, rows[k].want);
		}
		CU_ASSERT_EQUAL(got, rows[k].want);
	}
}

/* What is skipped is skipped whole, however it comes. */
static void test_skip(void)
{
	struct yett_ping ping = {.token = 5};
	GByteArray *bytes = g_byte_array_new();
	struct pair pair;

	g_byte_array_set_size(bytes, 8 + 16376);
	memset(bytes->data, 0xff, bytes->len);
	put_header(bytes->data, 16376, 26, YETT_FRAME_IGNORABLE, 0, 0);
	yett_ping_encode(&ping, YETT_FRAME_PONG, bytes);
	pair_init(&pair, 0);
	bring_to(&pair, YETT_WIRE_OPEN);
	for (guint k = 0; k < bytes->len; k++) {
		yett_wire_receive(pair.a.wire, bytes->data + k, 1);
	}
	yett_wire_receive(pair.a.wire, bytes->data, bytes->len);
	CU_ASSERT_STRING_EQUAL(pair.a.told->str, "pong pong");
	pair_done(&pair);
	g_byte_array_unref(bytes);
}

/* A BATCH frame's bytes: header, number, envelope, and `length` bytes of the batch from `offset`. */
static GByteArray *chunk(const struct yett_batch *batch, uint64_t number, size_t offset,
	size_t length, int flags, int lane)
{
	GByteArray *bytes = g_byte_array_new();
	uint8_t head[10 + YETT_ENVELOPE_MAX], header[8];
	struct yett_envelope envelope = {.hops = 1};
	size_t size = 0;

	if (offset == 0) {
		size = yett_envelope_encode(&envelope, head + 10);
		yett_put64(head, number);
		yett_put16(head + 8, (uint16_t)size);
		size += 10;
	}
	put_header(header, (uint32_t)(size + length), YETT_FRAME_BATCH, flags, lane, 0);
	g_byte_array_append(bytes, header, 8);
	g_byte_array_append(bytes, head, (guint)size);
	g_byte_array_append(bytes, batch->bytes + offset, (guint)length);
	return bytes;
}

static void test_bad_batches(void)
{
	struct yett_batch batch = make_batch(1, 1000);
	static const struct {
		const char *name;
		uint64_t credit;
		struct part {
			size_t offset, length;
			uint64_t number;
			int flags, lane;
		} parts[3];
		int want;
	} rows[] = {
		{"whole", 1000, {{0, 1000, 1, 0, 1}}, 0},
		{"two chunks", 1000, {{0, 500, 1, 2, 1}, {500, 500, 0, 0, 1}}, 0},
		{"one byte of credit lacks", 999, {{0, 1000, 1, 0, 1}}, YETT_ELIMIT},
		{"no credit", 0, {{0, 1000, 1, 0, 1}}, YETT_ELIMIT},
		{"number 0", 1000, {{0, 1000, 0, 0, 1}}, YETT_EPROTO},
		{"number twice", 2000, {{0, 1000, 7, 0, 1}, {0, 1000, 7, 0, 1}}, YETT_EPROTO},
		{"another lane than its own", 1000, {{0, 1000, 1, 0, 0}}, YETT_EPROTO},
		{"last chunk too early", 1000, {{0, 500, 1, 0, 1}}, YETT_EPROTO},
		{"more after the whole", 1000, {{0, 1000, 1, 2, 1}}, YETT_EPROTO},
		{"second chunk empty", 1000, {{0, 500, 1, 2, 1}, {500, 0, 0, 2, 1}}, YETT_EPROTO},
		{"second chunk too long", 1000, {{0, 500, 1, 2, 1}, {400, 501, 0, 0, 1}},
			YETT_EPROTO},
		{"header cut", 1000, {{0, 87, 1, 2, 1}, {87, 913, 0, 0, 1}}, YETT_EPROTO},
		{"header only", 1000, {{0, 88, 1, 2, 1}, {88, 912, 0, 0, 1}}, 0},
		{"damaged", 1000, {{0, 500, 1, 2, 1}, {499, 500, 0, 0, 1}}, YETT_EPROTO},
	};

	for (size_t k = 0; k < G_N_ELEMENTS(rows); k++) {
		for (int by_byte = 0; by_byte < 2; by_byte++) {
			struct pair pair;

			pair_init(&pair, 0);
			bring_to(&pair, YETT_WIRE_OPEN);
			grant(&pair, rows[k].credit, rows[k].credit, rows[k].credit);
			for (int p = 0;
				p < 3 && rows[k].parts[p].lane + rows[k].parts[p].length > 0; p++) {
				const struct part *part = &rows[k].parts[p];
				GByteArray *bytes = chunk(&batch, part->number, part->offset,
					part->length, part->flags, part->lane);

				for (guint j = 0; by_byte == 1 && j < bytes->len; j++) {
					yett_wire_receive(pair.a.wire, bytes->data + j, 1);
				}
				if (by_byte == 0) {
					yett_wire_receive(pair.a.wire, bytes->data, bytes->len);
				}
				g_byte_array_unref(bytes);
			}
			if (pair.a.failure != rows[k].want) {
				printf("  %s: %d, want %d\n", rows[k].name, pair.a.failure,
					rows[k].want);
			}
			CU_ASSERT_EQUAL(pair.a.failure, rows[k].want);
			CU_ASSERT(rows[k].want != 0 || pair.a.batches->len == 1);
			pair_done(&pair);
		}
	}
	yett_buffer_unref(batch.buffer);
}

static void test_credit_limits(void)
{
	struct yett_credit credit = {.granted = {YETT_WIRE_CREDIT_MAX}};
	struct yett_credit wanted = {.wanted = {YETT_BATCH_MAX + 1}};
	GByteArray *bytes = g_byte_array_new();
	struct pair pair;

	pair_init(&pair, 0);
	bring_to(&pair, YETT_WIRE_OPEN);
	CU_ASSERT_EQUAL(yett_wire_credit(pair.a.wire, &credit), 0);
	CU_ASSERT_EQUAL(yett_wire_credit(pair.i.wire, &wanted), YETT_ELIMIT);
	settle(&pair);
	CU_ASSERT_EQUAL(yett_wire_credit_left(pair.i.wire, 0), YETT_WIRE_CREDIT_MAX);
	credit.granted[0] = 1;
	CU_ASSERT_EQUAL(yett_wire_credit(pair.a.wire, &credit), YETT_ELIMIT);
	yett_credit_encode(&credit, bytes);
	yett_wire_receive(pair.i.wire, bytes->data, bytes->len);
	CU_ASSERT_EQUAL(pair.i.failure, YETT_ELIMIT);
	pair_done(&pair);

	pair_init(&pair, 0);
	bring_to(&pair, YETT_WIRE_OPEN);
	yett_wire_receive(pair.a.wire, bytes->data, bytes->len); /* a grant by the initiator */
	CU_ASSERT_EQUAL(pair.a.failure, YETT_EPROTO);
	pair_done(&pair);
	g_byte_array_unref(bytes);
}

/* An acknowledgement of what was never sent. */
static void test_ack_unsent(void)
{
	struct yett_ack ack = {.range_count = 1, .ranges = {{1, 1}}};
	GByteArray *bytes = g_byte_array_new();
	struct pair pair;

	yett_ack_encode(&ack, bytes);
	pair_init(&pair, 0);
	bring_to(&pair, YETT_WIRE_OPEN);
	yett_wire_receive(pair.i.wire, bytes->data, bytes->len);
	CU_ASSERT_EQUAL(pair.i.failure, YETT_EPROTO);
	CU_ASSERT_STRING_EQUAL(pair.i.told->str, "");
	pair_done(&pair);
	g_byte_array_unref(bytes);
}

/* A peer that asks and asks and never reads the answers. */
static void test_unread_pongs(void)
{
	struct yett_ping ping = {.token = UINT64_MAX};
	GByteArray *bytes = g_byte_array_new();
	struct pair pair;
	long pings = 0;

	for (int k = 0; k < 1000; k++) {
		yett_ping_encode(&ping, YETT_FRAME_PING, bytes);
	}
	pair_init(&pair, 0);
	bring_to(&pair, YETT_WIRE_OPEN);
	while (pair.a.failure == 0 && pings < 1000000) {
		yett_wire_receive(pair.a.wire, bytes->data, bytes->len);
		pings += 1000;
	}
	CU_ASSERT_EQUAL(pair.a.failure, YETT_ELIMIT);
	CU_ASSERT(yett_wire_unsent(pair.a.wire) < YETT_WIRE_UNSENT_MAX + 1024);
	pair_done(&pair);

	pair_init(&pair, 0);
	bring_to(&pair, YETT_WIRE_OPEN);
	for (pings = 0; pings < 200000; pings += 1000) { /* one that reads */
		yett_wire_receive(pair.a.wire, bytes->data, bytes->len);
		while (move(&pair, &pair.a)) {
		}
	}
	CU_ASSERT_EQUAL(pair.a.failure, 0);
	pair_done(&pair);
	g_byte_array_unref(bytes);
}

static void test_close(void)
{
	struct pair pair;

	pair_init(&pair, 0);
	bring_to(&pair, YETT_WIRE_OPEN);
	grant(&pair, 1000, 0, 0);
	settle(&pair);
	pair.a.close_at_batch = true;
	for (int k = 0; k < 3; k++) {
		send_batch(&pair, 0, 100, 0);
	}
	settle(&pair);
	CU_ASSERT_EQUAL(pair.a.batches->len, 1);
	CU_ASSERT_EQUAL(yett_wire_state(pair.a.wire), YETT_WIRE_CLOSED);
	CU_ASSERT_EQUAL(pair.a.failure, 0);
	pair_done(&pair);
}

/* A machine that is freed with half of everything under way leaves nothing. */
static void test_free_midway(void)
{
	for (size_t stop = 0; stop < 70000; stop += 977) {
		struct pair pair;
		size_t moved = 0;

		pair_init(&pair, 1500);
		bring_to(&pair, YETT_WIRE_OPEN);
		grant(&pair, 100000, 100000, 0);
		settle(&pair);
		send_batch(&pair, 0, 30000, 0);
		send_batch(&pair, 1, 30000, 0);
		while (moved < stop && move(&pair, &pair.i)) {
			moved += 750;
		}
		pair_done(&pair);
	}
}

/* Small, since servers hold very many idle ones. */
static void test_idle_size(void)
{
	struct pair pair;

	CU_ASSERT(sizeof(struct yett_wire) < 1024);
	pair_init(&pair, 0);
	bring_to(&pair, YETT_WIRE_OPEN);
	CU_ASSERT_PTR_NULL(pair.a.wire->body);
	CU_ASSERT_PTR_NULL(pair.a.wire->output.control);
	CU_ASSERT_PTR_NULL(pair.a.wire->incoming.head);
	pair_done(&pair);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a whole session, in chunks of all sizes", test_whole_session},
		{"large batches", test_large_batches},
		{"interleaving", test_interleaving},
		{"no starvation", test_no_starvation},
		{"tokens", test_auth_tokens},
		{"sending out of state", test_sending_out_of_state},
		{"receiving out of state", test_receiving_out_of_state},
		{"frame headers", test_frame_headers},
		{"skipping", test_skip},
		{"bad batches", test_bad_batches},
		{"credit limits", test_credit_limits},
		{"ACK of the unsent", test_ack_unsent},
		{"unread answers", test_unread_pongs},
		{"closing within an event", test_close},
		{"freeing midway", test_free_midway},
		{"idle size", test_idle_size},
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = {
		{"wire-session", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};

	if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS) {
		return 2;
	}
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	return CU_get_number_of_failures() > 0 || CU_get_error() != CUE_SUCCESS;
}
