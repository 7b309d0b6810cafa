/* Units.
 *
 * Responsible for the one grammar of sizes and durations: DIGITS [blanks] UNIT, without signs,
 * fractions or guesses (a "100 MB" could be meant in two ways, "5 m" too), and for refusals that
 * say what to write instead. Keeps nothing; any thread. */
#include "units.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name; /* NULL ends the table */
	uint64_t factor;
};

/* From the largest to the smallest. */
static const struct unit sizes[] = {{"TiB", UINT64_C(1) << 40}, {"GiB", UINT64_C(1) << 30},
	{"MiB", UINT64_C(1) << 20}, {"KiB", UINT64_C(1) << 10}, {"B", 1}, {NULL, 0}};
static const struct unit durations[] = {{"d", UINT64_C(86400000000000)},
	{"h", UINT64_C(3600000000000)}, {"min", UINT64_C(60000000000)}, {"s", UINT64_C(1000000000)},
	{"ms", UINT64_C(1000000)}, {"us", UINT64_C(1000)}, {"ns", 1}, {NULL, 0}};

/* What people write instead, and what they mean by it. */
static const char *const meant[][2] = {{"KB", "KiB"}, {"K", "KiB"}, {"MB", "MiB"}, {"M", "MiB"},
	{"GB", "GiB"}, {"G", "GiB"}, {"TB", "TiB"}, {"T", "TiB"}, {"byte", "B"}, {"bytes", "B"},
	{"sec", "s"}, {"secs", "s"}, {"second", "s"}, {"seconds", "s"}, {"m", "min"},
	{"mins", "min"}, {"minute", "min"}, {"minutes", "min"}, {"hr", "h"}, {"hrs", "h"},
	{"hour", "h"}, {"hours", "h"}, {"day", "d"}, {"days", "d"}, {"msec", "ms"}, {"usec", "us"},
	{"nsec", "ns"}};

static const struct unit *find(const struct unit *units, const char *name, bool exactly)
{
	for (; units->name != NULL; units++) {
		if (exactly ? strcmp(units->name, name) == 0 : strcasecmp(units->name, name) == 0) {
			return units;
		}
	}
	return NULL;
}

static const char *guess(const struct unit *units, const char *name)
{
	const struct unit *unit = find(units, name, false);

	for (size_t i = 0; unit == NULL && i < sizeof(meant) / sizeof(meant[0]); i++) {
		if (strcasecmp(meant[i][0], name) == 0) {
			unit = find(units, meant[i][1], true);
		}
	}
	return unit != NULL ? unit->name : NULL;
}

static int refuse_unit(const struct unit *units, bool duration, const char *number, int length,
	const char *name, struct yett_error *error)
{
	const char *better = guess(units, name);
	char mend[128];

	if (better != NULL && length < 20) {
		snprintf(mend, sizeof(mend), "write \"%.*s %s\"", length, number, better);
	} else {
		snprintf(mend, sizeof(mend), "the units are %s",
			duration ? "ns, us, ms, s, min, h and d" : "B, KiB, MiB, GiB and TiB");
	}
	return yett_fail(error, YETT_ECONFIG, mend, "'%.32s' is no unit of %s", name,
		duration ? "time" : "size");
}

static int parse(const char *text, const struct unit *units, bool duration, uint64_t *ret_value,
	struct yett_error *error)
{
	const char *at = text, *number;
	const struct unit *unit;
	uint64_t value = 0;
	char name[40];
	size_t n;
	int length;

	while (isspace((unsigned char)*at)) {
		at++;
	}
	number = at;
	for (; isdigit((unsigned char)*at); at++) {
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
			__builtin_add_overflow(value, (uint64_t)(*at - '0'), &value)) {
			return yett_fail(
				error, YETT_ECONFIG, "write a smaller number", "it is too large");
		}
	}
	length = (int)(at - number);
	if (length == 0 || *at == '.' || *at == ',') {
		return yett_fail(error, YETT_ECONFIG,
			duration ? "write for example \"60 s\" or \"250 ms\""
				 : "write for example \"64 KiB\" or \"100 MiB\"",
			"it is not a whole number and a unit");
	}
	while (isspace((unsigned char)*at)) {
		at++;
	}
	for (n = 0; at[n] != '\0' && n + 1 < sizeof(name); n++) {
		name[n] = at[n];
	}
	while (n > 0 && isspace((unsigned char)name[n - 1])) {
		n--;
	}
	name[n] = '\0';
	if (n == 0 && duration) {
		char mend[96];

		snprintf(mend, sizeof(mend), "write \"%.*s s\"", length < 20 ? length : 1, number);
		return yett_fail(error, YETT_ECONFIG, mend, "it has no unit");
	}
	unit = n == 0 ? find(units, "B", true) : find(units, name, true);
	if (unit == NULL) {
		return refuse_unit(units, duration, number, length, name, error);
	}
	if (__builtin_mul_overflow(value, unit->factor, &value) || value > INT64_MAX) {
		return yett_fail(error, YETT_ECONFIG, "write a smaller number", "it is too large");
	}
	*ret_value = value;
	return 0;
}

int yett_size_parse(const char *text, uint64_t *ret_bytes, struct yett_error *error)
{
	return parse(text, sizes, false, ret_bytes, error);
}

int yett_duration_parse(const char *text, uint64_t *ret_ns, struct yett_error *error)
{
	return parse(text, durations, true, ret_ns, error);
}

static const char *print(const struct unit *units, const char *zero, uint64_t value, char *ret_text)
{
	if (value == 0) {
		snprintf(ret_text, YETT_UNITS_TEXT_SIZE, "0 %s", zero);
		return ret_text;
	}
	while (value % units->factor != 0) {
		units++;
	}
	snprintf(ret_text, YETT_UNITS_TEXT_SIZE, "%" PRIu64 " %s", value / units->factor,
		units->name);
	return ret_text;
}

const char *yett_size_text(uint64_t bytes, char ret_text[YETT_UNITS_TEXT_SIZE])
{
	return print(sizes, "B", bytes, ret_text);
}

const char *yett_duration_text(uint64_t ns, char ret_text[YETT_UNITS_TEXT_SIZE])
{
	return print(durations, "s", ns, ret_text);
}
