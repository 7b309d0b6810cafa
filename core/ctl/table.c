/* Tables: responsible for columns that fit what they hold, and for colour only where a person looks
 * (a terminal, and no NO_COLOR). Cells are cut at 60 characters, but for the last of a row. */
#include "table.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"
#include "ctl.h"

#define COLUMNS_MAX 16
#define CELL_MAX    60
#define SCREEN      80

static bool colourful(void)
{
	return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
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

/* Cut where a character ends. */
static void cut(char *text, size_t most)
{
	if (strlen(text) > most) {
		while (most > 0 && ((unsigned char)text[most] & 0xc0) == 0x80) {
			most--;
		}
		text[most] = '\0';
	}
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
	if (column[1].title != NULL) {
		cut(tame, CELL_MAX);
	}
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

void yett_table_wrapped(const char *words, int from)
{
	char *tame = yett_ctl_tame(words, strlen(words));
	const char *text = tame;
	int at = from;

	while (*text != '\0') {
		int bytes = (int)strcspn(text, " ");
		int length = (int)g_utf8_strlen(text, bytes);

		if (at > from && at + 1 + length > SCREEN) {
			printf("\n%*s", from, "");
			at = from;
		}
		if (at > from) {
			putchar(' ');
			at++;
		}
		fwrite(text, 1, (size_t)bytes, stdout);
		at += length;
		text += bytes;
		text += strspn(text, " ");
	}
	putchar('\n');
	free(tame);
}

static void print_cell(const struct yett_column *column, const char *text, size_t width, bool last)
{
	size_t pad = strlen(text) < width ? width - strlen(text) : 0;

	if (column->right) {
		printf("%*s", (int)pad, "");
	}
	yett_table_word(text);
	if (!column->right && !last) {
		printf("%*s", (int)pad, "");
	}
	fputs(last ? "\n" : "  ", stdout);
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

void yett_table_print_with(const struct yett_column *columns, const json_t *rows, const char *empty,
	char *(*below)(const json_t *row))
{
	size_t widths[COLUMNS_MAX] = {0}, count = json_array_size(rows), n = 0;
	char **cells;

	if (count == 0) {
		puts(empty);
		return;
	}
	for (; columns[n].title != NULL && n < COLUMNS_MAX; n++) {
		widths[n] = strlen(columns[n].title);
	}
	cells = calloc(count * n, sizeof(*cells));
	for (size_t r = 0; r < count; r++) {
		for (size_t c = 0; c < n; c++) {
			char *text = cell(&columns[c], json_array_get(rows, r));

			cells[r * n + c] = text;
			if (strlen(text) > widths[c]) {
				widths[c] = strlen(text);
			}
		}
	}
	for (size_t c = 0; c < n; c++) {
		print_cell(&columns[c], columns[c].title, widths[c], c + 1 == n);
	}
	for (size_t r = 0; r < count; r++) {
		for (size_t c = 0; c < n; c++) {
			print_cell(&columns[c], cells[r * n + c], widths[c], c + 1 == n);
			free(cells[r * n + c]);
		}
		print_below(json_array_get(rows, r), below);
	}
	free(cells);
}
