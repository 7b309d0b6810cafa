/* Moves: a node goes over to other upstreams, and never stands without a way.
 *
 * Responsible for the order in which that happens, and for keeping it in the store (table `moves`, by the
 * node's name), so that any management server of the group goes on with it. Not responsible for what may
 * be set (desired-set.c), for bringing it to the node (desired.c), for the node's own trial of the new
 * upstreams (aim.c), nor for whether one of them lets it in (expect.c).
 *
 *   authorise ─► push ─► withdraw ─► done | rolled back | refused
 *       └──────────┴───► refused | replaced
 *
 *   authorise  each of the new upstreams is asked whether it lets the node in; the node is told nothing
 *   push       what the node should be like has the new upstreams; the node tries them beside the old
 *   withdraw   it has confirmed over one of the new: the old ones are waited out; or it went back to the
 *              old ones by itself, and what it should be like goes back as well
 *
 * On the loop. Every step is taken by compare-and-set on its document, from documents alone, by whichever
 * server finds it to be taken; two that do so at once cost one of them a conflict. What is remembered
 * here (who has answered, when it was asked) is only for speed. */
#include <inttypes.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../admission/court.h"
#include "moves.h"

#define TICK_NS  (200 * YETT_MS)
#define AGAIN_NS (5 * YETT_SEC) /* an upstream that has not answered is asked again */

/* What this server remembers of a move. */
struct moving {
	struct yett_court *court;
	char *name;
	char id[YETT_ID_TEXT_SIZE]; /* of the move that this is about */
	GHashTable *asked;          /* upstream → uint64_t: when, monotonic */
	GHashTable *accepted; /* a set of upstreams that have said yes, and are not written yet */
	bool writing;
};

static void moving_free(void *arg)
{
	struct moving *moving = arg;

	g_hash_table_unref(moving->asked);
	g_hash_table_unref(moving->accepted);
	g_free(moving->name);
	g_free(moving);
}

void yett_moves_init(struct yett_court *court)
{
	court->moving = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, moving_free);
}

void yett_moves_done(struct yett_court *court)
{
	g_hash_table_unref(court->moving);
}

static struct moving *moving_of(struct yett_court *court, const char *name, const char *id)
{
	struct moving *moving = g_hash_table_lookup(court->moving, name);

	if (moving == NULL) {
		moving = g_new0(struct moving, 1);
		moving->court = court;
		moving->name = g_strdup(name);
		moving->asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
		moving->accepted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		g_hash_table_insert(court->moving, moving->name, moving);
	}
	if (strcmp(moving->id, id) != 0) {
		g_strlcpy(moving->id, id, sizeof(moving->id));
		g_hash_table_remove_all(moving->asked);
		g_hash_table_remove_all(moving->accepted);
	}
	return moving;
}

/* The document. */

static bool is_step(const struct yett_paper *paper, const char *step)
{
	return strcmp(yett_paper_text(paper, "step"), step) == 0;
}

static bool is_open(const struct yett_paper *paper)
{
	return paper != NULL && (is_step(paper, "authorise") || is_step(paper, "push") ||
					is_step(paper, "withdraw"));
}

const struct yett_paper *yett_moves_open(const struct yett_court *court, const char *name)
{
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_MOVES, name);

	return is_open(paper) ? paper : NULL;
}

static void written(void *arg, int result)
{
	struct moving *moving = arg;

	(void)result; /* of a conflict: another server has taken the step */
	moving->writing = false;
}

static void now_text(const struct yett_court *court, char at[32])
{
	yett_time_text(yett_clock_wall(court->manage->node->clock), at, 32);
}

static void write_move(struct moving *moving, json_t *json)
{
	moving->writing = true;
	yett_court_change(
		moving->court, YETT_TABLE_MOVES, moving->name, json, NULL, NULL, written, moving);
}

