/* Reading one entry, or what stands before its batch, back from its segment.
 *
 * The header and the trailer of an entry say the same; either will do. Thread: the queue's.
 * Failure: YETT_ECORRUPT where neither is whole, the disk was given up on them, or the file is gone; YETT_EIO
 * and others where it does not give them now, which says nothing of what they are; YETT_ENOTFOUND where there
 * never was anything. */
#include "disk.h"

int yett_disk_edge_read(struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index,
	struct yett_disk_edge *ret_edge)
{
	const struct yett_disk_place *place = &segment->places[index];
	uint64_t salt = yett_disk_salt(disk->incarnation, segment->serial, segment->lane);
	uint32_t offset = place->where & ~UINT32_C(7);
	uint8_t bytes[YETT_DISK_EDGE_SIZE];
	int64_t header, trailer;
	int result;

	if (offset == 0) {
		return YETT_ENOTFOUND;
	}
	result = yett_disk_segment_open(disk, segment);
	if (result < 0) {
		return result == YETT_ENOTFOUND ? YETT_ECORRUPT : result;
	}
	header = yett_disk_segment_read(disk, segment, bytes, sizeof(bytes), offset);
	if (header == (int64_t)sizeof(bytes) &&
		yett_disk_edge_decode(disk->host, bytes, salt, YETT_DISK_HEADER, ret_edge) &&
		ret_edge->total == place->total) {
		return 0;
	}
	trailer = yett_disk_segment_read(
		disk, segment, bytes, sizeof(bytes), offset + place->total - YETT_DISK_EDGE_SIZE);
	if (trailer == (int64_t)sizeof(bytes) &&
		yett_disk_edge_decode(disk->host, bytes, salt, YETT_DISK_TRAILER, ret_edge) &&
		ret_edge->total == place->total) {
		return 0;
	}
	return header < 0 ? (int)header : trailer < 0 ? (int)trailer : YETT_ECORRUPT;
}

int yett_disk_front_read(struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index,
	struct yett_disk_edge *ret_edge, uint8_t *ret_front)
{
	uint32_t offset = segment->places[index].where & ~UINT32_C(7);
	size_t length;
	int64_t got;
	int result = yett_disk_edge_read(disk, segment, index, ret_edge);

	if (result < 0) {
		return result;
	}
	length = yett_disk_batch_at(ret_edge);
	got = yett_disk_segment_read(disk, segment, ret_front, length, offset);
	if (got < 0) {
		return (int)got;
	}
	/* Nothing but the whole entry's checksum would tell zeros from what stood there. */
	return got == (int64_t)length && !yett_disk_has_refused(disk, segment->serial, offset,
						 (uint64_t)offset + length, true)
		       ? 0
		       : YETT_ECORRUPT;
}
