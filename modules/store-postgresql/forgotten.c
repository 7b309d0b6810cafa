/* Starts that their origin has forgotten.
 *
 * A start tells of the earlier ones, lane by lane, and ends with bounds of its own (doc/protocol.md): of one
 * that it did not name it holds nothing. Such a one is closed: what lacks of it is lost, by inference, unless it
 * comes after all. That is said of those that are there when the start tells, and of those that come later, until
 * they tell themselves: a node whose clock was put back as well lives with an ordinal below that of a start that
 * it has forgotten. Some of either are at hand, others in the table. Under the lock.
 */
#include "internal.h"

/* So many of the newest rows are looked at, beside those that are open. */
#define ROWS_MAX 512

static void close_one(struct yett_pg_epoch *epoch)
{
	epoch->next = epoch->next > 0 ? epoch->next : 1;
	epoch->oldest = epoch->oldest > epoch->next ? epoch->oldest : epoch->next;
	epoch->closed = epoch->dirty = true;
	epoch->stuck = false;
}

/* Of the same origin and lane, and of an earlier start. */
static bool is_before(const struct yett_pg_epoch *epoch, const struct yett_pg_epoch *later)
{
	return epoch->origin == later->origin && epoch->lane == later->lane && epoch->made &&
	       epoch->epoch.ordinal > 0 && epoch->epoch.ordinal < later->epoch.ordinal;
}

/* One that has told of itself is open. */
static bool later_is_open(const struct yett_pg_epoch *epoch)
{
	for (size_t i = 0; i < epoch->origin->open_count; i++) {
		if (epoch->origin->open[i].ordinal > epoch->epoch.ordinal) {
			return true;
		}
	}
	return false;
}

/* Of what the table has; what this put brings is noted as it comes. */
static int find_told(struct yett_pg *store, struct yett_pg_origin *origin, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result;

	yett_pg_arg_int(&args, origin->id);
	result = yett_pg_run(store, YETT_PG_EPOCH_TOLD_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		uint32_t lane = (uint32_t)yett_pg_int(rows, i, 0);
		uint64_t ordinal = (uint64_t)yett_pg_int(rows, i, 1);

		if (lane < YETT_LANES && ordinal > origin->told[lane]) {
			origin->told[lane] = ordinal;
		}
	}
	PQclear(rows);
	origin->told_known = result == 0;
	return result;
}

int yett_pg_forgotten_new(
	struct yett_pg *store, struct yett_pg_epoch *epoch, struct yett_error *error)
{
	struct yett_pg_origin *origin = epoch->origin;
	int result = 0;

	if (epoch->epoch.ordinal == 0 || epoch->lane >= YETT_LANES || !later_is_open(epoch)) {
		return 0; /* what is put aside is of no start */
	}
	if (!origin->told_known) {
		result = find_told(store, origin, error);
	}
	if (result == 0 && epoch->epoch.ordinal < origin->told[epoch->lane]) {
		close_one(epoch);
	}
	return result;
}

int yett_pg_forgotten_not(
	struct yett_pg *store, struct yett_pg_epoch *epoch, struct yett_error *error)
{
	int result;

	if (!epoch->closed) {
		return 0;
	}
	result = yett_pg_epoch_open_again(store, epoch, error);
	if (result > 0) {
		epoch->closed = false;
		epoch->oldest = 1;
		epoch->state = YETT_PG_OPEN;
		epoch->dirty = true;
	}
	return result < 0 ? result : 0;
}

int yett_pg_forgotten_earlier(struct yett_pg *store, struct yett_pg_epoch *present, int64_t now_ns,
	struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	struct yett_pg_epoch *epoch;
	PGresult *rows = NULL;
	int result;

	if (present->epoch.ordinal > present->origin->told[present->lane]) {
		present->origin->told[present->lane] = present->epoch.ordinal;
	}
	yett_pg_arg_int(&args, present->origin->id);
	yett_pg_arg_int(&args, (int64_t)present->epoch.ordinal);
	yett_pg_arg_int(&args, present->lane);
	yett_pg_arg_int(&args, ROWS_MAX);
	result = yett_pg_run(store, YETT_PG_EPOCH_EARLIER_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		result = yett_pg_epoch_at_hand(
			store, &present->origin->uuid, rows, i, &epoch, error);
	}
	PQclear(rows);
	for (size_t at = 0;
		result == 0 && (epoch = yett_pg_map_next(&store->epochs, &at)) != NULL;) {
		if (!epoch->closed && is_before(epoch, present)) {
			close_one(epoch);
			epoch->changed_ns = now_ns;
		}
	}
	return result;
}
