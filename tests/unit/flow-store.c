/* The store stage over a store that fails in one thing and works in all others (flow/store.c), in the
 * simulated world: store-sqlite, some calls of which are the test's. What fails for itself stops nothing
 * else. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "flow/stages.h"
#include "simulation/world.h"
#include "suite.h"
#include "wire/record.h"

static struct yett_store_operations good; /* as the module has them */
static struct yett_store_operations
	*table; /* the loader's copy, which all nodes of this process use */
static struct world *world;
static struct world_node *server;

static struct {
	unsigned poisoned; /* how often a document of the table "poison" was to be written */
	uint64_t plain;    /* the most bytes, decoded, that were put at once, and batches */
	size_t batches;
} seen;

static void begin(uint64_t seed)
{
	void *self;

	memset(&seen, 0, sizeof(seen));
	world = world_new(seed);
	server = world_add(world, "ms.example",
		"group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"store = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	world_start(server);
	world_run(world, YETT_SEC);
	table = (struct yett_store_operations *)(uintptr_t)yett_store_operations(
		server->node, &self);
	good = *table;
}

static void end(void)
{
	*table = good;
	world_free(world);
}

static struct heard {
	unsigned untidy, tidy, closed;
} heard;

static void hear(void *arg, int level, const char *event, const char *sentence)
{
	(void)arg;
	(void)level;
	(void)sentence;
	heard.untidy += strcmp(event, "store-untidy") == 0;
	heard.tidy += strcmp(event, "store-tidy") == 0;
	heard.closed += strcmp(event, "path-closed") == 0;
}

static void listen_to_log(void)
{
	memset(&heard, 0, sizeof(heard));
	yett_log_setup(YETT_LOG_STDERR, YETT_LOG_NOTICE);
	yett_log_tap(hear, NULL);
}

static void listen_no_more(void)
{
	yett_log_tap(NULL, NULL);
	yett_log_setup(YETT_LOG_STDERR, YETT_LOG_ERROR);
}

struct answer {
	int calls, result;
};

static void take(void *arg, int result, uint64_t revision)
{
	struct answer *answer = arg;

	(void)revision;
	answer->calls++;
	answer->result = result;
}

static int find(void *arg, const char *key, const char *json, uint64_t revision)
{
	(void)key;
	(void)revision;
	g_strlcpy(arg, json, 32);
	return 0;
}

static const char *present(const char *key)
{
	static char json[32];
	void *self;

	(void)yett_store_operations(server->node, &self);
	g_strlcpy(json, "nothing", sizeof(json));
	CU_ASSERT_EQUAL(good.registry_list(self, "test", key, find, json, NULL), 0);
	return json;
}

static int put_but_poison(void *self, const char *table_name, const char *key, const char *json,
	uint64_t revision, uint64_t *ret_revision, struct yett_error *error)
{
	if (strcmp(table_name, "poison") == 0) {
		seen.poisoned++;
		return YETT_EBUG;
	}
	return good.registry_put(self, table_name, key, json, revision, ret_revision, error);
}

/* It is refused alone, whoever asked for it; what came with it is written, in order, and the store is not
 * said to fail. */
static void one_document_stops_nothing(void)
{
	struct answer poison = {0}, other = {0};

	begin(1);
	table->registry_put = put_but_poison;
	world_tell(server, YETT_LANE_NORMAL, 3);
	yett_store_document(server->node, "test", "key", "{\"by\":1}");
	yett_store_document(server->node, "poison", "key", "{}");
	yett_store_change(server->node, "poison", "asked", "{}", YETT_REVISION_ANY, take, &poison);
	yett_store_document(server->node, "test", "key", "{\"by\":2}");
	yett_store_change(server->node, "test", "other", "{}", YETT_REVISION_ANY, take, &other);
	CU_ASSERT(world_wait_events(server, 3, 3 * YETT_SEC));
	world_run(world, YETT_SEC);
	CU_ASSERT(yett_store_healthy(server->node));
	CU_ASSERT_EQUAL(poison.calls, 1);
	CU_ASSERT_EQUAL(poison.result, YETT_EBUG);
	CU_ASSERT_EQUAL(other.calls, 1);
	CU_ASSERT_EQUAL(other.result, 0);
	CU_ASSERT_STRING_EQUAL(present("key"), "{\"by\":2}");
	CU_ASSERT_EQUAL(seen.poisoned, 4); /* with the others, and alone */
	end();
}

static int no_positions(void *self, const char *prefix,
	int (*visit)(void *arg, const char *key, const void *position, size_t length), void *arg)
{
	(void)self;
	(void)prefix;
	(void)visit;
	(void)arg;
	return YETT_EIO;
}

/* Sources must not begin anew because it cannot be read now how far they have come. */
static void no_start_without_positions(void)
{
	begin(2);
	world_kill(server);
	table->positions = no_positions;
	CU_ASSERT_EQUAL(world_try_start(server), YETT_EIO);
	CU_ASSERT_PTR_NULL(server->node);
	table->positions = good.positions;
	CU_ASSERT_EQUAL(world_try_start(server), 0);
	end();
}

static int tidy_not(void *self, uint64_t budget_ns, struct yett_error *error)
{
	(void)self;
	(void)budget_ns;
	(void)error;
	return YETT_EPERM;
}

/* A right to delete that is missing, for one: that is said, once, and nobody's way is closed for it. */
static void housekeeping_that_fails_closes_no_way(void)
{
	begin(3);
	listen_to_log();
	table->tidy = tidy_not;
	for (int i = 0; i < 30; i++) {
		world_tell(server, YETT_LANE_NORMAL, 1);
		world_run(world, YETT_SEC);
		CU_ASSERT(yett_store_healthy(server->node));
	}
	CU_ASSERT(world_account(server).events >= server->told);
	CU_ASSERT_EQUAL(heard.closed, 0);
	CU_ASSERT_EQUAL(heard.untidy, 1);
	CU_ASSERT_EQUAL(heard.tidy, 0);
	table->tidy = good.tidy;
	world_run(world, 20 * YETT_SEC);
	CU_ASSERT_EQUAL(heard.tidy, 1);
	listen_no_more();
	end();
}

static int begin_not(void *self, struct yett_error *error)
{
	(void)self;
	(void)error;
	return YETT_EUNAVAIL;
}

/* But where it fails because the store is gone, that is noticed by it, too. */
static void housekeeping_notices_a_store_that_is_gone(void)
{
	begin(4);
	listen_to_log();
	table->tidy = tidy_not;
	table->begin = begin_not;
	world_run(world, 10 * YETT_SEC);
	CU_ASSERT_FALSE(yett_store_healthy(server->node));
	CU_ASSERT_EQUAL(heard.closed, 1);
	*table = good;
	world_run(world, 10 * YETT_SEC);
	CU_ASSERT(yett_store_healthy(server->node));
	CU_ASSERT_EQUAL(heard.closed, 1);
	listen_no_more();
	end();
}

static void told(struct yett_keep *keep, int result)
{
	(void)keep;
	(void)result;
}

/* Batches of about 800 KB that take next to nothing while they are packed. */
static void tell_large(unsigned batches)
{
	char *body = g_malloc(200000);
	struct yett_record record = {.size = sizeof(record),
		.kind = YETT_RECORD_EVENT,
		.name = yett_text("large"),
		.body = {body, 200000}};

	memset(body, 'x', record.body.length);
	for (unsigned i = 0; i < batches; i++) {
		struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX);
		struct yett_batch batch;

		for (int j = 0; j < 4; j++) {
			YETT_REQUIRE(yett_payload_record(payload, &record) == 0);
		}
		YETT_REQUIRE(yett_payload_cut(payload, YETT_LANE_NORMAL, YETT_CONTENT_RECORDS, true,
				     1, &batch) == 0);
		CU_ASSERT(batch.info.stored_length < 10000);
		yett_origin_submit(server->node, &batch, NULL, NULL, 0, told, NULL);
		yett_payload_free(payload);
	}
	g_free(body);
}

