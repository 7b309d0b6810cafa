/* A configuration file together with the modules that it names: what yettd starts with and what
 * `yettd --check` and `yettctl check` try. */
#ifndef YETT_MODULE_CONFIGURE_H
#define YETT_MODULE_CONFIGURE_H

#include "../conf/load.h"
#include "load.h"

/* Loads the file, resolves its modules through the loader, and calls each module's `check`. 0 and a
 * conf (given), or YETT_ECONFIG with every mistake in `problems`. Starts nothing. */
int yett_configure(struct yett_loader *loader, const char *path, struct yett_conf **ret_conf,
	struct yett_problems *problems);

#endif
