/* The batch on the wire and on disk (doc/protocol.md, "Batch"): header of 88 bytes and the tag,
 * then the payload. No allocation is sized by a length field beyond YETT_BATCH_MAX. */
#ifndef YETT_WIRE_BATCH_H
#define YETT_WIRE_BATCH_H

#include <yett/batch.h>

#include "../base/buffer.h"

#define YETT_BATCH_MAGIC   UINT32_C(0x42544559) /* "YETB" */
#define YETT_BATCH_VERSION 1

/* The protocol's limits: of a payload decompressed, of an authentication tag, and so of a header. */
#define YETT_BATCH_PLAIN_MAX  (4 * 1024 * 1024)
#define YETT_BATCH_TAG_MAX    256
#define YETT_BATCH_HEADER_MAX (YETT_BATCH_HEADER_SIZE + YETT_BATCH_TAG_MAX)

/* The header alone, tag included; `bytes` may go on after it. YETT_ECORRUPT (too short, magic,
 * checksum, numbers or lengths that contradict), YETT_EVERSION (version, unknown critical flag,
 * lane), YETT_ELIMIT. Codec and content are not checked: relays pass on what they do not know, and
 * the store decides. */
int yett_batch_parse_header(const uint8_t *bytes, size_t length, struct yett_batch_info *ret_info);
/* The same; `*ret_why` says what is wrong with a header that is refused ("counts no record"). */
int yett_batch_judge_header(const uint8_t *bytes, size_t length, struct yett_batch_info *ret_info,
	const char **ret_why);
/* Header and payload, with both checksums; `length` must be exact. `ret_batch` borrows `buffer`. */
int yett_batch_parse(struct yett_buffer *buffer, const uint8_t *bytes, size_t length,
	struct yett_batch *ret_batch);
/* Makes a batch of `info` (lane, codec, content, origin, epoch, first, count, plain_length,
 * created_ns; the rest is filled in) and the stored payload, `length` >= 1. Given:
 * ret_batch->buffer, one reference. YETT_EINVAL, YETT_ELIMIT (above YETT_BATCH_MAX), YETT_ENOMEM. */
int yett_batch_build(const struct yett_batch_info *info, const void *payload, size_t length,
	struct yett_batch *ret_batch);
/* Gives a built batch its number, before anyone has seen it: rewrites header and checksum. */
void yett_batch_renumber(struct yett_batch *batch, const struct yett_id *origin,
	const struct yett_epoch *epoch, uint64_t first);
struct yett_range yett_batch_range(const struct yett_batch_info *info);

#endif
