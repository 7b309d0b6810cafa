/* One segment at recovery: what counts, what was torn, what is lost.
 *
 * Known of a segment is an offset below which all was synced: its entries say it (each tells how
 * far its segment was synced when it was written), its mark does, the manifest does. Damage below
 * that is damage: the segment is kept, the rest of its entries stays readable, what is missing is
 * a loss. Damage from there on is what a crash leaves of writes that nobody was told were done:
 * everything from it on is cut off, without a word.
 *
 * Bytes that the disk does not give (refused.c), nor a moment later, are zeros here, in pieces of 4 KiB, and
 * judged as the rest is; a file of which some are is never deleted as a leftover.
 *
 * Thread: the queue's. Failure: of memory, YETT_EVERSION for a newer format, a file that cannot be opened, or
 * be read only now and then, or what counts cannot be made durable. */
#include "recovery.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

struct verdict {
	uint64_t first;
	uint32_t synced; /* the offset below which all was synced */
	size_t kept;     /* how many of what was found counts */
	uint32_t end;    /* where that ends */
	bool header_bad;
	bool reserve;
	bool refused;    /* the disk does not give all of it */
	bool torn;       /* something unsynced was cut off */
	bool tail_lost;  /* synced entries after the last found one are gone */
	bool tail_clean; /* nothing but zeros after the end, and perhaps a mark */
};

static int set_aside(struct yett_disk_recovery *recovery, const struct yett_disk_seen *seen,
	uint64_t bytes, const char *why)
{
	struct yett_disk *disk = recovery->disk;
	char name[YETT_DISK_NAME_SIZE];
	char bad[YETT_DISK_NAME_SIZE];

	yett_disk_name(name, seen->lane, seen->serial, "seg");
	yett_disk_name(bad, seen->lane, seen->serial, "bad");
	yett_disk_note(recovery, "segment %s is set aside as %s: %s", name, bad, why);
	if (!disk->read_only && disk->files->rename(disk->files->fs, disk->dir, name, bad) == 0) {
		yett_disk_bad_add(disk, seen->lane, seen->serial, bytes);
		disk->dir_dirty = true;
	}
	disk->degraded = true;
	return 0;
}

static int discard(struct yett_disk_recovery *recovery, const struct yett_disk_seen *seen)
{
	struct yett_disk *disk = recovery->disk;
	char name[YETT_DISK_NAME_SIZE];

	if (!disk->read_only) {
		yett_disk_name(name, seen->lane, seen->serial, "seg");
		disk->files->remove(disk->files->fs, disk->dir, name);
		disk->dir_dirty = true;
	}
	return 0;
}

/* Reads the file into recovery->bytes. */
static int load(struct yett_disk_recovery *recovery, const struct yett_disk_segment *segment,
	uint32_t *ret_length)
{
	const struct yett_files *files = recovery->disk->files;
	int64_t length = files->length(files->fs, segment->file);

	if (length < 0) {
		return (int)length;
	}
	length = length > YETT_DISK_FILE_MAX ? YETT_DISK_FILE_MAX : length;
	if ((size_t)length > recovery->bytes_room) {
		free(recovery->bytes);
		recovery->bytes = malloc((size_t)length);
		recovery->bytes_room = recovery->bytes != NULL ? (size_t)length : 0;
		if (recovery->bytes == NULL) {
			return YETT_ENOMEM;
		}
	}
	length =
		yett_disk_segment_read(recovery->disk, segment, recovery->bytes, (size_t)length, 0);
	if (length < 0) {
		return (int)length;
	}
	*ret_length = (uint32_t)length;
	return 0;
}

/* It is no damage that a file belongs to somebody else, or that no more files may be open: what it holds is
 * there for whoever mends that. */
static int refuse(
	struct yett_disk_recovery *recovery, const struct yett_disk_seen *seen, int result)
{
	const struct yett_disk *disk = recovery->disk;
	char name[YETT_DISK_NAME_SIZE];

	yett_disk_name(name, seen->lane, seen->serial, "seg");
	return disk->host->fail(recovery->error, result,
		"let the user of yettd own it, or have more files open, and start again; where it "
		"cannot be mended, move that file away: what it held is lost then, and told",
		"segment %s in %s is there and cannot be opened: %s", name, disk->path,
		disk->host->result_text(result));
}

/* What the disk has refused it may give a moment later: then the way to it was gone, and nothing is lost. Where
 * some of it comes and some does not, be it of another segment, that says nothing of the rest: it is left to the
 * next start. */
