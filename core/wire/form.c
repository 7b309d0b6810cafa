/* Encodes and decodes structs by their forms (form.h).
 *
 * Responsible for: walking a table of fields, in the order of the keys, one way and the other; every
 * limit and rule that the table states. Not for: which messages there are (message.c, envelope.c),
 * nor CBOR itself (cbor.h).
 * Threads: any; pure. Ownership: what is read is copied, but for BYTES, which borrow what was read.
 * Failure: encoding has none (a struct beyond its own limits is a programmer's mistake); decoding is
 * YETT_EPROTO or YETT_ELIMIT, the first that is met. */
#include "form.h"

#include <glib.h>

#include "../base/error.h"
#include "frame.h"

static const struct yett_form_field id_fields[] = {{.type = YETT_FORM_ID, .size = YETT_ID_SIZE}};
const struct yett_form yett_form_id = {.fields = id_fields, .field_count = 1};

bool yett_form_is_word(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text >= 0x7f || *text == '"' || *text == '=') {
			return false;
		}
	}
	return true;
}

/* Where a field stands; the tables vouch for the type. */
static const void *place(const void *message, uint32_t at)
{
	return (const uint8_t *)message + at;
}

static void *place_in(void *message, uint32_t at)
{
	return (uint8_t *)message + at;
}

static uint32_t count_of(const struct yett_form_field *field, const void *message)
{
	return field->type == YETT_FORM_ARRAY ? (uint32_t)field->max
					      : *(const uint32_t *)place(message, field->count);
}

/* Each byte equals the one before it, and the first is 0. */
static bool is_zero(const uint8_t *bytes, size_t length)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

static bool is_told(const struct yett_form_field *field, const void *message)
{
	if (field->rule != YETT_FORM_OPTIONAL) {
		return true;
	}
	switch (field->type) {
	case YETT_FORM_TEXT:
		return *(const char *)place(message, field->at) != '\0';
	case YETT_FORM_BYTES:
		return *(const size_t *)place(message, field->count) > 0;
	case YETT_FORM_LIST:
		return count_of(field, message) > 0;
	case YETT_FORM_ARRAY:
		return !is_zero(place(message, field->at), field->size * field->max);
	default:
		return !is_zero(place(message, field->at), field->size);
	}
}

static uint32_t put_map(
	GByteArray *to, const struct yett_form *form, const void *message, uint32_t from);

static void put_value(GByteArray *to, const struct yett_form_field *field, const void *message);

static void put_element(GByteArray *to, const struct yett_form *of, const void *element)
{
	if (of->is_map) {
		put_map(to, of, element, 0);
		return;
	}
	for (uint32_t i = 0; i < of->field_count; i++) {
		put_value(to, &of->fields[i], element);
	}
}

/* Elements from number `from` on, as many as one frame takes: the number of the one to go on with, or
 * 0 at the end. */
static uint32_t put_list(
	GByteArray *to, const struct yett_form_field *field, const void *message, uint32_t from)
{
	const struct yett_form *of = field->of;
	uint32_t end = count_of(field, message);
	bool cut = field->per_frame > 0 && end - from > field->per_frame;

	YETT_REQUIRE(end <= field->max);
	if (cut) {
		end = from + field->per_frame;
	}
	yett_cbor_put_array(to, (size_t)(end - from) * (of->is_map ? 1 : of->field_count));
	for (uint32_t i = from; i < end; i++) {
		put_element(to, of, place(message, field->at + i * field->size));
	}
	return cut ? end : 0;
}

static void put_bytes(GByteArray *to, const struct yett_form_field *field, const void *message)
{
	size_t length = *(const size_t *)place(message, field->count);

	YETT_REQUIRE(length <= field->max);
	yett_cbor_put_bytes(to, *(const uint8_t *const *)place(message, field->at), length);
}

static void put_value(GByteArray *to, const struct yett_form_field *field, const void *message)
{
	const void *at = place(message, field->at);

	switch (field->type) {
	case YETT_FORM_U32:
		yett_cbor_put_uint(to, *(const uint32_t *)at);
		break;
	case YETT_FORM_U64:
		yett_cbor_put_uint(to, *(const uint64_t *)at);
		break;
	case YETT_FORM_I64:
		yett_cbor_put_int(to, *(const int64_t *)at);
		break;
	case YETT_FORM_BOOL:
		yett_cbor_put_bool(to, *(const bool *)at);
		break;
	case YETT_FORM_TEXT:
		yett_cbor_put_string(to, at, field->size);
		break;
	case YETT_FORM_BYTES:
		put_bytes(to, field, message);
		break;
	case YETT_FORM_ID:
		yett_cbor_put_id(to, at);
		break;
	default:
		put_list(to, field, message, 0);
	}
}

