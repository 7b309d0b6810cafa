/* Two transports in one world, and what each of their ends has seen. See transport-ends.h. */
#include "transport-ends.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "../../modules/transport-tls/tls.h"

const struct yett_transport_operations *transport_operations(void)
{
	return yett_module.operations;
}

static void on_up(void *arg, const struct yett_facts *facts)
{
	struct end *end = arg;

	end->ups++;
	end->facts = *facts;
	if (end->close_in_up) {
		end_close(end, 1);
	}
}

static void on_received(void *arg, const uint8_t *bytes, size_t length)
{
	struct end *end = arg;

	g_byte_array_append(end->received, bytes, (guint)length);
	if (end->close_in_received) {
		end_close(end, 1);
	} else if (end->pause_in_received) {
		transport_operations()->pause(end->channel, 1);
	}
}

static void on_writable(void *arg)
{
	((struct end *)arg)->writables++;
}

static void on_closed(void *arg, int result, const struct yett_error *error)
{
	struct end *end = arg;

	end->closeds++;
	end->channel = NULL;
	end->result = result;
	if (error != NULL) {
		g_strlcpy(end->text, error->text, sizeof(end->text));
		g_strlcpy(end->mend, error->mend, sizeof(end->mend));
	}
}

static const struct yett_channel_events events = {
	.size = sizeof(events),
	.up = on_up,
	.received = on_received,
	.writable = on_writable,
	.closed = on_closed,
};

static int on_accepted(void *arg, struct yett_channel *channel, const char *peer_address,
	const struct yett_channel_events **ret_events, void **ret_events_arg)
{
	struct transport *transport = arg;
	struct end *end = transport->accepted;

	CU_ASSERT_NOT_EQUAL(peer_address[0], '\0');
	if (end == NULL || end->refuse) {
		return YETT_EFULL;
	}
	transport->accepted = NULL;
	end->transport = transport;
	end->channel = channel;
	*ret_events = &events;
	*ret_events_arg = end;
	if (end->close_in_accepted) {
		end_close(end, 0);
	}
	return 0;
}

static struct yett_tls_settings settings(const char *certificate, const char *key)
{
	return (struct yett_tls_settings){certificate, key, 65536};
}

struct transport *transport_new(
	struct memory_world *world, const char *certificate, const char *key)
{
	struct transport *transport = g_new0(struct transport, 1);
	struct yett_tls_settings with = settings(certificate, key);
	const struct yett_create create = {
		.size = sizeof(create),
		.name = "transport-tls",
		.settings = &with,
		.node = "node.example",
		.state = "/nonexistent",
	};
	struct yett_error error = YETT_ERROR_INIT;
	int result;

	transport->world = world;
	transport->host = memory_host_new(world, &yett_module);
	result = yett_module.life->create(transport->host, &create, &transport->self, &error);
	if (result < 0) {
		fprintf(stderr, "create: %s\n", error.text);
	}
	CU_ASSERT_EQUAL_FATAL(result, 0);
	CU_ASSERT_EQUAL_FATAL(yett_module.life->start(transport->self, &error), 0);
	return transport;
}

void transport_free(struct transport *transport)
{
	if (transport->endpoint != NULL) {
		transport_operations()->endpoint_close(transport->endpoint);
	}
	yett_module.life->stop(transport->self);
	yett_module.life->destroy(transport->self);
	memory_host_free(transport->host);
	g_free(transport);
}

void transport_listen(struct transport *transport, const char *address)
{
	char text[64];
	struct yett_error error = YETT_ERROR_INIT;

	CU_ASSERT_EQUAL_FATAL(transport_operations()->listen(transport->self, address, on_accepted,
				      transport, &transport->endpoint, &error),
		0);
	CU_ASSERT_EQUAL(
		transport_operations()->endpoint_address(transport->endpoint, text, sizeof(text)),
		0);
}

int transport_reload(struct transport *transport, const char *certificate, const char *key,
	struct yett_error *error)
{
	struct yett_tls_settings with = settings(certificate, key);

	return yett_module.life->reload(transport->self, &with, error);
}

void end_init(struct end *end)
{
	memset(end, 0, sizeof(*end));
	end->received = g_byte_array_new();
}

void end_connect(
	struct end *end, struct transport *transport, const char *address, uint64_t timeout_ns)
{
	struct yett_error error = YETT_ERROR_INIT;

	end->transport = transport;
	CU_ASSERT_EQUAL_FATAL(
		transport_operations()->connect(transport->self, address, NULL, "gateway.example",
			timeout_ns, &events, end, &end->channel, &error),
		0);
}

int end_send(struct end *end, const void *bytes, size_t length)
{
	struct iovec iov = {.iov_base = g_memdup2(bytes, length), .iov_len = length};
	int result = YETT_ECLOSED;

	if (end->channel != NULL) {
		result = transport_operations()->send(end->channel, &iov, 1);
	}
	g_free(iov.iov_base);
	return result;
}

void end_close(struct end *end, int orderly)
{
	struct yett_channel *channel = end->channel;

	end->channel = NULL;
	if (channel != NULL) {
		transport_operations()->close(channel, orderly);
	}
}

void end_done(struct end *end)
{
	end_close(end, 0);
	g_byte_array_free(end->received, TRUE);
	end->received = NULL;
}
