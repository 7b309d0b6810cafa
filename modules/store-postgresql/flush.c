/* Writes what a put has changed, each table in one statement: new origins and names, pieces, epochs.
 * Before an epoch is written it is looked at whether it is complete: closed by its origin, and each
 * of its numbers stored or lost. Under the lock, at the end of each put.
 */
#include "internal.h"

static size_t count_fresh(const struct yett_pg_epoch *epoch)
{
	size_t count = 0;

	for (size_t i = 0; i < epoch->fresh_count; i++) {
		count += !epoch->fresh[i].written;
	}
	return count;
}

static void put_pieces(const struct yett_pg_epoch *epoch, int column, struct yett_pg_args *args)
{
	for (size_t i = 0; i < epoch->fresh_count; i++) {
		const struct yett_piece *piece = &epoch->fresh[i].piece;

		if (!epoch->fresh[i].written) {
			yett_pg_item_int(args, column == 0   ? epoch->id
					       : column == 1 ? (int64_t)piece->first
					       : column == 2 ? (int64_t)piece->count
							     : (int64_t)piece->crc);
		}
	}
}

/* One epoch, or all. */
static struct yett_pg_epoch *next_epoch(
	const struct yett_pg *store, struct yett_pg_epoch *only, size_t *at)
{
	return only == NULL ? yett_pg_map_next(&store->epochs, at) : (*at)++ == 0 ? only : NULL;
}

int yett_pg_flush_pieces(
	struct yett_pg *store, struct yett_pg_epoch *only, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	struct yett_pg_epoch *epoch;
	size_t count = 0;
	int result;

	for (size_t at = 0; (epoch = next_epoch(store, only, &at)) != NULL;) {
		count += count_fresh(epoch);
	}
	if (count == 0) {
		return 0;
	}
	for (int column = 0; column < 4; column++) {
		yett_pg_array(&args, YETT_PG_BIGINT, count);
		for (size_t at = 0; (epoch = next_epoch(store, only, &at)) != NULL;) {
			put_pieces(epoch, column, &args);
		}
	}
	result = yett_pg_do(store, YETT_PG_PIECE_MAKE_STATEMENT, &args, NULL, error);
	for (size_t at = 0; result == 0 && (epoch = next_epoch(store, only, &at)) != NULL;) {
		for (size_t i = 0; i < epoch->fresh_count; i++) {
			epoch->fresh[i].written = true;
		}
	}
	return result;
}

static int flush_origins(struct yett_pg *store, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	struct yett_pg_origin *origin;
	size_t count = 0;
	int result;

	for (size_t at = 0; (origin = yett_pg_map_next(&store->origins, &at)) != NULL;) {
		count += origin->fresh;
	}
	if (count == 0) {
		return 0;
	}
	for (int column = 0; column < 2; column++) {
		yett_pg_array(&args, column == 0 ? YETT_PG_INTEGER : YETT_PG_UUID, count);
		for (size_t at = 0; (origin = yett_pg_map_next(&store->origins, &at)) != NULL;) {
			if (origin->fresh && column == 0) {
				yett_pg_item_integer(&args, origin->id);
			} else if (origin->fresh) {
				yett_pg_item_bytes(&args, &origin->uuid, sizeof(origin->uuid));
			}
		}
	}
	result = yett_pg_do(store, YETT_PG_ORIGIN_MAKE_STATEMENT, &args, NULL, error);
	for (size_t at = 0; (origin = yett_pg_map_next(&store->origins, &at)) != NULL;) {
		origin->fresh = origin->fresh && result < 0;
	}
	return result;
}

static int flush_names(struct yett_pg *store, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	struct yett_pg_name *name;
	size_t count = 0;

	for (size_t at = 0; (name = yett_pg_map_next(&store->names, &at)) != NULL;) {
		count += name->fresh;
	}
	if (count == 0) {
		return 0;
	}
	for (int column = 0; column < 2; column++) {
		yett_pg_array(&args, column == 0 ? YETT_PG_INTEGER : YETT_PG_TEXT, count);
		for (size_t at = 0; (name = yett_pg_map_next(&store->names, &at)) != NULL;) {
			if (name->fresh && column == 0) {
				yett_pg_item_integer(&args, name->id);
			} else if (name->fresh) {
				yett_pg_item_bytes(&args, name->text, name->length);
			}
		}
	}
	return yett_pg_do(store, YETT_PG_NAME_MAKE_STATEMENT, &args, NULL, error);
}

static uint64_t top_of(const struct yett_pg_epoch *epoch)
{
	return epoch->next > epoch->highest + 1 ? epoch->next : epoch->highest + 1;
}

/* One that was complete, and of which numbers lack, is open again; or, where its origin has as many open as may
 * be, remains complete: what lacks is lost, by inference, unless it comes after all. One that has numbers above
 * where it ended may have more: it was given up, or put back. Its newest pieces stay, by which a fork is told. */
static int settle_one(struct yett_pg *store, struct yett_pg_epoch *epoch, const PGresult *rows,
	int row, struct yett_error *error)
{
	uint64_t missing = (uint64_t)yett_pg_int(rows, row, 3);
	int result;

	epoch->declared = (uint64_t)yett_pg_int(rows, row, 1);
	epoch->inferred = (uint64_t)yett_pg_int(rows, row, 2);
	if (missing > 0 && epoch->received > 0 && epoch->state == YETT_PG_COMPLETE) {
		if ((result = yett_pg_epoch_open_again(store, epoch, error)) < 0) {
			return result;
		}
		if (result == 0) {
			epoch->oldest = top_of(epoch);
			epoch->inferred += missing;
			missing = 0;
		}
	}
	if (missing > 0) {
		epoch->state = epoch->received > 0 ? YETT_PG_OPEN : YETT_PG_TOLD;
		return 0;
	}
	epoch->state = YETT_PG_COMPLETE;
	return epoch->highest < epoch->next ? yett_pg_fold_all(store, epoch, error) : 0;
}

