/* What the files of store-postgresql share. One instance is used by one thread at a time. */
#ifndef STORE_POSTGRESQL_INTERNAL_H
#define STORE_POSTGRESQL_INTERNAL_H

#include <libpq-fe.h>
#include <stdbool.h>

#include <yett/store.h>

#include "bytes.h"
#include "map.h"
#include "statements.h"

#define YETT_PG_VERSION        1      /* of the tables */
#define YETT_PG_SERVER_VERSION 140000 /* the oldest: the first with multiranges */

/* Pieces of one lane of one epoch: above the first figure those that are settled are folded, but
 * for the newest, by which a fork is still told from a duplicate. */
#define YETT_PG_FOLD_ABOVE 512
#define YETT_PG_FOLD_KEEP  256
/* So many there are at most, with those that fill the first hole. */
#define YETT_PG_PIECES_END ((uint64_t)2 * YETT_PIECES_MAX)
/* Folded runs of one lane of one epoch: one, and one more for each hole that is lost for good. */
#define YETT_PG_RUNS_MAX 16384
/* Rows of open epochs that are looked at, of one origin: those of as many as may be open, with all lanes. */
#define YETT_PG_OPEN_ROWS (YETT_EPOCHS_OPEN_MAX * YETT_LANES)
/* Rows of `gap` of one lane of one epoch: the ranges that are declared lost apart from each other. */
#define YETT_PG_GAPS_MAX 16384
/* Epochs whose rows one statement reads: each has its time, however many one batch speaks of. */
#define YETT_PG_EPOCHS_AT_ONCE 8
/* Rows that are fetched at a time. */
#define YETT_PG_PAGE 5000

struct yett_pg_settings {
	const char *connection;
	const char *schema;
	uint64_t keep_ns;
	uint64_t size_bytes;
	uint64_t timeout_ns;
	uint64_t connect_timeout_ns;
};

enum yett_pg_metric {
	YETT_PG_RECORDS,
	YETT_PG_DUPLICATES,
	YETT_PG_FORKS,
	YETT_PG_DEAD,
	YETT_PG_LATER,
	YETT_PG_RETIRED,
	YETT_PG_RECONNECTS,
	YETT_PG_RETRIES,
	YETT_PG_METRICS,
};

/* Legal transitions: TOLD → OPEN at the first batch, or → COMPLETE where too many are open; OPEN ⇄ COMPLETE as
 * its numbers are accounted for, or it is given up, and others come late; TOLD ⇄ COMPLETE if all of it was
 * lost. */
enum yett_pg_epoch_state {
	YETT_PG_TOLD = 0,     /* known by notices only; not counted as open */
	YETT_PG_OPEN = 1,     /* has batches, and may get more */
	YETT_PG_COMPLETE = 2, /* closed by its origin, and each number is stored or lost */
};

struct yett_pg_origin {
	int32_t id;
	bool fresh;      /* to be written */
	bool open_known; /* `open` is filled */
	bool told_known;
	uint64_t told
		[YETT_LANES]; /* the newest start that has told of the earlier ones (forgotten.c) */
	/* Without their lanes; where there are too many, the oldest, and those that the put is about. */
	struct yett_epoch *open;
	size_t open_count, open_room;
	struct yett_id uuid;
};

/* A batch that this transaction has taken. */
struct yett_pg_fresh {
	struct yett_piece piece;
	bool written;
};

/* One row of `epoch`: one lane of one epoch of one origin. Lives within one put. */
struct yett_pg_epoch {
	int64_t id;
	struct yett_pg_origin *origin;
	struct yett_epoch epoch;
	uint32_t lane;
	uint32_t state;
	uint64_t oldest, next; /* its bounds, 0: not told */
	bool closed;
	bool made;  /* it is in the table, or will be */
	bool found; /* it is in the table */
	bool dirty;
	uint64_t received, highest;
	uint64_t pieces, runs;
	/* None of its older pieces can be folded until a piece, a gap, or `oldest` is another. */
	bool stuck;
	uint64_t stuck_at; /* the first number that is missing then; 0: none */
	uint64_t metrics, events, states, forks, dead;
	uint64_t declared, inferred; /* of a complete one; else they are counted when asked for */
	int64_t changed_ns;
	char gateway[256]; /* name of the node that brought its last batch, "" for the origin */
	struct yett_pg_fresh *fresh; /* sorted */
	size_t fresh_count, fresh_room;
};

