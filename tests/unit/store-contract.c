/* What every store that keeps records must do, by its table of operations alone: custody. The
 * registry, and what is read, are in store-contract-read.c, dead letters in store-contract-dead.c, words of an
 * origin that contradict one another in store-contract-bounds.c. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store-contract.h"

#define NORMAL YETT_LANE_NORMAL
#define URGENT YETT_LANE_URGENT

static struct store writer;

static void exactly_once(void)
{
	static const struct {
		uint64_t first;
		uint32_t count;
		const char *tag;
		int want;
	} course[] = {
		{1, 10, "a", YETT_PUT_STORED},
		{1, 10, "a", YETT_PUT_DUPLICATE},
		{31, 10, "a", YETT_PUT_STORED},
		{11, 10, "a", YETT_PUT_STORED},
		{11, 10, "a", YETT_PUT_DUPLICATE},
		{31, 10, "a", YETT_PUT_DUPLICATE},
		{1, 10, "b", YETT_PUT_FORK},      /* the same numbers, other content */
		{1, 10, "b", YETT_PUT_DUPLICATE}, /* which is kept apart already */
		{15, 10, "a", YETT_PUT_FORK},     /* some of its numbers are other batches' */
		{5, 2, "a", YETT_PUT_FORK},
		{21, 20, "a", YETT_PUT_FORK},
		{21, 10, "a", YETT_PUT_STORED},
		{41, 1, "a", YETT_PUT_STORED},
	};
	struct yett_account account;
	struct yett_store_stats stats = {0};

	store_begin(&writer);
	for (size_t i = 0; i < sizeof(course) / sizeof(course[0]); i++) {
		int got = store_put(&writer,
			store_batch(1, 1, NORMAL, course[i].first, course[i].count, course[i].tag));

		CU_ASSERT_EQUAL(got, course[i].want);
		if (i % 3 == 0) {
			store_restart(&writer);
		}
	}
	account = store_account(&writer, 1, 1, NORMAL);
	CU_ASSERT_EQUAL(account.received, 41);
	CU_ASSERT_EQUAL(account.metrics, 41);
	CU_ASSERT_EQUAL(account.highest, 41);
	CU_ASSERT_EQUAL(account.missing, 0);
	CU_ASSERT_EQUAL(account.forks, 42);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 41);
	CU_ASSERT_EQUAL(writer.operations->stats(writer.self, &stats, &writer.error), 0);
	CU_ASSERT_EQUAL(stats.records, 41);
	CU_ASSERT_EQUAL(stats.forks, 4);
	store_end(&writer);
}

static void numbering_is_per_lane_and_epoch(void)
{
	store_begin(&writer);
	for (unsigned origin = 1; origin <= 2; origin++) {
		for (uint64_t epoch = 1; epoch <= 2; epoch++) {
			for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
				CU_ASSERT_EQUAL(store_put(&writer, store_batch(origin, epoch, lane,
									   1, 3, "a")),
					YETT_PUT_STORED);
			}
		}
	}
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 36);
	store_end(&writer);
}

TEST(one_transaction)
{
	struct yett_batch a = store_batch(1, 1, NORMAL, 1, 5, "a");
	struct yett_batch b = store_batch(1, 1, NORMAL, 6, 5, "a");
	struct yett_batch broken = store_batch_broken(1, 1, NORMAL, 11, 4);
	struct yett_put puts[] = {
		{.size = sizeof(puts[0]), .batch = &a},
		{.size = sizeof(puts[0]), .batch = &broken},
		{.size = sizeof(puts[0]), .batch = &a},
		{.size = sizeof(puts[0]), .batch = &b},
		{.size = sizeof(puts[0]), .batch = &broken},
	};
	static const int want[] = {YETT_PUT_STORED, YETT_PUT_DEAD, YETT_PUT_DUPLICATE,
		YETT_PUT_STORED, YETT_PUT_DUPLICATE};

	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, puts, 5, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(puts[i].ret_result, want[i]);
	}
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 14);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).dead, 4);
	store_batch_free(&a);
	store_batch_free(&b);
	store_batch_free(&broken);
}

