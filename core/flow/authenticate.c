/* Authenticate: HELLO and AUTH.
 *
 * Responsible for the choice of a method (the initiator takes the first of the acceptor's list that
 * it has and may use, and the next one where that cannot be had now), for running the auth module's
 * steps on the authentication threads, for going on only when both ends say DONE, and for judging
 * sessions again after a reload: who is on the way in begins anew. There is no method "none", and no way on
 * without one. Not responsible for what proves a name (modules) nor for who may take part (admit.c).
 *
 * On the loop but for `work`, which runs on one thread at a time for each context and touches only
 * the authentication itself. A peer that goes away meanwhile is noted: a job that has not begun then does
 * nothing. The context is ended when the job is done. Facts are copied, since the channel may go first. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "../base/fields.h"
#include "../base/log.h"
#include "stages.h"

#define CHAIN_BYTES_MAX  65536
#define CLOCK_OFF_MAX_NS (INT64_MAX / 2) /* with what is added to it, and without sign */

struct yett_authentication {
	struct yett_peer *peer; /* one reference */
	struct yett_auth_slot *slot;
	const struct yett_clock *clock;
	struct yett_job job;
	bool running;
	atomic_bool cancelled; /* nobody waits for the job any more */
	bool local_done, peer_done;
	void *context;
	struct yett_facts facts; /* a copy, with bytes of its own */
	uint8_t *chain_bytes;
	char addresses[2][64];
	char suite[64];
	char expected[YETT_NODE_NAME_SIZE];
	char peer_realm[256];
	int64_t peer_ahead_ns;
	/* for the job */
	bool first;
	bool judging;
	uint8_t *in;
	size_t in_length;
	int result;
	uint32_t status;
	uint8_t *out;
	size_t out_length;
	char peer_cause[YETT_CAUSE_SIZE];
	struct yett_error error;
	/* of the identity, copied by the job when it is DONE */
	char mechanism[YETT_METHOD_NAME_SIZE], authority[256], name[YETT_NODE_NAME_SIZE],
		principal[256];
	bool channel_bound;
	int64_t expires_ns;
};

void yett_authenticate(struct yett_peer *peer)
{
	struct yett_hello hello = {
		.version_low = YETT_VERSION_LOW,
		.version_high = YETT_VERSION_HIGH,
		.capabilities = YETT_CAN_QUERY,
		.wall_ns = yett_clock_wall(peer->node->clock),
	};

	yett_method_offer(peer, &hello);
	yett_wire_hello(peer->wire, &hello);
}

/* On an authentication thread: one step, and the identity with the last one. */
static void step(struct yett_authentication *auth)
{
	const struct yett_auth_operations *operations = auth->slot->operations;
	struct yett_auth_token token = {.size = sizeof(token)};
	struct yett_identity identity = {.size = sizeof(identity)};

	auth->result =
		operations->step(auth->context, auth->in, auth->in_length, &token, &auth->error);
	if (auth->result != 0) {
		return;
	}
	auth->status = token.status;
	auth->out = g_memdup2(token.bytes, token.length);
	auth->out_length = token.length;
	g_strlcpy(auth->peer_cause, token.peer_cause != NULL ? token.peer_cause : "",
		sizeof(auth->peer_cause));
	if (token.status != YETT_AUTH_DONE) {
		return;
	}
	auth->result = operations->identity(auth->context, &identity);
	if (auth->result != 0 || identity.name == NULL || identity.name[0] == '\0') {
		auth->result = yett_fail(&auth->error, YETT_EBUG, NULL,
			"%s is done and names nobody", operations->method);
		return;
	}
	g_strlcpy(auth->mechanism, identity.mechanism, sizeof(auth->mechanism));
	g_strlcpy(auth->authority, identity.authority != NULL ? identity.authority : "",
		sizeof(auth->authority));
	g_strlcpy(auth->name, identity.name, sizeof(auth->name));
	g_strlcpy(auth->principal, identity.principal != NULL ? identity.principal : "",
		sizeof(auth->principal));
	auth->channel_bound = identity.channel_bound != 0;
	auth->expires_ns = identity.expires_ns;
}

