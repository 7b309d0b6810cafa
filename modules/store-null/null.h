/* What the files of store-null share. */
#ifndef STORE_NULL_H
#define STORE_NULL_H

#include <stdbool.h>
#include <stdint.h>

#include <yett/batch.h>

/* Documents in memory: the registry, and sources' positions (as table ""). They are shared by the
 * instances of one process that have the same key, so that a reader sees what a writer wrote, and
 * last as long as one of them is there. Any thread. */
struct yett_null_shelf;
struct yett_null_shelf *yett_null_shelf_open(const char *key); /* NULL: no memory */
void yett_null_shelf_close(struct yett_null_shelf *shelf);

/* What all instances of a shelf answer to: the first one's draw. */
void yett_null_shelf_identity(
	struct yett_null_shelf *shelf, struct yett_id *id, uint64_t *generation);

/* One change, as it is to be or as it was. */
struct yett_null_change {
	char *table, *key;
	void *bytes; /* NULL: not there */
	uint64_t length;
	uint64_t revision;
	struct yett_null_change *next;
};
void yett_null_change_free(struct yett_null_change *change);

/* The present revision; 0: not there. */
uint64_t yett_null_shelf_revision(
	struct yett_null_shelf *shelf, const char *table, const char *key);
/* Puts the change in force and turns it into its own undoing. Gives the revision, unless the change
 * has one already (it is an undoing). */
bool yett_null_shelf_swap(struct yett_null_shelf *shelf, struct yett_null_change *change);
uint64_t yett_null_shelf_next_revision(struct yett_null_shelf *shelf);
/* A copy of all documents of a table in the order of their keys, `key` NULL: all; given, as a list.
 * False: no memory. */
bool yett_null_shelf_list(struct yett_null_shelf *shelf, const char *table, const char *key,
	struct yett_null_change **ret_list);

#endif
