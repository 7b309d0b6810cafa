/* store-postgresql: the contract, and what is its own where all is well; where it is not is in
 * store-postgresql-sick.c. */
#include "store-postgresql.h"
#include "suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What PostgreSQL does not take as text does not stop what comes with it. */
static int look_at_text(void *arg, const struct yett_row *row)
{
	size_t *count = arg;
	static const char *const want[] = {"a\xef\xbf\xbd"
					   "b",
		""};

	CU_ASSERT_EQUAL(row->record.body.length, strlen(want[*count]));
	CU_ASSERT(row->record.body.length == 0 ||
		  memcmp(row->record.body.bytes, want[*count], row->record.body.length) == 0);
	if (*count == 0) {
		CU_ASSERT_STRING_EQUAL(
			row->attributes, "{\"k\xef\xbf\xbd\":\"\xef\xbf\xbd\\\"\xef\xbf\xbd\"}");
	} else {
		CU_ASSERT_EQUAL(row->record.value.type, YETT_VALUE_DOUBLE);
		CU_ASSERT(isnan(row->record.value.d));
	}
	(*count)++;
	return 0;
}

static void text_of_all_kinds(void)
{
	const struct yett_attribute attribute = {
		{"k\0", 2}, {.type = YETT_VALUE_TEXT, .text = {"\0\"\0", 3}}};
	const struct yett_record records[] = {
		{.size = sizeof(records[0]),
			.kind = YETT_RECORD_EVENT,
			.time_ns = INT64_MIN,
			.severity = 24,
			.body = {"a\0b", 3},
			.attributes = &attribute,
			.attribute_count = 1},
		{.size = sizeof(records[0]),
			.kind = YETT_RECORD_METRIC,
			.time_ns = INT64_MAX,
			.name = yett_text("nan"),
			.value = yett_value_double((double)NAN)},
	};
	size_t count = 0;
	struct yett_query query = {.size = sizeof(query)};

	store_begin(&writer);
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch_of(1, 1, NORMAL, 1, records, 2)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(
		writer.operations->query(writer.self, &query, look_at_text, &count, &writer.error),
		0);
	CU_ASSERT_EQUAL(count, 2);
	CU_ASSERT_EQUAL(
		pg_number("SELECT count(*) FROM events WHERE attributes ->> 'x' IS NULL"), 1);
	CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM metrics WHERE value = 'NaN'"), 1);
	store_end(&writer);
}

static int count_document(void *arg, const char *key, const char *json, uint64_t revision)
{
	(void)key;
	(void)json;
	(void)revision;
	(*(size_t *)arg)++;
	return 0;
}

static int count_row(void *arg, const struct yett_row *row)
{
	(void)row;
	(*(size_t *)arg)++;
	return 0;
}

/* What is not UTF-8, as a key or a text that was cut within a character, is an answer of its own: PostgreSQL
 * would fail for it, and with it the whole transaction. */
static void text_that_is_none(void)
{
	static const struct {
		const char *table, *key, *json;
	} cases[] = {
		{"t", "x\xef\xbf", "{}"},
		{"t\xc3", "x", "{}"},
		{"t", "x", "{\"a\":\"\xed\xa0\x80\"}"},
		{"t", "\xff", NULL},
	};
	struct yett_query query = {.size = sizeof(query), .name = "\xc3"};
	struct yett_batch batch;
	struct yett_put one = {.size = sizeof(one), .batch = &batch};
	uint64_t revision;
	size_t count = 0;

	store_begin(&writer);
	batch = store_batch(1, 1, NORMAL, 1, 5, "a");
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, &one, 1, &writer.error), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_EQUAL(
			writer.operations->registry_put(writer.self, cases[i].table, cases[i].key,
				cases[i].json, YETT_REVISION_ANY, &revision, NULL),
			YETT_EINVAL);
	}
	CU_ASSERT_EQUAL(writer.operations->registry_put(writer.self, "t", "x\xef\xbf\xbd", "{}", 0,
				&revision, &writer.error),
		0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(one.ret_result, YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 5);
	CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM registry"), 1);
	CU_ASSERT_EQUAL(writer.operations->registry_list(
				writer.self, "t", "\xc3", count_document, &count, NULL),
		YETT_EINVAL);
	CU_ASSERT_EQUAL(writer.operations->query(writer.self, &query, count_row, &count, NULL),
		YETT_EINVAL);
	CU_ASSERT_EQUAL(count, 0);
	CU_ASSERT_EQUAL(store_world.metrics[YETT_PG_RECONNECTS], 0);
	store_batch_free(&batch);
	store_end(&writer);
}

