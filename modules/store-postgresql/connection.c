/* The connection to the server: made within a time, judged, condemned, made again.
 *
 * libpq is used without blocking: each wait is a poll of its socket with a deadline, so that a
 * server that hangs holds nobody longer than the settings say, and the next one is tried (hosts.c). (Looking up a host's name is the one
 * step that libpq waits for by itself; `hostaddr` in the connection spares it. And a KDC, where Kerberos is
 * asked for.) A failure to
 * connect is remembered: until a pause has passed, which doubles up to its limit, it is answered
 * again instead of another attempt. Runs on the thread of its instance.
 */
#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MIN_NS UINT64_C(200000000)
#define PAUSE_MAX_NS UINT64_C(3000000000)
#define MS_NS        UINT64_C(1000000)
/* For so long a reader stays at a standby. */
#define SECOND_BEST_NS UINT64_C(30000000000)

static uint64_t now(const struct yett_pg *store)
{
	return store->host->monotonic_ns(store->host->instance);
}

int yett_pg_wait(struct yett_pg *store, bool write, uint64_t until_ns)
{
	struct pollfd poller = {.fd = PQsocket(store->connection),
		.events = (short)(POLLIN | (write ? POLLOUT : 0))};

	if (poller.fd < 0) {
		return YETT_ECLOSED;
	}
	for (;;) {
		uint64_t at = now(store);
		uint64_t left_ms = at < until_ns ? (until_ns - at + MS_NS - 1) / MS_NS : 0;
		int ready = poll(&poller, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);

		if (ready > 0) {
			return 1;
		}
		if (ready < 0 && errno != EINTR) {
			return YETT_EIO;
		}
		if (ready == 0 && left_ms == 0) {
			return 0;
		}
	}
}

#define WORDS_MAX 16

/* Defaults that the configuration, being behind them, overrides; and where it is to begin, behind that. */
static PGconn *begin_to_connect(const struct yett_pg *store, const char *target)
{
	bool writer = store->mode == YETT_STORE_WRITER;
	const char *keywords[WORDS_MAX] = {"fallback_application_name", "client_encoding",
		"tcp_user_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count",
		"gssencmode", "target_session_attrs", "dbname"};
	const char *values[WORDS_MAX] = {writer ? "yett" : "yett-reader", "UTF8", "15000", "10",
		"3", "3", "disable", target, store->settings->connection};
	char *turned[YETT_PG_HOST_LISTS];
	PGconn *connection;
	int own = 0, count;

	while (keywords[own] != NULL) {
		own++;
	}
	count = yett_pg_hosts_turn(&store->hosts, keywords + own, turned);
	for (int i = 0; i < count; i++) {
		values[own + i] = turned[i];
	}
	connection = PQconnectStartParams(keywords, values, 1);
	for (int i = 0; i < count; i++) {
		free(turned[i]);
	}
	return connection;
}

static int finish_connecting(struct yett_pg *store, struct yett_error *error)
{
	uint64_t until_ns = now(store) + store->settings->connect_timeout_ns;
	PostgresPollingStatusType step = PGRES_POLLING_WRITING;

	while (step != PGRES_POLLING_OK) {
		int ready;

		if (step == PGRES_POLLING_FAILED) {
			return yett_pg_fail_connect(
				store, error, PQerrorMessage(store->connection));
		}
		ready = yett_pg_wait(store, step == PGRES_POLLING_WRITING, until_ns);
		if (ready <= 0) {
			return yett_pg_fail_connect(store, error, NULL);
		}
		step = PQconnectPoll(store->connection);
	}
	return 0;
}

/* Of those that do not fail what was asked only a warning says something, while a commit is under way: such as
 * that it is not at the standby that it was to wait for. Two kinds do not, by the function of the server that
 * they come from: somebody listens and does not hear, and what a trigger of somebody's own says. */
static void heed_notice(void *arg, const PGresult *result)
{
	struct yett_pg *store = arg;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *from = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);

	if (from != NULL && (strcmp(from, "asyncQueueFillWarning") == 0 ||
				    strcmp(from, "exec_stmt_raise") == 0)) {
		return;
	}
	if (severity != NULL && strcmp(severity, "WARNING") == 0) {
		snprintf(store->warning, sizeof(store->warning), "%s",
			text != NULL && text[0] != '\0' ? text : "a warning");
	}
}

