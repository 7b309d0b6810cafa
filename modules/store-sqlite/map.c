/* The hash table of the store: open addressing, linear probing, no removal of single keys.
 *
 * It decides nothing about how long something may be remembered: database.c forgets names and
 * origins as soon as somebody else has written, custody.c forgets epochs at each transaction's
 * end. Runs on the thread of its instance. Keys are copied; values belong to whoever puts them.
 * Without memory, put answers NULL and the table stays as it was.
 */
#include "map.h"

#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_bytes(uint64_t seed, const uint8_t *bytes, size_t length)
{
	uint64_t hash = seed ^ mix(length + UINT64_C(0x9e3779b97f4a7c15), seed | 1);

	while (length > 0) {
		uint64_t word = 0;
		size_t n = length < sizeof(word) ? length : sizeof(word);

		memcpy(&word, bytes, n);
		hash = mix(hash ^ word, seed ^ UINT64_C(0xa0761d6478bd642f));
		bytes += n;
		length -= n;
	}
	return mix(hash, UINT64_C(0xe7037ed1a0b428db));
}

void yett_sqlite_map_init(struct yett_sqlite_map *map, uint64_t seed)
{
	memset(map, 0, sizeof(*map));
	map->seed = seed;
}

void yett_sqlite_map_clear(struct yett_sqlite_map *map, void (*free_value)(void *))
{
	for (size_t i = 0; i < map->capacity; i++) {
		if (map->slots[i].key == NULL) {
			continue;
		}
		if (free_value != NULL) {
			free_value(map->slots[i].pointer);
		}
		free(map->slots[i].key);
		map->slots[i].key = NULL;
	}
	map->count = 0;
}

void yett_sqlite_map_done(struct yett_sqlite_map *map, void (*free_value)(void *))
{
	yett_sqlite_map_clear(map, free_value);
	free(map->slots);
	map->slots = NULL;
	map->capacity = 0;
}

/* The slot of the key, or the free one where it belongs; the table is never full. */
static struct yett_sqlite_map_slot *probe(
	const struct yett_sqlite_map *map, uint64_t hash, const void *key, size_t length)
{
	size_t i = hash & (map->capacity - 1);

	while (map->slots[i].key != NULL) {
		struct yett_sqlite_map_slot *slot = &map->slots[i];

		if (slot->hash == hash && slot->length == length &&
			memcmp(slot->key, key, length) == 0) {
			return slot;
		}
		i = (i + 1) & (map->capacity - 1);
	}
	return &map->slots[i];
}

struct yett_sqlite_map_slot *yett_sqlite_map_find(
	const struct yett_sqlite_map *map, const void *key, size_t length)
{
	struct yett_sqlite_map_slot *slot;

	if (map->count == 0) {
		return NULL;
	}
	slot = probe(map, hash_bytes(map->seed, key, length), key, length);
	return slot->key != NULL ? slot : NULL;
}

static int grow(struct yett_sqlite_map *map)
{
	struct yett_sqlite_map larger = *map;

	larger.capacity = map->capacity > 0 ? map->capacity * 2 : 64;
	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (larger.slots == NULL) {
		return -1;
	}
	for (size_t i = 0; i < map->capacity; i++) {
		struct yett_sqlite_map_slot *slot = &map->slots[i];

		if (slot->key != NULL) {
			*probe(&larger, slot->hash, slot->key, slot->length) = *slot;
		}
	}
	free(map->slots);
	*map = larger;
	return 0;
}

struct yett_sqlite_map_slot *yett_sqlite_map_put(
	struct yett_sqlite_map *map, const void *key, size_t length)
{
	uint64_t hash = hash_bytes(map->seed, key, length);
	struct yett_sqlite_map_slot *slot;
	void *copy;

	if ((map->count + 1) * 4 > map->capacity * 3 && grow(map) != 0) {
		return NULL;
	}
	copy = malloc(length > 0 ? length : 1);
	if (copy == NULL) {
		return NULL;
	}
	memcpy(copy, key, length);
	slot = probe(map, hash, key, length);
	slot->hash = hash;
	slot->key = copy;
	slot->length = (uint32_t)length;
	map->count++;
	return slot;
}
