/* Any bytes as the files of a queue: it recovers or refuses, reads what it finds, goes on working,
 * and leaves no buffer and no handle behind. Input: files, each as kind (1 byte), length (2 bytes,
 * little-endian), bytes. The host's checksum is always 0, so that damage gets past it; with the top bit
 * of the first kind it is the right one, as for files that were whole once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../modules/queue-disk/disk.h"
#include "../unit/files-faulty.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/error.h"
#include "wire/batch.h"

#define FILES_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const struct yett_module yett_module;

static const char *const names[] = {"1-0000000000000001.seg", "1-0000000000000002.seg",
	"0-0000000000000003.seg", "1-0000000000000001.rng", "1-0000000000000009.rng", "manifest-a",
	"manifest-b", "2-0000000000000004.bad"};

static void no_log(
	struct yett_instance *instance, int level, const char *event, const char *format, ...)
{
	(void)instance, (void)level, (void)event, (void)format;
}

static int64_t wall(struct yett_instance *instance)
{
	(void)instance;
	return 1;
}

static void zeros(struct yett_instance *instance, void *ret_bytes, size_t length)
{
	(void)instance;
	memset(ret_bytes, 0, length);
}

static uint32_t no_crc(uint32_t crc, const void *bytes, size_t length)
{
	(void)crc, (void)bytes, (void)length;
	return 0;
}

static int heard(void *arg, const struct yett_recovery *what)
{
	size_t *heard_bytes = arg;

	*heard_bytes += what->text != NULL ? strlen(what->text) : 0;
	return 0;
}

static int visited(void *arg, uint64_t number, const struct yett_range *range, const void *meta,
	size_t meta_length)
{
	size_t *bytes = arg;

	for (size_t i = 0; i < meta_length; i++) {
		*bytes += ((const uint8_t *)meta)[i];
	}
	*bytes += number + range->count;
	return 0;
}

static int placed(void *arg, const char *key, const void *position, size_t length)
{
	size_t *bytes = arg;

	for (size_t i = 0; i < length; i++) {
		*bytes += ((const uint8_t *)position)[i];
	}
	*bytes += strlen(key);
	return 0;
}

static void use(const struct yett_queue_operations *queue, void *self, size_t *told)
{
	static struct yett_queue_item items[16];
	struct yett_batch_info info = {
		.lane = 1, .content = 1, .first = 1, .count = 1, .plain_length = 5};
	struct yett_batch batch;
	struct yett_queue_entry entry = {.size = sizeof(entry), .batch = &batch};
	struct yett_queue_stats stats;
	uint64_t segment;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		uint64_t from = 0;
		int got;

		(void)queue->scan(self, lane, visited, told);
		while ((got = queue->read(self, lane, from, items, 16, 1u << 20, heard, told)) >
			0) {
			for (int i = 0; i < got; i++) {
				if (items[i].number < from || items[i].number == UINT64_MAX) {
					abort();
				}
				from = items[i].number + 1;
				(void)queue->settle(self, lane, &items[i].number, 1);
				yett_buffer_unref(items[i].batch.buffer);
			}
		}
		if (queue->oldest(self, lane, &segment, visited, told) == 0) {
			(void)queue->drop(self, lane, segment);
		}
	}
	(void)queue->positions(self, placed, told);
	(void)queue->declared(self);
	if (yett_batch_build(&info, "hello", 5, &batch) != 0) {
		abort();
	}
	(void)queue->append(self, &entry, 1);
	yett_buffer_unref(batch.buffer);
	(void)queue->sync(self);
	(void)queue->stats(self, &stats);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yett_faulty *faulty = yett_faulty_new(1);
	struct yett_disk_settings settings = {.directory = "/queue",
		.size_bytes = 1048576,
		.segment_bytes = 65536,
		.reserve_urgent = 15,
		.reserve_normal = 40,
		.reserve_bulk = 15,
		.reserve_custody = 5};
	struct yett_host host = {.size = sizeof(host),
		.log = no_log,
		.fail = yett_fail,
		.result_text = yett_result_text,
		.wall_ns = wall,
		.random_bytes = zeros,
		.buffer_new = yett_buffer_new,
		.buffer_bytes = yett_buffer_bytes,
		.buffer_length = yett_buffer_length,
		.buffer_ref = yett_buffer_ref,
		.buffer_unref = yett_buffer_unref,
		.crc32c = size > 0 && (data[0] & 0x80) != 0 ? yett_crc32c : no_crc,
		.batch_parse = yett_batch_parse,
		.files = yett_faulty_files(faulty)};
	struct yett_create with = {.size = sizeof(with), .settings = &settings, .state = "/"};
	const struct yett_queue_operations *queue = yett_module.operations;
	size_t told = 0;

	for (unsigned n = 0; n < FILES_MAX && size >= 3; n++) {
		size_t length = yett_get16(data + 1);

		length = length > size - 3 ? size - 3 : length;
		yett_faulty_put(faulty, "/queue", names[data[0] % 8], data + 3, length);
		data += 3 + length;
		size -= 3 + length;
	}
	for (int round = 0; round < 2; round++) {
		struct yett_error error = YETT_ERROR_INIT;
		void *self;

		if (yett_module.life->create(&host, &with, &self, &error) != 0) {
			abort();
		}
		if (queue->recover(self, heard, &told, &error) == 0) {
			use(queue, self, &told);
			yett_module.life->stop(self);
		}
		yett_module.life->destroy(self);
		if (yett_buffer_alive() != 0 || yett_faulty_handles(faulty) != 0) {
			abort();
		}
	}
	yett_faulty_free(faulty);
	return told == SIZE_MAX ? 1 : 0;
}
