/* One run of the custody simulation: a group of nodes made by a seed, faults, feeds whose items are
 * written into a ledger, and the invariant that is held against the store in the end.
 *
 *   custody-group.c      who is there, and who is whose upstream
 *   custody-feed.c       what agents tell, and the ledger of it
 *   custody-fault.c      what goes wrong, and when
 *   custody-undone.c     what a store forgets that is put back
 *   custody-hostile.c    a relay that lies
 *   custody-memory.c     what must hold at any time
 *   custody-loss.c       which losses can be
 *   custody-invariant.c  what must hold in the end
 *   custody.c            seeds, processes, options */
#ifndef YETT_SIMULATION_CUSTODY_H
#define YETT_SIMULATION_CUSTODY_H

#include "world.h"

#define SERVERS_MAX  2
#define GATEWAYS_MAX 5
#define AGENTS_MAX   32
#define NODES_MAX    (SERVERS_MAX + GATEWAYS_MAX + AGENTS_MAX)
#define FEED_AHEAD   4 /* batches that a feed has on their way to disk */

struct run;
struct member;

enum role { ROLE_SERVER, ROLE_GATEWAY, ROLE_AGENT };

/* Numbers [first, next) of one lane of an epoch. */
struct numbers {
	struct yett_id origin;
	struct yett_epoch epoch;
	uint64_t lane, first, next;
};

/* What the store says to be lost. */
struct loss {
	struct numbers numbers;
	struct yett_id holder;
	uint32_t cause; /* enum yett_gap_cause */
};

/* Something that an agent reads from: a log of items without end, in one lane. */
struct feed {
	char name[16];
	uint32_t lane;
	uint64_t line;     /* a snapshot that is restored begins another one */
	uint64_t next;     /* the item that comes next */
	uint64_t position; /* that the present start went on from */
	uint64_t durable;  /* the last item that was said to be durable */
	unsigned ahead;
	size_t since; /* the first telling of the present start in the ledger */
};

struct member {
	struct run *run;
	enum role role;
	unsigned index;
	struct world_node *at;
	bool memory_queue, drops_oldest, hostile;
	bool power;       /* when it dies, the computer's power goes */
	bool damaged;     /* bits of its disk were flipped: it may have lost its place */
	bool tainted;     /* a hostile relay may speak for it */
	bool moved;       /* has had other upstreams than now */
	bool disk_failed; /* at some time: it may not have written down what it was to know later */
	bool retiring;    /* not started again before this is over */
	struct feed feeds[YETT_LANES];
	unsigned upstreams[4], upstream_count; /* into run->all */
	struct yett_faulty *snapshot;
	uint64_t snapshot_at; /* how many tellings had become durable */
	size_t snapshot_told; /* and how many had been told */
	uint64_t restored_at; /* the ledger's length when it was put back the last time, and 1 */
	struct yett_id id;
	bool id_known;
};

/* A batch that an agent was given to tell. */
struct telling {
	struct member *agent;
	struct feed *feed;
	struct yett_epoch epoch;
	uint32_t lane, count;
	uint64_t first, line, item; /* its first number, its first item */
	bool durable, excused, poison, done;
	/* It was not durable when a snapshot was taken that was put back later, but may be in there: it comes,
	 * though its items may have been told again since. */
	bool in_snapshot;
	uint64_t durable_at; /* its place among all that have become so */
	size_t bytes;        /* of its batch */
	size_t index;
	struct run *run;
};

struct run {
	uint64_t seed;
	struct world *world;
	struct sim *sim;
	struct member all[NODES_MAX];
	unsigned servers, gateways, agents,
		count;         /* all: servers, gateways, agents in this order */
	GPtrArray *ledger;     /* struct telling * */
	uint64_t durable;      /* tellings that have become so */
	uint64_t on_way_bytes; /* given to nodes here, and not kept yet */
	bool lossy;            /* something happened that may lose what was acknowledged */
	/* struct numbers: what the store forgot that it had, or had as declared lost; and with it what it
	 * had as lost by inference, which may have been on its way. NULL: it was never put back. */
	GArray *undone, *undone_all;
	uint64_t store_generation; /* when it was put back, if it can be told; else 0 */
	unsigned store_opens;      /* since its snapshot was taken */
	bool store_disk_fails; /* the file by which a restore is noticed may not have been written */
	struct yett_faulty *store_snapshot;
	struct sim_process *looker; /* somebody who reads the store, for a long time; or NULL */
	struct sqlite3 *look;
	bool hostile, flood;
	GPtrArray *captured; /* struct yett_batch *, by the hostile relay */
	unsigned poisons;
	unsigned deaths, powers, flips;
	unsigned disks_restored, stores_restored;
	bool failed;
	char why[512];
	bool loud;
};

uint64_t draw(struct run *run, uint64_t below);
bool one_in(struct run *run, uint64_t many);
/* The first reason stays. */
void run_fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

void group_make(struct run *run);
void group_start(struct run *run, struct member *member); /* if it can */
void group_move(
	struct run *run, struct member *agent); /* other upstreams, from the next start on */
struct member *group_find(struct run *run, const struct world_node *node);
const struct member *group_of(const struct run *run, const struct yett_id *id); /* or NULL */

void feed_begin(struct member *agent); /* it has started */
void feed_tell(struct run *run, struct member *agent, struct feed *feed, unsigned count,
	unsigned size, bool poison);
void feed_restored(struct run *run, struct member *agent);
/* Whether an item was told, and not durable, when a snapshot was taken that has been put back. */
bool feed_in_snapshot(const struct run *run, const char *body);
void feed_body(const struct telling *telling, uint32_t at, char *ret_text, size_t size);

void fault_step(struct run *run);
void fault_heal(struct run *run);
void fault_look_away(struct run *run); /* whoever reads the store ends */
void fault_died(void *arg, struct world_node *node);

/* From copies of the store's disk: what it was put back from, and to. */
void undone_note(
	struct run *run, const struct yett_faulty *before, const struct yett_faulty *after);
uint64_t undone_among(const GArray *undone, const struct numbers *numbers); /* how many */
void undone_done(struct run *run);

/* Whether nobody can say how far a start of an agent went; whether it cannot itself. */
bool start_is_forgotten(
	const struct run *run, const struct member *origin, const struct yett_epoch *epoch);
bool end_is_unwritten(const struct member *origin, const struct yett_epoch *epoch);
bool numbers_are_among(const struct numbers *some, const struct numbers *all);
/* Whether it may have gone without a name. */
bool loss_may_vanish(
	const struct run *run, const struct member *origin, const struct telling *telling);
/* Why a loss of the origin's cannot be, as the end of a sentence; NULL: it can. `telling`: what is lost, or
 * NULL where it may be anything. */
const char *loss_doubt(const struct run *run, const struct loss *loss, const struct member *origin,
	const struct telling *telling);

void hostile_taint(struct run *run); /* whom it may speak for, now */
void hostile_capture(
	struct run *run, const struct telling *telling, const struct yett_batch *batch);
void hostile_step(struct run *run);
void hostile_done(struct run *run);

bool invariant_bounded(struct run *run); /* memory, at any time */
void invariant_settle(struct run *run);  /* faults have stopped: all becomes well */
void invariant_check(struct run *run);

#endif
