/* Reading, settling and dropping, and what the queue says of itself.
 *
 * An entry is read with one call into one buffer, which the batch then borrows; its checksum and
 * the batch's own are held against it. What is damaged becomes a loss and is skipped, and so is all of a
 * segment whose file is gone; what the disk does not give (refused.c) is neither: the caller asks again.
 * Settling is kept in memory; the manifest takes it along whenever it is written, so a crash may bring
 * settled entries back, never lose unsettled ones.
 *
 * Thread: the queue's. Failure: a result; a segment that cannot be deleted stays and is tried
 * again. */
#include "disk.h"

#include <stdlib.h>

#include "manifest.h"

#define LOSSES_A_READ 16 /* before the caller gets a word in: each may take a while */
#define SCAN_TRIES    4
#define GLANCE_BYTES  65536
#define GLANCE_EACH   (GLANCE_BYTES / 16) /* of larger entries only the front is read */

static bool is_readable(const struct yett_disk_segment *segment, uint32_t index)
{
	uint32_t where = segment->places[index].where;

	return index < segment->synced_count && where != 0 &&
	       (where & (YETT_DISK_SETTLED | YETT_DISK_LOST)) == 0;
}

/* The next synced, unsettled entry with number >= *number. */
static struct yett_disk_segment *next_readable(
	struct yett_disk *disk, uint32_t lane, uint64_t *number, size_t *at, uint32_t *ret_index)
{
	struct yett_disk_lane *in = &disk->lanes[lane];

	for (; *at < in->count; (*at)++) {
		struct yett_disk_segment *segment = in->segments[*at];
		uint64_t index = *number > segment->first ? *number - segment->first : 0;

		for (; segment->live > 0 && index < segment->synced_count; index++) {
			if (is_readable(segment, (uint32_t)index)) {
				*number = segment->first + index;
				*ret_index = (uint32_t)index;
				return segment;
			}
		}
	}
	return NULL;
}

static int fill(struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index,
	struct yett_buffer *buffer, struct yett_queue_item *item)
{
	const struct yett_host *host = disk->host;
	const struct yett_disk_place *place = &segment->places[index];
	uint64_t salt = yett_disk_salt(disk->incarnation, segment->serial, segment->lane);
	const uint8_t *bytes = host->buffer_bytes(buffer);
	struct yett_disk_edge edge;

	if ((!yett_disk_edge_decode(host, bytes, salt, YETT_DISK_HEADER, &edge) ||
		    edge.total != place->total) &&
		(!yett_disk_edge_decode(host, bytes + place->total - YETT_DISK_EDGE_SIZE, salt,
			 YETT_DISK_TRAILER, &edge) ||
			edge.total != place->total)) {
		return YETT_ECORRUPT;
	}
	if (edge.number != segment->first + index || !yett_disk_body_intact(host, bytes, &edge) ||
		host->batch_parse(buffer, bytes + yett_disk_batch_at(&edge), edge.batch_length,
			&item->batch) < 0) {
		return YETT_ECORRUPT;
	}
	item->size = sizeof(*item);
	item->number = edge.number;
	item->meta_length = edge.meta_length;
	memcpy(item->meta, bytes + yett_disk_meta_at(), edge.meta_length);
	item->batch.buffer = buffer;
	return 0;
}

static int read_one(struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index,
	struct yett_queue_item *item)
{
	const struct yett_disk_place *place = &segment->places[index];
	struct yett_buffer *buffer = disk->host->buffer_new(place->total);
	int64_t got;
	int result;

	if (buffer == NULL) {
		return YETT_ENOMEM;
	}
	result = yett_disk_segment_open(disk, segment);
	if (result == 0) {
		got = yett_disk_segment_read(disk, segment, disk->host->buffer_bytes(buffer),
			place->total, place->where & ~UINT32_C(7));
		result = got == (int64_t)place->total ? fill(disk, segment, index, buffer, item)
			 : got < 0                    ? (int)got
						      : YETT_ECORRUPT;
	}
	if (result < 0) {
		disk->host->buffer_unref(buffer);
	}
	return result;
}

/* The ranges beside a segment; none where there is no such file, or it is damaged. Where it is only not
 * to be had now, the names in it are worth waiting for. */
static int read_ranges(struct yett_disk *disk, struct yett_disk_segment *segment,
	struct yett_disk_ranges *ret_ranges)
{
	char name[YETT_DISK_NAME_SIZE];
	int result;

	yett_disk_name(name, segment->lane, segment->serial, "rng");
	result = yett_disk_ranges_read(disk->host, disk->dir, name,
		yett_disk_salt(disk->incarnation, segment->serial, segment->lane), segment->lane,
		ret_ranges);
	if (result == YETT_EIO) {
		return yett_disk_refuse(disk, segment->serial, YETT_DISK_PIECE_RANGES);
	}
	yett_disk_refused_forget(disk, segment->serial, YETT_DISK_PIECE_RANGES,
		(uint64_t)YETT_DISK_PIECE_RANGES + 1);
	return result == YETT_ENOTFOUND || result == YETT_ECORRUPT || result == YETT_EVERSION
		       ? 0
		       : result;
}

