/* Questions in the simulated world: a management server asks nodes behind gateways what they see, and has
 * them prove their ways; whoever is silent, gone, too old, too far or asked too often is told of. With nodes
 * of production code, in virtual time. */
#include <string.h>

#include "manage/internal.h"
#include "manage/explain/report.h"
#include "manage/views/views.h"
#include "simulation/world.h"
#include "suite.h"
#include "wire/session-state.h"

#define GROUP "group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"

/* ms - gw1 - gw2 - a1, and each gateway may ask for nothing. */
struct chain {
	struct world *world;
	struct world_node *server, *first, *second, *agent;
};

static struct world_node *add_gateway(struct world *world, const char *name, const char *upstream)
{
	return world_add(world, name,
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"**\" ]; } );\n"
		"upstreams = ( { name = \"%s\"; address = \"%s\"; } );\n",
		world_address(name), upstream, world_address(upstream));
}

static struct chain chain_new(uint64_t seed)
{
	struct chain chain = {.world = world_new(seed)};

	chain.server = world_add(chain.world, "ms.example",
		GROUP
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"**\" ]; } );\n"
		"store = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	chain.first = add_gateway(chain.world, "gw1.example", "ms.example");
	chain.second = add_gateway(chain.world, "gw2.example", "gw1.example");
	chain.agent = world_add(chain.world, "a1.example",
		"upstreams = ( { name = \"gw2.example\"; address = \"%s\"; },\n"
		"              { name = \"gw1.example\"; address = \"%s\"; priority = 1; } );\n",
		world_address("gw2.example"), world_address("gw1.example"));
	world_start(chain.server);
	world_start(chain.first);
	world_start(chain.second);
	world_run(chain.world, 2 * YETT_SEC);
	world_start(chain.agent);
	world_run(chain.world, 5 * YETT_SEC);
	return chain;
}

struct answer {
	unsigned came;
	int result;
	json_t *json;
	char text[512];
};

static void answered(void *arg, int result, json_t *json, const struct yett_error *error)
{
	struct answer *answer = arg;

	answer->came++;
	answer->result = result;
	json_decref(answer->json);
	answer->json = json;
	g_strlcpy(answer->text, error != NULL ? error->text : "", sizeof(answer->text));
}

static void answer_done(struct answer *answer)
{
	json_decref(answer->json);
	memset(answer, 0, sizeof(*answer));
}

static const char *text_at(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text != NULL ? text : "";
}

/* What an end of an explanation says: its state, or why it says nothing. 0 and on: gateways; -1: itself. */
static const char *end_of(const struct answer *answer, int end)
{
	const json_t *row = json_array_get(
		json_object_get(answer->json, "gateways"), end < 0 ? SIZE_MAX : (size_t)end);
	const json_t *seen =
		json_object_get(end < 0 ? answer->json : row, end < 0 ? "own" : "seen");

	return json_is_object(seen)
		       ? text_at(seen, "state")
		       : text_at(end < 0 ? answer->json : row, end < 0 ? "own_why" : "why");
}

static void expect_end(const struct answer *answer, int end, const char *want)
{
	const char *got = end_of(answer, end);

	if (strstr(got, want) == NULL) {
		fprintf(stderr, "end %d: %s; not %s: %s\n", end, got, want,
			text_at(answer->json, "sentence"));
		CU_FAIL("another end than wanted");
	}
}

static void explain(struct chain *chain, const char *name, uint64_t run_ns, struct answer *answer)
{
	yett_manage_explain(chain->server->manage, name, answered, answer);
	world_run(chain->world, run_ns);
	CU_ASSERT_EQUAL(answer->came, 1);
	CU_ASSERT_EQUAL_FATAL(answer->result, 0);
}

static bool all_proven(const struct answer *answer, size_t count)
{
	bool all = json_array_size(answer->json) == count;

	for (size_t i = 0; i < count; i++) {
		all = all &&
		      json_is_true(json_object_get(json_array_get(answer->json, i), "proven"));
	}
	return all;
}

static void each_end_says_what_it_sees(void)
{
	struct chain chain = chain_new(1);
	struct answer answer = {0};

	explain(&chain, "a1", YETT_SEC, &answer);
	CU_ASSERT_STRING_EQUAL(text_at(answer.json, "node"), "a1.example");
	CU_ASSERT_STRING_EQUAL(text_at(answer.json, "state"), "well");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(answer.json, "gateways")), 2);
	for (int end = -1; end < 2; end++) {
		expect_end(&answer, end, "well");
	}
	CU_ASSERT_STRING_EQUAL(
		text_at(json_object_get(answer.json, "own"), "seen_from"), "a1.example");
	answer_done(&answer);
	explain(&chain, "gw2.example", YETT_SEC, &answer);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(answer.json, "gateways")), 1);
	expect_end(&answer, 0, "well");
	expect_end(&answer, -1, "well");
	answer_done(&answer);
	/* A gateway tells what it knows, and asks nobody. */
	yett_manage_explain(chain.first->manage, "a1.example", answered, &answer);
	CU_ASSERT_EQUAL(answer.came, 1);
	CU_ASSERT(json_is_null(json_object_get(answer.json, "own")));
	answer_done(&answer);
	yett_manage_drill(chain.first->manage, "a1.example", answered, &answer);
	CU_ASSERT_EQUAL(answer.result, YETT_ENOTSUP);
	answer_done(&answer);
	world_free(chain.world);
}

