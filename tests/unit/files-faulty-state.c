/* What a faulty file system keeps: inodes and tables of names.
 *
 * Responsible for memory only; what happens to it is decided in files-faulty.c. Counted: an inode
 * lives as long as a name, a journal entry or a handle needs it. Without memory a test ends. */
#include "files-faulty-state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *faulty_must(void *memory)
{
	if (memory == NULL) {
		abort();
	}
	return memory;
}

void faulty_inode_unref(struct faulty_inode *inode)
{
	if (inode != NULL && --inode->references == 0) {
		free(inode->now);
		free(inode->disk);
		free(inode->dirty);
		free(inode);
	}
}

struct faulty_inode *faulty_inode_ref(struct faulty_inode *inode)
{
	inode->references++;
	return inode;
}

/* Fresh zeroes, which a large file that is only allocated never touches. */
static uint8_t *grown(uint8_t *old, size_t old_size, size_t size)
{
	uint8_t *fresh = faulty_must(calloc(1, size));

	if (old_size > 0) {
		memcpy(fresh, old, old_size);
	}
	free(old);
	return fresh;
}

void faulty_inode_room(struct faulty_inode *inode, size_t length)
{
	size_t room = (length + FAULTY_SECTOR - 1) / FAULTY_SECTOR * FAULTY_SECTOR;

	if (room <= inode->room) {
		return;
	}
	room = room < 2 * inode->room ? 2 * inode->room : room;
	inode->now = grown(inode->now, inode->room, room);
	inode->disk = grown(inode->disk, inode->room, room);
	inode->dirty = grown(inode->dirty, inode->room / FAULTY_SECTOR, room / FAULTY_SECTOR);
	inode->room = room;
}

void faulty_inode_write(
	struct faulty_inode *inode, const uint8_t *bytes, size_t length, uint64_t offset)
{
	if (length == 0) {
		return;
	}
	faulty_inode_room(inode, offset + length);
	memcpy(inode->now + offset, bytes, length);
	memset(inode->dirty + offset / FAULTY_SECTOR, 1,
		(offset + length - 1) / FAULTY_SECTOR - offset / FAULTY_SECTOR + 1);
	if (offset + length > inode->now_length) {
		inode->now_length = offset + length;
	}
}

struct faulty_name *faulty_names_find(const struct faulty_names *names, int dir, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (names->items[i].dir == dir && strcmp(names->items[i].name, name) == 0) {
			return &names->items[i];
		}
	}
	return NULL;
}

struct faulty_name *faulty_names_anywhere(const struct faulty_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->items[i].name, name) == 0) {
			return &names->items[i];
		}
	}
	return NULL;
}

bool faulty_refuses_read(const struct faulty_refusal *refusal, const struct faulty_names *names,
	const struct faulty_inode *inode, size_t length, uint64_t offset)
{
	const struct faulty_name *item;

	if (refusal->result == 0 || offset >= refusal->to || offset + length <= refusal->from) {
		return false;
	}
	item = faulty_names_anywhere(names, refusal->name);
	return refusal->name[0] == '\0' || (item != NULL && item->inode == inode);
}

bool faulty_refuses_open(const struct faulty_refusal *refusal, const char *name)
{
	size_t length = strlen(name), end = strlen(refusal->name);

	return refusal->result != 0 && length >= end &&
	       strcmp(name + length - end, refusal->name) == 0;
}

void faulty_names_set(
	struct faulty_names *names, int dir, const char *name, struct faulty_inode *inode)
{
	struct faulty_name *item = faulty_names_find(names, dir, name);

	if (item != NULL) {
		faulty_inode_unref(item->inode);
		if (inode == NULL) {
			*item = names->items[--names->count];
			return;
		}
		item->inode = faulty_inode_ref(inode);
		return;
	}
	if (inode == NULL) {
		return;
	}
	if (names->count == names->room) {
		names->room = names->room == 0 ? 16 : names->room * 2;
		names->items =
			faulty_must(realloc(names->items, names->room * sizeof(*names->items)));
	}
	item = &names->items[names->count++];
	item->dir = dir;
	snprintf(item->name, sizeof(item->name), "%s", name);
	item->inode = faulty_inode_ref(inode);
}

void faulty_names_clear(struct faulty_names *names)
{
	while (names->count > 0) {
		faulty_inode_unref(names->items[--names->count].inode);
	}
	free(names->items);
	*names = (struct faulty_names){NULL, 0, 0};
}
