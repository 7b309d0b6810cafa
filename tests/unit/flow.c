/* The flow as a whole, in the simulated world: agents, gateways and management servers of production
 * code, with the real queue, store and policies, in virtual time. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "flow/stages.h"
#include "net/saved.h"
#include "simulation/world.h"
#include "suite.h"

#define GROUP "group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"

static struct world_node *add_server(struct world *world, const char *admit, const char *proxy)
{
	return world_add(world, "ms.example",
		GROUP "listeners = ( { address = \"%s\"; admit = [ %s ]; proxy = [ %s "
		      "]; } );\n"
		      "store = { module = \"store-sqlite\"; };",
		world_address("ms.example"), admit, proxy);
}

static struct world_node *add_gateway(struct world *world, const char *name, const char *upstream,
	const char *proxy, const char *more)
{
	return world_add(world, name,
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ %s ]; } );\n"
		"upstreams = ( { name = \"%s\"; address = \"%s\"; } );\n%s",
		world_address(name), proxy, upstream, world_address(upstream), more);
}

static struct world_node *add_agent(struct world *world, const char *name, const char *upstream)
{
	return world_add(world, name, "upstreams = ( { name = \"%s\"; address = \"%s\"; } );",
		upstream, world_address(upstream));
}

static void start_all(struct world *world)
{
	for (guint i = 0; i < world->nodes->len; i++) {
		world_start(world->nodes->pdata[i]);
	}
}

static void expect_clean(struct world_node *server, uint64_t events)
{
	struct world_account account = world_account(server);

	CU_ASSERT_EQUAL(account.events, events);
	CU_ASSERT_EQUAL(account.declared, 0);
	CU_ASSERT_EQUAL(account.inferred, 0);
	CU_ASSERT_EQUAL(account.missing, 0);
	CU_ASSERT_EQUAL(account.twice, 0);
	CU_ASSERT_EQUAL(account.forks, 0);
	CU_ASSERT_EQUAL(account.dead, 0);
}

static void relays_and_settles(void)
{
	struct world *world = world_new(1);
	struct world_node *server = add_server(world, "\"**\"", "\"gw.example\"");
	struct world_node *gateway = add_gateway(world, "gw.example", "ms.example", "", "");
	struct world_node *agent = add_agent(world, "agent.example", "gw.example");

	start_all(world);
	for (int i = 0; i < 50; i++) {
		world_tell(agent, (uint32_t)i % YETT_LANES, 20);
	}
	CU_ASSERT(world_wait_events(server, 1000, 30 * YETT_SEC));
	world_run(world, 5 * YETT_SEC);
	expect_clean(server, 1000);
	CU_ASSERT_EQUAL(world_queued(agent), 0);
	CU_ASSERT_EQUAL(world_queued(gateway), 0);
	world_free(world);
}

static void admits_nobody_by_default(void)
{
	struct world *world = world_new(2);
	struct world_node *server = add_server(world, "", "");
	struct world_node *agent = add_agent(world, "agent.example", "ms.example");

	start_all(world);
	world_tell(agent, YETT_LANE_NORMAL, 5);
	world_run(world, 20 * YETT_SEC);
	expect_clean(server, 0);
	CU_ASSERT_EQUAL(world_queued(agent), 1);
	world_free(world);
}

static void refuses_origins_that_were_not_granted(void)
{
	struct world *world = world_new(3);
	struct world_node *server = add_server(world, "\"**\"", "");
	struct world_node *gateway = add_gateway(world, "gw.example", "ms.example", "", "");
	struct world_node *agent = add_agent(world, "agent.example", "gw.example");

	start_all(world);
	world_tell(agent, YETT_LANE_NORMAL, 5);
	world_tell(gateway, YETT_LANE_NORMAL, 3); /* its own it may tell */
	world_run(world, 20 * YETT_SEC);
	expect_clean(server, 3);
	CU_ASSERT_EQUAL(world_queued(agent), 0);
	CU_ASSERT_EQUAL(world_queued(gateway), 1);
	world_free(world);
}

