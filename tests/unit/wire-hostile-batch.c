/* Batches and messages that a hostile peer makes with good checksums: numbers and lengths that
 * contradict, bombs, more than the limits, what was never sent; and every message in every state.
 * Each ends in its own cause, and takes no more memory than was granted. */
#include "alloc-peak.h"
#include "wire-pair.h"

#include <zstd.h>

#include "base/crc32c.h"
#include "wire/record.h"
#include "suite.h"

/* What zstd takes for itself, whatever it decompresses. */
#define ZSTD_MEMORY_MAX (512 * 1024)

/* A change of a good batch of 300 bytes: `size` bytes of `value` at `at`; and its cause. */
static const struct change {
	const char *name;
	int at, size;
	uint64_t value;
	bool seal; /* the header's checksum is made good again */
	int want;
	const char *cause;
} changes[] = {
	{"magic", 0, 4, 0x42544558, true, YETT_EPROTO, "does not begin with YETB"},
	{"version 2", 4, 2, 2, true, YETT_EVERSION, "version that is unknown"},
	{"header length 0", 6, 2, 0, true, YETT_EPROTO, "impossible length"},
	{"header length 87", 6, 2, 87, true, YETT_EPROTO, "impossible length"},
	{"header length 345", 6, 2, 345, true, YETT_EPROTO, "impossible length"},
	{"header length without a tag", 6, 2, 100, true, YETT_EPROTO, "another length"},
	{"critical flag", 8, 1, 1, true, YETT_EVERSION, "critical flag"},
	{"ignorable flag", 9, 1, 0xff, true, 0, NULL},
	{"lane 2", 10, 1, 2, true, YETT_EPROTO, "lane 2 came in lane 1"},
	{"lane 3", 10, 1, 3, true, YETT_EVERSION, "lane that there is not"},
	{"codec unknown", 11, 1, 99, true, 0, NULL},
	{"content unknown", 12, 2, 999, true, 0, NULL},
	{"reserved", 14, 2, 1, true, YETT_EVERSION, "reserved bits"},
	{"first 0", 48, 8, 0, true, YETT_EPROTO, "0 for its first number"},
	{"first + count wraps", 48, 8, UINT64_MAX, true, YETT_EPROTO, "beyond 64 bits"},
	{"first + count fits", 48, 8, UINT64_MAX - 1, true, 0, NULL},
	{"count 0", 64, 4, 0, true, YETT_EPROTO, "counts no record"},
	{"count, all ones", 64, 4, UINT32_MAX, true, 0, NULL}, /* the store finds it out */
	{"stored 0", 68, 4, 0, true, YETT_EPROTO, "length of 0"},
	{"stored less than there is", 68, 4, 211, true, YETT_EPROTO, "two lengths"},
	{"stored beyond a batch", 68, 4, YETT_BATCH_MAX - 87, true, YETT_ELIMIT, "stored length"},
	{"stored, all ones", 68, 4, UINT32_MAX, true, YETT_ELIMIT, "stored length"},
	{"plain 0", 72, 4, 0, true, YETT_EPROTO, "length of 0"},
	{"plain another", 72, 4, 213, true, YETT_EPROTO, "two lengths"},
	{"plain beyond", 72, 4, YETT_BATCH_PLAIN_MAX + 1, true, YETT_ELIMIT, "plain length"},
	{"plain, all ones", 72, 4, UINT32_MAX, true, YETT_ELIMIT, "plain length"},
	{"payload's checksum", 76, 4, 0, true, YETT_EPROTO, "arrived damaged"},
	{"tag of 257", 82, 2, 257, true, YETT_ELIMIT, "tag beyond the limit"},
	{"tag that is not there", 82, 2, 12, true, YETT_EPROTO, "another length"},
	{"header's checksum", 84, 4, 0, false, YETT_EPROTO, "does not match its checksum"},
	{"origin of zeros", 16, 8, 0, true, YETT_EPROTO, "names no origin"},
	{"origin, not sealed", 16, 8, 1, false, YETT_EPROTO, "does not match its checksum"},
	{"payload", 200, 1, 0xff, false, YETT_EPROTO, "arrived damaged"},
};

static void put(uint8_t *to, uint64_t value, int size)
{
	for (int i = 0; i < size; i++) {
		to[i] = (uint8_t)(value >> (8 * i));
	}
}

