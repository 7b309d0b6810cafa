/* Privileges: a daemon that was started as root becomes its configured user before it listens.
 *
 * Responsible for giving the user what it must write (state directory, folder of the admin socket),
 * and for leaving root for good: groups, group, user, checked afterwards. It gives what is root's, and by no
 * way that the user can change: a daemon that others had in their hands gets nothing more by its next start.
 * Runs once, on the main thread, before there are others. Any failure stops the start: never on as root by
 * accident. */
#include "privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/file.h"

/* Whether the user can put something else in the place of what has this path: a link, say. */
static bool is_users(const char *path, const struct passwd *user)
{
	struct stat st;

	if (lstat(path, &st) != 0) {
		return errno != ENOENT;
	}
	return st.st_uid == user->pw_uid ||
	       (!S_ISLNK(st.st_mode) && (st.st_mode & S_ISVTX) == 0 &&
		       ((st.st_mode & S_IWOTH) != 0 ||
			       ((st.st_mode & S_IWGRP) != 0 && st.st_gid == user->pw_gid)));
}

/* The same of any part of a path; `ret_there`: the part that is there. */
static bool leads_by_user(const char *path, const struct passwd *user, char ret_there[PATH_MAX])
{
	char part[PATH_MAX];

	snprintf(ret_there, PATH_MAX, "/");
	for (size_t i = 1; i < PATH_MAX && path[i - 1] != '\0'; i++) {
		if (path[i] != '/' && path[i] != '\0') {
			continue;
		}
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (is_users(part, user)) {
			return true;
		}
		if (access(part, F_OK) == 0) {
			snprintf(ret_there, PATH_MAX, "%s", part);
		}
	}
	return false;
}

/* A directory that is made now, or is root's: what others have is theirs. */
static int give_directory(const char *path, const struct passwd *user, struct yett_error *error)
{
	char real[PATH_MAX];
	struct stat st;
	int fd = realpath(path, real) != NULL
			 ? open(real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			 : -1;
	int number = fd < 0 || fstat(fd, &st) != 0 ? errno : st.st_uid != 0 ? EPERM : 0;

	if (number == 0 && fchown(fd, user->pw_uid, user->pw_gid) != 0) {
		number = errno;
	}
	if (fd >= 0) {
		close(fd);
	}
	return number == 0 ? 0
			   : yett_fail(error, YETT_EPERM, "give it to the user by hand",
				     "%s cannot be given to %s: %s", path, user->pw_name,
				     strerror(number));
}

/* Where the user can change what a path leads to, root makes and gives nothing: it could be something else by then.
 * The user makes it himself, once the daemon is he. */
static int give(
	const char *path, const struct passwd *user, bool only_if_new, struct yett_error *error)
{
	char there[PATH_MAX], real[PATH_MAX], rest[PATH_MAX];
	struct stat st;

	if (only_if_new && stat(path, &st) == 0) {
		return 0;
	}
	if (leads_by_user(path, user, there) || realpath(there, real) == NULL ||
		leads_by_user(real, user, rest)) {
		return 0;
	}
	if (yett_file_mkdir(path, error) != 0) {
		return error->code;
	}
	return give_directory(path, user, error);
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
