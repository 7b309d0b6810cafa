/* `yettctl queue inspect|verify|export`: a stopped node's queue, read with the module that wrote it,
 * opened read-only.
 *
 * Responsible for inspect (what is there, by origin), verify (is each batch whole; exit code 1 if
 * not) and export (its records, a line of JSON each). Changes nothing on disk. Not responsible for the
 * format: that is the module's alone. */
#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/buffer.h"
#include "../base/clock.h"
#include "../base/id.h"
#include "../conf/arena.h"
#include "../conf/fill.h"
#include "../conf/load.h"
#include "../module/host.h"
#include "../module/load.h"
#include "../net/files.h"
#include "../wire/record.h"
#include "ctl.h"

#define READ_COUNT 64
#define READ_BYTES (4 * 1024 * 1024)

static const char *const lane_names[YETT_LANES] = {"urgent", "normal", "bulk"};

struct look {
	struct yett_loader *loader;
	const struct yett_queue_operations *operations;
	struct yett_instance *instance;
	struct yett_arena arena;
	config_t config;
	uint64_t damaged; /* what recovery and reading report */
	bool json;
};

static int report(void *arg, const struct yett_recovery *what)
{
	struct look *look = arg;
	char id[YETT_ID_TEXT_SIZE];

	if (what->kind == YETT_RECOVERY_LOST) {
		look->damaged++;
		fprintf(stderr,
			"lost: origin %s epoch %" PRIu64 " lane %u numbers %" PRIu64 " to %" PRIu64
			"%s%s\n",
			yett_id_text(&what->range.origin, id), what->range.epoch.ordinal,
			what->range.lane, what->range.first,
			what->range.first + what->range.count - 1, what->text != NULL ? ": " : "",
			what->text != NULL ? what->text : "");
	} else if (what->text != NULL) {
		fprintf(stderr, "note: %s\n", what->text);
	}
	return 0;
}

/* The module's settings: this directory, read-only, all else as by default. */
static void *fill_settings(
	struct look *look, const struct yett_module *module, const char *directory)
{
	struct yett_problems *problems = yett_problems_new();
	void *settings = yett_arena_alloc(&look->arena, module->settings_size);
	const struct yett_fill fill = {
		.arena = &look->arena, .directory = ".", .problems = problems};
	const struct yett_place place = {.file = "command line", .line = 1};
	config_setting_t *root = config_root_setting(&look->config);
	char *real = realpath(directory, NULL);

	config_setting_set_string(config_setting_add(root, "directory", CONFIG_TYPE_STRING),
		real != NULL ? real : "");
	config_setting_set_bool(config_setting_add(root, "read-only", CONFIG_TYPE_BOOL), 1);
	free(real);
	if (!yett_fill_rows(&fill, module->schema, root, "queue", place, NULL, settings)) {
		yett_problems_print(problems, stderr);
		settings = NULL;
	}
	yett_problems_free(problems);
	return settings;
}

static int open_queue(struct look *look, const char *directory, struct yett_error *error)
{
	const struct yett_world world = {.clock = &yett_clock_system,
		.files = &yett_files_system,
		.node = "yettctl",
		.state = directory};
	const char *modules = getenv("YETT_MODULES");
	const struct yett_module *module;
	void *settings;
	int result;

	if (access(directory, R_OK | X_OK) != 0) {
		return yett_fail(error, YETT_ENOTFOUND,
			"name the folder `queue` in the node's state directory",
			"%s cannot be read: %s", directory, strerror(errno));
	}
	result = yett_loader_load(look->loader, "queue-disk", YETT_KIND_QUEUE,
		modules != NULL ? modules : YETT_MODULE_DIR, &module, error);

	if (result != 0) {
		return result;
	}
	settings = fill_settings(look, module, directory);
	if (settings == NULL) {
		return yett_fail(error, YETT_ECONFIG, NULL, "the queue cannot be opened read-only");
	}
	look->operations = module->operations;
	result = yett_instance_new(
		&world, module, "queue", settings, NULL, 0, &look->instance, error);
	if (result == 0) {
		result = yett_instance_start(look->instance, error);
	}
	return result != 0 ? result
			   : look->operations->recover(look->instance->self, report, look, error);
}

/* Inspect. */

struct run {
	struct look *look;
	struct yett_range range; /* adjacent batches of one epoch, joined */
	uint64_t batches;
};

static void print_run(const struct run *run)
{
	char id[YETT_ID_TEXT_SIZE];

	if (run->batches == 0) {
		return;
	}
	yett_id_text(&run->range.origin, id);
	if (run->look->json) {
		printf("{\"lane\":\"%s\",\"origin\":\"%s\",\"epoch\":%" PRIu64 ",\"first\":%" PRIu64
		       ",\"count\":%" PRIu64 ",\"batches\":%" PRIu64 "}\n",
			lane_names[run->range.lane], id, run->range.epoch.ordinal, run->range.first,
			run->range.count, run->batches);
	} else {
		yett_ctl_say("%-7s  %s  epoch %" PRIu64 "  numbers %" PRIu64 " to %" PRIu64
			     "  in %" PRIu64 " batches",
			lane_names[run->range.lane], id, run->range.epoch.ordinal, run->range.first,
			run->range.first + run->range.count - 1, run->batches);
	}
}

