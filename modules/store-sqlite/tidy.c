/* Housekeeping between transactions, in slices that hold the write lock only shortly: retention by
 * age and by size, names that nothing uses any more, pages given back to the file system, the log
 * moved into the database.
 *
 * Records are retired in the order of storing, by the time of receipt, never by what they say of
 * their own time. The clock here starts with the wall clock and then runs by the monotonic one, so
 * a wall clock that leaps retires nothing. The newest record always stays, so that ids only ever
 * rise. Epochs and their accounts stay for good: they say what was received, also of records that
 * are retired.
 */
#include "internal.h"

#define SLICE_RECORDS 2000
#define SLICE_RAW     50
#define SLICE_PAGES   2000
#define SLICES_MAX    64 /* a call, whatever the clock says */

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

/* The last id of the slice of oldest records that were received before `before_ns`; 0: none. */
static int find_slice(struct yett_sqlite *store, int64_t before_ns, int64_t *ret_last,
	int64_t *ret_received, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int code, result = yett_sqlite_prepare(
			  store, YETT_SQLITE_RECORD_OLD_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	*ret_last = 0;
	sqlite3_bind_int(statement, 1, SLICE_RECORDS);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW &&
		sqlite3_column_int64(statement, 1) < before_ns) {
		*ret_last = sqlite3_column_int64(statement, 0);
		*ret_received = sqlite3_column_int64(statement, 1);
	}
	sqlite3_reset(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE
		       ? 0
		       : yett_sqlite_fail(store, error, code, "look for old records");
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

/* One slice of everything received before `before_ns`. 1 if there was anything. */
static int retire_slice(struct yett_sqlite *store, int64_t before_ns, struct yett_error *error)
{
	int64_t last = 0, received = 0, raw_before = before_ns;
	sqlite3_stmt *statement;
	int dead, forks, deleted = 0, result;

	if ((result = find_slice(store, before_ns, &last, &received, error)) < 0) {
		return result;
	}
	if (last > 0) {
		if ((result = yett_sqlite_prepare(
			     store, YETT_SQLITE_RECORD_RETIRE_STATEMENT, &statement, error)) < 0) {
			return result;
		}
		sqlite3_bind_int64(statement, 1, last);
		if ((result = yett_sqlite_run(store, statement, "retire records", error)) < 0) {
			return result;
		}
		deleted = sqlite3_changes(store->db);
		/* Where size decides, raw batches go along with the records of their time. */
		raw_before = received < before_ns ? received + 1 : before_ns;
	}
	if ((dead = retire_raw(store, YETT_SQLITE_DEAD_RETIRE_STATEMENT, raw_before, error)) < 0 ||
		(forks = retire_raw(store, YETT_SQLITE_FORK_RETIRE_STATEMENT, raw_before, error)) <
			0) {
		return dead < 0 ? dead : forks;
	}
	store->counts[YETT_SQLITE_RETIRED] += deleted;
	store->retired = store->retired || deleted > 0;
	return deleted + dead + forks > 0;
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
	int result;

	if (store->settings->keep_ns > 0) {
		int64_t before = steady_now(store) - (int64_t)store->settings->keep_ns;

		if ((result = retire_slice(store, before, error)) != 0) {
			return result;
		}
	}
	if ((result = count_pages(store, &pages, error)) < 0) {
		return result;
	}
	if (store->settings->size_bytes > 0 &&
		(uint64_t)((pages.count - pages.free) * pages.size) > store->settings->size_bytes &&
		(result = retire_slice(store, INT64_MAX, error)) != 0) {
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