static int ask_again(struct yett_disk_recovery *recovery, const struct yett_disk_segment *segment,
	uint32_t length)
{
	struct yett_disk *disk = recovery->disk;
	size_t came = 0, left = 0;
	int result;

	if (disk->read_only || !yett_disk_has_refused(disk, segment->serial, 0, length, true)) {
		return 0;
	}
	yett_disk_pause(recovery);
	result = yett_disk_read_given_up(disk, segment, recovery->bytes, length, &came, &left);
	recovery->came = recovery->came || came > 0;
	recovery->left = recovery->left || left > 0;
	if (result == 0 && recovery->came && recovery->left) {
		result = disk->host->fail(recovery->error, YETT_EIO,
			"look at the disk and at the way to it, and start again",
			"what is in %s can be read only now and then, segment %u-%016" PRIx64
			" for one",
			disk->path, (unsigned)segment->lane, segment->serial);
	}
	return result;
}

/* Says what the disk does not give of a segment. */
static bool is_refused(
	struct yett_disk_recovery *recovery, const struct yett_disk_seen *seen, uint32_t length)
{
	struct yett_disk *disk = recovery->disk;
	char name[YETT_DISK_NAME_SIZE];

	if (!yett_disk_has_refused(disk, seen->serial, 0, length, true)) {
		return false;
	}
	yett_disk_name(name, seen->lane, seen->serial, "seg");
	yett_disk_note(recovery,
		"the disk does not give all of segment %s: what stood there is lost", name);
	disk->degraded = true;
	return true;
}

static int find_all(struct yett_disk_recovery *recovery, struct yett_disk_scan *scan)
{
	struct yett_disk_found found;
	int result = 0;

	recovery->found_count = 0;
	while (scan->limit > scan->at && yett_disk_scan_next(scan, &found) == 1) {
		result = yett_disk_grow(&recovery->found, recovery->found_count,
			&recovery->found_room, sizeof(found));
		if (result < 0) {
			break;
		}
		recovery->found[recovery->found_count++] = found;
	}
	return result;
}

static bool is_zero(const uint8_t *bytes, uint32_t from, uint32_t to)
{
	while (from < to && bytes[from] == 0) {
		from++;
	}
	return from >= to;
}

/* How far the segment, and the queue, are known to have been synced. */
static void learn(struct yett_disk_recovery *recovery, const struct yett_disk_scan *scan,
	struct verdict *verdict)
{
	for (size_t i = 0; i < recovery->found_count; i++) {
		const struct yett_disk_edge *edge = &recovery->found[i].edge;

		if (edge->synced > verdict->synced && edge->synced <= recovery->found[i].offset) {
			verdict->synced = edge->synced;
		}
		if (edge->group > recovery->newest_group) {
			recovery->newest_group = edge->group;
		}
	}
	if (scan->marked) {
		if (scan->mark.synced > verdict->synced) {
			verdict->synced = scan->mark.synced;
		}
		if (scan->mark.group > recovery->synced_group) {
			recovery->synced_group = scan->mark.group;
		}
	}
}

static void decide(struct yett_disk_recovery *recovery, const struct yett_disk_scan *scan,
	uint32_t length, struct verdict *verdict)
{
	size_t i;

	for (i = 0; i < recovery->found_count; i++) {
		const struct yett_disk_found *found = &recovery->found[i];

		if (found->bad_from < found->offset && found->bad_from >= verdict->synced) {
			verdict->torn = true;
			break;
		}
		if (!found->intact && found->offset >= verdict->synced) {
			verdict->torn = true;
			break;
		}
		verdict->end = found->offset + found->edge.total;
	}
	verdict->kept = i;
	if (verdict->torn) {
		return;
	}
	verdict->tail_lost = verdict->end < verdict->synced;
	verdict->torn = !verdict->tail_lost && !scan->marked && scan->dirty;
	verdict->tail_clean =
		!verdict->tail_lost && !verdict->torn &&
		(!scan->marked || is_zero(recovery->bytes, scan->at + YETT_DISK_MARK_SIZE, length));
}

