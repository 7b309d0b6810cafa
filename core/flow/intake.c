/* Intake: a batch from a peer, checked, kept, and only then acknowledged.
 *
 * Responsible for holding a batch's origin against the peer (its own id, or one granted to it), for
 * putting aside, at the store, what claims to be this server's own, for refusing what has passed too
 * many relays, and for the acknowledgement, which goes out after the
 * queue or the store says that the batch is durable, never before. Not responsible for being
 * durable (queue.c, store.c) nor for how much may come (credit.c). On the loop.
 *
 * Acknowledgements are collected while a group of batches completes and sent once a group. A peer
 * that has gone meanwhile gets none: it sends again elsewhere, and the store knows twins. */
#include <string.h>

#include "../base/id.h"
#include "../base/log.h"
#include "../wire/batch.h"
#include "stages.h"

#define RETRY_GRANT_MS 30000
#define RETRY_LOOP_MS  5000
#define RETRY_LIMIT_MS 10000

/* The peer's, to which the present group adds. It stands in the node's list meanwhile, since there may
 * be ten thousand peers of which three have sent something. */
static struct yett_ack *collected(struct yett_peer *peer)
{
	if (peer->ack == NULL) {
		peer->ack = g_new(struct yett_ack, 1);
		peer->ack->range_count = peer->ack->refusal_count = 0;
		g_ptr_array_add(peer->node->acknowledging, yett_peer_ref(peer));
	}
	return peer->ack;
}

static void send_ack(struct yett_peer *peer, struct yett_ack *ack)
{
	if (peer->state == YETT_PEER_OPEN) {
		yett_wire_ack(peer->wire, ack);
	}
	ack->range_count = ack->refusal_count = 0;
}

static void acknowledge(struct yett_peer *peer, uint64_t number)
{
	struct yett_ack *ack = collected(peer);

	if (ack->range_count > 0 && ack->ranges[ack->range_count - 1].last + 1 == number) {
		ack->ranges[ack->range_count - 1].last = number;
		return;
	}
	if (ack->range_count == YETT_ACK_RANGES_MAX) {
		send_ack(peer, ack);
	}
	ack->ranges[ack->range_count].first = number;
	ack->ranges[ack->range_count].last = number;
	ack->range_count++;
}

static void refuse(struct yett_peer *peer, uint64_t number, uint32_t code, uint32_t retry_after_ms,
	const struct yett_batch *batch)
{
	struct yett_ack *ack = g_new0(struct yett_ack, 1);

	ack->refusals[0].number = number;
	ack->refusals[0].code = code;
	ack->refusals[0].retry_after_ms = retry_after_ms;
	ack->refusal_count = 1;
	send_ack(peer, ack);
	g_free(ack);
	/* Its credit comes back, since we hold nothing of it. */
	yett_credit_durable(peer, batch->info.lane, batch->length);
	yett_count(peer->node, YETT_COUNT_REFUSED, 1);
}

void yett_intake_acknowledge(struct yett_node *node)
{
	GPtrArray *group = node->acknowledging;

	/* A flush may end a peer, and completions may begin the next group. */
	node->acknowledging = g_ptr_array_new();
	for (guint i = 0; i < group->len; i++) {
		struct yett_peer *peer = group->pdata[i];

		send_ack(peer, peer->ack);
		g_clear_pointer(&peer->ack, g_free);
		yett_peer_flush(peer);
		yett_peer_unref(peer);
	}
	g_ptr_array_free(group, TRUE);
}

static void kept(struct yett_keep *keep, int result)
{
	struct yett_peer *peer = keep->owner;

	if (result != 0 && peer->state == YETT_PEER_OPEN) {
		/* Not kept: it must not stay in flight for ever on a session that lives. */
		refuse(peer, keep->number, YETT_REFUSE_BUSY, RETRY_LIMIT_MS, &keep->batch);
		yett_peer_flush(peer);
	} else {
		if (result == 0 && peer->state == YETT_PEER_OPEN) {
			acknowledge(peer, keep->number);
		}
		yett_credit_durable(peer, keep->batch.info.lane, keep->batch.length);
	}
	yett_peer_unref(peer);
}

/* A batch may come back to a relay that has passed it on, because the way has changed since: it goes
 * on from here, and what it passed in between is no part of its way. That it does not come back
 * again and again is seen to by PATH, and by select where both have ways. */
static void forget_detour(const struct yett_node *node, struct yett_envelope *envelope)
{
	for (uint32_t i = 0; i < envelope->hops; i++) {
		if (yett_id_equal(&envelope->path[i], &node->id)) {
			envelope->hops = i;
		}
	}
}

static bool is_upstream(const struct yett_peer *peer)
{
	for (guint i = 0; i < peer->node->links->len; i++) {
		const struct yett_link *link = peer->node->links->pdata[i];

		if (strcmp(link->name, peer->name) == 0) {
			return true;
		}
	}
	return false;
}

/* Its own, what it was granted, and our own where it comes back from a gateway that we sent it to,
 * because the way has changed. */
static bool may_send(const struct yett_peer *peer, const struct yett_id *origin)
{
	const struct yett_management *management = &peer->node->management;

	if (yett_id_equal(origin, &peer->id)) {
		return true;
	}
	if (yett_id_equal(origin, &peer->node->id)) {
		return peer->may_proxy && is_upstream(peer);
	}
	return peer->may_proxy && management->granted != NULL &&
	       management->granted(management->arg, &peer->id, origin);
}

