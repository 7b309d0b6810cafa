/* Files and names in memory, each as it is now and as a crash would leave it (files-faulty.c). */
#ifndef YETT_TESTS_FILES_FAULTY_STATE_H
#define YETT_TESTS_FILES_FAULTY_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULTY_SECTOR    512
#define FAULTY_NAME_SIZE 64

struct faulty_inode {
	uint8_t *now;
	uint8_t *disk;
	uint8_t *dirty; /* by sector */
	size_t room;
	size_t now_length;
	size_t disk_length;
	unsigned references; /* by names, journal and handles */
	bool locked;
};

struct faulty_name {
	int dir;
	char name[FAULTY_NAME_SIZE];
	struct faulty_inode *inode;
};

struct faulty_names {
	struct faulty_name *items;
	size_t count;
	size_t room;
};

/* What is not given, or not opened; result 0: nothing is refused. */
struct faulty_refusal {
	char name[FAULTY_NAME_SIZE]; /* reads: of a file ("": of any); opens: how the name ends */
	uint64_t from, to;
	int result;
};

void *faulty_must(void *memory); /* aborts without memory */
struct faulty_inode *faulty_inode_ref(struct faulty_inode *inode);
void faulty_inode_unref(struct faulty_inode *inode); /* NULL is fine */
void faulty_inode_room(struct faulty_inode *inode, size_t length);
void faulty_inode_write(
	struct faulty_inode *inode, const uint8_t *bytes, size_t length, uint64_t offset);
struct faulty_name *faulty_names_find(const struct faulty_names *names, int dir, const char *name);
/* In whichever directory. */
struct faulty_name *faulty_names_anywhere(const struct faulty_names *names, const char *name);
bool faulty_refuses_read(const struct faulty_refusal *refusal, const struct faulty_names *names,
	const struct faulty_inode *inode, size_t length, uint64_t offset);
bool faulty_refuses_open(const struct faulty_refusal *refusal, const char *name);
/* inode NULL: the name goes; else it comes, in place of what had it. */
void faulty_names_set(
	struct faulty_names *names, int dir, const char *name, struct faulty_inode *inode);
void faulty_names_clear(struct faulty_names *names);

#endif
