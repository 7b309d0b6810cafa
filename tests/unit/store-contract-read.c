/* What every store must do, by its table of operations alone: the registry, and what is read. Of
 * custody is store-contract.c. */
#include <stdio.h>
#include <string.h>

#include "store-contract.h"

#define NORMAL YETT_LANE_NORMAL

static struct store writer;

struct seen {
	size_t count;
	char key[64], json[128];
	uint64_t revision;
};

static int see_document(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct seen *seen = arg;

	seen->count++;
	snprintf(seen->key, sizeof(seen->key), "%s", key);
	snprintf(seen->json, sizeof(seen->json), "%s", json);
	seen->revision = revision;
	return 0;
}

static struct seen see(const char *table, const char *key)
{
	struct seen seen = {0};

	CU_ASSERT_EQUAL(writer.operations->registry_list(
				writer.self, table, key, see_document, &seen, &writer.error),
		0);
	return seen;
}

static int document(const char *key, const char *json, uint64_t revision, uint64_t *ret_revision)
{
	int result;

	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	result = writer.operations->registry_put(
		writer.self, "t", key, json, revision, ret_revision, &writer.error);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	return result;
}

static void registry(void)
{
	uint64_t one = 0, two = 0, three = 0, other = 0;

	store_begin(&writer);
	CU_ASSERT_EQUAL(document("k", "{\"a\":1}", 0, &one), 0);
	CU_ASSERT(one > 0);
	CU_ASSERT_EQUAL(document("k", "{\"a\":2}", 0, &two), YETT_ECONFLICT);
	CU_ASSERT_EQUAL(two, 0); /* untouched on failure */
	CU_ASSERT_EQUAL(document("k", "{\"a\":2}", one, &two), 0);
	CU_ASSERT(two > one);
	CU_ASSERT_EQUAL(document("k", "{\"a\":3}", one, &other), YETT_ECONFLICT);
	CU_ASSERT_EQUAL(document("k", NULL, one, &other), YETT_ECONFLICT);
	CU_ASSERT_STRING_EQUAL(see("t", "k").json, "{\"a\":2}");
	CU_ASSERT_EQUAL(see("t", "k").revision, two);
	store_restart(&writer);
	CU_ASSERT_EQUAL(document("k", NULL, two, &other), 0);
	CU_ASSERT_EQUAL(see("t", NULL).count, 0);
	/* A document that is made again never has a revision that it had before. */
	CU_ASSERT_EQUAL(document("k", "{\"a\":4}", 0, &three), 0);
	CU_ASSERT(three > two);
	CU_ASSERT_EQUAL(document("l", "{}", YETT_REVISION_ANY, &other), 0);
	CU_ASSERT_EQUAL(see("t", NULL).count, 2);
	CU_ASSERT_STRING_EQUAL(see("t", NULL).key, "l");
	CU_ASSERT_EQUAL(see("u", NULL).count, 0);
	CU_ASSERT_EQUAL(document("m", "no JSON", 0, &other), YETT_EINVAL);
	CU_ASSERT_NOT_EQUAL(writer.operations->registry_put(
				    writer.self, "t", "n", "{}", 0, &other, &writer.error),
		0); /* not outside of a transaction */
	store_end(&writer);
}

static void put_examples(void)
{
	const struct yett_attribute attributes[] = {
		{yett_text("quote\"\\\n\x01"), yett_value_text("caf\xc3\xa9")},
		{yett_text("int"), yett_value_int(-5)}, {yett_text("real"), yett_value_double(0.5)},
		{yett_text("flag"), yett_value_bool(true)}};
	const struct yett_record records[] = {
		{.size = sizeof(records[0]),
			.kind = YETT_RECORD_METRIC,
			.time_ns = 1000,
			.name = yett_text("system.cpu.time"),
			.value = yett_value_double(1.25),
			.unit = yett_text("s"),
			.attributes = attributes,
			.attribute_count = 4},
		{.size = sizeof(records[0]),
			.kind = YETT_RECORD_METRIC,
			.time_ns = 2000,
			.name = yett_text("system.memory.usage"),
			.value = yett_value_int(INT64_MAX),
			.unit = yett_text("By")},
		{.size = sizeof(records[0]),
			.kind = YETT_RECORD_EVENT,
			.time_ns = 3000,
			.severity = YETT_SEVERITY_ERROR,
			.name = yett_text("log"),
			.body = yett_text("it broke")},
		{.size = sizeof(records[0]),
			.kind = YETT_RECORD_STATE,
			.time_ns = 4000,
			.state = YETT_STATE_CRITICAL,
			.name = yett_text("check.disk"),
			.body = yett_text("DISK CRITICAL")},
	};
	uint64_t revision;

	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch_of(1, 1, NORMAL, 1, records, 4)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch_of(2, 1, NORMAL, 1, records, 4)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->registry_put(writer.self, "node",
				"10203040-5060-4080-8000-000000000001",
				"{\"id\":\"10203040-5060-4080-8000-000000000001\","
				"\"name\":\"alpha.example\"}",
				0, &revision, &writer.error),
		0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
}

