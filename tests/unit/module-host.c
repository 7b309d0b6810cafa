/* Instances of modules: their life is paired, a failure leaves nothing, a module's wrong index reads
 * nothing that is not its own; and a module's `check` is a problem of the file, with its line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/metrics.h"
#include "module/configure.h"
#include "module/host.h"
#include "net/files.h"
#include "suite.h"

#define BAD YETT_TEST_BUILDDIR "/tests/unit/modules-bad/.libs"

struct counts {
	int creates, starts, stops, destroys;
	int create_result, start_result;
};

struct counted_settings {
	struct counts *counts;
};

struct counted {
	const struct yett_host *host;
	struct counts *counts;
};

static int counted_create(const struct yett_host *host, const struct yett_create *with,
	void **ret_self, struct yett_error *error)
{
	const struct counted_settings *settings = with->settings;
	struct counted *self;

	settings->counts->creates++;
	host->metric(host->instance, 0, 1);
	if (settings->counts->create_result != 0) {
		return host->fail(error, settings->counts->create_result, "mend it",
			"%s does not want to be", with->name);
	}
	self = calloc(1, sizeof(*self));
	self->host = host;
	self->counts = settings->counts;
	*ret_self = self;
	return 0;
}

static int counted_start(void *arg, struct yett_error *error)
{
	struct counted *self = arg;

	(void)error;
	self->counts->starts++;
	return self->counts->start_result;
}

static void counted_stop(void *arg)
{
	struct counted *self = arg;

	self->counts->stops++;
}

static void counted_destroy(void *arg)
{
	struct counted *self = arg;

	self->counts->destroys++;
	free(self);
}

static const struct yett_life life = {
	.size = sizeof(life),
	.create = counted_create,
	.start = counted_start,
	.stop = counted_stop,
	.destroy = counted_destroy,
};

static const struct yett_metric metrics[] = {
	{"counted_things", "1", "things", YETT_METRIC_COUNTER},
	{"counted_level", "1", "level", YETT_METRIC_GAUGE},
	{NULL, NULL, NULL, 0},
};

static const struct yett_module module = {
	.magic = YETT_MODULE_MAGIC,
	.size = sizeof(module),
	.kind = YETT_KIND_POLICY,
	.name = "policy-counted",
	.life = &life,
	.metrics = metrics,
};

static int make_of(const struct yett_module *what, struct counts *counts,
	struct counted_settings *settings, struct yett_instance **ret, struct yett_error *error)
{
	const struct yett_world world = {.clock = &yett_clock_system,
		.files = &yett_files_system,
		.node = "node.example",
		.state = "/nowhere"};

	settings->counts = counts;
	return yett_instance_new(&world, what, "one", settings, NULL, 0, ret, error);
}

static int see_metric(void *arg, const char *instance, const struct yett_metric *row, int64_t value)
{
	unsigned *count = arg;

	(void)row;
	(void)value;
	*count += strcmp(instance, "one") == 0 ? 1 : 0;
	return 0;
}

static unsigned metrics_alive(void)
{
	unsigned count = 0;

	yett_metrics_walk(see_metric, &count);
	return count;
}

static const struct {
	const char *name;
	int create_result, start_result;
	bool start, stop; /* whether the core calls them */
	int want_starts, want_stops, want_destroys;
} lives[] = {
	{"made and freed", 0, 0, false, false, 0, 0, 1},
	{"started, stopped, freed", 0, 0, true, true, 1, 1, 1},
	{"started and freed: stopped before", 0, 0, true, false, 1, 1, 1},
	{"never started: not stopped", 0, 0, false, true, 0, 0, 1},
	{"a start that fails is not stopped", 0, YETT_EIO, true, true, 1, 0, 1},
	{"a create that fails leaves nothing", YETT_EFULL, 0, false, false, 0, 0, 0},
};

