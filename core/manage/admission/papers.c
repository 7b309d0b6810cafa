/* The papers of the court: what the group has decided, as its registry has it.
 *
 * Responsible for the tables of the registry that a management server keeps in memory (`gateways`, `agents`,
 * `pending`, `group`, and what nodes should be like), for reading them at the start, for taking what
 * changes, by us or by another server, and for what that changes at once: sessions are judged again,
 * gateways are told. Not responsible for judging (court.c) nor for writing (change.c).
 *
 * On the loop. A decision that is not understood counts as a no, since that is what it may say; of what
 * else is not understood, nothing counts. */
#include "court.h"

#include <string.h>

#include "../../base/log.h"
#include "../../flow/stages.h"
#include "../desired/moves.h"

static const char *const tables[] = {YETT_TABLE_GATEWAYS, YETT_TABLE_AGENTS, YETT_TABLE_PENDING,
	YETT_TABLE_GROUP, YETT_TABLE_DESIRED, YETT_TABLE_APPLIED, YETT_TABLE_MOVES};

static void paper_free(void *arg)
{
	struct yett_paper *paper = arg;

	json_decref(paper->json);
	g_free(paper);
}

GHashTable *yett_court_table(const struct yett_court *court, const char *table)
{
	return g_hash_table_lookup(court->tables, table);
}

struct yett_paper *yett_court_paper(
	const struct yett_court *court, const char *table, const char *key)
{
	GHashTable *papers = yett_court_table(court, table);

	return papers != NULL ? g_hash_table_lookup(papers, key) : NULL;
}

const struct yett_paper *yett_court_find(
	const struct yett_court *court, const char *table, const char *key)
{
	const struct yett_paper *paper = yett_court_paper(court, table, key);

	return paper != NULL && paper->json != NULL ? paper : NULL;
}

const char *yett_paper_text(const struct yett_paper *paper, const char *key)
{
	const char *text =
		paper != NULL ? json_string_value(json_object_get(paper->json, key)) : NULL;

	return text != NULL ? text : "";
}

uint32_t yett_paper_verdict(const struct yett_paper *paper)
{
	const char *text = yett_paper_text(paper, "verdict");

	for (uint32_t verdict = YETT_DECIDED_APPROVED; verdict <= YETT_DECIDED_REVOKED; verdict++) {
		if (strcmp(text, yett_verdict_text(verdict)) == 0) {
			return verdict;
		}
	}
	/* A word that this version does not know may be a no. */
	return text[0] == '\0' || strcmp(text, yett_verdict_text(YETT_DECIDED_NONE)) == 0
		       ? YETT_DECIDED_NONE
		       : YETT_DECIDED_REJECTED;
}

bool yett_paper_takes_away(const struct yett_paper *paper)
{
	return paper != NULL && paper->json != NULL &&
	       (yett_paper_verdict(paper) != YETT_DECIDED_APPROVED ||
		       yett_paper_text(paper, "replaced")[0] != '\0');
}

const struct yett_paper *yett_court_decision(
	const struct yett_court *court, const char *name, bool *ret_gateway)
{
	const struct yett_paper *gateway = yett_court_find(court, YETT_TABLE_GATEWAYS, name);
	const struct yett_paper *agent = yett_court_find(court, YETT_TABLE_AGENTS, name);
	uint32_t of_gateway = yett_paper_verdict(gateway), of_agent = yett_paper_verdict(agent);

	if (of_agent > YETT_DECIDED_APPROVED && of_agent > of_gateway) {
		*ret_gateway = false;
		return agent;
	}
	if (of_gateway != YETT_DECIDED_NONE) {
		*ret_gateway = true;
		return gateway;
	}
	*ret_gateway = false;
	return of_agent != YETT_DECIDED_NONE ? agent : NULL;
}

static bool is_decision(const char *table)
{
	return strcmp(table, YETT_TABLE_GATEWAYS) == 0 || strcmp(table, YETT_TABLE_AGENTS) == 0;
}

