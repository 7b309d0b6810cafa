/* The routes of the API: which path shows what, in one table.
 *
 * Responsible for the tables (what shows, what changes) and for the answers that come straight from
 * the loop. What the store
 * answers is in records.c; HTTP, sockets and permissions are in server.c. On the loop. */
#include <stdarg.h>
#include <string.h>

#include "../base/name.h"
#include "../manage/views/views.h"
#include "request.h"

const char *yett_admin_argument(const struct yett_admin_request *request, const char *key)
{
	for (size_t i = 0; i < request->argument_count; i++) {
		if (strcmp(request->arguments[i].key, key) == 0) {
			return request->arguments[i].value;
		}
	}
	return NULL;
}

const char *yett_admin_field(const struct yett_admin_request *request, const char *key)
{
	return json_string_value(json_object_get(request->body, key));
}

bool yett_admin_switch(const struct yett_admin_request *request, const char *key)
{
	return json_is_true(json_object_get(request->body, key));
}

json_t *yett_admin_error(const char *code, const char *mend, const char *format, ...)
{
	g_autofree char *valid = NULL, *mends = g_utf8_make_valid(mend != NULL ? mend : "", -1);
	char text[512];
	va_list args;

	va_start(args, format);
	g_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	valid = g_utf8_make_valid(text, -1); /* what was asked for may be anything, and is cut */
	return json_pack(
		"{s:{s:s, s:s, s:s}}", "error", "code", code, "text", valid, "mend", mends);
}

void yett_admin_answer(struct yett_admin_request *request, unsigned status, json_t *json)
{
	request->status = status;
	request->json = json;
	request->finished(request);
}

static void run_node(struct yett_admin_request *request)
{
	yett_admin_answer(request, 200, yett_view_node(request->manage));
}

static void run_servers(struct yett_admin_request *request)
{
	yett_admin_answer(request, 200, yett_view_servers(request->manage));
}

static void run_agents(struct yett_admin_request *request)
{
	yett_admin_answer(request, 200, yett_view_agents(request->manage));
}

static void run_sessions(struct yett_admin_request *request)
{
	yett_admin_answer(request, 200, yett_view_sessions(request->manage));
}

static void run_queue(struct yett_admin_request *request)
{
	yett_admin_answer(request, 200, yett_view_queue(request->manage));
}

static void run_upstreams(struct yett_admin_request *request)
{
	yett_admin_answer(request, 200, yett_view_upstreams(request->manage));
}

static void run_modules(struct yett_admin_request *request)
{
	yett_admin_answer(request, 200, yett_view_modules(request->loader));
}

/* What only a management server has. */
static void answer_server(struct yett_admin_request *request, json_t *json)
{
	if (json != NULL) {
		yett_admin_answer(request, 200, json);
		return;
	}
	yett_admin_answer(request, 409,
		yett_admin_error("ENOTSUP", "ask a management server", "this node has no store"));
}

static void run_group(struct yett_admin_request *request)
{
	answer_server(request, yett_view_group(request->manage));
}

static void run_pending(struct yett_admin_request *request)
{
	answer_server(request, yett_view_pending(request->manage));
}

static void run_decisions(struct yett_admin_request *request)
{
	answer_server(request, yett_view_decisions(request->manage));
}

static void run_kit(struct yett_admin_request *request)
{
	const char *text = yett_admin_argument(request, "name");
	char name[YETT_NODE_NAME_SIZE];
	struct yett_error error = YETT_ERROR_INIT;
	json_t *json;

	if (yett_name_normalise(text != NULL ? text : "", name, sizeof(name)) != 0) {
		yett_admin_answer(request, 400,
			yett_admin_error("EINVAL", "name=NODE, its fully qualified name",
				"\"%.200s\" is no name of a node", text != NULL ? text : ""));
		return;
	}
	json = yett_view_kit(
		request->manage, name, yett_admin_argument(request, "upstream"), &error);
	if (json == NULL) {
		bool wrong = error.code == YETT_EINVAL;

		yett_admin_answer(request, wrong ? 400 : 409,
			yett_admin_error(
				wrong ? "EINVAL" : "ENOTSUP", error.mend, "%s", error.text));
		return;
	}
	yett_admin_answer(request, 200, json);
}