static uint64_t generation(void)
{
	struct yett_store_stats stats = {0};

	store_open(&writer, YETT_STORE_WRITER);
	CU_ASSERT_EQUAL(writer.operations->stats(writer.self, &stats, &writer.error), 0);
	store_close(&writer);
	return stats.generation;
}

/* A newer one is refused among what else is (store-postgresql-sick.c); there is none below the first. */
static void an_older_version(void)
{
	store_world_open();
	store_open(&writer, YETT_STORE_WRITER);
	store_close(&writer);
	CU_ASSERT(pg_sql("UPDATE store SET version = 0"));
	CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_WRITER), YETT_EVERSION);
	CU_ASSERT(pg_says("of version 0"));
	CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_READER), YETT_EVERSION);
	CU_ASSERT(pg_sql("UPDATE store SET version = 1"));
	store_open(&writer, YETT_STORE_WRITER);
	store_close(&writer);
	store_world_close();
}

/* A copy that was taken after the third opening takes the place of the store. */
static void restored(void)
{
	uint64_t before;

	store_world_open();
	before = generation();
	CU_ASSERT_EQUAL(generation(), before);
	CU_ASSERT_EQUAL(generation(), before);
	store_world.last_event[0] = '\0';
	CU_ASSERT(pg_sql("UPDATE store SET opens = 2"));
	CU_ASSERT(generation() > before);
	CU_ASSERT_STRING_EQUAL(store_world.last_event, "store-restored");
	before = generation(); /* once only */
	CU_ASSERT_EQUAL(generation(), before);
	store_world_close();
}

static uint64_t change_at(struct store *store)
{
	uint64_t revision = 0;

	CU_ASSERT_EQUAL(store->operations->begin(store->self, NULL), 0);
	CU_ASSERT_EQUAL(store->operations->registry_put(
				store->self, "t", "k", "{}", YETT_REVISION_ANY, &revision, NULL),
		0);
	CU_ASSERT_EQUAL(store->operations->commit(store->self, NULL), 0);
	return revision;
}

static uint64_t present_generation(void)
{
	struct yett_store_stats stats = {0};

	CU_ASSERT_EQUAL(writer.operations->stats(writer.self, &stats, &writer.error), 0);
	return stats.generation;
}

static void end_connection(void)
{
	CU_ASSERT(postgres_sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
			       "WHERE application_name = 'yett'"));
}

/* A standby that takes over without the last that was committed, shortly after: what lacks may be one
 * transaction. */
