/* Batches that arrive: one under way a lane at most, put together from chunks. */
#ifndef YETT_WIRE_INCOMING_H
#define YETT_WIRE_INCOMING_H

#include <glib.h>
#include <yett/batch.h>

#include "envelope.h"
#include "frame.h"

struct yett_error;

struct yett_incoming_batch {
	struct yett_buffer *buffer;
	size_t filled;
	uint64_t number;
	struct yett_envelope envelope;
};

struct yett_incoming {
	struct yett_incoming_batch *lanes[YETT_LANES]; /* NULL: none under way */
	uint64_t numbers[YETT_LANES];                  /* the last of each lane */
	GByteArray *head; /* what stands before the payload, of the first chunk; NULL: none */
};

void yett_incoming_done(struct yett_incoming *incoming);
/* A BATCH frame begins. */
int yett_incoming_frame(
	struct yett_incoming *incoming, const struct yett_frame *frame, struct yett_error *error);
/* Takes all of `length` bytes, which belong to the frame; `left` is how many of its body are to
 * come, these included. Within `credit`, which is lowered when a batch begins. */
int yett_incoming_bytes(struct yett_incoming *incoming, const struct yett_frame *frame,
	const uint8_t *bytes, size_t length, size_t left, uint64_t *credit,
	struct yett_error *error);
/* The frame's body is complete. Given: `ret_done`, if that completes the batch, else NULL. */
int yett_incoming_frame_end(struct yett_incoming *incoming, const struct yett_frame *frame,
	struct yett_incoming_batch **ret_done, struct yett_error *error);
void yett_incoming_batch_free(struct yett_incoming_batch *batch);

#endif
