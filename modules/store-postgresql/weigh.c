/* What the records take, which `size` is held against, and what dead letters and forks do.
 *
 * It is reckoned from each of them. A few large records among many small ones make any sample say far too much
 * now and then, and what is deleted upon that does not come back. So they are weighed by blocks of ids, each
 * block once, as long as the connection lasts; but for the first and the last one, since records go from the
 * one and come to the other. That begins when the files are larger than `size`, in slices, as all housekeeping
 * is done, and nothing goes before all are weighed. What stands apart, or is compressed, counts as it stands,
 * and is not read. On the writer's thread, under the lock of housekeeping.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK          4096 /* ids */
#define BLOCKS_AT_ONCE 16
/* What a row takes beside its columns of varying size: the others, its header and pointer, and its entries in
 * four indexes, or in two. */
#define ROW_OVERHEAD 215
#define RAW_OVERHEAD 200

static const struct {
	enum yett_pg_statement ends, weigh;
	int64_t overhead;
} tables[YETT_PG_WEIGHED] = {
	[YETT_PG_OF_RECORDS] = {YETT_PG_RECORD_ENDS_STATEMENT, YETT_PG_RECORD_WEIGH_STATEMENT,
		ROW_OVERHEAD},
	[YETT_PG_OF_DEAD] = {YETT_PG_DEAD_ENDS_STATEMENT, YETT_PG_DEAD_WEIGH_STATEMENT,
		RAW_OVERHEAD},
	[YETT_PG_OF_FORKS] = {YETT_PG_FORK_ENDS_STATEMENT, YETT_PG_FORK_WEIGH_STATEMENT,
		RAW_OVERHEAD},
};

static int run(struct yett_pg *store, enum yett_pg_statement which, const int64_t *numbers,
	int count, PGresult **ret_rows, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	int result;

	for (int i = 0; i < count; i++) {
		yett_pg_arg_int(&args, numbers[i]);
	}
	result = yett_pg_run(store, which, &args, ret_rows, error);
	yett_pg_args_done(&args);
	return result;
}

void yett_pg_volumes_forget(struct yett_pg *store)
{
	for (int which = 0; which < YETT_PG_WEIGHED; which++) {
		free(store->volumes[which].bytes);
	}
	memset(store->volumes, 0, sizeof(store->volumes));
}

/* The first and the last id; 0, 0: there is none, or all files together are no larger than `limit`. */
static int find_ends(struct yett_pg *store, enum yett_pg_weighed which, uint64_t limit,
	int64_t *ret_low, int64_t *ret_high, struct yett_error *error)
{
	const int64_t numbers[] = {
		which == YETT_PG_OF_RECORDS ? store->tidied.record_floor : 0, (int64_t)limit};
	PGresult *rows = NULL;
	int result = run(store, tables[which].ends, numbers, 2, &rows, error);

	*ret_low = *ret_high = 0;
	if (result == 0 && PQntuples(rows) > 0) {
		*ret_low = yett_pg_int(rows, 0, 0); /* NULL is 0 */
		*ret_high = yett_pg_int(rows, 0, 1);
	}
	PQclear(rows);
	return result;
}

/* What is remembered begins with the block `first`, and does not go beyond `last`. */
static void begin_with(struct yett_pg_volume *volume, int64_t first, int64_t last)
{
	int64_t next = volume->first + (int64_t)volume->count;

	if (first < volume->first || first >= next || next - 1 > last) {
		volume->count = 0;
	} else {
		volume->count -= (size_t)(first - volume->first);
		memmove(volume->bytes, volume->bytes + (first - volume->first),
			volume->count * sizeof(*volume->bytes));
	}
	volume->first = first;
}

static int make_room(struct yett_pg *store, struct yett_pg_volume *volume, size_t count,
	struct yett_error *error)
{
	size_t room = volume->room > 0 ? volume->room : 64;
	int64_t *larger;