static void work(void *arg)
{
	struct yett_authentication *auth = arg;
	struct yett_auth_request request = {
		.size = sizeof(request),
		.role = auth->facts.role,
		.facts = &auth->facts,
		.expected_name = auth->expected[0] != '\0' ? auth->expected : NULL,
		.wall_ns = yett_clock_wall(auth->clock),
		.peer_ahead_ns = auth->peer_ahead_ns,
		.peer_realm = auth->peer_realm,
	};

	if (auth->cancelled) {
		return;
	}
	auth->result = 0;
	if (auth->first) {
		auth->first = false;
		auth->result = auth->slot->operations->begin(
			auth->slot->instance->self, &request, &auth->context, &auth->error);
	}
	if (auth->result == 0) {
		step(auth);
	}
	if (auth->context != NULL && (auth->result != 0 || auth->status != YETT_AUTH_CONTINUE)) {
		auth->slot->operations->end(auth->context);
		auth->context = NULL;
	}
}

static void authentication_free(struct yett_authentication *auth)
{
	if (auth->context != NULL) {
		auth->slot->operations->end(auth->context);
	}
	yett_method_unref(auth->slot);
	yett_peer_unref(auth->peer);
	g_free(auth->chain_bytes);
	g_free(auth->in);
	g_free(auth->out);
	g_free(auth);
}

static void finish(struct yett_peer *peer)
{
	struct yett_authentication *auth = peer->authentication;

	peer->authentication = NULL;
	g_strlcpy(peer->mechanism, auth->mechanism, sizeof(peer->mechanism));
	g_strlcpy(peer->authority, auth->authority, sizeof(peer->authority));
	g_strlcpy(peer->name, auth->name, sizeof(peer->name));
	g_strlcpy(peer->principal, auth->principal, sizeof(peer->principal));
	peer->channel_bound = auth->channel_bound;
	peer->expires_ns = auth->expires_ns;
	authentication_free(auth);
	if (peer->gate != NULL) {
		yett_accept_known(peer);
	}
	peer->state = YETT_PEER_INTRO;
	yett_admit(peer);
}

static void deny(struct yett_peer *peer, struct yett_authentication *auth)
{
	struct yett_auth_message message = {.status = YETT_AUTH_DENY};
	struct yett_error error = auth->error;

	g_strlcpy(message.method, auth->slot->operations->method, sizeof(message.method));
	g_strlcpy(message.cause,
		auth->peer_cause[0] != '\0' ? auth->peer_cause : "authentication failed",
		sizeof(message.cause));
	yett_wire_auth(peer->wire, &message);
	yett_peer_flush(peer);
	yett_log(YETT_LOG_WARNING, "authentication-denied",
		"%s%s%s method=%s address=%s upstream=%s", error.text,
		error.mend[0] != '\0' ? "; " : "", error.mend, message.method, peer->address,
		peer->link != NULL ? peer->link->name : "-");
	/* The whole of it is shown and logged here, and only here. */
	yett_peer_close_told(
		peer, YETT_REFUSE_ADMISSION, message.cause, error.mend, "%s", error.text);
}

static bool fall_back(struct yett_peer *peer, struct yett_authentication *auth);

static void stepped(void *arg)
{
	struct yett_authentication *auth = arg;
	struct yett_peer *peer = auth->peer;
	struct yett_auth_message message = {0};

	auth->running = false;
	if (auth->cancelled || peer->state == YETT_PEER_CLOSED) {
		authentication_free(auth);
		return;
	}
	if (auth->result == YETT_EUNAVAIL && fall_back(peer, auth)) {
		return;
	}
	if (auth->result == YETT_EUNAVAIL) {
		g_strlcpy(auth->peer_cause, "it has nothing to authenticate with now",
			sizeof(auth->peer_cause));
	}
	if (auth->result != 0 || auth->status == YETT_AUTH_DENY) {
		yett_fail(&auth->error, YETT_EDENIED, NULL, "authentication failed: %s",
			yett_result_text(auth->result));
		deny(peer, auth);
		return;
	}
	auth->local_done = auth->status == YETT_AUTH_DONE;
	g_strlcpy(message.method, auth->slot->operations->method, sizeof(message.method));
	message.status = auth->status;
	message.token = auth->out;
	message.token_length = auth->out_length;
	yett_wire_auth(peer->wire, &message);
	g_clear_pointer(&auth->out, g_free);
	if (auth->local_done && auth->peer_done) {
		finish(peer);
	} else if (auth->peer_done) {
		yett_peer_close(peer, YETT_REFUSE_PROTOCOL, NULL, "the peer is done, and %s is not",
			message.method);
	}
	yett_peer_flush(peer);
}

