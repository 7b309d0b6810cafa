/* What is bounded, or cannot be written, or was vouched for by a key in other hands: nobody is let in by that.
 * In the simulated world, with nodes of production code: a management server that signs, a gateway that
 * it lists, and who comes behind that. */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "flow/stages.h"
#include "folder.h"
#include "manage-hostile.h"
#include "manage/admission/court.h"
#include "manage/admission/kept.h"
#include "suite.h"

static unsigned heard;
static const char *listen_for;

static void hear(void *arg, int level, const char *event, const char *sentence)
{
	(void)arg;
	(void)level;
	(void)sentence;
	heard += strcmp(event, listen_for) == 0;
}

static void listen_to(const char *event)
{
	heard = 0;
	listen_for = event;
	yett_log_setup(YETT_LOG_STDERR, YETT_LOG_NOTICE);
	yett_log_tap(hear, NULL);
}

static unsigned heard_of(void)
{
	yett_log_tap(NULL, NULL);
	yett_log_setup(YETT_LOG_STDERR, YETT_LOG_ERROR);
	return heard;
}

/* At a door whose list has everybody. */
static bool knock_listed(struct group *group, const char *name, uint8_t id)
{
	const struct yett_admission_ask ask =
		hostile_ask_of(name, hostile_id_of(id), YETT_AS_AGENT);
	struct yett_judgement judgement = {.admitted = true};

	yett_gate_judge(group->gateway->manage, &ask, true, &judgement);
	return judgement.admitted;
}

static void reject_ahead(struct group *group, unsigned from, unsigned until)
{
	for (unsigned i = from; i < until; i++) {
		g_autofree char *body =
			g_strdup_printf("{\"names\": [\"b%u.example\"], \"ahead\": true}", i);

		hostile_change_good(group, "/v1/agents/reject", body);
	}
	world_run(group->world, YETT_SEC);
}

static void expect_all_out(struct group *group, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		g_autofree char *name = g_strdup_printf("b%u.example", i);

		CU_ASSERT(!knock_listed(group, name, 1));
	}
}

static void approve_one(struct group *group, const char *name, uint8_t id)
{
	g_autofree char *body = g_strdup_printf("{\"names\": [\"%s\"], \"ahead\": true}", name);

	hostile_change_good(group, "/v1/agents/approve", body);
	for (int i = 0; i < 3 && !hostile_knock_gate(group, name, hostile_id_of(id)); i++) {
		world_run(group->world, 30 * YETT_SEC); /* bound, then heard of */
	}
}

static void who_may_be_barred_is_refused(void)
{
	struct group group = hostile_group_new(1);
	struct yett_kept *kept = group.gateway->manage->kept;

	kept->max = 3;
	approve_one(&group, "good.example", 7);
	CU_ASSERT(knock_listed(&group, "good.example", 7));
	CU_ASSERT(knock_listed(&group, "listed.example", 8));
	listen_to("decisions-full");
	reject_ahead(&group, 0, 5);
	CU_ASSERT_EQUAL(heard_of(), 2);
	expect_all_out(&group, 5);
	/* So is whoever only a list knows, until the management server has said that nobody has barred him; and
	 * not who is approved, now or from now on. */
	CU_ASSERT(!knock_listed(&group, "listed.example", 8));
	world_run(group.world, 5 * YETT_SEC);
	CU_ASSERT(knock_listed(&group, "listed.example", 8));
	expect_all_out(&group, 5);
	CU_ASSERT(knock_listed(&group, "good.example", 7));
	approve_one(&group, "new.example", 9);
	CU_ASSERT(knock_listed(&group, "new.example", 9));
	/* Also after a loss of power while it is cut off. */
	world_power(group.gateway, YETT_FAULTY_NOTHING);
	hostile_cut(&group, true);
	world_start(group.gateway);
	kept = group.gateway->manage->kept;
	kept->max = 3;
	expect_all_out(&group, 5);
	CU_ASSERT(!knock_listed(&group, "other.example", 10));
	CU_ASSERT(knock_listed(&group, "good.example", 7));
	hostile_cut(&group, false);
	world_run(group.world, 90 * YETT_SEC);
	expect_all_out(&group, 5);
	/* There is room again: those that are missing come, and then lists count. */
	listen_to("decisions-complete");
	hostile_change_good(&group, "/v1/agents/delete",
		"{\"names\": [\"b0.example\", \"b1.example\", \"b2.example\"]}");
	for (int i = 0; i < 40 && kept->missed; i++) {
		world_run(group.world, 5 * YETT_SEC);
		CU_ASSERT(!knock_listed(&group, "b3.example", 1));
		CU_ASSERT(!knock_listed(&group, "b4.example", 1));
	}
	CU_ASSERT_EQUAL(heard_of(), 1);
	CU_ASSERT_FALSE(kept->missed);
	CU_ASSERT(!knock_listed(&group, "b3.example", 1));
	CU_ASSERT(!knock_listed(&group, "b4.example", 1));
	CU_ASSERT(knock_listed(&group, "another.example", 11));
	world_free(group.world);
}