static void lost_tail(void)
{
	uint64_t before;

	store_begin(&writer);
	before = present_generation();
	CU_ASSERT_EQUAL(pg_put(1, 5), YETT_PUT_STORED);
	change_at(&writer);
	change_at(&writer);
	end_connection();
	CU_ASSERT_EQUAL(pg_put(6, 5), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(present_generation(), before); /* all is there */
	change_at(&writer);
	store_world.last_event[0] = '\0';
	CU_ASSERT(pg_sql("DELETE FROM registry; UPDATE store SET revision = revision - 1"));
	end_connection();
	CU_ASSERT_EQUAL(pg_put(11, 5), YETT_PUT_STORED);
	CU_ASSERT(present_generation() > before);
	CU_ASSERT_STRING_EQUAL(store_world.last_event, "store-restored");
	before = present_generation(); /* once only */
	end_connection();
	CU_ASSERT_EQUAL(pg_put(16, 5), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(present_generation(), before);
	store_end(&writer);
}

static void retention_by_age(void)
{
	int64_t now;

	asked.keep_ns = 3600 * SECOND;
	store_begin(&writer);
	now = store_world.host.wall_ns(NULL);
	CU_ASSERT_EQUAL(store_put_at(&writer, 1, 12000, now - 4000 * (int64_t)SECOND, "gone.soon"),
		YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put_at(&writer, 12001, 100, now - 100 * (int64_t)SECOND, "stays"),
		YETT_PUT_STORED);
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 12100); /* the clocks may still be set right */
	store_world.monotonic_shift_ns = 3600 * (int64_t)SECOND;
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(pg_number("SELECT min(number) FROM record"), 12001);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 100);
	CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM name"), 1);
	/* A wall clock that leaps deletes nothing; time that passes does. */
	store_world.wall_shift_ns = INT64_C(400) * 86400 * (int64_t)SECOND;
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 100);
	CU_ASSERT(pg_sql("UPDATE record SET received = received - 7200 * 1000000000::bigint"));
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 1); /* the newest, for the ids' sake */
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 12100);
	CU_ASSERT_EQUAL(store_put_at(&writer, 1, 12000, now, "gone.soon"), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(store_put_at(&writer, 12101, 10, now + 7200 * (int64_t)SECOND, "gone.soon"),
		YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_world.metrics[YETT_PG_RETIRED], 12099);
	store_end(&writer);
	asked.keep_ns = 0;
}

static void retention_by_size(void)
{
	struct yett_store_stats stats = {0};

	asked.size_bytes = 4 << 20;
	store_begin(&writer);
	for (uint64_t i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(store_put_at(&writer, 1 + 5000 * i, 5000, 1000 + (int64_t)i, "a"),
			YETT_PUT_STORED);
	}
	CU_ASSERT_EQUAL(store_put(&writer, store_batch_broken(1, 2, NORMAL, 1, 2)), YETT_PUT_DEAD);
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(writer.operations->stats(writer.self, &stats, &writer.error), 0);
	CU_ASSERT(stats.records > 8000 && stats.records < 40000);
	CU_ASSERT_EQUAL(
		pg_number("SELECT min(number) FROM record") + (int64_t)stats.records, 100001);
	CU_ASSERT_EQUAL(stats.dead, 0); /* it was as old as the oldest */
	/* What is reckoned is about what the tables take once they are made anew. */
	CU_ASSERT(pg_sql("REINDEX TABLE record") && postgres_sql("VACUUM FULL"));
	CU_ASSERT(pg_number("SELECT pg_total_relation_size('record')") < 5 << 20);
	CU_ASSERT(pg_number("SELECT pg_total_relation_size('record')") > 2 << 20);
	store_end(&writer);
	asked.size_bytes = 0;
}

/* Batches of ten records each, whose bodies nothing makes smaller. */
static void put_bodies(uint64_t first, unsigned batches, size_t size)
{
	char *body = malloc(size);
	struct yett_record records[10];

	for (unsigned batch = 0; batch < batches; batch++) {
		for (unsigned i = 0; i < 10; i++) {
			records[i] = (struct yett_record){.size = sizeof(records[i]),
				.kind = YETT_RECORD_EVENT,
				.name = yett_text("body"),
				.body = {body, size}};
		}
		store_world.host.random_bytes(NULL, body, size);
		for (size_t i = 0; i < size; i++) {
			body[i] = (char)('0' + (body[i] & 63));
		}
		CU_ASSERT_EQUAL(store_put(&writer, store_batch_of(1, 1, NORMAL, first + 10 * batch,
							   records, 10)),
			YETT_PUT_STORED);
	}
	free(body);
}

