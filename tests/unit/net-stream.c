/* net: listening, dialling and streams over loopback. */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <unistd.h>

#include "base/log.h"
#include "net/loop.h"
#include "suite.h"

#define L       (loop->table)
#define TIMEOUT (5 * YETT_SEC)

static struct yett_loop *loop;
static int first_free;

static int free_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

static int begin(void)
{
	int result;

	signal(SIGPIPE, SIG_IGN);
	first_free = free_descriptor();
	result = yett_loop_uv_new(&loop, NULL);
	return result;
}

static int end(void)
{
	yett_loop_uv_free(loop);
	return free_descriptor() != first_free;
}

/* One pair of streams over one listener: what each test starts from. */
struct pair {
	struct yett_listener *listener;
	struct yett_stream *near, *far; /* dialled, accepted */
	int result, answers;
	bool within; /* a callback came from within the call */
	char address[64];
};

static void accepted(void *arg, struct yett_stream *stream)
{
	struct pair *pair = arg;

	pair->far = stream;
	if (pair->near != NULL) {
		yett_loop_uv_stop(loop);
	}
}

static void connected(void *arg, int result, struct yett_stream *stream)
{
	struct pair *pair = arg;

	pair->answers++;
	pair->result = result;
	pair->near = stream;
	if (pair->within || pair->far != NULL || result != 0) {
		yett_loop_uv_stop(loop);
	}
}

static int dial(struct pair *pair, const char *address, const char *source, uint64_t timeout_ns)
{
	struct yett_error error = YETT_ERROR_INIT;
	int result = L->connect(loop, address, source, timeout_ns, connected, pair, &error);

	CU_ASSERT_EQUAL(pair->answers, 0); /* never from within the call */
	if (result == 0) {
		yett_loop_uv_run(loop);
		CU_ASSERT_EQUAL(pair->answers, 1);
		result = pair->result;
	} else {
		CU_ASSERT(error.text[0] != '\0' && error.mend[0] != '\0');
	}
	pair->answers = 0;
	return result;
}

static void open_pair(struct pair *pair, const char *address)
{
	memset(pair, 0, sizeof(*pair));
	CU_ASSERT_EQUAL_FATAL(L->listen(loop, address, accepted, pair, &pair->listener, NULL), 0);
	L->listener_address(pair->listener, pair->address, sizeof(pair->address));
	CU_ASSERT_EQUAL_FATAL(dial(pair, pair->address, NULL, TIMEOUT), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pair->far);
}

static void close_pair(struct pair *pair)
{
	if (pair->near != NULL) {
		L->stream_close(pair->near);
	}
	if (pair->far != NULL) {
		L->stream_close(pair->far);
	}
	L->listener_close(pair->listener);
}

/* Echo, v4 and v6. */
struct heard {
	char bytes[64];
	size_t length, want;
	int result;
	struct yett_stream *echo_to;
};

static void hear(void *arg, int result, const uint8_t *bytes, size_t length)
{
	struct heard *heard = arg;

	heard->result = result;
	if (result != 0) {
		CU_ASSERT_EQUAL(length, 0);
		yett_loop_uv_stop(loop);
		return;
	}
	if (heard->echo_to != NULL) {
		const struct iovec iov = {(void *)(uintptr_t)bytes, length};

		CU_ASSERT_EQUAL(L->stream_try_write(heard->echo_to, &iov, 1), (ssize_t)length);
		return;
	}
	memcpy(heard->bytes + heard->length, bytes, length);
	heard->length += length;
	if (heard->length >= heard->want) {
		yett_loop_uv_stop(loop);
	}
}

