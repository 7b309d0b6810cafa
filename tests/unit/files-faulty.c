/* A faulty file system in memory, for tests and simulations.
 *
 * Each file stands twice: as a process sees it (`now`), and as it would be found after a crash
 * (`disk`); written sectors are dirty until a sync takes them over. Names stand twice too, with a
 * journal of changes since the last sync of a directory. A crash builds the second from the
 * first, as far as it is told to. No thread waits in here for anything but the lock. */
#include "files-faulty.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files-faulty-state.h"

#define PATH_SIZE   256
#define DIRS_MAX    16
#define HANDLES_MAX 256

/* inode NULL: the name goes; else it comes, in place of what had it. */
struct change {
	int dir;
	char name[FAULTY_NAME_SIZE];
	struct faulty_inode *inode;
};

struct handle {
	bool used;
	bool lock;
	int dir; /* of a directory: its index; of a file: -1 */
	struct faulty_inode *inode;
};

struct yett_faulty {
	struct yett_files files;
	pthread_mutex_t lock;
	uint64_t state; /* of chance */
	char dirs[DIRS_MAX][PATH_SIZE];
	int dirs_count;
	struct faulty_names now;
	struct faulty_names disk;
	struct change *journal;
	size_t journal_count;
	size_t journal_room;
	struct handle handles[HANDLES_MAX];
	uint64_t operations;
	uint64_t syncs;
	uint64_t fail_at;
	int fail_with;
	bool fail_forever;
	uint64_t fail_sync_at;
	struct faulty_refusal reads;
	struct faulty_refusal opens;
};

static uint64_t chance(struct yett_faulty *faulty, uint64_t below)
{
	uint64_t z = (faulty->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return below == 0 ? 0 : (z ^ (z >> 31)) % below;
}

static void change(
	struct yett_faulty *faulty, int dir, const char *name, struct faulty_inode *inode)
{
	struct change *item;

	faulty_names_set(&faulty->now, dir, name, inode);
	if (faulty->journal_count == faulty->journal_room) {
		faulty->journal_room = faulty->journal_room == 0 ? 16 : faulty->journal_room * 2;
		faulty->journal = faulty_must(
			realloc(faulty->journal, faulty->journal_room * sizeof(*faulty->journal)));
	}
	item = &faulty->journal[faulty->journal_count++];
	item->dir = dir;
	snprintf(item->name, sizeof(item->name), "%s", name);
	item->inode = inode != NULL ? faulty_inode_ref(inode) : NULL;
}

/* Makes the first `count` changes of the journal durable (of `dir`; -1: of all) and forgets
 * them. */
static void journal_apply(struct yett_faulty *faulty, int dir, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < faulty->journal_count; i++) {
		struct change *item = &faulty->journal[i];

		if (i < count && (dir < 0 || item->dir == dir)) {
			faulty_names_set(&faulty->disk, item->dir, item->name, item->inode);
			faulty_inode_unref(item->inode);
		} else {
			faulty->journal[kept++] = *item;
		}
	}
	faulty->journal_count = kept;
}

/* What was done to a name before somebody from outside has made it durable, in another way, is no more. */
static void journal_forget(struct yett_faulty *faulty, int dir, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < faulty->journal_count; i++) {
		struct change *item = &faulty->journal[i];

		if (item->dir == dir && strcmp(item->name, name) == 0) {
			faulty_inode_unref(item->inode);
		} else {
			faulty->journal[kept++] = *item;
		}
	}
	faulty->journal_count = kept;
}

static void journal_drop(struct yett_faulty *faulty)
{
	while (faulty->journal_count > 0) {
		faulty_inode_unref(faulty->journal[--faulty->journal_count].inode);
	}
}

/* 0, or what the plan says. */
static int step(struct yett_faulty *faulty)
{
	uint64_t number = ++faulty->operations;

	if (faulty->fail_at != 0 &&
		(number == faulty->fail_at || (faulty->fail_forever && number > faulty->fail_at))) {
		return faulty->fail_with;
	}
	return 0;
}

static int handle_new(struct yett_faulty *faulty, int dir, struct faulty_inode *inode, bool lock)
{
	for (int i = 0; i < HANDLES_MAX; i++) {
		struct handle *handle = &faulty->handles[i];

		if (!handle->used) {
			*handle = (struct handle){true, lock, dir, NULL};
			handle->inode = inode != NULL ? faulty_inode_ref(inode) : NULL;
			return i;
		}
	}
	return YETT_ELIMIT;
}

