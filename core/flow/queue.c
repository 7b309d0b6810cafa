/* The queue stage: batches are made durable in groups, and read again to be sent.
 *
 * Responsible for group commit. While the queue's thread is at work, what arrives waits in a list;
 * when it is free it takes all of that as one job: settle what was settled, append, one sync, read
 * on. So one sync serves whatever arrived during the last one, and nobody waits for a timer. A batch
 * is completed (acknowledged) after the sync that covers it has returned, and is offered to deliver
 * only then. Not responsible for the format on disk (module) nor for the order of sending
 * (deliver.c).
 *
 * On the loop, but for `work`, which is the queue's thread and touches the job only; one job is under
 * way at a time. A batch that does not fit its lane waits (push back: its credit is not given
 * again), or, where the lane says so, the oldest segment is declared lost and dropped (gap.c). A
 * failed sync: the entries are appended once more, elsewhere, and the node says that it is degraded;
 * a second failure keeps them waiting, unacknowledged. What the queue finds damaged is declared, and
 * once that is durable the queue is told so, and lets go of what it lost. */
#include <stdio.h>
#include <string.h>

#include "../base/buffer.h"
#include "../base/log.h"
#include "../wire/batch.h"
#include "numbers.h"
#include "stages.h"
#include "waiting.h"

#define READ_COUNT 256
#define RETRY_NS   (1 * YETT_SEC)

struct settled {
	uint32_t lane;
	uint64_t entry;
};

struct read_request {
	bool wanted;
	uint64_t from;
	size_t max_bytes;
	struct yett_queue_item *items;
	int count; /* the answer */
};

struct call {
	void (*fn)(const struct yett_queue_operations *operations, void *self, void *arg);
	void (*done)(void *arg);
	void *arg;
};

/* One round of the queue's thread. */
struct round {
	struct yett_job job;
	struct yett_keep_list keeps;
	struct yett_queue_entry *entries;
	GArray *settled; /* struct settled */
	GArray *calls;   /* struct call */
	struct read_request reads[YETT_LANES];
	GArray *lost; /* struct yett_range: found damaged while reading */
	bool damaged; /* so was something, named or not */
	int told;     /* the result of telling the queue that its damage is declared */
	int sync_result;
	bool sync_failed;
	struct yett_queue_stats stats;
};

struct yett_keeper {
	struct yett_node *node;
	struct yett_instance *instance;
	const struct yett_queue_operations *operations;
	struct yett_executor *executor;
	bool durable;
	bool busy;
	bool closing;  /* freed once the round that is under way has come back */
	bool stalled;  /* a lane is full or the disk fails: not again before `retry` or a settle */
	bool retrying; /* the timer runs: rounds of other lanes must not put it off */
	struct round round;
	struct yett_waiting waiting;
	int refused; /* why, the last time */
	GArray *settled;
	GArray *calls;
	struct read_request reads[YETT_LANES];
	GHashTable *unsettled; /* not durable: entry → keep, completed when it is settled */
	struct yett_timer *retry;
	struct yett_queue_stats stats;
	bool full[YETT_LANES];
	bool making_room[YETT_LANES];
	GArray *lost; /* struct yett_range: found at recovery, declared once origin is there */
	uint32_t lost_cause;
	unsigned declaring; /* declarations of damage that are not durable yet */
	bool untold;        /* the queue does not know that its damage is declared */
	bool deaf;          /* telling it so has failed: not again before `retry` */
};

static void kick(struct yett_keeper *keeper);

static int found_damage(void *arg, const struct yett_recovery *what)
{
	struct round *round = arg;

	round->damaged = true;
	if (what->kind == YETT_RECOVERY_LOST) {
		g_array_append_val(round->lost, what->range);
	}
	if (what->text != NULL) {
		yett_log(YETT_LOG_ERROR, "queue-damaged", "%s", what->text);
	}
	return 0;
}

