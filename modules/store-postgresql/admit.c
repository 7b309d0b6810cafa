/* Which epochs of an origin are open, and what becomes of those beyond their limit.
 *
 * An origin has so many open starts at most. Where it has them all, the oldest of which nothing has come for
 * an hour gives way to a newer one. Else it is refused, to come again later: but not for ever, since whoever
 * holds what is refused holds all that came with it, too. An origin of which something has been refused, here
 * or for the pieces of a lane (epoch.c), for an hour without a pause as long, is taken beyond the limit: what
 * lacks is then lost by inference, which only says so, and is received if it comes. That is remembered in
 * memory alone: it begins anew with each start, and each management server keeps its own time. Under the lock.
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

bool yett_pg_patience_ends(struct yett_pg *store, const struct yett_id *origin)
{
	uint64_t now_ns = store->host->monotonic_ns(store->host->instance);
	struct refused *refused = yett_pg_map_find(&store->refused, origin, sizeof(*origin));

	if (refused == NULL) {
		if (store->refused.count >= REFUSED_MAX) {
			yett_pg_map_clear(&store->refused);
		}
		refused = calloc(1, sizeof(*refused));
		if (refused == NULL ||
			yett_pg_map_put(&store->refused, origin, sizeof(*origin), refused) != 0) {
			return false;
		}
		refused->since_ns = now_ns;
	} else if (now_ns - refused->last_ns > PATIENCE_NS) {
		refused->since_ns = now_ns;
	}
	refused->last_ns = now_ns;
	return now_ns - refused->since_ns >= PATIENCE_NS;
}

int yett_pg_open_add(struct yett_pg *store, struct yett_pg_origin *origin,
	const struct yett_epoch *epoch, struct yett_error *error)
{
	if (origin->open_count == origin->open_room) {
		size_t room = origin->open_room > 0 ? 2 * origin->open_room : 8;
		struct yett_epoch *larger = realloc(origin->open, room * sizeof(*larger));

		if (larger == NULL) {
			return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for batches");
		}
		origin->open = larger;
		origin->open_room = room;
	}
	origin->open[origin->open_count++] = *epoch;
	return 0;
}

/* Where it stands among those that are open; their count: nowhere. */
static size_t place_of(const struct yett_pg_origin *origin, const struct yett_epoch *epoch)
{
	size_t i = 0;

	while (i < origin->open_count && (origin->open[i].ordinal != epoch->ordinal ||
						 origin->open[i].random != epoch->random)) {
		i++;
	}
	return i;
}

/* Nobody will ever tell how far it went, or what is left of it: what lacks is lost, by inference, as for an
 * origin that holds nothing more of it. What comes of it all the same is received. */
static void give_up(struct yett_pg_epoch *epoch)
{
	uint64_t end = epoch->highest + 1 > epoch->next ? epoch->highest + 1 : epoch->next;

	epoch->oldest = epoch->oldest > end ? epoch->oldest : end;
	epoch->next = end;
	epoch->closed = epoch->dirty = true;
	epoch->state = YETT_PG_COMPLETE;
}

/* All lanes of one epoch, in `rows`; in the table at once, since the next one is to find another. */
static int give_way(struct yett_pg *store, struct yett_pg_origin *origin, const PGresult *rows,
	int64_t before_ns, struct yett_error *error)
{
	struct yett_pg_epoch *lanes[YETT_LANES] = {NULL};
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	size_t place;
	int result;

	for (int i = 0; i < PQntuples(rows); i++) {
		result = yett_pg_epoch_at_hand(store, &origin->uuid, rows, i, &lanes[i], error);
		if (result < 0 || lanes[i]->changed_ns >= before_ns) {
			return result; /* something of it came in this very put */
		}
	}
	yett_pg_arg_int(&args, origin->id);
	yett_pg_arg_int(&args, (int64_t)lanes[0]->epoch.ordinal);
	yett_pg_arg_int(&args, (int64_t)lanes[0]->epoch.random);
	result = yett_pg_do(store, YETT_PG_EPOCH_GIVE_UP_STATEMENT, &args, NULL, error);
	if (result < 0) {
		return result;
	}
	for (int i = 0; i < PQntuples(rows); i++) {
		if (lanes[i]->state == YETT_PG_OPEN) {
			give_up(lanes[i]);
		}
	}
	place = place_of(origin, &lanes[0]->epoch);
	if (place < origin->open_count) {
		origin->open[place] = origin->open[--origin->open_count];
	}
	return 1;
}

/* Makes room for one more open epoch: an origin that is put back to one snapshot again and again forgets its
 * starts, tells of none that it is over, and would be refused for ever. 1 if there is room now. */
static int make_room(struct yett_pg *store, struct yett_pg_origin *origin, uint64_t below,
	int64_t now_ns, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result;

	yett_pg_arg_int(&args, origin->id);
	yett_pg_arg_int(&args, now_ns - QUIET_NS);
	yett_pg_arg_int(&args, (int64_t)below);
	yett_pg_arg_int(&args, YETT_PG_OPEN_ROWS);
	result = yett_pg_run(store, YETT_PG_EPOCH_QUIET_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	if (result == 0 && PQntuples(rows) > 0 && PQntuples(rows) <= YETT_LANES) {
		result = give_way(store, origin, rows, now_ns - QUIET_NS, error);
	}
	PQclear(rows);
	return result;
}

int yett_pg_epoch_open_again(
	struct yett_pg *store, const struct yett_pg_epoch *epoch, struct yett_error *error)
{
	struct yett_pg_origin *origin = epoch->origin;
	int result = 0;

	if (place_of(origin, &epoch->epoch) == origin->open_count) {
		if (origin->open_count >= YETT_EPOCHS_OPEN_MAX) {
			return 0;
		}
		result = yett_pg_open_add(store, origin, &epoch->epoch, error);
	}
	return result < 0 ? result : 1;
}

int yett_pg_epoch_admit(struct yett_pg *store, struct yett_pg_epoch *epoch, int64_t now_ns,
	struct yett_error *error)
{
	struct yett_pg_origin *origin = epoch->origin;
	bool beyond = false;
	int result;

	/* A complete one is not opened until a number of it lacks (flush.c). */
	if (epoch->made && epoch->state != YETT_PG_TOLD) {
		return 1;
	}
	if (place_of(origin, &epoch->epoch) == origin->open_count) {
		if (origin->open_count >= YETT_EPOCHS_OPEN_MAX) {
			result = make_room(store, origin, epoch->epoch.ordinal, now_ns, error);
			beyond = result == 0 && yett_pg_patience_ends(store, &origin->uuid);
			if (result < 0 || (result == 0 && !beyond)) {
				return result;
			}
		}
		if (!beyond &&
			(result = yett_pg_open_add(store, origin, &epoch->epoch, error)) < 0) {
			return result;
		}
	}
	result = yett_pg_epoch_make(store, epoch, error);
	if (result < 0) {
		return result;
	}
	if (beyond) {
		/* Each batch of it is taken for all that there is, so that it is never open. */
		give_up(epoch);
	} else {
		epoch->state = YETT_PG_OPEN;
	}
	return 1;
}
