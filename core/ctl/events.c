/* `yettctl events`: what nodes have logged; `dead`: what could not be decoded. Responsible for the words of the command line and for a line
 * each, with the sentence below it, since 80 columns are what everybody has. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "table.h"

static const struct yett_column columns[] = {
	{"LEVEL", "level", NULL, false},
	{"TIME", "time", NULL, false},
	{"NODE", "node", NULL, false},
	{"EVENT", "event", NULL, false},
	{NULL, NULL, NULL, false},
};

static const struct option table[] = {
	{"origin", required_argument, NULL, 0},
	{"event", required_argument, NULL, 0},
	{"level", required_argument, NULL, 0},
	{"from", required_argument, NULL, 0},
	{"to", required_argument, NULL, 0},
	{"limit", required_argument, NULL, 0},
	{NULL, 0, NULL, 0},
};
static const char *const names[] = {
	"--origin", "--event", "--level", "--from", "--to", "--limit", NULL};

static char *below(const json_t *row)
{
	const char *text = json_string_value(json_object_get(row, "text"));
	char *line = NULL;

	if (asprintf(&line, "  %s", text != NULL ? text : "") < 0) {
		abort();
	}
	return line;
}

int yett_ctl_events(const struct yett_ctl *ctl, int argc, char **argv)
{
	char query[2048] = "/v1/events";
	int c, place;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:", table, &place)) != -1) {
		size_t length = strlen(query);
		char *escaped;

		if (c != 0) {
			return yett_ctl_wrong("option of events", argv[optind - 1], names);
		}
		escaped = yett_ctl_escape(optarg);
		snprintf(query + length, sizeof(query) - length, "%s%s=%s",
			strchr(query, '?') != NULL ? "&" : "?", table[place].name, escaped);
		free(escaped);
	}
	if (optind < argc) {
		return yett_ctl_wrong("option of events", argv[optind], names);
	}
	return yett_ctl_list_at(ctl, query, columns, "no events", below);
}

static const struct yett_column letters[] = {
	{"ID", "id", NULL, true},
	{"FROM", "origin_name", NULL, false},
	{"RECEIVED", "received", yett_table_since, true},
	{"FIRST", "first", NULL, true},
	{"RECORDS", "count", NULL, true},
	{"BYTES", "bytes", yett_table_bytes, true},
	{"THROUGH", "gateway", NULL, false},
	{NULL, NULL, NULL, false},
};

static char *letter_below(const json_t *row)
{
	const char *cause = json_string_value(json_object_get(row, "cause"));
	const char *batch = json_string_value(json_object_get(row, "batch"));
	char *line = NULL;

	if (asprintf(&line, "  %s%s%s", cause != NULL ? cause : "", batch != NULL ? "\n" : "",
		    batch != NULL ? batch : "") < 0) {
		abort();
	}
	return line;
}

int yett_ctl_dead(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const char *const verbs[] = {"list", "show", NULL};
	char query[64] = "/v1/dead";
	char *end;

	if (argc < 2 || (argc == 2 && strcmp(argv[1], "list") == 0)) {
		return yett_ctl_list_at(ctl, query, letters, "no dead letters", letter_below);
	}
	if (strcmp(argv[1], "show") != 0) {
		return yett_ctl_wrong("command of dead", argv[1], verbs);
	}
	if (argc != 3 || strtoul(argv[2], &end, 10) == 0 || *end != '\0') {
		fputs("yettctl: dead show wants the id of one, as yettctl dead list shows it\n",
			stderr);
		return YETT_EXIT_USAGE;
	}
	snprintf(query, sizeof(query), "/v1/dead?id=%.20s", argv[2]);
	return yett_ctl_list_at(ctl, query, letters, "there is no such dead letter", letter_below);
}
