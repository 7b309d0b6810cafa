/* Reads from the store, beside what is written to it.
 *
 * Responsible for two instances of the store that only read, each on a thread of its own: what the
 * management server looks for by itself, each second, must not wait for what a person asks, which may
 * take long. Not responsible for the questions, nor for their number: each reader answers in the order
 * of asking. A read sees what was durable when it began. */
#include "stages.h"

struct reader {
	struct yett_instance *instance;
	struct yett_executor *executor;
};

struct yett_readers {
	const struct yett_store_operations *operations;
	struct reader of[YETT_READERS];
	unsigned busy;
	GQueue calls; /* struct call *: whose askers have not been answered */
	bool closing; /* freed once what is under way has come back */
};

struct call {
	struct yett_job job;
	struct yett_readers *readers;
	struct yett_instance *instance;
	yett_read_store_fn fn;
	void (*done)(void *arg); /* NULL: it has been called */
	void *arg;
};

static void readers_free(struct yett_readers *readers)
{
	for (int i = 0; i < YETT_READERS; i++) {
		if (readers->of[i].executor != NULL) {
			yett_executor_free(readers->of[i].executor, false, 0);
		}
	}
	g_free(readers);
}

static void work(void *arg)
{
	struct call *call = arg;

	/* An inline executor comes to it late; threads were waited for. */
	if (!call->readers->closing) {
		call->fn(call->readers->operations, call->instance->self, call->arg);
	}
}

static void done(void *arg)
{
	struct call *call = arg;
	struct yett_readers *readers = call->readers;

	readers->busy--;
	if (call->done != NULL) {
		g_queue_remove(&readers->calls, call);
		call->done(call->arg);
	}
	g_free(call);
	if (readers->closing && readers->busy == 0) {
		readers_free(readers);
	}
}

void yett_readers_call(struct yett_node *node, enum yett_read_kind kind, yett_read_store_fn fn,
	void (*done_fn)(void *arg), void *arg)
{
	struct yett_readers *readers = node->readers;
	struct call *call;

	if (readers == NULL) { /* the node is being closed */
		done_fn(arg);
		return;
	}
	call = g_new0(struct call, 1);
	call->readers = readers;
	call->instance = readers->of[kind].instance;
	call->fn = fn;
	call->done = done_fn;
	call->arg = arg;
	call->job = (struct yett_job){.work = work, .done = done, .arg = call};
	readers->busy++;
	g_queue_push_tail(&readers->calls, call);
	yett_executor_submit(readers->of[kind].executor, &call->job);
}

bool yett_readers_idle(const struct yett_node *node)
{
	return node->readers == NULL || node->readers->busy == 0;
}

static int open_one(
	struct yett_node *node, struct reader *reader, const char *name, struct yett_error *error)
{
	int result = yett_store_instance(node, YETT_STORE_READER, &reader->instance, error);

	if (result != 0) {
		return result;
	}
	if (node->inline_executors) {
		reader->executor = yett_executor_inline_new(node->loop);
		return 0;
	}
	return yett_executor_new(node->loop, name, 1, &reader->executor, error);
}

int yett_readers_open(struct yett_node *node, struct yett_error *error)
{
	static const char *const names[YETT_READERS] = {"reader", "longread"};
	int result = 0;

	node->readers = g_new0(struct yett_readers, 1);
	g_queue_init(&node->readers->calls);
	node->readers->operations = node->settings->store.descriptor->operations;
	for (int i = 0; result == 0 && i < YETT_READERS; i++) {
		result = open_one(node, &node->readers->of[i], names[i], error);
	}
	return result;
}

/* Whoever asked is answered now: when the loop comes to it, they may be gone. What is left of it is freed here,
 * or by the last completion that is under way. What a person asks is waited for, 8 s at most (admin/records.c), or
 * PostgreSQL's 15 s for a statement: after a drain of 10 s, systemd's 45 s are not over. */
void yett_readers_close(struct yett_node *node)
{
	struct yett_readers *readers = node->readers;
	struct call *call;

	if (readers == NULL) {
		return;
	}
	node->readers = NULL;
	for (int i = 0; i < YETT_READERS; i++) {
		if (readers->of[i].executor != NULL && !node->inline_executors) {
			yett_executor_free(readers->of[i].executor, false, 0);
			readers->of[i].executor = NULL;
		}
		yett_instance_free(readers->of[i].instance);
	}
	readers->closing = true;
	while ((call = g_queue_pop_head(&readers->calls)) != NULL) {
		void (*done_fn)(void *arg) = call->done;

		call->done = NULL;
		done_fn(call->arg);
	}
	if (readers->busy == 0) {
		readers_free(readers);
	}
}
