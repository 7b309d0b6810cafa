/* Segments: files, and what is known of their entries in memory.
 *
 * Responsible for making, opening, cutting, recording and deleting segments, and for the counts
 * of entries, records and bytes of their lanes, which change only through the calls here. Not
 * responsible for what is written into them (append.c) or believed of them (recover.c).
 *
 * Thread: the queue's. A segment owns its places, rows and file handle; the lane owns the
 * segment. Deleting is careful: the manifest that no longer lists a segment, and that holds the
 * positions which it brought, is durable before the file goes; the range file goes first, so that
 * an older manifest never finds ranges of what was only settled. */
#include "disk.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "manifest.h"

#define TRUNCATE_MIN 65536

int yett_disk_grow(void *items, size_t count, size_t *room, size_t size)
{
	void *now;
	size_t want;

	if (count < *room) {
		return 0;
	}
	memcpy(&now, items, sizeof(now));
	want = *room == 0 ? 8 : *room * 2;
	now = realloc(now, want * size);
	if (now == NULL) {
		return YETT_ENOMEM;
	}
	memcpy(items, &now, sizeof(now));
	*room = want;
	return 0;
}

void yett_disk_name(char *ret_name, uint32_t lane, uint64_t serial, const char *suffix)
{
	snprintf(ret_name, YETT_DISK_NAME_SIZE, "%u-%016" PRIx64 ".%s", (unsigned)(lane % 10),
		serial, suffix);
}

struct yett_disk_segment *yett_disk_active(struct yett_disk *disk, uint32_t lane)
{
	struct yett_disk_lane *to = &disk->lanes[lane];
	struct yett_disk_segment *last = to->count > 0 ? to->segments[to->count - 1] : NULL;

	return last != NULL && !last->sealed ? last : NULL;
}

int yett_disk_segment_add(struct yett_disk *disk, struct yett_disk_segment *segment)
{
	struct yett_disk_lane *lane = &disk->lanes[segment->lane];
	int result = yett_disk_grow(
		&lane->segments, lane->count, &lane->room, sizeof(struct yett_disk_segment *));

	if (result == 0) {
		lane->segments[lane->count++] = segment;
	}
	return result;
}

static void close_file(struct yett_disk *disk, struct yett_disk_segment *segment)
{
	if (segment->file >= 0) {
		disk->files->close(disk->files->fs, segment->file);
		segment->file = -1;
		disk->open_count--;
	}
}

void yett_disk_segment_free(struct yett_disk *disk, struct yett_disk_segment *segment)
{
	close_file(disk, segment);
	yett_disk_refused_forget(disk, segment->serial, 0, UINT64_MAX);
	yett_disk_ranges_clear(&segment->ranges);
	free(segment->places);
	free(segment);
}

/* A file of that length, of zeros or of what is none of ours. Returns a handle, or an error. */
static int make_file(struct yett_disk *disk, const char *name, uint32_t capacity, bool reserve)
{
	const struct yett_files *files = disk->files;
	int file, result;

	disk->dir_dirty = true;
	if (reserve && disk->reserve_bytes == capacity) {
		return yett_disk_reserve_take(disk, name);
	}
	file = files->open(files->fs, disk->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC);
	if (file < 0) {
		return file;
	}
	result = files->allocate(files->fs, file, capacity);
	if (result < 0) {
		files->close(files->fs, file);
		files->remove(files->fs, disk->dir, name);
		return result;
	}
	return file;
}

int yett_disk_segment_create(struct yett_disk *disk, uint32_t lane, uint32_t capacity, bool reserve,
	struct yett_disk_segment **ret_segment)
{
	const struct yett_files *files = disk->files;
	struct yett_disk_segment *segment = calloc(1, sizeof(*segment));
	struct yett_disk_head head = {
		.incarnation = disk->incarnation,
		.serial = disk->next_serial,
		.first = disk->lanes[lane].next,
		.created_ns = disk->host->wall_ns(disk->host->instance),
		.lane = lane,
		.flags = reserve ? YETT_DISK_HEAD_RESERVE : 0,
	};
	uint8_t bytes[YETT_DISK_HEAD_SIZE];
	struct iovec iov = {bytes, sizeof(bytes)};
	char name[YETT_DISK_NAME_SIZE];
	int result;

	if (segment == NULL) {
		return YETT_ENOMEM;
	}
	yett_disk_name(name, lane, disk->next_serial++, "seg");
	segment->file = make_file(disk, name, capacity, reserve);
	if (segment->file < 0) {
		result = segment->file;
		free(segment);
		return result;
	}
	disk->open_count++;
	yett_disk_head_encode(disk->host, &head, bytes);
	result = files->write(files->fs, segment->file, &iov, 1, 0);
	segment->serial = head.serial;
	segment->first = head.first;
	segment->lane = lane;
	segment->capacity = capacity;
	segment->end = YETT_DISK_HEAD_SIZE;
	segment->synced = YETT_DISK_HEAD_SIZE;
	segment->reserve = reserve;
	segment->dirty = true;
	if (result == 0) {
		result = yett_disk_segment_add(disk, segment);
	}
	if (result < 0) {
		yett_disk_segment_free(disk, segment);
		files->remove(files->fs, disk->dir, name);
		return result;
	}
	disk->manifest_dirty = true;
	*ret_segment = segment;
	return 0;
}

