/* What administrators decide about nodes.
 *
 * Responsible for the changes that the interface offers of gateways and agents: approving, rejecting,
 * revoking, deleting, one or many at a time; and for saying, of a name that nobody has, which one was
 * probably meant. Not responsible for how it is written (change.c), for what it brings about
 * (papers.c), nor for who may ask (admin/).
 *
 * On the loop. Each request is answered once, when all of it is durable or refused. */
#include <string.h>

#include "../../base/id.h"
#include "../../base/name.h"
#include "../../flow/stages.h"
#include "court.h"
#include "../desired/drain.h"
#include "../views/views.h"

#define NAMES_MAX 1000 /* of one request */

/* One request, which may be about several names. */

struct request {
	struct yett_court *court;
	yett_answer_fn answer;
	void *arg;
	unsigned left;
	json_t *decided, *failed;
	int result; /* of the last that failed */
};

struct one { /* name of a request */
	struct request *request;
	char *name;
};

static void answer_request(struct request *request)
{
	json_t *json;

	if (json_array_size(request->decided) == 0 && json_array_size(request->failed) == 1) {
		const json_t *one = json_array_get(request->failed, 0);

		yett_court_refuse(request->answer, request->arg, request->result,
			"yettctl decisions", "%s: %s",
			json_string_value(json_object_get(one, "name")),
			json_string_value(json_object_get(one, "why")));
		json_decref(request->decided);
		json_decref(request->failed);
	} else {
		json = json_pack(
			"{s:o, s:o}", "decided", request->decided, "failed", request->failed);
		request->answer(request->arg, 0, json, NULL);
	}
	g_free(request);
}

static void one_less(struct request *request)
{
	if (--request->left == 0) {
		answer_request(request);
	}
}

static void one_changed(void *arg, int result)
{
	struct one *one = arg;
	struct request *request = one->request;

	if (result == 0) {
		json_array_append_new(request->decided, json_string(one->name));
	} else {
		request->result = result;
		json_array_append_new(request->failed, json_pack("{s:s, s:s}", "name", one->name,
							       "why", yett_court_conflict(result)));
	}
	g_free(one->name);
	g_free(one);
	one_less(request);
}

static struct request *request_new(struct yett_court *court, yett_answer_fn answer, void *arg)
{
	struct request *request = g_new0(struct request, 1);

	request->court = court;
	request->answer = answer;
	request->arg = arg;
	request->left = 1; /* ours, until all are submitted */
	request->decided = json_array();
	request->failed = json_array();
	return request;
}

/* What is known of a node, into its decision: who waits comes before who was decided on. */
static json_t *document(const struct yett_court *court, const char *table, const char *name)
{
	static const char *const keys[] = {
		"id", "method", "authority", "principal", "fingerprint", "address", "via"};
	const struct yett_paper *waits = yett_court_find(court, YETT_TABLE_PENDING, name);
	const struct yett_paper *was = yett_court_find(court, table, name);
	json_t *json = was != NULL ? json_copy(was->json) : json_object();
	const char *comes = yett_paper_text(waits, "id"), *stood = yett_paper_text(was, "id");

	json_object_set_new(json, "name", json_string(name));
	if (comes[0] != '\0') {
		json_object_del(json, YETT_HEARSAY); /* somebody decides on this very id */
	}
	if (comes[0] != '\0' && stood[0] != '\0' && strcmp(comes, stood) != 0) {
		json_object_set_new(json, "replaced", json_string(stood)); /* gateways hear of it */
	}
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		const char *text = yett_paper_text(waits, keys[i]);

		if (text[0] != '\0') {
			json_object_set_new(json, keys[i], json_string(text));
		}
	}
	return json;
}

static void decide(struct request *request, const char *table, const char *name, json_t *json,
	uint32_t verdict, const char *by, const char *what)
{
	struct one *one = g_new0(struct one, 1);
	char at[32];

	json_object_set_new(json, "verdict", json_string(yett_verdict_text(verdict)));
	json_object_set_new(json, "by", json_string(by));
	json_object_set_new(json, "at",
		json_string(yett_time_text(
			yett_clock_wall(request->court->manage->node->clock), at, sizeof(at))));
	one->request = request;
	one->name = g_strdup(name);
	request->left++;
	yett_court_change(request->court, table, name, json, by, what, one_changed, one);
}

/* Whether anybody of that name has come, or was decided on. */
static bool is_heard_of(const struct yett_court *court, const char *name)
{
	return yett_court_find(court, YETT_TABLE_PENDING, name) != NULL ||
	       yett_court_find(court, YETT_TABLE_GATEWAYS, name) != NULL ||
	       yett_court_find(court, YETT_TABLE_AGENTS, name) != NULL ||
	       yett_known_named(court->manage, name) != NULL;
}

