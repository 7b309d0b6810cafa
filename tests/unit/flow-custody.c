/* Custody under stress, in the simulated world: random workloads by a seed (kills, cuts, resets,
 * delays, failover between two gateways). What an agent had made durable is stored once in the end,
 * and nothing is said to be lost; credit adds up on every node. A failing seed is printed; give it
 * as the argument to run it alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/id.h"
#include "flow/stages.h"
#include "simulation/world.h"
#include "wire/record.h"
#include "suite.h"

#define GROUP  "group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
#define SEEDS  40
#define AGENTS 3
#define NODES  (AGENTS + 3)

static uint64_t only_seed;

struct run {
	struct world *world;
	struct world_node *server, *gateways[2], *agents[AGENTS], *all[NODES];
	bool volatile_queue[2]; /* of a gateway */
	uint64_t told, durable;
	uint64_t notices; /* which a volatile gateway lost of its own, and has declared */
};

struct told {
	struct run *run;
	unsigned count;
};

static void set_memory(struct world_node *node, const char *size)
{
	char *by = g_strdup_printf("user = \"\"; memory = \"%s\";", size);
	GString *text = g_string_new(node->text);

	g_string_replace(text, "user = \"\";", by, 1);
	g_free(node->text);
	node->text = g_string_free(text, FALSE);
	g_free(by);
}

static void kept(struct yett_keep *keep, int result)
{
	struct told *told = keep->owner;

	if (result == 0) {
		told->run->durable += told->count;
	}
	g_free(told);
}

static void tell(
	struct run *run, struct world_node *node, uint32_t lane, unsigned count, unsigned size)
{
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX / 2);
	struct told *told = g_new0(struct told, 1);
	struct yett_batch batch;
	char *body = g_malloc0(size + 1);

	told->run = run;
	told->count = count;
	for (unsigned i = 0; i < count; i++) {
		struct yett_record record = {
			.size = sizeof(record),
			.kind = YETT_RECORD_EVENT,
			.time_ns = yett_clock_wall(node->node->clock),
			.name = yett_text("custody.event"),
		};

		for (unsigned j = 0; j < size; j++) {
			body[j] = (char)('!' + sim_random(run->world->sim) % 90);
		}
		record.body = yett_text(body);
		YETT_REQUIRE(yett_payload_record(payload, &record) == 0);
	}
	YETT_REQUIRE(yett_payload_cut(payload, lane, YETT_CONTENT_RECORDS, false,
			     yett_clock_wall(node->node->clock), &batch) == 0);
	run->told += count;
	yett_origin_submit(node->node, &batch, NULL, NULL, 0, kept, told);
	yett_payload_free(payload);
	g_free(body);
}

/* What a node has promised in memory is what it holds, of departed peers as well, and what its peers may use
 * beside that. */
static bool credit_adds_up(const struct yett_node *node)
{
	uint64_t sum = 0, held[YETT_LANES] = {0};

	for (guint i = 0; i < node->peers->len; i++) {
		const struct yett_peer *peer = node->peers->pdata[i];

		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			sum += peer->credit[lane].window - peer->credit[lane].held;
			held[lane] += peer->credit[lane].held;
		}
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		sum += node->credit_held[lane];
		if (held[lane] > node->credit_held[lane]) {
			return false;
		}
	}
	return node->credit_committed == sum;
}

static void make(struct run *run, uint64_t seed)
{
	static const char *const memory[] = {"64 MiB", "4 MiB", "4 MiB"};
	char name[32];
	unsigned n = 0;

	run->world = world_new(seed);
	run->server = world_add(run->world, "ms.example",
		GROUP "listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ "
		      "\"g*.example\" ]; } );\nstore = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	run->all[n++] = run->server;
	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "g%d.example", i);
		run->volatile_queue[i] = sim_random(run->world->sim) % 8 == 0;
		run->gateways[i] = world_add(run->world, name,
			"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
			"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n"
			"queue = { module = \"queue-%s\"; };",
			world_address(name), world_address("ms.example"),
			run->volatile_queue[i] ? "memory" : "disk");
		run->all[n++] = run->gateways[i];
	}
	for (int i = 0; i < AGENTS; i++) {
		snprintf(name, sizeof(name), "a%d.example", i);
		run->agents[i] = world_add(run->world, name,
			"upstreams = ( { name = \"g%d.example\"; address = \"%s\"; },\n"
			"  { name = \"g%d.example\"; address = \"%s\"; } );\n"
			"policy = { module = \"policy-%s\"; };",
			i % 2, world_address(i % 2 == 0 ? "g0.example" : "g1.example"), 1 - i % 2,
			world_address(i % 2 == 0 ? "g1.example" : "g0.example"),
			sim_random(run->world->sim) % 4 == 0 ? "roundrobin" : "failover");
		run->all[n++] = run->agents[i];
	}
	for (unsigned i = 0; i < NODES; i++) {
		set_memory(run->all[i], memory[sim_random(run->world->sim) % 3]);
		world_start(run->all[i]);
	}
}

