/* What store tests stand on: a host built by hand from the core's own functions, batches, and the
 * shortest way to put one. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "module/host.h"
#include "net/files.h"
#include "store-contract.h"
#include "wire/batch.h"
#include "wire/record.h"

struct store_world store_world;

static void world_log(
	struct yett_instance *instance, int level, const char *event, const char *format, ...)
{
	(void)instance;
	(void)format;
	if (level <= YETT_LOG_WARNING) {
		snprintf(store_world.last_event, sizeof(store_world.last_event), "%s", event);
	}
}

static uint64_t world_monotonic(struct yett_instance *instance)
{
	(void)instance;
	return yett_clock_monotonic(&yett_clock_system) + (uint64_t)store_world.monotonic_shift_ns;
}

static int64_t world_wall(struct yett_instance *instance)
{
	(void)instance;
	return yett_clock_wall(&yett_clock_system) + store_world.wall_shift_ns;
}

static void world_random(struct yett_instance *instance, void *ret_bytes, size_t length)
{
	(void)instance;
	yett_clock_random(&yett_clock_system, ret_bytes, length);
}

static void world_metric(struct yett_instance *instance, uint32_t index, int64_t value)
{
	(void)instance;
	if (index < 16) {
		store_world.metrics[index] += value;
	}
}

static int open_descriptors(void)
{
	DIR *list = opendir("/proc/self/fd");
	int count = 0;

	while (list != NULL && readdir(list) != NULL) {
		count++;
	}
	if (list != NULL) {
		closedir(list);
	}
	return count;
}

void store_world_open(void)
{
	memset(&store_world, 0, sizeof(store_world));
	yett_host_fill(&store_world.host, NULL, &yett_files_system);
	store_world.host.log = world_log;
	store_world.host.monotonic_ns = world_monotonic;
	store_world.host.wall_ns = world_wall;
	store_world.host.random_bytes = world_random;
	store_world.host.metric = world_metric;
	snprintf(store_world.folder, sizeof(store_world.folder), "/tmp/yett-store-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(store_world.folder));
	store_world.buffers = yett_buffer_alive();
	store_world.descriptors = open_descriptors();
}

void store_world_close(void)
{
	DIR *list = opendir(store_world.folder);
	struct dirent *entry;
	char path[512];

	CU_ASSERT_EQUAL(yett_buffer_alive(), store_world.buffers);
	while (list != NULL && (entry = readdir(list)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", store_world.folder, entry->d_name);
		unlink(path);
	}
	if (list != NULL) {
		closedir(list);
	}
	CU_ASSERT_EQUAL(rmdir(store_world.folder), 0);
	CU_ASSERT_EQUAL(open_descriptors(), store_world.descriptors);
}

int store_try_open(struct store *store, uint32_t mode)
{
	struct yett_create with = {.size = sizeof(with),
		.name = "test",
		.settings = store_settings(store_world.folder),
		.node = "test.example",
		.state = store_world.folder,
		.group = store_world.group};
	int result;

	memset(store, 0, sizeof(*store));
	store->operations = yett_module.operations;
	CU_ASSERT_EQUAL_FATAL(
		yett_module.life->create(&store_world.host, &with, &store->self, &store->error), 0);
	result = store->operations->open(store->self, mode, &store->error);
	if (result == 0) {
		result = yett_module.life->start(store->self, &store->error);
	}
	if (result < 0) {
		yett_module.life->destroy(store->self);
		store->self = NULL;
	}
	return result;
}

void store_open(struct store *store, uint32_t mode)
{
	int result = store_try_open(store, mode);

	if (result != 0) {
		fprintf(stderr, "store: %d %s\n", result, store->error.text);
	}
	CU_ASSERT_EQUAL_FATAL(result, 0);
}

void store_close(struct store *store)
{
	yett_module.life->stop(store->self);
	yett_module.life->destroy(store->self);
	store->self = NULL;
}

void store_begin(struct store *writer)
{
	store_world_open();
	store_open(writer, YETT_STORE_WRITER);
}

void store_end(struct store *writer)
{
	store_close(writer);
	store_world_close();
}

void store_restart(struct store *writer)
{
	store_close(writer);
	store_open(writer, YETT_STORE_WRITER);
}

struct yett_id store_id(unsigned number)
{
	struct yett_id id = {{0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x40, 0x80, 0x80}};

	id.bytes[14] = (uint8_t)(number >> 8);
	id.bytes[15] = (uint8_t)number;
	return id;
}

struct yett_epoch store_epoch(uint64_t number)
{
	struct yett_epoch epoch = {number, UINT64_C(0xf000000000000000) + number};

	return epoch;
}

static struct yett_batch finish(struct yett_payload *payload, unsigned origin, uint64_t epoch,
	uint32_t lane, uint64_t first, uint32_t content)
{
	struct yett_id id = store_id(origin);
	struct yett_epoch when = store_epoch(epoch);
	struct yett_batch batch;

	CU_ASSERT_EQUAL_FATAL(yett_payload_cut(payload, lane, content, true, 1, &batch), 0);
	yett_batch_renumber(&batch, &id, &when, first);
	yett_payload_free(payload);
	return batch;
}

struct yett_batch store_batch_of(unsigned origin, uint64_t epoch, uint32_t lane, uint64_t first,
	const struct yett_record *records, size_t count)
{
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX);

	CU_ASSERT_PTR_NOT_NULL_FATAL(payload);
	for (size_t i = 0; i < count; i++) {
		CU_ASSERT_EQUAL_FATAL(yett_payload_record(payload, &records[i]), 0);
	}
	return finish(payload, origin, epoch, lane, first, YETT_CONTENT_RECORDS);
}

struct yett_batch store_batch(unsigned origin, uint64_t epoch, uint32_t lane, uint64_t first,
	uint32_t count, const char *tag)
{
	struct yett_record *records = calloc(count, sizeof(*records));
	struct yett_batch batch;

	CU_ASSERT_PTR_NOT_NULL_FATAL(records);
	for (uint32_t i = 0; i < count; i++) {
		records[i] = (struct yett_record){.size = sizeof(*records),
			.kind = YETT_RECORD_METRIC,
			.time_ns = (int64_t)(first + i) * 1000,
			.name = yett_text(tag),
			.value = yett_value_int((int64_t)(first + i)),
			.unit = yett_text("1")};
	}
	batch = store_batch_of(origin, epoch, lane, first, records, count);
	free(records);
	return batch;
}

struct yett_batch store_notices(unsigned origin, uint64_t epoch, uint64_t first,
	const struct yett_notice *notices, size_t count)
{
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX);

	CU_ASSERT_PTR_NOT_NULL_FATAL(payload);
	for (size_t i = 0; i < count; i++) {
		CU_ASSERT_EQUAL_FATAL(yett_payload_notice(payload, &notices[i]), 0);
	}
	return finish(payload, origin, epoch, YETT_LANE_URGENT, first, YETT_CONTENT_CUSTODY);
}

struct yett_batch store_batch_broken(
	unsigned origin, uint64_t epoch, uint32_t lane, uint64_t first, uint32_t count)
{
	static const uint8_t payload[] = {0xff, 0xff, 0xff, 0xff};
	struct yett_batch_info info = {.size = sizeof(info),
		.lane = (uint8_t)lane,
		.codec = YETT_CODEC_PLAIN,
		.content = YETT_CONTENT_RECORDS,
		.origin = store_id(origin),
		.epoch = store_epoch(epoch),
		.first = first,
		.count = count,
		.plain_length = sizeof(payload),
		.created_ns = 1};
	struct yett_batch batch;

	CU_ASSERT_EQUAL_FATAL(yett_batch_build(&info, payload, sizeof(payload), &batch), 0);
	return batch;
}

void store_batch_free(struct yett_batch *batch)
{
	yett_buffer_unref(batch->buffer);
	memset(batch, 0, sizeof(*batch));
}

static struct yett_notice notice(
	unsigned origin, uint64_t epoch, uint32_t lane, uint64_t first, uint64_t count)
{
	struct yett_notice made = {.size = sizeof(made), .holder = store_id(999)};

	made.range.origin = store_id(origin);
	made.range.epoch = store_epoch(epoch);
	made.range.lane = lane;
	made.range.first = first;
	made.range.count = count;
	return made;
}

struct yett_notice store_gap(unsigned identity, unsigned origin, uint64_t epoch, uint32_t lane,
	uint64_t first, uint64_t count)
{
	struct yett_notice gap = notice(origin, epoch, lane, first, count);

	gap.kind = YETT_NOTICE_GAP;
	gap.id = store_id(40000 + identity);
	gap.cause = YETT_GAP_QUOTA;
	return gap;
}

struct yett_notice store_bounds(
	unsigned origin, uint64_t epoch, uint32_t lane, uint64_t oldest, uint64_t next, bool closed)
{
	struct yett_notice bounds = notice(origin, epoch, lane, oldest, next - oldest);

	bounds.kind = YETT_NOTICE_BOUNDS;
	bounds.closed = closed;
	return bounds;
}

static int put_one(struct store *store, struct yett_batch batch, int64_t received_ns,
	uint32_t flags, const char *aside)
{
	struct yett_put put = {.size = sizeof(put),
		.batch = &batch,
		.received_ns = received_ns,
		.flags = flags,
		.aside = aside};
	int result;

	CU_ASSERT_EQUAL_FATAL(store->operations->begin(store->self, &store->error), 0);
	result = store->operations->put(store->self, &put, 1, &store->error);
	if (result == 0) {
		result = store->operations->commit(store->self, &store->error);
	} else {
		store->operations->rollback(store->self);
	}
	store_batch_free(&batch);
	return result < 0 ? result : put.ret_result;
}

int store_put(struct store *store, struct yett_batch batch)
{
	return put_one(store, batch, 1000, 0, NULL);
}

void store_put_growing_gap(struct store *store)
{
	static const struct {
		uint64_t first, count;
		int64_t received_ns;
	} told[] = {{5, 2, 1000}, {7, 2, 5000}, {6, 1, 9000}};

	for (unsigned i = 0; i < 3; i++) {
		struct yett_notice gap =
			store_gap(i, 1, 1, YETT_LANE_NORMAL, told[i].first, told[i].count);

		CU_ASSERT_EQUAL(put_one(store, store_notices(1, 1, 1 + i, &gap, 1),
					told[i].received_ns, 0, NULL),
			YETT_PUT_STORED);
	}
}

int store_put_for_others(struct store *store, struct yett_batch batch)
{
	return put_one(store, batch, 1000, YETT_PUT_FOR_OTHERS, NULL);
}

int store_put_aside(struct store *store, struct yett_batch batch, const char *cause)
{
	return put_one(store, batch, 1000, 0, cause);
}

int store_put_at(
	struct store *store, uint64_t first, uint32_t count, int64_t received_ns, const char *tag)
{
	return put_one(store, store_batch(1, 1, YETT_LANE_NORMAL, first, count, tag), received_ns,
		0, NULL);
}

void store_tidy_all(struct store *store)
{
	int more, rounds = 0;

	do {
		more = store->operations->tidy(store->self, UINT64_C(1000000000), &store->error);
		CU_ASSERT(more >= 0);
	} while (more > 0 && rounds++ < 1000);
	CU_ASSERT_EQUAL(more, 0);
}

struct find {
	struct yett_id origin;
	struct yett_epoch epoch;
	uint32_t lane;
	struct yett_account found;
};

static int find_account(void *arg, const struct yett_account *account)
{
	struct find *find = arg;

	if (memcmp(&account->origin, &find->origin, sizeof(find->origin)) == 0 &&
		account->epoch.ordinal == find->epoch.ordinal &&
		account->epoch.random == find->epoch.random && account->lane == find->lane) {
		CU_ASSERT_EQUAL(find->found.size, 0); /* once only */
		find->found = *account;
	}
	return 0;
}

struct yett_account store_account(
	struct store *store, unsigned origin, uint64_t epoch, uint32_t lane)
{
	struct find find = {.origin = store_id(origin), .epoch = store_epoch(epoch), .lane = lane};

	CU_ASSERT_EQUAL(
		store->operations->account(store->self, find_account, &find, &store->error), 0);
	return find.found;
}

static int count_row(void *arg, const struct yett_row *row)
{
	(void)row;
	(*(size_t *)arg)++;
	return 0;
}

size_t store_rows(struct store *store, const struct yett_query *query)
{
	struct yett_query all = {.size = sizeof(all)};
	size_t count = 0;

	CU_ASSERT_EQUAL(store->operations->query(store->self, query != NULL ? query : &all,
				count_row, &count, &store->error),
		0);
	return count;
}
