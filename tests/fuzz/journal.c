/* An entry of the journal, as any program may have written it: fields one after the other, each its
 * length (2 bytes, little-endian) and its bytes. Every field is in a place of its own, so that what is
 * read beyond it is seen. libsystemd's two calls are this file's; all else is the source's own. */
#include "fuzz.h"

#include <string.h>

#include "../../modules/source-journal/journal.h"
#include "base/bytes.h"

#define MESSAGE_MAX 5000

static const uint8_t *script;
static size_t left;
static uint8_t *field;

void sd_journal_restart_data(sd_journal *journal)
{
	(void)journal;
}

int sd_journal_enumerate_available_data(
	sd_journal *journal, const void **ret_data, size_t *ret_length)
{
	size_t length;

	(void)journal;
	free(field);
	field = NULL;
	if (left < 2) {
		return 0;
	}
	length = yett_get16(script);
	length = length > left - 2 ? left - 2 : length;
	field = malloc(length > 0 ? length : 1);
	memcpy(field, script + 2, length);
	script += 2 + length;
	left -= 2 + length;
	*ret_data = field;
	*ret_length = length;
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct settings settings = {.message_max = MESSAGE_MAX};
	struct journal *journal = calloc(1, sizeof(*journal));
	struct entry *entry = &journal->entry;

	journal->settings = &settings;
	entry->room = JOURNAL_VALUES_MAX;
	entry->values = malloc(JOURNAL_VALUES_MAX + MESSAGE_MAX);
	script = bytes;
	left = length;
	FUZZ_REQUIRE(yett_journal_read(journal) == 0);
	FUZZ_REQUIRE(entry->count < YETT_RECORD_MAX_ATTRIBUTES && entry->used <= entry->room);
	FUZZ_REQUIRE(entry->body.length <= MESSAGE_MAX && entry->priority <= 7);
	for (size_t i = 0; i < entry->count; i++) {
		const struct yett_attribute *attribute = &entry->attributes[i];

		FUZZ_REQUIRE(attribute->key.length > 0);
		FUZZ_REQUIRE(attribute->key.length < JOURNAL_KEY_MAX);
		FUZZ_REQUIRE(attribute->value.type == YETT_VALUE_INT ||
			     attribute->value.text.length <= JOURNAL_VALUE_MAX);
		for (size_t j = 0; j < i; j++) { /* no key twice */
			FUZZ_REQUIRE(strcmp(entry->keys[i], entry->keys[j]) != 0);
		}
	}
	free(entry->values);
	free(journal);
	return 0;
}
