/* What does not grow for ever: records of who has changed what, nodes that are gone, their grants, management
 * servers that are no more. In the simulated world, with nodes of production code. */
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "flow/stages.h"
#include "group-keys.h"
#include "manage/admission/court.h"
#include "suite.h"

#define HOUR (3600 * YETT_SEC)
#define DAY  (24 * HOUR)

#define MINUTES(n) ((n) * (uint64_t)(60 * YETT_SEC))

struct fleet {
	struct world *world;
	struct world_node *server, *gateway, *agent;
};

static struct fleet fleet_new(uint64_t seed)
{
	struct fleet fleet = {.world = world_new(seed)};

	fleet.server = world_add(fleet.world, "ms.example",
		GROUP_CONF
		"audit = { keep = \"1 d\"; most = 1000; };\n"
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"**\" ]; } );\n"
		"store = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	fleet.gateway = world_add(fleet.world, "gw.example",
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n",
		world_address("gw.example"), world_address("ms.example"));
	fleet.agent = world_add(fleet.world, "a.example",
		"upstreams = ( { name = \"gw.example\"; address = \"%s\"; } );\n",
		world_address("gw.example"));
	world_start(fleet.server);
	group_sign(fleet.server);
	world_start(fleet.gateway);
	world_start(fleet.agent);
	world_run(fleet.world, 30 * YETT_SEC);
	fleet.gateway->manage->gone_ns = MINUTES(10);
	return fleet;
}

static int count_one(void *arg, const char *key, const char *json, uint64_t revision)
{
	(void)key;
	(void)json;
	(void)revision;
	++*(unsigned *)arg;
	return 0;
}

static unsigned documents(const struct fleet *fleet, const char *table)
{
	unsigned count = 0;
	void *self;
	const struct yett_store_operations *store =
		yett_store_operations(fleet->server->node, &self);

	CU_ASSERT_EQUAL(store->registry_list(self, table, NULL, count_one, &count, NULL), 0);
	return count;
}

static struct group_answer ask(struct fleet *fleet, const char *what, const char *body)
{
	struct group_answer answer;

	group_ask_at(fleet->server, what, body, &answer);
	for (int i = 0; i < 1000 && !answer.came; i++) {
		world_run(fleet->world, 10 * YETT_MS);
	}
	CU_ASSERT_FATAL(answer.came);
	return answer;
}

static void expect_refused(struct fleet *fleet, const char *body, int result, const char *text)
{
	struct group_answer answer = ask(fleet, "/v1/nodes/forget", body);

	CU_ASSERT_EQUAL(answer.result, result);
	CU_ASSERT(answer.mend[0] != '\0');
	if (strstr(answer.text, text) == NULL) {
		fprintf(stderr, "%s: %s; not %s\n", answer.text, answer.mend, text);
		CU_FAIL("another refusal than wanted");
	}
}

static void expect_forgotten(struct fleet *fleet, const char *body)
{
	struct group_answer answer = ask(fleet, "/v1/nodes/forget", body);

	CU_ASSERT_EQUAL(answer.result, 0);
	if (answer.result != 0) {
		fprintf(stderr, "%s: %s\n", answer.text, answer.mend);
	}
}

static void add_audit(const struct fleet *fleet, int64_t at_ns, unsigned number)
{
	char key[64];

	snprintf(key, sizeof(key), "%019lld-%06u", (long long)at_ns, number);
	yett_store_document(fleet->server->node, "audit", key, "{\"action\": \"test\"}");
}

static int64_t wall(const struct fleet *fleet)
{
	return yett_clock_wall(fleet->server->node->clock);
}

/* What the server's clock says, so much later than it was. */
static void wall_on(const struct fleet *fleet, uint64_t by_ns)
{
	sim_loop_wall_offset(fleet->server->loop, (int64_t)by_ns);
}

