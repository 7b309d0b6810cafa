/* The session machine: two of them talk to each other in memory, whole, byte by byte and in chunks
 * by chance. What they must refuse is in wire-session-bad.c. */
#include "wire-pair.h"
#include "suite.h"

static const uint32_t chunk_sizes[] = {0, 1, 2, 7, 100, 20000};

static void test_whole_session(void)
{
	for (size_t k = 0; k < G_N_ELEMENTS(chunk_sizes); k++) {
		struct yett_ack ack = {.range_count = 1, .ranges = {{1, 2}}};
		struct yett_credit wanted = {.wanted = {0, 0, 5000}};
		struct yett_path path = {.open = true, .count = 1};
		struct yett_heartbeat heartbeat = {.interval_s = 60, .wall_ns = -1};
		struct yett_detach detach = {.count = 1};
		struct yett_standby standby = {.on = true, .session = 9}, active = {.session = 9};
		struct yett_attach *attach = g_new0(struct yett_attach, 1);
		struct yett_admission *ask = g_new0(struct yett_admission, 1);
		struct yett_admission *decision = g_new0(struct yett_admission, 1);
		struct pair pair;

		ask->ask_count = decision->signed_count = 2;
		for (uint32_t j = 0; j < 2; j++) {
			ask->asks[j].id = (struct yett_id){{1, 2}};
			ask->asks[j].as = YETT_AS_GATEWAY;
			g_strlcpy(ask->asks[j].name, "b.example", sizeof(ask->asks[j].name));
			decision->signeds[j].bytes = (const uint8_t *)"signed";
			decision->signeds[j].length = 6;
		}
		pair_init(&pair, chunk_sizes[k]);
		bring_to(&pair, YETT_WIRE_OPEN);
		grant(&pair, 70000, 500, 0);
		CU_ASSERT_EQUAL(yett_wire_path(pair.a.wire, &path), 0);
		CU_ASSERT_EQUAL(yett_wire_admission(pair.a.wire, ask), YETT_EPROTO);
		CU_ASSERT_EQUAL(yett_wire_admission(pair.a.wire, decision), 0);
		settle(&pair);
		CU_ASSERT_STRING_EQUAL(pair.i.told->str, "granted path decision");
		attach->count = 200;
		for (uint32_t j = 0; j < attach->count; j++) {
			attach->nodes[j].id = (struct yett_id){{3, (uint8_t)j}};
			memset(attach->nodes[j].name, 'n', YETT_NODE_NAME_SIZE - 1);
		}
		CU_ASSERT_EQUAL(yett_wire_attach(pair.i.wire, attach), 0);
		CU_ASSERT_EQUAL(yett_wire_detach(pair.i.wire, &detach), 0);
		CU_ASSERT_EQUAL(yett_wire_heartbeat(pair.i.wire, &heartbeat), 0);
		CU_ASSERT_EQUAL(yett_wire_standby(pair.i.wire, &standby), 0);
		CU_ASSERT_EQUAL(yett_wire_standby(pair.i.wire, &active), 0);
		CU_ASSERT_EQUAL(yett_wire_admission(pair.i.wire, decision), YETT_EPROTO);
		CU_ASSERT_EQUAL(yett_wire_admission(pair.i.wire, ask), 0);
		g_free(ask);
		g_free(decision);
		send_batch(&pair, 0, 60000, 0);
		send_batch(&pair, 1, 89, 0);
		send_batch(&pair, 1, 89, 0);
		send_batch(&pair, 2, 89, YETT_EAGAIN);
		CU_ASSERT_EQUAL(yett_wire_credit(pair.i.wire, &wanted), 0);
		CU_ASSERT_EQUAL(yett_wire_ping(pair.i.wire, 77), 0);
		settle(&pair);
		CU_ASSERT(g_str_has_suffix(pair.a.told->str,
			"detach heartbeat standby active ask wanted urgent normal normal"));
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
		snprintf(message.cause, sizeof(message.cause), "no");
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

/* What of our own is told to a peer: text that is not UTF-8 is repaired, and cut between characters to
 * what the peer's field holds. */
static void test_text_told(void)
{
	static const struct {
		const char *name, *cause, *want;
	} rows[] = {
		{"plain", "bye", "bye"},
		{"not UTF-8", "a\xff\x62", "a\xef\xbf\xbd\x62"},
		{"cut off", "a\xc3", "a\xef\xbf\xbd"},
	};
	struct yett_refuse refuse = {.code = YETT_REFUSE_BUSY}, told;
	GByteArray *frame = g_byte_array_new();

	for (size_t k = 0; k < G_N_ELEMENTS(rows); k++) {
		g_strlcpy(refuse.cause, rows[k].cause, sizeof(refuse.cause));
		g_byte_array_set_size(frame, 0);
		yett_refuse_encode(&refuse, YETT_FRAME_REFUSE, frame);
		CU_ASSERT_EQUAL(yett_refuse_decode(frame->data + YETT_FRAME_HEADER_SIZE,
					frame->len - YETT_FRAME_HEADER_SIZE, &told),
			0);
		CU_ASSERT_STRING_EQUAL(told.cause, rows[k].want);
	}
	/* 255 bytes that become three times as many: 85 characters are left. */
	memset(refuse.cause, 0xff, sizeof(refuse.cause) - 1);
	refuse.cause[sizeof(refuse.cause) - 1] = '\0';
	g_byte_array_set_size(frame, 0);
	yett_refuse_encode(&refuse, YETT_FRAME_REFUSE, frame);
	CU_ASSERT_EQUAL(yett_refuse_decode(frame->data + YETT_FRAME_HEADER_SIZE,
				frame->len - YETT_FRAME_HEADER_SIZE, &told),
		0);
	CU_ASSERT_EQUAL(strlen(told.cause), 255);
	CU_ASSERT(g_utf8_validate(told.cause, -1, NULL));
	g_byte_array_unref(frame);
}

/* Asked by the acceptor, each answered once, in any order. */
static void test_questions(void)
{
	const struct yett_query_message query = {.what = YETT_QUERY_DRILL, .node = {{7}}};
	struct yett_report *report = g_new0(struct yett_report, 1);
	uint64_t number = 99;
	struct pair pair;

	pair_init(&pair, 7);
	report->number = 1;
	report->result = YETT_REPORT_REFUSED;
	CU_ASSERT_EQUAL(yett_wire_query(pair.a.wire, &query, &number), YETT_EPROTO);
	bring_to(&pair, YETT_WIRE_OPEN);
	CU_ASSERT_EQUAL(yett_wire_query(pair.i.wire, &query, &number), YETT_EPROTO);
	CU_ASSERT_EQUAL(yett_wire_report(pair.i.wire, report), YETT_EPROTO); /* not asked */
	CU_ASSERT_EQUAL(number, 99);
	for (uint64_t n = 1; n <= YETT_QUESTIONS_MAX; n++) {
		CU_ASSERT_EQUAL(yett_wire_query(pair.a.wire, &query, &number), 0);
		CU_ASSERT_EQUAL(number, n);
		settle(&pair);
		CU_ASSERT_EQUAL(pair.i.question, n);
	}
	CU_ASSERT_EQUAL(yett_wire_query(pair.a.wire, &query, &number), YETT_EAGAIN);
	CU_ASSERT_EQUAL(yett_wire_questions(pair.a.wire), YETT_QUESTIONS_MAX);
	CU_ASSERT_EQUAL(yett_wire_questions(pair.i.wire), YETT_QUESTIONS_MAX);
	report->number = 5;
	CU_ASSERT_EQUAL(yett_wire_report(pair.a.wire, report), YETT_EPROTO);
	report->step_count = 40; /* beyond what an answer may be */
	for (uint32_t i = 0; i < report->step_count; i++) {
		report->steps[i].state = 1;
		memset(report->steps[i].seen, 's', sizeof(report->steps[i].seen) - 1);
	}
	CU_ASSERT_EQUAL(yett_wire_report(pair.i.wire, report), YETT_ELIMIT);
	report->step_count = 24; /* as long as it may be, nearly */
	CU_ASSERT_EQUAL(yett_wire_report(pair.i.wire, report), 0);
	CU_ASSERT_EQUAL(yett_wire_report(pair.i.wire, report), YETT_EPROTO); /* twice */
	settle(&pair);
	CU_ASSERT_EQUAL(pair.a.question, 5);
	CU_ASSERT_EQUAL(yett_wire_query(pair.a.wire, &query, &number), 0);
	CU_ASSERT_EQUAL(number, YETT_QUESTIONS_MAX + 1);
	for (uint64_t n = 1; n <= number; n++) {
		report->number = n;
		report->step_count = 0;
		settle(&pair);
		CU_ASSERT_EQUAL(yett_wire_report(pair.i.wire, report), n == 5 ? YETT_EPROTO : 0);
	}
	settle(&pair);
	CU_ASSERT_EQUAL(yett_wire_questions(pair.a.wire), 0);
	CU_ASSERT_EQUAL(yett_wire_questions(pair.i.wire), 0);
	CU_ASSERT_EQUAL(pair.a.failure, 0);
	CU_ASSERT_EQUAL(pair.i.failure, 0);
	pair_done(&pair);
	g_free(report);
}

/* What is half there goes with the session, not with the machine, which others may keep for long: also where
 * the session ends in the middle of receiving. */
static void test_close_midway(void)
{
	for (int within = 0; within < 2; within++) {
		size_t before = yett_buffer_alive_bytes(), sent = 0;
		struct iovec iov[8];
		struct pair pair;

		pair_init(&pair, 0);
		bring_to(&pair, YETT_WIRE_OPEN);
		grant(&pair, 1000, 0, 1000000);
		settle(&pair);
		send_batch(&pair, 2, 1000000, 0);
		while (sent < 40000) {
			CU_ASSERT(yett_wire_output(pair.i.wire, iov, 8) > 0);
			yett_wire_receive(pair.a.wire, iov[0].iov_base, iov[0].iov_len);
			sent += iov[0].iov_len;
			yett_wire_sent(pair.i.wire, iov[0].iov_len);
		}
		CU_ASSERT_EQUAL(yett_buffer_alive_bytes(), before + 2000000);
		if (within == 0) {
			yett_wire_close(pair.a.wire);
		} else {
			pair.a.close_at_batch = true;
			send_batch(&pair, 0, 1000, 0);
			while (yett_wire_state(pair.a.wire) != YETT_WIRE_CLOSED &&
				move(&pair, &pair.i)) {
			}
			CU_ASSERT_EQUAL(pair.a.batches->len, 1);
			g_ptr_array_set_size(pair.a.batches, 0);
		}
		CU_ASSERT_EQUAL(yett_wire_state(pair.a.wire), YETT_WIRE_CLOSED);
		CU_ASSERT(yett_buffer_alive_bytes() < before + 1010000); /* of the other end */
		pair_done(&pair);
		CU_ASSERT_EQUAL(yett_buffer_alive_bytes(), before);
	}
}

/* So goes what was not sent, and half of a control frame. */
static void test_close_unsent(void)
{
	size_t before = yett_buffer_alive_bytes();
	uint8_t half[YETT_FRAME_HEADER_SIZE + 4];
	struct yett_frame frame = {.length = 100, .type = YETT_FRAME_PING};
	struct iovec iov[8];
	struct pair pair;

	pair_init(&pair, 0);
	bring_to(&pair, YETT_WIRE_OPEN);
	grant(&pair, 1000, 0, 1000000);
	settle(&pair);
	send_batch(&pair, 2, 100000, 0);
	CU_ASSERT(yett_wire_output(pair.i.wire, iov, 8) > 0);
	CU_ASSERT_EQUAL(yett_wire_ping(pair.i.wire, 7), 0);
	yett_wire_close(pair.i.wire);
	CU_ASSERT_EQUAL(yett_wire_output(pair.i.wire, iov, 8), 0);
	CU_ASSERT_EQUAL(yett_buffer_alive_bytes(), before);
	CU_ASSERT_PTR_NULL(pair.i.wire->output.control);

	memset(half, 0, sizeof(half));
	yett_frame_put(&frame, half);
	yett_wire_receive(pair.a.wire, half, sizeof(half));
	CU_ASSERT_PTR_NOT_NULL(pair.a.wire->body);
	yett_wire_close(pair.a.wire);
	CU_ASSERT_PTR_NULL(pair.a.wire->body);
	pair_done(&pair);
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

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"a whole session, in chunks of all sizes", test_whole_session},
		{"large batches", test_large_batches},
		{"interleaving", test_interleaving},
		{"no starvation", test_no_starvation},
		{"tokens", test_auth_tokens},
		{"closing within an event", test_close},
		{"freeing midway", test_free_midway},
		{"closing midway", test_close_midway},
		{"closing with something unsent", test_close_unsent},
		{"text that is told", test_text_told},
		{"questions and answers", test_questions},
		{"idle size", test_idle_size},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "wire-session", tests);
}
