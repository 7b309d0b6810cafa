/* Sources: the threads on which source modules tell of this computer.
 *
 * Responsible for one thread for each configured source, for the sink that it tells into, for
 * cutting batches (when one is full, when its oldest record has waited as long as its lane lingers,
 * when a state changed) and for backing off when a source fails. Not responsible for numbers
 * (origin.c) nor for what a source reads. The thread runs `thread_main` and the sink's calls, under
 * the feed's mutex; everything else is on the loop.
 *
 * A position covers the records before it, so a source that gives positions is cut only where one
 * was given; it therefore tells into one lane. At most a few batches of a source are on their way to
 * disk: then it waits, which is how a full queue pushes back to where data is made. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../base/buffer.h"
#include "../base/log.h"
#include "../conf/load.h"
#include "../wire/record.h"
#include "stages.h"

#define OUTSTANDING_MAX 4
#define POLL_NS         (10 * YETT_SEC) /* a source is asked back at least this often */
#define BACKOFF_MIN_NS  (1 * YETT_SEC)
#define BACKOFF_MAX_NS  (60 * YETT_SEC)
#define PLAIN_MAX       (960 * 1024)
#define POSITION_MAX    (YETT_QUEUE_POSITION_MAX - 256)

/* A batch that was cut and waits for its number. */
struct cut {
	struct cut *next;
	struct yett_batch batch;
	bool positioned;
	size_t position_length;
	uint8_t position[];
};

struct yett_sink_self {
	struct yett_node *node;
	const struct yett_block *block;
	struct yett_instance *instance;
	char name[48];
	pthread_t thread;
	bool running; /* the thread is to be joined */
	bool retired; /* by a reload: gone once its last batches are kept */
	int wake_fd;
	struct yett_sink sink;
	struct yett_timer *timer;

	pthread_mutex_t mutex;
	pthread_cond_t room;
	/* under the mutex */
	uint64_t linger_ns[YETT_LANES];
	size_t batch_bytes;
	bool compress;
	bool stopping, finished;
	bool turned_down; /* a record was told while stopping: no position may cover it */
	bool freed;       /* but for what a post that is on its way refers to */
	struct yett_payload *payloads[YETT_LANES];
	uint64_t due_ns[YETT_LANES]; /* monotonic; 0: empty */
	bool positioned;             /* it gives positions */
	bool clean;                  /* no record since the last position */
	uint8_t position[POSITION_MAX];
	size_t position_length;
	struct cut *cuts_head, *cuts_tail;
	unsigned outstanding;
	bool posted;
	struct yett_post post;
	uint64_t records, oversize;
};

typedef struct yett_sink_self feed_t;

static void attend(void *arg);
static void attend_post(void *arg);

/* Under the mutex, any thread. */
static void call_loop(feed_t *feed)
{
	if (!feed->posted) {
		feed->posted = true;
		feed->post = (struct yett_post){.fn = attend_post, .arg = feed};
		feed->node->loop->table->post(feed->node->loop, &feed->post);
	}
}

/* Under the mutex: what a lane has collected becomes a batch. */
static void cut(feed_t *feed, uint32_t lane)
{
	struct cut *new;

	if (yett_payload_count(feed->payloads[lane]) == 0) {
		return;
	}
	new = g_malloc0(sizeof(*new) + feed->position_length);
	if (yett_payload_cut(feed->payloads[lane], lane, YETT_CONTENT_RECORDS, feed->compress,
		    yett_clock_wall(feed->node->clock), &new->batch) != 0) {
		g_free(new);
		return;
	}
	new->positioned = feed->positioned;
	new->position_length = feed->position_length;
	memcpy(new->position, feed->position, feed->position_length);
	if (feed->cuts_tail != NULL) {
		feed->cuts_tail->next = new;
	} else {
		feed->cuts_head = new;
	}
	feed->cuts_tail = new;
	feed->due_ns[lane] = 0;
	feed->outstanding++;
	call_loop(feed);
}

static bool may_cut(const feed_t *feed)
{
	return !feed->positioned || feed->clean;
}

