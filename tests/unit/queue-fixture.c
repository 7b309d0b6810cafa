/* The host and the batches that the tests of queues share. */
#include "queue-fixture.h"

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "module/host.h"
#include "wire/batch.h"

static const struct yett_epoch epoch = {1700000000, 42};

static void host_log(
	struct yett_instance *instance, int level, const char *event, const char *format, ...)
{
	struct fixture *fixture = (struct fixture *)(void *)instance;

	(void)event;
	(void)format;
	fixture->errors_logged += level == YETT_LOG_ERROR;
}

static int64_t host_wall(struct yett_instance *instance)
{
	struct fixture *fixture = (struct fixture *)(void *)instance;

	return fixture->wall_ns += 1000;
}

static uint64_t host_monotonic(struct yett_instance *instance)
{
	return ((struct fixture *)(void *)instance)->monotonic_ns;
}

static void host_random(struct yett_instance *instance, void *ret_bytes, size_t length)
{
	struct fixture *fixture = (struct fixture *)(void *)instance;

	for (size_t i = 0; i < length; i++) {
		fixture->random = fixture->random * UINT64_C(6364136223846793005) + 1442695040888;
		((uint8_t *)ret_bytes)[i] = (uint8_t)(fixture->random >> 56);
	}
}

extern const struct yett_module yett_module;

void fixture_create(struct fixture *fixture, const struct yett_files *files, const void *settings)
{
	struct yett_create with = {.size = sizeof(with),
		.name = "queue",
		.settings = settings,
		.node = "node.example",
		.state = "/state"};
	struct yett_error error = YETT_ERROR_INIT;
	uint64_t random = fixture->random;

	*fixture = (struct fixture){
		.queue = yett_module.operations,
		.life = yett_module.life,
		.wall_ns = INT64_C(1700000000000000000),
		.random = random + 1,
	};
	yett_host_fill(&fixture->host, NULL, files);
	fixture->host.instance = (struct yett_instance *)(void *)fixture;
	fixture->host.log = host_log;
	fixture->host.wall_ns = host_wall;
	fixture->host.random_bytes = host_random;
	/* The core's would take the fixture for an instance of theirs; a queue has no use for them. */
	fixture->host.monotonic_ns = host_monotonic;
	fixture->host.metric = NULL;
	fixture->host.error_blank = NULL;
	if (fixture->life->check != NULL) {
		CU_ASSERT_EQUAL_FATAL(fixture->life->check(&fixture->host, settings, &error), 0);
	}
	CU_ASSERT_EQUAL_FATAL(
		fixture->life->create(&fixture->host, &with, &fixture->self, &error), 0);
}

int fixture_report(void *arg, const struct yett_recovery *what)
{
	struct fixture *fixture = arg;

	if (what->kind == YETT_RECOVERY_LOST) {
		if (fixture->losses < 256) {
			fixture->lost[fixture->losses] = what->range;
		}
		fixture->losses++;
		fixture->lost_records += what->range.count;
	} else {
		fixture->notes++;
		snprintf(fixture->note, sizeof(fixture->note), "%s", what->text);
	}
	return 0;
}

int fixture_recover(struct fixture *fixture)
{
	struct yett_error error = YETT_ERROR_INIT;
	int result = fixture->queue->recover(fixture->self, fixture_report, fixture, &error);

	if (result != 0) {
		snprintf(fixture->error, sizeof(fixture->error), "%s; %s", error.text, error.mend);
	}
	return result;
}

void fixture_destroy(struct fixture *fixture, bool stop)
{
	if (stop && fixture->life->stop != NULL) {
		fixture->life->stop(fixture->self);
	}
	fixture->life->destroy(fixture->self);
	fixture->self = NULL;
}

static void fill(uint8_t *bytes, size_t size, uint8_t origin, uint64_t first)
{
	uint64_t state = first * 1000003 + origin;

	for (size_t i = 0; i < size; i++) {
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
		bytes[i] = (uint8_t)(state >> 56);
	}
}

struct yett_batch fixture_batch(uint8_t origin, uint32_t lane, uint64_t first, size_t size)
{
	struct yett_batch_info info = {
		.lane = (uint8_t)lane,
		.content = YETT_CONTENT_RECORDS,
		.origin.bytes = {origin},
		.epoch = epoch,
		.first = first,
		.count = 1,
		.plain_length = (uint32_t)size,
		.created_ns = 1,
	};
	struct yett_batch batch;
	uint8_t *payload = malloc(size);

	CU_ASSERT_PTR_NOT_NULL_FATAL(payload);
	fill(payload, size, origin, first);
	CU_ASSERT_EQUAL_FATAL(yett_batch_build(&info, payload, size, &batch), 0);
	free(payload);
	return batch;
}

