/* What nodes should be like: set by administrators.
 *
 * Responsible for holding a wish against the schema and against what the group knows (names, rings of
 * upstreams) before it is stored, and for saying what somebody else has changed meanwhile. Not
 * responsible for bringing it to the node (desired.c), for the view (desired-show.c), nor for
 * compare-and-set and the audit (change.c). On the loop. */
#include <inttypes.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/name.h"
#include "aimed.h"
#include "../admission/court.h"
#include "moves.h"
#include "properties.h"
#include "../views/views.h"

#define RING_HOPS 8

/* Setting it. */

GPtrArray *yett_view_names(const struct yett_manage *manage)
{
	static const char *const of[] = {
		YETT_TABLE_GATEWAYS, YETT_TABLE_AGENTS, YETT_TABLE_DESIRED};
	GPtrArray *names = g_ptr_array_new();
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		g_ptr_array_add(names, ((struct yett_known *)value)->name);
	}
	for (size_t i = 0; manage->court != NULL && i < G_N_ELEMENTS(of); i++) {
		g_hash_table_iter_init(&iter, yett_court_table(manage->court, of[i]));
		while (g_hash_table_iter_next(&iter, &key, &value)) {
			if (((const struct yett_paper *)value)->json != NULL) {
				g_ptr_array_add(names, key);
			}
		}
	}
	g_ptr_array_add(names, NULL);
	return names;
}

/* Those that may be upstreams: management servers, and gateways that are here or approved. */
static GPtrArray *upstream_names(const struct yett_court *court)
{
	const struct yett_manage *manage = court->manage;
	GPtrArray *names = g_ptr_array_new();
	GHashTableIter iter;
	gpointer key, value;

	g_ptr_array_add(names, manage->node->name);
	g_hash_table_iter_init(&iter, manage->servers);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		g_ptr_array_add(names, ((struct yett_server *)value)->name);
	}
	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct yett_known *known = value;

		if (known->relay && !yett_court_barred(court, known->name)) {
			g_ptr_array_add(names, known->name);
		}
	}
	g_hash_table_iter_init(&iter, yett_court_table(court, YETT_TABLE_GATEWAYS));
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		if (yett_court_proxy(court, key)) {
			g_ptr_array_add(names, key);
		}
	}
	g_ptr_array_add(names, NULL);
	return names;
}

bool yett_desired_is_upstream(const struct yett_court *court, const char *name)
{
	GPtrArray *names = upstream_names(court);
	bool good = g_strv_contains((const char *const *)names->pdata, name);

	g_ptr_array_free(names, TRUE);
	return good;
}

struct ring {
	const struct yett_court *court;
	const char *node;
	uint64_t before;
};

static bool leads_to(const struct ring *ring, const char *gateway, unsigned hops);

static bool one_leads_to(const struct ring *ring, const json_t *upstreams, unsigned hops)
{
	for (size_t i = 0; i < json_array_size(upstreams); i++) {
		if (leads_to(ring, yett_court_text(json_array_get(upstreams, i), "name"), hops)) {
			return true;
		}
	}
	return false;
}

/* Whether the way of a gateway leads to the node: as it is, should be, or is about to be. */
static bool leads_to(const struct ring *ring, const char *gateway, unsigned hops)
{
	const struct yett_manage *manage = ring->court->manage;
	const struct yett_paper *move = yett_moves_open(ring->court, gateway);
	const struct yett_paper *paper = yett_court_find(ring->court, YETT_TABLE_DESIRED, gateway);
	const json_t *upstreams = paper != NULL ? json_object_get(paper->json, "upstreams") : NULL;
	const struct yett_known *known, *via;

	if (strcmp(gateway, ring->node) == 0) {
		return true;
	}
	if (hops == 0) {
		return false;
	}
	if ((move != NULL && move->revision < ring->before &&
		    one_leads_to(ring, json_object_get(move->json, "upstreams"), hops - 1)) ||
		one_leads_to(ring, upstreams, hops - 1)) {
		return true;
	}
	if (json_array_size(upstreams) > 0) {
		return false;
	}
	known = yett_known_named(manage, gateway);
	via = known != NULL && !yett_id_is_zero(&known->via) ? yett_manage_find(manage, &known->via)
							     : NULL;
	return via != NULL && leads_to(ring, via->name, hops - 1);
}

