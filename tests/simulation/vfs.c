/* SQLite's files on simulated disks.
 *
 * Responsible for a file system of SQLite's (sqlite3_vfs) whose files are those of the process that a
 * path names (disk.c), so that a store meets the same faults as a queue; for its locks and for the
 * shared memory of its write-ahead log, which are kept here, among all connections to one file. Not
 * responsible for faults themselves. One thread, so nobody ever waits for a lock: who meets one is told
 * that it is busy. The shared memory is gone with the last connection, as it is where the last process
 * has ended. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "disk.h"

#define PATH_SIZE   256
#define REGIONS_MAX 64

/* A database that is open: its locks, and the shared memory of its log. */
struct base {
	struct base *next;
	struct sim_disk *disk;
	char path[PATH_SIZE]; /* on the disk */
	unsigned references;
	unsigned shared;        /* holders of SHARED */
	void *reserved, *alone; /* the holder of RESERVED, of PENDING or EXCLUSIVE */
	void *regions[REGIONS_MAX];
	unsigned mapped; /* connections that use the shared memory */
	unsigned shm_shared[SQLITE_SHM_NLOCK];
	void *shm_alone[SQLITE_SHM_NLOCK];
};

struct file {
	sqlite3_file base; /* first */
	struct sim_process *process;
	int dir, file;
	bool name_unsynced; /* made by us: the first sync covers its name too */
	char name[64];      /* "": goes when it is closed */
	bool passing;
	bool read_only;
	int level;
	struct base *locks; /* of a main database */
	bool mapped;
	uint16_t shm_shared, shm_alone;
};

static struct base *bases;
static unsigned open_files;
static uint64_t random_state;

/* "/PROCESS/…/NAME": the process, the folder, the name. */
static struct sim_process *split(
	const char *path, char ret_folder[PATH_SIZE], const char **ret_name)
{
	const char *slash = strrchr(path, '/');

	YETT_REQUIRE(slash != NULL && (size_t)(slash - path) < PATH_SIZE);
	memcpy(ret_folder, path, (size_t)(slash - path));
	ret_folder[slash - path] = '\0';
	*ret_name = slash + 1;
	return sim_process_find(path);
}

static struct base *base_get(struct sim_process *process, const char *path)
{
	const char *shared = strstr(path, "/shared");
	const char *on_disk = shared != NULL ? shared : path;
	struct base *base = bases;

	while (base != NULL && (base->disk != process->disk || strcmp(base->path, on_disk) != 0)) {
		base = base->next;
	}
	if (base == NULL) {
		base = calloc(1, sizeof(*base));
		YETT_REQUIRE(base != NULL);
		base->disk = process->disk;
		snprintf(base->path, sizeof(base->path), "%s", on_disk);
		base->next = bases;
		bases = base;
	}
	base->references++;
	return base;
}

static void base_drop(struct base *base)
{
	struct base **at = &bases;

	if (--base->references > 0) {
		return;
	}
	while (*at != base) {
		at = &(*at)->next;
	}
	*at = base->next;
	free(base);
}

static int code_of(int result, int otherwise)
{
	return result == YETT_ENOSPC ? SQLITE_FULL : otherwise;
}

/* Files. */

static int file_unlock(sqlite3_file *arg, int level);
static int shm_unmap(sqlite3_file *arg, int remove);

static int file_close(sqlite3_file *arg)
{
	struct file *file = (struct file *)arg;
	const struct yett_files *files = &file->process->files;

	if (file->locks != NULL) {
		shm_unmap(arg, 0);
		file_unlock(arg, SQLITE_LOCK_NONE);
		base_drop(file->locks);
	}
	files->close(files->fs, file->file);
	if (file->passing) {
		files->remove(files->fs, file->dir, file->name);
	}
	files->dir_close(files->fs, file->dir);
	open_files--;
	return SQLITE_OK;
}

static int file_read(sqlite3_file *arg, void *bytes, int length, sqlite3_int64 offset)
{
	struct file *file = (struct file *)arg;
	const struct yett_files *files = &file->process->files;
	int64_t n = files->read(files->fs, file->file, bytes, (size_t)length, (uint64_t)offset);

	if (n < 0) {
		return SQLITE_IOERR_READ;
	}
	if (n < length) {
		memset((char *)bytes + n, 0, (size_t)(length - n));
		return SQLITE_IOERR_SHORT_READ;
	}
	return SQLITE_OK;
}

