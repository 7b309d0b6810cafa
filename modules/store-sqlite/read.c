/* The smaller readings: the registry's documents, sources' positions, forks, figures. Each has a
 * statement of its own while it visits, so that a visitor may read on.
 */
#include "internal.h"

#include <string.h>

struct document_visit {
	yett_document_fn visit;
	void *arg;
};

static int visit_document(void *arg, sqlite3_stmt *row)
{
	const struct document_visit *to = arg;

	return to->visit(to->arg, (const char *)sqlite3_column_text(row, 0),
		(const char *)sqlite3_column_text(row, 1), (uint64_t)sqlite3_column_int64(row, 2));
}

int yett_sqlite_registry_list(void *self, const char *table, const char *key,
	yett_document_fn visit, void *arg, struct yett_error *error)
{
	struct yett_sqlite *store = self;
	struct document_visit to = {visit, arg};
	sqlite3_stmt *statement;
	int result = yett_sqlite_ready(store, error);

	if (result < 0 || (result = yett_sqlite_prepare_own(store,
				   "SELECT key, json, revision FROM registry WHERE tbl = ?1 "
				   "AND (?2 IS NULL OR key = ?2) ORDER BY key",
				   &statement, error)) < 0) {
		return result;
	}
	sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, key, -1, SQLITE_STATIC);
	return yett_sqlite_visit(store, statement, "read the registry", visit_document, &to, error);
}

struct position_visit {
	int (*visit)(void *arg, const char *key, const void *position, size_t length);
	void *arg;
};

static int visit_position(void *arg, sqlite3_stmt *row)
{
	const struct position_visit *to = arg;

	return to->visit(to->arg, (const char *)sqlite3_column_text(row, 0),
		sqlite3_column_blob(row, 1), (size_t)sqlite3_column_bytes(row, 1));
}

int yett_sqlite_positions(void *self, const char *prefix,
	int (*visit)(void *arg, const char *key, const void *position, size_t length), void *arg)
{
	struct yett_sqlite *store = self;
	struct position_visit to = {visit, arg};
	sqlite3_stmt *statement;
	int result = yett_sqlite_ready(store, NULL);

	if (result < 0 || (result = yett_sqlite_prepare_own(store,
				   "SELECT key, value FROM position "
				   "WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key",
				   &statement, NULL)) < 0) {
		return result;
	}
	sqlite3_bind_text(statement, 1, prefix != NULL ? prefix : "", -1, SQLITE_STATIC);
	return yett_sqlite_visit(store, statement, "read positions", visit_position, &to, NULL);
}

struct fork_visit {
	yett_fork_fn visit;
	void *arg;
};

static int visit_fork(void *arg, sqlite3_stmt *row)
{
	const struct fork_visit *to = arg;
	struct yett_fork fork = {
		.size = sizeof(fork),
		.origin_name = (const char *)sqlite3_column_text(row, 1),
		.gateway = (const char *)sqlite3_column_text(row, 2),
		.batches = (uint64_t)sqlite3_column_int64(row, 3),
		.newest_ns = sqlite3_column_int64(row, 4),
	};

	return yett_sqlite_uuid_parse((const char *)sqlite3_column_text(row, 0), &fork.origin)
		       ? to->visit(to->arg, &fork)
		       : 0;
}

int yett_sqlite_forks(
	void *self, int64_t since_ns, yett_fork_fn visit, void *arg, struct yett_error *error)
{
	struct yett_sqlite *store = self;
	struct fork_visit to = {visit, arg};
	sqlite3_stmt *statement;
	int result = yett_sqlite_ready(store, error);

	/* By their ids, since no index has the time: the newest were received last. */
	if (result < 0 ||
		(result = yett_sqlite_prepare_own(store,
			 "SELECT origin.uuid, origin.name, max(newest.gateway), count(*), "
			 "max(newest.received) FROM (SELECT epoch, received, gateway FROM fork "
			 "ORDER BY id DESC LIMIT 10000) AS newest "
			 "JOIN epoch ON epoch.id = newest.epoch "
			 "JOIN origin ON origin.id = epoch.origin "
			 "WHERE newest.received >= ?1 GROUP BY origin.id ORDER BY origin.id",
			 &statement, error)) < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, since_ns);
	return yett_sqlite_visit(store, statement, "read forks", visit_fork, &to, error);
}

static int read_identity(
	struct yett_sqlite *store, struct yett_store_stats *stats, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int64_t generation;
	int code, result = yett_sqlite_meta_number(store, "generation", &generation, error);

	if (result < 0 ||
		(result = yett_sqlite_prepare_own(store,
			 "SELECT value FROM meta WHERE key = 'store_id'", &statement, error)) < 0) {
		return result;
	}
	stats->generation = (uint64_t)generation;
	code = sqlite3_step(statement);
	if (code != SQLITE_ROW) {
		result = yett_sqlite_fail(store, error, code == SQLITE_DONE ? SQLITE_CORRUPT : code,
			"read the store's identity");
	} else if (!yett_sqlite_uuid_parse(
			   (const char *)sqlite3_column_text(statement, 0), &stats->store_id)) {
		result = store->host->fail(error, YETT_ECORRUPT, NULL,
			"%s: the store's identity is not a UUID", store->path);
	}
	sqlite3_finalize(statement);
	return result;
}

int yett_sqlite_stats(void *self, struct yett_store_stats *ret_stats, struct yett_error *error)
{
	struct yett_sqlite *store = self;
	struct yett_store_stats stats = {.size = sizeof(stats)};
	sqlite3_stmt *figures, *pages;
	int code, result = yett_sqlite_ready(store, error);

	if (result < 0 || (result = read_identity(store, &stats, error)) < 0 ||
		(result = yett_sqlite_prepare(
			 store, YETT_SQLITE_STATS_STATEMENT, &figures, error)) < 0 ||
		(result = yett_sqlite_prepare(store, YETT_SQLITE_PAGES_STATEMENT, &pages, error)) <
			0) {
		return result;
	}
	code = sqlite3_step(figures);
	if (code == SQLITE_ROW) {
		stats.records = (uint64_t)sqlite3_column_int64(figures, 0);
		stats.dead = (uint64_t)sqlite3_column_int64(figures, 1);
		stats.forks = (uint64_t)sqlite3_column_int64(figures, 2);
		code = sqlite3_step(pages);
	}
	if (code == SQLITE_ROW) {
		stats.bytes =
			(uint64_t)(sqlite3_column_int64(pages, 0) * sqlite3_column_int64(pages, 1));
		*ret_stats = stats;
	} else {
		result = yett_sqlite_fail(store, error, code, "read figures");
	}
	sqlite3_reset(figures);
	sqlite3_reset(pages);
	return result;
}
