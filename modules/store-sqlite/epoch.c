/* Epochs and their pieces: what the store says it has of each (origin, epoch, lane). Which of them may be open
 * is admit.c's.
 *
 * All of it is read and written within one write transaction. A row of `epoch` is read once a
 * transaction, kept in `store->epochs` between its batches, written back by flush before the
 * commit, and forgotten after it: never is custody remembered from one transaction to the next.
 *
 * A batch is judged by host->judge against those pieces that its numbers meet, found by key, so
 * a batch costs the same however many pieces there are; the limit on pieces is held here, by the
 * row's count. Pieces below the first number that is still under way are folded into runs of
 * numbers: all of them once the epoch is complete and over, the older ones when there are many. Inside a
 * run another content is no longer told from the same. Holes between runs are lost numbers; if one
 * of them arrives after all it is stored, and counts as received.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct epoch_key {
	int64_t origin;
	uint64_t ordinal, random;
	uint64_t lane;
};

struct run {
	uint64_t first, next;
};

void yett_sqlite_epoch_read(sqlite3_stmt *statement, int at, struct yett_sqlite_epoch *ret_epoch)
{
	const unsigned char *gateway = sqlite3_column_text(statement, at + 21);

	memset(ret_epoch, 0, sizeof(*ret_epoch));
	ret_epoch->id = sqlite3_column_int64(statement, at);
	ret_epoch->origin = sqlite3_column_int64(statement, at + 1);
	ret_epoch->epoch.ordinal = (uint64_t)sqlite3_column_int64(statement, at + 2);
	ret_epoch->epoch.random = (uint64_t)sqlite3_column_int64(statement, at + 3);
	ret_epoch->lane = (uint32_t)sqlite3_column_int(statement, at + 4);
	ret_epoch->state = (uint32_t)sqlite3_column_int(statement, at + 5);
	ret_epoch->oldest = (uint64_t)sqlite3_column_int64(statement, at + 6);
	ret_epoch->next = (uint64_t)sqlite3_column_int64(statement, at + 7);
	ret_epoch->closed = sqlite3_column_int(statement, at + 8) != 0;
	ret_epoch->received = (uint64_t)sqlite3_column_int64(statement, at + 9);
	ret_epoch->highest = (uint64_t)sqlite3_column_int64(statement, at + 10);
	ret_epoch->pieces = (uint64_t)sqlite3_column_int64(statement, at + 11);
	ret_epoch->runs = (uint64_t)sqlite3_column_int64(statement, at + 12);
	ret_epoch->metrics = (uint64_t)sqlite3_column_int64(statement, at + 13);
	ret_epoch->events = (uint64_t)sqlite3_column_int64(statement, at + 14);
	ret_epoch->states = (uint64_t)sqlite3_column_int64(statement, at + 15);
	ret_epoch->forks = (uint64_t)sqlite3_column_int64(statement, at + 16);
	ret_epoch->dead = (uint64_t)sqlite3_column_int64(statement, at + 17);
	ret_epoch->declared = (uint64_t)sqlite3_column_int64(statement, at + 18);
	ret_epoch->inferred = (uint64_t)sqlite3_column_int64(statement, at + 19);
	ret_epoch->changed_ns = sqlite3_column_int64(statement, at + 20);
	if (gateway != NULL) {
		snprintf(ret_epoch->gateway, sizeof(ret_epoch->gateway), "%s",
			(const char *)gateway);
	}
}

void yett_sqlite_epoch_forget(struct yett_sqlite *store)
{
	yett_sqlite_map_clear(&store->epochs, free);
	store->told.origin = 0;
}

static void bind_key(sqlite3_stmt *statement, const struct epoch_key *key)
{
	sqlite3_bind_int64(statement, 1, key->origin);
	sqlite3_bind_int64(statement, 2, (int64_t)key->ordinal);
	sqlite3_bind_int64(statement, 3, (int64_t)key->random);
	sqlite3_bind_int64(statement, 4, (int64_t)key->lane);
}

/* 1 found, 0 not there. */
static int load(struct yett_sqlite *store, const struct epoch_key *key,
	struct yett_sqlite_epoch *ret_epoch, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int code, result = yett_sqlite_prepare(
			  store, YETT_SQLITE_EPOCH_FIND_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	bind_key(statement, key);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		yett_sqlite_epoch_read(statement, 0, ret_epoch);
		result = 1;
	} else if (code != SQLITE_DONE) {
		result = yett_sqlite_fail(store, error, code, "look for an epoch");
	}
	sqlite3_reset(statement);
	return result;
}