static void step(struct run *run)
{
	struct sim *sim = run->world->sim;
	struct world_node *one = run->all[sim_random(sim) % NODES];
	struct world_node *two = run->all[sim_random(sim) % 3];
	struct world_node *agent = run->agents[sim_random(sim) % AGENTS];

	switch (sim_random(sim) % 12) {
	case 0:
		if (one->node != NULL) {
			world_kill(one);
		} else {
			world_start(one);
		}
		break;
	case 1:
		sim_cut(sim, one->name, two->name, sim_random(sim) % 2 == 0);
		break;
	case 2:
		sim_cut(sim, one->name, two->name, false);
		sim_cut(sim, two->name, one->name, false);
		break;
	case 3:
		sim_break(sim, one->name, two->name);
		break;
	case 4:
		sim_delay(sim, 100000, 100000 + sim_random(sim) % (200 * YETT_MS));
		break;
	case 5:
		if (one->node == NULL) {
			world_start(one);
		}
		break;
	default:
		for (unsigned i = (unsigned)(sim_random(sim) % 6); agent->node != NULL && i > 0;
			i--) {
			bool large = sim_random(sim) % 8 == 0;

			tell(run, agent, (uint32_t)(sim_random(sim) % YETT_LANES),
				1 + (unsigned)(sim_random(sim) % 5), large ? 40000 : 100);
		}
		break;
	}
	world_run(run->world,
		sim_random(sim) % (sim_random(sim) % 3 == 0 ? 8 * YETT_SEC : 50 * YETT_MS));
}

static bool all_delivered(const struct run *run)
{
	for (unsigned i = 1; i < NODES; i++) {
		if (world_queued(run->all[i]) > 0) {
			return false;
		}
	}
	return world_account(run->server).events >= run->durable;
}

static void heal(struct run *run)
{
	struct sim *sim = run->world->sim;

	for (unsigned i = 0; i < NODES; i++) {
		for (unsigned j = 0; j < NODES; j++) {
			sim_cut(sim, run->all[i]->name, run->all[j]->name, false);
		}
		if (run->all[i]->node == NULL) {
			world_start(run->all[i]);
		}
	}
	sim_delay(sim, 100000, 300000);
	for (int i = 0; i < 600 && !all_delivered(run); i++) {
		world_run(run->world, YETT_SEC);
	}
	world_run(run->world, 30 * YETT_SEC);
}

/* What a gateway says of itself at a start is its own, and goes with a queue in memory: told of, then. */
static int add_notices(void *arg, const struct yett_account *account)
{
	struct run *run = arg;

	for (int i = 0; i < 2; i++) {
		if (run->volatile_queue[i] &&
			yett_id_equal(&account->origin, &run->gateways[i]->node->id)) {
			run->notices += account->declared;
		}
	}
	return 0;
}

static bool holds(struct run *run, uint64_t seed)
{
	struct world_account account = world_account(run->server);
	struct yett_error error = YETT_ERROR_INIT;
	void *self;
	const struct yett_store_operations *store = yett_store_operations(run->server->node, &self);
	bool counted = store->account(self, add_notices, run, &error) >= 0;
	bool good = counted && account.events >= run->durable && account.events <= run->told &&
		    account.declared == run->notices && account.inferred == 0 &&
		    account.missing == 0 && account.twice == 0 && account.forks == 0 &&
		    account.dead == 0 && all_delivered(run);

	for (unsigned i = 0; i < NODES; i++) {
		if (!credit_adds_up(run->all[i]->node)) {
			printf("seed %lu: credit of %s does not add up\n", (unsigned long)seed,
				run->all[i]->name);
			good = false;
		}
	}
	if (!good) {
		printf("seed %lu: told %lu durable %lu events %lu declared %lu inferred %lu "
		       "missing %lu twice %lu forks %lu queued",
			(unsigned long)seed, (unsigned long)run->told, (unsigned long)run->durable,
			(unsigned long)account.events, (unsigned long)account.declared,
			(unsigned long)account.inferred, (unsigned long)account.missing,
			(unsigned long)account.twice, (unsigned long)account.forks);
		for (unsigned i = 1; i < NODES; i++) {
			printf(" %s=%lu", run->all[i]->name,
				(unsigned long)world_queued(run->all[i]));
		}
		printf("\n");
	}
	return good;
}

