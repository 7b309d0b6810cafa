/* What hostile nodes, gateways that lie, mistakes, and a loss of power between two steps try to get past the
 * rule that nobody is in whom nobody has let in. In the simulated world, with nodes of production code:
 * a management server that signs, a gateway that it lists, and who comes behind that; what no
 * well-behaved node says is told through the calls that the flow uses. */
#include <stdlib.h>
#include <string.h>

#include "admin/request.h"
#include "base/id.h"
#include "base/log.h"
#include "flow/stages.h"
#include "manage/admission/court.h"
#include "manage-hostile.h"
#include "manage/admission/kept.h"
#include "suite.h"

/* A second gateway behind the first, approved and in. */
static struct world_node *approved_gateway(struct group *group)
{
	struct world_node *second = hostile_add_node(group, "gw2.example", "gw1.example", true);

	hostile_change_good(
		group, "/v1/gateways/approve", "{\"name\": \"gw2.example\", \"ahead\": true}");
	world_start(second);
	CU_ASSERT_FATAL(hostile_wait_until_in(group, group->gateway, "gw2.example", true));
	world_run(group->world, 10 * YETT_SEC); /* its approval is on disk */
	return second;
}

#define DELETE_SECOND "{\"name\": \"gw2.example\", \"force\": true}"

static void an_approval_that_was_taken_away_does_not_come_back_with_the_power(void)
{
	struct group group = hostile_group_new(1);

	approved_gateway(&group);
	hostile_change_good(&group, "/v1/gateways/delete", DELETE_SECOND);
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, group.gateway, "gw2.example", false));
	world_power(group.gateway, YETT_FAULTY_NOTHING);
	hostile_cut(&group, true);
	world_start(group.gateway);
	CU_ASSERT(!hostile_wait_until_in(&group, group.gateway, "gw2.example", true));
	world_free(group.world);
}

static void a_gateway_that_was_away_hears_what_was_taken_away(void)
{
	struct group group = hostile_group_new(2);
	const struct yett_kept_one *one;
	struct yett_id first = hostile_id_of(1), other = hostile_id_of(2);

	approved_gateway(&group);
	hostile_change_good(&group, "/v1/group/set", "{\"manual_agents\": \"review\"}");
	CU_ASSERT(!hostile_knock_gate(&group, "a1.example", first));
	world_run(group.world, YETT_SEC);
	hostile_change_good(&group, "/v1/agents/approve", "{\"names\": [\"a1.example\"]}");
	world_run(group.world, YETT_SEC);
	CU_ASSERT(hostile_knock_gate(&group, "a1.example", first));
	/* While it is away one is deleted, and another id takes the place of one. */
	hostile_cut(&group, true);
	world_run(group.world, YETT_SEC);
	hostile_change_good(&group, "/v1/gateways/delete", DELETE_SECOND);
	CU_ASSERT(!hostile_knock(&group, "a1.example", other));
	world_run(group.world, YETT_SEC);
	hostile_change_good(&group, "/v1/agents/approve", "{\"names\": [\"a1.example\"]}");
	CU_ASSERT(hostile_is_in(group.gateway, "gw2.example"));
	CU_ASSERT(hostile_knock_gate(&group, "a1.example", first));
	hostile_cut(&group, false);
	CU_ASSERT(hostile_wait_until_in(&group, group.gateway, "gw2.example", false));
	CU_ASSERT(!hostile_knock_gate(&group, "a1.example", first));
	one = yett_kept_find(group.gateway->manage->kept, "a1.example");
	CU_ASSERT_PTR_NOT_NULL_FATAL(one);
	CU_ASSERT(yett_id_equal(&one->decision.id, &other));
	world_free(group.world);
}

