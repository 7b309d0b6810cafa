/* What the files of source-exec share. All of it is used by the source's thread alone. */
#ifndef YETT_SOURCE_EXEC_H
#define YETT_SOURCE_EXEC_H

#include <yett/module.h>
#include <yett/source.h>

#include "output.h"
#include "run.h"

#define EXEC_PERFDATA_MAX 512 /* items of one result */
#define EXEC_BODY_MAX     (RUN_OUTPUT_MAX + 1024)
#define EXEC_NAME_MAX     64

enum {
	METRIC_RUNS,
	METRIC_TIMEOUTS,
	METRIC_PERFDATA_BAD,
	METRIC_RUNNING,
};

struct check_settings {
	const char *name;
	struct yett_list command; /* const char * */
	uint64_t interval_ns;
	uint64_t timeout_ns;
};

struct settings {
	struct yett_list checks; /* struct check_settings */
	struct yett_list environment;
	int64_t parallel;
	uint64_t grace_ns;
	uint64_t spread_ns;
};

struct check {
	const struct check_settings *settings;
	char **argv;     /* strings are the settings' */
	uint64_t due_ns; /* when it is to start next */
	bool running;
	bool known; /* it has a result */
	uint32_t state;
	bool perfdata_complained;
};

struct exec {
	const struct yett_host *host;
	const struct settings *settings;
	const struct yett_sink *sink; /* of the poll that is under way */
	struct check *checks;
	size_t check_count;
	struct run *runs;
	struct pollfd *fds; /* for the wake descriptor and three a run */
	size_t run_count;
	char **environment;
	char body[EXEC_BODY_MAX];
};

/* How a run ended, whichever way. */
struct result {
	uint32_t state; /* enum yett_state */
	int exit_code;  /* -1: none */
	uint64_t duration_ns;
	const char *why; /* put before the text; may be empty */
	struct output output;
	struct yett_text errors; /* what it said on standard error */
	uint64_t discarded;
	bool perfdata; /* whether its performance data is worth telling */
};

/* Tells the state, in the urgent lane if it is another than before, and the metrics. Returns 0 or
 * YETT_ECLOSED. */
int yett_exec_tell(struct exec *self, struct check *check, const struct result *result);

/* The calls of the module's life and operations that the schedule is behind. */
int yett_exec_start(void *arg, struct yett_error *error);
int yett_exec_poll(void *arg, const struct yett_sink *sink, uint64_t deadline_ns,
	uint64_t *ret_next_ns, struct yett_error *error);
void yett_exec_stop(void *arg);

#endif
