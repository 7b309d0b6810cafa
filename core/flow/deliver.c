/* Deliver: sends what the queue holds to the upstream that select names.
 *
 * Responsible for the order of sending (urgent first, and none starves: eight normal batches and two
 * bulk ones get their turn in each round), for reading on in the queue, for asking for credit where
 * a batch wants more than there is, and for giving back what was in flight when a session ends. Not
 * responsible for the choice of the upstream (select.c) nor for acknowledgements (settle.c). On the
 * loop.
 *
 * A batch that has just been synced is taken from memory where deliver is that far; else it is read
 * again, at most a bounded number of bytes ahead. */
#include <string.h>

#include "../base/buffer.h"
#include "../base/id.h"
#include "../base/log.h"
#include "../wire/batch.h"
#include "flight.h"
#include "stages.h"

#define READ_BYTES    (1024 * 1024) /* at least */
#define READ_RETRY_NS (1 * YETT_SEC)
#define FLIGHT_PART   2 /* of the budget may be in flight to one upstream */

static const unsigned turns[YETT_LANES] = {64, 8, 2};

struct lane {
	GQueue ready; /* struct yett_unit *, in order */
	uint64_t ready_bytes;
	uint64_t next;        /* first entry that is neither ready, in flight nor settled */
	uint64_t known;       /* entries below it are synced */
	uint64_t asked_known; /* `known` when the read under way was asked for */
	uint64_t single;      /* the read under way is for this entry, which was refused; 0: no */
	GQueue due;           /* struct deferral *: to be read again now */
	uint64_t retry_ns;    /* the queue could not be read: not again before; monotonic */
	bool reading;
};

/* A batch that was refused for now. It is let go and read again when its time has come: an upstream
 * that refuses everything must not draw the whole queue into memory. */
struct deferral {
	uint32_t lane;
	uint64_t entry;
	uint64_t not_before_ns;
};

struct yett_delivery {
	struct yett_node *node;
	struct lane lanes[YETT_LANES];
	GSequence *deferred; /* struct deferral *, by their time: there may be very many */
	bool running, again;
};

int yett_deliver_setup(struct yett_node *node)
{
	struct yett_delivery *delivery = g_new0(struct yett_delivery, 1);

	delivery->node = node;
	for (uint32_t i = 0; i < YETT_LANES; i++) {
		g_queue_init(&delivery->lanes[i].ready);
		g_queue_init(&delivery->lanes[i].due);
		delivery->lanes[i].next = 1;
		delivery->lanes[i].known = 1;
	}
	delivery->deferred = g_sequence_new(g_free);
	node->delivery = delivery;
	return 0;
}

static void free_units(GQueue *units)
{
	struct yett_unit *unit;

	while ((unit = g_queue_pop_head(units)) != NULL) {
		yett_unit_free(unit);
	}
}

void yett_deliver_done(struct yett_node *node)
{
	if (node->delivery == NULL) {
		return;
	}
	for (uint32_t i = 0; i < YETT_LANES; i++) {
		free_units(&node->delivery->lanes[i].ready);
		g_queue_clear_full(&node->delivery->lanes[i].due, g_free);
	}
	g_sequence_free(node->delivery->deferred);
	g_free(node->delivery);
	node->delivery = NULL;
}

void yett_deliver_begin(struct yett_node *node, uint32_t lane, uint64_t oldest, uint64_t next)
{
	node->delivery->lanes[lane].next = oldest > 0 ? oldest : next;
	node->delivery->lanes[lane].known = next;
}

static uint64_t ready_limit(const struct yett_node *node)
{
	return node->settings->node.memory_bytes / 8 + READ_BYTES;
}

/* How much is read at a time. While others send, the queue's thread syncs a group before it reads:
 * where less is read than a group brings, what is behind never catches up. */
static uint64_t read_bytes(const struct yett_node *node, const struct lane *lane)
{
	uint64_t room = ready_limit(node) - lane->ready_bytes;

	return room > READ_BYTES ? room : READ_BYTES;
}

static void make_ready(struct lane *lane, struct yett_unit *unit)
{
	g_queue_push_tail(&lane->ready, unit);
	lane->ready_bytes += unit->batch.length;
}