static int count_position(void *arg, const char *key, const void *position, size_t length)
{
	(void)key;
	(void)position;
	(*(size_t *)arg) += length;
	return 0;
}

static size_t positions(const char *prefix)
{
	size_t length = 0;

	CU_ASSERT_EQUAL(
		writer.operations->positions(writer.self, prefix, count_position, &length), 0);
	return length;
}

/* A transaction that does not commit leaves nothing: rolled back, or the process died in it. */
TEST(nothing_is_left)
{
	struct yett_batch batch = store_batch(1, 1, NORMAL, 1, 5, "a");
	struct yett_put put = {.size = sizeof(put),
		.batch = &batch,
		.key = "source/x",
		.position = "12345",
		.position_length = 5};
	uint64_t revision;

	for (int round = 0; round < 2; round++) {
		CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
		CU_ASSERT_EQUAL(writer.operations->put(writer.self, &put, 1, &writer.error), 0);
		CU_ASSERT_EQUAL(put.ret_result, YETT_PUT_STORED);
		CU_ASSERT_EQUAL(writer.operations->registry_put(
					writer.self, "t", "k", "{}", 0, &revision, &writer.error),
			0);
		if (round == 0) {
			writer.operations->rollback(writer.self);
			writer.operations->rollback(writer.self); /* twice is no harm */
		} else {
			store_restart(&writer);
		}
		CU_ASSERT_EQUAL(store_rows(&writer, NULL), 0);
		CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 0);
		CU_ASSERT_EQUAL(positions(""), 0);
	}
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, &put, 1, &writer.error), 0);
	CU_ASSERT_EQUAL(put.ret_result, YETT_PUT_STORED);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	store_restart(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 5);
	CU_ASSERT_EQUAL(positions("source/"), 5);
	CU_ASSERT_EQUAL(positions("source/y"), 0);
	store_batch_free(&batch);
}

struct losses {
	uint64_t declared, inferred;
	size_t count;
	uint64_t first[8], next[8];
	struct yett_id id, holder;
};

static int add_loss(void *arg, const struct yett_notice *gap)
{
	struct losses *losses = arg;

	if (gap->cause == YETT_GAP_INFERRED) {
		losses->inferred += gap->range.count;
	} else {
		losses->declared += gap->range.count;
	}
	losses->id = gap->id;
	losses->holder = gap->holder;
	if (losses->count < 8) {
		losses->first[losses->count] = gap->range.first;
		losses->next[losses->count] = gap->range.first + gap->range.count;
	}
	losses->count++;
	return 0;
}

static struct losses losses(void)
{
	struct losses found = {0};

	CU_ASSERT_EQUAL(writer.operations->losses(writer.self, add_loss, &found, &writer.error), 0);
	return found;
}

/* A gap of 5..14 and batches of 1..7 and 10..12, in either order, told twice. */
static void received_wins(void)
{
	struct yett_notice gap = store_gap(1, 1, 1, NORMAL, 5, 10);

	for (int order = 0; order < 2; order++) {
		struct yett_account account;
		struct losses found;

		store_begin(&writer);
		if (order == 0) {
			CU_ASSERT_EQUAL(
				store_put_for_others(&writer, store_notices(2, 9, 1, &gap, 1)),
				YETT_PUT_STORED);
			CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 10);
			CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 4);
		}
		CU_ASSERT_EQUAL(
			store_put(&writer, store_batch(1, 1, NORMAL, 1, 7, "a")), YETT_PUT_STORED);
		CU_ASSERT_EQUAL(
			store_put(&writer, store_batch(1, 1, NORMAL, 10, 3, "a")), YETT_PUT_STORED);
		CU_ASSERT_EQUAL(store_put_for_others(&writer, store_notices(2, 9, 2, &gap, 1)),
			YETT_PUT_STORED);
		account = store_account(&writer, 1, 1, NORMAL);
		CU_ASSERT_EQUAL(account.received, 10);
		CU_ASSERT_EQUAL(account.declared, 4); /* 8, 9, 13, 14 */
		CU_ASSERT_EQUAL(account.missing, 0);
		CU_ASSERT_EQUAL(account.highest, 14);
		found = losses();
		CU_ASSERT_EQUAL(found.declared, 4);
		CU_ASSERT_EQUAL(found.count, 2);
		CU_ASSERT_EQUAL(found.first[0], 8);
		CU_ASSERT_EQUAL(found.next[1], 15);
		CU_ASSERT_EQUAL(found.holder.bytes[15], (uint8_t)999);
		store_end(&writer);
	}
}