static void keeps_custody_under_any_seed(void)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct run run = {0};
		unsigned steps;

		if (only_seed != 0 && seed != only_seed) {
			continue;
		}
		make(&run, seed);
		steps = 20 + (unsigned)(sim_random(run.world->sim) % 60);
		for (unsigned i = 0; i < steps; i++) {
			step(&run);
		}
		heal(&run);
		CU_ASSERT(holds(&run, seed));
		world_free(run.world);
	}
}

/* An upstream that refuses all of a queue must not draw it into memory; what was refused is sent when
 * it may be. */
static void a_refused_queue_stays_on_disk(void)
{
	struct run run = {.world = world_new(7)};
	GString *text;

	run.server = world_add(run.world, "ms.example",
		GROUP "listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ ]; } );\n"
		      "store = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	run.gateways[0] = world_add(run.world, "g0.example",
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );",
		world_address("g0.example"), world_address("ms.example"));
	run.agents[0] = world_add(run.world, "a0.example",
		"upstreams = ( { name = \"g0.example\"; address = \"%s\"; } );",
		world_address("g0.example"));
	set_memory(run.gateways[0], "4 MiB");
	world_start(run.gateways[0]);
	world_start(run.agents[0]);
	for (int i = 0; i < 200; i++) {
		tell(&run, run.agents[0], YETT_LANE_NORMAL, 2, 50000);
		world_run(run.world, 100 * YETT_MS);
	}
	world_run(run.world, 20 * YETT_SEC);
	CU_ASSERT_EQUAL(world_queued(run.gateways[0]), 200);
	world_kill(run.agents[0]);
	world_start(run.server);
	for (int i = 0; i < 20; i++) {
		world_run(run.world, YETT_SEC);
		CU_ASSERT(yett_buffer_alive() < 60);
	}
	CU_ASSERT_EQUAL(world_account(run.server).events, 0);
	world_kill(run.server);
	text = g_string_new(run.server->text);
	g_string_replace(text, "proxy = [ ]", "proxy = [ \"g0.example\" ]", 1);
	g_free(run.server->text);
	run.server->text = g_string_free(text, FALSE);
	world_start(run.server);
	CU_ASSERT(world_wait_events(run.server, run.told, 300 * YETT_SEC));
	CU_ASSERT_EQUAL(world_account(run.server).missing, 0);
	world_free(run.world);
}

/* What asks for credit overtakes what was sent before it, which then takes of what was granted: it must
 * be made up for, also where memory is scarce and nothing is given beyond what was asked for. */
static void credit_that_was_overtaken_is_made_up_for(void)
{
	struct run run = {.world = world_new(9)};
	struct world_node *agents[12];
	char name[32];

	run.gateways[0] = world_add(run.world, "g0.example",
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );",
		world_address("g0.example"), world_address("ms.example"));
	set_memory(run.gateways[0], "4 MiB");
	world_start(run.gateways[0]);
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "c%d.example", i);
		agents[i] = world_add(run.world, name,
			"upstreams = ( { name = \"g0.example\"; address = \"%s\"; } );",
			world_address("g0.example"));
		world_start(agents[i]);
		tell(&run, agents[i], YETT_LANE_NORMAL, 6, 50000 + 100 * (unsigned)i);
	}
	world_run(run.world, 60 * YETT_SEC);
	for (int i = 0; i < 12; i++) {
		tell(&run, agents[i], YETT_LANE_NORMAL, 1, 100);
		tell(&run, agents[i], YETT_LANE_NORMAL, 1, 400);
		tell(&run, agents[i], YETT_LANE_NORMAL, 9, 50000);
	}
	world_run(run.world, 120 * YETT_SEC);
	for (int i = 0; i < 12; i++) {
		CU_ASSERT_EQUAL(world_queued(agents[i]), 0);
	}
	CU_ASSERT(credit_adds_up(run.gateways[0]->node));
	world_free(run.world);
}

/* Whoever comes and goes while the queue is full gets no new memory each time; and many that wait are
 * let through one at a time. */
