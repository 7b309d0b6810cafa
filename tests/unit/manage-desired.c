/* Desired state in the simulated world: set on a management server, brought to a gateway behind another
 * one, checked, kept, answered; and what counts for nothing there. With nodes of production code, in
 * virtual time; the keys are in a folder of the test's own. */
#include <glib/gstdio.h>
#include <string.h>
#include <time.h>

#include "group-world.h"
#include "manage/desired/aimed.h"
#include "manage/views/views.h"
#include "suite.h"

static uint64_t heartbeat_s(const struct group *group)
{
	return group->branch->node->settings->node.heartbeat_ns / YETT_SEC;
}

static void a_value_is_set_confirmed_and_kept(void)
{
	struct group group = group_new(1);

	CU_ASSERT_EQUAL(heartbeat_s(&group), 60);
	group_set(&group,
		"{\"name\": \"branch.example\", \"values\": {\"HeartbeatInterval\": \"7\"}}",
		2 * YETT_SEC);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 7);
	group_expect_state(&group, "applied", "");
	world_power(group.branch, YETT_FAULTY_NOTHING);
	world_start(group.branch);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 7);
	world_run(group.world, 5 * YETT_SEC);
	group_set(&group, "{\"name\": \"branch.example\", \"unset\": [\"HeartbeatInterval\"]}",
		2 * YETT_SEC);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 60);
	group_expect_state(&group, "applied", "");
	group_free(&group);
}

static void what_is_wrong_is_refused_before_it_is_stored(void)
{
	static const struct {
		const char *body, *text, *mend;
	} table[] = {
		{"{\"name\": \"brunch.example\", \"values\": {\"HeartbeatInterval\": \"7\"}}",
			"no node of the name brunch.example", "did you mean branch.example?"},
		{"{\"name\": \"branch.example\", \"values\": {\"node.heartbeet\": \"7\"}}",
			"node.heartbeet is no setting", ""},
		{"{\"name\": \"branch.example\", \"values\": {\"HeartbeatInterval\": \"2 d\"}}",
			"out of range", ""},
		{"{\"name\": \"branch.example\", \"values\": {\"node.state\": \"/tmp\"}}",
			"no setting that may be set remotely", ""},
		{"{\"name\": \"branch.example\", \"values\": {\"alerts.command\": \"/bin/sh\"}}",
			"no setting that may be set remotely", ""},
		{"{\"name\": \"branch.example\", \"values\": {\"node.display-name\": 7}}",
			"has no value", ""},
		{"{\"name\": \"branch.example\", \"upstreams\": [{\"name\": \"gw9.example\"}]}",
			"no management server, and no gateway", "did you mean gw"},
		{"{\"name\": \"gw1.example\", \"upstreams\": [{\"name\": \"branch.example\"}]}",
			"in a ring", ""},
		{"{\"name\": \"branch.example\", \"upstreams\": [{\"name\": \"gw2.example\", "
		 "\"address\": \"no port:\"}]}",
			"address", ""},
		{"{\"name\": \"ms.example\", \"values\": {\"HeartbeatInterval\": \"7\"}}",
			"is a management server", ""},
		{"{\"name\": \"branch.example\", \"values\": {\"MaximumQueueSizeBytes\": \"7\"}}",
			"MaximumQueueSizeBytes is not set from afar", "queue.size in its own file"},
		{"{\"name\": \"branch.example\", \"values\": {\"queue.size\": \"7 MiB\"}}",
			"queue.size is not set from afar", "queue.size in its own file"},
		{"{\"name\": \"branch.example\", \"values\": "
		 "{\"AutoApproveManuallyInstalledAgents\": \"true\"}}",
			"is not set from afar", "yettctl group set"},
		{"{\"name\": \"branch.example\", \"values\": {\"policy.\": \"7\"}}",
			"no setting that may be set remotely", ""},
	};
	struct group group = group_new(2);

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct group_answer answer;

		group_ask(&group, table[i].body, &answer);
		CU_ASSERT(answer.came && answer.result != 0);
		if (strstr(answer.text, table[i].text) == NULL ||
			strstr(answer.mend, table[i].mend) == NULL) {
			fprintf(stderr, "%s: %s; %s\n", table[i].body, answer.text, answer.mend);
			CU_FAIL("another refusal than wanted");
		}
	}
	world_run(group.world, 2 * YETT_SEC);
	group_expect_state(&group, "nothing is set", "");
	group_free(&group);
}

