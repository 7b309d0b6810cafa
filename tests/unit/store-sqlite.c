/* store-sqlite: the contract, and what is its own: where custody is read, what fails and how,
 * restores, retention, and that the document's queries run. */
#include "../../modules/store-sqlite/internal.h"
#include "store-contract.h"
#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NORMAL YETT_LANE_NORMAL
#define SECOND UINT64_C(1000000000)

static struct yett_sqlite_settings settings;
static struct yett_sqlite_settings asked = {.path = "yett.db",
	.busy_timeout_ns = 10 * SECOND,
	.checkpoint_bytes = 16 << 20}; /* 0 in all else */

const void *store_settings(const char *folder)
{
	(void)folder; /* it is the state directory */
	settings = asked;
	return &settings;
}

void store_keep(uint64_t keep_ns)
{
	asked.keep_ns = keep_ns;
}

static struct store writer;

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", store_world.folder, name);
	return path;
}

static struct yett_sqlite *inside(struct store *store)
{
	return store->self;
}

static void forget_error(void)
{
	memset(&writer.error, 0, sizeof(writer.error));
}

static int put(uint64_t first, uint32_t count)
{
	return store_put(&writer, store_batch(1, 1, NORMAL, first, count, "a"));
}

/* Custody: the tables by which a batch is judged, written and folded. */
struct custody {
	unsigned statements, outside;
};

static int on_statement(unsigned event, void *arg, void *statement, void *text)
{
	struct custody *custody = arg;
	const char *sql = sqlite3_sql(statement);

	(void)event;
	(void)text;
	if (strstr(sql, "epoch") == NULL && strstr(sql, "piece") == NULL &&
		strstr(sql, "folded") == NULL && strstr(sql, "gap") == NULL) {
		return 0;
	}
	custody->statements++;
	if (sqlite3_txn_state(sqlite3_db_handle(statement), "main") != SQLITE_TXN_WRITE) {
		custody->outside++;
	}
	return 0;
}

static void custody_is_read_under_the_lock(void)
{
	struct yett_notice notices[2];
	struct custody custody = {0, 0};
	struct store other;

	store_begin(&writer);
	store_open(&other, YETT_STORE_WRITER);
	sqlite3_trace_v2(inside(&writer)->db, SQLITE_TRACE_STMT, on_statement, &custody);
	sqlite3_trace_v2(inside(&other)->db, SQLITE_TRACE_STMT, on_statement, &custody);
	for (uint64_t i = 0; i < 700; i++) {
		uint64_t first = 1 + 2 * i;

		CU_ASSERT_EQUAL(put(first, 2), YETT_PUT_STORED);
		CU_ASSERT_EQUAL(store_put(&other, store_batch(1, 1, NORMAL, first, 2, "a")),
			YETT_PUT_DUPLICATE);
	}
	notices[0] = store_bounds(1, 1, NORMAL, 1, 1401, true);
	notices[1] = store_gap(1, 1, 2, NORMAL, 1, 5);
	CU_ASSERT_EQUAL(store_put(&other, store_notices(1, 2, 1, notices, 2)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put(1399, 2), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch_broken(1, 3, NORMAL, 1, 2)), YETT_PUT_DEAD);
	CU_ASSERT(custody.statements > 2000);
	CU_ASSERT_EQUAL(custody.outside, 0);
	/* And nothing of it is remembered. */
	CU_ASSERT_EQUAL(inside(&writer)->epochs.count, 0);
	CU_ASSERT_EQUAL(inside(&other)->epochs.count, 0);
	store_close(&other);
	store_end(&writer);
}

static void locked(void)
{
	sqlite3 *other;

	asked.busy_timeout_ns = 20000000;
	store_begin(&writer);
	asked.busy_timeout_ns = 10 * SECOND;
	CU_ASSERT_EQUAL(sqlite3_open(path_of("yett.db"), &other), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), YETT_EAGAIN);
	CU_ASSERT_PTR_NOT_NULL(strstr(writer.error.mend, "busy-timeout"));
	CU_ASSERT_EQUAL(writer.operations->tidy(writer.self, SECOND, NULL), YETT_EAGAIN);
	CU_ASSERT_EQUAL(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(put(1, 5), YETT_PUT_STORED);
	sqlite3_close(other);
	store_end(&writer);
}