static void records_go_by_age_and_number(void)
{
	struct fleet fleet = fleet_new(1);

	fleet.server->manage->audit_pause_ns = MINUTES(10);
	CU_ASSERT_EQUAL(documents(&fleet, "audit"), 0);
	for (unsigned i = 0; i < 2500; i++) {
		add_audit(&fleet, wall(&fleet) - (int64_t)(2 * DAY) + (int64_t)i, i);
	}
	for (unsigned i = 0; i < 1100; i++) {
		add_audit(&fleet, wall(&fleet) + (int64_t)i, i);
	}
	world_run(fleet.world, 5 * YETT_SEC);
	CU_ASSERT_EQUAL(documents(&fleet, "audit"), 3600);
	/* Those beyond the number at once, the oldest first; some at a time. */
	world_run(fleet.world, MINUTES(3));
	CU_ASSERT_EQUAL(documents(&fleet, "audit"), 1000);
	/* The others by their age, once the clock has proved itself. */
	for (unsigned i = 0; i < 10; i++) {
		add_audit(&fleet, wall(&fleet) + (int64_t)(25 * HOUR), i);
	}
	wall_on(&fleet, 26 * HOUR);
	world_run(fleet.world, MINUTES(5));
	CU_ASSERT_EQUAL(documents(&fleet, "audit"), 1000 + 10);
	world_run(fleet.world, MINUTES(30));
	CU_ASSERT_EQUAL(documents(&fleet, "audit"), 10);
	world_free(fleet.world);
}

/* 2070: none of them is so old as that says. */
static void a_clock_that_is_wrong_deletes_none(void)
{
	struct fleet fleet = fleet_new(2);

	fleet.server->manage->audit_pause_ns = MINUTES(10);
	for (unsigned i = 0; i < 10; i++) {
		add_audit(&fleet, wall(&fleet) + (int64_t)i, i);
	}
	world_run(fleet.world, YETT_SEC);
	wall_on(&fleet, 44 * 365 * DAY);
	world_run(fleet.world, MINUTES(60));
	CU_ASSERT_EQUAL(documents(&fleet, "audit"), 10);
	/* Something is decided meanwhile, under that clock. */
	add_audit(&fleet, wall(&fleet), 11);
	wall_on(&fleet, 0);
	world_run(fleet.world, MINUTES(60));
	CU_ASSERT_EQUAL(documents(&fleet, "audit"), 11);
	world_free(fleet.world);
}

static bool is_known(const struct world_node *node, const char *name)
{
	return yett_known_named(node->manage, name) != NULL;
}