/* One of the properties of a node; given. */
static json_t *property(const struct group *group, const char *name, const char *property)
{
	json_t *json = yett_view_desired(group->server->manage, name), *row, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(json, "properties"), i, row)
	{
		if (g_strcmp0(json_string_value(json_object_get(row, "property")), property) == 0) {
			CU_ASSERT_PTR_NULL(found);
			found = json_incref(row);
		}
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(found);
	json_decref(json);
	return found;
}

static void expect_property(const struct group *group, const char *name, const char *what,
	const char *applied, const char *source)
{
	json_t *row = property(group, name, what), *value = json_object_get(row, "applied");
	g_autofree char *text = json_dumps(value, JSON_ENCODE_ANY);

	if (strcmp(text, applied) != 0 ||
		g_strcmp0(json_string_value(json_object_get(row, "source")), source) != 0) {
		fprintf(stderr, "%s of %s: %s\n", what, name, text);
		CU_FAIL("another property than wanted");
	}
	json_decref(row);
}

static void every_property_says_whose_word_it_is(void)
{
	static const char *const names[] = {"HealthState", "Name", "DisplayName", "PrincipalName",
		"AuthenticationName", "NetworkName", "ComputerName", "Domain", "IPAddress",
		"Version", "IsGateway", "IsRootManagementServer", "ManagementGroup",
		"ManagementGroupId", "CommunicationPort", "CreateListener", "RequestCompression",
		"HeartbeatInterval", "MissingHeartbeatThreshold", "MaximumQueueSizeBytes",
		"MaximumSizeOfAllTransferredFilesBytes", "ProxyingEnabled",
		"AutoApproveManuallyInstalledAgents", "RejectManuallyInstalledAgents",
		"ManuallyInstalled", "InstallTime", "InstalledBy", "LastModified",
		"ActionAccountIdentity"};
	struct group group = group_new(20);

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		json_decref(property(&group, BRANCH, names[i]));
		json_decref(property(&group, "ms.example", names[i]));
	}
	expect_property(&group, BRANCH, "NetworkName", "\"branch.example\"", "node");
	expect_property(&group, BRANCH, "Domain", "\"example\"", "node");
	expect_property(&group, BRANCH, "IsGateway", "true", "node");
	expect_property(&group, BRANCH, "RequestCompression", "null", "file");
	expect_property(&group, BRANCH, "RejectManuallyInstalledAgents", "true", "group");
	expect_property(&group, "ms.example", "IsRootManagementServer", "true", "node");
	expect_property(&group, "ms.example", "HeartbeatInterval", "\"60 s\"", "node");
	group_set(&group,
		"{\"name\": \"branch.example\", \"values\": {\"RequestCompression\": \"false\"}}",
		2 * YETT_SEC);
	CU_ASSERT(!group.branch->node->settings->node.compress);
	expect_property(&group, BRANCH, "RequestCompression", "\"false\"", "desired");
	group_free(&group);
}

