/* What each fuzz target is: one function over any bytes, that must neither crash nor leak. The same
 * source serves libFuzzer (configure --enable-fuzz, with clang) and replay.c, which runs the
 * corpora in every `./check`. */
#ifndef YETT_TESTS_FUZZ_H
#define YETT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* What must hold, also without NDEBUG and friends. */
#define FUZZ_REQUIRE(x) ((x) ? (void)0 : abort())

#endif
