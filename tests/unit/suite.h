/* How a unit test ends: its tests run, and whoever started the program is told how it went.
 *
 *     int main(int argc, char **argv)
 *     {
 *             static const CU_TestInfo tests[] = {
 *                     {"what it proves", test_it},
 *                     CU_TEST_INFO_NULL,
 *             };
 *
 *             return suite_run(argc, argv, "subject", tests);
 *     }
 *
 * With several suites, or with something to do before and after: suite_add for each, then suite_end.
 * An argument runs those tests alone whose names contain it. A suite that cannot begin or end, and a
 * run without any test, are failures as well. */
#ifndef YETT_TEST_SUITE_H
#define YETT_TEST_SUITE_H

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `begin` and `end` (or NULL) are called around the suite; other than 0 is a failure. */
static inline void suite_add_around(
	const char *name, CU_InitializeFunc begin, CU_CleanupFunc end, const CU_TestInfo *tests)
{
	CU_pSuite suite;

	if (!CU_registry_initialized() && CU_initialize_registry() != CUE_SUCCESS) {
		abort();
	}
	suite = CU_add_suite(name, begin, end);
	for (; suite != NULL && tests->pName != NULL; tests++) {
		if (CU_add_test(suite, tests->pName, tests->pTestFunc) == NULL) {
			break;
		}
	}
	if (suite == NULL || tests->pName != NULL) {
		fprintf(stderr, "%s: %s\n", name,
			CU_get_error_msg()); /* a name that is there twice */
		abort();
	}
}

static inline void suite_add(const char *name, const CU_TestInfo *tests)
{
	suite_add_around(name, NULL, NULL, tests);
}

static inline void suite_choose(const char *part)
{
	CU_set_fail_on_inactive(CU_FALSE);
	for (CU_pSuite suite = CU_get_registry()->pSuite; suite != NULL; suite = suite->pNext) {
		for (CU_pTest test = suite->pTest; test != NULL; test = test->pNext) {
			CU_set_test_active(
				test, strstr(test->pName, part) != NULL ? CU_TRUE : CU_FALSE);
		}
	}
}

/* Runs what was added: 0 where all of it passed, else 1. */
static inline int suite_end(int argc, char **argv)
{
	unsigned failures;

	if (argc > 1) {
		suite_choose(argv[1]);
	}
	CU_basic_set_mode(CU_BRM_VERBOSE);
	if (CU_basic_run_tests() != CUE_SUCCESS || CU_get_number_of_tests_run() == 0) {
		fprintf(stderr, "not run as it should: %s\n", CU_get_error_msg());
		return 1;
	}
	failures = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failures > 0;
}

static inline int suite_run(int argc, char **argv, const char *name, const CU_TestInfo *tests)
{
	suite_add(name, tests);
	return suite_end(argc, argv);
}

#endif