/* Initiators have threads of their own for each method: one that waits for a KDC holds up nobody who
 * needs none. */
static struct yett_executor *executor_for(const struct yett_authentication *auth)
{
	return auth->facts.role == YETT_ROLE_ACCEPTOR || auth->judging ? auth->peer->node->acceptors
								       : auth->slot->initiators;
}

static void submit(struct yett_authentication *auth, const uint8_t *token, size_t length)
{
	g_free(auth->in);
	auth->in = g_memdup2(token, length);
	auth->in_length = length;
	auth->job.work = work;
	auth->job.done = stepped;
	auth->job.arg = auth;
	auth->running = true;
	yett_executor_submit(executor_for(auth), &auth->job);
}

/* The facts are the channel's; an authentication may outlive it. */
static bool copy_facts(struct yett_authentication *auth, const struct yett_facts *facts)
{
	size_t total = 0, offset = 0;

	auth->facts = *facts;
	for (uint32_t i = 0; i < facts->chain_count; i++) {
		total += facts->chain[i].length;
	}
	if (total > CHAIN_BYTES_MAX) {
		return false;
	}
	auth->chain_bytes = g_malloc(total + 1);
	for (uint32_t i = 0; i < facts->chain_count; i++) {
		memcpy(auth->chain_bytes + offset, facts->chain[i].bytes, facts->chain[i].length);
		auth->facts.chain[i].bytes = auth->chain_bytes + offset;
		offset += facts->chain[i].length;
	}
	g_strlcpy(auth->addresses[0], facts->local_address != NULL ? facts->local_address : "",
		sizeof(auth->addresses[0]));
	g_strlcpy(auth->addresses[1], facts->peer_address != NULL ? facts->peer_address : "",
		sizeof(auth->addresses[1]));
	g_strlcpy(auth->suite, facts->suite != NULL ? facts->suite : "", sizeof(auth->suite));
	auth->facts.local_address = auth->addresses[0];
	auth->facts.peer_address = auth->addresses[1];
	auth->facts.suite = auth->suite;
	return true;
}

static struct yett_authentication *begin(struct yett_peer *peer, struct yett_auth_slot *slot)
{
	struct yett_authentication *auth = g_new0(struct yett_authentication, 1);

	auth->peer = yett_peer_ref(peer);
	auth->slot = slot;
	auth->clock = peer->node->clock;
	auth->first = true;
	slot->references++;
	if (!copy_facts(auth, peer->facts)) {
		authentication_free(auth);
		yett_peer_close(peer, YETT_REFUSE_PROTOCOL, NULL,
			"the certificate chain is larger than %d bytes", CHAIN_BYTES_MAX);
		return NULL;
	}
	auth->facts.role = peer->role;
	auth->peer_ahead_ns = peer->clock_offset_ns;
	if (peer->link != NULL) {
		g_strlcpy(auth->expected, peer->link->name, sizeof(auth->expected));
	}
	if (peer->offer != NULL) {
		g_strlcpy(auth->peer_realm, peer->offer->realm, sizeof(auth->peer_realm));
	}
	peer->authentication = auth;
	return auth;
}

/* Tries the next of the acceptor's methods that both ends allow. False: there is none. `ret_error`: why
 * one was passed over. */
static bool try_next(struct yett_peer *peer, struct yett_error *ret_error)
{
	const struct yett_hello *offer = peer->offer;
	struct yett_authentication *auth;

	while (peer->next_method < offer->method_count) {
		struct yett_auth_slot *slot =
			yett_method_find(peer, offer->methods[peer->next_method++]);

		if (slot == NULL || !yett_method_ready(slot, peer->role, ret_error)) {
			continue;
		}
		auth = begin(peer, slot);
		if (auth != NULL) {
			submit(auth, NULL, 0);
		}
		return true;
	}
	return false;
}

static void choose(struct yett_peer *peer, const struct yett_hello *hello)
{
	struct yett_error error = YETT_ERROR_INIT;
	char offered[256] = "";

	peer->offer = g_memdup2(hello, sizeof(*hello));
	if (try_next(peer, &error)) {
		return;
	}
	for (uint32_t i = 0; i < hello->method_count; i++) {
		g_strlcat(offered, i > 0 ? " " : "", sizeof(offered));
		g_strlcat(offered, hello->methods[i], sizeof(offered));
	}
	yett_peer_close(peer, YETT_REFUSE_ADMISSION,
		error.mend[0] != '\0' ? error.mend
				      : "configure a method that both ends have (`methods`)",
		"no common way to authenticate: the peer offers %s%s%s",
		offered[0] != '\0' ? offered : "nothing", error.text[0] != '\0' ? "; " : "",
		error.text);
}

