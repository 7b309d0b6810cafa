/* The batch's header: parsing, checking, making.
 *
 * Responsible for: the 88 bytes and the tag, both checksums, and every rule that a header alone
 * can break. Not for: what the payload says (record.c), nor for codec and content, which relays
 * pass on unread.
 * Threads: any; pure functions over bytes. Ownership: a parsed batch borrows the bytes and the
 * buffer; a built one is given, with one reference.
 * Failure: a result, and the output untouched. */
#include "batch.h"

#include "../base/bytes.h"
#include "../base/crc32c.h"
#include "../base/error.h"

/* Where the fields stand (doc/protocol.md, "Batch"). */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 4,
	AT_HEADER_LENGTH = 6,
	AT_FLAGS = 8, /* critical at 8, ignorable at 9: one u16 */
	AT_LANE = 10,
	AT_CODEC = 11,
	AT_CONTENT = 12,
	AT_RESERVED = 14,
	AT_ORIGIN = 16,
	AT_EPOCH_ORDINAL = 32,
	AT_EPOCH_RANDOM = 40,
	AT_FIRST = 48,
	AT_CREATED = 56,
	AT_COUNT = 64,
	AT_STORED_LENGTH = 68,
	AT_PLAIN_LENGTH = 72,
	AT_PAYLOAD_CRC = 76,
	AT_TAG_TYPE = 80,
	AT_TAG_LENGTH = 82,
	AT_TAG = 84,
	CRC_SIZE = 4,
};

#define FLAGS_CRITICAL       0x00ffu
#define FLAGS_CRITICAL_KNOWN 0x0000u

static void read_header(const uint8_t *bytes, struct yett_batch_info *ret_info)
{
	*ret_info = (struct yett_batch_info){
		.size = sizeof(*ret_info),
		.lane = bytes[AT_LANE],
		.codec = bytes[AT_CODEC],
		.content = yett_get16(bytes + AT_CONTENT),
		.flags = yett_get16(bytes + AT_FLAGS),
		.header_length = yett_get16(bytes + AT_HEADER_LENGTH),
		.epoch = {yett_get64(bytes + AT_EPOCH_ORDINAL),
			yett_get64(bytes + AT_EPOCH_RANDOM)},
		.first = yett_get64(bytes + AT_FIRST),
		.count = yett_get32(bytes + AT_COUNT),
		.stored_length = yett_get32(bytes + AT_STORED_LENGTH),
		.plain_length = yett_get32(bytes + AT_PLAIN_LENGTH),
		.payload_crc = yett_get32(bytes + AT_PAYLOAD_CRC),
		.created_ns = (int64_t)yett_get64(bytes + AT_CREATED),
		.tag_type = yett_get16(bytes + AT_TAG_TYPE),
		.tag_length = yett_get16(bytes + AT_TAG_LENGTH),
	};
	memcpy(ret_info->origin.bytes, bytes + AT_ORIGIN, YETT_ID_SIZE);
}

static void write_header(const struct yett_batch_info *info, uint8_t *ret_bytes)
{
	yett_put32(ret_bytes + AT_MAGIC, YETT_BATCH_MAGIC);
	yett_put16(ret_bytes + AT_VERSION, YETT_BATCH_VERSION);
	yett_put16(ret_bytes + AT_HEADER_LENGTH, info->header_length);
	yett_put16(ret_bytes + AT_FLAGS, info->flags);
	ret_bytes[AT_LANE] = info->lane;
	ret_bytes[AT_CODEC] = info->codec;
	yett_put16(ret_bytes + AT_CONTENT, info->content);
	yett_put16(ret_bytes + AT_RESERVED, 0);
	memcpy(ret_bytes + AT_ORIGIN, info->origin.bytes, YETT_ID_SIZE);
	yett_put64(ret_bytes + AT_EPOCH_ORDINAL, info->epoch.ordinal);
	yett_put64(ret_bytes + AT_EPOCH_RANDOM, info->epoch.random);
	yett_put64(ret_bytes + AT_FIRST, info->first);
	yett_put64(ret_bytes + AT_CREATED, (uint64_t)info->created_ns);
	yett_put32(ret_bytes + AT_COUNT, info->count);
	yett_put32(ret_bytes + AT_STORED_LENGTH, info->stored_length);
	yett_put32(ret_bytes + AT_PLAIN_LENGTH, info->plain_length);
	yett_put32(ret_bytes + AT_PAYLOAD_CRC, info->payload_crc);
	yett_put16(ret_bytes + AT_TAG_TYPE, info->tag_type);
	yett_put16(ret_bytes + AT_TAG_LENGTH, info->tag_length);
}

