/* The connection to the database: opened, judged, set up, condemned, opened again.
 *
 * A writer makes the file (0600) and its tables where they are missing, and refuses what is not
 * Yett's or is newer than it understands. A reader opens read-only and makes nothing. A connection
 * is used by one thread at a time, so SQLite's own locks are off.
 *
 * What fails is told apart in yett_sqlite_fail: waiting for a lock leaves the connection sound;
 * a full disk, an I/O error or damage condemn it, and the next call opens a new one. What a sync that
 * failed leaves in doubt is log.c's.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_KIB       65536
#define LOG_LIMIT_BYTES (64 * 1024 * 1024)
#define STEPS_A_LOOK    10000 /* of SQLite, between two looks at the clock */

static const char *const statement_text[] = {
#define STATEMENT_TEXT(name, sql) [YETT_SQLITE_##name##_STATEMENT] = (sql),
	YETT_SQLITE_STATEMENTS(STATEMENT_TEXT)
#undef STATEMENT_TEXT
};

static int result_of(int code, int system_errno, const char **ret_mend)
{
	*ret_mend = NULL;
	if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) {
		*ret_mend = "check the disk; what was not confirmed will be sent again";
		return YETT_ESYNC;
	}
	switch (code & 0xff) {
	case SQLITE_FULL:
		*ret_mend = "free space on the file system, or lower the setting \"size\"";
		return YETT_ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		*ret_mend = "end what holds the database's write lock, or raise \"busy-timeout\"";
		return YETT_EAGAIN;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		*ret_mend = "stop the daemon, then restore the file from a backup, or save what "
			    "can be read with \"sqlite3 FILE .dump\"";
		return YETT_ECORRUPT;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		*ret_mend = "give the daemon's user the right to write the file and its folder";
		return YETT_EPERM;
	case SQLITE_CANTOPEN:
		if (system_errno == ENOENT || system_errno == ENOTDIR) {
			*ret_mend = "make the folder, or correct the setting \"path\"";
			return YETT_ENOTFOUND;
		}
		*ret_mend = "give the daemon's user the right to write the file and its folder";
		return YETT_EPERM;
	case SQLITE_NOMEM:
		return YETT_ENOMEM;
	case SQLITE_IOERR:
		*ret_mend = "check the disk";
		return YETT_EIO;
	case SQLITE_INTERRUPT:
		*ret_mend = "ask for less: name a node, or a record; where you follow, begin at a "
			    "later id";
		return YETT_ETIMEOUT;
	case SQLITE_TOOBIG:
		return YETT_ELIMIT;
	default:
		return YETT_EBUG;
	}
}

int yett_sqlite_fail(
	struct yett_sqlite *store, struct yett_error *error, int code, const char *doing)
{
	int system_errno = store->db != NULL ? sqlite3_system_errno(store->db) : 0;
	const char *mend;
	int result = result_of(code, system_errno, &mend);
	/* The connection's own sentence says more, if it is about this failure. */
	const char *why = code == SQLITE_INTERRUPT ? "it takes longer than anybody waits for it"
			  : store->db != NULL && sqlite3_extended_errcode(store->db) == code
				  ? sqlite3_errmsg(store->db)
				  : sqlite3_errstr(code);

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_CONSTRAINT:
	case SQLITE_INTERRUPT:
		break;
	default:
		store->broken = true;
	}
	if (result == YETT_ESYNC) {
		store->log_doubtful = true;
	}
	return store->host->fail(error, result, mend, "%s: cannot %s: %s (SQLite's code %d%s%s)",
		store->path, doing, why, code, system_errno != 0 ? ", " : "",
		system_errno != 0 ? strerror(system_errno) : "");
}

int yett_sqlite_prepare_own(struct yett_sqlite *store, const char *sql,
	sqlite3_stmt **ret_statement, struct yett_error *error)
{
	int code = sqlite3_prepare_v2(store->db, sql, -1, ret_statement, NULL);

	return code == SQLITE_OK ? 0 : yett_sqlite_fail(store, error, code, "prepare a statement");
}

int yett_sqlite_prepare(struct yett_sqlite *store, enum yett_sqlite_statement which,
	sqlite3_stmt **ret_statement, struct yett_error *error)
{
	if (store->statements[which] == NULL) {
		int code = sqlite3_prepare_v3(store->db, statement_text[which], -1,
			SQLITE_PREPARE_PERSISTENT, &store->statements[which], NULL);

		if (code != SQLITE_OK) {
			return yett_sqlite_fail(store, error, code, "prepare a statement");
		}
	}
	*ret_statement = store->statements[which];
	return 0;
}