/* `from` and what is returned: as put_list, for the one field that may have a per_frame. */
static uint32_t put_map(
	GByteArray *to, const struct yett_form *form, const void *message, uint32_t from)
{
	uint64_t told = 0;
	uint32_t count = 0, next = 0;

	for (uint32_t i = 0; i < form->field_count; i++) {
		if (is_told(&form->fields[i], message)) {
			told |= YETT_CBOR_KEY(i);
			count++;
		}
	}
	yett_cbor_put_map(to, count);
	for (uint32_t i = 0; i < form->field_count; i++) {
		const struct yett_form_field *field = &form->fields[i];

		if ((told & YETT_CBOR_KEY(i)) == 0) {
			continue;
		}
		yett_cbor_put_uint(to, field->key);
		if (field->per_frame > 0) {
			next = put_list(to, field, message, from);
		} else {
			put_value(to, field, message);
		}
	}
	return next;
}

void yett_form_put(const struct yett_form *form, const void *message, GByteArray *to)
{
	put_map(to, form, message, 0);
}

void yett_form_put_frames(
	const struct yett_form *form, int type, const void *message, GByteArray *to)
{
	uint32_t from = 0;

	do {
		guint start = yett_frame_begin(to);

		from = put_map(to, form, message, from);
		yett_frame_end(to, start, type);
	} while (from > 0);
}

static void read_map(struct yett_cbor *cbor, const struct yett_form *form, void *message);
static void read_value(struct yett_cbor *cbor, const struct yett_form_field *field, void *message);

static void check(struct yett_cbor *cbor, const struct yett_form *form, const void *message)
{
	if (form->sound != NULL && !form->sound(message)) {
		yett_cbor_fail(cbor, YETT_EPROTO);
	}
}

static void read_element(struct yett_cbor *cbor, const struct yett_form *of, void *element)
{
	if (of->is_map) {
		read_map(cbor, of, element);
		return;
	}
	for (uint32_t i = 0; i < of->field_count; i++) {
		read_value(cbor, &of->fields[i], element);
	}
	check(cbor, of, element);
}

static __attribute__((noinline)) void read_list(
	struct yett_cbor *cbor, const struct yett_form_field *field, void *message)
{
	const struct yett_form *of = field->of;
	uint32_t items = of->is_map ? 1 : of->field_count; /* of the array, for one element */
	uint32_t length = yett_cbor_array(cbor, (uint32_t)field->max * items);
	uint32_t count = length / items;

	if (length % items != 0 || (field->type == YETT_FORM_ARRAY && count != field->max)) {
		yett_cbor_fail(cbor, YETT_EPROTO);
	}
	for (uint32_t i = 0; i < count && cbor->result == 0; i++) {
		read_element(cbor, of, place_in(message, field->at + i * field->size));
	}
	if (field->type == YETT_FORM_LIST) {
		*(uint32_t *)place_in(message, field->count) = count;
	}
}

static void read_bytes(struct yett_cbor *cbor, const struct yett_form_field *field, void *message)
{
	struct yett_text bytes = yett_cbor_bytes(cbor, field->max);

	*(const uint8_t **)place_in(message, field->at) = (const uint8_t *)bytes.bytes;
	*(size_t *)place_in(message, field->count) = bytes.length;
}

static void read_value(struct yett_cbor *cbor, const struct yett_form_field *field, void *message)
{
	void *at = place_in(message, field->at);

	switch (field->type) {
	case YETT_FORM_U32:
		*(uint32_t *)at = (uint32_t)yett_cbor_uint(cbor, field->max);
		break;
	case YETT_FORM_U64:
		*(uint64_t *)at = yett_cbor_uint(cbor, field->max);
		break;
	case YETT_FORM_I64:
		*(int64_t *)at = yett_cbor_int(cbor);
		break;
	case YETT_FORM_BOOL:
		*(bool *)at = yett_cbor_bool(cbor);
		break;
	case YETT_FORM_TEXT:
		yett_cbor_string(cbor, at, field->size);
		break;
	case YETT_FORM_BYTES:
		read_bytes(cbor, field, message);
		break;
	case YETT_FORM_ID:
		yett_cbor_id(cbor, at);
		break;
	default:
		read_list(cbor, field, message);
	}
}

/* Keys rise in the map as they do in the table: both are walked at once. */
static void read_map(struct yett_cbor *cbor, const struct yett_form *form, void *message)
{
	const struct yett_form_field *field = form->fields, *end = field + form->field_count;
	struct yett_cbor_map map;
	bool whole = true;
	uint64_t key;

	memset(message, 0, form->blank);
	yett_cbor_map(cbor, &map);
	while (yett_cbor_key(cbor, &map, &key)) {
		for (; field < end && field->key < key; field++) {
			whole = whole && field->rule != YETT_FORM_NEEDED;
		}
		if (field < end && field->key == key) {
			read_value(cbor, field++, message);
		} else {
			yett_cbor_skip(cbor);
		}
	}
	for (; field < end; field++) {
		whole = whole && field->rule != YETT_FORM_NEEDED;
	}
	if (!whole) {
		yett_cbor_fail(cbor, YETT_EPROTO);
	}
	check(cbor, form, message);
}

int yett_form_read(
	const struct yett_form *form, const uint8_t *bytes, size_t length, void *ret_message)
{
	struct yett_cbor cbor;

	yett_cbor_init(&cbor, bytes, length);
	read_map(&cbor, form, ret_message);
	return yett_cbor_finish(&cbor);
}
