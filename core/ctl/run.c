/* The command line of yettctl: finds what is asked for in the table of commands (commands.c), and runs it.
 *
 * Responsible for the options that all commands share, and for drawing a view again and again.
 * Exit codes: 0 good; 1 it failed, or what was asked about is not well; 2 the command line, or what
 * was checked, is wrong; 3 the time of a --wait is over, and there is no answer yet. */
#ifdef HAVE_CONFIG_H
#	include <config.h>
#endif

#include <curl/curl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "ctl.h"

#define WATCH_MAX_S 86400

static int tell(const struct yett_error *error)
{
	fprintf(stderr, "yettctl: %s%s%s\n", error->text, error->mend[0] != '\0' ? ": " : "",
		error->mend);
	return YETT_EXIT_USAGE;
}

/* Again and again until it cannot be asked. A terminal is cleared; elsewhere an empty line stands
 * between two drawings, and JSON needs none. */
static int draw(const struct yett_ctl *ctl, const struct yett_line *operands)
{
	int code;

	for (bool first = true;; first = false) {
		if (ctl->watch_s > 0 && isatty(STDOUT_FILENO) && !ctl->json) {
			fputs("\033[H\033[2J", stdout);
		} else if (!first && !ctl->json) {
			putchar('\n');
		}
		code = ctl->form->run(ctl, operands);
		if (fflush(stdout) != 0) {
			return YETT_EXIT_FAILED; /* nobody reads it any more */
		}
		if (ctl->watch_s <= 0 || code == YETT_EXIT_USAGE || code == YETT_EXIT_NO_ANSWER) {
			return code == YETT_EXIT_NO_ANSWER ? YETT_EXIT_FAILED : code;
		}
		g_usleep((gulong)(ctl->watch_s * 1e6));
	}
}

/* What is sent as JSON has to be UTF-8: a word that is not would be left out of what is asked for. */
static bool is_text(int count, char **words)
{
	for (int i = 0; i < count; i++) {
		if (!g_utf8_validate(words[i], -1, NULL)) {
			char *tame = yett_ctl_tame(words[i], strlen(words[i]));

			fprintf(stderr,
				"yettctl: %s is not UTF-8: write it in a terminal whose locale "
				"is\n",
				tame);
			free(tame);
			return false;
		}
	}
	return true;
}

/* Whether the form takes one of those that all have. */
static bool takes(const struct yett_form *form, const struct yett_option *option)
{
	return strcmp(option->name, "json") == 0    ? (form->flags & YETT_FORM_JSON) != 0
	       : strcmp(option->name, "watch") == 0 ? (form->flags & YETT_FORM_WATCH) != 0
						    : true;
}

/* The form's options, and behind them the common ones, which have been taken out of the words before: so
 * that whoever misspells one of those is told, too. Given. */
static struct yett_option *all_options(const struct yett_form *form)
{
	const struct yett_option *tables[] = {form->options, yett_common_options};
	GArray *all = g_array_new(TRUE, TRUE, sizeof(struct yett_option));

	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
		const struct yett_option *option = tables[i];

		for (; option != NULL && option->name != NULL; option++) {
			if (i == 0 || takes(form, option)) {
				g_array_append_vals(all, option, 1);
			}
		}
	}
	return (struct yett_option *)(void *)g_array_free(all, FALSE);
}

/* The name of a form comes before its options. */
static int count_names(int count, char **words)
{
	int n = 0;

	while (n < count && (words[n][0] != '-' || words[n][1] == '\0')) {
		n++;
	}
	return n;
}

/* `words`: the command line without the options that all have. */
static int read_form(struct yett_command *command, int count, char **words)
{
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_ctl *ctl = &command->ctl;
	int length, result;

	ctl->form = yett_form_find(count_names(count, words), words, &length);
	if (ctl->form == NULL) {
		return YETT_EXIT_USAGE;
	}
	if ((ctl->json && (ctl->form->flags & YETT_FORM_JSON) == 0) ||
		(ctl->watch_s > 0 && (ctl->form->flags & YETT_FORM_WATCH) == 0)) {
		fprintf(stderr, "yettctl: %s has no --%s: leave it out\n", ctl->form->words,
			ctl->watch_s > 0 && (ctl->form->flags & YETT_FORM_WATCH) == 0 ? "watch"
										      : "json");
		return YETT_EXIT_USAGE;
	}
	if ((ctl->form->flags & YETT_FORM_FILES) == 0 && !is_text(count, words)) {
		return YETT_EXIT_USAGE;
	}
	command->options = all_options(ctl->form);
	result = yett_line_read(
		&command->whole, command->options, ctl->form->words, false, count, words, &error);
	if (result == 0) {
		result = yett_form_check(ctl->form, command->whole.count - length, &error);
	}
	if (result != 0) {
		return tell(&error);
	}
	command->line = command->whole;
	command->line.words += length;
	command->line.count -= length;
	return -1;
}

