/* source-host against a made-up /proc, figure by figure, and against this computer's own. */
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "../../modules/source-host/host.h"
#include "sink-memory.h"
#include "suite.h"

extern const struct yett_module yett_module;

#define SECOND UINT64_C(1000000000)

static int32_t all_groups[GROUPS] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
static const char *no_loopback[] = {"lo", "veth*"};
static const char *no_loops[] = {"loop*"};
static const char *no_types[] = {"proc", "sysfs", "nfs*", "cgroup*", "devpts"};
static const char *no_points[] = {"/proc/*", "/sys/*"};

static struct settings standard(void)
{
	return (struct settings){
		.interval_ns = 10 * SECOND,
		.groups = {GROUPS, all_groups},
		.filesystem_exclude = {2, no_points},
		.filesystem_exclude_types = {5, no_types},
		.disk_exclude = {1, no_loops},
		.network_exclude = {2, no_loopback},
		.proc = "/proc",
		.sys = "/sys",
	};
}

static const struct yett_source_operations *source(void)
{
	return yett_module.operations;
}

static void *make(const struct settings *settings)
{
	struct yett_create with = {
		.size = sizeof(with), .name = "host", .settings = settings, .node = "n.example"};
	void *self = NULL;

	memory_log_clear();
	CU_ASSERT_EQUAL_FATAL(yett_module.life->create(&memory_host, &with, &self, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(yett_module.life->start(self, NULL), 0);
	return self;
}

static void unmake(void *self)
{
	yett_module.life->stop(self);
	yett_module.life->destroy(self);
}

static uint64_t poll_once(void *self, struct memory_sink *sink)
{
	uint64_t next_ns = 0;

	CU_ASSERT_EQUAL(source()->poll(self, &sink->sink, UINT64_MAX, &next_ns, NULL), 0);
	return next_ns;
}

static double number(const struct memory_record *kept)
{
	if (kept == NULL) {
		return NAN;
	}
	return kept->record.value.type == YETT_VALUE_INT ? (double)kept->record.value.i
							 : kept->record.value.d;
}

/* name, attribute, its value; a second attribute; the figure and the unit */
struct want {
	const char *name, *key, *value, *key2, *value2;
	double figure;
	const char *unit;
};

static void check_wants(const struct memory_sink *sink, const struct want *wants, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct want *want = &wants[i];
		const struct memory_record *found = NULL;

		for (size_t at = 0; at < sink->count; at++) {
			const struct memory_record *kept = &sink->records[at];
			const struct yett_record *record = &kept->record;

			if (memory_text_is(record->name, want->name) &&
				(want->key == NULL ||
					memory_attribute_is(record, want->key, want->value)) &&
				(want->key2 == NULL ||
					memory_attribute_is(record, want->key2, want->value2))) {
				found = kept;
				break;
			}
		}
		if (found == NULL || fabs(number(found) - want->figure) > 1e-9 ||
			!memory_text_is(found->record.unit, want->unit)) {
			printf("\n%s %s %s: got %g, want %g %s\n", want->name,
				want->value ? want->value : "", want->value2 ? want->value2 : "",
				number(found), want->figure, want->unit);
			CU_FAIL("not what the table wants");
		} else {
			CU_PASS();
		}
	}
}

static char *fixture(void)
{
	char *folder = memory_folder_new();

	memory_folder_text(folder, "proc/stat", 0600,
		"cpu  1000 200 300 4000 500 60 40 7 0 0\n"
		"cpu0 500 100 150 2000 250 30 20 3 0 0\n"
		"cpu1 500 100 150 2000 250 30 20 4 0 0\n"
		"intr 1 2 3\nctxt 5\nbtime 1\nprocesses 4711\nprocs_running 1\n");
	memory_folder_text(folder, "proc/loadavg", 0600, "0.50 12.25 3.07 1/99 1234\n");
	memory_folder_text(folder, "proc/uptime", 0600, "12345.67 999.00\n");
	memory_folder_text(folder, "proc/meminfo", 0600,
		"MemTotal:       1000 kB\nMemFree:         200 kB\nMemAvailable:    600 kB\n"
		"Buffers:          50 kB\nCached:          150 kB\nSwapCached: 1 kB\n"
		"SReclaimable:     25 kB\nSwapTotal:       400 kB\nSwapFree:        300 kB\n");
	memory_folder_text(folder, "proc/vmstat", 0600,
		"nr_free_pages 1\npgpgin 1\npswpin 11\npswpout 12\npgfault 1000\npgmajfault 40\n");
	memory_folder_text(folder, "proc/diskstats", 0600,
		"   8       0 sda 10 1 100 2000 20 2 200 4000 0 3500 6000 0 0 0 0 0 0\n"
		"   8       1 sda1 9 1 90 1000 20 2 200 4000 0 3500 6000\n"
		"   7       0 loop0 9 1 90 1000 20 2 200 4000 0 3500 6000\n"
		" 104       0 cciss/c0d0 1 0 8 0 0 0 0 0 0 0 0\n"
		"   9       0 short 1 2\n");
	memory_folder_text(folder, "sys/block/sda/size", 0600, "");
	memory_folder_text(folder, "sys/block/loop0/size", 0600, "");
	memory_folder_text(folder, "sys/block/cciss!c0d0/size", 0600, "");
	memory_folder_text(folder, "proc/net/dev", 0600,
		"Inter-|   Receive  |  Transmit\n face |bytes    packets errs\n"
		"    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n"
		"  eth0: 1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0\n"
		"veth1a: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n");
	return folder;
}

static void test_fixture(void)
{
	static const char dev[] = "system.device", way[] = "disk.io.direction";
	static const char nic[] = "network.interface.name", nway[] = "network.io.direction";
	static const struct want wants[] = {
		{"system.cpu.time", "cpu.mode", "user", NULL, NULL, 10, "s"},
		{"system.cpu.time", "cpu.mode", "nice", NULL, NULL, 2, "s"},
		{"system.cpu.time", "cpu.mode", "interrupt", NULL, NULL, 1, "s"},
		{"system.cpu.time", "cpu.mode", "steal", NULL, NULL, 0.07, "s"},
		{"system.cpu.logical.count", NULL, NULL, NULL, NULL, 2, "{cpu}"},
		{"system.cpu.load_average.1m", NULL, NULL, NULL, NULL, 0.5, "{thread}"},
		{"system.cpu.load_average.5m", NULL, NULL, NULL, NULL, 12.25, "{thread}"},
		{"system.cpu.load_average.15m", NULL, NULL, NULL, NULL, 3.07, "{thread}"},
		{"system.memory.usage", "system.memory.state", "used", NULL, NULL, 400 * 1024,
			"By"},
		{"system.memory.usage", "system.memory.state", "free", NULL, NULL, 200 * 1024,
			"By"},
		{"system.memory.usage", "system.memory.state", "cached", NULL, NULL, 175 * 1024,
			"By"},
		{"system.memory.utilization", "system.memory.state", "used", NULL, NULL, 0.4, "1"},
		{"system.memory.linux.available", NULL, NULL, NULL, NULL, 600 * 1024, "By"},
		{"system.memory.limit", NULL, NULL, NULL, NULL, 1000 * 1024, "By"},
		{"system.paging.usage", "system.paging.state", "used", NULL, NULL, 100 * 1024,
			"By"},
		{"system.paging.utilization", "system.paging.state", "free", NULL, NULL, 0.75, "1"},
		{"system.paging.faults", "system.paging.fault.type", "major", NULL, NULL, 40,
			"{fault}"},
		{"system.paging.faults", "system.paging.fault.type", "minor", NULL, NULL, 960,
			"{fault}"},
		{"system.paging.operations", "system.paging.direction", "out", NULL, NULL, 12,
			"{operation}"},
		{"system.disk.io", dev, "sda", way, "read", 51200, "By"},
		{"system.disk.io", dev, "sda", way, "write", 102400, "By"},
		{"system.disk.io", dev, "cciss/c0d0", way, "read", 4096, "By"},
		{"system.disk.operations", dev, "sda", way, "write", 20, "{operation}"},
		{"system.disk.merged", dev, "sda", way, "read", 1, "{operation}"},
		{"system.disk.operation_time", dev, "sda", way, "write", 4, "s"},
		{"system.disk.io_time", dev, "sda", NULL, NULL, 3.5, "s"},
		{"system.network.io", nic, "eth0", nway, "receive", 1000, "By"},
		{"system.network.io", nic, "eth0", nway, "transmit", 2000, "By"},
		{"system.network.packet.count", nic, "eth0", nway, "transmit", 20, "{packet}"},
		{"system.network.errors", nic, "eth0", nway, "transmit", 3, "{error}"},
		{"system.network.packet.dropped", nic, "eth0", nway, "receive", 2, "{packet}"},
		{"system.process.count", NULL, NULL, NULL, NULL, 2, "{process}"},
		{"system.process.created", NULL, NULL, NULL, NULL, 4711, "{process}"},
		{"system.uptime", NULL, NULL, NULL, NULL, 12345.67, "s"},
	};
	int descriptors = memory_descriptors();
	struct settings settings = standard();
	struct memory_sink *sink = memory_sink_new();
	char *folder = fixture();
	char proc[256], sys[256], line[1024];
	struct statvfs vfs;

	snprintf(proc, sizeof(proc), "%s/proc", folder);
	snprintf(sys, sizeof(sys), "%s/sys", folder);
	settings.proc = proc;
	settings.sys = sys;
	memory_folder_text(folder, "proc/1/stat", 0600, "");
	memory_folder_text(folder, "proc/99/stat", 0600, "");
	/* a blank in the mount point; a bind mount of the same device; types not asked */
	memory_folder_text(folder, "a b/file", 0600, "");
	snprintf(line, sizeof(line),
		"20 1 8:1 / %s/a\\040b rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
		"21 1 8:1 /x %s rw,relatime - ext4 /dev/sda1 rw\n"
		"22 1 0:5 / %s rw - nfs4 server:/x rw\n"
		"23 1 0:6 / /gone/away ro - ext4 /dev/gone rw\n"
		"broken\n24 1 0:7 / /proc/x rw - tmpfs t rw",
		folder, folder, folder);
	memory_folder_text(folder, "proc/self/mountinfo", 0600, line);

	void *self = make(&settings);

	poll_once(self, sink);
	CU_ASSERT(memory_sink_valid(sink));
	check_wants(sink, wants, sizeof(wants) / sizeof(wants[0]));
	CU_ASSERT_EQUAL(memory_log.levels[YETT_LOG_WARNING], 0);
	CU_ASSERT_PTR_NULL(memory_find(sink, 0, "system.cpu.utilization", NULL, NULL));
	CU_ASSERT_PTR_NULL(memory_find(sink, 0, "system.disk.io", dev, "sda1"));
	CU_ASSERT_PTR_NULL(memory_find(sink, 0, "system.disk.io", dev, "loop0"));
	CU_ASSERT_EQUAL(memory_count(sink, "system.network.io"), 2);
	CU_ASSERT_EQUAL(memory_count(sink, "system.filesystem.usage"), 3);
	CU_ASSERT_EQUAL(memory_count(sink, "system.filesystem.limit"), 1);
	const struct memory_record *limit =
		memory_find(sink, 0, "system.filesystem.limit", dev, "/dev/sda1");

	CU_ASSERT_PTR_NOT_NULL_FATAL(limit);
	snprintf(line, sizeof(line), "%s/a b", folder);
	CU_ASSERT(memory_attribute_is(&limit->record, "system.filesystem.mountpoint", line));
	CU_ASSERT(memory_attribute_is(&limit->record, "system.filesystem.mode", "rw"));
	CU_ASSERT_EQUAL(statvfs(folder, &vfs), 0);
	CU_ASSERT_EQUAL(limit->record.value.i, (int64_t)(vfs.f_blocks * vfs.f_frsize));

	/* the second poll has utilisation: 30 user and 70 idle ticks more, idle of one shrinks */
	memory_sink_clear(sink);
	memory_folder_text(folder, "proc/stat", 0600,
		"cpu  1030 200 300 4070 400 60 40 7 0 0\ncpu0 1 1 1 1\n");
	((struct host *)self)->next_ns = 0;
	poll_once(self, sink);
	static const struct want later[] = {
		{"system.cpu.utilization", "cpu.mode", "user", NULL, NULL, 0.3, "1"},
		{"system.cpu.utilization", "cpu.mode", "idle", NULL, NULL, 0.7, "1"},
		{"system.cpu.utilization", "cpu.mode", "iowait", NULL, NULL, 0, "1"},
		{"system.cpu.time", "cpu.mode", "iowait", NULL, NULL, 4, "s"},
	};
	check_wants(sink, later, 4);
	unmake(self);
	memory_sink_free(&sink);
	memory_folder_free(&folder);
	CU_ASSERT_EQUAL(memory_descriptors(), descriptors);
}

static void test_missing(void)
{
	struct settings settings = standard();
	struct memory_sink *sink = memory_sink_new();
	char *folder = memory_folder_new();

	settings.proc = folder;
	void *self = make(&settings);

	memory_folder_text(folder, "uptime", 0600, "1.50 1.00\n");
	memory_folder_text(folder, "loadavg", 0600, "nonsense");
	poll_once(self, sink);
	CU_ASSERT(memory_count(sink, "system.uptime") == 1); /* the others do not stop it */
	CU_ASSERT(memory_log_has("the cpu metrics cannot be read"));
	CU_ASSERT(memory_log_has("the load metrics cannot be read"));
	unsigned told = memory_log.levels[YETT_LOG_WARNING];

	CU_ASSERT_EQUAL(told, GROUPS - 1);
	((struct host *)self)->next_ns = 0;
	poll_once(self, sink);
	CU_ASSERT_EQUAL(memory_log.levels[YETT_LOG_WARNING], told); /* once */
	memory_folder_text(folder, "loadavg", 0600, "1.00 1.00 1.00 1/1 1\n");
	((struct host *)self)->next_ns = 0;
	poll_once(self, sink);
	CU_ASSERT(memory_log_has("host-group-readable: the load metrics"));
	unmake(self);
	memory_sink_free(&sink);
	memory_folder_free(&folder);
}

/* Lines longer than the buffer are skipped, and those that lie across two reads are whole. */
static void test_long_lines(void)
{
	struct settings settings = standard();
	char *folder = memory_folder_new();
	size_t length = 3 * HOST_LINE_MAX;
	char *text = malloc(length + 64);
	struct lines lines;
	int got = 0;

	settings.proc = folder;
	memset(text, 'x', length);
	text[10] = '\n';
	text[length - 10] = '\n';
	memory_folder_write(folder, "stat", 0600, text, length);
	void *self = make(&settings);

	CU_ASSERT_EQUAL_FATAL(yett_lines_open(self, FILE_STAT, &lines), 0);
	CU_ASSERT_EQUAL(strlen(yett_lines_next(self, &lines)), 10);
	CU_ASSERT_EQUAL(strlen(yett_lines_next(self, &lines)), 9);
	CU_ASSERT_PTR_NULL(yett_lines_next(self, &lines));
	for (size_t i = 0; i < length; i++) {
		text[i] = i % 100 == 99 ? '\n' : 'y';
	}
	memory_folder_write(folder, "stat", 0600, text, length / 100 * 100);
	CU_ASSERT_EQUAL_FATAL(yett_lines_open(self, FILE_STAT, &lines), 0);
	for (const char *line; (line = yett_lines_next(self, &lines)) != NULL; got++) {
		CU_ASSERT_EQUAL(strlen(line), 99);
	}
	CU_ASSERT_EQUAL(got, length / 100);
	unmake(self);
	free(text);
	memory_folder_free(&folder);
}

/* This computer: within what can change between two readings. */
static void test_this_computer(void)
{
	struct settings settings = standard();
	struct memory_sink *sink = memory_sink_new();
	struct sysinfo info;
	int descriptors = memory_descriptors();

	settings.per_cpu = true;
	void *self = make(&settings);

	poll_once(self, sink);
	CU_ASSERT_EQUAL(sysinfo(&info), 0);
	CU_ASSERT(memory_sink_valid(sink));
	CU_ASSERT_DOUBLE_EQUAL(
		number(memory_find(sink, 0, "system.uptime", NULL, NULL)), (double)info.uptime, 2);
	CU_ASSERT_DOUBLE_EQUAL(number(memory_find(sink, 0, "system.memory.limit", NULL, NULL)),
		(double)info.totalram * info.mem_unit, 1e6);
	CU_ASSERT_DOUBLE_EQUAL(
		number(memory_find(sink, 0, "system.memory.usage", "system.memory.state", "free")),
		(double)info.freeram * info.mem_unit, 512e6);
	CU_ASSERT_DOUBLE_EQUAL(
		number(memory_find(sink, 0, "system.cpu.load_average.1m", NULL, NULL)),
		(double)info.loads[0] / (1 << SI_LOAD_SHIFT), 1);
	CU_ASSERT_EQUAL(number(memory_find(sink, 0, "system.cpu.logical.count", NULL, NULL)),
		sysconf(_SC_NPROCESSORS_ONLN));
	CU_ASSERT_EQUAL(memory_count(sink, "system.cpu.time"),
		(size_t)(CPU_MODES * (1 + sysconf(_SC_NPROCESSORS_ONLN))));
	CU_ASSERT(number(memory_find(sink, 0, "system.process.count", NULL, NULL)) >= 1);
	const struct memory_record *root = memory_find(
		sink, 0, "system.filesystem.limit", "system.filesystem.mountpoint", "/");
	struct statvfs vfs;

	CU_ASSERT_EQUAL(statvfs("/", &vfs), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	CU_ASSERT_EQUAL(root->record.value.i, (int64_t)(vfs.f_blocks * vfs.f_frsize));
	CU_ASSERT_EQUAL(memory_log.levels[YETT_LOG_WARNING], 0);
	unmake(self);
	CU_ASSERT_EQUAL(memory_descriptors(), descriptors);
	memory_sink_free(&sink);
}

struct waiting {
	void *self;
	struct memory_sink *sink;
	uint64_t next_ns;
	int result;
};

static void *wait_in_poll(void *arg)
{
	struct waiting *waiting = arg;

	waiting->result = source()->poll(
		waiting->self, &waiting->sink->sink, UINT64_MAX, &waiting->next_ns, NULL);
	return NULL;
}

/* The wake ends a wait of an hour; a deadline does too; nothing is told before it is due. */
static void test_waiting(void)
{
	struct settings settings = standard();
	struct memory_sink *sink = memory_sink_new();
	struct waiting waiting;
	pthread_t thread;
	uint64_t next_ns;

	settings.interval_ns = 3600 * SECOND;
	void *self = make(&settings);

	next_ns = poll_once(self, sink);
	CU_ASSERT(next_ns > memory_host.monotonic_ns(NULL) + 3599 * SECOND);
	memory_sink_clear(sink);
	waiting = (struct waiting){.self = self, .sink = sink, .result = 1};
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_in_poll, &waiting), 0);
	memory_sink_wake(sink);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(waiting.result, 0);
	CU_ASSERT_EQUAL(waiting.next_ns, next_ns);
	memory_sink_unwake(sink);
	uint64_t now_ns = memory_host.monotonic_ns(NULL);

	CU_ASSERT_EQUAL(
		source()->poll(self, &sink->sink, now_ns + SECOND / 100, &next_ns, NULL), 0);
	CU_ASSERT(memory_host.monotonic_ns(NULL) >= now_ns + SECOND / 100);
	CU_ASSERT_EQUAL(sink->count, 0);
	/* a sink that closes ends the poll */
	memory_sink_clear(sink);
	sink->close_after = 3;
	((struct host *)self)->next_ns = 0;
	CU_ASSERT_EQUAL(
		source()->poll(self, &sink->sink, UINT64_MAX, &next_ns, NULL), YETT_ECLOSED);
	CU_ASSERT_EQUAL(sink->count, 3);
	unmake(self);
	memory_sink_free(&sink);
}

