/* The gate: who may take part, at a gateway, by what the group has signed.
 *
 * Responsible for taking signed decisions and keys as they come, for keeping them on disk, for judging
 * whoever knocks by them, also while the node is cut off, and for asking again in time. Not
 * responsible for what a signature is worth (kept.c), nor for the asking itself (ask.c).
 *
 * On the loop. What bars a node, or takes an approval away in another way, is on disk before anything
 * else happens; the rest is written at most every two seconds, and is asked for again if that is lost.
 * Whoever no decision lets in is refused. */
#include <stdlib.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../../flow/stages.h"
#include "../../net/saved.h"
#include "../internal.h"
#include "kept.h"

#define SAVE_NS   (2 * YETT_SEC)
#define RENEW_NS  (30 * YETT_SEC)
#define ASK_NS    (2 * YETT_SEC)
#define TOLD_NS   (30 * YETT_SEC) /* after its begin a session has told who is barred */
#define FILE_NAME "decisions"

#define RETRY_UNKNOWN_MS 2000
#define RETRY_PENDING_MS 5000
#define RETRY_REFUSED_MS 15000

/* What is kept, on disk. */

/* What could not be written would let in, after a start, who is barred since: then rather nobody. */
static void drop_file(const struct yett_manage *manage, const char *why)
{
	const struct yett_node *node = manage->node;

	if (yett_saved_remove(node->world.files, node->world.state, FILE_NAME) == 0) {
		yett_log(YETT_LOG_ERROR, "decisions-unsaved",
			"who is barred could not be kept: %s; the older file is gone, so that a "
			"restart while this node is cut off lets in nobody by it; tried again "
			"every "
			"2 s",
			why);
		return;
	}
	yett_log(YETT_LOG_ERROR, "decisions-unsaved",
		"who is barred could not be kept, and counts in memory only: %s; a restart while "
		"this node is cut off would let in again who was let in before: mend that, or "
		"remove %s/%s; tried again every 2 s",
		why, node->world.state, FILE_NAME);
}

static void save(struct yett_manage *manage)
{
	struct yett_node *node = manage->node;
	GByteArray *bytes = yett_kept_write(manage->kept);
	struct yett_error error = {.code = 0};

	manage->kept->saved_ns = yett_now(node);
	if (yett_saved_write(node->world.files, node->world.state, FILE_NAME, bytes->data,
		    bytes->len, &error) == 0) {
		manage->kept->changed = manage->kept->unsaved_no = false;
	} else if (manage->kept->unsaved_no) {
		drop_file(manage, error.text);
	} else {
		yett_log(YETT_LOG_ERROR, "decisions-unsaved",
			"the decisions of the group could not be kept: %s; a restart while this "
			"node is cut off would lose them; tried again every 2 s",
			error.text);
	}
	g_byte_array_unref(bytes);
}

/* The group's key was in other hands, and what it has vouched for counts no more. Whoever is here stays until
 * those that are asked for anew can have come; nobody else comes in by it. */
static void end_all(struct yett_manage *manage)
{
	struct yett_kept *kept = manage->kept;
	uint64_t now_ns = yett_now(manage->node);

	yett_log(YETT_LOG_WARNING, "decisions-ended",
		"the group says that its former key was in other hands: what that has vouched for "
		"counts no more, and is asked for again; who is not approved anew within half a "
		"minute goes count=%u",
		kept->ended);
	yett_aim_distrust(manage);
	kept->ask_ns = now_ns + ASK_NS; /* the servers have new certificates by then */
	kept->renewed_ns = now_ns;
}

/* The name of what it is about, if it is news (given); NULL: none. `*ret_sudden` if it has to be on disk
 * before anything else happens. */
static char *take(struct yett_manage *manage, struct yett_peer *peer,
	const struct yett_signed_bytes *bytes, bool *ret_sudden)
{
	struct yett_error error = {.code = 0};
	bool missed = manage->kept->missed;
	const char *name;
	int result = yett_kept_take(manage->kept, bytes->bytes, bytes->length, &name, &error);

	if (result == YETT_ELIMIT) {
		yett_log(YETT_LOG_ERROR, "decisions-full", "%s; %s upstream=%s", error.text,
			error.mend, peer->name);
		if (!missed) { /* that some are missing */
			*ret_sudden = manage->kept->unsaved_no = true;
		}
		return NULL;
	}
	if (result < 0) {
		yett_log(YETT_LOG_WARNING, "decision-refused",
			"%s%s%s; it counts for nothing here upstream=%s",
			error.text[0] != '\0' ? error.text : yett_result_text(result),
			error.mend[0] != '\0' ? "; " : "", error.mend, peer->name);
		return NULL;
	}
	if (result == 0) {
		return NULL;
	}
	if (name == NULL) {
		yett_log(YETT_LOG_NOTICE, "group-keys-changed",
			"the keys of the group were rolled over, as their successor has signed "
			"sequence=%" G_GUINT64_FORMAT,
			manage->kept->trust.sequence);
		if (manage->kept->compromised) {
			end_all(manage);
		}
		yett_ask_keys(manage);
		*ret_sudden = true;
		return NULL;
	}
	if (yett_kept_find(manage->kept, name)->sudden) {
		*ret_sudden = manage->kept->unsaved_no = true;
	}
	return g_strdup(name);
}

