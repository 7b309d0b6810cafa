/* What agents tell, and the ledger of it.
 *
 * Responsible for feeds, which go on where the node says that they had come to (as any source does), for
 * batches made of their items, and for what is known of each: its numbers, and whether the agent has
 * said that it is durable. A position that the agent gives back at its next start says the same: what it
 * covers had become durable, though the agent died before it could say so. Not responsible for holding
 * the ledger against the store (custody-invariant.c). */
#include "custody.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "flow/stages.h"
#include "wire/batch.h"
#include "wire/record.h"

#define POSITION_SIZE 16 /* line, item */

void feed_body(const struct telling *telling, uint32_t at, char *ret_text, size_t size)
{
	snprintf(ret_text, size, "%s %s %" PRIu64 " %" PRIu64 " ", telling->agent->at->name,
		telling->feed->name, telling->line, telling->item + at);
}

static uint64_t place_of(struct member *agent, const struct feed *feed)
{
	size_t length;
	const uint8_t *bytes = yett_origin_position(agent->at->node, feed->name, &length);

	/* A place on a line that was left by a restore says nothing of this one. */
	return length == POSITION_SIZE && yett_get64(bytes) == feed->line ? yett_get64(bytes + 8)
									  : 0;
}

static void now_durable(struct run *run, struct telling *telling)
{
	if (!telling->durable) {
		telling->durable = true;
		telling->durable_at = ++run->durable;
	}
}

void feed_begin(struct member *agent)
{
	struct run *run = agent->run;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		struct feed *feed = &agent->feeds[lane];
		uint64_t place = place_of(agent, feed);

		if (place < feed->durable && !agent->damaged) {
			run_fail(run,
				"%s: %s goes on after item %" PRIu64 ", and %" PRIu64
				" was durable",
				agent->at->name, feed->name, place, feed->durable);
		}
		for (size_t i = feed->since; i < run->ledger->len; i++) {
			struct telling *telling = run->ledger->pdata[i];

			if (telling->feed == feed && telling->line == feed->line &&
				telling->item + telling->count - 1 <= place &&
				telling->item > feed->position) {
				now_durable(run, telling);
			}
		}
		if (place > 0 || !agent->damaged) {
			feed->position = place;
		} else {
			/* What it had is gone with its disk: begin where nothing was told yet. */
			feed->line++;
			feed->position = 0;
		}
		feed->durable = feed->position;
		feed->next = feed->position + 1;
		feed->ahead = 0;
		feed->since = run->ledger->len;
	}
}

void feed_restored(struct run *run, struct member *agent)
{
	/* What was told before the snapshot may have become durable after it. */
	for (size_t i = 0; i < run->ledger->len; i++) {
		struct telling *telling = run->ledger->pdata[i];

		if (telling->agent == agent && telling->durable_at > agent->snapshot_at) {
			telling->excused = true;
		}
		if (telling->agent == agent && i < agent->snapshot_told && !telling->durable) {
			telling->in_snapshot = true;
		}
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		struct feed *feed = &agent->feeds[lane];

		feed->line++;
		feed->position = 0;
		feed->durable = 0;
		feed->since = run->ledger->len;
	}
}

bool feed_in_snapshot(const struct run *run, const char *body)
{
	char text[128];

	for (size_t i = 0; i < run->ledger->len; i++) {
		const struct telling *telling = run->ledger->pdata[i];

		for (uint32_t at = 0; telling->in_snapshot && at < telling->count; at++) {
			feed_body(telling, at, text, sizeof(text));
			if (strcmp(text, body) == 0) {
				return true;
			}
		}
	}
	return false;
}

static void kept(struct yett_keep *keep, int result)
{
	struct telling *telling = keep->owner;
	struct feed *feed = telling->feed;

	telling->done = true;
	telling->run->on_way_bytes -= telling->bytes;
	feed->ahead -= feed->ahead > 0 ? 1 : 0;
	if (result != 0) {
		return;
	}
	now_durable(telling->run, telling);
	if (telling->line == feed->line && telling->item + telling->count - 1 > feed->durable) {
		feed->durable = telling->item + telling->count - 1;
	}
}

