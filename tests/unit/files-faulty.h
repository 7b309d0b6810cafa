/* A file system in memory behind the table of yett/host.h, that fails, tears and forgets: what
 * was not synced may be gone after a crash, whole, in part or in pieces; a failed sync drops what
 * it should have written and reports success the next time, as Linux may. Seeded: the same seed
 * and the same calls give the same results. One lock guards it all. */
#ifndef YETT_TESTS_FILES_FAULTY_H
#define YETT_TESTS_FILES_FAULTY_H

#include <stdbool.h>

#include <yett/host.h>

struct yett_faulty;

enum yett_faulty_crash {
	YETT_FAULTY_NOTHING,    /* of what was not synced is left */
	YETT_FAULTY_EVERYTHING, /* is left, and is durable */
	YETT_FAULTY_PREFIX,     /* sectors up to some point of each file, names up to some point */
	YETT_FAULTY_PIECES,     /* any sectors, any length, names up to some point */
	YETT_FAULTY_KILLED, /* only the process is gone: all is there, none of it more durable */
};
#define YETT_FAULTY_CRASHES 5

struct yett_faulty *yett_faulty_new(uint64_t seed);
/* What `from` holds now, all of it durable; no handles, no plan. */
struct yett_faulty *yett_faulty_clone(const struct yett_faulty *from);
void yett_faulty_free(struct yett_faulty *faulty);
const struct yett_files *yett_faulty_files(struct yett_faulty *faulty);

/* Operations that change something (create, write, allocate, truncate, sync, dir_sync, rename,
 * remove) are counted from 1. The plan: number `at` fails with `result`, and so does every later
 * one where `forever`; a write that fails may have written a part. at 0: no plan. */
void yett_faulty_plan(struct yett_faulty *faulty, uint64_t at, int result, bool forever);
/* As before; counts syncs of files only. */
void yett_faulty_plan_sync(struct yett_faulty *faulty, uint64_t at);
/* Reads of the file that has this name now (NULL: of any) fail with `result` where they touch bytes from
 * `from` to before `to`; opens of what is there, and whose name ends so, fail with `result`. Both stay over
 * a crash, as a bad sector does, until they are planned anew; 0: they do not fail. */
void yett_faulty_plan_read(
	struct yett_faulty *faulty, const char *name, uint64_t from, uint64_t to, int result);
void yett_faulty_plan_open(struct yett_faulty *faulty, const char *ending, int result);
uint64_t yett_faulty_operations(const struct yett_faulty *faulty);
/* Closes all handles, gives locks back, ends the plan; what is left is durable. */
void yett_faulty_crash(struct yett_faulty *faulty, enum yett_faulty_crash how);
size_t yett_faulty_handles(const struct yett_faulty *faulty);

/* The n-th name, or NULL; not in any order, changed by every call that changes names. */
const char *yett_faulty_name(const struct yett_faulty *faulty, size_t n);
/* The bytes of a file, to look at and to damage; NULL: not there. */
uint8_t *yett_faulty_bytes(struct yett_faulty *faulty, const char *name, size_t *ret_length);
/* Flips one bit of a file that is there, at an offset that it has, durable or not: a loss of power does
 * not mend it. */
void yett_faulty_flip(struct yett_faulty *faulty, const char *name, size_t offset, unsigned bit);
/* Puts a file there, durably, in the directory of `path`. */
void yett_faulty_put(struct yett_faulty *faulty, const char *path, const char *name,
	const void *bytes, size_t length);
bool yett_faulty_take(struct yett_faulty *faulty, const char *name); /* removes, durably */
void yett_faulty_cut(struct yett_faulty *faulty, const char *name, size_t length);

#endif
