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

#define CHUNK (1024 * 1024)

#define PAGE  UINT64_C(4096) /* bytes, as SQLite has it unless told otherwise */
#define MARK  ".unsynced"
#define TRIES 8 /* some 300 ms */

static bool is_marked(const struct yett_sqlite *store)
{
	char text[8];

	/* What cannot be read is there. */
	return yett_sqlite_side_read(store, MARK, text, sizeof(text)) != YETT_ENOTFOUND;
}

static void end_of_checkpoints(struct yett_sqlite *store, const char *reason, int code)
{
	store->log_grows = true;
	if (store->db != NULL) {
		sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	}
	store->host->log(store->host->instance, YETT_LOG_ERROR, "store-unsynced",
		"the database did not reach the disk: what is stored is in its log alone, which "
		"grows; look at the disk, then end all that have the database open, and start them "
		"again. path=%s reason=\"%s\" code=%d",
		store->path, reason, code);
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

/* Another server may begin at the same time, and ask the same. */
void yett_sqlite_log_begin(struct yett_sqlite *store)
{
	for (int i = 0; i < TRIES && !store->log_grows && is_marked(store); i++) {
		uint8_t chance;

		if (is_alone(store)) {
			yett_sqlite_side_remove(store, MARK);
			return;
		}
		store->host->random_bytes(store->host->instance, &chance, 1);
		sqlite3_sleep(10 + chance / 4);
	}
	if (!store->log_grows && is_marked(store)) {
		end_of_checkpoints(store, "it cannot be had alone, and was not synced", 0);
	}
}

void yett_sqlite_checkpoint(struct yett_sqlite *store)
{
	int code;

	if (!store->log_grows && is_marked(store)) {
		end_of_checkpoints(store, "another process could not sync it", 0);
	}
	if (store->log_grows) {
		/* For others that have it open: it need not outlive a loss of power, nor do they. */
		yett_sqlite_side_make(store, MARK);
		return;
	}
	/* Only what no reader needs; the rest next time. */
	code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	switch (code == SQLITE_IOERR_NOMEM ? SQLITE_NOMEM : code & 0xff) {
	case SQLITE_OK:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_INTERRUPT:
	case SQLITE_NOMEM:
	case SQLITE_FULL: /* all that it wrote is written again */
		break;
	default:
		end_of_checkpoints(store, sqlite3_errstr(code), code);
		yett_sqlite_side_make(store, MARK);
		break;
	}
}

/* After a commit of ours; as SQLite's own hook would. */
static int committed(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct yett_sqlite *store = arg;

	(void)db;
	(void)name;
	if ((uint64_t)pages * PAGE >= store->settings->checkpoint_bytes) {
		yett_sqlite_checkpoint(store);
	}
	return SQLITE_OK;
}

void yett_sqlite_log_open(struct yett_sqlite *store)
{
	sqlite3_wal_hook(store->db, NULL, NULL); /* nor SQLite's own */
	if (store->log_grows) {
		sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	}
}

void yett_sqlite_log_follow(struct yett_sqlite *store)
{
	sqlite3_wal_hook(store->db, committed, store);
}

int yett_sqlite_log_keep(struct yett_sqlite *store, struct yett_error *error)
{
	int result = store->log_doubtful ? yett_sqlite_side_again(store, "-wal", CHUNK, error) : 0;

	store->log_doubtful = result < 0;
	return result;
}
