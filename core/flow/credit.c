/* Credit: how much a peer may send before what it sent is durable.
 *
 * Responsible for memory being bounded: a peer's window (granted, or received and not yet durable) counts
 * against one budget for the node (`memory`). A lane starts with 64 KiB while half of the budget is free,
 * and with nothing after that: then a peer asks, and is given what its batch needs and no more. A lane that
 * uses its window up while the budget has room gets one twice as large; so a single fast sender is not held to
 * 64 KiB a round trip. Large windows take up to three quarters of the budget, small ones up to seven eighths:
 * ten thousand idle peers cost next to nothing, and an eighth is there for whoever asks. Where memory is scarce,
 * or the queue's lane is full, windows go back to 64 KiB, or to none: what was made room for is shared evenly,
 * and nobody's wealth of data keeps another's out. Those who wait stand in one line a lane, and the lanes take
 * turns. One waiting peer is always let through, so a budget that is smaller than a batch slows the node down
 * and does not stop it. What a standby was granted others may have meanwhile, but no more of it than half a
 * budget: it stays granted, and all standbys may come to be used at once. Not responsible for what a peer does
 * with it: the session machine holds it to it. On the loop. */
#include <string.h>

#include "stages.h"

#define WINDOW_FIRST (64 * UINT64_C(1024))
#define WINDOW_MAX   (16 * UINT64_C(1024) * 1024)
#define PASS_NS      (2 * YETT_SEC) /* for the batch of a peer that was let through */

static uint64_t budget(const struct yett_node *node)
{
	return node->settings->node.memory_bytes;
}

/* What is left is for those who ask. */
static bool is_tight(const struct yett_node *node)
{
	return node->credit_committed > budget(node) / 8 * 7;
}

static bool starts_large(const struct yett_node *node)
{
	return node->credit_committed + WINDOW_FIRST <= budget(node) / 2;
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

static uint64_t granted(const struct yett_peer *peer)
{
	uint64_t sum = 0;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		sum += peer->credit[lane].granted;
	}
	return sum;
}

/* What it was granted it may send now. */
static void take_back(struct yett_peer *peer)
{
	peer->node->credit_lent -= peer->credit_lent ? granted(peer) : 0;
	for (uint32_t lane = 0; lane < YETT_LANES && peer->credit_lent; lane++) {
		const struct yett_peer_credit *credit = &peer->credit[lane];

		widen(peer, lane, credit->granted + credit->held - credit->window);
	}
	peer->credit_lent = false;
}

/* Whether a window may be twice as large: a small one while there is any room that is not for those who ask. */
static bool may_widen(const struct yett_node *node, const struct yett_peer_credit *credit)
{
	uint64_t most = credit->window < WINDOW_FIRST ? budget(node) / 8 * 7 : budget(node) / 4 * 3;

	return credit->window < WINDOW_MAX && node->credit_committed + credit->window <= most;
}

static bool lane_waits(const struct yett_peer_credit *credit)
{
	return credit->wanted > credit->granted;
}

static void line_up(struct yett_peer *peer, uint32_t lane)
{
	struct yett_peer_credit *credit = &peer->credit[lane];

	if (lane_waits(credit) && credit->place.data == NULL) {
		credit->place.data = peer;
		g_queue_push_tail_link(&peer->node->credit_waiting[lane], &credit->place);
	}
}

static void leave_line(struct yett_peer *peer, uint32_t lane)
{
	struct yett_peer_credit *credit = &peer->credit[lane];

	if (credit->place.data != NULL) {
		g_queue_unlink(&peer->node->credit_waiting[lane], &credit->place);
		credit->place.data = NULL;
	}
}

/* Whether a waiting lane is let through beyond the budget: one peer at a time, and only while nothing
 * of that lane is on its way to disk. A lane that is stuck does not hold up another. */
