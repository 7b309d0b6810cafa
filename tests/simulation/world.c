/* Nodes in the simulated world.
 *
 * Responsible for starting and killing nodes made of production code with real modules (queue, store and
 * policies as they were built) on the disks of simulated computers, and for asking the store what it holds.
 * Not responsible for time and network (sim.c, network.c) nor for disks (disk.c, vfs.c). One thread. A
 * mistake in a configuration ends the test. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "conf/load.h"
#include "flow/stages.h"
#include "module/load.h"
#include "wire/record.h"

#define MODULES YETT_TEST_BUILDDIR "/.libs"

static struct yett_loader *loader; /* modules stay once they are loaded */

static const struct yett_module *resolve(void *arg, const char *module, uint32_t kind,
	const char *directory, struct yett_error *error)
{
	const struct yett_module *own = ((const struct world *)arg)->own, *found = NULL;

	if (own != NULL && strcmp(module, own->name) == 0) {
		return own;
	}
	if (strcmp(module, "transport-sim") == 0) {
		return &sim_transport;
	}
	if (strcmp(module, "auth-sim") == 0) {
		return &sim_auth;
	}
	yett_loader_load(loader, module, kind, directory, &found, error);
	return found;
}

/* Those whose process has died during the last event. */
static void bury(void *arg)
{
	struct world *world = arg;

	if (world->taking_down > 0) {
		sim_after_this(world->sim); /* one at a time: they may share a disk */
		return;
	}
	for (guint i = 0; i < world->nodes->len; i++) {
		struct world_node *node = world->nodes->pdata[i];

		if (node->node != NULL && node->process->dead) {
			world_kill(node);
			if (world->died != NULL) {
				world->died(world->died_arg, node);
			}
		}
	}
}

struct world *world_new(uint64_t seed)
{
	struct world *world = g_new0(struct world, 1);

	if (loader == NULL) {
		loader = yett_loader_new();
	}
	yett_log_setup(
		YETT_LOG_STDERR, getenv("YETT_TEST_LOG") != NULL ? YETT_LOG_DEBUG : YETT_LOG_ERROR);
	world->sim = sim_new(seed);
	sim_after(world->sim, bury, world);
	sim_vfs_use(seed);
	world->nodes = g_ptr_array_new();
	return world;
}

const struct yett_module *world_module(const char *name, uint32_t kind)
{
	const struct yett_module *found = NULL;

	yett_loader_load(loader, name, kind, MODULES, &found, NULL);
	YETT_REQUIRE(found != NULL);
	return found;
}

const char *world_address(const char *name)
{
	static char texts[8][32];
	static unsigned turn;
	unsigned hash = g_str_hash(name);
	char *text = texts[turn++ % 8];

	snprintf(text, sizeof(texts[0]), "10.%u.%u.%u:5723", (hash >> 16) & 0xff,
		(hash >> 8) & 0xff, hash & 0xff);
	return text;
}

struct world_node *world_add(struct world *world, const char *name, const char *format, ...)
{
	struct world_node *node = g_new0(struct world_node, 1);
	char *rest;
	va_list args;

	va_start(args, format);
	rest = g_strdup_vprintf(format, args);
	va_end(args);
	node->world = world;
	g_strlcpy(node->name, name, sizeof(node->name));
	node->text =
		g_strdup_printf("node = { name = \"%s\"; state = \"/%s/state\"; user = \"\"; };\n"
				"module-directory = \"" MODULES "\";\n"
				"transport = { module = \"transport-sim\"; };\n"
				"authentication = ( { module = \"auth-sim\"; } );\n"
				"admin = { socket = \"\"; };\n%s\n",
			name, name, rest);
	g_free(rest);
	node->disk = sim_disk_new(sim_random(world->sim));
	g_ptr_array_add(world->nodes, node);
	return node;
}

void world_share_disk(struct world_node *node, struct world_node *owner)
{
	YETT_REQUIRE(node->node == NULL && !node->disk_shared);
	sim_disk_free(node->disk);
	node->disk = owner->disk;
	node->disk_shared = true;
}

