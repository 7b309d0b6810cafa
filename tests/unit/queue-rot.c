/* queue-disk and what rots in time: what was settled before is missed by nobody, what rots beside an older hole
 * is all that is told, and what a file held that is gone is lost by name, and blocks nothing. */
#include <CUnit/Basic.h>
#include <string.h>

#include "../../modules/queue-disk/disk.h"
#include "base/buffer.h"
#include "queue-disk-fixture.h"

#define ENTRIES 40 /* in lane 1, all of one origin: one row in the ranges of a segment */
#define SIZE    200
#define FIRST   "1-0000000000000001.seg"
#define RANGES  "1-0000000000000001.rng"
#define MOST    3                                     /* records in an entry */
#define ALL     (((UINT64_C(1) << ENTRIES) - 1) << 1) /* bit i: entry i */

static const struct yett_disk_settings settings = FIXTURE_DISK_SETTINGS("queue");

static unsigned records = 1; /* that each entry brings */

static uint64_t bits(uint64_t from, uint64_t to)
{
	return ((UINT64_C(1) << (to - from + 1)) - 1) << from;
}

/* Which entries are named by ranges; `ret_partly` (may be NULL): of those, which not whole. */
static uint64_t named(const struct yett_range *ranges, size_t count, uint64_t *ret_partly)
{
	unsigned told[ENTRIES + 1] = {0};
	bool seen[ENTRIES * MOST + 1] = {false};
	uint64_t any = 0, partly = 0;

	for (size_t n = 0; n < count; n++) {
		for (uint64_t i = 0; i < ranges[n].count; i++) {
			uint64_t record = ranges[n].first + i;

			CU_ASSERT_FATAL(record >= 1 && record <= (uint64_t)ENTRIES * records);
			told[(record - 1) / records + 1] += !seen[record];
			seen[record] = true;
		}
	}
	for (unsigned i = 1; i <= ENTRIES; i++) {
		any |= told[i] > 0 ? UINT64_C(1) << i : 0;
		partly |= told[i] > 0 && told[i] < records ? UINT64_C(1) << i : 0;
	}
	if (ret_partly != NULL) {
		*ret_partly = partly;
	}
	return any;
}

static int visit(void *arg, uint64_t number, const struct yett_range *range, const void *meta,
	size_t meta_length)
{
	(void)number, (void)meta, (void)meta_length;
	*(uint64_t *)arg |= named(range, 1, NULL);
	return 0;
}

static void append(struct fixture *f, uint64_t i)
{
	struct yett_batch batch = fixture_batch(1, 1, i, SIZE);
	struct yett_queue_entry entry = {
		.size = sizeof(entry), .batch = &batch, .meta = "meta", .meta_length = 4};

	batch.info.first = (i - 1) * records + 1;
	batch.info.count = records;
	CU_ASSERT_EQUAL_FATAL(f->queue->append(f->self, &entry, 1), 0);
	CU_ASSERT_EQUAL_FATAL(entry.ret_result, 0);
	CU_ASSERT_EQUAL_FATAL(f->queue->sync(f->self), 0);
	yett_buffer_unref(batch.buffer);
}

/* All entries synced; a segment is sealed after each `each` of them. */
static struct yett_faulty *made(unsigned each)
{
	struct yett_faulty *faulty = yett_faulty_new(5);
	struct fixture f = {.random = 99};

