/* Management: presence and grants.
 *
 * Responsible for the table of nodes that this one knows of (its own sessions, and what gateways
 * attach), for which gateway may speak for which origin, for telling upstreams about all of that, and
 * for heartbeats, which are control messages, sent on and coalesced, never queued. Not responsible
 * for admission (flow/admit.c), for how it is kept (registry.c) nor for how it is shown (views.c).
 * On the loop.
 *
 * Presence is (node, boot, session). A node is there as long as one of its ways is, and shows by its
 * newest one; a later boot ends all ways of the earlier one. Presence is told only to upstreams with
 * a way to the store that does not lead through this node, so it goes no more in circles than data
 * does. A grant outlives the session, so what a departed agent left with its gateway can still be
 * delivered. */
#include "manage.h"

#include <string.h>

#include "../base/id.h"
#include "../base/log.h"
#include "../flow/stages.h"
#include "internal.h"

#define KNOWN_MAX 200000 /* nodes that are known here */

const char *yett_health_text(enum yett_health health)
{
	static const char *const texts[] = {
		"Not monitored", "Healthy", "Warning", "Critical", "Unreachable"};

	return texts[health];
}

struct yett_node *yett_manage_node(const struct yett_manage *manage)
{
	return manage->node;
}

const struct yett_known *yett_manage_find(
	const struct yett_manage *manage, const struct yett_id *id)
{
	return g_hash_table_lookup(manage->known, id);
}

static const struct yett_id here; /* zero: connected to this node */

static gboolean id_equal(gconstpointer a, gconstpointer b)
{
	return yett_id_equal_key(a, b);
}

static guint pair_hash(gconstpointer key)
{
	const struct yett_grant *grant = key;

	return yett_id_hash(&grant->gateway) * 31 + yett_id_hash(&grant->origin);
}

static gboolean pair_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, sizeof(struct yett_grant)) == 0;
}

struct yett_known *yett_manage_ensure(struct yett_manage *manage, const struct yett_id *id)
{
	struct yett_known *known = g_hash_table_lookup(manage->known, id);

	if (known == NULL) {
		known = g_new0(struct yett_known, 1);
		known->id = *id;
		known->first_ns = yett_clock_wall(manage->node->clock);
		g_hash_table_insert(manage->known, &known->id, known);
	}
	return known;
}

void yett_manage_grant(
	struct yett_manage *manage, const struct yett_id *gateway, const struct yett_id *origin)
{
	struct yett_grant *grant = g_new0(struct yett_grant, 1);

	grant->gateway = *gateway;
	grant->origin = *origin;
	if (g_hash_table_contains(manage->grants, grant)) {
		g_free(grant);
		return;
	}
	g_hash_table_add(manage->grants, grant);
	yett_registry_grant(manage, grant);
}

static bool granted(void *arg, const struct yett_id *gateway, const struct yett_id *origin)
{
	struct yett_manage *manage = arg;
	struct yett_grant grant = {.gateway = *gateway, .origin = *origin};

	return g_hash_table_contains(manage->grants, &grant);
}

static void set_live(struct yett_manage *manage, struct yett_known *known, bool live)
{
	if (known->live != live || known->changed_ns == 0) {
		known->changed_ns = yett_clock_wall(manage->node->clock);
	}
	known->live = live;
	if (live) {
		known->gone_at_ns = 0;
		known->heard_at_ns = yett_now(manage->node);
		known->heard_ns = yett_clock_wall(manage->node->clock);
	} else if (known->gone_at_ns == 0) {
		known->gone_at_ns = yett_now(manage->node);
	}
}

/* Ways. */

static struct yett_way *find_way(struct yett_known *known, const struct yett_id *through)
{
	for (size_t i = 0; i < YETT_WAYS_MAX; i++) {
		if (known->ways[i].used && yett_id_equal(&known->ways[i].through, through)) {
			return &known->ways[i];
		}
	}
	return NULL;
}

