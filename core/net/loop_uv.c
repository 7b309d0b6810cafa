/* The production loop, on libuv: time, timers, posts and signals.
 *
 * Responsible for running callbacks on one thread, for posts from other threads (in order, never
 * lost: a list under a mutex and one wake-up), and for one-shot timers, which may be late but never
 * early. Streams are in stream_uv.c, listening in listen_uv.c, dialling in connect_uv.c. A handle that
 * its owner gives back is freed in libuv's close callback, later. At the end, what nobody gave back is
 * reported as a bug and left behind, as is a look-up of a name that does not come back. */
#include "uv.h"

#include <stdlib.h>
#include <string.h>

#include "../base/log.h"

#define RESOLVER_PATIENCE_MS 2000

struct yett_timer {
	uv_timer_t uv;
	struct yett_uv_loop *loop;
	yett_timer_fn fire;
	void *arg;
};

static const struct yett_clock *loop_clock(struct yett_loop *loop)
{
	(void)loop;
	return &yett_clock_system;
}

static void run_posts(uv_async_t *async)
{
	struct yett_uv_loop *loop = async->data;
	struct yett_post *post;

	pthread_mutex_lock(&loop->mutex);
	post = loop->posts_head;
	loop->posts_head = loop->posts_tail = NULL;
	pthread_mutex_unlock(&loop->mutex);
	while (post != NULL) {
		struct yett_post *next = post->next; /* the post may be used again at once */

		post->fn(post->arg);
		post = next;
	}
}

static void loop_post(struct yett_loop *base, struct yett_post *post)
{
	struct yett_uv_loop *loop = (struct yett_uv_loop *)base;

	post->next = NULL;
	pthread_mutex_lock(&loop->mutex);
	if (loop->posts_tail != NULL) {
		loop->posts_tail->next = post;
	} else {
		loop->posts_head = post;
	}
	loop->posts_tail = post;
	pthread_mutex_unlock(&loop->mutex);
	uv_async_send(&loop->async);
}

static void fire(uv_timer_t *uv)
{
	struct yett_timer *timer = uv->data;

	timer->fire(timer->arg);
}

static struct yett_timer *timer_new(struct yett_loop *base, yett_timer_fn fn, void *arg)
{
	struct yett_uv_loop *loop = (struct yett_uv_loop *)base;
	struct yett_timer *timer = calloc(1, sizeof(*timer));

	YETT_REQUIRE(timer != NULL);
	timer->loop = loop;
	timer->fire = fn;
	timer->arg = arg;
	uv_timer_init(&loop->uv, &timer->uv);
	timer->uv.data = timer;
	loop->timers++;
	return timer;
}

static void timer_start(struct yett_timer *timer, uint64_t delay_ns)
{
	/* libuv counts whole milliseconds of a clock that it cuts off: one more, so as never to fire
	 * before the time. */
	uv_update_time(&timer->loop->uv);
	uv_timer_start(&timer->uv, fire, delay_ns == 0 ? 0 : (delay_ns - 1) / YETT_MS + 2, 0);
}

