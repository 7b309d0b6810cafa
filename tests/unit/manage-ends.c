/* What is asked of a management server, and under way when its node ends: whoever asked is answered while all of it
 * is still there. In the simulated world. */
#include <stdlib.h>
#include <string.h>

#include "conf/load.h"
#include "flow/stages.h"
#include "manage/admission/court.h"
#include "manage-hostile.h"
#include "suite.h"

/* In the order of the daemon: the loop runs what is posted to it at last. */
static void end_node(struct world_node *node)
{
	yett_node_free(node->node);
	node->node = NULL;
	yett_manage_free(node->manage);
	sim_loop_free(node->loop);
	yett_conf_free(node->conf);
	sim_process_free(node->process);
	node->process = NULL;
}

static bool is_reading(void *arg)
{
	return !yett_readers_idle(arg);
}

static void what_is_read_to_forget_a_node(void)
{
	struct group group = hostile_group_new(1);
	struct yett_id id = hostile_id_of(1);
	struct group_answer answer;

	yett_known_describe(group.server->manage, yett_known_ensure(group.server->manage, &id),
		"old.example", "", "", "");
	world_run(group.world, 1234567);
	CU_ASSERT_FATAL(!is_reading(group.server->node));
	group_ask_at(group.server, "/v1/nodes/forget", "{\"name\": \"old.example\"}", &answer);
	CU_ASSERT(!answer.came);
	CU_ASSERT(is_reading(group.server->node)); /* else nothing was tried */
	end_node(group.server);
	CU_ASSERT(answer.came);
	CU_ASSERT_EQUAL(answer.result, YETT_ECLOSED);
	world_free(group.world);
}

/* Somebody was faster: what stands there now is read again. */
static void what_is_read_after_a_conflict(void)
{
	struct group group = hostile_group_new(2);
	struct group_answer answer;
	struct yett_paper *paper;

	hostile_change_good(&group, "/v1/group/set", "{\"manual_agents\": \"review\"}");
	world_run(group.world, 1234567);
	CU_ASSERT_FATAL(!is_reading(group.server->node));
	paper = (struct yett_paper *)(uintptr_t)yett_court_find(
		group.server->manage->court, YETT_TABLE_GROUP, "settings");
	CU_ASSERT_PTR_NOT_NULL_FATAL(paper);
	paper->revision += 1000;
	group_ask_at(group.server, "/v1/group/set", "{\"manual_agents\": \"approve\"}", &answer);
	CU_ASSERT(sim_run_until(group.world->sim, is_reading, group.server->node, 0));
	CU_ASSERT(!answer.came);
	end_node(group.server);
	CU_ASSERT(answer.came);
	CU_ASSERT_EQUAL(answer.result, YETT_ECONFLICT);
	world_free(group.world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"what is read to forget a node", what_is_read_to_forget_a_node},
		{"what is read after a conflict", what_is_read_after_a_conflict},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("manage-ends", group_keys_begin, group_keys_end, tests);
	return suite_end(argc, argv);
}