static struct handle *handle_of(struct yett_faulty *faulty, int number)
{
	if (number < 0 || number >= HANDLES_MAX || !faulty->handles[number].used) {
		abort(); /* a handle that is not one is a mistake of the caller */
	}
	return &faulty->handles[number];
}

static struct faulty_inode *file_of(struct yett_faulty *faulty, int number)
{
	return faulty_must(handle_of(faulty, number)->inode);
}

#define ENTER                                                                                      \
	struct yett_faulty *faulty = fs;                                                           \
	pthread_mutex_lock(&faulty->lock)
#define LEAVE(x)                                                                                   \
	do {                                                                                       \
		pthread_mutex_unlock(&faulty->lock);                                               \
		return (x);                                                                        \
	} while (0)

static int dir_index(struct yett_faulty *faulty, const char *path)
{
	for (int i = 0; i < faulty->dirs_count; i++) {
		if (strcmp(faulty->dirs[i], path) == 0) {
			return i;
		}
	}
	if (faulty->dirs_count == DIRS_MAX) {
		return YETT_ELIMIT;
	}
	snprintf(faulty->dirs[faulty->dirs_count], PATH_SIZE, "%s", path);
	return faulty->dirs_count++;
}

static int dir_open(void *fs, const char *path)
{
	int dir;

	ENTER;
	dir = dir_index(faulty, path);
	LEAVE(dir < 0 ? dir : handle_new(faulty, dir, NULL, false));
}

static int file_close(void *fs, int number)
{
	struct handle *handle;

	ENTER;
	handle = handle_of(faulty, number);
	if (handle->lock) {
		handle->inode->locked = false;
	}
	faulty_inode_unref(handle->inode);
	handle->used = false;
	LEAVE(0);
}

static int dir_sync(void *fs, int dir)
{
	int result;

	ENTER;
	result = step(faulty);
	if (result == 0) {
		journal_apply(faulty, handle_of(faulty, dir)->dir, faulty->journal_count);
	}
	LEAVE(result);
}

static int dir_list(void *fs, int dir, int (*visit)(void *arg, const char *name), void *arg)
{
	struct faulty_name *items;
	size_t count;
	int index;
	int result = 0;
	struct yett_faulty *faulty = fs;

	/* The visitor may call back in: it gets a copy. */
	pthread_mutex_lock(&faulty->lock);
	index = handle_of(faulty, dir)->dir;
	count = faulty->now.count;
	items = faulty_must(malloc((count + 1) * sizeof(*items)));
	if (count > 0) {
		memcpy(items, faulty->now.items, count * sizeof(*items));
	}
	pthread_mutex_unlock(&faulty->lock);
	for (size_t i = 0; i < count && result == 0; i++) {
		if (items[i].dir == index) {
			result = visit(arg, items[i].name);
		}
	}
	free(items);
	return result;
}

static int file_open(void *fs, int dir, const char *name, int flags)
{
	struct faulty_name *item;
	struct faulty_inode *inode;
	int index;
	int result;

	ENTER;
	index = handle_of(faulty, dir)->dir;
	item = faulty_names_find(&faulty->now, index, name);
	if (item == NULL && (flags & O_CREAT) == 0) {
		LEAVE(YETT_ENOTFOUND);
	}
	if (item != NULL && (flags & O_EXCL) != 0) {
		LEAVE(YETT_EEXIST);
	}
	if (item != NULL && faulty_refuses_open(&faulty->opens, name)) {
		LEAVE(faulty->opens.result);
	}
	if (item == NULL) {
		result = step(faulty);
		if (result < 0) {
			LEAVE(result);
		}
		inode = faulty_must(calloc(1, sizeof(*inode)));
		faulty_inode_ref(inode);
		faulty_inode_room(inode, FAULTY_SECTOR);
		change(faulty, index, name, inode);
		result = handle_new(faulty, -1, inode, false);
		faulty_inode_unref(inode);
		LEAVE(result);
	}
	if ((flags & O_TRUNC) != 0) {
		memset(item->inode->now, 0, item->inode->room);
		memset(item->inode->dirty, 1, item->inode->room / FAULTY_SECTOR);
		item->inode->now_length = 0;
	}
	LEAVE(handle_new(faulty, -1, item->inode, false));
}

