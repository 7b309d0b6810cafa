/* Queries over stored records, in the order of storing.
 *
 * Following (`after_id`) reads upwards from the cursor, in pages, each asked for when the one before
 * has been visited: so no answer has to fit into memory, and a visitor may ask on. How many records make
 * a page follows from how large they are, since one may be as large as a batch. "The newest N"
 * first finds where it begins. The SQL is put together from fixed parts; what the caller gives is
 * always a parameter. A glob becomes a LIKE pattern, in which only * and ? are special.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>

#define COLUMNS                                                                                    \
	"SELECT record.id, record.kind, record.time, record.received, name.text, "                 \
	"record.severity, record.state, record.value, record.whole, record.words, record.unit, "   \
	"record.body, record.attributes, record.number, epoch.lane, epoch.ordinal, "               \
	"epoch.random, origin.uuid, origin.name FROM ("
#define JOINS                                                                                      \
	") AS found JOIN record ON record.id = found.id JOIN name ON name.id = record.name "       \
	"JOIN epoch ON epoch.id = record.epoch JOIN origin ON origin.id = record.origin "          \
	"ORDER BY record.id"

#define PAGE_FIRST 64
#define PAGE_LEAST 16
#define PAGE_BYTES (4 * 1024 * 1024) /* about so much is in memory at a time */

struct asked {
	const struct yett_query *query;
	struct yett_id id;
	bool by_id;
	char *origin, *name; /* patterns, or NULL */
};

static bool is_glob(const char *text)
{
	return strpbrk(text, "*?") != NULL;
}

static char *like_of(const char *text)
{
	char *like, *to;

	if (!is_glob(text)) {
		return strdup(text);
	}
	like = to = malloc(2 * strlen(text) + 1);
	for (; like != NULL && *text != '\0'; text++) {
		if (*text == '%' || *text == '_' || *text == '\\') {
			*to++ = '\\';
		}
		*to++ = *text == '*' ? '%' : *text == '?' ? '_' : *text;
	}
	if (like != NULL) {
		*to = '\0';
	}
	return like;
}

static int ask(struct yett_pg *store, const struct yett_query *query, struct asked *ret_asked,
	struct yett_error *error)
{
	memset(ret_asked, 0, sizeof(*ret_asked));
	if (!yett_pg_is_text(query->origin) || !yett_pg_is_text(query->name)) {
		return store->host->fail(
			error, YETT_EINVAL, NULL, "a query: a name in it is not UTF-8");
	}
	ret_asked->query = query;
	ret_asked->by_id =
		query->origin != NULL && yett_pg_uuid_parse(query->origin, &ret_asked->id);
	if (query->origin != NULL && !ret_asked->by_id) {
		ret_asked->origin = like_of(query->origin);
	}
	ret_asked->name = query->name != NULL ? like_of(query->name) : NULL;
	if ((query->origin != NULL && !ret_asked->by_id && ret_asked->origin == NULL) ||
		(query->name != NULL && ret_asked->name == NULL)) {
		free(ret_asked->origin);
		free(ret_asked->name);
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for a query");
	}
	return 0;
}

/* Parameters: $1 kind, $2 origin, $3 name, $4 from, $5 to, $6 after, $7 limit; each is there, since
 * their types must be known. */
static void build_where(const struct asked *asked, bool after, char *ret_sql, size_t size)
{
	const struct yett_query *query = asked->query;
	const char *origin = "", *name = "";

	if (asked->by_id) {
		origin = " AND origin = (SELECT id FROM origin WHERE uuid = $2)";
	} else if (asked->origin != NULL) {
		origin = is_glob(query->origin)
				 ? " AND origin IN (SELECT id FROM origin WHERE name LIKE $2)"
				 : " AND origin IN (SELECT id FROM origin WHERE name = $2)";
	}
	if (asked->name != NULL) {
		name = is_glob(query->name)
			       ? " AND name IN (SELECT id FROM name WHERE text LIKE $3)"
			       : " AND name = (SELECT id FROM name WHERE text = $3)";
	}
	snprintf(ret_sql, size, " WHERE true%s%s%s%s%s%s",
		query->kind != 0 ? " AND kind = $1::bigint" : "", origin, name,
		query->from_ns != 0 ? " AND time >= $4::bigint" : "",
		query->to_ns != 0 ? " AND time < $5::bigint" : "",
		after ? " AND id > $6::bigint" : "");
}

static void fill_args(
	const struct asked *asked, int64_t after, int64_t limit, struct yett_pg_args *args)
{
	const struct yett_query *query = asked->query;

	yett_pg_arg_int(args, query->kind);
	if (asked->by_id) {
		yett_pg_arg_bytes(args, &asked->id, sizeof(asked->id));
	} else {
		yett_pg_arg_text(args, asked->origin);
	}
	yett_pg_arg_text(args, asked->name);
	yett_pg_arg_int(args, query->from_ns);
	yett_pg_arg_int(args, query->to_ns);
	yett_pg_arg_int(args, after);
	yett_pg_arg_int(args, limit);
}

/* Gives each parameter its type, whether the conditions name it or not. */
#define TYPES                                                                                      \
	"($1::bigint IS NULL OR $3::text IS NULL OR $4::bigint IS NULL OR $5::bigint IS NULL OR "  \
	"$6::bigint IS NULL OR $2::%s IS NULL OR true)"

static int ask_rows(struct yett_pg *store, const struct asked *asked, const char *sql,
	int64_t after, int64_t limit, PGresult **ret_rows, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	int result;

	fill_args(asked, after, limit, &args);
	result = yett_pg_ask(store, sql, &args, "query records", ret_rows, error);
	yett_pg_args_done(&args);
	return result;
}

