/* Whose a node id is: what nodes that claim the id of another one, and gateways that tell of one by another
 * name, do not get by that. In the simulated world, with nodes of production code: see manage-hostile.h. */
#include <string.h>

#include "base/id.h"
#include "flow/stages.h"
#include "manage-hostile.h"
#include "manage/admission/court.h"
#include "suite.h"

/* A node that has that id, however it came by it. */
static struct world_node *start_with(
	struct group *group, const char *name, const char *upstream, struct yett_id id)
{
	struct world_node *node = hostile_add_node(group, name, upstream, false);

	world_start(node);
	node->node->id = id;
	return node;
}

/* A node has been here, and is gone. Its id. */
static struct yett_id been_here(struct group *group, const char *name, struct world_node *upstream)
{
	struct world_node *node = hostile_add_node(group, name, upstream->name, false);
	struct yett_id id;

	world_start(node);
	CU_ASSERT_FATAL(hostile_wait_until_in(group, upstream, name, true));
	id = node->node->id;
	world_run(group->world, 2 * YETT_SEC);
	world_kill(node);
	CU_ASSERT_FATAL(hostile_wait_until_in(group, upstream, name, false));
	return id;
}

static void an_id_is_that_of_the_name_that_had_it_first(void)
{
	struct group group = hostile_group_new(21);
	struct yett_id id = been_here(&group, "l1.example", group.server);

	start_with(&group, "l2.example", "ms.example", id);
	CU_ASSERT(!hostile_wait_until_in(&group, group.server, "l2.example", true));
	CU_ASSERT_STRING_EQUAL(hostile_name_of(&group, id), "l1.example");
	/* Nor after a restart. */
	world_kill(group.server);
	world_start(group.server);
	group_sign(group.server);
	CU_ASSERT(!hostile_wait_until_in(&group, group.server, "l2.example", true));
	CU_ASSERT_STRING_EQUAL(hostile_name_of(&group, id), "l1.example");
	/* Until that one is forgotten. */
	hostile_change_good(
		&group, "/v1/nodes/forget", "{\"name\": \"l1.example\", \"force\": true}");
	hostile_wait_until_in(&group, group.server, "l2.example", true);
	CU_ASSERT(hostile_wait_until_in(&group, group.server, "l2.example", true));
	CU_ASSERT_STRING_EQUAL(hostile_name_of(&group, id), "l2.example");
	world_free(group.world);
}

static void whoever_is_listed_and_renamed_waits_to_be_approved(void)
{
	struct group group = hostile_group_new(22);
	struct yett_id id = been_here(&group, "l1.example", group.server);

	start_with(&group, "l2.example", "ms.example", id);
	CU_ASSERT(!hostile_wait_until_in(&group, group.server, "l2.example", true));
	CU_ASSERT_EQUAL(hostile_documents(&group, "pending", "l2.example"), 1);
	hostile_change_good(&group, "/v1/agents/approve", "{\"names\": [\"l2.example\"]}");
	hostile_wait_until_in(&group, group.server, "l2.example", true);
	CU_ASSERT(hostile_wait_until_in(&group, group.server, "l2.example", true));
	CU_ASSERT_STRING_EQUAL(hostile_name_of(&group, id), "l2.example");
	world_free(group.world);
}

/* Neither a rule nor the setting nor an approval of the name gives it the id of another node. */
static void only_somebody_who_decides_gives_an_id_to_another_name(void)
{
	struct group group = hostile_group_new(23);
	struct yett_id id = been_here(&group, "l1.example", group.server);
	struct yett_id own = group.server->node->id;

	hostile_change_good(&group, "/v1/group/set", "{\"manual_agents\": \"approve\"}");
	hostile_change_good(
		&group, "/v1/agents/approve", "{\"names\": [\"b2.example\"], \"ahead\": true}");
	for (int i = 0; i < 2; i++) {
		CU_ASSERT(!hostile_knock(&group, "b1.example", id));
		CU_ASSERT(!hostile_knock(&group, "b2.example", id));
		CU_ASSERT(!hostile_knock(&group, "b3.example", own));
		world_run(group.world, YETT_SEC);
	}
	CU_ASSERT_EQUAL(hostile_documents(&group, "agents", "b1.example"), 0);
	CU_ASSERT_EQUAL(hostile_documents(&group, "agents", "b3.example"), 0);
	CU_ASSERT_EQUAL(hostile_documents(&group, "pending", "b1.example"), 1);
	CU_ASSERT_EQUAL(hostile_documents(&group, "pending", "b2.example"), 1);
	hostile_change_good(&group, "/v1/agents/approve", "{\"names\": [\"b2.example\"]}");
	CU_ASSERT(hostile_knock(&group, "b2.example", id));
	CU_ASSERT(!hostile_knock(&group, "b1.example", id));
	world_free(group.world);
}