static void log_step(const char *name, const char *step, const char *why)
{
	bool bad = strcmp(step, "refused") == 0 || strcmp(step, "rolled back") == 0;

	if (bad) {
		yett_log(YETT_LOG_WARNING, "move-failed",
			"a node stays with the upstreams that it has: %s; set others (yettctl "
			"upstream set) node=%s step=\"%s\"",
			why, name, step);
	} else {
		yett_log(YETT_LOG_NOTICE, "node-moving", "%s node=%s step=\"%s\"",
			strcmp(step, "done") == 0 ? "a node has gone over to its new upstreams"
						  : "a node is on its way to other upstreams",
			name, step);
	}
}

/* `outcome`: how it ends after `withdraw`; NULL: as it is. */
static void take_step(struct moving *moving, const struct yett_paper *paper, const char *step,
	const char *outcome, const char *why)
{
	json_t *json = json_deep_copy(paper->json);
	char at[32];

	now_text(moving->court, at);
	json_object_set_new(json, "step", json_string(step));
	json_object_set_new(json, "since", json_string(at));
	json_object_set_new(json, "why", json_string(why));
	if (outcome != NULL) {
		json_object_set_new(json, "outcome", json_string(outcome));
	}
	log_step(moving->name, step, why);
	write_move(moving, json);
}

/* Who has what. */

static const char *name_of_id(const struct yett_manage *manage, const struct yett_id *id)
{
	const struct yett_known *known = yett_manage_find(manage, id);
	const struct yett_server *server = yett_share_find(manage, id);

	if (yett_id_is_zero(id) || yett_id_equal(id, &manage->node->id)) {
		return manage->node->name;
	}
	return known != NULL ? known->name : server != NULL ? server->name : "";
}

const char *yett_moves_via(const struct yett_manage *manage, const struct yett_known *known)
{
	if (known == NULL || (!known->live && !yett_share_has(manage, known))) {
		return "";
	}
	return name_of_id(manage, &known->via);
}

static bool is_in(const json_t *upstreams, const char *name)
{
	for (size_t i = 0; i < json_array_size(upstreams); i++) {
		if (strcmp(yett_court_text(json_array_get(upstreams, i), "name"), name) == 0) {
			return true;
		}
	}
	return false;
}

/* Step authorise. */

/* This very server lets it in: by a list, or by a decision. */
static bool lets_in(const struct yett_court *court, const char *name)
{
	const struct yett_list *listeners = &court->manage->node->settings->listeners;
	const struct yett_listener_settings *items = listeners->items;
	bool gateway;

	if (yett_court_barred(court, name)) {
		return false;
	}
	for (size_t i = 0; i < listeners->count; i++) {
		if (yett_admit_may_enter(&items[i], name)) {
			return true;
		}
	}
	return yett_paper_verdict(yett_court_decision(court, name, &gateway)) ==
	       YETT_DECIDED_APPROVED;
}

/* One that is connected here, or behind one that is. */
static void ask(struct moving *moving, const char *upstream)
{
	struct yett_court *court = moving->court;
	const struct yett_known *known = yett_known_named(court->manage, upstream);
	struct yett_peer *peer =
		known != NULL ? yett_desired_way_down(court->manage, &known->id) : NULL;
	const uint64_t *asked_ns = g_hash_table_lookup(moving->asked, upstream);
	uint64_t now_ns = yett_now(court->manage->node);
	struct yett_config *message;
	GByteArray *bytes;

	if (peer == NULL || (asked_ns != NULL && now_ns - *asked_ns < AGAIN_NS)) {
		return;
	}
	g_hash_table_insert(moving->asked, g_strdup(upstream), g_memdup2(&now_ns, sizeof(now_ns)));
	bytes = g_byte_array_new();
	if (yett_court_sign(court, moving->name, bytes)) {
		message = g_new0(struct yett_config, 1);
		message->node = known->id;
		message->signed_count = 1;
		message->signeds[0].bytes = bytes->data;
		message->signeds[0].length = bytes->len;
		yett_wire_config(peer->wire, message);
		yett_peer_flush(peer);
		g_free(message);
	}
	g_byte_array_unref(bytes);
}

