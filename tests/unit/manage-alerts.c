/* Alerts in the simulated world: raised once, by the server that holds the lease, for what is at fault
 * itself, and closed by themselves; with nodes of production code, in virtual time. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/id.h"
#include "flow/stages.h"
#include "manage/internal.h"
#include "manage/views/views.h"
#include "simulation/world.h"
#include "suite.h"
#include "wire/batch.h"
#include "wire/record.h"

#define GROUP "group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"

/* What was told, one line each: "raised unreachable gw.example". */
struct group {
	struct world *world;
	struct world_node *first, *second, *gateway, *agents[3];
	GString *told;
};

static char last_text[1024]; /* of the alert that was told last */

static void notice(void *arg, const char *event, const json_t *alert)
{
	GString *told = arg;

	g_strlcpy(last_text, json_string_value(json_object_get(alert, "text")), sizeof(last_text));
	g_string_append_printf(told, "%s %s %s\n", event,
		json_string_value(json_object_get(alert, "kind")),
		json_string_value(json_object_get(alert, "node")));
}

static struct world_node *add_server(struct world *world, const char *name)
{
	return world_add(world, name,
		GROUP "listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ "
		      "\"gw.example\" ]; } );\n"
		      "store = { module = \"store-sqlite\"; path = \"/%s/shared/yett.db\"; };",
		world_address(name), name);
}

static void start(struct group *group, struct world_node *node)
{
	world_start(node);
	yett_manage_on_notice(node->manage, notice, group->told);
}

static void start_all(struct group *group)
{
	for (guint i = 0; i < group->world->nodes->len; i++) {
		start(group, group->world->nodes->pdata[i]);
	}
	world_run(group->world, 30 * YETT_SEC);
}

/* A gateway with three agents; with two servers on one store, the gateway knows both. */
static struct group group_new(uint64_t seed, bool two)
{
	struct group group = {.world = world_new(seed), .told = g_string_new(NULL)};
	char second[160] = "";

	group.first = add_server(group.world, "m1.example");
	if (two) {
		group.second = add_server(group.world, "m2.example");
		world_share_disk(group.second, group.first);
		snprintf(second, sizeof(second),
			", { name = \"m2.example\"; address = \"%s\"; priority = 1; }",
			world_address("m2.example"));
	}
	group.gateway = world_add(group.world, "gw.example",
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"upstreams = ( { name = \"m1.example\"; address = \"%s\"; }%s );",
		world_address("gw.example"), world_address("m1.example"), second);
	for (int i = 0; i < 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), "a%d.example", i);
		group.agents[i] = world_add(group.world, name,
			"upstreams = ( { name = \"gw.example\"; address = \"%s\"; } );",
			world_address("gw.example"));
	}
	start_all(&group);
	return group;
}

static void group_free(struct group *group)
{
	world_free(group->world);
	g_string_free(group->told, TRUE);
}

static void expect_told(struct group *group, const char *want)
{
	CU_ASSERT_STRING_EQUAL(group->told->str, want);
	if (strcmp(group->told->str, want) != 0) {
		fprintf(stderr, "told:\n%swanted:\n%s", group->told->str, want);
	}
	g_string_truncate(group->told, 0);
}

static void told(struct yett_keep *keep, int result)
{
	(void)keep;
	(void)result;
}

/* What a plugin says on a node, whose clock is so much ahead then. */
static void say_at(struct world_node *node, const char *check, uint32_t state, int64_t ahead_ns)
{
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX / 2);
	struct yett_record record = {.size = sizeof(record),
		.kind = YETT_RECORD_STATE,
		.state = state,
		.time_ns = yett_clock_wall(node->node->clock) + ahead_ns,
		.name = yett_text(check),
		.body = yett_text("DISK - 3% free")};
	struct yett_batch batch;

	CU_ASSERT_EQUAL_FATAL(yett_payload_record(payload, &record), 0);
	CU_ASSERT_EQUAL_FATAL(yett_payload_cut(payload, YETT_LANE_URGENT, YETT_CONTENT_RECORDS,
				      true, yett_clock_wall(node->node->clock), &batch),
		0);
	yett_origin_submit(node->node, &batch, NULL, NULL, 0, told, NULL);
	yett_payload_free(payload);
}

