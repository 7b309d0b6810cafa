/* Failover in the simulated world: a gateway between two management servers of one store, and an agent
 * between two gateways; with nodes of production code, in virtual time. What each may take is measured
 * from the fault to the first record that arrives by the other way. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/id.h"
#include "flow/stages.h"
#include "manage/views/views.h"
#include "simulation/world.h"
#include "suite.h"

#define GROUP "group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
#define LIMIT (6 * YETT_SEC + 500 * YETT_MS) /* ping-limit, and a tick */

/* Two management servers on one store. */
static void add_servers(struct world *world, struct world_node *ret_servers[2])
{
	static const char *const names[] = {"ms1.example", "ms2.example"};

	for (int i = 0; i < 2; i++) {
		ret_servers[i] = world_add(world, names[i],
			GROUP "listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ "
			      "\"g*.example\" ]; } );\n"
			      "store = { module = \"store-sqlite\"; path = "
			      "\"/%s/shared/yett.db\"; };",
			world_address(names[i]), names[i]);
	}
	world_share_disk(ret_servers[1], ret_servers[0]);
}

static char *two_upstreams(const char *first, const char *second)
{
	return g_strdup_printf("upstreams = ( { name = \"%s\"; address = \"%s\"; },\n"
			       "  { name = \"%s\"; address = \"%s\"; priority = 1; } );\n",
		first, world_address(first), second, world_address(second));
}

static struct world_node *add_gateway(struct world *world, const char *name, const char *policy)
{
	g_autofree char *ways = two_upstreams("ms1.example", "ms2.example");

	return world_add(world, name,
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n%s"
		"policy = { module = \"policy-failover\"; failback-jitter = \"0 s\"; %s };\n",
		world_address(name), ways, policy);
}

static struct world_node *add_agent(
	struct world *world, const char *name, const char *upstreams, const char *policy)
{
	return world_add(world, name,
		"%spolicy = { module = \"policy-failover\"; failback-jitter = \"0 s\"; %s };\n",
		upstreams, policy);
}

/* More of its section `node`. */
static void set_node(struct world_node *node, const char *more)
{
	g_autofree char *by = g_strdup_printf("user = \"\"; %s", more);
	GString *text = g_string_new(node->text);

	g_string_replace(text, "user = \"\";", by, 1);
	g_free(node->text);
	node->text = g_string_free(text, FALSE);
}

static void start_all(struct world *world)
{
	for (guint i = 0; i < world->nodes->len; i++) {
		world_start(world->nodes->pdata[i]);
	}
	world_run(world, 5 * YETT_SEC);
}

/* The group of most tests: two servers, a gateway between them, an agent. */
struct group {
	struct world *world;
	struct world_node *servers[2], *gateway, *agent;
	struct yett_id gateway_id, agent_id;
};

static struct group group_new(uint64_t seed, const char *policy)
{
	struct group group = {.world = world_new(seed)};
	g_autofree char *way =
		g_strdup_printf("upstreams = ( { name = \"gw.example\"; address = \"%s\"; } );\n",
			world_address("gw.example"));

	add_servers(group.world, group.servers);
	group.gateway = add_gateway(group.world, "gw.example", policy);
	group.agent = add_agent(group.world, "agent.example", way, "");
	start_all(group.world);
	group.gateway_id = group.gateway->node->id;
	group.agent_id = group.agent->node->id;
	return group;
}

static const struct yett_peer *session_at(const struct world_node *node, struct yett_id id)
{
	for (guint i = 0; i < node->node->peers->len; i++) {
		const struct yett_peer *peer = node->node->peers->pdata[i];

		if (peer->state == YETT_PEER_OPEN && yett_id_equal(&peer->id, &id)) {
			return peer;
		}
	}
	return NULL;
}

static const struct yett_link *link_of(const struct world_node *node, unsigned place)
{
	return node->node->links->pdata[place];
}

