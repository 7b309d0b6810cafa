/* Rights on the admin socket: what the groups of this computer give, also while others ask. The users
 * are those that each system has: root, daemon, bin and nobody, each but the last in a group of its own. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "admin/rights.h"
#include "suite.h"

#define OWN    4242u /* the daemon's user, whom nobody is called after */
#define ROUNDS 3000

static const struct who {
	const char *name;
	uid_t uid;
	enum yett_right want;
} whos[] = {
	{"root", 0, YETT_MAY_CHANGE},
	{"daemon", 1, YETT_MAY_CHANGE},
	{"bin", 2, YETT_MAY_READ},
	{"nobody", 65534, YETT_MAY_NOTHING},
	{"uid 4242", OWN, YETT_MAY_CHANGE},
	{"uid 4243", OWN + 1, YETT_MAY_NOTHING},
};

static bool is_right(const struct who *who)
{
	char by[80] = "";

	return yett_admin_right(who->uid, OWN, "bin", "daemon", by, sizeof(by)) == who->want &&
	       strcmp(by, who->name) == 0;
}

static void groups_give_rights(void)
{
	char by[80], small[4];

	for (size_t i = 0; i < sizeof(whos) / sizeof(whos[0]); i++) {
		if (!is_right(&whos[i])) {
			fprintf(stderr, "%s\n", whos[i].name);
			CU_FAIL("another right than wanted");
		}
	}
	/* Groups that are not configured, or not there, have no members. */
	CU_ASSERT_EQUAL(yett_admin_right(1, OWN, "", "", by, sizeof(by)), YETT_MAY_NOTHING);
	CU_ASSERT_EQUAL(
		yett_admin_right(1, OWN, "no-such-group", "no-such-group", small, sizeof(small)),
		YETT_MAY_NOTHING);
	CU_ASSERT_STRING_EQUAL(small, "dae");
}

static atomic_int wrong;

static void *ask(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		wrong += !is_right(arg);
	}
	return NULL;
}

/* Whoever has none gets none for asking while somebody asks who has. */
static void nobody_is_judged_by_anothers_name(void)
{
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&threads[i], NULL, ask, (void *)(uintptr_t)&whos[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"groups give rights", groups_give_rights},
		{"nobody is judged by another's name", nobody_is_judged_by_anothers_name},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "admin-rights", tests);
}