static void run_life(size_t row)
{
	struct counts counts = {
		.create_result = lives[row].create_result, .start_result = lives[row].start_result};
	struct counted_settings settings;
	struct yett_instance *instance = NULL;
	struct yett_error error = YETT_ERROR_INIT;
	int result = make_of(&module, &counts, &settings, &instance, &error);

	CU_ASSERT_EQUAL(result, lives[row].create_result);
	if (result != 0) {
		CU_ASSERT_PTR_NULL(instance);
		CU_ASSERT_STRING_EQUAL(error.text, "one does not want to be");
		CU_ASSERT_STRING_EQUAL(error.mend, "mend it");
	} else {
		CU_ASSERT_EQUAL(metrics_alive(), 2);
	}
	if (lives[row].start) {
		result = yett_instance_start(instance, &error);
		CU_ASSERT_EQUAL(result, lives[row].start_result);
		CU_ASSERT(result == 0 || strstr(error.text, "one could not be started") != NULL);
	}
	if (lives[row].stop) {
		yett_instance_stop(instance);
		yett_instance_stop(instance); /* only the first counts */
	}
	yett_instance_free(instance);
	CU_ASSERT_EQUAL(counts.creates, 1);
	CU_ASSERT_EQUAL(counts.starts, lives[row].want_starts);
	CU_ASSERT_EQUAL(counts.stops, lives[row].want_stops);
	CU_ASSERT_EQUAL(counts.destroys, lives[row].want_destroys);
	CU_ASSERT_EQUAL(metrics_alive(), 0);
}

static void pairs_each_life(void)
{
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		run_life(i);
	}
	yett_instance_free(NULL);
}

static void lives_without_optional_calls(void)
{
	const struct yett_life least = {
		.size = sizeof(least), .create = counted_create, .destroy = counted_destroy};
	struct yett_module smallest = module;
	struct counts counts = {0};
	struct counted_settings settings;
	struct yett_instance *instance = NULL;
	struct yett_error error = YETT_ERROR_INIT;

	smallest.life = &least;
	smallest.metrics = NULL;
	CU_ASSERT_EQUAL_FATAL(make_of(&smallest, &counts, &settings, &instance, &error), 0);
	CU_ASSERT_EQUAL(yett_instance_start(instance, &error), 0);
	instance->host.metric(instance, 0, 1); /* there is none: nothing happens */
	yett_instance_stop(instance);
	yett_instance_free(instance);
	CU_ASSERT_EQUAL(counts.destroys, 1);
}

static void two_instances_are_two(void)
{
	struct counts counts[2] = {{0}, {0}};
	struct counted_settings settings[2];
	struct yett_instance *instances[2] = {NULL, NULL};
	struct yett_error error = YETT_ERROR_INIT;

	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL_FATAL(
			make_of(&module, &counts[i], &settings[i], &instances[i], &error), 0);
	}
	instances[0]->host.metric(instances[0], 0, 41);
	CU_ASSERT_EQUAL(yett_metrics_get(instances[0]->metrics, 0), 42);
	CU_ASSERT_EQUAL(yett_metrics_get(instances[1]->metrics, 0), 1);
	yett_instance_free(instances[0]);
	CU_ASSERT_EQUAL(counts[0].destroys, 1);
	CU_ASSERT_EQUAL(counts[1].destroys, 0);
	yett_instance_free(instances[1]);
}

/* The table lies on the heap, so that a sanitizer sees a read beyond its end. */
static void metrics_keep_to_their_table(void)
{
	static const uint32_t wrong[] = {2, 3, 4, 1000, INT32_MAX, UINT32_MAX};
	struct yett_metric *table = malloc(sizeof(metrics));
	struct yett_module heaped = module;
	struct counts counts = {0};
	struct counted_settings settings;
	struct yett_instance *instance = NULL;
	struct yett_error error = YETT_ERROR_INIT;

	memcpy(table, metrics, sizeof(metrics));
	heaped.metrics = table;
	CU_ASSERT_EQUAL_FATAL(make_of(&heaped, &counts, &settings, &instance, &error), 0);
	instance->host.metric(instance, 1, 7);
	instance->host.metric(instance, 1, 5); /* a gauge is set, a counter added to */
	instance->host.metric(instance, 0, 2);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		instance->host.metric(instance, wrong[i], 9);
	}
	instance->host.metric(NULL, 0, 1);
	CU_ASSERT_EQUAL(yett_metrics_get(instance->metrics, 0), 3);
	CU_ASSERT_EQUAL(yett_metrics_get(instance->metrics, 1), 5);
	yett_instance_free(instance);
	free(table);
}

