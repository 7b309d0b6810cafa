/* The shape of a node: which parts it needs for what else it has.
 *
 * A node's role follows from what is wired: sources and listeners lead into a queue and upstreams,
 * or into a store. Anything that would lead nowhere, or come from nowhere, is refused here with a
 * mend. Main thread; keeps nothing. */
#include <string.h>

#include <yett/queue.h>

#include "check.h"

static void say(const struct yett_check *check, const char *key, const char *mend, const char *text)
{
	struct yett_place place = yett_check_place(check, key, -1, NULL);

	yett_problems_add(check->problems, place.file, place.line, mend, "%s", text);
}

/* Whether the file has a section, be it right or wrong: what is there but refused must not be said
 * to be missing too. */
static bool has(const struct yett_check *check, const char *key)
{
	return yett_tree_count(yett_tree_member(check->root, key)) > 0;
}

static void check_store(const struct yett_check *check, const struct yett_settings *settings)
{
	bool name = settings->group.name != NULL && settings->group.name[0] != '\0';
	bool id = settings->group.id != NULL && settings->group.id[0] != '\0';

	if (has(check, "upstreams")) {
		say(check, "upstreams",
			"leave out 'upstreams' for a management server, 'store' for a gateway",
			"a node with a store delivers to nobody");
	}
	if (!has(check, "group")) {
		say(check, "store", "add group = { name = \"…\"; id = \"UUID\"; };",
			"a store belongs to a management group, but 'group' is missing");
		return;
	}
	if (!name) {
		say(check, "group", "add name = \"…\";", "group: 'name' is missing");
	}
	if (!id) {
		say(check, "group", "add id = \"…\"; uuidgen makes one for a new group",
			"group: 'id' is missing");
	}
}

/* Only who has custody of data may declare it lost. And what travels urgent is not dropped at all: a notice of
 * loss would go with it, and what that names is nowhere else. */
static void check_full(const struct yett_check *check, const struct yett_settings *settings)
{
	static const char *const lanes[YETT_LANES] = {[YETT_LANE_URGENT] = "urgent",
		[YETT_LANE_NORMAL] = "normal",
		[YETT_LANE_BULK] = "bulk"};
	const struct yett_module *queue = settings->queue.descriptor;
	const struct yett_queue_operations *operations = queue != NULL ? queue->operations : NULL;
	bool durable = operations == NULL || (operations->flags & YETT_QUEUE_DURABLE) != 0;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		struct yett_place place = yett_check_place(check, "full", -1, lanes[lane]);

		if (settings->full.lane[lane] != YETT_FULL_DROP_OLDEST) {
			continue;
		}
		if (!durable) {
			yett_problems_add(check->problems, place.file, place.line,
				"write \"push-back\", or use queue-disk",
				"'%s' of full cannot be drop-oldest: %s takes no custody, so it "
				"has nothing of its own to drop",
				lanes[lane], queue->name);
		} else if (lane == YETT_LANE_URGENT) {
			yett_problems_add(check->problems, place.file, place.line,
				"write \"push-back\", and raise reserve-urgent of queue",
				"'%s' of full cannot be drop-oldest: losses are told in that lane, "
				"and nobody would hear of them",
				lanes[lane]);
		}
	}
}

void yett_check_shape(const struct yett_check *check, const struct yett_settings *settings)
{
	bool upstreams = has(check, "upstreams"), store = has(check, "store");
	bool listeners = has(check, "listeners");
	static const char mend[] = "add 'upstreams', or 'store' for a management server";

	if (store) {
		check_store(check, settings);
	}
	check_full(check, settings);
	if (!upstreams && has(check, "queue")) {
		say(check, "queue", store ? "leave it out" : "add 'upstreams'",
			"a queue waits for upstreams, and there are none");
	}
	if (!upstreams && !store) {
		if (listeners) {
			say(check, "listeners", mend, "what listeners take in leads nowhere");
		}
		if (has(check, "sources")) {
			say(check, "sources", mend, "what sources watch leads nowhere");
		}
		if (!listeners && !has(check, "sources") && !has(check, "queue")) {
			say(check, "", mend, "this node has nothing to do");
		}
	}
	if ((listeners || upstreams) && !has(check, "authentication")) {
		say(check, listeners ? "listeners" : "upstreams",
			"add authentication = ( { module = \"auth-x509\"; … } );",
			"nodes talk only after they have proved who they are, but 'authentication' "
			"is "
			"missing");
	}
}