static void say(struct world_node *node, const char *check, uint32_t state)
{
	say_at(node, check, state, 0);
}

static void expect_health(const struct world_node *server, const struct yett_id *id,
	enum yett_health want, const char *cause)
{
	const struct yett_known *known = yett_manage_find(server->manage, id);
	struct yett_diagnosis diagnosis;

	CU_ASSERT_PTR_NOT_NULL_FATAL(known);
	yett_manage_judge(server->manage, known, &diagnosis);
	if (diagnosis.health != want || strcmp(diagnosis.cause, cause) != 0) {
		fprintf(stderr, "%s: %s, \"%s\"\n", known->name, yett_health_text(diagnosis.health),
			diagnosis.cause);
		CU_FAIL("another health than wanted");
	}
}

static bool holds(const struct world_node *server)
{
	json_t *lease = yett_view_lease(server->manage);
	bool held = json_is_true(json_object_get(lease, "held"));

	json_decref(lease);
	return held;
}

static void a_gateway_that_dies_is_one_alert(void)
{
	struct group group = group_new(1, false);

	expect_told(&group, "");
	world_kill(group.gateway);
	world_run(group.world, 9 * YETT_SEC);
	expect_told(&group, "");
	world_run(group.world, 6 * YETT_SEC);
	expect_told(&group, "raised unreachable gw.example\n");
	world_run(group.world, 600 * YETT_SEC);
	expect_told(&group, "");
	start(&group, group.gateway);
	world_run(group.world, 120 * YETT_SEC);
	expect_told(&group, "closed unreachable gw.example\n");
	group_free(&group);
}

static void an_agent_that_stays_away_is_its_own(void)
{
	struct group group = group_new(2, false);

	world_kill(group.agents[1]);
	world_run(group.world, 5 * YETT_SEC);
	start(&group, group.agents[1]); /* soon enough */
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "");
	world_kill(group.gateway);
	world_kill(group.agents[1]);
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "raised unreachable gw.example\n");
	start(&group, group.gateway);
	world_run(group.world, 120 * YETT_SEC);
	expect_told(&group, "closed unreachable gw.example\nraised unreachable a1.example\n");
	start(&group, group.agents[1]);
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "closed unreachable a1.example\n");
	/* The same once more is another alert. */
	world_kill(group.agents[1]);
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "raised unreachable a1.example\n");
	group_free(&group);
}

static void what_plugins_say_counts(void)
{
	struct group group = group_new(3, false);
	struct yett_id id = group.agents[0]->node->id;

	say(group.agents[0], "check.disk", YETT_STATE_CRITICAL);
	say(group.agents[0], "check.load", YETT_STATE_WARNING);
	world_run(group.world, 5 * YETT_SEC);
	expect_health(group.first, &id, YETT_HEALTH_CRITICAL, "disk is CRITICAL: DISK - 3% free");
	expect_told(&group, "raised check a0.example\nraised check a0.example\n");
	say(group.agents[0], "check.disk", YETT_STATE_CRITICAL);
	say(group.agents[0], "check.disk", YETT_STATE_OK);
	world_run(group.world, 5 * YETT_SEC);
	expect_health(group.first, &id, YETT_HEALTH_WARNING, "load is WARNING: DISK - 3% free");
	expect_told(&group, "closed check a0.example\n");
	/* A server that starts again knows it still, and tells nobody again. */
	world_kill(group.first);
	start(&group, group.first);
	world_run(group.world, 60 * YETT_SEC);
	expect_health(group.first, &id, YETT_HEALTH_WARNING, "load is WARNING: DISK - 3% free");
	say(group.agents[0], "check.load", YETT_STATE_OK);
	world_run(group.world, 5 * YETT_SEC);
	expect_health(group.first, &id, YETT_HEALTH_HEALTHY, "");
	expect_told(&group, "closed check a0.example\n");
	group_free(&group);
}

