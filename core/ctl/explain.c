/* `yettctl explain [NODE] [--config FILE]`, `yettctl drill [NODE]`: why a node's data arrives or does not,
 * and whether the ways that are not used would carry it.
 *
 * Responsible for what can be said where no daemon answers (it does not run, it hangs, its
 * configuration is wrong), and for showing what the daemon says, on 80 columns. Not responsible for
 * knowing it (manage/). Exit code 0: nothing is in the way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/environment.h"
#include "../module/configure.h"
#include "ctl.h"
#include "table.h"

#define ANSWER_S  8 /* a daemon that is well answers at once; nodes that it asks have 6 s */
#define SEEN_FROM 31

static json_t *step(const char *name, const char *state, const char *seen)
{
	return json_pack(
		"{s:s, s:n, s:s, s:s}", "step", name, "about", "state", state, "seen", seen);
}

/* What is explained here, without a daemon. */
static json_t *blocked(json_t *steps, const char *at, const char *cause, const char *mend)
{
	char *sentence = NULL;
	json_t *json;

	if (asprintf(&sentence, "%s; %s", cause, mend) < 0) {
		abort();
	}
	json_array_append_new(steps, step(at, "failed", cause));
	json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:[], s:n, s:n}", "node",
		"this computer", "seen_from", "yettctl", "state", "blocked", "blocked_at", at,
		"cause", cause, "mend", mend, "sentence", sentence, "steps", steps, "gateways",
		"own", "own_why");
	free(sentence);
	return json;
}

/* Only the first line: the rest is for `yettctl check`. */
static char *first_line(const struct yett_problems *problems)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL) {
		abort();
	}
	yett_problems_print(problems, out);
	fclose(out);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* NULL: the file is good, and `ret_socket` (given) is its socket. */
static json_t *check_config(const char *path, json_t *steps, char **ret_socket)
{
	struct yett_loader *loader;
	struct yett_problems *problems;
	struct yett_conf *conf = NULL;
	json_t *json = NULL;

	yett_environment_clean();
	loader = yett_loader_new();
	problems = yett_problems_new();
	if (yett_configure(loader, path, YETT_CONFIGURE_FIRST, &conf, problems) != 0) {
		char *line = first_line(problems), *cause = NULL, *mend = NULL;

		if (asprintf(&cause, "yettd cannot start with its configuration: %s", line) < 0 ||
			asprintf(&mend, "all of it says: yettctl check %s", path) < 0) {
			abort();
		}
		json = blocked(json_incref(steps), "configuration", cause, mend);
		free(line);
		free(cause);
		free(mend);
	} else {
		const char *socket = yett_conf_settings(conf)->admin.socket;

		*ret_socket = socket != NULL && socket[0] != '\0' ? strdup(socket) : NULL;
		json_array_append_new(steps, step("configuration", "ok", path));
		yett_conf_free(conf);
	}
	yett_problems_free(problems);
	yett_loader_free(loader);
	return json;
}

