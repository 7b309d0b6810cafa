/* A relay that lies.
 *
 * Responsible for what a gateway may do that somebody has taken over: it sends again what it has seen,
 * under the same numbers or under others, in the name of those that it may speak for, and refuses what
 * they send. It is a gateway as all others beside that, and what it makes up goes the way that it would
 * send anything. What it does to those behind it is not held against the store; nobody else is touched. */
#include "custody.h"

#include <string.h>

#include "base/buffer.h"
#include "flow/stages.h"
#include "wire/batch.h"

#define CAPTURED_MAX 64

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

/* The same content under other numbers, or under another name. */
static void forge(struct run *run, struct member *evil, const struct yett_batch *seen)
{
	struct yett_buffer *buffer = yett_buffer_new(seen->length);
	struct yett_batch batch;
	struct yett_id origin = seen->info.origin;
	struct yett_epoch epoch = seen->info.epoch;
	uint64_t first = seen->info.first;

	memcpy(yett_buffer_bytes(buffer), seen->bytes, seen->length);
	YETT_REQUIRE(
		yett_batch_parse(buffer, yett_buffer_bytes(buffer), seen->length, &batch) == 0);
	batch.buffer = buffer;
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

		if (victim->tainted) {
			origin = victim->id;
			epoch = victim->at->node != NULL ? victim->at->node->epoch : epoch;
		}
		break;
	}
	}
	yett_batch_renumber(&batch, &origin, &epoch, first);
	put(evil, &batch);
	yett_buffer_unref(buffer);
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

void hostile_step(struct run *run)
{
	for (unsigned i = run->servers; i < run->servers + run->gateways; i++) {
		struct member *evil = &run->all[i];
		const struct yett_batch *seen;

		if (!evil->hostile || evil->at->node == NULL || run->captured->len == 0) {
			continue;
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
			refuse(run, evil);
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
