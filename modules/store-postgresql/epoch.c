/* Judges a batch by what the store has of its (origin, epoch, lane), and takes it.
 *
 * host->judge is shown those pieces that the batch's numbers meet: the ones that the database had
 * (resolve.c) and the ones that batches before it in the same put have brought. The limit on pieces
 * is held here, by the epoch's count; when there are many, those below the first number that is
 * still under way are folded first. Inside a folded run another content is no longer told from the
 * same. Runs under the lock.
 */
#include "internal.h"

#include <stdlib.h>

static uint64_t end_of(const struct yett_piece *piece)
{
	return piece->first + piece->count;
}

/* Where the first of the fresh pieces stands that begins at `first` or later. */
static size_t place_of(const struct yett_pg_epoch *epoch, uint64_t first)
{
	size_t low = 0, high = epoch->fresh_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (epoch->fresh[middle].piece.first < first) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* Two sorted lists become one, as far as they meet the batch. */
static size_t gather(const struct yett_pg_group *group, const struct yett_pg_item *item,
	struct yett_piece *pieces)
{
	const struct yett_pg_epoch *epoch = item->epoch;
	const struct yett_batch_info *info = &item->put->batch->info;
	const struct yett_piece *met =
		(const struct yett_piece *)(const void *)group->met.at + item->met;
	size_t fresh = place_of(epoch, info->first), old = 0, count = 0;

	if (fresh > 0 && end_of(&epoch->fresh[fresh - 1].piece) > info->first) {
		fresh--;
	}
	while (count < YETT_PIECES_MAX) {
		const struct yett_piece *next = old < item->mets ? &met[old] : NULL;

		if (fresh < epoch->fresh_count &&
			epoch->fresh[fresh].piece.first < info->first + info->count &&
			(next == NULL || epoch->fresh[fresh].piece.first < next->first)) {
			pieces[count++] = epoch->fresh[fresh++].piece;
		} else if (next != NULL) {
			pieces[count++] = *next;
			old++;
		} else {
			break;
		}
	}
	return count;
}

static int add_piece(struct yett_pg *store, struct yett_pg_epoch *epoch,
	const struct yett_piece *piece, struct yett_error *error)
{
	size_t place = place_of(epoch, piece->first);

	if (epoch->fresh_count == epoch->fresh_room) {
		size_t room = epoch->fresh_room > 0 ? 2 * epoch->fresh_room : 8;
		struct yett_pg_fresh *larger = realloc(epoch->fresh, room * sizeof(*larger));

		if (larger == NULL) {
			return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for pieces");
		}
		epoch->fresh = larger;
		epoch->fresh_room = room;
	}
	memmove(&epoch->fresh[place + 1], &epoch->fresh[place],
		(epoch->fresh_count - place) * sizeof(*epoch->fresh));
	epoch->fresh[place] = (struct yett_pg_fresh){.piece = *piece};
	epoch->fresh_count++;
	epoch->pieces++;
	epoch->dirty = true;
	epoch->stuck = false;
	epoch->received += piece->count;
	if (end_of(piece) - 1 > epoch->highest) {
		epoch->highest = end_of(piece) - 1;
	}
	return 0; /* a complete one stays so until flush has looked what lacks */
}

/* There are as many pieces as may be: 1 if this one may come beside them, or 0. */
static int make_room(struct yett_pg *store, struct yett_pg_epoch *epoch,
	const struct yett_piece *piece, struct yett_error *error)
{
	uint64_t first_missing = 0;
	int result = yett_pg_fold_older(store, epoch, &first_missing, error);

	/* What fills the first hole is taken all the same: it is what ends this. But not where it never does. */
	if (result < 0 || epoch->pieces < YETT_PIECES_MAX ||
		(piece->first == first_missing && epoch->pieces < YETT_PG_PIECES_END)) {
		return result < 0 ? result : 1;
	}
	if (store->wanted) {
		return 1;
	}
	if (!yett_pg_patience_ends(store, &epoch->origin->uuid)) {
		return 0;
	}
	/* It has not come, nor been declared: it is lost, by inference, unless it comes after all. */
	if (epoch->oldest <= epoch->highest) {
		epoch->oldest = epoch->highest + 1;
		epoch->dirty = true;
		epoch->stuck = false;
	}
	result = yett_pg_fold_older(store, epoch, &first_missing, error);
	return result < 0 ? result : epoch->pieces < YETT_PIECES_MAX;
}

static int take(struct yett_pg *store, struct yett_pg_epoch *epoch, const struct yett_piece *piece,
	struct yett_error *error)
{
	uint64_t first_missing = 0;
	int result;

	if (epoch->pieces >= YETT_PIECES_MAX) {
		if ((result = make_room(store, epoch, piece, error)) <= 0) {
			return result < 0 ? result : YETT_VERDICT_LIMIT;
		}
	} else if (epoch->pieces >= YETT_PG_FOLD_ABOVE && epoch->pieces % 64 == 0 &&
		   (result = yett_pg_fold_older(store, epoch, &first_missing, error)) < 0) {
		return result;
	}
	result = add_piece(store, epoch, piece, error);
	return result < 0 ? result : YETT_VERDICT_NEW;
}

int yett_pg_epoch_judge(struct yett_pg *store, const struct yett_pg_group *group,
	const struct yett_pg_item *item, struct yett_error *error)
{
	const struct yett_batch_info *info = &item->put->batch->info;
	struct yett_piece pieces[YETT_PIECES_MAX + 1];
	size_t count;
	int verdict;

	if (item->run_next > info->first) {
		/* Wholly inside is a duplicate; else some of its numbers were other batches'. */
		return item->run <= info->first && item->run_next >= info->first + info->count
			       ? YETT_VERDICT_DUPLICATE
			       : YETT_VERDICT_FORK;
	}
	count = gather(group, item, pieces);
	verdict = store->host->judge(pieces, &count, 0, info);
	if (verdict != YETT_VERDICT_NEW) {
		return verdict;
	}
	for (size_t i = 0; i < count; i++) {
		if (pieces[i].first == info->first) {
			return take(store, item->epoch, &pieces[i], error);
		}
	}
	return store->host->fail(error, YETT_EBUG, NULL, "the judge took a batch and no piece");
}
