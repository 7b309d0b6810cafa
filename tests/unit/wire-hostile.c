/* A session that a hostile peer, or a bad line, changes: every frame of a whole session cut and
 * damaged at every byte, and CBOR that lies. Each time the session goes on or ends with a cause
 * that names what was wrong, within bounded memory, and nothing is left. */
#include "alloc-peak.h"
#include "wire-pair.h"

#include "wire/cbor.h"
#include "suite.h"

#define CREDIT 40000
/* What one frame may cost: the largest message decoded, the frame put together, a batch. */
#define MEMORY_MAX (200 * 1024 + CREDIT)

/* One frame of a recorded session. */
struct frame {
	bool to_acceptor;
	bool refused;  /* which session */
	size_t number; /* in it */
	GByteArray *bytes;
};

/* A session being played, up to the frame `stop` or its end. */
struct play {
	struct pair pair;
	bool refused;      /* the initiator is, when it is known */
	GPtrArray *frames; /* where they are recorded; NULL: not */
	size_t next, stop;
	bool stopped;
};

/* Delivers what `from` has to say, frame by frame. */
static void carry(struct play *play, struct end *from)
{
	GByteArray *bytes = g_byte_array_new();
	struct iovec iov[8];
	int n;

	while ((n = yett_wire_output(from->wire, iov, 8)) > 0) {
		size_t length = 0;

		for (int i = 0; i < n; i++) {
			g_byte_array_append(bytes, iov[i].iov_base, (guint)iov[i].iov_len);
			length += iov[i].iov_len;
		}
		yett_wire_sent(from->wire, length);
	}
	for (guint at = 0; at < bytes->len && !play->stopped;) {
		guint length = YETT_FRAME_HEADER_SIZE + yett_get32(bytes->data + at);

		if (play->next == play->stop) {
			play->stopped = true;
			break;
		}
		if (play->frames != NULL) {
			struct frame *frame = g_new0(struct frame, 1);

			frame->to_acceptor = from == &play->pair.i;
			frame->refused = play->refused;
			frame->number = play->next;
			frame->bytes = g_byte_array_new();
			g_byte_array_append(frame->bytes, bytes->data + at, length);
			g_ptr_array_add(play->frames, frame);
		}
		play->next++;
		yett_wire_receive(from->peer->wire, bytes->data + at, length);
		at += length;
	}
	g_byte_array_unref(bytes);
}

static void carry_both(struct play *play)
{
	carry(play, &play->pair.i);
	carry(play, &play->pair.a);
	carry(play, &play->pair.i);
}

static void open_session(struct play *play)
{
	static const uint8_t token[YETT_AUTH_CHUNK_MAX + 50] = {1, 2, 3};
	struct yett_auth_message auth = {.method = "x509",
		.status = YETT_AUTH_CONTINUE,
		.token = token,
		.token_length = 200};
	struct yett_wire *i = play->pair.i.wire, *a = play->pair.a.wire;

	yett_wire_hello(i, &hello);
	carry_both(play);
	if (play->stopped) {
		return;
	}
	yett_wire_auth(i, &auth);
	auth.token_length = sizeof(token); /* in two chunks */
	yett_wire_auth(a, &auth);
	carry_both(play);
	if (play->stopped) {
		return;
	}
	yett_wire_auth(i, &auth_done);
	yett_wire_auth(a, &auth_done);
	carry_both(play);
	if (play->stopped) {
		return;
	}
	yett_wire_intro(i, &intro);
	carry_both(play);
	if (play->stopped) {
		return;
	}
	if (play->refused) {
		yett_wire_refuse(a, &leaving);
		carry_both(play);
		return;
	}
	yett_wire_intro(a, &intro);
	yett_wire_welcome(a, &welcome);
	carry_both(play);
}

