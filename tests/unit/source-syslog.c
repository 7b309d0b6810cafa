/* source-syslog: the language as a table, and messages through real sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../../modules/source-syslog/syslog.h"
#include "source-bench.h"
#include "suite.h"

#define SECOND INT64_C(1000000000)
#define NOW    (INT64_C(1700000000) * SECOND) /* 14 November 2023, 22:13:20 UTC */

/* A message as facility.severity v time|host|app|procid|msgid|body{id.name=value}…, times as
 * seconds[.nanoseconds] relative to NOW; "malformed|body" if it is. */
static void show(const char *text, size_t length, bool local, char *ret_shown, size_t size)
{
	char *copy = malloc(length > 0 ? length : 1);
	struct syslog_message *m = malloc(sizeof(*m));
	char time[64] = "-";
	size_t at;

	memcpy(copy, text, length);
	yett_syslog_parse(copy, length, local, NOW, m);
	if (m->malformed) {
		snprintf(ret_shown, size, "malformed|%.*s", (int)m->body.length, m->body.bytes);
		goto out;
	}
	if (m->has_time) {
		snprintf(time, sizeof(time), "%.9g%s", (double)(m->time_ns - NOW) / 1e9,
			m->has_fraction ? "f" : "");
	}
	at = (size_t)snprintf(ret_shown, size, "%d.%d %d %s|%.*s|%.*s|%.*s|%.*s|%.*s", m->facility,
		m->severity, m->version, time, (int)m->hostname.length, m->hostname.bytes,
		(int)m->appname.length, m->appname.bytes, (int)m->procid.length, m->procid.bytes,
		(int)m->msgid.length, m->msgid.bytes, (int)m->body.length, m->body.bytes);
	for (size_t i = 0; i < m->param_count && at < size; i++) {
		const struct syslog_param *p = &m->params[i];

		at += (size_t)snprintf(ret_shown + at, size - at, "{%.*s.%.*s=%.*s}",
			(int)p->id.length, p->id.bytes, (int)p->name.length, p->name.bytes,
			(int)p->value.length, p->value.bytes);
	}
out:
	free(m);
	free(copy);
}

