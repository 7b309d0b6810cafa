/* Admit: may this principal, as this node, take part?
 *
 * Responsible for INTRO, WELCOME and REFUSE: the name that a node gives must be the one that it
 * proved, the listener's `admit` must list it (an empty list is nobody: closed by default), a node
 * id is live once (the newer session wins), and a node does not talk to itself. Not responsible for
 * who may speak for whom in detail (management, through the node's hooks). Runs on the loop. A
 * refusal tells the peer that it is not admitted, and the log how to admit it. */
#include <string.h>

#include "../base/id.h"
#include "../base/log.h"
#include "../base/name.h"
#include "stages.h"

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

void yett_admit(struct yett_peer *peer)
{
	if (peer->role == YETT_ROLE_INITIATOR) {
		peer->standby = yett_select_wanted(peer->node, peer->link) == YETT_WANTED_STANDBY;
		introduce(peer);
		return;
	}
	if (!yett_admit_may_enter(peer->gate->settings, peer->name)) {
		yett_log(YETT_LOG_WARNING, "admission-refused",
			"an authenticated node is not on this listener's list; add it to `admit` "
			"to "
			"let it in name=%s mechanism=%s authority=\"%s\" address=%s listener=%s",
			peer->name, peer->mechanism, peer->authority, peer->address,
			peer->gate->settings->address);
		yett_peer_close(peer, YETT_REFUSE_ADMISSION,
			"ask the administrator of the node that you connect to to admit it",
			"%s is not admitted here", peer->name);
	}
}

static struct yett_peer *find_open(const struct yett_peer *other, bool superseded)
{
	for (guint i = 0; i < other->node->peers->len; i++) {
		struct yett_peer *peer = other->node->peers->pdata[i];

		if (peer != other && peer->role == YETT_ROLE_ACCEPTOR &&
			peer->state == YETT_PEER_OPEN && yett_id_equal(&peer->id, &other->id) &&
			(peer->superseded_ns != 0) == superseded) {
			return peer;
		}
	}
	return NULL;
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
}

/* What a standby neither needs nor may cost: memory here, and a place in the views. */
static void put_to_use(struct yett_peer *peer)
{
	const struct yett_management *management = &peer->node->management;

	yett_credit_open(peer);
	if (management->joined != NULL) {
		management->joined(management->arg, peer);
	}
}

static void welcome(struct yett_peer *peer)
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
	peer->state = YETT_PEER_OPEN;
	peer->may_proxy = (peer->flags & YETT_INTRO_RELAY) != 0 &&
			  yett_admit_may_proxy(peer->gate->settings, peer->name);
	yett_log(YETT_LOG_NOTICE, "session-opened",
		"a node is in peer=%s address=%s mechanism=%s authority=\"%s\" id=%s "
		"software=\"%s\"%s%s",
		peer->name, peer->address, peer->mechanism, peer->authority,
		yett_id_text(&peer->id, id), peer->software, peer->may_proxy ? " proxy=yes" : "",
		peer->standby ? " standby=yes" : "");
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
	if (!peer->standby) {
		put_to_use(peer);
	}
}

void yett_admit_intro(struct yett_peer *peer, const struct yett_intro *intro)
{
	char name[YETT_NODE_NAME_SIZE];

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
	if (!supersede(peer)) {
		return;
	}
	introduce(peer);
	welcome(peer);
	yett_peer_flush(peer);
}

void yett_admit_welcome(struct yett_peer *peer, const struct yett_welcome *message)
{
	if (!peer->introduced || peer->link == NULL) {
		yett_peer_close(peer, YETT_REFUSE_PROTOCOL, NULL, "a WELCOME before INTRO");
		return;
	}
	peer->state = YETT_PEER_OPEN;
	yett_log(YETT_LOG_NOTICE, "upstream-open",
		"an upstream takes us upstream=%s address=%s mechanism=%s group=\"%s\"%s",
		peer->name, peer->address, peer->mechanism, message->group,
		peer->standby ? " standby=yes" : "");
	yett_upstream_ready(peer);
}

void yett_admit_judge(struct yett_node *node)
{
	for (guint i = node->peers->len; i > 0; i--) {
		struct yett_peer *peer = node->peers->pdata[i - 1];

		if (peer->state != YETT_PEER_OPEN || peer->gate == NULL) {
			continue;
		}
		if (!yett_admit_may_enter(peer->gate->settings, peer->name)) {
			yett_peer_close(peer, YETT_REFUSE_ADMISSION,
				"ask the administrator of the node that you connect to to admit it",
				"%s is no longer admitted here", peer->name);
			continue;
		}
		peer->may_proxy = (peer->flags & YETT_INTRO_RELAY) != 0 &&
				  yett_admit_may_proxy(peer->gate->settings, peer->name);
	}
}
