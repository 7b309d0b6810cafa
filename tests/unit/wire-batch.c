/* Batches, pieces and envelopes: what is made can be read, and whatever is not right is refused
 * with the right answer. */
#include <stdlib.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "wire/batch.h"
#include "wire/envelope.h"
#include "wire/pieces.h"
#include "suite.h"

static const struct yett_id origin = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static const struct yett_epoch epoch = {1700000000, 0x1122334455667788};

static struct yett_batch made(void)
{
	struct yett_batch_info info = {
		.lane = YETT_LANE_NORMAL,
		.codec = YETT_CODEC_PLAIN,
		.content = YETT_CONTENT_RECORDS,
		.count = 3,
		.plain_length = 5,
		.created_ns = -7,
	};
	struct yett_batch batch;

	CU_ASSERT_EQUAL_FATAL(yett_batch_build(&info, "hello", 5, &batch), 0);
	yett_batch_renumber(&batch, &origin, &epoch, 41);
	return batch;
}

static void test_round_trip(void)
{
	struct yett_batch batch = made(), back;
	struct yett_range range;

	CU_ASSERT_EQUAL(batch.length, YETT_BATCH_HEADER_SIZE + 5);
	CU_ASSERT_EQUAL_FATAL(yett_batch_parse(batch.buffer, batch.bytes, batch.length, &back), 0);
	CU_ASSERT_EQUAL(memcmp(&back, &batch, sizeof(back)), 0);
	CU_ASSERT_EQUAL(back.info.first, 41);
	CU_ASSERT_EQUAL(back.info.created_ns, -7);
	CU_ASSERT_EQUAL(back.info.payload_crc, yett_crc32c(0, "hello", 5));
	range = yett_batch_range(&back.info);
	CU_ASSERT_EQUAL(range.first, 41);
	CU_ASSERT_EQUAL(range.count, 3);
	CU_ASSERT_EQUAL(range.lane, YETT_LANE_NORMAL);
	CU_ASSERT_EQUAL(memcmp(&range.origin, &origin, sizeof(origin)), 0);
	CU_ASSERT_EQUAL(range.epoch.random, epoch.random);
	yett_buffer_unref(batch.buffer);
}

static void test_build_refusals(void)
{
	static uint8_t large[YETT_BATCH_MAX];
	struct yett_batch_info info = {.count = 1, .plain_length = 5};
	struct yett_batch batch;

	CU_ASSERT_EQUAL(yett_batch_build(&info, "hello", 0, &batch), YETT_EINVAL);
	CU_ASSERT_EQUAL(yett_batch_build(&info, "hello", 4, &batch), YETT_EINVAL);
	info.lane = YETT_LANES;
	CU_ASSERT_EQUAL(yett_batch_build(&info, "hello", 5, &batch), YETT_EINVAL);
	info.lane = 0;
	info.count = 0;
	CU_ASSERT_EQUAL(yett_batch_build(&info, "hello", 5, &batch), YETT_EINVAL);
	info.count = 1;
	info.plain_length = YETT_BATCH_PLAIN_MAX + 1;
	info.codec = YETT_CODEC_ZSTD;
	CU_ASSERT_EQUAL(yett_batch_build(&info, "hello", 5, &batch), YETT_ELIMIT);
	info.codec = YETT_CODEC_PLAIN;
	info.plain_length = sizeof(large) - YETT_BATCH_HEADER_SIZE + 1;
	CU_ASSERT_EQUAL(yett_batch_build(&info, large, info.plain_length, &batch), YETT_ELIMIT);
	info.plain_length--;
	CU_ASSERT_EQUAL(yett_batch_build(&info, large, info.plain_length, &batch), 0);
	CU_ASSERT_EQUAL(batch.length, YETT_BATCH_MAX);
	yett_buffer_unref(batch.buffer);
}

static void seal(uint8_t *bytes, size_t header_length)
{
	yett_put32(bytes + header_length - 4, yett_crc32c(0, bytes, header_length - 4));
}

