/* The events of this node, as records of its own: what the log says goes to the management server.
 *
 * Responsible for taking each line of the log from notice on (base/log.h's tap), on whatever thread, and
 * for sending them every second as records of kind event: name "yett." and the event's, the sentence,
 * its fields as attributes. Not responsible for the log itself. At most 200 wait for the loop, and as many as
 * 50 errors more; what is beyond is counted and told in the next; so it is where the queue or the store takes
 * nothing, from the fourth batch of a lane on that it has not kept. Errors go in the urgent lane, and wait for
 * no other. Why the store fails, which is nowhere else but in the log, is remembered for those who judge it. What a line is about may keep it from being kept: then the log
 * says so, which is one line more, and no more than its limit allows. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "../../base/fields.h"
#include "../../base/log.h"
#include "../../wire/record.h"
#include "../internal.h"

#define STORE_FAILS "store-failing"
#define EVENTS_NONE 3 /* of the setting's choices, which are levels of the log up to there */
#define FIELDS_MAX  16
#define WAITING_MAX 200
#define ERRORS_MAX  50 /* more, of errors alone */
#define BATCH_NS    (1 * YETT_SEC)
#define OUT_MAX     4

struct line {
	int level;
	int64_t time_ns;
	char event[64];
	char *sentence;
};

struct yett_events {
	struct yett_manage *manage;
	pthread_mutex_t mutex;
	GQueue *waiting; /* struct line */
	unsigned left_out;
	unsigned out[YETT_LANES]; /* batches on their way into the queue or the store */
	uint64_t next_ns;
	char store_why[YETT_STORE_WHY_SIZE];
};

static void line_free(struct line *line)
{
	g_free(line->sentence);
	g_free(line);
}

static void tapped(void *arg, int level, const char *event, const char *sentence)
{
	struct yett_events *events = arg;
	struct line *line;

	if (level > YETT_LOG_NOTICE) {
		return; /* the rest is told by the loop, which has the settings */
	}
	line = g_new0(struct line, 1);
	line->level = level;
	line->time_ns = yett_clock_wall(&yett_clock_system);
	g_strlcpy(line->event, event, sizeof(line->event));
	line->sentence = g_strdup(sentence);
	pthread_mutex_lock(&events->mutex);
	if (strcmp(event, STORE_FAILS) == 0) {
		g_strlcpy(events->store_why, sentence, sizeof(events->store_why));
		yett_text_trim(events->store_why);
	}
	if (g_queue_get_length(events->waiting) <
		WAITING_MAX + (level == YETT_LOG_ERROR ? ERRORS_MAX : 0)) {
		g_queue_push_tail(events->waiting, line);
		line = NULL;
	} else {
		events->left_out++;
	}
	pthread_mutex_unlock(&events->mutex);
	if (line != NULL) {
		line_free(line);
	}
}

void yett_events_store_why(const struct yett_manage *manage, char ret_why[YETT_STORE_WHY_SIZE])
{
	struct yett_events *events = manage->events;

	ret_why[0] = '\0';
	if (events != NULL) {
		pthread_mutex_lock(&events->mutex);
		g_strlcpy(ret_why, events->store_why, YETT_STORE_WHY_SIZE);
		pthread_mutex_unlock(&events->mutex);
	}
	if (ret_why[0] == '\0') {
		g_strlcpy(ret_why, "nothing is acknowledged until it works again",
			YETT_STORE_WHY_SIZE);
	}
}

static bool add(struct yett_payload *payload, const struct line *line)
{
	static const uint32_t severities[] = {17, 13, 10}; /* ERROR, WARN, INFO2 */
	struct yett_attribute attributes[FIELDS_MAX];
	struct yett_field fields[FIELDS_MAX];
	struct yett_record record = {.size = sizeof(record),
		.kind = YETT_RECORD_EVENT,
		.time_ns = line->time_ns,
		.severity = severities[line->level],
		.attributes = attributes};
	g_autofree char *sentence = g_strdup(line->sentence);
	char name[80];

	snprintf(name, sizeof(name), "yett.%s", line->event);
	record.name = yett_text(name);
	record.body = yett_text(line->sentence);
	record.attribute_count = yett_fields_take(sentence, fields, FIELDS_MAX);
	for (size_t i = 0; i < record.attribute_count; i++) {
		attributes[i].key = (struct yett_text){fields[i].key, fields[i].key_length};
		attributes[i].value = yett_value_text(fields[i].value);
	}
	if (yett_payload_record(payload, &record) == 0) {
		return true;
	}
	/* What a peer said at the end of a sentence may look like a field, and be none that a record can
	 * have. */
	record.attribute_count = 0;
	return yett_payload_record(payload, &record) == 0;
}

