/* Takes a group of batches into custody: decoded, judged, stored, each with a result of its own.
 *
 * The whole group costs a dozen statements, however many batches and records it has: the records go
 * in by one COPY. Whatever is well framed is taken: what cannot be decoded, or may not be stored, is
 * kept raw as a dead letter, what contradicts what is here is kept raw as a fork, and both count as
 * acknowledged. Only limits that pass with time refuse, and none for longer than an hour (admit.c). A negative
 * result means that the whole transaction is lost; the core then tries fewer, down to one, and a single batch
 * that PostgreSQL refuses for itself is kept raw, too.
 * Where the put has begun it and what stopped it passes (a serialisation failure, a deadlock that an
 * administrator's own statement made), it is done again from the beginning, a few times.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

#define ATTEMPTS 5
/* So often a batch alone, and of so many bytes at least, may take longer than `timeout`. */
#define LATE_TIMES 5
#define LATE_PLAIN (64 * 1024)

int yett_pg_store(struct yett_pg *store, const struct yett_pg_group *group,
	struct yett_pg_item *item, struct yett_error *error)
{
	struct yett_pg_epoch *epoch = item->epoch;

	if (item->put->batch->info.content == YETT_CONTENT_CUSTODY) {
		return yett_pg_custody(store, group, item, error);
	}
	item->stored = true;
	epoch->metrics += item->kinds[YETT_RECORD_METRIC];
	epoch->events += item->kinds[YETT_RECORD_EVENT];
	epoch->states += item->kinds[YETT_RECORD_STATE];
	store->counts[YETT_PG_RECORDS] += (int64_t)item->rows;
	return 0;
}

static int keep_new(struct yett_pg *store, const struct yett_pg_group *group,
	struct yett_pg_item *item, struct yett_error *error)
{
	int result;

	if (item->cause == NULL && item->there) {
		item->cause = "its numbers are stored, though no piece says so";
	}
	if ((result = yett_pg_custody_judge(store, group, item, error)) < 0) {
		return result;
	}
	if (item->cause != NULL) {
		return yett_pg_keep_dead(store, item->epoch, item->put, item->cause, error);
	}
	result = yett_pg_store(store, group, item, error);
	return result < 0 ? result : YETT_PUT_STORED;
}

static int judge_item(struct yett_pg *store, const struct yett_pg_group *group,
	struct yett_pg_item *item, struct yett_error *error)
{
	const struct yett_batch_info *info = &item->put->batch->info;
	int verdict;

	if (info->first == 0 || info->count == 0 || info->first > INT64_MAX / 2) {
		return yett_pg_keep_dead(store, item->epoch, item->put, item->cause, error);
	}
	verdict = yett_pg_epoch_judge(store, group, item, error);
	switch (verdict) {
	case YETT_VERDICT_NEW:
		return keep_new(store, group, item, error);
	case YETT_VERDICT_DUPLICATE:
		store->counts[YETT_PG_DUPLICATES]++;
		return YETT_PUT_DUPLICATE;
	case YETT_VERDICT_FORK:
		return yett_pg_keep_fork(store, item->epoch, item->put, error);
	case YETT_VERDICT_LIMIT:
		return yett_pg_patience_ends(store, &info->origin)
			       ? yett_pg_keep_dead(store, item->epoch, item->put,
					 "its epoch has too many holes", error)
			       : YETT_PUT_LATER;
	default:
		return verdict;
	}
}

static int put_item(struct yett_pg *store, const struct yett_pg_group *group,
	struct yett_pg_item *item, struct yett_error *error)
{
	struct yett_pg_epoch *epoch = item->epoch;
	const struct yett_put *put = item->put;
	int answer, result;

	if (put->aside != NULL) {
		/* Beside the epochs that its origin numbers in: what it says of itself is not believed. */
		answer = yett_pg_epoch_make(store, epoch, error);
		if (answer == 0) {
			answer = yett_pg_keep_dead(store, epoch, put, put->aside, error);
		}
	} else if ((answer = yett_pg_epoch_admit(store, epoch, put->received_ns, error)) > 0) {
		answer = judge_item(store, group, item, error);
	} else if (answer == 0) {
		answer = YETT_PUT_LATER;
	}
	if (answer == YETT_PUT_LATER) {
		store->counts[YETT_PG_LATER]++;
	}
	if (answer < 0 || answer == YETT_PUT_LATER) {
		return answer;
	}
	epoch->changed_ns = put->received_ns;
	snprintf(epoch->gateway, sizeof(epoch->gateway), "%s",
		put->gateway != NULL ? put->gateway : "");
	if (put->key != NULL && (result = yett_pg_keep_position(store, put, error)) < 0) {
		return result;
	}
	return answer;
}

/* All records of the group in one COPY. */
int yett_pg_copy_records(
	struct yett_pg *store, const struct yett_pg_group *group, struct yett_error *error)
{
	static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
	const struct yett_pg_row *rows = (const struct yett_pg_row *)(const void *)group->rows.at;
	struct yett_pg_bytes bytes = {0};
	int64_t before = store->head.record;
	int result = 0;