static uint64_t leaps(struct yett_instance *instance)
{
	static uint64_t now_ns;

	(void)instance;
	return now_ns += SECOND;
}

static int no_row(void *arg, const struct yett_row *row)
{
	(void)row;
	(*(unsigned *)arg)++;
	return 0;
}

/* A reader that finds nothing in all that it goes through ends when it is said to, and is as good as before. The
 * writer, which nobody is to hold up, ends nothing. */
static void longer_than_anybody_waits(void)
{
	struct yett_query query = {.size = sizeof(query),
		.kind = YETT_RECORD_STATE,
		.after_id = 1,
		.limit = 10,
		.within_ms = 8000};
	uint64_t (*clock)(struct yett_instance * instance) = store_world.host.monotonic_ns;
	struct store reader;
	unsigned rows = 0;

	store_begin(&writer);
	for (uint64_t first = 1; first < 50000; first += 1000) {
		CU_ASSERT_EQUAL(put(first, 1000), YETT_PUT_STORED);
	}
	store_open(&reader, YETT_STORE_READER);
	CU_ASSERT_EQUAL(reader.operations->query(reader.self, &query, no_row, &rows, NULL), 0);
	store_world.host.monotonic_ns = leaps; /* a second for each look at the clock */
	CU_ASSERT_EQUAL(reader.operations->query(reader.self, &query, no_row, &rows, &reader.error),
		YETT_ETIMEOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(reader.error.text, "query records"));
	CU_ASSERT_PTR_NOT_NULL(strstr(reader.error.mend, "ask for less"));
	CU_ASSERT(!inside(&reader)->broken);
	CU_ASSERT_EQUAL(writer.operations->query(writer.self, &query, no_row, &rows, NULL), 0);
	query.within_ms = 0;
	CU_ASSERT_EQUAL(reader.operations->query(reader.self, &query, no_row, &rows, NULL), 0);
	CU_ASSERT_EQUAL(rows, 0);
	store_world.host.monotonic_ns = clock;
	memset(&reader.error, 0, sizeof(reader.error));
	store_close(&reader);
	store_end(&writer);
}

/* No room: the batch is not acknowledged, nothing of it stays, and it goes on when there is. */
static void disk_full(void)
{
	uint64_t first = 1;
	int result;

	store_begin(&writer);
	CU_ASSERT_EQUAL(put(first, 5), YETT_PUT_STORED);
	sqlite3_exec(inside(&writer)->db, "PRAGMA max_page_count = 1", NULL, NULL, NULL);
	do {
		first += 5;
		result = put(first, 5);
	} while (result == YETT_PUT_STORED && first < 100000);
	CU_ASSERT_EQUAL(result, YETT_ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(writer.error.mend, "free space"));
	forget_error();
	CU_ASSERT_EQUAL(put(first, 5), YETT_PUT_STORED); /* on a new connection, without limit */
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), first + 4);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, first + 4);
	store_end(&writer);
}

/* What was found to make no room is not looked at again for each batch of a transaction. */
static void no_room_is_found_once(void)
{
	enum { COUNT = 200 };
	struct yett_batch batches[COUNT];
	struct yett_put puts[COUNT];
	sqlite3_stmt *looks;
	int before;

	store_begin(&writer);
	for (uint64_t i = 0; i < YETT_PIECES_MAX; i++) {
		CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 2 + 2 * i, 1, "a")),
			YETT_PUT_STORED);
	}
	looks = inside(&writer)->statements[YETT_SQLITE_PIECE_NTH_STATEMENT];
	before = sqlite3_stmt_status(looks, SQLITE_STMTSTATUS_RUN, 0);
	for (unsigned i = 0; i < COUNT; i++) {
		batches[i] = store_batch(1, 1, NORMAL, 5000 + 2 * i, 1, "a");
		puts[i] = (struct yett_put){.size = sizeof(puts[i]), .batch = &batches[i]};
	}
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, puts, COUNT, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(sqlite3_stmt_status(looks, SQLITE_STMTSTATUS_RUN, 0) - before, 1);
	for (unsigned i = 0; i < COUNT; i++) {
		CU_ASSERT_EQUAL(puts[i].ret_result, YETT_PUT_LATER);
		store_batch_free(&batches[i]);
	}
	store_end(&writer);
}

