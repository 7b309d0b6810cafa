/* What a source's thread runs: its module's poll, again and again, and the sink that the module tells into.
 *
 * Responsible for collecting records, for cutting batches where one is full or a poll is over, for making the
 * thread wait while enough are on their way to disk, and for backing off when a source fails. Not responsible
 * for the thread itself nor for what becomes of a batch (source.c). On the source's thread, under the feed's
 * mutex where the loop looks too.
 *
 * A position covers the records before it, so a source that gives positions is cut only where one was given,
 * and is held to one lane: what is durable of one lane says nothing of another. At most a few batches of a source
 * are on their way to disk: then it waits, which is how a full queue pushes back to where data is made. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "../base/log.h"
#include "feed.h"

#define POLL_NS       (10 * YETT_SEC)  /* a source is asked back at least this often */
#define TROUBLE_AFTER (4 * YETT_SEC)   /* of backing off: what passes sooner nobody has to see to */
#define BEGIN_LANE    YETT_LANE_NORMAL /* of the core's own record, see tell_begin() */

void yett_feed_call_loop(feed_t *feed)
{
	if (!feed->posted) {
		feed->posted = true;
		feed->post = (struct yett_post){.fn = yett_feed_attend, .arg = feed};
		feed->node->loop->table->post(feed->node->loop, &feed->post);
	}
}

void yett_feed_cut(feed_t *feed, uint32_t lane)
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
	yett_feed_call_loop(feed);
}

bool yett_feed_may_cut(const feed_t *feed)
{
	return !feed->positioned || feed->clean;
}

/* Under the mutex: a lane has one record more. */
static int collect(feed_t *feed, uint32_t lane, const struct yett_record *record)
{
	int result = yett_payload_record(feed->payloads[lane], record);

	if (result == YETT_EFULL) {
		yett_feed_cut(feed, lane);
		result = yett_payload_record(feed->payloads[lane], record);
	}
	if (result == 0) {
		feed->clean = false;
		feed->placed = true;
		if (feed->due_ns[lane] == 0) {
			feed->due_ns[lane] =
				yett_clock_monotonic(feed->node->clock) + feed->linger_ns[lane];
			yett_feed_call_loop(feed);
		}
	}
	return result;
}

/* Under the mutex: a position is kept with the records that it covers. Of a source that begins, and has told
 * nothing yet, the place would be lost with the process, and with it what comes meanwhile. */
static void tell_begin(feed_t *feed)
{
	struct yett_record record = {.size = sizeof(record),
		.kind = YETT_RECORD_EVENT,
		.severity = YETT_SEVERITY_INFO,
		.time_ns = yett_clock_wall(feed->node->clock),
		.name = yett_text("source.begin")};
	char body[128];

	snprintf(body, sizeof(body), "%s tells what comes from here on", feed->name);
	record.body = yett_text(body);
	(void)collect(feed, BEGIN_LANE, &record);
}

/* Under the mutex. So many batches may be on their way to disk when a record comes. What `source.begin` carries
 * must not become durable after a later position, as it could from another lane: so it comes first. */
static unsigned outstanding_max(const feed_t *feed, uint32_t lane)
{
	return feed->lanes == 0 && lane != BEGIN_LANE ? 1 : YETT_FEED_OUTSTANDING_MAX;
}

/* Under the mutex: why there is no telling into this lane, or NULL. */
static const char *lane_fault(const feed_t *feed, uint32_t lane)
{
	if (lane >= YETT_LANES) {
		return "there is no such lane";
	}
	if (feed->positioned && (feed->lanes & ~(1U << lane)) != 0) {
		return "a source that gives positions tells into one lane";
	}
	return NULL;
}

/* Under the mutex. */
static int take_record(feed_t *feed, uint32_t lane, const struct yett_record *record)
{
	int result;

	while (feed->outstanding >= outstanding_max(feed, lane) && !feed->stopping) {
		pthread_cond_wait(&feed->room, &feed->mutex);
	}
	if (feed->stopping) {
		feed->turned_down = true;
		return YETT_ECLOSED;
	}
	result = collect(feed, lane, record);
	if (result == 0) {
		feed->lanes |= 1U << lane;
		if (!feed->positioned &&
			yett_payload_length(feed->payloads[lane]) >= feed->batch_bytes) {
			yett_feed_cut(feed, lane);
		}
	}
	return result;
}