static void an_approval_ahead_lets_in_one_id_alone(void)
{
	struct group group = hostile_group_new(3);
	struct yett_id first = hostile_id_of(1), other = hostile_id_of(2);
	const struct yett_admission_ask nobody =
		hostile_ask_of("a2.example", hostile_id_of(0), YETT_AS_AGENT);
	struct yett_judgement judgement = {.admitted = false};

	hostile_change_good(
		&group, "/v1/agents/approve", "{\"names\": [\"a1.example\"], \"ahead\": true}");
	/* Two at the same moment, before the store has said who was the first. */
	CU_ASSERT(!hostile_knock(&group, "a1.example", first));
	CU_ASSERT(!hostile_knock(&group, "a1.example", other));
	world_run(group.world, YETT_SEC);
	CU_ASSERT(hostile_knock(&group, "a1.example", first));
	CU_ASSERT(!hostile_knock(&group, "a1.example", other));
	/* The same at a gateway, which hears of the approval before anybody is bound to it. */
	CU_ASSERT(!hostile_knock_gate(&group, "a2.example", first));
	world_run(group.world, YETT_SEC);
	hostile_change_good(
		&group, "/v1/agents/approve", "{\"names\": [\"a2.example\"], \"ahead\": true}");
	world_run(group.world, YETT_SEC);
	/* It is bound to nobody, and zero is nobody's id. */
	yett_gate_judge(group.gateway->manage, &nobody, false, &judgement);
	CU_ASSERT(!judgement.admitted);
	CU_ASSERT(!hostile_knock_gate(&group, "a2.example", first));
	world_run(group.world, YETT_SEC);
	CU_ASSERT(hostile_knock_gate(&group, "a2.example", first));
	CU_ASSERT(!hostile_knock_gate(&group, "a2.example", other));
	world_free(group.world);
}

/* The power goes in the very moment in which the decision is on disk: at the first operation on files
 * after the commit. */
static void answered_and_dying(void *arg, int result, json_t *json, const struct yett_error *error)
{
	struct group *group = arg;

	CU_ASSERT_EQUAL(result, 0);
	CU_ASSERT_PTR_NULL(error);
	json_decref(json);
	group->server->process->faults.kill_at = group->server->process->operations + 1;
}

static void died(void *arg, struct world_node *node)
{
	(void)node;
	*(bool *)arg = true;
}

static void reject_and_die(struct group *group)
{
	json_t *body = json_pack("{s:[s]}", "names", "a1.example");
	bool dead = false;

	world_on_death(group->world, died, &dead);
	yett_manage_change(group->server->manage, "/v1/agents/reject", body, "somebody",
		answered_and_dying, group);
	json_decref(body);
	for (int i = 0; i < 1000 && !dead; i++) {
		world_run(group->world, HOSTILE_STEP);
	}
	CU_ASSERT_FATAL(dead);
	world_on_death(group->world, NULL, NULL);
}

static void a_decision_and_its_record_are_one(void)
{
	struct group group = hostile_group_new(4);

	hostile_change_good(&group, "/v1/group/set", "{\"manual_agents\": \"review\"}");
	CU_ASSERT(!hostile_knock(&group, "a1.example", hostile_id_of(1)));
	CU_ASSERT(!hostile_knock(&group, "a2.example", hostile_id_of(2)));
	world_run(group.world, YETT_SEC);
	CU_ASSERT_EQUAL(hostile_documents(&group, "pending", ".example"), 2);
	reject_and_die(&group);
	world_start(group.server);
	group_sign(group.server);
	CU_ASSERT_EQUAL(hostile_documents(&group, "agents", "rejected"), 1);
	CU_ASSERT_EQUAL(hostile_documents(&group, "audit", "agent reject"), 1);
	CU_ASSERT_EQUAL(hostile_documents(&group, "pending", "a1.example"), 0);
	CU_ASSERT_EQUAL(hostile_documents(&group, "pending", "a2.example"), 1);
	/* A list of all who wait has nobody in it who was refused. */
	hostile_change_good(&group, "/v1/agents/approve", "{\"all\": true}");
	CU_ASSERT(!hostile_knock(&group, "a1.example", hostile_id_of(1)));
	CU_ASSERT(hostile_knock(&group, "a2.example", hostile_id_of(2)));
	/* One that is not made leaves no record. */
	CU_ASSERT_EQUAL(hostile_documents(&group, "audit", "gateway approve"), 0);
	world_free(group.world);
}

