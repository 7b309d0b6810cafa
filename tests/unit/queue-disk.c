/* queue-disk: what it keeps, in order, across restarts, within its quota. On the real file system
 * and on one in memory. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../modules/queue-disk/disk.h"
#include "base/buffer.h"
#include "files-faulty.h"
#include "net/files.h"
#include "queue-fixture.h"
#include "wire/batch.h"
#include "folder.h"
#include "suite.h"

static char temporary[] = "/tmp/yett-queue-XXXXXX";

static struct yett_disk_settings settings_of(const char *directory)
{
	return (struct yett_disk_settings)FIXTURE_DISK_SETTINGS(directory);
}

static int restart(struct fixture *fixture, const struct yett_files *files,
	const struct yett_disk_settings *settings, bool stop)
{
	if (fixture->self != NULL) {
		fixture_destroy(fixture, stop);
	}
	fixture_create(fixture, files, settings);
	return fixture_recover(fixture);
}

/* The life of a few entries, with a restart after each step. */
static void life(const struct yett_files *files, const char *directory, bool stop)
{
	struct yett_disk_settings settings = settings_of(directory);
	struct fixture f = {.self = NULL};
	struct yett_queue_stats stats;
	uint64_t number;

	CU_ASSERT_EQUAL_FATAL(restart(&f, files, &settings, stop), 0);
	for (uint64_t i = 1; i <= 10; i++) {
		CU_ASSERT_EQUAL(fixture_append(&f, 1, 7, i, 1000, "source", &number), 0);
		CU_ASSERT_EQUAL(number, i);
	}
	CU_ASSERT_EQUAL(fixture_count(&f, 1, 0, 1000), 0); /* nothing before the sync */
	CU_ASSERT_EQUAL(fixture_position(&f, "source"), 0);
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	CU_ASSERT_EQUAL(fixture_count(&f, 1, 0, 1000), 10);
	CU_ASSERT_EQUAL(fixture_position(&f, "source"), 10);
	CU_ASSERT_EQUAL_FATAL(restart(&f, files, &settings, stop), 0);
	CU_ASSERT_EQUAL(f.notes + f.losses, 0);
	CU_ASSERT_EQUAL(fixture_count(&f, 1, 0, 1000), 10);
	CU_ASSERT_EQUAL(fixture_count(&f, 1, 8, 1000), 3);
	CU_ASSERT_EQUAL(fixture_position(&f, "source"), 10);
	number = 4;
	CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &number, 1), 0);
	CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &number, 1), 0); /* again: nothing */
	CU_ASSERT_EQUAL(fixture_count(&f, 1, 0, 1000), 9);
	for (number = 1; number <= 9; number++) {
		CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &number, 1), 0);
	}
	CU_ASSERT_EQUAL(f.queue->stats(f.self, &stats), 0);
	CU_ASSERT_EQUAL(stats.lanes[1].entries, 1);
	CU_ASSERT_EQUAL(stats.lanes[1].records, 1);
	CU_ASSERT_EQUAL(stats.lanes[1].bytes, 1000 + YETT_BATCH_HEADER_SIZE);
	CU_ASSERT_EQUAL(stats.lanes[1].oldest_number, 10);
	CU_ASSERT(stats.lanes[1].oldest_ns > 0);
	CU_ASSERT_EQUAL(stats.lanes[1].next_number, 11);
	CU_ASSERT_EQUAL_FATAL(restart(&f, files, &settings, stop), 0);
	CU_ASSERT_EQUAL(f.notes + f.losses, 0);
	CU_ASSERT_EQUAL(fixture_count(&f, 1, 0, 1000), stop ? 1 : 10);
	number = 10;
	CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &number, 1), 0);
	for (number = 1; number <= 9; number++) {
		CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &number, 1), 0);
	}
	CU_ASSERT_EQUAL_FATAL(restart(&f, files, &settings, true), 0);
	CU_ASSERT_EQUAL(fixture_count(&f, 1, 0, 1000), 0);
	CU_ASSERT_EQUAL(fixture_position(&f, "source"), 10);
	CU_ASSERT_EQUAL(fixture_append(&f, 1, 7, 11, 1000, NULL, &number), 0);
	CU_ASSERT(number >= 11); /* no number is used twice */
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	CU_ASSERT_EQUAL(fixture_count(&f, 1, 0, 1000), 1);
	fixture_destroy(&f, stop);
}

