/* The manual and the sample, out of the rows: what a setting is called, takes, defaults to and
 * means is never written twice. For the core's own settings and for any module. */
#ifndef YETT_CONF_REFERENCE_H
#define YETT_CONF_REFERENCE_H

#include <stdio.h>
#include <yett/module.h>

enum yett_reference_form {
	YETT_REFERENCE_MDOC,     /* lists for a manual page (mdoc(7)), without its head */
	YETT_REFERENCE_MARKDOWN, /* headings of level 2 and 3, and tables */
};

void yett_reference_core(enum yett_reference_form form, FILE *to);
/* Summary, settings and metrics. The module's schema must be sound (yett_schema_check). */
void yett_reference_module(
	const struct yett_module *module, enum yett_reference_form form, FILE *to);

/* Annotated: each setting with its text; what has a default is commented out ("#heartbeat = …"),
 * so the sample stays right when a default changes. */
void yett_sample_core(FILE *to);
void yett_sample_module(const struct yett_module *module, FILE *to);

#endif
