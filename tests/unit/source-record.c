/* What a source tells survives the way: each record that source-host makes of this computer is
 * written into a batch and read back the same. */
#include <stdio.h>

#include "../../core/base/buffer.h"
#include "../../core/wire/record.h"
#include "../../modules/source-host/host.h"
#include "sink-memory.h"
#include "suite.h"

extern const struct yett_module yett_module;

static bool same_text(struct yett_text a, struct yett_text b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

static bool same_value(const struct yett_value *a, const struct yett_value *b)
{
	if (a->type != b->type) {
		return false;
	}
	switch (a->type) {
	case YETT_VALUE_INT:
		return a->i == b->i;
	case YETT_VALUE_DOUBLE:
		return memcmp(&a->d, &b->d, sizeof(a->d)) == 0;
	case YETT_VALUE_BOOL:
		return a->b == b->b;
	case YETT_VALUE_TEXT:
		return same_text(a->text, b->text);
	default:
		return true;
	}
}

static bool same_record(const struct yett_record *a, const struct yett_record *b)
{
	if (a->kind != b->kind || a->time_ns != b->time_ns || a->severity != b->severity ||
		a->state != b->state || !same_text(a->name, b->name) ||
		!same_value(&a->value, &b->value) || !same_text(a->unit, b->unit) ||
		!same_text(a->body, b->body) || a->attribute_count != b->attribute_count) {
		return false;
	}
	for (size_t i = 0; i < a->attribute_count; i++) {
		/* the order of a map is nobody's promise */
		size_t j = 0;

		while (j < b->attribute_count &&
			!same_text(a->attributes[i].key, b->attributes[j].key)) {
			j++;
		}
		if (j == b->attribute_count ||
			!same_value(&a->attributes[i].value, &b->attributes[j].value)) {
			return false;
		}
	}
	return true;
}

static void tell_this_computer(struct memory_sink *sink)
{
	static int32_t groups[GROUPS] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
	const struct yett_source_operations *source = yett_module.operations;
	struct settings settings = {.interval_ns = 1000000000,
		.groups = {GROUPS, groups},
		.per_cpu = true,
		.proc = "/proc",
		.sys = "/sys"};
	struct yett_create with = {.size = sizeof(with), .name = "host", .settings = &settings};
	uint64_t next_ns;
	void *self;

	CU_ASSERT_EQUAL_FATAL(yett_module.life->create(&memory_host, &with, &self, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(yett_module.life->start(self, NULL), 0);
	CU_ASSERT_EQUAL(source->poll(self, &sink->sink, UINT64_MAX, &next_ns, NULL), 0);
	yett_module.life->stop(self);
	yett_module.life->destroy(self);
}

static void test_way(void)
{
	struct memory_sink *sink = memory_sink_new();
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX);
	struct yett_reader *reader = NULL;
	struct yett_batch batch = {.size = sizeof(batch)};
	struct yett_record record = {.size = sizeof(record)};
	size_t count = 0;

	tell_this_computer(sink);
	CU_ASSERT(sink->count > 50);
	for (size_t i = 0; i < sink->count; i++) {
		CU_ASSERT_EQUAL(yett_payload_record(payload, &sink->records[i].record), 0);
	}
	CU_ASSERT_EQUAL_FATAL(
		yett_payload_cut(payload, YETT_LANE_NORMAL, YETT_CONTENT_RECORDS, true, 1, &batch),
		0);
	CU_ASSERT_EQUAL_FATAL(yett_reader_open(&batch, &reader), 0);
	printf("[%zu records, %u bytes] ", sink->count, batch.length);
	while (yett_reader_next_record(reader, &record) == 1 && count < sink->count) {
		if (!same_record(&sink->records[count].record, &record)) {
			printf("\nrecord %zu is another\n", count);
			CU_FAIL("another record");
		}
		count++;
	}
	CU_ASSERT_EQUAL(count, sink->count);
	yett_reader_close(reader);
	yett_buffer_unref(batch.buffer);
	yett_payload_free(payload);
	memory_sink_free(&sink);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"what is told is what is read", test_way},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "source-record", tests);
}
