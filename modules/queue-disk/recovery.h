/* What the steps of a recovery share. */
#ifndef YETT_DISK_RECOVERY_H
#define YETT_DISK_RECOVERY_H

#include "disk.h"
#include "manifest.h"
#include "scan.h"

/* An entry of the newest group of its segment: whether that group was synced is known only when
 * all segments have been read. */
struct yett_disk_tail {
	struct yett_disk_segment *segment;
	uint64_t group;
	uint32_t ordinal;
	uint32_t index;
	uint32_t offset;
	bool positioned;
};

struct yett_disk_seen {
	uint64_t serial;
	uint32_t lane;
};

struct yett_disk_recovery {
	struct yett_disk *disk;
	struct yett_disk_manifest manifest;
	yett_recovery_fn report;
	void *arg;
	struct yett_error *error;
	int stopped; /* what report() returned, once it was not 0 */
	unsigned pauses;
	bool came,
		left; /* of what the disk had refused: something came a moment later; something did not */

	struct yett_disk_seen *segments; /* files by name, in order of serial */
	size_t segments_count, segments_room;
	struct yett_disk_seen *ranges;
	size_t ranges_count, ranges_room;
	struct yett_disk_tail *tails;
	size_t tails_count, tails_room;
	struct yett_disk_found *found; /* of the segment at hand */
	size_t found_count, found_room;
	uint8_t *bytes;
	size_t bytes_room;

	uint64_t synced_group; /* this group and all before are known to be synced */
	uint64_t newest_group;
};

void yett_disk_note(struct yett_disk_recovery *recovery, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
const struct yett_disk_listed *yett_disk_listed_find(
	const struct yett_disk_recovery *recovery, uint64_t serial);
/* Before the disk is asked once more for what it refused: a moment, in which the way to it may come back. */
void yett_disk_pause(struct yett_disk_recovery *recovery);
/* The range file beside a segment, as yett_disk_ranges_read. */
int yett_disk_ranges_beside(struct yett_disk_recovery *recovery, uint32_t lane, uint64_t serial,
	struct yett_disk_ranges *ret_ranges);
/* Reads one segment, decides what of it counts, and adds it to its lane. */
int yett_disk_judge(struct yett_disk_recovery *recovery, const struct yett_disk_seen *seen);

#endif
