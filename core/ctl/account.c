/* `yettctl account`: what is stored, what is lost, what is still under way, by origin. Responsible for
 * adding up the API's rows (one for each epoch and lane). Exit code 1 where something is lost or stored
 * twice, so that a script can ask. */
#include <stdio.h>
#include <stdlib.h>

#include "ctl.h"
#include "table.h"

static const char *const summed[] = {"received", "metrics", "events", "states", "missing",
	"declared", "inferred", "twice", "forks", "dead"};

static const struct yett_column columns[] = {
	{"ORIGIN", "name", NULL, false},
	{"METRICS", "metrics", NULL, true},
	{"EVENTS", "events", NULL, true},
	{"STATES", "states", NULL, true},
	{"UNDER WAY", "missing", NULL, true},
	{"LOST", "lost", NULL, true},
	{NULL, NULL, NULL, false},
};

static json_int_t number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static json_t *find(json_t *sums, const json_t *row)
{
	const char *origin = json_string_value(json_object_get(row, "origin"));
	const json_t *name = json_object_get(row, "origin_name");
	json_t *sum = json_object_get(sums, origin);

	if (sum == NULL) {
		sum = json_object();
		json_object_set_new(sum, "name",
			json_string(json_is_string(name) ? json_string_value(name) : origin));
		json_object_set_new(sums, origin, sum);
	}
	return sum;
}

static void add(json_t *sum, const json_t *row)
{
	for (size_t i = 0; i < sizeof(summed) / sizeof(summed[0]); i++) {
		json_object_set_new(sum, summed[i],
			json_integer(number(sum, summed[i]) + number(row, summed[i])));
	}
	json_object_set_new(
		sum, "lost", json_integer(number(sum, "declared") + number(sum, "inferred")));
}

static json_t *list_of(json_t *sums)
{
	json_t *list = json_array(), *sum;
	const char *key;

	json_object_foreach(sums, key, sum)
	{
		json_array_append(list, sum);
	}
	json_decref(sums);
	return list;
}

/* Of all rows, however many answers they take; NULL: there was none. */
static json_t *sum_up(const struct yett_ctl *ctl, json_t *total)
{
	json_t *sums = json_object(), *rows, *row;
	size_t i, count, seen = 0;

	do {
		rows = yett_ctl_part(ctl, "/v1/account", seen);
		if (rows == NULL) {
			json_decref(sums);
			return NULL;
		}
		json_array_foreach(rows, i, row)
		{
			add(find(sums, row), row);
			add(total, row);
		}
		count = json_array_size(rows);
		seen += count;
		json_decref(rows);
	} while (count == YETT_CTL_PART);
	return list_of(sums);
}

int yett_ctl_account(const struct yett_ctl *ctl, const struct yett_line *line)
{
	json_t *total = json_object(), *list;
	bool clean;

	(void)line;
	add(total, NULL);
	list = sum_up(ctl, total);
	if (list == NULL) {
		json_decref(total);
		return YETT_EXIT_NO_ANSWER;
	}
	clean = number(total, "lost") == 0 && number(total, "twice") == 0;
	if (ctl->json) {
		json_t *all = json_pack(
			"{s:o, s:o}", "total", json_incref(total), "origins", json_incref(list));

		yett_ctl_print_json(ctl, all);
		json_decref(all);
	} else {
		yett_table_print(columns, list, "nothing is stored yet");
		printf("\n%" JSON_INTEGER_FORMAT " records stored, %" JSON_INTEGER_FORMAT
		       " lost, %" JSON_INTEGER_FORMAT " twice\n",
			number(total, "metrics") + number(total, "events") +
				number(total, "states"),
			number(total, "lost"), number(total, "twice"));
		if (number(total, "dead") > 0) {
			printf("%" JSON_INTEGER_FORMAT
			       " more are kept in dead letters: yettctl dead list says why\n",
				number(total, "dead"));
		}
	}
	json_decref(total);
	json_decref(list);
	return clean ? YETT_EXIT_GOOD : YETT_EXIT_FAILED;
}
