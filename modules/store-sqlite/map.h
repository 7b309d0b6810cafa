/* A hash table from byte strings to one number or pointer: what the store remembers of interned
 * ids, and of the epochs that one transaction touches. */
#ifndef STORE_SQLITE_MAP_H
#define STORE_SQLITE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct yett_sqlite_map_slot {
	uint64_t hash;
	void *key; /* its copy; NULL: the slot is free */
	uint32_t length;
	uint32_t reserved;
	union {
		int64_t number;
		void *pointer;
	};
};

struct yett_sqlite_map {
	uint64_t seed; /* drawn by chance, so that a peer cannot choose words that collide */
	size_t count, capacity;
	struct yett_sqlite_map_slot *slots;
};

void yett_sqlite_map_init(struct yett_sqlite_map *map, uint64_t seed);
/* Forgets all keys; `free_value` (or NULL) is called for each pointer. */
void yett_sqlite_map_clear(struct yett_sqlite_map *map, void (*free_value)(void *));
void yett_sqlite_map_done(struct yett_sqlite_map *map, void (*free_value)(void *));
/* The slot of a key, or NULL. Valid until the next put. */
struct yett_sqlite_map_slot *yett_sqlite_map_find(
	const struct yett_sqlite_map *map, const void *key, size_t length);
/* Makes the slot of a key that is not there; NULL: no memory. */
struct yett_sqlite_map_slot *yett_sqlite_map_put(
	struct yett_sqlite_map *map, const void *key, size_t length);

#endif
