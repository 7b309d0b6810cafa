/* store-null: acknowledges everything and keeps nothing. For benchmarks of all that is before a
 * store; on a node whose records matter it destroys them, and so it says at every start.
 *
 * It counts batches and records and keeps the registry and sources' positions in memory (shelf.c),
 * with transactions that can be rolled back, since a management server does not work without. No
 * batch is judged: a duplicate counts twice. Nothing outlives the process. Queries, accounts and
 * losses are empty. Each instance runs on one thread at a time.
 */
#include "null.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yett/store.h>

enum metric { METRIC_BATCHES, METRIC_RECORDS };

static const struct yett_metric metrics[] = {
	[METRIC_BATCHES] = {"batches", "{batch}", "Batches acknowledged and forgotten.",
		YETT_METRIC_COUNTER},
	[METRIC_RECORDS] = {"records", "{record}", "Records acknowledged and forgotten.",
		YETT_METRIC_COUNTER},
	{.name = NULL},
};

struct null {
	const struct yett_host *host;
	struct yett_null_shelf *shelf;
	uint32_t mode;
	bool in_transaction;
	uint64_t batches, records; /* of the transaction */
	uint64_t all_records;
	struct yett_null_change *undoings; /* the last one first */
	uint64_t generation;
	struct yett_id id;
};

static void destroy(void *self)
{
	struct null *null = self;

	if (null->shelf != NULL) {
		yett_null_shelf_close(null->shelf);
	}
	free(null);
}

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	struct null *null = calloc(1, sizeof(*null));

	if (null != NULL) {
		null->host = host;
		null->shelf = yett_null_shelf_open(with->state != NULL ? with->state : "");
	}
	if (null == NULL || null->shelf == NULL) {
		free(null);
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for a store");
	}
	host->random_bytes(host->instance, &null->id, sizeof(null->id));
	null->generation = (uint64_t)host->wall_ns(host->instance) / UINT64_C(1000000000);
	yett_null_shelf_identity(null->shelf, &null->id, &null->generation);
	*ret_self = null;
	return 0;
}

static int null_open(void *self, uint32_t mode, struct yett_error *error)
{
	struct null *null = self;

	(void)error;
	null->mode = mode;
	return 0;
}

static int start(void *self, struct yett_error *error)
{
	struct null *null = self;

	(void)error;
	if (null->mode == YETT_STORE_WRITER) {
		null->host->log(null->host->instance, YETT_LOG_WARNING, "store-keeps-nothing",
			"this store acknowledges records and forgets them: it is for benchmarks; "
			"set another store if they matter.");
	}
	return 0;
}

static int begin(void *self, struct yett_error *error)
{
	struct null *null = self;

	if (null->mode != YETT_STORE_WRITER || null->in_transaction) {
		return null->host->fail(error, YETT_EBUG, NULL, "store-null: %s",
			null->in_transaction ? "a transaction is under way already"
					     : "a reader cannot write");
	}
	null->in_transaction = true;
	null->batches = null->records = 0;
	return 0;
}

static void forget_undoings(struct null *null, bool apply)
{
	while (null->undoings != NULL) {
		struct yett_null_change *undoing = null->undoings;

		null->undoings = undoing->next;
		if (apply && !yett_null_shelf_swap(null->shelf, undoing)) {
			null->host->log(null->host->instance, YETT_LOG_ERROR,
				"store-rollback-failed",
				"a document could not be put back for want of memory. key=%s",
				undoing->key);
		}
		yett_null_change_free(undoing);
	}
}

static void rollback(void *self)
{
	struct null *null = self;

	forget_undoings(null, true);
	null->in_transaction = false;
}

static int commit(void *self, struct yett_error *error)
{
	struct null *null = self;

	if (!null->in_transaction) {
		return null->host->fail(
			error, YETT_EBUG, NULL, "store-null: no transaction is under way");
	}
	forget_undoings(null, false);
	null->in_transaction = false;
	null->all_records += null->records;
	null->host->metric(null->host->instance, METRIC_BATCHES, (int64_t)null->batches);
	null->host->metric(null->host->instance, METRIC_RECORDS, (int64_t)null->records);
	return 0;
}

/* Given: `bytes` are copied. */
static int change(struct null *null, const char *table, const char *key, const void *bytes,
	size_t length, uint64_t revision, struct yett_error *error)
{
	struct yett_null_change *made = calloc(1, sizeof(*made));

	if (made != NULL) {
		made->table = strdup(table);
		made->key = strdup(key);
		made->bytes = bytes != NULL ? malloc(length + 1) : NULL;
		made->length = length;
		made->revision = revision;
	}
	if (made == NULL || made->table == NULL || made->key == NULL ||
		(bytes != NULL && made->bytes == NULL)) {
		yett_null_change_free(made);
		return null->host->fail(error, YETT_ENOMEM, NULL, "no memory for a document");
	}
	if (bytes != NULL) {
		memcpy(made->bytes, bytes, length);
		((char *)made->bytes)[length] = '\0';
	}
	if (!yett_null_shelf_swap(null->shelf, made)) {
		yett_null_change_free(made);
		return null->host->fail(error, YETT_ENOMEM, NULL, "no memory for a document");
	}
	made->next = null->undoings;
	null->undoings = made;
	return 0;
}

