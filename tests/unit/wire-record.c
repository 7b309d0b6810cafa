/* Payloads and readers: limits, repair, order, compression, and what a hostile batch may not do.
 * The grammar itself is tested by the vectors (wire-vectors.c). */
#include <glib.h>
#include <zstd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "wire/batch.h"
#include "wire/record.h"
#include "wire/utf8.h"
#include "suite.h"

static struct yett_record event(const char *body)
{
	return (struct yett_record){.size = sizeof(struct yett_record),
		.kind = YETT_RECORD_EVENT,
		.time_ns = 1,
		.name = yett_text("log"),
		.body = yett_text(body)};
}

static bool text_is(struct yett_text text, const char *want)
{
	return text.length == strlen(want) && memcmp(text.bytes, want, text.length) == 0;
}

/* Cuts what a payload holds and opens it. */
static struct yett_reader *reopen(
	struct yett_payload *payload, bool compress, struct yett_batch *ret_batch)
{
	struct yett_reader *reader;

	CU_ASSERT_EQUAL_FATAL(yett_payload_cut(payload, YETT_LANE_NORMAL, YETT_CONTENT_RECORDS,
				      compress, 5, ret_batch),
		0);
	CU_ASSERT_EQUAL_FATAL(yett_reader_open(ret_batch, &reader), 0);
	return reader;
}

static void test_limits(void)
{
	static char large[YETT_RECORD_MAX_BODY + 1];
	struct yett_attribute attributes[YETT_RECORD_MAX_ATTRIBUTES + 1];
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX);
	struct yett_record record = event("x");

	memset(large, 'x', sizeof(large));
	record.body = (struct yett_text){large, YETT_RECORD_MAX_BODY};
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), 0);
	record.body.length++;
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_ELIMIT);
	record = event("x");
	record.name = (struct yett_text){large, YETT_RECORD_MAX_NAME + 1};
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_ELIMIT);
	record = event("x");
	record.unit = (struct yett_text){large, YETT_RECORD_MAX_NAME + 1};
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_ELIMIT);
	for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++) {
		attributes[i] = (struct yett_attribute){{large, i + 1}, yett_value_int((int64_t)i)};
	}
	record = event("x");
	record.attributes = attributes;
	record.attribute_count = YETT_RECORD_MAX_ATTRIBUTES + 1;
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_ELIMIT);
	record.attribute_count--;
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), 0);
	CU_ASSERT_EQUAL(yett_payload_count(payload), 2);
	yett_payload_free(payload);
}

static void test_nonsense(void)
{
	struct yett_attribute attribute = {yett_text("k"), {.type = 99}};
	struct yett_payload *payload = yett_payload_new(1000);
	struct yett_record record = event("x");

	record.kind = 9;
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_EINVAL);
	record.kind = YETT_RECORD_METRIC;
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_EINVAL);
	record.value = yett_value_text("5");
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_EINVAL);
	record = event("x");
	record.kind = YETT_RECORD_STATE;
	record.state = 4;
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_EINVAL);
	record.state = 0;
	record.name.length = 0;
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_EINVAL);
	record = event("x");
	record.severity = 25;
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_EINVAL);
	record.severity = 0;
	record.attributes = &attribute;
	record.attribute_count = 1;
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_EINVAL);
	attribute = (struct yett_attribute){yett_text(""), yett_value_int(1)};
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_EINVAL);
	CU_ASSERT_EQUAL(yett_payload_count(payload), 0);
	CU_ASSERT_EQUAL(yett_payload_length(payload), 0); /* all taken back */
	yett_payload_free(payload);
}

static void test_full(void)
{
	struct yett_payload *payload = yett_payload_new(100);
	struct yett_record record = event("0123456789012345678901234567890123456789");
	struct yett_batch batch;
	size_t length;

	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), 0);
	length = yett_payload_length(payload);
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_EFULL);
	CU_ASSERT_EQUAL(yett_payload_length(payload), length);
	CU_ASSERT_EQUAL(yett_payload_count(payload), 1);
	record.body = yett_text("01234567890123456789012345678901234567890123456789"
				"01234567890123456789012345678901234567890123456789");
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_ELIMIT);
	CU_ASSERT_EQUAL(yett_payload_cut(payload, 3, 1, false, 0, &batch), YETT_EINVAL);
	CU_ASSERT_EQUAL(yett_payload_cut(payload, 0, 1, false, 0, &batch), 0);
	CU_ASSERT_EQUAL(batch.info.count, 1);
	CU_ASSERT_EQUAL(batch.info.plain_length, length);
	CU_ASSERT_EQUAL(yett_payload_cut(payload, 0, 1, false, 0, &batch), YETT_EINVAL);
	CU_ASSERT_EQUAL(yett_payload_count(payload), 0);
	yett_buffer_unref(batch.buffer);
	yett_payload_free(payload);
}

