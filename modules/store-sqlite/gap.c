/* The gaps that one batch of notices declares, put beside those that are there.
 *
 * What follows, overlaps or lies in another one of the same epoch, cause and holder becomes one row with it,
 * which keeps its identity and bears the time of the newest notice that made it grow. So what is covered
 * already changes nothing, and who loses one batch after another leaves one row. Each epoch has so many rows
 * at most, since whoever asks for its account reads all of them: what would leave more is refused before
 * anything of the batch is written. One epoch's rows are in memory at a time. Within a write transaction.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* A row of `gap`, or a notice that is to be one. */
struct gap {
	struct yett_id id, holder;
	uint64_t first, next;
	int64_t received_ns;
	uint32_t cause;
	bool there;
};

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_epoch(const void *left, const void *right)
{
	const struct yett_range *a = &((const struct yett_notice *)left)->range;
	const struct yett_range *b = &((const struct yett_notice *)right)->range;
	int order = memcmp(&a->origin, &b->origin, sizeof(a->origin));

	order = order != 0 ? order : compare(a->epoch.ordinal, b->epoch.ordinal);
	order = order != 0 ? order : compare(a->epoch.random, b->epoch.random);
	return order != 0 ? order : compare(a->lane, b->lane);
}

static int by_place(const void *left, const void *right)
{
	const struct gap *a = left, *b = right;
	int order = compare(a->cause, b->cause);

	order = order != 0 ? order : memcmp(&a->holder, &b->holder, sizeof(a->holder));
	order = order != 0 ? order : compare(a->first, b->first);
	order = order != 0 ? order : compare(b->there, a->there);
	return order != 0 ? order : memcmp(&a->id, &b->id, sizeof(a->id));
}

static bool same_kind(const struct gap *a, const struct gap *b)
{
	return a->cause == b->cause && memcmp(&a->holder, &b->holder, sizeof(a->holder)) == 0;
}

/* The rows of an epoch, one more than there may be at most. Answers how many. */
static int read_rows(struct yett_sqlite *store, const struct yett_sqlite_epoch *epoch,
	struct gap *gaps, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int code, count = 0;
	int result = yett_sqlite_prepare(store, YETT_SQLITE_GAP_ROWS_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, epoch->id);
	sqlite3_bind_int(statement, 2, YETT_SQLITE_GAPS_MAX + 1);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct gap *gap = &gaps[count];

		gap->first = (uint64_t)sqlite3_column_int64(statement, 1);
		gap->next = gap->first + (uint64_t)sqlite3_column_int64(statement, 2);
		gap->cause = (uint32_t)sqlite3_column_int64(statement, 3);
		gap->received_ns = sqlite3_column_int64(statement, 5);
		gap->there = true;
		count += yett_sqlite_uuid_parse(
				 (const char *)sqlite3_column_text(statement, 0), &gap->id) &&
			 yett_sqlite_uuid_parse(
				 (const char *)sqlite3_column_text(statement, 4), &gap->holder);
	}
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? count : yett_sqlite_fail(store, error, code, "read gaps");
}

