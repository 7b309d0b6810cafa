/* Tells what has changed in the registry, whichever management server changed it.
 *
 * What there is to tell is read from the table, above the revision that the caller has seen: so
 * nothing is missed while the connection is gone, and nothing depends on a notification but how soon
 * it is told. NOTIFY at each commit that changed the registry (write.c) wakes whoever waits here. On
 * a reader of its own, since it waits most of the time, and at the primary, since a standby takes no LISTEN.
 */
#include "internal.h"

#include <inttypes.h>

static int visit_since(struct yett_pg *store, uint64_t after, yett_change_fn visit, void *arg,
	bool *ret_any, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	bool any;
	int result;

	yett_pg_arg_int(&args, (int64_t)(after > INT64_MAX ? INT64_MAX : after));
	result = yett_pg_run(store, YETT_PG_REGISTRY_SINCE_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	if (result < 0) {
		return result;
	}
	any = PQntuples(rows) > 0 && !PQgetisnull(rows, 0, 0);
	if (!any && PQntuples(rows) > 0 && (uint64_t)yett_pg_int(rows, 0, 4) < after) {
		result = store->host->fail(error, YETT_ECONFLICT, "read it anew",
			"registry: it is at revision %" PRId64 ", not at %" PRIu64
			": it was put back from a copy",
			yett_pg_int(rows, 0, 4), after);
	}
	for (int i = 0; any && result == 0 && i < PQntuples(rows); i++) {
		result = visit(arg, yett_pg_text(rows, i, 0), yett_pg_text(rows, i, 1),
			yett_pg_text(rows, i, 2), (uint64_t)yett_pg_int(rows, i, 3));
	}
	PQclear(rows);
	*ret_any = any;
	return result;
}

/* What has been said so far is said: the table is read after this. */
static void drain(struct yett_pg *store)
{
	PGnotify *notification;

	while ((notification = PQnotifies(store->connection)) != NULL) {
		PQfreemem(notification);
	}
}

int yett_pg_watch(void *self, uint64_t after, uint64_t timeout_ns, yett_change_fn visit, void *arg,
	struct yett_error *error)
{
	struct yett_pg *store = self;
	uint64_t until_ns = store->host->monotonic_ns(store->host->instance) + timeout_ns;

	store->needs_primary = true;
	for (;;) {
		int result = yett_pg_ready(store, error), ready;
		bool any = false;

		if (result == 0 && !store->listening) {
			result = yett_pg_text_run(store, "LISTEN yett", "listen", NULL, error);
			store->listening = result == 0;
		}
		if (result < 0) {
			return result;
		}
		drain(store);
		result = visit_since(store, after, visit, arg, &any, error);
		if (result != 0 || any) {
			return result;
		}
		ready = yett_pg_wait(store, false, until_ns);
		if (ready == 0) {
			return 0;
		}
		if (ready < 0 || PQconsumeInput(store->connection) == 0) {
			return yett_pg_fail_lost(store, error, false, "listen");
		}
	}
}
