/* queue-disk against a disk that crashes, fails and fills up at every single operation.
 *
 * A workload of three sources appends, syncs and settles; source A spreads its items over all
 * lanes. A model remembers what was synced. After each crash: what was synced and not settled is
 * there, once, as it was; nothing is there that was not appended; every number is new; a source's
 * position covers exactly what is there; and nothing is reported lost. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../modules/queue-disk/disk.h"
#include "base/buffer.h"
#include "files-faulty.h"
#include "queue-fixture.h"

#define SOURCES   3
#define ITEMS_MAX 2048
#define GROUP_MAX 12
#define STEPS     40

#define FAILED_SIZE 2000 /* several sectors: some of them reach the disk, some do not */

enum state { ABSENT, APPENDED, SYNCED, SETTLED };

struct item {
	enum state state;
	uint64_t number;
};

struct model {
	struct item items[SOURCES][ITEMS_MAX];
	uint64_t next[SOURCES];             /* the item that each source sends next */
	uint64_t highest[YETT_LANES];       /* number given out; after a crash: that was synced */
	uint64_t settled_below[YETT_LANES]; /* after a stop: such numbers do not come back */
	uint64_t random;
	struct fixture fixture;
	struct yett_faulty *faulty;
	struct yett_disk_settings settings;
	unsigned failed; /* asserts, so that a loop stops early */
	unsigned found;
};

#define CHECK(model, x)                                                                            \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			(model)->failed++;                                                         \
			if ((model)->failed <= 4) {                                                \
				printf("\n    %s:%d: %s", __FILE__, __LINE__, #x);                 \
			}                                                                          \
		}                                                                                  \
	} while (0)

static uint64_t draw(struct model *model, uint64_t below)
{
	model->random =
		model->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (model->random >> 33) % below;
}

static uint32_t lane_of(unsigned source, uint64_t s)
{
	return source == 0 ? (uint32_t)(s % YETT_LANES) : source;
}

static size_t size_of(unsigned source, uint64_t s)
{
	return 1 + (size_t)(s * 2654435761u + source * 977u) % 5000;
}

static const char *const keys[SOURCES] = {"a", "b", "c"};

static void model_init(struct model *model, uint64_t seed)
{
	memset(model, 0, sizeof(*model));
	for (unsigned i = 0; i < SOURCES; i++) {
		model->next[i] = 1;
	}
	model->random = seed;
	model->faulty = yett_faulty_new(seed);
	model->settings = (struct yett_disk_settings)FIXTURE_DISK_SETTINGS("queue");
	model->settings.size_bytes = 4 * 1024 * 1024;
	model->settings.segment_bytes = 16384; /* so that a group fills several */
	model->fixture.random = seed;
}

static int start(struct model *model)
{
	fixture_create(&model->fixture, yett_faulty_files(model->faulty), &model->settings);
	return fixture_recover(&model->fixture);
}

/* What was not synced is to be sent again; the model goes back to what it was. */
static void forget_unsynced(struct model *model)
{
	for (unsigned k = 0; k < SOURCES; k++) {
		for (uint64_t s = model->next[k]; s-- > 1;) {
			if (model->items[k][s].state == APPENDED) {
				model->items[k][s].state = ABSENT;
				model->next[k] = s;
			}
		}
	}
}

