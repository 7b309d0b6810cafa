/* Batches between the queue and their acknowledgement: ready to be sent, or sent to one peer. */
#ifndef YETT_FLOW_FLIGHT_H
#define YETT_FLOW_FLIGHT_H

#include <yett/queue.h>

struct yett_unit {
	uint32_t lane;
	uint64_t entry; /* the queue's number */
	uint64_t sent_ns;
	struct yett_batch batch; /* one reference */
	uint32_t meta_length;
	uint8_t meta[];
};
/* Takes a reference to the buffer. */
struct yett_unit *yett_unit_new(uint32_t lane, uint64_t entry, const struct yett_batch *batch,
	const void *meta, size_t meta_length);
void yett_unit_free(struct yett_unit *unit);

/* What was sent to one peer, by frame number, which rises by one: a ring. */
struct yett_flight {
	struct yett_unit **ring;
	size_t capacity, start, count;
	uint64_t first; /* frame number at `start` */
	uint64_t bytes;
	uint64_t asked[YETT_LANES]; /* credit that it was asked for, and has not yet used */
	bool asks;                  /* it is still to be told so */
};
struct yett_flight *yett_flight_new(void);
void yett_flight_free(struct yett_flight *flight); /* must be empty */
void yett_flight_add(struct yett_flight *flight, uint64_t number, struct yett_unit *unit);
/* The unit of a frame, no longer in flight (given); NULL: none. */
struct yett_unit *yett_flight_take(struct yett_flight *flight, uint64_t number);
/* The last one, by number; NULL when empty. */
struct yett_unit *yett_flight_take_last(struct yett_flight *flight);

#endif
