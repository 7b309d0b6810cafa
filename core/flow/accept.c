/* Accept: listeners, and the limits on strangers.
 *
 * Responsible for opening listening addresses, and for keeping unauthenticated connections bounded:
 * in all, per source (a /32 or a /64), and per second. A connection over a limit is dropped before
 * it has cost anything, and counted. Not responsible for who the peer is (authenticate.c) nor
 * whether it may enter (admit.c). Runs on the loop. The gates are the node's; a gate that is closed
 * leaves its sessions alone, as they were admitted. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "stages.h"

#define LATELY_NS  (3600 * YETT_SEC)
#define LATELY_MAX 65536

/* "127.0.0.1:4711" → the address whose strangers are counted together. */
static bool parse_source(const char *address, struct in6_addr *ret_source, bool *ret_v4)
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(address, ':');
	const char *start = address;
	size_t length = colon != NULL ? (size_t)(colon - address) : strlen(address);
	struct in_addr v4;

	if (length >= 2 && address[0] == '[') {
		start++;
		length -= 2;
	}
	if (length >= sizeof(host)) {
		return false;
	}
	memcpy(host, start, length);
	host[length] = '\0';
	memset(ret_source, 0, sizeof(*ret_source));
	*ret_v4 = inet_pton(AF_INET, host, &v4) == 1;
	if (*ret_v4) {
		memcpy(ret_source->s6_addr, &v4, sizeof(v4));
		return true;
	}
	return inet_pton(AF_INET6, host, ret_source) == 1;
}

static char *source_key(const char *address)
{
	struct in6_addr source;
	char text[INET6_ADDRSTRLEN];
	bool v4;

	if (!parse_source(address, &source, &v4)) {
		return g_strdup(address);
	}
	if (!v4) {
		memset(source.s6_addr + 8, 0, 8);
	}
	return g_strdup(inet_ntop(AF_INET6, &source, text, sizeof(text)));
}

/* Whether the source lies in a range that is known to share addresses ("127.0.0.0/8"). */
static bool is_shared(const struct yett_listener_settings *settings, const char *address)
{
	struct in6_addr source, range;
	bool v4, range_v4;

	if (!parse_source(address, &source, &v4)) {
		return false;
	}
	for (size_t i = 0; i < settings->shared_sources.count; i++) {
		const char *text = ((const char **)settings->shared_sources.items)[i];
		const char *slash = strchr(text, '/');
		char *base = g_strdup_printf("%.*s:0",
			(int)(slash != NULL ? (size_t)(slash - text) : strlen(text)), text);
		int bits = slash != NULL ? (int)strtol(slash + 1, NULL, 10) : 128;
		bool inside = parse_source(base, &range, &range_v4) && range_v4 == v4;

		g_free(base);
		for (int bit = 0; inside && bit < bits && bit < (v4 ? 32 : 128); bit++) {
			int mask = 0x80 >> (bit % 8);

			inside =
				(source.s6_addr[bit / 8] & mask) == (range.s6_addr[bit / 8] & mask);
		}
		if (inside) {
			return true;
		}
	}
	return false;
}

static bool rate_allows(struct yett_node *node, const struct yett_listener_settings *settings)
{
	uint64_t now_ns = yett_now(node);
	double limit = (double)settings->handshakes_per_second;

	node->handshake_tokens +=
		limit * (double)(now_ns - node->handshake_refill_ns) / (double)YETT_SEC;
	node->handshake_refill_ns = now_ns;
	if (node->handshake_tokens > limit) {
		node->handshake_tokens = limit;
	}
	if (node->handshake_tokens < 1) {
		return false;
	}
	node->handshake_tokens -= 1;
	return true;
}

static gboolean is_old(gpointer key, gpointer value, gpointer arg)
{
	(void)key;
	return *(const uint64_t *)value < *(const uint64_t *)arg;
}

static bool was_here(const struct yett_node *node, const char *key)
{
	const uint64_t *when_ns = g_hash_table_lookup(node->sources_lately, key);

	return when_ns != NULL && yett_now(node) - *when_ns < LATELY_NS;
}

static void remember(struct yett_node *node, const char *address)
{
	uint64_t now_ns = yett_now(node), limit_ns = now_ns > LATELY_NS ? now_ns - LATELY_NS : 0;

	if (g_hash_table_size(node->sources_lately) >= LATELY_MAX) {
		g_hash_table_foreach_remove(node->sources_lately, is_old, &limit_ns);
	}
	if (g_hash_table_size(node->sources_lately) < LATELY_MAX) {
		g_hash_table_replace(node->sources_lately, source_key(address),
			g_memdup2(&now_ns, sizeof(now_ns)));
	}
}