/* A burst of large records says nothing of those before it: of 37 MiB it takes 32. */
static void a_burst_deletes_nothing(void)
{
	asked.size_bytes = 200 << 20;
	store_begin(&writer);
	for (uint64_t i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(
			store_put_at(&writer, 1 + 5000 * i, 5000, 1000, "a"), YETT_PUT_STORED);
	}
	put_bodies(20001, 50, 64 << 10);
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 20500);
	store_end(&writer);
	asked.size_bytes = 0;
}

/* And where there is too much, no more goes than has to: of 14.5 MiB, some 3,500 records are left in 12; and
 * of those that are large some 14 in 1, where a slice would be all of them. */
static void size_is_that_of_all(void)
{
	long long left;

	asked.size_bytes = 12 << 20;
	store_begin(&writer);
	put_bodies(1, 500, 1500);
	put_bodies(5001, 10, 64 << 10);
	store_tidy_all(&writer);
	left = pg_number("SELECT count(*) FROM record");
	CU_ASSERT(left > 2500 && left < 4500);
	store_end(&writer);
	asked.size_bytes = 1 << 20;
	store_begin(&writer);
	put_bodies(1, 10, 64 << 10);
	store_tidy_all(&writer);
	left = pg_number("SELECT count(*) FROM record");
	CU_ASSERT(left > 10 && left < 18);
	store_end(&writer);
	asked.size_bytes = 0;
}

/* 500 records, one of which is as large as all others together. */
static void put_mixed(uint64_t first, unsigned large)
{
	static char body[200000];
	struct yett_record records[500];

	store_world.host.random_bytes(NULL, body, sizeof(body));
	for (size_t i = 0; i < sizeof(body); i++) {
		body[i] = (char)('0' + (body[i] & 63));
	}
	for (unsigned i = 0; i < 500; i++) {
		records[i] = (struct yett_record){.size = sizeof(records[i]),
			.kind = YETT_RECORD_EVENT,
			.name = yett_text("body"),
			.body = {body, i == large ? sizeof(body) : 100}};
	}
	CU_ASSERT_EQUAL(store_put(&writer, store_batch_of(1, 1, NORMAL, first, records, 500)),
		YETT_PUT_STORED);
}

/* A few large ones among many small ones: however often it is looked at, what has room stays. */
static void what_has_room_stays(void)
{
	unsigned chance = 1;
	long long bytes;

	asked.size_bytes = 8 << 20;
	store_begin(&writer);
	for (uint64_t i = 0; i < 40; i++) {
		chance = chance * 1103515245 + 12345;
		put_mixed(1 + 500 * i, chance >> 16 & 255);
	}
	for (uint64_t i = 0; i < 50; i++) {
		CU_ASSERT_EQUAL(pg_put(20001 + 10 * i, 10), YETT_PUT_STORED);
		store_tidy_all(&writer);
	}
	bytes = pg_number("SELECT sum(215 + coalesce(pg_column_size(whole), 0) + "
			  "coalesce(pg_column_size(unit), 0) + coalesce(pg_column_size(body), 0)) "
			  "FROM record");
	CU_ASSERT(bytes <= 8 << 20);
	CU_ASSERT(bytes > (8 << 20) - 250000); /* the next to go may be a large one */
	store_end(&writer);
	asked.size_bytes = 0;
}

/* What a copy of the machine sends under the same numbers is kept apart, but not without end: the oldest of it
 * goes where it takes more than its share, and no record for it. */
