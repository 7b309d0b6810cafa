/* Reads what a batch holds: records, or custody notices.
 *
 * Responsible for: undoing the codec within the header's plain length, the grammars of
 * doc/record.cddl and doc/custody.cddl, and the header's count. Not for: the checksums, which
 * yett_batch_parse has compared before.
 * Threads: any; a reader is one caller's. Ownership: the reader holds a reference to the batch's
 * buffer; what it gives is borrowed from it until the next call.
 * Failure: an item that cannot be read ends the reading: the error stays. */
#include "record.h"

#include <stdlib.h>
#include <zstd.h>

#include "batch.h"
#include "cbor.h"
#include "record-keys.h"

struct yett_reader {
	struct yett_cbor cbor;
	struct yett_buffer *buffer;
	uint8_t *plain; /* decompressed; NULL where the batch is plain */
	uint32_t content;
	uint32_t left; /* items, by the header's count */
	int result;
	struct yett_attribute attributes[YETT_RECORD_MAX_ATTRIBUTES];
};

/* Decompresses into exactly the plain length: never a byte more, whatever the frame says. */
static int unpack(const struct yett_batch *batch, const uint8_t *stored, uint8_t **ret_plain)
{
	size_t plain_length = batch->info.plain_length;
	size_t stored_length = batch->info.stored_length;
	unsigned long long told = ZSTD_getFrameContentSize(stored, stored_length);
	uint8_t *plain;
	size_t got;

	if (told == ZSTD_CONTENTSIZE_ERROR ||
		(told != ZSTD_CONTENTSIZE_UNKNOWN && told > plain_length)) {
		return YETT_ECORRUPT;
	}
	plain = malloc(plain_length);
	if (plain == NULL) {
		return YETT_ENOMEM;
	}
	got = ZSTD_decompress(plain, plain_length, stored, stored_length);
	if (ZSTD_isError(got) || got != plain_length) {
		free(plain);
		return YETT_ECORRUPT;
	}
	*ret_plain = plain;
	return 0;
}

int yett_reader_open(const struct yett_batch *batch, struct yett_reader **ret_reader)
{
	const struct yett_batch_info *info = &batch->info;
	const uint8_t *bytes = batch->bytes + info->header_length;
	struct yett_reader *reader;
	uint8_t *plain = NULL;
	int result;

	if (info->content != YETT_CONTENT_RECORDS && info->content != YETT_CONTENT_CUSTODY) {
		return YETT_ENOTSUP;
	}
	if (info->plain_length > YETT_BATCH_PLAIN_MAX) {
		return YETT_ELIMIT;
	}
	if (info->codec == YETT_CODEC_ZSTD) {
		result = unpack(batch, bytes, &plain);
		if (result < 0) {
			return result;
		}
		bytes = plain;
	} else if (info->codec != YETT_CODEC_PLAIN) {
		return YETT_ENOTSUP;
	}
	reader = calloc(1, sizeof(*reader));
	if (reader == NULL) {
		free(plain);
		return YETT_ENOMEM;
	}
	yett_cbor_init(&reader->cbor, bytes, info->plain_length);
	reader->buffer = batch->buffer != NULL ? yett_buffer_ref(batch->buffer) : NULL;
	reader->plain = plain;
	reader->content = info->content;
	reader->left = info->count;
	*ret_reader = reader;
	return 0;
}

void yett_reader_close(struct yett_reader *reader)
{
	if (reader == NULL) {
		return;
	}
	yett_buffer_unref(reader->buffer);
	free(reader->plain);
	free(reader);
}

/* Whether there is one more item: 1, 0 at the end, or the error. */
static int begin_item(struct yett_reader *reader, uint32_t content)
{
	if (reader->content != content) {
		return YETT_EINVAL;
	}
	if (reader->result < 0) {
		return reader->result;
	}
	if (yett_cbor_at_end(&reader->cbor)) {
		return reader->left == 0 ? 0 : (reader->result = YETT_ECORRUPT);
	}
	if (reader->left == 0) {
		return reader->result = YETT_ECORRUPT;
	}
	reader->left--;
	return 1;
}

