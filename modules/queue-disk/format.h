/* The bytes of a segment file (doc/queue-format.md): segment header, entry header and trailer,
 * mark. Pure: no files, no state. */
#ifndef YETT_DISK_FORMAT_H
#define YETT_DISK_FORMAT_H

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include <yett/host.h>

#define YETT_DISK_VERSION   1
#define YETT_DISK_HEAD_SIZE 64  /* of a segment */
#define YETT_DISK_EDGE_SIZE 112 /* header of an entry, and its trailer */
#define YETT_DISK_MARK_SIZE 32
/* A segment with the largest entry: what a lane must be able to take. */
#define YETT_DISK_LARGEST                                                                          \
	(YETT_DISK_HEAD_SIZE + 2 * YETT_DISK_EDGE_SIZE + YETT_QUEUE_META_MAX +                     \
		YETT_QUEUE_KEY_MAX + YETT_QUEUE_POSITION_MAX + YETT_BATCH_MAX + 8 +                \
		YETT_DISK_MARK_SIZE)
#define YETT_DISK_SEGMENT_MAX  (16u * 1024 * 1024) /* one batch more may make it longer */
#define YETT_DISK_FILE_MAX     (20u * 1024 * 1024)
#define YETT_DISK_ENTRIES_MAX  (YETT_DISK_FILE_MAX / (2 * YETT_DISK_EDGE_SIZE))
#define YETT_DISK_FEATURES     0 /* incompatible ones that this code knows */
#define YETT_DISK_HEAD_RESERVE 1 /* flag: made out of the space reserved for custody */

/* Which of its two copies an entry's description is read from. */
#define YETT_DISK_HEADER  UINT32_C(0x48544559) /* "YETH" */
#define YETT_DISK_TRAILER UINT32_C(0x52544559) /* "YETR" */

struct yett_disk_head {
	uint64_t incarnation;
	uint64_t serial;
	uint64_t first; /* number of the first entry */
	int64_t created_ns;
	uint32_t lane;
	uint32_t flags;
};

/* What stands, twice, around the body (meta, key, position, batch) of an entry. */
struct yett_disk_edge {
	uint64_t number;
	uint64_t group;
	uint32_t ordinal;
	uint32_t synced;
	int64_t appended_ns;
	struct yett_range range;
	uint32_t total; /* bytes of header, body, padding and trailer */
	uint32_t batch_length;
	uint16_t meta_length;
	uint16_t position_length;
	uint8_t key_length;
	uint32_t body_crc;
};

struct yett_disk_mark {
	uint64_t group;  /* all of this group, and before, is synced */
	uint32_t synced; /* offset in the file; where the mark itself stands */
};

#define YETT_DISK_BITS(bits)                                                                       \
	static inline uint##bits##_t yett_disk_get##bits(const uint8_t *from)                      \
	{                                                                                          \
		uint##bits##_t value;                                                              \
		memcpy(&value, from, sizeof(value));                                               \
		return le##bits##toh(value);                                                       \
	}                                                                                          \
	static inline void yett_disk_put##bits(uint8_t *ret_to, uint##bits##_t value)              \
	{                                                                                          \
		value = htole##bits(value);                                                        \
		memcpy(ret_to, &value, sizeof(value));                                             \
	}
YETT_DISK_BITS(16)
YETT_DISK_BITS(32)
YETT_DISK_BITS(64)
#undef YETT_DISK_BITS

/* Stands in all that a segment holds, so that bytes of another segment, an older life of the same
 * blocks or another directory are never taken for its own. */
uint64_t yett_disk_salt(uint64_t incarnation, uint64_t serial, uint32_t lane);

void yett_disk_head_encode(
	const struct yett_host *host, const struct yett_disk_head *head, uint8_t *ret_bytes);
/* YETT_ECORRUPT; YETT_EVERSION (whole, but of a newer format). */
int yett_disk_head_decode(
	const struct yett_host *host, const uint8_t *bytes, struct yett_disk_head *ret_head);

uint32_t yett_disk_total(const struct yett_disk_edge *edge);
void yett_disk_edge_encode(const struct yett_host *host, const struct yett_disk_edge *edge,
	uint64_t salt, uint32_t magic, uint8_t *ret_bytes);
bool yett_disk_edge_decode(const struct yett_host *host, const uint8_t *bytes, uint64_t salt,
	uint32_t magic, struct yett_disk_edge *ret_edge);
/* `entry` is `edge->total` bytes. */
bool yett_disk_body_intact(
	const struct yett_host *host, const uint8_t *entry, const struct yett_disk_edge *edge);

/* Where the parts of the body are, from the start of the entry. */
static inline size_t yett_disk_meta_at(void)
{
	return YETT_DISK_EDGE_SIZE;
}
static inline size_t yett_disk_key_at(const struct yett_disk_edge *edge)
{
	return yett_disk_meta_at() + edge->meta_length;
}
static inline size_t yett_disk_position_at(const struct yett_disk_edge *edge)
{
	return yett_disk_key_at(edge) + edge->key_length;
}
static inline size_t yett_disk_batch_at(const struct yett_disk_edge *edge)
{
	return yett_disk_position_at(edge) + edge->position_length;
}

void yett_disk_mark_encode(const struct yett_host *host, const struct yett_disk_mark *mark,
	uint64_t salt, uint8_t *ret_bytes);
bool yett_disk_mark_decode(const struct yett_host *host, const uint8_t *bytes, uint64_t salt,
	struct yett_disk_mark *ret_mark);

#endif
