/* source-exec with scripts made for the purpose, and with the monitoring plugins where they are
 * installed. Each test ends without a child, a descriptor or an undeclared warning. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source-exec-bench.h"
#include "suite.h"

static void test_ends(void)
{
	static const struct {
		const char *name, *script;
		uint32_t state;
		const char *body;
		int exit_code, lane;
	} rows[] = {
		{"ok", "echo fine", 0, "fine", 0, YETT_LANE_NORMAL},
		{"warning", "echo 'hm | a=1'; exit 1", 1, "hm", 1, YETT_LANE_URGENT},
		{"critical", "echo bad; echo long; exit 2", 2, "bad\nlong", 2, YETT_LANE_URGENT},
		{"unknown", "echo what; exit 3", 3, "what", 3, YETT_LANE_URGENT},
		{"other", "echo x; exit 127", 3, "exit code 127 is none of 0 to 3: x", 127,
			YETT_LANE_URGENT},
		{"signal", "echo x; kill -SEGV $$", 3,
			"killed by signal 11 (Segmentation fault): x", -1, YETT_LANE_URGENT},
		{"silent", "exit 0", 0, "(no output)", 0, YETT_LANE_NORMAL},
		{"errors", "echo oops >&2; exit 3", 3, "(no output) oops", 3, YETT_LANE_URGENT},
	};
	struct bench bench;

	bench_open(&bench);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		add(&bench, rows[i].name, rows[i].script);
	}
	bench_start(&bench);
	await_states(&bench, sizeof(rows) / sizeof(rows[0]));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct memory_record *kept = state_of(&bench, rows[i].name);
		const struct yett_value *code;
		char name[64];

		CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
		snprintf(name, sizeof(name), "check.%s", rows[i].name);
		CU_ASSERT(memory_text_is(kept->record.name, name));
		CU_ASSERT_EQUAL(kept->record.state, rows[i].state);
		CU_ASSERT_EQUAL((int)kept->lane, rows[i].lane);
		if (!memory_text_is(kept->record.body, rows[i].body)) {
			printf("\n%s: got '%.*s'\n", rows[i].name, (int)kept->record.body.length,
				kept->record.body.bytes);
			CU_FAIL("another body");
		}
		code = memory_attribute(&kept->record, "process.exit.code");
		CU_ASSERT_EQUAL(code != NULL ? code->i : -1, rows[i].exit_code);
		CU_ASSERT(memory_attribute_is(&kept->record, "process.command", bench.paths[i]));
		CU_ASSERT_PTR_NOT_NULL(memory_attribute(&kept->record, "yett.check.duration"));
	}
	CU_ASSERT_EQUAL(bench.source.sink->flushes, 6);
	CU_ASSERT_PTR_NOT_NULL(memory_find(bench.source.sink, 0, "check.warning.a", NULL, NULL));
	bench_close(&bench);
}

static void test_perfdata(void)
{
	struct bench bench;
	const struct memory_record *kept;

	bench_open(&bench);
	add(&bench, "disk",
		"echo \"ok | '/var x'=5MB;10;~:20;0;100 n=7c;;; broken x=U\"\n"
		"echo more\necho 'text | late=0.25s'");
	bench_start(&bench);
	await_states(&bench, 1);
	kept = memory_find(bench.source.sink, 0, "check.disk./var_x", "yett.check.label", "/var x");
	CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
	CU_ASSERT_EQUAL(kept->lane, YETT_LANE_NORMAL);
	CU_ASSERT_EQUAL(kept->record.value.i, 5);
	CU_ASSERT(memory_text_is(kept->record.unit, "MBy"));
	CU_ASSERT(memory_attribute_is(&kept->record, "yett.check.name", "disk"));
	CU_ASSERT(memory_attribute_is(&kept->record, "yett.check.warn", "10"));
	CU_ASSERT(memory_attribute_is(&kept->record, "yett.check.crit", "~:20"));
	CU_ASSERT_EQUAL(memory_attribute(&kept->record, "yett.check.min")->d, 0);
	CU_ASSERT_EQUAL(memory_attribute(&kept->record, "yett.check.max")->d, 100);
	kept = memory_find(bench.source.sink, 0, "check.disk.n", NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
	CU_ASSERT(memory_attribute(&kept->record, "yett.check.counter")->b);
	kept = memory_find(bench.source.sink, 0, "check.disk.late", NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
	CU_ASSERT_EQUAL(kept->record.value.d, 0.25);
	CU_ASSERT_EQUAL(bench.source.sink->count, 4);
	CU_ASSERT(memory_text_is(state_of(&bench, "disk")->record.body, "ok\nmore\ntext"));
	CU_ASSERT_EQUAL(memory_log.metrics[METRIC_PERFDATA_BAD], 1);
	CU_ASSERT_EQUAL(memory_log.levels[YETT_LOG_WARNING], 1);
	CU_ASSERT(memory_log_has("perfdata-bad: 1 items"));
	memory_log.levels[YETT_LOG_WARNING] = 0;
	bench_close(&bench);
}

/* The first result that is not OK and each change are urgent and flushed; the rest is not. */
static void test_changes(void)
{
	static const struct {
		const char *state;
		int lane;
	} steps[] = {{"0", YETT_LANE_NORMAL}, {"0", YETT_LANE_NORMAL}, {"2", YETT_LANE_URGENT},
		{"2", YETT_LANE_NORMAL}, {"1", YETT_LANE_URGENT}, {"0", YETT_LANE_URGENT},
		{"0", YETT_LANE_NORMAL}, {"9", YETT_LANE_URGENT}, {"3", YETT_LANE_NORMAL}};
	struct bench bench;
	unsigned flushes = 0;

	bench_open(&bench);
	add(&bench, "changing", "read state < \"${0%/*}/state\"; echo $state; exit $state");
	bench_start(&bench);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct memory_record *kept;

		memory_folder_text(bench.source.folder, "state", 0600, steps[i].state);
		((struct exec *)bench.source.self)->checks[0].due_ns = 0;
		await_states(&bench, i + 1);
		kept = state_of(&bench, "changing");
		CU_ASSERT_EQUAL((int)kept->lane, steps[i].lane);
		flushes += steps[i].lane == YETT_LANE_URGENT;
		CU_ASSERT_EQUAL(bench.source.sink->flushes, flushes);
	}
	CU_ASSERT_EQUAL(memory_log.metrics[METRIC_RUNS], sizeof(steps) / sizeof(steps[0]));
	bench_close(&bench);
}

