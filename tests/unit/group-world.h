/* A management group in the simulated world, whose servers sign: for tests of what is set from afar. */
#ifndef YETT_TEST_GROUP_WORLD_H
#define YETT_TEST_GROUP_WORLD_H

#include "group-keys.h"
#include "manage/admission/court.h"
#include "manage/admission/kept.h"

#define BRANCH "branch.example"

/* A server that signs for the group, two gateways of it, and one behind the first. */
struct group {
	struct world *world;
	struct world_node *server, *first, *second, *branch;
	struct world_node *other, *agent; /* group_new_two */
	const struct yett_sign_key *key;  /* the server's, and its certificate: for forgeries */
	GByteArray *certificate;
};
struct group group_new(uint64_t seed);
/* Two servers on one store; gateways of both, whose lists have nobody, and an agent behind the first:
 * all of them approved. */
struct group group_new_two(uint64_t seed);
void group_free(struct group *group);

/* "/v1/nodes/set" at the server. */
void group_ask(struct group *group, const char *body, struct group_answer *ret_answer);
/* The same, which has to go well. */
void group_set(struct group *group, const char *body, uint64_t run_ns);
/* What the server shows of the branch. */
void group_expect_state(struct group *group, const char *want, const char *why);
/* How far a node's move is, as a server has it; "": there is none. */
const char *group_step(const struct world_node *server, const char *name);
void group_expect_step(
	const struct world_node *server, const char *name, const char *want, const char *why);
/* Runs, and has each of two servers hear what the other one has written: what watches a store has no thread
 * in this world. */
void group_run(struct group *group, uint64_t for_ns);
/* Runs until it has come so far; false: it has not within `for_ns`. */
bool group_wait_step(struct group *group, const struct world_node *server, const char *name,
	const char *want, uint64_t for_ns);
/* The upstreams that a node holds on to, with spaces between. */
void group_expect_links(const struct world_node *node, const char *want);

#endif