/* Entries that cannot be read: what was settled, or declared, nobody misses. */
static void mark_lost(struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t from,
	uint32_t to, const struct yett_disk_listed *listed)
{
	uint64_t settled_below = listed != NULL ? listed->settled_below : 0;

	for (uint32_t i = from; i < to; i++) {
		uint64_t number = segment->first + i;

		if (number < settled_below || yett_disk_declared(disk, segment->serial, number)) {
			yett_disk_place_settle(disk, segment, i);
		} else {
			yett_disk_place_lose(disk, segment, i);
		}
	}
}

static void push_tail(struct yett_disk_recovery *recovery, struct yett_disk_segment *segment,
	const struct yett_disk_found *found, int *result)
{
	*result = yett_disk_grow(&recovery->tails, recovery->tails_count, &recovery->tails_room,
		sizeof(*recovery->tails));
	if (*result == 0) {
		recovery->tails[recovery->tails_count++] = (struct yett_disk_tail){
			.segment = segment,
			.group = found->edge.group,
			.ordinal = found->edge.ordinal,
			.index = segment->count - 1,
			.offset = found->offset,
			.positioned = found->edge.key_length > 0,
		};
	}
}

/* Takes the entries that count over into the segment. */
static int take(struct yett_disk_recovery *recovery, struct yett_disk_segment *segment,
	const struct verdict *verdict, const struct yett_disk_listed *listed)
{
	struct yett_disk *disk = recovery->disk;
	uint64_t settled_below = listed != NULL ? listed->settled_below : 0;
	uint64_t newest = 0;
	int result = 0;

	for (size_t i = 0; i < verdict->kept; i++) {
		uint64_t group = recovery->found[i].edge.group;

		newest = group > newest ? group : newest;
	}
	for (size_t i = 0; i < verdict->kept && result == 0; i++) {
		const struct yett_disk_found *found = &recovery->found[i];
		const struct yett_disk_edge *edge = &found->edge;
		const uint8_t *entry = recovery->bytes + found->offset;
		uint32_t before = segment->count;

		result = yett_disk_place_add(disk, segment, edge, found->offset);
		if (result == YETT_ECORRUPT) {
			segment->damaged = true; /* a number out of order: not to be believed */
			result = 0;
			continue;
		}
		if (result < 0) {
			return result;
		}
		mark_lost(disk, segment, before, segment->count - 1, listed);
		result = yett_disk_ranges_add(&segment->ranges, edge->number, &edge->range);
		if (edge->number < settled_below) {
			yett_disk_place_settle(disk, segment, segment->count - 1);
		} else if (!found->intact) {
			mark_lost(disk, segment, segment->count - 1, segment->count, listed);
		}
		if (result < 0 || !found->intact) {
			continue;
		}
		if (edge->group == newest && newest > recovery->manifest.group) {
			push_tail(recovery, segment, found, &result);
		} else if (edge->key_length > 0) {
			result = yett_disk_positions_set(&disk->positions,
				(const char *)entry + yett_disk_key_at(edge), edge->key_length,
				entry + yett_disk_position_at(edge), edge->position_length,
				edge->group, edge->ordinal);
			result = result == YETT_ENOMEM ? result : 0;
		}
	}
	return result;
}

/* Synced entries at the end that nothing is left of: the manifest may know how many. */
static int take_lost_tail(struct yett_disk_recovery *recovery, struct yett_disk_segment *segment,
	const struct yett_disk_listed *listed)
{
	struct yett_disk *disk = recovery->disk;
	uint32_t before = segment->count;
	struct yett_disk_loss loss = {segment->serial, 0, 0, {.count = 0}};
	size_t room = segment->places_room;

	segment->damaged = true;
	disk->degraded = true;
	while (listed != NULL && segment->count < listed->count &&
		segment->count < YETT_DISK_ENTRIES_MAX) {
		int result = yett_disk_grow(
			&segment->places, segment->count, &room, sizeof(struct yett_disk_place));

		if (result < 0) {
			return result;
		}
		segment->places_room = (uint32_t)room;
		segment->places[segment->count++] = (struct yett_disk_place){0};
	}
	mark_lost(disk, segment, before, segment->count, listed);
	loss.number = segment->first + segment->count;
	for (size_t i = 0; i < disk->holes_count; i++) {
		if (disk->holes[i].serial == segment->serial && disk->holes[i].numbers == 0) {
			return 0;
		}
	}
	return listed != NULL && listed->sealed ? 0 : yett_disk_loss_add(disk, &loss);
}

