/* The contract of exactly once, as a pure function (yett/host.h, judge). */
#ifndef YETT_WIRE_PIECES_H
#define YETT_WIRE_PIECES_H

#include <yett/host.h>

int yett_pieces_judge(struct yett_piece *pieces, size_t *count, uint64_t folded_below,
	const struct yett_batch_info *batch);

#endif