static void a_no_that_cannot_be_written_lets_nobody_in(void)
{
	struct group group = hostile_group_new(2);

	approve_one(&group, "a1.example", 1);
	approve_one(&group, "a2.example", 2);
	world_run(group.world, 10 * YETT_SEC); /* they are on disk */
	group.gateway->process->faults.full = true;
	listen_to("decisions-unsaved");
	hostile_change_good(&group, "/v1/agents/reject", "{\"names\": [\"a1.example\"]}");
	world_run(group.world, 10 * YETT_SEC);
	CU_ASSERT(heard_of() >= 3); /* again and again, until it is written */
	CU_ASSERT(!hostile_knock_gate(&group, "a1.example", hostile_id_of(1)));
	CU_ASSERT(hostile_knock_gate(&group, "a2.example", hostile_id_of(2)));
	/* It starts again, still cut off and without room. */
	hostile_cut(&group, true);
	world_power(group.gateway, YETT_FAULTY_NOTHING);
	group.gateway->faults.full = true;
	CU_ASSERT_EQUAL(world_try_start(group.gateway), 0);
	CU_ASSERT(!hostile_knock_gate(&group, "a1.example", hostile_id_of(1)));
	CU_ASSERT(!hostile_knock_gate(&group, "a2.example", hostile_id_of(2)));
	/* There is room, and a way up: all is as it was. */
	group.gateway->process->faults.full = false;
	hostile_cut(&group, false);
	for (int i = 0; i < 20 && !hostile_knock_gate(&group, "a2.example", hostile_id_of(2));
		i++) {
		world_run(group.world, 5 * YETT_SEC);
	}
	CU_ASSERT(hostile_knock_gate(&group, "a2.example", hostile_id_of(2)));
	CU_ASSERT(!hostile_knock_gate(&group, "a1.example", hostile_id_of(1)));
	world_free(group.world);
}

/* Keys that have files of their own, as a management server has them. */

static char *state;

static struct yett_sign_key *make_group_key(char **ret_path)
{
	g_autofree char *fresh = g_strdup_printf("%s/fresh", state);
	g_autofree char *hex = NULL;
	struct yett_error error = {.code = 0};
	struct yett_sign_key *key = NULL;

	CU_ASSERT_EQUAL_FATAL(yett_sign_generate(fresh, &key, &error), 0);
	hex = yett_hex(yett_sign_public(key), 8);
	*ret_path = g_strdup_printf("%s/group-%s.key", state, hex);
	CU_ASSERT_EQUAL_FATAL(g_rename(fresh, *ret_path), 0);
	return key;
}

/* The group's successor is another key than the one that it has. */
static struct group group_with_successor(uint64_t seed)
{
	memcpy(group_trust.next, yett_sign_public(group_stranger_key), sizeof(group_trust.next));
	return hostile_group_new(seed);
}

