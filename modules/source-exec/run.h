/* One process that runs a plugin: started in a process group of its own, read through pipes, and
 * gone when it is reaped. */
#ifndef YETT_SOURCE_EXEC_RUN_H
#define YETT_SOURCE_EXEC_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RUN_OUTPUT_MAX (64 * 1024)
#define RUN_ERRORS_MAX (4 * 1024)

/* FREE → RUNNING (start) → FREE (reaped)
 *        RUNNING → TERMINATED (SIGTERM: its time was up) → FREE (reaped)
 *                  TERMINATED → KILLED (SIGKILL: it ignored that) → FREE (reaped) */
enum run_state {
	RUN_FREE,
	RUN_RUNNING,
	RUN_TERMINATED,
	RUN_KILLED,
};

struct run {
	enum run_state state;
	pid_t pid;          /* also of its group */
	int process;        /* pidfd: readable when the process has ended */
	int output, errors; /* pipes; -1: closed */
	uint64_t started_ns;
	uint64_t deadline_ns; /* of the state that it is in */
	size_t check;
	size_t output_length, errors_length;
	uint64_t discarded; /* of the output, beyond RUN_OUTPUT_MAX */
	char output_bytes[RUN_OUTPUT_MAX];
	char errors_bytes[RUN_ERRORS_MAX];
};

/* Returns 0 and RUN_RUNNING, or an errno and RUN_FREE. */
int yett_run_start(struct run *run, char *const argv[], char *const environment[]);
/* Takes what there is to read, without waiting. */
void yett_run_read(struct run *run);
/* Sends a signal to the group. */
void yett_run_signal(const struct run *run, int signal);
/* If the process has ended: kills what it left behind in its group, takes the last of its output,
 * and frees. `*ret_code` is its exit code, or minus the signal that ended it. */
bool yett_run_reap(struct run *run, int *ret_code);
/* Gives up on one that SIGKILL does not end (it hangs in the kernel). */
void yett_run_abandon(struct run *run);

#endif