static void forks_have_a_share(void)
{
	static char body[20000];
	struct yett_record record = {.size = sizeof(record),
		.kind = YETT_RECORD_EVENT,
		.name = yett_text("body"),
		.body = {body, sizeof(body)}};
	long long left;

	asked.size_bytes = 8 << 20;
	store_begin(&writer);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch_broken(1, 2, NORMAL, 1, 2)), YETT_PUT_DEAD);
	for (unsigned i = 0; i <= 500; i++) {
		store_world.host.random_bytes(NULL, body, sizeof(body));
		for (size_t at = 0; at < sizeof(body); at++) {
			body[at] = (char)('0' + (body[at] & 63));
		}
		CU_ASSERT_EQUAL(store_put(&writer, store_batch_of(1, 1, NORMAL, 1, &record, 1)),
			i == 0 ? YETT_PUT_STORED : YETT_PUT_FORK);
		if (i == 50) {
			store_tidy_all(&writer);
			CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM fork"), 50);
			CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM dead_letter"), 1);
		}
	}
	store_tidy_all(&writer);
	left = pg_number("SELECT count(*) FROM fork");
	CU_ASSERT(left >= 50 && left <= 104); /* 2 MiB, but for what one slice takes */
	CU_ASSERT_EQUAL(pg_number("SELECT max(id) - min(id) + 1 FROM fork"), left);
	CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM dead_letter"), 0);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 1);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).forks, 500);
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM fork"), left);
	store_end(&writer);
	asked.size_bytes = 0;
}

/* Two tidy at once: one of them passes over it; batches go on meanwhile. */
static void tidied_by_one(void)
{
	struct holder tidier;

	asked.keep_ns = 3600 * SECOND;
	store_begin(&writer);
	store_world.monotonic_shift_ns = 3600 * (int64_t)SECOND;
	CU_ASSERT_EQUAL(store_put_at(&writer, 1, 200, 1000, "a"), YETT_PUT_STORED);
	tidier = pg_hold(
		"SELECT pg_advisory_xact_lock(hashtextextended('yett ' || current_schema(), 0))",
		NULL);
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 200);
	CU_ASSERT_EQUAL(store_put_at(&writer, 201, 5, 1000, "a"), YETT_PUT_STORED);
	pg_let_go(&tidier);
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 1);
	store_end(&writer);
	asked.keep_ns = 0;
}

/* Housekeeping that is stopped half-way has deleted nothing, and deletes it the next time. */
static void tidied_half_way(void)
{
	struct holder holder;

	asked.keep_ns = 3600 * SECOND;
	asked.timeout_ns = SECOND / 2;
	store_begin(&writer);
	store_world.monotonic_shift_ns = 3600 * (int64_t)SECOND;
	CU_ASSERT_EQUAL(store_put(&writer, store_batch_broken(1, 2, NORMAL, 1, 2)), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(store_put_at(&writer, 1, 200, 1000, "a"), YETT_PUT_STORED);
	holder = pg_hold("SELECT FROM dead_letter FOR UPDATE", NULL);
	CU_ASSERT_EQUAL(writer.operations->tidy(writer.self, SECOND, NULL), YETT_EAGAIN);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 200);
	pg_let_go(&holder);
	store_tidy_all(&writer);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 1);
	store_end(&writer);
	asked.timeout_ns = 0;
	asked.keep_ns = 0;
}

/* A batch that is refused with a long sentence in other letters is kept raw as well, wherever the sentence is
 * cut. */
static void refused_in_other_letters(void)
{
	store_begin(&writer);
	CU_ASSERT(pg_sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
			 "RAISE EXCEPTION USING ERRCODE = '23514', MESSAGE = "
			 "repeat('x', (new.number % 2)::integer) || repeat(chr(228), 400); END $$; "
			 "CREATE TRIGGER refuse BEFORE INSERT ON record FOR EACH ROW "
			 "EXECUTE FUNCTION refuse()"));
	CU_ASSERT_EQUAL(pg_try_put(1, 1), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(pg_try_put(2, 1), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM dead_letter WHERE cause LIKE "
				  "'%' || repeat(chr(228), 150) || '%23514%'"),
		2);
	store_end(&writer);
}