bool yett_desired_leads_to(
	const struct yett_court *court, const char *gateway, const char *node, uint64_t before)
{
	const struct ring ring = {court, node, before};

	return leads_to(&ring, gateway, RING_HOPS);
}

struct setting {
	struct yett_court *court;
	yett_answer_fn answer;
	void *arg;
	char *name, *by;
	json_t *before;    /* what it was built on; NULL: nothing */
	json_t *upstreams; /* that it is to be moved to, after that; NULL: none */
};

/* What another administrator has changed meanwhile. */
static void name_conflict(const struct setting *setting, GString *to)
{
	static const char *const sections[] = {"values", "upstreams"};
	const struct yett_paper *now =
		yett_court_find(setting->court, YETT_TABLE_DESIRED, setting->name);
	const json_t *was_values = json_object_get(setting->before, "values");
	const char *key;
	json_t *value;

	if (now == NULL) {
		return;
	}
	json_object_foreach(json_object_get(now->json, "values"), key, value)
	{
		if (!json_equal(value, json_object_get(was_values, key))) {
			g_string_append_printf(to, "%s%s = %s", to->len > 0 ? ", " : "", key,
				json_string_value(value));
		}
	}
	json_object_foreach((json_t *)(uintptr_t)was_values, key, value)
	{
		if (json_object_get(json_object_get(now->json, "values"), key) == NULL) {
			g_string_append_printf(
				to, "%s%s was taken away", to->len > 0 ? ", " : "", key);
		}
	}
	if (!json_equal(json_object_get(now->json, sections[1]),
		    json_object_get(setting->before, sections[1]))) {
		g_string_append_printf(to, "%supstreams", to->len > 0 ? ", " : "");
	}
	g_string_append_printf(
		to, ", by %s (revision %" PRIu64 ")", yett_paper_text(now, "by"), now->revision);
}

static void setting_free(struct setting *setting)
{
	json_decref(setting->before);
	json_decref(setting->upstreams);
	g_free(setting->name);
	g_free(setting->by);
	g_free(setting);
}

static void move_begun(void *arg, int result)
{
	struct setting *setting = arg;
	const struct yett_paper *now =
		yett_court_find(setting->court, YETT_TABLE_MOVES, setting->name);

	if (result == 0) {
		setting->answer(setting->arg, 0,
			yett_view_desired(setting->court->manage, setting->name), NULL);
	} else {
		yett_court_refuse(setting->answer, setting->arg, result,
			"look (yettctl node show), and set it again",
			"the upstreams of %s are as they were: %s%s%s", setting->name,
			result == YETT_ECONFLICT ? "they are being changed, by "
						 : yett_result_text(result),
			result == YETT_ECONFLICT ? yett_paper_text(now, "by") : "", "");
	}
	setting_free(setting);
}

static void begin_move(struct setting *setting)
{
	yett_moves_begin(setting->court, setting->name, g_steal_pointer(&setting->upstreams),
		setting->by, move_begun, setting);
}

static void set_done(void *arg, int result)
{
	struct setting *setting = arg;
	g_autoptr(GString) what = g_string_new(NULL);

	if (result == 0 && setting->upstreams != NULL) {
		begin_move(setting);
		return;
	}
	if (result == 0) {
		setting->answer(setting->arg, 0,
			yett_view_desired(setting->court->manage, setting->name), NULL);
	} else if (result == YETT_ECONFLICT) {
		name_conflict(setting, what);
		yett_court_refuse(setting->answer, setting->arg, result,
			"look (yettctl node show), and set it again",
			"somebody else has changed %s meanwhile: %s", setting->name, what->str);
	} else {
		yett_court_refuse(setting->answer, setting->arg, result, NULL, "%s",
			yett_court_conflict(result));
	}
	setting_free(setting);
}

