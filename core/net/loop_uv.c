/* The production loop, on libuv: time, timers, posts and signals.
 *
 * Responsible for running callbacks on one thread, for posts from other threads (in order, never
 * lost: a list under a mutex and one wake-up), and for one-shot timers. Streams are in stream_uv.c,
 * dialling in connect_uv.c. A handle that its owner gives back is freed in libuv's close callback,
 * later. At the end, what nobody gave back is reported as a bug. */
#include "uv.h"

#include <stdlib.h>
#include <string.h>

#include "../base/log.h"

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
	loop->open++;
	return timer;
}

static void timer_start(struct yett_timer *timer, uint64_t delay_ns)
{
	uv_update_time(&timer->loop->uv);
	uv_timer_start(&timer->uv, fire, (delay_ns + YETT_MS - 1) / YETT_MS, 0);
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
		timer->loop->open--;
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
	if (result != 0) {
		free(loop);
		return yett_fail(error, yett_result_from_errno(result),
			"raise the limit of open files", "the loop could not be made: %s",
			uv_strerror(result));
	}
	loop->loop.table = &table;
	pthread_mutex_init(&loop->mutex, NULL);
	uv_async_init(&loop->uv, &loop->async, run_posts);
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

void yett_loop_uv_free(struct yett_loop *base)
{
	struct yett_uv_loop *loop = (struct yett_uv_loop *)base;

	run_posts(&loop->async);
	for (unsigned i = 0; i < loop->signal_count; i++) {
		uv_close((uv_handle_t *)&loop->signals[i], NULL);
	}
	uv_close((uv_handle_t *)&loop->async, NULL);
	if (loop->open == 0) {
		uv_run(&loop->uv, UV_RUN_DEFAULT);
	}
	if (YETT_BUG_IF(loop->open != 0 || uv_loop_close(&loop->uv) != 0)) {
		return; /* leak rather than free what is in use */
	}
	pthread_mutex_destroy(&loop->mutex);
	free(loop);
}

struct signal_handler {
	void (*fn)(void *arg, int signum);
	void *arg;
};

static void on_signal(uv_signal_t *handle, int signum)
{
	struct signal_handler *handler = handle->data;

	handler->fn(handler->arg, signum);
}

int yett_loop_uv_signal(
	struct yett_loop *base, int signum, void (*fn)(void *arg, int signum), void *arg)
{
	struct yett_uv_loop *loop = (struct yett_uv_loop *)base;
	static struct signal_handler handlers[8]; /* signals are the process's */
	uv_signal_t *handle;

	YETT_REQUIRE(loop->signal_count < 8);
	handle = &loop->signals[loop->signal_count];
	handlers[loop->signal_count] = (struct signal_handler){fn, arg};
	handle->data = &handlers[loop->signal_count];
	loop->signal_count++;
	uv_signal_init(&loop->uv, handle);
	return uv_signal_start(handle, on_signal, signum) == 0 ? 0 : YETT_EINVAL;
}
