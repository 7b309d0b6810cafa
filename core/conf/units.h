/* Sizes and durations as people write them: a whole number and a unit. Any thread. */
#ifndef YETT_CONF_UNITS_H
#define YETT_CONF_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "../base/error.h"

#define YETT_UNITS_TEXT_SIZE 40

/* "4096" and "4096 B" are bytes; KiB, MiB, GiB, TiB. At most INT64_MAX bytes. */
int yett_size_parse(const char *text, uint64_t *ret_bytes, struct yett_error *error);
/* ns, us, ms, s, min, h, d; the unit must be there. At most INT64_MAX nanoseconds (292 years). */
int yett_duration_parse(const char *text, uint64_t *ret_ns, struct yett_error *error);
/* In the largest unit that gives a whole number; what parse reads back to the same. */
const char *yett_size_text(uint64_t bytes, char ret_text[YETT_UNITS_TEXT_SIZE]);
const char *yett_duration_text(uint64_t ns, char ret_text[YETT_UNITS_TEXT_SIZE]);

#endif
