/* Byte streams, on libuv.
 *
 * Responsible for reading (into one buffer that all streams of the loop share, since what is read is
 * borrowed), for writing at once or with a completion, and for closing: a closed stream is gone for its
 * owner, its writes that are still under way complete with YETT_ECLOSED first, in order, and libuv
 * frees it later. Not responsible for accepting (listen_uv.c), dialling (connect_uv.c), nor for what
 * the bytes mean. Runs on the loop. */
#include <stdlib.h>

#include "uv.h"

#define KEEPALIVE_S 60

struct write_request {
	uv_write_t uv;
	struct yett_stream *stream;
	struct write_request *next;
	yett_done_fn done; /* NULL once it was called */
	void *arg;
};

struct yett_stream {
	uv_tcp_t uv;
	struct yett_uv_loop *loop;
	yett_read_fn read;
	void *read_arg;
	struct write_request *first, *last; /* libuv completes them in order */
	bool closed;
};

struct yett_stream *yett_uv_stream_new(struct yett_uv_loop *loop)
{
	struct yett_stream *stream = calloc(1, sizeof(*stream));

	YETT_REQUIRE(stream != NULL);
	stream->loop = loop;
	uv_tcp_init(&loop->uv, &stream->uv);
	stream->uv.data = stream;
	loop->streams++;
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
	for (struct write_request *write = stream->first; write != NULL; write = write->next) {
		yett_done_fn done = write->done;

		write->done = NULL;
		if (done != NULL) {
			done(write->arg, YETT_ECLOSED);
		}
	}
	stream->loop->streams--;
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

	if (stream->closed) {
		return YETT_ECLOSED;
	}
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
	if (n <= 0) {
		return YETT_EINVAL;
	}
	/* UV_EAGAIN too while what was written before is not sent. */
	result = uv_try_write((uv_stream_t *)&stream->uv, as_buffers(iov), (unsigned)n);
	return result < 0 ? yett_result_from_errno(result) : result;
}

static void on_written(uv_write_t *uv, int status)
{
	struct write_request *write = uv->data;
	struct yett_stream *stream = write->stream;
	yett_done_fn done = write->done;

	stream->first = write->next;
	if (stream->first == NULL) {
		stream->last = NULL;
	}
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
	if (n <= 0) {
		return YETT_EINVAL;
	}
	write = calloc(1, sizeof(*write));
	if (write == NULL) {
		return YETT_ENOMEM;
	}
	write->uv.data = write;
	write->stream = stream;
	write->done = done;
	write->arg = arg;
	result = uv_write(
		&write->uv, (uv_stream_t *)&stream->uv, as_buffers(iov), (unsigned)n, on_written);
	if (result != 0) {
		free(write);
		return yett_result_from_errno(result);
	}
	if (stream->last != NULL) {
		stream->last->next = write;
	} else {
		stream->first = write;
	}
	stream->last = write;
	return 0;
}

size_t yett_uv_stream_unsent(const struct yett_stream *stream)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&stream->uv);
}

int yett_uv_stream_addresses(
	struct yett_stream *stream, char *ret_local, char *ret_peer, size_t size)
{
	struct sockaddr_storage address;
	int length = sizeof(address);

	if (uv_tcp_getsockname(&stream->uv, (struct sockaddr *)&address, &length) != 0) {
		return YETT_ECLOSED;
	}
	yett_uv_address_text(&address, ret_local, size);
	length = sizeof(address);
	if (uv_tcp_getpeername(&stream->uv, (struct sockaddr *)&address, &length) != 0) {
		return YETT_ECLOSED;
	}
	yett_uv_address_text(&address, ret_peer, size);
	return 0;
}
