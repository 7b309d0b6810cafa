/* What nodes should be like: brought to them, and what they made of it.
 *
 * Responsible for signing what the table `desired` has and sending it to a node that has not answered it,
 * for writing the answer down (table `applied`), and for passing both on at a gateway, which relays and
 * never authors. Not responsible for what is set (desired-set.c), nor for what the node does with it (aim.c).
 *
 * On the loop; a pass over all of them takes time in proportion to their number. What a node has not
 * answered is sent again; sending it twice does no harm. The revision is the one of the document in the
 * registry, behind the generation of the store. */
#include <inttypes.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "aimed.h"
#include "../admission/court.h"
#include "../admission/kept.h"
#include "moves.h"

#define VALID_S  (INT64_C(7) * 86400)
#define AGAIN_NS (20 * YETT_SEC)
#define PAUSE_NS (200 * YETT_MS)

#define UNSENT_MAX ((size_t)128 * 1024) /* of control; beyond it, who is not heard is asked again */

/* A document as it is signed; false: it does not fit. */
bool yett_desired_of(const json_t *json, const char *name, struct yett_desired *ret)
{
	const json_t *upstreams = json_object_get(json, "upstreams");
	const char *key;
	json_t *value;

	memset(ret, 0, sizeof(*ret));
	g_strlcpy(ret->name, name, sizeof(ret->name));
	json_object_foreach(json_object_get(json, "values"), key, value)
	{
		struct yett_desired_value *to = &ret->values[ret->value_count];
		const char *text = json_string_value(value);

		if (text == NULL || ret->value_count == YETT_DESIRED_VALUES_MAX ||
			strlen(text) >= sizeof(to->value) || strlen(key) >= sizeof(to->name)) {
			return false;
		}
		g_strlcpy(to->name, key, sizeof(to->name));
		g_strlcpy(to->value, text, sizeof(to->value));
		ret->value_count++;
	}
	if (json_array_size(upstreams) > YETT_DESIRED_UPSTREAMS_MAX) {
		return false;
	}
	for (size_t i = 0; i < json_array_size(upstreams); i++) {
		struct yett_desired_upstream *to = &ret->upstreams[ret->upstream_count++];
		const json_t *one = json_array_get(upstreams, i);

		if (strlen(yett_court_text(one, "address")) >= sizeof(to->address)) {
			return false;
		}
		g_strlcpy(to->name, yett_court_text(one, "name"), sizeof(to->name));
		g_strlcpy(to->address, yett_court_text(one, "address"), sizeof(to->address));
	}
	return true;
}

/* Down: the session that leads to a node; one that has been renewed is about to end. */

static struct yett_peer *session_with(const struct yett_manage *manage, const struct yett_id *id)
{
	struct yett_peer *found = NULL;

	for (struct yett_peer *peer = yett_sessions_of(manage->node, id); peer != NULL;
		peer = peer->same_node) {
		if (peer->role == YETT_ROLE_ACCEPTOR && !peer->standby &&
			(found == NULL || peer->superseded_ns == 0)) {
			found = peer;
		}
	}
	return found;
}

struct yett_peer *yett_desired_way_down(struct yett_manage *manage, const struct yett_id *id)
{
	const struct yett_known *known = g_hash_table_lookup(manage->known, id);
	struct yett_peer *peer = session_with(manage, id);

	for (size_t i = 0; known != NULL && i < YETT_WAYS_MAX && peer == NULL; i++) {
		if (known->ways[i].used && !yett_id_is_zero(&known->ways[i].through)) {
			peer = session_with(manage, &known->ways[i].through);
		}
	}
	return peer;
}

static void send_config(struct yett_peer *peer, const struct yett_config *message)
{
	yett_wire_config(peer->wire, message);
	yett_peer_flush(peer);
}

static bool sign(
	struct yett_court *court, const struct yett_paper *paper, const char *name, GByteArray *to)
{
	struct yett_desired *desired = g_new(struct yett_desired, 1);
	bool good = court->server_key != NULL && court->certificate != NULL &&
		    yett_desired_of(paper->json, name, desired);

	if (good) {
		yett_store_id(court->manage->node, &desired->generation);
		desired->group = court->trust.group;
		desired->revision = paper->revision;
		desired->issued_s = yett_clock_wall(court->manage->node->clock) / (int64_t)YETT_SEC;
		desired->expires_s = desired->issued_s + VALID_S;
		good = yett_desired_sign(desired, court->server_key, court->certificate, to) == 0 &&
		       to->len <= YETT_DESIRED_MAX;
	}
	g_free(desired);
	return good;
}