static const struct {
	struct yett_query query;
	size_t want;
} questions[] = {
	{{.kind = 0}, 8},
	{{.kind = YETT_RECORD_METRIC}, 4},
	{{.name = "system.*"}, 4},
	{{.name = "system.cpu.time"}, 2},
	{{.name = "check.dis?"}, 2},
	{{.name = "check.dis[k]"}, 0},
	{{.name = "nothing"}, 0},
	{{.origin = "alpha.example"}, 4},
	{{.origin = "alpha.*"}, 4},
	{{.origin = "ALPHA.*"}, 0},
	{{.origin = "10203040-5060-4080-8000-000000000002"}, 4},
	{{.origin = "10203040-5060-4080-8000-00000000000F"}, 0},
	{{.from_ns = 2000}, 6},
	{{.to_ns = 2000}, 2},
	{{.from_ns = 2000, .to_ns = 4000}, 4},
	{{.limit = 3}, 3},
	{{.name = "system.*", .origin = "alpha.*", .limit = 10}, 2},
	{{.name = "system.*", .limit = 1}, 1},
	{{.kind = YETT_RECORD_STATE, .name = "system.*"}, 0},
};

static void filters(void)
{
	struct store reader;

	store_begin(&writer);
	put_examples();
	store_open(&reader, YETT_STORE_READER);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct yett_query query = questions[i].query;

		query.size = sizeof(query);
		CU_ASSERT_EQUAL(store_rows(&writer, &query), questions[i].want);
		CU_ASSERT_EQUAL(store_rows(&reader, &query), questions[i].want);
		if (store_rows(&reader, &query) != questions[i].want) {
			fprintf(stderr, "question %zu\n", i);
		}
	}
	store_close(&reader);
	store_end(&writer);
}

static bool text_is(struct yett_text text, const char *want)
{
	return text.length == strlen(want) &&
	       (text.length == 0 || memcmp(text.bytes, want, text.length) == 0);
}

static int look(void *arg, const struct yett_row *row)
{
	size_t *count = arg;
	const struct yett_record *record = &row->record;

	CU_ASSERT_EQUAL(row->number, *count + 1);
	CU_ASSERT_EQUAL(row->lane, NORMAL);
	CU_ASSERT_EQUAL(row->epoch.random, store_epoch(1).random);
	CU_ASSERT_EQUAL(record->time_ns, (int64_t)(*count + 1) * 1000);
	CU_ASSERT_PTR_NOT_NULL_FATAL(row->origin_name);
	CU_ASSERT_STRING_EQUAL(row->origin_name, "alpha.example");
	switch ((*count)++) {
	case 0:
		CU_ASSERT(text_is(record->name, "system.cpu.time"));
		CU_ASSERT(text_is(record->unit, "s"));
		CU_ASSERT_EQUAL(record->value.type, YETT_VALUE_DOUBLE);
		CU_ASSERT_EQUAL(record->value.d, 1.25);
		/* In the order of the encoding (RFC 8949, section 4.2.1). */
		CU_ASSERT_STRING_EQUAL(row->attributes,
			"{\"int\":-5,\"flag\":true,\"real\":0.5,\"quote\\\"\\\\\\n\\u0001\":"
			"\"caf\xc3\xa9\"}");
		break;
	case 1:
		CU_ASSERT_EQUAL(record->value.type, YETT_VALUE_INT);
		CU_ASSERT_EQUAL(record->value.i, INT64_MAX);
		CU_ASSERT_STRING_EQUAL(row->attributes, "{}");
		break;
	case 2:
		CU_ASSERT_EQUAL(record->kind, YETT_RECORD_EVENT);
		CU_ASSERT_EQUAL(record->severity, YETT_SEVERITY_ERROR);
		CU_ASSERT(text_is(record->body, "it broke"));
		break;
	case 3:
		CU_ASSERT_EQUAL(record->state, YETT_STATE_CRITICAL);
		CU_ASSERT(text_is(record->body, "DISK CRITICAL"));
		break;
	}
	return 0;
}

static void rows_are_whole(void)
{
	struct yett_query query = {.size = sizeof(query), .origin = "alpha.example"};
	size_t count = 0;

	store_begin(&writer);
	put_examples();
	CU_ASSERT_EQUAL(
		writer.operations->query(writer.self, &query, look, &count, &writer.error), 0);
	CU_ASSERT_EQUAL(count, 4);
	store_end(&writer);
}

#define NAME_ROOM 64

