/* A source-exec whose checks are scripts in a folder of the test's own, and ways to wait for what it
 * tells. A bench is opened, given checks, started, and closed, which proves that no child, no
 * descriptor and no undeclared warning is left. */
#ifndef YETT_TESTS_SOURCE_EXEC_BENCH_H
#define YETT_TESTS_SOURCE_EXEC_BENCH_H

#include <CUnit/Basic.h>
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

#include "../../modules/source-exec/exec.h"
#include "source-bench.h"

#define SECOND UINT64_C(1000000000)
#define MS     (SECOND / 1000)
#define CHECKS 8

/* One source with checks that are scripts in a folder. */
struct bench {
	struct source_bench source;
	char paths[CHECKS][256];
	const char *commands[CHECKS][8];
	struct check_settings checks[CHECKS];
	struct settings settings;
};

static void bench_open(struct bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	source_bench_open(&bench->source);
	bench->settings = (struct settings){
		.checks = {0, bench->checks}, .parallel = 8, .grace_ns = 200 * MS};
}

static struct check_settings *add_command(struct bench *bench, const char *name, const char *path)
{
	size_t i = bench->settings.checks.count++;
	struct check_settings *check = &bench->checks[i];

	bench->commands[i][0] = path;
	*check = (struct check_settings){.name = name,
		.command = {1, bench->commands[i]},
		.interval_ns = 3600 * SECOND,
		.timeout_ns = 30 * SECOND};
	return check;
}

static struct check_settings *add(struct bench *bench, const char *name, const char *script)
{
	char *path = bench->paths[bench->settings.checks.count];
	char text[2048];

	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
	memory_folder_text(bench->source.folder, name, 0700, text);
	snprintf(path, sizeof(bench->paths[0]), "%s/%s", bench->source.folder, name);
	return add_command(bench, name, path);
}

static void bench_start(struct bench *bench)
{
	CU_ASSERT_EQUAL_FATAL(source_bench_start(&bench->source, &bench->settings), 0);
}

static int poll_until(struct bench *bench, uint64_t deadline_ns)
{
	uint64_t next_ns;

	return source_bench_poll(&bench->source, deadline_ns, &next_ns);
}

static size_t states(const struct bench *bench)
{
	size_t count = 0;

	for (size_t i = 0; i < bench->source.sink->count; i++) {
		count += bench->source.sink->records[i].record.kind == YETT_RECORD_STATE;
	}
	return count;
}

/* Until there are so many states, or 20 s. */
static void await_states(struct bench *bench, size_t count)
{
	uint64_t deadline_ns = memory_host.monotonic_ns(NULL) + 20 * SECOND;

	while (states(bench) < count && memory_host.monotonic_ns(NULL) < deadline_ns) {
		CU_ASSERT_EQUAL_FATAL(poll_until(bench, deadline_ns), 0);
	}
	if (states(bench) != count) {
		memory_sink_print(bench->source.sink);
	}
	CU_ASSERT_EQUAL_FATAL(states(bench), count);
	CU_ASSERT(memory_sink_valid(bench->source.sink));
}

static void await_no_run(struct bench *bench)
{
	const struct exec *exec = bench->source.self;
	uint64_t deadline_ns = memory_host.monotonic_ns(NULL) + 20 * SECOND;

	for (size_t i = 0; i < exec->run_count; i++) {
		while (exec->runs[i].state != RUN_FREE &&
			memory_host.monotonic_ns(NULL) < deadline_ns) {
			poll_until(bench, memory_host.monotonic_ns(NULL) + 100 * MS);
		}
	}
}

static void bench_close(struct bench *bench)
{
	source_bench_close(&bench->source);
	CU_ASSERT(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static const struct memory_record *state_of(const struct bench *bench, const char *name)
{
	for (size_t i = bench->source.sink->count; i-- > 0;) {
		const struct memory_record *kept = &bench->source.sink->records[i];

		if (kept->record.kind == YETT_RECORD_STATE &&
			memory_attribute_is(&kept->record, "yett.check.name", name)) {
			return kept;
		}
	}
	return NULL;
}

#endif
