/* `yettctl pending|decisions|audit|gateway|agent|group`, `node revoke|kit`: who may take part.
 *
 * Responsible for their arguments, for asking the node's interface, and for what is printed. Not
 * responsible for deciding anything (manage/). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "table.h"

static const char *const no_words[] = {NULL};

static int finish(const struct yett_ctl *ctl, json_t *json, void (*print)(const json_t *json))
{
	int code = json_array_size(json_object_get(json, "failed")) > 0 ? YETT_EXIT_FAILED
									: YETT_EXIT_GOOD;

	if (ctl->json) {
		json_dumpf(json, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print(json);
	}
	json_decref(json);
	return code;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "-";
}

/* Which decision, for the lines that are printed. */
static const char *done_word;

static void print_decided(const json_t *json)
{
	const json_t *decided = json_object_get(json, "decided");
	const json_t *failed = json_object_get(json, "failed");

	for (size_t i = 0; i < json_array_size(decided); i++) {
		printf("%s is %s\n", json_string_value(json_array_get(decided, i)), done_word);
	}
	for (size_t i = 0; i < json_array_size(failed); i++) {
		printf("%s is as it was: %s\n", text_of(json_array_get(failed, i), "name"),
			text_of(json_array_get(failed, i), "why"));
	}
	if (json_array_size(decided) == 0 && json_array_size(failed) == 0) {
		puts("nobody waits for a decision");
	}
}

static int post(const struct yett_ctl *ctl, const char *path, json_t *body,
	void (*print)(const json_t *json))
{
	json_t *json = yett_ctl_post(ctl, path, body);

	return json != NULL ? finish(ctl, json, print) : YETT_EXIT_FAILED;
}

/* Lists. */

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

static char *decision_below(const json_t *row)
{
	char *text = NULL;

	if (asprintf(&text, "     by %s at %s", text_of(row, "by"), text_of(row, "at")) < 0) {
		abort();
	}
	return text;
}

static const struct yett_column pending[] = {
	{"NAME", "name", NULL, false},
	{"TYPE", "type", NULL, false},
	{"SERVER", "server", NULL, false},
	{"SINCE", "since", yett_table_since, true},
	{NULL, NULL, NULL, false},
};

static const struct yett_column decisions[] = {
	{"NAME", "name", NULL, false},
	{"TYPE", "type", NULL, false},
	{"DECISION", "verdict", NULL, false},
	{"SITE", "site", NULL, false},
	{NULL, NULL, NULL, false},
};

static const struct yett_column audit[] = {
	{"AT", "at", NULL, false},
	{"BY", "by", NULL, false},
	{"ACTION", "action", NULL, false},
	{"ON", "key", NULL, false},
	{NULL, NULL, NULL, false},
};

static const struct list {
	const char *name, *path, *empty;
	const struct yett_column *columns;
	char *(*below)(const json_t *row);
} lists[] = {
	{"pending", "/v1/pending", "nobody waits for a decision", pending, waits_below},
	{"decisions", "/v1/decisions", "nothing has been decided", decisions, decision_below},
	{"audit", "/v1/audit", "nothing has been changed", audit, NULL},
};

int yett_ctl_list(const struct yett_ctl *ctl, int argc, char **argv)
{
	json_t *json;

	if (argc > 1) {
		return yett_ctl_wrong("argument of this view", argv[1], no_words);
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (strcmp(lists[i].name, argv[0]) != 0) {
			continue;
		}
		json = yett_ctl_get(ctl, lists[i].path);
		if (json == NULL) {
			return YETT_EXIT_FAILED;
		}
		if (ctl->json) {
			json_dumpf(json, stdout, JSON_INDENT(2));
			putchar('\n');
		} else {
			yett_table_print_with(
				lists[i].columns, json, lists[i].empty, lists[i].below);
		}
		json_decref(json);
		return YETT_EXIT_GOOD;
	}
	return YETT_EXIT_USAGE;
}

/* Options of a decision, taken out of argv: flags without a value, and those with one. */
struct option {
	const char *word, *key;
	bool value;
};

/* Returns the names that are left, or NULL with a line on stderr. */
static json_t *take_options(json_t *body, const struct option *options, int argc, char **argv)
{
	const char *words[8] = {NULL};
	json_t *names = json_array();

	for (int i = 0; options[i].word != NULL; i++) {
		words[i] = options[i].word;
	}
	for (int i = 2; i < argc; i++) {
		const struct option *option = options;

		if (strncmp(argv[i], "--", 2) != 0) {
			json_array_append_new(names, json_string(argv[i]));
			continue;
		}
		while (option->word != NULL && strcmp(option->word, argv[i]) != 0) {
			option++;
		}
		if (option->word == NULL) {
			yett_ctl_wrong("option of this command", argv[i], words);
			json_decref(names);
			return NULL;
		}
		if (option->value && i + 1 >= argc) {
			fprintf(stderr, "yettctl: %s wants a value\n", argv[i]);
			json_decref(names);
			return NULL;
		}
		json_object_set_new(
			body, option->key, option->value ? json_string(argv[++i]) : json_true());
	}
	return names;
}

