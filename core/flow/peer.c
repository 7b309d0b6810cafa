/* Peers: one session each, with either role.
 *
 * Responsible for joining the channel (transport module) to the session machine (wire/), for handing
 * each event to the stage that it belongs to, for liveness (pings), and for the one way in which a
 * session ends. Not responsible for what the stages do with events, nor for dialling again
 * (upstream.c). Runs on the loop.
 *
 * A peer is counted: the node's list, keeps on their way to disk and a running authentication hold
 * it. Once closed it does nothing more; its memory goes, from the loop, with the last reference.
 * Any failure closes the session, says why once in the log, and gives what was in flight back. */
#include "peer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../base/fields.h"
#include "../base/log.h"
#include "stages.h"

#define OUTPUT_PIECES 32
#define FELL_BACK_NS  (60 * YETT_SEC) /* then a better method is tried again */
#define SUPERSEDED_NS (15 * YETT_SEC) /* longer than an initiator lets it live */

static const char *const state_names[] = {
	[YETT_PEER_CONNECTING] = "connecting",
	[YETT_PEER_HELLO] = "hello",
	[YETT_PEER_AUTH] = "authenticating",
	[YETT_PEER_INTRO] = "introducing",
	[YETT_PEER_OPEN] = "open",
	[YETT_PEER_CLOSED] = "closed",
};

const char *yett_peer_state_name(enum yett_peer_state state)
{
	return state_names[state];
}

static const struct yett_transport_operations *transport_of(const struct yett_peer *peer)
{
	return peer->node->transport->module->operations;
}

struct yett_peer *yett_peer_new(struct yett_node *node, enum yett_role role, const char *address)
{
	struct yett_peer *peer = g_new0(struct yett_peer, 1);

	peer->node = node;
	peer->loop = node->loop;
	peer->role = role;
	peer->state = YETT_PEER_CONNECTING;
	peer->references = 1;
	peer->opened_ns = peer->heard_ns = peer->sent_ns = yett_now(node);
	g_strlcpy(peer->address, address, sizeof(peer->address));
	g_ptr_array_add(node->peers, peer);
	return peer;
}

static void free_now(void *arg)
{
	struct yett_peer *peer = arg;

	yett_wire_free(peer->wire);
	g_free(peer->offer);
	g_free(peer->ack);
	g_free(peer->mend);
	g_free(peer);
}

struct yett_peer *yett_peer_ref(struct yett_peer *peer)
{
	peer->references++;
	return peer;
}

void yett_peer_unref(struct yett_peer *peer)
{
	if (--peer->references == 0) {
		/* Not now: a call of the wire machine may be on the stack. */
		peer->gone.fn = free_now;
		peer->gone.arg = peer;
		peer->loop->table->post(peer->loop, &peer->gone);
	}
}

void yett_peer_flush(struct yett_peer *peer)
{
	struct iovec iov[OUTPUT_PIECES];

	while (peer->channel != NULL && peer->wire != NULL && !peer->blocked) {
		size_t bytes = 0;
		int n = yett_wire_output(peer->wire, iov, OUTPUT_PIECES);
		int result;

		if (n == 0) {
			return;
		}
		result = transport_of(peer)->send(peer->channel, iov, n);
		if (result == YETT_EAGAIN) {
			peer->blocked = true;
			return;
		}
		if (result < 0) {
			yett_peer_close(
				peer, 0, NULL, "sending failed: %s", yett_result_text(result));
			return;
		}
		for (int i = 0; i < n; i++) {
			bytes += iov[i].iov_len;
		}
		yett_wire_sent(peer->wire, bytes);
		peer->sent_ns = yett_now(peer->node);
	}
}

/* `told`: the cause has an event of its own, and stands there alone. */
static void log_end(struct yett_peer *peer, enum yett_peer_state was, uint32_t code,
	const char *told, const char *mend)
{
	const char *name = peer->name[0] != '\0' ? peer->name
			   : peer->link != NULL  ? peer->link->name
						 : "unknown";
	int level = YETT_LOG_NOTICE;
	const char *event = "session-closed";

	if (was != YETT_PEER_OPEN) {
		event = peer->role == YETT_ROLE_ACCEPTOR ? "session-refused" : "session-failed";
		/* Our own doing is no sign of anything: it comes again. */
		level = peer->role == YETT_ROLE_ACCEPTOR && code != YETT_REFUSE_SHUTDOWN
				? YETT_LOG_WARNING
				: YETT_LOG_NOTICE;
		yett_count(peer->node, YETT_COUNT_REFUSED, 1);
	}
	if (told != NULL) {
		yett_log(level, event,
			"not authenticated, as authentication-denied says; the peer is told: %s "
			"peer=%s address=%s state=%s code=%u",
			told, name, peer->address, state_names[was], code);
		return;
	}
	yett_log(level, event, "%s%s%s peer=%s address=%s state=%s code=%u", peer->cause,
		mend != NULL && mend[0] != '\0' ? "; " : "", mend != NULL ? mend : "", name,
		peer->address, state_names[was], code);
}

