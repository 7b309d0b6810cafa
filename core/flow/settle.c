/* Settle: an upstream has taken custody, so ours ends.
 *
 * Responsible for reading acknowledgements: what they name leaves the queue; what they refuse waits
 * as long as they say and is sent again; what they do not name stays in flight. Not responsible for
 * how the queue forgets (queue.c). On the loop. An acknowledgement counts only for what was sent on
 * its own session; numbers that were never sent there are passed over. */
#include "../base/log.h"
#include "flight.h"
#include "stages.h"

#define DEFER_LEAST_MS 100

static void smooth(struct yett_link *link, uint64_t latency_ns)
{
	link->latency_ns =
		link->latency_ns == 0 ? latency_ns : (link->latency_ns * 7 + latency_ns) / 8;
}

static void settle_range(
	struct yett_peer *peer, const struct yett_ack_range *range, uint64_t now_ns)
{
	struct yett_flight *flight = peer->flight;
	uint64_t first = range->first > flight->first ? range->first : flight->first;
	uint64_t end = flight->first + flight->count;

	for (uint64_t number = first; number < end && number <= range->last; number++) {
		struct yett_unit *unit = yett_flight_take(flight, number);

		if (unit == NULL) {
			continue;
		}
		if (peer->link != NULL) {
			smooth(peer->link, now_ns - unit->sent_ns);
		}
		yett_queue_settle(peer->node, unit->lane, unit->entry);
		yett_count(peer->node, YETT_COUNT_SETTLED, 1);
		yett_unit_free(unit);
	}
}

static void put_back(struct yett_peer *peer, const struct yett_ack_refusal *refusal)
{
	struct yett_unit *unit = yett_flight_take(peer->flight, refusal->number);

	if (unit == NULL) {
		return;
	}
	yett_log(YETT_LOG_WARNING, "batch-refused",
		"the upstream refuses a batch for now; it is sent again upstream=%s code=%u "
		"retry-after-ms=%u",
		peer->name, refusal->code, refusal->retry_after_ms);
	yett_deliver_defer(peer->node, unit,
		CLAMP(refusal->retry_after_ms, DEFER_LEAST_MS, YETT_RETRY_MOST_MS));
}

void yett_settle(struct yett_peer *peer, const struct yett_ack *message)
{
	uint64_t now_ns = yett_now(peer->node);

	if (peer->flight == NULL) {
		return;
	}
	if (peer->link != NULL && peer->link->peer == peer) {
		peer->link->waits_ns = now_ns;
	}
	for (uint32_t i = 0; i < message->range_count; i++) {
		settle_range(peer, &message->ranges[i], now_ns);
	}
	for (uint32_t i = 0; i < message->refusal_count; i++) {
		put_back(peer, &message->refusals[i]);
	}
	yett_deliver(peer->node);
}