/* Whoever watches is not lost with the server: what changed meanwhile is told afterwards. */
static int count_change(
	void *arg, const char *table, const char *key, const char *json, uint64_t revision)
{
	uint64_t *seen = arg;

	(void)table;
	(void)key;
	(void)json;
	seen[0]++;
	seen[1] = revision;
	return 0;
}

static void watching_across_a_restart(void)
{
	uint64_t seen[2] = {0, 0}, revision;
	struct store reader;

	store_begin(&writer);
	store_open(&reader, YETT_STORE_READER);
	CU_ASSERT_EQUAL(
		reader.operations->watch(reader.self, 0, 1000, count_change, seen, NULL), 0);
	postgres_kill();
	CU_ASSERT(reader.operations->watch(
			  reader.self, 0, SECOND, count_change, seen, &reader.error) < 0);
	CU_ASSERT(postgres_start());
	store_world.monotonic_shift_ns += 10 * (int64_t)SECOND;
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, NULL), 0);
	CU_ASSERT_EQUAL(
		writer.operations->registry_put(writer.self, "t", "k", "{}", 0, &revision, NULL),
		0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, NULL), 0);
	CU_ASSERT_EQUAL(
		reader.operations->watch(reader.self, 0, SECOND, count_change, seen, NULL), 0);
	CU_ASSERT_EQUAL(seen[0], 1);
	CU_ASSERT_EQUAL(seen[1], revision);
	store_close(&reader);
	store_end(&writer);
}

static bool is_at_standby(struct store *store)
{
	PGresult *rows = NULL;
	bool there;

	CU_ASSERT_EQUAL_FATAL(
		yett_pg_text_run(store->self, "SELECT pg_is_in_recovery()", "ask", &rows, NULL), 0);
	there = PQgetvalue(rows, 0, 0)[0] == 't';
	PQclear(rows);
	return there;
}

/* Whoever reads is at the primary, and hears at once what is changed there; while it is gone a standby will do
 * to read, not to listen; and then it is the primary again. */
static void readers_are_at_the_primary(void)
{
	const char *second = postgres_standby_begin();
	uint64_t seen[2] = {0, 0}, revision;
	struct store reader, watcher;
	char connection[256];

	CU_ASSERT_PTR_NOT_NULL_FATAL(second);
	snprintf(connection, sizeof(connection), "host=%s,%s user=yett dbname=yett", second,
		postgres_folder());
	asked.connection = connection;
	store_begin(&writer);
	CU_ASSERT_EQUAL(pg_put(1, 5), YETT_PUT_STORED);
	store_open(&reader, YETT_STORE_READER);
	store_open(&watcher, YETT_STORE_READER);
	CU_ASSERT_FALSE(is_at_standby(&reader));
	revision = change_at(&writer);
	CU_ASSERT_EQUAL(
		watcher.operations->watch(watcher.self, 0, SECOND, count_change, seen, NULL), 0);
	CU_ASSERT_EQUAL(seen[1], revision);
	postgres_stop(); /* what the standby lacks is sent first */
	(void)reader.operations->stats(reader.self, &(struct yett_store_stats){0}, NULL);
	store_world.monotonic_shift_ns += 10 * (int64_t)SECOND;
	for (int i = 0; i < 2000 && store_rows(&reader, NULL) < 5; i++) {
	} /* it has been sent all, and applies it */
	CU_ASSERT_EQUAL(store_rows(&reader, NULL), 5);
	CU_ASSERT(is_at_standby(&reader));
	CU_ASSERT(watcher.operations->watch(watcher.self, seen[1], 1000, count_change, seen, NULL) <
		  0);
	CU_ASSERT(postgres_start());
	store_world.monotonic_shift_ns += 60 * (int64_t)SECOND;
	revision = change_at(&writer);
	CU_ASSERT_EQUAL(
		watcher.operations->watch(watcher.self, seen[1], SECOND, count_change, seen, NULL),
		0);
	CU_ASSERT_EQUAL(seen[1], revision);
	CU_ASSERT_EQUAL(store_rows(&reader, NULL), 5);
	CU_ASSERT_FALSE(is_at_standby(&reader));
	store_close(&watcher);
	store_close(&reader);
	store_end(&writer);
	asked.connection = NULL;
	postgres_standby_end();
}

