/* The account of each (origin, epoch, lane), and the list of what is lost. Both are read in one
 * snapshot, a page of epochs at a time, so that the sums belong together and no memory grows with
 * the years. The figures of a complete epoch stand in its row; those of the others are counted by the
 * server from its pieces and gaps.
 */
#include "internal.h"

/* A snapshot, unless a transaction gives one already: then `*ret_ours` is false. */
static int snapshot(struct yett_pg *store, bool *ret_ours, struct yett_error *error)
{
	int result = yett_pg_ready(store, error);

	*ret_ours = false;
	if (result < 0 || store->locked || store->snapshot) {
		return result;
	}
	result = yett_pg_text_run(store, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		"begin to read", NULL, error);
	*ret_ours = store->snapshot = result == 0;
	return result;
}

static void snapshot_end(struct yett_pg *store, bool ours)
{
	if (ours) {
		store->snapshot = false;
		if (!store->broken &&
			yett_pg_text_run(store, "COMMIT", "end a read", NULL, NULL) < 0) {
			store->broken = true;
		}
	}
}

static int ask_page(struct yett_pg *store, enum yett_pg_statement which, int64_t after,
	PGresult **ret_rows, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	int result;

	yett_pg_arg_int(&args, after);
	yett_pg_arg_int(&args, YETT_PG_PAGE);
	result = yett_pg_run(store, which, &args, ret_rows, error);
	yett_pg_args_done(&args);
	return result;
}

static uint64_t figure(const PGresult *rows, int i, int column)
{
	return (uint64_t)yett_pg_int(rows, i, column);
}

static int visit_account(const PGresult *rows, int i, yett_account_fn visit, void *arg)
{
	struct yett_account account = {.size = sizeof(account)};
	bool complete = figure(rows, i, 5) == YETT_PG_COMPLETE;
	uint64_t next = figure(rows, i, 7);

	account.lane = (uint32_t)figure(rows, i, 4);
	account.origin = yett_pg_uuid(rows, i, YETT_PG_EPOCH_COLUMN_COUNT);
	account.origin_name = yett_pg_text(rows, i, YETT_PG_EPOCH_COLUMN_COUNT + 1);
	account.epoch = (struct yett_epoch){figure(rows, i, 2), figure(rows, i, 3)};
	account.received = figure(rows, i, 9);
	account.highest = figure(rows, i, 10);
	account.highest = next > account.highest + 1 ? next - 1 : account.highest;
	account.declared = figure(rows, i, complete ? 18 : YETT_PG_EPOCH_COLUMN_COUNT + 2);
	account.inferred = figure(rows, i, complete ? 19 : YETT_PG_EPOCH_COLUMN_COUNT + 3);
	account.missing = complete ? 0 : figure(rows, i, YETT_PG_EPOCH_COLUMN_COUNT + 4);
	account.metrics = figure(rows, i, 13);
	account.events = figure(rows, i, 14);
	account.states = figure(rows, i, 15);
	account.forks = figure(rows, i, 16);
	account.dead = figure(rows, i, 17);
	account.closed = figure(rows, i, 8) != 0;
	return visit(arg, &account);
}

int yett_pg_account(void *self, yett_account_fn visit, void *arg, struct yett_error *error)
{
	struct yett_pg *store = self;
	int64_t after = 0;
	bool ours;
	int count = YETT_PG_PAGE, result = snapshot(store, &ours, error);

	while (result == 0 && count == YETT_PG_PAGE) {
		PGresult *rows = NULL;

		result = ask_page(store, YETT_PG_ACCOUNT_STATEMENT, after, &rows, error);
		count = result == 0 ? PQntuples(rows) : 0;
		for (int i = 0; result == 0 && i < count; i++) {
			after = yett_pg_int(rows, i, 0);
			result = visit_account(rows, i, visit, arg);
		}
		PQclear(rows);
	}
	snapshot_end(store, ours);
	return result;
}

static int visit_loss(const PGresult *rows, int i, yett_loss_fn visit, void *arg)
{
	struct yett_notice notice = {.size = sizeof(notice), .kind = YETT_NOTICE_GAP};

	notice.range.origin = yett_pg_uuid(rows, i, 1);
	notice.range.epoch = (struct yett_epoch){figure(rows, i, 2), figure(rows, i, 3)};
	notice.range.lane = (uint32_t)figure(rows, i, 4);
	notice.range.first = figure(rows, i, 5);
	notice.range.count = figure(rows, i, 6);
	notice.cause = (uint32_t)figure(rows, i, 7);
	notice.id = yett_pg_uuid(rows, i, 8);
	notice.holder = yett_pg_uuid(rows, i, 9);
	return visit(arg, &notice);
}

/* The last epoch of the page that begins after `after`; 0: there is none. */
static int end_of_page(
	struct yett_pg *store, int64_t after, int64_t *ret_last, struct yett_error *error)
{
	PGresult *rows = NULL;
	int result = ask_page(store, YETT_PG_LOSSES_NEXT_STATEMENT, after, &rows, error);

	*ret_last = result == 0 ? yett_pg_int(rows, 0, 0) : 0;
	PQclear(rows);
	return result;
}

int yett_pg_losses(void *self, yett_loss_fn visit, void *arg, struct yett_error *error)
{
	struct yett_pg *store = self;
	int64_t after = 0, last = 0;
	bool ours;
	int result = snapshot(store, &ours, error);

	while (result == 0 && (result = end_of_page(store, after, &last, error)) == 0 && last > 0) {
		PGresult *rows = NULL;

		result = ask_page(store, YETT_PG_LOSSES_STATEMENT, after, &rows, error);
		for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
			result = visit_loss(rows, i, visit, arg);
		}
		PQclear(rows);
		after = last;
	}
	snapshot_end(store, ours);
	return result;
}
