/* Moves of nodes to other upstreams, in the simulated world: the new ones let a node in before it is told, it
 * never stands without a way, and whichever management server is left goes on with what another one has
 * begun. With nodes of production code, in virtual time. */
#include <string.h>

#include "group-world.h"
#include "manage/desired/drain.h"
#include "manage/desired/moves.h"
#include "suite.h"

#define AGENT "a.example"
#define LANE  YETT_LANE_NORMAL
#define TO_GW2                                                                                     \
	"{\"name\": \"a.example\", \"upstreams\": [{\"name\": \"gw2.example\", \"address\": "      \
	"\"%s\"}]}"

static void set_at(struct group *group, struct world_node *server, const char *body)
{
	struct group_answer answer;

	group_ask_at(server, "/v1/nodes/set", body, &answer);
	for (int i = 0; i < 2000 && !answer.came; i++) {
		world_run(group->world, YETT_MS);
	}
	CU_ASSERT_FATAL(answer.came);
	if (answer.result != 0) {
		fprintf(stderr, "%s: %s\n", answer.text, answer.mend);
	}
	CU_ASSERT_EQUAL(answer.result, 0);
}

static void move_at(struct group *group, struct world_node *server)
{
	g_autofree char *body = g_strdup_printf(TO_GW2, world_address("gw2.example"));

	set_at(group, server, body);
}

/* What a gateway has of the group about a node. */
static bool lets_in(const struct world_node *gateway, const char *name)
{
	const struct yett_kept_one *one = yett_kept_find(gateway->manage->kept, name);

	return one != NULL && one->decision.verdict == YETT_DECIDED_APPROVED;
}

static const char *via(const struct world_node *server, const char *name)
{
	return yett_moves_via(server->manage, yett_known_named(server->manage, name));
}

static void the_new_one_lets_it_in_before_it_is_told(void)
{
	struct group group = group_new_two(1);

	CU_ASSERT(!lets_in(group.second, AGENT));
	CU_ASSERT_STRING_EQUAL(via(group.server, AGENT), "gw1.example");
	move_at(&group, group.server);
	CU_ASSERT(group_wait_step(&group, group.server, AGENT, "push", 5 * YETT_SEC));
	CU_ASSERT(lets_in(group.second, AGENT));
	group_expect_links(group.agent, "gw1.example");
	CU_ASSERT(group_wait_step(&group, group.server, AGENT, "done", 5 * YETT_SEC));
	group_expect_links(group.agent, "gw2.example");
	CU_ASSERT_STRING_EQUAL(via(group.server, AGENT), "gw2.example");
	group_run(&group, 2 * YETT_SEC);
	group_expect_step(group.other, AGENT, "done", ""); /* it has heard of it */
	group_free(&group);
}

/* The server that has begun dies as soon as a step is in the store; or the other one does. */
static void another_server_goes_on_with_it(void)
{
	static const char *const steps[] = {"authorise", "push", "withdraw"};
	uint64_t seed = 10;

	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
		for (int death = 0; death < 2; death++) {
			struct group group = group_new_two(seed++);

			world_tell(group.agent, LANE, 10);
			group_run(&group, YETT_SEC);
			move_at(&group, group.server);
			CU_ASSERT(group_wait_step(
				&group, group.server, AGENT, steps[i], 5 * YETT_SEC));
			world_tell(group.agent, LANE, 10);
			if (death) {
				world_kill(group.agent);
				world_start(group.agent);
			}
			world_kill(group.server);
			/* The gateways find the other one. */
			CU_ASSERT(
				group_wait_step(&group, group.other, AGENT, "done", 60 * YETT_SEC));
			group_expect_links(group.agent, "gw2.example");
			CU_ASSERT_STRING_EQUAL(via(group.other, AGENT), "gw2.example");
			if (!death) {
				world_tell(group.agent, LANE, 10);
				CU_ASSERT(world_wait_events(group.other, 30, 60 * YETT_SEC));
				CU_ASSERT_EQUAL(world_account(group.other).twice, 0);
			}
			group_free(&group);
		}
	}
}

/* It is asked for on the server that the gateways do not use, and that one dies at once. */
static void the_server_that_was_asked_dies_at_once(void)
{
	struct group group = group_new_two(30);

	move_at(&group, group.other);
	world_kill(group.other);
	CU_ASSERT(group_wait_step(&group, group.server, AGENT, "done", 30 * YETT_SEC));
	group_expect_links(group.agent, "gw2.example");
	group_free(&group);
}

