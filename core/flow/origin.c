/* Origin: this node's own numbers.
 *
 * Responsible for the id of the node (made once, kept in the state directory), for a new epoch at
 * every start (ordinal = the larger of last + 1 and the wall clock's seconds), for giving numbers to
 * the node's own batches, per lane from 1. Not responsible for what is in a batch (source.c, gap.c) nor
 * for telling how far the numbers of older epochs went (bounds.c).
 *
 * The number that an epoch reached is kept with each batch, in the position that commits with it:
 * so it is known after any crash without a sync of its own. A source's own position travels in the
 * same place.
 *
 * On the loop; the files are read and written before it runs. A state directory that cannot be
 * written stops the start, since a number would be used twice. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buffer.h"
#include "../base/bytes.h"
#include "../base/id.h"
#include "../base/log.h"
#include "../net/saved.h"
#include "../wire/batch.h"
#include "numbers.h"
#include "stages.h"

#define WRAP_VERSION 1
#define WRAP_SIZE    41 /* version, epoch, next number of each lane */

struct yett_origin {
	struct yett_node *node;
	char prefix[20]; /* of position keys: they may share a store */
	uint64_t next[YETT_LANES];
	uint64_t durable[YETT_LANES];     /* all numbers below it are durable */
	uint64_t first_entry[YETT_LANES]; /* of the queue: older entries are of older epochs */
	GHashTable *positions;            /* source → GBytes */
};

/* The id and the epoch: files in the state directory. */

static int unreadable(
	const struct yett_node *node, const char *name, int result, struct yett_error *error)
{
	return yett_fail(error, result, "make the state directory readable for the daemon's user",
		"%s/%s cannot be read: %s", node->world.state, name, yett_result_text(result));
}

static int load_id(struct yett_node *node, struct yett_error *error)
{
	const struct yett_files *files = node->world.files;
	const char *state = node->world.state;
	char text[YETT_ID_TEXT_SIZE + 1], *bytes = NULL;
	size_t length;
	int result = yett_saved_read(files, state, "node-id", 64, &bytes, &length);

	if (result == 0) {
		node->was_there = true;
		result = yett_id_parse(g_strstrip(bytes), &node->id);
		free(bytes);
		if (result != 0 || yett_id_is_zero(&node->id)) {
			return yett_fail(error, YETT_ECORRUPT,
				"restore it, or remove it to make this a new node",
				"%s/node-id does not hold a node's id", state);
		}
		return 0;
	}
	if (result != YETT_ENOTFOUND) {
		return unreadable(node, "node-id", result, error);
	}
	node->id = yett_id_new(node->clock);
	yett_id_text(&node->id, text);
	g_strlcat(text, "\n", sizeof(text));
	return yett_saved_write(files, state, "node-id", text, strlen(text), error);
}

static int new_epoch(struct yett_node *node, struct yett_error *error)
{
	const struct yett_files *files = node->world.files;
	const char *state = node->world.state;
	uint64_t last = 0, now = (uint64_t)(yett_clock_wall(node->clock) / (int64_t)YETT_SEC);
	char text[64], *bytes = NULL;
	size_t length;
	int result = yett_saved_read(files, state, "epoch", 64, &bytes, &length);

	if (result == 0) {
		last = strtoull(bytes, NULL, 10);
	}
	free(bytes);
	if (result != 0 && result != YETT_ENOTFOUND) {
		return unreadable(node, "epoch", result, error);
	}
	node->epoch.ordinal = last + 1 > now ? last + 1 : now;
	yett_clock_random(node->clock, &node->epoch.random, sizeof(node->epoch.random));
	snprintf(text, sizeof(text), "%" PRIu64 "\n", node->epoch.ordinal);
	return yett_saved_write(files, state, "epoch", text, strlen(text), error);
}

/* Positions, wrapped. */