/* One field of a good header changed, the checksum made good again. */
static const struct change {
	const char *name;
	unsigned at, size;
	uint64_t value;
	int want;
} changes[] = {
	{"magic", 0, 4, 0x42544558, YETT_ECORRUPT},
	{"version 0", 4, 2, 0, YETT_EVERSION},
	{"version 2", 4, 2, 2, YETT_EVERSION},
	{"header length below", 6, 2, 87, YETT_ECORRUPT},
	{"header length above", 6, 2, 89, YETT_ECORRUPT},
	{"critical flag", 8, 1, 1, YETT_EVERSION},
	{"ignorable flag", 9, 1, 0xff, 0},
	{"lane", 10, 1, 3, YETT_EVERSION},
	{"another codec", 11, 1, 200, 0},
	{"another content", 12, 2, 999, 0},
	{"reserved", 14, 2, 1, YETT_EVERSION},
	{"first 0", 48, 8, 0, YETT_ECORRUPT},
	{"first too high", 48, 8, UINT64_MAX - 2, YETT_ECORRUPT},
	{"first highest", 48, 8, UINT64_MAX - 3, 0},
	{"count 0", 64, 4, 0, YETT_ECORRUPT},
	{"count highest", 64, 4, UINT32_MAX, 0},
	{"stored length 0", 68, 4, 0, YETT_ECORRUPT},
	{"stored length other", 68, 4, 6, YETT_ECORRUPT},
	{"stored length above", 68, 4, YETT_BATCH_MAX - 87, YETT_ELIMIT},
	{"stored length huge", 68, 4, UINT32_MAX, YETT_ELIMIT},
	{"plain length other", 72, 4, 4, YETT_ECORRUPT},
	{"plain length above", 72, 4, YETT_BATCH_PLAIN_MAX + 1, YETT_ELIMIT},
	{"payload checksum", 76, 4, 1, YETT_ECORRUPT},
	{"tag length 1", 82, 2, 1, YETT_ECORRUPT},
	{"tag length above", 82, 2, 257, YETT_ELIMIT},
};

static void test_changed_headers(void)
{
	struct yett_batch batch = made(), back;
	uint8_t bytes[YETT_BATCH_HEADER_SIZE + 5];

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *change = &changes[i];
		int got;

		memcpy(bytes, batch.bytes, sizeof(bytes));
		for (unsigned j = 0; j < change->size; j++) {
			bytes[change->at + j] = (uint8_t)(change->value >> (8 * j));
		}
		seal(bytes, YETT_BATCH_HEADER_SIZE);
		got = yett_batch_parse(NULL, bytes, sizeof(bytes), &back);
		if (got != change->want) {
			printf("  %s: %d, want %d\n", change->name, got, change->want);
		}
		CU_ASSERT_EQUAL(got, change->want);
	}
	yett_buffer_unref(batch.buffer);
}

/* Every bit of header and payload is covered by a checksum, and no length but the exact one. */
static void test_damage(void)
{
	struct yett_batch batch = made(), back;
	uint8_t bytes[YETT_BATCH_HEADER_SIZE + 6] = {0};
	size_t length = batch.length;

	memcpy(bytes, batch.bytes, length);
	for (size_t bit = 0; bit < length * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT(yett_batch_parse(NULL, bytes, length, &back) < 0);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < length; cut++) {
		uint8_t *exact = malloc(cut + 1);

		memcpy(exact, bytes, cut);
		exact = realloc(exact, cut > 0 ? cut : 1);
		CU_ASSERT_EQUAL(yett_batch_parse(NULL, exact, cut, &back), YETT_ECORRUPT);
		free(exact);
	}
	CU_ASSERT_EQUAL(yett_batch_parse(NULL, bytes, length + 1, &back), YETT_ECORRUPT);
	CU_ASSERT_EQUAL(yett_batch_parse(NULL, bytes, YETT_BATCH_MAX + 1, &back), YETT_ELIMIT);
	yett_buffer_unref(batch.buffer);
}

