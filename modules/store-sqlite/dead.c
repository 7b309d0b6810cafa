/* Dead letters: batches that could not be stored, kept as they came. They are shown, and decoded
 * again once somebody has mended what was in the way; but for those that were put aside, whose cause
 * does not pass: they stay what they are.
 *
 * The others' numbers have been in the account as received since they came, so what is stored of them later
 * takes none; but for those for which there was no room. That it happens once is the row's doing, which goes in
 * the same transaction; that no record is there twice is the table's own.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those of these ids, as visit_letter() reads them; `batch` is the column, or NULL. */
#define LETTERS(batch, ids)                                                                        \
	"SELECT dead_letter.id, origin.uuid, origin.name, epoch.ordinal, epoch.lane, "             \
	"dead_letter.first, dead_letter.count, dead_letter.cause, dead_letter.gateway, "           \
	"dead_letter.received, " batch " FROM dead_letter "                                        \
	"JOIN epoch ON epoch.id = dead_letter.epoch "                                              \
	"JOIN origin ON origin.id = epoch.origin WHERE dead_letter.id IN (" ids ") "               \
	"ORDER BY dead_letter.id"

struct letter_visit {
	yett_dead_letter_fn visit;
	void *arg;
};

static int visit_letter(void *arg, sqlite3_stmt *row)
{
	const struct letter_visit *to = arg;
	const struct yett_dead_letter letter = {
		.size = sizeof(letter),
		.id = (uint64_t)sqlite3_column_int64(row, 0),
		.origin = (const char *)sqlite3_column_text(row, 1),
		.origin_name = (const char *)sqlite3_column_text(row, 2),
		.epoch = (uint64_t)sqlite3_column_int64(row, 3),
		.lane = (uint32_t)sqlite3_column_int64(row, 4),
		.first = (uint64_t)sqlite3_column_int64(row, 5),
		.count = (uint64_t)sqlite3_column_int64(row, 6),
		.cause = (const char *)sqlite3_column_text(row, 7),
		.gateway = (const char *)sqlite3_column_text(row, 8),
		.received_ns = sqlite3_column_int64(row, 9),
		.batch = sqlite3_column_blob(row, 10),
		.length = (uint64_t)sqlite3_column_bytes(row, 10),
	};

	return to->visit(to->arg, &letter);
}

int yett_sqlite_dead_letters(void *self, uint64_t id, uint32_t limit, yett_dead_letter_fn visit,
	void *arg, struct yett_error *error)
{
	struct yett_sqlite *store = self;
	struct letter_visit to = {visit, arg};
	sqlite3_stmt *statement;
	int result = yett_sqlite_ready(store, error);

	if (result < 0 || (result = yett_sqlite_prepare_own(store,
				   LETTERS("dead_letter.batch",
					   "SELECT id FROM dead_letter WHERE ?1 = 0 OR id = ?1 "
					   "ORDER BY id DESC LIMIT ?2"),
				   &statement, error)) < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, (int64_t)id);
	sqlite3_bind_int64(statement, 2, limit);
	return yett_sqlite_visit(store, statement, "read dead letters", visit_letter, &to, error);
}

int yett_sqlite_newest_dead(void *self, int64_t since_ns, yett_dead_letter_fn visit, void *arg,
	struct yett_error *error)
{
	struct yett_sqlite *store = self;
	struct letter_visit to = {visit, arg};
	sqlite3_stmt *statement;
	int result = yett_sqlite_ready(store, error);

	/* By their ids, since no index has the time: the newest were received last. */
	if (result < 0 ||
		(result = yett_sqlite_prepare_own(store,
			 LETTERS("NULL", "SELECT max(newest.id) FROM (SELECT id, epoch, received "
					 "FROM dead_letter "
					 "ORDER BY id DESC LIMIT 10000) AS newest "
					 "JOIN epoch ON epoch.id = newest.epoch "
					 "WHERE newest.received >= ?1 GROUP BY epoch.origin"),
			 &statement, error)) < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, since_ns);
	return yett_sqlite_visit(store, statement, "read dead letters", visit_letter, &to, error);
}

struct letter {
	int64_t epoch;
	uint64_t first, count;
	int64_t received_ns;
	char gateway[256];
	char cause[256]; /* what it was one for until now */
	struct yett_buffer *buffer;
};

static int take_letter(struct yett_sqlite *store, sqlite3_stmt *row, struct letter *ret_letter,
	struct yett_error *error)
{
	const unsigned char *gateway = sqlite3_column_text(row, 4);
	const unsigned char *cause = sqlite3_column_text(row, 6);
	size_t length = (size_t)sqlite3_column_bytes(row, 5);