int yett_sqlite_visit(struct yett_sqlite *store, sqlite3_stmt *statement, const char *doing,
	yett_sqlite_row_fn visit, void *arg, struct yett_error *error)
{
	int code = SQLITE_DONE, result = 0;

	store->visits++;
	while (result == 0 && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		result = visit(arg, statement);
	}
	if (code != SQLITE_DONE && code != SQLITE_ROW) {
		result = yett_sqlite_fail(store, error, code, doing);
	}
	sqlite3_finalize(statement);
	store->visits--;
	return result;
}

int yett_sqlite_run(struct yett_sqlite *store, sqlite3_stmt *statement, const char *doing,
	struct yett_error *error)
{
	int code = sqlite3_step(statement);
	int result = 0;

	if (code != SQLITE_DONE && code != SQLITE_ROW) {
		result = yett_sqlite_fail(store, error, code, doing);
	}
	sqlite3_reset(statement);
	return result;
}

int yett_sqlite_number(struct yett_sqlite *store, sqlite3_stmt *statement, const char *doing,
	int64_t otherwise, int64_t *ret_number, struct yett_error *error)
{
	int code = sqlite3_step(statement);
	int result = 0;

	if (code == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
		*ret_number = sqlite3_column_int64(statement, 0);
	} else if (code == SQLITE_ROW || code == SQLITE_DONE) {
		*ret_number = otherwise;
	} else {
		result = yett_sqlite_fail(store, error, code, doing);
	}
	sqlite3_reset(statement);
	return result;
}

void yett_sqlite_forget(struct yett_sqlite *store)
{
	yett_sqlite_map_clear(&store->names, NULL);
	yett_sqlite_map_clear(&store->origins, NULL);
}

static int execute(
	struct yett_sqlite *store, const char *sql, const char *doing, struct yett_error *error)
{
	int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : yett_sqlite_fail(store, error, code, doing);
}

static int ask(
	struct yett_sqlite *store, const char *sql, int64_t *ret_number, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare_own(store, sql, &statement, error);

	if (result == 0) {
		result = yett_sqlite_number(
			store, statement, "read the header", 0, ret_number, error);
		sqlite3_finalize(statement);
	}
	return result;
}

/* Not 0: what is asked has taken as long as it may. */
static int is_late(void *arg)
{
	const struct yett_sqlite *store = arg;

	return store->until_ns != 0 &&
	       store->host->monotonic_ns(store->host->instance) >= store->until_ns;
}

/* Whether the file is ours: `ret_version` is 0 where it is still empty. */
static int judge_file(struct yett_sqlite *store, int64_t *ret_version, struct yett_error *error)
{
	int64_t application, version, objects;
	int result;

	if ((result = ask(store, "PRAGMA application_id", &application, error)) < 0 ||
		(result = ask(store, "PRAGMA user_version", &version, error)) < 0 ||
		(result = ask(store, "SELECT count(*) FROM sqlite_schema", &objects, error)) < 0) {
		return result;
	}
	if (objects == 0 && application == 0 && version == 0) {
		*ret_version = 0;
		return 0;
	}
	if (application != YETT_SQLITE_APPLICATION_ID) {
		return store->host->fail(error, YETT_ECONFIG,
			"correct the setting \"path\"; nothing in the file was changed",
			"%s: a database of another program (application id %lld)", store->path,
			(long long)application);
	}
	if (version > YETT_SQLITE_VERSION || version < 1) {
		return store->host->fail(error, YETT_EVERSION,
			"run the version of Yett that wrote it, or a newer one; nothing was "
			"changed",
			"%s: its tables are of version %lld, this store-sqlite knows version %d",
			store->path, (long long)version, YETT_SQLITE_VERSION);
	}
	*ret_version = version;
	return 0;
}

static int make_tables(struct yett_sqlite *store, struct yett_error *error)
{
	char pragmas[128];
	int result;

	snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		YETT_SQLITE_APPLICATION_ID, YETT_SQLITE_VERSION);
	result = execute(store, yett_sqlite_schema, "make the tables", error);
	return result < 0 ? result : execute(store, pragmas, "write the version", error);
}

static int use_log(struct yett_sqlite *store, struct yett_error *error)
{
	sqlite3_stmt *statement;
	const unsigned char *mode;
	int result = yett_sqlite_prepare_own(store, "PRAGMA journal_mode = WAL", &statement, error);
	int code;

	if (result < 0) {
		return result;
	}
	code = sqlite3_step(statement);
	mode = code == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
	if (code != SQLITE_ROW) {
		result = yett_sqlite_fail(store, error, code, "switch to a write-ahead log");
	} else if (mode == NULL || strcmp((const char *)mode, "wal") != 0) {
		result = store->host->fail(error, YETT_ENOTSUP,
			"keep the database on a local file system",
			"%s: a write-ahead log is not possible there", store->path);
	}
	sqlite3_finalize(statement);
	return result;
}

/* One write transaction: the log as it is found, the tables where they are missing, and the count of
 * openings. */
