/* Credit: how much a peer may send before what it sent is durable.
 *
 * Responsible for memory being bounded: a peer's window (granted, or received and not yet durable)
 * counts against one budget for the node (`memory`). A lane starts with 64 KiB while half of the
 * budget is free, and with nothing after that: then a peer asks, and waits its turn. A lane that
 * uses its window up while the budget has room gets a larger one; so a single fast sender is not
 * held to 64 KiB a round trip, and ten thousand idle ones cost nothing. One waiting peer is always
 * let through, so a budget that is smaller than a batch slows the node down and does not stop it.
 * Not responsible for what a peer does with it: the session machine holds it to it. On the loop. */
#include <string.h>

#include "stages.h"

#define WINDOW_FIRST (64 * UINT64_C(1024))
#define WINDOW_MAX   (16 * UINT64_C(1024) * 1024)

static uint64_t budget(const struct yett_node *node)
{
	return node->settings->node.memory_bytes;
}

static void grant(struct yett_peer *peer, uint32_t lane, uint64_t bytes)
{
	struct yett_credit message = {0};

	message.granted[lane] = bytes;
	peer->credit[lane].granted += bytes;
	yett_wire_credit(peer->wire, &message);
}

/* Raises a window, and the node's commitment with it. */
static void widen(struct yett_peer *peer, uint32_t lane, uint64_t by)
{
	peer->credit[lane].window += by;
	peer->node->credit_committed += by;
}

void yett_credit_open(struct yett_peer *peer)
{
	struct yett_node *node = peer->node;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		if (node->credit_committed + WINDOW_FIRST <= budget(node) / 2) {
			widen(peer, lane, WINDOW_FIRST);
			grant(peer, lane, WINDOW_FIRST);
		}
	}
}

static bool lane_waits(const struct yett_peer_credit *credit)
{
	return credit->wanted > credit->granted;
}

/* Gives a waiting lane what it wants if the budget, or its turn, allows. */
static bool serve(struct yett_peer *peer, uint32_t lane, bool regardless)
{
	struct yett_node *node = peer->node;
	struct yett_peer_credit *credit = &peer->credit[lane];
	uint64_t need = credit->wanted - credit->granted;
	uint64_t by = need > WINDOW_FIRST ? need : WINDOW_FIRST;

	if (node->credit_committed + by > budget(node)) {
		if (!regardless) {
			return false;
		}
		by = need;
	}
	widen(peer, lane, by);
	grant(peer, lane, by);
	credit->wanted = 0;
	return true;
}

/* Whether anyone has a batch under way; if not, somebody must be let through. */
static bool someone_moves(const struct yett_node *node)
{
	for (guint i = 0; i < node->peers->len; i++) {
		const struct yett_peer *peer = node->peers->pdata[i];

		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			if (peer->credit[lane].held > 0) {
				return true;
			}
		}
	}
	return false;
}

static void serve_waiting(struct yett_node *node)
{
	struct yett_peer *peer;

	while ((peer = g_queue_peek_head(node->credit_waiting)) != NULL) {
		bool waits = false;

		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			if (!lane_waits(&peer->credit[lane])) {
				continue;
			}
			if (!serve(peer, lane, !someone_moves(node))) {
				waits = true;
			}
		}
		yett_peer_flush(peer);
		if (waits) {
			return;
		}
		if (g_queue_remove(node->credit_waiting, peer)) {
			peer->waits_for_credit = false;
		}
	}
}

void yett_credit_wanted(struct yett_peer *peer, const struct yett_credit *message)
{
	bool waits = false;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		uint64_t wanted = message->wanted[lane];

		if (wanted > YETT_BATCH_MAX) {
			yett_peer_close(peer, YETT_REFUSE_PROTOCOL, NULL,
				"the peer wants credit for a batch larger than there may be");
			return;
		}
		peer->credit[lane].wanted = wanted;
		waits = waits || lane_waits(&peer->credit[lane]);
	}
	if (waits && !peer->waits_for_credit) {
		peer->waits_for_credit = true;
		g_queue_push_tail(peer->node->credit_waiting, peer);
	}
	serve_waiting(peer->node);
}

void yett_credit_received(struct yett_peer *peer, uint32_t lane, uint64_t bytes)
{
	struct yett_peer_credit *credit = &peer->credit[lane];

	credit->granted -= bytes < credit->granted ? bytes : credit->granted;
	credit->held += bytes;
}

void yett_credit_durable(struct yett_peer *peer, uint32_t lane, uint64_t bytes)
{
	struct yett_node *node = peer->node;
	struct yett_peer_credit *credit = &peer->credit[lane];

	credit->held -= bytes < credit->held ? bytes : credit->held;
	if (peer->state != YETT_PEER_OPEN) {
		return; /* given back as a whole when it closed */
	}
	if (credit->granted < credit->window / 4 && credit->window < WINDOW_MAX &&
		g_queue_is_empty(node->credit_waiting) &&
		node->credit_committed + credit->window <= budget(node)) {
		widen(peer, lane, credit->window);
	}
	if (node->credit_committed > budget(node) || !g_queue_is_empty(node->credit_waiting)) {
		/* Others wait: keep no more than the first window. */
		uint64_t spare = credit->window - credit->granted - credit->held;
		uint64_t over = credit->window > WINDOW_FIRST ? credit->window - WINDOW_FIRST : 0;
		uint64_t by = spare < over ? spare : over;

		credit->window -= by;
		node->credit_committed -= by;
	}
	if (credit->window > credit->granted + credit->held) {
		grant(peer, lane, credit->window - credit->granted - credit->held);
	}
	if (!g_queue_is_empty(node->credit_waiting)) {
		serve_waiting(node);
	}
}

void yett_credit_close(struct yett_peer *peer)
{
	struct yett_node *node = peer->node;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		node->credit_committed -= peer->credit[lane].window;
		memset(&peer->credit[lane], 0, sizeof(peer->credit[lane]));
	}
	if (peer->waits_for_credit) {
		peer->waits_for_credit = false;
		g_queue_remove(node->credit_waiting, peer);
	}
	if (!g_queue_is_empty(node->credit_waiting)) {
		serve_waiting(node);
	}
}
