/* What the files of store-sqlite share. One instance is used by one thread at a time. */
#ifndef STORE_SQLITE_INTERNAL_H
#define STORE_SQLITE_INTERNAL_H

#include <sqlite3.h>
#include <stdbool.h>

#include <yett/store.h>

#include "map.h"
#include "statements.h"

#define YETT_SQLITE_APPLICATION_ID 0x59455454 /* "YETT" */
#define YETT_SQLITE_VERSION        1          /* of the schema, as user_version */

/* Pieces of one lane of one epoch: above the first figure those that are settled are folded, but
 * for the newest, by which a fork is still told from a duplicate. */
#define YETT_SQLITE_FOLD_ABOVE 512
#define YETT_SQLITE_FOLD_KEEP  256
/* So many there are at most, with those that fill the first hole. */
#define YETT_SQLITE_PIECES_END ((uint64_t)2 * YETT_PIECES_MAX)
/* Folded runs of one lane of one epoch: one, and one more for each hole that is lost for good. */
#define YETT_SQLITE_RUNS_MAX 16384
/* Rows of `gap` of one lane of one epoch: the ranges that are declared lost apart from each other. */
#define YETT_SQLITE_GAPS_MAX 16384
/* Names, or origins, that are remembered; then all are forgotten. */
#define YETT_SQLITE_INTERN_MAX 65536

struct yett_sqlite_settings {
	const char *path;
	uint64_t keep_ns;
	uint64_t size_bytes;
	uint64_t busy_timeout_ns;
	uint64_t checkpoint_bytes;
};

enum yett_sqlite_metric {
	YETT_SQLITE_RECORDS,
	YETT_SQLITE_DUPLICATES,
	YETT_SQLITE_FORKS,
	YETT_SQLITE_DEAD,
	YETT_SQLITE_LATER,
	YETT_SQLITE_RETIRED,
	YETT_SQLITE_METRICS,
};

/* Legal transitions: TOLD → OPEN at the first batch, or → COMPLETE where too many are open; OPEN ⇄ COMPLETE as
 * its numbers are accounted for, or it is given up, and others come late; TOLD ⇄ COMPLETE if all of it was
 * lost. */
enum yett_sqlite_epoch_state {
	YETT_SQLITE_TOLD = 0,     /* known by notices only; not counted as open */
	YETT_SQLITE_OPEN = 1,     /* has batches, and may get more */
	YETT_SQLITE_COMPLETE = 2, /* closed by its origin, and each number is stored or lost */
};

/* One row of `epoch`: one lane of one epoch of one origin. Within a write transaction it is kept
 * here between its batches; never beyond it. */
struct yett_sqlite_epoch {
	int64_t id, origin;
	struct yett_epoch epoch;
	uint32_t lane;
	uint32_t state;
	uint64_t oldest, next; /* its bounds, 0: not told */
	bool closed;
	bool dirty; /* to be written before the commit */
	uint64_t received, highest;
	uint64_t pieces, runs;
	/* None of its older pieces can be folded until a piece, a gap, or `oldest` is another. */
	bool stuck;
	uint64_t stuck_at; /* the first number that is missing then; 0: none */
	uint64_t metrics, events, states, forks, dead;
	uint64_t declared, inferred; /* of a complete one; else they are counted when asked for */
	int64_t changed_ns;
	char gateway[256]; /* name of the node that brought its last batch, "" for the origin */
};

struct yett_sqlite {
	const struct yett_host *host;
	const struct yett_sqlite_settings *settings;
	char *name;
	char *path;
	uint32_t mode;
	bool in_transaction;
	bool broken;       /* the connection is not to be trusted: made anew at the next chance */
	bool log_doubtful; /* what the log holds may not be on the disk: a start, or a sync that failed */
	bool log_grows;    /* a sync of the database failed: no more checkpoints (log.c) */
	uint32_t visits;   /* how many visits are under way: the connection stays as it is */
	uint64_t until_ns; /* of a reader, monotonic: when what is asked ends; 0: never */
	sqlite3 *db;
	sqlite3_stmt *statements[YETT_SQLITE_STATEMENTS_COUNT];

	/* Ids that never change while their row is there. Forgotten when a transaction is rolled
	 * back, and when another connection has written (`data_version`). */
	struct yett_sqlite_map names, origins;
	int64_t data_version;

	struct yett_sqlite_map refused; /* struct yett_id of an origin → since when (admit.c) */

