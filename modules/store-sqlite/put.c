/* Takes batches into custody: judged, decoded, stored, each with a result of its own.
 *
 * Whatever is well framed is taken: what cannot be decoded, or may not be stored, is kept raw as a
 * dead letter, what contradicts what is here is kept raw as a fork, and both count as acknowledged.
 * Only limits that pass with time refuse, and none for longer than an hour (admit.c). A negative result means
 * that the whole transaction is lost: the caller rolls back and comes again. Runs within a transaction.
 */
#include "internal.h"

#include <stdio.h>

/* Binds what dead letters and forks have in common. */
static void bind_raw(
	sqlite3_stmt *statement, const struct yett_sqlite_epoch *epoch, const struct yett_put *put)
{
	const struct yett_batch_info *info = &put->batch->info;

	sqlite3_bind_int64(statement, 1, epoch->id);
	sqlite3_bind_int64(statement, 2, (int64_t)info->first);
	sqlite3_bind_int64(statement, 3, info->count);
	sqlite3_bind_int64(statement, 4, info->payload_crc);
	sqlite3_bind_int64(statement, 5, put->received_ns);
}

static void bind_tail(sqlite3_stmt *statement, int at, const struct yett_put *put)
{
	if (put->gateway != NULL) {
		sqlite3_bind_text(statement, at, put->gateway, -1, SQLITE_STATIC);
	} else {
		sqlite3_bind_null(statement, at);
	}
	if (put->meta_length > 0) {
		sqlite3_bind_blob(
			statement, at + 1, put->meta, (int)put->meta_length, SQLITE_STATIC);
	} else {
		sqlite3_bind_null(statement, at + 1);
	}
	sqlite3_bind_blob(
		statement, at + 2, put->batch->bytes, (int)put->batch->length, SQLITE_STATIC);
}

