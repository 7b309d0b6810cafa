/* The payload of a batch: the first byte says how it is wrapped (bit 0 custody, bit 1 zstd), the
 * rest is the payload. What can be read can be written, and reads the same again. */
#include "fuzz.h"

#include "base/buffer.h"
#include "wire/batch.h"
#include "wire/record.h"

/* Everything that a record points to can be read. */
static unsigned touch(struct yett_text text)
{
	unsigned sum = 0;

	for (size_t i = 0; i < text.length; i++) {
		sum += (unsigned char)text.bytes[i];
	}
	return sum;
}

static void check_record(struct yett_payload *payload, const struct yett_record *record)
{
	volatile unsigned sum = touch(record->name) + touch(record->unit) + touch(record->body);
	struct yett_reader *reader;
	struct yett_record again;
	struct yett_batch batch;

	for (size_t i = 0; i < record->attribute_count; i++) {
		sum += touch(record->attributes[i].key);
		if (record->attributes[i].value.type == YETT_VALUE_TEXT) {
			sum += touch(record->attributes[i].value.text);
		}
	}
	(void)sum;
	if (yett_payload_record(payload, record) < 0) {
		return;
	}
	FUZZ_REQUIRE(yett_payload_cut(payload, 0, YETT_CONTENT_RECORDS, true, 0, &batch) == 0);
	FUZZ_REQUIRE(yett_reader_open(&batch, &reader) == 0);
	FUZZ_REQUIRE(yett_reader_next_record(reader, &again) == 1);
	FUZZ_REQUIRE(again.kind == record->kind && again.time_ns == record->time_ns);
	FUZZ_REQUIRE(again.attribute_count == record->attribute_count);
	FUZZ_REQUIRE(again.body.length == record->body.length);
	FUZZ_REQUIRE(yett_reader_next_record(reader, &again) == 0);
	yett_reader_close(reader);
	yett_buffer_unref(batch.buffer);
}

static void check_reader(struct yett_reader *reader, bool custody)
{
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX);
	struct yett_notice notice;
	struct yett_record record;

	if (custody) {
		while (yett_reader_next_notice(reader, &notice) > 0) {
			FUZZ_REQUIRE(yett_payload_notice(payload, &notice) == 0);
		}
	} else {
		while (yett_reader_next_record(reader, &record) > 0) {
			check_record(payload, &record);
		}
	}
	yett_payload_free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct yett_batch_info info = {.count = UINT32_MAX};
	struct yett_reader *reader;
	struct yett_batch batch;
	bool custody, zstd;

	if (length < 2) {
		return 0;
	}
	custody = (bytes[0] & 1) != 0;
	zstd = (bytes[0] & 2) != 0;
	info.content = custody ? YETT_CONTENT_CUSTODY : YETT_CONTENT_RECORDS;
	info.codec = zstd ? YETT_CODEC_ZSTD : YETT_CODEC_PLAIN;
	info.plain_length = zstd ? 4096 : (uint32_t)(length - 1);
	if (yett_batch_build(&info, bytes + 1, length - 1, &batch) < 0) {
		return 0;
	}
	if (yett_reader_open(&batch, &reader) == 0) {
		check_reader(reader, custody);
		yett_reader_close(reader);
	}
	yett_buffer_unref(batch.buffer);
	return 0;
}
