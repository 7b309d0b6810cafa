/* The simulated world.
 *
 * Responsible for virtual time (a list of events, in order of time and of making), for loops whose
 * posts and timers are such events. Not responsible for the network (network.c), for disks (disk.c) nor
 * for what is tested. One thread; the same seed gives the same run. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_WALL_NS INT64_C(1767225600000000000) /* 2026-01-01 */

struct event {
	uint64_t at_ns, order;
	struct sim_loop *loop; /* NULL: the world's own */
	void (*fn)(void *arg);
	void *arg;
};

struct yett_timer {
	struct sim_loop *loop;
	yett_timer_fn fire;
	void *arg;
	uint64_t generation;
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

uint64_t sim_trace(const struct sim *sim)
{
	uint64_t trace = sim->state;

	trace = trace * UINT64_C(6364136223846793005) + sim->order;
	return trace * UINT64_C(6364136223846793005) + sim->now_ns;
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

void sim_event(
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
	if (event.loop != NULL && event.loop->stalled_until_ns > sim->now_ns) {
		sim_event(sim, event.loop, event.loop->stalled_until_ns, event.fn, event.arg);
		return true;
	}
	event.fn(event.arg);
	if (sim->after_wanted) {
		sim->after_wanted = false;
		sim->after(sim->after_arg);
	}
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

	uint64_t at_ns = loop->sim->now_ns;

	if (loop->slow_ns > 0 && !loop->mute) {
		at_ns += sim_random(loop->sim) % loop->slow_ns;
		at_ns = at_ns > loop->posted_ns ? at_ns : loop->posted_ns;
		loop->posted_ns = at_ns;
	}
	sim_event(loop->sim, loop, at_ns, post->fn, post->arg);
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
	sim_event(timer->loop->sim, timer->loop, timer->loop->sim->now_ns + delay_ns, fire, firing);
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
			if (event->fn == fire) {
				g_free(event->arg);
			} else if (event->fn == sim_dialled) {
				sim_dial_forget(event->arg);
			}
			continue;
		}
		/* Order is part of the event: keep it. */
		{
			uint64_t order = sim->order;

			sim->order = event->order;
			sim_event(sim, event->loop, event->at_ns, event->fn, event->arg);
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

static const struct yett_loop_table table = {
	.clock = loop_clock,
	.post = loop_post,
	.timer_new = timer_new,
	.timer_start = timer_start,
	.timer_stop = timer_stop,
	.timer_free = timer_free,
	.listen = sim_listen,
	.listener_close = sim_listener_close,
	.listener_address = sim_listener_address,
	.connect = sim_connect,
	.stream_read_start = sim_stream_read_start,
	.stream_read_stop = sim_stream_read_stop,
	.stream_try_write = sim_stream_try_write,
	.stream_write = sim_stream_write,
	.stream_unsent = sim_stream_unsent,
	.stream_close = sim_stream_close,
	.stream_addresses = sim_stream_addresses,
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

/* What was put off by a stall comes now. */
static void hurry_posts(struct sim *sim, const struct sim_loop *loop)
{
	GArray *old = sim->heap;
	uint64_t order = sim->order;

	sim->heap = g_array_new(FALSE, FALSE, sizeof(struct event));
	for (guint i = 0; i < old->len; i++) {
		struct event *event = &g_array_index(old, struct event, i);
		bool post = event->loop == loop && event->fn != fire && event->fn != sim_dialled;

		sim->order = event->order;
		sim_event(
			sim, event->loop, post ? sim->now_ns : event->at_ns, event->fn, event->arg);
	}
	sim->order = order;
	g_array_free(old, TRUE);
}

void sim_loop_settle(struct yett_loop *base)
{
	struct sim_loop *loop = (struct sim_loop *)base;

	if (loop->stalled_until_ns > loop->sim->now_ns || loop->posted_ns > loop->sim->now_ns) {
		loop->stalled_until_ns = 0;
		loop->posted_ns = 0;
		hurry_posts(loop->sim, loop);
	}
	loop->slow_ns = 0;
	sim_run(loop->sim, loop->sim->now_ns);
}

/* Posts that are due run first: memory is freed by them. */
void sim_loop_free(struct yett_loop *base)
{
	struct sim_loop *loop = (struct sim_loop *)base;
	struct sim *sim = loop->sim;

	sim_loop_settle(base);
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

void sim_loop_slow(struct yett_loop *base, uint64_t most_ns)
{
	((struct sim_loop *)base)->slow_ns = most_ns;
}

void sim_loop_stall(struct yett_loop *base, uint64_t for_ns)
{
	struct sim_loop *loop = (struct sim_loop *)base;

	/* One that is shorter than what is left of another changes nothing: what that put off waits for its
	 * end. */
	loop->stalled_until_ns = MAX(loop->stalled_until_ns, loop->sim->now_ns + for_ns);
}

void sim_at(struct sim *sim, uint64_t at_ns, void (*fn)(void *arg), void *arg)
{
	sim_event(sim, NULL, at_ns, fn, arg);
}

void sim_loop_mute(struct yett_loop *base, bool power)
{
	struct sim_loop *loop = (struct sim_loop *)base;

	loop->mute = true;
	loop->silent = loop->silent || power;
}

void sim_after(struct sim *sim, void (*fn)(void *arg), void *arg)
{
	sim->after = fn;
	sim->after_arg = arg;
}

void sim_after_this(struct sim *sim)
{
	sim->after_wanted = sim->after != NULL;
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
	sim_run(sim, sim->now_ns + 60 * YETT_SEC); /* what a stall put off still holds streams */
	YETT_REQUIRE(sim->loops->len == 0 && sim->streams->len == 0);
	g_array_free(sim->heap, TRUE);
	g_ptr_array_free(sim->loops, TRUE);
	g_ptr_array_free(sim->streams, TRUE);
	g_ptr_array_free(sim->listeners, TRUE);
	g_hash_table_unref(sim->cuts);
	g_free(sim);
}
