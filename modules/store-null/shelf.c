/* The documents of store-null: a sorted list in memory, under one lock.
 *
 * The list of shelves is the one thing here that outlives an instance: writer and reader of one
 * store are two instances, and must see the same registry. Two stores under different keys never
 * meet. Each shelf is counted and goes with its last instance. Registries of benchmarks are small:
 * the list is searched from its start.
 */
#include "null.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct yett_null_shelf {
	char *key;
	unsigned users;
	uint64_t revision;
	uint64_t generation; /* 0: not drawn yet */
	struct yett_id id;
	struct yett_null_change *documents; /* by table, then key */
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
	while (shelf->documents != NULL) {
		struct yett_null_change *document = shelf->documents;

		shelf->documents = document->next;
		yett_null_change_free(document);
	}
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

/* Where the document is, or would be. */
static struct yett_null_change **find(
	struct yett_null_shelf *shelf, const char *table, const char *key, bool *ret_found)
{
	struct yett_null_change **at = &shelf->documents;
	int order = 1;

	for (; *at != NULL; at = &(*at)->next) {
		order = strcmp((*at)->table, table);
		order = order != 0 ? order : strcmp((*at)->key, key);
		if (order >= 0) {
			break;
		}
	}
	*ret_found = *at != NULL && order == 0;
	return at;
}

uint64_t yett_null_shelf_revision(struct yett_null_shelf *shelf, const char *table, const char *key)
{
	struct yett_null_change **at;
	uint64_t revision;
	bool found;

	pthread_mutex_lock(&lock);
	at = find(shelf, table, key, &found);
	revision = found ? (*at)->revision : 0;
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

bool yett_null_shelf_swap(struct yett_null_shelf *shelf, struct yett_null_change *change)
{
	struct yett_null_change **at, *fresh;
	bool found, done = true;

	pthread_mutex_lock(&lock);
	at = find(shelf, change->table, change->key, &found);
	if (found && change->bytes != NULL) {
		void *bytes = (*at)->bytes;
		uint64_t length = (*at)->length, revision = (*at)->revision;

		(*at)->bytes = change->bytes;
		(*at)->length = change->length;
		(*at)->revision = change->revision;
		change->bytes = bytes;
		change->length = length;
		change->revision = revision;
	} else if (found) { /* is deleted: its content goes to the undoing */
		struct yett_null_change *gone = *at;

		*at = gone->next;
		change->bytes = gone->bytes;
		change->length = gone->length;
		change->revision = gone->revision;
		gone->bytes = NULL;
		yett_null_change_free(gone);
	} else if (change->bytes != NULL) {
		fresh = copy_of(change);
		done = fresh != NULL;
		if (done) {
			fresh->next = *at;
			*at = fresh;
			free(change->bytes);
			change->bytes = NULL;
			change->length = 0;
			change->revision = 0;
		}
	}
	pthread_mutex_unlock(&lock);
	return done;
}

bool yett_null_shelf_list(struct yett_null_shelf *shelf, const char *table, const char *key,
	struct yett_null_change **ret_list)
{
	struct yett_null_change *list = NULL, **end = &list;
	bool done = true;

	pthread_mutex_lock(&lock);
	for (struct yett_null_change *at = shelf->documents; at != NULL && done; at = at->next) {
		if (strcmp(at->table, table) != 0 || (key != NULL && strcmp(at->key, key) != 0)) {
			continue;
		}
		*end = copy_of(at);
		done = *end != NULL;
		end = done ? &(*end)->next : end;
	}
	pthread_mutex_unlock(&lock);
	while (!done && list != NULL) {
		struct yett_null_change *next = list->next;

		yett_null_change_free(list);
		list = next;
	}
	*ret_list = list;
	return done;
}
