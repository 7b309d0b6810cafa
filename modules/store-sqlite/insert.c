/* Stores the records of one batch: decoded by the host, written row by row, all or none.
 *
 * Where a record cannot be decoded midway, the rows that the batch has made so far are deleted
 * again by their ids, which lie above all others: that costs nothing where all is well, other than
 * a savepoint, which copies each page before it is changed. Names and origins are interned; their
 * ids are looked up once and remembered (see write.c for how long). Runs within a transaction.
 */
#include "internal.h"

#include <math.h>

static int intern(struct yett_sqlite *store, struct yett_sqlite_map *map, const void *key,
	size_t key_length, const char *text, size_t length, enum yett_sqlite_statement find,
	enum yett_sqlite_statement make, int64_t *ret_id, struct yett_error *error)
{
	struct yett_sqlite_map_slot *slot = yett_sqlite_map_find(map, key, key_length);
	sqlite3_stmt *statement;
	int64_t id;
	int result;

	if (slot != NULL) {
		*ret_id = slot->number;
		return 0;
	}
	if ((result = yett_sqlite_prepare(store, find, &statement, error)) < 0) {
		return result;
	}
	sqlite3_bind_text(statement, 1, text, (int)length, SQLITE_STATIC);
	result = yett_sqlite_number(store, statement, "look up a name", 0, &id, error);
	sqlite3_clear_bindings(statement);
	if (result < 0) {
		return result;
	}
	if (id == 0) {
		if ((result = yett_sqlite_prepare(store, make, &statement, error)) < 0) {
			return result;
		}
		sqlite3_bind_text(statement, 1, text, (int)length, SQLITE_STATIC);
		result = yett_sqlite_run(store, statement, "note a name", error);
		sqlite3_clear_bindings(statement);
		if (result < 0) {
			return result;
		}
		id = sqlite3_last_insert_rowid(store->db);
	}
	slot = yett_sqlite_map_put(map, key, key_length);
	if (slot != NULL) {
		slot->number = id; /* without memory it is looked up again */
	}
	*ret_id = id;
	return 0;
}

int yett_sqlite_intern_origin(struct yett_sqlite *store, const struct yett_id *id, int64_t *ret_id,
	struct yett_error *error)
{
	char text[YETT_SQLITE_UUID_SIZE];

	yett_sqlite_uuid_text(id, text);
	return intern(store, &store->origins, id, sizeof(*id), text, sizeof(text) - 1,
		YETT_SQLITE_ORIGIN_FIND_STATEMENT, YETT_SQLITE_ORIGIN_MAKE_STATEMENT, ret_id,
		error);
}

static void bind_text(sqlite3_stmt *statement, int at, const struct yett_text *text)
{
	if (text->length > 0) {
		sqlite3_bind_text(statement, at, text->bytes, (int)text->length, SQLITE_STATIC);
	} else {
		sqlite3_bind_null(statement, at);
	}
}

static void bind_value(sqlite3_stmt *statement, int at, const struct yett_value *value)
{
	switch (value->type) {
	case YETT_VALUE_INT:
		sqlite3_bind_int64(statement, at, value->i);
		break;
	case YETT_VALUE_DOUBLE:
		if (isnan(value->d)) { /* SQLite would make it NULL */
			sqlite3_bind_text(statement, at, "NaN", 3, SQLITE_STATIC);
		} else {
			sqlite3_bind_double(statement, at, value->d);
		}
		break;
	case YETT_VALUE_BOOL:
		sqlite3_bind_int64(statement, at, value->b ? 1 : 0);
		break;
	case YETT_VALUE_TEXT:
		sqlite3_bind_text(
			statement, at, value->text.bytes, (int)value->text.length, SQLITE_STATIC);
		break;
	default:
		sqlite3_bind_null(statement, at);
	}
}

