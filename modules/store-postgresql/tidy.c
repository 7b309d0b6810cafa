/* Housekeeping between transactions, in slices: retention by age and by size, names that nothing uses
 * any more, deleted documents that everybody has heard of.
 *
 * One management server tidies at a time; another one passes over it. Slices of records do not take
 * the store's lock, so that batches go on meanwhile; names do, since a batch under way may be about
 * to use one. Records are retired in the order of storing, by the time of receipt, never by what they
 * say of their own time, and not by this host's wall clock alone: what is older than `keep` by it must be so
 * by the monotonic one, counted from the newest record that was there at the start, and by the database's
 * clock; and for an hour after the start nothing goes, so that a clock can be set right. Where both wall clocks
 * are far ahead, a start that finds a record which was received by one believes them, once that hour is over. A
 * record that was received by a clock far ahead goes with the next one that was not. The newest record always
 * stays, so that ids only ever rise. Epochs and their accounts stay for good.
 *
 * PostgreSQL gives no room back when rows are deleted: it uses it again (autovacuum sees to that). So
 * the size that the limit is held against is not that of the files, once these are larger: it is what the
 * records are reckoned to take (weigh.c). Dead letters and forks, which no limit refuses, may take a quarter of
 * that beside.
 */
#include "internal.h"

#include <string.h>

#define SLICE_RECORDS 5000
#define SLICE_RAW     50
#define RAW_SHARE     4  /* of `size`, one part is what dead letters and forks may take beside */
#define SLICES_MAX    64 /* a call, whatever the clock says */
#define SECOND_NS     INT64_C(1000000000)
#define TOMBSTONE_NS  (7 * 86400 * SECOND_NS)
#define SETTLE_NS     (3600 * SECOND_NS)
#define AHEAD_NS      (86400 * SECOND_NS) /* by more no clock is ahead that was right */

static int64_t steady_now(const struct yett_pg *store)
{
	struct yett_instance *instance = store->host->instance;
	int64_t wall = store->host->wall_ns(instance);
	int64_t steady = store->opened_wall_ns + (int64_t)(store->host->monotonic_ns(instance) -
							   store->opened_monotonic_ns);

	return wall < steady ? wall : steady;
}

/* What was received before that is older than `keep`; INT64_MIN: nothing is known to be. */
static int64_t age_limit(const struct yett_pg *store, int64_t database_ns)
{
	int64_t now = steady_now(store);
	int64_t passed = (int64_t)(store->host->monotonic_ns(store->host->instance) -
				   store->opened_monotonic_ns);

	if (passed < SETTLE_NS) {
		return INT64_MIN;
	}
	now = now < database_ns ? now : database_ns;
	/* While the store was closed no time has passed that anybody vouches for. */
	if (store->newest_ns < now - passed) {
		now = store->newest_ns + passed;
	}
	return now - (int64_t)store->settings->keep_ns;
}

#define ANSWERS 4

/* Some numbers by some. */
static int ask(struct yett_pg *store, enum yett_pg_statement which, const int64_t *numbers,
	int count, int64_t ret_answers[ANSWERS], struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result;

	for (int i = 0; i < count; i++) {
		yett_pg_arg_int(&args, numbers[i]);
	}
	result = yett_pg_run(store, which, &args, &rows, error);
	yett_pg_args_done(&args);
	memset(ret_answers, 0, ANSWERS * sizeof(*ret_answers));
	for (int i = 0; result == 0 && PQntuples(rows) > 0 && i < PQnfields(rows) && i < ANSWERS;
		i++) {
		ret_answers[i] = yett_pg_int(rows, 0, i);
	}
	PQclear(rows);
	return result;
}

static int change(struct yett_pg *store, enum yett_pg_statement which, int64_t one, int64_t two,
	int64_t *ret_changes, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;

	yett_pg_arg_int(&args, one);
	if (which != YETT_PG_REGISTRY_TIDY_STATEMENT) {
		yett_pg_arg_int(&args, two);
	}
	return yett_pg_do(store, which, &args, ret_changes, error);
}

int yett_pg_tidy_open(struct yett_pg *store, struct yett_error *error)
{
	int64_t newest[ANSWERS];
	int result = ask(store, YETT_PG_RECORD_NEWEST_STATEMENT, NULL, 0, newest, error);

	store->newest_ns = newest[0] >= 0 ? newest[0] : INT64_MAX;
	return result;
}

/* At most so many of those up to `last`. */
static int retire_records(struct yett_pg *store, int64_t last, int64_t most, int64_t *ret_deleted,
	struct yett_error *error)
{
	const int64_t numbers[] = {store->tidied.record_floor, last, most};
	int64_t gone[ANSWERS];
	int result = ask(store, YETT_PG_RECORD_RETIRE_STATEMENT, numbers, 3, gone, error);

	if (result < 0) {
		return result;
	}
	*ret_deleted = gone[0];
	store->tidied.record_floor = gone[0] > 0 ? gone[1] : last;
	return 0;
}

/* Dead letters and forks that were received before. 1 if there was anything. */
static int retire_raw(struct yett_pg *store, int64_t before_ns, struct yett_error *error)
{
	int64_t dead, forks;
	int result;

	if ((result = change(store, YETT_PG_DEAD_RETIRE_STATEMENT, before_ns, SLICE_RAW, &dead,
		     error)) < 0 ||
		(result = change(store, YETT_PG_FORK_RETIRE_STATEMENT, before_ns, SLICE_RAW, &forks,
			 error)) < 0) {
		return result;
	}
	return dead + forks > 0;
}