/* Keys come out in deterministic order, each once, the first of equals staying. */
static void test_attribute_order(void)
{
	struct yett_attribute attributes[] = {
		{yett_text("zz"), yett_value_int(1)}, {yett_text("b"), yett_value_int(2)},
		{yett_text("aaa"), yett_value_int(3)}, {yett_text("b"), yett_value_int(4)},
		{yett_text("a"), yett_value_int(5)}, {{"\xff", 1}, yett_value_int(6)},
		{yett_text("\xef\xbf\xbd"), yett_value_int(7)}, /* what the one before becomes */
	};
	static const char *const keys[] = {"a", "b", "zz", "aaa", "\xef\xbf\xbd"};
	static const int64_t values[] = {5, 2, 1, 3, 6};
	struct yett_payload *payload = yett_payload_new(1000);
	struct yett_record record = event("x"), back;
	struct yett_reader *reader;
	struct yett_batch batch;

	record.attributes = attributes;
	record.attribute_count = G_N_ELEMENTS(attributes);
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), 0);
	reader = reopen(payload, false, &batch);
	CU_ASSERT_EQUAL_FATAL(yett_reader_next_record(reader, &back), 1);
	CU_ASSERT_EQUAL_FATAL(back.attribute_count, 5);
	for (size_t i = 0; i < 5; i++) {
		CU_ASSERT(text_is(back.attributes[i].key, keys[i]));
		CU_ASSERT_EQUAL(back.attributes[i].value.i, values[i]);
	}
	CU_ASSERT_EQUAL(yett_reader_next_record(reader, &back), 0);
	yett_reader_close(reader);
	yett_buffer_unref(batch.buffer);
	yett_payload_free(payload);
}

#define BAD "\xef\xbf\xbd"
static const struct {
	const char *bytes, *want;
} repairs[] = {
	{"plain", "plain"},
	{"", ""},
	{"\x80", BAD},
	{"a\xff\xfe"
	 "b",
		"a" BAD BAD "b"},
	{"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
	{"\xc3", BAD},
	{"\xc3(", BAD "("},
	{"\xe2\x9c", BAD BAD},
	{"\xe2\x9c\x93", "\xe2\x9c\x93"},
	{"\xc0\x80", BAD BAD},
	{"\xe0\x80\x80", BAD BAD BAD},
	{"\xed\xa0\x80", BAD BAD BAD},
	{"\xed\x9f\xbf", "\xed\x9f\xbf"},
	{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
	{"\xf0\x8f\xbf\xbf", BAD BAD BAD BAD},
	{"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
	{"\xf4\x90\x80\x80", BAD BAD BAD BAD},
	{"\xf5\x80\x80\x80", BAD BAD BAD BAD},
	{"0123456789abcdef\xff", "0123456789abcdef" BAD},
	{"0123456\xe2\x9c\x93 123456789\xc3", "0123456\xe2\x9c\x93 123456789" BAD},
};

static void test_repair(void)
{
	struct yett_payload *payload = yett_payload_new(100000);
	struct yett_record record, back;
	struct yett_reader *reader;
	struct yett_batch batch;

	for (size_t i = 0; i < G_N_ELEMENTS(repairs); i++) {
		size_t length = strlen(repairs[i].bytes);
		bool good = strcmp(repairs[i].bytes, repairs[i].want) == 0;

		CU_ASSERT_EQUAL(
			yett_utf8_valid((const uint8_t *)repairs[i].bytes, length) == length, good);
		record = event(repairs[i].bytes);
		record.name = record.unit = record.body;
		record.value = yett_value_text(repairs[i].bytes);
		CU_ASSERT_EQUAL(yett_payload_record(payload, &record), 0);
	}
	reader = reopen(payload, false, &batch);
	for (size_t i = 0; i < G_N_ELEMENTS(repairs); i++) {
		CU_ASSERT_EQUAL_FATAL(yett_reader_next_record(reader, &back), 1);
		CU_ASSERT(text_is(back.body, repairs[i].want));
		CU_ASSERT(text_is(back.name, repairs[i].want));
		CU_ASSERT(text_is(back.unit, repairs[i].want));
		CU_ASSERT(text_is(back.value.text, repairs[i].want));
	}
	yett_reader_close(reader);
	yett_buffer_unref(batch.buffer);
	/* The limit holds for what it becomes: a body is cut, a name refused. */
	memset(&record, 0, sizeof(record));
	record = event("");
	record.name.bytes =
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
	record.name.length = 85;
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), 0);
	record.name.length = 86;
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), YETT_ELIMIT);
	yett_payload_free(payload);
}

