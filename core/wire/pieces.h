/* The contract of exactly once, as pure functions (yett/host.h, judge and judge_notice). */
#ifndef YETT_WIRE_PIECES_H
#define YETT_WIRE_PIECES_H

#include <yett/host.h>

int yett_pieces_judge(struct yett_piece *pieces, size_t *count, uint64_t folded_below,
	const struct yett_batch_info *batch);
const char *yett_notice_judge(
	const struct yett_notice *notice, const struct yett_id *origin, uint32_t flags);

#endif
