/* Statements, one at a time, each with a deadline.
 *
 * A statement is prepared when a connection needs it first. The server itself gives a statement up
 * after the setting `timeout` (setup.c), which leaves the connection sound; here the wait is a
 * little longer, for a server that does not even say that. Then the connection is condemned.
 * Whatever fails is told apart in cause.c. Runs on the thread of its instance.
 */
#include "internal.h"

#include <stdio.h>

#define GRACE_NS   UINT64_C(2000000000)
#define COPY_CHUNK 65536

static const struct {
	const char *name, *doing, *sql;
} statements[] = {
#define STATEMENT(name, doing, sql) [YETT_PG_##name##_STATEMENT] = {#name, doing, sql},
	YETT_PG_STATEMENTS(STATEMENT)
#undef STATEMENT
};

static uint64_t deadline(const struct yett_pg *store)
{
	return store->host->monotonic_ns(store->host->instance) + store->settings->timeout_ns +
	       GRACE_NS;
}

/* Sends what libpq holds, taking in what comes meanwhile. */
static int flush(
	struct yett_pg *store, uint64_t until_ns, const char *doing, struct yett_error *error)
{
	int left;

	while ((left = PQflush(store->connection)) == 1) {
		int ready = yett_pg_wait(store, true, until_ns);

		if (ready <= 0 || PQconsumeInput(store->connection) == 0) {
			return yett_pg_fail_lost(store, error, ready == 0, doing);
		}
	}
	return left == 0 ? 0 : yett_pg_fail_lost(store, error, false, doing);
}

/* The next result, or NULL at the end of what was asked. */
static int take(struct yett_pg *store, uint64_t until_ns, PGresult **ret_result, const char *doing,
	struct yett_error *error)
{
	while (PQisBusy(store->connection)) {
		int ready = yett_pg_wait(store, false, until_ns);

		if (ready <= 0 || PQconsumeInput(store->connection) == 0) {
			return yett_pg_fail_lost(store, error, ready == 0, doing);
		}
	}
	*ret_result = PQgetResult(store->connection);
	return 0;
}

static bool is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN;
}

/* All results of what was sent; the last one is answered. A failure is the first one's. */
static int finish(
	struct yett_pg *store, PGresult **ret_result, const char *doing, struct yett_error *error)
{
	uint64_t until_ns = deadline(store);
	PGresult *last = NULL, *next = NULL;
	int result = flush(store, until_ns, doing, error), failed = 0;

	while (result == 0 && (result = take(store, until_ns, &next, doing, error)) == 0 &&
		next != NULL) {
		if (failed == 0 && !is_good(next)) {
			failed = yett_pg_fail_result(store, error, next, doing);
		}
		PQclear(last);
		last = next;
		if (PQresultStatus(next) == PGRES_COPY_IN) {
			break;
		}
	}
	result = result < 0 ? result : failed;
	if (result < 0 || ret_result == NULL) {
		PQclear(last);
		return result;
	}
	*ret_result = last;
	return 0;
}

static int sent(struct yett_pg *store, int good, PGresult **ret_result, const char *doing,
	struct yett_error *error)
{
	return good == 1 ? finish(store, ret_result, doing, error)
			 : yett_pg_fail_lost(store, error, false, doing);
}

static int prepare(struct yett_pg *store, enum yett_pg_statement which, struct yett_error *error)
{
	int result;

	if (store->prepared[which]) {
		return 0;
	}
	result = sent(store,
		PQsendPrepare(
			store->connection, statements[which].name, statements[which].sql, 0, NULL),
		NULL, statements[which].doing, error);
	store->prepared[which] = result == 0;
	return result;
}

struct pointers {
	const char *values[YETT_PG_ARGS_MAX];
	int formats[YETT_PG_ARGS_MAX];
};

/* Only now, since the bytes have moved while they grew. */
static int point(const struct yett_pg *store, const struct yett_pg_args *args,
	struct pointers *ret_pointers, struct yett_error *error)
{
	if (args == NULL) {
		return 0;
	}
	if (args->bytes.failed) {
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for a statement");
	}
	for (int i = 0; i < args->count; i++) {
		ret_pointers->values[i] = args->lengths[i] < 0 ? NULL
					  : args->bytes.at != NULL
						  ? (const char *)args->bytes.at + args->starts[i]
						  : "";
		ret_pointers->formats[i] = 1;
	}
	return 0;
}

int yett_pg_run(struct yett_pg *store, enum yett_pg_statement which,
	const struct yett_pg_args *args, PGresult **ret_result, struct yett_error *error)
{
	struct pointers pointers;
	int result = point(store, args, &pointers, error);

	if (result < 0 || (result = prepare(store, which, error)) < 0) {
		return result;
	}
	return sent(store,
		PQsendQueryPrepared(store->connection, statements[which].name,
			args != NULL ? args->count : 0, pointers.values,
			args != NULL ? args->lengths : NULL, pointers.formats, 1),
		ret_result, statements[which].doing, error);
}

int yett_pg_do(struct yett_pg *store, enum yett_pg_statement which, struct yett_pg_args *args,
	int64_t *ret_changes, struct yett_error *error)
{
	PGresult *rows = NULL;
	int result = yett_pg_run(store, which, args, &rows, error);

	if (result == 0 && ret_changes != NULL) {
		long long changes = 0;

		(void)sscanf(PQcmdTuples(rows), "%lld", &changes);
		*ret_changes = changes;
	}
	PQclear(rows);
	if (args != NULL) {
		yett_pg_args_done(args);
	}
	return result;
}

int yett_pg_ask(struct yett_pg *store, const char *sql, const struct yett_pg_args *args,
	const char *doing, PGresult **ret_result, struct yett_error *error)
{
	struct pointers pointers;
	int result = point(store, args, &pointers, error);

	return result < 0 ? result
			  : sent(store,
				    PQsendQueryParams(store->connection, sql, args->count, NULL,
					    pointers.values, args->lengths, pointers.formats, 1),
				    ret_result, doing, error);
}

int yett_pg_text_run(struct yett_pg *store, const char *sql, const char *doing,
	PGresult **ret_result, struct yett_error *error)
{
	return sent(store, PQsendQuery(store->connection, sql), ret_result, doing, error);
}

static int send_rows(struct yett_pg *store, const struct yett_pg_bytes *bytes, const char *doing,
	struct yett_error *error)
{
	for (size_t at = 0; at < bytes->length;) {
		size_t left = bytes->length - at;
		int length = left < COPY_CHUNK ? (int)left : COPY_CHUNK;
		int result = PQputCopyData(store->connection, (const char *)bytes->at + at, length);

		if (result < 0) {
			return yett_pg_fail_lost(store, error, false, doing);
		}
		at += result > 0 ? (size_t)length : 0;
		if ((result = flush(store, deadline(store), doing, error)) < 0) {
			return result;
		}
	}
	return 0;
}

int yett_pg_copy(struct yett_pg *store, enum yett_pg_statement which,
	const struct yett_pg_bytes *bytes, struct yett_error *error)
{
	const char *doing = statements[which].doing;
	int result;

	if (bytes->failed) {
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for records");
	}
	result = sent(store,
		PQsendQueryParams(
			store->connection, statements[which].sql, 0, NULL, NULL, NULL, NULL, 1),
		NULL, doing, error);
	if (result < 0 || (result = send_rows(store, bytes, doing, error)) < 0) {
		return result;
	}
	if (PQputCopyEnd(store->connection, NULL) < 0) {
		return yett_pg_fail_lost(store, error, false, doing);
	}
	return finish(store, NULL, doing, error);
}