/* All management servers are gone for a while, within a step. */
static void all_servers_die(void)
{
	struct group group = group_new_two(31);

	move_at(&group, group.server);
	CU_ASSERT(group_wait_step(&group, group.server, AGENT, "push", 5 * YETT_SEC));
	world_kill(group.other);
	world_kill(group.server);
	group_run(&group, 60 * YETT_SEC);
	world_start(group.other);
	group_sign(group.other);
	CU_ASSERT(group_wait_step(&group, group.other, AGENT, "done", 90 * YETT_SEC));
	group_expect_links(group.agent, "gw2.example");
	group_free(&group);
}

/* Whom neither its list nor the group lets in: the node hears nothing. */
static void one_that_does_not_let_it_in_ends_it(void)
{
	struct group group = group_new_two(40);
	const char *body = "{\"names\": [\"a.example\"]}";
	struct group_answer answer;

	group_ask_at(group.server, "/v1/agents/reject", body, &answer);
	group_run(&group, YETT_SEC);
	CU_ASSERT(answer.came && answer.result == 0);
	group_ask_at(group.server, "/v1/nodes/set",
		"{\"name\": \"a.example\", \"upstreams\": [{\"name\": \"gw2.example\"}]}", &answer);
	CU_ASSERT(answer.came && answer.result == YETT_ECONFLICT);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer.text, "a.example is barred"));
	group_free(&group);
}

static void one_that_nobody_has_approved_is_refused(void)
{
	struct group group = group_new(41); /* lists alone: gw3 has nobody on it */
	struct world_node *third = world_add(group.world, "gw3.example",
		"listeners = ( { address = \"%s\"; } );\n"
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n",
		world_address("gw3.example"), world_address("ms.example"));

	world_start(third);
	group_run(&group, 5 * YETT_SEC);
	set_at(&group, group.server,
		"{\"name\": \"branch.example\", \"upstreams\": [{\"name\": \"gw3.example\"}]}");
	CU_ASSERT(group_wait_step(&group, group.server, BRANCH, "refused", 5 * YETT_SEC));
	group_expect_step(group.server, BRANCH, "refused", "gw3.example does not let it in");
	group_expect_links(group.branch, "gw1.example");
	CU_ASSERT_PTR_NULL(
		yett_court_find(group.server->manage->court, YETT_TABLE_DESIRED, BRANCH));
	group_free(&group);
}

static void one_that_is_away_is_waited_for(void)
{
	struct group group = group_new_two(50);
	json_t *view;

	world_kill(group.second);
	move_at(&group, group.server);
	group_run(&group, 120 * YETT_SEC);
	group_expect_step(group.server, AGENT, "authorise", "");
	group_expect_links(group.agent, "gw1.example");
	view = yett_moves_view(group.server->manage->court, AGENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(json_string_value(json_object_get(view, "waits_for")),
		"gw2.example has to say that it lets it in, and is not connected"));
	json_decref(view);
	world_start(group.second);
	CU_ASSERT(group_wait_step(&group, group.server, AGENT, "done", 60 * YETT_SEC));
	group_expect_links(group.agent, "gw2.example");
	group_free(&group);
}

static void the_old_way_stays_until_it_has_confirmed(void)
{
	struct group group = group_new_two(60);

	/* gw2 lets it in, and cannot be reached from there. */
	sim_cut(group.world->sim, AGENT, "gw2.example", true);
	sim_cut(group.world->sim, "gw2.example", AGENT, true);
	move_at(&group, group.server);
	group_run(&group, 5 * 60 * YETT_SEC);
	group_expect_step(group.server, AGENT, "push", "");
	group_expect_links(group.agent, "gw1.example gw2.example");
	world_tell(group.agent, LANE, 10);
	CU_ASSERT(world_wait_events(group.server, 10, 10 * YETT_SEC));
	CU_ASSERT_STRING_EQUAL(via(group.server, AGENT), "gw1.example");
	/* The server dies meanwhile, and the node goes back by itself. */
	world_kill(group.server);
	group_run(&group, 6 * 60 * YETT_SEC);
	CU_ASSERT(group_wait_step(&group, group.other, AGENT, "rolled back", 60 * YETT_SEC));
	group_expect_step(group.other, AGENT, "rolled back", "none of the new upstreams");
	group_expect_links(group.agent, "gw1.example");
	world_tell(group.agent, LANE, 10);
	CU_ASSERT(world_wait_events(group.other, 20, 10 * YETT_SEC));
	group_free(&group);
}

