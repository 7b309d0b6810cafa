/* The way of decisions: asked for upwards, told downwards.
 *
 * Responsible for asking upstreams about nodes that nobody has decided on (a bounded table, at a bounded
 * rate, each once in a while), for answering the gateways behind this node (by what is kept, by the
 * court on a management server, or by asking on), and for telling them what has changed. Not
 * responsible for what a gateway makes of an answer (gate.c), nor for deciding (court.c): a gateway
 * relays, it never authors.
 *
 * On the loop. Where no answer comes, nobody is let in. */
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../../base/name.h"
#include "../../flow/stages.h"
#include "court.h"
#include "kept.h"

#define ASKS_MAX      1000 /* nodes that are asked for at a time; the oldest makes room */
#define ASKS_A_SECOND 50.0
#define ASK_AGAIN_NS  (20 * YETT_SEC)
#define ASK_FORGET_NS (120 * YETT_SEC)
#define ASKED_RATE    100.0 /* that one gateway may ask a second; beyond it, it asks again later */
#define NAMES_MAX     20000 /* that one gateway is told of */
#define ANSWERS_MAX   256 /* that wait for one gateway; beyond them it is not heard, and asks again */
#define UNSENT_MAX    ((size_t)128 * 1024)

#define RETRY_EACH_MS 10
#define RETRY_MAX_MS  60000

struct asked {
	struct yett_admission_ask ask;
	uint64_t first_ns, sent_ns; /* sent_ns 0: not yet */
	bool again;                 /* wanted since */
};

/* A gateway behind this node. */
struct behind {
	GHashTable *names;      /* that it has asked for */
	GQueue untold;          /* names whose decisions it has to hear, each once */
	GHashTable *untold_set; /* owns them */
	GQueue envelopes;       /* GByteArray: answers and new keys, before these */
	double tokens;
	uint64_t refill_ns;
};

struct yett_asks {
	GHashTable *asked;  /* name → struct asked */
	GHashTable *behind; /* peer → struct behind */
	double tokens;
	uint64_t refill_ns;
	bool dropping; /* told that the table is full */
};

static void behind_free(void *arg)
{
	struct behind *behind = arg;

	g_hash_table_unref(behind->names);
	g_queue_clear(&behind->untold);
	g_hash_table_unref(behind->untold_set);
	g_queue_clear_full(&behind->envelopes, (GDestroyNotify)g_byte_array_unref);
	g_free(behind);
}

void yett_ask_init(struct yett_manage *manage)
{
	struct yett_asks *asks = g_new0(struct yett_asks, 1);

	asks->asked = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
	asks->behind = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, behind_free);
	manage->asks = asks;
}

void yett_ask_done(struct yett_manage *manage)
{
	g_hash_table_unref(manage->asks->asked);
	g_hash_table_unref(manage->asks->behind);
	g_free(manage->asks);
	yett_kept_free(manage->kept);
}

/* Tokens come at `rate` a second, and no more than two seconds' are kept. */
static bool take_token(double *tokens, uint64_t *refill_ns, double rate, uint64_t now_ns)
{
	*tokens += rate * (double)(now_ns - *refill_ns) / (double)YETT_SEC;
	*refill_ns = now_ns;
	if (*tokens > 2 * rate) {
		*tokens = 2 * rate;
	}
	if (*tokens < 1) {
		return false;
	}
	*tokens -= 1;
	return true;
}

/* Up. */

/* One way is enough: what it does not answer is asked again. NULL: there is none that takes more. */
static struct yett_peer *way_up(const struct yett_manage *manage)
{
	for (guint i = 0; i < manage->node->links->len; i++) {
		const struct yett_link *link = manage->node->links->pdata[i];
		struct yett_peer *peer = link->peer;

		if (peer != NULL && peer->state == YETT_PEER_OPEN && !peer->standby &&
			link->state == YETT_UPSTREAM_UP &&
			yett_wire_control_unsent(peer->wire) <= UNSENT_MAX) {
			return peer;
		}
	}
	return NULL;
}

static void send_asks(struct yett_manage *manage, const struct yett_admission *message)
{
	struct yett_peer *peer = way_up(manage);

	if (peer != NULL) {
		yett_wire_admission(peer->wire, message);
		yett_peer_flush(peer);
	}
}

static bool is_due(const struct asked *asked, uint64_t now_ns)
{
	return asked->again && (asked->sent_ns == 0 || now_ns - asked->sent_ns > ASK_AGAIN_NS);
}

