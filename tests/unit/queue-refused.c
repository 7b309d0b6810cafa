/* queue-disk and a disk that does not give what it holds: for a while, or never again; or files that may
 * not be opened. What can be had later is not lost; a bad sector costs what stood in it. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../modules/queue-disk/disk.h"
#include "base/buffer.h"
#include "queue-disk-fixture.h"

#define ENTRIES  40 /* in lane 1, two of origin 1, one of origin 2, and so on */
#define MORE     3  /* after them */
#define SIZE     200
#define SEALED   "1-0000000000000001.seg"
#define RANGES   "1-0000000000000001.rng"
#define ALL      (((UINT64_C(1) << ENTRIES) - 1) << 1) /* bit i: entry i */
#define PIECE    4096
#define SECOND   UINT64_C(1000000000)
#define WHENEVER UINT64_MAX

static const struct yett_disk_settings settings = FIXTURE_DISK_SETTINGS("queue");

/* What the disk is like once a start has waited for it: as before (NULL), or it refuses [from, to) of a file. */
static struct {
	struct yett_faulty *faulty;
	const char *name;
	uint64_t from, to;
	unsigned pauses;
} later;

static void wait_for_disk(uint64_t ns)
{
	CU_ASSERT_EQUAL(ns, SECOND);
	later.pauses++;
	if (later.faulty != NULL) {
		yett_faulty_plan_read(later.faulty, later.name, later.from, later.to,
			later.to > 0 ? YETT_EIO : 0);
	}
}

static int create_and_recover(struct fixture *f, struct yett_faulty *faulty)
{
	fixture_create(f, yett_faulty_files(faulty), &settings);
	((struct yett_disk *)f->self)->pause = wait_for_disk;
	later.pauses = 0;
	return fixture_recover(f);
}

static int ignore(void *arg, uint64_t number, const struct yett_range *range, const void *meta,
	size_t meta_length)
{
	(void)arg, (void)number, (void)range, (void)meta, (void)meta_length;
	return 0;
}

static uint8_t origin_of(uint64_t i)
{
	return i % 3 == 0 ? 2 : 1;
}

/* All entries synced; a segment is sealed after each `each` of them. */
static struct yett_faulty *made(unsigned each)
{
	struct yett_faulty *faulty = yett_faulty_new(5);
	struct fixture f = {.random = 99};

