/* The simulated world.
 *
 * Responsible for virtual time (a list of events, in order of time and of making), for loops whose
 * posts and timers are such events, and for byte streams between hosts with delay, cuts and breaks.
 * One thread; the same seed gives the same run. Not responsible for disks (tests/unit/files-faulty)
 * nor for what is tested. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_WALL_NS INT64_C(1767225600000000000) /* 2026-01-01 */
#define WINDOW_BYTES  (256 * 1024) /* unread bytes that a stream may have under way */

struct event {
	uint64_t at_ns, order;
	struct sim_loop *loop; /* NULL: the world's own */
	void (*fn)(void *arg);
	void *arg;
};

struct sim {
	uint64_t now_ns, order, state;
	GArray *heap; /* struct event */
	GPtrArray *loops, *streams, *listeners;
	GHashTable *cuts; /* "from>to" */
	uint64_t delay_min_ns, delay_max_ns;
};

struct sim_loop {
	struct yett_loop loop; /* first */
	struct sim *sim;
	char host[64];
	struct yett_clock clock;
	int64_t wall_offset_ns;
	unsigned open;
};

struct yett_timer {
	struct sim_loop *loop;
	yett_timer_fn fire;
	void *arg;
	uint64_t generation;
};

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

uint64_t sim_now(const struct sim *sim)
{
	return sim->now_ns;
}