void yett_peer_failure(
	const struct yett_peer *peer, enum yett_peer_state was, struct yett_failure *ret_failure)
{
	memset(ret_failure, 0, sizeof(*ret_failure));
	ret_failure->at_ns = yett_clock_wall(peer->node->clock);
	ret_failure->state = was;
	ret_failure->reached = peer->reached;
	ret_failure->told = peer->heard_code != 0 || peer->denied;
	ret_failure->result = peer->result;
	ret_failure->code = peer->heard_code;
	ret_failure->clock_known = was >= YETT_PEER_AUTH;
	ret_failure->clock_offset_ns = peer->clock_offset_ns;
	g_strlcpy(ret_failure->address, peer->address, sizeof(ret_failure->address));
	g_strlcpy(ret_failure->cause, peer->cause, sizeof(ret_failure->cause));
	g_strlcpy(
		ret_failure->mend, peer->mend != NULL ? peer->mend : "", sizeof(ret_failure->mend));
}

/* After this nothing of the session remains but references. */
static void end(struct yett_peer *peer, enum yett_peer_state was, uint32_t retry_after_ms)
{
	struct yett_node *node = peer->node;

	yett_authenticate_cancel(peer);
	yett_credit_close(peer);
	if (was == YETT_PEER_OPEN && node->management.left != NULL) {
		node->management.left(node->management.arg, peer);
	}
	if (was != YETT_PEER_OPEN && peer->role == YETT_ROLE_ACCEPTOR && !node->draining) {
		yett_refusal_note(peer, was);
	}
	if (peer->gate != NULL) {
		yett_accept_gone(peer);
	}
	yett_deliver_gone(peer);
	if (peer->link != NULL) {
		yett_upstream_gone(peer, was, retry_after_ms);
		peer->link = NULL;
	}
	g_ptr_array_remove_fast(node->peers, peer);
	yett_peer_unref(peer);
}

/* `told`: what the peer is told instead; NULL: the cause. */
__attribute__((format(printf, 6, 0))) static void vclose(struct yett_peer *peer, uint32_t code,
	uint32_t retry_after_ms, const char *told, const char *mend, const char *format,
	va_list args)
{
	enum yett_peer_state was = peer->state;
	struct yett_refuse refuse = {.code = code, .retry_after_ms = retry_after_ms};

	if (was == YETT_PEER_CLOSED) {
		return;
	}
	vsnprintf(peer->cause, sizeof(peer->cause), format, args);
	g_free(peer->mend);
	peer->mend = g_strdup(mend);
	if (code != 0 && peer->wire != NULL) {
		g_strlcpy(refuse.cause, told != NULL ? told : peer->cause, sizeof(refuse.cause));
		g_strlcpy(
			refuse.mend, mend != NULL && told == NULL ? mend : "", sizeof(refuse.mend));
		if (was == YETT_PEER_OPEN) {
			yett_wire_goodbye(peer->wire, &refuse);
		} else {
			yett_wire_refuse(peer->wire, &refuse);
		}
		yett_peer_flush(peer);
		if (peer->state == YETT_PEER_CLOSED) {
			return; /* sending failed, and that ended it */
		}
	}
	peer->state = YETT_PEER_CLOSED;
	if (was == YETT_PEER_OPEN) {
		yett_sessions_remove(peer);
	}
	if (peer->wire != NULL) {
		yett_wire_close(peer->wire);
	}
	if (peer->channel != NULL) {
		transport_of(peer)->close(peer->channel, code != 0);
		peer->channel = NULL;
		peer->facts = NULL;
	}
	log_end(peer, was, code, told, mend);
	end(peer, was, retry_after_ms);
}

void yett_peer_close(
	struct yett_peer *peer, uint32_t code, const char *mend, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vclose(peer, code, 0, NULL, mend, format, args);
	va_end(args);
}