static unsigned status_of(int result)
{
	switch (result) {
	case YETT_EINVAL:
		return 400;
	case YETT_EDENIED:
		return 403;
	case YETT_ENOTFOUND:
		return 404;
	case YETT_ECONFLICT:
	case YETT_EEXIST:
	case YETT_ENOTSUP:
		return 409;
	case YETT_EUNAVAIL:
		return 503;
	case YETT_ETIMEOUT:
		return 504;
	default:
		return 500;
	}
}

static void changed(void *arg, int result, json_t *json, const struct yett_error *error)
{
	struct yett_admin_request *request = arg;

	if (result == 0) {
		yett_admin_answer(request, 200, json);
		return;
	}
	yett_admin_answer(request, status_of(result),
		yett_admin_error(yett_result_name(result), error->mend, "%s", error->text));
}

static void run_node_show(struct yett_admin_request *request)
{
	const char *text = yett_admin_argument(request, "name"), *near;
	const char *ask = yett_admin_argument(request, "ask");
	char name[YETT_NODE_NAME_SIZE], mend[YETT_NODE_NAME_SIZE + 40];
	GPtrArray *names;
	json_t *json = NULL;

	if (yett_manage_node(request->manage)->store == NULL) {
		answer_server(request, NULL);
		return;
	}
	if (text != NULL && yett_name_normalise(text, name, sizeof(name)) == 0) {
		json = yett_view_desired(request->manage, name);
	}
	if (json != NULL && ask != NULL && strcmp(ask, "true") == 0) {
		yett_manage_show(request->manage, name, json, changed, request);
		return;
	}
	if (json != NULL) {
		yett_admin_answer(request, 200, json);
		return;
	}
	names = yett_view_names(request->manage);
	near = text != NULL ? yett_name_nearest(text, (const char *const *)names->pdata) : NULL;
	if (near != NULL) {
		g_snprintf(mend, sizeof(mend), "did you mean %s?", near);
	} else {
		g_strlcpy(mend, "yettctl agents, yettctl servers", sizeof(mend));
	}
	yett_admin_answer(request, 404,
		yett_admin_error("ENOTFOUND", mend, "no node of the name \"%.200s\" is known",
			text != NULL ? text : ""));
	g_ptr_array_free(names, TRUE);
}

static void run_gateway_drain(struct yett_admin_request *request)
{
	const char *name = yett_admin_argument(request, "name");
	json_t *json = name != NULL ? yett_view_drain(request->manage, name) : NULL;

	if (yett_manage_node(request->manage)->store == NULL) {
		answer_server(request, NULL);
		return;
	}
	if (json != NULL) {
		yett_admin_answer(request, 200, json);
		return;
	}
	yett_admin_answer(request, 404,
		yett_admin_error("ENOTFOUND", "yettctl servers",
			"no gateway of the name \"%.200s\" is known", name != NULL ? name : ""));
}

static void run_explain(struct yett_admin_request *request)
{
	yett_manage_explain(
		request->manage, yett_admin_argument(request, "node"), changed, request);
}

static void run_drill(struct yett_admin_request *request)
{
	yett_manage_drill(request->manage, yett_admin_field(request, "node"), changed, request);
}

static void run_change(struct yett_admin_request *request)
{
	yett_manage_change(request->manage, request->change->path, request->body, request->by,
		changed, request);
}

static void run_metrics(struct yett_admin_request *request)
{
	request->text = yett_view_metrics(request->manage);
	yett_admin_answer(request, 200, NULL);
}

