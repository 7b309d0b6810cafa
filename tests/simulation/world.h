/* A group of nodes in the simulated world: each from a configuration text, with the modules that were
 * built, a state directory of its own in a temporary folder, and everything in one thread. */
#ifndef YETT_SIMULATION_WORLD_H
#define YETT_SIMULATION_WORLD_H

#include "sim.h"

struct world {
	struct sim *sim;
	char folder[256];
	struct yett_loader *loader;
	GPtrArray *nodes; /* struct world_node * */
};

struct world_node {
	struct world *world;
	char name[64]; /* also its host */
	char *text;    /* the configuration */
	struct yett_loop *loop;
	struct yett_conf *conf;
	struct yett_manage *manage;
	struct yett_node *node; /* NULL: it is not running */
	uint64_t told;          /* records that it was given to tell */
};

struct world *world_new(uint64_t seed);
void world_free(struct world *world); /* stops what runs, removes the folder */

/* Where a node of this name listens: an address made of the name, in a buffer of a few that are used
 * in turn. */
const char *world_address(const char *name);
/* `format` makes the configuration; node, transport and authentication are put before it. */
struct world_node *world_add(struct world *world, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void world_start(struct world_node *node);
/* As after SIGKILL, as far as the process goes: nothing is drained. */
void world_kill(struct world_node *node);
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
