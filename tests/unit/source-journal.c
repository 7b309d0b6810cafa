/* source-journal with journals that systemd-journal-remote writes in a folder of the test's own.
 * Entries are numbered from 1; what matters most is that after any restart each number is told
 * once. Without systemd-journal-remote the tests of reading are skipped, and that is said. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../modules/source-journal/journal.h"
#include "source-bench.h"
#include "suite.h"

#define REMOTE   "/lib/systemd/systemd-journal-remote"
#define SECOND   UINT64_C(1000000000)
#define START_US UINT64_C(1600000000000000) /* of entry 0; each number is a second more */

static bool is_skipped(void)
{
	if (access(REMOTE, X_OK) == 0) {
		return false;
	}
	printf("[skipped: " REMOTE " is not installed] ");
	return true;
}

struct bench {
	struct source_bench source;
	struct settings settings;
};

static void bench_open(struct bench *bench)
{
	source_bench_open(&bench->source);
	bench->settings = (struct settings){.directory = bench->source.folder,
		.priority = 7,
		.since_ns = (uint64_t)memory_host.wall_ns(NULL) - START_US * 1000,
		.message_max = 65536};
}

static int bench_start(struct bench *bench)
{
	return source_bench_start(&bench->source, &bench->settings);
}

/* Has systemd-journal-remote append what `text` says in the export format. */
static void append(const struct bench *bench, const char *file, const char *text, size_t length)
{
	char input[256], output[256];
	pid_t pid;
	int status = 1, fd;

	memory_folder_write(bench->source.folder, "input", 0600, text, length);
	snprintf(input, sizeof(input), "%s/input", bench->source.folder);
	snprintf(output, sizeof(output), "--output=%s/%s", bench->source.folder, file);
	pid = fork();
	if (pid == 0) {
		fd = open(input, O_RDONLY | O_CLOEXEC);
		dup2(fd, 0);
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(fd, 1);
		dup2(fd, 2);
		execl(REMOTE, REMOTE, output, "-", (char *)NULL);
		_exit(127);
	}
	CU_ASSERT_FATAL(pid > 0 && waitpid(pid, &status, 0) == pid);
	CU_ASSERT_EQUAL_FATAL(status, 0);
	unlink(input);
}

static size_t put_head(char *text, size_t size, unsigned number)
{
	return (size_t)snprintf(text, size,
		"__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=%u\n"
		"_BOOT_ID=0123456789abcdef0123456789abcdef\n",
		(unsigned long long)(START_US + number * UINT64_C(1000000)), number * 1000000);
}

/* A bench, and room for the text of entries, of which the first has its head. */
static char *bench_open_entry(struct bench *bench, size_t size, size_t *ret_at)
{
	char *text = malloc(size);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	bench_open(bench);
	*ret_at = put_head(text, size, 1);
	return text;
}

/* Entries of which every third is of the unit "third.service" and every fifth is of debug. */
static void write_numbers(
	const struct bench *bench, const char *file, unsigned from, unsigned until)
{
	size_t size = (until - from + 1) * 400, at = 0;
	char *text = malloc(size);

	for (unsigned i = from; i < until; i++) {
		at += put_head(text + at, size - at, i);
		at += (size_t)snprintf(text + at, size - at,
			"MESSAGE=%u\nPRIORITY=%d\n_SYSTEMD_UNIT=%s\nNUMBER=%u\n\n", i,
			i % 5 == 0 ? 7 : 6, i % 3 == 0 ? "third.service" : "other.service", i);
	}
	append(bench, file, text, at);
	free(text);
}

static int poll_for(struct bench *bench, uint64_t wait_ns)
{
	uint64_t next_ns = 1;
	int r = source_bench_poll(
		&bench->source, memory_host.monotonic_ns(NULL) + wait_ns, &next_ns);

	CU_ASSERT_EQUAL(next_ns, 0);
	return r;
}

/* Reads until nothing is left. */
static void read_all(struct bench *bench)
{
	size_t before;

	do {
		before = bench->source.sink->count;
		CU_ASSERT_EQUAL(poll_for(bench, 0), 0);
	} while (bench->source.sink->count > before);
}

static const struct yett_record *record(const struct bench *bench, size_t i)
{
	return &bench->source.sink->records[i].record;
}