/* A clock that was wrong and is set right: what was said by it holds no longer than until the next word,
 * whichever way it was wrong. */
static void a_wrong_clock_holds_nothing_back(void)
{
	static const int64_t hour_ns = 3600 * (int64_t)YETT_SEC;
	struct group group = group_new(11, false);
	struct yett_id id = group.agents[0]->node->id;

	say_at(group.agents[0], "check.disk", YETT_STATE_CRITICAL, 44 * 365 * 24 * hour_ns);
	world_run(group.world, 5 * YETT_SEC);
	expect_told(&group, "raised check a0.example\n");
	say(group.agents[0], "check.disk", YETT_STATE_OK);
	world_run(group.world, 5 * YETT_SEC);
	expect_health(group.first, &id, YETT_HEALTH_HEALTHY, "");
	expect_told(&group, "closed check a0.example\n");
	say(group.agents[0], "check.disk", YETT_STATE_CRITICAL);
	world_run(group.world, 5 * YETT_SEC);
	say_at(group.agents[0], "check.disk", YETT_STATE_OK, -hour_ns);
	world_run(group.world, 5 * YETT_SEC);
	expect_told(&group, "raised check a0.example\nclosed check a0.example\n");
	/* Also for a server that has started meanwhile, and for one that only looks on. */
	say_at(group.agents[0], "check.disk", YETT_STATE_CRITICAL, 44 * 365 * 24 * hour_ns);
	world_run(group.world, 5 * YETT_SEC);
	world_kill(group.first);
	start(&group, group.first);
	world_run(group.world, 60 * YETT_SEC);
	say(group.agents[0], "check.disk", YETT_STATE_OK);
	world_run(group.world, 5 * YETT_SEC);
	expect_told(&group, "raised check a0.example\nclosed check a0.example\n");
	group_free(&group);
}

/* Who does not hold the lease keeps what is well again until the holder has taken it away: that takes no
 * room from what is not well. */
static void a_server_that_looks_on_misses_nothing(void)
{
	struct group group = group_new(12, true);
	struct world_node *holder = holds(group.first) ? group.first : group.second;
	struct world_node *other = holder == group.first ? group.second : group.first;
	const struct yett_check *worst;
	char name[32];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "check.c%d", i);
		say(group.agents[0], name, YETT_STATE_WARNING);
		say(group.agents[0], name, YETT_STATE_OK);
		world_run(group.world, 2 * YETT_SEC);
	}
	say(group.agents[0], "check.last", YETT_STATE_CRITICAL);
	world_run(group.world, 5 * YETT_SEC);
	worst = yett_checks_worst(other->manage, &group.agents[0]->node->id);
	CU_ASSERT(worst != NULL && strcmp(worst->name, "last") == 0);
	group_free(&group);
}

