/* store-sqlite: the records of a management server in one SQLite database.
 *
 * This file is the module's face: its settings, its life, and the table of its operations. One
 * instance writes on its own thread, others read on theirs; all of an instance's state hangs from
 * `struct yett_sqlite`. The connection is opened by `open` (so that a wrong file is refused before
 * anything starts) and again by `start` after a `stop`. What a failure means is said in database.c,
 * what is stored where in schema.c and doc/store-sqlite.md.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct yett_schema schema[] = {
	YETT_ROW_STRING(struct yett_sqlite_settings, path, "path", 0, "yett.db",
		"The database's file. A relative one is in the node's state directory. It must be "
		"on a local file system."),
	YETT_ROW_DURATION(struct yett_sqlite_settings, keep_ns, "keep", 0, "30 d", 0, INT64_MAX,
		"Records are deleted this long after they were received; \"0 s\" keeps them."),
	YETT_ROW_SIZE(struct yett_sqlite_settings, size_bytes, "size", 0, "10 GiB", 0, INT64_MAX,
		"When the database holds more, the oldest records are deleted; \"0\" sets no "
		"limit."),
	YETT_ROW_DURATION(struct yett_sqlite_settings, busy_timeout_ns, "busy-timeout", 0, "5 s",
		INT64_C(1000000), INT64_C(600000000000),
		"How long to wait while another process holds the database's write lock."),
	YETT_ROW_SIZE(struct yett_sqlite_settings, checkpoint_bytes, "checkpoint", 0, "16 MiB",
		16 * 1024, INT64_C(1073741824),
		"When the write-ahead log holds so much, it is brought into the database."),
	YETT_ROW_END,
};

static const struct yett_metric metrics[] = {
	[YETT_SQLITE_RECORDS] = {"records", "{record}", "Records stored.", YETT_METRIC_COUNTER},
	[YETT_SQLITE_DUPLICATES] = {"duplicates", "{batch}", "Batches that were here already.",
		YETT_METRIC_COUNTER},
	[YETT_SQLITE_FORKS] = {"forks", "{batch}",
		"Batches kept apart: the same numbers with other content.", YETT_METRIC_COUNTER},
	[YETT_SQLITE_DEAD] = {"dead_letters", "{batch}",
		"Batches kept raw: they could not be stored.", YETT_METRIC_COUNTER},
	[YETT_SQLITE_LATER] = {"refused", "{batch}",
		"Batches refused until later: too many open epochs or pieces.",
		YETT_METRIC_COUNTER},
	[YETT_SQLITE_RETIRED] = {"retired", "{record}", "Records deleted by age or size.",
		YETT_METRIC_COUNTER},
	{.name = NULL},
};

static char *resolve(const char *state, const char *path)
{
	size_t room = (state != NULL ? strlen(state) : 0) + strlen(path) + 2;
	char *whole = malloc(room);

	if (whole == NULL) {
		return NULL;
	}
	if (path[0] == '/' || state == NULL) {
		snprintf(whole, room, "%s", path);
	} else {
		snprintf(whole, room, "%s/%s", state, path);
	}
	return whole;
}

static int check(const struct yett_host *host, const void *settings, struct yett_error *error)
{
	const struct yett_sqlite_settings *asked = settings;

	if (asked->path[0] == '\0' || asked->path[strlen(asked->path) - 1] == '/') {
		return host->fail(error, YETT_ECONFIG, "name a file, such as \"yett.db\"",
			"path: \"%s\" names no file", asked->path);
	}
	return 0;
}

static void destroy(void *self)
{
	struct yett_sqlite *store = self;

	yett_sqlite_disconnect(store);
	yett_sqlite_map_done(&store->names, NULL);
	yett_sqlite_map_done(&store->origins, NULL);
	yett_sqlite_map_done(&store->epochs, free);
	yett_sqlite_map_done(&store->refused, free);
	free(store->json);
	free(store->path);
	free(store->name);
	free(store);
}

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	struct yett_sqlite *store = calloc(1, sizeof(*store));
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
	yett_sqlite_map_init(&store->names, seeds[0]);
	yett_sqlite_map_init(&store->origins, seeds[1]);
	yett_sqlite_map_init(&store->epochs, seeds[2]);
	yett_sqlite_map_init(&store->refused, seeds[3]);
	store->name = strdup(with->name != NULL ? with->name : "store-sqlite");
	store->path = resolve(with->state, store->settings->path);
	if (store->name == NULL || store->path == NULL) {
		destroy(store);
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for a store");
	}
	*ret_self = store;
	return 0;
}

static int store_open(void *self, uint32_t mode, struct yett_error *error)
{
	struct yett_sqlite *store = self;
	int result;

	if (mode != YETT_STORE_WRITER && mode != YETT_STORE_READER) {
		return store->host->fail(
			error, YETT_EINVAL, NULL, "%s: no mode %u", store->name, mode);
	}
	store->mode = mode;
	store->log_doubtful = mode == YETT_STORE_WRITER;
	store->opened_wall_ns = store->host->wall_ns(store->host->instance);
	store->opened_monotonic_ns = store->host->monotonic_ns(store->host->instance);
	result = yett_sqlite_ready(store, error);
	return result == 0 && mode == YETT_STORE_WRITER ? yett_sqlite_tidy_open(store, error)
							: result;
}

static int start(void *self, struct yett_error *error)
{
	return yett_sqlite_ready(self, error);
}

static void stop(void *self)
{
	yett_sqlite_rollback(self);
	(void)yett_sqlite_generation_count(self, true, NULL); /* advice */
	yett_sqlite_disconnect(self);
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
	.begin = yett_sqlite_begin,
	.put = yett_sqlite_put,
	.commit = yett_sqlite_commit,
	.rollback = yett_sqlite_rollback,
	.tidy = yett_sqlite_tidy,
	.registry_put = yett_sqlite_registry_put,
	.positions = yett_sqlite_positions,
	.registry_list = yett_sqlite_registry_list,
	.query = yett_sqlite_query,
	.account = yett_sqlite_account,
	.losses = yett_sqlite_losses,
	.stats = yett_sqlite_stats,
	.watch = yett_sqlite_watch,
	.dead_letters = yett_sqlite_dead_letters,
	.forks = yett_sqlite_forks,
	.newest_dead = yett_sqlite_newest_dead,
};

YETT_MODULE(.kind = YETT_KIND_STORE, .name = "store-sqlite", .version = "0.1.0",
	.licence = "Apache-2.0", .summary = "keeps records and registry in one SQLite database",
	.life = &life, .operations = &operations, .schema = schema, .metrics = metrics,
	.settings_size = sizeof(struct yett_sqlite_settings));
