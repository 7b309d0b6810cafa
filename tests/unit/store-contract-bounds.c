/* What an origin says of the numbers of its older epochs, where it has said something else before. */
#include "store-contract.h"

#define NORMAL YETT_LANE_NORMAL
#define URGENT YETT_LANE_URGENT /* the lane of store_notices */

static struct store writer;

/* A start that could not write down how far the one before it went is followed by one that knows less, and holds
 * nothing: whichever of their words comes first. */
static void bounds_of_one_that_knows_less(void)
{
	struct yett_notice held = store_bounds(1, 1, NORMAL, 1, 11, true);
	struct yett_notice left = store_bounds(1, 1, NORMAL, 4, 4, true);
	struct yett_account account;

	for (int order = 0; order < 2; order++) {
		store_begin(&writer);
		CU_ASSERT_EQUAL(
			store_put(&writer, store_batch(1, 1, NORMAL, 1, 3, "a")), YETT_PUT_STORED);
		CU_ASSERT_EQUAL(
			store_put(&writer, store_notices(1, 2, 1, order == 0 ? &held : &left, 1)),
			YETT_PUT_STORED);
		account = store_account(&writer, 1, 1, NORMAL);
		CU_ASSERT_EQUAL(account.missing, order == 0 ? 7 : 0);
		CU_ASSERT_EQUAL(
			store_put(&writer, store_notices(1, 3, 1, order == 0 ? &left : &held, 1)),
			YETT_PUT_STORED);
		account = store_account(&writer, 1, 1, NORMAL);
		CU_ASSERT_EQUAL(account.inferred, 7); /* 4..10 */
		CU_ASSERT_EQUAL(account.missing, 0);
		CU_ASSERT_EQUAL(
			store_put(&writer, store_batch(1, 1, NORMAL, 4, 7, "a")), YETT_PUT_STORED);
		account = store_account(&writer, 1, 1, NORMAL);
		CU_ASSERT_EQUAL(account.received, 10);
		CU_ASSERT_EQUAL(account.inferred + account.declared + account.missing, 0);
		store_end(&writer);
	}
}

static void expect(uint64_t epoch, uint64_t received, uint64_t inferred, uint64_t missing)
{
	struct yett_account account = store_account(&writer, 1, epoch, URGENT);

	CU_ASSERT_EQUAL(account.received, received);
	CU_ASSERT_EQUAL(account.inferred, inferred);
	CU_ASSERT_EQUAL(account.missing, missing);
	CU_ASSERT_EQUAL(account.declared, 0);
}

static int count_inferred(void *arg, const struct yett_notice *notice)
{
	*(uint64_t *)arg += notice->cause == YETT_GAP_INFERRED ? notice->range.count : 0;
	return 0;
}

static uint64_t losses_inferred(void)
{
	uint64_t sum = 0;

	CU_ASSERT_EQUAL(
		writer.operations->losses(writer.self, count_inferred, &sum, &writer.error), 0);
	return sum;
}

/* Numbers 3 and 4 of a start, and 9 of another lane. */
static void put_later_numbers(uint64_t epoch)
{
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch(1, epoch, URGENT, 3, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, epoch, YETT_LANE_BULK, 9, 1, "a")),
		YETT_PUT_STORED);
}

/* A start that tells of itself has told of all that its origin knows: what lacks of another earlier one is lost, in
 * that lane, unless it comes after all. Of a start that it named it may hold more, and of a later one it knows
 * nothing. */
static void bounds_that_leave_a_start_out(void)
{
	struct yett_notice told[] = {
		store_bounds(1, 2, URGENT, 1, 5, true), store_bounds(1, 5, URGENT, 1, 1, false)};

	store_begin(&writer);
	for (uint64_t epoch = 2; epoch <= 6; epoch += epoch == 3 ? 3 : 1) {
		put_later_numbers(epoch);
	}
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(2, 3, URGENT, 3, 2, "a")), YETT_PUT_STORED);
	/* Without its own bounds it may know more. */
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 4, 1, told, 1)), YETT_PUT_STORED);
	expect(3, 2, 0, 2);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 5, 1, told, 2)), YETT_PUT_STORED);
	expect(2, 2, 0, 2);
	expect(3, 2, 2, 0);
	expect(5, 2, 0, 0);
	expect(6, 2, 0, 2);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 3, YETT_LANE_BULK).missing, 8);
	CU_ASSERT_EQUAL(store_account(&writer, 2, 3, URGENT).missing, 2);
	CU_ASSERT_EQUAL(losses_inferred(), 2);
	/* More of it by another way, the last first. */
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 3, URGENT, 8, 2, "a")), YETT_PUT_STORED);
	expect(3, 4, 5, 0);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 3, URGENT, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 3, URGENT, 5, 3, "a")), YETT_PUT_STORED);
	expect(3, 9, 0, 0);
	CU_ASSERT_EQUAL(losses_inferred(), 0);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 3, URGENT, 3, 2, "b")), YETT_PUT_FORK);
	store_end(&writer);
}

