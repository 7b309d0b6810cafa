/* Queries over stored records, in the order of storing.
 *
 * Following (`after_id`) reads upwards from the cursor. "The newest N" reads downwards: first over
 * the newest records only, where what is asked for often mostly is; if those do not have N of it,
 * through the index of the name or the origin, which finds the rare ones without reading all.
 * The SQL is put together from fixed parts; what the caller gives is always bound.
 */
#include "internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECENT_RECORDS 200000
#define MS_NS          UINT64_C(1000000)

/* Bound parameters. */
enum { KIND = 1, ORIGIN, NAME, FROM, TO, AFTER, LIMIT };

#define COLUMNS                                                                                    \
	"SELECT record.id, record.kind, record.time, record.received, name.text, "                 \
	"record.severity, record.state, record.value, record.unit, record.body, "                  \
	"record.attributes, record.number, epoch.lane, epoch.ordinal, epoch.random, "              \
	"origin.uuid, origin.name "
#define JOINS                                                                                      \
	" AS found CROSS JOIN record ON record.id = found.id JOIN name ON name.id = record.name "  \
	"JOIN epoch ON epoch.id = record.epoch JOIN origin ON origin.id = record.origin "          \
	"ORDER BY record.id"

static bool is_glob(const char *text)
{
	return strpbrk(text, "*?") != NULL;
}

