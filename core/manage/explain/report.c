/* Answers of nodes, between the wire's message and the JSON of views.
 *
 * Responsible for both ways, and for keeping an answer within what one frame holds: the last steps go
 * first, and the answer says that something is cut. Not responsible for who asks whom (question.c), nor
 * for what an answer means (ends.c).
 * Pure. What another node says is taken as text only: control characters become question marks. */
#include "report.h"

#include <glib.h>
#include <stdarg.h>
#include <string.h>

#include "../../base/clock.h"

static const char *const states[] = {"", "well", "unknown", "degraded", "blocked"};
static const char *const step_states[] = {"", "ok", "warning", "failed", "not reached"};

static const char *text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text != NULL ? text : "";
}

static uint32_t number_of(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (strcmp(words[i], word) == 0) {
			return (uint32_t)i;
		}
	}
	return 1;
}

static void begin(struct yett_report *report, const char *by, enum yett_report_result result)
{
	memset(report, 0, sizeof(*report));
	report->number = UINT64_MAX; /* the longest, until the session's is known */
	report->result = result;
	g_strlcpy(report->by, by, sizeof(report->by));
}

void yett_report_of_explanation(const json_t *json, const char *by, struct yett_report *ret_report)
{
	const json_t *steps = json_object_get(json, "steps");

	begin(ret_report, by, YETT_REPORT_ANSWERED);
	ret_report->state = number_of(text_of(json, "state"), states, G_N_ELEMENTS(states));
	g_strlcpy(ret_report->blocked_at, text_of(json, "blocked_at"),
		sizeof(ret_report->blocked_at));
	g_strlcpy(ret_report->why, text_of(json, "cause"), sizeof(ret_report->why));
	g_strlcpy(ret_report->mend, text_of(json, "mend"), sizeof(ret_report->mend));
	ret_report->cut = json_array_size(steps) > YETT_REPORT_STEPS_MAX;
	for (size_t i = 0; i < json_array_size(steps) && i < YETT_REPORT_STEPS_MAX; i++) {
		const json_t *row = json_array_get(steps, i);
		struct yett_report_step *step = &ret_report->steps[ret_report->step_count++];

		g_strlcpy(step->step, text_of(row, "step"), sizeof(step->step));
		g_strlcpy(step->about, text_of(row, "about"), sizeof(step->about));
		g_strlcpy(step->seen, text_of(row, "seen"), sizeof(step->seen));
		step->state =
			number_of(text_of(row, "state"), step_states, G_N_ELEMENTS(step_states));
	}
	while (ret_report->step_count > 0 && yett_report_size(ret_report) > YETT_REPORT_MAX) {
		ret_report->step_count--;
		ret_report->cut = true;
	}
}

void yett_report_of_drill(const json_t *rows, const char *by, struct yett_report *ret_report)
{
	begin(ret_report, by, YETT_REPORT_ANSWERED);
	ret_report->cut = json_array_size(rows) > YETT_REPORT_WAYS_MAX;
	for (size_t i = 0; i < json_array_size(rows) && i < YETT_REPORT_WAYS_MAX; i++) {
		const json_t *row = json_array_get(rows, i);
		struct yett_report_way *way = &ret_report->ways[ret_report->way_count++];

		g_strlcpy(way->upstream, text_of(row, "upstream"), sizeof(way->upstream));
		way->proven = json_is_true(json_object_get(row, "proven"));
		if (yett_time_parse(text_of(row, "last_proven"), 0, &way->last_ns) != 0) {
			way->last_ns = 0;
		}
		g_strlcpy(way->why, text_of(row, "why"), sizeof(way->why));
		g_strlcpy(way->mend, text_of(row, "mend"), sizeof(way->mend));
	}
	while (ret_report->way_count > 0 && yett_report_size(ret_report) > YETT_REPORT_MAX) {
		ret_report->way_count--;
		ret_report->cut = true;
	}
}

void yett_report_fail(struct yett_report *ret_report, const char *by,
	enum yett_report_result result, const char *mend, const char *format, ...)
{
	va_list args;

