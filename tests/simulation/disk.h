/* Disks of simulated computers: files in memory that forget what was not synced (unit/files-faulty.h),
 * and the processes that use them, each with faults of its own. The only files that a simulated node
 * sees: through the table of yett/host.h, and through a file system of SQLite's (vfs.c), which takes
 * the first part of a path for the name of the process. */
#ifndef YETT_SIMULATION_DISK_H
#define YETT_SIMULATION_DISK_H

#include <stdbool.h>

#include <yett/host.h>

#include "../unit/files-faulty.h"

struct sim_disk; /* of a computer; several processes may share one */

/* What a process meets. Operations that change something are counted from 1 (`operations`). */
struct sim_faults {
	uint64_t kill_at;       /* it dies at this operation, which may be done in part; 0: never */
	uint64_t sync_fails;    /* one sync in so many fails; 0: none */
	uint64_t write_fails;   /* one write in so many is short and fails with EIO; 0: none */
	uint64_t write_is_full; /* one write or allocation in so many finds no room; 0: none */
	/* One read in so many, of a queue's files, begins a run of up to three in a row that fail with
	 * EIO; 0: none. A queue's recovery tries more often than that. */
	uint64_t read_fails;
	bool full; /* there is no room at all */
};

struct sim_process {
	struct yett_files files; /* its table; fs is this process */
	struct sim_disk *disk;
	char name[64];
	struct sim_faults faults;
	uint64_t operations;
	uint64_t failures;   /* faults that it met */
	unsigned read_fails; /* how many more reads fail, and 1 */
	bool dead;           /* nothing that it does reaches the disk any more */
	void (*died)(void *arg);
	void *died_arg;
};

struct sim_disk *sim_disk_new(uint64_t seed);
void sim_disk_free(struct sim_disk *disk);
struct yett_faulty *sim_disk_faulty(struct sim_disk *disk);
/* The power goes: no process may be using it any more. */
void sim_disk_crash(struct sim_disk *disk, enum yett_faulty_crash how);
/* A copy of all there is, and back from it: as a snapshot of a virtual machine. */
struct yett_faulty *sim_disk_snapshot(const struct sim_disk *disk);
void sim_disk_restore(struct sim_disk *disk, const struct yett_faulty *snapshot);

/* A name that begins a path: "/NAME/…" are the files of this process. */
struct sim_process *sim_process_new(struct sim_disk *disk, const char *name);
void sim_process_free(struct sim_process *process);
struct sim_process *sim_process_find(const char *path);

/* Makes vfs.c SQLite's default file system, from now on; begins its chance anew. */
void sim_vfs_use(uint64_t seed);
unsigned sim_vfs_open_files(void);

#endif
