/* `yettctl upstream set`, `node set|show`: what another node should be like.
 *
 * Responsible for their arguments, for asking the node's interface, for waiting until the node has
 * answered, and for what is printed. Not responsible for what may be set (manage/, conf/). A wait ends
 * with an answer, also that there is none yet; a management server that is away meanwhile is waited for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "table.h"

#define LOOK_US 250000
#define WAIT_S  900 /* longer than a node tries new upstreams, unless told otherwise */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static char *path_of(const char *name)
{
	char *escaped = yett_ctl_escape(name), *path = NULL;

	if (asprintf(&path, "/v1/nodes/show?name=%s", escaped) < 0) {
		abort();
	}
	free(escaped);
	return path;
}

static void tell(const char *key, const char *text)
{
	if (text[0] != '\0') {
		printf("%-12s ", key);
		yett_table_wrapped(text, 13);
	}
}

/* A value as one would write it; of upstreams, all of them. */
static char *value_text(const json_t *row, const json_t *value)
{
	char *text = NULL;

	(void)row;
	if (json_is_boolean(value)) {
		return strdup(json_is_true(value) ? "true" : "false");
	}
	if (json_is_integer(value)) {
		if (asprintf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(value)) < 0) {
			abort();
		}
		return text;
	}
	text = strdup(json_is_string(value) ? json_string_value(value) : "");
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *one = json_array_get(value, i);
		char *longer = NULL;

		if (asprintf(&longer, "%s%s%s%s%s", text, i > 0 ? ", " : "", text_of(one, "name"),
			    text_of(one, "address")[0] != '\0' ? "=" : "",
			    text_of(one, "address")) < 0) {
			abort();
		}
		free(text);
		text = longer;
	}
	if (text[0] == '\0') {
		free(text);
		text = strdup("-");
	}
	return text;
}

static const struct yett_column columns[] = {
	{"PROPERTY", "property", yett_table_whole, false},
	{"IN FORCE", "applied", value_text, false},
	{"SOURCE", "source", yett_table_whole, false},
	{NULL, NULL, NULL, false},
};

/* What somebody wants it to be, where anybody does. */
static char *desired_below(const json_t *row)
{
	const json_t *desired = json_object_get(row, "desired");
	const json_t *since = json_object_get(row, "since");
	char *value, *age, *text = NULL;

	if (desired == NULL || json_is_null(desired)) {
		return NULL;
	}
	value = value_text(row, desired);
	age = json_is_string(since) ? yett_table_since(row, since) : NULL;
	if (asprintf(&text, "  desired: %s, revision %" JSON_INTEGER_FORMAT "%s%s", value,
		    json_integer_value(json_object_get(row, "revision")),
		    age != NULL ? ", in force for " : "", age != NULL ? age : "") < 0) {
		abort();
	}
	free(age);
	free(value);
	return text;
}

/* What is set and has no name of the original's goes below the properties. */
static json_t *rows_of(const json_t *json)
{
	json_t *rows = json_copy(json_object_get(json, "properties"));
	const json_t *set = json_object_get(json, "set");

	for (size_t i = 0; i < json_array_size(set); i++) {
		json_t *row = json_array_get(set, i);
		bool applied = json_is_true(json_object_get(row, "applied"));

		if (!json_is_string(json_object_get(row, "property"))) {
			json_array_append_new(
				rows, json_pack("{s:O, s:O, s:O?, s:O, s:O, s:O?}", "property",
					      json_object_get(row, "name"), "desired",
					      json_object_get(row, "desired"), "applied",
					      applied ? json_object_get(row, "desired") : NULL,
					      "source", json_object_get(row, "source"), "revision",
					      json_object_get(json, "revision"), "since",
					      applied ? json_object_get(json, "since") : NULL));
		}
	}
	return rows;
}

/* How far it is on its way to other upstreams, or how that ended. */
static void print_move(const json_t *move)
{
	const char *why = text_of(move, "why"), *waits_for = text_of(move, "waits_for");
	char *to = value_text(move, json_object_get(move, "upstreams")), *text = NULL;

	if (asprintf(&text, "%s, to %s, by %s at %s%s%s%s%s", text_of(move, "step"), to,
		    text_of(move, "by"), text_of(move, "at"), why[0] != '\0' ? ": " : "", why,
		    waits_for[0] != '\0' ? ": " : "", waits_for) < 0) {
		abort();
	}
	tell("move", json_is_object(move) ? text : "");
	free(text);
	free(to);
}