/* Keys strictly rising in their encoded form: shorter first, then byte by byte. */
static bool key_rises(struct yett_text before, struct yett_text key)
{
	if (before.length != key.length) {
		return before.length < key.length;
	}
	return memcmp(before.bytes, key.bytes, key.length) < 0;
}

static size_t read_attributes(struct yett_reader *reader)
{
	struct yett_cbor *cbor = &reader->cbor;
	uint32_t count = yett_cbor_map_count(cbor, YETT_RECORD_MAX_ATTRIBUTES);
	struct yett_text before = {"", 0};

	for (uint32_t i = 0; i < count && cbor->result == 0; i++) {
		struct yett_attribute *attribute = &reader->attributes[i];

		attribute->key = yett_cbor_text(cbor, YETT_RECORD_MAX_NAME);
		if (!key_rises(before, attribute->key)) { /* the empty key never does */
			yett_cbor_fail(cbor, YETT_EPROTO);
		}
		before = attribute->key;
		attribute->value = yett_cbor_value(cbor, YETT_RECORD_MAX_BODY);
	}
	return count;
}

static void read_record_field(struct yett_reader *reader, uint64_t key, struct yett_record *record)
{
	struct yett_cbor *cbor = &reader->cbor;

	switch (key) {
	case RECORD_TIME:
		record->time_ns = yett_cbor_int(cbor);
		break;
	case RECORD_KIND:
		record->kind = (uint32_t)yett_cbor_uint(cbor, YETT_RECORD_STATE);
		break;
	case RECORD_NAME:
		record->name = yett_cbor_text(cbor, YETT_RECORD_MAX_NAME);
		break;
	case RECORD_SEVERITY:
		record->severity = (uint32_t)yett_cbor_uint(cbor, RECORD_SEVERITY_MAX);
		break;
	case RECORD_VALUE:
		record->value = yett_cbor_value(cbor, YETT_RECORD_MAX_BODY);
		break;
	case RECORD_UNIT:
		record->unit = yett_cbor_text(cbor, YETT_RECORD_MAX_NAME);
		break;
	case RECORD_BODY:
		record->body = yett_cbor_text(cbor, YETT_RECORD_MAX_BODY);
		break;
	case RECORD_ATTRIBUTES:
		record->attribute_count = read_attributes(reader);
		record->attributes = reader->attributes;
		break;
	case RECORD_STATE:
		record->state = (uint32_t)yett_cbor_uint(cbor, YETT_STATE_UNKNOWN);
		break;
	default:
		yett_cbor_skip(cbor);
	}
}

/* The keys that a record of this kind cannot do without. */
static uint64_t record_required(uint32_t kind)
{
	uint64_t keys = YETT_CBOR_KEY(RECORD_TIME) | YETT_CBOR_KEY(RECORD_KIND);

	switch (kind) {
	case YETT_RECORD_METRIC:
		return keys | YETT_CBOR_KEY(RECORD_NAME) | YETT_CBOR_KEY(RECORD_VALUE);
	case YETT_RECORD_STATE:
		return keys | YETT_CBOR_KEY(RECORD_NAME) | YETT_CBOR_KEY(RECORD_STATE);
	default:
		return keys;
	}
}

/* What the keys alone do not say. */
static bool record_is_whole(const struct yett_record *record)
{
	switch (record->kind) {
	case YETT_RECORD_METRIC:
		return record->name.length > 0 && (record->value.type == YETT_VALUE_INT ||
							  record->value.type == YETT_VALUE_DOUBLE);
	case YETT_RECORD_STATE:
		return record->name.length > 0;
	default:
		return record->kind == YETT_RECORD_EVENT;
	}
}

