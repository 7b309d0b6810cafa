/* Upstreams: the sessions that this node opens.
 *
 * Responsible for dialling each configured upstream, its addresses one after the other, for backing
 * off exponentially with full jitter when all of them have failed, for telling an upstream whether its
 * session is used or a standby, and for what is known of an upstream: its state, its way to the store,
 * why it is down. Not responsible for which of them is used (select.c). On the loop. A refusal that
 * says when to come back is heeded.
 *
 * The address that led to a session last is the first to be tried again, then those after it, each
 * for a bounded time and without a pause between them.
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
#define ADDRESS_LEAST_NS   (3 * YETT_SEC) /* of CONNECT_TIMEOUT_NS, where there are several */

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

static size_t address_count(const struct yett_link *link)
{
	return link->settings->address.count > 0 ? link->settings->address.count : 1;
}

/* Several addresses share the time of one, so that one that swallows everything is soon left. */
static uint64_t connect_timeout(const struct yett_link *link)
{
	uint64_t share_ns = CONNECT_TIMEOUT_NS / address_count(link);

	return share_ns > ADDRESS_LEAST_NS ? share_ns : ADDRESS_LEAST_NS;
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
		link->name, connect_timeout(link), &yett_peer_channel_events, peer, &peer->channel,
		&error);
	if (result != 0) {
		yett_peer_close(peer, 0, error.mend, "%s",
			error.text[0] != '\0' ? error.text : yett_result_text(result));
		return;
	}
	yett_method_prepare(peer);
}

static void dial_now(struct yett_link *link)
{
	const struct yett_list *addresses = &link->settings->address;
	char address[320];

	link->parked = false;
	if (addresses->count > 0) {
		g_strlcpy(address,
			((const char **)addresses
					->items)[(link->address + link->tried) % addresses->count],
			sizeof(address));
	} else {
		snprintf(address, sizeof(address), "%s:5723", link->name);
	}
	set_state(link, YETT_UPSTREAM_CONNECTING);
	connect_to(link, address, &link->peer);
}

