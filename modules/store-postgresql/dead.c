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

#define PAGE 16 /* that are in memory at a time: each may be as large as a batch */

static int visit_letter(const PGresult *rows, int i, yett_dead_letter_fn visit, void *arg)
{
	struct yett_id origin = yett_pg_uuid(rows, i, 1);
	char uuid[YETT_PG_UUID_SIZE];
	const struct yett_dead_letter letter = {
		.size = sizeof(letter),
		.id = (uint64_t)yett_pg_int(rows, i, 0),
		.origin = uuid,
		.origin_name = yett_pg_text(rows, i, 2),
		.epoch = (uint64_t)yett_pg_int(rows, i, 3),
		.lane = (uint32_t)yett_pg_int(rows, i, 4),
		.first = (uint64_t)yett_pg_int(rows, i, 5),
		.count = (uint64_t)yett_pg_int(rows, i, 6),
		.cause = yett_pg_text(rows, i, 7),
		.gateway = yett_pg_text(rows, i, 8),
		.received_ns = yett_pg_int(rows, i, 9),
		.batch = PQgetisnull(rows, i, 10) ? NULL : PQgetvalue(rows, i, 10),
		.length = (uint64_t)PQgetlength(rows, i, 10),
	};

	yett_pg_uuid_text(&origin, uuid);
	return visit(arg, &letter);
}

