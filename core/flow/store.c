/* The store stage: batches are made durable, once, in groups, by transactions.
 *
 * Responsible for group commit into a store module (whatever arrived during the last commit is the
 * next transaction), for registry documents, which travel in the same transactions, and for saying
 * whether the store is well, since a management server that has lost its store has no way to offer.
 * Not responsible for exactly once itself: that is the module's, by host->judge, inside the
 * transaction; nor for what is read (readers.c). On the loop, but for `work` (the writer's thread). A
 * transaction that fails is rolled back as a whole; its batches wait, unacknowledged, and are tried
 * again after a second; where the whole may have been too much, half of them, down to one. A document that
 * makes it fail is tried alone, and given up where it fails again.
 *
 * What waits is bounded, however long the store fails: of documents, one for each key, the newest
 * (documents.c); of changes a number (YETT_STORE_CHANGES_MAX), and those that people wait for are given back
 * after a while. */
#include <stdio.h>
#include <string.h>

#include "../base/id.h"
#include "../base/log.h"
#include "documents.h"
#include "stages.h"

#define GROUP_RECORDS 32768
#define GROUP_BATCHES 1024
#define GROUP_PLAIN                                                                                \
	(16 * 1024 * 1024) /* bytes, once they are decoded; a batch alone may have any */
#define RETRY_NS    (1 * YETT_SEC)
#define TIDY_NS     (5 * YETT_SEC)
#define TIDY_BUDGET (50 * YETT_MS)
#define UNTIDY_TOLD 2               /* failures in a row */
#define PATIENCE_NS (10 * YETT_SEC) /* of what somebody asked for and waits for */

struct yett_vault {
	struct yett_node *node;
	const struct yett_store_operations *operations;
	struct yett_instance *writer;
	struct yett_executor *executor;
	bool busy;
	bool closing; /* freed once what is under way has come back */
	bool failing; /* the last transaction failed: not again before `retry` */
	bool tidying;
	unsigned
		untidy; /* how often housekeeping has failed in a row, and the store itself has not */
	uint64_t last_tidy_ns;
	struct yett_keep_list pending;
	struct yett_keep_list later; /* our own that the store could not take: at the next tick */
	struct yett_documents documents; /* that wait */
	GPtrArray *refused; /* changes that there was no room for: answered at the next tick */
	size_t changes;     /* that wait, or are being written */
	struct yett_timer *retry;
	struct yett_id id;
	uint64_t generation;
	/* the job */
	struct yett_job job;
	struct yett_keep_list group;
	size_t group_most; /* batches: fewer than GROUP_BATCHES after a group that failed */
	struct yett_put *puts;
	GPtrArray *group_documents;
	struct yett_registry_document
		*culprit; /* of the group: the one that made it fail, for good */
	int result;
	int tidy_result;
	struct yett_error error, tidy_error;
};

static void kick(struct yett_vault *vault);

static size_t fill_puts(struct yett_vault *vault)
{
	size_t n = 0;

	for (struct yett_keep *keep = vault->group.head; keep != NULL; keep = keep->next) {
		vault->puts[n++] = (struct yett_put){
			.size = sizeof(struct yett_put),
			.batch = &keep->batch,
			.meta = keep->meta,
			.meta_length = keep->meta_length,
			.received_ns = keep->received_ns,
			.gateway = keep->gateway,
			.key = keep->key,
			.position = keep->position,
			.position_length = keep->position_length,
			.flags = keep->for_others ? YETT_PUT_FOR_OTHERS : 0,
			.aside = keep->aside,
		};
	}
	return n;
}

/* A document that cannot be written as it is must not stop the batches beside it: what is not there
 * to be deleted, is no JSON, or was changed by somebody else meanwhile, is the answer to it alone. */
static int put_document(struct yett_vault *vault, struct yett_registry_document *document)
{
	int result;

	document->ret_revision = 0;
	result =
		vault->operations->registry_put(vault->writer->self, document->table, document->key,
			document->json, document->revision, &document->ret_revision, &vault->error);
	document->result = result;
	for (guint i = 0; result == 0 && document->also != NULL && i < document->also->len; i++) {
		int also = put_document(vault, document->also->pdata[i]);

		if (also != 0) {
			return also;
		}
	}
	return result == YETT_ENOTFOUND || result == YETT_EINVAL || result == YETT_ECONFLICT
		       ? 0
		       : result;
}