	fixture_create(&f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	for (uint64_t i = 1; i <= ENTRIES; i++) {
		append(&f, i);
		if (i % each == 0) {
			fixture_disk_seal(&f, 1);
		}
	}
	fixture_destroy(&f, true);
	yett_faulty_crash(faulty, YETT_FAULTY_EVERYTHING);
	return faulty;
}

/* Ends what there is, as a loss of power does, and starts again. */
static void open_again(struct fixture *f, struct yett_faulty *faulty)
{
	fixture_disk_lose_power(f, faulty);
	fixture_create(f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(f), 0);
}

/* Which entries can be read; what is found lost is told meanwhile. */
static uint64_t readable(struct fixture *f)
{
	static struct yett_queue_item items[16];
	uint64_t from = 0, seen = 0;
	int got;

	do {
		got = f->queue->read(f->self, 1, from, items, 16, 1u << 20, fixture_report, f);
		for (int n = 0; n < got; n++) {
			CU_ASSERT_FATAL(items[n].batch.info.first <= ENTRIES);
			seen |= UINT64_C(1) << items[n].batch.info.first;
			from = items[n].number + 1;
			yett_buffer_unref(items[n].batch.buffer);
		}
	} while (got > 0 || got == YETT_EAGAIN);
	CU_ASSERT_EQUAL(got, 0);
	return seen;
}

/* Which entries were told as lost since the start, or since the last question; `ret_partly` as above. */
static uint64_t lost(struct fixture *f, uint64_t *ret_partly)
{
	size_t count = f->losses;

	CU_ASSERT_FATAL(count <= 256);
	f->losses = 0;
	return named(f->lost, count, ret_partly);
}

static void settle(struct fixture *f, uint64_t from, uint64_t to)
{
	for (uint64_t number = from; number <= to; number++) {
		CU_ASSERT_EQUAL(f->queue->settle(f->self, 1, &number, 1), 0);
	}
}

/* Overwrites entries of the first segment, headers, trailers and all. */
static void wipe(struct fixture *f, struct yett_faulty *faulty, uint64_t from, uint64_t to)
{
	const struct yett_disk_segment *segment =
		((struct yett_disk *)f->self)->lanes[1].segments[0];
	size_t length;
	uint8_t *bytes = yett_faulty_bytes(faulty, FIRST, &length);

	for (uint64_t i = from; i <= to; i++) {
		memset(bytes + (segment->places[i - 1].where & ~UINT32_C(7)), 0xa5,
			segment->places[i - 1].total);
	}
}

/* Entries 1 to 10 are settled, and the manifest says so. Then `from` to `to` rot: lost are those of them that
 * were not settled. */
static void rot_after_settling(uint64_t from, uint64_t to)
{
	struct yett_faulty *faulty = made(ENTRIES);
	struct fixture f = {.random = 1};
	uint64_t rotten = bits(from, to), settled = bits(1, 10);
	size_t length;

	open_again(&f, faulty);
	settle(&f, 1, 10);
	wipe(&f, faulty, from, to);
	fixture_destroy(&f, true);
	yett_faulty_crash(faulty, YETT_FAULTY_EVERYTHING);
	for (int round = 0; round < 2; round++) { /* told until it is declared */
		open_again(&f, faulty);
		CU_ASSERT_EQUAL(lost(&f, NULL), rotten & ~settled);
		CU_ASSERT_EQUAL(readable(&f), ALL & ~settled & ~rotten);
	}
	CU_ASSERT_EQUAL(f.queue->declared(f.self), 0);
	settle(&f, 1, ENTRIES);
	CU_ASSERT_PTR_NULL(yett_faulty_bytes(faulty, FIRST, &length));
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

static void test_rot_after_settling(void)
{
	rot_after_settling(1, 1);
	rot_after_settling(2, 5); /* between two that are found */
	rot_after_settling(1, 10);
	rot_after_settling(8, 12);
	rot_after_settling(5, ENTRIES); /* a tail of which nothing is left */
}

/* All of a segment is settled but nothing says yet that it may go: its rotten end is not missed. */
static void test_settled_tail(void)
{
	struct yett_faulty *faulty = made(ENTRIES);
	struct fixture f = {.random = 1};

	open_again(&f, faulty);
	settle(&f, 1, ENTRIES - 1);
	wipe(&f, faulty, 20, ENTRIES);
	fixture_destroy(&f, true);
	yett_faulty_crash(faulty, YETT_FAULTY_EVERYTHING);
	open_again(&f, faulty);
	CU_ASSERT_EQUAL(lost(&f, NULL), bits(ENTRIES, ENTRIES));
	CU_ASSERT_EQUAL(readable(&f), 0);
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

/* 3 and 4, 13 and 14, 30 and 31 have rotted, and that is declared. Then `from` to `to` beside them rot, while the
 * queue runs or before a start: what else the queue holds is not told as lost with them. */
static void second_damage(uint64_t from, uint64_t to, bool running)
{
	struct yett_faulty *faulty = made(ENTRIES);
	struct fixture f = {.random = 1};
	uint64_t hole = bits(3, 4) | bits(13, 14) | bits(30, 31), told, partly;
	uint64_t rotten = bits(from, to) & ~hole;

	open_again(&f, faulty);
	wipe(&f, faulty, 3, 4);
	wipe(&f, faulty, 13, 14);
	wipe(&f, faulty, 30, 31);
	fixture_destroy(&f, true);
	yett_faulty_crash(faulty, YETT_FAULTY_EVERYTHING);
	open_again(&f, faulty);
	CU_ASSERT_EQUAL(lost(&f, &partly), hole);
	CU_ASSERT_EQUAL(partly, 0);
	CU_ASSERT_EQUAL(f.queue->declared(f.self), 0);
	wipe(&f, faulty, from, to);
	if (!running) {
		fixture_destroy(&f, true);
		yett_faulty_crash(faulty, YETT_FAULTY_EVERYTHING);
		open_again(&f, faulty);
	}
	CU_ASSERT_EQUAL(readable(&f), ALL & ~hole & ~rotten);
	told = lost(&f, &partly);
	CU_ASSERT_EQUAL(told & ~hole, rotten); /* the hole is lost, and may be told twice */
	CU_ASSERT_EQUAL(partly & ~hole, 0);
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

static void test_second_damage(void)
{
	for (unsigned i = 0; i < 4; i++) {
		bool running = i % 2 == 0;

		records = i < 2 ? 1 : MOST;
		second_damage(15, 15, running);
		second_damage(15, 18, running);
		second_damage(16, 16, running);
		second_damage(12, 12, running);
		second_damage(9, 12, running);
		second_damage(1, 12, running);
		second_damage(20, ENTRIES, running);
	}
	records = 1;
}

/* A segment's file is gone while the queue runs, and was not open: what it held is lost, at once, and all that
 * comes after it is read. */
static void gone_while_running(bool ranges)
{
	struct yett_faulty *faulty = made(2); /* so many that not all are open */
	struct fixture f = {.random = 1};
	struct yett_queue_stats stats;

	open_again(&f, faulty);
	CU_ASSERT(yett_faulty_take(faulty, FIRST));
	CU_ASSERT(ranges || yett_faulty_take(faulty, RANGES));
	CU_ASSERT_EQUAL(readable(&f), ALL & ~bits(1, 2));
	CU_ASSERT_EQUAL(f.losses, ranges ? 1 : 0); /* both at once */
	CU_ASSERT_EQUAL(f.notes, ranges ? 0 : 1);
	CU_ASSERT_EQUAL(lost(&f, NULL), ranges ? bits(1, 2) : 0);
	CU_ASSERT_EQUAL(f.queue->declared(f.self), 0);
	CU_ASSERT_EQUAL(f.queue->stats(f.self, &stats), 0);
	CU_ASSERT_EQUAL(stats.segments, ENTRIES / 2 - 1);
	open_again(&f, faulty);
	CU_ASSERT_EQUAL(f.losses + f.notes, 0);
	CU_ASSERT_EQUAL(readable(&f), ALL & ~bits(1, 2));
	fixture_destroy(&f, true);
	CU_ASSERT_EQUAL(yett_faulty_handles(faulty), 0);
	yett_faulty_free(faulty);
}

static void test_gone_while_running(void)
{
	gone_while_running(true);
	gone_while_running(false);
}

/* It is named and goes, too, where its lane drops what is oldest. */
static void test_gone_and_dropped(void)
{
	struct yett_faulty *faulty = made(2);
	struct fixture f = {.random = 1};
	uint64_t segment, dropped = 0;

	open_again(&f, faulty);
	CU_ASSERT(yett_faulty_take(faulty, FIRST));
	CU_ASSERT_EQUAL(f.queue->oldest(f.self, 1, &segment, visit, &dropped), 0);
	CU_ASSERT_EQUAL(dropped, bits(1, 2));
	CU_ASSERT_EQUAL(f.queue->drop(f.self, 1, segment), 0);
	dropped = 0;
	CU_ASSERT_EQUAL(f.queue->oldest(f.self, 1, &segment, visit, &dropped), 0);
	CU_ASSERT_EQUAL(dropped, bits(3, 4));
	CU_ASSERT_EQUAL(f.losses + f.notes, 0);
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

const CU_TestInfo queue_rot_tests[] = {
	{"what was settled before it rotted", test_rot_after_settling},
	{"a settled tail", test_settled_tail},
	{"more damage beside a hole", test_second_damage},
	{"a file that is gone while the queue runs", test_gone_while_running},
	{"a file that is gone, and dropped", test_gone_and_dropped},
	CU_TEST_INFO_NULL,
};
