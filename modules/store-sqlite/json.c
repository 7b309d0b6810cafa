/* Attributes as a JSON object (RFC 8259), written into room that the instance keeps. The decoder
 * has bounded count and lengths already, and text is UTF-8. Numbers that JSON does not have stand
 * as text: "NaN", "Infinity", "-Infinity".
 */
#include "internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NUMBER_ROOM 40 /* of any number, or literal, with its marks */

static char *put_text(char *to, const struct yett_text *text)
{
	static const char digits[] = "0123456789abcdef";

	*to++ = '"';
	for (size_t i = 0; i < text->length; i++) {
		unsigned char c = (unsigned char)text->bytes[i];

		if (c == '"' || c == '\\') {
			*to++ = '\\';
			*to++ = (char)c;
		} else if (c >= 0x20) {
			*to++ = (char)c;
		} else if (c == '\n') {
			*to++ = '\\';
			*to++ = 'n';
		} else {
			*to++ = '\\';
			*to++ = 'u';
			*to++ = '0';
			*to++ = '0';
			*to++ = digits[c >> 4];
			*to++ = digits[c & 15];
		}
	}
	*to++ = '"';
	return to;
}

static char *put_double(char *to, double number)
{
	char *from = to;

	if (isnan(number)) {
		return to + snprintf(to, NUMBER_ROOM, "\"NaN\"");
	}
	if (isinf(number)) {
		return to +
		       snprintf(to, NUMBER_ROOM, number < 0 ? "\"-Infinity\"" : "\"Infinity\"");
	}
	to += snprintf(to, NUMBER_ROOM, "%.17g", number);
	for (char *c = from; c < to; c++) {
		if (*c == ',') {
			*c = '.'; /* whatever the locale says */
		}
	}
	return to;
}

static char *put_value(char *to, const struct yett_value *value)
{
	switch (value->type) {
	case YETT_VALUE_INT:
		return to + snprintf(to, NUMBER_ROOM, "%" PRId64, value->i);
	case YETT_VALUE_DOUBLE:
		return put_double(to, value->d);
	case YETT_VALUE_BOOL:
		return to + snprintf(to, NUMBER_ROOM, value->b ? "true" : "false");
	case YETT_VALUE_TEXT:
		return put_text(to, &value->text);
	default:
		return to + snprintf(to, NUMBER_ROOM, "null");
	}
}

const char *yett_sqlite_json(
	struct yett_sqlite *store, const struct yett_record *record, size_t *ret_length)
{
	size_t room = 3;
	char *to;

	for (size_t i = 0; i < record->attribute_count; i++) {
		const struct yett_attribute *attribute = &record->attributes[i];

		room += 6 * attribute->key.length + NUMBER_ROOM;
		if (attribute->value.type == YETT_VALUE_TEXT) {
			room += 6 * attribute->value.text.length;
		}
	}
	if (room > store->json_room) {
		char *larger = realloc(store->json, room);

		if (larger == NULL) {
			return NULL;
		}
		store->json = larger;
		store->json_room = room;
	}
	to = store->json;
	*to++ = '{';
	for (size_t i = 0; i < record->attribute_count; i++) {
		if (i > 0) {
			*to++ = ',';
		}
		to = put_text(to, &record->attributes[i].key);
		*to++ = ':';
		to = put_value(to, &record->attributes[i].value);
	}
	*to++ = '}';
	*to = '\0';
	*ret_length = (size_t)(to - store->json);
	return store->json;
}
