/* The flow over a queue whose disk rots, refuses to read, and is full: what can be had later is sent later,
 * what is lost is told and takes no room any more, and what makes room does not wait for room. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/log.h"
#include "flow/stages.h"
#include "manage/manage.h"
#include "simulation/world.h"
#include "suite.h"

#define GROUP "group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
#define SERVER                                                                                     \
	GROUP "listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"                       \
	      "store = { module = \"store-sqlite\"; };"
#define COUNT  400 /* records in a batch: some 25 KiB */
#define LITTLE 20  /* batches: a few segments of WORLD_SMALL_QUEUE */
#define MUCH   150 /* more than a lane of it takes */
#define MANY   600 /* small ones, in more than one segment */

struct group {
	struct world *world;
	struct world_node *server, *agent;
	struct yett_faulty *faulty; /* the agent's disk */
	unsigned told;
};

/* The agent runs, and has nobody to send to yet. */
static void group_make(struct group *group, uint64_t seed, const char *full)
{
	struct world *world = world_new(seed);

	*group = (struct group){.world = world};
	group->server = world_add(world, "ms.example", SERVER, world_address("ms.example"));
	group->agent = world_add(world, "agent.example",
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n" WORLD_SMALL_QUEUE
		"%s",
		world_address("ms.example"), full);
	group->faulty = sim_disk_faulty(group->agent->disk);
	world_start(group->agent);
}

static void tell(struct group *group, uint32_t lane, unsigned batches, unsigned count)
{
	for (unsigned i = 0; i < batches; i++) {
		world_tell(group->agent, lane, count);
		world_run(group->world, count > 1 ? 20 * YETT_MS : 0);
		group->told += count;
	}
}

/* All that it told is on its disk, and nothing of it in its memory. */
static void restart(struct group *group)
{
	world_run(group->world, YETT_SEC);
	world_kill(group->agent);
	world_start(group->agent);
}

/* The first segment of the normal lane. */
static void first_segment(const struct group *group, char ret_name[64])
{
	const char *name;

	ret_name[0] = '\0';
	for (size_t i = 0; (name = yett_faulty_name(group->faulty, i)) != NULL; i++) {
		if (g_str_has_prefix(name, "1-") && g_str_has_suffix(name, ".seg") &&
			(ret_name[0] == '\0' || strcmp(name, ret_name) < 0)) {
			g_strlcpy(ret_name, name, 64);
		}
	}
	CU_ASSERT_NOT_EQUAL_FATAL(ret_name[0], '\0');
}

static struct yett_queue_stats stats_of(const struct group *group)
{
	struct yett_queue_view view;

	yett_queue_view(group->agent->node, &view);
	return view.stats;
}

/* Until all that was told has arrived, or is declared lost. */
static void expect_accounted(struct group *group, uint64_t lost)
{
	struct world_account account;
	int seconds = 0;

	do {
		world_run(group->world, YETT_SEC);
		account = world_account(group->server);
	} while (account.events + account.declared < group->told && seconds++ < 900);
	world_run(group->world, 5 * YETT_SEC);
	account = world_account(group->server);
	CU_ASSERT_EQUAL(account.events + account.declared, group->told);
	CU_ASSERT_EQUAL(account.declared, lost);
	CU_ASSERT_EQUAL(account.inferred, 0);
	CU_ASSERT_EQUAL(account.missing, 0);
	CU_ASSERT_EQUAL(account.twice, 0);
	CU_ASSERT_EQUAL(world_queued(group->agent), 0);
}

/* Asked to stop, it dies at some operation of that, or does not; then the power goes. */
static void a_stop_ends_well_enough(void)
{
	for (uint64_t at = 0; at <= 12; at++) {
		struct sim_process *process;
		struct group group;

		group_make(&group, 10 + at, "");
		tell(&group, YETT_LANE_NORMAL, 3, 20);
		world_run(group.world, YETT_SEC);
		process = group.agent->process;
		process->faults.kill_at = at > 0 ? process->operations + at : 0;
		world_stop(group.agent, 5 * YETT_SEC);
		CU_ASSERT_PTR_NULL_FATAL(group.agent->node);
		world_power(group.agent, (enum yett_faulty_crash)(at % YETT_FAULTY_CRASHES));
		world_start(group.agent);
		world_start(group.server);
		expect_accounted(&group, 0);
		world_free(group.world);
	}
}

/* A disk that takes no more when the node starts, but for what it cannot start without: how far its earlier starts
 * went is written once it takes something again. */
