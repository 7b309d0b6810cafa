/* `yettctl records`: what is stored, filtered, and followed as it arrives. Responsible for turning
 * options into a query and rows into lines. Following asks again after the last id that it has seen,
 * so nothing is shown twice or left out. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "table.h"

#define FOLLOW_US 500000

static const char *string_of(const json_t *row, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text != NULL ? text : otherwise;
}

static void append_attributes(GString *text, const json_t *attributes)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)attributes, key, value)
	{
		char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

		g_string_append_printf(text, " %s=%.40s", key,
			json_is_string(value) ? json_string_value(value) : dumped);
		free(dumped);
	}
}

static void append_value(GString *text, const json_t *row)
{
	const json_t *value = json_object_get(row, "value");

	if (json_is_integer(value)) {
		g_string_append_printf(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	} else {
		g_string_append_printf(text, "%g", json_number_value(value));
	}
	g_string_append_printf(text, " %s", string_of(row, "unit", ""));
	append_attributes(text, json_object_get(row, "attributes"));
}

/* When, whose and what; below it, how much or which words: on 80 columns. */
static void print_row(const json_t *row)
{
	g_autoptr(GString) text = g_string_new("");
	const char *kind = string_of(row, "kind", "?"), *state = string_of(row, "state", "?");
	int at = 2;

	g_string_printf(text, "%s  %.40s  %.60s", string_of(row, "time", "-"),
		string_of(row, "origin_name", string_of(row, "origin", "-")),
		string_of(row, "name", "-"));
	yett_table_wrapped(text->str, 0);
	g_string_truncate(text, 0);
	fputs("  ", stdout);
	if (strcmp(kind, "metric") == 0) {
		append_value(text, row);
	} else {
		g_string_append_printf(text, "%.200s", string_of(row, "body", ""));
	}
	if (strcmp(kind, "state") == 0) {
		yett_table_word(state);
		printf("  ");
		at += (int)strlen(state) + 2;
	}
	yett_table_wrapped(text->str, at);
}

/* Drawn again and again, each answer is a line of JSON; else each record is. */
static json_int_t print_rows(const struct yett_ctl *ctl, const json_t *rows, json_int_t last)
{
	size_t i;
	json_t *row;

	if (ctl->json && ctl->watch_s > 0) {
		yett_ctl_print_json(ctl, rows);
		return last;
	}
	json_array_foreach((json_t *)(uintptr_t)rows, i, row)
	{
		json_int_t id = json_integer_value(json_object_get(row, "id"));

		last = id > last ? id : last;
		if (ctl->json) {
			yett_ctl_dump(row, JSON_COMPACT);
		} else {
			print_row(row);
		}
	}
	fflush(stdout);
	return last;
}

int yett_ctl_records(const struct yett_ctl *ctl, const struct yett_line *line)
{
	char *query = yett_ctl_query("/v1/records", line);
	bool follow = yett_line_value(line, "follow") != NULL;
	json_int_t last = 0;
	int code = YETT_EXIT_GOOD;

	if (follow && ctl->watch_s > 0) {
		fputs("yettctl: --follow and --watch exclude each other: leave one out\n", stderr);
		code = YETT_EXIT_USAGE;
	}
	while (code == YETT_EXIT_GOOD) {
		char *path = NULL;
		json_t *rows;

		if (asprintf(&path, "%s%cafter=%" JSON_INTEGER_FORMAT, query,
			    strchr(query, '?') != NULL ? '&' : '?', last) < 0) {
			abort();
		}
		rows = yett_ctl_get(ctl, last > 0 ? path : query);
		free(path);
		if (rows == NULL) {
			code = YETT_EXIT_NO_ANSWER;
			break;
		}
		last = print_rows(ctl, rows, last);
		if (follow && json_array_size(rows) == 0) {
			usleep(FOLLOW_US);
		}
		json_decref(rows);
		if (!follow) {
			break;
		}
	}
	free(query);
	return code;
}
