/* Accept: listeners, and the limits on strangers.
 *
 * Responsible for opening listening addresses, and for keeping unauthenticated connections bounded:
 * in all, per source (a /32 or a /64), and per second, of each and of all. A connection over a limit
 * is dropped before it has cost anything, and counted; where all the room is taken, one that has said
 * nothing yet goes first. Not responsible for who the peer is (authenticate.c) nor
 * whether it may enter (admit.c). Runs on the loop. The gates are the node's; a gate that is closed
 * leaves its sessions alone, as they were admitted. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "stages.h"

#define LATELY_NS  (3600 * YETT_SEC)
#define LATELY_MAX 65536
#define SILENT_NS  (1 * YETT_SEC) /* a hello comes with the connection */
/* Of the handshakes a second, one source gets this part at most, and addresses that have authenticated
 * lately have half to themselves. */
#define SOURCE_PART  8
#define SOURCES_MOST 1024

/* What an address, or a network, asks for. */
struct source {
	unsigned unauthenticated;
	double tokens; /* of its rate limit */
	uint64_t refill_ns;
};

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

/* Tokens come at `rate` a second, and no more than a second's are kept. */
static void refill(double *tokens, uint64_t *refill_ns, double rate, uint64_t now_ns)
{
	*tokens += rate * (double)(now_ns - *refill_ns) / (double)YETT_SEC;
	*refill_ns = now_ns;
	if (*tokens > rate) {
		*tokens = rate;
	}
}

static double source_rate(const struct yett_listener_settings *settings)
{
	double rate = (double)settings->handshakes_per_second / SOURCE_PART;

	return rate < 1 ? 1 : rate;
}

static gboolean asks_nothing(gpointer key, gpointer value, gpointer arg)
{
	const struct source *source = value;
	const uint64_t *now_ns = arg;

	(void)key;
	return source->unauthenticated == 0 && *now_ns - source->refill_ns > 2 * YETT_SEC;
}

/* Only those that are let in are kept, and these not for long: so as many as the rates allow. */
static struct source *source_of(
	struct yett_node *node, const struct yett_listener_settings *settings, const char *key)
{
	struct source *source = g_hash_table_lookup(node->addresses, key);
	uint64_t now_ns = yett_now(node);