/* Adds to the losses what entries that are damaged have held, as far as the ranges say it; nothing where
 * it fails. */
static int name_damaged(
	struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index, uint32_t count)
{
	struct yett_disk_ranges beside = {NULL, 0, 0};
	bool own = segment->ranges.count > 0;
	size_t losses = disk->losses_count;
	int result = own ? 0 : read_ranges(disk, segment, &beside);

	if (result == 0) {
		result = yett_disk_loss_name(disk, segment, own ? &segment->ranges : &beside,
			segment->first + index, count);
	}
	yett_disk_ranges_clear(&beside);
	if (result < 0) {
		disk->losses_count = losses;
		return result;
	}
	disk->host->log(disk->host->instance, YETT_LOG_ERROR, "queue-entry-damaged",
		"an entry of the queue is damaged and skipped; look at the disk; directory=%s",
		disk->path);
	return 0;
}

/* Takes damaged entries out, and says what they were; or does neither. */
static int lose(struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index,
	uint32_t count, yett_recovery_fn report, void *arg)
{
	size_t losses = disk->losses_count;
	int result = name_damaged(disk, segment, index, count);

	if (result < 0) {
		return result;
	}
	for (uint32_t i = 0; i < count; i++) {
		yett_disk_place_lose(disk, segment, index + i);
	}
	disk->manifest_dirty = true;
	return yett_disk_loss_report(disk, losses, report, arg);
}

/* How many entries from `index` on, which is one, are to be read. */
static uint32_t readable_run(const struct yett_disk_segment *segment, uint32_t index)
{
	uint32_t count = 1;

	while (index + count < segment->synced_count && is_readable(segment, index + count)) {
		count++;
	}
	return count;
}

int yett_disk_op_read(void *self, uint32_t lane, uint64_t from, struct yett_queue_item *items,
	size_t count, size_t max_bytes, yett_recovery_fn report, void *arg)
{
	struct yett_disk *disk = self;
	struct yett_disk_segment *segment;
	size_t bytes = 0;
	size_t got = 0;
	size_t at = 0;
	unsigned lost = 0;
	uint32_t index;

	if (lane >= YETT_LANES || !disk->recovered) {
		return YETT_EINVAL;
	}
	(void)yett_disk_segment_find(disk, lane, from, &at);
	while (got < count) {
		int result;

		segment = next_readable(disk, lane, &from, &at, &index);
		if (segment == NULL ||
			(got > 0 && bytes + segment->places[index].batch_length > max_bytes)) {
			break;
		}
		result = read_one(disk, segment, index, &items[got]);
		if (result == YETT_ECORRUPT || result == YETT_ENOTFOUND) {
			result = lose(disk, segment, index,
				result == YETT_ENOTFOUND ? readable_run(segment, index) : 1, report,
				arg);
			if (result == 0 && ++lost >= LOSSES_A_READ && !disk->read_only) {
				result = YETT_EAGAIN;
			}
		} else if (result == 0) {
			bytes += items[got].batch.length;
			got++;
		}
		if (result != 0) {
			yett_disk_prove(disk);
			if (got > 0) {
				break; /* what was read is not thrown away */
			}
			return result;
		}
		from++;
	}
	return (int)got;
}

int yett_disk_op_settle(void *self, uint32_t lane, const uint64_t *numbers, size_t count)
{
	struct yett_disk *disk = self;
	struct yett_disk_segment *segment = NULL;
	bool done = false;

	if (lane >= YETT_LANES || disk->read_only) {
		return lane >= YETT_LANES ? YETT_EINVAL : YETT_EPERM;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t number = numbers[i];

		if (segment == NULL || number < segment->first ||
			number - segment->first >= segment->count) {
			segment = yett_disk_segment_find(disk, lane, number, NULL);
		}
		if (segment == NULL || number < segment->first ||
			number - segment->first >= segment->synced_count ||
			!is_readable(segment, (uint32_t)(number - segment->first))) {
			continue;
		}
		yett_disk_place_settle(disk, segment, (uint32_t)(number - segment->first));
		done |= segment->live == 0 && segment->sealed;
	}
	if (done) {
		(void)yett_disk_retire(disk);
	}
	return 0;
}

/* How many entries from `index` on are to be read, and cannot be. */
static uint32_t damaged_run(
	struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index)
{
	uint8_t front[YETT_DISK_FRONT_MAX];
	struct yett_disk_edge edge;
	uint32_t count = 0;

	while (index + count < segment->synced_count && is_readable(segment, index + count) &&
		yett_disk_front_read(disk, segment, index + count, &edge, front) == YETT_ECORRUPT) {
		count++;
	}
	return count;
}

