/* A relay that lies.
 *
 * Responsible for what a gateway may do that somebody has taken over: it sends again what it has seen,
 * under the same numbers or under others, in the name of those that it may speak for, and refuses what
 * they send. What it does to those behind it is not held against the store. Of all others it sends what they
 * never said, declares lost what they have told, and says how far their numbers go: they must come to no
 * harm. It is a gateway as all others beside that, and what it makes up goes the way that it would send
 * anything. It does not say that others are behind it: that a gateway is believed. */
#include "custody.h"

#include <string.h>

#include "base/buffer.h"
#include "flow/flight.h"
#include "flow/stages.h"
#include "wire/batch.h"
#include "wire/record.h"

#define CAPTURED_MAX 64
#define NO_ENTRY     (UINT64_C(1) << 60) /* of any queue */

static void taint_from(struct run *run, unsigned at, bool seen[NODES_MAX], bool *ret_hostile)
{
	struct member *member = &run->all[at];

	if (seen[at]) {
		return;
	}
	seen[at] = true;
	*ret_hostile = *ret_hostile || member->hostile;
	for (unsigned i = 0; i < member->upstream_count; i++) {
		taint_from(run, member->upstreams[i], seen, ret_hostile);
	}
}

void hostile_taint(struct run *run)
{
	for (unsigned i = 0; i < run->count && run->hostile; i++) {
		bool seen[NODES_MAX] = {false};

		taint_from(run, i, seen, &run->all[i].tainted);
	}
}

void hostile_capture(struct run *run, const struct telling *telling, const struct yett_batch *batch)
{
	struct yett_batch *copy;

	if (!telling->agent->tainted || run->captured->len >= CAPTURED_MAX || !one_in(run, 3)) {
		return;
	}
	copy = g_memdup2(batch, sizeof(*batch));
	yett_buffer_ref(copy->buffer);
	g_ptr_array_add(run->captured, copy);
}

static void done(struct yett_keep *keep, int result)
{
	struct run *run = keep->owner;

	(void)result;
	run->on_way_bytes -= keep->batch.length;
}

static void put(struct member *evil, const struct yett_batch *batch)
{
	struct yett_envelope envelope = {.method = "sim"};
	uint8_t meta[YETT_ENVELOPE_MAX];

	evil->run->on_way_bytes += batch->length;
	yett_keep_give(evil->at->node,
		yett_keep_new(batch, meta, yett_envelope_encode(&envelope, meta), done, evil->run));
}

/* A copy with one reference. */
static struct yett_batch as(const struct yett_batch *seen, const struct yett_id *origin,
	const struct yett_epoch *epoch, uint64_t first)
{
	struct yett_buffer *buffer = yett_buffer_new(seen->length);
	struct yett_batch batch;

	memcpy(yett_buffer_bytes(buffer), seen->bytes, seen->length);
	YETT_REQUIRE(
		yett_batch_parse(buffer, yett_buffer_bytes(buffer), seen->length, &batch) == 0);
	batch.buffer = buffer;
	yett_batch_renumber(&batch, origin, epoch, first);
	return batch;
}

/* Past its queue: of what lies there its next start would say that it is behind it, and be believed. Once
 * it is refused it is gone. */
static void send_now(const struct member *evil, const struct yett_batch *batch)
{
	struct yett_node *node = evil->at->node;
	struct yett_envelope envelope = {.hops = 1, .path = {node->id}, .method = "sim"};
	uint8_t meta[YETT_ENVELOPE_MAX];
	uint64_t number;

	for (guint i = 0; i < node->links->len; i++) {
		struct yett_link *link = node->links->pdata[i];
		struct yett_peer *peer = link->peer;
		struct yett_unit *unit;

		if (peer == NULL || peer->state != YETT_PEER_OPEN || peer->standby ||
			link->state != YETT_UPSTREAM_UP ||
			yett_wire_batch(peer->wire, &envelope, batch, &number) != 0) {
			continue;
		}
		unit = yett_unit_new(batch->info.lane, NO_ENTRY, batch, meta,
			yett_envelope_encode(&envelope, meta));
		unit->sent_ns = yett_now(node);
		peer->flight = peer->flight != NULL ? peer->flight : yett_flight_new();
		yett_flight_add(peer->flight, number, unit);
		yett_peer_flush(peer);
		return;
	}
}

/* The same content under other numbers, or under another name. */
static void forge(struct run *run, struct member *evil, const struct yett_batch *seen)
{
	struct yett_id origin = seen->info.origin;
	struct yett_epoch epoch = seen->info.epoch;
	uint64_t first = seen->info.first;
	struct yett_batch batch;

	switch (draw(run, 4)) {
	case 0:
		first += 1 + draw(run, 5);
		break;
	case 1:
		epoch.random++;
		break;
	case 2:
		first = 1 + draw(run, UINT32_MAX);
		break;
	default: {
		const struct member *victim = &run->all[draw(run, run->count)];

		if (victim->tainted && victim->id_known) {
			origin = victim->id;
			epoch = victim->at->node != NULL ? victim->at->node->epoch : epoch;
		}
		break;
	}
	}
	batch = as(seen, &origin, &epoch, first);
	put(evil, &batch);
	yett_buffer_unref(batch.buffer);
}

