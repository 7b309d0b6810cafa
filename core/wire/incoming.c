/* Puts arriving batches together from their chunks.
 *
 * Responsible for: the head of the first chunk (number, envelope, the batch's header), the credit,
 * the one buffer that a batch's bytes are copied into, and that chunks make a whole. Not for: the
 * checksum of the payload (session.c, by yett_batch_parse).
 * Threads: the session's loop. Ownership: the buffer is the incoming batch's until it is whole.
 * Nothing is allocated by a peer's length before the header that says it has been checked, and held
 * against the protocol's limit and the credit. Failure ends the session. */
#include "incoming.h"

#include "../base/buffer.h"
#include "../base/error.h"
#include "../base/id.h"
#include "batch.h"

#define PREFIX_SIZE    10 /* number (u64), length of the envelope (u16) */
#define TO_HEADER_SIZE 8  /* of the batch's header: enough to know its length */
#define MEND_PEER      "update the software of the peer, or of this node"

void yett_incoming_batch_free(struct yett_incoming_batch *batch)
{
	if (batch != NULL) {
		yett_buffer_unref(batch->buffer);
		g_free(batch);
	}
}

static void drop_head(struct yett_incoming *incoming)
{
	if (incoming->head != NULL) {
		g_byte_array_unref(incoming->head);
		incoming->head = NULL;
	}
}

void yett_incoming_done(struct yett_incoming *incoming)
{
	drop_head(incoming);
	for (int lane = 0; lane < YETT_LANES; lane++) {
		yett_incoming_batch_free(incoming->lanes[lane]);
		incoming->lanes[lane] = NULL;
	}
}

int yett_incoming_frame(
	struct yett_incoming *incoming, const struct yett_frame *frame, struct yett_error *error)
{
	if (frame->lane >= YETT_LANES) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER,
			"a batch came in lane %u, and there are %d", frame->lane, YETT_LANES);
	}
	if (incoming->lanes[frame->lane] == NULL) {
		incoming->head = g_byte_array_new();
	} else if (frame->length == 0) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER, "a chunk of a batch was empty");
	}
	return 0;
}

/* How many bytes the head takes, as far as what is there can tell. */
static int head_length(const GByteArray *head, size_t *ret_length)
{
	size_t envelope, header;

	if (head->len < PREFIX_SIZE) {
		*ret_length = PREFIX_SIZE;
		return 0;
	}
	envelope = yett_get16(head->data + PREFIX_SIZE - 2);
	if (envelope > YETT_ENVELOPE_MAX) {
		return YETT_ELIMIT;
	}
	if (head->len < PREFIX_SIZE + envelope + TO_HEADER_SIZE) {
		*ret_length = PREFIX_SIZE + envelope + TO_HEADER_SIZE;
		return 0;
	}
	header = yett_get16(head->data + PREFIX_SIZE + envelope + TO_HEADER_SIZE - 2);
	if (header < YETT_BATCH_HEADER_SIZE || header > YETT_BATCH_HEADER_MAX) {
		return YETT_EPROTO;
	}
	*ret_length = PREFIX_SIZE + envelope + header;
	return 0;
}