/* Over all of the header before it; returns it, and writes it. */
static uint32_t seal_header(uint8_t *bytes, uint16_t header_length)
{
	uint32_t crc = yett_crc32c(0, bytes, header_length - CRC_SIZE);
	yett_put32(bytes + header_length - CRC_SIZE, crc);
	return crc;
}

/* What is wrong with a header, in words that follow "the header", and as what it is answered. */
struct fault {
	int result; /* 0: nothing */
	const char *why;
};

/* What an intact header may still have wrong. */
static struct fault check_info(const struct yett_batch_info *info, uint16_t reserved)
{
	if ((info->flags & FLAGS_CRITICAL & ~FLAGS_CRITICAL_KNOWN) != 0) {
		return (struct fault){YETT_EVERSION, "has a critical flag that is unknown here"};
	}
	if (reserved != 0) {
		return (struct fault){YETT_EVERSION, "has reserved bits set"};
	}
	if (info->lane >= YETT_LANES) {
		return (struct fault){YETT_EVERSION, "has a lane that there is not"};
	}
	if (info->plain_length > YETT_BATCH_PLAIN_MAX) {
		return (struct fault){YETT_ELIMIT, "has a plain length beyond the limit"};
	}
	if (info->stored_length > (uint32_t)YETT_BATCH_MAX - info->header_length) {
		return (struct fault){YETT_ELIMIT, "has a stored length beyond the limit"};
	}
	if (info->count == 0) {
		return (struct fault){YETT_ECORRUPT, "counts no record"};
	}
	if (info->first == 0) {
		return (struct fault){YETT_ECORRUPT, "has 0 for its first number"};
	}
	if (info->first > UINT64_MAX - info->count) {
		return (struct fault){YETT_ECORRUPT, "has numbers that go beyond 64 bits"};
	}
	if (info->stored_length == 0 || info->plain_length == 0) {
		return (struct fault){YETT_ECORRUPT, "has a length of 0"};
	}
	if (info->codec == YETT_CODEC_PLAIN && info->plain_length != info->stored_length) {
		return (struct fault){YETT_ECORRUPT, "has two lengths for a plain payload"};
	}
	return (struct fault){0, NULL};
}

static struct fault read_and_check(
	const uint8_t *bytes, size_t length, struct yett_batch_info *ret_info)
{
	if (length < YETT_BATCH_HEADER_SIZE) {
		return (struct fault){YETT_ECORRUPT, "is cut"};
	}
	if (yett_get32(bytes + AT_MAGIC) != YETT_BATCH_MAGIC) {
		return (struct fault){YETT_ECORRUPT, "does not begin with YETB"};
	}
	if (yett_get16(bytes + AT_VERSION) != YETT_BATCH_VERSION) {
		return (struct fault){YETT_EVERSION, "has a version that is unknown here"};
	}
	read_header(bytes, ret_info);
	if (ret_info->tag_length > YETT_BATCH_TAG_MAX) {
		return (struct fault){YETT_ELIMIT, "has a tag beyond the limit"};
	}
	if (ret_info->header_length != YETT_BATCH_HEADER_SIZE + ret_info->tag_length ||
		length < ret_info->header_length) {
		return (struct fault){YETT_ECORRUPT, "has another length than it says"};
	}
	ret_info->header_crc = yett_get32(bytes + ret_info->header_length - CRC_SIZE);
	if (ret_info->header_crc != yett_crc32c(0, bytes, ret_info->header_length - CRC_SIZE)) {
		return (struct fault){YETT_ECORRUPT, "does not match its checksum"};
	}
	return check_info(ret_info, yett_get16(bytes + AT_RESERVED));
}

