/* The store's identity, and how a restored database is told from its own past.
 *
 * `store_id` is drawn when the tables are made and stays. `generation` starts as the wall clock's
 * seconds. A count stands in the database and, after each commit of it, also in the file
 * PATH.generation: where the file has counted further than the database, the database was put back
 * from an older copy, and its generation rises. It is counted up at each opening, at the end, and about
 * once a minute in between if there was anything to write: so a copy that was taken while the daemon
 * ran is told from what it grew to be. A copy that is restored together with that
 * file (a whole machine put back) is not noticed: doc/store-sqlite.md says how to raise the
 * generation by hand. The file is only advice: where it cannot be read or written the store works,
 * and says so.
 */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE      ".generation"
#define SIDE_SIZE 128
#define COUNT_NS  (60 * UINT64_C(1000000000))
#define SECOND_NS INT64_C(1000000000)

void yett_sqlite_uuid_text(const struct yett_id *id, char ret_text[YETT_SQLITE_UUID_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *to = ret_text;

	for (size_t i = 0; i < YETT_ID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10) {
			*to++ = '-';
		}
		*to++ = digits[id->bytes[i] >> 4];
		*to++ = digits[id->bytes[i] & 15];
	}
	*to = '\0';
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool yett_sqlite_uuid_parse(const char *text, struct yett_id *ret_id)
{
	struct yett_id id;

	if (text == NULL || strlen(text) != YETT_SQLITE_UUID_SIZE - 1) {
		return false;
	}
	for (size_t i = 0; i < YETT_ID_SIZE; i++) {
		int high, low;

		if (i == 4 || i == 6 || i == 8 || i == 10) {
			if (*text++ != '-') {
				return false;
			}
		}
		high = digit_of(*text++);
		low = digit_of(*text++);
		if (high < 0 || low < 0) {
			return false;
		}
		id.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret_id = id;
	return true;
}

int yett_sqlite_meta_number(
	struct yett_sqlite *store, const char *key, int64_t *ret_number, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare(store, YETT_SQLITE_META_GET_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	return yett_sqlite_number(
		store, statement, "read the store's identity", 0, ret_number, error);
}

int yett_sqlite_meta_set(struct yett_sqlite *store, const char *key, const char *text,
	int64_t number, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare(store, YETT_SQLITE_META_SET_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	if (text != NULL) {
		sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC);
	} else {
		sqlite3_bind_int64(statement, 2, number);
	}
	return yett_sqlite_run(store, statement, "write the store's identity", error);
}

static int read_identity(struct yett_sqlite *store, bool *ret_known, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result = yett_sqlite_prepare(store, YETT_SQLITE_META_GET_STATEMENT, &statement, error);
	int code;

	if (result < 0) {
		return result;
	}
	sqlite3_bind_text(statement, 1, "store_id", -1, SQLITE_STATIC);
	code = sqlite3_step(statement);
	*ret_known = code == SQLITE_ROW &&
		     yett_sqlite_uuid_parse(
			     (const char *)sqlite3_column_text(statement, 0), &store->store_id);
	if (code != SQLITE_ROW && code != SQLITE_DONE) {
		result = yett_sqlite_fail(store, error, code, "read the store's identity");
	}
	sqlite3_reset(statement);
	return result;
}

static int draw_identity(struct yett_sqlite *store, struct yett_error *error)
{
	char text[YETT_SQLITE_UUID_SIZE];

	store->host->random_bytes(store->host->instance, &store->store_id, YETT_ID_SIZE);
	store->store_id.bytes[6] = (uint8_t)((store->store_id.bytes[6] & 0x0f) | 0x40);
	store->store_id.bytes[8] = (uint8_t)((store->store_id.bytes[8] & 0x3f) | 0x80);
	yett_sqlite_uuid_text(&store->store_id, text);
	return yett_sqlite_meta_set(store, "store_id", text, 0, error);
}

/* What the file beside the database says of this very store; 0 where it says nothing. */
static void read_side(const struct yett_sqlite *store, int64_t *ret_opens, int64_t *ret_generation)
{
	char bytes[SIDE_SIZE] = "", uuid[YETT_SQLITE_UUID_SIZE];
	struct yett_id id;
	int64_t opens, generation;

	*ret_opens = *ret_generation = 0;
	if (yett_sqlite_side_read(store, SIDE, bytes, sizeof(bytes)) < 0 ||
		sscanf(bytes, "%36s %" SCNd64 " %" SCNd64, uuid, &opens, &generation) != 3 ||
		!yett_sqlite_uuid_parse(uuid, &id) ||
		memcmp(&id, &store->store_id, sizeof(id)) != 0 || opens < 0 || generation < 0) {
		return;
	}
	*ret_opens = opens;
	*ret_generation = generation;
}

int yett_sqlite_generation_open(struct yett_sqlite *store, uint64_t *ret_opens, bool *ret_restored,
	struct yett_error *error)
{
	int64_t seconds = store->host->wall_ns(store->host->instance) / SECOND_NS;
	int64_t opens, generation, side_opens = 0, side_generation = 0;
	bool known;
	int result;

	if ((result = read_identity(store, &known, error)) < 0 ||
		(!known && (result = draw_identity(store, error)) < 0) ||
		(result = yett_sqlite_meta_number(store, "opens", &opens, error)) < 0 ||
		(result = yett_sqlite_meta_number(store, "generation", &generation, error)) < 0) {
		return result;
	}
	if (known) {
		read_side(store, &side_opens, &side_generation);
	}
	*ret_restored = side_opens > opens;
	if (*ret_restored) {
		generation = generation > side_generation ? generation : side_generation;
		generation = generation + 1 > seconds ? generation + 1 : seconds;
		opens = side_opens;
	} else if (generation <= 0) {
		generation = seconds > 0 ? seconds : 1;
	}
	opens++;
	if ((result = yett_sqlite_meta_set(store, "opens", NULL, opens, error)) < 0 ||
		(result = yett_sqlite_meta_set(store, "generation", NULL, generation, error)) < 0) {
		return result;
	}
	store->generation = (uint64_t)generation;
	*ret_opens = (uint64_t)opens;
	return 0;
}

void yett_sqlite_generation_note(struct yett_sqlite *store, uint64_t opens)
{
	char bytes[SIDE_SIZE], uuid[YETT_SQLITE_UUID_SIZE];
	int result;

	yett_sqlite_uuid_text(&store->store_id, uuid);
	snprintf(bytes, sizeof(bytes), "%s %" PRIu64 " %" PRIu64 "\n", uuid, opens,
		store->generation);
	store->counted_ns = store->host->monotonic_ns(store->host->instance);
	store->counted_changes = sqlite3_total_changes64(store->db);
	result = yett_sqlite_side_write(store, SIDE, bytes);
	if (result < 0) {
		store->host->log(store->host->instance, YETT_LOG_WARNING, "store-generation-file",
			"a restored database will not be noticed: the file beside it cannot be "
			"written; check the rights of its folder. path=%s.generation reason=%s",
			store->path, store->host->result_text(result));
	}
}

int yett_sqlite_generation_count(struct yett_sqlite *store, bool ending, struct yett_error *error)
{
	uint64_t now_ns = store->host->monotonic_ns(store->host->instance);
	int64_t written, opens;
	int result;

	if (store->db == NULL || store->mode != YETT_STORE_WRITER || store->broken) {
		return 0;
	}
	written = sqlite3_total_changes64(store->db);
	if (written == store->counted_changes ||
		(!ending && now_ns - store->counted_ns < COUNT_NS)) {
		return 0;
	}
	if ((result = yett_sqlite_begin(store, error)) < 0) {
		return result;
	}
	if ((result = yett_sqlite_meta_number(store, "opens", &opens, error)) < 0 ||
		(result = yett_sqlite_meta_set(store, "opens", NULL, opens + 1, error)) < 0) {
		yett_sqlite_rollback(store);
		return result;
	}
	if ((result = yett_sqlite_commit(store, error)) < 0) {
		return result;
	}
	yett_sqlite_generation_note(store, (uint64_t)opens + 1);
	return 0;
}
