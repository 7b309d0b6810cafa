/* Emptying a gateway: who is behind it moves, what it holds is delivered, nobody new is let in.
 *
 * Responsible for setting `node.drain` of a gateway, for beginning the moves of those behind it that can be
 * set from afar, and for saying what is left: nodes without another way, data. Not responsible for the moves
 * themselves (moves.c), for how the gateway goes about it (judge.c, flow/path.c), nor for
 * deleting it (decide.c). On the loop. What is to be done stands in the document of the gateway (table
 * `desired`), so any management server of the group goes on with it. */
#include <inttypes.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/name.h"
#include "drain.h"
#include "moves.h"
#include "../views/views.h"

#define TICK_NS   YETT_SEC
#define MOVES_MAX 20 /* at a time, of one gateway */
#define ROW       "node.drain"

static bool is_drained(const struct yett_paper *paper)
{
	const json_t *values = paper != NULL ? json_object_get(paper->json, "values") : NULL;

	return g_strcmp0(json_string_value(json_object_get(values, ROW)), "true") == 0;
}

/* Setting it. */

struct draining {
	struct yett_court *court;
	char *name;
	yett_answer_fn answer;
	void *arg;
};

static void set_done(void *arg, int result)
{
	struct draining *draining = arg;

	if (result == 0) {
		draining->answer(
			draining->arg, 0, yett_drain_view(draining->court, draining->name), NULL);
	} else {
		yett_court_refuse(draining->answer, draining->arg, result,
			"look (yettctl node show), and say it again", "%s",
			yett_court_conflict(result));
	}
	g_free(draining->name);
	g_free(draining);
}

/* Those that are to take over; NULL: it has been answered. */
static json_t *take_to(struct yett_court *court, const json_t *body, const char *name,
	yett_answer_fn answer, void *arg)
{
	const json_t *to = json_object_get(body, "to");
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(to); i++) {
		const json_t *one = json_array_get(to, i);
		char other[YETT_NODE_NAME_SIZE] = "";

		if (yett_name_normalise(yett_court_text(one, "name"), other, sizeof(other)) != 0 ||
			strcmp(other, name) == 0 || !yett_desired_is_upstream(court, other)) {
			yett_court_refuse(answer, arg, YETT_ENOTFOUND, "yettctl servers",
				"\"%.200s\" is no other gateway or management server",
				yett_court_text(one, "name"));
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", other, "address",
						    yett_court_text(one, "address")));
	}
	return list;
}

static bool is_gateway(const struct yett_court *court, const char *name)
{
	const struct yett_known *known = yett_known_named(court->manage, name);

	return (known != NULL && known->relay) ||
	       yett_paper_verdict(yett_court_find(court, YETT_TABLE_GATEWAYS, name)) ==
		       YETT_DECIDED_APPROVED;
}

void yett_drain_set(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	bool cancel = json_is_true(json_object_get(body, "cancel"));
	const struct yett_paper *paper;
	struct draining *draining;
	char name[YETT_NODE_NAME_SIZE] = "", at[32];
	json_t *json, *to;

	if (yett_name_normalise(yett_court_text(body, "name"), name, sizeof(name)) != 0 ||
		!is_gateway(court, name)) {
		GPtrArray *names = yett_view_names(court->manage);
		const char *near = yett_name_nearest(
			yett_court_text(body, "name"), (const char *const *)names->pdata);
		g_autofree char *mend = near != NULL ? g_strdup_printf("did you mean %s?", near)
						     : g_strdup("yettctl servers");

		yett_court_refuse(answer, arg, YETT_ENOTFOUND, mend,
			"no gateway of the name \"%.200s\" is known",
			yett_court_text(body, "name"));
		g_ptr_array_free(names, TRUE);
		return;
	}
	if (court->server_key == NULL || court->certificate == NULL) {
		yett_court_refuse(answer, arg, YETT_ENOTSUP, "yettctl group join, on this server",
			"this server cannot sign for the group, so that no gateway would heed it");
		return;
	}
	to = take_to(court, body, name, answer, arg);
	if (to == NULL) {
		return;
	}
	paper = yett_court_find(court, YETT_TABLE_DESIRED, name);
	json = paper != NULL ? json_deep_copy(paper->json)
			     : json_pack("{s:s, s:{}, s:[]}", "name", name, "values", "upstreams");
	yett_time_text(yett_clock_wall(court->manage->node->clock), at, sizeof(at));
	json_object_del(json_object_get(json, "values"), ROW);
	json_object_del(json, "drain");
	if (!cancel) {
		json_object_set_new(json_object_get(json, "values"), ROW, json_string("true"));
		json_object_set_new(
			json, "drain", json_pack("{s:s, s:s, s:O}", "by", by, "at", at, "to", to));
	}
	json_decref(to);
	json_object_set_new(json, "by", json_string(by));
	json_object_set_new(json, "at", json_string(at));
	draining = g_new0(struct draining, 1);
	draining->court = court;
	draining->name = g_strdup(name);
	draining->answer = answer;
	draining->arg = arg;
	yett_court_change(court, YETT_TABLE_DESIRED, name, json, by,
		cancel ? "gateway drain --cancel" : "gateway drain", set_done, draining);
}

