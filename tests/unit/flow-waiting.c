/* What waits for a round of the queue: nothing overtakes in its lane, and no lane keeps another out. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "flow/waiting.h"
#include "suite.h"

#define LARGE (512 * 1024)

static const struct yett_id own = {{1}};

static void kept(struct yett_keep *keep, int result)
{
	(void)keep;
	(void)result;
}

/* A batch; nothing here looks into it. */
static void add_batch(
	struct yett_waiting *waiting, struct yett_batch_info info, uint32_t length, uint64_t number)
{
	struct yett_buffer *buffer = yett_buffer_new(length);
	struct yett_batch batch = {.info = info,
		.bytes = yett_buffer_bytes(buffer),
		.length = length,
		.buffer = buffer};
	struct yett_keep *keep = yett_keep_new(&batch, "", 0, kept, NULL);

	keep->number = number;
	yett_buffer_unref(buffer);
	yett_waiting_add(waiting, keep);
}

static void add(struct yett_waiting *waiting, uint32_t lane, uint32_t length, uint64_t number)
{
	struct yett_batch_info info = {.lane = (uint8_t)lane, .origin = {{2}}};

	add_batch(waiting, info, length, number);
}

/* How many of each lane a round has; in the order in which they were added. */
static void look(const struct yett_keep_list *round, size_t ret_counts[YETT_LANES])
{
	uint64_t last[YETT_LANES] = {0};

	memset(ret_counts, 0, YETT_LANES * sizeof(*ret_counts));
	for (const struct yett_keep *keep = round->head; keep != NULL; keep = keep->next) {
		uint32_t lane = keep->batch.info.lane;

		CU_ASSERT(keep->number > last[lane]);
		last[lane] = keep->number;
		ret_counts[lane]++;
	}
}

/* A round of so many in a lane, none of which goes in. */
static void refused(struct yett_waiting *waiting, uint32_t lane, uint32_t length, unsigned many)
{
	struct yett_keep_list round = {0};

	for (uint64_t i = 1; i <= many; i++) {
		add(waiting, lane, length, i);
	}
	yett_waiting_gather(waiting, true, &round); /* what is new */
	CU_ASSERT_EQUAL(round.count, many);
	yett_waiting_put_back(waiting, &round);
}

/* More than a round of one lane does not go in, time after time; the others' is tried meanwhile. */
static void a_full_lane(uint32_t length, unsigned many)
{
	for (uint32_t full = 0; full < YETT_LANES; full++) {
		struct yett_waiting waiting = {.own = &own};
		struct yett_keep_list round = {0};
		size_t counts[YETT_LANES];

		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			refused(&waiting, lane, length, lane == full ? many : 1);
		}
		for (int i = 0; i < 3; i++) {
			yett_waiting_gather(&waiting, false, &round);
			look(&round, counts);
			for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
				CU_ASSERT(counts[lane] > (lane == full ? many / 2 : 0));
			}
			yett_waiting_put_back(&waiting, &round);
		}
		yett_waiting_complete_all(&waiting, 0);
	}
}

static void a_full_lane_of_large_ones(void)
{
	a_full_lane(LARGE, 8);
}

static void a_full_lane_of_small_ones(void)
{
	a_full_lane(100, 4096);
}

/* The disk is full: the lane that found it so comes last the next time, since nobody asked for the others. */
static void a_full_disk(void)
{
	struct yett_waiting waiting = {.own = &own};
	struct yett_keep_list round = {0};
	bool first[YETT_LANES] = {false};

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		add(&waiting, lane, 100, 1);
	}
	for (uint32_t i = 0; i < YETT_LANES; i++) {
		yett_waiting_gather(&waiting, false, &round);
		CU_ASSERT_EQUAL_FATAL(round.count, YETT_LANES);
		first[round.head->batch.info.lane] = true;
		for (struct yett_keep *keep = round.head; keep != NULL; keep = keep->next) {
			keep->result = YETT_ENOSPC;
		}
		yett_waiting_put_back(&waiting, &round);
	}
	CU_ASSERT(first[0] && first[1] && first[2]);
	yett_waiting_complete_all(&waiting, 0);
}

/* A notice of this node's that the disk refused keeps its place before what the node says after it; other lanes
 * do not wait for it. */
