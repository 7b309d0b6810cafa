/* How a restored database is told from its own past.
 *
 * `store_id` is drawn when the tables are made and stays. `generation` starts as the wall clock's
 * seconds. A count stands in the database and, after each commit of it, also in a file in the state
 * directory of each management server: where a file has counted further than the database, the
 * database was put back from an older copy, or is a standby that took over without all that was
 * committed, and its generation rises, so that nodes do not hold on to what they know better. It is
 * counted up at each connection of a writer, at the end, and about once a minute in between if there
 * was anything to write. A server that only connects again knows more: what it has committed last, to
 * the transaction; where that is not there its generation rises as well. The file is only advice: where it cannot be read or written the store
 * works, and says so.
 */
#include "internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE      "store-postgresql.generation"
#define SIDE_NEW  "store-postgresql.generation-new"
#define SIDE_SIZE 128
#define COUNT_NS  (60 * UINT64_C(1000000000))
#define SECOND_NS INT64_C(1000000000)

/* What the file says of this very store; 0 where it says nothing. */
static void read_side(const struct yett_pg *store, int64_t *ret_opens, int64_t *ret_generation)
{
	const struct yett_files *files = store->host->files;
	char text[SIDE_SIZE] = "", uuid[YETT_PG_UUID_SIZE];
	int64_t opens, generation, length = -1;
	int dir = files->dir_open(files->fs, store->state);
	struct yett_id id;
	int file;

	*ret_opens = *ret_generation = 0;
	if (dir < 0) {
		return;
	}
	file = files->open(files->fs, dir, SIDE, O_RDONLY | O_CLOEXEC);
	if (file >= 0) {
		length = files->read(files->fs, file, text, sizeof(text) - 1, 0);
		files->close(files->fs, file);
	}
	files->dir_close(files->fs, dir);
	if (length > 0 &&
		sscanf(text, "%36s %" SCNd64 " %" SCNd64, uuid, &opens, &generation) == 3 &&
		yett_pg_uuid_parse(uuid, &id) && memcmp(&id, &store->store_id, sizeof(id)) == 0 &&
		opens >= 0 && generation >= 0) {
		*ret_opens = opens;
		*ret_generation = generation;
	}
}

static int write_side(const struct yett_pg *store, const char *text)
{
	const struct yett_files *files = store->host->files;
	struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
	int dir = files->dir_open(files->fs, store->state);
	int file, result;

	if (dir < 0) {
		return dir;
	}
	file = files->open(files->fs, dir, SIDE_NEW, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC);
	result = file;
	if (file >= 0) {
		result = files->write(files->fs, file, &iov, 1, 0);
		result = result < 0 ? result : files->sync(files->fs, file);
		files->close(files->fs, file);
	}
	if (result >= 0) {
		result = files->rename(files->fs, dir, SIDE_NEW, SIDE);
	}
	if (result >= 0) {
		result = files->dir_sync(files->fs, dir);
	}
	files->dir_close(files->fs, dir);
	return result;
}

static void note(struct yett_pg *store, int64_t opens, int64_t generation)
{
	char text[SIDE_SIZE], uuid[YETT_PG_UUID_SIZE];
	int result;

	yett_pg_uuid_text(&store->store_id, uuid);
	snprintf(text, sizeof(text), "%s %" PRId64 " %" PRId64 "\n", uuid, opens, generation);
	store->counted_ns = store->host->monotonic_ns(store->host->instance);
	store->written_since = false;
	result = write_side(store, text);
	if (result < 0) {
		store->host->log(store->host->instance, YETT_LOG_WARNING, "store-generation-file",
			"a restored database will not be noticed: the file that counts with it "
			"cannot "
			"be written; check the rights of the state directory. path=%s/" SIDE
			" reason=%s",
			store->state, store->host->result_text(result));
	}
}

static int64_t larger(int64_t one, int64_t other)
{
	return one > other ? one : other;
}

/* What this server has committed itself is not there, and nobody has noticed: counters only rise. */
static bool is_behind(const struct yett_pg_head *head, const struct yett_pg_head *known)
{
	return known->generation != 0 && head->generation <= known->generation &&
	       (head->opens < known->opens || head->revision < known->revision ||
		       head->record < known->record || head->epoch < known->epoch ||
		       head->origin < known->origin || head->name < known->name);
}

/* Also for connections after the first: the database may have been put back in between. */
int yett_pg_generation_open(struct yett_pg *store, struct yett_error *error)
{
	int64_t seconds = store->host->wall_ns(store->host->instance) / SECOND_NS;
	int64_t opens = 0, generation = 0;
	struct yett_pg_head head;
	bool restored;
	int result;

	read_side(store, &opens, &generation);
	if ((result = yett_pg_lock(store, error)) < 0) {
		return result;
	}
	restored = opens > store->head.opens || is_behind(&store->head, &store->known);
	if (restored) {
		generation = larger(generation, store->head.generation);
		generation = larger(generation, store->known.generation);
		store->head.generation = larger(generation + 1, seconds);
		store->head.opens = larger(store->head.opens, larger(opens, store->known.opens));
	}
	store->head.opens++;
	store->head_dirty = true;
	head = store->head;
	store->in_transaction = true;
	store->notify = false;
	memset(store->counts, 0, sizeof(store->counts));
	if ((result = yett_pg_commit(store, error)) < 0) {
		return result;
	}
	store->generation = (uint64_t)head.generation;
	note(store, head.opens, head.generation);
	if (restored) {
		store->host->log(store->host->instance, YETT_LOG_WARNING, "store-restored",
			"the database is an older copy than the one last used: its generation is "
			"raised, so that nodes learn what was decided since. schema=%s "
			"generation=%" PRId64,
			store->settings->schema, head.generation);
	}
	return 0;
}

int yett_pg_generation_count(struct yett_pg *store, bool ending, struct yett_error *error)
{
	uint64_t now_ns = store->host->monotonic_ns(store->host->instance);
	struct yett_pg_head head;
	int result;

	if (store->connection == NULL || store->mode != YETT_STORE_WRITER || store->broken ||
		!store->written_since || (!ending && now_ns - store->counted_ns < COUNT_NS)) {
		return 0;
	}
	if ((result = yett_pg_begin(store, error)) < 0) {
		return result;
	}
	if ((result = yett_pg_lock(store, error)) < 0) {
		yett_pg_rollback(store);
		return result;
	}
	store->head.opens++;
	store->head_dirty = true;
	head = store->head;
	if ((result = yett_pg_commit(store, error)) < 0) {
		return result;
	}
	note(store, head.opens, head.generation);
	return 0;
}
