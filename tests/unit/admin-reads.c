/* What people ask the store waits for each other, and what nobody waits for any more is not asked; in the
 * simulated world, in which the readers' threads are the loop. */
#include <string.h>

#include "admin/request.h"
#include "flow/stages.h"
#include "simulation/world.h"
#include "suite.h"

#define QUESTIONS 20

struct question {
	struct yett_admin_request request;
	bool awaited, asked, done;
	GString *order;
	char letter;
};

static bool is_awaited(const struct yett_admin_request *request)
{
	return ((const struct question *)(const void *)request)->awaited;
}

static void find(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct question *question = arg;

	(void)operations;
	(void)self;
	question->asked = true;
	g_string_append_c(question->order, question->letter);
}

static void done(void *arg)
{
	((struct question *)arg)->done = true;
}

static struct world *begin(struct question questions[QUESTIONS], GString *order)
{
	struct world *world = world_new(1);
	struct world_node *server = world_add(world, "ms.example",
		"group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"store = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	struct yett_admin_reads *reads = yett_admin_reads_new();

	world_start(server);
	world_run(world, 5 * YETT_SEC);
	memset(questions, 0, QUESTIONS * sizeof(questions[0]));
	for (int i = 0; i < QUESTIONS; i++) {
		questions[i].request.manage = server->manage;
		questions[i].request.reads = reads;
		questions[i].request.is_awaited = is_awaited;
		questions[i].awaited = true;
		questions[i].order = order;
		questions[i].letter = 'p';
	}
	return world;
}

static void another_long_read_waits_for_one_of_them(void)
{
	GString *order = g_string_new(NULL);
	struct question questions[QUESTIONS], other = {.order = order, .letter = 'o'};
	struct world *world = begin(questions, order);

	for (int i = 0; i < QUESTIONS; i++) {
		yett_admin_read(&questions[i].request, find, done, &questions[i]);
	}
	yett_readers_call(
		yett_manage_node(questions[0].request.manage), YETT_READ_LONG, find, done, &other);
	questions[7].awaited = false;
	world_run(world, 100 * YETT_MS);
	CU_ASSERT_STRING_EQUAL(order->str, "popppppppppppppppppp");
	for (int i = 0; i < QUESTIONS; i++) {
		CU_ASSERT(questions[i].done);
		CU_ASSERT_EQUAL(questions[i].asked, i != 7);
	}
	yett_admin_reads_end(questions[0].request.reads);
	world_free(world);
	g_string_free(order, TRUE);
}

/* Who changes something goes first, in the order of asking; what is under way is not disturbed. */
static void who_changes_something_goes_first(void)
{
	static const struct yett_admin_change change;
	GString *order = g_string_new(NULL);
	struct question questions[QUESTIONS];
	struct world *world = begin(questions, order);

	for (int i = 0; i < QUESTIONS; i++) {
		if (i == 3 || i == 18) {
			questions[i].request.change = &change;
			questions[i].letter = i == 3 ? 'C' : 'D';
		}
		yett_admin_read(&questions[i].request, find, done, &questions[i]);
	}
	world_run(world, 100 * YETT_MS);
	CU_ASSERT_STRING_EQUAL(order->str, "pCDppppppppppppppppp");
	yett_admin_reads_end(questions[0].request.reads);
	world_free(world);
	g_string_free(order, TRUE);
}

/* What has not begun is not asked any more; what is under way ends, and takes with it what is left. */
static void an_end_is_the_end_of_all(void)
{
	GString *order = g_string_new(NULL);
	struct question questions[QUESTIONS];
	struct world *world = begin(questions, order);

	for (int i = 0; i < QUESTIONS; i++) {
		yett_admin_read(&questions[i].request, find, done, &questions[i]);
	}
	yett_admin_reads_end(questions[0].request.reads);
	CU_ASSERT(!questions[0].done && !questions[1].done);
	world_run(world, 100 * YETT_MS);
	CU_ASSERT_STRING_EQUAL(order->str, "p");
	for (int i = 0; i < QUESTIONS; i++) {
		CU_ASSERT(questions[i].done);
	}
	world_free(world);
	g_string_free(order, TRUE);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"another long read waits for one of them",
			another_long_read_waits_for_one_of_them},
		{"who changes something goes first", who_changes_something_goes_first},
		{"an end is the end of all", an_end_is_the_end_of_all},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "admin-reads", tests);
}
