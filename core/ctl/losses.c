/* `yettctl losses`: each range that is lost. Responsible for asking until there are no more, and for saying so
 * where there are more than anybody reads. */
#include <stdio.h>
#include <stdlib.h>

#include "ctl.h"
#include "table.h"

#define PATH     "/v1/losses"
#define ROWS_MAX 100000

static const struct yett_column losses[] = {
	{"CAUSE", "cause", NULL, false},
	{"EPOCH", "epoch", NULL, true},
	{"LANE", "lane", NULL, true},
	{"FIRST", "first", NULL, true},
	{"COUNT", "count", NULL, true},
	{NULL, NULL, NULL, false},
};

/* A name is what people know a node by; its id is shown where no name of it is known here. */
static const char *name_or_id(const json_t *row, const char *name, const char *id)
{
	const char *text = json_string_value(json_object_get(row, name));

	text = text != NULL ? text : json_string_value(json_object_get(row, id));
	return text != NULL ? text : "-";
}

static char *loss_below(const json_t *row)
{
	char *text = NULL;

	if (asprintf(&text, "     of %s\n     says %s", name_or_id(row, "origin_name", "origin"),
		    name_or_id(row, "holder_name", "holder")) < 0) {
		abort();
	}
	return text;
}

static json_t *collect(const struct yett_ctl *ctl, bool *ret_more)
{
	json_t *rows = yett_ctl_part(ctl, PATH, 0), *part;
	size_t count = json_array_size(rows);

	*ret_more = false;
	while (count == YETT_CTL_PART && !*ret_more) {
		part = yett_ctl_part(ctl, PATH, json_array_size(rows));
		count = json_array_size(part);
		*ret_more = count > 0 && json_array_size(rows) >= ROWS_MAX;
		if (part == NULL) {
			json_decref(rows);
			return NULL;
		}
		if (!*ret_more) {
			json_array_extend(rows, part);
		}
		json_decref(part);
	}
	return rows;
}

int yett_ctl_losses(const struct yett_ctl *ctl, const struct yett_line *line)
{
	bool more;
	json_t *rows = collect(ctl, &more);

	(void)line;
	if (rows == NULL) {
		return YETT_EXIT_NO_ANSWER;
	}
	if (ctl->json) {
		yett_ctl_print_json(ctl, rows);
	} else {
		yett_table_print_with(losses, rows, "nothing is lost", loss_below);
	}
	json_decref(rows);
	if (more) {
		fprintf(stderr,
			"yettctl: these are the first %d, and there are more: ask the store's "
			"database, which has all "
			"that were declared in its view gaps\n",
			ROWS_MAX);
	}
	return more ? YETT_EXIT_FAILED : YETT_EXIT_GOOD;
}