static int put_counted(void *self, struct yett_put *puts, size_t count, struct yett_error *error)
{
	uint64_t plain = 0;

	for (size_t i = 0; i < count; i++) {
		plain += puts[i].batch->info.plain_length;
	}
	seen.plain = MAX(seen.plain, plain);
	seen.batches = MAX(seen.batches, count);
	return good.put(self, puts, count, error);
}

/* Whatever credit counted: that is packed bytes. */
static void a_group_is_bounded_once_it_is_decoded(void)
{
	begin(5);
	table->put = put_counted;
	tell_large(45);
	CU_ASSERT(world_wait_events(server, 180, 20 * YETT_SEC));
	CU_ASSERT(seen.plain > 8 * 1024 * 1024);
	CU_ASSERT(seen.plain <= 16 * 1024 * 1024);
	end();
}

static int put_few(void *self, struct yett_put *puts, size_t count, struct yett_error *error)
{
	return count > 3 ? YETT_ETIMEOUT : put_counted(self, puts, count, error);
}

/* What is too much at once is stored all the same, and large groups come again. */
static void a_group_that_is_too_much_is_halved(void)
{
	begin(6);
	table->put = put_few;
	for (int i = 0; i < 60; i++) {
		world_tell(server, YETT_LANE_NORMAL, 1);
	}
	CU_ASSERT(world_wait_events(server, 60, 120 * YETT_SEC));
	CU_ASSERT(seen.batches >= 2 && seen.batches <= 3);
	table->put = put_counted;
	for (int i = 0; i < 12; i++) {
		world_tell(server, YETT_LANE_NORMAL, 1);
		world_run(world, YETT_SEC);
	}
	for (int i = 0; i < 60; i++) {
		world_tell(server, YETT_LANE_NORMAL, 1);
	}
	world_run(world, 5 * YETT_SEC);
	CU_ASSERT(seen.batches >= 50);
	CU_ASSERT(world_account(server).events >= server->told);
	CU_ASSERT_EQUAL(world_account(server).twice, 0);
	CU_ASSERT_EQUAL(world_account(server).missing, 0);
	end();
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"one document stops nothing", one_document_stops_nothing},
		{"a group is bounded once it is decoded", a_group_is_bounded_once_it_is_decoded},
		{"a group that is too much is halved", a_group_that_is_too_much_is_halved},
		{"no start without positions", no_start_without_positions},
		{"housekeeping that fails closes no way", housekeeping_that_fails_closes_no_way},
		{"housekeeping notices a store that is gone",
			housekeeping_notices_a_store_that_is_gone},
		CU_TEST_INFO_NULL,
	};
	int result = suite_run(argc, argv, "flow-store", tests);

	return yett_buffer_alive() == 0 ? result : EXIT_FAILURE;
}
