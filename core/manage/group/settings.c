/* The settings of the group, its rules, and the table of all changes.
 *
 * Responsible for `group set` and `group rule`, for finding what carries a change out, and for what
 * refusals have in common. Not responsible for decisions about nodes (decide.c) nor for keys (group.c).
 * On the loop. */
#include <string.h>

#include "../../base/id.h"
#include "../../flow/stages.h"
#include "../admission/court.h"
#include "../desired/drain.h"

#define RULES_MAX 100

void yett_court_refuse(
	yett_answer_fn answer, void *arg, int result, const char *mend, const char *format, ...)
{
	struct yett_error error = {.code = 0};
	char text[400];
	va_list args;

	va_start(args, format);
	g_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	yett_fail(&error, result, mend, "%s", text);
	answer(arg, result, NULL, &error);
}

const char *yett_court_conflict(int result)
{
	switch (result) {
	case YETT_ECONFLICT:
		return "somebody else has decided on it meanwhile; look, and decide again";
	case YETT_EUNAVAIL:
		return "the store fails, and whether it was changed shows when it works again: see "
		       "to "
		       "it (store-failing in the log says what ails it), and look then";
	default:
		return yett_result_text(result);
	}
}

const char *yett_court_text(const json_t *body, const char *key)
{
	const char *text = json_string_value(json_object_get(body, key));

	return text != NULL ? text : "";
}

/* Settings and rules of the group. */

static json_t *settings_copy(const struct yett_court *court)
{
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_GROUP, "settings");

	return paper != NULL ? json_deep_copy(paper->json)
			     : json_pack("{s:s, s:i, s:[]}", "manual_agents", "reject",
				       "decision_days", 7, "rules");
}

struct setting {
	struct yett_court *court;
	yett_answer_fn answer;
	void *arg;
};

static void settings_changed(void *arg, int result)
{
	struct setting *setting = arg;

	if (result == 0) {
		setting->answer(setting->arg, 0, yett_group_view(setting->court), NULL);
	} else {
		yett_court_refuse(setting->answer, setting->arg, result,
			"look again: yettctl group", "%s", yett_court_conflict(result));
	}
	g_free(setting);
}

static void write_settings(struct yett_court *court, json_t *json, const char *by, const char *what,
	yett_answer_fn answer, void *arg)
{
	struct setting *setting = g_new0(struct setting, 1);

	setting->court = court;
	setting->answer = answer;
	setting->arg = arg;
	yett_court_change(
		court, YETT_TABLE_GROUP, "settings", json, by, what, settings_changed, setting);
}

static void set_group(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	static const char *const words[] = {"reject", "review", "approve", NULL};
	const char *manual = yett_court_text(body, "manual_agents");
	const json_t *days = json_object_get(body, "decision_days");
	json_t *json;

	if (json_object_get(body, "manual_agents") != NULL && !g_strv_contains(words, manual)) {
		yett_court_refuse(answer, arg, YETT_EINVAL, "write reject, review or approve",
			"manual-agents cannot be \"%.40s\"", manual);
		return;
	}
	if (days != NULL && (json_integer_value(days) < 1 || json_integer_value(days) > 365)) {
		yett_court_refuse(answer, arg, YETT_EINVAL, "write a number of days from 1 to 365",
			"decision-days is out of range");
		return;
	}
	json = settings_copy(court);
	if (manual[0] != '\0') {
		json_object_set_new(json, "manual_agents", json_string(manual));
	}
	if (days != NULL) {
		json_object_set_new(json, "decision_days", json_integer(json_integer_value(days)));
	}
	write_settings(court, json, by, "group set", answer, arg);
}

static size_t find_rule(const json_t *rules, const char *name)
{
	size_t i = 0;

	while (i < json_array_size(rules) &&
		strcmp(yett_court_text(json_array_get(rules, i), "name"), name) != 0) {
		i++;
	}
	return i;
}