/* Closes the sealed segment that was not read for the longest time. */
static void close_oldest(struct yett_disk *disk)
{
	struct yett_disk_segment *oldest = NULL;

	for (uint32_t l = 0; l < YETT_LANES; l++) {
		for (size_t i = 0; i < disk->lanes[l].count; i++) {
			struct yett_disk_segment *segment = disk->lanes[l].segments[i];

			if (segment->file >= 0 && segment->sealed && !segment->dirty &&
				(oldest == NULL || segment->used_tick < oldest->used_tick)) {
				oldest = segment;
			}
		}
	}
	if (oldest != NULL) {
		close_file(disk, oldest);
	}
}

int yett_disk_segment_open(struct yett_disk *disk, struct yett_disk_segment *segment)
{
	char name[YETT_DISK_NAME_SIZE];
	int file;

	segment->used_tick = ++disk->tick;
	if (segment->file >= 0) {
		return 0;
	}
	if (disk->open_count >= YETT_DISK_OPEN_MAX) {
		close_oldest(disk);
	}
	yett_disk_name(name, segment->lane, segment->serial, "seg");
	file = disk->files->open(
		disk->files->fs, disk->dir, name, disk->read_only ? O_RDONLY : O_RDWR);
	if (file < 0) {
		return file;
	}
	segment->file = file;
	disk->open_count++;
	return 0;
}

struct yett_disk_segment *yett_disk_segment_find(
	struct yett_disk *disk, uint32_t lane, uint64_t number, size_t *ret_index)
{
	struct yett_disk_lane *in = &disk->lanes[lane];
	size_t low = 0;
	size_t high = in->count;

	/* The first segment that ends after `number`. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct yett_disk_segment *segment = in->segments[middle];

		if (segment->first + segment->count <= number) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (ret_index != NULL) {
		*ret_index = low;
	}
	return low < in->count ? in->segments[low] : NULL;
}

int yett_disk_place_add(struct yett_disk *disk, struct yett_disk_segment *segment,
	const struct yett_disk_edge *edge, uint32_t offset)
{
	struct yett_disk_lane *lane = &disk->lanes[segment->lane];
	uint64_t index = edge->number - segment->first;
	size_t room = segment->places_room;
	int result;

	if (edge->number < segment->first || index < segment->count ||
		index >= YETT_DISK_ENTRIES_MAX) {
		return YETT_ECORRUPT;
	}
	do {
		/* Numbers in between, if any, are nothing yet: who calls knows of them. */
		result = yett_disk_grow(
			&segment->places, segment->count, &room, sizeof(struct yett_disk_place));
		if (result < 0) {
			return result;
		}
		segment->places_room = (uint32_t)room;
		segment->places[segment->count] = (struct yett_disk_place){0};
	} while (segment->count++ < index);
	segment->places[index] = (struct yett_disk_place){
		offset, edge->total, edge->batch_length, (uint32_t)edge->range.count};
	segment->live++;
	lane->entries++;
	lane->records += edge->range.count;
	lane->bytes += edge->batch_length;
	return 0;
}

static void forget_live(struct yett_disk *disk, struct yett_disk_segment *segment,
	const struct yett_disk_place *place)
{
	struct yett_disk_lane *lane = &disk->lanes[segment->lane];

	segment->live--;
	lane->entries--;
	lane->records -= place->count;
	lane->bytes -= place->batch_length;
}

static bool is_live(const struct yett_disk_place *place)
{
	return place->where != 0 && (place->where & (YETT_DISK_SETTLED | YETT_DISK_LOST)) == 0;
}

void yett_disk_place_settle(
	struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index)
{
	struct yett_disk_place *place = &segment->places[index];

	if (is_live(place)) {
		forget_live(disk, segment, place);
	} else if ((place->where & YETT_DISK_LOST) != 0) {
		segment->lost--;
	}
	place->where = (place->where & ~YETT_DISK_LOST) | YETT_DISK_SETTLED;
}

void yett_disk_place_lose(struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index)
{
	struct yett_disk_place *place = &segment->places[index];

	if ((place->where & (YETT_DISK_LOST | YETT_DISK_SETTLED)) != 0) {
		return;
	}
	if (is_live(place)) {
		forget_live(disk, segment, place);
	}
	place->where |= YETT_DISK_LOST;
	segment->lost++;
	segment->damaged = true;
	disk->degraded = true;
}