static void echo(const char *address, const char *prefix)
{
	struct iovec iov[2] = {{"hello, ", 7}, {"world", 5}};
	char local[64], peer[64], far_local[64], far_peer[64];
	struct heard near = {.want = 12}, far = {0};
	struct pair pair;

	open_pair(&pair, address);
	far.echo_to = pair.far;
	CU_ASSERT_EQUAL(strncmp(pair.address, prefix, strlen(prefix)), 0);
	CU_ASSERT_EQUAL(L->stream_addresses(pair.near, local, peer, 64), 0);
	CU_ASSERT_EQUAL(L->stream_addresses(pair.far, far_local, far_peer, 64), 0);
	CU_ASSERT_STRING_EQUAL(local, far_peer);
	CU_ASSERT_STRING_EQUAL(peer, far_local);
	CU_ASSERT_STRING_EQUAL(peer, pair.address);
	L->stream_read_start(pair.near, hear, &near);
	L->stream_read_start(pair.far, hear, &far);
	CU_ASSERT_EQUAL(L->stream_try_write(pair.near, iov, 2), 12);
	CU_ASSERT_EQUAL(L->stream_try_write(pair.near, iov, 0), YETT_EINVAL);
	yett_loop_uv_run(loop);
	CU_ASSERT_EQUAL(near.length, 12);
	CU_ASSERT_EQUAL(memcmp(near.bytes, "hello, world", 12), 0);
	/* The end: YETT_ECLOSED with no bytes, and once more when asked again. */
	L->stream_close(pair.near);
	pair.near = NULL;
	yett_loop_uv_run(loop);
	CU_ASSERT_EQUAL(far.result, YETT_ECLOSED);
	far.result = 0;
	L->stream_read_start(pair.far, hear, &far);
	yett_loop_uv_run(loop);
	CU_ASSERT_EQUAL(far.result, YETT_ECLOSED);
	close_pair(&pair);
}

static void test_echo(void)
{
	echo("127.0.0.1:0", "127.0.0.1:");
	echo("[::1]:0", "[::1]:");
}

/* Far more than the kernel takes, towards a reader that stops and goes on. */
#define PIECE  (256 * 1024)
#define PIECES 64

static uint8_t pattern[PIECE];
static size_t written_pieces, read_bytes;
static bool read_wrong, out_of_turn, paused;
static struct yett_stream *slow;
static struct yett_timer *resume_timer;

static void read_slowly(void *arg, int result, const uint8_t *bytes, size_t length)
{
	(void)arg;
	CU_ASSERT_EQUAL(result, 0);
	CU_ASSERT_FALSE(paused);
	CU_ASSERT(length <= 65536);
	for (size_t i = 0; i < length; i += 101) {
		read_wrong |= bytes[i] != pattern[(read_bytes + i) % PIECE];
	}
	read_bytes += length;
	if (read_bytes == (size_t)PIECE * PIECES) {
		yett_loop_uv_stop(loop);
	} else if (read_bytes % 7 == 0 || read_bytes < 500000) {
		L->stream_read_stop(slow);
		paused = true;
		L->timer_start(resume_timer, 0);
	}
}

static void resume(void *arg)
{
	(void)arg;
	paused = false;
	L->stream_read_start(slow, read_slowly, NULL);
}

static void wrote(void *arg, int result)
{
	CU_ASSERT_EQUAL(result, 0);
	out_of_turn |= (size_t)(uintptr_t)arg != written_pieces++;
}

static void test_back_pressure(void)
{
	struct iovec iov = {pattern, PIECE};
	struct pair pair;

	for (size_t i = 0; i < PIECE; i++) {
		pattern[i] = (uint8_t)(i * 31 + i / 256);
	}
	open_pair(&pair, "127.0.0.1:0");
	slow = pair.far;
	resume_timer = L->timer_new(loop, resume, NULL);
	for (size_t i = 0; i < PIECES; i++) {
		CU_ASSERT_EQUAL(
			L->stream_write(pair.near, &iov, 1, wrote, (void *)(uintptr_t)i), 0);
	}
	CU_ASSERT_EQUAL(written_pieces, 0); /* never from within the call */
	CU_ASSERT(L->stream_unsent(pair.near) > 0);
	CU_ASSERT(L->stream_unsent(pair.near) <= (size_t)PIECE * PIECES);
	CU_ASSERT_EQUAL(L->stream_try_write(pair.near, &iov, 1), YETT_EAGAIN);
	L->stream_read_start(pair.far, read_slowly, NULL);
	yett_loop_uv_run(loop);
	CU_ASSERT_EQUAL(written_pieces, PIECES);
	CU_ASSERT_EQUAL(L->stream_unsent(pair.near), 0);
	CU_ASSERT_FALSE(read_wrong || out_of_turn);
	L->timer_free(resume_timer);
	close_pair(&pair);
}

/* Closing with writes under way: each is done once, closed, in order, before close returns. */
static size_t closed_writes;
static struct pair *closing;

