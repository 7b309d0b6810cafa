/* Telling upstreams who is here.
 *
 * Responsible for ATTACH, DETACH and HEARTBEAT as this node sends them: all of it when an upstream
 * opens, then what changes. Presence is told only to upstreams with a way to the store that does not
 * lead through this node, so it goes no more in circles than data does; heartbeats are coalesced,
 * never queued. A table is told at the pace at which it is read: what is new of a node meanwhile is what
 * is told of it. Not responsible for who is known (known.c), nor for when it is news (manage.c).
 * On the loop. */
#include <string.h>

#include "../../base/id.h"
#include "../../flow/stages.h"
#include "../internal.h"

#define UNSENT_MAX   (128 * 1024) /* of control; beyond it, the rest waits */
#define TOLD_AT_ONCE 32

/* By the newest way that does not lead through the upstream itself. What an upstream has told is not told
 * back to it as ours: two gateways that are each other's backup would keep a node alive between them
 * for ever, and pass its last sessions to and fro. */
static void describe(const struct yett_manage *manage, const struct yett_known *known,
	const struct yett_peer *upstream, struct yett_attached *ret)
{
	const struct yett_way *way = yett_known_newest_way(known, &upstream->id);
	const struct yett_id *via = way != NULL ? &way->via : &known->via;

	memset(ret, 0, sizeof(*ret));
	ret->id = known->id;
	ret->boot = known->boot;
	ret->via = yett_id_is_zero(via) ? manage->node->id : *via;
	ret->session = way != NULL ? way->session : known->session;
	ret->live = known->live && way != NULL && !upstream->standby;
	ret->relay = known->relay;
	ret->hops = way != NULL ? way->hops : 0;
	ret->heartbeat_s = known->interval_s;
	ret->cloned = yett_clones_is(manage, known);
	g_strlcpy(ret->name, known->name, sizeof(ret->name));
	g_strlcpy(ret->method, known->method, sizeof(ret->method));
	g_strlcpy(ret->software, known->software, sizeof(ret->software));
	g_strlcpy(ret->address, known->address, sizeof(ret->address));
}

struct one {
	struct yett_id id; /* the key */
	bool gone; /* by a DETACH as well, which counts of whomever; an ATTACH may be refused */
};

/* Of whom one upstream has still to hear, in order. What it will hear is how things are then. */
struct untold {
	GQueue order;    /* struct one, which the set owns */
	GHashTable *set; /* of them */
};

static void untold_free(void *arg)
{
	struct untold *untold = arg;

	g_queue_clear(&untold->order);
	g_hash_table_unref(untold->set);
	g_free(untold);
}

void yett_tell_init(struct yett_manage *manage)
{
	manage->untold = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, untold_free);
}

void yett_tell_done(struct yett_manage *manage)
{
	g_hash_table_unref(manage->untold);
}

void yett_tell_forget(struct yett_manage *manage, struct yett_peer *upstream)
{
	g_hash_table_remove(manage->untold, upstream);
}

static gboolean same_id(gconstpointer a, gconstpointer b)
{
	return yett_id_equal_key(a, b);
}

static void put_off(
	struct yett_manage *manage, struct yett_peer *upstream, const struct yett_id *id, bool gone)
{
	struct untold *untold = g_hash_table_lookup(manage->untold, upstream);
	struct one *one;

	if (untold == NULL) {
		untold = g_new0(struct untold, 1);
		g_queue_init(&untold->order);
		untold->set = g_hash_table_new_full(yett_id_hash, same_id, g_free, NULL);
		g_hash_table_insert(manage->untold, upstream, untold);
	}
	one = g_hash_table_lookup(untold->set, id);
	if (one == NULL) {
		one = g_new0(struct one, 1);
		one->id = *id;
		g_hash_table_add(untold->set, one);
		g_queue_push_tail(&untold->order, one);
	}
	one->gone = one->gone || gone;
}

static bool on_the_way(const struct yett_peer *upstream)
{
	return upstream->state == YETT_PEER_OPEN && upstream->link != NULL &&
	       upstream->link->state == YETT_UPSTREAM_UP;
}

/* The next of them, as many as go at once. */
static void take_some(struct yett_manage *manage, const struct yett_peer *upstream,
	struct untold *untold, struct yett_attach *message, struct yett_detach *gone)
{
	struct one *one;

	message->count = gone->count = 0;
	while (message->count < TOLD_AT_ONCE && gone->count < TOLD_AT_ONCE &&
		(one = g_queue_pop_head(&untold->order)) != NULL) {
		const struct yett_known *known = g_hash_table_lookup(manage->known, &one->id);

		if (known != NULL) {
			describe(manage, known, upstream, &message->nodes[message->count++]);
		}
		if (one->gone && (known == NULL || !known->live)) {
			gone->ids[gone->count++] = one->id;
		}
		g_hash_table_remove(untold->set, one);
	}
}

