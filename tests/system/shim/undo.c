/* Takes back what a killed program had not synced (shim.c, undo.h): the disk after a loss of power.
 *
 *     undo ROOT          nothing that was not synced is there
 *     undo ROOT SEED     by that seed, some of it is: 512 bytes by 512 bytes of each file, its new
 *                        length or its old one, and the first so many changes of each directory
 *
 * Prints what it took back and what it left. Runs when no process uses ROOT any more; exit code 0, or
 * 1 where something did not go as the journal says: the disk is then not to be trusted. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "undo.h"

#define SECTOR 512

struct sum {
	unsigned long long dropped, kept; /* sectors */
	unsigned files, names, names_kept;
};

static const char *root;
static bool tearing;
static uint64_t chance;
static struct sum sum;

static _Noreturn void die(const char *what, const char *about)
{
	fprintf(stderr, "undo: %s: %s: %s\n", what, about, strerror(errno));
	exit(1);
}

static uint64_t draw(uint64_t below)
{
	chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (chance >> 33) % below;
}

static void in_journal(char ret_path[PATH_MAX], const char *name)
{
	if (snprintf(ret_path, PATH_MAX, "%s/" UNDO_FOLDER "/%s", root, name) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		die("path", name);
	}
}

/* The entries of a journal, each `at` an offset of bytes; a torn last one is left out. */
struct journal {
	char *bytes;
	size_t *at;
	size_t count;
};

static struct journal journal_read(const char *name)
{
	struct journal journal = {0};
	char path[PATH_MAX];
	struct stat st;
	size_t length, at = 0;
	int fd;

	in_journal(path, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		die("cannot read", path);
	}
	length = (size_t)st.st_size;
	journal.bytes = malloc(length + 1);
	journal.at = malloc((length / sizeof(struct undo_entry) + 1) * sizeof(size_t));
	if (journal.bytes == NULL || journal.at == NULL ||
		read(fd, journal.bytes, length) != (ssize_t)length) {
		die("cannot read", path);
	}
	close(fd);
	while (length - at >= sizeof(struct undo_entry)) {
		struct undo_entry entry;

		memcpy(&entry, journal.bytes + at, sizeof(entry));
		if (entry.magic != UNDO_MAGIC) {
			errno = EBADMSG;
			die("no journal", path);
		}
		if (length - at - sizeof(entry) < entry.stored) {
			break;
		}
		journal.at[journal.count++] = at;
		at += sizeof(entry) + entry.stored;
	}
	return journal;
}

static const char *journal_entry(
	const struct journal *journal, size_t index, struct undo_entry *ret_entry)
{
	memcpy(ret_entry, journal->bytes + journal->at[index], sizeof(*ret_entry));
	return journal->bytes + journal->at[index] + sizeof(*ret_entry);
}

static void journal_free(struct journal *journal)
{
	free(journal->bytes);
	free(journal->at);
}

/* A file's bytes, as long as it has been since its last sync at its longest. */
static uint64_t longest(const struct journal *journal, uint64_t now, uint64_t *ret_old)
{
	struct undo_entry entry;
	uint64_t most = now;

	journal_entry(journal, 0, &entry);
	*ret_old = entry.size;
	for (size_t i = 0; i < journal->count; i++) {
		journal_entry(journal, i, &entry);
		most = entry.offset + entry.length > most ? entry.offset + entry.length : most;
		most = entry.size > most ? entry.size : most;
	}
	return most;
}

static void undo_range(const struct undo_entry *entry, const char *stored, uint8_t *old)
{
	memcpy(old + entry->offset, stored, entry->stored);
	memset(old + entry->offset + entry->stored, 0, entry->length - entry->stored);
}

