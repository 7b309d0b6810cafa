/* Sources: the threads on which source modules tell of this computer.
 *
 * Responsible for one thread for each configured source, for starting it again where it cannot start, for
 * handing over what it has cut, and what has waited as long as its lane lingers, and for sources that a reload
 * changes. Not responsible for numbers (origin.c), for what the threads run (sink.c) nor for what a source
 * reads. On the loop. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../base/buffer.h"
#include "../base/log.h"
#include "../conf/load.h"
#include "feed.h"

#define PLAIN_MAX (960 * 1024)
#define JOIN_S    2 /* for so long the loop waits for a thread that is to end */

static void kept(struct yett_keep *keep, int result)
{
	feed_t *feed = keep->owner;

	(void)result;
	pthread_mutex_lock(&feed->mutex);
	feed->outstanding--;
	pthread_cond_signal(&feed->room);
	if (feed->outstanding < YETT_FEED_OUTSTANDING_MAX) {
		yett_feed_call_loop(feed); /* a lane may be due that could not be cut before */
	}
	pthread_mutex_unlock(&feed->mutex);
}

/* Cuts what is due and returns when the next lane is (0: none). Under the mutex. */
static uint64_t cut_due(feed_t *feed, uint64_t now_ns)
{
	uint64_t next_ns = 0;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		uint64_t due_ns = feed->due_ns[lane];

		if (due_ns == 0) {
			continue;
		}
		if (due_ns <= now_ns || feed->finished) {
			if (yett_feed_may_cut(feed) &&
				feed->outstanding < YETT_FEED_OUTSTANDING_MAX) {
				yett_feed_cut(feed, lane);
			}
		} else if (next_ns == 0 || due_ns < next_ns) {
			next_ns = due_ns;
		}
	}
	return next_ns;
}

static bool is_idle(feed_t *feed)
{
	bool idle;

	pthread_mutex_lock(&feed->mutex);
	idle = feed->finished && feed->outstanding == 0 && !feed->posted;
	for (uint32_t lane = 0; idle && yett_feed_may_cut(feed) && lane < YETT_LANES; lane++) {
		idle = yett_payload_count(feed->payloads[lane]) == 0;
	}
	pthread_mutex_unlock(&feed->mutex);
	return idle;
}

static void join(feed_t *feed)
{
	if (feed->running) {
		pthread_join(feed->thread, NULL);
		feed->running = false;
	}
}

/* The last of it: not before a post that is on its way has come. */
static void feed_free_rest(feed_t *feed)
{
	pthread_mutex_destroy(&feed->mutex);
	pthread_cond_destroy(&feed->room);
	g_free(feed);
}

static void feed_free(feed_t *feed)
{
	join(feed);
	if (feed->instance != NULL) {
		yett_instance_free(feed->instance);
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		yett_payload_free(feed->payloads[lane]);
	}
	if (feed->timer != NULL) {
		feed->node->loop->table->timer_free(feed->timer);
	}
	if (feed->wake_fd >= 0) {
		close(feed->wake_fd);
	}
	if (feed->posted) {
		feed->freed = true; /* the loop outlives the node and calls once more */
	} else {
		feed_free_rest(feed);
	}
}

static void start(feed_t *feed);

static void attend(void *arg)
{
	feed_t *feed = arg;
	uint64_t now_ns = yett_now(feed->node), next_ns;
	struct cut *cuts;

	pthread_mutex_lock(&feed->mutex);
	next_ns = cut_due(feed, now_ns);
	cuts = feed->cuts_head;
	feed->cuts_head = feed->cuts_tail = NULL;
	pthread_mutex_unlock(&feed->mutex);
	while (cuts != NULL) {
		struct cut *this = cuts;

		cuts = this->next;
		yett_origin_submit(feed->node, &this->batch, feed->name,
			this->positioned ? this->position : NULL,
			this->positioned ? this->position_length : 0, kept, feed);
		g_free(this);
	}
	if (next_ns != 0) {
		feed->node->loop->table->timer_start(
			feed->timer, next_ns > now_ns ? next_ns - now_ns : 1);
	}
	if (feed->start_ns != 0 && now_ns >= feed->start_ns) {
		start(feed);
	}
	if (feed->retired && is_idle(feed)) {
		g_ptr_array_remove(feed->node->sources, feed);
		feed_free(feed);
	}
}

