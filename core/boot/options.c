/* The command line of yettd: responsible for reading it and for saying what exists when it is wrong.
 * Keeps pointers into argv. */
#include "options.h"

#include <stdio.h>
#include <string.h>

const struct yett_option yett_daemon_options[] = {
	{"config", "FILE", "The configuration; " YETT_SYSCONF_DIR "/yett/yettd.conf unless given.",
		'c', 0},
	{"check", NULL, "Checks the configuration, tells all that is wrong with it, and ends.", 0,
		0},
	{"dump-config", NULL,
		"Prints every value in force, defaults included, and ends. Secrets are not shown.",
		0, 0},
	{"version", NULL,
		"Prints the version, that of the interface for modules, and that of the protocol.",
		0, 0},
	{"help", NULL, "Says what there is.", 'h', 0},
	{NULL, NULL, NULL, 0, 0},
};

void yett_options_help(void)
{
	puts("usage: yettd [OPTION…]\n");
	for (const struct yett_option *option = yett_daemon_options; option->name != NULL;
		option++) {
		char left[32];

		snprintf(left, sizeof(left), "--%s%s%s", option->name,
			option->value != NULL ? " " : "",
			option->value != NULL ? option->value : "");
		printf("  %c%c%c %-15s %s\n", option->letter != 0 ? '-' : ' ',
			option->letter != 0 ? option->letter : ' ', option->letter != 0 ? ',' : ' ',
			left, option->doc);
	}
	puts("\nIn the foreground; the log goes to stderr or the journal (node.log). SIGHUP reads "
	     "the\n"
	     "configuration and the certificates again, SIGTERM finishes what is under way and "
	     "ends.");
}

static int read_line(struct yett_line *line, struct yett_options *options)
{
	const char *config = yett_line_value(line, "config");

	if (line->count > 1) {
		fprintf(stderr, "yettd: %s is no option; see yettd --help\n", line->words[1]);
		return 2;
	}
	options->config = config != NULL ? config : YETT_SYSCONF_DIR "/yett/yettd.conf";
	options->check = yett_line_value(line, "check") != NULL;
	options->dump = yett_line_value(line, "dump-config") != NULL;
	options->version = yett_line_value(line, "version") != NULL;
	options->help = yett_line_value(line, "help") != NULL;
	return 0;
}

int yett_options_parse(int argc, char **argv, struct yett_options *ret_options)
{
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_line line;
	int code = 2;

	memset(ret_options, 0, sizeof(*ret_options));
	if (yett_line_read(&line, yett_daemon_options, "yettd", false, argc, argv, &error) == 0) {
		code = read_line(&line, ret_options);
	} else {
		fprintf(stderr, "yettd: %s: %s\n", error.text, error.mend);
	}
	yett_line_done(&line);
	return code;
}