/* Whether a node's session with a server is used, as both ends have it. */
static void expect_used(
	const struct world_node *node, unsigned place, const struct world_node *upstream, bool used)
{
	const struct yett_peer *there = session_at(upstream, node->node->id);
	const struct yett_link *here = link_of(node, place);

	CU_ASSERT_FATAL(there != NULL && here->peer != NULL);
	CU_ASSERT_EQUAL(here->state, YETT_UPSTREAM_UP);
	CU_ASSERT_EQUAL(here->peer->standby, !used);
	CU_ASSERT_EQUAL(there->standby, !used);
}

static bool shows_live(const struct world_node *server, struct yett_id id)
{
	const struct yett_known *known = yett_manage_find(server->manage, &id);

	return known != NULL && known->live;
}

static uint64_t taken(const struct world_node *server)
{
	return yett_metrics_get(server->node->metrics, YETT_COUNT_BATCHES_IN);
}

/* Tells a record a while until one has come in at `server`; how long that took. */
static uint64_t time_to_arrive(
	struct world_node *teller, struct world_node *server, uint64_t *told, uint64_t most_ns)
{
	uint64_t begun_ns = sim_now(server->world->sim), before = taken(server);

	while (taken(server) == before) {
		if (sim_now(server->world->sim) - begun_ns > most_ns) {
			CU_FAIL("nothing came by the other way in time");
			return most_ns;
		}
		world_tell(teller, YETT_LANE_NORMAL, 1);
		++*told;
		world_run(server->world, 20 * YETT_MS);
	}
	return sim_now(server->world->sim) - begun_ns;
}

static void tell_for(struct world_node *teller, uint64_t for_ns, uint64_t *told)
{
	for (uint64_t at_ns = 0; at_ns < for_ns; at_ns += 20 * YETT_MS) {
		world_tell(teller, YETT_LANE_NORMAL, 1);
		++*told;
		world_run(teller->world, 20 * YETT_MS);
	}
}

/* All that was told, once. */
static void expect_all(struct world_node *server, uint64_t told)
{
	struct world_account account;

	CU_ASSERT(world_wait_events(server, told, 120 * YETT_SEC));
	world_run(server->world, 20 * YETT_SEC);
	account = world_account(server);
	CU_ASSERT_EQUAL(account.events, told);
	CU_ASSERT_EQUAL(account.declared, 0);
	CU_ASSERT_EQUAL(account.inferred, 0);
	CU_ASSERT_EQUAL(account.missing, 0);
	CU_ASSERT_EQUAL(account.twice, 0);
	CU_ASSERT_EQUAL(account.forks, 0);
}

/* A standby is there, authenticated, and costs next to nothing: no data, no memory, no place in what
 * its server shows; but whom its gateway speaks for may come at once. */
static void a_standby_carries_nothing(void)
{
	struct group group = group_new(1, "");
	const struct yett_peer *standby;
	struct yett_management calls;
	uint64_t told = 0;
	json_t *sessions;

	expect_used(group.gateway, 0, group.servers[0], true);
	expect_used(group.gateway, 1, group.servers[1], false);
	tell_for(group.agent, 30 * YETT_SEC, &told);
	standby = session_at(group.servers[1], group.gateway_id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(standby);
	CU_ASSERT_EQUAL(standby->batches, 0);
	CU_ASSERT_EQUAL(taken(group.servers[1]), 0);
	CU_ASSERT_EQUAL(group.servers[1]->node->credit_committed, 0);
	CU_ASSERT(sim_now(group.world->sim) - standby->heard_ns < 3 * YETT_SEC);
	CU_ASSERT(shows_live(group.servers[0], group.gateway_id));
	CU_ASSERT(shows_live(group.servers[0], group.agent_id));
	CU_ASSERT_FALSE(shows_live(group.servers[1], group.gateway_id));
	CU_ASSERT_FALSE(shows_live(group.servers[1], group.agent_id));
	calls = yett_manage_calls(group.servers[1]->manage);
	CU_ASSERT(calls.granted(calls.arg, &group.gateway_id, &group.agent_id));
	sessions = yett_view_sessions(group.servers[1]->manage);
	CU_ASSERT_EQUAL_FATAL(json_array_size(sessions), 1);
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_object_get(json_array_get(sessions, 0), "role")), "standby");
	json_decref(sessions);
	/* Nor is it asked for room while the one that is used has none. */
	sim_loop_slow(group.servers[0]->loop, 4 * YETT_SEC);
	for (int i = 0; i < 100; i++) {
		world_tell(group.agent, YETT_LANE_NORMAL, 400);
		told += 400;
		world_run(group.world, 20 * YETT_MS);
		CU_ASSERT_EQUAL(group.servers[1]->node->credit_committed, 0);
	}
	sim_loop_slow(group.servers[0]->loop, 0);
	expect_all(group.servers[0], told);
	world_free(group.world);
}

