/* The manifest: two files, of which the older is always the one that is overwritten.
 *
 * It lists the segments with how far each is synced and settled, the next numbers of each lane,
 * the positions, and which losses have been declared. It is small and rewritten whole when a
 * segment comes or goes. A copy that was torn, or rotted, fails its checksum, and the other one
 * counts; both stand preallocated, so a full disk does not keep segments from being deleted.
 *
 * Not responsible for what it means at recovery (recover.c). Thread: the queue's. Failure: the
 * good copy stays untouched, and the next attempt takes the same slot again. */
#include "manifest.h"

#include <fcntl.h>
#include <stdlib.h>

#define MAGIC          UINT32_C(0x46544559) /* "YETF" */
#define FORMAT_VERSION 1
#define FEATURES       0
#define HEAD_SIZE      104
#define LISTED_SIZE    40
#define HOLE_SIZE      24
#define PLACE_SIZE     16 /* of a position, before key and bytes */
#define LENGTH_MAX     (64u * 1024 * 1024)
#define STEP           65536u
#define CLEAN          1
#define SEALED         1
#define DAMAGED        2

static const char *const names[2] = {"manifest-a", "manifest-b"};

static uint8_t *put_listed(uint8_t *to, const struct yett_disk_listed *listed)
{
	yett_disk_put64(to, listed->serial);
	yett_disk_put64(to + 8, listed->first);
	yett_disk_put64(to + 16, listed->settled_below);
	yett_disk_put32(to + 24, listed->count);
	yett_disk_put32(to + 28, listed->end);
	to[32] = (uint8_t)listed->lane;
	to[33] = (uint8_t)((listed->sealed ? SEALED : 0) | (listed->damaged ? DAMAGED : 0));
	return to + LISTED_SIZE;
}

static bool is_settled(const struct yett_disk_place *place)
{
	return place->where == 0 || (place->where & YETT_DISK_SETTLED) != 0;
}

static struct yett_disk_listed list(struct yett_disk_segment *segment)
{
	while (segment->prefix < segment->synced_count &&
		is_settled(&segment->places[segment->prefix])) {
		segment->prefix++;
	}
	return (struct yett_disk_listed){
		.serial = segment->serial,
		.first = segment->first,
		.settled_below = segment->first + segment->prefix,
		.lane = segment->lane,
		.count = segment->synced_count,
		.end = segment->synced,
		/* What was written and not synced yet ends nowhere: recovery looks how far it goes. */
		.sealed = segment->sealed && !segment->dirty,
		.damaged = segment->damaged,
	};
}

static bool is_listed(const struct yett_disk_segment *segment)
{
	return !segment->retired;
}