/* A BATCH frame in lane 1 with one whole batch. */
static GByteArray *batch_frame(uint64_t number, const uint8_t *batch, size_t length)
{
	uint8_t head[YETT_FRAME_HEADER_SIZE + 11] = {0};
	struct yett_frame frame = {
		.length = (uint32_t)(11 + length), .type = YETT_FRAME_BATCH, .lane = 1};
	GByteArray *bytes = g_byte_array_new();

	yett_frame_put(&frame, head);
	yett_put64(head + 8, number);
	yett_put16(head + 16, 1);
	head[18] = 0xa0; /* an envelope that says nothing */
	g_byte_array_append(bytes, head, sizeof(head));
	g_byte_array_append(bytes, batch, (guint)length);
	return bytes;
}

/* An open session; what its acceptor (or initiator) says to these bytes. */
static int answer(bool to_acceptor, const GByteArray *bytes, size_t most, const char *cause)
{
	struct pair pair;
	struct end *end = to_acceptor ? &pair.a : &pair.i;
	int failure;

	pair_init(&pair, 0);
	bring_to(&pair, YETT_WIRE_OPEN);
	grant(&pair, 1000, 1000, 1000);
	settle(&pair);
	send_batch(&pair, 1, 100, 0); /* so that a number has been used */
	settle(&pair);
	g_string_truncate(end->told, 0);
	end->any_content = true;
	yett_alloc_begin();
	yett_wire_receive(end->wire, bytes->data, bytes->len);
	CU_ASSERT(yett_alloc_peak() <= most);
	failure = end->failure;
	if (cause != NULL && strstr(end->cause, cause) == NULL) {
		printf("  \"%s\", and not \"%s\"\n", end->cause, cause);
		CU_FAIL("another cause");
	}
	if (failure != 0) { /* the peer is told the same */
		settle(&pair);
		CU_ASSERT_STRING_EQUAL(end->peer->refuse.cause, end->cause);
		CU_ASSERT_EQUAL(end->peer->refuse.code, YETT_REFUSE_PROTOCOL);
	}
	pair_done(&pair);
	return failure;
}

static void test_changed_batches(void)
{
	for (size_t k = 0; k < G_N_ELEMENTS(changes); k++) {
		const struct change *change = &changes[k];
		struct yett_batch batch = make_batch(1, 300);
		uint8_t *bytes = yett_buffer_bytes(batch.buffer);
		GByteArray *frame;
		int got;

		put(bytes + change->at, change->value, change->size);
		if (change->seal) {
			yett_put32(bytes + 84, yett_crc32c(0, bytes, 84));
		}
		frame = batch_frame(2, bytes, 300);
		got = answer(true, frame, 4096, change->cause);
		if (got != change->want) {
			printf("  %s: %d, want %d\n", change->name, got, change->want);
		}
		CU_ASSERT_EQUAL(got, change->want);
		g_byte_array_unref(frame);
		yett_buffer_unref(batch.buffer);
	}
}

static void test_batch_frames(void)
{
	struct yett_batch batch = make_batch(1, 900);
	struct yett_batch large = make_batch(1, 1001);
	static const struct {
		const char *name;
		bool large;
		uint64_t number;
		uint16_t envelope; /* its length, as it says */
		int want;
		const char *cause;
	} rows[] = {
		{"good", false, 2, 1, 0, NULL},
		{"number 0", false, 0, 1, YETT_EPROTO, "number 0 after 1"},
		{"a number again", false, 1, 1, YETT_EPROTO, "number 1 after 1"},
		{"the last number", false, UINT64_MAX, 1, 0, NULL},
		{"beyond the credit", true, 2, 1, YETT_ELIMIT, "beyond the credit of 900"},
		{"envelope of 513", false, 2, 513, YETT_ELIMIT, "envelope is beyond"},
		{"envelope, all ones", false, 2, UINT16_MAX, YETT_ELIMIT, "envelope is beyond"},
		{"envelope of 0", false, 2, 0, YETT_EPROTO, "header has an impossible length"},
		{"envelope with some of the header", false, 2, 90, YETT_EPROTO, NULL},
	};

	for (size_t k = 0; k < G_N_ELEMENTS(rows); k++) {
		const struct yett_batch *which = rows[k].large ? &large : &batch;
		GByteArray *frame = batch_frame(rows[k].number, which->bytes, which->length);
		int got;

		yett_put16(frame->data + 16, rows[k].envelope);
		got = answer(true, frame, 4096, rows[k].cause);
		if (got != rows[k].want) {
			printf("  %s: %d, want %d\n", rows[k].name, got, rows[k].want);
		}
		CU_ASSERT_EQUAL(got, rows[k].want);
		g_byte_array_unref(frame);
	}
	yett_buffer_unref(batch.buffer);
	yett_buffer_unref(large.buffer);
}