uint64_t sim_random(struct sim *sim)
{
	/* splitmix64 */
	uint64_t z = (sim->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Events: a binary heap. */

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void swap(struct event *a, struct event *b)
{
	struct event c = *a;

	*a = *b;
	*b = c;
}

static void add_event(
	struct sim *sim, struct sim_loop *loop, uint64_t at_ns, void (*fn)(void *arg), void *arg)
{
	struct event event = {at_ns, sim->order++, loop, fn, arg};
	struct event *heap;
	guint i = sim->heap->len;

	g_array_append_val(sim->heap, event);
	heap = (struct event *)(void *)sim->heap->data;
	for (; i > 0 && before(&heap[i], &heap[(i - 1) / 2]); i = (i - 1) / 2) {
		swap(&heap[i], &heap[(i - 1) / 2]);
	}
}

static struct event take_event(struct sim *sim)
{
	struct event *heap = (struct event *)(void *)sim->heap->data;
	struct event first = heap[0];
	guint n = sim->heap->len - 1, i = 0;

	heap[0] = heap[n];
	g_array_set_size(sim->heap, n);
	for (;;) {
		guint least = i, left = 2 * i + 1, right = 2 * i + 2;

		if (left < n && before(&heap[left], &heap[least])) {
			least = left;
		}
		if (right < n && before(&heap[right], &heap[least])) {
			least = right;
		}
		if (least == i) {
			return first;
		}
		swap(&heap[i], &heap[least]);
		i = least;
	}
}

static bool step(struct sim *sim, uint64_t until_ns)
{
	struct event event;

	if (sim->heap->len == 0 || g_array_index(sim->heap, struct event, 0).at_ns > until_ns) {
		return false;
	}
	event = take_event(sim);
	sim->now_ns = event.at_ns;
	event.fn(event.arg);
	return true;
}

void sim_run(struct sim *sim, uint64_t until_ns)
{
	while (step(sim, until_ns)) {
	}
	sim->now_ns = until_ns > sim->now_ns ? until_ns : sim->now_ns;
}

bool sim_run_until(struct sim *sim, bool (*condition)(void *arg), void *arg, uint64_t for_ns)
{
	uint64_t until_ns = sim->now_ns + for_ns;

	while (!condition(arg)) {
		if (!step(sim, until_ns)) {
			return false;
		}
	}
	return true;
}

/* Clocks. */

static uint64_t clock_monotonic(void *arg)
{
	return ((struct sim_loop *)arg)->sim->now_ns;
}

static int64_t clock_wall(void *arg)
{
	struct sim_loop *loop = arg;

	return START_WALL_NS + (int64_t)loop->sim->now_ns + loop->wall_offset_ns;
}

static void clock_random(void *arg, void *ret_bytes, size_t length)
{
	struct sim_loop *loop = arg;
	uint8_t *at = ret_bytes;

	while (length > 0) {
		uint64_t value = sim_random(loop->sim);
		size_t n = length < sizeof(value) ? length : sizeof(value);

		memcpy(at, &value, n);
		at += n;
		length -= n;
	}
}

static const struct yett_clock *loop_clock(struct yett_loop *loop)
{
	return &((struct sim_loop *)loop)->clock;
}

/* Posts and timers. */

static void loop_post(struct yett_loop *base, struct yett_post *post)
{
	struct sim_loop *loop = (struct sim_loop *)base;

	add_event(loop->sim, loop, loop->sim->now_ns, post->fn, post->arg);
}

static struct yett_timer *timer_new(struct yett_loop *base, yett_timer_fn fire, void *arg)
{
	struct yett_timer *timer = g_new0(struct yett_timer, 1);

	timer->loop = (struct sim_loop *)base;
	timer->fire = fire;
	timer->arg = arg;
	timer->loop->open++;
	return timer;
}

struct firing {
	struct yett_timer *timer;
	uint64_t generation;
};

static void dialled(void *arg);

static void fire(void *arg)
{
	struct firing *firing = arg;
	struct yett_timer *timer = firing->timer;
	bool due = timer->generation == firing->generation;

	g_free(firing);
	if (due) {
		timer->generation++;
		timer->fire(timer->arg);
	}
}

static void timer_start(struct yett_timer *timer, uint64_t delay_ns)
{
	struct firing *firing = g_new0(struct firing, 1);

	firing->timer = timer;
	firing->generation = ++timer->generation;
	add_event(timer->loop->sim, timer->loop, timer->loop->sim->now_ns + delay_ns, fire, firing);
}

static void timer_stop(struct yett_timer *timer)
{
	timer->generation++;
}

/* Drops events that refer to something that goes. */
static void forget(struct sim *sim, bool (*match)(const struct event *event, void *arg), void *arg)
{
	GArray *old = sim->heap;

	sim->heap = g_array_new(FALSE, FALSE, sizeof(struct event));
	for (guint i = 0; i < old->len; i++) {
		struct event *event = &g_array_index(old, struct event, i);

		if (match(event, arg)) {
			if (event->fn == fire || event->fn == dialled) {
				g_free(event->arg);
			}
			continue;
		}
		/* Order is part of the event: keep it. */
		{
			uint64_t order = sim->order;

			sim->order = event->order;
			add_event(sim, event->loop, event->at_ns, event->fn, event->arg);
			sim->order = order;
		}
	}
	g_array_free(old, TRUE);
}

static bool is_of_timer(const struct event *event, void *arg)
{
	return event->fn == fire && ((struct firing *)event->arg)->timer == arg;
}

static void timer_free(struct yett_timer *timer)
{
	if (timer != NULL) {
		forget(timer->loop->sim, is_of_timer, timer);
		timer->loop->open--;
		g_free(timer);
	}
}

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
	add_event(stream->sim, NULL, stream->sim->now_ns, drain_reads, stream);
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
	add_event(to->sim, NULL, at_ns, arrive, arrival);
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

static int stream_read_start(struct yett_stream *stream, yett_read_fn read, void *arg)
{
	stream->read = read;
	stream->read_arg = arg;
	stream->reading = true;
	wake(stream);
	return 0;
}

static int stream_read_stop(struct yett_stream *stream)
{
	stream->reading = false;
	return 0;
}

static ssize_t stream_try_write(struct yett_stream *stream, const struct iovec *iov, int n)
{
	struct chunk *chunk;

	if (stream->closed || stream->broken) {
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

	if (stream->done != NULL && !stream->closed) {
		yett_done_fn done = stream->done;

		stream->done = NULL;
		done(stream->done_arg, 0);
	}
	stream_unref(stream);
}

static int stream_write(
	struct yett_stream *stream, const struct iovec *iov, int n, yett_done_fn done, void *arg)
{
	if (stream->closed || stream->broken || stream->waiting != NULL || stream->done != NULL) {
		return YETT_ECLOSED;
	}
	stream->done = done;
	stream->done_arg = arg;
	if (stream->under_way < WINDOW_BYTES && stream_try_write(stream, iov, n) >= 0) {
		stream->references++;
		add_event(stream->sim, NULL, stream->sim->now_ns, write_done, stream);
		return 0;
	}
	stream->waiting = chunk_of(iov, n);
	return 0;
}

static size_t stream_unsent(const struct yett_stream *stream)
{
	return stream->waiting != NULL ? stream->waiting->length : 0;
}

static void stream_close(struct yett_stream *stream)
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
		if (!is_cut(stream->sim, stream->loop->host, stream->peer_host)) {
			push(other, NULL);
		}
		stream_unref(other);
		stream_unref(stream);
	}
	stream->loop->open--;
	stream_unref(stream);
}

static int stream_addresses(
	struct yett_stream *stream, char *ret_local, char *ret_peer, size_t size)
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

static int sim_listen(struct yett_loop *base, const char *address, yett_accept_fn accept, void *arg,
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

static void listener_close(struct yett_listener *listener)
{
	g_ptr_array_remove(listener->loop->sim->listeners, listener);
	listener->loop->open--;
	g_free(listener);
}

static int listener_address(struct yett_listener *listener, char *ret_text, size_t size)
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

static void dialled(void *arg)
{
	struct dialling *dialling = arg;
	struct sim *sim = dialling->loop->sim;
	struct yett_listener *found = NULL;
	struct yett_stream *near, *far;

	for (guint i = 0; i < sim->listeners->len; i++) {
		struct yett_listener *listener = sim->listeners->pdata[i];

		if (strcmp(listener->address, dialling->address) == 0) {
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

static int sim_connect(struct yett_loop *base, const char *address, const char *source,
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
	add_event(loop->sim, loop, loop->sim->now_ns + 2 * delay(loop->sim), dialled, dialling);
	return 0;
}

static const struct yett_loop_table table = {
	.clock = loop_clock,
	.post = loop_post,
	.timer_new = timer_new,
	.timer_start = timer_start,
	.timer_stop = timer_stop,
	.timer_free = timer_free,
	.listen = sim_listen,
	.listener_close = listener_close,
	.listener_address = listener_address,
	.connect = sim_connect,
	.stream_read_start = stream_read_start,
	.stream_read_stop = stream_read_stop,
	.stream_try_write = stream_try_write,
	.stream_write = stream_write,
	.stream_unsent = stream_unsent,
	.stream_close = stream_close,
	.stream_addresses = stream_addresses,
};

struct yett_loop *sim_loop_new(struct sim *sim, const char *host)
{
	struct sim_loop *loop = g_new0(struct sim_loop, 1);

	loop->loop.table = &table;
	loop->sim = sim;
	g_strlcpy(loop->host, host, sizeof(loop->host));
	loop->clock = (struct yett_clock){clock_monotonic, clock_wall, clock_random, loop};
	g_ptr_array_add(sim->loops, loop);
	return &loop->loop;
}

static bool is_of_loop(const struct event *event, void *arg)
{
	return event->loop == arg;
}

/* Posts that are due run first: memory is freed by them. */
void sim_loop_free(struct yett_loop *base)
{
	struct sim_loop *loop = (struct sim_loop *)base;
	struct sim *sim = loop->sim;

	sim_run(sim, sim->now_ns);
	forget(sim, is_of_loop, loop);
	YETT_REQUIRE(loop->open == 0);
	g_ptr_array_remove(sim->loops, loop);
	g_free(loop);
}

const struct yett_clock *sim_loop_clock(struct yett_loop *loop)
{
	return &((struct sim_loop *)loop)->clock;
}

void sim_loop_wall_offset(struct yett_loop *loop, int64_t offset_ns)
{
	((struct sim_loop *)loop)->wall_offset_ns = offset_ns;
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

struct sim *sim_new(uint64_t seed)
{
	struct sim *sim = g_new0(struct sim, 1);

	sim->now_ns = 1000 * YETT_SEC;
	sim->state = seed;
	sim->heap = g_array_new(FALSE, FALSE, sizeof(struct event));
	sim->loops = g_ptr_array_new();
	sim->streams = g_ptr_array_new();
	sim->listeners = g_ptr_array_new();
	sim->cuts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	sim_delay(sim, 100000, 300000);
	return sim;
}

void sim_free(struct sim *sim)
{
	sim_run(sim, sim->now_ns + YETT_SEC);
	YETT_REQUIRE(sim->loops->len == 0 && sim->streams->len == 0);
	g_array_free(sim->heap, TRUE);
	g_ptr_array_free(sim->loops, TRUE);
	g_ptr_array_free(sim->streams, TRUE);
	g_ptr_array_free(sim->listeners, TRUE);
	g_hash_table_unref(sim->cuts);
	g_free(sim);
}
