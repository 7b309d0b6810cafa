/* A hash table from byte strings to pointers: what one call has at hand of origins, epochs, names. */
#ifndef STORE_POSTGRESQL_MAP_H
#define STORE_POSTGRESQL_MAP_H

#include <stddef.h>
#include <stdint.h>

struct yett_pg_slot {
	uint64_t hash;
	uint8_t *key; /* its copy; NULL: the slot is free */
	size_t length;
	void *value;
};

struct yett_pg_map {
	uint64_t seed; /* drawn by chance, so that a peer cannot choose words that collide */
	size_t count, capacity;
	struct yett_pg_slot *slots;
};

void yett_pg_map_init(struct yett_pg_map *map, uint64_t seed);
/* Forgets all keys; their values are freed. */
void yett_pg_map_clear(struct yett_pg_map *map);
void yett_pg_map_done(struct yett_pg_map *map);
void *yett_pg_map_find(const struct yett_pg_map *map, const void *key, size_t length);
/* The key is not there yet; the value is given, even where there is no memory: then -1. */
int yett_pg_map_put(struct yett_pg_map *map, const void *key, size_t length, void *value);
/* One value after another: `*at` is 0 at first; NULL at the end. */
void *yett_pg_map_next(const struct yett_pg_map *map, size_t *at);

#endif
