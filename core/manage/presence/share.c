/* What the management servers of a group let each other know, by way of the store.
 *
 * Responsible for the documents `server` (each says again and again that it is there, and how it is)
 * and `presence` (whom each has: SERVER/NODE), and for what follows from those of the others: which
 * server is fresh, and which node is there although no way leads to it from here. Not responsible for
 * reading them (look.c) nor for judging (health.c). On the loop. A server alone writes no presence.
 * Fresh is who has changed its document lately, by our own monotonic clock: no clocks are compared. */
#include <stdio.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../internal.h"

#define WORD_NS (3 * YETT_SEC)

static gboolean id_equal(gconstpointer a, gconstpointer b)
{
	return yett_id_equal_key(a, b);
}

void yett_share_init(struct yett_manage *manage)
{
	manage->servers = g_hash_table_new_full(yett_id_hash, id_equal, NULL, g_free);
}

void yett_share_done(struct yett_manage *manage)
{
	g_hash_table_unref(manage->servers);
	g_clear_pointer(&manage->stale, g_ptr_array_unref);
}

const struct yett_server *yett_share_find(
	const struct yett_manage *manage, const struct yett_id *id)
{
	return g_hash_table_lookup(manage->servers, id);
}

bool yett_share_fresh(const struct yett_manage *manage, const struct yett_server *server)
{
	return !server->stopped && server->seen_at_ns != 0 &&
	       yett_now(manage->node) - server->seen_at_ns <= YETT_SERVER_SILENCE_NS;
}

/* Whether this server has just started, so that others need not have said a word yet. */
static bool is_young(const struct yett_manage *manage)
{
	return yett_now(manage->node) - manage->opened_ns < YETT_SERVER_SILENCE_NS;
}

bool yett_share_unheard(const struct yett_manage *manage, const struct yett_server *server)
{
	return server->seen_at_ns == 0 && is_young(manage);
}

const char *yett_share_health(const struct yett_manage *manage, const struct yett_server *server)
{
	return yett_share_fresh(manage, server)     ? server->state
	       : yett_share_unheard(manage, server) ? yett_health_text(YETT_HEALTH_NOT_MONITORED)
						    : yett_health_text(YETT_HEALTH_UNREACHABLE);
}

bool yett_share_has(const struct yett_manage *manage, const struct yett_known *known)
{
	const struct yett_server *server =
		yett_id_is_zero(&known->far) ? NULL : yett_share_find(manage, &known->far);

	return server != NULL && yett_share_fresh(manage, server);
}

const struct yett_server *yett_share_named(const struct yett_manage *manage, const char *name)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, manage->servers);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		if (strcmp(((const struct yett_server *)value)->name, name) == 0) {
			return value;
		}
	}
	return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static void put(struct yett_manage *manage, const char *table, const char *key, json_t *json)
{
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	if (text != NULL) {
		yett_store_document(manage->node, table, key, text);
	}
	free(text);
	json_decref(json);
}

static void presence_key(const struct yett_manage *manage, const struct yett_id *node,
	char ret_key[2 * YETT_ID_TEXT_SIZE])
{
	char server[YETT_ID_TEXT_SIZE], id[YETT_ID_TEXT_SIZE];

	snprintf(ret_key, 2 * YETT_ID_TEXT_SIZE, "%s/%s", yett_id_text(&manage->node->id, server),
		yett_id_text(node, id));
}

void yett_share_node(struct yett_manage *manage, const struct yett_known *known)
{
	char key[2 * YETT_ID_TEXT_SIZE], via[YETT_ID_TEXT_SIZE], boot[YETT_ID_TEXT_SIZE];
	bool silent = known->health == YETT_HEALTH_UNREACHABLE;

	if (!manage->shared || manage->node->store == NULL) {
		return;
	}
	presence_key(manage, &known->id, key);
	if (!known->live) {
		yett_store_document(manage->node, "presence", key, NULL);
		return;
	}
	put(manage, "presence", key,
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:I, s:s}", "boot",
			yett_id_text(&known->boot, boot), "name", known->name, "via",
			yett_id_text(yett_id_is_zero(&known->via) ? &manage->node->id : &known->via,
				via),
			"method", known->method, "software", known->software, "is_gateway",
			known->relay, "cloned", yett_clones_is(manage, known), "silent", silent,
			"backlog_s", (json_int_t)known->backlog_s, "why", known->why));
}

