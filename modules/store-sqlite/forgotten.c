/* Starts that their origin has forgotten.
 *
 * A start tells of the earlier ones, lane by lane, and ends with bounds of its own (doc/protocol.md): of one
 * that it did not name it holds nothing. Such a one is closed: what lacks of it is lost, by inference, unless it
 * comes after all. That is said of those that are there when the start tells, and of those that come later, until
 * they tell themselves: a node whose clock was put back as well lives with an ordinal below that of a start that
 * it has forgotten. Within a write transaction.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* So many of the newest rows are looked at, beside those that are open; and so many are closed at once. */
#define ROWS_MAX 512

static void close_one(struct yett_sqlite_epoch *epoch)
{
	epoch->next = epoch->next > 0 ? epoch->next : 1;
	epoch->oldest = epoch->oldest > epoch->next ? epoch->oldest : epoch->next;
	epoch->closed = epoch->dirty = true;
	epoch->stuck = false;
}

/* The newest start that has told, lane by lane; kept for one origin, of whose epochs many may be new at once. */
static int newest_told(struct yett_sqlite *store, int64_t origin, const uint64_t **ret_ordinals,
	struct yett_error *error)
{
	uint64_t *ordinals = store->told.ordinals;
	sqlite3_stmt *statement;
	int code, result;

	*ret_ordinals = ordinals;
	if (store->told.origin == origin) {
		return 0;
	}
	result = yett_sqlite_prepare(store, YETT_SQLITE_EPOCH_TOLD_STATEMENT, &statement, error);
	if (result < 0) {
		return result;
	}
	memset(&store->told, 0, sizeof(store->told));
	sqlite3_bind_int64(statement, 1, origin);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		uint32_t lane = (uint32_t)sqlite3_column_int(statement, 0);

		if (lane < YETT_LANES) {
			ordinals[lane] = (uint64_t)sqlite3_column_int64(statement, 1);
		}
	}
	sqlite3_reset(statement);
	if (code != SQLITE_DONE) {
		return yett_sqlite_fail(store, error, code, "look for an epoch");
	}
	store->told.origin = origin;
	return 0;
}

int yett_sqlite_forgotten_new(
	struct yett_sqlite *store, struct yett_sqlite_epoch *epoch, struct yett_error *error)
{
	const uint64_t *ordinals;
	int result;

	if (epoch->epoch.ordinal == 0 || epoch->lane >= YETT_LANES) {
		return 0; /* what is put aside is of no start */
	}
	result = newest_told(store, epoch->origin, &ordinals, error);
	if (result == 0 && epoch->epoch.ordinal < ordinals[epoch->lane]) {
		close_one(epoch);
	}
	return result;
}

int yett_sqlite_forgotten_not(
	struct yett_sqlite *store, struct yett_sqlite_epoch *epoch, struct yett_error *error)
{
	int result;

	if (!epoch->closed) {
		return 0;
	}
	result = yett_sqlite_epoch_may_open(store, epoch->origin, &epoch->epoch, error);
	if (result > 0) {
		epoch->closed = false;
		epoch->oldest = 1;
		epoch->state = YETT_SQLITE_OPEN;
		epoch->dirty = true;
	}
	return result < 0 ? result : 0;
}

/* Those below that are not closed in the table. Answers how many. */
static int find_earlier(struct yett_sqlite *store, const struct yett_sqlite_epoch *present,
	struct yett_epoch *ret_epochs, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int code, count = 0;
	int result =
		yett_sqlite_prepare(store, YETT_SQLITE_EPOCH_EARLIER_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, present->origin);
	sqlite3_bind_int64(statement, 2, (int64_t)present->epoch.ordinal);
	sqlite3_bind_int(statement, 3, (int)present->lane);
	sqlite3_bind_int(statement, 4, ROWS_MAX);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW && count < ROWS_MAX) {
		ret_epochs[count].ordinal = (uint64_t)sqlite3_column_int64(statement, 0);
		ret_epochs[count++].random = (uint64_t)sqlite3_column_int64(statement, 1);
	}
	sqlite3_reset(statement);
	return code == SQLITE_DONE || code == SQLITE_ROW
		       ? count
		       : yett_sqlite_fail(store, error, code, "look for an epoch");
}

int yett_sqlite_forgotten_earlier(struct yett_sqlite *store, struct yett_sqlite_epoch *present,
	int64_t now_ns, struct yett_error *error)
{
	struct yett_epoch *earlier = malloc(ROWS_MAX * sizeof(*earlier));
	int count, result;

	if (earlier == NULL) {
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for epochs");
	}
	/* At once, since what comes behind it in this transaction is to see it. */
	result = yett_sqlite_epoch_write(store, present, error);
	present->dirty = true;
	store->told.origin = 0;
	count = result == 0 ? find_earlier(store, present, earlier, error) : result;
	for (int i = 0; result == 0 && i < count; i++) {
		struct yett_sqlite_epoch *epoch;

		result = yett_sqlite_epoch_find(
			store, present->origin, &earlier[i], present->lane, false, &epoch, error);
		if (result == 0 && epoch != NULL && !epoch->closed) {
			close_one(epoch);
			epoch->changed_ns = now_ns;
		}
	}
	free(earlier);
	return count < 0 ? count : result;
}