static int connect_once(struct yett_pg *store, const char *target, struct yett_error *error)
{
	int result;

	store->state_code[0] = store->last_text[0] = store->last_mend[0] = '\0';
	store->connection = begin_to_connect(store, target);
	if (store->connection == NULL) {
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for a connection");
	}
	if (PQstatus(store->connection) == CONNECTION_BAD) {
		result = yett_pg_fail_connect(store, error, PQerrorMessage(store->connection));
		goto out;
	}
	yett_pg_hosts_learn(&store->hosts, store->connection);
	/* A refusal then carries its code, which is the same in all languages. */
	PQsetErrorVerbosity(store->connection, PQERRORS_VERBOSE);
	PQsetErrorContextVisibility(store->connection, PQSHOW_CONTEXT_NEVER);
	PQsetNoticeReceiver(store->connection, heed_notice, store);
	if ((result = finish_connecting(store, error)) < 0) {
		goto out;
	}
	PQsetErrorVerbosity(store->connection, PQERRORS_DEFAULT);
	if (PQsetnonblocking(store->connection, 1) != 0) {
		result = yett_pg_fail_lost(store, error, false, "set up the connection");
		goto out;
	}
	store->broken = false;
	/* It may have been put back meanwhile. */
	store->tidied.record_floor = store->tidied.age_cursor = 0;
	yett_pg_volumes_forget(store);
	result = yett_pg_setup(store, error);
out:
	if (result == 0 || result == YETT_ETIMEOUT) {
		yett_pg_hosts_see(&store->hosts, store->connection, result == 0);
	}
	if (result < 0) {
		yett_pg_disconnect(store);
	}
	return result;
}

/* A server that is silent has its time, and so have those after it. */
static int connect_to(struct yett_pg *store, const char *target)
{
	size_t tries = 0;
	int result;

	do {
		result = connect_once(store, target, NULL);
	} while (result == YETT_ETIMEOUT && ++tries < store->hosts.count);
	return result;
}

/* What a standby has may be old, and it does not tell of changes: a reader is there only while there is no
 * primary to be reached, and looks for one again after a while. */
int yett_pg_connect(struct yett_pg *store, struct yett_error *error)
{
	int result = connect_to(store, "read-write");

	store->second_best_ns = 0;
	if ((result == YETT_EUNAVAIL || result == YETT_ETIMEOUT) &&
		store->mode == YETT_STORE_READER && !store->needs_primary) {
		result = connect_to(store, "any");
		store->second_best_ns = now(store);
	}
	return result == 0
		       ? 0
		       : store->host->fail(error, result,
				 store->last_mend[0] != '\0' ? store->last_mend : NULL, "%s",
				 store->last_text[0] != '\0' ? store->last_text
							     : store->host->result_text(result));
}

void yett_pg_disconnect(struct yett_pg *store)
{
	if (store->connection != NULL) {
		PQfinish(store->connection); /* the server rolls back what is open */
		store->connection = NULL;
	}
	memset(store->prepared, 0, sizeof(store->prepared));
	yett_pg_forget(store);
	store->locked = false;
	store->snapshot = false;
	store->listening = false;
}

/* Takes in what the server has said meanwhile: that it is going, for one, and then the end. */
static bool is_sound(struct yett_pg *store)
{
	for (int i = 0; i < 4 && !store->broken && yett_pg_wait(store, false, 0) > 0; i++) {
		store->broken = PQconsumeInput(store->connection) == 0;
		(void)PQisBusy(store->connection); /* reads it */
	}
	return !store->broken && PQstatus(store->connection) == CONNECTION_OK;
}

static bool may_stay(const struct yett_pg *store)
{
	return store->second_best_ns == 0 ||
	       (!store->needs_primary && now(store) - store->second_best_ns < SECOND_BEST_NS);
}

static int again(struct yett_pg *store, struct yett_error *error)
{
	struct yett_error *said = error;
	uint64_t jitter = 0;
	int result;

	result = yett_pg_connect(store, said);
	if (result == 0) {
		if (store->pause_ns > 0) {
			store->host->metric(store->host->instance, YETT_PG_RECONNECTS, 1);
		}
		store->pause_ns = 0;
		return 0;
	}
	store->pause_ns = store->pause_ns == 0 ? PAUSE_MIN_NS : store->pause_ns * 2;
	store->pause_ns = store->pause_ns < PAUSE_MAX_NS ? store->pause_ns : PAUSE_MAX_NS;
	store->host->random_bytes(store->host->instance, &jitter, sizeof(jitter));
	store->not_before_ns = now(store) + store->pause_ns / 2 + jitter % (store->pause_ns / 2);
	store->last_result = result;
	return result;
}

int yett_pg_ready(struct yett_pg *store, struct yett_error *error)
{
	if (store->mode == 0) {
		return store->host->fail(
			error, YETT_EBUG, NULL, "%s: used before it was opened", store->name);
	}
	if (store->connection != NULL &&
		(store->locked || store->snapshot || (may_stay(store) && is_sound(store)))) {
		return 0;
	}
	yett_pg_disconnect(store);
	if (store->pause_ns > 0 && now(store) < store->not_before_ns) {
		return store->host->fail(error, store->last_result,
			store->last_mend[0] != '\0' ? store->last_mend : NULL, "%s",
			store->last_text);
	}
	return again(store, error);
}
