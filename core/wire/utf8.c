/* UTF-8, checked and repaired.
 *
 * Responsible for: the byte sequences of RFC 3629, so no surrogates, no overlong forms, nothing
 * above U+10FFFF. Not for: normal forms, control characters.
 * Threads: any; pure functions. GLib's validator is not used since it takes NUL for an error. */
#include "utf8.h"

#include <glib.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* The length of the valid sequence at `bytes` (length >= 1), or 0. */
static size_t sequence(const uint8_t *bytes, size_t length)
{
	uint8_t low = 0x80, high = 0xbf; /* of the second byte */
	size_t need;

	if (bytes[0] < 0x80) {
		return 1;
	}
	if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf) {
		need = 2;
	} else if (bytes[0] >= 0xe0 && bytes[0] <= 0xef) {
		need = 3;
		low = bytes[0] == 0xe0 ? 0xa0 : low;
		high = bytes[0] == 0xed ? 0x9f : high;
	} else if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4) {
		need = 4;
		low = bytes[0] == 0xf0 ? 0x90 : low;
		high = bytes[0] == 0xf4 ? 0x8f : high;
	} else {
		return 0;
	}
	if (length < need || bytes[1] < low || bytes[1] > high) {
		return 0;
	}
	for (size_t i = 2; i < need; i++) {
		if ((bytes[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	return need;
}

size_t yett_utf8_valid(const uint8_t *bytes, size_t length)
{
	size_t at = 0;

	while (at < length) {
		uint64_t word;
		size_t step;

		/* Most text is ASCII: eight bytes at a time. */
		while (length - at >= sizeof(word)) {
			memcpy(&word, bytes + at, sizeof(word));
			if ((word & HIGH_BITS) != 0) {
				break;
			}
			at += sizeof(word);
		}
		if (at == length) {
			break;
		}
		step = sequence(bytes + at, length - at);
		if (step == 0) {
			break;
		}
		at += step;
	}
	return at;
}

void yett_utf8_repair(const uint8_t *bytes, size_t length, GByteArray *to)
{
	static const uint8_t replacement[] = {0xef, 0xbf, 0xbd};

	while (length > 0) {
		size_t good = yett_utf8_valid(bytes, length);

		g_byte_array_append(to, bytes, (guint)good);
		bytes += good;
		length -= good;
		if (length > 0) {
			g_byte_array_append(to, replacement, sizeof(replacement));
			bytes++;
			length--;
		}
	}
}
