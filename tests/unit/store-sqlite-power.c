/* store-sqlite on a disk whose syncs fail (simulation/disk.h): what is acknowledged after a start is there when
 * the power fails, also where the process before it was killed with a sync that had failed. */
#include "../../modules/store-sqlite/internal.h"
#include "store-contract.h"
#include "suite.h"

#include <stdio.h>

#include "../simulation/disk.h"

static struct yett_sqlite_settings settings;

const void *store_settings(const char *folder)
{
	(void)folder;
	return &settings;
}

/* "/NAME/shared/…" is the same file for all processes of the disk. */
static struct sim_process *begin(struct sim_disk *disk, const char *name, struct store *ret_store)
{
	static char path[64];
	struct sim_process *process = sim_process_new(disk, name);

	snprintf(path, sizeof(path), "/%s/shared/yett.db", name);
	settings.path = path;
	store_world.host.files = &process->files;
	store_open(ret_store, YETT_STORE_WRITER);
	return process;
}

/* It does nothing any more that reaches the disk. */
static void end_killed(struct sim_process *process, struct store *store)
{
	process->dead = true;
	store_close(store);
	sim_process_free(process);
}

static int put(struct store *store, uint64_t first)
{
	return store_put(store, store_batch(1, 1, YETT_LANE_NORMAL, first, 20, "a"));
}

/* A commit whose sync fails: it is not acknowledged. */
static void put_in_vain(struct store *store, uint64_t first)
{
	struct yett_batch batch = store_batch(1, 1, YETT_LANE_NORMAL, first, 20, "a");
	struct yett_put one = {.size = sizeof(one), .batch = &batch};

	CU_ASSERT_EQUAL(store->operations->begin(store->self, &store->error), 0);
	CU_ASSERT_EQUAL(store->operations->put(store->self, &one, 1, &store->error), 0);
	CU_ASSERT(store->operations->commit(store->self, &store->error) < 0);
	store->operations->rollback(store->self);
	store_batch_free(&batch);
}

static void killed_after_a_failed_sync(void)
{
	struct sim_disk *disk = sim_disk_new(7);
	struct sim_process *process;
	struct store store;

	store_world_open();
	process = begin(disk, "a", &store);
	CU_ASSERT_EQUAL(put(&store, 1), YETT_PUT_STORED);
	process->faults.sync_fails = 1;
	put_in_vain(&store, 21);
	end_killed(process, &store);
	sim_disk_crash(disk, YETT_FAULTY_KILLED);

	process = begin(disk, "b", &store); /* it sees that commit whole, in memory */
	CU_ASSERT_EQUAL(put(&store, 41), YETT_PUT_STORED);
	end_killed(process, &store);
	sim_disk_crash(disk, YETT_FAULTY_NOTHING);

	process = begin(disk, "c", &store);
	CU_ASSERT_EQUAL(put(&store, 1), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(put(&store, 41), YETT_PUT_DUPLICATE);
	store_close(&store);
	sim_process_free(process);
	sim_disk_free(disk);
	CU_ASSERT_EQUAL(sim_vfs_open_files(), 0);
	store_world_close();
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"killed after a failed sync", killed_after_a_failed_sync},
		CU_TEST_INFO_NULL,
	};

	sim_vfs_use(1);
	suite_add("store-sqlite: power", tests);
	return suite_end(argc, argv);
}