static int keep_dead(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_put *put, const char *cause, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare(store, YETT_SQLITE_DEAD_MAKE_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	bind_raw(statement, epoch, put);
	sqlite3_bind_text(statement, 6, cause, -1, SQLITE_STATIC);
	bind_tail(statement, 7, put);
	result = yett_sqlite_run(store, statement, "keep a dead letter", error);
	sqlite3_clear_bindings(statement);
	if (result < 0) {
		return result;
	}
	if (sqlite3_changes(store->db) == 0) {
		return YETT_PUT_DUPLICATE;
	}
	epoch->dead += put->batch->info.count;
	epoch->dirty = true;
	store->counts[YETT_SQLITE_DEAD]++;
	return YETT_PUT_DEAD;
}

static int keep_fork(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_put *put, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare(store, YETT_SQLITE_FORK_MAKE_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	bind_raw(statement, epoch, put);
	bind_tail(statement, 6, put);
	result = yett_sqlite_run(store, statement, "keep a fork", error);
	sqlite3_clear_bindings(statement);
	if (result < 0) {
		return result;
	}
	if (sqlite3_changes(store->db) == 0) {
		store->counts[YETT_SQLITE_DUPLICATES]++;
		return YETT_PUT_DUPLICATE; /* it is kept apart already */
	}
	epoch->forks += put->batch->info.count;
	epoch->dirty = true;
	store->counts[YETT_SQLITE_FORKS]++;
	return YETT_PUT_FORK;
}

int yett_sqlite_store(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_put *put, const char **ret_cause, struct yett_error *error)
{
	switch (put->batch->info.content) {
	case YETT_CONTENT_RECORDS:
		return yett_sqlite_insert(store, epoch, put, ret_cause, error);
	case YETT_CONTENT_CUSTODY:
		return yett_sqlite_custody(store, put, ret_cause, error);
	default:
		*ret_cause = "a content that is not known";
		return 0;
	}
}

static int keep_new(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_put *put, struct yett_error *error)
{
	const char *cause = NULL;
	int result = yett_sqlite_store(store, epoch, put, &cause, error);

	if (result < 0) {
		return result;
	}
	return result > 0 ? YETT_PUT_STORED : keep_dead(store, epoch, put, cause, error);
}

static int set_position(
	struct yett_sqlite *store, const struct yett_put *put, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result =
		yett_sqlite_prepare(store, YETT_SQLITE_POSITION_SET_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_text(statement, 1, put->key, -1, SQLITE_STATIC);
	sqlite3_bind_blob(statement, 2, put->position_length > 0 ? put->position : "",
		(int)put->position_length, SQLITE_STATIC);
	result = yett_sqlite_run(store, statement, "keep a position", error);
	sqlite3_clear_bindings(statement);
	return result;
}

static int judge_put(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_put *put, struct yett_error *error)
{
	const struct yett_batch_info *info = &put->batch->info;
	int verdict;

	if (info->first == 0 || info->count == 0 || info->first > INT64_MAX / 2) {
		return keep_dead(store, epoch, put, "it takes numbers that cannot be", error);
	}
	verdict = yett_sqlite_epoch_judge(store, epoch, info, error);
	switch (verdict) {
	case YETT_VERDICT_NEW:
		return keep_new(store, epoch, put, error);
	case YETT_VERDICT_DUPLICATE:
		store->counts[YETT_SQLITE_DUPLICATES]++;
		return YETT_PUT_DUPLICATE;
	case YETT_VERDICT_FORK:
		return keep_fork(store, epoch, put, error);
	case YETT_VERDICT_LIMIT:
		return yett_sqlite_patience_ends(store, &info->origin)
			       ? keep_dead(store, epoch, put, "its epoch has too many holes", error)
			       : YETT_PUT_LATER;
	default:
		return verdict;
	}
}

/* Beside the epochs that its origin numbers in: what it says of itself is not believed. */
static int put_aside(struct yett_sqlite *store, int64_t origin, const struct yett_put *put,
	struct yett_sqlite_epoch **ret_epoch, struct yett_error *error)
{
	static const struct yett_epoch none = {0, 0};
	int result = yett_sqlite_epoch_find(
		store, origin, &none, put->batch->info.lane, true, ret_epoch, error);

	return result < 0 ? result : keep_dead(store, *ret_epoch, put, put->aside, error);
}

static void note_way(struct yett_sqlite_epoch *epoch, const struct yett_put *put)
{
	const char *gateway = put->gateway != NULL ? put->gateway : "";

	epoch->changed_ns = put->received_ns;
	snprintf(epoch->gateway, sizeof(epoch->gateway), "%s", gateway);
}

static int put_one(struct yett_sqlite *store, const struct yett_put *put, struct yett_error *error)
{
	struct yett_sqlite_epoch *epoch = NULL;
	int64_t origin;
	int answer, result;

	result = yett_sqlite_intern_origin(store, &put->batch->info.origin, &origin, error);
	if (result < 0) {
		return result;
	}
	if (put->aside != NULL) {
		answer = put_aside(store, origin, put, &epoch, error);
	} else {
		answer = yett_sqlite_epoch_admit(
			store, origin, &put->batch->info, put->received_ns, &epoch, error);
		if (answer > 0) {
			answer = judge_put(store, epoch, put, error);
		} else if (answer == 0) {
			answer = YETT_PUT_LATER;
		}
	}
	if (answer == YETT_PUT_LATER) {
		store->counts[YETT_SQLITE_LATER]++;
	}
	if (answer < 0 || answer == YETT_PUT_LATER) {
		return answer;
	}
	note_way(epoch, put);
	if (put->key != NULL && (result = set_position(store, put, error)) < 0) {
		return result;
	}
	return answer;
}

int yett_sqlite_put(void *self, struct yett_put *puts, size_t count, struct yett_error *error)
{
	struct yett_sqlite *store = self;
	size_t stride = count > 0 && puts->size > 0 ? puts->size : sizeof(*puts);
	char *at = (char *)puts;
	int result = 0;

	if (!store->in_transaction) {
		return store->host->fail(
			error, YETT_EBUG, NULL, "%s: put outside of a transaction", store->name);
	}
	for (size_t i = 0; i < count; i++, at += stride) {
		struct yett_put *put = (struct yett_put *)(void *)at;

		/* After a failure the others are lost with it. */
		put->ret_result = result < 0 ? result : put_one(store, put, error);
		if (put->ret_result < 0) {
			result = put->ret_result;
		}
	}
	return result;
}