static void overwrite(const char *name, off_t from, size_t length)
{
	int file = open(path_of(name), O_WRONLY | O_CLOEXEC);
	char *rubbish = malloc(length);

	memset(rubbish, 0xa5, length);
	CU_ASSERT(file >= 0);
	CU_ASSERT_EQUAL(pwrite(file, rubbish, length, from), (ssize_t)length);
	free(rubbish);
	close(file);
}

static void damaged(void)
{
	struct stat status;
	int result;

	store_begin(&writer);
	CU_ASSERT_EQUAL(put(1, 5000), YETT_PUT_STORED);
	store_close(&writer);
	/* All pages but the first: it opens, and cannot be used. */
	CU_ASSERT_EQUAL(stat(path_of("yett.db"), &status), 0);
	overwrite("yett.db", 4096, (size_t)status.st_size - 4096);
	result = store_try_open(&writer, YETT_STORE_WRITER);
	if (result == 0) {
		result = put(6001, 5);
		store_close(&writer);
	}
	CU_ASSERT_EQUAL(result, YETT_ECORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(writer.error.mend, "sqlite3 FILE .dump"));
	/* The first page too. */
	overwrite("yett.db", 0, 4096);
	CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_WRITER), YETT_ECORRUPT);
	CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_READER), YETT_ECORRUPT);
	store_world_close();
}

void store_sql(const char *sql)
{
	sqlite3 *db;

	CU_ASSERT_EQUAL(sqlite3_open(path_of("yett.db"), &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void foreign_files(void)
{
	static const char *const versions[] = {
		"PRAGMA user_version = 2", "PRAGMA user_version = 0", "PRAGMA user_version = -1"};

	store_world_open();
	store_sql("CREATE TABLE somebody (elses)");
	CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_WRITER), YETT_ECONFIG);
	unlink(path_of("yett.db"));
	CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_READER), YETT_EUNAVAIL);
	store_open(&writer, YETT_STORE_WRITER);
	store_close(&writer);
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		store_sql(versions[i]);
		CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_WRITER), YETT_EVERSION);
		CU_ASSERT_PTR_NOT_NULL(strstr(writer.error.mend, "newer"));
		CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_READER), YETT_EVERSION);
	}
	store_sql("PRAGMA user_version = 1");
	store_open(&writer, YETT_STORE_WRITER);
	store_close(&writer);
	asked.path = "no/such/folder/yett.db";
	CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_WRITER), YETT_ENOTFOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(writer.error.mend, "folder"));
	asked.path = "yett.db";
	store_world_close();
}

