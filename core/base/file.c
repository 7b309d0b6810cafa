/* Small files of state, whole.
 *
 * Responsible for reading one with a limit, for replacing one so that any crash leaves the old or the
 * new (written beside, synced, renamed, the directory synced), and for directories that a crash does
 * not take away with all that was synced in them. Files have mode 0600. Any thread; blocks on the
 * disk, so not for the loop once it runs, but at start-up. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct yett_error *error, const char *what, const char *path)
{
	int number = errno;

	return yett_fail(error, yett_result_from_errno(number),
		number == ENOSPC || number == EDQUOT ? "make room on the device"
		: number == EROFS                    ? "mount the file system for writing"
				  : "check that it is there and that the daemon's user may use it",
		"%s cannot be %s: %s", path, what, strerror(number));
}

int yett_file_read(const char *path, size_t limit, char **ret_bytes, size_t *ret_length,
	struct yett_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes = NULL;
	size_t length = 0;
	int result = 0;

	if (fd < 0) {
		return fail(error, "read", path);
	}
	bytes = malloc(limit + 1);
	if (bytes == NULL) {
		close(fd);
		return yett_fail(error, YETT_ENOMEM, NULL, "no memory to read %s", path);
	}
	for (;;) {
		ssize_t n = read(fd, bytes + length, limit + 1 - length);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			result = fail(error, "read", path);
			break;
		}
		if (n == 0) {
			break;
		}
		length += (size_t)n;
		if (length > limit) {
			result = yett_fail(error, YETT_ELIMIT, NULL, "%s is larger than %zu bytes",
				path, limit);
			break;
		}
	}
	close(fd);
	if (result != 0) {
		free(bytes);
		return result;
	}
	bytes[length] = '\0';
	*ret_bytes = bytes;
	*ret_length = length;
	return 0;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -1;
		}
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

static int sync_directory(const char *path)
{
	char copy[PATH_MAX];
	int fd, result;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		return -1;
	}
	result = fsync(fd);
	close(fd);
	return result;
}

int yett_file_write(const char *path, const void *bytes, size_t length, struct yett_error *error)
{
	char beside[PATH_MAX];
	int fd;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside)) {
		return yett_fail(error, YETT_EINVAL, NULL, "%s is too long a path", path);
	}
	/* What a crash left there may have another mode or owner: never write into it. */
	if (unlink(beside) != 0 && errno != ENOENT) {
		return fail(error, "removed", beside);
	}
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return fail(error, "written", beside);
	}
	if (write_all(fd, bytes, length) != 0 || fsync(fd) != 0) {
		int result = fail(error, "written", beside);

		close(fd);
		unlink(beside);
		return result;
	}
	close(fd);
	if (rename(beside, path) != 0) {
		int result = fail(error, "replaced", path);

		unlink(beside);
		return result;
	}
	return sync_directory(path) == 0 ? 0 : fail(error, "made durable", path);
}

int yett_file_rename(const char *from, const char *to, struct yett_error *error)
{
	if (rename(from, to) != 0) {
		return fail(error, "named", to);
	}
	return sync_directory(to) == 0 ? 0 : fail(error, "made durable", to);
}

static int make_directory(const char *path, mode_t mode, struct yett_error *error)
{
	struct stat st;

	if (mkdir(path, mode) == 0) {
		return sync_directory(path) == 0 ? 0 : fail(error, "made durable", path);
	}
	if (errno != EEXIST) {
		return fail(error, "made", path);
	}
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		return yett_fail(error, YETT_EEXIST, "move it away, or configure another path",
			"%s cannot be made: there is something else of this name", path);
	}
	/* Who made it may have died before its sync; one that we may not read is not ours. */
	(void)sync_directory(path);
	return 0;
}

int yett_file_mkdir(const char *path, struct yett_error *error)
{
	char copy[PATH_MAX];
	size_t length;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy)) {
		return yett_fail(error, YETT_EINVAL, NULL, "%s is too long a path", path);
	}
	length = strlen(copy);
	while (length > 1 && copy[length - 1] == '/') {
		copy[--length] = '\0';
	}
	if (length == 0) {
		return yett_fail(error, YETT_EINVAL, NULL, "a directory without a name");
	}
	for (char *at = copy + 1; *at != '\0'; at++) {
		if (*at == '/') {
			int result;

			*at = '\0';
			result = make_directory(copy, 0755, error);
			if (result != 0) {
				return result;
			}
			*at = '/';
		}
	}
	return make_directory(copy, 0700, error);
}
