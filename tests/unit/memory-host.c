/* A host for modules, in memory.
 *
 * Responsible for the streams, timers, clock, chance and log of yett/host.h, without sockets and
 * without time; the rest of the table is the core's own. Not a simulator of a network: nothing is
 * lost or delayed, but bytes may come in pieces and a stream may be full.
 *
 * One thread. Everything that happens is an event in one list, ordered by time and then by when it
 * was put there. What is lent and borrowed is copied to fresh memory for each call, so that a
 * sanitizer sees who keeps it for too long. */
#include "memory-host.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "module/host.h"

#define WINDOW  ((size_t)1 << 20)
#define METRICS 32

struct event {
	uint64_t due_ns;
	void (*fire)(void *arg);
	void *arg;
};

struct memory_world {
	uint64_t now_ns;
	int64_t wall_ns;
	uint64_t chance;
	size_t chunk_max, window;
	uint64_t corrupt_in; /* bytes until one is changed; 0: none will be */
	GQueue events;       /* struct event *, by due_ns */
	GList *listeners;
	size_t open;
	unsigned next_port;
};

struct memory_host {
	struct yett_host host;
	struct yett_instance instance; /* only its address is used, and its error */
	struct memory_world *world;
	const struct yett_module *module;
	size_t logged[YETT_LOG_DEBUG + 1];
	char last[1024];
	int64_t metrics[METRICS];
};

struct write {
	struct yett_stream *stream;
	GArray *iov;
	size_t done_bytes; /* of the first piece */
	yett_done_fn done;
	void *arg;
};

struct yett_stream {
	struct memory_world *world;
	struct yett_stream *peer; /* NULL: it has closed */
	GByteArray *in;
	size_t taken; /* of `in`, already delivered */
	GQueue writes;
	size_t unsent;
	yett_read_fn read;
	void *read_arg;
	struct event *poll; /* scheduled */
	char local[64], remote[64];
	bool end_told, closed;
	unsigned busy;
};

struct yett_listener {
	struct memory_world *world;
	char address[64];
	yett_accept_fn accept;
	void *arg;
};

struct yett_timer {
	struct memory_world *world;
	yett_timer_fn fire;
	void *arg;
	struct event *event;
};

struct dial {
	struct memory_world *world;
	char address[64];
	yett_connect_fn connected;
	void *arg;
};

static struct memory_host *from_instance(struct yett_instance *instance)
{
	return (struct memory_host *)((char *)instance - offsetof(struct memory_host, instance));
}

/* Events. */

static struct event *schedule(
	struct memory_world *world, uint64_t delay_ns, void (*fire)(void *arg), void *arg)
{
	struct event *event = g_new0(struct event, 1);
	GList *after = world->events.tail;

	event->due_ns = world->now_ns + delay_ns;
	event->fire = fire;
	event->arg = arg;
	while (after != NULL && ((struct event *)after->data)->due_ns > event->due_ns) {
		after = after->prev;
	}
	if (after == NULL) {
		g_queue_push_head(&world->events, event);
	} else {
		g_queue_insert_after(&world->events, after, event);
	}
	return event;
}

static void cancel(struct memory_world *world, struct event **event)
{
	if (*event != NULL) {
		g_queue_remove(&world->events, *event);
		g_free(*event);
		*event = NULL;
	}
}

static bool fire_next(struct memory_world *world, uint64_t until_ns)
{
	struct event *event = g_queue_peek_head(&world->events);
	struct event copy;

	if (event == NULL || event->due_ns > until_ns) {
		return false;
	}
	g_queue_pop_head(&world->events);
	if (event->due_ns > world->now_ns) {
		world->wall_ns += (int64_t)(event->due_ns - world->now_ns);
		world->now_ns = event->due_ns;
	}
	copy = *event;
	g_free(event);
	copy.fire(copy.arg);
	return true;
}

void memory_run(struct memory_world *world)
{
	while (fire_next(world, world->now_ns)) {
	}
}

void memory_advance(struct memory_world *world, uint64_t ns)
{
	uint64_t until_ns = world->now_ns + ns;

	while (fire_next(world, until_ns)) {
	}
	world->wall_ns += (int64_t)(until_ns - world->now_ns);
	world->now_ns = until_ns;
}

uint64_t memory_world_chance(struct memory_world *world, uint64_t below)
{
	/* xorshift64*: quick, and good enough to cut bytes with. */
	world->chance ^= world->chance >> 12;
	world->chance ^= world->chance << 25;
	world->chance ^= world->chance >> 27;
	return (world->chance * UINT64_C(2685821657736338717) >> 11) % below;
}

/* Streams. */

static void poll_stream(void *arg);

