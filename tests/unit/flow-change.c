/* Changes of registry documents by compare-and-set (flow/store.c), in the simulated world and over
 * store-sqlite: who decides on what somebody else has changed meanwhile is told, and nothing of it is
 * written; what travels in the same transaction is unharmed. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "flow/stages.h"
#include "simulation/world.h"
#include "suite.h"

struct answer {
	int calls;
	int result;
	uint64_t revision;
	struct yett_node *again; /* to change it once more from within the answer */
	struct answer *next;
};

static void take(void *arg, int result, uint64_t revision)
{
	struct answer *answer = arg;

	answer->calls++;
	answer->result = result;
	answer->revision = revision;
	if (answer->again != NULL) {
		yett_store_change(answer->again, "test", "key", "{\"by\":\"next\"}", revision, take,
			answer->next);
	}
}

static struct world_node *one_server(struct world *world)
{
	struct world_node *server = world_add(world, "ms.example",
		"group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"store = { module = \"store-sqlite\"; };",
		world_address("ms.example"));

	world_start(server);
	world_run(world, YETT_SEC);
	return server;
}

struct found {
	char json[64];
	uint64_t revision;
};

static int find(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct found *found = arg;

	(void)key;
	snprintf(found->json, sizeof(found->json), "%s", json);
	found->revision = revision;
	return 0;
}

static struct found present_at(const struct world_node *server, const char *at)
{
	struct found found = {.json = "nothing"};
	void *self;
	const struct yett_store_operations *operations = yett_store_operations(server->node, &self);