/* Whether an upstream lets the node in, as far as is known; else it is asked. */
static bool accepts(struct moving *moving, const struct yett_paper *paper, const char *upstream)
{
	const struct yett_manage *manage = moving->court->manage;
	const struct yett_known *known = yett_known_named(manage, moving->name);

	if (json_object_get(json_object_get(paper->json, "accepted"), upstream) != NULL ||
		g_hash_table_contains(moving->accepted, upstream) ||
		strcmp(yett_moves_via(manage, known), upstream) == 0 ||
		yett_share_named(manage, upstream) != NULL) { /* it judges by the same decisions */
		return true;
	}
	if (strcmp(upstream, manage->node->name) == 0) {
		return lets_in(moving->court, moving->name);
	}
	ask(moving, upstream);
	return false;
}

static void write_accepted(struct moving *moving, const struct yett_paper *paper)
{
	json_t *json = json_deep_copy(paper->json), *accepted = json_object_get(json, "accepted");
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, moving->accepted);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		json_object_set_new(accepted, key, json_true());
	}
	g_hash_table_remove_all(moving->accepted);
	write_move(moving, json);
}

/* What the node should be like, with other upstreams; `move` "": with none of ours. */
static void write_desired(
	struct moving *moving, const struct yett_paper *paper, json_t *upstreams, const char *move)
{
	const struct yett_paper *desired =
		yett_court_find(moving->court, YETT_TABLE_DESIRED, moving->name);
	json_t *json = desired != NULL ? json_deep_copy(desired->json)
				       : json_pack("{s:s, s:{}, s:[]}", "name", moving->name,
						 "values", "upstreams");

	json_object_set(json, "upstreams", upstreams);
	json_object_set_new(json, "move", json_string(move));
	json_object_set(json, "by", json_object_get(paper->json, "by"));
	json_object_set(json, "at", json_object_get(paper->json, "at"));
	moving->writing = true;
	yett_court_change(
		moving->court, YETT_TABLE_DESIRED, moving->name, json, NULL, NULL, written, moving);
}

static bool is_pushed(const struct moving *moving)
{
	const struct yett_paper *desired =
		yett_court_find(moving->court, YETT_TABLE_DESIRED, moving->name);

	return desired != NULL && strcmp(yett_paper_text(desired, "move"), moving->id) == 0;
}

static void tick_authorise(struct moving *moving, const struct yett_paper *paper)
{
	const struct yett_court *court = moving->court;
	json_t *upstreams = json_object_get(paper->json, "upstreams");
	bool all = true;

	if (is_pushed(moving)) { /* and whoever did that has died before it could say so */
		take_step(moving, paper, "push", NULL, "");
		return;
	}
	for (size_t i = 0; i < json_array_size(upstreams); i++) {
		const char *upstream = yett_court_text(json_array_get(upstreams, i), "name");
		g_autofree char *why = NULL;

		if (yett_desired_leads_to(court, upstream, moving->name, paper->revision)) {
			why = g_strdup_printf("%s leads back to it meanwhile", upstream);
		} else if (strcmp(upstream, court->manage->node->name) == 0 &&
			   !accepts(moving, paper, upstream)) {
			why = g_strdup_printf("%s does not let it in: approve it first", upstream);
		}
		if (why != NULL) {
			take_step(moving, paper, "refused", NULL, why);
			return;
		}
		all = accepts(moving, paper, upstream) && all;
	}
	if (all) {
		write_desired(moving, paper, upstreams, moving->id);
	} else if (g_hash_table_size(moving->accepted) > 0) {
		write_accepted(moving, paper);
	}
}