static bool take_target(struct yett_court *court, const json_t *body,
	char name[YETT_NODE_NAME_SIZE], yett_answer_fn answer, void *arg)
{
	const struct yett_known *known;
	GPtrArray *names;
	const char *near;
	g_autofree char *mend = NULL;

	if (yett_name_normalise(yett_court_text(body, "name"), name, YETT_NODE_NAME_SIZE) != 0) {
		yett_court_refuse(answer, arg, YETT_EINVAL, "write its fully qualified name",
			"\"%.200s\" is no name of a node", yett_court_text(body, "name"));
		return false;
	}
	if (yett_property_is_server(court->manage, name)) {
		yett_court_refuse(answer, arg, YETT_EINVAL, "edit its configuration",
			"%s is a management server, which is set by its own file", name);
		return false;
	}
	known = yett_known_named(court->manage, name);
	names = yett_view_names(court->manage);
	near = yett_name_nearest(name, (const char *const *)names->pdata);
	mend = near != NULL ? g_strdup_printf("did you mean %s? (yettctl agents, servers)", near)
			    : g_strdup("yettctl agents, yettctl servers");
	if (known == NULL && !g_strv_contains((const char *const *)names->pdata, name)) {
		yett_court_refuse(
			answer, arg, YETT_ENOTFOUND, mend, "no node of the name %s is known", name);
		g_ptr_array_free(names, TRUE);
		return false;
	}
	g_ptr_array_free(names, TRUE);
	return true;
}

static bool take_values(json_t *json, const json_t *body, yett_answer_fn answer, void *arg)
{
	json_t *values = json_object_get(json, "values"), *value;
	const json_t *unset = json_object_get(body, "unset");
	const char *key;

	json_object_foreach(json_object_get(body, "values"), key, value)
	{
		if (!json_is_string(value)) {
			yett_court_refuse(answer, arg, YETT_EINVAL, "write each value as a text",
				"%.60s has no value", key);
			return false;
		}
		if (yett_property_near(key) != NULL) {
			g_autofree char *mend =
				g_strdup_printf("did you mean %s?", yett_property_near(key));

			yett_court_refuse(answer, arg, YETT_EINVAL, mend,
				"%.60s is no property of a node", key);
			return false;
		}
		if (yett_property_elsewhere(key) != NULL) {
			yett_court_refuse(answer, arg, YETT_EINVAL, yett_property_elsewhere(key),
				"%.60s is not set from afar", key);
			return false;
		}
		json_object_set(values, yett_property_row(key), value);
	}
	for (size_t i = 0; i < json_array_size(unset); i++) {
		const char *name = json_string_value(json_array_get(unset, i));

		if (name != NULL && strcmp(name, "upstreams") == 0) {
			json_object_set_new(json, "upstreams", json_array());
			json_object_set_new(json, "move", json_string(""));
		} else if (name == NULL || json_object_del(values, yett_property_row(name)) != 0) {
			yett_court_refuse(answer, arg, YETT_ENOTFOUND, "yettctl node show",
				"%.60s is not set", name != NULL ? name : "it");
			return false;
		}
	}
	return true;
}

/* `ret_upstreams`: NULL: none are asked for. */
static bool take_upstreams(struct yett_court *court, const json_t *body, const char *node,
	json_t **ret_upstreams, yett_answer_fn answer, void *arg)
{
	const json_t *upstreams = json_object_get(body, "upstreams");
	json_t *to = json_array();
	GPtrArray *names = upstream_names(court);
	bool good = true;

	for (size_t i = 0; good && i < json_array_size(upstreams); i++) {
		const json_t *one = json_array_get(upstreams, i);
		const char *text = yett_court_text(one, "name"), *near;
		char name[YETT_NODE_NAME_SIZE] = "";
		g_autofree char *mend = NULL;

		good = yett_name_normalise(text, name, sizeof(name)) == 0 &&
		       g_strv_contains((const char *const *)names->pdata, name);
		if (!good) {
			near = yett_name_nearest(text, (const char *const *)names->pdata);
			mend = near != NULL
				       ? g_strdup_printf("did you mean %s?", near)
				       : g_strdup("approve it first, or look: yettctl servers");
			yett_court_refuse(answer, arg, YETT_ENOTFOUND, mend,
				"no management server, and no gateway that is approved, has the "
				"name "
				"%.200s",
				text);
		} else if (yett_desired_leads_to(court, name, node, UINT64_MAX)) {
			good = false;
			yett_court_refuse(answer, arg, YETT_EINVAL, "give it another upstream",
				"%s leads back to %s: data would go in a ring", name, node);
		} else {
			json_array_append_new(to, json_pack("{s:s, s:s}", "name", name, "address",
							  yett_court_text(one, "address")));
		}
	}
	g_ptr_array_free(names, TRUE);
	if (!good || json_array_size(to) == 0) {
		g_clear_pointer(&to, json_decref);
	}
	*ret_upstreams = to;
	return good;
}