int yett_sqlite_epoch_find(struct yett_sqlite *store, int64_t origin,
	const struct yett_epoch *epoch, uint32_t lane, bool make,
	struct yett_sqlite_epoch **ret_epoch, struct yett_error *error)
{
	struct epoch_key key = {origin, epoch->ordinal, epoch->random, lane};
	struct yett_sqlite_map_slot *slot = yett_sqlite_map_find(&store->epochs, &key, sizeof(key));
	struct yett_sqlite_epoch found, *copy;
	sqlite3_stmt *statement;
	int result;

	if (slot != NULL) {
		*ret_epoch = slot->pointer;
		if (make) {
			(*ret_epoch)->stuck = false; /* a notice may be about it */
		}
		return 0;
	}
	result = load(store, &key, &found, error);
	if (result == 0 && !make) {
		*ret_epoch = NULL;
		return 0;
	}
	if (result == 0) {
		if ((result = yett_sqlite_prepare(
			     store, YETT_SQLITE_EPOCH_MAKE_STATEMENT, &statement, error)) < 0) {
			return result;
		}
		bind_key(statement, &key);
		if ((result = yett_sqlite_run(store, statement, "note an epoch", error)) < 0) {
			return result;
		}
		memset(&found, 0, sizeof(found));
		found.id = sqlite3_last_insert_rowid(store->db);
		found.origin = origin;
		found.epoch = *epoch;
		found.lane = lane;
		result = yett_sqlite_forgotten_new(store, &found, error);
	}
	if (result < 0) {
		return result;
	}
	copy = malloc(sizeof(*copy));
	slot = copy != NULL ? yett_sqlite_map_put(&store->epochs, &key, sizeof(key)) : NULL;
	if (slot == NULL) {
		free(copy);
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for an epoch");
	}
	*copy = found;
	slot->pointer = copy;
	*ret_epoch = slot->pointer;
	return 0;
}

/* Puts a run beside those that are there, joined with its neighbours: 1; or 0 where it is one too many. */
static int add_run(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch, struct run run,
	struct yett_error *error)
{
	sqlite3_stmt *below, *at, *drop, *write;
	bool joined = false;
	int64_t next;
	int code, result;

	if ((result = yett_sqlite_prepare(store, YETT_SQLITE_RUN_BELOW_STATEMENT, &below, error)) <
			0 ||
		(result = yett_sqlite_prepare(store, YETT_SQLITE_RUN_AT_STATEMENT, &at, error)) <
			0 ||
		(result = yett_sqlite_prepare(
			 store, YETT_SQLITE_RUN_DELETE_STATEMENT, &drop, error)) < 0 ||
		(result = yett_sqlite_prepare(
			 store, YETT_SQLITE_RUN_WRITE_STATEMENT, &write, error)) < 0) {
		return result;
	}
	sqlite3_bind_int64(below, 1, epoch->id);
	sqlite3_bind_int64(below, 2, (int64_t)run.first);
	code = sqlite3_step(below);
	if (code == SQLITE_ROW && (uint64_t)sqlite3_column_int64(below, 1) == run.first) {
		run.first = (uint64_t)sqlite3_column_int64(below, 0);
		joined = true;
	}
	sqlite3_reset(below);
	if (code != SQLITE_ROW && code != SQLITE_DONE) {
		return yett_sqlite_fail(store, error, code, "fold pieces");
	}
	sqlite3_bind_int64(at, 1, epoch->id);
	sqlite3_bind_int64(at, 2, (int64_t)run.next);
	if ((result = yett_sqlite_number(store, at, "fold pieces", 0, &next, error)) < 0) {
		return result;
	}
	if (epoch->runs + 1 - (joined ? 1 : 0) - (next > 0 ? 1 : 0) > YETT_SQLITE_RUNS_MAX) {
		return 0;
	}
	if (next > 0) {
		sqlite3_bind_int64(drop, 1, epoch->id);
		sqlite3_bind_int64(drop, 2, (int64_t)run.next);
		if ((result = yett_sqlite_run(store, drop, "fold pieces", error)) < 0) {
			return result;
		}
		run.next = (uint64_t)next;
		epoch->runs--;
	}
	sqlite3_bind_int64(write, 1, epoch->id);
	sqlite3_bind_int64(write, 2, (int64_t)run.first);
	sqlite3_bind_int64(write, 3, (int64_t)run.next);
	epoch->runs += joined ? 0 : 1;
	result = yett_sqlite_run(store, write, "fold pieces", error);
	return result < 0 ? result : 1;
}

