/* Stores the notices of one custody batch: gaps, joined with those that are there (gap.c), and bounds, of
 * which the furthest is kept. Both may come before the batches that they speak of, after them, or twice.
 * A batch is read through before anything of it is stored, so it is stored as a whole or goes to
 * the dead letters as a whole. A notice opens no epoch, so no limit on those ever refuses one.
 * Runs within a transaction.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static const char too_many[] =
	"more than 16384 separate ranges of one start of a node would be declared lost: see to "
	"what loses them (`yettctl losses`), restart that node for a start that has room, and "
	"replay this once some of those ranges have met";

/* The gaps of one batch. */
struct gaps {
	struct yett_notice *at;
	size_t count, room;
};

static int add_gap(struct yett_sqlite *store, struct gaps *gaps, const struct yett_notice *notice,
	struct yett_error *error)
{
	if (gaps->count == gaps->room) {
		size_t room = gaps->room > 0 ? 2 * gaps->room : 16;
		struct yett_notice *larger = realloc(gaps->at, room * sizeof(*larger));

		if (larger == NULL) {
			return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for gaps");
		}
		gaps->at = larger;
		gaps->room = room;
	}
	gaps->at[gaps->count++] = *notice;
	return 0;
}

/* An origin that once held nothing more of a closed epoch holds none of what it said at another time that there
 * was: a start that could not write down how far it went is followed by one that does not know. */
static void note_bounds(struct yett_sqlite_epoch *epoch, const struct yett_notice *notice)
{
	uint64_t next = notice->range.first + notice->range.count;
	bool left = (epoch->closed && epoch->oldest >= epoch->next) ||
		    (notice->closed != 0 && notice->range.count == 0);

	epoch->oldest = notice->range.first > epoch->oldest ? notice->range.first : epoch->oldest;
	epoch->next = next > epoch->next ? next : epoch->next;
	if (left && epoch->oldest < epoch->next) {
		epoch->oldest = epoch->next;
	}
	epoch->closed = epoch->closed || notice->closed != 0;
	epoch->dirty = true;
}

/* It says that its start is the present one, and that what it told of earlier ones was all. */
static bool is_present(const struct yett_batch_info *info, const struct yett_notice *notice)
{
	return notice->kind == YETT_NOTICE_BOUNDS && notice->closed == 0 &&
	       notice->range.lane == info->lane &&
	       memcmp(&notice->range.epoch, &info->epoch, sizeof(info->epoch)) == 0;
}

/* All of it but the gap itself. */
static int note(struct yett_sqlite *store, const struct yett_put *put,
	const struct yett_notice *notice, struct yett_sqlite_epoch **ret_present,
	struct yett_error *error)
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
	if (is_present(&put->batch->info, notice) && epoch->next <= (epoch->closed ? 1 : 0)) {
		/* For the first time; no later start has named it. */
		*ret_present = epoch;
		result = yett_sqlite_forgotten_not(store, epoch, error);
	}
	if (notice->kind == YETT_NOTICE_BOUNDS) {
		note_bounds(epoch, notice);
	}
	return result;
}

/* One pass over the notices: where `gaps` is given they are judged, and the gaps among them gathered there;
 * else they are noted. */
static int pass(struct yett_sqlite *store, const struct yett_put *put, struct gaps *gaps,
	const char **ret_cause, struct yett_error *error)
{
	const struct yett_batch_info *info = &put->batch->info;
	struct yett_notice notice = {.size = sizeof(notice)};
	struct yett_sqlite_epoch *present = NULL;
	struct yett_reader *reader;
	uint32_t count = 0;
	int result = store->host->reader_open(put->batch, &reader), failed = 0;

	if (result == 0) {
		while ((result = store->host->reader_next_notice(reader, &notice)) > 0) {
			count++;
			*ret_cause = store->host->judge_notice(&notice, &info->origin, put->flags);
			if (*ret_cause == NULL && gaps == NULL) {
				failed = note(store, put, &notice, &present, error);
			} else if (*ret_cause == NULL && notice.kind == YETT_NOTICE_GAP) {
				failed = add_gap(store, gaps, &notice, error);
			}
			if (*ret_cause != NULL || failed < 0) {
				break;
			}
		}
		store->host->reader_close(reader);
	}
	if (*ret_cause != NULL || failed < 0) {
		return failed;
	}
	if (gaps == NULL && result == 0 && present != NULL) {
		result = yett_sqlite_forgotten_earlier(store, present, put->received_ns, error);
	}
	if (gaps == NULL) {
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
	struct gaps gaps = {.at = NULL};
	int result = pass(store, put, &gaps, ret_cause, error);

	if (result > 0) {
		result = yett_sqlite_gaps_judge(store, gaps.at, gaps.count, error);
		if (result == 0) {
			*ret_cause = too_many;
		}
	}
	if (result > 0 && (result = pass(store, put, NULL, ret_cause, error)) > 0) {
		result =
			yett_sqlite_gaps_write(store, gaps.at, gaps.count, put->received_ns, error);
	}
	free(gaps.at);
	return result;
}