/* SQLite keeps the log beside the file itself, and so all that stands beside it is there. */
static void a_link_to_it(void)
{
	struct stat status;

	store_begin(&writer);
	CU_ASSERT_EQUAL(put(1, 5), YETT_PUT_STORED);
	store_close(&writer);
	CU_ASSERT_EQUAL(symlink("yett.db", path_of("link.db")), 0);
	asked.path = "link.db";
	store_open(&writer, YETT_STORE_WRITER);
	CU_ASSERT_STRING_EQUAL(strrchr(inside(&writer)->path, '/'), "/yett.db");
	CU_ASSERT_EQUAL(put(1, 5), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(stat(path_of("yett.db-wal"), &status), 0);
	CU_ASSERT(stat(path_of("link.db.generation"), &status) < 0);
	asked.path = "yett.db";
	store_end(&writer);
}

static void modes(void)
{
	static const char *const names[] = {
		"yett.db", "yett.db-wal", "yett.db-shm", "yett.db.generation"};
	mode_t before = umask(0);
	struct stat status;

	store_begin(&writer);
	CU_ASSERT_EQUAL(put(1, 5), YETT_PUT_STORED);
	for (size_t i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(stat(path_of(names[i]), &status), 0);
		CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
	}
	store_end(&writer);
	umask(before);
}

static void durable(void)
{
	int64_t synchronous = 0, number = 0;
	sqlite3_stmt *statement = NULL;

	store_begin(&writer);
	sqlite3_prepare_v2(inside(&writer)->db, "PRAGMA synchronous", -1, &statement, NULL);
	if (sqlite3_step(statement) == SQLITE_ROW) {
		synchronous = sqlite3_column_int64(statement, 0);
	}
	sqlite3_finalize(statement);
	CU_ASSERT_EQUAL(synchronous, 2); /* FULL */
	sqlite3_prepare_v2(inside(&writer)->db, "PRAGMA auto_vacuum", -1, &statement, NULL);
	if (sqlite3_step(statement) == SQLITE_ROW) {
		number = sqlite3_column_int64(statement, 0);
	}
	sqlite3_finalize(statement);
	CU_ASSERT_EQUAL(number, 2); /* INCREMENTAL */
	store_end(&writer);
}

static uint64_t generation(void)
{
	struct yett_store_stats stats = {0};

	store_open(&writer, YETT_STORE_WRITER);
	CU_ASSERT_EQUAL(writer.operations->stats(writer.self, &stats, &writer.error), 0);
	store_close(&writer);
	return stats.generation;
}

static void restored(void)
{
	char copy[300];
	uint64_t before;

	store_world_open();
	before = generation();
	snprintf(copy, sizeof(copy), "VACUUM INTO '%s'", path_of("copy.db"));
	store_sql(copy);
	CU_ASSERT_EQUAL(generation(), before);
	CU_ASSERT_EQUAL(generation(), before);
	store_world.last_event[0] = '\0';
	snprintf(copy, sizeof(copy), "%s", path_of("copy.db"));
	CU_ASSERT_EQUAL(rename(copy, path_of("yett.db")), 0);
	CU_ASSERT(generation() > before);
	CU_ASSERT_STRING_EQUAL(store_world.last_event, "store-restored");
	before = generation(); /* once only */
	CU_ASSERT_EQUAL(generation(), before);
	/* Without the file beside it nothing is noticed, and nothing is wrong. */
	unlink(path_of("yett.db.generation"));
	CU_ASSERT_EQUAL(generation(), before);
	store_world_close();
}

static int64_t number_of(const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t number = 0;

	sqlite3_prepare_v2(inside(&writer)->db, sql, -1, &statement, NULL);
	if (sqlite3_step(statement) == SQLITE_ROW) {
		number = sqlite3_column_int64(statement, 0);
	}
	sqlite3_finalize(statement);
	return number;
}

/* A copy that was taken while the daemon ran, and put back after the same run of it. */
static void restored_from_its_own_run(void)
{
	char copy[300];
	uint64_t before;

	store_world_open();
	before = generation();
	store_open(&writer, YETT_STORE_WRITER);
	snprintf(copy, sizeof(copy), "VACUUM INTO '%s'", path_of("copy.db"));
	CU_ASSERT_EQUAL(sqlite3_exec(inside(&writer)->db, copy, NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(store_put_at(&writer, 1, 3, 0, "later"), YETT_PUT_STORED);
	store_close(&writer);
	snprintf(copy, sizeof(copy), "%s", path_of("copy.db"));
	CU_ASSERT_EQUAL(rename(copy, path_of("yett.db")), 0);
	CU_ASSERT(generation() > before);
	CU_ASSERT_STRING_EQUAL(store_world.last_event, "store-restored");
	store_world_close();
}

static void retention_by_age(void)
{
	int64_t now;

	asked.keep_ns = 3600 * SECOND;
	store_begin(&writer);
	now = store_world.host.wall_ns(NULL);
	CU_ASSERT_EQUAL(store_put_at(&writer, 1, 5000, now - 4000 * (int64_t)SECOND, "gone.soon"),
		YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put_at(&writer, 5001, 100, now + 100 * (int64_t)SECOND, "stays"),
		YETT_PUT_STORED);
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 5100); /* the clock may still be set right */
	store_world.monotonic_shift_ns = 3600 * (int64_t)SECOND;
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(number_of("SELECT min(number) FROM record"), 5001);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 100);
	CU_ASSERT_EQUAL(inside(&writer)->names.count, 0); /* forgotten with the name that went */
	/* A wall clock that leaps deletes nothing; time that passes does. */
	store_world.wall_shift_ns = INT64_C(400) * 86400 * (int64_t)SECOND;
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 100);
	store_world.monotonic_shift_ns = 7200 * (int64_t)SECOND;
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 1); /* the newest, for the ids' sake */
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 5100);
	CU_ASSERT_EQUAL(store_put_at(&writer, 1, 5000, now, "gone.soon"), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(store_put_at(&writer, 5101, 10, now + 7200 * (int64_t)SECOND, "gone.soon"),
		YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_world.metrics[YETT_SQLITE_RETIRED], 5099);
	store_end(&writer);
	asked.keep_ns = 0;
}

