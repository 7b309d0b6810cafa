/* Processes for source-exec: see run.h.
 *
 * posix_spawn and not fork: the process has many threads, and between fork and exec hardly anything
 * is safe then. The child gets /dev/null, two pipes, no other descriptor, an empty signal mask,
 * default dispositions, a process group of its own and "/" as its folder.
 *
 * The group is what signals go to, so that a shell's children go with the shell. What leaves the
 * group (setsid) is on its own. A group is signalled only while its leader is not reaped yet:
 * afterwards its number may be somebody else's. Runs on the source's thread. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

#define READ_AT_ONCE_MAX (256 * 1024) /* a flood from one does not keep the others waiting */

static void close_end(int *fd)
{
	if (*fd >= 0) {
		close(*fd);
		*fd = -1;
	}
}

static int make_pipe(int ret_ends[2])
{
	if (pipe2(ret_ends, O_CLOEXEC) != 0) {
		return errno;
	}
	/* only our end: the plugin's must block */
	return fcntl(ret_ends[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
}

static int set_up(
	posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, int output, int errors)
{
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	r = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
	r = r != 0 ? r : posix_spawn_file_actions_adddup2(actions, output, 1);
	r = r != 0 ? r : posix_spawn_file_actions_adddup2(actions, errors, 2);
	r = r != 0 ? r : posix_spawn_file_actions_addclosefrom_np(actions, 3);
	r = r != 0 ? r : posix_spawn_file_actions_addchdir_np(actions, "/");
	r = r != 0 ? r : posix_spawnattr_setpgroup(attributes, 0);
	r = r != 0 ? r : posix_spawnattr_setsigmask(attributes, &none);
	r = r != 0 ? r : posix_spawnattr_setsigdefault(attributes, &all);
	r = r != 0 ? r
		   : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP |
								  POSIX_SPAWN_SETSIGMASK |
								  POSIX_SPAWN_SETSIGDEF);
	return r;
}

static int spawn(
	struct run *run, char *const argv[], char *const environment[], int output, int errors)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r = posix_spawn_file_actions_init(&actions);

	if (r != 0) {
		return r;
	}
	r = posix_spawnattr_init(&attributes);
	if (r != 0) {
		goto out;
	}
	r = set_up(&actions, &attributes, output, errors);
	if (r == 0) {
		r = posix_spawn(&run->pid, argv[0], &actions, &attributes, argv, environment);
	}
	posix_spawnattr_destroy(&attributes);
out:
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

int yett_run_start(struct run *run, char *const argv[], char *const environment[])
{
	int output[2] = {-1, -1}, errors[2] = {-1, -1};
	int r;

	run->output_length = run->errors_length = 0;
	run->discarded = 0;
	r = make_pipe(output);
	r = r != 0 ? r : make_pipe(errors);
	r = r != 0 ? r : spawn(run, argv, environment, output[1], errors[1]);
	close_end(&output[1]);
	close_end(&errors[1]);
	if (r == 0) {
		run->process = pidfd_open(run->pid, 0);
		if (run->process < 0) {
			r = errno;
			kill(-run->pid, SIGKILL);
			waitpid(run->pid, NULL, 0);
		}
	}
	if (r != 0) {
		close_end(&output[0]);
		close_end(&errors[0]);
		return r;
	}
	run->output = output[0];
	run->errors = errors[0];
	run->state = RUN_RUNNING;
	return 0;
}

/* Into `bytes` while there is room, then away. */
static uint64_t drain(int *fd, char *bytes, size_t *length, size_t max)
{
	char waste[4096];
	uint64_t wasted = 0;
	size_t total = 0;

	while (*fd >= 0 && total < READ_AT_ONCE_MAX) {
		size_t room = max - *length;
		ssize_t got = read(
			*fd, room > 0 ? bytes + *length : waste, room > 0 ? room : sizeof(waste));

		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0 && errno == EAGAIN) {
			break;
		}
		if (got <= 0) {
			close_end(fd);
			break;
		}
		total += (size_t)got;
		if (room > 0) {
			*length += (size_t)got;
		} else {
			wasted += (uint64_t)got;
		}
	}
	return wasted;
}

void yett_run_read(struct run *run)
{
	run->discarded +=
		drain(&run->output, run->output_bytes, &run->output_length, RUN_OUTPUT_MAX);
	drain(&run->errors, run->errors_bytes, &run->errors_length, RUN_ERRORS_MAX);
}

void yett_run_signal(const struct run *run, int signal)
{
	kill(-run->pid, signal);
}

static void release(struct run *run)
{
	close_end(&run->output);
	close_end(&run->errors);
	close_end(&run->process);
	run->state = RUN_FREE;
}

bool yett_run_reap(struct run *run, int *ret_code)
{
	struct pollfd ended = {.fd = run->process, .events = POLLIN};
	siginfo_t info = {0};

	if (poll(&ended, 1, 0) != 1) {
		return false;
	}
	yett_run_signal(run, SIGKILL); /* the leader, a zombie, still keeps the number */
	if (waitid(P_PID, (id_t)run->pid, &info, WEXITED) != 0) {
		*ret_code = -SIGCHLD; /* someone else took its end */
	} else {
		*ret_code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
	}
	yett_run_read(run);
	release(run);
	return true;
}

void yett_run_abandon(struct run *run)
{
	release(run);
}
