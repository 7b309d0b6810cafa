/* The contract of a store's limits on what is open of an origin: they hold. */
#include "store-contract.h"

#define NORMAL YETT_LANE_NORMAL
#define SECOND INT64_C(1000000000)

static struct store writer;

static void put_all(struct yett_put *puts, size_t count)
{
	CU_ASSERT_EQUAL_FATAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, puts, count, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
}

static int put_after(int64_t seconds, struct yett_batch batch)
{
	struct yett_put put = {
		.size = sizeof(put), .batch = &batch, .received_ns = 1000 + seconds * SECOND};

	put_all(&put, 1);
	store_batch_free(&batch);
	return put.ret_result;
}

/* Numbers 3 and 4 of each of as many starts as may be open, one a second. */
static void open_all(void)
{
	for (uint64_t epoch = 1; epoch <= YETT_EPOCHS_OPEN_MAX; epoch++) {
		CU_ASSERT_EQUAL(put_after((int64_t)epoch, store_batch(1, epoch, NORMAL, 3, 2, "a")),
			YETT_PUT_STORED);
	}
}

/* Each of them finds another one that gives way, also in one call; for one too many there is none. */
static void many_starts_at_once(void)
{
	enum { COUNT = YETT_EPOCHS_OPEN_MAX + 1 };
	struct yett_batch batches[COUNT];
	struct yett_put puts[COUNT];

	store_begin(&writer);
	open_all();
	for (unsigned i = 0; i < COUNT; i++) {
		batches[i] = store_batch(1, 65 + i, NORMAL, 1, 2, "a");
		puts[i] = (struct yett_put){.size = sizeof(puts[i]),
			.batch = &batches[i],
			.received_ns = 7200 * SECOND};
	}
	put_all(puts, 4);
	for (unsigned i = 0; i < COUNT; i++) {
		uint64_t missing = store_account(&writer, 1, 1 + i, NORMAL).missing;

		CU_ASSERT_EQUAL(missing, i >= 4 && i < YETT_EPOCHS_OPEN_MAX ? 2 : 0);
	}
	put_all(puts, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		CU_ASSERT_EQUAL(puts[i].ret_result, i < 4           ? YETT_PUT_DUPLICATE
						    : i < COUNT - 1 ? YETT_PUT_STORED
								    : YETT_PUT_LATER);
		store_batch_free(&batches[i]);
	}
	for (uint64_t epoch = 1; epoch <= YETT_EPOCHS_OPEN_MAX; epoch++) {
		CU_ASSERT_EQUAL(store_account(&writer, 1, epoch, NORMAL).missing, 0);
		CU_ASSERT_EQUAL(store_account(&writer, 1, epoch, NORMAL).inferred, 2);
	}
	store_end(&writer);
}

/* One whose origin said that it holds more of it, and does not send it, stays given up: it is not the one
 * that gives way again and again. */
static void one_that_is_given_up_stays_so(void)
{
	struct yett_notice held = store_bounds(1, 1, NORMAL, 5, 100, true);

	store_begin(&writer);
	open_all();
	CU_ASSERT_EQUAL(put_after(100, store_notices(1, 64, 1, &held, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 95);
	CU_ASSERT_EQUAL(put_after(7200, store_batch(1, 65, NORMAL, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).inferred, 97);
	CU_ASSERT_EQUAL(put_after(7200, store_batch(1, 66, NORMAL, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 2, NORMAL).missing, 0);
	CU_ASSERT_EQUAL(put_after(7200, store_batch(1, 1, NORMAL, 5, 10, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 12);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).inferred, 87);
	store_end(&writer);
}

const CU_TestInfo store_limits_tests[] = {
	{"many starts at once", many_starts_at_once},
	{"one that is given up stays so", one_that_is_given_up_stays_so},
	CU_TEST_INFO_NULL,
};