static void retention_by_size(void)
{
	struct yett_store_stats stats = {0};

	asked.size_bytes = 4 << 20;
	store_begin(&writer);
	for (uint64_t i = 0; i < 40; i++) {
		CU_ASSERT_EQUAL(store_put_at(&writer, 1 + 5000 * i, 5000, 1000 + (int64_t)i, "a"),
			YETT_PUT_STORED);
	}
	CU_ASSERT_EQUAL(store_put(&writer, store_batch_broken(1, 2, NORMAL, 1, 2)), YETT_PUT_DEAD);
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(writer.operations->stats(writer.self, &stats, &writer.error), 0);
	/* Free pages have been given back, but for those that are kept for what comes. */
	CU_ASSERT(stats.bytes < (4 << 20) + 2048 * 4096 + (1 << 20));
	CU_ASSERT(stats.records > 10000 && stats.records < 100000);
	CU_ASSERT_EQUAL(
		number_of("SELECT min(number) FROM record") + (int64_t)stats.records, 200001);
	CU_ASSERT_EQUAL(stats.dead, 0); /* it was as old as the oldest */
	store_end(&writer);
	asked.size_bytes = 0;
}

/* Its row says when the newest notice came that made it grow. */
static void a_loss_that_grows(void)
{
	store_begin(&writer);
	store_put_growing_gap(&writer);
	CU_ASSERT_EQUAL(
		number_of("SELECT sum(received) FROM gap WHERE first = 5 AND count = 4"), 5000);
	store_end(&writer);
}

/* So many losses that were declared, one by one, each with a row of its own that stays. */
static void declare_losses(unsigned count)
{
	struct yett_notice notices[1000];

	for (unsigned i = 0; i < count; i += 1000) {
		for (unsigned k = 0; k < 1000; k++) {
			notices[k] = store_gap(
				i + k, 5, 1 + i / 10000, NORMAL, 1 + 3 * (uint64_t)(i + k), 2);
		}
		CU_ASSERT_EQUAL(store_put(&writer, store_notices(5, 1, 1 + i, notices, 1000)),
			YETT_PUT_STORED);
	}
}

/* What is no record takes more than there is to be: records are not deleted for it, but down to their share,
 * raw batches go before them; and it is said, once. */
static void retention_that_is_no_help(void)
{
	struct yett_store_stats stats = {0};

	asked.size_bytes = 4 << 20;
	store_begin(&writer);
	declare_losses(50000);
	for (uint64_t i = 0; i < 10; i++) {
		CU_ASSERT_EQUAL(store_put_at(&writer, 1 + 2000 * i, 2000, 1000 + (int64_t)i, "a"),
			YETT_PUT_STORED);
	}
	CU_ASSERT_EQUAL(store_put(&writer, store_batch_broken(1, 2, NORMAL, 1, 2)), YETT_PUT_DEAD);
	store_world.last_event[0] = '\0';
	store_tidy_all(&writer);
	CU_ASSERT_STRING_EQUAL(store_world.last_event, "store-crowded");
	CU_ASSERT_EQUAL(writer.operations->stats(writer.self, &stats, &writer.error), 0);
	CU_ASSERT(stats.bytes > 4 << 20); /* else nothing was tried */
	CU_ASSERT(stats.records > 4000 && stats.records < 10000);
	CU_ASSERT_EQUAL(stats.dead, 0);
	store_world.last_event[0] = '\0';
	store_tidy_all(&writer);
	CU_ASSERT_STRING_EQUAL(store_world.last_event, "");
	/* What comes is stored, and the oldest of it goes as before. */
	for (uint64_t i = 10; i < 15; i++) {
		CU_ASSERT_EQUAL(store_put_at(&writer, 1 + 2000 * i, 2000, 1000 + (int64_t)i, "a"),
			YETT_PUT_STORED);
	}
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(writer.operations->stats(writer.self, &stats, &writer.error), 0);
	CU_ASSERT(stats.records > 4000 && stats.records < 10000);
	CU_ASSERT_EQUAL(
		number_of("SELECT min(number) FROM record") + (int64_t)stats.records, 30001);
	store_end(&writer);
	asked.size_bytes = 0;
}

