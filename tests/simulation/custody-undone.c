/* What a store forgets when it is put back.
 *
 * Responsible for reading from copies of the store's disk which numbers it has accounted for (received,
 * declared lost, or lost by inference), before it is put back and in what it is put back to, and for
 * remembering the difference: only these may lack in the end, since whoever had them has let them go.
 * That a relay which lies has said of numbers that they are lost, and was believed, does not account for them
 * in what is put back: what had them received is forgotten all the same. Not responsible for putting back
 * (custody-fault.c). A copy without tables has accounted for nothing. */
#include "custody.h"

#include <sqlite3.h>

#include "base/id.h"

#define ACCOUNTED                                                                                  \
	"SELECT origin.uuid, epoch.ordinal, epoch.random, epoch.lane, part.first, part.next, "     \
	"part.holder FROM (SELECT epoch, first, first + count AS next, NULL AS holder FROM piece " \
	"UNION ALL SELECT epoch, first, next, NULL FROM folded "                                   \
	"UNION ALL SELECT epoch, first, first + count, holder FROM gap "                           \
	"UNION ALL SELECT id, 1, oldest, NULL FROM epoch WHERE ?1 AND oldest > 1) AS part "        \
	"JOIN epoch ON epoch.id = part.epoch JOIN origin ON origin.id = epoch.origin "             \
	"ORDER BY epoch.id, part.first"

static bool same_lane(const struct numbers *a, const struct numbers *b)
{
	return a->lane == b->lane && yett_id_equal(&a->origin, &b->origin) &&
	       a->epoch.ordinal == b->epoch.ordinal && a->epoch.random == b->epoch.random;
}

/* They come in order: joined with the last where they touch it. */
static void add(GArray *to, const struct numbers *numbers)
{
	struct numbers *last = to->len > 0 ? &g_array_index(to, struct numbers, to->len - 1) : NULL;

	if (last == NULL || !same_lane(last, numbers) || numbers->first > last->next) {
		g_array_append_val(to, *numbers);
	} else if (numbers->next > last->next) {
		last->next = numbers->next;
	}
}

static bool is_liar(const struct run *run, const char *holder)
{
	const struct member *member;
	struct yett_id id;

	if (run == NULL || holder == NULL) {
		return false;
	}
	YETT_REQUIRE(yett_id_parse(holder, &id) == 0);
	member = group_of(run, &id);
	return member != NULL && member->hostile;
}

/* `liars`: of whom nobody is believed, or NULL. */
static void read_rows(sqlite3 *db, bool inferred, const struct run *liars, GArray *to)
{
	sqlite3_stmt *rows = NULL;

	if (sqlite3_prepare_v2(db, ACCOUNTED, -1, &rows, NULL) != SQLITE_OK) {
		return;
	}
	sqlite3_bind_int(rows, 1, inferred);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		struct numbers numbers = {
			.epoch = {(uint64_t)sqlite3_column_int64(rows, 1),
				(uint64_t)sqlite3_column_int64(rows, 2)},
			.lane = (uint64_t)sqlite3_column_int64(rows, 3),
			.first = (uint64_t)sqlite3_column_int64(rows, 4),
			.next = (uint64_t)sqlite3_column_int64(rows, 5),
		};

		YETT_REQUIRE(yett_id_parse((const char *)sqlite3_column_text(rows, 0),
				     &numbers.origin) == 0);
		if (!is_liar(liars, (const char *)sqlite3_column_text(rows, 6))) {
			add(to, &numbers);
		}
	}
	sqlite3_finalize(rows);
}

/* From a copy of a copy: to read a database is to write to it. */
static GArray *accounted(const struct yett_faulty *copy, bool inferred, const struct run *liars)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(struct numbers));
	struct sim_disk *disk = sim_disk_new(1);
	struct sim_process *process = sim_process_new(disk, "undone");
	sqlite3 *db = NULL;

	sim_disk_restore(disk, copy);
	if (sqlite3_open_v2("/undone/shared/yett.db", &db, SQLITE_OPEN_READWRITE, NULL) ==
		SQLITE_OK) {
		read_rows(db, inferred, liars, all);
	}
	sqlite3_close(db);
	sim_process_free(process);
	sim_disk_free(disk);
	return all;
}

/* What is in `rest` and in none of `less` from the index `from` on. */
static void add_rest(GArray *to, struct numbers rest, const GArray *less, guint from)
{
	for (guint i = from; less != NULL && i < less->len; i++) {
		const struct numbers *other = &g_array_index(less, struct numbers, i);

		if (!same_lane(other, &rest) || other->next <= rest.first ||
			other->first >= rest.next) {
			continue;
		}
		if (other->first > rest.first) {
			struct numbers left = rest;

			left.next = other->first;
			add_rest(to, left, less, i + 1);
		}
		if (other->next >= rest.next) {
			return;
		}
		rest.first = other->next;
	}
	g_array_append_val(to, rest);
}

static GArray *without(GArray *all, const GArray *less)
{
	GArray *rest = g_array_new(FALSE, FALSE, sizeof(struct numbers));

	for (guint i = 0; i < all->len; i++) {
		add_rest(rest, g_array_index(all, struct numbers, i), less, 0);
	}
	g_array_free(all, TRUE);
	return rest;
}

static void note(const struct run *run, GArray **to, const struct yett_faulty *before,
	const struct yett_faulty *after, bool inferred)
{
	GArray *kept = accounted(after, inferred, run);
	GArray *undone = without(without(accounted(before, inferred, NULL), kept), *to);

	g_array_free(kept, TRUE);
	if (*to == NULL) {
		*to = undone;
		return;
	}
	g_array_append_vals(*to, undone->data, undone->len);
	g_array_free(undone, TRUE);
}

void undone_note(struct run *run, const struct yett_faulty *before, const struct yett_faulty *after)
{
	note(run, &run->undone, before, after, false);
	note(run, &run->undone_all, before, after, true);
}

uint64_t undone_among(const GArray *undone, const struct numbers *numbers)
{
	uint64_t count = 0;

	for (guint i = 0; undone != NULL && i < undone->len; i++) {
		const struct numbers *some = &g_array_index(undone, struct numbers, i);

		if (same_lane(some, numbers) && some->first < numbers->next &&
			some->next > numbers->first) {
			count += MIN(some->next, numbers->next) - MAX(some->first, numbers->first);
		}
	}
	return count;
}

void undone_done(struct run *run)
{
	if (run->undone != NULL) {
		g_array_free(run->undone, TRUE);
		g_array_free(run->undone_all, TRUE);
	}
}