static int file_write(void *fs, int file, const struct iovec *iov, int n, uint64_t offset)
{
	struct faulty_inode *inode;
	size_t left = 0;
	int result;

	ENTER;
	inode = file_of(faulty, file);
	result = step(faulty);
	for (int i = 0; i < n; i++) {
		left += iov[i].iov_len;
	}
	if (result < 0) {
		left = chance(faulty, left + 1); /* a part of it is there all the same */
	}
	for (int i = 0; i < n && left > 0; i++) {
		size_t length = iov[i].iov_len < left ? iov[i].iov_len : left;

		faulty_inode_write(inode, iov[i].iov_base, length, offset);
		offset += length;
		left -= length;
	}
	LEAVE(result);
}

static int64_t file_read(void *fs, int file, void *ret_bytes, size_t length, uint64_t offset)
{
	struct faulty_inode *inode;

	ENTER;
	inode = file_of(faulty, file);
	if (faulty_refuses_read(&faulty->reads, &faulty->now, inode, length, offset)) {
		LEAVE(faulty->reads.result);
	}
	if (offset >= inode->now_length) {
		LEAVE(0);
	}
	if (length > inode->now_length - offset) {
		length = inode->now_length - offset;
	}
	memcpy(ret_bytes, inode->now + offset, length);
	LEAVE((int64_t)length);
}

static int file_allocate(void *fs, int file, uint64_t length)
{
	struct faulty_inode *inode;
	int result;

	ENTER;
	inode = file_of(faulty, file);
	result = step(faulty);
	if (result == 0) {
		faulty_inode_room(inode, length);
		if (length > inode->now_length) {
			inode->now_length = length;
		}
	}
	LEAVE(result);
}

static int file_truncate(void *fs, int file, uint64_t length)
{
	struct faulty_inode *inode;
	int result;

	ENTER;
	inode = file_of(faulty, file);
	result = step(faulty);
	if (result == 0) {
		faulty_inode_room(inode, length);
		if (length < inode->room) {
			memset(inode->now + length, 0, inode->room - length);
			memset(inode->dirty + length / FAULTY_SECTOR, 1,
				inode->room / FAULTY_SECTOR - length / FAULTY_SECTOR);
		}
		inode->now_length = length;
	}
	LEAVE(result);
}

static int file_sync(void *fs, int file)
{
	struct faulty_inode *inode;
	int result;

	ENTER;
	inode = file_of(faulty, file);
	result = step(faulty);
	if (++faulty->syncs == faulty->fail_sync_at) {
		result = YETT_ESYNC;
	}
	for (size_t i = 0; i < inode->room / FAULTY_SECTOR; i++) {
		if (inode->dirty[i] && (result == 0 || chance(faulty, 2) == 0)) {
			memcpy(inode->disk + i * FAULTY_SECTOR, inode->now + i * FAULTY_SECTOR,
				FAULTY_SECTOR);
		}
	}
	if (result == 0 || !faulty->fail_forever) {
		/* Also after a failure: that is Linux. Not where the process died in it. */
		memset(inode->dirty, 0, inode->room / FAULTY_SECTOR);
	}
	if (result == 0) {
		inode->disk_length = inode->now_length;
	}
	LEAVE(result < 0 ? YETT_ESYNC : 0);
}

static int64_t file_length(void *fs, int file)
{
	int64_t length;

	ENTER;
	length = (int64_t)file_of(faulty, file)->now_length;
	LEAVE(length);
}

static int file_rename(void *fs, int dir, const char *from, const char *to)
{
	struct faulty_name *item;
	struct faulty_inode *inode;
	int index;
	int result;

	ENTER;
	index = handle_of(faulty, dir)->dir;
	item = faulty_names_find(&faulty->now, index, from);
	if (item == NULL) {
		LEAVE(YETT_ENOTFOUND);
	}
	result = step(faulty);
	if (result == 0) {
		inode = faulty_inode_ref(item->inode);
		change(faulty, index, to, inode);
		change(faulty, index, from, NULL);
		faulty_inode_unref(inode);
	}
	LEAVE(result);
}

static int file_remove(void *fs, int dir, const char *name)
{
	int index;
	int result;

	ENTER;
	index = handle_of(faulty, dir)->dir;
	if (faulty_names_find(&faulty->now, index, name) == NULL) {
		LEAVE(YETT_ENOTFOUND);
	}
	result = step(faulty);
	if (result == 0) {
		change(faulty, index, name, NULL);
	}
	LEAVE(result);
}

