/* Stores the notices of one custody batch: gaps, once each by their identity, and bounds, of which
 * the furthest is kept. Both may come before the batches that they speak of, after them, or twice. A
 * notice opens no epoch, so no limit ever refuses one. That they are sound was found when they were
 * decoded (group.c). Under the lock.
 */
#include "internal.h"

static int note_gap(struct yett_pg *store, struct yett_pg_epoch *epoch,
	const struct yett_notice *notice, int64_t received_ns, struct yett_error *error)
{
	uint64_t last = notice->range.first + notice->range.count - 1;
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	int64_t made = 0;
	int result;

	yett_pg_arg_bytes(&args, &notice->id, sizeof(notice->id));
	yett_pg_arg_int(&args, epoch->id);
	yett_pg_arg_int(&args, (int64_t)notice->range.first);
	yett_pg_arg_int(&args, (int64_t)notice->range.count);
	yett_pg_arg_int(&args, (int32_t)notice->cause);
	yett_pg_arg_bytes(&args, &notice->holder, sizeof(notice->holder));
	yett_pg_arg_int(&args, received_ns);
	result = yett_pg_do(store, YETT_PG_GAP_MAKE_STATEMENT, &args, &made, error);
	if (result == 0 && made > 0) {
		epoch->highest = last > epoch->highest ? last : epoch->highest;
	}
	return result;
}

static void note_bounds(struct yett_pg_epoch *epoch, const struct yett_notice *notice)
{
	uint64_t next = notice->range.first + notice->range.count;

	epoch->oldest = notice->range.first > epoch->oldest ? notice->range.first : epoch->oldest;
	epoch->next = next > epoch->next ? next : epoch->next;
	epoch->closed = epoch->closed || notice->closed != 0;
}

int yett_pg_custody(struct yett_pg *store, const struct yett_pg_group *group,
	const struct yett_pg_item *item, struct yett_error *error)
{
	const struct yett_notice *notices =
		(const struct yett_notice *)(const void *)group->notices.at + item->notice;
	int result = 0;

	for (size_t i = 0; result == 0 && i < item->notices; i++) {
		const struct yett_range *range = &notices[i].range;
		struct yett_pg_epoch *epoch =
			yett_pg_epoch_find(store, &range->origin, &range->epoch, range->lane);

		yett_pg_epoch_make(store, epoch);
		epoch->changed_ns = item->put->received_ns;
		if (notices[i].kind == YETT_NOTICE_GAP) {
			result = note_gap(store, epoch, &notices[i], item->put->received_ns, error);
		} else {
			note_bounds(epoch, &notices[i]);
		}
	}
	return result;
}