static int put(void *self, struct yett_put *puts, size_t count, struct yett_error *error)
{
	struct null *null = self;
	size_t stride = count > 0 && puts->size > 0 ? puts->size : sizeof(*puts);
	char *at = (char *)puts;

	if (!null->in_transaction) {
		return null->host->fail(
			error, YETT_EBUG, NULL, "store-null: put outside of a transaction");
	}
	for (size_t i = 0; i < count; i++, at += stride) {
		struct yett_put *one = (struct yett_put *)(void *)at;
		int result = 0;

		if (one->key != NULL) {
			result = change(null, "", one->key,
				one->position_length > 0 ? one->position : "", one->position_length,
				1, error);
		}
		one->ret_result = result < 0 ? result : YETT_PUT_STORED;
		if (result < 0) {
			return result;
		}
		null->batches++;
		null->records += one->batch->info.count;
	}
	return 0;
}

static int tidy(void *self, uint64_t budget_ns, struct yett_error *error)
{
	(void)self;
	(void)budget_ns;
	(void)error;
	return 0;
}

static int registry_put(void *self, const char *table, const char *key, const char *json,
	uint64_t revision, uint64_t *ret_revision, struct yett_error *error)
{
	struct null *null = self;
	uint64_t present, fresh = 0;
	int result;

	if (!null->in_transaction || table[0] == '\0') {
		return null->host->fail(error, YETT_EBUG, NULL,
			"store-null: the registry is written within a transaction, to a table");
	}
	present = yett_null_shelf_revision(null->shelf, table, key);
	if (revision != YETT_REVISION_ANY && revision != present) {
		return null->host->fail(error, YETT_ECONFLICT, "read it again and decide anew",
			"registry: %s/%s is at revision %" PRIu64 ", not %" PRIu64, table, key,
			present, revision);
	}
	if (json != NULL) {
		fresh = yett_null_shelf_next_revision(null->shelf);
	}
	result = change(null, table, key, json, json != NULL ? strlen(json) : 0, fresh, error);
	if (result == 0 && ret_revision != NULL) {
		*ret_revision = fresh;
	}
	return result;
}

/* Visits a copy, so that a visitor may take its time. */
static int registry_list(void *self, const char *table, const char *key, yett_document_fn visit,
	void *arg, struct yett_error *error)
{
	struct null *null = self;
	struct yett_null_change *list, *next;
	int result = 0;

	if (!yett_null_shelf_list(null->shelf, table, key, &list)) {
		return null->host->fail(error, YETT_ENOMEM, NULL, "no memory for documents");
	}
	for (; list != NULL; list = next) {
		next = list->next;
		if (result == 0) {
			result = visit(arg, list->key, list->bytes, list->revision);
		}
		yett_null_change_free(list);
	}
	return result;
}

static int positions(void *self, const char *prefix,
	int (*visit)(void *arg, const char *key, const void *position, size_t length), void *arg)
{
	struct null *null = self;
	struct yett_null_change *list, *next;
	size_t length = prefix != NULL ? strlen(prefix) : 0;
	int result = 0;

	if (!yett_null_shelf_list(null->shelf, "", NULL, &list)) {
		return YETT_ENOMEM;
	}
	for (; list != NULL; list = next) {
		next = list->next;
		if (result == 0 && (length == 0 || strncmp(list->key, prefix, length) == 0)) {
			result = visit(arg, list->key, list->bytes, list->length);
		}
		yett_null_change_free(list);
	}
	return result;
}

static int query(void *self, const struct yett_query *asked, yett_row_fn visit, void *arg,
	struct yett_error *error)
{
	(void)self;
	(void)asked;
	(void)visit;
	(void)arg;
	(void)error;
	return 0;
}

static int account(void *self, yett_account_fn visit, void *arg, struct yett_error *error)
{
	(void)self;
	(void)visit;
	(void)arg;
	(void)error;
	return 0;
}

static int losses(void *self, yett_loss_fn visit, void *arg, struct yett_error *error)
{
	(void)self;
	(void)visit;
	(void)arg;
	(void)error;
	return 0;
}

static int stats(void *self, struct yett_store_stats *ret_stats, struct yett_error *error)
{
	struct null *null = self;

	(void)error;
	*ret_stats = (struct yett_store_stats){.size = sizeof(*ret_stats),
		.records = null->all_records,
		.generation = null->generation,
		.store_id = null->id};
	return 0;
}

static const struct yett_life life = {
	.size = sizeof(life),
	.create = create,
	.start = start,
	.stop = rollback,
	.destroy = destroy,
};

static const struct yett_store_operations operations = {
	.size = sizeof(operations),
	.open = null_open,
	.begin = begin,
	.put = put,
	.commit = commit,
	.rollback = rollback,
	.tidy = tidy,
	.registry_put = registry_put,
	.positions = positions,
	.registry_list = registry_list,
	.query = query,
	.account = account,
	.losses = losses,
	.stats = stats,
};

YETT_MODULE(.kind = YETT_KIND_STORE, .name = "store-null", .version = "0.1.0",
	.licence = "Apache-2.0",
	.summary = "for benchmarks only: acknowledges every record and KEEPS NOTHING",
	.life = &life, .operations = &operations, .metrics = metrics);