/* Whether the records are the numbers from..until-1, each once and in order. */
static bool has_numbers(const struct bench *bench, unsigned from, unsigned until)
{
	if (bench->source.sink->count != until - from) {
		printf("\n%zu records, wanted %u\n", bench->source.sink->count, until - from);
		memory_sink_print(bench->source.sink);
		return false;
	}
	for (unsigned i = from; i < until; i++) {
		char want[16];

		snprintf(want, sizeof(want), "%u", i);
		if (!memory_text_is(record(bench, i - from)->body, want)) {
			printf("\nrecord %u is not %s\n", i - from, want);
			return false;
		}
	}
	return true;
}

static void test_fields(void)
{
	struct bench bench;
	char *text;
	size_t at;

	if (is_skipped()) {
		return;
	}
	text = bench_open_entry(&bench, 400000, &at);
	at += (size_t)snprintf(text + at, 4000,
		"MESSAGE=hello\nPRIORITY=3\nSYSLOG_IDENTIFIER=prog\nSYSLOG_PID=12\n"
		"SYSLOG_FACILITY=4\n_PID=42\n_UID=1000\n_GID=7\n_COMM=prog\n_EXE=/usr/bin/prog\n"
		"_HOSTNAME=h\n_TRANSPORT=journal\n_SYSTEMD_UNIT=prog.service\n"
		"_CMDLINE=prog --password=x\nCODE_FILE=a.c\nCODE_LINE=9\nCODE_FUNC=main\n"
		"OWN=1\nOWN=2\nSYSLOG_RAW=no\n\n");
	at += put_head(text + at, 4000, 2);
	at += (size_t)snprintf(text + at, 4000, "_PID=x\nBINARY\n");
	memcpy(text + at, "\3\0\0\0\0\0\0\0a\0b\n\n", 13);
	at += 13;
	append(&bench, "a.journal", text, at);
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	read_all(&bench);
	CU_ASSERT_EQUAL_FATAL(bench.source.sink->count, 2);
	const struct yett_record *r = record(&bench, 0);

	CU_ASSERT(memory_text_is(r->name, "journal.message"));
	CU_ASSERT_EQUAL(r->kind, YETT_RECORD_EVENT);
	CU_ASSERT_EQUAL(bench.source.sink->records[0].lane, YETT_LANE_NORMAL);
	CU_ASSERT_EQUAL(r->time_ns, (int64_t)(START_US + 1000000) * 1000);
	CU_ASSERT_EQUAL(r->severity, YETT_SEVERITY_ERROR);
	CU_ASSERT(memory_text_is(r->body, "hello"));
	CU_ASSERT(memory_attribute_is(r, "log.syslog.appname", "prog"));
	CU_ASSERT(memory_attribute_is(r, "log.syslog.procid", "12"));
	CU_ASSERT_EQUAL(memory_attribute(r, "log.syslog.facility.code")->i, 4);
	CU_ASSERT_EQUAL(memory_attribute(r, "log.syslog.severity.code")->i, 3);
	CU_ASSERT_EQUAL(memory_attribute(r, "process.pid")->i, 42);
	CU_ASSERT_EQUAL(memory_attribute(r, "process.user.id")->i, 1000);
	CU_ASSERT(memory_attribute_is(r, "process.executable.path", "/usr/bin/prog"));
	CU_ASSERT(memory_attribute_is(r, "systemd.unit", "prog.service"));
	CU_ASSERT_EQUAL(memory_attribute(r, "code.line.number")->i, 9);
	CU_ASSERT(memory_attribute_is(r, "journal.field.OWN", "1") ||
		  memory_attribute_is(r, "journal.field.OWN", "2"));
	CU_ASSERT_PTR_NOT_NULL(memory_attribute(r, "journal.field.OWN.2"));
	CU_ASSERT_PTR_NULL(memory_attribute(r, "journal.field.SYSLOG_RAW"));
	for (size_t i = 0; i < r->attribute_count; i++) {
		CU_ASSERT(!memory_text_has(r->attributes[i].value.type == YETT_VALUE_TEXT
						   ? r->attributes[i].value.text
						   : yett_text(""),
			"password"));
	}
	/* no priority, no message, a process id that is no number, a binary field */
	r = record(&bench, 1);
	CU_ASSERT_EQUAL(r->severity, 0);
	CU_ASSERT_EQUAL(r->body.length, 0);
	CU_ASSERT(memory_attribute_is(r, "process.pid", "x"));
	CU_ASSERT_PTR_NULL(memory_attribute(r, "journal.field.BINARY"));
	free(text);
	source_bench_close(&bench.source);
}