/* The nearest of those that wait, where the name itself is not known at all; NULL: go on. */
static char *meant(const struct yett_court *court, const char *name)
{
	GPtrArray *names;
	GHashTableIter iter;
	gpointer key, value;
	const char *near;
	char *copy;

	if (is_heard_of(court, name)) {
		return NULL;
	}
	names = g_ptr_array_new();
	g_hash_table_iter_init(&iter, yett_court_table(court, YETT_TABLE_PENDING));
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		if (((const struct yett_paper *)value)->json != NULL) {
			g_ptr_array_add(names, key);
		}
	}
	g_ptr_array_add(names, NULL);
	near = yett_name_nearest(name, (const char *const *)names->pdata);
	copy = g_strdup(near);
	g_ptr_array_free(names, TRUE);
	return copy;
}

/* A good name in lower case; else it has been answered. */
static bool take_name(
	const char *text, char name[YETT_NODE_NAME_SIZE], yett_answer_fn answer, void *arg)
{
	if (yett_name_normalise(text, name, YETT_NODE_NAME_SIZE) == 0) {
		return true;
	}
	yett_court_refuse(answer, arg, YETT_EINVAL, "write its fully qualified name",
		"\"%.200s\" is no name of a node", text);
	return false;
}

static bool is_meant(struct yett_court *court, const json_t *body, const char *name,
	yett_answer_fn answer, void *arg)
{
	g_autofree char *near =
		json_is_true(json_object_get(body, "ahead")) ? NULL : meant(court, name);
	char mend[YETT_NODE_NAME_SIZE + 100];

	if (near == NULL) {
		return true;
	}
	g_snprintf(mend, sizeof(mend),
		"did you mean %s? To decide on one that has not come yet, say --ahead", near);
	yett_court_refuse(answer, arg, YETT_ENOTFOUND, mend,
		"nobody of the name %s waits for a decision", name);
	return false;
}

/* The same of a name that is to be barred: a no to nobody would leave in whom it was meant for. */
static bool is_there(struct yett_court *court, const json_t *body, const char *name,
	yett_answer_fn answer, void *arg)
{
	char mend[YETT_NODE_NAME_SIZE + 100];
	GPtrArray *names;
	const char *near;

	if (json_is_true(json_object_get(body, "ahead")) || is_heard_of(court, name)) {
		return true;
	}
	names = yett_view_names(court->manage);
	near = yett_name_nearest(name, (const char *const *)names->pdata);
	g_snprintf(mend, sizeof(mend), "%s%s%s to bar one that has not come yet, say --ahead",
		near != NULL ? "did you mean " : "look (yettctl agents, servers, pending);",
		near != NULL ? near : "", near != NULL ? "?" : "");
	g_ptr_array_free(names, TRUE);
	yett_court_refuse(
		answer, arg, YETT_ENOTFOUND, mend, "nobody of the name %s is known", name);
	return false;
}

void yett_decide_approve_gateway(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	char name[YETT_NODE_NAME_SIZE], server[YETT_NODE_NAME_SIZE] = "";
	struct request *request;
	json_t *json;

	if (!take_name(yett_court_text(body, "name"), name, answer, arg) ||
		(yett_court_text(body, "server")[0] != '\0' &&
			!take_name(yett_court_text(body, "server"), server, answer, arg)) ||
		!is_meant(court, body, name, answer, arg)) {
		return;
	}
	json = document(court, YETT_TABLE_GATEWAYS, name);
	if (json_object_get(body, "site") != NULL) {
		json_object_set_new(json, "site", json_string(yett_court_text(body, "site")));
	}
	if (server[0] != '\0') {
		json_object_set_new(json, "server", json_string(server));
	}
	request = request_new(court, answer, arg);
	decide(request, YETT_TABLE_GATEWAYS, name, json, YETT_DECIDED_APPROVED, by,
		"gateway approve");
	one_less(request);
}

void yett_decide_delete_gateway(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	g_autofree char *held = NULL;
	char name[YETT_NODE_NAME_SIZE];
	struct request *request;

	if (!take_name(yett_court_text(body, "name"), name, answer, arg)) {
		return;
	}
	if (yett_paper_verdict(yett_court_find(court, YETT_TABLE_GATEWAYS, name)) ==
		YETT_DECIDED_NONE) {
		yett_court_refuse(answer, arg, YETT_ENOTFOUND, "yettctl decisions",
			"there is no decision about a gateway %s", name);
		return;
	}
	held = json_is_true(json_object_get(body, "force")) ? NULL : yett_drain_held(court, name);
	if (held != NULL) {
		yett_court_refuse(answer, arg, YETT_ECONFLICT,
			"yettctl gateway drain, first; --force cuts them off, and what waits in "
			"its "
			"queue stays there until it is approved again",
			"%s", held);
		return;
	}
	request = request_new(court, answer, arg);
	decide(request, YETT_TABLE_GATEWAYS, name, document(court, YETT_TABLE_GATEWAYS, name),
		YETT_DECIDED_NONE, by, "gateway delete");
	yett_drain_forget(court, name);
	one_less(request);
}