static void ask_some(struct yett_manage *manage, uint64_t now_ns)
{
	struct yett_asks *asks = manage->asks;
	struct yett_admission *message;
	GHashTableIter iter;
	gpointer value;

	if (way_up(manage) == NULL) {
		return;
	}
	message = g_new0(struct yett_admission, 1);
	g_hash_table_iter_init(&iter, asks->asked);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct asked *asked = value;

		if (now_ns - asked->first_ns > ASK_FORGET_NS) {
			g_hash_table_iter_remove(&iter);
			continue;
		}
		if (!is_due(asked, now_ns)) {
			continue;
		}
		if (!take_token(&asks->tokens, &asks->refill_ns, ASKS_A_SECOND, now_ns)) {
			break;
		}
		asked->sent_ns = now_ns;
		asked->again = false;
		message->asks[message->ask_count++] = asked->ask;
		if (message->ask_count == YETT_ADMISSION_ASKS_MAX) {
			send_asks(manage, message);
			message->ask_count = 0;
		}
	}
	if (message->ask_count > 0) {
		send_asks(manage, message);
	}
	g_free(message);
}

static void drop_oldest(struct yett_asks *asks)
{
	const struct asked *oldest = NULL;
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, asks->asked);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct asked *asked = value;

		if (oldest == NULL || asked->first_ns < oldest->first_ns) {
			oldest = asked;
		}
	}
	if (!asks->dropping) {
		asks->dropping = true;
		yett_log(YETT_LOG_WARNING, "asking-full",
			"%d nodes that nobody has decided on are being asked for, and more come; "
			"the oldest are let go, and asked for again when they come back",
			ASKS_MAX);
	}
	g_hash_table_remove(asks->asked, oldest->ask.name);
}

void yett_ask_up(struct yett_manage *manage, const struct yett_admission_ask *ask)
{
	struct yett_asks *asks = manage->asks;
	struct asked *asked = g_hash_table_lookup(asks->asked, ask->name);
	uint64_t now_ns = yett_now(manage->node);

	if (asked == NULL) {
		if (g_hash_table_size(asks->asked) >= ASKS_MAX) {
			drop_oldest(asks);
		}
		asked = g_new0(struct asked, 1);
		asked->first_ns = now_ns;
		asked->ask = *ask;
		g_hash_table_insert(asks->asked, asked->ask.name, asked);
	} else if (!yett_id_equal(&asked->ask.id, &ask->id) || asked->ask.as != ask->as) {
		asked->ask = *ask; /* of the same name, which is the key: in place */
		asked->sent_ns = 0;
	}
	asked->again = true;
	if (is_due(asked, now_ns) && way_up(manage) != NULL &&
		take_token(&asks->tokens, &asks->refill_ns, ASKS_A_SECOND, now_ns)) {
		struct yett_admission *message = g_new0(struct yett_admission, 1);

		asked->sent_ns = now_ns;
		asked->again = false;
		message->asks[message->ask_count++] = asked->ask;
		send_asks(manage, message);
		g_free(message);
	}
}

/* Down. */

/* The signed bytes about a name; NULL: there are none. Given. */
static GByteArray *signed_bytes(struct yett_manage *manage, const char *name)
{
	GByteArray *bytes = g_byte_array_new();
	const struct yett_kept_one *one;

	if (manage->court != NULL) {
		if (yett_court_sign(manage->court, name, bytes)) {
			return bytes;
		}
	} else if (manage->kept != NULL) {
		one = yett_kept_find(manage->kept, name);
		if (one != NULL) {
			g_byte_array_append(bytes, one->bytes->data, one->bytes->len);
			return bytes;
		}
	}
	g_byte_array_unref(bytes);
	return NULL;
}

/* As many as one message takes; the arrays are kept in `held` until it is sent. */
static void take_some(struct yett_manage *manage, struct behind *behind,
	struct yett_admission *message, GPtrArray *held)
{
	while (message->signed_count < YETT_ADMISSION_SIGNED_MAX) {
		GByteArray *bytes = g_queue_pop_head(&behind->envelopes);

		if (bytes == NULL) {
			const char *name = g_queue_pop_head(&behind->untold);

			if (name == NULL) {
				return;
			}
			bytes = signed_bytes(manage, name);
			g_hash_table_remove(behind->untold_set, name);
		}
		if (bytes != NULL && bytes->len > 0) {
			message->signeds[message->signed_count].bytes = bytes->data;
			message->signeds[message->signed_count++].length = bytes->len;
			g_ptr_array_add(held, bytes);
		}
	}
}

