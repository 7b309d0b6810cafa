/* `yettctl alerts`, `alert ack`, `maintenance`: what is not well, who knows of it, who works on it.
 * Responsible for the words of the command line and for tables; the API decides. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "table.h"

static const struct yett_column alerts[] = {
	{"SEVERITY", "severity", NULL, false},
	{"ID", "id", NULL, false},
	{"NODE", "node", NULL, false},
	{"RAISED", "raised", yett_table_since, true},
	{"CLOSED", "closed", yett_table_since, true},
	{"SEEN BY", "acknowledged_by", NULL, false},
	{NULL, NULL, NULL, false},
};

static const struct yett_column maintenance[] = {
	{"NODE", "node", NULL, false},
	{"SITE", "site", NULL, false},
	{"SINCE", "since", yett_table_since, true},
	{"ENDS IN", "until", yett_table_until, true},
	{"BY", "by", NULL, false},
	{"REASON", "reason", NULL, false},
	{NULL, NULL, NULL, false},
};

static char *alert_below(const json_t *row)
{
	const char *text = json_string_value(json_object_get(row, "text"));
	const char *comment = json_string_value(json_object_get(row, "comment"));
	char *line = NULL;

	if (asprintf(&line, "  %s%s%s%s", text != NULL ? text : "", comment != NULL ? " (\"" : "",
		    comment != NULL ? comment : "", comment != NULL ? "\")" : "") < 0) {
		abort();
	}
	return line;
}

int yett_ctl_list_at(const struct yett_ctl *ctl, const char *path,
	const struct yett_column *columns, const char *empty, char *(*below)(const json_t *row))
{
	do {
		json_t *json = yett_ctl_get(ctl, path);

		if (json == NULL) {
			return YETT_EXIT_FAILED;
		}
		if (ctl->watch_s > 0) {
			fputs("\033[H\033[2J", stdout);
		}
		if (ctl->json) {
			json_dumpf(json, stdout, JSON_INDENT(2));
			putchar('\n');
		} else {
			yett_table_print_with(columns, json, empty, below);
		}
		fflush(stdout);
		json_decref(json);
		if (ctl->watch_s > 0) {
			usleep((useconds_t)(ctl->watch_s * 1e6));
		}
	} while (ctl->watch_s > 0);
	return YETT_EXIT_GOOD;
}

int yett_ctl_alerts(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const struct option table[] = {
		{"all", no_argument, NULL, 'a'},
		{NULL, 0, NULL, 0},
	};
	static const char *const names[] = {"--all", NULL};
	bool all = false;
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:", table, NULL)) != -1) {
		if (c != 'a') {
			return yett_ctl_wrong("option of alerts", argv[optind - 1], names);
		}
		all = true;
	}
	if (optind < argc) {
		return yett_ctl_wrong("option of alerts", argv[optind], names);
	}
	return yett_ctl_list_at(
		ctl, all ? "/v1/alerts?all=true" : "/v1/alerts", alerts, "no alerts", alert_below);
}

/* A change's answer: JSON where that is asked for, else a sentence. */
static int say(const struct yett_ctl *ctl, json_t *answer, const char *done, const char *what)
{
	if (answer == NULL) {
		return YETT_EXIT_FAILED;
	}
	if (ctl->json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		printf("%s %s\n", what, done);
	}
	json_decref(answer);
	return YETT_EXIT_GOOD;
}

int yett_ctl_alert(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const struct option table[] = {
		{"comment", required_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	static const char *const verbs[] = {"ack", NULL};
	static const char *const names[] = {"--comment", NULL};
	const char *comment = NULL;
	json_t *body;
	int c;

	if (argc < 2 || strcmp(argv[1], "ack") != 0) {
		return yett_ctl_wrong("command of alert", argc < 2 ? "nothing" : argv[1], verbs);
	}
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc - 1, argv + 1, ":", table, NULL)) != -1) {
		if (c != 'c') {
			return yett_ctl_wrong("option of alert ack", argv[optind], names);
		}
		comment = optarg;
	}
	if (optind + 2 != argc) {
		fputs("yettctl: alert ack wants the id of one alert, as yettctl alerts shows it\n",
			stderr);
		return YETT_EXIT_USAGE;
	}
	body = json_pack("{s:s, s:s*}", "id", argv[optind + 1], "comment", comment);
	return say(ctl, yett_ctl_post(ctl, "/v1/alerts/acknowledge", body), "is acknowledged",
		argv[optind + 1]);
}

struct words {
	const char *node, *site, *length, *reason;
};

/* The exit code, or -1 to go on. */
static int take_words(int argc, char **argv, bool start, struct words *words)
{
	static const struct option table[] = {
		{"site", required_argument, NULL, 's'},
		{"for", required_argument, NULL, 'f'},
		{"reason", required_argument, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	static const char *const names[] = {"--site", "--for", "--reason", NULL};
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (c == 's') {
			words->site = optarg;
		} else if (c == 'f' && start) {
			words->length = optarg;
		} else if (c == 'r' && start) {
			words->reason = optarg;
		} else {
			return yett_ctl_wrong("option of maintenance", argv[optind - 1], names);
		}
	}
	words->node = optind < argc ? argv[optind++] : NULL;
	if (optind < argc || (words->node == NULL) == (words->site == NULL)) {
		fprintf(stderr, "yettctl: maintenance %s wants the name of one node, or --site\n",
			argv[0]);
		return YETT_EXIT_USAGE;
	}
	return -1;
}

int yett_ctl_maintenance(const struct yett_ctl *ctl, int argc, char **argv)
{
	static const char *const verbs[] = {"start", "stop", NULL};
	struct words words = {NULL, NULL, NULL, NULL};
	bool start;
	json_t *body;
	int code;

	if (argc < 2) {
		return yett_ctl_list_at(
			ctl, "/v1/maintenance", maintenance, "nobody is in maintenance", NULL);
	}
	start = strcmp(argv[1], "start") == 0;
	if (!start && strcmp(argv[1], "stop") != 0) {
		return yett_ctl_wrong("command of maintenance", argv[1], verbs);
	}
	code = take_words(argc - 1, argv + 1, start, &words);
	if (code >= 0) {
		return code;
	}
	body = json_pack("{s:s*, s:s*, s:s*, s:s*}", "node", words.node, "site", words.site, "for",
		words.length, "reason", words.reason);
	return say(ctl,
		yett_ctl_post(ctl, start ? "/v1/maintenance/start" : "/v1/maintenance/stop", body),
		start ? "is in maintenance: no alerts are raised for it"
		      : "is in maintenance no more",
		words.node != NULL ? words.node : words.site);
}