static void who_is_barred_is_not_made_good_by_another_name(void)
{
	struct group group = hostile_group_new(24);
	struct yett_id id = hostile_id_of(1);

	hostile_change_good(&group, "/v1/group/set", "{\"manual_agents\": \"approve\"}");
	hostile_tell(&group, "a1.example", id);
	hostile_change_good(&group, "/v1/nodes/revoke", "{\"name\": \"a1.example\"}");
	CU_ASSERT(hostile_is_barred(&group, id));
	start_with(&group, "l1.example", "ms.example", id);
	start_with(&group, "b1.example", "gw1.example", id);
	CU_ASSERT(!hostile_wait_until_in(&group, group.server, "l1.example", true));
	CU_ASSERT(!hostile_is_in(group.gateway, "b1.example"));
	CU_ASSERT(hostile_is_barred(&group, id));
	CU_ASSERT_STRING_EQUAL(hostile_name_of(&group, id), "a1.example");
	world_free(group.world);
}

static void what_a_node_has_proved_a_gateway_does_not_change(void)
{
	struct group group = hostile_group_new(25);
	struct yett_management calls = yett_manage_calls(group.server->manage);
	struct yett_id id = been_here(&group, "l1.example", group.server);

	hostile_tell(&group, "mine.example", id);
	CU_ASSERT_STRING_EQUAL(hostile_name_of(&group, id), "l1.example");
	CU_ASSERT(calls.granted(calls.arg, &group.gateway->node->id, &id)); /* its data may come */
	world_kill(group.server);
	world_start(group.server);
	group_sign(group.server);
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, group.server, "gw1.example", true));
	hostile_tell(&group, "mine.example", id);
	CU_ASSERT_STRING_EQUAL(hostile_name_of(&group, id), "l1.example");
	world_free(group.world);
}

static void a_gateway_keeps_an_id_for_its_name(void)
{
	struct group group = hostile_group_new(26);
	struct world_node *listed = hostile_add_node(&group, "l9.example", "ms.example", true);
	struct yett_id id;

	world_start(listed);
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, group.server, "l9.example", true));
	id = been_here(&group, "x1.example", listed);
	start_with(&group, "x2.example", "l9.example", id);
	CU_ASSERT(!hostile_wait_until_in(&group, listed, "x2.example", true));
	/* By what the group has decided: a person's word lets it in. */
	hostile_change_good(&group, "/v1/group/set", "{\"manual_agents\": \"approve\"}");
	id = been_here(&group, "a1.example", group.gateway);
	start_with(&group, "a2.example", "gw1.example", id);
	CU_ASSERT(!hostile_wait_until_in(&group, group.gateway, "a2.example", true));
	hostile_change_good(&group, "/v1/agents/approve", "{\"names\": [\"a2.example\"]}");
	CU_ASSERT(hostile_wait_until_in(&group, group.gateway, "a2.example", true));
	world_free(group.world);
}

/* Who has the id of a node above would fill the queue with what nobody up there takes. Also while the way up
 * is cut. */
static void nobody_below_has_the_id_of_a_node_above(void)
{
	struct group group = hostile_group_new(27);
	struct world_node *upper = hostile_add_node(&group, "l9.example", "ms.example", true);
	struct world_node *lower = hostile_add_node(&group, "l8.example", "l9.example", true);
	const struct yett_id *server = &group.server->node->id;

	world_start(upper);
	world_start(lower);
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, upper, "l8.example", true));
	world_run(group.world, 5 * YETT_SEC);
	start_with(&group, "x1.example", "l9.example", *server);
	start_with(&group, "x2.example", "l8.example", *server);
	start_with(&group, "x3.example", "l8.example", upper->node->id);
	CU_ASSERT(!hostile_wait_until_in(&group, upper, "x1.example", true));
	CU_ASSERT(!hostile_is_in(lower, "x2.example"));
	CU_ASSERT(!hostile_is_in(lower, "x3.example"));
	sim_cut(group.world->sim, "ms.example", "l9.example", true);
	sim_cut(group.world->sim, "l9.example", "ms.example", true);
	sim_break(group.world->sim, "ms.example", "l9.example");
	CU_ASSERT(!hostile_wait_until_in(&group, upper, "x1.example", true));
	CU_ASSERT(!hostile_is_in(lower, "x2.example"));
	CU_ASSERT(!hostile_is_in(lower, "x3.example"));
	world_free(group.world);
}