/* What the schema marks: of the core, and of the policy by its own. */
static void what_the_schema_marks_can_be_set(void)
{
	struct group group = group_new(21);
	const struct yett_block *policy;
	const void *before = group.branch->node->settings->policy.settings;

	group_set(&group,
		"{\"name\": \"branch.example\", \"values\": {\"policy.failback\": \"7\", "
		"\"node.events\": \"none\", \"linger.batch\": \"2 KiB\", "
		"\"node.session-max\": \"2 h\"}}",
		2 * YETT_SEC);
	group_expect_state(&group, "applied", "");
	policy = &group.branch->node->settings->policy;
	CU_ASSERT_PTR_NOT_EQUAL(policy->settings, before);
	for (const struct yett_schema *row = policy->descriptor->schema; row->name != NULL; row++) {
		if (strcmp(row->name, "failback") == 0) {
			uint64_t value;

			memcpy(&value, (const char *)policy->settings + row->offset, sizeof(value));
			CU_ASSERT_EQUAL(value, 7 * YETT_SEC);
		}
	}
	CU_ASSERT_EQUAL(group.branch->node->settings->linger.batch_bytes, 2048);
	group_set(&group,
		"{\"name\": \"branch.example\", \"values\": {\"policy.fallback\": \"7\"}}",
		2 * YETT_SEC);
	group_expect_state(&group, "refused", "policy.fallback is no setting of the policy");
	group_set(&group,
		"{\"name\": \"branch.example\", \"unset\": [\"policy.fallback\"], \"values\": "
		"{\"node.reconnect-max\": \"1 ms\"}}",
		2 * YETT_SEC);
	group_expect_state(&group, "refused", "reconnect-min");
	group_free(&group);
}

