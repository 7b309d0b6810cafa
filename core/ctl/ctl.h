/* What the commands of yettctl share. */
#ifndef YETT_CTL_CTL_H
#define YETT_CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct yett_ctl {
	const char *socket;
	bool json;      /* the API's JSON instead of a table */
	double watch_s; /* draw again every so many seconds; 0: once */
};

struct yett_command {
	const char *name;
	const char *arguments; /* for the usage line */
	const char *summary;
	int (*run)(const struct yett_ctl *ctl, int argc, char **argv); /* argv[0] is the name */
};
extern const struct yett_command yett_commands[]; /* ends with name NULL */

/* Exit codes. */
enum {
	YETT_EXIT_GOOD = 0,
	YETT_EXIT_FAILED = 1,
	YETT_EXIT_USAGE = 2,
	YETT_EXIT_UNDECIDED = 3, /* the time of a --wait is over, and there is no answer yet */
};

/* GET over the socket. On failure says why on stderr, in one line, and returns NULL. Given. */
json_t *yett_ctl_get(const struct yett_ctl *ctl, const char *path_and_query);
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
/* `text` for a query string; given (free). */
char *yett_ctl_escape(const char *text);

/* A wrong word: says so with the nearest of the candidates. Returns YETT_EXIT_USAGE. */
int yett_ctl_wrong(const char *what, const char *word, const char *const *candidates);

/* show.c */
int yett_ctl_show(const struct yett_ctl *ctl, int argc, char **argv);
int yett_ctl_dead(const struct yett_ctl *ctl, int argc, char **argv);
/* events.c */
int yett_ctl_events(const struct yett_ctl *ctl, int argc, char **argv);
/* records.c */
int yett_ctl_records(const struct yett_ctl *ctl, int argc, char **argv);
/* alerts.c */
struct yett_column;
/* A list of the interface as a table, again and again with --watch. */
int yett_ctl_list_at(const struct yett_ctl *ctl, const char *path,
	const struct yett_column *columns, const char *empty, char *(*below)(const json_t *row));
int yett_ctl_alerts(const struct yett_ctl *ctl, int argc, char **argv);
int yett_ctl_alert(const struct yett_ctl *ctl, int argc, char **argv);
int yett_ctl_maintenance(const struct yett_ctl *ctl, int argc, char **argv);
/* account.c */
int yett_ctl_account(const struct yett_ctl *ctl, int argc, char **argv);
/* decide.c */
int yett_ctl_list(const struct yett_ctl *ctl, int argc, char **argv);
int yett_ctl_gateway(const struct yett_ctl *ctl, int argc, char **argv);
int yett_ctl_agent(const struct yett_ctl *ctl, int argc, char **argv);
int yett_ctl_node(const struct yett_ctl *ctl, int argc, char **argv);
/* set.c */
int yett_ctl_upstream(const struct yett_ctl *ctl, int argc, char **argv);
int yett_ctl_node_set(const struct yett_ctl *ctl, int argc, char **argv);
int yett_ctl_node_show(const struct yett_ctl *ctl, int argc, char **argv);
/* group.c */
int yett_ctl_group(const struct yett_ctl *ctl, int argc, char **argv);
/* explain.c */
int yett_ctl_explain(const struct yett_ctl *ctl, int argc, char **argv);
int yett_ctl_drill(const struct yett_ctl *ctl, int argc, char **argv);
/* check.c */
int yett_ctl_check(const struct yett_ctl *ctl, int argc, char **argv);
/* queue.c */
int yett_ctl_queue(const struct yett_ctl *ctl, int argc, char **argv);

#endif
