/* Numbers: which of its own a node without a durable queue has given out, and which of them an
 * upstream has taken.
 *
 * Responsible for one small file in the state directory, and for what it is there for: what such a
 * node had in memory when its process ended is lost, and the next start says so: the numbers that
 * were given out and that no upstream took are declared lost, cause `volatile`, and their epochs are
 * closed. An epoch leaves the file once an upstream has taken both. A node whose queue is durable
 * writes nothing here (its queue knows), but tells what an earlier queue of the node has left. Not
 * responsible for giving out numbers (origin.c) nor for the form of a notice (gap.c).
 *
 * The file is a row of slots, one an epoch, the newest last. It is made at the start, synced; then
 * the newest slot is written in place, unsynced, at each batch: so it is exact after the end of the
 * process, and after a power cut it may know fewer numbers than were given out. A slot that was torn
 * is passed over: what the store has not heard of then, nobody knows. On the loop. */
#include "numbers.h"

#include <fcntl.h>
#include <string.h>

#include "../base/bytes.h"
#include "../base/crc32c.h"
#include "../base/id.h"
#include "../base/log.h"
#include "stages.h"

#define FILE_NAME      "numbers"
#define FILE_NEW       "numbers.new"
#define SLOTS_MAX      256
#define SLOT_SIZE      72 /* epoch, taken and next of each lane, CRC, 4 bytes of format version */
#define FORMAT_VERSION 1

struct run {
	uint64_t first, next;
};

struct slot {
	struct yett_epoch epoch;
	uint64_t taken[YETT_LANES]; /* all numbers below it are an upstream's */
	uint64_t next[YETT_LANES];
};

struct yett_numbers {
	struct yett_node *node;
	GArray *past; /* struct slot */
	struct slot now;
	GArray *taken_early[YETT_LANES]; /* struct run: beyond `taken`, in no order */
	int directory, file;             /* < 0: not open */
	bool failing;
	unsigned telling; /* bounds that no upstream has taken yet */
};

static void encode(const struct slot *slot, uint8_t *ret_bytes)
{
	yett_put64(ret_bytes, slot->epoch.ordinal);
	yett_put64(ret_bytes + 8, slot->epoch.random);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		yett_put64(ret_bytes + 16 + 16 * lane, slot->taken[lane]);
		yett_put64(ret_bytes + 24 + 16 * lane, slot->next[lane]);
	}
	yett_put32(ret_bytes + 64, FORMAT_VERSION);
	yett_put32(ret_bytes + 68, yett_crc32c(0, ret_bytes, SLOT_SIZE - 4));
}

static bool decode(const uint8_t *bytes, struct slot *ret_slot)
{
	if (yett_get32(bytes + 68) != yett_crc32c(0, bytes, SLOT_SIZE - 4) ||
		yett_get32(bytes + 64) != FORMAT_VERSION) {
		return false;
	}
	ret_slot->epoch.ordinal = yett_get64(bytes);
	ret_slot->epoch.random = yett_get64(bytes + 8);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		ret_slot->taken[lane] = yett_get64(bytes + 16 + 16 * lane);
		ret_slot->next[lane] = yett_get64(bytes + 24 + 16 * lane);
		if (ret_slot->taken[lane] == 0 || ret_slot->taken[lane] > ret_slot->next[lane]) {
			return false;
		}
	}
	return true;
}

static bool gave_any(const struct slot *slot)
{
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		if (slot->next[lane] > 1) {
			return true;
		}
	}
	return false;
}

static void failed(struct yett_numbers *numbers, int result)
{
	if (!numbers->failing) {
		yett_log(YETT_LOG_WARNING, "numbers-unwritten",
			"the file `" FILE_NAME "` in the state directory cannot be written: %s; "
			"what is in memory when this process ends may be lost without a notice",
			yett_result_text(result));
	}
	numbers->failing = true;
}

