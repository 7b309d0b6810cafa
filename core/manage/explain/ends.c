/* Explanations and drills of nodes elsewhere: what each end says that can be asked.
 *
 * Responsible for whom a management server asks (the gateways on the way to the node, from the nearest on,
 * and the node itself), all at once; for putting what they say beside what is known here; and for the one
 * cause among them. Not responsible for how questions travel (question.c), nor for what is known here
 * (explain-node.c). On the loop. An end that does not answer is a line that says why; nothing waits longer
 * than the limit of the questions.
 *
 * The cause: what weighs most; of the same weight what is said nearest to the node, since it sees most. */
#include <string.h>

#include "explain.h"
#include "report.h"

#define EXPLAIN_MS   6000 /* less than yettctl waits */
#define DRILL_MS     9400 /* less than the interface waits */
#define GATEWAYS_MAX YETT_HOPS_MAX

struct inquiry {
	struct yett_manage *manage;
	json_t *json;    /* as seen from here */
	GPtrArray *ends; /* struct end: from here to the node */
	unsigned waiting;
	yett_answer_fn answer;
	void *arg;
};

struct end {
	struct inquiry *of;
	struct yett_id id;
	char name[YETT_NODE_NAME_SIZE];
	bool own; /* the node itself */
	json_t *seen;
	char *why; /* there is no answer */
};

static void end_free(void *arg)
{
	struct end *end = arg;

	json_decref(end->seen);
	g_free(end->why);
	g_free(end);
}

static unsigned weight_of(const json_t *json)
{
	static const char *const states[] = {"well", "unknown", "degraded", "blocked"};
	const char *state = json_string_value(json_object_get(json, "state"));

	for (unsigned i = 0; i < G_N_ELEMENTS(states); i++) {
		if (state != NULL && strcmp(states[i], state) == 0) {
			return i;
		}
	}
	return 1;
}

/* Its words become the cause, as its words. */
static void take_cause(json_t *json, const struct end *end)
{
	static const char *const same[] = {"state", "blocked_at", "mend"};
	static const char *const told[] = {"cause", "sentence"};

	for (size_t i = 0; i < G_N_ELEMENTS(same); i++) {
		json_object_set(json, same[i], json_object_get(end->seen, same[i]));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(told); i++) {
		const char *words = json_string_value(json_object_get(end->seen, told[i]));
		char *text = g_strdup_printf("%s says: %s", end->name, words != NULL ? words : "?");

		json_object_set_new(json, told[i], json_string(text));
		g_free(text);
	}
}

static void conclude(struct inquiry *inquiry)
{
	json_t *json = inquiry->json, *gateways = json_object_get(json, "gateways");

	for (guint i = 0; i < inquiry->ends->len; i++) {
		struct end *end = inquiry->ends->pdata[i];

		if (end->seen != NULL && weight_of(end->seen) > 0 &&
			weight_of(end->seen) >= weight_of(json)) {
			take_cause(json, end);
		}
		if (end->own) {
			json_object_set(json, "own", end->seen != NULL ? end->seen : json_null());
			json_object_set_new(json, "own_why",
				end->why != NULL ? json_string(end->why) : json_null());
		} else {
			json_array_append_new(
				gateways, json_pack("{s:s, s:O?, s:s?}", "gateway", end->name,
						  "seen", end->seen, "why", end->why));
		}
	}
	/* Given away whole: whoever asked is another thread, so nobody here keeps a part of it. */
	g_ptr_array_free(inquiry->ends, TRUE);
	inquiry->answer(inquiry->arg, 0, json, NULL);
	g_free(inquiry);
}

static void answered(void *arg, struct yett_report *report)
{
	struct end *end = arg;
	struct inquiry *inquiry = end->of;
	const char *node = json_string_value(json_object_get(inquiry->json, "node"));

	if (report->result == YETT_REPORT_ANSWERED) {
		end->seen = yett_report_explanation(report, node, end->name);
	} else {
		end->why = yett_report_why(report, end->name, inquiry->manage->node->name);
	}
	if (--inquiry->waiting == 0) {
		conclude(inquiry);
	}
}

static void add_end(struct inquiry *inquiry, const struct yett_known *known, bool own)
{
	struct end *end = g_new0(struct end, 1);

	end->of = inquiry;
	end->id = known->id;
	end->own = own;
	g_strlcpy(end->name, known->name, sizeof(end->name));
	/* From the node up it is found, and from here down it is shown. */
	g_ptr_array_insert(inquiry->ends, 0, end);
}

/* The node, and the gateways by which it is, or was, here. */
static void add_ends(struct inquiry *inquiry, const struct yett_known *known)
{
	const struct yett_known *seen[GATEWAYS_MAX + 1] = {known};
	size_t count = 1;

	add_end(inquiry, known, true);
	while (count <= GATEWAYS_MAX && known != NULL) {
		known = yett_manage_find(inquiry->manage, &known->via);
		for (size_t i = 0; i < count && known != NULL; i++) {
			known = seen[i] != known ? known : NULL; /* in a circle */
		}
		if (known != NULL && known->name[0] != '\0') {
			add_end(inquiry, known, false);
			seen[count++] = known;
		}
	}
}

static void ask_end(struct inquiry *inquiry, struct end *end, const char *name)
{
	struct yett_query_message query = {
		.what = YETT_QUERY_EXPLAIN, .node = end->id, .limit_ms = EXPLAIN_MS};

	if (!end->own) {
		g_strlcpy(query.about, name, sizeof(query.about));
	}
	yett_question_ask(inquiry->manage, &query, answered, end);
}