	/* Of the present transaction. */
	struct yett_sqlite_map epochs; /* struct epoch_key → struct yett_sqlite_epoch */
	struct {
		int64_t origin; /* 0: none */
		uint64_t ordinals[YETT_LANES];
	} told; /* the newest start of an origin that has told of the earlier ones (forgotten.c) */
	bool wanted; /* a dead letter is replayed: no limit refuses it */
	int64_t next_record;
	int64_t counts[YETT_SQLITE_METRICS]; /* added to the metrics once it is committed */

	/* Growing room for one JSON object, and for a reader's glob. */
	char *json;
	size_t json_room;

	uint64_t generation;
	uint64_t
		counted_ns; /* monotonic: when it was last counted on for a restore to be noticed */
	int64_t counted_changes; /* of the connection, at that time */
	struct yett_id store_id;
	/* The store's own clock for retention: starts with the wall clock and never leaps. */
	int64_t opened_wall_ns;
	uint64_t opened_monotonic_ns;
	bool crowded;        /* it was said that what is no record takes the room (tidy.c) */
	int64_t newest_ns;   /* when the newest record of then was received; INT64_MAX: none */
	int64_t age_cursor;  /* up to it all were received by a clock far ahead, or are gone */
	int64_t name_cursor; /* where the sweep for unused names goes on */
	bool retired;        /* records were deleted since the last sweep began */
};

extern const char *const yett_sqlite_schema;      /* schema.c */
extern const char *const yett_sqlite_schema_gone; /* made where it is missing */

/* database.c: the connection. connect makes the file where it is missing (writer). */
int yett_sqlite_connect(struct yett_sqlite *store, struct yett_error *error);
void yett_sqlite_disconnect(struct yett_sqlite *store);
/* Connects if there is no sound connection. */
int yett_sqlite_ready(struct yett_sqlite *store, struct yett_error *error);
/* A failure of SQLite as a result and a sentence; condemns the connection where that is due. */
int yett_sqlite_fail(
	struct yett_sqlite *store, struct yett_error *error, int code, const char *doing);
int yett_sqlite_prepare(struct yett_sqlite *store, enum yett_sqlite_statement which,
	sqlite3_stmt **ret_statement, struct yett_error *error);
/* A statement of the caller's own, for visits, which may nest: to be finalised. */
int yett_sqlite_prepare_own(struct yett_sqlite *store, const char *sql,
	sqlite3_stmt **ret_statement, struct yett_error *error);
/* Visits the rows of such a statement until one answers other than 0, which is returned, and
 * finalises it. */
typedef int (*yett_sqlite_row_fn)(void *arg, sqlite3_stmt *row);
int yett_sqlite_visit(struct yett_sqlite *store, sqlite3_stmt *statement, const char *doing,
	yett_sqlite_row_fn visit, void *arg, struct yett_error *error);
/* Steps a statement that gives no rows, and resets it. */
int yett_sqlite_run(struct yett_sqlite *store, sqlite3_stmt *statement, const char *doing,
	struct yett_error *error);
/* The first column of the first row, or `otherwise` if there is none; resets. */
int yett_sqlite_number(struct yett_sqlite *store, sqlite3_stmt *statement, const char *doing,
	int64_t otherwise, int64_t *ret_number, struct yett_error *error);
void yett_sqlite_forget(struct yett_sqlite *store); /* interned ids */

/* file.c: the files that SQLite does not make itself; names are the database's with a suffix. */
int yett_sqlite_file_make(struct yett_sqlite *store, struct yett_error *error);
/* Once the log exists: the names of both are there after a power cut. */
int yett_sqlite_names_sync(const struct yett_sqlite *store, struct yett_error *error);
bool yett_sqlite_file_exists(const char *path);
/* The path becomes that of the file itself, where it was that of a link to it: as SQLite has it. */
void yett_sqlite_file_resolve(struct yett_sqlite *store);
/* An empty one, if it is not there; not synced. */
void yett_sqlite_side_make(const struct yett_sqlite *store, const char *suffix);
void yett_sqlite_side_remove(const struct yett_sqlite *store, const char *suffix);
/* Writes a file where it is, once more, in chunks, and syncs it. */
int yett_sqlite_side_again(const struct yett_sqlite *store, const char *suffix, size_t chunk,
	struct yett_error *error);
int yett_sqlite_side_read(
	const struct yett_sqlite *store, const char *suffix, char *ret_text, size_t size);
int yett_sqlite_side_write(const struct yett_sqlite *store, const char *suffix, const char *text);

/* log.c. begin: of a writer, before it connects; open: when it has; keep: within a write transaction, before
 * anything is written in it; follow: from now on commits are followed by checkpoints. */
