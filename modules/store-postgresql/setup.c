/* What a new connection is told and asked before it is used.
 *
 * It is told to commit durably, to give up what takes too long, and to drop a transaction whose
 * client is silent: so a management server that dies or hangs holds the others up only for a while.
 * It is asked whether the server can keep what it confirms (fsync), takes writes, speaks UTF-8, is
 * new enough, and whether the schema is ours, of our version, of our group. A writer makes the
 * tables where the schema is empty; a reader makes nothing. What is refused here is never written to.
 */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_NS UINT64_C(1000000)

static int tell(struct yett_pg *store, struct yett_error *error)
{
	uint64_t timeout_ms = store->settings->timeout_ns / MS_NS;
	bool writer = store->mode == YETT_STORE_WRITER;
	char *schema = PQescapeIdentifier(
		store->connection, store->settings->schema, strlen(store->settings->schema));
	char sql[1280];
	int result;

	if (schema == NULL) {
		return yett_pg_fail_lost(store, error, false, "set up the connection");
	}
	/* Synchronous commit: a stronger setting of the server's, remote_apply, is left as it is. */
	snprintf(sql, sizeof(sql),
		"SELECT set_config('synchronous_commit', 'on', false) WHERE "
		"current_setting('synchronous_commit') <> 'remote_apply'; "
		"SET search_path = %s; SET statement_timeout = %" PRIu64
		"; SET lock_timeout = %" PRIu64
		"; SET idle_in_transaction_session_timeout = %" PRIu64
		"; SET client_min_messages = warning; SET client_connection_check_interval = 2000; "
		"SET TimeZone = 'UTC'; SET jit = "
		"off; "
		"SET standard_conforming_strings = on; SET default_transaction_isolation = "
		"'read committed'; SET default_transaction_read_only = %s; %s",
		schema, timeout_ms, timeout_ms - timeout_ms / 10, timeout_ms, writer ? "off" : "on",
		/* Each of the writer's statements has its index, also while tables are small. */
		writer ? "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan"
		       : "SET plan_cache_mode = auto");
	PQfreemem(schema);
	result = yett_pg_text_run(store, sql, "set up the connection", NULL, error);
	return result;
}

static int judge_server(struct yett_pg *store, struct yett_error *error)
{
	PGresult *rows = NULL;
	bool lasting, standby, durable;
	char encoding[32];
	int version, result;

	result = yett_pg_text_run(store,
		"SELECT current_setting('server_version_num'), current_setting('fsync'), "
		"pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean, "
		"current_setting('server_encoding'), current_setting('synchronous_commit')",
		"look at the server", &rows, error);
	if (result < 0) {
		return result;
	}
	version = (int)strtol(PQgetvalue(rows, 0, 0), NULL, 10);
	lasting = strcmp(PQgetvalue(rows, 0, 1), "on") == 0;
	standby = PQgetvalue(rows, 0, 2)[0] == 't';
	snprintf(encoding, sizeof(encoding), "%s", PQgetvalue(rows, 0, 3));
	durable = strcmp(PQgetvalue(rows, 0, 4), "on") == 0 ||
		  strcmp(PQgetvalue(rows, 0, 4), "remote_apply") == 0;
	PQclear(rows);
	if (version < YETT_PG_SERVER_VERSION) {
		return yett_pg_refuse(store, error, YETT_ENOTSUP, "use PostgreSQL 14 or newer",
			"PostgreSQL: the server is of version %d.%d", version / 10000,
			version % 10000);
	}
	if (strcmp(encoding, "UTF8") != 0) {
		return yett_pg_refuse(store, error, YETT_ECONFIG,
			"make the database anew: createdb -T template0 -E UTF8",
			"PostgreSQL: the database's encoding is %s, not UTF8", encoding);
	}
	if (store->mode == YETT_STORE_READER) {
		return 0;
	}
	if (standby) {
		return yett_pg_refuse(store, error, YETT_EUNAVAIL,
			"connect to the primary: name all servers in \"connection\", or wait for "
			"the "
			"failover",
			"PostgreSQL: the server is read-only");
	}
	if (!lasting || !durable) {
		return yett_pg_refuse(store, error, YETT_ECONFIG,
			lasting ? "let this role set synchronous_commit = on"
				: "set fsync = on in postgresql.conf and reload it",
			"PostgreSQL: it confirms what a loss of power takes away (%s is off)",
			lasting ? "synchronous_commit" : "fsync");
	}
	return 0;
}

