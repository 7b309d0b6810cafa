/* Housekeeping between transactions, in slices that hold the write lock only shortly: retention by
 * age and by size, names that nothing uses any more, pages given back to the file system, the log
 * moved into the database.
 *
 * Records are retired in the order of storing, by the time of receipt, never by what they say of
 * their own time, and not by the wall clock alone: what is older than `keep` by it must be so by the
 * monotonic one, counted from the newest record that was there at the start; and for an hour after
 * the start nothing goes, so that a clock can be set right. One that is far ahead is believed by a start that
 * finds a record which was received by it, once that hour is over. A record that was received by a clock far
 * ahead goes with the next one that was not. The newest record always stays, so that ids only ever rise. Epochs and
 * their accounts stay for good: they say what was received, also of records that are retired.
 *
 * So the database may be larger than `size` for what is no record, and then no record that is deleted
 * makes it smaller than that. Where records are down to a quarter of `size`, as some of them show that
 * are taken from everywhere, they stay, the raw batches go first, and if that does not do, it is said.
 */
#include "internal.h"

#include <inttypes.h>

#define SLICE_RECORDS 2000
#define SLICE_RAW     50
#define SAMPLES       64 /* places at which records are weighed */
#define SAMPLE        32 /* records at each */
/* What a record takes beside its texts and its value: its other columns, its entries in three indexes,
 * and what pages leave empty. */
#define RECORD_OVERHEAD 130
#define RECORDS_SHARE   4 /* of `size`, one part is theirs whatever else there is */
#define SLICE_PAGES     2000
#define SLICES_MAX      64 /* a call, whatever the clock says */

#define SECOND_NS INT64_C(1000000000)
#define SETTLE_NS (3600 * SECOND_NS)
#define AHEAD_NS  (86400 * SECOND_NS) /* by more no clock is ahead that was right */

/* Within which of the file's pages the free ones are kept for what comes. */
#define FREE_PAGES_KEPT 2048

struct pages {
	int64_t count, size, free;
};

static int64_t steady_now(const struct yett_sqlite *store)
{
	struct yett_instance *instance = store->host->instance;
	int64_t wall = store->host->wall_ns(instance);
	int64_t steady = store->opened_wall_ns + (int64_t)(store->host->monotonic_ns(instance) -
							   store->opened_monotonic_ns);

	return wall < steady ? wall : steady;
}

/* What was received before that is older than `keep`; INT64_MIN: nothing is known to be. */
static int64_t age_limit(const struct yett_sqlite *store)
{
	int64_t now = steady_now(store);
	int64_t passed = (int64_t)(store->host->monotonic_ns(store->host->instance) -
				   store->opened_monotonic_ns);

	if (passed < SETTLE_NS) {
		return INT64_MIN;
	}
	/* While the store was closed no time has passed that anybody vouches for. */
	if (store->newest_ns < now - passed) {
		now = store->newest_ns + passed;
	}
	return now - (int64_t)store->settings->keep_ns;
}

int yett_sqlite_tidy_open(struct yett_sqlite *store, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int64_t newest = -1;
	int result =
		yett_sqlite_prepare(store, YETT_SQLITE_RECORD_NEWEST_STATEMENT, &statement, error);

	if (result == 0) {
		result = yett_sqlite_number(
			store, statement, "look for the newest record", -1, &newest, error);
	}
	store->newest_ns = newest >= 0 ? newest : INT64_MAX;
	return result;
}

static int count_pages(struct yett_sqlite *store, struct pages *ret_pages, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int code,
		result = yett_sqlite_prepare(store, YETT_SQLITE_PAGES_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		ret_pages->count = sqlite3_column_int64(statement, 0);
		ret_pages->size = sqlite3_column_int64(statement, 1);
		ret_pages->free = sqlite3_column_int64(statement, 2);
	} else {
		result = yett_sqlite_fail(store, error, code, "count pages");
	}
	sqlite3_reset(statement);
	return result;
}

struct slice {
	int64_t last;     /* its last id; 0: there is none */
	int64_t received; /* when the last of it was that was not received by a clock far ahead */
	bool more;        /* all that was looked at was */
};

/* The slice of oldest records that were received before `before_ns`, INT64_MAX: of the oldest. */
static int find_slice(struct yett_sqlite *store, int64_t before_ns, struct slice *ret_slice,
	struct yett_error *error)
{
	int64_t ahead_ns = steady_now(store) + AHEAD_NS, passed = 0, id = 0;
	sqlite3_stmt *statement;
	int code, result = yett_sqlite_prepare(
			  store, YETT_SQLITE_RECORD_OLD_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int(statement, 1, SLICE_RECORDS);
	sqlite3_bind_int64(statement, 2, before_ns != INT64_MAX ? store->age_cursor : 0);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		int64_t received = sqlite3_column_int64(statement, 1);

		if (received >= before_ns && received <= ahead_ns) {
			break;
		}
		id = sqlite3_column_int64(statement, 0);
		passed++;
		if (received < before_ns) {
			ret_slice->last = id;
		}
		if (received <= ahead_ns) {
			ret_slice->received = received;
		}
	}
	sqlite3_reset(statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE) {
		return yett_sqlite_fail(store, error, code, "look for old records");
	}
	ret_slice->more = ret_slice->last == 0 && passed == SLICE_RECORDS;
	if (ret_slice->more) {
		store->age_cursor = id;
	}
	return 0;
}

