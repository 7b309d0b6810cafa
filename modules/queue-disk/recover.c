/* Recovery: from the files of a directory to a queue that goes on where it was.
 *
 * Responsible for the order of things: lock, manifest, segments in order of their serial (one at
 * a time, judge.c), segments that are gone, then the newest group, and at the end making durable
 * what was decided. The newest group may or may not have been synced: its entries count up to the
 * first that is missing, over all lanes in the order in which they were appended, so a position
 * never gets ahead of what was appended before it.
 *
 * Thread: the queue's. Damage never stops it; it ends only for want of memory, for a newer format
 * (YETT_EVERSION), a lock that another process holds (YETT_EPERM), a directory that cannot be used, a
 * file that is there and cannot be opened (that is no damage: its owner can be mended), one that the disk
 * gives now and refused a moment ago (nor is that), a manifest of which the disk gives neither copy, or
 * where what counts cannot be made durable. What was read until then is freed by destroy. */
#include "recovery.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PAUSES_MAX 10 /* a disk may have many bad sectors, and somebody waits for the start */

void yett_disk_note(struct yett_disk_recovery *recovery, const char *format, ...)
{
	char text[256];
	struct yett_recovery what = {
		.size = sizeof(what), .kind = YETT_RECOVERY_NOTE, .text = text};
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (recovery->report != NULL && recovery->stopped == 0) {
		recovery->stopped = recovery->report(recovery->arg, &what);
	}
}

void yett_disk_pause(struct yett_disk_recovery *recovery)
{
	if (recovery->pauses < PAUSES_MAX) {
		recovery->pauses++;
		recovery->disk->pause(YETT_DISK_PAUSE_NS);
	}
}

int yett_disk_ranges_beside(struct yett_disk_recovery *recovery, uint32_t lane, uint64_t serial,
	struct yett_disk_ranges *ret_ranges)
{
	const struct yett_disk *disk = recovery->disk;
	uint64_t salt = yett_disk_salt(disk->incarnation, serial, lane);
	char name[YETT_DISK_NAME_SIZE];
	int result;

	yett_disk_name(name, lane, serial, "rng");
	result = yett_disk_ranges_read(disk->host, disk->dir, name, salt, lane, ret_ranges);
	if (result == YETT_EIO && !disk->read_only) {
		yett_disk_pause(recovery);
		result = yett_disk_ranges_read(disk->host, disk->dir, name, salt, lane, ret_ranges);
	}
	return result;
}

const struct yett_disk_listed *yett_disk_listed_find(
	const struct yett_disk_recovery *recovery, uint64_t serial)
{
	for (size_t i = 0; i < recovery->manifest.listed_count; i++) {
		if (recovery->manifest.listed[i].serial == serial) {
			return &recovery->manifest.listed[i];
		}
	}
	return NULL;
}

static int add_name(void *arg, const char *name)
{
	struct yett_disk_recovery *recovery = arg;
	struct yett_disk *disk = recovery->disk;
	struct yett_disk_seen seen = {0, 0};
	char again[YETT_DISK_NAME_SIZE];
	const char *suffix = strchr(name, '.');
	int result;

	if (suffix == NULL || name[0] < '0' || name[0] >= '0' + YETT_LANES || name[1] != '-') {
		return 0;
	}
	seen.lane = (uint32_t)(name[0] - '0');
	seen.serial = strtoull(name + 2, NULL, 16);
	yett_disk_name(again, seen.lane, seen.serial, suffix + 1);
	if (strcmp(again, name) != 0 || seen.serial == 0 || seen.serial == UINT64_MAX) {
		return 0; /* not one of ours */
	}
	if (seen.serial >= disk->next_serial) {
		disk->next_serial = seen.serial + 1;
	}
	if (strcmp(suffix, ".seg") == 0) {
		result = yett_disk_grow(&recovery->segments, recovery->segments_count,
			&recovery->segments_room, sizeof(seen));
		if (result == 0) {
			recovery->segments[recovery->segments_count++] = seen;
		}
		return result;
	}
	if (strcmp(suffix, ".rng") == 0) {
		result = yett_disk_grow(&recovery->ranges, recovery->ranges_count,
			&recovery->ranges_room, sizeof(seen));
		if (result == 0) {
			recovery->ranges[recovery->ranges_count++] = seen;
		}
		return result;
	}
	if (strcmp(suffix, ".bad") == 0) {
		int file =
			disk->files->open(disk->files->fs, disk->dir, name, O_RDONLY | O_CLOEXEC);
		int64_t length = file < 0 ? 0 : disk->files->length(disk->files->fs, file);

		if (file >= 0) {
			disk->files->close(disk->files->fs, file);
		}
		yett_disk_bad_add(disk, seen.lane, seen.serial, length > 0 ? (uint64_t)length : 0);
	}
	return 0;
}

