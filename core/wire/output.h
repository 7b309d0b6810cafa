/* What a session has to send: control frames, and batches cut into chunks. */
#ifndef YETT_WIRE_OUTPUT_H
#define YETT_WIRE_OUTPUT_H

#include <glib.h>
#include <sys/uio.h>
#include <yett/batch.h>

#include "envelope.h"

struct yett_output {
	GByteArray *control; /* frames that no piece has taken yet; NULL: none */
	GQueue lanes[YETT_LANES];
	unsigned turns[YETT_LANES]; /* chunks that a lane may still send in this round */
	GQueue pieces;         /* in the order of the wire: what output gave, or will give next */
	size_t sent;           /* of the first piece */
	size_t control_unsent; /* frames that batches cannot overtake */
	size_t batch_unsent;   /* bytes of batches that are in no piece yet */
};

void yett_output_init(struct yett_output *output);
void yett_output_done(struct yett_output *output);
/* Where to append control frames; followed by yett_output_appended. */
GByteArray *yett_output_control(struct yett_output *output);
void yett_output_appended(struct yett_output *output);
/* Takes a reference to the batch's buffer. */
void yett_output_batch(struct yett_output *output, uint64_t number,
	const struct yett_envelope *envelope, const struct yett_batch *batch);
/* Forgets the batches of which no chunk is under way, and the rest of the others. */
void yett_output_drop_batches(struct yett_output *output);
int yett_output_iov(struct yett_output *output, struct iovec *ret_iov, int max);
void yett_output_sent(struct yett_output *output, size_t bytes);
size_t yett_output_unsent(const struct yett_output *output);

#endif
