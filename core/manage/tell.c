/* Telling upstreams who is here.
 *
 * Responsible for ATTACH, DETACH and HEARTBEAT as this node sends them: all of it when an upstream
 * opens, then what changes. Presence is told only to upstreams with a way to the store that does not
 * lead through this node, so it goes no more in circles than data does; heartbeats are coalesced,
 * never queued. Not responsible for who is known (known.c), nor for when it is news (manage.c).
 * On the loop. */
#include <string.h>

#include "../base/id.h"
#include "../flow/stages.h"
#include "internal.h"

static void describe(
	const struct yett_manage *manage, const struct yett_known *known, struct yett_attached *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->id = known->id;
	ret->boot = known->boot;
	ret->via = yett_id_is_zero(&known->via) ? manage->node->id : known->via;
	ret->session = known->session;
	ret->live = known->live;
	ret->relay = known->relay;
	g_strlcpy(ret->name, known->name, sizeof(ret->name));
	g_strlcpy(ret->method, known->method, sizeof(ret->method));
	g_strlcpy(ret->software, known->software, sizeof(ret->software));
	g_strlcpy(ret->address, known->address, sizeof(ret->address));
}

static void send_attach(struct yett_peer *upstream, struct yett_attach *message)
{
	if (message->count > 0) {
		yett_wire_attach(upstream->wire, message);
		yett_peer_flush(upstream);
		message->count = 0;
	}
}

void yett_tell_all(struct yett_manage *manage, struct yett_peer *upstream)
{
	struct yett_attach *message = g_new0(struct yett_attach, 1);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		describe(manage, value, &message->nodes[message->count++]);
		if (message->count == YETT_ATTACH_MAX) {
			send_attach(upstream, message);
		}
	}
	send_attach(upstream, message);
	g_free(message);
}

typedef void (*upstream_fn)(struct yett_peer *upstream, const void *message);

/* `on_the_way`: only those that have a way to the store, which does not lead through us. */
static void each_upstream(
	struct yett_manage *manage, bool on_the_way, upstream_fn fn, const void *message)
{
	for (guint i = 0; i < manage->node->links->len; i++) {
		const struct yett_link *link = manage->node->links->pdata[i];
		struct yett_peer *peer = link->peer;

		if (peer != NULL && peer->state == YETT_PEER_OPEN &&
			(!on_the_way || link->state == YETT_UPSTREAM_UP)) {
			fn(peer, message);
			yett_peer_flush(peer);
		}
	}
}

static void attach_one(struct yett_peer *upstream, const void *message)
{
	yett_wire_attach(upstream->wire, message);
}

static void detach_some(struct yett_peer *upstream, const void *message)
{
	yett_wire_detach(upstream->wire, message);
}

void yett_tell_of(struct yett_manage *manage, const struct yett_known *known)
{
	struct yett_attach *message;

	if (manage->node->links->len == 0) {
		return;
	}
	message = g_new0(struct yett_attach, 1);
	message->count = 1;
	describe(manage, known, &message->nodes[0]);
	each_upstream(manage, true, attach_one, message);
	g_free(message);
}

void yett_tell_gone(struct yett_manage *manage, const struct yett_detach *message)
{
	if (message->count > 0) {
		each_upstream(manage, true, detach_some, message);
	}
}

static void send_heartbeat(struct yett_peer *upstream, const void *message)
{
	yett_wire_heartbeat(upstream->wire, message);
}

void yett_tell_heartbeats(struct yett_manage *manage, uint64_t now_ns)
{
	struct yett_heartbeat *message = g_new0(struct yett_heartbeat, 1);
	GHashTableIter iter;
	gpointer value;

	message->wall_ns = yett_clock_wall(manage->node->clock);
	message->interval_s = (uint32_t)(manage->node->settings->node.heartbeat_ns / YETT_SEC);
	message->degraded = manage->node->degraded;
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
		if (++message->count == YETT_ATTACH_MAX) {
			each_upstream(manage, false, send_heartbeat, message);
			message->count = 0;
		}
	}
	each_upstream(manage, false, send_heartbeat, message);
	g_free(message);
}
