/* Select: which upstream the next batch goes to.
 *
 * Responsible for showing the policy module the upstreams as they are, and for its answer being one
 * that may be used: up, admitted, with a way to the store that does not lead back here, nor to where the
 * batch has been. Not responsible for the choice itself (modules) nor for sending (deliver.c). On the
 * loop. A policy that answers nonsense is held to "none", and the log says so. */
#include <string.h>

#include "../base/id.h"
#include "../base/log.h"
#include "stages.h"

static const struct yett_policy_operations *policy_of(const struct yett_node *node)
{
	return node->policy->module->operations;
}

/* A node that relays keeps what it has unless there is a way to a store; one that only tells of
 * itself may hand its records to whoever takes custody, where no way is open anywhere. */
static bool anyone_has_path(const struct yett_node *node)
{
	for (guint i = 0; i < node->links->len; i++) {
		const struct yett_link *link = node->links->pdata[i];

		if (link->state == YETT_UPSTREAM_UP) {
			return true;
		}
	}
	return false;
}

/* A standby has no credit, and is given some when it is used. */
static bool would_take(const struct yett_link *link, uint32_t lane, uint32_t bytes)
{
	return link->peer != NULL && link->peer->state == YETT_PEER_OPEN && !link->peer->blocked &&
	       (link->peer->standby || yett_wire_credit_left(link->peer->wire, lane) >= bytes) &&
	       yett_deliver_has_room(link->peer, bytes);
}

static void show(struct yett_node *node, uint32_t lane, uint32_t bytes, struct yett_upstream *table)
{
	bool lenient = !node->relay && !anyone_has_path(node);

	for (guint i = 0; i < node->links->len; i++) {
		const struct yett_link *link = node->links->pdata[i];
		uint32_t state = link->state;

		if (lenient && state == YETT_UPSTREAM_NO_PATH) {
			state = YETT_UPSTREAM_UP;
		}
		table[i] = (struct yett_upstream){
			.size = sizeof(struct yett_upstream),
			.state = state,
			.name = link->name,
			.since_ns = link->since_ns,
			.unsettled = link->peer != NULL ? yett_deliver_unsettled(link->peer) : 0,
			.latency_ns = link->latency_ns,
			.usable = state == YETT_UPSTREAM_UP && would_take(link, lane, bytes),
			.priority = (uint32_t)link->settings->priority,
			.stalled_ns = yett_upstream_stalled(link),
		};
	}
}

static void again(void *arg)
{
	struct yett_node *node = arg;

	node->select_ns = 0; /* each lane that waits is picked for now, and says again until when */
	yett_deliver(node);
}

/* One timer for all lanes: what another lane waits for longer does not put it off. */
static void ask_again(struct yett_node *node, uint64_t again_ns)
{
	uint64_t now_ns = yett_now(node);

	if (again_ns == 0 || (node->select_ns != 0 && node->select_ns <= again_ns)) {
		return;
	}
	node->select_ns = again_ns;
	node->loop->table->timer_start(
		node->select_timer, again_ns > now_ns ? again_ns - now_ns : 1);
}

static bool has_passed(const struct yett_envelope *way, const struct yett_link *link)
{
	for (uint32_t i = 0; link->peer != NULL && i < way->hops; i++) {
		if (yett_id_equal(&way->path[i], &link->peer->id)) {
			return true;
		}
	}
	return false;
}

/* A batch goes back to a relay that it has passed only where no other upstream has a way. PATH does not
 * see to that: two gateways that each have a way of their own, too narrow for the moment, would pass
 * what is too much for it to each other, and get it back. */
static uint32_t not_back(const struct yett_node *node, const struct yett_upstream *table,
	uint32_t index, const struct yett_envelope *way)
{
	uint32_t best = YETT_POLICY_NONE;
	bool other = false;

	if (index >= node->links->len || !has_passed(way, node->links->pdata[index])) {
		return index;
	}
	for (guint i = 0; i < node->links->len; i++) {
		if (table[i].state != YETT_UPSTREAM_UP || has_passed(way, node->links->pdata[i])) {
			continue;
		}
		other = true;
		if (table[i].usable != 0 &&
			(best == YETT_POLICY_NONE || table[i].priority < table[best].priority)) {
			best = i;
		}
	}
	return other ? best : index;
}