const struct yett_admin_route yett_admin_routes[] = {
	{"/v1/node", "this node", {NULL}, run_node},
	{"/v1/servers", "management servers and gateways", {NULL}, run_servers},
	{"/v1/agents", "agents", {NULL}, run_agents},
	{"/v1/sessions", "sessions of this node", {NULL}, run_sessions},
	{"/v1/queue", "the queue, by lane, and the upstreams", {NULL}, run_queue},
	{"/v1/upstreams", "upstreams of this node", {NULL}, run_upstreams},
	{"/v1/explain", "why this node, or another, is as it is", {"node", NULL}, run_explain},
	{"/v1/modules", "modules that are loaded", {NULL}, run_modules},
	{"/v1/records", "stored records",
		{"origin", "name", "kind", "from", "to", "after", "limit", NULL},
		yett_admin_records},
	{"/v1/events", "what nodes have logged",
		{"origin", "event", "level", "from", "to", "after", "limit", NULL},
		yett_admin_events},
	{"/v1/account", "what is stored and what is lost, by origin, epoch and lane",
		{"skip", NULL}, yett_admin_account},
	{"/v1/losses", "the ranges that are lost, and why", {"skip", NULL}, yett_admin_losses},
	{"/v1/group", "the management group, its keys, servers, settings and rules", {NULL},
		run_group},
	{"/v1/pending", "nodes that wait for a decision", {NULL}, run_pending},
	{"/v1/decisions", "what was decided about nodes", {NULL}, run_decisions},
	{"/v1/nodes/show", "a node: what it should be like, and what it made of that",
		{"name", "ask", NULL}, run_node_show},
	{"/v1/gateways/drain", "how far a gateway is emptied", {"name", NULL}, run_gateway_drain},
	{"/v1/kit", "the installation file of a node", {"name", "upstream", NULL}, run_kit},
	{"/v1/dead", "batches that could not be stored, and are kept as they came",
		{"id", "limit", NULL}, yett_admin_dead},
	{"/v1/alerts", "what is not well", {"all", NULL}, yett_admin_alerts},
	{"/v1/maintenance", "who is worked on, and raises no alerts", {NULL},
		yett_admin_maintenance},
	{"/v1/audit", "who changed what", {"limit", NULL}, yett_admin_audit},
	{"/metrics", "counters and gauges, in OpenMetrics", {NULL}, run_metrics},
	{NULL, NULL, {NULL}, NULL},
};

const struct yett_admin_change yett_admin_changes[] = {
	{"/v1/group/init", "makes the management group", {"name", NULL}, run_change},
	{"/v1/group/join", "lets this server sign for the group of its store", {NULL}, run_change},
	{"/v1/group/rollover", "makes the successor the group's key", {"compromised", NULL},
		run_change},
	{"/v1/group/set", "changes settings of the group", {"manual_agents", "decision_days", NULL},
		run_change},
	{"/v1/group/rules/add", "approves agents by a rule",
		{"name", "method", "authority", "site", NULL}, run_change},
	{"/v1/group/rules/delete", "takes a rule away", {"name", NULL}, run_change},
	{"/v1/gateways/approve", "approves a gateway", {"name", "site", "server", "ahead", NULL},
		run_change},
	{"/v1/gateways/delete", "takes the approval of a gateway away", {"name", "force", NULL},
		run_change},
	{"/v1/gateways/drain", "empties a gateway", {"name", "to", "cancel", NULL}, run_change},
	{"/v1/agents/approve", "approves agents", {"names", "all", "ahead", NULL}, run_change},
	{"/v1/agents/reject", "rejects agents", {"names", "all", "ahead", NULL}, run_change},
	{"/v1/agents/delete", "takes back what was decided about agents", {"names", NULL},
		run_change},
	{"/v1/alerts/acknowledge", "says that somebody looks after an alert",
		{"id", "comment", NULL}, yett_admin_acknowledge},
	{"/v1/maintenance/start", "raises no alerts for a node or a site",
		{"node", "site", "for", "reason", NULL}, yett_admin_maintenance_start},
	{"/v1/maintenance/stop", "raises them again", {"node", "site", NULL},
		yett_admin_maintenance_stop},
	{"/v1/dead/replay", "decodes a dead letter again, and stores it", {"id", NULL},
		yett_admin_dead_replay},
	{"/v1/drill", "proves the way by each upstream of a node", {"node", NULL}, run_drill},
	{"/v1/nodes/revoke", "cuts a node off", {"name", "ahead", NULL}, run_change},
	{"/v1/nodes/forget", "forgets a node that is gone", {"name", "force", NULL}, run_change},
	{"/v1/nodes/set", "sets what a node should be like",
		{"name", "values", "unset", "upstreams", NULL}, run_change},
	{NULL, NULL, {NULL}, NULL},
};