/* The sessions that a question came by are renewed by the drill, and answer all the same. */
static void a_drill_is_answered_by_the_session_that_it_replaces(void)
{
	static const struct {
		const char *name;
		size_t ways;
	} table[] = {{"a1.example", 2}, {"gw2.example", 1}, {"gw1.example", 1}};
	struct chain chain = chain_new(2);

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct answer drilled = {0}, explained = {0};

		yett_manage_drill(chain.server->manage, table[i].name, answered, &drilled);
		/* What goes through it meanwhile arrives, too. */
		explain(&chain, "a1", 5 * YETT_SEC, &explained);
		expect_end(&explained, -1, "well");
		CU_ASSERT_EQUAL(drilled.came, 1);
		CU_ASSERT_EQUAL(drilled.result, 0);
		if (!all_proven(&drilled, table[i].ways)) {
			fprintf(stderr, "%s: %s\n", table[i].name, drilled.text);
			CU_FAIL("not all is proven");
		}
		answer_done(&drilled);
		answer_done(&explained);
	}
	world_free(chain.world);
}

static void one_drill_at_a_time_and_then_a_pause(void)
{
	struct chain chain = chain_new(3);
	struct answer first = {0}, second = {0};

	yett_manage_drill(chain.server->manage, "a1.example", answered, &first);
	yett_manage_drill(chain.server->manage, "a1.example", answered, &second);
	world_run(chain.world, 3 * YETT_SEC);
	CU_ASSERT_EQUAL(first.result, 0);
	CU_ASSERT_EQUAL(second.result, YETT_ECONFLICT);
	CU_ASSERT_PTR_NOT_NULL(strstr(second.text, "a1.example says: a drill"));
	answer_done(&second);
	yett_manage_drill(chain.server->manage, "a1.example", answered, &second);
	world_run(chain.world, 2 * YETT_SEC);
	CU_ASSERT_EQUAL(second.result, YETT_ECONFLICT);
	CU_ASSERT_PTR_NOT_NULL(strstr(second.text, "the last drill there was just now"));
	answer_done(&second);
	answer_done(&first);
	world_run(chain.world, 10 * YETT_SEC);
	yett_manage_drill(chain.server->manage, "a1.example", answered, &first);
	world_run(chain.world, 3 * YETT_SEC);
	CU_ASSERT_EQUAL(first.result, 0);
	answer_done(&first);
	world_free(chain.world);
}