static void add_rule(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	static const char *const keys[] = {"method", "authority", "site"};
	const char *name = yett_court_text(body, "name");
	json_t *json, *rules, *rule;

	if (name[0] == '\0' || strlen(name) >= YETT_NODE_NAME_SIZE) {
		yett_court_refuse(answer, arg, YETT_EINVAL,
			"write a pattern of names: *.branch.example (one label), ** (any)",
			"the rule has no pattern of names");
		return;
	}
	json = settings_copy(court);
	rules = json_object_get(json, "rules");
	if (json_array_size(rules) >= RULES_MAX ||
		find_rule(rules, name) < json_array_size(rules)) {
		json_decref(json);
		yett_court_refuse(answer, arg, YETT_EEXIST,
			"yettctl group; yettctl group rule delete PATTERN",
			"there is a rule for %s already, or there are 100", name);
		return;
	}
	rule = json_pack("{s:s}", "name", name);
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (yett_court_text(body, keys[i])[0] != '\0') {
			json_object_set_new(
				rule, keys[i], json_string(yett_court_text(body, keys[i])));
		}
	}
	json_array_append_new(rules, rule);
	write_settings(court, json, by, "group rule add", answer, arg);
}

static void delete_rule(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	json_t *json = settings_copy(court), *rules = json_object_get(json, "rules");
	size_t at = find_rule(rules, yett_court_text(body, "name"));

	if (at == json_array_size(rules)) {
		json_decref(json);
		yett_court_refuse(answer, arg, YETT_ENOTFOUND, "yettctl group shows the rules",
			"there is no rule for %.200s", yett_court_text(body, "name"));
		return;
	}
	json_array_remove(rules, at);
	write_settings(court, json, by, "group rule delete", answer, arg);
}

static void init_group(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	yett_group_init(court, yett_court_text(body, "name"), by, answer, arg);
}

static void join_group(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	(void)body;
	yett_group_join(court, by, answer, arg);
}

static void roll_over(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg)
{
	yett_group_rollover(
		court, json_is_true(json_object_get(body, "compromised")), by, answer, arg);
}

static const struct {
	const char *what;
	bool first; /* also before there is a group */
	void (*run)(struct yett_court *court, const json_t *body, const char *by,
		yett_answer_fn answer, void *arg);
} changes[] = {
	{"/v1/group/init", true, init_group},
	{"/v1/group/join", true, join_group},
	{"/v1/group/rollover", false, roll_over},
	{"/v1/group/set", false, set_group},
	{"/v1/group/rules/add", false, add_rule},
	{"/v1/group/rules/delete", false, delete_rule},
	{"/v1/gateways/approve", false, yett_decide_approve_gateway},
	{"/v1/gateways/delete", false, yett_decide_delete_gateway},
	{"/v1/gateways/drain", false, yett_drain_set},
	{"/v1/agents/approve", false, yett_decide_approve_agents},
	{"/v1/agents/reject", false, yett_decide_reject_agents},
	{"/v1/agents/delete", false, yett_decide_delete_agents},
	{"/v1/nodes/revoke", false, yett_decide_revoke},
	{"/v1/nodes/forget", true, yett_forget_node},
	{"/v1/nodes/set", false, yett_desired_set},
};

void yett_manage_change(struct yett_manage *manage, const char *what, const json_t *body,
	const char *by, yett_answer_fn answer, void *arg)
{
	struct yett_court *court = manage->court;

	if (manage->node->store == NULL) {
		yett_court_refuse(answer, arg, YETT_ENOTSUP, "ask a management server",
			"this node has no store, and decides nothing");
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
		if (strcmp(changes[i].what, what) != 0) {
			continue;
		}
		if (!changes[i].first && yett_id_is_zero(&court->trust.group)) {
			yett_court_refuse(answer, arg, YETT_ENOTFOUND,
				"make it, on the first management server: yettctl group init NAME",
				"this store has no management group yet");
			return;
		}
		if (!yett_store_healthy(manage->node)) {
			/* Else it would wait, and come about when nobody thinks of it any more. */
			yett_court_refuse(answer, arg, YETT_EUNAVAIL,
				"see to the store (store-failing in the log says what ails it), "
				"and say "
				"it again",
				"the store takes nothing at present, and nothing has been changed");
			return;
		}
		changes[i].run(court, body, by, answer, arg);
		return;
	}
	yett_court_refuse(answer, arg, YETT_ENOTFOUND, NULL, "there is no change %s", what);
}
