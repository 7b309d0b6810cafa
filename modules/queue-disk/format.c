/* Encoding and decoding of what a segment file holds.
 *
 * Responsible for the bytes alone; which of them count as written, synced or lost is decided in
 * recover.c. All numbers are little-endian. Every structure ends with a CRC32C of itself and
 * carries the segment's salt. Whatever is decoded may be hostile: a length is believed only
 * within the limits of yett/queue.h.
 *
 * Thread: any; nothing is kept. */
#include "format.h"

#include <yett/queue.h>

#define MAGIC_HEAD UINT32_C(0x53544559) /* "YETS" */
#define MAGIC_MARK UINT32_C(0x4d544559) /* "YETM" */

uint64_t yett_disk_salt(uint64_t incarnation, uint64_t serial, uint32_t lane)
{
	return incarnation ^ (serial * UINT64_C(0x9e3779b97f4a7c15)) ^ ((uint64_t)(lane + 1) << 56);
}

void yett_disk_head_encode(
	const struct yett_host *host, const struct yett_disk_head *head, uint8_t *ret_bytes)
{
	memset(ret_bytes, 0, YETT_DISK_HEAD_SIZE);
	yett_disk_put32(ret_bytes, MAGIC_HEAD);
	yett_disk_put16(ret_bytes + 4, YETT_DISK_VERSION);
	yett_disk_put16(ret_bytes + 6, YETT_DISK_HEAD_SIZE);
	yett_disk_put32(ret_bytes + 8, YETT_DISK_FEATURES);
	yett_disk_put64(ret_bytes + 16, head->incarnation);
	yett_disk_put64(ret_bytes + 24, head->serial);
	yett_disk_put64(ret_bytes + 32, head->first);
	yett_disk_put64(ret_bytes + 40, (uint64_t)head->created_ns);
	ret_bytes[48] = (uint8_t)head->lane;
	ret_bytes[49] = (uint8_t)head->flags;
	yett_disk_put32(ret_bytes + 60, host->crc32c(0, ret_bytes, 60));
}

int yett_disk_head_decode(
	const struct yett_host *host, const uint8_t *bytes, struct yett_disk_head *ret_head)
{
	if (yett_disk_get32(bytes) != MAGIC_HEAD ||
		yett_disk_get32(bytes + 60) != host->crc32c(0, bytes, 60)) {
		return YETT_ECORRUPT;
	}
	if (yett_disk_get16(bytes + 4) != YETT_DISK_VERSION ||
		(yett_disk_get32(bytes + 8) & ~(uint32_t)YETT_DISK_FEATURES) != 0) {
		return YETT_EVERSION;
	}
	*ret_head = (struct yett_disk_head){
		.incarnation = yett_disk_get64(bytes + 16),
		.serial = yett_disk_get64(bytes + 24),
		.first = yett_disk_get64(bytes + 32),
		.created_ns = (int64_t)yett_disk_get64(bytes + 40),
		.lane = bytes[48],
		.flags = bytes[49],
	};
	return 0;
}

uint32_t yett_disk_total(const struct yett_disk_edge *edge)
{
	uint32_t body = (uint32_t)edge->meta_length + edge->key_length + edge->position_length +
			edge->batch_length;

	return 2 * YETT_DISK_EDGE_SIZE + ((body + 7) & ~UINT32_C(7));
}

void yett_disk_edge_encode(const struct yett_host *host, const struct yett_disk_edge *edge,
	uint64_t salt, uint32_t magic, uint8_t *ret_bytes)
{
	yett_disk_put32(ret_bytes, magic);
	yett_disk_put32(ret_bytes + 4, edge->total);
	yett_disk_put64(ret_bytes + 8, salt);
	yett_disk_put64(ret_bytes + 16, edge->number);
	yett_disk_put64(ret_bytes + 24, edge->group);
	yett_disk_put32(ret_bytes + 32, edge->ordinal);
	yett_disk_put32(ret_bytes + 36, edge->synced);
	yett_disk_put64(ret_bytes + 40, (uint64_t)edge->appended_ns);
	memcpy(ret_bytes + 48, edge->range.origin.bytes, YETT_ID_SIZE);
	yett_disk_put64(ret_bytes + 64, edge->range.epoch.ordinal);
	yett_disk_put64(ret_bytes + 72, edge->range.epoch.random);
	yett_disk_put64(ret_bytes + 80, edge->range.first);
	yett_disk_put32(ret_bytes + 88, (uint32_t)edge->range.count);
	yett_disk_put32(ret_bytes + 92, edge->batch_length);
	yett_disk_put16(ret_bytes + 96, edge->meta_length);
	yett_disk_put16(ret_bytes + 98, edge->position_length);
	ret_bytes[100] = edge->key_length;
	ret_bytes[101] = (uint8_t)edge->range.lane;
	yett_disk_put16(ret_bytes + 102, 0);
	yett_disk_put32(ret_bytes + 104, edge->body_crc);
	yett_disk_put32(ret_bytes + 108, host->crc32c(0, ret_bytes, 108));
}