/* The runs that the pieces below `*boundary` make; answers how many. Of more pieces than there is room for, the
 * boundary is the first that is left out. */
static int collect_runs(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	uint64_t *boundary, struct run *runs, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int code, count = 0;
	uint64_t pieces = 0;
	int result = yett_sqlite_prepare(store, YETT_SQLITE_PIECE_ALL_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, epoch->id);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		uint64_t first = (uint64_t)sqlite3_column_int64(statement, 0);
		uint64_t next = first + (uint64_t)sqlite3_column_int64(statement, 1);

		if (first >= *boundary || pieces > YETT_PIECES_MAX) {
			*boundary = first < *boundary ? first : *boundary;
			code = SQLITE_DONE;
			break;
		}
		pieces++;
		if (count > 0 && runs[count - 1].next == first) {
			runs[count - 1].next = next;
		} else {
			runs[count++] = (struct run){first, next};
		}
	}
	sqlite3_reset(statement);
	if (code != SQLITE_DONE) {
		return yett_sqlite_fail(store, error, code, "read pieces");
	}
	return count;
}

/* Folds the pieces below the first number that is under way; `all` of them, or all but the
 * newest; and none from the first on that would make a run too many. */
static int fold(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch, uint64_t first_missing,
	bool all, struct yett_error *error)
{
	uint64_t boundary = first_missing > 0 ? first_missing : INT64_MAX;
	struct run *runs = NULL;
	sqlite3_stmt *statement;
	int64_t kept;
	int count, result;

	if (!all) {
		if ((result = yett_sqlite_prepare(
			     store, YETT_SQLITE_PIECE_NTH_STATEMENT, &statement, error)) < 0) {
			return result;
		}
		sqlite3_bind_int64(statement, 1, epoch->id);
		sqlite3_bind_int(statement, 2, YETT_SQLITE_FOLD_KEEP - 1);
		if ((result = yett_sqlite_number(
			     store, statement, "read pieces", 0, &kept, error)) < 0) {
			return result;
		}
		boundary = (uint64_t)kept < boundary ? (uint64_t)kept : boundary;
	}
	runs = malloc((YETT_PIECES_MAX + 1) * sizeof(*runs));
	if (runs == NULL) {
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory to fold pieces");
	}
	result = count = collect_runs(store, epoch, &boundary, runs, error);
	for (int i = 0; i < count; i++) {
		if ((result = add_run(store, epoch, runs[i], error)) < 0) {
			goto out;
		}
		if (result == 0) {
			boundary = runs[i].first;
			break;
		}
	}
	if (count <= 0 || boundary == runs[0].first) {
		goto out;
	}
	if ((result = yett_sqlite_prepare(
		     store, YETT_SQLITE_PIECE_FOLD_STATEMENT, &statement, error)) < 0) {
		goto out;
	}
	sqlite3_bind_int64(statement, 1, epoch->id);
	sqlite3_bind_int64(statement, 2, (int64_t)boundary);
	result = yett_sqlite_run(store, statement, "fold pieces", error);
	if (result == 0) {
		epoch->pieces -= (uint64_t)sqlite3_changes(store->db);
		epoch->dirty = true;
	}
out:
	free(runs);
	return result < 0 ? result : 0;
}

/* Looks once for all batches that come while nothing changes. */
static int fold_older(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	uint64_t *ret_first_missing, struct yett_error *error)
{
	uint64_t before = epoch->pieces;
	struct yett_sqlite_sums sums;
	int result;

	if (!epoch->stuck) {
		if ((result = yett_sqlite_sum(store, epoch, &sums, error)) < 0 ||
			(result = fold(store, epoch, sums.first_missing, false, error)) < 0) {
			return result;
		}
		epoch->stuck = epoch->pieces == before;
		epoch->stuck_at = sums.first_missing;
	}
	*ret_first_missing = epoch->stuck_at;
	return 0;
}

/* The pieces that the batch's numbers meet, in order. Answers how many. */
static int meeting_pieces(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_batch_info *info, struct yett_piece *pieces, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int code, count = 0;
	int result =
		yett_sqlite_prepare(store, YETT_SQLITE_PIECE_BELOW_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, epoch->id);
	sqlite3_bind_int64(statement, 2, (int64_t)(info->first + info->count));
	while ((code = sqlite3_step(statement)) == SQLITE_ROW && count < YETT_PIECES_MAX) {
		struct yett_piece piece = {(uint64_t)sqlite3_column_int64(statement, 0),
			(uint32_t)sqlite3_column_int64(statement, 1),
			(uint32_t)sqlite3_column_int64(statement, 2)};

		if (piece.first + piece.count <= info->first) {
			break;
		}
		pieces[count++] = piece;
	}
	sqlite3_reset(statement);
	if (code != SQLITE_DONE && code != SQLITE_ROW) {
		return yett_sqlite_fail(store, error, code, "read pieces");
	}
	for (int i = 0; i < count / 2; i++) {
		struct yett_piece swap = pieces[i];

		pieces[i] = pieces[count - 1 - i];
		pieces[count - 1 - i] = swap;
	}
	return count;
}

