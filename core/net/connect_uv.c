/* Dialling, on libuv.
 *
 * Responsible for an outgoing TCP connection: the name is resolved (off the loop), its addresses are
 * tried in turn until one answers, all within one deadline, from a configured local address where
 * there is one. The result always comes through the callback, never from within the call. Not
 * responsible for trying again later (flow/upstream.c). */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "uv.h"

struct attempt {
	struct yett_uv_loop *loop;
	uv_getaddrinfo_t resolve;
	uv_connect_t connect;
	uv_timer_t timer;
	struct addrinfo *found, *next;
	struct yett_stream *stream;
	char source[128];
	int result;
	bool over; /* the deadline passed, or it is answered */
	bool resolving, connecting;
	bool timer_closed;
	yett_connect_fn connected;
	void *arg;
};

static void release(struct attempt *attempt)
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
	struct attempt *attempt = handle->data;

	attempt->timer_closed = true;
	release(attempt);
}

static void finish(struct attempt *attempt, int result)
{
	struct yett_stream *stream = attempt->stream;

	if (attempt->over) {
		return;
	}
	attempt->over = true;
	attempt->stream = NULL;
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

static void try_next(struct attempt *attempt);

static void on_connected(uv_connect_t *request, int status)
{
	struct attempt *attempt = request->data;

	attempt->connecting = false;
	if (attempt->over) {
		release(attempt);
		return;
	}
	if (status == 0) {
		finish(attempt, 0);
		return;
	}
	attempt->result = yett_result_from_errno(status);
	yett_uv_stream_close(attempt->stream);
	attempt->stream = NULL;
	try_next(attempt);
}

/* From the configured address; without taking a port now, so that many may. */
static int bind_source(struct attempt *attempt, int family)
{
	struct sockaddr_storage local = {0};
	uv_os_fd_t fd;
	int one = 1, result;

	if (family == AF_INET) {
		result = uv_ip4_addr(attempt->source, 0, (struct sockaddr_in *)&local);
	} else {
		result = uv_ip6_addr(attempt->source, 0, (struct sockaddr_in6 *)&local);
	}
	if (result == 0 &&
		uv_fileno((uv_handle_t *)yett_uv_stream_handle(attempt->stream), &fd) == 0) {
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	}
	return result != 0 ? result
			   : uv_tcp_bind(yett_uv_stream_handle(attempt->stream),
				     (struct sockaddr *)&local, 0);
}

static int start(struct attempt *attempt, const struct addrinfo *to)
{
	uv_tcp_t *handle;
	int result;

	attempt->stream = yett_uv_stream_new(attempt->loop);
	handle = yett_uv_stream_handle(attempt->stream);
	if (attempt->source[0] != '\0') {
		/* The descriptor is needed before bind: libuv makes it lazily otherwise. */
		int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		result = fd < 0 ? UV_EMFILE : uv_tcp_open(handle, fd);
		if (result == 0) {
			result = bind_source(attempt, to->ai_family);
		}
		if (result != 0) {
			return result;
		}
	}
	attempt->connect.data = attempt;
	result = uv_tcp_connect(&attempt->connect, handle, to->ai_addr, on_connected);
	attempt->connecting = result == 0;
	return result;
}

static void try_next(struct attempt *attempt)
{
	while (attempt->next != NULL) {
		const struct addrinfo *to = attempt->next;
		int result;

		attempt->next = attempt->next->ai_next;
		result = start(attempt, to);
		if (result == 0) {
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
	struct attempt *attempt = request->data;

	attempt->resolving = false;
	attempt->found = found;
	if (attempt->over) {
		release(attempt);
		return;
	}
	if (status != 0) {
		finish(attempt, YETT_ENOTFOUND);
		return;
	}
	attempt->next = found;
	try_next(attempt);
}

static void on_deadline(uv_timer_t *timer)
{
	struct attempt *attempt = timer->data;

	if (attempt->resolving) {
		uv_cancel((uv_req_t *)&attempt->resolve);
	}
	finish(attempt, YETT_ETIMEOUT);
}

int yett_uv_connect(struct yett_loop *base, const char *address, const char *source,
	uint64_t timeout_ns, yett_connect_fn connected, void *arg, struct yett_error *error)
{
	struct yett_uv_loop *loop = (struct yett_uv_loop *)base;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char host[256], port[16];
	struct attempt *attempt;
	int result;

	if (yett_uv_split(address, host, sizeof(host), port, sizeof(port)) != 0) {
		return yett_fail(error, YETT_EINVAL, "write \"host:port\" or \"[v6]:port\"",
			"%s is no address to connect to", address);
	}
	attempt = calloc(1, sizeof(*attempt));
	YETT_REQUIRE(attempt != NULL);
	attempt->loop = loop;
	attempt->connected = connected;
	attempt->arg = arg;
	attempt->result = YETT_ENOTFOUND;
	attempt->resolve.data = attempt;
	if (source != NULL && strlen(source) < sizeof(attempt->source)) {
		memcpy(attempt->source, source, strlen(source) + 1);
	}
	result = uv_getaddrinfo(&loop->uv, &attempt->resolve, on_resolved, host, port, &hints);
	if (result != 0) {
		free(attempt);
		return yett_fail(error, yett_result_from_errno(result), NULL,
			"%s cannot be resolved: %s", host, uv_strerror(result));
	}
	attempt->resolving = true;
	uv_timer_init(&loop->uv, &attempt->timer);
	attempt->timer.data = attempt;
	uv_update_time(&loop->uv);
	uv_timer_start(&attempt->timer, on_deadline, timeout_ns / YETT_MS + 1, 0);
	return 0;
}
