/* Management in the simulated world: who is there, by which way, how each is, and who may speak for
 * whom; with nodes of production code, in virtual time. What no well-behaved gateway says is told
 * through the calls that the flow uses. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/id.h"
#include "flow/stages.h"
#include "manage/internal.h"
#include "manage/views/views.h"
#include "simulation/world.h"
#include "suite.h"

#define GROUP "group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"

static struct world_node *add_server(struct world *world, const char *proxy)
{
	return world_add(world, "ms.example",
		GROUP "listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ %s ]; } );\n"
		      "store = { module = \"store-sqlite\"; };",
		world_address("ms.example"), proxy);
}

static struct world_node *add_gateway(
	struct world *world, const char *name, const char *upstream, const char *proxy)
{
	return world_add(world, name,
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ %s ]; } );\n"
		"upstreams = ( { name = \"%s\"; address = \"%s\"; } );\n",
		world_address(name), proxy, upstream, world_address(upstream));
}

static struct world_node *add_agent(struct world *world, const char *name, const char *upstream)
{
	return world_add(world, name, "upstreams = ( { name = \"%s\"; address = \"%s\"; } );",
		upstream, world_address(upstream));
}

static struct world_node *add_of_two(
	struct world *world, const char *name, const char *first, const char *second, bool relay)
{
	char listeners[160] = "";

	if (relay) {
		snprintf(listeners, sizeof(listeners),
			"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n",
			world_address(name));
	}
	return world_add(world, name,
		"%supstreams = ( { name = \"%s\"; address = \"%s\"; },\n"
		"  { name = \"%s\"; address = \"%s\"; priority = 1; } );\n",
		listeners, first, world_address(first), second, world_address(second));
}

static void start_all(struct world *world)
{
	for (guint i = 0; i < world->nodes->len; i++) {
		world_start(world->nodes->pdata[i]);
	}
	world_run(world, 5 * YETT_SEC);
}

/* The group that most tests are of. */
struct three {
	struct world *world;
	struct world_node *server, *gateway, *agent;
	struct yett_id gateway_id, agent_id;
};

static struct three three_new(uint64_t seed)
{
	struct three three = {.world = world_new(seed)};

	three.server = add_server(three.world, "\"gw.example\", \"listed.example\"");
	three.gateway = add_gateway(three.world, "gw.example", "ms.example", "");
	three.agent = add_agent(three.world, "agent.example", "gw.example");
	start_all(three.world);
	three.gateway_id = three.gateway->node->id;
	three.agent_id = three.agent->node->id;
	return three;
}

static const struct yett_known *find(const struct world_node *server, struct yett_id id)
{
	return yett_manage_find(server->manage, &id);
}

static void expect_health(
	const struct world_node *server, struct yett_id id, enum yett_health want, const char *why)
{
	const struct yett_known *known = find(server, id);
	struct yett_diagnosis verdict;

	CU_ASSERT_PTR_NOT_NULL_FATAL(known);
	yett_manage_judge(server->manage, known, &verdict);
	if (verdict.health != want || strcmp(verdict.cause, why) != 0) {
		fprintf(stderr, "%s: %s, \"%s\"\n", known->name, yett_health_text(verdict.health),
			verdict.cause);
		CU_FAIL("another health than wanted");
	}
}

static struct yett_peer *peer_of(const struct world_node *server, struct yett_id id)
{
	for (guint i = 0; i < server->node->peers->len; i++) {
		struct yett_peer *peer = server->node->peers->pdata[i];

		if (yett_id_equal(&peer->id, &id) && peer->state == YETT_PEER_OPEN) {
			return peer;
		}
	}
	CU_FAIL_FATAL("no session with it");
	return NULL;
}

static struct yett_id id_of(uint8_t number)
{
	struct yett_id id;

	memset(&id, number, sizeof(id));
	return id;
}

/* One node, as a gateway would tell of it; how many were refused. */
static uint32_t attach(struct world_node *server, struct yett_id gateway, struct yett_attached node)
{
	struct yett_management calls = yett_manage_calls(server->manage);
	struct yett_attach *message = g_new0(struct yett_attach, 1);
	uint32_t refused;

	message->count = 1;
	message->nodes[0] = node;
	refused = calls.attach(calls.arg, peer_of(server, gateway), message);
	g_free(message);
	return refused;
}

