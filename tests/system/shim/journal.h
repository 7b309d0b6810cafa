/* The shim's side of the undo journal: which files are followed, and what undoes a change. */
#ifndef YETT_SHIM_JOURNAL_H
#define YETT_SHIM_JOURNAL_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "undo.h"

struct followed { /* a file that has been opened for writing; never freed */
	struct followed *next;
	ino_t inode;
	int log;              /* u<inode>, -1: not open */
	pthread_mutex_t lock; /* from before an entry is written until its change is made */
};

/* Names change one at a time: held from before the entry until the change is made. */
extern pthread_mutex_t journal_names;

/* Whether anything is followed at all. */
bool journal_active(void);
/* Whether the file system is to look as if it had turned read-only: while ROOT/.undo/read-only is there. */
bool journal_read_only(void);
/* The absolute path of a name, and whether it is one that is followed. */
bool journal_path(int dir, const char *name, char ret_path[PATH_MAX]);
/* Follows the regular file at `path` from now on. */
struct followed *journal_follow(const char *path, const struct stat *st);
/* The followed file that a descriptor is open on, or NULL. */
struct followed *journal_of(int fd, struct stat *ret_st);
/* Before a range gets other bytes or another length. Under the file's lock. */
void journal_bytes(
	struct followed *file, int fd, const struct stat *st, uint64_t offset, uint64_t length);
void journal_synced(struct followed *file);

/* Before a name changes, under journal_names. Returns what journal_not_done takes. */
struct change {
	int log;
	off_t length;
};
struct change journal_name(
	enum undo_kind kind, const char *path, const char *to, ino_t inode, ino_t other);
void journal_end(struct change change, bool done);
/* A directory has been synced. Under journal_names. */
void journal_folder_synced(ino_t inode);

_Noreturn void journal_die(const char *what, const char *about);

#endif