/* A free place, or that of the oldest. */
static struct yett_way *place_for_way(struct yett_known *known)
{
	struct yett_way *oldest = &known->ways[0];

	for (size_t i = 0; i < YETT_WAYS_MAX; i++) {
		if (!known->ways[i].used) {
			return &known->ways[i];
		}
		if (known->ways[i].session < oldest->session) {
			oldest = &known->ways[i];
		}
	}
	return oldest;
}

static void use_newest_way(struct yett_manage *manage, struct yett_known *known)
{
	const struct yett_way *newest = NULL;

	for (size_t i = 0; i < YETT_WAYS_MAX; i++) {
		const struct yett_way *way = &known->ways[i];

		if (way->used && (newest == NULL || way->session > newest->session)) {
			newest = way;
		}
	}
	if (newest != NULL) {
		known->via = newest->via;
		known->session = newest->session;
	}
	if (known->live != (newest != NULL)) {
		set_live(manage, known, newest != NULL);
	}
}

/* Whether that is news. */
static bool set_way(struct yett_known *known, const struct yett_id *through,
	const struct yett_id *via, uint64_t session)
{
	struct yett_way *way = find_way(known, through);

	if (way != NULL && way->session == session && yett_id_equal(&way->via, via)) {
		return false;
	}
	if (way == NULL) {
		way = place_for_way(known);
	}
	*way = (struct yett_way){
		.used = true, .through = *through, .via = *via, .session = session};
	return true;
}

static bool drop_way(struct yett_known *known, const struct yett_id *through)
{
	struct yett_way *way = find_way(known, through);

	if (way == NULL) {
		return false;
	}
	way->used = false;
	return true;
}

/* What an earlier start of the node left counts no more. */
static void set_boot(struct yett_known *known, const struct yett_id *boot)
{
	if (!yett_id_equal(&known->boot, boot)) {
		memset(known->ways, 0, sizeof(known->ways));
		known->boot = *boot;
	}
}

/* Telling upstreams. */

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

static void upstream_open(void *arg, struct yett_peer *upstream)
{
	struct yett_manage *manage = arg;
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
	manage->next_heartbeat_ns = 0; /* say that we are here */
}

typedef void (*upstream_fn)(struct yett_peer *upstream, const void *message);

/* `on_the_way`: only those that have a way to the store, which does not lead through us. */
static void each_upstream(
	struct yett_manage *manage, bool on_the_way, upstream_fn fn, const void *message)
{
	for (guint i = 0; i < manage->node->links->len; i++) {
		struct yett_link *link = manage->node->links->pdata[i];

		if (link->peer != NULL && link->peer->state == YETT_PEER_OPEN &&
			(!on_the_way || link->state == YETT_UPSTREAM_UP)) {
			fn(link->peer, message);
		}
	}
}

static void attach_one(struct yett_peer *upstream, const void *message)
{
	yett_wire_attach(upstream->wire, message);
	yett_peer_flush(upstream);
}

static void detach_some(struct yett_peer *upstream, const void *message)
{
	yett_wire_detach(upstream->wire, message);
	yett_peer_flush(upstream);
}

static void pass_on(struct yett_manage *manage, const struct yett_known *known)
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

static void pass_on_gone(struct yett_manage *manage, const struct yett_detach *message)
{
	if (message->count > 0) {
		each_upstream(manage, true, detach_some, message);
	}
}

/* What the flow tells. */

static void joined(void *arg, struct yett_peer *peer)
{
	struct yett_manage *manage = arg;
	struct yett_known *known = yett_manage_ensure(manage, &peer->id);

	set_boot(known, &peer->boot);
	set_way(known, &here, &here, peer->session);
	known->relay = (peer->flags & YETT_INTRO_RELAY) != 0;
	g_strlcpy(known->name, peer->name, sizeof(known->name));
	g_strlcpy(known->method, peer->mechanism, sizeof(known->method));
	g_strlcpy(known->software, peer->software, sizeof(known->software));
	g_strlcpy(known->address, peer->address, sizeof(known->address));
	use_newest_way(manage, known);
	set_live(manage, known, true);
	pass_on(manage, known);
	yett_registry_node(manage, known);
}