/* What only management tells, and what goes by a second way. */
static void manage_session(struct play *play)
{
	static const uint8_t signed_bytes[100] = {1};
	const struct yett_standby standby = {.on = true, .session = 9};
	const struct yett_applied applied = {
		.state = YETT_APPLIED_REFUSED, .since_s = -3, .why = "no", .pinned = "full"};
	struct yett_admission *admission = g_new0(struct yett_admission, 1);
	struct yett_config *config = g_new0(struct yett_config, 1);
	struct yett_wire *i = play->pair.i.wire, *a = play->pair.a.wire;

	if (!play->stopped) {
		admission->ask_count = 1;
		admission->asks[0] = asked;
		yett_wire_admission(i, admission);
		carry_both(play);
	}
	if (!play->stopped) {
		memset(admission, 0, sizeof(*admission));
		admission->signed_count = config->signed_count = 1;
		admission->signeds[0] = config->signeds[0] =
			(struct yett_signed_bytes){signed_bytes, sizeof(signed_bytes)};
		config->node = (struct yett_id){{3}};
		yett_wire_admission(a, admission);
		yett_wire_config(a, config);
		carry_both(play);
	}
	if (!play->stopped) {
		yett_wire_applied(i, &applied);
		yett_wire_standby(i, &standby);
		carry_both(play);
	}
	g_free(admission);
	g_free(config);
}

static void use_session(struct play *play)
{
	const struct yett_path path = {.open = true, .count = 2, .ids = {{{1}}, {{2}}}};
	const struct yett_credit wanted = {.wanted = {0, 0, 500000}};
	const struct yett_ack ack = {.range_count = 2,
		.refusal_count = 1,
		.ranges = {{1, 1}, {3, 3}},
		.refusals = {{2, YETT_REFUSE_UNAVAILABLE, 1000}}};
	const struct yett_detach detach = {.count = 1, .ids = {{{4}}}};
	const struct yett_heartbeat heartbeat = {
		.wall_ns = -5, .interval_s = 60, .count = 1, .nodes = {{{{3}}, 20}}};
	const struct yett_query_message query = {.what = YETT_QUERY_EXPLAIN,
		.node = {{3}},
		.limit_ms = 6000,
		.about = "b.example.org"};
	struct yett_attach *attach = g_new0(struct yett_attach, 1);
	struct yett_report *report = g_new0(struct yett_report, 1);
	uint64_t number = 0;
	struct yett_wire *i = play->pair.i.wire, *a = play->pair.a.wire;

	attach->count = 1;
	attach->nodes[0] = (struct yett_attached){
		.id = {{3}}, .boot = {{4}}, .via = {{5}}, .session = 6, .live = true};
	g_strlcpy(attach->nodes[0].name, "b.example.org", sizeof(attach->nodes[0].name));
	report->result = YETT_REPORT_ANSWERED;
	report->step_count = report->way_count = 1;
	report->steps[0] = (struct yett_report_step){"connection", "b", 1, "open"};
	report->ways[0] = (struct yett_report_way){"b", true, 5, "", ""};
	yett_wire_path(a, &path);
	grant(&play->pair, CREDIT, CREDIT, CREDIT);
	carry_both(play);
	if (!play->stopped) {
		yett_wire_attach(i, attach);
		yett_wire_detach(i, &detach);
		yett_wire_heartbeat(i, &heartbeat);
		yett_wire_credit(i, &wanted);
		yett_wire_ping(i, 77);
		send_batch(&play->pair, 0, 150, 0);
		send_batch(&play->pair, 1, 17000, 0); /* two chunks */
		send_batch(&play->pair, 2, 120, 0);
		carry_both(play);
	}
	if (!play->stopped) {
		yett_wire_query(a, &query, &number);
		carry_both(play);
	}
	if (!play->stopped) {
		report->number = number;
		yett_wire_report(i, report);
		carry_both(play);
	}
	manage_session(play);
	if (!play->stopped) {
		yett_wire_ack(a, &ack);
		yett_wire_goodbye(a, &leaving);
		carry_both(play);
	}
	g_free(attach);
	g_free(report);
}

static void play_init(struct play *play, bool refused, size_t stop, GPtrArray *frames)
{
	*play = (struct play){.refused = refused, .stop = stop, .frames = frames};
	pair_init(&play->pair, 0);
	open_session(play);
	if (!play->stopped && !refused) {
		use_session(play);
	}
}

