/* Judging: what the flow asks of management about who may take part.
 *
 * Responsible for handing each question to whoever decides here: the court on a management server, what
 * the group has signed on a gateway. Not responsible for deciding (court.c, gate.c). On the loop. */
#include <string.h>

#include "../../base/id.h"
#include "../../flow/stages.h"
#include "../desired/behind.h"
#include "court.h"
#include "kept.h"

#define RETRY_DRAINED_MS 15000

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
	calls->admission = admission;
	calls->barred = barred;
	calls->for_others = for_others;
}