static void append_some(struct model *model)
{
	struct yett_batch batches[GROUP_MAX];
	struct yett_queue_entry entries[GROUP_MAX];
	unsigned sources[GROUP_MAX];
	uint64_t positions[GROUP_MAX];
	uint64_t next[SOURCES];
	bool blocked[SOURCES] = {false};
	size_t count = 1 + draw(model, GROUP_MAX);

	memcpy(next, model->next, sizeof(next));
	for (size_t i = 0; i < count; i++) {
		unsigned k = (unsigned)draw(model, SOURCES);
		uint64_t s = next[k]++;

		sources[i] = k;
		positions[i] = s;
		batches[i] = fixture_batch((uint8_t)(k + 1), lane_of(k, s), s, size_of(k, s));
		entries[i] = (struct yett_queue_entry){
			.size = sizeof(entries[i]),
			.batch = &batches[i],
			.meta = "meta",
			.meta_length = 4,
			.key = keys[k],
			.position = &positions[i],
			.position_length = sizeof(positions[i]),
		};
	}
	model->fixture.queue->append(model->fixture.self, entries, count);
	for (size_t i = 0; i < count; i++) {
		unsigned k = sources[i];
		uint32_t lane = batches[i].info.lane;

		yett_buffer_unref(batches[i].buffer);
		if (entries[i].ret_result < 0) {
			blocked[k] = true;
			continue;
		}
		CHECK(model, !blocked[k]); /* nothing overtakes */
		CHECK(model, entries[i].ret_number > model->highest[lane]);
		model->highest[lane] = entries[i].ret_number;
		model->items[k][positions[i]] = (struct item){APPENDED, entries[i].ret_number};
		model->next[k] = positions[i] + 1;
	}
}

static void sync_all(struct model *model)
{
	int result = model->fixture.queue->sync(model->fixture.self);

	if (result == YETT_ESYNC) {
		forget_unsynced(model);
	}
	for (unsigned k = 0; k < SOURCES && result == 0; k++) {
		for (uint64_t s = 1; s < model->next[k]; s++) {
			if (model->items[k][s].state == APPENDED) {
				model->items[k][s].state = SYNCED;
			}
		}
	}
}

static void settle_some(struct model *model)
{
	for (unsigned k = 0; k < SOURCES; k++) {
		for (uint64_t s = 1; s < model->next[k]; s++) {
			struct item *item = &model->items[k][s];

			if (item->state == SYNCED && draw(model, 3) > 0) {
				model->fixture.queue->settle(
					model->fixture.self, lane_of(k, s), &item->number, 1);
				item->state = SETTLED;
			}
		}
	}
}

static void work(struct model *model, unsigned steps)
{
	for (unsigned i = 0; i < steps && model->failed == 0; i++) {
		append_some(model);
		if (draw(model, 2) == 0) {
			append_some(model);
		}
		if (draw(model, 2) == 0) {
			settle_some(model); /* the manifest may be written while a group is open */
		}
		if (draw(model, 4) > 0) {
			sync_all(model);
		}
		if (draw(model, 4) == 0) {
			settle_some(model);
		}
	}
}

static void find(struct model *model, const struct yett_queue_item *item, bool *seen)
{
	unsigned k = (unsigned)item->batch.info.origin.bytes[0] - 1;
	uint64_t s = item->batch.info.first;

	CHECK(model, k < SOURCES && s > 0 && s < ITEMS_MAX);
	if (model->failed > 0) {
		return;
	}
	CHECK(model, fixture_batch_is(&item->batch, (uint8_t)(k + 1), s, size_of(k, s)));
	CHECK(model, item->meta_length == 4 && memcmp(item->meta, "meta", 4) == 0);
	CHECK(model, !seen[k * ITEMS_MAX + s]);
	seen[k * ITEMS_MAX + s] = true;
	model->found++;
	if (model->items[k][s].state >= SYNCED) {
		CHECK(model, model->items[k][s].number == item->number);
	}
	if (model->items[k][s].state == SETTLED) {
		CHECK(model, item->number >= model->settled_below[item->batch.info.lane]);
	}
	if (item->number > model->highest[item->batch.info.lane]) {
		model->highest[item->batch.info.lane] = item->number;
	}
	if (model->items[k][s].state <= APPENDED) {
		/* Synced, or at least not torn, without anybody having been told. */
		model->items[k][s] = (struct item){SYNCED, item->number};
	} else {
		model->items[k][s].state = SYNCED; /* settling may be forgotten */
	}
}