/* Nothing was sent yet: the next method that both ends allow, if there is one. */
static bool fall_back(struct yett_peer *peer, struct yett_authentication *auth)
{
	if (peer->role != YETT_ROLE_INITIATOR) {
		return false;
	}
	peer->authentication = NULL;
	if (!try_next(peer, NULL)) {
		peer->authentication = auth;
		return false;
	}
	yett_log(YETT_LOG_WARNING, "authentication-fallback",
		"%s; another method is used for now%s%s method=%s upstream=%s address=%s",
		auth->error.text, auth->error.mend[0] != '\0' ? ": " : "", auth->error.mend,
		auth->slot->operations->method, peer->link->name, peer->address);
	peer->fell_back = true;
	authentication_free(auth);
	return true;
}

/* A stranger says what time it is: what is further off than can be counted is as far off as can be. */
static int64_t clock_offset(int64_t theirs_ns, int64_t ours_ns)
{
	int64_t offset_ns;

	if (__builtin_sub_overflow(theirs_ns, ours_ns, &offset_ns)) {
		return theirs_ns < 0 ? -CLOCK_OFF_MAX_NS : CLOCK_OFF_MAX_NS;
	}
	return CLAMP(offset_ns, -CLOCK_OFF_MAX_NS, CLOCK_OFF_MAX_NS);
}

void yett_authenticate_hello(struct yett_peer *peer, const struct yett_hello *hello)
{
	if (hello->version_low > YETT_VERSION_HIGH || hello->version_high < YETT_VERSION_LOW) {
		yett_peer_close(peer, YETT_REFUSE_VERSION, "update the older of both ends",
			"the peer speaks versions %u to %u, this node %d to %d", hello->version_low,
			hello->version_high, YETT_VERSION_LOW, YETT_VERSION_HIGH);
		return;
	}
	peer->capabilities = hello->capabilities;
	peer->clock_offset_ns = clock_offset(hello->wall_ns, yett_clock_wall(peer->node->clock));
	peer->state = YETT_PEER_AUTH;
	if (peer->role == YETT_ROLE_INITIATOR) {
		choose(peer, hello);
	}
}

void yett_authenticate_message(struct yett_peer *peer, const struct yett_auth_message *message)
{
	struct yett_authentication *auth = peer->authentication;

	if (message->status == YETT_AUTH_DENY) {
		char cause[YETT_CAUSE_SIZE];

		g_strlcpy(cause, message->cause, sizeof(cause));
		yett_fields_tame(cause);
		peer->denied = true;
		yett_peer_close(peer, 0, "its log has the full cause",
			"the peer does not accept us: %s", cause);
		return;
	}
	if (auth == NULL && peer->role == YETT_ROLE_ACCEPTOR) {
		struct yett_auth_slot *slot = yett_method_find(peer, message->method);

		if (slot == NULL) {
			yett_peer_close(peer, YETT_REFUSE_ADMISSION,
				"use a method of the list in HELLO",
				"the method %s is not offered here", message->method);
			return;
		}
		auth = begin(peer, slot);
		if (auth == NULL) {
			return;
		}
	}
	if (auth == NULL || auth->running || auth->peer_done ||
		strcmp(message->method, auth->slot->operations->method) != 0) {
		yett_peer_close(peer, YETT_REFUSE_PROTOCOL, NULL, "an AUTH message out of turn");
		return;
	}
	auth->peer_done = message->status == YETT_AUTH_DONE;
	if (!auth->local_done) {
		submit(auth, message->token, message->token_length);
	} else if (message->token_length > 0 || !auth->peer_done) {
		yett_peer_close(peer, YETT_REFUSE_PROTOCOL, NULL,
			"the peer goes on authenticating after we are done");
	} else {
		finish(peer);
	}
}

/* Sessions, judged again by what is trusted now. */

