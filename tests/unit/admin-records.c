/* What the store answers to people, however much there is of it, and when the daemon ends meanwhile; in the
 * simulated world, in which the readers' threads are the loop. */
#include <string.h>

#include <sqlite3.h>

#include "admin/request.h"
#include "base/id.h"
#include "flow/stages.h"
#include "simulation/world.h"
#include "suite.h"

#define MEMBER "11111111-0000-4000-8000-000000000001"
#define A_GAP                                                                                      \
	"INSERT INTO gap VALUES ('22222222-0000-4000-8000-000000000001', 500, 3, 2, 1, '" MEMBER   \
	"', 1);"
#define AN_EPOCH                                                                                   \
	"INSERT INTO origin VALUES (500, '" MEMBER "', 'a1.example');"                             \
	"INSERT INTO epoch (id, origin, ordinal, random, lane, highest, changed) "                 \
	"VALUES (500, 500, 7, 7, 1, 100000, 1);"

/* The first `count` natural numbers, as n. */
#define NUMBERS(count)                                                                             \
	"WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n "       \
	"< " #count ") "
#define GAPS                                                                                       \
	"INSERT INTO gap SELECT printf('22222222-0000-4000-8000-%012d', n), 500, 2 * n, 1, 1, "    \
	"'" MEMBER "', 1 FROM number;"
#define EPOCHS                                                                                     \
	"INSERT INTO epoch (origin, ordinal, random, lane, state, received, changed) "             \
	"SELECT 500, 7 + n, 7, 1, 2, n, 1 FROM number;"
#define PART 10000 /* rows of an answer */

struct bench {
	struct world *world;
	struct world_node *server;
	struct yett_admin_request request;
	bool finished, forsaken;
};

static struct bench *bench_of(const struct yett_admin_request *request)
{
	return (struct bench *)((uintptr_t)request - offsetof(struct bench, request));
}

static bool is_awaited(const struct yett_admin_request *request)
{
	return !bench_of(request)->forsaken;
}

static void finished(struct yett_admin_request *request)
{
	struct bench *bench = bench_of(request);

	CU_ASSERT(!bench->finished);
	bench->finished = true;
}

/* With a management server, in whose database this has been done; what is lost, it has told itself. */
static void begin(struct bench *bench, const char *sql)
{
	char id[YETT_ID_TEXT_SIZE];
	g_autofree char *held = NULL;
	sqlite3 *db = NULL;

	memset(bench, 0, sizeof(*bench));
	bench->world = world_new(1);
	bench->server = world_add(bench->world, "ms.example",
		"group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"store = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	world_start(bench->server);
	world_run(bench->world, 5 * YETT_SEC);
	CU_ASSERT_EQUAL_FATAL(
		sqlite3_open_v2("/ms.example/state/yett.db", &db, SQLITE_OPEN_READWRITE, NULL),
		SQLITE_OK);
	held = g_strdup_printf(
		"UPDATE gap SET holder = '%s'", yett_id_text(&bench->server->node->id, id));
	CU_ASSERT_EQUAL_FATAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_exec(db, held, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	bench->request.manage = bench->server->manage;
	bench->request.reads = yett_admin_reads_new();
	bench->request.is_awaited = is_awaited;
	bench->request.finished = finished;
}

static void end(struct bench *bench)
{
	json_decref(bench->request.json);
	yett_admin_reads_end(bench->request.reads);
	world_free(bench->world);
}

/* Asks for what comes after so many rows; the answer is in the bench. */
static size_t ask(
	struct bench *bench, void (*run)(struct yett_admin_request *request), const char *skip)
{
	struct yett_admin_request *request = &bench->request;

	g_clear_pointer(&request->json, json_decref);
	bench->finished = false;
	request->argument_count = skip != NULL ? 1 : 0;
	request->arguments[0] = (struct yett_admin_argument){"skip", skip};
	run(request);
	world_run(bench->world, 100 * YETT_MS);
	CU_ASSERT_FATAL(bench->finished);
	return request->status == 200 ? json_array_size(request->json) : 0;
}

/* Adds `key` up over the rows of the answer. */
static json_int_t sum(const struct bench *bench, const char *key)
{
	json_int_t all = 0;
	json_t *row;
	size_t i;

	json_array_foreach(bench->request.json, i, row)
	{
		all += json_integer_value(json_object_get(row, key));
	}
	return all;
}

static void losses_have_names(void)
{
	struct bench bench;
	json_t *row;

	begin(&bench, AN_EPOCH A_GAP);
	yett_admin_losses(&bench.request);
	world_run(bench.world, 100 * YETT_MS);
	CU_ASSERT_FATAL(bench.finished);
	CU_ASSERT_EQUAL(bench.request.status, 200);
	CU_ASSERT_EQUAL(json_array_size(bench.request.json), 1);
	row = json_array_get(bench.request.json, 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(row, "origin")), MEMBER);
	CU_ASSERT(json_is_null(json_object_get(row, "origin_name"))); /* it has never been here */
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_object_get(row, "holder_name")), "ms.example");
	end(&bench);
}

