/* `yettctl group …`: the management group, its keys, servers, settings and rules.
 *
 * Responsible for asking the node's interface, and for what is printed. Not
 * responsible for the keys themselves (manage/group.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "table.h"

#define DAYS_MAX   1000000
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
	{"SITE", "site", NULL, false},
	{NULL, NULL, NULL, false},
};

static const struct yett_column servers[] = {
	{"SERVER", "name", NULL, false},
	{"CERTIFIED", "certified", yett_table_yes, false},
	{NULL, NULL, NULL, false},
};

static void print_group(const json_t *json)
{
	fputs("group          ", stdout);
	yett_table_wrapped(text_of(json, "name"), 15);
	printf("id             %s\nkey            %.16s (number %" JSON_INTEGER_FORMAT
	       ")\nsuccessor      %.16s\nmanual-agents  %s\ndecision-days  %" JSON_INTEGER_FORMAT
	       "\nthis server    %s%s\n\n",
		text_of(json, "id"), text_of(json, "current"),
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
	return yett_ctl_print(ctl, json, print_group);
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

int yett_ctl_group_show(const struct yett_ctl *ctl, const struct yett_line *line)
{
	(void)line;
	return print(ctl, yett_ctl_get(ctl, "/v1/group"));
}

int yett_ctl_group_init(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return wait_certified(ctl,
		yett_ctl_post(ctl, "/v1/group/init", json_pack("{s:s}", "name", line->words[0])));
}

int yett_ctl_group_join(const struct yett_ctl *ctl, const struct yett_line *line)
{
	(void)line;
	return wait_certified(ctl, yett_ctl_post(ctl, "/v1/group/join", json_object()));
}

int yett_ctl_group_rollover(const struct yett_ctl *ctl, const struct yett_line *line)
{
	json_t *body = json_object();

	if (yett_line_value(line, "compromised") != NULL) {
		json_object_set_new(body, "compromised", json_true());
	}
	return print(ctl, yett_ctl_post(ctl, "/v1/group/rollover", body));
}

int yett_ctl_group_set(const struct yett_ctl *ctl, const struct yett_line *line)
{
	static const char *const keys[] = {"manual-agents", "decision-days", NULL};
	json_t *body = json_object();

	for (int i = 0; i < line->count; i++) {
		char *equals = strchr(line->words[i], '=');

		if (equals == NULL) {
			json_decref(body);
			fprintf(stderr, "yettctl: write %s=VALUE\n", line->words[i]);
			return YETT_EXIT_USAGE;
		}
		*equals = '\0';
		if (strcmp(line->words[i], keys[0]) == 0) {
			json_object_set_new(body, "manual_agents", json_string(equals + 1));
		} else if (strcmp(line->words[i], keys[1]) == 0) {
			char *end;
			long days = strtol(equals + 1, &end, 10);

			if (end == equals + 1 || *end != '\0' || days < 1 || days > DAYS_MAX) {
				json_decref(body);
				fprintf(stderr,
					"yettctl: \"%s\" is no number of days: write "
					"decision-days=7\n",
					equals + 1);
				return YETT_EXIT_USAGE;
			}
			json_object_set_new(body, "decision_days", json_integer(days));
		} else {
			json_decref(body);
			return yett_ctl_wrong("setting of the group", line->words[i], keys);
		}
	}
	return print(ctl, yett_ctl_post(ctl, "/v1/group/set", body));
}

int yett_ctl_group_rule_add(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return print(ctl, yett_ctl_post(ctl, "/v1/group/rules/add",
				  json_pack("{s:s, s:s*, s:s*, s:s*}", "name", line->words[0],
					  "method", yett_line_value(line, "method"), "authority",
					  yett_line_value(line, "authority"), "site",
					  yett_line_value(line, "site"))));
}

int yett_ctl_group_rule_delete(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return print(ctl, yett_ctl_post(ctl, "/v1/group/rules/delete",
				  json_pack("{s:s}", "name", line->words[0])));
}
