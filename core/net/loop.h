/* The loop: time, timers, work posted from other threads, and byte streams, behind one table, so
 * that production (libuv, loop_uv.c) and the simulator give the same. A loop is used by its own
 * thread only; `post` is the one exception. Only core/net/ names libuv. */
#ifndef YETT_NET_LOOP_H
#define YETT_NET_LOOP_H

#include <sys/types.h>
#include <yett/host.h>

#include "../base/clock.h"
#include "../base/error.h"

struct yett_loop; /* starts with a `const struct yett_loop_table *` */
struct yett_post;

struct yett_loop_table {
	const struct yett_clock *(*clock)(struct yett_loop *loop);
	/* From any thread: calls fn(arg) on the loop, in order, soon. `struct yett_post` is lent
	 * until it is called, so posting cannot fail. */
	void (*post)(struct yett_loop *loop, struct yett_post *post);
	struct yett_timer *(*timer_new)(struct yett_loop *loop, yett_timer_fn fire, void *arg);
	void (*timer_start)(struct yett_timer *timer, uint64_t delay_ns);
	void (*timer_stop)(struct yett_timer *timer);
	void (*timer_free)(struct yett_timer *timer);
	/* Streams: as in yett/host.h. */
	int (*listen)(struct yett_loop *loop, const char *address, yett_accept_fn accept, void *arg,
		struct yett_listener **ret_listener, struct yett_error *error);
	void (*listener_close)(struct yett_listener *listener);
	int (*listener_address)(struct yett_listener *listener, char *ret_text, size_t size);
	int (*connect)(struct yett_loop *loop, const char *address, const char *source,
		uint64_t timeout_ns, yett_connect_fn connected, void *arg,
		struct yett_error *error);
	int (*stream_read_start)(struct yett_stream *stream, yett_read_fn read, void *arg);
	int (*stream_read_stop)(struct yett_stream *stream);
	ssize_t (*stream_try_write)(struct yett_stream *stream, const struct iovec *iov, int n);
	int (*stream_write)(struct yett_stream *stream, const struct iovec *iov, int n,
		yett_done_fn done, void *arg);
	size_t (*stream_unsent)(const struct yett_stream *stream);
	void (*stream_close)(struct yett_stream *stream);
	int (*stream_addresses)(
		struct yett_stream *stream, char *ret_local, char *ret_peer, size_t size);
};

struct yett_post {
	void (*fn)(void *arg);
	void *arg;
	struct yett_post *next; /* the loop's */
};

struct yett_loop {
	const struct yett_loop_table *table;
};

/* A socket that listens on "127.0.0.1:9723" or "[::1]:9723", for who has a loop of their own. */
int yett_listen_socket(const char *address, int *ret_fd, struct yett_error *error);

/* The production loop. `run` returns after `stop`. `free` runs what is posted, answers dialling that
 * is under way with YETT_ECLOSED, and reports with YETT_BUG_IF what nobody closed (and leaves that
 * behind). */
int yett_loop_uv_new(struct yett_loop **ret_loop, struct yett_error *error);
void yett_loop_uv_run(struct yett_loop *loop);
void yett_loop_uv_stop(struct yett_loop *loop); /* from the loop's thread */
void yett_loop_uv_free(struct yett_loop *loop);
/* Signals, production only: calls fn(arg, signum) on the loop. */
int yett_loop_uv_signal(
	struct yett_loop *loop, int signum, void (*fn)(void *arg, int signum), void *arg);

#endif