__attribute__((format(printf, 5, 6))) static void close_with(struct yett_peer *peer, uint32_t code,
	uint32_t retry_after_ms, const char *mend, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vclose(peer, code, retry_after_ms, NULL, mend, format, args);
	va_end(args);
}

void yett_peer_refuse(struct yett_peer *peer, uint32_t code, uint32_t retry_after_ms,
	const char *mend, const char *cause)
{
	close_with(peer, code, retry_after_ms, mend, "%s", cause);
}

void yett_peer_close_told(struct yett_peer *peer, uint32_t code, const char *told, const char *mend,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vclose(peer, code, 0, told, mend, format, args);
	va_end(args);
}

/* Events of the wire machine: each to its stage. */

static void on_hello(void *arg, const struct yett_hello *message)
{
	yett_authenticate_hello(arg, message);
}

static void on_auth(void *arg, const struct yett_auth_message *message)
{
	yett_authenticate_message(arg, message);
}

static void on_intro(void *arg, const struct yett_intro *message)
{
	yett_admit_intro(arg, message);
}

static void on_welcome(void *arg, const struct yett_welcome *message)
{
	yett_admit_welcome(arg, message);
}

/* How long one is to wait may be said by anybody at that address, before he has proved who he is; and
 * whoever has may be wrong. */
static void on_refused(void *arg, const struct yett_refuse *message)
{
	struct yett_peer *peer = arg;
	uint64_t most_ms = peer->state == YETT_PEER_OPEN || peer->state == YETT_PEER_INTRO
				   ? YETT_RETRY_MOST_MS
				   : peer->node->settings->node.reconnect_max_ns / YETT_MS;
	struct yett_refuse said = *message;

	/* It may be a stranger, and words like "peer=" are this node's own in the log. */
	yett_fields_tame(said.cause);
	yett_fields_tame(said.mend);
	peer->heard_code = said.code;
	close_with(peer, 0, (uint32_t)MIN(said.retry_after_ms, most_ms), said.mend,
		"the peer says: %s", said.cause);
}

static void on_batch(void *arg, uint64_t number, const struct yett_envelope *envelope,
	const struct yett_batch *batch)
{
	yett_intake(arg, number, envelope, batch);
}

static void on_ack(void *arg, const struct yett_ack *message)
{
	yett_settle(arg, message);
}

static void on_credit(void *arg, const struct yett_credit *message)
{
	struct yett_peer *peer = arg;

	if (peer->role == YETT_ROLE_ACCEPTOR) {
		yett_credit_wanted(peer, message);
	} else {
		yett_deliver_granted(peer, message);
	}
}

static void on_path(void *arg, const struct yett_path *message)
{
	struct yett_peer *peer = arg;

	if (peer->link != NULL && peer->link->peer == peer) {
		yett_upstream_path(peer->link, message);
	}
}

static void on_attach(void *arg, const struct yett_attach *message)
{
	struct yett_peer *peer = arg;
	const struct yett_management *management = &peer->node->management;
	uint32_t refused = message->count;

	if (peer->may_proxy && management->attach != NULL) {
		refused = management->attach(management->arg, peer, message);
	}
	if (refused > 0) {
		yett_log(YETT_LOG_WARNING, "attach-refused",
			"a node speaks for %u others that it may not speak for; list it under "
			"`proxy` of the listener if it is a gateway peer=%s",
			refused, peer->name);
	}
}

static void on_detach(void *arg, const struct yett_detach *message)
{
	struct yett_peer *peer = arg;
	const struct yett_management *management = &peer->node->management;

	if (peer->may_proxy && management->detach != NULL) {
		management->detach(management->arg, peer, message);
	}
}

static void on_admission(void *arg, const struct yett_admission *message)
{
	struct yett_peer *peer = arg;
	const struct yett_management *management = &peer->node->management;

	if (management->admission != NULL) {
		management->admission(management->arg, peer, message);
	}
}

static void on_config(void *arg, const struct yett_config *message)
{
	struct yett_peer *peer = arg;
	const struct yett_management *management = &peer->node->management;

	if (management->config != NULL) {
		management->config(management->arg, peer, message);
	}
}

static void on_applied(void *arg, const struct yett_applied *message)
{
	struct yett_peer *peer = arg;
	const struct yett_management *management = &peer->node->management;

	if (management->applied != NULL) {
		management->applied(management->arg, peer, message);
	}
}