/* Seconds of this thread for one pass over `count` nodes for whom something is set, and who are not here. */
static double pass_s(struct group *group, unsigned from, unsigned count)
{
	struct yett_manage *manage = group->server->manage;
	double best = 1e9;

	for (unsigned i = from; i < count; i++) {
		struct yett_id id = {
			.bytes = {9, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
		g_autofree char *name = g_strdup_printf("n%05u.example", i);

		yett_known_describe(manage, yett_known_ensure(manage, &id), name, "", "", "");
		yett_court_apply(manage->court, YETT_TABLE_DESIRED, name,
			"{\"values\": {\"node.heartbeat\": \"7 s\"}, \"upstreams\": []}", i + 1);
	}
	for (int i = 0; i < 5; i++) {
		clock_t begun = clock();

		manage->desire = true;
		manage->desire_ns = 0;
		yett_desired_tick(manage, yett_now(manage->node));
		best = MIN(best, (double)(clock() - begun) / CLOCKS_PER_SEC);
	}
	return best;
}

/* Eight times as many take eight times as long, or so, and not sixty-four times. */
static void what_is_set_for_many_is_sent_in_one_pass(void)
{
	struct group group = group_new(22);
	double few_s = pass_s(&group, 0, 1000), many_s = pass_s(&group, 1000, 8000);

	CU_ASSERT(many_s < 24 * MAX(few_s, 0.0005));
	if (many_s >= 24 * MAX(few_s, 0.0005)) {
		fprintf(stderr, "1,000 take %f s, 8,000 take %f s\n", few_s, many_s);
	}
	group_free(&group);
}

/* The identity of the group after a rollover since its key was in other hands. */
static void roll_over(struct group *group, const struct yett_sign_key *third)
{
	struct yett_court *court = group->server->manage->court;
	struct yett_trust after = group_trust;
	GByteArray *keys = g_byte_array_new();
	g_autofree char *text = NULL;
	json_t *json;

	after.sequence = 2;
	memcpy(after.current, yett_sign_public(group_stranger_key), sizeof(after.current));
	memcpy(after.next, yett_sign_public(third), sizeof(after.next));
	CU_ASSERT_EQUAL(yett_trust_sign(&after, true, group_stranger_key, keys), 0);
	{
		g_autofree char *current = yett_hex(after.current, sizeof(after.current));
		g_autofree char *next = yett_hex(after.next, sizeof(after.next));
		g_autofree char *rollover = yett_hex(keys->data, keys->len);

		json = json_pack("{s:s, s:i, s:s, s:s, s:[s], s:i}", "id",
			"7f3c2d1e-0000-4000-8000-000000000001", "sequence", 2, "current", current,
			"next", next, "rollovers", rollover, "compromised", 2);
	}
	text = json_dumps(json, JSON_COMPACT);
	yett_court_apply(court, YETT_TABLE_GROUP, "identity", text, 100000);
	CU_ASSERT_EQUAL(court->trust.sequence, 2);
	g_byte_array_unref(court->certificate);
	court->certificate =
		group_certify(group_now_s(group->server), court->server_key, group_stranger_key);
	json_decref(json);
	g_byte_array_unref(keys);
}

static struct yett_sign_key *third_key(void)
{
	g_autofree char *folder = g_dir_make_tmp("yett-third-XXXXXX", NULL);
	g_autofree char *path = g_strdup_printf("%s/key", folder);
	struct yett_error error = {.code = 0};
	struct yett_sign_key *key = NULL;

	CU_ASSERT_EQUAL_FATAL(yett_sign_generate(path, &key, &error), 0);
	g_unlink(path);
	g_rmdir(folder);
	return key;
}

/* Whoever has the key sets a node with the highest revision of all; then the key is rolled over. */
static void what_a_key_in_other_hands_has_set_is_replaced(void)
{
	struct yett_desired forged = {.group = group_trust.group,
		.name = BRANCH,
		.generation = UINT64_MAX,
		.revision = UINT64_MAX,
		.value_count = 1,
		.values = {{"node.heartbeat", "9 s"}}};
	struct yett_sign_key *third = third_key();
	GByteArray *bytes = g_byte_array_new();
	struct group group;

	memcpy(group_trust.next, yett_sign_public(group_stranger_key), sizeof(group_trust.next));
	group = group_new(24);
	group_set(&group,
		"{\"name\": \"branch.example\", \"values\": {\"HeartbeatInterval\": \"7\"}}",
		2 * YETT_SEC);
	group_expect_state(&group, "applied", "");
	forged.issued_s = group_now_s(group.server);
	forged.expires_s = forged.issued_s + DAY_S;
	CU_ASSERT_EQUAL(yett_desired_sign(&forged, group.key, group.certificate, bytes), 0);
	yett_aim_take(group.branch->manage, bytes->data, bytes->len);
	world_run(group.world, 30 * YETT_SEC);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 9);
	roll_over(&group, third);
	/* It dies as soon as it has heard of the keys, and knows it when it starts. */
	for (int i = 0; i < 3000 && group.branch->manage->kept->trust.sequence == 1; i++) {
		world_run(group.world, 10 * YETT_MS);
	}
	CU_ASSERT_EQUAL(group.branch->manage->kept->trust.sequence, 2);
	world_power(group.branch, YETT_FAULTY_NOTHING);
	world_start(group.branch);
	world_run(group.world, 60 * YETT_SEC);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 7);
	group_expect_state(&group, "applied", "");
	world_power(group.branch, YETT_FAULTY_NOTHING);
	world_start(group.branch);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 7);
	memcpy(group_trust.next, group_trust.current, sizeof(group_trust.next));
	yett_sign_free(third);
	g_byte_array_unref(bytes);
	group_free(&group);
}

static void two_administrators_lose_nothing(void)
{
	struct group group = group_new(3);
	struct group_answer one, other;

	group_ask(&group,
		"{\"name\": \"branch.example\", \"values\": {\"HeartbeatInterval\": \"7\"}}", &one);
	group_ask(&group,
		"{\"name\": \"branch.example\", \"values\": {\"DisplayName\": \"Branch\"}}",
		&other);
	world_run(group.world, 2 * YETT_SEC);
	CU_ASSERT(one.came && one.result == 0);
	CU_ASSERT(other.came && other.result == YETT_ECONFLICT);
	CU_ASSERT_PTR_NOT_NULL(strstr(other.text, "node.heartbeat = 7"));
	CU_ASSERT_PTR_NOT_NULL(strstr(other.text, "by somebody"));
	group_set(&group,
		"{\"name\": \"branch.example\", \"values\": {\"DisplayName\": \"Branch\"}}",
		2 * YETT_SEC);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 7);
	CU_ASSERT_STRING_EQUAL(group.branch->node->settings->node.display_name, "Branch");
	group_free(&group);
}

