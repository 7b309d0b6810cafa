/* Names: nearest word, host names, patterns.
 *
 * Responsible for what is meant by a wrong word (optimal string alignment: a swap of neighbours is one
 * mistake) or by the first label of a name, for what a fully qualified name is, and for patterns over
 * names. Any thread; keeps nothing. Words longer than 63 characters are nobody's misspelling. */
#include "name.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "error.h"

#define WORD_MAX 63

/* Names are ASCII, whatever the locale. */
static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

static bool same(char a, char b)
{
	return lower(a) == lower(b);
}

static unsigned smallest(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	for (size_t j = 0; j <= m; j++) {
		rows[0][j] = (unsigned)j;
	}
	for (size_t i = 1; i <= n; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *two = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned cost = !same(a[i - 1], b[j - 1]);

			row[j] = smallest(
				smallest(above[j] + 1, row[j - 1] + 1), above[j - 1] + cost);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
				same(a[i - 2], b[j - 1])) {
				row[j] = smallest(row[j], two[j - 2] + 1);
			}
		}
	}
	return rows[n % 3][m];
}

/* The one candidate whose first label the word is: "gw1" of "gw1.example.com". */
static const char *named_short(const char *word, size_t length, const char *const *candidates)
{
	const char *found = NULL;

	for (; *candidates != NULL; candidates++) {
		if (strncasecmp(word, *candidates, length) == 0 && (*candidates)[length] == '.') {
			if (found != NULL) {
				return NULL;
			}
			found = *candidates;
		}
	}
	return found;
}

const char *yett_name_nearest(const char *word, const char *const *candidates)
{
	const char *best = NULL;
	unsigned best_distance = UINT32_MAX;
	size_t length = strlen(word);

	if (length == 0 || length > WORD_MAX) {
		return NULL;
	}
	best = named_short(word, length, candidates);
	if (best != NULL) {
		return best;
	}
	for (; *candidates != NULL; candidates++) {
		size_t other = strlen(*candidates);
		/* One mistake in a short word, two from five letters on, one more every three. */
		unsigned limit = (unsigned)((length > other ? length : other) + 1) / 3;
		unsigned d;

		if (other > WORD_MAX) {
			continue;
		}
		d = distance(word, *candidates);
		if (d <= limit && d < best_distance) {
			best = *candidates;
			best_distance = d;
		}
	}
	return best;
}

bool yett_name_is_fqdn(const char *name)
{
	size_t label = 0, length = strlen(name);

	if (length == 0 || length > 253) {
		return false;
	}
	for (size_t i = 0; i <= length; i++) {
		char c = name[i];

		if (c == '.' || c == '\0') {
			if (label == 0 || label > 63 || name[i - 1] == '-') {
				return false;
			}
			label = 0;
		} else if (is_alphanumeric(c) || (c == '-' && label > 0)) {
			label++;
		} else {
			return false;
		}
	}
	return true;
}

int yett_name_normalise(const char *name, char *ret_name, size_t size)
{
	size_t length = strlen(name);

	if (!yett_name_is_fqdn(name) || length >= size) {
		return YETT_EINVAL;
	}
	for (size_t i = 0; i <= length; i++) {
		ret_name[i] = lower(name[i]);
	}
	return 0;
}

/* Iterative, with one place to come back to for each kind of star. The earliest match of what is
 * between two stars is as good as any later one, also where '*' stops at a '.': so only the last star
 * of each kind is tried again, and the time is bounded by a polynomial. */
bool yett_name_match(const char *pattern, const char *name)
{
	const char *star = NULL, *star_name = NULL;
	const char *run = NULL, *run_name = NULL; /* of the last "**" */

	for (;;) {
		if (pattern[0] == '*' && pattern[1] == '*') {
			run = pattern + 2;
			run_name = name;
			pattern = run;
			star = NULL;
		} else if (pattern[0] == '*') {
			star = pattern + 1;
			star_name = name;
			pattern = star;
		} else if (*name == '\0' && *pattern == '\0') {
			return true;
		} else if (*name != '\0' && ((*pattern == '?' && *name != '.') ||
						    (*pattern != '\0' && same(*pattern, *name)))) {
			pattern++;
			name++;
		} else if (star != NULL && *star_name != '\0' && *star_name != '.') {
			name = ++star_name;
			pattern = star;
		} else if (run != NULL && *run_name != '\0') {
			name = ++run_name;
			pattern = run;
			star = NULL;
		} else {
			return false;
		}
	}
}

bool yett_name_has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name), end = strlen(suffix);

	if (strcmp(suffix, "*") == 0) {
		return true;
	}
	if (end == 0 || end > length || strcasecmp(name + length - end, suffix) != 0) {
		return false;
	}
	return end == length || name[length - end - 1] == '.';
}