static void tell_changed(struct yett_court *court, const char *name)
{
	bool gateway;

	/* All of them, where one may let somebody in by what was decided before. */
	yett_ask_tell(court->manage, name,
		yett_paper_takes_away(yett_court_decision(court, name, &gateway)) ||
			yett_paper_takes_away(yett_court_paper(court, YETT_TABLE_GATEWAYS, name)) ||
			yett_paper_takes_away(yett_court_paper(court, YETT_TABLE_AGENTS, name)));
	yett_admit_judge_name(court->manage->node, name);
}

/* The text of a document, understood; NULL: it counts as none. */
static json_t *read_text(const char *table, const char *key, const char *text)
{
	json_t *json = json_loads(text, 0, NULL);

	if (json_is_object(json)) {
		return json;
	}
	json_decref(json);
	yett_log(YETT_LOG_WARNING, "registry-unreadable",
		"a document of the group is not understood, and counts as %s table=%s key=%s",
		is_decision(table) ? "a no: decide on it again" : "none", table, key);
	return is_decision(table) ? json_pack("{s:s, s:s, s:s}", "name", key, "verdict",
					    yett_verdict_text(YETT_DECIDED_REJECTED), "by",
					    "a decision that is not understood")
				  : NULL;
}

void yett_court_apply(struct yett_court *court, const char *table, const char *key,
	const char *json, uint64_t revision)
{
	GHashTable *papers = yett_court_table(court, table);
	struct yett_paper *paper;
	json_t *parsed;
	bool was;

	if (papers == NULL) {
		return;
	}
	paper = g_hash_table_lookup(papers, key);
	if (paper != NULL && revision <= paper->revision && (json != NULL || paper->json == NULL)) {
		return; /* older, or known */
	}
	parsed = json != NULL ? read_text(table, key, json) : NULL;
	if (paper == NULL) {
		paper = g_new0(struct yett_paper, 1);
		g_hash_table_insert(papers, g_strdup(key), paper);
	}
	was = paper->json != NULL;
	json_decref(paper->json);
	paper->json = parsed;
	paper->revision = MAX(paper->revision, revision);
	paper->unsure = false;
	if (strcmp(table, YETT_TABLE_PENDING) == 0) {
		court->pending += (guint)(parsed != NULL) - (guint)was;
	} else if (strcmp(table, YETT_TABLE_GROUP) == 0) {
		yett_group_applied(court, key);
	} else if (is_decision(table)) {
		tell_changed(court, key);
	} else {
		court->manage->desire = true;
	}
}

struct loading {
	struct yett_court *court;
	const char *table;
};

static int load(void *arg, const char *key, const char *json, uint64_t revision)
{
	const struct loading *loading = arg;
	struct yett_paper *paper = g_new0(struct yett_paper, 1);

	paper->json = read_text(loading->table, key, json);
	paper->revision = revision;
	g_hash_table_insert(yett_court_table(loading->court, loading->table), g_strdup(key), paper);
	return 0;
}

void yett_court_init(struct yett_manage *manage)
{
	struct yett_court *court = g_new0(struct yett_court, 1);

	court->manage = manage;
	court->tables = g_hash_table_new_full(
		g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_hash_table_unref);
	court->deciding = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	court->hearing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
		g_hash_table_insert(court->tables, (char *)(uintptr_t)tables[i],
			g_hash_table_new_full(g_str_hash, g_str_equal, g_free, paper_free));
	}
	yett_moves_init(court);
	manage->court = court;
}

int yett_court_open(struct yett_manage *manage, struct yett_error *error)
{
	struct yett_court *court = manage->court;
	void *self;
	const struct yett_store_operations *store = yett_store_operations(manage->node, &self);
	int result = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(tables) && result == 0; i++) {
		struct loading loading = {court, tables[i]};

		result = store->registry_list(self, tables[i], NULL, load, &loading, error);
	}
	court->pending = g_hash_table_size(yett_court_table(court, YETT_TABLE_PENDING));
	if (result == 0) {
		yett_group_load(court);
	}
	return result;
}

void yett_court_done(struct yett_manage *manage)
{
	struct yett_court *court = manage->court;

	if (court != NULL) {
		yett_group_done(court);
		yett_moves_done(court);
		g_hash_table_unref(court->tables);
		g_hash_table_unref(court->deciding);
		g_hash_table_unref(court->hearing);
		g_free(court);
	}
}
