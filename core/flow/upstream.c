/* Upstreams: the sessions that this node opens.
 *
 * Responsible for dialling each configured upstream, its addresses in turn, for backing off
 * exponentially with full jitter when that fails, and for what is known of an upstream: its state,
 * its way to the store, why it is down. Not responsible for which of them is used (select.c). On the
 * loop. A refusal that says when to come back is heeded.
 *
 * A session that nears its end is renewed: the new one is made beside it and takes its place once it
 * is up; the old one sends nothing more and ends when all that it sent is acknowledged. Where that
 * fails the old one goes on as long as it may, and it is tried again. */
#include <stdio.h>
#include <string.h>

#include "../base/log.h"
#include "../base/name.h"
#include "stages.h"

#define CONNECT_TIMEOUT_NS (10 * YETT_SEC)
#define PARKED_NS          (500 * YETT_MS) /* between two questions whether a session is wanted */
#define RENEW_PAUSE_NS     (10 * YETT_SEC) /* between two tries */
#define RETIRE_NS          (10 * YETT_SEC)

static void set_state(struct yett_link *link, uint32_t state)
{
	if (link->state != state) {
		link->state = state;
		link->since_ns = yett_now(link->node);
	}
}

static void schedule(struct yett_link *link, uint32_t retry_after_ms)
{
	const struct yett_settings *settings = link->node->settings;
	uint64_t ceiling_ns = settings->node.reconnect_min_ns;
	uint64_t delay_ns;

	for (unsigned i = 1; i < link->failures && ceiling_ns < settings->node.reconnect_max_ns;
		i++) {
		ceiling_ns *= 2;
	}
	if (ceiling_ns > settings->node.reconnect_max_ns) {
		ceiling_ns = settings->node.reconnect_max_ns;
	}
	delay_ns = yett_clock_random_below(link->node->clock, ceiling_ns) + 1;
	if (retry_after_ms > 0) {
		delay_ns += retry_after_ms * YETT_MS;
	}
	link->node->loop->table->timer_start(link->timer, delay_ns);
}

/* `ret_peer`: the place that the new session has in the link; it is empty again if this fails. */
static void connect_to(struct yett_link *link, const char *address, struct yett_peer **ret_peer)
{
	struct yett_node *node = link->node;
	const struct yett_transport_operations *transport = node->transport->module->operations;
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_peer *peer = yett_peer_new(node, YETT_ROLE_INITIATOR, address);
	int result;

	peer->link = link;
	*ret_peer = peer;
	result = transport->connect(node->transport->self, address,
		link->settings->source != NULL && link->settings->source[0] != '\0'
			? link->settings->source
			: NULL,
		link->name, CONNECT_TIMEOUT_NS, &yett_peer_channel_events, peer, &peer->channel,
		&error);
	if (result != 0) {
		yett_peer_close(peer, 0, error.mend, "%s",
			error.text[0] != '\0' ? error.text : yett_result_text(result));
		return;
	}
	yett_method_prepare(peer);
}

static void dial(void *arg)
{
	struct yett_link *link = arg;
	struct yett_node *node = link->node;
	const struct yett_list *addresses = &link->settings->address;
	char address[320];

	if (node->draining || link->peer != NULL) {
		return;
	}
	if (!yett_select_wanted(node, link)) {
		node->loop->table->timer_start(link->timer, PARKED_NS);
		return;
	}
	if (addresses->count > 0) {
		g_strlcpy(address,
			((const char **)addresses->items)[link->next_address++ % addresses->count],
			sizeof(address));
	} else {
		snprintf(address, sizeof(address), "%s:5723", link->name);
	}
	set_state(link, YETT_UPSTREAM_CONNECTING);
	connect_to(link, address, &link->peer);
}

void yett_upstream_renew(struct yett_link *link)
{
	struct yett_node *node = link->node;
	char address[sizeof(link->peer->address)];

	if (link->renewal != NULL || node->draining || yett_now(node) < link->renew_ns) {
		return;
	}
	link->renew_ns = yett_now(node) + RENEW_PAUSE_NS;
	g_strlcpy(address, link->peer->address, sizeof(address));
	connect_to(link, address, &link->renewal);
}

static void end_retired(struct yett_link *link)
{
	yett_peer_close(link->retiring, YETT_REFUSE_SHUTDOWN, NULL,
		"the session has been renewed, and this one is not needed any more");
}

static void retire(struct yett_link *link, struct yett_peer *old)
{
	if (link->retiring != NULL) {
		end_retired(link);
	}
	link->retiring = old;
	link->retire_ns = yett_now(link->node) + RETIRE_NS;
}

static void tick_retiring(struct yett_link *link)
{
	if (link->retiring != NULL && (yett_deliver_unsettled(link->retiring) == 0 ||
					      yett_now(link->node) >= link->retire_ns)) {
		end_retired(link);
	}
}