static void test_life_memory(void)
{
	for (int stop = 0; stop < 2; stop++) {
		struct yett_faulty *faulty = yett_faulty_new(1);

		life(yett_faulty_files(faulty), "queue", stop);
		CU_ASSERT_EQUAL(yett_faulty_handles(faulty), 0);
		yett_faulty_free(faulty);
	}
}

static void test_life_real(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/life", temporary);
	life(&yett_files_system, path, true);
	snprintf(path, sizeof(path), "%s/life-killed", temporary);
	life(&yett_files_system, path, false);
}

static void test_lock(void)
{
	struct yett_disk_settings settings;
	struct fixture a = {.self = NULL}, b = {.self = NULL};
	char path[64];

	snprintf(path, sizeof(path), "%s/lock", temporary);
	settings = settings_of(path);
	CU_ASSERT_EQUAL(restart(&a, &yett_files_system, &settings, true), 0);
	CU_ASSERT_EQUAL(restart(&b, &yett_files_system, &settings, true), YETT_EPERM);
	CU_ASSERT_EQUAL(fixture_append(&a, 0, 1, 1, 100, NULL, NULL), 0);
	CU_ASSERT_EQUAL(a.queue->sync(a.self), 0);
	fixture_destroy(&b, true);
	/* Looking is possible, and changes nothing. */
	settings.read_only = true;
	CU_ASSERT_EQUAL(restart(&b, &yett_files_system, &settings, true), 0);
	CU_ASSERT_EQUAL(fixture_count(&b, 0, 0, 100), 1);
	CU_ASSERT_EQUAL(fixture_append(&b, 0, 1, 2, 100, NULL, NULL), YETT_EPERM);
	fixture_destroy(&b, true);
	CU_ASSERT_EQUAL(fixture_count(&a, 0, 0, 100), 1);
	fixture_destroy(&a, true);
}

/* Three lanes interleaved in one call, and many segments. */
static void test_lanes_and_segments(void)
{
	struct yett_disk_settings settings = settings_of("queue");
	struct yett_faulty *faulty = yett_faulty_new(2);
	struct fixture f = {.self = NULL};
	struct yett_queue_stats stats;
	uint64_t next[YETT_LANES] = {1, 1, 1};

	settings.size_bytes = 8 * 1024 * 1024;
	CU_ASSERT_EQUAL_FATAL(restart(&f, yett_faulty_files(faulty), &settings, true), 0);
	for (unsigned i = 0; i < 60; i++) {
		struct yett_batch batches[9];
		struct yett_queue_entry entries[9];

		for (unsigned j = 0; j < 9; j++) {
			uint32_t lane = (i * j + j / 2) % YETT_LANES;

			batches[j] = fixture_batch((uint8_t)lane, lane, i * 9 + j + 1, 3000);
			entries[j] = (struct yett_queue_entry){.size = sizeof(entries[j]),
				.batch = &batches[j],
				.meta = "meta",
				.meta_length = 4};
		}
		f.queue->append(f.self, entries, 9);
		for (unsigned j = 0; j < 9; j++) {
			CU_ASSERT_EQUAL(entries[j].ret_result, 0);
			CU_ASSERT_EQUAL(entries[j].ret_number, next[batches[j].info.lane]++);
			yett_buffer_unref(batches[j].buffer);
		}
		CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	}
	for (int round = 0; round < 3; round++) {
		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			CU_ASSERT_EQUAL(fixture_count(&f, lane, 0, 3000), next[lane] - 1);
		}
		CU_ASSERT_EQUAL(f.queue->stats(f.self, &stats), 0);
		CU_ASSERT(stats.segments >= 24);
		CU_ASSERT_EQUAL(stats.degraded, 0);
		CU_ASSERT(stats.disk_bytes <= settings.size_bytes);
		CU_ASSERT_EQUAL_FATAL(
			restart(&f, yett_faulty_files(faulty), &settings, round == 0), 0);
		CU_ASSERT_EQUAL(f.notes + f.losses, 0);
	}
	/* Out of order: last segment first. */
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		for (uint64_t number = next[lane] - 1; number > 0; number--) {
			CU_ASSERT_EQUAL(f.queue->settle(f.self, lane, &number, 1), 0);
		}
	}
	CU_ASSERT_EQUAL(f.queue->stats(f.self, &stats), 0);
	CU_ASSERT(stats.segments <= YETT_LANES);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		CU_ASSERT_EQUAL(stats.lanes[lane].entries, 0);
		CU_ASSERT_EQUAL(stats.lanes[lane].bytes, 0);
		CU_ASSERT_EQUAL(stats.lanes[lane].next_number, next[lane]);
	}
	fixture_destroy(&f, true);
	CU_ASSERT_EQUAL(yett_faulty_handles(faulty), 0);
	yett_faulty_free(faulty);
}

