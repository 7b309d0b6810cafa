/* A management group in the simulated world, whose servers sign (group-world.h). */
#include "group-world.h"

#include <stdio.h>
#include <string.h>

#include "manage/views/views.h"
#include "suite.h"

static struct world_node *add_gateway(struct world *world, const char *name, const char *upstream)
{
	return world_add(world, name,
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"**\" ]; } );\n"
		"upstreams = ( { name = \"%s\"; address = \"%s\"; } );\n",
		world_address(name), upstream, world_address(upstream));
}

static void sign_first(struct group *group)
{
	group_sign(group->server);
	group->key = group->server->manage->court->server_key;
	group->certificate = g_byte_array_ref(group->server->manage->court->certificate);
}

struct group group_new(uint64_t seed)
{
	struct group group = {.world = world_new(seed)};
	g_autofree char *kit = group_kit(BRANCH);

	group.server = world_add(group.world, "ms.example",
		GROUP_CONF
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"**\" ]; } );\n"
		"store = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	group.first = add_gateway(group.world, "gw1.example", "ms.example");
	group.second = add_gateway(group.world, "gw2.example", "ms.example");
	group.branch = world_add(group.world, BRANCH,
		"group = { kit = \"%s\"; };\n"
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"upstreams = ( { name = \"gw1.example\"; address = \"%s\"; } );\n",
		kit, world_address(BRANCH), world_address("gw1.example"));
	world_start(group.server);
	sign_first(&group);
	world_start(group.first);
	world_start(group.second);
	world_start(group.branch);
	world_run(group.world, 5 * YETT_SEC);
	return group;
}

void group_free(struct group *group)
{
	g_byte_array_unref(group->certificate);
	world_free(group->world);
}

void group_ask(struct group *group, const char *body, struct group_answer *ret_answer)
{
	group_ask_at(group->server, "/v1/nodes/set", body, ret_answer);
}

void group_set(struct group *group, const char *body, uint64_t run_ns)
{
	struct group_answer answer;

	group_ask(group, body, &answer);
	world_run(group->world, run_ns);
	CU_ASSERT(answer.came);
	CU_ASSERT_EQUAL(answer.result, 0);
	if (answer.result != 0) {
		fprintf(stderr, "%s: %s\n", answer.text, answer.mend);
	}
}

void group_expect_state(struct group *group, const char *want, const char *why)
{
	json_t *json = yett_view_desired(group->server->manage, BRANCH);
	const char *state = json_string_value(json_object_get(json, "state"));
	const char *says = json_string_value(json_object_get(json, "why"));

	if (g_strcmp0(state, want) != 0 || strstr(says, why) == NULL) {
		fprintf(stderr, "state %s, why %s; not %s, %s\n", state, says, want, why);
		CU_FAIL("another state than wanted");
	}
	json_decref(json);
}

const char *group_step(const struct world_node *server, const char *name)
{
	return yett_paper_text(
		yett_court_find(server->manage->court, YETT_TABLE_MOVES, name), "step");
}

void group_expect_step(
	const struct world_node *server, const char *name, const char *want, const char *why)
{
	const struct yett_paper *paper =
		yett_court_find(server->manage->court, YETT_TABLE_MOVES, name);

	if (strcmp(yett_paper_text(paper, "step"), want) != 0 ||
		strstr(yett_paper_text(paper, "why"), why) == NULL) {
		fprintf(stderr, "step %s, why %s; not %s, %s\n", yett_paper_text(paper, "step"),
			yett_paper_text(paper, "why"), want, why);
		CU_FAIL("another step than wanted");
	}
}

struct hearing {
	struct yett_management calls;
	const char *table;
};

static int hear_one(void *arg, const char *key, const char *json, uint64_t revision)
{
	const struct hearing *hearing = arg;

	hearing->calls.registry_changed(hearing->calls.arg, hearing->table, key, json, revision);
	return 0;
}

static void hear(struct world_node *server)
{
	static const char *const tables[] = {YETT_TABLE_GATEWAYS, YETT_TABLE_AGENTS,
		YETT_TABLE_DESIRED, YETT_TABLE_APPLIED, YETT_TABLE_MOVES};
	const struct yett_store_operations *store;
	void *self;

	if (server == NULL || server->node == NULL) {
		return;
	}
	store = yett_store_operations(server->node, &self);
	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
		struct hearing hearing = {yett_manage_calls(server->manage), tables[i]};

		(void)store->registry_list(self, tables[i], NULL, hear_one, &hearing, NULL);
	}
}

