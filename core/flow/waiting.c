/* Waiting for a round of the queue.
 *
 * Responsible for what goes into a round, and in which order: what did not go in the last time, lane by
 * lane, then what is new; nothing overtakes another batch of its lane. But for one kind: a notice, in
 * the urgent lane, of what this node itself has lost. It has room of its own where nothing else has any,
 * and it is what makes room; behind a lane that is full it would wait for what waits for it. Those go
 * first, and are not overtaken. Notices that come from other nodes wait like everything else.
 *
 * Where the disk is full, what stands behind the first that found no room was not asked for. So the lane of
 * that one goes last the next time, and this node's notices with the urgent one: the others may have room, or
 * may make some.
 *
 * Not responsible for when a round is (queue.c). On the loop. No failure. */
#include "waiting.h"

#include "../base/id.h"

/* A disk that takes this much with a sync takes hardly more with a longer group, and everybody in it
 * waits the longer. */
#define GROUP_BYTES (4 * UINT64_C(1024) * 1024)
#define GROUP_COUNT 4096

static bool is_notice(const struct yett_waiting *waiting, const struct yett_keep *keep)
{
	const struct yett_batch_info *info = &keep->batch.info;

	return info->content == YETT_CONTENT_CUSTODY && info->lane == YETT_LANE_URGENT &&
	       yett_id_equal(&info->origin, waiting->own);
}

void yett_waiting_add(struct yett_waiting *waiting, struct yett_keep *keep)
{
	yett_keep_push(is_notice(waiting, keep) ? &waiting->notices : &waiting->fresh, keep);
}

static struct yett_keep *take(struct yett_keep_list *from, const struct yett_keep_list *keeps)
{
	return keeps->bytes < GROUP_BYTES && keeps->count < GROUP_COUNT ? yett_keep_pop(from)
									: NULL;
}

static void take_all(struct yett_keep_list *from, struct yett_keep_list *keeps)
{
	struct yett_keep *keep;

	while ((keep = take(from, keeps)) != NULL) {
		yett_keep_push(keeps, keep);
	}
}

/* No lane has to wait for a whole group of another, which may not go in. Half, since a batch is large. */
static void take_share(struct yett_keep_list *from, struct yett_keep_list *keeps)
{
	uint64_t bytes = keeps->bytes + GROUP_BYTES / YETT_LANES / 2;
	size_t count = keeps->count + GROUP_COUNT / YETT_LANES / 2;
	struct yett_keep *keep;

	while (keeps->bytes < bytes && keeps->count < count && (keep = take(from, keeps)) != NULL) {
		yett_keep_push(keeps, keep);
	}
}

/* Whether something of its lane has been tried and waits: then it waits behind that. What has later numbers of
 * this node does not overtake its notices either. */
static bool has_to_wait(const struct yett_waiting *waiting, const struct yett_keep *keep)
{
	const struct yett_batch_info *info = &keep->batch.info;

	return waiting->tried[info->lane].head != NULL ||
	       (waiting->tried[YETT_WAITING_NOTICES].head != NULL &&
		       info->lane == YETT_LANE_URGENT &&
		       yett_id_equal(&info->origin, waiting->own));
}

/* What was tried, lane by lane; notices in front of what they must not be overtaken by. */
static void take_tried(struct yett_waiting *waiting, struct yett_keep_list *keeps,
	void (*take_some)(struct yett_keep_list *from, struct yett_keep_list *keeps))
{
	for (uint32_t i = 0; i < YETT_LANES; i++) {
		uint32_t lane = (waiting->begin + i) % YETT_LANES;

		if (lane == YETT_LANE_URGENT) {
			take_all(&waiting->tried[YETT_WAITING_NOTICES], keeps);
		}
		take_some(&waiting->tried[lane], keeps);
	}
}

void yett_waiting_gather(
	struct yett_waiting *waiting, bool stalled, struct yett_keep_list *ret_keeps)
{
	struct yett_keep *keep;

	if (!stalled && waiting->tried[YETT_WAITING_NOTICES].head != NULL) {
		yett_keep_join(&waiting->tried[YETT_WAITING_NOTICES], &waiting->notices);
	}
	take_all(&waiting->notices, ret_keeps); /* also where all else has to wait */
	if (!stalled) {
		take_tried(waiting, ret_keeps, take_share);
		take_tried(waiting, ret_keeps, take_all);
	}
	while ((keep = take(&waiting->fresh, ret_keeps)) != NULL) {
		yett_keep_push(has_to_wait(waiting, keep) ? &waiting->tried[keep->batch.info.lane]
							  : ret_keeps,
			keep);
	}
}

void yett_waiting_put_back(struct yett_waiting *waiting, struct yett_keep_list *keeps)
{
	struct yett_keep_list again[YETT_LANES + 1] = {0};
	struct yett_keep *keep;
	bool disk_full = false;

	while ((keep = yett_keep_pop(keeps)) != NULL) {
		if (keep->result == YETT_ENOSPC && !disk_full) {
			disk_full = true;
			waiting->begin = (keep->batch.info.lane + 1) % YETT_LANES;
		}
		yett_keep_push(&again[is_notice(waiting, keep) ? YETT_WAITING_NOTICES
							       : keep->batch.info.lane],
			keep);
	}
	for (uint32_t list = 0; list <= YETT_WAITING_NOTICES; list++) {
		yett_keep_join(&again[list], &waiting->tried[list]);
		waiting->tried[list] = again[list];
	}
}

size_t yett_waiting_tried(const struct yett_waiting *waiting)
{
	size_t count = 0;

	for (uint32_t list = 0; list <= YETT_WAITING_NOTICES; list++) {
		count += waiting->tried[list].count;
	}
	return count;
}

bool yett_waiting_has_new(const struct yett_waiting *waiting)
{
	return waiting->fresh.head != NULL || waiting->notices.head != NULL;
}

void yett_waiting_complete_all(struct yett_waiting *waiting, int result)
{
	yett_keep_complete_all(&waiting->notices, result);
	yett_keep_complete_all(&waiting->fresh, result);
	for (uint32_t list = 0; list <= YETT_WAITING_NOTICES; list++) {
		yett_keep_complete_all(&waiting->tried[list], result);
	}
}