int yett_reader_next_record(struct yett_reader *reader, struct yett_record *ret_record)
{
	const struct yett_text empty = {"", 0};
	struct yett_record record = {
		.size = sizeof(record), .name = empty, .unit = empty, .body = empty};
	struct yett_cbor_map map;
	uint64_t key;
	int result = begin_item(reader, YETT_CONTENT_RECORDS);

	if (result <= 0) {
		return result;
	}
	yett_cbor_map(&reader->cbor, &map);
	while (yett_cbor_key(&reader->cbor, &map, &key)) {
		read_record_field(reader, key, &record);
	}
	yett_cbor_required(&reader->cbor, &map, record_required(record.kind));
	if (!record_is_whole(&record)) {
		yett_cbor_fail(&reader->cbor, YETT_EPROTO);
	}
	reader->result = reader->cbor.result;
	if (reader->result < 0) {
		return reader->result;
	}
	*ret_record = record;
	return 1;
}

static void read_notice_field(struct yett_cbor *cbor, uint64_t key, struct yett_notice *notice)
{
	switch (key) {
	case NOTICE_KIND:
		notice->kind = (uint32_t)yett_cbor_uint(cbor, YETT_NOTICE_BOUNDS);
		break;
	case NOTICE_ORIGIN:
		yett_cbor_id(cbor, &notice->range.origin);
		break;
	case NOTICE_ORDINAL:
		notice->range.epoch.ordinal = yett_cbor_uint(cbor, UINT64_MAX);
		break;
	case NOTICE_RANDOM:
		notice->range.epoch.random = yett_cbor_uint(cbor, UINT64_MAX);
		break;
	case NOTICE_LANE:
		notice->range.lane = (uint32_t)yett_cbor_uint(cbor, YETT_LANES - 1);
		break;
	case NOTICE_FIRST:
		notice->range.first = yett_cbor_uint(cbor, UINT64_MAX);
		break;
	case NOTICE_COUNT:
		notice->range.count = yett_cbor_uint(cbor, UINT64_MAX);
		break;
	case NOTICE_ID:
		yett_cbor_id(cbor, &notice->id);
		break;
	case NOTICE_HOLDER:
		yett_cbor_id(cbor, &notice->holder);
		break;
	case NOTICE_CAUSE:
		notice->cause = (uint32_t)yett_cbor_uint(cbor, UINT32_MAX);
		break;
	case NOTICE_CLOSED:
		notice->closed = yett_cbor_bool(cbor);
		break;
	default:
		yett_cbor_skip(cbor);
	}
}

int yett_reader_next_notice(struct yett_reader *reader, struct yett_notice *ret_notice)
{
	const uint64_t all = YETT_CBOR_KEY(NOTICE_KIND) | YETT_CBOR_KEY(NOTICE_ORIGIN) |
			     YETT_CBOR_KEY(NOTICE_ORDINAL) | YETT_CBOR_KEY(NOTICE_RANDOM) |
			     YETT_CBOR_KEY(NOTICE_LANE) | YETT_CBOR_KEY(NOTICE_FIRST) |
			     YETT_CBOR_KEY(NOTICE_COUNT);
	const uint64_t of_gap = YETT_CBOR_KEY(NOTICE_ID) | YETT_CBOR_KEY(NOTICE_HOLDER) |
				YETT_CBOR_KEY(NOTICE_CAUSE);
	struct yett_notice notice = {.size = sizeof(notice)};
	struct yett_cbor_map map;
	bool is_gap;
	uint64_t key;
	int result = begin_item(reader, YETT_CONTENT_CUSTODY);

	if (result <= 0) {
		return result;
	}
	yett_cbor_map(&reader->cbor, &map);
	while (yett_cbor_key(&reader->cbor, &map, &key)) {
		read_notice_field(&reader->cbor, key, &notice);
	}
	is_gap = notice.kind == YETT_NOTICE_GAP;
	yett_cbor_required(&reader->cbor, &map, is_gap ? all | of_gap : all);
	if (notice.kind == 0 || notice.range.first == 0 ||
		notice.range.count > UINT64_MAX - notice.range.first ||
		(is_gap && (notice.range.count == 0 || notice.cause == 0))) {
		yett_cbor_fail(&reader->cbor, YETT_EPROTO);
	}
	reader->result = reader->cbor.result;
	if (reader->result < 0) {
		return reader->result;
	}
	*ret_notice = notice;
	return 1;
}