/* Before they are dropped with all others of their segment: by the names that the ranges have for them. Of what
 * has none the store infers that it is lost. */
static int visit_damaged(struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index,
	uint32_t count, yett_scan_fn visit, void *arg)
{
	size_t from = disk->losses_count;
	int result = name_damaged(disk, segment, index, count);

	for (size_t i = from; i < disk->losses_count && result == 0; i++) {
		const struct yett_disk_loss *loss = &disk->losses[i];

		if (loss->range.count > 0) {
			result = visit(arg, loss->number, &loss->range, NULL, 0);
		}
	}
	disk->losses_count = from; /* they are dropped, not damaged */
	return result;
}

/* As yett_disk_front_read; who only looks does not come again for what the disk refuses now. */
static int look(struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index,
	struct yett_disk_edge *ret_edge, uint8_t *ret_front)
{
	int result = YETT_EIO;

	for (int i = 0; i < SCAN_TRIES && result == YETT_EIO; i++) {
		result = yett_disk_front_read(disk, segment, index, ret_edge, ret_front);
	}
	return result == YETT_EIO ? YETT_ECORRUPT : result;
}

/* A piece of a segment with many small entries: a call for each of a million takes seconds at a start. */
struct glance {
	uint8_t *bytes; /* NULL: there is none */
	uint32_t from;
	uint32_t length;
};

/* The front of an entry out of such a piece. NULL: it is read by itself, which also says why where it cannot
 * be: only what is whole, of a disk that refuses nothing, is taken from here. */
static const uint8_t *glance_at(struct yett_disk *disk, struct yett_disk_segment *segment,
	uint32_t index, struct glance *glance, struct yett_disk_edge *ret_edge)
{
	const struct yett_files *files = disk->files;
	uint32_t total = segment->places[index].total;
	uint32_t offset = segment->places[index].where & ~UINT32_C(7);
	uint64_t salt = yett_disk_salt(disk->incarnation, segment->serial, segment->lane);
	const uint8_t *front;

	if (glance->bytes == NULL || total > GLANCE_EACH || disk->refused_count > 0) {
		return NULL;
	}
	if (offset < glance->from || offset - glance->from + total > glance->length) {
		int64_t got;

		if (yett_disk_segment_open(disk, segment) < 0) {
			return NULL;
		}
		got = files->read(files->fs, segment->file, glance->bytes, GLANCE_BYTES, offset);
		glance->from = offset;
		glance->length = got > 0 ? (uint32_t)got : 0;
		if (glance->length < total) {
			return NULL;
		}
	}
	front = glance->bytes + (offset - glance->from);
	return yett_disk_edge_decode(disk->host, front, salt, YETT_DISK_HEADER, ret_edge) &&
			       ret_edge->total == total && yett_disk_batch_at(ret_edge) <= total
		       ? front
		       : NULL;
}

/* 0: go on; else what the visitor returned, or an error. What cannot be read is passed over, and read() will
 * tell; or, where it is about to be dropped, it is visited like the rest. */
static int visit_segment(struct yett_disk *disk, struct yett_disk_segment *segment, bool dropping,
	yett_scan_fn visit, void *arg)
{
	struct glance glance = {.bytes = dropping ? NULL : malloc(GLANCE_BYTES)};
	uint8_t front[YETT_DISK_FRONT_MAX];
	const uint8_t *seen;
	struct yett_disk_edge edge;
	int result = 0;

	for (uint32_t i = 0; i < segment->synced_count && result == 0; i++) {
		if (!is_readable(segment, i)) {
			continue;
		}
		seen = glance_at(disk, segment, i, &glance, &edge);
		if (seen == NULL) {
			seen = front;
			result = dropping ? yett_disk_front_read(disk, segment, i, &edge, front)
					  : look(disk, segment, i, &edge, front);
		}
		if (result == YETT_ECORRUPT && dropping) {
			uint32_t count = 1 + damaged_run(disk, segment, i + 1);

			result = visit_damaged(disk, segment, i, count, visit, arg);
			i += count - 1;
		} else if (result == YETT_ECORRUPT) {
			result = 0;
		} else if (result == 0) {
			result = visit(arg, edge.number, &edge.range, seen + yett_disk_meta_at(),
				edge.meta_length);
		}
	}
	free(glance.bytes);
	return result;
}

