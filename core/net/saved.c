/* Small files of state, whole, on the node's files.
 *
 * Responsible for replacing one so that any crash leaves the old or the new: written beside, synced,
 * renamed, the directory synced. The same as base/file.c, but on the table of files that a node is
 * made with, so that all that a node must not lose goes one way; and on a full disk, where there is
 * no room beside, a file of a sector at most is written over in place, if it stays as long as it is:
 * that needs no room, and a disk writes a sector whole or not at all. Any thread; blocks on the
 * disk, so not for the loop once it runs. Keeps nothing. */
#include "saved.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE  64
#define SECTOR_MAX 512

int yett_saved_read(const struct yett_files *files, const char *directory, const char *name,
	size_t limit, char **ret_bytes, size_t *ret_length)
{
	int dir = files->dir_open(files->fs, directory);
	char *bytes = NULL;
	int64_t length;
	int file;

	if (dir < 0) {
		return dir;
	}
	file = files->open(files->fs, dir, name, O_RDONLY | O_CLOEXEC);
	files->dir_close(files->fs, dir);
	if (file < 0) {
		return file;
	}
	bytes = malloc(limit + 2);
	length = bytes != NULL ? files->read(files->fs, file, bytes, limit + 1, 0) : YETT_ENOMEM;
	files->close(files->fs, file);
	if (length > (int64_t)limit) {
		length = YETT_ELIMIT;
	}
	if (length < 0) {
		free(bytes);
		return (int)length;
	}
	bytes[length] = '\0';
	*ret_bytes = bytes;
	*ret_length = (size_t)length;
	return 0;
}

static int write_beside(const struct yett_files *files, int dir, const char *beside,
	const void *bytes, size_t length)
{
	struct iovec iov = {(void *)(uintptr_t)bytes, length};
	int file, result;

	/* What a crash left there may have another mode or owner: never write into it. */
	result = files->remove(files->fs, dir, beside);
	if (result != 0 && result != YETT_ENOTFOUND) {
		return result;
	}
	file = files->open(files->fs, dir, beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC);
	if (file < 0) {
		return file;
	}
	result = files->write(files->fs, file, &iov, 1, 0);
	if (result == 0) {
		result = files->sync(files->fs, file);
	}
	files->close(files->fs, file);
	return result;
}

/* YETT_ENOSPC where that cannot be done. */
static int write_over(
	const struct yett_files *files, int dir, const char *name, const void *bytes, size_t length)
{
	struct iovec iov = {(void *)(uintptr_t)bytes, length};
	int file = length <= SECTOR_MAX ? files->open(files->fs, dir, name, O_RDWR | O_CLOEXEC)
					: YETT_ENOSPC;
	int result;

	if (file < 0) {
		return YETT_ENOSPC;
	}
	result = files->length(files->fs, file) == (int64_t)length
			 ? files->write(files->fs, file, &iov, 1, 0)
			 : YETT_ENOSPC;
	if (result == 0) {
		result = files->sync(files->fs, file);
	}
	files->close(files->fs, file);
	return result;
}

int yett_saved_write(const struct yett_files *files, const char *directory, const char *name,
	const void *bytes, size_t length, struct yett_error *error)
{
	int dir = files->dir_open(files->fs, directory);
	char beside[NAME_SIZE];
	int result = dir < 0 ? dir : 0;

	if (snprintf(beside, sizeof(beside), "%s.new", name) >= (int)sizeof(beside)) {
		result = result == 0 ? YETT_EINVAL : result;
	}
	if (result == 0) {
		result = write_beside(files, dir, beside, bytes, length);
		if (result == 0) {
			result = files->rename(files->fs, dir, beside, name);
		}
		if (result == 0) {
			result = files->dir_sync(files->fs, dir);
		} else {
			files->remove(files->fs, dir, beside);
		}
		if (result == YETT_ENOSPC) {
			result = write_over(files, dir, name, bytes, length);
		}
	}
	if (dir >= 0) {
		files->dir_close(files->fs, dir);
	}
	if (result == 0) {
		return 0;
	}
	return yett_fail(error, result,
		result == YETT_ENOSPC ? "make room on the device"
				      : "check that the directory is there, that the daemon's user "
					"may write it, and that it is not mounted read-only",
		"%s/%s cannot be written: %s", directory, name, yett_result_text(result));
}

int yett_saved_remove(const struct yett_files *files, const char *directory, const char *name)
{
	int dir = files->dir_open(files->fs, directory), result;

	if (dir < 0) {
		return dir;
	}
	result = files->remove(files->fs, dir, name);
	if (result == 0) {
		result = files->dir_sync(files->fs, dir);
	} else if (result == YETT_ENOTFOUND) {
		result = 0;
	}
	files->dir_close(files->fs, dir);
	return result;
}
