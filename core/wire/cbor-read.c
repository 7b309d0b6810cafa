/* Reading CBOR within bounds, for records and messages alike.
 *
 * Responsible for: one item at a time out of borrowed bytes, with the limits on nesting, lengths
 * and order that doc/protocol.md states. Not for: what the items mean.
 * Threads: any; a reader is one caller's. Ownership: texts borrow the bytes; nothing is allocated.
 * libcbor's cbor_stream_decode reads each item's head; its cbor_load is not used, since that
 * allocates what a length field asks for. Failure sticks in the reader. */
#include "cbor.h"

#include <cbor.h>

#include "../base/error.h"
#include "utf8.h"

enum kind {
	KIND_OTHER = 0, /* null, undefined */
	KIND_UINT,
	KIND_NEGINT, /* -1 - number */
	KIND_BYTES,
	KIND_TEXT,
	KIND_ARRAY,
	KIND_MAP,
	KIND_TAG,
	KIND_FLOAT,
	KIND_BOOL,
	KIND_REFUSED, /* indefinite lengths, and the break that ends them */
};

struct item {
	enum kind kind;
	uint64_t number; /* integers, tags, bool; how many in an array or map */
	double real;
	const uint8_t *bytes;
	size_t length;
};

#define ON_NUMBER(name, type, kind_)                                                               \
	static void name(void *arg, type value)                                                    \
	{                                                                                          \
		struct item *item = arg;                                                           \
		item->kind = kind_;                                                                \
		item->number = value;                                                              \
	}
ON_NUMBER(on_uint8, uint8_t, KIND_UINT)
ON_NUMBER(on_uint16, uint16_t, KIND_UINT)
ON_NUMBER(on_uint32, uint32_t, KIND_UINT)
ON_NUMBER(on_uint64, uint64_t, KIND_UINT)
ON_NUMBER(on_negint8, uint8_t, KIND_NEGINT)
ON_NUMBER(on_negint16, uint16_t, KIND_NEGINT)
ON_NUMBER(on_negint32, uint32_t, KIND_NEGINT)
ON_NUMBER(on_negint64, uint64_t, KIND_NEGINT)
ON_NUMBER(on_array, size_t, KIND_ARRAY)
ON_NUMBER(on_map, size_t, KIND_MAP)
ON_NUMBER(on_tag, uint64_t, KIND_TAG)
ON_NUMBER(on_bool, bool, KIND_BOOL)
#undef ON_NUMBER

static void on_bytes(void *arg, cbor_data bytes, size_t length)
{
	struct item *item = arg;
	item->kind = KIND_BYTES;
	item->bytes = bytes;
	item->length = length;
}

static void on_text(void *arg, cbor_data bytes, size_t length)
{
	on_bytes(arg, bytes, length);
	((struct item *)arg)->kind = KIND_TEXT;
}

static void on_float(void *arg, float value)
{
	struct item *item = arg;
	item->kind = KIND_FLOAT;
	item->real = (double)value;
}

static void on_double(void *arg, double value)
{
	struct item *item = arg;
	item->kind = KIND_FLOAT;
	item->real = value;
}

static void on_other(void *arg)
{
	((struct item *)arg)->kind = KIND_OTHER;
}

static void on_refused(void *arg)
{
	((struct item *)arg)->kind = KIND_REFUSED;
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_uint8,
	.uint16 = on_uint16,
	.uint32 = on_uint32,
	.uint64 = on_uint64,
	.negint8 = on_negint8,
	.negint16 = on_negint16,
	.negint32 = on_negint32,
	.negint64 = on_negint64,
	.byte_string_start = on_refused,
	.byte_string = on_bytes,
	.string = on_text,
	.string_start = on_refused,
	.indef_array_start = on_refused,
	.array_start = on_array,
	.indef_map_start = on_refused,
	.map_start = on_map,
	.tag = on_tag,
	.float2 = on_float,
	.float4 = on_float,
	.float8 = on_double,
	.undefined = on_other,
	.null = on_other,
	.boolean = on_bool,
	.indef_break = on_refused,
};

void yett_cbor_init(struct yett_cbor *cbor, const uint8_t *bytes, size_t length)
{
	cbor->at = bytes;
	cbor->end = bytes + length;
	cbor->result = 0;
}

void yett_cbor_fail(struct yett_cbor *cbor, int result)
{
	if (cbor->result == 0) {
		cbor->result = result;
	}
}

bool yett_cbor_at_end(const struct yett_cbor *cbor)
{
	return cbor->result == 0 && cbor->at == cbor->end;
}

