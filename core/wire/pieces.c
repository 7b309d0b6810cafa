/* The judge of exactly once: what the batches that a store has say about one more.
 *
 * Responsible for: new, duplicate, fork or too many, and for keeping the list sorted. Not for:
 * where the list is kept, nor for folding, which are the store's.
 * Threads: any; a pure function. Ownership: the list is the caller's, with room for one more.
 * Neighbours are never merged: each piece keeps its own checksum, which is what tells a duplicate
 * from a fork, until the store folds the epoch. */
#include "pieces.h"

#include <string.h>
#include <yett/store.h>

/* The index of the first piece whose `first` is not below `first`. */
static size_t lower_bound(const struct yett_piece *pieces, size_t count, uint64_t first)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (pieces[middle].first < first) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

int yett_pieces_judge(struct yett_piece *pieces, size_t *count, uint64_t folded_below,
	const struct yett_batch_info *batch)
{
	uint64_t last = batch->first + batch->count - 1;
	size_t at;

	if (last < folded_below) {
		return YETT_VERDICT_DUPLICATE;
	}
	if (batch->first < folded_below) {
		return YETT_VERDICT_FORK;
	}
	at = lower_bound(pieces, *count, batch->first);
	if (at > 0 && pieces[at - 1].first + pieces[at - 1].count > batch->first) {
		return YETT_VERDICT_FORK;
	}
	if (at < *count && pieces[at].first <= last) {
		bool same = pieces[at].first == batch->first && pieces[at].count == batch->count &&
			    pieces[at].crc == batch->payload_crc;
		return same ? YETT_VERDICT_DUPLICATE : YETT_VERDICT_FORK;
	}
	if (*count >= YETT_PIECES_MAX) {
		return YETT_VERDICT_LIMIT;
	}
	memmove(pieces + at + 1, pieces + at, (*count - at) * sizeof(*pieces));
	pieces[at] = (struct yett_piece){
		.first = batch->first, .count = batch->count, .crc = batch->payload_crc};
	(*count)++;
	return YETT_VERDICT_NEW;
}

const char *yett_notice_judge(
	const struct yett_notice *notice, const struct yett_id *origin, uint32_t flags)
{
	const struct yett_range *range = &notice->range;
	bool own = memcmp(&range->origin, origin, sizeof(*origin)) == 0;

	if (range->first == 0 || range->lane >= YETT_LANES || range->first > INT64_MAX / 2 ||
		range->count > INT64_MAX / 2) {
		return "a notice speaks of numbers that cannot be";
	}
	if (notice->kind == YETT_NOTICE_GAP) {
		/* Whoever holds data of others may lose it; nobody else has anything to say of them. */
		if (!own && (flags & YETT_PUT_FOR_OTHERS) == 0) {
			return "it declares what another node has lost, and its origin is no "
			       "gateway "
			       "here: approve it, or list it in `proxy`, and replay this";
		}
		return range->count > 0 ? NULL : "a gap notice without numbers";
	}
	if (notice->kind != YETT_NOTICE_BOUNDS) {
		return "a kind of notice that is not known";
	}
	return own ? NULL : "bounds of another origin than its own";
}
