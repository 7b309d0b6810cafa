/* The output of a session: what goes onto the wire, in which order.
 *
 * Responsible for: control before batches, urgent batches before others without starving them,
 * chunks of one frame, and no copy of a batch's bytes. Not for: what may be sent (session.c).
 * Threads: the session's loop. Ownership: a batch under way is a reference to its buffer; control
 * frames are owned bytes.
 * A piece is what has its place on the wire: some control bytes, which end with the header of a
 * chunk, and that chunk's slice of a batch. Pieces are made only as they are asked for, so that
 * control that comes later still goes before the chunks that have not been cut. */
#include "output.h"

#include "../base/buffer.h"
#include "../base/error.h"
#include "frame.h"

/* Pieces are made ahead up to this many bytes: enough for one write, little to wait behind. */
#define WINDOW_BYTES (64 * 1024)

/* How many chunks a lane may send in a round, while others have some as well. */
static const unsigned shares[YETT_LANES] = {16, 4, 1};

/* A batch that is being sent. */
struct outgoing {
	struct yett_buffer *buffer;
	const uint8_t *bytes;
	size_t length, offset;
	GByteArray *prefix; /* number and envelope, of the first chunk; NULL when it is cut */
};

struct piece {
	GByteArray *bytes;
	const uint8_t *slice;
	size_t slice_length;
	struct yett_buffer *buffer; /* of the slice */
	size_t control_length;
};

void yett_output_init(struct yett_output *output)
{
	*output = (struct yett_output){.control = NULL};
	for (int lane = 0; lane < YETT_LANES; lane++) {
		g_queue_init(&output->lanes[lane]);
	}
	g_queue_init(&output->pieces);
}

static void free_outgoing(void *item)
{
	struct outgoing *outgoing = item;

	yett_buffer_unref(outgoing->buffer);
	if (outgoing->prefix != NULL) {
		g_byte_array_unref(outgoing->prefix);
	}
	g_free(outgoing);
}

static void free_piece(void *item)
{
	struct piece *piece = item;

	g_byte_array_unref(piece->bytes);
	yett_buffer_unref(piece->buffer);
	g_free(piece);
}

void yett_output_drop_batches(struct yett_output *output)
{
	for (int lane = 0; lane < YETT_LANES; lane++) {
		g_queue_clear_full(&output->lanes[lane], free_outgoing);
	}
	output->batch_unsent = 0;
}

void yett_output_done(struct yett_output *output)
{
	yett_output_drop_batches(output);
	g_queue_clear_full(&output->pieces, free_piece);
	if (output->control != NULL) {
		g_byte_array_unref(output->control);
		output->control = NULL;
	}
}

GByteArray *yett_output_control(struct yett_output *output)
{
	if (output->control == NULL) {
		output->control = g_byte_array_new();
	}
	output->control_unsent -= output->control->len;
	return output->control;
}

void yett_output_appended(struct yett_output *output)
{
	output->control_unsent += output->control->len;
}

void yett_output_batch(struct yett_output *output, uint64_t number,
	const struct yett_envelope *envelope, const struct yett_batch *batch)
{
	struct outgoing *outgoing = g_new0(struct outgoing, 1);
	uint8_t prefix[10 + YETT_ENVELOPE_MAX];
	size_t length = yett_envelope_encode(envelope, prefix + 10);

	yett_put64(prefix, number);
	yett_put16(prefix + 8, (uint16_t)length);
	outgoing->prefix = g_byte_array_sized_new((guint)(10 + length));
	g_byte_array_append(outgoing->prefix, prefix, (guint)(10 + length));
	outgoing->buffer = yett_buffer_ref(batch->buffer);
	outgoing->bytes = batch->bytes;
	outgoing->length = batch->length;
	g_queue_push_tail(&output->lanes[batch->info.lane], outgoing);
	output->batch_unsent += batch->length;
}

/* The lane whose turn it is, or -1: urgent first, as long as its share of the round lasts. */
static int next_lane(struct yett_output *output)
{
	bool waiting = false;

	for (int round = 0; round < 2; round++) {
		for (int lane = 0; lane < YETT_LANES; lane++) {
			if (g_queue_is_empty(&output->lanes[lane])) {
				continue;
			}
			waiting = true;
			if (output->turns[lane] > 0) {
				output->turns[lane]--;
				return lane;
			}
		}
		if (!waiting) {
			return -1;
		}
		memcpy(output->turns, shares, sizeof(shares));
	}
	return -1;
}

/* Cuts the next chunk of a lane's first batch: its header behind the piece's bytes, and its
 * slice. */