static void play_done(struct play *play)
{
	pair_done(&play->pair);
}

static GPtrArray *recorded; /* struct frame */

static void free_frame(void *item)
{
	g_byte_array_unref(((struct frame *)item)->bytes);
	g_free(item);
}

static const char *name_of(int type)
{
	static const char *const names[] = {[YETT_FRAME_HELLO] = "HELLO",
		[YETT_FRAME_AUTH] = "AUTH",
		[YETT_FRAME_INTRO] = "INTRO",
		[YETT_FRAME_WELCOME] = "WELCOME",
		[YETT_FRAME_REFUSE] = "REFUSE",
		[YETT_FRAME_BATCH] = "batch",
		[YETT_FRAME_ACK] = "ACK",
		[YETT_FRAME_CREDIT] = "CREDIT",
		[YETT_FRAME_PATH] = "PATH",
		[YETT_FRAME_ATTACH] = "ATTACH",
		[YETT_FRAME_DETACH] = "DETACH",
		[YETT_FRAME_HEARTBEAT] = "HEARTBEAT",
		[YETT_FRAME_PING] = "PING",
		[YETT_FRAME_PONG] = "PONG",
		[YETT_FRAME_GOODBYE] = "GOODBYE",
		[YETT_FRAME_STANDBY] = "STANDBY",
		[YETT_FRAME_ADMISSION] = "ADMISSION",
		[YETT_FRAME_CONFIG] = "CONFIG",
		[YETT_FRAME_APPLIED] = "APPLIED",
		[YETT_FRAME_QUERY] = "QUERY",
		[YETT_FRAME_REPORT] = "REPORT"};

	return (size_t)type < G_N_ELEMENTS(names) ? names[type] : NULL;
}

/* The sessions themselves: all goes well, and their frames are kept for the other tests. Of the one that
 * ends with a refusal only that. */
static void test_record(void)
{
	bool seen[256] = {false};
	struct play play;

	recorded = g_ptr_array_new_with_free_func(free_frame);
	play_init(&play, true, SIZE_MAX, recorded);
	CU_ASSERT_EQUAL(play.pair.i.failure, 0);
	CU_ASSERT_STRING_EQUAL(play.pair.i.refuse.cause, "bye");
	g_ptr_array_remove_range(recorded, 0, recorded->len - 1);
	play_done(&play);
	play_init(&play, false, SIZE_MAX, recorded);
	CU_ASSERT_EQUAL(play.pair.a.failure, 0);
	CU_ASSERT_EQUAL(play.pair.i.failure, 0);
	CU_ASSERT_STRING_EQUAL(play.pair.i.refuse.cause, "bye"); /* it got to its end */
	play_done(&play);
	for (guint k = 0; k < recorded->len; k++) {
		seen[((struct frame *)recorded->pdata[k])->bytes->data[4]] = true;
	}
	for (int type = 0; type < 256; type++) {
		CU_ASSERT_EQUAL(seen[type], name_of(type) != NULL);
	}
}

/* The session of frame `k` up to it, and then these bytes instead of it. The play is left to look at. */
static struct end *play_changed(struct play *play, size_t k, const uint8_t *bytes, size_t length)
{
	const struct frame *frame = recorded->pdata[k];
	uint8_t *exact = g_malloc(MAX(length, 1)); /* memcpy takes no NULL */
	struct end *end;

	memcpy(exact, bytes, length);
	play_init(play, frame->refused, frame->number, NULL);
	end = frame->to_acceptor ? &play->pair.a : &play->pair.i;
	CU_ASSERT_EQUAL(end->failure, 0);
	g_string_truncate(end->told, 0);
	end->any_content = true;
	yett_alloc_begin();
	yett_wire_receive(end->wire, exact, length);
	CU_ASSERT(yett_alloc_peak() < MEMORY_MAX);
	g_free(exact);
	return end;
}

