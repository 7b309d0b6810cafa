/* Processes and the disks that they use.
 *
 * Responsible for what a process meets when it uses its disk: the moment at which it dies, syncs that
 * fail, writes that are short, a disk that is full; all by the disk's chance, so by the seed. Not
 * responsible for what a crash leaves of what was not synced (unit/files-faulty.c). One thread. A
 * process that is dead does nothing any more: each call fails, but for those that close, so that the
 * node around it can be taken down. */
#include "disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define PROCESSES_MAX 128
#define HANDLES_MAX   256

struct sim_disk {
	struct yett_faulty *faulty;
	uint64_t state; /* of chance */
	bool of_queue[HANDLES_MAX];
};

static struct sim_process *processes[PROCESSES_MAX];

static uint64_t chance(struct sim_disk *disk, uint64_t below)
{
	uint64_t z = (disk->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % below;
}

static bool one_in(struct sim_process *process, uint64_t many)
{
	if (many == 0 || chance(process->disk, many) != 0) {
		return false;
	}
	process->failures++;
	return true;
}

static const struct yett_files *below(const struct sim_process *process)
{
	return yett_faulty_files(process->disk->faulty);
}

static void die(struct sim_process *process)
{
	process->dead = true;
	if (process->died != NULL) {
		process->died(process->died_arg);
	}
}

/* Whether the process comes to do this operation; `ret_last`: it dies in it. */
static bool lives(struct sim_process *process, bool *ret_last)
{
	if (process->dead) {
		return false;
	}
	process->operations++;
	*ret_last = process->operations == process->faults.kill_at;
	if (*ret_last) {
		die(process);
	}
	return true;
}

#define BELOW                                                                                      \
	struct sim_process *process = fs;                                                          \
	const struct yett_files *files = below(process)
#define BELOW_IF_ALIVE                                                                             \
	BELOW;                                                                                     \
	if (process->dead) {                                                                       \
		return YETT_EIO;                                                                   \
	}

/* The part of a path that names a process is not part of it on disk where several share it. */
static const char *on_disk(const char *path)
{
	const char *shared = strstr(path, "/shared");

	return shared != NULL ? shared : path;
}

static int dir_open(void *fs, const char *path)
{
	BELOW_IF_ALIVE
	return files->dir_open(files->fs, on_disk(path));
}

static int dir_close(void *fs, int dir)
{
	BELOW;
	return files->dir_close(files->fs, dir);
}

static int dir_list(void *fs, int dir, int (*visit)(void *arg, const char *name), void *arg)
{
	BELOW_IF_ALIVE
	return files->dir_list(files->fs, dir, visit, arg);
}

static bool is_of_queue(const char *name)
{
	return strstr(name, ".seg") != NULL || strstr(name, ".rng") != NULL ||
	       strncmp(name, "manifest-", strlen("manifest-")) == 0;
}

static int file_open(void *fs, int dir, const char *name, int flags)
{
	bool last = false;
	int file;

	BELOW;
	if (!lives(process, &last) || last) {
		return YETT_EIO;
	}
	file = files->open(files->fs, dir, name, flags);
	if (file >= 0) {
		YETT_REQUIRE(file < HANDLES_MAX);
		process->disk->of_queue[file] = is_of_queue(name);
	}
	return file;
}

static int file_close(void *fs, int file)
{
	BELOW;
	return files->close(files->fs, file);
}

/* A write that is not done whole: some of it is there, of all that it had to write. */
static void write_part(const struct sim_process *process, const struct yett_files *files, int file,
	const struct iovec *iov, int n, uint64_t offset)
{
	uint64_t left = 0;

	for (int i = 0; i < n; i++) {
		left += iov[i].iov_len;
	}
	left = chance(process->disk, left + 1);
	for (int i = 0; i < n && left > 0; i++) {
		struct iovec part = iov[i];

		part.iov_len = part.iov_len < left ? part.iov_len : (size_t)left;
		if (part.iov_len > 0) {
			files->write(files->fs, file, &part, 1, offset);
		}
		offset += part.iov_len;
		left -= part.iov_len;
	}
}

static int file_write(void *fs, int file, const struct iovec *iov, int n, uint64_t offset)
{
	bool last = false;
	int result = 0;

	BELOW;
	if (!lives(process, &last)) {
		return YETT_EIO;
	}
	if (last || one_in(process, process->faults.write_fails)) {
		result = YETT_EIO;
	} else if (process->faults.full || one_in(process, process->faults.write_is_full)) {
		int64_t length = files->length(files->fs, file);
		uint64_t end = offset;

		for (int i = 0; i < n; i++) {
			end += iov[i].iov_len;
		}
		result = length >= 0 && end > (uint64_t)length ? YETT_ENOSPC : 0;
	}
	if (result != 0) {
		write_part(process, files, file, iov, n, offset);
		return result;
	}
	return files->write(files->fs, file, iov, n, offset);
}

/* The way to the disk is gone for a moment: a few reads in a row, and then one at least succeeds. */
static bool refuses(struct sim_process *process)
{
	if (process->read_fails == 0 && one_in(process, process->faults.read_fails)) {
		process->read_fails = 2 + (unsigned)chance(process->disk, 3);
	}
	if (process->read_fails > 0) {
		process->read_fails--;
	}
	return process->read_fails > 0;
}

static int64_t file_read(void *fs, int file, void *ret_bytes, size_t length, uint64_t offset)
{
	BELOW_IF_ALIVE
	if (process->disk->of_queue[file] && refuses(process)) {
		return YETT_EIO;
	}
	return files->read(files->fs, file, ret_bytes, length, offset);
}

static int file_allocate(void *fs, int file, uint64_t length)
{
	bool last = false;

	BELOW;
	if (!lives(process, &last) || last) {
		return YETT_EIO;
	}
	if (process->faults.full || one_in(process, process->faults.write_is_full)) {
		return YETT_ENOSPC;
	}
	return files->allocate(files->fs, file, length);
}

static int file_truncate(void *fs, int file, uint64_t length)
{
	bool last = false;

	BELOW;
	return !lives(process, &last) || last ? YETT_EIO : files->truncate(files->fs, file, length);
}

static int file_sync(void *fs, int file)
{
	bool last = false;

	BELOW;
	if (!lives(process, &last) || last) {
		return YETT_ESYNC;
	}
	if (one_in(process, process->faults.sync_fails)) {
		yett_faulty_plan_sync(process->disk->faulty, 1);
	}
	return files->sync(files->fs, file);
}

static int dir_sync(void *fs, int dir)
{
	bool last = false;

	BELOW;
	if (!lives(process, &last) || last || one_in(process, process->faults.sync_fails)) {
		return YETT_ESYNC;
	}
	return files->dir_sync(files->fs, dir);
}

static int64_t file_length(void *fs, int file)
{
	BELOW_IF_ALIVE
	return files->length(files->fs, file);
}

static int file_rename(void *fs, int dir, const char *from, const char *to)
{
	bool last = false;

	BELOW;
	return !lives(process, &last) || last ? YETT_EIO : files->rename(files->fs, dir, from, to);
}

static int file_remove(void *fs, int dir, const char *name)
{
	bool last = false;

	BELOW;
	return !lives(process, &last) || last ? YETT_EIO : files->remove(files->fs, dir, name);
}

static int file_lock(void *fs, int dir, const char *name)
{
	BELOW_IF_ALIVE
	return files->lock(files->fs, dir, name);
}

static const struct yett_files table = {
	.size = sizeof(table),
	.dir_open = dir_open,
	.dir_close = dir_close,
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

struct sim_disk *sim_disk_new(uint64_t seed)
{
	struct sim_disk *disk = calloc(1, sizeof(*disk));

	YETT_REQUIRE(disk != NULL);
	disk->faulty = yett_faulty_new(seed);
	disk->state = seed ^ UINT64_C(0x5851f42d4c957f2d);
	return disk;
}

void sim_disk_free(struct sim_disk *disk)
{
	YETT_REQUIRE(yett_faulty_handles(disk->faulty) == 0);
	yett_faulty_free(disk->faulty);
	free(disk);
}

struct yett_faulty *sim_disk_faulty(struct sim_disk *disk)
{
	return disk->faulty;
}

void sim_disk_crash(struct sim_disk *disk, enum yett_faulty_crash how)
{
	YETT_REQUIRE(yett_faulty_handles(disk->faulty) == 0);
	yett_faulty_crash(disk->faulty, how);
}

struct yett_faulty *sim_disk_snapshot(const struct sim_disk *disk)
{
	return yett_faulty_clone(disk->faulty);
}

void sim_disk_restore(struct sim_disk *disk, const struct yett_faulty *snapshot)
{
	YETT_REQUIRE(yett_faulty_handles(disk->faulty) == 0);
	yett_faulty_free(disk->faulty);
	disk->faulty = yett_faulty_clone(snapshot);
}

struct sim_process *sim_process_new(struct sim_disk *disk, const char *name)
{
	struct sim_process *process = calloc(1, sizeof(*process));

	YETT_REQUIRE(process != NULL);
	process->files = table;
	process->files.fs = process;
	process->disk = disk;
	snprintf(process->name, sizeof(process->name), "%s", name);
	for (int i = 0; i < PROCESSES_MAX; i++) {
		if (processes[i] == NULL) {
			processes[i] = process;
			return process;
		}
	}
	abort();
}

void sim_process_free(struct sim_process *process)
{
	for (int i = 0; i < PROCESSES_MAX; i++) {
		if (processes[i] == process) {
			processes[i] = NULL;
		}
	}
	free(process);
}

struct sim_process *sim_process_find(const char *path)
{
	for (int i = 0; i < PROCESSES_MAX; i++) {
		size_t length = processes[i] != NULL ? strlen(processes[i]->name) : 0;

		if (length > 0 && path[0] == '/' &&
			strncmp(path + 1, processes[i]->name, length) == 0 &&
			(path[length + 1] == '/' || path[length + 1] == '\0')) {
			return processes[i];
		}
	}
	return NULL;
}