/* Holds the recovered queue against the model, and makes the model what is there. */
static void compare(struct model *model)
{
	static struct yett_queue_item items[32];
	static bool seen[SOURCES * ITEMS_MAX];
	struct yett_queue_stats stats;
	int got;

	memset(seen, 0, sizeof(seen));
	model->found = 0;
	CHECK(model, model->fixture.losses == 0);
	/* A crash in the middle of a manifest leaves it torn, and may say so. */
	if (model->fixture.notes > 1 ||
		(model->fixture.notes == 1 &&
			strncmp(model->fixture.note, "one of the two", 14) != 0)) {
		CHECK(model, model->fixture.notes == 0);
		printf("\n    %s", model->fixture.note);
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		uint64_t from = 0;

		while ((got = model->fixture.queue->read(model->fixture.self, lane, from, items, 32,
				1u << 20, fixture_report, &model->fixture)) > 0) {
			for (int i = 0; i < got; i++) {
				CHECK(model, items[i].number >= from);
				from = items[i].number + 1;
				find(model, &items[i], seen);
				yett_buffer_unref(items[i].batch.buffer);
			}
		}
		CHECK(model, got == 0);
	}
	CHECK(model, model->fixture.queue->stats(model->fixture.self, &stats) == 0);
	CHECK(model, model->found == stats.lanes[0].entries + stats.lanes[1].entries +
					     stats.lanes[2].entries);
	for (unsigned k = 0; k < SOURCES; k++) {
		uint64_t position = fixture_position(&model->fixture, keys[k]);

		for (uint64_t s = 1; s < ITEMS_MAX; s++) {
			struct item *item = &model->items[k][s];
			bool is = seen[k * ITEMS_MAX + s];

			CHECK(model, item->state != SYNCED || is); /* nothing is lost */
			CHECK(model, !is || s <= position);        /* never behind */
			CHECK(model, s > position || is || item->state == SETTLED); /* nor ahead */
			if (item->state == APPENDED) {
				item->state = ABSENT;
			}
		}
		model->next[k] = position + 1;
	}
}

/* The highest number of each lane that a crash must not make forgotten. */
static void note_highest(struct model *model)
{
	memset(model->highest, 0, sizeof(model->highest));
	for (unsigned k = 0; k < SOURCES; k++) {
		for (uint64_t s = 1; s < ITEMS_MAX; s++) {
			const struct item *item = &model->items[k][s];
			uint32_t lane = lane_of(k, s);

			if (item->state >= SYNCED && item->number > model->highest[lane]) {
				model->highest[lane] = item->number;
			}
		}
	}
}

static void crash(struct model *model, enum yett_faulty_crash how)
{
	note_highest(model);
	yett_faulty_plan(model->faulty, 0, 0, false);
	fixture_destroy(&model->fixture, false);
	yett_faulty_crash(model->faulty, how);
}

/* Runs the workload to the n-th operation, crashes, recovers, goes on, crashes again. */
static bool crash_at(uint64_t seed, uint64_t at, enum yett_faulty_crash how, uint64_t *ret_count)
{
	static struct model model;

	model_init(&model, seed);
	yett_faulty_plan(model.faulty, at, YETT_EIO, true);
	if (start(&model) == 0) {
		work(&model, STEPS);
	}
	*ret_count = yett_faulty_operations(model.faulty);
	for (unsigned round = 0; round < 2 && model.failed == 0; round++) {
		crash(&model, how);
		if (round == 0) {
			/* It crashes again while it recovers. */
			yett_faulty_plan(model.faulty, 1 + at % 19, YETT_EIO, true);
			(void)start(&model);
			crash(&model, how);
		}
		CHECK(&model, start(&model) == 0);
		if (model.failed == 0) {
			compare(&model);
		}
		if (round == 0 && how == YETT_FAULTY_KILLED) {
			/* What was found after the process died survives the system, too. */
			crash(&model, YETT_FAULTY_NOTHING);
			CHECK(&model, start(&model) == 0);
			compare(&model);
		}
		if (model.failed == 0) {
			/* An error, then the next crash. */
			yett_faulty_plan(model.faulty, 1 + at % 29, YETT_EIO, false);
			work(&model, 2 + (unsigned)(at % 5));
		}
	}
	fixture_destroy(&model.fixture, true);
	if (yett_faulty_handles(model.faulty) != 0) {
		model.failed++;
	}
	yett_faulty_free(model.faulty);
	if (model.failed > 0) {
		printf("\n    seed %llu, operation %llu, crash %d", (unsigned long long)seed,
			(unsigned long long)at, (int)how);
	}
	return model.failed == 0;
}

