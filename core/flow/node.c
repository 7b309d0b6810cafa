/* The node: makes and ends all stages, in order, and ticks.
 *
 * Responsible for start-up (each step undone in reverse where a later one fails), for the second hand
 * (deadlines, pings, housekeeping), for draining (no new work; what is under way is finished, within
 * a deadline), and for saying that the node is degraded. Not responsible for reload (reload.c) nor
 * for signals and privileges (boot/). Made on the main thread, then on the loop. */
#include "node.h"

#include <string.h>

#include "../base/file.h"
#include "../base/id.h"
#include "../base/log.h"
#include "numbers.h"
#include "stages.h"

#define TICK_NS       (500 * YETT_MS)
#define DRAIN_STEP_NS (20 * YETT_MS)
#define AUTH_THREADS  2
#define AUTH_PATIENCE (2 * YETT_SEC)

static const struct yett_metric node_metrics[] = {
	[YETT_COUNT_BATCHES_IN] = {"batches_in", "{batch}", "batches taken from sessions",
		YETT_METRIC_COUNTER},
	[YETT_COUNT_RECORDS_IN] = {"records_in", "{record}", "records taken from sessions",
		YETT_METRIC_COUNTER},
	[YETT_COUNT_BYTES_IN] = {"bytes_in", "By", "bytes of batches taken from sessions",
		YETT_METRIC_COUNTER},
	[YETT_COUNT_BATCHES_OUT] = {"batches_out", "{batch}", "batches sent to upstreams",
		YETT_METRIC_COUNTER},
	[YETT_COUNT_RECORDS_OUT] = {"records_out", "{record}", "records sent to upstreams",
		YETT_METRIC_COUNTER},
	[YETT_COUNT_BYTES_OUT] = {"bytes_out", "By", "bytes of batches sent to upstreams",
		YETT_METRIC_COUNTER},
	[YETT_COUNT_SETTLED] = {"settled", "{batch}", "batches that an upstream took custody of",
		YETT_METRIC_COUNTER},
	[YETT_COUNT_RESENT] = {"resent", "{batch}",
		"batches that were ready again after a session "
		"ended or an upstream refused them for now",
		YETT_METRIC_COUNTER},
	[YETT_COUNT_STORED] = {"stored", "{record}", "records stored", YETT_METRIC_COUNTER},
	[YETT_COUNT_DUPLICATE] = {"duplicate", "{batch}",
		"batches that the store had already, and did not store again", YETT_METRIC_COUNTER},
	[YETT_COUNT_FORKS] = {"forks", "{batch}",
		"batches kept apart: numbers that are taken, "
		"other content",
		YETT_METRIC_COUNTER},
	[YETT_COUNT_DEAD] = {"dead_letters", "{batch}", "batches kept raw: they cannot be stored",
		YETT_METRIC_COUNTER},
	[YETT_COUNT_GAPS] = {"gaps", "{range}", "ranges declared lost here", YETT_METRIC_COUNTER},
	[YETT_COUNT_SYNCS] = {"syncs", "{sync}", "group commits", YETT_METRIC_COUNTER},
	[YETT_COUNT_PUSHBACKS] = {"pushbacks", "{event}", "times that a lane became full",
		YETT_METRIC_COUNTER},
	[YETT_COUNT_ACCEPTED] = {"accepted", "{connection}", "connections accepted",
		YETT_METRIC_COUNTER},
	[YETT_COUNT_REFUSED] = {"refused", "{event}", "connections and batches refused",
		YETT_METRIC_COUNTER},
	{NULL, NULL, NULL, 0},
};

void yett_node_degrade(struct yett_node *node, const char *why)
{
	if (!node->degraded) {
		yett_log(YETT_LOG_ERROR, "degraded",
			"%s; the node goes on with what is good; look at its disk", why);
	}
	node->degraded = true;
	g_strlcpy(node->degraded_why, why, sizeof(node->degraded_why));
}

bool yett_node_trouble(const struct yett_node *node, char *ret_text, size_t size)
{
	if (node->degraded) {
		g_strlcpy(ret_text, node->degraded_why, size);
		return true;
	}
	return yett_source_trouble(node, ret_text, size);
}

static void tick(void *arg)
{
	struct yett_node *node = arg;
	uint64_t now_ns = yett_now(node);
	uint64_t due_ns = node->ticked_ns + TICK_NS;

	for (guint i = node->peers->len; i > 0; i--) {
		if (i <= node->peers->len) {
			/* What came meanwhile has still to be read. */
			if (node->ticked_ns != 0 && now_ns > due_ns + TICK_NS) {
				yett_peer_paused(
					node->peers->pdata[i - 1], now_ns - due_ns, now_ns);
			}
			yett_peer_tick(node->peers->pdata[i - 1], now_ns);
		}
	}
	if (node->store != NULL) {
		yett_store_tick(node);
	}
	yett_credit_tick(node);
	yett_origin_tick(node);
	yett_upstream_tick(node);
	yett_deliver(node);
	if (node->management.tick != NULL) {
		node->management.tick(node->management.arg, now_ns);
	}
	node->ticked_ns = yett_now(node);
	node->loop->table->timer_start(node->ticker, TICK_NS);
}

