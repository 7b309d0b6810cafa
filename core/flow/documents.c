/* Registry documents that wait for a transaction of the store.
 *
 * Responsible for their order, for one value of each key where nobody waits for the answer, and for which of
 * them go together: one that has made a transaction fail is alone in the next, in its turn, so that what
 * comes before and after it keeps its place. Not responsible for writing them (store.c). On the loop. They
 * are owned here until they are taken. */
#include "documents.h"

#include <string.h>

#include "../base/log.h"

void yett_document_free(void *arg)
{
	struct yett_registry_document *document = arg;

	g_free(document->table);
	g_free(document->key);
	g_free(document->json);
	g_clear_pointer(&document->also, g_ptr_array_unref);
	g_free(document);
}

struct yett_registry_document *yett_document_new(
	const char *table, const char *key, const char *json, uint64_t revision)
{
	struct yett_registry_document *document = g_new0(struct yett_registry_document, 1);

	document->table = g_strdup(table);
	document->key = g_strdup(key);
	document->json = g_strdup(json);
	document->revision = revision;
	return document;
}

static guint hash(gconstpointer item)
{
	const struct yett_registry_document *document = item;

	return g_str_hash(document->table) * 31 + g_str_hash(document->key);
}

static gboolean same(gconstpointer a, gconstpointer b)
{
	const struct yett_registry_document *one = a, *other = b;

	return strcmp(one->table, other->table) == 0 && strcmp(one->key, other->key) == 0;
}

void yett_documents_init(struct yett_documents *documents)
{
	documents->waiting = g_ptr_array_new_with_free_func(yett_document_free);
	documents->newest = g_hash_table_new(hash, same);
}

void yett_documents_done(struct yett_documents *documents)
{
	g_hash_table_unref(documents->newest);
	g_ptr_array_free(documents->waiting, TRUE);
}

/* What is written of these keys from now on comes after the change, not before it. */
static void forget_newest(
	struct yett_documents *documents, const struct yett_registry_document *change)
{
	g_hash_table_remove(documents->newest, change);
	for (guint i = 0; change->also != NULL && i < change->also->len; i++) {
		g_hash_table_remove(documents->newest, change->also->pdata[i]);
	}
}

void yett_documents_add(struct yett_documents *documents, struct yett_registry_document *document)
{
	struct yett_registry_document *older =
		document->change ? NULL : g_hash_table_lookup(documents->newest, document);

	if (older != NULL) {
		g_free(older->json);
		older->json = g_steal_pointer(&document->json);
		yett_document_free(document);
		return;
	}
	g_ptr_array_add(documents->waiting, document);
	if (document->change) {
		forget_newest(documents, document);
	} else {
		g_hash_table_add(documents->newest, document);
	}
}

static bool is_alone(const GPtrArray *waiting, guint i)
{
	return i < waiting->len &&
	       ((const struct yett_registry_document *)waiting->pdata[i])->alone;
}

bool yett_documents_next_alone(const struct yett_documents *documents)
{
	return is_alone(documents->waiting, 0);
}

void yett_documents_take(struct yett_documents *documents, GPtrArray *group)
{
	GPtrArray *all = documents->waiting;
	guint count = is_alone(all, 0) ? 1 : 0;

	while (count < all->len && !is_alone(all, 0) && !is_alone(all, count)) {
		count++;
	}
	documents->waiting = g_ptr_array_new_with_free_func(yett_document_free);
	g_hash_table_remove_all(documents->newest);
	g_ptr_array_set_free_func(all, NULL);
	for (guint i = 0; i < all->len; i++) {
		if (i < count) {
			g_ptr_array_add(group, all->pdata[i]);
		} else {
			yett_documents_add(documents, all->pdata[i]);
		}
	}
	g_ptr_array_free(all, TRUE);
}

bool yett_document_is_hopeless(struct yett_registry_document *document, bool was_alone, int result,
	const struct yett_error *error)
{
	if (!was_alone) {
		document->alone = true;
		return false;
	}
	yett_log(YETT_LOG_ERROR, "document-refused",
		"what was to be written to the registry makes the store fail, also by itself, and "
		"is given "
		"up: %s; report this, with the versions of Yett and of the database table=%s",
		error->text[0] != '\0' ? error->text : yett_result_text(result), document->table);
	document->result = result;
	document->ret_revision = 0;
	return true;
}