static bool may_pass(const struct yett_node *node, uint32_t lane)
{
	return node->credit_held[lane] == 0 &&
	       (node->credit_passing[lane] == NULL ||
		       yett_now(node) - node->credit_passing_ns[lane] >= PASS_NS);
}

/* Gives a waiting lane what it wants if the budget, or its turn, allows. */
static bool serve(struct yett_peer *peer, uint32_t lane)
{
	struct yett_node *node = peer->node;
	struct yett_peer_credit *credit = &peer->credit[lane];
	uint64_t need = credit->wanted - credit->granted;
	uint64_t by = need < WINDOW_FIRST && starts_large(node) ? WINDOW_FIRST : need;

	if (node->credit_committed + by > budget(node)) {
		if (!may_pass(node, lane)) {
			return false;
		}
		node->credit_passing[lane] = peer;
		node->credit_passing_ns[lane] = yett_now(node);
	}
	widen(peer, lane, by);
	grant(peer, lane, by);
	credit->wanted = 0;
	return true;
}

/* Serves the first in a lane's line, if it can be: returns a reference to it, or NULL. */
static struct yett_peer *serve_first(struct yett_node *node, uint32_t lane)
{
	struct yett_peer *peer;

	while ((peer = g_queue_peek_head(&node->credit_waiting[lane])) != NULL) {
		if (!lane_waits(&peer->credit[lane])) {
			leave_line(peer, lane);
			continue;
		}
		yett_peer_ref(peer); /* what it is told may end it */
		if (serve(peer, lane)) {
			leave_line(peer, lane);
			return peer;
		}
		yett_peer_unref(peer);
		return NULL; /* those behind wait as well */
	}
	return NULL;
}

/* One of each lane; a flush may end any peer, so no place in a line is kept over it. */
static bool serve_each(struct yett_node *node)
{
	struct yett_peer *served[YETT_LANES];
	bool any = false;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		served[lane] = serve_first(node, lane);
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		if (served[lane] != NULL) {
			any = true;
			yett_peer_flush(served[lane]);
			yett_peer_unref(served[lane]);
		}
	}
	return any;
}

static void serve_waiting(struct yett_node *node)
{
	while (serve_each(node)) {
	}
}

void yett_credit_open(struct yett_peer *peer)
{
	struct yett_node *node = peer->node;

	take_back(peer);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		line_up(peer, lane); /* if it asked before it was a standby */
	}
	/* What is told may end the session: then nothing more is committed to it. */
	for (uint32_t lane = 0; lane < YETT_LANES && peer->state == YETT_PEER_OPEN; lane++) {
		if (peer->credit[lane].window == 0 && starts_large(node)) {
			widen(peer, lane, WINDOW_FIRST);
			grant(peer, lane, WINDOW_FIRST);
		}
	}
	serve_waiting(node);
}

void yett_credit_wanted(struct yett_peer *peer, const struct yett_credit *message)
{
	take_back(peer); /* it is no standby that asks */
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		uint64_t wanted = message->wanted[lane];

		if (wanted > YETT_BATCH_MAX) {
			yett_peer_close(peer, YETT_REFUSE_PROTOCOL, NULL,
				"the peer wants credit for a batch larger than there may be");
			return;
		}
		peer->credit[lane].wanted = wanted;
		line_up(peer, lane);
	}
	serve_waiting(peer->node);
}

void yett_credit_received(struct yett_peer *peer, uint32_t lane, uint64_t bytes)
{
	struct yett_peer_credit *credit = &peer->credit[lane];

	take_back(peer); /* nor that sends */
	credit->granted -= bytes < credit->granted ? bytes : credit->granted;
	credit->held += bytes;
	peer->node->credit_held[lane] += bytes;
}

static uint64_t no_longer_held(struct yett_peer *peer, uint32_t lane, uint64_t bytes)
{
	struct yett_peer_credit *credit = &peer->credit[lane];
	uint64_t by = bytes < credit->held ? bytes : credit->held;

	credit->held -= by;
	peer->node->credit_held[lane] -= by;
	return by;
}

