/* Stores the notices of one custody batch: gaps, and bounds, of which the furthest is kept. Both may come
 * before the batches that they speak of, after them, or twice. A notice opens no epoch, so no limit on those
 * ever refuses one. That they are sound was found when they were decoded (group.c).
 *
 * A gap that follows, overlaps or lies in another one of the same epoch, cause and holder becomes one row with
 * it, which keeps its identity and bears the time of the newest notice that made it grow. So what is covered
 * already changes nothing, and who loses one batch after another leaves one row. Each epoch has so many rows
 * at most, since whoever asks for its account reads all of them: what would leave more is refused before
 * anything of the batch is written. The server joins them, those of a few epochs in one statement. Under the
 * lock.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static const char too_many[] =
	"more than 16384 separate ranges of one start of a node would be declared lost: see to "
	"what loses them (`yettctl losses`), restart that node for a start that has room, and "
	"replay this once some of those ranges have met";

/* The gaps of one batch, those of an epoch together. */
struct gap {
	struct yett_pg_epoch *epoch;
	const struct yett_notice *notice;
};

/* Those of some epochs, as the first parameters of a statement. */
struct some {
	struct yett_pg_args args;
	struct yett_pg_epoch *epochs[YETT_PG_EPOCHS_AT_ONCE];
	size_t end; /* where the next begin */
};

static int by_epoch(const void *left, const void *right)
{
	const struct gap *a = left, *b = right;
	uintptr_t first = (uintptr_t)a->epoch, second = (uintptr_t)b->epoch;

	return first < second ? -1 : first > second;
}

static const struct yett_notice *notices_of(
	const struct yett_pg_group *group, const struct yett_pg_item *item)
{
	return (const struct yett_notice *)(const void *)group->notices.at + item->notice;
}

static int find_gaps(struct yett_pg *store, const struct yett_pg_group *group,
	const struct yett_pg_item *item, struct gap **ret_gaps, size_t *ret_count,
	struct yett_error *error)
{
	const struct yett_notice *notices = notices_of(group, item);
	struct gap *gaps = calloc(item->notices + 1, sizeof(*gaps));
	size_t count = 0;

	if (gaps == NULL) {
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for gaps");
	}
	for (size_t i = 0; i < item->notices; i++) {
		const struct yett_range *range = &notices[i].range;

		if (notices[i].kind == YETT_NOTICE_GAP) {
			gaps[count++] = (struct gap){yett_pg_epoch_find(store, &range->origin,
							     &range->epoch, range->lane),
				&notices[i]};
		}
	}
	qsort(gaps, count, sizeof(*gaps), by_epoch);
	*ret_gaps = gaps;
	*ret_count = count;
	return 0;
}

static void put_gap(struct yett_pg_args *args, const struct yett_notice *notice, int column)
{
	switch (column) {
	case 1:
		yett_pg_item_int(args, (int64_t)notice->range.first);
		break;
	case 2:
		yett_pg_item_int(args, (int64_t)(notice->range.first + notice->range.count));
		break;
	case 3:
		yett_pg_item_integer(args, (int32_t)notice->cause);
		break;
	case 4:
		yett_pg_item_bytes(args, &notice->holder, sizeof(notice->holder));
		break;
	default:
		yett_pg_item_bytes(args, &notice->id, sizeof(notice->id));
	}
}

/* From `at` on: the epochs' ids; and of each gap the place of its epoch among them, the first number, the
 * next, the cause, the holder, and its identity where there are six columns. */
static void put_some(
	const struct gap *gaps, size_t at, size_t count, int columns, struct some *ret_some)
{
	static const enum yett_pg_type types[] = {YETT_PG_BIGINT, YETT_PG_BIGINT, YETT_PG_BIGINT,
		YETT_PG_INTEGER, YETT_PG_UUID, YETT_PG_UUID};
	struct yett_pg_args *args = &ret_some->args;
	size_t end = at, epochs = 0;

	*args = (struct yett_pg_args)YETT_PG_ARGS_EMPTY;
	for (; end < count; end++) {
		if (end > at && gaps[end].epoch == gaps[end - 1].epoch) {
			continue;
		}
		if (epochs == YETT_PG_EPOCHS_AT_ONCE) {
			break;
		}
		ret_some->epochs[epochs++] = gaps[end].epoch;
	}
	ret_some->end = end;
	yett_pg_array(args, YETT_PG_BIGINT, epochs);
	for (size_t i = 0; i < epochs; i++) {
		yett_pg_item_int(args, ret_some->epochs[i]->id);
	}
	for (int column = 0; column < columns; column++) {
		int64_t place = 1;

		yett_pg_array(args, types[column], end - at);
		for (size_t i = at; i < end; i++) {
			place += i > at && gaps[i].epoch != gaps[i - 1].epoch;
			if (column == 0) {
				yett_pg_item_int(args, place);
			} else {
				put_gap(args, gaps[i].notice, column);
			}
		}
	}
}