struct yett_pg_name {
	int32_t id;
	bool fresh;
	uint32_t length;
	char text[];
};

/* The row of `store`, which every writer locks first and writes last: so transactions follow each
 * other, ids rise in the order of commits without a hole, and nothing can wait in a circle. */
struct yett_pg_head {
	int64_t generation, opens, revision;
	int64_t record, epoch, origin, name; /* the last id that was given out */
};

/* How far housekeeping has come: as it was before a slice that is rolled back. */
struct yett_pg_tidied {
	int64_t record_floor; /* below it there is no record any more */
	int64_t age_cursor;   /* up to it all were received by a clock far ahead, or are gone */
	int64_t name_cursor;  /* where the sweep for unused names goes on */
	bool retired;         /* records were deleted since the last sweep began */
};

/* What the rows of a table take, by blocks of ids (weigh.c). */
enum yett_pg_weighed {
	YETT_PG_OF_RECORDS,
	YETT_PG_OF_DEAD,
	YETT_PG_OF_FORKS,
	YETT_PG_WEIGHED,
};
struct yett_pg_volume {
	int64_t first; /* block */
	size_t count, room;
	int64_t *bytes; /* of each */
	int64_t low;    /* the first id, when the first of them was weighed */
};

#define YETT_PG_HOST_LISTS 3
struct yett_pg_hosts {
	char *lists[YETT_PG_HOST_LISTS]; /* host, hostaddr, port, as libpq has them; or NULL */
	size_t count;                    /* of servers; 0: not known yet */
	size_t first;                    /* that is tried first */
};

struct yett_pg {
	const struct yett_host *host;
	const struct yett_pg_settings *settings;
	char *name;
	char *group; /* the management group's id, "" where none is known */
	char *state; /* the node's state directory */
	uint32_t mode;
	PGconn *connection;
	struct yett_pg_hosts hosts;
	bool broken;         /* not to be trusted: made anew at the next chance */
	bool in_transaction; /* as the core sees it */
	bool locked;         /* BEGIN was sent, the head is ours */
	bool snapshot;       /* a reading transaction is open */
	bool prepared[YETT_PG_STATEMENTS_COUNT];
	char state_code[6]; /* SQLSTATE of the last failure, or "" */
	char warning[200];  /* the last one since it was emptied, or "" */
	bool listening;
	bool needs_primary;      /* a reader that listens for changes */
	uint64_t second_best_ns; /* since when it is connected to any server; 0: it takes writes */

	/* Back-off after a failed attempt to connect, and what that attempt said. */
	uint64_t not_before_ns, pause_ns;
	int last_result;
	char last_text[400], last_mend[200];

	/* Of the present transaction. */
	struct yett_pg_head head;
	struct yett_pg_head known; /* as it was committed last; generation 0: nothing was */
	bool head_dirty;
	bool notify;                     /* the registry changed */
	int64_t counts[YETT_PG_METRICS]; /* added to the metrics once it is committed */

	/* Of the present put. */
	struct yett_pg_map origins; /* struct yett_id → struct yett_pg_origin */
	struct yett_pg_map epochs; /* origin's id, ordinal, random, lane → struct yett_pg_epoch */
	struct yett_pg_map names;  /* text → struct yett_pg_name */
	bool wary;                 /* a number was found to be there though no piece said so */
	bool wanted;               /* it is a dead letter that is replayed: no limit refuses it */
	const char *refusal; /* why its one batch is to be kept raw, whatever it holds; or NULL */

	struct yett_pg_map refused; /* struct yett_id of an origin → since when (admit.c) */

	/* The batch that the server had no time for when it was alone, and how often. */
	struct yett_batch_info late;
	uint32_t late_times;

	struct yett_pg_bytes json; /* one JSON object */

	uint64_t generation;
	uint64_t
		counted_ns; /* monotonic: when it was last counted on for a restore to be noticed */
	bool written_since;
	struct yett_id store_id;
	/* The store's own clock for retention: starts with the wall clock and never leaps. */
	int64_t opened_wall_ns;
	uint64_t opened_monotonic_ns;
	int64_t newest_ns; /* when the newest record of then was received; INT64_MAX: none */
	struct yett_pg_tidied tidied;
	struct yett_pg_volume volumes[YETT_PG_WEIGHED];
};

extern const char *const yett_pg_schema; /* schema.c */