static void cut_chunk(struct yett_output *output, int lane, struct piece *piece)
{
	struct outgoing *outgoing = g_queue_peek_head(&output->lanes[lane]);
	size_t prefix = outgoing->prefix != NULL ? outgoing->prefix->len : 0;
	size_t left = outgoing->length - outgoing->offset;
	size_t slice = MIN(left, YETT_FRAME_BODY_MAX - prefix);
	struct yett_frame frame = {
		.length = (uint32_t)(prefix + slice),
		.type = YETT_FRAME_BATCH,
		.flags = slice < left ? YETT_FRAME_MORE : 0,
		.lane = (uint8_t)lane,
	};
	uint8_t header[YETT_FRAME_HEADER_SIZE];

	yett_frame_put(&frame, header);
	g_byte_array_append(piece->bytes, header, sizeof(header));
	if (prefix > 0) {
		g_byte_array_append(piece->bytes, outgoing->prefix->data, (guint)prefix);
		g_byte_array_unref(outgoing->prefix);
		outgoing->prefix = NULL;
	}
	piece->slice = outgoing->bytes + outgoing->offset;
	piece->slice_length = slice;
	piece->buffer = yett_buffer_ref(outgoing->buffer);
	outgoing->offset += slice;
	output->batch_unsent -= slice;
	if (slice == left) {
		free_outgoing(g_queue_pop_head(&output->lanes[lane]));
	}
}

/* Makes one piece more; NULL: there is nothing. */
static struct piece *make_piece(struct yett_output *output)
{
	bool has_control = output->control != NULL && output->control->len > 0;
	int lane = next_lane(output);
	struct piece *piece;

	if (!has_control && lane < 0) {
		return NULL;
	}
	piece = g_new0(struct piece, 1);
	if (has_control) {
		piece->bytes = g_steal_pointer(&output->control);
		piece->control_length = piece->bytes->len;
	} else {
		piece->bytes = g_byte_array_new();
	}
	if (lane >= 0) {
		cut_chunk(output, lane, piece);
	}
	g_queue_push_tail(&output->pieces, piece);
	return piece;
}

static size_t piece_length(const struct piece *piece)
{
	return piece->bytes->len + piece->slice_length;
}

/* Lays out what is left of a piece after `skip` bytes; returns how many parts that took. */
static int lay_out(const struct piece *piece, size_t skip, struct iovec *ret_iov, int max)
{
	size_t head = piece->bytes->len;
	int n = 0;

	if (skip < head) {
		ret_iov[n++] = (struct iovec){piece->bytes->data + skip, head - skip};
		skip = head;
	}
	if (skip - head < piece->slice_length && n < max) {
		const uint8_t *at = piece->slice + (skip - head);

		ret_iov[n++] =
			(struct iovec){(void *)(uintptr_t)at, piece->slice_length - (skip - head)};
	}
	return n;
}

int yett_output_iov(struct yett_output *output, struct iovec *ret_iov, int max)
{
	size_t skip = output->sent, bytes = 0;
	GList *link = output->pieces.head;
	int n = 0;

	while (n < max && bytes < WINDOW_BYTES) {
		struct piece *piece = link != NULL ? link->data : make_piece(output);

		if (piece == NULL) {
			break;
		}
		n += lay_out(piece, skip, ret_iov + n, max - n);
		bytes += piece_length(piece) - skip;
		skip = 0;
		link = link != NULL ? link->next : NULL;
	}
	return n;
}

/* Of the next `bytes` of a piece, after what was sent of it: how many are control. */
static size_t control_within(const struct piece *piece, size_t sent, size_t bytes)
{
	return sent < piece->control_length ? MIN(bytes, piece->control_length - sent) : 0;
}

void yett_output_sent(struct yett_output *output, size_t bytes)
{
	while (bytes > 0) {
		struct piece *piece = g_queue_peek_head(&output->pieces);
		size_t step;

		if (YETT_BUG_IF(piece == NULL)) {
			return;
		}
		step = MIN(bytes, piece_length(piece) - output->sent);
		output->control_unsent -= control_within(piece, output->sent, step);
		output->sent += step;
		bytes -= step;
		if (output->sent == piece_length(piece)) {
			free_piece(g_queue_pop_head(&output->pieces));
			output->sent = 0;
		}
	}
}

size_t yett_output_unsent(const struct yett_output *output)
{
	size_t unsent = output->batch_unsent - output->sent;

	for (GList *link = output->pieces.head; link != NULL; link = link->next) {
		unsent += piece_length(link->data);
	}
	return unsent + (output->control != NULL ? output->control->len : 0);
}