static void write_closed(void *arg, int result)
{
	struct iovec iov = {pattern, 1};

	CU_ASSERT_EQUAL(result, YETT_ECLOSED);
	CU_ASSERT_EQUAL((size_t)(uintptr_t)arg, closed_writes);
	closed_writes++;
	/* Whoever still tries is told so. */
	CU_ASSERT_EQUAL(L->stream_write(closing->near, &iov, 1, write_closed, NULL), YETT_ECLOSED);
	CU_ASSERT_EQUAL(L->stream_try_write(closing->near, &iov, 1), YETT_ECLOSED);
}

static void test_close_pending(void)
{
	struct iovec big = {calloc(1, 8 << 20), 8 << 20};
	struct pair pair;

	open_pair(&pair, "127.0.0.1:0");
	closing = &pair;
	for (size_t i = 0; i < 3; i++) {
		L->stream_write(pair.near, &big, 1, write_closed, (void *)(uintptr_t)i);
	}
	CU_ASSERT_EQUAL(closed_writes, 0);
	L->stream_close(pair.near);
	CU_ASSERT_EQUAL(closed_writes, 3);
	free(big.iov_base); /* ours again */
	pair.near = NULL;
	close_pair(&pair);
}

/* Writing to a peer that is gone fails through `done`. */
static int gone_result;

static void write_gone(void *arg, int result)
{
	(void)arg;
	gone_result = result;
	yett_loop_uv_stop(loop);
}

static void test_peer_gone(void)
{
	struct iovec big = {calloc(1, 32 << 20), 32 << 20};
	struct pair pair;

	open_pair(&pair, "127.0.0.1:0");
	L->stream_write(pair.near, &big, 1, write_gone, NULL);
	L->stream_close(pair.far);
	pair.far = NULL;
	yett_loop_uv_run(loop);
	CU_ASSERT_EQUAL(gone_result, YETT_ECLOSED);
	close_pair(&pair);
	free(big.iov_base);
}

/* A socket that neither answers nor refuses: its backlog is full. */
static int full_port(int fds[3], uint32_t address)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	socklen_t length = sizeof(at);

	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bind(fds[0], (struct sockaddr *)&at, length);
	listen(fds[0], 0);
	getsockname(fds[0], (struct sockaddr *)&at, &length);
	for (int i = 1; i < 3; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(fds[i], (struct sockaddr *)&at, length);
	}
	return ntohs(at.sin_port);
}

static void test_dialling(void)
{
	static const struct {
		const char *address, *source;
		int want;
	} rows[] = {
		{"127.0.0.1", NULL, YETT_EINVAL},
		{"127.0.0.1:", NULL, YETT_EINVAL},
		{"127.0.0.1:0", NULL, YETT_EINVAL},
		{"127.0.0.1:99999", NULL, YETT_EINVAL},
		{"127.0.0.1:80x", NULL, YETT_EINVAL},
		{":80", NULL, YETT_EINVAL},
		{"[]:80", NULL, YETT_EINVAL},
		{"[::1:80", NULL, YETT_EINVAL},
		{"::1:80", NULL, YETT_EINVAL},
		{"127.0.0.1:80", "here", YETT_EINVAL},
		{"127.0.0.1:80", "127.0.0.1:99", YETT_EINVAL},
		{"127.0.0.1:1", NULL, YETT_EUNAVAIL},        /* refused */
		{"127.0.0.1:1", "192.0.2.1", YETT_EUNAVAIL}, /* not ours */
		{"127.0.0.1:1", "::1", YETT_ENOTFOUND},      /* of another family */
		{"no-such-host.invalid:1", NULL, YETT_ENOTFOUND},
	};
	int fds[3], port;
	char address[64], local[64], peer[64];
	uint64_t before_ns;
	struct pair pair = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int got = dial(&pair, rows[i].address, rows[i].source, TIMEOUT);

		/* Without a name service at all, a name is not to be had now. */
		if (got != rows[i].want && !(i == 14 && got == YETT_EUNAVAIL)) {
			printf("\n    row %s: %s", rows[i].address, yett_result_name(got));
			CU_FAIL("another result");
		}
	}
	port = full_port(fds, INADDR_LOOPBACK);
	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	before_ns = yett_clock_monotonic(&yett_clock_system);
	CU_ASSERT_EQUAL(dial(&pair, address, NULL, 50 * YETT_MS), YETT_ETIMEOUT);
	before_ns = yett_clock_monotonic(&yett_clock_system) - before_ns;
	CU_ASSERT(before_ns >= 50 * YETT_MS && before_ns < TIMEOUT);
	for (int i = 0; i < 3; i++) {
		close(fds[i]);
	}
	/* From an address of our own choice, to a name. */
	open_pair(&pair, "127.0.0.1:0");
	L->stream_close(pair.near);
	L->stream_close(pair.far);
	pair.near = pair.far = NULL;
	snprintf(address, sizeof(address), "localhost:%s", strrchr(pair.address, ':') + 1);
	CU_ASSERT_EQUAL_FATAL(dial(&pair, address, "127.0.0.2", TIMEOUT), 0);
	CU_ASSERT_EQUAL(L->stream_addresses(pair.near, local, peer, 64), 0);
	CU_ASSERT_EQUAL(strncmp(local, "127.0.0.2:", 10), 0);
	close_pair(&pair);
}

