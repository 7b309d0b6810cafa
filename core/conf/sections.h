/* The top of a configuration file, in the order in which it is shown. */
#ifndef YETT_CONF_SECTIONS_H
#define YETT_CONF_SECTIONS_H

#include "settings.h"

struct yett_section {
	struct yett_schema row; /* of struct yett_settings; name NULL ends the table */
	uint32_t kind;          /* not 0: a module block (or a list of them), not a row */
	const char *standard;   /* the module where none is named; NULL: it must be named */
};
extern const struct yett_section yett_sections[];

/* What every module block has beside the module's own rows: module, name. */
extern const char *const yett_block_names[];

#endif
