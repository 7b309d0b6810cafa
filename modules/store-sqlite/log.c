/* The write-ahead log: made durable before anything is written behind it, and brought into the database.
 *
 * After a sync that failed, Linux takes what it covered for clean: whoever reads it finds it whole, and who
 * syncs it once more writes nothing (fsync(2), "Handling of I/O errors"). SQLite does not see to that:
 * - A start may find a commit in the log that is in the system's memory alone. So the whole log is written
 *   again in its place, and synced, under the write lock, before the first commit of a start, and after a
 *   sync that failed. It is not enough to bring the log into the database instead: what is torn by a loss
 *   of power meanwhile has to be in the log.
 * - A checkpoint that readers keep from coming to the end leaves pages in the database that are not synced,
 *   and never writes them again. If a later one's sync fails, the one after that would be the end of a log
 *   whose pages are nowhere else. So that sync is the last one: from then on the log grows until the process
 *   ends, and whoever opens the database next, alone, begins with all of the log. A file beside it says so to
 *   a start that is not alone, since another server has the database open, and with it what SQLite remembers
 *   of the first part. (That other one's own next sync fails as well, if it was there before: fsync(2) tells
 *   each of an open file's holders once.)
 * Which is why checkpoints are made here and not by SQLite, which tells nobody of their failures. */
#include "internal.h"

#include <stdlib.h>

#define CHUNK (1024 * 1024)

#define MARK ".unsynced"

static void tell(const struct yett_sqlite *store, const char *reason)
{
	store->host->log(store->host->instance, YETT_LOG_ERROR, "store-unsynced",
		"the database did not reach the disk: what is stored is in its log alone, which "
		"grows; look at the disk, then end all that have the database open, and start them "
		"again. path=%s reason=\"%s\"",
		store->path, reason);
}

static void end_of_checkpoints(struct yett_sqlite *store, int code)
{
	store->log_grows = true;
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)yett_sqlite_side_write(store, MARK, "1\n");
	tell(store, sqlite3_errstr(code));
}

/* Nobody has it open. */
static bool is_alone(const struct yett_sqlite *store)
{
	sqlite3 *db = NULL;
	bool alone =
		sqlite3_open_v2(store->path, &db,
			SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
			NULL) == SQLITE_OK &&
		sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) == SQLITE_OK &&
		sqlite3_exec(db,
			"PRAGMA locking_mode = EXCLUSIVE; SELECT count(*) FROM sqlite_schema", NULL,
			NULL, NULL) == SQLITE_OK;

	sqlite3_close(db);
	return alone;
}

void yett_sqlite_log_begin(struct yett_sqlite *store)
{
	char text[8];

	if (store->log_grows || yett_sqlite_side_read(store, MARK, text, sizeof(text)) < 0) {
		return;
	}
	if (is_alone(store)) {
		yett_sqlite_side_remove(store, MARK);
	} else {
		store->log_grows = true;
		tell(store, "another process has had it open since");
	}
}

void yett_sqlite_checkpoint(struct yett_sqlite *store)
{
	int code;

	if (store->log_grows) {
		return;
	}
	/* Only what no reader needs; the rest next time. */
	code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL: /* all that it wrote is written again */
		break;
	default:
		end_of_checkpoints(store, code);
		break;
	}
}

/* After a commit of ours; as SQLite's own hook would. */
static int committed(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct yett_sqlite *store = arg;

	(void)db;
	(void)name;
	if (pages >= YETT_SQLITE_CHECKPOINT_PAGES) {
		yett_sqlite_checkpoint(store);
	}
	return SQLITE_OK;
}

void yett_sqlite_log_open(struct yett_sqlite *store)
{
	sqlite3_wal_hook(store->db, committed, store); /* instead of SQLite's */
	if (store->log_grows) {
		sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	}
}

int yett_sqlite_log_keep(struct yett_sqlite *store, struct yett_error *error)
{
	int result = store->log_doubtful ? yett_sqlite_side_again(store, "-wal", CHUNK, error) : 0;

	store->log_doubtful = result < 0;
	return result;
}