static void ready_again(struct yett_delivery *delivery, struct yett_unit *unit)
{
	struct lane *lane = &delivery->lanes[unit->lane];

	g_queue_push_head(&lane->ready, unit);
	lane->ready_bytes += unit->batch.length;
	yett_count(delivery->node, YETT_COUNT_RESENT, 1);
}

void yett_deliver_offer(struct yett_node *node, uint32_t number, const struct yett_keep *keep)
{
	struct lane *lane = &node->delivery->lanes[number];

	if (keep->entry >= lane->known) {
		lane->known = keep->entry + 1;
	}
	if (keep->entry == lane->next && !lane->reading && lane->ready_bytes < ready_limit(node)) {
		make_ready(lane, yett_unit_new(number, keep->entry, &keep->batch, keep->meta,
					 keep->meta_length));
		lane->next++;
	}
}

/* The first is read again first. */
static int by_time(gconstpointer a, gconstpointer b, gpointer arg)
{
	const struct deferral *one = a, *other = b;

	(void)arg;
	if (one->not_before_ns != other->not_before_ns) {
		return one->not_before_ns < other->not_before_ns ? -1 : 1;
	}
	return one->entry < other->entry ? -1 : one->entry > other->entry;
}

static void defer(struct yett_delivery *delivery, uint32_t lane, uint64_t entry, uint64_t after_ns)
{
	struct deferral *deferral = g_new0(struct deferral, 1);

	deferral->lane = lane;
	deferral->entry = entry;
	deferral->not_before_ns = yett_now(delivery->node) + after_ns;
	g_sequence_insert_sorted(delivery->deferred, deferral, by_time, NULL);
}

/* The one entry that was asked for, if it is still there. */
static void read_single(
	struct yett_delivery *delivery, uint32_t number, struct yett_queue_item *items, int count)
{
	struct lane *lane = &delivery->lanes[number];
	uint64_t entry = lane->single;

	lane->single = 0;
	if (count < 0) {
		defer(delivery, number, entry, READ_RETRY_NS);
	}
	for (int i = 0; i < count; i++) {
		if (items[i].number == entry) {
			make_ready(lane, yett_unit_new(number, entry, &items[i].batch,
						 items[i].meta, items[i].meta_length));
			yett_count(delivery->node, YETT_COUNT_RESENT, 1);
		}
		yett_buffer_unref(items[i].batch.buffer);
	}
}

void yett_deliver_read(
	struct yett_node *node, uint32_t number, struct yett_queue_item *items, int count)
{
	struct lane *lane = &node->delivery->lanes[number];

	lane->reading = false;
	if (count < 0 && count != YETT_EAGAIN) { /* with much damage, it goes on at once */
		yett_log(YETT_LOG_ERROR, "queue-unreadable",
			"the queue cannot be read now: %s; nothing is passed over, it is tried "
			"again lane=%u",
			yett_result_text(count), number);
		lane->retry_ns = yett_now(node) + READ_RETRY_NS;
	}
	if (lane->single != 0) {
		read_single(node->delivery, number, items, count);
		return;
	}
	for (int i = 0; i < count; i++) {
		if (items[i].number >= lane->next) {
			make_ready(lane, yett_unit_new(number, items[i].number, &items[i].batch,
						 items[i].meta, items[i].meta_length));
			lane->next = items[i].number + 1;
		}
		yett_buffer_unref(items[i].batch.buffer);
	}
	if (count == 0 && lane->next < lane->asked_known) {
		lane->next = lane->asked_known; /* what was there is gone: dropped, or damaged */
	}
}

static void read_on(struct yett_delivery *delivery, uint32_t number)
{
	struct yett_node *node = delivery->node;
	struct lane *lane = &delivery->lanes[number];
	struct deferral *deferral;

	if (lane->reading || yett_now(node) < lane->retry_ns ||
		lane->ready_bytes >= ready_limit(node)) {
		return;
	}
	deferral = g_queue_pop_head(&lane->due);
	if (deferral != NULL) {
		lane->reading = true;
		lane->single = deferral->entry;
		g_free(deferral);
		yett_queue_read(node, number, lane->single, 1);
	} else if (lane->next < lane->known && lane->ready_bytes <= ready_limit(node) / 2) {
		lane->reading = true; /* ahead of need, so that sending does not wait for it */
		lane->asked_known = lane->known;
		yett_queue_read(node, number, lane->next, read_bytes(node, lane));
	}
}