static void chains_three_gateways(void)
{
	struct world *world = world_new(4);
	struct world_node *server = add_server(world, "\"g3.example\"", "\"*.example\"");
	struct world_node *agents[5];
	char name[32];

	add_gateway(world, "g3.example", "ms.example", "\"*.example\"", "");
	add_gateway(world, "g2.example", "g3.example", "\"*.example\"", "");
	add_gateway(world, "g1.example", "g2.example", "", "");
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "a%d.example", i);
		agents[i] = add_agent(world, name, "g1.example");
	}
	start_all(world);
	for (int i = 0; i < 100; i++) {
		world_tell(agents[i % 5], YETT_LANE_NORMAL, 7);
		world_run(world, 10 * YETT_MS);
	}
	CU_ASSERT(world_wait_events(server, 700, 60 * YETT_SEC));
	expect_clean(server, 700);
	world_free(world);
}

static void goes_in_no_circle(void)
{
	struct world *world = world_new(5);
	struct world_node *a = add_gateway(world, "a.example", "b.example", "\"**\"", "");
	struct world_node *b = add_gateway(world, "b.example", "a.example", "\"**\"", "");

	start_all(world);
	world_tell(a, YETT_LANE_NORMAL, 5);
	world_tell(b, YETT_LANE_NORMAL, 5);
	world_run(world, 60 * YETT_SEC);
	CU_ASSERT_FALSE(a->node->path.open);
	CU_ASSERT_FALSE(b->node->path.open);
	CU_ASSERT_EQUAL(world_queued(a), 1);
	CU_ASSERT_EQUAL(world_queued(b), 1);
	world_free(world);
}

static void survives_restarts_of_each(void)
{
	struct world *world = world_new(6);
	struct world_node *server = add_server(world, "\"**\"", "\"gw.example\"");
	struct world_node *gateway = add_gateway(world, "gw.example", "ms.example", "", "");
	struct world_node *agent = add_agent(world, "agent.example", "gw.example");
	struct world_node *victims[] = {server, gateway, agent};
	uint64_t events = 0;

	start_all(world);
	for (int round = 0; round < 30; round++) {
		struct world_node *victim = victims[round % 3];

		for (int i = 0; i < 10; i++) {
			world_tell(agent, YETT_LANE_NORMAL, 3);
			world_run(world, (uint64_t)(round * 37 % 11) * YETT_MS / 4);
		}
		/* What the agent has is synced once its own queue's round is over. */
		world_run(world, 1 * YETT_MS);
		events += 30;
		world_kill(victim);
		world_run(world, 300 * YETT_MS);
		world_start(victim);
		world_run(world, 2 * YETT_SEC);
	}
	CU_ASSERT(world_wait_events(server, events, 120 * YETT_SEC));
	world_run(world, 60 * YETT_SEC);
	expect_clean(server, events);
	world_free(world);
}

static void goes_on_after_cuts(void)
{
	struct world *world = world_new(7);
	struct world_node *server = add_server(world, "\"**\"", "\"gw.example\"");
	struct world_node *agent;

	add_gateway(world, "gw.example", "ms.example", "", "");
	agent = add_agent(world, "agent.example", "gw.example");
	start_all(world);
	world_run(world, 5 * YETT_SEC);
	for (int i = 0; i < 40; i++) {
		world_tell(agent, YETT_LANE_NORMAL, 3);
		world_run(world, 100 * YETT_MS);
		if (i == 5) {
			sim_cut(world->sim, "gw.example", "ms.example", true);
		} else if (i == 15) {
			sim_cut(world->sim, "ms.example", "gw.example", true);
		} else if (i == 25) {
			world_run(world, 60 * YETT_SEC);
			sim_cut(world->sim, "gw.example", "ms.example", false);
			sim_cut(world->sim, "ms.example", "gw.example", false);
		} else if (i == 30) {
			sim_break(world->sim, "gw.example", "agent.example");
		}
	}
	CU_ASSERT(world_wait_events(server, 120, 120 * YETT_SEC));
	expect_clean(server, 120);
	world_free(world);
}

/* A queue without durability takes no custody: what its upstream has not is still the agent's. */
static void volatile_queue_takes_no_custody(void)
{
	struct world *world = world_new(8);
	struct world_node *server = add_server(world, "\"**\"", "\"gw.example\"");
	struct world_node *gateway = add_gateway(
		world, "gw.example", "ms.example", "", "queue = { module = \"queue-memory\"; };");
	struct world_node *agent = add_agent(world, "agent.example", "gw.example");

	start_all(world);
	world_run(world, 3 * YETT_SEC);
	world_kill(server);
	world_run(world, YETT_SEC);
	for (int i = 0; i < 10; i++) {
		world_tell(agent, YETT_LANE_NORMAL, 4);
		world_run(world, 100 * YETT_MS);
	}
	CU_ASSERT_EQUAL(world_queued(agent), 10);
	world_kill(gateway);
	world_start(gateway);
	world_start(server);
	CU_ASSERT(world_wait_events(server, 40, 120 * YETT_SEC));
	expect_clean(server, 40);
	world_free(world);
}