	while (room < count) {
		room *= 2;
	}
	if (room == volume->room) {
		return 0;
	}
	larger = realloc(volume->bytes, room * sizeof(*larger));
	if (larger == NULL) {
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory to weigh records");
	}
	volume->bytes = larger;
	volume->room = room;
	return 0;
}

/* The blocks from `from` to `to`. */
static int weigh(struct yett_pg *store, enum yett_pg_weighed which, int64_t from, int64_t to,
	struct yett_error *error)
{
	const int64_t numbers[] = {from * BLOCK, (to + 1) * BLOCK, tables[which].overhead, BLOCK};
	const struct yett_pg_volume *volume = &store->volumes[which];
	PGresult *rows = NULL;
	int result = run(store, tables[which].weigh, numbers, 4, &rows, error);

	for (int64_t block = from; result == 0 && block <= to; block++) {
		volume->bytes[block - volume->first] = 0;
	}
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		volume->bytes[yett_pg_int(rows, i, 0) - volume->first] = yett_pg_int(rows, i, 1);
	}
	PQclear(rows);
	return result;
}

/* How many of the oldest, `most` at most, have to go for so many bytes less. */
static int count_oldest(struct yett_pg *store, int64_t excess, int64_t most, int64_t *ret_count,
	struct yett_error *error)
{
	const int64_t numbers[] = {store->tidied.record_floor, excess, most, ROW_OVERHEAD};
	PGresult *rows = NULL;
	int result = run(store, YETT_PG_RECORD_EXCESS_STATEMENT, numbers, 4, &rows, error);

	if (result == 0) {
		*ret_count = yett_pg_int(rows, 0, 0);
	}
	PQclear(rows);
	return result;
}

/* What all rows of one table take, where its files are larger than `limit`; else 0. 1: not all are weighed yet. */
static int weigh_all(struct yett_pg *store, enum yett_pg_weighed which, uint64_t limit,
	int64_t *ret_bytes, struct yett_error *error)
{
	struct yett_pg_volume *volume = &store->volumes[which];
	int64_t low, high, first, last, from, to;
	int result;

	*ret_bytes = 0;
	if ((result = find_ends(store, which, limit, &low, &high, error)) < 0 || low == 0) {
		return result;
	}
	first = low / BLOCK;
	last = high / BLOCK;
	begin_with(volume, first, last);
	from = volume->count > 0 ? first + (int64_t)volume->count - 1 : first;
	to = last - from < BLOCKS_AT_ONCE ? last : from + BLOCKS_AT_ONCE - 1;
	if ((result = make_room(store, volume, (size_t)(to - first + 1), error)) < 0 ||
		(result = weigh(store, which, from, to, error)) < 0 ||
		(from > first && low != volume->low &&
			(result = weigh(store, which, first, first, error)) < 0)) {
		return result;
	}
	volume->count = (size_t)(to - first + 1);
	volume->low = low;
	if (to < last) {
		return 1;
	}
	for (size_t i = 0; i < volume->count; i++) {
		*ret_bytes += volume->bytes[i];
	}
	return 0;
}

int yett_pg_find_excess(
	struct yett_pg *store, int64_t most, int64_t *ret_count, struct yett_error *error)
{
	int64_t size = (int64_t)store->settings->size_bytes, bytes;
	int result;

	*ret_count = 0;
	if (size == 0 || (result = weigh_all(store, YETT_PG_OF_RECORDS, store->settings->size_bytes,
				  &bytes, error)) != 0) {
		return size == 0 ? 0 : result;
	}
	return bytes > size ? count_oldest(store, bytes - size, most, ret_count, error) : 0;
}

int yett_pg_weigh_raw(
	struct yett_pg *store, uint64_t share, bool *ret_more, struct yett_error *error)
{
	int64_t dead, forks;
	int result;

	*ret_more = false;
	if ((result = weigh_all(store, YETT_PG_OF_DEAD, share, &dead, error)) == 0 &&
		(result = weigh_all(store, YETT_PG_OF_FORKS, share, &forks, error)) == 0) {
		*ret_more = dead + forks > (int64_t)share;
	}
	return result;
}