/* The first of the newest `limit`, or of one; 0: there is none. */
static int find_start(struct yett_pg *store, uint64_t id, uint32_t limit, int64_t *ret_from,
	struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result;

	yett_pg_arg_int(&args, (int64_t)id);
	yett_pg_arg_int(&args, id > 0 ? 1 : limit);
	result = yett_pg_run(store, YETT_PG_DEAD_START_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	*ret_from = result == 0 ? yett_pg_int(rows, 0, 0) : 0; /* NULL is 0 */
	PQclear(rows);
	return result;
}

int yett_pg_dead_letters(void *self, uint64_t id, uint32_t limit, yett_dead_letter_fn visit,
	void *arg, struct yett_error *error)
{
	struct yett_pg *store = self;
	int64_t from = 0, left = id > 0 ? 1 : limit;
	int result = yett_pg_ready(store, error), count;

	if (result < 0 || (result = find_start(store, id, limit, &from, error)) < 0) {
		return result;
	}
	for (count = PAGE; from > 0 && left > 0 && result == 0 && count == PAGE; left -= count) {
		struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
		PGresult *rows = NULL;

		yett_pg_arg_int(&args, from);
		yett_pg_arg_int(&args, left < PAGE ? left : PAGE);
		result = yett_pg_run(store, YETT_PG_DEAD_LIST_STATEMENT, &args, &rows, error);
		yett_pg_args_done(&args);
		count = result == 0 ? PQntuples(rows) : 0;
		for (int i = 0; result == 0 && i < count; i++) {
			from = yett_pg_int(rows, i, 0) + 1;
			result = visit_letter(rows, i, visit, arg);
		}
		PQclear(rows);
	}
	return result;
}

int yett_pg_newest_dead(void *self, int64_t since_ns, yett_dead_letter_fn visit, void *arg,
	struct yett_error *error)
{
	struct yett_pg *store = self;
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result = yett_pg_ready(store, error);

	if (result < 0) {
		return result;
	}
	yett_pg_arg_int(&args, since_ns);
	result = yett_pg_run(store, YETT_PG_DEAD_NEWEST_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		result = visit_letter(rows, i, visit, arg);
	}
	PQclear(rows);
	return result;
}

/* One row, or YETT_ENOTFOUND: epoch, first, count, received, gateway, batch, cause. */
static int find_letter(
	struct yett_pg *store, int64_t id, PGresult **ret_rows, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	int result;

	yett_pg_arg_int(&args, id);
	result = yett_pg_run(store, YETT_PG_DEAD_FIND_STATEMENT, &args, ret_rows, error);
	yett_pg_args_done(&args);
	if (result == 0 && PQntuples(*ret_rows) == 0) {
		PQclear(*ret_rows);
		*ret_rows = NULL;
		result = store->host->fail(
			error, YETT_ENOTFOUND, NULL, "there is no dead letter %lld", (long long)id);
	}
	return result;
}

/* Why it can take no numbers; NULL: it can. */
static const char *judge_letter(const PGresult *rows, const struct yett_pg_item *item)
{
	const struct yett_batch_info *info = &item->put->batch->info;

	/* It was put aside: what it says of its epoch is not where it stands; {0, 0} is nobody's. */
	if (!item->epoch->found || item->epoch->id != yett_pg_int(rows, 0, 0) ||
		(info->epoch.ordinal == 0 && info->epoch.random == 0)) {
		return yett_pg_text(rows, 0, 6);
	}
	return (int64_t)info->first != yett_pg_int(rows, 0, 1) ||
			       (int64_t)info->count != yett_pg_int(rows, 0, 2) ||
			       info->first == 0 || info->count == 0 || info->first > INT64_MAX / 2
		       ? "it takes numbers that cannot be"
		       : NULL;
}

static int store_records(struct yett_pg *store, const struct yett_pg_group *group,
	struct yett_pg_item *item, struct yett_error *error)
{
	uint64_t count = item->put->batch->info.count;
	int result;

	item->epoch->dead -= item->epoch->dead < count ? item->epoch->dead : count;
	item->epoch->dirty = true;
	result = yett_pg_store(store, group, item, error);
	return result < 0 ? result : yett_pg_copy_records(store, group, error);
}

/* Stores it, or answers why not. */
static int store_item(struct yett_pg *store, struct yett_pg_group *group, const PGresult *rows,
	const char **ret_cause, struct yett_error *error)
{
	struct yett_pg_item *item = &group->items[0];
	int verdict, result = yett_pg_resolve(store, group, error);

	if (result < 0 || (result = yett_pg_custody_judge(store, group, item, error)) < 0) {
		return result;
	}
	*ret_cause = judge_letter(rows, item);
	if (*ret_cause != NULL) {
		return 0;
	}
	/* One for whose numbers there was no room takes them now, whatever it holds: somebody asks for it. Those of
	 * the others are there, under what it was before it was mended. */
	store->wanted = true;
	verdict = yett_pg_epoch_judge(store, group, item, error);
	store->wanted = false;
	if (verdict < 0) {
		return verdict;
	}
	*ret_cause = item->cause == NULL && item->there
			     ? "its numbers are stored, though no piece says so"
			     : item->cause;
	if (*ret_cause == NULL && (result = store_records(store, group, item, error)) < 0) {
		return result;
	}
	return yett_pg_flush(store, error);
}

static int store_letter(struct yett_pg *store, const PGresult *rows, uint32_t flags,
	const char **ret_cause, struct yett_error *error)
{
	const struct yett_host *host = store->host;
	size_t length = (size_t)PQgetlength(rows, 0, 5);
	struct yett_buffer *buffer = host->buffer_new(length);
	struct yett_pg_group group;
	struct yett_batch batch;
	struct yett_put put = {.size = sizeof(put),
		.batch = &batch,
		.received_ns = yett_pg_int(rows, 0, 3),
		.gateway = yett_pg_text(rows, 0, 4),
		.flags = flags};
	int result;

	if (buffer == NULL) {
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for a dead letter");
	}
	memcpy(host->buffer_bytes(buffer), PQgetvalue(rows, 0, 5), length);
	result = host->batch_parse(buffer, host->buffer_bytes(buffer), length, &batch);
	if (result < 0) {
		*ret_cause = host->result_text(result);
		host->buffer_unref(buffer);
		return 0;
	}
	store->wary = true; /* its numbers may be there: nothing judges them again */
	result = yett_pg_group_decode(store, &group, &put, 1, error);
	if (result == 0) {
		result = store_item(store, &group, rows, ret_cause, error);
	}
	yett_pg_group_done(&group);
	yett_pg_forget(store);
	host->buffer_unref(buffer);
	return result;
}

/* It is gone, or its cause is another one. */
static int end_letter(
	struct yett_pg *store, int64_t id, const char *cause, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;

	yett_pg_arg_int(&args, id);
	if (cause == NULL) {
		store->volumes[YETT_PG_OF_DEAD].count = 0; /* to be weighed anew */
		return yett_pg_do(store, YETT_PG_DEAD_DELETE_STATEMENT, &args, NULL, error);
	}
	yett_pg_arg_text(&args, cause);
	return yett_pg_do(store, YETT_PG_DEAD_CAUSE_STATEMENT, &args, NULL, error);
}

int yett_pg_replay(
	struct yett_pg *store, const char *key, const char *json, struct yett_error *error)
{
	bool for_others = json != NULL && strcmp(json, YETT_REPLAY_FOR_OTHERS) == 0;
	int64_t id = strtoll(key, NULL, 10);
	const char *cause = NULL;
	PGresult *rows = NULL;
	int result = find_letter(store, id, &rows, error);

	if (result < 0) {
		return result;
	}
	/* The cause may be the row's own. */
	result = store_letter(store, rows, for_others ? YETT_PUT_FOR_OTHERS : 0, &cause, error);
	if (result == 0) {
		result = end_letter(store, id, cause, error);
	}
	if (result == 0 && cause != NULL) {
		result = store->host->fail(error, YETT_EINVAL, NULL,
			"the dead letter %lld cannot be stored: %s", (long long)id, cause);
	}
	PQclear(rows);
	return result;
}
