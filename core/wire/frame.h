/* The frame's header, for those who write frames (messages, output) and read them (the session). */
#ifndef YETT_WIRE_FRAME_H
#define YETT_WIRE_FRAME_H

#include <glib.h>

#include "../base/bytes.h"
#include "message.h"

struct yett_frame {
	uint32_t length; /* of the body */
	uint8_t type;
	uint8_t flags;
	uint8_t lane;
	uint8_t reserved;
};

static inline struct yett_frame yett_frame_get(const uint8_t bytes[YETT_FRAME_HEADER_SIZE])
{
	return (struct yett_frame){yett_get32(bytes), bytes[4], bytes[5], bytes[6], bytes[7]};
}

static inline void yett_frame_put(
	const struct yett_frame *frame, uint8_t ret_bytes[YETT_FRAME_HEADER_SIZE])
{
	yett_put32(ret_bytes, frame->length);
	ret_bytes[4] = frame->type;
	ret_bytes[5] = frame->flags;
	ret_bytes[6] = frame->lane;
	ret_bytes[7] = frame->reserved;
}

/* A control frame: begin, append the body, end. begin returns what end needs. */
static inline guint yett_frame_begin(GByteArray *to)
{
	guint start = to->len;

	g_byte_array_set_size(to, start + YETT_FRAME_HEADER_SIZE);
	return start;
}

static inline void yett_frame_end(GByteArray *to, guint start, int type)
{
	struct yett_frame frame = {
		.length = to->len - start - YETT_FRAME_HEADER_SIZE, .type = (uint8_t)type};

	YETT_REQUIRE(frame.length <= YETT_FRAME_BODY_MAX);
	yett_frame_put(&frame, to->data + start);
}

#endif