static void test_crash_everywhere(void)
{
	uint64_t count = UINT64_MAX, ignored;
	unsigned runs = 0;

	(void)crash_at(11, 0, YETT_FAULTY_NOTHING, &count);
	for (uint64_t at = 1; at <= count; at++) {
		for (int how = (int)(at % 2); how < YETT_FAULTY_CRASHES; how += 2) {
			runs++;
			if (!crash_at(11, at, (enum yett_faulty_crash)how, &ignored)) {
				CU_FAIL_FATAL("crash");
			}
		}
	}
	printf("(%u crashes) ", runs);
	CU_ASSERT(runs > 500);
}

static void test_crash_seeds(void)
{
	uint64_t ignored;

	for (uint64_t seed = 100; seed < 300; seed++) {
		uint64_t at = 1 + seed * 7919 % 200;

		if (!crash_at(seed, at, seed % 2 == 0 ? YETT_FAULTY_PIECES : YETT_FAULTY_PREFIX,
			    &ignored)) {
			CU_FAIL_FATAL("crash");
		}
	}
}

/* A crash, and nothing of what the model knows is lost in it; `at` says of which `what` it was. */
static void end_in_crash(struct model *model, const char *what, uint64_t at)
{
	crash(model, (enum yett_faulty_crash)(at % YETT_FAULTY_CRASHES));
	CHECK(model, start(model) == 0);
	compare(model);
	fixture_destroy(&model->fixture, true);
	yett_faulty_free(model->faulty);
	if (model->failed > 0) {
		printf("\n    %s %llu", what, (unsigned long long)at);
		CU_FAIL_FATAL("failure");
	}
}

/* One operation fails, the process goes on; then it crashes. */
static void fail_everywhere(int result)
{
	static struct model model;
	uint64_t count = 1;

	for (uint64_t at = 1; at <= count; at++) {
		int started;

		model_init(&model, 21);
		yett_faulty_plan(model.faulty, at, result, false);
		started = start(&model);
		if (started < 0) {
			fixture_destroy(&model.fixture, false);
			started = start(&model); /* somebody starts it again */
		}
		CHECK(&model, started == 0);
		work(&model, STEPS);
		count = yett_faulty_operations(model.faulty);
		end_in_crash(&model, "operation", at);
	}
	CU_ASSERT(count > 100);
}

static void test_fail_io(void)
{
	fail_everywhere(YETT_EIO);
}

static void test_fail_space(void)
{
	fail_everywhere(YETT_ENOSPC);
}

static void test_fail_sync(void)
{
	static struct model model;

	unsigned degraded = 0;

	for (uint64_t at = 1; at <= 60; at++) {
		struct yett_queue_stats stats;

		model_init(&model, 31);
		CHECK(&model, start(&model) == 0);
		yett_faulty_plan_sync(model.faulty, at);
		work(&model, STEPS);
		CU_ASSERT_EQUAL(model.fixture.queue->stats(model.fixture.self, &stats), 0);
		degraded += stats.degraded;
		/* What was synced before the failure is still there, without a restart too. */
		sync_all(&model);
		compare(&model);
		end_in_crash(&model, "sync", at);
	}
	CU_ASSERT(degraded > 40); /* not where only a range file could not be written */
}

/* What a stop that has come to its end has to remember: of each lane, all that is settled before its oldest
 * entry that is not. */