static int by_serial(const void *a, const void *b)
{
	const struct yett_disk_seen *x = a;
	const struct yett_disk_seen *y = b;

	return x->serial < y->serial ? -1 : x->serial > y->serial ? 1 : 0;
}

/* Without a manifest: the queue is the one that the newest readable segment is of. Where the disk gives
 * none of them now, it would be another queue, to which none of them belongs. */
static int adopt(struct yett_disk_recovery *recovery)
{
	struct yett_disk *disk = recovery->disk;
	const struct yett_files *files = disk->files;
	int failed = 0;

	disk->host->random_bytes(
		disk->host->instance, &disk->incarnation, sizeof(disk->incarnation));
	for (size_t i = recovery->segments_count; i-- > 0;) {
		struct yett_disk_head head;
		uint8_t bytes[YETT_DISK_HEAD_SIZE];
		char name[YETT_DISK_NAME_SIZE];
		int64_t got;
		int file;

		yett_disk_name(
			name, recovery->segments[i].lane, recovery->segments[i].serial, "seg");
		file = files->open(files->fs, disk->dir, name, O_RDONLY | O_CLOEXEC);
		if (file < 0) {
			failed = file == YETT_ENOTFOUND ? failed : file;
			continue;
		}
		got = yett_disk_read_again(files, file, bytes, sizeof(bytes), 0);
		files->close(files->fs, file);
		failed = got < 0 ? (int)got : failed;
		if (got == (int64_t)sizeof(bytes) &&
			yett_disk_head_decode(disk->host, bytes, &head) == 0) {
			disk->incarnation = head.incarnation;
			disk->degraded = true;
			yett_disk_note(recovery,
				"the manifest cannot be read: what the segments hold is kept, "
				"positions that only the manifest held are gone");
			return 0;
		}
	}
	return failed == 0 ? 0
			   : disk->host->fail(recovery->error, failed,
				     "look at the disk and at the permissions, and start again",
				     "there is no manifest in %s, and no segment can be read: %s",
				     disk->path, disk->host->result_text(failed));
}

static int open_directory(struct yett_disk_recovery *recovery)
{
	struct yett_disk *disk = recovery->disk;
	const struct yett_files *files = disk->files;
	const struct yett_host *host = disk->host;

	disk->dir = files->dir_open(files->fs, disk->path);
	if (disk->dir < 0) {
		return host->fail(recovery->error, disk->dir,
			"make the directory, and let the user of yettd write to it",
			"the queue's directory %s cannot be opened: %s", disk->path,
			host->result_text(disk->dir));
	}
	if (disk->read_only ||
		files->size < offsetof(struct yett_files, lock) + sizeof(files->lock) ||
		files->lock == NULL) {
		return 0;
	}
	disk->lock = files->lock(files->fs, disk->dir, "lock");
	if (disk->lock == YETT_EPERM) {
		return host->fail(recovery->error, YETT_EPERM,
			"stop the other one, or give this one a directory of its own",
			"the queue in %s is in use by another process", disk->path);
	}
	if (disk->lock < 0) {
		return host->fail(recovery->error, disk->lock, NULL,
			"the queue in %s cannot be locked: %s", disk->path,
			host->result_text(disk->lock));
	}
	return 0;
}

