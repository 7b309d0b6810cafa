/* What root gives away at a start, and what it does not: each in a process of its own, which becomes nobody. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/privileges.h"
#include "folder.h"
#include "suite.h"

#define NOBODY "nobody"

static char folder[PATH_MAX];
static const struct passwd *nobody;

/* A path in the test's folder; a few are used at a time. */
static const char *at(const char *name)
{
	static char paths[8][PATH_MAX + 64];
	static unsigned turn;
	char *path = paths[turn++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void make(const char *name, uid_t owner)
{
	CU_ASSERT_EQUAL_FATAL(mkdir(at(name), 0755), 0);
	CU_ASSERT_EQUAL_FATAL(chown(at(name), owner, (gid_t)-1), 0);
}

static int owner_of(const char *name)
{
	struct stat st;

	return lstat(at(name), &st) == 0 ? (int)st.st_uid : -1;
}

/* The result of a start with this state directory. */
static int start(const char *state)
{
	struct yett_error error = YETT_ERROR_INIT;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int result = yett_privileges_drop(NOBODY, state, "", &error);

		_exit(result != 0 ? 1 : geteuid() == nobody->pw_uid ? 0 : 2);
	}
	CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_gives(void)
{
	/* What is made now, with what it lies in, and what root has made before. */
	CU_ASSERT_EQUAL(start(at("new/state")), 0);
	CU_ASSERT_EQUAL(owner_of("new"), 0);
	CU_ASSERT_EQUAL(owner_of("new/state"), (int)nobody->pw_uid);
	CU_ASSERT_EQUAL(start(at("new/state")), 0); /* again */
	make("made", 0);
	CU_ASSERT_EQUAL(start(at("made")), 0);
	CU_ASSERT_EQUAL(owner_of("made"), (int)nobody->pw_uid);
	/* Also by a link of root's. */
	make("elsewhere", 0);
	CU_ASSERT_EQUAL_FATAL(symlink(at("elsewhere"), at("link")), 0);
	CU_ASSERT_EQUAL(start(at("link")), 0);
	CU_ASSERT_EQUAL(owner_of("link"), 0);
	CU_ASSERT_EQUAL(owner_of("elsewhere"), (int)nobody->pw_uid);
}

/* The user's own folder has a link in it to what is root's. */
static void test_follows_nobody(void)
{
	make("roots", 0);
	make("roots/below", 0);
	make("users", nobody->pw_uid);
	CU_ASSERT_EQUAL_FATAL(symlink(at("roots"), at("users/state")), 0);
	CU_ASSERT_EQUAL_FATAL(lchown(at("users/state"), nobody->pw_uid, (gid_t)-1), 0);
	CU_ASSERT_EQUAL(start(at("users/state")), 0);
	CU_ASSERT_EQUAL(start(at("users/state/below")), 0);
	CU_ASSERT_EQUAL(start(at("users/state/new")), 0);
	CU_ASSERT_EQUAL(owner_of("roots"), 0);
	CU_ASSERT_EQUAL(owner_of("roots/below"), 0);
	CU_ASSERT_EQUAL(owner_of("roots/new"), -1);
	/* By a link of root's into the user's folder it is the same. */
	CU_ASSERT_EQUAL_FATAL(symlink(at("users"), at("to-users")), 0);
	CU_ASSERT_EQUAL(start(at("to-users/state")), 0);
	CU_ASSERT_EQUAL(owner_of("roots"), 0);
	/* What the user may do he does himself. */
	CU_ASSERT_EQUAL(start(at("users/own")), 0);
	CU_ASSERT_EQUAL(owner_of("users/own"), -1);
}

static void test_takes_from_nobody(void)
{
	make("others", nobody->pw_uid - 1);
	CU_ASSERT_EQUAL(start(at("others")), 1);
	CU_ASSERT_EQUAL(owner_of("others"), (int)nobody->pw_uid - 1);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"gives what is root's", test_gives},
		{"follows nobody's links", test_follows_nobody},
		{"takes from nobody", test_takes_from_nobody},
		CU_TEST_INFO_NULL,
	};
	int result;

	nobody = getpwnam(NOBODY);
	if (geteuid() != 0 || nobody == NULL) {
		printf("only root can become another user\n");
		return 77;
	}
	snprintf(folder, sizeof(folder), "%s/yett-privileges-XXXXXX",
		getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(folder) == NULL || chmod(folder, 0755) != 0) {
		return 1;
	}
	result = suite_run(argc, argv, "boot-privileges", tests);
	return folder_remove(folder) == 0 ? result : 1;
}
