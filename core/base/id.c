/* Ids as UUIDs. Responsible for making (version 4, from the given chance), writing and reading them.
 * Any thread; keeps nothing. */
#include "id.h"

#include <ctype.h>
#include <stdio.h>

#include "bytes.h"
#include "error.h"

struct yett_id yett_id_new(const struct yett_clock *clock)
{
	struct yett_id id;

	yett_clock_random(clock, id.bytes, sizeof(id.bytes));
	id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
	id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
	return id;
}

const char *yett_id_text(const struct yett_id *id, char ret_text[YETT_ID_TEXT_SIZE])
{
	char *at = ret_text;

	for (size_t i = 0; i < sizeof(id->bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10) {
			*at++ = '-';
		}
		at += snprintf(at, 3, "%02x", id->bytes[i]);
	}
	return ret_text;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int yett_id_parse(const char *text, struct yett_id *ret_id)
{
	struct yett_id id;

	for (size_t i = 0; i < sizeof(id.bytes); i++) {
		int high, low;

		if (i == 4 || i == 6 || i == 8 || i == 10) {
			if (*text++ != '-') {
				return YETT_EINVAL;
			}
		}
		high = digit(text[0]);
		low = high >= 0 ? digit(text[1]) : -1;
		if (low < 0) {
			return YETT_EINVAL;
		}
		id.bytes[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text != '\0') {
		return YETT_EINVAL;
	}
	*ret_id = id;
	return 0;
}

unsigned yett_id_hash(const void *id)
{
	const struct yett_id *key = id;

	return yett_get32(key->bytes) ^ yett_get32(key->bytes + 12);
}

int yett_id_equal_key(const void *a, const void *b)
{
	return yett_id_equal(a, b);
}
