/* Dialling, on libuv.
 *
 * Responsible for an outgoing TCP connection: the name is resolved (off the loop), its addresses are
 * tried in turn until one answers, from a configured local address where there is one. All within one
 * deadline, of which each address gets its share, so that one that swallows everything does not keep
 * the others from being tried. The result always comes through the callback, never from within the
 * call. Not responsible for trying again later (flow/upstream.c). Runs on the loop. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "uv.h"

struct yett_uv_attempt {
	struct yett_uv_attempt *next_attempt, **to_me; /* in the loop's list until answered */
	struct yett_uv_loop *loop;
	uv_getaddrinfo_t resolve;
	uv_connect_t connect;
	uv_timer_t timer; /* of the look-up, then of each address */
	uint64_t deadline_ns;
	struct addrinfo *found, *next;
	struct yett_stream *stream;
	struct sockaddr_storage source; /* AF_UNSPEC: any */
	int result;                     /* of the last address that was tried */
	bool over;                      /* it is answered */
	bool expired;                   /* the present address had its share */
	bool resolving, connecting;
	bool timer_closed;
	yett_connect_fn connected;
	void *arg;
};

static void release(struct yett_uv_attempt *attempt)
{
	if (attempt->timer_closed && !attempt->resolving && !attempt->connecting) {
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

static void finish(struct yett_uv_attempt *attempt, int result)
{
	struct yett_stream *stream = attempt->stream;

	if (attempt->over) {
		return;
	}
	attempt->over = true;
	attempt->stream = NULL;
	*attempt->to_me = attempt->next_attempt;
	if (attempt->next_attempt != NULL) {
		attempt->next_attempt->to_me = attempt->to_me;
	}
	uv_close((uv_handle_t *)&attempt->timer, timer_closed);
	if (result == 0) {
		yett_uv_stream_tune(stream);
		attempt->connected(attempt->arg, 0, stream);
		return;
	}
	if (stream != NULL) {
		yett_uv_stream_close(stream);
	}
	attempt->connected(attempt->arg, result, NULL);
}

static void try_next(struct yett_uv_attempt *attempt);

static void on_connected(uv_connect_t *request, int status)
{
	struct yett_uv_attempt *attempt = request->data;

	attempt->connecting = false;
	if (attempt->over) {
		release(attempt);
		return;
	}
	if (status == 0 && !attempt->expired) {
		finish(attempt, 0);
		return;
	}
	attempt->result = attempt->expired ? YETT_ETIMEOUT : yett_result_from_errno(status);
	yett_uv_stream_close(attempt->stream); /* nothing, where it is closed already */
	attempt->stream = NULL;
	try_next(attempt);
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

static int start(struct yett_uv_attempt *attempt, const struct addrinfo *to)
{
	uv_tcp_t *handle;
	int result = 0;

	attempt->stream = yett_uv_stream_new(attempt->loop);
	handle = yett_uv_stream_handle(attempt->stream);
	if (attempt->source.ss_family != AF_UNSPEC) {
		result = open_from(attempt, handle, to->ai_family);
	}
	if (result == 0) {
		attempt->connect.data = attempt;
		result = uv_tcp_connect(&attempt->connect, handle, to->ai_addr, on_connected);
		attempt->connecting = result == 0;
	}
	return result;
}

static void on_deadline(uv_timer_t *timer);

/* The present address gets what is left of the time, divided by the addresses that are left. */
static void start_timer(struct yett_uv_attempt *attempt)
{
	uint64_t now_ns = yett_clock_monotonic(&yett_clock_system), left = 1;
	uint64_t rest_ns = attempt->deadline_ns > now_ns ? attempt->deadline_ns - now_ns : 0;

	for (const struct addrinfo *at = attempt->next; at != NULL; at = at->ai_next) {
		left++;
	}
	uv_update_time(&attempt->loop->uv);
	uv_timer_start(&attempt->timer, on_deadline, rest_ns / left / YETT_MS + 1, 0);
}

static void try_next(struct yett_uv_attempt *attempt)
{
	while (attempt->next != NULL) {
		const struct addrinfo *to = attempt->next;
		int result;

		attempt->next = to->ai_next;
		attempt->expired = false;
		result = start(attempt, to);
		if (result == 0) {
			start_timer(attempt);
			return;
		}
		attempt->result = yett_result_from_errno(result);
		yett_uv_stream_close(attempt->stream);
		attempt->stream = NULL;
	}
	finish(attempt, attempt->result);
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
		finish(attempt, status == UV_EAI_AGAIN || status == UV_EAI_FAIL ? YETT_EUNAVAIL
										: YETT_ENOTFOUND);
		return;
	}
	attempt->next = found;
	try_next(attempt);
}

static void on_deadline(uv_timer_t *timer)
{
	struct yett_uv_attempt *attempt = timer->data;

	if (attempt->resolving) {
		uv_cancel((uv_req_t *)&attempt->resolve);
	}
	if (attempt->next == NULL) {
		finish(attempt, YETT_ETIMEOUT);
		return;
	}
	/* The request comes back as cancelled; then it is free for the next address. */
	attempt->expired = true;
	yett_uv_stream_close(attempt->stream);
}

void yett_uv_connect_abandon(struct yett_uv_loop *loop)
{
	while (loop->attempts != NULL) {
		struct yett_uv_attempt *attempt = loop->attempts;

		if (attempt->resolving) {
			uv_cancel((uv_req_t *)&attempt->resolve);
		}
		finish(attempt, YETT_ECLOSED);
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