/* SQLITE_DONE, another code of SQLite, or a negative result. */
static int insert_record(struct yett_sqlite *store, sqlite3_stmt *statement,
	const struct yett_sqlite_epoch *epoch, const struct yett_put *put, uint64_t number,
	const struct yett_record *record, struct yett_error *error)
{
	const char *name_bytes = record->name.length > 0 ? record->name.bytes : "";
	int64_t name;
	int code, result;

	result = intern(store, &store->names, name_bytes, record->name.length, name_bytes,
		record->name.length, YETT_SQLITE_NAME_FIND_STATEMENT,
		YETT_SQLITE_NAME_MAKE_STATEMENT, &name, error);
	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, store->next_record);
	sqlite3_bind_int64(statement, 2, epoch->origin);
	sqlite3_bind_int64(statement, 3, epoch->id);
	sqlite3_bind_int64(statement, 4, (int64_t)number);
	sqlite3_bind_int64(statement, 5, record->kind);
	sqlite3_bind_int64(statement, 6, record->time_ns);
	sqlite3_bind_int64(statement, 7, put->received_ns);
	sqlite3_bind_int64(statement, 8, name);
	sqlite3_bind_int64(statement, 9, record->severity);
	if (record->kind == YETT_RECORD_STATE) {
		sqlite3_bind_int64(statement, 10, record->state);
	} else {
		sqlite3_bind_null(statement, 10);
	}
	bind_value(statement, 11, &record->value);
	bind_text(statement, 12, &record->unit);
	bind_text(statement, 13, &record->body);
	if (record->attribute_count > 0) {
		size_t length;
		const char *json = yett_sqlite_json(store, record, &length);

		if (json == NULL) {
			return store->host->fail(
				error, YETT_ENOMEM, NULL, "no memory for attributes");
		}
		sqlite3_bind_text(statement, 14, json, (int)length, SQLITE_STATIC);
	} else {
		sqlite3_bind_null(statement, 14);
	}
	code = sqlite3_step(statement);
	sqlite3_reset(statement);
	if (code == SQLITE_DONE) {
		store->next_record++;
		return code;
	}
	return code == SQLITE_CONSTRAINT_UNIQUE
		       ? code
		       : yett_sqlite_fail(store, error, code, "store a record");
}

static int undo(struct yett_sqlite *store, int64_t from, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result =
		yett_sqlite_prepare(store, YETT_SQLITE_RECORD_UNDO_STATEMENT, &statement, error);

	if (result < 0) {
		return result;
	}
	sqlite3_bind_int64(statement, 1, from);
	store->next_record = from;
	return yett_sqlite_run(store, statement, "take records back", error);
}

static int insert_all(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_put *put, struct yett_reader *reader, sqlite3_stmt *statement,
	const char **ret_cause, struct yett_error *error)
{
	const struct yett_batch_info *info = &put->batch->info;
	uint64_t kinds[YETT_RECORD_STATE + 1] = {0};
	struct yett_record record = {.size = sizeof(record)};
	uint32_t count = 0;
	int result;

	while ((result = store->host->reader_next_record(reader, &record)) > 0) {
		if (count == info->count) {
			*ret_cause = "it holds more records than numbers";
			return 0;
		}
		if (record.kind < YETT_RECORD_METRIC || record.kind > YETT_RECORD_STATE) {
			*ret_cause = "it holds a kind of record that is not known";
			return 0;
		}
		result = insert_record(
			store, statement, epoch, put, info->first + count, &record, error);
		if (result == SQLITE_CONSTRAINT_UNIQUE) {
			*ret_cause = "its numbers are stored, though no piece says so";
			return 0;
		}
		if (result < 0) {
			return result;
		}
		kinds[record.kind]++;
		count++;
	}
	if (result == YETT_ENOMEM) {
		return store->host->fail(error, result, NULL, "no memory to decode a batch");
	}
	if (result < 0 || count != info->count) {
		*ret_cause = result < 0 ? store->host->result_text(result)
					: "it holds fewer records than numbers";
		return 0;
	}
	epoch->metrics += kinds[YETT_RECORD_METRIC];
	epoch->events += kinds[YETT_RECORD_EVENT];
	epoch->states += kinds[YETT_RECORD_STATE];
	store->counts[YETT_SQLITE_RECORDS] += count;
	return 1;
}

int yett_sqlite_insert(struct yett_sqlite *store, struct yett_sqlite_epoch *epoch,
	const struct yett_put *put, const char **ret_cause, struct yett_error *error)
{
	int64_t from = store->next_record;
	struct yett_reader *reader;
	sqlite3_stmt *statement;
	int result;

	result = yett_sqlite_prepare(store, YETT_SQLITE_RECORD_MAKE_STATEMENT, &statement, error);
	if (result < 0) {
		return result;
	}
	result = store->host->reader_open(put->batch, &reader);
	if (result == YETT_ENOMEM) {
		return store->host->fail(error, result, NULL, "no memory to decode a batch");
	}
	if (result < 0) {
		*ret_cause = store->host->result_text(result);
		return 0;
	}
	result = insert_all(store, epoch, put, reader, statement, ret_cause, error);
	store->host->reader_close(reader);
	sqlite3_clear_bindings(statement);
	if (result == 0 && store->next_record > from) {
		int undone = undo(store, from, error);

		return undone < 0 ? undone : 0;
	}
	return result;
}