static void wrong_names_and_nodes_that_never_came(void)
{
	struct chain chain = chain_new(4);
	struct answer answer = {0};

	yett_manage_drill(chain.server->manage, "a2.example", answered, &answer);
	CU_ASSERT_EQUAL(answer.result, YETT_ENOTFOUND);
	answer_done(&answer);
	yett_manage_drill(chain.server->manage, "ms", answered, &answer);
	CU_ASSERT_EQUAL(answer.result, YETT_ENOTSUP); /* it has no upstream */
	answer_done(&answer);
	world_free(chain.world);
}

static struct yett_peer *session_with(const struct world_node *at, const char *name)
{
	for (guint i = 0; i < at->node->peers->len; i++) {
		struct yett_peer *peer = at->node->peers->pdata[i];

		if (peer->role == YETT_ROLE_ACCEPTOR && peer->state == YETT_PEER_OPEN &&
			!peer->standby && strcmp(peer->name, name) == 0) {
			return peer;
		}
	}
	CU_FAIL_FATAL("no session");
	return NULL;
}

/* As one of an older version is: it says nothing of questions in its HELLO. */
static void who_knows_no_questions_is_not_asked(void)
{
	struct chain chain = chain_new(5);
	struct answer answer = {0};

	session_with(chain.second, "a1.example")->capabilities = 0;
	explain(&chain, "a1", YETT_SEC, &answer);
	expect_end(&answer, 1, "well");
	expect_end(&answer, -1, "gw2.example says: a1.example runs yett");
	expect_end(&answer, -1, "which knows no questions");
	answer_done(&answer);
	session_with(chain.server, "gw1.example")->capabilities = 0;
	explain(&chain, "a1", YETT_SEC, &answer);
	expect_end(&answer, 0, "gw1.example runs yett");
	expect_end(&answer, 1, "gw1.example runs yett");
	answer_done(&answer);
	world_free(chain.world);
}

static void a_session_that_ends_ends_its_questions(void)
{
	struct chain chain = chain_new(6);
	struct answer drilled = {0}, answer = {0};

	yett_manage_drill(chain.server->manage, "a1.example", answered, &drilled);
	world_run(chain.world, 50 * YETT_MS);
	CU_ASSERT_EQUAL(drilled.came, 0);
	world_kill(chain.agent);
	world_run(chain.world, 2 * YETT_SEC);
	CU_ASSERT_EQUAL(drilled.came, 1);
	CU_ASSERT_EQUAL(drilled.result, YETT_EUNAVAIL);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(drilled.text, "gw2.example says: the session with a1.example"));
	world_kill(chain.second);
	world_run(chain.world, 20 * YETT_SEC);
	explain(&chain, "a1", YETT_SEC, &answer);
	expect_end(&answer, 0, "blocked");
	expect_end(&answer, 1, "no session leads to gw2.example");
	expect_end(&answer, -1, "no session leads to a1.example");
	CU_ASSERT_STRING_EQUAL(text_at(answer.json, "state"), "blocked");
	CU_ASSERT_PTR_NOT_NULL(strstr(text_at(answer.json, "sentence"), "gw1.example says: "));
	answer_done(&answer);
	answer_done(&drilled);
	/* Whoever waits when this node ends is answered. */
	yett_manage_drill(chain.server->manage, "gw1.example", answered, &drilled);
	world_run(chain.world, 50 * YETT_MS);
	world_kill(chain.server);
	CU_ASSERT_EQUAL(drilled.came, 1);
	answer_done(&drilled);
	world_free(chain.world);
}

struct heard {
	unsigned came;
	uint32_t result;
	char why[640], by[YETT_NODE_NAME_SIZE];
};

static void hear(void *arg, struct yett_report *report)
{
	struct heard *heard = arg;

	heard->came++;
	heard->result = report->result;
	g_strlcpy(heard->why, report->why, sizeof(heard->why));
	g_strlcpy(heard->by, report->by, sizeof(heard->by));
}