static void bounds(void)
{
	struct yett_notice told = store_bounds(1, 1, NORMAL, 20, 41, false);
	struct yett_notice closed = store_bounds(1, 1, NORMAL, 41, 41, true);
	struct yett_notice gap = store_gap(1, 1, 1, NORMAL, 6, 2);
	struct yett_account account;

	store_begin(&writer);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 1, 5, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 2, 1, &told, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 2, 2, &gap, 1)), YETT_PUT_STORED);
	account = store_account(&writer, 1, 1, NORMAL);
	CU_ASSERT_EQUAL(account.highest, 40);
	CU_ASSERT_EQUAL(account.declared, 2);
	CU_ASSERT_EQUAL(account.inferred, 12); /* 8..19 */
	CU_ASSERT_EQUAL(account.missing, 21);  /* 20..40 */
	CU_ASSERT_EQUAL(account.closed, 0);
	CU_ASSERT_EQUAL(losses().inferred, 12);
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch(1, 1, NORMAL, 20, 21, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 2, 3, &closed, 1)), YETT_PUT_STORED);
	/* An older word does not undo a newer one. */
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 2, 4, &told, 1)), YETT_PUT_STORED);
	account = store_account(&writer, 1, 1, NORMAL);
	CU_ASSERT_EQUAL(account.closed, 1);
	CU_ASSERT_EQUAL(account.inferred, 12);
	CU_ASSERT_EQUAL(account.missing, 0);
	/* What was thought lost arrives after all: received wins here too. */
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 8, 12, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 6, 2, "a")), YETT_PUT_STORED);
	account = store_account(&writer, 1, 1, NORMAL);
	CU_ASSERT_EQUAL(account.received, 40);
	CU_ASSERT_EQUAL(account.inferred + account.declared + account.missing, 0);
	CU_ASSERT_EQUAL(losses().count, 0);
	/* It is folded now: all of it is a duplicate, whatever its content. */
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch(1, 1, NORMAL, 8, 12, "b")), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 40);
	store_end(&writer);
}

/* An origin that was put back from a snapshot says that its epoch ended before numbers that it gave out
 * since, and have arrived: those between, it has lost. They may still come by another way. */
static void bounds_of_one_put_back(void)
{
	struct yett_notice held = store_bounds(1, 1, NORMAL, 3, 7, true);
	struct yett_notice closed = store_bounds(1, 1, NORMAL, 7, 7, true);
	struct yett_account account;

	store_begin(&writer);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 9, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 2, 1, &held, 1)), YETT_PUT_STORED);
	account = store_account(&writer, 1, 1, NORMAL);
	CU_ASSERT_EQUAL(account.inferred, 0);
	CU_ASSERT_EQUAL(account.missing, 6); /* 3..8: it may still send some of them */
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 3, 4, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 2, 2, &closed, 1)), YETT_PUT_STORED);
	account = store_account(&writer, 1, 1, NORMAL);
	CU_ASSERT_EQUAL(account.inferred, 2); /* 7..8 */
	CU_ASSERT_EQUAL(account.missing, 0);
	CU_ASSERT_EQUAL(losses().inferred, 2);
	/* A gateway brings more of what it had sent, the last first. */
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 16, 5, "a")), YETT_PUT_STORED);
	account = store_account(&writer, 1, 1, NORMAL);
	CU_ASSERT_EQUAL(account.highest, 20);
	CU_ASSERT_EQUAL(account.inferred, 7); /* 7..8, 11..15 */
	CU_ASSERT_EQUAL(account.missing, 0);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 11, 5, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 7, 2, "a")), YETT_PUT_STORED);
	account = store_account(&writer, 1, 1, NORMAL);
	CU_ASSERT_EQUAL(account.received, 20);
	CU_ASSERT_EQUAL(account.inferred + account.declared + account.missing, 0);
	CU_ASSERT_EQUAL(losses().count, 0);
	store_end(&writer);
}