/* Appends what has no good result yet. */
static void append_round(struct yett_keeper *keeper, struct round *round)
{
	size_t n = 0;
	int result;

	for (struct yett_keep *keep = round->keeps.head; keep != NULL; keep = keep->next) {
		round->entries[n++] = (struct yett_queue_entry){
			.size = sizeof(struct yett_queue_entry),
			.batch = &keep->batch,
			.meta = keep->meta,
			.meta_length = keep->meta_length,
			.key = keep->key,
			.position = keep->position,
			.position_length = keep->position_length,
		};
	}
	result = keeper->operations->append(keeper->instance->self, round->entries, n);
	n = 0;
	for (struct yett_keep *keep = round->keeps.head; keep != NULL; keep = keep->next) {
		const struct yett_queue_entry *entry = &round->entries[n++];

		keep->entry = entry->ret_number;
		keep->result = entry->ret_result;
		if (keep->result == 0 &&
			keep->entry == 0) { /* left as it was given: it is nowhere */
			keep->result = result < 0 ? result : YETT_EBUG;
		}
	}
}

static void work(void *arg)
{
	struct yett_keeper *keeper = arg;
	struct round *round = &keeper->round;
	const struct yett_queue_operations *operations = keeper->operations;
	void *self = keeper->closing ? NULL : keeper->instance->self;

	if (keeper->closing) {
		return; /* an inline executor comes to it late; threads were waited for */
	}
	for (guint i = 0; i < round->settled->len; i++) {
		struct settled *s = &g_array_index(round->settled, struct settled, i);

		operations->settle(self, s->lane, &s->entry, 1);
	}
	for (guint i = 0; i < round->calls->len; i++) {
		struct call *call = &g_array_index(round->calls, struct call, i);

		call->fn(operations, self, call->arg);
	}
	round->sync_result = 0;
	round->sync_failed = false;
	if (round->keeps.count > 0) {
		append_round(keeper, round);
		round->sync_result = operations->sync(self);
		if (round->sync_result != 0) {
			/* They are condemned with their segment; we have them in memory. */
			round->sync_failed = true;
			append_round(keeper, round);
			round->sync_result = operations->sync(self);
		}
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		struct read_request *read = &round->reads[lane];

		if (read->wanted) {
			read->items = g_new0(struct yett_queue_item, READ_COUNT);
			read->count = operations->read(self, lane, read->from, read->items,
				READ_COUNT, read->max_bytes, found_damage, round);
		}
	}
	round->stats.size = sizeof(round->stats);
	operations->stats(self, &round->stats);
}

static void tell_full(struct yett_keeper *keeper, uint32_t lane, int result)
{
	yett_count(keeper->node, YETT_COUNT_PUSHBACKS, 1);
	keeper->refused = result;
	if (result == YETT_EFULL) {
		yett_log(YETT_LOG_WARNING, "queue-full",
			"a lane is full and pushes back until an upstream takes some of it; look "
			"at "
			"the upstreams, or give the queue more room lane=%u",
			lane);
	} else {
		yett_log(YETT_LOG_ERROR, "queue-failing",
			"the queue takes nothing: %s; nothing is acknowledged until it does "
			"lane=%u",
			yett_result_text(result), lane);
	}
}

/* A lane is full from the round in which something of it does not fit until half of it is free: what
 * an upstream takes at a time makes room for a moment only. That the disk is full is the word to the first that
 * asked; nobody asked for those behind it, and their lanes may well have room. */
