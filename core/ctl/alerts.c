/* `yettctl alerts`, `alert ack`, `maintenance start|stop`: what is not well, who knows of it, who works
 * on it. Responsible for what is asked and printed; the API decides. */
#include <stdio.h>
#include <stdlib.h>

#include "ctl.h"
#include "table.h"

static const struct yett_column alerts[] = {
	{"SEVERITY", "severity", NULL, false},
	{"ID", "id", NULL, false},
	{"NODE", "node", NULL, false},
	{"RAISED", "raised", yett_table_since, true},
	{"CLOSED", "closed", yett_table_since, true},
	{"SEEN BY", "acknowledged_by", NULL, false},
	{NULL, NULL, NULL, false},
};

static char *alert_below(const json_t *row)
{
	const char *text = json_string_value(json_object_get(row, "text"));
	const char *comment = json_string_value(json_object_get(row, "comment"));
	char *line = NULL;

	if (asprintf(&line, "  %s%s%s%s", text != NULL ? text : "", comment != NULL ? " (\"" : "",
		    comment != NULL ? comment : "", comment != NULL ? "\")" : "") < 0) {
		abort();
	}
	return line;
}

int yett_ctl_alerts(const struct yett_ctl *ctl, const struct yett_line *line)
{
	static const struct yett_view view = {NULL, "no alerts", alerts, alert_below, NULL};

	return yett_ctl_view_at(ctl, &view,
		yett_line_value(line, "all") != NULL ? "/v1/alerts?all=true" : "/v1/alerts");
}

int yett_ctl_alert_ack(const struct yett_ctl *ctl, const struct yett_line *line)
{
	json_t *body = json_pack(
		"{s:s, s:s*}", "id", line->words[0], "comment", yett_line_value(line, "comment"));

	return yett_ctl_said(ctl, yett_ctl_post(ctl, "/v1/alerts/acknowledge", body),
		line->words[0], "is acknowledged");
}

/* Of one node, or of a site. */
static int change_maintenance(const struct yett_ctl *ctl, const struct yett_line *line,
	const char *path, const char *done)
{
	const char *node = line->count > 0 ? line->words[0] : NULL;
	const char *site = yett_line_value(line, "site");
	json_t *body;

	if ((node == NULL) == (site == NULL)) {
		fprintf(stderr, "yettctl: %s wants the name of one node, or --site\n",
			ctl->form->words);
		return YETT_EXIT_USAGE;
	}
	body = json_pack("{s:s*}", "node", node);
	for (size_t i = 0; i < line->given_count; i++) {
		json_object_set_new(
			body, line->given[i].option->name, json_string(line->given[i].value));
	}
	return yett_ctl_said(ctl, yett_ctl_post(ctl, path, body), node != NULL ? node : site, done);
}

int yett_ctl_maintenance_start(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return change_maintenance(ctl, line, "/v1/maintenance/start",
		"is in maintenance: no alerts are raised for it");
}

int yett_ctl_maintenance_stop(const struct yett_ctl *ctl, const struct yett_line *line)
{
	return change_maintenance(ctl, line, "/v1/maintenance/stop", "is in maintenance no more");
}