/* With the newest keys before it: a node that no gateway is hears of them in no other way. */
static void send_desired(struct yett_court *court, const struct yett_known *known,
	const struct yett_paper *paper, struct yett_peer *peer)
{
	const json_t *rollovers = yett_group_rollovers(court);
	size_t count = json_array_size(rollovers);
	struct yett_config *message = g_new0(struct yett_config, 1);
	GPtrArray *held = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
	GByteArray *bytes = g_byte_array_new();

	message->node = known->id;
	for (size_t i = count > 2 ? count - 2 : 0; i < count; i++) {
		GByteArray *keys = yett_unhex_all(
			json_string_value(json_array_get(rollovers, i)), YETT_SIGNED_MAX);

		if (keys != NULL) {
			g_ptr_array_add(held, keys);
		}
	}
	g_ptr_array_add(held, bytes);
	if (sign(court, paper, known->name, bytes)) {
		for (guint i = 0; i < held->len; i++) {
			const GByteArray *one = held->pdata[i];

			message->signeds[message->signed_count].bytes = one->data;
			message->signeds[message->signed_count++].length = one->len;
		}
		send_config(peer, message);
	}
	g_ptr_array_free(held, TRUE);
	g_free(message);
}

/* Since the group's key was in other hands, what it vouched for before counts for nothing: so all of it is said
 * anew, by the keys of now. */
static bool is_since_then(const struct yett_court *court, const struct yett_paper *applied)
{
	const struct yett_paper *identity = yett_court_find(court, YETT_TABLE_GROUP, "identity");
	json_int_t since =
		identity != NULL
			? json_integer_value(json_object_get(identity->json, "compromised"))
			: 0;

	return json_integer_value(json_object_get(applied->json, "keys")) >= since;
}

/* Whether the node has said what it makes of this one. */
const struct yett_paper *yett_desired_answer(
	const struct yett_court *court, const char *name, uint64_t revision)
{
	const struct yett_paper *applied = yett_court_find(court, YETT_TABLE_APPLIED, name);
	uint64_t generation;

	yett_store_id(court->manage->node, &generation);
	return applied != NULL &&
			       (uint64_t)json_integer_value(json_object_get(
				       applied->json, "generation")) == generation &&
			       (uint64_t)json_integer_value(
				       json_object_get(applied->json, "revision")) == revision &&
			       is_since_then(court, applied)
		       ? applied
		       : NULL;
}

static void send_unconfirmed(struct yett_manage *manage)
{
	struct yett_court *court = manage->court;
	GHashTable *papers = yett_court_table(court, YETT_TABLE_DESIRED);
	GList *names = g_hash_table_get_keys(papers);

	for (const GList *at = names; at != NULL; at = at->next) {
		const struct yett_paper *paper =
			yett_court_find(court, YETT_TABLE_DESIRED, at->data);
		const struct yett_paper *answer =
			paper != NULL ? yett_desired_answer(court, at->data, paper->revision)
				      : NULL;
		const struct yett_known *known =
			paper != NULL && (answer == NULL || strcmp(yett_paper_text(answer, "state"),
								    "trying") == 0)
				? yett_known_named(manage, at->data)
				: NULL;
		struct yett_peer *peer =
			known != NULL ? yett_desired_way_down(manage, &known->id) : NULL;

		if (peer != NULL) {
			send_desired(court, known, paper, peer);
		}
	}
	g_list_free(names);
}

void yett_desired_tick(struct yett_manage *manage, uint64_t now_ns)
{
	if (manage->court == NULL || manage->node->draining || now_ns < manage->desire_ns ||
		(!manage->desire && now_ns < manage->desire_again_ns)) {
		return;
	}
	manage->desire = false;
	manage->desire_ns = now_ns + PAUSE_NS;
	manage->desire_again_ns = now_ns + AGAIN_NS;
	send_unconfirmed(manage);
}

/* Nothing is signed for a node that knows no group; whoever waits for an answer is told so. */
static void answer_without_group(
	struct yett_manage *manage, struct yett_peer *peer, const struct yett_config *message)
{
	const struct yett_signed_bytes *last = &message->signeds[message->signed_count - 1];
	struct yett_applied answer = {.node = manage->node->id,
		.state = YETT_APPLIED_REFUSED,
		.since_s = yett_clock_wall(manage->node->clock) / (int64_t)YETT_SEC,
		.why = "this node knows no group: give it its installation file, as group.kit "
		       "(yettctl node kit)"};

	yett_log(YETT_LOG_WARNING, "desired-ignored", "a desired state counts for nothing here: %s",
		answer.why);
	if (yett_desired_peek(last->bytes, last->length, &answer.generation, &answer.revision) ==
		0) {
		yett_wire_applied(peer->wire, &answer);
		yett_peer_flush(peer);
	}
}

static void take_signed(struct yett_manage *manage, struct yett_peer *peer,
	const struct yett_config *message, const struct yett_signed_bytes *one)
{
	uint32_t kind = yett_signed_kind(one->bytes, one->length);

	if (kind == YETT_SIGNED_DECISION) {
		yett_expect(manage, peer, one);
	} else if (manage->aim == NULL) {
		if (kind == YETT_SIGNED_DESIRED) {
			answer_without_group(manage, peer, message);
		}
	} else if (kind == YETT_SIGNED_KEYS) {
		yett_gate_take(manage, peer, one, 1);
	} else {
		yett_aim_take(manage, one->bytes, one->length);
	}
}