/* The same of one that comes after those bounds, in the same transaction or in another, or of which a gateway
 * declares a loss first. */
static void bounds_before_the_start_that_they_leave_out(void)
{
	struct yett_notice told = store_bounds(1, 5, URGENT, 1, 1, false);
	struct yett_notice gap = store_gap(1, 1, 4, URGENT, 6, 2);
	struct yett_batch batches[2];
	struct yett_put puts[2];

	store_begin(&writer);
	batches[0] = store_notices(1, 5, 1, &told, 1);
	batches[1] = store_batch(1, 3, URGENT, 3, 2, "a");
	for (size_t i = 0; i < 2; i++) {
		puts[i] = (struct yett_put){
			.size = sizeof(puts[i]), .batch = &batches[i], .received_ns = 1000};
	}
	CU_ASSERT_EQUAL_FATAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, puts, 2, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	for (size_t i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(puts[i].ret_result, YETT_PUT_STORED);
		store_batch_free(&batches[i]);
	}
	expect(3, 2, 2, 0);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 2, URGENT, 3, 2, "a")), YETT_PUT_STORED);
	expect(2, 2, 2, 0);
	CU_ASSERT_EQUAL(
		store_put_for_others(&writer, store_notices(2, 1, 1, &gap, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 4, URGENT).declared, 2);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 4, URGENT).inferred, 5);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 4, URGENT).missing, 0);
	/* A later start, and another lane, it says nothing of. */
	put_later_numbers(6);
	expect(6, 2, 0, 2);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 6, YETT_LANE_BULK).missing, 8);
	store_end(&writer);
}

/* The clock was put back with the disk: what lives bears an ordinal below that of a start that is forgotten, which
 * has told of itself. It is no forgotten one once it tells of itself, and its next start is believed. */
static void bounds_of_one_whose_clock_was_put_back(void)
{
	struct yett_notice forgotten = store_bounds(1, 9, URGENT, 1, 1, false);
	struct yett_notice present = store_bounds(1, 4, URGENT, 1, 1, false);
	struct yett_notice next[] = {
		store_bounds(1, 4, URGENT, 7, 21, true), store_bounds(1, 5, URGENT, 1, 1, false)};

	store_begin(&writer);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 9, 1, &forgotten, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 4, URGENT, 5, 2, "a")), YETT_PUT_STORED);
	expect(4, 2, 4, 0);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 4, 1, &present, 1)), YETT_PUT_STORED);
	expect(4, 3, 0, 3);
	CU_ASSERT_EQUAL(losses_inferred(), 0);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 4, URGENT, 10, 2, "a")), YETT_PUT_STORED);
	expect(4, 5, 0, 6);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 5, 1, next, 2)), YETT_PUT_STORED);
	expect(4, 5, 3, 12); /* 2..4; 7..9 and 12..20 it may still send */
	expect(5, 2, 0, 0);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 5, URGENT, 7, 1, "a")), YETT_PUT_STORED);
	expect(5, 3, 0, 4);
	/* Told again, as by a relay that was put back, it changes nothing. */
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 4, 30, &present, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 4, URGENT).closed, 1);
	store_end(&writer);
}

/* However many starts there were since. */
static void bounds_long_after_the_start_that_they_leave_out(void)
{
	struct yett_notice told[600], present = store_bounds(1, 900, URGENT, 1, 1, false);

	store_begin(&writer);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 5, URGENT, 3, 2, "a")), YETT_PUT_STORED);
	for (size_t i = 0; i < 600; i++) {
		told[i] = store_bounds(1, 10 + i, URGENT, 2, 2, true);
	}
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 800, 1, told, 600)), YETT_PUT_STORED);
	expect(5, 2, 0, 2);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 900, 1, &present, 1)), YETT_PUT_STORED);
	expect(5, 2, 2, 0);
	store_end(&writer);
}

const CU_TestInfo store_bounds_tests[] = {
	{"bounds that leave a start out", bounds_that_leave_a_start_out},
	{"bounds before the start that they leave out",
		bounds_before_the_start_that_they_leave_out},
	{"bounds of one whose clock was put back", bounds_of_one_whose_clock_was_put_back},
	{"bounds long after the start that they leave out",
		bounds_long_after_the_start_that_they_leave_out},
	{"bounds of a start that knows less", bounds_of_one_that_knows_less},
	CU_TEST_INFO_NULL,
};
