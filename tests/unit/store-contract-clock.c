/* The contract of a store's retention where a clock is wrong. */
#include "store-contract.h"

#define SECOND INT64_C(1000000000)
#define HOUR   (3600 * SECOND)
#define YEAR   (365 * 24 * HOUR)

static struct store writer;

/* A start with the clock far ahead: nothing goes, also not what this server received by it itself. */
static void a_clock_far_ahead_deletes_nothing(void)
{
	int64_t now;

	store_keep(7200 * SECOND);
	store_begin(&writer);
	now = store_world.host.wall_ns(NULL);
	CU_ASSERT_EQUAL(store_put_at(&writer, 1, 100, now - 100 * SECOND, "a"), YETT_PUT_STORED);
	store_close(&writer);
	store_world.wall_shift_ns = 40 * YEAR;
	store_open(&writer, YETT_STORE_WRITER);
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 100);
	CU_ASSERT_EQUAL(store_put_at(&writer, 101, 5, now + 40 * YEAR, "a"), YETT_PUT_STORED);
	store_tidy_all(&writer);
	store_world.monotonic_shift_ns += HOUR; /* long enough for it to be believed */
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 105);
	/* Once more, now that the newest record says so, too: there is time to set it right. */
	store_restart(&writer);
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 105);
	store_world.wall_shift_ns = 0;
	store_world.monotonic_shift_ns += HOUR;
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 105);
	store_end(&writer);
	store_keep(0);
}

/* What was received by a clock far ahead neither stays for ever nor holds up what came after it; but it goes
 * only when something that came later has to. More than one slice of them, too. */
static void what_a_clock_far_ahead_received(void)
{
	int64_t now;

	store_keep(3600 * SECOND);
	store_begin(&writer);
	now = store_world.host.wall_ns(NULL);
	CU_ASSERT_EQUAL(store_put_at(&writer, 1, 10, now - 4000 * SECOND, "a"), YETT_PUT_STORED);
	for (uint64_t i = 0; i < 6; i++) {
		CU_ASSERT_EQUAL(store_put_at(&writer, 11 + 2000 * i, 2000, now + 40 * YEAR, "a"),
			YETT_PUT_STORED);
	}
	store_world.monotonic_shift_ns = HOUR;
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 12000);
	CU_ASSERT_EQUAL(
		store_put_at(&writer, 12011, 10, now - 4000 * SECOND, "a"), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put_at(&writer, 12021, 5, now, "a"), YETT_PUT_STORED);
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 5);
	store_end(&writer);
	store_keep(0);
}

const CU_TestInfo store_clock_tests[] = {
	{"a clock far ahead deletes nothing", a_clock_far_ahead_deletes_nothing},
	{"what a clock far ahead received", what_a_clock_far_ahead_received},
	CU_TEST_INFO_NULL,
};
