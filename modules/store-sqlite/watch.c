/* Tells what has changed in the registry, whichever process changed it.
 *
 * What there is to tell is read from the tables, above the revision that the caller has seen; that
 * there may be something is told by the kernel, which notes each write to the log. On a reader of its
 * own, since it waits most of the time. Where files cannot be watched, it looks ten times a second.
 */
#include "internal.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define LOOK_NS UINT64_C(100000000)
#define MS_NS   UINT64_C(1000000)

struct change_visit {
	yett_change_fn visit;
	void *arg;
	bool any;
};

static int visit_change(void *arg, sqlite3_stmt *row)
{
	struct change_visit *to = arg;

	to->any = true;
	return to->visit(to->arg, (const char *)sqlite3_column_text(row, 0),
		(const char *)sqlite3_column_text(row, 1),
		(const char *)sqlite3_column_text(row, 2), (uint64_t)sqlite3_column_int64(row, 3));
}

static int visit_since(struct yett_sqlite *store, uint64_t after, struct change_visit *to,
	struct yett_error *error)
{
	sqlite3_stmt *statement;
	int64_t revision;
	int result = yett_sqlite_ready(store, error);

	if (result < 0 ||
		(result = yett_sqlite_meta_number(store, "revision", &revision, error)) < 0) {
		return result;
	}
	if ((uint64_t)revision < after) {
		return store->host->fail(error, YETT_ECONFLICT, "read it anew",
			"registry: it is at revision %" PRId64 ", not at %" PRIu64
			": it was put back from a copy",
			revision, after);
	}
	if ((uint64_t)revision == after) {
		return 0;
	}
	result = yett_sqlite_prepare_own(store,
		"SELECT tbl, key, json, revision FROM registry WHERE revision > ?1 UNION ALL "
		"SELECT tbl, key, NULL, revision FROM gone WHERE revision > ?1 "
		"ORDER BY revision LIMIT 500",
		&statement, error);
	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, (int64_t)after);
	return yett_sqlite_visit(store, statement, "read the registry", visit_change, to, error);
}

/* -1: files cannot be watched. */
static int open_watch(const struct yett_sqlite *store)
{
	size_t room = strlen(store->path) + sizeof("-wal");
	char *log = malloc(room);
	int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (log != NULL && notify >= 0) {
		snprintf(log, room, "%s-wal", store->path);
		if (inotify_add_watch(notify, log, IN_MODIFY) < 0) {
			close(notify);
			notify = -1;
		}
	}
	free(log);
	return notify;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Until something was written, or for so long. */
static void wait_for_write(int notify, uint64_t left_ns)
{
	struct pollfd poller = {.fd = notify, .events = POLLIN};
	uint64_t ms = (notify < 0 ? least(left_ns, LOOK_NS) : left_ns) / MS_NS + 1;
	char events[4096];

	if (poll(&poller, 1, ms > INT32_MAX ? INT32_MAX : (int)ms) > 0) {
		while (read(notify, events, sizeof(events)) > 0) {
		}
	}
}

int yett_sqlite_watch(void *self, uint64_t after, uint64_t timeout_ns, yett_change_fn visit,
	void *arg, struct yett_error *error)
{
	struct yett_sqlite *store = self;
	struct change_visit to = {visit, arg, false};
	uint64_t begun = store->host->monotonic_ns(store->host->instance), passed = 0;
	int result = yett_sqlite_ready(store, error);
	int notify = result == 0 ? open_watch(store) : -1; /* before the first look */

	while (result == 0 && (result = visit_since(store, after, &to, error)) == 0 && !to.any) {
		passed = store->host->monotonic_ns(store->host->instance) - begun;
		if (passed >= timeout_ns) {
			break;
		}
		wait_for_write(notify, timeout_ns - passed);
	}
	if (notify >= 0) {
		close(notify);
	}
	return result;
}