static void wake(struct yett_stream *stream)
{
	if (stream != NULL && stream->poll == NULL && !stream->closed) {
		stream->poll = schedule(stream->world, 0, poll_stream, stream);
	}
}

static void free_write(struct write *write)
{
	g_array_free(write->iov, TRUE);
	g_free(write);
}

static void stream_free(struct yett_stream *stream)
{
	if (stream->closed && stream->busy == 0) {
		g_byte_array_free(stream->in, TRUE);
		g_free(stream);
	}
}

static size_t room(const struct yett_stream *stream)
{
	return stream->peer == NULL
		       ? 0
		       : stream->world->window - (stream->peer->in->len - stream->peer->taken);
}

static size_t put(struct yett_stream *stream, const void *bytes, size_t length)
{
	size_t take = MIN(length, room(stream));

	if (take > 0) {
		g_byte_array_append(stream->peer->in, bytes, (guint)take);
		wake(stream->peer);
	}
	return take;
}

static ssize_t stream_try_write(struct yett_stream *stream, const struct iovec *iov, int n)
{
	ssize_t total = 0;

	if (stream->peer == NULL) {
		return YETT_ECLOSED;
	}
	if (!g_queue_is_empty(&stream->writes)) {
		return YETT_EAGAIN;
	}
	for (int i = 0; i < n; i++) {
		size_t took = put(stream, iov[i].iov_base, iov[i].iov_len);

		total += (ssize_t)took;
		if (took < iov[i].iov_len) {
			break;
		}
	}
	return total == 0 ? YETT_EAGAIN : total;
}

static int stream_write(
	struct yett_stream *stream, const struct iovec *iov, int n, yett_done_fn done, void *arg)
{
	struct write *write = g_new0(struct write, 1);

	write->stream = stream;
	write->iov = g_array_new(FALSE, FALSE, sizeof(struct iovec));
	g_array_append_vals(write->iov, iov, (guint)n);
	write->done = done;
	write->arg = arg;
	for (int i = 0; i < n; i++) {
		stream->unsent += iov[i].iov_len;
	}
	g_queue_push_tail(&stream->writes, write);
	wake(stream);
	return 0;
}

/* Moves what there is room for; calls `done` of what is complete. */
static void flush(struct yett_stream *stream)
{
	struct write *write;

	while (!stream->closed && (write = g_queue_peek_head(&stream->writes)) != NULL) {
		int result = stream->peer == NULL ? YETT_ECLOSED : 0;

		while (result == 0 && write->iov->len > 0) {
			struct iovec *piece = &g_array_index(write->iov, struct iovec, 0);
			size_t took = put(stream, (uint8_t *)piece->iov_base + write->done_bytes,
				piece->iov_len - write->done_bytes);

			write->done_bytes += took;
			stream->unsent -= took;
			if (write->done_bytes < piece->iov_len) {
				return;
			}
			write->done_bytes = 0;
			g_array_remove_index(write->iov, 0);
		}
		g_queue_pop_head(&stream->writes);
		write->done(write->arg, result);
		free_write(write);
	}
}

static void corrupt(struct memory_world *world, uint8_t *chunk, size_t length)
{
	if (world->corrupt_in == 0) {
		return;
	}
	if (world->corrupt_in > length) {
		world->corrupt_in -= length;
		return;
	}
	chunk[world->corrupt_in - 1] ^= (uint8_t)(1 << memory_world_chance(world, 8));
	world->corrupt_in = 0;
}

static void deliver(struct yett_stream *stream)
{
	size_t length = stream->in->len - stream->taken;
	struct memory_world *world = stream->world;

	if (stream->read == NULL || stream->closed) {
		return;
	}
	if (length > 0) {
		uint8_t *chunk;

		if (world->chunk_max > 0) {
			size_t most = 1 + memory_world_chance(world, world->chunk_max);

			length = MIN(length, most);
		}
		chunk = g_memdup2(stream->in->data + stream->taken, length);
		stream->taken += length;
		if (stream->taken == stream->in->len) {
			g_byte_array_set_size(stream->in, 0);
			stream->taken = 0;
		}
		corrupt(world, chunk, length);
		wake(stream->peer);
		stream->read(stream->read_arg, 0, chunk, length);
		g_free(chunk);
		wake(stream);
	} else if (stream->peer == NULL && !stream->end_told) {
		stream->end_told = true;
		stream->read(stream->read_arg, YETT_ECLOSED, NULL, 0);
	}
}

static void poll_stream(void *arg)
{
	struct yett_stream *stream = arg;

	stream->poll = NULL;
	stream->busy++;
	flush(stream);
	deliver(stream);
	stream->busy--;
	stream_free(stream);
}

static int stream_read_start(struct yett_stream *stream, yett_read_fn read, void *arg)
{
	stream->read = read;
	stream->read_arg = arg;
	wake(stream);
	return 0;
}

