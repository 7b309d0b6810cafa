/* The files that SQLite does not make itself: the database as an empty file, and small ones beside it.
 *
 * The database is made here, on the host's files, so that it is 0600 whatever the umask says. Names are
 * synced whenever a writer connects: SQLite syncs the name of a log only where it made the log itself
 * and that log's first sync succeeds, so a log that it finds may be one that a power cut takes away. A
 * file beside it is replaced whole: what a crash leaves is the old one or the new.
 * Whether something is there is asked of SQLite's own file system, which is the one that opens it.
 */
#include "internal.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool yett_sqlite_file_exists(const char *path)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	int found = 0;

	return vfs != NULL && vfs->xAccess(vfs, path, SQLITE_ACCESS_EXISTS, &found) == SQLITE_OK &&
	       found != 0;
}

void yett_sqlite_file_resolve(struct yett_sqlite *store)
{
	char *real = realpath(store->path, NULL);

	if (real != NULL) {
		free(store->path);
		store->path = real;
	}
}

/* Opens the folder of the database; `ret_name` is what it is called there, with the suffix. Given:
 * `*ret_name`. */
static int open_folder(const struct yett_sqlite *store, const char *suffix, char **ret_name)
{
	const struct yett_files *files = store->host->files;
	size_t room = strlen(store->path) + strlen(suffix) + 8;
	char *path = strdup(store->path), *copy = strdup(store->path), *name = malloc(room);
	int dir = YETT_ENOMEM;

	if (path != NULL && copy != NULL && name != NULL) {
		char *folder = dirname(path);

		snprintf(name, room, "%s%s", basename(copy), suffix);
		dir = yett_sqlite_file_exists(folder) ? files->dir_open(files->fs, folder)
						      : YETT_ENOTFOUND;
	}
	free(path);
	free(copy);
	if (dir < 0) {
		free(name);
		return dir;
	}
	*ret_name = name;
	return dir;
}

static int fail(
	const struct yett_sqlite *store, int result, const char *doing, struct yett_error *error)
{
	const char *mend = "give the daemon's user the right to write the file and its folder";

	if (result == YETT_ESYNC || result == YETT_EIO) {
		mend = "check the disk";
	} else if (result == YETT_ENOSPC) {
		mend = "free space on the file system, or lower the setting \"size\"";
	} else if (result == YETT_ENOTFOUND) {
		mend = "make the folder, or correct the setting \"path\"";
	}
	return store->host->fail(error, result, mend, "%s: cannot %s: %s", store->path, doing,
		store->host->result_text(result));
}

int yett_sqlite_file_make(struct yett_sqlite *store, struct yett_error *error)
{
	const struct yett_files *files = store->host->files;
	char *name = NULL;
	int dir, file;

	if (yett_sqlite_file_exists(store->path)) {
		return 0;
	}
	dir = open_folder(store, "", &name);
	if (dir < 0) {
		return fail(store, dir, "make the database", error);
	}
	file = files->open(files->fs, dir, name, O_RDWR | O_CREAT | O_CLOEXEC);
	if (file >= 0) {
		files->close(files->fs, file);
	}
	files->dir_close(files->fs, dir);
	free(name);
	return file < 0 ? fail(store, file, "make the database", error) : 0;
}

/* Reads all of it and writes it where it was. */
static int write_all_again(const struct yett_files *files, int file, uint8_t *bytes, size_t chunk)
{
	uint64_t at = 0;
	int64_t got;
	int result = 0;

	while (result == 0 && (got = files->read(files->fs, file, bytes, chunk, at)) != 0) {
		struct iovec iov = {bytes, (size_t)got};

		result = got < 0 ? (int)got : files->write(files->fs, file, &iov, 1, at);
		at += (uint64_t)got;
	}
	return result < 0 ? result : files->sync(files->fs, file);
}

