/* Questions from above (QUERY) and their answers (REPORT): one hop of them.
 *
 * Responsible for bringing a question to the node that it is for, by the table of who is behind which
 * session, for matching the answer by its number, for the limit in time, and for this node's own answer.
 * Not responsible for whom to ask (ends.c), nor for what is answered (explain.c, drill.c, desired/told.c).
 * A question comes from an upstream only; a gateway relays it, and makes none.
 *
 * On the loop. Each question has one end, whatever happens: an answer, no way, no answer in time, or the
 * end of the session that it went by. A relay waits a little less long than whoever asked it, so that the
 * one next to the silent node says so. Who asks too often, or while a drill runs, is told so. */
#include <stdarg.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "explain.h"
#include "report.h"

#define ASKED_MAX      256  /* questions of this node, or through it, at a time */
#define HOP_MS         600  /* longer than a tick */
#define RATE           20.0 /* a second, that this node answers or relays */
#define DRILL_PAUSE_NS (10 * YETT_SEC)
#define DRILL_LEAST_MS 2000

struct question {               /* to a peer */
	struct yett_peer *peer; /* a reference */
	uint64_t number;
	uint64_t until_ns;
	struct yett_query_message query;
	yett_report_fn done;
	void *arg;
};

struct asker { /* an upstream that waits for an answer */
	struct yett_manage *manage;
	struct yett_peer *peer; /* a reference; NULL: it is gone */
	uint64_t number;
	bool drills;
};

struct yett_questions {
	GQueue asked;  /* struct question */
	GQueue askers; /* struct asker */
	double tokens;
	uint64_t refill_ns;
	bool drilling;       /* for somebody above */
	uint64_t drilled_ns; /* the last such drill ended; 0: there was none */
};

void yett_question_init(struct yett_manage *manage)
{
	manage->questions = g_new0(struct yett_questions, 1);
	g_queue_init(&manage->questions->asked);
	g_queue_init(&manage->questions->askers);
}

/* All sessions are closed, and with them all questions. */
void yett_question_done(struct yett_manage *manage)
{
	YETT_BUG_IF(manage->questions->asked.length > 0 || manage->questions->askers.length > 0);
	g_free(manage->questions);
}

/* Down. */

static const char *name_of(const struct yett_manage *manage, const struct yett_id *id,
	char ret_text[YETT_ID_TEXT_SIZE])
{
	const struct yett_known *known = yett_manage_find(manage, id);

	return known != NULL && known->name[0] != '\0' ? known->name : yett_id_text(id, ret_text);
}

static void finish(
	struct yett_manage *manage, struct question *question, struct yett_report *report)
{
	g_queue_remove(&manage->questions->asked, question);
	yett_peer_unref(question->peer);
	question->done(question->arg, report);
	g_free(question);
}

__attribute__((format(printf, 6, 7))) static void fail(struct yett_manage *manage,
	yett_report_fn done, void *arg, enum yett_report_result result, const char *mend,
	const char *format, ...)
{
	struct yett_report *report = g_new(struct yett_report, 1);
	char text[512];
	va_list args;

	va_start(args, format);
	g_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	yett_report_fail(report, manage->node->name, result, mend, "%s", text);
	done(arg, report);
	g_free(report);
}

static void send_down(struct yett_manage *manage, struct yett_peer *peer,
	const struct yett_query_message *query, yett_report_fn done, void *arg)
{
	struct question *question;
	uint64_t number;
	int result = yett_wire_query(peer->wire, query, &number);

	if (result == YETT_EAGAIN) {
		fail(manage, done, arg, YETT_REPORT_REFUSED, "try again in a moment",
			"%s has not answered %d other questions yet", peer->name,
			YETT_QUESTIONS_MAX);
		return;
	}
	if (result != 0) {
		fail(manage, done, arg, YETT_REPORT_NO_WAY, "try again",
			"the session with %s takes no question: %s", peer->name,
			yett_result_text(result));
		return;
	}
	question = g_new0(struct question, 1);
	question->peer = yett_peer_ref(peer);
	question->number = number;
	question->until_ns = yett_now(manage->node) + query->limit_ms * YETT_MS;
	question->query = *query;
	question->done = done;
	question->arg = arg;
	g_queue_push_tail(&manage->questions->asked, question);
	yett_peer_flush(peer);
}