/* Why what a peer may not send is kept aside, and not refused until a grant comes; NULL: it is refused.
 * That this server's own origin is granted to anybody will never be; and a batch that is refused for ever
 * would stay in the queue of whoever brings it, with the segment that it lies in. Where there is no store
 * there is nowhere to put it. */
static const char *why_aside(const struct yett_peer *peer, const struct yett_id *origin)
{
	if (peer->node->store == NULL || !yett_id_equal(origin, &peer->node->id)) {
		return NULL;
	}
	yett_log(YETT_LOG_WARNING, "origin-refused",
		"a batch bears the origin of this server: a node behind its sender, or that "
		"itself, "
		"has taken this server's id, or is a copy of it; it is put aside with the dead "
		"letters "
		"(yettctl dead list); find that node, and stop it peer=%s",
		peer->name);
	return "it bears the origin of this server";
}

static void refuse_origin(struct yett_peer *peer, uint64_t number, const struct yett_batch *batch)
{
	char origin[YETT_ID_TEXT_SIZE];

	yett_log(YETT_LOG_WARNING, "origin-refused",
		"a batch whose origin was not granted to its sender; it may be a gateway that "
		"`proxy` "
		"does not list peer=%s origin=%s",
		peer->name, yett_id_text(&batch->info.origin, origin));
	refuse(peer, number, YETT_REFUSE_RELAY, RETRY_GRANT_MS, batch);
}

void yett_keep_give(struct yett_node *node, struct yett_keep *keep)
{
	if (node->store != NULL) {
		yett_store_keep(node, keep);
	} else {
		yett_queue_keep(node, keep);
	}
}

/* What comes from an origin that the group has barred: it is declared lost, by name, and only then
 * acknowledged, so that it neither stops whoever brings it nor vanishes. */
struct rejection {
	struct yett_peer *peer;
	uint64_t number;
	uint32_t lane, length;
};

static void rejected(void *arg, int result)
{
	struct rejection *rejection = arg;
	struct yett_peer *peer = rejection->peer;

	if (result == 0 && peer->state == YETT_PEER_OPEN) {
		acknowledge(peer, rejection->number);
	}
	if (result == 0) {
		yett_credit_durable(peer, rejection->lane, rejection->length);
	}
	yett_peer_unref(peer);
	g_free(rejection);
}

static void reject(struct yett_peer *peer, uint64_t number, const struct yett_batch *batch)
{
	const struct yett_batch_info *info = &batch->info;
	const struct yett_range range = yett_batch_range(info);
	struct rejection *rejection = g_new0(struct rejection, 1);
	char origin[YETT_ID_TEXT_SIZE];

	yett_log(YETT_LOG_WARNING, "origin-rejected",
		"what a barred node has sent is not stored; it is declared lost, cause rejected "
		"origin=%s peer=%s records=%u",
		yett_id_text(&info->origin, origin), peer->name, info->count);
	rejection->peer = yett_peer_ref(peer);
	rejection->number = number;
	rejection->lane = info->lane;
	rejection->length = batch->length;
	yett_gap_reject(peer->node, &range, rejected, rejection);
}

static bool is_barred(const struct yett_node *node, const struct yett_id *origin)
{
	return node->store != NULL && node->management.barred != NULL &&
	       node->management.barred(node->management.arg, origin);
}

void yett_intake(struct yett_peer *peer, uint64_t number, const struct yett_envelope *envelope,
	const struct yett_batch *batch)
{
	struct yett_node *node = peer->node;
	struct yett_envelope came = *envelope;
	uint8_t meta[YETT_ENVELOPE_MAX];
	struct yett_keep *keep;
	const char *aside = NULL;
	char origin[YETT_ID_TEXT_SIZE];

	yett_credit_received(peer, batch->info.lane, batch->length);
	if (!may_send(peer, &batch->info.origin) &&
		(aside = why_aside(peer, &batch->info.origin)) == NULL) {
		refuse_origin(peer, number, batch);
		return;
	}
	if (!peer->may_proxy) {
		/* Nobody is before it, whatever it says: what has passed seven already would be refused
		 * at the second relay, for ever. */
		came.hops = 0;
	}
	if (came.hops == 0) {
		g_strlcpy(came.method, peer->mechanism, sizeof(came.method));
	}
	forget_detour(node, &came);
	if (came.hops >= YETT_HOPS_MAX) {
		yett_log(YETT_LOG_WARNING, "loop-refused",
			"a batch has passed %d relays already; make the chain of gateways shorter "
			"peer=%s origin=%s",
			YETT_HOPS_MAX, peer->name, yett_id_text(&batch->info.origin, origin));
		refuse(peer, number, YETT_REFUSE_RELAY, RETRY_LOOP_MS, batch);
		return;
	}
	if (is_barred(node, &batch->info.origin)) {
		reject(peer, number, batch);
		return;
	}
	keep = yett_keep_new(
		batch, meta, yett_envelope_encode(&came, meta), kept, yett_peer_ref(peer));
	keep->number = number;
	keep->received_ns = yett_clock_wall(node->clock);
	keep->aside = aside;
	if (!yett_id_equal(&batch->info.origin, &peer->id)) {
		keep->gateway = g_strdup(peer->name);
	}
	peer->batches++;
	peer->records += batch->info.count;
	peer->bytes += batch->length;
	yett_count(node, YETT_COUNT_BATCHES_IN, 1);
	yett_count(node, YETT_COUNT_RECORDS_IN, batch->info.count);
	yett_count(node, YETT_COUNT_BYTES_IN, batch->length);
	yett_keep_give(node, keep);
}
