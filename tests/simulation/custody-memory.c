/* What must hold at any time: memory is bounded.
 *
 * Each byte of a batch that is in memory is one that somebody may have there: a peer has been given credit
 * for it, a feed has just told it, or deliver has it ready or on its way up. What none of these speaks for
 * is a leak, or a budget that is passed by. And each of these keeps to the node's `memory` (M), in batches
 * of at most B:
 *
 *   received   the windows of all peers and what those that are gone have left, which the node itself sums:
 *              M; beyond that one peer a lane is let through with one batch, and another one where it does
 *              not send
 *   ready      what is read ahead: M / 8 and a MiB a lane, passed by with the last batch; and what comes
 *              back from sessions that end
 *   in flight  M / 2 to each upstream, or a single batch
 *
 * What the nodes tell of themselves (bounds, notices, events) is little: SPARE_BYTES each. */
#include "custody.h"

#include <inttypes.h>

#include "base/buffer.h"
#include "flow/flight.h"
#include "flow/stages.h"
#include "wire/session-state.h"

#define SPARE_BYTES  (256 * UINT64_C(1024))
#define AHEAD_BYTES  (UINT64_C(1024) * 1024)
#define BATCH_BYTES  ((uint64_t)YETT_BATCH_MAX)
#define LET_THROUGHS 2 /* batches a lane beyond the budget */

static uint64_t most_in_flight(const struct yett_node *node)
{
	return MAX(node->settings->node.memory_bytes / 2, BATCH_BYTES);
}

/* The node's own sum of what its peers may have here is right, and within its budget. Returns what they
 * have here. */
static uint64_t check_received(struct run *run, const struct yett_node *node)
{
	uint64_t sum = 0, here = 0;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		uint64_t of_peers = 0;

		sum += node->credit_held[lane];
		here += node->credit_held[lane];
		for (guint i = 0; i < node->peers->len; i++) {
			const struct yett_peer *peer = node->peers->pdata[i];
			const struct yett_incoming_batch *half =
				peer->wire != NULL ? peer->wire->incoming.lanes[lane] : NULL;

			sum += peer->credit[lane].window - peer->credit[lane].held;
			of_peers += peer->credit[lane].held;
			here += half != NULL ? yett_buffer_length(half->buffer) : 0;
		}
		if (of_peers > node->credit_held[lane]) {
			run_fail(run,
				"%s holds %" PRIu64 " bytes of its peers, and counts %" PRIu64,
				node->name, of_peers, node->credit_held[lane]);
		}
	}
	if (node->credit_committed != sum) {
		run_fail(run, "credit of %s does not add up: %" PRIu64 " and %" PRIu64, node->name,
			node->credit_committed, sum);
	}
	if (sum > node->settings->node.memory_bytes + LET_THROUGHS * YETT_LANES * BATCH_BYTES) {
		run_fail(run, "%s has given credit of %" PRIu64 " bytes", node->name, sum);
	}
	if (here > sum) {
		run_fail(run, "%s holds %" PRIu64 " bytes, and has given credit of %" PRIu64,
			node->name, here, sum);
	}
	return here;
}

static uint64_t flight_bytes(const struct yett_flight *flight)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < flight->count; i++) {
		const struct yett_unit *unit = flight->ring[(flight->start + i) % flight->capacity];

		sum += unit != NULL ? yett_buffer_length(unit->batch.buffer) : 0;
	}
	return sum;
}

/* What waits to be sent, and what was sent and is not acknowledged. */
static uint64_t check_delivery(struct run *run, const struct yett_node *node)
{
	uint64_t ahead = node->settings->node.memory_bytes / 8 + AHEAD_BYTES + BATCH_BYTES;
	uint64_t ready = yett_deliver_ready_bytes(node), sum = ready;

	for (guint i = 0; i < node->peers->len; i++) {
		const struct yett_peer *peer = node->peers->pdata[i];

		if (yett_deliver_unsettled(peer) > most_in_flight(node)) {
			run_fail(run, "%s has %" PRIu64 " bytes in flight to %s", node->name,
				yett_deliver_unsettled(peer), peer->name);
		}
		sum += peer->flight != NULL ? flight_bytes(peer->flight) : 0;
	}
	if (ready > YETT_LANES * ahead + node->links->len * most_in_flight(node) + SPARE_BYTES) {
		run_fail(run, "%s has %" PRIu64 " bytes ready to be sent", node->name, ready);
	}
	return sum;
}

bool invariant_bounded(struct run *run)
{
	uint64_t known = run->on_way_bytes + SPARE_BYTES;

	for (guint i = 0; i < run->captured->len; i++) {
		known += ((const struct yett_batch *)run->captured->pdata[i])->length;
	}
	for (unsigned i = 0; i < run->count && !run->failed; i++) {
		const struct yett_node *node = run->all[i].at->node;

		if (node != NULL) {
			known +=
				check_received(run, node) + check_delivery(run, node) + SPARE_BYTES;
		}
	}
	if (!run->failed && yett_buffer_alive_bytes() > known) {
		run_fail(run, "%zu bytes of batches are in memory, and nodes may have %" PRIu64,
			yett_buffer_alive_bytes(), known);
	}
	return !run->failed;
}