static void another_move_takes_its_place(void)
{
	struct group group = group_new_two(70);
	g_autofree char *back = g_strdup_printf(
		"{\"name\": \"a.example\", \"upstreams\": [{\"name\": \"gw1.example\", "
		"\"address\": \"%s\"}]}",
		world_address("gw1.example"));

	sim_cut(group.world->sim, AGENT, "gw2.example", true);
	move_at(&group, group.server);
	CU_ASSERT(group_wait_step(&group, group.server, AGENT, "push", 5 * YETT_SEC));
	group_run(&group, 5 * YETT_SEC);
	set_at(&group, group.other, back);
	CU_ASSERT(group_wait_step(&group, group.server, AGENT, "done", 10 * YETT_SEC));
	group_expect_links(group.agent, "gw1.example");
	/* Taken back: its own file counts again. */
	move_at(&group, group.server);
	CU_ASSERT(group_wait_step(&group, group.server, AGENT, "push", 5 * YETT_SEC));
	set_at(&group, group.server, "{\"name\": \"a.example\", \"unset\": [\"upstreams\"]}");
	CU_ASSERT(group_wait_step(&group, group.server, AGENT, "replaced", 5 * YETT_SEC));
	group_run(&group, 5 * YETT_SEC);
	group_expect_links(group.agent, "gw1.example");
	group_free(&group);
}

/* Two moves that are good each, and a ring together: on one server, and on two at once. */
static void two_moves_make_no_ring(void)
{
	static const char *const names[] = {"gw1.example", "gw2.example"};

	for (int apart = 0; apart < 2; apart++) {
		struct group group = group_new_two(80);
		struct group_answer answers[2];
		unsigned refused = 0;

		for (int i = 0; i < 2; i++) {
			g_autofree char *body = g_strdup_printf(
				"{\"name\": \"%s\", \"upstreams\": [{\"name\": \"%s\"}]}", names[i],
				names[1 - i]);

			group_ask_at(apart && i == 1 ? group.other : group.server, "/v1/nodes/set",
				body, &answers[i]);
		}
		group_run(&group, 10 * YETT_SEC);
		for (int i = 0; i < 2; i++) {
			refused += answers[i].result != 0 ||
				   strcmp(group_step(group.server, names[i]), "refused") == 0;
		}
		CU_ASSERT(refused >= 1);
		group_free(&group);
	}
}

/* Emptying a gateway. */

static const char *drain_state(const struct world_node *server, json_t **ret_view)
{
	json_decref(*ret_view);
	*ret_view = yett_drain_view(server->manage->court, "gw1.example");
	return json_string_value(json_object_get(*ret_view, "state"));
}

static bool wait_drain(struct group *group, const struct world_node *server, const char *want)
{
	json_t *view = NULL;
	bool good = false;

	for (int i = 0; i < 600 && !good; i++) {
		group_run(group, 200 * YETT_MS);
		good = strcmp(drain_state(server, &view), want) == 0;
	}
	json_decref(view);
	return good;
}

static void drain_at(struct group *group, struct world_node *server, const char *body)
{
	struct group_answer answer;

	group_ask_at(server, "/v1/gateways/drain", body, &answer);
	group_run(group, 500 * YETT_MS);
	CU_ASSERT(answer.came && answer.result == 0);
}

static void expect_delete(struct group *group, int result, const char *why)
{
	struct group_answer answer;

	group_ask_at(group->server, "/v1/gateways/delete", "{\"name\": \"gw1.example\"}", &answer);
	group_run(group, YETT_SEC);
	CU_ASSERT(answer.came && answer.result == result);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer.text, why));
	if (strstr(answer.text, why) == NULL) {
		fprintf(stderr, "deleted: %s, not %s\n", answer.text, why);
	}
}

#define DRAIN                                                                                      \
	"{\"name\": \"gw1.example\", \"to\": [{\"name\": \"gw2.example\", \"address\": \"%s\"}]}"

