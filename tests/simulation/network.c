/* The simulated network: byte streams between hosts, with delay, cuts and breaks.
 *
 * Responsible for bytes arriving in order, once, later; for a window that makes a fast sender wait;
 * for links that are cut (what is under way is lost) and connections that are broken. Not responsible
 * for time (sim.c). One thread. A stream lives as long as an event or its other end refers to it. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES (256 * 1024) /* unread bytes that a stream may have under way */

struct chunk {
	struct chunk *next;
	size_t length, done;
	uint8_t bytes[];
};

struct yett_stream {
	struct sim *sim;
	struct sim_loop *loop;
	struct yett_stream *other; /* NULL: it is gone */
	char local[80], peer[80];
	char peer_host[64];
	yett_read_fn read;
	void *read_arg;
	bool reading, closed, broken;
	bool torn; /* something on its way here was lost: nothing more is delivered */
	struct chunk *head, *tail; /* arrived and not yet read */
	uint64_t arrives_ns;       /* the last chunk under way: order is kept */
	size_t under_way;          /* to the other end, not yet read there */
	unsigned references;
	yett_done_fn done; /* of the one write that waits for room */
	void *done_arg;
	struct chunk *waiting;
};

struct yett_listener {
	struct sim_loop *loop;
	char address[80];
	yett_accept_fn accept;
	void *arg;
};

/* Streams. */

static void stream_unref(struct yett_stream *stream)
{
	if (--stream->references == 0) {
		struct chunk *chunk;

		while ((chunk = stream->head) != NULL) {
			stream->head = chunk->next;
			g_free(chunk);
		}
		g_free(stream->waiting);
		g_ptr_array_remove(stream->sim->streams, stream);
		g_free(stream);
	}
}

static bool is_cut(struct sim *sim, const char *from, const char *to)
{
	g_autofree char *key = g_strdup_printf("%s>%s", from, to);

	return g_hash_table_contains(sim->cuts, key);
}

static uint64_t delay(struct sim *sim)
{
	uint64_t span = sim->delay_max_ns - sim->delay_min_ns;

	return sim->delay_min_ns + (span > 0 ? sim_random(sim) % span : 0);
}

static void push(struct yett_stream *to, struct chunk *chunk);

static void drain_reads(void *arg)
{
	struct yett_stream *stream = arg;

	if (!stream->closed && stream->loop->stalled_until_ns > stream->sim->now_ns) {
		sim_event(stream->sim, NULL, stream->loop->stalled_until_ns, drain_reads, stream);
		return;
	}
	while (!stream->closed && stream->reading && stream->head != NULL) {
		struct chunk *chunk = stream->head;

		stream->head = chunk->next;
		if (stream->head == NULL) {
			stream->tail = NULL;
		}
		if (stream->other != NULL) {
			struct yett_stream *sender = stream->other;

			sender->under_way -= chunk->length;
			if (sender->waiting != NULL && sender->under_way < WINDOW_BYTES) {
				struct chunk *more = sender->waiting;

				sender->waiting = NULL;
				sender->under_way += more->length;
				push(stream, more);
				if (sender->done != NULL && !sender->closed) {
					yett_done_fn done = sender->done;

					sender->done = NULL;
					done(sender->done_arg, 0);
				}
			}
		}
		stream->read(stream->read_arg, 0, chunk->bytes, chunk->length);
		g_free(chunk);
	}
	if (!stream->closed && stream->reading && stream->head == NULL && stream->broken) {
		stream->reading = false;
		stream->read(stream->read_arg, YETT_ECLOSED, NULL, 0);
	}
	stream_unref(stream);
}

static void wake(struct yett_stream *stream)
{
	stream->references++;
	sim_event(stream->sim, NULL, stream->sim->now_ns, drain_reads, stream);
}

struct arrival {
	struct yett_stream *to;
	struct chunk *chunk; /* NULL: the end */
};

static void arrive(void *arg)
{
	struct arrival *arrival = arg;
	struct yett_stream *to = arrival->to;

	if (arrival->chunk == NULL) {
		to->broken = true;
	} else if (to->closed || is_cut(to->sim, to->peer_host, to->loop->host)) {
		g_free(arrival->chunk); /* lost: the connection will be found dead */
		to->torn = true;
	} else if (to->torn) {
		g_free(arrival->chunk); /* a stream has no holes: both ends find it broken */
		to->broken = true;
		if (to->other != NULL) {
			to->other->broken = true;
			wake(to->other);
		}
	} else {
		if (to->tail != NULL) {
			to->tail->next = arrival->chunk;
		} else {
			to->head = arrival->chunk;
		}
		to->tail = arrival->chunk;
	}
	if (!to->closed) {
		wake(to);
	}
	stream_unref(to);
	g_free(arrival);
}