void yett_sqlite_side_make(const struct yett_sqlite *store, const char *suffix)
{
	const struct yett_files *files = store->host->files;
	char *name = NULL;
	int dir = open_folder(store, suffix, &name);
	int file;

	if (dir < 0) {
		return;
	}
	file = files->open(files->fs, dir, name, O_RDWR | O_CREAT | O_CLOEXEC);
	if (file >= 0) {
		files->close(files->fs, file);
	}
	files->dir_close(files->fs, dir);
	free(name);
}

void yett_sqlite_side_remove(const struct yett_sqlite *store, const char *suffix)
{
	const struct yett_files *files = store->host->files;
	char *name = NULL;
	int dir = open_folder(store, suffix, &name);

	if (dir >= 0) {
		files->remove(files->fs, dir, name);
		files->dir_close(files->fs, dir);
		free(name);
	}
}

int yett_sqlite_side_again(
	const struct yett_sqlite *store, const char *suffix, size_t chunk, struct yett_error *error)
{
	const struct yett_files *files = store->host->files;
	char *name = NULL;
	int dir = open_folder(store, suffix, &name);
	uint8_t *bytes = malloc(chunk);
	int file, result;

	result = dir < 0 ? dir : bytes == NULL ? YETT_ENOMEM : 0;
	if (result == 0) {
		file = result = files->open(files->fs, dir, name, O_RDWR | O_CLOEXEC);
		if (file >= 0) {
			result = write_all_again(files, file, bytes, chunk);
			files->close(files->fs, file);
		}
	}
	if (dir >= 0) {
		files->dir_close(files->fs, dir);
		free(name);
	}
	free(bytes);
	return result < 0 ? fail(store, result, "write its log again", error) : 0;
}

int yett_sqlite_names_sync(const struct yett_sqlite *store, struct yett_error *error)
{
	const struct yett_files *files = store->host->files;
	char *name = NULL;
	int dir = open_folder(store, "", &name);
	int result = dir < 0 ? dir : files->dir_sync(files->fs, dir);

	if (dir >= 0) {
		files->dir_close(files->fs, dir);
		free(name);
	}
	return result < 0 ? fail(store, result, "make its names durable", error) : 0;
}

int yett_sqlite_side_read(
	const struct yett_sqlite *store, const char *suffix, char *ret_text, size_t size)
{
	const struct yett_files *files = store->host->files;
	char *name = NULL;
	int dir = open_folder(store, suffix, &name);
	int64_t length;
	int file;

	if (dir < 0) {
		return dir;
	}
	file = files->open(files->fs, dir, name, O_RDONLY | O_CLOEXEC);
	length = file < 0 ? file : files->read(files->fs, file, ret_text, size - 1, 0);
	if (file >= 0) {
		files->close(files->fs, file);
	}
	files->dir_close(files->fs, dir);
	free(name);
	if (length < 0) {
		return (int)length;
	}
	ret_text[length] = '\0';
	return 0;
}

static int replace(const struct yett_files *files, int dir, const char *fresh, const char *name,
	const char *text)
{
	struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
	int file = files->open(files->fs, dir, fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC);
	int result;

	if (file < 0) {
		return file;
	}
	result = files->write(files->fs, file, &iov, 1, 0);
	if (result == 0) {
		result = files->sync(files->fs, file);
	}
	files->close(files->fs, file);
	if (result == 0) {
		result = files->rename(files->fs, dir, fresh, name);
	}
	return result < 0 ? result : files->dir_sync(files->fs, dir);
}

int yett_sqlite_side_write(const struct yett_sqlite *store, const char *suffix, const char *text)
{
	const struct yett_files *files = store->host->files;
	char *name = NULL, *fresh;
	int dir = open_folder(store, suffix, &name);
	int result = YETT_ENOMEM;
	size_t room;

	if (dir < 0) {
		return dir;
	}
	room = strlen(name) + 8;
	fresh = malloc(room);
	if (fresh != NULL) {
		snprintf(fresh, room, "%s-new", name);
		result = replace(files, dir, fresh, name, text);
	}
	files->dir_close(files->fs, dir);
	free(fresh);
	free(name);
	return result;
}