static void note_settled(struct model *model)
{
	memset(model->settled_below, 0xff, sizeof(model->settled_below));
	for (unsigned k = 0; k < SOURCES; k++) {
		for (uint64_t s = 1; s < model->next[k]; s++) {
			const struct item *item = &model->items[k][s];
			uint64_t *below = &model->settled_below[lane_of(k, s)];

			if (item->state != SETTLED && item->number < *below) {
				*below = item->number;
			}
		}
	}
}

/* Asked to stop after so much work: operation `at` of the stop is the last that is made, or fails alone; 0:
 * none does. Then the power goes, soon after the next start once more. Returns how many operations it took. */
static uint64_t stop_and_crash(
	unsigned steps, uint64_t at, bool last, enum yett_faulty_crash how, unsigned *failed)
{
	static struct model model;
	uint64_t count;

	model_init(&model, 50 + steps);
	CHECK(&model, start(&model) == 0);
	work(&model, steps);
	note_highest(&model);
	if (at == 0) {
		note_settled(&model);
	}
	yett_faulty_plan(model.faulty, at, YETT_EIO, last);
	fixture_destroy(&model.fixture, true);
	count = yett_faulty_operations(model.faulty);
	yett_faulty_crash(model.faulty, how);
	CHECK(&model, start(&model) == 0);
	compare(&model);
	memset(model.settled_below, 0, sizeof(model.settled_below));
	work(&model, 3);
	crash(&model, how);
	CHECK(&model, start(&model) == 0);
	compare(&model);
	fixture_destroy(&model.fixture, true);
	CHECK(&model, yett_faulty_handles(model.faulty) == 0);
	yett_faulty_free(model.faulty);
	if (model.failed > 0) {
		printf("\n    stopped after %u steps, operation %llu%s, crash %d", steps,
			(unsigned long long)at, last ? " and all after it" : "", (int)how);
	}
	*failed += model.failed;
	return count;
}

/* The power goes while the queue is stopped, at each operation, or soon after that. */
static void test_crash_at_stop(void)
{
	unsigned failed = 0, runs = 0;

	for (unsigned steps = 1; steps <= STEPS && failed == 0; steps += 3) {
		uint64_t count = 0;

		for (uint64_t at = 0; at <= count && failed == 0; at++) {
			for (int how = 0; how < YETT_FAULTY_CRASHES && failed == 0; how++) {
				uint64_t took = stop_and_crash(
					steps, at, true, (enum yett_faulty_crash)how, &failed);

				count = at == 0 ? took : count;
				(void)stop_and_crash(
					steps, at, false, (enum yett_faulty_crash)how, &failed);
				runs += 2;
			}
		}
		CU_ASSERT(count >= 4); /* two files, each written and synced */
	}
	printf("(%u crashes) ", runs);
	CU_ASSERT_EQUAL(failed, 0);
	CU_ASSERT(runs > 500);
}

static const struct yett_disk_settings few = FIXTURE_DISK_SETTINGS("queue");

/* What can be read in lane 1; nothing was told as lost. */
static unsigned count_all(struct fixture *fixture)
{
	CU_ASSERT_EQUAL(fixture->losses, 0);
	return fixture_count(fixture, 1, 0, FAILED_SIZE);
}

static int start_again(struct fixture *fixture, struct yett_faulty *faulty)
{
	fixture_create(fixture, yett_faulty_files(faulty), &few);
	return fixture_recover(fixture);
}

/* Two entries, whose second one's sync fails, and so does the operation `at` of it; then the end. Returns how
 * many operations there were. */
