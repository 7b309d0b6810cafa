/* Listening sockets and byte streams, on libuv.
 *
 * Responsible for accepting, reading (into one buffer that all streams of the loop share, since what
 * is read is borrowed), writing at once or with a completion, and closing: a closed stream is gone for
 * its owner, its writes that are still under way complete with YETT_ECLOSED first, and libuv frees it
 * later. Not responsible for dialling (connect_uv.c) nor for what the bytes mean. Out of descriptors,
 * accepting pauses for a moment instead of spinning. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "uv.h"

#define BACKLOG         4096
#define ACCEPT_PAUSE_MS 200
#define KEEPALIVE_S     60
#define TRY_PIECES      64

struct write_request {
	uv_write_t uv;
	struct yett_stream *stream;
	struct write_request *next, *previous;
	yett_done_fn done; /* NULL once it was called */
	void *arg;
	size_t length;
};

struct yett_stream {
	uv_tcp_t uv;
	struct yett_uv_loop *loop;
	yett_read_fn read;
	void *read_arg;
	struct write_request *writes;
	size_t unsent;
	bool closed;
};

struct yett_listener {
	uv_tcp_t uv;
	uv_timer_t pause;
	struct yett_uv_loop *loop;
	yett_accept_fn accept;
	void *arg;
	bool closed;
	unsigned handles;
};

int yett_uv_split(
	const char *address, char *ret_host, size_t host_size, char *ret_port, size_t port_size)
{
	const char *colon = strrchr(address, ':');
	const char *start = address;
	size_t length;

	if (colon == NULL || colon[1] == '\0') {
		return YETT_EINVAL;
	}
	length = (size_t)(colon - address);
	if (address[0] == '[') {
		if (length < 2 || colon[-1] != ']') {
			return YETT_EINVAL;
		}
		start++;
		length -= 2;
	}
	if (length == 0 || length >= host_size || strlen(colon + 1) >= port_size) {
		return YETT_EINVAL;
	}
	memcpy(ret_host, start, length);
	ret_host[length] = '\0';
	memcpy(ret_port, colon + 1, strlen(colon + 1) + 1);
	return 0;
}

static void address_text(const struct sockaddr_storage *address, char *ret_text, size_t size)
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

struct yett_stream *yett_uv_stream_new(struct yett_uv_loop *loop)
{
	struct yett_stream *stream = calloc(1, sizeof(*stream));

	YETT_REQUIRE(stream != NULL);
	stream->loop = loop;
	uv_tcp_init(&loop->uv, &stream->uv);
	stream->uv.data = stream;
	loop->open++;
	return stream;
}

uv_tcp_t *yett_uv_stream_handle(struct yett_stream *stream)
{
	return &stream->uv;
}

void yett_uv_stream_tune(struct yett_stream *stream)
{
	uv_tcp_nodelay(&stream->uv, 1);
	uv_tcp_keepalive(&stream->uv, 1, KEEPALIVE_S);
}

static void stream_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void yett_uv_stream_close(struct yett_stream *stream)
{
	if (stream->closed) {
		return;
	}
	stream->closed = true;
	stream->read = NULL;
	for (struct write_request *write = stream->writes; write != NULL; write = write->next) {
		yett_done_fn done = write->done;

		write->done = NULL;
		if (done != NULL) {
			done(write->arg, YETT_ECLOSED);
		}
	}
	stream->loop->open--;
	uv_close((uv_handle_t *)&stream->uv, stream_closed);
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
	struct yett_stream *stream = handle->data;

	(void)suggested;
	*ret_buffer = uv_buf_init(stream->loop->read_buffer, YETT_UV_READ_SIZE);
}

static void on_read(uv_stream_t *uv, ssize_t n, const uv_buf_t *buffer)
{
	struct yett_stream *stream = uv->data;

	if (n == 0 || stream->read == NULL) {
		return;
	}
	if (n < 0) {
		int result = n == UV_EOF ? YETT_ECLOSED : yett_result_from_errno((int)n);

		uv_read_stop(uv);
		stream->read(stream->read_arg, result, NULL, 0);
		return;
	}
	stream->read(stream->read_arg, 0, (const uint8_t *)buffer->base, (size_t)n);
}

int yett_uv_stream_read_start(struct yett_stream *stream, yett_read_fn read, void *arg)
{
	int result;

	stream->read = read;
	stream->read_arg = arg;
	result = uv_read_start((uv_stream_t *)&stream->uv, allocate, on_read);
	return result == 0 || result == UV_EALREADY ? 0 : yett_result_from_errno(result);
}

int yett_uv_stream_read_stop(struct yett_stream *stream)
{
	uv_read_stop((uv_stream_t *)&stream->uv);
	return 0;
}

/* iovec and uv_buf_t are the same on Unix, which libuv promises. */
static const uv_buf_t *as_buffers(const struct iovec *iov)
{
	_Static_assert(sizeof(uv_buf_t) == sizeof(struct iovec), "uv_buf_t is an iovec");
	return (const uv_buf_t *)(const void *)iov;
}

ssize_t yett_uv_stream_try_write(struct yett_stream *stream, const struct iovec *iov, int n)
{
	int result;

	if (stream->closed) {
		return YETT_ECLOSED;
	}
	if (stream->unsent > 0) {
		return YETT_EAGAIN;
	}
	result = uv_try_write((uv_stream_t *)&stream->uv, as_buffers(iov), (unsigned)n);
	if (result == UV_EAGAIN) {
		return YETT_EAGAIN;
	}
	return result < 0 ? yett_result_from_errno(result) : result;
}

