/* The system's clocks, chance, and times as text.
 *
 * Responsible for reading CLOCK_MONOTONIC, CLOCK_REALTIME and getrandom(2) behind the table of
 * clock.h, and for RFC 3339. Any thread; keeps nothing. getrandom cannot fail once the machine has
 * booted; if it does, the process ends rather than go on with bytes that can be guessed. */
#include "clock.h"

#include <ctype.h>
#include <errno.h>
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

/* "-15m" before now. */
static int parse_relative(const char *text, int64_t now_ns, int64_t *ret_wall_ns)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text + 1, &end, 10);
	if (errno != 0 || end == text + 1 || n < 0 || n > 1000000000) {
		return YETT_EINVAL;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (*end == units[i].unit && end[1] == '\0') {
			*ret_wall_ns = now_ns - n * units[i].seconds * (int64_t)YETT_SEC;
			return 0;
		}
	}
	return YETT_EINVAL;
}

/* ".123456789" → nanoseconds. */
static const char *parse_fraction(const char *at, int64_t *ret_ns)
{
	int64_t scale = 100000000;

	*ret_ns = 0;
	if (*at != '.') {
		return at;
	}
	for (at++; isdigit((unsigned char)*at); at++) {
		*ret_ns += (*at - '0') * scale;
		scale /= 10;
	}
	return at;
}

int yett_time_parse(const char *text, int64_t now_ns, int64_t *ret_wall_ns)
{
	int y, mo, d, h = 0, mi = 0, s = 0, n = 0, oh = 0, om = 0;
	int64_t fraction = 0, offset = 0;
	struct tm tm = {0};
	const char *at;

	if (strcmp(text, "now") == 0) {
		*ret_wall_ns = now_ns;
		return 0;
	}
	if (text[0] == '-') {
		return parse_relative(text, now_ns, ret_wall_ns);
	}
	if (sscanf(text, "%4d-%2d-%2d%n", &y, &mo, &d, &n) != 3) {
		return YETT_EINVAL;
	}
	at = text + n;
	if (*at == 'T' || *at == 't' || *at == ' ') {
		if (sscanf(at + 1, "%2d:%2d%n", &h, &mi, &n) != 2) {
			return YETT_EINVAL;
		}
		at += 1 + n;
		if (*at == ':') {
			if (sscanf(at, ":%2d%n", &s, &n) != 1) {
				return YETT_EINVAL;
			}
			at = parse_fraction(at + n, &fraction);
		}
		if (*at == 'Z' || *at == 'z') {
			at++;
		} else if ((*at == '+' || *at == '-') &&
			   sscanf(at + 1, "%2d:%2d%n", &oh, &om, &n) == 2) {
			offset = (*at == '-' ? -1 : 1) * (oh * 3600 + om * 60);
			at += 1 + n;
		}
	}
	if (*at != '\0' || mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || s > 60) {
		return YETT_EINVAL;
	}
	tm = (struct tm){.tm_year = y - 1900,
		.tm_mon = mo - 1,
		.tm_mday = d,
		.tm_hour = h,
		.tm_min = mi,
		.tm_sec = s};
	*ret_wall_ns = ((int64_t)timegm(&tm) - offset) * (int64_t)YETT_SEC + fraction;
	return 0;
}