	ret_letter->epoch = sqlite3_column_int64(row, 0);
	ret_letter->first = (uint64_t)sqlite3_column_int64(row, 1);
	ret_letter->count = (uint64_t)sqlite3_column_int64(row, 2);
	ret_letter->received_ns = sqlite3_column_int64(row, 3);
	snprintf(ret_letter->gateway, sizeof(ret_letter->gateway), "%s",
		gateway != NULL ? (const char *)gateway : "");
	snprintf(ret_letter->cause, sizeof(ret_letter->cause), "%s",
		cause != NULL ? (const char *)cause : "");
	ret_letter->buffer = store->host->buffer_new(length);
	if (ret_letter->buffer == NULL) {
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for a dead letter");
	}
	if (length > 0) {
		memcpy(store->host->buffer_bytes(ret_letter->buffer), sqlite3_column_blob(row, 5),
			length);
	}
	return 0;
}

static int find_letter(
	struct yett_sqlite *store, int64_t id, struct letter *ret_letter, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int code, result = yett_sqlite_prepare(
			  store, YETT_SQLITE_DEAD_FIND_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, id);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		result = take_letter(store, statement, ret_letter, error);
	} else if (code == SQLITE_DONE) {
		result = store->host->fail(
			error, YETT_ENOTFOUND, NULL, "there is no dead letter %lld", (long long)id);
	} else {
		result = yett_sqlite_fail(store, error, code, "look for a dead letter");
	}
	sqlite3_reset(statement);
	return result;
}

/* It was put aside: what it says of its epoch is not where it stands; {0, 0} is nobody's. */
static bool is_aside(const struct letter *letter, const struct yett_sqlite_epoch *epoch)
{
	return epoch == NULL || epoch->id != letter->epoch ||
	       (epoch->epoch.ordinal == 0 && epoch->epoch.random == 0);
}

/* 1: it is stored; 0: it cannot be, and `ret_cause` says why. */
static int store_letter(struct yett_sqlite *store, const struct letter *letter, uint32_t flags,
	const char **ret_cause, struct yett_error *error)
{
	struct yett_sqlite_epoch *epoch = NULL;
	struct yett_batch batch;
	struct yett_put put = {.size = sizeof(put),
		.batch = &batch,
		.received_ns = letter->received_ns,
		.gateway = letter->gateway[0] != '\0' ? letter->gateway : NULL,
		.flags = flags};
	int64_t origin;
	int verdict, result = store->host->batch_parse(letter->buffer,
			     store->host->buffer_bytes(letter->buffer),
			     store->host->buffer_length(letter->buffer), &batch);

	if (result < 0) {
		*ret_cause = store->host->result_text(result);
		return 0;
	}
	if ((result = yett_sqlite_intern_origin(store, &batch.info.origin, &origin, error)) < 0 ||
		(result = yett_sqlite_epoch_find(store, origin, &batch.info.epoch, batch.info.lane,
			 false, &epoch, error)) < 0) {
		return result;
	}
	if (is_aside(letter, epoch)) {
		*ret_cause = letter->cause;
		return 0;
	}
	if (batch.info.first != letter->first || batch.info.count != letter->count ||
		batch.info.first == 0 || batch.info.count == 0 ||
		batch.info.first > INT64_MAX / 2) {
		*ret_cause = "it takes numbers that cannot be";
		return 0;
	}
	/* One for whose numbers there was no room takes them now, whatever it holds: somebody asks for it. Those of
	 * the others are there, under what it was before it was mended. */
	store->wanted = true;
	verdict = yett_sqlite_epoch_judge(store, epoch, &batch.info, error);
	store->wanted = false;
	if (verdict < 0) {
		return verdict;
	}
	result = yett_sqlite_store(store, epoch, &put, ret_cause, error);
	if (result > 0) {
		epoch->dead -= epoch->dead < letter->count ? epoch->dead : letter->count;
		epoch->dirty = true;
	}
	return result;
}

/* It is gone, or its cause is another one. */
static int end_letter(
	struct yett_sqlite *store, int64_t id, const char *cause, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare(store,
		cause == NULL ? YETT_SQLITE_DEAD_DELETE_STATEMENT
			      : YETT_SQLITE_DEAD_CAUSE_STATEMENT,
		&statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, id);
	if (cause != NULL) {
		sqlite3_bind_text(statement, 2, cause, -1, SQLITE_STATIC);
	}
	result = yett_sqlite_run(store, statement, "replay a dead letter", error);
	sqlite3_clear_bindings(statement);
	return result;
}

int yett_sqlite_replay(
	struct yett_sqlite *store, const char *key, const char *json, struct yett_error *error)
{
	bool for_others = json != NULL && strcmp(json, YETT_REPLAY_FOR_OTHERS) == 0;
	int64_t id = strtoll(key, NULL, 10);
	struct letter letter = {.buffer = NULL};
	const char *cause = NULL;
	int result = find_letter(store, id, &letter, error), ended;

	if (result < 0) {
		return result;
	}
	result = store_letter(store, &letter, for_others ? YETT_PUT_FOR_OTHERS : 0, &cause, error);
	store->host->buffer_unref(letter.buffer);
	if (result < 0 || (ended = end_letter(store, id, cause, error)) < 0) {
		return result < 0 ? result : ended;
	}
	return cause == NULL
		       ? 0
		       : store->host->fail(error, YETT_EINVAL, NULL,
				 "the dead letter %lld cannot be stored: %s", (long long)id, cause);
}
