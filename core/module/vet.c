/* Vets files before they are loaded as code.
 *
 * Responsible for: the owner and the mode of a module's file and of each folder on the way to it,
 * checked through descriptors, so that what was checked is what is opened. Symbolic links are followed
 * here, one by one, so that the folder that a link lies in is held to the same rules as the one that it
 * leads to. Not for what the file holds (load.c). Runs at start-up and at reload, on the main thread;
 * keeps nothing. A folder that others may write is refused unless it is root's and sticky, as /tmp is:
 * there, nobody else may replace what is ours. Nothing but a regular file is ever opened for reading
 * (a pipe would make us wait). */
#include "vet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel has it */

struct walk {
	int at; /* the folder that we are in */
	unsigned links;
	char seen[PATH_MAX]; /* its path, "" for the root */
	char rest[PATH_MAX]; /* what is still to be walked */
};

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

static int failed(const char *path, int number, struct yett_error *error)
{
	return yett_fail(error, number == ENOENT ? YETT_ENOTFOUND : yett_result_from_errno(number),
		number == ENOENT ? "check the name and `module-directory`"
				 : "check the path and its permissions",
		"%s: %s", path, strerror(number));
}

static int enter_root(struct walk *walk, struct yett_error *error)
{
	struct stat st;

	if (walk->at >= 0) {
		close(walk->at);
	}
	walk->seen[0] = '\0';
	walk->at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (walk->at < 0 || fstat(walk->at, &st) != 0) {
		return failed("/", errno, error);
	}
	return vet_folder("/", &st, error);
}

/* Puts what the link `fd` says in the place of its own name. */
static int follow(struct walk *walk, int fd, const char *path, const struct stat *st,
	const char *behind, struct yett_error *error)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t length;

	if (!owner_is_fine(st)) {
		return yett_fail(error, YETT_EPERM, "name the file that the link leads to",
			"the link %s belongs to user %u, neither root nor the daemon's user", path,
			(unsigned)st->st_uid);
	}
	length = ++walk->links > LINKS_MAX ? -1 : readlinkat(fd, "", target, sizeof(target) - 1);
	if (length < 0) {
		return failed(path, walk->links > LINKS_MAX ? ELOOP : errno, error);
	}
	target[length] = '\0';
	if (snprintf(rest, sizeof(rest), "%s/%s", target, behind) >= (int)sizeof(rest)) {
		return failed(path, ENAMETOOLONG, error);
	}
	memcpy(walk->rest, rest, sizeof(rest));
	return target[0] == '/' ? enter_root(walk, error) : 0;
}

/* The vetted file, opened for reading: the same file, whatever has its name now. */
static int open_file(
	int fd, const char *path, const struct stat *st, int *ret_fd, struct yett_error *error)
{
	char through[64];
	int result = vet_file(path, st, error), file;

	if (result != 0) {
		return result;
	}
	snprintf(through, sizeof(through), "/proc/self/fd/%d", fd);
	file = open(through, O_RDONLY | O_CLOEXEC);
	if (file < 0) {
		return failed(path, errno, error);
	}
	*ret_fd = file;
	return 0;
}

/* One name further: 0, or 1 with the file, or an error. */
static int step(struct walk *walk, int *ret_fd, struct yett_error *error)
{
	char name[NAME_MAX + 1], path[PATH_MAX], behind[PATH_MAX];
	size_t slashes = strspn(walk->rest, "/");
	size_t length = strcspn(walk->rest + slashes, "/");
	const char *tail = walk->rest + slashes + length;
	struct stat st;
	int fd, result;

	tail += strspn(tail, "/");
	if (length > NAME_MAX || snprintf(path, sizeof(path), "%s/%.*s", walk->seen, (int)length,
					 walk->rest + slashes) >= (int)sizeof(path)) {
		return failed(walk->rest, ENAMETOOLONG, error);
	}
	snprintf(name, sizeof(name), "%.*s", (int)length, walk->rest + slashes);
	snprintf(behind, sizeof(behind), "%s", tail);
	fd = openat(walk->at, name[0] != '\0' ? name : ".", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		return failed(path, errno, error);
	}
	if (fstat(fd, &st) != 0) {
		result = failed(path, errno, error);
	} else if (S_ISLNK(st.st_mode)) {
		result = follow(walk, fd, path, &st, behind, error);
	} else if (behind[0] == '\0') {
		result = open_file(fd, path, &st, ret_fd, error);
		result = result == 0 ? 1 : result;
	} else if (!S_ISDIR(st.st_mode)) {
		result = failed(path, ENOTDIR, error);
	} else {
		result = vet_folder(path, &st, error);
		if (result == 0) {
			close(walk->at);
			walk->at = fd;
			memcpy(walk->seen, path, sizeof(path));
			memcpy(walk->rest, behind, sizeof(behind));
			return 0;
		}
	}
	close(fd);
	return result;
}

int yett_vet_open(const char *path, int *ret_fd, struct yett_error *error)
{
	struct walk walk = {.at = -1};
	char here[PATH_MAX] = "";
	int result;

	if (path[0] != '/' && getcwd(here, sizeof(here)) == NULL) {
		return failed(path, errno, error);
	}
	if (snprintf(walk.rest, sizeof(walk.rest), "%s/%s", here, path) >= (int)sizeof(walk.rest)) {
		return failed(path, ENAMETOOLONG, error);
	}
	result = enter_root(&walk, error);
	while (result == 0) {
		result = step(&walk, ret_fd, error);
	}
	if (walk.at >= 0) {
		close(walk.at);
	}
	return result > 0 ? 0 : result;
}