static const struct row {
	bool local;
	const char *text, *want;
} rows[] = {
	/* RFC 5424, its own examples first */
	{false,
		"<34>1 2023-11-14T22:13:20.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su "
		"root' failed for lonvick on /dev/pts/8",
		"4.2 1 0.003f|mymachine.example.com|su||ID47|'su root' failed for lonvick on "
		"/dev/pts/8"},
	{false, "<165>1 2023-11-15T05:13:20.000003+07:00 192.0.2.1 myproc 8710 - - %% It's time.",
		"20.5 1 3e-06f|192.0.2.1|myproc|8710||%% It's time."},
	{false,
		"<165>1 2023-11-14T22:13:20Z host evntslog - ID47 [exampleSDID@32473 iut=\"3\" "
		"eventSource=\"Application\" eventID=\"1011\"][examplePriority@32473 "
		"class=\"high\"]",
		"20.5 1 0|host|evntslog||ID47|{exampleSDID@32473.iut=3}{exampleSDID@32473."
		"eventSource=Application}{exampleSDID@32473.eventID=1011}{examplePriority@32473."
		"class=high}"},
	{false, "<13>1 - - - - - -", "1.5 1 -|||||"},
	{false, "<13>1 - - - - - - ", "1.5 1 -|||||"},
	{true, "<13>1 - - - - - - x\n", "1.5 1 -|||||x"},
	{false, "<0>1 - h a p m [id] x", "0.0 1 -|h|a|p|m|x"},
	{false, "<0>1 - h a p m [a b=\"\\\"\\\\\\]\\n\"]", "0.0 1 -|h|a|p|m|{a.b=\"\\]\\n}"},
	{false, "<0>1 - h a p m [a b=\"1\" b=\"\"] x ]", "0.0 1 -|h|a|p|m|x ]{a.b=1}{a.b=}"},
	{false, "<0>1 2023-11-14T22:13:20-00:30 h a p m -", "0.0 1 1800|h|a|p|m|"},
	{false, "<0>1 2024-02-29T00:00:00Z h a p m -", "0.0 1 9164800|h|a|p|m|"},
	/* not quite RFC 5424 */
	{false, "<0>1 2023-02-29T00:00:00Z h a p m -",
		"malformed|<0>1 2023-02-29T00:00:00Z h a p m -"},
	{false, "<0>1 2023-13-01T00:00:00Z h a p m -",
		"malformed|<0>1 2023-13-01T00:00:00Z h a p m -"},
	{false, "<0>1 2023-11-14T24:00:00Z h a p m -",
		"malformed|<0>1 2023-11-14T24:00:00Z h a p m -"},
	{false, "<0>1 2023-11-14T22:13:20 h a p m -",
		"malformed|<0>1 2023-11-14T22:13:20 h a p m -"},
	{false, "<0>1 2023-11-14T22:13:20.Z h a p m -",
		"malformed|<0>1 2023-11-14T22:13:20.Z h a p m -"},
	{false, "<0>1 - h a p m", "malformed|<0>1 - h a p m"},
	{false, "<0>1 - h a p m x", "malformed|<0>1 - h a p m x"},
	{false, "<0>1 - h a p m -x", "malformed|<0>1 - h a p m -x"},
	{false, "<0>1 - h a p m []", "malformed|<0>1 - h a p m []"},
	{false, "<0>1 - h a p m [a b]", "malformed|<0>1 - h a p m [a b]"},
	{false, "<0>1 - h a p m [a b=c]", "malformed|<0>1 - h a p m [a b=c]"},
	{false, "<0>1 - h a p m [a b=\"\\\"c]", "malformed|<0>1 - h a p m [a b=\"\\\"c]"},
	{false, "<0>1 - h a p m [a b=\"\\", "malformed|<0>1 - h a p m [a b=\"\\"},
	{false, "<0>1 - h a p m [a b=\"c\"", "malformed|<0>1 - h a p m [a b=\"c\""},
	{false, "<0>1 hello", "malformed|<0>1 hello"},
	/* the priority */
	{true, "", "malformed|"},
	{true, "hello", "malformed|hello"},
	{true, "<", "malformed|<"},
	{true, "<>x", "malformed|<>x"},
	{true, "<192>x", "malformed|<192>x"},
	{true, "<0013>x", "malformed|<0013>x"},
	{true, "<1a>x", "malformed|<1a>x"},
	{true, "<191>x", "23.7 0 -|||||x"},
	{true, "<13>", "1.5 0 -|||||"},
	/* the local form */
	{true, "<13>Nov 14 22:13:20 prog[42]: hello world\n", "1.5 0 0||prog|42||hello world"},
	{true, "<13>Nov 14 22:13:20 prog: hello", "1.5 0 0||prog|||hello"},
	{true, "<13>Nov 14 22:13:20 hello there", "1.5 0 0|||||hello there"},
	{true, "<13>Nov 14 22:13:20 prog[42: hello", "1.5 0 0|||||prog[42: hello"},
	{true, "<13>Nov 14 22:13:20 http://example.org", "1.5 0 0|||||http://example.org"},
	{true, "<13>Nov  4 22:13:20 prog:", "1.5 0 -864000||prog|||"},
	{true, "<13>prog[1]: no time", "1.5 0 -||prog|1||no time"},
	{true, "<13>Nov 31 22:13:20 prog: hi", "1.5 0 -||prog|||hi"},
	{true, "<13>Foo 14 22:13:20 prog: hi", "1.5 0 -|||||Foo 14 22:13:20 prog: hi"},
	{true, "<13>Nov 14 25:13:20 prog: hi", "1.5 0 -|||||Nov 14 25:13:20 prog: hi"},
	{true, "<13>2023-11-14T22:13:20.5Z prog: hi", "1.5 0 0.5f||prog|||hi"},
	/* the year: a while ahead is ahead, more is last year */
	{true, "<13>Nov 15 22:13:20 p: x", "1.5 0 86400||p|||x"},
	{true, "<13>Dec 31 22:13:20 p: x", "1.5 0 -27475200||p|||x"},
	{true, "<13>Jan  1 00:00:00 p: x", "1.5 0 -27468800||p|||x"},
	/* RFC 3164 over the network has a host */
	{false, "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
		"4.2 0 -2937545|mymachine|su|||'su root' failed"},
	{false, "<34>Oct 11 22:14:15 mymachine su[1]: x", "4.2 0 -2937545|mymachine|su|1||x"},
	{false, "<34>Oct 11 22:14:15 su: x", "4.2 0 -2937545||su|||x"},
	{false, "<34>Oct 11 22:14:15 host just text", "4.2 0 -2937545|host||||just text"},
	{false, "<34>just text", "4.2 0 -|||||just text"},
	{false, "<34>2023-11-14T22:13:20Z host su: x", "4.2 0 0|host|su|||x"},
};

