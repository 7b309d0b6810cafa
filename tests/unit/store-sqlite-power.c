/* store-sqlite on a disk whose syncs fail (simulation/disk.h): what is acknowledged after a start is there when
 * the power fails, also where the process before it was killed with a sync that had failed. */
#include "../../modules/store-sqlite/internal.h"
#include "store-contract.h"
#include "suite.h"

#include <stdio.h>

#include "../simulation/disk.h"

static struct yett_sqlite_settings settings = {
	.checkpoint_bytes = 1 << 30}; /* when the test says so */

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

static void end_well(struct sim_process *process, struct store *store)
{
	store_close(store);
	sim_process_free(process);
}

/* No process uses it any more. */
static void end_disk(struct sim_disk *disk)
{
	sim_disk_free(disk);
	CU_ASSERT_EQUAL(sim_vfs_open_files(), 0);
	store_world_close();
}

static int put(struct store *store, uint64_t first)
{
	return store_put(store, store_batch(1, 1, YETT_LANE_NORMAL, first, 20, "a"));
}

/* Whether it was committed, and so acknowledged. */
static bool try_put(struct store *store, uint64_t first)
{
	struct yett_batch batch = store_batch(1, 1, YETT_LANE_NORMAL, first, 20, "a");
	struct yett_put one = {.size = sizeof(one), .batch = &batch};
	bool done;

	CU_ASSERT_EQUAL(store->operations->begin(store->self, &store->error), 0);
	CU_ASSERT_EQUAL(store->operations->put(store->self, &one, 1, &store->error), 0);
	done = store->operations->commit(store->self, &store->error) == 0;
	if (!done) {
		store->operations->rollback(store->self);
	}
	store_batch_free(&batch);
	return done;
}

/* A commit whose sync fails. */
static void put_in_vain(struct store *store, uint64_t first)
{
	CU_ASSERT(!try_put(store, first));
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
	end_well(process, &store);
	end_disk(disk);
}