/* Failures that are the document's own, though the store has no answer for them: no time, no administrator of
 * the store mends it. */
static bool is_of_document(int result)
{
	return result == YETT_EBUG || result == YETT_ELIMIT || result == YETT_EPROTO ||
	       result == YETT_ENOTSUP || result == YETT_EEXIST;
}

static int put_documents(struct yett_vault *vault)
{
	int result = 0;

	for (guint i = 0; result == 0 && i < vault->group_documents->len; i++) {
		struct yett_registry_document *document = vault->group_documents->pdata[i];

		result = put_document(vault, document);
		if (is_of_document(result)) {
			vault->culprit = document;
		}
	}
	return result;
}

static int transact(struct yett_vault *vault)
{
	const struct yett_store_operations *operations = vault->operations;
	void *self = vault->writer->self;
	size_t n = fill_puts(vault);
	int result = operations->begin(self, &vault->error);

	if (result != 0) {
		return result;
	}
	if (n > 0) {
		result = operations->put(self, vault->puts, n, &vault->error);
	}
	if (result == 0) {
		result = put_documents(vault);
	}
	if (result == 0) {
		result = operations->commit(self, &vault->error);
	}
	if (result != 0) {
		operations->rollback(self);
	}
	return result;
}

/* Whether it fails in all, when it has failed in housekeeping. */
static int probe(struct yett_vault *vault)
{
	const struct yett_store_operations *operations = vault->operations;
	struct yett_store_stats stats = {.size = sizeof(stats)};
	void *self = vault->writer->self;
	int result = operations->begin(self, &vault->error);

	if (result != 0) {
		return result;
	}
	result = operations->stats(self, &stats, &vault->error);
	if (result == 0) {
		result = operations->commit(self, &vault->error);
	}
	if (result != 0) {
		operations->rollback(self);
	}
	return result;
}

static void tidy(struct yett_vault *vault)
{
	memset(&vault->tidy_error, 0, sizeof(vault->tidy_error));
	vault->tidy_result =
		vault->operations->tidy(vault->writer->self, TIDY_BUDGET, &vault->tidy_error);
	vault->result = vault->tidy_result >= 0             ? 0
			: vault->tidy_result == YETT_EAGAIN ? YETT_EAGAIN
							    : probe(vault);
}

static void work(void *arg)
{
	struct yett_vault *vault = arg;

	if (vault->closing) {
		return; /* an inline executor comes to it late; threads were waited for */
	}
	memset(&vault->error, 0, sizeof(vault->error));
	vault->tidy_result = 0;
	vault->culprit = NULL;
	if (vault->tidying) {
		tidy(vault);
		return;
	}
	vault->result = transact(vault);
}

static void count_put(struct yett_node *node, const struct yett_keep *keep, int result)
{
	char origin[YETT_ID_TEXT_SIZE];

	switch (result) {
	case YETT_PUT_STORED:
		yett_count(node, YETT_COUNT_STORED, keep->batch.info.count);
		break;
	case YETT_PUT_DUPLICATE:
		yett_count(node, YETT_COUNT_DUPLICATE, 1);
		break;
	case YETT_PUT_FORK:
		yett_count(node, YETT_COUNT_FORKS, 1);
		yett_log(YETT_LOG_WARNING, "fork",
			"a batch with numbers that are taken, and other content: a live copy of "
			"its origin runs somewhere; it is kept apart gateway=%s",
			keep->gateway != NULL ? keep->gateway : "-");
		break;
	case YETT_PUT_DEAD:
		yett_count(node, YETT_COUNT_DEAD, 1);
		yett_log(YETT_LOG_WARNING, "dead-letter",
			"a batch cannot be stored; it is kept as it came, and yettctl dead list "
			"says "
			"why gateway=%s origin=%s",
			keep->gateway != NULL ? keep->gateway : "-",
			yett_id_text(&keep->batch.info.origin, origin));
		break;
	default:
		break;
	}
}

