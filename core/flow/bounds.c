/* Bounds: how far the numbers of a node's older epochs went.
 *
 * Responsible for what the store needs to name a loss that nothing follows: at each start the node tells
 * of its older epochs that they are closed, at which number, and from which number on its queue still
 * holds them; and once more when the queue holds nothing of them. The newest few are told again at every
 * start, from a file in the state directory: whoever took that notice may have lost it since (a gateway
 * that was put back from a snapshot), and the store counts a notice that comes again once. A node that
 * was there before ends each lane's bounds with those of the present start, which say that these were
 * all: of an earlier start that it does not name it holds nothing, as one that was itself put back to a
 * time before that start. A node with a store has no need to: what it told went nowhere else.
 *
 * Not responsible for the present epoch's numbers (origin.c), nor for what a node without a durable queue
 * has lost (numbers.c).
 *
 * Bounds go in the lane that they speak of, behind what that lane still holds: first in, first out, so
 * that the store does not hear "nothing is left" before the last of it has arrived. On the loop; the
 * file is read and written before it runs. A file that cannot be used costs the repetition only; one that
 * cannot be written is tried again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/id.h"
#include "../base/log.h"
#include "../net/saved.h"
#include "../wire/record.h"
#include "stages.h"

#define FILE_NAME  "epochs"
#define FILE_LIMIT 65536
#define AGAIN_MAX  8 /* epochs that are told again */
#define RETRY_NS   (30 * YETT_SEC)

/* An epoch of an earlier start, as far as it is known. */
struct past {
	struct yett_epoch epoch;
	uint64_t next[YETT_LANES];   /* 1: nothing was numbered */
	uint64_t oldest[YETT_LANES]; /* still in the queue; 0: none */
};

struct yett_bounds {
	struct yett_node *node;
	GArray *past;            /* struct past */
	bool unread[YETT_LANES]; /* what the queue holds there is not all known */
	uint64_t retry_ns;       /* the file has to be written, then; 0: it is */
};

static struct past *past_of(struct yett_bounds *bounds, const struct yett_epoch *epoch)
{
	struct past new = {.epoch = *epoch, .next = {1, 1, 1}};

	for (guint i = 0; i < bounds->past->len; i++) {
		struct past *past = &g_array_index(bounds->past, struct past, i);

		if (past->epoch.ordinal == epoch->ordinal && past->epoch.random == epoch->random) {
			return past;
		}
	}
	g_array_append_val(bounds->past, new);
	return &g_array_index(bounds->past, struct past, bounds->past->len - 1);
}

void yett_bounds_reached(
	struct yett_node *node, const struct yett_epoch *epoch, uint32_t lane, uint64_t next)
{
	struct past *past = past_of(node->bounds, epoch);

	past->next[lane] = next > past->next[lane] ? next : past->next[lane];
}

void yett_bounds_held(struct yett_node *node, const struct yett_range *range)
{
	struct past *past = past_of(node->bounds, &range->epoch);
	uint64_t *oldest = &past->oldest[range->lane];

	*oldest = *oldest == 0 || range->first < *oldest ? range->first : *oldest;
	yett_bounds_reached(node, &range->epoch, range->lane, range->first + range->count);
}

void yett_bounds_unread(struct yett_node *node, uint32_t lane)
{
	node->bounds->unread[lane] = true;
}

/* The file: a line for each epoch. */

static bool parse(const char *line, struct past *ret_past)
{
	int end = 0;

	memset(ret_past, 0, sizeof(*ret_past));
	if (sscanf(line, "%20" SCNu64 " %20" SCNu64 " %20" SCNu64 " %20" SCNu64 " %20" SCNu64 "%n",
		    &ret_past->epoch.ordinal, &ret_past->epoch.random, &ret_past->next[0],
		    &ret_past->next[1], &ret_past->next[2], &end) != 2 + YETT_LANES ||
		line[end] != '\0') {
		return false;
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		if (ret_past->next[lane] == 0 || ret_past->next[lane] > INT64_MAX / 2) {
			return false;
		}
	}
	return true;
}

static int read_file(struct yett_bounds *bounds)
{
	char *bytes = NULL, **lines;
	size_t length;
	bool whole = true;
	int result = yett_saved_read(bounds->node->world.files, bounds->node->world.state,
		FILE_NAME, FILE_LIMIT, &bytes, &length);

	if (result != 0) {
		return result == YETT_ENOTFOUND ? 0 : result;
	}
	lines = g_strsplit(bytes, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		struct past past;

		if (**line == '\0') {
			continue;
		}
		if (!parse(*line, &past)) {
			whole = false;
			continue;
		}
		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			yett_bounds_reached(bounds->node, &past.epoch, lane, past.next[lane]);
		}
	}
	g_strfreev(lines);
	free(bytes);
	return whole ? 0 : YETT_ECORRUPT;
}

static gint newest_first(gconstpointer a, gconstpointer b)
{
	const struct past *x = a, *y = b;

	return x->epoch.ordinal > y->epoch.ordinal ? -1 : x->epoch.ordinal < y->epoch.ordinal;
}