static void test_full(void)
{
	struct yett_disk_settings settings = settings_of("queue");
	struct yett_faulty *faulty = yett_faulty_new(3);
	struct fixture f = {.self = NULL};
	struct yett_queue_stats stats;
	unsigned kept[YETT_LANES] = {0, 0, 0};
	unsigned dropped = 0;
	uint64_t segment;

	CU_ASSERT_EQUAL_FATAL(restart(&f, yett_faulty_files(faulty), &settings, true), 0);
	/* Bulk first: it cannot take what is reserved for others. */
	for (uint32_t lane = YETT_LANES; lane-- > 0;) {
		int result;

		while ((result = fixture_append(&f, lane, 1, kept[lane] + 1, 2000, NULL, NULL)) ==
			0) {
			kept[lane]++;
			CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
		}
		CU_ASSERT_EQUAL(result, YETT_EFULL);
		CU_ASSERT_EQUAL(fixture_count(&f, lane, 0, 2000), kept[lane]);
	}
	CU_ASSERT(kept[0] >= 55 && kept[1] >= 160 && kept[2] >= 150);
	CU_ASSERT_EQUAL(f.queue->stats(f.self, &stats), 0);
	CU_ASSERT(stats.disk_bytes <= settings.size_bytes + 131072); /* manifests beside it */
	/* A notice of loss finds room all the same, an ordinary entry after it does not; nor does one that stands
	 * behind such an entry. */
	fixture_refuse_behind(&f);
	fixture_append_custody(&f);
	CU_ASSERT_EQUAL(fixture_append(&f, 0, 1, 10000, 2000, NULL, NULL), YETT_EFULL);
	/* Dropping the oldest of a lane makes room in it. */
	CU_ASSERT_EQUAL(f.queue->oldest(f.self, 2, &segment, fixture_count_ranges, &dropped), 0);
	CU_ASSERT(dropped > 20);
	fixture_drop_bulk(&f, segment, kept[2] - dropped);
	CU_ASSERT_EQUAL(fixture_append(&f, 2, 1, 20000, 2000, NULL, NULL), 0);
	CU_ASSERT_EQUAL(f.queue->oldest(f.self, 2, &segment, fixture_count_ranges, &dropped), 0);
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	CU_ASSERT_EQUAL_FATAL(restart(&f, yett_faulty_files(faulty), &settings, true), 0);
	CU_ASSERT_EQUAL(f.notes + f.losses, 0);
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

static int no_room(void *fs, int file, uint64_t length)
{
	(void)fs, (void)file, (void)length;
	return YETT_ENOSPC;
}

/* On a disk that others have filled, a notice of loss still finds the room that is held for it; what
 * came after it does not, nor does it after a restart. */
static void test_reserve(void)
{
	struct yett_disk_settings settings = settings_of("queue");
	struct yett_faulty *faulty = yett_faulty_new(8);
	struct yett_files full = *yett_faulty_files(faulty);
	struct fixture f = {.self = NULL};
	uint64_t number = 1;

	full.allocate = no_room;
	CU_ASSERT_EQUAL_FATAL(restart(&f, yett_faulty_files(faulty), &settings, true), 0);
	for (int stop = 0; stop < 2; stop++) {
		CU_ASSERT_EQUAL_FATAL(restart(&f, &full, &settings, stop), 0);
		CU_ASSERT_EQUAL(fixture_append(&f, 1, 1, 1, 100, NULL, NULL), YETT_ENOSPC);
		CU_ASSERT_EQUAL(fixture_append(&f, 0, 1, 1, 100, NULL, NULL), YETT_ENOSPC);
	}
	fixture_append_custody(&f);
	CU_ASSERT_EQUAL(fixture_append(&f, 0, 1, 1, 100, NULL, NULL), YETT_EFULL);
	fixture_append_custody(&f);
	fixture_destroy(&f, false);
	yett_faulty_crash(faulty, YETT_FAULTY_NOTHING);
	CU_ASSERT_EQUAL_FATAL(restart(&f, &full, &settings, false), 0);
	CU_ASSERT_EQUAL(f.notes + f.losses, 0);
	CU_ASSERT_EQUAL(fixture_append(&f, 0, 1, 1, 100, NULL, NULL), YETT_EFULL);
	fixture_append_custody(&f);
	/* There is room again: for more notices, and then for others. */
	CU_ASSERT_EQUAL_FATAL(restart(&f, yett_faulty_files(faulty), &settings, true), 0);
	CU_ASSERT_EQUAL(fixture_append(&f, 0, 1, 1, 100, NULL, &number), 0);
	CU_ASSERT_EQUAL(number, 4);
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	CU_ASSERT_EQUAL_FATAL(restart(&f, &full, &settings, true), 0);
	fixture_append_custody(&f);
	fixture_destroy(&f, true);
	CU_ASSERT_EQUAL(yett_faulty_handles(faulty), 0);
	yett_faulty_free(faulty);
}

static struct {
	const struct yett_files *below;
	struct fixture *fixture;
	bool flaky;
	unsigned syncs;
	size_t most; /* segments that the disk has room for */
} sick;

/* The segment's fails, and so does the first one of the manifest, but not the second. */
static int sick_sync(void *fs, int file)
{
	return sick.flaky && sick.syncs++ % 3 != 2 ? YETT_ESYNC : sick.below->sync(fs, file);
}

static int sick_allocate(void *fs, int file, uint64_t length)
{
	const struct yett_disk *disk = sick.fixture->self;

	return disk->lanes[1].count >= sick.most ? YETT_ENOSPC
						 : sick.below->allocate(fs, file, length);
}

/* Syncs fail until nothing goes in any more, since what is condemned fills the quota, or the disk. Once the disk
 * works again it gives way, though nothing else does that had the manifest written. */
static void test_condemned_gives_way(void)
{
	struct yett_disk_settings settings = settings_of("queue");

	for (int by_disk = 0; by_disk < 2; by_disk++) {
		struct yett_faulty *faulty = yett_faulty_new(9);
		struct yett_files files = *yett_faulty_files(faulty);
		struct fixture f = {.self = NULL};
		int result = 0;

		sick.below = yett_faulty_files(faulty);
		sick.fixture = &f;
		sick.most = by_disk ? 5 : 1000;
		files.sync = sick_sync;
		files.allocate = sick_allocate;
		CU_ASSERT_EQUAL_FATAL(restart(&f, yett_faulty_files(faulty), &settings, true), 0);
		CU_ASSERT_EQUAL_FATAL(restart(&f, &files, &settings, true), 0);
		sick.flaky = true;
		sick.syncs = 0;
		for (unsigned i = 1; i < 200 && result == 0; i++) {
			result = fixture_append(&f, 1, 1, i, 100, NULL, NULL);
			if (result == 0) {
				CU_ASSERT_EQUAL(f.queue->sync(f.self), YETT_ESYNC);
			}
		}
		CU_ASSERT_EQUAL(result, by_disk ? YETT_ENOSPC : YETT_EFULL);
		sick.flaky = false;
		CU_ASSERT_EQUAL(fixture_append(&f, 1, 1, 1000, 100, NULL, NULL), 0);
		CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
		CU_ASSERT_EQUAL(((struct yett_disk *)f.self)->lanes[1].count, 1);
		CU_ASSERT_EQUAL_FATAL(restart(&f, yett_faulty_files(faulty), &settings, false), 0);
		CU_ASSERT_EQUAL(f.notes + f.losses, 0);
		fixture_destroy(&f, true);
		CU_ASSERT_EQUAL(yett_faulty_handles(faulty), 0);
		yett_faulty_free(faulty);
	}
}

/* The least size has room for the largest batch in each lane; a size without it is refused. */
static void test_largest(void)
{
	static const struct {
		uint64_t size_bytes;
		int64_t urgent, normal, bulk, custody;
		int want;
	} rows[] = {
		{4 * 1024 * 1024, 15, 40, 15, 5, 0},
		{4 * 1024 * 1024, 0, 50, 23, 1, 0},
		{4 * 1024 * 1024, 15, 60, 15, 1, YETT_ECONFIG},
		{100 * 1024 * 1024, 15, 90, 1, 1, YETT_ECONFIG}, /* more than all */
		{100 * 1024 * 1024, 1, 90, 1, 5, 0},
		{8 * 1024 * 1024, 1, 90, 1, 5, YETT_ECONFIG},
		{2 * 1024 * 1024, 15, 40, 15, 5, YETT_ECONFIG},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yett_disk_settings settings = settings_of("queue");
		struct yett_faulty *faulty = yett_faulty_new(i);
		struct fixture f = {.self = NULL};

		CU_ASSERT_EQUAL_FATAL(restart(&f, yett_faulty_files(faulty), &settings, true), 0);
		settings.size_bytes = rows[i].size_bytes;
		settings.reserve_urgent = rows[i].urgent;
		settings.reserve_normal = rows[i].normal;
		settings.reserve_bulk = rows[i].bulk;
		settings.reserve_custody = rows[i].custody;
		CU_ASSERT_EQUAL(f.life->check(&f.host, &settings, NULL), rows[i].want);
		for (uint32_t lane = 0; rows[i].want == 0 && lane < YETT_LANES; lane++) {
			CU_ASSERT_EQUAL_FATAL(
				restart(&f, yett_faulty_files(faulty), &settings, true), 0);
			CU_ASSERT_EQUAL(
				fixture_append(&f, lane, 1, 1,
					YETT_BATCH_MAX - YETT_BATCH_HEADER_SIZE, "source", NULL),
				0);
			CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
			for (uint64_t number = 1; number < 4; number++) {
				CU_ASSERT_EQUAL(f.queue->settle(f.self, lane, &number, 1), 0);
			}
		}
		fixture_destroy(&f, true);
		yett_faulty_free(faulty);
	}
}

static void test_limits(void)
{
	struct yett_disk_settings settings = settings_of("queue");
	struct yett_faulty *faulty = yett_faulty_new(4);
	struct fixture f = {.self = NULL};
	static const char long_key[] =
		"0123456789012345678901234567890123456789012345678901234567890123x";
	uint64_t segment;
	uint64_t wild = 77;

	settings.size_bytes = 16 * 1024 * 1024;
	CU_ASSERT_EQUAL_FATAL(restart(&f, yett_faulty_files(faulty), &settings, true), 0);
	CU_ASSERT_EQUAL(fixture_append(&f, 1, 1, 1, 100, long_key, NULL), YETT_EINVAL);
	CU_ASSERT_EQUAL(fixture_append(&f, 1, 1, 1, 100, "", NULL), YETT_EINVAL);
	/* The largest batch there is goes into a segment of its own size. */
	CU_ASSERT_EQUAL(fixture_append(&f, 1, 1, 1, YETT_BATCH_MAX - YETT_BATCH_HEADER_SIZE,
				long_key + 1, NULL),
		0);
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	CU_ASSERT_EQUAL_FATAL(restart(&f, yett_faulty_files(faulty), &settings, false), 0);
	CU_ASSERT_EQUAL(fixture_count(&f, 1, 0, YETT_BATCH_MAX - YETT_BATCH_HEADER_SIZE), 1);
	CU_ASSERT_EQUAL(fixture_position(&f, long_key + 1), 1);
	CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &wild, 1), 0);
	CU_ASSERT_EQUAL(f.queue->settle(f.self, 9, &wild, 1), YETT_EINVAL);
	CU_ASSERT_EQUAL(
		f.queue->oldest(f.self, 0, &segment, fixture_count_ranges, NULL), YETT_ENOTFOUND);
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	fixture_destroy(&f, true);
	yett_faulty_free(faulty);
}