void yett_sqlite_log_begin(struct yett_sqlite *store);
void yett_sqlite_log_open(struct yett_sqlite *store);
void yett_sqlite_log_follow(struct yett_sqlite *store);
int yett_sqlite_log_keep(struct yett_sqlite *store, struct yett_error *error);
void yett_sqlite_checkpoint(struct yett_sqlite *store); /* not within a transaction */

/* generation.c: tells a restored database from its own past. Within a write transaction. */
int yett_sqlite_generation_open(struct yett_sqlite *store, uint64_t *ret_opens, bool *ret_restored,
	struct yett_error *error);
int yett_sqlite_meta_number(struct yett_sqlite *store, const char *key, int64_t *ret_number,
	struct yett_error *error); /* 0 if there is none */
int yett_sqlite_meta_set(struct yett_sqlite *store, const char *key, const char *text,
	int64_t number, struct yett_error *error); /* text NULL: the number */
void yett_sqlite_generation_note(struct yett_sqlite *store, uint64_t opens); /* after commit */
/* Not within a transaction: counts on, if something was written since, and it is time or the end. */
int yett_sqlite_generation_count(struct yett_sqlite *store, bool ending, struct yett_error *error);

/* write.c: transactions. */
int yett_sqlite_begin(void *self, struct yett_error *error);
int yett_sqlite_commit(void *self, struct yett_error *error);
void yett_sqlite_rollback(void *self);
int yett_sqlite_registry_put(void *self, const char *table, const char *key, const char *json,
	uint64_t revision, uint64_t *ret_revision, struct yett_error *error);

/* put.c */
int yett_sqlite_put(void *self, struct yett_put *puts, size_t count, struct yett_error *error);
/* What a batch holds, whatever it is: as yett_sqlite_insert. */
int yett_sqlite_store(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_put *put, const char **ret_cause, struct yett_error *error);

/* dead.c */
int yett_sqlite_newest_dead(void *self, int64_t since_ns, yett_dead_letter_fn visit, void *arg,
	struct yett_error *error);
int yett_sqlite_forks(
	void *self, int64_t since_ns, yett_fork_fn visit, void *arg, struct yett_error *error);
int yett_sqlite_dead_letters(void *self, uint64_t id, uint32_t limit, yett_dead_letter_fn visit,
	void *arg, struct yett_error *error);
/* Within a transaction: YETT_TABLE_REPLAY. */
int yett_sqlite_replay(
	struct yett_sqlite *store, const char *key, const char *json, struct yett_error *error);

/* insert.c: one batch's records. Answers 1 if all were stored, 0 if the batch cannot be decoded
 * (`ret_cause` says why, and nothing of it is there), or a negative result. */
int yett_sqlite_insert(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_put *put, const char **ret_cause, struct yett_error *error);
int yett_sqlite_intern_origin(struct yett_sqlite *store, const struct yett_id *id, int64_t *ret_id,
	struct yett_error *error);

/* json.c: attributes as a JSON object, in store->json; NULL: no memory. */
const char *yett_sqlite_json(
	struct yett_sqlite *store, const struct yett_record *record, size_t *ret_length);

/* epoch.c: epochs, pieces, folding. find: `*ret_epoch` is NULL where there is none. */
int yett_sqlite_epoch_find(struct yett_sqlite *store, int64_t origin,
	const struct yett_epoch *epoch, uint32_t lane, bool make,
	struct yett_sqlite_epoch **ret_epoch, struct yett_error *error);
/* What the pieces say; for NEW the piece is stored. Returns an enum yett_verdict. */
int yett_sqlite_epoch_judge(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_batch_info *info, struct yett_error *error);
/* Writes back what the transaction changed, and completes the epochs that are. */
int yett_sqlite_epoch_flush(struct yett_sqlite *store, struct yett_error *error);
int yett_sqlite_epoch_write(
	struct yett_sqlite *store, struct yett_sqlite_epoch *epoch, struct yett_error *error);
void yett_sqlite_epoch_forget(struct yett_sqlite *store);

/* forgotten.c. new: an epoch whose row was just made is closed if a later start knows nothing of it; not: it tells
 * of itself, and is open again. earlier: the present start has told of those before it in its lane; the others of
 * them are closed. */
int yett_sqlite_forgotten_new(
	struct yett_sqlite *store, struct yett_sqlite_epoch *epoch, struct yett_error *error);
int yett_sqlite_forgotten_not(
	struct yett_sqlite *store, struct yett_sqlite_epoch *epoch, struct yett_error *error);