static void write_slot(struct yett_numbers *numbers, size_t index, const struct slot *slot)
{
	const struct yett_files *files = numbers->node->world.files;
	uint8_t bytes[SLOT_SIZE];
	struct iovec iov = {bytes, sizeof(bytes)};
	int result;

	encode(slot, bytes);
	result = files->write(files->fs, numbers->file, &iov, 1, index * SLOT_SIZE);
	if (result < 0) {
		failed(numbers, result);
	} else {
		numbers->failing = false;
	}
}

static void write_now(struct yett_numbers *numbers)
{
	if (numbers->file >= 0) {
		write_slot(numbers, numbers->past->len, &numbers->now);
	}
}

static int read_past(struct yett_numbers *numbers)
{
	const struct yett_files *files = numbers->node->world.files;
	uint8_t bytes[SLOT_SIZE];
	int64_t got = 0;
	int file = files->open(files->fs, numbers->directory, FILE_NAME, O_RDONLY | O_CLOEXEC);

	if (file < 0) {
		return file == YETT_ENOTFOUND ? 0 : file;
	}
	for (size_t i = 0; i < SLOTS_MAX; i++) {
		struct slot slot;

		got = files->read(files->fs, file, bytes, sizeof(bytes), i * SLOT_SIZE);
		if (got <= 0) {
			break;
		}
		if (got < SLOT_SIZE || !decode(bytes, &slot)) {
			yett_log(YETT_LOG_WARNING, "numbers-damaged",
				"a slot of the file `" FILE_NAME "` in the state directory is "
				"damaged; what that start of this node had in memory cannot be "
				"declared lost slot=%zu",
				i);
		} else if (gave_any(&slot)) {
			g_array_append_val(numbers->past, slot);
		}
	}
	files->close(files->fs, file);
	return got < 0 ? (int)got : 0;
}

/* The file anew, with a slot for this start. */
static int make(struct yett_numbers *numbers)
{
	const struct yett_files *files = numbers->node->world.files;
	int result;

	if (numbers->past->len >= SLOTS_MAX) {
		g_array_remove_range(numbers->past, 0, numbers->past->len - SLOTS_MAX + 1);
	}
	result = numbers->file = files->open(
		files->fs, numbers->directory, FILE_NEW, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC);
	if (result < 0) {
		return result;
	}
	for (guint i = 0; i < numbers->past->len; i++) {
		write_slot(numbers, i, &g_array_index(numbers->past, struct slot, i));
	}
	write_now(numbers);
	if (numbers->failing) {
		return YETT_EIO;
	}
	result = files->sync(files->fs, numbers->file);
	if (result == 0) {
		result = files->rename(files->fs, numbers->directory, FILE_NEW, FILE_NAME);
	}
	return result == 0 ? files->dir_sync(files->fs, numbers->directory) : result;
}

int yett_numbers_open(struct yett_node *node, struct yett_error *error)
{
	const struct yett_files *files = node->world.files;
	struct yett_numbers *numbers = g_new0(struct yett_numbers, 1);
	struct yett_queue_view view = {.durable = true};
	int result;

	node->numbers = numbers;
	numbers->node = node;
	numbers->file = -1;
	numbers->past = g_array_new(FALSE, FALSE, sizeof(struct slot));
	numbers->now.epoch = node->epoch;
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		numbers->now.taken[lane] = numbers->now.next[lane] = 1;
		numbers->taken_early[lane] = g_array_new(FALSE, FALSE, sizeof(struct run));
	}
	result = numbers->directory = files->dir_open(files->fs, node->settings->node.state);
	if (result >= 0) {
		result = read_past(numbers);
	}
	if (result == 0 && node->queue != NULL) {
		yett_queue_view(node, &view);
	}
	if (result == 0 && !view.durable) {
		result = make(numbers);
	}
	if (result < 0) {
		return yett_fail(error, result,
			"make the state directory readable and writable for the daemon's user",
			"the file " FILE_NAME " in %s cannot be read or written: %s",
			node->settings->node.state, yett_result_text(result));
	}
	return 0;
}

