/* The batch on the wire and on disk (doc/protocol.md, "Batch"): header of 88 bytes and the tag,
 * then the payload. No allocation is sized by a length field beyond YETT_BATCH_MAX. */
#ifndef YETT_WIRE_BATCH_H
#define YETT_WIRE_BATCH_H

#include <yett/batch.h>

#include "../base/buffer.h"

#define YETT_BATCH_MAGIC   UINT32_C(0x42544559) /* "YETB" */
#define YETT_BATCH_VERSION 1

/* The header alone; needs YETT_BATCH_HEADER_SIZE bytes at least. YETT_ECORRUPT (magic, checksum,
 * lengths that contradict), YETT_EVERSION (version, unknown critical flag, lane, codec is not
 * checked: the store decides), YETT_ELIMIT. */
int yett_batch_parse_header(const uint8_t *bytes, size_t length, struct yett_batch_info *ret_info);
/* Header and payload, with both checksums; `length` must be exact. `ret_batch` borrows `buffer`. */
int yett_batch_parse(struct yett_buffer *buffer, const uint8_t *bytes, size_t length,
	struct yett_batch *ret_batch);
/* Makes a batch of `info` (lane, codec, content, origin, epoch, first, count, plain_length,
 * created_ns; the rest is filled in) and the stored payload. Given: ret_batch->buffer, one
 * reference. */
int yett_batch_build(const struct yett_batch_info *info, const void *payload, size_t length,
	struct yett_batch *ret_batch);
/* Gives a built batch its number, before anyone has seen it: rewrites header and checksum. */
void yett_batch_renumber(struct yett_batch *batch, const struct yett_id *origin,
	const struct yett_epoch *epoch, uint64_t first);
struct yett_range yett_batch_range(const struct yett_batch_info *info);

#endif