void yett_question_ask(struct yett_manage *manage, const struct yett_query_message *query,
	yett_report_fn done, void *arg)
{
	struct yett_peer *peer = yett_desired_way_down(manage, &query->node);
	char id[YETT_ID_TEXT_SIZE];

	if (peer == NULL) {
		fail(manage, done, arg, YETT_REPORT_NO_WAY, NULL, "no session leads to %s from %s",
			name_of(manage, &query->node, id), manage->node->name);
	} else if ((peer->capabilities & YETT_CAN_QUERY) == 0) {
		fail(manage, done, arg, YETT_REPORT_UNKNOWN, "update it",
			"%s runs %s, which knows no questions", peer->name,
			peer->software[0] != '\0' ? peer->software : "an older version");
	} else if (manage->questions->asked.length >= ASKED_MAX) {
		fail(manage, done, arg, YETT_REPORT_REFUSED, "try again in a moment",
			"%d questions are open here", ASKED_MAX);
	} else {
		send_down(manage, peer, query, done, arg);
	}
}

static struct question *find(const struct yett_manage *manage, const struct yett_peer *peer)
{
	for (GList *link = manage->questions->asked.head; link != NULL; link = link->next) {
		struct question *question = link->data;

		if (question->peer == peer) {
			return question;
		}
	}
	return NULL;
}

/* One that comes too late finds no question. */
void yett_question_report(
	struct yett_manage *manage, struct yett_peer *peer, const struct yett_report *report)
{
	for (GList *link = manage->questions->asked.head; link != NULL; link = link->next) {
		struct question *question = link->data;

		if (question->peer == peer && question->number == report->number) {
			struct yett_report *copy = g_memdup2(report, sizeof(*report));

			finish(manage, question, copy);
			g_free(copy);
			return;
		}
	}
}

static void finish_without(struct yett_manage *manage, struct question *question, bool in_time)
{
	struct yett_report *report = g_new(struct yett_report, 1);
	char id[YETT_ID_TEXT_SIZE], span[32];
	const char *name = name_of(manage, &question->query.node, id);

	if (in_time) {
		yett_report_fail(report, manage->node->name, YETT_REPORT_NO_WAY, "try again",
			"the session with %s ended while %s was asked", question->peer->name, name);
	} else {
		yett_explain_span(question->query.limit_ms * YETT_MS, span);
		yett_report_fail(report, manage->node->name, YETT_REPORT_SILENT, NULL,
			"%s did not answer within %s", name, span);
	}
	finish(manage, question, report);
	g_free(report);
}

void yett_question_tick(struct yett_manage *manage, uint64_t now_ns)
{
	GList *link = manage->questions->asked.head;

	while (link != NULL) {
		struct question *question = link->data;

		link = link->next;
		if (now_ns >= question->until_ns) {
			finish_without(manage, question, false);
			link = manage->questions->asked.head; /* whatever that has brought about */
		}
	}
}

/* Up. */

static void asker_free(struct asker *asker)
{
	g_queue_remove(&asker->manage->questions->askers, asker);
	if (asker->peer != NULL) {
		yett_peer_unref(asker->peer);
	}
	g_free(asker);
}

/* The one answer; the asker is given. */
static void answer_up(void *arg, struct yett_report *report)
{
	struct asker *asker = arg;
	struct yett_peer *peer = asker->peer;

	if (peer != NULL && peer->state == YETT_PEER_OPEN) {
		report->number = asker->number;
		if (yett_wire_report(peer->wire, report) == YETT_ELIMIT) {
			yett_report_fail(report, asker->manage->node->name, YETT_REPORT_REFUSED,
				NULL, "the answer is longer than an answer may be");
			report->number = asker->number;
			yett_wire_report(peer->wire, report);
		}
		yett_peer_flush(peer); /* may end the session: asker->peer is NULL then */
	}
	asker_free(asker);
}

static void explain(
	struct yett_manage *manage, const struct yett_query_message *query, struct asker *asker)
{
	struct yett_report *report = g_new(struct yett_report, 1);
	struct yett_explanation explanation;
	struct yett_error error = YETT_ERROR_INIT;
	char name[YETT_NODE_NAME_SIZE];
	json_t *json;

	if (query->about[0] == '\0') {
		yett_explain_self(manage, &explanation);
		g_strlcpy(name, manage->node->name, sizeof(name));
	} else if (!yett_explain_other(manage, query->about, &explanation, name, &error)) {
		yett_report_fail(
			report, manage->node->name, YETT_REPORT_REFUSED, NULL, "%s", error.text);
		answer_up(asker, report);
		g_free(report);
		return;
	}
	json = yett_explain_json(&explanation, name, manage->node->name);
	yett_report_of_explanation(json, manage->node->name, report);
	json_decref(json);
	answer_up(asker, report);
	g_free(report);
}

static void show(const struct yett_manage *manage, struct asker *asker)
{
	struct yett_report *report = g_new(struct yett_report, 1);

	yett_told_report(manage, report);
	answer_up(asker, report);
	g_free(report);
}