/* A chain of three: who is in the way that an upstream tells is named in it by its id alone. */
static void nor_of_one_between_unless_it_may_be_there(void)
{
	struct group group = hostile_group_new(28);
	struct world_node *nodes[3];
	char listed[] = "l7.example", above[] = "ms.example";
	struct yett_id id;

	for (size_t i = 0; i < G_N_ELEMENTS(nodes); i++) {
		nodes[i] = hostile_add_node(&group, listed, above, true);
		world_start(nodes[i]);
		g_strlcpy(above, listed, sizeof(above));
		listed[1]--;
	}
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, nodes[1], "l5.example", true));
	world_run(group.world, 5 * YETT_SEC);
	id = nodes[0]->node->id;
	start_with(&group, "x1.example", "l5.example", id);
	CU_ASSERT(!hostile_wait_until_in(&group, nodes[2], "x1.example", true));
	/* Where gateways are each other's backup all around, it is below as well. */
	CU_ASSERT_PTR_NOT_NULL(yett_path_above(nodes[2]->node, &id, "l7.example", false));
	CU_ASSERT_PTR_NULL(yett_path_above(nodes[2]->node, &id, "l7.example", true));
	CU_ASSERT_PTR_NULL(
		yett_path_above(nodes[2]->node, &nodes[1]->node->id, "l6.example", false));
	CU_ASSERT_PTR_NOT_NULL(
		yett_path_above(nodes[2]->node, &group.server->node->id, "l7.example", true));
	world_free(group.world);
}

/* A gateway that lets in by its list alone, below a server that may decide otherwise. */
static struct group listed_gateway(uint64_t seed)
{
	struct group group = {.world = world_new(seed)};

	group.server = world_add(group.world, "ms.example",
		GROUP_CONF "listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ "
			   "\"g1.example\" ]; } "
			   ");\n"
			   "store = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	group.gateway = hostile_add_node(&group, "g1.example", "ms.example", true);
	world_start(group.server);
	group_sign(group.server);
	world_start(group.gateway);
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, group.server, "g1.example", true));
	return group;
}

/* What waits in the gateway's queue is gone, in time. */
static bool has_emptied(struct group *group)
{
	for (int i = 0; i < 100 && world_queued(group->gateway) > 0; i++) {
		world_run(group->world, YETT_SEC);
	}
	return world_queued(group->gateway) == 0;
}

static void a_gateway_that_nobody_has_approved_is_a_node(void)
{
	struct group group = listed_gateway(29);
	struct world_node *relay = hostile_add_node(&group, "r1.example", "g1.example", true);
	struct world_node *behind = hostile_add_node(&group, "x1.example", "r1.example", false);
	const struct yett_known *known;

	world_start(relay);
	world_start(behind);
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, group.gateway, "r1.example", true));
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, relay, "x1.example", true));
	world_run(group.world, 5 * YETT_SEC);
	world_tell(relay, YETT_LANE_NORMAL, 5);
	CU_ASSERT(world_wait_events(group.server, 5, 100 * YETT_SEC));
	CU_ASSERT(has_emptied(&group));
	known = yett_manage_find(group.server->manage, &relay->node->id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(known);
	CU_ASSERT_FALSE(known->relay);
	/* It speaks for nobody. */
	CU_ASSERT_PTR_NULL(yett_manage_find(group.server->manage, &behind->node->id));
	/* What it was is not for good. */
	hostile_change_good(
		&group, "/v1/gateways/approve", "{\"name\": \"r1.example\", \"ahead\": true}");
	world_kill(relay);
	world_start(relay);
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, group.gateway, "r1.example", true));
	world_run(group.world, 5 * YETT_SEC);
	CU_ASSERT(known->relay);
	world_free(group.world);
}

