/* The registry: documents with revisions, for compare-and-set.
 *
 * One counter for the whole registry, given out under the one lock: so revisions rise in the order
 * of commits, a document that is deleted and made again never has a revision that it had before,
 * and whoever knows the highest revision that he has seen can ask for all that came after it. A
 * deleted document stays for a while as a row without text, so that others hear of it (watch.c).
 */
#include "internal.h"

#include <string.h>

#define ANY (-1)

static int judge_text(const struct yett_pg *store, const char *table, const char *key,
	const char *json, struct yett_error *error)
{
	return yett_pg_is_text(table) && yett_pg_is_text(key) && yett_pg_is_text(json)
		       ? 0
		       : store->host->fail(error, YETT_EINVAL, NULL,
				 "registry: a table, a key or a document is not UTF-8");
}

/* The name of a node is its origin's name: what is told by queries. */
static int name_origin(struct yett_pg *store, const char *json, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result;

	yett_pg_arg_text(&args, json);
	yett_pg_arg_int(&args, store->head.origin + 1);
	result = yett_pg_run(store, YETT_PG_ORIGIN_NAME_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	if (result == 0 && PQntuples(rows) == 1 &&
		yett_pg_int(rows, 0, 0) == store->head.origin + 1) {
		store->head.origin++;
	}
	PQclear(rows);
	return result;
}

static int write_document(struct yett_pg *store, const char *table, const char *key,
	const char *json, uint64_t revision, PGresult **ret_rows, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	int result;

	yett_pg_arg_text(&args, table);
	yett_pg_arg_text(&args, key);
	yett_pg_arg_text(&args, json);
	yett_pg_arg_int(&args, store->head.revision + 1);
	yett_pg_arg_int(&args, revision == YETT_REVISION_ANY ? ANY : (int64_t)revision);
	yett_pg_arg_int(&args, store->host->wall_ns(store->host->instance));
	result = yett_pg_run(store, YETT_PG_REGISTRY_PUT_STATEMENT, &args, ret_rows, error);
	yett_pg_args_done(&args);
	return result;
}

int yett_pg_registry_put(void *self, const char *table, const char *key, const char *json,
	uint64_t revision, uint64_t *ret_revision, struct yett_error *error)
{
	struct yett_pg *store = self;
	PGresult *rows = NULL;
	uint64_t present;
	bool valid, done;
	int result;

	if (!store->in_transaction) {
		return store->host->fail(error, YETT_EBUG, NULL,
			"%s: the registry is written within a transaction", store->name);
	}
	if ((result = judge_text(store, table, key, json, error)) < 0 ||
		(result = yett_pg_lock(store, error)) < 0) {
		return result;
	}
	if (strcmp(table, YETT_TABLE_REPLAY) == 0) {
		return yett_pg_replay(store, key, json, error);
	}
	result = write_document(store, table, key, json, revision, &rows, error);
	if (result < 0) {
		return result;
	}
	present = (uint64_t)yett_pg_int(rows, 0, 0);
	valid = yett_pg_int(rows, 0, 1) != 0;
	done = yett_pg_int(rows, 0, 2) > 0;
	PQclear(rows);
	if (revision != YETT_REVISION_ANY && revision != present) {
		return store->host->fail(error, YETT_ECONFLICT, "read it again and decide anew",
			"registry: %s/%s is at revision %llu, not %llu", table, key,
			(unsigned long long)present, (unsigned long long)revision);
	}
	if (!valid) {
		return store->host->fail(error, YETT_EINVAL, NULL,
			"registry: the document %s/%s is not JSON", table, key);
	}
	if (done) {
		store->head.revision++;
		store->head_dirty = true;
		store->notify = true;
	}
	if (json != NULL && strcmp(table, "node") == 0 &&
		(result = name_origin(store, json, error)) < 0) {
		return result;
	}
	if (ret_revision != NULL) {
		*ret_revision = json != NULL ? (uint64_t)store->head.revision : 0;
	}
	return 0;
}

int yett_pg_registry_list(void *self, const char *table, const char *key, yett_document_fn visit,
	void *arg, struct yett_error *error)
{
	struct yett_pg *store = self;
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result = judge_text(store, table, key, NULL, error);

	if (result < 0 || (result = yett_pg_ready(store, error)) < 0) {
		return result;
	}
	yett_pg_arg_text(&args, table);
	yett_pg_arg_text(&args, key);
	result = yett_pg_run(store, YETT_PG_REGISTRY_LIST_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		result = visit(arg, yett_pg_text(rows, i, 0), yett_pg_text(rows, i, 1),
			(uint64_t)yett_pg_int(rows, i, 2));
	}
	PQclear(rows);
	return result;
}