static void a_node_that_is_gone_is_forgotten(void)
{
	struct fleet fleet = fleet_new(3);
	struct group_answer answer;

	CU_ASSERT_EQUAL(documents(&fleet, "grant"), 1);
	answer = ask(&fleet, "/v1/nodes/set",
		"{\"name\": \"a.example\", \"values\": {\"HeartbeatInterval\": \"7\"}}");
	CU_ASSERT_EQUAL(answer.result, 0);
	expect_refused(&fleet, "{\"name\": \"b.example\"}", YETT_ENOTFOUND, "no node of the name");
	expect_refused(&fleet, "{\"name\": \"no name\"}", YETT_EINVAL, "no name of a node");
	expect_refused(&fleet, "{\"name\": \"ms.example\"}", YETT_ENOTFOUND, "no node of the name");
	expect_refused(&fleet, "{\"name\": \"a.example\", \"force\": true}", YETT_ECONFLICT,
		"is connected");
	world_kill(fleet.agent);
	world_run(fleet.world, MINUTES(5));
	fleet.gateway->manage->next_hour_ns = 0;
	world_run(fleet.world, MINUTES(1));
	CU_ASSERT(is_known(fleet.gateway, "a.example"));
	expect_refused(&fleet, "{\"name\": \"a.example\"}", YETT_ECONFLICT, "was heard of at");
	world_run(fleet.world, MINUTES(6));
	fleet.gateway->manage->next_hour_ns = 0;
	world_run(fleet.world, MINUTES(1));
	wall_on(&fleet, 26 * HOUR);
	/* The gateway has forgotten it by itself; what it may hold of it, nobody can say while it is away. */
	CU_ASSERT(!is_known(fleet.gateway, "a.example"));
	world_kill(fleet.gateway);
	world_run(fleet.world, 60 * YETT_SEC);
	expect_refused(&fleet, "{\"name\": \"a.example\"}", YETT_ECONFLICT, "gw.example");
	world_start(fleet.gateway);
	world_run(fleet.world, 60 * YETT_SEC);
	expect_forgotten(&fleet, "{\"name\": \"a.example\"}");
	CU_ASSERT(!is_known(fleet.server, "a.example"));
	CU_ASSERT_EQUAL(documents(&fleet, "grant"), 0);
	CU_ASSERT_EQUAL(documents(&fleet, "desired"), 0);
	CU_ASSERT_EQUAL(documents(&fleet, "node"), 2); /* the server itself, and the gateway */
	CU_ASSERT_EQUAL(g_hash_table_size(fleet.server->manage->grants), 0);
	/* Nor is it known after a start; it may come again, and is a node like any other. */
	world_kill(fleet.server);
	world_start(fleet.server);
	world_run(fleet.world, 60 * YETT_SEC);
	CU_ASSERT(!is_known(fleet.server, "a.example"));
	world_start(fleet.agent);
	world_run(fleet.world, 60 * YETT_SEC);
	CU_ASSERT(is_known(fleet.server, "a.example"));
	CU_ASSERT_EQUAL(documents(&fleet, "grant"), 1);
	world_tell(fleet.agent, YETT_LANE_NORMAL, 5);
	CU_ASSERT(world_wait_events(fleet.server, 5, 10 * YETT_SEC));
	world_free(fleet.world);
}

static void what_is_under_way_is_waited_for(void)
{
	struct fleet fleet = fleet_new(4);

	world_tell(fleet.agent, YETT_LANE_NORMAL, 5);
	CU_ASSERT(world_wait_events(fleet.server, 5, 10 * YETT_SEC));
	sim_cut(fleet.world->sim, "ms.example", "gw.example", true);
	sim_cut(fleet.world->sim, "gw.example", "ms.example", true);
	sim_break(fleet.world->sim, "ms.example", "gw.example");
	world_tell(fleet.agent, YETT_LANE_NORMAL, 5);
	world_run(fleet.world, 60 * YETT_SEC);
	world_kill(fleet.agent);
	world_run(fleet.world, MINUTES(11));
	fleet.gateway->manage->next_hour_ns = 0;
	world_run(fleet.world, MINUTES(1));
	wall_on(&fleet, 26 * HOUR);
	CU_ASSERT(is_known(fleet.gateway, "a.example")); /* it has data of it */
	expect_refused(&fleet, "{\"name\": \"a.example\"}", YETT_ECONFLICT, "is not connected");
	sim_cut(fleet.world->sim, "ms.example", "gw.example", false);
	sim_cut(fleet.world->sim, "gw.example", "ms.example", false);
	CU_ASSERT(world_wait_events(fleet.server, 10, 120 * YETT_SEC));
	/* Of the gateway itself nobody can say. */
	world_kill(fleet.gateway);
	world_run(fleet.world, MINUTES(1));
	wall_on(&fleet, 60 * HOUR);
	expect_refused(&fleet, "{\"name\": \"gw.example\"}", YETT_ECONFLICT, "was a gateway");
	expect_forgotten(&fleet, "{\"name\": \"gw.example\", \"force\": true}");
	CU_ASSERT_EQUAL(documents(&fleet, "grant"), 0);
	expect_forgotten(&fleet, "{\"name\": \"a.example\"}");
	CU_ASSERT_EQUAL(documents(&fleet, "node"), 1);
	CU_ASSERT_EQUAL(documents(&fleet, "audit"), 2);
	world_free(fleet.world);
}

