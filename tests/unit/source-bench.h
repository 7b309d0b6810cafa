/* One source of the module under test, with a folder, a sink and the host of sink-memory.h. It is
 * opened, given settings, started, and closed, which proves that no descriptor and no undeclared
 * warning is left. A test of a source has one as the first member of its own bench. */
#ifndef YETT_TESTS_SOURCE_BENCH_H
#define YETT_TESTS_SOURCE_BENCH_H

#include <CUnit/CUnit.h>
#include <string.h>

#include "sink-memory.h"

extern const struct yett_module yett_module;

struct source_bench {
	char *folder;
	struct memory_sink *sink;
	void *self; /* NULL: not started, or stopped */
	int descriptors;
};

static inline void source_bench_open(struct source_bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	memory_log_clear();
	bench->descriptors = memory_descriptors();
	bench->folder = memory_folder_new();
	bench->sink = memory_sink_new();
}

/* Goes on from the last position that the sink has, as after a crash. What start answers. */
static inline int source_bench_start(struct source_bench *bench, const void *settings)
{
	const struct memory_sink *sink = bench->sink;
	const struct memory_position *last =
		sink->position_count > 0 ? &sink->positions[sink->position_count - 1] : NULL;
	struct yett_create with = {.size = sizeof(with),
		.name = yett_module.name,
		.settings = settings,
		.position = last != NULL ? last->bytes : NULL,
		.position_length = last != NULL ? last->length : 0};

	CU_ASSERT_EQUAL_FATAL(yett_module.life->check(&memory_host, settings, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(yett_module.life->create(&memory_host, &with, &bench->self, NULL), 0);
	return yett_module.life->start(bench->self, NULL);
}

static inline int source_bench_poll(
	struct source_bench *bench, uint64_t deadline_ns, uint64_t *ret_next_ns)
{
	const struct yett_source_operations *source = yett_module.operations;

	return source->poll(bench->self, &bench->sink->sink, deadline_ns, ret_next_ns, NULL);
}

static inline void source_bench_stop(struct source_bench *bench)
{
	yett_module.life->stop(bench->self);
	yett_module.life->destroy(bench->self);
	bench->self = NULL;
}

static inline void source_bench_close(struct source_bench *bench)
{
	if (bench->self != NULL) {
		source_bench_stop(bench);
	}
	CU_ASSERT(memory_sink_valid(bench->sink));
	memory_sink_free(&bench->sink);
	memory_folder_free(&bench->folder);
	CU_ASSERT_EQUAL(memory_descriptors(), bench->descriptors);
	CU_ASSERT_EQUAL(memory_log.levels[YETT_LOG_ERROR], 0);
	CU_ASSERT_EQUAL(memory_log.levels[YETT_LOG_WARNING], 0);
}

#endif
