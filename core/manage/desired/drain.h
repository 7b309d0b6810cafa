/* Emptying gateways, on a management server. */
#ifndef YETT_MANAGE_DRAIN_H
#define YETT_MANAGE_DRAIN_H

#include "../admission/court.h"

yett_decide_fn yett_drain_set; /* "/v1/gateways/drain" */
/* It is no gateway any more: should it be approved again, it is not emptied still. */
void yett_drain_forget(struct yett_court *court, const char *name);
void yett_drain_tick(struct yett_court *court, uint64_t now_ns);
/* The Drain of doc/openapi.yaml; NULL: no gateway of that name is known. */
json_t *yett_drain_view(const struct yett_court *court, const char *name);
/* What would be lost sight of with a gateway; NULL: nothing, as far as is known. Given. */
char *yett_drain_held(const struct yett_court *court, const char *name);

#endif