static void look_for_full(struct yett_keeper *keeper, const struct round *round)
{
	int results[YETT_LANES] = {0};
	bool tried[YETT_LANES] = {false};
	bool disk_full = false;

	for (const struct yett_keep *keep = round->keeps.head; keep != NULL; keep = keep->next) {
		uint32_t lane = keep->batch.info.lane;

		if (keep->result == YETT_ENOSPC && disk_full) {
			continue;
		}
		disk_full = disk_full || keep->result == YETT_ENOSPC;
		tried[lane] = true;
		if (results[lane] == 0) {
			results[lane] = keep->result != 0 ? keep->result : round->sync_result;
		}
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		const struct yett_queue_lane_stats *stats = &round->stats.lanes[lane];
		bool was_full = keeper->full[lane];

		if (results[lane] != 0) {
			keeper->full[lane] = true;
		} else if (tried[lane] && stats->bytes < stats->limit_bytes / 2) {
			keeper->full[lane] = false;
		}
		if (results[lane] != 0 && !was_full) {
			tell_full(keeper, lane, results[lane]);
		}
		if ((results[lane] == YETT_EFULL || results[lane] == YETT_ENOSPC) &&
			!keeper->making_room[lane] &&
			keeper->node->settings->full.lane[lane] == YETT_FULL_DROP_OLDEST) {
			keeper->making_room[lane] = true;
			yett_gap_make_room(keeper->node, lane);
		}
	}
}

static uint64_t *entry_key(uint32_t lane, uint64_t entry)
{
	uint64_t *key = g_new(uint64_t, 1);

	*key = entry << 2 | lane;
	return key;
}

static void complete_kept(struct yett_keeper *keeper, struct yett_keep *keep)
{
	uint32_t lane = keep->batch.info.lane;

	yett_origin_durable(keeper->node, &keep->batch.info);
	yett_deliver_offer(keeper->node, lane, keep);
	if (keeper->durable) {
		yett_keep_complete(keep, 0);
	} else {
		g_hash_table_insert(keeper->unsettled, entry_key(lane, keep->entry), keep);
	}
}

static void complete_round(struct yett_keeper *keeper, struct round *round)
{
	struct yett_keep_list again = {0};
	struct yett_keep *keep;

	if (round->sync_failed) {
		yett_node_degrade(keeper->node, "a sync of the queue to disk failed");
	}
	if (round->keeps.count > 0) {
		yett_count(keeper->node, YETT_COUNT_SYNCS, 1);
	}
	look_for_full(keeper, round);
	while ((keep = yett_keep_pop(&round->keeps)) != NULL) {
		int result = keep->result != 0 ? keep->result : round->sync_result;

		if (result == 0) {
			complete_kept(keeper, keep);
			continue;
		}
		keep->result = result;
		yett_keep_push(&again, keep);
		keeper->stalled = true;
	}
	yett_waiting_put_back(&keeper->waiting, &again);
}

static void settle_volatile(struct yett_keeper *keeper, struct round *round)
{
	if (keeper->durable) {
		return;
	}
	for (guint i = 0; i < round->settled->len; i++) {
		struct settled *s = &g_array_index(round->settled, struct settled, i);
		uint64_t key = s->entry << 2 | s->lane;
		struct yett_keep *keep = g_hash_table_lookup(keeper->unsettled, &key);

		if (keep != NULL) {
			g_hash_table_remove(keeper->unsettled, &key);
			yett_numbers_taken(keeper->node, &keep->batch.info);
			yett_keep_complete(keep, 0);
		}
	}
}

static void free_reads(struct round *round)
{
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		for (int i = 0; i < round->reads[lane].count; i++) {
			yett_buffer_unref(round->reads[lane].items[i].batch.buffer);
		}
		g_free(round->reads[lane].items);
	}
}

static void keeper_free(struct yett_keeper *keeper)
{
	if (keeper->executor != NULL) {
		yett_executor_free(keeper->executor, false, 0);
	}
	free_reads(&keeper->round);
	g_hash_table_unref(keeper->unsettled);
	g_array_free(keeper->settled, TRUE);
	g_array_free(keeper->calls, TRUE);
	g_array_free(keeper->lost, TRUE);
	g_array_free(keeper->round.settled, TRUE);
	g_array_free(keeper->round.calls, TRUE);
	g_array_free(keeper->round.lost, TRUE);
	g_free(keeper->round.entries);
	g_free(keeper);
}

static void declared(void *arg)
{
	struct yett_keeper *keeper = arg;

	keeper->declaring--;
}

