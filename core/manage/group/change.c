/* What administrators decide, written down.
 *
 * Responsible for changing one document by compare-and-set, with its audit record, and for forgetting what
 * is known of all of them where the store was put back from a copy. Not responsible for
 * which changes there are (decide.c, settings.c), nor for what a decision brings about (papers.c).
 *
 * On the loop. A change that another administrator was faster with is refused, and what is known here
 * is read again: nothing is overwritten unseen. The audit record, and that whoever is decided on waits
 * no longer, are written in the change's own transaction: there is no decision without its record. */
#include <inttypes.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../../flow/stages.h"
#include "../admission/court.h"

struct change {
	struct yett_court *court;
	char *table, *key, *text;
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
	g_free(change->present);
	g_free(change);
}

static json_t *object_of(const char *text)
{
	json_t *json = text != NULL ? json_loads(text, 0, NULL) : NULL;

	return json != NULL ? json : json_null();
}

char *yett_manage_audit(const struct yett_manage *manage, const char *by, const char *action,
	const char *table, const char *key, const char *before, const char *after,
	char ret_place[YETT_AUDIT_PLACE_SIZE])
{
	const struct yett_node *node = manage->node;
	int64_t now_ns = yett_clock_wall(node->clock);
	struct yett_id random = yett_id_new(node->clock);
	char id[YETT_ID_TEXT_SIZE], at[32];
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "at",
		yett_time_text(now_ns, at, sizeof(at)), "by", by, "server", node->name, "action",
		action, "table", table, "key", key, "before", object_of(before), "after",
		object_of(after));
	char *text = json_dumps(json, JSON_COMPACT);

	/* In the order of time. */
	g_snprintf(ret_place, YETT_AUDIT_PLACE_SIZE, "%019" PRId64 "-%s", now_ns,
		yett_id_text(&random, id));
	json_decref(json);
	return text;
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

	if (change->result == 0 && change->court->manage->node->readers != NULL) { /* it was read */
		yett_court_apply(change->court, change->table, change->key, change->present,
			change->revision);
	}
	finish(change, YETT_ECONFLICT);
}

static bool is_decision(const char *table)
{
	return strcmp(table, YETT_TABLE_GATEWAYS) == 0 || strcmp(table, YETT_TABLE_AGENTS) == 0;
}

static void changed(void *arg, int result, uint64_t revision)
{
	struct change *change = arg;
	struct yett_court *court = change->court;

	if (result == YETT_ECONFLICT) {
		yett_readers_call(court->manage->node, YETT_READ_SHORT, read_again, seen, change);
		return;
	}
	if (result == 0) {
		if (is_decision(change->table) &&
			yett_court_find(court, YETT_TABLE_PENDING, change->key) != NULL) {
			yett_court_apply(court, YETT_TABLE_PENDING, change->key, NULL, 0);
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
	char *before = paper != NULL ? json_dumps(paper->json, JSON_COMPACT) : NULL, *audit = NULL;
	struct yett_store_also also[2];
	char place[YETT_AUDIT_PLACE_SIZE];
	size_t count = 0;

	change->court = court;
	change->table = g_strdup(table);
	change->key = g_strdup(key);
	change->text = json_dumps(json, JSON_COMPACT);
	change->done = done;
	change->arg = arg;
	json_decref(json);
	if (by != NULL) {
		audit = yett_manage_audit(
			court->manage, by, what, table, key, before, change->text, place);
		also[count++] = (struct yett_store_also){YETT_TABLE_AUDIT, place, audit};
	}
	if (is_decision(table)) { /* it waits no longer */
		also[count++] = (struct yett_store_also){YETT_TABLE_PENDING, key, NULL};
	}
	yett_store_change_also(court->manage->node, table, key, change->text,
		paper != NULL ? paper->revision : 0, also, count, changed, change);
	free(audit);
	free(before);
}

/* A store that was put back. */

static void put_back_in(struct yett_court *court, const char *table, GHashTable *papers, bool whole)
{
	GList *keys = g_hash_table_get_keys(papers);

	for (const GList *at = keys; at != NULL; at = at->next) {
		struct yett_paper *paper = g_hash_table_lookup(papers, at->data);

		if (!whole) {
			paper->unsure = true;
			paper->revision = 0; /* whatever it is told with is newer */
		} else if (paper->unsure) {
			paper->unsure = false;
			yett_court_apply(court, table, at->data, NULL, 0);
		}
	}
	g_list_free(keys);
}

void yett_court_put_back(struct yett_court *court, bool whole)
{
	GHashTableIter iter;
	gpointer table, papers;

	if (!whole) {
		yett_log(YETT_LOG_WARNING, "registry-put-back",
			"the store was put back from an older copy: decisions are read anew, and "
			"what was decided since is not known any more; look (yettctl decisions), "
			"and decide again");
	}
	g_hash_table_iter_init(&iter, court->tables);
	while (g_hash_table_iter_next(&iter, &table, &papers)) {
		put_back_in(court, table, papers, whole);
	}
}