static void credit_is_bounded_while_full(void)
{
	const uint64_t budget = 4 * 1024 * 1024;
	struct run run = {.world = world_new(8)};
	struct world_node *agents[30];
	char name[32];

	run.gateways[0] = world_add(run.world, "g0.example",
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n" WORLD_SMALL_QUEUE,
		world_address("g0.example"), world_address("ms.example"));
	set_memory(run.gateways[0], "4 MiB");
	world_start(run.gateways[0]);
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "b%d.example", i);
		agents[i] = world_add(run.world, name,
			"upstreams = ( { name = \"g0.example\"; address = \"%s\"; } );",
			world_address("g0.example"));
		world_start(agents[i]);
		tell(&run, agents[i], YETT_LANE_NORMAL, 6, 40000);
		tell(&run, agents[i], YETT_LANE_BULK, 6, 40000);
		tell(&run, agents[i], YETT_LANE_URGENT, 1, 100);
	}
	for (int i = 0; i < 60; i++) {
		world_run(run.world, 3 * YETT_SEC);
		for (int j = 0; j < 30; j++) {
			sim_break(run.world->sim, agents[j]->name, "g0.example");
		}
		CU_ASSERT(run.gateways[0]->node->credit_committed <=
			  budget + YETT_LANES * YETT_BATCH_MAX);
		CU_ASSERT(credit_adds_up(run.gateways[0]->node));
	}
	run.server = world_add(run.world, "ms.example",
		GROUP
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"g*.example\" "
		"]; } );\nstore = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	world_start(run.server);
	CU_ASSERT(world_wait_events(run.server, run.told, 1000 * YETT_SEC));
	CU_ASSERT_EQUAL(world_account(run.server).twice, 0);
	CU_ASSERT(credit_adds_up(run.gateways[0]->node));
	world_free(run.world);
}

/* Once each of many has told something in each lane, they keep no more than they use: there is room for
 * whoever asks, and nobody is let through one at a time. */
static void idle_lanes_leave_room(void)
{
	const uint64_t budget = 4 * 1024 * 1024;
	struct run run = {.world = world_new(9)};
	struct world_node *agents[100];
	const struct yett_node *gateway;
	char name[32];

	run.gateways[0] = world_add(run.world, "g0.example",
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );",
		world_address("g0.example"), world_address("ms.example"));
	set_memory(run.gateways[0], "4 MiB");
	world_start(run.gateways[0]);
	gateway = run.gateways[0]->node;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "e%d.example", i);
		agents[i] = world_add(run.world, name,
			"upstreams = ( { name = \"g0.example\"; address = \"%s\"; } );",
			world_address("g0.example"));
		world_start(agents[i]);
		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			tell(&run, agents[i], lane, 1, 100);
		}
	}
	for (int i = 0; i < 20; i++) {
		world_run(run.world, YETT_SEC);
		CU_ASSERT(gateway->credit_committed <= budget / 4 * 3);
		CU_ASSERT(credit_adds_up(gateway));
	}
	for (int i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(world_queued(agents[i]), 0);
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		CU_ASSERT_PTR_NULL(gateway->credit_passing[lane]);
		CU_ASSERT_EQUAL(gateway->credit_passing_ns[lane], 0); /* nor was anybody */
	}
	world_free(run.world);
}

/* A gateway that is put back from a snapshot has forgotten what it took since, the notice of how far an
 * epoch of the agent went with it: the agent tells again, and the loss has a name. */
static void what_a_snapshot_loses_is_named(void)
{
	struct run run = {.world = world_new(9)};
	struct yett_faulty *snapshot;

	run.server = world_add(run.world, "ms.example",
		GROUP
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"g0.example\" "
		"]; } );\nstore = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	run.gateways[0] = world_add(run.world, "g0.example",
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );",
		world_address("g0.example"), world_address("ms.example"));
	run.agents[0] = world_add(run.world, "a0.example",
		"upstreams = ( { name = \"g0.example\"; address = \"%s\"; } );",
		world_address("g0.example"));
	world_start(run.gateways[0]);
	world_run(run.world, YETT_SEC);
	snapshot = sim_disk_snapshot(run.gateways[0]->disk);
	world_start(run.agents[0]);
	world_run(run.world, YETT_SEC);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		tell(&run, run.agents[0], lane, 2 + lane, 100);
	}
	world_run(run.world, 10 * YETT_SEC);
	world_stop(run.agents[0], 5 * YETT_SEC); /* its queue forgets what was taken */
	world_start(run.agents[0]);
	world_run(run.world, 10 * YETT_SEC);
	CU_ASSERT_EQUAL(run.durable, 9);
	CU_ASSERT_EQUAL(world_queued(run.agents[0]), 0);
	world_kill(run.gateways[0]);
	sim_disk_restore(run.gateways[0]->disk, snapshot);
	world_start(run.gateways[0]);
	world_stop(run.agents[0], 5 * YETT_SEC);
	world_start(run.agents[0]);
	world_start(run.server);
	world_run(run.world, 60 * YETT_SEC);
	CU_ASSERT_EQUAL(world_account(run.server).events, 0);
	CU_ASSERT(
		world_account(run.server).inferred >= 9); /* and the notices of the second start */
	CU_ASSERT_EQUAL(world_account(run.server).missing, 0);
	yett_faulty_free(snapshot);
	world_free(run.world);
}