/* Whether the process is gone, or goes within 10 s. */
static bool goes(pid_t pid)
{
	int fd = pidfd_open(pid, 0);
	struct pollfd ended = {.fd = fd, .events = POLLIN};
	bool gone;

	if (fd < 0) {
		return errno == ESRCH;
	}
	gone = poll(&ended, 1, 10000) == 1;
	close(fd);
	return gone;
}

static pid_t read_pid(const struct bench *bench, const char *name)
{
	char path[512];
	FILE *file;
	int pid = 0;

	snprintf(path, sizeof(path), "%s/%s", bench->source.folder, name);
	file = fopen(path, "re");
	if (file != NULL) {
		if (fscanf(file, "%d", &pid) != 1) {
			pid = 0;
		}
		fclose(file);
	}
	return pid;
}

static void test_timeout(void)
{
	struct bench bench;
	const struct memory_record *kept;
	uint64_t start_ns = memory_host.monotonic_ns(NULL);

	bench_open(&bench);
	add(&bench, "slow", "echo started; sleep 1000")->timeout_ns = 300 * MS;
	add(&bench, "deaf",
		"trap '' TERM; sleep 1000 & echo $! > \"${0%/*}/child\"; echo $$ > "
		"\"${0%/*}/pid\"; "
		"while :; do sleep 1000; done")
		->timeout_ns = 300 * MS;
	add(&bench, "stopped", "kill -STOP $$")->timeout_ns = 300 * MS;
	bench_start(&bench);
	await_states(&bench, 3);
	CU_ASSERT(memory_host.monotonic_ns(NULL) - start_ns < 5 * SECOND);
	kept = state_of(&bench, "slow");
	CU_ASSERT_EQUAL(kept->record.state, YETT_STATE_UNKNOWN);
	CU_ASSERT(memory_text_is(kept->record.body, "timed out after 0.3 s: started"));
	CU_ASSERT_PTR_NULL(memory_attribute(&kept->record, "process.exit.code"));
	CU_ASSERT(memory_text_is(state_of(&bench, "deaf")->record.body, "timed out after 0.3 s"));
	pid_t pid = read_pid(&bench, "pid"), child = read_pid(&bench, "child");

	CU_ASSERT(pid > 0 && child > 0);
	await_no_run(&bench);
	CU_ASSERT(goes(pid));
	CU_ASSERT(goes(child));
	CU_ASSERT_EQUAL(states(&bench), 3); /* told once */
	CU_ASSERT_EQUAL(memory_log.metrics[METRIC_TIMEOUTS], 3);
	bench_close(&bench);
}

