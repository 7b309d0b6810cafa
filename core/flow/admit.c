/* Admit: may this principal, as this node, take part?
 *
 * Responsible for INTRO, WELCOME and REFUSE: the name that a node gives must be the one that it proved, the
 * listener's `admit` must list it (an empty list is nobody: closed by default) or the group must have
 * decided for it (management, through the node's hooks), a node id is live once (the newer session wins)
 * and is that of one name (management), and a node does not talk to itself. Not responsible for who may
 * speak for whom in detail (management, through the node's hooks). Runs on the loop. A refusal tells the peer
 * that it is not admitted, and the log how to admit it. */
#include <string.h>

#include "../base/fields.h"
#include "../base/id.h"
#include "../base/log.h"
#include "../base/name.h"
#include "stages.h"

#define RETRY_HELD_MS 60000 /* of a copy that is kept out */

static bool matches(const struct yett_list *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->count; i++) {
		if (yett_name_match(((const char **)patterns->items)[i], name)) {
			return true;
		}
	}
	return false;
}

bool yett_admit_may_enter(const struct yett_listener_settings *listener, const char *name)
{
	return matches(&listener->admit, name);
}

bool yett_admit_may_proxy(const struct yett_listener_settings *listener, const char *name)
{
	return matches(&listener->proxy, name);
}

static void introduce(struct yett_peer *peer)
{
	struct yett_node *node = peer->node;
	struct yett_queue_view queue = {.durable = true};
	struct yett_intro intro = {.id = node->id, .boot = node->boot};

	g_strlcpy(intro.name, node->name, sizeof(intro.name));
	g_strlcpy(intro.software, "yett " PACKAGE_VERSION, sizeof(intro.software));
	intro.session = ++node->sessions;
	if (node->queue != NULL) {
		yett_queue_view(node, &queue);
	}
	intro.flags = (queue.durable ? YETT_INTRO_DURABLE : 0) |
		      (node->relay ? YETT_INTRO_RELAY : 0) |
		      (node->store != NULL ? YETT_INTRO_STORE : 0) |
		      (peer->role == YETT_ROLE_INITIATOR && peer->standby ? YETT_INTRO_STANDBY : 0);
	yett_wire_intro(peer->wire, &intro);
}

static bool group_decides(const struct yett_node *node)
{
	return node->management.decides != NULL && node->management.decides(node->management.arg);
}

static void refuse_unlisted(struct yett_peer *peer)
{
	yett_log(YETT_LOG_WARNING, "admission-refused",
		"an authenticated node is not on this listener's list; add it to `admit` to let it "
		"in name=%s mechanism=%s authority=\"%s\" address=%s listener=%s",
		peer->name, peer->mechanism, peer->authority, peer->address,
		peer->gate->settings->address);
	yett_peer_close(peer, YETT_REFUSE_ADMISSION,
		"ask the administrator of the node that you connect to to admit it",
		"%s is not admitted here", peer->name);
}

void yett_admit(struct yett_peer *peer)
{
	if (peer->role == YETT_ROLE_INITIATOR) {
		peer->standby = yett_select_wanted(peer->node, peer->link) == YETT_WANTED_STANDBY;
		introduce(peer);
		return;
	}
	/* Where the group decides, it needs to know as what the peer comes, and as whom. */
	if (!yett_admit_may_enter(peer->gate->settings, peer->name) && !group_decides(peer->node)) {
		refuse_unlisted(peer);
	}
}

/* What the lists say, and then the group. */
static bool judge(struct yett_peer *peer, bool fresh, struct yett_judgement *ret_judgement)
{
	const struct yett_management *management = &peer->node->management;
	const struct yett_listener_settings *settings = peer->gate->settings;

	memset(ret_judgement, 0, sizeof(*ret_judgement));
	ret_judgement->admitted = yett_admit_may_enter(settings, peer->name);
	ret_judgement->proxy = yett_admit_may_proxy(settings, peer->name);
	ret_judgement->code = YETT_REFUSE_ADMISSION;
	if (group_decides(peer->node)) {
		management->judge(management->arg, peer, fresh, ret_judgement);
	}
	return ret_judgement->admitted;
}

static struct yett_peer *find_open(const struct yett_peer *other, bool superseded)
{
	struct yett_peer *peer = yett_sessions_of(other->node, &other->id);

	while (peer != NULL &&
		(peer->role != YETT_ROLE_ACCEPTOR || (peer->superseded_ns != 0) != superseded)) {
		peer = peer->same_node;
	}
	return peer;
}

/* A live session of the same id: the newer one stays. One of the same start of the node is being
 * renewed; its initiator ends it when all that was sent there is acknowledged. */
