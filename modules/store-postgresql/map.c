/* The store's hash table: open addressing, linear probing, no removal of single keys.
 *
 * Keys are copied, values are the table's and go with it, by free(). Nothing of the database in it
 * outlives the transaction that filled it: another management server may change all of it meanwhile. Without
 * memory, put frees the value, answers -1, and leaves the table as it was.
 */
#include "map.h"

#include <stdlib.h>
#include <string.h>

static uint64_t stir(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(uint64_t seed, const uint8_t *bytes, size_t length)
{
	uint64_t hash = seed ^ stir(length + UINT64_C(0x9e3779b97f4a7c15), seed | 1);

	for (size_t i = 0; i < length; i += sizeof(uint64_t)) {
		uint64_t word = 0;
		size_t left = length - i;

		memcpy(&word, bytes + i, left < sizeof(word) ? left : sizeof(word));
		hash = stir(hash ^ word, seed ^ UINT64_C(0xa0761d6478bd642f));
	}
	return stir(hash, UINT64_C(0xe7037ed1a0b428db));
}

void yett_pg_map_init(struct yett_pg_map *map, uint64_t seed)
{
	memset(map, 0, sizeof(*map));
	map->seed = seed;
}

void yett_pg_map_clear(struct yett_pg_map *map)
{
	for (size_t i = 0; i < map->capacity && map->count > 0; i++) {
		if (map->slots[i].key != NULL) {
			free(map->slots[i].key);
			free(map->slots[i].value);
			map->slots[i].key = NULL;
		}
	}
	map->count = 0;
}

void yett_pg_map_done(struct yett_pg_map *map)
{
	yett_pg_map_clear(map);
	free(map->slots);
	map->slots = NULL;
	map->capacity = 0;
}

/* The slot of the key, or the free one where it belongs; the table is never full. */
static struct yett_pg_slot *seek(
	const struct yett_pg_map *map, uint64_t hash, const void *key, size_t length)
{
	for (size_t i = hash & (map->capacity - 1);; i = (i + 1) & (map->capacity - 1)) {
		struct yett_pg_slot *slot = &map->slots[i];

		if (slot->key == NULL || (slot->hash == hash && slot->length == length &&
						 memcmp(slot->key, key, length) == 0)) {
			return slot;
		}
	}
}

void *yett_pg_map_find(const struct yett_pg_map *map, const void *key, size_t length)
{
	struct yett_pg_slot *slot;

	if (map->count == 0) {
		return NULL;
	}
	slot = seek(map, hash_of(map->seed, key, length), key, length);
	return slot->key != NULL ? slot->value : NULL;
}

static int grow(struct yett_pg_map *map)
{
	struct yett_pg_map larger = *map;

	larger.capacity = map->capacity > 0 ? map->capacity * 2 : 64;
	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (larger.slots == NULL) {
		return -1;
	}
	for (size_t i = 0; i < map->capacity; i++) {
		const struct yett_pg_slot *slot = &map->slots[i];

		if (slot->key != NULL) {
			*seek(&larger, slot->hash, slot->key, slot->length) = *slot;
		}
	}
	free(map->slots);
	*map = larger;
	return 0;
}

int yett_pg_map_put(struct yett_pg_map *map, const void *key, size_t length, void *value)
{
	uint64_t hash = hash_of(map->seed, key, length);
	uint8_t *copy = malloc(length > 0 ? length : 1);
	struct yett_pg_slot *slot;

	if (copy == NULL || ((map->count + 1) * 4 > map->capacity * 3 && grow(map) != 0)) {
		free(copy);
		free(value);
		return -1;
	}
	memcpy(copy, key, length);
	slot = seek(map, hash, copy, length);
	*slot = (struct yett_pg_slot){hash, copy, length, value};
	map->count++;
	return 0;
}

void *yett_pg_map_next(const struct yett_pg_map *map, size_t *at)
{
	while (*at < map->capacity) {
		const struct yett_pg_slot *slot = &map->slots[(*at)++];

		if (slot->key != NULL) {
			return slot->value;
		}
	}
	return NULL;
}
