/* The undo journal, as the shim writes it (undo.h says what stands there).
 *
 * Responsible for knowing the files that are followed, for writing what undoes a change before it is
 * made, and for forgetting it after a sync. Not responsible for which calls make changes (shim.c) nor
 * for undoing (undo.c). Speaks to the kernel by syscall(), so that it never comes back into the shim.
 * Any thread: the list has its lock, each file its own, names theirs. What cannot be kept ends the
 * process with a line that says why: a test must not go on with a journal that lies. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PIECE 65536

pthread_mutex_t journal_names = PTHREAD_MUTEX_INITIALIZER;

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct followed *list;
static const char *root;
static size_t root_length;
static dev_t root_device;
static int folder = -1; /* ROOT/.undo */

void journal_die(const char *what, const char *about)
{
	char line[512];
	int length =
		snprintf(line, sizeof(line), "shim: %s: %s (%s)\n", what, about, strerror(errno));

	syscall(SYS_write, 2, line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line));
	abort();
}

static int open_in(int dir, const char *name, int flags)
{
	return (int)syscall(SYS_openat, dir, name, flags | O_CLOEXEC, 0600);
}

static struct followed *find(ino_t inode, bool make)
{
	struct followed *file;

	pthread_mutex_lock(&list_lock);
	for (file = list; file != NULL && file->inode != inode; file = file->next) {
	}
	if (file == NULL && make) {
		file = calloc(1, sizeof(*file));
		if (file == NULL) {
			journal_die("no memory", "a followed file");
		}
		file->inode = inode;
		file->log = -1;
		pthread_mutex_init(&file->lock, NULL);
		file->next = list;
		list = file;
	}
	pthread_mutex_unlock(&list_lock);
	return file;
}