static void bounds_of_another(void)
{
	struct yett_notice bad = store_bounds(1, 1, NORMAL, 20, 41, true);

	store_begin(&writer);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(2, 1, 1, &bad, 1)), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(
		store_put_for_others(&writer, store_notices(2, 1, 2, &bad, 1)), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).highest, 0);
	store_end(&writer);
}

/* Who may speak for itself only has nothing to say of another: no number of that one is lost, nothing of the
 * good notices beside it is taken, either. A gateway's word is believed. */
TEST(gaps_of_another)
{
	struct yett_notice notices[] = {
		store_gap(1, 2, 9, NORMAL, 1, 5), store_gap(2, 1, 1, NORMAL, 5, 10)};

	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 1, 4, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(2, 9, 1, notices, 2)), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(2, 9, 1, notices, 2)), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).highest, 4);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 0);
	CU_ASSERT_EQUAL(store_account(&writer, 2, 9, NORMAL).size, 0);
	CU_ASSERT_EQUAL(store_account(&writer, 2, 9, URGENT).dead, 2);
	CU_ASSERT_EQUAL(losses().count, 0);
	/* Its own it may declare. */
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(2, 9, 3, notices, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 2, 9, NORMAL).declared, 5);
	CU_ASSERT_EQUAL(
		store_put_for_others(&writer, store_notices(3, 1, 1, notices, 2)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 10);
}

/* What follows, overlaps or lies in what is declared already is one loss with it, in whatever order and however
 * often it is told. */
TEST(gaps_that_touch)
{
	static const struct {
		unsigned identity;
		uint64_t first, count, declared;
		size_t losses;
	} told[] = {{1, 11, 5, 5, 1}, {2, 16, 5, 10, 1}, {3, 6, 5, 15, 1}, {4, 8, 3, 15, 1},
		{2, 16, 5, 15, 1}, {5, 30, 5, 20, 2}, {6, 18, 20, 32, 1}, {5, 30, 5, 32, 1},
		{1, 11, 5, 32, 1}, {7, 39, 1, 33, 2}, {8, 38, 1, 34, 1}, {9, 1, 100, 100, 1}};
	struct yett_notice gap;

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		gap = store_gap(told[i].identity, 1, 1, NORMAL, told[i].first, told[i].count);
		CU_ASSERT_EQUAL(
			store_put(&writer, store_notices(1, 2, 1 + i, &gap, 1)), YETT_PUT_STORED);
		CU_ASSERT_EQUAL(losses().count, told[i].losses);
		CU_ASSERT_EQUAL(losses().declared, told[i].declared);
		CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, told[i].declared);
	}
	gap = store_gap(1, 1, 1, NORMAL, 1, 1);
	CU_ASSERT_EQUAL(memcmp(losses().id.bytes, gap.id.bytes, sizeof(gap.id)), 0);
	CU_ASSERT_EQUAL(losses().first[0], 1);
	CU_ASSERT_EQUAL(losses().next[0], 101);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).highest, 100);
}

/* Of one batch, too; but what another one has lost, or for another cause, is told apart. */
TEST(gaps_of_one_batch)
{
	struct yett_notice gaps[60];

	/* Of twenty starts, three of each, the last one first. */
	for (unsigned i = 0; i < 60; i++) {
		gaps[i] = store_gap(1 + i, 1, 1 + i % 20, NORMAL, 21 - 10 * (i / 20), 10);
	}
	gaps[1].holder = store_id(998);
	gaps[2].cause = YETT_GAP_AGE;
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 30, 1, gaps, 60)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(losses().count, 22);
	CU_ASSERT_EQUAL(losses().declared, 600);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 30, 61, gaps, 60)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(losses().count, 22);
	for (unsigned i = 0; i < 20; i++) {
		gaps[i] = store_bounds(1, 1 + i, NORMAL, 31, 31, true);
	}
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 30, 121, gaps, 20)), YETT_PUT_STORED);
	for (unsigned i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(store_account(&writer, 1, 1 + i, NORMAL).declared, 30);
		CU_ASSERT_EQUAL(store_account(&writer, 1, 1 + i, NORMAL).closed, 1);
	}
}

