/* A batch as it comes from a peer or a disk, as it is and with its checksums made good (a fuzzer
 * does not guess them): what parses is consistent, and can be read. */
#include "fuzz.h"

#include <string.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "wire/batch.h"
#include "wire/pieces.h"
#include "wire/record.h"

static void check(const uint8_t *bytes, size_t length)
{
	struct yett_piece pieces[YETT_PIECES_MAX + 1] = {{2, 3, 4}};
	struct yett_reader *reader;
	struct yett_record record;
	struct yett_notice notice;
	struct yett_batch batch;
	size_t count = 1;

	if (yett_batch_parse(NULL, bytes, length, &batch) < 0) {
		return;
	}
	FUZZ_REQUIRE(batch.length == length);
	FUZZ_REQUIRE(batch.info.header_length + (size_t)batch.info.stored_length == length);
	FUZZ_REQUIRE(batch.info.first + batch.info.count > batch.info.first);
	yett_pieces_judge(pieces, &count, 1, &batch.info);
	if (yett_reader_open(&batch, &reader) < 0) {
		return;
	}
	while (yett_reader_next_record(reader, &record) > 0) {
	}
	while (yett_reader_next_notice(reader, &notice) > 0) {
	}
	yett_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	size_t header = length >= YETT_BATCH_HEADER_SIZE ? yett_get16(bytes + 6) : 0;
	uint8_t *good;

	check(bytes, length);
	if (header < YETT_BATCH_HEADER_SIZE || header > length) {
		return 0;
	}
	good = malloc(length);
	memcpy(good, bytes, length);
	yett_put32(good + 76, yett_crc32c(0, good + header, length - header));
	yett_put32(good + header - 4, yett_crc32c(0, good, header - 4));
	check(good, length);
	free(good);
	return 0;
}