static void a_notice_is_not_overtaken(void)
{
	struct yett_waiting waiting = {.own = &own};
	struct yett_keep_list round = {0};
	struct yett_batch_info notice = {
		.content = YETT_CONTENT_CUSTODY, .lane = YETT_LANE_URGENT, .origin = own};
	size_t counts[YETT_LANES];

	add_batch(&waiting, notice, 100, 1);
	yett_waiting_gather(&waiting, false, &round);
	CU_ASSERT_EQUAL(round.count, 1);
	yett_waiting_put_back(&waiting, &round);
	for (uint8_t lane = 0; lane < YETT_LANES; lane++) {
		struct yett_batch_info records = {
			.content = YETT_CONTENT_RECORDS, .lane = lane, .origin = own};

		add_batch(&waiting, records, 100, 2);
	}
	yett_waiting_gather(&waiting, true, &round);
	look(&round, counts);
	CU_ASSERT(counts[YETT_LANE_URGENT] == 0 && counts[YETT_LANE_NORMAL] == 1 &&
		  counts[YETT_LANE_BULK] == 1);
	yett_keep_complete_all(&round, 0);
	yett_waiting_gather(&waiting, false, &round);
	look(&round, counts); /* in their order */
	CU_ASSERT_EQUAL(counts[YETT_LANE_URGENT], 2);
	yett_waiting_put_back(&waiting, &round);
	yett_waiting_complete_all(&waiting, 0);
}

/* Nor is it in the way of what others say. */
static void a_notice_holds_up_nobody_else(void)
{
	struct yett_waiting waiting = {.own = &own};
	struct yett_keep_list round = {0};
	struct yett_batch_info notice = {
		.content = YETT_CONTENT_CUSTODY, .lane = YETT_LANE_URGENT, .origin = own};

	add_batch(&waiting, notice, 100, 1);
	yett_waiting_gather(&waiting, false, &round);
	yett_waiting_put_back(&waiting, &round);
	add(&waiting, YETT_LANE_URGENT, 100, 2);
	yett_waiting_gather(&waiting, true, &round);
	CU_ASSERT_EQUAL(round.count, 1);
	yett_waiting_put_back(&waiting, &round);
	yett_waiting_complete_all(&waiting, 0);
}

/* A disk that is full for a notice may have room for other lanes; for its own it goes first, as before. */
static void a_notice_on_a_full_disk(void)
{
	struct yett_waiting waiting = {.own = &own};
	struct yett_keep_list round = {0};
	struct yett_batch_info notice = {
		.content = YETT_CONTENT_CUSTODY, .lane = YETT_LANE_URGENT, .origin = own};

	for (uint64_t i = 0; i < 2; i++) {
		add_batch(&waiting, notice, 100, 1 + i);
		add(&waiting, YETT_LANE_URGENT, 100, 11 + i);
		add(&waiting, YETT_LANE_NORMAL, 100, 21 + i);
	}
	for (uint32_t first = YETT_LANE_URGENT; first <= YETT_LANE_NORMAL; first++) {
		uint64_t last = 0;

		yett_waiting_gather(&waiting, false, &round);
		CU_ASSERT_EQUAL_FATAL(round.count, 6);
		CU_ASSERT_EQUAL(round.head->batch.info.lane, first);
		for (struct yett_keep *keep = round.head; keep != NULL; keep = keep->next) {
			if (keep->batch.info.lane == YETT_LANE_URGENT) {
				CU_ASSERT(keep->number > last);
				last = keep->number;
			}
			keep->result = YETT_ENOSPC;
		}
		yett_waiting_put_back(&waiting, &round);
		add_batch(&waiting, notice, 100, 3 + first); /* behind those that wait */
		yett_waiting_gather(&waiting, true, &round);
		CU_ASSERT_EQUAL(round.count, 1);
		yett_keep_complete_all(&round, 0);
	}
	yett_waiting_complete_all(&waiting, 0);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"a full disk", a_full_disk},
		{"a full lane of large batches", a_full_lane_of_large_ones},
		{"a full lane of small batches", a_full_lane_of_small_ones},
		{"a notice on a full disk", a_notice_on_a_full_disk},
		{"a notice is not overtaken", a_notice_is_not_overtaken},
		{"a notice holds up nobody else", a_notice_holds_up_nobody_else},
		CU_TEST_INFO_NULL,
	};
	int result = suite_run(argc, argv, "flow-waiting", tests);

	return yett_buffer_alive() == 0 ? result : EXIT_FAILURE;
}