/* connection.c: connects within the setting's time, and says why not. */
int yett_pg_connect(struct yett_pg *store, struct yett_error *error);
void yett_pg_disconnect(struct yett_pg *store);
/* Connects if there is no sound connection, not more often than the back-off allows. */
int yett_pg_ready(struct yett_pg *store, struct yett_error *error);
/* Waits until the socket can be read or `until_ns` (monotonic) has come: 1, or 0; negative: the
 * connection is gone. */
int yett_pg_wait(struct yett_pg *store, bool write, uint64_t until_ns);

/* hosts.c: where several servers are named. */
void yett_pg_hosts_learn(struct yett_pg_hosts *hosts, PGconn *connection);
void yett_pg_hosts_done(struct yett_pg_hosts *hosts);
/* Words and values that override those of the configuration, so that it begins with the first; how many. The
 * values are the caller's. */
int yett_pg_hosts_turn(
	const struct yett_pg_hosts *hosts, const char **ret_words, char **ret_values);
/* The connection is at a server that has worked; or not: the next one is first. */
void yett_pg_hosts_see(struct yett_pg_hosts *hosts, const PGconn *connection, bool worked);

/* run.c: statements, with a deadline each. A result is the caller's, to be PQclear'ed. */
int yett_pg_run(struct yett_pg *store, enum yett_pg_statement which,
	const struct yett_pg_args *args, PGresult **ret_result, struct yett_error *error);
/* As run, where no rows are asked for; `args` are done with. */
int yett_pg_do(struct yett_pg *store, enum yett_pg_statement which, struct yett_pg_args *args,
	int64_t *ret_changes, struct yett_error *error);
/* As run with a text of the caller's own; nothing is prepared. */
int yett_pg_ask(struct yett_pg *store, const char *sql, const struct yett_pg_args *args,
	const char *doing, PGresult **ret_result, struct yett_error *error);
/* Several statements in one text without parameters; answers the last one's rows, as text. */
int yett_pg_text_run(struct yett_pg *store, const char *sql, const char *doing,
	PGresult **ret_result, struct yett_error *error);
/* COPY … FROM STDIN (FORMAT binary) of whole bytes. */
int yett_pg_copy(struct yett_pg *store, enum yett_pg_statement which,
	const struct yett_pg_bytes *bytes, struct yett_error *error);

/* cause.c: failures as results and sentences. */
int yett_pg_fail_result(
	struct yett_pg *store, struct yett_error *error, const PGresult *result, const char *doing);
/* The connection is gone or does not answer: it is condemned. */
int yett_pg_fail_lost(
	struct yett_pg *store, struct yett_error *error, bool late, const char *doing);
/* What an attempt to connect came to; `why` is libpq's text, verbose. */
int yett_pg_fail_connect(struct yett_pg *store, struct yett_error *error, const char *why);