static void expect_loss(struct world_node *server, uint64_t events, uint64_t declared)
{
	struct world_account account = world_account(server);

	CU_ASSERT_EQUAL(account.events, events);
	CU_ASSERT_EQUAL(account.declared, declared);
	CU_ASSERT_EQUAL(account.inferred, 0);
	CU_ASSERT_EQUAL(account.missing, 0);
	CU_ASSERT_EQUAL(account.twice, 0);
}

/* What was in memory at the end of the process is declared lost by the next one: exactly that, once,
 * also where the process ends again before it could say so. */
static void volatile_queue_tells_what_it_lost(void)
{
	/* By two starts that ended before they could say it: each of a range in each of three lanes, the second of
	 * those of the first as well; and in each lane which starts they know of. */
	const unsigned told = (3 + 3) + (6 + 3);
	struct world *world = world_new(11);
	struct world_node *server = add_server(world, "\"**\"", "");
	struct world_node *agent = world_add(world, "agent.example",
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n"
		"queue = { module = \"queue-memory\"; };",
		world_address("ms.example"));

	start_all(world);
	world_run(world, 3 * YETT_SEC);
	for (unsigned i = 0; i < 6; i++) {
		world_tell(agent, i % YETT_LANES, 4);
	}
	CU_ASSERT(world_wait_events(server, 24, 30 * YETT_SEC));
	world_kill(server);
	world_run(world, YETT_SEC);
	for (unsigned i = 0; i < 9; i++) {
		world_tell(agent, i % YETT_LANES, 2);
	}
	world_run(world, YETT_SEC);
	for (int i = 0; i < 3;
		i++) { /* the notice itself is lost with the memory, and told again */
		world_kill(agent);
		world_start(agent);
		world_run(world, 2 * YETT_SEC);
	}
	world_start(server);
	world_run(world, 60 * YETT_SEC);
	expect_loss(server, 24, 18 + told);
	world_kill(agent);
	world_start(agent);
	world_tell(agent, YETT_LANE_NORMAL, 1);
	CU_ASSERT(world_wait_events(server, 25, 60 * YETT_SEC));
	world_run(world, 10 * YETT_SEC);
	expect_loss(server, 25, 18 + told);
	world_free(world);
}

/* An acknowledgement that never came: what is declared lost was received after all, and counts so. */
static void volatile_queue_may_be_wrong_about_a_loss(void)
{
	struct world *world = world_new(13);
	struct world_node *server = add_server(world, "\"**\"", "");
	struct world_node *agent = world_add(world, "agent.example",
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n"
		"queue = { module = \"queue-memory\"; };",
		world_address("ms.example"));

	start_all(world);
	world_run(world, 3 * YETT_SEC);
	sim_cut(world->sim, "ms.example", "agent.example", true);
	world_tell(agent, YETT_LANE_NORMAL, 7);
	world_run(world, YETT_SEC);
	world_kill(agent);
	sim_cut(world->sim, "ms.example", "agent.example", false);
	world_start(agent);
	world_run(world, 60 * YETT_SEC);
	expect_loss(server, 7, 0);
	world_free(world);
}

static void turns_round_robin(void)
{
	struct world *world = world_new(9);
	struct world_node *server = add_server(world, "\"**\"", "\"g*.example\"");
	struct world_node *left = add_gateway(world, "g1.example", "ms.example", "", "");
	struct world_node *right = add_gateway(world, "g2.example", "ms.example", "", "");
	struct world_node *agent = world_add(world, "agent.example",
		"upstreams = ( { name = \"g1.example\"; address = \"%s\"; },\n"
		"  { name = \"g2.example\"; address = \"%s\"; } );\n"
		"policy = { module = \"policy-roundrobin\"; };",
		world_address("g1.example"), world_address("g2.example"));

	start_all(world);
	world_run(world, 3 * YETT_SEC);
	for (int i = 0; i < 100; i++) {
		world_tell(agent, YETT_LANE_NORMAL, 1);
		world_run(world, 10 * YETT_MS);
	}
	CU_ASSERT(world_wait_events(server, 100, 60 * YETT_SEC));
	expect_clean(server, 100);
	CU_ASSERT(yett_metrics_get(left->node->metrics, YETT_COUNT_BATCHES_IN) > 30);
	CU_ASSERT(yett_metrics_get(right->node->metrics, YETT_COUNT_BATCHES_IN) > 30);
	world_free(world);
}