static void declare(struct yett_keeper *keeper, GArray *lost, uint32_t cause)
{
	keeper->untold = true;
	if (lost->len > 0) {
		keeper->declaring++;
		yett_gap_declare(keeper->node, (struct yett_range *)(void *)lost->data, lost->len,
			cause, declared, keeper);
		g_array_set_size(lost, 0);
	}
}

static void tell(const struct yett_queue_operations *operations, void *self, void *arg)
{
	struct yett_keeper *keeper = arg;

	keeper->round.told = operations->declared != NULL ? operations->declared(self) : 0;
}

static void told(void *arg)
{
	struct yett_keeper *keeper = arg;

	keeper->deaf = keeper->round.told != 0;
	keeper->untold = keeper->untold || keeper->deaf;
}

/* The queue takes all that it ever told as lost for declared. So it is told between two rounds: the next one
 * begins with it, and finds damage only after that. */
static void tell_declared(struct yett_keeper *keeper)
{
	if (keeper->untold && keeper->declaring == 0 && !keeper->deaf) {
		keeper->untold = false;
		yett_queue_call(keeper->node, tell, told, keeper);
	}
}

static void done(void *arg)
{
	struct yett_keeper *keeper = arg;
	struct round *round = &keeper->round;
	struct yett_node *node = keeper->node;

	if (keeper->closing) {
		keeper_free(keeper);
		return;
	}
	/* Still busy: completions may want a new round, which begins when this one is put away. */
	keeper->stats = round->stats;
	if (round->stats.degraded != 0) {
		yett_node_degrade(node, "the queue found damage, or a sync failed");
	}
	settle_volatile(keeper, round);
	complete_round(keeper, round);
	yett_intake_acknowledge(node);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		struct read_request read = round->reads[lane];

		memset(&round->reads[lane], 0, sizeof(read));
		if (read.wanted) {
			yett_deliver_read(node, lane, read.items, read.count);
			g_free(read.items);
		}
	}
	if (round->damaged) {
		declare(keeper, round->lost, YETT_GAP_QUARANTINE);
		round->damaged = false;
	}
	for (guint i = 0; i < round->calls->len; i++) {
		struct call *call = &g_array_index(round->calls, struct call, i);

		call->done(call->arg);
	}
	g_array_set_size(round->calls, 0);
	if (keeper->stalled && round->settled->len > 0) {
		keeper->stalled = false;
	}
	g_array_set_size(round->settled, 0);
	if ((keeper->stalled || keeper->deaf) && !keeper->retrying) {
		keeper->retrying = true;
		node->loop->table->timer_start(keeper->retry, RETRY_NS);
	}
	yett_deliver(node);
	tell_declared(keeper);
	keeper->busy = false;
	kick(keeper);
}

static void kick(struct yett_keeper *keeper)
{
	struct round *round = &keeper->round;
	GArray *swap;
	bool reads = false;

	if (keeper->busy || keeper->closing) {
		return;
	}
	yett_waiting_gather(&keeper->waiting, keeper->stalled, &round->keeps);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		round->reads[lane] = keeper->reads[lane];
		memset(&keeper->reads[lane], 0, sizeof(keeper->reads[lane]));
		reads = reads || round->reads[lane].wanted;
	}
	swap = round->settled;
	round->settled = keeper->settled;
	keeper->settled = swap;
	swap = round->calls;
	round->calls = keeper->calls;
	keeper->calls = swap;
	if (round->keeps.count == 0 && !reads && round->settled->len == 0 &&
		round->calls->len == 0) {
		return;
	}
	round->entries = g_renew(struct yett_queue_entry, round->entries,
		round->keeps.count > 0 ? round->keeps.count : 1);
	keeper->busy = true;
	round->job = (struct yett_job){.work = work, .done = done, .arg = keeper};
	yett_executor_submit(keeper->executor, &round->job);
}

static void retry(void *arg)
{
	struct yett_keeper *keeper = arg;

	keeper->retrying = false;
	keeper->stalled = false;
	keeper->deaf = false;
	if (!keeper->busy) {
		tell_declared(keeper);
	}
	kick(keeper);
}