/* An authentication tag of any length up to the limit is passed over, and kept. */
static void test_tag(void)
{
	struct yett_batch batch = made(), back;
	static const unsigned lengths[] = {1, 64, 256};

	for (unsigned i = 0; i < 3; i++) {
		unsigned tag = lengths[i], header = YETT_BATCH_HEADER_SIZE + tag;
		uint8_t bytes[YETT_BATCH_HEADER_MAX + 5] = {0};

		memcpy(bytes, batch.bytes, 84);
		yett_put16(bytes + 6, (uint16_t)header);
		yett_put16(bytes + 80, 7);
		yett_put16(bytes + 82, (uint16_t)tag);
		memset(bytes + 84, 0xab, tag);
		seal(bytes, header);
		memcpy(bytes + header, "hello", 5);
		CU_ASSERT_EQUAL_FATAL(yett_batch_parse(NULL, bytes, header + 5, &back), 0);
		CU_ASSERT_EQUAL(back.info.tag_type, 7);
		CU_ASSERT_EQUAL(back.info.tag_length, tag);
		CU_ASSERT_EQUAL(back.info.header_length, header);
		bytes[84] ^= 1;
		CU_ASSERT_EQUAL(yett_batch_parse(NULL, bytes, header + 5, &back), YETT_ECORRUPT);
	}
	yett_buffer_unref(batch.buffer);
}

/* In turn, on one list, with numbers below 10 folded. */
static const struct judged {
	uint64_t first;
	uint32_t count, crc;
	int want;
	size_t pieces;
} judged[] = {
	{100, 10, 1, YETT_VERDICT_NEW, 1},
	{100, 10, 1, YETT_VERDICT_DUPLICATE, 1},
	{100, 10, 2, YETT_VERDICT_FORK, 1},
	{100, 9, 1, YETT_VERDICT_FORK, 1},
	{100, 11, 1, YETT_VERDICT_FORK, 1},
	{99, 1, 1, YETT_VERDICT_NEW, 2},
	{110, 1, 1, YETT_VERDICT_NEW, 3},
	{109, 1, 1, YETT_VERDICT_FORK, 3},
	{98, 2, 1, YETT_VERDICT_FORK, 3},
	{50, 100, 1, YETT_VERDICT_FORK, 3},
	{104, 2, 1, YETT_VERDICT_FORK, 3},
	{20, 30, 1, YETT_VERDICT_NEW, 4},
	{20, 30, 1, YETT_VERDICT_DUPLICATE, 4},
	{1, 9, 5, YETT_VERDICT_DUPLICATE, 4},
	{9, 1, 5, YETT_VERDICT_DUPLICATE, 4},
	{9, 2, 5, YETT_VERDICT_FORK, 4},
	{10, 1, 5, YETT_VERDICT_NEW, 5},
	{UINT64_MAX - 5, 5, 5, YETT_VERDICT_NEW, 6},
	{UINT64_MAX - 5, 5, 5, YETT_VERDICT_DUPLICATE, 6},
	{UINT64_MAX - 1, 1, 5, YETT_VERDICT_FORK, 6},
};

static void test_judge(void)
{
	struct yett_piece pieces[YETT_PIECES_MAX + 1];
	size_t count = 0;

	for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
		struct yett_batch_info info = {.first = judged[i].first,
			.count = judged[i].count,
			.payload_crc = judged[i].crc};
		int got = yett_pieces_judge(pieces, &count, 10, &info);

		if (got != judged[i].want || count != judged[i].pieces) {
			printf("  row %zu: %d with %zu pieces\n", i, got, count);
		}
		CU_ASSERT_EQUAL(got, judged[i].want);
		CU_ASSERT_EQUAL(count, judged[i].pieces);
	}
}

/* Any order of arrival ends in the same sorted list; a full list takes no more, and knows still
 * what it has. */
static void test_judge_full(void)
{
	struct yett_piece pieces[YETT_PIECES_MAX + 1];
	struct yett_batch_info info = {.count = 2, .payload_crc = 9};
	size_t count = 0;

	for (uint64_t i = 0; i < YETT_PIECES_MAX; i++) {
		info.first = 1 + 2 * (i * 387 % YETT_PIECES_MAX);
		CU_ASSERT_EQUAL(yett_pieces_judge(pieces, &count, 0, &info), YETT_VERDICT_NEW);
	}
	for (size_t i = 0; i < YETT_PIECES_MAX; i++) {
		CU_ASSERT_EQUAL(pieces[i].first, 1 + 2 * i);
	}
	CU_ASSERT_EQUAL(yett_pieces_judge(pieces, &count, 0, &info), YETT_VERDICT_DUPLICATE);
	info.first = 1 + 2 * YETT_PIECES_MAX;
	CU_ASSERT_EQUAL(yett_pieces_judge(pieces, &count, 0, &info), YETT_VERDICT_LIMIT);
	CU_ASSERT_EQUAL(count, YETT_PIECES_MAX);
}