int yett_disk_op_oldest(
	void *self, uint32_t lane, uint64_t *ret_segment, yett_scan_fn visit, void *arg)
{
	struct yett_disk *disk = self;
	struct yett_disk_segment *segment;
	int result;

	if (lane >= YETT_LANES || disk->read_only) {
		return lane >= YETT_LANES ? YETT_EINVAL : YETT_EPERM;
	}
	for (size_t i = 0; i < disk->lanes[lane].count; i++) {
		segment = disk->lanes[lane].segments[i];
		if (segment->live == 0) {
			continue;
		}
		if (segment->dirty) {
			return YETT_EAGAIN; /* after a sync */
		}
		if (!segment->sealed) {
			segment->sealed = true;
			yett_disk_segment_record(disk, segment);
			disk->manifest_dirty = true;
		}
		*ret_segment = segment->serial;
		result = visit_segment(disk, segment, true, visit, arg);
		if (result == YETT_EIO) {
			yett_disk_prove(disk);
		}
		return result;
	}
	return YETT_ENOTFOUND;
}

int yett_disk_op_drop(void *self, uint32_t lane, uint64_t serial)
{
	struct yett_disk *disk = self;

	if (lane >= YETT_LANES || disk->read_only) {
		return lane >= YETT_LANES ? YETT_EINVAL : YETT_EPERM;
	}
	for (size_t i = 0; i < disk->lanes[lane].count; i++) {
		struct yett_disk_segment *segment = disk->lanes[lane].segments[i];

		if (segment->serial != serial) {
			continue;
		}
		if (segment->dirty || !segment->sealed) {
			return YETT_EAGAIN;
		}
		for (uint32_t n = 0; n < segment->count; n++) {
			if (is_readable(segment, n)) {
				yett_disk_place_settle(disk, segment, n);
			}
		}
		return yett_disk_retire(disk);
	}
	return YETT_ENOTFOUND;
}

int yett_disk_op_positions(void *self, yett_position_fn visit, void *arg)
{
	struct yett_disk *disk = self;
	int result = 0;

	for (size_t i = 0; i < disk->positions.count && result == 0; i++) {
		const struct yett_disk_position *item = &disk->positions.items[i];

		result = visit(arg, item->key, item->bytes, item->length);
	}
	return result;
}

int yett_disk_op_scan(void *self, uint32_t lane, yett_scan_fn visit, void *arg)
{
	struct yett_disk *disk = self;
	int result = 0;

	if (lane >= YETT_LANES) {
		return YETT_EINVAL;
	}
	for (size_t i = 0; i < disk->lanes[lane].count && result == 0; i++) {
		result = visit_segment(disk, disk->lanes[lane].segments[i], false, visit, arg);
	}
	return result;
}

static void lane_stats(struct yett_disk *disk, uint32_t l, struct yett_queue_lane_stats *ret_stats)
{
	struct yett_disk_lane *lane = &disk->lanes[l];
	struct yett_disk_segment *segment;
	const struct yett_disk_place *place;
	struct yett_disk_edge edge;
	uint64_t number = lane->oldest_number;
	uint32_t index;
	size_t at = 0;

	*ret_stats = (struct yett_queue_lane_stats){
		.entries = lane->entries,
		.records = lane->records,
		.bytes = lane->bytes,
		.next_number = lane->next,
		.limit_bytes = yett_disk_limit(disk, l),
	};
	segment = next_readable(disk, l, &number, &at, &index);
	if (segment == NULL) {
		lane->oldest_number = 0;
		return;
	}
	place = &segment->places[index];
	/* What the disk refuses is asked for by read() only: that may take long each time. */
	if (number != lane->oldest_number &&
		!yett_disk_has_refused(disk, segment->serial, place->where,
			(uint64_t)place->where + place->total, false) &&
		yett_disk_edge_read(disk, segment, index, &edge) == 0) {
		lane->oldest_number = number;
		lane->oldest_ns = edge.appended_ns;
	}
	ret_stats->oldest_number = number;
	ret_stats->oldest_ns = number == lane->oldest_number ? lane->oldest_ns : 0;
}

int yett_disk_op_stats(void *self, struct yett_queue_stats *ret_stats)
{
	struct yett_disk *disk = self;
	struct yett_queue_stats stats = {
		.size = sizeof(stats),
		.degraded = disk->degraded,
		.limit_bytes = disk->size_bytes,
		.quarantined = disk->bad_count,
	};

	for (uint32_t l = 0; l < YETT_LANES; l++) {
		for (size_t i = 0; i < disk->lanes[l].count; i++) {
			const struct yett_disk_segment *segment = disk->lanes[l].segments[i];

			stats.disk_bytes += segment->capacity + segment->ranges_length;
			stats.quarantined += segment->damaged;
			stats.segments++;
		}
		lane_stats(disk, l, &stats.lanes[l]);
	}
	for (size_t i = 0; i < disk->bad_count; i++) {
		stats.disk_bytes += disk->bad[i].bytes;
	}
	stats.disk_bytes += disk->reserve_bytes;
	stats.disk_bytes += disk->manifest_lengths[0] + disk->manifest_lengths[1];
	*ret_stats = stats;
	return 0;
}