static int name_losses(struct yett_disk_recovery *recovery, struct yett_disk_segment *segment,
	const struct yett_disk_ranges *ranges)
{
	int result = 0;

	for (uint32_t i = 0; i < segment->count && result == 0; i++) {
		uint32_t from = i;

		while (i < segment->count && (segment->places[i].where & YETT_DISK_LOST) != 0) {
			i++;
		}
		if (i > from) {
			result = yett_disk_loss_name(
				recovery->disk, segment, ranges, segment->first + from, i - from);
		}
	}
	return result;
}

static int keep(struct yett_disk_recovery *recovery, struct yett_disk_segment *segment,
	const struct verdict *verdict, const struct yett_disk_listed *listed)
{
	struct yett_disk_ranges ranges = {NULL, 0, 0};
	int beside;
	int result = take(recovery, segment, verdict, listed);

	if (result == 0 && verdict->tail_lost) {
		result = take_lost_tail(recovery, segment, listed);
	}
	if (result < 0) {
		return result;
	}
	segment->damaged |= verdict->header_bad || (listed != NULL && listed->damaged);
	/* Of a lost tail the manifest goes on saying how far it went: it is found lost again. */
	segment->end = verdict->tail_lost ? verdict->synced : verdict->end;
	segment->synced = segment->end;
	segment->synced_count = segment->count;
	segment->sealed =
		!verdict->tail_clean || segment->damaged || (listed != NULL && listed->sealed);
	beside = yett_disk_ranges_beside(recovery, segment->lane, segment->serial, &ranges);
	result = name_losses(recovery, segment, beside == 0 ? &ranges : &segment->ranges);
	if (beside == 0 && segment->sealed && !verdict->torn && verdict->end <= verdict->synced) {
		segment->recorded = true;
		segment->ranges_length = (uint32_t)(ranges.count * 64 + 32);
		yett_disk_ranges_clear(&segment->ranges);
	}
	yett_disk_ranges_clear(&ranges);
	return result;
}

/* What counts, and is not known to be on the disk, is written once more, and synced: after a sync that failed
 * the system takes what it covered for clean, so that whoever reads it, finds it whole and syncs once more has
 * got nothing on the disk (fsync(2), "Handling of I/O errors"). Where that cannot be done there is no start:
 * what is counted from here on, positions too, would rest on the system's memory. The next start tries again. */
static int write_again(struct yett_disk_recovery *recovery, const struct yett_disk_segment *segment,
	uint32_t synced)
{
	const struct yett_disk *disk = recovery->disk;
	const struct yett_files *files = disk->files;
	uint32_t from = synced > YETT_DISK_HEAD_SIZE ? synced : 0; /* its header neither */
	int result = 0;

	if (!disk->read_only && segment->end > synced) {
		struct iovec iov = {recovery->bytes + from, segment->end - from};

		result = files->write(files->fs, segment->file, &iov, 1, from);
		result = result < 0 ? result : files->sync(files->fs, segment->file);
	}
	if (result < 0) {
		return disk->host->fail(recovery->error, result,
			"look at the disk, and start again; where it cannot be mended, move that "
			"file away: what it held is lost then, and the store infers it",
			"segment %u-%016" PRIx64 " in %s cannot be made durable: %s",
			(unsigned)segment->lane, segment->serial, disk->path,
			disk->host->result_text(result));
	}
	return 0;
}