static void ignore_result(void *arg, int result)
{
	(void)arg;
	(void)result; /* of a conflict: another server was faster */
}

void yett_drain_forget(struct yett_court *court, const char *name)
{
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_DESIRED, name);
	json_t *json;

	if (!is_drained(paper)) {
		return;
	}
	json = json_deep_copy(paper->json);
	json_object_del(json_object_get(json, "values"), ROW);
	json_object_del(json, "drain");
	yett_court_change(court, YETT_TABLE_DESIRED, name, json, NULL, NULL, ignore_result, NULL);
}

/* Who is behind it. */

/* Whether it is here or at another server of the group, by that gateway alone. */
static bool is_behind(
	const struct yett_manage *manage, const struct yett_known *known, const char *gateway)
{
	const struct yett_known *of = yett_known_named(manage, gateway);

	if (of == NULL || known == of || strcmp(yett_moves_via(manage, known), gateway) != 0) {
		return false;
	}
	for (size_t i = 0; i < YETT_WAYS_MAX; i++) {
		if (known->ways[i].used && !yett_id_equal(&known->ways[i].via, &of->id)) {
			return false;
		}
	}
	return true;
}

/* Where it can go, of what is known here: its upstreams without that gateway, or those that were said.
 * Given; NULL: nowhere. */
static json_t *other_ways(
	const struct yett_court *court, const struct yett_paper *gateway, const char *node)
{
	const char *name = yett_paper_text(gateway, "name");
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_DESIRED, node);
	const json_t *upstreams = paper != NULL ? json_object_get(paper->json, "upstreams") : NULL;
	const json_t *to = json_object_get(json_object_get(gateway->json, "drain"), "to");
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(upstreams); i++) {
		json_t *one = json_array_get(upstreams, i);

		if (strcmp(yett_court_text(one, "name"), name) != 0) {
			json_array_append(list, one);
		}
	}
	if (json_array_size(list) == 0) {
		json_array_extend(list, (json_t *)(uintptr_t)to);
	}
	if (json_array_size(list) == 0) {
		g_clear_pointer(&list, json_decref);
	}
	return list;
}

/* The move that this draining has begun of a node and that has come to nothing, or NULL. */
static const struct yett_paper *failed_move(
	const struct yett_court *court, const struct yett_paper *gateway, const char *node)
{
	const struct yett_paper *move = yett_court_find(court, YETT_TABLE_MOVES, node);
	const char *at = yett_court_text(json_object_get(gateway->json, "drain"), "at");

	return move != NULL && yett_moves_open(court, node) == NULL &&
			       strcmp(yett_paper_text(move, "step"), "done") != 0 &&
			       strcmp(yett_paper_text(move, "at"), at) >= 0
		       ? move
		       : NULL;
}

static void move_those_behind(struct yett_court *court, const struct yett_paper *gateway)
{
	const char *name = yett_paper_text(gateway, "name");
	const json_t *drain = json_object_get(gateway->json, "drain");
	g_autofree char *by =
		g_strdup_printf("%s, draining %s", yett_court_text(drain, "by"), name);
	GHashTableIter iter;
	gpointer value;
	unsigned moving = 0;

	g_hash_table_iter_init(&iter, court->manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value) && moving < MOVES_MAX) {
		const struct yett_known *known = value;
		json_t *to;

		if (!is_behind(court->manage, known, name)) {
			continue;
		}
		if (yett_moves_open(court, known->name) != NULL) {
			moving++;
			continue;
		}
		to = failed_move(court, gateway, known->name) == NULL
			     ? other_ways(court, gateway, known->name)
			     : NULL;
		if (to != NULL) {
			moving++;
			yett_moves_begin(court, known->name, to, by, ignore_result, NULL);
		}
	}
}

void yett_drain_tick(struct yett_court *court, uint64_t now_ns)
{
	GHashTableIter iter;
	gpointer value;

	if (now_ns < court->drain_ns || court->manage->node->draining ||
		!yett_store_healthy(
			court->manage->node)) { /* else the same moves, again and again */
		return;
	}
	court->drain_ns = now_ns + TICK_NS;
	g_hash_table_iter_init(&iter, yett_court_table(court, YETT_TABLE_DESIRED));
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct yett_paper *paper = value;

		/* Once it takes nobody new; or who has moved would come back. */
		if (paper->json != NULL && is_drained(paper) &&
			strcmp(yett_paper_text(
				       yett_desired_answer(court, yett_paper_text(paper, "name"),
					       paper->revision),
				       "state"),
				"applied") == 0) {
			move_those_behind(court, paper);
		}
	}
}