static void test_language(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char shown[2048];

		show(rows[i].text, strlen(rows[i].text), rows[i].local, shown, sizeof(shown));
		if (strcmp(shown, rows[i].want) != 0) {
			printf("\n'%s':\n   got %s\n  want %s\n", rows[i].text, shown,
				rows[i].want);
		}
		CU_ASSERT_STRING_EQUAL(shown, rows[i].want);
	}
}

/* Every prefix, with every byte changed in turn: read within its length (a sanitizer tells). */
static void test_prefixes(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = strlen(rows[i].text);
		char copy[512], shown[2048];

		for (size_t cut = 0; cut < length; cut++) {
			memcpy(copy, rows[i].text, length);
			show(copy, cut, rows[i].local, shown, sizeof(shown));
			for (const char *c = "\"\\]=-: [\xff"; *c != '\0'; c++) {
				copy[cut] = *c;
				show(copy, length, !rows[i].local, shown, sizeof(shown));
			}
			CU_PASS();
		}
	}
}

static void test_limits(void)
{
	char text[8192] = "<0>1 - h a p m [id";
	struct syslog_message *m = malloc(sizeof(*m));

	for (int i = 0; i < 100; i++) {
		size_t at = strlen(text);

		snprintf(text + at, sizeof(text) - at, " p%d=\"%d\"", i, i);
	}
	text[strlen(text)] = ']';
	yett_syslog_parse(text, strlen(text), false, NOW, m);
	CU_ASSERT(!m->malformed && m->more_params && m->param_count == SYSLOG_PARAMS_MAX);
	CU_ASSERT(memory_text_is(m->params[43].value, "43"));
	for (int severity = 0; severity < 8; severity++) {
		static const uint32_t want[8] = {21, 19, 18, 17, 13, 10, 9, 5};

		CU_ASSERT_EQUAL(yett_syslog_severity(severity), want[severity]);
	}
	free(m);
}

/* The old forms' time is of this computer's zone. */
static void test_zone(void)
{
	char shown[256];
	const char *text = "<13>Nov 14 22:13:20 p: x";

	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	show(text, strlen(text), true, shown, sizeof(shown));
	setenv("TZ", "UTC", 1);
	tzset();
	CU_ASSERT_STRING_EQUAL(shown, "1.5 0 -3600||p|||x");
}

struct bench {
	struct source_bench source;
	char path[128];
	struct settings settings;
};

static void bench_open(struct bench *bench)
{
	source_bench_open(&bench->source);
	snprintf(bench->path, sizeof(bench->path), "%s/log", bench->source.folder);
	bench->settings = (struct settings){
		.path = bench->path, .mode = "0620", .message_max = 8192, .buffer = 1 << 20};
}

static int bench_start(struct bench *bench)
{
	return source_bench_start(&bench->source, &bench->settings);
}

static int udp_socket(const struct bench *bench)
{
	return ((const struct syslog *)bench->source.self)->sockets[SOCKET_UDP];
}

static int poll_once(struct bench *bench, uint64_t wait_ns)
{
	uint64_t next_ns = 1;
	int r = source_bench_poll(
		&bench->source, memory_host.monotonic_ns(NULL) + wait_ns, &next_ns);

	CU_ASSERT_EQUAL(next_ns, 0);
	return r;
}

static void await(struct bench *bench, size_t count)
{
	uint64_t deadline_ns = memory_host.monotonic_ns(NULL) + 10 * (uint64_t)SECOND;

	while (bench->source.sink->count < count && memory_host.monotonic_ns(NULL) < deadline_ns) {
		CU_ASSERT_EQUAL_FATAL(poll_once(bench, (uint64_t)SECOND), 0);
	}
	CU_ASSERT_EQUAL_FATAL(bench->source.sink->count, count);
	CU_ASSERT(memory_sink_valid(bench->source.sink));
}

