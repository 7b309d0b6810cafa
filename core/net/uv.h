/* What the parts of the libuv loop share; nobody else includes it. */
#ifndef YETT_NET_UV_H
#define YETT_NET_UV_H

#include <pthread.h>
#include <uv.h>

#include "loop.h"

#define YETT_UV_READ_SIZE 65536

#define YETT_UV_SIGNALS_MAX 8

struct yett_uv_attempt;

struct yett_uv_signal {
	uv_signal_t uv;
	void (*fn)(void *arg, int signum);
	void *arg;
};

struct yett_uv_loop {
	struct yett_loop loop; /* first: what others see */
	uv_loop_t uv;
	uv_async_t async;
	pthread_mutex_t mutex; /* of the posts */
	struct yett_post *posts_head, *posts_tail;
	unsigned timers, streams, listeners; /* that nobody has given back yet */
	struct yett_uv_attempt *attempts;    /* dialling that is not answered yet */
	unsigned resolving;                  /* look-ups that are under way */
	struct yett_uv_signal signals[YETT_UV_SIGNALS_MAX];
	unsigned signal_count;
	char read_buffer[YETT_UV_READ_SIZE]; /* one for all streams: each read is borrowed */
};

/* listen_uv.c */
int yett_uv_listen(struct yett_loop *loop, const char *address, yett_accept_fn accept, void *arg,
	struct yett_listener **ret_listener, struct yett_error *error);
void yett_uv_listener_close(struct yett_listener *listener);
int yett_uv_listener_address(struct yett_listener *listener, char *ret_text, size_t size);
/* "host:port", "[v6]:port" in two pieces; the port is a number. YETT_EINVAL. */
int yett_uv_split(
	const char *address, char *ret_host, size_t host_size, char *ret_port, size_t port_size);
void yett_uv_address_text(const struct sockaddr_storage *address, char *ret_text, size_t size);

/* stream_uv.c */
int yett_uv_stream_read_start(struct yett_stream *stream, yett_read_fn read, void *arg);
int yett_uv_stream_read_stop(struct yett_stream *stream);
ssize_t yett_uv_stream_try_write(struct yett_stream *stream, const struct iovec *iov, int n);
int yett_uv_stream_write(
	struct yett_stream *stream, const struct iovec *iov, int n, yett_done_fn done, void *arg);
size_t yett_uv_stream_unsent(const struct yett_stream *stream);
void yett_uv_stream_close(struct yett_stream *stream);
int yett_uv_stream_addresses(
	struct yett_stream *stream, char *ret_local, char *ret_peer, size_t size);
/* A stream around a handle that is not yet connected or accepted. */
struct yett_stream *yett_uv_stream_new(struct yett_uv_loop *loop);
uv_tcp_t *yett_uv_stream_handle(struct yett_stream *stream);
void yett_uv_stream_tune(struct yett_stream *stream);

/* connect_uv.c */
int yett_uv_connect(struct yett_loop *loop, const char *address, const char *source,
	uint64_t timeout_ns, yett_connect_fn connected, void *arg, struct yett_error *error);
/* Answers all dialling that is under way with YETT_ECLOSED: the loop ends. */
void yett_uv_connect_abandon(struct yett_uv_loop *loop);

#endif
