/* When source-exec does what: which check is due, which runs have ended, whose time is up.
 *
 * Several plugins run at once, all on the source's one thread, which waits on their pipes, on their
 * ends and on the wake descriptor in one poll(2).
 *
 * A check does not overlap itself: while one run lasts, the next is put off. One whose time is up
 * is told as UNKNOWN at once, and gets SIGTERM, then SIGKILL; until it is gone it keeps its place.
 * There is no position: a result that was not taken is measured again. */
#include <ctype.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "exec.h"

#define SECOND     UINT64_C(1000000000)
#define STOP_NS    (SECOND / 2) /* from SIGTERM to SIGKILL when the source stops */
#define ABANDON_NS (5 * SECOND) /* from SIGKILL to giving up */
#define FOREVER    UINT64_MAX

static uint64_t now(const struct exec *self)
{
	return self->host->monotonic_ns(self->host->instance);
}

/* The first runs are spread, so that neither the checks of a node nor the nodes of a group that
 * start together do everything at once. */
int yett_exec_start(void *arg, struct yett_error *error)
{
	struct exec *self = arg;
	uint64_t start_ns = now(self), chance = 0;

	(void)error;
	self->host->random_bytes(self->host->instance, &chance, sizeof(chance));
	for (size_t i = 0; i < self->check_count; i++) {
		struct check *check = &self->checks[i];
		uint64_t interval_ns = check->settings->interval_ns;
		uint64_t spread_ns = self->settings->spread_ns < interval_ns
					     ? self->settings->spread_ns
					     : interval_ns;
		uint64_t step_ns = spread_ns / self->check_count;

		check->due_ns = start_ns + step_ns * i + chance % (step_ns + 1);
		check->known = false;
	}
	return 0;
}

static int tell_end(struct exec *self, struct run *run, struct result *result)
{
	struct check *check = &self->checks[run->check];

	result->duration_ns = now(self) - run->started_ns;
	result->output = yett_output_split(run->output_bytes, run->output_length);
	result->errors = (struct yett_text){run->errors_bytes, run->errors_length};
	while (result->errors.length > 0 &&
		isspace((unsigned char)result->errors.bytes[result->errors.length - 1])) {
		result->errors.length--;
	}
	result->discarded = run->discarded;
	return yett_exec_tell(self, check, result);
}

/* It ended by itself. */
static int ended(struct exec *self, struct run *run, int code)
{
	struct result result = {.exit_code = code, .why = "", .perfdata = true};
	char why[128];

	if (code >= 0 && code <= YETT_STATE_UNKNOWN) {
		result.state = (uint32_t)code;
	} else if (code >= 0) {
		result.state = YETT_STATE_UNKNOWN;
		snprintf(why, sizeof(why), "exit code %d is none of 0 to 3", code);
		result.why = why;
	} else {
		const char *description = sigdescr_np(-code);

		result.state = YETT_STATE_UNKNOWN;
		result.exit_code = -1;
		snprintf(why, sizeof(why), "killed by signal %d (%s)", -code,
			description != NULL ? description : "unknown");
		result.why = why;
	}
	return tell_end(self, run, &result);
}

static int timed_out(struct exec *self, struct run *run)
{
	const struct check_settings *settings = self->checks[run->check].settings;
	struct result result = {.state = YETT_STATE_UNKNOWN, .exit_code = -1};
	char why[64];

	yett_run_signal(run, SIGTERM);
	yett_run_signal(run, SIGCONT); /* a stopped one would not see it */
	run->state = RUN_TERMINATED;
	run->deadline_ns = now(self) + self->settings->grace_ns;
	self->host->metric(self->host->instance, METRIC_TIMEOUTS, 1);
	snprintf(why, sizeof(why), "timed out after %.3g s",
		(double)settings->timeout_ns / (double)SECOND);
	result.why = why;
	return tell_end(self, run, &result);
}

/* What a run's deadline means in the state that it is in. */
static int expire(struct exec *self, struct run *run, unsigned *told)
{
	const struct check *check = &self->checks[run->check];

	switch (run->state) {
	case RUN_RUNNING:
		++*told;
		return timed_out(self, run);
	case RUN_TERMINATED:
		yett_run_signal(run, SIGKILL);
		run->state = RUN_KILLED;
		run->deadline_ns = now(self) + ABANDON_NS;
		return 0;
	case RUN_KILLED:
		self->host->log(self->host->instance, YETT_LOG_WARNING, "plugin-hangs",
			"the plugin of check %s does not end even by SIGKILL; it likely waits in "
			"the kernel, for a disk or a network file system; the check is not run "
			"until it is gone check=%s pid=%d",
			check->settings->name, check->settings->name, (int)run->pid);
		run->deadline_ns = FOREVER;
		return 0;
	case RUN_FREE:
		break;
	}
	return 0;
}

