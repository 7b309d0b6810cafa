/* Rows of ranges, in memory and in the range file beside a sealed segment.
 *
 * An entry that goes on where the one before it (of the same origin and epoch) ended shares its
 * row, so an agent's segment is a row or a few; a gateway's are at most one an entry. The file is
 * a second witness only: where it is missing or damaged, the segment itself says what it holds.
 *
 * Thread: the queue's. Failure: a result; nothing half-read is returned. */
#include "ranges.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"

#define MAGIC          UINT32_C(0x47544559) /* "YETG" */
#define FORMAT_VERSION 1
#define HEAD_SIZE      32
#define ROW_SIZE       64
#define ROWS_MAX       YETT_DISK_ENTRIES_MAX

static bool same_stream(const struct yett_range *a, const struct yett_range *b)
{
	return memcmp(a->origin.bytes, b->origin.bytes, YETT_ID_SIZE) == 0 &&
	       a->epoch.ordinal == b->epoch.ordinal && a->epoch.random == b->epoch.random &&
	       a->lane == b->lane;
}

int yett_disk_ranges_add(
	struct yett_disk_ranges *ranges, uint64_t number, const struct yett_range *range)
{
	struct yett_disk_row *row = ranges->count > 0 ? &ranges->rows[ranges->count - 1] : NULL;

	if (row != NULL && same_stream(&row->range, range) &&
		row->number + row->entries == number &&
		row->range.first + row->range.count == range->first) {
		row->entries++;
		row->range.count += range->count;
		return 0;
	}
	if (ranges->count == ranges->room) {
		size_t room = ranges->room == 0 ? 4 : ranges->room * 2;

		row = realloc(ranges->rows, room * sizeof(*row));
		if (row == NULL) {
			return YETT_ENOMEM;
		}
		ranges->rows = row;
		ranges->room = room;
	}
	ranges->rows[ranges->count++] = (struct yett_disk_row){*range, number, 1};
	return 0;
}

void yett_disk_ranges_cut(
	struct yett_disk_ranges *ranges, uint64_t number, const struct yett_range *last)
{
	struct yett_disk_row *row;

	while (ranges->count > 0 && ranges->rows[ranges->count - 1].number >= number) {
		ranges->count--;
	}
	if (ranges->count == 0) {
		return;
	}
	row = &ranges->rows[ranges->count - 1];
	if (row->number + row->entries > number && last != NULL) {
		row->entries = (uint32_t)(number - row->number);
		row->range.count = last->first + last->count - row->range.first;
	}
}

const struct yett_disk_row *yett_disk_ranges_find(
	const struct yett_disk_ranges *ranges, uint64_t number)
{
	size_t low = 0;
	size_t high = ranges->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct yett_disk_row *row = &ranges->rows[middle];

		if (number < row->number) {
			high = middle;
		} else if (number >= row->number + row->entries) {
			low = middle + 1;
		} else {
			return row;
		}
	}
	return NULL;
}

void yett_disk_ranges_clear(struct yett_disk_ranges *ranges)
{
	free(ranges->rows);
	*ranges = (struct yett_disk_ranges){NULL, 0, 0};
}

