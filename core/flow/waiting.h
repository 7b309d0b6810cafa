/* What waits for a round of the queue: new, or tried and put back. */
#ifndef YETT_FLOW_WAITING_H
#define YETT_FLOW_WAITING_H

#include "keep.h"

/* A list beside those of the lanes. */
#define YETT_WAITING_NOTICES YETT_LANES

/* Zeroed storage, with `own`, is empty. */
struct yett_waiting {
	const struct yett_id *own;                   /* of this node; borrowed */
	struct yett_keep_list fresh;                 /* not yet in a round */
	struct yett_keep_list notices;               /* so are these, and before all others */
	struct yett_keep_list tried[YETT_LANES + 1]; /* did not go in */
	uint32_t begin; /* the lane of these that goes first; the queue's to set */
};

void yett_waiting_add(struct yett_waiting *waiting, struct yett_keep *keep);
/* Fills a round. `stalled`: what was tried stays where it is. */
void yett_waiting_gather(
	struct yett_waiting *waiting, bool stalled, struct yett_keep_list *ret_keeps);
/* Puts back what was gathered and did not go in, before what waits already: that came later. */
void yett_waiting_put_back(struct yett_waiting *waiting, struct yett_keep_list *keeps);
size_t yett_waiting_tried(const struct yett_waiting *waiting);
bool yett_waiting_has_new(const struct yett_waiting *waiting);
void yett_waiting_complete_all(struct yett_waiting *waiting, int result);

#endif