static void on_query(void *arg, const struct yett_query_message *message)
{
	struct yett_peer *peer = arg;
	const struct yett_management *management = &peer->node->management;

	if (management->query != NULL) {
		management->query(management->arg, peer, message);
	}
}

static void on_report(void *arg, const struct yett_report *message)
{
	struct yett_peer *peer = arg;
	const struct yett_management *management = &peer->node->management;

	if (management->report != NULL) {
		management->report(management->arg, peer, message);
	}
}

static void on_heartbeat(void *arg, const struct yett_heartbeat *message)
{
	struct yett_peer *peer = arg;
	const struct yett_management *management = &peer->node->management;

	peer->heartbeat_ns = yett_now(peer->node);
	if (management->heartbeat != NULL) {
		management->heartbeat(management->arg, peer, message);
	}
}

static void on_standby(void *arg, const struct yett_standby *message)
{
	yett_admit_standby(arg, message);
}

static void on_pong(void *arg, uint64_t token)
{
	struct yett_peer *peer = arg;

	if (peer->ping_ns != 0 && token == peer->ping_ns) {
		peer->rtt_ns = yett_now(peer->node) - peer->ping_ns;
		peer->ping_ns = 0;
	}
}

static void on_failed(void *arg, int result, const struct yett_error *error)
{
	yett_peer_close(arg, YETT_REFUSE_PROTOCOL, error != NULL ? error->mend : NULL, "%s",
		error != NULL && error->text[0] != '\0' ? error->text : yett_result_text(result));
}

static const struct yett_wire_events wire_events = {
	.hello = on_hello,
	.auth = on_auth,
	.intro = on_intro,
	.welcome = on_welcome,
	.refused = on_refused,
	.goodbye = on_refused,
	.batch = on_batch,
	.ack = on_ack,
	.credit = on_credit,
	.path = on_path,
	.attach = on_attach,
	.detach = on_detach,
	.heartbeat = on_heartbeat,
	.standby = on_standby,
	.admission = on_admission,
	.config = on_config,
	.applied = on_applied,
	.query = on_query,
	.report = on_report,
	.pong = on_pong,
	.failed = on_failed,
};

/* Events of the channel. */

static void channel_up(void *arg, const struct yett_facts *facts)
{
	struct yett_peer *peer = arg;

	peer->facts = facts;
	peer->heard_ns = yett_now(peer->node);
	yett_accept_heard(peer);
	peer->wire = yett_wire_new(peer->role, &wire_events, peer);
	peer->state = YETT_PEER_HELLO;
	yett_authenticate(peer);
	yett_peer_flush(peer);
}

static void channel_received(void *arg, const uint8_t *bytes, size_t length)
{
	struct yett_peer *peer = arg;

	if (peer->state == YETT_PEER_CLOSED || peer->wire == NULL) {
		return;
	}
	yett_peer_ref(peer);
	peer->heard_ns = yett_now(peer->node);
	yett_wire_receive(peer->wire, bytes, length);
	yett_peer_flush(peer);
	yett_peer_unref(peer);
}

static void channel_writable(void *arg)
{
	struct yett_peer *peer = arg;

	peer->blocked = false;
	yett_peer_flush(peer);
	if (peer->state == YETT_PEER_OPEN) {
		const struct yett_management *management = &peer->node->management;

		if (management->writable != NULL) {
			management->writable(management->arg, peer);
		}
	}
	if (peer->link != NULL && peer->state == YETT_PEER_OPEN) {
		yett_deliver(peer->node);
	}
}

static void channel_closed(void *arg, int result, const struct yett_error *error)
{
	struct yett_peer *peer = arg;
	const char *text =
		error != NULL && error->text[0] != '\0' ? error->text : yett_result_text(result);

	peer->channel = NULL;
	peer->facts = NULL;
	peer->result = result;
	yett_peer_close(peer, 0, error != NULL ? error->mend : NULL, "%s", text);
}

static void channel_begun(void *arg)
{
	struct yett_peer *peer = arg;

	peer->reached = true;
	if (peer->role == YETT_ROLE_ACCEPTOR) {
		yett_accept_heard(peer);
	}
}

const struct yett_channel_events yett_peer_channel_events = {
	.size = sizeof(struct yett_channel_events),
	.up = channel_up,
	.received = channel_received,
	.writable = channel_writable,
	.closed = channel_closed,
	.begun = channel_begun,
};

