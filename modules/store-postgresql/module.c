/* store-postgresql: the records of a management group in one PostgreSQL database, which several
 * management servers on several hosts share.
 *
 * This file is the module's face: its settings, its life, and the table of its operations. One
 * instance writes on its own thread, others read on theirs; each has a connection of its own. The
 * connection is opened by `open` (so that a wrong database is refused before anything starts) and
 * again by `start` after a `stop`, and whenever it was lost. What a failure means is said in cause.c,
 * how management servers keep out of each other's way in write.c, what is stored where in schema.c
 * and doc/store-postgresql.md.
 */
#include "internal.h"

#include <ctype.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000000)

static const struct yett_schema schema[] = {
	YETT_ROW_STRING(struct yett_pg_settings, connection, "connection", YETT_SCHEMA_REQUIRED,
		NULL,
		"How to reach the database, as libpq takes it: \"host=db.example dbname=yett "
		"user=yett sslmode=verify-full sslrootcert=/etc/yett/db-ca.crt\", or "
		"\"service=yett\". No password stands here: it "
		"belongs into a passfile (\"passfile=/etc/yett/pgpass\", mode 0600), or is not "
		"needed (peer authentication, certificates, Kerberos)."),
	YETT_ROW_STRING(struct yett_pg_settings, schema, "schema", 0, "yett",
		"The schema that holds the tables, and nothing else. It is made where it is "
		"missing."),
	YETT_ROW_DURATION(struct yett_pg_settings, keep_ns, "keep", 0, "30 d", 0, INT64_MAX,
		"Records are deleted this long after they were received; \"0 s\" keeps them."),
	YETT_ROW_SIZE(struct yett_pg_settings, size_bytes, "size", 0, "10 GiB", 0, INT64_MAX,
		"When records take more than about this, the oldest are deleted; \"0\" sets no "
		"limit."),
	YETT_ROW_DURATION(struct yett_pg_settings, timeout_ns, "timeout", 0, "15 s", SECOND / 10,
		3600 * SECOND,
		"How long one statement may take, and how long it waits for another management "
		"server's transaction. A transaction whose management server is silent for this "
		"long is dropped."),
	YETT_ROW_DURATION(struct yett_pg_settings, connect_timeout_ns, "connect-timeout", 0, "5 s",
		SECOND / 10, 3600 * SECOND,
		"How long an attempt to connect to one server may take; then the next one in "
		"\"connection\" is tried."),
	YETT_ROW_END,
};

static const struct yett_metric metrics[] = {
	[YETT_PG_RECORDS] = {"records", "{record}", "Records stored.", YETT_METRIC_COUNTER},
	[YETT_PG_DUPLICATES] = {"duplicates", "{batch}", "Batches that were here already.",
		YETT_METRIC_COUNTER},
	[YETT_PG_FORKS] = {"forks", "{batch}",
		"Batches kept apart: the same numbers with other content.", YETT_METRIC_COUNTER},
	[YETT_PG_DEAD] = {"dead_letters", "{batch}", "Batches kept raw: they could not be stored.",
		YETT_METRIC_COUNTER},
	[YETT_PG_LATER] = {"refused", "{batch}",
		"Batches refused until later: too many open epochs or pieces.",
		YETT_METRIC_COUNTER},
	[YETT_PG_RETIRED] = {"retired", "{record}", "Records deleted by age or size.",
		YETT_METRIC_COUNTER},
	[YETT_PG_RECONNECTS] = {"reconnects", "{connection}",
		"Connections made anew after an attempt that failed.", YETT_METRIC_COUNTER},
	[YETT_PG_RETRIES] = {"retries", "{transaction}",
		"Transactions done again since they came into another one's way.",
		YETT_METRIC_COUNTER},
	{.name = NULL},
};

/* libpq's own complaint is not passed on where it may quote a part of a password. */
static int check_connection(
	const struct yett_host *host, const char *connection, struct yett_error *error)
{
	static const char mend[] =
		"write \"host=… dbname=… user=…\", or \"service=…\"; the password "
		"belongs into a passfile";
	char *why = NULL;
	PQconninfoOption *options = PQconninfoParse(connection, &why);
	bool secret = false;
	int result = 0;

	for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
		option++) {
		secret = secret || (option->val != NULL && option->val[0] != '\0' &&
					   (strcmp(option->keyword, "password") == 0 ||
						   strcmp(option->keyword, "sslpassword") == 0));
	}
	if (options == NULL) {
		bool quiet = why == NULL || strstr(connection, "pass") != NULL ||
			     strchr(connection, '@') != NULL;

		if (why != NULL && strchr(why, '\n') != NULL) {
			*strchr(why, '\n') = '\0';
		}
		result = host->fail(error, YETT_ECONFIG, mend, "connection: it cannot be read%s%s",
			quiet ? "" : ": ", quiet ? "" : why);
	} else if (secret) {
		result = host->fail(error, YETT_ECONFIG,
			"put it into a passfile of mode 0600 and name that: "
			"passfile=/etc/yett/pgpass",
			"connection: it holds a password, which everybody who reads the "
			"configuration "
			"would see");
	}
	PQconninfoFree(options);
	PQfreemem(why);
	return result;
}