static void print_node(const json_t *json)
{
	const json_t *node = json_object_get(json, "node");
	json_t *rows = rows_of(json);
	char *text = NULL;

	yett_table_print_with(columns, rows, "", desired_below);
	json_decref(rows);
	putchar('\n');
	tell("cause", text_of(node, "health_cause"));
	tell("reports to", text_of(node, "primary_management_server"));
	tell("state", text_of(json, "state"));
	tell("why", text_of(json, "why"));
	print_move(json_object_get(json, "move"));
	tell("pinned", text_of(json, "pinned"));
	tell("not asked", text_of(json, "asked_why"));
	if (json_integer_value(json_object_get(json, "revision")) != 0) {
		if (asprintf(&text, "%" JSON_INTEGER_FORMAT ", by %s at %s",
			    json_integer_value(json_object_get(json, "revision")),
			    text_of(json, "by"), text_of(json, "at")) < 0) {
			abort();
		}
		tell("revision", text);
		free(text);
	}
}

static void print(const struct yett_ctl *ctl, const json_t *json)
{
	if (ctl->json) {
		yett_ctl_print_json(ctl, json);
	} else {
		print_node(json);
	}
}

int yett_ctl_node_show(const struct yett_ctl *ctl, const struct yett_line *line)
{
	char *path = path_of(line->words[0]), *asking = NULL;
	json_t *json;

	if (asprintf(&asking, "%s&ask=true", path) < 0) {
		abort();
	}
	json = yett_ctl_get(ctl, asking);
	free(asking);
	free(path);
	if (json == NULL) {
		return YETT_EXIT_NO_ANSWER;
	}
	print(ctl, json);
	json_decref(json);
	return YETT_EXIT_GOOD;
}

/* What is waited for: that the node goes by what was set, or that it has gone over to other upstreams. */
struct wish {
	const char *name;
	json_int_t revision;
	char *move; /* its id; NULL: it does not move */
};

/* What has become of it: an exit code, or -1: nothing yet. */
static int outcome(const struct wish *wish, const json_t *json)
{
	const char *state = wish->move != NULL ? text_of(json_object_get(json, "move"), "step")
					       : text_of(json, "state");

	if (strcmp(state, "applied") == 0 || strcmp(state, "done") == 0) {
		return YETT_EXIT_GOOD;
	}
	return strcmp(state, "refused") == 0 || strcmp(state, "rolled back") == 0 ||
			       strcmp(state, "replaced") == 0
		       ? YETT_EXIT_FAILED
		       : -1;
}