/* A long epoch, in order but for the head, which comes last: the pieces stay bounded, and the
 * numbers are exact. */
static void folding(void)
{
	struct yett_notice closed;
	uint64_t next = 1;

	store_begin(&writer);
	for (int i = 0; i < 3000; i++, next += 2) {
		CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, next, 2, "a")),
			YETT_PUT_STORED);
	}
	/* Among the newest a fork is still told; everywhere nothing is stored twice. */
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch(1, 1, NORMAL, next - 2, 2, "b")), YETT_PUT_FORK);
	for (uint64_t first = 1; first < next; first += 1000) {
		CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, first, 2, "a")),
			YETT_PUT_DUPLICATE);
	}
	closed = store_bounds(1, 1, NORMAL, next, next, true);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 2, 1, &closed, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, next - 2, 2, "a")),
		YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch(1, 1, NORMAL, next - 2, 3, "a")), YETT_PUT_FORK);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 6000);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 6000);
	store_end(&writer);
}

/* Every second number is under way: at the limit the store says later, and takes it once some of
 * the others have come. */
static void too_many_pieces(void)
{
	uint64_t first = 3;
	int result = 0;

	store_begin(&writer);
	while ((result = store_put(&writer, store_batch(1, 1, NORMAL, first, 1, "a"))) ==
			YETT_PUT_STORED &&
		first < 10000) {
		first += 2;
	}
	CU_ASSERT_EQUAL(result, YETT_PUT_LATER);
	CU_ASSERT_EQUAL(first, 3 + 2 * YETT_PIECES_MAX);
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch(1, 1, NORMAL, 3, 1, "a")), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, YETT_PIECES_MAX);
	/* But what fills the first hole: nobody could ever go on, else. */
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 2, 1, "a")), YETT_PUT_LATER);
	for (uint64_t hole = 1; hole < first; hole += hole < 2 ? 1 : 2) {
		CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, hole, 1, "a")),
			YETT_PUT_STORED);
	}
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch(1, 1, NORMAL, first, 1, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, first);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 0);
	store_end(&writer);
}

static int put_a(uint64_t first, uint32_t count)
{
	return store_put(&writer, store_batch(1, 1, NORMAL, first, count, "a"));
}

/* Holes that are lost for good do not count against the limit on pieces: a long epoch under a
 * queue that drops now and then is never refused for it, and stays exact. */
static void many_settled_holes(void)
{
	struct yett_notice gap = store_gap(1, 1, 1, NORMAL, 1, 10000);
	struct yett_notice closed = store_bounds(1, 1, NORMAL, 10001, 10001, true);

	store_begin(&writer);
	CU_ASSERT_EQUAL(
		store_put_for_others(&writer, store_notices(2, 1, 1, &gap, 1)), YETT_PUT_STORED);
	for (uint64_t i = 0; i < 2000; i++) {
		CU_ASSERT_EQUAL(put_a(3 + 2 * i, 1), YETT_PUT_STORED);
	}
	CU_ASSERT_EQUAL(put_a(3, 1), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(put_a(4, 1), YETT_PUT_STORED); /* late, in a hole between folded runs */
	CU_ASSERT_EQUAL(put_a(4, 1), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(put_a(5, 2), YETT_PUT_FORK); /* half folded, half a hole */
	CU_ASSERT_EQUAL(put_a(6, 1), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 10000 - 2002);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 2, 1, &closed, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_a(8, 1), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_a(8, 1), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 10000 - 2003);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 2003);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 0);
	store_end(&writer);
}