static int check(const struct yett_host *host, const void *settings, struct yett_error *error)
{
	const struct yett_pg_settings *asked = settings;
	size_t length = strlen(asked->schema);

	if (length == 0 || length > 63 || strncmp(asked->schema, "pg_", 3) == 0) {
		return host->fail(error, YETT_ECONFIG, "name it \"yett\"",
			"schema: \"%s\" cannot be the name of one", asked->schema);
	}
	return check_connection(host, asked->connection, error);
}

static void destroy(void *self)
{
	struct yett_pg *store = self;

	yett_pg_disconnect(store);
	yett_pg_hosts_done(&store->hosts);
	yett_pg_map_done(&store->origins);
	yett_pg_map_done(&store->epochs);
	yett_pg_map_done(&store->names);
	yett_pg_map_done(&store->refused);
	yett_pg_volumes_forget(store);
	yett_pg_bytes_done(&store->json);
	free(store->state);
	free(store->group);
	free(store->name);
	free(store);
}

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	struct yett_pg *store = calloc(1, sizeof(*store));
	bool knows_group = with->size >= offsetof(struct yett_create, group) + sizeof(with->group);
	uint64_t seeds[4];

	if (!YETT_HOST_HAS(host, files) || host->files == NULL) {
		free(store);
		return host->fail(
			error, YETT_EABI, "use a newer core", "this core lends no files to stores");
	}
	if (store == NULL) {
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for a store");
	}
	store->host = host;
	store->settings = with->settings;
	host->random_bytes(host->instance, seeds, sizeof(seeds));
	yett_pg_map_init(&store->origins, seeds[0]);
	yett_pg_map_init(&store->epochs, seeds[1]);
	yett_pg_map_init(&store->names, seeds[2]);
	yett_pg_map_init(&store->refused, seeds[3]);
	store->name = strdup(with->name != NULL ? with->name : "store-postgresql");
	store->state = strdup(with->state != NULL ? with->state : ".");
	store->group = strdup(knows_group && with->group != NULL ? with->group : "");
	if (store->name == NULL || store->state == NULL || store->group == NULL) {
		destroy(store);
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for a store");
	}
	for (char *c = store->group; *c != '\0'; c++) {
		*c = (char)tolower((unsigned char)*c);
	}
	*ret_self = store;
	return 0;
}

static int store_open(void *self, uint32_t mode, struct yett_error *error)
{
	struct yett_pg *store = self;
	int result;

	if (mode != YETT_STORE_WRITER && mode != YETT_STORE_READER) {
		return store->host->fail(
			error, YETT_EINVAL, NULL, "%s: no mode %u", store->name, mode);
	}
	store->mode = mode;
	store->opened_wall_ns = store->host->wall_ns(store->host->instance);
	store->opened_monotonic_ns = store->host->monotonic_ns(store->host->instance);
	result = yett_pg_ready(store, error);
	return result == 0 && mode == YETT_STORE_WRITER ? yett_pg_tidy_open(store, error) : result;
}

static int start(void *self, struct yett_error *error)
{
	return yett_pg_ready(self, error);
}

static void stop(void *self)
{
	yett_pg_rollback(self);
	(void)yett_pg_generation_count(self, true, NULL); /* advice */
	yett_pg_disconnect(self);
}

static const struct yett_life life = {
	.size = sizeof(life),
	.check = check,
	.create = create,
	.start = start,
	.stop = stop,
	.destroy = destroy,
};

static const struct yett_store_operations operations = {
	.size = sizeof(operations),
	.open = store_open,
	.begin = yett_pg_begin,
	.put = yett_pg_put,
	.commit = yett_pg_commit,
	.rollback = yett_pg_rollback,
	.tidy = yett_pg_tidy,
	.registry_put = yett_pg_registry_put,
	.positions = yett_pg_positions,
	.registry_list = yett_pg_registry_list,
	.query = yett_pg_query,
	.account = yett_pg_account,
	.losses = yett_pg_losses,
	.stats = yett_pg_stats,
	.watch = yett_pg_watch,
	.dead_letters = yett_pg_dead_letters,
	.forks = yett_pg_forks,
	.newest_dead = yett_pg_newest_dead,
};

YETT_MODULE(.kind = YETT_KIND_STORE, .name = "store-postgresql", .version = "0.1.0",
	.licence = "Apache-2.0",
	.summary =
		"keeps records and registry in a PostgreSQL database that management servers share",
	.life = &life, .operations = &operations, .schema = schema, .metrics = metrics,
	.settings_size = sizeof(struct yett_pg_settings));
