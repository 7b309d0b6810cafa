/* What a store has kept apart, as alerts, in the simulated world: each node's own, however much others have
 * there; and where it cannot be read, the rest is told all the same. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/id.h"
#include "flow/stages.h"
#include "manage/internal.h"
#include "simulation/world.h"
#include "suite.h"
#include "wire/batch.h"
#include "wire/record.h"

#define ORIGINS 6
#define UNKNOWN 77 /* content */

struct group {
	struct world *world;
	struct world_node *server, *agent;
	GString *told; /* one line each: "raised dead-letter …0001" */
};

static const struct yett_store_operations *real;
static bool blind; /* what was kept apart cannot be read */
static char last_text[1024];

static int newest_dead(void *self, int64_t since_ns, yett_dead_letter_fn visit, void *arg,
	struct yett_error *error)
{
	if (blind) {
		return yett_fail(error, YETT_ECORRUPT, "look at the disk", "a page is damaged");
	}
	return real->newest_dead(self, since_ns, visit, arg, error);
}

static void notice(void *arg, const char *event, const json_t *alert)
{
	const char *node = json_string_value(json_object_get(alert, "node"));
	size_t length = strlen(node);

	g_strlcpy(last_text, json_string_value(json_object_get(alert, "text")), sizeof(last_text));
	g_string_append_printf(arg, "%s %s %s\n", event,
		json_string_value(json_object_get(alert, "kind")),
		length == YETT_ID_TEXT_SIZE - 1 ? node + length - 4 : node);
}

static void start(struct group *group)
{
	world_start(group->server);
	yett_manage_on_notice(group->server->manage, notice, group->told);
	world_run(group->world, 30 * YETT_SEC);
}

static struct group group_new(uint64_t seed)
{
	static struct yett_module own;
	static struct yett_store_operations operations;
	struct group group = {.world = world_new(seed), .told = g_string_new(NULL)};

	own = *world_module("store-sqlite", YETT_KIND_STORE);
	real = own.operations;
	memcpy(&operations, real, sizeof(operations));
	operations.newest_dead = newest_dead;
	own.name = "store-half-blind";
	own.operations = &operations;
	group.world->own = &own;
	blind = false;
	group.server = world_add(group.world, "ms.example",
		"group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"store = { module = \"store-half-blind\"; path = \"/ms.example/yett.db\"; };",
		world_address("ms.example"));
	group.agent = world_add(group.world, "a.example",
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );",
		world_address("ms.example"));
	world_start(group.agent);
	start(&group);
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

/* A batch that cannot be stored as it came, straight to the store; `aside`: since it is nobody's. */
static void put_letter(
	struct group *group, const struct yett_id *origin, uint64_t number, const char *aside)
{
	static const struct yett_epoch epoch = {7, 7};
	struct yett_node *node = group->server->node;
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX / 2);
	struct yett_record record = {.size = sizeof(record),
		.kind = YETT_RECORD_EVENT,
		.time_ns = yett_clock_wall(node->clock),
		.body = yett_text("of another version")};
	struct yett_batch batch;
	struct yett_keep *keep;

	CU_ASSERT_EQUAL_FATAL(yett_payload_record(payload, &record), 0);
	CU_ASSERT_EQUAL_FATAL(yett_payload_cut(payload, YETT_LANE_NORMAL, YETT_CONTENT_RECORDS,
				      false, yett_clock_wall(node->clock), &batch),
		0);
	yett_payload_free(payload);
	batch.info.content = UNKNOWN;
	yett_batch_renumber(&batch, origin, &epoch, number);
	keep = yett_keep_new(&batch, NULL, 0, told, NULL);
	yett_buffer_unref(batch.buffer);
	keep->received_ns = yett_clock_wall(node->clock);
	keep->aside = aside;
	yett_store_keep(node, keep);
}

static struct yett_id origin_of(unsigned number)
{
	struct yett_id id = {{0x11, 0x11, 0, 0, 0, 0, 0x40, 0, 0x80}};

	id.bytes[15] = (uint8_t)number;
	return id;
}

/* Of six nodes one letter each, and then many of one: six alerts, each until an hour after its last. */
static void each_node_has_its_own(void)
{
	struct group group = group_new(1);
	struct yett_id loud = origin_of(1);
	GString *want = g_string_new(NULL);

	for (unsigned i = ORIGINS; i > 0; i--) {
		struct yett_id origin = origin_of(i);

		put_letter(&group, &origin, 1, NULL);
		world_run(group.world, 15 * YETT_SEC);
		g_string_append_printf(want, "raised dead-letter %04x\n", i);
	}
	expect_told(&group, want->str);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_text, "yettctl dead replay"));
	for (uint64_t number = 2; number <= 60; number++) {
		put_letter(&group, &loud, number, NULL);
		world_run(group.world, 5 * YETT_SEC);
	}
	world_run(group.world, 3200 * YETT_SEC);
	expect_told(&group, "");
	g_string_truncate(want, 0);
	for (unsigned i = ORIGINS; i > 1; i--) {
		g_string_append_printf(want, "closed dead-letter %04x\n", i);
	}
	world_run(group.world, 300 * YETT_SEC);
	expect_told(&group, want->str);
	world_run(group.world, 200 * YETT_SEC);
	expect_told(&group, "closed dead-letter 0001\n");
	g_string_free(want, TRUE);
	group_free(&group);
}

/* It is told of the identity that it bears, in words that fit: nobody can store it. */
static void what_bears_this_server_s_origin_is_another_one_s(void)
{
	struct group group = group_new(2);
	struct yett_id own = group.server->node->id;

	put_letter(&group, &own, 1, "it bears the origin of this server");
	world_run(group.world, 15 * YETT_SEC);
	expect_told(&group, "raised dead-letter ms.example\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(last_text, "find the node that has taken that identity"));
	CU_ASSERT_PTR_NULL(strstr(last_text, "replay"));
	group_free(&group);
}

/* Whether it fails while the server runs, or from its start on. */
static void what_cannot_be_read_is_no_answer(void)
{
	struct group group = group_new(3);
	struct yett_id first = origin_of(1), second = origin_of(2);

	put_letter(&group, &first, 1, NULL);
	world_run(group.world, 15 * YETT_SEC);
	expect_told(&group, "raised dead-letter 0001\n");
	blind = true;
	put_letter(&group, &second, 1, NULL);
	world_kill(group.agent);
	world_run(group.world, 120 * YETT_SEC);
	expect_told(&group, "raised unreachable a.example\n");
	world_start(group.agent);
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "closed unreachable a.example\n");
	world_kill(group.server);
	start(&group);
	world_run(group.world, 60 * YETT_SEC);
	expect_told(&group, "");
	world_kill(group.agent);
	world_run(group.world, 120 * YETT_SEC);
	expect_told(&group, "raised unreachable a.example\n");
	blind = false;
	world_run(group.world, 15 * YETT_SEC);
	expect_told(&group, "raised dead-letter 0002\n");
	group_free(&group);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"each node has its own", each_node_has_its_own},
		{"what bears this server's origin is another one's",
			what_bears_this_server_s_origin_is_another_one_s},
		{"what cannot be read is no answer", what_cannot_be_read_is_no_answer},
		CU_TEST_INFO_NULL,
	};
	int result = suite_run(argc, argv, "manage-aside", tests);

	return yett_buffer_alive() == 0 ? result : EXIT_FAILURE;
}
