/* SPDX-License-Identifier: Apache-2.0
 *
 * A batch is what moves: a header and a payload, made once at its origin and never opened,
 * changed or cut again until the store decodes it. The bytes of the header are laid out in
 * doc/protocol.md, "Batch"; this is the same header in the byte order of the host.
 */
#ifndef YETT_BATCH_H
#define YETT_BATCH_H

#include <stddef.h>
#include <stdint.h>

enum yett_lane {
	YETT_LANE_URGENT = 0, /* state changes, alerts, gap notices, bounds */
	YETT_LANE_NORMAL = 1,
	YETT_LANE_BULK = 2,
	YETT_LANES = 3,
};

enum yett_codec {
	YETT_CODEC_PLAIN = 0,
	YETT_CODEC_ZSTD = 1, /* RFC 8878 */
};

enum yett_content {
	YETT_CONTENT_RECORDS = 1, /* a CBOR sequence of records (doc/record.cddl) */
	YETT_CONTENT_CUSTODY = 2, /* a CBOR sequence of gap notices and bounds (doc/custody.cddl) */
};

#define YETT_ID_SIZE           16
#define YETT_BATCH_HEADER_SIZE 88            /* of version 1, with no authentication tag */
#define YETT_BATCH_MAX         (1024 * 1024) /* header and payload; the protocol's limit */

struct yett_id {
	uint8_t bytes[YETT_ID_SIZE];
};

/* A new one at every start of the origin's process, so that a restored snapshot or a torn
 * append never reuses a number. */
struct yett_epoch {
	uint64_t ordinal;
	uint64_t random;
};

struct yett_batch_info {
	uint32_t size; /* sizeof this struct, as its maker knew it */
	uint8_t lane;
	uint8_t codec;
	uint16_t content;
	uint16_t flags; /* low byte: critical, unknown ones are refused; high byte: ignorable */
	uint16_t header_length;
	struct yett_id origin;
	struct yett_epoch epoch;
	uint64_t first;         /* number of the first record; per (origin, epoch, lane), from 1 */
	uint32_t count;         /* how many numbers the batch takes; at least 1 */
	uint32_t stored_length; /* of the payload as it stands in the batch */
	uint32_t plain_length;  /* of the payload decompressed; bounds every decoding */
	uint32_t payload_crc;   /* CRC32C of the payload as it stands in the batch */
	int64_t created_ns;     /* Unix time by the origin's clock */
	uint16_t tag_type;      /* authentication tag; 0 today */
	uint16_t tag_length;
	uint32_t header_crc; /* CRC32C of the header before it */
};

/* Bytes that are counted: whoever keeps them beyond a call takes a reference (shared). */
struct yett_buffer;

/* `bytes` point into `buffer`. */
struct yett_batch {
	uint32_t size;
	uint32_t length; /* of header and payload */
	const uint8_t *bytes;
	struct yett_buffer *buffer;
	struct yett_batch_info info;
};

/* A range of numbers of one origin: what custody is kept and accounted for by. */
struct yett_range {
	struct yett_id origin;
	struct yett_epoch epoch;
	uint64_t first;
	uint64_t count;
	uint32_t lane;
	uint32_t reserved;
};

enum yett_gap_cause {
	YETT_GAP_QUOTA = 1,      /* dropped whole segments when a lane was full */
	YETT_GAP_QUARANTINE = 2, /* stored data was found damaged */
	YETT_GAP_AGE = 3,        /* an age limit passed */
	YETT_GAP_VOLATILE = 4,   /* the origin keeps nothing across restarts */
	YETT_GAP_REJECTED = 5,   /* sent by an origin that was rejected */
	YETT_GAP_INFERRED = 6,   /* its origin holds it no longer, and nobody declared it */
};

#endif
