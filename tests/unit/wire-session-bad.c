/* The session machine: what it must refuse, as a sender and as a receiver. */
#include "wire-pair.h"
#include "suite.h"

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
		struct yett_standby standby = {.session = 9};
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
		CU_ASSERT_EQUAL(yett_wire_standby(pair.a.wire, &standby), YETT_EPROTO);
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
		{YETT_FRAME_STANDBY, YETT_WIRE_OPEN, 1},
		{YETT_FRAME_ADMISSION, YETT_WIRE_OPEN, 3},
		{YETT_FRAME_CONFIG, YETT_WIRE_OPEN, 2},
		{YETT_FRAME_APPLIED, YETT_WIRE_OPEN, 1},
		{YETT_FRAME_QUERY, YETT_WIRE_OPEN, 2},
		{YETT_FRAME_REPORT, YETT_WIRE_OPEN, 1},
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
		{"PING with flag 1", YETT_WIRE_OPEN, 10, 28, 1, 0, 0, YETT_EPROTO},
		{"PING beyond", YETT_WIRE_OPEN, 16377, 28, 0, 0, 0, YETT_ELIMIT},
		{"unknown", YETT_WIRE_OPEN, 10, 23, 0, 0, 0, YETT_EPROTO},
		{"unknown, ignorable", YETT_WIRE_OPEN, 10, 128 + 22, 0, 0, 0, 0},
		{"unknown, ignorable, other fields", YETT_WIRE_OPEN, 10, 255, 0xff, 9, 9, 0},
		{"unknown, ignorable, empty", YETT_WIRE_OPEN, 0, 128 + 22, 0, 0, 0, 0},
		{"unknown, ignorable, too long", YETT_WIRE_OPEN, 16377, 128 + 22, 0, 0, 0,
			YETT_ELIMIT},
		{"unknown, ignorable, early", YETT_WIRE_HELLO, 4096, 128 + 99, 0, 0, 0, 0},
		{"unknown, too long for early", YETT_WIRE_AUTH, 4097, 128 + 99, 0, 0, 0,
			YETT_ELIMIT},
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
	put_header(bytes->data, 16376, 26 | YETT_FRAME_IGNORABLE, 0, 0, 0);
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

/* A frame that is cut anywhere raises nothing; with its last byte it does. */
static void check_cuts(enum yett_wire_state state, bool to_acceptor, const GByteArray *frame)
{
	for (guint length = 0; length <= frame->len; length++) {
		struct pair pair;
		struct end *end = to_acceptor ? &pair.a : &pair.i;
		uint8_t *exact = g_memdup2(frame->data, length);

		pair_init(&pair, 0);
		bring_to(&pair, state);
		grant(&pair, 1000, 1000, 1000);
		yett_wire_receive(end->wire, exact, length);
		CU_ASSERT_EQUAL(end->failure, 0);
		CU_ASSERT_EQUAL(end->told->len > 0, length == frame->len);
		pair_done(&pair);
		g_free(exact);
	}
}

static void test_cut_frames(void)
{
	struct yett_batch batch = make_batch(2, 300);
	struct yett_detach detach = {.count = 1};
	struct yett_heartbeat heartbeat = {.interval_s = 60, .count = 2};
	GByteArray *frame = g_byte_array_new();
	GByteArray *whole;

	yett_refuse_encode(&leaving, YETT_FRAME_REFUSE, frame);
	check_cuts(YETT_WIRE_OPEN, false, frame);
	g_byte_array_set_size(frame, 0);
	yett_detach_encode(&detach, frame);
	check_cuts(YETT_WIRE_OPEN, true, frame);
	g_byte_array_set_size(frame, 0);
	yett_heartbeat_encode(&heartbeat, frame);
	check_cuts(YETT_WIRE_OPEN, true, frame);
	whole = chunk(&batch, 1, 0, 300, 0, 2);
	check_cuts(YETT_WIRE_OPEN, true, whole);
	g_byte_array_unref(whole);
	g_byte_array_unref(frame);
	yett_buffer_unref(batch.buffer);
}

/* Numbers of QUERYs, and what comes of the last; 0 ends. Then numbers of REPORTs, the other way. */
static void test_bad_questions(void)
{
	static const struct {
		const char *name;
		uint64_t queries[10], asked, reports[3];
		int want;
		const char *cause;
	} rows[] = {
		{"one by one", {1, 2, 3}, 0, {0}, 0, ""},
		{"numbers with holes", {5, 9, UINT64_MAX}, 0, {0}, 0, ""},
		{"one twice", {1, 2, 2}, 0, {0}, YETT_EPROTO, "QUERY has the number 2, after 2"},
		{"falling", {7, 6}, 0, {0}, YETT_EPROTO, "QUERY has the number 6, after 7"},
		{"as many as may be open", {1, 2, 3, 4, 5, 6, 7, 8}, 0, {0}, 0, ""},
		{"one more", {1, 2, 3, 4, 5, 6, 7, 8, 9}, 0, {0}, YETT_ELIMIT,
			"QUERY came while 8 others are not answered"},
		{"an answer", {0}, 2, {2, 1}, 0, ""},
		{"an answer to nothing", {0}, 0, {1}, YETT_EPROTO,
			"REPORT answers the question 1, which is not open"},
		{"to what comes next", {0}, 2, {3}, YETT_EPROTO,
			"REPORT answers the question 3, which is not open"},
		{"an answer twice", {0}, 2, {2, 2}, YETT_EPROTO,
			"REPORT answers the question 2, which is not open"},
	};
	const struct yett_query_message query = {.what = YETT_QUERY_EXPLAIN};
	struct yett_report *report = g_new0(struct yett_report, 1);

	report->result = YETT_REPORT_REFUSED;
	for (size_t k = 0; k < G_N_ELEMENTS(rows); k++) {
		GByteArray *queries = g_byte_array_new(), *reports = g_byte_array_new();
		struct pair pair;
		struct end *end = rows[k].queries[0] != 0 ? &pair.i : &pair.a;
		uint64_t number;

		pair_init(&pair, 0);
		bring_to(&pair, YETT_WIRE_OPEN);
		for (size_t j = 0; j < 10 && rows[k].queries[j] != 0; j++) {
			struct yett_query_message one = query;

			one.number = rows[k].queries[j];
			yett_query_encode(&one, queries);
		}
		for (size_t j = 0; j < 3 && rows[k].reports[j] != 0; j++) {
			report->number = rows[k].reports[j];
			yett_report_encode(report, reports);
		}
		for (uint64_t j = 0; j < rows[k].asked; j++) {
			CU_ASSERT_EQUAL(yett_wire_query(pair.a.wire, &query, &number), 0);
		}
		yett_wire_receive(pair.i.wire, queries->data, queries->len);
		yett_wire_receive(pair.a.wire, reports->data, reports->len);
		if (end->failure != rows[k].want || strcmp(end->cause, rows[k].cause) != 0) {
			printf("  %s: %d, %s\n", rows[k].name, end->failure, end->cause);
			CU_FAIL("another end");
		}
		pair_done(&pair);
		g_byte_array_unref(queries);
		g_byte_array_unref(reports);
	}
	g_free(report);
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

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"sending out of state", test_sending_out_of_state},
		{"receiving out of state", test_receiving_out_of_state},
		{"frame headers", test_frame_headers},
		{"skipping", test_skip},
		{"cut frames", test_cut_frames},
		{"bad questions", test_bad_questions},
		{"bad batches", test_bad_batches},
		{"credit limits", test_credit_limits},
		{"ACK of the unsent", test_ack_unsent},
		{"unread answers", test_unread_pongs},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "wire-session-bad", tests);
}
