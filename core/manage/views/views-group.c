/* Views of the group: its keys and servers, who waits, what was decided.
 *
 * Responsible for what is shown of the court's documents, with the same keys in each row. Not
 * responsible for the documents (papers.c), nor for layout (ctl/). On the loop; reads only. */
#include <string.h>

#include "../../base/id.h"
#include "../admission/court.h"
#include "views.h"

static void copy_texts(
	json_t *to, const struct yett_paper *paper, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = yett_paper_text(paper, keys[i]);

		json_object_set_new(to, keys[i], text[0] != '\0' ? json_string(text) : json_null());
	}
}

static gint by_key(gconstpointer a, gconstpointer b)
{
	const char *const *left = a, *const *right = b;

	return strcmp(*left, *right);
}

/* The keys of a table whose documents are there, in their order. */
static GPtrArray *sorted(const struct yett_court *court, const char *table)
{
	GPtrArray *keys = g_ptr_array_new();
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, yett_court_table(court, table));
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		if (((const struct yett_paper *)value)->json != NULL) {
			g_ptr_array_add(keys, key);
		}
	}
	g_ptr_array_sort(keys, by_key);
	return keys;
}

static const struct yett_court *court_of(const struct yett_manage *manage)
{
	return manage->node->store != NULL ? manage->court : NULL;
}

json_t *yett_view_pending(const struct yett_manage *manage)
{
	static const char *const keys[] = {"name", "id", "type", "method", "authority", "principal",
		"fingerprint", "address", "via", "server", "since"};
	const struct yett_court *court = court_of(manage);
	json_t *array = json_array();
	GPtrArray *names;

	if (court == NULL) {
		json_decref(array);
		return NULL;
	}
	names = sorted(court, YETT_TABLE_PENDING);
	for (guint i = 0; i < names->len; i++) {
		json_t *row = json_object();

		copy_texts(row, yett_court_find(court, YETT_TABLE_PENDING, names->pdata[i]), keys,
			G_N_ELEMENTS(keys));
		json_array_append_new(array, row);
	}
	g_ptr_array_free(names, TRUE);
	return array;
}

static void add_decisions(json_t *array, const struct yett_court *court, const char *table)
{
	static const char *const keys[] = {"name", "verdict", "id", YETT_HEARSAY, "site", "server",
		"method", "authority", "by", "at"};
	GPtrArray *names = sorted(court, table);

	for (guint i = 0; i < names->len; i++) {
		const struct yett_paper *paper = yett_court_find(court, table, names->pdata[i]);
		json_t *row;

		if (yett_paper_verdict(paper) == YETT_DECIDED_NONE) {
			continue;
		}
		row = json_object();
		json_object_set_new(row, "type",
			json_string(strcmp(table, YETT_TABLE_GATEWAYS) == 0 ? "Gateway" : "Agent"));
		copy_texts(row, paper, keys, G_N_ELEMENTS(keys));
		json_array_append_new(array, row);
	}
	g_ptr_array_free(names, TRUE);
}

json_t *yett_view_decisions(const struct yett_manage *manage)
{
	const struct yett_court *court = court_of(manage);
	json_t *array;

	if (court == NULL) {
		return NULL;
	}
	array = json_array();
	add_decisions(array, court, YETT_TABLE_GATEWAYS);
	add_decisions(array, court, YETT_TABLE_AGENTS);
	return array;
}

static json_t *servers_of(const struct yett_court *court)
{
	GPtrArray *keys = sorted(court, YETT_TABLE_GROUP);
	json_t *array = json_array();

	for (guint i = 0; i < keys->len; i++) {
		const char *key = keys->pdata[i];
		const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_GROUP, key);

		if (g_str_has_prefix(key, "server/")) {
			json_array_append_new(array,
				json_pack("{s:s, s:s, s:b}", "name", key + strlen("server/"), "key",
					yett_paper_text(paper, "key"), "certified",
					yett_paper_text(paper, "certificate")[0] != '\0' &&
						(uint64_t)json_integer_value(
							json_object_get(paper->json, "sequence")) ==
							court->trust.sequence));
		}
	}
	g_ptr_array_free(keys, TRUE);
	return array;
}

static json_t *rules_of(const struct yett_paper *settings)
{
	static const char *const keys[] = {"name", "method", "authority", "site"};
	const json_t *rules = settings != NULL ? json_object_get(settings->json, "rules") : NULL;
	json_t *array = json_array();

	for (size_t i = 0; i < json_array_size(rules); i++) {
		const struct yett_paper rule = {.json = json_array_get(rules, i)};
		json_t *row = json_object();

		copy_texts(row, &rule, keys, G_N_ELEMENTS(keys));
		json_array_append_new(array, row);
	}
	return array;
}

json_t *yett_group_view(const struct yett_court *court)
{
	static const char *const keys[] = {"name", "id", "current", "next"};
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_GROUP, "identity");
	const struct yett_paper *settings = yett_court_find(court, YETT_TABLE_GROUP, "settings");
	const char *manual = yett_paper_text(settings, "manual_agents");
	json_int_t days =
		settings != NULL
			? json_integer_value(json_object_get(settings->json, "decision_days"))
			: 0;
	json_t *object = json_object();

	copy_texts(object, paper, keys, G_N_ELEMENTS(keys));
	json_object_set_new(object, "sequence", json_integer((json_int_t)court->trust.sequence));
	json_object_set_new(object, "holds_key", json_boolean(court->group_key != NULL));
	json_object_set_new(object, "signs", json_boolean(court->certificate != NULL));
	json_object_set_new(
		object, "manual_agents", json_string(manual[0] != '\0' ? manual : "reject"));
	json_object_set_new(object, "decision_days", json_integer(days > 0 ? days : 7));
	json_object_set_new(object, "rules", rules_of(settings));
	json_object_set_new(object, "servers", servers_of(court));
	return object;
}

json_t *yett_view_group(const struct yett_manage *manage)
{
	const struct yett_court *court = court_of(manage);

	return court != NULL ? yett_group_view(court) : NULL;
}

json_t *yett_view_kit(const struct yett_manage *manage, const char *name, const char *upstreams,
	struct yett_error *error)
{
	const struct yett_court *court = court_of(manage);

	if (court == NULL) {
		yett_fail(error, YETT_ENOTSUP, "ask a management server",
			"there is no management group here");
		return NULL;
	}
	return yett_group_kit(court, name, upstreams, error);
}
