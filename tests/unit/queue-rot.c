/* queue-disk and what rots in time: what was settled before is missed by nobody, and what rots beside an older
 * hole is all that is told. */
#include <CUnit/Basic.h>
#include <string.h>

#include "../../modules/queue-disk/disk.h"
#include "base/buffer.h"
#include "files-faulty.h"
#include "queue-fixture.h"

#define ENTRIES                                                                                    \
	40 /* in lane 1, all of one origin: so they are one row in the ranges of a segment */
#define SIZE   200
#define FIRST  "1-0000000000000001.seg"
#define RANGES "1-0000000000000001.rng"
#define BAD    "1-0000000000000001.bad"
#define ALL    (((UINT64_C(1) << ENTRIES) - 1) << 1) /* bit i: entry i */

static const struct yett_disk_settings settings = FIXTURE_DISK_SETTINGS("queue");

static uint64_t bits(uint64_t from, uint64_t to)
{
	return ((UINT64_C(1) << (to - from + 1)) - 1) << from;
}

static void add_range(uint64_t *to, const struct yett_range *range)
{
	for (uint64_t i = range->first; i < range->first + range->count; i++) {
		CU_ASSERT_FATAL(i >= 1 && i <= ENTRIES);
		*to |= UINT64_C(1) << i;
	}
}

/* All entries synced; a segment is sealed after each `each` of them. */
static struct yett_faulty *made(unsigned each)
{
	struct yett_faulty *faulty = yett_faulty_new(5);
	struct fixture f = {.random = 99};

	fixture_create(&f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	for (uint64_t i = 1; i <= ENTRIES; i++) {
		CU_ASSERT_EQUAL_FATAL(fixture_append(&f, 1, 1, i, SIZE, "key", NULL), 0);
		CU_ASSERT_EQUAL_FATAL(f.queue->sync(f.self), 0);
		if (i % each == 0) {
			struct yett_disk_segment *last = yett_disk_active(f.self, 1);

			last->sealed = true;
			yett_disk_segment_record(f.self, last);
		}
	}
	fixture_destroy(&f, true);
	yett_faulty_crash(faulty, YETT_FAULTY_EVERYTHING);
	return faulty;
}

/* Ends what there is, as a loss of power does, and starts again. */
static void open_again(struct fixture *f, struct yett_faulty *faulty)
{
	if (f->self != NULL) {
		fixture_destroy(f, false);
		yett_faulty_crash(faulty, YETT_FAULTY_NOTHING);
	}
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
			add_range(&seen, &(struct yett_range){
						 .first = items[n].batch.info.first, .count = 1});
			from = items[n].number + 1;
			yett_buffer_unref(items[n].batch.buffer);
		}
	} while (got > 0 || got == YETT_EAGAIN);
	CU_ASSERT_EQUAL(got, 0);
	return seen;
}

/* Which entries were told as lost since the start, or since the last question. */
static uint64_t lost(struct fixture *f)
{
	uint64_t told = 0;

	for (unsigned n = 0; n < f->losses && n < 256; n++) {
		add_range(&told, &f->lost[n]);
	}
	f->losses = 0;
	return told;
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
		CU_ASSERT_EQUAL(lost(&f), rotten & ~settled);
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
	CU_ASSERT_EQUAL(lost(&f), bits(ENTRIES, ENTRIES));
	CU_ASSERT_EQUAL(readable(&f), 0);
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

/* 13 and 14 have rotted, and that is declared. Then `from` to `to` beside them rot, while the queue runs or
 * before a start: what else the queue holds is not told as lost with them. */
static void second_damage(uint64_t from, uint64_t to, bool running)
{
	struct yett_faulty *faulty = made(ENTRIES);
	struct fixture f = {.random = 1};
	uint64_t hole = bits(13, 14), rotten = bits(from, to), told;

	open_again(&f, faulty);
	wipe(&f, faulty, 13, 14);
	fixture_destroy(&f, true);
	yett_faulty_crash(faulty, YETT_FAULTY_EVERYTHING);
	open_again(&f, faulty);
	CU_ASSERT_EQUAL(lost(&f), hole);
	CU_ASSERT_EQUAL(f.queue->declared(f.self), 0);
	wipe(&f, faulty, from, to);
	if (!running) {
		fixture_destroy(&f, true);
		yett_faulty_crash(faulty, YETT_FAULTY_EVERYTHING);
		open_again(&f, faulty);
	}
	CU_ASSERT_EQUAL(readable(&f), ALL & ~hole & ~rotten);
	told = lost(&f);
	CU_ASSERT_EQUAL(told & ~hole, rotten); /* the hole is lost, once or twice told */
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

static void test_second_damage(void)
{
	for (int running = 0; running < 2; running++) {
		second_damage(15, 15, running);
		second_damage(15, 18, running);
		second_damage(16, 16, running);
		second_damage(12, 12, running);
		second_damage(9, 12, running);
		second_damage(1, 12, running);
		second_damage(20, ENTRIES, running);
	}
}

const CU_TestInfo queue_rot_tests[] = {
	{"what was settled before it rotted", test_rot_after_settling},
	{"a settled tail", test_settled_tail},
	{"more damage beside a hole", test_second_damage},
	CU_TEST_INFO_NULL,
};