static int read_manifest(struct yett_disk_recovery *recovery)
{
	struct yett_disk *disk = recovery->disk;
	const struct yett_disk_manifest *manifest = &recovery->manifest;
	int result = yett_disk_manifest_read(disk, &recovery->manifest);

	if (result == YETT_EVERSION) {
		return disk->host->fail(recovery->error, YETT_EVERSION,
			"run the version of Yett that wrote it, or a newer one",
			"the manifest in %s is of a newer format", disk->path);
	}
	if (result == YETT_ECORRUPT) {
		/* Its checksum holds and its lists do not: as good as none. */
		recovery->manifest = (struct yett_disk_manifest){.other_bad = true};
		disk->holes_count = 0;
		yett_disk_positions_clear(&disk->positions);
		result = 0;
	}
	if (result < 0 && result != YETT_ENOMEM) {
		return disk->host->fail(recovery->error, result,
			"look at the disk, its free space and the permissions, and start again; "
			"where the disk will never give either of the two files, move both away: "
			"the segments are kept",
			"the manifest in %s (manifest-a, manifest-b) cannot be read, or not be "
			"made durable: %s",
			disk->path, disk->host->result_text(result));
	}
	if (manifest->other_bad && manifest->there) {
		/* A crash while it was written leaves that; only rot is anything to worry about,
		 * and the two look alike. */
		yett_disk_note(recovery, "one of the two copies of the manifest is not whole: the "
					 "other one is used");
	}
	for (uint32_t l = 0; l < YETT_LANES; l++) {
		disk->lanes[l].next =
			manifest->there && manifest->next[l] > 0 ? manifest->next[l] : 1;
	}
	disk->next_serial = manifest->there ? manifest->next_serial : 1;
	recovery->synced_group = manifest->group;
	return result;
}

/* A listed segment that is not there: its range file, if there is one, says what it held. */
static int miss(struct yett_disk_recovery *recovery, const struct yett_disk_listed *listed)
{
	struct yett_disk *disk = recovery->disk;
	struct yett_disk_segment gone = {
		.serial = listed->serial, .lane = listed->lane, .first = listed->first, .file = -1};
	struct yett_disk_ranges ranges = {NULL, 0, 0};
	struct yett_disk_loss rest = {
		listed->serial, listed->first + listed->count, 0, {.count = 0}};
	uint64_t end = listed->first + listed->count;
	uint64_t from_here =
		listed->settled_below > listed->first ? listed->settled_below : listed->first;
	size_t losses = disk->losses_count;
	int result = yett_disk_grow(
		&disk->missing, disk->missing_count, &disk->missing_room, sizeof(*listed));

	if (result < 0) {
		return result;
	}
	(void)yett_disk_ranges_beside(recovery, listed->lane, listed->serial, &ranges);
	for (uint64_t n = from_here; n < end && result == 0;) {
		uint64_t from = n;

		while (n < end && !yett_disk_declared(disk, listed->serial, n)) {
			n++;
		}
		if (n > from) {
			result = yett_disk_loss_name(disk, &gone, &ranges, from, n - from);
		} else {
			n++;
		}
	}
	yett_disk_ranges_clear(&ranges);
	if (result == 0 && !listed->sealed) {
		result = yett_disk_loss_add(disk, &rest);
	}
	if (result == 0 && disk->losses_count > losses) {
		disk->missing[disk->missing_count++] = *listed;
		disk->degraded = true;
	}
	if (end > disk->lanes[listed->lane].next) {
		disk->lanes[listed->lane].next = end;
	}
	return result;
}

static bool is_here(const struct yett_disk *disk, const struct yett_disk_listed *listed)
{
	for (size_t i = 0; i < disk->lanes[listed->lane].count; i++) {
		if (disk->lanes[listed->lane].segments[i]->serial == listed->serial) {
			return true;
		}
	}
	return false;
}

