/* Tables and paragraphs of text: responsible for columns that fit what they hold and the screen, and for
 * colour only where a person looks (a terminal, and no NO_COLOR). Nothing is cut: what is too wide goes on
 * in the next line, names and sentences before figures and times. The screen is as wide as the terminal;
 * elsewhere 80 columns, or what COLUMNS says. */
#include "table.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../base/clock.h"
#include "ctl.h"

#define COLUMNS_MAX 16
#define CELL_LEAST  8          /* a column is not made narrower */
#define MARKS       ".,:;/=@-" /* behind these, a word that is longer than its line is broken */
#define SCREEN      80
#define SCREEN_MIN  40
#define SCREEN_MAX  1000

static bool colourful(void)
{
	return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
}

static size_t screen(void)
{
	const char *columns = getenv("COLUMNS");
	long given = columns != NULL ? strtol(columns, NULL, 10) : 0;
	struct winsize window;

	if (given <= 0 && isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0) {
		given = window.ws_col;
	}
	return given <= 0 ? SCREEN : (size_t)CLAMP(given, SCREEN_MIN, SCREEN_MAX);
}

/* Of text that need not be UTF-8. */
static const char *next_char(const char *text)
{
	text++;
	while (((unsigned char)*text & 0xc0) == 0x80) {
		text++;
	}
	return text;
}

static size_t length_of(const char *text)
{
	size_t length = 0;

	for (; *text != '\0'; text = next_char(text)) {
		length++;
	}
	return length;
}

/* How many bytes of the text stand in a line of so many characters, and where the next line begins. */
static size_t piece(const char *text, size_t width, const char **ret_next)
{
	const char *at = text, *blank = NULL, *mark = NULL, *end;

	for (size_t used = 0; *at != '\0' && used < width; used++) {
		const char *next = next_char(at);

		if (*at == ' ') {
			blank = at;
		} else if (strchr(MARKS, *at) != NULL) {
			mark = next;
		}
		at = next;
	}
	end = *at == '\0' || *at == ' ' ? at : blank != NULL ? blank : mark != NULL ? mark : at;
	*ret_next = end + strspn(end, " ");
	while (end > text && end[-1] == ' ') {
		end--;
	}
	return (size_t)(end - text);
}

static char *with_unit(int decimals, double number, const char *unit)
{
	char *text = NULL;

	if (asprintf(&text, "%.*f%s", decimals, number, unit) < 0) {
		abort();
	}
	return text;
}

char *yett_table_bytes(const json_t *row, const json_t *value)
{
	static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB"};
	double bytes = (double)json_integer_value(value);
	size_t unit = 0;

	(void)row;
	while (bytes >= 1024 && unit < 4) {
		bytes /= 1024;
		unit++;
	}
	return with_unit(unit > 0, bytes, units[unit]);
}

static char *age_text(double seconds)
{
	if (seconds < 1) {
		return with_unit(0, seconds * 1000, " ms");
	}
	if (seconds < 120) {
		return with_unit(0, seconds, " s");
	}
	if (seconds < 7200) {
		return with_unit(0, seconds / 60, " min");
	}
	return seconds < 172800 ? with_unit(0, seconds / 3600, " h")
				: with_unit(0, seconds / 86400, " d");
}

char *yett_table_age_ms(const json_t *row, const json_t *value)
{
	(void)row;
	return age_text((double)json_integer_value(value) / 1000);
}

/* Seconds between now and a time; NULL: it is none. */
static char *distance(const json_t *value, double sign)
{
	int64_t now_ns = yett_clock_wall(&yett_clock_system), then_ns;

	if (!json_is_string(value) ||
		yett_time_parse(json_string_value(value), now_ns, &then_ns) != 0) {
		return strdup("-");
	}
	return age_text(sign * (double)(then_ns - now_ns) / 1e9);
}

char *yett_table_since(const json_t *row, const json_t *value)
{
	(void)row;
	return distance(value, -1);
}

char *yett_table_until(const json_t *row, const json_t *value)
{
	(void)row;
	return distance(value, 1);
}

char *yett_table_yes(const json_t *row, const json_t *value)
{
	(void)row;
	return strdup(json_is_true(value) ? "yes" : "no");
}

static char *plain(const json_t *value)
{
	char *text = NULL;

	switch (json_typeof(value)) {
	case JSON_STRING:
		return strdup(json_string_value(value));
	case JSON_INTEGER:
		if (asprintf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(value)) < 0) {
			abort();
		}
		return text;
	case JSON_REAL:
		return with_unit(3, json_real_value(value), "");
	case JSON_TRUE:
		return strdup("yes");
	case JSON_FALSE:
		return strdup("no");
	default:
		return strdup("-");
	}
}

char *yett_table_whole(const json_t *row, const json_t *value)
{
	(void)row;
	return plain(value);
}

static char *cell(const struct yett_column *column, const json_t *row)
{
	const json_t *value = json_object_get(row, column->key);
	char *text = value != NULL && !json_is_null(value) && column->text != NULL
			     ? column->text(row, value)
		     : value != NULL ? plain(value)
				     : strdup("-");
	char *tame = yett_ctl_tame(text, strlen(text));

	free(text);
	return tame;
}

