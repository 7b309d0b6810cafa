/* The table of positions.
 *
 * A key is a source's; there are a few of them, so the table is a plain array. Two tables exist:
 * one of what is durable, one of what the open group brings; only a good sync moves the second
 * into the first.
 *
 * Thread: the queue's. The table owns copies of all bytes. Failure: YETT_ENOMEM, YETT_ELIMIT;
 * nothing is changed then. */
#include "positions.h"

#include <stdlib.h>
#include <string.h>

#include <yett/error.h>

static struct yett_disk_position *find(
	const struct yett_disk_positions *positions, const char *key, size_t key_length)
{
	for (size_t i = 0; i < positions->count; i++) {
		struct yett_disk_position *item = &positions->items[i];

		if (strlen(item->key) == key_length && memcmp(item->key, key, key_length) == 0) {
			return item;
		}
	}
	return NULL;
}

const struct yett_disk_position *yett_disk_positions_get(
	const struct yett_disk_positions *positions, const char *key, size_t key_length)
{
	return find(positions, key, key_length);
}

static int add(struct yett_disk_positions *positions, const char *key, size_t key_length,
	struct yett_disk_position **ret_item)
{
	struct yett_disk_position *items;

	if (positions->count >= YETT_DISK_POSITIONS_MAX) {
		return YETT_ELIMIT;
	}
	if (positions->count == positions->room) {
		size_t room = positions->room == 0 ? 8 : positions->room * 2;

		items = realloc(positions->items, room * sizeof(*items));
		if (items == NULL) {
			return YETT_ENOMEM;
		}
		positions->items = items;
		positions->room = room;
	}
	*ret_item = &positions->items[positions->count++];
	memset(*ret_item, 0, sizeof(**ret_item));
	memcpy((*ret_item)->key, key, key_length);
	return 0;
}

int yett_disk_positions_set(struct yett_disk_positions *positions, const char *key,
	size_t key_length, const void *bytes, size_t length, uint64_t group, uint32_t ordinal)
{
	struct yett_disk_position *item;
	uint8_t *copy;
	int result;

	if (key_length == 0 || key_length >= sizeof(item->key) || length > UINT16_MAX ||
		memchr(key, '\0', key_length) != NULL) {
		return YETT_EINVAL;
	}
	item = find(positions, key, key_length);
	if (item != NULL &&
		(item->group > group || (item->group == group && item->ordinal > ordinal))) {
		return 0;
	}
	copy = malloc(length + 1);
	if (copy == NULL) {
		return YETT_ENOMEM;
	}
	if (length > 0) {
		memcpy(copy, bytes, length);
	}
	if (item == NULL) {
		result = add(positions, key, key_length, &item);
		if (result < 0) {
			free(copy);
			return result;
		}
	}
	free(item->bytes);
	item->bytes = copy;
	item->length = (uint16_t)length;
	item->group = group;
	item->ordinal = ordinal;
	return 0;
}

int yett_disk_positions_move(struct yett_disk_positions *to, struct yett_disk_positions *from)
{
	int result = 0;

	for (size_t i = 0; i < from->count && result == 0; i++) {
		const struct yett_disk_position *item = &from->items[i];

		result = yett_disk_positions_set(to, item->key, strlen(item->key), item->bytes,
			item->length, item->group, item->ordinal);
	}
	yett_disk_positions_clear(from);
	return result;
}

void yett_disk_positions_clear(struct yett_disk_positions *positions)
{
	for (size_t i = 0; i < positions->count; i++) {
		free(positions->items[i].bytes);
	}
	free(positions->items);
	*positions = (struct yett_disk_positions){NULL, 0, 0};
}
