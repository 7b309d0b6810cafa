/* Who may take how much of the quota.
 *
 * Responsible for the arithmetic of size, reserves and limits: a lane may take what the other
 * lanes neither use nor have reserved, without the custody reserve, which only batches of custody
 * content may use. Not responsible for what happens when a lane is full: that is the core's.
 * What counts is the length of files, as preallocated, so the quota holds on the disk.
 *
 * Thread: the queue's. Failure: YETT_EFULL. Damaged segments that are kept to be looked at give
 * way to data. */
#include "disk.h"

#define ROUND 4096u

uint64_t yett_disk_used(const struct yett_disk *disk, uint32_t lane)
{
	uint64_t used = 0;

	for (size_t i = 0; i < disk->lanes[lane].count; i++) {
		const struct yett_disk_segment *segment = disk->lanes[lane].segments[i];

		if (!segment->reserve) {
			used += segment->capacity + segment->ranges_length;
		}
	}
	return used;
}

uint64_t yett_disk_used_reserve(const struct yett_disk *disk)
{
	uint64_t used = 0;

	for (size_t i = 0; i < disk->lanes[YETT_LANE_URGENT].count; i++) {
		const struct yett_disk_segment *segment = disk->lanes[YETT_LANE_URGENT].segments[i];

		if (segment->reserve) {
			used += segment->capacity + segment->ranges_length;
		}
	}
	return used;
}

uint64_t yett_disk_limit(const struct yett_disk *disk, uint32_t lane)
{
	uint64_t others = disk->custody_bytes;

	for (uint32_t l = 0; l < YETT_LANES; l++) {
		uint64_t used = l == lane ? 0 : yett_disk_used(disk, l);

		if (l != lane) {
			others += used > disk->lanes[l].reserve_bytes
					  ? used
					  : disk->lanes[l].reserve_bytes;
		}
	}
	return others < disk->size_bytes ? disk->size_bytes - others : 0;
}

static uint64_t bad_bytes(const struct yett_disk *disk)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < disk->bad_count; i++) {
		bytes += disk->bad[i].bytes;
	}
	return bytes;
}

static void bad_remove_oldest(struct yett_disk *disk)
{
	char name[YETT_DISK_NAME_SIZE];

	yett_disk_name(name, disk->bad[0].lane, disk->bad[0].serial, "bad");
	if (!disk->read_only) {
		disk->files->remove(disk->files->fs, disk->dir, name);
	}
	disk->bad_count--;
	memmove(&disk->bad[0], &disk->bad[1], disk->bad_count * sizeof(disk->bad[0]));
}

void yett_disk_bad_add(struct yett_disk *disk, uint32_t lane, uint64_t serial, uint64_t bytes)
{
	while (disk->bad_count > 0 && (disk->bad_count == YETT_DISK_BAD_MAX ||
					      bad_bytes(disk) + bytes > disk->size_bytes / 4)) {
		bad_remove_oldest(disk);
	}
	disk->bad[disk->bad_count++] = (struct yett_disk_bad){serial, lane, bytes};
}

static uint64_t free_of(const struct yett_disk *disk, uint32_t lane)
{
	uint64_t limit = yett_disk_limit(disk, lane);
	uint64_t used = yett_disk_used(disk, lane) + bad_bytes(disk);

	return used < limit ? limit - used : 0;
}

int yett_disk_room(struct yett_disk *disk, uint32_t lane, bool custody, uint32_t need,
	uint32_t *ret_capacity, bool *ret_reserve)
{
	uint64_t want = disk->segment_bytes;
	uint64_t have = free_of(disk, lane);
	uint64_t reserve;

	if (need > want) {
		want = (need + ROUND - 1) & ~(uint64_t)(ROUND - 1);
	}
	while (have < want && disk->bad_count > 0) {
		bad_remove_oldest(disk);
		have = free_of(disk, lane);
	}
	*ret_reserve = false;
	if (have < need && custody && lane == YETT_LANE_URGENT) {
		reserve = yett_disk_used_reserve(disk);
		have = reserve < disk->custody_bytes ? disk->custody_bytes - reserve : 0;
		*ret_reserve = true;
	}
	if (have < need) {
		return YETT_EFULL;
	}
	*ret_capacity = (uint32_t)(have < want ? have : want);
	return 0;
}

bool yett_disk_unreserve(struct yett_disk *disk, struct yett_disk_segment *segment)
{
	if (segment->reserve && free_of(disk, segment->lane) >= segment->capacity) {
		segment->reserve = false;
		/* Not for a place in the quota that the disk does not have. */
		segment->reserve = yett_disk_reserve_make(disk) == YETT_ENOSPC;
	}
	return !segment->reserve;
}
