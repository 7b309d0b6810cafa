/* Forgetting a node that is gone: what an administrator asks for.
 *
 * Responsible for deleting from the registry what is known of the nodes of a name (each id of it, who may
 * speak for it and for whom it may, its checks, what was set for it), or of a management server, with an
 * audit record in the same transaction; and for refusing that while the node is there, or while something
 * of it may still come. Not responsible for whether it may take part: what was decided about its name
 * stands (decide.c). On the loop, but for the reading. Records of it stay in the store for as long as it
 * keeps them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/name.h"
#include "../../flow/stages.h"
#include "../admission/court.h"
#include "../views/views.h"

/* Gateways have a node in mind for a day after it has gone, and would tell of it again. */
#define HEARD_NS ((int64_t)25 * 3600 * (int64_t)YETT_SEC)

struct forgetting {
	struct yett_court *court;
	char name[YETT_NODE_NAME_SIZE];
	bool force, is_server;
	GArray *ids; /* struct yett_id: of the nodes, or of the server */
	char *by;
	yett_answer_fn answer;
	void *arg;
	GPtrArray *doomed; /* pairs: a table (static), a key (owned by `keys`) */
	GPtrArray *keys;
	/* by the reader's thread */
	GPtrArray *presence; /* keys */
	uint64_t missing;    /* records of it that are under way */
	int result;
};

static void forgetting_free(struct forgetting *f)
{
	g_array_unref(f->ids);
	g_ptr_array_unref(f->doomed);
	g_ptr_array_unref(f->keys);
	g_ptr_array_unref(f->presence);
	g_free(f->by);
	g_free(f);
}

static void refuse(struct forgetting *f, int result, const char *mend, const char *text)
{
	yett_court_refuse(f->answer, f->arg, result, mend, "%s", text);
	forgetting_free(f);
}

static bool is_one(const struct forgetting *f, const struct yett_id *id)
{
	for (guint i = 0; i < f->ids->len; i++) {
		if (yett_id_equal(&g_array_index(f->ids, struct yett_id, i), id)) {
			return true;
		}
	}
	return false;
}

/* All of that name: a node that was installed anew has left an id behind. */
static void find_ids(struct forgetting *f)
{
	const struct yett_manage *manage = f->court->manage;
	const GPtrArray *same = g_hash_table_lookup(manage->named, f->name);
	const struct yett_server *server = yett_share_named(manage, f->name);

	for (guint i = 0; same != NULL && i < same->len; i++) {
		g_array_append_val(f->ids, ((const struct yett_known *)same->pdata[i])->id);
	}
	if (f->ids->len == 0 && server != NULL) {
		g_array_append_val(f->ids, server->id);
		f->is_server = true;
	}
}

/* Whether it is there: then nothing helps. Given; NULL: it is not. */
static char *why_there(const struct forgetting *f)
{
	const struct yett_manage *manage = f->court->manage;

	for (guint i = 0; i < f->ids->len; i++) {
		const struct yett_id *id = &g_array_index(f->ids, struct yett_id, i);
		const struct yett_known *known = yett_manage_find(manage, id);
		const struct yett_server *server = yett_share_find(manage, id);

		if ((known != NULL && (known->live || yett_share_has(manage, known))) ||
			(f->is_server && server != NULL &&
				(yett_share_fresh(manage, server) ||
					yett_share_unheard(manage, server)))) {
			return g_strdup_printf("%s is connected, or was a moment ago", f->name);
		}
	}
	if (yett_paper_verdict(yett_court_find(f->court, YETT_TABLE_GATEWAYS, f->name)) ==
		YETT_DECIDED_APPROVED) {
		return g_strdup_printf("%s is an approved gateway", f->name);
	}
	return NULL;
}

/* A gateway that may speak for it, and may still hold something of it. */
static char *why_held(const struct forgetting *f)
{
	const struct yett_manage *manage = f->court->manage;
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, manage->grants);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		const struct yett_grant *grant = key;
		const struct yett_known *gateway = yett_manage_find(manage, &grant->gateway);

		if (!is_one(f, &grant->origin) || gateway == NULL || is_one(f, &gateway->id)) {
			continue;
		}
		if (!gateway->live && !yett_share_has(manage, gateway)) {
			return g_strdup_printf("the gateway %s, which has brought data of %s, is "
					       "not connected, and may hold more",
				gateway->name, f->name);
		}
		if (gateway->backlog_s > 0) {
			return g_strdup_printf("the gateway %s, which has brought data of %s, has "
					       "more waiting",
				gateway->name, f->name);
		}
	}
	return NULL;
}