/* The primary is killed: its connections end, and what it had not acknowledged goes by the standby. */
static void takes_over_at_once(void)
{
	struct group group = group_new(2, "");
	uint64_t told = 0, took_ns;

	tell_for(group.agent, 5 * YETT_SEC, &told);
	world_kill(group.servers[0]);
	took_ns = time_to_arrive(group.agent, group.servers[1], &told, YETT_SEC);
	CU_ASSERT(took_ns <= 200 * YETT_MS);
	world_run(group.world, YETT_SEC);
	expect_used(group.gateway, 1, group.servers[1], true);
	CU_ASSERT(shows_live(group.servers[1], group.gateway_id));
	CU_ASSERT(shows_live(group.servers[1], group.agent_id));
	expect_all(group.servers[1], told);
	world_free(group.world);
}

/* It hangs: no connection ends, and nothing comes. Silence alone tells, within the limit. */
static void notices_silence(void)
{
	struct group group = group_new(3, "failback = \"30 s\";");
	uint64_t told = 0, took_ns;

	tell_for(group.agent, 5 * YETT_SEC, &told);
	sim_loop_stall(group.servers[0]->loop, 60 * YETT_SEC);
	took_ns = time_to_arrive(group.agent, group.servers[1], &told, 20 * YETT_SEC);
	CU_ASSERT(took_ns >= 5 * YETT_SEC); /* it is not given up for a hiccup */
	CU_ASSERT(took_ns <= LIMIT + 200 * YETT_MS);
	tell_for(group.agent, 10 * YETT_SEC, &told);
	CU_ASSERT(shows_live(group.servers[1], group.agent_id));
	world_run(group.world, 120 * YETT_SEC);
	expect_used(group.gateway, 0, group.servers[0], true);
	expect_used(group.gateway, 1, group.servers[1], false);
	expect_all(group.servers[0], told);
	world_free(group.world);
}

/* A pause of the node itself is no silence of its peers: here they have more patience. */
static void sleeps_without_blaming_others(void)
{
	struct group group = group_new(4, "");
	uint64_t told = 0;
	const struct yett_peer *before;

	world_kill(group.servers[0]);
	set_node(group.servers[0], "ping-limit = \"60 s\";");
	world_start(group.servers[0]);
	tell_for(group.agent, 60 * YETT_SEC, &told);
	expect_used(group.gateway, 0, group.servers[0], true);
	before = link_of(group.gateway, 0)->peer;
	sim_loop_stall(group.gateway->loop, 20 * YETT_SEC);
	world_run(group.world, 25 * YETT_SEC);
	CU_ASSERT_PTR_EQUAL(link_of(group.gateway, 0)->peer, before);
	expect_used(group.gateway, 0, group.servers[0], true);
	expect_all(group.servers[0], told);
	world_free(group.world);
}