static void follow(struct yett_manage *manage, const char *name)
{
	const struct yett_kept_one *one = yett_kept_find(manage->kept, name);

	if (one == NULL) {
		return; /* what came after it has taken its place */
	}
	yett_log(YETT_LOG_INFO, "decision-taken", "the group has decided node=%s verdict=%s", name,
		yett_verdict_text(one->decision.verdict));
	if (one->decision.verdict <= YETT_DECIDED_REVOKED) {
		yett_ask_answered(manage, name);
	}
	yett_ask_tell(manage, name, yett_kept_bars(one) || yett_kept_away(manage->kept, one));
	yett_admit_judge_name(manage->node, name);
}

void yett_gate_take(struct yett_manage *manage, struct yett_peer *peer,
	const struct yett_signed_bytes *bytes, uint32_t count)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	bool sudden = false;

	for (uint32_t i = 0; i < count; i++) {
		char *name = take(manage, peer, &bytes[i], &sudden);

		if (name != NULL) {
			g_ptr_array_add(names, name);
		}
	}
	if (sudden) {
		save(manage);
	}
	for (guint i = 0; i < names->len; i++) {
		follow(manage, names->pdata[i]);
	}
	g_ptr_array_unref(names);
}

/* Judging, at a gateway. */

static void say(const struct yett_manage *manage, struct yett_judgement *ret, uint32_t code,
	uint32_t retry_after_ms, const char *name, const char *what)
{
	ret->admitted = ret->proxy = false;
	ret->code = code;
	ret->retry_after_ms = yett_ask_wait_ms(manage, retry_after_ms);
	g_snprintf(ret->cause, sizeof(ret->cause), "%s %s", name, what);
	g_strlcpy(ret->mend, "ask an administrator of the management group (yettctl pending)",
		sizeof(ret->mend));
}

/* Whether it lets in who asks, as what it asks. One that is bound to no id yet lets nobody in here: the
 * management server binds it, to whoever comes first, or any id could come by it. */
static bool approves(const struct yett_decision *decision, const struct yett_admission_ask *ask)
{
	return decision->verdict == YETT_DECIDED_APPROVED && !yett_id_is_zero(&decision->id) &&
	       yett_id_equal(&decision->id, &ask->id) &&
	       (ask->as != YETT_AS_GATEWAY || decision->as == YETT_AS_GATEWAY);
}

void yett_gate_judge(struct yett_manage *manage, const struct yett_admission_ask *ask, bool fresh,
	struct yett_judgement *ret)
{
	const struct yett_kept_one *one = yett_kept_find(manage->kept, ask->name);
	const struct yett_decision *decision =
		one != NULL && yett_kept_counts(manage->kept, one) ? &one->decision : NULL;
	uint32_t verdict = decision != NULL ? decision->verdict : YETT_DECIDED_NONE;

	if (verdict == YETT_DECIDED_REJECTED || verdict == YETT_DECIDED_REVOKED) {
		yett_log(YETT_LOG_WARNING, "node-barred",
			"a node that the group has %s is refused; to let it in again, on a "
			"management server: yettctl %s approve %s address=%s via=-",
			yett_verdict_text(verdict),
			decision->as == YETT_AS_GATEWAY ? "gateway" : "agent", ask->name,
			ask->address);
		if (fresh) {
			yett_ask_up(manage,
				ask); /* it may have been let in again while we were cut off */
		}
		say(manage, ret, YETT_REFUSE_ADMISSION, RETRY_REFUSED_MS, ask->name,
			"is barred from this group");
		return;
	}
	if (decision != NULL && approves(decision, ask)) {
		ret->admitted = true;
		ret->proxy = ret->proxy || decision->as == YETT_AS_GATEWAY;
		return;
	}
	if (ret->admitted && (one != NULL || !manage->kept->missed)) {
		return; /* by the listener's list */
	}
	if (fresh) {
		yett_ask_up(manage, ask);
	}
	if (ret->admitted) {
		say(manage, ret, YETT_REFUSE_ADMISSION, RETRY_REFUSED_MS, ask->name,
			"may be barred: more nodes are than can be kept here (decisions-full), so "
			"the management server is asked first");
		return;
	}
	yett_log(YETT_LOG_NOTICE, "admission-asked",
		"a node that nobody here knows is refused for now, and the management server is "
		"asked name=%s mechanism=%s authority=\"%s\" address=%s",
		ask->name, ask->method, ask->authority, ask->address);
	if (verdict == YETT_DECIDED_PENDING) {
		say(manage, ret, YETT_REFUSE_ADMISSION, RETRY_PENDING_MS, ask->name,
			"waits for approval");
	} else if (verdict == YETT_DECIDED_REFUSED) {
		say(manage, ret, YETT_REFUSE_ADMISSION, RETRY_REFUSED_MS, ask->name,
			"is not approved, and this group refuses agents that nobody has approved");
	} else if (verdict == YETT_DECIDED_APPROVED && !yett_id_is_zero(&decision->id)) {
		say(manage, ret, YETT_REFUSE_ADMISSION, RETRY_PENDING_MS, ask->name,
			"waits for approval: it was approved with another node id, or as an agent");
	} else {
		say(manage, ret, YETT_REFUSE_UNAVAILABLE, RETRY_UNKNOWN_MS, ask->name,
			"is not known here, and the management server is being asked");
	}
}

