/* What a loss of power would do to a program's files, for real processes: a library for LD_PRELOAD.
 *
 *     LD_PRELOAD=libshim.so YETT_SHIM_ROOT=/folder program …   then kill -9, then: undo /folder
 *
 * After kill -9 the kernel still has what the program wrote and did not sync; after a loss of power
 * it would not. So every change of a file below the root is preceded by what undoes it (journal.c),
 * which a sync of the file, or of the directory for names, makes void; `undo` takes back the rest.
 * Stricter than most file systems: a name is durable by a sync of its directory only.
 *
 * Responsible for the calls that change files, as programs here make them. What it does not cover
 * (shared writable mappings, links, O_SYNC, moves between directories …) ends the process with a line,
 * so that nothing passes unseen. Any thread. Real syncs are made, for their time and their errors.
 * Besides, a file system that turns read-only under the program: while the file ROOT/.undo/read-only is there,
 * nothing can be changed. Files that end in "-shm" are no durable state (SQLite's shared memory) and stay out of it. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "journal.h"

#define EXPORT __attribute__((visibility("default")))
/* The names that programs know a call by, beside its own. */
#define ALSO(name, of) EXPORT extern __typeof__(of) name __attribute__((alias(#of)))

static bool refused(void)
{
	if (!journal_read_only()) {
		return false;
	}
	errno = EROFS;
	return true;
}

/* Opening. */

static int open_followed(int dir, const char *name, int flags, mode_t mode, const char *path)
{
	struct change change = {.log = -1};
	struct followed *file;
	struct stat st;
	bool there = stat(path, &st) == 0;
	int fd;

	if ((flags & (O_SYNC | O_DSYNC)) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
		journal_die("O_SYNC, O_DSYNC and O_TMPFILE are not covered", path);
	}
	if (!there && (flags & O_CREAT) == 0) {
		return (int)syscall(SYS_openat, dir, name, flags, mode);
	}
	if ((!there || (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0) && refused()) {
		return -1;
	}
	pthread_mutex_lock(&journal_names);
	there = stat(path, &st) == 0;
	if (!there) {
		change = journal_name(UNDO_MADE, path, NULL, 0, 0);
	} else if (S_ISREG(st.st_mode) && (flags & O_EXCL) == 0) {
		file = journal_follow(path, &st);
		if ((flags & O_TRUNC) != 0 && st.st_size > 0) {
			fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
			pthread_mutex_lock(&file->lock);
			journal_bytes(file, fd, &st, 0, (uint64_t)st.st_size);
			pthread_mutex_unlock(&file->lock);
			close(fd);
		}
	}
	fd = (int)syscall(SYS_openat, dir, name, flags, mode);
	if (!there) {
		journal_end(change, fd >= 0);
		if (fd >= 0 && fstat(fd, &st) == 0) {
			journal_follow(path, &st);
		}
	}
	pthread_mutex_unlock(&journal_names);
	return fd;
}

EXPORT int openat(int dir, const char *name, int flags, ...)
{
	char path[PATH_MAX];
	mode_t mode = 0;
	va_list more;

	va_start(more, flags);
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
		mode = va_arg(more, mode_t);
	}
	va_end(more);
	if (((flags & O_ACCMODE) == O_RDONLY && (flags & (O_CREAT | O_TRUNC)) == 0) ||
		!journal_path(dir, name, path)) {
		return (int)syscall(SYS_openat, dir, name, flags, mode);
	}
	return open_followed(dir, name, flags, mode, path);
}
ALSO(openat64, openat);

EXPORT int open(const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list more;

	va_start(more, flags);
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
		mode = va_arg(more, mode_t);
	}
	va_end(more);
	return openat(AT_FDCWD, name, flags, mode);
}
ALSO(open64, open);

EXPORT int __open_2(const char *name, int flags);
EXPORT int __open_2(const char *name, int flags)
{
	return openat(AT_FDCWD, name, flags);
}
ALSO(__open64_2, __open_2);

EXPORT int __openat_2(int dir, const char *name, int flags);
EXPORT int __openat_2(int dir, const char *name, int flags)
{
	return openat(dir, name, flags);
}
ALSO(__openat64_2, __openat_2);

EXPORT int creat(const char *name, mode_t mode)
{
	return openat(AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, mode);
}
ALSO(creat64, creat);

/* What stdio writes does not come by here. */
EXPORT FILE *fopen(const char *name, const char *mode)
{
	FILE *(*real)(const char *, const char *);
	void *symbol = dlsym(RTLD_NEXT, "fopen");
	char path[PATH_MAX];

	if (strpbrk(mode, "wa+") != NULL && journal_path(AT_FDCWD, name, path)) {
		journal_die("writing through stdio is not covered", path);
	}
	memcpy(&real, &symbol, sizeof(real));
	return real(name, mode);
}
ALSO(fopen64, fopen);

/* Writing. */