/* The initiator renews a session before it must end: with a tenth of its life left at least, and up to a
 * fifth, so that a thousand do not at once; and soon, where it had to do with another method. Either end
 * closes one that was not renewed in time. */
static void renew_in_time(struct yett_peer *peer, uint64_t now_ns, int64_t wall_ns)
{
	uint64_t age_ns = now_ns - peer->opened_ns;
	uint64_t max_ns = peer->node->settings->node.session_max_ns;
	uint64_t life_ns = max_ns, expires_in_ns;
	uint64_t early = 1000 + peer->opened_ns / 1000 % 1000; /* of 10,000 */

	if (peer->role != YETT_ROLE_INITIATOR || peer->link->peer != peer) {
		return;
	}
	if (peer->expires_ns != 0 && peer->expires_ns > wall_ns) {
		expires_in_ns = (uint64_t)(peer->expires_ns - wall_ns);
		life_ns = age_ns + expires_in_ns < max_ns ? age_ns + expires_in_ns : max_ns;
	}
	if (age_ns > life_ns - life_ns / 10000 * early ||
		(peer->fell_back && age_ns > FELL_BACK_NS + FELL_BACK_NS / 10000 * early)) {
		yett_upstream_renew(peer->link);
	}
}

/* Each end sends something at least every so often, so that silence is a sign. A PING is asked for by
 * silence of either end: what a peer would answer may have to wait behind what is on its way there, and
 * what it says of itself need not. The acceptor waits a little longer, as its PONG mostly does. */
static void ping(struct yett_peer *peer, uint64_t now_ns)
{
	uint64_t idle_ns = peer->node->settings->node.ping_ns;
	uint64_t patience_ns = peer->role == YETT_ROLE_ACCEPTOR ? idle_ns / 4 : 0;

	if (now_ns - peer->sent_ns < idle_ns + patience_ns &&
		(peer->ping_ns != 0 || now_ns - peer->heard_ns < idle_ns + patience_ns)) {
		return;
	}
	if (peer->ping_ns == 0) {
		peer->ping_ns = now_ns;
	}
	peer->sent_ns = now_ns; /* also where the channel takes nothing now */
	yett_wire_ping(peer->wire, now_ns);
	yett_peer_flush(peer);
}

static void tick_open(struct yett_peer *peer, uint64_t now_ns)
{
	int64_t wall_ns = yett_clock_wall(peer->node->clock);

	renew_in_time(peer, now_ns, wall_ns);
	if (now_ns - peer->heard_ns > peer->node->settings->node.ping_limit_ns) {
		yett_peer_close(peer, 0,
			"look at the peer, and at the network between; raise node.ping-limit where "
			"such silence is no fault",
			"nothing heard for %.1f s, though it was asked",
			(double)(now_ns - peer->heard_ns) / (double)YETT_SEC);
		return;
	}
	if (peer->expires_ns != 0 && wall_ns >= peer->expires_ns) {
		yett_peer_close(peer, YETT_REFUSE_TIMEOUT, "connect again with a fresh credential",
			"the credential that opened this session has expired");
	} else if (now_ns - peer->opened_ns > peer->node->settings->node.session_max_ns) {
		yett_peer_close(peer, YETT_REFUSE_TIMEOUT, NULL,
			"the session has lived as long as it may, and was not renewed in time");
	} else if (peer->superseded_ns != 0 && now_ns - peer->superseded_ns > SUPERSEDED_NS) {
		yett_peer_close(
			peer, YETT_REFUSE_CLONE, NULL, "superseded by a newer session long since");
	} else {
		ping(peer, now_ns);
	}
}

void yett_peer_paused(struct yett_peer *peer, uint64_t by_ns, uint64_t now_ns)
{
	peer->heard_ns = MIN(peer->heard_ns + by_ns, now_ns);
}

void yett_peer_tick(struct yett_peer *peer, uint64_t now_ns)
{
	uint64_t limit_ns =
		peer->gate != NULL ? peer->gate->settings->handshake_timeout_ns : 10 * YETT_SEC;

	if (peer->state == YETT_PEER_OPEN) {
		tick_open(peer, now_ns);
	} else if (now_ns - peer->opened_ns > limit_ns) {
		yett_peer_close(peer, YETT_REFUSE_TIMEOUT,
			"look at the network between, and at the load of both ends",
			"no session within %.0f s: it stopped at %s", (double)limit_ns / 1e9,
			state_names[peer->state]);
	}
}
