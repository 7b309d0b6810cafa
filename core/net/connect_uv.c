/* Dialling, on libuv.
 *
 * Responsible for an outgoing TCP connection: the name is resolved (off the loop), and its addresses are
 * tried by turns of their families, in the order of the resolver: the next one when the one before has
 * failed, or has not answered for a moment and goes on being waited for; the first that answers is it.
 * So one that swallows everything costs a moment, and none is given up before the deadline of all. From
 * a configured local address where there is one. The result always comes through the callback, never
 * from within the call. Not responsible for trying again later (flow/upstream.c). Runs on the loop. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "uv.h"

#define ADDRESSES_MAX 16              /* of a name; what is beyond is not tried */
#define STAGGER_NS    (250 * YETT_MS) /* from one to the next */

struct yett_uv_try { /* one address */
	struct yett_uv_attempt *attempt;
	uv_connect_t connect;
	struct yett_stream *stream;
	bool connecting;
};

struct yett_uv_attempt {
	struct yett_uv_attempt *next_attempt, **to_me; /* in the loop's list until answered */
	struct yett_uv_loop *loop;
	uv_getaddrinfo_t resolve;
	uv_timer_t timer; /* until the next address, or the end */
	uint64_t deadline_ns;
	struct addrinfo *found;
	const struct addrinfo *order[ADDRESSES_MAX];
	unsigned count, next;
	struct yett_uv_try tries[ADDRESSES_MAX];
	struct sockaddr_storage source; /* AF_UNSPEC: any */
	int result;                     /* of the last address that failed */
	bool over;                      /* it is answered */
	bool resolving;
	bool timer_closed;
	yett_connect_fn connected;
	void *arg;
};

static unsigned connecting(const struct yett_uv_attempt *attempt)
{
	unsigned count = 0;

	for (unsigned i = 0; i < attempt->next; i++) {
		count += attempt->tries[i].connecting;
	}
	return count;
}

static void release(struct yett_uv_attempt *attempt)
{
	if (attempt->timer_closed && !attempt->resolving && connecting(attempt) == 0) {
		if (attempt->found != NULL) {
			uv_freeaddrinfo(attempt->found);
		}
		free(attempt);
	}
}

static void timer_closed(uv_handle_t *handle)
{
	struct yett_uv_attempt *attempt = handle->data;

	attempt->timer_closed = true;
	release(attempt);
}

static void drop(struct yett_uv_try *try)
{
	if (try->stream != NULL) {
		yett_uv_stream_close(try->stream); /* a request under way comes back as cancelled */
		try->stream = NULL;
	}
}

/* `stream`: of the address that answered; NULL: none has. */
static void finish(struct yett_uv_attempt *attempt, int result, struct yett_stream *stream)
{
	if (attempt->over) {
		return;
	}
	attempt->over = true;
	*attempt->to_me = attempt->next_attempt;
	if (attempt->next_attempt != NULL) {
		attempt->next_attempt->to_me = attempt->to_me;
	}
	uv_close((uv_handle_t *)&attempt->timer, timer_closed);
	for (unsigned i = 0; i < attempt->next; i++) {
		drop(&attempt->tries[i]);
	}
	if (stream != NULL) {
		yett_uv_stream_tune(stream);
	}
	attempt->connected(attempt->arg, result, stream);
}

static void go_on(struct yett_uv_attempt *attempt);

static void on_connected(uv_connect_t *request, int status)
{
	struct yett_uv_try *try = request->data;
	struct yett_uv_attempt *attempt = try->attempt;
	struct yett_stream *stream = try->stream;

	try->connecting = false;
	if (attempt->over) {
		release(attempt);
		return;
	}
	if (status == 0) {
		try->stream = NULL;
		finish(attempt, 0, stream);
		return;
	}
	attempt->result = yett_result_from_errno(status);
	drop(try);
	go_on(attempt);
}

/* Without taking a port now, so that many may share the address. */
static int open_from(struct yett_uv_attempt *attempt, uv_tcp_t *handle, int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, result;

	if (fd < 0) {
		return -errno;
	}
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&attempt->source,
		    family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) !=
		0) {
		result = -errno;
	} else {
		result = uv_tcp_open(handle, fd);
	}
	if (result != 0) {
		close(fd);
	}
	return result;
}

static int start(struct yett_uv_try *try, const struct addrinfo *to)
{
	struct yett_uv_attempt *attempt = try->attempt;
	uv_tcp_t *handle;
	int result = 0;

	try->stream = yett_uv_stream_new(attempt->loop);
	handle = yett_uv_stream_handle(try->stream);
	if (attempt->source.ss_family != AF_UNSPEC) {
		result = open_from(attempt, handle, to->ai_family);
	}
	if (result == 0) {
		try->connect.data = try;
		result = uv_tcp_connect(&try->connect, handle, to->ai_addr, on_connected);
		try->connecting = result == 0;
	}
	if (result != 0) {
		drop(try);
	}
	return result;
}

static void on_time(uv_timer_t *timer);

static uint64_t time_left(const struct yett_uv_attempt *attempt)
{
	uint64_t now_ns = yett_clock_monotonic(&yett_clock_system);

	return attempt->deadline_ns > now_ns ? attempt->deadline_ns - now_ns : 0;
}