static void test_limits(void)
{
	struct bench bench;
	char *text;
	size_t at;

	if (is_skipped()) {
		return;
	}
	text = bench_open_entry(&bench, 2000000, &at);
	at += (size_t)snprintf(text + at, 4000, "MESSAGE=");
	memset(text + at, 'm', 100000);
	at += 100000;
	at += (size_t)snprintf(text + at, 4000, "\nLONG=");
	memset(text + at, 'l', 10000);
	at += 10000;
	at += (size_t)snprintf(text + at, 4000, "\n\n");
	at += put_head(text + at, 4000, 2);
	at += (size_t)snprintf(text + at, 4000, "MESSAGE=many\n");
	for (int i = 0; i < 100; i++) {
		at += (size_t)snprintf(text + at, 4000, "F%d=%03000d\n", i, i);
	}
	at += (size_t)snprintf(text + at, 4000, "\n");
	append(&bench, "a.journal", text, at);
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	read_all(&bench);
	CU_ASSERT_EQUAL_FATAL(bench.source.sink->count, 2);
	CU_ASSERT_EQUAL(record(&bench, 0)->body.length, 65536);
	CU_ASSERT(memory_attribute(record(&bench, 0), "yett.truncated")->b);
	CU_ASSERT_EQUAL(memory_attribute(record(&bench, 0), "journal.field.LONG")->text.length,
		JOURNAL_VALUE_MAX);
	CU_ASSERT_EQUAL(record(&bench, 1)->attribute_count, YETT_RECORD_MAX_ATTRIBUTES);
	CU_ASSERT(memory_attribute(record(&bench, 1), "yett.truncated")->b);
	CU_ASSERT(memory_text_is(record(&bench, 1)->body, "many"));
	free(text);
	source_bench_close(&bench.source);
}

/* Killed after any number of records, and started at the position that covers them. */
static void test_restarts(void)
{
	enum { COUNT = 20 };
	struct bench bench;

	if (is_skipped()) {
		return;
	}
	bench_open(&bench);
	write_numbers(&bench, "a.journal", 1, COUNT / 2);
	write_numbers(&bench, "b.journal", COUNT / 2, COUNT + 1);
	for (size_t stop = 1; stop < COUNT; stop++) {
		int r = 0;

		memory_sink_clear(bench.source.sink);
		bench.source.sink->close_after = stop;
		CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
		while (r == 0) {
			r = poll_for(&bench, 0);
		}
		CU_ASSERT_EQUAL(r, YETT_ECLOSED);
		CU_ASSERT_EQUAL(
			bench.source.sink->positions[bench.source.sink->position_count - 1].records,
			stop);
		source_bench_stop(&bench.source);
		bench.source.sink->close_after = 0;
		CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
		read_all(&bench);
		source_bench_stop(&bench.source);
		CU_ASSERT(has_numbers(&bench, 1, COUNT + 1));
		CU_ASSERT(memory_sink_valid(bench.source.sink));
	}
	/* the sink opens again within a life */
	memory_sink_clear(bench.source.sink);
	bench.source.sink->close_after = 7;
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	CU_ASSERT_EQUAL(poll_for(&bench, 0), YETT_ECLOSED);
	bench.source.sink->close_after = 0;
	read_all(&bench);
	CU_ASSERT(has_numbers(&bench, 1, COUNT + 1));
	/* and so it does for a stop and a start of the same instance */
	write_numbers(&bench, "b.journal", COUNT + 1, COUNT + 5);
	yett_module.life->stop(bench.source.self);
	CU_ASSERT_EQUAL(yett_module.life->start(bench.source.self, NULL), 0);
	read_all(&bench);
	CU_ASSERT(has_numbers(&bench, 1, COUNT + 5));
	CU_ASSERT_EQUAL(memory_log.levels[YETT_LOG_NOTICE], 0);
	source_bench_close(&bench.source);
}