static int local_sender(const struct bench *bench)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, bench->path, strlen(bench->path));
	CU_ASSERT_EQUAL_FATAL(
		connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
	return fd;
}

static const struct yett_record *record(const struct bench *bench, size_t i)
{
	return &bench->source.sink->records[i].record;
}

static int64_t number(const struct yett_record *record, const char *key)
{
	const struct yett_value *value = memory_attribute(record, key);

	return value != NULL && value->type == YETT_VALUE_INT ? value->i : -1;
}

static void test_local(void)
{
	struct bench bench;
	struct stat st;
	char *big = malloc(10000), text[128], clock[32];
	time_t now = time(NULL);
	struct tm tm;
	int fd;

	bench_open(&bench);
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	CU_ASSERT_EQUAL(stat(bench.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0620);
	fd = local_sender(&bench);
	strftime(clock, sizeof(clock), "%b %e %H:%M:%S", localtime_r(&now, &tm));
	snprintf(text, sizeof(text), "<28>%s prog[7]: hello", clock);
	send(fd, text, strlen(text) + 1, 0); /* with a NUL, as some do */
	send(fd, "no priority", 11, 0);
	memset(big, 'x', 10000);
	memcpy(big, "<13>", 4);
	send(fd, big, 10000, 0);
	send(fd, "<13>1 - h a p m [a.b c=\"1\"][a b.c=\"2\" b.c=\"3\"] text", 50, 0);
	await(&bench, 4);
	CU_ASSERT(memory_text_is(record(&bench, 0)->name, "syslog.message"));
	CU_ASSERT_EQUAL(record(&bench, 0)->kind, YETT_RECORD_EVENT);
	CU_ASSERT_EQUAL(bench.source.sink->records[0].lane, YETT_LANE_NORMAL);
	CU_ASSERT_EQUAL(record(&bench, 0)->severity, YETT_SEVERITY_WARN);
	CU_ASSERT(memory_text_is(record(&bench, 0)->body, "hello"));
	CU_ASSERT(memory_attribute_is(record(&bench, 0), "log.syslog.appname", "prog"));
	CU_ASSERT(memory_attribute_is(record(&bench, 0), "log.syslog.procid", "7"));
	CU_ASSERT_EQUAL(number(record(&bench, 0), "log.syslog.facility.code"), 3);
	CU_ASSERT_EQUAL(number(record(&bench, 0), "log.syslog.severity.code"), 4);
	CU_ASSERT_EQUAL(number(record(&bench, 0), "process.pid"), getpid());
	CU_ASSERT_EQUAL(number(record(&bench, 0), "process.user.id"), getuid());
	/* the second of the message is now: the time of arrival is finer */
	CU_ASSERT(record(&bench, 0)->time_ns % SECOND != 0);
	CU_ASSERT(record(&bench, 0)->time_ns >= now * SECOND);
	CU_ASSERT(memory_text_is(record(&bench, 1)->body, "no priority"));
	CU_ASSERT(memory_attribute(record(&bench, 1), "yett.malformed")->b);
	CU_ASSERT_EQUAL(record(&bench, 1)->severity, 0);
	CU_ASSERT_EQUAL(record(&bench, 2)->body.length, 8192 - 4);
	CU_ASSERT(memory_attribute(record(&bench, 2), "yett.truncated")->b);
	CU_ASSERT(memory_attribute_is(record(&bench, 3), "log.syslog.sd.a.b.c", "1"));
	CU_ASSERT(memory_attribute_is(record(&bench, 3), "log.syslog.sd.a.b.c.2", "2"));
	CU_ASSERT(memory_attribute_is(record(&bench, 3), "log.syslog.sd.a.b.c.3", "3"));
	CU_ASSERT_EQUAL(memory_log.metrics[METRIC_MESSAGES], 4);
	CU_ASSERT_EQUAL(memory_log.metrics[METRIC_MALFORMED], 1);
	CU_ASSERT_EQUAL(memory_log.metrics[METRIC_TRUNCATED], 1);
	close(fd);
	free(big);
	source_bench_close(&bench.source);
}

/* Open files that somebody sends along are not kept. */
static void test_descriptors(void)
{
	struct bench bench;
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec text = {"<13>with files", 14};
	struct msghdr message = {.msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	const int files[4] = {0, 1, 2, 0};
	int before, fd;

	bench_open(&bench);
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	fd = local_sender(&bench);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(files));
	memcpy(CMSG_DATA(header), files, sizeof(files));
	send(fd, "<13>first", 9, 0);
	await(&bench, 1);
	before = memory_descriptors();
	for (unsigned i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(sendmsg(fd, &message, 0), 14);
	}
	await(&bench, 6);
	CU_ASSERT_EQUAL(memory_descriptors(), before);
	CU_ASSERT_EQUAL(number(record(&bench, 5), "process.pid"), getpid());
	close(fd);
	source_bench_close(&bench.source);
}

static void *send_many(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 0; i < 1000; i++) {
		char text[64];

		snprintf(text, sizeof(text), "<13>p: %d", i);
		CU_ASSERT(send(fd, text, strlen(text), 0) > 0);
	}
	return NULL;
}

