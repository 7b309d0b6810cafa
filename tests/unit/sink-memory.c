/* The memory sink: see sink-memory.h. Records and positions are copied deep, at once, so that a
 * sanitizer sees what a source does with its own memory afterwards. One thread at a time. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sink-memory.h"

#include "folder.h"

struct memory_log memory_log;

static void require(bool holds, const char *what)
{
	if (!holds) {
		perror(what);
		abort();
	}
}

static struct yett_text keep(char **at, struct yett_text text)
{
	struct yett_text kept = {*at, text.length};

	if (text.length > 0) {
		memcpy(*at, text.bytes, text.length);
	}
	*at += text.length;
	return kept;
}

static struct yett_value keep_value(char **at, struct yett_value value)
{
	if (value.type == YETT_VALUE_TEXT) {
		value.text = keep(at, value.text);
	}
	return value;
}

static size_t value_length(struct yett_value value)
{
	return value.type == YETT_VALUE_TEXT ? value.text.length : 0;
}

static void copy_record(struct memory_record *to, const struct yett_record *from)
{
	size_t table = from->attribute_count * sizeof(*from->attributes);
	size_t length = table + from->name.length + from->unit.length + from->body.length +
			value_length(from->value) + 1;
	struct yett_attribute *attributes;
	char *at;

	for (size_t i = 0; i < from->attribute_count; i++) {
		length += from->attributes[i].key.length + value_length(from->attributes[i].value);
	}
	to->copy = malloc(length);
	require(to->copy != NULL, "malloc");
	attributes = (struct yett_attribute *)(void *)to->copy;
	at = to->copy + table;
	to->record = *from;
	to->record.name = keep(&at, from->name);
	to->record.unit = keep(&at, from->unit);
	to->record.body = keep(&at, from->body);
	to->record.value = keep_value(&at, from->value);
	for (size_t i = 0; i < from->attribute_count; i++) {
		attributes[i].key = keep(&at, from->attributes[i].key);
		attributes[i].value = keep_value(&at, from->attributes[i].value);
	}
	to->record.attributes = attributes;
}

static int sink_record(struct yett_sink_self *self, uint32_t lane, const struct yett_record *record)
{
	struct memory_sink *sink = (struct memory_sink *)(void *)self;

	if (sink->close_after != 0 && sink->count >= sink->close_after) {
		return YETT_ECLOSED;
	}
	if (sink->count == sink->room) {
		sink->room = sink->room == 0 ? 256 : sink->room * 2;
		sink->records = realloc(sink->records, sink->room * sizeof(*sink->records));
		require(sink->records != NULL, "realloc");
	}
	sink->records[sink->count].lane = lane;
	copy_record(&sink->records[sink->count], record);
	sink->count++;
	return 0;
}

static int sink_position(struct yett_sink_self *self, const void *position, size_t length)
{
	struct memory_sink *sink = (struct memory_sink *)(void *)self;
	struct memory_position *kept;

	sink->positions =
		realloc(sink->positions, (sink->position_count + 1) * sizeof(*sink->positions));
	require(sink->positions != NULL, "realloc");
	kept = &sink->positions[sink->position_count++];
	kept->bytes = malloc(length + 1);
	require(kept->bytes != NULL, "malloc");
	memcpy(kept->bytes, position, length);
	kept->bytes[length] = '\0';
	kept->length = length;
	kept->records = sink->count;
	return 0;
}

static int sink_flush(struct yett_sink_self *self)
{
	((struct memory_sink *)(void *)self)->flushes++;
	return 0;
}

struct memory_sink *memory_sink_new(void)
{
	struct memory_sink *sink = calloc(1, sizeof(*sink));

	require(sink != NULL && pipe2(sink->wake, O_CLOEXEC | O_NONBLOCK) == 0, "sink");
	sink->sink = (struct yett_sink){
		.size = sizeof(sink->sink),
		.wake_fd = sink->wake[0],
		.self = (struct yett_sink_self *)(void *)sink,
		.record = sink_record,
		.position = sink_position,
		.flush = sink_flush,
	};
	return sink;
}

void memory_sink_clear(struct memory_sink *sink)
{
	for (size_t i = 0; i < sink->count; i++) {
		free(sink->records[i].copy);
	}
	for (size_t i = 0; i < sink->position_count; i++) {
		free(sink->positions[i].bytes);
	}
	free(sink->records);
	free(sink->positions);
	sink->records = NULL;
	sink->positions = NULL;
	sink->count = sink->room = sink->position_count = 0;
	sink->flushes = 0;
}

void memory_sink_free(struct memory_sink **sink)
{
	memory_sink_clear(*sink);
	close((*sink)->wake[0]);
	close((*sink)->wake[1]);
	free(*sink);
	*sink = NULL;
}

void memory_sink_wake(struct memory_sink *sink)
{
	require(write(sink->wake[1], "w", 1) == 1, "wake");
}

void memory_sink_unwake(struct memory_sink *sink)
{
	char bytes[16];

	while (read(sink->wake[0], bytes, sizeof(bytes)) > 0) {
		continue;
	}
}

bool memory_text_is(struct yett_text text, const char *want)
{
	return text.length == strlen(want) &&
	       (text.length == 0 || memcmp(text.bytes, want, text.length) == 0);
}

bool memory_text_has(struct yett_text text, const char *part)
{
	return text.length > 0 && memmem(text.bytes, text.length, part, strlen(part)) != NULL;
}

const struct yett_value *memory_attribute(const struct yett_record *record, const char *key)
{
	for (size_t i = 0; i < record->attribute_count; i++) {
		if (memory_text_is(record->attributes[i].key, key)) {
			return &record->attributes[i].value;
		}
	}
	return NULL;
}

bool memory_attribute_is(const struct yett_record *record, const char *key, const char *want)
{
	const struct yett_value *value = memory_attribute(record, key);

	return value != NULL && value->type == YETT_VALUE_TEXT && memory_text_is(value->text, want);
}

const struct memory_record *memory_find(const struct memory_sink *sink, size_t from,
	const char *name, const char *key, const char *value)
{
	for (size_t i = from; i < sink->count; i++) {
		const struct yett_record *record = &sink->records[i].record;

		if (memory_text_is(record->name, name) &&
			(key == NULL || memory_attribute_is(record, key, value))) {
			return &sink->records[i];
		}
	}
	return NULL;
}

size_t memory_count(const struct memory_sink *sink, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < sink->count; i++) {
		count += memory_text_is(sink->records[i].record.name, name);
	}
	return count;
}

static void print_value(struct yett_value value)
{
	switch (value.type) {
	case YETT_VALUE_INT:
		printf("%lld", (long long)value.i);
		break;
	case YETT_VALUE_DOUBLE:
		printf("%g", value.d);
		break;
	case YETT_VALUE_BOOL:
		printf("%s", value.b ? "true" : "false");
		break;
	case YETT_VALUE_TEXT:
		printf("'%.*s'", (int)value.text.length, value.text.bytes);
		break;
	default:
		printf("-");
	}
}

static void print_record(const struct memory_record *kept)
{
	const struct yett_record *record = &kept->record;

	printf("lane %u kind %u severity %u state %u %.*s ", kept->lane, record->kind,
		record->severity, record->state, (int)record->name.length, record->name.bytes);
	print_value(record->value);
	printf(" %.*s body '%.*s'", (int)record->unit.length, record->unit.bytes,
		(int)record->body.length, record->body.bytes);
	for (size_t i = 0; i < record->attribute_count; i++) {
		printf(" %.*s=", (int)record->attributes[i].key.length,
			record->attributes[i].key.bytes);
		print_value(record->attributes[i].value);
	}
	printf("\n");
}

void memory_sink_print(const struct memory_sink *sink)
{
	for (size_t i = 0; i < sink->count; i++) {
		print_record(&sink->records[i]);
	}
}

static const char *record_fault(const struct memory_record *kept)
{
	const struct yett_record *record = &kept->record;
	bool metric = record->kind == YETT_RECORD_METRIC;
	bool number =
		record->value.type == YETT_VALUE_INT || record->value.type == YETT_VALUE_DOUBLE;

	if (record->size != sizeof(*record)) {
		return "size";
	}
	if (record->kind < YETT_RECORD_METRIC || record->kind > YETT_RECORD_STATE) {
		return "kind";
	}
	if (kept->lane >= YETT_LANES) {
		return "lane";
	}
	if (record->name.length == 0 || record->name.length > YETT_RECORD_MAX_NAME) {
		return "name";
	}
	if (metric != number || metric != (record->unit.length > 0)) {
		return "value or unit";
	}
	if (record->body.length > YETT_RECORD_MAX_BODY) {
		return "body";
	}
	if (record->attribute_count > YETT_RECORD_MAX_ATTRIBUTES) {
		return "attributes";
	}
	if (record->severity > 24 || record->state > YETT_STATE_UNKNOWN) {
		return "severity or state";
	}
	for (size_t i = 0; i < record->attribute_count; i++) {
		const struct yett_attribute *a = &record->attributes[i];

		if (a->key.length == 0 || a->key.length > YETT_RECORD_MAX_NAME) {
			return "key";
		}
		if (a->value.type < YETT_VALUE_INT || a->value.type > YETT_VALUE_TEXT) {
			return "type of an attribute";
		}
		for (size_t j = 0; j < i; j++) {
			if (a->key.length == record->attributes[j].key.length &&
				memcmp(a->key.bytes, record->attributes[j].key.bytes,
					a->key.length) == 0) {
				return "a key twice";
			}
		}
	}
	return NULL;
}

bool memory_sink_valid(const struct memory_sink *sink)
{
	for (size_t i = 0; i < sink->count; i++) {
		const char *fault = record_fault(&sink->records[i]);

		if (fault == NULL && sink->position_count > 0 &&
			sink->records[i].lane != sink->records[0].lane) {
			fault = "another lane, and it gives positions";
		}
		if (fault != NULL) {
			printf("\nrecord %zu breaks the contract (%s): ", i, fault);
			print_record(&sink->records[i]);
			return false;
		}
	}
	return true;
}

static void __attribute__((format(printf, 4, 5)))
host_log(struct yett_instance *instance, int level, const char *event, const char *format, ...)
{
	size_t at = strlen(memory_log.events);
	char text[1024];
	va_list args;

	(void)instance;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	memory_log.levels[level]++;
	snprintf(memory_log.events + at, sizeof(memory_log.events) - at, "%s: %s\n", event, text);
}

static int __attribute__((format(printf, 4, 5)))
host_fail(struct yett_error *error, int code, const char *mend, const char *format, ...)
{
	va_list args;
	int length;

	(void)error;
	va_start(args, format);
	length = vsnprintf(memory_log.failure, sizeof(memory_log.failure), format, args);
	va_end(args);
	if (mend != NULL && length >= 0 && (size_t)length < sizeof(memory_log.failure)) {
		snprintf(memory_log.failure + length, sizeof(memory_log.failure) - (size_t)length,
			"; %s", mend);
	}
	return code;
}

static const char *host_result_text(int code)
{
	switch (code) {
#define ROW(name, number, retry, fault, text)                                                      \
	case YETT_##name:                                                                          \
		return text;
		YETT_ERRORS(ROW)
#undef ROW
	default:
		return "?";
	}
}

static uint64_t host_monotonic_ns(struct yett_instance *instance)
{
	struct timespec now;

	(void)instance;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int64_t host_wall_ns(struct yett_instance *instance)
{
	struct timespec now;

	(void)instance;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void host_random_bytes(struct yett_instance *instance, void *ret_bytes, size_t length)
{
	(void)instance;
	memset(ret_bytes, 0, length);
}

static void host_metric(struct yett_instance *instance, uint32_t index, int64_t value)
{
	(void)instance;
	memory_log.metrics[index] += value;
}

const struct yett_host memory_host = {
	.size = sizeof(memory_host),
	.abi_major = YETT_ABI_MAJOR,
	.abi_minor = YETT_ABI_MINOR,
	.log = host_log,
	.fail = host_fail,
	.result_text = host_result_text,
	.monotonic_ns = host_monotonic_ns,
	.wall_ns = host_wall_ns,
	.random_bytes = host_random_bytes,
	.metric = host_metric,
};

void memory_log_clear(void)
{
	memset(&memory_log, 0, sizeof(memory_log));
}

bool memory_log_has(const char *text)
{
	return strstr(memory_log.events, text) != NULL;
}

int memory_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = -1; /* the directory's own */

	require(dir != NULL, "/proc/self/fd");
	while (readdir(dir) != NULL) {
		count++;
	}
	closedir(dir);
	return count;
}

char *memory_folder_new(void)
{
	const char *where = getenv("TMPDIR");
	char path[80];

	/* the path of a socket in it has little room */
	snprintf(path, sizeof(path), "%s/yett-test-XXXXXX",
		where != NULL && strlen(where) < 48 ? where : "/tmp");
	require(mkdtemp(path) != NULL, "mkdtemp");
	return strdup(path);
}

void memory_folder_free(char **folder)
{
	folder_remove(*folder);
	free(*folder);
	*folder = NULL;
}

void memory_folder_write(
	const char *folder, const char *name, unsigned mode, const char *bytes, size_t length)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL;
		slash++) {
		*slash = '\0';
		require(mkdir(path, 0700) == 0 || errno == EEXIST, path);
		*slash = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	require(fd >= 0 && write(fd, bytes, length) == (ssize_t)length, path);
	close(fd);
}

void memory_folder_text(const char *folder, const char *name, unsigned mode, const char *text)
{
	memory_folder_write(folder, name, mode, text, strlen(text));
}