static void a_gateway_is_emptied_whoever_goes_on_with_it(void)
{
	struct group group = group_new_two(90);
	g_autofree char *body = g_strdup_printf(DRAIN, world_address("gw2.example"));

	expect_delete(&group, YETT_ECONFLICT, "no other way than gw1.example: a.example");
	drain_at(&group, group.server, body);
	world_kill(group.server); /* the other one goes on */
	CU_ASSERT(wait_drain(&group, group.other, "drained"));
	CU_ASSERT(group_wait_step(&group, group.other, AGENT, "done", 30 * YETT_SEC));
	group_expect_links(group.agent, "gw2.example");
	group_free(&group);
}

static void one_that_is_emptied_takes_nobody_new(void)
{
	struct group group = group_new_two(91);

	drain_at(&group, group.server, "{\"name\": \"gw1.example\"}");
	CU_ASSERT(wait_drain(&group, group.server, "draining")); /* it has no other way */
	CU_ASSERT(group.first->node->settings->node.drain);
	world_tell(group.agent, LANE, 10); /* and goes on delivering */
	CU_ASSERT(world_wait_events(group.server, 10, 10 * YETT_SEC));
	/* Whoever was there comes back, after a start of the gateway as well. */
	world_kill(group.agent);
	world_start(group.agent);
	group_run(&group, 10 * YETT_SEC);
	CU_ASSERT_STRING_EQUAL(via(group.server, AGENT), "gw1.example");
	world_kill(group.first);
	world_start(group.first);
	group_run(&group, 40 * YETT_SEC);
	CU_ASSERT_STRING_EQUAL(via(group.server, AGENT), "gw1.example");
	/* Nor is it an upstream for others. */
	set_at(&group, group.server,
		"{\"name\": \"gw2.example\", \"upstreams\": [{\"name\": \"gw1.example\"}]}");
	CU_ASSERT(group_wait_step(&group, group.server, "gw2.example", "refused", 5 * YETT_SEC));
	group_expect_step(group.server, "gw2.example", "refused", "is being emptied");
	drain_at(&group, group.server, "{\"name\": \"gw1.example\", \"cancel\": true}");
	CU_ASSERT(wait_drain(&group, group.server, "not drained"));
	group_run(&group, YETT_SEC);
	CU_ASSERT(!group.first->node->settings->node.drain);
	group_free(&group);
}

/* One that is approved, and has never been there. */
static struct world_node *add_newcomer(struct group *group)
{
	g_autofree char *kit = group_kit("b.example");
	struct group_answer answer;

	group_ask_at(group->server, "/v1/agents/approve",
		"{\"names\": [\"b.example\"], \"ahead\": true}", &answer);
	group_run(group, YETT_SEC);
	CU_ASSERT_FATAL(answer.came && answer.result == 0);
	return world_add(group->world, "b.example",
		"group = { kit = \"%s\"; };\n"
		"upstreams = ( { name = \"gw1.example\"; address = \"%s\"; } );\n",
		kit, world_address("gw1.example"));
}

static void one_that_is_emptied_knows_it_when_it_starts(void)
{
	struct group group = group_new_two(93);
	struct world_node *newcomer = add_newcomer(&group);

	drain_at(&group, group.server, "{\"name\": \"gw1.example\"}");
	CU_ASSERT(wait_drain(&group, group.server, "draining"));
	world_power(group.first, YETT_FAULTY_NOTHING);
	world_start(newcomer);
	world_start(group.first);
	CU_ASSERT(group.first->node->settings->node.drain);
	group_run(&group, 60 * YETT_SEC);
	CU_ASSERT_STRING_EQUAL(via(group.server, AGENT), "gw1.example");
	CU_ASSERT_STRING_EQUAL(via(group.server, "b.example"), "");
	/* When it is over, it forgets who was there, also on its disk. */
	drain_at(&group, group.server, "{\"name\": \"gw1.example\", \"cancel\": true}");
	CU_ASSERT(wait_drain(&group, group.server, "not drained"));
	group_run(&group, 60 * YETT_SEC);
	CU_ASSERT_STRING_EQUAL(via(group.server, "b.example"), "gw1.example");
	CU_ASSERT_PTR_NULL(group.first->manage->behind);
	world_kill(group.first);
	world_start(group.first);
	CU_ASSERT_FALSE(group.first->manage->behind_over);
	group_free(&group);
}