/* Each statement that the document shows runs, and each view gives the columns that it names. */
static void document(void)
{
	static const char *const views[] = {
		"metrics", "events", "states", "node", "gaps", "losses", "dead_letters", "forks"};
	char line[512], text[2048] = "";
	int examples = 0;
	FILE *file;

	store_world_open();
	file = fopen(YETT_TEST_SRCDIR "/doc/store-postgresql.md", "re");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	store_open(&writer, YETT_STORE_WRITER);
	CU_ASSERT_EQUAL(pg_put(1, 5), YETT_PUT_STORED);
	while (fgets(line, sizeof(line), file) != NULL) {
		for (size_t i = 0; text[0] == '\0' && i < sizeof(views) / sizeof(views[0]); i++) {
			char row[64], view[600];

			snprintf(row, sizeof(row), "| `%s` | ", views[i]);
			if (strncmp(line, row, strlen(row)) == 0) {
				*strrchr(line, '|') = '\0';
				snprintf(view, sizeof(view), "SELECT %s FROM %s",
					line + strlen(row), views[i]);
				CU_ASSERT(pg_sql(view));
				examples++;
			}
		}
		if (strncmp(line, "    SELECT", 10) != 0 && text[0] == '\0') {
			continue;
		}
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", line);
		if (strchr(line, ';') != NULL) {
			CU_ASSERT(pg_sql(text));
			text[0] = '\0';
			examples++;
		}
	}
	CU_ASSERT_EQUAL(examples, 14);
	fclose(file);
	store_end(&writer);
}

/* Its row says when the newest notice came that made it grow. */
static void a_loss_that_grows(void)
{
	store_begin(&writer);
	store_put_growing_gap(&writer);
	CU_ASSERT_EQUAL(
		pg_number("SELECT sum(received) FROM gap WHERE first = 5 AND count = 4"), 5000);
	store_end(&writer);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo standby_tests[] = {
		{"readers are at the primary", readers_are_at_the_primary},
		CU_TEST_INFO_NULL,
	};
	static const CU_TestInfo tests[] = {
		{"text of all kinds", text_of_all_kinds},
		{"text that is none", text_that_is_none},
		{"an older version", an_older_version},
		{"restored", restored},
		{"lost tail", lost_tail},
		{"retention by age", retention_by_age},
		{"retention by size", retention_by_size},
		{"a burst deletes nothing", a_burst_deletes_nothing},
		{"size is that of all", size_is_that_of_all},
		{"what has room stays", what_has_room_stays},
		{"forks have a share", forks_have_a_share},
		{"tidied by one", tidied_by_one},
		{"tidied half-way", tidied_half_way},
		{"a loss that grows", a_loss_that_grows},
		{"refused in other letters", refused_in_other_letters},
		{"watching across a restart", watching_across_a_restart},
		{"document", document},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("store-postgresql: custody", pg_begin, pg_end, store_custody_tests);
	suite_add_around("store-postgresql: limits", pg_begin, pg_end, store_limits_tests);
	suite_add_around("store-postgresql: dead letters", pg_begin, pg_end, store_dead_tests);
	suite_add_around("store-postgresql: reading", pg_begin, pg_end, store_reading_tests);
	suite_add_around("store-postgresql: together", pg_begin, pg_end, store_together_tests);
	suite_add_around("store-postgresql: the clock", pg_begin, pg_end, store_clock_tests);
	suite_add_around("store-postgresql: bounds", pg_begin, pg_end, store_bounds_tests);
	suite_add_around("store-postgresql: its own", pg_begin, pg_end, tests);
	suite_add_around("store-postgresql: standby", pg_begin, pg_end, standby_tests);
	return suite_end(argc, argv);
}
