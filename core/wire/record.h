/* Records and custody notices as CBOR sequences (RFC 8949, RFC 8742; doc/record.cddl,
 * doc/custody.cddl), written by origins and read by stores. Reading uses libcbor's streaming
 * decoder under limits of our own: depth, counts, text lengths; never more plain bytes than the
 * header says. */
#ifndef YETT_WIRE_RECORD_H
#define YETT_WIRE_RECORD_H

#include <yett/host.h>

#include "../base/error.h"

/* Collects records into one payload. Not thread-safe. */
struct yett_payload;
/* `limit_bytes`, uncompressed; what a batch can hold is the most. */
struct yett_payload *yett_payload_new(size_t limit_bytes);
void yett_payload_free(struct yett_payload *payload);
/* YETT_EFULL: it would not fit any more (cut first); YETT_ELIMIT: it fits none, or goes beyond a
 * limit of yett/record.h; YETT_EINVAL: it is not a record (a metric without a number or a name, an
 * unknown kind). Text that is not UTF-8 is repaired; of attributes with the same key the first
 * stays. */
int yett_payload_record(struct yett_payload *payload, const struct yett_record *record);
int yett_payload_notice(struct yett_payload *payload, const struct yett_notice *notice);
uint32_t yett_payload_count(const struct yett_payload *payload);
size_t yett_payload_length(const struct yett_payload *payload);
/* Makes the batch (not numbered: yett_batch_renumber) and empties the payload. Compresses with
 * zstd level 1 where `compress` is set, it has 256 bytes at least, and it gets smaller.
 * YETT_EINVAL: it is empty. After a failure it still holds what it held. */
int yett_payload_cut(struct yett_payload *payload, uint32_t lane, uint32_t content, bool compress,
	int64_t created_ns, struct yett_batch *ret_batch);

/* As in yett/host.h. The count of items must be the header's count, or the end is an error.
 * open: YETT_ENOTSUP (a codec or content that is not known), YETT_ECORRUPT (does not decompress to
 * the plain length), YETT_ELIMIT, YETT_ENOMEM. next: YETT_EPROTO (not the grammar), YETT_ELIMIT,
 * YETT_ECORRUPT (another count), YETT_EINVAL (the batch holds the other kind); an error stays. */
int yett_reader_open(const struct yett_batch *batch, struct yett_reader **ret_reader);
int yett_reader_next_record(struct yett_reader *reader, struct yett_record *ret_record);
int yett_reader_next_notice(struct yett_reader *reader, struct yett_notice *ret_notice);
void yett_reader_close(struct yett_reader *reader);

#endif