static int make_executors(struct yett_node *node, struct yett_error *error)
{
	node->initiators = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (node->inline_executors) {
		node->acceptors = yett_executor_inline_new(node->loop);
		return 0;
	}
	return yett_executor_new(node->loop, "acceptor", AUTH_THREADS, &node->acceptors, error);
}

static void free_executors(struct yett_node *node)
{
	GHashTableIter iter;
	gpointer value;

	if (node->acceptors != NULL) {
		yett_executor_free(node->acceptors, true, AUTH_PATIENCE);
	}
	if (node->initiators == NULL) {
		return;
	}
	g_hash_table_iter_init(&iter, node->initiators);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		yett_executor_free(value, true, AUTH_PATIENCE);
	}
	g_hash_table_unref(node->initiators);
}

static int make_transport(struct yett_node *node, struct yett_error *error)
{
	const struct yett_block *block = &node->settings->transport;
	int result;

	if (block->module == NULL) {
		return 0;
	}
	result = yett_instance_new(&node->world, block->descriptor, block->name, block->settings,
		NULL, 0, &node->transport, error);
	return result != 0 ? result : yett_instance_start(node->transport, error);
}

static int make_keeper(struct yett_node *node, struct yett_error *error)
{
	if (node->settings->store.module != NULL) {
		int result = yett_store_open(node, error);

		return result != 0 ? result : yett_watch_open(node, error);
	}
	return node->settings->queue.module != NULL ? yett_queue_open(node, error) : 0;
}

static int make_sources(struct yett_node *node, struct yett_error *error)
{
	int result = 0;

	for (size_t i = 0; i < node->settings->sources.count && result == 0; i++) {
		result = yett_source_open(node,
			&((const struct yett_block *)node->settings->sources.items)[i], error);
	}
	return result;
}

static int make_policy(struct yett_node *node, struct yett_error *error)
{
	return node->settings->policy.module != NULL ? yett_select_setup(node, error) : 0;
}

static int make_deliver(struct yett_node *node, struct yett_error *error)
{
	(void)error;
	return yett_deliver_setup(node);
}

/* The steps of start-up, in order. yett_node_free undoes them, in reverse, as far as they came. */
static int (*const steps[])(struct yett_node *node, struct yett_error *error) = {
	yett_origin_load,
	make_executors,
	make_transport,
	yett_method_setup,
	make_policy,
	make_deliver,
	make_keeper,
	yett_origin_setup,
	yett_numbers_open,
	make_sources,
};

int yett_node_new(const struct yett_node_make *make, const struct yett_management *management,
	struct yett_node **ret_node, struct yett_error *error)
{
	struct yett_node *node = g_new0(struct yett_node, 1);
	int result = 0;

	node->loop = make->loop;
	node->clock = make->clock;
	node->settings = node->started_with = make->settings;
	node->inline_executors = make->inline_executors;
	g_strlcpy(node->name, make->settings->node.name, sizeof(node->name));
	node->world = (struct yett_world){
		.loop = make->loop,
		.clock = make->clock,
		.files = make->files,
		.node = node->name,
		.state = make->settings->node.state,
		.group = make->settings->group.id,
	};
	if (management != NULL) {
		node->management = *management;
	}
	node->started_ns = yett_clock_wall(make->clock);
	node->relay = node->world.relay =
		make->settings->listeners.count > 0 && make->settings->upstreams.count > 0;
	node->peers = g_ptr_array_new();
	node->sessions_open = yett_sessions_new();
	node->acknowledging = g_ptr_array_new();
	node->gates = g_ptr_array_new();
	node->links = g_ptr_array_new();
	node->sources = g_ptr_array_new();
	node->addresses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_queue_init(&node->silent);
	node->sources_lately = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	node->metrics = yett_metrics_new("node", node_metrics);
	node->ticker = node->loop->table->timer_new(node->loop, tick, node);
	for (size_t i = 0; i < G_N_ELEMENTS(steps) && result == 0; i++) {
		result = steps[i](node, error);
	}
	if (result != 0) {
		yett_node_free(node);
		return result;
	}
	*ret_node = node;
	return 0;
}