static const char *colour_of(const char *text)
{
	static const struct {
		const char *text, *colour;
	} colours[] = {
		{"Healthy", "\033[32m"},
		{"up", "\033[32m"},
		{"open", "\033[32m"},
		{"OK", "\033[32m"},
		{"Warning", "\033[33m"},
		{"WARNING", "\033[33m"},
		{"no path", "\033[33m"},
		{"Critical", "\033[31m"},
		{"CRITICAL", "\033[31m"},
		{"Unreachable", "\033[31m"},
		{"down", "\033[31m"},
		{"Not monitored", "\033[2m"},
	};

	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
		if (strcmp(text, colours[i].text) == 0) {
			return colours[i].colour;
		}
	}
	return NULL;
}

void yett_table_word(const char *text)
{
	const char *colour = colourful() ? colour_of(text) : NULL;

	printf("%s%s%s", colour != NULL ? colour : "", text, colour != NULL ? "\033[0m" : "");
}

void yett_table_wrapped(const char *text, int from)
{
	size_t width = screen();
	char *tamed = yett_ctl_tame(text, strlen(text));
	const char *at = tamed + strspn(tamed, " ");

	width = width > (size_t)from + CELL_LEAST ? width - (size_t)from : CELL_LEAST;
	for (bool first = true; first || *at != '\0'; first = false) {
		const char *next;
		size_t bytes = piece(at, width, &next);

		printf("%*s%.*s\n", first ? 0 : from, "", (int)bytes, at);
		at = next;
	}
	free(tamed);
}

void yett_table_print(const struct yett_column *columns, const json_t *rows, const char *empty)
{
	yett_table_print_with(columns, rows, empty, NULL);
}

/* Its lines begin where the text says, and go on there. */
static void print_below(const json_t *row, char *(*below)(const json_t *row))
{
	char *text = below != NULL ? below(row) : NULL;
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		int indent = (int)strspn(line, " ");

		printf("%*s", indent, "");
		yett_table_wrapped(line + indent, indent);
	}
	free(text);
}

static bool is_whole(const struct yett_column *column)
{
	return column->right || column->text == yett_table_whole || column->text == yett_table_yes;
}

/* The widest column gives way until all of them fit; figures and what is kept whole come last. */
static void fit(const struct yett_column *columns, size_t n, size_t *widths)
{
	size_t width = screen(), sum = 2 * (n - 1);

	for (size_t c = 0; c < n; c++) {
		sum += widths[c];
	}
	for (int round = 0; round < 2; round++) {
		while (sum > width) {
			size_t widest = n;

			for (size_t c = 0; c < n; c++) {
				bool may = round == 1 || !is_whole(&columns[c]);

				if (may && widths[c] > MAX(CELL_LEAST, strlen(columns[c].title)) &&
					(widest == n || widths[c] > widths[widest])) {
					widest = c;
				}
			}
			if (widest == n) {
				break;
			}
			widths[widest]--;
			sum--;
		}
	}
}

static void print_padded(
	const struct yett_column *column, const char *text, size_t width, bool last)
{
	size_t length = length_of(text), pad = length < width ? width - length : 0;

	if (column->right) {
		printf("%*s", (int)pad, "");
	}
	yett_table_word(text);
	if (!column->right && !last) {
		printf("%*s", (int)pad, "");
	}
}

/* One row of cells, on as many lines as the longest of them takes. */
static void print_row(
	const struct yett_column *columns, size_t n, const size_t *widths, const char *const *cells)
{
	const char *rest[COLUMNS_MAX];
	bool more = true;

	memcpy(rest, cells, n * sizeof(*cells));
	for (bool first = true; more; first = false) {
		size_t last = 0;

		for (size_t c = 0; c < n; c++) {
			last = first || *rest[c] != '\0' ? c : last;
		}
		more = false;
		for (size_t c = 0; c <= last; c++) {
			const char *next;
			size_t bytes = piece(rest[c], widths[c], &next);
			char *text = strndup(rest[c], bytes);

			print_padded(&columns[c], text, widths[c], c == last);
			fputs(c == last ? "\n" : "  ", stdout);
			free(text);
			rest[c] = next;
			more = more || *next != '\0';
		}
	}
}

void yett_table_print_with(const struct yett_column *columns, const json_t *rows, const char *empty,
	char *(*below)(const json_t *row))
{
	size_t widths[COLUMNS_MAX] = {0}, count = json_array_size(rows), n = 0;
	const char *titles[COLUMNS_MAX];
	char **cells;

	if (count == 0) {
		puts(empty);
		return;
	}
	for (; columns[n].title != NULL && n < COLUMNS_MAX; n++) {
		titles[n] = columns[n].title;
		widths[n] = strlen(columns[n].title);
	}
	cells = calloc(count * n, sizeof(*cells));
	for (size_t r = 0; r < count; r++) {
		for (size_t c = 0; c < n; c++) {
			char *text = cell(&columns[c], json_array_get(rows, r));

			cells[r * n + c] = text;
			widths[c] = MAX(widths[c], length_of(text));
		}
	}
	fit(columns, n, widths);
	print_row(columns, n, widths, titles);
	for (size_t r = 0; r < count; r++) {
		print_row(columns, n, widths, (const char *const *)&cells[r * n]);
		print_below(json_array_get(rows, r), below);
		for (size_t c = 0; c < n; c++) {
			free(cells[r * n + c]);
		}
	}
	free(cells);
}
