/* Losses: naming them, reporting them, and forgetting them once they are declared.
 *
 * A loss is a run of entry numbers of one segment that cannot be read. What records they were is
 * said by what is left of the entry itself, else by the segment's rows together with what memory
 * knows of the entries before it, or with those next to it, else by nobody: then it is a note. A loss
 * is found again at every recovery; once the core has made it durable elsewhere (`declared`) it
 * becomes a hole, which the manifest keeps as long as the segment lives.
 *
 * Thread: the queue's. Failure: a result; a loss that could not be noted down is found again. */
#include "disk.h"

#include <inttypes.h>
#include <stdio.h>

#include "manifest.h"

int yett_disk_loss_add(struct yett_disk *disk, const struct yett_disk_loss *loss)
{
	int result = yett_disk_grow(
		&disk->losses, disk->losses_count, &disk->losses_room, sizeof(*disk->losses));

	if (result == 0) {
		disk->losses[disk->losses_count++] = *loss;
	}
	return result;
}

bool yett_disk_declared(const struct yett_disk *disk, uint64_t serial, uint64_t number)
{
	for (size_t i = 0; i < disk->holes_count; i++) {
		const struct yett_disk_hole *hole = &disk->holes[i];

		if (hole->serial == serial && number >= hole->number &&
			number - hole->number < hole->numbers) {
			return true;
		}
	}
	return false;
}

void yett_disk_holes_forget(struct yett_disk *disk, uint64_t serial)
{
	size_t kept = 0;

	for (size_t i = 0; i < disk->holes_count; i++) {
		if (disk->holes[i].serial != serial) {
			disk->holes[kept++] = disk->holes[i];
		}
	}
	disk->holes_count = kept;
}

/* The range of one entry, as far as the entry itself can still say it. 1: it does; 0: it cannot any more;
 * negative: the disk does not give it now. */
static int own_range(struct yett_disk *disk, struct yett_disk_segment *segment, uint64_t number,
	struct yett_range *ret_range)
{
	struct yett_disk_edge edge;
	uint64_t index = number - segment->first;
	int result;

	if (number < segment->first || index >= segment->count) {
		return 0;
	}
	result = yett_disk_edge_read(disk, segment, (uint32_t)index, &edge);
	if (result < 0) {
		return result == YETT_ECORRUPT || result == YETT_ENOTFOUND ? 0 : result;
	}
	*ret_range = edge.range;
	return 1;
}

/* How many records the entries [from, to) bring, where memory knows it of all of them. */
static bool count_records(
	const struct yett_disk_segment *segment, uint64_t from, uint64_t to, uint64_t *ret_records)
{
	uint64_t records = 0;

	for (uint64_t n = from; n < to; n++) {
		uint64_t index = n - segment->first;

		if (n < segment->first || index >= segment->count ||
			(segment->places[index].where & ~UINT32_C(7)) == 0) {
			return false;
		}
		records += segment->places[index].count;
	}
	*ret_records = records;
	return true;
}

/* At least so many records the entries [from, to) bring: one each where memory does not know it. */
static uint64_t least_records(const struct yett_disk_segment *segment, uint64_t from, uint64_t to)
{
	uint64_t end = segment->first + segment->count;
	uint64_t records = to - from;

	for (uint64_t n = from > segment->first ? from : segment->first; n < to && n < end; n++) {
		const struct yett_disk_place *place = &segment->places[n - segment->first];

		records += (place->where & ~UINT32_C(7)) != 0 ? place->count - UINT64_C(1) : 0;
	}
	return records;
}

/* Where the records of `row` begin that entry `number` brings, at the least: after the nearest entry before it
 * that can still speak. */
static int begin_after(struct yett_disk *disk, struct yett_disk_segment *segment,
	const struct yett_disk_row *row, uint64_t number, uint64_t *ret_first)
{
	uint64_t from = row->number > segment->first ? row->number : segment->first;
	struct yett_range beside;
	int spoken = 0;

	*ret_first = row->range.first + least_records(segment, row->number, number);
	for (uint64_t n = number; n > from && spoken == 0; n--) {
		spoken = own_range(disk, segment, n - 1, &beside);
		if (spoken > 0) {
			*ret_first =
				beside.first + beside.count + least_records(segment, n, number);
		}
	}
	return spoken;
}

/* Where those of all before entry `number` end, at the most: before the nearest from it on that can. */
static int end_before(struct yett_disk *disk, struct yett_disk_segment *segment,
	const struct yett_disk_row *row, uint64_t number, uint64_t *ret_end)
{
	uint64_t row_end = row->number + row->entries;
	uint64_t to = segment->first + segment->count;
	struct yett_range beside;
	int spoken = 0;

	*ret_end = row->range.first + row->range.count - least_records(segment, number, row_end);
	for (uint64_t n = number; n < row_end && n < to && spoken == 0; n++) {
		spoken = own_range(disk, segment, n, &beside);
		if (spoken > 0) {
			*ret_end = beside.first - least_records(segment, number, n);
		}
	}
	return spoken;
}

/* Those of `row` that the entries [number, number + numbers) bring, by what is known of all before them; else
 * what is left of it between the entries on both sides. Of entries there that cannot speak either (what was
 * lost before them, or settled) it takes no more than it has to. */
static int between(struct yett_disk *disk, struct yett_disk_segment *segment,
	const struct yett_disk_row *row, uint64_t number, uint64_t numbers,
	struct yett_range *ret_range)
{
	struct yett_range range = row->range;
	uint64_t end, skipped, records;
	int result;