static void earlier_starts_are_written_down_later(void)
{
	struct group group;
	size_t length = 0;
	uint64_t at = 0;
	int result;

	group_make(&group, 31, "");
	tell(&group, YETT_LANE_NORMAL, 3, 20);
	world_run(group.world, YETT_SEC);
	world_kill(group.agent);
	do {
		yett_faulty_plan(group.faulty, ++at, YETT_ENOSPC, true);
		result = world_try_start(group.agent);
	} while (result < 0 && at < 100);
	CU_ASSERT_EQUAL_FATAL(result, 0);
	world_run(group.world, 70 * YETT_SEC);
	CU_ASSERT_PTR_NULL(yett_faulty_bytes(group.faulty, "epochs", &length));
	yett_faulty_plan(group.faulty, 0, 0, false);
	world_run(group.world, 35 * YETT_SEC);
	CU_ASSERT_PTR_NOT_NULL(yett_faulty_bytes(group.faulty, "epochs", &length));
	CU_ASSERT(length > 0);
	world_start(group.server);
	expect_accounted(&group, 0);
	world_free(group.world);
}

static void power_off(void *arg, struct world_node *node)
{
	(void)arg;
	world_power(node, YETT_FAULTY_NOTHING);
}

static void die(void *arg)
{
	struct sim_process *process = ((struct world_node *)arg)->process;

	process->dead = true;
	process->died(process->died_arg);
}

/* The power goes in the middle of a drain, which would have taken as long as the server does not answer. */
static void the_power_goes_in_a_drain(void)
{
	struct group group;

	group_make(&group, 30, "");
	world_start(group.server);
	world_run(group.world, YETT_SEC);
	sim_cut(group.world->sim, "ms.example", "agent.example", true);
	tell(&group, YETT_LANE_NORMAL, 3, 20);
	world_run(group.world, YETT_SEC);
	world_on_death(group.world, power_off, NULL);
	sim_at(group.world->sim, sim_now(group.world->sim) + YETT_SEC, die, group.agent);
	world_stop(group.agent, 30 * YETT_SEC);
	CU_ASSERT_PTR_NULL_FATAL(group.agent->node);
	sim_cut(group.world->sim, "ms.example", "agent.example", false);
	world_start(group.agent);
	expect_accounted(&group, 0);
	world_free(group.world);
}

static void reads_that_fail_lose_nothing(void)
{
	struct group group;

	group_make(&group, 1, "");
	tell(&group, YETT_LANE_NORMAL, LITTLE, COUNT);
	restart(&group);
	yett_faulty_plan_read(group.faulty, NULL, 0, UINT64_MAX, YETT_EIO);
	world_start(group.server);
	world_run(group.world, 30 * YETT_SEC);
	CU_ASSERT_EQUAL(world_account(group.server).events, 0);
	yett_faulty_plan_read(group.faulty, NULL, 0, 0, 0);
	expect_accounted(&group, 0);
	CU_ASSERT_EQUAL(yett_metrics_get(group.agent->node->metrics, YETT_COUNT_GAPS), 0);
	world_free(group.world);
}

/* A whole segment of small batches has rotted: it is found a few at a time, and all of it at once. */
static void much_damage_is_told_at_once(void)
{
	struct group group;
	char name[64];
	uint8_t *bytes;
	size_t length;
	int64_t gaps;

	group_make(&group, 5, "");
	tell(&group, YETT_LANE_NORMAL, MANY, 1);
	restart(&group);
	first_segment(&group, name);
	bytes = yett_faulty_bytes(group.faulty, name, &length);
	memset(bytes + 64, 0xa5, length - 64);
	world_run(group.world, 3 * YETT_SEC);
	gaps = yett_metrics_get(group.agent->node->metrics, YETT_COUNT_GAPS);
	CU_ASSERT(gaps > 100 && gaps < MANY); /* each is of one record */
	world_start(group.server);
	expect_accounted(&group, (uint64_t)gaps);
	world_free(group.world);
}