/* One of the words, or the nearest. */
static int which(const char *what, const char *const *words, int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "yettctl: say which %s:", what);
		for (; *words != NULL; words++) {
			fprintf(stderr, " %s", *words);
		}
		fputc('\n', stderr);
		return -1;
	}
	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], argv[1]) == 0) {
			return i;
		}
	}
	yett_ctl_wrong(what, argv[1], words);
	return -1;
}

static int one_name(const json_t *names, const char *command)
{
	if (json_array_size(names) == 1) {
		return 0;
	}
	fprintf(stderr, "yettctl: %s wants one name\n", command);
	return -1;
}

int yett_ctl_gateway(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const char *const words[] = {"approve", "delete", NULL};
	static const struct option approve[] = {{"--site", "site", true},
		{"--server", "server", true}, {"--ahead", "ahead", false}, {NULL, NULL, false}};
	static const struct option delete[] = {{"--force", "force", false}, {NULL, NULL, false}};
	int what = which("command of gateway", words, argc, argv);
	json_t *body, *names;

	if (what < 0) {
		return YETT_EXIT_USAGE;
	}
	body = json_object();
	names = take_options(body, what == 0 ? approve : delete, argc, argv);
	if (names == NULL ||
		one_name(names, what == 0 ? "gateway approve" : "gateway delete") != 0) {
		json_decref(names);
		json_decref(body);
		return YETT_EXIT_USAGE;
	}
	json_object_set(body, "name", json_array_get(names, 0));
	json_decref(names);
	done_word = what == 0 ? "approved" : "no longer approved";
	return post(ctl, what == 0 ? "/v1/gateways/approve" : "/v1/gateways/delete", body,
		print_decided);
}

int yett_ctl_agent(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const char *const words[] = {"approve", "reject", NULL};
	static const struct option options[] = {
		{"--all", "all", false}, {"--ahead", "ahead", false}, {NULL, NULL, false}};
	int what = which("command of agent", words, argc, argv);
	json_t *body, *names;

	if (what < 0) {
		return YETT_EXIT_USAGE;
	}
	body = json_object();
	names = take_options(body, options, argc, argv);
	if (names == NULL ||
		(json_array_size(names) == 0) == (json_object_get(body, "all") == NULL)) {
		if (names != NULL) {
			fputs("yettctl: name the agents, or say --all\n", stderr);
		}
		json_decref(names);
		json_decref(body);
		return YETT_EXIT_USAGE;
	}
	json_object_set_new(body, "names", names);
	done_word = what == 0 ? "approved" : "rejected";
	return post(
		ctl, what == 0 ? "/v1/agents/approve" : "/v1/agents/reject", body, print_decided);
}

static int write_kit(const struct yett_ctl *ctl, const char *name, const char *out)
{
	char *escaped = yett_ctl_escape(name);
	char path[1024];
	json_t *json;
	int fd = STDOUT_FILENO, result;

	snprintf(path, sizeof(path), "/v1/kit?name=%s", escaped);
	free(escaped);
	json = yett_ctl_get(ctl, path);
	if (json == NULL) {
		return YETT_EXIT_FAILED;
	}
	if (out != NULL) {
		fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0) {
			fprintf(stderr, "yettctl: %s cannot be made: %s\n", out, strerror(errno));
			json_decref(json);
			return YETT_EXIT_FAILED;
		}
	}
	result = json_dumpfd(json, fd, JSON_INDENT(2));
	if (result == 0) {
		result = write(fd, "\n", 1) == 1 ? 0 : -1;
	}
	if (out != NULL && close(fd) != 0) {
		result = -1;
	}
	json_decref(json);
	if (result != 0) {
		fputs("yettctl: the file could not be written\n", stderr);
		return YETT_EXIT_FAILED;
	}
	if (out != NULL) {
		printf("%s: bring it to %s by a way that you trust, and name it there as "
		       "group.kit\n",
			out, name);
	}
	return YETT_EXIT_GOOD;
}

int yett_ctl_node(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const char *const words[] = {"revoke", "kit", "set", "show", NULL};
	static const struct option revoke[] = {{"--ahead", "ahead", false}, {NULL, NULL, false}};
	static const struct option kit[] = {{"--out", "out", true}, {NULL, NULL, false}};
	json_t *body, *names;
	int what, code;

	if (argc == 1) {
		return yett_ctl_show(ctl, argc, argv);
	}
	what = which("command of node", words, argc, argv);
	if (what < 0) {
		return YETT_EXIT_USAGE;
	}
	if (what >= 2) {
		return what == 2 ? yett_ctl_node_set(ctl, argc, argv)
				 : yett_ctl_node_show(ctl, argc, argv);
	}
	body = json_object();
	names = take_options(body, what == 0 ? revoke : kit, argc, argv);
	if (names == NULL || one_name(names, what == 0 ? "node revoke" : "node kit") != 0) {
		json_decref(names);
		json_decref(body);
		return YETT_EXIT_USAGE;
	}
	if (what == 1) {
		code = write_kit(ctl, json_string_value(json_array_get(names, 0)),
			json_string_value(json_object_get(body, "out")));
		json_decref(names);
		json_decref(body);
		return code;
	}
	json_object_set(body, "name", json_array_get(names, 0));
	json_decref(names);
	done_word = "revoked: no listener of the group lets it in, until it is approved again";
	return post(ctl, "/v1/nodes/revoke", body, print_decided);
}
