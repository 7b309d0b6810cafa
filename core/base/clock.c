/* The system's clocks, chance, and times as text.
 *
 * Responsible for reading CLOCK_MONOTONIC, CLOCK_REALTIME and getrandom(2) behind the table of
 * clock.h, and for RFC 3339. Any thread; keeps nothing. getrandom cannot fail once the machine has
 * booted; if it does, the process ends rather than go on with bytes that can be guessed. */
#include "clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "error.h"

static uint64_t system_monotonic(void *arg)
{
	struct timespec now;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * YETT_SEC + (uint64_t)now.tv_nsec;
}

static int64_t system_wall(void *arg)
{
	struct timespec now;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * (int64_t)YETT_SEC + now.tv_nsec;
}

static void system_random(void *arg, void *ret_bytes, size_t length)
{
	uint8_t *at = ret_bytes;

	(void)arg;
	while (length > 0) {
		ssize_t n = getrandom(at, length, 0);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		YETT_REQUIRE(n > 0);
		at += n;
		length -= (size_t)n;
	}
}

const struct yett_clock yett_clock_system = {
	.monotonic_ns = system_monotonic,
	.wall_ns = system_wall,
	.random_bytes = system_random,
};

uint64_t yett_clock_random_below(const struct yett_clock *clock, uint64_t below)
{
	uint64_t value, limit;

	if (below <= 1) {
		return 0;
	}
	limit = UINT64_MAX - UINT64_MAX % below;
	do {
		yett_clock_random(clock, &value, sizeof(value));
	} while (value >= limit);
	return value % below;
}

const char *yett_time_text(int64_t wall_ns, char *ret_text, size_t size)
{
	int64_t second = wall_ns / (int64_t)YETT_SEC, rest = wall_ns % (int64_t)YETT_SEC;
	time_t seconds;
	struct tm tm;

	if (rest < 0) {
		rest += (int64_t)YETT_SEC;
		second--;
	}
	seconds = (time_t)second;
	gmtime_r(&seconds, &tm);
	snprintf(ret_text, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		(int)(rest / (int64_t)YETT_MS));
	return ret_text;
}

/* `n` digits, no sign and no blank; moves `at` on. */
static bool digits(const char **at, int n, int *ret_value)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*at)++) {
		if (**at < '0' || **at > '9') {
			return false;
		}
		value = value * 10 + (**at - '0');
	}
	*ret_value = value;
	return true;
}

static bool skip(const char **at, char c)
{
	if (**at != c) {
		return false;
	}
	(*at)++;
	return true;
}

/* "15m" before now; the "-" is read already. */
static int parse_relative(const char *text, int64_t now_ns, int64_t *ret_wall_ns)
{
	static const struct {
		char unit;
		int64_t ns;
	} units[] = {{'s', INT64_C(1000000000)}, {'m', INT64_C(60000000000)},
		{'h', INT64_C(3600000000000)}, {'d', INT64_C(86400000000000)}};
	int64_t n = 0, span_ns;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (n > INT32_MAX) {
			return YETT_EINVAL;
		}
		n = n * 10 + (*at - '0');
	}
	for (size_t i = 0; at != text && i < sizeof(units) / sizeof(units[0]); i++) {
		if (*at == units[i].unit && at[1] == '\0') {
			return __builtin_mul_overflow(n, units[i].ns, &span_ns) ||
					       __builtin_sub_overflow(now_ns, span_ns, ret_wall_ns)
				       ? YETT_EINVAL
				       : 0;
		}
	}
	return YETT_EINVAL;
}

/* ".123456789" → nanoseconds; what is finer is cut. */
static bool fraction(const char **at, int64_t *ret_ns)
{
	int64_t scale = 100000000;

	*ret_ns = 0;
	if (!skip(at, '.')) {
		return true;
	}
	if (**at < '0' || **at > '9') {
		return false;
	}
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		*ret_ns += (**at - '0') * scale;
		scale /= 10;
	}
	return true;
}

/* "Z", "+01:00", or nothing, which is UTC too. */
static bool zone(const char **at, int *ret_offset_s)
{
	int sign = **at == '-' ? -1 : 1, hours, minutes;

	*ret_offset_s = 0;
	if (skip(at, 'Z') || skip(at, 'z') || **at == '\0') {
		return true;
	}
	if ((!skip(at, '+') && !skip(at, '-')) || !digits(at, 2, &hours) || !skip(at, ':') ||
		!digits(at, 2, &minutes) || hours > 23 || minutes > 59) {
		return false;
	}
	*ret_offset_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool time_of_day(const char **at, struct tm *tm, int64_t *ret_ns, int *ret_offset_s)
{
	if (!digits(at, 2, &tm->tm_hour) || !skip(at, ':') || !digits(at, 2, &tm->tm_min)) {
		return false;
	}
	if (skip(at, ':') && (!digits(at, 2, &tm->tm_sec) || !fraction(at, ret_ns))) {
		return false;
	}
	return tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= 60 && zone(at, ret_offset_s);
}

int yett_time_parse(const char *text, int64_t now_ns, int64_t *ret_wall_ns)
{
	struct tm tm = {0}, day;
	int64_t nanoseconds = 0, wall_ns;
	const char *at = text;
	int offset_s = 0;

	if (strcmp(text, "now") == 0) {
		*ret_wall_ns = now_ns;
		return 0;
	}
	if (text[0] == '-') {
		return parse_relative(text + 1, now_ns, ret_wall_ns);
	}
	if (!digits(&at, 4, &tm.tm_year) || !skip(&at, '-') || !digits(&at, 2, &tm.tm_mon) ||
		!skip(&at, '-') || !digits(&at, 2, &tm.tm_mday)) {
		return YETT_EINVAL;
	}
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	day = tm;
	timegm(&day); /* puts right what no month has: then it was no date */
	if (day.tm_mon != tm.tm_mon || day.tm_mday != tm.tm_mday) {
		return YETT_EINVAL;
	}
	if ((skip(&at, 'T') || skip(&at, 't') || skip(&at, ' ')) &&
		!time_of_day(&at, &tm, &nanoseconds, &offset_s)) {
		return YETT_EINVAL;
	}
	if (*at != '\0' ||
		__builtin_mul_overflow(
			(int64_t)timegm(&tm) - offset_s, (int64_t)YETT_SEC, &wall_ns) ||
		__builtin_add_overflow(wall_ns, nanoseconds, &wall_ns)) {
		return YETT_EINVAL;
	}
	*ret_wall_ns = wall_ns;
	return 0;
}