static void ask_ends(struct yett_manage *manage, const struct yett_known *known, json_t *json,
	yett_answer_fn answer, void *arg)
{
	struct inquiry *inquiry = g_new0(struct inquiry, 1);
	guint count;

	inquiry->manage = manage;
	inquiry->json = json;
	inquiry->ends = g_ptr_array_new_with_free_func(end_free);
	inquiry->answer = answer;
	inquiry->arg = arg;
	add_ends(inquiry, known);
	/* One more: the last answer may come from within asking. */
	count = inquiry->ends->len;
	inquiry->waiting = count + 1;
	for (guint i = 0; i < count; i++) {
		ask_end(inquiry, inquiry->ends->pdata[i], known->name);
	}
	if (--inquiry->waiting == 0) {
		conclude(inquiry);
	}
}

/* The management server that has the node, and can ask it; NULL: this one, or none. */
static const struct yett_server *elsewhere(
	const struct yett_manage *manage, const struct yett_known *known)
{
	return !known->live && yett_share_has(manage, known) ? yett_share_find(manage, &known->far)
							     : NULL;
}

/* False: it is not at another server. */
static bool say_elsewhere(
	const struct yett_manage *manage, const struct yett_known *known, json_t *json)
{
	const struct yett_server *server = elsewhere(manage, known);
	char why[YETT_NODE_NAME_SIZE + 80];

	if (server != NULL) {
		g_snprintf(why, sizeof(why), "it is connected to %s: ask there, yettctl explain %s",
			server->name, known->name);
		json_object_set_new(json, "own_why", json_string(why));
	}
	return server != NULL;
}

void yett_manage_explain(
	struct yett_manage *manage, const char *name, yett_answer_fn answer, void *arg)
{
	struct yett_explanation explanation;
	struct yett_error error = YETT_ERROR_INIT;
	const struct yett_known *known = NULL;
	char full[YETT_NODE_NAME_SIZE];
	json_t *json;

	if (name == NULL) {
		yett_explain_self(manage, &explanation);
		g_strlcpy(full, manage->node->name, sizeof(full));
	} else if (!yett_explain_other(manage, name, &explanation, full, &error)) {
		answer(arg, error.code, NULL, &error);
		return;
	} else {
		known = yett_known_named(manage, full);
	}
	json = yett_explain_json(&explanation, full, manage->node->name);
	if (known == NULL || manage->node->store == NULL || strcmp(full, manage->node->name) == 0 ||
		say_elsewhere(manage, known, json)) {
		answer(arg, 0, json, NULL);
	} else {
		ask_ends(manage, known, json, answer, arg);
	}
}

struct ordered { /* a drill, of another node */
	struct yett_manage *manage;
	yett_answer_fn answer;
	void *arg;
};

static void drilled(void *arg, struct yett_report *report)
{
	static const int results[] = {[YETT_REPORT_REFUSED] = YETT_ECONFLICT,
		[YETT_REPORT_NO_WAY] = YETT_EUNAVAIL,
		[YETT_REPORT_SILENT] = YETT_ETIMEOUT,
		[YETT_REPORT_UNKNOWN] = YETT_ENOTSUP};
	struct ordered *ordered = arg;
	struct yett_error error = YETT_ERROR_INIT;
	char *why;

	if (report->result == YETT_REPORT_ANSWERED) {
		ordered->answer(ordered->arg, 0, yett_report_drill(report), NULL);
		g_free(ordered);
		return;
	}
	why = yett_report_why(report, "", ordered->manage->node->name);
	yett_fail(&error,
		report->result < G_N_ELEMENTS(results) ? results[report->result] : YETT_ECONFLICT,
		NULL, "%s", why);
	ordered->answer(ordered->arg, error.code, NULL, &error);
	g_free(why);
	g_free(ordered);
}

static void order(struct yett_manage *manage, const struct yett_known *known, yett_answer_fn answer,
	void *arg)
{
	struct yett_query_message query = {
		.what = YETT_QUERY_DRILL, .node = known->id, .limit_ms = DRILL_MS};
	struct ordered *ordered = g_new0(struct ordered, 1);

	ordered->manage = manage;
	ordered->answer = answer;
	ordered->arg = arg;
	yett_question_ask(manage, &query, drilled, ordered);
}

void yett_manage_drill(
	struct yett_manage *manage, const char *name, yett_answer_fn answer, void *arg)
{
	struct yett_error error = YETT_ERROR_INIT;
	const struct yett_known *known = NULL;
	char full[YETT_NODE_NAME_SIZE] = "";

	if (name != NULL && !yett_explain_find(manage, name, full, &known, &error)) {
		answer(arg, error.code, NULL, &error);
	} else if (name == NULL || strcmp(full, manage->node->name) == 0) {
		yett_drill_begin(manage, UINT64_MAX, answer, arg);
	} else if (manage->node->store == NULL) {
		yett_fail(&error, YETT_ENOTSUP, "ask a management server, or the node itself",
			"this node has no store, and asks no other one");
		answer(arg, error.code, NULL, &error);
	} else if (known == NULL) {
		yett_fail(&error, YETT_ENOTFOUND, "yettctl explain says why",
			"%s has never been in here", full);
		answer(arg, error.code, NULL, &error);
	} else if (elsewhere(manage, known) != NULL) {
		yett_fail(&error, YETT_ENOTSUP, "ask there", "%s is connected to %s", full,
			elsewhere(manage, known)->name);
		answer(arg, error.code, NULL, &error);
	} else {
		order(manage, known, answer, arg);
	}
}
