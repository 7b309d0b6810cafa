/* Append and sync.
 *
 * Responsible for taking entries in order into the open segment of their lane, and for making
 * durable what was taken since the last sync (a group). Consecutive entries of a lane go with one
 * vectored write, straight from the batches' bytes. A run that cannot be written ends the group:
 * its entries and all after them fail, and nothing is taken before the next sync, so a group has
 * no holes.
 *
 * Thread: the queue's. Failure of a sync: every segment that was written since the last good one
 * is condemned, that is sealed at its last synced offset; the manifest says so before anything
 * else is appended. What was synced before stays. */
#include "disk.h"

#include <stdlib.h>

#include "manifest.h"

#define RUN_MAX   64 /* entries in one write */
#define IOV_EACH  7
#define ENTRY_MIN (2 * YETT_DISK_EDGE_SIZE)

struct run {
	struct yett_disk_segment *segment;
	size_t first; /* index of its first entry in the caller's array */
	size_t count;
	int iov_count;
	uint32_t offset; /* where it starts in the segment */
	uint32_t end;
	struct yett_disk_edge edges[RUN_MAX];
	uint8_t headers[RUN_MAX][YETT_DISK_EDGE_SIZE];
	uint8_t trailers[RUN_MAX][YETT_DISK_EDGE_SIZE];
	struct iovec iov[RUN_MAX * IOV_EACH];
};

static const uint8_t zeros[8];

static struct yett_disk_edge describe(const struct yett_queue_entry *entry)
{
	const struct yett_batch_info *info = &entry->batch->info;
	struct yett_disk_edge edge = {
		.range.origin = info->origin,
		.range.epoch = info->epoch,
		.range.first = info->first,
		.range.count = info->count,
		.range.lane = info->lane,
		.batch_length = entry->batch->length,
		.meta_length = (uint16_t)entry->meta_length,
		.key_length = (uint8_t)(entry->key != NULL ? strlen(entry->key) : 0),
		.position_length = (uint16_t)(entry->key != NULL ? entry->position_length : 0),
	};

	edge.total = yett_disk_total(&edge);
	return edge;
}

static int iov_add(struct run *run, const void *bytes, size_t length)
{
	if (length > 0) {
		run->iov[run->iov_count].iov_base = (void *)(uintptr_t)bytes;
		run->iov[run->iov_count].iov_len = length;
		run->iov_count++;
	}
	return 0;
}

/* Adds an entry to the run; its bytes are only borrowed. */
static void run_add(struct yett_disk *disk, struct run *run, const struct yett_queue_entry *entry,
	struct yett_disk_edge edge)
{
	const struct yett_host *host = disk->host;
	struct yett_disk_segment *segment = run->segment;
	uint64_t salt = yett_disk_salt(disk->incarnation, segment->serial, segment->lane);
	size_t body = (size_t)edge.meta_length + edge.key_length + edge.position_length +
		      edge.batch_length;
	size_t i = run->count++;

	edge.number = disk->lanes[segment->lane].next + i;
	edge.group = disk->group;
	edge.ordinal = disk->ordinal + (uint32_t)i;
	edge.synced = segment->synced;
	edge.appended_ns = host->wall_ns(host->instance);
	edge.body_crc = host->crc32c(0, entry->meta, edge.meta_length);
	edge.body_crc = host->crc32c(edge.body_crc, entry->key, edge.key_length);
	edge.body_crc = host->crc32c(edge.body_crc, entry->position, edge.position_length);
	edge.body_crc = host->crc32c(edge.body_crc, entry->batch->bytes, edge.batch_length);
	run->edges[i] = edge;
	yett_disk_edge_encode(host, &edge, salt, YETT_DISK_HEADER, run->headers[i]);
	yett_disk_edge_encode(host, &edge, salt, YETT_DISK_TRAILER, run->trailers[i]);
	iov_add(run, run->headers[i], YETT_DISK_EDGE_SIZE);
	iov_add(run, entry->meta, edge.meta_length);
	iov_add(run, entry->key, edge.key_length);
	iov_add(run, entry->position, edge.position_length);
	iov_add(run, entry->batch->bytes, edge.batch_length);
	iov_add(run, zeros, edge.total - ENTRY_MIN - body);
	iov_add(run, run->trailers[i], YETT_DISK_EDGE_SIZE);
	run->end += edge.total;
}

static bool fits(const struct yett_disk_segment *segment, uint32_t at, uint32_t total)
{
	return (uint64_t)at + total + YETT_DISK_MARK_SIZE <= segment->capacity;
}

