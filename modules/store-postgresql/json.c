/* Text as PostgreSQL takes it, and attributes as a JSON object (RFC 8259).
 *
 * The decoder has bounded counts and lengths already. PostgreSQL refuses text that is not UTF-8, or
 * that holds U+0000, and with it the whole transaction: so that no record can stop those that come
 * with it, each byte that it would refuse becomes U+FFFD here, as the encoder at the origin does it.
 * Numbers that JSON does not have stand as text: "NaN", "Infinity", "-Infinity".
 */
#include "internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define NUMBER_ROOM 40
#define REPLACEMENT "\xef\xbf\xbd"

/* The length of the character at `at`, or 0 if there is none that may stand. */
static size_t character(const uint8_t *at, size_t left)
{
	static const struct {
		uint8_t from, to, second_from, second_to;
		size_t length;
	} forms[] = {
		{0x01, 0x7f, 0, 0, 1},
		{0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (at[0] < forms[i].from || at[0] > forms[i].to) {
			continue;
		}
		if (forms[i].length > left ||
			(forms[i].length > 1 &&
				(at[1] < forms[i].second_from || at[1] > forms[i].second_to))) {
			return 0;
		}
		for (size_t k = 2; k < forms[i].length; k++) {
			if ((at[k] & 0xc0) != 0x80) {
				return 0;
			}
		}
		return forms[i].length;
	}
	return 0;
}

/* How many bytes from `at` on may stand as they are. */
static size_t sound(const uint8_t *at, size_t length)
{
	size_t done = 0;

	while (done < length) {
		size_t step = at[done] >= 0x01 && at[done] < 0x80
				      ? 1
				      : character(at + done, length - done);

		if (step == 0) {
			break;
		}
		done += step;
	}
	return done;
}

bool yett_pg_is_text(const char *text)
{
	size_t length = text != NULL ? strlen(text) : 0;

	return length == 0 || sound((const uint8_t *)text, length) == length;
}

void yett_pg_put_text(struct yett_pg_bytes *to, const char *text, size_t length)
{
	const uint8_t *at = (const uint8_t *)text;

	while (length > 0) {
		size_t good = sound(at, length);

		yett_pg_bytes_put(to, at, good);
		at += good;
		length -= good;
		if (length > 0) {
			yett_pg_bytes_put(to, REPLACEMENT, sizeof(REPLACEMENT) - 1);
			at++;
			length--;
		}
	}
}

static void put_byte(struct yett_pg_bytes *to, char byte)
{
	yett_pg_bytes_put(to, &byte, 1);
}

static void put_string(struct yett_pg_bytes *to, const struct yett_text *text)
{
	size_t begun = 0;

	put_byte(to, '"');
	for (size_t i = 0; i <= text->length; i++) {
		unsigned char c = i < text->length ? (unsigned char)text->bytes[i] : 0;
		char escape[8];

		if (i < text->length && c != '"' && c != '\\' && (c >= 0x20 || c == 0)) {
			continue;
		}
		yett_pg_put_text(to, text->bytes + begun, i - begun);
		begun = i + 1;
		if (i == text->length) {
			break;
		}
		if (c == '\n') {
			snprintf(escape, sizeof(escape), "\\n");
		} else if (c < 0x20) {
			snprintf(escape, sizeof(escape), "\\u%04x", c);
		} else {
			snprintf(escape, sizeof(escape), "\\%c", c);
		}
		yett_pg_bytes_put(to, escape, strlen(escape));
	}
	put_byte(to, '"');
}

static void put_double(char to[NUMBER_ROOM], double number)
{
	if (isnan(number)) {
		snprintf(to, NUMBER_ROOM, "\"NaN\"");
	} else if (isinf(number)) {
		snprintf(to, NUMBER_ROOM, number < 0 ? "\"-Infinity\"" : "\"Infinity\"");
	} else {
		snprintf(to, NUMBER_ROOM, "%.17g", number);
		for (char *c = to; *c != '\0'; c++) {
			*c = *c == ',' ? '.' : *c; /* whatever the locale says */
		}
	}
}

static void put_value(struct yett_pg_bytes *to, const struct yett_value *value)
{
	char text[NUMBER_ROOM] = "null";

	switch (value->type) {
	case YETT_VALUE_TEXT:
		put_string(to, &value->text);
		return;
	case YETT_VALUE_INT:
		snprintf(text, sizeof(text), "%" PRId64, value->i);
		break;
	case YETT_VALUE_DOUBLE:
		put_double(text, value->d);
		break;
	case YETT_VALUE_BOOL:
		snprintf(text, sizeof(text), value->b ? "true" : "false");
		break;
	default:
		break;
	}
	yett_pg_bytes_put(to, text, strlen(text));
}

bool yett_pg_json(struct yett_pg *store, const struct yett_record *record)
{
	struct yett_pg_bytes *to = &store->json;

	to->length = 0;
	to->failed = false;
	put_byte(to, '{');
	for (size_t i = 0; i < record->attribute_count; i++) {
		if (i > 0) {
			put_byte(to, ',');
		}
		put_string(to, &record->attributes[i].key);
		put_byte(to, ':');
		put_value(to, &record->attributes[i].value);
	}
	put_byte(to, '}');
	return !to->failed;
}
