/* CRC32C.
 *
 * Responsible for the one checksum of batches, segments and entries: by the processor's instruction
 * where it has one (SSE 4.2, ARMv8; three streams at a time), else by tables, eight bytes at a time. Any
 * thread; the tables are made once, before the first use. Cannot fail. */
#include "crc32c.h"

#include <endian.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__)
#	include <nmmintrin.h>
#	define INSTRUCTION     1
#	define TARGET          __attribute__((target("sse4.2")))
#	define CRC_64(crc, at) ((uint32_t)_mm_crc32_u64(crc, word_at(at)))
#	define CRC_8(crc, at)  _mm_crc32_u8(crc, *(at))
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#	include <arm_acle.h>
#	define INSTRUCTION 1
#	define TARGET
#	define CRC_64(crc, at) __crc32cd(crc, le64toh(word_at(at)))
#	define CRC_8(crc, at)  __crc32cb(crc, *(at))
#else
#	define INSTRUCTION 0
#endif

#define POLYNOMIAL UINT32_C(0x82f63b78) /* reflected */
#define STREAM     1024                 /* bytes of each of three streams; a multiple of 8 */

static uint32_t table[8][256];
static uint32_t shift[4][256]; /* appends STREAM zero bytes to a checksum */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool hardware;

static uint32_t by_table(uint32_t crc, const uint8_t *at, size_t length)
{
	while (length >= 8) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		word = le64toh(word) ^ crc;
		crc = table[7][word & 0xff] ^ table[6][(word >> 8) & 0xff] ^
		      table[5][(word >> 16) & 0xff] ^ table[4][(word >> 24) & 0xff] ^
		      table[3][(word >> 32) & 0xff] ^ table[2][(word >> 40) & 0xff] ^
		      table[1][(word >> 48) & 0xff] ^ table[0][word >> 56];
		at += 8;
		length -= 8;
	}
	while (length-- > 0) {
		crc = (crc >> 8) ^ table[0][(crc ^ *at++) & 0xff];
	}
	return crc;
}

/* The checksum of `crc` followed by STREAM zero bytes is linear in `crc`: four look-ups. */
static void make_shift(void)
{
	static const uint8_t zeros[STREAM];

	for (int byte = 0; byte < 4; byte++) {
		for (uint32_t i = 0; i < 256; i++) {
			shift[byte][i] = by_table(i << (8 * byte), zeros, STREAM);
		}
	}
}

static void make_tables(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++) {
			crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
		}
		table[0][i] = crc;
	}
	for (uint32_t i = 0; i < 256; i++) {
		for (int slice = 1; slice < 8; slice++) {
			table[slice][i] =
				(table[slice - 1][i] >> 8) ^ table[0][table[slice - 1][i] & 0xff];
		}
	}
	make_shift();
#if defined(__x86_64__)
	__builtin_cpu_init();
	hardware = __builtin_cpu_supports("sse4.2");
#else
	hardware = INSTRUCTION; /* built for it */
#endif
}

#if INSTRUCTION
static uint32_t append_zeros(uint32_t crc)
{
	return shift[0][crc & 0xff] ^ shift[1][(crc >> 8) & 0xff] ^ shift[2][(crc >> 16) & 0xff] ^
	       shift[3][crc >> 24];
}

static uint64_t word_at(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* Three streams hide the three cycles that the instruction takes. */
TARGET static uint32_t by_instruction(uint32_t crc, const uint8_t *at, size_t length)
{
	while (length >= 3 * STREAM) {
		uint32_t a = crc, b = 0, c = 0;

		for (size_t i = 0; i < STREAM; i += 8) {
			a = CRC_64(a, at + i);
			b = CRC_64(b, at + STREAM + i);
			c = CRC_64(c, at + 2 * STREAM + i);
		}
		crc = append_zeros(a) ^ b;
		crc = append_zeros(crc) ^ c;
		at += 3 * STREAM;
		length -= 3 * STREAM;
	}
	while (length >= 8) {
		crc = CRC_64(crc, at);
		at += 8;
		length -= 8;
	}
	while (length-- > 0) {
		crc = CRC_8(crc, at);
		at++;
	}
	return crc;
}
#endif

uint32_t yett_crc32c_software(uint32_t crc, const void *bytes, size_t length)
{
	pthread_once(&once, make_tables);
	return ~by_table(~crc, bytes, length);
}

uint32_t yett_crc32c(uint32_t crc, const void *bytes, size_t length)
{
	pthread_once(&once, make_tables);
#if INSTRUCTION
	if (hardware) {
		return ~by_instruction(~crc, bytes, length);
	}
#endif
	return ~by_table(~crc, bytes, length);
}