/* One of its ways has ended: another one is left, or it is gone. */
static void way_ended(
	struct yett_manage *manage, struct yett_known *known, struct yett_detach *message)
{
	use_newest_way(manage, known);
	yett_registry_node(manage, known);
	if (known->live) {
		pass_on(manage, known);
		return;
	}
	message->ids[message->count++] = known->id;
	if (message->count == YETT_ATTACH_MAX) {
		pass_on_gone(manage, message);
		message->count = 0;
	}
}

static void left(void *arg, struct yett_peer *peer)
{
	struct yett_manage *manage = arg;
	struct yett_known *known = g_hash_table_lookup(manage->known, &peer->id);
	struct yett_detach *message;
	struct yett_way *way;
	GHashTableIter iter;
	gpointer value;

	way = known != NULL ? find_way(known, &here) : NULL;
	if (peer->role != YETT_ROLE_ACCEPTOR || way == NULL || way->session != peer->session) {
		return; /* a newer session of the node is up, with all that is behind it */
	}
	message = g_new0(struct yett_detach, 1);
	way->used = false;
	way_ended(manage, known, message);
	g_hash_table_iter_init(&iter, manage->known);
	while (peer->may_proxy && g_hash_table_iter_next(&iter, NULL, &value)) {
		struct yett_known *behind = value;

		if (drop_way(behind, &peer->id)) {
			way_ended(manage, behind, message);
		}
	}
	pass_on_gone(manage, message);
	g_free(message);
}

/* Whether a peer's word about a node may be taken. */
static bool may_attach(const struct yett_manage *manage, const struct yett_peer *gateway,
	const struct yett_attached *node)
{
	const struct yett_known *known;

	if (yett_id_equal(&node->id, &manage->node->id) || yett_id_equal(&node->id, &gateway->id)) {
		return false;
	}
	if (node->relay && !yett_admit_may_proxy(gateway->gate->settings, node->name)) {
		return false; /* a gateway behind it has to be listed as well */
	}
	known = g_hash_table_lookup(manage->known, &node->id);
	if (known != NULL && known->relay &&
		!yett_admit_may_proxy(gateway->gate->settings, known->name)) {
		return false; /* nor is it none for being called an agent now */
	}
	return true;
}

/* Whether a gateway's word about a node is news: a way that is new or other than it was, one that has
 * ended, or the first word of a node that has left. What is known already is none. */
static bool is_news(
	struct yett_known *known, const struct yett_peer *gateway, const struct yett_attached *node)
{
	if (node->live) {
		set_boot(known, &node->boot);
		return set_way(known, &gateway->id, &node->via, node->session);
	}
	return drop_way(known, &gateway->id) || (!known->live && known->name[0] == '\0');
}

static void take_attached(
	struct yett_manage *manage, struct yett_known *known, const struct yett_attached *node)
{
	if (node->name[0] != '\0' && (node->live || !known->live)) {
		known->relay = node->relay;
		g_strlcpy(known->name, node->name, sizeof(known->name));
		g_strlcpy(known->method, node->method, sizeof(known->method));
		g_strlcpy(known->software, node->software, sizeof(known->software));
		g_strlcpy(known->address, node->address, sizeof(known->address));
	}
	use_newest_way(manage, known);
	if (node->live) {
		set_live(manage, known, true);
	}
	yett_registry_node(manage, known);
	pass_on(manage, known);
}

/* What gateways tell is bounded: nobody fills this node's memory with names. */
static bool has_room(const struct yett_manage *manage, const struct yett_id *id)
{
	return g_hash_table_size(manage->known) < KNOWN_MAX ||
	       g_hash_table_contains(manage->known, id);
}