static int sink_record(feed_t *feed, uint32_t lane, const struct yett_record *record)
{
	const char *fault;
	int result;

	pthread_mutex_lock(&feed->mutex);
	fault = lane_fault(feed, lane);
	result = fault != NULL ? YETT_EINVAL : take_record(feed, lane, record);
	pthread_mutex_unlock(&feed->mutex);
	if (result != 0 && result != YETT_ECLOSED) {
		yett_log(YETT_LOG_WARNING, "record-refused",
			"a record of a source breaks a limit, and is not told: %s source=%s "
			"lane=%u",
			fault != NULL ? fault : yett_result_text(result), feed->name, lane);
	}
	return result;
}

static int sink_position(feed_t *feed, const void *position, size_t length)
{
	uint64_t now_ns = yett_clock_monotonic(feed->node->clock);
	bool begins;

	if (length > YETT_FEED_POSITION_MAX) {
		return YETT_ELIMIT;
	}
	pthread_mutex_lock(&feed->mutex);
	if (feed->turned_down) {
		pthread_mutex_unlock(&feed->mutex);
		return YETT_ECLOSED;
	}
	if ((feed->lanes & (feed->lanes - 1)) != 0) {
		pthread_mutex_unlock(&feed->mutex);
		yett_log(YETT_LOG_WARNING, "position-refused",
			"a source that gives positions tells into one lane, and this one has told "
			"into several; its position is not kept source=%s",
			feed->name);
		return YETT_EINVAL;
	}
	begins = !feed->placed;
	if (begins) {
		tell_begin(feed);
	}
	memcpy(feed->position, position, length);
	feed->position_length = length;
	feed->positioned = true;
	feed->clean = true;
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		if (yett_payload_length(feed->payloads[lane]) >= feed->batch_bytes ||
			(feed->due_ns[lane] != 0 && feed->due_ns[lane] <= now_ns)) {
			yett_feed_cut(feed, lane);
		}
	}
	if (begins) {
		/* With this position: a later one covers records of another lane. */
		yett_feed_cut(feed, BEGIN_LANE);
	}
	pthread_mutex_unlock(&feed->mutex);
	return 0;
}

static int sink_flush(feed_t *feed)
{
	pthread_mutex_lock(&feed->mutex);
	for (uint32_t lane = 0; lane < YETT_LANES && yett_feed_may_cut(feed); lane++) {
		yett_feed_cut(feed, lane);
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
	if (!stopping && yett_feed_may_cut(feed)) {
		yett_feed_cut(
			feed, YETT_LANE_URGENT); /* a poll is over: urgent records do not linger */
	}
	pthread_mutex_unlock(&feed->mutex);
	return stopping;
}

uint64_t yett_feed_backoff(uint64_t backoff_ns)
{
	return backoff_ns * 2 < YETT_FEED_BACKOFF_MAX_NS ? backoff_ns * 2
							 : YETT_FEED_BACKOFF_MAX_NS;
}

void yett_feed_trouble(feed_t *feed, const char *text)
{
	pthread_mutex_lock(&feed->mutex);
	g_strlcpy(feed->trouble, text, sizeof(feed->trouble));
	pthread_mutex_unlock(&feed->mutex);
}

void *yett_feed_thread(void *arg)
{
	feed_t *feed = arg;
	const struct yett_source_operations *operations = feed->instance->module->operations;
	uint64_t backoff_ns = YETT_FEED_BACKOFF_MIN_NS;
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
			backoff_ns = YETT_FEED_BACKOFF_MIN_NS;
			yett_feed_trouble(feed, "");
			continue;
		}
		if (backoff_ns >= TROUBLE_AFTER) {
			yett_feed_trouble(feed,
				error.text[0] != '\0' ? error.text : yett_result_text(result));
		}
		yett_log(YETT_LOG_WARNING, "source-failing",
			"%s%s%s; tried again in %.0f s source=%s",
			error.text[0] != '\0' ? error.text : yett_result_text(result),
			error.mend[0] != '\0' ? "; " : "", error.mend,
			(double)backoff_ns / (double)YETT_SEC, feed->name);
		next_ns = yett_clock_monotonic(feed->node->clock) + backoff_ns;
		backoff_ns = yett_feed_backoff(backoff_ns);
	}
	pthread_mutex_lock(&feed->mutex);
	feed->finished = true;
	yett_feed_call_loop(feed);
	pthread_mutex_unlock(&feed->mutex);
	return NULL;
}

struct yett_sink yett_feed_sink(feed_t *feed)
{
	return (struct yett_sink){
		.size = sizeof(struct yett_sink),
		.wake_fd = feed->wake_fd,
		.self = feed,
		.record = sink_record,
		.position = sink_position,
		.flush = sink_flush,
	};
}
