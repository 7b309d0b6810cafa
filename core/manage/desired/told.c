/* What a node tells of its own properties when it is asked: what its file says, which nobody else sees.
 *
 * Responsible for both ends of that question (QUERY show): which properties a node tells, and putting what it
 * says where the view of a management server has nothing. Not responsible for how questions travel
 * (explain/question.c), nor for the view without it (desired-show.c). On the loop.
 *
 * Each property is a step of the answer: its name and its value, as text. What is known here already stands,
 * and a name that is not of these is left out: a node's word, which nothing signs, changes nothing else. */
#include <inttypes.h>
#include <string.h>

#include "../explain/report.h"
#include "properties.h"
#include "../views/views.h"

#define SHOW_MS 3000 /* a person waits */

static const struct told {
	const char *name;
	bool number;
} properties[] = {
	{"DisplayName", false},
	{"CommunicationPort", true},
	{"RequestCompression", false},
	{"HeartbeatInterval", false},
	{"MissingHeartbeatThreshold", false},
	{"MaximumQueueSizeBytes", true},
	{"ActionAccountIdentity", false},
};

static void tell_value(json_t *steps, const char *name, const json_t *value)
{
	char number[32];

	if (json_is_integer(value)) {
		g_snprintf(
			number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	}
	if (json_is_integer(value) || json_is_string(value)) {
		json_array_append_new(
			steps, json_pack("{s:s, s:s, s:s}", "step", name, "state", "ok", "seen",
				       json_is_integer(value) ? number : json_string_value(value)));
	}
}

static json_t *value_of(const struct yett_manage *manage, const char *name)
{
	struct yett_queue_view queue;

	if (strcmp(name, "MaximumQueueSizeBytes") == 0 && manage->node->queue != NULL) {
		yett_queue_view(manage->node, &queue);
		return json_integer((json_int_t)queue.stats.limit_bytes);
	}
	return yett_property_own(manage, name);
}

void yett_told_report(const struct yett_manage *manage, struct yett_report *ret_report)
{
	json_t *steps = json_array(),
	       *json = json_pack("{s:s, s:o}", "state", "well", "steps", steps);

	for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
		json_t *value = value_of(manage, properties[i].name);

		tell_value(steps, properties[i].name, value);
		json_decref(value);
	}
	yett_report_of_explanation(json, manage->node->name, ret_report);
	json_decref(json);
}

/* NULL: it is none. */
static json_t *read_value(const struct told *told, const char *text)
{
	if (!told->number) {
		return text[0] != '\0' ? json_string(text) : NULL;
	}
	return text[0] != '\0' && strlen(text) <= 18 && strspn(text, "0123456789") == strlen(text)
		       ? json_integer(g_ascii_strtoll(text, NULL, 10))
		       : NULL;
}

static void fill(json_t *rows, const struct told *told, const char *text)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i), *value;
		const char *name = json_string_value(json_object_get(row, "property"));

		if (name == NULL || strcmp(name, told->name) != 0 ||
			!json_is_null(json_object_get(row, "applied"))) {
			continue;
		}
		value = read_value(told, text);
		if (value != NULL) {
			json_object_set_new(row, "applied", value);
			json_object_set_new(row, "source", json_string("node"));
		}
	}
}

struct ask {
	const struct yett_manage *manage;
	char name[YETT_NODE_NAME_SIZE];
	json_t *json;
	yett_answer_fn answer;
	void *arg;
};

static void told(void *arg, struct yett_report *report)
{
	struct ask *ask = arg;
	json_t *rows = json_object_get(ask->json, "properties");

	if (report->result == YETT_REPORT_ANSWERED) {
		json_t *values = yett_report_values(report);

		for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
			const char *text =
				json_string_value(json_object_get(values, properties[i].name));

			if (text != NULL) {
				fill(rows, &properties[i], text);
			}
		}
		json_decref(values);
	} else {
		char *why = yett_report_why(report, ask->name, ask->manage->node->name);

		json_object_set_new(ask->json, "asked_why", json_string(why));
		g_free(why);
	}
	ask->answer(ask->arg, 0, ask->json, NULL);
	g_free(ask);
}

void yett_manage_show(struct yett_manage *manage, const char *name, json_t *json,
	yett_answer_fn answer, void *arg)
{
	const struct yett_known *known = yett_known_named(manage, name);
	struct yett_query_message query = {.what = YETT_QUERY_SHOW, .limit_ms = SHOW_MS};
	bool self = strcmp(name, manage->node->name) == 0;
	struct ask *ask;

	if (self || known == NULL) {
		json_object_set_new(json, "asked_why",
			self ? json_null()
			     : json_string(yett_property_is_server(manage, name)
						   ? "it is another management server: ask there"
						   : "it has not been here yet"));
		answer(arg, 0, json, NULL);
		return;
	}
	ask = g_new0(struct ask, 1);
	ask->manage = manage;
	g_strlcpy(ask->name, name, sizeof(ask->name));
	ask->json = json;
	ask->answer = answer;
	ask->arg = arg;
	query.node = known->id;
	yett_question_ask(manage, &query, told, ask);
}