/* What comes from the gateway above, whatever that is. */

static struct yett_desired desired_of(
	const struct group *group, uint64_t revision, const char *name, const char *value)
{
	struct yett_desired desired = {.group = group_trust.group,
		.name = BRANCH,
		.issued_s = group_now_s(group->server),
		.expires_s = group_now_s(group->server) + DAY_S,
		.generation = 99,
		.revision = revision,
		.value_count = 1};

	g_strlcpy(desired.values[0].name, name, sizeof(desired.values[0].name));
	g_strlcpy(desired.values[0].value, value, sizeof(desired.values[0].value));
	return desired;
}

static GByteArray *signed_by(const struct yett_desired *desired, const struct yett_sign_key *key,
	const GByteArray *certificate)
{
	GByteArray *bytes = g_byte_array_new();

	CU_ASSERT_EQUAL_FATAL(yett_desired_sign(desired, key, certificate, bytes), 0);
	return bytes;
}

static void give(struct group *group, GByteArray *bytes)
{
	struct yett_management calls = yett_manage_calls(group->branch->manage);
	const struct yett_link *link = group->branch->node->links->pdata[0];
	struct yett_config *message = g_new0(struct yett_config, 1);

	message->node = group->branch->node->id;
	message->signed_count = 1;
	message->signeds[0].bytes = bytes->data;
	message->signeds[0].length = bytes->len;
	calls.config(calls.arg, link->peer, message);
	world_run(group->world, 2 * YETT_SEC);
	g_free(message);
	g_byte_array_unref(bytes);
}

static void nothing_else_counts(void)
{
	struct group group = group_new(4);
	struct yett_desired good = desired_of(&group, 5, "node.heartbeat", "7 s");
	struct yett_desired bad = good;
	GByteArray *foreign = group_certify(
			   group_now_s(group.server), group_stranger_key, group_stranger_key),
		   *ended = group_certify(
			   group_now_s(group.server) - 368 * DAY_S, group.key, group_own_key),
		   *bytes;

	give(&group, signed_by(&good, group_stranger_key, foreign)); /* of no server */
	give(&group, signed_by(&good, group_stranger_key, group.certificate));
	give(&group, signed_by(&good, group.key, NULL));
	bytes = signed_by(&good, group.key, group.certificate);
	bytes->data[60] ^= 1;
	give(&group, bytes);
	bytes = g_byte_array_new(); /* nothing at all */
	g_byte_array_append(bytes, (const guint8 *)"signed", 6);
	give(&group, bytes);
	memset(&bad.group, 9, sizeof(bad.group)); /* of another group */
	give(&group, signed_by(&bad, group.key, group.certificate));
	bad = good;
	g_strlcpy(bad.name, "gw2.example", sizeof(bad.name)); /* for another node */
	give(&group, signed_by(&bad, group.key, group.certificate));
	bad = good;
	bad.issued_s -= 3 * DAY_S; /* its time is over */
	bad.expires_s -= 3 * DAY_S;
	give(&group, signed_by(&bad, group.key, group.certificate));
	bad = good;
	bad.issued_s -= 4 * DAY_S; /* within the time of a certificate that has run out since */
	give(&group, signed_by(&bad, group.key, ended));
	bad = good;
	bad.expires_s = bad.issued_s + 366 * DAY_S; /* longer than any */
	give(&group, signed_by(&bad, group.key, group.certificate));
	CU_ASSERT_EQUAL(heartbeat_s(&group), 60);
	give(&group, signed_by(&good, group.key, group.certificate));
	CU_ASSERT_EQUAL(heartbeat_s(&group), 7);
	bad = desired_of(&group, 4, "node.heartbeat", "9 s"); /* played back */
	give(&group, signed_by(&bad, group.key, group.certificate));
	bad.generation = 98;
	bad.revision = 6;
	give(&group, signed_by(&bad, group.key, group.certificate));
	CU_ASSERT_EQUAL(heartbeat_s(&group), 7);
	world_kill(group.branch); /* nor after a start */
	world_start(group.branch);
	world_run(group.world, 5 * YETT_SEC);
	give(&group, signed_by(&bad, group.key, group.certificate));
	CU_ASSERT_EQUAL(heartbeat_s(&group), 7);
	g_byte_array_unref(foreign);
	g_byte_array_unref(ended);
	group_free(&group);
}

