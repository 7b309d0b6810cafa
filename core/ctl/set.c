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

static void line(const char *key, const char *text)
{
	if (text[0] != '\0') {
		printf("%-12s %s\n", key, text);
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

static char *revision_text(const json_t *row, const json_t *value)
{
	return json_integer_value(value) != 0 ? value_text(row, value) : strdup("-");
}

static const struct yett_column columns[] = {
	{"PROPERTY", "property", NULL, false},
	{"DESIRED", "desired", value_text, false},
	{"APPLIED", "applied", value_text, false},
	{"SOURCE", "source", NULL, false},
	{"REVISION", "revision", revision_text, true},
	{"SINCE", "since", yett_table_since, true},
	{NULL, NULL, NULL, false},
};

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
	char *to = value_text(move, json_object_get(move, "upstreams"));

	if (json_is_object(move)) {
		printf("%-12s %s, to %s, by %s at %s%s%s%s%s\n", "move", text_of(move, "step"), to,
			text_of(move, "by"), text_of(move, "at"), why[0] != '\0' ? ": " : "", why,
			waits_for[0] != '\0' ? ": " : "", waits_for);
	}
	free(to);
}

static void print_node(const json_t *json)
{
	const json_t *node = json_object_get(json, "node");
	json_t *rows = rows_of(json);

	yett_table_print(columns, rows, "");
	json_decref(rows);
	putchar('\n');
	line("cause", text_of(node, "health_cause"));
	line("reports to", text_of(node, "primary_management_server"));
	line("state", text_of(json, "state"));
	line("why", text_of(json, "why"));
	print_move(json_object_get(json, "move"));
	line("pinned", text_of(json, "pinned"));
	if (json_integer_value(json_object_get(json, "revision")) != 0) {
		printf("%-12s %" JSON_INTEGER_FORMAT ", by %s at %s\n", "revision",
			json_integer_value(json_object_get(json, "revision")), text_of(json, "by"),
			text_of(json, "at"));
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

int yett_ctl_node_show(const struct yett_ctl *ctl, int argc, char **argv)
{
	json_t *json;
	char *path;

	if (argc != 3) {
		fputs("yettctl: node show wants one name\n", stderr);
		return YETT_EXIT_USAGE;
	}
	path = path_of(argv[2]);
	json = yett_ctl_get(ctl, path);
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

/* "--wait" or "--wait=SECONDS": 1 it is that, 0 it is something else, -1 it is wrong. */
static int take_wait(const char *word, double *ret_wait_s)
{
	char *end;

	if (strcmp(word, "--wait") == 0) {
		*ret_wait_s = WAIT_S;
		return 1;
	}
	if (strncmp(word, "--wait=", 7) != 0) {
		return 0;
	}
	*ret_wait_s = strtod(word + 7, &end);
	if (end == word + 7 || *end != '\0' || !(*ret_wait_s > 0 && *ret_wait_s <= 1e6)) {
		fputs("yettctl: --wait wants seconds, more than 0: --wait=60\n", stderr);
		return -1;
	}
	return 1;
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

int yett_ctl_upstream(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const char *const words[] = {"set", NULL};
	static const char *const options[] = {"--primary", "--failover", "--wait", NULL};
	char *primary = NULL, *failover = NULL;
	double wait_s = 0;
	json_t *body, *upstreams;

	if (argc < 3 || strcmp(argv[1], "set") != 0) {
		if (argc >= 2 && strcmp(argv[1], "set") != 0) {
			return yett_ctl_wrong("command of upstream", argv[1], words);
		}
		fputs("yettctl: upstream set NODE --primary A[=ADDRESS] --failover B[=ADDRESS],C\n",
			stderr);
		return YETT_EXIT_USAGE;
	}
	for (int i = 3; i < argc; i++) {
		int waits = take_wait(argv[i], &wait_s);

		if (waits < 0) {
			return YETT_EXIT_USAGE;
		}
		if (waits > 0) {
			continue;
		}
		if (strcmp(argv[i], "--primary") == 0 && i + 1 < argc) {
			primary = argv[++i];
		} else if (strcmp(argv[i], "--failover") == 0 && i + 1 < argc) {
			failover = argv[++i];
		} else {
			return yett_ctl_wrong("option of upstream set", argv[i], options);
		}
	}
	if (primary == NULL || strchr(primary, ',') != NULL) {
		fputs("yettctl: upstream set wants one --primary\n", stderr);
		return YETT_EXIT_USAGE;
	}
	upstreams = json_array();
	yett_ctl_add_upstreams(upstreams, primary);
	if (failover != NULL) {
		yett_ctl_add_upstreams(upstreams, failover);
	}
	body = json_pack("{s:o}", "upstreams", upstreams);
	return set(ctl, argv[2], body, wait_s, true);
}

int yett_ctl_node_set(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const char *const options[] = {"--wait", "--unset", NULL};
	double wait_s = 0;
	json_t *body, *values, *unset;

	if (argc < 4) {
		fputs("yettctl: node set NODE NAME=VALUE …\n", stderr);
		return YETT_EXIT_USAGE;
	}
	values = json_object();
	unset = json_array();
	body = json_pack("{s:o, s:o}", "values", values, "unset", unset);
	for (int i = 3; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		int waits = take_wait(argv[i], &wait_s);

		if (waits < 0) {
			json_decref(body);
			return YETT_EXIT_USAGE;
		}
		if (waits > 0) {
			continue;
		}
		if (strcmp(argv[i], "--unset") == 0 && i + 1 < argc) {
			json_array_append_new(unset, json_string(argv[++i]));
		} else if (value == NULL || argv[i][0] == '-') {
			json_decref(body);
			return argv[i][0] == '-'
				       ? yett_ctl_wrong("option of node set", argv[i], options)
				       : (fprintf(stderr, "yettctl: write NAME=VALUE, not %s\n",
						  argv[i]),
						 YETT_EXIT_USAGE);
		} else {
			*value++ = '\0';
			json_object_set_new(values, argv[i], json_string(value));
		}
	}
	return set(ctl, argv[2], body, wait_s, false);
}