static void set_failing(struct yett_vault *vault, bool failing)
{
	if (failing && !vault->failing) {
		yett_log(YETT_LOG_ERROR, "store-failing",
			"%s%s%s; nothing is acknowledged until it works again",
			vault->error.text[0] != '\0' ? vault->error.text
						     : yett_result_text(vault->result),
			vault->error.mend[0] != '\0' ? "; " : "", vault->error.mend);
	} else if (!failing && vault->failing) {
		yett_log(YETT_LOG_NOTICE, "store-well", "the store takes batches again");
	}
	if (failing != vault->failing) {
		vault->failing = failing;
		yett_path_update(vault->node);
	}
}

/* What is old stays then, and the store grows; but it takes batches, and has a way to offer. Once may be a moment's
 * affair, such as a database that hung. */
static void set_untidy(struct yett_vault *vault, bool untidy)
{
	const struct yett_error *error = &vault->tidy_error;

	if (untidy && ++vault->untidy == UNTIDY_TOLD) {
		yett_log(YETT_LOG_WARNING, "store-untidy",
			"housekeeping fails, so that nothing is deleted by age or size: %s%s%s",
			error->text[0] != '\0' ? error->text : yett_result_text(vault->tidy_result),
			error->mend[0] != '\0' ? "; " : "", error->mend);
	} else if (!untidy && vault->untidy >= UNTIDY_TOLD) {
		yett_log(YETT_LOG_NOTICE, "store-tidy", "housekeeping works again");
	}
	vault->untidy = untidy ? vault->untidy : 0;
}

/* `instead`: what became of all of them, where it is not what the store said. */
static void answer_changes(struct yett_vault *vault, GPtrArray *documents, int instead)
{
	for (guint i = 0; i < documents->len; i++) {
		struct yett_registry_document *document = documents->pdata[i];
		yett_change_done done_fn = document->done;

		document->done = NULL;
		vault->changes -= document->change;
		document->change = false;
		if (done_fn != NULL) {
			done_fn(document->arg, instead != 0 ? instead : document->result,
				instead != 0 ? 0 : document->ret_revision);
		}
	}
}

/* This server's own, and not what only says so. */
static bool is_own(const struct yett_vault *vault, const struct yett_keep *keep)
{
	return keep->aside == NULL && yett_id_equal(&keep->batch.info.origin, &vault->node->id);
}

static void complete(struct yett_vault *vault)
{
	struct yett_keep *keep;
	size_t n = 0;

	while ((keep = yett_keep_pop(&vault->group)) != NULL) {
		int result = vault->puts[n++].ret_result;

		count_put(vault->node, keep, result);
		if (result == YETT_PUT_LATER && is_own(vault, keep)) {
			yett_keep_push(&vault->later, keep); /* nobody else would send it again */
			continue;
		}
		if (result > 0 && result != YETT_PUT_LATER && is_own(vault, keep)) {
			yett_origin_durable(vault->node, &keep->batch.info);
		}
		yett_keep_complete(keep, result == YETT_PUT_LATER ? YETT_EAGAIN
					 : result < 0             ? result
								  : 0);
	}
	answer_changes(vault, vault->group_documents, 0);
	g_ptr_array_set_size(vault->group_documents, 0);
	yett_count(vault->node, YETT_COUNT_SYNCS, 1);
	yett_intake_acknowledge(vault->node);
}

/* What failed goes back, in front of what came since. Whoever asked for a change, and waits, is told: else it
 * would come about when nobody thinks of it any more. */
