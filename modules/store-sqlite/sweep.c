/* Goes over the numbers of one epoch's lane, from 1 to the highest that is known, and says of
 * those that are not received what has become of them: declared lost by a holder, lost by
 * inference (their origin holds them no longer, and nobody has declared them), or under way.
 * Received wins over everything, whatever came first. Three sorted cursors, no memory that a peer
 * could size.
 */
#include "internal.h"

#include <string.h>

#define NONE UINT64_MAX

struct cursor {
	sqlite3_stmt *statement;
	uint64_t first, next;
	bool counted; /* the second column is a count, not the next number */
};

static int cursor_open(struct yett_sqlite *store, struct cursor *cursor,
	enum yett_sqlite_statement which, int64_t epoch, bool counted, struct yett_error *error)
{
	int result = yett_sqlite_prepare(store, which, &cursor->statement, error);

	if (result < 0) {
		return result;
	}
	if (sqlite3_stmt_busy(cursor->statement)) {
		cursor->statement = NULL;
		return store->host->fail(
			error, YETT_EBUG, NULL, "%s: an account within an account", store->name);
	}
	sqlite3_bind_int64(cursor->statement, 1, epoch);
	cursor->counted = counted;
	return 0;
}

/* Moves on until the cursor's part ends above `at`. */
static int cursor_seek(
	struct yett_sqlite *store, struct cursor *cursor, uint64_t at, struct yett_error *error)
{
	while (cursor->next <= at) {
		int code = sqlite3_step(cursor->statement);

		if (code == SQLITE_DONE) {
			cursor->first = cursor->next = NONE;
		} else if (code != SQLITE_ROW) {
			return yett_sqlite_fail(store, error, code, "read an account");
		} else {
			cursor->first = (uint64_t)sqlite3_column_int64(cursor->statement, 0);
			cursor->next = (uint64_t)sqlite3_column_int64(cursor->statement, 1) +
				       (cursor->counted ? cursor->first : 0);
		}
	}
	return 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The part that starts at `at`, which is not received before `end`. */
static void name_part(const struct cursor *gap, uint64_t oldest, uint64_t at, uint64_t end,
	struct yett_sqlite_lost *ret_lost)
{
	memset(ret_lost, 0, sizeof(*ret_lost));
	ret_lost->first = at;
	if (gap->first <= at) {
		ret_lost->part = YETT_SQLITE_PART_DECLARED;
		ret_lost->next = least(end, gap->next);
		ret_lost->cause = (uint32_t)sqlite3_column_int64(gap->statement, 2);
		ret_lost->uuid = (const char *)sqlite3_column_text(gap->statement, 3);
		ret_lost->holder = (const char *)sqlite3_column_text(gap->statement, 4);
		return;
	}
	end = least(end, gap->first);
	ret_lost->part = at < oldest ? YETT_SQLITE_PART_INFERRED : YETT_SQLITE_PART_MISSING;
	ret_lost->next = at < oldest ? least(end, oldest) : end;
}

int yett_sqlite_sweep(struct yett_sqlite *store, const struct yett_sqlite_epoch *epoch,
	yett_sqlite_sweep_fn visit, void *arg, struct yett_error *error)
{
	struct cursor runs = {0}, pieces = {0}, gaps = {0};
	uint64_t told = epoch->next > 0 ? epoch->next - 1 : 0;
	uint64_t top = (epoch->highest > told ? epoch->highest : told) + 1;
	uint64_t at = 1;
	int result;

	if ((result = cursor_open(
		     store, &runs, YETT_SQLITE_RUN_ALL_STATEMENT, epoch->id, false, error)) < 0 ||
		(result = cursor_open(store, &pieces, YETT_SQLITE_PIECE_ALL_STATEMENT, epoch->id,
			 true, error)) < 0 ||
		(result = cursor_open(store, &gaps, YETT_SQLITE_GAP_ALL_STATEMENT, epoch->id, true,
			 error)) < 0) {
		goto out;
	}
	while (at < top) {
		struct yett_sqlite_lost lost;

		if ((result = cursor_seek(store, &runs, at, error)) < 0 ||
			(result = cursor_seek(store, &pieces, at, error)) < 0 ||
			(result = cursor_seek(store, &gaps, at, error)) < 0) {
			goto out;
		}
		if (runs.first <= at || pieces.first <= at) {
			at = runs.first <= at ? runs.next : pieces.next;
			continue;
		}
		name_part(&gaps, epoch->oldest, at, least(top, least(runs.first, pieces.first)),
			&lost);
		at = lost.next;
		if ((result = visit(arg, &lost)) != 0) {
			goto out;
		}
	}
	result = 0;
out:
	sqlite3_reset(runs.statement);
	sqlite3_reset(pieces.statement);
	sqlite3_reset(gaps.statement);
	return result;
}

static int add_up(void *arg, const struct yett_sqlite_lost *lost)
{
	struct yett_sqlite_sums *sums = arg;
	uint64_t count = lost->next - lost->first;

	switch (lost->part) {
	case YETT_SQLITE_PART_DECLARED:
		sums->declared += count;
		break;
	case YETT_SQLITE_PART_INFERRED:
		sums->inferred += count;
		break;
	case YETT_SQLITE_PART_MISSING:
		sums->first_missing = sums->missing == 0 ? lost->first : sums->first_missing;
		sums->missing += count;
		break;
	}
	return 0;
}

int yett_sqlite_sum(struct yett_sqlite *store, const struct yett_sqlite_epoch *epoch,
	struct yett_sqlite_sums *ret_sums, struct yett_error *error)
{
	struct yett_sqlite_sums sums = {0};
	int result = yett_sqlite_sweep(store, epoch, add_up, &sums, error);

	if (result == 0) {
		*ret_sums = sums;
	}
	return result;
}
