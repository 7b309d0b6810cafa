/* CRC32C (Castagnoli; RFC 3720 appendix B.4), by the processor where it can, continuing `crc`
 * (0 at first). */
#ifndef YETT_BASE_CRC32C_H
#define YETT_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t yett_crc32c(uint32_t crc, const void *bytes, size_t length);
/* The same without the instruction, for tests. */
uint32_t yett_crc32c_software(uint32_t crc, const void *bytes, size_t length);

#endif
