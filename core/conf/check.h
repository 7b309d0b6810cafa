/* What rows of the core cannot say: values that depend on each other, names, addresses. */
#ifndef YETT_CONF_CHECK_H
#define YETT_CONF_CHECK_H

#include "tree.h"

struct yett_check {
	struct yett_arena *arena;
	const config_setting_t *root;
	const char *file; /* for what has no line */
	struct yett_problems *problems;
};

/* Adds problems, and brings names and addresses into their one form (lower case, with a port). */
void yett_check_node(const struct yett_check *check, struct yett_settings *settings);
void yett_check_net(const struct yett_check *check, struct yett_settings *settings);
void yett_check_upstreams(const struct yett_check *check, struct yett_settings *settings);
/* Which parts a node needs for what else it has. */
void yett_check_shape(const struct yett_check *check, const struct yett_settings *settings);

/* The position of root.key, of its item `index` and that one's `member`: as deep as there is one. */
struct yett_place yett_check_place(
	const struct yett_check *check, const char *key, int index, const char *member);

/* "host:port", "[v6]:port" or without a port, in one form with a port. `literal`: only addresses,
 * and port 0. 0 or YETT_ECONFIG. */
int yett_address_normalise(
	const char *text, bool literal, char *ret_text, size_t size, struct yett_error *error);

#endif