static struct yett_flight *flight_of(struct yett_peer *peer)
{
	if (peer->flight == NULL) {
		peer->flight = yett_flight_new();
	}
	return peer->flight;
}

/* Upstreams that would be used are to be told how much the next batch needs, once each. */
static void ask_for_credit(struct yett_node *node, uint32_t lane, uint64_t bytes)
{
	for (guint i = 0; i < node->links->len; i++) {
		const struct yett_link *link = node->links->pdata[i];
		struct yett_peer *peer = link->peer;
		struct yett_flight *flight;

		if (peer == NULL || peer->state != YETT_PEER_OPEN ||
			link->state == YETT_UPSTREAM_CONNECTING || peer->standby ||
			yett_wire_credit_left(peer->wire, lane) >= bytes) {
			continue;
		}
		flight = flight_of(peer);
		if (flight->asked[lane] == bytes) {
			continue;
		}
		flight->asked[lane] = bytes;
		flight->asks = true;
	}
}

/* For all lanes at once: what is said of a lane twice may be granted twice, and used once. */
static void tell_wants(struct yett_peer *peer)
{
	struct yett_credit message = {0};

	if (peer->flight == NULL || !peer->flight->asks) {
		return;
	}
	peer->flight->asks = false;
	memcpy(message.wanted, peer->flight->asked, sizeof(message.wanted));
	yett_wire_credit(peer->wire, &message);
}

/* What asks for credit overtakes batches that were sent before it, so the upstream may have counted
 * what those use as if it were there: where what it gives does not do, it is asked again. */
void yett_deliver_granted(struct yett_peer *peer, const struct yett_credit *message)
{
	for (uint32_t lane = 0; lane < YETT_LANES && peer->flight != NULL; lane++) {
		if (message->granted[lane] > 0) {
			peer->flight->asked[lane] = 0;
		}
	}
	yett_deliver(peer->node);
}

/* The way that the batch has come, and with us. */
static void route(const struct yett_node *node, const struct yett_unit *unit,
	struct yett_envelope *ret_envelope)
{
	if (yett_envelope_decode(unit->meta, unit->meta_length, ret_envelope) != 0) {
		memset(ret_envelope, 0, sizeof(*ret_envelope));
	}
	if (!yett_id_equal(&unit->batch.info.origin, &node->id) &&
		ret_envelope->hops < YETT_HOPS_MAX) {
		ret_envelope->path[ret_envelope->hops++] = node->id;
	}
}

static bool send_one(struct yett_delivery *delivery, uint32_t number)
{
	struct yett_node *node = delivery->node;
	struct lane *lane = &delivery->lanes[number];
	struct yett_unit *unit = g_queue_peek_head(&lane->ready);
	struct yett_envelope envelope;
	struct yett_link *link;
	uint64_t frame;
	int result;

	if (unit == NULL) {
		read_on(delivery, number);
		return false;
	}
	route(node, unit, &envelope);
	link = yett_select(node, number, unit->batch.length, &envelope);
	if (link == NULL) {
		ask_for_credit(node, number, unit->batch.length);
		return false;
	}
	if (link->peer->standby) {
		yett_upstream_use(link);
		return true; /* its credit is to come, or it is there from before */
	}
	result = yett_wire_batch(link->peer->wire, &envelope, &unit->batch, &frame);
	if (result != 0) {
		ask_for_credit(node, number, unit->batch.length);
		return false;
	}
	g_queue_pop_head(&lane->ready);
	lane->ready_bytes -= unit->batch.length;
	unit->sent_ns = yett_now(node);
	if (yett_deliver_unsettled(link->peer) == 0) {
		link->waits_ns = unit->sent_ns;
	}
	flight_of(link->peer)->asked[number] = 0;
	yett_flight_add(link->peer->flight, frame, unit);
	link->peer->batches++;
	link->peer->records += unit->batch.info.count;
	link->peer->bytes += unit->batch.length;
	yett_count(node, YETT_COUNT_BATCHES_OUT, 1);
	yett_count(node, YETT_COUNT_RECORDS_OUT, unit->batch.info.count);
	yett_count(node, YETT_COUNT_BYTES_OUT, unit->batch.length);
	read_on(delivery, number);
	return true;
}