/* Thousands that are gone in their own right are a round's work, not the square of it. */
static void many_that_are_gone_take_little_time(void)
{
	struct group group = group_new(13, false);
	struct timespec before, after;

	for (unsigned i = 0; i < 3000; i++) {
		struct yett_id id = {{(uint8_t)i, (uint8_t)(i >> 8), 0xaa}};
		struct yett_known *known = yett_known_ensure(group.first->manage, &id);
		char name[40];

		snprintf(name, sizeof(name), "gone%u.example", i);
		yett_known_describe(
			group.first->manage, known, name, "x509", "yett 1", "10.0.0.1:5723");
		yett_known_set_live(group.first->manage, known, true);
		yett_known_set_live(group.first->manage, known, false);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	world_run(group.world, 20 * YETT_SEC);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	CU_ASSERT_EQUAL(strncmp(group.told->str, "raised unreachable gone", 23), 0);
	CU_ASSERT(after.tv_sec - before.tv_sec < 15);
	if (after.tv_sec - before.tv_sec >= 15) {
		fprintf(stderr, "20 s of 3,000 nodes took %ld s\n",
			(long)(after.tv_sec - before.tv_sec));
	}
	group_free(&group);
}

/* A plugin that says ever new things makes ever new alerts: what is kept of them is bounded, and it takes
 * nothing from what is open. */
static void what_is_kept_is_bounded(void)
{
	struct group group = group_new(14, false);
	char name[32], *line;
	unsigned raised = 0;

	yett_alerts_set_most(group.first->manage, 50);
	say(group.agents[1], "check.stays", YETT_STATE_CRITICAL);
	for (int i = 0; i < 120; i++) {
		snprintf(name, sizeof(name), "check.c%d", i);
		say(group.agents[0], name, YETT_STATE_WARNING);
		world_run(group.world, 2 * YETT_SEC);
		say(group.agents[0], name, YETT_STATE_OK);
		world_run(group.world, 2 * YETT_SEC);
	}
	world_run(group.world, 5 * YETT_SEC);
	for (line = group.told->str; (line = strstr(line, "raised check a0")) != NULL; line++) {
		raised++;
	}
	CU_ASSERT_EQUAL(raised, 120);
	CU_ASSERT(yett_alerts_count(group.first->manage) <= 51);
	g_string_truncate(group.told, 0);
	/* What is left in the store is what is known after a start. */
	world_kill(group.first);
	start(&group, group.first);
	world_run(group.world, 60 * YETT_SEC);
	CU_ASSERT(yett_alerts_count(group.first->manage) <= 51);
	say(group.agents[1], "check.stays", YETT_STATE_OK);
	world_run(group.world, 5 * YETT_SEC);
	expect_told(&group, "closed check a1.example\n");
	group_free(&group);
}

static void what_is_away_while_the_server_starts_is_found(void)
{
	struct group group = group_new(4, false);

	world_kill(group.first);
	world_kill(group.agents[2]);
	start(&group, group.first);
	world_run(group.world, 170 * YETT_SEC);
	expect_told(&group, "");
	world_run(group.world, 30 * YETT_SEC);
	expect_told(&group, "raised unreachable a2.example\n");
	/* It is not closed for not being known. */
	world_kill(group.first);
	start(&group, group.first);
	world_run(group.world, 300 * YETT_SEC);
	expect_told(&group, "");
	start(&group, group.agents[2]);
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "closed unreachable a2.example\n");
	group_free(&group);
}

static void document(
	struct world_node *server, const char *table, const char *key, const char *json)
{
	yett_store_document(server->node, table, key, json);
}

static void maintenance_is_quiet_and_ends_by_itself(void)
{
	struct group group = group_new(5, false);
	char id[YETT_ID_TEXT_SIZE], json[128];

	yett_id_text(&group.agents[0]->node->id, id);
	snprintf(json, sizeof(json), "{\"reason\":\"disk\",\"until_ns\":%lld}",
		(long long)(yett_clock_wall(group.first->node->clock) + 100 * (int64_t)YETT_SEC));
	document(group.first, "maintenance", id, json);
	world_run(group.world, 2 * YETT_SEC);
	world_kill(group.agents[0]);
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "");
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "raised unreachable a0.example\n");
	group_free(&group);
}

static void the_lease_is_taken_over(void)
{
	struct group group = group_new(6, true);

	CU_ASSERT(holds(group.first) != holds(group.second));
	if (holds(group.second)) {
		world_kill(group.second);
		world_run(group.world, 40 * YETT_SEC);
		start(&group, group.second);
		world_run(group.world, 60 * YETT_SEC);
		g_string_truncate(group.told, 0);
	}
	CU_ASSERT(holds(group.first) && !holds(group.second));
	world_kill(group.agents[0]);
	world_run(group.world, 20 * YETT_SEC);
	expect_told(&group, "raised unreachable a0.example\n");
	/* The holder dies, and the gateway with its agents goes to the other one. */
	world_kill(group.first);
	world_run(group.world, 16 * YETT_SEC);
	CU_ASSERT(holds(group.second));
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "raised unreachable m1.example\n");
	expect_health(group.second, &group.gateway->node->id, YETT_HEALTH_HEALTHY, "");
	start(&group, group.agents[0]);
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "closed unreachable a0.example\n");
	start(&group, group.first);
	world_run(group.world, 60 * YETT_SEC);
	CU_ASSERT(holds(group.second) && !holds(group.first));
	expect_told(&group, "closed unreachable m1.example\n");
	group_free(&group);
}

