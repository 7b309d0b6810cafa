/* Management: presence and grants, as the flow tells of them.
 *
 * Responsible for whose word about a node is taken, for what is news in it, for which gateway may
 * speak for which origin, and for handing on what changed: to the registry and to upstreams. Not
 * responsible for admission (flow/admit.c), for the table (known.c), for how it is kept (registry.c),
 * told (tell.c) and judged (health.c), nor for how it is shown (views.c).
 * On the loop.
 *
 * Presence is (node, boot, session). A grant outlives the session, so what a departed agent left with
 * its gateway can still be delivered. */
#include "manage.h"

#include "../base/id.h"
#include "../base/log.h"
#include "../flow/stages.h"
#include "admission/court.h"
#include "desired/behind.h"
#include "desired/drain.h"
#include "admission/kept.h"
#include "desired/moves.h"

#define BACKLOG_TOLD_S     2
#define HEARTBEAT_LEAST_NS (2 * YETT_SEC)

static const struct yett_id here; /* zero: connected to this node */

void yett_manage_on_notice(struct yett_manage *manage, yett_notice_fn notice, void *arg)
{
	manage->notice = notice;
	manage->notice_arg = arg;
}

struct yett_node *yett_manage_node(const struct yett_manage *manage)
{
	return manage->node;
}

static bool granted(void *arg, const struct yett_id *gateway, const struct yett_id *origin)
{
	struct yett_grant grant = {.gateway = *gateway, .origin = *origin};

	return yett_known_granted(arg, &grant);
}

static void grant(
	struct yett_manage *manage, const struct yett_id *gateway, const struct yett_id *origin)
{
	struct yett_grant pair = {.gateway = *gateway, .origin = *origin};

	if (yett_known_grant(manage, &pair)) {
		yett_registry_grant(manage, &pair);
	}
}

/* What has changed of a node goes to the registry and to upstreams. */
static void hand_on(struct yett_manage *manage, const struct yett_known *known)
{
	yett_registry_node(manage, known);
	yett_share_node(manage, known);
	yett_tell_of(manage, known);
	manage->desire = manage->desire || manage->court != NULL;
}

/* Its name is proved by whatever method; but why it is another one than before, somebody should know. */
static void note_method(struct yett_manage *manage, struct yett_known *known)
{
	const struct yett_paper *paper;
	const char *approved;
	bool gateway, other;

	if (manage->court == NULL) {
		return;
	}
	paper = yett_court_decision(manage->court, known->name, &gateway);
	approved = yett_paper_text(paper, "method");
	other = approved[0] != '\0' && known->method[0] != '\0' &&
		strcmp(approved, known->method) != 0;
	if (other && !known->other_method) {
		yett_log(YETT_LOG_WARNING, "method-changed",
			"a node proves its name by another method than when it was approved: a "
			"ticket or a certificate is missing there, or somebody else has one of "
			"that name node=%s method=%s approved=%s address=%s",
			known->name, known->method, approved, known->address);
	}
	known->other_method = other;
}

static void joined(void *arg, struct yett_peer *peer)
{
	struct yett_manage *manage = arg;
	struct yett_known *known;

	if (!yett_known_has_room(manage, &peer->id)) {
		return; /* there was, when it was let in */
	}
	known = yett_known_ensure(manage, &peer->id);
	yett_clones_came(manage, known, &peer->boot, &here);
	if (peer->state != YETT_PEER_OPEN) {
		return; /* what was told of it has ended it */
	}
	yett_known_set_boot(known, &peer->boot);
	known->boot_here = true;
	yett_known_set_way(known, &here, &here, peer->session, 0);
	known->relay = (peer->flags & YETT_INTRO_RELAY) != 0;
	yett_known_describe(
		manage, known, peer->name, peer->mechanism, peer->software, peer->address);
	known->proven = true;
	note_method(manage, known);
	yett_known_use_newest_way(manage, known);
	yett_known_set_live(manage, known, true);
	hand_on(manage, known);
	if (peer->state == YETT_PEER_OPEN) { /* what was told on may have ended its session, too */
		yett_ask_joined(manage, peer);
	}
}