static void too_many_epochs(void)
{
	struct yett_notice closed = store_bounds(1, 1, NORMAL, 3, 3, true);

	store_begin(&writer);
	for (uint64_t epoch = 1; epoch <= YETT_EPOCHS_OPEN_MAX; epoch++) {
		CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, epoch, NORMAL, 1, 2, "a")),
			YETT_PUT_STORED);
	}
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 65, NORMAL, 1, 2, "a")), YETT_PUT_LATER);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 65, NORMAL).size, 0);
	/* Other lanes of open epochs, and other origins, are not affected. */
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 64, URGENT, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(2, 65, NORMAL, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 64, 3, &closed, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 65, NORMAL, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 66, NORMAL, 1, 2, "a")), YETT_PUT_LATER);
	store_end(&writer);
}

static int put_after(int64_t seconds, struct yett_batch batch)
{
	struct yett_put put = {.size = sizeof(put),
		.batch = &batch,
		.received_ns = 1000 + seconds * INT64_C(1000000000)};

	CU_ASSERT_EQUAL_FATAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, &put, 1, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	store_batch_free(&batch);
	return put.ret_result;
}

/* An origin that tells of none of its starts that it is over is not refused for ever: the oldest that has been
 * quiet for an hour gives way, all of its lanes. What comes of it later counts, once, and opens nothing. */
static void epochs_that_nobody_ends(void)
{
	store_begin(&writer);
	for (uint64_t epoch = 1; epoch <= YETT_EPOCHS_OPEN_MAX; epoch++) {
		CU_ASSERT_EQUAL(put_after((int64_t)epoch, store_batch(1, epoch, NORMAL, 3, 2, "a")),
			YETT_PUT_STORED);
		CU_ASSERT_EQUAL(put_after((int64_t)epoch, store_batch(1, epoch, URGENT, 1, 1, "a")),
			YETT_PUT_STORED);
	}
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 2);
	CU_ASSERT_EQUAL(put_after(3000, store_batch(1, 65, NORMAL, 1, 2, "a")), YETT_PUT_LATER);
	CU_ASSERT_EQUAL(put_after(3000, store_batch(1, 1, NORMAL, 5, 2, "a")), YETT_PUT_STORED);
	/* The first has just said something: the second is given up. But not for an older one. */
	CU_ASSERT_EQUAL(put_after(7200, store_batch(1, 0, NORMAL, 1, 2, "a")), YETT_PUT_LATER);
	CU_ASSERT_EQUAL(put_after(6000, store_batch(1, 65, NORMAL, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 2);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 2, NORMAL).missing, 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 2, NORMAL).inferred, 2);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 2, URGENT).missing, 0);
	CU_ASSERT_EQUAL(put_after(6000, store_batch(1, 66, NORMAL, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 3, NORMAL).inferred, 2);
	CU_ASSERT_EQUAL(put_after(6000, store_batch(1, 2, NORMAL, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_after(6000, store_batch(1, 2, NORMAL, 1, 2, "a")), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(put_after(6000, store_batch(1, 2, NORMAL, 7, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 2, NORMAL).received, 6);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 2, NORMAL).inferred, 2); /* 5 and 6 */
	CU_ASSERT_EQUAL(put_after(6000, store_batch(1, 2, NORMAL, 5, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 2, NORMAL).inferred, 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 2, NORMAL).missing, 0);
	/* None of that is open again: there is room for as many as before, and no more. */
	CU_ASSERT_EQUAL(put_after(6000, store_batch(1, 67, NORMAL, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 4, NORMAL).inferred, 2);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 5, NORMAL).inferred, 0);
	store_end(&writer);
}

/* Two writers on one store, each putting all of the same batches, in turn and not in step. */
static void two_writers(void)
{
	struct store other;
	int stored = 0;

	store_begin(&writer);
	store_open(&other, YETT_STORE_WRITER);
	for (uint64_t i = 0; i < 200; i++) {
		uint64_t mine = i, theirs = (i * 7 + 3) % 200;

		stored += store_put(&writer, store_batch(1, 1, NORMAL, 1 + 3 * mine, 3, "a")) ==
			  YETT_PUT_STORED;
		stored += store_put(&other, store_batch(1, 1, NORMAL, 1 + 3 * theirs, 3, "a")) ==
			  YETT_PUT_STORED;
	}
	CU_ASSERT_EQUAL(stored, 200);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 600);
	CU_ASSERT_EQUAL(store_account(&other, 1, 1, NORMAL).received, 600);
	CU_ASSERT_EQUAL(store_account(&other, 1, 1, NORMAL).forks, 0);
	store_close(&other);
	store_end(&writer);
}

