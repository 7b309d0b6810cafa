/* Open sessions by the id of the node at their other end.
 *
 * Responsible for finding them without a walk through all peers, of which there may be ten thousand.
 * One node has a session or two: a new one is open for a while before the old one ends. Not responsible
 * for which of them counts (admit.c). Runs on the loop. */
#include "../base/id.h"
#include "stages.h"

GHashTable *yett_sessions_new(void)
{
	return g_hash_table_new(yett_id_hash, yett_id_equal_key);
}

struct yett_peer *yett_sessions_of(const struct yett_node *node, const struct yett_id *id)
{
	return g_hash_table_lookup(node->sessions_open, id);
}

/* The key is within the first of the list. */
static void set_first(struct yett_node *node, struct yett_peer *first)
{
	g_hash_table_replace(node->sessions_open, &first->id, first);
}

void yett_sessions_add(struct yett_peer *peer)
{
	peer->same_node = yett_sessions_of(peer->node, &peer->id);
	set_first(peer->node, peer);
}

void yett_sessions_remove(struct yett_peer *peer)
{
	struct yett_peer *first = yett_sessions_of(peer->node, &peer->id);

	if (first != peer) {
		while (first != NULL && first->same_node != peer) {
			first = first->same_node;
		}
		if (first != NULL) {
			first->same_node = peer->same_node;
		}
	} else if (peer->same_node != NULL) {
		set_first(peer->node, peer->same_node);
	} else {
		g_hash_table_remove(peer->node->sessions_open, &peer->id);
	}
	peer->same_node = NULL;
}
