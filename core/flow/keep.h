/* A batch on its way to being durable: made by intake or by origin, given to the queue or the
 * store, and completed exactly once. */
#ifndef YETT_FLOW_KEEP_H
#define YETT_FLOW_KEEP_H

#include <stdbool.h>
#include <yett/queue.h>

#include "../wire/envelope.h"

struct yett_keep {
	struct yett_keep *next;
	struct yett_batch batch; /* one reference to its buffer */
	uint8_t *meta;           /* the envelope as it came, encoded */
	uint32_t meta_length;
	char *key; /* a position that commits with the batch, or NULL */
	uint8_t *position;
	uint32_t position_length;
	char *gateway;       /* who brought it, if not its origin */
	int64_t received_ns; /* Unix time */
	/* For the store (yett_put): its origin may declare what others have lost; or NULL, or why it is
	 * put aside, a text that outlives it. */
	bool for_others;
	const char *aside;
	uint64_t entry; /* the queue's number, once appended */
	int result;
	/* On the loop. 0: durable (custody is ours); else it is not kept and never will be. The
	 * keep is freed by its keeper afterwards. */
	void (*done)(struct yett_keep *keep, int result);
	void *owner;
	uint64_t number; /* the owner's */
};

/* First in, first out. Zeroed storage is an empty list. */
struct yett_keep_list {
	struct yett_keep *head, *tail;
	size_t count;
	uint64_t bytes;
};

/* Takes a reference to the batch's buffer, copies the rest. */
struct yett_keep *yett_keep_new(const struct yett_batch *batch, const void *meta,
	size_t meta_length, void (*done)(struct yett_keep *keep, int result), void *owner);
void yett_keep_position(
	struct yett_keep *keep, const char *key, const void *position, size_t length);
/* Calls done and frees. */
void yett_keep_complete(struct yett_keep *keep, int result);

void yett_keep_push(struct yett_keep_list *list, struct yett_keep *keep);
struct yett_keep *yett_keep_pop(struct yett_keep_list *list);
/* Moves from the head of `from` what fits together; if `to` is empty one in any case. */
struct yett_keep_limits {
	size_t batches;
	uint64_t records; /* about */
	uint64_t plain;   /* bytes, once decoded */
};
void yett_keep_take(struct yett_keep_list *to, struct yett_keep_list *from,
	const struct yett_keep_limits *limits);
/* Moves all of `from` behind `to`'s end. */
void yett_keep_join(struct yett_keep_list *to, struct yett_keep_list *from);
void yett_keep_complete_all(struct yett_keep_list *list, int result);

#endif