/* Puts batches of three until it is killed, telling of each that is committed. */
static void put_for_ever(int tell)
{
	struct store store;

	store_open(&store, YETT_STORE_WRITER);
	for (uint64_t i = 0;; i++) {
		if (store_put(&store, store_batch(1, 1, NORMAL, 1 + 3 * i, 3, "a")) !=
				YETT_PUT_STORED ||
			write(tell, "", 1) != 1) {
			_exit(1);
		}
	}
}

/* A process that is killed at any point: what it committed is there, once, and nothing by half. */
static void killed(void)
{
	store_world_open();
	for (int round = 0; round < 5; round++) {
		uint64_t told = 0, received;
		int pipes[2], status = 0;
		char mark;
		pid_t child;

		CU_ASSERT_EQUAL_FATAL(pipe2(pipes, O_CLOEXEC), 0);
		child = fork();
		if (child == 0) {
			put_for_ever(pipes[1]);
		}
		close(pipes[1]);
		for (int i = 0; i < 20 + 7 * round && read(pipes[0], &mark, 1) == 1; i++) {
			told++;
		}
		CU_ASSERT_EQUAL(kill(child, SIGKILL), 0);
		CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
		CU_ASSERT(WIFSIGNALED(status));
		while (read(pipes[0], &mark, 1) == 1) {
			told++;
		}
		close(pipes[0]);
		store_open(&writer, YETT_STORE_WRITER);
		received = store_account(&writer, 1, 1, NORMAL).received;
		CU_ASSERT(received == 3 * told || received == 3 * (told + 1));
		CU_ASSERT_EQUAL(store_rows(&writer, NULL), received);
		for (uint64_t i = 0; i < told; i++) {
			CU_ASSERT_EQUAL(
				store_put(&writer, store_batch(1, 1, NORMAL, 1 + 3 * i, 3, "a")),
				YETT_PUT_DUPLICATE);
		}
		store_close(&writer);
		store_world_close();
		store_world_open();
	}
	store_world_close();
}

/* The core asks for a restart where the settings of a store change: none may promise more. */
static void settings_wait_for_a_restart(void)
{
	for (const struct yett_schema *row = yett_module.schema; row->name != NULL; row++) {
		if ((row->flags & YETT_SCHEMA_LIVE) != 0) {
			fprintf(stderr, "%s is marked live\n", row->name);
			CU_FAIL("a setting of a store is marked live");
		}
	}
}

const CU_TestInfo store_custody_tests[] = {
	{"exactly once", exactly_once},
	{"numbering is per origin, epoch, lane", numbering_is_per_lane_and_epoch},
	{"one transaction", one_transaction},
	{"without commit nothing is left", nothing_is_left},
	{"received wins in either order", received_wins},
	{"bounds", bounds},
	{"bounds of an origin that was put back", bounds_of_one_put_back},
	{"bounds of another origin", bounds_of_another},
	{"gaps of another origin", gaps_of_another},
	{"gaps that touch", gaps_that_touch},
	{"gaps of one batch", gaps_of_one_batch},
	{"folding", folding},
	{"too many pieces", too_many_pieces},
	{"many settled holes", many_settled_holes},
	{"too many epochs", too_many_epochs},
	{"epochs that nobody ends", epochs_that_nobody_ends},
	{"two writers", two_writers},
	{"killed", killed},
	{"settings wait for a restart", settings_wait_for_a_restart},
	CU_TEST_INFO_NULL,
};