struct schema {
	bool exists, ours, usable;
	int64_t objects, unlogged;
};

/* What is there: tables, indexes, views, and whether `store` is one of them. */
static int look_at_schema(
	struct yett_pg *store, struct schema *ret_schema, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result;

	yett_pg_arg_text(&args, store->settings->schema);
	result = yett_pg_ask(store,
		"SELECT count(*), count(oid) FILTER (WHERE relname = 'store' AND relkind = 'r'), "
		"count(oid), count(oid) FILTER (WHERE relkind IN ('r', 'i') AND relpersistence <> "
		"'p'), "
		"coalesce(bool_and(has_schema_privilege(space, 'USAGE')), true) FROM (SELECT oid "
		"AS space FROM pg_namespace WHERE nspname = $1::text) AS schema "
		"LEFT JOIN pg_class ON relnamespace = space",
		&args, "look at the schema", &rows, error);
	yett_pg_args_done(&args);
	if (result < 0) {
		return result;
	}
	ret_schema->exists = yett_pg_int(rows, 0, 0) > 0;
	ret_schema->ours = yett_pg_int(rows, 0, 1) > 0;
	ret_schema->objects = yett_pg_int(rows, 0, 2);
	ret_schema->unlogged = yett_pg_int(rows, 0, 3);
	ret_schema->usable = yett_pg_int(rows, 0, 4) != 0;
	PQclear(rows);
	return ret_schema->usable
		       ? 0
		       : yett_pg_refuse(store, error, YETT_EPERM,
				 "give the role the right: GRANT, or ownership of the schema",
				 "PostgreSQL: this role may not use the schema \"%s\"",
				 store->settings->schema);
}

static int foreign(struct yett_pg *store, struct yett_error *error)
{
	return yett_pg_refuse(store, error, YETT_ECONFIG,
		"name another one in the setting \"schema\"; nothing was changed",
		"PostgreSQL: the schema \"%s\" holds tables of another program",
		store->settings->schema);
}

static int make_schema(struct yett_pg *store, struct yett_error *error)
{
	char *schema = PQescapeIdentifier(
		store->connection, store->settings->schema, strlen(store->settings->schema));
	char sql[256];

	if (schema == NULL) {
		return yett_pg_fail_lost(store, error, false, "make the schema");
	}
	snprintf(sql, sizeof(sql), "CREATE SCHEMA %s; SET LOCAL search_path = %s", schema, schema);
	PQfreemem(schema);
	return yett_pg_text_run(store, sql, "make the schema", NULL, error);
}

static int make_identity(struct yett_pg *store, struct yett_error *error)
{
	int64_t seconds = store->host->wall_ns(store->host->instance) / INT64_C(1000000000);
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	struct yett_id id;
	PGresult *rows = NULL;
	int result;

	store->host->random_bytes(store->host->instance, &id, sizeof(id));
	id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
	id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
	yett_pg_arg_int(&args, YETT_PG_VERSION);
	yett_pg_arg_bytes(&args, &id, sizeof(id));
	yett_pg_arg_text(&args, store->group);
	yett_pg_arg_int(&args, seconds > 0 ? seconds : 1);
	result = yett_pg_ask(store,
		"INSERT INTO store (version, store_id, group_id, generation) "
		"VALUES ($1::bigint, $2, $3, $4)",
		&args, "write the store's identity", &rows, error);
	yett_pg_args_done(&args);
	PQclear(rows);
	return result;
}

