/* yettctl: one table of commands, and the options that all of them share.
 *
 * Exit codes: 0 good; 1 it failed, or what was asked about is not well; 2 the command line, or what
 * was checked, is wrong; 3 the time of a --wait is over, and there is no answer yet. */
#ifdef HAVE_CONFIG_H
#	include <config.h>
#endif

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca.h"
#include "ctl.h"

static int run_ca(const struct yett_ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return yett_ctl_ca(argc, argv);
}

static int run_cert(const struct yett_ctl *ctl, int argc, char **argv)
{
	char *with_json[16] = {NULL};
	const int most = (int)(sizeof(with_json) / sizeof(with_json[0])) - 2;

	if (!ctl->json || argc > most) {
		return yett_ctl_cert(argc, argv);
	}
	/* The option was taken out of argv, since all commands have it; this one reads its own. */
	memcpy(with_json, argv, (size_t)argc * sizeof(argv[0]));
	with_json[argc] = "--json";
	return yett_ctl_cert(argc + 1, with_json);
}

const struct yett_command yett_commands[] = {
	{"servers", "", "management servers and gateways, and how they are", yett_ctl_show},
	{"agents", "", "agents, by the server that they report to", yett_ctl_show},
	{"sessions", "", "the sessions of this node", yett_ctl_show},
	{"queue", "[inspect|verify|export DIR]",
		"what waits here, and for which upstream; or a stopped node's queue",
		yett_ctl_queue},
	{"upstreams", "", "the upstreams of this node", yett_ctl_show},
	{"records", "[--follow] [--origin G] [--name G] [--kind K] [--from T] [--to T] [--limit N]",
		"stored records", yett_ctl_records},
	{"events", "[--origin G] [--event E] [--level L] [--from T] [--to T] [--limit N]",
		"what nodes have logged", yett_ctl_events},
	{"dead", "[list|show ID]", "batches that could not be decoded, as they came",
		yett_ctl_dead},
	{"account", "", "what is stored, under way, lost or twice, by origin", yett_ctl_account},
	{"losses", "", "each range that is lost, and why", yett_ctl_account},
	{"modules", "", "the modules that this node has loaded", yett_ctl_show},
	{"node",
		"[set NODE NAME=VALUE … [--unset NAME] [--wait[=SECONDS]]|show NODE|revoke NAME "
		"[--ahead]|"
		"kit NAME [--out FILE]]",
		"this node; or sets and shows another one, cuts it off at every listener, or "
		"writes its installation file",
		yett_ctl_node},
	{"upstream", "set NODE --primary A[=ADDRESS] [--failover B[=ADDRESS],C] [--wait[=SECONDS]]",
		"sets the upstreams of a gateway or an agent", yett_ctl_upstream},
	{"group", "[init NAME|join|rollover|set KEY=VALUE …|rule add|delete PATTERN …]",
		"the management group: its keys, servers, settings, rules", yett_ctl_group},
	{"pending", "", "nodes that wait for a decision", yett_ctl_list},
	{"decisions", "", "what was decided about nodes", yett_ctl_list},
	{"gateway", "approve NAME [--site SITE] [--server NAME] [--ahead]|delete NAME [--force]",
		"decides on a gateway", yett_ctl_gateway},
	{"agent", "approve|reject NAME…|--all [--ahead]", "decides on agents", yett_ctl_agent},
	{"alerts", "[--all]", "what is not well, and who looks after it", yett_ctl_alerts},
	{"alert", "ack ID [--comment TEXT]", "says that you look after an alert", yett_ctl_alert},
	{"maintenance", "[start|stop NODE|--site SITE [--for TIME] [--reason TEXT]]",
		"who is worked on, and raises no alerts", yett_ctl_maintenance},
	{"audit", "", "who has changed what, the newest last", yett_ctl_list},
	{"explain", "[NODE] [--config FILE]",
		"why this node, or another, is as it is: the cause, and its mend",
		yett_ctl_explain},
	{"drill", "", "prove the way by each upstream, without an outage", yett_ctl_drill},
	{"check", "FILE", "check a configuration; starts nothing", yett_ctl_check},
	{"ca", "init|issue|revoke|crl …", "a certificate authority of your own", run_ca},
	{"cert", "show FILE", "what a certificate says, and what is wrong with it", run_cert},
	{NULL, NULL, NULL, NULL},
};

static void help(void)
{
	puts("usage: yettctl [--socket PATH] [--json] [--watch[=SECONDS]] COMMAND …\n");
	for (const struct yett_command *command = yett_commands; command->name != NULL; command++) {
		printf("  %-11s %s\n", command->name, command->summary);
		if (command->arguments[0] != '\0') {
			printf("  %-11s   %s %s\n", "", command->name, command->arguments);
		}
	}
	puts("\n  --socket PATH       the node's admin socket (default: " YETT_RUN_DIR
	     "/yett/admin.sock,\n"
	     "                      or YETT_SOCKET from the environment)\n"
	     "  --json              JSON instead of a table\n"
	     "  --watch[=SECONDS]   draw the view again and again (every 2 s)\n"
	     "  --version, --help");
}

static const char *const option_names[] = {
	"--socket", "--json", "--watch", "--version", "--help", NULL};

/* Options stand before the command or behind it; they are taken out of argv. Returns the exit code
 * to end with, or -1 to go on. */
static int take_options(struct yett_ctl *ctl, int *argc, char **argv)
{
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		const char *word = argv[i];

		if (strcmp(word, "--json") == 0) {
			ctl->json = true;
		} else if (strcmp(word, "--socket") == 0 && i + 1 < *argc) {
			ctl->socket = argv[++i];
		} else if (strncmp(word, "--socket=", 9) == 0) {
			ctl->socket = word + 9;
		} else if (strcmp(word, "--watch") == 0) {
			ctl->watch_s = 2;
		} else if (strncmp(word, "--watch=", 8) == 0) {
			char *end;

			ctl->watch_s = strtod(word + 8, &end);
			if (*end != '\0' || !(ctl->watch_s >= 0.1)) {
				fputs("yettctl: --watch wants seconds, 0.1 at least\n", stderr);
				return YETT_EXIT_USAGE;
			}
		} else if (strcmp(word, "--version") == 0) {
			puts("yettctl " PACKAGE_VERSION);
			return YETT_EXIT_GOOD;
		} else if (strcmp(word, "--help") == 0 && kept == 1) {
			help();
			return YETT_EXIT_GOOD;
		} else if (word[0] == '-' && kept == 1) {
			return yett_ctl_wrong("option", word, option_names);
		} else {
			argv[kept++] = argv[i];
		}
	}
	argv[kept] = NULL;
	*argc = kept;
	return -1;
}

int main(int argc, char **argv)
{
	const char *names[sizeof(yett_commands) / sizeof(yett_commands[0])];
	struct yett_ctl ctl = {.socket = getenv("YETT_SOCKET")};
	int code, n = 0;

	if (ctl.socket == NULL) {
		ctl.socket = YETT_RUN_DIR "/yett/admin.sock";
	}
	code = take_options(&ctl, &argc, argv);
	if (code >= 0) {
		return code;
	}
	if (argc < 2) {
		help();
		return YETT_EXIT_USAGE;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	for (const struct yett_command *command = yett_commands; command->name != NULL; command++) {
		if (strcmp(command->name, argv[1]) == 0) {
			code = command->run(&ctl, argc - 1, argv + 1);
			curl_global_cleanup();
			return code;
		}
		names[n++] = command->name;
	}
	names[n] = NULL;
	curl_global_cleanup();
	return yett_ctl_wrong("command", argv[1], names);
}