/* The process has met its end in the middle of something: it is taken down once that is over. */
static void died(void *arg)
{
	struct world_node *node = arg;

	sim_loop_mute(node->loop, false);
	sim_after_this(node->world->sim);
}

static int make_node(struct world_node *node, struct yett_error *error)
{
	struct yett_node_make make = {
		.clock = sim_loop_clock(node->loop),
		.files = &node->process->files,
		.loop = node->loop,
		.settings = yett_conf_settings(node->conf),
		.inline_executors = true,
	};
	struct yett_management calls = yett_manage_calls(node->manage);
	int result = yett_node_new(&make, &calls, &node->node, error);

	if (result == 0) {
		result = yett_manage_open(node->manage, node->node, error);
	}
	return result == 0 ? yett_node_start(node->node, error) : result;
}

static void take_down(struct world_node *node)
{
	struct yett_node *dead = node->node;

	node->world->taking_down++;
	node->node = NULL; /* others may meet their end while its loop runs out */
	node->process->dead = true;
	node->process->died = NULL;
	sim_loop_mute(node->loop, false);
	sim_loop_settle(
		node->loop); /* what an inline executor has begun ends, and changes nothing */
	if (dead != NULL) {
		yett_node_free(dead);
	}
	yett_manage_free(node->manage);
	sim_loop_free(node->loop);
	yett_conf_free(node->conf);
	sim_process_free(node->process);
	node->process = NULL;
	node->world->taking_down--;
}

int world_try_start(struct world_node *node)
{
	const struct yett_conf_hooks hooks = {.resolve = resolve, .arg = node->world};
	struct yett_problems *problems = yett_problems_new();
	struct yett_error error = YETT_ERROR_INIT;
	int result;

	YETT_REQUIRE(node->node == NULL);
	if (yett_conf_load_string(node->text, strlen(node->text), "/tmp/world.conf", &hooks,
		    &node->conf, problems) != 0) {
		yett_problems_print(problems, stderr);
		abort();
	}
	yett_problems_free(problems);
	node->loop = sim_loop_new(node->world->sim, node->name);
	sim_loop_wall_offset(node->loop, node->wall_offset_ns);
	node->process = sim_process_new(node->disk, node->name);
	node->process->faults = node->faults;
	node->process->died = died;
	node->process->died_arg = node;
	node->manage = yett_manage_new();
	result = make_node(node, &error);
	if (node->process->dead || result != 0) {
		if (getenv("YETT_TEST_LOG") != NULL) {
			fprintf(stderr, "%s does not start: %s; %s\n", node->name, error.text,
				error.mend);
		}
		take_down(node);
		return result != 0 ? result : YETT_EIO;
	}
	return 0;
}

void world_start(struct world_node *node)
{
	YETT_REQUIRE(world_try_start(node) == 0);
}

void world_kill(struct world_node *node)
{
	if (node->node != NULL) {
		take_down(node);
	}
}

void world_power(struct world_node *node, enum yett_faulty_crash how)
{
	for (guint i = 0; i < node->world->nodes->len; i++) {
		struct world_node *other = node->world->nodes->pdata[i];

		if (other->disk == node->disk && other->node != NULL) {
			sim_loop_mute(other->loop, true);
			world_kill(other);
		}
	}
	sim_disk_crash(node->disk, how);
}

static void drained(void *arg)
{
	*(bool *)arg = true;
}

struct stopping {
	const struct world_node *node;
	bool drained;
};

/* It has finished, or has met its end before, as its computer may have. */
static bool has_stopped(void *arg)
{
	const struct stopping *stopping = arg;

	return stopping->drained || stopping->node->node == NULL;
}

/* The process has met its end while it was taken down. */
static void died_late(void *arg)
{
	sim_loop_mute(((struct world_node *)arg)->loop, false);
}