	CU_ASSERT_EQUAL(operations->registry_list(self, "test", at, find, &found, NULL), 0);
	return found;
}

static struct found present(const struct world_node *server)
{
	return present_at(server, "key");
}

static void change(
	struct world_node *server, const char *json, uint64_t revision, struct answer *ret_answer)
{
	memset(ret_answer, 0, sizeof(*ret_answer));
	yett_store_change(server->node, "test", "key", json, revision, take, ret_answer);
}

static void expect(const struct answer *answer, int result)
{
	CU_ASSERT_EQUAL(answer->calls, 1);
	CU_ASSERT_EQUAL(answer->result, result);
	if (answer->result != result) {
		fprintf(stderr, "%s, not %s\n", yett_result_text(answer->result),
			yett_result_text(result));
	}
}

static void changes_what_is_as_it_was_read(void)
{
	struct world *world = world_new(1);
	struct world_node *server = one_server(world);
	struct answer first, answer;

	change(server, "{\"by\":1}", 0, &first);
	world_run(world, YETT_SEC);
	expect(&first, 0);
	CU_ASSERT(first.revision > 0);
	change(server, "{\"by\":2}", 0, &answer); /* it is there */
	world_run(world, YETT_SEC);
	expect(&answer, YETT_ECONFLICT);
	CU_ASSERT_STRING_EQUAL(present(server).json, "{\"by\":1}");
	change(server, "{\"by\":3}", first.revision, &answer);
	world_run(world, YETT_SEC);
	expect(&answer, 0);
	CU_ASSERT(answer.revision > first.revision);
	CU_ASSERT_EQUAL(present(server).revision, answer.revision);
	change(server, "{\"by\":4}", first.revision, &first); /* old */
	world_run(world, YETT_SEC);
	expect(&first, YETT_ECONFLICT);
	CU_ASSERT_STRING_EQUAL(present(server).json, "{\"by\":3}");
	change(server, "no JSON", answer.revision, &first);
	world_run(world, YETT_SEC);
	expect(&first, YETT_EINVAL);
	change(server, NULL, answer.revision + 1, &first);
	world_run(world, YETT_SEC);
	expect(&first, YETT_ECONFLICT);
	change(server, NULL, present(server).revision, &first);
	world_run(world, YETT_SEC);
	expect(&first, 0);
	CU_ASSERT_EQUAL(first.revision, 0);
	CU_ASSERT_STRING_EQUAL(present(server).json, "nothing");
	world_free(world);
}

/* All in one transaction: only the one that came first, and what is beside it. */
static void one_of_many_wins(void)
{
	struct world *world = world_new(2);
	struct world_node *server = one_server(world);
	struct answer base, first, second, blind;

	change(server, "{\"by\":0}", 0, &base);
	world_run(world, YETT_SEC);
	world_tell(server, YETT_LANE_NORMAL, 3);
	change(server, "{\"by\":1}", base.revision, &first);
	change(server, "{\"by\":2}", base.revision, &second);
	yett_store_document(server->node, "test", "beside", "{}");
	world_run(world, YETT_SEC);
	expect(&first, 0);
	expect(&second, YETT_ECONFLICT);
	CU_ASSERT_STRING_EQUAL(present(server).json, "{\"by\":1}");
	CU_ASSERT(world_wait_events(server, 3, 5 * YETT_SEC));
	/* Order is that of the calls, also with what is written whatever was there. The first is
	 * under way at once; those after it wait for each other. */
	yett_store_document(server->node, "test", "beside", "{}");
	yett_store_document(server->node, "test", "key", "{\"by\":3}");
	change(server, "{\"by\":4}", YETT_REVISION_ANY, &blind);
	yett_store_document(server->node, "test", "key", "{\"by\":5}");
	world_run(world, YETT_SEC);
	expect(&blind, 0);
	CU_ASSERT_STRING_EQUAL(present(server).json, "{\"by\":5}");
	CU_ASSERT(present(server).revision > blind.revision);
	world_free(world);
}

static void an_answer_may_change_again(void)
{
	struct world *world = world_new(3);
	struct world_node *server = one_server(world);
	struct answer next = {0}, answer = {.again = server->node, .next = &next};

	yett_store_change(server->node, "test", "key", "{}", 0, take, &answer);
	world_run(world, YETT_SEC);
	expect(&answer, 0);
	expect(&next, 0);
	CU_ASSERT_STRING_EQUAL(present(server).json, "{\"by\":\"next\"}");
	world_free(world);
}

static void waits_for_a_store_that_fails(void)
{
	struct world *world = world_new(4);
	struct world_node *server = one_server(world);
	struct answer first, second;

	server->process->faults.full = true;
	change(server, "{\"by\":1}", 0, &first);
	world_run(world, 5 * YETT_SEC);
	CU_ASSERT_EQUAL(first.calls, 0);
	CU_ASSERT_FALSE(yett_store_healthy(server->node));
	change(server, "{\"by\":2}", 0, &second);
	server->process->faults.full = false;
	world_run(world, 5 * YETT_SEC);
	expect(&first, 0);
	expect(&second, YETT_ECONFLICT);
	CU_ASSERT_STRING_EQUAL(present(server).json, "{\"by\":1}");
	world_free(world);
}

/* However long it fails and however often a value is told anew, one of each key waits; and what came after a
 * change is written after it. */
static void what_waits_is_bounded(void)
{
	struct world *world = world_new(6);
	struct world_node *server = one_server(world);
	struct answer answer;
	char json[32];

	server->process->faults.full = true;
	yett_store_document(server->node, "test", "key", "{\"by\":\"first\"}");
	for (unsigned second = 0; second < 60; second++) {
		world_run(world, YETT_SEC);
		for (unsigned i = 0; i < 50; i++) {
			char key[16];

			snprintf(key, sizeof(key), "k%u", i);
			snprintf(json, sizeof(json), "{\"by\":%u}", second);
			yett_store_document(server->node, "test", key, json);
		}
		if (second == 30) {
			change(server, "{\"by\":\"change\"}", YETT_REVISION_ANY, &answer);
		}
		yett_store_document(server->node, "test", "key", json);
	}
	CU_ASSERT_FALSE(yett_store_healthy(server->node));
	CU_ASSERT(yett_store_waiting(server->node) <
		  50 + 20); /* and what servers say of themselves */
	if (yett_store_waiting(server->node) >= 50 + 20) {
		fprintf(stderr, "%zu wait\n", yett_store_waiting(server->node));
	}
	server->process->faults.full = false;
	world_run(world, 5 * YETT_SEC);
	expect(&answer, 0);
	CU_ASSERT_STRING_EQUAL(present(server).json, "{\"by\":59}");
	CU_ASSERT(present(server).revision > answer.revision);
	world_free(world);
}

/* What people wait for is given back, and is not written later; what servers do by themselves waits. */
static void what_is_asked_for_is_refused_in_time(void)
{
	const struct yett_store_also also = {"audit", "1", "{}"};
	struct world *world = world_new(7);
	struct world_node *server = one_server(world);
	struct answer asked = {0}, own;

	server->process->faults.full = true;
	change(server, "{\"by\":\"itself\"}", YETT_REVISION_ANY, &own);
	yett_store_change_also(server->node, "test", "other", "{}", 0, &also, 1, take, &asked);
	world_run(world, 5 * YETT_SEC);
	CU_ASSERT_EQUAL(asked.calls, 0);
	world_run(world, 7 * YETT_SEC);
	expect(&asked, YETT_EUNAVAIL);
	CU_ASSERT_EQUAL(own.calls, 0);
	server->process->faults.full = false;
	world_run(world, 5 * YETT_SEC);
	expect(&asked, YETT_EUNAVAIL);
	expect(&own, 0);
	CU_ASSERT_STRING_EQUAL(present_at(server, "other").json, "nothing");
	world_free(world);
}

static void too_many_changes_are_refused(void)
{
	struct world *world = world_new(8);
	struct world_node *server = one_server(world);
	struct answer *answers = g_new0(struct answer, YETT_STORE_CHANGES_MAX + 10);
	unsigned refused = 0;

	server->process->faults.full = true;
	for (unsigned i = 0; i < YETT_STORE_CHANGES_MAX + 10; i++) {
		change(server, "{}", YETT_REVISION_ANY, &answers[i]);
	}
	CU_ASSERT_EQUAL(
		answers[YETT_STORE_CHANGES_MAX + 9].calls, 0); /* not from within the call */
	world_run(world, 3 * YETT_SEC);
	for (unsigned i = 0; i < YETT_STORE_CHANGES_MAX + 10; i++) {
		refused += answers[i].calls == 1 && answers[i].result == YETT_EUNAVAIL;
	}
	CU_ASSERT(refused >= 10 && refused < 20); /* this server has some of its own */
	server->process->faults.full = false;
	world_run(world, 5 * YETT_SEC);
	for (unsigned i = 0; i < YETT_STORE_CHANGES_MAX + 10; i++) {
		CU_ASSERT(answers[i].calls == 1);
	}
	memset(answers, 0, sizeof(*answers));
	change(server, "{}", YETT_REVISION_ANY, answers); /* there is room again */
	world_run(world, YETT_SEC);
	expect(answers, 0);
	world_free(world);
	g_free(answers);
}

static void a_node_that_stops_says_so(void)
{
	struct world *world = world_new(5);
	struct world_node *server = one_server(world);
	struct answer first, second;

	server->process->faults.full = true;
	change(server, "{\"by\":1}", 0, &first);
	world_run(world, 2 * YETT_SEC);
	change(server, "{\"by\":2}", 0, &second);
	world_kill(server);
	expect(&first, YETT_ECLOSED);
	expect(&second, YETT_ECLOSED);
	world_free(world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"changes what is as it was read", changes_what_is_as_it_was_read},
		{"one of many wins", one_of_many_wins},
		{"an answer may change again", an_answer_may_change_again},
		{"waits for a store that fails", waits_for_a_store_that_fails},
		{"what waits is bounded", what_waits_is_bounded},
		{"what is asked for is refused in time", what_is_asked_for_is_refused_in_time},
		{"too many changes are refused", too_many_changes_are_refused},
		{"a node that stops says so", a_node_that_stops_says_so},
		CU_TEST_INFO_NULL,
	};
	int result = suite_run(argc, argv, "flow-change", tests);

	return yett_buffer_alive() == 0 ? result : EXIT_FAILURE;
}