int yett_cbor_finish(struct yett_cbor *cbor)
{
	if (cbor->at != cbor->end) {
		yett_cbor_fail(cbor, YETT_EPROTO);
	}
	return cbor->result;
}

/* Small numbers and counts are a single byte, its type above its value, and most of what messages
 * are made of (keys, lanes, short lists): they are spared the decoder. */
static bool next_byte(struct yett_cbor *cbor, struct item *ret_item)
{
	static const enum kind kinds[8] = {KIND_UINT, KIND_NEGINT, KIND_REFUSED, KIND_REFUSED,
		KIND_ARRAY, KIND_MAP, KIND_REFUSED, KIND_REFUSED};
	uint8_t byte;

	if (cbor->at == cbor->end) {
		return false;
	}
	byte = *cbor->at;
	if ((byte & 0x1f) >= 24 || kinds[byte >> 5] == KIND_REFUSED) {
		return false;
	}
	*ret_item = (struct item){.kind = kinds[byte >> 5], .number = byte & 0x1f};
	cbor->at++;
	return true;
}

static bool next_decoded(struct yett_cbor *cbor, struct item *ret_item)
{
	struct cbor_decoder_result decoded;

	ret_item->kind = KIND_REFUSED;
	decoded =
		cbor_stream_decode(cbor->at, (size_t)(cbor->end - cbor->at), &callbacks, ret_item);
	if (decoded.status != CBOR_DECODER_FINISHED || decoded.read == 0 ||
		ret_item->kind == KIND_REFUSED) {
		yett_cbor_fail(cbor, YETT_EPROTO);
		return false;
	}
	cbor->at += decoded.read;
	return true;
}

/* Reads the next item's head, and the bytes of a string. */
static bool next(struct yett_cbor *cbor, struct item *ret_item)
{
	if (cbor->result != 0 || (!next_byte(cbor, ret_item) && !next_decoded(cbor, ret_item))) {
		return false;
	}
	/* What is counted takes a byte each at least: a larger count is a lie. */
	if ((ret_item->kind == KIND_ARRAY || ret_item->kind == KIND_MAP) &&
		ret_item->number > (uint64_t)(cbor->end - cbor->at)) {
		yett_cbor_fail(cbor, YETT_EPROTO);
		return false;
	}
	return true;
}

static bool next_is(struct yett_cbor *cbor, enum kind kind, struct item *ret_item)
{
	if (!next(cbor, ret_item)) {
		return false;
	}
	if (ret_item->kind != kind) {
		yett_cbor_fail(cbor, YETT_EPROTO);
		return false;
	}
	return true;
}

/* An item of `kind` whose number may not exceed `max`. */
static uint64_t number_of(struct yett_cbor *cbor, enum kind kind, uint64_t max)
{
	struct item item;

	if (!next_is(cbor, kind, &item)) {
		return 0;
	}
	if (item.number > max) {
		yett_cbor_fail(cbor, YETT_ELIMIT);
		return 0;
	}
	return item.number;
}

void yett_cbor_map(struct yett_cbor *cbor, struct yett_cbor_map *ret_map)
{
	*ret_map = (struct yett_cbor_map){.left = number_of(cbor, KIND_MAP, UINT64_MAX)};
}

bool yett_cbor_key(struct yett_cbor *cbor, struct yett_cbor_map *map, uint64_t *ret_key)
{
	uint64_t key;

	if (cbor->result != 0 || map->left == 0) {
		return false;
	}
	key = yett_cbor_uint(cbor, UINT64_MAX);
	if (map->started && key <= map->key) {
		yett_cbor_fail(cbor, YETT_EPROTO);
	}
	if (cbor->result != 0) {
		return false;
	}
	map->started = true;
	map->key = key;
	map->left--;
	if (key < 64) {
		map->seen |= YETT_CBOR_KEY(key);
	}
	*ret_key = key;
	return true;
}

void yett_cbor_required(struct yett_cbor *cbor, const struct yett_cbor_map *map, uint64_t keys)
{
	if ((map->seen & keys) != keys) {
		yett_cbor_fail(cbor, YETT_EPROTO);
	}
}

uint32_t yett_cbor_map_count(struct yett_cbor *cbor, uint32_t max)
{
	return (uint32_t)number_of(cbor, KIND_MAP, max);
}

uint32_t yett_cbor_array(struct yett_cbor *cbor, uint32_t max)
{
	return (uint32_t)number_of(cbor, KIND_ARRAY, max);
}

uint64_t yett_cbor_uint(struct yett_cbor *cbor, uint64_t max)
{
	return number_of(cbor, KIND_UINT, max);
}