bool fixture_batch_is(const struct yett_batch *batch, uint8_t origin, uint64_t first, size_t size)
{
	uint8_t *payload = malloc(size + 1);
	bool same;

	CU_ASSERT_PTR_NOT_NULL_FATAL(payload);
	fill(payload, size, origin, first);
	same = batch->info.origin.bytes[0] == origin && batch->info.first == first &&
	       batch->info.stored_length == size &&
	       memcmp(batch->bytes + batch->info.header_length, payload, size) == 0;
	free(payload);
	return same;
}

int fixture_append(struct fixture *fixture, uint32_t lane, uint8_t origin, uint64_t first,
	size_t size, const char *key, uint64_t *ret_number)
{
	struct yett_batch batch = fixture_batch(origin, lane, first, size);
	struct yett_queue_entry entry = {.size = sizeof(entry),
		.meta_length = 4,
		.batch = &batch,
		.meta = "meta",
		.key = key,
		.position = &first,
		.position_length = sizeof(first)};

	fixture->queue->append(fixture->self, &entry, 1);
	yett_buffer_unref(batch.buffer);
	if (ret_number != NULL) {
		*ret_number = entry.ret_number;
	}
	return entry.ret_result;
}

unsigned fixture_count(struct fixture *fixture, uint32_t lane, uint64_t from, size_t size)
{
	struct yett_queue_item *items = calloc(16, sizeof(*items));
	unsigned count = 0;
	int got;

	CU_ASSERT_PTR_NOT_NULL_FATAL(items);
	while ((got = fixture->queue->read(fixture->self, lane, from, items, 16, 1u << 20,
			fixture_report, fixture)) > 0) {
		for (int i = 0; i < got; i++) {
			CU_ASSERT(items[i].number >= from);
			CU_ASSERT(
				items[i].meta_length == 4 && memcmp(items[i].meta, "meta", 4) == 0);
			CU_ASSERT(fixture_batch_is(&items[i].batch,
				items[i].batch.info.origin.bytes[0], items[i].batch.info.first,
				size));
			from = items[i].number + 1;
			yett_buffer_unref(items[i].batch.buffer);
			count++;
		}
	}
	CU_ASSERT_EQUAL(got, 0);
	free(items);
	return count;
}

struct wanted {
	const char *key;
	uint64_t position;
};

static int want(void *arg, const char *key, const void *position, size_t length)
{
	struct wanted *wanted = arg;

	if (strcmp(key, wanted->key) == 0 && length == sizeof(wanted->position)) {
		memcpy(&wanted->position, position, length);
	}
	return 0;
}

uint64_t fixture_position(struct fixture *fixture, const char *key)
{
	struct wanted wanted = {key, 0};

	CU_ASSERT_EQUAL(fixture->queue->positions(fixture->self, want, &wanted), 0);
	return wanted.position;
}

int fixture_count_ranges(void *arg, uint64_t number, const struct yett_range *range,
	const void *meta, size_t meta_length)
{
	unsigned *count = arg;

	CU_ASSERT(number > 0 && range->count == 1 && meta_length == 4);
	CU_ASSERT_EQUAL(memcmp(meta, "meta", 4), 0);
	(*count)++;
	return 0;
}

void fixture_refuse_behind(struct fixture *fixture)
{
	struct yett_batch records = fixture_batch(1, 0, 9997, 2000);
	struct yett_batch notice = fixture_batch(1, 0, 9998, 100);
	struct yett_queue_entry entries[] = {{.size = sizeof(entries[0]), .batch = &records},
		{.size = sizeof(entries[0]), .batch = &notice}};

	notice.info.content = YETT_CONTENT_CUSTODY;
	CU_ASSERT_EQUAL(fixture->queue->append(fixture->self, entries, 2), 0);
	CU_ASSERT_EQUAL(entries[0].ret_result, YETT_EFULL);
	CU_ASSERT_EQUAL(entries[1].ret_result, YETT_EFULL);
	yett_buffer_unref(records.buffer);
	yett_buffer_unref(notice.buffer);
}

void fixture_append_custody(struct fixture *fixture)
{
	struct yett_batch notice = fixture_batch(1, 0, 9999, 2000);
	struct yett_queue_entry entry = {.size = sizeof(entry), .batch = &notice};

	notice.info.content = YETT_CONTENT_CUSTODY;
	CU_ASSERT_EQUAL(fixture->queue->append(fixture->self, &entry, 1), 0);
	CU_ASSERT_EQUAL(entry.ret_result, 0);
	CU_ASSERT_EQUAL(fixture->queue->sync(fixture->self), 0);
	yett_buffer_unref(notice.buffer);
}

void fixture_drop_bulk(struct fixture *fixture, uint64_t segment, unsigned left)
{
	CU_ASSERT_EQUAL(fixture->queue->drop(fixture->self, YETT_LANE_BULK, segment), 0);
	CU_ASSERT_EQUAL(
		fixture->queue->drop(fixture->self, YETT_LANE_BULK, segment), YETT_ENOTFOUND);
	CU_ASSERT_EQUAL(fixture_count(fixture, YETT_LANE_BULK, 0, 2000), left);
}
