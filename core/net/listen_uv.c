/* Addresses, and listening sockets, on libuv.
 *
 * Responsible for "host:port" as text both ways, and for accepting: sockets of our own under a
 * uv_poll_t, since libuv's listening handle, out of descriptors, throws connections away without a
 * word. Here they wait in the backlog, accepting pauses for a moment, and the log says so. Each
 * wake-up takes a bounded number, so that a storm of connections does not starve the sessions. Runs on
 * the loop. A closed listener has given its port back when the call returns; libuv frees it later. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/log.h"
#include "uv.h"

#define BACKLOG         4096
#define ACCEPTS_MAX     64 /* in one go */
#define ACCEPT_PAUSE_MS 200
#define COMPLAINT_NS    (10 * YETT_SEC) /* at most one line in this time */

struct yett_listener {
	uv_poll_t poll;
	uv_timer_t pause;
	struct yett_uv_loop *loop;
	int fd;
	yett_accept_fn accept;
	void *arg;
	uint64_t complained_ns;
	bool closed;
	unsigned handles; /* that libuv has not given back; and a call that is under way */
};

static bool is_port(const char *text)
{
	unsigned port = 0;

	for (const char *at = text; *at != '\0'; at++) {
		if (*at < '0' || *at > '9') {
			return false;
		}
		port = port * 10 + (unsigned)(*at - '0');
		if (port > UINT16_MAX) {
			return false;
		}
	}
	return text[0] != '\0';
}

int yett_uv_split(
	const char *address, char *ret_host, size_t host_size, char *ret_port, size_t port_size)
{
	const char *colon = strrchr(address, ':');
	const char *start = address;
	size_t length;

	if (colon == NULL || !is_port(colon + 1)) {
		return YETT_EINVAL;
	}
	length = (size_t)(colon - address);
	if (address[0] == '[') {
		if (length < 2 || colon[-1] != ']') {
			return YETT_EINVAL;
		}
		start++;
		length -= 2;
	} else if (memchr(address, ':', length) != NULL) {
		return YETT_EINVAL; /* of IPv6, without brackets: where does the port begin? */
	}
	if (length == 0 || length >= host_size || strlen(colon + 1) >= port_size) {
		return YETT_EINVAL;
	}
	memcpy(ret_host, start, length);
	ret_host[length] = '\0';
	snprintf(ret_port, port_size, "%s", colon + 1);
	return 0;
}

void yett_uv_address_text(const struct sockaddr_storage *address, char *ret_text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
			inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, host, sizeof(host));
			snprintf(ret_text, size, "%s:%u", host, ntohs(v6->sin6_port));
			return;
		}
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(ret_text, size, "[%s]:%u", host, ntohs(v6->sin6_port));
	} else {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(ret_text, size, "%s:%u", host, ntohs(v4->sin_port));
	}
}

static void watch(struct yett_listener *listener);

static void accept_again(uv_timer_t *timer)
{
	watch(timer->data);
}

static void out_of_descriptors(struct yett_listener *listener, int number)
{
	uint64_t now_ns = yett_clock_monotonic(&yett_clock_system);

	if (listener->complained_ns == 0 || now_ns - listener->complained_ns >= COMPLAINT_NS) {
		listener->complained_ns = now_ns;
		yett_log(YETT_LOG_ERROR, "descriptors-exhausted",
			"connections wait, since none can be accepted (%s); raise LimitNOFILE, or "
			"lower `max-sessions`",
			strerror(number));
	}
	uv_poll_stop(&listener->poll);
	uv_timer_start(&listener->pause, accept_again, ACCEPT_PAUSE_MS, 0);
}

/* Takes one connection; false when there is none, or none can be taken now. */
static bool accept_one(struct yett_listener *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct yett_stream *stream;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			out_of_descriptors(listener, errno);
			return false;
		}
		/* EAGAIN: no more. Else it was this connection's own end: on to the next. */
		return errno != EAGAIN && errno != EINVAL && errno != EBADF;
	}
	stream = yett_uv_stream_new(listener->loop);
	if (uv_tcp_open(yett_uv_stream_handle(stream), fd) != 0) {
		close(fd);
		yett_uv_stream_close(stream);
		return true;
	}
	yett_uv_stream_tune(stream);
	listener->accept(listener->arg, stream);
	return true;
}