void yett_disk_segment_cut(
	struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t end, uint32_t count)
{
	struct yett_disk_edge last;
	bool known = count > 0 && count < segment->count &&
		     yett_disk_edge_read(disk, segment, count - 1, &last) == 0;

	for (uint32_t i = count; i < segment->count; i++) {
		const struct yett_disk_place *place = &segment->places[i];

		if (is_live(place)) {
			forget_live(disk, segment, place);
		} else if ((place->where & YETT_DISK_LOST) != 0) {
			segment->lost--;
		}
	}
	if (count < segment->count) {
		segment->count = count;
		yett_disk_ranges_cut(
			&segment->ranges, segment->first + count, known ? &last.range : NULL);
	}
	segment->end = end;
	if (segment->synced_count > count) {
		segment->synced_count = count;
	}
	if (segment->synced > end) {
		segment->synced = end;
	}
}

void yett_disk_segment_record(struct yett_disk *disk, struct yett_disk_segment *segment)
{
	const struct yett_files *files = disk->files;
	char name[YETT_DISK_NAME_SIZE];
	uint32_t keep = (segment->end + 4095) & ~UINT32_C(4095);
	int result;

	segment->recorded = true;
	if (segment->count > 0) {
		yett_disk_name(name, segment->lane, segment->serial, "rng");
		result = yett_disk_ranges_write(disk->host, disk->dir, name,
			yett_disk_salt(disk->incarnation, segment->serial, segment->lane),
			segment->lane, &segment->ranges, &segment->ranges_length);
		if (result < 0) {
			disk->host->log(disk->host->instance, YETT_LOG_WARNING,
				"queue-ranges-unwritten",
				"the ranges of segment %s are not written beside it: if it is "
				"damaged, its loss can be named less exactly; reason=%s",
				name, disk->host->result_text(result));
		} else {
			disk->dir_dirty = true;
		}
	}
	yett_disk_ranges_clear(&segment->ranges);
	if (segment->capacity > keep && segment->capacity - keep >= TRUNCATE_MIN &&
		yett_disk_segment_open(disk, segment) == 0 &&
		files->truncate(files->fs, segment->file, keep) == 0) {
		segment->capacity = keep;
	}
}

static void delete_files(struct yett_disk *disk, struct yett_disk_segment *segment)
{
	const struct yett_files *files = disk->files;
	char name[YETT_DISK_NAME_SIZE];
	char bad[YETT_DISK_NAME_SIZE];

	close_file(disk, segment);
	yett_disk_name(name, segment->lane, segment->serial, "rng");
	files->remove(files->fs, disk->dir, name);
	yett_disk_name(name, segment->lane, segment->serial, "seg");
	if (segment->damaged) {
		yett_disk_name(bad, segment->lane, segment->serial, "bad");
		if (files->rename(files->fs, disk->dir, name, bad) == 0) {
			yett_disk_bad_add(disk, segment->lane, segment->serial, segment->capacity);
			return;
		}
	}
	files->remove(files->fs, disk->dir, name);
}

static bool is_done(const struct yett_disk_segment *segment)
{
	return segment->sealed && !segment->dirty && segment->live == 0 && segment->lost == 0 &&
	       segment->synced_count == segment->count;
}

int yett_disk_retire(struct yett_disk *disk)
{
	size_t done = 0;
	bool reserve = false;
	int result;

	for (uint32_t l = 0; l < YETT_LANES; l++) {
		for (size_t i = 0; i < disk->lanes[l].count; i++) {
			struct yett_disk_segment *segment = disk->lanes[l].segments[i];

			segment->retired = is_done(segment);
			done += segment->retired;
		}
	}
	if (done == 0 || disk->read_only) {
		return 0;
	}
	result = yett_disk_manifest_write(disk, false);
	if (result < 0) {
		/* They stay until the manifest can be written. */
		for (uint32_t l = 0; l < YETT_LANES; l++) {
			for (size_t i = 0; i < disk->lanes[l].count; i++) {
				disk->lanes[l].segments[i]->retired = false;
			}
		}
		return result;
	}
	for (uint32_t l = 0; l < YETT_LANES; l++) {
		struct yett_disk_lane *lane = &disk->lanes[l];
		size_t kept = 0;

		for (size_t i = 0; i < lane->count; i++) {
			struct yett_disk_segment *segment = lane->segments[i];

			if (segment->retired) {
				reserve |= segment->reserve;
				delete_files(disk, segment);
				yett_disk_holes_forget(disk, segment->serial);
				yett_disk_segment_free(disk, segment);
			} else {
				lane->segments[kept++] = segment;
			}
		}
		lane->count = kept;
	}
	if (reserve) {
		(void)yett_disk_reserve_make(disk);
	}
	return 0;
}