static bool supersede(struct yett_peer *peer)
{
	struct yett_peer *older = find_open(peer, false), *oldest;

	if (older == NULL) {
		return true;
	}
	if (strcmp(older->name, peer->name) != 0) {
		yett_peer_close(peer, YETT_REFUSE_CLONE,
			"give the copy an id of its own: stop it and remove node-id from its state "
			"directory",
			"the id of this node is in use by %s", older->name);
		return false;
	}
	if (yett_id_equal(&older->boot, &peer->boot) && older->session > peer->session) {
		yett_peer_close(peer, YETT_REFUSE_CLONE, NULL, "a newer session is up already");
		return false;
	}
	oldest = find_open(peer, true);
	if (oldest != NULL) {
		yett_peer_close(oldest, YETT_REFUSE_CLONE, NULL, "superseded by newer sessions");
	}
	if (yett_id_equal(&older->boot, &peer->boot)) {
		older->superseded_ns = yett_now(peer->node);
	} else {
		yett_peer_close(older, YETT_REFUSE_CLONE, NULL, "superseded by a newer session");
	}
	return true;
}

static bool is_held(struct yett_peer *peer)
{
	const struct yett_management *management = &peer->node->management;

	if (management->held == NULL || !management->held(management->arg, peer)) {
		return false;
	}
	yett_peer_refuse(peer, YETT_REFUSE_CLONE, RETRY_HELD_MS,
		"stop this copy, give it a certificate of its own, and remove node-id and the "
		"queue from its state directory",
		"another copy of this node is alive, and was here first");
	return true;
}

static bool is_anothers(struct yett_peer *peer, bool proxy)
{
	const struct yett_management *management = &peer->node->management;
	struct yett_judgement judgement = {.admitted = false};

	if (management->taken == NULL ||
		!management->taken(management->arg, peer, proxy, &judgement)) {
		return false;
	}
	yett_peer_refuse(
		peer, judgement.code, judgement.retry_after_ms, judgement.mend, judgement.cause);
	return true;
}

static void take(struct yett_peer *peer, const struct yett_intro *intro)
{
	peer->introduced = true;
	peer->id = intro->id;
	peer->boot = intro->boot;
	peer->session = intro->session;
	peer->flags = intro->flags;
	if (peer->role == YETT_ROLE_ACCEPTOR) {
		peer->standby = (intro->flags & YETT_INTRO_STANDBY) != 0;
	}
	g_strlcpy(peer->software, intro->software, sizeof(peer->software));
	yett_fields_tame(peer->software);
}

/* What a standby neither needs nor may cost: memory here, and a place in the views. */
static void put_to_use(struct yett_peer *peer)
{
	const struct yett_management *management = &peer->node->management;

	yett_credit_open(peer);
	if (peer->state == YETT_PEER_OPEN && management->joined != NULL) {
		management->joined(management->arg, peer);
	}
}

static const char *yes_no(bool it_is)
{
	return it_is ? "yes" : "no";
}

static void welcome(struct yett_peer *peer, bool proxy)
{
	struct yett_node *node = peer->node;
	char id[YETT_ID_TEXT_SIZE];
	struct yett_welcome message = {
		.heartbeat_s = (uint32_t)(node->settings->node.heartbeat_ns / YETT_SEC)};

	if (node->store != NULL) {
		g_strlcpy(message.group, node->settings->group.name, sizeof(message.group));
		yett_id_parse(node->settings->group.id, &message.group_id);
		message.store_id = yett_store_id(node, &message.store_generation);
	}
	yett_wire_welcome(peer->wire, &message);
	if (peer->state == YETT_PEER_CLOSED) {
		return; /* it could not be sent */
	}
	peer->state = YETT_PEER_OPEN;
	yett_sessions_add(peer);
	peer->may_proxy = (peer->flags & YETT_INTRO_RELAY) != 0 && proxy;
	yett_log(YETT_LOG_NOTICE, "session-opened",
		"a node is in peer=%s address=%s mechanism=%s authority=\"%s\" id=%s "
		"software=\"%s\" proxy=%s standby=%s",
		peer->name, peer->address, peer->mechanism, peer->authority,
		yett_id_text(&peer->id, id), peer->software, yes_no(peer->may_proxy),
		yes_no(peer->standby));
	if (!peer->standby) {
		put_to_use(peer);
	}
	yett_path_tell(peer);
}