bool yett_disk_edge_decode(const struct yett_host *host, const uint8_t *bytes, uint64_t salt,
	uint32_t magic, struct yett_disk_edge *ret_edge)
{
	struct yett_disk_edge edge;

	if (yett_disk_get32(bytes) != magic || yett_disk_get64(bytes + 8) != salt ||
		yett_disk_get32(bytes + 108) != host->crc32c(0, bytes, 108)) {
		return false;
	}
	edge = (struct yett_disk_edge){
		.total = yett_disk_get32(bytes + 4),
		.number = yett_disk_get64(bytes + 16),
		.group = yett_disk_get64(bytes + 24),
		.ordinal = yett_disk_get32(bytes + 32),
		.synced = yett_disk_get32(bytes + 36),
		.appended_ns = (int64_t)yett_disk_get64(bytes + 40),
		.range.epoch.ordinal = yett_disk_get64(bytes + 64),
		.range.epoch.random = yett_disk_get64(bytes + 72),
		.range.first = yett_disk_get64(bytes + 80),
		.range.count = yett_disk_get32(bytes + 88),
		.batch_length = yett_disk_get32(bytes + 92),
		.meta_length = yett_disk_get16(bytes + 96),
		.position_length = yett_disk_get16(bytes + 98),
		.key_length = bytes[100],
		.range.lane = bytes[101],
		.body_crc = yett_disk_get32(bytes + 104),
	};
	memcpy(edge.range.origin.bytes, bytes + 48, YETT_ID_SIZE);
	if (edge.batch_length > YETT_BATCH_MAX || edge.meta_length > YETT_QUEUE_META_MAX ||
		edge.position_length > YETT_QUEUE_POSITION_MAX ||
		edge.key_length > YETT_QUEUE_KEY_MAX || edge.range.lane >= YETT_LANES ||
		edge.total != yett_disk_total(&edge)) {
		return false;
	}
	*ret_edge = edge;
	return true;
}

bool yett_disk_body_intact(
	const struct yett_host *host, const uint8_t *entry, const struct yett_disk_edge *edge)
{
	size_t length = yett_disk_batch_at(edge) + edge->batch_length - YETT_DISK_EDGE_SIZE;

	return host->crc32c(0, entry + YETT_DISK_EDGE_SIZE, length) == edge->body_crc;
}

void yett_disk_mark_encode(const struct yett_host *host, const struct yett_disk_mark *mark,
	uint64_t salt, uint8_t *ret_bytes)
{
	memset(ret_bytes, 0, YETT_DISK_MARK_SIZE);
	yett_disk_put32(ret_bytes, MAGIC_MARK);
	yett_disk_put32(ret_bytes + 4, mark->synced);
	yett_disk_put64(ret_bytes + 8, salt);
	yett_disk_put64(ret_bytes + 16, mark->group);
	yett_disk_put32(ret_bytes + 28, host->crc32c(0, ret_bytes, 28));
}

bool yett_disk_mark_decode(const struct yett_host *host, const uint8_t *bytes, uint64_t salt,
	struct yett_disk_mark *ret_mark)
{
	if (yett_disk_get32(bytes) != MAGIC_MARK || yett_disk_get64(bytes + 8) != salt ||
		yett_disk_get32(bytes + 28) != host->crc32c(0, bytes, 28)) {
		return false;
	}
	ret_mark->synced = yett_disk_get32(bytes + 4);
	ret_mark->group = yett_disk_get64(bytes + 16);
	return true;
}
