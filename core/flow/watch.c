/* Hears what other management servers have changed in the registry that they share with this one.
 *
 * Responsible for an instance of the store of its own, which waits for changes on a thread of its own, and
 * for handing each change to management, on the loop, in the order of revisions; its own changes come
 * back among them. Not responsible for what they mean. A store that nobody else writes to has no
 * `watch`: then there is nothing here. Where the store fails, nothing is told until it works again;
 * then all that has changed since is, so it is no reason for an alarm of its own (store.c has it), unless
 * the store takes batches meanwhile: then the log says that nobody hears the others.
 * A store that was put back from a copy meanwhile is told whole, and once more when its generation has
 * risen, which it does when a writer has connected again.
 * The wait is cut short now and then, so that a node that stops need not wait long for the thread. */
#include <string.h>

#include "../base/log.h"
#include "stages.h"

#define SLICE_NS (300 * YETT_MS)
#define RETRY_NS (1 * YETT_SEC)
#define DEAF_NS  (30 * YETT_SEC)
#define LOOKS    600 /* for a higher generation, after the store was put back: some three minutes */

struct change {
	char *table, *key, *json;
	uint64_t revision;
};

struct yett_watch {
	struct yett_node *node;
	const struct yett_store_operations *operations;
	struct yett_instance *instance;
	struct yett_executor *executor;
	struct yett_timer *retry;
	bool busy, closing;
	bool telling;       /* all of what was put back */
	bool deaf;          /* it was said that nothing is heard */
	uint64_t failed_ns; /* since when nothing is; 0: something is */
	/* the job */
	bool put_back;
	unsigned looks;
	uint64_t generation; /* as the store has it; 0: it was not looked at */
	struct yett_job job;
	uint64_t after;
	GPtrArray *changes; /* struct change * */
	int result;
	struct yett_error error;
};

static void change_free(void *arg)
{
	struct change *change = arg;

	g_free(change->table);
	g_free(change->key);
	g_free(change->json);
	g_free(change);
}

static int gather(
	void *arg, const char *table, const char *key, const char *json, uint64_t revision)
{
	struct yett_watch *watch = arg;
	struct change *change = g_new0(struct change, 1);

	change->table = g_strdup(table);
	change->key = g_strdup(key);
	change->json = g_strdup(json);
	change->revision = revision;
	g_ptr_array_add(watch->changes, change);
	return 0;
}

static void work(void *arg)
{
	struct yett_watch *watch = arg;

	memset(&watch->error, 0, sizeof(watch->error));
	watch->result = watch->operations->watch(watch->instance->self, watch->after,
		watch->telling ? 0 : SLICE_NS, gather, watch, &watch->error);
	if (watch->result == YETT_ECONFLICT) {
		watch->after = 0; /* it was put back from a copy: all of it is news */
		watch->put_back = true;
		watch->looks = LOOKS;
		watch->result = 0;
	} else if (watch->looks > 0 && watch->result >= 0) {
		struct yett_store_stats stats = {.size = sizeof(stats)};

		watch->looks--;
		if (watch->operations->stats(watch->instance->self, &stats, NULL) == 0) {
			watch->generation = stats.generation;
		}
	}
}

static void submit(void *arg);

static void watch_free(struct yett_watch *watch)
{
	g_ptr_array_free(watch->changes, TRUE);
	g_free(watch);
}

static void tell_put_back(struct yett_watch *watch, bool whole)
{
	const struct yett_management *management = &watch->node->management;

	watch->telling = !whole;
	watch->put_back = false;
	if (management->registry_put_back != NULL) {
		management->registry_put_back(management->arg, whole);
	}
}

/* What is signed counts as older than what nodes know, until it is signed by the new generation. */
static void see_generation(struct yett_watch *watch)
{
	uint64_t present;

	yett_store_id(watch->node, &present);
	if (watch->generation > present) {
		yett_store_set_generation(watch->node, watch->generation);
		watch->looks = 0;
		watch->after = 0;
		tell_put_back(watch, false);
	}
	watch->generation = 0;
}

static void heed_deafness(struct yett_watch *watch)
{
	uint64_t now_ns = yett_now(watch->node);

	if (watch->result >= 0) {
		if (watch->deaf) {
			yett_log(YETT_LOG_NOTICE, "registry-heard",
				"what other management servers change is heard again");
		}
		watch->deaf = false;
		watch->failed_ns = 0;
	} else if (watch->failed_ns == 0) {
		watch->failed_ns = now_ns;
	} else if (!watch->deaf && now_ns - watch->failed_ns >= DEAF_NS &&
		   yett_store_healthy(watch->node)) {
		watch->deaf = true;
		yett_log(YETT_LOG_WARNING, "registry-unheard",
			"what other management servers change is not heard, though the store takes "
			"batches: %s; see whether this server reaches the primary of the database",
			watch->error.text[0] != '\0' ? watch->error.text
						     : yett_result_text(watch->result));
	}
}

static void done(void *arg)
{
	struct yett_watch *watch = arg;
	const struct yett_management *management;
	bool all_told; /* a store may tell a part at a time */

	watch->busy = false;
	if (watch->closing) {
		watch_free(watch);
		return;
	}
	management = &watch->node->management;
	all_told = watch->result >= 0 && watch->changes->len == 0;
	heed_deafness(watch);
	if (watch->put_back) {
		tell_put_back(watch, false);
		submit(watch);
		return;
	}
	for (guint i = 0; i < watch->changes->len; i++) {
		const struct change *change = watch->changes->pdata[i];

		watch->after = change->revision;
		if (management->registry_changed != NULL) {
			management->registry_changed(management->arg, change->table, change->key,
				change->json, change->revision);
		}
	}
	g_ptr_array_set_size(watch->changes, 0);
	if (watch->telling && all_told) {
		tell_put_back(watch, true);
	}
	if (watch->generation != 0) {
		see_generation(watch);
	}
	if (watch->result < 0) {
		watch->node->loop->table->timer_start(watch->retry, RETRY_NS);
	} else {
		submit(watch);
	}
}

static void submit(void *arg)
{
	struct yett_watch *watch = arg;

	watch->busy = true;
	watch->job = (struct yett_job){.work = work, .done = done, .arg = watch};
	yett_executor_submit(watch->executor, &watch->job);
}

int yett_watch_open(struct yett_node *node, struct yett_error *error)
{
	const struct yett_store_operations *operations =
		node->settings->store.descriptor->operations;
	struct yett_watch *watch;
	int result;

	if (operations->watch == NULL || node->inline_executors) {
		return 0;
	}
	watch = node->watch = g_new0(struct yett_watch, 1);
	watch->node = node;
	watch->operations = operations;
	watch->changes = g_ptr_array_new_with_free_func(change_free);
	watch->retry = node->loop->table->timer_new(node->loop, submit, watch);
	result = yett_store_instance(node, YETT_STORE_READER, &watch->instance, error);
	if (result == 0) {
		result = yett_executor_new(node->loop, "watcher", 1, &watch->executor, error);
	}
	return result;
}

void yett_watch_start(struct yett_node *node)
{
	if (node->watch != NULL) {
		submit(node->watch);
	}
}

/* After this it is freed here, or by the completion that is under way. */
void yett_watch_close(struct yett_node *node)
{
	struct yett_watch *watch = node->watch;

	if (watch == NULL) {
		return;
	}
	node->watch = NULL;
	if (watch->executor != NULL) {
		yett_executor_free(watch->executor, false, 0);
	}
	yett_instance_free(watch->instance);
	node->loop->table->timer_free(watch->retry);
	watch->closing = true;
	if (!watch->busy) {
		watch_free(watch);
	}
}