static int judge_all(struct yett_disk_recovery *recovery)
{
	struct yett_disk *disk = recovery->disk;
	const struct yett_disk_manifest *manifest = &recovery->manifest;
	char name[YETT_DISK_NAME_SIZE];
	int result = 0;

	for (size_t i = 0; i < recovery->segments_count && result == 0; i++) {
		const struct yett_disk_seen *seen = &recovery->segments[i];

		if (manifest->there && seen->serial < manifest->next_serial &&
			yett_disk_listed_find(recovery, seen->serial) == NULL) {
			/* Settled, and a crash kept it from being deleted. */
			yett_disk_name(name, seen->lane, seen->serial, "seg");
			if (!disk->read_only) {
				disk->files->remove(disk->files->fs, disk->dir, name);
			}
			continue;
		}
		result = yett_disk_judge(recovery, seen);
	}
	for (size_t i = 0; i < manifest->listed_count && result == 0; i++) {
		const struct yett_disk_listed *listed = &manifest->listed[i];

		/* What was made and never held anything synced may vanish. */
		if (!is_here(disk, listed) &&
			(listed->count > 0 || listed->end > YETT_DISK_HEAD_SIZE)) {
			result = miss(recovery, listed);
		}
	}
	return result;
}

static int by_order(const void *a, const void *b)
{
	const struct yett_disk_tail *x = a;
	const struct yett_disk_tail *y = b;

	if (x->group != y->group) {
		return x->group < y->group ? -1 : 1;
	}
	return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal ? 1 : 0;
}

static int take_position(struct yett_disk *disk, const struct yett_disk_tail *tail)
{
	struct yett_disk_edge edge;
	uint8_t front[YETT_DISK_FRONT_MAX];
	int result = yett_disk_front_read(disk, tail->segment, tail->index, &edge, front);

	if (result == 0) {
		result = yett_disk_positions_set(&disk->positions,
			(const char *)front + yett_disk_key_at(&edge), edge.key_length,
			front + yett_disk_position_at(&edge), edge.position_length, edge.group,
			edge.ordinal);
	}
	return result == YETT_ENOMEM ? result : 0;
}

/* Of a group that may not have been synced: what comes before its first missing entry. */
static int judge_groups(struct yett_disk_recovery *recovery)
{
	struct yett_disk *disk = recovery->disk;
	uint64_t synced = recovery->synced_group;
	uint32_t expected = 0;
	bool broken = false;
	int result = 0;

	if (recovery->newest_group > synced + 1) {
		synced = recovery->newest_group - 1;
	}
	if (recovery->tails_count > 0) {
		qsort(recovery->tails, recovery->tails_count, sizeof(*recovery->tails), by_order);
	}
	for (size_t i = 0; i < recovery->tails_count && result == 0; i++) {
		struct yett_disk_tail *tail = &recovery->tails[i];

		if (tail->group > synced) {
			broken |= tail->ordinal > expected;
			expected = tail->ordinal + 1;
		}
		if (broken && tail->index < tail->segment->count) {
			yett_disk_segment_cut(disk, tail->segment, tail->offset, tail->index);
			tail->segment->sealed = true;
			tail->segment->recorded = false;
		} else if (!broken && tail->positioned) {
			result = take_position(disk, tail);
		}
	}
	disk->group = (recovery->newest_group > synced ? recovery->newest_group : synced) + 1;
	disk->ordinal = 0;
	return result;
}

/* Only the last segment of a lane goes on, if its numbers do. */
static void seal_others(struct yett_disk *disk)
{
	for (uint32_t l = 0; l < YETT_LANES; l++) {
		struct yett_disk_lane *lane = &disk->lanes[l];

		for (size_t i = 0; i < lane->count; i++) {
			struct yett_disk_segment *segment = lane->segments[i];

			if (i + 1 < lane->count || segment->first + segment->count != lane->next) {
				segment->sealed = true;
			}
		}
	}
}