int yett_disk_ranges_write(const struct yett_host *host, int dir, const char *name, uint64_t salt,
	uint32_t lane, const struct yett_disk_ranges *ranges, uint32_t *ret_length)
{
	const struct yett_files *files = host->files;
	size_t length = HEAD_SIZE + ranges->count * ROW_SIZE;
	uint8_t *bytes = calloc(1, length);
	struct iovec iov = {bytes, length};
	int file;
	int result;

	if (bytes == NULL) {
		return YETT_ENOMEM;
	}
	for (size_t i = 0; i < ranges->count; i++) {
		const struct yett_disk_row *row = &ranges->rows[i];
		uint8_t *to = bytes + HEAD_SIZE + i * ROW_SIZE;

		yett_disk_put64(to, row->number);
		yett_disk_put32(to + 8, row->entries);
		yett_disk_put32(to + 12, lane);
		yett_disk_put64(to + 16, row->range.first);
		yett_disk_put64(to + 24, row->range.count);
		yett_disk_put64(to + 32, row->range.epoch.ordinal);
		yett_disk_put64(to + 40, row->range.epoch.random);
		memcpy(to + 48, row->range.origin.bytes, YETT_ID_SIZE);
	}
	yett_disk_put32(bytes, MAGIC);
	yett_disk_put16(bytes + 4, FORMAT_VERSION);
	yett_disk_put16(bytes + 6, HEAD_SIZE);
	yett_disk_put64(bytes + 8, salt);
	yett_disk_put32(bytes + 16, (uint32_t)ranges->count);
	yett_disk_put32(bytes + 20, host->crc32c(0, bytes + HEAD_SIZE, ranges->count * ROW_SIZE));
	yett_disk_put32(bytes + 28, host->crc32c(0, bytes, 28));

	file = files->open(files->fs, dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC);
	if (file < 0) {
		result = file;
		goto out;
	}
	result = files->write(files->fs, file, &iov, 1, 0);
	if (result == 0) {
		result = files->sync(files->fs, file);
	}
	files->close(files->fs, file);
	if (result == 0) {
		*ret_length = (uint32_t)length;
	} else {
		files->remove(files->fs, dir, name);
	}
out:
	free(bytes);
	return result;
}

static int decode(const struct yett_host *host, const uint8_t *bytes, size_t length, uint64_t salt,
	uint32_t lane, struct yett_disk_ranges *ret_ranges)
{
	size_t count;
	struct yett_disk_row *rows;

	if (length < HEAD_SIZE || yett_disk_get32(bytes) != MAGIC ||
		yett_disk_get32(bytes + 28) != host->crc32c(0, bytes, 28)) {
		return YETT_ECORRUPT;
	}
	if (yett_disk_get16(bytes + 4) != FORMAT_VERSION) {
		return YETT_EVERSION;
	}
	count = yett_disk_get32(bytes + 16);
	if (yett_disk_get64(bytes + 8) != salt || length - HEAD_SIZE != count * ROW_SIZE ||
		yett_disk_get32(bytes + 20) !=
			host->crc32c(0, bytes + HEAD_SIZE, count * ROW_SIZE)) {
		return YETT_ECORRUPT;
	}
	rows = calloc(count + 1, sizeof(*rows));
	if (rows == NULL) {
		return YETT_ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		const uint8_t *from = bytes + HEAD_SIZE + i * ROW_SIZE;

		rows[i].number = yett_disk_get64(from);
		rows[i].entries = yett_disk_get32(from + 8);
		rows[i].range.lane = lane;
		rows[i].range.first = yett_disk_get64(from + 16);
		rows[i].range.count = yett_disk_get64(from + 24);
		rows[i].range.epoch.ordinal = yett_disk_get64(from + 32);
		rows[i].range.epoch.random = yett_disk_get64(from + 40);
		memcpy(rows[i].range.origin.bytes, from + 48, YETT_ID_SIZE);
	}
	*ret_ranges = (struct yett_disk_ranges){rows, count, count + 1};
	return 0;
}

int yett_disk_ranges_read(const struct yett_host *host, int dir, const char *name, uint64_t salt,
	uint32_t lane, struct yett_disk_ranges *ret_ranges)
{
	const struct yett_files *files = host->files;
	int file = files->open(files->fs, dir, name, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes = NULL;
	int64_t length;
	int result;

	if (file < 0) {
		return file;
	}
	length = files->length(files->fs, file);
	if (length < 0 || length > HEAD_SIZE + (int64_t)ROWS_MAX * ROW_SIZE) {
		result = length < 0 ? (int)length : YETT_ECORRUPT;
		goto out;
	}
	bytes = malloc((size_t)length + 1);
	if (bytes == NULL) {
		result = YETT_ENOMEM;
		goto out;
	}
	length = yett_disk_read_again(files, file, bytes, (size_t)length, 0);
	result = length < 0 ? (int)length
			    : decode(host, bytes, (size_t)length, salt, lane, ret_ranges);
out:
	free(bytes);
	files->close(files->fs, file);
	return result;
}