int yett_node_start(struct yett_node *node, struct yett_error *error)
{
	const struct yett_settings *settings = node->settings;
	int result = 0;

	yett_path_update(node);
	yett_watch_start(node);
	if (node->queue != NULL) {
		yett_queue_declare_recovered(node);
	}
	if (node->queue != NULL || node->store != NULL) {
		yett_numbers_declare(node);
		yett_bounds_tell(node);
	}
	for (size_t i = 0; i < settings->listeners.count && result == 0; i++) {
		result = yett_accept_open(node,
			&((const struct yett_listener_settings *)settings->listeners.items)[i],
			error);
	}
	for (size_t i = 0; i < settings->upstreams.count && result == 0; i++) {
		result = yett_upstream_open(node,
			&((const struct yett_upstream_settings *)settings->upstreams.items)[i],
			error);
	}
	if (result == 0) {
		yett_source_start_all(node);
		node->loop->table->timer_start(node->ticker, TICK_NS);
	}
	return result;
}

/* Draining. */

struct yett_drain {
	struct yett_node *node;
	struct yett_timer *timer;
	uint64_t deadline_ns;
	void (*done)(void *arg);
	void *arg;
};

static bool all_finished(const struct yett_node *node)
{
	return yett_source_idle(node) && (node->queue == NULL || yett_queue_idle(node)) &&
	       (node->store == NULL || yett_store_idle(node)) && yett_deliver_idle(node);
}

static void drain_step(void *arg)
{
	struct yett_drain *drain = arg;
	struct yett_node *node = drain->node;
	bool late = yett_now(node) >= drain->deadline_ns;

	if (!all_finished(node) && !late) {
		node->loop->table->timer_start(drain->timer, DRAIN_STEP_NS);
		return;
	}
	if (late) {
		yett_log(YETT_LOG_WARNING, "drain-late",
			"not all was finished before the deadline; nothing that was acknowledged "
			"is lost, and the rest is sent again");
	}
	node->drain = NULL;
	node->loop->table->timer_free(drain->timer);
	drain->done(drain->arg);
	g_free(drain);
}

/* A node that ends in the middle of it has nobody to tell. */
static void give_up_drain(struct yett_node *node)
{
	if (node->drain != NULL) {
		node->loop->table->timer_free(node->drain->timer);
		g_clear_pointer(&node->drain, g_free);
	}
}

void yett_node_drain(
	struct yett_node *node, uint64_t timeout_ns, void (*done)(void *arg), void *arg)
{
	struct yett_drain *drain = g_new0(struct yett_drain, 1);

	node->draining = true;
	node->drain = drain;
	node->drain_send_ns = yett_now(node) + YETT_SEC;
	drain->node = node;
	drain->deadline_ns = yett_now(node) + timeout_ns;
	drain->done = done;
	drain->arg = arg;
	drain->timer = node->loop->table->timer_new(node->loop, drain_step, drain);
	yett_path_update(node);
	yett_source_stop_all(node);
	for (guint i = node->peers->len; i > 0; i--) {
		struct yett_peer *peer = i <= node->peers->len ? node->peers->pdata[i - 1] : NULL;

		if (peer != NULL && peer->role == YETT_ROLE_ACCEPTOR) {
			yett_peer_close(
				peer, YETT_REFUSE_SHUTDOWN, NULL, "%s is stopping", node->name);
		}
	}
	node->loop->table->timer_start(drain->timer, 1);
}

void yett_node_free(struct yett_node *node)
{
	node->draining = true;
	give_up_drain(node);
	node->loop->table->timer_free(node->ticker);
	yett_source_close_all(node);
	while (node->links->len > 0) {
		yett_upstream_close(node->links->pdata[node->links->len - 1]);
	}
	while (node->gates->len > 0) {
		yett_accept_close(node, node->gates->pdata[node->gates->len - 1]);
	}
	yett_queue_close(node);
	yett_watch_close(node);
	yett_store_close(node);
	yett_source_free_all(node);
	yett_origin_done(node);
	yett_numbers_close(node);
	yett_deliver_done(node);
	yett_method_stop(node);
	free_executors(node);
	yett_method_done(node);
	yett_instance_free(node->policy);
	if (node->select_timer != NULL) {
		node->loop->table->timer_free(node->select_timer);
	}
	yett_instance_free(node->transport);
	g_hash_table_unref(node->addresses);
	g_hash_table_unref(node->sources_lately);
	yett_refusals_done(node);
	g_ptr_array_free(node->peers, TRUE);
	g_hash_table_unref(node->sessions_open);
	g_ptr_array_free(node->acknowledging, TRUE);
	g_ptr_array_free(node->gates, TRUE);
	g_ptr_array_free(node->links, TRUE);
	g_ptr_array_free(node->sources, TRUE);
	yett_metrics_free(node->metrics);
	g_free(node);
}