/* The last run that starts below the batch's end; {0, 0} if there is none. */
static int meeting_run(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_batch_info *info, struct run *ret_run, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int code, result;

	*ret_run = (struct run){0, 0};
	if (epoch->runs == 0) {
		return 0;
	}
	result = yett_sqlite_prepare(store, YETT_SQLITE_RUN_BELOW_STATEMENT, &statement, error);
	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, epoch->id);
	sqlite3_bind_int64(statement, 2, (int64_t)(info->first + info->count));
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		*ret_run = (struct run){(uint64_t)sqlite3_column_int64(statement, 0),
			(uint64_t)sqlite3_column_int64(statement, 1)};
	} else if (code != SQLITE_DONE) {
		result = yett_sqlite_fail(store, error, code, "read folded pieces");
	}
	sqlite3_reset(statement);
	return result;
}

static int add_piece(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_piece *piece, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result =
		yett_sqlite_prepare(store, YETT_SQLITE_PIECE_MAKE_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, epoch->id);
	sqlite3_bind_int64(statement, 2, (int64_t)piece->first);
	sqlite3_bind_int64(statement, 3, piece->count);
	sqlite3_bind_int64(statement, 4, piece->crc);
	result = yett_sqlite_run(store, statement, "note a piece", error);
	if (result < 0) {
		return result;
	}
	epoch->pieces++;
	epoch->dirty = true;
	epoch->stuck = false;
	epoch->received += piece->count;
	if (piece->first + piece->count - 1 > epoch->highest) {
		epoch->highest = piece->first + piece->count - 1;
	}
	return 0; /* a complete one stays so until flush has looked what lacks */
}

/* There are as many pieces as may be: 1 if this one may come beside them, or 0. */
static int make_room(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_batch_info *info, struct yett_error *error)
{
	uint64_t first_missing = 0;
	int result = fold_older(store, epoch, &first_missing, error);

	/* What fills the first hole is taken all the same: it is what ends this. But not where it never does. */
	if (result < 0 || epoch->pieces < YETT_PIECES_MAX ||
		(info->first == first_missing && epoch->pieces < YETT_SQLITE_PIECES_END)) {
		return result < 0 ? result : 1;
	}
	if (store->wanted) {
		return 1;
	}
	if (!yett_sqlite_patience_ends(store, &info->origin)) {
		return 0;
	}
	/* It has not come, nor been declared: it is lost, by inference, unless it comes after all. */
	if (epoch->oldest <= epoch->highest) {
		epoch->oldest = epoch->highest + 1;
		epoch->dirty = true;
		epoch->stuck = false;
	}
	result = fold_older(store, epoch, &first_missing, error);
	return result < 0 ? result : epoch->pieces < YETT_PIECES_MAX;
}

static int take(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_piece *pieces, size_t count, const struct yett_batch_info *info,
	struct yett_error *error)
{
	uint64_t first_missing = 0;
	int result;

	if (epoch->pieces >= YETT_PIECES_MAX) {
		if ((result = make_room(store, epoch, info, error)) <= 0) {
			return result < 0 ? result : YETT_VERDICT_LIMIT;
		}
	} else if (epoch->pieces >= YETT_SQLITE_FOLD_ABOVE && epoch->pieces % 64 == 0 &&
		   (result = fold_older(store, epoch, &first_missing, error)) < 0) {
		return result;
	}
	for (size_t i = 0; i < count; i++) {
		if (pieces[i].first == info->first) {
			result = add_piece(store, epoch, &pieces[i], error);
			return result < 0 ? result : YETT_VERDICT_NEW;
		}
	}
	return store->host->fail(error, YETT_EBUG, NULL, "the judge took a batch and no piece");
}

