/* What an origin says of the numbers of its older epochs, where it has said something else before. */
#include "store-contract.h"

#define NORMAL YETT_LANE_NORMAL

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

const CU_TestInfo store_bounds_tests[] = {
	{"bounds of a start that knows less", bounds_of_one_that_knows_less},
	CU_TEST_INFO_NULL,
};
