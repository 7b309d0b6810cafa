/* Views that are one question and one table. Responsible for which columns a view has; the API says
 * what is in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "table.h"

static const struct yett_column servers[] = {
	{"HEALTH", "health_state", NULL, false},
	{"NAME", "fqdn", NULL, false},
	{"GATEWAY", "is_gateway", yett_table_yes, false},
	{"VERSION", "version", NULL, false},
	{"CONNECTED", "connected", yett_table_yes, false},
	{"SINCE", "health_since", yett_table_since, true},
	{NULL, NULL, NULL, false},
};

static const struct yett_column agents[] = {
	{"HEALTH", "health_state", NULL, false},
	{"NAME", "fqdn", NULL, false},
	{"METHOD", "authentication", NULL, false},
	{"SINCE", "health_since", yett_table_since, true},
	{"HEARD", "heard", yett_table_since, true},
	{NULL, NULL, NULL, false},
};

/* Why, below who is not well; and whether somebody works on it. */
static char *cause_below(const json_t *row)
{
	const char *cause = json_string_value(json_object_get(row, "health_cause"));
	bool works = json_is_true(json_object_get(row, "maintenance"));
	char *text = NULL;

	if (cause == NULL && !works) {
		return NULL;
	}
	if (asprintf(&text, "  %s%s%s", cause != NULL ? cause : "",
		    cause != NULL && works ? "; " : "", works ? "in maintenance" : "") < 0) {
		abort();
	}
	return text;
}

static const char *primary_of(const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "primary_management_server"));

	return name != NULL ? name : "nobody that is known";
}

/* A table for each server that agents report to. */
static void print_agents(const json_t *rows)
{
	json_t *groups = json_object(), *group;
	const char *name;
	size_t i;
	json_t *row;

	json_array_foreach((json_t *)(uintptr_t)rows, i, row)
	{
		group = json_object_get(groups, primary_of(row));
		if (group == NULL) {
			group = json_array();
			json_object_set_new(groups, primary_of(row), group);
		}
		json_array_append(group, row);
	}
	if (json_array_size(rows) == 0) {
		puts("no agents yet");
	}
	i = 0;
	json_object_foreach(groups, name, group)
	{
		fputs(i++ > 0 ? "\n" : "", stdout);
		yett_ctl_say("%s (%zu)", name, json_array_size(group));
		yett_table_print_with(agents, group, "", cause_below);
	}
	json_decref(groups);
}

static const struct yett_column sessions[] = {
	{"", "direction", NULL, false},
	{"STATE", "state", NULL, false},
	{"ROLE", "role", NULL, false},
	{"NAME", "name", NULL, false},
	{"METHOD", "mechanism", NULL, false},
	{"BOUND", "channel_bound", yett_table_yes, false},
	{"EXPIRES", "expires", yett_table_until, true},
	{"RECORDS", "records", NULL, true},
	{NULL, NULL, NULL, false},
};

/* Principals are long, and 80 columns are what everybody has; the rest is in --json. */
static char *session_below(const json_t *row)
{
	const char *who = json_string_value(json_object_get(row, "principal"));
	const char *address = json_string_value(json_object_get(row, "address"));
	const char *direction = json_string_value(json_object_get(row, "direction"));
	char *text = NULL;

	if (asprintf(&text, "     %s%s%s %s", who != NULL ? who : "", who != NULL ? " " : "",
		    direction != NULL && strcmp(direction, "in") == 0 ? "from" : "at",
		    address != NULL ? address : "?") < 0) {
		abort();
	}
	return text;
}

static const struct yett_column upstreams[] = {
	{"STATE", "state", NULL, false},
	{"ROLE", "role", NULL, false},
	{"NAME", "name", NULL, false},
	{"SINCE", "since_ms", yett_table_age_ms, true},
	{"HOPS", "hops", NULL, true},
	{"IN FLIGHT", "unsettled_bytes", yett_table_bytes, true},
	{NULL, NULL, NULL, false},
};

/* Why it is not used. */
static char *upstream_below(const json_t *row)
{
	const char *error = json_string_value(json_object_get(row, "error"));
	char *text = NULL;

	if (error != NULL && asprintf(&text, "  %s", error) < 0) {
		abort();
	}
	return text;
}

static const struct yett_column modules[] = {
	{"NAME", "name", NULL, false},
	{"KIND", "kind", NULL, false},
	{"VERSION", "version", NULL, false},
	{"ABI", "abi", NULL, false},
	{NULL, NULL, NULL, false},
};

static char *module_below(const json_t *row)
{
	const char *summary = json_string_value(json_object_get(row, "summary"));
	char *text = NULL;

	if (asprintf(&text, "     %s", summary != NULL ? summary : "") < 0) {
		abort();
	}
	return text;
}

static const struct yett_column lanes[] = {
	{"LANE", "lane", NULL, false},
	{"BATCHES", "batches", NULL, true},
	{"RECORDS", "records", NULL, true},
	{"BYTES", "bytes", yett_table_bytes, true},
	{"LIMIT", "limit_bytes", yett_table_bytes, true},
	{"OLDEST", "oldest_age_ms", yett_table_age_ms, true},
	{NULL, NULL, NULL, false},
};