/* A server whose schema is another one, or that is taken over: the node holds it against its own. */
static void the_node_refuses_what_its_schema_does(void)
{
	static const char *const table[][2] = {
		{"node.heartbeat", "0 s"},
		{"node.heartbeat", "2 d"},
		{"node.state", "/tmp"},
		{"node.user", "root"},
		{"group.kit", "/tmp/kit"},
		{"module-directory", "/tmp"},
		{"alerts.command", "/bin/sh"},
		{"node.display-name", "a\"; user = \"root"}, /* a name, if an odd one */
		{"upstreams", "x"},
	};
	struct group group = group_new(5);
	uint64_t revision = 1;

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct yett_desired desired =
			desired_of(&group, revision++, table[i][0], table[i][1]);
		const struct yett_settings *settings;

		give(&group, signed_by(&desired, group.key, group.certificate));
		settings = group.branch->node->settings;
		CU_ASSERT_EQUAL(heartbeat_s(&group), 60);
		CU_ASSERT_STRING_EQUAL(settings->node.user, "");
		CU_ASSERT_STRING_EQUAL(settings->node.state, "/branch.example/state");
		CU_ASSERT_EQUAL(settings->alerts.command.count, 0);
	}
	group_free(&group);
}

/* How the server judges the branch that was silent for so long, and says that data waits for so long. */
static void expect_health(
	struct group *group, uint64_t silent_s, uint32_t backlog_s, enum yett_health want)
{
	struct yett_manage *manage = group->server->manage;
	struct yett_known *known = (struct yett_known *)(uintptr_t)yett_known_named(manage, BRANCH);
	struct yett_diagnosis verdict;

	known->heard_at_ns = yett_now(manage->node) - silent_s * YETT_SEC;
	known->backlog_s = backlog_s;
	yett_manage_judge(manage, known, &verdict);
	if (verdict.health != want) {
		fprintf(stderr, "%s: %s\n", yett_health_text(verdict.health), verdict.cause);
		CU_FAIL("another health than wanted");
	}
}

static void it_is_judged_by_what_is_set_for_it(void)
{
	struct group group = group_new(22);

	world_run(group.world, 400 * YETT_SEC);
	expect_health(&group, 170, 0, YETT_HEALTH_HEALTHY);
	expect_health(&group, 200, 0, YETT_HEALTH_UNREACHABLE);
	expect_health(&group, 0, 90, YETT_HEALTH_WARNING);
	group_set(&group,
		"{\"name\": \"branch.example\", \"values\": {\"MissingHeartbeatThreshold\": \"5\", "
		"\"node.backlog-warning\": \"120\"}}",
		2 * YETT_SEC);
	expect_health(&group, 290, 90, YETT_HEALTH_HEALTHY);
	expect_health(&group, 310, 0, YETT_HEALTH_UNREACHABLE);
	group_set(&group,
		"{\"name\": \"branch.example\", \"values\": {\"node.backlog-warning\": \"80 s\"}}",
		2 * YETT_SEC);
	expect_health(&group, 0, 90, YETT_HEALTH_WARNING);
	group_free(&group);
}