/* The gateway comes back by the server that does not raise alerts, long before its agents find it again. */
static void who_was_behind_a_gateway_has_time_to_come_back(void)
{
	struct group group = group_new(10, true);

	if (holds(group.first)) {
		world_kill(group.first);
		world_run(group.world, 60 * YETT_SEC);
		start(&group, group.first);
		world_run(group.world, 120 * YETT_SEC);
		g_string_truncate(group.told, 0);
	}
	CU_ASSERT_FATAL(holds(group.second));
	sim_cut(group.world->sim, "gw.example", "m2.example", true);
	sim_break(group.world->sim, "gw.example", "m2.example");
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "");
	world_kill(group.gateway);
	world_run(group.world, 120 * YETT_SEC);
	expect_told(&group, "raised unreachable gw.example\n");
	start(&group, group.gateway);
	world_run(group.world, 120 * YETT_SEC);
	expect_told(&group, "closed unreachable gw.example\n");
	group_free(&group);
}

/* An agent that goes a little before its gateway is missed first, and may be behind it all the same. */
static void who_goes_before_its_gateway_is_behind_it(void)
{
	struct group group = group_new(11, false);

	world_kill(group.agents[0]);
	world_run(group.world, 5 * YETT_SEC);
	world_kill(group.gateway);
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "raised unreachable gw.example\n");
	start(&group, group.gateway);
	world_run(group.world, 120 * YETT_SEC);
	expect_told(&group, "closed unreachable gw.example\nraised unreachable a0.example\n");
	group_free(&group);
}

/* Whom the gateway reports to; and nothing but the two servers and the gateway is shown as a server. */
static void expect_primary(const struct world_node *server, const char *want)
{
	json_t *servers = yett_view_servers(server->manage);
	const char *primary = json_string_value(
		json_object_get(json_array_get(servers, 2), "primary_management_server"));

	CU_ASSERT_EQUAL(json_array_size(servers), 3);
	CU_ASSERT_STRING_EQUAL(primary != NULL ? primary : "nobody", want);
	json_decref(servers);
}

/* A batch of one record, as of a node of this id, straight to the store of a server: other content of the same
 * number is what a live copy sends. */
static void store_batch(
	struct world_node *server, const struct yett_id *origin, uint64_t number, const char *body)
{
	static const struct yett_epoch epoch = {7, 7};
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX / 2);
	struct yett_record record = {.size = sizeof(record),
		.kind = YETT_RECORD_EVENT,
		.time_ns = yett_clock_wall(server->node->clock),
		.body = yett_text(body)};
	struct yett_batch batch;
	struct yett_keep *keep;

	CU_ASSERT_EQUAL_FATAL(yett_payload_record(payload, &record), 0);
	CU_ASSERT_EQUAL_FATAL(yett_payload_cut(payload, YETT_LANE_NORMAL, YETT_CONTENT_RECORDS,
				      false, yett_clock_wall(server->node->clock), &batch),
		0);
	yett_payload_free(payload);
	yett_batch_renumber(&batch, origin, &epoch, number);
	keep = yett_keep_new(&batch, NULL, 0, told, NULL);
	yett_buffer_unref(batch.buffer);
	keep->received_ns = yett_clock_wall(server->node->clock);
	yett_store_keep(server->node, keep);
}

/* Each origin that has one is one alert, however much of it is kept apart and whichever server holds the
 * lease, until nothing more of it has come for an hour. */