static void what_a_gateway_has_of_who_is_barred_is_declared_lost(void)
{
	struct group group = listed_gateway(30);
	struct world_node *barred = hostile_add_node(&group, "b1.example", "g1.example", false);
	const struct yett_known *known;

	hostile_change_good(
		&group, "/v1/nodes/revoke", "{\"name\": \"b1.example\", \"ahead\": true}");
	world_start(barred);
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, group.gateway, "b1.example", true));
	world_run(group.world, 5 * YETT_SEC);
	world_tell(barred, YETT_LANE_NORMAL, 5);
	world_run(group.world, 5 * YETT_SEC);
	CU_ASSERT(has_emptied(&group));
	CU_ASSERT(world_account(group.server).declared >= 5);
	known = yett_manage_find(group.server->manage, &barred->node->id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(known);
	CU_ASSERT_FALSE(known->live);
	CU_ASSERT(hostile_is_barred(&group, barred->node->id));
	world_free(group.world);
}

static void ask_by(struct group *group, const char *name, uint8_t number, uint32_t as)
{
	struct yett_admission_ask ask = hostile_ask_of(name, hostile_id_of(number), as);
	GByteArray *bytes = g_byte_array_new();

	g_strlcpy(ask.via, "gw1.example", sizeof(ask.via));
	yett_court_answer(group->server->manage->court, &ask, bytes);
	g_byte_array_unref(bytes);
	world_run(group->world, YETT_SEC);
}

static bool bound(const struct group *group, const char *name, uint8_t number, const char *hearsay)
{
	bool gateway;
	const struct yett_paper *paper =
		yett_court_decision(group->server->manage->court, name, &gateway);
	struct yett_id id = hostile_id_of(number);
	char text[YETT_ID_TEXT_SIZE];

	return strcmp(yett_paper_text(paper, "id"), yett_id_text(&id, text)) == 0 &&
	       strcmp(yett_paper_text(paper, YETT_HEARSAY), hearsay) == 0;
}

static bool knock_as(struct group *group, const char *name, uint8_t number, uint32_t as)
{
	const struct yett_admission_ask ask = hostile_ask_of(name, hostile_id_of(number), as);
	struct yett_judgement judgement = {.admitted = false};

	yett_court_judge(group->server->manage->court, &ask, true, &judgement);
	world_run(group->world, YETT_SEC);
	return judgement.admitted && judgement.proxy == (as == YETT_AS_GATEWAY);
}

/* A gateway asks for a name that is approved ahead, with an id of its own. */
static void what_a_gateway_has_told_gives_way_to_the_node_itself(void)
{
	static const char *const names[] = {"gw2.example", "a2.example", "r2.example"};
	struct group group = hostile_group_new(31);

	hostile_change_good(
		&group, "/v1/gateways/approve", "{\"name\": \"gw2.example\", \"ahead\": true}");
	hostile_change_good(
		&group, "/v1/agents/approve", "{\"names\": [\"a2.example\"], \"ahead\": true}");
	hostile_change_good(&group, "/v1/group/rules/add", "{\"name\": \"r*.example\"}");
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		uint32_t as = i == 0 ? YETT_AS_GATEWAY : YETT_AS_AGENT;
		uint8_t told = (uint8_t)(10 * i + 1), own = told + 1, other = told + 2;

		ask_by(&group, names[i], told, as);
		CU_ASSERT(bound(&group, names[i], told, "gw1.example"));
		ask_by(&group, names[i], other, as); /* not by another word of a gateway */
		CU_ASSERT(bound(&group, names[i], told, "gw1.example"));
		CU_ASSERT(!knock_as(&group, names[i], own, as)); /* until it is written */
		CU_ASSERT(bound(&group, names[i], own, ""));
		CU_ASSERT(knock_as(&group, names[i], own, as));
		/* That stands, as that of whoever came here first. */
		CU_ASSERT(!knock_as(&group, names[i], other, as));
		ask_by(&group, names[i], told, as);
		CU_ASSERT(bound(&group, names[i], own, ""));
	}
	world_free(group.world);
}

static void what_the_node_itself_or_somebody_says_of_an_id_stands(void)
{
	struct group group = hostile_group_new(32);

	hostile_change_good(&group, "/v1/agents/approve",
		"{\"names\": [\"a1.example\", \"a2.example\"], \"ahead\": true}");
	ask_by(&group, "a1.example", 1, YETT_AS_AGENT);
	ask_by(&group, "a2.example", 11, YETT_AS_AGENT);
	CU_ASSERT(
		knock_as(&group, "a1.example", 1, YETT_AS_AGENT)); /* the gateway told the truth */
	CU_ASSERT(bound(&group, "a1.example", 1, ""));
	CU_ASSERT(!knock_as(&group, "a1.example", 2, YETT_AS_AGENT));
	CU_ASSERT(bound(&group, "a1.example", 1, ""));
	ask_by(&group, "a2.example", 12, YETT_AS_AGENT);
	hostile_change_good(&group, "/v1/agents/approve", "{\"names\": [\"a2.example\"]}");
	CU_ASSERT(bound(&group, "a2.example", 12, ""));
	CU_ASSERT(!knock_as(&group, "a2.example", 13, YETT_AS_AGENT));
	CU_ASSERT(bound(&group, "a2.example", 12, ""));
	world_free(group.world);
}

