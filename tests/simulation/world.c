/* Nodes in the simulated world.
 *
 * Responsible for starting and killing nodes made of production code with real modules (queue, store
 * and policies as they were built) and for asking the store what it holds. Not responsible for time
 * and network (sim.c). One thread. A mistake in a configuration ends the test. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "conf/load.h"
#include "flow/stages.h"
#include "module/load.h"
#include "net/files.h"
#include "wire/record.h"

#define MODULES YETT_TEST_BUILDDIR "/.libs"

static const struct yett_module *resolve(void *arg, const char *module, uint32_t kind,
	const char *directory, struct yett_error *error)
{
	struct world *world = arg;
	const struct yett_module *found = NULL;

	if (strcmp(module, "transport-sim") == 0) {
		return &sim_transport;
	}
	if (strcmp(module, "auth-sim") == 0) {
		return &sim_auth;
	}
	yett_loader_load(world->loader, module, kind, directory, &found, error);
	return found;
}

struct world *world_new(uint64_t seed)
{
	struct world *world = g_new0(struct world, 1);

	yett_log_setup(
		YETT_LOG_STDERR, getenv("YETT_TEST_LOG") != NULL ? YETT_LOG_DEBUG : YETT_LOG_ERROR);
	world->sim = sim_new(seed);
	world->loader = yett_loader_new();
	world->nodes = g_ptr_array_new();
	snprintf(world->folder, sizeof(world->folder), "%s/yett-world-XXXXXX",
		getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	YETT_REQUIRE(mkdtemp(world->folder) != NULL);
	return world;
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
	node->text = g_strdup_printf("node = { name = \"%s\"; state = \"%s/%s\"; user = \"\"; };\n"
				     "module-directory = \"" MODULES "\";\n"
				     "transport = { module = \"transport-sim\"; };\n"
				     "authentication = ( { module = \"auth-sim\"; } );\n"
				     "admin = { socket = \"\"; };\n%s\n",
		name, world->folder, name, rest);
	g_free(rest);
	g_ptr_array_add(world->nodes, node);
	return node;
}

void world_start(struct world_node *node)
{
	const struct yett_conf_hooks hooks = {.resolve = resolve, .arg = node->world};
	struct yett_problems *problems = yett_problems_new();
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_node_make make = {
		.clock = NULL, .files = &yett_files_system, .inline_executors = true};
	struct yett_management calls;

	if (yett_conf_load_string(node->text, strlen(node->text), "/tmp/world.conf", &hooks,
		    &node->conf, problems) != 0) {
		yett_problems_print(problems, stderr);
		abort();
	}
	yett_problems_free(problems);
	node->loop = sim_loop_new(node->world->sim, node->name);
	make.loop = node->loop;
	make.clock = sim_loop_clock(node->loop);
	make.settings = yett_conf_settings(node->conf);
	node->manage = yett_manage_new();
	calls = yett_manage_calls(node->manage);
	if (yett_node_new(&make, &calls, &node->node, &error) != 0 ||
		yett_manage_open(node->manage, node->node, &error) != 0 ||
		yett_node_start(node->node, &error) != 0) {
		fprintf(stderr, "%s does not start: %s; %s\n", node->name, error.text, error.mend);
		abort();
	}
}

void world_kill(struct world_node *node)
{
	if (node->node == NULL) {
		return;
	}
	/* What an inline executor has under way ends first; a thread would have been waited for. */
	sim_run(node->world->sim, sim_now(node->world->sim));
	yett_node_free(node->node);
	yett_manage_free(node->manage);
	sim_loop_free(node->loop);
	yett_conf_free(node->conf);
	node->node = NULL;
}

void world_free(struct world *world)
{
	g_autofree char *command = g_strdup_printf("rm -rf '%s'", world->folder);

	for (guint i = 0; i < world->nodes->len; i++) {
		struct world_node *node = world->nodes->pdata[i];

		world_kill(node);
		g_free(node->text);
		g_free(node);
	}
	g_ptr_array_free(world->nodes, TRUE);
	sim_free(world->sim);
	yett_loader_free(world->loader);
	YETT_REQUIRE(system(command) == 0);
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
