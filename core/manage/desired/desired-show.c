/* What a node should be like, and is: the view.
 *
 * Responsible for putting together what is set, what the node has made of it, and its properties. Not
 * responsible for setting it (desired-set.c). On the loop; reads only. */
#include <string.h>

#include "moves.h"
#include "properties.h"
#include "../views/views.h"

static bool has_word(const char *words, const char *word)
{
	g_auto(GStrv) list = g_strsplit(words, " ", -1);

	return g_strv_contains((const char *const *)list, word);
}

static json_t *value_row(const char *name, const json_t *value, const struct yett_paper *answer)
{
	const char *state = yett_paper_text(answer, "state");
	bool pinned = has_word(yett_paper_text(answer, "pinned"), name);
	const char *property = yett_property_of(name);

	return json_pack("{s:s, s:s?, s:o, s:s, s:b}", "name", name, "property", property,
		"desired", json_deep_copy(value), "source",
		pinned                          ? "pinned"
		: strcmp(state, "applied") == 0 ? "desired"
						: "file",
		"applied", strcmp(state, "applied") == 0 && !pinned);
}

json_t *yett_view_desired(const struct yett_manage *manage, const char *name)
{
	const struct yett_court *court = manage->court;
	const struct yett_known *known = yett_known_named(manage, name);
	const struct yett_paper *paper =
		court != NULL ? yett_court_find(court, YETT_TABLE_DESIRED, name) : NULL;
	const struct yett_paper *answer, *last;
	json_t *rows = json_array(), *value;
	const json_t *upstreams;
	uint64_t generation = 0;
	const char *key;
	bool gateway;

	if (court == NULL ||
		(known == NULL && paper == NULL && !yett_property_is_server(manage, name) &&
			yett_court_decision(court, name, &gateway) == NULL)) {
		json_decref(rows);
		return NULL;
	}
	yett_store_id(manage->node, &generation);
	answer = paper != NULL ? yett_desired_answer(court, name, paper->revision) : NULL;
	last = yett_court_find(court, YETT_TABLE_APPLIED, name);
	json_object_foreach(
		paper != NULL ? json_object_get(paper->json, "values") : NULL, key, value)
	{
		json_array_append_new(rows, value_row(key, value, answer));
	}
	upstreams = paper != NULL ? json_object_get(paper->json, "upstreams") : NULL;
	if (json_array_size(upstreams) > 0) {
		json_array_append_new(rows, value_row("upstreams", upstreams, answer));
	}
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:s?, s:s?, s:s?, "
			 "s:s?, s:s?, s:I, s:n}",
		"name", name, "properties", yett_view_properties(manage, name), "move",
		yett_moves_view(court, name), "node",
		known != NULL ? yett_view_known(manage, known) : json_null(), "set", rows, "state",
		json_string(paper == NULL    ? "nothing is set"
			    : answer == NULL ? "sent when the node is reached"
					     : yett_paper_text(answer, "state")),
		"why", json_string(yett_paper_text(answer, "why")), "pinned",
		json_string(yett_paper_text(answer, "pinned")), "generation",
		(json_int_t)generation, "revision",
		(json_int_t)(paper != NULL ? paper->revision : 0), "by",
		paper != NULL ? yett_paper_text(paper, "by") : NULL, "at",
		paper != NULL ? yett_paper_text(paper, "at") : NULL, "since",
		answer != NULL ? yett_paper_text(answer, "since") : NULL, "last_state",
		last != NULL ? yett_paper_text(last, "state") : NULL, "last_why",
		last != NULL ? yett_paper_text(last, "why") : NULL, "last_revision",
		last != NULL ? json_integer_value(json_object_get(last->json, "revision")) : 0,
		"asked_why");
}
