/* When a policy is asked, in the simulated world: at the time that it named, whatever else it named. */
#include <inttypes.h>

#include "base/buffer.h"
#include "flow/stages.h"
#include "simulation/world.h"
#include "suite.h"

/* A policy that holds each lane back until a time. */
struct holder {
	const struct yett_host *host;
	uint64_t until_ns[YETT_LANES];
	uint64_t picked_ns[YETT_LANES]; /* when it first let the lane go; 0: not yet */
};

static int make(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	struct holder *holder = g_new0(struct holder, 1);

	(void)with;
	(void)error;
	holder->host = host;
	*ret_self = holder;
	return 0;
}

static void update(void *self, const struct yett_upstream *upstreams, size_t count)
{
	(void)self;
	(void)upstreams;
	(void)count;
}

static uint32_t pick(void *self, uint32_t lane, uint64_t *ret_again_ns)
{
	struct holder *holder = self;
	uint64_t now_ns = holder->host->monotonic_ns(holder->host->instance);

	if (now_ns < holder->until_ns[lane]) {
		*ret_again_ns = holder->until_ns[lane];
		return YETT_POLICY_NONE;
	}
	if (holder->picked_ns[lane] == 0) {
		holder->picked_ns[lane] = now_ns;
	}
	return 0;
}

static const struct yett_life life = {.size = sizeof(life), .create = make, .destroy = g_free};
static const struct yett_policy_operations operations = {
	.size = sizeof(operations), .update = update, .pick = pick};
static const struct yett_module module = {
	.size = sizeof(module),
	.kind = YETT_KIND_POLICY,
	.name = "policy-test",
	.life = &life,
	.operations = &operations,
};

static struct holder *take_over(struct yett_node *node)
{
	struct yett_instance *policy;

	CU_ASSERT_EQUAL_FATAL(
		yett_instance_new(&node->world, &module, module.name, NULL, NULL, 0, &policy, NULL),
		0);
	yett_instance_free(node->policy);
	node->policy = policy;
	return policy->self;
}

/* In milliseconds from now: until when each lane is held back. The tick, which comes twice a second, has
 * something tried as well, so that some of these are between its times. */
static const struct {
	const char *name;
	uint64_t until_ms[YETT_LANES];
} waits[] = {
	{"one", {130, 0, 0}},
	{"the earlier one is asked first", {130, 60000, 0}},
	{"the earlier one is asked last", {60000, 60000, 130}},
	{"one after the other", {130, 270, 710}},
	{"the other way round", {710, 270, 130}},
};

static void asks_each_lane_in_time(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(waits); i++) {
		struct world *world = world_new(40);
		struct world_node *agent;
		struct holder *holder;

		world_start(world_add(world, "ms.example",
			"group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; "
			"};\n"
			"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
			"store = { module = \"store-sqlite\"; };",
			world_address("ms.example")));
		agent = world_add(world, "agent.example",
			"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );",
			world_address("ms.example"));
		world_start(agent);
		world_run(world, 5 * YETT_SEC);
		holder = take_over(agent->node);
		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			holder->until_ns[lane] =
				sim_now(world->sim) + waits[i].until_ms[lane] * YETT_MS;
			world_tell(agent, lane, 1);
		}
		world_run(world, 2 * YETT_SEC);
		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			uint64_t want_ns = holder->until_ns[lane],
				 picked_ns = holder->picked_ns[lane];
			bool held = waits[i].until_ms[lane] > 2000;

			if (held ? picked_ns != 0
				 : picked_ns < want_ns || picked_ns > want_ns + 20 * YETT_MS) {
				printf("\n%s: lane %u is asked %" PRId64 " ms after its time\n",
					waits[i].name, lane,
					((int64_t)picked_ns - (int64_t)want_ns) / (int64_t)YETT_MS);
				CU_FAIL("not in time");
			}
		}
		world_free(world);
	}
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"asks each lane in time", asks_each_lane_in_time},
		CU_TEST_INFO_NULL,
	};
	int result = suite_run(argc, argv, "flow-select", tests);

	return yett_buffer_alive() == 0 ? result : EXIT_FAILURE;
}
