/* The envelope of a batch: the way that it has come, as CBOR (doc/protocol.md, "BATCH").
 *
 * Responsible for: its encoding and its limits. Not for: judging the path (flow does).
 * Threads: any; pure. Failure: a result; the output is untouched. */
#include "envelope.h"

#include <glib.h>

#include "../base/error.h"
#include "cbor.h"

enum {
	KEY_PATH = 1,
	KEY_METHOD = 2,
};

size_t yett_envelope_encode(
	const struct yett_envelope *envelope, uint8_t ret_bytes[YETT_ENVELOPE_MAX])
{
	GByteArray *to = g_byte_array_sized_new(YETT_ENVELOPE_MAX);
	size_t length;

	YETT_REQUIRE(envelope->hops <= YETT_HOPS_MAX);
	yett_cbor_put_map(to, (envelope->hops > 0) + (envelope->method[0] != '\0'));
	if (envelope->hops > 0) {
		yett_cbor_put_uint(to, KEY_PATH);
		yett_cbor_put_array(to, envelope->hops);
		for (uint32_t i = 0; i < envelope->hops; i++) {
			yett_cbor_put_id(to, &envelope->path[i]);
		}
	}
	if (envelope->method[0] != '\0') {
		yett_cbor_put_uint(to, KEY_METHOD);
		yett_cbor_put_string(to, envelope->method, sizeof(envelope->method));
	}
	length = to->len;
	YETT_REQUIRE(length <= YETT_ENVELOPE_MAX);
	memcpy(ret_bytes, to->data, length);
	g_byte_array_unref(to);
	return length;
}

int yett_envelope_decode(const uint8_t *bytes, size_t length, struct yett_envelope *ret_envelope)
{
	struct yett_envelope envelope = {.hops = 0};
	struct yett_cbor_map map;
	struct yett_cbor cbor;
	uint64_t key;
	int result;

	if (length > YETT_ENVELOPE_MAX) {
		return YETT_ELIMIT;
	}
	yett_cbor_init(&cbor, bytes, length);
	yett_cbor_map(&cbor, &map);
	while (yett_cbor_key(&cbor, &map, &key)) {
		switch (key) {
		case KEY_PATH:
			envelope.hops = yett_cbor_array(&cbor, YETT_HOPS_MAX);
			for (uint32_t i = 0; i < envelope.hops; i++) {
				yett_cbor_id(&cbor, &envelope.path[i]);
			}
			break;
		case KEY_METHOD:
			yett_cbor_string(&cbor, envelope.method, sizeof(envelope.method));
			break;
		default:
			yett_cbor_skip(&cbor);
		}
	}
	result = yett_cbor_finish(&cbor);
	if (result == 0) {
		*ret_envelope = envelope;
	}
	return result;
}
