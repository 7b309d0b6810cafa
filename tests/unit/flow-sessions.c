/* Sessions that end while the flow is at work with them, in the simulated world: a peer that does not read what
 * it is told decides when that is. */
#include <string.h>

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

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"ends while it is asked for credit", ends_while_it_is_asked_for_credit},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "flow-sessions", tests);
}