/* The head is whole: checks it, and makes room for the batch. */
static int begin_batch(struct yett_incoming *incoming, const struct yett_frame *frame,
	uint64_t *credit, struct yett_error *error)
{
	const uint8_t *head = incoming->head->data;
	uint64_t number = yett_get64(head);
	size_t envelope_length = yett_get16(head + PREFIX_SIZE - 2);
	const uint8_t *header = head + PREFIX_SIZE + envelope_length;
	size_t header_length = incoming->head->len - PREFIX_SIZE - envelope_length;
	struct yett_envelope envelope;
	struct yett_incoming_batch *batch;
	struct yett_batch_info info;
	const char *why;
	size_t length;
	int result;

	result = yett_envelope_decode(head + PREFIX_SIZE, envelope_length, &envelope);
	if (result < 0) {
		return yett_fail(error, result, MEND_PEER, "a batch's envelope is malformed");
	}
	result = yett_batch_judge_header(header, header_length, &info, &why);
	if (result < 0) {
		return yett_fail(error, result == YETT_ECORRUPT ? YETT_EPROTO : result, MEND_PEER,
			"the header of a batch %s", why);
	}
	if (yett_id_is_zero(&info.origin)) {
		return yett_fail(
			error, YETT_EPROTO, MEND_PEER, "the header of a batch names no origin");
	}
	if (info.lane != frame->lane) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER,
			"a batch of lane %u came in lane %u", info.lane, frame->lane);
	}
	if (number <= incoming->numbers[frame->lane]) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER,
			"a batch came with the number %llu after %llu in lane %u",
			(unsigned long long)number,
			(unsigned long long)incoming->numbers[frame->lane], frame->lane);
	}
	length = header_length + info.stored_length;
	if (length > *credit) {
		return yett_fail(error, YETT_ELIMIT, MEND_PEER,
			"a batch of %zu bytes in lane %u is beyond the credit of %llu", length,
			frame->lane, (unsigned long long)*credit);
	}
	batch = g_new0(struct yett_incoming_batch, 1);
	batch->buffer = yett_buffer_new(length);
	if (batch->buffer == NULL) {
		g_free(batch);
		return yett_fail(
			error, YETT_ENOMEM, NULL, "no memory for a batch of %zu bytes", length);
	}
	memcpy(yett_buffer_bytes(batch->buffer), header, header_length);
	batch->filled = header_length;
	batch->number = number;
	batch->envelope = envelope;
	incoming->lanes[frame->lane] = batch;
	incoming->numbers[frame->lane] = number;
	*credit -= length;
	return 0;
}

/* Adds to the head what it lacks; `*ret_used` is how much that was. */
static int take_head(struct yett_incoming *incoming, const struct yett_frame *frame,
	const uint8_t *bytes, size_t length, uint64_t *credit, size_t *ret_used,
	struct yett_error *error)
{
	GByteArray *head = incoming->head;
	size_t used = 0;

	for (;;) {
		size_t wanted, step;
		int result = head_length(head, &wanted);

		if (result < 0) {
			return yett_fail(error, result, MEND_PEER,
				result == YETT_ELIMIT
					? "a batch's envelope is beyond the limit"
					: "a batch's header has an impossible length");
		}
		if (head->len == wanted) {
			result = begin_batch(incoming, frame, credit, error);
			drop_head(incoming);
			*ret_used = used;
			return result;
		}
		if (used == length) {
			*ret_used = used;
			return 0;
		}
		step = MIN(wanted - head->len, length - used);
		g_byte_array_append(head, bytes + used, (guint)step);
		used += step;
	}
}

int yett_incoming_bytes(struct yett_incoming *incoming, const struct yett_frame *frame,
	const uint8_t *bytes, size_t length, size_t left, uint64_t *credit,
	struct yett_error *error)
{
	struct yett_incoming_batch *batch;
	size_t used = 0;

	if (incoming->head != NULL) {
		int result = take_head(incoming, frame, bytes, length, credit, &used, error);

		if (result < 0 || incoming->head != NULL) {
			return result;
		}
	}
	batch = incoming->lanes[frame->lane];
	/* The whole rest of the frame, not only what is here: so an overlong one is refused at
	 * once. */
	if (left - used > yett_buffer_length(batch->buffer) - batch->filled) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER,
			"a batch's chunks hold more than its header says");
	}
	memcpy(yett_buffer_bytes(batch->buffer) + batch->filled, bytes + used, length - used);
	batch->filled += length - used;
	return 0;
}

int yett_incoming_frame_end(struct yett_incoming *incoming, const struct yett_frame *frame,
	struct yett_incoming_batch **ret_done, struct yett_error *error)
{
	struct yett_incoming_batch *batch = incoming->lanes[frame->lane];
	bool more = (frame->flags & YETT_FRAME_MORE) != 0;

	if (incoming->head != NULL || batch == NULL) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER,
			"a batch's first chunk does not hold its whole header");
	}
	if (more == (batch->filled == yett_buffer_length(batch->buffer))) {
		return yett_fail(error, YETT_EPROTO, MEND_PEER,
			more ? "a batch is whole, and more chunks were announced"
			     : "a batch's last chunk came before it was whole");
	}
	*ret_done = more ? NULL : batch;
	if (!more) {
		incoming->lanes[frame->lane] = NULL;
	}
	return 0;
}
