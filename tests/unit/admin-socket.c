/* The socket of the API: open to its own user and group alone, given to the group of those who may look, and a
 * warning where it cannot be given, since that group's members would knock in vain. */
#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/request.h"
#include "base/log.h"
#include "folder.h"
#include "suite.h"

static unsigned told;
static char last[512];

static void hear(void *arg, int level, const char *event, const char *sentence)
{
	(void)arg;
	if (strcmp(event, "admin-socket-group") == 0 && level == YETT_LOG_WARNING) {
		told++;
		snprintf(last, sizeof(last), "%s", sentence);
	}
}

/* A group that this process may give a file to; `mine` is the one that a file has at first. */
static bool another_group(gid_t mine, char *ret_name, size_t size)
{
	gid_t groups[256];
	int count = getgroups(256, groups);
	const struct group *group = geteuid() == 0 ? getgrnam("daemon") : NULL;

	for (int i = 0; i < count && group == NULL; i++) {
		group = groups[i] != mine ? getgrgid(groups[i]) : NULL;
	}
	if (group != NULL) {
		snprintf(ret_name, size, "%s", group->gr_name);
	}
	return group != NULL;
}

static void it_is_given(void)
{
	char folder[] = "/tmp/yett-socket.XXXXXX", path[64], name[64];
	struct stat st;
	int fd = -1;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/admin", folder);
	told = 0;
	yett_log_tap(hear, NULL);
	CU_ASSERT_EQUAL(yett_admin_socket(path, "", &fd, NULL), 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode, (mode_t)(S_IFSOCK | 0660));
	if (another_group(st.st_gid, name, sizeof(name))) {
		const struct group *group;

		yett_admin_socket_group(path, name);
		CU_ASSERT_EQUAL(stat(path, &st), 0);
		group = getgrnam(name);
		CU_ASSERT(group != NULL && group->gr_gid == st.st_gid);
	}
	yett_admin_socket_group(path, "no-such-group");
	yett_log_tap(NULL, NULL);
	CU_ASSERT_EQUAL(told, 0);
	close(fd);
	CU_ASSERT_EQUAL(folder_remove(folder), 0);
}

static void it_cannot_be_given(void)
{
	told = 0;
	yett_log_tap(hear, NULL);
	yett_admin_socket_group("/no/such/socket", "daemon");
	yett_log_tap(NULL, NULL);
	CU_ASSERT_EQUAL(told, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(last, "/no/such/socket cannot be given to the group daemon"));
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"it is given to the group of those who may look", it_is_given},
		{"it cannot be given, and that is told", it_cannot_be_given},
		CU_TEST_INFO_NULL,
	};

	yett_log_setup(YETT_LOG_STDERR, YETT_LOG_NOTICE);
	return suite_run(argc, argv, "admin socket", tests);
}