/* A sender waits, on this computer, and nothing is lost or out of order. */
static void test_many(void)
{
	struct bench bench;
	pthread_t thread;
	int fd;

	bench_open(&bench);
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	fd = local_sender(&bench);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, send_many, &fd), 0);
	await(&bench, 1000);
	pthread_join(thread, NULL);
	for (size_t i = 0; i < 1000; i++) {
		char want[16];

		snprintf(want, sizeof(want), "%zu", i);
		CU_ASSERT(memory_text_is(record(&bench, i)->body, want));
	}
	close(fd);
	source_bench_close(&bench.source);
}

static void udp_round(const char *listen_at, int family)
{
	struct bench bench;
	struct sockaddr_storage to, from;
	socklen_t length = sizeof(to), from_length = sizeof(from);
	int fd;

	bench_open(&bench);
	bench.settings.path = NULL;
	bench.settings.udp = listen_at;
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	getsockname(udp_socket(&bench), (struct sockaddr *)(void *)&to, &length);
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)(void *)&to, length), 0);
	getsockname(fd, (struct sockaddr *)(void *)&from, &from_length);
	send(fd, "<34>Oct 11 22:14:15 router kernel: link down", 44, 0);
	await(&bench, 1);
	CU_ASSERT(memory_attribute_is(record(&bench, 0), "log.syslog.hostname", "router"));
	CU_ASSERT(memory_attribute_is(record(&bench, 0), "network.peer.address",
		family == AF_INET ? "127.0.0.1" : "::1"));
	CU_ASSERT_EQUAL(number(record(&bench, 0), "network.peer.port"),
		ntohs(family == AF_INET ? ((struct sockaddr_in *)(void *)&from)->sin_port
					: ((struct sockaddr_in6 *)(void *)&from)->sin6_port));
	CU_ASSERT_EQUAL(number(record(&bench, 0), "process.pid"), -1);
	CU_ASSERT(memory_text_is(record(&bench, 0)->body, "link down"));
	CU_ASSERT_EQUAL(record(&bench, 0)->severity, YETT_SEVERITY_ERROR + 1);
	close(fd);
	source_bench_close(&bench.source);
}

static void test_udp(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	udp_round("127.0.0.1:0", AF_INET);
	if (bind(fd, (struct sockaddr *)(void *)&any, sizeof(any)) == 0) {
		udp_round("[::1]:0", AF_INET6);
	}
	close(fd);
}

/* A port that is not for everybody: what to do about it is said. */
static void test_low_port(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
	bool root = geteuid() == 0;
	struct bench bench;
	int from = 1024;

	if (file != NULL) {
		CU_ASSERT_EQUAL(fscanf(file, "%d", &from), 1);
		fclose(file);
	}
	if (from <= 514) { /* as in some containers: it is for everybody */
		return;
	}
	bench_open(&bench);
	bench.settings.path = NULL;
	bench.settings.udp = "127.0.0.1:514";
	CU_ASSERT_EQUAL_FATAL(root ? seteuid(65534) : 0, 0);
	CU_ASSERT_EQUAL(bench_start(&bench), YETT_EPERM);
	CU_ASSERT_EQUAL_FATAL(root ? seteuid(0) : 0, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(memory_log.failure, "CAP_NET_BIND_SERVICE"));
	yett_module.life->destroy(bench.source.self);
	bench.source.self = NULL;
	source_bench_close(&bench.source);
}