static uint32_t attach(void *arg, struct yett_peer *gateway, const struct yett_attach *message)
{
	struct yett_manage *manage = arg;
	uint32_t refused = 0;

	for (uint32_t i = 0; i < message->count; i++) {
		const struct yett_attached *node = &message->nodes[i];
		struct yett_known *known;

		if (!may_attach(manage, gateway, node) || !has_room(manage, &node->id)) {
			refused += yett_id_equal(&node->id, &manage->node->id) ? 0 : 1;
			continue;
		}
		known = yett_manage_ensure(manage, &node->id);
		yett_manage_grant(manage, &gateway->id, &node->id);
		if (is_news(known, gateway, node)) {
			take_attached(manage, known, node);
		}
	}
	return refused;
}

static void detach(void *arg, struct yett_peer *gateway, const struct yett_detach *message)
{
	struct yett_manage *manage = arg;
	struct yett_detach *on = g_new0(struct yett_detach, 1);

	for (uint32_t i = 0; i < message->count; i++) {
		struct yett_known *known = g_hash_table_lookup(manage->known, &message->ids[i]);

		if (known != NULL && drop_way(known, &gateway->id)) {
			way_ended(manage, known, on);
		}
	}
	pass_on_gone(manage, on);
	g_free(on);
}

static void heard(struct yett_manage *manage, struct yett_known *known, uint32_t age_ms)
{
	uint64_t now_ns = yett_now(manage->node), age_ns = age_ms * YETT_MS;

	known->heard_at_ns = now_ns > age_ns ? now_ns - age_ns : 1;
	known->heard_ns = yett_clock_wall(manage->node->clock) - (int64_t)age_ns;
}

/* A sign of life that is newer than the news of its end: the way that we knew it by has ended, this one
 * has not. */
static void revive(struct yett_manage *manage, const struct yett_peer *gateway,
	struct yett_known *known, uint32_t age_ms)
{
	if (yett_now(manage->node) <= known->gone_at_ns + age_ms * YETT_MS ||
		yett_id_is_zero(&known->boot) || !gateway->may_proxy ||
		!granted(manage, &gateway->id, &known->id)) {
		return;
	}
	set_way(known, &gateway->id, yett_id_is_zero(&known->via) ? &gateway->id : &known->via,
		known->session);
	use_newest_way(manage, known);
	heard(manage, known, age_ms);
	yett_registry_node(manage, known);
	pass_on(manage, known);
}

static void heartbeat(void *arg, struct yett_peer *peer, const struct yett_heartbeat *message)
{
	struct yett_manage *manage = arg;
	struct yett_known *known = g_hash_table_lookup(manage->known, &peer->id);

	if (known != NULL) {
		if (!known->live && peer->role == YETT_ROLE_ACCEPTOR) {
			joined(manage, peer); /* a gateway had it, and lost it: it is here */
		}
		heard(manage, known, 0);
		known->degraded = message->degraded;
	}
	for (uint32_t i = 0; i < message->count; i++) {
		const struct yett_heartbeat_of *of = &message->nodes[i];

		known = g_hash_table_lookup(manage->known, &of->id);
		if (known == NULL) {
			continue;
		}
		if (!known->live) {
			revive(manage, peer, known, of->age_ms);
		} else if (find_way(known, &peer->id) != NULL) {
			heard(manage, known, of->age_ms);
		}
	}
}

static void send_heartbeat(struct yett_peer *upstream, const void *message)
{
	yett_wire_heartbeat(upstream->wire, message);
	yett_peer_flush(upstream);
}

static void beat(struct yett_manage *manage, uint64_t now_ns)
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

static void tick(void *arg, uint64_t now_ns)
{
	struct yett_manage *manage = arg;

	if (now_ns >= manage->next_heartbeat_ns) {
		manage->next_heartbeat_ns = now_ns + manage->node->settings->node.heartbeat_ns;
		beat(manage, now_ns);
	}
}