/* What a peer asks for that means badly, or comes from a later version. */
static void questions_are_bounded(void)
{
	struct chain chain = chain_new(7);
	struct yett_query_message query = {
		.what = YETT_QUERY_EXPLAIN, .node = chain.agent->node->id, .limit_ms = 5000};
	struct heard heard[60];
	unsigned counts[8] = {0};

	memset(heard, 0, sizeof(heard));
	/* More than 8 are not open at a time... */
	for (unsigned i = 0; i < 9; i++) {
		yett_question_ask(chain.server->manage, &query, hear, &heard[i]);
	}
	CU_ASSERT_EQUAL(heard[8].came, 1);
	CU_ASSERT_EQUAL(heard[8].result, YETT_REPORT_REFUSED);
	CU_ASSERT_STRING_EQUAL(heard[8].why, "gw1.example has not answered 8 other questions yet");
	world_run(chain.world, YETT_SEC);
	for (unsigned i = 0; i < 8; i++) {
		CU_ASSERT_EQUAL(heard[i].came, 1);
		CU_ASSERT_EQUAL(heard[i].result, YETT_REPORT_ANSWERED);
	}
	/* ... nor more than a node cares to answer a second. */
	world_run(chain.world, 10 * YETT_SEC);
	memset(heard, 0, sizeof(heard));
	for (unsigned i = 0; i < 56; i++) {
		yett_question_ask(chain.server->manage, &query, hear, &heard[i]);
		world_run(chain.world, 5 * YETT_MS);
	}
	world_run(chain.world, 6 * YETT_SEC);
	for (unsigned i = 0; i < 56; i++) {
		CU_ASSERT_EQUAL(heard[i].came, 1);
		counts[heard[i].result & 7]++;
	}
	CU_ASSERT(counts[YETT_REPORT_ANSWERED] >= 40 && counts[YETT_REPORT_ANSWERED] < 50);
	CU_ASSERT(counts[YETT_REPORT_REFUSED] >= 6);
	CU_ASSERT_EQUAL(counts[YETT_REPORT_REFUSED] + counts[YETT_REPORT_ANSWERED], 56);
	/* A question of a later version; one that has come too far; one without time. */
	memset(heard, 0, sizeof(heard));
	query.what = 99;
	yett_question_ask(chain.server->manage, &query, hear, &heard[0]);
	query.what = YETT_QUERY_EXPLAIN;
	query.hops = YETT_HOPS_MAX;
	yett_question_ask(chain.server->manage, &query, hear, &heard[1]);
	query.hops = 0;
	query.limit_ms = 900; /* two relays take more */
	yett_question_ask(chain.server->manage, &query, hear, &heard[2]);
	query.what = YETT_QUERY_DRILL;
	query.limit_ms = 3000;
	yett_question_ask(chain.server->manage, &query, hear, &heard[3]);
	world_run(chain.world, 2 * YETT_SEC);
	CU_ASSERT_EQUAL(heard[0].result, YETT_REPORT_UNKNOWN);
	CU_ASSERT_STRING_EQUAL(heard[0].by, "a1.example");
	CU_ASSERT_EQUAL(heard[1].result, YETT_REPORT_NO_WAY);
	CU_ASSERT_STRING_EQUAL(heard[1].by, "gw1.example");
	CU_ASSERT_EQUAL(heard[2].result, YETT_REPORT_SILENT);
	CU_ASSERT_STRING_EQUAL(heard[2].by, "gw2.example");
	CU_ASSERT_EQUAL(heard[3].result, YETT_REPORT_REFUSED);
	CU_ASSERT_PTR_NOT_NULL(strstr(heard[3].why, "no time for a drill"));
	world_free(chain.world);
}

