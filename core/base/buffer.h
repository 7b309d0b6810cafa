/* Counted buffers: one allocation, shared between socket, queue and next session. Any thread. */
#ifndef YETT_BASE_BUFFER_H
#define YETT_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct yett_buffer;

struct yett_buffer *yett_buffer_new(size_t length); /* one reference; NULL: no memory */
uint8_t *yett_buffer_bytes(struct yett_buffer *buffer);
size_t yett_buffer_length(const struct yett_buffer *buffer);
void yett_buffer_shrink(struct yett_buffer *buffer, size_t length); /* length only; <= now */
struct yett_buffer *yett_buffer_ref(struct yett_buffer *buffer);
void yett_buffer_unref(struct yett_buffer *buffer); /* NULL is fine */
/* How many are alive, and how much memory they take, for tests and metrics. */
size_t yett_buffer_alive(void);
size_t yett_buffer_alive_bytes(void);

#endif