static int file_lock(void *fs, int dir, const char *name)
{
	struct yett_faulty *faulty = fs;
	int file = file_open(fs, dir, name, O_RDWR | O_CREAT);
	struct handle *handle;

	if (file < 0) {
		return file;
	}
	pthread_mutex_lock(&faulty->lock);
	handle = handle_of(faulty, file);
	if (handle->inode->locked) {
		pthread_mutex_unlock(&faulty->lock);
		file_close(fs, file);
		return YETT_EPERM;
	}
	handle->inode->locked = true;
	handle->lock = true;
	LEAVE(file);
}

struct yett_faulty *yett_faulty_new(uint64_t seed)
{
	struct yett_faulty *faulty = faulty_must(calloc(1, sizeof(*faulty)));

	pthread_mutex_init(&faulty->lock, NULL);
	faulty->state = seed;
	faulty->files = (struct yett_files){
		.size = sizeof(faulty->files),
		.fs = faulty,
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
	return faulty;
}

struct yett_faulty *yett_faulty_clone(const struct yett_faulty *from)
{
	struct yett_faulty *faulty = yett_faulty_new(from->state);

	memcpy(faulty->dirs, from->dirs, sizeof(faulty->dirs));
	faulty->dirs_count = from->dirs_count;
	for (size_t i = 0; i < from->now.count; i++) {
		const struct faulty_name *name = &from->now.items[i];

		yett_faulty_put(faulty, from->dirs[name->dir], name->name, name->inode->now,
			name->inode->now_length);
	}
	return faulty;
}

void yett_faulty_free(struct yett_faulty *faulty)
{
	yett_faulty_crash(faulty, YETT_FAULTY_NOTHING);
	faulty_names_clear(&faulty->now);
	faulty_names_clear(&faulty->disk);
	free(faulty->journal);
	pthread_mutex_destroy(&faulty->lock);
	free(faulty);
}

const struct yett_files *yett_faulty_files(struct yett_faulty *faulty)
{
	return &faulty->files;
}

void yett_faulty_plan(struct yett_faulty *faulty, uint64_t at, int result, bool forever)
{
	faulty->operations = 0;
	faulty->fail_at = at;
	faulty->fail_with = result;
	faulty->fail_forever = forever;
}

void yett_faulty_plan_sync(struct yett_faulty *faulty, uint64_t at)
{
	faulty->syncs = 0;
	faulty->fail_sync_at = at;
}

void yett_faulty_plan_read(
	struct yett_faulty *faulty, const char *name, uint64_t from, uint64_t to, int result)
{
	faulty->reads = (struct faulty_refusal){.from = from, .to = to, .result = result};
	snprintf(faulty->reads.name, FAULTY_NAME_SIZE, "%s", name != NULL ? name : "");
}

void yett_faulty_plan_open(struct yett_faulty *faulty, const char *ending, int result)
{
	faulty->opens = (struct faulty_refusal){.result = result};
	snprintf(faulty->opens.name, FAULTY_NAME_SIZE, "%s", ending);
}

uint64_t yett_faulty_operations(const struct yett_faulty *faulty)
{
	return faulty->operations;
}

/* What of the dirty sectors reaches the disk. */
static void inode_crash(
	struct yett_faulty *faulty, struct faulty_inode *inode, enum yett_faulty_crash how)
{
	size_t sectors = inode->room / FAULTY_SECTOR;
	size_t upto = how == YETT_FAULTY_PREFIX ? chance(faulty, sectors + 1) : sectors;