static int look_at_name(void *arg, const struct yett_row *row)
{
	snprintf(arg, NAME_ROOM, "%s", row->origin_name != NULL ? row->origin_name : "(none)");
	return 0;
}

/* A document without a name yet, as of a node that a gateway has only heard of, names nobody. */
static void names_of_origins(void)
{
	static const struct {
		const char *name, *want;
	} steps[] = {{"", "(none)"}, {"alpha.example", "alpha.example"}, {"", "alpha.example"},
		{"beta.example", "beta.example"}};
	struct yett_query query = {
		.size = sizeof(query), .origin = "10203040-5060-4080-8000-000000000001"};

	store_begin(&writer);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 1, 1, "a")), YETT_PUT_STORED);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		char name[NAME_ROOM] = "not asked";
		uint64_t revision;
		char json[128];

		snprintf(json, sizeof(json), "{\"id\":\"%s\",\"name\":\"%s\"}", query.origin,
			steps[i].name);
		CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
		CU_ASSERT_EQUAL(writer.operations->registry_put(writer.self, "node", query.origin,
					json, YETT_REVISION_ANY, &revision, &writer.error),
			0);
		CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
		CU_ASSERT_EQUAL(writer.operations->query(
					writer.self, &query, look_at_name, name, &writer.error),
			0);
		CU_ASSERT_STRING_EQUAL(name, steps[i].want);
	}
	store_end(&writer);
}

struct followed {
	uint64_t last;
	size_t count;
	bool in_order;
	size_t stop_at;
};

static int follow(void *arg, const struct yett_row *row)
{
	struct followed *followed = arg;

	followed->in_order = followed->in_order && row->id > followed->last;
	followed->last = row->id;
	followed->count++;
	return followed->count == followed->stop_at ? 77 : 0;
}

static void following(void)
{
	struct yett_query query = {.size = sizeof(query), .limit = 4};
	struct followed followed = {.in_order = true};

	store_begin(&writer);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 1, 10, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(
		writer.operations->query(writer.self, &query, follow, &followed, &writer.error), 0);
	CU_ASSERT_EQUAL(followed.count, 4); /* the newest, in order */
	for (uint64_t first = 11; first < 41; first += 10) {
		CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, first, 10, "a")),
			YETT_PUT_STORED);
		store_restart(&writer);
		for (int i = 0; i < 3; i++) { /* 4, 4, 2 */
			query.after_id = followed.last;
			CU_ASSERT_EQUAL(writer.operations->query(writer.self, &query, follow,
						&followed, &writer.error),
				0);
		}
	}
	CU_ASSERT_EQUAL(followed.count, 34);
	CU_ASSERT(followed.in_order);
	/* A visitor that stops gets its own answer back. */
	query.after_id = 0;
	followed = (struct followed){.stop_at = 2, .in_order = true};
	CU_ASSERT_EQUAL(
		writer.operations->query(writer.self, &query, follow, &followed, &writer.error),
		77);
	CU_ASSERT_EQUAL(followed.count, 2);
	store_end(&writer);
}

/* Counts down: 77 for the last that is wanted. */
static int want_loss(void *arg, const struct yett_notice *gap)
{
	unsigned *left = arg;

	CU_ASSERT_EQUAL(gap->range.count, 1);
	return --*left == 0 ? 77 : 0;
}

static int want_account(void *arg, const struct yett_account *account)
{
	unsigned *left = arg;

	CU_ASSERT_EQUAL(account->declared, account->lane == NORMAL ? 2 : 0);
	return --*left == 0 ? 77 : 0;
}

/* What is lost, and the account, end where the visitor has enough, and nothing of that stays behind. */
static void visitors_that_have_enough(void)
{
	const struct yett_store_operations *store;
	struct store reader;
	unsigned left;

	store_begin(&writer);
	store = writer.operations;
	for (unsigned origin = 1; origin <= 3; origin++) {
		struct yett_notice gaps[] = {store_gap(2 * origin, origin, 1, NORMAL, 1, 1),
			store_gap(2 * origin + 1, origin, 1, NORMAL, 5, 1)};

		CU_ASSERT_EQUAL(
			store_put(&writer, store_notices(origin, 1, 1, gaps, 2)), YETT_PUT_STORED);
	}
	store_open(&reader, YETT_STORE_READER);
	for (unsigned wanted = 1; wanted <= 3; wanted++) {
		CU_ASSERT_EQUAL(store->losses(reader.self, want_loss, (left = wanted, &left),
					&reader.error),
			77);
		CU_ASSERT_EQUAL(left, 0);
		CU_ASSERT_EQUAL(store->account(reader.self, want_account, (left = wanted, &left),
					&reader.error),
			77);
		CU_ASSERT_EQUAL(left, 0);
	}
	left = 100;
	CU_ASSERT_EQUAL(store->losses(reader.self, want_loss, &left, &reader.error), 0);
	CU_ASSERT_EQUAL(left, 100 - 6);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 1, 1, "a")), YETT_PUT_STORED);
	left = 100;
	CU_ASSERT_EQUAL(store->losses(reader.self, want_loss, &left, &reader.error), 0);
	CU_ASSERT_EQUAL(left, 100 - 5); /* no older state is seen */
	store_close(&reader);
	store_end(&writer);
}