static int stream_read_stop(struct yett_stream *stream)
{
	stream->read = NULL;
	return 0;
}

static size_t stream_unsent(const struct yett_stream *stream)
{
	return stream->unsent;
}

static void stream_close(struct yett_stream *stream)
{
	struct write *write;

	stream->closed = true;
	stream->read = NULL;
	cancel(stream->world, &stream->poll);
	while ((write = g_queue_pop_head(&stream->writes)) != NULL) {
		write->done(write->arg, YETT_ECLOSED);
		free_write(write);
	}
	if (stream->peer != NULL) {
		stream->peer->peer = NULL;
		wake(stream->peer);
		stream->peer = NULL;
	}
	stream->world->open--;
	stream_free(stream);
}

static int stream_addresses(
	struct yett_stream *stream, char *ret_local, char *ret_peer, size_t size)
{
	g_strlcpy(ret_local, stream->local, size);
	g_strlcpy(ret_peer, stream->remote, size);
	return 0;
}

static struct yett_stream *stream_new(
	struct memory_world *world, const char *local, const char *remote)
{
	struct yett_stream *stream = g_new0(struct yett_stream, 1);

	stream->world = world;
	stream->in = g_byte_array_new();
	g_strlcpy(stream->local, local, sizeof(stream->local));
	g_strlcpy(stream->remote, remote, sizeof(stream->remote));
	world->open++;
	return stream;
}

/* Listening and dialling. */

static int host_listen(struct yett_instance *instance, const char *address, yett_accept_fn accept,
	void *arg, struct yett_listener **ret_listener, struct yett_error *error)
{
	struct memory_world *world = from_instance(instance)->world;
	struct yett_listener *listener = g_new0(struct yett_listener, 1);

	(void)error;
	listener->world = world;
	listener->accept = accept;
	listener->arg = arg;
	g_strlcpy(listener->address, address, sizeof(listener->address));
	world->listeners = g_list_prepend(world->listeners, listener);
	world->open++;
	*ret_listener = listener;
	return 0;
}

static void listener_close(struct yett_listener *listener)
{
	listener->world->listeners = g_list_remove(listener->world->listeners, listener);
	listener->world->open--;
	g_free(listener);
}

static int listener_address(struct yett_listener *listener, char *ret_text, size_t size)
{
	g_strlcpy(ret_text, listener->address, size);
	return 0;
}

static void dial_now(void *arg)
{
	struct dial *dial = arg;
	struct memory_world *world = dial->world;
	struct yett_listener *listener = NULL;
	struct yett_stream *here, *there;
	char local[64];

	for (GList *at = world->listeners; at != NULL; at = at->next) {
		if (strcmp(((struct yett_listener *)at->data)->address, dial->address) == 0) {
			listener = at->data;
		}
	}
	if (listener == NULL) {
		dial->connected(dial->arg,
			strcmp(dial->address, "dead:1") == 0 ? YETT_ETIMEOUT : YETT_ECLOSED, NULL);
		g_free(dial);
		return;
	}
	snprintf(local, sizeof(local), "memory:%u", ++world->next_port);
	here = stream_new(world, local, dial->address);
	there = stream_new(world, dial->address, local);
	here->peer = there;
	there->peer = here;
	listener->accept(listener->arg, there);
	dial->connected(dial->arg, 0, here);
	g_free(dial);
}

static int host_connect(struct yett_instance *instance, const char *address, const char *source,
	uint64_t timeout_ns, yett_connect_fn connected, void *arg, struct yett_error *error)
{
	struct memory_world *world = from_instance(instance)->world;
	struct dial *dial = g_new0(struct dial, 1);

	(void)source;
	(void)error;
	dial->world = world;
	dial->connected = connected;
	dial->arg = arg;
	g_strlcpy(dial->address, address, sizeof(dial->address));
	schedule(world, strcmp(address, "dead:1") == 0 ? timeout_ns : 0, dial_now, dial);
	return 0;
}

/* Timers. */

static void fire_timer(void *arg)
{
	struct yett_timer *timer = arg;

	timer->event = NULL;
	timer->fire(timer->arg);
}

static struct yett_timer *timer_new(struct yett_instance *instance, yett_timer_fn fire, void *arg)
{
	struct yett_timer *timer = g_new0(struct yett_timer, 1);

	timer->world = from_instance(instance)->world;
	timer->fire = fire;
	timer->arg = arg;
	timer->world->open++;
	return timer;
}

static void timer_stop(struct yett_timer *timer)
{
	cancel(timer->world, &timer->event);
}

static void timer_start(struct yett_timer *timer, uint64_t delay_ns)
{
	timer_stop(timer);
	timer->event = schedule(timer->world, delay_ns, fire_timer, timer);
}