	if (source != NULL) {
		return source;
	}
	if (g_hash_table_size(node->addresses) >= MAX(node->addresses_most, SOURCES_MOST)) {
		g_hash_table_foreach_remove(node->addresses, asks_nothing, &now_ns);
		node->addresses_most = 2 * g_hash_table_size(node->addresses);
	}
	source = g_new0(struct source, 1);
	source->tokens = source_rate(settings);
	source->refill_ns = now_ns;
	g_hash_table_insert(node->addresses, g_strdup(key), source);
	return source;
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

/* Takes a handshake out of the rates; NULL, or why not. `source` NULL: its address is shared. */
static const char *rate_reached(struct yett_node *node,
	const struct yett_listener_settings *settings, struct source *source, bool lately)
{
	double limit = (double)settings->handshakes_per_second;

	refill(&node->handshake_tokens, &node->handshake_refill_ns, limit, yett_now(node));
	if (source != NULL) {
		refill(&source->tokens, &source->refill_ns, source_rate(settings), yett_now(node));
		if (source->tokens < 1) {
			return "too many handshakes a second from there";
		}
	}
	if (node->handshake_tokens < (lately ? 1 : MAX(1, limit / 2))) {
		return "too many handshakes a second";
	}
	node->handshake_tokens -= 1;
	if (source != NULL) {
		source->tokens -= 1;
	}
	return NULL;
}

static void unlink_silent(struct yett_peer *peer)
{
	if (peer->silent.data != NULL) {
		g_queue_unlink(&peer->node->silent, &peer->silent);
		peer->silent.data = NULL;
	}
}

void yett_accept_heard(struct yett_peer *peer)
{
	unlink_silent(peer);
}

/* Makes room for one; false: all that are there are talking, or have just come. */
static bool drop_silent(struct yett_node *node)
{
	struct yett_peer *oldest = g_queue_peek_head(&node->silent);

	if (oldest == NULL || yett_now(node) - oldest->opened_ns < SILENT_NS) {
		return false;
	}
	yett_peer_close(oldest, 0, NULL, "it said nothing for %.0f s, and others want its place",
		(double)(yett_now(node) - oldest->opened_ns) / (double)YETT_SEC);
	return true;
}

/* NULL, or why a stranger from here is not let in now. */
static const char *limit_reached(struct yett_gate *gate, const char *address, const char *key)
{
	const struct yett_listener_settings *settings = gate->settings;
	struct yett_node *node = gate->node;
	bool lately = was_here(node, key), shared = is_shared(settings, address);
	/* Half of the room is for addresses that have authenticated lately: strangers alone cannot
	 * keep those out. */
	uint32_t room = (uint32_t)(lately ? settings->max_unauthenticated
					  : settings->max_unauthenticated / 2);
	struct source *source;

	if (node->draining) {
		return "this node is stopping";
	}
	if (gate->sessions >= settings->max_sessions) {
		return "the listener has `max-sessions` already";
	}
	source = g_hash_table_lookup(node->addresses, key);
	if (source != NULL && !shared &&
		source->unauthenticated >= settings->max_unauthenticated_per_source) {
		return "too many connections from there are not authenticated yet";
	}
	/* Those that have gone again, too, but not the sessions that a reload has judged again. */
	if (yett_executor_waiting(node->acceptors) >= (size_t)room + node->judging) {
		return "too many wait to be authenticated";
	}
	if (node->unauthenticated >= room && !drop_silent(node)) {
		return "too many connections are not authenticated yet";
	}
	return rate_reached(node, settings, shared ? NULL : source_of(node, settings, key), lately);
}

static void count_source(struct yett_node *node, const char *key, int by)
{
	struct source *source = g_hash_table_lookup(node->addresses, key);

	source->unauthenticated += (unsigned)by;
	node->unauthenticated += (unsigned)by;
}

static int accepted(void *arg, struct yett_channel *channel, const char *address,
	const struct yett_channel_events **ret_events, void **ret_events_arg)
{
	struct yett_gate *gate = arg;
	char *key = source_key(address);
	const char *why = limit_reached(gate, address, key);
	struct yett_peer *peer;

	if (why != NULL) {
		g_free(key);
		yett_log(gate->node->draining ? YETT_LOG_NOTICE : YETT_LOG_WARNING,
			"connection-dropped", "%s; it may try again address=%s", why, address);
		yett_count(gate->node, YETT_COUNT_REFUSED, 1);
		return YETT_EFULL;
	}
	peer = yett_peer_new(gate->node, YETT_ROLE_ACCEPTOR, address);
	peer->channel = channel;
	peer->gate = gate;
	gate->sessions++;
	source_of(gate->node, gate->settings, key);
	count_source(gate->node, key, 1);
	g_free(key);
	peer->silent.data = peer;
	g_queue_push_tail_link(&gate->node->silent, &peer->silent);
	yett_count(gate->node, YETT_COUNT_ACCEPTED, 1);
	*ret_events = &yett_peer_channel_events;
	*ret_events_arg = peer;
	yett_method_prepare(peer);
	return 0;
}

static void no_stranger(struct yett_peer *peer)
{
	char *key = source_key(peer->address);

	count_source(peer->node, key, -1);
	g_free(key);
}

void yett_accept_known(struct yett_peer *peer)
{
	no_stranger(peer);
	remember(peer->node, peer->address);
}

void yett_accept_gone(struct yett_peer *peer)
{
	unlink_silent(peer);
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
	if (settings->admit.count == 0 &&
		(node->management.decides == NULL ||
			!node->management.decides(node->management.arg))) {
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
		struct yett_peer *peer = i <= node->peers->len ? node->peers->pdata[i - 1] : NULL;

		if (peer != NULL && peer->gate == gate) {
			yett_peer_close(
				peer, YETT_REFUSE_SHUTDOWN, NULL, "this listener is going away");
		}
	}
	transport->endpoint_close(gate->endpoint);
	g_ptr_array_remove(node->gates, gate);
	g_free(gate);
}