/* What reading a batch of this payload comes to; it may not take more memory than `most`. */
static int open_payload(const uint8_t *payload, size_t length, uint32_t plain, size_t most)
{
	struct yett_batch_info info = {.codec = YETT_CODEC_ZSTD,
		.content = YETT_CONTENT_RECORDS,
		.count = 1,
		.plain_length = plain};
	struct yett_reader *reader = NULL;
	struct yett_batch batch;
	int result;

	CU_ASSERT_EQUAL_FATAL(yett_batch_build(&info, payload, length, &batch), 0);
	yett_alloc_begin();
	result = yett_reader_open(&batch, &reader);
	CU_ASSERT(yett_alloc_peak() <= most);
	yett_reader_close(reader);
	yett_buffer_unref(batch.buffer);
	return result;
}

/* Appends `length` zeros, compressed, with this window. */
static void append_packed(GByteArray *to, size_t length, int window_log, bool told)
{
	uint8_t *plain = g_malloc0(length + 1);
	size_t bound = ZSTD_compressBound(length);
	uint8_t *packed = g_malloc(bound);
	ZSTD_CCtx *context = ZSTD_createCCtx();

	ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, told);
	if (window_log > 0) {
		ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
	}
	bound = ZSTD_compress2(context, packed, bound, plain, length);
	CU_ASSERT_FALSE_FATAL(ZSTD_isError(bound));
	g_byte_array_append(to, packed, (guint)bound);
	ZSTD_freeCCtx(context);
	g_free(packed);
	g_free(plain);
}

/* The same bytes, again and again, up to `length` of them. */
static void repeat(GByteArray *bytes, guint length)
{
	guint once = bytes->len;

	while (bytes->len + once <= length) {
		g_byte_array_set_size(bytes, bytes->len + once);
		memcpy(bytes->data + bytes->len - once, bytes->data, once);
	}
}

static void test_bombs(void)
{
	const size_t most = YETT_BATCH_PLAIN_MAX + ZSTD_MEMORY_MAX;
	GByteArray *bytes = g_byte_array_new();

	for (int told = 0; told < 2; told++) {
		/* 64 MiB in 2 KiB. */
		g_byte_array_set_size(bytes, 0);
		append_packed(bytes, 64 << 20, 0, told);
		CU_ASSERT_EQUAL(open_payload(bytes->data, bytes->len, 1000, 1000 + ZSTD_MEMORY_MAX),
			YETT_ECORRUPT);
		CU_ASSERT_EQUAL(open_payload(bytes->data, bytes->len, YETT_BATCH_PLAIN_MAX, most),
			YETT_ECORRUPT);
		/* Frame after frame: together more than the header says. */
		g_byte_array_set_size(bytes, 0);
		append_packed(bytes, 1 << 20, 0, told);
		repeat(bytes, 1000000);
		CU_ASSERT_EQUAL(open_payload(bytes->data, bytes->len, YETT_BATCH_PLAIN_MAX, most),
			YETT_ECORRUPT);
		CU_ASSERT_EQUAL(open_payload(bytes->data, bytes->len, 1, 1 + ZSTD_MEMORY_MAX),
			YETT_ECORRUPT);
		/* Several that hold what it says. */
		g_byte_array_set_size(bytes, 0);
		append_packed(bytes, 1000, 0, told);
		append_packed(bytes, 0, 0, told);
		append_packed(bytes, 500, 0, told);
		CU_ASSERT_EQUAL(open_payload(bytes->data, bytes->len, 1500, most), 0);
		CU_ASSERT_EQUAL(open_payload(bytes->data, bytes->len, 1499, most), YETT_ECORRUPT);
		CU_ASSERT_EQUAL(open_payload(bytes->data, bytes->len, 1501, most), YETT_ECORRUPT);
		CU_ASSERT_EQUAL(
			open_payload(bytes->data, bytes->len - 1, 1500, most), YETT_ECORRUPT);
	}
	/* Nothing, a hundred thousand times, and what zstd skips. */
	g_byte_array_set_size(bytes, 0);
	append_packed(bytes, 0, 0, true);
	repeat(bytes, 1000000);
	CU_ASSERT_EQUAL(open_payload(bytes->data, bytes->len, 1, ZSTD_MEMORY_MAX), YETT_ECORRUPT);
	g_byte_array_set_size(bytes, 0);
	g_byte_array_append(bytes, (const uint8_t *)"\x50\x2a\x4d\x18\xff\xff\xff\xff", 8);
	CU_ASSERT_EQUAL(open_payload(bytes->data, bytes->len, 1, ZSTD_MEMORY_MAX), YETT_ECORRUPT);
	g_byte_array_unref(bytes);
}