/* What the kernel drops is counted and told. */
static void test_dropped(void)
{
	struct bench bench;
	struct sockaddr_storage to;
	socklen_t length = sizeof(to);
	char text[4096];
	int fd;

	bench_open(&bench);
	bench.settings.path = NULL;
	bench.settings.udp = "127.0.0.1:0";
	bench.settings.buffer = 8192;
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	getsockname(udp_socket(&bench), (struct sockaddr *)(void *)&to, &length);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 50; i++) {
		sendto(fd, text, sizeof(text), 0, (struct sockaddr *)(void *)&to, length);
	}
	while (bench.source.sink->count == 0 || memory_log.metrics[METRIC_DROPPED] == 0) {
		sendto(fd, text, 1, 0, (struct sockaddr *)(void *)&to, length);
		CU_ASSERT_EQUAL_FATAL(poll_once(&bench, (uint64_t)SECOND), 0);
		if (memory_log.metrics[METRIC_MESSAGES] > 200) {
			break;
		}
	}
	CU_ASSERT(memory_log.metrics[METRIC_DROPPED] > 30);
	CU_ASSERT(memory_log_has("syslog-dropped: "));
	memory_log.levels[YETT_LOG_WARNING] = 0;
	close(fd);
	source_bench_close(&bench.source);
}

/* Whose socket is replaced, and whose is not. */
static void test_places(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct bench bench, other;
	struct stat st;
	char path[160];
	int fd;

	/* left behind by a dead process */
	bench_open(&bench);
	memcpy(address.sun_path, bench.path, strlen(bench.path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)(void *)&address, sizeof(address)), 0);
	close(fd);
	CU_ASSERT_EQUAL(bench_start(&bench), 0);
	/* in use, by this one */
	bench_open(&other);
	other.settings.path = bench.path;
	CU_ASSERT_EQUAL(bench_start(&other), YETT_EEXIST);
	CU_ASSERT(strstr(memory_log.failure, "another process takes messages") != NULL);
	yett_module.life->destroy(other.source.self);
	other.source.self = NULL;
	source_bench_close(&other.source);
	fd = local_sender(&bench);
	send(fd, "<13>still here", 14, 0);
	await(&bench, 1);
	close(fd);
	/* removed under us: made anew, and what was sent before is told */
	fd = local_sender(&bench);
	send(fd, "<13>before", 10, 0);
	unlink(bench.path);
	((struct syslog *)bench.source.self)->looked_ns = 0;
	await(&bench, 2);
	CU_ASSERT(memory_text_is(record(&bench, 1)->body, "before"));
	close(fd);
	fd = local_sender(&bench);
	send(fd, "<13>after", 9, 0);
	await(&bench, 3);
	close(fd);
	/* somebody else listens there: that is said */
	unlink(bench.path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)(void *)&address, sizeof(address)), 0);
	((struct syslog *)bench.source.self)->looked_ns = 0;
	CU_ASSERT_EQUAL(poll_once(&bench, (uint64_t)SECOND), YETT_EEXIST);
	close(fd);
	CU_ASSERT_EQUAL(poll_once(&bench, 0), 0);
	fd = local_sender(&bench);
	close(fd);
	CU_ASSERT(memory_log.levels[YETT_LOG_WARNING] >= 2);
	memory_log.levels[YETT_LOG_WARNING] = 0;
	/* replaced under us: not ours to remove */
	unlink(bench.path);
	memory_folder_text(bench.source.folder, "log", 0600, "precious");
	yett_module.life->stop(bench.source.self);
	CU_ASSERT_EQUAL(stat(bench.path, &st), 0);
	yett_module.life->destroy(bench.source.self);
	bench.source.self = NULL;
	/* a file or a link is not touched */
	CU_ASSERT_EQUAL(bench_start(&bench), YETT_EEXIST);
	CU_ASSERT(strstr(memory_log.failure, "is no socket") != NULL);
	CU_ASSERT_EQUAL(stat(bench.path, &st), 0);
	yett_module.life->destroy(bench.source.self);
	bench.source.self = NULL;
	snprintf(path, sizeof(path), "%s/link", bench.source.folder);
	CU_ASSERT_EQUAL(symlink("/nowhere", path), 0);
	bench.settings.path = path;
	CU_ASSERT_EQUAL(bench_start(&bench), YETT_EEXIST);
	yett_module.life->destroy(bench.source.self);
	bench.source.self = NULL;
	/* started, stopped and started again; the socket goes with it */
	snprintf(path, sizeof(path), "%s/again", bench.source.folder);
	CU_ASSERT_EQUAL(bench_start(&bench), 0);
	yett_module.life->stop(bench.source.self);
	CU_ASSERT(stat(path, &st) == -1 && errno == ENOENT);
	CU_ASSERT_EQUAL(yett_module.life->start(bench.source.self, NULL), 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	source_bench_close(&bench.source);
}