/* What is left. */

/* Why a node stays behind a gateway. Given. */
static char *why_left(
	const struct yett_court *court, const struct yett_paper *gateway, const char *node)
{
	const struct yett_paper *move = yett_moves_open(court, node);
	json_t *to;

	if (move != NULL) {
		return g_strdup_printf("it moves: %s", yett_paper_text(move, "step"));
	}
	move = gateway != NULL ? failed_move(court, gateway, node) : NULL;
	if (move != NULL) {
		return g_strdup_printf("it could not be moved: %s", yett_paper_text(move, "why"));
	}
	to = gateway != NULL ? other_ways(court, gateway, node) : NULL;
	if (to != NULL) {
		json_decref(to);
		return g_strdup("it is about to move");
	}
	return g_strdup("it has no other way that is known here: yettctl upstream set, or gateway "
			"drain --to");
}

static json_t *left_behind(const struct yett_court *court, const char *name, unsigned *ret_moving)
{
	const struct yett_paper *gateway = yett_court_find(court, YETT_TABLE_DESIRED, name);
	json_t *left = json_array();
	GHashTableIter iter;
	gpointer value;

	*ret_moving = 0;
	g_hash_table_iter_init(&iter, court->manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct yett_known *known = value;
		g_autofree char *why = NULL;

		if (is_behind(court->manage, known, name)) {
			why = why_left(court, gateway, known->name);
			*ret_moving += g_str_has_prefix(why, "it moves") ||
				       g_str_has_prefix(why, "it is about");
			json_array_append_new(
				left, json_pack("{s:s, s:s}", "name", known->name, "why", why));
		}
	}
	return left;
}

json_t *yett_drain_view(const struct yett_court *court, const char *name)
{
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_DESIRED, name);
	const struct yett_known *known = yett_known_named(court->manage, name);
	const struct yett_paper *answer =
		paper != NULL ? yett_desired_answer(court, name, paper->revision) : NULL;
	const json_t *drain = paper != NULL ? json_object_get(paper->json, "drain") : NULL;
	bool applied = strcmp(yett_paper_text(answer, "state"), "applied") == 0;
	bool connected = yett_moves_via(court->manage, known)[0] != '\0';
	unsigned moving;
	json_t *left;

	if (!is_gateway(court, name)) {
		return NULL;
	}
	left = left_behind(court, name, &moving);
	return json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:s, s:s, s:o}", "name", name, "state",
		!is_drained(paper)                                         ? "not drained"
		: strcmp(yett_paper_text(answer, "state"), "refused") == 0 ? "refused"
		: !applied                                                 ? "asked for"
		: !connected                                               ? "not connected"
		: json_array_size(left) > 0                                ? "draining"
		: known->backlog_s > 0                                     ? "delivering"
									   : "drained",
		"why", yett_paper_text(answer, "why"), "connected", connected, "moving",
		(json_int_t)moving, "waiting_s", (json_int_t)(known != NULL ? known->backlog_s : 0),
		"by", yett_court_text(drain, "by"), "at", yett_court_text(drain, "at"), "left",
		left);
}

char *yett_drain_held(const struct yett_court *court, const char *name)
{
	const struct yett_known *known = yett_known_named(court->manage, name);
	bool connected = yett_moves_via(court->manage, known)[0] != '\0';
	g_autoptr(GString) names = g_string_new(NULL);
	unsigned moving;
	json_t *left = left_behind(court, name, &moving);
	size_t count = json_array_size(left);
	char heard[32];

	for (size_t i = 0; i < MIN(count, 5); i++) {
		g_string_append_printf(names, "%s%s", i > 0 ? ", " : "",
			yett_court_text(json_array_get(left, i), "name"));
	}
	json_decref(left);
	if (count > 5) {
		g_string_append_printf(names, " and %zu more", count - 5);
	}
	if (count > 0) {
		return g_strdup_printf("these have no other way than %s: %s", name, names->str);
	}
	if (known != NULL && known->backlog_s > 0) {
		return g_strdup_printf("%s has custody of data, the oldest of which has waited for "
				       "%u s, as it said last",
			name, known->backlog_s);
	}
	if (known != NULL && !connected) {
		return g_strdup_printf("%s is not connected, so nobody can say whether it has "
				       "custody of data; it was heard last at %s",
			name, yett_time_text(known->heard_ns, heard, sizeof(heard)));
	}
	return NULL;
}

json_t *yett_view_drain(const struct yett_manage *manage, const char *name)
{
	return manage->court != NULL ? yett_drain_view(manage->court, name) : NULL;
}
