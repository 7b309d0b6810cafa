/* The notification command: alerts leave the group through a program of the administrator's.
 *
 * Responsible for running it, one at a time and on a thread of its own, for each alert that is raised
 * or closed: with the alert as JSON on its standard input, the same in short in its environment
 * (YETT_ALERT_EVENT, _ID, _NODE, _SEVERITY, _TEXT), under a deadline after which its process group is
 * killed; and for trying again where it fails, three times in all. Not responsible for what is told
 * (alerts.c). At most 1,000 wait: what comes then is offered again by the caller. Its output goes
 * nowhere. posix_spawn and not fork: the process has many threads.
 *
 * When the node ends, what runs is ended as at its deadline. Its completion is among the last posts of the
 * loop then, behind all that it was for: so it finds nobody, and frees what is left. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../base/log.h"
#include "../../net/executor.h"
#include "../internal.h"

#define WAITING_MAX 1000
#define TRIES       3
#define AGAIN_NS    (10 * YETT_SEC)
#define PATIENCE_NS (2 * YETT_SEC)

struct notice {
	char *what, *id, *text; /* text: the alert, JSON */
	char **argv, **environment;
	uint64_t deadline_ns;
	unsigned tries;
	uint64_t after_ns;
	int code;  /* of its end; negative: killed by a signal, or it could not be run */
	int error; /* errno, where it could not be run */
};

struct yett_notify {
	struct yett_manage *manage; /* NULL: the node has ended */
	struct yett_executor *executor;
	GQueue *waiting; /* struct notice */
	struct notice *running;
	struct yett_job job;
	int stop; /* an eventfd: the node ends */
};

static void notice_free(struct notice *notice)
{
	g_free(notice->what);
	g_free(notice->id);
	g_free(notice->text);
	g_strfreev(notice->argv);
	g_strfreev(notice->environment);
	g_free(notice);
}

/* On the thread. */

static int spawn(struct notice *notice, int input, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	r = posix_spawn_file_actions_adddup2(&actions, input, 0);
	r = r != 0 ? r : posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	r = r != 0 ? r : posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	r = r != 0 ? r : posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	r = r != 0 ? r : posix_spawn_file_actions_addchdir_np(&actions, "/");
	r = r != 0 ? r : posix_spawnattr_setpgroup(&attributes, 0);
	r = r != 0 ? r : posix_spawnattr_setsigmask(&attributes, &none);
	r = r != 0 ? r : posix_spawnattr_setsigdefault(&attributes, &all);
	r = r != 0 ? r
		   : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP |
								   POSIX_SPAWN_SETSIGMASK |
								   POSIX_SPAWN_SETSIGDEF);
	r = r != 0 ? r
		   : posix_spawn(ret_pid, notice->argv[0], &actions, &attributes, notice->argv,
			     notice->environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* Gives it its input as it takes it, until it ends, or is made to. */
static void attend(struct yett_notify *notify, struct notice *notice, int *input, int process)
{
	uint64_t until_ns = yett_clock_monotonic(&yett_clock_system) + notice->deadline_ns;
	size_t length = strlen(notice->text), given = 0;

	for (;;) {
		uint64_t now_ns = yett_clock_monotonic(&yett_clock_system);
		struct pollfd polls[] = {
			{.fd = process, .events = POLLIN},
			{.fd = notify->stop, .events = POLLIN},
			{.fd = *input, .events = POLLOUT},
		};
		int wait_ms = now_ns < until_ns ? (int)((until_ns - now_ns) / YETT_MS) + 1 : 0;

		if (poll(polls, 3, wait_ms) < 0 && errno == EINTR) {
			continue;
		}
		if (polls[0].revents != 0 || polls[1].revents != 0 || wait_ms == 0) {
			return;
		}
		if (polls[2].revents != 0) {
			ssize_t n = write(*input, notice->text + given, length - given);

			given += n > 0 ? (size_t)n : 0;
			if (given == length || (n < 0 && errno != EAGAIN)) {
				close(*input); /* that is its end; or it does not want it */
				*input = -1;
			}
		}
	}
}

static void work(void *arg)
{
	struct yett_notify *notify = arg;
	struct notice *notice = notify->running;
	int ends[2] = {-1, -1}, process = -1;
	siginfo_t info = {0};
	pid_t pid = 0;

	notice->code = -1;
	notice->error = pipe2(ends, O_CLOEXEC) != 0 ? errno : 0;
	if (notice->error == 0) {
		fcntl(ends[1], F_SETFL, O_NONBLOCK);
		notice->error = spawn(notice, ends[0], &pid);
		close(ends[0]);
	}
	if (notice->error == 0) {
		process = pidfd_open(pid, 0);
		if (process >= 0) {
			attend(notify, notice, &ends[1], process);
			close(process);
		}
		kill(-pid, SIGKILL); /* its number is its own until it is reaped */
		if (waitid(P_PID, (id_t)pid, &info, WEXITED) == 0) {
			notice->code =
				info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
		}
	}
	if (ends[1] >= 0) {
		close(ends[1]);
	}
}

/* On the loop. */

static void start_next(struct yett_notify *notify, uint64_t now_ns);

static void tell_failure(const struct notice *notice, bool again)
{
	char how[80];

	if (notice->error != 0) {
		snprintf(how, sizeof(how), "it cannot be run: %s", strerror(notice->error));
	} else if (notice->code < 0) {
		snprintf(how, sizeof(how), "it was ended by signal %d, or at its deadline",
			-notice->code);
	} else {
		snprintf(how, sizeof(how), "exit code %d", notice->code);
	}
	yett_log(YETT_LOG_WARNING, "notification-failed",
		"the command did not take an alert: %s; %s; look at alerts.command command=%s "
		"alert=%s",
		how, again ? "it is run again in ten seconds" : "it is not tried again",
		notice->argv[0], notice->id);
}

static void notify_free(struct yett_notify *notify)
{
	while (!g_queue_is_empty(notify->waiting)) {
		notice_free(g_queue_pop_head(notify->waiting));
	}
	g_queue_free(notify->waiting);
	if (notify->stop >= 0) {
		close(notify->stop);
	}
	g_free(notify);
}

static void done(void *arg)
{
	struct yett_notify *notify = arg;
	struct notice *notice = notify->running;
	uint64_t now_ns;

	notify->running = NULL;
	if (notify->manage == NULL) {
		notice_free(notice);
		notify_free(notify);
		return;
	}
	now_ns = yett_now(notify->manage->node);
	if (notice->code != 0 && ++notice->tries < TRIES) {
		tell_failure(notice, true);
		notice->after_ns = now_ns + AGAIN_NS;
		g_queue_push_head(notify->waiting, notice); /* what it is about stays in order */
	} else {
		if (notice->code != 0) {
			tell_failure(notice, false);
		}
		yett_alerts_notified(notify->manage, notice->id, notice->what);
		notice_free(notice);
	}
	start_next(notify, now_ns);
}

static void start_next(struct yett_notify *notify, uint64_t now_ns)
{
	struct notice *notice = g_queue_peek_head(notify->waiting);

	if (notify->running != NULL || notice == NULL || now_ns < notice->after_ns) {
		return;
	}
	notify->running = g_queue_pop_head(notify->waiting);
	notify->job = (struct yett_job){.work = work, .done = done, .arg = notify};
	yett_executor_submit(notify->executor, &notify->job);
}

void yett_notify_tick(struct yett_manage *manage, uint64_t now_ns)
{
	if (manage->notify != NULL) {
		start_next(manage->notify, now_ns);
	}
}

static char **environment_of(const char *what, const char *id, const json_t *alert)
{
	static const char *const kept[] = {"PATH", "HOME", "LANG", "TZ", "TMPDIR"};
	static const char *const keys[] = {"node", "severity", "kind", "text"};
	char **environment = g_new0(char *, 1);

	for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
		environment = getenv(kept[i]) != NULL ? g_environ_setenv(environment, kept[i],
								getenv(kept[i]), TRUE)
						      : environment;
	}
	environment = g_environ_setenv(environment, "YETT_ALERT_EVENT", what, TRUE);
	environment = g_environ_setenv(environment, "YETT_ALERT_ID", id, TRUE);
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autofree char *upper = g_ascii_strup(keys[i], -1);
		g_autofree char *name = g_strdup_printf("YETT_ALERT_%s", upper);
		const char *value = json_string_value(json_object_get(alert, keys[i]));

		environment = g_environ_setenv(environment, name, value != NULL ? value : "", TRUE);
	}
	return environment;
}

