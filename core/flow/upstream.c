/* Upstreams: the sessions that this node opens.
 *
 * Responsible for dialling each configured upstream, its addresses in turn, for backing off
 * exponentially with full jitter when that fails, and for what is known of an upstream: its state,
 * its way to the store, why it is down. Not responsible for which of them is used (select.c). On the
 * loop. A refusal that says when to come back is heeded. */
#include <stdio.h>
#include <string.h>

#include "../base/log.h"
#include "../base/name.h"
#include "stages.h"

#define CONNECT_TIMEOUT_NS (10 * YETT_SEC)
#define PARKED_NS          (500 * YETT_MS) /* between two questions whether a session is wanted */

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

static void dial(void *arg)
{
	struct yett_link *link = arg;
	struct yett_node *node = link->node;
	const struct yett_transport_operations *transport = node->transport->module->operations;
	const struct yett_list *addresses = &link->settings->address;
	struct yett_error error = YETT_ERROR_INIT;
	char address[320];
	struct yett_peer *peer;
	int result;

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
	peer = yett_peer_new(node, YETT_ROLE_INITIATOR, address);
	peer->link = link;
	link->peer = peer;
	set_state(link, YETT_UPSTREAM_CONNECTING);
	result = transport->connect(node->transport->self, address,
		link->settings->source != NULL && link->settings->source[0] != '\0'
			? link->settings->source
			: NULL,
		link->name, CONNECT_TIMEOUT_NS, &yett_peer_channel_events, peer, &peer->channel,
		&error);
	if (result != 0) {
		yett_peer_close(peer, 0, error.mend, "%s",
			error.text[0] != '\0' ? error.text : yett_result_text(result));
	}
}

void yett_upstream_tick(struct yett_node *node)
{
	for (guint i = node->links->len; i > 0; i--) {
		struct yett_link *link = node->links->pdata[i - 1];

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

	if (link->peer != NULL) {
		if (node->draining) {
			yett_peer_close(link->peer, YETT_REFUSE_SHUTDOWN, NULL, "%s is stopping",
				node->name);
		} else {
			yett_peer_close(link->peer, YETT_REFUSE_SHUTDOWN, NULL,
				"%s no longer has this node as an upstream", node->name);
		}
	}
	node->loop->table->timer_free(link->timer);
	g_ptr_array_remove(node->links, link);
	g_free(link);
	yett_path_update(node);
}

void yett_upstream_ready(struct yett_link *link)
{
	struct yett_node *node = link->node;

	link->failures = 0;
	link->connected_once = true;
	link->error[0] = '\0';
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

void yett_upstream_gone(struct yett_link *link, uint32_t retry_after_ms)
{
	struct yett_node *node = link->node;

	g_strlcpy(link->error, link->peer->cause, sizeof(link->error));
	link->peer = NULL;
	link->failures++;
	set_state(link, YETT_UPSTREAM_DOWN);
	memset(&link->path, 0, sizeof(link->path));
	if (!node->draining) {
		schedule(link, retry_after_ms);
	}
	yett_path_update(node);
	yett_deliver(node);
}