/* Another server has turned up: it wants to know whom we have. */
static void share_all(struct yett_manage *manage)
{
	GHashTableIter iter;
	gpointer value;

	manage->shared = true;
	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct yett_known *known = value;

		if (known->live) {
			yett_share_node(manage, known);
		}
	}
}

static void heard_of(struct yett_manage *manage, struct yett_server *server)
{
	if (!yett_share_fresh(manage, server)) {
		server->back_at_ns = yett_now(manage->node);
	}
	server->seen_at_ns = yett_now(manage->node);
	server->seen_ns = yett_clock_wall(manage->node->clock);
}

static void saw_server(struct yett_manage *manage, const struct yett_document *document)
{
	struct yett_server *server;
	struct yett_id id;

	if (yett_id_parse(document->key, &id) != 0 || yett_id_equal(&id, &manage->node->id)) {
		return;
	}
	server = g_hash_table_lookup(manage->servers, &id);
	if (server == NULL) {
		server = g_new0(struct yett_server, 1);
		server->id = id;
		g_hash_table_insert(manage->servers, &server->id, server);
		/* What is there when this server starts may be old; what turns up later is news. */
		if (!is_young(manage)) {
			heard_of(manage, server);
		}
	} else if (server->revision != document->revision) {
		heard_of(manage, server);
	}
	if (server->revision == document->revision) {
		return;
	}
	server->revision = document->revision;
	g_strlcpy(server->name, text_of(document->json, "name"), sizeof(server->name));
	g_strlcpy(server->software, text_of(document->json, "software"), sizeof(server->software));
	g_strlcpy(server->state, text_of(document->json, "health_state"), sizeof(server->state));
	g_strlcpy(server->cause, text_of(document->json, "health_cause"), sizeof(server->cause));
	server->stopped = json_is_true(json_object_get(document->json, "stopped"));
	if (!manage->shared) {
		share_all(manage);
	}
}

static gboolean is_unlisted(gpointer key, gpointer value, gpointer arg)
{
	const GPtrArray *documents = arg;
	char id[YETT_ID_TEXT_SIZE];

	(void)value;
	yett_id_text(key, id);
	for (guint i = 0; i < documents->len; i++) {
		if (strcmp(((const struct yett_document *)documents->pdata[i])->key, id) == 0) {
			return FALSE;
		}
	}
	return TRUE; /* an administrator has had it forgotten */
}

void yett_share_saw_servers(struct yett_manage *manage, const GPtrArray *documents)
{
	for (guint i = 0; i < documents->len; i++) {
		saw_server(manage, documents->pdata[i]);
	}
	g_hash_table_foreach_remove(
		manage->servers, is_unlisted, (GPtrArray *)(uintptr_t)documents);
}

