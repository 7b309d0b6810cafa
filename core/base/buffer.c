/* Counted buffers.
 *
 * Responsible for bytes that several owners share: one allocation holds the count and the bytes; the
 * last reference frees it. Any thread. Running out of memory is the caller's to handle (NULL). */
#include "buffer.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "error.h"

struct yett_buffer {
	atomic_uint references;
	size_t length;
	size_t room; /* what was asked for; stays when the length shrinks */
	uint8_t bytes[];
};

static atomic_size_t alive, alive_bytes;

struct yett_buffer *yett_buffer_new(size_t length)
{
	struct yett_buffer *buffer = NULL;

	if (length <= PTRDIFF_MAX - sizeof(*buffer)) {
		buffer = malloc(sizeof(*buffer) + length);
	}
	if (buffer != NULL) {
		atomic_init(&buffer->references, 1);
		buffer->length = length;
		buffer->room = length;
		atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&alive_bytes, length, memory_order_relaxed);
	}
	return buffer;
}

uint8_t *yett_buffer_bytes(struct yett_buffer *buffer)
{
	return buffer->bytes;
}

size_t yett_buffer_length(const struct yett_buffer *buffer)
{
	return buffer->length;
}

void yett_buffer_shrink(struct yett_buffer *buffer, size_t length)
{
	YETT_REQUIRE(length <= buffer->length);
	buffer->length = length;
}

struct yett_buffer *yett_buffer_ref(struct yett_buffer *buffer)
{
	atomic_fetch_add_explicit(&buffer->references, 1, memory_order_relaxed);
	return buffer;
}

void yett_buffer_unref(struct yett_buffer *buffer)
{
	if (buffer != NULL &&
		atomic_fetch_sub_explicit(&buffer->references, 1, memory_order_acq_rel) == 1) {
		atomic_fetch_sub_explicit(&alive, 1, memory_order_relaxed);
		atomic_fetch_sub_explicit(&alive_bytes, buffer->room, memory_order_relaxed);
		free(buffer);
	}
}

size_t yett_buffer_alive(void)
{
	return atomic_load_explicit(&alive, memory_order_relaxed);
}

size_t yett_buffer_alive_bytes(void)
{
	return atomic_load_explicit(&alive_bytes, memory_order_relaxed);
}