/* What is held of a peer that may send nothing more, or nothing now. What a peer left behind when it went
 * is memory until it is durable, so it stays committed: one that comes and goes must not get a new window
 * each time. */
static void durable_of_idle(struct yett_peer *peer, uint32_t lane, uint64_t by)
{
	peer->credit[lane].window -= by;
	peer->node->credit_committed -= by;
}

/* Whether what there is (memory, or room in the queue's lane) does not do for all who want it. */
static bool scarce(const struct yett_node *node, uint32_t lane)
{
	bool waits = false;

	for (uint32_t i = 0; i < YETT_LANES; i++) {
		waits = waits || node->credit_waiting[i].head != NULL;
	}
	return waits || is_tight(node) || (node->queue != NULL && yett_queue_is_full(node, lane));
}

/* No more than the first window is kept, the same for everyone; and where what is left is little, none. */
static void narrow(struct yett_peer *peer, uint32_t lane)
{
	struct yett_node *node = peer->node;
	struct yett_peer_credit *credit = &peer->credit[lane];
	uint64_t keep = is_tight(node) ? 0 : WINDOW_FIRST;
	uint64_t spare = credit->window - credit->granted - credit->held;
	uint64_t over = credit->window > keep ? credit->window - keep : 0;
	uint64_t by = spare < over ? spare : over;

	credit->window -= by;
	node->credit_committed -= by;
}

void yett_credit_durable(struct yett_peer *peer, uint32_t lane, uint64_t bytes)
{
	struct yett_node *node = peer->node;
	struct yett_peer_credit *credit = &peer->credit[lane];
	uint64_t by = no_longer_held(peer, lane, bytes);

	if (peer->state != YETT_PEER_OPEN || peer->credit_lent) {
		durable_of_idle(peer, lane, by);
		serve_waiting(node);
		return;
	}
	if (node->credit_passing[lane] == peer) {
		node->credit_passing[lane] = NULL;
	}
	if (scarce(node, lane)) {
		narrow(peer, lane);
	} else if (credit->granted < credit->window / 4 && may_widen(node, credit)) {
		widen(peer, lane, credit->window);
	}
	if (credit->window > credit->granted + credit->held) {
		grant(peer, lane, credit->window - credit->granted - credit->held);
	}
	line_up(peer, lane); /* if what it asked for was there, and has been used since */
	serve_waiting(node);
}

static void stop_waiting(struct yett_peer *peer)
{
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		if (peer->node->credit_passing[lane] == peer) {
			peer->node->credit_passing[lane] = NULL;
		}
		leave_line(peer, lane);
	}
}

/* What it has asked for it does not ask for again, so that stays known. */
void yett_credit_lend(struct yett_peer *peer)
{
	struct yett_node *node = peer->node;

	stop_waiting(peer);
	if (peer->credit_lent || node->credit_lent + granted(peer) > budget(node) / 2) {
		return;
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		struct yett_peer_credit *credit = &peer->credit[lane];

		node->credit_committed -= credit->window - credit->held;
		credit->window = credit->held;
	}
	node->credit_lent += granted(peer);
	peer->credit_lent = true;
	serve_waiting(node);
}

void yett_credit_close(struct yett_peer *peer)
{
	struct yett_node *node = peer->node;

	stop_waiting(peer);
	node->credit_lent -= peer->credit_lent ? granted(peer) : 0;
	peer->credit_lent = false;
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		struct yett_peer_credit *credit = &peer->credit[lane];

		node->credit_committed -= credit->window - credit->held;
		credit->window = credit->held;
		credit->granted = credit->wanted = 0;
	}
	serve_waiting(node);
}

/* One that was let through and sends nothing has had its turn. */
void yett_credit_tick(struct yett_node *node)
{
	serve_waiting(node);
}