static uint8_t *encode(struct yett_disk *disk, bool clean, size_t *ret_length)
{
	const struct yett_host *host = disk->host;
	size_t segments = disk->missing_count;
	size_t length = HEAD_SIZE;
	uint8_t *bytes;
	uint8_t *to;

	for (uint32_t l = 0; l < YETT_LANES; l++) {
		for (size_t i = 0; i < disk->lanes[l].count; i++) {
			segments += is_listed(disk->lanes[l].segments[i]);
		}
	}
	length += segments * LISTED_SIZE + disk->holes_count * HOLE_SIZE;
	for (size_t i = 0; i < disk->positions.count; i++) {
		length += PLACE_SIZE + strlen(disk->positions.items[i].key) +
			  disk->positions.items[i].length;
	}
	bytes = calloc(1, length);
	if (bytes == NULL) {
		return NULL;
	}
	to = bytes + HEAD_SIZE;
	for (uint32_t l = 0; l < YETT_LANES; l++) {
		for (size_t i = 0; i < disk->lanes[l].count; i++) {
			struct yett_disk_segment *segment = disk->lanes[l].segments[i];
			struct yett_disk_listed listed = list(segment);

			to = is_listed(segment) ? put_listed(to, &listed) : to;
		}
	}
	for (size_t i = 0; i < disk->missing_count; i++) {
		to = put_listed(to, &disk->missing[i]);
	}
	for (size_t i = 0; i < disk->holes_count; i++, to += HOLE_SIZE) {
		yett_disk_put64(to, disk->holes[i].serial);
		yett_disk_put64(to + 8, disk->holes[i].number);
		yett_disk_put64(to + 16, disk->holes[i].numbers);
	}
	for (size_t i = 0; i < disk->positions.count; i++) {
		const struct yett_disk_position *item = &disk->positions.items[i];
		size_t key_length = strlen(item->key);

		yett_disk_put64(to, item->group);
		yett_disk_put32(to + 8, item->ordinal);
		yett_disk_put16(to + 12, item->length);
		yett_disk_put16(to + 14, (uint16_t)key_length);
		memcpy(to + PLACE_SIZE, item->key, key_length);
		memcpy(to + PLACE_SIZE + key_length, item->bytes, item->length);
		to += PLACE_SIZE + key_length + item->length;
	}
	yett_disk_put32(bytes, MAGIC);
	yett_disk_put16(bytes + 4, FORMAT_VERSION);
	yett_disk_put16(bytes + 6, HEAD_SIZE);
	yett_disk_put32(bytes + 8, FEATURES);
	yett_disk_put32(bytes + 12, clean ? CLEAN : 0);
	yett_disk_put64(bytes + 16, disk->incarnation);
	yett_disk_put64(bytes + 24, disk->generation + 1);
	yett_disk_put64(bytes + 32, disk->group - 1);
	yett_disk_put64(bytes + 40, disk->next_serial);
	for (uint32_t l = 0; l < YETT_LANES; l++) {
		yett_disk_put64(bytes + 48 + 8 * (size_t)l, disk->lanes[l].next);
	}
	yett_disk_put32(bytes + 72, (uint32_t)segments);
	yett_disk_put32(bytes + 76, (uint32_t)disk->holes_count);
	yett_disk_put32(bytes + 80, (uint32_t)disk->positions.count);
	yett_disk_put32(bytes + 84, (uint32_t)(length - HEAD_SIZE));
	yett_disk_put32(bytes + 88, host->crc32c(0, bytes + HEAD_SIZE, length - HEAD_SIZE));
	yett_disk_put32(bytes + 100, host->crc32c(0, bytes, 100));
	*ret_length = length;
	return bytes;
}

static int write_slot(struct yett_disk *disk, int slot, uint8_t *bytes, size_t length)
{
	const struct yett_files *files = disk->files;
	struct iovec iov = {bytes, length};
	uint64_t room = (length + STEP - 1) / STEP * STEP;
	bool made = false;
	int result;

	if (disk->manifests[slot] < 0) {
		result = files->open(
			files->fs, disk->dir, names[slot], O_RDWR | O_CREAT | O_CLOEXEC);
		if (result < 0) {
			return result;
		}
		disk->manifests[slot] = result;
		made = true;
	}
	if (disk->manifest_lengths[slot] < room &&
		files->allocate(files->fs, disk->manifests[slot], room) == 0) {
		disk->manifest_lengths[slot] = room;
	}
	result = files->write(files->fs, disk->manifests[slot], &iov, 1, 0);
	if (result == 0) {
		result = files->sync(files->fs, disk->manifests[slot]);
	}
	if (result == 0 && (made || disk->dir_dirty)) {
		result = files->dir_sync(files->fs, disk->dir);
		disk->dir_dirty = disk->dir_dirty && result < 0;
	}
	if (result < 0 && made) {
		/* Its name may not be durable: the next attempt makes sure again. */
		files->close(files->fs, disk->manifests[slot]);
		disk->manifests[slot] = -1;
		disk->manifest_lengths[slot] = 0;
	}
	return result;
}

int yett_disk_manifest_write(struct yett_disk *disk, bool clean)
{
	int slot = disk->manifest_good == 0 ? 1 : 0;
	size_t length = 0;
	uint8_t *bytes;
	int result;

	if (disk->read_only) {
		return YETT_EPERM;
	}
	bytes = encode(disk, clean, &length);
	if (bytes == NULL) {
		return YETT_ENOMEM;
	}
	result = write_slot(disk, slot, bytes, length);
	free(bytes);
	if (result < 0) {
		disk->host->log(disk->host->instance, YETT_LOG_WARNING, "queue-manifest-unwritten",
			"the manifest of the queue cannot be written: settled segments stay "
			"until it can; directory=%s reason=%s",
			disk->path, disk->host->result_text(result));
		disk->degraded = true;
		disk->manifest_dirty = true;
		return result;
	}
	disk->generation++;
	disk->manifest_good = slot;
	disk->manifest_dirty = false;
	disk->condemned = false;
	return 0;
}