int yett_sqlite_epoch_judge(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_batch_info *info, struct yett_error *error)
{
	struct yett_piece pieces[YETT_PIECES_MAX + 1];
	struct run run;
	size_t count;
	int result = meeting_pieces(store, epoch, info, pieces, error);

	if (result < 0) {
		return result;
	}
	count = (size_t)result;
	result = meeting_run(store, epoch, info, &run, error);
	if (result < 0) {
		return result;
	}
	if (run.next > info->first) {
		/* Wholly inside is a duplicate; else some of its numbers were other batches'. */
		return run.first <= info->first && run.next >= info->first + info->count
			       ? YETT_VERDICT_DUPLICATE
			       : YETT_VERDICT_FORK;
	}
	result = store->host->judge(pieces, &count, 0, info);
	return result == YETT_VERDICT_NEW ? take(store, epoch, pieces, count, info, error) : result;
}

int yett_sqlite_epoch_write(
	struct yett_sqlite *store, struct yett_sqlite_epoch *epoch, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result =
		yett_sqlite_prepare(store, YETT_SQLITE_EPOCH_WRITE_STATEMENT, &statement, error);
	const uint64_t numbers[] = {epoch->state, epoch->oldest, epoch->next, epoch->closed,
		epoch->received, epoch->highest, epoch->pieces, epoch->runs, epoch->metrics,
		epoch->events, epoch->states, epoch->forks, epoch->dead, epoch->declared,
		epoch->inferred};
	int at = 2;

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, epoch->id);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sqlite3_bind_int64(statement, at++, (int64_t)numbers[i]);
	}
	sqlite3_bind_int64(statement, at++, epoch->changed_ns);
	if (epoch->gateway[0] != '\0') {
		sqlite3_bind_text(statement, at, epoch->gateway, -1, SQLITE_STATIC);
	} else {
		sqlite3_bind_null(statement, at);
	}
	result = yett_sqlite_run(store, statement, "write an epoch", error);
	sqlite3_clear_bindings(statement);
	epoch->dirty = result < 0;
	return result;
}

/* An origin holds nothing more of a closed epoch, and there are numbers above where it says that the epoch
 * ended: it was put back from a snapshot. Of those, too, it has none. */
static void mind_restored(struct yett_sqlite_epoch *epoch)
{
	if (epoch->oldest >= epoch->next && epoch->highest >= epoch->oldest) {
		epoch->oldest = epoch->highest + 1;
	}
}

/* Of an epoch that was complete numbers lack. It is open again, or, where its origin has as many open as may be,
 * remains complete: what lacks is lost, by inference, unless it comes after all. */
static int open_again(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	struct yett_sqlite_sums *sums, struct yett_error *error)
{
	uint64_t end = epoch->highest + 1 > epoch->next ? epoch->highest + 1 : epoch->next;
	int result = yett_sqlite_epoch_may_open(store, epoch->origin, &epoch->epoch, error);

	if (result == 0) {
		epoch->oldest = end;
		sums->inferred += sums->missing;
		sums->missing = 0;
	}
	return result;
}

/* A closed epoch is complete when none of its numbers is under way. One that has numbers above where it ended
 * may have more: it was given up, or put back. Its newest pieces stay, by which a fork is told. */
static int settle(
	struct yett_sqlite *store, struct yett_sqlite_epoch *epoch, struct yett_error *error)
{
	struct yett_sqlite_sums sums;
	int result;

	mind_restored(epoch);
	result = yett_sqlite_sum(store, epoch, &sums, error);
	if (result < 0) {
		return result;
	}
	if (sums.missing > 0 && epoch->received > 0 && epoch->state == YETT_SQLITE_COMPLETE &&
		(result = open_again(store, epoch, &sums, error)) < 0) {
		return result;
	}
	epoch->declared = sums.declared;
	epoch->inferred = sums.inferred;
	if (sums.missing > 0) {
		epoch->state = epoch->received > 0 ? YETT_SQLITE_OPEN : YETT_SQLITE_TOLD;
		return 0;
	}
	epoch->state = YETT_SQLITE_COMPLETE;
	return epoch->highest < epoch->next ? fold(store, epoch, 0, true, error) : 0;
}

int yett_sqlite_epoch_flush(struct yett_sqlite *store, struct yett_error *error)
{
	for (size_t i = 0; i < store->epochs.capacity; i++) {
		struct yett_sqlite_epoch *epoch = store->epochs.slots[i].pointer;
		int result;

		if (store->epochs.slots[i].key == NULL || !epoch->dirty) {
			continue;
		}
		if (epoch->closed && (result = settle(store, epoch, error)) < 0) {
			return result;
		}
		if ((result = yett_sqlite_epoch_write(store, epoch, error)) < 0) {
			return result;
		}
	}
	return 0;
}
