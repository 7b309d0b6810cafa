/* Transactions of the writer.
 *
 * The row of `store` is the one lock: a writer takes it before it reads what it will judge by, and
 * holds it until its commit. So all that is read in between cannot be changed by another management
 * server, record ids rise in the order of commits (who follows them misses nothing), and no two
 * writers can wait for each other in a circle. What can be done before, decoding above all, is done
 * before: `begin` takes no lock, the first put or registry_put does. Nothing is remembered from one
 * transaction to the next. A commit that PostgreSQL warns of is not known to be durable. A server that has been told meanwhile not to keep what it confirms is
 * refused here, at each transaction anew.
 */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_SQL                                                                                   \
	"BEGIN; SELECT generation, opens, revision, record, epoch, origin, name, "                 \
	"current_setting('fsync') = 'on' AND current_setting('synchronous_commit') IN "            \
	"('on', 'remote_apply') FROM store FOR UPDATE"

static int64_t number(const PGresult *rows, int column)
{
	return strtoll(PQgetvalue(rows, 0, column), NULL, 10);
}

int yett_pg_lock(struct yett_pg *store, struct yett_error *error)
{
	PGresult *rows = NULL;
	bool durable;
	int result;

	if (store->locked) {
		return 0;
	}
	store->locked = true; /* as for what has to be rolled back */
	store->head_dirty = false;
	result = yett_pg_text_run(store, LOCK_SQL, "begin a transaction", &rows, error);
	if (result < 0) {
		return result;
	}
	if (PQntuples(rows) != 1) {
		PQclear(rows);
		store->broken = true;
		return yett_pg_refuse(store, error, YETT_ECORRUPT,
			"restore the database from a backup",
			"PostgreSQL: the store's own row is gone");
	}
	store->head.generation = number(rows, 0);
	store->head.opens = number(rows, 1);
	store->head.revision = number(rows, 2);
	store->head.record = number(rows, 3);
	store->head.epoch = number(rows, 4);
	store->head.origin = number(rows, 5);
	store->head.name = number(rows, 6);
	durable = PQgetvalue(rows, 0, 7)[0] == 't';
	PQclear(rows);
	if (!durable) {
		store->broken = true;
		return yett_pg_refuse(store, error, YETT_ECONFIG,
			"set fsync = on in postgresql.conf and reload it",
			"PostgreSQL: it confirms what a loss of power takes away");
	}
	return 0;
}

int yett_pg_begin(void *self, struct yett_error *error)
{
	struct yett_pg *store = self;
	int result;

	if (store->mode != YETT_STORE_WRITER || store->in_transaction) {
		return store->host->fail(error, YETT_EBUG, NULL, "%s: %s", store->name,
			store->in_transaction ? "a transaction is under way already"
					      : "a reader cannot write");
	}
	result = yett_pg_ready(store, error);
	if (result < 0) {
		return result;
	}
	store->in_transaction = true;
	store->notify = false;
	memset(store->counts, 0, sizeof(store->counts));
	return 0;
}

static int write_head(struct yett_pg *store, struct yett_error *error)
{
	const struct yett_pg_head *head = &store->head;
	char sql[640], update[400] = "";
	PGresult *rows = NULL;
	int result;

	if (store->head_dirty) {
		snprintf(update, sizeof(update),
			"UPDATE store SET generation = %" PRId64 ", opens = %" PRId64
			", revision = %" PRId64 ", record = %" PRId64 ", epoch = %" PRId64
			", origin = %" PRId64 ", name = %" PRId64 "; ",
			head->generation, head->opens, head->revision, head->record, head->epoch,
			head->origin, head->name);
	}
	snprintf(sql, sizeof(sql), "%s%sCOMMIT", update,
		store->notify ? "SELECT pg_notify('yett', current_schema()); " : "");
	store->warning[0] = '\0';
	result = yett_pg_text_run(store, sql, "commit", &rows, error);
	/* A COMMIT of what has failed is no error to PostgreSQL: it rolls back, and says so. */
	if (result == 0 && strcmp(PQcmdStatus(rows), "COMMIT") != 0) {
		store->broken = true;
		result = yett_pg_refuse(store, error, YETT_EBUG, NULL,
			"PostgreSQL: a transaction that had failed was to be committed");
	}
	/* It is here, but not where it has to be; what comes again waits for that, too. */
	if (result == 0 && store->warning[0] != '\0') {
		store->broken = true;
		result = yett_pg_refuse(store, error, YETT_EUNAVAIL,
			"let commits wait for their standby (nobody is to cancel them); see "
			"whether "
			"the standby is well",
			"PostgreSQL: a commit is not known to be durable: %s", store->warning);
	}
	PQclear(rows);
	return result;
}

int yett_pg_commit(void *self, struct yett_error *error)
{
	struct yett_pg *store = self;
	int result = 0;

	if (!store->in_transaction) {
		return store->host->fail(
			error, YETT_EBUG, NULL, "%s: no transaction is under way", store->name);
	}
	if (store->locked) {
		result = write_head(store, error);
	}
	if (result < 0) {
		yett_pg_rollback(store);
		return result;
	}
	if (store->locked && store->head_dirty) {
		store->known = store->head;
		store->written_since = true;
	}
	store->locked = false;
	store->in_transaction = false;
	yett_pg_forget(store);
	for (uint32_t i = 0; i < YETT_PG_METRICS; i++) {
		if (store->counts[i] != 0) {
			store->host->metric(store->host->instance, i, store->counts[i]);
		}
	}
	return 0;
}

void yett_pg_abandon(struct yett_pg *store)
{
	if (store->locked && store->connection != NULL && !store->broken &&
		yett_pg_text_run(store, "ROLLBACK", "roll back", NULL, NULL) < 0) {
		store->broken = true;
	}
	store->locked = false;
	yett_pg_forget(store);
}

void yett_pg_rollback(void *self)
{
	struct yett_pg *store = self;

	if (store->in_transaction) {
		yett_pg_abandon(store);
		store->in_transaction = false;
	}
}