/* One upstream that is used, one warm standby, and no more sessions than that. */
static void holds_no_more_sessions_than_wanted(void)
{
	struct world *world = world_new(12);
	struct world_node *agent;
	unsigned sessions = 0;

	add_server(world, "\"**\"", "\"g*.example\"");
	add_gateway(world, "g1.example", "ms.example", "", "");
	add_gateway(world, "g2.example", "ms.example", "", "");
	add_gateway(world, "g3.example", "ms.example", "", "");
	agent = world_add(world, "agent.example",
		"upstreams = ( { name = \"g1.example\"; address = \"%s\"; },\n"
		"  { name = \"g2.example\"; address = \"%s\"; priority = 1; },\n"
		"  { name = \"g3.example\"; address = \"%s\"; priority = 2; } );\n"
		"policy = { module = \"policy-failover\"; standby = 1; };",
		world_address("g1.example"), world_address("g2.example"),
		world_address("g3.example"));
	start_all(world);
	world_run(world, 60 * YETT_SEC);
	for (guint i = 0; i < agent->node->links->len; i++) {
		const struct yett_link *link = agent->node->links->pdata[i];

		sessions += link->peer != NULL;
	}
	CU_ASSERT_EQUAL(sessions, 2);
	world_kill(world->nodes->pdata[1]);
	world_run(world, 60 * YETT_SEC);
	CU_ASSERT_EQUAL(
		((struct yett_link *)agent->node->links->pdata[2])->state, YETT_UPSTREAM_UP);
	world_free(world);
}

static void drops_the_oldest_only_by_name(void)
{
	struct world *world = world_new(10);
	struct world_node *server = add_server(world, "\"**\"", "");
	struct world_node *agent = world_add(world, "agent.example",
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n" WORLD_SMALL_QUEUE
		"full = { normal = \"drop-oldest\"; };",
		world_address("ms.example"));
	struct world_account account;

	world_start(agent);
	for (int i = 0; i < 400; i++) {
		world_tell(agent, YETT_LANE_NORMAL, 400);
		world_run(world, 20 * YETT_MS);
	}
	world_kill(agent); /* what it still had in memory would be sent all the same */
	world_start(agent);
	world_start(server);
	world_run(world, 120 * YETT_SEC);
	account = world_account(server);
	CU_ASSERT(account.declared > 0);
	CU_ASSERT(account.events > 0);
	CU_ASSERT(account.events + account.declared <= 160000);
	CU_ASSERT_EQUAL(account.missing, 0);
	CU_ASSERT_EQUAL(account.inferred, 0);
	CU_ASSERT_EQUAL(account.twice, 0);
	world_free(world);
}

static void pushes_back_when_full(void)
{
	struct world *world = world_new(11);
	struct world_node *server = add_server(world, "\"**\"", "\"gw.example\"");
	struct world_node *gateway =
		add_gateway(world, "gw.example", "ms.example", "", WORLD_SMALL_QUEUE);
	struct world_node *agent = add_agent(world, "agent.example", "gw.example");

	world_start(gateway);
	world_start(agent);
	for (int i = 0; i < 400; i++) {
		world_tell(agent, YETT_LANE_NORMAL, 400);
		world_run(world, 20 * YETT_MS);
	}
	CU_ASSERT(world_queued(agent) > 0);
	CU_ASSERT(world_queued(gateway) > 0);
	world_start(server);
	CU_ASSERT(world_wait_events(server, 160000, 600 * YETT_SEC));
	expect_clean(server, 160000);
	world_free(world);
}

static const struct yett_peer *peer_of(const struct world_node *node, const char *name)
{
	for (guint i = 0; i < node->node->peers->len; i++) {
		const struct yett_peer *peer = node->node->peers->pdata[i];

		if (strcmp(peer->name, name) == 0) {
			return peer;
		}
	}
	return NULL;
}