/* A frame that fails says so to both, by its name. */
static void check_cause(struct play *play, struct end *end, int type)
{
	CU_ASSERT_EQUAL(yett_wire_state(end->wire), YETT_WIRE_CLOSED);
	if (strstr(end->cause, name_of(type)) == NULL) {
		printf("  %s: %s\n", name_of(type), end->cause);
		CU_FAIL("the cause does not name the message");
	}
	/* Told to the peer, unless that had closed already. */
	carry(play, end);
	(void)play;
}

/* The connection breaks within a frame. */
static void test_cut_everywhere(void)
{
	for (size_t k = 0; k < recorded->len; k++) {
		const struct frame *frame = recorded->pdata[k];
		size_t step = frame->bytes->len > 1000 ? 97 : 1;

		for (size_t length = 0; length < frame->bytes->len; length += step) {
			struct play play;
			struct end *end = play_changed(&play, k, frame->bytes->data, length);

			CU_ASSERT_EQUAL(end->failure, 0);
			CU_ASSERT_STRING_EQUAL(end->told->str, "");
			play_done(&play);
		}
	}
}

/* The header says that the body ends earlier, and so it does. */
static void test_truncated_everywhere(void)
{
	for (size_t k = 0; k < recorded->len; k++) {
		const struct frame *frame = recorded->pdata[k];
		int type = frame->bytes->data[4];
		bool more = (frame->bytes->data[5] & YETT_FRAME_MORE) != 0;

		for (guint length = 0; length < frame->bytes->len - 8; length++) {
			uint8_t *bytes = g_memdup2(frame->bytes->data, 8 + length);
			struct play play;
			struct end *end;

			yett_put32(bytes, length);
			end = play_changed(&play, k, bytes, 8 + length);
			if (end->failure != 0) {
				CU_ASSERT_EQUAL(end->failure, YETT_EPROTO);
				check_cause(&play, end, type);
			} else {
				CU_ASSERT(more); /* the rest of that batch may come yet */
			}
			CU_ASSERT_STRING_EQUAL(end->told->str, "");
			play_done(&play);
			g_free(bytes);
		}
	}
}

/* No damaged batch is ever handed on. */
static void check_batches(const struct end *end)
{
	for (guint i = 0; i < end->batches->len; i++) {
		struct yett_buffer *buffer = end->batches->pdata[i];
		const uint8_t *bytes = yett_buffer_bytes(buffer);
		struct yett_batch want = make_batch(bytes[10], yett_buffer_length(buffer));

		CU_ASSERT_EQUAL(memcmp(bytes, want.bytes, want.length), 0);
		yett_buffer_unref(want.buffer);
	}
}

/* Every byte damaged, bit by bit; what comes after it is what the peer would have said next. */
static void test_damaged_everywhere(void)
{
	static const uint8_t zeros[20000];
	unsigned failed = 0, taken = 0;

	for (size_t k = 0; k < recorded->len; k++) {
		const struct frame *frame = recorded->pdata[k];
		unsigned bits = frame->bytes->len > 1000 ? 1 : 8;

		for (guint at = 0; at < frame->bytes->len; at++) {
			for (unsigned bit = 0; bit < bits; bit++) {
				uint8_t *bytes = g_memdup2(frame->bytes->data, frame->bytes->len);
				struct play play;
				struct end *end;

				bytes[at] ^= (uint8_t)(1 << (bits > 1 ? bit : at % 8));
				end = play_changed(&play, k, bytes, frame->bytes->len);
				yett_wire_receive(end->wire, zeros, sizeof(zeros));
				check_batches(end);
				failed += end->failure != 0;
				taken += end->told->len > 0;
				CU_ASSERT((end->failure != 0) == (end->cause[0] != '\0'));
				CU_ASSERT(end->failure != 0 ||
					  yett_wire_state(end->wire) == YETT_WIRE_CLOSED ||
					  end->wire->header_filled == YETT_FRAME_HEADER_SIZE);
				play_done(&play);
				g_free(bytes);
			}
		}
	}
	CU_ASSERT(failed > 10000);
	CU_ASSERT(taken > 0); /* a changed token, name or number is no damage to the wire */
}

