/* The daemon: loop, node, management, admin API, signals.
 *
 * Responsible for making them in order and ending them in reverse, for telling the service manager
 * (READY, RELOADING, STOPPING), for reload on SIGHUP and for draining on SIGTERM. Not responsible for
 * what a node does. On the main thread, which becomes the loop's. A reload whose file is wrong
 * changes nothing and says what is wrong. Settings of earlier reloads stay until the end, since
 * instances that did not change still refer to them. */
#ifdef HAVE_CONFIG_H
#	include <config.h>
#endif

#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#ifdef WITH_SYSTEMD
#	include <systemd/sd-daemon.h>
#endif

#include "../admin/admin.h"
#include "../base/log.h"
#include "../flow/node.h"
#include "../manage/manage.h"
#include "../net/files.h"
#include "privileges.h"

struct daemon_state {
	struct yett_loader *loader;
	GPtrArray *confs; /* the newest last */
	struct yett_loop *loop;
	struct yett_manage *manage;
	struct yett_node *node;
	struct yett_admin *admin;
	bool stopping;
};

static const struct yett_settings *settings_of(const struct daemon_state *daemon)
{
	return yett_conf_settings(daemon->confs->pdata[daemon->confs->len - 1]);
}

static void notify(const char *state)
{
#ifdef WITH_SYSTEMD
	sd_notify(0, state);
#else
	(void)state;
#endif
}

static void log_error(const char *event, const struct yett_error *error)
{
	yett_log(YETT_LOG_ERROR, event, "%s%s%s",
		error->text[0] != '\0' ? error->text : yett_result_text(error->code),
		error->mend[0] != '\0' ? "; " : "", error->mend);
}

static void log_problem(void *arg, const char *file, int line, const char *text, const char *mend)
{
	(void)arg;
	yett_log(YETT_LOG_ERROR, "configuration-wrong", "%s:%d: %s%s%s", file, line, text,
		mend != NULL && mend[0] != '\0' ? ": " : "", mend != NULL ? mend : "");
}

static void reload(struct daemon_state *daemon)
{
	struct yett_problems *problems = yett_problems_new();
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_conf *conf = NULL;

	notify("RELOADING=1");
	if (yett_configure(daemon->loader, settings_of(daemon)->file, YETT_CONFIGURE_AGAIN, &conf,
		    problems) != 0) {
		yett_problems_walk(problems, log_problem, NULL);
		yett_log(YETT_LOG_ERROR, "reload-refused",
			"nothing has changed; mend the configuration and reload again problems=%zu",
			yett_problems_count(problems));
	} else {
		g_ptr_array_add(daemon->confs, conf);
		yett_log_setup(settings_of(daemon)->node.log_target == 1 ? YETT_LOG_JOURNAL
									 : YETT_LOG_STDERR,
			settings_of(daemon)->node.log_level);
		yett_admin_reload(daemon->admin, settings_of(daemon));
		if (yett_manage_reload(daemon->manage, settings_of(daemon), &error) != 0) {
			log_error("reload-partly", &error);
		} else {
			yett_log(YETT_LOG_NOTICE, "reloaded",
				"the configuration is in force file=%s", settings_of(daemon)->file);
		}
	}
	yett_problems_free(problems);
	notify("READY=1");
}

static void drained(void *arg)
{
	struct daemon_state *daemon = arg;

	yett_loop_uv_stop(daemon->loop);
}

static void on_signal(void *arg, int signum)
{
	struct daemon_state *daemon = arg;

	if (daemon->stopping) {
		return; /* no reload either: what that would begin nobody would end */
	}
	if (signum == SIGHUP) {
		reload(daemon);
		return;
	}
	daemon->stopping = true;
	notify("STOPPING=1");
	yett_log(YETT_LOG_NOTICE, "stopping", "finishing what is under way signal=%d", signum);
	yett_node_drain(daemon->node, settings_of(daemon)->node.drain_timeout_ns, drained, daemon);
}

static int raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		return setrlimit(RLIMIT_NOFILE, &limit);
	}
	return 0;
}

/* The stages of start-up, in order; `finish` undoes them in reverse, as far as they came. */

static int start_loop(struct daemon_state *daemon, struct yett_error *error)
{
	static const int signals[] = {SIGHUP, SIGTERM, SIGINT};
	int result;

	signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	result = yett_loop_uv_new(&daemon->loop, error);
	for (size_t i = 0; result == 0 && i < sizeof(signals) / sizeof(signals[0]); i++) {
		result = yett_loop_uv_signal(daemon->loop, signals[i], on_signal, daemon);
	}
	return result;
}

static int start_privileges(struct daemon_state *daemon, struct yett_error *error)
{
	const struct yett_settings *settings = settings_of(daemon);

	return yett_privileges_drop(
		settings->node.user, settings->node.state, settings->admin.socket, error);
}

static int start_node(struct daemon_state *daemon, struct yett_error *error)
{
	const struct yett_node_make make = {
		.loop = daemon->loop,
		.clock = &yett_clock_system,
		.files = &yett_files_system,
		.settings = settings_of(daemon),
	};
	struct yett_management calls;

	daemon->manage = yett_manage_new();
	calls = yett_manage_calls(daemon->manage);
	return yett_node_new(&make, &calls, &daemon->node, error);
}

static int start_manage(struct daemon_state *daemon, struct yett_error *error)
{
	int result = yett_manage_open(daemon->manage, daemon->node, error);

	if (result == 0) {
		yett_manage_tap_log(daemon->manage);
	}
	return result;
}

static int start_admin(struct daemon_state *daemon, struct yett_error *error)
{
	return yett_admin_start(
		daemon->manage, daemon->loader, settings_of(daemon), &daemon->admin, error);
}

static int start_traffic(struct daemon_state *daemon, struct yett_error *error)
{
	return yett_node_start(daemon->node, error);
}

static int (*const stages[])(struct daemon_state *daemon, struct yett_error *error) = {
	start_privileges,
	start_loop,
	start_node,
	start_manage,
	start_admin,
	start_traffic,
};

static void finish(struct daemon_state *daemon)
{
	yett_admin_stop(daemon->admin);
	if (daemon->node != NULL) {
		yett_node_free(daemon->node);
	}
	yett_manage_free(daemon->manage);
	if (daemon->loop != NULL) {
		yett_loop_uv_free(daemon->loop);
	}
	while (daemon->confs->len > 0) {
		yett_conf_free(daemon->confs->pdata[daemon->confs->len - 1]);
		g_ptr_array_set_size(daemon->confs, (gint)daemon->confs->len - 1);
	}
	g_ptr_array_free(daemon->confs, TRUE);
}

int yett_daemon_run(struct yett_loader *loader, struct yett_conf *conf)
{
	struct daemon_state daemon = {.loader = loader, .confs = g_ptr_array_new()};
	struct yett_error error = YETT_ERROR_INIT;
	int result = 0;

	g_ptr_array_add(daemon.confs, conf);
	for (size_t i = 0; result == 0 && i < sizeof(stages) / sizeof(stages[0]); i++) {
		result = stages[i](&daemon, &error);
	}
	if (result != 0) {
		error.code = result;
		log_error("not-started", &error);
		finish(&daemon);
		return 1;
	}
	notify("READY=1");
	yett_log(YETT_LOG_NOTICE, "ready", "yettd " PACKAGE_VERSION " is up node=%s",
		settings_of(&daemon)->node.name);
	yett_loop_uv_run(daemon.loop);
	finish(&daemon);
	yett_log(YETT_LOG_NOTICE, "stopped", "all is down");
	return 0;
}