/* It is back, and well for `failback`: the new way first, then the old one rests. */
static void goes_back_when_its_time_has_come(void)
{
	struct group group = group_new(5, "failback = \"20 s\";");
	uint64_t told = 0, at_second;

	tell_for(group.agent, 2 * YETT_SEC, &told);
	world_kill(group.servers[0]);
	tell_for(group.agent, 5 * YETT_SEC, &told);
	world_start(group.servers[0]);
	tell_for(group.agent, 19 * YETT_SEC, &told);
	CU_ASSERT_EQUAL(taken(group.servers[0]), 0); /* since it is back */
	expect_used(group.gateway, 0, group.servers[0], false);
	expect_used(group.gateway, 1, group.servers[1], true);
	CU_ASSERT_FALSE(shows_live(group.servers[0], group.gateway_id));
	tell_for(group.agent, 15 * YETT_SEC, &told);
	CU_ASSERT(taken(group.servers[0]) > 10);
	at_second = taken(group.servers[1]);
	tell_for(group.agent, 5 * YETT_SEC, &told);
	CU_ASSERT_EQUAL(taken(group.servers[1]), at_second);
	expect_used(group.gateway, 0, group.servers[0], true);
	expect_used(group.gateway, 1, group.servers[1], false);
	CU_ASSERT(shows_live(group.servers[0], group.agent_id));
	CU_ASSERT_FALSE(shows_live(group.servers[1], group.agent_id));
	CU_ASSERT_FALSE(shows_live(group.servers[1], group.gateway_id));
	/* What it might send there costs nothing now, and counts again when it is sent. */
	CU_ASSERT_EQUAL(group.servers[1]->node->credit_committed, 0);
	CU_ASSERT(group.servers[1]->node->credit_lent > 0);
	world_kill(group.servers[0]);
	tell_for(group.agent, 5 * YETT_SEC, &told);
	CU_ASSERT(taken(group.servers[1]) > at_second);
	CU_ASSERT(group.servers[1]->node->credit_committed > 0);
	CU_ASSERT_EQUAL(group.servers[1]->node->credit_lent, 0);
	expect_all(group.servers[1], told);
	world_free(group.world);
}

/* A gateway that is silent moves all the same: where it is to be found is shown right. */
static void moves_without_data(void)
{
	struct group group = group_new(6, "failback = \"20 s\";");

	world_kill(group.servers[0]);
	world_run(group.world, 2 * YETT_SEC);
	CU_ASSERT(shows_live(group.servers[1], group.gateway_id));
	CU_ASSERT(shows_live(group.servers[1], group.agent_id));
	world_start(group.servers[0]);
	world_run(group.world, 60 * YETT_SEC);
	CU_ASSERT(shows_live(group.servers[0], group.gateway_id));
	CU_ASSERT(shows_live(group.servers[0], group.agent_id));
	CU_ASSERT_FALSE(shows_live(group.servers[1], group.gateway_id));
	CU_ASSERT_FALSE(shows_live(group.servers[1], group.agent_id));
	world_free(group.world);
}

/* It lives and takes, and acknowledges nothing: it is left, and what it holds back is sent to the next. */
static void leaves_one_that_acknowledges_nothing(void)
{
	struct group group = group_new(7, "stall = \"15 s\";");
	uint64_t told = 0, took_ns;

	tell_for(group.agent, 5 * YETT_SEC, &told);
	sim_loop_slow(group.servers[0]->loop, 500 * YETT_SEC);
	took_ns = time_to_arrive(group.agent, group.servers[1], &told, 60 * YETT_SEC);
	CU_ASSERT(took_ns > 14 * YETT_SEC && took_ns < 18 * YETT_SEC);
	CU_ASSERT(world_wait_events(group.servers[1], told, 10 * YETT_SEC));
	world_free(group.world);
}

/* One that has lost its store says so, and is left at once. */
static void leaves_one_that_lost_its_store(void)
{
	struct group group = group_new(8, "");
	uint64_t told = 0, took_ns;

	tell_for(group.agent, 5 * YETT_SEC, &told);
	group.servers[0]->process->faults.full = true;
	took_ns = time_to_arrive(group.agent, group.servers[1], &told, 10 * YETT_SEC);
	CU_ASSERT(took_ns < 2 * YETT_SEC);
	world_free(group.world);
}