static void drilled(void *arg, int result, json_t *rows, const struct yett_error *error)
{
	struct asker *asker = arg;
	struct yett_manage *manage = asker->manage;
	const char *by = asker->peer != NULL ? manage->node->name : ""; /* else nobody hears it */
	struct yett_report *report = g_new(struct yett_report, 1);

	if (asker->drills) {
		manage->questions->drilling = false;
		manage->questions->drilled_ns = asker->peer != NULL ? yett_now(manage->node) : 1;
	}
	if (result == 0) {
		yett_report_of_drill(rows, by, report);
		json_decref(rows);
	} else {
		yett_report_fail(report, by, YETT_REPORT_REFUSED, error->mend, "%s", error->text);
	}
	answer_up(asker, report);
	g_free(report);
}

/* Each is a handshake with every upstream: not two at a time, and not one after the other. */
static void drill(
	struct yett_manage *manage, const struct yett_query_message *query, struct asker *asker)
{
	struct yett_questions *questions = manage->questions;
	uint64_t now_ns = yett_now(manage->node);

	if (query->limit_ms < DRILL_LEAST_MS) {
		fail(manage, answer_up, asker, YETT_REPORT_REFUSED, NULL,
			"there is no time for a drill: %u ms are left of what the asker waits",
			query->limit_ms);
	} else if (questions->drilling ||
		   (questions->drilled_ns != 0 &&
			   now_ns - questions->drilled_ns < DRILL_PAUSE_NS)) {
		fail(manage, answer_up, asker, YETT_REPORT_REFUSED, "try again in 10 s",
			questions->drilling ? "a drill that was asked for runs there now"
					    : "the last drill there was just now");
	} else {
		yett_log(YETT_LOG_NOTICE, "drill-asked",
			"an upstream asks this node to prove its ways to the store upstream=%s",
			asker->peer->name);
		asker->drills = questions->drilling = true;
		yett_drill_begin(manage, (query->limit_ms - HOP_MS) * YETT_MS, drilled, asker);
	}
}

static void relay(
	struct yett_manage *manage, const struct yett_query_message *query, struct asker *asker)
{
	struct yett_query_message on = *query;
	char id[YETT_ID_TEXT_SIZE];

	on.hops++;
	if (query->hops >= YETT_HOPS_MAX) {
		fail(manage, answer_up, asker, YETT_REPORT_NO_WAY, NULL,
			"%s is more than %d relays away", name_of(manage, &query->node, id),
			YETT_HOPS_MAX);
	} else if (query->limit_ms <= HOP_MS) {
		fail(manage, answer_up, asker, YETT_REPORT_SILENT, NULL,
			"there is no time to ask %s", name_of(manage, &query->node, id));
	} else {
		on.limit_ms -= HOP_MS;
		yett_question_ask(manage, &on, answer_up, asker);
	}
}

static bool take_token(struct yett_questions *questions, uint64_t now_ns)
{
	questions->tokens += RATE * (double)(now_ns - questions->refill_ns) / (double)YETT_SEC;
	questions->tokens = MIN(questions->tokens, 2 * RATE);
	questions->refill_ns = now_ns;
	if (questions->tokens < 1) {
		return false;
	}
	questions->tokens -= 1;
	return true;
}

void yett_question_query(struct yett_manage *manage, struct yett_peer *upstream,
	const struct yett_query_message *query)
{
	struct asker *asker = g_new0(struct asker, 1);

	asker->manage = manage;
	asker->peer = yett_peer_ref(upstream);
	asker->number = query->number;
	g_queue_push_tail(&manage->questions->askers, asker);
	if (!take_token(manage->questions, yett_now(manage->node))) {
		fail(manage, answer_up, asker, YETT_REPORT_REFUSED, "try again in a moment",
			"more than %.0f questions a second", RATE);
	} else if (!yett_id_equal(&query->node, &manage->node->id)) {
		relay(manage, query, asker);
	} else if (query->what == YETT_QUERY_EXPLAIN) {
		explain(manage, query, asker);
	} else if (query->what == YETT_QUERY_DRILL) {
		drill(manage, query, asker);
	} else if (query->what == YETT_QUERY_SHOW) {
		show(manage, asker);
	} else {
		fail(manage, answer_up, asker, YETT_REPORT_UNKNOWN, "update it",
			"it runs yett " PACKAGE_VERSION ", which does not know such a question");
	}
}

void yett_question_left(struct yett_manage *manage, struct yett_peer *peer)
{
	struct question *question;

	for (GList *link = manage->questions->askers.head; link != NULL; link = link->next) {
		struct asker *asker = link->data;

		if (asker->peer == peer) {
			asker->peer = NULL;
			yett_peer_unref(peer);
		}
	}
	while ((question = find(manage, peer)) != NULL) {
		finish_without(manage, question, true);
	}
}