/* A name with two addresses, of which the first swallows everything: the second gets its turn a moment
 * later. Where localhost has one address, that is the one that answers. */
static void test_dialling_the_next(void)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t length = sizeof(at);
	char address[64], local[64], peer[64];
	struct pair pair = {0};
	uint64_t begun_ns;
	int fds[3], one = 1;

	fds[0] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fds[0], IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	CU_ASSERT_EQUAL(bind(fds[0], (struct sockaddr *)&at, length), 0);
	CU_ASSERT_EQUAL(listen(fds[0], 0), 0);
	getsockname(fds[0], (struct sockaddr *)&at, &length);
	for (int i = 1; i < 3; i++) {
		fds[i] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(fds[i], (struct sockaddr *)&at, length);
	}
	snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(at.sin6_port));
	CU_ASSERT_EQUAL_FATAL(L->listen(loop, address, accepted, &pair, &pair.listener, NULL), 0);
	snprintf(address, sizeof(address), "localhost:%d", ntohs(at.sin6_port));
	begun_ns = yett_clock_monotonic(&yett_clock_system);
	CU_ASSERT_EQUAL_FATAL(dial(&pair, address, NULL, 4 * TIMEOUT), 0);
	CU_ASSERT(yett_clock_monotonic(&yett_clock_system) - begun_ns < TIMEOUT);
	CU_ASSERT_EQUAL(L->stream_addresses(pair.near, local, peer, 64), 0);
	CU_ASSERT_EQUAL(strncmp(peer, "127.0.0.1:", 10), 0);
	close_pair(&pair);
	for (int i = 0; i < 3; i++) {
		close(fds[i]);
	}
}

/* Dialling that is under way when the loop ends is answered. */
static void test_dialling_at_the_end(void)
{
	int fds[3], port = full_port(fds, INADDR_LOOPBACK);
	struct pair pair = {.within = true}, second = {.within = true};
	char address[64];

	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	CU_ASSERT_EQUAL(L->connect(loop, address, NULL, TIMEOUT, connected, &pair, NULL), 0);
	CU_ASSERT_EQUAL(L->connect(loop, address, NULL, TIMEOUT, connected, &second, NULL), 0);
	yett_loop_uv_free(loop);
	CU_ASSERT_EQUAL(pair.answers, 1);
	CU_ASSERT_EQUAL(pair.result, YETT_ECLOSED);
	CU_ASSERT_EQUAL(second.answers, 1);
	for (int i = 0; i < 3; i++) {
		close(fds[i]);
	}
	CU_ASSERT_EQUAL_FATAL(yett_loop_uv_new(&loop, NULL), 0);
}

static void test_listening(void)
{
	static const char *const wrong[] = {"", "5723", "localhost:5723", "127.0.0.1:65536",
		"::1:5723", "127.0.0.1:http", "[::1]"};
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_listener *first, *second;
	char address[64];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		error = (struct yett_error)YETT_ERROR_INIT;
		CU_ASSERT_EQUAL(
			L->listen(loop, wrong[i], accepted, NULL, &first, &error), YETT_EINVAL);
		CU_ASSERT(error.mend[0] != '\0');
	}
	CU_ASSERT_EQUAL_FATAL(L->listen(loop, "127.0.0.1:0", accepted, NULL, &first, NULL), 0);
	L->listener_address(first, address, sizeof(address));
	error = (struct yett_error)YETT_ERROR_INIT;
	CU_ASSERT_EQUAL(L->listen(loop, address, accepted, NULL, &second, &error), YETT_EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.mend, "ss -ltnp"));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, address));
	/* The port is free again when close returns. */
	L->listener_close(first);
	CU_ASSERT_EQUAL_FATAL(L->listen(loop, address, accepted, NULL, &second, NULL), 0);
	L->listener_close(second);
	CU_ASSERT_EQUAL(
		L->listen(loop, "192.0.2.1:0", accepted, NULL, &second, NULL), YETT_EUNAVAIL);
}