void yett_desired_config(
	struct yett_manage *manage, struct yett_peer *peer, const struct yett_config *message)
{
	struct yett_peer *next;

	if (peer->role != YETT_ROLE_INITIATOR) {
		return;
	}
	if (!yett_id_equal(&message->node, &manage->node->id)) {
		next = yett_desired_way_down(manage, &message->node);
		if (next != NULL && next != peer) {
			send_config(next, message);
		}
		return;
	}
	for (uint32_t i = 0; i < message->signed_count; i++) {
		take_signed(manage, peer, message, &message->signeds[i]);
	}
}

/* Up. */

static const char *const state_texts[] = {"none", "trying", "applied", "refused", "rolled back"};

struct hearing {
	struct yett_court *court;
	char *name;
};

static void written(void *arg, int result)
{
	struct hearing *hearing = arg;

	/* Of a conflict: another server has heard the same. */
	if (result != YETT_ECLOSED) {
		g_hash_table_remove(hearing->court->hearing, hearing->name);
	}
	g_free(hearing->name);
	g_free(hearing);
}

/* Whether it is older than what the node has said of this store already, or of what nobody has asked
 * for: played back, or made up. */
static bool is_stale(const struct yett_court *court, const char *name, const struct yett_paper *was,
	const struct yett_applied *message)
{
	const struct yett_paper *desired = yett_court_find(court, YETT_TABLE_DESIRED, name);
	uint64_t generation;

	yett_store_id(court->manage->node, &generation);
	if (message->generation > generation ||
		(message->generation == generation &&
			(desired == NULL || message->revision > desired->revision))) {
		return true;
	}
	return was != NULL &&
	       message->generation ==
		       (uint64_t)json_integer_value(json_object_get(was->json, "generation")) &&
	       message->revision <
		       (uint64_t)json_integer_value(json_object_get(was->json, "revision"));
}

static json_t *answer_of(
	const struct yett_court *court, const char *name, const struct yett_applied *message)
{
	int64_t since_s = CLAMP(message->since_s, 0, INT64_MAX / (int64_t)YETT_SEC);
	char at[32];

	return json_pack("{s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:s}", "name", name, "keys",
		(json_int_t)court->trust.sequence, "generation", (json_int_t)message->generation,
		"revision", (json_int_t)message->revision, "state", state_texts[message->state],
		"why", message->why, "pinned", message->pinned, "since",
		yett_time_text(since_s * (int64_t)YETT_SEC, at, sizeof(at)));
}

/* One at a time of a name: nobody fills the store's way, nor the log, by talking. Who is not heard is
 * asked again. */
static void take_applied(struct yett_court *court, const struct yett_known *known,
	const struct yett_applied *message)
{
	const struct yett_paper *was = yett_court_find(court, YETT_TABLE_APPLIED, known->name);
	struct hearing *hearing;
	json_t *json;

	if (g_hash_table_contains(court->hearing, known->name) ||
		is_stale(court, known->name, was, message)) {
		return;
	}
	json = answer_of(court, known->name, message);
	if (json == NULL || (was != NULL && json_equal(was->json, json))) {
		json_decref(json);
		return;
	}
	yett_log(message->state > YETT_APPLIED_DONE ? YETT_LOG_WARNING : YETT_LOG_NOTICE,
		"desired-answered",
		"a node says what it makes of what it should be like: %s%s%s "
		"node=%s revision=%" PRIu64,
		state_texts[message->state], message->why[0] != '\0' ? ", " : "", message->why,
		known->name, message->revision);
	hearing = g_new0(struct hearing, 1);
	hearing->court = court;
	hearing->name = g_strdup(known->name);
	g_hash_table_add(court->hearing, g_strdup(known->name));
	yett_court_change(
		court, YETT_TABLE_APPLIED, known->name, json, NULL, NULL, written, hearing);
}

void yett_desired_applied(
	struct yett_manage *manage, struct yett_peer *peer, const struct yett_applied *message)
{
	const struct yett_known *known = g_hash_table_lookup(manage->known, &message->node);
	bool own = yett_id_equal(&peer->id, &message->node);

	if (peer->role != YETT_ROLE_ACCEPTOR || known == NULL || known->name[0] == '\0' ||
		(!own &&
			yett_known_way((struct yett_known *)(uintptr_t)known, &peer->id) == NULL)) {
		return; /* it may not speak for that node */
	}
	if (manage->court != NULL) {
		if (!yett_moves_answer(manage->court, known, message)) {
			take_applied(manage->court, known, message);
		}
		return;
	}
	for (guint i = 0; i < manage->node->links->len; i++) {
		const struct yett_link *link = manage->node->links->pdata[i];
		struct yett_peer *up = link->peer;

		if (up != NULL && up->state == YETT_PEER_OPEN && !up->standby &&
			link->state == YETT_UPSTREAM_UP &&
			yett_wire_control_unsent(up->wire) <= UNSENT_MAX) {
			yett_wire_applied(up->wire, message);
			yett_peer_flush(up);
			return;
		}
	}
}