static void a_gateway_cannot_call_a_node_otherwise(void)
{
	struct group group = hostile_group_new(5);
	struct yett_id revoked = hostile_id_of(1), approved = hostile_id_of(2);

	hostile_change_good(&group, "/v1/group/set", "{\"manual_agents\": \"review\"}");
	CU_ASSERT(!hostile_knock(&group, "a2.example", approved));
	world_run(group.world, YETT_SEC);
	hostile_change_good(&group, "/v1/agents/approve", "{\"names\": [\"a2.example\"]}");
	hostile_tell(&group, "a1.example", revoked);
	hostile_tell(&group, "a2.example", approved);
	CU_ASSERT_STRING_EQUAL(hostile_name_of(&group, approved), "a2.example");
	hostile_change_good(&group, "/v1/nodes/revoke", "{\"name\": \"a1.example\"}");
	CU_ASSERT(hostile_is_barred(&group, revoked));
	/* One that is revoked, by a new name; one that is approved, by another name; its name, with
	 * another id. */
	hostile_tell(&group, "good.example", revoked);
	CU_ASSERT(hostile_is_barred(&group, revoked));
	CU_ASSERT_STRING_EQUAL(hostile_name_of(&group, revoked), "a1.example");
	hostile_tell(&group, "other.example", approved);
	CU_ASSERT_STRING_EQUAL(hostile_name_of(&group, approved), "a2.example");
	hostile_tell(&group, "a2.example", hostile_id_of(3));
	CU_ASSERT_STRING_EQUAL(hostile_name_of(&group, hostile_id_of(3)), "");
	/* What nobody has decided on may be renamed, and what is approved by its new name. */
	hostile_tell(&group, "b1.example", hostile_id_of(4));
	hostile_tell(&group, "b2.example", hostile_id_of(4));
	CU_ASSERT_STRING_EQUAL(hostile_name_of(&group, hostile_id_of(4)), "b2.example");
	world_free(group.world);
}

static void a_gateway_cannot_take_a_node_that_is_here(void)
{
	struct group group = hostile_group_new(6);
	struct world_node *listed = hostile_add_node(&group, "l1.example", "ms.example", false);
	struct yett_management calls;
	struct yett_detach *gone;
	const struct yett_known *known;

	world_start(listed);
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, group.server, "l1.example", true));
	hostile_tell(&group, "mine.example", listed->node->id);
	CU_ASSERT_STRING_EQUAL(hostile_name_of(&group, listed->node->id), "l1.example");
	/* The gateway says that it is gone: with its own way, not with the other. */
	calls = yett_manage_calls(group.server->manage);
	gone = g_new0(struct yett_detach, 1);
	gone->count = 1;
	gone->ids[0] = listed->node->id;
	calls.detach(calls.arg, hostile_peer_of(group.server, "gw1.example"), gone);
	g_free(gone);
	known = yett_manage_find(group.server->manage, &listed->node->id);
	CU_ASSERT(known->live);
	CU_ASSERT(yett_id_is_zero(&known->via));
	world_free(group.world);
}

static void a_gateway_cannot_fill_the_tables(void)
{
	struct group group = hostile_group_new(7);
	struct yett_attached node = {.live = true, .boot = hostile_id_of(1), .session = 1};

	group.server->manage->grants_max = 3;
	for (uint8_t i = 10; i < 16; i++) {
		node.id = hostile_id_of(i);
		CU_ASSERT_EQUAL(hostile_attach(&group, node), i < 13 ? 0 : 1);
		CU_ASSERT_EQUAL(hostile_attach(&group, node), i < 13 ? 0 : 1);
	}
	world_free(group.world);
}

static int heard;

static void hear(void *arg, int level, const char *event, const char *sentence)
{
	(void)arg;
	(void)level;
	(void)sentence;
	heard += strcmp(event, "desired-answered") == 0;
}

static void say_applied(
	struct group *group, uint64_t revision, uint32_t state, int64_t since_s, int count)
{
	struct yett_management calls = yett_manage_calls(group->server->manage);
	struct yett_applied message = {.node = group->gateway->node->id,
		.revision = revision,
		.state = state,
		.since_s = since_s};

	yett_store_id(group->server->node, &message.generation);
	for (int i = 0; i < count; i++, message.since_s++) {
		calls.applied(calls.arg, hostile_peer_of(group->server, "gw1.example"), &message);
	}
}

static uint64_t desired_revision(const struct group *group)
{
	const struct yett_paper *paper =
		yett_court_find(group->server->manage->court, YETT_TABLE_DESIRED, "gw1.example");

	CU_ASSERT_PTR_NOT_NULL_FATAL(paper);
	return paper->revision;
}

static void expect_applied(const struct group *group, const char *want)
{
	const struct yett_paper *paper =
		yett_court_find(group->server->manage->court, YETT_TABLE_APPLIED, "gw1.example");

	CU_ASSERT_STRING_EQUAL(yett_paper_text(paper, "state"), want);
	CU_ASSERT_EQUAL((uint64_t)json_integer_value(json_object_get(paper->json, "revision")),
		desired_revision(group));
}

#define SET(seconds)                                                                               \
	"{\"name\": \"gw1.example\", \"values\": {\"HeartbeatInterval\": \"" seconds "\"}}"

