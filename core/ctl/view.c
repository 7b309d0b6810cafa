/* Answers of the interface, for a person or as JSON.
 *
 * Responsible for one way to print: a table, or the JSON as it came; where a view is drawn again and
 * again, each answer is a line of JSON. Not responsible for what stands in the columns. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "table.h"

void yett_ctl_print_json(const struct yett_ctl *ctl, const json_t *json)
{
	yett_ctl_dump(json, ctl->watch_s > 0 ? JSON_COMPACT : JSON_INDENT(2));
}

void yett_ctl_say(const char *format, ...)
{
	char *text = NULL;
	int indent;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0) {
		abort();
	}
	va_end(args);
	indent = (int)strspn(text, " ");
	printf("%*s", indent, "");
	yett_table_wrapped(text + indent, indent);
	free(text);
}

int yett_ctl_print(const struct yett_ctl *ctl, json_t *json, void (*print)(const json_t *json))
{
	if (json == NULL) {
		return YETT_EXIT_NO_ANSWER;
	}
	if (ctl->json) {
		yett_ctl_print_json(ctl, json);
	} else {
		print(json);
	}
	json_decref(json);
	return YETT_EXIT_GOOD;
}

int yett_ctl_view_at(const struct yett_ctl *ctl, const struct yett_view *view, const char *path)
{
	json_t *json = yett_ctl_get(ctl, path);

	if (json == NULL) {
		return YETT_EXIT_NO_ANSWER;
	}
	if (ctl->json) {
		yett_ctl_print_json(ctl, json);
	} else if (view->print != NULL) {
		view->print(json);
	} else {
		yett_table_print_with(view->columns, json, view->empty, view->below);
	}
	json_decref(json);
	return YETT_EXIT_GOOD;
}

int yett_ctl_said(const struct yett_ctl *ctl, json_t *answer, const char *what, const char *done)
{
	if (answer == NULL) {
		return YETT_EXIT_NO_ANSWER;
	}
	if (ctl->json) {
		yett_ctl_print_json(ctl, answer);
	} else {
		yett_ctl_say("%s %s", what, done);
	}
	json_decref(answer);
	return YETT_EXIT_GOOD;
}
