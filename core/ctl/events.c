/* `yettctl events`: what nodes have logged. Responsible for a line each, with the sentence below it,
 * since 80 columns are what everybody has. */
#include <stdio.h>
#include <stdlib.h>

#include "ctl.h"
#include "table.h"

static const struct yett_column columns[] = {
	{"LEVEL", "level", NULL, false},
	{"TIME", "time", yett_table_whole, false},
	{"NODE", "node", NULL, false},
	{"EVENT", "event", NULL, false},
	{NULL, NULL, NULL, false},
};

static char *below(const json_t *row)
{
	const char *text = json_string_value(json_object_get(row, "text"));
	char *line = NULL;

	if (asprintf(&line, "  %s", text != NULL ? text : "") < 0) {
		abort();
	}
	return line;
}

int yett_ctl_events(const struct yett_ctl *ctl, const struct yett_line *line)
{
	static const struct yett_view view = {NULL, "no events", columns, below, NULL};
	char *query = yett_ctl_query("/v1/events", line);
	int code = yett_ctl_view_at(ctl, &view, query);

	free(query);
	return code;
}
