/* What a source may tell into which lane, and what its position covers then: the sink, called as a source's
 * thread would, on a node in the simulated world. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/log.h"
#include "flow/feed.h"
#include "simulation/world.h"
#include "suite.h"

#define NAME "source-test"

static int make(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	(void)host;
	(void)with;
	(void)error;
	*ret_self = g_new0(int, 1);
	return 0;
}

static const struct yett_life life = {.size = sizeof(life), .create = make, .destroy = g_free};
static const struct yett_source_operations operations = {.size = sizeof(operations)};
static const struct yett_module module = {
	.size = sizeof(module),
	.kind = YETT_KIND_SOURCE,
	.name = NAME,
	.life = &life,
	.operations = &operations,
};
static const struct yett_block block = {.module = NAME, .name = NAME, .descriptor = &module};

static struct world_node *add_agent(struct world *world)
{
	return world_add(world, "agent.example",
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );",
		world_address("ms.example"));
}

/* The source has no thread of its own here: the test is it. */
static feed_t *start(struct world_node *agent)
{
	world_start(agent);
	CU_ASSERT_EQUAL_FATAL(yett_source_open(agent->node, &block, NULL), 0);
	return agent->node->sources->pdata[agent->node->sources->len - 1];
}

static int tell(feed_t *feed, uint32_t lane)
{
	const struct yett_record record = {
		.size = sizeof(record),
		.kind = YETT_RECORD_EVENT,
		.time_ns = yett_clock_wall(feed->node->clock),
		.name = yett_text("sink.event"),
	};

	return feed->sink.record(feed, lane, &record);
}

static int place(feed_t *feed, const char *position)
{
	return feed->sink.position(feed, position, strlen(position));
}

static bool is_placed(const struct world_node *agent, const char *position)
{
	size_t length;
	const void *bytes = yett_origin_position(agent->node, NAME, &length);

	return length == strlen(position) && memcmp(bytes, position, length) == 0;
}

static unsigned refusals;

static void hear(void *arg, int level, const char *event, const char *sentence)
{
	(void)arg;
	(void)sentence;
	if (strcmp(event, "record-refused") == 0 || strcmp(event, "position-refused") == 0) {
		CU_ASSERT_EQUAL(level, YETT_LOG_WARNING);
		refusals++;
	}
}

/* u, n, b: a record of that lane; x: of a lane that is none; p: a position. Refused is what is -. */
static const struct {
	const char *name, *steps, *want;
} tellings[] = {
	{"all lanes without a position", "unbun", "....."},
	{"no lane", "nxn", ".-."},
	{"one lane with positions", "npnnpp", "......"},
	{"one lane, which is another than that of the beginning", "pbpbp", "....."},
	{"another lane after a position", "npunp", "..-.."},
	{"another lane after a beginning", "punup", "..-.."},
	{"two lanes before the first position", "nup", "..-"},
	{"and after it as well", "nupnup", "..-..-"},
};

static int take(feed_t *feed, char step)
{
	switch (step) {
	case 'p':
		return place(feed, "here");
	case 'u':
		return tell(feed, YETT_LANE_URGENT);
	case 'n':
		return tell(feed, YETT_LANE_NORMAL);
	case 'b':
		return tell(feed, YETT_LANE_BULK);
	default:
		return tell(feed, YETT_LANES);
	}
}

static void keeps_to_one_lane(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(tellings); i++) {
		struct world *world = world_new(30);
		feed_t *feed = start(add_agent(world));
		unsigned want_refusals = 0;

		refusals = 0;
		yett_log_setup(YETT_LOG_STDERR, YETT_LOG_WARNING);
		yett_log_tap(hear, NULL);
		for (size_t at = 0; tellings[i].steps[at] != '\0'; at++) {
			bool refused = tellings[i].want[at] == '-';

			if (take(feed, tellings[i].steps[at]) != (refused ? YETT_EINVAL : 0)) {
				printf("\n%s: step %zu of %s\n", tellings[i].name, at,
					tellings[i].steps);
				CU_FAIL("another answer");
			}
			want_refusals += refused;
			world_run(world, 20 * YETT_MS);
		}
		CU_ASSERT_EQUAL(refusals, want_refusals);
		yett_log_tap(NULL, NULL);
		yett_log_setup(YETT_LOG_STDERR, YETT_LOG_ERROR);
		world_free(world);
	}
}

/* What lingers in its own lane is not covered by what the core has told of the beginning. */
static void begins_where_it_began(void)
{
	struct world *world = world_new(31);
	struct world_node *agent = add_agent(world);
	feed_t *feed = start(agent);

	CU_ASSERT_EQUAL(place(feed, "zero"), 0);
	world_run(world, 20 * YETT_MS);
	CU_ASSERT_EQUAL(tell(feed, YETT_LANE_BULK), 0);
	CU_ASSERT_EQUAL(place(feed, "one"), 0);
	world_run(world, 3 * YETT_SEC); /* longer than the normal lane lingers */
	world_kill(agent);
	feed = start(agent);
	CU_ASSERT(is_placed(agent, "zero"));
	CU_ASSERT_EQUAL(tell(feed, YETT_LANE_BULK), 0);
	CU_ASSERT_EQUAL(place(feed, "one"), 0);
	world_run(world, 12 * YETT_SEC); /* longer than the bulk lane does */
	world_kill(agent);
	start(agent);
	CU_ASSERT(is_placed(agent, "one"));
	world_run(world, 20 * YETT_MS);
	world_free(world);
}

static void *tell_bulk(void *arg)
{
	static int result;

	result = tell(arg, YETT_LANE_BULK);
	return &result;
}

/* Else the place of the beginning, if its lane is full, would come after that of the record. */
static void waits_until_it_has_begun(void)
{
	struct world *world = world_new(32);
	struct world_node *agent = add_agent(world);
	feed_t *feed = start(agent);
	struct timespec until;
	pthread_t thread;
	void *result;

	CU_ASSERT_EQUAL(place(feed, "zero"), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, tell_bulk, feed), 0);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += 1;
	CU_ASSERT_EQUAL(pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &until), ETIMEDOUT);
	yett_source_stop_all(agent->node);
	pthread_join(thread, &result);
	CU_ASSERT_EQUAL(*(int *)result, YETT_ECLOSED);
	world_run(world, 20 * YETT_MS);
	world_free(world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"keeps to one lane", keeps_to_one_lane},
		{"begins where it began", begins_where_it_began},
		{"waits until it has begun", waits_until_it_has_begun},
		CU_TEST_INFO_NULL,
	};
	int result = suite_run(argc, argv, "flow-sink", tests);

	return yett_buffer_alive() == 0 ? result : EXIT_FAILURE;
}
