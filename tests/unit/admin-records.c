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

struct bench {
	struct world *world;
	struct world_node *server;
	struct yett_admin_request request;
	bool finished;
};

static bool is_awaited(const struct yett_admin_request *request)
{
	(void)request;
	return true;
}

static void finished(struct yett_admin_request *request)
{
	struct bench *bench =
		(struct bench *)(void *)((char *)request - offsetof(struct bench, request));

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

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"losses have names", losses_have_names},
		{"losses outlive the management", losses_outlive_the_management},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "admin-records", tests);
}