void group_run(struct group *group, uint64_t for_ns)
{
	for (uint64_t ns = 0; ns < for_ns; ns += 50 * YETT_MS) {
		world_run(group->world, MIN(50 * YETT_MS, for_ns - ns));
		if (group->other != NULL) {
			hear(group->server);
			hear(group->other);
		}
	}
}

bool group_wait_step(struct group *group, const struct world_node *server, const char *name,
	const char *want, uint64_t for_ns)
{
	for (uint64_t ns = 0; ns < for_ns; ns += YETT_MS) {
		if (strcmp(group_step(server, name), want) == 0) {
			return true;
		}
		if (ns % (50 * YETT_MS) == 0 && group->other != NULL) {
			hear(group->server);
			hear(group->other);
		}
		world_run(group->world, YETT_MS);
	}
	fprintf(stderr, "step %s, not %s\n", group_step(server, name), want);
	return false;
}

void group_expect_links(const struct world_node *node, const char *want)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (guint i = 0; i < node->node->links->len; i++) {
		const struct yett_link *link = node->node->links->pdata[i];

		g_string_append_printf(names, "%s%s", i > 0 ? " " : "", link->name);
	}
	CU_ASSERT_STRING_EQUAL(names->str, want);
	if (strcmp(names->str, want) != 0) {
		fprintf(stderr, "upstreams %s, not %s\n", names->str, want);
	}
}

/* Two servers. */

static struct world_node *add_server(struct world *world, const char *name)
{
	return world_add(world, name,
		GROUP_CONF "listeners = ( { address = \"%s\"; } );\n"
			   "store = { module = \"store-sqlite\"; path = \"/%s/shared/yett.db\"; };",
		world_address(name), name);
}

static struct world_node *add_closed(struct world *world, const char *name)
{
	g_autofree char *kit = group_kit(name);

	return world_add(world, name,
		"group = { kit = \"%s\"; };\n"
		"listeners = ( { address = \"%s\"; } );\n"
		"upstreams = ( { name = \"ms1.example\"; address = \"%s\"; },\n"
		"  { name = \"ms2.example\"; address = \"%s\"; priority = 1; } );\n",
		kit, world_address(name), world_address("ms1.example"),
		world_address("ms2.example"));
}

static void approve(struct group *group, const char *what, const char *body)
{
	struct group_answer answer;

	group_ask_at(group->server, what, body, &answer);
	group_run(group, YETT_SEC);
	CU_ASSERT_FATAL(answer.came && answer.result == 0);
}

struct group group_new_two(uint64_t seed)
{
	struct group group = {.world = world_new(seed)};
	g_autofree char *kit = group_kit("a.example");

	group.server = add_server(group.world, "ms1.example");
	group.other = add_server(group.world, "ms2.example");
	world_share_disk(group.other, group.server);
	group.first = add_closed(group.world, "gw1.example");
	group.second = add_closed(group.world, "gw2.example");
	group.agent = world_add(group.world, "a.example",
		"group = { kit = \"%s\"; };\n"
		"upstreams = ( { name = \"gw1.example\"; address = \"%s\"; } );\n",
		kit, world_address("gw1.example"));
	world_start(group.server);
	sign_first(&group);
	world_start(group.other);
	group_sign(group.other);
	approve(&group, "/v1/gateways/approve", "{\"name\": \"gw1.example\", \"ahead\": true}");
	approve(&group, "/v1/gateways/approve", "{\"name\": \"gw2.example\", \"ahead\": true}");
	approve(&group, "/v1/agents/approve", "{\"names\": [\"a.example\"], \"ahead\": true}");
	world_start(group.first);
	world_start(group.second);
	world_start(group.agent);
	group_run(&group, 10 * YETT_SEC);
	return group;
}