static void restore(struct yett_vault *vault)
{
	struct yett_keep_list all = vault->group;
	GPtrArray *documents = vault->group_documents;
	GPtrArray *given_up = g_ptr_array_new_with_free_func(yett_document_free);
	uint64_t now_ns = yett_now(vault->node);

	memset(&vault->group, 0, sizeof(vault->group));
	yett_keep_join(&all, &vault->pending);
	vault->pending = all;
	g_ptr_array_extend_and_steal(documents, vault->documents.waiting);
	vault->documents.waiting = g_ptr_array_new_with_free_func(yett_document_free);
	vault->group_documents = g_ptr_array_new_with_free_func(yett_document_free);
	g_hash_table_remove_all(vault->documents.newest);
	g_ptr_array_set_free_func(documents, NULL);
	for (guint i = 0; i < documents->len; i++) {
		struct yett_registry_document *document = documents->pdata[i];

		if (document->change && now_ns >= document->patience_ns) {
			g_ptr_array_add(given_up, document);
		} else {
			yett_documents_add(&vault->documents, document);
		}
	}
	g_ptr_array_free(documents, TRUE);
	answer_changes(vault, given_up, YETT_EUNAVAIL);
	g_ptr_array_free(given_up, TRUE);
	vault->node->loop->table->timer_start(vault->retry, RETRY_NS);
}

/* That is no store that fails: it goes on without that document, or with it alone. */
static void heed_culprit(struct yett_vault *vault)
{
	bool alone = vault->group.head == NULL && vault->group_documents->len == 1;

	if (yett_document_is_hopeless(vault->culprit, alone, vault->result, &vault->error)) {
		vault->result = 0; /* its answer says what it came to */
	}
}

static void vault_free(struct yett_vault *vault)
{
	if (vault->busy) {
		return; /* the last completion frees it */
	}
	if (vault->executor != NULL) {
		yett_executor_free(vault->executor, false, 0);
	}
	yett_documents_done(&vault->documents);
	g_ptr_array_free(vault->refused, TRUE);
	g_ptr_array_free(vault->group_documents, TRUE);
	g_free(vault->puts);
	g_free(vault);
}

/* Another server of the group writes all the time and did not let us in, and no batch waits for it: what
 * servers tell each other, and housekeeping, have their turn later. That is no store that fails. */
static bool only_waits(const struct yett_vault *vault)
{
	return vault->group.head == NULL && vault->result == YETT_EAGAIN;
}

static void tidied(struct yett_vault *vault)
{
	vault->tidying = false;
	vault->last_tidy_ns = yett_now(vault->node);
	if (vault->tidy_result >= 0) {
		set_untidy(vault, false);
	} else if (vault->result == 0) {
		set_untidy(vault, true);
	}
	if (vault->tidy_result > 0) {
		vault->last_tidy_ns = 0; /* more to do, after what waits */
	}
	if (vault->result != 0) {
		vault->node->loop->table->timer_start(vault->retry, RETRY_NS);
	}
}

/* Perhaps the group was too much, or one of it makes it fail: fewer, until that is alone. Where the store was
 * not reached, or had no time, the next try may as well be the same. */
static void narrow(struct yett_vault *vault)
{
	if (vault->group.count > 1 && vault->culprit == NULL && vault->result != YETT_EAGAIN &&
		vault->result != YETT_EUNAVAIL && vault->result != YETT_ECLOSED) {
		vault->group_most = vault->group.count / 2;
	}
}

static void done(void *arg)
{
	struct yett_vault *vault = arg;

	if (vault->closing) {
		vault->busy = false;
		vault_free(vault);
		return;
	}
	if (vault->culprit != NULL) {
		heed_culprit(vault);
	}
	/* Still busy: completions may add to the next transaction, and must not begin it. */
	if (!only_waits(vault) && (vault->culprit == NULL || vault->result == 0)) {
		set_failing(vault, vault->result != 0);
	}
	if (vault->tidying) {
		tidied(vault);
	} else if (vault->result == 0) {
		vault->group_most = MIN(2 * vault->group_most, GROUP_BATCHES);
		complete(vault);
	} else {
		narrow(vault);
		restore(vault);
	}
	vault->busy = false;
	kick(vault);
}

static void gather(struct yett_vault *vault)
{
	const struct yett_keep_limits limits = {vault->group_most, GROUP_RECORDS, GROUP_PLAIN};

	if (!yett_documents_next_alone(&vault->documents)) {
		yett_keep_take(&vault->group, &vault->pending, &limits);
	}
	yett_documents_take(&vault->documents, vault->group_documents);
	vault->puts = g_renew(
		struct yett_put, vault->puts, vault->group.count > 0 ? vault->group.count : 1);
}

