/* A configuration file together with the modules that it names: what yettd starts with and what
 * `yettd --check` and `yettctl check` try. */
#ifndef YETT_MODULE_CONFIGURE_H
#define YETT_MODULE_CONFIGURE_H

#include "../conf/load.h"
#include "load.h"

enum yett_configure_when {
	/* Before any thread is there: what the file says of the process' environment comes into force, and
	 * modules check by it. */
	YETT_CONFIGURE_FIRST,
	YETT_CONFIGURE_AGAIN, /* a reload, which cannot change that */
};

/* Loads the file, resolves its modules through the loader, and calls each module's `check`. 0 and a
 * conf (given), or YETT_ECONFIG with every mistake in `problems`. Starts nothing. */
int yett_configure(struct yett_loader *loader, const char *path, enum yett_configure_when when,
	struct yett_conf **ret_conf, struct yett_problems *problems);

#endif