/* Whenever it dies in between: where it is to be emptied, it knows who was there. */
static void it_is_never_emptied_without_knowing_who_was_there(void)
{
	bool drained = false;

	for (uint64_t at = 1; at < 40 && !drained; at++) {
		struct group group = group_new_two(94);
		struct group_answer answer;

		group.first->process->faults.kill_at = group.first->process->operations + at;
		group_ask_at(
			group.server, "/v1/gateways/drain", "{\"name\": \"gw1.example\"}", &answer);
		group_run(&group, 5 * YETT_SEC);
		if (group.first->node != NULL) {
			world_power(group.first, YETT_FAULTY_NOTHING);
			drained = true; /* it was done before that operation */
		}
		group.first->faults = (struct sim_faults){.kill_at = 0};
		world_start(group.first);
		CU_ASSERT(!drained || group.first->node->settings->node.drain);
		CU_ASSERT_FALSE(group.first->manage->started_drained);
		group_free(&group);
	}
	CU_ASSERT(drained);
}

static void one_with_custody_is_not_deleted(void)
{
	struct group group = group_new_two(92);
	g_autofree char *body = g_strdup_printf(DRAIN, world_address("gw2.example"));
	struct yett_known *known;

	drain_at(&group, group.server, body);
	CU_ASSERT(wait_drain(&group, group.server, "drained"));
	known = (struct yett_known *)(uintptr_t)yett_known_named(
		group.server->manage, "gw1.example");
	known->backlog_s = 1; /* as it would say with its heartbeat */
	expect_delete(&group, YETT_ECONFLICT, "gw1.example has custody of data");
	CU_ASSERT(wait_drain(&group, group.server, "drained")); /* it has said otherwise since */
	world_kill(group.first);
	group_run(&group, 30 * YETT_SEC);
	expect_delete(&group, YETT_ECONFLICT, "is not connected, so nobody can say");
	world_start(group.first);
	CU_ASSERT(wait_drain(&group, group.server, "drained"));
	expect_delete(&group, 0, "");
	group_free(&group);
}

static void more_than_there_may_be_are_not_tried(void)
{
	struct group group = group_new(23);
	g_autofree char *to_second = g_strdup_printf(
		"{\"name\": \"branch.example\", \"upstreams\": [{\"name\": \"gw2.example\", "
		"\"address\": \"%s\"}]}",
		world_address("gw2.example"));
	struct yett_settings *settings =
		(struct yett_settings *)(uintptr_t)group.branch->node->settings;
	struct yett_upstream_settings many[YETT_UPSTREAMS_MAX] = {0};
	const struct yett_list few = settings->upstreams;
	char names[YETT_UPSTREAMS_MAX][16];

	/* As its own file would say. */
	many[0] = *(const struct yett_upstream_settings *)few.items;
	for (unsigned i = 1; i < YETT_UPSTREAMS_MAX; i++) {
		g_snprintf(names[i], sizeof(names[i]), "u%u.example", i);
		many[i].name = names[i];
	}
	settings->upstreams = (struct yett_list){YETT_UPSTREAMS_MAX, many};
	group_set(&group, to_second, 5 * YETT_SEC);
	group_expect_step(group.server, BRANCH, "refused", "64 is the most");
	settings->upstreams = few;
	group_free(&group);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"the new one lets it in before it is told",
			the_new_one_lets_it_in_before_it_is_told},
		{"another server goes on with it", another_server_goes_on_with_it},
		{"the server that was asked dies at once", the_server_that_was_asked_dies_at_once},
		{"all servers die", all_servers_die},
		{"one that does not let it in ends it", one_that_does_not_let_it_in_ends_it},
		{"one that nobody has approved is refused",
			one_that_nobody_has_approved_is_refused},
		{"one that is away is waited for", one_that_is_away_is_waited_for},
		{"the old way stays until it has confirmed",
			the_old_way_stays_until_it_has_confirmed},
		{"another move takes its place", another_move_takes_its_place},
		{"two moves make no ring", two_moves_make_no_ring},
		{"a gateway is emptied, whoever goes on with it",
			a_gateway_is_emptied_whoever_goes_on_with_it},
		{"one that is emptied takes nobody new", one_that_is_emptied_takes_nobody_new},
		{"one that is emptied knows it when it starts",
			one_that_is_emptied_knows_it_when_it_starts},
		{"it is never emptied without knowing who was there",
			it_is_never_emptied_without_knowing_who_was_there},
		{"one with custody is not deleted", one_with_custody_is_not_deleted},
		{"more than there may be are not tried", more_than_there_may_be_are_not_tried},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("moves", group_keys_begin, group_keys_end, tests);
	return suite_end(argc, argv);
}