/* What a plugin leaves behind in its group goes with it, and does not keep its result back. */
static void test_grandchildren(void)
{
	struct bench bench;
	uint64_t start_ns = memory_host.monotonic_ns(NULL);

	bench_open(&bench);
	add(&bench, "parent",
		"trap '' TERM; sleep 1000 & echo $! > \"${0%/*}/child\"; echo parent done");
	bench_start(&bench);
	await_states(&bench, 1);
	CU_ASSERT(memory_host.monotonic_ns(NULL) - start_ns < 5 * SECOND);
	CU_ASSERT(memory_text_is(state_of(&bench, "parent")->record.body, "parent done"));
	pid_t child = read_pid(&bench, "child");

	CU_ASSERT(child > 0 && goes(child));
	bench_close(&bench);
}

static void test_flood(void)
{
	struct bench bench;
	const struct memory_record *kept;
	char end[128];

	bench_open(&bench);
	add(&bench, "flood", "head -c 10000000 /dev/zero | tr '\\0' x; exit 1");
	add(&bench, "both", "head -c 1000000 /dev/zero | tr '\\0' e >&2; echo done");
	add(&bench, "endless", "yes")->timeout_ns = 500 * MS;
	bench_start(&bench);
	await_states(&bench, 3);
	kept = state_of(&bench, "flood");
	snprintf(end, sizeof(end), "x\n(output cut at 64 KiB, %d bytes are left out)",
		10000000 - RUN_OUTPUT_MAX);
	CU_ASSERT(memory_text_has(kept->record.body, end));
	CU_ASSERT_EQUAL(kept->record.body.length, RUN_OUTPUT_MAX + strlen(end) - 1);
	CU_ASSERT(memory_attribute(&kept->record, "yett.truncated")->b);
	CU_ASSERT_EQUAL(kept->record.state, YETT_STATE_WARNING);
	CU_ASSERT(memory_text_is(state_of(&bench, "both")->record.body, "done"));
	CU_ASSERT(memory_text_has(
		state_of(&bench, "endless")->record.body, "timed out after 0.5 s: y\ny\n"));
	bench_close(&bench);
}

static void test_cannot_run(void)
{
	struct bench bench;
	char path[256], body[512];

	bench_open(&bench);
	add(&bench, "gone", "exit 0");
	add(&bench, "orphan", "exit 0");
	memory_folder_text(bench.source.folder, "orphan", 0700, "#!/no/such/interpreter\n");
	bench_start(&bench);
	snprintf(path, sizeof(path), "%s/gone", bench.source.folder);
	unlink(path);
	await_states(&bench, 2);
	snprintf(body, sizeof(body), "cannot run: %s: No such file or directory", path);
	CU_ASSERT(memory_text_is(state_of(&bench, "gone")->record.body, body));
	CU_ASSERT_EQUAL(state_of(&bench, "gone")->record.state, YETT_STATE_UNKNOWN);
	CU_ASSERT_EQUAL(state_of(&bench, "orphan")->record.state, YETT_STATE_UNKNOWN);
	bench_close(&bench);
}

