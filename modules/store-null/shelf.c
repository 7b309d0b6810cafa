/* The documents of store-null: a tree in memory (tsearch(3)), under one lock.
 *
 * The list of shelves is the one thing here that outlives an instance: writer and reader of one
 * store are two instances, and must see the same registry. Two stores under different keys never
 * meet. Each shelf is counted and goes with its last instance.
 */
#include "null.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct yett_null_shelf {
	char *key;
	unsigned users;
	uint64_t revision;
	uint64_t generation; /* 0: not drawn yet */
	struct yett_id id;
	void *documents; /* the tree's root: struct yett_null_change, by table, then key */
	struct yett_null_shelf *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct yett_null_shelf *shelves;

void yett_null_change_free(struct yett_null_change *change)
{
	if (change != NULL) {
		free(change->table);
		free(change->key);
		free(change->bytes);
		free(change);
	}
}

static void document_free(void *document)
{
	yett_null_change_free(document);
}

static int compare(const void *a, const void *b)
{
	const struct yett_null_change *one = a, *other = b;
	int order = strcmp(one->table, other->table);

	return order != 0 ? order : strcmp(one->key, other->key);
}

struct yett_null_shelf *yett_null_shelf_open(const char *key)
{
	struct yett_null_shelf *shelf;

	pthread_mutex_lock(&lock);
	for (shelf = shelves; shelf != NULL && strcmp(shelf->key, key) != 0; shelf = shelf->next) {
	}
	if (shelf == NULL) {
		shelf = calloc(1, sizeof(*shelf));
		if (shelf != NULL && (shelf->key = strdup(key)) == NULL) {
			free(shelf);
			shelf = NULL;
		}
		if (shelf != NULL) {
			shelf->next = shelves;
			shelves = shelf;
		}
	}
	if (shelf != NULL) {
		shelf->users++;
	}
	pthread_mutex_unlock(&lock);
	return shelf;
}

void yett_null_shelf_close(struct yett_null_shelf *shelf)
{
	struct yett_null_shelf **at;

	pthread_mutex_lock(&lock);
	if (--shelf->users > 0) {
		pthread_mutex_unlock(&lock);
		return;
	}
	for (at = &shelves; *at != shelf; at = &(*at)->next) {
	}
	*at = shelf->next;
	pthread_mutex_unlock(&lock);
	tdestroy(shelf->documents, document_free);
	free(shelf->key);
	free(shelf);
}

void yett_null_shelf_identity(
	struct yett_null_shelf *shelf, struct yett_id *id, uint64_t *generation)
{
	pthread_mutex_lock(&lock);
	if (shelf->generation == 0) {
		shelf->generation = *generation;
		shelf->id = *id;
	}
	*generation = shelf->generation;
	*id = shelf->id;
	pthread_mutex_unlock(&lock);
}

/* NULL: it is not there. */
static struct yett_null_change *find(
	struct yett_null_shelf *shelf, const char *table, const char *key)
{
	const struct yett_null_change sought = {
		.table = (char *)(uintptr_t)table, .key = (char *)(uintptr_t)key};
	void *node = tfind(&sought, &shelf->documents, compare);

	return node != NULL ? *(struct yett_null_change **)node : NULL;
}

uint64_t yett_null_shelf_revision(struct yett_null_shelf *shelf, const char *table, const char *key)
{
	const struct yett_null_change *document;
	uint64_t revision;

	pthread_mutex_lock(&lock);
	document = find(shelf, table, key);
	revision = document != NULL ? document->revision : 0;
	pthread_mutex_unlock(&lock);
	return revision;
}

uint64_t yett_null_shelf_next_revision(struct yett_null_shelf *shelf)
{
	uint64_t revision;

	pthread_mutex_lock(&lock);
	revision = ++shelf->revision;
	pthread_mutex_unlock(&lock);
	return revision;
}

static struct yett_null_change *copy_of(const struct yett_null_change *from)
{
	struct yett_null_change *copy = calloc(1, sizeof(*copy));

	if (copy == NULL) {
		return NULL;
	}
	copy->table = strdup(from->table);
	copy->key = strdup(from->key);
	copy->bytes = from->bytes != NULL ? malloc(from->length + 1) : NULL;
	copy->length = from->length;
	copy->revision = from->revision;
	if (copy->table == NULL || copy->key == NULL ||
		(from->bytes != NULL && copy->bytes == NULL)) {
		yett_null_change_free(copy);
		return NULL;
	}
	if (from->bytes != NULL) {
		memcpy(copy->bytes, from->bytes, from->length);
		((char *)copy->bytes)[from->length] = '\0';
	}
	return copy;
}

/* Its content becomes what the change says, and the change what it was. */
static void exchange(struct yett_null_change *document, struct yett_null_change *change)
{
	const struct yett_null_change was = *document;

	document->bytes = change->bytes;
	document->length = change->length;
	document->revision = change->revision;
	change->bytes = was.bytes;
	change->length = was.length;
	change->revision = was.revision;
}

static bool add(struct yett_null_shelf *shelf, struct yett_null_change *change)
{
	struct yett_null_change *fresh = copy_of(change);

	if (fresh == NULL || tsearch(fresh, &shelf->documents, compare) == NULL) {
		yett_null_change_free(fresh);
		return false;
	}
	free(change->bytes);
	change->bytes = NULL;
	change->length = 0;
	change->revision = 0;
	return true;
}

bool yett_null_shelf_swap(struct yett_null_shelf *shelf, struct yett_null_change *change)
{
	struct yett_null_change *document;
	bool done = true;

	pthread_mutex_lock(&lock);
	document = find(shelf, change->table, change->key);
	if (document != NULL) {
		exchange(document, change);
		if (document->bytes == NULL) { /* it is deleted */
			tdelete(document, &shelf->documents, compare);
			yett_null_change_free(document);
		}
	} else if (change->bytes != NULL) {
		done = add(shelf, change);
	}
	pthread_mutex_unlock(&lock);
	return done;
}

struct listing {
	const char *table;
	struct yett_null_change *list, **end;
	bool done;
};

static void list_one(struct listing *listing, const struct yett_null_change *document)
{
	if (listing->done && strcmp(document->table, listing->table) == 0) {
		*listing->end = copy_of(document);
		listing->done = *listing->end != NULL;
		listing->end = listing->done ? &(*listing->end)->next : listing->end;
	}
}

/* In the order of the keys: a node is visited between what is left and what is right of it. */
static void visit(const void *node, VISIT when, void *arg)
{
	if (when == postorder || when == leaf) {
		list_one(arg, *(struct yett_null_change *const *)node);
	}
}

bool yett_null_shelf_list(struct yett_null_shelf *shelf, const char *table, const char *key,
	struct yett_null_change **ret_list)
{
	struct listing listing = {.table = table, .end = &listing.list, .done = true};
	const struct yett_null_change *document;

	pthread_mutex_lock(&lock);
	if (key == NULL) {
		twalk_r(shelf->documents, visit, &listing);
	} else if ((document = find(shelf, table, key)) != NULL) {
		list_one(&listing, document);
	}
	pthread_mutex_unlock(&lock);
	while (!listing.done && listing.list != NULL) {
		struct yett_null_change *next = listing.list->next;

		yett_null_change_free(listing.list);
		listing.list = next;
	}
	*ret_list = listing.list;
	return listing.done;
}