/* What an earlier process of this disk has not synced is still not synced. */
static void find_earlier(const char *path)
{
	char buffer[32768];
	int dir = open_in(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	long length;

	while ((length = syscall(SYS_getdents64, dir, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < length;) {
			/* struct linux_dirent64: inode, offset, length of the entry, type, name */
			unsigned short step;
			const char *name = buffer + at + 19;

			memcpy(&step, buffer + at + 16, sizeof(step));
			at += step;
			if (name[0] == 'f') {
				find((ino_t)strtoull(name + 1, NULL, 10), true);
			}
		}
	}
	close(dir);
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("YETT_SHIM_ROOT");
	char name[PATH_MAX];
	struct stat st;

	if (path == NULL || path[0] != '/') {
		return;
	}
	snprintf(name, sizeof(name), "%s/" UNDO_FOLDER, path);
	syscall(SYS_mkdir, name, 0700);
	folder = open_in(AT_FDCWD, name, O_RDONLY | O_DIRECTORY);
	if (folder < 0 || fstat(folder, &st) != 0) {
		journal_die("no journal", name);
	}
	root_device = st.st_dev;
	root_length = strlen(path);
	root = strdup(path);
	find_earlier(name);
}

bool journal_active(void)
{
	return root != NULL;
}

bool journal_read_only(void)
{
	return folder >= 0 && syscall(SYS_faccessat, folder, "read-only", F_OK) == 0;
}

bool journal_path(int dir, const char *name, char ret_path[PATH_MAX])
{
	char link[64];
	ssize_t length = 0;
	size_t undo = strlen(UNDO_FOLDER), end = strlen(UNDO_VOLATILE);

	if (root == NULL || name == NULL) {
		return false;
	}
	if (name[0] != '/') {
		if (dir == AT_FDCWD) {
			snprintf(link, sizeof(link), "/proc/self/cwd");
		} else {
			snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
		}
		length = readlink(link, ret_path, PATH_MAX - 2);
		if (length < 0) {
			return false;
		}
		ret_path[length++] = '/';
	}
	if ((size_t)length + strlen(name) >= PATH_MAX) {
		return false;
	}
	memcpy(ret_path + length, name, strlen(name) + 1);
	if (strncmp(ret_path, root, root_length) != 0 || ret_path[root_length] != '/' ||
		strncmp(ret_path + root_length + 1, UNDO_FOLDER, undo) == 0) {
		return false;
	}
	length = (ssize_t)strlen(ret_path);
	return strcmp(ret_path + length - end, UNDO_VOLATILE) != 0;
}

static const char *file_name(char ret_name[32], char kind, ino_t inode)
{
	snprintf(ret_name, 32, "%c%llu", kind, (unsigned long long)inode);
	return ret_name;
}

struct followed *journal_follow(const char *path, const struct stat *st)
{
	char name[32];

	if (!S_ISREG(st->st_mode) || st->st_dev != root_device) {
		journal_die("only regular files of one file system are followed", path);
	}
	if (syscall(SYS_linkat, AT_FDCWD, path, folder, file_name(name, 'f', st->st_ino), 0) != 0 &&
		errno != EEXIST) {
		journal_die("no link", path);
	}
	return find(st->st_ino, true);
}

struct followed *journal_of(int fd, struct stat *ret_st)
{
	/* One without a name, durably, will not come back: its number may be another's soon. */
	if (root == NULL || fstat(fd, ret_st) != 0 || !S_ISREG(ret_st->st_mode) ||
		ret_st->st_dev != root_device || ret_st->st_nlink == 0) {
		return NULL;
	}
	return find(ret_st->st_ino, false);
}

static bool is_zero(const char *bytes, size_t length)
{
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

static void put(int log, const struct undo_entry *entry, const void *bytes)
{
	struct iovec iov[2] = {{(void *)(uintptr_t)entry, sizeof(*entry)},
		{(void *)(uintptr_t)bytes, entry->stored}};

	if (syscall(SYS_writev, log, iov, 2) != (long)(sizeof(*entry) + entry->stored)) {
		journal_die("the journal cannot be written", root);
	}
}

static int open_log(char kind, ino_t inode)
{
	char name[32];
	int log = open_in(folder, file_name(name, kind, inode), O_RDWR | O_CREAT | O_APPEND);

	if (log < 0) {
		journal_die("no journal", name);
	}
	return log;
}

void journal_bytes(
	struct followed *file, int fd, const struct stat *st, uint64_t offset, uint64_t length)
{
	uint64_t size = (uint64_t)st->st_size, end = offset + length;
	char own[64], piece[PIECE];
	int from = fd;

	if (file->log < 0) {
		file->log = open_log('u', file->inode);
	}
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) {
		snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
		from = open_in(AT_FDCWD, own, O_RDONLY);
	}
	do {
		uint64_t some = end - offset < PIECE ? end - offset : PIECE;
		struct undo_entry entry = {.magic = UNDO_MAGIC,
			.kind = UNDO_BYTES,
			.offset = offset,
			.length = some,
			.size = size};

		if (offset >= size) {
			entry.length = end - offset; /* zeros, however many */
		} else {
			uint64_t old = size - offset < some ? size - offset : some;

			if (syscall(SYS_pread64, from, piece, old, offset) != (long)old) {
				journal_die("old bytes cannot be read", root);
			}
			entry.stored = is_zero(piece, old) ? 0 : (uint32_t)old;
		}
		put(file->log, &entry, piece);
		offset += entry.length;
	} while (offset < end);
	if (from != fd) {
		close(from);
	}
}

void journal_synced(struct followed *file)
{
	if (file->log >= 0 && syscall(SYS_ftruncate, file->log, 0) != 0) {
		journal_die("the journal cannot be emptied", root);
	}
}

static ino_t folder_of(const char *path)
{
	char parent[PATH_MAX];
	struct stat st;

	snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (stat(parent, &st) != 0) {
		return 0; /* then the change fails as well */
	}
	return st.st_ino;
}

struct change journal_name(
	enum undo_kind kind, const char *path, const char *to, ino_t inode, ino_t other)
{
	char paths[2 * PATH_MAX];
	size_t first = strlen(path) + 1, second = to != NULL ? strlen(to) + 1 : 0;
	struct undo_entry entry = {.magic = UNDO_MAGIC,
		.kind = kind,
		.inode = inode,
		.other = other,
		.stored = (uint32_t)(first + second),
		.first_length = (uint32_t)first};
	ino_t parent = folder_of(path);
	struct change change;

	if (to != NULL && folder_of(to) != parent) {
		journal_die("renaming between directories is not covered", path);
	}
	memcpy(paths, path, first);
	if (to != NULL) {
		memcpy(paths + first, to, second);
	}
	change.log = open_log('d', parent);
	change.length = lseek(change.log, 0, SEEK_END);
	put(change.log, &entry, paths);
	return change;
}

void journal_end(struct change change, bool done)
{
	int kept = errno;

	if (!done && syscall(SYS_ftruncate, change.log, change.length) != 0) {
		journal_die("the journal cannot be cut", root);
	}
	close(change.log);
	errno = kept;
}

/* A file that has no name any more, durably, will not come back. */
static void forget(ino_t inode)
{
	struct followed *file = find(inode, false);
	struct stat st;
	char name[32];

	if (inode == 0 || fstatat(folder, file_name(name, 'f', inode), &st, 0) != 0 ||
		st.st_nlink > 1) {
		return;
	}
	if (file != NULL) {
		pthread_mutex_lock(&file->lock);
		if (file->log >= 0) {
			close(file->log);
			file->log = -1;
		}
		pthread_mutex_unlock(&file->lock);
		/* Another file may have the number soon. */
		pthread_mutex_lock(&list_lock);
		file->inode = 0;
		pthread_mutex_unlock(&list_lock);
	}
	syscall(SYS_unlinkat, folder, file_name(name, 'u', inode), 0);
	syscall(SYS_unlinkat, folder, file_name(name, 'f', inode), 0);
}

void journal_folder_synced(ino_t inode)
{
	int log = open_log('d', inode);
	off_t length = lseek(log, 0, SEEK_END);
	char *bytes = length > 0 ? malloc((size_t)length) : NULL;

	if (length > 0 &&
		(bytes == NULL || syscall(SYS_pread64, log, bytes, length, 0) != length)) {
		journal_die("the journal cannot be read", root);
	}
	/* First the entries: an entry whose file is gone could not be undone. */
	if (syscall(SYS_ftruncate, log, 0) != 0) {
		journal_die("the journal cannot be emptied", root);
	}
	for (off_t at = 0; at + (off_t)sizeof(struct undo_entry) <= length;) {
		struct undo_entry entry;

		memcpy(&entry, bytes + at, sizeof(entry));
		at += (off_t)(sizeof(entry) + entry.stored);
		forget(entry.kind == UNDO_RENAMED ? (ino_t)entry.other : (ino_t)entry.inode);
	}
	free(bytes);
	close(log);
}