/* The id before the first of the newest `limit`. */
static int find_start(struct yett_pg *store, const struct asked *asked, int64_t *ret_after,
	struct yett_error *error)
{
	char where[512], sql[1024];
	PGresult *rows = NULL;
	int result;

	*ret_after = 0;
	if (asked->query->limit == 0) {
		return 0;
	}
	build_where(asked, false, where, sizeof(where));
	snprintf(sql, sizeof(sql),
		"SELECT min(id) FROM (SELECT id FROM record%s AND " TYPES
		" ORDER BY id DESC LIMIT $7::bigint) AS newest",
		where, asked->by_id ? "uuid" : "text");
	result = ask_rows(store, asked, sql, 0, asked->query->limit, &rows, error);
	if (result == 0 && !PQgetisnull(rows, 0, 0)) {
		*ret_after = yett_pg_int(rows, 0, 0) - 1;
	}
	PQclear(rows);
	return result;
}

static struct yett_text text_of(const PGresult *rows, int i, int column)
{
	struct yett_text text = {
		yett_pg_text(rows, i, column), (size_t)PQgetlength(rows, i, column)};

	return text;
}

static struct yett_value value_of(const PGresult *rows, int i)
{
	struct yett_value value = {.type = YETT_VALUE_NONE};

	if (!PQgetisnull(rows, i, 8)) {
		value = yett_value_int(yett_pg_int(rows, i, 8));
	} else if (!PQgetisnull(rows, i, 7)) {
		value = yett_value_double(yett_pg_double(rows, i, 7));
	} else if (!PQgetisnull(rows, i, 9)) {
		value.type = YETT_VALUE_TEXT;
		value.text = text_of(rows, i, 9);
	}
	return value;
}

static int visit_row(const PGresult *rows, int i, yett_row_fn visit, void *arg)
{
	const char *attributes = yett_pg_text(rows, i, 12);
	struct yett_row row = {.size = sizeof(row)};
	struct yett_record *record = &row.record;

	row.id = (uint64_t)yett_pg_int(rows, i, 0);
	row.received_ns = yett_pg_int(rows, i, 3);
	row.number = (uint64_t)yett_pg_int(rows, i, 13);
	row.lane = (uint32_t)yett_pg_int(rows, i, 14);
	row.epoch.ordinal = (uint64_t)yett_pg_int(rows, i, 15);
	row.epoch.random = (uint64_t)yett_pg_int(rows, i, 16);
	row.origin = yett_pg_uuid(rows, i, 17);
	row.origin_name = yett_pg_text(rows, i, 18);
	row.attributes = attributes != NULL ? attributes : "{}";
	record->size = sizeof(*record);
	record->kind = (uint32_t)yett_pg_int(rows, i, 1);
	record->time_ns = yett_pg_int(rows, i, 2);
	record->name = text_of(rows, i, 4);
	record->severity = (uint32_t)yett_pg_int(rows, i, 5);
	record->state = (uint32_t)yett_pg_int(rows, i, 6);
	record->value = value_of(rows, i);
	record->unit = text_of(rows, i, 10);
	record->body = text_of(rows, i, 11);
	return visit(arg, &row);
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* How many to ask for next, by what these took. */
static int64_t next_page(const PGresult *rows, int64_t page)
{
	static const int large[] = {9, 11, 12}; /* words, body, attributes */
	int64_t bytes = 0;

	for (int i = 0; i < PQntuples(rows); i++) {
		for (size_t column = 0; column < sizeof(large) / sizeof(large[0]); column++) {
			bytes += PQgetlength(rows, i, large[column]);
		}
	}
	if (bytes > PAGE_BYTES) {
		return page / 4 > PAGE_LEAST ? page / 4 : PAGE_LEAST;
	}
	return bytes < PAGE_BYTES / 4 ? least(page * 4, YETT_PG_PAGE) : page;
}

static int run_query(struct yett_pg *store, const struct asked *asked, int64_t after,
	yett_row_fn visit, void *arg, struct yett_error *error)
{
	const struct yett_query *query = asked->query;
	int64_t left = query->limit > 0 ? (int64_t)query->limit : INT64_MAX;
	int64_t page = PAGE_FIRST, want;
	char where[512], sql[2048];
	int result = 0, count;

	build_where(asked, true, where, sizeof(where));
	snprintf(sql, sizeof(sql),
		COLUMNS "SELECT id FROM record%s AND " TYPES " ORDER BY id LIMIT $7::bigint" JOINS,
		where, asked->by_id ? "uuid" : "text");
	do {
		PGresult *rows = NULL;

		want = least(page, left);
		result = ask_rows(store, asked, sql, after, want, &rows, error);
		count = result == 0 ? PQntuples(rows) : 0;
		for (int i = 0; result == 0 && i < count; i++) {
			after = yett_pg_int(rows, i, 0);
			result = visit_row(rows, i, visit, arg);
		}
		page = next_page(rows, page);
		PQclear(rows);
		left -= count;
	} while (result == 0 && count == want && left > 0);
	return result;
}

int yett_pg_query(void *self, const struct yett_query *query, yett_row_fn visit, void *arg,
	struct yett_error *error)
{
	struct yett_pg *store = self;
	struct asked asked;
	int64_t after = (int64_t)(query->after_id > INT64_MAX ? INT64_MAX : query->after_id);
	int result = yett_pg_ready(store, error);

	if (result < 0 || (result = ask(store, query, &asked, error)) < 0) {
		return result;
	}
	if (after == 0) {
		result = find_start(store, &asked, &after, error);
	}
	if (result == 0) {
		result = run_query(store, &asked, after, visit, arg, error);
	}
	free(asked.origin);
	free(asked.name);
	return result;
}
