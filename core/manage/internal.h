/* What the files of management share; nobody else includes it. */
#ifndef YETT_MANAGE_INTERNAL_H
#define YETT_MANAGE_INTERNAL_H

#include "manage.h"

/* `gateway` may deliver batches of `origin`. */
struct yett_grant {
	struct yett_id gateway, origin;
};

struct yett_manage {
	struct yett_node *node;
	GHashTable *known;  /* struct yett_known by id */
	GHashTable *grants; /* a set of struct yett_grant */
	uint64_t next_heartbeat_ns;
};

struct yett_known *yett_manage_ensure(struct yett_manage *manage, const struct yett_id *id);
void yett_manage_grant(
	struct yett_manage *manage, const struct yett_id *gateway, const struct yett_id *origin);

/* registry.c: nodes and grants in the store; no-ops where there is none. */
int yett_registry_load(struct yett_manage *manage, struct yett_error *error);
void yett_registry_node(struct yett_manage *manage, const struct yett_known *known);
void yett_registry_grant(struct yett_manage *manage, const struct yett_grant *grant);

#endif