static void test_check(void)
{
	static const struct {
		const char *path, *mode, *udp, *why;
	} refused[] = {
		{NULL, "0660", NULL, "nothing to take"},
		{"/x/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"
		 "123456789/123456789/123456789/123456789",
			"0660", NULL, "cannot be as long"},
		{"/x", "rw", NULL, "no mode"},
		{"/x", "0888", NULL, "no mode"},
		{"/x", "07777", NULL, "no mode"},
		{NULL, "0660", "localhost:514", "no address"},
		{NULL, "0660", "127.0.0.1", "no address"},
		{NULL, "0660", "127.0.0.1:", "no address"},
		{NULL, "0660", "127.0.0.1:syslog", "no address"},
		{NULL, "0660", "::1:514", "no address"},
		{NULL, "0660", "127.0.0.1:99999", "no address"},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct settings settings = {.path = refused[i].path,
			.mode = refused[i].mode,
			.udp = refused[i].udp,
			.message_max = 8192,
			.buffer = 8192};

		memory_log_clear();
		CU_ASSERT_EQUAL(
			yett_module.life->check(&memory_host, &settings, NULL), YETT_ECONFIG);
		if (strstr(memory_log.failure, refused[i].why) == NULL) {
			printf("\n%s\n", memory_log.failure);
			CU_FAIL("another reason");
		}
	}
}

static void test_wake(void)
{
	struct bench bench;
	uint64_t start_ns = memory_host.monotonic_ns(NULL);
	int fd;

	bench_open(&bench);
	CU_ASSERT_EQUAL_FATAL(bench_start(&bench), 0);
	memory_sink_wake(bench.source.sink);
	CU_ASSERT_EQUAL(poll_once(&bench, 3600 * (uint64_t)SECOND), 0);
	CU_ASSERT(memory_host.monotonic_ns(NULL) - start_ns < 60 * (uint64_t)SECOND);
	memory_sink_unwake(bench.source.sink);
	/* a sink that closes: what it did not take is said */
	fd = local_sender(&bench);
	bench.source.sink->close_after = 1;
	for (int i = 0; i < 3; i++) {
		send(fd, "<13>x", 5, 0);
	}
	CU_ASSERT_EQUAL(poll_once(&bench, (uint64_t)SECOND), YETT_ECLOSED);
	CU_ASSERT(memory_log_has("syslog-not-taken: 2 syslog messages"));
	close(fd);
	source_bench_close(&bench.source);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"the language", test_language},
		{"prefixes and changed bytes", test_prefixes},
		{"limits and severities", test_limits},
		{"the time zone", test_zone},
		{"a local socket", test_local},
		{"descriptors sent along", test_descriptors},
		{"many messages", test_many},
		{"UDP", test_udp},
		{"a port below 1024", test_low_port},
		{"what the kernel drops", test_dropped},
		{"places for the socket", test_places},
		{"settings that are refused", test_check},
		{"the wake, and a sink that closes", test_wake},
		CU_TEST_INFO_NULL,
	};

	setenv("TZ", "UTC", 1);
	return suite_run(argc, argv, "source-syslog", tests);
}