	yett_pg_bytes_put(&bytes, head, 19);
	for (size_t i = 0; i < group->count; i++) {
		const struct yett_pg_item *item = &group->items[i];
		const struct yett_pg_row *last;

		if (!item->stored || item->rows == 0) {
			continue;
		}
		for (size_t row = 0; row < item->rows; row++) {
			yett_pg_group_finish(group, item, row, ++store->head.record);
		}
		last = &rows[item->row + item->rows - 1];
		yett_pg_bytes_put(&bytes, group->encoded.at + rows[item->row].at,
			last->at + last->length - rows[item->row].at);
	}
	yett_pg_put16(&bytes, -1);
	if (store->head.record > before) {
		store->head_dirty = true;
		result = yett_pg_copy(store, YETT_PG_RECORD_COPY_STATEMENT, &bytes, error);
	}
	yett_pg_bytes_done(&bytes);
	return result;
}

static int put_group(struct yett_pg *store, struct yett_pg_group *group, struct yett_error *error)
{
	int result;

	if ((result = yett_pg_lock(store, error)) < 0 ||
		(result = yett_pg_resolve(store, group, error)) < 0) {
		return result;
	}
	for (size_t i = 0; i < group->count; i++) {
		struct yett_pg_item *item = &group->items[i];

		item->put->ret_result = put_item(store, group, item, error);
		if (item->put->ret_result < 0) {
			return item->put->ret_result;
		}
	}
	if ((result = yett_pg_copy_records(store, group, error)) < 0) {
		return result;
	}
	return yett_pg_flush(store, error);
}

static int put_once(
	struct yett_pg *store, struct yett_put *puts, size_t count, struct yett_error *error)
{
	struct yett_pg_group group;
	int result = yett_pg_group_decode(store, &group, puts, count, error);

	if (result == 0) {
		result = put_group(store, &group, error);
	}
	yett_pg_group_done(&group);
	yett_pg_forget(store);
	return result;
}

static bool passes(const struct yett_pg *store)
{
	return strncmp(store->state_code, "40", 2) == 0 ||
	       (strcmp(store->state_code, "23505") == 0 && !store->wary);
}

/* Whether the same batch, alone, has had no time so often that it is not the server's fault. */
static bool is_too_late(struct yett_pg *store, const struct yett_batch_info *info)
{
	const struct yett_batch_info *late = &store->late;

	if (info->plain_length < LATE_PLAIN) {
		return false;
	}
	if (memcmp(&late->origin, &info->origin, sizeof(info->origin)) != 0 ||
		late->epoch.ordinal != info->epoch.ordinal ||
		late->epoch.random != info->epoch.random || late->lane != info->lane ||
		late->first != info->first) {
		store->late = *info;
		store->late_times = 0;
	}
	return ++store->late_times >= LATE_TIMES;
}

/* A failure of a batch that was alone, which another try would meet again. */
static bool is_of_batch(struct yett_pg *store, const struct yett_put *put)
{
	const char *code = store->state_code;

	if (strcmp(code, "57014") == 0) {
		return is_too_late(store, &put->batch->info);
	}
	return strncmp(code, "22", 2) == 0 || strncmp(code, "54", 2) == 0 ||
	       (strncmp(code, "23", 2) == 0 && strcmp(code, "23505") != 0);
}

/* It is taken as it came, so that it holds up nothing behind it. */
static int keep_refused(struct yett_pg *store, struct yett_put *put)
{
	char refusal[sizeof(store->last_text)];
	int result;

	memcpy(refusal, store->last_text, sizeof(refusal));
	yett_pg_abandon(store);
	memset(store->counts, 0, sizeof(store->counts));
	store->state_code[0] = store->last_text[0] = store->last_mend[0] = '\0';
	store->refusal = refusal;
	result = put_once(store, put, 1, NULL);
	store->refusal = NULL;
	return result;
}

int yett_pg_put(void *self, struct yett_put *puts, size_t count, struct yett_error *error)
{
	struct yett_pg *store = self;
	size_t stride = count > 0 && puts->size > 0 ? puts->size : sizeof(*puts);
	bool ours = !store->locked;
	int result;

	if (!store->in_transaction) {
		return store->host->fail(
			error, YETT_EBUG, NULL, "%s: put outside of a transaction", store->name);
	}
	store->wary = false;
	for (int attempt = 1;; attempt++) {
		store->state_code[0] = store->last_text[0] = store->last_mend[0] = '\0';
		result = put_once(store, puts, count, NULL);
		if (result >= 0 || !ours || attempt == ATTEMPTS || store->broken ||
			!passes(store)) {
			break;
		}
		/* Records that are there although no piece says so: they are looked for then. */
		store->wary = strcmp(store->state_code, "23505") == 0;
		yett_pg_abandon(store);
		memset(store->counts, 0, sizeof(store->counts));
		store->host->metric(store->host->instance, YETT_PG_RETRIES, 1);
	}
	if (result < 0 && ours && count == 1 && !store->broken && is_of_batch(store, puts)) {
		result = keep_refused(store, puts);
	}
	if (result >= 0) {
		return 0;
	}
	for (size_t i = 0; i < count; i++) { /* they are lost together */
		((struct yett_put *)(void *)((char *)puts + i * stride))->ret_result = result;
	}
	return store->host->fail(error, result,
		store->last_mend[0] != '\0' ? store->last_mend : NULL, "%s",
		store->last_text[0] != '\0' ? store->last_text : store->host->result_text(result));
}
