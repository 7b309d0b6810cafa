/* A clock that is off: a library to preload, for tests.
 *
 * Responsible for adding YETT_CLOCK_OFF_S seconds to whatever a program is told of the wall clock.
 * What measures durations (the monotonic clocks) is as it is, and so are waits and the times of files. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t off(void)
{
	const char *text = getenv("YETT_CLOCK_OFF_S");

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