static void print_object(const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		char *text = json_is_string(value) ? strdup(json_string_value(value))
						   : json_dumps(value, JSON_ENCODE_ANY);

		printf("%-28s ", key);
		yett_table_wrapped(json_is_null(value) ? "-" : text, 29);
		free(text);
	}
}

static void print_queue(const json_t *json)
{
	const json_t *note = json_object_get(json, "note");
	const char *policy = json_string_value(json_object_get(json, "policy"));

	if (note != NULL) {
		yett_table_wrapped(json_string_value(note), 0);
		return;
	}
	yett_table_print(lanes, json_object_get(json, "lanes"), "no lanes");
	printf("\ndurable: %s   degraded: %s   segments: %" JSON_INTEGER_FORMAT
	       "   waiting for room: %" JSON_INTEGER_FORMAT "\n\n",
		json_is_true(json_object_get(json, "durable")) ? "yes" : "no",
		json_is_true(json_object_get(json, "degraded")) ? "yes" : "no",
		json_integer_value(json_object_get(json, "segments")),
		json_integer_value(json_object_get(json, "waiting_batches")));
	yett_table_print_with(
		upstreams, json_object_get(json, "upstreams"), "no upstreams", upstream_below);
	if (policy != NULL) {
		putchar('\n');
		yett_table_wrapped(policy, 0);
	}
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text != NULL ? text : "-";
}

static const struct yett_column pending[] = {
	{"NAME", "name", NULL, false},
	{"TYPE", "type", NULL, false},
	{"SERVER", "server", NULL, false},
	{"SINCE", "since", yett_table_since, true},
	{NULL, NULL, NULL, false},
};

static char *waits_below(const json_t *row)
{
	const char *via = json_string_value(json_object_get(row, "via"));
	char *text = NULL;

	if (asprintf(&text, "     %s %s from %s%s%s", text_of(row, "method"),
		    text_of(row, "principal"), text_of(row, "address"), via != NULL ? " via " : "",
		    via != NULL ? via : "") < 0) {
		abort();
	}
	return text;
}

static const struct yett_column decisions[] = {
	{"NAME", "name", NULL, false},
	{"TYPE", "type", NULL, false},
	{"DECISION", "verdict", NULL, false},
	{"SITE", "site", NULL, false},
	{NULL, NULL, NULL, false},
};

static char *decision_below(const json_t *row)
{
	const char *told = json_string_value(json_object_get(row, "hearsay"));
	char *text = NULL;

	if (asprintf(&text, "     by %s at %s%s%s", text_of(row, "by"), text_of(row, "at"),
		    told != NULL ? "; its id as told by " : "", told != NULL ? told : "") < 0) {
		abort();
	}
	return text;
}

static const struct yett_column audit[] = {
	{"AT", "at", yett_table_whole, false},
	{"BY", "by", NULL, false},
	{"ACTION", "action", NULL, false},
	{"ON", "key", NULL, false},
	{NULL, NULL, NULL, false},
};

static const struct yett_column maintenance[] = {
	{"NODE", "node", NULL, false},
	{"SITE", "site", NULL, false},
	{"SINCE", "since", yett_table_since, true},
	{"ENDS IN", "until", yett_table_until, true},
	{"BY", "by", NULL, false},
	{NULL, NULL, NULL, false},
};

static char *reason_below(const json_t *row)
{
	const char *reason = json_string_value(json_object_get(row, "reason"));
	char *text = NULL;

	if (reason != NULL && asprintf(&text, "  %s", reason) < 0) {
		abort();
	}
	return text;
}

static const struct {
	const char *name; /* the form's first word */
	struct yett_view view;
} views[] = {
	{"servers",
		{"/v1/servers", "no management servers or gateways", servers, cause_below, NULL}},
	{"agents", {"/v1/agents", NULL, NULL, NULL, print_agents}},
	{"sessions", {"/v1/sessions", "no sessions", sessions, session_below, NULL}},
	{"upstreams", {"/v1/upstreams", "no upstreams", upstreams, upstream_below, NULL}},
	{"modules", {"/v1/modules", "no modules", modules, module_below, NULL}},
	{"queue", {"/v1/queue", NULL, NULL, NULL, print_queue}},
	{"node", {"/v1/node", NULL, NULL, NULL, print_object}},
	{"pending", {"/v1/pending", "nobody waits for a decision", pending, waits_below, NULL}},
	{"decisions",
		{"/v1/decisions", "nothing has been decided", decisions, decision_below, NULL}},
	{"audit", {"/v1/audit", "nothing has been changed", audit, NULL, NULL}},
	{"maintenance",
		{"/v1/maintenance", "nobody is in maintenance", maintenance, reason_below, NULL}},
};

int yett_ctl_show(const struct yett_ctl *ctl, const struct yett_line *line)
{
	(void)line;
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		if (strcmp(views[i].name, ctl->form->words) == 0) {
			return yett_ctl_view_at(ctl, &views[i].view, views[i].view.path);
		}
	}
	abort(); /* the table of commands has a view that this one lacks */
}
