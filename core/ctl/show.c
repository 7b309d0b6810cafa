/* Views that are one question and one table: servers, agents, sessions, upstreams, modules, node.
 * Responsible for which columns a view has; the API says what is in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
		printf("%s%s (%zu)\n", i++ > 0 ? "\n" : "", name, json_array_size(group));
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
	{"ERROR", "error", NULL, false},
	{NULL, NULL, NULL, false},
};

static const struct yett_column modules[] = {
	{"NAME", "name", NULL, false},
	{"KIND", "kind", NULL, false},
	{"VERSION", "version", NULL, false},
	{"ABI", "abi", NULL, false},
	{"SUMMARY", "summary", NULL, false},
	{NULL, NULL, NULL, false},
};

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

		printf("%-28s %s\n", key, json_is_null(value) ? "-" : text);
		free(text);
	}
}

static void print_queue(const json_t *json)
{
	const json_t *note = json_object_get(json, "note");
	const char *policy = json_string_value(json_object_get(json, "policy"));

	if (note != NULL) {
		puts(json_string_value(note));
		return;
	}
	yett_table_print(lanes, json_object_get(json, "lanes"), "no lanes");
	printf("\ndurable: %s   degraded: %s   segments: %" JSON_INTEGER_FORMAT
	       "   waiting for room: %" JSON_INTEGER_FORMAT "\n\n",
		json_is_true(json_object_get(json, "durable")) ? "yes" : "no",
		json_is_true(json_object_get(json, "degraded")) ? "yes" : "no",
		json_integer_value(json_object_get(json, "segments")),
		json_integer_value(json_object_get(json, "waiting_batches")));
	yett_table_print(upstreams, json_object_get(json, "upstreams"), "no upstreams");
	if (policy != NULL) {
		printf("\n%s\n", policy);
	}
}

static const struct view {
	const char *name, *path, *empty;
	const struct yett_column *columns; /* NULL: an object of its own shape */
	void (*print)(const json_t *json);
	char *(*below)(const json_t *row); /* a line under each row */
} views[] = {
	{"servers", "/v1/servers", "no management servers or gateways", servers, NULL, cause_below},
	{"agents", "/v1/agents", NULL, NULL, print_agents, NULL},
	{"sessions", "/v1/sessions", "no sessions", sessions, NULL, session_below},
	{"upstreams", "/v1/upstreams", "no upstreams", upstreams, NULL, NULL},
	{"modules", "/v1/modules", "no modules", modules, NULL, NULL},
	{"queue", "/v1/queue", NULL, NULL, print_queue, NULL},
	{"node", "/v1/node", NULL, NULL, print_object, NULL},
};

static int show_once(const struct yett_ctl *ctl, const struct view *view)
{
	json_t *json = yett_ctl_get(ctl, view->path);

	if (json == NULL) {
		return YETT_EXIT_FAILED;
	}
	if (ctl->watch_s > 0) {
		fputs("\033[H\033[2J", stdout);
	}
	if (ctl->json) {
		json_dumpf(json, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (view->columns != NULL) {
		yett_table_print_with(view->columns, json, view->empty, view->below);
	} else {
		view->print(json);
	}
	fflush(stdout);
	json_decref(json);
	return YETT_EXIT_GOOD;
}

int yett_ctl_show(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const char *const none[] = {NULL};
	int result = YETT_EXIT_FAILED;

	if (argc > 1) {
		return yett_ctl_wrong("argument of this view", argv[1], none);
	}
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		if (strcmp(views[i].name, argv[0]) != 0) {
			continue;
		}
		do {
			result = show_once(ctl, &views[i]);
			if (ctl->watch_s > 0 && result == YETT_EXIT_GOOD) {
				usleep((useconds_t)(ctl->watch_s * 1e6));
			}
		} while (ctl->watch_s > 0 && result == YETT_EXIT_GOOD);
		return result;
	}
	return YETT_EXIT_USAGE;
}
