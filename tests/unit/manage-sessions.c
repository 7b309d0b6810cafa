/* Sessions that end while management is at work with them, in the simulated world. */
#include <stdio.h>
#include <string.h>

#include "flow/stages.h"
#include "manage-hostile.h"
#include "suite.h"

#define NODES 3 /* that a gateway speaks for, and that are gateways themselves */

static struct world_node *add_gateway(
	struct world *world, const char *name, const char *upstream, const char *proxy)
{
	return world_add(world, name,
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ %s ]; } );\n"
		"upstreams = ( { name = \"%s\"; address = \"%s\"; } );\n",
		world_address(name), proxy, upstream, world_address(upstream));
}

static struct yett_id id_of(uint8_t number)
{
	return (struct yett_id){{number, 0, 0, 0, 0, 0, 0x40, 0, 0x80}};
}

static void tell(struct world_node *gateway, struct yett_peer *peer)
{
	struct yett_attach message = {.count = NODES};
	struct yett_management calls = yett_manage_calls(gateway->manage);

	for (uint8_t i = 0; i < NODES; i++) {
		message.nodes[i] = (struct yett_attached){.id = id_of(20 + i),
			.boot = id_of(8),
			.session = 1,
			.live = true,
			.relay = true};
		snprintf(message.nodes[i].name, sizeof(message.nodes[i].name), "r%u.example", i);
	}
	calls.attach(calls.arg, peer, &message);
}

/* Both connections of a gateway are dead, and it does not know yet: what it takes from below it tells on, that
 * ends the session up, what the way up is now is told below, and that ends the session with whom it has just
 * heard, in the middle of what was said. Nothing of that counts any more. */
static void ends_while_it_is_heard(void)
{
	struct world *world = world_new(12);
	struct world_node *server = world_add(world, "ms.example",
		"group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"g*.example\" ]; "
		"} );\nstore = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	struct world_node *gateway =
		add_gateway(world, "g1.example", "ms.example", "\"g0.example\", \"r*.example\"");
	struct world_node *below = add_gateway(world, "g0.example", "g1.example", "");
	const struct yett_known *known;
	struct yett_peer *peer;
	struct yett_id id;

	world_start(server);
	world_start(gateway);
	world_start(below);
	world_run(world, 20 * YETT_SEC);
	id = below->node->id;
	peer = yett_sessions_of(gateway->node, &id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	CU_ASSERT(peer->may_proxy);
	yett_peer_ref(peer);
	sim_break(world->sim, "ms.example", "g1.example");
	sim_break(world->sim, "g0.example", "g1.example");
	tell(gateway, peer);
	CU_ASSERT_EQUAL(peer->state, YETT_PEER_CLOSED); /* else nothing was tried */
	yett_peer_unref(peer);
	for (uint8_t i = 0; i < NODES; i++) {
		struct yett_id of = id_of(20 + i);

		known = yett_manage_find(gateway->manage, &of);
		CU_ASSERT(known == NULL || !known->live);
	}
	world_run(world, 60 * YETT_SEC);
	CU_ASSERT_PTR_NOT_NULL(yett_sessions_of(gateway->node, &id));
	known = yett_manage_find(server->manage, &id);
	CU_ASSERT(known != NULL && known->live);
	world_free(world);
}

/* The same where it asks for two nodes: that the first is asked for above ends the session there, and so the
 * one with whoever asks. The other is asked for no more. */
static void ends_while_it_asks(void)
{
	struct group group = hostile_group_new(13);
	struct world_node *below = hostile_add_node(&group, "gw2.example", "gw1.example", true);
	struct yett_manage *manage = group.gateway->manage;
	struct yett_management calls = yett_manage_calls(manage);
	struct yett_admission *message = g_new0(struct yett_admission, 1);
	struct yett_peer *peer;
	uint32_t wait_ms;

	hostile_change_good(
		&group, "/v1/gateways/approve", "{\"name\": \"gw2.example\", \"ahead\": true}");
	world_start(below);
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, group.gateway, "gw2.example", true));
	world_run(group.world, 10 * YETT_SEC);
	peer = yett_peer_ref(hostile_peer_of(group.gateway, "gw2.example"));
	message->ask_count = 2;
	message->asks[0] = hostile_ask_of("n1.example", hostile_id_of(1), YETT_AS_AGENT);
	message->asks[1] = hostile_ask_of("n2.example", hostile_id_of(2), YETT_AS_AGENT);
	wait_ms = yett_ask_wait_ms(manage, 0);
	sim_break(group.world->sim, "ms.example", "gw1.example");
	sim_break(group.world->sim, "gw2.example", "gw1.example");
	calls.admission(calls.arg, peer, message);
	CU_ASSERT_EQUAL(peer->state, YETT_PEER_CLOSED);             /* else nothing was tried */
	CU_ASSERT_EQUAL(yett_ask_wait_ms(manage, 0), wait_ms + 10); /* by one that is asked for */
	yett_peer_unref(peer);
	g_free(message);
	CU_ASSERT(hostile_wait_until_in(&group, group.gateway, "gw2.example", true));
	world_free(group.world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"ends while it is heard", ends_while_it_is_heard},
		{"ends while it asks", ends_while_it_asks},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("manage-sessions", group_keys_begin, group_keys_end, tests);
	return suite_end(argc, argv);
}
