/* queue-disk and damage: every byte of a small queue is flipped, pages are wiped, files are cut,
 * gone, foreign or of a newer format. Each entry that was synced is read as it was, or told as
 * lost; never both, never neither. */
#include <CUnit/Basic.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../modules/queue-disk/disk.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "files-faulty.h"
#include "queue-fixture.h"

#define ENTRIES 14 /* 1 to 6 sealed in lane 1, 7 to 10 after them, 11 to 14 in lane 0 */
#define SIZE    200
#define SEALED  "1-0000000000000001.seg"
#define RANGES  "1-0000000000000001.rng"
#define OPEN    "1-0000000000000002.seg"
#define URGENT  "0-0000000000000003.seg"

static const struct yett_disk_settings settings = FIXTURE_DISK_SETTINGS("queue");

static int ignore(void *arg, uint64_t number, const struct yett_range *range, const void *meta,
	size_t meta_length)
{
	(void)arg, (void)number, (void)range, (void)meta, (void)meta_length;
	return 0;
}

/* A queue with all its files; origins differ, so that ranges do not melt into one row. */
static struct yett_faulty *made(bool stop)
{
	struct yett_faulty *faulty = yett_faulty_new(5);
	struct fixture f = {.random = 99};
	uint64_t segment;

	fixture_create(&f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	for (uint64_t i = 1; i <= ENTRIES; i++) {
		uint8_t origin = (uint8_t)(i % 3 == 0 ? 2 : 1);

		CU_ASSERT_EQUAL_FATAL(
			fixture_append(&f, i > 10 ? 0 : 1, origin, i, SIZE, "key", NULL), 0);
		if (i % 2 == 0) {
			CU_ASSERT_EQUAL_FATAL(f.queue->sync(f.self), 0);
		}
		if (i == 6) {
			CU_ASSERT_EQUAL_FATAL(
				f.queue->oldest(f.self, 1, &segment, ignore, NULL), 0);
		}
	}
	fixture_destroy(&f, stop);
	yett_faulty_crash(faulty, YETT_FAULTY_EVERYTHING);
	return faulty;
}

static bool is_lost(const struct fixture *f, uint64_t i)
{
	for (unsigned n = 0; n < f->losses && n < 256; n++) {
		const struct yett_range *range = &f->lost[n];

		if (range->origin.bytes[0] == (i % 3 == 0 ? 2 : 1) && i >= range->first &&
			i - range->first < range->count) {
			return true;
		}
	}
	return false;
}

/* Which entries can be read: bit i of the result. */
static uint32_t readable(struct fixture *f)
{
	static struct yett_queue_item items[ENTRIES + 4];
	uint32_t seen = 0;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		int got = f->queue->read(
			f->self, lane, 0, items, ENTRIES + 4, 1u << 20, fixture_report, f);

		CU_ASSERT_FATAL(got >= 0);
		for (int n = 0; n < got; n++) {
			uint64_t i = items[n].batch.info.first;

			CU_ASSERT(i >= 1 && i <= ENTRIES && (seen & (1u << i)) == 0);
			CU_ASSERT(fixture_batch_is(
				&items[n].batch, (uint8_t)(i % 3 == 0 ? 2 : 1), i, SIZE));
			seen |= 1u << i;
			yett_buffer_unref(items[n].batch.buffer);
		}
	}
	return seen;
}

struct outcome {
	uint32_t seen;
	unsigned losses;
	unsigned notes;
	unsigned unaccounted;
};

/* Recovers, reads all, restarts, declares, restarts, and goes on working. */
static struct outcome examine(struct yett_faulty *faulty)
{
	struct outcome outcome = {0, 0, 0, 0};
	struct fixture f = {.random = 7};
	unsigned losses;
	uint32_t seen;

