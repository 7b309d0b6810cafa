/* What the commands of yettctl share. */
#ifndef YETT_CTL_CTL_H
#define YETT_CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "commands.h"

struct yett_ctl {
	const char *socket;
	bool json;      /* the API's JSON instead of a table */
	double watch_s; /* draw again every so many seconds; 0: once */
	const struct yett_form *form;
};

/* Exit codes. */
enum {
	YETT_EXIT_GOOD = 0,
	YETT_EXIT_FAILED = 1,
	YETT_EXIT_USAGE = 2,
	YETT_EXIT_UNDECIDED = 3,   /* the time of a --wait is over, and there is no answer yet */
	YETT_EXIT_NO_ANSWER = 100, /* within yettctl: failed, and asking again is of no use */
};

/* run.c: the whole program; the exit code. */
int yett_ctl_main(int argc, char **argv);
/* A command line that is read, and not run. */
struct yett_command {
	struct yett_ctl ctl;
	struct yett_line line; /* operands and options of the form */
	struct yett_line common, whole;
	struct yett_option *options; /* the form's, and those that all have */
};
/* An exit code, or -1: it is to be run. Says on stderr what is wrong, on stdout what was asked for. To be
 * freed (yett_command_done) either way. */
int yett_command_read(struct yett_command *command, int argc, char **argv);
void yett_command_done(struct yett_command *command);
/* The seconds of --wait: `absent` where it is not given, `bare` without a value. -1: they are none, which has
 * been told. */
int yett_ctl_wait(const struct yett_line *line, double absent, double bare, double *ret_wait_s);

/* GET over the socket. On failure says why on stderr, in one line, and returns NULL. Given. Its texts are
 * tame, unless they are to be printed as JSON (ctl->json). */
json_t *yett_ctl_get(const struct yett_ctl *ctl, const char *path_and_query);
/* The same of rows of which an answer has so many at most (doc/openapi.yaml): those that come after `seen`. */
#define YETT_CTL_PART 10000
json_t *yett_ctl_part(const struct yett_ctl *ctl, const char *path, size_t seen);
/* The same for a change; the body is given. */
json_t *yett_ctl_post(const struct yett_ctl *ctl, const char *path, json_t *body);
/* Why there is no answer. */
enum yett_trouble {
	YETT_TROUBLE_TOLD = 1,   /* the daemon's own error, told on stderr */
	YETT_TROUBLE_NONE_THERE, /* no socket */
	YETT_TROUBLE_NOBODY,     /* nobody listens on it */
	YETT_TROUBLE_DENIED,
	YETT_TROUBLE_SILENT, /* no answer in time */
	YETT_TROUBLE_OTHER,
};
/* GET, with a time limit, which does not tell on stderr why the daemon does not answer. */
json_t *yett_ctl_try(const struct yett_ctl *ctl, const char *path_and_query, int timeout_s,
	enum yett_trouble *ret_trouble);
/* The path, and as its query the options that were given and have a value. Given (free). */
char *yett_ctl_query(const char *path, const struct yett_line *line);
/* `text` for a query string; given (free). */
char *yett_ctl_escape(const char *text);

/* tame.c: for people. One line, given (free); `text` may be any bytes. */
char *yett_ctl_tame(const char *text, size_t length);
/* All texts of it so; given for given. */
json_t *yett_ctl_tamed(json_t *json);
/* A line of JSON on stdout that commands no terminal. */
void yett_ctl_dump(const json_t *json, size_t flags);

/* A wrong word: says so with the nearest of the candidates. Returns YETT_EXIT_USAGE. */
int yett_ctl_wrong(const char *what, const char *word, const char *const *candidates);

/* view.c */
struct yett_column;
struct yett_view {
	const char *path;
	const char *empty; /* instead of an empty table */
	const struct yett_column *columns;
	char *(*below)(const json_t *row); /* a line under each row, given (free), or NULL */
	void (*print)(const json_t *json); /* not a table, but this; or NULL */
};
int yett_ctl_view_at(const struct yett_ctl *ctl, const struct yett_view *view, const char *path);
void yett_ctl_print_json(const struct yett_ctl *ctl, const json_t *json);
/* Sentences, wrapped; what goes on in the next line begins where the first one does. */
void yett_ctl_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Takes the JSON; NULL: there was no answer. */
int yett_ctl_print(const struct yett_ctl *ctl, json_t *json, void (*print)(const json_t *json));
/* The same where a change is one sentence: what, and what became of it. */
int yett_ctl_said(const struct yett_ctl *ctl, json_t *answer, const char *what, const char *done);

/* What forms run. show.c */
int yett_ctl_show(const struct yett_ctl *ctl, const struct yett_line *line);
/* records.c */
int yett_ctl_records(const struct yett_ctl *ctl, const struct yett_line *line);
/* events.c */
int yett_ctl_events(const struct yett_ctl *ctl, const struct yett_line *line);
/* dead.c */
int yett_ctl_dead_list(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_dead_show(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_dead_replay(const struct yett_ctl *ctl, const struct yett_line *line);
/* alerts.c */
int yett_ctl_alerts(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_alert_ack(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_maintenance_start(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_maintenance_stop(const struct yett_ctl *ctl, const struct yett_line *line);
/* account.c */
int yett_ctl_account(const struct yett_ctl *ctl, const struct yett_line *line);
/* losses.c */
int yett_ctl_losses(const struct yett_ctl *ctl, const struct yett_line *line);
/* decide.c */
int yett_ctl_gateway_approve(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_gateway_delete(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_agent_approve(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_agent_delete(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_agent_reject(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_node_forget(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_node_revoke(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_node_kit(const struct yett_ctl *ctl, const struct yett_line *line);
/* drain.c */
int yett_ctl_gateway_drain(const struct yett_ctl *ctl, const struct yett_line *line);
/* set.c */
/* "NAME" or "NAME=ADDRESS", with commas between them; the list is taken apart. */
void yett_ctl_add_upstreams(json_t *to, char *list);
/* The operands from that one on, each NAME=VALUE, as an object; NULL: one is not, which has been told. */
json_t *yett_ctl_values(const struct yett_line *line, int from);
int yett_ctl_upstream_set(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_node_set(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_node_show(const struct yett_ctl *ctl, const struct yett_line *line);
/* group.c */
int yett_ctl_group_show(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_group_init(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_group_join(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_group_rollover(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_group_set(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_group_rule_add(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_group_rule_delete(const struct yett_ctl *ctl, const struct yett_line *line);
/* explain.c */
int yett_ctl_explain(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_drill(const struct yett_ctl *ctl, const struct yett_line *line);
/* check.c */
int yett_ctl_check(const struct yett_ctl *ctl, const struct yett_line *line);
/* queue.c */
int yett_ctl_queue_inspect(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_queue_verify(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_queue_export(const struct yett_ctl *ctl, const struct yett_line *line);
/* ca.c, cert.c: on files alone */
int yett_ctl_ca_init(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_ca_issue(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_ca_revoke(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_ca_crl(const struct yett_ctl *ctl, const struct yett_line *line);
int yett_ctl_cert_show(const struct yett_ctl *ctl, const struct yett_line *line);

#endif