/* Out of descriptors: connections wait, the log says so, and then they are taken. */
static atomic_int complaints;

static void complain(void *arg, int level, const char *event, const char *sentence)
{
	(void)arg;
	(void)sentence;
	complaints += level == YETT_LOG_ERROR && strcmp(event, "descriptors-exhausted") == 0;
}

static struct rlimit limit;
static unsigned taken, rounds;

static void take(void *arg, struct yett_stream *stream)
{
	(void)arg;
	L->stream_close(stream);
	taken++;
	yett_loop_uv_stop(loop);
}

static void raise_limit(void *arg)
{
	(void)arg;
	CU_ASSERT_EQUAL(taken, 0);
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void count_round(void *arg)
{
	rounds++;
	if (taken == 0) {
		L->timer_start(*(struct yett_timer **)arg, 5 * YETT_MS);
	}
}

static void test_descriptors(void)
{
	struct rlimit low;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct yett_timer *timer, *round_timer;
	struct yett_listener *listener;
	char address[64];
	int fd;

	yett_log_tap(complain, NULL);
	CU_ASSERT_EQUAL_FATAL(L->listen(loop, "127.0.0.1:0", take, NULL, &listener, NULL), 0);
	L->listener_address(listener, address, sizeof(address));
	at.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	timer = L->timer_new(loop, raise_limit, NULL);
	round_timer = L->timer_new(loop, count_round, &round_timer);
	L->timer_start(timer, 250 * YETT_MS);
	L->timer_start(round_timer, 0);
	getrlimit(RLIMIT_NOFILE, &limit);
	low = limit;
	low.rlim_cur = (rlim_t)free_descriptor();
	setrlimit(RLIMIT_NOFILE, &low);
	yett_loop_uv_run(loop);
	CU_ASSERT_EQUAL(taken, 1);
	CU_ASSERT_EQUAL(complaints, 1); /* although it tried twice */
	CU_ASSERT(rounds > 2);
	yett_log_tap(NULL, NULL);
	L->timer_free(timer);
	L->timer_free(round_timer);
	L->listener_close(listener);
	close(fd);
}

/* A listener that closes itself on its first connection takes no second. */
static struct yett_listener *shy;
static int shy_taken;

static void take_once(void *arg, struct yett_stream *stream)
{
	(void)arg;
	shy_taken++;
	L->stream_close(stream);
	L->listener_close(shy);
	yett_loop_uv_stop(loop);
}

static void test_close_in_accept(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char address[64];
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(L->listen(loop, "127.0.0.1:0", take_once, NULL, &shy, NULL), 0);
	L->listener_address(shy, address, sizeof(address));
	at.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
	for (int i = 0; i < 2; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CU_ASSERT_EQUAL(connect(fds[i], (struct sockaddr *)&at, sizeof(at)), 0);
	}
	yett_loop_uv_run(loop);
	CU_ASSERT_EQUAL(shy_taken, 1);
	close(fds[0]);
	close(fds[1]);
}

static void test_nothing_left(void)
{
	CU_ASSERT_EQUAL(end(), 0);
	CU_ASSERT_EQUAL_FATAL(yett_loop_uv_new(&loop, NULL), 0);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"echo", test_echo},
		{"back-pressure", test_back_pressure},
		{"close with writes under way", test_close_pending},
		{"the peer is gone", test_peer_gone},
		{"dialling", test_dialling},
		{"dialling the next address", test_dialling_the_next},
		{"dialling at the end", test_dialling_at_the_end},
		{"listening", test_listening},
		{"out of descriptors", test_descriptors},
		{"close in accept", test_close_in_accept},
		{"nothing is left", test_nothing_left},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("net-stream", begin, end, tests);
	return suite_end(argc, argv);
}
