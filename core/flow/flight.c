/* Batches in flight.
 *
 * Responsible for finding, in constant time, the batch that an acknowledgement means, also when
 * acknowledgements come out of order. Not responsible for what happens to it then (settle.c,
 * deliver.c). On the loop. Memory is bounded by the credit that the upstream has given. */
#include "flight.h"

#include <glib.h>
#include <string.h>

#include "../base/buffer.h"
#include "../base/error.h"

struct yett_unit *yett_unit_new(uint32_t lane, uint64_t entry, const struct yett_batch *batch,
	const void *meta, size_t meta_length)
{
	struct yett_unit *unit = g_malloc0(sizeof(*unit) + meta_length);

	unit->lane = lane;
	unit->entry = entry;
	unit->batch = *batch;
	yett_buffer_ref(batch->buffer);
	unit->meta_length = (uint32_t)meta_length;
	if (meta_length > 0) {
		memcpy(unit->meta, meta, meta_length);
	}
	return unit;
}

void yett_unit_free(struct yett_unit *unit)
{
	yett_buffer_unref(unit->batch.buffer);
	g_free(unit);
}

struct yett_flight *yett_flight_new(void)
{
	return g_new0(struct yett_flight, 1);
}

void yett_flight_free(struct yett_flight *flight)
{
	if (flight != NULL) {
		YETT_REQUIRE(flight->count == 0);
		g_free(flight->ring);
		g_free(flight);
	}
}

static void grow(struct yett_flight *flight)
{
	size_t capacity = flight->capacity > 0 ? flight->capacity * 2 : 16;
	struct yett_unit **ring = g_new0(struct yett_unit *, capacity);

	for (size_t i = 0; i < flight->count; i++) {
		ring[i] = flight->ring[(flight->start + i) % flight->capacity];
	}
	g_free(flight->ring);
	flight->ring = ring;
	flight->capacity = capacity;
	flight->start = 0;
}

void yett_flight_add(struct yett_flight *flight, uint64_t number, struct yett_unit *unit)
{
	if (flight->count == flight->capacity) {
		grow(flight);
	}
	if (flight->count == 0) {
		flight->first = number;
	}
	YETT_REQUIRE(number == flight->first + flight->count);
	flight->ring[(flight->start + flight->count) % flight->capacity] = unit;
	flight->count++;
	flight->bytes += unit->batch.length;
}

/* Slots that were emptied at either end go. */
static void trim(struct yett_flight *flight)
{
	while (flight->count > 0 && flight->ring[flight->start] == NULL) {
		flight->start = (flight->start + 1) % flight->capacity;
		flight->first++;
		flight->count--;
	}
}

struct yett_unit *yett_flight_take(struct yett_flight *flight, uint64_t number)
{
	struct yett_unit **slot, *unit;

	if (number < flight->first || number - flight->first >= flight->count) {
		return NULL;
	}
	slot = &flight->ring[(flight->start + (number - flight->first)) % flight->capacity];
	unit = *slot;
	*slot = NULL;
	if (unit != NULL) {
		flight->bytes -= unit->batch.length;
		trim(flight);
	}
	return unit;
}

struct yett_unit *yett_flight_take_last(struct yett_flight *flight)
{
	while (flight->count > 0) {
		struct yett_unit *unit =
			flight->ring[(flight->start + flight->count - 1) % flight->capacity];

		flight->count--;
		if (unit != NULL) {
			flight->bytes -= unit->batch.length;
			return unit;
		}
	}
	return NULL;
}