	if (count_records(segment, row->number, number, &skipped) &&
		count_records(segment, number, number + numbers, &records)) {
		range.first += skipped;
		range.count = records;
		*ret_range = range;
		return 0;
	}
	result = begin_after(disk, segment, row, number, &range.first);
	if (result >= 0) {
		result = end_before(disk, segment, row, number + numbers, &end);
	}
	if (result < 0) {
		return result;
	}
	range.count = end > range.first ? end - range.first : 0;
	*ret_range = range;
	return 0;
}

/* How many entries from `number` on, at most `most`, cannot speak for themselves, as the first cannot: those
 * of a row of the ranges, or those in no row. */
static int count_silent(struct yett_disk *disk, struct yett_disk_segment *segment,
	const struct yett_disk_ranges *ranges, bool in_row, uint64_t number, uint64_t most,
	uint64_t *ret_numbers)
{
	struct yett_range ignored;
	uint64_t count = 1;
	int spoken = 0;

	while (count < most && (in_row || yett_disk_ranges_find(ranges, number + count) == NULL)) {
		spoken = own_range(disk, segment, number + count, &ignored);
		if (spoken != 0) {
			break;
		}
		count++;
	}
	if (spoken < 0) {
		return spoken;
	}
	*ret_numbers = count;
	return 0;
}

int yett_disk_loss_name(struct yett_disk *disk, struct yett_disk_segment *segment,
	const struct yett_disk_ranges *ranges, uint64_t number, uint64_t numbers)
{
	int result = 0;

	while (numbers > 0 && result == 0) {
		struct yett_disk_loss loss = {segment->serial, number, 1, {.count = 0}};
		const struct yett_disk_row *row = yett_disk_ranges_find(ranges, number);
		uint64_t rest = row != NULL ? row->number + row->entries - number : numbers;

		result = own_range(disk, segment, number, &loss.range);
		if (result == 0) {
			result = count_silent(disk, segment, ranges, row != NULL, number,
				rest < numbers ? rest : numbers, &loss.numbers);
			if (result == 0 && row != NULL) {
				result = between(
					disk, segment, row, number, loss.numbers, &loss.range);
			}
		}
		result = result < 0 ? result : yett_disk_loss_add(disk, &loss);
		number += loss.numbers;
		numbers -= loss.numbers;
	}
	return result;
}

int yett_disk_loss_report(struct yett_disk *disk, size_t from, yett_recovery_fn report, void *arg)
{
	char text[256];
	int result = 0;

	for (size_t i = from; i < disk->losses_count && result == 0 && report != NULL; i++) {
		const struct yett_disk_loss *loss = &disk->losses[i];
		struct yett_recovery what = {
			.size = sizeof(what),
			.kind = loss->range.count > 0 ? YETT_RECOVERY_LOST : YETT_RECOVERY_NOTE,
			.range = loss->range,
			.cause = YETT_GAP_QUARANTINE,
			.text = text,
		};
		int length = snprintf(text, sizeof(text), "segment %016" PRIx64 ": ", loss->serial);

		if (loss->numbers > 0) {
			length += snprintf(text + length, sizeof(text) - (size_t)length,
				"entries %" PRIu64 " to %" PRIu64, loss->number,
				loss->number + loss->numbers - 1);
		} else {
			length += snprintf(text + length, sizeof(text) - (size_t)length,
				"entries from %" PRIu64 " on, if there were any", loss->number);
		}
		snprintf(text + length, sizeof(text) - (size_t)length, " cannot be read%s",
			loss->range.count > 0 ? "" : ", and nothing says which records they were");
		result = report(arg, &what);
	}
	return result;
}

static void settle_lost(struct yett_disk *disk, const struct yett_disk_loss *loss)
{
	for (uint32_t l = 0; l < YETT_LANES; l++) {
		for (size_t i = 0; i < disk->lanes[l].count; i++) {
			struct yett_disk_segment *segment = disk->lanes[l].segments[i];

			for (uint64_t n = 0; n < loss->numbers && segment->serial == loss->serial;
				n++) {
				uint64_t index = loss->number + n - segment->first;

				if (index < segment->count &&
					(segment->places[index].where & YETT_DISK_LOST) != 0) {
					yett_disk_place_settle(disk, segment, (uint32_t)index);
				}
			}
		}
	}
}

int yett_disk_op_declared(void *self)
{
	struct yett_disk *disk = self;
	size_t holes = disk->holes_count;
	size_t missing = disk->missing_count;
	char name[YETT_DISK_NAME_SIZE];
	int result = disk->read_only ? YETT_EPERM : 0;

	for (size_t i = 0; i < disk->losses_count && result == 0; i++) {
		const struct yett_disk_loss *loss = &disk->losses[i];

		result = yett_disk_grow(
			&disk->holes, disk->holes_count, &disk->holes_room, sizeof(*disk->holes));
		if (result == 0) {
			disk->holes[disk->holes_count++] =
				(struct yett_disk_hole){loss->serial, loss->number, loss->numbers};
		}
	}
	for (size_t i = 0; i < missing; i++) {
		yett_disk_holes_forget(disk, disk->missing[i].serial);
	}
	disk->missing_count = 0;
	if (result == 0 && (disk->losses_count > 0 || missing > 0)) {
		result = yett_disk_manifest_write(disk, false);
	}
	if (result < 0) {
		disk->holes_count = holes < disk->holes_count ? holes : disk->holes_count;
		disk->missing_count = missing;
		return result;
	}
	for (size_t i = 0; i < missing; i++) {
		yett_disk_name(name, disk->missing[i].lane, disk->missing[i].serial, "rng");
		disk->files->remove(disk->files->fs, disk->dir, name);
	}
	for (size_t i = 0; i < disk->losses_count; i++) {
		settle_lost(disk, &disk->losses[i]);
	}
	disk->losses_count = 0;
	(void)yett_disk_retire(disk);
	return 0;
}