static void kept(struct yett_keep *keep, int result)
{
	struct yett_events *events = keep->owner;

	(void)result; /* what the queue refuses is still in the log */
	events->out[keep->batch.info.lane]--;
}

static void send(struct yett_events *events, GQueue *lines)
{
	struct yett_node *node = events->manage->node;
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX / 2);
	struct yett_batch batch;
	unsigned count = 0;
	bool urgent = false;

	while (!g_queue_is_empty(lines)) {
		struct line *line = g_queue_pop_head(lines);
		bool wanted = node->settings->node.events < EVENTS_NONE &&
			      line->level <= node->settings->node.events;

		count += wanted && add(payload, line) ? 1 : 0;
		urgent |= line->level == YETT_LOG_ERROR;
		line_free(line);
	}
	if (count > 0 && yett_payload_cut(payload, urgent ? YETT_LANE_URGENT : YETT_LANE_NORMAL,
				 YETT_CONTENT_RECORDS, node->settings->node.compress,
				 yett_clock_wall(node->clock), &batch) == 0) {
		events->out[batch.info.lane]++;
		yett_origin_submit(node, &batch, NULL, NULL, 0, kept, events);
	}
	yett_payload_free(payload);
}

/* All lines, or errors alone; returns how many were left out. */
static unsigned take_lines(struct yett_events *events, bool all, GQueue *ret_lines)
{
	unsigned left_out = 0;

	pthread_mutex_lock(&events->mutex);
	for (guint left = g_queue_get_length(events->waiting); left > 0; left--) {
		struct line *line = g_queue_pop_head(events->waiting);

		g_queue_push_tail(
			all || line->level == YETT_LOG_ERROR ? ret_lines : events->waiting, line);
	}
	if (all) {
		left_out = events->left_out;
		events->left_out = 0;
	}
	pthread_mutex_unlock(&events->mutex);
	return left_out;
}

void yett_events_tick(struct yett_manage *manage, uint64_t now_ns)
{
	struct yett_events *events = manage->events;
	unsigned left_out;
	GQueue lines = G_QUEUE_INIT;

	if (events == NULL || now_ns < events->next_ns ||
		events->out[YETT_LANE_URGENT] >= OUT_MAX || manage->node->draining) {
		return;
	}
	events->next_ns = now_ns + BATCH_NS;
	left_out = take_lines(events, events->out[YETT_LANE_NORMAL] < OUT_MAX, &lines);
	if (left_out > 0) {
		yett_log(YETT_LOG_WARNING, "events-left-out",
			"more was logged at once than is sent to the management server; all of it "
			"is in "
			"the log here lines=%u",
			left_out);
	}
	if (!g_queue_is_empty(&lines)) {
		send(events, &lines);
	}
}

void yett_manage_tap_log(struct yett_manage *manage)
{
	struct yett_events *events = g_new0(struct yett_events, 1);

	events->manage = manage;
	events->waiting = g_queue_new();
	pthread_mutex_init(&events->mutex, NULL);
	manage->events = events;
	yett_log_tap(tapped, events);
}

void yett_events_done(struct yett_manage *manage)
{
	struct yett_events *events = manage->events;

	if (events == NULL) {
		return;
	}
	yett_log_tap(NULL, NULL);
	while (!g_queue_is_empty(events->waiting)) {
		line_free(g_queue_pop_head(events->waiting));
	}
	g_queue_free(events->waiting);
	pthread_mutex_destroy(&events->mutex);
	g_clear_pointer(&manage->events, g_free);
}