/* A window of 2 GiB: a decoder that makes room for it is the one that is hit. */
static void test_huge_window(void)
{
	/* Magic; no content size, no checksum; window 2^31; a raw block, the last, of 1 byte. */
	uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x09, 0x00, 0x00, 'x'};
	/* The same with a content of 2^64 - 1 bytes, told. */
	uint8_t told[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0x09, 0x00, 0x00, 'x'};
	/* A dictionary that nobody has. */
	uint8_t dictionary[] = {0x28, 0xb5, 0x2f, 0xfd, 0x21, 0x07, 0x01, 0x09, 0x00, 0x00, 'x'};

	CU_ASSERT(open_payload(frame, sizeof(frame), 1, ZSTD_MEMORY_MAX) <= 0);
	frame[5] = 0xff; /* the largest that can be said: 3.75 TiB */
	CU_ASSERT(open_payload(frame, sizeof(frame), 1, ZSTD_MEMORY_MAX) <= 0);
	/* Which is what zstd's interface says for "not told". */
	CU_ASSERT_EQUAL(open_payload(told, sizeof(told), 1, ZSTD_MEMORY_MAX), 0);
	told[5] = 0xf0;
	CU_ASSERT_EQUAL(open_payload(told, sizeof(told), 1, ZSTD_MEMORY_MAX), YETT_ECORRUPT);
	CU_ASSERT_EQUAL(
		open_payload(dictionary, sizeof(dictionary), 1, ZSTD_MEMORY_MAX), YETT_ECORRUPT);
}

static void test_acks(void)
{
	static const struct {
		const char *name;
		struct yett_ack ack;
		int want;
		const char *cause;
	} rows[] = {
		{"what was sent", {.range_count = 1, .ranges = {{1, 1}}}, 0, NULL},
		{"it again", {.range_count = 2, .ranges = {{1, 1}, {1, 1}}}, 0, NULL},
		{"nothing", {.range_count = 0}, 0, NULL},
		{"the next", {.range_count = 1, .ranges = {{2, 2}}}, YETT_EPROTO,
			"ACK names the batch 2, and 1 were sent"},
		{"all there can be", {.range_count = 1, .ranges = {{1, UINT64_MAX}}}, YETT_EPROTO,
			"ACK names the batch 18446744073709551615"},
		{"number 0", {.range_count = 1, .ranges = {{0, 1}}}, YETT_EPROTO, "ACK"},
		{"backwards", {.range_count = 1, .ranges = {{1, 0}}}, YETT_EPROTO, "ACK"},
		{"refused, not sent", {.refusal_count = 1, .refusals = {{2, 4, 0}}}, YETT_EPROTO,
			"ACK names the batch 2"},
		{"refused, number 0", {.refusal_count = 1, .refusals = {{0, 4, 0}}}, YETT_EPROTO,
			"ACK"},
	};

	for (size_t k = 0; k < G_N_ELEMENTS(rows); k++) {
		GByteArray *bytes = g_byte_array_new();
		int got;

		yett_ack_encode(&rows[k].ack, bytes);
		got = answer(false, bytes, sizeof(struct yett_ack) + 4096, rows[k].cause);
		if (got != rows[k].want) {
			printf("  %s: %d, want %d\n", rows[k].name, got, rows[k].want);
		}
		CU_ASSERT_EQUAL(got, rows[k].want);
		g_byte_array_unref(bytes);
	}
}