	yett_faulty_crash(faulty, YETT_FAULTY_EVERYTHING); /* the damage is on the disk */
	fixture_create(&f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	outcome.seen = readable(&f);
	outcome.losses = f.losses;
	outcome.notes = f.notes;
	for (uint64_t i = 1; i <= ENTRIES; i++) {
		bool read = (outcome.seen & (1u << i)) != 0;

		if (read == is_lost(&f, i)) {
			CU_ASSERT(!read); /* never both */
			outcome.unaccounted++;
		}
	}
	CU_ASSERT(fixture_position(&f, "key") <= ENTRIES);
	losses = f.losses;
	fixture_destroy(&f, false);
	yett_faulty_crash(faulty, YETT_FAULTY_NOTHING);

	/* Told again until it is declared; then no more. */
	fixture_create(&f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	CU_ASSERT_EQUAL(f.losses, losses);
	CU_ASSERT_EQUAL(f.queue->declared(f.self), 0);
	fixture_destroy(&f, false);
	yett_faulty_crash(faulty, YETT_FAULTY_NOTHING);
	fixture_create(&f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	seen = readable(&f);
	CU_ASSERT_EQUAL(f.losses, 0);
	CU_ASSERT_EQUAL(f.notes, 0);
	CU_ASSERT_EQUAL(seen, outcome.seen);

	/* Life goes on. */
	CU_ASSERT_EQUAL(fixture_append(&f, 1, 9, 1, SIZE, "key", NULL), 0);
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	fixture_destroy(&f, true);
	return outcome;
}

#define ALL (((1u << ENTRIES) - 1) << 1)

static void test_no_damage(void)
{
	for (int stop = 0; stop < 2; stop++) {
		struct yett_faulty *faulty = made(stop);
		struct outcome outcome = examine(faulty);

		CU_ASSERT_EQUAL(outcome.seen, ALL);
		CU_ASSERT_EQUAL(outcome.losses + outcome.notes, 0);
		yett_faulty_free(faulty);
	}
}

/* How much of the file is not zeros at its end. */
static size_t used(struct yett_faulty *faulty, const char *name)
{
	size_t length = 0;
	uint8_t *bytes = yett_faulty_bytes(faulty, name, &length);

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	while (length > 0 && bytes[length - 1] == 0) {
		length--;
	}
	return length;
}

/* Where an entry stands. */
struct place {
	char name[YETT_DISK_NAME_SIZE];
	size_t from, to;
};

/* Where the entries of an undamaged queue stand: [1] to [ENTRIES]. */
static void find_places(struct yett_faulty *faulty, struct place *ret_places)
{
	struct yett_faulty *clone = yett_faulty_clone(faulty);
	struct fixture f = {.random = 7};
	const struct yett_disk *disk;
	unsigned found = 0;

	fixture_create(&f, yett_faulty_files(clone), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	disk = f.self;
	for (uint32_t lane = 0; lane < 2; lane++) {
		uint32_t i = lane == 0 ? 11 : 1;

		for (size_t s = 0; s < disk->lanes[lane].count; s++) {
			const struct yett_disk_segment *segment = disk->lanes[lane].segments[s];

			for (uint32_t n = 0; n < segment->count; n++, i++, found++) {
				CU_ASSERT_FATAL(i <= ENTRIES);
				snprintf(ret_places[i].name, sizeof(ret_places[i].name),
					"%" PRIu32 "-%016" PRIx64 ".seg", lane, segment->serial);
				ret_places[i].from = segment->places[n].where & ~UINT32_C(7);
				ret_places[i].to = ret_places[i].from + segment->places[n].total;
			}
		}
	}
	CU_ASSERT_EQUAL_FATAL(found, ENTRIES);
	fixture_destroy(&f, false);
	yett_faulty_free(clone);
}

/* Which entries can be read, whatever has become of bytes [from, to) of a file: all that have their body
 * and one of their edges, wherever they stand. */
static uint32_t spared(const struct place *places, const char *name, size_t from, size_t to)
{
	uint32_t whole = 0;

	for (uint32_t i = 1; i <= ENTRIES; i++) {
		if (strcmp(places[i].name, name) != 0 ||
			to <= places[i].from + YETT_DISK_EDGE_SIZE ||
			from >= places[i].to - YETT_DISK_EDGE_SIZE) {
			whole |= 1u << i;
		}
	}
	return whole;
}

static void flip_file(bool stop, const char *name, bool entries)
{
	struct yett_faulty *faulty = made(stop);
	size_t length = used(faulty, name) + 16;
	struct place places[ENTRIES + 1];
	unsigned damaged = 0;

	find_places(faulty, places);
	for (size_t at = 0; at < length; at++) {
		struct yett_faulty *clone = yett_faulty_clone(faulty);
		size_t ignored;
		struct outcome outcome;
		uint32_t whole = spared(places, name, at, at + 1);

		yett_faulty_bytes(clone, name, &ignored)[at] ^= (uint8_t)(1u << (at % 8));
		outcome = examine(clone);
		CU_ASSERT_EQUAL(outcome.unaccounted, 0);
		CU_ASSERT(outcome.losses <= 1);
		CU_ASSERT_EQUAL(outcome.seen & whole, whole);
		damaged += outcome.losses > 0;
		yett_faulty_free(clone);
		if (CU_get_number_of_tests_failed() + CU_get_number_of_failures() > 20) {
			printf("\n    %s, byte %zu", name, at);
			CU_FAIL_FATAL("flip");
		}
	}
	if (entries) {
		CU_ASSERT(damaged > 4 * SIZE && damaged < length);
	} else {
		CU_ASSERT_EQUAL(damaged, 0);
	}
	yett_faulty_free(faulty);
}

static void test_flip_sealed(void)
{
	flip_file(true, SEALED, true);
}

static void test_flip_open(void)
{
	flip_file(true, OPEN, true);
	flip_file(false, OPEN, true);
	flip_file(
		false, URGENT, true); /* of its last group only the mark says that it was synced */
}

static void test_flip_manifest(void)
{
	for (int stop = 0; stop < 2; stop++) {
		flip_file(stop, "manifest-a", false);
		flip_file(stop, "manifest-b", false);
	}
}

static void test_flip_ranges(void)
{
	flip_file(true, RANGES, false);
}

/* Holes of a page's size and more: entries are lost with header and trailer. What the sealed
 * segment loses is named by its range file, what the open one loses may be a note. */
static void test_wiped(void)
{
	static const char *const names[] = {SEALED, OPEN, URGENT};

	for (unsigned n = 0; n < 3; n++) {
		for (size_t from = 0; from < 4096; from += 512) {
			for (size_t size = 512; size <= 4096; size *= 2) {
				struct yett_faulty *faulty = made(true);
				struct place places[ENTRIES + 1];
				struct outcome outcome;
				uint32_t whole;
				size_t length;
				uint8_t *bytes = yett_faulty_bytes(faulty, names[n], &length);

				find_places(faulty, places);
				whole = spared(places, names[n], from, from + size);
				memset(bytes + from, 0x5a, size);
				outcome = examine(faulty);
				CU_ASSERT(outcome.unaccounted == 0 || (n > 0 && outcome.notes > 0));
				CU_ASSERT_EQUAL(outcome.seen & whole, whole);
				yett_faulty_free(faulty);
			}
		}
	}
}

static void test_cut(void)
{
	static const char *const names[] = {SEALED, OPEN};

	for (unsigned n = 0; n < 2; n++) {
		for (size_t length = 0; length < 4096; length += 40) {
			struct yett_faulty *faulty = made(length % 80 == 0);
			struct place places[ENTRIES + 1];
			struct outcome outcome;
			uint32_t whole;

			/* One whose trailer is cut off is not whole: its end is not there. */
			find_places(faulty, places);
			whole = spared(places, names[n],
				length < YETT_DISK_EDGE_SIZE ? 0 : length - YETT_DISK_EDGE_SIZE,
				SIZE_MAX);
			yett_faulty_cut(faulty, names[n], length);
			outcome = examine(faulty);
			CU_ASSERT(outcome.unaccounted == 0 || (n > 0 && outcome.notes > 0));
			CU_ASSERT_EQUAL(outcome.seen & whole, whole);
			yett_faulty_free(faulty);
		}
	}
}

static void test_gone(void)
{
	static const struct {
		const char *name;
		const char *also;
		uint32_t seen;
		unsigned unaccounted;
	} rows[] = {
		{SEALED, NULL, ALL & ~0x7eu, 0},
		{SEALED, RANGES, ALL & ~0x7eu, 6},
		{OPEN, NULL, ALL & ~0x780u, 4},
		{RANGES, NULL, ALL, 0},
		{"manifest-a", NULL, ALL, 0},
		{"manifest-a", "manifest-b", ALL, 0},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yett_faulty *faulty = made(true);
		struct outcome outcome;

		CU_ASSERT(yett_faulty_take(faulty, rows[i].name));
		CU_ASSERT(rows[i].also == NULL || yett_faulty_take(faulty, rows[i].also));
		outcome = examine(faulty);
		CU_ASSERT_EQUAL(outcome.seen, rows[i].seen);
		CU_ASSERT_EQUAL(outcome.unaccounted, rows[i].unaccounted);
		CU_ASSERT(outcome.unaccounted == 0 || outcome.notes > 0);
		yett_faulty_free(faulty);
	}
}

static void test_foreign(void)
{
	struct yett_faulty *faulty = made(true);
	struct yett_faulty *other = yett_faulty_new(6);
	struct fixture f = {.random = 12345};
	struct outcome outcome;
	size_t length;
	uint8_t *bytes;

	fixture_create(&f, yett_faulty_files(other), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	CU_ASSERT_EQUAL(fixture_append(&f, 1, 1, 1, SIZE, NULL, NULL), 0);
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	fixture_destroy(&f, true);
	bytes = yett_faulty_bytes(other, SEALED, &length);
	/* One more file, of another queue. */
	yett_faulty_put(faulty, "/state/queue", "1-0000000000000077.seg", bytes, length);
	outcome = examine(faulty);
	CU_ASSERT_EQUAL(outcome.seen, ALL);
	CU_ASSERT_EQUAL(outcome.losses, 0);
	CU_ASSERT_EQUAL(outcome.notes, 1);
	CU_ASSERT_PTR_NOT_NULL(yett_faulty_bytes(faulty, "1-0000000000000077.bad", &length));
	/* A foreign file in the place of one of ours. */
	yett_faulty_free(faulty);
	faulty = made(true);
	bytes = yett_faulty_bytes(other, SEALED, &length);
	yett_faulty_put(faulty, "/state/queue", SEALED, bytes, length);
	outcome = examine(faulty);
	CU_ASSERT_EQUAL(outcome.seen, ALL & ~0x7eu);
	CU_ASSERT_EQUAL(outcome.unaccounted, 0);
	/* Files that are none of ours stay alone. */
	yett_faulty_put(faulty, "/state/queue", "notes.txt", "hello", 5);
	yett_faulty_put(faulty, "/state/queue", "1-77.seg", "hello", 5);
	fixture_create(&f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL(fixture_recover(&f), 0);
	fixture_destroy(&f, true);
	CU_ASSERT_PTR_NOT_NULL(yett_faulty_bytes(faulty, "notes.txt", &length));
	CU_ASSERT_PTR_NOT_NULL(yett_faulty_bytes(faulty, "1-77.seg", &length));
	yett_faulty_free(other);
	yett_faulty_free(faulty);
}

struct version {
	const char *name;
	size_t at, crc_at;
	uint8_t value;
};

static void test_version(const struct version *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct yett_faulty *faulty = made(true);
		struct fixture f = {.random = 1};
		size_t length;
		uint8_t *bytes = yett_faulty_bytes(faulty, rows[i].name, &length);

		bytes[rows[i].at] = rows[i].value;
		yett_put32(bytes + rows[i].crc_at, yett_crc32c(0, bytes, rows[i].crc_at));
		fixture_create(&f, yett_faulty_files(faulty), &settings);
		CU_ASSERT_EQUAL(fixture_recover(&f), YETT_EVERSION);
		fixture_destroy(&f, true);
		/* Refused, never set aside. */
		CU_ASSERT_PTR_NOT_NULL(yett_faulty_bytes(faulty, SEALED, &length));
		CU_ASSERT_EQUAL(yett_faulty_handles(faulty), 0);
		yett_faulty_free(faulty);
	}
}

static void test_newer(void)
{
	static const struct version rows[] = {{SEALED, 4, 60, 2}, {SEALED, 8, 60, 2},
		{"manifest-a", 4, 100, 2}, {"manifest-a", 8, 100, 2}};

	test_version(rows, 4);
}

/* There was none before the first: what says so is not what it seems. */
static void test_older(void)
{
	static const struct version rows[] = {{SEALED, 4, 60, 0}, {"manifest-a", 4, 100, 0}};

	test_version(rows, 2);
}

/* Damage that comes while the queue runs is found by reading. */
static void test_rot_while_running(void)
{
	struct yett_faulty *faulty = made(true);
	struct fixture f = {.random = 1};
	size_t length;
	uint32_t seen;

	fixture_create(&f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	yett_faulty_bytes(faulty, SEALED, &length)[64 + 150] ^= 1;
	yett_faulty_bytes(faulty, OPEN, &length)[64 + 150] ^= 1;
	seen = readable(&f);
	CU_ASSERT_EQUAL(seen, ALL & ~(1u << 1) & ~(1u << 7));
	CU_ASSERT_EQUAL(f.losses, 2);
	CU_ASSERT(is_lost(&f, 1) && is_lost(&f, 7));
	CU_ASSERT_EQUAL(f.queue->declared(f.self), 0);
	f.losses = 0;
	CU_ASSERT_EQUAL(readable(&f), seen);
	CU_ASSERT_EQUAL(f.losses, 0);
	fixture_destroy(&f, true);
	fixture_create(&f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	CU_ASSERT_EQUAL(f.losses + f.notes, 0);
	CU_ASSERT_EQUAL(readable(&f), seen);
	/* Once settled, the damaged segment is kept aside to be looked at. */
	for (uint64_t number = 2; number <= 6; number++) {
		CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &number, 1), 0);
	}
	CU_ASSERT_PTR_NULL(yett_faulty_bytes(faulty, SEALED, &length));
	CU_ASSERT_PTR_NOT_NULL(yett_faulty_bytes(faulty, "1-0000000000000001.bad", &length));
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

struct dropped {
	uint32_t seen;
	unsigned twice;
};

/* Which entries are about to be dropped: each is a record of the number that it has. */
static int drop_one(void *arg, uint64_t number, const struct yett_range *range, const void *meta,
	size_t meta_length)
{
	struct dropped *dropped = arg;

	(void)number, (void)meta, (void)meta_length;
	for (uint64_t i = range->first; i < range->first + range->count && i <= ENTRIES; i++) {
		if (range->origin.bytes[0] == (i % 3 == 0 ? 2 : 1)) {
			dropped->twice += (dropped->seen >> i) & 1;
			dropped->seen |= 1u << i;
		}
	}
	return 0;
}

/* Overwrites entries `from` to `to` of the sealed segment, headers, trailers and all. */
static void wipe(struct fixture *f, struct yett_faulty *faulty, uint32_t from, uint32_t to)
{
	const struct yett_disk_segment *segment =
		((struct yett_disk *)f->self)->lanes[1].segments[0];
	size_t length;
	uint8_t *bytes = yett_faulty_bytes(faulty, SEALED, &length);

	for (uint32_t i = from; i <= to; i++) {
		memset(bytes + (segment->places[i - 1].where & ~UINT32_C(7)), 0xa5,
			segment->places[i - 1].total);
	}
}

/* What room is made by dropping is told whole, also what cannot be read any more, by the ranges that stand
 * beside the segment; where they are gone too, the store has to infer that. The room is made. */
static void drop_the_damaged(bool ranges, uint32_t from, uint32_t to)
{
	struct yett_faulty *faulty = made(true);
	struct fixture f = {.random = 1};
	struct dropped dropped = {0};
	uint32_t damaged = ((1u << (to - from + 1)) - 1) << from, sealed = 0x7e;
	uint64_t segment;
	size_t length;

	fixture_create(&f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	wipe(&f, faulty, from, to);
	if (!ranges) {
		yett_faulty_bytes(faulty, RANGES, &length)[0] ^= 1;
	}
	CU_ASSERT_EQUAL(f.queue->oldest(f.self, 1, &segment, drop_one, &dropped), 0);
	CU_ASSERT_EQUAL(dropped.seen, ranges ? sealed : sealed & ~damaged);
	CU_ASSERT_EQUAL(dropped.twice, 0);
	CU_ASSERT_EQUAL(f.queue->drop(f.self, 1, segment), 0);
	CU_ASSERT_PTR_NULL(yett_faulty_bytes(faulty, SEALED, &length));
	CU_ASSERT_EQUAL(readable(&f), ALL & ~sealed);
	CU_ASSERT_EQUAL(f.losses, 0);
	fixture_destroy(&f, true);
	fixture_create(&f, yett_faulty_files(faulty), &settings);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	CU_ASSERT_EQUAL(f.losses + f.notes, 0);
	CU_ASSERT_EQUAL(readable(&f), ALL & ~sealed);
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

static void test_drop_damaged(void)
{
	for (uint32_t from = 1; from <= 6; from++) {
		for (uint32_t to = from; to <= 6; to++) {
			drop_the_damaged(true, from, to);
			drop_the_damaged(false, from, to);
		}
	}
}

/* Looking at a damaged queue tells the same and changes nothing. */
static void test_read_only(void)
{
	struct yett_faulty *faulty = made(false);
	struct yett_disk_settings looking = settings;
	struct fixture f = {.random = 1};
	size_t length;

	looking.read_only = true;
	yett_faulty_bytes(faulty, SEALED, &length)[64 + 150] ^= 1;
	yett_faulty_plan(faulty, 0, 0, false);
	fixture_create(&f, yett_faulty_files(faulty), &looking);
	CU_ASSERT_EQUAL_FATAL(fixture_recover(&f), 0);
	CU_ASSERT_EQUAL(readable(&f), ALL & ~(1u << 1));
	CU_ASSERT_EQUAL(f.losses, 1);
	CU_ASSERT_EQUAL(f.queue->declared(f.self), YETT_EPERM);
	CU_ASSERT_EQUAL(f.queue->sync(f.self), YETT_EPERM);
	CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &(uint64_t){2}, 1), YETT_EPERM);
	fixture_destroy(&f, true);
	CU_ASSERT_EQUAL(yett_faulty_operations(faulty), 0);
	yett_faulty_free(faulty);
}

const CU_TestInfo queue_damage_tests[] = {
	{"no damage", test_no_damage},
	{"each byte of a sealed segment", test_flip_sealed},
	{"each byte of an open segment", test_flip_open},
	{"each byte of the manifests", test_flip_manifest},
	{"each byte of a range file", test_flip_ranges},
	{"wiped pages", test_wiped},
	{"cut segments", test_cut},
	{"missing files", test_gone},
	{"foreign segments", test_foreign},
	{"newer formats", test_newer},
	{"older formats", test_older},
	{"rot while running", test_rot_while_running},
	{"dropping what has rotted", test_drop_damaged},
	{"looking only", test_read_only},
	CU_TEST_INFO_NULL,
};