static void flush_upstreams(struct yett_node *node)
{
	for (guint i = 0; i < node->links->len; i++) {
		const struct yett_link *link = node->links->pdata[i];
		struct yett_peer *peer = link->peer;

		if (peer != NULL && peer->state == YETT_PEER_OPEN) {
			tell_wants(peer); /* may end it: it is not the link's then */
			yett_peer_flush(peer);
		}
	}
}

static void undefer(struct yett_delivery *delivery)
{
	uint64_t now_ns = yett_now(delivery->node);

	while (!g_sequence_is_empty(delivery->deferred)) {
		GSequenceIter *first = g_sequence_get_begin_iter(delivery->deferred);
		const struct deferral *deferral = g_sequence_get(first);

		if (deferral->not_before_ns > now_ns) {
			break;
		}
		g_queue_push_tail(&delivery->lanes[deferral->lane].due,
			g_memdup2(deferral, sizeof(*deferral)));
		g_sequence_remove(first);
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		if (!g_queue_is_empty(&delivery->lanes[lane].due)) {
			read_on(delivery, lane);
		}
	}
}

void yett_deliver(struct yett_node *node)
{
	struct yett_delivery *delivery = node->delivery;

	if (delivery == NULL || node->policy == NULL || node->queue == NULL ||
		(node->draining && yett_now(node) > node->drain_send_ns)) {
		return;
	}
	if (delivery->running) {
		delivery->again = true; /* a session ended while sending: once more, below */
		return;
	}
	delivery->running = true;
	undefer(delivery);
	do {
		bool moved;

		delivery->again = false;
		do {
			moved = false;
			for (uint32_t i = 0; i < YETT_LANES; i++) {
				for (unsigned n = 0; n < turns[i] && send_one(delivery, i); n++) {
					moved = true;
				}
			}
			flush_upstreams(node);
		} while (moved);
	} while (delivery->again);
	delivery->running = false;
}

void yett_deliver_defer(struct yett_node *node, struct yett_unit *unit, uint32_t after_ms)
{
	defer(node->delivery, unit->lane, unit->entry, after_ms * YETT_MS);
	yett_unit_free(unit);
}

void yett_deliver_gone(struct yett_peer *peer)
{
	struct yett_delivery *delivery = peer->node->delivery;
	struct yett_unit *unit;

	if (peer->flight == NULL) {
		return;
	}
	while ((unit = yett_flight_take_last(peer->flight)) != NULL) {
		ready_again(delivery, unit);
	}
	yett_flight_free(peer->flight);
	peer->flight = NULL;
}

uint64_t yett_deliver_unsettled(const struct yett_peer *peer)
{
	return peer->flight != NULL ? peer->flight->bytes : 0;
}

uint64_t yett_deliver_ready_bytes(const struct yett_node *node)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; node->delivery != NULL && i < YETT_LANES; i++) {
		for (GList *at = node->delivery->lanes[i].ready.head; at != NULL; at = at->next) {
			const struct yett_unit *unit = at->data;

			sum += yett_buffer_length(unit->batch.buffer);
		}
	}
	return sum;
}

bool yett_deliver_has_room(const struct yett_peer *peer, uint32_t bytes)
{
	uint64_t unsettled = yett_deliver_unsettled(peer);

	return unsettled == 0 ||
	       unsettled + bytes <= peer->node->settings->node.memory_bytes / FLIGHT_PART;
}

bool yett_deliver_idle(const struct yett_node *node)
{
	for (guint i = 0; node->delivery != NULL && i < node->links->len; i++) {
		const struct yett_link *link = node->links->pdata[i];

		if ((link->peer != NULL && yett_deliver_unsettled(link->peer) > 0) ||
			(link->retiring != NULL && yett_deliver_unsettled(link->retiring) > 0)) {
			return false;
		}
	}
	return true;
}