static int write_file(struct yett_bounds *bounds)
{
	struct yett_error error = {0};
	GString *text = g_string_new(NULL);
	int result;

	g_array_sort(bounds->past, newest_first);
	for (guint i = 0; i < bounds->past->len && i < AGAIN_MAX; i++) {
		const struct past *past = &g_array_index(bounds->past, struct past, i);

		g_string_append_printf(text,
			"%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
			past->epoch.ordinal, past->epoch.random, past->next[0], past->next[1],
			past->next[2]);
	}
	result = yett_saved_write(bounds->node->world.files, bounds->node->world.state, FILE_NAME,
		text->str, text->len, &error);
	g_string_free(text, TRUE);
	return result;
}

static void complain(const struct yett_node *node, const char *what, int result)
{
	if (result < 0) {
		yett_log(YETT_LOG_WARNING, "bounds-unsaved",
			"the file `" FILE_NAME "` in the state directory cannot be %s: %s; where a "
			"gateway loses what it took, a loss at the end of an earlier start of this "
			"node may go without a name node=%s",
			what, yett_result_text(result), node->name);
	}
}

void yett_bounds_save(struct yett_node *node)
{
	struct yett_bounds *bounds = node->bounds;
	int result = bounds->past->len > 0 ? write_file(bounds) : 0;

	if (bounds->retry_ns == 0) {
		complain(node, "written", result);
	}
	bounds->retry_ns = result < 0 ? yett_now(node) + RETRY_NS : 0;
}

void yett_bounds_tick(struct yett_node *node)
{
	if (node->bounds->retry_ns != 0 && yett_now(node) >= node->bounds->retry_ns) {
		yett_bounds_save(node);
	}
}

/* Telling. */

static int add(struct yett_payload *payload, const struct yett_node *node,
	const struct yett_epoch *epoch, uint32_t lane, uint64_t oldest, uint64_t next)
{
	bool present = epoch->ordinal == node->epoch.ordinal && epoch->random == node->epoch.random;
	struct yett_notice notice = {
		.size = sizeof(notice),
		.kind = YETT_NOTICE_BOUNDS,
		.holder = node->id,
		.range = {.origin = node->id,
			.epoch = *epoch,
			.lane = lane,
			.first = oldest,
			.count = next - oldest},
		.closed = present ? 0 : 1,
	};

	return yett_payload_notice(payload, &notice);
}

static void told(struct yett_keep *keep, int result)
{
	(void)keep;
	(void)result;
}

static void submit(struct yett_node *node, struct yett_payload *payload, uint32_t lane,
	void (*done)(struct yett_keep *keep, int result), void *owner)
{
	struct yett_batch batch;

	if (yett_payload_count(payload) > 0 &&
		yett_payload_cut(payload, lane, YETT_CONTENT_CUSTODY, false,
			yett_clock_wall(node->clock), &batch) == 0) {
		yett_origin_submit(node, &batch, NULL, NULL, 0, done, owner);
	}
	yett_payload_free(payload);
}

void yett_bounds_close(struct yett_node *node, const struct yett_epoch *epoch, uint32_t lane,
	uint64_t next, void (*done)(struct yett_keep *keep, int result), void *owner)
{
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX / 2);

	YETT_REQUIRE(add(payload, node, epoch, lane, next, next) == 0);
	submit(node, payload, lane, done, owner);
}

void yett_bounds_tell(struct yett_node *node)
{
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX / 2);
		int result = 0;

		for (guint i = 0; i < node->bounds->past->len; i++) {
			const struct past *past =
				&g_array_index(node->bounds->past, struct past, i);

			if (past->next[lane] > 1 && result == 0) {
				result = add(payload, node, &past->epoch, lane,
					past->oldest[lane] > 0 ? past->oldest[lane]
							       : past->next[lane],
					past->next[lane]);
			}
		}
		if (node->was_there && node->queue != NULL && !node->bounds->unread[lane] &&
			result == 0) {
			(void)add(payload, node, &node->epoch, lane, 1, 1);
		}
		submit(node, payload, lane, told, NULL);
	}
}

bool yett_bounds_holds(const struct yett_node *node, uint32_t lane)
{
	for (guint i = 0; i < node->bounds->past->len; i++) {
		if (g_array_index(node->bounds->past, struct past, i).oldest[lane] > 0) {
			return true;
		}
	}
	return false;
}

void yett_bounds_left(struct yett_node *node, uint32_t lane)
{
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX / 2);

	for (guint i = 0; i < node->bounds->past->len; i++) {
		struct past *past = &g_array_index(node->bounds->past, struct past, i);

		if (past->oldest[lane] > 0) {
			past->oldest[lane] = 0;
			(void)add(payload, node, &past->epoch, lane, past->next[lane],
				past->next[lane]);
		}
	}
	submit(node, payload, lane, told, NULL);
}

void yett_bounds_setup(struct yett_node *node)
{
	node->bounds = g_new0(struct yett_bounds, 1);
	node->bounds->node = node;
	node->bounds->past = g_array_new(FALSE, FALSE, sizeof(struct past));
	complain(node, "read", read_file(node->bounds));
}

void yett_bounds_done(struct yett_node *node)
{
	if (node->bounds != NULL) {
		g_array_free(node->bounds->past, TRUE);
		g_free(node->bounds);
		node->bounds = NULL;
	}
}