/* Something, mostly of late, that one has told whom the relay may not speak for; or NULL. */
static const struct telling *told_elsewhere(struct run *run)
{
	uint64_t length = run->ledger->len, back;
	const struct telling *telling;

	if (length == 0) {
		return NULL;
	}
	back = draw(run, one_in(run, 2) ? length : MIN(length, 8));
	telling = run->ledger->pdata[length - 1 - back];
	return telling->agent->tainted ? NULL : telling;
}

/* In a name that it may not bear: numbers that are taken, or will be, or in an epoch that never was. */
static void impersonate(struct run *run, const struct member *evil, const struct yett_batch *seen)
{
	const struct telling *telling = told_elsewhere(run);
	struct yett_epoch epoch;
	struct yett_batch batch;

	if (telling == NULL || telling->lane != seen->info.lane) {
		return;
	}
	epoch = telling->epoch;
	epoch.random += draw(run, 2);
	batch = as(seen, &telling->agent->id, &epoch, telling->first);
	send_now(evil, &batch);
	yett_buffer_unref(batch.buffer);
}

/* What is there, or comes yet, it says to have lost. Not what its agent never kept: of that nobody would ever
 * tell that there is nothing before it. */
static void slander(struct run *run, const struct member *evil)
{
	const struct telling *telling = told_elsewhere(run);
	struct yett_range range;

	if (telling == NULL || !telling->durable) {
		return;
	}
	range = (struct yett_range){.origin = telling->agent->id,
		.epoch = telling->epoch,
		.first = telling->first,
		.count = telling->count,
		.lane = telling->lane};
	yett_gap_declare(evil->at->node, &range, 1,
		one_in(run, 2) ? YETT_GAP_QUOTA : YETT_GAP_QUARANTINE, NULL, NULL);
}

/* That others have given out more numbers than they have, and hold none of them any more. */
static void overstate(struct run *run, const struct member *evil)
{
	const struct telling *telling = told_elsewhere(run);
	struct yett_payload *payload;
	struct yett_notice notice;
	struct yett_batch batch;

	if (telling == NULL) {
		return;
	}
	notice = (struct yett_notice){.size = sizeof(notice),
		.kind = YETT_NOTICE_BOUNDS,
		.holder = telling->agent->id,
		.range = {.origin = telling->agent->id,
			.epoch = telling->epoch,
			.lane = telling->lane,
			.first = telling->first + telling->count + 1000},
		.closed = 1};
	payload = yett_payload_new(YETT_BATCH_MAX / 2);
	YETT_REQUIRE(yett_payload_notice(payload, &notice) == 0);
	YETT_REQUIRE(yett_payload_cut(payload, YETT_LANE_URGENT, YETT_CONTENT_CUSTODY, false,
			     yett_clock_wall(evil->at->node->clock), &batch) == 0);
	yett_payload_free(payload);
	evil->run->on_way_bytes += batch.length;
	yett_origin_submit(evil->at->node, &batch, NULL, NULL, 0, done, evil->run);
}

static void refuse(struct run *run, struct member *evil)
{
	struct yett_ack ack = {.refusal_count = 1};

	for (guint i = 0; i < evil->at->node->peers->len; i++) {
		struct yett_peer *peer = evil->at->node->peers->pdata[i];

		if (peer->state == YETT_PEER_OPEN && peer->role == YETT_ROLE_ACCEPTOR) {
			ack.refusals[0].number = 1 + draw(run, 20);
			ack.refusals[0].code = YETT_REFUSE_BUSY;
			ack.refusals[0].retry_after_ms = (uint32_t)draw(run, 5000);
			yett_wire_ack(peer->wire, &ack);
			yett_peer_flush(peer);
			return;
		}
	}
}

static void say_of_others(struct run *run, const struct member *evil)
{
	if (one_in(run, 3)) {
		overstate(run, evil);
	} else {
		slander(run, evil);
	}
}

static void send_as_others(struct run *run, struct member *evil)
{
	const struct yett_batch *seen;

	if (run->captured->len == 0) {
		return;
	}
	seen = run->captured->pdata[draw(run, run->captured->len)];
	switch (draw(run, 3)) {
	case 0:
		put(evil, seen);
		break;
	case 1:
		forge(run, evil, seen);
		break;
	default:
		impersonate(run, evil, seen);
		break;
	}
}

void hostile_step(struct run *run)
{
	for (unsigned i = run->servers; i < run->servers + run->gateways; i++) {
		struct member *evil = &run->all[i];

		if (!evil->hostile || evil->at->node == NULL) {
			continue;
		}
		switch (draw(run, 5)) {
		case 0:
			refuse(run, evil);
			break;
		case 1:
		case 2:
			say_of_others(run, evil);
			break;
		default:
			send_as_others(run, evil);
			break;
		}
	}
}

void hostile_done(struct run *run)
{
	for (guint i = 0; i < run->captured->len; i++) {
		struct yett_batch *batch = run->captured->pdata[i];

		yett_buffer_unref(batch->buffer);
		g_free(batch);
	}
	g_ptr_array_free(run->captured, TRUE);
}