void yett_tell_more(struct yett_manage *manage, struct yett_peer *upstream)
{
	struct yett_attach *message = g_new(struct yett_attach, 1);
	struct yett_detach *gone = g_new(struct yett_detach, 1);
	struct untold *untold;

	yett_peer_ref(upstream);
	/* Sought each time: what is sent may end the session, and then it is forgotten. */
	while ((untold = g_hash_table_lookup(manage->untold, upstream)) != NULL) {
		if (!on_the_way(upstream)) {
			yett_tell_forget(manage, upstream); /* all of it again, when it is */
			break;
		}
		if (yett_wire_control_unsent(upstream->wire) > UNSENT_MAX) {
			break;
		}
		take_some(manage, upstream, untold, message, gone);
		if (g_queue_is_empty(&untold->order)) {
			yett_tell_forget(manage, upstream);
		}
		if (message->count > 0) {
			yett_wire_attach(upstream->wire, message);
		}
		if (gone->count > 0) {
			yett_wire_detach(upstream->wire, gone);
		}
		yett_peer_flush(upstream);
	}
	yett_peer_unref(upstream);
	g_free(message);
	g_free(gone);
}

void yett_tell_all(struct yett_manage *manage, struct yett_peer *upstream)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		put_off(manage, upstream, &((const struct yett_known *)value)->id, false);
	}
	yett_tell_more(manage, upstream);
}

void yett_tell_of(struct yett_manage *manage, const struct yett_known *known)
{
	for (guint i = 0; i < manage->node->links->len; i++) {
		const struct yett_link *link = manage->node->links->pdata[i];
		struct yett_peer *peer = link->peer;

		if (peer != NULL && on_the_way(peer)) {
			put_off(manage, peer, &known->id, false);
			yett_tell_more(manage, peer);
		}
	}
}

void yett_tell_gone(struct yett_manage *manage, const struct yett_detach *message)
{
	for (guint i = 0; i < manage->node->links->len && message->count > 0; i++) {
		const struct yett_link *link = manage->node->links->pdata[i];
		struct yett_peer *peer = link->peer;

		if (peer == NULL || peer->standby || !on_the_way(peer)) {
			continue;
		}
		if (yett_wire_control_unsent(peer->wire) <= UNSENT_MAX) {
			yett_wire_detach(peer->wire, message);
			yett_peer_flush(peer);
			continue;
		}
		for (uint32_t j = 0; j < message->count; j++) {
			put_off(manage, peer, &message->ids[j], true);
		}
	}
}

/* Where the last ones are not read yet, these say nothing new: the next ones will. A standby carries no
 * presence: what it hears of is who may come to be behind us. */
static void send_heartbeat(struct yett_manage *manage, const struct yett_heartbeat *message)
{
	for (guint i = 0; i < manage->node->links->len; i++) {
		const struct yett_link *link = manage->node->links->pdata[i];
		struct yett_peer *peer = link->peer;

		if (peer != NULL && peer->state == YETT_PEER_OPEN && !peer->standby &&
			yett_wire_control_unsent(peer->wire) <= UNSENT_MAX) {
			yett_wire_heartbeat(peer->wire, message);
			yett_peer_flush(peer);
		}
	}
}

void yett_tell_heartbeats(struct yett_manage *manage, uint64_t now_ns)
{
	struct yett_heartbeat *message = g_new0(struct yett_heartbeat, 1);
	GHashTableIter iter;
	gpointer value;

	message->wall_ns = yett_clock_wall(manage->node->clock);
	message->interval_s = (uint32_t)(manage->node->settings->node.heartbeat_ns / YETT_SEC);
	message->degraded = yett_node_trouble(manage->node, message->why, sizeof(message->why));
	message->backlog_s = yett_backlog_s(manage->node);
	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct yett_known *known = value;
		uint64_t age_ms = (now_ns - known->heard_at_ns) / YETT_MS;

		if (!known->live || known->heard_at_ns == 0) {
			continue;
		}
		message->nodes[message->count].id = known->id;
		message->nodes[message->count].age_ms =
			age_ms < UINT32_MAX ? (uint32_t)age_ms : UINT32_MAX;
		message->count++;
		if (known->backlog_s > 0 || known->why[0] != '\0') {
			struct yett_sick *sick = &message->sick[message->sick_count++];

			sick->id = known->id;
			sick->backlog_s = known->backlog_s;
			g_strlcpy(sick->why, known->why, sizeof(sick->why));
		}
		if (message->count == YETT_ATTACH_MAX || message->sick_count == YETT_SICK_MAX) {
			send_heartbeat(manage, message);
			message->count = message->sick_count = 0;
		}
	}
	send_heartbeat(manage, message);
	g_free(message);
}