static void a_live_copy_is_one_alert(void)
{
	struct group group = group_new(10, true);
	struct world_node *holder = holds(group.first) ? group.first : group.second;
	struct world_node *other = holder == group.first ? group.second : group.first;
	struct yett_id first = group.agents[0]->node->id, second = group.agents[1]->node->id;
	struct yett_known *known;
	char want[400];

	for (uint64_t number = 1; number <= 5; number++) {
		store_batch(group.first, &first, number, "of the one");
		store_batch(group.first, &first, number, "of the one"); /* twice is none */
		store_batch(group.first, &second, number, "of the one");
	}
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "");
	for (uint64_t number = 1; number <= 3; number++) {
		store_batch(group.first, &first, number, "of the other");
		world_run(group.world, 15 * YETT_SEC);
	}
	expect_told(&group, "raised clone a0.example\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(last_text, "a live copy of a0.example"));
	CU_ASSERT_PTR_NOT_NULL(strstr(last_text, "remove node-id"));
	/* That its sessions show it, too, is the same alert. */
	known = (struct yett_known *)(uintptr_t)yett_manage_find(holder->manage, &first);
	CU_ASSERT_PTR_NOT_NULL_FATAL(known);
	known->cloned_below = true;
	world_run(group.world, 5 * YETT_SEC);
	CU_ASSERT(yett_manage_find(holder->manage, &first)->cloned_below);
	expect_told(&group, "");
	known->cloned_below = false;
	store_batch(other, &second, 1, "of the other");
	world_run(group.world, 15 * YETT_SEC);
	expect_told(&group, "raised clone a1.example\n");
	/* The other server goes on with both. */
	world_kill(holder);
	world_run(group.world, 120 * YETT_SEC);
	CU_ASSERT(holds(other));
	snprintf(want, sizeof(want), "raised unreachable %s\n",
		holder == group.first ? "m1.example" : "m2.example");
	expect_told(&group, want);
	store_batch(other, &first, 4, "of the other");
	world_run(group.world, 3000 * YETT_SEC);
	expect_told(&group, "");
	world_run(group.world, 560 * YETT_SEC);
	expect_told(&group, "closed clone a1.example\n");
	world_run(group.world, 120 * YETT_SEC);
	expect_told(&group, "closed clone a0.example\n");
	store_batch(other, &first, 5, "of the other");
	world_run(group.world, 15 * YETT_SEC);
	expect_told(&group, "raised clone a0.example\n");
	group_free(&group);
}

/* Two servers share a store that fails for two minutes, and both see it: it is told once, while it lasts, and
 * that neither could say that it is there is nobody's death. */
