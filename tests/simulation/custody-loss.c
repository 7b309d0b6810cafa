/* Which losses can be.
 *
 * Responsible for saying whether somebody may have lost what is said to be lost: by its cause, its holder,
 * its lane, and by what was done to whose disk, and when. Not responsible for whether what is lost is
 * stored all the same, nor for what a store forgot (custody-undone.c). */
#include "custody.h"

#include <inttypes.h>
#include <string.h>

#include "base/id.h"
#include "flow/node.h"

bool numbers_are_among(const struct numbers *some, const struct numbers *all)
{
	return some->lane == all->lane && some->first >= all->first && some->next <= all->next &&
	       memcmp(&some->epoch, &all->epoch, sizeof(all->epoch)) == 0 &&
	       yett_id_equal(&some->origin, &all->origin);
}

/* Whether a disk was damaged or put back that may have had something of the origin's (this telling): its
 * own, or that of any gateway, since moves and failovers lead over all of them. A bit that flips may cost
 * what is told later, too, in the same segment; a disk that is put back costs what it had got by then. An
 * origin with its queue in memory does not know after a loss of power how far its numbers went. */
bool loss_may_vanish(
	const struct run *run, const struct member *origin, const struct telling *telling)
{
	uint64_t told_at = telling != NULL ? telling->index + 1 : 0;

	for (unsigned i = 0; i < run->count; i++) {
		const struct member *member = &run->all[i];

		if (member != origin && member->role != ROLE_GATEWAY) {
			continue;
		}
		if (member->damaged || (member == origin && member->memory_queue)) {
			return true;
		}
		if (member->restored_at > told_at &&
			(member != origin || telling == NULL || telling->excused)) {
			return true;
		}
	}
	return false;
}

/* Its disk was put back to a time before that start, and its clock as well: the start that tells of all earlier
 * ones bears no later ordinal, so it speaks of another. What of it lacks remains under way until the clock has
 * passed it. */
bool start_is_forgotten(
	const struct run *run, const struct member *origin, const struct yett_epoch *epoch)
{
	const struct yett_node *node = origin->at->node;
	bool excused = false;

	if (node == NULL || epoch->ordinal < node->epoch.ordinal) {
		return false;
	}
	for (guint i = 0; i < run->ledger->len; i++) {
		const struct telling *telling = run->ledger->pdata[i];

		if (telling->agent != origin ||
			memcmp(&telling->epoch, epoch, sizeof(*epoch)) != 0) {
			continue;
		}
		if (telling->durable && !telling->excused) {
			return false;
		}
		excused = excused || telling->excused;
	}
	return excused;
}

/* Its disk did not take how far that start went. Once its queue holds nothing of that start, it does not tell again
 * that there was such, to a gateway that was put back. */
bool end_is_unwritten(const struct member *origin, const struct yett_epoch *epoch)
{
	size_t length = 0;
	const uint8_t *bytes =
		yett_faulty_bytes(sim_disk_faulty(origin->at->disk), "epochs", &length);
	g_autofree char *file = g_strndup((const char *)bytes, length);
	g_autofree char *line =
		g_strdup_printf("%" PRIu64 " %" PRIu64 " ", epoch->ordinal, epoch->random);

	return origin->disk_failed && (file == NULL || strstr(file, line) == NULL);
}

static bool may_drop(const struct run *run, const struct member *origin, uint64_t lane)
{
	for (unsigned i = 0; i < run->count && lane != YETT_LANE_URGENT; i++) {
		const struct member *member = &run->all[i];

		if (member->drops_oldest && (member == origin || member->role == ROLE_GATEWAY)) {
			return true;
		}
	}
	return false;
}

const char *loss_doubt(const struct run *run, const struct loss *loss, const struct member *origin,
	const struct telling *telling)
{
	const struct member *holder = group_of(run, &loss->holder);

	if (holder == NULL) {
		return "at a holder who is not here";
	}
	if (holder->hostile) {
		/* Its word may stand before that of whoever did lose it. */
		return loss_may_vanish(run, origin, telling) ||
				       may_drop(run, origin, loss->numbers.lane)
			       ? NULL
			       : "by the word of a relay that lies";
	}
	switch (loss->cause) {
	case YETT_GAP_QUOTA:
		return holder->drops_oldest && loss->numbers.lane != YETT_LANE_URGENT
			       ? NULL
			       : "dropped by one who drops nothing there";
	case YETT_GAP_QUARANTINE:
		return holder->damaged ? NULL : "quarantined on a disk that was not damaged";
	case YETT_GAP_VOLATILE:
		return holder->memory_queue && holder == origin
			       ? NULL
			       : "from memory, of one who has a disk";
	case YETT_GAP_INFERRED:
		return loss_may_vanish(run, origin, telling)
			       ? NULL
			       : "inferred, and whoever had it still has it";
	default:
		return "for a cause that nobody here has";
	}
}