void yett_numbers_close(struct yett_node *node)
{
	const struct yett_files *files = node->world.files;
	struct yett_numbers *numbers = node->numbers;

	if (numbers == NULL) {
		return;
	}
	if (numbers->file >= 0) {
		files->close(files->fs, numbers->file);
	}
	if (numbers->directory >= 0) {
		files->dir_close(files->fs, numbers->directory);
	}
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		g_array_free(numbers->taken_early[lane], TRUE);
	}
	g_array_free(numbers->past, TRUE);
	g_free(numbers);
	node->numbers = NULL;
}

void yett_numbers_given(struct yett_node *node, const struct yett_batch_info *info)
{
	node->numbers->now.next[info->lane] = info->first + info->count;
	write_now(node->numbers);
}

/* What came early and follows now. */
static void catch_up(struct yett_numbers *numbers, uint32_t lane)
{
	GArray *early = numbers->taken_early[lane];

	for (guint i = 0; i < early->len;) {
		struct run run = g_array_index(early, struct run, i);

		if (run.first > numbers->now.taken[lane]) {
			i++;
			continue;
		}
		if (run.next > numbers->now.taken[lane]) {
			numbers->now.taken[lane] = run.next;
		}
		g_array_remove_index_fast(early, i);
		i = 0;
	}
}

void yett_numbers_taken(struct yett_node *node, const struct yett_batch_info *info)
{
	struct yett_numbers *numbers = node->numbers;
	struct run run = {info->first, info->first + info->count};

	if (!yett_id_equal(&info->origin, &node->id) ||
		info->epoch.ordinal != node->epoch.ordinal ||
		info->epoch.random != node->epoch.random) {
		return;
	}
	g_array_append_val(numbers->taken_early[info->lane], run);
	catch_up(numbers, info->lane);
	write_now(numbers);
}

/* All that earlier starts have left is told and taken: their slots are blank. */
static void forget(struct yett_numbers *numbers)
{
	const struct yett_files *files = numbers->node->world.files;
	struct slot blank = {.taken = {1, 1, 1}, .next = {1, 1, 1}};

	if (numbers->file < 0) {
		files->remove(files->fs, numbers->directory, FILE_NAME);
	}
	for (guint i = 0; i < numbers->past->len && numbers->file >= 0; i++) {
		write_slot(numbers, i, &blank);
	}
}

/* The next starts tell of these epochs again. */
static void remember(const struct yett_numbers *numbers)
{
	for (guint i = 0; i < numbers->past->len; i++) {
		const struct slot *slot = &g_array_index(numbers->past, struct slot, i);

		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			yett_bounds_reached(numbers->node, &slot->epoch, lane, slot->next[lane]);
		}
	}
	yett_bounds_save(numbers->node);
}

static void closed(struct yett_keep *keep, int result)
{
	struct yett_numbers *numbers = keep->owner;

	if (result == 0 && --numbers->telling == 0) {
		remember(numbers);
		forget(numbers);
	}
}

static void close_epochs(void *arg)
{
	struct yett_numbers *numbers = arg;

	for (guint i = 0; i < numbers->past->len; i++) {
		struct slot *slot = &g_array_index(numbers->past, struct slot, i);

		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			if (slot->next[lane] > 1) {
				numbers->telling++;
				yett_bounds_close(numbers->node, &slot->epoch, lane,
					slot->next[lane], closed, numbers);
			}
		}
	}
}

void yett_numbers_declare(struct yett_node *node)
{
	struct yett_numbers *numbers = node->numbers;
	GArray *lost = g_array_new(FALSE, FALSE, sizeof(struct yett_range));

	for (guint i = 0; i < numbers->past->len; i++) {
		const struct slot *slot = &g_array_index(numbers->past, struct slot, i);

		for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
			struct yett_range range = {.origin = node->id,
				.epoch = slot->epoch,
				.lane = lane,
				.first = slot->taken[lane],
				.count = slot->next[lane] - slot->taken[lane]};

			if (range.count > 0) {
				g_array_append_val(lost, range);
			}
		}
	}
	if (lost->len > 0) {
		yett_gap_declare(node, (struct yett_range *)(void *)lost->data, lost->len,
			YETT_GAP_VOLATILE, close_epochs, numbers);
	} else {
		close_epochs(numbers);
	}
	g_array_free(lost, TRUE);
}