static void seal(struct yett_disk *disk, struct yett_disk_segment *segment)
{
	segment->sealed = true;
	segment->recorded = false;
	disk->manifest_dirty = true;
}

/* Ends the open segments of which all is settled, and which yet take room, be it more than their lane
 * has reserved: nothing else would end one of a lane where nothing arrives. */
static void seal_settled(struct yett_disk *disk)
{
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		struct yett_disk_segment *active = yett_disk_active(disk, lane);

		if (active != NULL && active->live == 0 && active->lost == 0 && !active->dirty &&
			active->synced_count == active->count) {
			seal(disk, active);
		}
	}
}

static size_t segments_of(const struct yett_disk *disk)
{
	size_t count = 0;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		count += disk->lanes[lane].count;
	}
	return count;
}

/* Lets go of ended segments that had to stay while the manifest could not be written: where they fill the quota,
 * or the disk, nothing goes in that would have it written again. Open ones keep their room on a full disk. */
static bool give_back(struct yett_disk *disk)
{
	size_t before = segments_of(disk);

	(void)yett_disk_retire(disk);
	return segments_of(disk) < before;
}

/* The open segment that `edge` goes into: the one there is, or a new one. */
static int segment_for(struct yett_disk *disk, const struct yett_disk_edge *edge, bool custody,
	struct yett_disk_segment **ret_segment)
{
	uint32_t lane = edge->range.lane;
	struct yett_disk_segment *active = yett_disk_active(disk, lane);
	uint32_t need = YETT_DISK_HEAD_SIZE + edge->total + YETT_DISK_MARK_SIZE;
	uint32_t capacity;
	bool reserve;
	int result;

	if (active != NULL && active->first + active->count == disk->lanes[lane].next &&
		fits(active, active->end, edge->total)) {
		if (!custody && active->reserve && !yett_disk_unreserve(disk, active)) {
			return YETT_EFULL;
		}
		*ret_segment = active;
		return 0;
	}
	if (active != NULL && !custody && active->reserve && !yett_disk_unreserve(disk, active)) {
		return YETT_EFULL;
	}
	result = yett_disk_room(disk, lane, custody, need, &capacity, &reserve);
	if (result == YETT_EFULL) {
		seal_settled(disk);
		if (give_back(disk)) {
			active = yett_disk_active(disk, lane);
			result = yett_disk_room(disk, lane, custody, need, &capacity, &reserve);
		}
	}
	if (result < 0) {
		return result;
	}
	if (active != NULL) {
		seal(disk, active);
	}
	if (reserve && disk->reserve_bytes >= need) {
		capacity = disk->reserve_bytes;
	}
	result = yett_disk_segment_create(disk, lane, capacity, reserve, ret_segment);
	if (result == YETT_ENOSPC && give_back(disk)) {
		result = yett_disk_segment_create(disk, lane, capacity, reserve, ret_segment);
	}
	if (result == YETT_ENOSPC && custody && lane == YETT_LANE_URGENT && !reserve &&
		disk->reserve_bytes >= need) {
		/* There is room in the quota, and none on the disk. */
		result = yett_disk_segment_create(
			disk, lane, disk->reserve_bytes, true, ret_segment);
	}
	return result;
}

/* Notes in memory what has been written. Where memory fails, the run is taken back. */
static int run_note(struct yett_disk *disk, struct run *run, struct yett_queue_entry *entries)
{
	struct yett_disk_segment *segment = run->segment;
	uint32_t count = segment->count;
	uint32_t offset = run->offset;
	int result = 0;

	for (size_t i = 0; i < run->count && result == 0; i++) {
		const struct yett_disk_edge *edge = &run->edges[i];

		result = yett_disk_place_add(disk, segment, edge, offset);
		if (result == 0) {
			result = yett_disk_ranges_add(&segment->ranges, edge->number, &edge->range);
		}
		entries[run->first + i].ret_number = edge->number;
		offset += edge->total;
	}
	if (result < 0) {
		yett_disk_segment_cut(disk, segment, run->offset, count);
		return result;
	}
	for (size_t i = 0; i < run->count; i++) {
		const struct yett_disk_edge *edge = &run->edges[i];
		const struct yett_queue_entry *entry = &entries[run->first + i];

		if (edge->key_length > 0) {
			/* Without memory it stays behind, never ahead. */
			(void)yett_disk_positions_set(&disk->pending, entry->key, edge->key_length,
				entry->position, edge->position_length, edge->group, edge->ordinal);
		}
	}
	segment->end = offset;
	disk->ordinal += (uint32_t)run->count;
	return 0;
}

