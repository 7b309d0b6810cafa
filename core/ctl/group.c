/* `yettctl group …`: the management group, its keys, servers, settings and rules.
 *
 * Responsible for their arguments, for asking the node's interface, and for what is printed. Not
 * responsible for the keys themselves (manage/group.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "table.h"

#define JOIN_TRIES 100 /* a tenth of a second each */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "-";
}

static const struct yett_column rules[] = {
	{"RULE", "name", NULL, false},
	{"METHOD", "method", NULL, false},
	{"AUTHORITY", "authority", NULL, false},
	{NULL, NULL, NULL, false},
};

static const struct yett_column servers[] = {
	{"SERVER", "name", NULL, false},
	{"CERTIFIED", "certified", yett_table_yes, false},
	{NULL, NULL, NULL, false},
};

static void print_group(const json_t *json)
{
	printf("group          %s\nid             %s\nkey            %.16s (number "
	       "%" JSON_INTEGER_FORMAT
	       ")\nsuccessor      %.16s\nmanual-agents  %s\ndecision-days  %" JSON_INTEGER_FORMAT
	       "\nthis server    %s%s\n\n",
		text_of(json, "name"), text_of(json, "id"), text_of(json, "current"),
		json_integer_value(json_object_get(json, "sequence")), text_of(json, "next"),
		text_of(json, "manual_agents"),
		json_integer_value(json_object_get(json, "decision_days")),
		json_is_true(json_object_get(json, "signs")) ? "signs decisions"
							     : "does not sign decisions",
		json_is_true(json_object_get(json, "holds_key")) ? ", holds the group's key" : "");
	yett_table_print(servers, json_object_get(json, "servers"), "no servers");
	putchar('\n');
	yett_table_print(rules, json_object_get(json, "rules"), "no rules");
}

static int print(const struct yett_ctl *ctl, json_t *json)
{
	if (json == NULL) {
		return YETT_EXIT_FAILED;
	}
	if (ctl->json) {
		json_dumpf(json, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_group(json);
	}
	json_decref(json);
	return YETT_EXIT_GOOD;
}

/* A certificate comes with the second hand of the server that holds the group's key. */
static int wait_certified(const struct yett_ctl *ctl, json_t *json)
{
	for (int i = 0; json != NULL && !json_is_true(json_object_get(json, "signs")); i++) {
		json_decref(json);
		if (i == JOIN_TRIES) {
			fputs("yettctl: this server asks for a certificate of the group's key, and "
			      "has none yet: the server that made the group has to run, with the "
			      "same store; look again: yettctl group\n",
				stderr);
			return YETT_EXIT_FAILED;
		}
		usleep(100000);
		json = yett_ctl_get(ctl, "/v1/group");
	}
	return print(ctl, json);
}

static int init(const struct yett_ctl *ctl, int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: yettctl group init NAME\n", stderr);
		return YETT_EXIT_USAGE;
	}
	return wait_certified(
		ctl, yett_ctl_post(ctl, "/v1/group/init", json_pack("{s:s}", "name", argv[2])));
}

static int join(const struct yett_ctl *ctl, int argc, char **argv)
{
	(void)argv;
	if (argc != 2) {
		fputs("usage: yettctl group join\n", stderr);
		return YETT_EXIT_USAGE;
	}
	return wait_certified(ctl, yett_ctl_post(ctl, "/v1/group/join", json_object()));
}

static int rollover(const struct yett_ctl *ctl, int argc, char **argv)
{
	(void)argv;
	if (argc != 2) {
		fputs("usage: yettctl group rollover\n", stderr);
		return YETT_EXIT_USAGE;
	}
	return print(ctl, yett_ctl_post(ctl, "/v1/group/rollover", json_object()));
}

static int set(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const char *const keys[] = {"manual-agents", "decision-days", NULL};
	json_t *body = json_object();

	for (int i = 2; i < argc; i++) {
		char *equals = strchr(argv[i], '=');

		if (equals == NULL) {
			json_decref(body);
			fprintf(stderr, "yettctl: write %s=VALUE\n", argv[i]);
			return YETT_EXIT_USAGE;
		}
		*equals = '\0';
		if (strcmp(argv[i], keys[0]) == 0) {
			json_object_set_new(body, "manual_agents", json_string(equals + 1));
		} else if (strcmp(argv[i], keys[1]) == 0) {
			json_object_set_new(
				body, "decision_days", json_integer(strtol(equals + 1, NULL, 10)));
		} else {
			json_decref(body);
			return yett_ctl_wrong("setting of the group", argv[i], keys);
		}
	}
	return print(ctl, yett_ctl_post(ctl, "/v1/group/set", body));
}

static int rule(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const char *const words[] = {"add", "delete", NULL};
	static const char *const options[] = {"--method", "--authority", NULL};
	json_t *body;

	if (argc < 4) {
		fputs("usage: yettctl group rule add PATTERN [--method M] [--authority A]\n"
		      "       yettctl group rule delete PATTERN\n",
			stderr);
		return YETT_EXIT_USAGE;
	}
	body = json_pack("{s:s}", "name", argv[3]);
	if (strcmp(argv[2], "delete") == 0 && argc == 4) {
		return print(ctl, yett_ctl_post(ctl, "/v1/group/rules/delete", body));
	}
	if (strcmp(argv[2], "add") != 0) {
		json_decref(body);
		return yett_ctl_wrong("command of group rule", argv[2], words);
	}
	for (int i = 4; i < argc; i += 2) {
		bool method = strcmp(argv[i], options[0]) == 0;

		if ((!method && strcmp(argv[i], options[1]) != 0) || i + 1 >= argc) {
			json_decref(body);
			return yett_ctl_wrong("option with a value", argv[i], options);
		}
		json_object_set_new(
			body, method ? "method" : "authority", json_string(argv[i + 1]));
	}
	return print(ctl, yett_ctl_post(ctl, "/v1/group/rules/add", body));
}

static int show(const struct yett_ctl *ctl, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return print(ctl, yett_ctl_get(ctl, "/v1/group"));
}

int yett_ctl_group(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct yett_ctl *ctl, int argc, char **argv);
	} commands[] = {
		{"show", show},
		{"init", init},
		{"join", join},
		{"rollover", rollover},
		{"set", set},
		{"rule", rule},
	};
	const char *words[sizeof(commands) / sizeof(commands[0]) + 1] = {NULL};

	if (argc == 1) {
		return show(ctl, argc, argv);
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		words[i] = commands[i].name;
		if (strcmp(commands[i].name, argv[1]) == 0) {
			return commands[i].run(ctl, argc, argv);
		}
	}
	return yett_ctl_wrong("command of group", argv[1], words);
}
