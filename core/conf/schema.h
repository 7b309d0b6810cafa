/* Schemas themselves: are they sound, and do two fillings of one differ. */
#ifndef YETT_CONF_SCHEMA_H
#define YETT_CONF_SCHEMA_H

#include <glib.h>
#include <yett/module.h>

#include "../base/error.h"

/* Holds a schema against its struct: rows inside it, names, choices, limits. `reserved` are names
 * that no row may have (NULL-terminated, may be NULL). 0 or YETT_ECONFIG; what is wrong is the
 * author's. NULL is a schema without rows. */
int yett_schema_check(const struct yett_schema *rows, size_t settings_size,
	const char *const *reserved, struct yett_error *error);
/* 0 the same, 1 different in rows marked live only, 2 in others. */
int yett_schema_differs(const struct yett_schema *rows, const void *a, const void *b);

/* The C size of one value of the row, of one element where it is a list. */
size_t yett_schema_item_size(const struct yett_schema *row);
/* "a duration", "a list of strings": for messages and the manual. */
const char *yett_schema_type_text(const struct yett_schema *row);
/* Appends the default as a file has it (the row must have one), or what one might write. */
void yett_schema_standard(GString *to, const struct yett_schema *row);
void yett_schema_example(GString *to, const struct yett_schema *row);
/* "from 1 to 1000000" in the row's units; "" without limits. */
void yett_schema_range(GString *to, const struct yett_schema *row);

#endif
