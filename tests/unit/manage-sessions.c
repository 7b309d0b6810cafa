/* Sessions that end while management is at work with them, in the simulated world. */
#include <stdio.h>
#include <string.h>

#include "flow/stages.h"
#include "manage/admission/kept.h"
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

/* A management server, a gateway, and another one behind that, which may speak for others. */
struct chain {
	struct world *world;
	struct world_node *server, *gateway, *below;
	struct yett_peer *peer; /* of the one below, at the gateway; counted */
};

static struct chain chain_new(uint64_t seed)
{
	struct chain chain = {.world = world_new(seed)};

	chain.server = world_add(chain.world, "ms.example",
		"group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"g*.example\" ]; "
		"} );\nstore = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	chain.gateway = add_gateway(
		chain.world, "g1.example", "ms.example", "\"g0.example\", \"r*.example\"");
	chain.below = add_gateway(chain.world, "g0.example", "g1.example", "");
	world_start(chain.server);
	world_start(chain.gateway);
	world_start(chain.below);
	world_run(chain.world, 20 * YETT_SEC);
	chain.peer = yett_sessions_of(chain.gateway->node, &chain.below->node->id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(chain.peer);
	CU_ASSERT(chain.peer->may_proxy);
	yett_peer_ref(chain.peer);
	return chain;
}

static void chain_free(struct chain *chain)
{
	yett_peer_unref(chain->peer);
	world_free(chain->world);
}

/* Both connections of the gateway are dead, and it does not know yet: what it tells above ends the session there,
 * what the way up is now is told below, and that ends the session there, too. */
static void chain_break(const struct chain *chain)
{
	sim_break(chain->world->sim, "ms.example", "g1.example");
	sim_break(chain->world->sim, "g0.example", "g1.example");
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

static bool is_live(const struct world_node *node, struct yett_id id)
{
	const struct yett_known *known = yett_manage_find(node->manage, &id);

	return known != NULL && known->live;
}

/* What it takes from below it tells on, and the session with whom it has just heard ends in the middle of what
 * was said. Nothing of that counts any more. */
static void ends_while_it_is_heard(void)
{
	struct chain chain = chain_new(12);
	struct yett_id id = chain.below->node->id;

	chain_break(&chain);
	tell(chain.gateway, chain.peer);
	CU_ASSERT_EQUAL(chain.peer->state, YETT_PEER_CLOSED); /* else nothing was tried */
	for (uint8_t i = 0; i < NODES; i++) {
		CU_ASSERT(!is_live(chain.gateway, id_of(20 + i)));
	}
	world_run(chain.world, 60 * YETT_SEC);
	CU_ASSERT_PTR_NOT_NULL(yett_sessions_of(chain.gateway->node, &id));
	CU_ASSERT(is_live(chain.server, id));
	chain_free(&chain);
}

/* The same where what is told on is that there are two of it. */
static void ends_while_it_joins(void)
{
	struct chain chain = chain_new(17);
	struct yett_management calls = yett_manage_calls(chain.gateway->manage);
	struct yett_id id = chain.below->node->id, one = chain.peer->boot, other = id_of(9);

	for (int i = 0; i < 4; i++) {
		if (i == 3) {
			chain_break(&chain);
		}
		CU_ASSERT_EQUAL(chain.peer->state, YETT_PEER_OPEN);
		chain.peer->boot = i % 2 == 0 ? other : one;
		calls.joined(calls.arg, chain.peer);
	}
	CU_ASSERT_EQUAL(chain.peer->state, YETT_PEER_CLOSED);
	CU_ASSERT(!is_live(chain.gateway, id));
	world_run(chain.world, 60 * YETT_SEC);
	CU_ASSERT(is_live(chain.gateway, id));
	chain_free(&chain);
}

/* And where that is said of another one, whose own session ends as well. */
static void ends_while_it_says_that_there_are_two(void)
{
	struct chain chain = chain_new(18);
	struct world_node *agent = world_add(chain.world, "a1.example",
		"upstreams = ( { name = \"g1.example\"; address = \"%s\"; } );\n",
		world_address("g1.example"));
	struct yett_management calls = yett_manage_calls(chain.gateway->manage);
	struct yett_attach message = {.count = 1};
	struct yett_known *known;
	struct yett_id id;

	world_start(agent);
	world_run(chain.world, 5 * YETT_SEC);
	id = agent->node->id;
	CU_ASSERT(is_live(chain.gateway, id));
	for (unsigned i = 0; i < 4; i++) {
		if (i == 3) {
			chain_break(&chain);
			sim_break(chain.world->sim, "a1.example", "g1.example");
		}
		CU_ASSERT_EQUAL(chain.peer->state, YETT_PEER_OPEN);
		message.nodes[0] = (struct yett_attached){.id = id,
			.boot = i % 2 == 0 ? id_of(9) : agent->node->boot,
			.session = 1000 + i,
			.live = true,
			.name = "a1.example"};
		calls.attach(calls.arg, chain.peer, &message);
	}
	CU_ASSERT_EQUAL(chain.peer->state, YETT_PEER_CLOSED);
	CU_ASSERT_PTR_NULL(yett_sessions_of(chain.gateway->node, &id));
	known = (struct yett_known *)(uintptr_t)yett_manage_find(chain.gateway->manage, &id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(known);
	CU_ASSERT(!known->live);
	CU_ASSERT_PTR_NULL(yett_known_newest_way(known, NULL));
	world_run(chain.world, 60 * YETT_SEC);
	CU_ASSERT(is_live(chain.gateway, id));
	chain_free(&chain);
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

/* One below says what it is like, much more often than anybody reads it above. */
static void talk(const struct chain *chain)
{
	struct yett_management calls = yett_manage_calls(chain->gateway->manage);
	struct yett_applied message = {.node = chain->peer->id,
		.generation = 1,
		.revision = 1,
		.state = YETT_APPLIED_DONE};

	memset(message.why, 'x', 100);
	sim_loop_stall(chain->server->loop, 3 * YETT_SEC);
	for (int i = 0; i < 20000; i++) {
		calls.applied(calls.arg, chain->peer, &message);
	}
}

/* Whatever is said below, and however often: an upstream that reads slowly is told no more of it than it can
 * read, and the session with it stays, which others need. */
static void what_is_said_below_does_not_end_the_way_up(void)
{
	struct chain chain = chain_new(14);
	const struct yett_link *link = chain.gateway->node->links->pdata[0];
	struct yett_peer *up = yett_peer_ref(link->peer);

	talk(&chain);
	CU_ASSERT(up->blocked); /* else nothing was tried */
	CU_ASSERT_EQUAL(up->state, YETT_PEER_OPEN);
	world_run(chain.world, 60 * YETT_SEC);
	CU_ASSERT_PTR_EQUAL(link->peer, up);
	CU_ASSERT_EQUAL(up->state, YETT_PEER_OPEN);
	yett_peer_unref(up);
	chain_free(&chain);
}

#define MANY 200

static void tell_of_many(const struct chain *chain, uint64_t session, bool here)
{
	struct yett_management calls = yett_manage_calls(chain->gateway->manage);
	struct yett_attach *message = g_new0(struct yett_attach, 1);
	struct yett_detach *gone = g_new0(struct yett_detach, 1);

	message->count = gone->count = MANY;
	for (uint8_t i = 0; i < MANY; i++) {
		message->nodes[i] = (struct yett_attached){
			.id = id_of(i + 1), .boot = id_of(255), .session = session, .live = true};
		snprintf(message->nodes[i].name, sizeof(message->nodes[i].name), "n%u.example", i);
		gone->ids[i] = id_of(i + 1);
	}
	if (here) {
		calls.attach(calls.arg, chain->peer, message);
	} else {
		calls.detach(calls.arg, chain->peer, gone);
	}
	g_free(message);
	g_free(gone);
}

static unsigned live_of_many(const struct chain *chain)
{
	unsigned live = 0;

	for (uint8_t i = 0; i < MANY; i++) {
		live += is_live(chain->server, id_of(i + 1));
	}
	return live;
}

/* The same of nodes that come and go; in the end it hears how it is, also of one that it would not hear of if it
 * came. */
static void nor_does_who_comes_and_goes(void)
{
	struct chain chain = chain_new(15);
	const struct yett_link *link = chain.gateway->node->links->pdata[0];
	struct yett_peer *up = yett_peer_ref(link->peer);
	struct yett_id barred = id_of(1);

	tell_of_many(&chain, 1, true);
	world_run(chain.world, 5 * YETT_SEC);
	CU_ASSERT_EQUAL(live_of_many(&chain), MANY);
	/* A gateway, as the server knows it, that this one may not speak for. */
	((struct yett_known *)(uintptr_t)yett_manage_find(chain.server->manage, &barred))->relay =
		true;
	talk(&chain); /* nothing of what follows is read before its end */
	CU_ASSERT(up->blocked);
	for (uint64_t session = 2; session < 600; session++) {
		tell_of_many(&chain, session, false);
		tell_of_many(&chain, session, true);
	}
	CU_ASSERT_EQUAL(up->state, YETT_PEER_OPEN);
	tell_of_many(&chain, 0, false);
	world_run(chain.world, 20 * YETT_SEC);
	CU_ASSERT_PTR_EQUAL(link->peer, up);
	CU_ASSERT_EQUAL(up->state, YETT_PEER_OPEN);
	CU_ASSERT_EQUAL(live_of_many(&chain), 0);
	yett_peer_unref(up);
	chain_free(&chain);
}

static void age(struct yett_kept *kept, const char *name)
{
	struct yett_kept_one *one = (struct yett_kept_one *)(uintptr_t)yett_kept_find(kept, name);

	CU_ASSERT_PTR_NOT_NULL_FATAL(one);
	one->decision.issued_s = yett_kept_now_s(kept) - 1000;
	one->decision.expires_s = yett_kept_now_s(kept) + 10;
}

/* The decisions on two are near their end, and the way up is dead: that the first is asked for shows it, and the
 * other is not passed over for that. */
static void nobody_is_passed_over(void)
{
	static const char *const names[] = {"a1.example", "a2.example"};
	struct group group = hostile_group_new(19);
	struct yett_manage *manage = group.gateway->manage;
	uint32_t wait_ms;

	hostile_change_good(&group, "/v1/agents/approve",
		"{\"names\": [\"a1.example\", \"a2.example\"], \"ahead\": true}");
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		world_start(hostile_add_node(&group, names[i], "gw1.example", false));
		CU_ASSERT_FATAL(hostile_wait_until_in(&group, group.gateway, names[i], true));
	}
	world_run(group.world, 10 * YETT_SEC);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		age(manage->kept, names[i]);
	}
	wait_ms = yett_ask_wait_ms(manage, 0);
	sim_break(group.world->sim, "ms.example", "gw1.example");
	yett_gate_tick(manage, yett_now(group.gateway->node) + 60 * YETT_SEC);
	CU_ASSERT(!hostile_is_in(group.gateway, "ms.example")); /* else nothing was tried */
	CU_ASSERT(hostile_is_in(group.gateway, names[0]));
	CU_ASSERT_EQUAL(yett_ask_wait_ms(manage, 0), wait_ms + 20);
	world_run(group.world, 5 * YETT_SEC);
	world_free(group.world);
}

static unsigned answers; /* that have come to the gateway */

static void count_answers(void *arg, struct yett_peer *peer, const struct yett_admission *message)
{
	(void)arg;
	(void)peer;
	answers += message->signed_count;
}

/* An approved gateway that asks and asks, and reads no answer: what waits for it is bounded, and so is what it is
 * told of its own accord. */
static void who_asks_and_does_not_read_is_not_heard(void)
{
	struct group group = hostile_group_new(16);
	struct yett_management calls = yett_manage_calls(group.server->manage);
	struct yett_admission *message = g_new0(struct yett_admission, 1);
	struct yett_peer *peer = hostile_peer_of(group.server, "gw1.example");

	hostile_change_good(
		&group, "/v1/agents/approve", "{\"names\": [\"a1.example\"], \"ahead\": true}");
	yett_peer_ref(peer);
	for (; message->ask_count < 10; message->ask_count++) {
		message->asks[message->ask_count] =
			hostile_ask_of("a1.example", hostile_id_of(1), YETT_AS_AGENT);
	}
	group.gateway->node->management.admission = count_answers;
	sim_loop_stall(group.gateway->loop, 62 * YETT_SEC);
	for (int i = 0; i < 600; i++) {
		peer->heard_ns = yett_now(group.server->node); /* it asks, after all */
		calls.admission(calls.arg, peer, message);
		world_run(group.world, 100 * YETT_MS);
	}
	CU_ASSERT(peer->blocked); /* else nothing was tried */
	CU_ASSERT_EQUAL(peer->state, YETT_PEER_OPEN);
	for (int i = 0; i < 5000; i++) {
		yett_ask_tell(group.server->manage, "a1.example", true);
	}
	answers = 0;
	world_run(group.world, 20 * YETT_SEC);
	CU_ASSERT(answers > 256);
	CU_ASSERT(answers < 3000); /* of 11,000: what is under way, and 256 */
	yett_peer_unref(peer);
	g_free(message);
	world_free(group.world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"ends while it is heard", ends_while_it_is_heard},
		{"ends while it joins", ends_while_it_joins},
		{"ends while it says that there are two", ends_while_it_says_that_there_are_two},
		{"ends while it asks", ends_while_it_asks},
		{"nobody is passed over", nobody_is_passed_over},
		{"what is said below does not end the way up",
			what_is_said_below_does_not_end_the_way_up},
		{"nor does who comes and goes", nor_does_who_comes_and_goes},
		{"who asks and does not read is not heard",
			who_asks_and_does_not_read_is_not_heard},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("manage-sessions", group_keys_begin, group_keys_end, tests);
	return suite_end(argc, argv);
}
