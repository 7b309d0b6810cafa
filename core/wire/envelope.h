/* What a BATCH frame says beside the batch: the way that it has come. Kept with it in queues (as
 * `meta`), passed on with one more hop. */
#ifndef YETT_WIRE_ENVELOPE_H
#define YETT_WIRE_ENVELOPE_H

#include <stdbool.h>

#include <yett/batch.h>

#define YETT_HOPS_MAX     8
#define YETT_ENVELOPE_MAX 512
#define YETT_METHOD_SIZE  16

struct yett_envelope {
	uint32_t hops;                      /* relays passed; 0: straight from its origin */
	struct yett_id path[YETT_HOPS_MAX]; /* their ids, in order */
	char method[YETT_METHOD_SIZE]; /* how the origin authenticated to the first hop; "" there */
};

/* CBOR (doc/protocol.md, "BATCH"). encode returns the length (<= YETT_ENVELOPE_MAX);
 * decode YETT_EPROTO or YETT_ELIMIT (more than YETT_HOPS_MAX hops). */
size_t yett_envelope_encode(
	const struct yett_envelope *envelope, uint8_t ret_bytes[YETT_ENVELOPE_MAX]);
int yett_envelope_decode(const uint8_t *bytes, size_t length, struct yett_envelope *ret_envelope);

#endif