static int run_flush(struct yett_disk *disk, struct run *run, struct yett_queue_entry *entries)
{
	const struct yett_files *files = disk->files;
	struct yett_disk_segment *segment = run->segment;
	int result;

	if (run->count == 0) {
		return 0;
	}
	segment->dirty = true;
	result = files->write(files->fs, segment->file, run->iov, run->iov_count, run->offset);
	if (result == 0) {
		result = run_note(disk, run, entries);
	}
	if (result < 0) {
		/* Some of it may be there: nothing goes after it in this segment. */
		seal(disk, segment);
		disk->closed = true;
	}
	disk->lanes[segment->lane].next += run->count; /* no number is used twice */
	run->count = 0;
	return result;
}

static int take(struct yett_disk *disk, struct run *run, struct yett_queue_entry *entries,
	size_t index, int *ret_flushed)
{
	const struct yett_queue_entry *entry = &entries[index];
	struct yett_disk_edge edge = describe(entry);
	bool custody = entry->batch->info.content == YETT_CONTENT_CUSTODY;
	struct yett_disk_segment *segment;
	int result;

	*ret_flushed = 0;
	if (edge.key_length > 0 &&
		disk->positions.count + disk->pending.count >= YETT_DISK_POSITIONS_MAX &&
		yett_disk_positions_get(&disk->positions, entry->key, edge.key_length) == NULL &&
		yett_disk_positions_get(&disk->pending, entry->key, edge.key_length) == NULL) {
		return YETT_ELIMIT;
	}
	if (run->count > 0 && run->count < RUN_MAX && run->segment->lane == edge.range.lane &&
		(custody || !run->segment->reserve) && fits(run->segment, run->end, edge.total)) {
		run_add(disk, run, entry, edge);
		return 0;
	}
	*ret_flushed = run_flush(disk, run, entries);
	if (*ret_flushed < 0) {
		return *ret_flushed;
	}
	result = segment_for(disk, &edge, custody, &segment);
	if (result < 0) {
		return result;
	}
	run->segment = segment;
	run->first = index;
	run->iov_count = 0;
	run->offset = segment->end;
	run->end = segment->end;
	run_add(disk, run, entry, edge);
	return 0;
}

static void fail_from(struct yett_queue_entry *entries, size_t from, size_t to, int result)
{
	for (size_t i = from; i < to; i++) {
		entries[i].ret_number = 0;
		entries[i].ret_result = result;
	}
}

/* What comes after an entry that found its lane full must not overtake it, with its position. Nor may a notice:
 * it may say how far those go that stand before it. One that makes room stands first. */
static int append_one(struct yett_disk *disk, struct run *run, struct yett_queue_entry *entries,
	size_t i, bool full[YETT_LANES], int *flushed)
{
	uint32_t lane;
	int result;

	if (!yett_queue_entry_valid(&entries[i])) {
		return YETT_EINVAL;
	}
	lane = entries[i].batch->info.lane;
	if (full[lane]) {
		return YETT_EFULL;
	}
	result = take(disk, run, entries, i, flushed);
	full[lane] = result == YETT_EFULL;
	return result;
}

int yett_disk_op_append(void *self, struct yett_queue_entry *entries, size_t count)
{
	struct yett_disk *disk = self;
	struct run *run;
	bool full[YETT_LANES] = {false};
	int flushed = 0;
	int result = 0;

	if (disk->read_only || !disk->recovered) {
		result = YETT_EPERM;
	} else if (disk->closed) {
		result = YETT_EIO;
	} else if (disk->condemned) {
		result = yett_disk_manifest_write(disk, false);
	}
	run = result == 0 ? malloc(sizeof(*run)) : NULL;
	if (run == NULL) {
		fail_from(entries, 0, count, result == 0 ? YETT_ENOMEM : result);
		return result == 0 ? YETT_ENOMEM : result;
	}
	run->count = 0;
	run->first = 0;
	for (size_t i = 0; i < count; i++) {
		entries[i].ret_number = 0;
		entries[i].ret_result = append_one(disk, run, entries, i, full, &flushed);
		if (entries[i].ret_result < 0 && flushed == 0 && run->count > 0) {
			/* The entries of a run stand side by side in the array. */
			flushed = run_flush(disk, run, entries);
		}
		if (flushed < 0) {
			fail_from(entries, run->first, count, flushed);
			break;
		}
		if (entries[i].ret_result < 0 && entries[i].ret_result != YETT_EFULL &&
			entries[i].ret_result != YETT_EINVAL) {
			/* The disk: what follows must not overtake what did not go in. */
			flushed = entries[i].ret_result;
			fail_from(entries, i, count, flushed);
			break;
		}
	}
	if (flushed == 0) {
		flushed = run_flush(disk, run, entries);
		if (flushed < 0) {
			fail_from(entries, run->first, count, flushed);
		}
	}
	free(run);
	return flushed;
}