/* A property as the view of a node has it. */
static const json_t *applied(const struct answer *answer, const char *name)
{
	const json_t *rows = json_object_get(answer->json, "properties");

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		if (strcmp(text_at(row, "property"), name) == 0) {
			return json_object_get(row, "applied");
		}
	}
	CU_FAIL("no such property");
	return NULL;
}

static void show(struct chain *chain, const char *name, struct answer *answer)
{
	json_t *json = yett_view_desired(chain->server->manage, name);

	answer_done(answer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	yett_manage_show(chain->server->manage, name, json, answered, answer);
	world_run(chain->world, 4 * YETT_SEC);
	CU_ASSERT_EQUAL(answer->came, 1);
	CU_ASSERT_EQUAL(answer->result, 0);
}

/* What only a node knows it tells when it is asked; where it cannot be asked that is said, and nothing is made
 * up. */
static void a_node_tells_what_its_file_says(void)
{
	struct chain chain = chain_new(10);
	struct answer answer = {0};
	struct yett_queue_view queue;

	answer.json = yett_view_desired(chain.server->manage, "a1.example");
	CU_ASSERT(json_is_null(applied(&answer, "MaximumQueueSizeBytes")));
	CU_ASSERT(json_is_null(applied(&answer, "ActionAccountIdentity")));
	show(&chain, "a1.example", &answer);
	CU_ASSERT(json_is_null(json_object_get(answer.json, "asked_why")));
	yett_queue_view(chain.agent->node, &queue);
	CU_ASSERT(queue.stats.limit_bytes > 0);
	CU_ASSERT_EQUAL(json_integer_value(applied(&answer, "MaximumQueueSizeBytes")),
		(json_int_t)queue.stats.limit_bytes);
	CU_ASSERT(json_is_string(applied(&answer, "ActionAccountIdentity")));
	CU_ASSERT(json_is_string(applied(&answer, "RequestCompression")));
	CU_ASSERT(json_is_null(applied(&answer, "CommunicationPort"))); /* it does not listen */
	show(&chain, "gw2.example", &answer);
	CU_ASSERT_EQUAL(json_integer_value(applied(&answer, "CommunicationPort")),
		g_ascii_strtoll(strrchr(world_address("gw2.example"), ':') + 1, NULL, 10));
	/* What is known here already stands. */
	CU_ASSERT_STRING_EQUAL(json_string_value(applied(&answer, "Name")), "gw2");
	show(&chain, "ms.example", &answer);
	CU_ASSERT(json_is_null(json_object_get(answer.json, "asked_why")));
	/* It is silent; it is gone. */
	chain.agent->node->management.query = NULL;
	show(&chain, "a1.example", &answer);
	CU_ASSERT_PTR_NOT_NULL(strstr(text_at(answer.json, "asked_why"), "did not answer within"));
	CU_ASSERT(json_is_null(applied(&answer, "MaximumQueueSizeBytes")));
	world_kill(chain.agent);
	world_run(chain.world, 2 * YETT_SEC);
	show(&chain, "a1.example", &answer);
	CU_ASSERT_PTR_NOT_NULL(strstr(text_at(answer.json, "asked_why"), "no session leads to"));
	answer_done(&answer);
	world_free(chain.world);
}

/* An answer that means badly: other properties, no numbers, control characters. */
static void lie(void *arg, struct yett_peer *upstream, const struct yett_query_message *query)
{
	static const struct {
		const char *step, *seen;
	} told[] = {{"HealthState", "Healthy, of course"}, {"CommunicationPort", "-1"},
		{"MaximumQueueSizeBytes", "99999999999999999999"},
		{"MaximumQueueSizeBytes", "12 MiB"}, {"DisplayName", "\033[2Jmine"}, {"", "x"}};
	struct yett_report *report = g_new0(struct yett_report, 1);

	(void)arg;
	report->number = query->number;
	report->result = YETT_REPORT_ANSWERED;
	g_strlcpy(report->by, "a1.example", sizeof(report->by));
	for (size_t i = 0; i < G_N_ELEMENTS(told); i++) {
		struct yett_report_step *step = &report->steps[report->step_count++];

		g_strlcpy(step->step, told[i].step, sizeof(step->step));
		g_strlcpy(step->seen, told[i].seen, sizeof(step->seen));
		step->state = 1;
	}
	CU_ASSERT_EQUAL(yett_wire_report(upstream->wire, report), 0);
	g_free(report);
	yett_peer_flush(upstream);
}

static void what_a_node_tells_changes_nothing_else(void)
{
	struct chain chain = chain_new(11);
	struct answer answer = {0};

	chain.agent->node->management.query = lie;
	show(&chain, "a1.example", &answer);
	CU_ASSERT(json_is_null(json_object_get(answer.json, "asked_why")));
	CU_ASSERT_STRING_EQUAL(json_string_value(applied(&answer, "DisplayName")), "?[2Jmine");
	CU_ASSERT_STRING_EQUAL(json_string_value(applied(&answer, "HealthState")), "Healthy");
	CU_ASSERT(json_is_null(applied(&answer, "CommunicationPort")));
	CU_ASSERT(json_is_null(applied(&answer, "MaximumQueueSizeBytes")));
	answer_done(&answer);
	world_free(chain.world);
}

/* A node that takes the question and says nothing: the one next to it says so, within the time. */
static void who_is_silent_is_told_of(void)
{
	struct chain chain = chain_new(8);
	struct answer answer = {0};

	chain.agent->node->management.query = NULL;
	yett_manage_explain(chain.server->manage, "a1.example", answered, &answer);
	world_run(chain.world, 4 * YETT_SEC);
	CU_ASSERT_EQUAL(answer.came, 0);
	world_run(chain.world, 3 * YETT_SEC);
	CU_ASSERT_EQUAL(answer.came, 1);
	expect_end(&answer, 0, "well");
	expect_end(&answer, 1, "well");
	expect_end(&answer, -1, "gw2.example says: a1.example did not answer within 4.8 s");
	answer_done(&answer);
	world_free(chain.world);
}

/* The policy goes back to the primary: a session that is not wanted any more answers first. */
static void a_session_that_is_not_wanted_answers_first(void)
{
	struct chain chain = chain_new(9);
	void (*answers)(void *, struct yett_peer *, const struct yett_query_message *) =
		chain.agent->node->management.query;
	struct answer answer = {0};
	bool left;

	world_kill(chain.second);
	world_run(chain.world, 60 * YETT_SEC);
	CU_ASSERT_PTR_NOT_NULL(session_with(chain.first, "a1.example"));
	chain.agent->node->management.query = NULL;
	explain(&chain, "a1", 7 * YETT_SEC, &answer);
	expect_end(&answer, -1, "a1.example did not answer within 5.4 s");
	answer_done(&answer);
	world_start(chain.second);
	world_run(chain.world, 600 * YETT_SEC);
	CU_ASSERT_PTR_NOT_NULL(session_with(chain.second, "a1.example"));
	CU_ASSERT_PTR_NOT_NULL(session_with(chain.first, "a1.example"));
	/* The other way round: one that has answered is ended. */
	chain.agent->node->management.query = answers;
	session_with(chain.first, "a1.example")->wire->open[0] = 0;
	for (guint i = 0; i < chain.agent->node->links->len; i++) {
		const struct yett_link *link = chain.agent->node->links->pdata[i];

		link->peer->wire->open[0] = 0;
	}
	world_run(chain.world, 2 * YETT_SEC);
	left = true;
	for (guint i = 0; i < chain.first->node->peers->len; i++) {
		const struct yett_peer *peer = chain.first->node->peers->pdata[i];

		left = left && strcmp(peer->name, "a1.example") != 0;
	}
	CU_ASSERT(left);
	world_free(chain.world);
}

/* What has no room is left out, and the answer says so; and what a node says commands no terminal. */
static void an_answer_fits_a_frame(void)
{
	json_t *steps = json_array(), *json, *back;
	struct yett_report *report = g_new(struct yett_report, 1);
	char seen[640];

	memset(seen, 's', sizeof(seen) - 1);
	seen[sizeof(seen) - 1] = '\0';
	for (int i = 0; i < 60; i++) {
		json_array_append_new(steps,
			json_pack("{s:s, s:s, s:s, s:s}", "step", i == 0 ? "que\033ue" : "queue",
				"about", "gw\n1", "state", "not reached", "seen", seen));
	}
	json = json_pack("{s:s, s:s, s:s, s:s, s:o}", "state", "degraded", "blocked_at", "queue",
		"cause", "full\a", "mend", "wait", "steps", steps);
	yett_report_of_explanation(json, "a1.example", report);
	CU_ASSERT(report->cut && report->step_count > 15 && report->step_count < 60);
	CU_ASSERT(yett_report_size(report) <= YETT_REPORT_MAX);
	back = yett_report_explanation(report, "a1.example", "a1.example");
	CU_ASSERT_STRING_EQUAL(text_at(back, "state"), "degraded");
	CU_ASSERT_STRING_EQUAL(text_at(back, "sentence"), "full?; wait");
	steps = json_object_get(back, "steps");
	CU_ASSERT_EQUAL(json_array_size(steps), report->step_count + 1);
	CU_ASSERT_STRING_EQUAL(text_at(json_array_get(steps, 0), "step"), "que?ue");
	CU_ASSERT_STRING_EQUAL(text_at(json_array_get(steps, 0), "about"), "gw?1");
	CU_ASSERT_STRING_EQUAL(text_at(json_array_get(steps, 0), "state"), "not reached");
	CU_ASSERT_STRING_EQUAL(
		text_at(json_array_get(steps, report->step_count), "step"), "answer");
	json_decref(json);
	json_decref(back);
	g_free(report);
}

/* Who says how it is is believed in that alone, whatever else it says or leaves out. */
static void a_state_without_words_is_not_well(void)
{
	static const struct {
		uint32_t state;
		const char *why, *mend, *sentence;
	} rows[] = {
		{4, "", "", "it does not say what is wrong"},
		{3, "", "wait", "it does not say what is wrong; wait"},
		{4, "full", "", "full"},
		{1, "", "", "nothing stands in the way of a1.example"},
		{1, "all is lost", "run this", "nothing stands in the way of a1.example"},
	};
	struct yett_report *report = g_new0(struct yett_report, 1);

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		json_t *json;

		report->state = rows[i].state;
		g_strlcpy(report->why, rows[i].why, sizeof(report->why));
		g_strlcpy(report->mend, rows[i].mend, sizeof(report->mend));
		json = yett_report_explanation(report, "a1.example", "a1.example");
		CU_ASSERT_STRING_EQUAL(text_at(json, "sentence"), rows[i].sentence);
		json_decref(json);
	}
	g_free(report);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"each end says what it sees", each_end_says_what_it_sees},
		{"a drill is answered by the session that it replaces",
			a_drill_is_answered_by_the_session_that_it_replaces},
		{"one drill at a time, and then a pause", one_drill_at_a_time_and_then_a_pause},
		{"wrong names", wrong_names_and_nodes_that_never_came},
		{"who knows no questions is not asked", who_knows_no_questions_is_not_asked},
		{"a session that ends ends its questions", a_session_that_ends_ends_its_questions},
		{"questions are bounded", questions_are_bounded},
		{"a node tells what its file says", a_node_tells_what_its_file_says},
		{"what a node tells changes nothing else", what_a_node_tells_changes_nothing_else},
		{"who is silent is told of", who_is_silent_is_told_of},
		{"a session that is not wanted answers first",
			a_session_that_is_not_wanted_answers_first},
		{"an answer fits a frame", an_answer_fits_a_frame},
		{"a state without words is not well", a_state_without_words_is_not_well},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "manage-questions", tests);
}
