/* What the files of this module share: the queue, its lanes, its segments. */
#ifndef YETT_DISK_H
#define YETT_DISK_H

#include <yett/queue.h>

#include "format.h"
#include "positions.h"
#include "ranges.h"

#define YETT_DISK_NAME_SIZE 32
#define YETT_DISK_BAD_MAX   8  /* damaged segments kept for whoever wants to look at them */
#define YETT_DISK_OPEN_MAX  16 /* sealed segments that are open at a time */
/* Before what the disk refuses at a start is asked for once more. */
#define YETT_DISK_PAUSE_NS (UINT64_C(1) * 1000000000)

struct yett_disk_settings {
	const char *directory;
	uint64_t size_bytes;
	uint64_t segment_bytes;
	int64_t reserve_urgent; /* per cent of size */
	int64_t reserve_normal;
	int64_t reserve_bulk;
	int64_t reserve_custody;
	bool read_only;
};

/* Where an entry is: 16 bytes of memory for each. The offset is a multiple of 8; its low bits are
 * the entry's state. Offset 0: there is nothing. */
#define YETT_DISK_SETTLED 1u /* nobody wants it any more */
#define YETT_DISK_LOST    2u /* damaged, and not yet declared */
struct yett_disk_place {
	uint32_t where;
	uint32_t total;
	uint32_t batch_length;
	uint32_t count; /* records */
};

struct yett_disk_segment {
	uint64_t serial;
	uint64_t first; /* number of places[0] */
	uint32_t lane;
	int file; /* -1: closed */
	uint64_t used_tick;
	struct yett_disk_place *places;
	uint32_t count;
	uint32_t places_room;
	uint32_t synced_count;
	uint32_t prefix; /* all before it is settled */
	uint32_t live;   /* unsettled, readable */
	uint32_t lost;   /* damaged, not declared */
	uint32_t end;    /* where the next entry goes */
	uint32_t synced; /* offset below which all is synced */
	uint32_t capacity;
	uint32_t ranges_length; /* of the file beside it */
	struct yett_disk_ranges ranges;
	bool sealed;
	bool recorded; /* sealed, and its range file tried */
	bool dirty;
	bool reserve;
	bool damaged;
	bool retired; /* on its way out: no longer in the manifest */
};

struct yett_disk_lane {
	struct yett_disk_segment **segments; /* in order; only the last can be open for appends */
	size_t count;
	size_t room;
	uint64_t next;
	uint64_t reserve_bytes;
	uint64_t entries;
	uint64_t records;
	uint64_t bytes;
	uint64_t oldest_number; /* whose time `oldest_ns` is */
	int64_t oldest_ns;
};

/* Entries of a segment that are gone. Undeclared: reported at every recovery. */
struct yett_disk_loss {
	uint64_t serial;
	uint64_t number;
	uint64_t numbers;
	struct yett_range range; /* count 0: not known what it was */
};
/* Entries of a segment that are gone, and declared: not reported again. */
struct yett_disk_hole {
	uint64_t serial;
	uint64_t number;
	uint64_t numbers;
};
/* What the manifest says of a segment. */
struct yett_disk_listed {
	uint64_t serial;
	uint64_t first;
	uint64_t settled_below;
	uint32_t lane;
	uint32_t count;
	uint32_t end;
	bool sealed;
	bool damaged;
};
struct yett_disk_bad {
	uint64_t serial;
	uint32_t lane;
	uint64_t bytes;
};
/* A piece of a segment that the disk refuses to give (refused.c). */
struct yett_disk_refused {
	uint64_t serial;
	uint64_t since_ns, last_ns; /* monotonic: the first in a row, and the last counted */
	uint32_t offset;
	uint32_t times;
	bool given_up;
};

struct yett_disk {
	const struct yett_host *host;
	const struct yett_files *files;
	char *path;
	int dir;
	int lock;
	bool read_only;
	bool recovered;

	uint64_t size_bytes;
	uint64_t segment_bytes;
	uint64_t custody_bytes;
	uint32_t reserve_bytes; /* of the file that holds room for it; 0: there is none */