/* Answers how many raw batches were deleted. */
static int retire_raw(struct yett_sqlite *store, enum yett_sqlite_statement which,
	int64_t before_ns, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare(store, which, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, before_ns);
	sqlite3_bind_int(statement, 2, SLICE_RAW);
	result = yett_sqlite_run(store, statement, "retire raw batches", error);
	return result < 0 ? result : sqlite3_changes(store->db);
}

/* Dead letters and forks that were received before. 1 if there was anything. */
static int retire_raw_slice(struct yett_sqlite *store, int64_t before_ns, struct yett_error *error)
{
	int dead = retire_raw(store, YETT_SQLITE_DEAD_RETIRE_STATEMENT, before_ns, error);
	int forks =
		dead < 0 ? dead
			 : retire_raw(store, YETT_SQLITE_FORK_RETIRE_STATEMENT, before_ns, error);

	return forks < 0 ? forks : dead + forks > 0;
}

/* One slice of everything received before `before_ns`, INT64_MAX: of the oldest. 1 if there was anything. */
static int retire_slice(struct yett_sqlite *store, int64_t before_ns, struct yett_error *error)
{
	struct slice slice = {0};
	int64_t raw_before = before_ns;
	sqlite3_stmt *statement;
	int raw, deleted = 0, result;

	if ((result = find_slice(store, before_ns, &slice, error)) < 0 || slice.more) {
		return result < 0 ? result : 1;
	}
	if (slice.last > 0) {
		if ((result = yett_sqlite_prepare(
			     store, YETT_SQLITE_RECORD_RETIRE_STATEMENT, &statement, error)) < 0) {
			return result;
		}
		sqlite3_bind_int64(statement, 1, slice.last);
		sqlite3_bind_int(statement, 2, SLICE_RECORDS);
		if ((result = yett_sqlite_run(store, statement, "retire records", error)) < 0) {
			return result;
		}
		deleted = sqlite3_changes(store->db);
		/* Where size decides, raw batches go along with the records of their time. */
		raw_before = slice.received < before_ns ? slice.received + 1 : before_ns;
	}
	if ((raw = retire_raw_slice(store, raw_before, error)) < 0) {
		return raw;
	}
	store->counts[YETT_SQLITE_RETIRED] += deleted;
	store->retired = store->retired || deleted > 0;
	return deleted + raw > 0;
}

/* Two numbers by up to two; NULL is 0. */
static int ask(struct yett_sqlite *store, enum yett_sqlite_statement which,
	const int64_t numbers[2], int64_t ret_answers[2], struct yett_error *error)
{
	sqlite3_stmt *statement;
	int code, result = yett_sqlite_prepare(store, which, &statement, error);

	if (result < 0) {
		return result;
	}
	for (int i = 0; i < sqlite3_bind_parameter_count(statement); i++) {
		sqlite3_bind_int64(statement, i + 1, numbers[i]);
	}
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		ret_answers[0] = sqlite3_column_int64(statement, 0);
		ret_answers[1] = sqlite3_column_int64(statement, 1);
	} else {
		result = yett_sqlite_fail(store, error, code, "weigh the records");
	}
	sqlite3_reset(statement);
	return result;
}

/* What the records take, about. They are looked at in as many places of the same distance, from another
 * start each time, so that no kind of them is passed over again and again. */
static int weigh_records(struct yett_sqlite *store, uint64_t *ret_bytes, struct yett_error *error)
{
	int64_t ends[2], seen = 0, bytes = 0, count, step;
	uint64_t chance = 0;
	int result = ask(store, YETT_SQLITE_RECORD_ENDS_STATEMENT, NULL, ends, error);

	if (result < 0) {
		return result;
	}
	count = ends[1] - ends[0] + 1; /* ids have no holes, but at the old end */
	step = count / SAMPLES > 0 ? count / SAMPLES : 1;
	store->host->random_bytes(store->host->instance, &chance, sizeof(chance));
	for (int64_t i = 0; i < SAMPLES && i * step < count; i++) {
		const int64_t asked[] = {
			ends[0] + i * step + (int64_t)(chance % (uint64_t)step), SAMPLE};
		int64_t found[2];

		if ((result = ask(store, YETT_SQLITE_RECORD_WEIGH_STATEMENT, asked, found, error)) <
			0) {
			return result;
		}
		seen += found[0];
		bytes += found[1];
	}
	*ret_bytes = (uint64_t)count * (uint64_t)((seen > 0 ? bytes / seen : 0) + RECORD_OVERHEAD);
	return 0;
}

