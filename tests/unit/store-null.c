/* store-null: what of the contract it keeps (registry, positions, transactions), and that it says
 * what it is. */
#include "store-contract.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

const void *store_settings(const char *folder)
{
	(void)folder;
	return NULL;
}

static void keeps_nothing(void)
{
	struct yett_store_stats stats = {0};
	struct store writer;

	store_begin(&writer);
	CU_ASSERT_STRING_EQUAL(store_world.last_event, "store-keeps-nothing");
	CU_ASSERT_PTR_NOT_NULL(strstr(yett_module.summary, "NOTHING"));
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, YETT_LANE_NORMAL, 1, 7, "a")),
			YETT_PUT_STORED);
	}
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, YETT_LANE_NORMAL).size, 0);
	CU_ASSERT_EQUAL(writer.operations->stats(writer.self, &stats, &writer.error), 0);
	CU_ASSERT_EQUAL(stats.records, 21);
	CU_ASSERT_EQUAL(store_world.metrics[1], 21);
	store_end(&writer);
}

static int add_position(void *arg, const char *key, const void *position, size_t length)
{
	(void)key;
	CU_ASSERT(length == 3 && memcmp(position, "123", 3) == 0);
	(*(size_t *)arg)++;
	return 0;
}

static void positions_commit_with_batches(void)
{
	struct yett_put put;
	struct yett_batch batch;
	struct store writer;
	size_t count = 0;

	store_begin(&writer);
	batch = store_batch(1, 1, YETT_LANE_NORMAL, 1, 7, "a");
	put = (struct yett_put){.size = sizeof(put),
		.batch = &batch,
		.key = "source/x",
		.position = "123",
		.position_length = 3};
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, &put, 1, &writer.error), 0);
	writer.operations->rollback(writer.self);
	writer.operations->positions(writer.self, "source/", add_position, &count);
	CU_ASSERT_EQUAL(count, 0);
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, &put, 1, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	writer.operations->positions(writer.self, "source/", add_position, &count);
	writer.operations->positions(writer.self, "other/", add_position, &count);
	CU_ASSERT_EQUAL(count, 1);
	store_batch_free(&batch);
	store_end(&writer);
}

struct seen {
	size_t count;
	char text[64];
};

static int see(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct seen *seen = arg;

	(void)revision;
	seen->count++;
	snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text), "%s%s",
		key, json);
	return 0;
}

static struct seen list(struct store *store)
{
	struct seen seen = {0};

	CU_ASSERT_EQUAL(
		store->operations->registry_list(store->self, "t", NULL, see, &seen, &store->error),
		0);
	return seen;
}

static void registry(void)
{
	struct store writer, reader;
	const struct yett_store_operations *calls;
	uint64_t one = 0, two = 0, other = 0;

	store_begin(&writer);
	store_open(&reader, YETT_STORE_READER);
	calls = writer.operations;
	CU_ASSERT_EQUAL(calls->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(
		calls->registry_put(writer.self, "t", "b", "{1}", 0, &one, &writer.error), 0);
	CU_ASSERT_EQUAL(calls->registry_put(writer.self, "t", "b", "{2}", 0, &two, &writer.error),
		YETT_ECONFLICT);
	CU_ASSERT_EQUAL(
		calls->registry_put(writer.self, "t", "b", "{2}", one, &two, &writer.error), 0);
	CU_ASSERT_EQUAL(calls->registry_put(writer.self, "t", "a", "{}", YETT_REVISION_ANY, &other,
				&writer.error),
		0);
	CU_ASSERT_EQUAL(calls->commit(writer.self, &writer.error), 0);
	CU_ASSERT_STRING_EQUAL(list(&reader).text, "a{}b{2}");
	/* Everything of a transaction that is rolled back is undone, in turn. */
	CU_ASSERT_EQUAL(calls->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(
		calls->registry_put(writer.self, "t", "b", NULL, two, &other, &writer.error), 0);
	CU_ASSERT_EQUAL(
		calls->registry_put(writer.self, "t", "b", "{3}", 0, &one, &writer.error), 0);
	CU_ASSERT(one > two);
	CU_ASSERT_EQUAL(
		calls->registry_put(writer.self, "t", "b", "{4}", one, &one, &writer.error), 0);
	CU_ASSERT_EQUAL(
		calls->registry_put(writer.self, "t", "c", "{}", 0, &one, &writer.error), 0);
	CU_ASSERT_EQUAL(list(&reader).count, 3);
	calls->rollback(writer.self);
	CU_ASSERT_STRING_EQUAL(list(&reader).text, "a{}b{2}");
	CU_ASSERT_EQUAL(calls->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(
		calls->registry_put(writer.self, "t", "b", NULL, two, &other, &writer.error),
		0); /* its revision is back too */
	CU_ASSERT_EQUAL(calls->commit(writer.self, &writer.error), 0);
	store_close(&reader);
	store_close(&writer);
	/* Nothing outlives the last instance. */
	store_open(&writer, YETT_STORE_WRITER);
	CU_ASSERT_EQUAL(list(&writer).count, 0);
	store_end(&writer);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"keeps nothing", keeps_nothing},
		{"positions commit with batches", positions_commit_with_batches},
		{"registry", registry},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "store-null", tests);
}