static uint64_t total(const struct iovec *iov, int count)
{
	uint64_t length = 0;

	for (int i = 0; i < count; i++) {
		length += iov[i].iov_len;
	}
	return length;
}

/* Ends with the file's lock held, if it is followed. Offset -1: where the descriptor stands. */
static struct followed *before_write(int fd, off_t offset, uint64_t length)
{
	struct stat st;
	struct followed *file = journal_of(fd, &st);

	if (file == NULL) {
		return NULL;
	}
	pthread_mutex_lock(&file->lock);
	fstat(fd, &st);
	if (offset < 0) {
		offset = (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? st.st_size : lseek(fd, 0, SEEK_CUR);
	}
	if (length > 0) {
		journal_bytes(file, fd, &st, (uint64_t)offset, length);
	}
	return file;
}

static bool may_change(const struct followed *file)
{
	return file == NULL || !refused();
}

static ssize_t after(struct followed *file, long result)
{
	if (file != NULL) {
		pthread_mutex_unlock(&file->lock);
	}
	return (ssize_t)result;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t length)
{
	struct followed *file = before_write(fd, -1, length);

	return after(file, may_change(file) ? syscall(SYS_write, fd, bytes, length) : -1);
}

EXPORT ssize_t writev(int fd, const struct iovec *iov, int count)
{
	struct followed *file = before_write(fd, -1, total(iov, count));

	return after(file, may_change(file) ? syscall(SYS_writev, fd, iov, count) : -1);
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	struct followed *file = before_write(fd, offset, length);

	return after(
		file, may_change(file) ? syscall(SYS_pwrite64, fd, bytes, length, offset) : -1);
}
ALSO(pwrite64, pwrite);

EXPORT ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	struct followed *file = before_write(fd, offset, total(iov, count));

	return after(file, may_change(file) ? syscall(SYS_pwritev, fd, iov, count, offset, 0) : -1);
}
ALSO(pwritev64, pwritev);

EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	struct followed *file = before_write(fd, offset, total(iov, count));

	if (file != NULL && flags != 0) {
		journal_die("not covered", "pwritev2 with flags");
	}
	return after(file,
		may_change(file) ? syscall(SYS_pwritev2, fd, iov, count, offset, 0, flags) : -1);
}
ALSO(pwritev64v2, pwritev2);

static bool is_followed(int fd)
{
	struct stat st;

	return journal_of(fd, &st) != NULL;
}

EXPORT ssize_t sendfile(int to, int from, off_t *offset, size_t count)
{
	if (is_followed(to)) {
		journal_die("not covered", "sendfile");
	}
	return syscall(SYS_sendfile, to, from, offset, count);
}
ALSO(sendfile64, sendfile);

EXPORT ssize_t copy_file_range(
	int from, off_t *from_offset, int to, off_t *to_offset, size_t length, unsigned flags)
{
	if (is_followed(to)) {
		journal_die("not covered", "copy_file_range");
	}
	return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, length, flags);
}

EXPORT void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	if (fd >= 0 && (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0 &&
		is_followed(fd)) {
		journal_die("not covered", "a shared writable mapping");
	}
	return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}
ALSO(mmap64, mmap);

/* Lengths. */

EXPORT int ftruncate(int fd, off_t length)
{
	struct stat st;
	struct followed *file = length >= 0 ? journal_of(fd, &st) : NULL;

	if (file != NULL) {
		pthread_mutex_lock(&file->lock);
		fstat(fd, &st);
		if (length < st.st_size) {
			journal_bytes(
				file, fd, &st, (uint64_t)length, (uint64_t)(st.st_size - length));
		} else if (length > st.st_size) {
			journal_bytes(file, fd, &st, (uint64_t)st.st_size,
				(uint64_t)(length - st.st_size));
		}
	}
	return (int)after(file, may_change(file) ? syscall(SYS_ftruncate, fd, length) : -1);
}
ALSO(ftruncate64, ftruncate);

EXPORT int truncate(const char *name, off_t length)
{
	char path[PATH_MAX];

	if (journal_path(AT_FDCWD, name, path)) {
		journal_die("truncate is not covered", path);
	}
	return (int)syscall(SYS_truncate, name, length);
}
ALSO(truncate64, truncate);

EXPORT int fallocate(int fd, int mode, off_t offset, off_t length)
{
	struct stat st;
	struct followed *file = journal_of(fd, &st);

	if (file != NULL) {
		if (mode != 0) {
			journal_die("not covered", "fallocate with a mode");
		}
		pthread_mutex_lock(&file->lock);
		fstat(fd, &st);
		if (offset + length > st.st_size) {
			journal_bytes(file, fd, &st, (uint64_t)st.st_size,
				(uint64_t)(offset + length - st.st_size));
		}
	}
	return (int)after(
		file, may_change(file) ? syscall(SYS_fallocate, fd, mode, offset, length) : -1);
}
ALSO(fallocate64, fallocate);

