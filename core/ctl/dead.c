/* `yettctl dead list|show|replay`: batches that could not be stored. Responsible for what is asked and
 * printed; the store decodes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl.h"
#include "table.h"

static const struct yett_column letters[] = {
	{"ID", "id", NULL, true},
	{"FROM", "origin_name", NULL, false},
	{"RECEIVED", "received", yett_table_since, true},
	{"FIRST", "first", NULL, true},
	{"RECORDS", "count", NULL, true},
	{"BYTES", "bytes", yett_table_bytes, true},
	{NULL, NULL, NULL, false},
};

static char *letter_below(const json_t *row)
{
	const char *cause = json_string_value(json_object_get(row, "cause"));
	const char *batch = json_string_value(json_object_get(row, "batch"));
	const char *through = json_string_value(json_object_get(row, "gateway"));
	char *line = NULL;

	if (asprintf(&line, "  %s%s%s%s%s", cause != NULL ? cause : "-",
		    through != NULL ? "\n  through " : "", through != NULL ? through : "",
		    batch != NULL ? "\n" : "", batch != NULL ? batch : "") < 0) {
		abort();
	}
	return line;
}

int yett_ctl_dead_list(const struct yett_ctl *ctl, const struct yett_line *line)
{
	static const struct yett_view view = {NULL, "no dead letters", letters, letter_below, NULL};

	(void)line;
	return yett_ctl_view_at(ctl, &view, "/v1/dead");
}

int yett_ctl_dead_show(const struct yett_ctl *ctl, const struct yett_line *line)
{
	static const struct yett_view view = {
		NULL, "there is no such dead letter", letters, letter_below, NULL};
	char *escaped = yett_ctl_escape(line->words[0]), path[256];
	int code;

	snprintf(path, sizeof(path), "/v1/dead?id=%.200s", escaped);
	code = yett_ctl_view_at(ctl, &view, path);
	free(escaped);
	return code;
}

int yett_ctl_dead_replay(const struct yett_ctl *ctl, const struct yett_line *line)
{
	char *end;
	long long id;

	errno = 0;
	id = strtoll(line->words[0], &end, 10);
	if (errno != 0 || *end != '\0' || id <= 0) {
		fprintf(stderr,
			"yettctl: \"%s\" is no id of a dead letter: yettctl dead list shows them\n",
			line->words[0]);
		return YETT_EXIT_USAGE;
	}
	return yett_ctl_said(ctl,
		yett_ctl_post(ctl, "/v1/dead/replay", json_pack("{s:I}", "id", (json_int_t)id)),
		line->words[0], "is stored, and a dead letter no more");
}
