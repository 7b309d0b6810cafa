/* Judging: what the flow asks of management about who may take part.
 *
 * Responsible for handing each question to whoever decides here: the court on a management server, what
 * the group has signed on a gateway; and for whose a node id is. Not responsible for deciding (court.c,
 * gate.c). On the loop. */
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../../flow/stages.h"
#include "../desired/behind.h"
#include "court.h"
#include "kept.h"

#define RETRY_DRAINED_MS 15000
#define RETRY_TAKEN_MS   60000
#define IDS_OF_NAME_MAX  8 /* that come by a list */

void yett_manage_ask_of(const struct yett_peer *peer, struct yett_admission_ask *ret_ask)
{
	memset(ret_ask, 0, sizeof(*ret_ask));
	ret_ask->id = peer->id;
	ret_ask->as = (peer->flags & YETT_INTRO_RELAY) != 0 ? YETT_AS_GATEWAY : YETT_AS_AGENT;
	g_strlcpy(ret_ask->name, peer->name, sizeof(ret_ask->name));
	g_strlcpy(ret_ask->method, peer->mechanism, sizeof(ret_ask->method));
	g_strlcpy(ret_ask->authority, peer->authority, sizeof(ret_ask->authority));
	g_strlcpy(ret_ask->principal, peer->principal, sizeof(ret_ask->principal));
	g_strlcpy(ret_ask->address, peer->address, sizeof(ret_ask->address));
	if (peer->facts != NULL && peer->facts->chain_count > 0) {
		g_autofree char *print = g_compute_checksum_for_data(G_CHECKSUM_SHA256,
			peer->facts->chain[0].bytes, peer->facts->chain[0].length);

		g_strlcpy(ret_ask->fingerprint, print, sizeof(ret_ask->fingerprint));
	}
}

static bool decides(void *arg)
{
	const struct yett_manage *manage = arg;

	return manage->kept != NULL ||
	       (manage->court != NULL && !yett_id_is_zero(&manage->court->trust.group));
}

static void send_away(const struct yett_manage *manage, struct yett_judgement *ret)
{
	ret->admitted = ret->proxy = false;
	ret->code = YETT_REFUSE_UNAVAILABLE;
	ret->retry_after_ms = RETRY_DRAINED_MS;
	g_snprintf(ret->cause, sizeof(ret->cause), "%s is being emptied, and takes nobody new",
		manage->node->name);
	g_strlcpy(ret->mend,
		"use another upstream, or end that: yettctl gateway drain NAME --cancel",
		sizeof(ret->mend));
}

static void judge(void *arg, struct yett_peer *peer, bool fresh, struct yett_judgement *ret)
{
	struct yett_manage *manage = arg;
	struct yett_admission_ask ask;

	yett_manage_ask_of(peer, &ask);
	if (manage->court != NULL) {
		yett_court_judge(manage->court, &ask, fresh, ret);
	} else {
		g_strlcpy(ask.via, manage->node->name, sizeof(ask.via));
		yett_gate_judge(manage, &ask, fresh, ret);
		if (fresh && ret->admitted && manage->node->settings->node.drain &&
			!yett_behind_was_here(manage, &peer->id)) {
			send_away(manage, ret);
		}
	}
}

static bool held(void *arg, const struct yett_peer *peer)
{
	return yett_clones_held(arg, &peer->id, &peer->boot);
}

bool yett_judge_binds(const struct yett_manage *manage, const struct yett_id *id, const char *name)
{
	const struct yett_kept_one *one;

	if (manage->court != NULL) {
		return yett_court_binds(manage->court, id, name);
	}
	one = manage->kept != NULL ? yett_kept_find(manage->kept, name) : NULL;
	return one != NULL && yett_kept_counts(manage->kept, one) &&
	       one->decision.verdict == YETT_DECIDED_APPROVED &&
	       yett_id_equal(&one->decision.id, id);
}