static void timer_free(struct yett_timer *timer)
{
	timer_stop(timer);
	timer->world->open--;
	g_free(timer);
}

/* The rest of the table. */

static void host_log(
	struct yett_instance *instance, int level, const char *event, const char *format, ...)
{
	struct memory_host *host = from_instance(instance);
	size_t length;
	va_list args;

	host->logged[level]++;
	g_strlcpy(host->last, event, sizeof(host->last));
	g_strlcat(host->last, ": ", sizeof(host->last));
	length = strlen(host->last);
	va_start(args, format);
	vsnprintf(host->last + length, sizeof(host->last) - length, format, args);
	va_end(args);
}

static uint64_t host_monotonic(struct yett_instance *instance)
{
	return from_instance(instance)->world->now_ns;
}

static int64_t host_wall(struct yett_instance *instance)
{
	return from_instance(instance)->world->wall_ns;
}

static void host_random(struct yett_instance *instance, void *ret_bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		((uint8_t *)ret_bytes)[i] =
			(uint8_t)memory_world_chance(from_instance(instance)->world, 256);
	}
}

static void host_metric(struct yett_instance *instance, uint32_t index, int64_t value)
{
	struct memory_host *host = from_instance(instance);

	if (host->module == NULL || host->module->metrics == NULL || index >= METRICS) {
		return;
	}
	if (host->module->metrics[index].type == YETT_METRIC_GAUGE) {
		host->metrics[index] = value;
	} else {
		host->metrics[index] += value;
	}
}

static struct yett_error *host_error_blank(struct yett_instance *instance)
{
	instance->error = (struct yett_error)YETT_ERROR_INIT;
	return &instance->error;
}

struct yett_host *memory_host_new(struct memory_world *world, const struct yett_module *module)
{
	struct memory_host *host = g_new0(struct memory_host, 1);

	yett_host_fill(&host->host, NULL, NULL);
	host->world = world;
	host->module = module;
	host->host.instance = &host->instance;
	host->host.log = host_log;
	host->host.monotonic_ns = host_monotonic;
	host->host.wall_ns = host_wall;
	host->host.random_bytes = host_random;
	host->host.metric = host_metric;
	host->host.listen = host_listen;
	host->host.listener_close = listener_close;
	host->host.listener_address = listener_address;
	host->host.connect = host_connect;
	host->host.stream_read_start = stream_read_start;
	host->host.stream_read_stop = stream_read_stop;
	host->host.stream_try_write = stream_try_write;
	host->host.stream_write = stream_write;
	host->host.stream_unsent = stream_unsent;
	host->host.stream_close = stream_close;
	host->host.stream_addresses = stream_addresses;
	host->host.timer_new = timer_new;
	host->host.timer_start = timer_start;
	host->host.timer_stop = timer_stop;
	host->host.timer_free = timer_free;
	host->host.error_blank = host_error_blank;
	world->open++;
	return &host->host;
}

void memory_host_free(struct yett_host *host)
{
	struct memory_host *memory = from_instance(host->instance);

	memory->world->open--;
	g_free(memory);
}

size_t memory_host_logged(const struct yett_host *host, int level)
{
	size_t count = 0;

	for (int i = 0; i <= level; i++) {
		count += from_instance(host->instance)->logged[i];
	}
	return count;
}

const char *memory_host_last(const struct yett_host *host)
{
	return from_instance(host->instance)->last;
}

int64_t memory_host_metric(const struct yett_host *host, uint32_t index)
{
	return from_instance(host->instance)->metrics[index];
}

/* The world. */

struct memory_world *memory_world_new(uint64_t seed)
{
	struct memory_world *world = g_new0(struct memory_world, 1);

	world->chance = seed * 2 + 1;
	world->window = WINDOW;
	world->now_ns = YETT_SEC;
	world->wall_ns = yett_clock_wall(&yett_clock_system);
	g_queue_init(&world->events);
	return world;
}

size_t memory_world_open(const struct memory_world *world)
{
	return world->open;
}

size_t memory_world_free(struct memory_world *world)
{
	size_t open = world->open;

	g_queue_clear_full(&world->events, g_free);
	g_list_free(world->listeners);
	g_free(world);
	return open;
}

void memory_world_limits(struct memory_world *world, size_t chunk_max, size_t window)
{
	world->chunk_max = chunk_max;
	world->window = window > 0 ? window : WINDOW;
}

void memory_world_set_wall(struct memory_world *world, int64_t wall_ns)
{
	world->wall_ns = wall_ns;
}

void memory_world_corrupt(struct memory_world *world, uint64_t nth_byte)
{
	world->corrupt_in = nth_byte;
}

uint64_t memory_world_now(const struct memory_world *world)
{
	return world->now_ns;
}