static int drop_record(struct yett_sink_self *self, uint32_t lane, const struct yett_record *record)
{
	(void)lane;
	(void)record;
	++*(int *)(void *)self;
	return 0;
}

/* At an interval of 10 s, at most 0.1 % of a core: 10 ms a poll. */
static void test_cost(void)
{
	enum { POLLS = 50 };
	struct settings settings = standard();
	struct rusage before, after;
	int told = 0;
	struct yett_sink sink = {.size = sizeof(sink),
		.wake_fd = -1,
		.self = (struct yett_sink_self *)(void *)&told,
		.record = drop_record};
	void *self = make(&settings);
	uint64_t next_ns;
	double ms;

	getrusage(RUSAGE_THREAD, &before);
	for (int i = 0; i < POLLS; i++) {
		((struct host *)self)->next_ns = 0;
		source()->poll(self, &sink, UINT64_MAX, &next_ns, NULL);
	}
	getrusage(RUSAGE_THREAD, &after);
	ms = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec -
		      before.ru_stime.tv_sec) *
		     1e3 +
	     (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec -
		      before.ru_stime.tv_usec) /
		     1e3;
	printf("[%d records, %.3f ms of CPU a poll] ", told / POLLS, ms / POLLS);
	CU_ASSERT(ms / POLLS < 10);
	unmake(self);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"a made-up computer, figure by figure", test_fixture},
		{"groups that are missing or broken", test_missing},
		{"long lines and many", test_long_lines},
		{"this computer", test_this_computer},
		{"waiting and waking", test_waiting},
		{"what a poll costs", test_cost},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "source-host", tests);
}