static void show_running(const struct exec *self)
{
	int64_t running = 0;

	for (size_t i = 0; i < self->run_count; i++) {
		running += self->runs[i].state != RUN_FREE;
	}
	self->host->metric(self->host->instance, METRIC_RUNNING, running);
}

/* Reads, reaps and expires. */
static int look_after(struct exec *self, unsigned *told)
{
	for (size_t i = 0; i < self->run_count; i++) {
		struct run *run = &self->runs[i];
		bool silent = run->state != RUN_RUNNING; /* its result is told already */
		int code, r = 0;

		if (run->state == RUN_FREE) {
			continue;
		}
		yett_run_read(run);
		if (yett_run_reap(run, &code)) {
			self->checks[run->check].running = false;
			show_running(self);
			if (!silent) {
				++*told;
				r = ended(self, run, code);
			}
		} else if (now(self) >= run->deadline_ns) {
			r = expire(self, run, told);
		}
		if (r != 0) {
			return r;
		}
	}
	return 0;
}

static int start_one(struct exec *self, struct check *check, struct run *run, unsigned *told)
{
	uint64_t now_ns = now(self);
	uint64_t next_ns = check->due_ns + check->settings->interval_ns;
	char why[512];
	int code;

	/* in step with the last time, unless that is missed already */
	check->due_ns = next_ns > now_ns ? next_ns : now_ns + check->settings->interval_ns;
	run->started_ns = now_ns;
	run->deadline_ns = now_ns + check->settings->timeout_ns;
	run->check = (size_t)(check - self->checks);
	self->host->metric(self->host->instance, METRIC_RUNS, 1);
	code = yett_run_start(run, check->argv, self->environment);
	if (code == 0) {
		check->running = true;
		show_running(self);
		return 0;
	}
	snprintf(why, sizeof(why), "cannot run: %s: %s", check->argv[0], strerror(code));

	const struct result result = {.state = YETT_STATE_UNKNOWN, .exit_code = -1, .why = why};

	++*told;
	return yett_exec_tell(self, check, &result);
}

/* The one that has been due for longest. */
static struct check *next_check(const struct exec *self)
{
	struct check *next = NULL;

	for (size_t i = 0; i < self->check_count; i++) {
		struct check *check = &self->checks[i];

		if (!check->running && (next == NULL || check->due_ns < next->due_ns)) {
			next = check;
		}
	}
	return next;
}

static struct run *free_run(const struct exec *self)
{
	for (size_t i = 0; i < self->run_count; i++) {
		if (self->runs[i].state == RUN_FREE) {
			return &self->runs[i];
		}
	}
	return NULL;
}

static int start_due(struct exec *self, unsigned *told)
{
	struct check *check;
	struct run *run;

	while ((run = free_run(self)) != NULL && (check = next_check(self)) != NULL &&
		check->due_ns <= now(self)) {
		int r = start_one(self, check, run, told);

		if (r != 0) {
			return r;
		}
	}
	return 0;
}

/* Whether plugins that not even SIGKILL ends have all places. */
static bool is_choked(const struct exec *self)
{
	for (size_t i = 0; i < self->run_count; i++) {
		const struct run *run = &self->runs[i];

		if (run->state != RUN_KILLED || run->deadline_ns != FOREVER) {
			return false;
		}
	}
	return self->run_count > 0;
}

/* Else what they said last would stand for as long as the others hang. */
static int tell_overdue(struct exec *self, unsigned *told)
{
	static const struct result result = {.state = YETT_STATE_UNKNOWN,
		.exit_code = -1,
		.why = "not run: plugins that do not end have all places (`parallel`)"};

	for (size_t i = 0; i < self->check_count && is_choked(self); i++) {
		struct check *check = &self->checks[i];
		int r;

		if (check->running || now(self) < check->due_ns + check->settings->interval_ns) {
			continue;
		}
		check->due_ns = now(self);
		++*told;
		r = yett_exec_tell(self, check, &result);
		if (r != 0) {
			return r;
		}
	}
	return 0;
}

static uint64_t next_overdue(const struct exec *self)
{
	uint64_t next_ns = FOREVER;

	for (size_t i = 0; i < self->check_count && is_choked(self); i++) {
		const struct check *check = &self->checks[i];
		uint64_t late_ns = check->due_ns + check->settings->interval_ns;

		if (!check->running && late_ns < next_ns) {
			next_ns = late_ns;
		}
	}
	return next_ns;
}