/* SQLite's GLOB knows sets in brackets too; here a bracket is only a bracket. */
static char *glob_of(const char *text)
{
	char *glob = malloc(3 * strlen(text) + 1), *to = glob;

	if (glob == NULL) {
		return NULL;
	}
	for (; *text != '\0'; text++) {
		if (*text == '[') {
			memcpy(to, "[[]", 3);
			to += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
	return glob;
}

/* One pattern that matches nothing else, or a glob. */
struct asked {
	const struct yett_query *query;
	struct yett_id id;
	char uuid[YETT_SQLITE_UUID_SIZE]; /* "" unless the origin is asked for by id */
	char *origin, *name;              /* as bound, or NULL */
};

static int ask(struct yett_sqlite *store, const struct yett_query *query, struct asked *ret_asked,
	struct yett_error *error)
{
	memset(ret_asked, 0, sizeof(*ret_asked));
	ret_asked->query = query;
	if (query->origin != NULL && yett_sqlite_uuid_parse(query->origin, &ret_asked->id)) {
		yett_sqlite_uuid_text(&ret_asked->id, ret_asked->uuid);
		ret_asked->origin = strdup(ret_asked->uuid);
	} else if (query->origin != NULL) {
		ret_asked->origin =
			is_glob(query->origin) ? glob_of(query->origin) : strdup(query->origin);
	}
	if (query->name != NULL) {
		ret_asked->name = is_glob(query->name) ? glob_of(query->name) : strdup(query->name);
	}
	if ((query->origin != NULL && ret_asked->origin == NULL) ||
		(query->name != NULL && ret_asked->name == NULL)) {
		free(ret_asked->origin);
		free(ret_asked->name);
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for a query");
	}
	return 0;
}

static void build_where(const struct asked *asked, bool recent, char *ret_sql, size_t size)
{
	const struct yett_query *query = asked->query;
	const char *origin = "", *name = "";

	if (asked->uuid[0] != '\0') {
		origin = " AND origin = (SELECT id FROM origin WHERE uuid = ?2)";
	} else if (asked->origin != NULL) {
		origin = is_glob(query->origin)
				 ? " AND origin IN (SELECT id FROM origin WHERE name GLOB ?2)"
				 : " AND origin IN (SELECT id FROM origin WHERE name = ?2)";
	}
	if (asked->name != NULL) {
		name = is_glob(query->name)
			       ? " AND name IN (SELECT id FROM name WHERE text GLOB ?3)"
			       : " AND name = (SELECT id FROM name WHERE text = ?3)";
	}
	snprintf(ret_sql, size, "WHERE 1%s%s%s%s%s%s%s", query->kind != 0 ? " AND kind = ?1" : "",
		origin, name, query->from_ns != 0 ? " AND time >= ?4" : "",
		query->to_ns != 0 ? " AND time < ?5" : "",
		query->after_id != 0 ? " AND id > ?6" : "",
		recent ? " AND id > (SELECT max(id) FROM record) - ?6" : "");
}

static void bind_asked(sqlite3_stmt *statement, const struct asked *asked, bool recent)
{
	const struct yett_query *query = asked->query;

	/* Those that the statement does not have are refused without harm. */
	sqlite3_bind_int64(statement, KIND, query->kind);
	sqlite3_bind_text(statement, ORIGIN, asked->origin, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, NAME, asked->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, FROM, query->from_ns);
	sqlite3_bind_int64(statement, TO, query->to_ns);
	sqlite3_bind_int64(statement, AFTER,
		recent ? RECENT_RECORDS
		       : (query->after_id > INT64_MAX ? INT64_MAX : (int64_t)query->after_id));
	sqlite3_bind_int64(statement, LIMIT, query->limit > 0 ? (int64_t)query->limit : -1);
}

static struct yett_text column_text(sqlite3_stmt *statement, int column)
{
	struct yett_text text;

	text.bytes = (const char *)sqlite3_column_text(statement, column);
	text.length = (size_t)sqlite3_column_bytes(statement, column);
	return text;
}

static struct yett_value column_value(sqlite3_stmt *statement, int column, uint32_t kind)
{
	struct yett_value value = {.type = YETT_VALUE_NONE};

	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_INTEGER:
		value.type = YETT_VALUE_INT;
		value.i = sqlite3_column_int64(statement, column);
		break;
	case SQLITE_FLOAT:
		value.type = YETT_VALUE_DOUBLE;
		value.d = sqlite3_column_double(statement, column);
		break;
	case SQLITE_TEXT:
		value.type = YETT_VALUE_TEXT;
		value.text = column_text(statement, column);
		if (kind == YETT_RECORD_METRIC) {
			value = yett_value_double((double)NAN); /* as insert.c keeps it */
		}
		break;
	}
	return value;
}

static void read_row(sqlite3_stmt *statement, struct yett_row *ret_row)
{
	struct yett_record *record = &ret_row->record;
	const char *attributes = (const char *)sqlite3_column_text(statement, 10);

	memset(ret_row, 0, sizeof(*ret_row));
	ret_row->size = sizeof(*ret_row);
	ret_row->id = (uint64_t)sqlite3_column_int64(statement, 0);
	ret_row->received_ns = sqlite3_column_int64(statement, 3);
	ret_row->number = (uint64_t)sqlite3_column_int64(statement, 11);
	ret_row->lane = (uint32_t)sqlite3_column_int(statement, 12);
	ret_row->epoch.ordinal = (uint64_t)sqlite3_column_int64(statement, 13);
	ret_row->epoch.random = (uint64_t)sqlite3_column_int64(statement, 14);
	yett_sqlite_uuid_parse((const char *)sqlite3_column_text(statement, 15), &ret_row->origin);
	ret_row->origin_name = (const char *)sqlite3_column_text(statement, 16);
	ret_row->attributes = attributes != NULL ? attributes : "{}";
	record->size = sizeof(*record);
	record->kind = (uint32_t)sqlite3_column_int(statement, 1);
	record->time_ns = sqlite3_column_int64(statement, 2);
	record->name = column_text(statement, 4);
	record->severity = (uint32_t)sqlite3_column_int(statement, 5);
	record->state = (uint32_t)sqlite3_column_int(statement, 6);
	record->value = column_value(statement, 7, record->kind);
	record->unit = column_text(statement, 8);
	record->body = column_text(statement, 9);
}

struct record_visit {
	yett_row_fn visit;
	void *arg;
};

static int visit_record(void *arg, sqlite3_stmt *statement)
{
	const struct record_visit *to = arg;
	struct yett_row row;

	read_row(statement, &row);
	return to->visit(to->arg, &row);
}

/* Whether the newest records alone have as many as are asked for. */
static int enough_recent(struct yett_sqlite *store, const struct asked *asked, bool *ret_enough,
	struct yett_error *error)
{
	char where[512], sql[768];
	sqlite3_stmt *statement;
	int64_t found = 0;
	int result;

	build_where(asked, true, where, sizeof(where));
	snprintf(sql, sizeof(sql),
		"SELECT count(*) FROM (SELECT id FROM record NOT INDEXED %s "
		"ORDER BY id DESC LIMIT ?7)",
		where);
	if ((result = yett_sqlite_prepare_own(store, sql, &statement, error)) < 0) {
		return result;
	}
	bind_asked(statement, asked, true);
	result = yett_sqlite_number(store, statement, "query records", 0, &found, error);
	sqlite3_finalize(statement);
	*ret_enough = found >= (int64_t)asked->query->limit;
	return result;
}

static int run_query(struct yett_sqlite *store, const struct asked *asked, yett_row_fn visit,
	void *arg, struct yett_error *error)
{
	const struct yett_query *query = asked->query;
	bool selective = query->origin != NULL || query->name != NULL;
	bool walk = !selective || query->after_id != 0; /* along the ids, not by an index */
	struct record_visit to = {visit, arg};
	char where[512], sql[2048];
	sqlite3_stmt *statement;
	int result;

	if (!walk && query->limit > 0 && (result = enough_recent(store, asked, &walk, error)) < 0) {
		return result;
	}
	build_where(asked, false, where, sizeof(where));
	/* "+id" keeps the planner from walking along the ids after all. */
	snprintf(sql, sizeof(sql),
		COLUMNS "FROM (SELECT id FROM record %s %s ORDER BY %s %s LIMIT ?7)" JOINS,
		walk ? "NOT INDEXED" : "", where, walk ? "id" : "+id",
		query->after_id != 0 ? "ASC" : "DESC");
	if ((result = yett_sqlite_prepare_own(store, sql, &statement, error)) < 0) {
		return result;
	}
	bind_asked(statement, asked, false);
	return yett_sqlite_visit(store, statement, "query records", visit_record, &to, error);
}

int yett_sqlite_query(void *self, const struct yett_query *query, yett_row_fn visit, void *arg,
	struct yett_error *error)
{
	struct yett_sqlite *store = self;
	uint64_t outer_ns = store->until_ns;
	struct asked asked;
	int result = yett_sqlite_ready(store, error);

	if (result < 0 || (result = ask(store, query, &asked, error)) < 0) {
		return result;
	}
	if (query->within_ms > 0) {
		store->until_ns =
			store->host->monotonic_ns(store->host->instance) + query->within_ms * MS_NS;
	}
	store->visits++;
	result = run_query(store, &asked, visit, arg, error);
	store->visits--;
	store->until_ns = outer_ns;
	free(asked.origin);
	free(asked.name);
	return result;
}