static int open_writer(struct yett_sqlite *store, struct yett_error *error)
{
	int64_t version;
	uint64_t opens = 0;
	bool restored = false;
	int result = execute(store, "BEGIN IMMEDIATE", "begin a transaction", error);

	if (result < 0) {
		return result;
	}
	if ((result = judge_file(store, &version, error)) < 0 ||
		(result = yett_sqlite_log_keep(store, error)) < 0 ||
		(version == 0 && (result = make_tables(store, error)) < 0) ||
		(result = execute(store, yett_sqlite_schema_gone, "make the tables", error)) < 0 ||
		(result = yett_sqlite_generation_open(store, &opens, &restored, error)) < 0 ||
		(result = execute(store, "COMMIT", "commit", error)) < 0) {
		return result;
	}
	yett_sqlite_generation_note(store, opens);
	if (restored) {
		store->host->log(store->host->instance, YETT_LOG_WARNING, "store-restored",
			"the database is an older copy than the one last used: its generation is "
			"raised, so that nodes learn what was decided since. path=%s "
			"generation=%llu",
			store->path, (unsigned long long)store->generation);
	}
	return 0;
}

static int set_up_writer(struct yett_sqlite *store, struct yett_error *error)
{
	char pragmas[512];
	int64_t version;
	int result;

	snprintf(pragmas, sizeof(pragmas),
		"PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -%d; "
		"PRAGMA journal_size_limit = %d; "
		"PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON",
		CACHE_KIB, LOG_LIMIT_BYTES);
	if ((result = judge_file(store, &version, error)) < 0 ||
		(version == 0 && (result = execute(store, "PRAGMA auto_vacuum = INCREMENTAL",
					  "set up the file", error)) < 0) ||
		(result = use_log(store, error)) < 0 ||
		(result = execute(store, pragmas, "set up the connection", error)) < 0 ||
		(result = open_writer(store, error)) < 0 ||
		(result = yett_sqlite_names_sync(store, error)) < 0) {
		return result;
	}
	yett_sqlite_log_follow(store);
	return 0;
}

static int set_up_reader(struct yett_sqlite *store, struct yett_error *error)
{
	int64_t version;
	int result = judge_file(store, &version, error);

	if (result < 0) {
		return result;
	}
	if (version == 0) {
		return store->host->fail(error, YETT_EUNAVAIL, "wait until the writer has made it",
			"%s: the database is still empty", store->path);
	}
	sqlite3_progress_handler(store->db, STEPS_A_LOOK, is_late, store);
	return execute(store,
		"PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY",
		"set up the connection", error);
}

int yett_sqlite_connect(struct yett_sqlite *store, struct yett_error *error)
{
	bool writer = store->mode == YETT_STORE_WRITER;
	int result, code;

	if (writer && (result = yett_sqlite_file_make(store, error)) < 0) {
		return result;
	}
	yett_sqlite_file_resolve(store);
	store->age_cursor = 0; /* it may have been put back meanwhile */
	if (!writer && !yett_sqlite_file_exists(store->path)) {
		return store->host->fail(error, YETT_EUNAVAIL, "wait until the writer has made it",
			"%s: there is no database yet", store->path);
	}
	if (writer) {
		yett_sqlite_log_begin(store);
	}
	code = sqlite3_open_v2(store->path, &store->db,
		(writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
		NULL);
	if (code != SQLITE_OK) {
		result = yett_sqlite_fail(store, error, code, "open the database");
		goto out;
	}
	sqlite3_busy_timeout(
		store->db, (int)(store->settings->busy_timeout_ns / UINT64_C(1000000)));
	if (writer) {
		yett_sqlite_log_open(store);
	}
	result = writer ? set_up_writer(store, error) : set_up_reader(store, error);
out:
	if (result < 0) {
		yett_sqlite_disconnect(store);
		return result;
	}
	store->broken = false;
	return 0;
}

void yett_sqlite_disconnect(struct yett_sqlite *store)
{
	for (size_t i = 0; i < YETT_SQLITE_STATEMENTS_COUNT; i++) {
		sqlite3_finalize(store->statements[i]);
		store->statements[i] = NULL;
	}
	yett_sqlite_forget(store);
	yett_sqlite_epoch_forget(store);
	sqlite3_close(store->db); /* rolls back what is open */
	store->db = NULL;
	store->in_transaction = false;
}

int yett_sqlite_ready(struct yett_sqlite *store, struct yett_error *error)
{
	if (store->mode == 0) {
		return store->host->fail(
			error, YETT_EBUG, NULL, "%s: used before it was opened", store->name);
	}
	if (store->db != NULL && (!store->broken || store->visits > 0 || store->in_transaction)) {
		return 0;
	}
	if (store->db != NULL) {
		yett_sqlite_disconnect(store);
	}
	return yett_sqlite_connect(store, error);
}