/* A node that another server has: what that one says of it, where we have no way ourselves. */
static void saw_presence(struct yett_manage *manage, const struct yett_document *document)
{
	const json_t *json = document->json;
	char text[YETT_ID_TEXT_SIZE];
	struct yett_known *known;
	struct yett_server *server;
	struct yett_id from, id, boot;

	g_strlcpy(text, document->key, sizeof(text));
	if (strlen(document->key) != 2 * YETT_ID_TEXT_SIZE - 1 || yett_id_parse(text, &from) != 0 ||
		yett_id_parse(document->key + YETT_ID_TEXT_SIZE, &id) != 0) {
		return;
	}
	server = g_hash_table_lookup(manage->servers, &from);
	if (server == NULL || yett_id_equal(&id, &manage->node->id) ||
		!yett_known_has_room(manage, &id)) {
		return;
	}
	known = yett_known_ensure(manage, &id);
	if (!yett_id_is_zero(&known->far) && !yett_id_equal(&known->far, &from) &&
		!yett_share_fresh(manage, server)) {
		return; /* that one is gone, and another has it */
	}
	if (!known->was_far && yett_id_is_zero(&known->far)) {
		known->far_at_ns = yett_now(manage->node);
	}
	known->far = from;
	if (!yett_share_fresh(manage, server)) {
		return;
	}
	known->far_cloned = json_is_true(json_object_get(json, "cloned"));
	if (known->live) {
		if (yett_id_parse(text_of(json, "boot"), &boot) == 0) {
			yett_clones_seen_far(manage, known, &from, &boot);
		}
		return;
	}
	known->far_silent = json_is_true(json_object_get(json, "silent"));
	known->relay = json_is_true(json_object_get(json, "is_gateway"));
	known->backlog_s = (uint32_t)json_integer_value(json_object_get(json, "backlog_s"));
	yett_known_describe(manage, known, text_of(json, "name"), text_of(json, "method"),
		text_of(json, "software"), known->address);
	g_strlcpy(known->why, text_of(json, "why"), sizeof(known->why));
	yett_id_parse(text_of(json, "via"), &known->via);
	yett_known_heard_far(manage, known);
}

void yett_share_saw_presence(struct yett_manage *manage, const GPtrArray *documents)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct yett_known *known = value;

		known->was_far = !yett_id_is_zero(&known->far);
		memset(&known->far, 0, sizeof(known->far));
	}
	for (guint i = 0; i < documents->len; i++) {
		saw_presence(manage, documents->pdata[i]);
	}
}

void yett_share_blind(struct yett_manage *manage, uint64_t for_ns)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, manage->servers);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct yett_server *server = value;

		if (server->seen_at_ns != 0) {
			server->seen_at_ns =
				MIN(server->seen_at_ns + for_ns, yett_now(manage->node));
		}
	}
}

static void say_word(struct yett_manage *manage, bool stopped)
{
	char id[YETT_ID_TEXT_SIZE];
	struct yett_diagnosis verdict;

	yett_manage_judge_self(manage, &verdict);
	put(manage, "server", yett_id_text(&manage->node->id, id),
		json_pack("{s:s, s:s, s:s, s:s, s:b, s:I}", "name", manage->node->name, "software",
			"yett " PACKAGE_VERSION, "health_state", yett_health_text(verdict.health),
			"health_cause", verdict.cause, "stopped", stopped, "word",
			(json_int_t)++manage->words));
}

static int note_own(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct yett_manage *manage = arg;
	char id[YETT_ID_TEXT_SIZE];

	(void)json;
	(void)revision;
	if (g_str_has_prefix(key, yett_id_text(&manage->node->id, id))) {
		g_ptr_array_add(manage->stale, g_strdup(key));
	}
	return 0;
}

/* Only notes what is to be written: as long as the loop does not run, the store's writer is this
 * thread's to read with, and no other may use it. */
void yett_share_open(struct yett_manage *manage)
{
	void *self;
	const struct yett_store_operations *store = yett_store_operations(manage->node, &self);

	manage->stale = g_ptr_array_new_with_free_func(g_free);
	store->registry_list(self, "presence", NULL, note_own, manage, NULL);
}

/* Before anything else is said: whom an earlier start had, this one has not. */
static void begin(struct yett_manage *manage)
{
	for (guint i = 0; i < manage->stale->len; i++) {
		yett_store_document(manage->node, "presence", manage->stale->pdata[i], NULL);
	}
	g_clear_pointer(&manage->stale, g_ptr_array_unref);
	yett_registry_self(manage);
}

void yett_share_tick(struct yett_manage *manage, uint64_t now_ns)
{
	if (manage->stale != NULL) {
		begin(manage);
	}
	if (manage->node->draining) {
		if (manage->next_word_ns != UINT64_MAX) {
			manage->next_word_ns = UINT64_MAX;
			say_word(manage, true);
		}
	} else if (now_ns >= manage->next_word_ns && yett_store_healthy(manage->node)) {
		manage->next_word_ns = now_ns + WORD_NS;
		say_word(manage, false);
	}
}
