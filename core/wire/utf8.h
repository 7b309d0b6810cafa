/* UTF-8 (RFC 3629): told from what is not, and made of what is not. NUL is a character like any
 * other here. */
#ifndef YETT_WIRE_UTF8_H
#define YETT_WIRE_UTF8_H

#include <stddef.h>
#include <stdint.h>

struct _GByteArray;

/* How many bytes from the start are valid; `length` if all are. */
size_t yett_utf8_valid(const uint8_t *bytes, size_t length);
/* Appends the text with each bad byte replaced by U+FFFD; at most three times `length`. */
void yett_utf8_repair(const uint8_t *bytes, size_t length, struct _GByteArray *to);

#endif