/* All agents that wait, or those that the body names; NULL: it has been answered. */
static GPtrArray *agents_in(struct yett_court *court, const json_t *body, uint32_t verdict,
	yett_answer_fn answer, void *arg)
{
	const json_t *names = json_object_get(body, "names");
	GPtrArray *array = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	gpointer key, value;

	if (json_is_true(json_object_get(body, "all"))) {
		g_hash_table_iter_init(&iter, yett_court_table(court, YETT_TABLE_PENDING));
		while (g_hash_table_iter_next(&iter, &key, &value)) {
			const struct yett_paper *paper = value;

			/* Who is barred waits for nothing, whatever else says so. */
			if (paper->json != NULL && !yett_court_barred(court, key) &&
				strcmp(yett_paper_text(paper, "type"), "Gateway") != 0) {
				g_ptr_array_add(array, g_strdup(key));
			}
		}
		return array;
	}
	if (json_array_size(names) == 0 || json_array_size(names) > NAMES_MAX) {
		yett_court_refuse(answer, arg, YETT_EINVAL, "name up to 1000 agents, or say --all",
			"no agents are named");
		g_clear_pointer(&array, g_ptr_array_unref);
	}
	for (size_t i = 0; array != NULL && i < json_array_size(names); i++) {
		const char *text = json_string_value(json_array_get(names, i));
		char name[YETT_NODE_NAME_SIZE];

		if (!take_name(text != NULL ? text : "", name, answer, arg) ||
			!is_meant(court, body, name, answer, arg) ||
			(verdict != YETT_DECIDED_APPROVED &&
				!is_there(court, body, name, answer, arg))) {
			g_clear_pointer(&array, g_ptr_array_unref);
			break;
		}
		g_ptr_array_add(array, g_strdup(name));
	}
	return array;
}

/* `names`: taken; NULL: it has been answered. */
static void decide_agents(struct yett_court *court, GPtrArray *names, uint32_t verdict,
	const char *by, const char *what, yett_answer_fn answer, void *arg)
{
	struct request *request;

	if (names == NULL) {
		return;
	}
	request = request_new(court, answer, arg);
	for (guint i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];

		decide(request, YETT_TABLE_AGENTS, name, document(court, YETT_TABLE_AGENTS, name),
			verdict, by, what);
	}
	g_ptr_array_unref(names);
	one_less(request);
}

void yett_decide_approve_agents(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	decide_agents(court, agents_in(court, body, YETT_DECIDED_APPROVED, answer, arg),
		YETT_DECIDED_APPROVED, by, "agent approve", answer, arg);
}

void yett_decide_reject_agents(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	decide_agents(court, agents_in(court, body, YETT_DECIDED_REJECTED, answer, arg),
		YETT_DECIDED_REJECTED, by, "agent reject", answer, arg);
}

/* One that was approved may be let in again, by a rule, a list or a setting: it is not kept out by this. */
void yett_decide_delete_agents(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	GPtrArray *names = agents_in(court, body, YETT_DECIDED_NONE, answer, arg);

	for (guint i = 0; names != NULL && i < names->len; i++) {
		if (yett_paper_verdict(yett_court_find(
			    court, YETT_TABLE_AGENTS, names->pdata[i])) == YETT_DECIDED_NONE) {
			yett_court_refuse(answer, arg, YETT_ENOTFOUND, "yettctl decisions",
				"there is no decision about an agent %s", (char *)names->pdata[i]);
			g_clear_pointer(&names, g_ptr_array_unref);
		}
	}
	decide_agents(court, names, YETT_DECIDED_NONE, by, "agent delete", answer, arg);
}

static bool is_known_gateway(const struct yett_manage *manage, const char *name)
{
	const struct yett_known *known = yett_known_named(manage, name);

	return known != NULL && known->relay;
}

void yett_decide_revoke(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	char name[YETT_NODE_NAME_SIZE];
	struct request *request;
	const char *table;

	if (!take_name(yett_court_text(body, "name"), name, answer, arg) ||
		!is_meant(court, body, name, answer, arg) ||
		!is_there(court, body, name, answer, arg)) {
		return;
	}
	table = yett_court_find(court, YETT_TABLE_GATEWAYS, name) != NULL ||
				is_known_gateway(court->manage, name)
			? YETT_TABLE_GATEWAYS
			: YETT_TABLE_AGENTS;
	request = request_new(court, answer, arg);
	decide(request, table, name, document(court, table, name), YETT_DECIDED_REVOKED, by,
		"node revoke");
	one_less(request);
}
