/* Executors: where work that may block is done. In production a thread each, or a few; the inline
 * executor does the same on the loop, for the simulator and for tests. A job is embedded in its
 * owner: submitting allocates nothing and cannot fail; each job's `done` is called exactly once, on
 * the loop. */
#ifndef YETT_NET_EXECUTOR_H
#define YETT_NET_EXECUTOR_H

#include "loop.h"

struct yett_executor;

struct yett_job {
	void (*work)(void *arg); /* on the executor's thread */
	void (*done)(void *arg); /* on the loop */
	void *arg;
	struct yett_post post; /* the executor's, as is what follows */
	struct yett_job *next;
	struct yett_executor *executor;
};

/* `threads` >= 1; jobs start in the order of submitting. `name` shows in the thread's name. */
int yett_executor_new(struct yett_loop *loop, const char *name, unsigned threads,
	struct yett_executor **ret_executor, struct yett_error *error);
/* Work is done in a post to the loop (never from within submit). */
struct yett_executor *yett_executor_inline_new(struct yett_loop *loop);
void yett_executor_submit(struct yett_executor *executor, struct yett_job *job);
size_t yett_executor_waiting(const struct yett_executor *executor); /* not yet begun */
/* All submitted jobs' `done` must have been called, or `abandon` is set: then threads that are
 * still blocked in a job after `patience_ns` are left behind (a dead KDC) and true is returned. What a
 * job that is left behind refers to must stay; its `done`, and those of jobs that had not begun, are
 * not called any more. */
bool yett_executor_free(struct yett_executor *executor, bool abandon, uint64_t patience_ns);

#endif
