/* Which epochs of an origin are open, and what becomes of those beyond their limit.
 *
 * An origin has so many open starts at most. Where it has them all, the oldest of which nothing has come for
 * an hour gives way to a newer one. Else it is refused, to come again later: but not for ever, since whoever
 * holds what is refused holds all that came with it, too. An origin of which something has been refused, here
 * or for the pieces of a lane (epoch.c), for an hour without a pause as long, is taken beyond the limit: what
 * lacks is then lost by inference, which only says so, and is received if it comes. That is remembered in
 * memory alone: it begins anew with each start, and each management server keeps its own time. Within a write
 * transaction.
 */
#include "internal.h"

#include <stdlib.h>

/* For so long nothing has come of an epoch that is given up for a new one. */
#define QUIET_NS INT64_C(3600000000000)
/* For so long an origin is refused. */
#define PATIENCE_NS UINT64_C(3600000000000)
/* Origins that are remembered; then all are forgotten. */
#define REFUSED_MAX 65536

struct refused {
	uint64_t since_ns, last_ns; /* monotonic */
};

bool yett_sqlite_patience_ends(struct yett_sqlite *store, const struct yett_id *origin)
{
	uint64_t now_ns = store->host->monotonic_ns(store->host->instance);
	struct yett_sqlite_map_slot *slot =
		yett_sqlite_map_find(&store->refused, origin, sizeof(*origin));
	struct refused *refused = slot != NULL ? slot->pointer : NULL;

	if (refused == NULL) {
		if (store->refused.count >= REFUSED_MAX) {
			yett_sqlite_map_clear(&store->refused, free);
		}
		refused = calloc(1, sizeof(*refused));
		slot = refused != NULL
			       ? yett_sqlite_map_put(&store->refused, origin, sizeof(*origin))
			       : NULL;
		if (slot == NULL) {
			free(refused);
			return false;
		}
		slot->pointer = refused;
		refused->since_ns = now_ns;
	} else if (now_ns - refused->last_ns > PATIENCE_NS) {
		refused->since_ns = now_ns;
	}
	refused->last_ns = now_ns;
	return now_ns - refused->since_ns >= PATIENCE_NS;
}

int yett_sqlite_epoch_may_open(struct yett_sqlite *store, int64_t origin,
	const struct yett_epoch *epoch, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int64_t open;
	int result = yett_sqlite_prepare(
		store, YETT_SQLITE_EPOCH_OPEN_COUNT_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, origin);
	sqlite3_bind_int64(statement, 2, (int64_t)epoch->ordinal);
	sqlite3_bind_int64(statement, 3, (int64_t)epoch->random);
	sqlite3_bind_int64(statement, 4, YETT_EPOCHS_OPEN_MAX); /* no matter how many more */
	result = yett_sqlite_number(store, statement, "count open epochs", 0, &open, error);
	return result < 0 ? result : open < YETT_EPOCHS_OPEN_MAX;
}

static int set_state(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch, uint32_t state,
	struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result =
		yett_sqlite_prepare(store, YETT_SQLITE_EPOCH_STATE_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	/* At once, since the next count of open epochs must see it. */
	sqlite3_bind_int64(statement, 1, epoch->id);
	sqlite3_bind_int(statement, 2, (int)state);
	result = yett_sqlite_run(store, statement, "open an epoch", error);
	if (result == 0) {
		epoch->state = state;
	}
	return result;
}

/* The oldest start of the origin that has been quiet for long, though there are later ones; 1: there is one. */
static int find_quiet(struct yett_sqlite *store, int64_t origin, uint64_t below, int64_t now_ns,
	struct yett_epoch *ret_epoch, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int code, result = yett_sqlite_prepare(
			  store, YETT_SQLITE_EPOCH_QUIET_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, origin);
	sqlite3_bind_int64(statement, 2, now_ns - QUIET_NS);
	sqlite3_bind_int64(statement, 3, (int64_t)below);
	sqlite3_bind_int64(statement, 4, (int64_t)YETT_EPOCHS_OPEN_MAX * YETT_LANES);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		ret_epoch->ordinal = (uint64_t)sqlite3_column_int64(statement, 0);
		ret_epoch->random = (uint64_t)sqlite3_column_int64(statement, 1);
		result = 1;
	} else if (code != SQLITE_DONE) {
		result = yett_sqlite_fail(store, error, code, "look for an epoch");
	}
	sqlite3_reset(statement);
	return result;
}

/* Nobody will ever tell how far it went, or what is left of it: what lacks is lost, by inference, as for an
 * origin that holds nothing more of it. What comes of it all the same is received. */
static int give_up(
	struct yett_sqlite *store, struct yett_sqlite_epoch *epoch, struct yett_error *error)
{
	uint64_t end = epoch->highest + 1 > epoch->next ? epoch->highest + 1 : epoch->next;

	epoch->oldest = epoch->oldest > end ? epoch->oldest : end;
	epoch->next = end;
	epoch->closed = epoch->dirty = true;
	return set_state(store, epoch, YETT_SQLITE_COMPLETE, error);
}

/* Makes room for one more open epoch: an origin that is put back to one snapshot again and again forgets its
 * starts, tells of none that it is over, and would be refused for ever. 1 if there is room now. */
static int make_room(struct yett_sqlite *store, int64_t origin, uint64_t below, int64_t now_ns,
	struct yett_error *error)
{
	struct yett_sqlite_epoch *lanes[YETT_LANES] = {NULL};
	struct yett_epoch quiet = {0, 0};
	int result = find_quiet(store, origin, below, now_ns, &quiet, error);

	if (result <= 0) {
		return result;
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		if ((result = yett_sqlite_epoch_find(
			     store, origin, &quiet, lane, false, &lanes[lane], error)) < 0) {
			return result;
		}
		if (lanes[lane] != NULL && lanes[lane]->changed_ns >= now_ns - QUIET_NS) {
			return 0; /* in this very transaction */
		}
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		if (lanes[lane] != NULL && lanes[lane]->state == YETT_SQLITE_OPEN &&
			(result = give_up(store, lanes[lane], error)) < 0) {
			return result;
		}
	}
	return 1;
}

int yett_sqlite_epoch_admit(struct yett_sqlite *store, int64_t origin,
	const struct yett_batch_info *info, int64_t now_ns, struct yett_sqlite_epoch **ret_epoch,
	struct yett_error *error)
{
	struct yett_sqlite_epoch *epoch;
	bool beyond = false;
	int result = yett_sqlite_epoch_find(
		store, origin, &info->epoch, info->lane, false, &epoch, error);

	if (result < 0) {
		return result;
	}
	/* A complete one is not opened until a number of it lacks (epoch.c). */
	if (epoch != NULL && epoch->state != YETT_SQLITE_TOLD) {
		*ret_epoch = epoch;
		return 1;
	}
	result = yett_sqlite_epoch_may_open(store, origin, &info->epoch, error);
	if (result == 0) {
		result = make_room(store, origin, info->epoch.ordinal, now_ns, error);
	}
	if (result == 0) {
		beyond = yett_sqlite_patience_ends(store, &info->origin);
		result = beyond;
	}
	if (result <= 0 || (result = yett_sqlite_epoch_find(store, origin, &info->epoch, info->lane,
				    true, &epoch, error)) < 0) {
		return result;
	}
	/* Of one beyond the limit each batch is taken for all that there is, so that it is never open. */
	result = beyond ? give_up(store, epoch, error)
			: set_state(store, epoch, YETT_SQLITE_OPEN, error);
	if (result < 0) {
		return result;
	}
	*ret_epoch = epoch;
	return 1;
}