/* Decisions that whoever is here rests on, and that are past half of their time, are asked for again. Asking may
 * end sessions: from the end, nobody is passed over. */
static void renew(struct yett_manage *manage)
{
	const GPtrArray *peers = manage->node->peers;
	int64_t now_s = yett_kept_now_s(manage->kept);

	for (guint i = peers->len; i > 0; i--) {
		const struct yett_peer *peer = i <= peers->len ? peers->pdata[i - 1] : NULL;
		const struct yett_kept_one *one =
			peer != NULL && peer->state == YETT_PEER_OPEN && peer->gate != NULL
				? yett_kept_find(manage->kept, peer->name)
				: NULL;
		struct yett_admission_ask ask;

		if (one == NULL || one->decision.verdict != YETT_DECIDED_APPROVED ||
			now_s < one->decision.issued_s +
					(one->decision.expires_s - one->decision.issued_s) / 2 ||
			yett_ask_is_busy(manage)) {
			continue;
		}
		yett_manage_ask_of(peer, &ask);
		yett_ask_up(manage, &ask);
	}
}

/* Those that bar, and for which there was no room, come again with a new session. */
static void complete(struct yett_manage *manage, uint64_t now_ns)
{
	struct yett_kept *kept = manage->kept;

	if (!kept->missed || kept->held >= kept->max) {
		return;
	}
	for (guint i = 0; i < manage->node->links->len; i++) {
		struct yett_link *link = manage->node->links->pdata[i];

		if (link->state != YETT_UPSTREAM_UP || link->peer == NULL ||
			link->peer->state != YETT_PEER_OPEN || link->peer->standby) {
			continue;
		}
		if (link->peer->opened_ns <= kept->missed_ns) {
			yett_upstream_renew(link);
		} else if (now_ns - link->peer->opened_ns > TOLD_NS) {
			kept->missed = false;
			kept->changed = true;
			yett_log(YETT_LOG_NOTICE, "decisions-complete",
				"all that are barred are kept here again, and listeners' lists "
				"count as before");
			return;
		}
	}
}

/* Whoever is here by a decision that has ended. */
static void ask_for_all(struct yett_manage *manage)
{
	const GPtrArray *peers = manage->node->peers;

	for (guint i = peers->len; i > 0; i--) {
		const struct yett_peer *peer = i <= peers->len ? peers->pdata[i - 1] : NULL;
		struct yett_admission_ask ask;

		if (peer != NULL && peer->state == YETT_PEER_OPEN && peer->gate != NULL &&
			yett_kept_find(manage->kept, peer->name) == NULL &&
			!yett_admit_may_enter(peer->gate->settings, peer->name)) {
			yett_manage_ask_of(peer, &ask);
			g_strlcpy(ask.via, manage->node->name, sizeof(ask.via));
			yett_ask_up(manage, &ask);
		}
	}
}

void yett_gate_tick(struct yett_manage *manage, uint64_t now_ns)
{
	struct yett_kept *kept = manage->kept;

	if (kept->ask_ns != 0 && now_ns >= kept->ask_ns) {
		kept->ask_ns = 0;
		ask_for_all(manage);
	}
	if (kept->changed && now_ns - kept->saved_ns > SAVE_NS) {
		save(manage);
	}
	if (now_ns - kept->renewed_ns > RENEW_NS) {
		kept->renewed_ns = now_ns;
		complete(manage, now_ns);
		renew(manage);
		yett_admit_judge(manage->node); /* what a decision that has expired let in goes */
	}
}

int yett_gate_open(
	struct yett_manage *manage, const struct yett_trust *trust, struct yett_error *error)
{
	struct yett_node *node = manage->node;
	char *bytes;
	size_t length;
	uint32_t bad;
	int result;

	manage->kept = yett_kept_new(node->clock, trust);
	result = yett_saved_read(node->world.files, node->world.state, FILE_NAME,
		YETT_KEPT_FILE_MAX, &bytes, &length);
	if (result == YETT_ENOTFOUND) {
		return 0;
	}
	if (result != 0) {
		return yett_fail(error, result, "look at the state directory",
			"the decisions of the group cannot be read: %s", yett_result_text(result));
	}
	bad = yett_kept_read(manage->kept, (const uint8_t *)bytes, length);
	free(bytes);
	if (bad > 0) {
		yett_log(YETT_LOG_WARNING, "decisions-damaged",
			"some decisions that were kept do not count any more, and are asked for "
			"again count=%u",
			bad);
	}
	return 0;
}
