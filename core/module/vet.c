/* Vets files before they are loaded as code.
 *
 * Responsible for: the owner and the mode of a module's file and of each folder above it, checked
 * through descriptors, so that what was checked is what is opened. Not for what the file holds
 * (load.c). Runs at start-up and at reload, on the main thread; keeps nothing. A folder that others
 * may write is refused unless it is root's and sticky, as /tmp is: there, nobody else may replace
 * what is ours. */
#include "vet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool owner_is_fine(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

static int vet_folder(const char *path, const struct stat *st, struct yett_error *error)
{
	bool shared = (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;

	if (!owner_is_fine(st)) {
		return yett_fail(error, YETT_EPERM,
			"give the folder to root, or to the daemon's user",
			"the folder %s belongs to user %u, who could replace the module", path,
			(unsigned)st->st_uid);
	}
	if (shared && !(st->st_uid == 0 && (st->st_mode & S_ISVTX) != 0)) {
		return yett_fail(error, YETT_EPERM, "chmod go-w the folder",
			"the folder %s may be written by group or others, who could replace the "
			"module",
			path);
	}
	return 0;
}

static int vet_file(const char *path, const struct stat *st, struct yett_error *error)
{
	if (!S_ISREG(st->st_mode)) {
		return yett_fail(
			error, YETT_EPERM, "name a module's file", "%s is no regular file", path);
	}
	if (!owner_is_fine(st)) {
		return yett_fail(error, YETT_EPERM, "chown the file to root",
			"%s belongs to user %u, neither root nor the daemon's user", path,
			(unsigned)st->st_uid);
	}
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		return yett_fail(error, YETT_EPERM, "chmod go-w the file",
			"%s may be written by group or others (mode %04o)", path,
			(unsigned)(st->st_mode & 07777));
	}
	return 0;
}

/* Walks from / to the file, each step opened relative to the one before. */
static int open_along(char *path, int *ret_fd, struct yett_error *error)
{
	int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *next = path + 1;
	struct stat st;
	int result = 0;

	while (at >= 0) {
		char *slash = strchr(next, '/');
		int fd;

		if (slash != NULL) {
			*slash = '\0';
		}
		fd = openat(at, next,
			O_CLOEXEC | O_NOFOLLOW | (slash != NULL ? O_PATH | O_DIRECTORY : O_RDONLY));
		close(at);
		at = fd;
		if (fd < 0 || fstat(fd, &st) != 0) {
			result = yett_fail(error, yett_result_from_errno(errno),
				"check the path and its permissions", "%s: %s", path,
				strerror(errno));
			break;
		}
		result = slash != NULL ? vet_folder(path, &st, error) : vet_file(path, &st, error);
		if (result != 0) {
			break;
		}
		if (slash == NULL) {
			*ret_fd = fd;
			return 0;
		}
		*slash = '/';
		next = slash + 1;
	}
	if (at >= 0) {
		close(at);
	}
	return result != 0 ? result : yett_fail(error, YETT_EIO, NULL, "cannot open /");
}

int yett_vet_open(const char *path, int *ret_fd, struct yett_error *error)
{
	char real[PATH_MAX];

	if (realpath(path, real) == NULL) {
		return yett_fail(error,
			errno == ENOENT ? YETT_ENOTFOUND : yett_result_from_errno(errno),
			"check the name and `module-directory`", "%s: %s", path, strerror(errno));
	}
	return open_along(real, ret_fd, error);
}