/* What is damaged in a segment is declared; then that segment takes no room any more. */
static void damage_takes_no_room(bool sector)
{
	struct group group;
	char name[64];
	size_t length;

	group_make(&group, 2, "");
	tell(&group, YETT_LANE_NORMAL, LITTLE, COUNT);
	restart(&group);
	first_segment(&group, name);
	if (sector) {
		yett_faulty_plan_read(group.faulty, name, 4096, 8192, YETT_EIO);
	} else {
		yett_faulty_bytes(group.faulty, name, &length)[4096] ^= 1;
	}
	world_start(group.server);
	expect_accounted(&group, COUNT);
	CU_ASSERT_PTR_NULL(yett_faulty_bytes(group.faulty, name, &length));
	CU_ASSERT(stats_of(&group).segments <= YETT_LANES);
	memcpy(strchr(name, '.'), ".bad", sizeof(".bad"));
	CU_ASSERT_PTR_NOT_NULL(yett_faulty_bytes(group.faulty, name, &length));
	world_free(group.world);
}

static void rot_takes_no_room(void)
{
	damage_takes_no_room(false);
}

static void a_bad_sector_takes_no_room(void)
{
	damage_takes_no_room(true);
}

/* Of what is damaged in a segment that was never sealed nothing says which records it was; or all of a segment
 * is gone, and its names with it. The store has to infer it, and it takes no room of the queue any more. */
static void what_has_no_name_takes_no_room(bool gone)
{
	struct world_account account;
	struct group group;
	char name[64];
	uint8_t *bytes;
	uint32_t second;
	size_t length;

	group_make(&group, gone ? 6 : 7, "");
	tell(&group, YETT_LANE_NORMAL, 3, COUNT); /* in one segment */
	world_run(group.world, YETT_SEC);
	world_stop(group.agent, YETT_SEC);
	world_kill(group.agent);
	first_segment(&group, name);
	if (gone) {
		CU_ASSERT(yett_faulty_take(group.faulty, name));
	} else {
		bytes = yett_faulty_bytes(group.faulty, name, &length);
		second = 64 + yett_get32(bytes + 64 + 4);
		memset(bytes + second, 0xa5, yett_get32(bytes + second + 4));
	}
	world_start(group.agent);
	world_run(group.world, 5 * YETT_SEC);
	world_start(group.server);
	world_run(group.world, 60 * YETT_SEC);
	CU_ASSERT_PTR_NULL(yett_faulty_bytes(group.faulty, name, &length));
	CU_ASSERT(stats_of(&group).segments <= YETT_LANES);
	restart(&group);
	CU_ASSERT_EQUAL(stats_of(&group).degraded, 0); /* it does not find that damage again */
	world_run(group.world, 60 * YETT_SEC);
	account = world_account(group.server);
	CU_ASSERT_EQUAL(account.events, group.told - (gone ? 3 : 1) * COUNT);
	CU_ASSERT_EQUAL(account.declared, 0);
	CU_ASSERT_EQUAL(account.inferred, group.told - account.events);
	CU_ASSERT_EQUAL(account.missing, 0);
	world_free(group.world);
}

static void rot_without_a_name_takes_no_room(void)
{
	what_has_no_name_takes_no_room(false);
}

static void what_is_gone_without_a_name_is_told_once(void)
{
	what_has_no_name_takes_no_room(true);
}

/* The urgent lane is full, and thousands wait for it; the notice that lets the bulk lane drop what is oldest
 * does not wait behind them. */
static void a_notice_does_not_wait(void)
{
	struct world_account account;
	struct group group;

	group_make(&group, 3, "full = { bulk = \"drop-oldest\"; };");
	tell(&group, YETT_LANE_URGENT, MUCH, COUNT);
	tell(&group, YETT_LANE_URGENT, 5000, 1);
	CU_ASSERT_EQUAL(stats_of(&group).lanes[YETT_LANE_BULK].entries, 0);
	tell(&group, YETT_LANE_BULK, MUCH, COUNT);
	world_run(group.world, 10 * YETT_SEC);
	CU_ASSERT(stats_of(&group).lanes[YETT_LANE_BULK].oldest_number > 1);
	world_start(group.server);
	world_run(group.world, 300 * YETT_SEC);
	account = world_account(group.server);
	CU_ASSERT_EQUAL(account.events + account.declared, group.told);
	CU_ASSERT_EQUAL(account.inferred, 0);
	CU_ASSERT_EQUAL(account.missing, 0);
	CU_ASSERT_EQUAL(account.twice, 0);
	CU_ASSERT_EQUAL(world_queued(group.agent), 0);
	world_free(group.world);
}

