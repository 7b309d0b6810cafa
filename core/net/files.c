/* The operating system's files.
 *
 * Responsible for the file calls of yett/host.h on a real disk: whole writes or an error, results as
 * YETT_E…, names relative to an open directory. A failed fdatasync is YETT_ESYNC, and stays so for
 * the caller to act on: Linux may report success the next time. Any thread; keeps nothing. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../base/error.h"
#include "../base/file.h"

#define PIECES_MAX 1024 /* IOV_MAX */

static int last_error(void)
{
	return yett_result_from_errno(errno);
}

static int dir_open(void *fs, const char *path)
{
	int fd, result;

	(void)fs;
	result = yett_file_mkdir(path, NULL);
	if (result != 0) {
		return result;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : last_error();
}

static int file_close(void *fs, int file)
{
	(void)fs;
	return close(file) == 0 ? 0 : last_error();
}

static int dir_sync(void *fs, int dir)
{
	(void)fs;
	return fsync(dir) == 0 ? 0 : YETT_ESYNC;
}

static int dir_list(void *fs, int dir, int (*visit)(void *arg, const char *name), void *arg)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	int result = 0;

	(void)fs;
	if (stream == NULL) {
		result = last_error();
		if (fd >= 0) {
			close(fd);
		}
		return result;
	}
	for (errno = 0; result == 0 && (entry = readdir(stream)) != NULL; errno = 0) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			result = visit(arg, entry->d_name);
		}
	}
	if (result == 0 && errno != 0) {
		result = last_error();
	}
	closedir(stream);
	return result;
}

static int file_open(void *fs, int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);

	(void)fs;
	return fd >= 0 ? fd : last_error();
}

/* Writes up to PIECES_MAX pieces of a copy, whose front is moved on after a short write. */
static int write_some(int file, struct iovec *iov, int n, uint64_t *offset)
{
	while (n > 0) {
		ssize_t written;

		if (iov->iov_len == 0) { /* alone it would look like a write of nothing */
			iov++;
			n--;
			continue;
		}
		written = pwritev(file, iov, n, (off_t)*offset);
		if (written < 0 && errno == EINTR) {
			continue;
		}
		if (written <= 0) {
			return written < 0 ? last_error() : YETT_EIO;
		}
		*offset += (uint64_t)written;
		while (n > 0 && (size_t)written >= iov->iov_len) {
			written -= (ssize_t)iov->iov_len;
			iov++;
			n--;
		}
		if (n > 0) {
			iov->iov_base = (char *)iov->iov_base + written;
			iov->iov_len -= (size_t)written;
		}
	}
	return 0;
}

static int file_write(void *fs, int file, const struct iovec *iov, int n, uint64_t offset)
{
	struct iovec copy[PIECES_MAX];
	int result = 0;

	(void)fs;
	while (n > 0 && result == 0) {
		int some = n < PIECES_MAX ? n : PIECES_MAX;

		memcpy(copy, iov, (size_t)some * sizeof(*iov));
		result = write_some(file, copy, some, &offset);
		iov += some;
		n -= some;
	}
	return result;
}

static int64_t file_read(void *fs, int file, void *ret_bytes, size_t length, uint64_t offset)
{
	size_t done = 0;

	(void)fs;
	while (done < length) {
		ssize_t n = pread(
			file, (char *)ret_bytes + done, length - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return last_error();
		}
		if (n == 0) {
			break;
		}
		done += (size_t)n;
	}
	return (int64_t)done;
}

static int file_allocate(void *fs, int file, uint64_t length)
{
	int number;

	(void)fs;
	do {
		number = posix_fallocate(file, 0, (off_t)length);
	} while (number == EINTR);
	return number == 0 ? 0 : yett_result_from_errno(number);
}

static int file_truncate(void *fs, int file, uint64_t length)
{
	(void)fs;
	return ftruncate(file, (off_t)length) == 0 ? 0 : last_error();
}

static int file_sync(void *fs, int file)
{
	(void)fs;
	return fdatasync(file) == 0 ? 0 : YETT_ESYNC;
}

static int64_t file_length(void *fs, int file)
{
	struct stat st;

	(void)fs;
	return fstat(file, &st) == 0 ? (int64_t)st.st_size : last_error();
}

static int file_rename(void *fs, int dir, const char *from, const char *to)
{
	(void)fs;
	return renameat(dir, from, dir, to) == 0 ? 0 : last_error();
}

static int file_remove(void *fs, int dir, const char *name)
{
	(void)fs;
	return unlinkat(dir, name, 0) == 0 ? 0 : last_error();
}

static int file_lock(void *fs, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	(void)fs;
	if (fd < 0) {
		return last_error();
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int result = errno == EWOULDBLOCK ? YETT_EPERM : last_error();

		close(fd);
		return result;
	}
	return fd;
}

const struct yett_files yett_files_system = {
	.size = sizeof(struct yett_files),
	.dir_open = dir_open,
	.dir_close = file_close,
	.dir_sync = dir_sync,
	.dir_list = dir_list,
	.open = file_open,
	.close = file_close,
	.write = file_write,
	.read = file_read,
	.allocate = file_allocate,
	.truncate = file_truncate,
	.sync = file_sync,
	.length = file_length,
	.rename = file_rename,
	.remove = file_remove,
	.lock = file_lock,
};
