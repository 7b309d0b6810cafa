/* The routes of the API: which path shows what, in one table.
 *
 * Responsible for the tables (what shows, what changes) and for the answers that come straight from
 * the loop. What the store
 * answers is in records.c; HTTP, sockets and permissions are in server.c. On the loop. */
#include <stdarg.h>
#include <string.h>

#include "../manage/views.h"
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
	char text[512];
	va_list args;

	va_start(args, format);
	g_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return json_pack("{s:{s:s, s:s, s:s}}", "error", "code", code, "text", text, "mend", mend);
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
	{"/v1/modules", "modules that are loaded", {NULL}, run_modules},
	{"/v1/records", "stored records",
		{"origin", "name", "kind", "from", "to", "after", "limit", NULL},
		yett_admin_records},
	{"/v1/account", "what is stored and what is lost, by origin, epoch and lane", {NULL},
		yett_admin_account},
	{"/v1/losses", "the ranges that are lost, and why", {NULL}, yett_admin_losses},
	{"/metrics", "counters and gauges, in OpenMetrics", {NULL}, run_metrics},
	{NULL, NULL, {NULL}, NULL},
};

const struct yett_admin_change yett_admin_changes[] = {
	{NULL, NULL, {NULL}, NULL},
};