/* CBOR that lies. A control frame's body, with the value of one key replaced. */

struct value {
	uint8_t bytes[12];
	size_t length;
	int kind; /* major type; 7: 8 false and true, 9 floats, 10 null and undefined; -1: never */
};

static const struct value values[] = {
	{{0x00}, 1, 0},
	{{0x20}, 1, 1},
	{{0x41, 'x'}, 2, 2},
	{{0x61, 'x'}, 2, 3},
	{{0x81, 0x00}, 2, 4},
	{{0xa1, 0x00, 0x00}, 3, 5},
	{{0xc1, 0x00}, 2, 6},
	{{0xf5}, 1, 8},
	{{0xf9, 0x3c, 0x00}, 3, 9},
	{{0xf6}, 1, 10},
	{{0xe5}, 1, -1},             /* a simple value that is not assigned */
	{{0xf8, 0x18}, 2, -1},       /* one that is not well-formed */
	{{0x1c}, 1, -1},             /* reserved */
	{{0xff}, 1, -1},             /* a break of nothing */
	{{0x9f, 0x00, 0xff}, 3, -1}, /* indefinite lengths */
	{{0xbf, 0x00, 0x00, 0xff}, 4, -1},
	{{0x5f, 0x41, 'x', 0xff}, 4, -1},
	{{0x7f, 0x61, 'x', 0xff}, 4, -1},
	{{0x1b, 0xff, 0xff}, 3, -1},             /* cut */
	{{0x5a, 0xff, 0xff, 0xff, 0xff}, 5, -1}, /* 2^32 - 1 bytes, text, items, pairs */
	{{0x7a, 0xff, 0xff, 0xff, 0xff}, 5, -1},
	{{0x9a, 0xff, 0xff, 0xff, 0xff}, 5, -1},
	{{0xba, 0xff, 0xff, 0xff, 0xff}, 5, -1},
	{{0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 9, -1}, /* 2^64 - 1 */
	{{0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 9, -1},
	{{0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 9, -1},
	{{0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 9, -1},
};

static int kind_of(uint8_t head)
{
	if (head >> 5 != 7) {
		return head >> 5;
	}
	return head == 0xf4 || head == 0xf5 ? 8 : head >= 0xf9 && head <= 0xfb ? 9 : 10;
}

/* Where the keys and values of a body's map stand; how many there are. */
static uint32_t find_pairs(const GByteArray *frame, guint *ret_keys, guint *ret_values)
{
	const uint8_t *body = frame->data + YETT_FRAME_HEADER_SIZE;
	struct yett_cbor cbor;
	uint32_t count;

	yett_cbor_init(&cbor, body, frame->len - YETT_FRAME_HEADER_SIZE);
	count = yett_cbor_map_count(&cbor, 20);
	for (uint32_t i = 0; i < count; i++) {
		ret_keys[i] = (guint)(cbor.at - frame->data);
		yett_cbor_uint(&cbor, 100);
		ret_values[i] = (guint)(cbor.at - frame->data);
		yett_cbor_skip(&cbor);
	}
	ret_keys[count] = frame->len;
	CU_ASSERT_EQUAL(yett_cbor_finish(&cbor), 0);
	return count;
}

/* The frame with the bytes from `from` up to `to` replaced, and a count of `pairs`. */
static GByteArray *spliced(const GByteArray *frame, guint from, guint to, const uint8_t *bytes,
	size_t length, uint32_t pairs)
{
	GByteArray *changed = g_byte_array_new();

	g_byte_array_append(changed, frame->data, from);
	g_byte_array_append(changed, bytes, (guint)length);
	g_byte_array_append(changed, frame->data + to, frame->len - to);
	changed->data[YETT_FRAME_HEADER_SIZE] = (uint8_t)(0xa0 | pairs);
	yett_put32(changed->data, changed->len - YETT_FRAME_HEADER_SIZE);
	return changed;
}

/* Plays up to frame `k`, then this; what it came to. Takes the frame. */
static int answer(size_t k, GByteArray *changed)
{
	struct play play;
	struct end *end = play_changed(&play, k, changed->data, changed->len);
	int result = end->failure;

	if (result != 0) {
		check_cause(&play, end, changed->data[4]);
	}
	play_done(&play);
	g_byte_array_unref(changed);
	return result;
}

/* Calls fn for each recorded control frame, with its pairs. */
static void each_control(void (*fn)(
	size_t k, const GByteArray *frame, uint32_t pairs, const guint *keys, const guint *starts))
{
	for (size_t k = 0; k < recorded->len; k++) {
		const GByteArray *frame = ((struct frame *)recorded->pdata[k])->bytes;
		guint keys[21], starts[21];

		if (frame->data[4] != YETT_FRAME_BATCH && frame->len < 4000) {
			fn(k, frame, find_pairs(frame, keys, starts), keys, starts);
		}
	}
}

static void wrong_types(
	size_t k, const GByteArray *frame, uint32_t pairs, const guint *keys, const guint *starts)
{
	for (uint32_t i = 0; i < pairs; i++) {
		int kind = kind_of(frame->data[starts[i]]);

		for (size_t v = 0; v < G_N_ELEMENTS(values); v++) {
			const struct value *value = &values[v];
			int got = answer(k, spliced(frame, starts[i], keys[i + 1], value->bytes,
						    value->length, pairs));
			/* Some numbers are signed; the other fields have one type each. */
			bool number = kind <= 1 && value->kind >= 0 && value->kind <= 1;

			if (value->kind != kind && !number && got == 0) {
				printf("  %s, value %zu in place %u is taken\n",
					name_of(frame->data[4]), v, i);
				CU_FAIL("a wrong type is taken");
			}
		}
	}
}

static void test_wrong_types(void)
{
	each_control(wrong_types);
}

static void too_long(
	size_t k, const GByteArray *frame, uint32_t pairs, const guint *keys, const guint *starts)
{
	uint8_t *bytes = g_malloc(3003);

	for (uint32_t i = 0; i < pairs; i++) {
		int kind = kind_of(frame->data[starts[i]]);
		bool is_token = frame->data[4] == YETT_FRAME_AUTH && kind == 2;

		memset(bytes, kind == 3 ? 'x' : 0, 3003);
		bytes[0] = (uint8_t)(kind << 5 | 25);
		bytes[1] = 3000 >> 8;
		bytes[2] = 3000 & 0xff;
		if (kind >= 2 && kind <= 4 && !is_token) {
			int got = answer(
				k, spliced(frame, starts[i], keys[i + 1], bytes, 3003, pairs));

			CU_ASSERT(got == YETT_ELIMIT || got == YETT_EPROTO);
		}
	}
	g_free(bytes);
}

/* Text, bytes and arrays of 3,000, all there, where none may be so long. */
static void test_too_long(void)
{
	each_control(too_long);
}

static void bad_maps(
	size_t k, const GByteArray *frame, uint32_t pairs, const guint *keys, const guint *starts)
{
	const guint body = YETT_FRAME_HEADER_SIZE;
	GByteArray *changed;

	(void)starts;
	for (uint32_t i = 0; i < pairs; i++) { /* a key twice, with the same value */
		changed = spliced(frame, keys[i], keys[i], frame->data + keys[i],
			keys[i + 1] - keys[i], pairs + 1);
		CU_ASSERT_EQUAL(answer(k, changed), YETT_EPROTO);
	}
	if (pairs > 1) { /* the last one first */
		changed = spliced(frame, keys[0], keys[0], frame->data + keys[pairs - 1],
			frame->len - keys[pairs - 1], pairs + 1);
		CU_ASSERT_EQUAL(answer(k, changed), YETT_EPROTO);
	}
	CU_ASSERT_EQUAL(answer(k, spliced(frame, frame->len, frame->len, NULL, 0, pairs + 1)),
		YETT_EPROTO); /* one more than there are */
	CU_ASSERT_EQUAL(
		answer(k, spliced(frame, frame->len, frame->len, (const uint8_t *)"", 1, pairs)),
		YETT_EPROTO); /* a byte after it */
	changed = spliced(frame, frame->len, frame->len, (const uint8_t *)"\xff", 1, 0);
	changed->data[body] = 0xbf; /* indefinite */
	CU_ASSERT_EQUAL(answer(k, changed), YETT_EPROTO);
}

static void test_bad_maps(void)
{
	each_control(bad_maps);
}

static void deep(
	size_t k, const GByteArray *frame, uint32_t pairs, const guint *keys, const guint *starts)
{
	static const uint8_t heads[] = {0x81, 0xa1, 0xc1}; /* array, map, tag */
	bool small = frame->data[4] < YETT_FRAME_BATCH || frame->data[4] == YETT_FRAME_GOODBYE ||
		     frame->data[4] == YETT_FRAME_QUERY || frame->data[4] == YETT_FRAME_APPLIED ||
		     frame->data[4] == YETT_FRAME_STANDBY;
	guint depth = small && frame->data[4] != YETT_FRAME_AUTH ? 3000 : 10000;
	GByteArray *nested = g_byte_array_new();

	for (size_t h = 0; h < sizeof(heads); h++) {
		g_byte_array_set_size(nested, 2 + depth);
		nested->data[0] = 0x18; /* the key 99 */
		nested->data[1] = 99;
		memset(nested->data + 2, heads[h], depth);
		CU_ASSERT_EQUAL(answer(k, spliced(frame, frame->len, frame->len, nested->data,
						  nested->len, pairs + 1)),
			YETT_ELIMIT);
		/* And where something is expected. */
		for (uint32_t i = 0; i < pairs; i++) {
			CU_ASSERT(answer(k, spliced(frame, starts[i], keys[i + 1], nested->data + 2,
						    depth, pairs)) < 0);
		}
	}
	g_byte_array_unref(nested);
}

static void test_deep(void)
{
	uint8_t *bytes = g_malloc(1000000);
	struct yett_cbor cbor;

	each_control(deep);
	memset(bytes, 0x81, 1000000);
	yett_alloc_begin();
	yett_cbor_init(&cbor, bytes, 1000000);
	yett_cbor_skip(&cbor);
	CU_ASSERT_EQUAL(cbor.result, YETT_ELIMIT);
	CU_ASSERT_EQUAL(yett_alloc_peak(), 0);
	g_free(bytes);
}

static void unknown_key(
	size_t k, const GByteArray *frame, uint32_t pairs, const guint *keys, const guint *starts)
{
	/* 99: [{0: [[0, "x"]]}, -1, h'', 1.0] */
	static const uint8_t bytes[] = {0x18, 99, 0x84, 0xa1, 0x00, 0x81, 0x82, 0x00, 0x61, 'x',
		0x20, 0x40, 0xf9, 0x3c, 0x00};

	(void)keys, (void)starts;
	CU_ASSERT_EQUAL(
		answer(k, spliced(frame, frame->len, frame->len, bytes, sizeof(bytes), pairs + 1)),
		0);
}

/* What a later version adds is skipped in every message. */
static void test_unknown_keys(void)
{
	each_control(unknown_key);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"a whole session", test_record},
		{"a line that breaks within every frame", test_cut_everywhere},
		{"every frame truncated at every byte", test_truncated_everywhere},
		{"every frame damaged at every byte", test_damaged_everywhere},
		{"wrong types, endless and lying lengths", test_wrong_types},
		{"text, bytes and arrays too long", test_too_long},
		{"keys twice, falling, lacking, endless maps", test_bad_maps},
		{"nested 10,000 deep", test_deep},
		{"unknown keys are skipped", test_unknown_keys},
		CU_TEST_INFO_NULL,
	};
	int result = suite_run(argc, argv, "wire-hostile", tests);

	g_clear_pointer(&recorded, g_ptr_array_unref);
	return result;
}