/* What `--force` is for. Given; NULL: nothing. */
static char *why_not_yet(const struct forgetting *f)
{
	const struct yett_manage *manage = f->court->manage;
	int64_t now_ns = yett_clock_wall(manage->node->clock);
	char heard[32];

	for (guint i = 0; !f->is_server && i < f->ids->len; i++) {
		const struct yett_known *known =
			yett_manage_find(manage, &g_array_index(f->ids, struct yett_id, i));

		if (known != NULL && now_ns - known->heard_ns < HEARD_NS) {
			return g_strdup_printf("%s was heard of at %s: gateways have it in mind "
					       "for a day, and would tell of it again",
				f->name, yett_time_text(known->heard_ns, heard, sizeof(heard)));
		}
		if (known != NULL && known->relay) {
			return g_strdup_printf("%s was a gateway: nobody can say whether it has "
					       "custody of data, and what it brings counts no "
					       "more when it is forgotten",
				f->name);
		}
	}
	return why_held(f);
}

static void doom(struct forgetting *f, const char *table, char *key)
{
	g_ptr_array_add(f->keys, key);
	g_ptr_array_add(f->doomed, (void *)(uintptr_t)table);
	g_ptr_array_add(f->doomed, key);
}

static void doom_grants(struct forgetting *f)
{
	char gateway[YETT_ID_TEXT_SIZE], origin[YETT_ID_TEXT_SIZE];
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, f->court->manage->grants);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		const struct yett_grant *grant = key;

		if (is_one(f, &grant->gateway) || is_one(f, &grant->origin)) {
			doom(f, "grant",
				g_strdup_printf("%s/%s", yett_id_text(&grant->gateway, gateway),
					yett_id_text(&grant->origin, origin)));
		}
	}
}

static void doom_all(struct forgetting *f)
{
	static const char *const by_name[] = {
		YETT_TABLE_DESIRED, YETT_TABLE_APPLIED, YETT_TABLE_MOVES};
	static const char *const by_id[] = {"node", "server", "maintenance"};
	char text[YETT_ID_TEXT_SIZE];

	for (guint i = 0; i < f->ids->len; i++) {
		const struct yett_id *id = &g_array_index(f->ids, struct yett_id, i);
		const GPtrArray *checks = yett_checks_of(f->court->manage, id);

		yett_id_text(id, text);
		for (size_t j = 0; j < G_N_ELEMENTS(by_id); j++) {
			doom(f, by_id[j], g_strdup(text));
		}
		for (guint j = 0; checks != NULL && j < checks->len; j++) {
			const struct yett_check *check = checks->pdata[j];

			doom(f, "check", g_strdup_printf("%s/%s", text, check->name));
		}
	}
	for (size_t i = 0; i < G_N_ELEMENTS(by_name); i++) {
		if (yett_court_find(f->court, by_name[i], f->name) != NULL) {
			doom(f, by_name[i], g_strdup(f->name));
		}
	}
	if (f->is_server) {
		doom(f, YETT_TABLE_GROUP, g_strconcat("server/", f->name, NULL));
	}
	doom_grants(f);
	for (guint i = 0; i < f->presence->len; i++) {
		doom(f, "presence", g_strdup(f->presence->pdata[i]));
	}
}

static void written(void *arg, int result, uint64_t revision)
{
	struct forgetting *f = arg;
	struct yett_manage *manage = f->court->manage;

	(void)revision;
	if (result != 0) { /* also where the node ends: whoever asked is answered */
		refuse(f, result, "say it again", yett_court_conflict(result));
		return;
	}
	for (guint i = 0; i < f->doomed->len; i += 2) {
		yett_registry_changed(manage, f->doomed->pdata[i], f->doomed->pdata[i + 1], NULL);
		yett_court_apply(f->court, f->doomed->pdata[i], f->doomed->pdata[i + 1], NULL, 0);
	}
	for (guint i = 0; i < f->ids->len; i++) {
		yett_checks_forget(manage, &g_array_index(f->ids, struct yett_id, i));
	}
	f->answer(f->arg, 0, json_pack("{s:[s], s:[]}", "decided", f->name, "failed"), NULL);
	forgetting_free(f);
}

static void write_it(struct forgetting *f)
{
	struct yett_manage *manage = f->court->manage;
	char place[YETT_AUDIT_PLACE_SIZE], *audit;
	g_autofree char *before = NULL;
	struct yett_store_also *also;

	doom_all(f);
	also = g_new0(struct yett_store_also, f->doomed->len / 2);
	for (guint i = 0; i < f->doomed->len / 2; i++) {
		also[i] = (struct yett_store_also){
			f->doomed->pdata[2 * i], f->doomed->pdata[2 * i + 1], NULL};
	}
	before = g_strdup_printf(
		"{\"ids\": %u, \"documents\": %u}", f->ids->len, f->doomed->len / 2);
	audit = yett_manage_audit(manage, f->by, f->force ? "node forget --force" : "node forget",
		"node", f->name, before, NULL, place);
	yett_store_change_also(manage->node, YETT_TABLE_AUDIT, place, audit, YETT_REVISION_ANY,
		also, f->doomed->len / 2, written, f);
	free(audit);
	g_free(also);
}

