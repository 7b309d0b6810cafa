/* The one way in which CBOR (RFC 8949) is read and written here.
 *
 * Written: the core deterministic encoding of section 4.2.1. Read: definite lengths only, integer
 * keys of maps rising, text valid UTF-8, nesting bounded; nothing is allocated, whatever a length
 * field says. libcbor's streaming decoder reads the bytes. */
#ifndef YETT_WIRE_CBOR_H
#define YETT_WIRE_CBOR_H

#include <stdbool.h>
#include <yett/record.h>

#define YETT_CBOR_DEPTH_MAX 4

/* A reader over borrowed bytes. An error sticks: whatever is read after it is zero or empty, and
 * yett_cbor_finish tells. So a decoder is a list of reads with one check at its end. */
struct yett_cbor {
	const uint8_t *at, *end;
	int result; /* 0, YETT_EPROTO (malformed, or not what is wanted), YETT_ELIMIT */
};

/* A map with unsigned keys that is being read. */
struct yett_cbor_map {
	uint64_t left; /* entries */
	uint64_t seen; /* a bit for each key below 64 that was there */
	uint64_t key;  /* the last one */
	bool started;
};
#define YETT_CBOR_KEY(key) (UINT64_C(1) << (key))

void yett_cbor_init(struct yett_cbor *cbor, const uint8_t *bytes, size_t length);
/* Makes `result` stick; the first one wins. */
void yett_cbor_fail(struct yett_cbor *cbor, int result);
/* Whether all is well and at the end of the bytes. */
bool yett_cbor_at_end(const struct yett_cbor *cbor);
/* The result of it all: whether every byte was read, without an error. */
int yett_cbor_finish(struct yett_cbor *cbor);

void yett_cbor_map(struct yett_cbor *cbor, struct yett_cbor_map *ret_map);
/* The next key, until it returns false: at the map's end or at an error. The value must be read
 * (or skipped) before the next call. */
bool yett_cbor_key(struct yett_cbor *cbor, struct yett_cbor_map *map, uint64_t *ret_key);
/* All of these keys must have been there. */
void yett_cbor_required(struct yett_cbor *cbor, const struct yett_cbor_map *map, uint64_t keys);
/* A map with other keys: its count of entries, to be read by the caller. */
uint32_t yett_cbor_map_count(struct yett_cbor *cbor, uint32_t max);
uint32_t yett_cbor_array(struct yett_cbor *cbor, uint32_t max);
uint64_t yett_cbor_uint(struct yett_cbor *cbor, uint64_t max);
int64_t yett_cbor_int(struct yett_cbor *cbor);
bool yett_cbor_bool(struct yett_cbor *cbor);
/* Borrowed from the bytes. */
struct yett_text yett_cbor_bytes(struct yett_cbor *cbor, size_t max);
struct yett_text yett_cbor_text(struct yett_cbor *cbor, size_t max);
/* Copied and terminated; NUL within is an error. `size` counts the terminator. */
void yett_cbor_string(struct yett_cbor *cbor, char *ret_string, size_t size);
void yett_cbor_id(struct yett_cbor *cbor, struct yett_id *ret_id);
/* An integer, a floating-point number, true or false, or text of up to `max` bytes. */
struct yett_value yett_cbor_value(struct yett_cbor *cbor, size_t max);
/* One item of any kind, with all in it. */
void yett_cbor_skip(struct yett_cbor *cbor);

/* Writers append to `to`. */
struct _GByteArray;
void yett_cbor_put_uint(struct _GByteArray *to, uint64_t value);
void yett_cbor_put_int(struct _GByteArray *to, int64_t value);
void yett_cbor_put_bool(struct _GByteArray *to, bool value);
void yett_cbor_put_double(struct _GByteArray *to, double value); /* the shortest exact form */
void yett_cbor_put_map(struct _GByteArray *to, size_t count);
void yett_cbor_put_array(struct _GByteArray *to, size_t count);
void yett_cbor_put_bytes(struct _GByteArray *to, const void *bytes, size_t length);
/* The text must be UTF-8. */
void yett_cbor_put_text(struct _GByteArray *to, const char *bytes, size_t length);
/* Repairs what is not UTF-8, and cuts, between characters, what a reader's field of `size` bytes
 * (terminator included) would not hold. */
void yett_cbor_put_string(struct _GByteArray *to, const char *string, size_t size);
void yett_cbor_put_id(struct _GByteArray *to, const struct yett_id *id);

#endif