/* What a plugin finds: its environment, descriptors, signals, group, folder and input. */
static void test_surroundings(void)
{
	static const char *environment[] = {"SECRET=x y", "LANG=de_DE.UTF-8"};
	struct bench bench;
	sigset_t all, before;

	bench_open(&bench);
	bench.settings.environment = (struct yett_list){2, environment};
	add(&bench, "env", "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort");
	add(&bench, "fds", "ls /proc/self/fd | tr '\\n' ' '");
	add(&bench, "signals",
		"grep -e SigBlk -e SigIgn /proc/self/status | tr -d '\\t' | tr '\\n' ' '");
	add(&bench, "group",
		"read a b c d group rest < /proc/$$/stat; "
		"[ $group = $$ ] && echo own; pwd");
	add(&bench, "input", "cat; echo end");
	add_command(&bench, "arguments", "/usr/bin/printf");
	bench.commands[5][1] = "%s,";
	bench.commands[5][2] = "a b";
	bench.commands[5][3] = "$HOME;|'\"";
	bench.checks[5].command.count = 4;
	setenv("YETT_TEST_LEAK", "1", 1);
	signal(SIGPIPE, SIG_IGN);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	bench_start(&bench);
	await_states(&bench, 6);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	signal(SIGPIPE, SIG_DFL);
	CU_ASSERT(memory_text_is(state_of(&bench, "env")->record.body,
		"LANG=de_DE.UTF-8\n"
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
		"SECRET=x y"));
	/* 3 is the one that ls reads the folder with */
	CU_ASSERT(memory_text_is(state_of(&bench, "fds")->record.body, "0 1 2 3"));
	/* but for 32 and 33, which glibc keeps for itself and its posix_spawn ignores */
	unsigned long long blocked = 1, ignored = 1;

	CU_ASSERT_EQUAL(sscanf(state_of(&bench, "signals")->record.body.bytes,
				"SigBlk:%16llx SigIgn:%16llx", &blocked, &ignored),
		2);
	CU_ASSERT_EQUAL(blocked, 0);
	CU_ASSERT_EQUAL(ignored & ~0x180000000ULL, 0);
	CU_ASSERT(memory_text_is(state_of(&bench, "group")->record.body, "own\n/"));
	CU_ASSERT(memory_text_is(state_of(&bench, "input")->record.body, "end"));
	/* what follows '|' is performance data, whatever wrote it */
	CU_ASSERT(memory_text_is(state_of(&bench, "arguments")->record.body, "a b,$HOME;"));
	memory_log.levels[YETT_LOG_WARNING] = 0;
	bench_close(&bench);
}

/* As many at once as may be; the others wait their turn. Each marks how many it has seen. */
static void test_parallel(void)
{
	static const struct {
		int64_t parallel;
		uint64_t at_least_ms, at_most_ms;
	} rows[] = {{8, 300, 1000}, {2, 900, 5000}};

	for (size_t row = 0; row < 2; row++) {
		struct bench bench;
		uint64_t took_ns = memory_host.monotonic_ns(NULL);
		static const char *const names[] = {"a", "b", "c", "d", "e", "f"};

		bench_open(&bench);
		bench.settings.parallel = rows[row].parallel;
		for (size_t i = 0; i < 6; i++) {
			add(&bench, names[i], "sleep 0.3");
		}
		bench_start(&bench);
		await_states(&bench, 6);
		took_ns = memory_host.monotonic_ns(NULL) - took_ns;
		CU_ASSERT(took_ns >= rows[row].at_least_ms * MS);
		CU_ASSERT(took_ns <= rows[row].at_most_ms * MS * 4); /* slow machines */
		bench_close(&bench);
	}
}

/* One that not even SIGKILL ends has the only place: the others do not go on saying what they said last.
 * (That it hangs in the kernel is played: it is held for one that was killed, and is left alone.) */
static void test_choked(void)
{
	struct bench bench;
	struct exec *exec;
	const struct memory_record *kept;

	bench_open(&bench);
	bench.settings.parallel = 1;
	add(&bench, "hangs", "sleep 1000");
	add(&bench, "quick", "echo well")->interval_ns = 500 * MS;
	bench_start(&bench);
	exec = bench.source.self;
	exec->checks[0].due_ns = 0;
	while (!exec->checks[0].running) {
		CU_ASSERT_EQUAL_FATAL(poll_until(&bench, memory_host.monotonic_ns(NULL) + MS), 0);
	}
	exec->runs[0].state = RUN_KILLED;
	exec->runs[0].deadline_ns = UINT64_MAX;
	await_states(&bench, 2);
	kept = state_of(&bench, "quick");
	CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
	CU_ASSERT_EQUAL(kept->record.state, YETT_STATE_UNKNOWN);
	CU_ASSERT(memory_text_is(kept->record.body,
		"not run: plugins that do not end have all places (`parallel`)"));
	exec->runs[0].state = RUN_RUNNING;
	exec->runs[0].deadline_ns = 0;
	await_no_run(&bench);
	bench_close(&bench);
}

