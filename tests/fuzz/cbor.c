/* The CBOR reader, driven by whoever knows no grammar: the first byte says how many bytes are calls to
 * make, the rest is what is read. Whatever is asked for, it never reads beyond the end, never goes on
 * after an error, and texts are valid UTF-8 within their limit. */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "wire/cbor.h"
#include "wire/utf8.h"

static const uint8_t *begin, *end;

static void within(struct yett_text text, size_t max)
{
	const uint8_t *at = (const uint8_t *)text.bytes;

	FUZZ_REQUIRE(text.length <= max);
	FUZZ_REQUIRE(text.length == 0 || (at >= begin && text.length <= (size_t)(end - at)));
}

static void one_call(struct yett_cbor *cbor, struct yett_cbor_map *map, uint8_t call)
{
	size_t max = (size_t)1 << (call >> 4);
	struct yett_text text;
	struct yett_value value;
	struct yett_id id;
	char string[64];
	uint64_t key;

	switch (call & 15) {
	case 0:
		yett_cbor_map(cbor, map);
		break;
	case 1:
		(void)yett_cbor_key(cbor, map, &key);
		break;
	case 2:
		FUZZ_REQUIRE(yett_cbor_map_count(cbor, (uint32_t)max) <= max);
		break;
	case 3:
		FUZZ_REQUIRE(yett_cbor_array(cbor, (uint32_t)max) <= max);
		break;
	case 4:
		FUZZ_REQUIRE(yett_cbor_uint(cbor, max) <= max);
		break;
	case 5:
		(void)yett_cbor_int(cbor);
		break;
	case 6:
		(void)yett_cbor_bool(cbor);
		break;
	case 7:
		within(yett_cbor_bytes(cbor, max), max);
		break;
	case 8:
		text = yett_cbor_text(cbor, max);
		within(text, max);
		FUZZ_REQUIRE(
			yett_utf8_valid((const uint8_t *)text.bytes, text.length) == text.length);
		break;
	case 9:
		yett_cbor_string(cbor, string, sizeof(string));
		FUZZ_REQUIRE(memchr(string, '\0', sizeof(string)) != NULL);
		break;
	case 10:
		yett_cbor_id(cbor, &id);
		break;
	case 11:
		value = yett_cbor_value(cbor, max);
		if (value.type == YETT_VALUE_TEXT) {
			within(value.text, max);
		}
		break;
	case 12:
		yett_cbor_required(cbor, map, max);
		break;
	default:
		yett_cbor_skip(cbor);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct yett_cbor_map map = {.left = 0};
	struct yett_cbor cbor;
	size_t calls;

	if (length < 1) {
		return 0;
	}
	calls = MIN(bytes[0], length - 1);
	begin = bytes + 1 + calls;
	end = bytes + length;
	yett_cbor_init(&cbor, begin, (size_t)(end - begin));
	for (size_t i = 0; i < calls; i++) {
		const uint8_t *before = cbor.at;
		int result = cbor.result;

		one_call(&cbor, &map, bytes[1 + i]);
		FUZZ_REQUIRE(cbor.at >= before && cbor.at <= end);
		FUZZ_REQUIRE(result == 0 || (cbor.result == result && cbor.at == before));
	}
	while (cbor.result == 0 && !yett_cbor_at_end(&cbor)) {
		const uint8_t *before = cbor.at;

		yett_cbor_skip(&cbor);
		FUZZ_REQUIRE(cbor.result != 0 || cbor.at > before);
	}
	FUZZ_REQUIRE((yett_cbor_finish(&cbor) == 0) == (cbor.result == 0));
	return 0;
}