/* What is found when the management is gone, as the readers are closed after it. */
static void losses_outlive_the_management(void)
{
	struct bench bench;

	begin(&bench, AN_EPOCH A_GAP);
	yett_admin_losses(&bench.request);
	bench.request.manage = NULL;
	world_run(bench.world, 100 * YETT_MS);
	CU_ASSERT(bench.finished);
	CU_ASSERT_EQUAL(json_array_size(bench.request.json), 1);
	end(&bench);
}

/* However much is lost: it comes a part at a time, nothing of it twice, and nothing is left out. */
static void losses_come_in_parts(void)
{
	struct bench bench;
	json_int_t firsts;

	begin(&bench, AN_EPOCH NUMBERS(10500) GAPS);
	CU_ASSERT_EQUAL(ask(&bench, yett_admin_losses, NULL), PART);
	firsts = sum(&bench, "first");
	CU_ASSERT_EQUAL(ask(&bench, yett_admin_losses, "10000"), 500);
	CU_ASSERT_EQUAL(firsts + sum(&bench, "first"), 10500 * 10501);
	CU_ASSERT_EQUAL(ask(&bench, yett_admin_losses, "10500"), 0);
	CU_ASSERT_EQUAL(bench.request.status, 200);
	ask(&bench, yett_admin_losses, "-1");
	CU_ASSERT_EQUAL(bench.request.status, 400);
	end(&bench);
}

static void the_account_comes_in_parts(void)
{
	struct bench bench;
	json_int_t received, own;

	begin(&bench, "");
	own = (json_int_t)ask(&bench, yett_admin_account, NULL);
	received = -sum(&bench, "received");
	end(&bench);
	begin(&bench, AN_EPOCH NUMBERS(20500) EPOCHS);
	CU_ASSERT_EQUAL(ask(&bench, yett_admin_account, NULL), PART);
	received += sum(&bench, "received");
	CU_ASSERT_EQUAL(ask(&bench, yett_admin_account, "10000"), PART);
	received += sum(&bench, "received");
	CU_ASSERT_EQUAL(ask(&bench, yett_admin_account, "20000"), 501 + (size_t)own);
	received += sum(&bench, "received");
	CU_ASSERT_EQUAL(received, 20500 / 2 * 20501);
	ask(&bench, yett_admin_account, "x");
	CU_ASSERT_EQUAL(bench.request.status, 400);
	end(&bench);
}

/* What nobody waits for is not gone through to its end, however many rows are to be passed over. */
static void what_nobody_waits_for_ends(void)
{
	struct bench bench;

	begin(&bench, AN_EPOCH NUMBERS(10500) GAPS);
	yett_admin_losses(&bench.request);
	bench.forsaken = true;
	world_run(bench.world, 100 * YETT_MS);
	CU_ASSERT_EQUAL(json_array_size(bench.request.json), 0);
	g_clear_pointer(&bench.request.json, json_decref);
	bench.finished = bench.forsaken = false;
	yett_admin_account(&bench.request);
	bench.forsaken = true;
	world_run(bench.world, 100 * YETT_MS);
	CU_ASSERT(bench.finished);
	CU_ASSERT_EQUAL(json_array_size(bench.request.json), 0);
	end(&bench);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"losses have names", losses_have_names},
		{"losses outlive the management", losses_outlive_the_management},
		{"losses come in parts", losses_come_in_parts},
		{"the account comes in parts", the_account_comes_in_parts},
		{"what nobody waits for ends", what_nobody_waits_for_ends},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "admin-records", tests);
}