/* Two management servers may come to an empty database at once: the second waits, and finds it made. */
static int make_tables(struct yett_pg *store, struct yett_error *error)
{
	struct schema found;
	int result = yett_pg_text_run(store,
		"BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('yett makes tables', 0))",
		"make the tables", NULL, error);

	if (result < 0 || (result = look_at_schema(store, &found, error)) < 0) {
		return result;
	}
	if (!found.ours) {
		if (found.objects > 0) {
			result = foreign(store, error);
		} else if ((found.exists || (result = make_schema(store, error)) == 0) &&
			   (result = yett_pg_text_run(
				    store, yett_pg_schema, "make the tables", NULL, error)) == 0) {
			result = make_identity(store, error);
		}
	}
	/* On a failure the connection goes, and all of it with it. */
	return result < 0 ? result
			  : yett_pg_text_run(store, "COMMIT", "make the tables", NULL, error);
}

/* It was made by a node without a group: from now on it is this one's. */
static int take_for_group(struct yett_pg *store, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result;

	yett_pg_arg_text(&args, store->group);
	result = yett_pg_ask(store, "UPDATE store SET group_id = $1 WHERE group_id = ''", &args,
		"write the store's identity", &rows, error);
	yett_pg_args_done(&args);
	PQclear(rows);
	return result;
}

static int judge_store(struct yett_pg *store, struct yett_error *error)
{
	PGresult *rows = NULL;
	char group[YETT_PG_UUID_SIZE];
	int64_t version;
	int result = yett_pg_run(store, YETT_PG_META_GET_STATEMENT, NULL, &rows, error);

	if (result < 0) {
		return result;
	}
	if (PQntuples(rows) != 1) {
		PQclear(rows);
		return foreign(store, error);
	}
	version = yett_pg_int(rows, 0, 0);
	store->store_id = yett_pg_uuid(rows, 0, 1);
	snprintf(group, sizeof(group), "%s", yett_pg_text(rows, 0, 2));
	store->generation = (uint64_t)yett_pg_int(rows, 0, 3);
	PQclear(rows);
	if (version != YETT_PG_VERSION) {
		return yett_pg_refuse(store, error, YETT_EVERSION,
			"run the version of Yett that wrote it, or a newer one; nothing was "
			"changed",
			"PostgreSQL: the tables in \"%s\" are of version %" PRId64
			", this store-postgresql knows version %d",
			store->settings->schema, version, YETT_PG_VERSION);
	}
	if (group[0] != '\0' && store->group[0] != '\0' && strcmp(group, store->group) != 0) {
		return yett_pg_refuse(store, error, YETT_ECONFIG,
			"give each group a database, or a \"schema\", of its own; nothing was "
			"changed",
			"PostgreSQL: the schema \"%s\" belongs to the management group %s, this "
			"node "
			"to %s",
			store->settings->schema, group, store->group);
	}
	return group[0] == '\0' && store->group[0] != '\0' && store->mode == YETT_STORE_WRITER
		       ? take_for_group(store, error)
		       : 0;
}

int yett_pg_setup(struct yett_pg *store, struct yett_error *error)
{
	struct schema found;
	int result;

	if ((result = tell(store, error)) < 0 || (result = judge_server(store, error)) < 0 ||
		(result = look_at_schema(store, &found, error)) < 0) {
		return result;
	}
	if (!found.ours && store->mode == YETT_STORE_READER) {
		return yett_pg_refuse(store, error, YETT_EUNAVAIL,
			"wait until the writer has made them",
			"PostgreSQL: there are no tables in \"%s\" yet", store->settings->schema);
	}
	if (!found.ours && (result = make_tables(store, error)) < 0) {
		return result;
	}
	if (found.unlogged > 0) {
		return yett_pg_refuse(store, error, YETT_ECONFIG, "ALTER TABLE … SET LOGGED",
			"PostgreSQL: tables in \"%s\" are unlogged: a crash would empty them",
			store->settings->schema);
	}
	if ((result = judge_store(store, error)) < 0) {
		return result;
	}
	return store->mode == YETT_STORE_WRITER ? yett_pg_generation_open(store, error) : 0;
}