/* A gateway took records of it and never came back: everybody who can be asked has been, and the account says
 * that they are missing. */
static void what_is_missing_is_told(void)
{
	struct fleet fleet = fleet_new(6);
	struct world_node *lost = world_add(fleet.world, "gw2.example",
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n",
		world_address("gw2.example"), world_address("ms.example"));
	struct world_node *agent = world_add(fleet.world, "a2.example",
		"upstreams = ( { name = \"gw2.example\"; address = \"%s\"; },\n"
		"	{ name = \"gw.example\"; address = \"%s\"; } );\n",
		world_address("gw2.example"), world_address("gw.example"));

	world_start(lost);
	world_start(agent);
	world_run(fleet.world, 30 * YETT_SEC);
	world_tell(agent, YETT_LANE_NORMAL, 5);
	CU_ASSERT(world_wait_events(fleet.server, 5, 10 * YETT_SEC));
	sim_cut(fleet.world->sim, "ms.example", "gw2.example", true);
	sim_cut(fleet.world->sim, "gw2.example", "ms.example", true);
	world_tell(agent, YETT_LANE_NORMAL, 7);
	world_run(fleet.world, 2 * YETT_SEC);
	world_kill(lost);
	world_tell(agent, YETT_LANE_NORMAL, 3); /* these go by the other one */
	CU_ASSERT(world_wait_events(fleet.server, 8, MINUTES(2)));
	world_kill(agent);
	world_run(fleet.world, MINUTES(11));
	fleet.gateway->manage->next_hour_ns = 0;
	world_run(fleet.world, MINUTES(1));
	wall_on(&fleet, 26 * HOUR);
	expect_forgotten(&fleet, "{\"name\": \"gw2.example\", \"force\": true}");
	expect_refused(&fleet, "{\"name\": \"a2.example\"}", YETT_ECONFLICT,
		"7 records of a2.example are under way");
	CU_ASSERT(is_known(fleet.server, "a2.example"));
	expect_forgotten(&fleet, "{\"name\": \"a2.example\", \"force\": true}");
	CU_ASSERT(!is_known(fleet.server, "a2.example"));
	world_free(fleet.world);
}

static void a_server_that_is_no_more_is_forgotten(void)
{
	struct fleet fleet = fleet_new(5);

	yett_store_document(fleet.server->node, "server", "11111111-1111-4111-8111-111111111111",
		"{\"name\": \"old.example\", \"stopped\": false, \"word\": 7}");
	yett_store_document(fleet.server->node, "presence",
		"11111111-1111-4111-8111-111111111111/22222222-2222-4222-8222-222222222222", "{}");
	world_run(fleet.world, 5 * YETT_SEC);
	expect_refused(&fleet, "{\"name\": \"old.example\", \"force\": true}", YETT_ECONFLICT,
		"a moment ago");
	world_run(fleet.world, 60 * YETT_SEC);
	CU_ASSERT_EQUAL(g_hash_table_size(fleet.server->manage->servers), 1);
	expect_forgotten(&fleet, "{\"name\": \"old.example\"}");
	world_run(fleet.world, 5 * YETT_SEC);
	CU_ASSERT_EQUAL(g_hash_table_size(fleet.server->manage->servers), 0);
	CU_ASSERT_EQUAL(documents(&fleet, "server"), 1);
	CU_ASSERT_EQUAL(documents(&fleet, "presence"), 2); /* those of this server */
	world_free(fleet.world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"records go by age and number", records_go_by_age_and_number},
		{"a clock that is wrong deletes none", a_clock_that_is_wrong_deletes_none},
		{"a node that is gone is forgotten", a_node_that_is_gone_is_forgotten},
		{"what is under way is waited for", what_is_under_way_is_waited_for},
		{"what is missing is told", what_is_missing_is_told},
		{"a server that is no more is forgotten", a_server_that_is_no_more_is_forgotten},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("retire", group_keys_begin, group_keys_end, tests);
	return suite_end(argc, argv);
}