static void ignore_pinned(void *arg, const char *name)
{
	(void)arg;
	(void)name;
}

/* By the same schema as the node's own, with the upstreams that it is to have. */
static bool validates(
	const json_t *json, json_t *upstreams, const char *name, yett_answer_fn answer, void *arg)
{
	struct yett_desired *desired = g_new(struct yett_desired, 1);
	struct yett_conf *conf = NULL;
	char why[YETT_CAUSE_SIZE] =
		"it is more than 16 settings and 8 upstreams, or one is too long";
	json_t *whole = json_deep_copy(json);
	bool good;

	if (upstreams != NULL) {
		json_object_set(whole, "upstreams", upstreams);
	}
	good = yett_desired_of(whole, name, desired) &&
	       yett_desired_overlay(NULL, desired, NULL, ignore_pinned, NULL, &conf, why) == 0;
	if (!good) {
		yett_court_refuse(answer, arg, YETT_EINVAL,
			"yettctl node show NODE says which properties can be set",
			"nothing has been set: %s", why);
	}
	yett_conf_free(conf);
	json_decref(whole);
	g_free(desired);
	return good;
}

static bool may_be_set(struct yett_court *court, const char *name, const json_t *body,
	yett_answer_fn answer, void *arg)
{
	if (court->server_key == NULL || court->certificate == NULL) {
		yett_court_refuse(answer, arg, YETT_ENOTSUP, "yettctl group join, on this server",
			"this server cannot sign for the group, so that no node would heed it");
		return false;
	}
	if (json_array_size(json_object_get(body, "upstreams")) > 0 &&
		yett_court_barred(court, name)) {
		yett_court_refuse(answer, arg, YETT_ECONFLICT,
			"yettctl agent approve, or gateway approve, lets it in again",
			"%s is barred from this group: no upstream would let it in", name);
		return false;
	}
	return true;
}

static bool unsets_upstreams(const json_t *body)
{
	const json_t *unset = json_object_get(body, "unset");

	for (size_t i = 0; i < json_array_size(unset); i++) {
		if (g_strcmp0(json_string_value(json_array_get(unset, i)), "upstreams") == 0) {
			return true;
		}
	}
	return false;
}

void yett_desired_set(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	const struct yett_paper *paper;
	struct setting *setting;
	char name[YETT_NODE_NAME_SIZE], at[32];
	json_t *json, *upstreams = NULL;

	if (!take_target(court, body, name, answer, arg) ||
		!may_be_set(court, name, body, answer, arg)) {
		return;
	}
	paper = yett_court_find(court, YETT_TABLE_DESIRED, name);
	json = paper != NULL ? json_deep_copy(paper->json)
			     : json_pack("{s:s, s:{}, s:[]}", "name", name, "values", "upstreams");
	if (!take_values(json, body, answer, arg) ||
		!take_upstreams(court, body, name, &upstreams, answer, arg) ||
		!validates(json, upstreams, name, answer, arg)) {
		json_decref(json);
		json_decref(upstreams);
		return;
	}
	json_object_set_new(json, "by", json_string(by));
	json_object_set_new(json, "at",
		json_string(yett_time_text(
			yett_clock_wall(court->manage->node->clock), at, sizeof(at))));
	setting = g_new0(struct setting, 1);
	setting->court = court;
	setting->answer = answer;
	setting->arg = arg;
	setting->name = g_strdup(name);
	setting->by = g_strdup(by);
	setting->before = paper != NULL ? json_deep_copy(paper->json) : NULL;
	setting->upstreams = upstreams;
	if (upstreams != NULL && json_object_size(json_object_get(body, "values")) == 0 &&
		json_array_size(json_object_get(body, "unset")) == 0) {
		json_decref(json);
		begin_move(setting);
		return;
	}
	if (unsets_upstreams(body)) {
		yett_moves_cancel(court, name);
	}
	yett_court_change(court, YETT_TABLE_DESIRED, name, json, by, "node set", set_done, setting);
}