void yett_upstream_tick(struct yett_node *node)
{
	for (guint i = node->links->len; i > 0; i--) {
		struct yett_link *link = node->links->pdata[i - 1];

		tick_retiring(link);
		if (link->peer != NULL && link->peer->state == YETT_PEER_OPEN &&
			yett_deliver_unsettled(link->peer) == 0 &&
			!yett_select_wanted(node, link)) {
			link->failures = 0;
			yett_peer_close(link->peer, YETT_REFUSE_SHUTDOWN, NULL,
				"the policy needs no session with this upstream now");
		}
	}
}

int yett_upstream_open(struct yett_node *node, const struct yett_upstream_settings *settings,
	struct yett_error *error)
{
	struct yett_link *link = g_new0(struct yett_link, 1);

	link->node = node;
	link->settings = settings;
	if (yett_name_normalise(settings->name, link->name, sizeof(link->name)) != 0) {
		g_free(link);
		return yett_fail(error, YETT_ECONFIG, "give its fully qualified name",
			"%s is no name of an upstream", settings->name);
	}
	link->timer = node->loop->table->timer_new(node->loop, dial, link);
	link->state = YETT_UPSTREAM_DOWN;
	link->since_ns = yett_now(node);
	g_ptr_array_add(node->links, link);
	node->loop->table->timer_start(link->timer, 1);
	return 0;
}

void yett_upstream_close(struct yett_link *link)
{
	struct yett_node *node = link->node;

	/* The renewal first: it would take the place of the other. */
	struct yett_peer **const places[] = {&link->renewal, &link->retiring, &link->peer};

	for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
		if (*places[i] != NULL) {
			yett_peer_close(*places[i], YETT_REFUSE_SHUTDOWN, NULL,
				node->draining ? "%s is stopping"
					       : "%s no longer has this node as an upstream",
				node->name);
		}
	}
	node->loop->table->timer_free(link->timer);
	g_ptr_array_remove(node->links, link);
	g_free(link);
	yett_path_update(node);
}

static void take_over(struct yett_link *link)
{
	struct yett_node *node = link->node;
	struct yett_peer *old = link->peer;

	/* The same upstream as before, so its way stands until it tells another. */
	link->peer = link->renewal;
	link->renewal = NULL;
	retire(link, old);
	if (link->state == YETT_UPSTREAM_UP && node->management.upstream_open != NULL) {
		node->management.upstream_open(node->management.arg, link->peer);
	}
	yett_deliver(node);
}

void yett_upstream_ready(struct yett_peer *peer)
{
	struct yett_link *link = peer->link;
	struct yett_node *node = link->node;

	link->failures = 0;
	link->connected_once = true;
	link->error[0] = '\0';
	if (peer == link->renewal) {
		take_over(link);
		return;
	}
	memset(&link->path, 0, sizeof(link->path));
	set_state(link, YETT_UPSTREAM_NO_PATH);
	yett_deliver(node);
}

void yett_upstream_path(struct yett_link *link, const struct yett_path *path)
{
	struct yett_node *node = link->node;
	bool was_up = link->state == YETT_UPSTREAM_UP;

	link->path = *path;
	if (link->peer != NULL && link->peer->state == YETT_PEER_OPEN) {
		set_state(link,
			yett_path_usable(node, path) ? YETT_UPSTREAM_UP : YETT_UPSTREAM_NO_PATH);
	}
	if (link->state == YETT_UPSTREAM_UP && !was_up && node->management.upstream_open != NULL) {
		node->management.upstream_open(node->management.arg, link->peer);
	}
	yett_path_update(node);
	yett_deliver(node);
}

void yett_upstream_gone(struct yett_peer *peer, uint32_t retry_after_ms)
{
	struct yett_link *link = peer->link;
	struct yett_node *node = link->node;

	if (peer == link->renewal) {
		link->renewal = NULL;
		link->renew_ns = yett_now(node) + RENEW_PAUSE_NS + retry_after_ms * YETT_MS;
		return;
	}
	if (peer == link->retiring) {
		link->retiring = NULL;
		yett_deliver(node); /* what it had sent and not heard of */
		return;
	}
	g_strlcpy(link->error, peer->cause, sizeof(link->error));
	memset(&link->path, 0, sizeof(link->path));
	link->peer = link->renewal;
	link->renewal = NULL;
	if (link->peer != NULL) {
		set_state(link, YETT_UPSTREAM_CONNECTING);
	} else {
		link->failures++;
		set_state(link, YETT_UPSTREAM_DOWN);
	}
	if (link->peer == NULL && !node->draining) {
		schedule(link, retry_after_ms);
	}
	yett_path_update(node);
	yett_deliver(node);
}