static void a_store_that_fails_is_one_alert(void)
{
	struct group group = group_new(8, true);
	struct world_node *holder = holds(group.first) ? group.first : group.second;
	struct world_node *other = holder == group.first ? group.second : group.first;
	char want[400];

	yett_manage_tap_log(holder->manage);
	group.first->process->faults.sync_fails = group.second->process->faults.sync_fails = 1;
	world_run(group.world, 120 * YETT_SEC);
	CU_ASSERT_FALSE(yett_store_healthy(group.first->node));
	CU_ASSERT_FALSE(yett_store_healthy(group.second->node));
	snprintf(want, sizeof(want), "raised store %s\n", holder->node->name);
	expect_told(&group, want);
	/* In the store's own words. */
	CU_ASSERT_PTR_NOT_NULL(strstr(last_text, "the store fails: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(last_text, "disk I/O error"));
	/* The other one finds out a little later. */
	holder->process->faults.sync_fails = 0;
	world_run(group.world, 6 * YETT_SEC);
	other->process->faults.sync_fails = 0;
	world_run(group.world, 60 * YETT_SEC);
	CU_ASSERT(yett_store_healthy(group.first->node) && yett_store_healthy(group.second->node));
	snprintf(want, sizeof(want), "closed store %s\n", holder->node->name);
	expect_told(&group, want);
	world_run(group.world, 120 * YETT_SEC);
	expect_told(&group, "");
	group_free(&group);
}

/* Whoever would have told it dies meanwhile: then it is told once it is over. */
static void a_failed_store_is_told_late_rather_than_not(void)
{
	struct group group = group_new(9, true);
	struct world_node *holder = holds(group.first) ? group.first : group.second;
	struct world_node *other = holder == group.first ? group.second : group.first;
	char want[800];

	group.first->process->faults.sync_fails = group.second->process->faults.sync_fails = 1;
	world_run(group.world, 8 * YETT_SEC);
	CU_ASSERT_FALSE(yett_store_healthy(other->node));
	world_kill(holder);
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "");
	other->process->faults.sync_fails = 0;
	world_run(group.world, 14 * YETT_SEC);
	CU_ASSERT(yett_store_healthy(other->node));
	world_run(group.world, 46 * YETT_SEC);
	snprintf(want, sizeof(want), "raised store %s\nclosed store %s\nraised unreachable %s\n",
		other->node->name, other->node->name,
		holder == group.first ? "m1.example" : "m2.example");
	expect_told(&group, want);
	group_free(&group);
}

/* Both see the same; who does not hold the lease knows it from the other one. */
static void each_server_sees_whom_the_other_has(void)
{
	struct group group = group_new(7, true);

	for (int i = 0; i < 3; i++) {
		struct yett_id id = group.agents[i]->node->id;

		expect_health(group.first, &id, YETT_HEALTH_HEALTHY, "");
		expect_health(group.second, &id, YETT_HEALTH_HEALTHY, "");
	}
	expect_primary(group.first, "m1.example");
	expect_primary(group.second, "m1.example");
	world_kill(group.agents[1]);
	world_run(group.world, 30 * YETT_SEC);
	expect_told(&group, "raised unreachable a1.example\n");
	group_free(&group);
}

/* A server that is added to a group which runs is not one that says nothing any more. */
static void a_server_that_is_new_raises_nothing(void)
{
	struct group group = {.world = world_new(8), .told = g_string_new(NULL)};
	json_t *servers;

	group.first = add_server(group.world, "m1.example");
	group.second = add_server(group.world, "m2.example");
	world_share_disk(group.second, group.first);
	start(&group, group.first);
	world_run(group.world, 30 * YETT_SEC);
	start(&group, group.second);
	for (int i = 0; i < 20; i++) {
		world_run(group.world, YETT_SEC);
		servers = yett_view_servers(group.first->manage);
		if (json_array_size(servers) == 2) {
			CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(
						       json_array_get(servers, 1), "health_state")),
				"Healthy");
		}
		json_decref(servers);
	}
	expect_told(&group, "");
	group_free(&group);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"a gateway that dies is one alert", a_gateway_that_dies_is_one_alert},
		{"an agent that stays away is its own", an_agent_that_stays_away_is_its_own},
		{"who was behind a gateway has time to come back",
			who_was_behind_a_gateway_has_time_to_come_back},
		{"who goes before its gateway is behind it",
			who_goes_before_its_gateway_is_behind_it},
		{"what plugins say counts", what_plugins_say_counts},
		{"a wrong clock holds nothing back", a_wrong_clock_holds_nothing_back},
		{"a server that looks on misses nothing", a_server_that_looks_on_misses_nothing},
		{"many that are gone take little time", many_that_are_gone_take_little_time},
		{"what is kept is bounded", what_is_kept_is_bounded},
		{"what is away while the server starts is found",
			what_is_away_while_the_server_starts_is_found},
		{"maintenance is quiet and ends by itself",
			maintenance_is_quiet_and_ends_by_itself},
		{"the lease is taken over", the_lease_is_taken_over},
		{"a live copy is one alert", a_live_copy_is_one_alert},
		{"a store that fails is one alert", a_store_that_fails_is_one_alert},
		{"a failed store is told late rather than not",
			a_failed_store_is_told_late_rather_than_not},
		{"each server sees whom the other has", each_server_sees_whom_the_other_has},
		{"a server that is new raises nothing", a_server_that_is_new_raises_nothing},
		CU_TEST_INFO_NULL,
	};
	int result = suite_run(argc, argv, "manage-alerts", tests);

	return yett_buffer_alive() == 0 ? result : EXIT_FAILURE;
}