struct yett_link *yett_select(
	struct yett_node *node, uint32_t lane, uint32_t bytes, const struct yett_envelope *way)
{
	struct yett_upstream table[YETT_UPSTREAMS_MAX] = {0};
	uint64_t again_ns = 0;
	uint32_t index;

	if (node->links->len == 0 || node->links->len > G_N_ELEMENTS(table)) {
		return NULL;
	}
	show(node, lane, bytes, table);
	policy_of(node)->update(node->policy->self, table, node->links->len);
	index = policy_of(node)->pick(node->policy->self, lane, &again_ns);
	ask_again(node, again_ns);
	index = not_back(node, table, index, way);
	if (index == YETT_POLICY_NONE) {
		return NULL;
	}
	if (index < node->links->len && table[index].state == YETT_UPSTREAM_UP &&
		table[index].usable == 0) {
		return NULL; /* the policy would rather wait for this one */
	}
	if (index >= node->links->len || table[index].usable == 0) {
		yett_log(YETT_LOG_ERROR, "policy-wrong",
			"the policy picked an upstream that cannot be used; nothing is sent "
			"policy=%s index=%u",
			node->policy->name, index);
		return NULL;
	}
	return node->links->pdata[index];
}

/* An upstream that is being emptied asks for others to be looked for: it still takes what comes, so that the
 * policy sees nothing amiss. */
static bool is_sent_away(const struct yett_node *node)
{
	for (guint i = 0; i < node->links->len; i++) {
		const struct yett_link *link = node->links->pdata[i];

		if (link->state == YETT_UPSTREAM_NO_PATH && !link->path.open &&
			link->path.count > 0) {
			return true;
		}
	}
	return false;
}

enum yett_wanted yett_select_wanted(struct yett_node *node, const struct yett_link *link)
{
	struct yett_upstream table[64] = {0};

	if (node->policy == NULL || policy_of(node)->wanted == NULL ||
		node->links->len > G_N_ELEMENTS(table)) {
		return YETT_WANTED;
	}
	show(node, YETT_LANE_NORMAL, 0, table);
	policy_of(node)->update(node->policy->self, table, node->links->len);
	for (guint i = 0; i < node->links->len; i++) {
		if (node->links->pdata[i] == link) {
			int wanted = policy_of(node)->wanted(node->policy->self, i);

			if (wanted == YETT_WANTED_NOT && is_sent_away(node)) {
				return YETT_WANTED_STANDBY;
			}
			return wanted == YETT_WANTED_NOT       ? YETT_WANTED_NOT
			       : wanted == YETT_WANTED_STANDBY ? YETT_WANTED_STANDBY
							       : YETT_WANTED;
		}
	}
	return YETT_WANTED;
}

int yett_select_explain(struct yett_node *node, char *ret_text, size_t size)
{
	if (node->policy == NULL || policy_of(node)->explain == NULL) {
		ret_text[0] = '\0';
		return 0;
	}
	return policy_of(node)->explain(node->policy->self, ret_text, size);
}

int yett_select_setup(struct yett_node *node, struct yett_error *error)
{
	const struct yett_block *block = &node->settings->policy;
	struct yett_instance *policy;
	int result = yett_instance_new(&node->world, block->descriptor, block->name,
		block->settings, NULL, 0, &policy, error);

	if (result == 0) {
		result = yett_instance_start(policy, error);
		if (result != 0) {
			yett_instance_free(policy);
		}
	}
	if (result != 0) {
		return result;
	}
	yett_instance_free(node->policy);
	node->policy = policy;
	if (node->select_timer == NULL) {
		node->select_timer = node->loop->table->timer_new(node->loop, again, node);
	}
	return 0;
}