static void test_credit(void)
{
	static const struct {
		struct yett_credit credit;
		bool to_acceptor;
		int want;
		const char *cause;
	} rows[] = {
		{{.granted = {YETT_WIRE_CREDIT_MAX - 1000}}, false, 0, NULL},
		{{.granted = {YETT_WIRE_CREDIT_MAX - 999}}, false, YETT_ELIMIT,
			"2^40 bytes in lane 0"},
		{{.granted = {0, 0, UINT64_MAX}}, false, YETT_ELIMIT, "2^40 bytes in lane 2"},
		{{.granted = {1}}, true, YETT_EPROTO, "CREDIT grants"},
		{{.wanted = {1}}, false, YETT_EPROTO, "CREDIT wants"},
		{{.wanted = {YETT_BATCH_MAX}}, true, 0, NULL},
		{{.wanted = {0, YETT_BATCH_MAX + 1}}, true, YETT_ELIMIT, "in lane 1"},
		{{.wanted = {UINT64_MAX}}, true, YETT_ELIMIT, "CREDIT wants"},
	};

	for (size_t k = 0; k < G_N_ELEMENTS(rows); k++) {
		GByteArray *bytes = g_byte_array_new();

		yett_credit_encode(&rows[k].credit, bytes);
		CU_ASSERT_EQUAL(
			answer(rows[k].to_acceptor, bytes, 4096, rows[k].cause), rows[k].want);
		g_byte_array_unref(bytes);
	}
}

/* A control frame whose map has one key, with an array of `count` times `item`. */
static GByteArray *list_frame(
	int type, const char *before, uint8_t key, uint32_t count, const uint8_t *item, size_t size)
{
	GByteArray *bytes = g_byte_array_new();
	guint start = yett_frame_begin(bytes);
	uint8_t head[4] = {key, 0x99, (uint8_t)(count >> 8), (uint8_t)count};

	g_byte_array_append(bytes, (const uint8_t *)before, (guint)strlen(before));
	g_byte_array_append(bytes, head, sizeof(head));
	for (uint32_t i = 0; i < count; i++) {
		g_byte_array_append(bytes, item, (guint)size);
	}
	yett_frame_end(bytes, start, type);
	return bytes;
}

/* Each list at its limit and one beyond it. */
static void test_list_limits(void)
{
	static const uint8_t id[17] = {0x50, 9};
	static const uint8_t one[1] = {1};
	/* id, boot, via, session 1, live, name "n" */
	static const uint8_t node[] = {0xa6, 1, 0x50, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 2, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0x50, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 5, 0xf5, 7, 0x61, 'n'};
	static const struct {
		const char *name;
		int type;
		bool to_acceptor;
		const char *before; /* the map's head, and what stands before the list */
		uint8_t key;
		uint32_t limit; /* items */
		const uint8_t *item;
		size_t size;
	} rows[] = {
		{"ACK", YETT_FRAME_ACK, false, "\xa1", 1, 2 * YETT_ACK_RANGES_MAX, one, 1},
		{"ACK", YETT_FRAME_ACK, false, "\xa1", 2, 3 * YETT_ACK_REFUSALS_MAX, one, 1},
		{"PATH", YETT_FRAME_PATH, false, "\xa2\x01\xf5", 2, YETT_PATH_MAX, id, sizeof(id)},
		{"ATTACH", YETT_FRAME_ATTACH, true, "\xa1", 1, YETT_ATTACH_MAX, node, sizeof(node)},
		{"DETACH", YETT_FRAME_DETACH, true, "\xa1", 1, YETT_ATTACH_MAX, id, sizeof(id)},
	};

	for (size_t k = 0; k < G_N_ELEMENTS(rows); k++) {
		for (uint32_t beyond = 0; beyond < 2; beyond++) {
			uint32_t count = rows[k].limit + beyond;
			GByteArray *bytes = list_frame(rows[k].type, rows[k].before, rows[k].key,
				count, rows[k].item, rows[k].size);
			int got = answer(rows[k].to_acceptor, bytes,
				sizeof(struct yett_attach) + 4096, beyond ? rows[k].name : NULL);

			if (got != (beyond ? YETT_ELIMIT : 0)) {
				printf("  %s with %u: %d\n", rows[k].name, count, got);
				CU_FAIL("not its limit");
			}
			g_byte_array_unref(bytes);
		}
	}
}