/* Until the next address has its turn, which all must have in the time that is left; or to the end. */
static void start_timer(struct yett_uv_attempt *attempt)
{
	uint64_t delay_ns = time_left(attempt);

	if (attempt->next < attempt->count) {
		delay_ns /= attempt->count - attempt->next + 1;
		delay_ns = delay_ns < STAGGER_NS ? delay_ns : STAGGER_NS;
	}
	uv_update_time(&attempt->loop->uv);
	uv_timer_start(&attempt->timer, on_time, delay_ns / YETT_MS + 1, 0);
}

/* The next address now; what has begun is still waited for. */
static void go_on(struct yett_uv_attempt *attempt)
{
	while (attempt->next < attempt->count) {
		struct yett_uv_try *try = &attempt->tries[attempt->next];
		int result = start(try, attempt->order[attempt->next++]);

		if (result == 0) {
			start_timer(attempt);
			return;
		}
		attempt->result = yett_result_from_errno(result);
	}
	if (connecting(attempt) == 0) {
		finish(attempt, attempt->result, NULL);
	} else {
		start_timer(attempt);
	}
}

/* The resolver's order, but for turns of the families, so that one of them that leads nowhere holds up
 * the other for a moment only. */
static void put_in_order(struct yett_uv_attempt *attempt)
{
	const struct addrinfo *same = attempt->found, *other = attempt->found;
	int family = attempt->found->ai_family;

	while (attempt->count < ADDRESSES_MAX && (same != NULL || other != NULL)) {
		while (same != NULL && same->ai_family != family) {
			same = same->ai_next;
		}
		while (other != NULL && other->ai_family == family) {
			other = other->ai_next;
		}
		if (same != NULL) {
			attempt->order[attempt->count++] = same;
			same = same->ai_next;
		}
		if (other != NULL && attempt->count < ADDRESSES_MAX) {
			attempt->order[attempt->count++] = other;
			other = other->ai_next;
		}
	}
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct yett_uv_attempt *attempt = request->data;

	attempt->resolving = false;
	attempt->loop->resolving--;
	attempt->found = found;
	if (attempt->over) {
		release(attempt);
		return;
	}
	if (status != 0) {
		/* Also where no name server answers: whoever reads it has to know that it is the name. */
		finish(attempt, YETT_ENOTFOUND, NULL);
		return;
	}
	put_in_order(attempt);
	go_on(attempt);
}

static void on_time(uv_timer_t *timer)
{
	struct yett_uv_attempt *attempt = timer->data;

	if (attempt->resolving) {
		uv_cancel((uv_req_t *)&attempt->resolve);
	}
	if (attempt->next < attempt->count && time_left(attempt) > 0) {
		go_on(attempt);
	} else {
		finish(attempt, YETT_ETIMEOUT, NULL);
	}
}

void yett_uv_connect_abandon(struct yett_uv_loop *loop)
{
	while (loop->attempts != NULL) {
		struct yett_uv_attempt *attempt = loop->attempts;

		if (attempt->resolving) {
			uv_cancel((uv_req_t *)&attempt->resolve);
		}
		finish(attempt, YETT_ECLOSED, NULL);
	}
}

static int parse_source(const char *source, struct sockaddr_storage *ret_source)
{
	if (source == NULL || source[0] == '\0' ||
		uv_ip4_addr(source, 0, (struct sockaddr_in *)ret_source) == 0 ||
		uv_ip6_addr(source, 0, (struct sockaddr_in6 *)ret_source) == 0) {
		return 0;
	}
	return YETT_EINVAL;
}

int yett_uv_connect(struct yett_loop *base, const char *address, const char *source,
	uint64_t timeout_ns, yett_connect_fn connected, void *arg, struct yett_error *error)
{
	struct yett_uv_loop *loop = (struct yett_uv_loop *)base;
	struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	char host[256], port[16];
	struct yett_uv_attempt *attempt;
	int result;

	if (yett_uv_split(address, host, sizeof(host), port, sizeof(port)) != 0 ||
		port[strspn(port, "0")] == '\0') {
		return yett_fail(error, YETT_EINVAL, "write \"host:port\" or \"[v6]:port\"",
			"%s is no address to connect to", address);
	}
	if (parse_source(source, &from) != 0) {
		return yett_fail(error, YETT_EINVAL,
			"write an IPv4 or IPv6 address, without a port",
			"%s is no address to connect from", source);
	}
	hints.ai_family = from.ss_family;
	attempt = calloc(1, sizeof(*attempt));
	YETT_REQUIRE(attempt != NULL);
	attempt->loop = loop;
	attempt->connected = connected;
	attempt->arg = arg;
	attempt->source = from;
	attempt->deadline_ns = yett_clock_monotonic(&yett_clock_system) + timeout_ns;
	attempt->result = YETT_ENOTFOUND;
	for (unsigned i = 0; i < ADDRESSES_MAX; i++) {
		attempt->tries[i].attempt = attempt;
	}
	attempt->resolve.data = attempt;
	result = uv_getaddrinfo(&loop->uv, &attempt->resolve, on_resolved, host, port, &hints);
	if (result != 0) {
		free(attempt);
		return yett_fail(error, yett_result_from_errno(result), NULL,
			"%s cannot be resolved: %s", host, uv_strerror(result));
	}
	attempt->resolving = true;
	loop->resolving++;
	attempt->next_attempt = loop->attempts;
	attempt->to_me = &loop->attempts;
	if (loop->attempts != NULL) {
		loop->attempts->to_me = &attempt->next_attempt;
	}
	loop->attempts = attempt;
	uv_timer_init(&loop->uv, &attempt->timer);
	attempt->timer.data = attempt;
	start_timer(attempt);
	return 0;
}
