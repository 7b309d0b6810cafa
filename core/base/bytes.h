/* Little-endian numbers in byte strings: everything binary here is little-endian. */
#ifndef YETT_BASE_BYTES_H
#define YETT_BASE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define YETT_BYTES_PAIR(bits)                                                                      \
	static inline uint##bits##_t yett_get##bits(const uint8_t *from)                           \
	{                                                                                          \
		uint##bits##_t value;                                                              \
		memcpy(&value, from, sizeof(value));                                               \
		return le##bits##toh(value);                                                       \
	}                                                                                          \
	static inline void yett_put##bits(uint8_t *ret_to, uint##bits##_t value)                   \
	{                                                                                          \
		value = htole##bits(value);                                                        \
		memcpy(ret_to, &value, sizeof(value));                                             \
	}
YETT_BYTES_PAIR(16)
YETT_BYTES_PAIR(32)
YETT_BYTES_PAIR(64)
#undef YETT_BYTES_PAIR

#endif
