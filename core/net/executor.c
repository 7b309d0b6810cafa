/* Executors.
 *
 * Responsible for running jobs that may block on threads of their own, in the order of submitting,
 * and for calling each job's `done` exactly once, on the loop. The inline executor does the same on
 * the loop itself. Not responsible for what a job touches: that is between its owner and it. A thread
 * that a library keeps beyond all patience can be left behind at the end, where the caller says so;
 * the executor then stays with it until it comes back, if ever: its job is not completed then, nor are
 * those behind it begun. */
#include "executor.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/log.h"

struct yett_executor {
	struct yett_loop *loop;
	bool inline_;
	char name[12];
	pthread_mutex_t mutex;
	pthread_cond_t more;  /* for the threads */
	pthread_cond_t fewer; /* a thread has ended */
	struct yett_job *head, *tail;
	atomic_size_t waiting;
	bool stopping, abandoned;
	unsigned count, alive;
	pthread_t threads[];
};

static void run_done(void *arg)
{
	struct yett_job *job = arg;

	job->done(job->arg);
}

static void run_inline(void *arg)
{
	struct yett_job *job = arg;

	job->executor->waiting--;
	job->work(job->arg);
	job->done(job->arg);
}

/* Under the mutex, so that nothing is posted to a loop that may be gone once the executor has been
 * abandoned. */
static void hand_back(struct yett_executor *executor, struct yett_job *job)
{
	if (executor->abandoned) {
		return;
	}
	job->post.fn = run_done;
	job->post.arg = job;
	executor->loop->table->post(executor->loop, &job->post);
}

static void destroy(struct yett_executor *executor)
{
	pthread_mutex_destroy(&executor->mutex);
	pthread_cond_destroy(&executor->more);
	pthread_cond_destroy(&executor->fewer);
	free(executor);
}

static void *thread_main(void *arg)
{
	struct yett_executor *executor = arg;
	bool last;

	pthread_mutex_lock(&executor->mutex);
	for (;;) {
		struct yett_job *job;

		while (executor->head == NULL && !executor->stopping) {
			pthread_cond_wait(&executor->more, &executor->mutex);
		}
		job = executor->head;
		if (job == NULL) {
			break; /* stopping, and nothing is left */
		}
		executor->head = job->next;
		if (executor->head == NULL) {
			executor->tail = NULL;
		}
		executor->waiting--;
		pthread_mutex_unlock(&executor->mutex);
		job->work(job->arg);
		pthread_mutex_lock(&executor->mutex);
		hand_back(executor, job);
	}
	executor->alive--;
	last = executor->abandoned && executor->alive == 0;
	pthread_cond_signal(&executor->fewer);
	pthread_mutex_unlock(&executor->mutex);
	if (last) {
		destroy(executor);
	}
	return NULL;
}

static struct yett_executor *make(struct yett_loop *loop, unsigned threads)
{
	struct yett_executor *executor =
		calloc(1, sizeof(*executor) + threads * sizeof(executor->threads[0]));
	pthread_condattr_t attributes;

	YETT_REQUIRE(executor != NULL);
	atomic_init(&executor->waiting, 0);
	executor->loop = loop;
	pthread_mutex_init(&executor->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&executor->more, &attributes);
	pthread_cond_init(&executor->fewer, &attributes);
	pthread_condattr_destroy(&attributes);
	return executor;
}

int yett_executor_new(struct yett_loop *loop, const char *name, unsigned threads,
	struct yett_executor **ret_executor, struct yett_error *error)
{
	struct yett_executor *executor;
	sigset_t all, old;

	YETT_REQUIRE(threads >= 1);
	executor = make(loop, threads);
	snprintf(executor->name, sizeof(executor->name), "%s", name);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned i = 0; i < threads; i++) {
		char thread_name[16];

		if (pthread_create(&executor->threads[i], NULL, thread_main, executor) != 0) {
			break;
		}
		snprintf(thread_name, sizeof(thread_name), "%.9s-%u", executor->name, i % 1000);
		pthread_setname_np(executor->threads[i], thread_name);
		pthread_mutex_lock(&executor->mutex);
		executor->count++;
		executor->alive++;
		pthread_mutex_unlock(&executor->mutex);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (executor->count < threads) {
		yett_executor_free(executor, false, 0);
		return yett_fail(error, YETT_EAGAIN, "raise the limit of processes (TasksMax)",
			"no thread for %s", name);
	}
	*ret_executor = executor;
	return 0;
}

struct yett_executor *yett_executor_inline_new(struct yett_loop *loop)
{
	struct yett_executor *executor = make(loop, 0);

	executor->inline_ = true;
	return executor;
}

void yett_executor_submit(struct yett_executor *executor, struct yett_job *job)
{
	job->executor = executor;
	job->next = NULL;
	if (executor->inline_) {
		executor->waiting++;
		job->post.fn = run_inline;
		job->post.arg = job;
		executor->loop->table->post(executor->loop, &job->post);
		return;
	}
	pthread_mutex_lock(&executor->mutex);
	if (executor->tail != NULL) {
		executor->tail->next = job;
	} else {
		executor->head = job;
	}
	executor->tail = job;
	executor->waiting++;
	pthread_cond_signal(&executor->more);
	pthread_mutex_unlock(&executor->mutex);
}

size_t yett_executor_waiting(const struct yett_executor *executor)
{
	return executor->waiting;
}

/* Waits for the threads; returns how many did not end within the patience. */
static unsigned wait_for_threads(struct yett_executor *executor, bool abandon, uint64_t patience_ns)
{
	struct timespec until;
	unsigned left;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(patience_ns / YETT_SEC);
	until.tv_nsec += (long)(patience_ns % YETT_SEC);
	if (until.tv_nsec >= (long)YETT_SEC) {
		until.tv_nsec -= (long)YETT_SEC;
		until.tv_sec++;
	}
	pthread_mutex_lock(&executor->mutex);
	executor->stopping = true;
	pthread_cond_broadcast(&executor->more);
	while (executor->alive > 0) {
		if (!abandon) {
			pthread_cond_wait(&executor->fewer, &executor->mutex);
		} else if (pthread_cond_timedwait(&executor->fewer, &executor->mutex, &until) !=
			   0) {
			break;
		}
	}
	left = executor->alive;
	if (left > 0) {
		for (unsigned i = 0; i < executor->count; i++) {
			pthread_detach(executor->threads[i]);
		}
		executor->abandoned = true;
		executor->head = executor->tail = NULL; /* never begun */
	}
	pthread_mutex_unlock(&executor->mutex);
	return left;
}

bool yett_executor_free(struct yett_executor *executor, bool abandon, uint64_t patience_ns)
{
	char name[sizeof(executor->name)];

	memcpy(name, executor->name, sizeof(name));
	if (YETT_BUG_IF(executor->inline_ && executor->waiting > 0)) {
		return false; /* leak it: the loop will come for it */
	}
	if (wait_for_threads(executor, abandon, patience_ns) > 0) {
		yett_log(YETT_LOG_WARNING, "thread-left-behind",
			"a library does not come back; its thread is left behind executor=%s",
			name);
		return true;
	}
	for (unsigned i = 0; i < executor->count; i++) {
		pthread_join(executor->threads[i], NULL);
	}
	destroy(executor);
	return false;
}