static void push(struct yett_stream *to, struct chunk *chunk)
{
	struct arrival *arrival = g_new0(struct arrival, 1);
	uint64_t at_ns = to->sim->now_ns + delay(to->sim);

	at_ns = at_ns > to->arrives_ns ? at_ns : to->arrives_ns;
	to->arrives_ns = at_ns;
	to->references++;
	arrival->to = to;
	arrival->chunk = chunk;
	sim_event(to->sim, NULL, at_ns, arrive, arrival);
}

static struct chunk *chunk_of(const struct iovec *iov, int n)
{
	size_t length = 0, at = 0;
	struct chunk *chunk;

	for (int i = 0; i < n; i++) {
		length += iov[i].iov_len;
	}
	chunk = g_malloc0(sizeof(*chunk) + length);
	chunk->length = length;
	for (int i = 0; i < n; i++) {
		memcpy(chunk->bytes + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	return chunk;
}

int sim_stream_read_start(struct yett_stream *stream, yett_read_fn read, void *arg)
{
	stream->read = read;
	stream->read_arg = arg;
	stream->reading = true;
	wake(stream);
	return 0;
}

int sim_stream_read_stop(struct yett_stream *stream)
{
	stream->reading = false;
	return 0;
}

ssize_t sim_stream_try_write(struct yett_stream *stream, const struct iovec *iov, int n)
{
	struct chunk *chunk;

	if (stream->closed || stream->broken || stream->loop->mute) {
		return YETT_ECLOSED;
	}
	if (stream->waiting != NULL || stream->under_way >= WINDOW_BYTES) {
		return YETT_EAGAIN;
	}
	chunk = chunk_of(iov, n);
	if (stream->other == NULL) {
		ssize_t length = (ssize_t)chunk->length;

		g_free(chunk);
		return length; /* nobody is there any more, and we do not know it yet */
	}
	stream->under_way += chunk->length;
	{
		ssize_t length = (ssize_t)chunk->length;

		push(stream->other, chunk);
		return length;
	}
}

static void write_done(void *arg)
{
	struct yett_stream *stream = arg;

	if (!stream->closed && stream->loop->stalled_until_ns > stream->sim->now_ns) {
		sim_event(stream->sim, NULL, stream->loop->stalled_until_ns, write_done, stream);
		return;
	}
	if (stream->done != NULL && !stream->closed) {
		yett_done_fn done = stream->done;

		stream->done = NULL;
		done(stream->done_arg, 0);
	}
	stream_unref(stream);
}

int sim_stream_write(
	struct yett_stream *stream, const struct iovec *iov, int n, yett_done_fn done, void *arg)
{
	if (stream->closed || stream->broken || stream->waiting != NULL || stream->done != NULL) {
		return YETT_ECLOSED;
	}
	stream->done = done;
	stream->done_arg = arg;
	if (stream->under_way < WINDOW_BYTES && sim_stream_try_write(stream, iov, n) >= 0) {
		stream->references++;
		sim_event(stream->sim, NULL, stream->sim->now_ns, write_done, stream);
		return 0;
	}
	stream->waiting = chunk_of(iov, n);
	return 0;
}

size_t sim_stream_unsent(const struct yett_stream *stream)
{
	return stream->waiting != NULL ? stream->waiting->length : 0;
}

void sim_stream_close(struct yett_stream *stream)
{
	struct yett_stream *other = stream->other;

	if (stream->closed) {
		return;
	}
	stream->closed = true;
	if (stream->done != NULL) {
		yett_done_fn done = stream->done;

		stream->done = NULL;
		done(stream->done_arg, YETT_ECLOSED);
	}
	if (other != NULL) {
		other->other = NULL;
		stream->other = NULL;
		if (!stream->loop->silent &&
			!is_cut(stream->sim, stream->loop->host, stream->peer_host)) {
			push(other, NULL);
		}
		stream_unref(other);
		stream_unref(stream);
	}
	stream->loop->open--;
	stream_unref(stream);
}

int sim_stream_addresses(struct yett_stream *stream, char *ret_local, char *ret_peer, size_t size)
{
	g_strlcpy(ret_local, stream->local, size);
	g_strlcpy(ret_peer, stream->peer, size);
	return 0;
}

static struct yett_stream *stream_new(struct sim_loop *loop, const struct sim_loop *peer)
{
	struct yett_stream *stream = g_new0(struct yett_stream, 1);

	stream->sim = loop->sim;
	stream->loop = loop;
	stream->references = 1;
	g_strlcpy(stream->peer_host, peer->host, sizeof(stream->peer_host));
	g_ptr_array_add(loop->sim->streams, stream);
	loop->open++;
	return stream;
}

/* Listening and dialling. */

int sim_listen(struct yett_loop *base, const char *address, yett_accept_fn accept, void *arg,
	struct yett_listener **ret_listener, struct yett_error *error)
{
	struct sim_loop *loop = (struct sim_loop *)base;
	struct yett_listener *listener = g_new0(struct yett_listener, 1);

	(void)error;
	listener->loop = loop;
	g_strlcpy(listener->address, address, sizeof(listener->address));
	listener->accept = accept;
	listener->arg = arg;
	g_ptr_array_add(loop->sim->listeners, listener);
	loop->open++;
	*ret_listener = listener;
	return 0;
}

void sim_listener_close(struct yett_listener *listener)
{
	g_ptr_array_remove(listener->loop->sim->listeners, listener);
	listener->loop->open--;
	g_free(listener);
}

int sim_listener_address(struct yett_listener *listener, char *ret_text, size_t size)
{
	g_strlcpy(ret_text, listener->address, size);
	return 0;
}

struct dialling {
	struct sim_loop *loop;
	char address[80];
	yett_connect_fn connected;
	void *arg;
	bool timed_out;
};

void sim_dialled(void *arg)
{
	struct dialling *dialling = arg;
	struct sim *sim = dialling->loop->sim;
	struct yett_listener *found = NULL;
	struct yett_stream *near, *far;

	for (guint i = 0; i < sim->listeners->len; i++) {
		struct yett_listener *listener = sim->listeners->pdata[i];

		if (strcmp(listener->address, dialling->address) == 0 && !listener->loop->mute) {
			found = listener;
		}
	}
	if (found == NULL || dialling->timed_out ||
		is_cut(sim, dialling->loop->host, found->loop->host) ||
		is_cut(sim, found->loop->host, dialling->loop->host)) {
		dialling->connected(
			dialling->arg, found == NULL ? YETT_EUNAVAIL : YETT_ETIMEOUT, NULL);
		g_free(dialling);
		return;
	}
	near = stream_new(dialling->loop, found->loop);
	far = stream_new(found->loop, dialling->loop);
	near->other = far;
	far->other = near;
	near->references++;
	far->references++;
	snprintf(near->local, sizeof(near->local), "%s:1", dialling->loop->host);
	g_strlcpy(near->peer, dialling->address, sizeof(near->peer));
	g_strlcpy(far->local, dialling->address, sizeof(far->local));
	g_strlcpy(far->peer, near->local, sizeof(far->peer));
	found->accept(found->arg, far);
	dialling->connected(dialling->arg, 0, near);
	g_free(dialling);
}

/* Whoever dialled is told, as by a loop that ends. */
void sim_dial_forget(void *arg)
{
	struct dialling *dialling = arg;

	dialling->connected(dialling->arg, YETT_ECLOSED, NULL);
	g_free(dialling);
}

int sim_connect(struct yett_loop *base, const char *address, const char *source,
	uint64_t timeout_ns, yett_connect_fn connected, void *arg, struct yett_error *error)
{
	struct sim_loop *loop = (struct sim_loop *)base;
	struct dialling *dialling = g_new0(struct dialling, 1);

	(void)source;
	(void)timeout_ns;
	(void)error;
	dialling->loop = loop;
	g_strlcpy(dialling->address, address, sizeof(dialling->address));
	dialling->connected = connected;
	dialling->arg = arg;
	sim_event(loop->sim, loop, loop->sim->now_ns + 2 * delay(loop->sim), sim_dialled, dialling);
	return 0;
}

void sim_cut(struct sim *sim, const char *from, const char *to, bool cut)
{
	char *key = g_strdup_printf("%s>%s", from, to);

	if (cut) {
		g_hash_table_add(sim->cuts, key);
	} else {
		g_hash_table_remove(sim->cuts, key);
		g_free(key);
	}
}

void sim_break(struct sim *sim, const char *a, const char *b)
{
	for (guint i = 0; i < sim->streams->len; i++) {
		struct yett_stream *stream = sim->streams->pdata[i];

		if (!stream->closed && ((strcmp(stream->loop->host, a) == 0 &&
						strcmp(stream->peer_host, b) == 0) ||
					       (strcmp(stream->loop->host, b) == 0 &&
						       strcmp(stream->peer_host, a) == 0))) {
			stream->broken = true;
			wake(stream);
		}
	}
}

void sim_delay(struct sim *sim, uint64_t min_ns, uint64_t max_ns)
{
	sim->delay_min_ns = min_ns;
	sim->delay_max_ns = max_ns > min_ns ? max_ns : min_ns;
}