bool yett_moves_answer(struct yett_court *court, const struct yett_known *upstream,
	const struct yett_applied *message)
{
	const char *name = message->pinned;
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_MOVES, name), *desired;
	struct moving *moving;

	desired = yett_court_find(court, YETT_TABLE_DESIRED, upstream->name);
	if (desired != NULL && desired->revision == message->revision) {
		return false; /* it speaks of itself: revisions of documents are never the same */
	}
	if (paper == NULL || !is_step(paper, "authorise") ||
		!is_in(json_object_get(paper->json, "upstreams"), upstream->name)) {
		return name[0] != '\0' && paper != NULL; /* of a move that is over */
	}
	moving = moving_of(court, name, yett_paper_text(paper, "id"));
	if (message->state == YETT_APPLIED_DONE) {
		g_hash_table_add(moving->accepted, g_strdup(upstream->name));
	} else if (message->state == YETT_APPLIED_REFUSED && !moving->writing) {
		take_step(moving, paper, "refused", NULL, message->why);
	}
	return true;
}

/* Step push. */

static void tick_push(struct moving *moving, const struct yett_paper *paper)
{
	const struct yett_court *court = moving->court;
	const struct yett_paper *desired = yett_court_find(court, YETT_TABLE_DESIRED, moving->name);
	const struct yett_known *known = yett_known_named(court->manage, moving->name);
	const struct yett_paper *answer;
	const char *state;

	if (!is_pushed(moving)) {
		take_step(moving, paper, "replaced", NULL, "other upstreams were set meanwhile");
		return;
	}
	answer = yett_desired_answer(court, moving->name, desired->revision);
	state = yett_paper_text(answer, "state");
	if (strcmp(state, "refused") == 0 || strcmp(state, "rolled back") == 0) {
		take_step(moving, paper, "withdraw", state, yett_paper_text(answer, "why"));
	} else if (strcmp(state, "applied") == 0 && is_in(json_object_get(paper->json, "upstreams"),
							    yett_moves_via(court->manage, known))) {
		take_step(moving, paper, "withdraw", "done", "");
	}
}

/* Step withdraw. */

/* A way by one that is not an upstream of it any more; NULL: there is none that this server sees. */
static const char *old_way(const struct moving *moving, const struct yett_paper *paper)
{
	const struct yett_manage *manage = moving->court->manage;
	const struct yett_known *known = yett_known_named(manage, moving->name);
	const json_t *upstreams = json_object_get(paper->json, "upstreams");

	for (size_t i = 0; known != NULL && i < YETT_WAYS_MAX; i++) {
		const char *via = name_of_id(manage, &known->ways[i].via);

		if (known->ways[i].used && via[0] != '\0' && !is_in(upstreams, via)) {
			return via;
		}
	}
	return NULL;
}

static void tick_withdraw(struct moving *moving, const struct yett_paper *paper)
{
	const char *outcome = yett_paper_text(paper, "outcome");

	if (strcmp(outcome, "done") == 0) {
		if (old_way(moving, paper) == NULL) {
			take_step(moving, paper, "done", NULL, "");
		}
		return;
	}
	if (is_pushed(moving)) { /* the next change of the node would bring them again */
		write_desired(moving, paper, json_object_get(paper->json, "before"), "");
		return;
	}
	take_step(moving, paper, outcome, NULL, yett_paper_text(paper, "why"));
}

void yett_moves_tick(struct yett_court *court, uint64_t now_ns)
{
	GList *names;

	if (now_ns < court->moves_ns || court->manage->node->draining) {
		return;
	}
	court->moves_ns = now_ns + TICK_NS;
	names = g_hash_table_get_keys(yett_court_table(court, YETT_TABLE_MOVES));
	for (const GList *at = names; at != NULL; at = at->next) {
		const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_MOVES, at->data);
		struct moving *moving;

		if (!is_open(paper)) {
			continue;
		}
		moving = moving_of(court, at->data, yett_paper_text(paper, "id"));
		if (moving->writing) {
			continue;
		}
		if (is_step(paper, "authorise")) {
			tick_authorise(moving, paper);
		} else if (is_step(paper, "push")) {
			tick_push(moving, paper);
		} else {
			tick_withdraw(moving, paper);
		}
	}
	g_list_free(names);
}