const char *yett_judge_owner(
	const struct yett_manage *manage, const struct yett_id *id, const char *name)
{
	const struct yett_known *known = yett_manage_find(manage, id);
	const struct yett_server *server = yett_share_find(manage, id);

	if (yett_id_equal(id, &manage->node->id)) {
		return manage->node->name;
	}
	if (yett_judge_binds(manage, id, name)) {
		return NULL;
	}
	if (server != NULL && strcmp(server->name, name) != 0) {
		return server->name;
	}
	return known != NULL && known->name[0] != '\0' && strcmp(known->name, name) != 0
		       ? known->name
		       : NULL;
}

void yett_judge_say_taken(const struct yett_manage *manage, const char *name, const char *owner,
	struct yett_judgement *ret)
{
	ret->admitted = ret->proxy = false;
	ret->code = YETT_REFUSE_CLONE;
	ret->retry_after_ms = RETRY_TAKEN_MS;
	g_snprintf(ret->cause, sizeof(ret->cause), "the id of this node is that of %s", owner);
	g_snprintf(ret->mend, sizeof(ret->mend),
		manage->court != NULL
			? "remove node-id and the queue from the state directory of a copy; for "
			  "a renamed node, on a management server: yettctl node forget %s"
		: manage->kept != NULL
			? "remove node-id and the queue from the state directory of a copy; for "
			  "a renamed node, on a management server: yettctl agent approve %s"
			: "remove node-id and the queue from the state directory of a copy; %s "
			  "may have this id a day after the other was here, or when this gateway "
			  "has been restarted",
		manage->court != NULL ? owner : name);
}

/* Nobody decides otherwise on that: what comes with that id is refused above, for ever. */
static void say_above(const struct yett_peer *peer, const char *owner, struct yett_judgement *ret)
{
	char id[YETT_ID_TEXT_SIZE];

	yett_log(YETT_LOG_WARNING, "id-taken",
		"a node comes with the id of one that is above this node: a copy of that, or it "
		"lies; remove node-id and the queue from its state directory name=%s owner=\"%s\" "
		"id=%s address=%s",
		peer->name, owner, yett_id_text(&peer->id, id), peer->address);
	ret->admitted = ret->proxy = false;
	ret->code = YETT_REFUSE_CLONE;
	ret->retry_after_ms = RETRY_TAKEN_MS;
	g_snprintf(ret->cause, sizeof(ret->cause), "the id of this node is that of %s", owner);
	g_strlcpy(ret->mend, "remove node-id and the queue from its state directory",
		sizeof(ret->mend));
}

/* So that it stands in `pending`, and may be approved. */
static void let_wait(struct yett_manage *manage, const struct yett_peer *peer)
{
	struct yett_admission_ask ask;

	yett_manage_ask_of(peer, &ask);
	if (manage->kept != NULL) {
		g_strlcpy(ask.via, manage->node->name, sizeof(ask.via));
		yett_ask_up(manage, &ask);
	} else if (decides(manage)) {
		yett_court_hold(manage->court, &ask);
	}
}

/* Each id of a name is a document and a grant, here and above, until it is forgotten: a list lets in a name, and
 * not as many ids as whoever has its key can think of. */
static bool too_many(
	struct yett_manage *manage, const struct yett_peer *peer, struct yett_judgement *ret)
{
	const struct yett_known *known = yett_manage_find(manage, &peer->id);
	char id[YETT_ID_TEXT_SIZE];