/* One slice of the oldest of them, where they take more than their share. 1 if there was anything. */
static int retire_raw_by_size(struct yett_pg *store, struct yett_error *error)
{
	uint64_t size = store->settings->size_bytes;
	bool more = false;
	int result = size > 0 ? yett_pg_weigh_raw(store, size / RAW_SHARE, &more, error) : 0;

	return more ? retire_raw(store, INT64_MAX, error) : result;
}

/* One slice of everything received before `before_ns`, INT64_MAX: of the oldest. 1 if there was anything. */
static int retire_slice(
	struct yett_pg *store, int64_t before_ns, int64_t most, struct yett_error *error)
{
	bool by_age =
		before_ns != INT64_MAX && store->tidied.age_cursor > store->tidied.record_floor;
	const int64_t numbers[] = {by_age ? store->tidied.age_cursor : store->tidied.record_floor,
		before_ns, most, steady_now(store) + AHEAD_NS};
	int64_t found[ANSWERS], deleted = 0, raw_before = before_ns;
	int raw, result;

	if ((result = ask(store, YETT_PG_RECORD_OLD_STATEMENT, numbers, 4, found, error)) < 0) {
		return result;
	}
	if (found[0] == 0 && found[2] == most) {
		store->tidied.age_cursor = found[3]; /* all of them by a clock far ahead */
		return 1;
	}
	if (found[0] > 0) {
		if ((result = retire_records(store, found[0], most, &deleted, error)) < 0) {
			return result;
		}
		/* Where size decides, raw batches go along with the records of their time. */
		raw_before = found[1] < before_ns ? found[1] + 1 : before_ns;
	}
	if ((raw = retire_raw(store, raw_before, error)) < 0) {
		return raw;
	}
	store->counts[YETT_PG_RETIRED] += deleted;
	store->tidied.retired = store->tidied.retired || deleted > 0;
	return deleted + raw > 0;
}

/* One slice of names that no record has any more. 1 if there is more to look at. */
static int sweep_names(struct yett_pg *store, struct yett_error *error)
{
	int64_t end[ANSWERS], deleted;
	int result;

	if ((result = yett_pg_lock(store, error)) < 0 ||
		(result = ask(store, YETT_PG_NAME_SWEEP_END_STATEMENT, &store->tidied.name_cursor,
			 1, end, error)) < 0) {
		return result;
	}
	if (end[0] == 0) {
		store->tidied.name_cursor = 0;
		store->tidied.retired = false;
		return 0;
	}
	if ((result = change(store, YETT_PG_NAME_SWEEP_STATEMENT, store->tidied.name_cursor, end[0],
		     &deleted, error)) < 0) {
		return result;
	}
	store->tidied.name_cursor = end[0];
	return 1;
}

/* What one slice may do, in this order; each answers 1 if it did something. */
static int do_slice(struct yett_pg *store, struct yett_error *error)
{
	int64_t mine[ANSWERS], before, excess, deleted;
	int result = ask(store, YETT_PG_TIDY_LOCK_STATEMENT, NULL, 0, mine, error);

	if (result < 0 || mine[0] == 0) {
		return result;
	}
	before = store->settings->keep_ns > 0 ? age_limit(store, mine[1]) : INT64_MIN;
	if (before != INT64_MIN &&
		(result = retire_slice(store, before, SLICE_RECORDS, error)) != 0) {
		return result;
	}
	if ((result = yett_pg_find_excess(store, SLICE_RECORDS, &excess, error)) != 0 ||
		(excess > 0 && (result = retire_slice(store, INT64_MAX, excess, error)) != 0) ||
		(result = retire_raw_by_size(store, error)) != 0) {
		return result;
	}
	if ((result = change(store, YETT_PG_REGISTRY_TIDY_STATEMENT,
		     store->host->wall_ns(store->host->instance) - TOMBSTONE_NS, 0, &deleted,
		     error)) < 0) {
		return result;
	}
	/* Those are locked until the commit; and who holds the store's lock, which names need, may want one. */
	if (deleted > 0) {
		return 1;
	}
	return store->tidied.retired ? sweep_names(store, error) : 0;
}

/* A transaction that is not under the store's lock, unless a slice takes it. */
static int slice(struct yett_pg *store, struct yett_error *error)
{
	int more, result = yett_pg_begin(store, error);
	const struct yett_pg_tidied before = store->tidied;

	if (result < 0) {
		return result;
	}
	if ((result = yett_pg_text_run(store, "BEGIN", "begin to tidy", NULL, error)) < 0) {
		store->locked = true; /* something may be open */
		yett_pg_rollback(store);
		return result;
	}
	more = do_slice(store, error);
	if (more < 0) {
		store->locked = true;
		yett_pg_rollback(store);
		store->tidied = before; /* what it deleted is there again */
		return more;
	}
	if (!store->locked) {
		store->head_dirty = false;
		store->locked = true; /* as for the commit */
	}
	result = yett_pg_commit(store, error);
	if (result < 0) {
		store->tidied = before;
		return result;
	}
	return more;
}

int yett_pg_tidy(void *self, uint64_t budget_ns, struct yett_error *error)
{
	struct yett_pg *store = self;
	uint64_t begun = store->host->monotonic_ns(store->host->instance);
	int more = 1, result;

	if ((result = yett_pg_ready(store, error)) < 0 ||
		(result = yett_pg_generation_count(store, false, error)) < 0) {
		return result;
	}
	for (int slices = 0; more > 0 && slices < SLICES_MAX; slices++) {
		if (slices > 0 &&
			store->host->monotonic_ns(store->host->instance) - begun > budget_ns) {
			break;
		}
		more = slice(store, error);
	}
	return more;
}
