/* Reads that take long do not hold up short ones, and a registry that was put back is told whole; on a real
 * loop, with a store that only lends its instances. */
#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

#include "flow/stages.h"
#include "suite.h"

#define PATIENCE_S 20 /* after which a read that waits for another gives up, and the test fails */

struct bench {
	struct yett_settings settings;
	struct yett_node node;
	sem_t go;
	const void *reader[2]; /* that the long, and the short one were given */
	bool went_on;
	int done;
	unsigned told; /* documents, since the registry was put back */
};

static int fake_open(void *self, uint32_t mode, struct yett_error *error)
{
	(void)self;
	(void)error;
	CU_ASSERT_EQUAL(mode, YETT_STORE_READER);
	return 0;
}

static int fake_create(const struct yett_host *host, const struct yett_create *with,
	void **ret_self, struct yett_error *error)
{
	(void)host;
	(void)with;
	(void)error;
	*ret_self = g_new0(int, 1);
	return 0;
}

static const struct yett_life life = {
	.size = sizeof(life), .create = fake_create, .destroy = g_free};

/* A registry that is found put back, and told a part at a time. */
#define SLICE  500
#define PAPERS (2 * SLICE + 200)

static int fake_watch(void *self, uint64_t after, uint64_t timeout_ns, yett_change_fn visit,
	void *arg, struct yett_error *error)
{
	int *begun = self;

	(void)timeout_ns;
	(void)error;
	if (*begun == 0) {
		*begun = 1;
		return visit(arg, "decision", "a", "{}", 2 * PAPERS);
	}
	for (uint64_t i = after + 1; i <= PAPERS && i <= after + SLICE; i++) {
		visit(arg, "decision", "a", "{}", i);
	}
	return after > PAPERS ? YETT_ECONFLICT : 0;
}

static int fake_stats(void *self, struct yett_store_stats *ret_stats, struct yett_error *error)
{
	(void)self;
	(void)ret_stats;
	(void)error;
	return 0;
}

static const struct yett_store_operations operations = {
	.size = sizeof(operations), .open = fake_open, .watch = fake_watch, .stats = fake_stats};
static const struct yett_module module = {
	.size = sizeof(module),
	.kind = YETT_KIND_STORE,
	.name = "store-lent",
	.life = &life,
	.operations = &operations,
};

static void begin(struct bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	bench->settings.store.descriptor = &module;
	bench->settings.store.name = module.name;
	bench->node.settings = &bench->settings;
	bench->node.clock = bench->node.world.clock = &yett_clock_system;
	CU_ASSERT_EQUAL_FATAL(sem_init(&bench->go, 0, 0), 0);
	CU_ASSERT_EQUAL_FATAL(yett_loop_uv_new(&bench->node.loop, NULL), 0);
	bench->node.world.loop = bench->node.loop;
	CU_ASSERT_EQUAL_FATAL(yett_readers_open(&bench->node, NULL), 0);
}

static void end(struct bench *bench)
{
	yett_loop_uv_free(bench->node.loop);
	sem_destroy(&bench->go);
}

static void takes_long(const struct yett_store_operations *store, void *self, void *arg)
{
	struct bench *bench = arg;
	struct timespec until;

	CU_ASSERT_PTR_EQUAL(store, &operations);
	bench->reader[0] = self;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	while (sem_timedwait(&bench->go, &until) != 0) {
		if (errno != EINTR) {
			return;
		}
	}
	bench->went_on = true;
}

static void is_short(const struct yett_store_operations *store, void *self, void *arg)
{
	struct bench *bench = arg;

	(void)store;
	bench->reader[1] = self;
	sem_post(&bench->go);
}

static void one_done(void *arg)
{
	struct bench *bench = arg;

	CU_ASSERT(!yett_readers_idle(&bench->node) || bench->done == 1);
	if (++bench->done == 2) {
		yett_loop_uv_stop(bench->node.loop);
	}
}

/* The long one ends because the short one was run meanwhile. */
static void a_short_one_does_not_wait(void)
{
	struct bench bench;

	begin(&bench);
	CU_ASSERT(yett_readers_idle(&bench.node));
	yett_readers_call(&bench.node, YETT_READ_LONG, takes_long, one_done, &bench);
	yett_readers_call(&bench.node, YETT_READ_SHORT, is_short, one_done, &bench);
	CU_ASSERT(!yett_readers_idle(&bench.node));
	yett_loop_uv_run(bench.node.loop);
	CU_ASSERT(bench.went_on);
	CU_ASSERT_EQUAL(bench.done, 2);
	CU_ASSERT_PTR_NOT_EQUAL(bench.reader[0], bench.reader[1]);
	CU_ASSERT(yett_readers_idle(&bench.node));
	yett_readers_close(&bench.node);
	end(&bench);
}

static void count(void *arg)
{
	((struct bench *)arg)->done++;
}

/* What is under way when the node stops has ended when close returns, and whoever asked has been answered: they may
 * be gone when the loop comes to it, and are not answered again. */
static void what_is_under_way_ends(void)
{
	struct bench bench;

	begin(&bench);
	yett_readers_call(&bench.node, YETT_READ_SHORT, is_short, count, &bench);
	yett_readers_call(&bench.node, YETT_READ_LONG, takes_long, count, &bench);
	yett_readers_close(&bench.node);
	CU_ASSERT_PTR_NULL(bench.node.readers);
	CU_ASSERT(bench.went_on);
	CU_ASSERT_EQUAL(bench.done, 2);
	yett_readers_call(&bench.node, YETT_READ_LONG, takes_long, count, &bench);
	CU_ASSERT_EQUAL(bench.done, 3); /* it is too late for that */
	end(&bench);
	CU_ASSERT_EQUAL(bench.done, 3);
}

static void on_changed(
	void *arg, const char *table, const char *key, const char *json, uint64_t revision)
{
	struct bench *bench = arg;

	(void)table;
	(void)key;
	(void)json;
	(void)revision;
	bench->told++;
}

static void on_put_back(void *arg, bool whole)
{
	struct bench *bench = arg;

	if (!whole) {
		bench->told = 0;
		return;
	}
	CU_ASSERT_EQUAL(bench->told, PAPERS);
	yett_loop_uv_stop(bench->node.loop);
}

/* What was not told by the time that all is said to be told counts as gone: the revoked would be let in. */
static void a_registry_put_back_is_told_whole(void)
{
	struct bench bench;

	begin(&bench);
	bench.node.management = (struct yett_management){
		.arg = &bench, .registry_changed = on_changed, .registry_put_back = on_put_back};
	CU_ASSERT_EQUAL_FATAL(yett_watch_open(&bench.node, NULL), 0);
	yett_watch_start(&bench.node);
	yett_loop_uv_run(bench.node.loop);
	yett_watch_close(&bench.node);
	yett_readers_close(&bench.node);
	end(&bench);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"a short one does not wait for a long one", a_short_one_does_not_wait},
		{"what is under way ends with the node", what_is_under_way_ends},
		{"a registry that was put back is told whole", a_registry_put_back_is_told_whole},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "flow-readers", tests);
}