void yett_disk_manifest_close(struct yett_disk *disk)
{
	for (int slot = 0; slot < 2; slot++) {
		if (disk->manifests[slot] >= 0) {
			disk->files->close(disk->files->fs, disk->manifests[slot]);
			disk->manifests[slot] = -1;
		}
	}
}

/* YETT_ENOTFOUND: not there, or empty; YETT_ECORRUPT; YETT_EVERSION; YETT_EIO: the disk does not give it; others
 * where it is there and cannot be opened. `ret_bytes` is given. */
static int read_slot(struct yett_disk *disk, int slot, uint8_t **ret_bytes, size_t *ret_length)
{
	const struct yett_files *files = disk->files;
	const struct yett_host *host = disk->host;
	int flags = disk->read_only ? O_RDONLY : O_RDWR;
	uint8_t *bytes;
	int64_t length, got;
	size_t body;

	disk->manifests[slot] = files->open(files->fs, disk->dir, names[slot], flags);
	if (disk->manifests[slot] < 0) {
		return disk->manifests[slot];
	}
	length = files->length(files->fs, disk->manifests[slot]);
	if (length < HEAD_SIZE) {
		return length == 0 ? YETT_ENOTFOUND : YETT_ECORRUPT;
	}
	disk->manifest_lengths[slot] = (uint64_t)length;
	length = length > LENGTH_MAX ? LENGTH_MAX : length;
	bytes = malloc((size_t)length);
	if (bytes == NULL) {
		return YETT_ENOMEM;
	}
	got = yett_disk_read_again(files, disk->manifests[slot], bytes, (size_t)length, 0);
	if (got == YETT_EIO && !disk->read_only) {
		disk->pause(
			YETT_DISK_PAUSE_NS); /* the other copy, if it is older, lists what is settled */
		got = yett_disk_read_again(files, disk->manifests[slot], bytes, (size_t)length, 0);
	}
	if (got < 0) {
		free(bytes);
		return (int)got;
	}
	length = got;
	if (length < HEAD_SIZE || yett_disk_get32(bytes) != MAGIC ||
		yett_disk_get32(bytes + 100) != host->crc32c(0, bytes, 100)) {
		free(bytes);
		return YETT_ECORRUPT;
	}
	if (yett_disk_get16(bytes + 4) != FORMAT_VERSION ||
		(yett_disk_get32(bytes + 8) & ~(uint32_t)FEATURES) != 0) {
		free(bytes);
		return YETT_EVERSION;
	}
	body = yett_disk_get32(bytes + 84);
	if (body > (size_t)length - HEAD_SIZE ||
		yett_disk_get32(bytes + 88) != host->crc32c(0, bytes + HEAD_SIZE, body)) {
		free(bytes);
		return YETT_ECORRUPT;
	}
	*ret_bytes = bytes;
	*ret_length = HEAD_SIZE + body;
	return 0;
}

static int decode_lists(struct yett_disk *disk, const uint8_t *bytes, size_t length,
	struct yett_disk_manifest *manifest)
{
	size_t segments = yett_disk_get32(bytes + 72);
	size_t holes = yett_disk_get32(bytes + 76);
	const uint8_t *from = bytes + HEAD_SIZE;

	if (segments > length / LISTED_SIZE || holes > length / HOLE_SIZE ||
		HEAD_SIZE + segments * LISTED_SIZE + holes * HOLE_SIZE > length) {
		return YETT_ECORRUPT;
	}
	manifest->listed = calloc(segments + 1, sizeof(*manifest->listed));
	disk->holes = calloc(holes + 1, sizeof(*disk->holes));
	if (manifest->listed == NULL || disk->holes == NULL) {
		return YETT_ENOMEM;
	}
	for (size_t i = 0; i < segments; i++, from += LISTED_SIZE) {
		manifest->listed[i] = (struct yett_disk_listed){
			.serial = yett_disk_get64(from),
			.first = yett_disk_get64(from + 8),
			.settled_below = yett_disk_get64(from + 16),
			.count = yett_disk_get32(from + 24),
			.end = yett_disk_get32(from + 28),
			.lane = from[32],
			.sealed = (from[33] & SEALED) != 0,
			.damaged = (from[33] & DAMAGED) != 0,
		};
		if (from[32] >= YETT_LANES || manifest->listed[i].count > YETT_DISK_ENTRIES_MAX ||
			manifest->listed[i].first > UINT64_MAX / 2) {
			return YETT_ECORRUPT;
		}
	}
	manifest->listed_count = segments;
	for (size_t i = 0; i < holes; i++, from += HOLE_SIZE) {
		disk->holes[i] = (struct yett_disk_hole){yett_disk_get64(from),
			yett_disk_get64(from + 8), yett_disk_get64(from + 16)};
	}
	disk->holes_count = holes;
	disk->holes_room = holes + 1;
	return 0;
}

