/* Path: this node's present way to the store, and why data cannot go in circles.
 *
 * Responsible for what PATH says to those below: this node first, then the way of the upstream that
 * it would use; or that there is none. A relay uses only a way that does not contain itself and is
 * not longer than eight hops, so two gateways that are upstreams of each other end up with none
 * rather than with a circle. And for who is above, also while no session leads there: nobody below has the
 * id of such a node, or what it sends would be taken by none of them. On the loop. */
#include <string.h>

#include "../base/id.h"
#include "../base/log.h"
#include "stages.h"

bool yett_path_usable(const struct yett_node *node, const struct yett_path *path)
{
	if (!path->open || path->count == 0 || path->count >= YETT_PATH_MAX) {
		return false;
	}
	for (uint32_t i = 0; i < path->count; i++) {
		if (yett_id_equal(&path->ids[i], &node->id)) {
			return false;
		}
	}
	return true;
}

static bool leads_to(const struct yett_path *way, const struct yett_id *id, bool relay)
{
	for (uint32_t i = 0; i < way->count; i++) {
		if (yett_id_equal(&way->ids[i], id)) {
			return !relay || i + 1 == way->count; /* the last one has the store */
		}
	}
	return false;
}

const char *yett_path_above(
	const struct yett_node *node, const struct yett_id *id, const char *name, bool relay)
{
	for (guint i = 0; i < node->links->len; i++) {
		const struct yett_link *link = node->links->pdata[i];

		/* Gateways that are each other's backup are above and below each other. */
		if (!yett_id_is_zero(&link->id) && yett_id_equal(&link->id, id)) {
			return strcmp(link->name, name) != 0 ? link->name : NULL;
		}
	}
	for (guint i = 0; i < node->links->len; i++) {
		const struct yett_link *link = node->links->pdata[i];

		if (leads_to(&link->way, id, relay)) {
			return "a node above";
		}
	}
	return NULL;
}

/* The shortest way of those that are up: what the policy picks may change by the batch. */
static const struct yett_path *best_way(const struct yett_node *node)
{
	const struct yett_path *best = NULL;

	for (guint i = 0; i < node->links->len; i++) {
		const struct yett_link *link = node->links->pdata[i];

		if (link->state == YETT_UPSTREAM_UP &&
			(best == NULL || link->path.count < best->count)) {
			best = &link->path;
		}
	}
	return best;
}

static void compute(const struct yett_node *node, struct yett_path *ret_path)
{
	const struct yett_path *way = NULL;

	memset(ret_path, 0, sizeof(*ret_path));
	if (node->store != NULL) {
		ret_path->open = yett_store_healthy(node) && !node->draining;
	} else {
		way = best_way(node);
		ret_path->open = way != NULL && !node->draining;
	}
	if (!ret_path->open) {
		return;
	}
	ret_path->ids[ret_path->count++] = node->id;
	for (uint32_t i = 0; way != NULL && i < way->count; i++) {
		ret_path->ids[ret_path->count++] = way->ids[i];
	}
}

/* A gateway that is being emptied has no way for those that only tell of themselves: where another
 * upstream has one they take that, and where none has they go on delivering here. A relay would keep what it
 * has, so it is moved from above instead. */
static bool is_sent_away(const struct yett_peer *peer)
{
	return peer->node->settings->node.drain && peer->node->store == NULL &&
	       (peer->flags & YETT_INTRO_RELAY) == 0;
}

void yett_path_tell(struct yett_peer *peer)
{
	/* A way that is closed and has a name in it: look for another one. */
	struct yett_path away = {.count = 1, .ids = {peer->node->id}};

	yett_wire_path(peer->wire, is_sent_away(peer) ? &away : &peer->node->path);
	yett_peer_flush(peer);
}

void yett_path_tell_all(struct yett_node *node)
{
	for (guint i = node->peers->len; i > 0; i--) {
		struct yett_peer *peer = i <= node->peers->len ? node->peers->pdata[i - 1] : NULL;

		if (peer != NULL && peer->role == YETT_ROLE_ACCEPTOR &&
			peer->state == YETT_PEER_OPEN) {
			yett_path_tell(peer);
		}
	}
}

void yett_path_update(struct yett_node *node)
{
	struct yett_path path;

	compute(node, &path);
	if (memcmp(&path, &node->path, sizeof(path)) == 0) {
		return;
	}
	if (path.open != node->path.open && !node->draining) {
		yett_log(path.open ? YETT_LOG_NOTICE : YETT_LOG_WARNING,
			path.open ? "path-open" : "path-closed",
			path.open ? "there is a way to the store hops=%u"
				  : "there is no way to the store; what arrives waits here hops=%u",
			path.count);
	}
	node->path = path;
	yett_path_tell_all(node);
}
