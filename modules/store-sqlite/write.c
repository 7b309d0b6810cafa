/* Write transactions, and the registry's writes in them.
 *
 * begin takes SQLite's write lock at once (BEGIN IMMEDIATE), so whatever is read until commit
 * cannot be changed by another writer: custody is judged only in here. Ids of names and origins
 * are remembered across transactions as long as nobody else has written; all else is forgotten at
 * the end of each. Whatever fails, the caller rolls back, and the next begin starts afresh, on a
 * new connection where the old one is not to be trusted.
 */
#include "internal.h"

#include <string.h>

static int run_plain(struct yett_sqlite *store, enum yett_sqlite_statement which, const char *doing,
	struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare(store, which, &statement, error);

	return result < 0 ? result : yett_sqlite_run(store, statement, doing, error);
}

static int prepare_transaction(struct yett_sqlite *store, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int64_t version, last;
	int result =
		yett_sqlite_prepare(store, YETT_SQLITE_DATA_VERSION_STATEMENT, &statement, error);

	if (result < 0 || (result = yett_sqlite_number(store, statement, "see who has written", 0,
				   &version, error)) < 0) {
		return result;
	}
	if (version != store->data_version || store->names.count > YETT_SQLITE_INTERN_MAX ||
		store->origins.count > YETT_SQLITE_INTERN_MAX) {
		yett_sqlite_forget(store);
	}
	store->data_version = version;
	result = yett_sqlite_prepare(store, YETT_SQLITE_RECORD_LAST_STATEMENT, &statement, error);
	if (result < 0 || (result = yett_sqlite_number(store, statement, "find the last record", 0,
				   &last, error)) < 0) {
		return result;
	}
	store->next_record = last + 1;
	memset(store->counts, 0, sizeof(store->counts));
	return 0;
}

int yett_sqlite_begin(void *self, struct yett_error *error)
{
	struct yett_sqlite *store = self;
	int result;

	if (store->mode != YETT_STORE_WRITER || store->in_transaction) {
		return store->host->fail(error, YETT_EBUG, NULL, "%s: %s", store->name,
			store->in_transaction ? "a transaction is under way already"
					      : "a reader cannot write");
	}
	result = yett_sqlite_ready(store, error);
	if (result < 0) {
		return result;
	}
	result = run_plain(store, YETT_SQLITE_BEGIN_STATEMENT, "begin a transaction", error);
	if (result < 0) {
		return result;
	}
	store->in_transaction = true;
	result = prepare_transaction(store, error);
	if (result < 0) {
		yett_sqlite_rollback(store);
	}
	return result;
}

int yett_sqlite_commit(void *self, struct yett_error *error)
{
	struct yett_sqlite *store = self;
	int result;

	if (!store->in_transaction) {
		return store->host->fail(
			error, YETT_EBUG, NULL, "%s: no transaction is under way", store->name);
	}
	result = yett_sqlite_epoch_flush(store, error);
	if (result == 0) {
		result = run_plain(store, YETT_SQLITE_COMMIT_STATEMENT, "commit", error);
	}
	if (result < 0) {
		yett_sqlite_rollback(store);
		return result;
	}
	store->in_transaction = false;
	yett_sqlite_epoch_forget(store);
	for (uint32_t i = 0; i < YETT_SQLITE_METRICS; i++) {
		if (store->counts[i] != 0) {
			store->host->metric(store->host->instance, i, store->counts[i]);
		}
	}
	return 0;
}

void yett_sqlite_rollback(void *self)
{
	struct yett_sqlite *store = self;

	if (!store->in_transaction) {
		return;
	}
	store->in_transaction = false;
	/* Some failures have rolled it back already. */
	if (sqlite3_get_autocommit(store->db) == 0 &&
		run_plain(store, YETT_SQLITE_ROLLBACK_STATEMENT, "roll back", NULL) < 0) {
		store->broken = true;
	}
	yett_sqlite_forget(store);
	yett_sqlite_epoch_forget(store);
}

static int present_revision(struct yett_sqlite *store, const char *table, const char *key,
	uint64_t *ret_revision, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int64_t revision;
	int result =
		yett_sqlite_prepare(store, YETT_SQLITE_REGISTRY_GET_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, key, -1, SQLITE_STATIC);
	result = yett_sqlite_number(store, statement, "read the registry", 0, &revision, error);
	if (result == 0) {
		*ret_revision = (uint64_t)revision;
	}
	return result;
}

/* One counter for the whole registry: so a document that is deleted and made again never has a
 * revision that it had before. */