static void *wake_it(void *arg)
{
	memory_sink_wake(arg);
	return NULL;
}

/* The wake ends a wait at once, with a plugin under way and with none; its result comes later. */
static void test_wake(void)
{
	struct bench bench;
	pthread_t thread;
	uint64_t start_ns;

	bench_open(&bench);
	add(&bench, "waiting", "read line < \"${0%/*}/fifo\"; echo $line");
	char path[512];

	snprintf(path, sizeof(path), "%s/fifo", bench.source.folder);
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	bench_start(&bench);
	start_ns = memory_host.monotonic_ns(NULL);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wake_it, bench.source.sink), 0);
	CU_ASSERT_EQUAL(poll_until(&bench, UINT64_MAX), 0);
	pthread_join(thread, NULL);
	CU_ASSERT(memory_host.monotonic_ns(NULL) - start_ns < 10 * SECOND);
	CU_ASSERT_EQUAL(bench.source.sink->count, 0);
	memory_sink_unwake(bench.source.sink);
	FILE *fifo = fopen(path, "we");

	fputs("written\n", fifo);
	fclose(fifo);
	await_states(&bench, 1);
	CU_ASSERT(memory_text_is(state_of(&bench, "waiting")->record.body, "written"));
	memory_sink_wake(bench.source.sink);
	CU_ASSERT_EQUAL(poll_until(&bench, UINT64_MAX), 0);
	bench_close(&bench);
}

/* Stopping ends what runs, deaf or not, and reaps it. */
static void test_stop(void)
{
	struct bench bench;
	pid_t pid = 0, deaf = 0;
	uint64_t deadline_ns = memory_host.monotonic_ns(NULL) + 20 * SECOND;

	bench_open(&bench);
	add(&bench, "runs", "echo $$ > \"${0%/*}/pid\"; sleep 1000");
	add(&bench, "deaf", "trap '' TERM; echo $$ > \"${0%/*}/deaf-pid\"; sleep 1000");
	bench_start(&bench);
	while ((pid == 0 || deaf == 0) && memory_host.monotonic_ns(NULL) < deadline_ns) {
		poll_until(&bench, memory_host.monotonic_ns(NULL) + 10 * MS);
		pid = read_pid(&bench, "pid");
		deaf = read_pid(&bench, "deaf-pid");
	}
	CU_ASSERT_FATAL(pid > 0 && deaf > 0);
	source_bench_stop(&bench.source);
	CU_ASSERT(kill(pid, 0) == -1 && errno == ESRCH);
	CU_ASSERT(kill(deaf, 0) == -1 && errno == ESRCH);
	bench_close(&bench);
}

static void test_closed(void)
{
	struct bench bench;
	int r = 0;

	bench_open(&bench);
	add(&bench, "a", "echo 'x | a=1 b=2'");
	bench_start(&bench);
	bench.source.sink->close_after = 2;
	while (r == 0) {
		r = poll_until(&bench, memory_host.monotonic_ns(NULL) + 10 * SECOND);
	}
	CU_ASSERT_EQUAL(r, YETT_ECLOSED);
	CU_ASSERT_EQUAL(bench.source.sink->count, 2);
	bench_close(&bench);
}

/* First runs are spread over the spread or the interval, each later one comes an interval on. */
static void test_spread(void)
{
	struct bench bench;
	struct exec *exec;
	uint64_t start_ns = memory_host.monotonic_ns(NULL);

	bench_open(&bench);
	bench.settings.spread_ns = 60 * SECOND;
	for (int i = 0; i < 6; i++) {
		static const char *const names[] = {"a", "b", "c", "d", "e", "f"};

		add(&bench, names[i], "exit 0")->interval_ns = i == 5 ? 6 * SECOND : 600 * SECOND;
	}
	bench_start(&bench);
	exec = bench.source.self;
	for (size_t i = 0; i < 6; i++) {
		uint64_t at_ns = (exec->checks[i].due_ns - start_ns) / SECOND;

		CU_ASSERT_EQUAL(at_ns, i == 5 ? 5 : i * 10);
	}
	await_states(&bench, 1);
	CU_ASSERT_EQUAL((exec->checks[0].due_ns - start_ns) / SECOND, 600);
	bench_close(&bench);
}

