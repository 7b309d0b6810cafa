/* SPDX-License-Identifier: Apache-2.0
 *
 * Kind `source` (stable): what a node tells about its own computer. Plain, blocking code on its
 * own thread.
 *
 * A source's position says how far it has read. It becomes durable in the same commit as the
 * records that it covers and is given back at the next `create`: so nothing is read twice into
 * new numbers, nor skipped, whatever dies when. That holds within a lane only: a source that gives
 * positions tells all its records into one and the same lane. A source without a position (host
 * metrics) just leaves it, and may use all lanes.
 */
#ifndef YETT_SOURCE_H
#define YETT_SOURCE_H

#include <time.h>

#include <yett/module.h>

struct yett_sink_self;

/* Where records go; valid during the poll. `record` copies what it is given. */
struct yett_sink {
	uint32_t size;
	/* Readable (poll(2), POLLIN) when the core wants the thread back: return soon. */
	int32_t wake_fd;
	struct yett_sink_self *self;
	/* Takes one record into `lane`. May block while the node pushes back. Returns 0, or
	 * - YETT_ELIMIT: it is too large (record.h);
	 * - YETT_EINVAL: there is no such lane, or it is another one than that of the records
	 *   before, of a source that gives positions; or it is no record: of no kind, a metric
	 *   without a number, a state beyond YETT_STATE_UNKNOWN, a severity beyond 24, no name
	 *   (only an event may do without), a value of an unknown type, an attribute without a key
	 *   or a value. These two: it is dropped, the core logs it, the source goes on;
	 * - YETT_ECLOSED: return, the node stops; what was not taken must not be covered by a
	 *   position.
	 * Of attributes with the same key the first one counts; the others are dropped, unsaid. */
	int (*record)(struct yett_sink_self *self, uint32_t lane, const struct yett_record *record);
	/* All records so far are covered by this position (<= YETT_QUEUE_POSITION_MAX - 256
	 * bytes, opaque; else YETT_ELIMIT). Records that follow are not. YETT_EINVAL: they went
	 * into several lanes, and it is not kept; YETT_ECLOSED: as above. */
	int (*position)(struct yett_sink_self *self, const void *position, size_t length);
	/* Cut now: do not linger (a state has changed). */
	int (*flush)(struct yett_sink_self *self);
};

/* What is left until `deadline_ns` (nothing, once it has passed): how long ppoll(2) may wait for
 * wake_fd and whatever else `poll` waits for. */
static inline struct timespec yett_time_left(const struct yett_host *host, uint64_t deadline_ns)
{
	uint64_t now_ns = host->monotonic_ns(host->instance);
	uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
	struct timespec left;

	left.tv_sec = (time_t)(left_ns / 1000000000);
	left.tv_nsec = (long)(left_ns % 1000000000);
	return left;
}

struct yett_source_operations {
	uint32_t size;
	uint32_t reserved;
	/* Waits for something to tell until `deadline_ns` (monotonic) or until wake_fd is readable,
	 * tells it, and returns. `*ret_next_ns`: do not call before this monotonic time (0: at
	 * once). A failure is logged by the core, which backs off and calls again; YETT_ECLOSED and
	 * YETT_EAGAIN are none. */
	int (*poll)(void *self, const struct yett_sink *sink, uint64_t deadline_ns,
		uint64_t *ret_next_ns, struct yett_error *error);
};

#endif