static void a_key_in_other_hands_lets_nobody_in(void)
{
	struct group group = group_with_successor(3);
	struct world_node *agent = hostile_add_node(&group, "a1.example", "gw1.example", false);
	struct yett_court *court = group.server->manage->court;
	struct yett_trust after = group_trust;
	struct yett_decision forged = {.group = group_trust.group,
		.name = "evil.example",
		.id = hostile_id_of(66),
		.verdict = YETT_DECIDED_APPROVED,
		.as = YETT_AS_AGENT,
		.issued_s = group_now_s(group.server),
		.expires_s = group_now_s(group.server) + 365 * DAY_S,
		.revision = UINT64_MAX};
	GByteArray *evil = g_byte_array_new(), *keys = g_byte_array_new();
	struct yett_signed_bytes bytes;
	struct yett_sign_key *third;
	struct yett_peer *upstream;
	g_autofree char *path = NULL;
	uint64_t session;

	third = make_group_key(&path);
	hostile_change_good(
		&group, "/v1/agents/approve", "{\"names\": [\"a1.example\"], \"ahead\": true}");
	world_start(agent);
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, group.gateway, "a1.example", true));
	session = hostile_peer_of(group.gateway, "a1.example")->session;
	CU_ASSERT_EQUAL(
		yett_decision_sign(&forged, court->server_key, court->certificate, evil), 0);
	upstream = hostile_peer_of(group.gateway, "ms.example");
	bytes = (struct yett_signed_bytes){.bytes = evil->data, .length = evil->len};
	yett_gate_take(group.gateway->manage, upstream, &bytes, 1);
	CU_ASSERT(hostile_knock_gate(&group, "evil.example", hostile_id_of(66)));
	/* The successor takes its place; the server has a certificate of it. */
	after.sequence = 2;
	memcpy(after.current, yett_sign_public(group_stranger_key), sizeof(after.current));
	memcpy(after.next, yett_sign_public(third), sizeof(after.next));
	CU_ASSERT_EQUAL(yett_trust_sign(&after, true, group_stranger_key, keys), 0);
	court->trust = after;
	g_byte_array_unref(court->certificate);
	court->certificate =
		group_certify(group_now_s(group.server), court->server_key, group_stranger_key);
	listen_to("decisions-ended");
	bytes = (struct yett_signed_bytes){.bytes = keys->data, .length = keys->len};
	yett_gate_take(group.gateway->manage, upstream, &bytes, 1);
	CU_ASSERT_EQUAL(heard_of(), 1);
	CU_ASSERT(!hostile_knock_gate(&group, "evil.example", hostile_id_of(66)));
	/* Nobody who is approved is sent away meanwhile. */
	world_run(group.world, 120 * YETT_SEC);
	CU_ASSERT(hostile_is_in(group.gateway, "a1.example"));
	CU_ASSERT_EQUAL(hostile_peer_of(group.gateway, "a1.example")->session, session);
	CU_ASSERT(!hostile_knock_gate(&group, "evil.example", hostile_id_of(66)));
	/* Nor after a start while it is cut off. */
	world_power(group.gateway, YETT_FAULTY_NOTHING);
	hostile_cut(&group, true);
	world_start(group.gateway);
	CU_ASSERT_EQUAL(group.gateway->manage->kept->trust.sequence, 2);
	CU_ASSERT(!hostile_knock_gate(&group, "evil.example", hostile_id_of(66)));
	CU_ASSERT(hostile_wait_until_in(&group, group.gateway, "a1.example", true));
	world_free(group.world);
	memcpy(group_trust.next, group_trust.current, sizeof(group_trust.next));
	yett_sign_free(third);
	g_unlink(path);
	g_byte_array_unref(evil);
	g_byte_array_unref(keys);
}

static void keys_that_have_gone_leave_no_file(void)
{
	struct group group = hostile_group_new(4);
	struct yett_settings *settings =
		(struct yett_settings *)(uintptr_t)group.server->node->settings;
	const char *own_state = settings->node.state;
	g_autofree char *old_path = NULL, *path = NULL, *next_path = NULL, *unnamed_path = NULL;
	struct yett_sign_key *old = make_group_key(&old_path), *current = make_group_key(&path);
	struct yett_sign_key *next = make_group_key(&next_path);
	struct yett_sign_key *unnamed = make_group_key(&unnamed_path);
	g_autofree char *old_hex = yett_hex(yett_sign_public(old), YETT_SIGN_PUBLIC_SIZE);
	g_autofree char *hex = yett_hex(yett_sign_public(current), YETT_SIGN_PUBLIC_SIZE);
	g_autofree char *next_hex = yett_hex(yett_sign_public(next), YETT_SIGN_PUBLIC_SIZE);
	g_autofree char *before = g_strdup_printf(
		"{\"id\": \"7f3c2d1e-0000-4000-8000-000000000001\", \"sequence\": 1, \"current\": "
		"\"%s\", \"next\": \"%s\", \"rollovers\": []}",
		old_hex, hex);
	g_autofree char *after = g_strdup_printf(
		"{\"id\": \"7f3c2d1e-0000-4000-8000-000000000001\", \"sequence\": 2, \"current\": "
		"\"%s\", \"next\": \"%s\", \"rollovers\": [], \"gone\": [\"%s\", \"%s\", 7]}",
		hex, next_hex, old_hex, hex);

	settings->node.state = state;
	/* As of a store that was put back: the successor's successor is named nowhere. */
	yett_court_apply(group.server->manage->court, YETT_TABLE_GROUP, "identity", before, 1000);
	CU_ASSERT(g_access(old_path, F_OK) == 0 && g_access(path, F_OK) == 0);
	CU_ASSERT(g_access(next_path, F_OK) == 0);
	yett_court_apply(group.server->manage->court, YETT_TABLE_GROUP, "identity", after, 1001);
	CU_ASSERT(g_access(old_path, F_OK) != 0);
	CU_ASSERT(g_access(path, F_OK) == 0);
	CU_ASSERT(g_access(next_path, F_OK) == 0);
	CU_ASSERT(g_access(unnamed_path, F_OK) == 0);
	settings->node.state = own_state;
	yett_sign_free(old);
	yett_sign_free(current);
	yett_sign_free(next);
	yett_sign_free(unnamed);
	world_free(group.world);
}