static void timer_stop(struct yett_timer *timer)
{
	uv_timer_stop(&timer->uv);
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void timer_free(struct yett_timer *timer)
{
	if (timer != NULL) {
		timer->loop->timers--;
		uv_close((uv_handle_t *)&timer->uv, timer_closed);
	}
}

static const struct yett_loop_table table = {
	.clock = loop_clock,
	.post = loop_post,
	.timer_new = timer_new,
	.timer_start = timer_start,
	.timer_stop = timer_stop,
	.timer_free = timer_free,
	.listen = yett_uv_listen,
	.listener_close = yett_uv_listener_close,
	.listener_address = yett_uv_listener_address,
	.connect = yett_uv_connect,
	.stream_read_start = yett_uv_stream_read_start,
	.stream_read_stop = yett_uv_stream_read_stop,
	.stream_try_write = yett_uv_stream_try_write,
	.stream_write = yett_uv_stream_write,
	.stream_unsent = yett_uv_stream_unsent,
	.stream_close = yett_uv_stream_close,
	.stream_addresses = yett_uv_stream_addresses,
};

int yett_loop_uv_new(struct yett_loop **ret_loop, struct yett_error *error)
{
	struct yett_uv_loop *loop = calloc(1, sizeof(*loop));
	int result;

	if (loop == NULL) {
		return yett_fail(error, YETT_ENOMEM, NULL, "no memory for the loop");
	}
	result = uv_loop_init(&loop->uv);
	if (result == 0) {
		result = uv_async_init(&loop->uv, &loop->async, run_posts);
		if (result != 0) {
			uv_loop_close(&loop->uv);
		}
	}
	if (result != 0) {
		free(loop);
		return yett_fail(error, yett_result_from_errno(result),
			"raise the limit of open files", "the loop could not be made: %s",
			uv_strerror(result));
	}
	loop->loop.table = &table;
	pthread_mutex_init(&loop->mutex, NULL);
	loop->async.data = loop;
	*ret_loop = &loop->loop;
	return 0;
}

void yett_loop_uv_run(struct yett_loop *base)
{
	uv_run(&((struct yett_uv_loop *)base)->uv, UV_RUN_DEFAULT);
}

void yett_loop_uv_stop(struct yett_loop *base)
{
	uv_stop(&((struct yett_uv_loop *)base)->uv);
}

static void set_flag(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
	uv_stop(timer->loop);
}

static void set_closed(uv_handle_t *handle)
{
	*(bool *)handle->data = true;
}

/* Lets libuv call its close callbacks. A look-up in a dead name service cannot be cancelled: after
 * some patience it is left behind; false then. */
static bool wind_down(struct yett_uv_loop *loop)
{
	uv_timer_t patience;
	bool over = false, closed = false;

	uv_timer_init(&loop->uv, &patience);
	patience.data = &over;
	uv_timer_start(&patience, set_flag, RESOLVER_PATIENCE_MS, 0);
	uv_unref((uv_handle_t *)&patience);
	while (!over && uv_loop_alive(&loop->uv)) {
		uv_run(&loop->uv, UV_RUN_DEFAULT);
	}
	patience.data = &closed;
	uv_close((uv_handle_t *)&patience, set_closed);
	while (!closed) {
		uv_run(&loop->uv, UV_RUN_NOWAIT);
	}
	return loop->resolving == 0;
}

void yett_loop_uv_free(struct yett_loop *base)
{
	struct yett_uv_loop *loop = (struct yett_uv_loop *)base;

	yett_uv_connect_abandon(loop);
	while (loop->posts_head != NULL) {
		run_posts(&loop->async);
	}
	for (unsigned i = 0; i < loop->signal_count; i++) {
		uv_close((uv_handle_t *)&loop->signals[i].uv, NULL);
	}
	uv_close((uv_handle_t *)&loop->async, NULL);
	if (YETT_BUG_IF(loop->timers != 0) || YETT_BUG_IF(loop->streams != 0) ||
		YETT_BUG_IF(loop->listeners != 0)) {
		return; /* leak rather than free what is in use */
	}
	if (!wind_down(loop)) {
		yett_log(YETT_LOG_WARNING, "lookup-left-behind",
			"the name service does not answer; a look-up is left behind");
		return;
	}
	if (YETT_BUG_IF(uv_loop_close(&loop->uv) != 0)) {
		return;
	}
	pthread_mutex_destroy(&loop->mutex);
	free(loop);
}

static void on_signal(uv_signal_t *uv, int signum)
{
	struct yett_uv_signal *handler = uv->data;

	handler->fn(handler->arg, signum);
}

int yett_loop_uv_signal(
	struct yett_loop *base, int signum, void (*fn)(void *arg, int signum), void *arg)
{
	struct yett_uv_loop *loop = (struct yett_uv_loop *)base;
	struct yett_uv_signal *handler;

	YETT_REQUIRE(loop->signal_count < YETT_UV_SIGNALS_MAX);
	handler = &loop->signals[loop->signal_count++];
	handler->fn = fn;
	handler->arg = arg;
	handler->uv.data = handler;
	uv_signal_init(&loop->uv, &handler->uv);
	return uv_signal_start(&handler->uv, on_signal, signum) == 0 ? 0 : YETT_EINVAL;
}