void yett_ask_writable(struct yett_manage *manage, struct yett_peer *peer)
{
	struct yett_admission *message;
	struct behind *behind;

	if (g_hash_table_lookup(manage->asks->behind, peer) == NULL) {
		return;
	}
	message = g_new0(struct yett_admission, 1);
	yett_peer_ref(peer);
	/* Sought each time: what is sent may end the session. */
	while (peer->state == YETT_PEER_OPEN &&
		(behind = g_hash_table_lookup(manage->asks->behind, peer)) != NULL &&
		yett_wire_control_unsent(peer->wire) <= UNSENT_MAX) {
		GPtrArray *held =
			g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);

		message->signed_count = 0;
		take_some(manage, behind, message, held);
		if (message->signed_count > 0) {
			yett_wire_admission(peer->wire, message);
			yett_peer_flush(peer);
		}
		g_ptr_array_free(held, TRUE);
		if (message->signed_count == 0) {
			break;
		}
	}
	yett_peer_unref(peer);
	g_free(message);
}

/* What is decided on it when it is told. */
static void put_off(struct behind *behind, const char *name)
{
	char *copy;

	if (!g_hash_table_contains(behind->untold_set, name)) {
		copy = g_strdup(name);
		g_hash_table_add(behind->untold_set, copy);
		g_queue_push_tail(&behind->untold, copy);
	}
}

void yett_ask_tell(struct yett_manage *manage, const char *name, bool all)
{
	GList *peers = g_hash_table_get_keys(manage->asks->behind);

	for (const GList *at = peers; at != NULL; at = at->next) {
		struct behind *behind = g_hash_table_lookup(manage->asks->behind, at->data);

		if (behind != NULL && (all || g_hash_table_contains(behind->names, name))) {
			put_off(behind, name);
			yett_ask_writable(manage, at->data);
		}
	}
	g_list_free(peers);
}

static void tell_bytes(struct behind *behind, const uint8_t *bytes, size_t length)
{
	GByteArray *copy = g_byte_array_new();

	g_byte_array_append(copy, bytes, (guint)length);
	g_queue_push_tail(&behind->envelopes, copy);
}

/* All rollovers, oldest first: a gateway that was away takes them one by one. */
static void tell_new_keys(const struct yett_manage *manage, struct behind *behind)
{
	if (manage->court != NULL) {
		const json_t *rollovers = yett_group_rollovers(manage->court);

		for (size_t i = 0; i < json_array_size(rollovers); i++) {
			GByteArray *bytes = yett_unhex_all(
				json_string_value(json_array_get(rollovers, i)), YETT_SIGNED_MAX);

			if (bytes != NULL) {
				g_queue_push_tail(&behind->envelopes, bytes);
			}
		}
		return;
	}
	for (guint i = 0; i < manage->kept->rollovers->len; i++) {
		const GByteArray *bytes = manage->kept->rollovers->pdata[i];

		tell_bytes(behind, bytes->data, bytes->len);
	}
}

static void tell_away_in(struct behind *behind, GHashTable *papers)
{
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, papers);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		if (yett_paper_takes_away(value)) {
			put_off(behind, key);
		}
	}
}

/* What every gateway has to know: new keys, who is barred, and whose approval was taken away otherwise:
 * it may have heard of that approval, and of no more since. */
static void tell_standing(const struct yett_manage *manage, struct behind *behind)
{
	GHashTableIter iter;
	gpointer key, value;

	tell_new_keys(manage, behind);
	if (manage->court != NULL) {
		tell_away_in(behind, yett_court_table(manage->court, YETT_TABLE_GATEWAYS));
		tell_away_in(behind, yett_court_table(manage->court, YETT_TABLE_AGENTS));
		return;
	}
	g_hash_table_iter_init(&iter, manage->kept->decisions);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		if (yett_kept_bars(value) || yett_kept_away(manage->kept, value)) {
			put_off(behind, key);
		}
	}
}

void yett_ask_joined(struct yett_manage *manage, struct yett_peer *gateway)
{
	struct behind *behind;

	if (gateway->role != YETT_ROLE_ACCEPTOR || !gateway->may_proxy ||
		(manage->court == NULL && manage->kept == NULL)) {
		return;
	}
	behind = g_new0(struct behind, 1);
	behind->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	behind->untold_set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	behind->refill_ns = yett_now(manage->node);
	behind->tokens = ASKED_RATE;
	g_queue_init(&behind->untold);
	g_queue_init(&behind->envelopes);
	g_hash_table_replace(manage->asks->behind, gateway, behind);
	tell_standing(manage, behind);
	yett_ask_writable(manage, gateway);
}

void yett_ask_left(struct yett_manage *manage, struct yett_peer *peer)
{
	g_hash_table_remove(manage->asks->behind, peer);
}