static int file_write(sqlite3_file *arg, const void *bytes, int length, sqlite3_int64 offset)
{
	struct file *file = (struct file *)arg;
	const struct yett_files *files = &file->process->files;
	struct iovec iov = {(void *)(uintptr_t)bytes, (size_t)length};
	int result = file->read_only
			     ? YETT_EPERM
			     : files->write(files->fs, file->file, &iov, 1, (uint64_t)offset);

	return result == 0 ? SQLITE_OK : code_of(result, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *arg, sqlite3_int64 length)
{
	struct file *file = (struct file *)arg;
	const struct yett_files *files = &file->process->files;

	return files->truncate(files->fs, file->file, (uint64_t)length) == 0
		       ? SQLITE_OK
		       : SQLITE_IOERR_TRUNCATE;
}

static int file_sync(sqlite3_file *arg, int flags)
{
	struct file *file = (struct file *)arg;
	const struct yett_files *files = &file->process->files;

	(void)flags;
	if (files->sync(files->fs, file->file) != 0) {
		return SQLITE_IOERR_FSYNC;
	}
	if (file->name_unsynced) {
		if (files->dir_sync(files->fs, file->dir) != 0) {
			return SQLITE_IOERR_DIR_FSYNC;
		}
		file->name_unsynced = false;
	}
	return SQLITE_OK;
}

static int file_size(sqlite3_file *arg, sqlite3_int64 *ret_length)
{
	struct file *file = (struct file *)arg;
	const struct yett_files *files = &file->process->files;
	int64_t length = files->length(files->fs, file->file);

	*ret_length = length;
	return length < 0 ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

/* Locks of the database file: NONE, SHARED, RESERVED, PENDING, EXCLUSIVE. */

static int file_lock(sqlite3_file *arg, int level)
{
	struct file *file = (struct file *)arg;
	struct base *base = file->locks;

	if (base == NULL || level <= file->level) {
		return SQLITE_OK;
	}
	if (level > SQLITE_LOCK_SHARED && file->read_only) {
		return SQLITE_IOERR_LOCK; /* as fcntl() does not lock for writing what is open for reading */
	}
	if (level == SQLITE_LOCK_SHARED) {
		if (base->alone != NULL) {
			return SQLITE_BUSY;
		}
		base->shared++;
	} else if (level == SQLITE_LOCK_RESERVED) {
		if (base->reserved != NULL && base->reserved != file) {
			return SQLITE_BUSY;
		}
		base->reserved = file;
	} else {
		if ((base->alone != NULL && base->alone != file) ||
			(base->reserved != NULL && base->reserved != file)) {
			return SQLITE_BUSY;
		}
		base->alone = file;
		if (level == SQLITE_LOCK_EXCLUSIVE && base->shared > 1) {
			file->level = SQLITE_LOCK_PENDING;
			return SQLITE_BUSY;
		}
	}
	file->level = level;
	return SQLITE_OK;
}

static int file_unlock(sqlite3_file *arg, int level)
{
	struct file *file = (struct file *)arg;
	struct base *base = file->locks;

	if (base == NULL || level >= file->level) {
		return SQLITE_OK;
	}
	if (base->alone == file) {
		base->alone = NULL;
	}
	if (base->reserved == file) {
		base->reserved = NULL;
	}
	if (level == SQLITE_LOCK_NONE && file->level >= SQLITE_LOCK_SHARED) {
		base->shared--;
	}
	file->level = level;
	return SQLITE_OK;
}

static int file_reserved(sqlite3_file *arg, int *ret_reserved)
{
	const struct file *file = (const struct file *)arg;

	*ret_reserved = file->locks != NULL &&
			(file->locks->reserved != NULL || file->locks->alone != NULL);
	return SQLITE_OK;
}

static int file_control(sqlite3_file *arg, int operation, void *with)
{
	(void)arg;
	(void)operation;
	(void)with;
	return SQLITE_NOTFOUND;
}

static int sector_size(sqlite3_file *arg)
{
	(void)arg;
	return 4096;
}

/* A crash changes nothing but what was being written: as SQLite takes it of any disk. */
static int characteristics(sqlite3_file *arg)
{
	(void)arg;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* Shared memory of the write-ahead log. */

static int shm_map(sqlite3_file *arg, int region, int size, int extend, void volatile **ret_memory)
{
	struct file *file = (struct file *)arg;
	struct base *base = file->locks;

	YETT_REQUIRE(base != NULL && region < REGIONS_MAX);
	if (!file->mapped) {
		file->mapped = true;
		base->mapped++;
	}
	if (base->regions[region] == NULL && extend != 0) {
		base->regions[region] = calloc(1, (size_t)size);
	}
	*ret_memory = base->regions[region];
	return SQLITE_OK;
}

static void shm_give_back(struct file *file, int from, int n)
{
	struct base *base = file->locks;

	for (int i = from; i < from + n; i++) {
		uint16_t bit = (uint16_t)(1u << i);

		if ((file->shm_shared & bit) != 0) {
			base->shm_shared[i]--;
		}
		if ((file->shm_alone & bit) != 0) {
			base->shm_alone[i] = NULL;
		}
		file->shm_shared = (uint16_t)(file->shm_shared & ~bit);
		file->shm_alone = (uint16_t)(file->shm_alone & ~bit);
	}
}

static int shm_lock(sqlite3_file *arg, int from, int n, int flags)
{
	struct file *file = (struct file *)arg;
	struct base *base = file->locks;
	bool alone = (flags & SQLITE_SHM_EXCLUSIVE) != 0;

	if ((flags & SQLITE_SHM_UNLOCK) != 0) {
		shm_give_back(file, from, n);
		return SQLITE_OK;
	}
	for (int i = from; i < from + n; i++) {
		bool mine = (file->shm_shared & 1u << i) != 0;

		if ((base->shm_alone[i] != NULL && base->shm_alone[i] != file) ||
			(alone && base->shm_shared[i] > (mine ? 1u : 0u))) {
			return SQLITE_BUSY;
		}
	}
	for (int i = from; i < from + n; i++) {
		uint16_t bit = (uint16_t)(1u << i);

		if (alone) {
			base->shm_alone[i] = file;
			file->shm_alone |= bit;
		} else if ((file->shm_shared & bit) == 0) {
			base->shm_shared[i]++;
			file->shm_shared |= bit;
		}
	}
	return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *arg)
{
	(void)arg; /* one thread */
}

static int shm_unmap(sqlite3_file *arg, int remove)
{
	struct file *file = (struct file *)arg;
	struct base *base = file->locks;

	(void)remove;
	if (!file->mapped) {
		return SQLITE_OK;
	}
	shm_give_back(file, 0, SQLITE_SHM_NLOCK);
	file->mapped = false;
	if (--base->mapped == 0) {
		for (int i = 0; i < REGIONS_MAX; i++) {
			free(base->regions[i]);
			base->regions[i] = NULL;
		}
	}
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = sector_size,
	.xDeviceCharacteristics = characteristics,
	.xShmMap = shm_map,
	.xShmLock = shm_lock,
	.xShmBarrier = shm_barrier,
	.xShmUnmap = shm_unmap,
};

/* The file system. */

static int open_flags(int flags)
{
	return ((flags & SQLITE_OPEN_READWRITE) != 0 ? O_RDWR : O_RDONLY) |
	       ((flags & SQLITE_OPEN_CREATE) != 0 ? O_CREAT : 0) |
	       ((flags & SQLITE_OPEN_EXCLUSIVE) != 0 ? O_EXCL : 0);
}

static int vfs_open(
	sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *arg, int flags, int *ret_flags)
{
	struct file *file = (struct file *)arg;
	const struct yett_files *files;
	char folder[PATH_SIZE];
	const char *name;
	struct sim_process *process;
	bool new_name;

	(void)vfs;
	memset(file, 0, sizeof(*file));
	YETT_REQUIRE(path != NULL); /* temp_store is memory */
	process = split(path, folder, &name);
	if (process == NULL) {
		return SQLITE_CANTOPEN;
	}
	files = &process->files;
	file->process = process;
	file->dir = files->dir_open(files->fs, folder);
	if (file->dir < 0) {
		return SQLITE_CANTOPEN;
	}
	file->file =
		files->open(files->fs, file->dir, name, open_flags(flags & ~SQLITE_OPEN_CREATE));
	new_name = file->file == YETT_ENOTFOUND && (flags & SQLITE_OPEN_CREATE) != 0;
	if (new_name) {
		file->file = files->open(files->fs, file->dir, name, open_flags(flags));
	}
	if (file->file < 0) {
		files->dir_close(files->fs, file->dir);
		return file->file == YETT_EIO ? SQLITE_IOERR : SQLITE_CANTOPEN;
	}
	file->name_unsynced = new_name && (flags & SQLITE_OPEN_MAIN_DB) == 0;
	file->passing = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
	file->read_only = (flags & SQLITE_OPEN_READWRITE) == 0;
	snprintf(file->name, sizeof(file->name), "%s", name);
	if ((flags & SQLITE_OPEN_MAIN_DB) != 0) {
		file->locks = base_get(process, path);
	}
	if (ret_flags != NULL) {
		*ret_flags = flags;
	}
	file->base.pMethods = &methods;
	open_files++;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	char folder[PATH_SIZE];
	const char *name;
	struct sim_process *process = split(path, folder, &name);
	const struct yett_files *files;
	int dir, result;

	(void)vfs;
	if (process == NULL) {
		return SQLITE_IOERR_DELETE;
	}
	files = &process->files;
	dir = files->dir_open(files->fs, folder);
	if (dir < 0) {
		return SQLITE_IOERR_DELETE;
	}
	result = files->remove(files->fs, dir, name);
	if (result == 0 && sync != 0 && files->dir_sync(files->fs, dir) != 0) {
		result = YETT_ESYNC;
	}
	files->dir_close(files->fs, dir);
	switch (result) {
	case 0:
		return SQLITE_OK;
	case YETT_ENOTFOUND:
		return SQLITE_IOERR_DELETE_NOENT;
	case YETT_ESYNC:
		return SQLITE_IOERR_DIR_FSYNC;
	default:
		return SQLITE_IOERR_DELETE;
	}
}

/* What has no ".db" in its name is a folder, and those are always there. As with SQLite's own, an empty
 * file passes for none. */
static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret_found)
{
	char folder[PATH_SIZE];
	const char *name;
	struct sim_process *process = split(path, folder, &name);
	const struct yett_files *files;
	int dir, file;

	(void)vfs;
	(void)flags;
	*ret_found = process != NULL && !process->dead && strstr(name, ".db") == NULL;
	if (process == NULL || process->dead || *ret_found) {
		return process != NULL && process->dead ? SQLITE_IOERR_ACCESS : SQLITE_OK;
	}
	files = &process->files;
	dir = files->dir_open(files->fs, folder);
	if (dir < 0) {
		return SQLITE_IOERR_ACCESS;
	}
	file = files->open(files->fs, dir, name, O_RDONLY);
	if (file >= 0) {
		*ret_found = files->length(files->fs, file) > 0;
		files->close(files->fs, file);
	}
	files->dir_close(files->fs, dir);
	return SQLITE_OK;
}

static int vfs_whole_path(sqlite3_vfs *vfs, const char *path, int size, char *ret_path)
{
	(void)vfs;
	snprintf(ret_path, (size_t)size, "%s", path);
	return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *vfs, int length, char *ret_bytes)
{
	(void)vfs;
	for (int i = 0; i < length; i++) {
		random_state = random_state * UINT64_C(6364136223846793005) +
			       UINT64_C(1442695040888963407);
		ret_bytes[i] = (char)(random_state >> 56);
	}
	return length;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
	(void)vfs;
	return microseconds; /* it passes in no time: nobody else can run meanwhile */
}

static int vfs_time(sqlite3_vfs *vfs, double *ret_days)
{
	(void)vfs;
	*ret_days = 2461041.5; /* 2026-01-01 */
	return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *ret_text)
{
	(void)vfs;
	if (size > 0) {
		ret_text[0] = '\0';
	}
	return 0;
}

static sqlite3_vfs vfs_sim = {
	.iVersion = 1,
	.szOsFile = sizeof(struct file),
	.mxPathname = PATH_SIZE - 1,
	.zName = "simulation",
	.xOpen = vfs_open,
	.xDelete = vfs_delete,
	.xAccess = vfs_access,
	.xFullPathname = vfs_whole_path,
	.xRandomness = vfs_random,
	.xSleep = vfs_sleep,
	.xCurrentTime = vfs_time,
	.xGetLastError = vfs_last_error,
};

void sim_vfs_use(uint64_t seed)
{
	YETT_REQUIRE(sqlite3_vfs_register(&vfs_sim, 1) == SQLITE_OK);
	random_state = seed;
	sqlite3_randomness(0, NULL);
}

unsigned sim_vfs_open_files(void)
{
	return open_files;
}