	begin(ret_report, by, result);
	va_start(args, format);
	g_vsnprintf(ret_report->why, sizeof(ret_report->why), format, args);
	va_end(args);
	g_strlcpy(ret_report->mend, mend != NULL ? mend : "", sizeof(ret_report->mend));
}

/* Control characters, of both sets (U+0000, U+0080), become question marks; the text is UTF-8. */
static char *mask(char *text)
{
	char *to = text, *next;

	for (char *at = text; *at != '\0'; at = next) {
		next = g_utf8_next_char(at);
		if (g_unichar_iscntrl(g_utf8_get_char(at))) {
			*to++ = '?';
		} else {
			memmove(to, at, (size_t)(next - at));
			to += next - at;
		}
	}
	*to = '\0';
	return text;
}

/* NULL where it is empty and may be. */
static json_t *clean(const char *text, bool or_null)
{
	char *copy;
	json_t *json;

	if (text[0] == '\0' && or_null) {
		return json_null();
	}
	copy = mask(g_strdup(text));
	json = json_string(copy);
	g_free(copy);
	return json != NULL ? json : json_string("?");
}

static json_t *steps_of(const struct yett_report *report)
{
	json_t *steps = json_array();

	for (uint32_t i = 0; i < report->step_count; i++) {
		const struct yett_report_step *step = &report->steps[i];

		json_array_append_new(
			steps, json_pack("{s:o, s:o, s:s, s:o}", "step", clean(step->step, false),
				       "about", clean(step->about, true), "state",
				       step_states[step->state], "seen", clean(step->seen, false)));
	}
	if (report->cut) {
		json_array_append_new(
			steps, json_pack("{s:s, s:n, s:s, s:s}", "step", "answer", "about", "state",
				       "warning", "seen",
				       "there is more, which has no room: yettctl explain there"));
	}
	return steps;
}

json_t *yett_report_explanation(
	const struct yett_report *report, const char *node, const char *seen_from)
{
	const char *state = states[report->state != 0 ? report->state : 2];
	bool well = report->state == 1;
	/* Who says that something is wrong, and not what, is not taken for well. */
	json_t *cause = well                     ? json_null()
			: report->why[0] == '\0' ? json_string("it does not say what is wrong")
						 : clean(report->why, true);
	json_t *mend = well ? json_null() : clean(report->mend, true);
	char *sentence = well ? g_strdup_printf("nothing stands in the way of %s", node)
			      : g_strdup_printf("%s%s%s", json_string_value(cause),
					json_is_string(mend) ? "; " : "",
					json_is_string(mend) ? json_string_value(mend) : "");
	json_t *json = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:o}", "node", node,
		"seen_from", seen_from, "state", state, "blocked_at",
		clean(report->blocked_at, true), "cause", cause, "mend", mend, "sentence", sentence,
		"steps", steps_of(report));

	g_free(sentence);
	return json;
}

json_t *yett_report_drill(const struct yett_report *report)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < report->way_count; i++) {
		const struct yett_report_way *way = &report->ways[i];
		char last[32];

		json_array_append_new(rows,
			json_pack("{s:o, s:b, s:s?, s:o, s:o}", "upstream",
				clean(way->upstream, false), "proven", way->proven, "last_proven",
				way->last_ns != 0 ? yett_time_text(way->last_ns, last, sizeof(last))
						  : NULL,
				"why", clean(way->why, true), "mend", clean(way->mend, true)));
	}
	return rows;
}

json_t *yett_report_values(const struct yett_report *report)
{
	json_t *values = json_object();

	for (uint32_t i = 0; i < report->step_count; i++) {
		json_t *name = clean(report->steps[i].step, false);

		json_object_set_new(
			values, json_string_value(name), clean(report->steps[i].seen, false));
		json_decref(name);
	}
	return values;
}

char *yett_report_why(const struct yett_report *report, const char *asked, const char *here)
{
	bool told = strcmp(report->by, asked) != 0 && strcmp(report->by, here) != 0;
	char *text = g_strdup_printf("%s%s%s%s%s", told ? report->by : "", told ? " says: " : "",
		report->why[0] != '\0' ? report->why : "it does not say why",
		report->mend[0] != '\0' ? "; " : "", report->mend);

	return g_utf8_validate(text, -1, NULL) ? mask(text) : text;
}