/* Without a standby: it connects first, and still soon. */
static void connects_when_it_has_to(void)
{
	struct group group = group_new(9, "standby = 0;");
	uint64_t told = 0, took_ns;

	tell_for(group.agent, 5 * YETT_SEC, &told);
	CU_ASSERT_PTR_NULL(session_at(group.servers[1], group.gateway_id));
	world_kill(group.servers[0]);
	took_ns = time_to_arrive(group.agent, group.servers[1], &told, 3 * YETT_SEC);
	CU_ASSERT(took_ns <= YETT_SEC);
	expect_all(group.servers[1], told);
	world_free(group.world);
}

/* An agent between two gateways: the management server shows it behind the one that it uses, also when
 * the one that it left still believes to have it. */
static void an_agent_moves_between_gateways(void)
{
	struct world *world = world_new(10);
	struct world_node *servers[2], *gateways[2], *agent;
	g_autofree char *ways = two_upstreams("g1.example", "g2.example");
	const struct yett_known *known;
	struct yett_id id;
	uint64_t told = 0, taken_before, took_ns;

	add_servers(world, servers);
	gateways[0] = add_gateway(world, "g1.example", "");
	gateways[1] = add_gateway(world, "g2.example", "");
	agent = add_agent(world, "agent.example", ways, "standby = 1; failback = \"10 s\";");
	start_all(world);
	world_run(world, 15 * YETT_SEC); /* where the second one was up first, it has gone back */
	id = agent->node->id;
	taken_before = taken(gateways[1]);
	tell_for(agent, 5 * YETT_SEC, &told);
	known = yett_manage_find(servers[0]->manage, &id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(known);
	CU_ASSERT(yett_id_equal(&known->via, &gateways[0]->node->id));
	CU_ASSERT_EQUAL(taken(gateways[1]), taken_before);
	/* One way only: the gateway hears the agent no more, and does not know yet. */
	sim_cut(world->sim, "g1.example", "agent.example", true);
	took_ns = time_to_arrive(agent, gateways[1], &told, 20 * YETT_SEC);
	CU_ASSERT(took_ns <= LIMIT + 200 * YETT_MS);
	world_run(world, YETT_SEC);
	CU_ASSERT(known->live && yett_id_equal(&known->via, &gateways[1]->node->id));
	sim_cut(world->sim, "g1.example", "agent.example", false);
	tell_for(agent, 120 * YETT_SEC, &told);
	CU_ASSERT(known->live && yett_id_equal(&known->via, &gateways[0]->node->id));
	expect_used(agent, 0, gateways[0], true);
	expect_used(agent, 1, gateways[1], false);
	expect_all(servers[0], told);
	world_free(world);
}

/* Of several addresses, each is tried, without a pause; the one that led to a session is first then. */
static void tries_each_address(void)
{
	struct world *world = world_new(11);
	struct world_node *servers[2], *agent;
	g_autofree char *ways = NULL;
	uint64_t told = 0;
	const struct yett_link *link;

	add_servers(world, servers);
	ways = g_strdup_printf(
		"upstreams = ( { name = \"ms1.example\"; address = [ \"%s\", \"%s\", "
		"\"%s\" ]; } );\n",
		world_address("nobody1.example"), world_address("nobody2.example"),
		world_address("ms1.example"));
	agent = add_agent(world, "agent.example", ways, "");
	set_node(agent, "reconnect-min = \"30 s\";");
	world_start(servers[0]);
	world_start(agent);
	time_to_arrive(agent, servers[0], &told, YETT_SEC);
	link = link_of(agent, 0);
	CU_ASSERT_EQUAL(link->address, 2);
	CU_ASSERT_EQUAL(link->failures, 0);
	sim_break(world->sim, "agent.example", "ms1.example");
	world_run(world, 35 * YETT_SEC);
	CU_ASSERT_EQUAL(link->state, YETT_UPSTREAM_UP);
	CU_ASSERT_EQUAL(link->address, 2);
	expect_all(servers[0], told);
	world_free(world);
}

/* The way to each upstream is proven without an outage: by a session beside the one that is there, or by
 * one that is made for it and ends again. */
static void proves_a_way(void)
{
	struct group group = group_new(13, "standby = 0;");
	struct yett_link *links[] = {
		group.gateway->node->links->pdata[0], group.gateway->node->links->pdata[1]};
	int64_t before[] = {links[0]->proven_ns, links[1]->proven_ns};
	const struct yett_peer *used = links[0]->peer;
	uint64_t told = 0;

	CU_ASSERT(before[0] != 0);
	CU_ASSERT(before[1] == 0);
	tell_for(group.agent, 2 * YETT_SEC, &told);
	for (int i = 0; i < 2; i++) {
		yett_upstream_prove(links[i]);
		tell_for(group.agent, 5 * YETT_SEC, &told);
		CU_ASSERT(links[i]->proven_ns > before[i]);
	}
	CU_ASSERT(links[0]->peer != NULL && links[0]->peer != used);
	CU_ASSERT_PTR_NULL(links[1]->peer);
	expect_used(group.gateway, 0, group.servers[0], true);
	CU_ASSERT_FALSE(shows_live(group.servers[1], group.gateway_id));
	CU_ASSERT_EQUAL(taken(group.servers[1]), 0);
	world_kill(group.servers[1]);
	before[1] = links[1]->proven_ns;
	yett_upstream_prove(links[1]);
	tell_for(group.agent, 2 * YETT_SEC, &told);
	CU_ASSERT_EQUAL(links[1]->proven_ns, before[1]);
	CU_ASSERT(links[1]->error[0] != '\0');
	expect_all(group.servers[0], told);
	world_free(group.world);
}

/* A node that stops moves nowhere first, in whatever order it ends its sessions: here the second is the
 * preferred one. */
static void stops_without_moving(void)
{
	struct group group = group_new(14, "");
	GString *text = g_string_new(group.gateway->text);
	const struct yett_known *there;
	uint64_t told = 0, heard_ns;

	world_stop(group.gateway, YETT_SEC);
	g_string_replace(
		text, "{ name = \"ms1.example\";", "{ priority = 2; name = \"ms1.example\";", 1);
	g_free(group.gateway->text);
	group.gateway->text = g_string_free(text, FALSE);
	world_start(group.gateway);
	tell_for(group.agent, 60 * YETT_SEC, &told);
	expect_used(group.gateway, 0, group.servers[0], false);
	expect_used(group.gateway, 1, group.servers[1], true);
	there = yett_manage_find(group.servers[0]->manage, &group.gateway_id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(there);
	heard_ns = there->heard_at_ns;
	world_stop(group.gateway, 10 * YETT_SEC);
	world_run(group.world, YETT_SEC);
	CU_ASSERT_PTR_NULL(session_at(group.servers[0], group.gateway_id));
	CU_ASSERT_EQUAL(there->heard_at_ns, heard_ns);
	world_free(group.world);
}

/* The server's end of the agent's session, once it has come as far as `state`. */
static struct yett_peer *wait_for(
	struct world *world, struct world_node *server, enum yett_peer_state state, uint64_t for_ns)
{
	uint64_t step_ns = state == YETT_PEER_OPEN ? YETT_SEC : YETT_MS / 20;

	for (uint64_t passed_ns = 0; passed_ns < for_ns; passed_ns += step_ns) {
		for (guint i = 0; i < server->node->peers->len; i++) {
			struct yett_peer *peer = server->node->peers->pdata[i];

			if (peer->role == YETT_ROLE_ACCEPTOR && peer->state == state) {
				return peer;
			}
		}
		world_run(world, step_ns);
	}
	return NULL;
}

/* Nobody keeps a node away for weeks by one word: not a server that is wrong, and not who sits at its
 * address and has not proved anything. */
static void comes_back_whatever_it_is_told(void)
{
	static const struct yett_refuse refuse = {
		.code = YETT_REFUSE_SHUTDOWN, .retry_after_ms = UINT32_MAX, .cause = "stay away"};
	struct world *world = world_new(13);
	struct world_node *servers[2], *agent;
	struct yett_peer *peer;

	add_servers(world, servers);
	agent = world_add(world, "a1.example",
		"upstreams = ( { name = \"ms1.example\"; address = \"%s\"; } );\n",
		world_address("ms1.example"));
	world_start(servers[0]);
	world_start(agent);
	peer = wait_for(world, servers[0], YETT_PEER_OPEN, 10 * YETT_SEC);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	yett_wire_goodbye(peer->wire, &refuse);
	yett_peer_flush(peer);
	world_run(world, 60 * YETT_SEC);
	CU_ASSERT_PTR_NULL(wait_for(world, servers[0], YETT_PEER_OPEN, 60 * YETT_SEC));
	peer = wait_for(world, servers[0], YETT_PEER_HELLO, 600 * YETT_SEC);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	yett_wire_refuse(peer->wire, &refuse);
	yett_peer_flush(peer);
	world_run(world, 200 * YETT_MS);
	CU_ASSERT_PTR_NOT_NULL(wait_for(world, servers[0], YETT_PEER_OPEN,
		2 * agent->node->settings->node.reconnect_max_ns + YETT_SEC));
	world_free(world);
}

/* A hundred agents at one gateway, which comes back: they return over the time that jitter gives. */
static void many_do_not_return_as_one(void)
{
	struct world *world = world_new(12);
	struct world_node *servers[2], *gateways[2];
	g_autofree char *ways = two_upstreams("g1.example", "g2.example");
	unsigned back[8] = {0};

	add_servers(world, servers);
	gateways[0] = add_gateway(world, "g1.example", "");
	gateways[1] = add_gateway(world, "g2.example", "");
	for (int i = 0; i < 100; i++) {
		char name[32];

		snprintf(name, sizeof(name), "a%d.example", i);
		world_add(world, name,
			"%spolicy = { module = \"policy-failover\"; standby = 1; failback = \"10 "
			"s\"; failback-jitter = \"40 s\"; };\n",
			ways);
	}
	start_all(world);
	world_kill(gateways[0]);
	world_run(world, 5 * YETT_SEC);
	world_start(gateways[0]);
	for (int slice = 0; slice < 8; slice++) {
		world_run(world, 10 * YETT_SEC);
		for (guint i = 0; i < gateways[0]->node->peers->len; i++) {
			const struct yett_peer *peer = gateways[0]->node->peers->pdata[i];

			back[slice] += peer->role == YETT_ROLE_ACCEPTOR &&
				       peer->state == YETT_PEER_OPEN && !peer->standby;
		}
	}
	CU_ASSERT_EQUAL(back[7], 100);
	CU_ASSERT(back[0] < 20);
	for (int slice = 1; slice < 8; slice++) {
		if (back[slice] - back[slice - 1] > 50) {
			printf("\n%u of them in 10 s\n", back[slice] - back[slice - 1]);
			CU_FAIL("too many at once");
		}
	}
	world_free(world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"a standby carries nothing", a_standby_carries_nothing},
		{"takes over at once", takes_over_at_once},
		{"notices silence", notices_silence},
		{"sleeps without blaming others", sleeps_without_blaming_others},
		{"goes back when its time has come", goes_back_when_its_time_has_come},
		{"moves without data", moves_without_data},
		{"leaves one that acknowledges nothing", leaves_one_that_acknowledges_nothing},
		{"leaves one that lost its store", leaves_one_that_lost_its_store},
		{"connects when it has to", connects_when_it_has_to},
		{"an agent moves between gateways", an_agent_moves_between_gateways},
		{"tries each address", tries_each_address},
		{"proves a way", proves_a_way},
		{"stops without moving", stops_without_moving},
		{"comes back whatever it is told", comes_back_whatever_it_is_told},
		{"many do not return as one", many_do_not_return_as_one},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "flow-failover", tests);
}