static void submit(struct yett_vault *vault)
{
	vault->busy = true;
	vault->job = (struct yett_job){.work = work, .done = done, .arg = vault};
	yett_executor_submit(vault->executor, &vault->job);
}

static void kick(struct yett_vault *vault)
{
	if (vault->busy || vault->failing || vault->closing) {
		return;
	}
	if (vault->pending.head != NULL || vault->documents.waiting->len > 0) {
		gather(vault);
	} else if (vault->operations->tidy != NULL && !vault->node->draining &&
		   yett_now(vault->node) - vault->last_tidy_ns > TIDY_NS) {
		vault->tidying = true;
	} else {
		return;
	}
	submit(vault);
}

static void retry(void *arg)
{
	struct yett_vault *vault = arg;

	/* One more try; `failing` stays said until it succeeds. */
	if (vault->busy) {
		return;
	}
	if (vault->pending.head == NULL && vault->documents.waiting->len == 0) {
		vault->tidying = vault->operations->tidy != NULL;
		if (!vault->tidying) {
			set_failing(vault, false);
			return;
		}
	} else {
		gather(vault);
	}
	submit(vault);
}

bool yett_store_for_others(const struct yett_node *node, const struct yett_id *origin)
{
	const struct yett_management *management = &node->management;

	return yett_id_equal(origin, &node->id) ||
	       (management->for_others != NULL && management->for_others(management->arg, origin));
}

/* Whose word counts is asked now: by the time that it is stored, who brought it may have gone. */
void yett_store_keep(struct yett_node *node, struct yett_keep *keep)
{
	keep->for_others = keep->batch.info.content == YETT_CONTENT_CUSTODY &&
			   yett_store_for_others(node, &keep->batch.info.origin);
	yett_keep_push(&node->store->pending, keep);
	kick(node->store);
}

void yett_store_document(
	struct yett_node *node, const char *table, const char *key, const char *json)
{
	yett_documents_add(
		&node->store->documents, yett_document_new(table, key, json, YETT_REVISION_ANY));
	kick(node->store);
}

static void add_change(struct yett_node *node, struct yett_registry_document *change,
	yett_change_done done_fn, void *arg)
{
	struct yett_vault *vault = node->store;

	change->done = done_fn;
	change->arg = arg;
	if (vault->changes >= YETT_STORE_CHANGES_MAX) {
		g_ptr_array_add(vault->refused, change);
		return;
	}
	change->change = true;
	vault->changes++;
	yett_documents_add(&vault->documents, change);
	kick(vault);
}

void yett_store_change(struct yett_node *node, const char *table, const char *key, const char *json,
	uint64_t revision, yett_change_done done_fn, void *arg)
{
	struct yett_registry_document *change = yett_document_new(table, key, json, revision);

	change->patience_ns = UINT64_MAX;
	add_change(node, change, done_fn, arg);
}

void yett_store_change_also(struct yett_node *node, const char *table, const char *key,
	const char *json, uint64_t revision, const struct yett_store_also *also, size_t count,
	yett_change_done done_fn, void *arg)
{
	struct yett_registry_document *change = yett_document_new(table, key, json, revision);

	change->patience_ns = yett_now(node) + PATIENCE_NS;
	for (size_t i = 0; i < count; i++) {
		if (change->also == NULL) {
			change->also = g_ptr_array_new_with_free_func(yett_document_free);
		}
		g_ptr_array_add(change->also, yett_document_new(also[i].table, also[i].key,
						      also[i].json, YETT_REVISION_ANY));
	}
	add_change(node, change, done_fn, arg);
}

size_t yett_store_waiting(const struct yett_node *node)
{
	return node->store->documents.waiting->len + node->store->group_documents->len;
}

static void answer_refused(struct yett_vault *vault, int result)
{
	GPtrArray *refused = vault->refused;

	vault->refused = g_ptr_array_new_with_free_func(yett_document_free);
	answer_changes(vault, refused, result);
	g_ptr_array_free(refused, TRUE);
}

