/* Answers of nodes, between the wire's message and the JSON of views. Pure. */
#ifndef YETT_MANAGE_REPORT_H
#define YETT_MANAGE_REPORT_H

#include <jansson.h>

#include "../../wire/message.h"

/* An Explanation, and an array of Drill (doc/openapi.yaml), as they go up; what has no room is cut. */
void yett_report_of_explanation(const json_t *json, const char *by, struct yett_report *ret_report);
void yett_report_of_drill(const json_t *rows, const char *by, struct yett_report *ret_report);
/* Why there is no answer. */
void yett_report_fail(struct yett_report *ret_report, const char *by,
	enum yett_report_result result, const char *mend, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* The other way; given. What came over the network commands no terminal. `node` is who it is about. */
json_t *yett_report_explanation(
	const struct yett_report *report, const char *node, const char *seen_from);
json_t *yett_report_drill(const struct yett_report *report);
/* What it tells of properties: an object of texts. */
json_t *yett_report_values(const struct yett_report *report);
/* Why `asked` has not answered, with whose words they are; given (g_free). */
char *yett_report_why(const struct yett_report *report, const char *asked, const char *here);

#endif