static uint64_t fail_and_die(struct fixture *fixture, struct yett_faulty *faulty, uint64_t at)
{
	uint64_t operations;

	CU_ASSERT_EQUAL_FATAL(start_again(fixture, faulty), 0);
	CU_ASSERT_EQUAL(fixture_append(fixture, 1, 1, 1, FAILED_SIZE, "key", NULL), 0);
	CU_ASSERT_EQUAL(fixture->queue->sync(fixture->self), 0);
	CU_ASSERT_EQUAL(fixture_append(fixture, 1, 1, 2, FAILED_SIZE, "key", NULL), 0);
	yett_faulty_plan(faulty, at, YETT_EIO, false);
	yett_faulty_plan_sync(faulty, 1);
	CU_ASSERT_EQUAL(fixture->queue->sync(fixture->self), YETT_ESYNC);
	operations = yett_faulty_operations(faulty);
	fixture_destroy(fixture, false);
	yett_faulty_crash(faulty, YETT_FAULTY_KILLED);
	return operations;
}

/* What a start has counted is there when the power fails later, too. */
static void expect_after_power_loss(
	struct fixture *fixture, struct yett_faulty *faulty, unsigned counted)
{
	fixture_destroy(fixture, false);
	yett_faulty_crash(faulty, YETT_FAULTY_NOTHING);
	CU_ASSERT_EQUAL_FATAL(start_again(fixture, faulty), 0);
	CU_ASSERT_EQUAL(count_all(fixture), counted);
	CU_ASSERT_EQUAL(fixture_position(fixture, "key"), counted);
	fixture_destroy(fixture, true);
}

/* A sync fails, so that the system forgets that what it covered is not on the disk; another operation fails,
 * so that no manifest says so; then the process is killed, and the next one finds all of it whole. */
static void test_fail_sync_then_kill(void)
{
	unsigned counted_more = 0;
	uint64_t operations = 2;

	for (uint64_t at = 2; at <= operations; at++) {
		struct yett_faulty *faulty = yett_faulty_new(41);
		struct fixture fixture = {.random = 3};
		unsigned counted;

		operations = fail_and_die(&fixture, faulty, at);
		CU_ASSERT_EQUAL_FATAL(start_again(&fixture, faulty), 0);
		counted = count_all(&fixture);
		CU_ASSERT(counted >= 1);
		counted_more += counted > 1;
		expect_after_power_loss(&fixture, faulty, counted);
		yett_faulty_free(faulty);
	}
	CU_ASSERT(counted_more > 0); /* else nothing was tried */
}

/* The same where the next start's syncs fail as well, one after the other: it starts with what it could make
 * durable, or not at all. */
static void test_fail_sync_then_kill_then_fail(void)
{
	unsigned refused = 0, counted_more = 0;
	uint64_t operations = 2;

	for (uint64_t at = 2; at <= operations; at++) {
		for (uint64_t sync = 1; sync <= 8; sync++) {
			struct yett_faulty *faulty = yett_faulty_new(41);
			struct fixture fixture = {.random = 3};
			unsigned counted;

			operations = fail_and_die(&fixture, faulty, at);
			yett_faulty_plan_sync(faulty, sync);
			if (start_again(&fixture, faulty) < 0) {
				refused++;
				fixture_destroy(&fixture, false);
				yett_faulty_crash(faulty, YETT_FAULTY_KILLED);
				CU_ASSERT_EQUAL_FATAL(start_again(&fixture, faulty), 0);
			}
			yett_faulty_plan_sync(faulty, 0);
			counted = count_all(&fixture);
			CU_ASSERT(counted >= 1);
			counted_more += counted > 1;
			expect_after_power_loss(&fixture, faulty, counted);
			yett_faulty_free(faulty);
		}
	}
	CU_ASSERT(refused > 0 && counted_more > 0);
}

const CU_TestInfo queue_crash_tests[] = {
	{"a crash at every operation", test_crash_everywhere},
	{"crashes of many seeds", test_crash_seeds},
	{"a crash at every operation of a stop, and after it", test_crash_at_stop},
	{"an error at every operation", test_fail_io},
	{"no space at every operation", test_fail_space},
	{"a failed sync", test_fail_sync},
	{"a failed sync, and the end before that is noted", test_fail_sync_then_kill},
	{"the same, and the next start's syncs fail", test_fail_sync_then_kill_then_fail},
	CU_TEST_INFO_NULL,
};
