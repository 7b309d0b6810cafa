/* What the parts of the simulated world share; nobody else includes it. */
#ifndef YETT_SIMULATION_INTERNAL_H
#define YETT_SIMULATION_INTERNAL_H

#include "sim.h"

struct sim {
	uint64_t now_ns, order, state;
	GArray *heap; /* struct event */
	GPtrArray *loops, *streams, *listeners;
	GHashTable *cuts; /* "from>to" */
	uint64_t delay_min_ns, delay_max_ns;
	void (*after)(void *arg); /* asked for: once the present event is over */
	void *after_arg;
	bool after_wanted;
};

struct sim_loop {
	struct yett_loop loop; /* first */
	struct sim *sim;
	char host[64];
	struct yett_clock clock;
	int64_t wall_offset_ns;
	uint64_t stalled_until_ns;
	uint64_t slow_ns, posted_ns; /* what is posted comes so much later; the last of it */
	unsigned open;
	bool mute;   /* its process has died: nothing leaves it any more */
	bool silent; /* not even the end of its connections is seen: the power went */
};

/* fn(arg) at a time; forgotten when the loop (NULL: the world's own) is freed. */
void sim_event(
	struct sim *sim, struct sim_loop *loop, uint64_t at_ns, void (*fn)(void *arg), void *arg);

/* network.c: the calls of the loop's table */
int sim_listen(struct yett_loop *base, const char *address, yett_accept_fn accept, void *arg,
	struct yett_listener **ret_listener, struct yett_error *error);
void sim_listener_close(struct yett_listener *listener);
int sim_listener_address(struct yett_listener *listener, char *ret_text, size_t size);
int sim_connect(struct yett_loop *base, const char *address, const char *source,
	uint64_t timeout_ns, yett_connect_fn connected, void *arg, struct yett_error *error);
void sim_dialled(void *arg);     /* an event … */
void sim_dial_forget(void *arg); /* … whose argument goes this way when it is forgotten */
int sim_stream_read_start(struct yett_stream *stream, yett_read_fn read, void *arg);
int sim_stream_read_stop(struct yett_stream *stream);
ssize_t sim_stream_try_write(struct yett_stream *stream, const struct iovec *iov, int n);
int sim_stream_write(
	struct yett_stream *stream, const struct iovec *iov, int n, yett_done_fn done, void *arg);
size_t sim_stream_unsent(const struct yett_stream *stream);
void sim_stream_close(struct yett_stream *stream);
int sim_stream_addresses(struct yett_stream *stream, char *ret_local, char *ret_peer, size_t size);

#endif
