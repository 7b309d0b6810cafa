/* source-exec: runs monitoring plugins (Nagios, Icinga and kin) and tells what they say.
 *
 * This file is the module: its settings, what is to be checked about them, and what an instance is
 * made of. When which check runs is schedule.c's; processes are run.c's, records tell.c's, and the
 * plugins' language output.c's and perfdata.c's.
 *
 * Check, create and destroy run on the main thread, all else on the source's. Strings of the
 * settings are borrowed until destroy. No shell is ever asked to read a command. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec.h"

static int check_one(
	const struct yett_host *host, const struct check_settings *check, struct yett_error *error)
{
	const char *const *command = check->command.items;
	size_t length = strlen(check->name);
	struct stat st;

	if (length == 0 || length > EXEC_NAME_MAX) {
		return host->fail(error, YETT_ECONFIG, "give it a name of 1 to 64 characters",
			"a check is named '%s'", check->name);
	}
	for (const char *c = check->name; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c) && strchr("._-", *c) == NULL) {
			return host->fail(error, YETT_ECONFIG,
				"use letters, digits, '.', '_' and '-'",
				"the name of check '%s' has a character that it may not have",
				check->name);
		}
	}
	if (check->command.count == 0 || command[0][0] != '/') {
		return host->fail(error, YETT_ECONFIG,
			"write it as [ \"/path/of/plugin\", \"argument\", ... ]; no shell reads it",
			"the command of check '%s' does not start with an absolute path",
			check->name);
	}
	if (stat(command[0], &st) != 0) {
		return host->fail(error, YETT_ECONFIG,
			"install the plugin, or mend its path in command",
			"the plugin of check '%s' cannot be found: %s: %s", check->name, command[0],
			strerror(errno));
	}
	if (!S_ISREG(st.st_mode) || access(command[0], X_OK) != 0) {
		return host->fail(error, YETT_ECONFIG,
			"make it executable for the user that the daemon runs as",
			"the plugin of check '%s' cannot be executed: %s", check->name, command[0]);
	}
	return 0;
}

static int check_settings(const struct yett_host *host, const void *with, struct yett_error *error)
{
	const struct settings *settings = with;
	const struct check_settings *checks = settings->checks.items;
	const char *const *environment = settings->environment.items;

	for (size_t i = 0; i < settings->checks.count; i++) {
		int r = check_one(host, &checks[i], error);

		if (r != 0) {
			return r;
		}
		for (size_t j = 0; j < i; j++) {
			if (strcmp(checks[i].name, checks[j].name) == 0) {
				return host->fail(error, YETT_ECONFIG, "give each its own name",
					"two checks are named '%s'", checks[i].name);
			}
		}
	}
	for (size_t i = 0; i < settings->environment.count; i++) {
		if (strchr(environment[i], '=') == NULL || environment[i][0] == '=') {
			return host->fail(error, YETT_ECONFIG, "write it as NAME=value",
				"an item of environment has no name or no '='");
		}
	}
	return 0;
}

static bool has_variable(char *const *environment, size_t count, const char *variable)
{
	size_t length = (size_t)(strchr(variable, '=') + 1 - variable);

	for (size_t i = 0; i < count; i++) {
		if (strncmp(environment[i], variable, length) == 0) {
			return true;
		}
	}
	return false;
}

/* Takes strings from a list of settings, which outlives it, as exec wants them. */
static char **make_vector(const struct yett_list *list, size_t room)
{
	char **vector = calloc(list->count + room + 1, sizeof(*vector));

	if (vector != NULL && list->count > 0) {
		memcpy(vector, list->items, list->count * sizeof(*vector));
	}
	return vector;
}

