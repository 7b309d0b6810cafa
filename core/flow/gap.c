/* Gaps: what is lost is declared, by name.
 *
 * Responsible for gap notices: each with an identity of its own, citing origin, epoch, lane, range,
 * cause and holder, in an urgent batch of this node's; and for the order in which a full lane makes
 * room: first the notice, synced, then the drop. Not responsible for whether to drop (the lane's
 * rule) nor for what was damaged (the queue module finds it). On the loop; the walk over a segment
 * runs on the queue's thread. */
#include <inttypes.h>
#include <string.h>

#include "../base/id.h"
#include "../base/log.h"
#include "../wire/record.h"
#include "stages.h"

#define NOTICES_A_BATCH 1000

struct declaration {
	struct yett_node *node;
	unsigned batches; /* under way */
	void (*done)(void *arg);
	void *arg;
	/* Of one that is told also where it fails; else NULL. */
	void (*ended)(void *arg, int result);
	int result;
};

static void settled(struct declaration *declaration)
{
	if (--declaration->batches == 0) {
		if (declaration->done != NULL) {
			declaration->done(declaration->arg);
		}
		if (declaration->ended != NULL) {
			declaration->ended(declaration->arg, declaration->result);
		}
		g_free(declaration);
	}
}

static void kept(struct yett_keep *keep, int result)
{
	struct declaration *declaration = keep->owner;

	if (result != 0) {
		declaration->done = NULL; /* the node ends: nothing may be dropped */
		declaration->result = result;
	}
	settled(declaration);
}

static void submit(struct declaration *declaration, struct yett_payload *payload)
{
	struct yett_node *node = declaration->node;
	struct yett_batch batch;

	if (yett_payload_cut(payload, YETT_LANE_URGENT, YETT_CONTENT_CUSTODY, true,
		    yett_clock_wall(node->clock), &batch) == 0) {
		declaration->batches++;
		yett_origin_submit(node, &batch, NULL, NULL, 0, kept, declaration);
	}
}

static void declare(struct declaration *declaration, const struct yett_range *ranges, size_t count,
	uint32_t cause)
{
	struct yett_node *node = declaration->node;
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX / 2);
	uint64_t records = 0;

	declaration->batches = 1; /* ours, until all are submitted */
	for (size_t i = 0; i < count; i++) {
		struct yett_notice notice = {
			.size = sizeof(notice),
			.kind = YETT_NOTICE_GAP,
			.id = yett_id_new(node->clock),
			.holder = node->id,
			.range = ranges[i],
			.cause = cause,
		};

		records += ranges[i].count;
		YETT_REQUIRE(yett_payload_notice(payload, &notice) == 0);
		if (yett_payload_count(payload) >= NOTICES_A_BATCH) {
			submit(declaration, payload); /* 1,000 fit by far */
		}
	}
	if (yett_payload_count(payload) > 0) {
		submit(declaration, payload);
	}
	yett_payload_free(payload);
	yett_count(node, YETT_COUNT_GAPS, count);
	yett_log(YETT_LOG_ERROR, "records-lost",
		"records are lost here, and declared so to the store ranges=%zu records=%" PRIu64
		" cause=%u",
		count, records, cause);
	settled(declaration);
}

void yett_gap_declare(struct yett_node *node, const struct yett_range *ranges, size_t count,
	uint32_t cause, void (*done)(void *arg), void *arg)
{
	struct declaration *declaration = g_new0(struct declaration, 1);

	declaration->node = node;
	declaration->done = done;
	declaration->arg = arg;
	declare(declaration, ranges, count, cause);
}

void yett_gap_reject(struct yett_node *node, const struct yett_range *range,
	void (*ended)(void *arg, int result), void *arg)
{
	struct declaration *declaration = g_new0(struct declaration, 1);

	declaration->node = node;
	declaration->ended = ended;
	declaration->arg = arg;
	declare(declaration, range, 1, YETT_GAP_REJECTED);
}

/* Making room. */

struct room {
	struct yett_node *node;
	uint32_t lane;
	uint64_t segment;
	GArray *ranges;
	int result;
	bool dropped;
};

static int add_range(void *arg, uint64_t number, const struct yett_range *range, const void *meta,
	size_t meta_length)
{
	struct room *room = arg;
	struct yett_range *last;

	(void)number;
	(void)meta;
	(void)meta_length;
	if (room->ranges->len > 0) {
		last = &g_array_index(room->ranges, struct yett_range, room->ranges->len - 1);
		if (yett_id_equal(&last->origin, &range->origin) && last->lane == range->lane &&
			memcmp(&last->epoch, &range->epoch, sizeof(last->epoch)) == 0 &&
			last->first + last->count == range->first) {
			last->count += range->count;
			return 0;
		}
	}
	g_array_append_val(room->ranges, *range);
	return 0;
}

static void find_oldest(const struct yett_queue_operations *operations, void *self, void *arg)
{
	struct room *room = arg;

	room->result = operations->oldest(self, room->lane, &room->segment, add_range, room);
}

static void drop(const struct yett_queue_operations *operations, void *self, void *arg)
{
	struct room *room = arg;

	room->result = operations->drop(self, room->lane, room->segment);
	room->dropped = room->result == 0;
}

static void dropped(void *arg)
{
	struct room *room = arg;

	yett_queue_room_made(room->node, room->lane, room->dropped);
	g_array_free(room->ranges, TRUE);
	g_free(room);
}

static void declared(void *arg)
{
	struct room *room = arg;

	yett_queue_call(room->node, drop, dropped, room);
}

static void found(void *arg)
{
	struct room *room = arg;

	if (room->result == 0 && room->ranges->len == 0) {
		declared(room); /* all of it has rotted, without a name: the store infers it */
		return;
	}
	if (room->result != 0) {
		yett_log(YETT_LOG_WARNING, "no-room-made",
			"the lane is full and there is nothing old to drop: %s lane=%u",
			yett_result_text(room->result), room->lane);
		dropped(room);
		return;
	}
	yett_gap_declare(room->node, (struct yett_range *)(void *)room->ranges->data,
		room->ranges->len, YETT_GAP_QUOTA, declared, room);
}

void yett_gap_make_room(struct yett_node *node, uint32_t lane)
{
	struct room *room = g_new0(struct room, 1);

	room->node = node;
	room->lane = lane;
	room->ranges = g_array_new(FALSE, FALSE, sizeof(struct yett_range));
	yett_queue_call(node, find_oldest, found, room);
}
