/* Clocks and chance, injected: production reads the system's, tests and the simulator give their
 * own. Any thread. */
#ifndef YETT_BASE_CLOCK_H
#define YETT_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define YETT_MS  UINT64_C(1000000)    /* in nanoseconds */
#define YETT_SEC UINT64_C(1000000000) /* in nanoseconds */

struct yett_clock {
	uint64_t (*monotonic_ns)(void *arg);
	int64_t (*wall_ns)(void *arg); /* Unix time */
	void (*random_bytes)(void *arg, void *ret_bytes, size_t length);
	void *arg;
};

extern const struct yett_clock yett_clock_system; /* getrandom(2) for chance */

static inline uint64_t yett_clock_monotonic(const struct yett_clock *clock)
{
	return clock->monotonic_ns(clock->arg);
}
static inline int64_t yett_clock_wall(const struct yett_clock *clock)
{
	return clock->wall_ns(clock->arg);
}
static inline void yett_clock_random(const struct yett_clock *clock, void *ret_bytes, size_t length)
{
	clock->random_bytes(clock->arg, ret_bytes, length);
}
/* Evenly out of [0, below). */
uint64_t yett_clock_random_below(const struct yett_clock *clock, uint64_t below);
/* RFC 3339 in UTC with milliseconds, "2026-11-23T19:00:00.123Z" (size >= 32). */
const char *yett_time_text(int64_t wall_ns, char *ret_text, size_t size);
/* The other way; accepts RFC 3339, "now", and "-15m" / "-2h" / "-1d" before `now_ns`. */
int yett_time_parse(const char *text, int64_t now_ns, int64_t *ret_wall_ns);

#endif