	uint64_t incarnation;
	uint64_t next_serial;
	uint64_t group; /* that is being written; all before it are synced */
	uint32_t ordinal;
	struct yett_disk_lane lanes[YETT_LANES];

	struct yett_disk_positions positions; /* durable ones */
	struct yett_disk_positions pending;   /* of the group that is being written */

	struct yett_disk_loss *losses;
	size_t losses_count, losses_room;
	struct yett_disk_hole *holes;
	size_t holes_count, holes_room;
	struct yett_disk_listed *missing; /* listed, not there, not declared */
	size_t missing_count, missing_room;
	struct yett_disk_bad bad[YETT_DISK_BAD_MAX];
	size_t bad_count;
	struct yett_disk_refused *refused;
	size_t refused_count, refused_room;
	void (*pause)(uint64_t ns); /* at a start; sleeps, or what a test does instead */
	uint64_t proved_ns; /* when it took and synced a manifest because of what it refuses */
	bool proof_wanted;

	int manifests[2];
	uint64_t manifest_lengths[2]; /* of the files */
	uint64_t generation;
	int manifest_good; /* the slot that holds `generation`; -1: none */

	bool dir_dirty;
	bool manifest_dirty; /* should be written with the next sync */
	bool condemned;      /* must be written before the next append */
	bool closed;         /* a write failed: nothing goes into this group any more */
	bool degraded;
	uint64_t tick;
	uint32_t open_count;
};

/* `items` is an array of `count` with room for `room`: makes room for one more. */
int yett_disk_grow(void *items, size_t count, size_t *room, size_t size);

/* segment.c */
void yett_disk_name(char *ret_name, uint32_t lane, uint64_t serial, const char *suffix);
struct yett_disk_segment *yett_disk_active(struct yett_disk *disk, uint32_t lane);
int yett_disk_segment_add(struct yett_disk *disk, struct yett_disk_segment *segment);
void yett_disk_segment_free(struct yett_disk *disk, struct yett_disk_segment *segment);
int yett_disk_segment_create(struct yett_disk *disk, uint32_t lane, uint32_t capacity, bool reserve,
	struct yett_disk_segment **ret_segment);
int yett_disk_segment_open(struct yett_disk *disk, struct yett_disk_segment *segment);
struct yett_disk_segment *yett_disk_segment_find(
	struct yett_disk *disk, uint32_t lane, uint64_t number, size_t *ret_index);
int yett_disk_place_add(struct yett_disk *disk, struct yett_disk_segment *segment,
	const struct yett_disk_edge *edge, uint32_t offset);
void yett_disk_place_settle(
	struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index);
void yett_disk_place_lose(
	struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index);
void yett_disk_segment_cut(
	struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t end, uint32_t count);
/* Writes the range file and gives back what the segment does not use. */
void yett_disk_segment_record(struct yett_disk *disk, struct yett_disk_segment *segment);
/* Deletes all sealed segments that nobody wants any more. */
int yett_disk_retire(struct yett_disk *disk);

/* reserve.c */
/* Makes the file, or makes it longer, where it is less than what the reserve still has to hold. */
int yett_disk_reserve_make(struct yett_disk *disk);
/* Gives the file the name of a segment. Returns a handle, or an error. */
int yett_disk_reserve_take(struct yett_disk *disk, const char *name);

/* space.c */
uint64_t yett_disk_used_reserve(const struct yett_disk *disk);
uint64_t yett_disk_used(const struct yett_disk *disk, uint32_t lane);
uint64_t yett_disk_limit(const struct yett_disk *disk, uint32_t lane);
/* How long a new segment may be; `ret_reserve`: out of the custody reserve. YETT_EFULL. */
int yett_disk_room(struct yett_disk *disk, uint32_t lane, bool custody, uint32_t need,
	uint32_t *ret_capacity, bool *ret_reserve);
bool yett_disk_unreserve(struct yett_disk *disk, struct yett_disk_segment *segment);
void yett_disk_bad_add(struct yett_disk *disk, uint32_t lane, uint64_t serial, uint64_t bytes);

