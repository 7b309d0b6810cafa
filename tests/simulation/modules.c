/* The simulation's own modules: a transport without cryptography, and an auth module that takes a
 * name at its word. They speak to the core through the same tables as any other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* Transport. */

struct transport {
	const struct yett_host *host;
};

struct yett_endpoint {
	struct transport *transport;
	struct yett_listener *listener;
	int (*accepted)(void *arg, struct yett_channel *channel, const char *peer_address,
		const struct yett_channel_events **ret_events, void **ret_events_arg);
	void *arg;
};

struct yett_channel {
	struct transport *transport;
	struct yett_stream *stream; /* NULL: not yet, or no longer, connected */
	const struct yett_channel_events *events;
	void *arg;
	struct yett_facts facts;
	char local[80], peer[80];
	struct yett_timer *soon;
	bool closed;  /* by its owner */
	bool writing; /* one write waits for room */
	bool connecting;
	bool dialling;
	bool up;
	struct iovec pending;
};

static void channel_free(struct yett_channel *channel)
{
	if (channel->soon != NULL) {
		channel->transport->host->timer_free(channel->soon);
	}
	free(channel->pending.iov_base);
	free(channel);
}

static void fail_channel(struct yett_channel *channel, int result)
{
	const struct yett_channel_events *events = channel->events;
	void *arg = channel->arg;

	if (channel->stream != NULL) {
		channel->transport->host->stream_close(channel->stream);
	}
	channel_free(channel);
	events->closed(arg, result, NULL);
}

static void on_read(void *arg, int result, const uint8_t *bytes, size_t length)
{
	struct yett_channel *channel = arg;

	if (result != 0) {
		fail_channel(channel, result);
		return;
	}
	channel->events->received(channel->arg, bytes, length);
}

static void come_up(void *arg)
{
	struct yett_channel *channel = arg;
	const struct yett_host *host = channel->transport->host;

	if (channel->up) {
		return;
	}
	channel->up = true;
	host->stream_addresses(
		channel->stream, channel->local, channel->peer, sizeof(channel->peer));
	channel->facts.size = sizeof(channel->facts);
	channel->facts.local_address = channel->local;
	channel->facts.peer_address = channel->peer;
	channel->facts.suite = "none (simulation)";
	host->stream_read_start(channel->stream, on_read, channel);
	channel->events->up(channel->arg, &channel->facts);
}

static void on_accept(void *arg, struct yett_stream *stream)
{
	struct yett_endpoint *endpoint = arg;
	const struct yett_host *host = endpoint->transport->host;
	struct yett_channel *channel = calloc(1, sizeof(*channel));

	channel->transport = endpoint->transport;
	channel->stream = stream;
	channel->facts.role = YETT_ROLE_ACCEPTOR;
	host->stream_addresses(stream, channel->local, channel->peer, sizeof(channel->peer));
	if (endpoint->accepted(
		    endpoint->arg, channel, channel->peer, &channel->events, &channel->arg) != 0) {
		host->stream_close(stream);
		channel_free(channel);
		return;
	}
	channel->soon = host->timer_new(host->instance, come_up, channel);
	host->timer_start(channel->soon, 0);
}

static void on_connected(void *arg, int result, struct yett_stream *stream)
{
	struct yett_channel *channel = arg;

	channel->dialling = false;
	if (channel->closed) {
		if (stream != NULL) {
			channel->transport->host->stream_close(stream);
		}
		channel_free(channel);
		return;
	}
	if (result != 0) {
		fail_channel(channel, result);
		return;
	}
	channel->stream = stream;
	come_up(channel);
}

static int transport_listen(void *self, const char *address,
	int (*accepted)(void *arg, struct yett_channel *channel, const char *peer_address,
		const struct yett_channel_events **ret_events, void **ret_events_arg),
	void *arg, struct yett_endpoint **ret_endpoint, struct yett_error *error)
{
	struct transport *transport = self;
	struct yett_endpoint *endpoint = calloc(1, sizeof(*endpoint));
	int result;

	endpoint->transport = transport;
	endpoint->accepted = accepted;
	endpoint->arg = arg;
	result = transport->host->listen(transport->host->instance, address, on_accept, endpoint,
		&endpoint->listener, error);
	if (result != 0) {
		free(endpoint);
		return result;
	}
	*ret_endpoint = endpoint;
	return 0;
}

static int endpoint_address(struct yett_endpoint *endpoint, char *ret_text, size_t size)
{
	return endpoint->transport->host->listener_address(endpoint->listener, ret_text, size);
}

static void endpoint_close(struct yett_endpoint *endpoint)
{
	endpoint->transport->host->listener_close(endpoint->listener);
	free(endpoint);
}

static int transport_connect(void *self, const char *address, const char *source, const char *name,
	uint64_t timeout_ns, const struct yett_channel_events *events, void *arg,
	struct yett_channel **ret_channel, struct yett_error *error)
{
	struct transport *transport = self;
	struct yett_channel *channel = calloc(1, sizeof(*channel));

	(void)name;
	channel->transport = transport;
	channel->events = events;
	channel->arg = arg;
	channel->facts.role = YETT_ROLE_INITIATOR;
	channel->dialling = true;
	*ret_channel = channel;
	return transport->host->connect(transport->host->instance, address, source, timeout_ns,
		on_connected, channel, error);
}

static void on_written(void *arg, int result)
{
	struct yett_channel *channel = arg;

	free(channel->pending.iov_base);
	channel->pending.iov_base = NULL;
	channel->writing = false;
	if (result == 0 && !channel->closed) {
		channel->events->writable(channel->arg);
	}
}

