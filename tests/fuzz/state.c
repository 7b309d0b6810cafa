/* What a node finds in its state directory at a start. The first byte chooses the file, the rest is what it
 * holds:
 *   0  the id    1  the epoch    2  how far older epochs went
 *   3  numbers that were given out: the checksum of each slot is made right, so that what is in it counts
 * The start goes on, or names the file and what to do; and what is read is kept as it is from then on. */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "../unit/files-faulty.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/id.h"
#include "base/log.h"
#include "flow/numbers.h"
#include "flow/stages.h"

#define NOW   UINT64_C(1800000000)
#define SLOT  72 /* bytes of a slot in `numbers`, the last 4 of which are its checksum */
#define STATE "state"

static uint64_t no_monotonic(void *arg)
{
	(void)arg;
	return 1;
}

static int64_t wall(void *arg)
{
	(void)arg;
	return (int64_t)(NOW * YETT_SEC);
}

static void no_chance(void *arg, void *ret_bytes, size_t length)
{
	(void)arg;
	memset(ret_bytes, 7, length);
}

static const struct yett_clock test_clock = {
	.monotonic_ns = no_monotonic, .wall_ns = wall, .random_bytes = no_chance};
static const struct yett_settings settings = {.node = {.state = STATE}};

static struct yett_node node_on(struct yett_faulty *disk)
{
	return (struct yett_node){.clock = &test_clock,
		.settings = &settings,
		.world = {.files = yett_faulty_files(disk), .state = STATE}};
}

static void explains(int result, const struct yett_error *error, const char *file)
{
	FUZZ_REQUIRE(result == 0 || (strstr(error->text, file) != NULL && error->mend[0] != '\0'));
}

/* The id stays what it is; the epoch grows from start to start. */
static void load(struct yett_faulty *disk, const char *file)
{
	struct yett_node first = node_on(disk), second = node_on(disk);
	struct yett_error error = YETT_ERROR_INIT;
	int result = yett_origin_load(&first, &error);

	explains(result, &error, file);
	if (result != 0) {
		return;
	}
	FUZZ_REQUIRE(!yett_id_is_zero(&first.id) && first.epoch.ordinal >= NOW);
	FUZZ_REQUIRE(yett_origin_load(&second, &error) == 0);
	FUZZ_REQUIRE(yett_id_equal(&first.id, &second.id));
	FUZZ_REQUIRE(
		second.epoch.ordinal > first.epoch.ordinal || first.epoch.ordinal == UINT64_MAX);
}

static GBytes *read_and_save(struct yett_faulty *disk)
{
	struct yett_node node = node_on(disk);
	const uint8_t *bytes;
	size_t length;

	yett_bounds_setup(&node);
	yett_bounds_save(&node);
	yett_bounds_done(&node);
	bytes = yett_faulty_bytes(disk, "epochs", &length);
	return g_bytes_new(bytes, length);
}

static void bounds(struct yett_faulty *disk)
{
	GBytes *first = read_and_save(disk), *second = read_and_save(disk);

	FUZZ_REQUIRE(g_bytes_equal(first, second));
	g_bytes_unref(first);
	g_bytes_unref(second);
}

static void numbers(struct yett_faulty *disk)
{
	struct yett_node node = node_on(disk);
	struct yett_error error = YETT_ERROR_INIT;
	size_t length;
	uint8_t *bytes = yett_faulty_bytes(disk, "numbers", &length);

	for (; length >= SLOT; bytes += SLOT, length -= SLOT) {
		yett_put32(bytes + SLOT - 4, yett_crc32c(0, bytes, SLOT - 4));
	}
	explains(yett_numbers_open(&node, &error), &error, "numbers");
	yett_numbers_close(&node);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const char *const names[] = {"node-id", "epoch", "epochs", "numbers"};
	struct yett_faulty *disk;
	unsigned which;

	if (length == 0) {
		return 0;
	}
	yett_log_setup(YETT_LOG_STDERR, YETT_LOG_ERROR - 1); /* says nothing */
	which = bytes[0] % G_N_ELEMENTS(names);
	disk = yett_faulty_new(1);
	yett_faulty_put(disk, STATE, names[which], bytes + 1, length - 1);
	switch (which) {
	case 2:
		bounds(disk);
		break;
	case 3:
		numbers(disk);
		break;
	default:
		load(disk, names[which]);
	}
	FUZZ_REQUIRE(yett_faulty_handles(disk) == 0);
	yett_faulty_free(disk);
	return 0;
}