void yett_queue_room_made(struct yett_node *node, uint32_t lane, bool made)
{
	node->queue->making_room[lane] = false;
	if (made) {
		node->queue->waiting.begin = lane; /* whose data has paid for it */
		node->queue->stalled = false;
		kick(node->queue);
	}
}

void yett_queue_keep(struct yett_node *node, struct yett_keep *keep)
{
	yett_waiting_add(&node->queue->waiting, keep);
	kick(node->queue);
}

void yett_queue_settle(struct yett_node *node, uint32_t lane, uint64_t entry)
{
	struct settled settled = {.lane = lane, .entry = entry};

	g_array_append_val(node->queue->settled, settled);
	kick(node->queue);
}

void yett_queue_read(struct yett_node *node, uint32_t lane, uint64_t from, size_t max_bytes)
{
	node->queue->reads[lane] =
		(struct read_request){.wanted = true, .from = from, .max_bytes = max_bytes};
	kick(node->queue);
}

void yett_queue_call(struct yett_node *node,
	void (*fn)(const struct yett_queue_operations *operations, void *self, void *arg),
	void (*done_fn)(void *arg), void *arg)
{
	struct call call = {.fn = fn, .done = done_fn, .arg = arg};

	g_array_append_val(node->queue->calls, call);
	kick(node->queue);
}

const struct yett_queue_operations *yett_queue_operations(
	const struct yett_node *node, void **ret_self)
{
	*ret_self = node->queue->instance->self;
	return node->queue->operations;
}

bool yett_queue_is_full(const struct yett_node *node, uint32_t lane)
{
	return node->queue->full[lane];
}

bool yett_queue_idle(const struct yett_node *node)
{
	const struct yett_keeper *keeper = node->queue;

	return !keeper->busy && !yett_waiting_has_new(&keeper->waiting) &&
	       keeper->settled->len == 0;
}

void yett_queue_view(const struct yett_node *node, struct yett_queue_view *ret_view)
{
	const struct yett_keeper *keeper = node->queue;

	ret_view->stats = keeper->stats;
	ret_view->durable = keeper->durable;
	ret_view->waiting = yett_waiting_tried(&keeper->waiting);
	ret_view->refused = keeper->refused;
}

/* Recovery: before the loop runs, on the main thread, since nothing may be taken before it. */

static int recovered(void *arg, const struct yett_recovery *what)
{
	struct yett_keeper *keeper = arg;

	if (what->text != NULL) {
		yett_log(what->kind == YETT_RECOVERY_LOST ? YETT_LOG_ERROR : YETT_LOG_NOTICE,
			"queue-recovery", "%s", what->text);
	}
	if (what->kind == YETT_RECOVERY_LOST) {
		g_array_append_val(keeper->lost, what->range);
		keeper->lost_cause = what->cause;
	}
	/* Also what has no name: nothing more can be said of it, and it takes room until the queue is told so. */
	keeper->untold = true;
	return 0;
}

static int recover(struct yett_keeper *keeper, struct yett_error *error)
{
	uint64_t entries = 0;
	int result = keeper->operations->recover(keeper->instance->self, recovered, keeper, error);

	if (result != 0) {
		return result;
	}
	keeper->declaring++; /* until yett_queue_declare_recovered: the queue is told nothing before that */
	keeper->stats.size = sizeof(keeper->stats);
	keeper->operations->stats(keeper->instance->self, &keeper->stats);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		entries += keeper->stats.lanes[lane].entries;
		yett_deliver_begin(keeper->node, lane, keeper->stats.lanes[lane].oldest_number,
			keeper->stats.lanes[lane].next_number);
	}
	yett_log(YETT_LOG_NOTICE, "queue-open",
		"the queue is ready durable=%s batches=%" G_GUINT64_FORMAT " lost-ranges=%u",
		keeper->durable ? "yes" : "no", entries, keeper->lost->len);
	return 0;
}

