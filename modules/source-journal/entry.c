/* From an entry of the journal to a record. Fields that OpenTelemetry has a name for get it; what a
 * program added of its own is journal.field.<NAME>; trusted fields that are not in the table and
 * binary values are left out. A field that comes again gets a number.
 *
 * libsystemd's data is only valid until its next call, so all is copied into the instance's
 * buffer. Its size bounds what an entry can be: a value is cut at JOURNAL_VALUE_MAX, all of them at
 * JOURNAL_VALUES_MAX, the message at `message-max`. Runs on the source's thread. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "journal.h"

/* One is kept for yett.truncated. */
#define ATTRIBUTES_MAX (YETT_RECORD_MAX_ATTRIBUTES - 1)
#define FIELD_NAME_MAX 64 /* journald's own limit; other writers' files may hold anything */

size_t yett_journal_threshold(const struct settings *settings)
{
	uint64_t longest = settings->message_max > JOURNAL_VALUE_MAX ? settings->message_max
								     : JOURNAL_VALUE_MAX;

	return longest + FIELD_NAME_MAX + 2; /* so that what is longer is seen to be */
}

enum field_type { FIELD_TEXT, FIELD_NUMBER };

static const struct {
	const char *field, *key;
	enum field_type type;
} table[] = {
	{"SYSLOG_IDENTIFIER", "log.syslog.appname", FIELD_TEXT},
	{"SYSLOG_PID", "log.syslog.procid", FIELD_TEXT},
	{"SYSLOG_FACILITY", "log.syslog.facility.code", FIELD_NUMBER},
	{"PRIORITY", "log.syslog.severity.code", FIELD_NUMBER},
	{"_PID", "process.pid", FIELD_NUMBER},
	{"_UID", "process.user.id", FIELD_NUMBER},
	{"_COMM", "process.command", FIELD_TEXT},
	{"_EXE", "process.executable.path", FIELD_TEXT},
	{"_HOSTNAME", "host.name", FIELD_TEXT},
	{"_BOOT_ID", "journal.boot.id", FIELD_TEXT},
	{"_TRANSPORT", "journal.transport", FIELD_TEXT},
	{"_SYSTEMD_UNIT", "systemd.unit", FIELD_TEXT},
	{"_SYSTEMD_USER_UNIT", "systemd.user.unit", FIELD_TEXT},
	{"UNIT", "systemd.about.unit", FIELD_TEXT},
	{"MESSAGE_ID", "journal.message.id", FIELD_TEXT},
	{"CODE_FILE", "code.file.path", FIELD_TEXT},
	{"CODE_LINE", "code.line.number", FIELD_NUMBER},
	{"CODE_FUNC", "code.function.name", FIELD_TEXT},
};

/* Made of other fields, or of no use away from the computer. */
static const char *const left_out[] = {"SYSLOG_RAW", "SYSLOG_TIMESTAMP", "COREDUMP", "TID"};

static bool is_number(struct yett_text value, int64_t *ret_number)
{
	int64_t number = 0;

	if (value.length == 0 || value.length > 18) {
		return false;
	}
	for (size_t i = 0; i < value.length; i++) {
		if (value.bytes[i] < '0' || value.bytes[i] > '9') {
			return false;
		}
		number = number * 10 + (value.bytes[i] - '0');
	}
	*ret_number = number;
	return true;
}

/* Copies into the buffer, cut at `max` and at the room there is. */
static struct yett_text keep(struct entry *entry, const char *bytes, size_t length, size_t max)
{
	struct yett_text kept = {entry->values + entry->used, length};

	if (kept.length > max) {
		kept.length = max;
	}
	if (kept.length > entry->room - entry->used) {
		kept.length = entry->room - entry->used;
	}
	entry->truncated |= kept.length < length;
	memcpy(entry->values + entry->used, bytes, kept.length);
	entry->used += kept.length;
	return kept;
}

/* The key, with a number if it is taken. */
static void make_key(struct entry *entry, const char *key, struct yett_text field)
{
	char *made = entry->keys[entry->count];
	int length = key != NULL ? snprintf(made, JOURNAL_KEY_MAX - 4, "%s", key)
				 : snprintf(made, JOURNAL_KEY_MAX - 4, "journal.field.%.*s",
					   (int)field.length, field.bytes);
	unsigned nth = 1;

	for (size_t i = 0; i < entry->count;) {
		if (strcmp(made, entry->keys[i]) != 0) {
			i++;
			continue;
		}
		snprintf(made + length, JOURNAL_KEY_MAX - (size_t)length, ".%u", ++nth);
		i = 0;
	}
}

static void add(struct entry *entry, const char *key, enum field_type type, struct yett_text field,
	const char *bytes, size_t length)
{
	struct yett_text text = {bytes, length};
	struct yett_value value = {.type = YETT_VALUE_TEXT};
	int64_t number;

	if (entry->count == ATTRIBUTES_MAX) {
		entry->truncated = true;
		return;
	}
	if (memchr(bytes, '\0', length) != NULL) {
		return; /* binary */
	}
	if (type == FIELD_NUMBER && is_number(text, &number)) {
		value = yett_value_int(number);
	} else {
		value.text = keep(entry, bytes, length, JOURNAL_VALUE_MAX);
	}
	make_key(entry, key, field);
	entry->attributes[entry->count] =
		(struct yett_attribute){yett_text(entry->keys[entry->count]), value};
	entry->count++;
}

static bool is_field(struct yett_text field, const char *name)
{
	return field.length == strlen(name) && memcmp(field.bytes, name, field.length) == 0;
}

static void take_field(
	struct journal *self, struct yett_text field, const char *bytes, size_t length)
{
	struct entry *entry = &self->entry;
	int64_t number;

	if (is_field(field, "MESSAGE")) {
		if (entry->body.length == 0) {
			/* its own room, whatever the attributes take */
			size_t max = self->settings->message_max;

			entry->truncated |= length > max;
			entry->body.length = length > max ? max : length;
			entry->body.bytes = entry->values + entry->room;
			memcpy(entry->values + entry->room, bytes, entry->body.length);
		}
		return;
	}
	if (is_field(field, "PRIORITY") && is_number((struct yett_text){bytes, length}, &number) &&
		number <= 7) {
		entry->priority = (int)number;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (is_field(field, table[i].field)) {
			add(entry, table[i].key, table[i].type, field, bytes, length);
			return;
		}
	}
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
		if (is_field(field, left_out[i])) {
			return;
		}
	}
	if (field.length > 0 && field.length <= FIELD_NAME_MAX && field.bytes[0] != '_') {
		add(entry, NULL, FIELD_TEXT, field, bytes, length);
	}
}

int yett_journal_read(struct journal *self)
{
	struct entry *entry = &self->entry;
	const void *data;
	size_t length;
	int r;

	entry->count = 0;
	entry->used = 0;
	entry->body = (struct yett_text){NULL, 0};
	entry->priority = -1;
	entry->truncated = false;
	sd_journal_restart_data(self->sd);
	while ((r = sd_journal_enumerate_available_data(self->sd, &data, &length)) > 0) {
		const char *equals = memchr(data, '=', length);

		if (equals != NULL) {
			struct yett_text field = {data, (size_t)(equals - (const char *)data)};

			take_field(self, field, equals + 1, length - field.length - 1);
		}
	}
	return r;
}