static void condemn(struct yett_disk *disk)
{
	disk->degraded = true;
	disk->condemned = true;
	yett_disk_positions_clear(&disk->pending);
	for (uint32_t l = 0; l < YETT_LANES; l++) {
		for (size_t i = disk->lanes[l].count; i-- > 0;) {
			struct yett_disk_segment *segment = disk->lanes[l].segments[i];

			if (segment->dirty) {
				yett_disk_segment_cut(
					disk, segment, segment->synced, segment->synced_count);
				seal(disk, segment);
				segment->dirty = false;
			}
		}
	}
	disk->group++;
	disk->ordinal = 0;
	disk->closed = false;
}

/* Segments are dirty, or sealed and not recorded, only at the end of their lane. */
static int sync_segments(struct yett_disk *disk)
{
	const struct yett_files *files = disk->files;
	int result = 0;

	for (uint32_t l = 0; l < YETT_LANES && result == 0; l++) {
		struct yett_disk_lane *lane = &disk->lanes[l];

		for (size_t i = lane->count; i-- > 0 && lane->segments[i]->dirty && result == 0;) {
			result = files->sync(files->fs, lane->segments[i]->file);
		}
	}
	if (result == 0 && disk->dir_dirty) {
		result = files->dir_sync(files->fs, disk->dir);
		disk->dir_dirty = result < 0;
	}
	return result;
}

static void mark(struct yett_disk *disk, struct yett_disk_segment *segment)
{
	const struct yett_files *files = disk->files;
	struct yett_disk_mark mark = {disk->group - 1, segment->synced};
	uint8_t bytes[YETT_DISK_MARK_SIZE];
	struct iovec iov = {bytes, sizeof(bytes)};

	/* Not synced, and nothing is lost where it cannot be written: it only tells a torn tail
	 * from a damaged one, and the next entry overwrites it. */
	yett_disk_mark_encode(disk->host, &mark,
		yett_disk_salt(disk->incarnation, segment->serial, segment->lane), bytes);
	(void)files->write(files->fs, segment->file, &iov, 1, segment->synced);
}

static void note_synced(struct yett_disk *disk)
{
	for (uint32_t l = 0; l < YETT_LANES; l++) {
		for (size_t i = disk->lanes[l].count; i-- > 0;) {
			struct yett_disk_segment *segment = disk->lanes[l].segments[i];

			if (!segment->dirty) {
				break;
			}
			/* Its first entries: from now on it is missed if it is gone. */
			disk->manifest_dirty |= segment->synced_count == 0;
			segment->dirty = false;
			segment->synced = segment->end;
			segment->synced_count = segment->count;
			if (!segment->sealed) {
				mark(disk, segment);
			}
		}
	}
}

static bool record_sealed(struct yett_disk *disk)
{
	bool recorded = false;

	for (uint32_t l = 0; l < YETT_LANES; l++) {
		for (size_t i = disk->lanes[l].count; i-- > 0;) {
			struct yett_disk_segment *segment = disk->lanes[l].segments[i];

			if (segment->sealed && segment->recorded) {
				break;
			}
			if (segment->sealed) {
				yett_disk_segment_record(disk, segment);
				recorded = true;
			}
		}
	}
	return recorded;
}

int yett_disk_op_sync(void *self)
{
	struct yett_disk *disk = self;
	int result;

	if (disk->read_only || !disk->recovered) {
		return YETT_EPERM;
	}
	result = sync_segments(disk);
	if (result < 0) {
		condemn(disk);
		disk->host->log(disk->host->instance, YETT_LOG_ERROR, "queue-sync-failed",
			"a sync of the queue to disk failed: what was written since the last one "
			"is written again elsewhere; look at the disk; directory=%s reason=%s",
			disk->path, disk->host->result_text(result));
		(void)record_sealed(disk);
		(void)yett_disk_retire(disk);
		if (disk->condemned) {
			(void)yett_disk_manifest_write(disk, false);
		}
		return YETT_ESYNC;
	}
	if (disk->ordinal > 0 || disk->closed) {
		disk->group++;
		disk->ordinal = 0;
		disk->closed = false;
	}
	note_synced(disk);
	(void)yett_disk_positions_move(&disk->positions, &disk->pending);
	(void)record_sealed(disk);
	if (disk->manifest_dirty && yett_disk_manifest_write(disk, false) == 0) {
		(void)yett_disk_retire(disk);
	}
	return 0;
}