	if (!yett_known_has_room(manage, &peer->id)) {
		yett_log(YETT_LOG_WARNING, "known-full",
			"as many nodes are known here as can be, and one more is refused; forget "
			"those that are gone (yettctl node forget) name=%s address=%s",
			peer->name, peer->address);
		ret->code = YETT_REFUSE_BUSY;
		g_strlcpy(ret->cause, "as many nodes are known here as can be", sizeof(ret->cause));
		g_strlcpy(ret->mend, "forget those that are gone: yettctl node forget",
			sizeof(ret->mend));
	} else if ((known == NULL || !known->proven) &&
		   yett_known_proven(manage, peer->name) >= IDS_OF_NAME_MAX &&
		   !yett_judge_binds(manage, &peer->id, peer->name)) {
		yett_log(YETT_LOG_WARNING, "node-replaced",
			"one more node id comes with a name that has had %d here: copies, or it "
			"is installed anew each time; if it is the latter, forget those that were "
			"(yettctl node forget), or approve it name=%s id=%s address=%s",
			IDS_OF_NAME_MAX, peer->name, yett_id_text(&peer->id, id), peer->address);
		ret->code = YETT_REFUSE_ADMISSION;
		g_snprintf(ret->cause, sizeof(ret->cause),
			"%s has come with %d other node ids, and waits for approval", peer->name,
			IDS_OF_NAME_MAX);
		g_snprintf(ret->mend, sizeof(ret->mend),
			"on a management server: yettctl node forget %s, or agent approve",
			peer->name);
		let_wait(manage, peer);
	} else {
		return false;
	}
	ret->admitted = ret->proxy = false;
	ret->retry_after_ms = RETRY_TAKEN_MS;
	return true;
}

/* An id belongs to the name that came with it first: what is known of a node, who is barred, and who may
 * speak for it, goes by its id, and is not to be had by a name that somebody else has proved. */
static bool taken(void *arg, const struct yett_peer *peer, bool proxy, struct yett_judgement *ret)
{
	struct yett_manage *manage = arg;
	const char *owner = yett_path_above(manage->node, &peer->id, peer->name, proxy);
	char id[YETT_ID_TEXT_SIZE];

	if (owner != NULL) {
		say_above(peer, owner, ret);
		return true;
	}
	owner = yett_judge_owner(manage, &peer->id, peer->name);
	if (owner == NULL) {
		return too_many(manage, peer, ret);
	}
	yett_log(YETT_LOG_WARNING, "id-taken",
		"a node comes with the id of another one: a copy, or it was renamed; %s name=%s "
		"owner=%s id=%s address=%s",
		manage->court != NULL
			? "for the latter: yettctl node forget, or approve it"
			: "for the latter: approve it, or let a day pass, or restart this node",
		peer->name, owner, yett_id_text(&peer->id, id), peer->address);
	yett_judge_say_taken(manage, peer->name, owner, ret);
	let_wait(manage, peer);
	return true;
}

/* The node has proved another name to us than the one that a gateway tells. */
static bool denies(const struct yett_manage *manage, const struct yett_attached *node)
{
	const struct yett_known *known = yett_manage_find(manage, &node->id);

	return known != NULL && known->proven && strcmp(known->name, node->name) != 0 &&
	       !yett_judge_binds(manage, &node->id, node->name);
}

/* What a gateway says of a name or an id that is known or decided otherwise is not believed. Its data it may
 * bring, as that of any other: they are judged by the name that is known. */
bool yett_judge_contradicts(const struct yett_manage *manage, const struct yett_peer *gateway,
	const struct yett_attached *node)
{
	bool group = manage->court != NULL && !yett_id_is_zero(&manage->court->trust.group);
	char id[YETT_ID_TEXT_SIZE];

	if (node->name[0] == '\0' ||
		!(denies(manage, node) ||
			(group && yett_court_contradicts(manage->court, &node->id, node->name)))) {
		return false;
	}
	yett_log(YETT_LOG_WARNING, "attach-contradicted",
		"a gateway tells of a node by a name that the group knows by another id, or that "
		"is not the one by which this id came here or was barred; look (yettctl "
		"decisions), and approve it if it was renamed or installed anew peer=%s node=%s "
		"id=%s",
		gateway->name, node->name, yett_id_text(&node->id, id));
	return true;
}

/* Whether it has the id of a node above this one, and cannot be that. A gateway that has started again has no
 * name for those of whom its queue holds something. */