/* A list lets in a name: whoever has its key may not fill the registry, nor use up what its gateway may be
 * granted. */
static void a_name_has_so_many_ids_and_no_more(void)
{
	struct group group = listed_gateway(33);
	struct world_node *many = hostile_add_node(&group, "x1.example", "g1.example", false);
	struct world_node *good = hostile_add_node(&group, "x2.example", "g1.example", false);
	unsigned in = 0;

	group.server->manage->grants_max = 10;
	for (uint8_t i = 0; i < 12; i++) {
		world_start(many);
		many->node->id = hostile_id_of(100 + i);
		world_run(group.world, 5 * YETT_SEC);
		in += hostile_is_in(group.gateway, "x1.example");
		world_kill(many);
		CU_ASSERT_FATAL(hostile_wait_until_in(&group, group.gateway, "x1.example", false));
	}
	CU_ASSERT_EQUAL(in, 8);
	world_start(good);
	CU_ASSERT(hostile_wait_until_in(&group, group.gateway, "x2.example", true));
	world_run(group.world, 5 * YETT_SEC);
	world_tell(good, YETT_LANE_NORMAL, 5);
	CU_ASSERT(world_wait_events(group.server, 5, 100 * YETT_SEC));
	CU_ASSERT(has_emptied(&group));
	/* One that was here comes in, however many others were. */
	world_start(many);
	many->node->id = hostile_id_of(100);
	CU_ASSERT(hostile_wait_until_in(&group, group.gateway, "x1.example", true));
	world_free(group.world);
}

static void a_server_that_is_full_lets_in_nobody_new(void)
{
	struct group group = listed_gateway(34);
	struct yett_id id = been_here(&group, "x1.example", group.server);
	struct world_node *other;

	group.server->manage->known_max = g_hash_table_size(group.server->manage->known);
	other = hostile_add_node(&group, "x2.example", "ms.example", false);
	world_start(other);
	CU_ASSERT(!hostile_wait_until_in(&group, group.server, "x2.example", true));
	CU_ASSERT_PTR_NULL(yett_manage_find(group.server->manage, &other->node->id));
	hostile_change_good(
		&group, "/v1/nodes/forget", "{\"name\": \"x1.example\", \"force\": true}");
	CU_ASSERT_PTR_NULL(yett_manage_find(group.server->manage, &id));
	hostile_wait_until_in(&group, group.server, "x2.example", true);
	CU_ASSERT(hostile_wait_until_in(&group, group.server, "x2.example", true));
	world_free(group.world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"an id is that of the name that had it first",
			an_id_is_that_of_the_name_that_had_it_first},
		{"whoever is listed and renamed waits to be approved",
			whoever_is_listed_and_renamed_waits_to_be_approved},
		{"only somebody who decides gives an id to another name",
			only_somebody_who_decides_gives_an_id_to_another_name},
		{"who is barred is not made good by another name",
			who_is_barred_is_not_made_good_by_another_name},
		{"what a node has proved a gateway does not change",
			what_a_node_has_proved_a_gateway_does_not_change},
		{"a gateway keeps an id for its name", a_gateway_keeps_an_id_for_its_name},
		{"nobody below has the id of a node above",
			nobody_below_has_the_id_of_a_node_above},
		{"nor of one between, unless it may be there",
			nor_of_one_between_unless_it_may_be_there},
		{"a gateway that nobody has approved is a node",
			a_gateway_that_nobody_has_approved_is_a_node},
		{"what a gateway has of who is barred is declared lost",
			what_a_gateway_has_of_who_is_barred_is_declared_lost},
		{"what a gateway has told gives way to the node itself",
			what_a_gateway_has_told_gives_way_to_the_node_itself},
		{"what the node itself, or somebody, says of an id stands",
			what_the_node_itself_or_somebody_says_of_an_id_stands},
		{"a name has so many ids, and no more", a_name_has_so_many_ids_and_no_more},
		{"a server that is full lets in nobody new",
			a_server_that_is_full_lets_in_nobody_new},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("names", group_keys_begin, group_keys_end, tests);
	return suite_end(argc, argv);
}
