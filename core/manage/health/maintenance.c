/* Maintenance: nodes and sites that somebody works on, for which no alerts are raised.
 *
 * Responsible for the table `maintenance` of the registry as this server knows it: keys are the ids of
 * nodes, and "site/NAME". Each ends at its time by itself. Not responsible for who may start and stop
 * it (admin/). On the loop. */
#include <string.h>

#include "../../base/id.h"
#include "../../base/name.h"
#include "../admission/court.h"
#include "../internal.h"

#define WAYS_DEEP 8 /* gateways behind gateways */

/* As the gateway was approved. */
static const char *site_of(const struct yett_manage *manage, const char *name)
{
	const struct yett_paper *paper =
		manage->court != NULL ? yett_court_find(manage->court, YETT_TABLE_GATEWAYS, name)
				      : NULL;

	return paper != NULL ? yett_paper_text(paper, "site") : "";
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

void yett_maintenance_saw(struct yett_manage *manage, const GPtrArray *documents)
{
	g_hash_table_remove_all(manage->maintenance);
	for (guint i = 0; i < documents->len; i++) {
		const struct yett_document *document = documents->pdata[i];
		struct yett_maintenance *maintenance = g_new0(struct yett_maintenance, 1);

		g_strlcpy(maintenance->key, document->key, sizeof(maintenance->key));
		g_strlcpy(maintenance->reason, text_of(document->json, "reason"),
			sizeof(maintenance->reason));
		g_strlcpy(maintenance->by, text_of(document->json, "by"), sizeof(maintenance->by));
		maintenance->since_ns =
			json_integer_value(json_object_get(document->json, "since_ns"));
		maintenance->until_ns =
			json_integer_value(json_object_get(document->json, "until_ns"));
		g_hash_table_replace(manage->maintenance, maintenance->key, maintenance);
	}
}

static const struct yett_maintenance *find(const struct yett_manage *manage, const char *key)
{
	const struct yett_maintenance *found = g_hash_table_lookup(manage->maintenance, key);

	return found != NULL && (found->until_ns == 0 ||
					found->until_ns > yett_clock_wall(manage->node->clock))
		       ? found
		       : NULL;
}

const struct yett_maintenance *yett_maintenance_of_id(
	const struct yett_manage *manage, const struct yett_id *id)
{
	char text[YETT_ID_TEXT_SIZE];

	return find(manage, yett_id_text(id, text));
}

/* Its own; or that of its site, which is the one of the gateways that it is behind. */
const struct yett_maintenance *yett_maintenance_of(
	const struct yett_manage *manage, const struct yett_known *known)
{
	const struct yett_maintenance *found;

	if (g_hash_table_size(manage->maintenance) == 0) {
		return NULL; /* as mostly: every node is asked about every second */
	}
	found = yett_maintenance_of_id(manage, &known->id);
	for (unsigned depth = 0; found == NULL && known != NULL && depth < WAYS_DEEP; depth++) {
		const char *site = site_of(manage, known->name);

		if (site[0] != '\0') {
			g_autofree char *key = g_strdup_printf("site/%s", site);

			found = find(manage, key);
		}
		known = yett_id_is_zero(&known->via) ? NULL : yett_manage_find(manage, &known->via);
	}
	return found;
}

bool yett_manage_at_site(const struct yett_manage *manage, const char *gateway, const char *site)
{
	const struct yett_known *known = NULL;

	for (unsigned depth = 0; gateway[0] != '\0' && depth < WAYS_DEEP; depth++) {
		if (strcmp(site_of(manage, gateway), site) == 0) {
			return true;
		}
		known = known == NULL ? yett_known_named(manage, gateway)
				      : yett_manage_find(manage, &known->via);
		if (known == NULL) {
			return false;
		}
		gateway = known->name;
	}
	return false;
}

static bool near(GPtrArray *names, const char *word, char ret_near[YETT_NODE_NAME_SIZE])
{
	const char *found;

	g_ptr_array_add(names, NULL);
	found = yett_name_nearest(word, (const char *const *)names->pdata);
	g_strlcpy(ret_near, found != NULL ? found : "", YETT_NODE_NAME_SIZE);
	g_ptr_array_free(names, TRUE);
	return false;
}

bool yett_manage_named(const struct yett_manage *manage, const char *name, struct yett_id *ret_id,
	char ret_near[YETT_NODE_NAME_SIZE])
{
	GPtrArray *names = g_ptr_array_new();
	GHashTable *const tables[] = {manage->known, manage->servers};

	g_ptr_array_add(names, manage->node->name);
	if (g_ascii_strcasecmp(name, manage->node->name) == 0) {
		*ret_id = manage->node->id;
		g_ptr_array_free(names, TRUE);
		return true;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
		GHashTableIter iter;
		gpointer key, value;

		g_hash_table_iter_init(&iter, tables[i]);
		while (g_hash_table_iter_next(&iter, &key, &value)) {
			char *of = i == 0 ? ((struct yett_known *)value)->name
					  : ((struct yett_server *)value)->name;

			if (g_ascii_strcasecmp(name, of) == 0) {
				*ret_id = *(const struct yett_id *)key;
				g_ptr_array_free(names, TRUE);
				return true;
			}
			g_ptr_array_add(names, of);
		}
	}
	return near(names, name, ret_near);
}

const char *yett_manage_name_of(const struct yett_manage *manage, const struct yett_id *id)
{
	const struct yett_known *known = yett_manage_find(manage, id);
	const struct yett_server *server = yett_share_find(manage, id);

	if (yett_id_equal(id, &manage->node->id)) {
		return manage->node->name;
	}
	if (server != NULL && server->name[0] != '\0') {
		return server->name;
	}
	return known != NULL && known->name[0] != '\0' ? known->name : NULL;
}

bool yett_manage_has_site(
	const struct yett_manage *manage, const char *site, char ret_near[YETT_NODE_NAME_SIZE])
{
	GHashTable *table =
		manage->court != NULL ? yett_court_table(manage->court, YETT_TABLE_GATEWAYS) : NULL;
	GPtrArray *names = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;

	if (table != NULL) {
		g_hash_table_iter_init(&iter, table);
	}
	while (table != NULL && g_hash_table_iter_next(&iter, NULL, &value)) {
		const char *of = yett_paper_text(value, "site");

		if (strcmp(of, site) == 0) {
			g_ptr_array_free(names, TRUE);
			return true;
		}
		g_ptr_array_add(names, (char *)(uintptr_t)of);
	}
	return near(names, site, ret_near);
}