/* What the store has of it, on the reader's thread. */

static int add_missing(void *arg, const struct yett_account *account)
{
	struct forgetting *f = arg;

	f->missing += is_one(f, &account->origin) ? account->missing : 0;
	return 0;
}

static int add_presence(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct forgetting *f = arg;
	char text[YETT_ID_TEXT_SIZE];

	(void)json;
	(void)revision;
	for (guint i = 0; i < f->ids->len; i++) {
		yett_id_text(&g_array_index(f->ids, struct yett_id, i), text);
		if (g_str_has_prefix(key, text) || g_str_has_suffix(key, text)) {
			g_ptr_array_add(f->presence, g_strdup(key));
			break;
		}
	}
	return 0;
}

static void read_it(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct forgetting *f = arg;

	f->result = operations->registry_list(self, "presence", NULL, add_presence, f, NULL);
	if (f->result == 0 && !f->force) {
		f->result = operations->account(self, add_missing, f, NULL);
	}
}

static void was_read(void *arg)
{
	struct forgetting *f = arg;
	g_autofree char *there = NULL;
	char text[200];

	if (f->court->manage->node->readers == NULL) { /* the node ends */
		refuse(f, YETT_ECLOSED, "say it again when it is up",
			yett_result_text(YETT_ECLOSED));
		return;
	}
	there = why_there(f); /* it may have come meanwhile */
	if (f->result != 0) {
		refuse(f, f->result, "see this server's journal", yett_result_text(f->result));
	} else if (there != NULL) {
		refuse(f, YETT_ECONFLICT, "look: yettctl node show", there);
	} else if (f->missing > 0) {
		g_snprintf(text, sizeof(text), "%" PRIu64 " records of %s are under way",
			f->missing, f->name);
		refuse(f, YETT_ECONFLICT,
			"look where they are (yettctl account); where they will not come any "
			"more, say --force",
			text);
	} else {
		write_it(f);
	}
}

static void not_found(struct forgetting *f)
{
	GPtrArray *names = yett_view_names(f->court->manage);
	const char *near = yett_name_nearest(f->name, (const char *const *)names->pdata);
	g_autofree char *mend = near != NULL ? g_strdup_printf("did you mean %s?", near)
					     : g_strdup("yettctl agents, servers");
	g_autofree char *text = g_strdup_printf("no node of the name %s is known", f->name);

	g_ptr_array_free(names, TRUE);
	refuse(f, YETT_ENOTFOUND, mend, text);
}

void yett_forget_node(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	struct forgetting *f;
	char name[YETT_NODE_NAME_SIZE];
	g_autofree char *there = NULL, *not_yet = NULL;

	if (yett_name_normalise(yett_court_text(body, "name"), name, sizeof(name)) != 0) {
		yett_court_refuse(answer, arg, YETT_EINVAL, "write its fully qualified name",
			"\"%.200s\" is no name of a node", yett_court_text(body, "name"));
		return;
	}
	f = g_new0(struct forgetting, 1);
	f->court = court;
	g_strlcpy(f->name, name, sizeof(f->name));
	f->force = json_is_true(json_object_get(body, "force"));
	f->ids = g_array_new(FALSE, FALSE, sizeof(struct yett_id));
	f->doomed = g_ptr_array_new();
	f->keys = g_ptr_array_new_with_free_func(g_free);
	f->presence = g_ptr_array_new_with_free_func(g_free);
	f->by = g_strdup(by);
	f->answer = answer;
	f->arg = arg;
	find_ids(f);
	if (f->ids->len == 0) {
		not_found(f);
		return;
	}
	there = why_there(f);
	not_yet = there == NULL && !f->force ? why_not_yet(f) : NULL;
	if (there != NULL) {
		refuse(f, YETT_ECONFLICT,
			"stop it first, or keep it out (yettctl node revoke); of a gateway: "
			"yettctl gateway drain, gateway delete",
			there);
	} else if (not_yet != NULL) {
		refuse(f, YETT_ECONFLICT, "wait, or say --force", not_yet);
	} else {
		yett_readers_call(court->manage->node, YETT_READ_LONG, read_it, was_read, f);
	}
}