static bool has_sent_40(void *arg)
{
	const struct yett_peer *peer = peer_of(arg, "light.example");

	return peer != NULL && peer->batches >= 40;
}

/* One sender has filled the lane and has more than all others; who comes later gets as much of the
 * room that is made as it does. */
static void shares_what_is_scarce(void)
{
	static const char agent[] =
		"upstreams = ( { name = \"gw.example\"; address = \"%s\"; } );\n"
		"queue = { module = \"queue-memory\"; };";
	struct world *world = world_new(14);
	struct world_node *server = add_server(world, "\"**\"", "\"gw.example\"");
	struct world_node *gateway = add_gateway(world, "gw.example", "ms.example", "",
		"queue = { module = \"queue-disk\"; size = \"24 MiB\"; };");
	struct world_node *heavy =
		world_add(world, "heavy.example", agent, world_address("gw.example"));
	struct world_node *light =
		world_add(world, "light.example", agent, world_address("gw.example"));
	uint64_t before;

	world_start(gateway);
	world_start(heavy);
	world_run(world, 3 * YETT_SEC);
	for (int i = 0; i < 300; i++) {
		world_tell(heavy, YETT_LANE_NORMAL, 4000);
	}
	world_run(world, 3 * YETT_SEC);
	world_start(light);
	for (int i = 0; i < 40; i++) {
		world_tell(light, YETT_LANE_NORMAL, 400);
	}
	world_run(world, 3 * YETT_SEC);
	before = peer_of(gateway, "heavy.example")->bytes;
	world_start(server);
	CU_ASSERT(sim_run_until(world->sim, has_sent_40, gateway, 600 * YETT_SEC));
	/* Its batches are larger than a first window, and one is always let through: so not 1. */
	CU_ASSERT(peer_of(gateway, "heavy.example")->bytes - before <
		  peer_of(gateway, "light.example")->bytes * 2);
	world_free(world);
}

/* Sessions are renewed before they must end: the next one is up first, nothing is sent twice, and
 * neither end ever says that the other is gone. */
static void renews_sessions_without_a_gap(void)
{
	struct world *world = world_new(15);
	struct world_node *server = add_server(world, "\"**\"", "\"gw.example\"");
	struct world_node *gateway = add_gateway(world, "gw.example", "ms.example", "", "");
	struct world_node *agent = add_agent(world, "agent.example", "gw.example");
	uint64_t events = 0, since_ns[2];
	const struct yett_link *links[2];
	guint most = 0;

	for (guint i = 0; i < world->nodes->len; i++) {
		struct world_node *node = world->nodes->pdata[i];
		GString *text = g_string_new(node->text);

		g_string_replace(text, "user = \"\";", "user = \"\"; session-max = \"60 s\";", 1);
		g_free(node->text);
		node->text = g_string_free(text, FALSE);
	}
	start_all(world);
	world_run(world, 5 * YETT_SEC);
	links[0] = agent->node->links->pdata[0];
	links[1] = gateway->node->links->pdata[0];
	since_ns[0] = links[0]->since_ns;
	since_ns[1] = links[1]->since_ns;
	for (int i = 0; i < 3000; i++) {
		world_tell(agent, YETT_LANE_NORMAL, 2);
		events += 2;
		world_run(world, 100 * YETT_MS);
		most = server->node->peers->len > most ? server->node->peers->len : most;
	}
	CU_ASSERT(world_wait_events(server, events, 10 * YETT_SEC));
	expect_clean(server, events);
	CU_ASSERT(agent->node->sessions >= 5 && agent->node->sessions <= 8);
	/* Its own, and those that it answered. */
	CU_ASSERT(gateway->node->sessions >= 10 && gateway->node->sessions <= 16);
	CU_ASSERT_EQUAL(most, 2);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(links[i]->state, YETT_UPSTREAM_UP);
		CU_ASSERT_EQUAL(links[i]->since_ns, since_ns[i]);
	}
	CU_ASSERT_EQUAL(yett_metrics_get(agent->node->metrics, YETT_COUNT_RESENT), 0);
	CU_ASSERT_EQUAL(yett_metrics_get(gateway->node->metrics, YETT_COUNT_RESENT), 0);
	CU_ASSERT_EQUAL(yett_metrics_get(server->node->metrics, YETT_COUNT_DUPLICATE), 0);
	world_run(world, 30 * YETT_SEC);
	CU_ASSERT(server->node->peers->len <= 2);
	world_free(world);
}