/* What has rotted, and its names with it, makes room like everything else. */
static void what_has_no_name_makes_room(void)
{
	struct group group;
	char name[64];
	uint8_t *bytes;
	size_t length;

	group_make(&group, 4, "full = { normal = \"drop-oldest\"; };");
	tell(&group, YETT_LANE_NORMAL, LITTLE, COUNT);
	first_segment(&group, name);
	bytes = yett_faulty_bytes(group.faulty, name, &length);
	memset(bytes + 64, 0xa5, length - 64);
	memcpy(strchr(name, '.'), ".rng", sizeof(".rng"));
	bytes = yett_faulty_bytes(group.faulty, name, &length);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	bytes[0] ^= 1;
	tell(&group, YETT_LANE_NORMAL, MUCH, COUNT);
	world_run(group.world, 30 * YETT_SEC);
	CU_ASSERT(stats_of(&group).lanes[YETT_LANE_NORMAL].oldest_number > LITTLE);
	world_free(group.world);
}

/* Until the agent's queue takes no more of the normal lane. How many batches of the bulk lane it told. */
static unsigned fill_normal(struct group *group)
{
	unsigned batches = 0;

	while (!yett_queue_is_full(group->agent->node, YETT_LANE_NORMAL) && batches < 40) {
		/* While the first is on its way, the next two wait for one round. */
		world_tell(group->agent, YETT_LANE_BULK, 1);
		world_tell(group->agent, YETT_LANE_NORMAL, COUNT);
		world_tell(group->agent, YETT_LANE_BULK, 1);
		group->told += COUNT + 2;
		batches += 2;
		world_run(group->world, 20 * YETT_MS);
	}
	CU_ASSERT(batches < 40);
	return batches;
}

/* A full disk: the lane that needs more of it pushes back. Another one, which would drop its oldest, has room
 * in what it holds, and goes on; once it needs more itself, it drops, though the first one still waits. */
static void a_full_disk_is_a_lanes_own_affair(void)
{
	struct world_account account;
	struct group group;
	unsigned batches;

	group_make(&group, 8, "full = { bulk = \"drop-oldest\"; };");
	tell(&group, YETT_LANE_BULK, LITTLE, COUNT);
	tell(&group, YETT_LANE_NORMAL, 1, 1);
	world_run(group.world, YETT_SEC);
	group.agent->process->faults.full = true;
	batches = LITTLE + fill_normal(&group);
	world_run(group.world, 30 * YETT_SEC);
	CU_ASSERT_EQUAL(yett_metrics_get(group.agent->node->metrics, YETT_COUNT_GAPS), 0);
	CU_ASSERT_EQUAL(stats_of(&group).lanes[YETT_LANE_BULK].entries, batches);
	tell(&group, YETT_LANE_BULK, 6, COUNT); /* more than a segment takes */
	world_run(group.world, 10 * YETT_SEC);
	CU_ASSERT(yett_metrics_get(group.agent->node->metrics, YETT_COUNT_GAPS) > 0);
	group.agent->process->faults.full = false;
	world_run(group.world, 10 * YETT_SEC);
	restart(&group);
	world_start(group.server);
	world_run(group.world, 300 * YETT_SEC);
	account = world_account(group.server);
	CU_ASSERT(account.declared > 0);
	CU_ASSERT_EQUAL(account.events + account.declared, group.told);
	CU_ASSERT_EQUAL(account.missing, 0);
	CU_ASSERT_EQUAL(world_queued(group.agent), 0);
	world_free(group.world);
}

static const struct yett_queue_operations *real;
static unsigned refusals;
static uint32_t refused_lane = YETT_LANES; /* that is full; YETT_LANES: none is */

static int refuse_or_append(void *self, struct yett_queue_entry *entries, size_t count)
{
	if (refusals > 0) {
		refusals--;
		return YETT_ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		if (entries[i].batch->info.lane == refused_lane) {
			entries[i].ret_result = YETT_EFULL;
		} else {
			(void)real->append(self, &entries[i], 1);
		}
	}
	return 0;
}

/* An agent whose queue refuses as long as `refusals` and `refused_lane` say. */
static struct group refusing_group(uint64_t seed)
{
	static struct yett_module refusing;
	static struct yett_queue_operations operations;
	struct group group = {.world = world_new(seed)};

	refusing = *world_module("queue-disk", YETT_KIND_QUEUE);
	real = refusing.operations;
	memcpy(&operations, real, sizeof(operations));
	operations.append = refuse_or_append;
	refusing.name = "queue-refusing";
	refusing.operations = &operations;
	group.world->own = &refusing;
	group.server = world_add(group.world, "ms.example", SERVER, world_address("ms.example"));
	group.agent = world_add(group.world, "agent.example",
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n"
		"queue = { module = \"queue-refusing\"; };",
		world_address("ms.example"));
	world_start(group.agent);
	world_run(group.world, YETT_SEC);
	return group;
}