/* Only here is the post off the loop's list: the timer, and a reload, call attend themselves. */
void yett_feed_attend(void *arg)
{
	feed_t *feed = arg;

	pthread_mutex_lock(&feed->mutex);
	feed->posted = false;
	pthread_mutex_unlock(&feed->mutex);
	if (feed->freed) {
		feed_free_rest(feed);
	} else {
		attend(feed);
	}
}

/* How its batches are cut: also in a running one, from the next batch on. */
static void take_settings(feed_t *feed)
{
	const struct yett_settings *settings = feed->node->settings;

	pthread_mutex_lock(&feed->mutex);
	feed->batch_bytes = settings->linger.batch_bytes;
	feed->compress = settings->node.compress;
	feed->linger_ns[YETT_LANE_NORMAL] = settings->linger.normal_ns;
	feed->linger_ns[YETT_LANE_BULK] = settings->linger.bulk_ns;
	pthread_mutex_unlock(&feed->mutex);
}

int yett_source_open(
	struct yett_node *node, const struct yett_block *block, struct yett_error *error)
{
	feed_t *feed = g_new0(feed_t, 1);
	const void *position;
	size_t length;
	int result;

	feed->node = node;
	feed->block = block;
	g_strlcpy(feed->name, block->name, sizeof(feed->name));
	pthread_mutex_init(&feed->mutex, NULL);
	pthread_cond_init(&feed->room, NULL);
	take_settings(feed);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		feed->payloads[lane] = yett_payload_new(PLAIN_MAX);
	}
	feed->timer = node->loop->table->timer_new(node->loop, attend, feed);
	feed->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	feed->sink = yett_feed_sink(feed);
	position = yett_origin_position(node, feed->name, &length);
	feed->placed = length > 0;
	result = yett_instance_new(&node->world, block->descriptor, feed->name, block->settings,
		position, length, &feed->instance, error);
	if (result != 0) {
		feed_free(feed);
		return result;
	}
	g_ptr_array_add(node->sources, feed);
	return 0;
}

/* What is in its way may go: another process that has the socket, an address that is not up yet. */
static void not_started(feed_t *feed, const struct yett_error *error)
{
	feed->patience_ns = feed->patience_ns == 0 ? YETT_FEED_BACKOFF_MIN_NS
						   : yett_feed_backoff(feed->patience_ns);
	feed->start_ns = yett_now(feed->node) + feed->patience_ns;
	feed->node->loop->table->timer_start(feed->timer, feed->patience_ns);
	yett_feed_trouble(feed, error->text);
	yett_log(YETT_LOG_ERROR, "source-not-started", "%s%s%s; tried again in %.0f s source=%s",
		error->text, error->mend[0] != '\0' ? "; " : "", error->mend,
		(double)feed->patience_ns / (double)YETT_SEC, feed->name);
}

static void start(feed_t *feed)
{
	struct yett_error error = YETT_ERROR_INIT;
	sigset_t all, old;
	char name[16];

	if (yett_instance_start(feed->instance, &error) != 0) {
		not_started(feed, &error);
		return;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	feed->running = pthread_create(&feed->thread, NULL, yett_feed_thread, feed) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!feed->running) {
		yett_instance_stop(feed->instance);
		yett_fail(&error, YETT_EAGAIN, NULL, "there is no thread to be had for it");
		not_started(feed, &error);
		return;
	}
	feed->start_ns = feed->patience_ns = 0;
	yett_feed_trouble(feed, "");
	snprintf(name, sizeof(name), "%.15s", feed->name);
	pthread_setname_np(feed->thread, name);
}

void yett_source_start_all(struct yett_node *node)
{
	for (guint i = 0; i < node->sources->len; i++) {
		feed_t *feed = node->sources->pdata[i];

		if (!feed->running && !feed->finished && !feed->retired) {
			start(feed);
		}
	}
}

static void ask_back(feed_t *feed)
{
	uint64_t one = 1;

	feed->start_ns = 0;
	pthread_mutex_lock(&feed->mutex);
	feed->stopping = true;
	if (!feed->running) {
		feed->finished = true;
	}
	pthread_cond_broadcast(&feed->room);
	pthread_mutex_unlock(&feed->mutex);
	if (write(feed->wake_fd, &one, sizeof(one)) < 0) {
		yett_log(
			YETT_LOG_DEBUG, "source-wake", "%s source=%s", strerror(errno), feed->name);
	}
}

