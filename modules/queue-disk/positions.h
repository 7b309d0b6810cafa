/* Positions: what a source had read when it made a batch, by key; the newest counts. */
#ifndef YETT_DISK_POSITIONS_H
#define YETT_DISK_POSITIONS_H

#include <stddef.h>
#include <stdint.h>

#define YETT_DISK_POSITIONS_MAX 1024 /* keys */

struct yett_disk_position {
	char key[65];
	uint16_t length;
	uint32_t ordinal; /* with group: its place in the order of all appends */
	uint64_t group;
	uint8_t *bytes;
};

struct yett_disk_positions {
	struct yett_disk_position *items;
	size_t count;
	size_t room;
};

/* Keeps a copy, unless what is there is newer. */
int yett_disk_positions_set(struct yett_disk_positions *positions, const char *key,
	size_t key_length, const void *bytes, size_t length, uint64_t group, uint32_t ordinal);
const struct yett_disk_position *yett_disk_positions_get(
	const struct yett_disk_positions *positions, const char *key, size_t key_length);
/* Moves all of `from` into `to`. */
int yett_disk_positions_move(struct yett_disk_positions *to, struct yett_disk_positions *from);
void yett_disk_positions_clear(struct yett_disk_positions *positions);

#endif