/* Health. */

enum yett_health yett_manage_health(
	const struct yett_manage *manage, const struct yett_known *known, const char **ret_cause)
{
	const struct yett_settings *settings = manage->node->settings;
	uint64_t now_ns = yett_now(manage->node);
	uint64_t limit_ns =
		settings->node.heartbeat_ns * (uint64_t)settings->node.missing_heartbeats;

	*ret_cause = "";
	if (known->heard_at_ns == 0 && !known->live) {
		*ret_cause = "not seen since this server started";
		return YETT_HEALTH_NOT_MONITORED;
	}
	if (!known->live) {
		if (now_ns - known->gone_at_ns < settings->node.gone_grace_ns) {
			*ret_cause = "its session has just ended";
			return YETT_HEALTH_WARNING;
		}
		*ret_cause = "its session is gone";
		return YETT_HEALTH_UNREACHABLE;
	}
	if (now_ns - known->heard_at_ns > limit_ns) {
		*ret_cause = "its heartbeats are missing";
		return YETT_HEALTH_UNREACHABLE;
	}
	if (known->degraded) {
		*ret_cause = "it says that it is degraded";
		return YETT_HEALTH_WARNING;
	}
	return YETT_HEALTH_HEALTHY;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	const struct yett_known *const *left_known = a, *const *right_known = b;

	return strcmp((*left_known)->name, (*right_known)->name);
}

void yett_manage_walk(const struct yett_manage *manage, yett_known_fn visit, void *arg)
{
	GPtrArray *all = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		g_ptr_array_add(all, value);
	}
	g_ptr_array_sort(all, by_name);
	for (guint i = 0; i < all->len; i++) {
		visit(arg, all->pdata[i]);
	}
	g_ptr_array_free(all, TRUE);
}

/* Life. */

struct yett_manage *yett_manage_new(void)
{
	struct yett_manage *manage = g_new0(struct yett_manage, 1);

	manage->known = g_hash_table_new_full(yett_id_hash, id_equal, NULL, g_free);
	manage->grants = g_hash_table_new_full(pair_hash, pair_equal, g_free, NULL);
	return manage;
}

struct yett_management yett_manage_calls(struct yett_manage *manage)
{
	return (struct yett_management){
		.arg = manage,
		.joined = joined,
		.left = left,
		.attach = attach,
		.detach = detach,
		.heartbeat = heartbeat,
		.granted = granted,
		.upstream_open = upstream_open,
		.tick = tick,
	};
}

/* A gateway that starts again: what its queue still holds, it goes on speaking for. */
static int held_entry(void *arg, uint64_t number, const struct yett_range *range, const void *meta,
	size_t meta_length)
{
	struct yett_manage *manage = arg;
	struct yett_envelope envelope;

	(void)number;
	if (!yett_id_equal(&range->origin, &manage->node->id)) {
		struct yett_known *known = yett_manage_ensure(manage, &range->origin);

		if (yett_envelope_decode(meta, meta_length, &envelope) == 0) {
			g_strlcpy(known->method, envelope.method, sizeof(known->method));
		}
	}
	return 0;
}

int yett_manage_open(struct yett_manage *manage, struct yett_node *node, struct yett_error *error)
{
	void *self;

	manage->node = node;
	if (node->store != NULL) {
		return yett_registry_load(manage, error);
	}
	if (node->queue != NULL) {
		const struct yett_queue_operations *queue = yett_queue_operations(node, &self);

		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			queue->scan(self, lane, held_entry, manage);
		}
	}
	return 0;
}

void yett_manage_free(struct yett_manage *manage)
{
	if (manage != NULL) {
		g_hash_table_unref(manage->known);
		g_hash_table_unref(manage->grants);
		g_free(manage);
	}
}
