/* Registry documents that wait for a transaction. Internal to core/flow. */
#ifndef YETT_FLOW_DOCUMENTS_H
#define YETT_FLOW_DOCUMENTS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "stages.h"

struct yett_registry_document {
	char *table, *key, *json; /* json NULL: delete */
	/* Of a change: what its place must be at, and who is told how it went. */
	uint64_t revision;
	yett_change_done done;
	void *arg;
	bool change;
	bool alone;           /* it made a transaction fail: it has one of its own, in its turn */
	uint64_t patience_ns; /* of a change: until then it may wait; monotonic */
	int result;
	uint64_t ret_revision;
	GPtrArray *
		also; /* struct yett_registry_document *: written with a change that is made; or NULL */
};

struct yett_documents {
	GPtrArray *waiting; /* struct yett_registry_document *, in order */
	GHashTable *newest; /* of them by table and key, that a newer value goes into */
};

struct yett_registry_document *yett_document_new(
	const char *table, const char *key, const char *json, uint64_t revision);
void yett_document_free(void *document);
/* It has made its transaction fail: it is to be alone in the next; or, where it was, it is given up, with that
 * as its answer, and the log says so: true. */
bool yett_document_is_hopeless(struct yett_registry_document *document, bool was_alone, int result,
	const struct yett_error *error);

void yett_documents_init(struct yett_documents *documents);
void yett_documents_done(struct yett_documents *documents);
/* Given. Behind all that wait; a newer value of a document goes where the older one is. */
void yett_documents_add(struct yett_documents *documents, struct yett_registry_document *document);
/* Puts the next transaction's into `group`, which is empty: all of them, but for what is to be alone. */
void yett_documents_take(struct yett_documents *documents, GPtrArray *group);
/* The next transaction is that of one document, and of nothing else. */
bool yett_documents_next_alone(const struct yett_documents *documents);

#endif
