/* `yettctl records`: what is stored, filtered, and followed as it arrives. Responsible for turning
 * options into a query and rows into lines. Following asks again after the last id that it has seen,
 * so nothing is shown twice or left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "table.h"

#define FOLLOW_US 500000

/* One line, whatever the text holds. */
static void print_text(const char *text, size_t most)
{
	for (size_t i = 0; text[i] != '\0' && i < most; i++) {
		putchar((unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i]);
	}
}

static void print_attributes(const json_t *attributes)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)attributes, key, value)
	{
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

		printf(" %s=", key);
		print_text(json_is_string(value) ? json_string_value(value) : text, 40);
		free(text);
	}
}

static const char *string_of(const json_t *row, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text != NULL ? text : otherwise;
}

/* When, whose and what; below it, how much or which words: on 80 columns. */
static void print_row(const json_t *row)
{
	const json_t *value = json_object_get(row, "value");
	const char *kind = string_of(row, "kind", "?");

	printf("%s  ", string_of(row, "time", "-"));
	print_text(string_of(row, "origin_name", string_of(row, "origin", "-")), 40);
	printf("  ");
	print_text(string_of(row, "name", "-"), 60);
	printf("\n  ");
	if (strcmp(kind, "metric") == 0) {
		if (json_is_integer(value)) {
			printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
		} else {
			printf("%g", json_number_value(value));
		}
		printf(" %s", string_of(row, "unit", ""));
		print_attributes(json_object_get(row, "attributes"));
	} else {
		if (strcmp(kind, "state") == 0) {
			yett_table_word(string_of(row, "state", "?"));
			printf("  ");
		}
		print_text(string_of(row, "body", ""), 200);
	}
	putchar('\n');
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
			json_dumpf(row, stdout, JSON_COMPACT);
			putchar('\n');
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