void yett_admit_standby(struct yett_peer *peer, const struct yett_standby *message)
{
	const struct yett_management *management = &peer->node->management;

	if (message->session < peer->session || message->on == peer->standby) {
		return;
	}
	if (!message->on && is_anothers(peer, peer->may_proxy)) {
		return; /* who came meanwhile is here, and a standby is not */
	}
	if (message->on && management->left != NULL) {
		management->left(management->arg, peer); /* by this session, that is */
	}
	peer->standby = message->on;
	peer->session = message->session;
	yett_log(YETT_LOG_NOTICE, peer->standby ? "session-standby" : "session-active",
		peer->standby ? "a node holds this session as a standby from now on peer=%s "
				"address=%s"
			      : "a node uses a session that was a standby peer=%s address=%s",
		peer->name, peer->address);
	if (peer->standby) {
		yett_credit_lend(peer);
	} else {
		put_to_use(peer);
	}
}

void yett_admit_intro(struct yett_peer *peer, const struct yett_intro *intro)
{
	char name[YETT_NODE_NAME_SIZE];
	struct yett_judgement judgement;

	if (yett_name_normalise(intro->name, name, sizeof(name)) != 0 ||
		strcmp(name, peer->name) != 0) {
		yett_peer_close(peer, YETT_REFUSE_NAME,
			"make node.name the name in the certificate or the principal",
			"the peer calls itself %.200s and has proved to be %s", intro->name,
			peer->name);
		return;
	}
	if (yett_id_equal(&intro->id, &peer->node->id)) {
		yett_peer_close(peer, YETT_REFUSE_CLONE,
			"remove node-id from the state directory of a node that was copied",
			"the peer has this node's own id");
		return;
	}
	take(peer, intro);
	if (peer->role == YETT_ROLE_INITIATOR) {
		return;
	}
	if (!judge(peer, true, &judgement)) {
		yett_peer_refuse(peer, judgement.code, judgement.retry_after_ms, judgement.mend,
			judgement.cause);
		return;
	}
	if (is_anothers(peer, (peer->flags & YETT_INTRO_RELAY) != 0 && judgement.proxy) ||
		is_held(peer) || !supersede(peer)) {
		return;
	}
	introduce(peer);
	if (peer->state != YETT_PEER_CLOSED) {
		welcome(peer, judgement.proxy);
		yett_peer_flush(peer);
	}
}

void yett_admit_welcome(struct yett_peer *peer, const struct yett_welcome *message)
{
	char group[sizeof(message->group)];

	if (!peer->introduced || peer->link == NULL) {
		yett_peer_close(peer, YETT_REFUSE_PROTOCOL, NULL, "a WELCOME before INTRO");
		return;
	}
	peer->state = YETT_PEER_OPEN;
	yett_sessions_add(peer);
	g_strlcpy(group, message->group, sizeof(group));
	yett_fields_tame(group);
	yett_log(YETT_LOG_NOTICE, "upstream-open",
		"an upstream takes us upstream=%s address=%s mechanism=%s group=\"%s\" standby=%s",
		peer->name, peer->address, peer->mechanism, group, yes_no(peer->standby));
	yett_upstream_ready(peer);
}

static void judge_again(struct yett_peer *peer)
{
	struct yett_judgement judgement;
	bool proxy;

	if (!judge(peer, false, &judgement)) {
		if (judgement.cause[0] == '\0') {
			yett_peer_close(peer, YETT_REFUSE_ADMISSION,
				"ask the administrator of the node that you connect to to admit it",
				"%s is no longer admitted here", peer->name);
			return;
		}
		yett_peer_refuse(peer, judgement.code, judgement.retry_after_ms, judgement.mend,
			judgement.cause);
		return;
	}
	proxy = (peer->flags & YETT_INTRO_RELAY) != 0 && judgement.proxy;
	if (proxy && !peer->may_proxy && group_decides(peer->node)) {
		/* Whom it speaks for it tells when it connects. */
		yett_peer_refuse(peer, YETT_REFUSE_SHUTDOWN, 0, "",
			"it may speak for others now, and connects anew for it");
		return;
	}
	peer->may_proxy = proxy;
}

void yett_admit_judge(struct yett_node *node)
{
	for (guint i = node->peers->len; i > 0; i--) {
		struct yett_peer *peer = i <= node->peers->len ? node->peers->pdata[i - 1] : NULL;

		if (peer != NULL && peer->state == YETT_PEER_OPEN && peer->gate != NULL) {
			judge_again(peer);
		}
	}
}

void yett_admit_judge_name(struct yett_node *node, const char *name)
{
	for (guint i = node->peers->len; i > 0; i--) {
		struct yett_peer *peer = i <= node->peers->len ? node->peers->pdata[i - 1] : NULL;

		if (peer != NULL && peer->state == YETT_PEER_OPEN && peer->gate != NULL &&
			strcmp(peer->name, name) == 0) {
			judge_again(peer);
		}
	}
}