static void fill(
	struct run *run, const struct telling *telling, struct yett_payload *payload, unsigned size)
{
	char *body = g_malloc0(size + 128 + sizeof(uint64_t));

	for (uint32_t i = 0; i < telling->count; i++) {
		struct yett_record record = {
			.size = sizeof(record),
			.kind = YETT_RECORD_EVENT,
			.time_ns = yett_clock_wall(telling->agent->at->node->clock),
			.name = yett_text("custody.event"),
		};
		size_t length;
		uint64_t noise = draw(run, UINT64_MAX);

		feed_body(telling, i, body, 128);
		length = strlen(body);
		for (size_t j = 0; j < size; j += sizeof(noise)) {
			/* Nothing compresses it away; printable, eight at a time. */
			uint64_t some;

			noise = noise * UINT64_C(6364136223846793005) + 1442695040888963407;
			some = ((noise ^ noise >> 29) & UINT64_C(0x3f3f3f3f3f3f3f3f)) +
			       UINT64_C(0x2121212121212121);
			memcpy(body + length + j, &some, sizeof(some));
		}
		body[length + size] = '\0';
		record.body = yett_text(body);
		YETT_REQUIRE(yett_payload_record(payload, &record) == 0);
	}
	g_free(body);
}

/* Well framed, and nobody can read it: a payload that is no sequence of records. */
static void spoil(struct run *run, struct yett_batch *batch)
{
	uint8_t bytes[64];
	struct yett_batch_info info = batch->info;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)draw(run, 256);
	}
	bytes[0] = 0xff; /* a break where an item begins */
	info.codec = YETT_CODEC_PLAIN;
	info.plain_length = sizeof(bytes);
	if (one_in(run, 2)) {
		info.content = 77;
	}
	yett_buffer_unref(batch->buffer);
	YETT_REQUIRE(yett_batch_build(&info, bytes, sizeof(bytes), batch) == 0);
}

void feed_tell(struct run *run, struct member *agent, struct feed *feed, unsigned count,
	unsigned size, bool poison)
{
	struct yett_payload *payload;
	struct telling *telling;
	struct yett_batch batch;
	uint8_t position[POSITION_SIZE];
	struct yett_node *node = agent->at->node;

	if (feed->ahead >= FEED_AHEAD) {
		return; /* as a source that waits */
	}
	payload = yett_payload_new(YETT_BATCH_MAX / 2);
	telling = g_new0(struct telling, 1);
	telling->run = run;
	telling->agent = agent;
	telling->feed = feed;
	telling->lane = feed->lane;
	telling->line = feed->line;
	telling->item = feed->next;
	telling->count = count;
	telling->poison = poison;
	telling->index = run->ledger->len;
	fill(run, telling, payload, size);
	YETT_REQUIRE(yett_payload_cut(payload, feed->lane, YETT_CONTENT_RECORDS, one_in(run, 2),
			     yett_clock_wall(node->clock), &batch) == 0);
	yett_payload_free(payload);
	if (poison) {
		spoil(run, &batch);
		run->poisons++;
	}
	feed->next += count;
	feed->ahead++;
	g_ptr_array_add(run->ledger, telling);
	yett_put64(position, feed->line);
	yett_put64(position + 8, feed->next - 1);
	telling->bytes = yett_buffer_length(batch.buffer);
	run->on_way_bytes += telling->bytes;
	/* Numbers are given at once; the batch is the node's from here on. */
	yett_buffer_ref(batch.buffer);
	yett_origin_submit(node, &batch, feed->name, position, sizeof(position), kept, telling);
	telling->epoch = batch.info.epoch;
	telling->first = batch.info.first;
	hostile_capture(run, telling, &batch);
	yett_buffer_unref(batch.buffer);
}