static void test_envelope(void)
{
	struct yett_envelope envelope = {.hops = 0}, back;
	uint8_t bytes[YETT_ENVELOPE_MAX];
	size_t length;

	for (envelope.hops = 0; envelope.hops <= YETT_HOPS_MAX; envelope.hops++) {
		if (envelope.hops > 0) {
			memset(&envelope.path[envelope.hops - 1], (int)envelope.hops, 16);
			snprintf(envelope.method, sizeof(envelope.method), "kerberos-1234_x");
		}
		length = yett_envelope_encode(&envelope, bytes);
		CU_ASSERT_EQUAL_FATAL(yett_envelope_decode(bytes, length, &back), 0);
		CU_ASSERT_EQUAL(memcmp(&envelope, &back, sizeof(back)), 0);
		for (size_t cut = 0; cut < length; cut++) {
			CU_ASSERT_EQUAL(yett_envelope_decode(bytes, cut, &back), YETT_EPROTO);
		}
	}
	CU_ASSERT_EQUAL(yett_envelope_decode(bytes, YETT_ENVELOPE_MAX + 1, &back), YETT_ELIMIT);
}

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static const struct {
	const char *name;
	const uint8_t *bytes;
	size_t length;
	int want;
} envelopes[] = {
	{"empty map", BYTES("\xa0"), 0},
	{"nothing", BYTES(""), YETT_EPROTO},
	{"array", BYTES("\x80"), YETT_EPROTO},
	{"trailing byte", BYTES("\xa0\xa0"), YETT_EPROTO},
	{"nine hops", BYTES("\xa1\x01\x89\x40\x40\x40\x40\x40\x40\x40\x40\x40"), YETT_ELIMIT},
	{"short id", BYTES("\xa1\x01\x81\x42xx"), YETT_EPROTO},
	{"method with NUL", BYTES("\xa1\x02\x63x\0y"), YETT_EPROTO},
	{"method of two words", BYTES("\xa1\x02\x63x y"), YETT_EPROTO},
	{"method of 16", BYTES("\xa1\x02\x70xxxxxxxxxxxxxxxx"), YETT_ELIMIT},
	{"unknown key", BYTES("\xa1\x18\x40\x82\x01\xa1\x61x\xf6"), 0},
	{"key twice", BYTES("\xa2\x02\x61x\x02\x61x"), YETT_EPROTO},
	{"keys falling", BYTES("\xa2\x02\x61x\x01\x80"), YETT_EPROTO},
	{"endless map", BYTES("\xbf\xff"), YETT_EPROTO},
	{"endless array", BYTES("\xa1\x01\x9f\xff"), YETT_EPROTO},
	{"count beyond the bytes", BYTES("\xbb\xff\xff\xff\xff\xff\xff\xff\xff"), YETT_EPROTO},
	{"not UTF-8", BYTES("\xa1\x02\x62\xc3x"), YETT_EPROTO},
};

static void test_envelope_table(void)
{
	struct yett_envelope back;

	for (size_t i = 0; i < sizeof(envelopes) / sizeof(envelopes[0]); i++) {
		int got = yett_envelope_decode(envelopes[i].bytes, envelopes[i].length, &back);

		if (got != envelopes[i].want) {
			printf("  %s: %d, want %d\n", envelopes[i].name, got, envelopes[i].want);
		}
		CU_ASSERT_EQUAL(got, envelopes[i].want);
	}
}

static void test_nothing_left(void)
{
	CU_ASSERT_EQUAL(yett_buffer_alive(), 0);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"a batch comes back as it was made", test_round_trip},
		{"what cannot be built is refused", test_build_refusals},
		{"changed headers", test_changed_headers},
		{"damage is noticed", test_damage},
		{"tags", test_tag},
		{"judge", test_judge},
		{"judge, full", test_judge_full},
		{"envelopes come back", test_envelope},
		{"malformed envelopes", test_envelope_table},
		{"nothing is left", test_nothing_left},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "wire-batch", tests);
}