/* A first start begins now, and its place is kept though nothing was told. */
static void test_first_start(void)
{
	struct bench bench;

	if (is_skipped()) {
		return;
	}
	bench_open(&bench);
	bench.settings.since_ns = 0;
	write_numbers(&bench, "a.journal", 1, 10);
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	read_all(&bench);
	CU_ASSERT_EQUAL(bench.source.sink->count, 0);
	CU_ASSERT_EQUAL(bench.source.sink->position_count, 1);
	source_bench_stop(&bench.source);
	write_numbers(&bench, "a.journal", 10, 15);
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	read_all(&bench);
	CU_ASSERT(has_numbers(&bench, 10, 15));
	source_bench_stop(&bench.source);
	memory_sink_clear(bench.source.sink);
	/* so far back, by the clock */
	bench.settings.since_ns = (uint64_t)memory_host.wall_ns(NULL) -
				  (START_US + 12 * UINT64_C(1000000)) * 1000 + SECOND / 2;
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	read_all(&bench);
	CU_ASSERT(has_numbers(&bench, 12, 15));
	source_bench_close(&bench.source);
	/* a folder in which nothing is yet */
	bench_open(&bench);
	bench.settings.since_ns = 0;
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	read_all(&bench);
	CU_ASSERT_EQUAL(bench.source.sink->count, 0);
	write_numbers(&bench, "a.journal", 1, 5);
	uint64_t deadline_ns = memory_host.monotonic_ns(NULL) + 10 * SECOND;

	while (bench.source.sink->count < 4 && memory_host.monotonic_ns(NULL) < deadline_ns) {
		CU_ASSERT_EQUAL_FATAL(poll_for(&bench, SECOND), 0);
	}
	CU_ASSERT(has_numbers(&bench, 1, 5));
	source_bench_close(&bench.source);
}

static void remove_file(const struct bench *bench, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", bench->source.folder, name);
	CU_ASSERT_EQUAL(unlink(path), 0);
}

static void read_some(struct bench *bench, size_t count)
{
	bench->source.sink->close_after = count;
	CU_ASSERT_EQUAL_FATAL(bench_start(bench), 0);
	while (poll_for(bench, 0) == 0) {
		continue;
	}
	bench->source.sink->close_after = 0;
	source_bench_stop(&bench->source);
}

static void test_place_lost(void)
{
	struct bench bench;

	if (is_skipped()) {
		return;
	}
	/* rotated away: on with the nearest after it */
	bench_open(&bench);
	write_numbers(&bench, "a.journal", 1, 11);
	write_numbers(&bench, "b.journal", 11, 21);
	read_some(&bench, 5);
	CU_ASSERT(has_numbers(&bench, 1, 6));
	remove_file(&bench, "a.journal");
	memory_log_clear();
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	CU_ASSERT(memory_log_has("journal-place-lost"));
	CU_ASSERT(memory_log_has("the nearest after it, of Unix time 1600000011.000000"));
	CU_ASSERT_EQUAL(memory_log.metrics[METRIC_LOST_PLACE], 1);
	read_all(&bench);
	CU_ASSERT_EQUAL(bench.source.sink->count, 15);
	CU_ASSERT(memory_text_is(record(&bench, 5)->body, "11"));
	CU_ASSERT(memory_text_is(record(&bench, 14)->body, "20"));
	source_bench_close(&bench.source);
	/* all that is there is older: another journal, so from its beginning */
	bench_open(&bench);
	write_numbers(&bench, "b.journal", 11, 21);
	read_some(&bench, 5);
	remove_file(&bench, "b.journal");
	write_numbers(&bench, "a.journal", 1, 4);
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	CU_ASSERT(memory_log_has("all of them are older"));
	read_all(&bench);
	CU_ASSERT_EQUAL(bench.source.sink->count, 8);
	CU_ASSERT(memory_text_is(record(&bench, 5)->body, "1"));
	source_bench_close(&bench.source);
	/* no cursor at all: as a first start */
	bench_open(&bench);
	write_numbers(&bench, "a.journal", 1, 4);
	bench.source.sink->sink.position(bench.source.sink->sink.self, "nonsense", 8);
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	CU_ASSERT(memory_log_has("no cursor at all"));
	read_all(&bench);
	CU_ASSERT(has_numbers(&bench, 1, 4));
	source_bench_close(&bench.source);
}

static void test_filters(void)
{
	static const char *units[] = {"third"}, *matches[] = {"NUMBER=6", "NUMBER=9", "PRIORITY=6"};
	struct bench bench;

	if (is_skipped()) {
		return;
	}
	bench_open(&bench);
	write_numbers(&bench, "a.journal", 1, 21);
	bench.settings.priority = 6;
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	read_all(&bench);
	CU_ASSERT_EQUAL(bench.source.sink->count, 16);
	CU_ASSERT_EQUAL(memory_log.metrics[METRIC_FILTERED], 4);
	/* the last one, 20, was filtered: the place is after it all the same */
	source_bench_stop(&bench.source);
	bench.settings.priority = 7;
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	read_all(&bench);
	CU_ASSERT_EQUAL(bench.source.sink->count, 16);
	source_bench_stop(&bench.source);
	/* a filter that the entry of the place does not match: nothing again */
	bench.settings.units = (struct yett_list){1, units};
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	read_all(&bench);
	CU_ASSERT_EQUAL(bench.source.sink->count, 16);
	write_numbers(&bench, "a.journal", 21, 28);
	source_bench_stop(&bench.source);
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	read_all(&bench);
	CU_ASSERT_EQUAL_FATAL(bench.source.sink->count, 19);
	CU_ASSERT(memory_text_is(record(&bench, 16)->body, "21"));
	CU_ASSERT(memory_text_is(record(&bench, 18)->body, "27"));
	source_bench_stop(&bench.source);
	memory_sink_clear(bench.source.sink);
	bench.settings.matches = (struct yett_list){3, matches};
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	read_all(&bench);
	CU_ASSERT_EQUAL_FATAL(bench.source.sink->count, 2);
	CU_ASSERT(memory_text_is(record(&bench, 0)->body, "6"));
	CU_ASSERT(memory_text_is(record(&bench, 1)->body, "9"));
	CU_ASSERT_EQUAL(memory_log.levels[YETT_LOG_NOTICE], 0);
	source_bench_close(&bench.source);
}

