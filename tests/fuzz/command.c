/* Any words as a command line of yettctl, with NULs between them: they are read by the table of commands, or
 * refused, never run. What is read fits the form that was found; NAME=VALUE and upstreams are taken apart. */
#include "fuzz.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

#define WORDS_MAX 24

static void check_line(const struct yett_command *command)
{
	const struct yett_form *form = command->ctl.form;
	const struct yett_line *line = &command->line;
	struct yett_error error = YETT_ERROR_INIT;

	FUZZ_REQUIRE(form != NULL && form->run != NULL);
	FUZZ_REQUIRE(yett_form_check(form, line->count, &error) == 0);
	FUZZ_REQUIRE(!command->ctl.json || (form->flags & YETT_FORM_JSON) != 0);
	FUZZ_REQUIRE(command->ctl.watch_s == 0 ||
		     (command->ctl.watch_s >= 0.1 && (form->flags & YETT_FORM_WATCH) != 0));
	for (size_t i = 0; i < line->given_count; i++) {
		FUZZ_REQUIRE(line->given[i].value != NULL);
		FUZZ_REQUIRE(yett_line_value(line, line->given[i].option->name) != NULL);
	}
}

/* What some forms make of their words. */
static void take_apart(const struct yett_command *command)
{
	const struct yett_line *line = &command->line;
	const char *words = command->ctl.form->words;
	double wait_s;

	if (strcmp(words, "node set") == 0) {
		json_decref(yett_ctl_values(line, 1));
	}
	if (strcmp(words, "upstream set") == 0) {
		char *list = g_strdup(yett_line_value(line, "primary"));
		json_t *upstreams = json_array();

		yett_ctl_add_upstreams(upstreams, list);
		FUZZ_REQUIRE(json_array_size(upstreams) > 0);
		json_decref(upstreams);
		g_free(list);
		if (yett_ctl_wait(line, 0, 1, &wait_s) == 0) {
			FUZZ_REQUIRE(wait_s >= 0 && wait_s <= 1e6);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static FILE *nowhere;
	FILE *out = stdout, *problems = stderr;
	char *text = g_strndup("", length + 1),
	     *words[WORDS_MAX + 2] = {(char *)(uintptr_t) "yettctl"};
	struct yett_command command;
	int count = 1, code;

	if (nowhere == NULL) {
		nowhere = fopen("/dev/null", "we");
		FUZZ_REQUIRE(nowhere != NULL);
	}
	if (length > 0) {
		memcpy(text, bytes, length);
	}
	for (size_t at = 0; at < length && count <= WORDS_MAX; at += strlen(text + at) + 1) {
		words[count++] = text + at;
	}
	stdout = stderr = nowhere;
	code = yett_command_read(&command, count, words);
	FUZZ_REQUIRE(code == -1 || code == YETT_EXIT_GOOD || code == YETT_EXIT_USAGE);
	if (code == -1) {
		check_line(&command);
		take_apart(&command);
	}
	yett_command_done(&command);
	stdout = out;
	stderr = problems;
	g_free(text);
	return 0;
}