void world_stop(struct world_node *node, uint64_t patience_ns)
{
	struct stopping stopping = {.node = node};
	struct world *world = node->world;
	bool dead;

	yett_node_drain(node->node, patience_ns, drained, &stopping.drained);
	sim_run_until(world->sim, has_stopped, &stopping,
		patience_ns + 90 * YETT_SEC); /* it may be stalled */
	if (node->node == NULL) {
		return;
	}
	YETT_REQUIRE(stopping.drained);
	world->taking_down++; /* who dies now, this one or another, is buried after it */
	node->process->died = died_late;
	sim_loop_settle(node->loop);
	yett_node_free(node->node);
	node->node = NULL;
	dead = node->process->dead;
	take_down(node);
	world->taking_down--;
	if (dead && world->died != NULL) {
		world->died(world->died_arg, node);
	}
}

void world_on_death(struct world *world, void (*fn)(void *arg, struct world_node *node), void *arg)
{
	world->died = fn;
	world->died_arg = arg;
}

void world_free(struct world *world)
{
	for (guint i = 0; i < world->nodes->len; i++) {
		world_kill(world->nodes->pdata[i]);
	}
	for (guint i = 0; i < world->nodes->len; i++) {
		struct world_node *node = world->nodes->pdata[i];

		if (!node->disk_shared) {
			sim_disk_free(node->disk);
		}
		g_free(node->text);
		g_free(node);
	}
	g_ptr_array_free(world->nodes, TRUE);
	sim_free(world->sim);
	YETT_REQUIRE(sim_vfs_open_files() == 0);
	g_free(world);
}

static void told(struct yett_keep *keep, int result)
{
	(void)keep;
	(void)result;
}

void world_tell(struct world_node *node, uint32_t lane, unsigned count)
{
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX / 2);
	struct yett_batch batch;
	char body[192];

	for (unsigned i = 0; i < count; i++) {
		struct yett_record record = {
			.size = sizeof(record),
			.kind = YETT_RECORD_EVENT,
			.time_ns = yett_clock_wall(node->node->clock),
			.name = yett_text("world.event"),
		};

		/* With chance in it, so that it takes room: nothing compresses it away. */
		snprintf(body, sizeof(body), "%s %u %016lx%016lx%016lx", node->name,
			(unsigned)node->told++, (unsigned long)sim_random(node->world->sim),
			(unsigned long)sim_random(node->world->sim),
			(unsigned long)sim_random(node->world->sim));
		record.body = yett_text(body);
		YETT_REQUIRE(yett_payload_record(payload, &record) == 0);
	}
	YETT_REQUIRE(yett_payload_cut(payload, lane, YETT_CONTENT_RECORDS, true,
			     yett_clock_wall(node->node->clock), &batch) == 0);
	yett_origin_submit(node->node, &batch, NULL, NULL, 0, told, NULL);
	yett_payload_free(payload);
}

void world_run(struct world *world, uint64_t for_ns)
{
	sim_run(world->sim, sim_now(world->sim) + for_ns);
}

static int add_account(void *arg, const struct yett_account *account)
{
	struct world_account *sum = arg;

	sum->events += account->events;
	sum->received += account->received;
	sum->declared += account->declared;
	sum->inferred += account->inferred;
	sum->missing += account->missing;
	sum->twice += account->twice;
	sum->forks += account->forks;
	sum->dead += account->dead;
	return 0;
}

struct world_account world_account(struct world_node *server)
{
	struct world_account sum = {0};
	struct yett_error error = YETT_ERROR_INIT;
	void *self;
	const struct yett_store_operations *store = yett_store_operations(server->node, &self);

	if (store->account(self, add_account, &sum, &error) < 0) {
		fprintf(stderr, "no account: %s\n", error.text);
		abort();
	}
	return sum;
}

uint64_t world_queued(const struct world_node *node)
{
	struct yett_queue_view view;
	uint64_t sum = 0;

	yett_queue_view(node->node, &view);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		sum += view.stats.lanes[lane].entries;
	}
	return sum;
}

bool world_wait_events(struct world_node *server, uint64_t events, uint64_t for_ns)
{
	uint64_t until_ns = sim_now(server->world->sim) + for_ns;

	while (world_account(server).events < events) {
		if (sim_now(server->world->sim) >= until_ns) {
			return false;
		}
		world_run(server->world, 100 * YETT_MS);
	}
	return true;
}