	if (how == YETT_FAULTY_EVERYTHING) {
		memcpy(inode->disk, inode->now, inode->room);
		inode->disk_length = inode->now_length;
	}
	for (size_t i = 0; i < upto && how >= YETT_FAULTY_PREFIX; i++) {
		if (inode->dirty[i] && (how == YETT_FAULTY_PREFIX || chance(faulty, 2) == 0)) {
			memcpy(inode->disk + i * FAULTY_SECTOR, inode->now + i * FAULTY_SECTOR,
				FAULTY_SECTOR);
		}
	}
	if (how >= YETT_FAULTY_PREFIX && chance(faulty, 2) == 0) {
		inode->disk_length = inode->now_length;
	}
	if (inode->disk_length < inode->room) {
		memset(inode->disk + inode->disk_length, 0, inode->room - inode->disk_length);
	}
	memcpy(inode->now, inode->disk, inode->room);
	memset(inode->dirty, 0, sectors);
	inode->now_length = inode->disk_length;
	inode->locked = false;
}

void yett_faulty_crash(struct yett_faulty *faulty, enum yett_faulty_crash how)
{
	for (int i = 0; i < HANDLES_MAX; i++) {
		if (faulty->handles[i].used) {
			faulty_inode_unref(faulty->handles[i].inode);
			faulty->handles[i].used = false;
		}
	}
	if (how == YETT_FAULTY_KILLED) {
		for (size_t i = 0; i < faulty->now.count; i++) {
			faulty->now.items[i].inode->locked = false;
		}
		yett_faulty_plan(faulty, 0, 0, false);
		yett_faulty_plan_sync(faulty, 0);
		return;
	}
	if (how == YETT_FAULTY_EVERYTHING) {
		journal_apply(faulty, -1, faulty->journal_count);
	} else if (how != YETT_FAULTY_NOTHING) {
		journal_apply(faulty, -1, chance(faulty, faulty->journal_count + 1));
	}
	journal_drop(faulty);
	faulty_names_clear(&faulty->now);
	for (size_t i = 0; i < faulty->disk.count; i++) {
		struct faulty_name *name = &faulty->disk.items[i];

		inode_crash(faulty, name->inode, how);
		faulty_names_set(&faulty->now, name->dir, name->name, name->inode);
	}
	yett_faulty_plan(faulty, 0, 0, false);
	yett_faulty_plan_sync(faulty, 0);
}

size_t yett_faulty_handles(const struct yett_faulty *faulty)
{
	size_t count = 0;

	for (int i = 0; i < HANDLES_MAX; i++) {
		count += faulty->handles[i].used;
	}
	return count;
}

const char *yett_faulty_name(const struct yett_faulty *faulty, size_t n)
{
	return n < faulty->now.count ? faulty->now.items[n].name : NULL;
}

uint8_t *yett_faulty_bytes(struct yett_faulty *faulty, const char *name, size_t *ret_length)
{
	struct faulty_name *item = faulty_names_anywhere(&faulty->now, name);

	if (item == NULL) {
		return NULL;
	}
	*ret_length = item->inode->now_length;
	return item->inode->now;
}

void yett_faulty_flip(struct yett_faulty *faulty, const char *name, size_t offset, unsigned bit)
{
	struct faulty_inode *inode = faulty_names_anywhere(&faulty->now, name)->inode;

	inode->now[offset] ^= (uint8_t)(1u << bit);
	inode->disk[offset] ^= (uint8_t)(1u << bit);
}

void yett_faulty_put(struct yett_faulty *faulty, const char *path, const char *name,
	const void *bytes, size_t length)
{
	struct faulty_inode *inode = faulty_must(calloc(1, sizeof(*inode)));
	int dir = dir_index(faulty, path);

	faulty_inode_ref(inode);
	faulty_inode_room(inode, length + 1);
	if (length > 0) {
		memcpy(inode->now, bytes, length);
		memcpy(inode->disk, bytes, length);
	}
	inode->now_length = length;
	inode->disk_length = length;
	journal_forget(faulty, dir, name);
	faulty_names_set(&faulty->now, dir, name, inode);
	faulty_names_set(&faulty->disk, dir, name, inode);
	faulty_inode_unref(inode);
}

bool yett_faulty_take(struct yett_faulty *faulty, const char *name)
{
	struct faulty_name *item = faulty_names_anywhere(&faulty->now, name);
	int dir;

	if (item == NULL) {
		return false;
	}
	dir = item->dir;
	journal_forget(faulty, dir, name);
	faulty_names_set(&faulty->now, dir, name, NULL);
	faulty_names_set(&faulty->disk, dir, name, NULL);
	return true;
}

void yett_faulty_cut(struct yett_faulty *faulty, const char *name, size_t length)
{
	struct faulty_name *item = faulty_names_anywhere(&faulty->now, name);

	if (item != NULL && length < item->inode->now_length) {
		memset(item->inode->now + length, 0, item->inode->room - length);
		memset(item->inode->disk + length, 0, item->inode->room - length);
		item->inode->now_length = length;
		item->inode->disk_length = length;
	}
}