static void undo_bytes(const char *name)
{
	struct journal journal = journal_read(name);
	char path[PATH_MAX], file_name[64];
	uint64_t old_size, new_size, most, size;
	uint8_t *old, *new;
	struct stat st;
	int fd;

	snprintf(file_name, sizeof(file_name), "f%s", name + 1);
	in_journal(path, file_name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (journal.count == 0 || (fd < 0 && errno == ENOENT)) {
		journal_free(&journal);
		if (fd >= 0) {
			close(fd);
		}
		return;
	}
	if (fd < 0 || fstat(fd, &st) != 0) {
		die("cannot open", path);
	}
	new_size = (uint64_t)st.st_size;
	most = longest(&journal, new_size, &old_size);
	new = calloc(1, most + SECTOR);
	old = calloc(1, most + SECTOR);
	if (new == NULL || old == NULL || pread(fd, new, new_size, 0) != (ssize_t)new_size) {
		die("cannot read", path);
	}
	memcpy(old, new, new_size);
	for (size_t i = journal.count; i-- > 0;) {
		struct undo_entry entry;
		const char *stored = journal_entry(&journal, i, &entry);

		undo_range(&entry, stored, old);
	}
	size = tearing && draw(2) == 0 ? new_size : old_size;
	for (uint64_t at = 0; at < size; at += SECTOR) {
		uint64_t length = size - at < SECTOR ? size - at : SECTOR;

		if (memcmp(old + at, new + at, length) == 0 && at + length <= new_size) {
			continue;
		}
		if (tearing && draw(2) == 0) {
			memcpy(old + at, new + at, length);
			sum.kept++;
		} else {
			sum.dropped++;
		}
		if (pwrite(fd, old + at, length, (off_t)at) != (ssize_t)length) {
			die("cannot write", path);
		}
	}
	if (size < new_size) {
		sum.dropped += (new_size - size + SECTOR - 1) / SECTOR;
	}
	if (ftruncate(fd, (off_t)size) != 0) {
		die("cannot cut", path);
	}
	sum.files++;
	close(fd);
	free(old);
	free(new);
	journal_free(&journal);
}

/* Removes what stands at a path; of a directory that was not durable, all in it goes. */
static void take_away(const char *path)
{
	char inner[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	if (unlink(path) == 0 || errno == ENOENT) {
		return;
	}
	dir = errno == EISDIR ? opendir(path) : NULL;
	if (dir == NULL) {
		die("cannot remove", path);
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name) < PATH_MAX) {
			take_away(inner);
		}
	}
	closedir(dir);
	if (rmdir(path) != 0) {
		die("cannot remove", path);
	}
}

static bool is_of(const char *path, uint64_t inode)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_ino == inode;
}

static void give_back(const char *path, uint64_t inode)
{
	char name[64], file[PATH_MAX];

	snprintf(name, sizeof(name), "f%llu", (unsigned long long)inode);
	in_journal(file, name);
	/* No such directory: that is gone as well. */
	if (link(file, path) != 0 && errno != EEXIST && errno != ENOENT) {
		die("cannot give back", path);
	}
}

/* An entry whose change was not made any more finds its names as they were. */
static void undo_name(const struct undo_entry *entry, const char *path)
{
	const char *to = path + entry->first_length;

	switch (entry->kind) {
	case UNDO_MADE:
		take_away(path);
		break;
	case UNDO_REMOVED:
		give_back(path, entry->inode);
		break;
	case UNDO_RENAMED:
		if (is_of(to, entry->inode) && !is_of(path, entry->inode)) {
			if (rename(to, path) != 0) {
				die("cannot rename back", to);
			}
			if (entry->other != 0) {
				give_back(to, entry->other);
			}
		}
		break;
	default:
		errno = EBADMSG;
		die("unknown entry", path);
	}
	sum.names++;
}

static void undo_names(const char *name)
{
	struct journal journal = journal_read(name);
	size_t keep = tearing && journal.count > 0 ? draw(journal.count + 1) : 0;

	for (size_t i = journal.count; i-- > keep;) {
		struct undo_entry entry;
		const char *path = journal_entry(&journal, i, &entry);

		undo_name(&entry, path);
	}
	sum.names_kept += (unsigned)keep;
	journal_free(&journal);
}

/* In the order of their names, so that a seed decides alike. */
static void each(char kind, void (*visit)(const char *name))
{
	struct dirent **entries;
	char folder[PATH_MAX];
	int count;

	in_journal(folder, "");
	count = scandir(folder, &entries, NULL, alphasort);
	if (count < 0) {
		die("cannot read", folder);
	}
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] == kind) {
			visit(entries[i]->d_name);
		}
		free(entries[i]);
	}
	free(entries);
}

static void remove_journal(const char *name)
{
	char path[PATH_MAX];

	in_journal(path, name);
	if (unlink(path) != 0) {
		die("cannot remove", path);
	}
}

/* SQLite's shared memory is gone with the power. */
static void remove_volatile(const char *path)
{
	size_t end = strlen(UNDO_VOLATILE);
	char inner[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (dir == NULL) {
		die("cannot read", path);
	}
	while ((entry = readdir(dir)) != NULL) {
		size_t length = strlen(entry->d_name);

		if (entry->d_name[0] == '.' ||
			snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name) >= PATH_MAX) {
			continue;
		}
		if (entry->d_type == DT_DIR) {
			remove_volatile(inner);
		} else if (length > end &&
			   strcmp(entry->d_name + length - end, UNDO_VOLATILE) == 0) {
			take_away(inner);
		}
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	if (argc < 2 || argc > 3) {
		fputs("usage: undo ROOT [SEED]\n", stderr);
		return 2;
	}
	root = argv[1];
	tearing = argc == 3;
	chance = tearing ? strtoull(argv[2], NULL, 10) : 0;
	each('u', undo_bytes);
	each('d', undo_names);
	remove_volatile(root);
	each('u', remove_journal);
	each('d', remove_journal);
	each('f', remove_journal);
	printf("undo: %llu sectors of %u files dropped, %llu kept; %u changes of names dropped, %u "
	       "kept\n",
		sum.dropped, sum.files, sum.kept, sum.names, sum.names_kept);
	return 0;
}