/* What is on the disk by now (judge.c, write_again) is what the manifest says from here on. */
static int settle_down(struct yett_disk_recovery *recovery)
{
	struct yett_disk *disk = recovery->disk;
	const struct yett_files *files = disk->files;
	char name[YETT_DISK_NAME_SIZE];
	int result = 0;

	for (size_t i = 0; i < recovery->ranges_count; i++) {
		struct yett_disk_listed is = {
			.serial = recovery->ranges[i].serial, .lane = recovery->ranges[i].lane};

		if (!is_here(disk, &is) && yett_disk_listed_find(recovery, is.serial) == NULL) {
			yett_disk_name(name, is.lane, is.serial, "rng");
			files->remove(files->fs, disk->dir, name);
		}
	}
	for (uint32_t l = 0; l < YETT_LANES; l++) {
		for (size_t i = 0; i < disk->lanes[l].count; i++) {
			struct yett_disk_segment *segment = disk->lanes[l].segments[i];

			if (segment->sealed && segment->recorded) {
				continue;
			}
			if (yett_disk_segment_open(disk, segment) < 0 ||
				files->sync(files->fs, segment->file) < 0) {
				disk->degraded = true;
				segment->sealed = true;
				yett_disk_note(recovery,
					"segment %u-%016" PRIx64
					" cannot be synced: look at the disk",
					(unsigned)l, segment->serial);
			}
			if (segment->sealed) {
				yett_disk_segment_record(disk, segment);
			}
		}
	}
	result = files->dir_sync(files->fs, disk->dir);
	if (result == 0) {
		disk->dir_dirty = false;
		result = yett_disk_manifest_write(disk, false);
	}
	/* The second copy is as new as the first, so that either may rot. */
	if (result == 0 && (recovery->manifest.other_bad || !recovery->manifest.there)) {
		result = yett_disk_manifest_write(disk, false);
	}
	if (result < 0) {
		return disk->host->fail(recovery->error, result,
			"look at the disk, its free space and its permissions",
			"the queue in %s cannot be written: %s", disk->path,
			disk->host->result_text(result));
	}
	if (yett_disk_retire(disk) == YETT_ENOMEM) {
		return YETT_ENOMEM;
	}
	(void)yett_disk_reserve_make(disk); /* when there is room */
	return 0;
}

static void recovery_done(struct yett_disk_recovery *recovery)
{
	free(recovery->manifest.listed);
	free(recovery->segments);
	free(recovery->ranges);
	free(recovery->tails);
	free(recovery->found);
	free(recovery->bytes);
}

int yett_disk_op_recover(void *self, yett_recovery_fn report, void *arg, struct yett_error *error)
{
	struct yett_disk *disk = self;
	struct yett_disk_recovery recovery = {
		.disk = disk, .report = report, .arg = arg, .error = error};
	int result = disk->recovered || disk->dir >= 0 ? YETT_EINVAL : open_directory(&recovery);

	if (result == 0) {
		result = read_manifest(&recovery);
	}
	if (result == 0) {
		result = disk->files->dir_list(disk->files->fs, disk->dir, add_name, &recovery);
	}
	if (result == 0) {
		if (recovery.segments_count > 0) {
			qsort(recovery.segments, recovery.segments_count,
				sizeof(*recovery.segments), by_serial);
		}
		if (!recovery.manifest.there) {
			result = adopt(&recovery);
		}
		result = result == 0 ? judge_all(&recovery) : result;
	}
	if (result == 0) {
		result = judge_groups(&recovery);
	}
	if (result == 0) {
		seal_others(disk);
		result = disk->read_only ? 0 : settle_down(&recovery);
	}
	if (result == 0) {
		disk->recovered = true;
		result = recovery.stopped != 0 ? recovery.stopped
					       : yett_disk_loss_report(disk, 0, report, arg);
	}
	recovery_done(&recovery);
	return result;
}