/* Beginning one. */

/* The upstreams that a node goes back to: of a move that has not been confirmed, those before it. */
static json_t *before_of(const struct yett_court *court, const char *name)
{
	const struct yett_paper *move = yett_court_find(court, YETT_TABLE_MOVES, name);
	const struct yett_paper *desired = yett_court_find(court, YETT_TABLE_DESIRED, name);
	const json_t *upstreams =
		desired != NULL ? json_object_get(desired->json, "upstreams") : NULL;

	if (is_open(move) && strcmp(yett_paper_text(move, "outcome"), "done") != 0) {
		upstreams = json_object_get(move->json, "before");
	}
	return upstreams != NULL ? json_deep_copy(upstreams) : json_array();
}

void yett_moves_begin(struct yett_court *court, const char *name, json_t *upstreams, const char *by,
	yett_changed_fn done, void *arg)
{
	struct yett_id id = yett_id_new(court->manage->node->clock);
	char id_text[YETT_ID_TEXT_SIZE], at[32];

	now_text(court, at);
	yett_court_change(court, YETT_TABLE_MOVES, name,
		json_pack("{s:s, s:s, s:s, s:o, s:o, s:{}, s:s, s:s, s:s, s:s}", "name", name, "id",
			yett_id_text(&id, id_text), "step", "authorise", "upstreams", upstreams,
			"before", before_of(court, name), "accepted", "why", "", "by", by, "at", at,
			"since", at),
		by, "upstream set", done, arg);
}

void yett_moves_cancel(struct yett_court *court, const char *name)
{
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_MOVES, name);
	struct moving *moving;

	if (!is_open(paper)) {
		return;
	}
	moving = moving_of(court, name, yett_paper_text(paper, "id"));
	take_step(moving, paper, "replaced", NULL, "its upstreams were unset meanwhile");
}

/* Showing it. */

/* What an open move waits for, by what is known here. Given. */
static char *waits_for(const struct yett_court *court, const struct yett_paper *paper)
{
	const struct yett_manage *manage = court->manage;
	const json_t *upstreams = json_object_get(paper->json, "upstreams");
	const json_t *accepted = json_object_get(paper->json, "accepted");
	const char *name = yett_paper_text(paper, "name");
	const struct yett_known *known = yett_known_named(manage, name);
	g_autoptr(GString) text = g_string_new(NULL);

	if (is_step(paper, "push")) {
		return g_strdup_printf("%s has to confirm it over one of the new", name);
	}
	for (size_t i = 0; is_step(paper, "authorise") && i < json_array_size(upstreams); i++) {
		const char *one = yett_court_text(json_array_get(upstreams, i), "name");
		const struct yett_known *of = yett_known_named(manage, one);

		if (json_object_get(accepted, one) == NULL &&
			strcmp(yett_moves_via(manage, known), one) != 0 &&
			strcmp(one, manage->node->name) != 0 &&
			yett_share_named(manage, one) == NULL) {
			g_string_append_printf(text, "%s%s has to say that it lets it in%s",
				text->len > 0 ? "; " : "", one,
				yett_moves_via(manage, of)[0] == '\0' ? ", and is not connected"
								      : "");
		}
	}
	return g_strdup(text->str);
}

json_t *yett_moves_view(const struct yett_court *court, const char *name)
{
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_MOVES, name);
	g_autofree char *waits = NULL;

	if (paper == NULL) {
		return json_null();
	}
	waits = waits_for(court, paper);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:b}", "id",
		yett_paper_text(paper, "id"), "step", yett_paper_text(paper, "step"), "why",
		yett_paper_text(paper, "why"), "waits_for", waits, "upstreams",
		json_deep_copy(json_object_get(paper->json, "upstreams")), "by",
		yett_paper_text(paper, "by"), "at", yett_paper_text(paper, "at"), "since",
		yett_paper_text(paper, "since"), "open", is_open(paper));
}