static void pinned_stays(void)
{
	static const char *names[] = {"node.heartbeat", "node.missing-heartbeats"};
	struct group group = group_new(6);
	json_t *json;

	/* As its own file would say. */
	((struct yett_settings *)(uintptr_t)group.branch->node->settings)->node.pinned =
		(struct yett_list){2, names};
	group_set(&group,
		"{\"name\": \"branch.example\", \"values\": {\"HeartbeatInterval\": \"7\", "
		"\"MissingHeartbeatThreshold\": \"5\", \"DisplayName\": \"Branch\"}}",
		2 * YETT_SEC);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 60);
	CU_ASSERT_STRING_EQUAL(group.branch->node->settings->node.display_name, "Branch");
	json = yett_view_desired(group.server->manage, BRANCH);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json, "pinned")),
		"node.heartbeat node.missing-heartbeats");
	json_decref(json);
	expect_health(
		&group, 200, 0, YETT_HEALTH_UNREACHABLE); /* by 3, as the server's file says */
	group_free(&group);
}

#define TO_SECOND                                                                                  \
	"{\"name\": \"branch.example\", \"upstreams\": [{\"name\": \"gw2.example\", "              \
	"\"address\": \"%s\"}]}"

static void move(struct group *group, const char *address, uint64_t run_ns)
{
	g_autofree char *body = g_strdup_printf(TO_SECOND, address);

	group_set(group, body, run_ns);
}

static void it_moves_to_what_is_up(void)
{
	struct group group = group_new(7);

	move(&group, world_address("gw2.example"), 5 * YETT_SEC);
	group_expect_links(group.branch, "gw2.example");
	group_expect_state(&group, "applied", "");
	world_kill(group.branch);
	world_start(group.branch);
	group_expect_links(group.branch, "gw2.example");
	/* And to another address of the same. */
	move(&group, "10.9.9.9:1", 5 * YETT_SEC);
	group_expect_state(&group, "trying", "");
	world_run(group.world, 11 * 60 * YETT_SEC);
	group_expect_step(group.server, BRANCH, "rolled back", "gw2.example");
	group_expect_state(&group, "applied", "");
	group_expect_links(group.branch, "gw2.example");
	group_free(&group);
}

static void what_strands_it_is_rolled_back(void)
{
	struct group group = group_new(8);

	move(&group, "10.9.9.9:1", 5 * YETT_SEC);
	group_expect_state(&group, "trying", "");
	group_expect_links(group.branch, "gw1.example gw2.example"); /* the old way stays */
	world_run(group.world, 9 * 60 * YETT_SEC);
	group_expect_state(&group, "trying", "");
	world_run(group.world, 2 * 60 * YETT_SEC);
	group_expect_step(group.server, BRANCH, "rolled back", "none of the new upstreams");
	group_expect_links(group.branch, "gw1.example");
	/* What it should be like is as it was, too: the next change does not bring them again. */
	group_expect_state(&group, "applied", "");
	group_set(&group,
		"{\"name\": \"branch.example\", \"values\": {\"HeartbeatInterval\": \"7\"}}",
		5 * YETT_SEC);
	group_expect_links(group.branch, "gw1.example");
	group_expect_state(&group, "applied", "");
	world_kill(group.branch); /* and stays so */
	world_start(group.branch);
	world_run(group.world, 5 * YETT_SEC);
	group_expect_links(group.branch, "gw1.example");
	CU_ASSERT_EQUAL(heartbeat_s(&group), 7);
	group_free(&group);
}

static void it_dies_between_receiving_and_confirming(void)
{
	struct group group = group_new(9);

	move(&group, world_address("gw2.example"), YETT_MS);
	CU_ASSERT(group_wait_step(&group, group.server, BRANCH, "push", 5 * YETT_SEC));
	world_kill(group.second);
	world_run(group.world, 5 * YETT_SEC);
	group_expect_state(&group, "trying", "");
	world_power(group.branch, YETT_FAULTY_NOTHING);
	world_start(group.second);
	world_start(group.branch);
	group_expect_links(group.branch, "gw2.example gw1.example");
	world_run(group.world, 10 * YETT_SEC);
	group_expect_links(group.branch, "gw2.example");
	group_expect_step(group.server, BRANCH, "done", "");
	group_free(&group);
}