static json_t *without_daemon(const struct yett_ctl *ctl, enum yett_trouble trouble, json_t *steps)
{
	char cause[600];
	const char *mend;

	json_incref(steps);
	switch (trouble) {
	case YETT_TROUBLE_NONE_THERE:
		snprintf(cause, sizeof(cause), "yettd does not run here: there is no socket %.400s",
			ctl->socket);
		mend = "start it (systemctl start yettd); where it runs, name its admin.socket: "
		       "--socket PATH";
		break;
	case YETT_TROUBLE_NOBODY:
		snprintf(cause, sizeof(cause),
			"yettd does not run here: it has left its socket %.400s behind, so it was "
			"killed, or has crashed",
			ctl->socket);
		mend = "see its journal for why it ended, and start it (systemctl start yettd)";
		break;
	case YETT_TROUBLE_DENIED:
		snprintf(cause, sizeof(cause), "you may not ask yettd on %.400s", ctl->socket);
		mend = "become its user, or a member of admin.view-group";
		break;
	case YETT_TROUBLE_SILENT:
		snprintf(cause, sizeof(cause),
			"yettd runs here and does not answer on %.400s: it hangs, or was halted "
			"(SIGSTOP)",
			ctl->socket);
		mend = "let it go on (kill -CONT), or restart it (systemctl restart yettd)";
		break;
	default:
		snprintf(cause, sizeof(cause), "yettd does not answer on %.400s as it should",
			ctl->socket);
		mend = "see its journal";
		break;
	}
	return blocked(steps, "daemon", cause, mend);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static void print_steps(const json_t *steps)
{
	const char *about = "";

	for (size_t i = 0; i < json_array_size(steps); i++) {
		const json_t *row = json_array_get(steps, i);
		const char *of = text_of(row, "about"), *state = text_of(row, "state");

		if (strcmp(of, about) != 0) {
			if (of[0] != '\0') {
				printf("  %s\n", of);
			}
			about = of;
		}
		printf("    %-7s %-18s ", strcmp(state, "not reached") == 0 ? "-" : state,
			text_of(row, "step"));
		yett_table_wrapped(text_of(row, "seen"), SEEN_FROM);
	}
}

static void print_one(const json_t *json)
{
	const char *node = text_of(json, "node"), *from = text_of(json, "seen_from");
	bool own = strcmp(node, from) == 0;

	yett_ctl_say("%s, %s%s", node, own ? "its own way" : "as seen from ", own ? "" : from);
	print_steps(json_object_get(json, "steps"));
}

/* What another end sees, or why it does not say. */
static void print_end(const json_t *seen, const char *end, const char *itself, const char *why)
{
	if (json_is_object(seen)) {
		putchar('\n');
		print_one(seen);
	} else if (why[0] != '\0') {
		putchar('\n');
		yett_ctl_say("%s%s", end, itself);
		yett_ctl_say("    no answer: %s", why);
	}
}

static void print_explanation(const json_t *json)
{
	const json_t *gateways = json_object_get(json, "gateways");

	print_one(json);
	for (size_t i = 0; i < json_array_size(gateways); i++) {
		const json_t *row = json_array_get(gateways, i);

		print_end(json_object_get(row, "seen"), text_of(row, "gateway"), "",
			text_of(row, "why"));
	}
	print_end(json_object_get(json, "own"), text_of(json, "node"), " itself",
		text_of(json, "own_why"));
	putchar('\n');
	yett_table_wrapped(text_of(json, "sentence"), 0);
}

static int finish(const struct yett_ctl *ctl, json_t *json)
{
	bool well = strcmp(text_of(json, "state"), "well") == 0;

	if (ctl->json) {
		yett_ctl_print_json(ctl, json);
	} else {
		print_explanation(json);
	}
	json_decref(json);
	return well ? YETT_EXIT_GOOD : YETT_EXIT_FAILED;
}

/* An answer of the daemon, with what was seen before it was asked. */
static void put_before(json_t *json, const json_t *steps)
{
	json_t *all = json_copy((json_t *)(uintptr_t)steps);

	json_array_extend(all, json_object_get(json, "steps"));
	json_object_set_new(json, "steps", all);
}

static int explain(struct yett_ctl *ctl, const char *node, const char *config)
{
	json_t *steps = json_array(), *json = NULL;
	enum yett_trouble trouble;
	char *socket = NULL, *path = NULL, *escaped = NULL;
	int code = YETT_EXIT_FAILED;

	if (config != NULL) {
		json = check_config(config, steps, &socket);
		ctl->socket = socket != NULL ? socket : ctl->socket;
	}
	if (json == NULL) {
		escaped = node != NULL ? yett_ctl_escape(node) : NULL;
		if (asprintf(&path, "/v1/explain%s%s", node != NULL ? "?node=" : "",
			    node != NULL ? escaped : "") < 0) {
			abort();
		}
		json = yett_ctl_try(ctl, path, ANSWER_S, &trouble);
		if (json != NULL) {
			put_before(json, steps);
		} else if (trouble != YETT_TROUBLE_TOLD) {
			json = without_daemon(ctl, trouble, steps);
		}
	}
	if (json != NULL) {
		code = finish(ctl, json);
	}
	free(escaped);
	free(path);
	free(socket);
	json_decref(steps);
	return code;
}

int yett_ctl_explain(const struct yett_ctl *ctl, const struct yett_line *line)
{
	struct yett_ctl here = *ctl;

	return explain(
		&here, line->count > 0 ? line->words[0] : NULL, yett_line_value(line, "config"));
}

static const struct yett_column drilled[] = {
	{"UPSTREAM", "upstream", NULL, false},
	{"PROVEN", "proven", yett_table_yes, false},
	{"LAST", "last_proven", yett_table_since, true},
	{NULL, NULL, NULL, false},
};

static char *drilled_below(const json_t *row)
{
	const char *mend = text_of(row, "mend");
	char *text = NULL;

	if (text_of(row, "why")[0] == '\0') {
		return NULL;
	}
	if (asprintf(&text, "     %s%s%s", text_of(row, "why"), mend[0] != '\0' ? "; " : "", mend) <
		0) {
		abort();
	}
	return text;
}

int yett_ctl_drill(const struct yett_ctl *ctl, const struct yett_line *line)
{
	int code = YETT_EXIT_GOOD;
	json_t *rows;

	rows = yett_ctl_post(ctl, "/v1/drill",
		line->count > 0 ? json_pack("{s:s}", "node", line->words[0]) : json_object());
	if (rows == NULL) {
		return YETT_EXIT_FAILED;
	}
	for (size_t i = 0; i < json_array_size(rows); i++) {
		if (!json_is_true(json_object_get(json_array_get(rows, i), "proven"))) {
			code = YETT_EXIT_FAILED;
		}
	}
	if (ctl->json) {
		yett_ctl_print_json(ctl, rows);
	} else {
		yett_table_print_with(drilled, rows, "no upstreams", drilled_below);
	}
	json_decref(rows);
	return code;
}
