/* How much memory a piece of a test takes at most: malloc and its kin of this process, counted. */
#ifndef YETT_TESTS_ALLOC_PEAK_H
#define YETT_TESTS_ALLOC_PEAK_H

#include <stddef.h>

/* Counts from here on. */
void yett_alloc_begin(void);
/* The most bytes, beyond those of the beginning, that were allocated at a time. Under a sanitizer,
 * which has its own malloc, always 0. */
size_t yett_alloc_peak(void);

#endif