/* One of its ways has ended: another one is left, or it is gone. */
static void way_ended(
	struct yett_manage *manage, struct yett_known *known, struct yett_detach *message)
{
	yett_known_use_newest_way(manage, known);
	yett_registry_node(manage, known);
	yett_share_node(manage, known);
	if (known->live) {
		yett_tell_of(manage, known);
		return;
	}
	message->ids[message->count++] = known->id;
	if (message->count == YETT_ATTACH_MAX) {
		yett_tell_gone(manage, message);
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

	yett_tell_forget(manage, peer);
	yett_ask_left(manage, peer);
	yett_question_left(manage, peer);
	way = known != NULL ? yett_known_way(known, &here) : NULL;
	if (peer->role != YETT_ROLE_ACCEPTOR || way == NULL || way->session != peer->session) {
		return; /* a newer session of the node is up, with all that is behind it */
	}
	message = g_new0(struct yett_detach, 1);
	g_strlcpy(known->ended, peer->cause, sizeof(known->ended));
	way->used = false;
	way_ended(manage, known, message);
	g_hash_table_iter_init(&iter, manage->known);
	while (peer->may_proxy && g_hash_table_iter_next(&iter, NULL, &value)) {
		struct yett_known *behind = value;

		if (yett_known_drop_way(behind, &peer->id)) {
			way_ended(manage, behind, message);
		}
	}
	yett_tell_gone(manage, message);
	g_free(message);
}

/* Whether a peer's word about a node may be taken. */
static bool may_attach(const struct yett_manage *manage, const struct yett_peer *gateway,
	const struct yett_attached *node)
{
	return !yett_id_equal(&node->id, &manage->node->id) &&
	       !yett_id_equal(&node->id, &gateway->id) && !yett_judge_above(manage, gateway, node);
}

/* What has come round to the node that it speaks of, or has passed more relays than a batch may, is told
 * in a circle: each of those in it has it from the one before, and whoever said it first may be gone. */
static bool is_way(const struct yett_manage *manage, const struct yett_attached *node)
{
	return node->live && node->hops < YETT_HOPS_MAX &&
	       !yett_id_equal(&node->via, &manage->node->id);
}

/* What a gateway says of a later start ends the ways of others, and not a session that the node has here:
 * that one has proved itself, and ends by itself. */
static void set_boot(struct yett_manage *manage, struct yett_known *known,
	const struct yett_peer *gateway, const struct yett_id *boot)
{
	const struct yett_way *way;
	struct yett_way own = {.used = false};

	if (!yett_id_equal(&known->boot, boot)) {
		yett_clones_came(manage, known, boot, &gateway->id); /* may end any session */
		way = yett_known_way(known, &here);
		if (way != NULL) {
			own = *way;
		}
		yett_known_set_boot(known, boot);
		known->boot_here = false;
		known->ways[0] = own;
	}
}

/* Whether a gateway's word about a node is news: a way that is new or other than it was, one that has
 * ended, or the first word of a node that has left. What is known already is none. */
static bool is_news(struct yett_manage *manage, struct yett_known *known,
	const struct yett_peer *gateway, const struct yett_attached *node)
{
	if (is_way(manage, node)) {
		set_boot(manage, known, gateway, &node->boot);
		return gateway->state == YETT_PEER_OPEN &&
		       yett_known_set_way(
			       known, &gateway->id, &node->via, node->session, node->hops + 1);
	}
	return yett_known_drop_way(known, &gateway->id) || (!known->live && known->name[0] == '\0');
}

static void take_attached(
	struct yett_manage *manage, struct yett_known *known, const struct yett_attached *node)
{
	if (node->name[0] != '\0' && (node->live || !known->live) &&
		yett_known_way(known, &here) == NULL) { /* else it has told and proved it itself */
		known->relay = node->relay;
		yett_known_describe(
			manage, known, node->name, node->method, node->software, node->address);
		note_method(manage, known);
	}
	yett_known_use_newest_way(manage, known);
	if (is_way(manage, node)) {
		yett_known_set_live(manage, known, true);
	}
	hand_on(manage, known);
}

/* By a standby a gateway says for whom it may come to speak, so that they are granted when it does: not
 * that they are here. Of one that is known already it says nothing new. */
static void take_announced(
	struct yett_manage *manage, struct yett_known *known, const struct yett_attached *node)
{
	if (known->name[0] == '\0' && node->name[0] != '\0') {
		known->relay = node->relay;
		yett_known_describe(
			manage, known, node->name, node->method, node->software, node->address);
		yett_tell_of(manage, known);
	}
}

/* Whoever judges it has to know how long it may be silent: those above us, too, where that is longer than
 * what they take for granted. */
static void take_interval(struct yett_manage *manage, struct yett_known *known, uint32_t interval_s)
{
	uint32_t usual_s = (uint32_t)(manage->node->settings->node.heartbeat_ns / YETT_SEC);
	bool news = interval_s != known->interval_s && MAX(interval_s, known->interval_s) > usual_s;

	known->interval_s = interval_s;
	if (news) {
		yett_tell_of(manage, known);
	}
}

/* What a gateway has of a node that is barred is to be declared lost, by name, and not to wait there for
 * ever: so it may bring it, and the name is known. */
static void take_barred(
	struct yett_manage *manage, struct yett_peer *gateway, const struct yett_attached *node)
{
	struct yett_known *known = yett_known_ensure(manage, &node->id);

