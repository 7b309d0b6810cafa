/* Which records the entries of a segment bring: kept beside the segment, so that what is lost
 * with it can be named. */
#ifndef YETT_DISK_RANGES_H
#define YETT_DISK_RANGES_H

#include <yett/host.h>

/* `entries` entries from `number` on bring the records of `range`, without a hole. */
struct yett_disk_row {
	struct yett_range range;
	uint64_t number;
	uint32_t entries;
};

struct yett_disk_ranges {
	struct yett_disk_row *rows;
	size_t count;
	size_t room;
};

int yett_disk_ranges_add(
	struct yett_disk_ranges *ranges, uint64_t number, const struct yett_range *range);
/* Forgets the entries from `number` on; `range` (may be NULL) is that of entry number - 1. */
void yett_disk_ranges_cut(
	struct yett_disk_ranges *ranges, uint64_t number, const struct yett_range *last);
const struct yett_disk_row *yett_disk_ranges_find(
	const struct yett_disk_ranges *ranges, uint64_t number);
void yett_disk_ranges_clear(struct yett_disk_ranges *ranges);

/* The file: `salt` of its segment. `ret_length` bytes were written. */
int yett_disk_ranges_write(const struct yett_host *host, int dir, const char *name, uint64_t salt,
	uint32_t lane, const struct yett_disk_ranges *ranges, uint32_t *ret_length);
/* YETT_ENOTFOUND, YETT_ECORRUPT, YETT_EVERSION. */
int yett_disk_ranges_read(const struct yett_host *host, int dir, const char *name, uint64_t salt,
	uint32_t lane, struct yett_disk_ranges *ret_ranges);

#endif