/* When something is to be done without anybody's doing. */
static uint64_t next_event(const struct exec *self)
{
	const struct check *check = next_check(self);
	uint64_t next_ns = FOREVER;

	if (check != NULL) {
		next_ns = free_run(self) != NULL ? check->due_ns : next_overdue(self);
	}
	for (size_t i = 0; i < self->run_count; i++) {
		const struct run *run = &self->runs[i];

		if (run->state != RUN_FREE && run->deadline_ns < next_ns) {
			next_ns = run->deadline_ns;
		}
	}
	return next_ns;
}

/* Waits for the plugins, the wake descriptor or `until_ns`; true: the core wants the thread. */
static bool wait_for(struct exec *self, int wake_fd, uint64_t until_ns)
{
	struct timespec left = yett_time_left(self->host, until_ns);
	nfds_t count = 1;

	self->fds[0] = (struct pollfd){.fd = wake_fd, .events = POLLIN};
	for (size_t i = 0; i < self->run_count; i++) {
		const struct run *run = &self->runs[i];

		if (run->state != RUN_FREE) {
			self->fds[count++] = (struct pollfd){.fd = run->process, .events = POLLIN};
			self->fds[count++] = (struct pollfd){.fd = run->output, .events = POLLIN};
			self->fds[count++] = (struct pollfd){.fd = run->errors, .events = POLLIN};
		}
	}
	return ppoll(self->fds, count, &left, NULL) > 0 && self->fds[0].revents != 0;
}

int yett_exec_poll(void *arg, const struct yett_sink *sink, uint64_t deadline_ns,
	uint64_t *ret_next_ns, struct yett_error *error)
{
	struct exec *self = arg;
	unsigned told = 0;
	int r = 0;

	(void)error;
	self->sink = sink;
	for (;;) {
		uint64_t until_ns;

		r = look_after(self, &told);
		if (r == 0) {
			r = start_due(self, &told);
		}
		if (r == 0) {
			r = tell_overdue(self, &told);
		}
		if (r != 0 || told > 0 || now(self) >= deadline_ns) {
			break;
		}
		until_ns = next_event(self);
		if (wait_for(
			    self, sink->wake_fd, until_ns < deadline_ns ? until_ns : deadline_ns)) {
			break;
		}
	}
	/* while something runs, its pipes are to be emptied: again at once */
	*ret_next_ns = 0;
	for (size_t i = 0; i < self->run_count; i++) {
		if (self->runs[i].state != RUN_FREE) {
			return r;
		}
	}
	*ret_next_ns = next_event(self);
	if (*ret_next_ns == FOREVER) {
		*ret_next_ns = now(self) + 3600 * SECOND;
	}
	return r;
}

/* Reaps until none runs or until `until_ns`; the number of those that still do. */
static size_t reap_all(struct exec *self, uint64_t until_ns)
{
	for (;;) {
		size_t left = 0;
		int code;

		for (size_t i = 0; i < self->run_count; i++) {
			struct run *run = &self->runs[i];

			if (run->state == RUN_FREE) {
				continue;
			}
			yett_run_read(run);
			if (!yett_run_reap(run, &code)) {
				left++;
			}
		}
		if (left == 0 || now(self) >= until_ns) {
			return left;
		}
		wait_for(self, -1, until_ns);
	}
}

static void signal_all(struct exec *self, int signal)
{
	for (size_t i = 0; i < self->run_count; i++) {
		if (self->runs[i].state != RUN_FREE) {
			yett_run_signal(&self->runs[i], signal);
		}
	}
}

void yett_exec_stop(void *arg)
{
	struct exec *self = arg;

	signal_all(self, SIGTERM);
	signal_all(self, SIGCONT);
	if (reap_all(self, now(self) + STOP_NS) > 0) {
		signal_all(self, SIGKILL);
		reap_all(self, now(self) + ABANDON_NS);
	}
	for (size_t i = 0; i < self->run_count; i++) {
		struct run *run = &self->runs[i];

		if (run->state != RUN_FREE) {
			self->host->log(self->host->instance, YETT_LOG_WARNING, "plugin-left",
				"a plugin that does not end even by SIGKILL is left behind "
				"check=%s "
				"pid=%d",
				self->checks[run->check].settings->name, (int)run->pid);
			yett_run_abandon(run);
		}
		self->checks[run->check].running = false;
	}
	show_running(self);
}
