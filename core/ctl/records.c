/* `yettctl records`: what is stored, filtered, and followed as it arrives. Responsible for turning
 * options into a query and rows into lines. Following asks again after the last id that it has seen,
 * so nothing is shown twice or left out. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

#define FOLLOW_US 500000

static const struct option table[] = {
	{"origin", required_argument, NULL, 'o'},
	{"name", required_argument, NULL, 'n'},
	{"kind", required_argument, NULL, 'k'},
	{"from", required_argument, NULL, 'f'},
	{"to", required_argument, NULL, 't'},
	{"limit", required_argument, NULL, 'l'},
	{"follow", no_argument, NULL, 'F'},
	{NULL, 0, NULL, 0},
};
static const char *const names[] = {
	"--origin", "--name", "--kind", "--from", "--to", "--limit", "--follow", NULL};

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

static void print_row(const json_t *row)
{
	const json_t *value = json_object_get(row, "value");
	const char *kind = string_of(row, "kind", "?");

	printf("%s  ", string_of(row, "time", "-"));
	print_text(string_of(row, "origin_name", string_of(row, "origin", "-")), 40);
	printf("  ");
	print_text(string_of(row, "name", "-"), 60);
	printf("  ");
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
			printf("%s  ", string_of(row, "state", "?"));
		}
		print_text(string_of(row, "body", ""), 200);
	}
	putchar('\n');
}

static void add(char *query, size_t size, const char *key, const char *value)
{
	char *escaped;
	size_t length = strlen(query);

	if (value == NULL) {
		return;
	}
	escaped = yett_ctl_escape(value);
	snprintf(query + length, size - length, "%s%s=%s", strchr(query, '?') != NULL ? "&" : "?",
		key, escaped);
	free(escaped);
}

static json_int_t print_rows(const struct yett_ctl *ctl, const json_t *rows, json_int_t last)
{
	size_t i;
	json_t *row;

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

int yett_ctl_records(const struct yett_ctl *ctl, int argc, char **argv)
{
	const char *origin = NULL, *name = NULL, *kind = NULL, *from = NULL, *to = NULL,
		   *limit = NULL;
	bool follow = false;
	json_int_t last = 0;
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:f", table, NULL)) != -1) {
		switch (c) {
		case 'o':
			origin = optarg;
			break;
		case 'n':
			name = optarg;
			break;
		case 'k':
			kind = optarg;
			break;
		case 't':
			to = optarg;
			break;
		case 'l':
			limit = optarg;
			break;
		case 'F':
			follow = true;
			break;
		case 'f':
			if (optarg != NULL) {
				from = optarg;
			} else {
				follow = true;
			}
			break;
		default:
			return yett_ctl_wrong("option of records", argv[optind - 1], names);
		}
	}
	if (optind < argc) {
		return yett_ctl_wrong("option of records", argv[optind], names);
	}
	do {
		char query[2048] = "/v1/records", after[32];
		json_t *rows;

		snprintf(after, sizeof(after), "%" JSON_INTEGER_FORMAT, last);
		add(query, sizeof(query), "origin", origin);
		add(query, sizeof(query), "name", name);
		add(query, sizeof(query), "kind", kind);
		add(query, sizeof(query), "from", from);
		add(query, sizeof(query), "to", to);
		add(query, sizeof(query), "limit", limit);
		add(query, sizeof(query), "after", last > 0 ? after : NULL);
		rows = yett_ctl_get(ctl, query);
		if (rows == NULL) {
			return YETT_EXIT_FAILED;
		}
		last = print_rows(ctl, rows, last);
		if (follow && json_array_size(rows) == 0) {
			usleep(FOLLOW_US);
		}
		json_decref(rows);
	} while (follow);
	return YETT_EXIT_GOOD;
}