static bool is_replaced(const struct wish *wish, const json_t *json)
{
	return wish->move != NULL
		       ? strcmp(text_of(json_object_get(json, "move"), "id"), wish->move) != 0
		       : json_integer_value(json_object_get(json, "revision")) != wish->revision;
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Looks again and again until the node has answered this, something newer has replaced it (NULL), or the
 * time is over. */
static json_t *wait_for(
	const struct yett_ctl *ctl, const struct wish *wish, json_t *json, double wait_s)
{
	double until_s = now_s() + wait_s;
	char *path = path_of(wish->name);
	bool away = false;

	while (json != NULL && outcome(wish, json) < 0 && now_s() < until_s) {
		enum yett_trouble trouble = 0;
		json_t *newer;

		usleep(LOOK_US);
		newer = yett_ctl_try(ctl, path, 5, &trouble);
		if (newer == NULL && trouble != YETT_TROUBLE_TOLD) {
			if (!away) {
				fputs("yettctl: this management server does not answer now; it is "
				      "waited for\n",
					stderr);
			}
			away = true;
			continue;
		}
		json_decref(json);
		json = newer;
		if (json != NULL && is_replaced(wish, json)) {
			fputs("yettctl: somebody else has set it anew meanwhile\n", stderr);
			json_decref(json);
			json = NULL;
		}
	}
	free(path);
	return json;
}

static void tell_undecided(const struct wish *wish, json_t *whole, double wait_s)
{
	json_t *json = yett_ctl_tamed(json_incref(whole));
	const json_t *move = json_object_get(json, "move");
	const char *waits_for = text_of(move, "waits_for");

	if (wish->move != NULL) {
		fprintf(stderr,
			"yettctl: %s has not gone over within %g s; step: %s%s%s. It goes on; look "
			"again: yettctl node show %s\n",
			wish->name, wait_s, text_of(move, "step"), waits_for[0] != '\0' ? ": " : "",
			waits_for, wish->name);
	} else {
		fprintf(stderr,
			"yettctl: %s has not answered within %g s: %s. What is set stays set; look "
			"again: yettctl node show %s\n",
			wish->name, wait_s, text_of(json, "state"), wish->name);
	}
	json_decref(json);
}

/* `wait_s` 0: not. */
static int set(
	const struct yett_ctl *ctl, const char *name, json_t *body, double wait_s, bool moves)
{
	struct wish wish = {.name = name};
	json_t *json;
	int code;

	json_object_set_new(body, "name", json_string(name));
	json = yett_ctl_post(ctl, "/v1/nodes/set", body);
	wish.revision = json_integer_value(json_object_get(json, "revision"));
	wish.move = moves ? strdup(text_of(json_object_get(json, "move"), "id")) : NULL;
	if (json != NULL && wait_s > 0) {
		json = wait_for(ctl, &wish, json, wait_s);
	}
	if (json == NULL) {
		free(wish.move);
		return YETT_EXIT_FAILED;
	}
	print(ctl, json);
	code = outcome(&wish, json);
	if (code < 0 && wait_s > 0) {
		tell_undecided(&wish, json, wait_s);
	}
	json_decref(json);
	free(wish.move);
	return code >= 0 ? code : wait_s > 0 ? YETT_EXIT_UNDECIDED : YETT_EXIT_GOOD;
}

/* "NAME" or "NAME=ADDRESS", with commas between them. */
void yett_ctl_add_upstreams(json_t *to, char *list)
{
	char *rest = list, *one;

	while ((one = strsep(&rest, ",")) != NULL) {
		char *address = strchr(one, '=');

		if (address != NULL) {
			*address++ = '\0';
		}
		json_array_append_new(to, json_pack("{s:s, s:s}", "name", one, "address",
						  address != NULL ? address : ""));
	}
}

int yett_ctl_upstream_set(const struct yett_ctl *ctl, const struct yett_line *line)
{
	const char *failover = yett_line_value(line, "failover");
	char *primary, *others;
	double wait_s;
	json_t *upstreams;

	if (strchr(yett_line_value(line, "primary"), ',') != NULL) {
		fputs("yettctl: there is one --primary: those behind a comma go to --failover\n",
			stderr);
		return YETT_EXIT_USAGE;
	}
	if (yett_ctl_wait(line, 0, WAIT_S, &wait_s) != 0) {
		return YETT_EXIT_USAGE;
	}
	primary = strdup(yett_line_value(line, "primary"));
	others = strdup(failover != NULL ? failover : "");
	upstreams = json_array();
	yett_ctl_add_upstreams(upstreams, primary);
	if (failover != NULL) {
		yett_ctl_add_upstreams(upstreams, others);
	}
	free(others);
	free(primary);
	return set(ctl, line->words[0], json_pack("{s:o}", "upstreams", upstreams), wait_s, true);
}

json_t *yett_ctl_values(const struct yett_line *line, int from)
{
	json_t *values = json_object();

	for (int i = from; i < line->count; i++) {
		const char *word = line->words[i], *equals = strchr(word, '=');
		char *name;

		if (equals == NULL || equals == word) {
			fprintf(stderr, "yettctl: write NAME=VALUE, not %s\n", word);
			json_decref(values);
			return NULL;
		}
		name = strndup(word, (size_t)(equals - word));
		json_object_set_new(values, name, json_string(equals + 1));
		free(name);
	}
	return values;
}

int yett_ctl_node_set(const struct yett_ctl *ctl, const struct yett_line *line)
{
	json_t *values = NULL, *unset = NULL;
	const char *name;
	size_t place = 0;
	double wait_s;

	if (yett_ctl_wait(line, 0, WAIT_S, &wait_s) != 0 ||
		(values = yett_ctl_values(line, 1)) == NULL) {
		return YETT_EXIT_USAGE;
	}
	unset = json_array();
	while ((name = yett_line_next(line, "unset", &place)) != NULL) {
		json_array_append_new(unset, json_string(name));
	}
	if (json_object_size(values) == 0 && json_array_size(unset) == 0) {
		fputs("yettctl: node set wants something to set: NAME=VALUE, or --unset NAME\n",
			stderr);
		json_decref(values);
		json_decref(unset);
		return YETT_EXIT_USAGE;
	}
	return set(ctl, line->words[0], json_pack("{s:o, s:o}", "values", values, "unset", unset),
		wait_s, false);
}
