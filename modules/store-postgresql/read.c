/* The smaller readings: sources' positions, forks, figures. */
#include "internal.h"

int yett_pg_positions(void *self, const char *prefix,
	int (*visit)(void *arg, const char *key, const void *position, size_t length), void *arg)
{
	struct yett_pg *store = self;
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result = yett_pg_ready(store, NULL);

	if (result < 0) {
		return result;
	}
	yett_pg_arg_text(&args, prefix != NULL ? prefix : "");
	result = yett_pg_run(store, YETT_PG_POSITION_LIST_STATEMENT, &args, &rows, NULL);
	yett_pg_args_done(&args);
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		result = visit(arg, yett_pg_text(rows, i, 0), PQgetvalue(rows, i, 1),
			(size_t)PQgetlength(rows, i, 1));
	}
	PQclear(rows);
	return result;
}

int yett_pg_forks(
	void *self, int64_t since_ns, yett_fork_fn visit, void *arg, struct yett_error *error)
{
	struct yett_pg *store = self;
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result = yett_pg_ready(store, error);

	if (result < 0) {
		return result;
	}
	yett_pg_arg_int(&args, since_ns);
	result = yett_pg_run(store, YETT_PG_FORK_LIST_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		const struct yett_fork fork = {
			.size = sizeof(fork),
			.origin = yett_pg_uuid(rows, i, 0),
			.origin_name = yett_pg_text(rows, i, 1),
			.gateway = yett_pg_text(rows, i, 2),
			.batches = (uint64_t)yett_pg_int(rows, i, 3),
			.newest_ns = yett_pg_int(rows, i, 4),
		};

		result = visit(arg, &fork);
	}
	PQclear(rows);
	return result;
}

int yett_pg_stats(void *self, struct yett_store_stats *ret_stats, struct yett_error *error)
{
	struct yett_pg *store = self;
	struct yett_store_stats stats = {.size = sizeof(stats)};
	PGresult *rows = NULL;
	int result = yett_pg_ready(store, error);

	if (result < 0 ||
		(result = yett_pg_run(store, YETT_PG_STATS_STATEMENT, NULL, &rows, error)) < 0) {
		return result;
	}
	stats.generation = (uint64_t)yett_pg_int(rows, 0, 0);
	stats.store_id = yett_pg_uuid(rows, 0, 1);
	stats.records = (uint64_t)yett_pg_int(rows, 0, 2);
	stats.dead = (uint64_t)yett_pg_int(rows, 0, 3);
	stats.forks = (uint64_t)yett_pg_int(rows, 0, 4);
	stats.bytes = (uint64_t)yett_pg_int(rows, 0, 5);
	PQclear(rows);
	*ret_stats = stats;
	return 0;
}
