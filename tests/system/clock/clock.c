/* A clock that is off: a library to preload, for tests.
 *
 * Responsible for adding YETT_CLOCK_OFF_S seconds to whatever a program is told of the wall clock; or those
 * that stand in the file YETT_CLOCK_OFF_FILE (an int64_t, as this computer writes it), from one moment to
 * the next. What measures durations (the monotonic clocks) is as it is, and so are waits and the times of
 * files. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const _Atomic int64_t *steps;

__attribute__((constructor)) static void map_steps(void)
{
	const char *file = getenv("YETT_CLOCK_OFF_FILE");
	int fd = file != NULL ? open(file, O_RDONLY | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0) {
		return;
	}
	map = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	steps = map != MAP_FAILED ? map : NULL;
}

static time_t off(void)
{
	const char *text = getenv("YETT_CLOCK_OFF_S");

	if (steps != NULL) {
		return (time_t)atomic_load(steps);
	}
	return text != NULL ? (time_t)strtol(text, NULL, 10) : 0;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *ret_time)
{
	static int (*next)(clockid_t id, struct timespec * ret_time);
	int result;

	if (next == NULL) {
		next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	}
	result = next(id, ret_time);
	if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
		ret_time->tv_sec += off();
	}
	return result;
}

__attribute__((visibility("default"))) time_t time(time_t *ret_time)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret_time != NULL) {
		*ret_time = now.tv_sec;
	}
	return now.tv_sec;
}

__attribute__((visibility("default"))) int gettimeofday(
	struct timeval *restrict ret_time, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	ret_time->tv_sec = now.tv_sec;
	ret_time->tv_usec = now.tv_nsec / 1000;
	return 0;
}