/* The body of each message, well-formed. */
static GByteArray *good_frame(int type)
{
	struct yett_attach *attach = g_new0(struct yett_attach, 1);
	const struct yett_path path = {.open = true, .count = 1};
	const struct yett_ack ack = {.range_count = 0};
	const struct yett_credit credit = {.granted = {0}};
	const struct yett_heartbeat heartbeat = {.interval_s = 60};
	struct yett_admission *admission = g_new0(struct yett_admission, 1);
	struct yett_batch batch = make_batch(1, 300);
	GByteArray *to = g_byte_array_new();

	admission->ask_count = 1;
	admission->asks[0] = asked;
	switch (type) {
	case YETT_FRAME_HELLO:
		yett_hello_encode(&hello, to);
		break;
	case YETT_FRAME_AUTH:
		yett_auth_encode(&auth_done, to);
		break;
	case YETT_FRAME_INTRO:
		yett_intro_encode(&intro, to);
		break;
	case YETT_FRAME_WELCOME:
		yett_welcome_encode(&welcome, to);
		break;
	case YETT_FRAME_REFUSE:
	case YETT_FRAME_GOODBYE:
		yett_refuse_encode(&leaving, type, to);
		break;
	case YETT_FRAME_BATCH:
		g_byte_array_unref(to);
		to = batch_frame(1, batch.bytes, batch.length);
		break;
	case YETT_FRAME_ACK:
		yett_ack_encode(&ack, to);
		break;
	case YETT_FRAME_CREDIT:
		yett_credit_encode(&credit, to);
		break;
	case YETT_FRAME_PATH:
		yett_path_encode(&path, to);
		break;
	case YETT_FRAME_ATTACH:
		yett_attach_encode(attach, to);
		break;
	case YETT_FRAME_DETACH:
		yett_detach_encode(&(struct yett_detach){.count = 1}, to);
		break;
	case YETT_FRAME_HEARTBEAT:
		yett_heartbeat_encode(&heartbeat, to);
		break;
	case YETT_FRAME_PING:
	case YETT_FRAME_PONG:
		yett_ping_encode(&(struct yett_ping){.token = 1}, type, to);
		break;
	case YETT_FRAME_STANDBY:
		yett_standby_encode(&(struct yett_standby){.session = 9}, to);
		break;
	case YETT_FRAME_CONFIG:
	case YETT_FRAME_APPLIED:
	case YETT_FRAME_QUERY:
	case YETT_FRAME_REPORT:
		put_managed(type, to);
		break;
	case YETT_FRAME_ADMISSION:
		yett_admission_encode(admission, to);
		break;
	default:
		yett_frame_end(to, yett_frame_begin(to), type);
		break;
	}
	yett_buffer_unref(batch.buffer);
	g_free(admission);
	g_free(attach);
	return to;
}

/* Which messages an acceptor (a) and an initiator (i) take in each state. WELCOME is taken after
 * both INTROs only, which have not been here. */
