/* The payload that a source's records are collected in, and the cut that makes it a batch.
 *
 * Responsible for: records and notices as CBOR in their deterministic form, the limits of
 * yett/record.h, repair of text that is not UTF-8, zstd. Not for: when to cut (the source's
 * runner), nor for numbers (yett_batch_renumber).
 * Threads: one at a time. Ownership: records are borrowed and copied; a cut batch is given.
 * Failure: what was written of a record that is refused is taken back. */
#include "record.h"

#include <glib.h>
#include <zstd.h>

#include "batch.h"
#include "cbor.h"
#include "record-keys.h"
#include "utf8.h"

#define COMPRESS_LEVEL 1
#define COMPRESS_MIN   256
#define PAYLOAD_MAX    (YETT_BATCH_MAX - YETT_BATCH_HEADER_SIZE)

struct yett_payload {
	size_t limit;
	uint32_t count;
	GByteArray *bytes;
	GByteArray *repaired; /* texts of the record that is being written */
	GByteArray *packed;
	ZSTD_CCtx *zstd; /* made when first needed */
};

struct yett_payload *yett_payload_new(size_t limit_bytes)
{
	struct yett_payload *payload = g_new0(struct yett_payload, 1);

	payload->limit = MIN(limit_bytes, PAYLOAD_MAX);
	payload->bytes = g_byte_array_new();
	payload->repaired = g_byte_array_new();
	payload->packed = g_byte_array_new();
	return payload;
}

void yett_payload_free(struct yett_payload *payload)
{
	if (payload == NULL) {
		return;
	}
	ZSTD_freeCCtx(payload->zstd);
	g_byte_array_unref(payload->packed);
	g_byte_array_unref(payload->repaired);
	g_byte_array_unref(payload->bytes);
	g_free(payload);
}

uint32_t yett_payload_count(const struct yett_payload *payload)
{
	return payload->count;
}

size_t yett_payload_length(const struct yett_payload *payload)
{
	return payload->bytes->len;
}

/* Writes text, repaired where need be; false: longer than `max`. A body or a value that has become too long
 * by being repaired is cut; a name would be another one. */
static bool put_text(struct yett_payload *payload, struct yett_text text, size_t max)
{
	const uint8_t *bytes = (const uint8_t *)text.bytes;

	if (text.length > max) {
		return false;
	}
	if (yett_utf8_valid(bytes, text.length) != text.length) {
		g_byte_array_set_size(payload->repaired, 0);
		yett_utf8_repair(bytes, text.length, payload->repaired);
		text.bytes = (const char *)payload->repaired->data;
		text.length = payload->repaired->len;
		if (text.length > max && max == YETT_RECORD_MAX_BODY) {
			text.length = yett_utf8_valid(payload->repaired->data, max);
		}
	}
	if (text.length > max) {
		return false;
	}
	yett_cbor_put_text(payload->bytes, text.bytes, text.length);
	return true;
}

/* `value` is not NONE. */
static int put_value(struct yett_payload *payload, const struct yett_value *value)
{
	switch (value->type) {
	case YETT_VALUE_INT:
		yett_cbor_put_int(payload->bytes, value->i);
		return 0;
	case YETT_VALUE_DOUBLE:
		yett_cbor_put_double(payload->bytes, value->d);
		return 0;
	case YETT_VALUE_BOOL:
		yett_cbor_put_bool(payload->bytes, value->b);
		return 0;
	case YETT_VALUE_TEXT:
		return put_text(payload, value->text, YETT_RECORD_MAX_BODY) ? 0 : YETT_ELIMIT;
	default:
		return YETT_EINVAL;
	}
}

/* An attribute with the place of its key, as encoded, in the payload. */
struct slot {
	size_t key, value, end;
};