static bool make_environment(struct exec *self)
{
	static const char *const standard[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C.UTF-8"};
	size_t count = self->settings->environment.count;

	self->environment = make_vector(&self->settings->environment, 2);
	if (self->environment == NULL) {
		return false;
	}
	for (size_t i = 0; i < 2; i++) {
		const char *variable = standard[i];

		if (!has_variable(self->environment, count, variable)) {
			memcpy(&self->environment[count++], &variable, sizeof(variable));
		}
	}
	return true;
}

static void destroy(void *arg)
{
	struct exec *self = arg;

	for (size_t i = 0; self->checks != NULL && i < self->check_count; i++) {
		free(self->checks[i].argv);
	}
	free(self->checks);
	free(self->runs);
	free(self->fds);
	free(self->environment);
	free(self);
}

static bool make(struct exec *self)
{
	const struct check_settings *checks = self->settings->checks.items;

	self->check_count = self->settings->checks.count;
	self->run_count = (size_t)self->settings->parallel;
	if (self->run_count > self->check_count) {
		self->run_count = self->check_count;
	}
	self->checks = calloc(self->check_count + 1, sizeof(*self->checks));
	self->runs = calloc(self->run_count + 1, sizeof(*self->runs));
	self->fds = calloc(self->run_count * 3 + 1, sizeof(*self->fds));
	if (self->checks == NULL || self->runs == NULL || self->fds == NULL ||
		!make_environment(self)) {
		return false;
	}
	for (size_t i = 0; i < self->check_count; i++) {
		self->checks[i].settings = &checks[i];
		self->checks[i].argv = make_vector(&checks[i].command, 0);
		if (self->checks[i].argv == NULL) {
			return false;
		}
	}
	return true;
}

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	struct exec *self = calloc(1, sizeof(*self));

	if (self == NULL) {
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for %s", with->name);
	}
	self->host = host;
	self->settings = with->settings;
	if (!make(self)) {
		destroy(self);
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for %s", with->name);
	}
	*ret_self = self;
	return 0;
}

static const struct yett_life life = {
	.size = sizeof(life),
	.check = check_settings,
	.create = create,
	.start = yett_exec_start,
	.stop = yett_exec_stop,
	.destroy = destroy,
};

static const struct yett_source_operations operations = {
	.size = sizeof(operations),
	.poll = yett_exec_poll,
};

#define SECOND INT64_C(1000000000)

static const struct yett_schema check_rows[] = {
	YETT_ROW_STRING(struct check_settings, name, "name", YETT_SCHEMA_REQUIRED, NULL,
		"What the check is called, unique in this source: letters, digits, '.', '_', '-'."),
	YETT_ROW_STRINGS(struct check_settings, command, "command", YETT_SCHEMA_REQUIRED, NULL,
		"The plugin's absolute path and its arguments. No shell reads it."),
	YETT_ROW_DURATION(struct check_settings, interval_ns, "interval", 0, "60 s", SECOND,
		7 * 24 * 3600 * SECOND, "How often it is run."),
	YETT_ROW_DURATION(struct check_settings, timeout_ns, "timeout", 0, "30 s", SECOND / 10,
		24 * 3600 * SECOND,
		"How long it may take. Then its state is unknown, and it is ended with all that is "
		"in its process group."),
	YETT_ROW_END,
};

static const struct yett_schema schema[] = {
	YETT_ROW_GROUPS(struct settings, checks, "checks", 0, struct check_settings, check_rows,
		"The plugins to run."),
	YETT_ROW_STRINGS(struct settings, environment, "environment", YETT_SCHEMA_SECRET, "[]",
		"What plugins find in their environment, as \"NAME=value\", beside PATH and "
		"LANG=C.UTF-8; "
		"nothing of the daemon's own is passed on."),
	YETT_ROW_INT(struct settings, parallel, "parallel", 0, "8", 1, 64,
		"How many plugins may run at once; the others wait."),
	YETT_ROW_DURATION(struct settings, grace_ns, "grace", 0, "3 s", SECOND / 10, 60 * SECOND,
		"How long a plugin whose time is up has to end after SIGTERM, before SIGKILL."),
	YETT_ROW_DURATION(struct settings, spread_ns, "spread", 0, "60 s", 0, 3600 * SECOND,
		"Over how long the first runs are spread, so that they are not all at once; a "
		"check's own interval if that is shorter."),
	YETT_ROW_END,
};

static const struct yett_metric metrics[] = {
	{"runs", "{run}", "Plugins that were run.", YETT_METRIC_COUNTER},
	{"timeouts", "{run}", "Plugins that did not end in time.", YETT_METRIC_COUNTER},
	{"perfdata_bad", "{item}", "Items of performance data that could not be read.",
		YETT_METRIC_COUNTER},
	{"running", "{run}", "Plugins that run now.", YETT_METRIC_GAUGE},
	{NULL, NULL, NULL, 0},
};

YETT_MODULE(.kind = YETT_KIND_SOURCE, .name = "source-exec", .version = "0.1.0",
	.licence = "Apache-2.0",
	.summary = "Runs monitoring plugins and tells their states and performance data.",
	.life = &life, .operations = &operations, .schema = schema, .metrics = metrics,
	.settings_size = sizeof(struct settings));
