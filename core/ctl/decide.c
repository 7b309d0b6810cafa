/* `yettctl gateway|agent …`, `node revoke|kit`: who may take part.
 *
 * Responsible for asking the node's interface, and for what is printed. Not
 * responsible for deciding anything (manage/). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

static int finish(const struct yett_ctl *ctl, json_t *json, void (*print)(const json_t *json))
{
	int code = json_array_size(json_object_get(json, "failed")) > 0 ? YETT_EXIT_FAILED
									: YETT_EXIT_GOOD;

	if (ctl->json) {
		yett_ctl_print_json(ctl, json);
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
		yett_ctl_say("%s is %s", json_string_value(json_array_get(decided, i)), done_word);
	}
	for (size_t i = 0; i < json_array_size(failed); i++) {
		yett_ctl_say("%s is as it was: %s", text_of(json_array_get(failed, i), "name"),
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

/* The options are the keys of the body: switches, and texts. */
static json_t *body_of(const struct yett_line *line)
{
	json_t *body = json_object();

	for (size_t i = 0; i < line->given_count; i++) {
		const struct yett_option *option = line->given[i].option;

		json_object_set_new(body, option->name,
			option->value != NULL ? json_string(line->given[i].value) : json_true());
	}
	return body;
}

static int decide_one(const struct yett_ctl *ctl, const struct yett_line *line, const char *path,
	const char *done)
{
	json_t *body = body_of(line);

	json_object_set_new(body, "name", json_string(line->words[0]));
	done_word = done;
	return post(ctl, path, body, print_decided);
}

int yett_ctl_gateway_approve(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return decide_one(ctl, line, "/v1/gateways/approve", "approved");
}

int yett_ctl_gateway_delete(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return decide_one(ctl, line, "/v1/gateways/delete", "no longer approved");
}

int yett_ctl_node_revoke(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return decide_one(ctl, line, "/v1/nodes/revoke",
		"revoked: no listener of the group lets it in, until it is approved again");
}

int yett_ctl_node_forget(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return decide_one(ctl, line, "/v1/nodes/forget",
		"forgotten; what was decided about its name stands (yettctl decisions)");
}

static int decide_named(const struct yett_ctl *ctl, const struct yett_line *line, const char *path,
	const char *done)
{
	json_t *body = body_of(line), *names = json_array();

	for (int i = 0; i < line->count; i++) {
		json_array_append_new(names, json_string(line->words[i]));
	}
	json_object_set_new(body, "names", names);
	done_word = done;
	return post(ctl, path, body, print_decided);
}

static int decide_agents(const struct yett_ctl *ctl, const struct yett_line *line, const char *path,
	const char *done)
{
	if ((line->count == 0) == (yett_line_value(line, "all") == NULL)) {
		fputs("yettctl: name the agents, or say --all\n", stderr);
		return YETT_EXIT_USAGE;
	}
	return decide_named(ctl, line, path, done);
}

int yett_ctl_agent_approve(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return decide_agents(ctl, line, "/v1/agents/approve", "approved");
}

int yett_ctl_agent_reject(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return decide_agents(ctl, line, "/v1/agents/reject", "rejected");
}

int yett_ctl_agent_delete(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return decide_named(ctl, line, "/v1/agents/delete", "undecided again");
}

/* The JSON, and the certificates as PEM behind it, so that the file is also one of roots. */
static int write_parts(json_t *kit, int fd)
{
	json_t *anchors = json_incref(json_object_get(kit, "anchors"));
	int result;

	json_object_del(kit, "anchors");
	result = json_dumpfd(kit, fd, JSON_INDENT(2));
	result = result == 0 && write(fd, "\n", 1) == 1 ? 0 : -1;
	for (size_t i = 0; i < json_array_size(anchors) && result == 0; i++) {
		const char *text = json_string_value(json_array_get(anchors, i));
		const char *pem = text != NULL ? strstr(text, "-----BEGIN CERTIFICATE-----") : NULL;

		if (pem != NULL && write(fd, pem, strlen(pem)) != (ssize_t)strlen(pem)) {
			result = -1;
		}
	}
	json_decref(anchors);
	return result;
}

static json_t *ask_kit(const struct yett_ctl *ctl, const char *name, const char *upstream)
{
	char *escaped = yett_ctl_escape(name);
	char *first = upstream != NULL ? yett_ctl_escape(upstream) : NULL;
	char *path = NULL;
	json_t *json;

	if (asprintf(&path, "/v1/kit?name=%s%s%s", escaped, first != NULL ? "&upstream=" : "",
		    first != NULL ? first : "") < 0) {
		abort();
	}
	json = yett_ctl_get(ctl, path);
	free(path);
	free(first);
	free(escaped);
	return json;
}

int yett_ctl_node_kit(const struct yett_ctl *ctl, const struct yett_line *line)
{
	const char *name = line->words[0], *out = yett_line_value(line, "out");
	struct yett_ctl whole = *ctl;
	json_t *json;
	int fd = STDOUT_FILENO, result;

	whole.json = true; /* the certificates in it have lines */
	json = ask_kit(&whole, name, yett_line_value(line, "upstream"));
	if (json == NULL) {
		return YETT_EXIT_FAILED;
	}
	/* What the interface answers: the file is of another form. */
	if (ctl->json && out == NULL) {
		yett_ctl_print_json(ctl, json);
		json_decref(json);
		return YETT_EXIT_GOOD;
	}
	if (out != NULL) {
		fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0) {
			fprintf(stderr, "yettctl: %s cannot be made: %s%s\n", out, strerror(errno),
				errno == EEXIST ? ": move it away first, or write to another file"
						: "");
			json_decref(json);
			return YETT_EXIT_FAILED;
		}
	}
	result = write_parts(json, fd);
	if (out != NULL && close(fd) != 0) {
		result = -1;
	}
	json_decref(json);
	if (result != 0) {
		fputs("yettctl: the file could not be written\n", stderr);
		return YETT_EXIT_FAILED;
	}
	if (out != NULL) {
		yett_ctl_say("%s: bring it to %s by a way that you trust, and name it there as "
			     "group.kit",
			out, name);
	}
	return YETT_EXIT_GOOD;
}