/* A queue that fails a call as a whole, and says nothing of its entries: they are nowhere yet. */
static void what_is_refused_as_a_whole_is_asked_again(void)
{
	struct group group = refusing_group(9);

	refusals = 3;
	tell(&group, YETT_LANE_NORMAL, 5, 4);
	CU_ASSERT_EQUAL(world_queued(group.agent), 0);
	world_run(group.world, 30 * YETT_SEC);
	CU_ASSERT_EQUAL(refusals, 0);
	CU_ASSERT_EQUAL(world_queued(group.agent), 5);
	restart(&group);
	CU_ASSERT_EQUAL(world_queued(group.agent), 5);
	world_start(group.server);
	expect_accounted(&group, 0);
	world_free(group.world);
}

/* What a node logs while its queue takes nothing is not held without a limit. */
static void events_are_bounded(void)
{
	struct group group = refusing_group(10);
	struct yett_queue_view view;

	yett_manage_tap_log(group.agent->manage);
	refusals = UINT_MAX;
	for (int i = 0; i < 20; i++) {
		yett_log(YETT_LOG_ERROR, "told", "something to tell");
		world_run(group.world, YETT_SEC);
	}
	yett_queue_view(group.agent->node, &view);
	CU_ASSERT(view.waiting > 0 && view.waiting <= 4);
	refusals = 0;
	world_start(group.server);
	world_run(group.world, 30 * YETT_SEC);
	CU_ASSERT_EQUAL(world_queued(group.agent), 0);
	CU_ASSERT(world_account(group.server).events >= 20);
	world_free(group.world);
}

/* Errors go in a lane of their own, and do not wait for what is no error. */
static void errors_do_not_wait_for_warnings(void)
{
	struct group group = refusing_group(11);
	const struct yett_node *node = group.agent->node;
	struct yett_queue_view view;

	yett_log_setup(YETT_LOG_STDERR, YETT_LOG_WARNING);
	yett_manage_tap_log(group.agent->manage);
	refused_lane = YETT_LANE_NORMAL;
	for (int i = 0; i < 300; i++) { /* of one event no more than a few are logged at once */
		char event[32];

		snprintf(event, sizeof(event), "warned-%d", i % 30);
		yett_log(YETT_LOG_WARNING, event, "of something");
		if (i % 10 == 0) {
			world_run(group.world, YETT_SEC);
		}
	}
	yett_log_setup(YETT_LOG_STDERR, YETT_LOG_ERROR);
	yett_queue_view(node, &view);
	CU_ASSERT_EQUAL(view.waiting, 4);
	CU_ASSERT_EQUAL(view.stats.lanes[YETT_LANE_URGENT].entries, 0);
	yett_log(YETT_LOG_ERROR, "told", "something to tell");
	world_run(group.world, 3 * YETT_SEC);
	yett_queue_view(node, &view);
	CU_ASSERT_EQUAL(view.waiting, 4);
	CU_ASSERT_EQUAL(view.stats.lanes[YETT_LANE_URGENT].entries, 1);
	refused_lane = YETT_LANES;
	world_free(group.world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"a stop ends well enough", a_stop_ends_well_enough},
		{"earlier starts are written down later", earlier_starts_are_written_down_later},
		{"the power goes in a drain", the_power_goes_in_a_drain},
		{"reads that fail lose nothing", reads_that_fail_lose_nothing},
		{"much damage is told at once", much_damage_is_told_at_once},
		{"rot takes no room", rot_takes_no_room},
		{"a bad sector takes no room", a_bad_sector_takes_no_room},
		{"rot without a name takes no room", rot_without_a_name_takes_no_room},
		{"what is gone without a name is told once",
			what_is_gone_without_a_name_is_told_once},
		{"a notice does not wait", a_notice_does_not_wait},
		{"what has no name makes room", what_has_no_name_makes_room},
		{"a full disk is a lane's own affair", a_full_disk_is_a_lanes_own_affair},
		{"what is refused as a whole is asked again",
			what_is_refused_as_a_whole_is_asked_again},
		{"events are bounded", events_are_bounded},
		{"errors do not wait for warnings", errors_do_not_wait_for_warnings},
		CU_TEST_INFO_NULL,
	};
	int result = suite_run(argc, argv, "flow-disk", tests);

	return yett_buffer_alive() == 0 ? result : EXIT_FAILURE;
}
