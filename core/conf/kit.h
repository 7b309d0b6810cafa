/* What an installation file stands for where the node's own file is silent. */
#ifndef YETT_CONF_KIT_H
#define YETT_CONF_KIT_H

#include "tree.h"

#define YETT_KIT_AUTHENTICATION 1U
#define YETT_KIT_UPSTREAMS      2U

/* Appends what is wanted and there, as a configuration would say it; `path` is the kit's own. */
int yett_kit_settings(const char *bytes, size_t length, const char *path, unsigned wanted,
	GString *to, struct yett_error *error);
/* Adds to a tree what its kit, if it names one, has for it. 0, or YETT_ECONFIG with problems added. */
int yett_kit_add(struct yett_tree *tree, const char *directory, struct yett_arena *arena,
	struct yett_problems *problems);

#endif