static char **arguments_of(const struct yett_list *command)
{
	char **argv = g_new0(char *, command->count + 1);

	for (size_t i = 0; i < command->count; i++) {
		argv[i] = g_strdup(((const char *const *)command->items)[i]);
	}
	return argv;
}

bool yett_notify_send(
	struct yett_manage *manage, const char *what, const char *id, const json_t *alert)
{
	const struct yett_settings *settings = manage->node->settings;
	struct yett_notify *notify = manage->notify;
	struct notice *notice;
	json_t *json;
	char *text;

	if (manage->notice != NULL) {
		manage->notice(manage->notice_arg, what, alert);
		yett_alerts_notified(manage, id, what);
		return false;
	}
	if (settings->alerts.command.count == 0 || notify == NULL) {
		yett_alerts_notified(manage, id, what); /* nobody is to be told */
		return false;
	}
	if (g_queue_get_length(notify->waiting) >= WAITING_MAX) {
		return false;
	}
	json = json_pack("{s:s, s:O}", "event", what, "alert", (json_t *)(uintptr_t)alert);
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	notice = g_new0(struct notice, 1);
	notice->what = g_strdup(what);
	notice->id = g_strdup(id);
	notice->text = g_strconcat(text != NULL ? text : "{}", "\n", NULL);
	free(text);
	notice->argv = arguments_of(&settings->alerts.command);
	notice->environment = environment_of(what, id, alert);
	notice->deadline_ns = settings->alerts.deadline_ns;
	g_queue_push_tail(notify->waiting, notice);
	start_next(notify, yett_now(manage->node));
	return true;
}

int yett_notify_open(struct yett_manage *manage, struct yett_error *error)
{
	struct yett_notify *notify;

	if (manage->node->inline_executors) {
		return 0; /* nothing outside is run from a simulation */
	}
	notify = g_new0(struct yett_notify, 1);
	notify->manage = manage;
	notify->waiting = g_queue_new();
	notify->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	manage->notify = notify;
	if (notify->stop < 0) {
		return yett_fail(error, yett_result_from_errno(errno),
			"raise the limit of open files (LimitNOFILE)",
			"the notification command cannot be made ready: %s", strerror(errno));
	}
	return yett_executor_new(manage->node->loop, "notify", 1, &notify->executor, error);
}

void yett_notify_close(struct yett_manage *manage)
{
	struct yett_notify *notify = manage->notify;
	uint64_t one = 1;

	if (notify == NULL) {
		return;
	}
	manage->notify = NULL;
	notify->manage = NULL;
	if (notify->executor != NULL) {
		YETT_REQUIRE(write(notify->stop, &one, sizeof(one)) == sizeof(one));
		if (yett_executor_free(notify->executor, true, PATIENCE_NS)) {
			return; /* a thread was left behind: what it uses stays */
		}
	}
	if (notify->running == NULL) {
		notify_free(notify);
	}
}
