/* Expecting: whether this node would let another one in, before that one is told to come.
 *
 * Responsible for answering a decision that comes down to this very node (CONFIG) with what would become of
 * the node that it is about: by the listeners' lists, and by what the group has decided. Not responsible
 * for letting anybody in (admit.c, gate.c), nor for why it is asked (moves.c). On the loop. A node
 * that knows no group cannot tell whether the question is real: it answers by its lists, and takes nothing. */
#include <string.h>

#include "../../base/id.h"
#include "kept.h"
#include "../desired/moves.h"

static bool by_list(const struct yett_manage *manage, const struct yett_decision *decision)
{
	const struct yett_list *listeners = &manage->node->settings->listeners;
	const struct yett_listener_settings *items = listeners->items;

	for (size_t i = 0; i < listeners->count; i++) {
		if (yett_admit_may_enter(&items[i], decision->name) &&
			(decision->as != YETT_AS_GATEWAY ||
				yett_admit_may_proxy(&items[i], decision->name))) {
			return true;
		}
	}
	return false;
}

/* Why not; NULL: it would be let in. */
static const char *objection(const struct yett_manage *manage, const struct yett_decision *decision)
{
	const struct yett_kept_one *one =
		manage->kept != NULL ? yett_kept_find(manage->kept, decision->name) : NULL;
	bool counts = one != NULL && yett_kept_counts(manage->kept, one);

	if (manage->node->settings->listeners.count == 0) {
		return "has no listener";
	}
	if (manage->node->settings->node.drain) {
		return "is being emptied (yettctl gateway drain)";
	}
	if (counts && yett_kept_bars(one)) {
		return "is told by the group to keep it out";
	}
	if (counts && one->decision.verdict == YETT_DECIDED_APPROVED &&
		(decision->as != YETT_AS_GATEWAY || one->decision.as == YETT_AS_GATEWAY)) {
		return NULL;
	}
	if (by_list(manage, decision) &&
		(one != NULL || manage->kept == NULL || !manage->kept->missed)) {
		return NULL;
	}
	return manage->kept == NULL
		       ? "does not let it in: its list does not have it, and it knows no group "
			 "that could approve it (group.kit)"
		       : "does not let it in: its list does not have it, and the group has not "
			 "approved it (yettctl agent approve, gateway approve)";
}

void yett_expect(struct yett_manage *manage, struct yett_peer *upstream,
	const struct yett_signed_bytes *bytes)
{
	struct yett_decision decision;
	struct yett_applied answer = {.node = manage->node->id,
		.state = YETT_APPLIED_DONE,
		.since_s = yett_clock_wall(manage->node->clock) / (int64_t)YETT_SEC};
	const char *why;

	if (yett_decision_peek(bytes->bytes, bytes->length, &decision) != 0) {
		return;
	}
	if (manage->kept != NULL) {
		yett_gate_take(manage, upstream, bytes, 1);
	}
	answer.generation = decision.generation;
	answer.revision = decision.revision;
	g_strlcpy(answer.pinned, decision.name, sizeof(answer.pinned));
	why = objection(manage, &decision);
	if (why != NULL) {
		answer.state = YETT_APPLIED_REFUSED;
		g_snprintf(answer.why, sizeof(answer.why), "%s %s", manage->node->name, why);
	}
	/* What it was taken by may have ended the session with whoever asks. */
	if (upstream->state == YETT_PEER_OPEN) {
		yett_wire_applied(upstream->wire, &answer);
		yett_peer_flush(upstream);
	}
}