static int next_revision(struct yett_sqlite *store, int64_t *ret_revision, struct yett_error *error)
{
	int64_t revision;
	int result = yett_sqlite_meta_number(store, "revision", &revision, error);

	if (result < 0) {
		return result;
	}
	*ret_revision = revision + 1;
	return yett_sqlite_meta_set(store, "revision", NULL, revision + 1, error);
}

/* Runs a statement that names a document, and perhaps a revision. */
static int run_named(struct yett_sqlite *store, enum yett_sqlite_statement which, const char *table,
	const char *key, int64_t revision, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare(store, which, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, key, -1, SQLITE_STATIC);
	if (revision > 0) {
		sqlite3_bind_int64(statement, 3, revision);
	}
	return yett_sqlite_run(store, statement, "write to the registry", error);
}

static int remove_document(
	struct yett_sqlite *store, const char *table, const char *key, struct yett_error *error)
{
	int64_t revision = 0;
	int result = next_revision(store, &revision, error);

	if (result < 0 || (result = run_named(store, YETT_SQLITE_REGISTRY_DELETE_STATEMENT, table,
				   key, 0, error)) < 0) {
		return result;
	}
	return run_named(store, YETT_SQLITE_GONE_SET_STATEMENT, table, key, revision, error);
}

/* The views go over all documents, so one that is no JSON would spoil them. */
static int judge_document(struct yett_sqlite *store, const char *table, const char *key,
	const char *json, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int64_t valid = 0;
	int result =
		yett_sqlite_prepare(store, YETT_SQLITE_JSON_VALID_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_text(statement, 1, json, -1, SQLITE_STATIC);
	result = yett_sqlite_number(store, statement, "look at a document", 0, &valid, error);
	sqlite3_clear_bindings(statement);
	if (result == 0 && valid == 0) {
		result = store->host->fail(error, YETT_EINVAL, NULL,
			"registry: the document %s/%s is not JSON", table, key);
	}
	return result;
}

static int write_document(struct yett_sqlite *store, const char *table, const char *key,
	const char *json, int64_t revision, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result =
		yett_sqlite_prepare(store, YETT_SQLITE_REGISTRY_SET_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, json, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 4, revision);
	sqlite3_bind_int64(statement, 5, store->host->wall_ns(store->host->instance));
	result = yett_sqlite_run(store, statement, "write to the registry", error);
	sqlite3_clear_bindings(statement);
	return result;
}

/* The name of a node is its origin's name: what is told by queries. */
static int name_origin(struct yett_sqlite *store, const char *json, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare(store, YETT_SQLITE_NODE_NAME_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_text(statement, 1, json, -1, SQLITE_STATIC);
	result = yett_sqlite_run(store, statement, "name the origin of a node", error);
	sqlite3_clear_bindings(statement);
	return result;
}

int yett_sqlite_registry_put(void *self, const char *table, const char *key, const char *json,
	uint64_t revision, uint64_t *ret_revision, struct yett_error *error)
{
	struct yett_sqlite *store = self;
	uint64_t present = 0;
	int64_t fresh = 0;
	int result;

	if (!store->in_transaction) {
		return store->host->fail(error, YETT_EBUG, NULL,
			"%s: the registry is written within a transaction", store->name);
	}
	if (strcmp(table, YETT_TABLE_REPLAY) == 0) {
		return yett_sqlite_replay(store, key, json, error);
	}
	result = present_revision(store, table, key, &present, error);
	if (result < 0) {
		return result;
	}
	if (revision != YETT_REVISION_ANY && revision != present) {
		return store->host->fail(error, YETT_ECONFLICT, "read it again and decide anew",
			"registry: %s/%s is at revision %llu, not %llu", table, key,
			(unsigned long long)present, (unsigned long long)revision);
	}
	if (json == NULL) {
		result = present > 0 ? remove_document(store, table, key, error) : 0;
	} else if ((result = judge_document(store, table, key, json, error)) == 0 &&
		   (result = next_revision(store, &fresh, error)) == 0 &&
		   (result = write_document(store, table, key, json, fresh, error)) == 0 &&
		   (result = run_named(
			    store, YETT_SQLITE_GONE_DELETE_STATEMENT, table, key, 0, error)) == 0 &&
		   strcmp(table, "node") == 0) {
		result = name_origin(store, json, error);
	}
	if (result == 0 && ret_revision != NULL) {
		*ret_revision = (uint64_t)fresh;
	}
	return result;
}
