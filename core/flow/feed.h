/* A source at work: what its thread and the loop share (source.c, sink.c). */
#ifndef YETT_FLOW_FEED_H
#define YETT_FLOW_FEED_H

#include <pthread.h>

#include "../wire/record.h"
#include "stages.h"

#define YETT_FEED_OUTSTANDING_MAX 4 /* batches that are on their way to disk */
#define YETT_FEED_BACKOFF_MIN_NS  (1 * YETT_SEC)
#define YETT_FEED_BACKOFF_MAX_NS  (60 * YETT_SEC)
#define YETT_FEED_POSITION_MAX    (YETT_QUEUE_POSITION_MAX - 256)

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
	uint64_t start_ns;    /* it could not start, and is started again then; 0: it could */
	uint64_t patience_ns; /* until it is */

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
	uint32_t lanes;              /* that it has told into, a bit each */
	bool placed;                 /* something of it was told, or is with its position */
	bool clean;                  /* no record since the last position */
	uint8_t position[YETT_FEED_POSITION_MAX];
	size_t position_length;
	struct cut *cuts_head, *cuts_tail;
	unsigned outstanding;
	bool posted;
	struct yett_post post;
	char trouble[256]; /* why it does not tell; "": it does */
};

typedef struct yett_sink_self feed_t;

/* Under the mutex, any thread: the loop attends to it. */
void yett_feed_call_loop(feed_t *feed);
/* Under the mutex: what a lane has collected becomes a batch; and whether that may be now. */
void yett_feed_cut(feed_t *feed, uint32_t lane);
bool yett_feed_may_cut(const feed_t *feed);
/* Why it does not tell; "": it does. */
void yett_feed_trouble(feed_t *feed, const char *text);
/* The next pause, after one of so long. */
uint64_t yett_feed_backoff(uint64_t backoff_ns);
/* The thread's function, and what the source tells into. */
void *yett_feed_thread(void *arg);
struct yett_sink yett_feed_sink(feed_t *feed);

void yett_feed_attend(void *arg); /* source.c: the post */

#endif