/* The exit code to end with, or -1 to go on. */
static int take_common(struct yett_ctl *ctl, const struct yett_line *line)
{
	const char *watch = yett_line_value(line, "watch");
	char *end;

	if (yett_line_value(line, "version") != NULL) {
		puts("yettctl " PACKAGE_VERSION);
		return YETT_EXIT_GOOD;
	}
	if (yett_line_value(line, "help") != NULL) {
		if (line->count < 2 || !yett_ctl_help_of(line->count - 1, line->words + 1)) {
			yett_ctl_help();
		}
		return YETT_EXIT_GOOD;
	}
	if (line->count < 2) {
		yett_ctl_help();
		return YETT_EXIT_USAGE;
	}
	if (yett_line_value(line, "socket") != NULL) {
		ctl->socket = yett_line_value(line, "socket");
	}
	ctl->json = yett_line_value(line, "json") != NULL;
	if (watch != NULL) {
		ctl->watch_s = watch[0] != '\0' ? strtod(watch, &end) : 2;
		if (watch[0] != '\0' &&
			(*end != '\0' || !(ctl->watch_s >= 0.1 && ctl->watch_s <= WATCH_MAX_S))) {
			fputs("yettctl: --watch wants seconds, from 0.1 to a day: --watch=5\n",
				stderr);
			return YETT_EXIT_USAGE;
		}
	}
	return -1;
}

/* An option before the command has to be one that all have. */
static int check_first(char *word, struct yett_error *error)
{
	char *words[] = {"yettctl", word};
	struct yett_line line = {.options = NULL};
	int result = yett_line_read(&line, yett_common_options, words[0], false, 2, words, error);

	yett_line_done(&line);
	return result;
}

int yett_command_read(struct yett_command *command, int argc, char **argv)
{
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_line *common = &command->common;
	int code;

	*command = (struct yett_command){.ctl.socket = getenv("YETT_SOCKET")};
	if (command->ctl.socket == NULL) {
		command->ctl.socket = YETT_RUN_DIR "/yett/admin.sock";
	}
	/* What stands behind the command may be its own. */
	if (yett_line_read(common, yett_common_options, "yettctl", true, argc, argv, &error) != 0 ||
		(common->count > 1 && common->words[1][0] == '-' &&
			check_first(common->words[1], &error) != 0)) {
		return tell(&error);
	}
	code = take_common(&command->ctl, common);
	return code >= 0 ? code : read_form(command, common->count - 1, common->words + 1);
}

void yett_command_done(struct yett_command *command)
{
	yett_line_done(&command->whole);
	yett_line_done(&command->common);
	g_clear_pointer(&command->options, g_free);
}

int yett_ctl_wait(const struct yett_line *line, double absent, double bare, double *ret_wait_s)
{
	const char *text = yett_line_value(line, "wait");
	char *end;

	*ret_wait_s = text == NULL ? absent : bare;
	if (text == NULL || text[0] == '\0') {
		return 0;
	}
	*ret_wait_s = strtod(text, &end);
	if (*end != '\0' || !(*ret_wait_s > 0 && *ret_wait_s <= 1e6)) {
		fputs("yettctl: --wait wants seconds, more than 0: --wait=60\n", stderr);
		return -1;
	}
	return 0;
}

int yett_ctl_main(int argc, char **argv)
{
	struct yett_command command;
	int code = yett_command_read(&command, argc, argv);

	if (code < 0) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		code = draw(&command.ctl, &command.line);
		curl_global_cleanup();
	}
	yett_command_done(&command);
	return code;
}