static void refused(void *arg, int result, json_t *json, const struct yett_error *error)
{
	CU_ASSERT_PTR_NULL(json);
	CU_ASSERT_EQUAL(result, error->code);
	*(struct yett_error *)arg = *error;
}

/* A group whose keys were rolled over so often, on a server that has not got the successor's. */
static void roll_over_after(struct group *group, unsigned count, struct yett_error *ret_error)
{
	struct yett_court *court = group->server->manage->court;
	const char *key = "11111111111111111111111111111111"
			  "11111111111111111111111111111111";
	json_t *rollovers = json_array();
	json_t *json;
	char *text;

	for (unsigned i = 0; i < count; i++) {
		json_array_append_new(rollovers, json_string("00"));
	}
	json = json_pack("{s:s, s:i, s:s, s:s, s:o}", "id", "7f3c2d1e-0000-4000-8000-000000000001",
		"sequence", (int)count + 1, "current", key, "next", key, "rollovers", rollovers);
	text = json_dumps(json, JSON_COMPACT);
	yett_court_apply(court, YETT_TABLE_GROUP, "identity", text, 1000 + count);
	yett_group_rollover(court, false, "root", refused, ret_error);
	json_decref(json);
	free(text);
}

static void the_last_rollover_is_told_as_such(void)
{
	struct group group = hostile_group_new(5);
	struct yett_settings *settings =
		(struct yett_settings *)(uintptr_t)group.server->node->settings;
	const char *own_state = settings->node.state;
	struct yett_error error = YETT_ERROR_INIT;

	settings->node.state = state;
	roll_over_after(&group, 63, &error);
	CU_ASSERT_EQUAL(error.code, YETT_ENOTFOUND);
	CU_ASSERT(strstr(error.text, "has not got the key") != NULL);
	roll_over_after(&group, 64, &error);
	CU_ASSERT_EQUAL(error.code, YETT_ENOTSUP);
	CU_ASSERT(strstr(error.text, "64 times") != NULL);
	settings->node.state = own_state;
	world_free(group.world);
}

static int begin(void)
{
	state = g_dir_make_tmp("yett-bounds-XXXXXX", NULL);
	return state != NULL ? group_keys_begin() : -1;
}

/* A store may give back a name that is longer than it was, each byte that it has no place for being three: it is
 * cut between two characters, since a key of the registry is made of it. */
static void a_name_is_cut_between_characters(void)
{
	struct group group = hostile_group_new(9);
	struct yett_manage *manage = group.server->manage;
	struct yett_seen_state said = {.origin = hostile_id_of(77),
		.state = YETT_STATE_CRITICAL,
		.place = {.time_ns = 1},
		.output = (char *)(uintptr_t) "x"};
	const GPtrArray *checks;
	GString *name = g_string_new("a");

	while (name->len < YETT_RECORD_MAX_NAME) {
		g_string_append(name, "\xef\xbf\xbd");
	}
	g_string_truncate(name, YETT_RECORD_MAX_NAME);
	said.name = name->str;
	CU_ASSERT_FALSE(g_utf8_validate(name->str, -1, NULL));
	yett_checks_saw(manage, &said);
	yett_checks_saw(manage, &said);
	checks = yett_checks_of(manage, &said.origin);
	CU_ASSERT_PTR_NOT_NULL_FATAL(checks);
	CU_ASSERT_EQUAL(checks->len, 1);
	CU_ASSERT(g_utf8_validate(((const struct yett_check *)checks->pdata[0])->name, -1, NULL));
	g_string_free(name, TRUE);
	world_free(group.world);
}

static int end(void)
{
	int result = folder_remove(state);

	g_free(state);
	return result + group_keys_end();
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"who may be barred is refused", who_may_be_barred_is_refused},
		{"a no that cannot be written lets nobody in",
			a_no_that_cannot_be_written_lets_nobody_in},
		{"a key in other hands lets nobody in", a_key_in_other_hands_lets_nobody_in},
		{"keys that have gone leave no file", keys_that_have_gone_leave_no_file},
		{"the last rollover is told as such", the_last_rollover_is_told_as_such},
		{"a name is cut between characters", a_name_is_cut_between_characters},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("bounds", begin, end, tests);
	return suite_end(argc, argv);
}