/* NULL, or why a stranger from here is not let in now. */
static const char *limit_reached(struct yett_gate *gate, const char *address, const char *key)
{
	const struct yett_listener_settings *settings = gate->settings;
	struct yett_node *node = gate->node;
	unsigned from_there =
		GPOINTER_TO_UINT(g_hash_table_lookup(node->sources_unauthenticated, key));

	if (node->draining) {
		return "this node is stopping";
	}
	if (gate->sessions >= settings->max_sessions) {
		return "the listener has `max-sessions` already";
	}
	/* Half of the room is for addresses that have authenticated lately: strangers alone cannot
	 * keep those out. */
	if (node->unauthenticated >= (was_here(node, key) ? settings->max_unauthenticated
							  : settings->max_unauthenticated / 2)) {
		return "too many connections are not authenticated yet";
	}
	if (from_there >= settings->max_unauthenticated_per_source &&
		!is_shared(settings, address)) {
		return "too many connections from there are not authenticated yet";
	}
	if (!rate_allows(node, settings)) {
		return "too many handshakes a second";
	}
	return NULL;
}

static void count_source(struct yett_node *node, const char *address, int by)
{
	char *key = source_key(address);
	unsigned now = GPOINTER_TO_UINT(g_hash_table_lookup(node->sources_unauthenticated, key));

	now += (unsigned)by;
	if (now == 0) {
		g_hash_table_remove(node->sources_unauthenticated, key);
		g_free(key);
	} else {
		g_hash_table_replace(node->sources_unauthenticated, key, GUINT_TO_POINTER(now));
	}
	node->unauthenticated += (unsigned)by;
}

static int accepted(void *arg, struct yett_channel *channel, const char *address,
	const struct yett_channel_events **ret_events, void **ret_events_arg)
{
	struct yett_gate *gate = arg;
	char *key = source_key(address);
	const char *why = limit_reached(gate, address, key);
	struct yett_peer *peer;

	g_free(key);
	if (why != NULL) {
		yett_log(YETT_LOG_WARNING, "connection-dropped", "%s; it may try again address=%s",
			why, address);
		yett_count(gate->node, YETT_COUNT_REFUSED, 1);
		return YETT_EFULL;
	}
	peer = yett_peer_new(gate->node, YETT_ROLE_ACCEPTOR, address);
	peer->channel = channel;
	peer->gate = gate;
	gate->sessions++;
	count_source(gate->node, address, 1);
	yett_count(gate->node, YETT_COUNT_ACCEPTED, 1);
	*ret_events = &yett_peer_channel_events;
	*ret_events_arg = peer;
	return 0;
}

static void no_stranger(struct yett_peer *peer)
{
	count_source(peer->node, peer->address, -1);
}

void yett_accept_known(struct yett_peer *peer)
{
	no_stranger(peer);
	remember(peer->node, peer->address);
}

void yett_accept_gone(struct yett_peer *peer)
{
	if (peer->mechanism[0] == '\0') {
		no_stranger(peer);
	}
	peer->gate->sessions--;
	peer->gate = NULL;
}

int yett_accept_open(struct yett_node *node, const struct yett_listener_settings *settings,
	struct yett_error *error)
{
	const struct yett_transport_operations *transport = node->transport->module->operations;
	struct yett_gate *gate = g_new0(struct yett_gate, 1);
	char address[128] = "";
	int result;

	gate->node = node;
	gate->settings = settings;
	result = transport->listen(
		node->transport->self, settings->address, accepted, gate, &gate->endpoint, error);
	if (result != 0) {
		g_free(gate);
		return yett_fail(error, result, NULL, "cannot listen on %s: %s", settings->address,
			yett_result_text(result));
	}
	g_ptr_array_add(node->gates, gate);
	transport->endpoint_address(gate->endpoint, address, sizeof(address));
	yett_log(YETT_LOG_NOTICE, "listening", "taking sessions address=%s admit=%zu", address,
		settings->admit.count);
	if (settings->admit.count == 0) {
		yett_log(YETT_LOG_WARNING, "nobody-admitted",
			"`admit` of this listener is empty, so every node is refused; list names "
			"or "
			"patterns there address=%s",
			address);
	}
	return 0;
}

void yett_accept_close(struct yett_node *node, struct yett_gate *gate)
{
	const struct yett_transport_operations *transport = node->transport->module->operations;

	for (guint i = node->peers->len; i > 0; i--) {
		struct yett_peer *peer = node->peers->pdata[i - 1];

		if (peer->gate == gate) {
			yett_peer_close(
				peer, YETT_REFUSE_SHUTDOWN, NULL, "this listener is going away");
		}
	}
	transport->endpoint_close(gate->endpoint);
	g_ptr_array_remove(node->gates, gate);
	g_free(gate);
}