static const struct {
	int type;
	const char *taken[YETT_WIRE_CLOSED]; /* by state */
} table[] = {
	{YETT_FRAME_HELLO, {NULL, "ai", "", "", ""}}, {YETT_FRAME_AUTH, {NULL, "", "ai", "", ""}},
	{YETT_FRAME_INTRO, {NULL, "", "", "ai", ""}}, {YETT_FRAME_WELCOME, {NULL, "", "", "", ""}},
	{YETT_FRAME_REFUSE, {NULL, "ai", "ai", "ai", "ai"}},
	{YETT_FRAME_BATCH, {NULL, "", "", "", "a"}}, {YETT_FRAME_ACK, {NULL, "", "", "", "i"}},
	{YETT_FRAME_CREDIT, {NULL, "", "", "", "ai"}}, {YETT_FRAME_PATH, {NULL, "", "", "", "i"}},
	{YETT_FRAME_ATTACH, {NULL, "", "", "", "a"}}, {YETT_FRAME_DETACH, {NULL, "", "", "", "a"}},
	{YETT_FRAME_HEARTBEAT, {NULL, "", "", "", "ai"}},
	{YETT_FRAME_PING, {NULL, "", "", "", "ai"}}, {YETT_FRAME_PONG, {NULL, "", "", "", "ai"}},
	{YETT_FRAME_GOODBYE, {NULL, "ai", "ai", "ai", "ai"}},
	{YETT_FRAME_STANDBY, {NULL, "", "", "", "a"}}, {YETT_FRAME_CONFIG, {NULL, "", "", "", "i"}},
	{YETT_FRAME_APPLIED, {NULL, "", "", "", "a"}}, {YETT_FRAME_QUERY, {NULL, "", "", "", "i"}},
	{YETT_FRAME_REPORT, {NULL, "", "", "", ""}},     /* nobody has asked */
	{YETT_FRAME_ADMISSION, {NULL, "", "", "", "a"}}, /* it asks */
};

static const char *taken_by(int type, enum yett_wire_state state)
{
	for (size_t k = 0; k < G_N_ELEMENTS(table); k++) {
		if (table[k].type == type) {
			return table[k].taken[state];
		}
	}
	return type >= YETT_FRAME_IGNORABLE ? "ai" : ""; /* unknown */
}

static void check_message(int type, enum yett_wire_state state, char by)
{
	GByteArray *bytes = good_frame(type);
	bool taken = strchr(taken_by(type, state), by) != NULL;
	struct pair pair;
	struct end *end = by == 'a' ? &pair.a : &pair.i;

	pair_init(&pair, 0);
	bring_to(&pair, state);
	if (state == YETT_WIRE_OPEN) {
		grant(&pair, 0, 1000, 0);
	}
	yett_wire_receive(end->wire, bytes->data, bytes->len);
	if (taken != (end->failure == 0)) {
		printf("  type %d in state %d by %c: %d, %s\n", type, state, by, end->failure,
			end->cause);
		CU_FAIL("not as the table says");
	}
	CU_ASSERT(taken || end->failure == YETT_EPROTO);
	pair_done(&pair);
	g_byte_array_unref(bytes);
}

/* All 256 types in all states at both ends. */
static void test_state_table(void)
{
	for (int type = 0; type < 256; type++) {
		for (enum yett_wire_state state = YETT_WIRE_HELLO; state <= YETT_WIRE_OPEN;
			state++) {
			check_message(type, state, 'a');
			check_message(type, state, 'i');
		}
	}
}

/* What may come once only, and comes again. */
static void test_twice(void)
{
	static const struct {
		int type;
		enum yett_wire_state state;
		const char *cause;
	} rows[] = {
		{YETT_FRAME_HELLO, YETT_WIRE_HELLO, "second HELLO"},
		{YETT_FRAME_AUTH, YETT_WIRE_AUTH, "AUTH came after the peer was done"},
		{YETT_FRAME_INTRO, YETT_WIRE_INTRO, "second INTRO"},
	};
	struct pair pair;

	for (size_t k = 0; k < G_N_ELEMENTS(rows); k++) {
		GByteArray *bytes = good_frame(rows[k].type);

		pair_init(&pair, 0);
		bring_to(&pair, rows[k].state);
		/* The initiator: it does not answer by itself here, so its state stays. */
		yett_wire_receive(pair.i.wire, bytes->data, bytes->len);
		CU_ASSERT_EQUAL(pair.i.failure, 0);
		if (rows[k].state == YETT_WIRE_HELLO) {
			CU_ASSERT_EQUAL(yett_wire_state(pair.i.wire), YETT_WIRE_HELLO);
		}
		yett_wire_receive(pair.i.wire, bytes->data, bytes->len);
		CU_ASSERT_EQUAL(pair.i.failure, YETT_EPROTO);
		CU_ASSERT_PTR_NOT_NULL(strstr(pair.i.cause, rows[k].cause));
		pair_done(&pair);
		g_byte_array_unref(bytes);
	}
}

