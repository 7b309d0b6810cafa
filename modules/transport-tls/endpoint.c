/* How channels begin: listening and connecting.
 *
 * Responsible for making a channel out of an accepted or dialled stream, and for the deadline that
 * covers dialling and handshake together. Not responsible for the channel's life after that
 * (channel.c), nor for the time that an accepted stranger may take: the core's timer is.
 *
 * On the loop. An endpoint is its caller's until endpoint_close; channels that it accepted live on
 * without it. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"

struct yett_endpoint {
	struct yett_tls *tls;
	struct yett_listener *listener;
	int (*accepted)(void *arg, struct yett_channel *channel, const char *peer_address,
		const struct yett_channel_events **ret_events, void **ret_events_arg);
	void *arg;
};

static void on_accept(void *arg, struct yett_stream *stream)
{
	struct yett_endpoint *endpoint = arg;
	struct yett_tls *tls = endpoint->tls;
	struct yett_channel *channel = yett_tls_channel_new(tls, stream, YETT_ROLE_ACCEPTOR);
	char local[64] = "";
	char peer[64] = "";

	if (channel == NULL) {
		tls->stream_close(stream);
		return;
	}
	yett_tls_channel_enter(channel);
	if (tls->host->stream_addresses(stream, local, peer, sizeof(peer)) < 0 ||
		endpoint->accepted(endpoint->arg, channel, peer, &channel->events, &channel->arg) !=
			0) {
		yett_tls_channel_release(channel);
	} else if (channel->state == YETT_TLS_CONNECTING && yett_tls_channel_begin(channel) < 0) {
		yett_tls_channel_fail(channel, YETT_ECLOSED, NULL, "the connection broke at once");
	}
	yett_tls_channel_leave(channel);
}

int yett_tls_listen(void *self, const char *address,
	int (*accepted)(void *arg, struct yett_channel *channel, const char *peer_address,
		const struct yett_channel_events **ret_events, void **ret_events_arg),
	void *arg, struct yett_endpoint **ret_endpoint, struct yett_error *error)
{
	struct yett_tls *tls = self;
	struct yett_endpoint *endpoint = calloc(1, sizeof(*endpoint));
	int result;

	if (endpoint == NULL) {
		return tls->host->fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	endpoint->tls = tls;
	endpoint->accepted = accepted;
	endpoint->arg = arg;
	result = tls->host->listen(
		tls->host->instance, address, on_accept, endpoint, &endpoint->listener, error);
	if (result < 0) {
		free(endpoint);
		return result;
	}
	*ret_endpoint = endpoint;
	return 0;
}

int yett_tls_endpoint_address(struct yett_endpoint *endpoint, char *ret_text, size_t size)
{
	return endpoint->tls->host->listener_address(endpoint->listener, ret_text, size);
}

void yett_tls_endpoint_close(struct yett_endpoint *endpoint)
{
	endpoint->tls->host->listener_close(endpoint->listener);
	free(endpoint);
}

static void cannot_connect(struct yett_channel *channel, int result)
{
	const struct yett_host *host = channel->tls->host;

	switch (result) {
	case YETT_ETIMEOUT:
		yett_tls_channel_fail(channel, result,
			"check the address, and firewalls in between (port 5723)",
			"nothing answered in time");
		break;
	case YETT_ENOTFOUND:
		yett_tls_channel_fail(channel, result,
			"check the name and the name servers, or give the upstream's `address`",
			"its name could not be resolved");
		break;
	case YETT_EUNAVAIL:
		yett_tls_channel_fail(channel, result,
			"check that it runs and listens there (port 5723)",
			"the connection could not be made: it was refused, or no route leads "
			"there");
		break;
	default:
		yett_tls_channel_fail(channel, result,
			"check that it runs and listens there (port 5723)",
			"the connection could not be made: %s", host->result_text(result));
		break;
	}
}

static void on_connected(void *arg, int result, struct yett_stream *stream)
{
	struct yett_channel *channel = arg;

	yett_tls_channel_enter(channel);
	channel->dialling = false;
	if (channel->state == YETT_TLS_GONE) {
		/* Its owner has closed it meanwhile. */
		if (result == 0) {
			channel->tls->stream_close(stream);
		}
	} else if (result != 0) {
		cannot_connect(channel, result);
	} else {
		channel->stream = stream;
		if (yett_tls_channel_begin(channel) < 0) {
			yett_tls_channel_fail(
				channel, YETT_ECLOSED, NULL, "the connection broke at once");
		} else if (channel->state == YETT_TLS_HANDSHAKE && channel->events != NULL &&
			   channel->events->size >= offsetof(struct yett_channel_events, begun) +
							    sizeof(channel->events->begun) &&
			   channel->events->begun != NULL) {
			channel->events->begun(channel->arg);
		}
	}
	yett_tls_channel_leave(channel);
}

int yett_tls_connect(void *self, const char *address, const char *source, const char *name,
	uint64_t timeout_ns, const struct yett_channel_events *events, void *arg,
	struct yett_channel **ret_channel, struct yett_error *error)
{
	struct yett_tls *tls = self;
	const struct yett_host *host = tls->host;
	struct yett_channel *channel = yett_tls_channel_new(tls, NULL, YETT_ROLE_INITIATOR);
	int result;

	if (channel == NULL) {
		return host->fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	channel->events = events;
	channel->arg = arg;
	channel->deadline_ns = host->monotonic_ns(host->instance) + timeout_ns;
	if (name != NULL && (channel->name = strdup(name)) == NULL) {
		yett_tls_channel_release(channel);
		return host->fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	channel->dialling = true;
	result = host->connect(
		host->instance, address, source, timeout_ns, on_connected, channel, error);
	if (result < 0) {
		channel->dialling = false;
		yett_tls_channel_release(channel);
		return result;
	}
	*ret_channel = channel;
	return 0;
}
