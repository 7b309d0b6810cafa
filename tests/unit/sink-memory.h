/* A sink that keeps copies of what a source tells, and a host that a test makes by hand: so a source
 * is tested alone. `memory_host` counts warnings and errors; a test says how many it expects. */
#ifndef YETT_TESTS_SINK_MEMORY_H
#define YETT_TESTS_SINK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yett/module.h>
#include <yett/source.h>

struct memory_record {
	uint32_t lane;
	struct yett_record record; /* what it points to is owned by `copy` */
	char *copy;
};

struct memory_position {
	char *bytes;
	size_t length;
	size_t records; /* how many it covers */
};

struct memory_sink {
	struct yett_sink sink; /* give this to poll */
	int wake[2];           /* a pipe: [0] is the sink's wake_fd */
	struct memory_record *records;
	size_t count, room;
	struct memory_position *positions;
	size_t position_count;
	unsigned flushes;
	size_t close_after; /* after so many records each call answers YETT_ECLOSED; 0: never */
};

struct memory_sink *memory_sink_new(void);
void memory_sink_free(struct memory_sink **sink);
void memory_sink_clear(struct memory_sink *sink);
void memory_sink_wake(struct memory_sink *sink);
void memory_sink_unwake(struct memory_sink *sink);

/* The first record from index `from` of that name, and with that text attribute unless `key` is
 * NULL; NULL: none. */
const struct memory_record *memory_find(const struct memory_sink *sink, size_t from,
	const char *name, const char *key, const char *value);
size_t memory_count(const struct memory_sink *sink, const char *name);
const struct yett_value *memory_attribute(const struct yett_record *record, const char *key);
bool memory_text_is(struct yett_text text, const char *want);
bool memory_attribute_is(const struct yett_record *record, const char *key, const char *want);
bool memory_text_has(struct yett_text text, const char *part);

/* Every record obeys the contract of record.h; false, and says why, if one does not. */
bool memory_sink_valid(const struct memory_sink *sink);
void memory_sink_print(const struct memory_sink *sink);

struct memory_log {
	unsigned levels[5];  /* how many lines of each enum yett_log_level */
	char events[8192];   /* their events and sentences, a line each */
	char failure[1024];  /* what the last fail() said */
	int64_t metrics[32]; /* by index: counters add up, gauges are set by the test's reading */
};
extern struct memory_log memory_log;
extern const struct yett_host memory_host;
void memory_log_clear(void);
bool memory_log_has(const char *text);

/* Open descriptors of this process. */
int memory_descriptors(void);

/* A folder of the test's own, and files in it. `make` writes the file and its folders. */
char *memory_folder_new(void);
void memory_folder_free(char **folder);
void memory_folder_write(
	const char *folder, const char *name, unsigned mode, const char *bytes, size_t length);
void memory_folder_text(const char *folder, const char *name, unsigned mode, const char *text);

#endif