static void lends_a_cleared_error(void)
{
	struct counts counts = {0};
	struct counted_settings settings;
	struct yett_instance *instance = NULL;
	struct yett_error error = YETT_ERROR_INIT, *lent;

	CU_ASSERT_EQUAL_FATAL(make_of(&module, &counts, &settings, &instance, &error), 0);
	lent = instance->host.error_blank(instance);
	instance->host.fail(lent, YETT_EIO, NULL, "once");
	CU_ASSERT_STRING_EQUAL(lent->text, "once");
	lent = instance->host.error_blank(instance);
	CU_ASSERT_EQUAL(lent->code, 0);
	CU_ASSERT_STRING_EQUAL(lent->text, "");
	CU_ASSERT_PTR_NULL(instance->host.error_blank(NULL));
	CU_ASSERT_PTR_NULL(instance->host.listen); /* no loop: no streams */
	yett_instance_free(instance);
}

struct problem {
	unsigned count;
	char file[128], text[512], mend[256];
	int line;
};

static void take_problem(void *arg, const char *file, int line, const char *text, const char *mend)
{
	struct problem *problem = arg;

	problem->count++;
	problem->line = line;
	snprintf(problem->file, sizeof(problem->file), "%s", file);
	snprintf(problem->text, sizeof(problem->text), "%s", text);
	snprintf(problem->mend, sizeof(problem->mend), "%s", mend != NULL ? mend : "");
}

/* A configuration whose policy is the one of a row; the policy stands in line 6. */
static const struct {
	const char *policy;
	const char *says, *mends; /* NULL: it is fine */
} configurations[] = {
	{BAD "/plain.so", NULL, NULL},
	{BAD "/check-fails.so", "this module likes no settings", "write another one"},
	{BAD "/newer-minor.so", "wants ABI 1.1, this core offers 1.0", "update Yett"},
	{BAD "/missing.so", "missing.so", "module-directory"},
};

static void run_configuration(size_t row)
{
	char path[] = "/tmp/yett-conf-XXXXXX";
	struct yett_loader *loader = yett_loader_new();
	struct yett_problems *problems = yett_problems_new();
	struct yett_conf *conf = NULL;
	struct problem problem = {0};
	int fd = mkstemp(path), result;

	CU_ASSERT_FATAL(fd >= 0);
	dprintf(fd,
		"node = { name = \"a.example\"; user = \"\"; };\n"
		"module-directory = \"" YETT_TEST_BUILDDIR "/.libs\";\n"
		"group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
		"store = { module = \"store-null\"; };\n"
		"\n"
		"policy = { module = \"%s\"; };\n",
		configurations[row].policy);
	close(fd);
	result = yett_configure(loader, path, YETT_CONFIGURE_FIRST, &conf, problems);
	yett_problems_walk(problems, take_problem, &problem);
	if (configurations[row].says == NULL) {
		CU_ASSERT_EQUAL(result, 0);
		CU_ASSERT_EQUAL(problem.count, 0);
		CU_ASSERT_PTR_NOT_NULL(conf);
	} else {
		CU_ASSERT_EQUAL(result, YETT_ECONFIG);
		CU_ASSERT_EQUAL(problem.count, 1);
		CU_ASSERT_EQUAL(problem.line, 6);
		CU_ASSERT_STRING_EQUAL(problem.file, path);
		CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, configurations[row].says));
		CU_ASSERT_PTR_NOT_NULL(strstr(problem.mend, configurations[row].mends));
		CU_ASSERT_PTR_NULL(conf);
	}
	if (problem.count != (configurations[row].says != NULL ? 1 : 0)) {
		yett_problems_print(problems, stderr);
	}
	yett_conf_free(conf);
	yett_problems_free(problems);
	yett_loader_free(loader);
	unlink(path);
}

static void a_check_is_a_problem_with_its_line(void)
{
	for (size_t i = 0; i < sizeof(configurations) / sizeof(configurations[0]); i++) {
		run_configuration(i);
	}
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"pairs each life", pairs_each_life},
		{"lives without optional calls", lives_without_optional_calls},
		{"two instances are two", two_instances_are_two},
		{"metrics keep to their table", metrics_keep_to_their_table},
		{"lends a cleared error", lends_a_cleared_error},
		{"a check is a problem with its line", a_check_is_a_problem_with_its_line},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "module-host", tests);
}