void yett_source_stop_all(struct yett_node *node)
{
	for (guint i = 0; i < node->sources->len; i++) {
		ask_back(node->sources->pdata[i]);
	}
}

bool yett_source_trouble(const struct yett_node *node, char *ret_text, size_t size)
{
	for (guint i = 0; i < node->sources->len; i++) {
		feed_t *feed = node->sources->pdata[i];
		bool trouble;

		pthread_mutex_lock(&feed->mutex);
		trouble = feed->trouble[0] != '\0' && !feed->retired;
		if (trouble) {
			snprintf(ret_text, size, "its source %s does not tell: %s", feed->name,
				feed->trouble);
		}
		pthread_mutex_unlock(&feed->mutex);
		if (trouble) {
			return true;
		}
	}
	return false;
}

bool yett_source_idle(const struct yett_node *node)
{
	for (guint i = 0; i < node->sources->len; i++) {
		if (!is_idle(node->sources->pdata[i])) {
			return false;
		}
	}
	return true;
}

/* One that waits in the kernel, for a file system that does not answer, cannot be asked back. */
static bool join_soon(feed_t *feed)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += JOIN_S;
	if (feed->running &&
		pthread_clockjoin_np(feed->thread, NULL, CLOCK_MONOTONIC, &until) != 0) {
		return false;
	}
	feed->running = false;
	return true;
}

void yett_source_close_all(struct yett_node *node)
{
	yett_source_stop_all(node);
	for (guint i = 0; i < node->sources->len; i++) {
		feed_t *feed = node->sources->pdata[i];
		struct cut *cuts;

		join(feed);
		while ((cuts = feed->cuts_head) != NULL) {
			feed->cuts_head = cuts->next;
			yett_buffer_unref(cuts->batch.buffer);
			g_free(cuts);
		}
	}
}

void yett_source_free_all(struct yett_node *node)
{
	for (guint i = 0; i < node->sources->len; i++) {
		feed_free(node->sources->pdata[i]);
	}
	g_ptr_array_set_size(node->sources, 0);
}

/* Reload. */

static const struct yett_block *find_block(const struct yett_settings *settings, const char *name)
{
	const struct yett_block *blocks = settings->sources.items;

	for (size_t i = 0; i < settings->sources.count; i++) {
		if (strncmp(blocks[i].name, name, sizeof(((feed_t *)NULL)->name) - 1) == 0) {
			return &blocks[i];
		}
	}
	return NULL;
}

/* A source that goes: its last batches are handed over first. They complete on their own; the feed
 * is freed with the last one. What it holds, a socket, say, whoever takes its place may need at once. */
static void retire(feed_t *feed)
{
	ask_back(feed);
	feed->retired = true;
	feed->block = NULL; /* it goes with the old settings */
	if (!join_soon(feed)) {
		yett_log(YETT_LOG_WARNING, "source-hangs",
			"a source that is not needed any more does not end: it likely waits in the "
			"kernel, for a disk or a network file system; it goes when that answers "
			"source=%s",
			feed->name);
		return;
	}
	yett_instance_stop(feed->instance);
	attend(feed);
}

void yett_source_reload(struct yett_node *node, struct yett_error *error)
{
	const struct yett_block *blocks = node->settings->sources.items;

	for (guint i = node->sources->len; i > 0; i--) {
		feed_t *feed = node->sources->pdata[i - 1];
		const struct yett_block *block = find_block(node->settings, feed->name);

		if (feed->retired) {
			continue;
		}
		if (block != NULL && yett_conf_block_differs(feed->block, block) == 0) {
			feed->block = block;
			take_settings(feed);
		} else {
			retire(feed);
		}
	}
	for (size_t i = 0; i < node->settings->sources.count; i++) {
		bool there = false;

		for (guint j = 0; j < node->sources->len; j++) {
			feed_t *feed = node->sources->pdata[j];

			there = there || (!feed->retired && feed->block == &blocks[i]);
		}
		if (!there) {
			yett_source_open(node, &blocks[i], error);
		}
	}
	yett_source_start_all(node);
}
