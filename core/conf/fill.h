/* Rows at work: holds what a file says against a schema, and fills a settings struct with it. The
 * same for the core's own rows and for any module's. */
#ifndef YETT_CONF_FILL_H
#define YETT_CONF_FILL_H

#include <yett/module.h>

#include "tree.h"

struct yett_fill {
	struct yett_arena *arena; /* owns every string, list and group that is filled in */
	const char *directory;    /* relative paths start here */
	struct yett_problems *problems;
};

/* Fills `ret_settings` (zeroed) from `group` (NULL: defaults only) and adds a problem for each
 * mistake. `where` names the block ("node", "sources (source-exec)", "" for the top) and `place`
 * is where something that is missing would be. `others` are names of the block that its rows do
 * not have (NULL-terminated, may be NULL). Returns whether all was well. */
bool yett_fill_rows(const struct yett_fill *fill, const struct yett_schema *rows,
	const config_setting_t *group, const char *where, struct yett_place place,
	const char *const *others, void *ret_settings);

#endif
