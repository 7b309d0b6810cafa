/* `yettctl upstream set`, `node set|show`: what another node should be like.
 *
 * Responsible for their arguments, for asking the node's interface, for waiting until the node has
 * answered, and for what is printed. Not responsible for what may be set (manage/, conf/). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "table.h"

#define LOOK_US 250000

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static json_t *get_node(const struct yett_ctl *ctl, const char *name)
{
	char *escaped = yett_ctl_escape(name), path[1024];

	snprintf(path, sizeof(path), "/v1/nodes/show?name=%s", escaped);
	free(escaped);
	return yett_ctl_get(ctl, path);
}

static void line(const char *key, const char *text)
{
	if (text[0] != '\0') {
		printf("%-28s %s\n", key, text);
	}
}

static void print_value(const json_t *row)
{
	const json_t *desired = json_object_get(row, "desired");
	const char *property = text_of(row, "property");
	char *text = json_is_string(desired) ? strdup(json_string_value(desired)) : strdup("");

	for (size_t i = 0; i < json_array_size(desired); i++) {
		const json_t *one = json_array_get(desired, i);
		char *longer = NULL;

		if (asprintf(&longer, "%s%s%s%s%s", text, i > 0 ? ", " : "", text_of(one, "name"),
			    text_of(one, "address")[0] != '\0' ? "=" : "",
			    text_of(one, "address")) < 0) {
			abort();
		}
		free(text);
		text = longer;
	}
	printf("%-28s %s (%s)\n", property[0] != '\0' ? property : text_of(row, "name"), text,
		text_of(row, "source"));
	free(text);
}

static void print_node(const json_t *json)
{
	static const char *const of_node[] = {"health_state", "health_cause", "version", "address",
		"authentication", "primary_management_server", "first_seen"};
	const json_t *node = json_object_get(json, "node"), *set = json_object_get(json, "set");

	line("Name", text_of(json, "name"));
	for (size_t i = 0; i < sizeof(of_node) / sizeof(of_node[0]); i++) {
		line(of_node[i], text_of(node, of_node[i]));
	}
	for (size_t i = 0; i < json_array_size(set); i++) {
		print_value(json_array_get(set, i));
	}
	line("state", text_of(json, "state"));
	line("why", text_of(json, "why"));
	line("since", text_of(json, "since"));
	line("pinned", text_of(json, "pinned"));
	if (json_array_size(set) > 0) {
		printf("%-28s %" JSON_INTEGER_FORMAT ", by %s at %s\n", "revision",
			json_integer_value(json_object_get(json, "revision")), text_of(json, "by"),
			text_of(json, "at"));
	}
}

static int show(const struct yett_ctl *ctl, json_t *json)
{
	const char *state = text_of(json, "state");
	int code = strcmp(state, "refused") == 0 || strcmp(state, "rolled back") == 0
			   ? YETT_EXIT_FAILED
			   : YETT_EXIT_GOOD;

	if (ctl->json) {
		json_dumpf(json, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_node(json);
	}
	json_decref(json);
	return code;
}

int yett_ctl_node_show(const struct yett_ctl *ctl, int argc, char **argv)
{
	json_t *json;

	if (argc != 3) {
		fputs("yettctl: node show wants one name\n", stderr);
		return YETT_EXIT_USAGE;
	}
	json = get_node(ctl, argv[2]);
	if (json == NULL) {
		return YETT_EXIT_FAILED;
	}
	(void)show(ctl, json);
	return YETT_EXIT_GOOD;
}

/* Until the node has answered this revision, or a newer one has replaced it. */
static json_t *wait_for(const struct yett_ctl *ctl, const char *name, json_t *json)
{
	json_int_t revision = json_integer_value(json_object_get(json, "revision"));

	for (;;) {
		const char *state = text_of(json, "state");

		if (strcmp(state, "applied") == 0 || strcmp(state, "refused") == 0 ||
			strcmp(state, "rolled back") == 0) {
			return json;
		}
		json_decref(json);
		usleep(LOOK_US);
		json = get_node(ctl, name);
		if (json != NULL &&
			json_integer_value(json_object_get(json, "revision")) != revision) {
			fputs("yettctl: somebody else has set it anew meanwhile\n", stderr);
			json_decref(json);
			json = NULL;
		}
		if (json == NULL) {
			return NULL;
		}
	}
}

static int set(const struct yett_ctl *ctl, const char *name, json_t *body, bool wait)
{
	json_t *json;

	json_object_set_new(body, "name", json_string(name));
	json = yett_ctl_post(ctl, "/v1/nodes/set", body);
	if (json != NULL && wait) {
		json = wait_for(ctl, name, json);
	}
	return json != NULL ? show(ctl, json) : YETT_EXIT_FAILED;
}

/* "NAME" or "NAME=ADDRESS", with commas between them. */
static void add_upstreams(json_t *to, char *list)
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
	bool wait = false;
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
		if (strcmp(argv[i], "--wait") == 0) {
			wait = true;
		} else if (strcmp(argv[i], "--primary") == 0 && i + 1 < argc) {
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
	add_upstreams(upstreams, primary);
	if (failover != NULL) {
		add_upstreams(upstreams, failover);
	}
	body = json_pack("{s:o}", "upstreams", upstreams);
	return set(ctl, argv[2], body, wait);
}

int yett_ctl_node_set(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const char *const options[] = {"--wait", "--unset", NULL};
	bool wait = false;
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

		if (strcmp(argv[i], "--wait") == 0) {
			wait = true;
		} else if (strcmp(argv[i], "--unset") == 0 && i + 1 < argc) {
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
	return set(ctl, argv[2], body, wait);
}