static void judge(void *arg)
{
	struct yett_authentication *auth = arg;
	const struct yett_identity identity = {
		.size = sizeof(identity),
		.channel_bound = auth->channel_bound,
		.mechanism = auth->mechanism,
		.authority = auth->authority,
		.name = auth->name,
		.principal = auth->principal,
		.expires_ns = auth->expires_ns,
	};
	const struct yett_auth_request request = {
		.size = sizeof(request),
		.role = auth->facts.role,
		.facts = &auth->facts,
		.expected_name = auth->expected[0] != '\0' ? auth->expected : NULL,
		.wall_ns = yett_clock_wall(auth->clock),
		.peer_ahead_ns = auth->peer_ahead_ns,
		.identity = &identity,
		.peer_realm = auth->peer_realm,
	};

	if (auth->cancelled) {
		return;
	}
	auth->result =
		auth->slot->operations->judge(auth->slot->instance->self, &request, &auth->error);
}

static void judged(void *arg)
{
	struct yett_authentication *auth = arg;
	struct yett_peer *peer = auth->peer;

	auth->running = false;
	if (!auth->cancelled) {
		peer->node->judging--;
	}
	if (!auth->cancelled && peer->state == YETT_PEER_OPEN) {
		peer->authentication = NULL;
		if (auth->result != 0) {
			yett_log(YETT_LOG_WARNING, "authentication-denied",
				"%s%s%s method=%s address=%s peer=%s", auth->error.text,
				auth->error.mend[0] != '\0' ? "; " : "", auth->error.mend,
				auth->slot->operations->method, peer->address, peer->name);
			yett_peer_close(peer, YETT_REFUSE_ADMISSION,
				"its log has the full cause; look at our credential there",
				"%s is no longer accepted here", peer->name);
		}
	}
	authentication_free(auth);
}

static void judge_one(struct yett_peer *peer)
{
	/* The listener or the upstream may have been told to do without it. */
	struct yett_auth_slot *slot = yett_method_find(peer, peer->mechanism);
	struct yett_authentication *auth;

	yett_authenticate_cancel(peer); /* an earlier reload's judgement counts no more */
	if (slot == NULL) {
		yett_peer_close(peer, YETT_REFUSE_ADMISSION, "use a method that both ends have",
			"the method %s is no longer accepted here", peer->mechanism);
		return;
	}
	if (slot->operations->judge == NULL || peer->facts == NULL) {
		return;
	}
	auth = begin(peer, slot);
	if (auth != NULL) {
		auth->job = (struct yett_job){.work = judge, .done = judged, .arg = auth};
		auth->running = true;
		auth->judging = true;
		peer->node->judging++;
		g_strlcpy(auth->mechanism, peer->mechanism, sizeof(auth->mechanism));
		g_strlcpy(auth->authority, peer->authority, sizeof(auth->authority));
		g_strlcpy(auth->name, peer->name, sizeof(auth->name));
		g_strlcpy(auth->principal, peer->principal, sizeof(auth->principal));
		auth->channel_bound = peer->channel_bound;
		auth->expires_ns = peer->expires_ns;
		yett_executor_submit(executor_for(auth), &auth->job);
	}
}

/* It was judged, or is being judged, by what was trusted before, and is not open: it could take as long as the
 * handshake may, and would be asked no more. Where nothing has begun, what is trusted now counts. */
static bool is_half_in(const struct yett_peer *peer)
{
	return peer->state == YETT_PEER_INTRO ||
	       (peer->state == YETT_PEER_AUTH && peer->authentication != NULL);
}

void yett_authenticate_judge(struct yett_node *node)
{
	for (guint i = node->peers->len; i > 0; i--) {
		struct yett_peer *peer = i <= node->peers->len ? node->peers->pdata[i - 1] : NULL;

		if (peer != NULL && peer->state == YETT_PEER_OPEN) {
			judge_one(peer);
		} else if (peer != NULL && is_half_in(peer)) {
			yett_peer_close(peer, YETT_REFUSE_SHUTDOWN, "connect again",
				"what is trusted here was read anew while the session was being "
				"opened");
		}
	}
}

void yett_authenticate_cancel(struct yett_peer *peer)
{
	struct yett_authentication *auth = peer->authentication;

	if (auth == NULL) {
		return;
	}
	peer->authentication = NULL;
	auth->cancelled = true;
	if (auth->judging) {
		peer->node->judging--;
	}
	if (!auth->running) {
		authentication_free(auth);
	}
}
