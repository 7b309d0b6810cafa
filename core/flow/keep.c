/* Batches on their way to being durable, and lists of them.
 *
 * Responsible for owning a batch's reference and the bytes that go with it, from intake or origin
 * until the keeper (queue.c, store.c) has completed it. Not for what completion means. On the loop;
 * a keeper's thread may read a keep while its job runs, nobody else then touches it. No failure:
 * GLib's allocation ends the process where memory of this size is not to be had. */
#include "keep.h"

#include <glib.h>
#include <string.h>

#include "../base/buffer.h"
#include "../base/error.h"

struct yett_keep *yett_keep_new(const struct yett_batch *batch, const void *meta,
	size_t meta_length, void (*done)(struct yett_keep *keep, int result), void *owner)
{
	struct yett_keep *keep = g_new0(struct yett_keep, 1);

	YETT_REQUIRE(meta_length <= YETT_QUEUE_META_MAX);
	keep->batch = *batch;
	yett_buffer_ref(batch->buffer);
	keep->meta = g_memdup2(meta, meta_length);
	keep->meta_length = (uint32_t)meta_length;
	keep->done = done;
	keep->owner = owner;
	return keep;
}

void yett_keep_position(
	struct yett_keep *keep, const char *key, const void *position, size_t length)
{
	YETT_REQUIRE(length <= YETT_QUEUE_POSITION_MAX && strlen(key) <= YETT_QUEUE_KEY_MAX);
	keep->key = g_strdup(key);
	keep->position = g_memdup2(position, length);
	keep->position_length = (uint32_t)length;
}

void yett_keep_complete(struct yett_keep *keep, int result)
{
	keep->done(keep, result);
	yett_buffer_unref(keep->batch.buffer);
	g_free(keep->meta);
	g_free(keep->key);
	g_free(keep->position);
	g_free(keep->gateway);
	g_free(keep);
}

void yett_keep_push(struct yett_keep_list *list, struct yett_keep *keep)
{
	keep->next = NULL;
	if (list->tail != NULL) {
		list->tail->next = keep;
	} else {
		list->head = keep;
	}
	list->tail = keep;
	list->count++;
	list->bytes += keep->batch.length;
}

struct yett_keep *yett_keep_pop(struct yett_keep_list *list)
{
	struct yett_keep *keep = list->head;

	if (keep != NULL) {
		list->head = keep->next;
		if (list->head == NULL) {
			list->tail = NULL;
		}
		list->count--;
		list->bytes -= keep->batch.length;
		keep->next = NULL;
	}
	return keep;
}

void yett_keep_take(struct yett_keep_list *to, struct yett_keep_list *from,
	const struct yett_keep_limits *limits)
{
	uint64_t records = 0, plain = 0;
	const struct yett_keep *next;

	while ((next = from->head) != NULL &&
		(to->count == 0 ||
			(to->count < limits->batches && records < limits->records &&
				plain + next->batch.info.plain_length <= limits->plain))) {
		records += next->batch.info.count;
		plain += next->batch.info.plain_length;
		yett_keep_push(to, yett_keep_pop(from));
	}
}

void yett_keep_join(struct yett_keep_list *to, struct yett_keep_list *from)
{
	if (from->head == NULL) {
		return;
	}
	if (to->tail != NULL) {
		to->tail->next = from->head;
	} else {
		to->head = from->head;
	}
	to->tail = from->tail;
	to->count += from->count;
	to->bytes += from->bytes;
	memset(from, 0, sizeof(*from));
}

void yett_keep_complete_all(struct yett_keep_list *list, int result)
{
	struct yett_keep *keep;

	while ((keep = yett_keep_pop(list)) != NULL) {
		yett_keep_complete(keep, result);
	}
}
