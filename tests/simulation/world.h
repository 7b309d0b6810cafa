/* A group of nodes in the simulated world: each from a configuration text, with the modules that were
 * built, on a computer with a disk in memory, and everything in one thread. */
#ifndef YETT_SIMULATION_WORLD_H
#define YETT_SIMULATION_WORLD_H

#include "disk.h"
#include "sim.h"

/* The smallest queue on disk, for a configuration: its normal lane may take 1.1 MiB. */
#define WORLD_SMALL_QUEUE                                                                          \
	"queue = { module = \"queue-disk\"; size = \"4 MiB\"; segment = \"128 KiB\"; "             \
	"reserve-urgent = 30; reserve-normal = 20; reserve-bulk = 38; };\n"

struct world_node;

struct world {
	struct sim *sim;
	GPtrArray *nodes;              /* struct world_node * */
	const struct yett_module *own; /* the test's, found by its name; or NULL */
	unsigned taking_down;
	void (*died)(void *arg, struct world_node *node);
	void *died_arg;
};

struct world_node {
	struct world *world;
	char name[64]; /* also its host, and the start of its paths */
	char *text;    /* the configuration */
	struct yett_loop *loop;
	struct yett_conf *conf;
	struct yett_manage *manage;
	struct yett_node *node; /* NULL: it is not running */
	struct sim_disk *disk;
	bool disk_shared;            /* with another node, whose it is */
	struct sim_process *process; /* while it runs */
	struct sim_faults faults;    /* what the process meets */
	int64_t wall_offset_ns;      /* of its clock, from the next start on */
	uint64_t told;               /* records that it was given to tell */
};

struct world *world_new(uint64_t seed);
void world_free(struct world *world); /* kills what runs */

/* Where a node of this name listens: an address made of the name, in a buffer of a few that are used
 * in turn. */
const char *world_address(const char *name);
/* A module as it was built, for `own` to differ from; it stays. */
const struct yett_module *world_module(const char *name, uint32_t kind);
/* `format` makes the configuration; node, transport and authentication are put before it. */
struct world_node *world_add(struct world *world, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Both on one computer, as two management servers on one store are. Before the first start. */
void world_share_disk(struct world_node *node, struct world_node *owner);
void world_start(struct world_node *node); /* must succeed */
/* 0, or why it does not start now; its disk may fail. */
int world_try_start(struct world_node *node);
/* As after SIGKILL: nothing is drained, nothing more is written or sent; what was written is still there,
 * synced or not. */
void world_kill(struct world_node *node);
/* The computer loses its power, and with it what was not synced, as `how` says; of those nodes that
 * share its disk, all. */
void world_power(struct world_node *node, enum yett_faulty_crash how);
/* As after SIGTERM: drains, at most for so long, and ends; or dies in the middle of that, of its faults or
 * with its computer. */
void world_stop(struct world_node *node, uint64_t patience_ns);
/* What `died` is called with once a node has died of its faults (kill_at); it has been killed then. */
void world_on_death(
	struct world *world, void (*died)(void *arg, struct world_node *node), void *arg);
/* Tells `count` records in one batch of a lane. */
void world_tell(struct world_node *node, uint32_t lane, unsigned count);
void world_run(struct world *world, uint64_t for_ns);

/* The account of a management server, summed over all origins, lanes and epochs. */
struct world_account {
	uint64_t events, received, declared, inferred, missing, twice, forks, dead;
};
struct world_account world_account(struct world_node *server);
uint64_t world_queued(const struct world_node *node); /* batches in its queue */
/* Runs until the server has stored so many events; false: it has not within `for_ns`. */
bool world_wait_events(struct world_node *server, uint64_t events, uint64_t for_ns);

#endif