/* losses.c */
int yett_disk_loss_add(struct yett_disk *disk, const struct yett_disk_loss *loss);
/* Names what the entries [number, number + numbers) of a segment were, as far as it can. */
int yett_disk_loss_name(struct yett_disk *disk, struct yett_disk_segment *segment,
	const struct yett_disk_ranges *ranges, uint64_t number, uint64_t numbers);
int yett_disk_loss_report(struct yett_disk *disk, size_t from, yett_recovery_fn report, void *arg);
bool yett_disk_declared(const struct yett_disk *disk, uint64_t serial, uint64_t number);
void yett_disk_holes_forget(struct yett_disk *disk, uint64_t serial);
int yett_disk_op_declared(void *self);

/* refused.c */
/* Reads; what fails is tried a few times at once: for what is read at a start. */
int64_t yett_disk_read_again(
	const struct yett_files *files, int file, void *ret_bytes, size_t length, uint64_t offset);
/* Reads of a segment that is open. What the disk refuses and was given up is zeros; YETT_EIO: not
 * given up yet, ask again. */
int64_t yett_disk_segment_read(struct yett_disk *disk, const struct yett_disk_segment *segment,
	void *ret_bytes, size_t length, uint64_t offset);
/* Reads what was given up of a segment once more, into the `bytes` that were read of it. How many pieces came,
 * and how many did not: those are as they were. */
int yett_disk_read_given_up(struct yett_disk *disk, const struct yett_disk_segment *segment,
	uint8_t *bytes, size_t length, size_t *ret_came, size_t *ret_left);
/* Whether some of [from, to) was given up, or was refused the last time and is not given up. */
bool yett_disk_has_refused(
	const struct yett_disk *disk, uint64_t serial, uint64_t from, uint64_t to, bool given_up);
/* Notes a refusal. 0: it is given up; YETT_EIO: not yet. */
int yett_disk_refuse(struct yett_disk *disk, uint64_t serial, uint32_t offset);
#define YETT_DISK_PIECE_RANGES UINT32_C(0xfffff000) /* stands for the range file */
void yett_disk_refused_forget(struct yett_disk *disk, uint64_t serial, uint64_t from, uint64_t to);
/* Holds the disk to a write and a sync, if it is long since that it refused something. */
void yett_disk_prove(struct yett_disk *disk);

/* entry.c: reading one entry back */
int yett_disk_edge_read(struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index,
	struct yett_disk_edge *ret_edge);
/* Header, meta, key and position, as they stand (their checksum covers the batch too, so they are
 * not verified here). */
#define YETT_DISK_FRONT_MAX                                                                        \
	(YETT_DISK_EDGE_SIZE + YETT_QUEUE_META_MAX + YETT_QUEUE_KEY_MAX + YETT_QUEUE_POSITION_MAX)
int yett_disk_front_read(struct yett_disk *disk, struct yett_disk_segment *segment, uint32_t index,
	struct yett_disk_edge *ret_edge, uint8_t *ret_front);

/* The operations (yett/queue.h). */
int yett_disk_op_recover(void *self, yett_recovery_fn report, void *arg, struct yett_error *error);
int yett_disk_op_append(void *self, struct yett_queue_entry *entries, size_t count);
int yett_disk_op_sync(void *self);
int yett_disk_op_read(void *self, uint32_t lane, uint64_t from, struct yett_queue_item *items,
	size_t count, size_t max_bytes, yett_recovery_fn report, void *arg);
int yett_disk_op_settle(void *self, uint32_t lane, const uint64_t *numbers, size_t count);
int yett_disk_op_oldest(
	void *self, uint32_t lane, uint64_t *ret_segment, yett_scan_fn visit, void *arg);
int yett_disk_op_drop(void *self, uint32_t lane, uint64_t segment);
int yett_disk_op_positions(void *self, yett_position_fn visit, void *arg);
int yett_disk_op_scan(void *self, uint32_t lane, yett_scan_fn visit, void *arg);
int yett_disk_op_stats(void *self, struct yett_queue_stats *ret_stats);

#endif