struct forks {
	unsigned origins;
	uint64_t batches[3]; /* by origin: 1, 2 */
	int64_t newest_ns[3];
	char gateway[64];
};

static int see_fork(void *arg, const struct yett_fork *fork)
{
	struct forks *forks = arg;
	struct yett_id second = store_id(2);
	int of = memcmp(&fork->origin, &second, sizeof(second)) == 0 ? 2 : 1;

	CU_ASSERT_EQUAL(forks->batches[of], 0); /* once only */
	forks->origins++;
	forks->batches[of] = fork->batches;
	forks->newest_ns[of] = fork->newest_ns;
	snprintf(forks->gateway, sizeof(forks->gateway), "%s",
		fork->gateway != NULL ? fork->gateway : "-");
	return 0;
}

static struct forks forks_since(int64_t since_ns)
{
	struct forks forks = {0};

	CU_ASSERT_EQUAL(
		writer.operations->forks(writer.self, since_ns, see_fork, &forks, &writer.error),
		0);
	return forks;
}

static void put_at(int64_t received_ns, struct yett_batch batch, int want)
{
	struct yett_put put = {.size = sizeof(put),
		.batch = &batch,
		.received_ns = received_ns,
		.gateway = "gw.example"};

	CU_ASSERT_EQUAL_FATAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, &put, 1, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(put.ret_result, want);
	store_batch_free(&batch);
}

/* What is kept apart, by origin, and of a time. */
static void forks(void)
{
	struct forks found;

	store_begin(&writer);
	CU_ASSERT_EQUAL(forks_since(0).origins, 0);
	for (unsigned origin = 1; origin <= 2; origin++) {
		put_at(100, store_batch(origin, 1, NORMAL, 1, 10, "a"), YETT_PUT_STORED);
		put_at(150, store_batch(origin, 1, NORMAL, 1, 10, "a"), YETT_PUT_DUPLICATE);
	}
	CU_ASSERT_EQUAL(forks_since(0).origins, 0);
	put_at(200, store_batch(1, 1, NORMAL, 1, 10, "b"), YETT_PUT_FORK);
	put_at(300, store_batch(1, 1, NORMAL, 5, 3, "b"), YETT_PUT_FORK);
	put_at(400, store_batch(2, 1, NORMAL, 5, 3, "b"), YETT_PUT_FORK);
	found = forks_since(200);
	CU_ASSERT_EQUAL(found.origins, 2);
	CU_ASSERT_EQUAL(found.batches[1], 2);
	CU_ASSERT_EQUAL(found.batches[2], 1);
	CU_ASSERT_EQUAL(found.newest_ns[1], 300);
	CU_ASSERT_EQUAL(found.newest_ns[2], 400);
	CU_ASSERT_STRING_EQUAL(found.gateway, "gw.example");
	CU_ASSERT_EQUAL(forks_since(300).batches[1], 1);
	CU_ASSERT_EQUAL(forks_since(301).origins, 1);
	CU_ASSERT_EQUAL(forks_since(401).origins, 0);
	store_restart(&writer);
	CU_ASSERT_EQUAL(forks_since(0).origins, 2);
	store_end(&writer);
}

static void identity(void)
{
	struct yett_store_stats before = {0}, after = {0};
	struct store reader;

	store_begin(&writer);
	CU_ASSERT_EQUAL(writer.operations->stats(writer.self, &before, &writer.error), 0);
	CU_ASSERT(before.generation > 0);
	store_restart(&writer);
	store_open(&reader, YETT_STORE_READER);
	CU_ASSERT_EQUAL(reader.operations->stats(reader.self, &after, &reader.error), 0);
	CU_ASSERT_EQUAL(before.generation, after.generation);
	CU_ASSERT_EQUAL(memcmp(&before.store_id, &after.store_id, sizeof(before.store_id)), 0);
	CU_ASSERT_NOT_EQUAL(reader.operations->begin(reader.self, &reader.error), 0);
	store_close(&reader);
	store_end(&writer);
}

const CU_TestInfo store_reading_tests[] = {
	{"registry", registry},
	{"filters", filters},
	{"rows are whole", rows_are_whole},
	{"names of origins", names_of_origins},
	{"following", following},
	{"visitors that have enough", visitors_that_have_enough},
	{"forks", forks},
	{"identity", identity},
	CU_TEST_INFO_NULL,
};