/* Two gateways that back each other up, each with a way of its own that is too narrow for a while: what
 * one leaves to the other must not come back, again and again. And what of one origin has come by both
 * makes more holes than the store bears at a time, which must not be for ever. */
static void what_is_too_much_goes_to_and_fro_no_more(void)
{
	struct run run = {.world = world_new(10)};
	int64_t relayed = 0;

	run.server = world_add(run.world, "ms.example",
		GROUP
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"g*.example\" "
		"]; } );\nstore = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	set_memory(run.server, "4 MiB");
	for (int i = 0; i < 2; i++) {
		const char *name = i == 0 ? "g0.example" : "g1.example";
		const char *other = i == 0 ? "g1.example" : "g0.example";

		run.gateways[i] = world_add(run.world, name,
			"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ "
			"\"g*.example\" ]; } );\n"
			"policy = { module = \"policy-failover\"; patience = \"1 s\"; };\n"
			"upstreams = ( { name = \"ms.example\"; address = \"%s\"; },\n"
			"  { name = \"%s\"; address = \"%s\"; priority = 1; } );",
			world_address(name), world_address("ms.example"), other,
			world_address(other));
	}
	for (int i = 0; i < 2; i++) {
		run.agents[i] = world_add(run.world, i == 0 ? "a0.example" : "a1.example",
			"upstreams = ( { name = \"g%d.example\"; address = \"%s\"; } );", i,
			world_address(run.gateways[i]->name));
	}
	world_start(run.server);
	for (int i = 0; i < 2; i++) {
		world_start(run.gateways[i]);
		world_start(run.agents[i]);
	}
	world_run(run.world, 5 * YETT_SEC);
	sim_loop_slow(run.server->loop, 60 * YETT_SEC);
	for (int i = 0; i < 100; i++) {
		for (int j = 0; j < 40; j++) {
			tell(&run, run.agents[j % 2], YETT_LANE_NORMAL, 4, 2000);
		}
		world_run(run.world, 200 * YETT_MS);
	}
	world_run(run.world, 120 * YETT_SEC);
	for (int i = 0; i < 2; i++) {
		relayed += yett_metrics_get(run.gateways[i]->node->metrics, YETT_COUNT_BATCHES_IN);
	}
	CU_ASSERT(relayed > 4100); /* some went by the other one: this tests something */
	/* There, and back where the other one's own way was closed for a while: once, and no more. */
	CU_ASSERT(relayed < 12300);
	sim_loop_slow(run.server->loop, YETT_MS);
	CU_ASSERT(world_wait_events(run.server, run.told, 1000 * YETT_SEC));
	CU_ASSERT_EQUAL(world_account(run.server).twice, 0);
	CU_ASSERT_EQUAL(world_account(run.server).missing, 0);
	world_free(run.world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"what is too much goes to and fro no more",
			what_is_too_much_goes_to_and_fro_no_more},
		{"what a snapshot loses is named", what_a_snapshot_loses_is_named},
		{"a refused queue stays on disk", a_refused_queue_stays_on_disk},
		{"credit is bounded while full", credit_is_bounded_while_full},
		{"idle lanes leave room", idle_lanes_leave_room},
		{"credit that was overtaken is made up for",
			credit_that_was_overtaken_is_made_up_for},
		{"keeps custody under any seed", keeps_custody_under_any_seed},
		CU_TEST_INFO_NULL,
	};
	int result;

	only_seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	result = suite_run(0, NULL, "flow-custody", tests);
	return yett_buffer_alive() == 0 ? result : EXIT_FAILURE;
}
