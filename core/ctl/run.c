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

/* `words`: the command line without the options that all have. */
static int run(struct yett_ctl *ctl, int count, char **words)
{
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_line line = {.options = NULL}, operands;
	int length, code;

	ctl->form = yett_form_find(count, words, &length);
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
	ctl->argc = count;
	ctl->argv = words;
	code = yett_line_read(
		&line, ctl->form->options, ctl->form->words, false, count, words, &error);
	if (code == 0) {
		code = yett_form_check(ctl->form, line.count - length, &error);
	}
	if (code == 0) {
		operands = line;
		operands.words += length;
		operands.count -= length;
		code = draw(ctl, &operands);
	} else {
		code = tell(&error);
	}
	yett_line_done(&line);
	return code;
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

int yett_ctl_main(int argc, char **argv)
{
	struct yett_ctl ctl = {.socket = getenv("YETT_SOCKET")};
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_line line = {.options = NULL};
	int code;

	if (ctl.socket == NULL) {
		ctl.socket = YETT_RUN_DIR "/yett/admin.sock";
	}
	/* What stands behind the command may be its own. */
	if (yett_line_read(&line, yett_common_options, "yettctl", true, argc, argv, &error) != 0 ||
		(line.count > 1 && line.words[1][0] == '-' &&
			check_first(line.words[1], &error) != 0)) {
		code = tell(&error);
	} else {
		code = take_common(&ctl, &line);
	}
	if (code < 0) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		code = run(&ctl, line.count - 1, line.words + 1);
		curl_global_cleanup();
	}
	yett_line_done(&line);
	return code;
}