bool yett_judge_above(const struct yett_manage *manage, const struct yett_peer *gateway,
	const struct yett_attached *node)
{
	const struct yett_known *known =
		node->name[0] == '\0' ? yett_manage_find(manage, &node->id) : NULL;
	const char *name = known != NULL ? known->name : node->name, *above;
	bool relay = known != NULL ? known->relay : node->relay;

	above = yett_path_above(
		manage->node, &node->id, name, relay && yett_judge_proxy(manage, gateway, name));
	return above != NULL && (name[0] != '\0' || !yett_judge_proxy(manage, gateway, above));
}

/* A gateway that nobody has approved, or listed, is a node like any other here: its own records may come. It is
 * none, and speaks for nobody, until it is approved and connects anew. */
bool yett_judge_plain(const struct yett_manage *manage, const struct yett_peer *gateway,
	const struct yett_attached *node)
{
	return node->relay && manage->court != NULL &&
	       !yett_judge_proxy(manage, gateway, node->name);
}

void yett_judge_log_plain(const struct yett_peer *gateway, const struct yett_attached *node)
{
	yett_log(YETT_LOG_WARNING, "gateway-not-approved",
		"a gateway behind another one is taken for a node like any other until it is "
		"approved: yettctl gateway approve %s address=%s via=%s",
		node->name, node->address, gateway->name);
}

static void admission(void *arg, struct yett_peer *peer, const struct yett_admission *message)
{
	yett_ask_message(arg, peer, message);
}

static bool barred(void *arg, const struct yett_id *origin)
{
	struct yett_manage *manage = arg;
	const struct yett_known *known;

	if (manage->court == NULL || yett_id_is_zero(&manage->court->trust.group)) {
		return false;
	}
	known = g_hash_table_lookup(manage->known, origin);
	return known != NULL && known->name[0] != '\0' &&
	       yett_court_barred(manage->court, known->name);
}

/* Of a gateway that is connected here its own INTRO says that it is one, so its name has to be listed, or
 * approved, as well; one behind another gateway was held to the same when that told of it. By whatever way a
 * gateway comes, now or when it comes next, its word about what it held counts the same. */
static bool for_others(void *arg, const struct yett_id *origin)
{
	const struct yett_manage *manage = arg;
	const struct yett_known *known = g_hash_table_lookup(manage->known, origin);
	const struct yett_list *listeners = &manage->node->settings->listeners;
	const struct yett_listener_settings *items = listeners->items;

	if (known == NULL || !known->relay || known->name[0] == '\0' ||
		(manage->court != NULL && yett_court_barred(manage->court, known->name))) {
		return false;
	}
	for (size_t i = 0; i < listeners->count; i++) {
		if (yett_admit_may_proxy(&items[i], known->name)) {
			return true;
		}
	}
	return manage->court != NULL && yett_court_proxy(manage->court, known->name);
}

bool yett_judge_proxy(
	const struct yett_manage *manage, const struct yett_peer *gateway, const char *name)
{
	const struct yett_kept_one *one;

	if (manage->court != NULL && yett_court_barred(manage->court, name)) {
		return false;
	}
	if (yett_admit_may_proxy(gateway->gate->settings, name)) {
		return true;
	}
	if (manage->court != NULL) {
		return yett_court_proxy(manage->court, name);
	}
	one = manage->kept != NULL ? yett_kept_find(manage->kept, name) : NULL;
	return one != NULL && yett_kept_counts(manage->kept, one) &&
	       one->decision.verdict == YETT_DECIDED_APPROVED &&
	       one->decision.as == YETT_AS_GATEWAY;
}

void yett_judge_calls(struct yett_management *calls)
{
	calls->decides = decides;
	calls->judge = judge;
	calls->held = held;
	calls->taken = taken;
	calls->admission = admission;
	calls->barred = barred;
	calls->for_others = for_others;
}