static void unlink_write(struct write_request *write)
{
	if (write->previous != NULL) {
		write->previous->next = write->next;
	} else {
		write->stream->writes = write->next;
	}
	if (write->next != NULL) {
		write->next->previous = write->previous;
	}
}

static void on_written(uv_write_t *uv, int status)
{
	struct write_request *write = uv->data;
	yett_done_fn done = write->done;

	write->stream->unsent -= write->length;
	unlink_write(write);
	if (done != NULL) {
		done(write->arg, status == 0 ? 0 : yett_result_from_errno(status));
	}
	free(write);
}

int yett_uv_stream_write(
	struct yett_stream *stream, const struct iovec *iov, int n, yett_done_fn done, void *arg)
{
	struct write_request *write;
	int result;

	if (stream->closed) {
		return YETT_ECLOSED;
	}
	write = calloc(1, sizeof(*write));
	if (write == NULL) {
		return YETT_ENOMEM;
	}
	write->uv.data = write;
	write->stream = stream;
	write->done = done;
	write->arg = arg;
	for (int i = 0; i < n; i++) {
		write->length += iov[i].iov_len;
	}
	result = uv_write(
		&write->uv, (uv_stream_t *)&stream->uv, as_buffers(iov), (unsigned)n, on_written);
	if (result != 0) {
		free(write);
		return yett_result_from_errno(result);
	}
	write->next = stream->writes;
	if (stream->writes != NULL) {
		stream->writes->previous = write;
	}
	stream->writes = write;
	stream->unsent += write->length;
	return 0;
}

size_t yett_uv_stream_unsent(const struct yett_stream *stream)
{
	return stream->unsent;
}

int yett_uv_stream_addresses(
	struct yett_stream *stream, char *ret_local, char *ret_peer, size_t size)
{
	struct sockaddr_storage address;
	int length = sizeof(address);

	if (uv_tcp_getsockname(&stream->uv, (struct sockaddr *)&address, &length) != 0) {
		return YETT_ECLOSED;
	}
	address_text(&address, ret_local, size);
	length = sizeof(address);
	if (uv_tcp_getpeername(&stream->uv, (struct sockaddr *)&address, &length) != 0) {
		return YETT_ECLOSED;
	}
	address_text(&address, ret_peer, size);
	return 0;
}

/* Listening. */

static void on_connection(uv_stream_t *server, int status);

static void accept_again(uv_timer_t *timer)
{
	struct yett_listener *listener = timer->data;

	on_connection((uv_stream_t *)&listener->uv, 0);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct yett_listener *listener = server->data;
	struct yett_stream *stream;
	int result = status;

	if (result == 0) {
		stream = yett_uv_stream_new(listener->loop);
		result = uv_accept(server, (uv_stream_t *)&stream->uv);
		if (result == 0) {
			yett_uv_stream_tune(stream);
			listener->accept(listener->arg, stream);
			return;
		}
		yett_uv_stream_close(stream);
	}
	if (result == UV_EMFILE || result == UV_ENFILE) {
		yett_log(YETT_LOG_ERROR, "descriptors-exhausted",
			"no descriptor for a new connection; raise LimitNOFILE, or lower "
			"`max-sessions`");
		uv_timer_start(&listener->pause, accept_again, ACCEPT_PAUSE_MS, 0);
	}
}

static void listener_closed(uv_handle_t *handle)
{
	struct yett_listener *listener = handle->data;

	if (--listener->handles == 0) {
		free(listener);
	}
}

void yett_uv_listener_close(struct yett_listener *listener)
{
	listener->loop->open--;
	uv_close((uv_handle_t *)&listener->pause, listener_closed);
	uv_close((uv_handle_t *)&listener->uv, listener_closed);
}

int yett_uv_listener_address(struct yett_listener *listener, char *ret_text, size_t size)
{
	struct sockaddr_storage address;
	int length = sizeof(address);

	if (uv_tcp_getsockname(&listener->uv, (struct sockaddr *)&address, &length) != 0) {
		return YETT_ECLOSED;
	}
	address_text(&address, ret_text, size);
	return 0;
}

static int resolve_local(
	const char *address, struct sockaddr_storage *ret_address, struct yett_error *error)
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
	freeaddrinfo(found);
	return 0;
}

int yett_uv_listen(struct yett_loop *base, const char *address, yett_accept_fn accept, void *arg,
	struct yett_listener **ret_listener, struct yett_error *error)
{
	struct yett_uv_loop *loop = (struct yett_uv_loop *)base;
	struct sockaddr_storage local;
	struct yett_listener *listener;
	int result = resolve_local(address, &local, error);

	if (result != 0) {
		return result;
	}
	listener = calloc(1, sizeof(*listener));
	YETT_REQUIRE(listener != NULL);
	listener->loop = loop;
	listener->accept = accept;
	listener->arg = arg;
	listener->handles = 2;
	uv_tcp_init(&loop->uv, &listener->uv);
	uv_timer_init(&loop->uv, &listener->pause);
	listener->uv.data = listener;
	listener->pause.data = listener;
	loop->open++;
	result = uv_tcp_bind(&listener->uv, (struct sockaddr *)&local, 0);
	if (result == 0) {
		result = uv_listen((uv_stream_t *)&listener->uv, BACKLOG, on_connection);
	}
	if (result != 0) {
		yett_uv_listener_close(listener);
		return yett_fail(error, yett_result_from_errno(result),
			result == UV_EADDRINUSE
				? "stop what listens there (ss -ltnp), or configure "
				  "another port"
				: "configure an address that this computer has",
			"cannot listen on %s: %s", address, uv_strerror(result));
	}
	*ret_listener = listener;
	return 0;
}
