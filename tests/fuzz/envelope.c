/* An envelope: what decodes encodes, and decodes to the same again. */
#include "fuzz.h"

#include <string.h>

#include "wire/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct yett_envelope envelope, again;
	uint8_t encoded[YETT_ENVELOPE_MAX];
	size_t size;

	if (yett_envelope_decode(bytes, length, &envelope) < 0) {
		return 0;
	}
	size = yett_envelope_encode(&envelope, encoded);
	FUZZ_REQUIRE(yett_envelope_decode(encoded, size, &again) == 0);
	FUZZ_REQUIRE(again.hops == envelope.hops);
	FUZZ_REQUIRE(memcmp(again.path, envelope.path, again.hops * sizeof(again.path[0])) == 0);
	FUZZ_REQUIRE(strcmp(again.method, envelope.method) == 0);
	return 0;
}