/* What a node's file says of its id is one, or the node does not start: zero stands for no node. */
static void starts_as_somebody(void)
{
	static const struct {
		const char *text;
		int want;
	} table[] = {
		{"7f3c2d1e-0000-4000-8000-000000000002\n", 0},
		{"00000000-0000-0000-0000-000000000000\n", YETT_ECORRUPT},
		{"7f3c2d1e\n", YETT_ECORRUPT},
		{"", YETT_ECORRUPT},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct world *world = world_new(14);
		struct world_node *agent = add_agent(world, "agent.example", "ms.example");
		struct sim_process *process = sim_process_new(agent->disk, agent->name);

		CU_ASSERT_EQUAL(yett_saved_write(&process->files, "/agent.example/state", "node-id",
					table[i].text, strlen(table[i].text), NULL),
			0);
		sim_process_free(process);
		CU_ASSERT_EQUAL(world_try_start(agent), table[i].want);
		world_free(world);
	}
}

static void cut_both(struct world *world, const char *name, bool cut)
{
	sim_cut(world->sim, name, "ms.example", cut);
	sim_cut(world->sim, "ms.example", name, cut);
}

/* Two gateways that are each other's backup: what one told of itself went to the other, whose way up is
 * cut then; its own comes back first, and so do its records, through it. */
static void takes_its_own_back(void)
{
	static const char format[] = "listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy "
				     "= [ \"g*.example\" ]; } );\n"
				     "upstreams = ( { name = \"ms.example\"; address = \"%s\"; },\n"
				     "  { name = \"%s\"; address = \"%s\"; priority = 1; } );";
	struct world *world = world_new(16);
	struct world_node *server = add_server(world, "\"**\"", "\"g*.example\""), *left, *right;

	left = world_add(world, "g1.example", format, world_address("g1.example"),
		world_address("ms.example"), "g2.example", world_address("g2.example"));
	right = world_add(world, "g2.example", format, world_address("g2.example"),
		world_address("ms.example"), "g1.example", world_address("g1.example"));
	start_all(world);
	world_run(world, 5 * YETT_SEC);
	cut_both(world, "g1.example", true);
	world_run(world, 40 * YETT_SEC); /* the other is the way now */
	world_tell(left, YETT_LANE_NORMAL, 5);
	sim_cut(world->sim, "g2.example", "ms.example", true);
	world_run(world, 40 * YETT_SEC);
	cut_both(world, "g2.example", true);
	CU_ASSERT(world_queued(right) > 0);
	cut_both(world, "g1.example", false);
	CU_ASSERT(world_wait_events(server, 5, 60 * YETT_SEC));
	expect_clean(server, 5);
	world_free(world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"relays and settles", relays_and_settles},
		{"admits nobody by default", admits_nobody_by_default},
		{"refuses origins that were not granted", refuses_origins_that_were_not_granted},
		{"chains three gateways", chains_three_gateways},
		{"goes in no circle", goes_in_no_circle},
		{"survives restarts of each", survives_restarts_of_each},
		{"goes on after cuts", goes_on_after_cuts},
		{"a volatile queue takes no custody", volatile_queue_takes_no_custody},
		{"a volatile queue tells what it lost", volatile_queue_tells_what_it_lost},
		{"a volatile queue may be wrong about a loss",
			volatile_queue_may_be_wrong_about_a_loss},
		{"turns round robin", turns_round_robin},
		{"holds no more sessions than wanted", holds_no_more_sessions_than_wanted},
		{"drops the oldest only by name", drops_the_oldest_only_by_name},
		{"pushes back when full", pushes_back_when_full},
		{"shares what is scarce", shares_what_is_scarce},
		{"starts as somebody", starts_as_somebody},
		{"renews sessions without a gap", renews_sessions_without_a_gap},
		{"takes its own back", takes_its_own_back},
		CU_TEST_INFO_NULL,
	};
	int result;

	result = suite_run(argc, argv, "flow", tests);
	return yett_buffer_alive() == 0 ? result : EXIT_FAILURE;
}
