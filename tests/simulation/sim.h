/* The simulated world: virtual time, loops, and a network in memory, all in one thread and all decided
 * by a seed. Nodes are made of the production code; what is not theirs is the table of the loop, the
 * clock, a transport without cryptography, and an auth module that takes a name at its word. */
#ifndef YETT_SIMULATION_SIM_H
#define YETT_SIMULATION_SIM_H

#include "flow/node.h"
#include "manage/manage.h"
#include "net/loop.h"

struct sim;
struct sim_loop;

/* Time starts at a fixed date; nothing but events moves it. */
struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *sim);          /* all loops must be freed */
uint64_t sim_now(const struct sim *sim); /* monotonic, nanoseconds */
uint64_t sim_random(struct sim *sim);    /* of the seed */
/* Of all that has happened: chance, events, time. Two runs of one seed have the same. */
uint64_t sim_trace(const struct sim *sim);
/* Runs events until `until_ns` (monotonic), or until nothing is left to do. */
void sim_run(struct sim *sim, uint64_t until_ns);
/* Runs until the condition holds; false: it did not within `for_ns`. */
bool sim_run_until(struct sim *sim, bool (*condition)(void *arg), void *arg, uint64_t for_ns);

/* A computer on the network, with a loop and a clock (its wall clock may be off). */
struct yett_loop *sim_loop_new(struct sim *sim, const char *host);
void sim_loop_free(struct yett_loop *loop); /* its streams break, its events are forgotten */
const struct yett_clock *sim_loop_clock(struct yett_loop *loop);
void sim_loop_wall_offset(struct yett_loop *loop, int64_t offset_ns);
/* From now on nothing that it writes is sent, and none of its events happens; `power`: its peers do not
 * even see their connections end. It is to be freed soon. */
void sim_loop_mute(struct yett_loop *loop, bool power);
/* What is due now happens now, also what a stall has put off. */
void sim_loop_settle(struct yett_loop *loop);
/* What its executors do (a disk that is slow) takes up to so long, in the order of submitting. */
void sim_loop_slow(struct yett_loop *loop, uint64_t most_ns);
/* As by SIGSTOP: it does nothing for so long, and its connections stay. */
void sim_loop_stall(struct yett_loop *loop, uint64_t for_ns);
/* fn(arg) at a time (monotonic); must free nothing that it is called from. */
void sim_at(struct sim *sim, uint64_t at_ns, void (*fn)(void *arg), void *arg);
/* fn(arg) whenever an event is over during which sim_after_this was called. */
void sim_after(struct sim *sim, void (*fn)(void *arg), void *arg);
void sim_after_this(struct sim *sim);

/* The network. A link that is cut drops what is under way and breaks after a while; `from` and `to`
 * are hosts, and each direction is its own. */
void sim_cut(struct sim *sim, const char *from, const char *to, bool cut);
void sim_break(struct sim *sim, const char *a, const char *b); /* connections between: reset */
void sim_delay(struct sim *sim, uint64_t min_ns, uint64_t max_ns);

extern const struct yett_module sim_transport, sim_auth;

#endif
