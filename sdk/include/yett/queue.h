/* SPDX-License-Identifier: Apache-2.0
 *
 * Kind `queue` (stable): keeps batches, in order, one sequence a lane, until an upstream has
 * taken custody of them. Plain synchronous calls on the queue's own thread.
 *
 * An entry is known by its lane and its entry number, which the queue gives out: from 1, rising by
 * one in each lane, never used twice in the life of a directory (also across restarts).
 */
#ifndef YETT_QUEUE_H
#define YETT_QUEUE_H

#include <string.h>

#include <yett/module.h>

enum yett_queue_flag {
	YETT_QUEUE_DURABLE =
		1 << 0, /* what `sync` covered survives the loss of the machine's power */
};

#define YETT_QUEUE_META_MAX     512
#define YETT_QUEUE_KEY_MAX      64
#define YETT_QUEUE_POSITION_MAX 4096

/* A batch to keep. All borrowed during `append`; the queue may take a reference to
 * batch->buffer. */
struct yett_queue_entry {
	uint32_t size;
	uint32_t meta_length;
	const struct yett_batch *batch;
	const void *meta; /* the core's, opaque: how the batch came; kept beside it */
	/* A position that becomes durable with the batch, or not at all (key NULL: none). */
	const char *key;
	const void *position;
	uint32_t position_length;
	uint32_t reserved;
	uint64_t ret_number; /* filled by append */
	int32_t ret_result; /* filled by append: 0, YETT_EFULL, YETT_ENOSPC, YETT_EIO, YETT_EINVAL */
	uint32_t reserved2;
};

/* Whether an entry is one at all: within the limits above, its key (if any) a string. `append`
 * answers YETT_EINVAL to others. */
static inline bool yett_queue_entry_valid(const struct yett_queue_entry *entry)
{
	const struct yett_batch *batch = entry->batch;

	return batch != NULL && batch->info.lane < YETT_LANES && batch->length > 0 &&
	       batch->length <= YETT_BATCH_MAX && entry->meta_length <= YETT_QUEUE_META_MAX &&
	       entry->position_length <= YETT_QUEUE_POSITION_MAX &&
	       (entry->key == NULL ||
		       (entry->key[0] != '\0' &&
			       memchr(entry->key, '\0', YETT_QUEUE_KEY_MAX + 1) != NULL));
}

/* An entry that was read. `batch.buffer` is given: the caller unrefs it. */
struct yett_queue_item {
	uint32_t size;
	uint32_t meta_length;
	uint64_t number;
	struct yett_batch batch;
	uint8_t meta[YETT_QUEUE_META_MAX];
};

struct yett_queue_lane_stats {
	uint64_t entries;       /* not settled */
	uint64_t records;       /* the sum of their counts */
	uint64_t bytes;         /* of their batches */
	uint64_t oldest_number; /* 0: empty */
	uint64_t next_number;
	int64_t oldest_ns;    /* Unix time at which the oldest was appended; 0: empty */
	uint64_t limit_bytes; /* what this lane may take now */
};

struct yett_queue_stats {
	uint32_t size;
	uint32_t degraded; /* 1: a sync failed, or a segment was quarantined, since the start */
	uint64_t limit_bytes;
	uint64_t disk_bytes;
	uint64_t segments;
	uint64_t quarantined; /* segments */
	struct yett_queue_lane_stats lanes[YETT_LANES];
};

enum yett_recovery_kind {
	YETT_RECOVERY_LOST = 1, /* `range` was here and is not readable: the core declares a gap */
	YETT_RECOVERY_NOTE = 2, /* `text` only, for the log */
};
struct yett_recovery {
	uint32_t size;
	uint32_t kind;
	struct yett_range range;
	/* LOST: enum yett_gap_cause, not 0. One for all that a `recover` tells as lost: the last one
	 * counts. What `read` tells is YETT_GAP_QUARANTINE, whatever stands here. */
	uint32_t cause;
	uint32_t reserved;
	const char *text;
};

/* Return non-zero to stop the walk; the call then returns it. */
typedef int (*yett_recovery_fn)(void *arg, const struct yett_recovery *what);
typedef int (*yett_scan_fn)(void *arg, uint64_t number, const struct yett_range *range,
	const void *meta, size_t meta_length);
typedef int (*yett_position_fn)(void *arg, const char *key, const void *position, size_t length);

struct yett_queue_operations {
	uint32_t size;
	uint32_t flags; /* enum yett_queue_flag */

	/* Once, before all else: reads what is there. Damage never stops it: it is reported, set
	 * aside, and told as lost ranges. What it reports as lost it goes on reporting at every
	 * recovery until `declared` says that the core has made the loss durable. Refused is only a
	 * newer format (YETT_EVERSION), a directory that another process holds (YETT_EPERM), one
	 * that cannot be written, or synced (what counts from now on has to be durable), and a file
	 * that is there and cannot be opened, or be read only now and then. */
	int (*recover)(void *self, yett_recovery_fn report, void *arg, struct yett_error *error);
	/* All that `recover` and `read` have told as lost so far. Optional. */
	int (*declared)(void *self);

	/* Appends in order; each entry has its own result, and the answer is 0. A negative answer
	 * stands for each entry whose `ret_number` and `ret_result` are still 0, as they were given.
	 * An entry that does not fit its lane is
	 * YETT_EFULL and leaves no trace, and so is what follows it in that lane in the same call:
	 * nothing overtakes it, nor does a position. Entries of custody content may use space that is
	 * reserved for them, but do not overtake either: the core puts those first that make room.
	 * Nothing is durable before `sync` returned 0. */
	int (*append)(void *self, struct yett_queue_entry *entries, size_t count);
	/* Makes all that was appended before durable. YETT_ESYNC: the entries appended since the
	 * last good sync are NOT here any more (their segment is condemned): the caller, which has
	 * them in memory, appends them again, elsewhere. */
	int (*sync)(void *self);

	/* Synced, unsettled entries of a lane with number >= `from`, in order, up to `count` and
	 * about `max_bytes` (but one at least, if there is one). Returns how many. What turns out to
	 * be damaged is skipped and told to `report`. YETT_EAGAIN: much of it was, and so far there
	 * is nothing else; ask on at once. YETT_EIO and others: what comes next cannot be had now;
	 * nothing was skipped. */
	int (*read)(void *self, uint32_t lane, uint64_t from, struct yett_queue_item *items,
		size_t count, size_t max_bytes, yett_recovery_fn report, void *arg);

	/* The upstream has custody of these. Idempotent; may be forgotten in a crash. */
	int (*settle)(void *self, uint32_t lane, const uint64_t *numbers, size_t count);

	/* Dropping the oldest of a lane: first `oldest` names the segment and walks what it still
	 * holds unsettled, so that the core can declare it lost and sync that; then `drop`. Where
	 * nothing was visited, all of it is damaged and nothing says what it was. */
	int (*oldest)(
		void *self, uint32_t lane, uint64_t *ret_segment, yett_scan_fn visit, void *arg);
	int (*drop)(void *self, uint32_t lane, uint64_t segment);

	/* The last durable position of every key. Positions outlive the segments that brought
	 * them. */
	int (*positions)(void *self, yett_position_fn visit, void *arg);
	/* All unsettled entries of a lane: for bounds and for `yettctl queue`. */
	int (*scan)(void *self, uint32_t lane, yett_scan_fn visit, void *arg);
	int (*stats)(void *self, struct yett_queue_stats *ret_stats);
};

#endif