/* Deterministic order is that of the encoded keys, byte by byte. */
static int compare_slots(const uint8_t *bytes, const struct slot *a, const struct slot *b)
{
	size_t a_length = a->value - a->key, b_length = b->value - b->key;
	int order = memcmp(bytes + a->key, bytes + b->key, MIN(a_length, b_length));

	return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

/* Puts `slot` in its place among those before it; false: that key is there. Few attributes, and
 * mostly sorted: insertion does it. */
static bool insert_slot(
	const uint8_t *bytes, struct slot *slots, size_t count, const struct slot *slot)
{
	size_t at = count;

	while (at > 0) {
		int order = compare_slots(bytes, &slots[at - 1], slot);
		if (order == 0) {
			return false;
		}
		if (order < 0) {
			break;
		}
		at--;
	}
	memmove(slots + at + 1, slots + at, (count - at) * sizeof(*slots));
	slots[at] = *slot;
	return true;
}

/* Encodes the pairs behind the payload, one by one, then moves them into order. */
static int put_attributes(struct yett_payload *payload, const struct yett_record *record)
{
	GByteArray *bytes = payload->bytes;
	struct slot slots[YETT_RECORD_MAX_ATTRIBUTES];
	size_t start = bytes->len, count = 0;
	GByteArray *sorted;

	if (record->attribute_count > YETT_RECORD_MAX_ATTRIBUTES) {
		return YETT_ELIMIT;
	}
	for (size_t i = 0; i < record->attribute_count; i++) {
		const struct yett_attribute *attribute = &record->attributes[i];
		struct slot slot = {.key = bytes->len};
		int result;

		if (attribute->key.length == 0) {
			return YETT_EINVAL;
		}
		if (!put_text(payload, attribute->key, YETT_RECORD_MAX_NAME)) {
			return YETT_ELIMIT;
		}
		slot.value = bytes->len;
		result = put_value(payload, &attribute->value);
		if (result < 0) {
			return result;
		}
		slot.end = bytes->len;
		count += insert_slot(bytes->data, slots, count, &slot);
	}
	sorted = g_byte_array_sized_new(bytes->len - (guint)start + 9);
	yett_cbor_put_map(sorted, count);
	for (size_t i = 0; i < count; i++) {
		g_byte_array_append(
			sorted, bytes->data + slots[i].key, (guint)(slots[i].end - slots[i].key));
	}
	g_byte_array_set_size(bytes, (guint)start);
	g_byte_array_append(bytes, sorted->data, sorted->len);
	g_byte_array_unref(sorted);
	return 0;
}

/* What a record of its kind must have. */
static int check_record(const struct yett_record *record)
{
	switch (record->kind) {
	case YETT_RECORD_METRIC:
		if (record->value.type != YETT_VALUE_INT &&
			record->value.type != YETT_VALUE_DOUBLE) {
			return YETT_EINVAL;
		}
		break;
	case YETT_RECORD_EVENT:
		break;
	case YETT_RECORD_STATE:
		if (record->state > YETT_STATE_UNKNOWN) {
			return YETT_EINVAL;
		}
		break;
	default:
		return YETT_EINVAL;
	}
	if (record->name.length == 0 && record->kind != YETT_RECORD_EVENT) {
		return YETT_EINVAL;
	}
	return record->severity > RECORD_SEVERITY_MAX ? YETT_EINVAL : 0;
}

static bool put_text_field(
	struct yett_payload *payload, uint64_t key, struct yett_text text, size_t max)
{
	if (text.length == 0) {
		return true;
	}
	yett_cbor_put_uint(payload->bytes, key);
	return put_text(payload, text, max);
}

static int put_record(struct yett_payload *payload, const struct yett_record *record)
{
	GByteArray *to = payload->bytes;
	bool has_value = record->value.type != YETT_VALUE_NONE;
	bool is_state = record->kind == YETT_RECORD_STATE;
	int result;

	yett_cbor_put_map(to, 2 + (record->name.length > 0) + (record->severity > 0) + has_value +
				      (record->unit.length > 0) + (record->body.length > 0) +
				      (record->attribute_count > 0) + is_state);
	yett_cbor_put_uint(to, RECORD_TIME);
	yett_cbor_put_int(to, record->time_ns);
	yett_cbor_put_uint(to, RECORD_KIND);
	yett_cbor_put_uint(to, record->kind);
	if (!put_text_field(payload, RECORD_NAME, record->name, YETT_RECORD_MAX_NAME)) {
		return YETT_ELIMIT;
	}
	if (record->severity > 0) {
		yett_cbor_put_uint(to, RECORD_SEVERITY);
		yett_cbor_put_uint(to, record->severity);
	}
	if (has_value) {
		yett_cbor_put_uint(to, RECORD_VALUE);
		result = put_value(payload, &record->value);
		if (result < 0) {
			return result;
		}
	}
	if (!put_text_field(payload, RECORD_UNIT, record->unit, YETT_RECORD_MAX_NAME) ||
		!put_text_field(payload, RECORD_BODY, record->body, YETT_RECORD_MAX_BODY)) {
		return YETT_ELIMIT;
	}
	if (record->attribute_count > 0) {
		yett_cbor_put_uint(to, RECORD_ATTRIBUTES);
		result = put_attributes(payload, record);
		if (result < 0) {
			return result;
		}
	}
	if (is_state) {
		yett_cbor_put_uint(to, RECORD_STATE);
		yett_cbor_put_uint(to, record->state);
	}
	return 0;
}

/* Keeps what was written since `start` as one item more, or takes it back. */
static int keep_item(struct yett_payload *payload, guint start, int result)
{
	size_t length = payload->bytes->len - start;

	if (result == 0 && length > payload->limit) {
		result = YETT_ELIMIT;
	} else if (result == 0 && payload->bytes->len > payload->limit) {
		result = YETT_EFULL;
	}
	if (result < 0) {
		g_byte_array_set_size(payload->bytes, start);
		return result;
	}
	payload->count++;
	return 0;
}

int yett_payload_record(struct yett_payload *payload, const struct yett_record *record)
{
	guint start = payload->bytes->len;
	int result = check_record(record);

	if (result == 0) {
		result = put_record(payload, record);
	}
	return keep_item(payload, start, result);
}

static int check_notice(const struct yett_notice *notice)
{
	const struct yett_range *range = &notice->range;

	if (range->lane >= YETT_LANES || range->first == 0 ||
		range->count > UINT64_MAX - range->first) {
		return YETT_EINVAL;
	}
	switch (notice->kind) {
	case YETT_NOTICE_GAP:
		return range->count == 0 || notice->cause == 0 ? YETT_EINVAL : 0;
	case YETT_NOTICE_BOUNDS:
		return 0;
	default:
		return YETT_EINVAL;
	}
}

int yett_payload_notice(struct yett_payload *payload, const struct yett_notice *notice)
{
	GByteArray *to = payload->bytes;
	guint start = to->len;
	bool is_gap = notice->kind == YETT_NOTICE_GAP;
	int result = check_notice(notice);

	if (result < 0) {
		return result;
	}
	yett_cbor_put_map(to, is_gap ? 10 : 8);
	yett_cbor_put_uint(to, NOTICE_KIND);
	yett_cbor_put_uint(to, notice->kind);
	yett_cbor_put_uint(to, NOTICE_ORIGIN);
	yett_cbor_put_id(to, &notice->range.origin);
	yett_cbor_put_uint(to, NOTICE_ORDINAL);
	yett_cbor_put_uint(to, notice->range.epoch.ordinal);
	yett_cbor_put_uint(to, NOTICE_RANDOM);
	yett_cbor_put_uint(to, notice->range.epoch.random);
	yett_cbor_put_uint(to, NOTICE_LANE);
	yett_cbor_put_uint(to, notice->range.lane);
	yett_cbor_put_uint(to, NOTICE_FIRST);
	yett_cbor_put_uint(to, notice->range.first);
	yett_cbor_put_uint(to, NOTICE_COUNT);
	yett_cbor_put_uint(to, notice->range.count);
	if (is_gap) {
		yett_cbor_put_uint(to, NOTICE_ID);
		yett_cbor_put_id(to, &notice->id);
		yett_cbor_put_uint(to, NOTICE_HOLDER);
		yett_cbor_put_id(to, &notice->holder);
		yett_cbor_put_uint(to, NOTICE_CAUSE);
		yett_cbor_put_uint(to, notice->cause);
	} else {
		yett_cbor_put_uint(to, NOTICE_CLOSED);
		yett_cbor_put_bool(to, notice->closed != 0);
	}
	return keep_item(payload, start, 0);
}

/* The payload compressed, in payload->packed; false where it does not get smaller. */
static bool pack(struct yett_payload *payload)
{
	size_t plain = payload->bytes->len, packed;

	if (plain < COMPRESS_MIN) {
		return false;
	}
	if (payload->zstd == NULL) {
		payload->zstd = ZSTD_createCCtx();
		if (payload->zstd == NULL) {
			return false;
		}
	}
	/* Room for less than it is: what does not fit has not got smaller. */
	g_byte_array_set_size(payload->packed, (guint)plain - 1);
	packed = ZSTD_compressCCtx(payload->zstd, payload->packed->data, plain - 1,
		payload->bytes->data, plain, COMPRESS_LEVEL);
	if (ZSTD_isError(packed)) {
		return false;
	}
	g_byte_array_set_size(payload->packed, (guint)packed);
	return true;
}

int yett_payload_cut(struct yett_payload *payload, uint32_t lane, uint32_t content, bool compress,
	int64_t created_ns, struct yett_batch *ret_batch)
{
	bool packed = compress && pack(payload);
	const GByteArray *stored = packed ? payload->packed : payload->bytes;
	struct yett_batch_info info = {
		.lane = (uint8_t)lane,
		.codec = packed ? YETT_CODEC_ZSTD : YETT_CODEC_PLAIN,
		.content = (uint16_t)content,
		.count = payload->count,
		.plain_length = payload->bytes->len,
		.created_ns = created_ns,
	};
	int result;

	if (lane >= YETT_LANES || content > UINT16_MAX || payload->count == 0) {
		return YETT_EINVAL;
	}
	result = yett_batch_build(&info, stored->data, stored->len, ret_batch);
	if (result < 0) {
		return result;
	}
	payload->count = 0;
	g_byte_array_set_size(payload->bytes, 0);
	return 0;
}