/* A refusal of our own, which is remembered as what the last attempt to connect came to. */
int yett_pg_refuse(struct yett_pg *store, struct yett_error *error, int code, const char *mend,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* setup.c: what a new connection is told and asked before it is used; makes the tables. */
int yett_pg_setup(struct yett_pg *store, struct yett_error *error);

/* generation.c: tells a restored database from its own past. */
int yett_pg_generation_open(struct yett_pg *store, struct yett_error *error);
/* Not within a transaction: counts on, if something was written, and it is time or the end. */
int yett_pg_generation_count(struct yett_pg *store, bool ending, struct yett_error *error);

/* write.c: transactions. lock: BEGIN, and the head is ours until the end. */
int yett_pg_lock(struct yett_pg *store, struct yett_error *error);
int yett_pg_begin(void *self, struct yett_error *error);
int yett_pg_commit(void *self, struct yett_error *error);
void yett_pg_rollback(void *self);
/* Ends what the server has of a transaction, but not what the core has. */
void yett_pg_abandon(struct yett_pg *store);

/* registry.c */
int yett_pg_registry_put(void *self, const char *table, const char *key, const char *json,
	uint64_t revision, uint64_t *ret_revision, struct yett_error *error);
int yett_pg_registry_list(void *self, const char *table, const char *key, yett_document_fn visit,
	void *arg, struct yett_error *error);

/* group.c: what one put is about, decoded before anything is locked. */
struct yett_pg_item {
	struct yett_put *put;
	struct yett_pg_epoch *epoch;
	const char *cause; /* why it cannot be stored, or NULL */
	size_t row, rows;  /* of the group's rows */
	size_t notice, notices;
	size_t met, mets;       /* of the group's pieces that its numbers meet */
	uint64_t run, run_next; /* the last folded run that begins below its end; 0, 0: none */
	uint32_t kinds[YETT_RECORD_STATE + 1];
	bool there; /* some of its numbers are stored, though no piece says so */
	bool stored;
};

/* One record as COPY takes it; its first fields are set once they are known. */
struct yett_pg_row {
	size_t at, length;
	struct yett_pg_name *name;
};

struct yett_pg_group {
	struct yett_pg_item *items;
	size_t count;
	struct yett_pg_bytes encoded; /* rows */
	struct yett_pg_bytes rows;    /* struct yett_pg_row */
	struct yett_pg_bytes notices; /* struct yett_notice */
	struct yett_pg_bytes met;     /* struct yett_piece */
};
int yett_pg_group_decode(struct yett_pg *store, struct yett_pg_group *group, struct yett_put *puts,
	size_t count, struct yett_error *error);
void yett_pg_group_done(struct yett_pg_group *group);
/* Sets what a row of the group could not know: its id, epoch, number, origin, name. */
void yett_pg_group_finish(
	const struct yett_pg_group *group, const struct yett_pg_item *item, size_t row, int64_t id);

/* resolve.c: what the database has of all that a group names. */
int yett_pg_resolve(struct yett_pg *store, struct yett_pg_group *group, struct yett_error *error);
/* The epoch whose columns are those of the row. */
int yett_pg_epoch_at_hand(struct yett_pg *store, const struct yett_id *origin, const PGresult *rows,
	int row, struct yett_pg_epoch **ret_epoch, struct yett_error *error);
int yett_pg_epoch_make(
	struct yett_pg *store, struct yett_pg_epoch *epoch, struct yett_error *error);
struct yett_pg_epoch *yett_pg_epoch_find(struct yett_pg *store, const struct yett_id *origin,
	const struct yett_epoch *epoch, uint32_t lane);
/* Where a batch is kept; {0, 0}, which no node numbers in, for one that is put aside. */
struct yett_epoch yett_pg_epoch_of(const struct yett_put *put);
void yett_pg_forget(struct yett_pg *store); /* all that a put has at hand */

/* admit.c: the epoch of a batch that was received at `now_ns`, made where it is new: 1; or 0 where its origin
 * has too many that are open, for now. */
int yett_pg_epoch_admit(struct yett_pg *store, struct yett_pg_epoch *epoch, int64_t now_ns,
	struct yett_error *error);
/* One that was complete, and of which numbers lack, is open again: 1; or 0 where there is no room for it. */
int yett_pg_epoch_open_again(
	struct yett_pg *store, const struct yett_pg_epoch *epoch, struct yett_error *error);
/* One more that is open. */
int yett_pg_open_add(struct yett_pg *store, struct yett_pg_origin *origin,
	const struct yett_epoch *epoch, struct yett_error *error);
/* Something of the origin is to be refused: whether that has been so for too long already. */
bool yett_pg_patience_ends(struct yett_pg *store, const struct yett_id *origin);

/* forgotten.c. new: an epoch that was just made is closed if a later start knows nothing of it; not: it tells of
 * itself, and is open again. earlier: the present start has told of those before it in its lane; the others of
 * them are closed. */
int yett_pg_forgotten_new(
	struct yett_pg *store, struct yett_pg_epoch *epoch, struct yett_error *error);
int yett_pg_forgotten_not(
	struct yett_pg *store, struct yett_pg_epoch *epoch, struct yett_error *error);
int yett_pg_forgotten_earlier(struct yett_pg *store, struct yett_pg_epoch *present, int64_t now_ns,
	struct yett_error *error);

/* put.c */
int yett_pg_put(void *self, struct yett_put *puts, size_t count, struct yett_error *error);
/* What a batch holds, for the account of its epoch; records go in with the group's COPY. */
int yett_pg_store(struct yett_pg *store, const struct yett_pg_group *group,
	struct yett_pg_item *item, struct yett_error *error);
int yett_pg_copy_records(
	struct yett_pg *store, const struct yett_pg_group *group, struct yett_error *error);

/* dead.c */
int yett_pg_newest_dead(void *self, int64_t since_ns, yett_dead_letter_fn visit, void *arg,
	struct yett_error *error);
int yett_pg_forks(
	void *self, int64_t since_ns, yett_fork_fn visit, void *arg, struct yett_error *error);
int yett_pg_dead_letters(void *self, uint64_t id, uint32_t limit, yett_dead_letter_fn visit,
	void *arg, struct yett_error *error);
/* Under the lock: YETT_TABLE_REPLAY. */
int yett_pg_replay(
	struct yett_pg *store, const char *key, const char *json, struct yett_error *error);

/* raw.c: what is kept as it came, and positions. Answers an enum yett_put_result. */
int yett_pg_keep_dead(struct yett_pg *store, struct yett_pg_epoch *epoch,
	const struct yett_put *put, const char *cause, struct yett_error *error);
int yett_pg_keep_fork(struct yett_pg *store, struct yett_pg_epoch *epoch,
	const struct yett_put *put, struct yett_error *error);
int yett_pg_keep_position(
	struct yett_pg *store, const struct yett_put *put, struct yett_error *error);

/* custody.c: the notices of one batch, which have been found to be sound; it says so in the item's `cause`
 * where its gaps would leave too many rows. */
int yett_pg_custody_judge(struct yett_pg *store, const struct yett_pg_group *group,
	struct yett_pg_item *item, struct yett_error *error);
int yett_pg_custody(struct yett_pg *store, const struct yett_pg_group *group,
	const struct yett_pg_item *item, struct yett_error *error);

/* epoch.c: judge answers an enum yett_verdict; for NEW the piece is taken. */
int yett_pg_epoch_judge(struct yett_pg *store, const struct yett_pg_group *group,
	const struct yett_pg_item *item, struct yett_error *error);
/* fold.c */
int yett_pg_fold_older(struct yett_pg *store, struct yett_pg_epoch *epoch,
	uint64_t *ret_first_missing, struct yett_error *error);
int yett_pg_fold_all(struct yett_pg *store, struct yett_pg_epoch *epoch, struct yett_error *error);
/* flush.c: writes what a put has changed of origins, names, epochs, pieces; completes epochs. */
int yett_pg_flush_pieces(
	struct yett_pg *store, struct yett_pg_epoch *only, struct yett_error *error);
int yett_pg_flush(struct yett_pg *store, struct yett_error *error);

/* account.c, query.c, tidy.c, read.c, watch.c: as the store's operations. */
int yett_pg_account(void *self, yett_account_fn visit, void *arg, struct yett_error *error);
int yett_pg_losses(void *self, yett_loss_fn visit, void *arg, struct yett_error *error);
int yett_pg_query(void *self, const struct yett_query *query, yett_row_fn visit, void *arg,
	struct yett_error *error);
/* At the opening, before anything is put. */
int yett_pg_tidy_open(struct yett_pg *store, struct yett_error *error);
int yett_pg_tidy(void *self, uint64_t budget_ns, struct yett_error *error);
/* weigh.c: how many records are to go, `most` at most, for the rest to take no more than `size`. 1: they are
 * not all weighed yet. */
int yett_pg_find_excess(
	struct yett_pg *store, int64_t most, int64_t *ret_count, struct yett_error *error);
/* Whether dead letters and forks take more than `share`. 1: they are not all weighed yet. */
int yett_pg_weigh_raw(
	struct yett_pg *store, uint64_t share, bool *ret_more, struct yett_error *error);
void yett_pg_volumes_forget(struct yett_pg *store);
int yett_pg_positions(void *self, const char *prefix,
	int (*visit)(void *arg, const char *key, const void *position, size_t length), void *arg);
int yett_pg_watch(void *self, uint64_t after, uint64_t timeout_ns, yett_change_fn visit, void *arg,
	struct yett_error *error);
int yett_pg_stats(void *self, struct yett_store_stats *ret_stats, struct yett_error *error);

/* json.c: attributes as a JSON object, in store->json; false: no memory. And text that PostgreSQL
 * takes: UTF-8 without U+0000. */
bool yett_pg_json(struct yett_pg *store, const struct yett_record *record);
void yett_pg_put_text(struct yett_pg_bytes *to, const char *text, size_t length);
/* Whether it takes the text as it is; NULL: there is none. What it does not take is never sent as a
 * parameter: it would take the whole transaction with it. */
bool yett_pg_is_text(const char *text);

/* uuid.c */
#define YETT_PG_UUID_SIZE 37
void yett_pg_uuid_text(const struct yett_id *id, char ret_text[YETT_PG_UUID_SIZE]);
bool yett_pg_uuid_parse(const char *text, struct yett_id *ret_id);

#endif