static void detach(struct world_node *server, struct yett_id gateway, struct yett_id id)
{
	struct yett_management calls = yett_manage_calls(server->manage);
	struct yett_detach *message = g_new0(struct yett_detach, 1);

	message->count = 1;
	message->ids[0] = id;
	calls.detach(calls.arg, peer_of(server, gateway), message);
	g_free(message);
}

static bool granted(const struct world_node *server, struct yett_id gateway, struct yett_id origin)
{
	struct yett_management calls = yett_manage_calls(server->manage);

	return calls.granted(calls.arg, &gateway, &origin);
}

static void expect_text(json_t *object, const char *key, const char *want)
{
	const char *text = json_string_value(json_object_get(object, key));

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_STRING_EQUAL(text, want);
}

static void shows_who_is_behind_a_gateway(void)
{
	struct three three = three_new(1);
	const struct yett_known *agent = find(three.server, three.agent_id);
	const struct yett_known *gateway = find(three.server, three.gateway_id);
	json_t *agents = yett_view_agents(three.server->manage);
	json_t *servers = yett_view_servers(three.server->manage);

	CU_ASSERT_FATAL(agent != NULL && gateway != NULL);
	CU_ASSERT(agent->live && gateway->live);
	CU_ASSERT(!agent->relay && gateway->relay);
	CU_ASSERT(yett_id_equal(&agent->via, &three.gateway_id));
	CU_ASSERT(yett_id_is_zero(&gateway->via));
	CU_ASSERT_EQUAL_FATAL(json_array_size(agents), 1);
	expect_text(json_array_get(agents, 0), "fqdn", "agent.example");
	expect_text(json_array_get(agents, 0), "primary_management_server", "gw.example");
	expect_text(json_array_get(agents, 0), "authentication", "sim");
	expect_text(json_array_get(agents, 0), "health_state", "Healthy");
	CU_ASSERT(json_is_true(json_object_get(json_array_get(agents, 0), "connected")));
	CU_ASSERT_EQUAL_FATAL(json_array_size(servers), 2);
	expect_text(json_array_get(servers, 0), "fqdn", "ms.example");
	expect_text(json_array_get(servers, 1), "fqdn", "gw.example");
	expect_text(json_array_get(servers, 1), "primary_management_server", "ms.example");
	json_decref(agents);
	json_decref(servers);
	world_free(three.world);
}

static void health_follows_the_session(void)
{
	struct three three = three_new(2);

	expect_health(three.server, three.agent_id, YETT_HEALTH_HEALTHY, "");
	world_kill(three.agent);
	world_run(three.world, YETT_SEC);
	expect_health(
		three.server, three.agent_id, YETT_HEALTH_WARNING, "its session has just ended");
	world_run(three.world, 10 * YETT_SEC);
	expect_health(three.server, three.agent_id, YETT_HEALTH_UNREACHABLE, "its session is gone");
	expect_health(three.server, three.gateway_id, YETT_HEALTH_HEALTHY, "");
	world_start(three.agent);
	world_run(three.world, 5 * YETT_SEC);
	expect_health(three.server, three.agent_id, YETT_HEALTH_HEALTHY, "");
	/* With its gateway, who is behind it goes as well, and comes back. */
	world_kill(three.gateway);
	world_run(three.world, YETT_SEC);
	expect_health(
		three.server, three.agent_id, YETT_HEALTH_WARNING, "its session has just ended");
	world_run(three.world, 10 * YETT_SEC);
	expect_health(
		three.server, three.gateway_id, YETT_HEALTH_UNREACHABLE, "its session is gone");
	expect_health(three.server, three.agent_id, YETT_HEALTH_UNREACHABLE,
		"behind gateway gw.example, which is unreachable");
	world_start(three.gateway);
	world_run(three.world, 60 * YETT_SEC);
	expect_health(three.server, three.gateway_id, YETT_HEALTH_HEALTHY, "");
	expect_health(three.server, three.agent_id, YETT_HEALTH_HEALTHY, "");
	/* Heartbeats go on arriving: hours later all are as healthy. */
	world_run(three.world, 3600 * YETT_SEC);
	expect_health(three.server, three.agent_id, YETT_HEALTH_HEALTHY, "");
	world_free(three.world);
}

