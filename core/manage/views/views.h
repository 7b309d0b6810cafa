/* What people and programs see of a node, as JSON (doc/openapi.yaml): built on the loop, given to the
 * caller. Names of fields follow the properties of the original, in snake_case. */
#ifndef YETT_MANAGE_VIEWS_H
#define YETT_MANAGE_VIEWS_H

#include "../manage.h"

json_t *yett_view_node(const struct yett_manage *manage);
json_t *yett_view_servers(const struct yett_manage *manage);
json_t *yett_view_agents(const struct yett_manage *manage);
json_t *yett_view_sessions(const struct yett_manage *manage);
json_t *yett_view_queue(const struct yett_manage *manage);
json_t *yett_view_lease(const struct yett_manage *manage);
json_t *yett_view_upstreams(const struct yett_manage *manage);
/* The group, on a management server; NULL: this node has no store, or, for a kit, no group. */
json_t *yett_view_pending(const struct yett_manage *manage);
json_t *yett_view_decisions(const struct yett_manage *manage);
json_t *yett_view_group(const struct yett_manage *manage);
/* `upstreams`: "NAME[=ADDRESS],…", where the node goes first; NULL: to this server. NULL with an error. */
json_t *yett_view_kit(const struct yett_manage *manage, const char *name, const char *upstreams,
	struct yett_error *error);
/* What a node should be like, and is; NULL: nobody of that name is known. */
json_t *yett_view_desired(const struct yett_manage *manage, const char *name);
/* How far a gateway is emptied; NULL: none of that name is known. */
json_t *yett_view_drain(const struct yett_manage *manage, const char *name);
/* A node as the views have it. */
json_t *yett_view_known(const struct yett_manage *manage, const struct yett_known *known);
/* The names that this node knows, as a NULL-terminated array (pdata borrowed). Given. */
GPtrArray *yett_view_names(const struct yett_manage *manage);
json_t *yett_view_modules(const struct yett_loader *loader);
/* OpenMetrics text; given (g_free). */
char *yett_view_metrics(const struct yett_manage *manage);

#endif
