/* Writing CBOR in its core deterministic encoding (RFC 8949, 4.2.1): the shortest heads, definite
 * lengths, floating-point numbers in the shortest form that keeps their value. The order of keys is
 * the caller's, who writes them rising.
 *
 * Threads: any. Ownership: the byte string is the caller's. Failure: none; GLib ends the process
 * when memory does. */
#include "cbor.h"

#include <endian.h>
#include <glib.h>
#include <math.h>

#include "utf8.h"

/* What an item's first byte says: its type, above five bits that hold its value, or how many bytes
 * of it follow. */
enum first {
	FIRST_UINT = 0 << 5,
	FIRST_NEGINT = 1 << 5,
	FIRST_BYTES = 2 << 5,
	FIRST_TEXT = 3 << 5,
	FIRST_ARRAY = 4 << 5,
	FIRST_MAP = 5 << 5,
	FIRST_FALSE = (7 << 5) + 20,
	FIRST_TRUE = (7 << 5) + 21,
	FIRST_HALF = (7 << 5) + 25,
	FIRST_SINGLE = (7 << 5) + 26,
	FIRST_DOUBLE = (7 << 5) + 27,
};

/* A first byte, and `size` bytes of a number. */
static void put(GByteArray *to, uint8_t first, uint64_t number, unsigned size)
{
	uint64_t big = htobe64(number);
	uint8_t bytes[1 + sizeof(big)];

	bytes[0] = first;
	memcpy(bytes + 1, (const uint8_t *)&big + sizeof(big) - size, size);
	g_byte_array_append(to, bytes, 1 + size);
}

/* A number in the shortest form. */
static void put_number(GByteArray *to, enum first type, uint64_t number)
{
	uint8_t first = (uint8_t)type;

	if (number < 24) {
		put(to, first | (uint8_t)number, 0, 0);
	} else if (number <= UINT8_MAX) {
		put(to, first | 24, number, 1);
	} else if (number <= UINT16_MAX) {
		put(to, first | 25, number, 2);
	} else if (number <= UINT32_MAX) {
		put(to, first | 26, number, 4);
	} else {
		put(to, first | 27, number, 8);
	}
}

void yett_cbor_put_uint(GByteArray *to, uint64_t value)
{
	put_number(to, FIRST_UINT, value);
}

void yett_cbor_put_int(GByteArray *to, int64_t value)
{
	if (value >= 0) {
		put_number(to, FIRST_UINT, (uint64_t)value);
	} else {
		put_number(to, FIRST_NEGINT, (uint64_t)(-1 - value));
	}
}

void yett_cbor_put_bool(GByteArray *to, bool value)
{
	put(to, value ? FIRST_TRUE : FIRST_FALSE, 0, 0);
}

/* The half-precision form of a number, if there is one that is exactly it. */
static bool half_of(double value, uint16_t *ret_half)
{
	uint16_t sign = signbit(value) ? 0x8000 : 0;
	double size = fabs(value);
	int exponent;

	if (isnan(value)) {
		*ret_half = 0x7e00;
		return true;
	}
	if (isinf(value)) {
		*ret_half = sign | 0x7c00;
		return true;
	}
	if (size >= 0x1p-14) {
		double mantissa = ldexp(frexp(size, &exponent), 11); /* in [1024, 2048) */

		if (mantissa != floor(mantissa) || exponent > 16) {
			return false;
		}
		*ret_half = (uint16_t)(sign | ((exponent + 14) << 10) | ((int)mantissa - 1024));
		return true;
	}
	size = ldexp(size, 24); /* subnormal: in units of 2^-24 */
	if (size != floor(size)) {
		return false;
	}
	*ret_half = (uint16_t)(sign | (int)size);
	return true;
}

void yett_cbor_put_double(GByteArray *to, double value)
{
	uint16_t half;

	if (half_of(value, &half)) {
		put(to, FIRST_HALF, half, 2);
	} else if (fabs(value) <= (double)__FLT_MAX__ && (double)(float)value == value) {
		float number = (float)value;
		uint32_t bits;

		memcpy(&bits, &number, sizeof(bits));
		put(to, FIRST_SINGLE, bits, sizeof(bits));
	} else {
		uint64_t bits;

		memcpy(&bits, &value, sizeof(bits));
		put(to, FIRST_DOUBLE, bits, sizeof(bits));
	}
}

void yett_cbor_put_map(GByteArray *to, size_t count)
{
	put_number(to, FIRST_MAP, count);
}

void yett_cbor_put_array(GByteArray *to, size_t count)
{
	put_number(to, FIRST_ARRAY, count);
}

void yett_cbor_put_bytes(GByteArray *to, const void *bytes, size_t length)
{
	put_number(to, FIRST_BYTES, length);
	g_byte_array_append(to, bytes, (guint)length);
}

void yett_cbor_put_text(GByteArray *to, const char *bytes, size_t length)
{
	put_number(to, FIRST_TEXT, length);
	g_byte_array_append(to, (const guint8 *)bytes, (guint)length);
}

void yett_cbor_put_string(GByteArray *to, const char *string, size_t size)
{
	const uint8_t *bytes = (const uint8_t *)string;
	size_t length = strlen(string);
	GByteArray *repaired = NULL;

	if (yett_utf8_valid(bytes, length) != length) {
		repaired = g_byte_array_new();
		yett_utf8_repair(bytes, length, repaired);
		bytes = repaired->data;
		length = repaired->len;
	}
	if (length >= size) {
		/* A character that is cut through is not valid, so it goes as a whole. */
		length = yett_utf8_valid(bytes, size - 1);
	}
	yett_cbor_put_text(to, (const char *)bytes, length);
	if (repaired != NULL) {
		g_byte_array_unref(repaired);
	}
}

void yett_cbor_put_id(GByteArray *to, const struct yett_id *id)
{
	yett_cbor_put_bytes(to, id->bytes, YETT_ID_SIZE);
}