static void an_answer_is_not_played_back_nor_made_up(void)
{
	struct group group = hostile_group_new(8);
	uint64_t first, second;

	hostile_change_good(&group, "/v1/nodes/set", SET("7"));
	world_run(group.world, 2 * YETT_SEC);
	first = desired_revision(&group);
	hostile_change_good(&group, "/v1/nodes/set", SET("8"));
	world_run(group.world, 2 * YETT_SEC);
	second = desired_revision(&group);
	expect_applied(&group, "applied");
	say_applied(&group, first, YETT_APPLIED_REFUSED, 1, 1);
	world_run(group.world, YETT_SEC);
	expect_applied(&group, "applied");
	say_applied(&group, second + 1000, YETT_APPLIED_REFUSED, 1, 1);
	world_run(group.world, YETT_SEC);
	expect_applied(&group, "applied");
	world_free(group.world);
}

/* It says when that was, too. */
static void nor_is_it_from_a_time_that_there_is_not(void)
{
	struct group group = hostile_group_new(20);
	const struct yett_paper *paper;

	hostile_change_good(&group, "/v1/nodes/set", SET("7"));
	world_run(group.world, 2 * YETT_SEC);
	say_applied(&group, desired_revision(&group), YETT_APPLIED_REFUSED, INT64_MAX - 1, 1);
	world_run(group.world, YETT_SEC);
	expect_applied(&group, "refused");
	paper = yett_court_find(group.server->manage->court, YETT_TABLE_APPLIED, "gw1.example");
	CU_ASSERT_EQUAL(strncmp(yett_paper_text(paper, "since"), "2262-", 5), 0);
	world_free(group.world);
}

/* Whoever talks and talks has one document under way. */
static void an_answer_is_written_one_at_a_time(void)
{
	struct group group = hostile_group_new(9);

	hostile_change_good(&group, "/v1/nodes/set", SET("7"));
	world_run(group.world, 2 * YETT_SEC);
	heard = 0;
	yett_log_setup(YETT_LOG_STDERR, YETT_LOG_WARNING);
	yett_log_tap(hear, NULL);
	say_applied(&group, desired_revision(&group), YETT_APPLIED_REFUSED, 1, 1000);
	yett_log_tap(NULL, NULL);
	yett_log_setup(YETT_LOG_STDERR, YETT_LOG_ERROR);
	CU_ASSERT_EQUAL(heard, 1);
	world_run(group.world, YETT_SEC);
	expect_applied(&group, "refused");
	world_free(group.world);
}

static void a_decision_that_is_not_understood_is_a_no(void)
{
	struct group group = hostile_group_new(10);

	hostile_change_good(&group, "/v1/group/set", "{\"manual_agents\": \"approve\"}");
	yett_store_document(group.server->node, "agents", "l1.example", "[\"revoked\"]");
	yett_store_document(
		group.server->node, "agents", "l2.example", "{\"verdict\": \"suspended\"}");
	yett_court_apply(
		group.server->manage->court, "agents", "l3.example", "[\"revoked\"]", 1000);
	world_run(group.world, YETT_SEC);
	CU_ASSERT(yett_court_barred(group.server->manage->court, "l3.example"));
	world_kill(group.server);
	world_start(group.server);
	group_sign(group.server);
	CU_ASSERT(yett_court_barred(group.server->manage->court, "l1.example"));
	CU_ASSERT(yett_court_barred(group.server->manage->court, "l2.example"));
	CU_ASSERT(!hostile_knock(&group, "l1.example", hostile_id_of(1)));
	world_run(group.world, YETT_SEC);
	CU_ASSERT(!hostile_knock(&group, "l1.example", hostile_id_of(1)));
	/* Whoever looks at it decides anew. */
	hostile_change_good(&group, "/v1/agents/approve", "{\"names\": [\"l1.example\"]}");
	CU_ASSERT(!yett_court_barred(group.server->manage->court, "l1.example"));
	world_free(group.world);
}

static void a_no_to_nobody_is_refused(void)
{
	static const struct {
		const char *what, *body;
	} table[] = {
		{"/v1/nodes/revoke", "{\"name\": \"wg1.example\"}"},
		{"/v1/agents/reject", "{\"names\": [\"wg1.example\"]}"},
	};
	struct group group = hostile_group_new(11);

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct group_answer answer = hostile_change(&group, table[i].what, table[i].body);

		CU_ASSERT_EQUAL(answer.result, YETT_ENOTFOUND);
		CU_ASSERT_PTR_NOT_NULL(strstr(answer.mend, "did you mean gw1.example?"));
	}
	hostile_change_good(
		&group, "/v1/nodes/revoke", "{\"name\": \"wg1.example\", \"ahead\": true}");
	world_free(group.world);
}