/* A node that its gateway told of once, and of whose life no heartbeat ever speaks. */
static void missing_heartbeats_are_unreachable(void)
{
	struct three three = three_new(3);
	struct yett_attached node = {.id = id_of(7),
		.boot = id_of(8),
		.via = three.gateway_id,
		.session = 1,
		.live = true,
		.name = "silent.example"};

	CU_ASSERT_EQUAL(attach(three.server, three.gateway_id, node), 0);
	world_run(three.world, 179 * YETT_SEC);
	expect_health(three.server, node.id, YETT_HEALTH_HEALTHY, "");
	world_run(three.world, 2 * YETT_SEC);
	expect_health(three.server, node.id, YETT_HEALTH_UNREACHABLE, "its heartbeats are missing");
	world_free(three.world);
}

static void a_server_that_starts_monitors_nobody_yet(void)
{
	struct three three = three_new(4);
	const struct yett_known *agent;

	world_kill(three.agent);
	world_kill(three.gateway);
	world_kill(three.server);
	world_start(three.server);
	world_run(three.world, 60 * YETT_SEC);
	agent = find(three.server, three.agent_id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(agent);
	CU_ASSERT_STRING_EQUAL(agent->name, "agent.example");
	CU_ASSERT_STRING_EQUAL(agent->method, "sim");
	CU_ASSERT(yett_id_equal(&agent->via, &three.gateway_id));
	CU_ASSERT(find(three.server, three.gateway_id)->relay);
	expect_health(three.server, three.agent_id, YETT_HEALTH_NOT_MONITORED,
		"not seen since this server started");
	world_start(three.gateway);
	world_run(three.world, 60 * YETT_SEC);
	expect_health(three.server, three.gateway_id, YETT_HEALTH_HEALTHY, "");
	expect_health(three.server, three.agent_id, YETT_HEALTH_NOT_MONITORED,
		"not seen since this server started");
	world_start(three.agent);
	world_run(three.world, 60 * YETT_SEC);
	expect_health(three.server, three.agent_id, YETT_HEALTH_HEALTHY, "");
	world_free(three.world);
}

static void run_chain(bool listed)
{
	struct world *world = world_new(listed ? 6 : 5);
	struct world_node *server =
		add_server(world, listed ? "\"g1.example\", \"g2.example\"" : "\"g1.example\"");
	struct world_node *first = add_gateway(world, "g1.example", "ms.example", "\"g2.example\"");
	struct world_node *second = add_gateway(world, "g2.example", "g1.example", "");
	struct world_node *agent = add_agent(world, "agent.example", "g2.example");
	const struct yett_known *known;

	start_all(world);
	known = find(server, second->node->id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(known);
	CU_ASSERT_EQUAL(known->relay, listed); /* else a node like any other */
	CU_ASSERT(granted(server, first->node->id, second->node->id));
	if (listed) {
		CU_ASSERT(known->live);
		CU_ASSERT(yett_id_equal(&known->via, &first->node->id));
		known = find(server, agent->node->id);
		CU_ASSERT_PTR_NOT_NULL_FATAL(known);
		CU_ASSERT(yett_id_equal(&known->via, &second->node->id));
		world_run(world, 600 * YETT_SEC); /* heartbeats come all the way */
		expect_health(server, agent->node->id, YETT_HEALTH_HEALTHY, "");
	}
	world_free(world);
}

static void a_gateway_behind_a_gateway_is_listed(void)
{
	run_chain(false);
	run_chain(true);
}

static void an_agent_moves_between_gateways(void)
{
	struct world *world = world_new(7);
	struct world_node *server = add_server(world, "\"g*.example\"");
	struct world_node *first = add_gateway(world, "g1.example", "ms.example", "");
	struct world_node *second = add_gateway(world, "g2.example", "ms.example", "");
	struct world_node *agent =
		add_of_two(world, "agent.example", "g1.example", "g2.example", false);
	const struct yett_known *known;

	start_all(world);
	sim_cut(world->sim, "agent.example", "g1.example", true);
	sim_cut(world->sim, "g1.example", "agent.example", true);
	world_run(world, 120 * YETT_SEC);
	known = find(server, agent->node->id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(known);
	CU_ASSERT(yett_id_equal(&known->via, &second->node->id));
	expect_health(server, agent->node->id, YETT_HEALTH_HEALTHY, "");
	/* The one that it left tells all that it knows again: that is older. */
	sim_break(world->sim, "g1.example", "ms.example");
	world_run(world, 120 * YETT_SEC);
	CU_ASSERT(yett_id_equal(&known->via, &second->node->id));
	expect_health(server, agent->node->id, YETT_HEALTH_HEALTHY, "");
	CU_ASSERT(granted(server, first->node->id, agent->node->id));
	CU_ASSERT(granted(server, second->node->id, agent->node->id));
	/* The same once the agent is gone for good. */
	world_kill(agent);
	world_run(world, 20 * YETT_SEC);
	sim_break(world->sim, "g1.example", "ms.example");
	world_run(world, 20 * YETT_SEC);
	CU_ASSERT(yett_id_equal(&known->via, &second->node->id));
	CU_ASSERT_FALSE(known->live);
	world_free(world);
}

/* A gateway with two ways to the server: when one ends, it and those behind it are there by the other. */
static void another_way_keeps_a_node_alive(void)
{
	struct world *world = world_new(8);
	struct world_node *server = add_server(world, "\"g*.example\"");
	struct world_node *gateway =
		add_of_two(world, "g1.example", "ms.example", "g0.example", true);
	struct world_node *agent = add_agent(world, "agent.example", "g1.example");
	const struct yett_known *known;
	struct yett_id agent_id;

	add_gateway(world, "g0.example", "ms.example", "\"g*.example\"");
	start_all(world);
	agent_id = agent->node->id;
	known = find(server, agent_id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(known);
	CU_ASSERT(yett_id_equal(&known->via, &gateway->node->id));
	sim_cut(world->sim, "g1.example", "ms.example", true);
	sim_cut(world->sim, "ms.example", "g1.example", true);
	world_run(world, 240 * YETT_SEC);
	expect_health(server, gateway->node->id, YETT_HEALTH_HEALTHY, "");
	expect_health(server, agent_id, YETT_HEALTH_HEALTHY, "");
	CU_ASSERT(yett_id_equal(&known->via, &gateway->node->id));
	world_kill(agent);
	world_run(world, 20 * YETT_SEC);
	expect_health(server, agent_id, YETT_HEALTH_UNREACHABLE, "its session is gone");
	world_run(world, 240 * YETT_SEC);
	expect_health(server, agent_id, YETT_HEALTH_UNREACHABLE, "its session is gone");
	world_free(world);
}

/* Three gateways that back each other up in a ring: what one tells comes back to it by the others, and
 * must keep nobody alive who has left. */
static void a_ring_keeps_nobody_alive(void)
{
	static const char *const ring[] = {"g1.example", "g2.example", "g3.example"};
	struct world *world = world_new(15);
	struct world_node *server = add_server(world, "\"g*.example\"");
	struct world_node *gateway, *direct, *behind;
	struct yett_id ids[3];

	for (int i = 0; i < 3; i++) {
		const char *next = ring[(i + 1) % 3];

		world_add(world, ring[i],
			"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ "
			"\"g*.example\" ]; } );\n"
			"upstreams = ( { name = \"ms.example\"; address = \"%s\"; },\n"
			"  { name = \"%s\"; address = \"%s\"; priority = 1; } );\n",
			world_address(ring[i]), world_address("ms.example"), next,
			world_address(next));
	}
	gateway = add_gateway(world, "g0.example", "g1.example", "");
	direct = add_agent(world, "direct.example", "g1.example");
	behind = add_agent(world, "behind.example", "g0.example");
	start_all(world);
	world_run(world, 20 * YETT_SEC);
	ids[0] = direct->node->id;
	ids[1] = behind->node->id;
	ids[2] = gateway->node->id;
	for (int i = 0; i < 3; i++) {
		expect_health(server, ids[i], YETT_HEALTH_HEALTHY, "");
	}
	world_kill(direct);
	world_run(world, 20 * YETT_SEC);
	expect_health(server, ids[0], YETT_HEALTH_UNREACHABLE, "its session is gone");
	world_kill(gateway);
	world_run(world, 20 * YETT_SEC);
	expect_health(server, ids[1], YETT_HEALTH_UNREACHABLE,
		"behind gateway g0.example, which is unreachable");
	expect_health(server, ids[2], YETT_HEALTH_UNREACHABLE, "its session is gone");
	for (guint i = 0; i < world->nodes->len; i++) {
		const struct world_node *node = world->nodes->pdata[i];

		for (int j = 0; j < 3 && node->node != NULL; j++) {
			const struct yett_known *known = find(node, ids[j]);

			CU_ASSERT(known == NULL || !known->live);
		}
	}
	world_free(world);
}

/* What a gateway may not say of others. */
static void refuses_what_a_gateway_may_not_say(void)
{
	struct three three = three_new(9);
	struct yett_id own = three.server->node->id;
	struct yett_attached node = {.boot = id_of(8), .session = 1, .live = true};
	const struct yett_known *gateway = find(three.server, three.gateway_id);

	node.id = own; /* it hears of us, and tells us: no mistake, but nothing is taken */
	g_strlcpy(node.name, "evil.example", sizeof(node.name));
	CU_ASSERT_EQUAL(attach(three.server, three.gateway_id, node), 0);
	CU_ASSERT_PTR_NULL(find(three.server, own));
	CU_ASSERT_FALSE(granted(three.server, three.gateway_id, own));
	node.id = three.gateway_id;
	CU_ASSERT_EQUAL(attach(three.server, three.gateway_id, node), 1);
	CU_ASSERT_STRING_EQUAL(gateway->name, "gw.example");
	node.id = id_of(1);
	node.relay = true; /* its own records may come, or they would wait there for ever */
	CU_ASSERT_EQUAL(attach(three.server, three.gateway_id, node), 0);
	CU_ASSERT(granted(three.server, three.gateway_id, node.id));
	CU_ASSERT_FALSE(find(three.server, node.id)->relay);
	node.id = id_of(2);
	g_strlcpy(node.name, "listed.example", sizeof(node.name));
	CU_ASSERT_EQUAL(attach(three.server, three.gateway_id, node), 0);
	CU_ASSERT(granted(three.server, three.gateway_id, node.id));
	CU_ASSERT(find(three.server, node.id)->relay);
	world_free(three.world);
}

/* A gateway that this server does not let speak for others is what it has said itself, whatever another one
 * says: that may bring its own records, as those of any node, and no more. */
static void an_unlisted_gateway_is_not_called_otherwise(void)
{
	struct world *world = world_new(10);
	struct world_node *server = add_server(world, "\"g1.example\"");
	struct world_node *first = add_gateway(world, "g1.example", "ms.example", "");
	struct world_node *victim = add_gateway(world, "victim.example", "ms.example", "");
	struct yett_attached node = {
		.boot = id_of(8), .session = 1, .live = true, .name = "agent.example"};

	start_all(world);
	node.id = victim->node->id;
	CU_ASSERT_EQUAL(attach(server, first->node->id, node), 0);
	CU_ASSERT(granted(server, first->node->id, victim->node->id));
	CU_ASSERT_FALSE(granted(server, victim->node->id, first->node->id));
	CU_ASSERT_STRING_EQUAL(find(server, victim->node->id)->name, "victim.example");
	CU_ASSERT(yett_id_is_zero(&find(server, victim->node->id)->via));
	CU_ASSERT(find(server, victim->node->id)->relay);
	world_free(world);
}

/* News of one node, one after the other, from two gateways: what is believed in the end. */
static const struct {
	const char *name;
	struct {
		int gateway; /* 0 ends */
		uint8_t boot;
		uint64_t session;
		bool live, bare;
	} news[3];
	int want_via;
	uint64_t want_session;
	bool want_live;
} presences[] = {
	{"one way", {{1, 1, 1, true, false}}, 1, 1, true},
	{"the same another way", {{1, 1, 1, true, false}, {2, 1, 1, true, false}}, 1, 1, true},
	{"a newer session", {{1, 1, 1, true, false}, {2, 1, 2, true, false}}, 2, 2, true},
	{"an older session", {{1, 1, 2, true, false}, {2, 1, 1, true, false}}, 1, 2, true},
	{"an older session that lasts",
		{{1, 1, 2, true, false}, {1, 1, 2, false, false}, {2, 1, 1, true, false}}, 2, 1,
		true},
	{"the newer of two ends",
		{{1, 1, 1, true, false}, {2, 1, 2, true, false}, {2, 1, 2, false, false}}, 1, 1,
		true},
	{"an older end of one that is gone",
		{{1, 1, 2, true, false}, {1, 1, 2, false, false}, {2, 1, 1, false, false}}, 1, 2,
		false},
	{"another boot", {{1, 1, 9, true, false}, {2, 2, 1, true, false}}, 2, 1, true},
	{"the end of another boot", {{1, 1, 9, true, false}, {2, 2, 1, false, false}}, 1, 9, true},
	{"gone, says who told of it", {{1, 1, 1, true, false}, {1, 1, 1, false, false}}, 1, 1,
		false},
	{"gone, says another", {{1, 1, 1, true, false}, {2, 1, 1, false, false}}, 1, 1, true},
	{"gone and back", {{1, 1, 1, true, false}, {1, 1, 1, false, false}, {1, 1, 1, true, false}},
		1, 1, true},
	{"a newer session that has ended already",
		{{1, 1, 1, true, false}, {2, 1, 2, false, false}}, 1, 1, true},
	{"only its batches", {{1, 1, 1, true, false}, {2, 0, 0, false, true}}, 1, 1, true},
	{"only its batches, of one that is gone",
		{{1, 1, 1, true, false}, {1, 1, 1, false, false}, {2, 0, 0, false, true}}, 1, 1,
		false},
};

static void run_presence(struct world_node *server, const struct yett_id gateways[2], size_t row)
{
	struct yett_id id = id_of((uint8_t)(100 + row));
	const struct yett_known *known;

	for (size_t i = 0; i < 3 && presences[row].news[i].gateway != 0; i++) {
		int gateway = presences[row].news[i].gateway;
		struct yett_attached node = {.id = id,
			.boot = id_of(presences[row].news[i].boot),
			.via = gateways[gateway - 1],
			.session = presences[row].news[i].session,
			.live = presences[row].news[i].live};

		if (!presences[row].news[i].bare) {
			g_strlcpy(node.name, "moving.example", sizeof(node.name));
		}
		CU_ASSERT_EQUAL(attach(server, gateways[gateway - 1], node), 0);
		CU_ASSERT(granted(server, gateways[gateway - 1], id));
	}
	known = find(server, id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(known);
	if (!yett_id_equal(&known->via, &gateways[presences[row].want_via - 1]) ||
		known->session != presences[row].want_session ||
		known->live != presences[row].want_live) {
		fprintf(stderr, "%s: session %u, live %d\n", presences[row].name,
			(unsigned)known->session, known->live);
		CU_FAIL("another presence than wanted");
	}
}

static void the_newer_presence_wins(void)
{
	struct world *world = world_new(11);
	struct world_node *server = add_server(world, "\"g*.example\"");
	struct world_node *first = add_gateway(world, "g1.example", "ms.example", "");
	struct world_node *second = add_gateway(world, "g2.example", "ms.example", "");
	struct yett_id gateways[2];

	start_all(world);
	gateways[0] = first->node->id;
	gateways[1] = second->node->id;
	for (size_t i = 0; i < sizeof(presences) / sizeof(presences[0]); i++) {
		run_presence(server, gateways, i);
	}
	world_free(world);
}

/* A gateway that still believes in a session of an agent that is connected here directly. */
static void a_direct_session_comes_back_by_its_heartbeat(void)
{
	struct three three = three_new(12);
	struct world_node *direct = add_agent(three.world, "direct.example", "ms.example");
	struct yett_attached node = {
		.boot = id_of(8), .session = 3, .live = true, .name = "direct.example"};
	const struct yett_id own = {0};
	struct yett_known *known;

	world_start(direct);
	world_run(three.world, 5 * YETT_SEC);
	node.id = direct->node->id;
	/* A gateway that has it, or says so, does not take it away. */
	CU_ASSERT_EQUAL(attach(three.server, three.gateway_id, node), 0);
	detach(three.server, three.gateway_id, node.id);
	CU_ASSERT(find(three.server, node.id)->live);
	/* Where its way was forgotten all the same. */
	known = (struct yett_known *)(uintptr_t)find(three.server, node.id);
	CU_ASSERT(yett_known_drop_way(known, &own));
	yett_known_use_newest_way(three.server->manage, known);
	CU_ASSERT_FALSE(find(three.server, node.id)->live);
	world_run(three.world, 70 * YETT_SEC);
	expect_health(three.server, node.id, YETT_HEALTH_HEALTHY, "");
	CU_ASSERT(yett_id_is_zero(&find(three.server, node.id)->via));
	world_free(three.world);
}

/* The same of one behind a gateway, whose way was forgotten. */
static void one_behind_a_gateway_comes_back_by_its_heartbeat(void)
{
	struct three three = three_new(14);

	detach(three.server, three.gateway_id, three.agent_id);
	expect_health(
		three.server, three.agent_id, YETT_HEALTH_WARNING, "its session has just ended");
	world_run(three.world, 130 * YETT_SEC);
	expect_health(three.server, three.agent_id, YETT_HEALTH_HEALTHY, "");
	CU_ASSERT(yett_id_equal(&find(three.server, three.agent_id)->via, &three.gateway_id));
	/* What is gone indeed is not brought back by old signs of life. */
	world_kill(three.agent);
	world_run(three.world, 130 * YETT_SEC);
	expect_health(three.server, three.agent_id, YETT_HEALTH_UNREACHABLE, "its session is gone");
	world_free(three.world);
}

static void grants_outlive_the_server_and_the_agent(void)
{
	struct three three = three_new(13);

	world_tell(three.agent, YETT_LANE_NORMAL, 5);
	CU_ASSERT(world_wait_events(three.server, 5, 30 * YETT_SEC));
	world_kill(three.server);
	world_tell(three.agent, YETT_LANE_NORMAL, 5);
	world_run(three.world, 5 * YETT_SEC);
	CU_ASSERT_EQUAL(world_queued(three.gateway), 1);
	world_kill(three.agent);
	world_kill(three.gateway);
	world_start(three.server);
	CU_ASSERT(granted(three.server, three.gateway_id, three.agent_id));
	CU_ASSERT_FALSE(granted(three.server, three.agent_id, three.gateway_id));
	CU_ASSERT_FALSE(granted(three.server, three.gateway_id, id_of(1)));
	world_start(three.gateway);
	CU_ASSERT(world_wait_events(three.server, 10, 60 * YETT_SEC));
	CU_ASSERT_STRING_EQUAL(find(three.server, three.agent_id)->name, "agent.example");
	world_free(three.world);
}

/* Nodes may send heartbeats more rarely than the relays between them and whoever judges them. */
static void is_as_patient_as_a_node_is_slow(void)
{
	struct world *world = world_new(16);
	struct world_node *server = add_server(world, "\"gw.example\", \"far.example\"");
	struct world_node *gateway =
		add_gateway(world, "gw.example", "ms.example", "\"far.example\"");
	struct world_node *far = add_gateway(world, "far.example", "gw.example", "");
	struct world_node *agent = add_agent(world, "agent.example", "far.example");
	struct yett_settings *settings;

	start_all(world);
	settings = (struct yett_settings *)(uintptr_t)agent->node->settings;
	settings->node.heartbeat_ns = 600 * YETT_SEC;
	world_run(world, 500 * YETT_SEC);
	expect_health(server, agent->node->id, YETT_HEALTH_HEALTHY, "");
	expect_health(gateway, agent->node->id, YETT_HEALTH_HEALTHY, "");
	expect_health(far, agent->node->id, YETT_HEALTH_HEALTHY, "");
	/* And as strict again, when it is as quick as the others. */
	settings->node.heartbeat_ns = 60 * YETT_SEC;
	world_run(world, 1300 * YETT_SEC);
	CU_ASSERT_EQUAL(find(server, agent->node->id)->interval_s, 60);
	world_free(world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"shows who is behind a gateway", shows_who_is_behind_a_gateway},
		{"health follows the session", health_follows_the_session},
		{"missing heartbeats are unreachable", missing_heartbeats_are_unreachable},
		{"a server that starts monitors nobody yet",
			a_server_that_starts_monitors_nobody_yet},
		{"a gateway behind a gateway is listed", a_gateway_behind_a_gateway_is_listed},
		{"an agent moves between gateways", an_agent_moves_between_gateways},
		{"another way keeps a node alive", another_way_keeps_a_node_alive},
		{"a ring keeps nobody alive", a_ring_keeps_nobody_alive},
		{"refuses what a gateway may not say", refuses_what_a_gateway_may_not_say},
		{"an unlisted gateway is not called otherwise",
			an_unlisted_gateway_is_not_called_otherwise},
		{"the newer presence wins", the_newer_presence_wins},
		{"a direct session comes back by its heartbeat",
			a_direct_session_comes_back_by_its_heartbeat},
		{"one behind a gateway comes back by its heartbeat",
			one_behind_a_gateway_comes_back_by_its_heartbeat},
		{"grants outlive the server and the agent",
			grants_outlive_the_server_and_the_agent},
		{"is as patient as a node is slow", is_as_patient_as_a_node_is_slow},
		CU_TEST_INFO_NULL,
	};
	int result;

	result = suite_run(argc, argv, "manage", tests);
	return yett_buffer_alive() == 0 ? result : EXIT_FAILURE;
}