int yett_pg_custody_judge(struct yett_pg *store, const struct yett_pg_group *group,
	struct yett_pg_item *item, struct yett_error *error)
{
	struct gap *gaps;
	struct some some;
	size_t count;
	int result;

	if (item->cause != NULL || item->notices == 0) {
		return 0;
	}
	result = find_gaps(store, group, item, &gaps, &count, error);
	if (result < 0) {
		return result;
	}
	for (size_t at = 0; result == 0 && item->cause == NULL && at < count; at = some.end) {
		PGresult *rows = NULL;

		put_some(gaps, at, count, 5, &some);
		yett_pg_arg_int(&some.args, YETT_PG_GAPS_MAX + 1);
		result = yett_pg_run(store, YETT_PG_GAP_COUNT_STATEMENT, &some.args, &rows, error);
		yett_pg_args_done(&some.args);
		if (result == 0 && yett_pg_int(rows, 0, 0) > YETT_PG_GAPS_MAX) {
			item->cause = too_many;
		}
		PQclear(rows);
	}
	free(gaps);
	return result;
}

static int note_gaps(struct yett_pg *store, const struct gap *gaps, size_t count,
	int64_t received_ns, struct yett_error *error)
{
	struct some some;
	int result = 0;

	for (size_t at = 0; result == 0 && at < count; at = some.end) {
		PGresult *rows = NULL;

		put_some(gaps, at, count, 6, &some);
		yett_pg_arg_int(&some.args, received_ns);
		result = yett_pg_run(store, YETT_PG_GAP_JOIN_STATEMENT, &some.args, &rows, error);
		yett_pg_args_done(&some.args);
		for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
			struct yett_pg_epoch *epoch = some.epochs[yett_pg_int(rows, i, 0) - 1];
			uint64_t last = (uint64_t)yett_pg_int(rows, i, 1) - 1;

			epoch->highest = last > epoch->highest ? last : epoch->highest;
		}
		PQclear(rows);
	}
	return result;
}

/* An origin that once held nothing more of a closed epoch holds none of what it said at another time that there
 * was: a start that could not write down how far it went is followed by one that does not know. */
static void note_bounds(struct yett_pg_epoch *epoch, const struct yett_notice *notice)
{
	uint64_t next = notice->range.first + notice->range.count;
	bool left = (epoch->closed && epoch->oldest >= epoch->next) ||
		    (notice->closed != 0 && notice->range.count == 0);

	epoch->oldest = notice->range.first > epoch->oldest ? notice->range.first : epoch->oldest;
	epoch->next = next > epoch->next ? next : epoch->next;
	if (left && epoch->oldest < epoch->next) {
		epoch->oldest = epoch->next;
	}
	epoch->closed = epoch->closed || notice->closed != 0;
}

/* It says that its start is the present one, and that what it told of earlier ones was all. */
static bool is_present(const struct yett_batch_info *info, const struct yett_notice *notice)
{
	return notice->kind == YETT_NOTICE_BOUNDS && notice->closed == 0 &&
	       notice->range.lane == info->lane &&
	       memcmp(&notice->range.epoch, &info->epoch, sizeof(info->epoch)) == 0;
}

static int note(struct yett_pg *store, const struct yett_pg_item *item,
	const struct yett_notice *notice, struct yett_pg_epoch **ret_present,
	struct yett_error *error)
{
	const struct yett_range *range = &notice->range;
	struct yett_pg_epoch *epoch =
		yett_pg_epoch_find(store, &range->origin, &range->epoch, range->lane);
	int result = yett_pg_epoch_make(store, epoch, error);

	if (result < 0) {
		return result;
	}
	epoch->changed_ns = item->put->received_ns;
	if (is_present(&item->put->batch->info, notice) && epoch->next <= (epoch->closed ? 1 : 0)) {
		/* For the first time; no later start has named it. */
		*ret_present = epoch;
		result = yett_pg_forgotten_not(store, epoch, error);
	}
	if (notice->kind == YETT_NOTICE_BOUNDS) {
		note_bounds(epoch, notice);
	}
	return result;
}

int yett_pg_custody(struct yett_pg *store, const struct yett_pg_group *group,
	const struct yett_pg_item *item, struct yett_error *error)
{
	const struct yett_notice *notices = notices_of(group, item);
	struct yett_pg_epoch *present = NULL;
	struct gap *gaps;
	size_t count;
	int result = 0;

	for (size_t i = 0; result == 0 && i < item->notices; i++) {
		result = note(store, item, &notices[i], &present, error);
	}
	if (result == 0 && present != NULL) {
		result = yett_pg_forgotten_earlier(store, present, item->put->received_ns, error);
	}
	if (result == 0) {
		result = find_gaps(store, group, item, &gaps, &count, error);
	}
	if (result == 0) {
		result = note_gaps(store, gaps, count, item->put->received_ns, error);
		free(gaps);
	}
	return result;
}