static void one_that_is_away_gets_it_when_it_comes(void)
{
	struct group group = group_new(10);

	world_kill(group.branch);
	world_run(group.world, 60 * YETT_SEC);
	group_set(&group,
		"{\"name\": \"branch.example\", \"values\": {\"HeartbeatInterval\": \"7\"}}",
		2 * YETT_SEC);
	group_expect_state(&group, "sent when the node is reached", "");
	world_start(group.branch);
	world_run(group.world, 10 * YETT_SEC);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 7);
	group_expect_state(&group, "applied", "");
	group_free(&group);
}

static void a_damaged_file_counts_for_nothing(void)
{
	struct group group = group_new(11);
	struct yett_desired desired = desired_of(&group, 5, "node.heartbeat", "7 s");
	GByteArray *bytes = signed_by(&desired, group.key, group.certificate), *file;
	struct yett_aimed *aimed = yett_aimed_new();
	struct yett_error error = {.code = 0};

	CU_ASSERT_EQUAL(
		yett_desired_open(&group_trust, bytes->data, bytes->len, &desired, &error), 0);
	yett_aimed_set(&aimed->newest, &desired, bytes->data, bytes->len);
	yett_aimed_copy(&aimed->settled, &aimed->newest);
	aimed->state = YETT_APPLIED_DONE;
	file = yett_aimed_write(aimed);
	yett_aimed_free(aimed);
	for (guint at = 0; at < file->len; at++) {
		aimed = yett_aimed_new();
		file->data[at] ^= 0x40;
		(void)yett_aimed_read(aimed, &group_trust, NULL, BRANCH, file->data, file->len);
		CU_ASSERT(!aimed->settled.there ||
			  memcmp(&aimed->settled.desired, &desired, sizeof(desired)) == 0);
		CU_ASSERT(!aimed->newest.there || aimed->newest.desired.revision == 5);
		file->data[at] ^= 0x40;
		CU_ASSERT(!yett_aimed_read(aimed, &group_trust, NULL, BRANCH, file->data, at));
		yett_aimed_free(aimed);
	}
	aimed = yett_aimed_new();
	CU_ASSERT(yett_aimed_read(aimed, &group_trust, NULL, BRANCH, file->data, file->len));
	CU_ASSERT(aimed->settled.there && aimed->newest.there);
	yett_aimed_free(aimed);
	aimed = yett_aimed_new();
	CU_ASSERT(
		!yett_aimed_read(aimed, &group_trust, NULL, "gw2.example", file->data, file->len));
	CU_ASSERT(!aimed->settled.there && !aimed->newest.there);
	yett_aimed_free(aimed);
	g_byte_array_unref(file);
	g_byte_array_unref(bytes);
	group_free(&group);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"a value is set, confirmed and kept", a_value_is_set_confirmed_and_kept},
		{"what is wrong is refused before it is stored",
			what_is_wrong_is_refused_before_it_is_stored},
		{"every property says whose word it is", every_property_says_whose_word_it_is},
		{"what the schema marks can be set", what_the_schema_marks_can_be_set},
		{"what is set for many is sent in one pass",
			what_is_set_for_many_is_sent_in_one_pass},
		{"what a key in other hands has set is replaced",
			what_a_key_in_other_hands_has_set_is_replaced},
		{"two administrators lose nothing", two_administrators_lose_nothing},
		{"nothing else counts", nothing_else_counts},
		{"the node refuses what its schema does", the_node_refuses_what_its_schema_does},
		{"pinned stays", pinned_stays},
		{"it is judged by what is set for it", it_is_judged_by_what_is_set_for_it},
		{"it moves to what is up", it_moves_to_what_is_up},
		{"what strands it is rolled back", what_strands_it_is_rolled_back},
		{"it dies between receiving and confirming",
			it_dies_between_receiving_and_confirming},
		{"one that is away gets it when it comes", one_that_is_away_gets_it_when_it_comes},
		{"a damaged file counts for nothing", a_damaged_file_counts_for_nothing},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("desired", group_keys_begin, group_keys_end, tests);
	return suite_end(argc, argv);
}