void yett_queue_declare_recovered(struct yett_node *node)
{
	struct yett_keeper *keeper = node->queue;

	if (keeper->lost->len > 0) {
		yett_node_degrade(node, "the queue was found damaged at the start");
		declare(keeper, keeper->lost, keeper->lost_cause);
	}
	keeper->declaring--;
	if (!keeper->busy) { /* else once that round is done */
		tell_declared(keeper);
	}
}

static bool drops_oldest(const struct yett_settings *settings)
{
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		if (settings->full.lane[lane] == YETT_FULL_DROP_OLDEST) {
			return true;
		}
	}
	return false;
}

int yett_queue_open(struct yett_node *node, struct yett_error *error)
{
	const struct yett_block *block = &node->settings->queue;
	struct yett_keeper *keeper = g_new0(struct yett_keeper, 1);
	int result;

	node->queue = keeper;
	keeper->node = node;
	keeper->waiting.own = &node->id;
	keeper->operations = block->descriptor->operations;
	keeper->durable = (keeper->operations->flags & YETT_QUEUE_DURABLE) != 0;
	keeper->settled = g_array_new(FALSE, FALSE, sizeof(struct settled));
	keeper->calls = g_array_new(FALSE, FALSE, sizeof(struct call));
	keeper->lost = g_array_new(FALSE, FALSE, sizeof(struct yett_range));
	keeper->round.settled = g_array_new(FALSE, FALSE, sizeof(struct settled));
	keeper->round.calls = g_array_new(FALSE, FALSE, sizeof(struct call));
	keeper->round.lost = g_array_new(FALSE, FALSE, sizeof(struct yett_range));
	keeper->unsettled = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	keeper->retry = node->loop->table->timer_new(node->loop, retry, keeper);
	if (!keeper->durable && drops_oldest(node->settings)) {
		return yett_fail(error, YETT_ECONFIG,
			"take drop-oldest out of `full`, or use queue-disk",
			"%s takes no custody, so it has nothing of its own to drop", block->name);
	}
	result = yett_instance_new(&node->world, block->descriptor, block->name, block->settings,
		NULL, 0, &keeper->instance, error);
	if (result == 0) {
		result = yett_instance_start(keeper->instance, error);
	}
	if (result == 0 && node->inline_executors) {
		keeper->executor = yett_executor_inline_new(node->loop);
	} else if (result == 0) {
		result = yett_executor_new(node->loop, "queue", 1, &keeper->executor, error);
	}
	return result == 0 ? recover(keeper, error) : result;
}

static gboolean complete_closed(gpointer key, gpointer value, gpointer arg)
{
	(void)key;
	(void)arg;
	yett_keep_complete(value, YETT_ECLOSED);
	return TRUE;
}

/* Whoever waits for the queue's thread is told; what it would have found is empty. */
static void end_calls(GArray *calls)
{
	for (guint i = 0; i < calls->len; i++) {
		struct call call = g_array_index(calls, struct call, i);

		call.done(call.arg); /* may add another one, to the end */
	}
	g_array_set_size(calls, 0);
}

/* After this, `keeper` is freed here, or by the completion that is under way. */
void yett_queue_close(struct yett_node *node)
{
	struct yett_keeper *keeper = node->queue;

	if (keeper == NULL) {
		return;
	}
	if (keeper->executor != NULL && !node->inline_executors) {
		yett_executor_free(keeper->executor, false, 0);
		keeper->executor = NULL;
	}
	keeper->closing = true;
	yett_keep_complete_all(&keeper->round.keeps, YETT_ECLOSED);
	yett_waiting_complete_all(&keeper->waiting, YETT_ECLOSED);
	end_calls(keeper->round.calls);
	end_calls(keeper->calls);
	yett_waiting_complete_all(&keeper->waiting, YETT_ECLOSED);
	g_hash_table_foreach_remove(keeper->unsettled, complete_closed, NULL);
	yett_instance_free(keeper->instance);
	node->loop->table->timer_free(keeper->retry);
	node->queue = NULL;
	if (!keeper->busy) {
		keeper_free(keeper);
	}
}
