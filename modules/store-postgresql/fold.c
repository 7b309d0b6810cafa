/* Folds pieces into runs of numbers: all of them once their epoch is complete (flush.c), the older ones below
 * the first number that is under way when there are many. The server does it in one statement,
 * joining what touches; here it is decided up to where, and counted. Holes between runs are lost
 * numbers; if one of them arrives after all it is stored, and counts as received. Under the lock.
 */
#include "internal.h"

static uint64_t top_of(const struct yett_pg_epoch *epoch)
{
	return epoch->next > epoch->highest + 1 ? epoch->next : epoch->highest + 1;
}

/* One number by an epoch and another number. */
static int ask(struct yett_pg *store, enum yett_pg_statement which, int64_t epoch, int64_t second,
	int64_t *ret_number, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result;

	yett_pg_arg_int(&args, epoch);
	yett_pg_arg_int(&args, second);
	result = yett_pg_run(store, which, &args, &rows, error);
	yett_pg_args_done(&args);
	if (result == 0) {
		*ret_number = PQntuples(rows) > 0 ? yett_pg_int(rows, 0, 0) : 0;
	}
	PQclear(rows);
	return result;
}

/* Up to where there is room for what the pieces below `boundary` make of the runs: each island is one more, but
 * for those that it touches. 0: there is nothing to fold, or no room for the first. */
static int find_room(struct yett_pg *store, const struct yett_pg_epoch *epoch, uint64_t boundary,
	uint64_t *ret_boundary, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	uint64_t runs = epoch->runs;
	PGresult *rows = NULL;
	int result;

	yett_pg_arg_int(&args, epoch->id);
	yett_pg_arg_int(&args, (int64_t)boundary);
	result = yett_pg_run(store, YETT_PG_PIECE_ISLANDS_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	if (result < 0) {
		return result;
	}
	*ret_boundary = PQntuples(rows) > 0 ? boundary : 0;
	for (int i = 0; i < PQntuples(rows); i++) {
		runs = runs + 1 - (uint64_t)yett_pg_int(rows, i, 1);
		if (runs > YETT_PG_RUNS_MAX) {
			*ret_boundary = i > 0 ? (uint64_t)yett_pg_int(rows, i, 0) : 0;
			break;
		}
	}
	PQclear(rows);
	return 0;
}

static int fold(struct yett_pg *store, struct yett_pg_epoch *epoch, uint64_t boundary,
	struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result = find_room(store, epoch, boundary, &boundary, error);

	if (result < 0 || boundary == 0) {
		return result;
	}
	yett_pg_arg_int(&args, epoch->id);
	yett_pg_arg_int(&args, (int64_t)boundary);
	result = yett_pg_run(store, YETT_PG_PIECE_FOLD_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	if (result == 0) {
		epoch->pieces -= (uint64_t)yett_pg_int(rows, 0, 0);
		epoch->runs -= (uint64_t)yett_pg_int(rows, 0, 1);
		epoch->runs += (uint64_t)yett_pg_int(rows, 0, 2);
		epoch->dirty = true;
	}
	PQclear(rows);
	return result;
}

int yett_pg_fold_all(struct yett_pg *store, struct yett_pg_epoch *epoch, struct yett_error *error)
{
	return epoch->pieces > 0 ? fold(store, epoch, INT64_MAX, error) : 0;
}

int yett_pg_fold_older(struct yett_pg *store, struct yett_pg_epoch *epoch,
	uint64_t *ret_first_missing, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	uint64_t before = epoch->pieces;
	PGresult *rows = NULL;
	int64_t kept = 0, missing = 0;
	int result;

	/* Once for all batches that come while nothing changes. */
	if (epoch->stuck) {
		*ret_first_missing = epoch->stuck_at;
		return 0;
	}
	if ((result = yett_pg_flush_pieces(store, epoch, error)) < 0 ||
		(result = ask(store, YETT_PG_PIECE_NTH_STATEMENT, epoch->id, YETT_PG_FOLD_KEEP - 1,
			 &kept, error)) < 0) {
		return result;
	}
	yett_pg_array(&args, YETT_PG_INTEGER, 1);
	yett_pg_item_integer(&args, 0);
	yett_pg_array(&args, YETT_PG_BIGINT, 1);
	yett_pg_item_int(&args, epoch->id);
	yett_pg_array(&args, YETT_PG_BIGINT, 1);
	yett_pg_item_int(&args, (int64_t)epoch->oldest);
	yett_pg_array(&args, YETT_PG_BIGINT, 1);
	yett_pg_item_int(&args, (int64_t)top_of(epoch));
	result = yett_pg_run(store, YETT_PG_SUMS_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	if (result == 0) {
		missing = yett_pg_int(rows, 0, 4);
	}
	PQclear(rows);
	if (result < 0) {
		return result;
	}
	*ret_first_missing = epoch->stuck_at = (uint64_t)missing;
	result = fold(
		store, epoch, (uint64_t)(missing > 0 && missing < kept ? missing : kept), error);
	epoch->stuck = result == 0 && epoch->pieces == before;
	return result;
}