void yett_store_tick(struct yett_node *node)
{
	if (node->store->refused->len > 0) {
		answer_refused(node->store, YETT_EUNAVAIL);
	}
	yett_keep_join(&node->store->pending, &node->store->later);
	kick(node->store);
}

bool yett_store_idle(const struct yett_node *node)
{
	const struct yett_vault *vault = node->store;

	return !vault->busy && vault->pending.head == NULL && vault->documents.waiting->len == 0 &&
	       vault->refused->len == 0 && yett_readers_idle(node);
}

bool yett_store_healthy(const struct yett_node *node)
{
	return !node->store->failing;
}

const struct yett_store_operations *yett_store_operations(
	const struct yett_node *node, void **ret_self)
{
	*ret_self = node->store->writer->self;
	return node->store->operations;
}

struct yett_id yett_store_id(const struct yett_node *node, uint64_t *ret_generation)
{
	*ret_generation = node->store->generation;
	return node->store->id;
}

void yett_store_set_generation(struct yett_node *node, uint64_t generation)
{
	node->store->generation = generation;
}

int yett_store_instance(struct yett_node *node, uint32_t mode, struct yett_instance **ret_instance,
	struct yett_error *error)
{
	const struct yett_block *block = &node->settings->store;
	const struct yett_store_operations *operations = block->descriptor->operations;
	int result = yett_instance_new(&node->world, block->descriptor, block->name,
		block->settings, NULL, 0, ret_instance, error);

	if (result == 0) {
		result = operations->open((*ret_instance)->self, mode, error);
	}
	return result == 0 ? yett_instance_start(*ret_instance, error) : result;
}

int yett_store_open(struct yett_node *node, struct yett_error *error)
{
	struct yett_vault *vault = g_new0(struct yett_vault, 1);
	struct yett_store_stats stats = {.size = sizeof(stats)};
	int result;

	node->store = vault;
	vault->node = node;
	vault->operations = node->settings->store.descriptor->operations;
	vault->group_most = GROUP_BATCHES;
	yett_documents_init(&vault->documents);
	vault->refused = g_ptr_array_new_with_free_func(yett_document_free);
	vault->group_documents = g_ptr_array_new_with_free_func(yett_document_free);
	vault->retry = node->loop->table->timer_new(node->loop, retry, vault);
	result = yett_store_instance(node, YETT_STORE_WRITER, &vault->writer, error);
	if (result == 0) {
		result = yett_readers_open(node, error);
	}
	if (result == 0) {
		result = vault->operations->stats(vault->writer->self, &stats, error);
	}
	if (result != 0) {
		return result;
	}
	vault->id = stats.store_id;
	vault->generation = stats.generation;
	yett_log(YETT_LOG_NOTICE, "store-open", "the store is ready records=%" G_GUINT64_FORMAT,
		stats.records);
	if (node->inline_executors) {
		vault->executor = yett_executor_inline_new(node->loop);
		return 0;
	}
	return yett_executor_new(node->loop, "store", 1, &vault->executor, error);
}

/* After this, the vault is freed here, or by the last completion that is under way. */
void yett_store_close(struct yett_node *node)
{
	struct yett_vault *vault = node->store;

	if (vault == NULL) {
		return;
	}
	if (vault->executor != NULL && !node->inline_executors) {
		yett_executor_free(vault->executor, false, 0);
		vault->executor = NULL;
	}
	vault->closing = true; /* before those are answered who may write now */
	yett_readers_close(node);
	yett_keep_complete_all(&vault->group, YETT_ECLOSED);
	yett_keep_complete_all(&vault->pending, YETT_ECLOSED);
	yett_keep_complete_all(&vault->later, YETT_ECLOSED);
	answer_changes(vault, vault->group_documents, YETT_ECLOSED);
	answer_changes(vault, vault->documents.waiting, YETT_ECLOSED);
	answer_refused(vault, YETT_ECLOSED);
	yett_instance_free(vault->writer);
	node->loop->table->timer_free(vault->retry);
	node->store = NULL;
	vault_free(vault);
}