static int transport_send(struct yett_channel *channel, const struct iovec *iov, int n)
{
	const struct yett_host *host = channel->transport->host;
	size_t length = 0, at = 0;
	ssize_t written;

	if (channel->writing) {
		return YETT_EAGAIN;
	}
	written = host->stream_try_write(channel->stream, iov, n);
	if (written >= 0) {
		return 0;
	}
	if (written != YETT_EAGAIN) {
		return (int)written;
	}
	for (int i = 0; i < n; i++) {
		length += iov[i].iov_len;
	}
	channel->pending.iov_base = malloc(length + 1);
	channel->pending.iov_len = length;
	for (int i = 0; i < n; i++) {
		memcpy((char *)channel->pending.iov_base + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	channel->writing = true;
	return host->stream_write(channel->stream, &channel->pending, 1, on_written, channel);
}

static void transport_pause(struct yett_channel *channel, int paused)
{
	const struct yett_host *host = channel->transport->host;

	if (paused != 0) {
		host->stream_read_stop(channel->stream);
	} else {
		host->stream_read_start(channel->stream, on_read, channel);
	}
}

static void transport_close(struct yett_channel *channel, int orderly)
{
	(void)orderly;
	channel->closed = true;
	if (channel->dialling) {
		return; /* freed when the dialling ends */
	}
	if (channel->stream != NULL) {
		channel->transport->host->stream_close(channel->stream);
	}
	channel_free(channel);
}

static int transport_create(const struct yett_host *host, const struct yett_create *with,
	void **ret_self, struct yett_error *error)
{
	struct transport *transport = calloc(1, sizeof(*transport));

	(void)with;
	(void)error;
	transport->host = host;
	*ret_self = transport;
	return 0;
}

static const struct yett_life transport_life = {
	.size = sizeof(struct yett_life), .create = transport_create, .destroy = free};

static const struct yett_transport_operations transport_operations = {
	.size = sizeof(struct yett_transport_operations),
	.listen = transport_listen,
	.endpoint_address = endpoint_address,
	.endpoint_close = endpoint_close,
	.connect = transport_connect,
	.send = transport_send,
	.pause = transport_pause,
	.close = transport_close,
};

const struct yett_module sim_transport = {
	.magic = YETT_MODULE_MAGIC,
	.abi_major = YETT_ABI_MAJOR,
	.abi_minor = YETT_ABI_MINOR,
	.size = sizeof(struct yett_module),
	.kind = YETT_KIND_TRANSPORT,
	.name = "transport-sim",
	.version = "1",
	.life = &transport_life,
	.operations = &transport_operations,
};

/* Auth: each end sends its name. */

struct auth {
	char name[256];
};

struct context {
	struct auth *auth;
	bool initiator, sent;
	char peer[256];
	char expected[256];
};

static int auth_create(const struct yett_host *host, const struct yett_create *with,
	void **ret_self, struct yett_error *error)
{
	struct auth *auth = calloc(1, sizeof(*auth));

	(void)host;
	(void)error;
	snprintf(auth->name, sizeof(auth->name), "%s", with->node);
	*ret_self = auth;
	return 0;
}

static int auth_begin(void *self, const struct yett_auth_request *request, void **ret_context,
	struct yett_error *error)
{
	struct context *context = calloc(1, sizeof(*context));

	(void)error;
	context->auth = self;
	context->initiator = request->role == YETT_ROLE_INITIATOR;
	snprintf(context->expected, sizeof(context->expected), "%s",
		request->expected_name != NULL ? request->expected_name : "");
	*ret_context = context;
	return 0;
}

static int auth_step(void *arg, const uint8_t *token, size_t length,
	struct yett_auth_token *ret_token, struct yett_error *error)
{
	struct context *context = arg;

	(void)error;
	if (context->initiator && !context->sent) {
		context->sent = true;
		ret_token->status = YETT_AUTH_CONTINUE;
		ret_token->bytes = (const uint8_t *)context->auth->name;
		ret_token->length = strlen(context->auth->name);
		return 0;
	}
	if (length == 0 || length >= sizeof(context->peer)) {
		ret_token->status = YETT_AUTH_DENY;
		return 0;
	}
	memcpy(context->peer, token, length);
	context->peer[length] = '\0';
	if (context->initiator && strcmp(context->peer, context->expected) != 0) {
		ret_token->status = YETT_AUTH_DENY;
		ret_token->peer_cause = "another name than expected";
		return 0;
	}
	ret_token->status = YETT_AUTH_DONE;
	if (!context->initiator) {
		ret_token->bytes = (const uint8_t *)context->auth->name;
		ret_token->length = strlen(context->auth->name);
	}
	return 0;
}

static int auth_identity(void *arg, struct yett_identity *ret_identity)
{
	struct context *context = arg;

	ret_identity->mechanism = "sim";
	ret_identity->authority = "sim";
	ret_identity->name = context->peer;
	ret_identity->principal = context->peer;
	return 0;
}

static const struct yett_life auth_life = {
	.size = sizeof(struct yett_life), .create = auth_create, .destroy = free};

static const struct yett_auth_operations auth_operations = {
	.size = sizeof(struct yett_auth_operations),
	.method = "sim",
	.begin = auth_begin,
	.step = auth_step,
	.identity = auth_identity,
	.end = free,
};

const struct yett_module sim_auth = {
	.magic = YETT_MODULE_MAGIC,
	.abi_major = YETT_ABI_MAJOR,
	.abi_minor = YETT_ABI_MINOR,
	.size = sizeof(struct yett_module),
	.kind = YETT_KIND_AUTH,
	.name = "auth-sim",
	.version = "1",
	.life = &auth_life,
	.operations = &auth_operations,
};
