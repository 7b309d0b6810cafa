/* The numbers of its own batches that a node without a durable queue has given out. */
#ifndef YETT_FLOW_NUMBERS_H
#define YETT_FLOW_NUMBERS_H

#include "../wire/batch.h"
#include "node.h"

/* Once the queue or the store is open. */
int yett_numbers_open(struct yett_node *node, struct yett_error *error);
void yett_numbers_close(struct yett_node *node);
/* What earlier starts had in memory and lost: declared, and their epochs closed. */
void yett_numbers_declare(struct yett_node *node);
/* A batch of our own was numbered; an upstream has taken it (any batch may be asked about). */
void yett_numbers_given(struct yett_node *node, const struct yett_batch_info *info);
void yett_numbers_taken(struct yett_node *node, const struct yett_batch_info *info);

#endif
