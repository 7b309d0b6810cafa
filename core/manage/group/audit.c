/* For how long it is known who has changed what.
 *
 * Responsible for deleting records of the table `audit` that are older than `audit.keep`, and the oldest beyond
 * `audit.most`, some at a time, by the server that holds the lease, and for saying so. Not responsible for
 * writing them (change.c), which is part of the change itself. On the loop, but for the reading.
 *
 * A clock that is wrong must not delete them all: their age counts from the newest of them at most, and only
 * where this server's clock has gone evenly for some hours. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/log.h"
#include "../../flow/stages.h"
#include "../admission/court.h"

#define FIRST_NS (60 * YETT_SEC)
#define PAUSE_NS (6 * 3600 * YETT_SEC)
#define MORE_NS  (10 * YETT_SEC) /* where more is to be deleted */
#define JUMP_NS  (600 * (int64_t)YETT_SEC)
#define ROUND    1000

struct yett_audit {
	struct yett_manage *manage; /* NULL: nobody waits any more */
	bool busy;
	uint64_t next_ns;
	/* Since when the clock goes evenly: both clocks, then. */
	int64_t wall_ns;
	uint64_t steady_ns;
	/* by the reader's thread */
	GPtrArray *oldest; /* keys, at most ROUND, in their order */
	uint64_t count;
	int64_t newest_ns;
	int result;
};

static void audit_free(struct yett_audit *audit)
{
	g_ptr_array_free(audit->oldest, TRUE);
	g_free(audit);
}

void yett_audit_open(struct yett_manage *manage)
{
	struct yett_audit *audit = g_new0(struct yett_audit, 1);

	audit->manage = manage;
	manage->audit_pause_ns = PAUSE_NS;
	audit->oldest = g_ptr_array_new_with_free_func(g_free);
	audit->next_ns = yett_now(manage->node) + FIRST_NS;
	manage->audit = audit;
}

void yett_audit_done(struct yett_manage *manage)
{
	struct yett_audit *audit = manage->audit;

	manage->audit = NULL;
	if (audit != NULL && audit->busy) {
		audit->manage = NULL; /* its completion frees it */
	} else if (audit != NULL) {
		audit_free(audit);
	}
}

/* Keys begin with their time, in 19 digits: their order is that of time. */
static int64_t time_of(const char *key)
{
	return g_ascii_strtoll(key, NULL, 10);
}

static int see(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct yett_audit *audit = arg;
	GPtrArray *oldest = audit->oldest;
	guint at = oldest->len;

	(void)json;
	(void)revision;
	audit->count++;
	audit->newest_ns = MAX(audit->newest_ns, time_of(key));
	while (at > 0 && strcmp(key, oldest->pdata[at - 1]) < 0) {
		at--; /* stores tell them in order, so that this is rare */
	}
	if (at < ROUND) {
		g_ptr_array_insert(oldest, (gint)at, g_strdup(key));
		if (oldest->len > ROUND) {
			g_ptr_array_set_size(oldest, ROUND);
		}
	}
	return 0;
}

static void read_all(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct yett_audit *audit = arg;

	audit->count = 0;
	audit->newest_ns = 0;
	g_ptr_array_set_size(audit->oldest, 0);
	audit->result = operations->registry_list(self, YETT_TABLE_AUDIT, NULL, see, audit, NULL);
}

/* What is older than that goes; 0: nothing does. */
static int64_t before_ns(const struct yett_audit *audit)
{
	const struct yett_node *node = audit->manage->node;
	int64_t now_ns = yett_clock_wall(node->clock);

	if (yett_now(node) - audit->steady_ns < audit->manage->audit_pause_ns) {
		return 0;
	}
	return MIN(now_ns, audit->newest_ns) - (int64_t)node->settings->audit.keep_ns;
}

static void retire(struct yett_audit *audit)
{
	struct yett_manage *manage = audit->manage;
	uint64_t most = (uint64_t)manage->node->settings->audit.most, aged = 0, over = 0;
	int64_t before = before_ns(audit);

	for (guint i = 0; i < audit->oldest->len; i++) {
		const char *key = audit->oldest->pdata[i];
		bool old = time_of(key) < before;

		if (!old && audit->count - i <= most) {
			break;
		}
		aged += old;
		over += !old;
		yett_store_document(manage->node, YETT_TABLE_AUDIT, key, NULL);
	}
	if (aged + over > 0) {
		yett_log(over > 0 ? YETT_LOG_WARNING : YETT_LOG_NOTICE, "audit-retired",
			over > 0
				? "there are more records of who has changed what than audit.most, "
				  "and the oldest of them are deleted; take them elsewhere "
				  "(yettctl audit --json), or raise it aged=%" PRIu64
				  " over=%" PRIu64
				: "records of who has changed what are older than audit.keep, and "
				  "are deleted aged=%" PRIu64 " over=%" PRIu64,
			aged, over);
	}
	if (aged + over == ROUND) {
		audit->next_ns = yett_now(manage->node) + MORE_NS;
	}
}

static void seen(void *arg)
{
	struct yett_audit *audit = arg;

	audit->busy = false;
	if (audit->manage == NULL) {
		audit_free(audit);
		return;
	}
	if (audit->result == 0 && audit->manage->node->readers != NULL) {
		retire(audit);
	}
	g_ptr_array_set_size(audit->oldest, 0);
}

/* Whether the clock has jumped since it was looked at last. */
static void mind_clock(struct yett_audit *audit, uint64_t now_ns)
{
	int64_t wall_ns = yett_clock_wall(audit->manage->node->clock);
	int64_t drift_ns = (wall_ns - audit->wall_ns) - (int64_t)(now_ns - audit->steady_ns);

	if (audit->steady_ns == 0 || drift_ns > JUMP_NS || drift_ns < -JUMP_NS) {
		audit->wall_ns = wall_ns;
		audit->steady_ns = now_ns;
	}
}

void yett_audit_tick(struct yett_manage *manage, uint64_t now_ns)
{
	struct yett_audit *audit = manage->audit;

	mind_clock(audit, now_ns);
	if (audit->busy || now_ns < audit->next_ns || manage->node->draining ||
		!yett_lease_held(manage) || !yett_store_healthy(manage->node)) {
		return;
	}
	audit->busy = true;
	audit->next_ns = now_ns + manage->audit_pause_ns;
	yett_readers_call(manage->node, YETT_READ_LONG, read_all, seen, audit);
}