int yett_batch_judge_header(
	const uint8_t *bytes, size_t length, struct yett_batch_info *ret_info, const char **ret_why)
{
	struct yett_batch_info info;
	struct fault fault = read_and_check(bytes, length, &info);

	if (fault.result < 0) {
		*ret_why = fault.why;
		return fault.result;
	}
	*ret_info = info;
	return 0;
}

int yett_batch_parse_header(const uint8_t *bytes, size_t length, struct yett_batch_info *ret_info)
{
	const char *why;

	return yett_batch_judge_header(bytes, length, ret_info, &why);
}

int yett_batch_parse(struct yett_buffer *buffer, const uint8_t *bytes, size_t length,
	struct yett_batch *ret_batch)
{
	struct yett_batch_info info;
	int result;

	if (length > YETT_BATCH_MAX) {
		return YETT_ELIMIT;
	}
	result = yett_batch_parse_header(bytes, length, &info);
	if (result < 0) {
		return result;
	}
	if (length != (size_t)info.header_length + info.stored_length ||
		yett_crc32c(0, bytes + info.header_length, info.stored_length) !=
			info.payload_crc) {
		return YETT_ECORRUPT;
	}
	*ret_batch = (struct yett_batch){
		.size = sizeof(*ret_batch),
		.length = (uint32_t)length,
		.bytes = bytes,
		.buffer = buffer,
		.info = info,
	};
	return 0;
}

int yett_batch_build(const struct yett_batch_info *info, const void *payload, size_t length,
	struct yett_batch *ret_batch)
{
	struct yett_batch_info made = *info;
	struct yett_buffer *buffer;
	uint8_t *bytes;

	if (length > YETT_BATCH_MAX - YETT_BATCH_HEADER_SIZE ||
		info->plain_length > YETT_BATCH_PLAIN_MAX) {
		return YETT_ELIMIT;
	}
	if (length == 0 || info->count == 0 || info->lane >= YETT_LANES ||
		info->plain_length == 0 ||
		(info->codec == YETT_CODEC_PLAIN && info->plain_length != length)) {
		return YETT_EINVAL;
	}
	buffer = yett_buffer_new(YETT_BATCH_HEADER_SIZE + length);
	if (buffer == NULL) {
		return YETT_ENOMEM;
	}
	bytes = yett_buffer_bytes(buffer);
	made.size = sizeof(made);
	made.flags = 0;
	made.header_length = YETT_BATCH_HEADER_SIZE;
	made.stored_length = (uint32_t)length;
	made.payload_crc = yett_crc32c(0, payload, length);
	made.tag_type = 0;
	made.tag_length = 0;
	write_header(&made, bytes);
	made.header_crc = seal_header(bytes, made.header_length);
	memcpy(bytes + made.header_length, payload, length);
	*ret_batch = (struct yett_batch){
		.size = sizeof(*ret_batch),
		.length = (uint32_t)(YETT_BATCH_HEADER_SIZE + length),
		.bytes = bytes,
		.buffer = buffer,
		.info = made,
	};
	return 0;
}

void yett_batch_renumber(struct yett_batch *batch, const struct yett_id *origin,
	const struct yett_epoch *epoch, uint64_t first)
{
	uint8_t *base = yett_buffer_bytes(batch->buffer);
	uint8_t *bytes = base + (batch->bytes - base);

	YETT_REQUIRE(first >= 1 && first <= UINT64_MAX - batch->info.count);
	/* A tag would have to be made anew, by whoever has the key. */
	YETT_REQUIRE(batch->info.tag_length == 0);
	batch->info.origin = *origin;
	batch->info.epoch = *epoch;
	batch->info.first = first;
	write_header(&batch->info, bytes);
	batch->info.header_crc = seal_header(bytes, batch->info.header_length);
}

struct yett_range yett_batch_range(const struct yett_batch_info *info)
{
	return (struct yett_range){
		.origin = info->origin,
		.epoch = info->epoch,
		.first = info->first,
		.count = info->count,
		.lane = info->lane,
	};
}