EXPORT int posix_fallocate(int fd, off_t offset, off_t length)
{
	int kept = errno;
	int result = fallocate(fd, 0, offset, length) == 0 ? 0 : errno;

	errno = kept;
	return result;
}
ALSO(posix_fallocate64, posix_fallocate);

/* Syncs. */

static int sync_by(long call, int fd)
{
	struct stat st;
	struct followed *file = journal_of(fd, &st);
	int result;

	if (file != NULL) {
		pthread_mutex_lock(&file->lock);
		result = (int)syscall(call, fd);
		if (result == 0) {
			journal_synced(file);
		}
		pthread_mutex_unlock(&file->lock);
		return result;
	}
	if (!journal_active() || fstat(fd, &st) != 0 || !S_ISDIR(st.st_mode)) {
		return (int)syscall(call, fd);
	}
	pthread_mutex_lock(&journal_names);
	result = (int)syscall(call, fd);
	if (result == 0) {
		journal_folder_synced(st.st_ino);
	}
	pthread_mutex_unlock(&journal_names);
	return result;
}

EXPORT int fsync(int fd)
{
	return sync_by(SYS_fsync, fd);
}

EXPORT int fdatasync(int fd)
{
	return sync_by(SYS_fdatasync, fd);
}

EXPORT int sync_file_range(int fd, off_t offset, off_t length, unsigned flags)
{
	/* Makes nothing durable. */
	return (int)syscall(SYS_sync_file_range, fd, offset, length, flags);
}

/* Names. */

EXPORT int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	char path[PATH_MAX], to_path[PATH_MAX];
	bool from_ours = journal_path(from_dir, from, path);
	bool to_ours = journal_path(to_dir, to, to_path);
	struct stat st, to_st;
	struct change change;
	int result;

	if (!from_ours && !to_ours) {
		return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
	}
	if (from_ours != to_ours || flags != 0) {
		journal_die("renaming like this is not covered", path);
	}
	if (refused()) {
		return -1;
	}
	pthread_mutex_lock(&journal_names);
	if (stat(path, &st) != 0) {
		result = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
		pthread_mutex_unlock(&journal_names);
		return result;
	}
	journal_follow(path, &st);
	to_ours = stat(to_path, &to_st) == 0;
	if (to_ours) {
		journal_follow(to_path, &to_st);
	}
	change = journal_name(UNDO_RENAMED, path, to_path, st.st_ino, to_ours ? to_st.st_ino : 0);
	result = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
	journal_end(change, result == 0);
	pthread_mutex_unlock(&journal_names);
	return result;
}

EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat2(from_dir, from, to_dir, to, 0);
}

EXPORT int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int unlinkat(int dir, const char *name, int flags)
{
	char path[PATH_MAX];
	struct change change;
	struct stat st;
	int result;

	if (!journal_path(dir, name, path)) {
		return (int)syscall(SYS_unlinkat, dir, name, flags);
	}
	if (refused()) {
		return -1;
	}
	pthread_mutex_lock(&journal_names);
	if (lstat(path, &st) != 0 || S_ISSOCK(st.st_mode)) {
		result = (int)syscall(SYS_unlinkat, dir, name, flags);
	} else {
		journal_follow(path, &st);
		change = journal_name(UNDO_REMOVED, path, NULL, st.st_ino, 0);
		result = (int)syscall(SYS_unlinkat, dir, name, flags);
		journal_end(change, result == 0);
	}
	pthread_mutex_unlock(&journal_names);
	return result;
}

EXPORT int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

EXPORT int remove(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

EXPORT int mkdirat(int dir, const char *name, mode_t mode)
{
	char path[PATH_MAX];
	struct change change;
	struct stat st;
	int result;

	if (!journal_path(dir, name, path) || stat(path, &st) == 0) {
		return (int)syscall(SYS_mkdirat, dir, name, mode);
	}
	if (refused()) {
		return -1;
	}
	pthread_mutex_lock(&journal_names);
	change = journal_name(UNDO_MADE, path, NULL, 0, 0);
	result = (int)syscall(SYS_mkdirat, dir, name, mode);
	journal_end(change, result == 0);
	pthread_mutex_unlock(&journal_names);
	return result;
}

EXPORT int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

EXPORT int rmdir(const char *name)
{
	char path[PATH_MAX];

	if (journal_path(AT_FDCWD, name, path)) {
		journal_die("rmdir is not covered", path);
	}
	return (int)syscall(SYS_rmdir, name);
}

EXPORT int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	char path[PATH_MAX];

	if (journal_path(to_dir, to, path)) {
		journal_die("links are not covered", path);
	}
	return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

EXPORT int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int symlinkat(const char *what, int dir, const char *name)
{
	char path[PATH_MAX];

	if (journal_path(dir, name, path)) {
		journal_die("links are not covered", path);
	}
	return (int)syscall(SYS_symlinkat, what, dir, name);
}

EXPORT int symlink(const char *what, const char *name)
{
	return symlinkat(what, AT_FDCWD, name);
}