static int found_position(void *arg, const char *key, const void *position, size_t length)
{
	struct yett_origin *origin = arg;
	const uint8_t *bytes = position;
	struct yett_epoch epoch;

	if (!g_str_has_prefix(key, origin->prefix) || length < WRAP_SIZE ||
		bytes[0] != WRAP_VERSION) {
		return 0;
	}
	epoch.ordinal = yett_get64(bytes + 1);
	epoch.random = yett_get64(bytes + 9);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		yett_bounds_reached(origin->node, &epoch, lane, yett_get64(bytes + 17 + 8 * lane));
	}
	if (length > WRAP_SIZE) {
		g_hash_table_replace(origin->positions, g_strdup(key + strlen(origin->prefix)),
			g_bytes_new(bytes + WRAP_SIZE, length - WRAP_SIZE));
	}
	return 0;
}

static int found_entry(void *arg, uint64_t number, const struct yett_range *range, const void *meta,
	size_t meta_length)
{
	struct yett_origin *origin = arg;

	(void)number;
	(void)meta;
	(void)meta_length;
	if (yett_id_equal(&range->origin, &origin->node->id) && range->lane < YETT_LANES) {
		yett_bounds_held(origin->node, range);
	}
	return 0;
}

/* Before the loop runs, so the module may be called here. What cannot be read now is no reason to begin anew:
 * sources would tell again all that they have told. */
static int look_back(struct yett_origin *origin)
{
	struct yett_node *node = origin->node;
	int result = 0;

	if (node->store != NULL) {
		void *self;
		const struct yett_store_operations *store = yett_store_operations(node, &self);

		result = store->positions(self, origin->prefix, found_position, origin);
	} else if (node->queue != NULL) {
		void *self;
		const struct yett_queue_operations *queue = yett_queue_operations(node, &self);
		struct yett_queue_view view;

		result = queue->positions(self, found_position, origin);
		yett_queue_view(node, &view);
		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			if (queue->scan(self, lane, found_entry, origin) < 0) {
				yett_bounds_unread(node, lane);
			}
			origin->first_entry[lane] = view.stats.lanes[lane].next_number;
		}
	}
	return result < 0 ? result : 0;
}

const void *yett_origin_position(
	const struct yett_node *node, const char *source, size_t *ret_length)
{
	GBytes *bytes = g_hash_table_lookup(node->origin->positions, source);

	*ret_length = 0;
	return bytes != NULL ? g_bytes_get_data(bytes, ret_length) : NULL;
}

/* Numbering. */

/* How far the numbers of each lane go once this batch is durable: its own lane's up to its end, since
 * a lane is first in, first out; another lane's as far as they are durable now, since what waits
 * there may never be. */
static void attach_position(struct yett_origin *origin, struct yett_keep *keep, const char *source,
	const void *position, size_t length)
{
	const struct yett_batch_info *info = &keep->batch.info;
	uint8_t wrap[YETT_QUEUE_POSITION_MAX];
	char key[YETT_QUEUE_KEY_MAX + 1];

	YETT_REQUIRE(length <= sizeof(wrap) - WRAP_SIZE);
	wrap[0] = WRAP_VERSION;
	yett_put64(wrap + 1, origin->node->epoch.ordinal);
	yett_put64(wrap + 9, origin->node->epoch.random);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		yett_put64(wrap + 17 + 8 * lane,
			lane == info->lane ? info->first + info->count : origin->durable[lane]);
	}
	if (length > 0) {
		memcpy(wrap + WRAP_SIZE, position, length);
	}
	snprintf(key, sizeof(key), "%s%s", origin->prefix, source);
	yett_keep_position(keep, key, wrap, WRAP_SIZE + length);
}