	grant(manage, &gateway->id, &node->id);
	if (known->name[0] == '\0') {
		yett_log(YETT_LOG_WARNING, "node-barred",
			"a gateway tells of a node that was rejected or revoked; what it brings of "
			"it is declared lost node=%s via=%s",
			node->name, gateway->name);
		yett_known_describe(
			manage, known, node->name, node->method, node->software, node->address);
		yett_registry_node(manage, known);
	}
}

static uint32_t attach(void *arg, struct yett_peer *gateway, const struct yett_attach *message)
{
	struct yett_manage *manage = arg;
	uint32_t refused = 0;

	/* What is told on meanwhile may end sessions, this one, too, and with it goes whom it speaks for. */
	for (uint32_t i = 0; i < message->count && gateway->state == YETT_PEER_OPEN; i++) {
		const struct yett_attached *node = &message->nodes[i];
		bool plain = yett_judge_plain(manage, gateway, node);
		struct yett_attached as = *node;
		struct yett_known *known;

		as.relay = node->relay && !plain;
		if (!yett_known_has_room(manage, &node->id)) {
			yett_log(YETT_LOG_WARNING, "known-full",
				"as many nodes are known here as can be, and a gateway tells of "
				"more; forget those that are gone (yettctl node forget) peer=%s",
				gateway->name);
			refused++;
			continue;
		}
		if (!may_attach(manage, gateway, node) ||
			!yett_known_may_grant(manage, &gateway->id, &node->id)) {
			refused += yett_id_equal(&node->id, &manage->node->id) ? 0 : 1;
			continue;
		}
		if (manage->court != NULL && yett_court_barred(manage->court, node->name)) {
			take_barred(manage, gateway, node);
			continue;
		}
		if (yett_judge_contradicts(manage, gateway, node)) {
			grant(manage, &gateway->id, &node->id);
			continue;
		}
		known = yett_known_ensure(manage, &node->id);
		grant(manage, &gateway->id, &node->id);
		if (gateway->standby) {
			take_announced(manage, known, &as);
		} else if (is_news(manage, known, gateway, node)) {
			if (plain) {
				yett_judge_log_plain(gateway, node);
			}
			take_attached(manage, known, &as);
		}
		if (yett_known_way(known, &gateway->id) != NULL) {
			known->cloned_below = node->cloned;
		}
		if (node->heartbeat_s != 0 && yett_known_way(known, &here) == NULL &&
			yett_known_way(known, &gateway->id) != NULL) {
			take_interval(manage, known, node->heartbeat_s);
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

		if (known != NULL && yett_known_drop_way(known, &gateway->id)) {
			way_ended(manage, known, on);
		}
	}
	yett_tell_gone(manage, on);
	g_free(on);
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
	yett_known_set_way(known, &gateway->id,
		yett_id_is_zero(&known->via) ? &gateway->id : &known->via, known->session, 1);
	yett_known_use_newest_way(manage, known);
	yett_known_heard(manage, known, age_ms);
	hand_on(manage, known);
}

static void tells_of_itself(struct yett_known *known, uint32_t backlog_s, const char *why)
{
	known->backlog_s = backlog_s;
	g_strlcpy(known->why, why, sizeof(known->why));
}

static void heartbeat(void *arg, struct yett_peer *peer, const struct yett_heartbeat *message)
{
	struct yett_manage *manage = arg;
	struct yett_known *known = g_hash_table_lookup(manage->known, &peer->id);

	if (known != NULL) {
		if (!known->live && peer->role == YETT_ROLE_ACCEPTOR && !peer->standby) {
			joined(manage, peer); /* a gateway had it, and lost it: it is here */
		}
		if (!yett_id_equal(&known->boot, &peer->boot)) {
			yett_clones_heard(manage, known, &here, 0);
		}
		yett_known_heard(manage, known, 0);
		take_interval(manage, known, message->interval_s);
		tells_of_itself(known, message->backlog_s,
			message->degraded && message->why[0] == '\0' ? "it says that it is degraded"
								     : message->why);
	}
	for (uint32_t i = 0; i < message->count && peer->state == YETT_PEER_OPEN; i++) {
		const struct yett_heartbeat_of *of = &message->nodes[i];

		known = g_hash_table_lookup(manage->known, &of->id);
		if (known == NULL) {
			continue;
		}
		if (!known->live) {
			revive(manage, peer, known, of->age_ms);
		} else if (yett_known_way(known, &peer->id) != NULL) {
			yett_known_heard(manage, known, of->age_ms);
			tells_of_itself(known, 0, "");
		} else {
			yett_clones_heard(manage, known, &peer->id, of->age_ms);
		}
	}
	for (uint32_t i = 0; i < message->sick_count && peer->state == YETT_PEER_OPEN; i++) {
		const struct yett_sick *sick = &message->sick[i];

		known = g_hash_table_lookup(manage->known, &sick->id);
		if (known != NULL && known->live && yett_known_way(known, &peer->id) != NULL) {
			tells_of_itself(known, sick->backlog_s, sick->why);
		}
	}
}

static void upstream_open(void *arg, struct yett_peer *upstream)
{
	struct yett_manage *manage = arg;

	yett_tell_all(manage, upstream);
	yett_aim_tell(manage, upstream);
	manage->next_heartbeat_ns = 0; /* say that we are here */
}

static void writable(void *arg, struct yett_peer *upstream)
{
	if (upstream->role == YETT_ROLE_INITIATOR) {
		yett_tell_more(arg, upstream);
	} else {
		yett_ask_writable(arg, upstream);
	}
}

/* What waits for so long is not just passing through. */
static bool has_backlog(const struct yett_manage *manage)
{
	return yett_backlog_s(manage->node) >= BACKLOG_TOLD_S;
}

static void tick(void *arg, uint64_t now_ns)
{
	struct yett_manage *manage = arg;

	if (now_ns >= manage->next_heartbeat_ns) {
		manage->next_heartbeat_ns =
			now_ns + (manage->node->settings->node.drain
						 ? YETT_SEC
						 : manage->node->settings->node.heartbeat_ns);
		manage->last_heartbeat_ns = now_ns;
		manage->told_backlog = has_backlog(manage);
		yett_tell_heartbeats(manage, now_ns);
	}
	yett_ask_tick(manage, now_ns);
	yett_drill_tick(manage);
	yett_question_tick(manage, now_ns);
	yett_aim_tick(manage, now_ns);
	yett_desired_tick(manage, now_ns);
	if (manage->court != NULL) {
		yett_group_tick(manage->court, now_ns);
		yett_moves_tick(manage->court, now_ns);
		yett_drain_tick(manage->court, now_ns);
	}
	if (now_ns >= manage->next_second_ns) {
		manage->next_second_ns = now_ns + YETT_SEC;
		yett_clones_tick(manage);
		yett_health_tick(manage);
		yett_behind_tick(manage);
		if (now_ns >= manage->next_hour_ns) {
			manage->next_hour_ns = now_ns + 3600 * YETT_SEC;
			yett_known_retire(manage);
		}
		if (manage->node->queue != NULL && has_backlog(manage) != manage->told_backlog &&
			now_ns - manage->last_heartbeat_ns > HEARTBEAT_LEAST_NS) {
			manage->next_heartbeat_ns = now_ns; /* whether it holds data is news */
		}
	}
	yett_events_tick(manage, now_ns);
	if (manage->node->store != NULL && manage->look != NULL) {
		yett_share_tick(manage, now_ns);
		yett_lease_tick(manage, now_ns);
		yett_look_tick(manage, now_ns);
		yett_alerts_tick(manage, now_ns);
		yett_notify_tick(manage, now_ns);
		yett_audit_tick(manage, now_ns);
	}
}

/* By any server of the group; what this one has written comes back too, and is known. */
static void registry_changed(
	void *arg, const char *table, const char *key, const char *json, uint64_t revision)
{
	struct yett_manage *manage = arg;

	yett_registry_changed(manage, table, key, json);
	if (manage->court != NULL) {
		yett_court_apply(manage->court, table, key, json, revision);
	}
}

static void registry_put_back(void *arg, bool whole)
{
	struct yett_manage *manage = arg;

	if (manage->court != NULL) {
		yett_court_put_back(manage->court, whole);
	}
}

static void config(void *arg, struct yett_peer *peer, const struct yett_config *message)
{
	yett_desired_config(arg, peer, message);
}

static void applied(void *arg, struct yett_peer *peer, const struct yett_applied *message)
{
	yett_desired_applied(arg, peer, message);
}

static void query(void *arg, struct yett_peer *peer, const struct yett_query_message *message)
{
	yett_question_query(arg, peer, message);
}

static void report(void *arg, struct yett_peer *peer, const struct yett_report *message)
{
	yett_question_report(arg, peer, message);
}

int yett_manage_reload(
	struct yett_manage *manage, const struct yett_settings *settings, struct yett_error *error)
{
	return yett_aim_reload(manage, settings, error);
}

struct yett_manage *yett_manage_new(void)
{
	struct yett_manage *manage = g_new0(struct yett_manage, 1);

	yett_known_init(manage);
	yett_clones_init(manage);
	yett_tell_init(manage);
	yett_ask_init(manage);
	yett_question_init(manage);
	yett_share_init(manage);
	yett_checks_init(manage);
	yett_aside_init(manage);
	yett_alerts_init(manage);
	manage->maintenance = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
	return manage;
}

struct yett_management yett_manage_calls(struct yett_manage *manage)
{
	struct yett_management calls = {
		.arg = manage,
		.joined = joined,
		.left = left,
		.attach = attach,
		.detach = detach,
		.heartbeat = heartbeat,
		.granted = granted,
		.upstream_open = upstream_open,
		.writable = writable,
		.registry_changed = registry_changed,
		.registry_put_back = registry_put_back,
		.config = config,
		.applied = applied,
		.query = query,
		.report = report,
		.tick = tick,
	};

	yett_judge_calls(&calls);
	return calls;
}

/* A gateway that starts again: what its queue still holds, it goes on speaking for. */
static int held_entry(void *arg, uint64_t number, const struct yett_range *range, const void *meta,
	size_t meta_length)
{
	struct yett_manage *manage = arg;
	struct yett_envelope envelope;

	(void)number;
	if (!yett_id_equal(&range->origin, &manage->node->id)) {
		struct yett_known *known = yett_known_ensure(manage, &range->origin);

		if (yett_envelope_decode(meta, meta_length, &envelope) == 0) {
			g_strlcpy(known->method, envelope.method, sizeof(known->method));
		}
	}
	return 0;
}

int yett_manage_open(struct yett_manage *manage, struct yett_node *node, struct yett_error *error)
{
	const char *kit = node->settings->group.kit;
	struct yett_trust trust;
	void *self;
	int result = 0;

	manage->node = node;
	manage->opened_ns = yett_now(node);
	if (node->store != NULL) {
		yett_court_init(manage);
		result = yett_registry_load(manage, error);
		result = result == 0 ? yett_court_open(manage, error) : result;
		if (result == 0) {
			yett_share_open(manage);
			yett_look_open(manage);
			yett_audit_open(manage);
			result = yett_notify_open(manage, error);
		}
		/* What is written now would be written while this thread reads by the same means. */
		(void)YETT_BUG_IF(!yett_store_idle(node));
		return result;
	}
	if (kit != NULL && kit[0] != '\0') {
		result = yett_kit_read(kit, node->name, &trust, error);
		result = result == 0 ? yett_gate_open(manage, &trust, error) : result;
		result = result == 0 ? yett_aim_open(manage, error) : result;
	}
	if (result != 0) {
		return result;
	}
	if (node->queue != NULL) {
		const struct yett_queue_operations *queue = yett_queue_operations(node, &self);

		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			queue->scan(self, lane, held_entry, manage);
		}
	}
	if (manage->kept != NULL) {
		yett_behind_open(manage);
	}
	return 0;
}

void yett_manage_free(struct yett_manage *manage)
{
	if (manage != NULL) {
		yett_drill_done(manage);
		yett_question_done(manage);
		yett_events_done(manage);
		yett_notify_close(manage);
		yett_look_free(manage);
		yett_audit_done(manage);
		yett_alerts_done(manage);
		yett_aside_done(manage);
		g_hash_table_unref(manage->maintenance);
		yett_checks_done(manage);
		yett_share_done(manage);
		yett_clones_done(manage);
		yett_tell_done(manage);
		yett_aim_done(manage);
		yett_behind_done(manage);
		yett_ask_done(manage);
		yett_court_done(manage);
		yett_known_done(manage);
		g_free(manage);
	}
}
