/* queue-memory: the contract of queues, without the disk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "queue-fixture.h"
#include "wire/batch.h"
#include "suite.h"

/* As the module's, by its schema. */
struct settings {
	uint64_t size_bytes;
	int64_t reserves[4];
};
static const struct settings settings = {4 * 1024 * 1024, {15, 40, 15, 5}};

static void test_life(void)
{
	struct fixture f = {.self = NULL};
	struct yett_queue_stats stats;
	uint64_t number;

	fixture_create(&f, NULL, &settings);
	CU_ASSERT_EQUAL(f.queue->flags & YETT_QUEUE_DURABLE, 0);
	CU_ASSERT_EQUAL(fixture_recover(&f), 0);
	for (uint64_t i = 1; i <= 200; i++) {
		CU_ASSERT_EQUAL(fixture_append(&f, 1, 7, i, 1000, "source", &number), 0);
		CU_ASSERT_EQUAL(number, i);
	}
	CU_ASSERT_EQUAL(fixture_count(&f, 1, 0, 1000), 0);
	CU_ASSERT_EQUAL(fixture_position(&f, "source"), 0);
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	CU_ASSERT_EQUAL(fixture_count(&f, 1, 0, 1000), 200);
	CU_ASSERT_EQUAL(fixture_count(&f, 1, 191, 1000), 10);
	CU_ASSERT_EQUAL(fixture_count(&f, 0, 0, 1000), 0);
	CU_ASSERT_EQUAL(fixture_position(&f, "source"), 200);
	/* Out of order, twice, never given out. */
	for (number = 300; number > 1; number--) {
		CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &number, 1), 0);
		CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &number, 1), 0);
	}
	CU_ASSERT_EQUAL(f.queue->stats(f.self, &stats), 0);
	CU_ASSERT_EQUAL(stats.lanes[1].entries, 1);
	CU_ASSERT_EQUAL(stats.lanes[1].bytes, 1000 + YETT_BATCH_HEADER_SIZE);
	CU_ASSERT_EQUAL(stats.lanes[1].oldest_number, 1);
	CU_ASSERT_EQUAL(stats.lanes[1].next_number, 201);
	CU_ASSERT_EQUAL(yett_buffer_alive(), 1);
	number = 1;
	CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &number, 1), 0);
	CU_ASSERT_EQUAL(fixture_append(&f, 1, 7, 201, 1000, NULL, &number), 0);
	CU_ASSERT_EQUAL(number, 201);
	CU_ASSERT_EQUAL(f.queue->settle(f.self, YETT_LANES, &number, 1), YETT_EINVAL);
	fixture_destroy(&f, true);
	CU_ASSERT_EQUAL(yett_buffer_alive(), 0);
}

static void test_full(void)
{
	struct fixture f = {.self = NULL};
	unsigned kept[YETT_LANES] = {0, 0, 0};
	unsigned dropped = 0;
	unsigned scanned = 0;
	uint64_t segment;

	fixture_create(&f, NULL, &settings);
	CU_ASSERT_EQUAL(f.queue->oldest(f.self, 2, &segment, fixture_count_ranges, &dropped),
		YETT_ENOTFOUND);
	for (uint32_t lane = YETT_LANES; lane-- > 0;) {
		while (fixture_append(&f, lane, 1, kept[lane] + 1, 2000, NULL, NULL) == 0) {
			kept[lane]++;
		}
		CU_ASSERT_EQUAL(fixture_append(&f, lane, 1, 1, 2000, NULL, NULL), YETT_EFULL);
	}
	CU_ASSERT(kept[0] >= 260 && kept[1] >= 680 && kept[2] >= 680);
	CU_ASSERT_EQUAL(
		f.queue->oldest(f.self, 2, &segment, fixture_count_ranges, &dropped), YETT_EAGAIN);
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	fixture_refuse_behind(&f);
	fixture_append_custody(&f);
	CU_ASSERT_EQUAL(f.queue->oldest(f.self, 2, &segment, fixture_count_ranges, &dropped), 0);
	CU_ASSERT(dropped > 160 && dropped < 320);
	fixture_drop_bulk(&f, segment, kept[2] - dropped);
	CU_ASSERT_EQUAL(f.queue->scan(f.self, 2, fixture_count_ranges, &scanned), 0);
	CU_ASSERT_EQUAL(scanned, kept[2] - dropped);
	CU_ASSERT_EQUAL(fixture_append(&f, 2, 1, 20000, 2000, NULL, NULL), 0);
	fixture_destroy(&f, true);
	CU_ASSERT_EQUAL(yett_buffer_alive(), 0);
}

/* A batch that is larger than what a lane may ever take would wait for ever. */
static void test_check(void)
{
	static const struct {
		struct settings settings;
		int want;
	} rows[] = {
		{{4 * 1024 * 1024, {15, 40, 15, 5}}, 0},
		{{100 * 1024 * 1024, {30, 40, 25, 5}}, 0},
		{{100 * 1024 * 1024, {30, 41, 25, 5}}, YETT_ECONFIG}, /* more than all */
		{{4 * 1024 * 1024, {30, 20, 38, 5}}, 0},
		{{4 * 1024 * 1024, {30, 24, 38, 5}}, 0},
		{{4 * 1024 * 1024, {5, 55, 20, 5}}, YETT_ECONFIG}, /* 20 per cent for urgent */
		{{2 * 1024 * 1024, {15, 40, 15, 5}}, YETT_ECONFIG},
	};
	struct fixture f = {.self = NULL};

	fixture_create(&f, NULL, &settings);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL(f.life->check(&f.host, &rows[i].settings, NULL), rows[i].want);
	}
	fixture_destroy(&f, true);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"life", test_life},
		{"full, reserves, dropping", test_full},
		{"settings", test_check},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "queue-memory", tests);
}