/* A million records of 256 bytes, in batches of 64 KiB. */
static void test_recover_fast(void)
{
	struct yett_disk_settings settings;
	struct fixture f = {.self = NULL};
	struct timespec from, to;
	char path[64];
	double seconds;

	snprintf(path, sizeof(path), "%s/large", temporary);
	settings = settings_of(path);
	settings.size_bytes = 1024 * 1024 * 1024;
	settings.segment_bytes = 16 * 1024 * 1024;
	CU_ASSERT_EQUAL_FATAL(restart(&f, &yett_files_system, &settings, true), 0);
	for (unsigned i = 0; i < 3900; i++) {
		if (fixture_append(&f, 1, 1, i + 1, 65536, NULL, NULL) != 0) {
			CU_FAIL_FATAL("append");
		}
		if (i % 64 == 63) {
			CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
		}
	}
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	fixture_destroy(&f, false);
	fixture_create(&f, &yett_files_system, &settings);
	clock_gettime(CLOCK_MONOTONIC, &from);
	CU_ASSERT_EQUAL(fixture_recover(&f), 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	printf("(256 MB in %.2f s) ", seconds);
	CU_ASSERT(seconds < 10); /* 2 s on an idle machine; sanitizers and neighbours cost */
	CU_ASSERT_EQUAL(fixture_count(&f, 1, 0, 65536), 3900);
	fixture_destroy(&f, true);
}

static const struct yett_files *counted_files;
static unsigned counted_reads;

static int64_t counted_read(void *fs, int file, void *ret_bytes, size_t length, uint64_t offset)
{
	counted_reads++;
	return counted_files->read(fs, file, ret_bytes, length, offset);
}

static unsigned scan(struct fixture *f)
{
	unsigned seen = 0;

	counted_reads = 0;
	CU_ASSERT_EQUAL(f->queue->scan(f->self, 1, fixture_count_ranges, &seen), 0);
	return seen;
}

/* Small entries are looked at many at a time; what is damaged, or refused, by itself. */
static void test_scan(void)
{
	struct yett_disk_settings settings = settings_of("queue");
	struct yett_faulty *faulty = yett_faulty_new(3);
	struct yett_files files = *yett_faulty_files(faulty);
	struct fixture f = {.self = NULL};
	const struct yett_disk_segment *segment;
	char name[YETT_DISK_NAME_SIZE];
	uint64_t number = 5;
	uint8_t *bytes;
	size_t length;
	unsigned seen;

	counted_files = yett_faulty_files(faulty);
	files.read = counted_read;
	CU_ASSERT_EQUAL_FATAL(restart(&f, &files, &settings, true), 0);
	for (unsigned i = 1; i <= 1000; i++) {
		CU_ASSERT_EQUAL(fixture_append(&f, 1, 7, i, 100, NULL, NULL), 0);
	}
	CU_ASSERT_EQUAL(f.queue->sync(f.self), 0);
	CU_ASSERT_EQUAL(f.queue->settle(f.self, 1, &number, 1), 0);
	CU_ASSERT_EQUAL(scan(&f), 999);
	CU_ASSERT(counted_reads <= 20);

	segment = ((struct yett_disk *)f.self)->lanes[1].segments[0];
	yett_disk_name(name, 1, segment->serial, "seg");
	bytes = yett_faulty_bytes(faulty, name, &length);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	bytes += segment->places[0].where;
	bytes[20] ^= 1; /* of its header: there is its trailer */
	CU_ASSERT_EQUAL(scan(&f), 999);
	bytes[segment->places[0].total - YETT_DISK_EDGE_SIZE + 20] ^= 1;
	CU_ASSERT_EQUAL(scan(&f), 998);

	yett_faulty_plan_read(faulty, name, 8192, 12288, YETT_EIO);
	seen = scan(&f);
	CU_ASSERT(seen >= 980 && seen < 998);
	yett_faulty_plan_read(faulty, NULL, 0, 0, 0);
	CU_ASSERT_EQUAL(scan(&f), 998);
	fixture_destroy(&f, true);
	CU_ASSERT_EQUAL(yett_faulty_handles(faulty), 0);
	yett_faulty_free(faulty);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"life, in memory", test_life_memory},
		{"life, on the real file system", test_life_real},
		{"lock and read-only", test_lock},
		{"lanes and segments", test_lanes_and_segments},
		{"full, reserves, dropping", test_full},
		{"a reserve on a full disk", test_reserve},
		{"what is condemned gives way", test_condemned_gives_way},
		{"the largest batch in each lane", test_largest},
		{"limits", test_limits},
		{"recovery is fast", test_recover_fast},
		{"a look at all entries", test_scan},
		CU_TEST_INFO_NULL,
	};
	int result;

	if (mkdtemp(temporary) == NULL) {
		return 1;
	}
	suite_add("queue-disk", tests);
	suite_add("queue-disk: crashes", queue_crash_tests);
	suite_add("queue-disk: damage", queue_damage_tests);
	suite_add("queue-disk: what the disk refuses", queue_refused_tests);
	suite_add("queue-disk: what rots in time", queue_rot_tests);
	result = suite_end(argc, argv);
	if (yett_buffer_alive() != 0) {
		printf("%zu buffers are left\n", yett_buffer_alive());
		result = 1;
	}
	return folder_remove(temporary) == 0 ? result : 1;
}