int yett_sqlite_forgotten_earlier(struct yett_sqlite *store, struct yett_sqlite_epoch *present,
	int64_t now_ns, struct yett_error *error);

/* admit.c: the epoch of a batch that was received at `now_ns`, made where it is new: 1; or 0 where its origin
 * has too many that are open, for now. */
int yett_sqlite_epoch_admit(struct yett_sqlite *store, int64_t origin,
	const struct yett_batch_info *info, int64_t now_ns, struct yett_sqlite_epoch **ret_epoch,
	struct yett_error *error);
/* 1 if the origin may have this epoch open beside those that are, or has. */
int yett_sqlite_epoch_may_open(struct yett_sqlite *store, int64_t origin,
	const struct yett_epoch *epoch, struct yett_error *error);
/* Something of the origin is to be refused: whether that has been so for too long already. */
bool yett_sqlite_patience_ends(struct yett_sqlite *store, const struct yett_id *origin);

/* custody.c: a batch of notices, as yett_sqlite_insert. */
int yett_sqlite_custody(struct yett_sqlite *store, const struct yett_put *put,
	const char **ret_cause, struct yett_error *error);

/* gap.c: the gaps of one batch. judge puts them in order, for write; 0: they would leave too many rows. */
int yett_sqlite_gaps_judge(struct yett_sqlite *store, struct yett_notice *notices, size_t count,
	struct yett_error *error);
int yett_sqlite_gaps_write(struct yett_sqlite *store, const struct yett_notice *notices,
	size_t count, int64_t received_ns, struct yett_error *error);

/* sweep.c: goes over the numbers of one epoch, from 1 to its top. */
enum yett_sqlite_part {
	YETT_SQLITE_PART_DECLARED = 1,
	YETT_SQLITE_PART_INFERRED = 2,
	YETT_SQLITE_PART_MISSING = 3,
};
struct yett_sqlite_lost {
	enum yett_sqlite_part part;
	uint64_t first, next;
	/* DECLARED: by whom, and why. Borrowed. */
	const char *uuid, *holder;
	uint32_t cause;
};
/* Calls `visit` for each part that is not received until it returns non-zero, which it returns. */
typedef int (*yett_sqlite_sweep_fn)(void *arg, const struct yett_sqlite_lost *lost);
int yett_sqlite_sweep(struct yett_sqlite *store, const struct yett_sqlite_epoch *epoch,
	yett_sqlite_sweep_fn visit, void *arg, struct yett_error *error);
struct yett_sqlite_sums {
	uint64_t declared, inferred, missing;
	uint64_t first_missing; /* 0: none */
};
int yett_sqlite_sum(struct yett_sqlite *store, const struct yett_sqlite_epoch *epoch,
	struct yett_sqlite_sums *ret_sums, struct yett_error *error);

/* account.c, query.c, tidy.c, read.c: as the store's operations. */
int yett_sqlite_account(void *self, yett_account_fn visit, void *arg, struct yett_error *error);
int yett_sqlite_losses(void *self, yett_loss_fn visit, void *arg, struct yett_error *error);
int yett_sqlite_query(void *self, const struct yett_query *query, yett_row_fn visit, void *arg,
	struct yett_error *error);
/* At the opening, before anything is put. */
int yett_sqlite_tidy_open(struct yett_sqlite *store, struct yett_error *error);
int yett_sqlite_tidy(void *self, uint64_t budget_ns, struct yett_error *error);
int yett_sqlite_positions(void *self, const char *prefix,
	int (*visit)(void *arg, const char *key, const void *position, size_t length), void *arg);
int yett_sqlite_registry_list(void *self, const char *table, const char *key,
	yett_document_fn visit, void *arg, struct yett_error *error);
int yett_sqlite_watch(void *self, uint64_t after, uint64_t timeout_ns, yett_change_fn visit,
	void *arg, struct yett_error *error);
int yett_sqlite_stats(void *self, struct yett_store_stats *ret_stats, struct yett_error *error);

/* Columns of `epoch`, in the order of YETT_SQLITE_EPOCH_COLUMNS, from column `at` on. */
void yett_sqlite_epoch_read(sqlite3_stmt *statement, int at, struct yett_sqlite_epoch *ret_epoch);
/* UUIDs in lower case. parse: true if it is one. */
#define YETT_SQLITE_UUID_SIZE 37
void yett_sqlite_uuid_text(const struct yett_id *id, char ret_text[YETT_SQLITE_UUID_SIZE]);
bool yett_sqlite_uuid_parse(const char *text, struct yett_id *ret_id);

#endif