static int sink_record(feed_t *feed, uint32_t lane, const struct yett_record *record)
{
	int result;

	if (lane >= YETT_LANES) {
		return YETT_EINVAL;
	}
	pthread_mutex_lock(&feed->mutex);
	while (feed->outstanding >= OUTSTANDING_MAX && !feed->stopping) {
		pthread_cond_wait(&feed->room, &feed->mutex);
	}
	if (feed->stopping) {
		feed->turned_down = true;
		pthread_mutex_unlock(&feed->mutex);
		return YETT_ECLOSED;
	}
	result = yett_payload_record(feed->payloads[lane], record);
	if (result == YETT_EFULL) {
		cut(feed, lane);
		result = yett_payload_record(feed->payloads[lane], record);
	}
	if (result == 0) {
		feed->records++;
		feed->clean = false;
		if (feed->due_ns[lane] == 0) {
			feed->due_ns[lane] =
				yett_clock_monotonic(feed->node->clock) + feed->linger_ns[lane];
			call_loop(feed);
		}
		if (!feed->positioned &&
			yett_payload_length(feed->payloads[lane]) >= feed->batch_bytes) {
			cut(feed, lane);
		}
	} else {
		feed->oversize++;
	}
	pthread_mutex_unlock(&feed->mutex);
	return result;
}

static int sink_position(feed_t *feed, const void *position, size_t length)
{
	uint64_t now_ns = yett_clock_monotonic(feed->node->clock);

	if (length > POSITION_MAX) {
		return YETT_ELIMIT;
	}
	pthread_mutex_lock(&feed->mutex);
	if (feed->turned_down) {
		pthread_mutex_unlock(&feed->mutex);
		return YETT_ECLOSED;
	}
	memcpy(feed->position, position, length);
	feed->position_length = length;
	feed->positioned = true;
	feed->clean = true;
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		if (yett_payload_length(feed->payloads[lane]) >= feed->batch_bytes ||
			(feed->due_ns[lane] != 0 && feed->due_ns[lane] <= now_ns)) {
			cut(feed, lane);
		}
	}
	pthread_mutex_unlock(&feed->mutex);
	return 0;
}

static int sink_flush(feed_t *feed)
{
	pthread_mutex_lock(&feed->mutex);
	for (uint32_t lane = 0; lane < YETT_LANES && may_cut(feed); lane++) {
		cut(feed, lane);
	}
	pthread_mutex_unlock(&feed->mutex);
	return 0;
}

static void wait_until(feed_t *feed, uint64_t when_ns)
{
	uint64_t now_ns = yett_clock_monotonic(feed->node->clock);
	struct pollfd poll_fd = {.fd = feed->wake_fd, .events = POLLIN};

	if (when_ns > now_ns + POLL_NS) {
		when_ns = now_ns + POLL_NS; /* the caller looks again */
	}
	if (when_ns > now_ns) {
		poll(&poll_fd, 1, (int)((when_ns - now_ns) / YETT_MS + 1));
	}
}

static bool is_stopping(feed_t *feed)
{
	bool stopping;

	pthread_mutex_lock(&feed->mutex);
	stopping = feed->stopping;
	if (!stopping && may_cut(feed)) {
		cut(feed, YETT_LANE_URGENT); /* a poll is over: urgent records do not linger */
	}
	pthread_mutex_unlock(&feed->mutex);
	return stopping;
}

