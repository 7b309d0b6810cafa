/* A host for modules, in memory: streams, timers and a clock that the test turns by hand. Any
 * number of hosts share one world. Events happen only within memory_run and memory_advance, in
 * the order in which they became due, so a run with the same seed is the same run. */
#ifndef YETT_TEST_MEMORY_HOST_H
#define YETT_TEST_MEMORY_HOST_H

#include <yett/module.h>

#include "base/error.h"

struct memory_world;

struct memory_world *memory_world_new(uint64_t seed);
/* Returns how many streams, listeners, timers and hosts were left open: 0, or the test has found
 * a leak. */
size_t memory_world_free(struct memory_world *world);
size_t memory_world_open(const struct memory_world *world);

/* What one delivery brings at most (and then by chance from 1 to that; 0: all there is), and what
 * is under way at most in one direction of a stream (0: 1 MiB). */
void memory_world_limits(struct memory_world *world, size_t chunk_max, size_t window);
void memory_world_set_wall(struct memory_world *world, int64_t wall_ns);
/* Changes one bit of the nth byte that is delivered from now on; 0: none. */
void memory_world_corrupt(struct memory_world *world, uint64_t nth_byte);
uint64_t memory_world_now(const struct memory_world *world);
/* The same chance as the streams have: an even number out of [0, below). */
uint64_t memory_world_chance(struct memory_world *world, uint64_t below);

/* All that is due now, and what becomes due by it. */
void memory_run(struct memory_world *world);
/* The clock goes on by so much; timers on the way fire at their times. */
void memory_advance(struct memory_world *world, uint64_t ns);

/* One instance's host; give it to `create`. `module` (may be NULL) says what its metrics are. An address
 * "dead:1" is one that nothing answers at. */
struct yett_host *memory_host_new(struct memory_world *world, const struct yett_module *module);
void memory_host_free(struct yett_host *host);

/* What the instance logged at `level` and worse, and the last line of it. */
size_t memory_host_logged(const struct yett_host *host, int level);
const char *memory_host_last(const struct yett_host *host);
int64_t memory_host_metric(const struct yett_host *host, uint32_t index);

#endif