static void test_check(void)
{
	static const struct {
		const char *name, *path, *why;
	} rows[] = {
		{"", "/bin/true", "is named ''"},
		{"a b", "/bin/true", "has a character"},
		{"a/b", "/bin/true", "has a character"},
		{"a", "true", "absolute path"},
		{"a", "/no/such", "cannot be found: /no/such: No such file"},
		{"a", "/etc/passwd", "cannot be executed: /etc/passwd"},
		{"a", "/tmp", "cannot be executed: /tmp"},
		{"same", "/bin/true", "two checks are named 'same'"},
	};
	static const char *environment[] = {"A=1", "B"};
	struct bench bench;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bench_open(&bench);
		add_command(&bench, "same", "/bin/true");
		add_command(&bench, rows[i].name, rows[i].path);
		CU_ASSERT_EQUAL(
			yett_module.life->check(&memory_host, &bench.settings, NULL), YETT_ECONFIG);
		if (strstr(memory_log.failure, rows[i].why) == NULL) {
			printf("\n%s\n", memory_log.failure);
			CU_FAIL("another reason");
		}
		bench_close(&bench);
	}
	bench_open(&bench);
	bench.settings.environment = (struct yett_list){2, environment};
	CU_ASSERT_EQUAL(yett_module.life->check(&memory_host, &bench.settings, NULL), YETT_ECONFIG);
	add_command(&bench, "empty", "/bin/true")->command.count = 0;
	CU_ASSERT_EQUAL(yett_module.life->check(&memory_host, &bench.settings, NULL), YETT_ECONFIG);
	bench_close(&bench);
}

static void test_real_plugins(void)
{
	static const struct {
		const char *name, *command[7], *metric, *unit;
	} rows[] = {
		{"load",
			{"/usr/lib/nagios/plugins/check_load", "-w", "900,900,900", "-c",
				"900,900,900"},
			"check.load.load1", "1"},
		{"disk", {"/usr/lib/nagios/plugins/check_disk", "-w", "0", "-c", "0", "-p", "/"},
			"check.disk./", "By"},
		{"procs", {"/usr/lib/nagios/plugins/check_procs", "-w", "90000", "-c", "90000"},
			"check.procs.procs", "1"},
		{"users", {"/usr/lib/nagios/plugins/check_users", "-w", "900", "-c", "900"},
			"check.users.users", "1"},
	};
	struct bench bench;

	if (access(rows[0].command[0], X_OK) != 0) {
		printf("[skipped: monitoring-plugins-basic is not installed] ");
		return;
	}
	bench_open(&bench);
	for (size_t i = 0; i < 4; i++) {
		struct check_settings *check =
			add_command(&bench, rows[i].name, rows[i].command[0]);

		for (check->command.count = 0;
			check->command.count < 7 && rows[i].command[check->command.count] != NULL;
			check->command.count++) {
			bench.commands[i][check->command.count] =
				rows[i].command[check->command.count];
		}
	}
	bench_start(&bench);
	await_states(&bench, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct memory_record *kept =
			memory_find(bench.source.sink, 0, rows[i].metric, NULL, NULL);

		CU_ASSERT_EQUAL(state_of(&bench, rows[i].name)->record.state, YETT_STATE_OK);
		CU_ASSERT_PTR_NOT_NULL(kept);
		CU_ASSERT(kept != NULL && memory_text_is(kept->record.unit, rows[i].unit));
	}
	CU_ASSERT_EQUAL(memory_log.metrics[METRIC_PERFDATA_BAD], 0);
	bench_close(&bench);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"how plugins end", test_ends},
		{"performance data becomes metrics", test_perfdata},
		{"changes are urgent", test_changes},
		{"time is up", test_timeout},
		{"grandchildren", test_grandchildren},
		{"floods", test_flood},
		{"what cannot be run", test_cannot_run},
		{"what a plugin finds", test_surroundings},
		{"several at once", test_parallel},
		{"all places taken for good", test_choked},
		{"the wake", test_wake},
		{"stopping", test_stop},
		{"a sink that closes", test_closed},
		{"first runs are spread", test_spread},
		{"settings that are refused", test_check},
		{"real plugins", test_real_plugins},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "source-exec", tests);
}