void yett_origin_submit(struct yett_node *node, struct yett_batch *batch, const char *source,
	const void *position, size_t position_length,
	void (*done)(struct yett_keep *keep, int result), void *owner)
{
	struct yett_origin *origin = node->origin;
	struct yett_envelope envelope = {0};
	uint8_t meta[YETT_ENVELOPE_MAX];
	struct yett_keep *keep;

	yett_batch_renumber(batch, &node->id, &node->epoch, origin->next[batch->info.lane]);
	origin->next[batch->info.lane] += batch->info.count;
	yett_numbers_given(node, &batch->info);
	keep = yett_keep_new(batch, meta, yett_envelope_encode(&envelope, meta), done, owner);
	yett_buffer_unref(batch->buffer);
	keep->received_ns = yett_clock_wall(node->clock);
	if (source != NULL && position_length > 0) {
		/* A source that a reload makes anew goes on from here: this is on its way. */
		g_hash_table_replace(origin->positions, g_strdup(source),
			g_bytes_new(position, position_length));
	}
	attach_position(origin, keep, source != NULL ? source : "core", position, position_length);
	yett_keep_give(node, keep);
}

void yett_origin_durable(struct yett_node *node, const struct yett_batch_info *info)
{
	struct yett_origin *origin = node->origin;

	if (origin != NULL && yett_id_equal(&info->origin, &node->id) &&
		info->epoch.ordinal == node->epoch.ordinal &&
		info->first + info->count > origin->durable[info->lane]) {
		origin->durable[info->lane] = info->first + info->count;
	}
}

/* What older epochs had in the queue is gone to an upstream: say that nothing is left here. */
void yett_origin_tick(struct yett_node *node)
{
	struct yett_queue_view view;

	yett_bounds_tick(node);
	for (uint32_t lane = 0; node->queue != NULL && lane < YETT_LANES; lane++) {
		const struct yett_queue_lane_stats *stats = &view.stats.lanes[lane];

		if (!yett_bounds_holds(node, lane)) {
			continue;
		}
		yett_queue_view(node, &view);
		if (stats->oldest_number == 0 ||
			stats->oldest_number >= node->origin->first_entry[lane]) {
			yett_bounds_left(node, lane);
		}
	}
}

int yett_origin_load(struct yett_node *node, struct yett_error *error)
{
	const struct yett_files *files = node->world.files;
	int dir = files->dir_open(files->fs, node->world.state);
	int result;

	if (dir < 0) {
		return yett_fail(error, dir,
			"check that it is a directory that the daemon's user may use",
			"the state directory %s cannot be made or opened: %s", node->world.state,
			yett_result_text(dir));
	}
	files->dir_close(files->fs, dir);
	result = load_id(node, error);
	if (result == 0) {
		result = new_epoch(node, error);
	}
	node->boot = yett_id_new(node->clock);
	return result;
}

int yett_origin_setup(struct yett_node *node, struct yett_error *error)
{
	struct yett_origin *origin = g_new0(struct yett_origin, 1);
	char id[YETT_ID_TEXT_SIZE];
	int result;

	origin->node = node;
	node->origin = origin;
	snprintf(origin->prefix, sizeof(origin->prefix), "%.8s%.4s/", yett_id_text(&node->id, id),
		id + 9);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		origin->next[lane] = 1;
		origin->durable[lane] = 1;
	}
	origin->positions = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
	yett_bounds_setup(node);
	if ((result = look_back(origin)) < 0) {
		return yett_fail(error, result, "look at what keeps it, and start the node again",
			"it cannot be read how far this node's own sources have come: %s",
			yett_result_text(result));
	}
	yett_bounds_save(node);
	return 0;
}

/* An end in good order: the next start knows how far each lane went, also where the last batch of all
 * has gone already. */
static void note_end(const struct yett_origin *origin)
{
	bool any = false;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		any = any || origin->durable[lane] > 1;
	}
	for (uint32_t lane = 0; any && lane < YETT_LANES; lane++) {
		yett_bounds_reached(
			origin->node, &origin->node->epoch, lane, origin->durable[lane]);
	}
	if (any) {
		yett_bounds_save(origin->node);
	}
}

void yett_origin_done(struct yett_node *node)
{
	if (node->origin != NULL) {
		note_end(node->origin);
		g_hash_table_unref(node->origin->positions);
		g_free(node->origin);
		node->origin = NULL;
		yett_bounds_done(node);
	}
}