static const char *waits(const struct group *group)
{
	return yett_paper_text(
		yett_court_find(group->server->manage->court, YETT_TABLE_PENDING, "a1.example"),
		"id");
}

static void ask_by(struct group *group, const char *via, uint8_t number)
{
	struct yett_admission_ask ask =
		hostile_ask_of("a1.example", hostile_id_of(number), YETT_AS_AGENT);
	GByteArray *bytes = g_byte_array_new();

	g_strlcpy(ask.via, via, sizeof(ask.via));
	yett_court_answer(group->server->manage->court, &ask, bytes);
	g_byte_array_unref(bytes);
	world_run(group->world, YETT_SEC);
}

static void who_waits_is_not_put_out_by_a_gateway(void)
{
	struct group group = hostile_group_new(12);
	struct yett_id own = hostile_id_of(1);
	char text[YETT_ID_TEXT_SIZE];

	hostile_change_good(&group, "/v1/group/set", "{\"manual_agents\": \"review\"}");
	CU_ASSERT(!hostile_knock(&group, "a1.example", own));
	world_run(group.world, YETT_SEC);
	CU_ASSERT_STRING_EQUAL(waits(&group), yett_id_text(&own, text));
	ask_by(&group, "gw1.example", 2);
	CU_ASSERT_STRING_EQUAL(waits(&group), yett_id_text(&own, text));
	hostile_change_good(&group, "/v1/agents/approve", "{\"names\": [\"a1.example\"]}");
	CU_ASSERT(hostile_knock(&group, "a1.example", own));
	/* By the same way it may be another one: it was installed anew. */
	hostile_change_good(&group, "/v1/agents/approve", "{\"names\": [\"a1.example\"]}");
	ask_by(&group, "gw1.example", 2);
	ask_by(&group, "gw1.example", 3);
	own = hostile_id_of(3);
	CU_ASSERT_STRING_EQUAL(waits(&group), yett_id_text(&own, text));
	world_free(group.world);
}

/* What the first gateway says to the server. */
static void ask_of_server(struct group *group, const char *name, const char *via)
{
	struct yett_admission *message = g_new0(struct yett_admission, 1);

	message->ask_count = 1;
	message->asks[0] = hostile_ask_of(name, hostile_id_of(1), YETT_AS_AGENT);
	g_strlcpy(message->asks[0].via, via, sizeof(message->asks[0].via));
	yett_ask_message(
		group->server->manage, hostile_peer_of(group->server, "gw1.example"), message);
	g_free(message);
	world_run(group->world, YETT_SEC);
}

static void a_rule_of_a_site_does_not_believe_another_gateway(void)
{
	struct group group = hostile_group_new(14);
	const struct yett_court *court;

	hostile_change_good(&group, "/v1/gateways/approve",
		"{\"name\": \"gw9.example\", \"site\": \"far\", \"ahead\": true}");
	hostile_change_good(
		&group, "/v1/group/rules/add", "{\"name\": \"r*.example\", \"site\": \"far\"}");
	court = group.server->manage->court;
	ask_of_server(&group, "r1.example", "gw9.example");
	CU_ASSERT_PTR_NULL(yett_court_find(court, YETT_TABLE_AGENTS, "r1.example"));
	ask_of_server(&group, "r1.example", "gw1.example");
	CU_ASSERT_PTR_NULL(yett_court_find(court, YETT_TABLE_AGENTS, "r1.example"));
	CU_ASSERT(!hostile_knock(&group, "r1.example", hostile_id_of(1)));
	world_run(group.world, YETT_SEC);
	CU_ASSERT_PTR_NULL(yett_court_find(court, YETT_TABLE_AGENTS, "r1.example"));
	/* The one that asks is of that site, from now on. */
	hostile_change_good(&group, "/v1/gateways/approve",
		"{\"name\": \"gw1.example\", \"site\": \"far\", \"ahead\": true}");
	ask_of_server(&group, "r1.example", "gw9.example");
	CU_ASSERT_PTR_NOT_NULL(yett_court_find(court, YETT_TABLE_AGENTS, "r1.example"));
	world_free(group.world);
}