/* Tokens: their length, their chunks, how many. */
static void test_tokens(void)
{
	static const uint8_t token[YETT_AUTH_CHUNK_MAX];
	static const struct {
		const char *name;
		struct yett_auth_message message;
		const char *other; /* method of the second chunk */
		int times, want;
		const char *cause;
	} rows[] = {
		{"64 KiB", {.token_length = 13107, .more = true}, NULL, 5, 0, NULL},
		{"more", {.token_length = 13108, .more = true}, NULL, 5, YETT_ELIMIT,
			"65536 bytes"},
		{"another method", {.token_length = 5, .more = true}, "x", 2, YETT_EPROTO,
			"goes on with x"},
		{"sixteen", {.token_length = 5}, NULL, 16, 0, NULL},
		{"seventeen", {.token_length = 5}, NULL, 17, YETT_ELIMIT,
			"more than 16 tokens of kerberos"},
	};

	for (size_t k = 0; k < G_N_ELEMENTS(rows); k++) {
		struct yett_auth_message message = rows[k].message;
		struct pair pair;

		message.token = token;
		message.status = YETT_AUTH_CONTINUE;
		g_strlcpy(message.method, "kerberos", sizeof(message.method));
		pair_init(&pair, 0);
		bring_to(&pair, YETT_WIRE_AUTH);
		yett_alloc_begin();
		for (int n = 0; n < rows[k].times; n++) {
			GByteArray *bytes = g_byte_array_new();

			if (n > 0 && rows[k].other != NULL) {
				g_strlcpy(message.method, rows[k].other, sizeof(message.method));
			}
			yett_auth_encode(&message, bytes);
			yett_wire_receive(pair.a.wire, bytes->data, bytes->len);
			g_byte_array_unref(bytes);
		}
		CU_ASSERT(yett_alloc_peak() < 4 * YETT_AUTH_TOKEN_MAX);
		if (pair.a.failure != rows[k].want) {
			printf("  %s: %d, %s\n", rows[k].name, pair.a.failure, pair.a.cause);
		}
		CU_ASSERT_EQUAL(pair.a.failure, rows[k].want);
		CU_ASSERT(rows[k].cause == NULL || strstr(pair.a.cause, rows[k].cause) != NULL);
		pair_done(&pair);
	}
}

/* Many thousand frames of each kind from a peer that is right and does not stop: what the machine
 * keeps does not grow. PING alone makes answers, and is given up by what it leaves unread. */
static void test_floods(void)
{
	static const int types[] = {YETT_FRAME_CREDIT, YETT_FRAME_ATTACH, YETT_FRAME_DETACH,
		YETT_FRAME_HEARTBEAT, YETT_FRAME_PONG, 200, YETT_FRAME_PING};

	for (size_t k = 0; k < G_N_ELEMENTS(types); k++) {
		GByteArray *bytes = good_frame(types[k]);
		struct pair pair;

		pair_init(&pair, 0);
		bring_to(&pair, YETT_WIRE_OPEN);
		yett_alloc_begin();
		for (int n = 0; n < 150000 && pair.a.failure == 0; n++) {
			yett_wire_receive(pair.a.wire, bytes->data, bytes->len);
			g_string_truncate(pair.a.told, 0);
		}
		if (types[k] == YETT_FRAME_PING) {
			CU_ASSERT_EQUAL(pair.a.failure, YETT_ELIMIT);
			CU_ASSERT_PTR_NOT_NULL(strstr(pair.a.cause, "control unread"));
			CU_ASSERT(yett_alloc_peak() < 4 * YETT_WIRE_UNSENT_MAX);
		} else {
			CU_ASSERT_EQUAL(pair.a.failure, 0);
			CU_ASSERT(yett_alloc_peak() < sizeof(struct yett_attach) + 4096);
		}
		pair_done(&pair);
		g_byte_array_unref(bytes);
	}
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"changed headers and payloads", test_changed_batches},
		{"numbers, credit, envelopes", test_batch_frames},
		{"zstd bombs", test_bombs},
		{"zstd windows, sizes and dictionaries", test_huge_window},
		{"acknowledgements", test_acks},
		{"credit", test_credit},
		{"lists at their limits", test_list_limits},
		{"every message in every state", test_state_table},
		{"messages that may come once", test_twice},
		{"tokens", test_tokens},
		{"floods", test_floods},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "wire-hostile-batch", tests);
}