/* What a source has cut at the limit, in the middle of a character, becomes longer by being repaired. */
static void test_repair_at_the_limit(void)
{
	static char large[YETT_RECORD_MAX_BODY];
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX);
	struct yett_record record = event("x"), back;
	struct yett_reader *reader;
	struct yett_batch batch;

	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '\xc3';
	record.body = (struct yett_text){large, sizeof(large)};
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), 0);
	CU_ASSERT_EQUAL_FATAL(yett_payload_cut(payload, 1, 1, false, 0, &batch), 0);
	CU_ASSERT_EQUAL_FATAL(yett_reader_open(&batch, &reader), 0);
	CU_ASSERT_EQUAL_FATAL(yett_reader_next_record(reader, &back), 1);
	CU_ASSERT_EQUAL(back.body.length, sizeof(large) - 1);
	yett_reader_close(reader);
	yett_buffer_unref(batch.buffer);
	yett_payload_free(payload);
}

static void test_compression(void)
{
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX);
	struct yett_record record = event("the same line again and again"), back;
	GRand *chance = g_rand_new_with_seed(3);
	struct yett_reader *reader;
	struct yett_batch batch;
	char noise[5000];

	for (int round = 0; round < 3; round++) { /* the context serves again */
		for (int i = 0; i < 1000; i++) {
			CU_ASSERT_EQUAL(yett_payload_record(payload, &record), 0);
		}
		reader = reopen(payload, true, &batch);
		CU_ASSERT_EQUAL(batch.info.codec, YETT_CODEC_ZSTD);
		CU_ASSERT(batch.info.stored_length < batch.info.plain_length / 10);
		for (int i = 0; i < 1000; i++) {
			CU_ASSERT_EQUAL(yett_reader_next_record(reader, &back), 1);
			CU_ASSERT(text_is(back.body, "the same line again and again"));
		}
		CU_ASSERT_EQUAL(yett_reader_next_record(reader, &back), 0);
		CU_ASSERT_EQUAL(yett_reader_next_record(reader, &back), 0);
		yett_reader_close(reader);
		yett_buffer_unref(batch.buffer);
	}
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), 0); /* too little */
	CU_ASSERT_EQUAL(yett_payload_cut(payload, 0, 1, true, 0, &batch), 0);
	CU_ASSERT_EQUAL(batch.info.codec, YETT_CODEC_PLAIN);
	yett_buffer_unref(batch.buffer);
	/* Valid text, two bytes a character, of which little can be gained. */
	for (size_t i = 0; i < sizeof(noise); i += 2) {
		noise[i] = (char)g_rand_int_range(chance, 0xc2, 0xe0);
		noise[i + 1] = (char)g_rand_int_range(chance, 0x80, 0xc0);
	}
	record.body = (struct yett_text){noise, 300};
	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), 0);
	CU_ASSERT_EQUAL(yett_payload_cut(payload, 0, 1, true, 0, &batch), 0);
	CU_ASSERT_EQUAL(batch.info.codec, YETT_CODEC_PLAIN);
	yett_buffer_unref(batch.buffer);
	g_rand_free(chance);
	yett_payload_free(payload);
}

