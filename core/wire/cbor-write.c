/* Writing CBOR in its core deterministic encoding (RFC 8949, 4.2.1): the shortest heads, definite
 * lengths, floating-point numbers in the shortest form that keeps their value. The order of keys is
 * the caller's, who writes them rising.
 *
 * Threads: any. Ownership: the byte string is the caller's. Failure: none; GLib ends the process
 * when memory does. */
#include "cbor.h"

#include <cbor.h>
#include <glib.h>
#include <math.h>

#include "utf8.h"

#define HEAD_MAX 9

/* libcbor's encoders write into a place of `size` and return how much they wrote. */
#define PUT(to, call)                                                                              \
	do {                                                                                       \
		uint8_t head[HEAD_MAX];                                                            \
		g_byte_array_append(to, head, (guint)call);                                        \
	} while (0)

void yett_cbor_put_uint(GByteArray *to, uint64_t value)
{
	PUT(to, cbor_encode_uint(value, head, sizeof(head)));
}

void yett_cbor_put_int(GByteArray *to, int64_t value)
{
	if (value >= 0) {
		yett_cbor_put_uint(to, (uint64_t)value);
	} else {
		PUT(to, cbor_encode_negint((uint64_t)(-1 - value), head, sizeof(head)));
	}
}

void yett_cbor_put_bool(GByteArray *to, bool value)
{
	PUT(to, cbor_encode_bool(value, head, sizeof(head)));
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
		uint8_t bytes[3] = {0xf9, (uint8_t)(half >> 8), (uint8_t)half};
		g_byte_array_append(to, bytes, sizeof(bytes));
	} else if (fabs(value) <= (double)__FLT_MAX__ && (double)(float)value == value) {
		PUT(to, cbor_encode_single((float)value, head, sizeof(head)));
	} else {
		PUT(to, cbor_encode_double(value, head, sizeof(head)));
	}
}

void yett_cbor_put_map(GByteArray *to, size_t count)
{
	PUT(to, cbor_encode_map_start(count, head, sizeof(head)));
}

void yett_cbor_put_array(GByteArray *to, size_t count)
{
	PUT(to, cbor_encode_array_start(count, head, sizeof(head)));
}

void yett_cbor_put_bytes(GByteArray *to, const void *bytes, size_t length)
{
	PUT(to, cbor_encode_bytestring_start(length, head, sizeof(head)));
	g_byte_array_append(to, bytes, (guint)length);
}

void yett_cbor_put_text(GByteArray *to, const char *bytes, size_t length)
{
	PUT(to, cbor_encode_string_start(length, head, sizeof(head)));
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