static void release(struct yett_listener *listener)
{
	if (--listener->handles == 0) {
		free(listener);
	}
}

static void on_connections(uv_poll_t *poll, int status, int events)
{
	struct yett_listener *listener = poll->data;

	(void)status;
	(void)events;
	listener->handles++; /* `accept` may close it */
	for (int i = 0; i < ACCEPTS_MAX && !listener->closed && accept_one(listener); i++) {
	}
	release(listener);
}

static void watch(struct yett_listener *listener)
{
	uv_poll_start(&listener->poll, UV_READABLE, on_connections);
}

static void listener_closed(uv_handle_t *handle)
{
	release(handle->data);
}

void yett_uv_listener_close(struct yett_listener *listener)
{
	if (listener->closed) {
		return;
	}
	listener->closed = true;
	listener->loop->listeners--;
	uv_close((uv_handle_t *)&listener->pause, listener_closed);
	uv_close((uv_handle_t *)&listener->poll, listener_closed);
	close(listener->fd);
}

int yett_uv_listener_address(struct yett_listener *listener, char *ret_text, size_t size)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (getsockname(listener->fd, (struct sockaddr *)&address, &length) != 0) {
		return yett_result_from_errno(errno);
	}
	yett_uv_address_text(&address, ret_text, size);
	return 0;
}

static int resolve_local(const char *address, struct sockaddr_storage *ret_address,
	socklen_t *ret_length, struct yett_error *error)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *found;
	char host[256], port[16];

	if (yett_uv_split(address, host, sizeof(host), port, sizeof(port)) != 0 ||
		getaddrinfo(host, port, &hints, &found) != 0) {
		return yett_fail(error, YETT_EINVAL, "write \"0.0.0.0:5723\" or \"[::]:5723\"",
			"%s is no address to listen on", address);
	}
	memcpy(ret_address, found->ai_addr, found->ai_addrlen);
	*ret_length = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int fail(struct yett_error *error, const char *address, int number)
{
	const char *mend = "configure an address that this computer has";

	if (number == EADDRINUSE) {
		mend = "stop what listens there (ss -ltnp shows it), or configure another port";
	} else if (number == EACCES) {
		mend = "configure a port from 1024 on, or grant CAP_NET_BIND_SERVICE";
	} else if (number == EMFILE || number == ENFILE) {
		mend = "raise LimitNOFILE";
	}
	return yett_fail(error, yett_result_from_errno(number), mend, "cannot listen on %s: %s",
		address, strerror(number));
}

/* SO_REUSEADDR alone: a second listener on the same port is an error, and stays one. */
static int open_socket(const struct sockaddr_storage *local, socklen_t length, int *ret_fd)
{
	int fd = socket(local->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0) {
		return errno;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)local, length) != 0 || listen(fd, BACKLOG) != 0) {
		int number = errno;

		close(fd);
		return number;
	}
	*ret_fd = fd;
	return 0;
}

int yett_listen_socket(const char *address, int *ret_fd, struct yett_error *error)
{
	struct sockaddr_storage local;
	socklen_t length = 0;
	int result = resolve_local(address, &local, &length, error);

	if (result != 0) {
		return result;
	}
	result = open_socket(&local, length, ret_fd);
	return result == 0 ? 0 : fail(error, address, result);
}

int yett_uv_listen(struct yett_loop *base, const char *address, yett_accept_fn accept_fn, void *arg,
	struct yett_listener **ret_listener, struct yett_error *error)
{
	struct yett_uv_loop *loop = (struct yett_uv_loop *)base;
	struct yett_listener *listener;
	int fd, result = yett_listen_socket(address, &fd, error);

	if (result != 0) {
		return result;
	}
	listener = calloc(1, sizeof(*listener));
	YETT_REQUIRE(listener != NULL);
	listener->loop = loop;
	listener->fd = fd;
	listener->accept = accept_fn;
	listener->arg = arg;
	result = uv_poll_init(&loop->uv, &listener->poll, fd);
	if (result != 0) {
		close(fd);
		free(listener);
		return fail(error, address, -result);
	}
	uv_timer_init(&loop->uv, &listener->pause);
	listener->poll.data = listener;
	listener->pause.data = listener;
	listener->handles = 2;
	loop->listeners++;
	watch(listener);
	*ret_listener = listener;
	return 0;
}