static int make(struct yett_sqlite *store, const struct yett_sqlite_epoch *epoch,
	const struct gap *gap, struct yett_error *error)
{
	char uuid[YETT_SQLITE_UUID_SIZE], holder[YETT_SQLITE_UUID_SIZE];
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare(store, YETT_SQLITE_GAP_MAKE_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	yett_sqlite_uuid_text(&gap->id, uuid);
	yett_sqlite_uuid_text(&gap->holder, holder);
	sqlite3_bind_text(statement, 1, uuid, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, epoch->id);
	sqlite3_bind_int64(statement, 3, (int64_t)gap->first);
	sqlite3_bind_int64(statement, 4, (int64_t)(gap->next - gap->first));
	sqlite3_bind_int64(statement, 5, gap->cause);
	sqlite3_bind_text(statement, 6, holder, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 7, gap->received_ns);
	result = yett_sqlite_run(store, statement, "note a gap", error);
	sqlite3_clear_bindings(statement);
	return result;
}

/* A row gets other numbers; without any it goes. */
static int change(struct yett_sqlite *store, const struct gap *row, const struct gap *to,
	struct yett_error *error)
{
	char uuid[YETT_SQLITE_UUID_SIZE];
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare(store,
		to != NULL ? YETT_SQLITE_GAP_GROW_STATEMENT : YETT_SQLITE_GAP_DELETE_STATEMENT,
		&statement, error);

	if (result < 0) {
		return result;
	}
	yett_sqlite_uuid_text(&row->id, uuid);
	sqlite3_bind_text(statement, 1, uuid, -1, SQLITE_STATIC);
	if (to != NULL) {
		sqlite3_bind_int64(statement, 2, (int64_t)to->first);
		sqlite3_bind_int64(statement, 3, (int64_t)(to->next - to->first));
		sqlite3_bind_int64(statement, 4, to->received_ns);
	}
	result = yett_sqlite_run(store, statement, "join gaps", error);
	sqlite3_clear_bindings(statement);
	return result;
}

/* One row of all that touches: the first that is there stays, the others go. */
static int join(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch, const struct gap *gaps,
	size_t count, const struct gap *whole, struct yett_error *error)
{
	const struct gap *row = NULL;
	int result = 0;

	for (size_t i = 0; result == 0 && i < count; i++) {
		if (gaps[i].there && row == NULL) {
			row = &gaps[i];
		} else if (gaps[i].there) {
			result = change(store, &gaps[i], NULL, error);
		}
	}
	if (result < 0 || (row != NULL && row->first == whole->first && row->next == whole->next)) {
		return result;
	}
	result = row != NULL ? change(store, row, whole, error) : make(store, epoch, whole, error);
	if (result == 0 && sqlite3_changes(store->db) > 0) { /* else its identity is taken */
		epoch->highest =
			whole->next - 1 > epoch->highest ? whole->next - 1 : epoch->highest;
		epoch->dirty = true;
	}
	return result;
}

/* Of an epoch's rows and its notices, in order, how many rows there are then; `apply` writes them. */
static int sweep(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch, const struct gap *gaps,
	size_t count, bool apply, struct yett_error *error)
{
	int rows = 0, result = 0;

	for (size_t at = 0, end; result == 0 && at < count; at = end, rows++) {
		struct gap whole = gaps[at];

		for (end = at + 1; end < count && same_kind(&whole, &gaps[end]) &&
				   gaps[end].first <= whole.next;
			end++) {
			whole.next = gaps[end].next > whole.next ? gaps[end].next : whole.next;
			whole.received_ns = gaps[end].received_ns > whole.received_ns
						    ? gaps[end].received_ns
						    : whole.received_ns;
		}
		result = apply ? join(store, epoch, &gaps[at], end - at, &whole, error) : 0;
	}
	return result < 0 ? result : rows;
}

/* The notices are of one epoch; while it is only judged it need not be there. `gaps` is room for all of them
 * and its rows. Answers as sweep. */
static int of_epoch(struct yett_sqlite *store, const struct yett_notice *notices, size_t count,
	int64_t received_ns, bool apply, struct gap *gaps, struct yett_error *error)
{
	const struct yett_range *range = &notices[0].range;
	struct yett_sqlite_epoch *epoch = NULL;
	int64_t origin;
	int rows = 0;
	int result = yett_sqlite_intern_origin(store, &range->origin, &origin, error);

	if (result < 0 ||
		(result = yett_sqlite_epoch_find(
			 store, origin, &range->epoch, range->lane, apply, &epoch, error)) < 0 ||
		(epoch != NULL && (result = rows = read_rows(store, epoch, gaps, error)) < 0)) {
		return result;
	}
	for (size_t i = 0; i < count; i++) {
		gaps[(size_t)rows + i] = (struct gap){.id = notices[i].id,
			.holder = notices[i].holder,
			.first = notices[i].range.first,
			.next = notices[i].range.first + notices[i].range.count,
			.received_ns = received_ns,
			.cause = notices[i].cause};
	}
	count += (size_t)rows;
	qsort(gaps, count, sizeof(*gaps), by_place);
	return sweep(store, epoch, gaps, count, apply, error);
}

static int each_epoch(struct yett_sqlite *store, const struct yett_notice *notices, size_t count,
	int64_t received_ns, bool apply, struct yett_error *error)
{
	struct gap *gaps = malloc((YETT_SQLITE_GAPS_MAX + 1 + count) * sizeof(*gaps));
	int rows = 0;

	if (gaps == NULL) {
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for gaps");
	}
	for (size_t at = 0, end; rows >= 0 && at < count; at = end) {
		for (end = at + 1; end < count && by_epoch(&notices[at], &notices[end]) == 0;
			end++) {
		}
		rows = of_epoch(store, &notices[at], end - at, received_ns, apply, gaps, error);
		if (!apply && rows > YETT_SQLITE_GAPS_MAX) {
			free(gaps);
			return 0;
		}
	}
	free(gaps);
	return rows < 0 ? rows : 1;
}

int yett_sqlite_gaps_judge(struct yett_sqlite *store, struct yett_notice *notices, size_t count,
	struct yett_error *error)
{
	if (count == 0) {
		return 1;
	}
	qsort(notices, count, sizeof(*notices), by_epoch);
	return each_epoch(store, notices, count, 0, false, error);
}

int yett_sqlite_gaps_write(struct yett_sqlite *store, const struct yett_notice *notices,
	size_t count, int64_t received_ns, struct yett_error *error)
{
	return count == 0 ? 1 : each_epoch(store, notices, count, received_ns, true, error);
}