/* It is more than `size`. */
static int retire_by_size(struct yett_sqlite *store, uint64_t used, struct yett_error *error)
{
	uint64_t size = store->settings->size_bytes, records;
	int result = weigh_records(store, &records, error);

	if (result < 0) {
		return result;
	}
	if (records > size / RECORDS_SHARE) {
		return retire_slice(store, INT64_MAX, error);
	}
	if ((result = retire_raw_slice(store, INT64_MAX, error)) != 0) {
		return result;
	}
	if (!store->crowded) {
		store->crowded = true;
		store->host->log(store->host->instance, YETT_LOG_WARNING, "store-crowded",
			"the database is larger than `size`, and what is no record takes most of "
			"it: "
			"records are not deleted for that any more; give it a larger size, and see "
			"which nodes have so many starts or losses (yettctl account) path=%s "
			"used=%" PRIu64 " records=%" PRIu64 " size=%" PRIu64,
			store->path, used, records, size);
	}
	return 0;
}

/* One slice of names that no record has any more. 1 if there is more to look at. */
static int sweep_names(struct yett_sqlite *store, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int64_t end;
	int result =
		yett_sqlite_prepare(store, YETT_SQLITE_NAME_SWEEP_END_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, store->name_cursor);
	if ((result = yett_sqlite_number(store, statement, "look for names", 0, &end, error)) < 0) {
		return result;
	}
	if (end == 0) {
		store->name_cursor = 0;
		store->retired = false;
		return 0;
	}
	if ((result = yett_sqlite_prepare(
		     store, YETT_SQLITE_NAME_SWEEP_STATEMENT, &statement, error)) < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, store->name_cursor);
	sqlite3_bind_int64(statement, 2, end);
	if ((result = yett_sqlite_run(store, statement, "retire names", error)) < 0) {
		return result;
	}
	store->name_cursor = end;
	if (sqlite3_changes(store->db) > 0) {
		yett_sqlite_forget(store);
	}
	return 1;
}

/* What one slice may do, in this order; each answers 1 if it did something. */
static int do_slice(struct yett_sqlite *store, struct yett_error *error)
{
	struct pages pages;
	uint64_t used;
	int64_t before;
	int result;

	before = store->settings->keep_ns > 0 ? age_limit(store) : INT64_MIN;
	if (before != INT64_MIN && (result = retire_slice(store, before, error)) != 0) {
		return result;
	}
	if ((result = count_pages(store, &pages, error)) < 0) {
		return result;
	}
	used = (uint64_t)((pages.count - pages.free) * pages.size);
	if (store->settings->size_bytes == 0 || used <= store->settings->size_bytes) {
		store->crowded = false;
	} else if ((result = retire_by_size(store, used, error)) != 0) {
		return result;
	}
	return store->retired ? sweep_names(store, error) : 0;
}

/* Gives pages back where many are free. 1 if there is more to give. */
static int give_back(struct yett_sqlite *store, struct yett_error *error)
{
	struct pages pages;
	int code, result = count_pages(store, &pages, error);
	char sql[64];

	if (result < 0) {
		return result;
	}
	if (pages.free <= FREE_PAGES_KEPT || pages.free <= pages.count / 8) {
		return 0;
	}
	sqlite3_snprintf(sizeof(sql), sql, "PRAGMA incremental_vacuum(%d)", SLICE_PAGES);
	code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 1 : yett_sqlite_fail(store, error, code, "give pages back");
}

int yett_sqlite_tidy(void *self, uint64_t budget_ns, struct yett_error *error)
{
	struct yett_sqlite *store = self;
	uint64_t begun = store->host->monotonic_ns(store->host->instance);
	bool changed = false;
	int more = 1, result;

	if ((result = yett_sqlite_generation_count(store, false, error)) < 0) {
		return result;
	}
	for (int slices = 0; more > 0; slices++) {
		if (slices == SLICES_MAX ||
			store->host->monotonic_ns(store->host->instance) - begun > budget_ns) {
			break;
		}
		if ((result = yett_sqlite_begin(store, error)) < 0) {
			return result;
		}
		more = do_slice(store, error);
		if (more < 0) {
			yett_sqlite_rollback(store);
			return more;
		}
		if ((result = yett_sqlite_commit(store, error)) < 0) {
			return result;
		}
		if (more == 0) {
			more = give_back(store, error);
		}
		changed = changed || more > 0;
	}
	if (more >= 0 && changed && store->db != NULL) {
		yett_sqlite_checkpoint(store);
	}
	return more;
}