/* An origin holds nothing more of a closed epoch, and there are numbers above where it says that the epoch
 * ended: it was put back from a snapshot. Of those, too, it has none. */
static void mind_restored(struct yett_pg_epoch *epoch)
{
	if (epoch->oldest >= epoch->next && epoch->highest >= epoch->oldest) {
		epoch->oldest = epoch->highest + 1;
	}
}

/* A closed epoch is complete when none of its numbers is under way. */
static int settle_some(struct yett_pg *store, struct yett_pg_epoch *const *epochs, size_t count,
	struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result;

	for (int column = 0; column < 4; column++) {
		yett_pg_array(&args, column == 0 ? YETT_PG_INTEGER : YETT_PG_BIGINT, count);
		for (size_t i = 0; i < count; i++) {
			if (column == 0) {
				yett_pg_item_integer(&args, (int32_t)i);
			} else {
				yett_pg_item_int(&args, column == 1   ? epochs[i]->id
							: column == 2 ? (int64_t)epochs[i]->oldest
								      : (int64_t)top_of(epochs[i]));
			}
		}
	}
	result = yett_pg_run(store, YETT_PG_SUMS_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	/* They come in the order in which they were asked for: each is held against its number. */
	for (size_t i = 0; result == 0 && i < count; i++) {
		if ((int)i >= PQntuples(rows) || yett_pg_int(rows, (int)i, 0) != (int64_t)i) {
			result = store->host->fail(error, YETT_EBUG, NULL,
				"PostgreSQL answered sums in another order");
		} else {
			result = settle_one(store, epochs[i], rows, (int)i, error);
		}
	}
	PQclear(rows);
	return result;
}

/* So many in a statement, since each is read as a whole. */
static int settle(struct yett_pg *store, struct yett_error *error)
{
	struct yett_pg_epoch *epochs[YETT_PG_EPOCHS_AT_ONCE], *epoch = NULL;
	size_t at = 0, count;
	int result = 0;

	do {
		count = 0;
		while (count < YETT_PG_EPOCHS_AT_ONCE &&
			(epoch = yett_pg_map_next(&store->epochs, &at)) != NULL) {
			if (epoch->dirty && epoch->closed) {
				mind_restored(epoch);
				epochs[count++] = epoch;
			}
		}
		result = count > 0 ? settle_some(store, epochs, count, error) : 0;
	} while (result == 0 && count == YETT_PG_EPOCHS_AT_ONCE);
	return result;
}

static int64_t column_of(const struct yett_pg_epoch *epoch, int column)
{
	const int64_t numbers[] = {epoch->id, epoch->origin->id, (int64_t)epoch->epoch.ordinal,
		(int64_t)epoch->epoch.random, epoch->lane, epoch->state, (int64_t)epoch->oldest,
		(int64_t)epoch->next, epoch->closed, (int64_t)epoch->received,
		(int64_t)epoch->highest, (int64_t)epoch->pieces, (int64_t)epoch->runs,
		(int64_t)epoch->metrics, (int64_t)epoch->events, (int64_t)epoch->states,
		(int64_t)epoch->forks, (int64_t)epoch->dead, (int64_t)epoch->declared,
		(int64_t)epoch->inferred, epoch->changed_ns};

	return numbers[column];
}

#define NARROW(column) ((column) == 1 || (column) == 4 || (column) == 5 || (column) == 8)

static void put_epoch(const struct yett_pg_epoch *epoch, int column, struct yett_pg_args *args)
{
	if (column == YETT_PG_EPOCH_COLUMN_COUNT - 1) {
		if (epoch->gateway[0] != '\0') {
			yett_pg_item_bytes(args, epoch->gateway, strlen(epoch->gateway));
		} else {
			yett_pg_item_null(args);
		}
	} else if (NARROW(column)) {
		yett_pg_item_integer(args, (int32_t)column_of(epoch, column));
	} else {
		yett_pg_item_int(args, column_of(epoch, column));
	}
}

static int flush_epochs(struct yett_pg *store, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	struct yett_pg_epoch *epoch;
	size_t count = 0;

	for (size_t at = 0; (epoch = yett_pg_map_next(&store->epochs, &at)) != NULL;) {
		count += epoch->dirty;
	}
	if (count == 0) {
		return 0;
	}
	for (int column = 0; column < YETT_PG_EPOCH_COLUMN_COUNT; column++) {
		enum yett_pg_type type = NARROW(column) ? YETT_PG_INTEGER : YETT_PG_BIGINT;

		yett_pg_array(&args, column == YETT_PG_EPOCH_COLUMN_COUNT - 1 ? YETT_PG_TEXT : type,
			count);
		for (size_t at = 0; (epoch = yett_pg_map_next(&store->epochs, &at)) != NULL;) {
			if (epoch->dirty) {
				put_epoch(epoch, column, &args);
			}
		}
	}
	return yett_pg_do(store, YETT_PG_EPOCH_WRITE_STATEMENT, &args, NULL, error);
}

int yett_pg_flush(struct yett_pg *store, struct yett_error *error)
{
	int result;

	if ((result = flush_origins(store, error)) < 0 ||
		(result = flush_names(store, error)) < 0 ||
		(result = yett_pg_flush_pieces(store, NULL, error)) < 0 ||
		(result = settle(store, error)) < 0) {
		return result;
	}
	return flush_epochs(store, error);
}