	fixture_create(&f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	for (uint64_t i = 1; i <= ENTRIES; i++) {
		CU_ASSERT_EQUAL_FATAL(fixture_append(&f, 1, origin_of(i), i, SIZE, "key", NULL), 0);
		CU_ASSERT_EQUAL_FATAL(f.queue->sync(f.self), 0);
		if (i % each == 0) {
			fixture_disk_seal(&f, 1);
		}
	}
	fixture_destroy(&f, true);
	yett_faulty_crash(faulty, YETT_FAULTY_EVERYTHING);
	return faulty;
}

static void open_again(struct fixture *f, struct yett_faulty *faulty)
{
	fixture_disk_lose_power(f, faulty);
	CU_ASSERT_EQUAL_FATAL(create_and_recover(f, faulty), 0);
}

/* Reads what there is; the last result: 0, or what is in the way. */
static int read_all(struct fixture *f, uint64_t *ret_seen)
{
	static struct yett_queue_item items[16];
	uint64_t from = 0;
	int got;

	*ret_seen = 0;
	do {
		got = f->queue->read(f->self, 1, from, items, 16, 1u << 20, fixture_report, f);
		for (int n = 0; n < got; n++) {
			uint64_t i = items[n].batch.info.first;

			CU_ASSERT(i >= 1 && i <= ENTRIES + MORE &&
				  (*ret_seen & (UINT64_C(1) << i)) == 0);
			CU_ASSERT(fixture_batch_is(&items[n].batch, origin_of(i), i, SIZE));
			*ret_seen |= UINT64_C(1) << i;
			from = items[n].number + 1;
			yett_buffer_unref(items[n].batch.buffer);
		}
	} while (got > 0 || got == YETT_EAGAIN);
	return got;
}

/* Which entries were told as lost, by name. */
static uint64_t lost(const struct fixture *f)
{
	uint64_t bits = 0;

	for (unsigned n = 0; n < f->losses && n < 256; n++) {
		const struct yett_range *range = &f->lost[n];

		for (uint64_t i = range->first; i < range->first + range->count; i++) {
			CU_ASSERT_FATAL(i >= 1 && i <= ENTRIES);
			bits |= range->origin.bytes[0] == origin_of(i) ? UINT64_C(1) << i : 0;
		}
	}
	return bits;
}

static const struct yett_disk_place *place_of(const struct fixture *f, uint64_t i)
{
	const struct yett_disk *disk = f->self;

	return &disk->lanes[1].segments[0]->places[i - 1];
}

static uint32_t offset_of(const struct fixture *f, uint64_t i)
{
	return place_of(f, i)->where & ~UINT32_C(7);
}

/* Entries that cannot do without [from, to): of header and trailer one is enough. */
static uint64_t need(const struct fixture *f, uint32_t from, uint32_t to)
{
	uint64_t bits = 0;

	for (uint64_t i = 1; i <= ENTRIES; i++) {
		uint32_t body = offset_of(f, i) + YETT_DISK_EDGE_SIZE;
		uint32_t end = offset_of(f, i) + place_of(f, i)->total - YETT_DISK_EDGE_SIZE;

		bits |= body < to && end > from ? UINT64_C(1) << i : 0;
	}
	return bits;
}

static unsigned count_names(struct yett_faulty *faulty, const char *ending)
{
	unsigned count = 0;
	const char *name;

	for (size_t i = 0; (name = yett_faulty_name(faulty, i)) != NULL; i++) {
		count += strlen(name) > strlen(ending) &&
			 strcmp(name + strlen(name) - strlen(ending), ending) == 0;
	}
	return count;
}

static void refuse_nothing(struct yett_faulty *faulty)
{
	yett_faulty_plan_read(faulty, NULL, 0, 0, 0);
	yett_faulty_plan_open(faulty, "", 0);
}

/* A sector that is bad at a start: the entries in it are lost, by name, and no others. */
static void test_bad_sector(void)
{
	for (uint32_t piece = 0; piece < 6 * PIECE; piece += PIECE) {
		struct yett_faulty *faulty = made(ENTRIES);
		struct fixture f = {.random = 1};
		uint64_t bad, seen;
		size_t length;

		open_again(&f, faulty);
		bad = need(&f, piece, piece + PIECE);
		CU_ASSERT(bad != 0 && bad != ALL);
		yett_faulty_plan_read(faulty, SEALED, piece, piece + PIECE, YETT_EIO);
		for (int round = 0; round < 2; round++) { /* told until it is declared */
			open_again(&f, faulty);
			CU_ASSERT_EQUAL(read_all(&f, &seen), 0);
			CU_ASSERT_EQUAL(seen, ALL & ~bad);
			CU_ASSERT_EQUAL(lost(&f), bad);
			CU_ASSERT(f.notes > 0);
		}
		CU_ASSERT_EQUAL(f.queue->declared(f.self), 0);
		open_again(&f, faulty);
		CU_ASSERT_EQUAL(read_all(&f, &seen), 0);
		CU_ASSERT_EQUAL(seen, ALL & ~bad);
		CU_ASSERT_EQUAL(f.losses, 0);
		CU_ASSERT_PTR_NOT_NULL(yett_faulty_bytes(faulty, SEALED, &length));
		CU_ASSERT_EQUAL(count_names(faulty, ".bad"), 0);
		fixture_destroy(&f, true);
		yett_faulty_free(faulty);
	}
}

/* Nothing has been touched, and the sentence names the file. */
static void refused_start(struct yett_faulty *faulty, int want, const char *name)
{
	struct fixture f = {.random = 1};
	unsigned segments = count_names(faulty, ".seg");

	CU_ASSERT_EQUAL(create_and_recover(&f, faulty), want);
	CU_ASSERT_PTR_NOT_NULL(strstr(f.error, name));
	CU_ASSERT_PTR_NOT_NULL(strstr(f.error, "start again"));
	CU_ASSERT_EQUAL(f.losses, 0);
	fixture_destroy(&f, true);
	CU_ASSERT_EQUAL(yett_faulty_handles(faulty), 0);
	CU_ASSERT_EQUAL(count_names(faulty, ".seg"), segments);
	CU_ASSERT_EQUAL(count_names(faulty, ".bad"), 0);
}

static void expect_all(struct yett_faulty *faulty)
{
	struct fixture f = {.random = 1};
	uint64_t seen;

	refuse_nothing(faulty);
	open_again(&f, faulty);
	CU_ASSERT_EQUAL(read_all(&f, &seen), 0);
	CU_ASSERT_EQUAL(seen, ALL);
	CU_ASSERT_EQUAL(f.losses, 0);
	fixture_destroy(&f, true);
}

static void test_not_opened(void)
{
	struct yett_faulty *faulty = made(4);

	CU_ASSERT_EQUAL(count_names(faulty, ".seg"), 10);
	yett_faulty_plan_open(faulty, ".seg", YETT_EPERM);
	refused_start(faulty, YETT_EPERM, SEALED);
	yett_faulty_plan_open(faulty, ".seg", YETT_EFULL); /* no more descriptors */
	refused_start(faulty, YETT_EFULL, SEALED);
	yett_faulty_plan_open(faulty, "manifest-a", YETT_EPERM);
	refused_start(faulty, YETT_EPERM, "manifest-a");
	expect_all(faulty);
	yett_faulty_free(faulty);
}

static void test_manifests(void)
{
	struct yett_faulty *faulty = made(4);
	struct fixture f = {.random = 1};
	uint64_t seen;

	/* One copy is enough; of the disk's whole silence nothing is concluded. */
	yett_faulty_plan_read(faulty, "manifest-b", 0, WHENEVER, YETT_EIO);
	open_again(&f, faulty);
	CU_ASSERT_EQUAL(read_all(&f, &seen), 0);
	CU_ASSERT_EQUAL(seen, ALL);
	CU_ASSERT_EQUAL(f.losses, 0);
	fixture_destroy(&f, true);
	yett_faulty_plan_read(faulty, NULL, 0, WHENEVER, YETT_EIO);
	refused_start(faulty, YETT_EIO, "manifest-a");
	expect_all(faulty);
	CU_ASSERT(yett_faulty_take(faulty, "manifest-a"));
	CU_ASSERT(yett_faulty_take(faulty, "manifest-b"));
	yett_faulty_plan_read(faulty, NULL, 0, WHENEVER, YETT_EIO);
	refused_start(faulty, YETT_EIO, "no segment");
	expect_all(faulty);
	yett_faulty_free(faulty);
}

/* What was never synced is thrown away; what is not given is not known to be that. */
static void test_no_leftover(void)
{
	struct yett_faulty *faulty = made(ENTRIES);
	struct fixture f = {.random = 1};
	size_t length;

	CU_ASSERT(yett_faulty_take(faulty, "manifest-a"));
	CU_ASSERT(yett_faulty_take(faulty, "manifest-b"));
	fixture_create(&f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL(fixture_recover(&f), 0);
	CU_ASSERT_EQUAL(fixture_append(&f, 2, 1, 1, SIZE, NULL, NULL), 0); /* another segment */
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	fixture_destroy(&f, true);
	CU_ASSERT(yett_faulty_take(faulty, "manifest-a"));
	CU_ASSERT(yett_faulty_take(faulty, "manifest-b"));
	yett_faulty_plan_read(faulty, SEALED, 0, WHENEVER, YETT_EIO);
	open_again(&f, faulty);
	CU_ASSERT_PTR_NOT_NULL(yett_faulty_bytes(faulty, "1-0000000000000001.bad", &length));
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

/* The way to the disk is gone, for less than a minute, time and again: nothing is lost. */
static void test_for_a_while(void)
{
	struct yett_faulty *faulty = made(ENTRIES);
	struct fixture f = {.random = 1};
	uint64_t seen, segment;

	open_again(&f, faulty);
	for (int round = 0; round < 3; round++) {
		yett_faulty_plan_read(faulty, NULL, 0, WHENEVER, YETT_EIO);
		for (int i = 0; i < 50; i++, f.monotonic_ns += SECOND) {
			CU_ASSERT_EQUAL(read_all(&f, &seen), YETT_EIO);
			CU_ASSERT_EQUAL(seen, 0);
			CU_ASSERT_EQUAL(
				f.queue->oldest(f.self, 1, &segment, ignore, NULL), YETT_EIO);
		}
		refuse_nothing(faulty);
		CU_ASSERT_EQUAL(read_all(&f, &seen), 0);
		CU_ASSERT_EQUAL(seen, ALL);
	}
	/* Asked once in a long while only, it has not been refused for long. */
	yett_faulty_plan_read(faulty, NULL, 0, WHENEVER, YETT_EIO);
	for (int i = 0; i < 50; i++, f.monotonic_ns += 1000 * SECOND) {
		CU_ASSERT_EQUAL(read_all(&f, &seen), YETT_EIO);
	}
	refuse_nothing(faulty);
	CU_ASSERT_EQUAL(read_all(&f, &seen), 0);
	CU_ASSERT_EQUAL(seen, ALL);
	CU_ASSERT_EQUAL(f.losses + f.notes + f.errors_logged, 0);
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

/* A sector that goes bad while the queue runs is waited for, a minute; then what stood in it is lost. But not
 * while the disk does not write either. */
static void bad_while_running(bool writes)
{
	struct yett_faulty *faulty = made(ENTRIES);
	struct fixture f = {.random = 1};
	uint64_t bad, before, seen;
	int tries = 0;

	open_again(&f, faulty);
	bad = need(&f, 2 * PIECE, 3 * PIECE);
	before = (bad & -bad) - 2;
	yett_faulty_plan_read(faulty, SEALED, 2 * PIECE, 3 * PIECE, YETT_EIO);
	if (!writes) {
		yett_faulty_plan(faulty, 1, YETT_EIO, true);
		for (int i = 0; i < 300; i++, f.monotonic_ns += SECOND) {
			CU_ASSERT_EQUAL(read_all(&f, &seen), YETT_EIO);
		}
		CU_ASSERT_EQUAL(f.losses, 0);
		yett_faulty_plan(faulty, 0, 0, false);
	}
	while (read_all(&f, &seen) == YETT_EIO && tries < 100) {
		CU_ASSERT_EQUAL(seen & ~before, 0);
		CU_ASSERT_EQUAL(f.losses, 0);
		tries++;
		f.monotonic_ns += SECOND;
	}
	CU_ASSERT(writes ? tries >= 60 && tries < 65 : tries < 3);
	CU_ASSERT_EQUAL(seen, ALL & ~bad);
	CU_ASSERT_EQUAL(lost(&f), bad);
	CU_ASSERT_EQUAL(f.queue->declared(f.self), 0);
	f.losses = 0;
	CU_ASSERT_EQUAL(read_all(&f, &seen), 0);
	CU_ASSERT_EQUAL(seen, ALL & ~bad);
	CU_ASSERT_EQUAL(f.losses, 0);
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

static void test_bad_while_running(void)
{
	bad_while_running(true);
	bad_while_running(false);
}

static void wipe(struct fixture *f, struct yett_faulty *faulty, uint64_t from, uint64_t to)
{
	size_t length;
	uint8_t *bytes = yett_faulty_bytes(faulty, SEALED, &length);

	for (uint64_t i = from; i <= to; i++) {
		memset(bytes + offset_of(f, i), 0xa5, place_of(f, i)->total);
	}
}

/* What was given up, and is written to again, can be read again: it is not lost without a look. */
static void test_written_again(void)
{
	struct yett_faulty *faulty = made(ENTRIES + 1); /* never sealed */
	struct fixture f = {.random = 1};
	uint64_t bad, more = ((UINT64_C(1) << MORE) - 1) << (ENTRIES + 1), seen;

	open_again(&f, faulty);
	bad = need(&f, 5 * PIECE, 6 * PIECE);
	yett_faulty_plan_read(faulty, SEALED, 5 * PIECE, 6 * PIECE, YETT_EIO);
	while (read_all(&f, &seen) == YETT_EIO && f.monotonic_ns < 100 * SECOND) {
		f.monotonic_ns += SECOND;
	}
	CU_ASSERT_EQUAL(lost(&f), bad);
	CU_ASSERT_EQUAL(f.queue->declared(f.self), 0);
	refuse_nothing(faulty);
	for (uint64_t i = ENTRIES + 1; i <= ENTRIES + MORE; i++) {
		CU_ASSERT_EQUAL(fixture_append(&f, 1, origin_of(i), i, SIZE, NULL, NULL), 0);
	}
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	f.losses = 0;
	CU_ASSERT_EQUAL(read_all(&f, &seen), 0);
	CU_ASSERT_EQUAL(seen, (ALL | more) & ~bad);
	CU_ASSERT_EQUAL(f.losses, 0);
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

/* A loss is told once its names can be had; and no more is said to be lost than is, though nothing beside it
 * can say where it begins. */
static void test_names_are_waited_for(void)
{
	struct yett_faulty *faulty = made(ENTRIES);
	struct fixture f = {.random = 1};
	uint64_t seen;

	open_again(&f, faulty);
	wipe(&f, faulty, 11, 11);
	yett_faulty_plan_read(faulty, RANGES, 0, WHENEVER, YETT_EIO);
	CU_ASSERT_EQUAL(read_all(&f, &seen), YETT_EIO);
	CU_ASSERT_EQUAL(f.losses + f.notes, 0);
	/* 10 is in one row with it, and has been sent. */
	wipe(&f, faulty, 10, 10);
	CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &(uint64_t){10}, 1), 0);
	refuse_nothing(faulty);
	CU_ASSERT_EQUAL(read_all(&f, &seen), 0);
	CU_ASSERT_EQUAL(seen, ALL & ~(UINT64_C(3) << 10));
	CU_ASSERT_EQUAL(lost(&f), UINT64_C(1) << 11);
	/* A range file that is gone for good is not waited for without end. */
	wipe(&f, faulty, 20, 20);
	yett_faulty_plan_read(faulty, RANGES, 0, WHENEVER, YETT_EIO);
	f.losses = 0;
	for (int i = 0; i < 70 && read_all(&f, &seen) == YETT_EIO; i++) {
		f.monotonic_ns += SECOND;
	}
	CU_ASSERT_EQUAL(seen, ALL & ~(UINT64_C(3) << 10) & ~(UINT64_C(1) << 20));
	CU_ASSERT_EQUAL(f.losses, 0);
	CU_ASSERT_EQUAL(f.notes, 1);
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

/* The way to the disk is gone for a moment, while the segments are read: all of them are there. */
static void test_back_in_a_moment(void)
{
	for (unsigned each = 4; each <= ENTRIES; each *= 10) {
		struct yett_faulty *faulty = made(each);
		struct fixture f = {.random = 1};
		uint64_t seen;

		later.faulty = faulty;
		yett_faulty_plan_read(faulty, SEALED, 0, WHENEVER, YETT_EIO);
		open_again(&f, faulty);
		CU_ASSERT_EQUAL(later.pauses, 1);
		CU_ASSERT_EQUAL(read_all(&f, &seen), 0);
		CU_ASSERT_EQUAL(seen, ALL);
		CU_ASSERT_EQUAL(f.losses + f.notes, 0);
		fixture_destroy(&f, true);
		later.faulty = NULL;
		yett_faulty_free(faulty);
	}
}

/* Some of it comes and some does not, at the beginning or in the middle: the start is refused, and nothing is
 * concluded, neither of what is listed nor of what no manifest speaks of. */
static void test_now_and_then(void)
{
	static const uint64_t from[] = {0, PIECE};

	for (int listed = 0; listed < 2; listed++) {
		for (unsigned i = 0; i < 2; i++) {
			struct yett_faulty *faulty = made(ENTRIES);

			if (!listed) {
				CU_ASSERT(yett_faulty_take(faulty, "manifest-a"));
				CU_ASSERT(yett_faulty_take(faulty, "manifest-b"));
			}
			/* Without a manifest it is known by its header, which is given once. */
			yett_faulty_plan_read(
				faulty, SEALED, listed ? 0 : PIECE, WHENEVER, YETT_EIO);
			later.faulty = faulty;
			later.name = SEALED;
			later.from = from[i] + (listed ? 0 : PIECE);
			later.to = later.from + PIECE;
			refused_start(faulty, YETT_EIO, "1-0000000000000001");
			later.faulty = NULL;
			later.to = 0;
			expect_all(faulty);
			yett_faulty_free(faulty);
		}
	}
}

/* So it is where one segment comes and another one does not: the way is gone, and comes back. */
static void test_one_came_and_one_did_not(void)
{
	struct yett_faulty *faulty = made(ENTRIES / 2);

	yett_faulty_plan_read(faulty, SEALED, 0, WHENEVER, YETT_EIO);
	later.faulty = faulty;
	later.name = "1-0000000000000002.seg";
	later.to = WHENEVER;
	refused_start(faulty, YETT_EIO, "now and then");
	CU_ASSERT_EQUAL(later.pauses, 2);
	later.faulty = NULL;
	later.name = NULL;
	later.to = 0;
	expect_all(faulty);
	yett_faulty_free(faulty);
}

/* The newer copy of the manifest is waited for: the older one still lists what has been settled and deleted. */
static void test_newer_manifest_waited_for(void)
{
	static const char *const names[] = {"manifest-a", "manifest-b"};

	for (unsigned i = 0; i < 2; i++) {
		struct yett_faulty *faulty = made(4);
		struct fixture f = {.random = 1};
		uint64_t seen;

		open_again(&f, faulty);
		for (uint64_t number = 1; number <= 4; number++) {
			CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &number, 1), 0);
		}
		CU_ASSERT_EQUAL(count_names(faulty, ".seg"), 9);
		yett_faulty_plan_read(faulty, names[i], 0, WHENEVER, YETT_EIO);
		later.faulty = faulty;
		open_again(&f, faulty);
		CU_ASSERT_EQUAL(read_all(&f, &seen), 0);
		CU_ASSERT_EQUAL(seen, ALL & ~UINT64_C(0x1e));
		CU_ASSERT_EQUAL(f.losses + f.notes, 0);
		later.faulty = NULL;
		fixture_destroy(&f, true);
		yett_faulty_free(faulty);
	}
}

/* So is a name, which may be all that is left of an entry. */
static void test_name_comes_back(bool gone)
{
	struct yett_faulty *faulty = made(ENTRIES);
	struct fixture f = {.random = 1};
	uint64_t seen;

	open_again(&f, faulty);
	wipe(&f, faulty, 11, 12);
	fixture_destroy(&f, true);
	yett_faulty_crash(faulty, YETT_FAULTY_EVERYTHING);
	if (gone) {
		CU_ASSERT(yett_faulty_take(faulty, SEALED));
	}
	yett_faulty_plan_read(faulty, RANGES, 0, WHENEVER, YETT_EIO);
	later.faulty = faulty;
	open_again(&f, faulty);
	later.faulty = NULL;
	CU_ASSERT_EQUAL(read_all(&f, &seen), 0);
	CU_ASSERT_EQUAL(seen, gone ? 0 : ALL & ~(UINT64_C(3) << 11));
	CU_ASSERT_EQUAL(lost(&f), ALL & ~seen);
	CU_ASSERT_EQUAL(f.notes, 0);
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

static void test_names_come_back(void)
{
	test_name_comes_back(false);
	test_name_comes_back(true);
}

/* The caller is not kept waiting by one call that finds everything damaged. */
static void test_many_losses(void)
{
	struct yett_faulty *faulty = made(ENTRIES);
	struct fixture f = {.random = 1};
	struct yett_queue_item item;
	uint64_t seen;

	open_again(&f, faulty);
	wipe(&f, faulty, 1, ENTRIES - 1);
	CU_ASSERT_EQUAL(f.queue->read(f.self, 1, 0, &item, 1, 1, fixture_report, &f), YETT_EAGAIN);
	CU_ASSERT_EQUAL(f.losses, 16);
	CU_ASSERT_EQUAL(read_all(&f, &seen), 0);
	CU_ASSERT_EQUAL(seen, UINT64_C(1) << ENTRIES);
	CU_ASSERT_EQUAL(lost(&f), ALL & ~seen);
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

const CU_TestInfo queue_refused_tests[] = {
	{"a bad sector costs what stood in it", test_bad_sector},
	{"files that cannot be opened", test_not_opened},
	{"manifests that are not given", test_manifests},
	{"what is not given is no leftover", test_no_leftover},
	{"reads that fail for a while", test_for_a_while},
	{"a sector that goes bad", test_bad_while_running},
	{"what is written to again", test_written_again},
	{"names are waited for", test_names_are_waited_for},
	{"a start while the disk is gone for a moment", test_back_in_a_moment},
	{"a start while the disk comes and goes", test_now_and_then},
	{"a start while the disk comes back", test_one_came_and_one_did_not},
	{"a start waits for the newer manifest", test_newer_manifest_waited_for},
	{"a start waits for names", test_names_come_back},
	{"much damage at once", test_many_losses},
	CU_TEST_INFO_NULL,
};