/* The gateway at which somebody knocks, as the one says that asks: itself, or one behind it. Its word is not
 * taken for more, since a rule may let in who comes by a site. */
static bool leads_to(struct yett_manage *manage, const struct yett_peer *peer, const char *via)
{
	const struct yett_known *known;

	if (strcmp(via, peer->name) == 0) {
		return true;
	}
	known = yett_known_named(manage, via);
	return known != NULL && yett_known_leads(known, &peer->id);
}

/* A gateway behind this node asks. */
static void take_ask(struct yett_manage *manage, struct yett_peer *peer, struct behind *behind,
	const struct yett_admission_ask *came)
{
	struct yett_admission_ask ask = *came;
	const struct yett_kept_one *one;
	GByteArray *bytes;

	if (yett_name_normalise(came->name, ask.name, sizeof(ask.name)) != 0) {
		return;
	}
	g_strdelimit(ask.authority, "\"", '\''); /* it is shown between quotes */
	if (!leads_to(manage, peer, ask.via)) {
		g_strlcpy(ask.via, peer->name, sizeof(ask.via));
	}
	if (g_hash_table_size(behind->names) < NAMES_MAX) {
		g_hash_table_add(behind->names, g_strdup(ask.name));
	}
	if (manage->court != NULL) {
		bytes = g_byte_array_new();
		if (yett_court_answer(manage->court, &ask, bytes)) {
			tell_bytes(behind, bytes->data, bytes->len);
		}
		g_byte_array_unref(bytes);
		return;
	}
	one = yett_kept_find(manage->kept, ask.name);
	if (one != NULL && yett_kept_counts(manage->kept, one)) {
		put_off(behind, ask.name);
	}
	/* Asked on in any case: it may be bound to another id, or near its end. */
	yett_ask_up(manage, &ask);
}

static void take_asks(
	struct yett_manage *manage, struct yett_peer *peer, const struct yett_admission *message)
{
	struct behind *behind = g_hash_table_lookup(manage->asks->behind, peer);

	if (behind == NULL) {
		yett_log(YETT_LOG_WARNING, "asking-refused",
			"a node that is no approved gateway asks for the admission of others "
			"peer=%s",
			peer->name);
		return;
	}
	/* Sought each time: what is asked on may end the session up, and with that this one. */
	for (uint32_t i = 0; i < message->ask_count && behind != NULL; i++) {
		if (g_queue_get_length(&behind->envelopes) >= ANSWERS_MAX ||
			!take_token(&behind->tokens, &behind->refill_ns, ASKED_RATE,
				yett_now(manage->node))) {
			break; /* what is not answered is asked again */
		}
		take_ask(manage, peer, behind, &message->asks[i]);
		behind = g_hash_table_lookup(manage->asks->behind, peer);
	}
	yett_ask_writable(manage, peer);
}

void yett_ask_message(
	struct yett_manage *manage, struct yett_peer *peer, const struct yett_admission *message)
{
	if (peer->role == YETT_ROLE_ACCEPTOR) {
		take_asks(manage, peer, message);
		return;
	}
	if (manage->kept == NULL) {
		return; /* an agent, or a gateway that knows no group: it has no use for it */
	}
	yett_gate_take(manage, peer, message->signeds, message->signed_count);
}

void yett_ask_keys(struct yett_manage *manage)
{
	GList *peers = g_hash_table_get_keys(manage->asks->behind);

	for (const GList *at = peers; at != NULL; at = at->next) {
		struct behind *behind = g_hash_table_lookup(manage->asks->behind, at->data);

		if (behind != NULL) {
			tell_new_keys(manage, behind);
			yett_ask_writable(manage, at->data);
		}
	}
	g_list_free(peers);
}

bool yett_ask_is_busy(const struct yett_manage *manage)
{
	return g_hash_table_size(manage->asks->asked) >= ASKS_MAX / 2;
}

uint32_t yett_ask_wait_ms(const struct yett_manage *manage, uint32_t base_ms)
{
	return MIN(base_ms + RETRY_EACH_MS * g_hash_table_size(manage->asks->asked), RETRY_MAX_MS);
}

void yett_ask_answered(struct yett_manage *manage, const char *name)
{
	g_hash_table_remove(manage->asks->asked, name);
}

void yett_ask_tick(struct yett_manage *manage, uint64_t now_ns)
{
	if (manage->kept == NULL) {
		return;
	}
	ask_some(manage, now_ns);
	if (!yett_ask_is_busy(manage)) {
		manage->asks->dropping = false;
	}
	yett_gate_tick(manage, now_ns);
}
