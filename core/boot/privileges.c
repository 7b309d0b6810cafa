/* Privileges: a daemon that was started as root becomes its configured user before it listens.
 *
 * Responsible for giving the user what it must write (state directory, folder of the admin socket),
 * and for leaving root for good: groups, group, user, checked afterwards. Runs once, on the main
 * thread, before there are others. Any failure stops the start: never on as root by accident. */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/file.h"

static int give(
	const char *path, const struct passwd *user, bool only_if_new, struct yett_error *error)
{
	struct stat st;

	if (only_if_new && stat(path, &st) == 0) {
		return 0;
	}
	if (yett_file_mkdir(path, error) != 0) {
		return error->code;
	}
	if (stat(path, &st) == 0 && st.st_uid == user->pw_uid) {
		return 0;
	}
	if (chown(path, user->pw_uid, user->pw_gid) != 0) {
		return yett_fail(error, YETT_EPERM, "give it to the user by hand",
			"%s cannot be given to %s: %s", path, user->pw_name, strerror(errno));
	}
	return 0;
}

int yett_privileges_drop(
	const char *name, const char *state, const char *socket, struct yett_error *error)
{
	const struct passwd *user;
	char folder[PATH_MAX];
	int result;

	if (geteuid() != 0 || name == NULL || name[0] == '\0') {
		return 0;
	}
	errno = 0;
	user = getpwnam(name);
	if (user == NULL) {
		return yett_fail(error, YETT_ENOTFOUND,
			"make it (useradd --system), or set node.user to one that there is",
			"the user %s does not exist", name);
	}
	result = give(state, user, false, error);
	if (result == 0 && socket != NULL && socket[0] != '\0') {
		snprintf(folder, sizeof(folder), "%s", socket);
		result = give(dirname(folder), user, true, error);
	}
	if (result != 0) {
		return result;
	}
	if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
		setuid(user->pw_uid) != 0) {
		return yett_fail(error, YETT_EPERM, "start the daemon as that user instead",
			"cannot become %s: %s", name, strerror(errno));
	}
	if (user->pw_uid != 0 && (setuid(0) == 0 || geteuid() == 0)) {
		return yett_fail(error, YETT_EPERM, NULL, "root could be had again");
	}
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return 0;
}
