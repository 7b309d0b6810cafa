/* The registry: nodes and grants, kept in the store.
 *
 * Responsible for the documents of the tables `node` (by id) and `grant` (by gateway/origin), written
 * in the store's own transactions and read once at the start. Not responsible for what they mean
 * (known.c, manage.c). On the loop. A document that cannot be read is passed over with a line in the log: the
 * next sign of life writes it again. */
#include <stdio.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../../flow/stages.h"
#include "../internal.h"

#define SERVER_ROLE "management server"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* Another server has it by the word of a gateway, and by another name than it has proved. */
static bool is_denied(
	const struct yett_manage *manage, const struct yett_known *known, const json_t *object)
{
	return known->proven && !json_is_true(json_object_get(object, "proven")) &&
	       strcmp(text_of(object, "name"), known->name) != 0 &&
	       !yett_judge_binds(manage, &known->id, text_of(object, "name"));
}

static int load_node(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct yett_manage *manage = arg;
	json_t *object = json_loads(json, 0, NULL);
	struct yett_known *known;
	struct yett_id id;

	(void)revision;
	if (object == NULL || yett_id_parse(key, &id) != 0) {
		yett_log(YETT_LOG_WARNING, "registry-unreadable",
			"a node's document is passed over; the node's next session writes it again "
			"key=%s",
			key);
		json_decref(object);
		return 0;
	}
	if (strcmp(text_of(object, "role"), SERVER_ROLE) == 0) {
		json_decref(object); /* its name, for who reads the store; share.c has the rest */
		return 0;
	}
	known = yett_known_ensure(manage, &id);
	if (is_denied(manage, known, object)) {
		json_decref(object);
		return 0;
	}
	yett_known_describe(manage, known, text_of(object, "name"), text_of(object, "method"),
		text_of(object, "software"), text_of(object, "address"));
	yett_id_parse(text_of(object, "via"), &known->via);
	known->relay = json_is_true(json_object_get(object, "is_gateway"));
	known->proven = known->proven || json_is_true(json_object_get(object, "proven"));
	known->first_ns = json_integer_value(json_object_get(object, "first_seen_ns"));
	known->changed_ns = json_integer_value(json_object_get(object, "changed_ns"));
	known->heard_ns = json_integer_value(json_object_get(object, "heard_ns"));
	json_decref(object);
	return 0;
}

static bool parse_grant(const char *key, struct yett_grant *ret_grant)
{
	char gateway[YETT_ID_TEXT_SIZE];

	g_strlcpy(gateway, key, sizeof(gateway));
	return strlen(key) == 2 * YETT_ID_TEXT_SIZE - 1 &&
	       yett_id_parse(gateway, &ret_grant->gateway) == 0 &&
	       yett_id_parse(key + YETT_ID_TEXT_SIZE, &ret_grant->origin) == 0;
}

static int load_grant(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct yett_manage *manage = arg;
	struct yett_grant grant;

	(void)json;
	(void)revision;
	if (parse_grant(key, &grant)) {
		yett_known_grant(manage, &grant);
	}
	return 0;
}

/* An administrator has had it forgotten. One that is here again is written again with what it does next. */
static void forget(struct yett_manage *manage, const char *table, const char *key)
{
	struct yett_grant grant;
	struct yett_id id;

	if (strcmp(table, "grant") == 0 && parse_grant(key, &grant)) {
		yett_known_ungrant(manage, &grant);
	} else if (strcmp(table, "node") == 0 && yett_id_parse(key, &id) == 0) {
		yett_known_forget(manage, &id);
	}
}

int yett_registry_load(struct yett_manage *manage, struct yett_error *error)
{
	void *self;
	const struct yett_store_operations *store = yett_store_operations(manage->node, &self);
	int result = store->registry_list(self, "node", NULL, load_node, manage, error);

	return result != 0 ? result
			   : store->registry_list(self, "grant", NULL, load_grant, manage, error);
}

void yett_registry_self(struct yett_manage *manage)
{
	char id[YETT_ID_TEXT_SIZE];
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:b}", "id",
		yett_id_text(&manage->node->id, id), "name", manage->node->name, "role",
		SERVER_ROLE, "software", "yett " PACKAGE_VERSION, "is_gateway", false);
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

	if (text != NULL) {
		yett_store_document(manage->node, "node", id, text);
	}
	free(text);
	json_decref(object);
}

/* Whether a document says what this very node has written. */
static bool is_ours(const struct yett_manage *manage, const char *json)
{
	json_t *object = json_loads(json, 0, NULL);
	struct yett_id via;
	bool ours = object != NULL && yett_id_parse(text_of(object, "via"), &via) == 0 &&
		    yett_id_equal(&via, &manage->node->id);

	json_decref(object);
	return ours;
}

/* Another server has had a session with it, by the name that is known here. */
static void take_proof(struct yett_known *known, const char *json)
{
	json_t *object = json_loads(json, 0, NULL);

	known->proven = known->proven || (json_is_true(json_object_get(object, "proven")) &&
						 strcmp(text_of(object, "name"), known->name) == 0);
	json_decref(object);
}

void yett_registry_changed(void *arg, const char *table, const char *key, const char *json)
{
	struct yett_manage *manage = arg;
	struct yett_known *known;
	struct yett_id id;

	if (json == NULL) {
		forget(manage, table, key);
		return;
	}
	if (strcmp(table, "grant") == 0) {
		load_grant(manage, key, json, 0);
	} else if (strcmp(table, "node") == 0 && yett_id_parse(key, &id) == 0 &&
		   yett_known_has_room(manage, &id)) {
		known = g_hash_table_lookup(manage->known, &id);
		if ((known == NULL || !known->live) && !is_ours(manage, json)) {
			load_node(manage, key, json, 0);
		} else if (known != NULL) {
			take_proof(known, json);
		}
	}
}

void yett_registry_node(struct yett_manage *manage, const struct yett_known *known)
{
	char id[YETT_ID_TEXT_SIZE], via[YETT_ID_TEXT_SIZE];
	json_t *object;
	char *text;

	if (manage->node->store == NULL) {
		return;
	}
	yett_id_text(yett_id_is_zero(&known->via) ? &manage->node->id : &known->via, via);
	object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:I, s:I, s:I}", "id",
		yett_id_text(&known->id, id), "name", known->name, "method", known->method,
		"software", known->software, "address", known->address, "via", via, "is_gateway",
		known->relay, "live", known->live, "proven", known->proven, "first_seen_ns",
		(json_int_t)known->first_ns, "changed_ns", (json_int_t)known->changed_ns,
		"heard_ns", (json_int_t)known->heard_ns);
	if (object == NULL) {
		return; /* a name that is not UTF-8 has not come through the decoder */
	}
	text = json_dumps(object, JSON_COMPACT);
	yett_store_document(manage->node, "node", id, text);
	free(text);
	json_decref(object);
}

void yett_registry_grant(struct yett_manage *manage, const struct yett_grant *grant)
{
	char key[2 * YETT_ID_TEXT_SIZE], id[YETT_ID_TEXT_SIZE], other[YETT_ID_TEXT_SIZE];

	if (manage->node->store == NULL) {
		return;
	}
	snprintf(key, sizeof(key), "%s/%s", yett_id_text(&grant->gateway, id),
		yett_id_text(&grant->origin, other));
	yett_store_document(manage->node, "grant", key, "{}");
}