/* 1: the segment is to be kept; 0: it is dealt with; negative: recovery ends. */
static int examine(struct yett_disk_recovery *recovery, const struct yett_disk_seen *seen,
	uint32_t length, const struct yett_disk_listed *listed, struct verdict *verdict)
{
	struct yett_disk *disk = recovery->disk;
	const struct yett_disk_lane *lane = &disk->lanes[seen->lane];
	struct yett_disk_head head = {0};
	struct yett_disk_scan scan = {
		.host = disk->host,
		.bytes = recovery->bytes,
		.limit = length,
		.salt = yett_disk_salt(disk->incarnation, seen->serial, seen->lane),
		.at = YETT_DISK_HEAD_SIZE,
	};
	int result = length < YETT_DISK_HEAD_SIZE
			     ? YETT_ECORRUPT
			     : yett_disk_head_decode(disk->host, recovery->bytes, &head);

	if (result == YETT_EVERSION) {
		return disk->host->fail(recovery->error, YETT_EVERSION,
			"run the version of Yett that wrote it, or a newer one",
			"segment %u-%016" PRIx64 " in %s is of a newer format",
			(unsigned)seen->lane, seen->serial, disk->path);
	}
	if (result == 0 && (head.incarnation != disk->incarnation || head.lane != seen->lane ||
				   head.serial != seen->serial)) {
		return set_aside(recovery, seen, length, "it belongs to another queue");
	}
	verdict->header_bad = result < 0;
	verdict->synced = YETT_DISK_HEAD_SIZE;
	verdict->end = YETT_DISK_HEAD_SIZE;
	verdict->reserve = (head.flags & YETT_DISK_HEAD_RESERVE) != 0;
	if (listed != NULL) {
		verdict->synced =
			listed->end > YETT_DISK_HEAD_SIZE ? listed->end : YETT_DISK_HEAD_SIZE;
		scan.limit = listed->sealed && listed->end < length ? listed->end : length;
	}
	result = find_all(recovery, &scan);
	if (result < 0) {
		return result;
	}
	learn(recovery, &scan, verdict);
	decide(recovery, &scan, length, verdict);
	if (verdict->header_bad && verdict->synced == YETT_DISK_HEAD_SIZE) {
		/* Nothing in it was ever synced: without a header, or with nothing else, it is what
		 * is left of its making. */
		if (!verdict->refused &&
			(length < YETT_DISK_HEAD_SIZE ||
				is_zero(recovery->bytes, 0, YETT_DISK_HEAD_SIZE) ||
				is_zero(recovery->bytes, YETT_DISK_HEAD_SIZE, length))) {
			return discard(recovery, seen);
		}
		return set_aside(recovery, seen, length, "nothing in it can be read");
	}
	if (verdict->header_bad && listed == NULL && recovery->found_count == 0) {
		return set_aside(
			recovery, seen, length, "nothing in it can be read"); /* but a mark */
	}
	verdict->first = !verdict->header_bad ? head.first
			 : listed != NULL     ? listed->first
					      : recovery->found[0].edge.number;
	if (lane->count > 0 && verdict->first < lane->segments[lane->count - 1]->first +
							lane->segments[lane->count - 1]->count) {
		return set_aside(
			recovery, seen, length, "it holds numbers that another segment holds");
	}
	return 1;
}

int yett_disk_judge(struct yett_disk_recovery *recovery, const struct yett_disk_seen *seen)
{
	struct yett_disk *disk = recovery->disk;
	const struct yett_disk_listed *listed = yett_disk_listed_find(recovery, seen->serial);
	struct yett_disk_lane *lane = &disk->lanes[seen->lane];
	struct yett_disk_segment *segment = calloc(1, sizeof(*segment));
	struct verdict verdict = {0};
	uint32_t length = 0;
	int result;

	if (segment == NULL) {
		return YETT_ENOMEM;
	}
	segment->serial = seen->serial;
	segment->lane = seen->lane;
	segment->file = -1;
	result = yett_disk_segment_open(disk, segment);
	if (result == 0) {
		result = load(recovery, segment, &length);
	}
	if (result < 0 && result != YETT_ENOMEM) {
		yett_disk_segment_free(disk, segment);
		/* One that has gone meanwhile is missed like any other. */
		return result == YETT_ENOTFOUND ? 0 : refuse(recovery, seen, result);
	}
	result = result < 0 ? result : ask_again(recovery, segment, length);
	verdict.refused = result == 0 && is_refused(recovery, seen, length);
	result = result < 0 ? result : examine(recovery, seen, length, listed, &verdict);
	if (result <= 0) {
		yett_disk_segment_free(disk, segment);
		return result;
	}
	segment->first = verdict.first;
	segment->capacity = length;
	segment->reserve = verdict.reserve && seen->lane == YETT_LANE_URGENT;
	result = yett_disk_segment_add(disk, segment);
	if (result < 0) {
		yett_disk_segment_free(disk, segment);
		return result;
	}
	result = keep(recovery, segment, &verdict, listed);
	if (result == 0) {
		result = write_again(recovery, segment, verdict.synced);
	}
	if (segment->first + segment->count > lane->next) {
		lane->next = segment->first + segment->count;
	}
	for (size_t i = verdict.kept; i < recovery->found_count; i++) {
		if (recovery->found[i].edge.number >= lane->next) {
			lane->next = recovery->found[i].edge.number + 1;
		}
	}
	if (verdict.torn || verdict.tail_lost) {
		/* What stood there may have had numbers. */
		lane->next += (length - verdict.end) / (2 * YETT_DISK_EDGE_SIZE) + 1;
	}
	return result;
}
