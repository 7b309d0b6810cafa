/* The properties of a node, by the names of the original. */
#ifndef YETT_MANAGE_PROPERTIES_H
#define YETT_MANAGE_PROPERTIES_H

#include "../admission/court.h"

/* The row of the schema that a property is, "node.heartbeat"; else the name as it is. */
const char *yett_property_row(const char *name);
/* The other way round; NULL: the original has no name for it. */
const char *yett_property_of(const char *row);
/* Of what is not set from afar: where it is changed; NULL: it is, or nobody knows it. */
const char *yett_property_elsewhere(const char *name);
/* The property that was meant by a name that is none; NULL: it is one, or none is near. */
const char *yett_property_near(const char *name);
/* Whether that is a management server of the group. */
bool yett_property_is_server(const struct yett_manage *manage, const char *name);
/* One of this node's own, as its settings have it; given; NULL: there is none. */
json_t *yett_property_own(const struct yett_manage *manage, const char *name);
/* What was set from afar for a node, row "node.heartbeat", unless its own file pins that; borrowed. NULL:
 * nothing. For what others judge the node by: that counts before the node has answered. */
const char *yett_property_wished(const struct yett_court *court, const char *name, const char *row);
/* All of them, of a node: an array of Property of doc/openapi.yaml. */
json_t *yett_view_properties(const struct yett_manage *manage, const char *name);

#endif