static void dial(void *arg)
{
	struct yett_link *link = arg;
	struct yett_node *node = link->node;

	if (node->draining || link->peer != NULL) {
		return;
	}
	if (yett_select_wanted(node, link) == YETT_WANTED_NOT) {
		link->parked = true;
		link->failures = 0; /* what was then says nothing of when it is needed */
		node->loop->table->timer_start(link->timer, PARKED_NS);
		return;
	}
	dial_now(link);
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

void yett_upstream_move(struct yett_link *link, const char *address)
{
	struct yett_node *node = link->node;

	if (link->peer == NULL || link->peer->state != YETT_PEER_OPEN || link->renewal != NULL ||
		node->draining || yett_now(node) < link->renew_ns) {
		return;
	}
	link->renew_ns = yett_now(node) + RENEW_PAUSE_NS;
	connect_to(link, address, &link->renewal);
}

void yett_upstream_prove(struct yett_link *link)
{
	if (link->node->draining) {
		return;
	}
	if (link->peer == NULL) {
		dial_now(link);
	} else if (link->peer->state == YETT_PEER_OPEN) {
		link->renew_ns = 0;
		yett_upstream_renew(link);
	}
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
	link->retiring = old->state == YETT_PEER_OPEN ? old : NULL; /* that may have ended it */
	link->retire_ns = yett_now(link->node) + RETIRE_NS;
}

static void tick_retiring(struct yett_link *link)
{
	/* What was asked by it is answered by it. */
	if (link->retiring != NULL && ((yett_deliver_unsettled(link->retiring) == 0 &&
					       yett_wire_questions(link->retiring->wire) == 0) ||
					      yett_now(link->node) >= link->retire_ns)) {
		end_retired(link);
	}
}

uint64_t yett_upstream_stalled(const struct yett_link *link)
{
	uint64_t now_ns = yett_now(link->node);

	if (link->peer == NULL || yett_deliver_unsettled(link->peer) == 0 ||
		now_ns < link->waits_ns) {
		return 0;
	}
	return now_ns - link->waits_ns;
}

/* Tells the upstream; the session counter rises with it, so that whoever hears of this node by several
 * ways knows the newest. */
static void tell_standby(struct yett_link *link, bool on)
{
	struct yett_node *node = link->node;
	struct yett_peer *peer = link->peer;
	struct yett_standby message = {.on = on, .session = ++node->sessions};

	peer->standby = on;
	yett_wire_standby(peer->wire, &message);
	if (!on && link->state == YETT_UPSTREAM_UP && node->management.upstream_open != NULL) {
		node->management.upstream_open(node->management.arg, peer);
	}
	yett_peer_flush(peer);
}

void yett_upstream_use(struct yett_link *link)
{
	if (link->peer != NULL && link->peer->state == YETT_PEER_OPEN && link->peer->standby) {
		tell_standby(link, false);
	}
}

static void watch_standby(struct yett_link *link)
{
	bool stands_by = link->peer != NULL && link->peer->state == YETT_PEER_OPEN &&
			 link->peer->standby && link->state == YETT_UPSTREAM_UP;

	if (stands_by && !link->stands_by) {
		yett_log(YETT_LOG_NOTICE, "standby-up",
			"a standby is ready, and takes over at once when it is needed upstream=%s "
			"address=%s",
			link->name, link->peer->address);
	}
	link->stands_by = stands_by;
}

static void lose_standby(struct yett_link *link, const char *why)
{
	if (link->stands_by && !link->node->draining &&
		yett_select_wanted(link->node, link) == YETT_WANTED_STANDBY) {
		yett_log(YETT_LOG_WARNING, "standby-lost",
			"the standby is gone; until it is back, a failover has to connect first: "
			"%s upstream=%s",
			why, link->name);
	}
	link->stands_by = false;
}

/* Each session is for what the policy wants it for. One that is to be a standby first gets what was
 * sent there acknowledged. */
static void assign(struct yett_node *node)
{
	if (node->draining) {
		return; /* nobody moves for a node that stops */
	}
	for (guint i = node->links->len; i > 0; i--) {
		struct yett_link *link = i <= node->links->len ? node->links->pdata[i - 1] : NULL;
		enum yett_wanted wanted;

		if (link == NULL || link->peer == NULL || link->peer->state != YETT_PEER_OPEN) {
			continue;
		}
		wanted = yett_select_wanted(node, link);
		if (wanted == YETT_WANTED) {
			yett_upstream_use(link);
		} else if (wanted == YETT_WANTED_STANDBY && !link->peer->standby &&
			   yett_deliver_unsettled(link->peer) == 0) {
			tell_standby(link, true);
		}
		watch_standby(link);
	}
}

/* One that is no longer used: it ends when it is not to be a standby, or holds back what was sent there. */
static void tick_unused(struct yett_link *link)
{
	enum yett_wanted wanted = yett_select_wanted(link->node, link);

	if (wanted == YETT_WANTED) {
		return;
	}
	if (yett_upstream_stalled(link) >= RETIRE_NS) {
		yett_peer_close(link->peer, YETT_REFUSE_SHUTDOWN,
			"look at the load of the upstream, and at its way to the store",
			"it acknowledges nothing, and another one is used: what it has not "
			"acknowledged is sent there");
		return;
	}
	if (wanted == YETT_WANTED_NOT && yett_deliver_unsettled(link->peer) == 0 &&
		yett_wire_questions(link->peer->wire) == 0) {
		link->failures = 0;
		link->dismissed = true;
		yett_peer_close(link->peer, YETT_REFUSE_SHUTDOWN, NULL,
			"the policy needs no session with this upstream now");
		link->dismissed = false;
	}
}

void yett_upstream_tick(struct yett_node *node)
{
	for (guint i = node->links->len; i > 0; i--) {
		struct yett_link *link = node->links->pdata[i - 1];

		tick_retiring(link);
		if (link->peer != NULL && link->peer->state == YETT_PEER_OPEN) {
			tick_unused(link);
		}
	}
	assign(node);
}

/* Those for which no session was wanted may be needed now: not in half a second. */
static void wake_parked(struct yett_node *node)
{
	for (guint i = 0; i < node->links->len; i++) {
		struct yett_link *link = node->links->pdata[i];

		if (link->parked && link->peer == NULL && !node->draining) {
			schedule(link, 0); /* by chance: others may have lost the same */
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

	link->stands_by = false; /* its end is no loss */
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
	link->waits_ns = yett_now(node);
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

	link->proving = true;
	link->failures = 0;
	link->id = peer->id;
	link->address = (link->address + link->tried) % address_count(link);
	link->tried = 0;
	link->error[0] = '\0';
	link->failure.at_ns = 0;
	if (peer == link->renewal) {
		take_over(link);
		assign(node);
		return;
	}
	memset(&link->path, 0, sizeof(link->path));
	set_state(link, YETT_UPSTREAM_NO_PATH);
	assign(node);
	yett_deliver(node);
}

void yett_upstream_path(struct yett_link *link, const struct yett_path *path)
{
	struct yett_node *node = link->node;
	bool was_up = link->state == YETT_UPSTREAM_UP;

	link->path = *path;
	if (path->open) {
		link->way = *path;
	}
	if (link->peer != NULL && link->peer->state == YETT_PEER_OPEN) {
		set_state(link,
			yett_path_usable(node, path) ? YETT_UPSTREAM_UP : YETT_UPSTREAM_NO_PATH);
	}
	if (link->state == YETT_UPSTREAM_UP && !was_up && node->management.upstream_open != NULL) {
		node->management.upstream_open(node->management.arg, link->peer);
	}
	if (link->proving && link->state == YETT_UPSTREAM_UP) {
		link->proving = false;
		link->proven_ns = yett_clock_wall(node->clock);
	}
	if (link->state != YETT_UPSTREAM_UP) {
		lose_standby(link, "it has no way to the store");
	}
	yett_path_update(node);
	assign(node);
	yett_deliver(node);
}

/* Another address at once, or, when none has led anywhere, all of them again after a while. */
static void dial_again(struct yett_link *link, bool was_open, uint32_t retry_after_ms)
{
	if (!was_open && ++link->tried % address_count(link) != 0 && retry_after_ms == 0) {
		link->node->loop->table->timer_start(link->timer, 1);
		return;
	}
	link->failures++;
	schedule(link, retry_after_ms);
}

void yett_upstream_gone(struct yett_peer *peer, enum yett_peer_state was, uint32_t retry_after_ms)
{
	struct yett_link *link = peer->link;
	struct yett_node *node = link->node;
	bool was_open;

	if (peer != link->renewal && peer != link->peer) {
		/* It was renewed; it has no place at all while it waits for that of another. */
		if (peer == link->retiring) {
			link->retiring = NULL;
		}
		yett_deliver(node); /* what it had sent and not heard of */
		return;
	}
	if (!link->dismissed) {
		yett_peer_failure(peer, was, &link->failure);
	}
	if (peer == link->renewal) {
		link->renewal = NULL;
		link->renew_ns = yett_now(node) + RENEW_PAUSE_NS + retry_after_ms * YETT_MS;
		return;
	}
	g_strlcpy(link->error, peer->cause, sizeof(link->error));
	was_open = link->state == YETT_UPSTREAM_UP || link->state == YETT_UPSTREAM_NO_PATH;
	memset(&link->path, 0, sizeof(link->path));
	link->peer = link->renewal;
	link->renewal = NULL;
	set_state(link, link->peer != NULL ? YETT_UPSTREAM_CONNECTING : YETT_UPSTREAM_DOWN);
	lose_standby(link, peer->cause);
	if (link->peer == NULL && !node->draining) {
		dial_again(link, was_open, retry_after_ms);
	}
	yett_path_update(node);
	wake_parked(node);
	assign(node);
	yett_deliver(node);
}