/* A place that is gone, with a filter: only what matches is told. */
static void test_lost_and_filtered(void)
{
	static const char *units[] = {"third.service"};
	struct bench bench;

	if (is_skipped()) {
		return;
	}
	bench_open(&bench);
	bench.settings.units = (struct yett_list){1, units};
	write_numbers(&bench, "a.journal", 1, 10);
	write_numbers(&bench, "b.journal", 10, 20);
	read_some(&bench, 2);
	remove_file(&bench, "a.journal");
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	read_all(&bench);
	CU_ASSERT_EQUAL_FATAL(bench.source.sink->count, 5);
	CU_ASSERT(memory_text_is(record(&bench, 1)->body, "6"));
	CU_ASSERT(memory_text_is(record(&bench, 2)->body, "12"));
	source_bench_close(&bench.source);
}

struct waiting {
	struct bench *bench;
	int result;
};

static void *wait_in_poll(void *arg)
{
	struct waiting *waiting = arg;

	waiting->result = poll_for(waiting->bench, 20 * SECOND);
	return NULL;
}

/* What is written while it waits ends the wait; so does the wake. */
static void test_waiting(void)
{
	struct bench bench;
	struct waiting waiting = {&bench, 1};
	pthread_t thread;
	uint64_t start_ns = memory_host.monotonic_ns(NULL);

	if (is_skipped()) {
		return;
	}
	bench_open(&bench);
	write_numbers(&bench, "a.journal", 1, 3);
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	read_all(&bench);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_in_poll, &waiting), 0);
	write_numbers(&bench, "a.journal", 3, 4);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(waiting.result, 0);
	CU_ASSERT(has_numbers(&bench, 1, 4));
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_in_poll, &waiting), 0);
	memory_sink_wake(bench.source.sink);
	pthread_join(thread, NULL);
	CU_ASSERT(memory_host.monotonic_ns(NULL) - start_ns < 15 * SECOND);
	source_bench_close(&bench.source);
}

static void test_many(void)
{
	struct bench bench;
	uint64_t took_ns;

	if (is_skipped()) {
		return;
	}
	bench_open(&bench);
	write_numbers(&bench, "a.journal", 1, 5001);
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	took_ns = memory_host.monotonic_ns(NULL);
	read_all(&bench);
	took_ns = memory_host.monotonic_ns(NULL) - took_ns;
	printf("[%.0f entries a second] ", 5000 * 1e9 / (double)(took_ns + 1));
	CU_ASSERT(has_numbers(&bench, 1, 5001));
	source_bench_close(&bench.source);
}

static void test_check(void)
{
	static const char *bad_units[] = {"good.service", ""};
	static const char *bad_matches[] = {"GOOD=1", "bad=1"}, *no_equals[] = {"GOOD"};
	const struct settings refused[] = {
		{.directory = "/no/such/folder"},
		{.directory = "/etc/passwd"},
		{.units = {2, bad_units}},
		{.matches = {2, bad_matches}},
		{.matches = {1, no_equals}},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		CU_ASSERT_EQUAL(
			yett_module.life->check(&memory_host, &refused[i], NULL), YETT_ECONFIG);
	}
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"fields", test_fields},
		{"limits", test_limits},
		{"restarts: nothing twice, nothing skipped", test_restarts},
		{"a first start", test_first_start},
		{"a place that is gone", test_place_lost},
		{"filters", test_filters},
		{"a place that is gone, with a filter", test_lost_and_filtered},
		{"waiting and waking", test_waiting},
		{"many entries", test_many},
		{"settings that are refused", test_check},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "source-journal", tests);
}