/* Somebody who looks at what the log holds now, and goes on looking. */
static sqlite3 *look(void)
{
	sqlite3 *db;

	CU_ASSERT_EQUAL_FATAL(
		sqlite3_open_v2(settings.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM record", NULL, NULL, NULL),
		SQLITE_OK);
	return db;
}

static void expect_all(struct store *store, uint64_t below)
{
	for (uint64_t first = 1; first < below; first += 20) {
		CU_ASSERT_EQUAL(put(store, first), YETT_PUT_DUPLICATE);
	}
}

/* The log's first part is brought into the database, since a reader holds the rest back; then all of it, and
 * the database's sync fails. What the first part held is in memory alone, and no later checkpoint would write
 * it again: so there is none, and the log, which has everything, is not begun anew. */
static void a_checkpoint_in_two_parts(bool killed)
{
	struct sim_disk *disk = sim_disk_new(8);
	struct sim_process *process;
	struct store store;
	sqlite3 *reader;

	store_world_open();
	process = begin(disk, "a", &store);
	CU_ASSERT_EQUAL(put(&store, 1), YETT_PUT_STORED);
	reader = look();
	CU_ASSERT_EQUAL(put(&store, 21), YETT_PUT_STORED);
	yett_sqlite_checkpoint(store.self);
	sqlite3_close(reader);
	yett_faulty_plan_sync(sim_disk_faulty(disk), 2); /* the log's, and then the database's */
	yett_sqlite_checkpoint(store.self);
	CU_ASSERT_STRING_EQUAL(store_world.last_event, "store-unsynced");
	for (uint64_t first = 41; first < 101; first += 20) {
		yett_sqlite_checkpoint(store.self);
		CU_ASSERT_EQUAL(put(&store, first), YETT_PUT_STORED);
	}
	if (killed) {
		end_killed(process, &store);
	} else {
		end_well(process, &store);
	}
	sim_disk_crash(disk, YETT_FAULTY_NOTHING);

	/* Alone, and so with all of the log. */
	process = begin(disk, "b", &store);
	expect_all(&store, 101);
	yett_sqlite_checkpoint(store.self);
	CU_ASSERT_EQUAL(put(&store, 101), YETT_PUT_STORED);
	end_killed(process, &store);
	sim_disk_crash(disk, YETT_FAULTY_NOTHING);
	process = begin(disk, "c", &store);
	expect_all(&store, 121);
	end_well(process, &store);
	end_disk(disk);
}

static void a_checkpoint_in_two_parts_whose_sync_fails(void)
{
	a_checkpoint_in_two_parts(true);
	a_checkpoint_in_two_parts(false);
}

/* Commits are followed by checkpoints of ours, and not by SQLite's, whose failures nobody hears of. */
static void a_commit_is_followed_by_a_checkpoint(void)
{
	struct sim_disk *disk = sim_disk_new(8);
	struct sim_process *process;
	struct store store;

	store_world_open();
	process = begin(disk, "a", &store);
	CU_ASSERT_EQUAL(put(&store, 1), YETT_PUT_STORED);
	settings.checkpoint_bytes = 4096;
	yett_faulty_plan_sync(
		sim_disk_faulty(disk), 3); /* the commit's, the log's, the database's */
	CU_ASSERT_EQUAL(put(&store, 21), YETT_PUT_STORED);
	CU_ASSERT_STRING_EQUAL(store_world.last_event, "store-unsynced");
	for (uint64_t first = 41; first < 101; first += 20) {
		CU_ASSERT_EQUAL(put(&store, first), YETT_PUT_STORED);
	}
	settings.checkpoint_bytes = 1 << 30;
	end_killed(process, &store);
	sim_disk_crash(disk, YETT_FAULTY_NOTHING);
	process = begin(disk, "b", &store);
	expect_all(&store, 101);
	end_well(process, &store);
	end_disk(disk);
}

/* Another process has it open all the time: a start is not alone then, and must not believe what SQLite
 * remembers of the first part. */
static void a_start_that_is_not_alone(void)
{
	struct sim_disk *disk = sim_disk_new(8);
	struct sim_process *process, *other;
	struct store store, second;
	sqlite3 *reader;

	store_world_open();
	other = begin(disk, "b", &second);
	process = begin(disk, "a", &store);
	CU_ASSERT_EQUAL(put(&store, 1), YETT_PUT_STORED);
	reader = look();
	CU_ASSERT_EQUAL(put(&store, 21), YETT_PUT_STORED);
	yett_sqlite_checkpoint(store.self);
	sqlite3_close(reader);
	yett_faulty_plan_sync(sim_disk_faulty(disk), 2);
	yett_sqlite_checkpoint(store.self);
	end_well(process, &store);

	store_world.last_event[0] = '\0';
	process = begin(disk, "a", &store);
	CU_ASSERT_STRING_EQUAL(store_world.last_event, "store-unsynced");
	yett_sqlite_checkpoint(store.self);
	CU_ASSERT_EQUAL(put(&store, 41), YETT_PUT_STORED);
	yett_sqlite_checkpoint(store.self);
	CU_ASSERT_EQUAL(put(&store, 61), YETT_PUT_STORED);
	end_killed(process, &store);
	end_killed(other, &second);
	sim_disk_crash(disk, YETT_FAULTY_NOTHING);

	store_world.last_event[0] = '\0';
	process = begin(disk, "c", &store);
	CU_ASSERT_STRING_NOT_EQUAL(store_world.last_event, "store-unsynced");
	expect_all(&store, 81);
	end_well(process, &store);
	end_disk(disk);
}

/* A start that cannot make the log durable takes nothing; the next one may. */
static void a_start_whose_syncs_fail(void)
{
	unsigned were_stored = 0;

	for (uint64_t at = 1; at <= 6; at++) {
		struct sim_disk *disk = sim_disk_new(9);
		struct sim_process *process;
		struct store store;
		bool stored = false;
		int result;

		store_world_open();
		process = begin(disk, "a", &store);
		CU_ASSERT_EQUAL(put(&store, 1), YETT_PUT_STORED);
		process->faults.sync_fails = 1;
		put_in_vain(&store, 21);
		end_killed(process, &store);
		sim_disk_crash(disk, YETT_FAULTY_KILLED);

		process = sim_process_new(disk, "b");
		settings.path = "/b/shared/yett.db";
		store_world.host.files = &process->files;
		yett_faulty_plan_sync(sim_disk_faulty(disk), at);
		result = store_try_open(&store, YETT_STORE_WRITER);
		CU_ASSERT(at > 1 || result < 0); /* the log's is the first */
		if (result == 0) {
			stored = try_put(&store, 41);
			end_killed(process, &store);
		} else {
			sim_process_free(process);
		}
		sim_disk_crash(disk, YETT_FAULTY_NOTHING);
		process = begin(disk, "c", &store);
		CU_ASSERT_EQUAL(put(&store, 1), YETT_PUT_DUPLICATE);
		CU_ASSERT(!stored || put(&store, 41) == YETT_PUT_DUPLICATE);
		were_stored += stored;
		end_well(process, &store);
		end_disk(disk);
	}
	CU_ASSERT(were_stored >= 3);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"killed after a failed sync", killed_after_a_failed_sync},
		{"a checkpoint in two parts, whose sync fails",
			a_checkpoint_in_two_parts_whose_sync_fails},
		{"a commit is followed by a checkpoint", a_commit_is_followed_by_a_checkpoint},
		{"a start that is not alone", a_start_that_is_not_alone},
		{"a start whose syncs fail", a_start_whose_syncs_fail},
		CU_TEST_INFO_NULL,
	};

	sim_vfs_use(1);
	suite_add("store-sqlite: power", tests);
	return suite_end(argc, argv);
}