static void *thread_main(void *arg)
{
	feed_t *feed = arg;
	const struct yett_source_operations *operations = feed->instance->module->operations;
	uint64_t backoff_ns = BACKOFF_MIN_NS;
	uint64_t next_ns = 0;

	while (!is_stopping(feed)) {
		struct yett_error error = YETT_ERROR_INIT;
		uint64_t now_ns = yett_clock_monotonic(feed->node->clock);
		int result;

		if (next_ns > now_ns) {
			wait_until(feed, next_ns);
			if (yett_clock_monotonic(feed->node->clock) < next_ns) {
				continue;
			}
		}
		next_ns = 0;
		result = operations->poll(feed->instance->self, &feed->sink,
			yett_clock_monotonic(feed->node->clock) + POLL_NS, &next_ns, &error);
		if (result == 0 || result == YETT_ECLOSED || result == YETT_EAGAIN) {
			backoff_ns = BACKOFF_MIN_NS;
			continue;
		}
		yett_log(YETT_LOG_WARNING, "source-failing",
			"%s%s%s; tried again in %.0f s source=%s",
			error.text[0] != '\0' ? error.text : yett_result_text(result),
			error.mend[0] != '\0' ? "; " : "", error.mend,
			(double)backoff_ns / (double)YETT_SEC, feed->name);
		next_ns = yett_clock_monotonic(feed->node->clock) + backoff_ns;
		backoff_ns = backoff_ns * 2 < BACKOFF_MAX_NS ? backoff_ns * 2 : BACKOFF_MAX_NS;
	}
	pthread_mutex_lock(&feed->mutex);
	feed->finished = true;
	call_loop(feed);
	pthread_mutex_unlock(&feed->mutex);
	return NULL;
}

/* On the loop from here. */

static void kept(struct yett_keep *keep, int result)
{
	feed_t *feed = keep->owner;

	(void)result;
	pthread_mutex_lock(&feed->mutex);
	feed->outstanding--;
	pthread_cond_signal(&feed->room);
	if (feed->outstanding < OUTSTANDING_MAX) {
		call_loop(feed); /* a lane may be due that could not be cut before */
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
			if (may_cut(feed) && feed->outstanding < OUTSTANDING_MAX) {
				cut(feed, lane);
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
	for (uint32_t lane = 0; idle && may_cut(feed) && lane < YETT_LANES; lane++) {
		idle = yett_payload_count(feed->payloads[lane]) == 0;
	}
	pthread_mutex_unlock(&feed->mutex);
	return idle;
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
	if (feed->retired && is_idle(feed)) {
		g_ptr_array_remove(feed->node->sources, feed);
		feed_free(feed);
	}
}

/* Only here is the post off the loop's list: the timer, and a reload, call attend themselves. */
static void attend_post(void *arg)
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
	feed->sink = (struct yett_sink){
		.size = sizeof(feed->sink),
		.wake_fd = feed->wake_fd,
		.self = feed,
		.record = sink_record,
		.position = sink_position,
		.flush = sink_flush,
	};
	position = yett_origin_position(node, feed->name, &length);
	result = yett_instance_new(&node->world, block->descriptor, feed->name, block->settings,
		position, length, &feed->instance, error);
	if (result != 0) {
		feed_free(feed);
		return result;
	}
	g_ptr_array_add(node->sources, feed);
	return 0;
}

static void start(feed_t *feed)
{
	struct yett_error error = YETT_ERROR_INIT;
	sigset_t all, old;
	char name[16];

	if (yett_instance_start(feed->instance, &error) != 0) {
		yett_log(YETT_LOG_ERROR, "source-not-started", "%s%s%s source=%s", error.text,
			error.mend[0] != '\0' ? "; " : "", error.mend, feed->name);
		feed->finished = true;
		return;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	feed->running = pthread_create(&feed->thread, NULL, thread_main, feed) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!feed->running) {
		feed->finished = true;
		yett_log(YETT_LOG_ERROR, "source-not-started", "no thread for it source=%s",
			feed->name);
		return;
	}
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

bool yett_source_idle(const struct yett_node *node)
{
	for (guint i = 0; i < node->sources->len; i++) {
		if (!is_idle(node->sources->pdata[i])) {
			return false;
		}
	}
	return true;
}

static void join(feed_t *feed)
{
	if (feed->running) {
		pthread_join(feed->thread, NULL);
		feed->running = false;
	}
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
 * is freed with the last one. */
static void retire(feed_t *feed)
{
	ask_back(feed);
	join(feed);
	feed->retired = true;
	feed->block = NULL; /* it goes with the old settings */
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