static int visit(void *arg, uint64_t number, const struct yett_range *range, const void *meta,
	size_t meta_length)
{
	struct run *run = arg;

	(void)number;
	(void)meta;
	(void)meta_length;
	if (run->batches > 0 && yett_id_equal(&run->range.origin, &range->origin) &&
		run->range.epoch.ordinal == range->epoch.ordinal &&
		run->range.epoch.random == range->epoch.random &&
		run->range.first + run->range.count == range->first) {
		run->range.count += range->count;
		run->batches++;
		return 0;
	}
	print_run(run);
	run->range = *range;
	run->batches = 1;
	return 0;
}

static int inspect(struct look *look)
{
	struct yett_queue_stats stats = {.size = sizeof(stats)};

	look->operations->stats(look->instance->self, &stats);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		struct run run = {.look = look};

		if (!look->json) {
			yett_ctl_say("%-7s  %" PRIu64 " batches, %" PRIu64 " records, %" PRIu64
				     " bytes, next number %" PRIu64,
				lane_names[lane], stats.lanes[lane].entries,
				stats.lanes[lane].records, stats.lanes[lane].bytes,
				stats.lanes[lane].next_number);
		}
		look->operations->scan(look->instance->self, lane, visit, &run);
		print_run(&run);
	}
	return look->damaged > 0 ? YETT_EXIT_FAILED : YETT_EXIT_GOOD;
}

/* Verify and export: every batch is read. */

static void export_batch(const struct yett_batch *batch)
{
	struct yett_reader *reader;
	struct yett_record record;
	char id[YETT_ID_TEXT_SIZE], time[32];
	uint64_t number = batch->info.first;

	if (batch->info.content != YETT_CONTENT_RECORDS || yett_reader_open(batch, &reader) != 0) {
		return;
	}
	yett_id_text(&batch->info.origin, id);
	while (yett_reader_next_record(reader, &record) == 1) {
		json_t *object = json_pack("{s:s, s:I, s:I, s:s, s:i, s:s%, s:s%}", "origin", id,
			"epoch", (json_int_t)batch->info.epoch.ordinal, "number",
			(json_int_t)number++, "time",
			yett_time_text(record.time_ns, time, sizeof(time)), "kind",
			(int)record.kind, "name",
			record.name.bytes != NULL ? record.name.bytes : "", record.name.length,
			"body", record.body.bytes != NULL ? record.body.bytes : "",
			record.body.length);

		if (record.value.type == YETT_VALUE_INT) {
			json_object_set_new(object, "value", json_integer(record.value.i));
		} else if (record.value.type == YETT_VALUE_DOUBLE) {
			json_object_set_new(object, "value", json_real(record.value.d));
		}
		yett_ctl_dump(object, JSON_COMPACT);
		json_decref(object);
	}
	yett_reader_close(reader);
}

static uint64_t read_lane(struct look *look, uint32_t lane, bool export_records)
{
	struct yett_queue_item *items = g_new0(struct yett_queue_item, READ_COUNT);
	uint64_t from = 1, batches = 0;
	int n;

	while ((n = look->operations->read(look->instance->self, lane, from, items, READ_COUNT,
			READ_BYTES, report, look)) > 0) {
		for (int i = 0; i < n; i++) {
			from = items[i].number + 1;
			batches++;
			if (export_records) {
				export_batch(&items[i].batch);
			}
			yett_buffer_unref(items[i].batch.buffer);
		}
	}
	g_free(items);
	return batches;
}

static int read_all(struct look *look, bool export_records)
{
	uint64_t batches = 0;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		batches += read_lane(look, lane, export_records);
	}
	if (!export_records) {
		printf("%" PRIu64 " batches are whole, %" PRIu64 " ranges are lost\n", batches,
			look->damaged);
	}
	return look->damaged > 0 ? YETT_EXIT_FAILED : YETT_EXIT_GOOD;
}

static int verify(struct look *look)
{
	return read_all(look, false);
}

static int export_all(struct look *look)
{
	return read_all(look, true);
}

static int look_into(
	const struct yett_ctl *ctl, const char *directory, int (*run)(struct look *look))
{
	struct yett_error error = YETT_ERROR_INIT;
	struct look look = {.json = ctl->json};
	int code = YETT_EXIT_FAILED;

	look.loader = yett_loader_new();
	yett_arena_init(&look.arena);
	config_init(&look.config);
	if (open_queue(&look, directory, &error) == 0) {
		code = run(&look);
	} else {
		fprintf(stderr, "yettctl: %s%s%s\n",
			error.text[0] != '\0' ? error.text : "the queue cannot be opened",
			error.mend[0] != '\0' ? ": " : "", error.mend);
	}
	yett_instance_free(look.instance);
	yett_arena_done(&look.arena);
	config_destroy(&look.config);
	yett_loader_free(look.loader);
	return code;
}

int yett_ctl_queue_inspect(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return look_into(ctl, line->words[0], inspect);
}

int yett_ctl_queue_verify(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return look_into(ctl, line->words[0], verify);
}

int yett_ctl_queue_export(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return look_into(ctl, line->words[0], export_all);
}