/* A batch whose payload is `plain` compressed, which claims to be `claimed` long. */
static int open_packed(const void *plain, size_t length, uint32_t claimed, bool told)
{
	size_t bound = ZSTD_compressBound(length);
	uint8_t *packed = g_malloc(bound);
	ZSTD_CCtx *context = ZSTD_createCCtx();
	struct yett_batch_info info = {.codec = YETT_CODEC_ZSTD,
		.content = YETT_CONTENT_RECORDS,
		.count = 1,
		.plain_length = claimed};
	struct yett_reader *reader = NULL;
	struct yett_batch batch;
	int result;

	ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, told);
	bound = ZSTD_compress2(context, packed, bound, plain, length);
	CU_ASSERT_EQUAL_FATAL(yett_batch_build(&info, packed, bound, &batch), 0);
	result = yett_reader_open(&batch, &reader);
	yett_reader_close(reader);
	yett_buffer_unref(batch.buffer);
	ZSTD_freeCCtx(context);
	g_free(packed);
	return result;
}

static void test_bombs(void)
{
	size_t length = 64 * 1024 * 1024;
	uint8_t *plain = g_malloc0(length);

	for (int told = 0; told < 2; told++) {
		CU_ASSERT_EQUAL(open_packed(plain, 1000, 1000, told), 0);
		CU_ASSERT_EQUAL(open_packed(plain, 1000, 999, told), YETT_ECORRUPT);
		CU_ASSERT_EQUAL(open_packed(plain, 1000, 1001, told), YETT_ECORRUPT);
		CU_ASSERT_EQUAL(open_packed(plain, 0, 1, told), YETT_ECORRUPT);
		CU_ASSERT_EQUAL(
			open_packed(plain, length, YETT_BATCH_PLAIN_MAX, told), YETT_ECORRUPT);
		CU_ASSERT_EQUAL(
			open_packed(plain, YETT_BATCH_PLAIN_MAX, YETT_BATCH_PLAIN_MAX, told), 0);
	}
	g_free(plain);
}

static void test_other_content(void)
{
	struct yett_payload *payload = yett_payload_new(1000);
	struct yett_record record = event("x");
	struct yett_notice notice;
	struct yett_reader *reader;
	struct yett_batch batch;

	CU_ASSERT_EQUAL(yett_payload_record(payload, &record), 0);
	reader = reopen(payload, false, &batch);
	CU_ASSERT_EQUAL(yett_reader_next_notice(reader, &notice), YETT_EINVAL);
	CU_ASSERT_EQUAL(yett_reader_next_record(reader, &record), 1);
	/* The reader keeps the batch's bytes. */
	yett_buffer_unref(batch.buffer);
	CU_ASSERT(text_is(record.body, "x"));
	yett_reader_close(reader);
	yett_payload_free(payload);
}

static void test_notices(void)
{
	struct yett_notice notice = {.size = sizeof(notice),
		.kind = YETT_NOTICE_GAP,
		.cause = YETT_GAP_QUOTA,
		.range = {.first = 1, .count = 5, .lane = 1}};
	struct yett_payload *payload = yett_payload_new(10000);

	CU_ASSERT_EQUAL(yett_payload_notice(payload, &notice), 0);
	notice.range.count = 0;
	CU_ASSERT_EQUAL(yett_payload_notice(payload, &notice), YETT_EINVAL);
	notice.kind = YETT_NOTICE_BOUNDS;
	CU_ASSERT_EQUAL(yett_payload_notice(payload, &notice), 0);
	notice.range.lane = YETT_LANES;
	CU_ASSERT_EQUAL(yett_payload_notice(payload, &notice), YETT_EINVAL);
	notice.range.lane = 0;
	notice.range.first = 0;
	CU_ASSERT_EQUAL(yett_payload_notice(payload, &notice), YETT_EINVAL);
	notice.range.first = UINT64_MAX;
	notice.range.count = 1;
	CU_ASSERT_EQUAL(yett_payload_notice(payload, &notice), YETT_EINVAL);
	CU_ASSERT_EQUAL(yett_payload_count(payload), 2);
	yett_payload_free(payload);
}

static void test_nothing_left(void)
{
	CU_ASSERT_EQUAL(yett_buffer_alive(), 0);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"limits", test_limits},
		{"nonsense", test_nonsense},
		{"a full payload", test_full},
		{"order of attributes", test_attribute_order},
		{"repair of text", test_repair},
		{"repair at the limit", test_repair_at_the_limit},
		{"compression", test_compression},
		{"bombs", test_bombs},
		{"other content", test_other_content},
		{"notices", test_notices},
		{"nothing is left", test_nothing_left},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "wire-record", tests);
}