/* Runs one query that the document shows. */
static void run_example(sqlite3 *db, char *sql)
{
	static const char *const words[] = {"$__from", "$__to"};
	sqlite3_stmt *statement = NULL;
	char *at;

	for (size_t i = 0; i < 2; i++) {
		while ((at = strstr(sql, words[i])) != NULL) {
			memset(at, ' ', strlen(words[i]));
			*at = '1';
		}
	}
	CU_ASSERT_EQUAL(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	CU_ASSERT(sqlite3_step(statement) >= SQLITE_ROW);
	if (statement == NULL) {
		fprintf(stderr, "%s: %s\n", sqlite3_errmsg(db), sql);
	}
	sqlite3_finalize(statement);
}

/* Each statement of the document runs, and each view gives rows whose columns it names. */
static void document(void)
{
	static const char *const views[] = {
		"metrics", "events", "states", "node", "gaps", "dead_letters", "forks"};
	char line[512], sql[2048] = "";
	sqlite3 *db;
	int examples = 0;
	FILE *file;

	store_world_open();
	file = fopen(YETT_TEST_SRCDIR "/doc/store-sqlite.md", "re");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	store_open(&writer, YETT_STORE_WRITER);
	CU_ASSERT_EQUAL(put(1, 5), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(sqlite3_open(path_of("yett.db"), &db), SQLITE_OK);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "    SELECT", 10) != 0 && sql[0] == '\0') {
			for (size_t i = 0; i < 7; i++) {
				char row[64];

				snprintf(row, sizeof(row), "| `%s` | id", views[i]);
				if (strncmp(line, row, strlen(row) - 2) != 0 ||
					strchr(line + 2, '|') == NULL) {
					continue;
				}
				snprintf(sql, sizeof(sql), "SELECT %s", strchr(line + 2, '|') + 1);
				*strrchr(sql, '|') = '\0';
				snprintf(sql + strlen(sql), 64, " FROM %s", views[i]);
				run_example(db, sql);
				sql[0] = '\0';
				examples++;
			}
			continue;
		}
		snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql), "%s", line);
		if (strchr(line, ';') != NULL) {
			run_example(db, sql);
			sql[0] = '\0';
			examples++;
		}
	}
	CU_ASSERT_EQUAL(examples, 12);
	fclose(file);
	sqlite3_close(db);
	store_end(&writer);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"custody is read under the lock", custody_is_read_under_the_lock},
		{"locked", locked},
		{"longer than anybody waits", longer_than_anybody_waits},
		{"disk full", disk_full},
		{"no room is found once", no_room_is_found_once},
		{"damaged", damaged},
		{"foreign files", foreign_files},
		{"a link to it", a_link_to_it},
		{"modes", modes},
		{"durable", durable},
		{"restored", restored},
		{"restored from its own run", restored_from_its_own_run},
		{"retention by age", retention_by_age},
		{"retention by size", retention_by_size},
		{"a loss that grows", a_loss_that_grows},
		{"retention that is no help", retention_that_is_no_help},
		{"document", document},
		CU_TEST_INFO_NULL,
	};

	suite_add("store-sqlite: custody", store_custody_tests);
	suite_add("store-sqlite: limits", store_limits_tests);
	suite_add("store-sqlite: many holes", store_many_holes_tests);
	suite_add("store-sqlite: dead letters", store_dead_tests);
	suite_add("store-sqlite: reading", store_reading_tests);
	suite_add("store-sqlite: together", store_together_tests);
	suite_add("store-sqlite: the clock", store_clock_tests);
	suite_add("store-sqlite: bounds", store_bounds_tests);
	suite_add("store-sqlite: its own", tests);
	return suite_end(argc, argv);
}