static int decode(struct yett_disk *disk, const uint8_t *bytes, size_t length,
	struct yett_disk_manifest *manifest)
{
	size_t positions = yett_disk_get32(bytes + 80);
	size_t at;
	int result;

	disk->incarnation = yett_disk_get64(bytes + 16);
	disk->generation = yett_disk_get64(bytes + 24);
	manifest->clean = (yett_disk_get32(bytes + 12) & CLEAN) != 0;
	manifest->group = yett_disk_get64(bytes + 32);
	manifest->next_serial = yett_disk_get64(bytes + 40);
	for (uint32_t l = 0; l < YETT_LANES; l++) {
		manifest->next[l] = yett_disk_get64(bytes + 48 + 8 * (size_t)l);
	}
	result = decode_lists(disk, bytes, length, manifest);
	if (result < 0) {
		return result;
	}
	at = HEAD_SIZE + manifest->listed_count * LISTED_SIZE + disk->holes_count * HOLE_SIZE;
	for (size_t i = 0; i < positions; i++) {
		size_t key_length;
		size_t size;

		if (length - at < PLACE_SIZE) {
			return YETT_ECORRUPT;
		}
		size = yett_disk_get16(bytes + at + 12);
		key_length = yett_disk_get16(bytes + at + 14);
		if (length - at - PLACE_SIZE < key_length + size) {
			return YETT_ECORRUPT;
		}
		result = yett_disk_positions_set(&disk->positions,
			(const char *)bytes + at + PLACE_SIZE, key_length,
			bytes + at + PLACE_SIZE + key_length, size, yett_disk_get64(bytes + at),
			yett_disk_get32(bytes + at + 8));
		if (result < 0) {
			return result == YETT_EINVAL ? YETT_ECORRUPT : result;
		}
		at += PLACE_SIZE + key_length + size;
	}
	manifest->there = true;
	return 0;
}

/* After a sync of it that failed, it may be in the system's memory alone (judge.c, write_again): the other copy,
 * which the next one replaces, is not touched before this one is on the disk. */
static int write_again(struct yett_disk *disk, int slot, uint8_t *bytes, size_t length)
{
	const struct yett_files *files = disk->files;
	struct iovec iov = {bytes, length};
	int result = 0;

	if (!disk->read_only) {
		result = files->write(files->fs, disk->manifests[slot], &iov, 1, 0);
		result = result < 0 ? result : files->sync(files->fs, disk->manifests[slot]);
	}
	return result;
}

int yett_disk_manifest_read(struct yett_disk *disk, struct yett_disk_manifest *ret_manifest)
{
	struct yett_disk_manifest manifest = {0};
	uint8_t *bytes[2] = {NULL, NULL};
	size_t lengths[2] = {0, 0};
	int results[2];
	int best = -1;
	int result = 0;

	disk->manifest_good = -1;
	for (int slot = 0; slot < 2; slot++) {
		results[slot] = read_slot(disk, slot, &bytes[slot], &lengths[slot]);
		if (results[slot] == 0 && (best < 0 || yett_disk_get64(bytes[slot] + 24) >
							       yett_disk_get64(bytes[best] + 24))) {
			best = slot;
		}
	}
	for (int slot = 0; slot < 2 && result == 0; slot++) {
		/* One that cannot be read is as good as torn where the other one can. */
		if (results[slot] < 0 && results[slot] != YETT_ENOTFOUND &&
			results[slot] != YETT_ECORRUPT && (results[slot] != YETT_EIO || best < 0)) {
			result = results[slot];
		}
		manifest.other_bad |= results[slot] < 0 && results[slot] != YETT_ENOTFOUND;
	}
	if (result == 0 && best >= 0) {
		result = decode(disk, bytes[best], lengths[best], &manifest);
		disk->manifest_good = best;
	}
	if (result == 0 && best >= 0) {
		result = write_again(disk, best, bytes[best], lengths[best]);
	}
	free(bytes[0]);
	free(bytes[1]);
	if (result < 0) {
		free(manifest.listed);
		return result;
	}
	*ret_manifest = manifest;
	return 0;
}
