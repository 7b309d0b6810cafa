/* Sessions that end while the flow is at work with them, in the simulated world: a peer that does not read what
 * it is told decides when that is. And what else whoever connects decides. */
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "flow/flight.h"
#include "flow/stages.h"
#include "simulation/world.h"
#include "suite.h"

static struct world_node *add_server(struct world *world, const char *name)
{
	return world_add(world, name,
		"group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"store = { module = \"store-sqlite\"; };",
		world_address(name));
}

static struct yett_link *link_of(const struct world_node *node, unsigned place)
{
	return node->node->links->pdata[place];
}

/* So much that it does not read that nothing more fits: whatever it is told next ends the session. */
static void fill(struct yett_peer *peer)
{
	size_t before, each;

	while (!peer->blocked) {
		for (int i = 0; i < 1000; i++) {
			yett_wire_ping(peer->wire, 0);
		}
		yett_peer_flush(peer);
	}
	before = yett_wire_control_unsent(peer->wire);
	yett_wire_ping(peer->wire, 0);
	each = yett_wire_control_unsent(peer->wire) - before;
	while (yett_wire_control_unsent(peer->wire) + each <= YETT_WIRE_UNSENT_MAX) {
		yett_wire_ping(peer->wire, 0);
	}
	CU_ASSERT_EQUAL_FATAL(peer->state, YETT_PEER_OPEN);
}

static void ends_while_it_is_asked_for_credit(void)
{
	struct world *world = world_new(1);
	struct world_node *server = add_server(world, "ms.example");
	struct world_node *agent = world_add(world, "a.example",
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n",
		world_address("ms.example"));
	struct yett_peer *up;

	world_start(server);
	world_start(agent);
	world_run(world, 5 * YETT_SEC);
	up = yett_peer_ref(link_of(agent, 0)->peer);
	sim_loop_stall(server->loop, 2 * YETT_SEC);
	fill(up);
	world_tell(agent, 1, 3000); /* more than a lane has at first */
	for (int i = 0; i < 100 && up->state == YETT_PEER_OPEN; i++) {
		world_run(world, YETT_MS);
	}
	CU_ASSERT_EQUAL(up->state, YETT_PEER_CLOSED);
	CU_ASSERT_PTR_NOT_NULL(strstr(up->cause, "unread"));
	yett_peer_unref(up);
	CU_ASSERT(world_wait_events(server, 3000, 60 * YETT_SEC));
	world_free(world);
}

/* What the end of one session brings about ends another. */
static struct {
	void (*left)(void *arg, struct yett_peer *peer);
	struct yett_peer *of, *ends;
} chain;

static void left(void *arg, struct yett_peer *peer)
{
	struct yett_peer *ends = chain.ends;

	chain.left(arg, peer);
	if (peer == chain.of && ends != NULL) {
		chain.ends = NULL;
		yett_peer_close(ends, 0, NULL, "its connection has ended as well");
	}
}

static void ends_with_the_end_of_another(
	struct world_node *node, struct yett_peer *of, struct yett_peer *ends)
{
	chain.left = node->node->management.left;
	chain.of = of;
	chain.ends = ends;
	node->node->management.left = left;
}

static bool is_renewed(void *arg)
{
	const struct yett_link *link = arg;

	return link->retiring != NULL;
}

static bool has_ended(void *arg)
{
	(void)arg;
	return chain.ends == NULL;
}

static bool has_ticked(void *arg)
{
	const struct yett_node *node = arg;

	return node->ticked_ns == yett_now(node);
}

/* A session is renewed twice in no time, so that the first one ends while the second gives its place to the third;
 * and the second ends with it. */
static void ends_while_its_place_is_taken(void)
{
	struct world *world = world_new(2);
	struct world_node *server = add_server(world, "ms.example");
	struct world_node *agent = world_add(world, "a.example",
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n",
		world_address("ms.example"));
	const struct yett_transport_operations *transport = sim_transport.operations;
	struct yett_link *link;
	struct yett_peer *first, *second, *third;

	world_start(server);
	world_start(agent);
	world_run(world, 5 * YETT_SEC);
	link = link_of(agent, 0);
	first = yett_peer_ref(link->peer);
	CU_ASSERT_FATAL(sim_run_until(world->sim, has_ticked, agent->node, YETT_SEC));
	yett_upstream_prove(link);
	CU_ASSERT_FATAL(sim_run_until(world->sim, is_renewed, link, 200 * YETT_MS));
	CU_ASSERT_PTR_EQUAL(link->retiring, first);
	second = yett_peer_ref(link->peer);
	transport->pause(first->channel, 1); /* it does not hear that the server ends it */
	ends_with_the_end_of_another(agent, first, second);
	yett_upstream_prove(link);
	CU_ASSERT_FATAL(sim_run_until(world->sim, has_ended, NULL, 200 * YETT_MS));
	CU_ASSERT_EQUAL(first->state, YETT_PEER_CLOSED);
	CU_ASSERT_EQUAL(second->state, YETT_PEER_CLOSED);
	third = link->peer;
	CU_ASSERT_PTR_NOT_NULL_FATAL(third);
	CU_ASSERT_PTR_NOT_EQUAL(third, second); /* else it was another moment */
	CU_ASSERT_EQUAL(third->state, YETT_PEER_OPEN);
	CU_ASSERT_PTR_NULL(link->retiring);
	yett_peer_unref(first);
	yett_peer_unref(second);
	world_tell(agent, 1, 10);
	world_run(world, 5 * YETT_SEC);
	CU_ASSERT_PTR_EQUAL(link->peer, third);
	CU_ASSERT(world_wait_events(server, 10, 5 * YETT_SEC));
	world_free(world);
}

/* A standby is put to use, and does not read that it may send: nothing is kept for it. */
static void ends_while_it_is_put_to_use(void)
{
	struct world *world = world_new(3);
	struct world_node *first = add_server(world, "ms1.example");
	struct world_node *second = add_server(world, "ms2.example");
	struct world_node *agent = world_add(world, "a.example",
		"upstreams = ( { name = \"ms1.example\"; address = \"%s\"; },\n"
		"  { name = \"ms2.example\"; address = \"%s\"; priority = 1; } );\n"
		"policy = { module = \"policy-failover\"; standby = 1; };\n",
		world_address("ms1.example"), world_address("ms2.example"));
	struct yett_standby used = {.on = false};
	struct yett_id id;
	struct yett_peer *peer;
	const struct yett_known *known;
	uint64_t committed;

	world_start(first);
	world_start(agent);
	world_run(world, 5 * YETT_SEC);
	world_start(second); /* later: it was never used, and has given no credit */
	world_run(world, 60 * YETT_SEC);
	id = agent->node->id;
	peer = yett_sessions_of(second->node, &id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	CU_ASSERT(peer->standby);
	yett_peer_ref(peer);
	committed = second->node->credit_committed;
	sim_loop_stall(agent->loop, 2 * YETT_SEC);
	fill(peer);
	used.session = peer->session + 1;
	yett_admit_standby(peer, &used);
	CU_ASSERT_EQUAL(peer->state, YETT_PEER_CLOSED); /* else nothing was tried */
	CU_ASSERT_EQUAL(second->node->credit_committed, committed);
	known = yett_manage_find(second->manage, &id);
	CU_ASSERT(known == NULL || !known->live);
	yett_peer_unref(peer);
	world_free(world);
}

/* It waits for credit, reads nothing, and is given what it waits for: that ends it, once. */
static void ends_while_it_is_given_credit(void)
{
	struct world *world = world_new(4);
	struct world_node *server = add_server(world, "ms.example");
	struct world_node *agent = world_add(world, "a.example",
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n",
		world_address("ms.example"));
	struct yett_credit wants = {.granted = {0}};
	struct yett_node *node;
	struct yett_peer *peer;
	uint64_t committed;

	world_start(server);
	world_start(agent);
	world_run(world, 5 * YETT_SEC);
	node = server->node;
	peer = yett_sessions_of(node, &agent->node->id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	committed = node->credit_committed;
	node->credit_committed += node->settings->node.memory_bytes; /* there is nothing for it */
	node->credit_held[YETT_LANE_BULK]++;
	wants.wanted[YETT_LANE_BULK] = peer->credit[YETT_LANE_BULK].granted + 1;
	yett_credit_wanted(peer, &wants);
	CU_ASSERT_PTR_EQUAL(
		node->credit_waiting[YETT_LANE_BULK].head, &peer->credit[YETT_LANE_BULK].place);
	sim_loop_stall(agent->loop, 2 * YETT_SEC);
	fill(peer);
	node->credit_committed = committed;
	node->credit_held[YETT_LANE_BULK]--;
	CU_ASSERT_EQUAL(peer->references, 1); /* else nothing was tried */
	yett_credit_tick(node);
	CU_ASSERT_EQUAL(peer->state, YETT_PEER_CLOSED);
	CU_ASSERT_PTR_NULL(node->credit_waiting[YETT_LANE_BULK].head);
	CU_ASSERT_EQUAL(node->credit_committed, 0);
	world_run(world, 60 * YETT_SEC);
	world_tell(agent, YETT_LANE_NORMAL, 10);
	CU_ASSERT(world_wait_events(server, 10, 60 * YETT_SEC));
	world_free(world);
}

#define REFUSED 20000
#define ROUNDS  10000

/* It refuses batch after batch, each for a minute: what waits for its time costs nothing meanwhile. */
static void refuses_batch_after_batch(void)
{
	struct world *world = world_new(5);
	struct world_node *agent = world_add(world, "a.example",
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n",
		world_address("ms.example"));
	struct yett_batch batch = {.buffer = yett_buffer_new(1)};
	clock_t begun;

	world_start(agent);
	for (uint64_t entry = 1; entry <= REFUSED; entry++) {
		struct yett_unit *unit = yett_unit_new(1, entry, &batch, NULL, 0);

		yett_deliver_defer(agent->node, unit, 60000 + entry % 7);
	}
	yett_buffer_unref(batch.buffer);
	begun = clock();
	for (int i = 0; i < ROUNDS; i++) {
		yett_deliver(agent->node);
	}
	CU_ASSERT((double)(clock() - begun) / CLOCKS_PER_SEC < 0.5); /* it was 4 s, and more */
	world_run(world, 70 * YETT_SEC);
	world_free(world);
}

/* A stranger says when it is, before anything of it is proved. */
static void says_what_time_it_is(void)
{
	struct world *world = world_new(4);
	struct world_node *server = add_server(world, "ms.example");
	struct world_node *agent = world_add(world, "a.example",
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n",
		world_address("ms.example"));
	struct yett_hello hello = {
		.version_low = YETT_VERSION_LOW, .version_high = YETT_VERSION_HIGH};
	struct yett_peer *peer;

	world_start(server);
	world_start(agent);
	world_run(world, 5 * YETT_SEC);
	peer = yett_sessions_of(server->node, &agent->node->id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	hello.wall_ns = INT64_MIN;
	yett_authenticate_hello(peer, &hello);
	CU_ASSERT(peer->clock_offset_ns < -INT64_MAX / 3 && -peer->clock_offset_ns > 0);
	hello.wall_ns = INT64_MAX;
	yett_authenticate_hello(peer, &hello);
	CU_ASSERT(peer->clock_offset_ns > INT64_MAX / 3);
	hello.wall_ns = yett_clock_wall(server->node->clock) - 5;
	yett_authenticate_hello(peer, &hello);
	CU_ASSERT_EQUAL(peer->clock_offset_ns, -5);
	peer->state = YETT_PEER_OPEN;
	world_free(world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"ends while it is asked for credit", ends_while_it_is_asked_for_credit},
		{"ends while its place is taken", ends_while_its_place_is_taken},
		{"ends while it is put to use", ends_while_it_is_put_to_use},
		{"ends while it is given credit", ends_while_it_is_given_credit},
		{"refuses batch after batch", refuses_batch_after_batch},
		{"says what time it is", says_what_time_it_is},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "flow-sessions", tests);
}
