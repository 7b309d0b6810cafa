/* What administrators decide, written down.
 *
 * Responsible for changing one document by compare-and-set, with its audit record. Not responsible for
 * which changes there are (decide.c, settings.c), nor for what a decision brings about (court.c).
 *
 * On the loop. A change that another administrator was faster with is refused, and what is known here
 * is read again: nothing is overwritten unseen. The audit record goes into the transaction after the
 * change's own; the document itself says by whom and when, too. */
#include <inttypes.h>
#include <string.h>

#include "../base/id.h"
#include "../flow/stages.h"
#include "court.h"

struct change {
	struct yett_court *court;
	char *table, *key, *text, *before, *by, *what;
	yett_changed_fn done;
	void *arg;
	/* reading again, after a conflict */
	char *present;
	uint64_t revision;
	int result;
};

static void change_free(struct change *change)
{
	g_free(change->table);
	g_free(change->key);
	free(change->text);
	free(change->before);
	g_free(change->by);
	g_free(change->what);
	g_free(change->present);
	g_free(change);
}

static json_t *object_of(const char *text)
{
	json_t *json = text != NULL ? json_loads(text, 0, NULL) : NULL;

	return json != NULL ? json : json_null();
}

void yett_manage_audit(struct yett_manage *manage, const char *by, const char *action,
	const char *table, const char *key, const char *before, const char *after)
{
	const struct yett_node *node = manage->node;
	int64_t now_ns = yett_clock_wall(node->clock);
	struct yett_id random = yett_id_new(node->clock);
	char id[YETT_ID_TEXT_SIZE], at[32], place[64];
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "at",
		yett_time_text(now_ns, at, sizeof(at)), "by", by, "server", node->name, "action",
		action, "table", table, "key", key, "before", object_of(before), "after",
		object_of(after));
	char *text = json_dumps(json, JSON_COMPACT);

	/* In the order of time. */
	g_snprintf(place, sizeof(place), "%019" PRId64 "-%s", now_ns, yett_id_text(&random, id));
	yett_store_document(manage->node, YETT_TABLE_AUDIT, place, text);
	free(text);
	json_decref(json);
}

static void finish(struct change *change, int result)
{
	change->done(change->arg, result);
	change_free(change);
}

static int see(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct change *change = arg;

	if (strcmp(key, change->key) == 0) {
		g_free(change->present);
		change->present = g_strdup(json);
		change->revision = revision;
	}
	return 0;
}

static void read_again(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct change *change = arg;
	struct yett_error error = {.code = 0};

	change->result =
		operations->registry_list(self, change->table, change->key, see, change, &error);
}

static void seen(void *arg)
{
	struct change *change = arg;

	if (change->result == 0) {
		yett_court_apply(change->court, change->table, change->key, change->present,
			change->revision);
	}
	finish(change, YETT_ECONFLICT);
}

/* Who was decided on waits no longer. */
static void no_longer_pending(struct yett_court *court, const char *name)
{
	if (yett_court_find(court, YETT_TABLE_PENDING, name) != NULL) {
		yett_store_document(court->manage->node, YETT_TABLE_PENDING, name, NULL);
		yett_court_apply(court, YETT_TABLE_PENDING, name, NULL, 0);
	}
}

static void changed(void *arg, int result, uint64_t revision)
{
	struct change *change = arg;
	struct yett_court *court = change->court;

	if (result == YETT_ECONFLICT) {
		yett_store_call(court->manage->node, read_again, seen, change);
		return;
	}
	if (result == 0) {
		if (change->by != NULL) {
			yett_manage_audit(court->manage, change->by, change->what, change->table,
				change->key, change->before, change->text);
		}
		if (strcmp(change->table, YETT_TABLE_GATEWAYS) == 0 ||
			strcmp(change->table, YETT_TABLE_AGENTS) == 0) {
			no_longer_pending(court, change->key);
		}
		yett_court_apply(court, change->table, change->key, change->text, revision);
	}
	finish(change, result);
}

void yett_court_change(struct yett_court *court, const char *table, const char *key, json_t *json,
	const char *by, const char *what, yett_changed_fn done, void *arg)
{
	const struct yett_paper *paper = yett_court_find(court, table, key);
	struct change *change = g_new0(struct change, 1);

	change->court = court;
	change->table = g_strdup(table);
	change->key = g_strdup(key);
	change->text = json_dumps(json, JSON_COMPACT);
	change->before = paper != NULL ? json_dumps(paper->json, JSON_COMPACT) : NULL;
	change->by = g_strdup(by);
	change->what = g_strdup(what);
	change->done = done;
	change->arg = arg;
	json_decref(json);
	yett_store_change(court->manage->node, table, key, change->text,
		paper != NULL ? paper->revision : 0, changed, change);
}
