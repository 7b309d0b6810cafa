/* UUIDs as text, in lower case. */
#include "internal.h"

#include <string.h>

static bool is_dash(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void yett_pg_uuid_text(const struct yett_id *id, char ret_text[YETT_PG_UUID_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < YETT_ID_SIZE; i++) {
		if (is_dash(i)) {
			*ret_text++ = '-';
		}
		*ret_text++ = digits[id->bytes[i] >> 4];
		*ret_text++ = digits[id->bytes[i] & 15];
	}
	*ret_text = '\0';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool yett_pg_uuid_parse(const char *text, struct yett_id *ret_id)
{
	struct yett_id id;

	if (text == NULL || strlen(text) != YETT_PG_UUID_SIZE - 1) {
		return false;
	}
	for (size_t i = 0; i < YETT_ID_SIZE; i++) {
		int high, low;

		if (is_dash(i) && *text++ != '-') {
			return false;
		}
		high = digit(*text++);
		low = digit(*text++);
		if (high < 0 || low < 0) {
			return false;
		}
		id.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret_id = id;
	return true;
}
