/* Stores the notices of one custody batch: gaps, once each by their identity, and bounds, of which
 * the furthest is kept. Both may come before the batches that they speak of, after them, or twice.
 * A batch is read through before anything of it is stored, so it is stored as a whole or goes to
 * the dead letters as a whole. A notice opens no epoch, so no limit ever refuses one.
 * Runs within a transaction.
 */
#include "internal.h"

#include <string.h>

static int note_gap(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_notice *notice, int64_t received_ns, struct yett_error *error)
{
	char uuid[YETT_SQLITE_UUID_SIZE], holder[YETT_SQLITE_UUID_SIZE];
	uint64_t last = notice->range.first + notice->range.count - 1;
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare(store, YETT_SQLITE_GAP_MAKE_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	yett_sqlite_uuid_text(&notice->id, uuid);
	yett_sqlite_uuid_text(&notice->holder, holder);
	sqlite3_bind_text(statement, 1, uuid, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, epoch->id);
	sqlite3_bind_int64(statement, 3, (int64_t)notice->range.first);
	sqlite3_bind_int64(statement, 4, (int64_t)notice->range.count);
	sqlite3_bind_int64(statement, 5, notice->cause);
	sqlite3_bind_text(statement, 6, holder, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 7, received_ns);
	result = yett_sqlite_run(store, statement, "note a gap", error);
	sqlite3_clear_bindings(statement);
	if (result == 0 && sqlite3_changes(store->db) > 0) {
		epoch->highest = last > epoch->highest ? last : epoch->highest;
		epoch->dirty = true;
	}
	return result;
}

static void note_bounds(struct yett_sqlite_epoch *epoch, const struct yett_notice *notice)
{
	uint64_t next = notice->range.first + notice->range.count;

	epoch->oldest = notice->range.first > epoch->oldest ? notice->range.first : epoch->oldest;
	epoch->next = next > epoch->next ? next : epoch->next;
	epoch->closed = epoch->closed || notice->closed != 0;
	epoch->dirty = true;
}

static int note(struct yett_sqlite *store, const struct yett_put *put,
	const struct yett_notice *notice, struct yett_error *error)
{
	struct yett_sqlite_epoch *epoch;
	int64_t origin;
	int result;

	if ((result = yett_sqlite_intern_origin(store, &notice->range.origin, &origin, error)) <
			0 ||
		(result = yett_sqlite_epoch_find(store, origin, &notice->range.epoch,
			 notice->range.lane, true, &epoch, error)) < 0) {
		return result;
	}
	epoch->changed_ns = put->received_ns;
	if (notice->kind == YETT_NOTICE_GAP) {
		return note_gap(store, epoch, notice, put->received_ns, error);
	}
	note_bounds(epoch, notice);
	return 0;
}

/* One pass over the notices: `apply` stores them, else they are only judged. */
static int pass(struct yett_sqlite *store, const struct yett_put *put, bool apply,
	const char **ret_cause, struct yett_error *error)
{
	const struct yett_batch_info *info = &put->batch->info;
	struct yett_notice notice = {.size = sizeof(notice)};
	struct yett_reader *reader;
	uint32_t count = 0;
	int result = store->host->reader_open(put->batch, &reader);

	if (result == 0) {
		while ((result = store->host->reader_next_notice(reader, &notice)) > 0) {
			count++;
			*ret_cause = store->host->judge_notice(&notice, &info->origin, put->flags);
			if (*ret_cause != NULL ||
				(apply && (result = note(store, put, &notice, error)) < 0)) {
				break;
			}
		}
		store->host->reader_close(reader);
	}
	if (*ret_cause != NULL) {
		return 0;
	}
	if (apply) {
		return result < 0 ? result : 1;
	}
	if (result == YETT_ENOMEM) {
		return store->host->fail(error, result, NULL, "no memory to decode a batch");
	}
	if (result < 0 || count != info->count) {
		*ret_cause = result < 0 ? store->host->result_text(result)
					: "it holds other than its count of notices";
		return 0;
	}
	return 1;
}

int yett_sqlite_custody(struct yett_sqlite *store, const struct yett_put *put,
	const char **ret_cause, struct yett_error *error)
{
	int result = pass(store, put, false, ret_cause, error);

	return result <= 0 ? result : pass(store, put, true, ret_cause, error);
}