/* Either sign; beyond 64 bits signed is a limit. */
static int64_t signed_of(struct yett_cbor *cbor, const struct item *item)
{
	if (item->number > INT64_MAX) {
		yett_cbor_fail(cbor, YETT_ELIMIT);
		return 0;
	}
	return item->kind == KIND_UINT ? (int64_t)item->number : -1 - (int64_t)item->number;
}

int64_t yett_cbor_int(struct yett_cbor *cbor)
{
	struct item item;

	if (!next(cbor, &item)) {
		return 0;
	}
	if (item.kind != KIND_UINT && item.kind != KIND_NEGINT) {
		yett_cbor_fail(cbor, YETT_EPROTO);
		return 0;
	}
	return signed_of(cbor, &item);
}

bool yett_cbor_bool(struct yett_cbor *cbor)
{
	return number_of(cbor, KIND_BOOL, 1) != 0;
}

/* The string of an item, within `max`, and UTF-8 if it is text. */
static struct yett_text string_of(struct yett_cbor *cbor, const struct item *item, size_t max)
{
	struct yett_text none = {"", 0};

	if (item->length > max) {
		yett_cbor_fail(cbor, YETT_ELIMIT);
		return none;
	}
	if (item->kind == KIND_TEXT && yett_utf8_valid(item->bytes, item->length) != item->length) {
		yett_cbor_fail(cbor, YETT_EPROTO);
		return none;
	}
	return (struct yett_text){(const char *)item->bytes, item->length};
}

struct yett_text yett_cbor_bytes(struct yett_cbor *cbor, size_t max)
{
	struct item item;

	if (!next_is(cbor, KIND_BYTES, &item)) {
		return (struct yett_text){"", 0};
	}
	return string_of(cbor, &item, max);
}

struct yett_text yett_cbor_text(struct yett_cbor *cbor, size_t max)
{
	struct item item;

	if (!next_is(cbor, KIND_TEXT, &item)) {
		return (struct yett_text){"", 0};
	}
	return string_of(cbor, &item, max);
}

void yett_cbor_string(struct yett_cbor *cbor, char *ret_string, size_t size)
{
	struct yett_text text = yett_cbor_text(cbor, size - 1);

	if (memchr(text.bytes, '\0', text.length) != NULL) {
		yett_cbor_fail(cbor, YETT_EPROTO);
		text.length = 0;
	}
	memcpy(ret_string, text.bytes, text.length);
	ret_string[text.length] = '\0';
}

void yett_cbor_id(struct yett_cbor *cbor, struct yett_id *ret_id)
{
	struct yett_text bytes = yett_cbor_bytes(cbor, YETT_ID_SIZE);

	if (bytes.length != YETT_ID_SIZE) {
		yett_cbor_fail(cbor, YETT_EPROTO);
		memset(ret_id, 0, sizeof(*ret_id));
		return;
	}
	memcpy(ret_id->bytes, bytes.bytes, YETT_ID_SIZE);
}

struct yett_value yett_cbor_value(struct yett_cbor *cbor, size_t max)
{
	struct yett_value value = {.type = YETT_VALUE_NONE};
	struct item item;

	if (!next(cbor, &item)) {
		return value;
	}
	switch (item.kind) {
	case KIND_UINT:
	case KIND_NEGINT:
		value.type = YETT_VALUE_INT;
		value.i = signed_of(cbor, &item);
		break;
	case KIND_FLOAT:
		value.type = YETT_VALUE_DOUBLE;
		value.d = item.real;
		break;
	case KIND_BOOL:
		value.type = YETT_VALUE_BOOL;
		value.b = item.number != 0;
		break;
	case KIND_TEXT:
		value.type = YETT_VALUE_TEXT;
		value.text = string_of(cbor, &item, max);
		break;
	default:
		yett_cbor_fail(cbor, YETT_EPROTO);
	}
	return value;
}

void yett_cbor_skip(struct yett_cbor *cbor)
{
	uint64_t left[YETT_CBOR_DEPTH_MAX + 1] = {1}; /* items to come, at each depth */
	unsigned depth = 0;
	struct item item;

	for (;;) {
		while (left[depth] == 0) {
			if (depth == 0) {
				return;
			}
			depth--;
		}
		left[depth]--;
		if (!next(cbor, &item)) {
			return;
		}
		if (item.kind != KIND_ARRAY && item.kind != KIND_MAP && item.kind != KIND_TAG) {
			continue;
		}
		if (depth == YETT_CBOR_DEPTH_MAX) {
			yett_cbor_fail(cbor, YETT_ELIMIT);
			return;
		}
		left[++depth] = item.kind == KIND_TAG   ? 1
				: item.kind == KIND_MAP ? 2 * item.number
							: item.number;
	}
}