static bool comes_by(struct group *group, const char *method)
{
	static uint64_t session = UINT64_MAX / 2;
	struct yett_attached node = {.id = hostile_id_of(1),
		.boot = hostile_id_of(99),
		.via = group->gateway->node->id,
		.session = ++session,
		.live = true,
		.name = "a1.example"};

	g_strlcpy(node.method, method, sizeof(node.method));
	hostile_attach(group, node);
	return yett_manage_find(group->server->manage, &node.id)->other_method;
}

static void another_method_than_the_approved_one_is_told(void)
{
	struct group group = hostile_group_new(15);

	hostile_change_good(
		&group, "/v1/agents/approve", "{\"names\": [\"a1.example\"], \"ahead\": true}");
	CU_ASSERT(!hostile_knock(&group, "a1.example", hostile_id_of(1)));
	world_run(group.world, YETT_SEC);
	CU_ASSERT_FATAL(hostile_knock(&group, "a1.example", hostile_id_of(1))); /* by x509 */
	CU_ASSERT_FALSE(comes_by(&group, "x509"));
	CU_ASSERT_TRUE(comes_by(&group, "kerberos"));
	CU_ASSERT_TRUE(comes_by(&group, "kerberos"));
	CU_ASSERT_FALSE(comes_by(&group, "x509"));
	world_free(group.world);
}

static void nothing_is_changed_behind_ones_back(void)
{
	struct group group = hostile_group_new(13);
	struct group_answer answer;

	group.server->process->faults.sync_fails = 1;
	yett_store_document(group.server->node, "node", "x", "{}");
	world_run(group.world, 10 * YETT_MS);
	CU_ASSERT_FALSE(yett_store_healthy(group.server->node));
	answer = hostile_change(&group, "/v1/nodes/revoke", "{\"name\": \"gw1.example\"}");
	CU_ASSERT_EQUAL(answer.result, YETT_EUNAVAIL);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer.text, "nothing has been changed"));
	group.server->process->faults.sync_fails = 0;
	world_run(group.world, 10 * YETT_SEC);
	CU_ASSERT(yett_store_healthy(group.server->node));
	CU_ASSERT(!yett_court_barred(group.server->manage->court, "gw1.example"));
	world_free(group.world);
}

static void a_refusal_is_said_whatever_was_asked(void)
{
	json_t *error =
		yett_admin_error("EINVAL", "look", "there is no %.2s, \xff", "\xc3\xa9\xc3");

	CU_ASSERT_PTR_NOT_NULL(error);
	json_decref(error);
	error = yett_admin_error("EINVAL", "\xff", "%.1s", "\xc3\xa9");
	CU_ASSERT_PTR_NOT_NULL(error);
	json_decref(error);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"an approval that was taken away does not come back with the power",
			an_approval_that_was_taken_away_does_not_come_back_with_the_power},
		{"a gateway that was away hears what was taken away",
			a_gateway_that_was_away_hears_what_was_taken_away},
		{"an approval ahead lets in one id alone", an_approval_ahead_lets_in_one_id_alone},
		{"a decision and its record are one", a_decision_and_its_record_are_one},
		{"a gateway cannot call a node otherwise", a_gateway_cannot_call_a_node_otherwise},
		{"a gateway cannot take a node that is here",
			a_gateway_cannot_take_a_node_that_is_here},
		{"a gateway cannot fill the tables", a_gateway_cannot_fill_the_tables},
		{"an answer is not played back, nor made up",
			an_answer_is_not_played_back_nor_made_up},
		{"nor is it from a time that there is not",
			nor_is_it_from_a_time_that_there_is_not},
		{"an answer is written one at a time", an_answer_is_written_one_at_a_time},
		{"a decision that is not understood is a no",
			a_decision_that_is_not_understood_is_a_no},
		{"a no to nobody is refused", a_no_to_nobody_is_refused},
		{"who waits is not put out by a gateway", who_waits_is_not_put_out_by_a_gateway},
		{"a rule of a site does not believe another gateway",
			a_rule_of_a_site_does_not_believe_another_gateway},
		{"another method than the approved one is told",
			another_method_than_the_approved_one_is_told},
		{"nothing is changed behind one's back", nothing_is_changed_behind_ones_back},
		{"a refusal is said, whatever was asked", a_refusal_is_said_whatever_was_asked},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("hostile", group_keys_begin, group_keys_end, tests);
	return suite_end(argc, argv);
}
