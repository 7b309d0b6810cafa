/* Desired state in the simulated world: set on a management server, brought to a gateway behind another
 * one, checked, kept, answered; and what counts for nothing there. With nodes of production code, in
 * virtual time; the keys are in a folder of the test's own. */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"
#include "folder.h"
#include "manage/aimed.h"
#include "manage/court.h"
#include "manage/kept.h"
#include "manage/views.h"
#include "simulation/world.h"
#include "suite.h"

#define GROUP  "group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
#define BRANCH "branch.example"
#define DAY_S  INT64_C(86400)

static char *folder;
static struct yett_sign_key *group_key, *stranger_key;
static struct yett_trust trust;
static unsigned made;

static struct yett_sign_key *make_key(void)
{
	g_autofree char *path = g_strdup_printf("%s/key%u", folder, made++);
	struct yett_error error = {.code = 0};
	struct yett_sign_key *key = NULL;

	if (yett_sign_generate(path, &key, &error) != 0) {
		abort();
	}
	return key;
}

static int begin(void)
{
	folder = g_dir_make_tmp("yett-desired-XXXXXX", NULL);
	if (folder == NULL) {
		return -1;
	}
	group_key = make_key();
	stranger_key = make_key();
	yett_id_parse("7f3c2d1e-0000-4000-8000-000000000001", &trust.group);
	trust.sequence = 1;
	memcpy(trust.current, yett_sign_public(group_key), sizeof(trust.current));
	memcpy(trust.next, yett_sign_public(group_key), sizeof(trust.next));
	return 0;
}

static int end(void)
{
	int result;

	yett_sign_free(group_key);
	yett_sign_free(stranger_key);
	result = folder_remove(folder);
	g_free(folder);
	return result;
}

/* A server that signs for the group, two gateways of it, and one behind the first. */
struct group {
	struct world *world;
	struct world_node *server, *first, *second, *branch;
	struct yett_sign_key *key; /* the server's, and its certificate: for forgeries */
	GByteArray *certificate;
};

static int64_t now_s(const struct world_node *node)
{
	return yett_clock_wall(node->node->clock) / (int64_t)YETT_SEC;
}

static GByteArray *certify(
	const struct group *group, const struct yett_sign_key *key, const struct yett_sign_key *by)
{
	struct yett_server_certificate of = {.group = trust.group,
		.name = "ms.example",
		.issued_s = now_s(group->server) - DAY_S,
		.expires_s = now_s(group->server) + 365 * DAY_S};
	GByteArray *bytes = g_byte_array_new();

	memcpy(of.key, yett_sign_public(key), sizeof(of.key));
	if (yett_server_certificate_sign(&of, by, bytes) != 0) {
		abort();
	}
	return bytes;
}

static struct world_node *add_gateway(struct world *world, const char *name, const char *upstream)
{
	return world_add(world, name,
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"**\" ]; } );\n"
		"upstreams = ( { name = \"%s\"; address = \"%s\"; } );\n",
		world_address(name), upstream, world_address(upstream));
}

static char *write_kit(void)
{
	char *path = g_strdup_printf("%s/kit%u", folder, made++), id[YETT_ID_TEXT_SIZE];
	g_autofree char *current = yett_hex(trust.current, sizeof(trust.current));
	g_autofree char *next = yett_hex(trust.next, sizeof(trust.next));
	g_autofree char *text = g_strdup_printf(
		"{\"yett_kit\": 1, \"node\": \"" BRANCH "\", \"group\": {\"name\": \"HOME\", "
		"\"id\": \"%s\", \"sequence\": 1, \"current\": \"%s\", \"next\": \"%s\"}}",
		yett_id_text(&trust.group, id), current, next);

	if (!g_file_set_contents(path, text, -1, NULL)) {
		abort();
	}
	return path;
}

static struct group group_new(uint64_t seed)
{
	struct group group = {.world = world_new(seed)};
	g_autofree char *kit = write_kit();
	struct yett_court *court;

	group.server = world_add(group.world, "ms.example",
		GROUP
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"**\" ]; } );\n"
		"store = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	group.first = add_gateway(group.world, "gw1.example", "ms.example");
	group.second = add_gateway(group.world, "gw2.example", "ms.example");
	group.branch = world_add(group.world, BRANCH,
		"group = { kit = \"%s\"; };\n"
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"upstreams = ( { name = \"gw1.example\"; address = \"%s\"; } );\n",
		kit, world_address(BRANCH), world_address("gw1.example"));
	world_start(group.server);
	court = group.server->manage->court;
	court->trust = trust;
	court->server_key = group.key = make_key();
	court->certificate = certify(&group, group.key, group_key);
	group.certificate = g_byte_array_ref(court->certificate);
	world_start(group.first);
	world_start(group.second);
	world_start(group.branch);
	world_run(group.world, 5 * YETT_SEC);
	return group;
}

static void group_free(struct group *group)
{
	g_byte_array_unref(group->certificate);
	world_free(group->world);
}

/* What an administrator asks for. */
struct answer {
	bool came;
	int result;
	char text[512], mend[512];
};

static void answered(void *arg, int result, json_t *json, const struct yett_error *error)
{
	struct answer *answer = arg;

	answer->came = true;
	answer->result = result;
	json_decref(json);
	if (error != NULL) {
		g_strlcpy(answer->text, error->text, sizeof(answer->text));
		g_strlcpy(answer->mend, error->mend, sizeof(answer->mend));
	}
}

static void ask(struct group *group, const char *body, struct answer *ret_answer)
{
	json_t *json = json_loads(body, 0, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	memset(ret_answer, 0, sizeof(*ret_answer));
	yett_manage_change(
		group->server->manage, "/v1/nodes/set", json, "somebody", answered, ret_answer);
	json_decref(json);
}

static void set_good(struct group *group, const char *body, uint64_t run_ns)
{
	struct answer answer;

	ask(group, body, &answer);
	world_run(group->world, run_ns);
	CU_ASSERT(answer.came);
	CU_ASSERT_EQUAL(answer.result, 0);
	if (answer.result != 0) {
		fprintf(stderr, "%s: %s\n", answer.text, answer.mend);
	}
}

static void expect_state(struct group *group, const char *want, const char *why)
{
	json_t *json = yett_view_desired(group->server->manage, BRANCH);
	const char *state = json_string_value(json_object_get(json, "state"));
	const char *says = json_string_value(json_object_get(json, "why"));

	if (g_strcmp0(state, want) != 0 || strstr(says, why) == NULL) {
		fprintf(stderr, "state %s, why %s; not %s, %s\n", state, says, want, why);
		CU_FAIL("another state than wanted");
	}
	json_decref(json);
}

static uint64_t heartbeat_s(const struct group *group)
{
	return group->branch->node->settings->node.heartbeat_ns / YETT_SEC;
}

/* The upstreams that it holds on to. */
static void expect_links(const struct group *group, const char *want)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (guint i = 0; i < group->branch->node->links->len; i++) {
		const struct yett_link *link = group->branch->node->links->pdata[i];

		g_string_append_printf(names, "%s%s", i > 0 ? " " : "", link->name);
	}
	CU_ASSERT_STRING_EQUAL(names->str, want);
}

static void a_value_is_set_confirmed_and_kept(void)
{
	struct group group = group_new(1);

	CU_ASSERT_EQUAL(heartbeat_s(&group), 60);
	set_good(&group,
		"{\"name\": \"branch.example\", \"values\": {\"HeartbeatInterval\": \"7\"}}",
		2 * YETT_SEC);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 7);
	expect_state(&group, "applied", "");
	world_power(group.branch, YETT_FAULTY_NOTHING);
	world_start(group.branch);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 7);
	world_run(group.world, 5 * YETT_SEC);
	set_good(&group, "{\"name\": \"branch.example\", \"unset\": [\"HeartbeatInterval\"]}",
		2 * YETT_SEC);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 60);
	expect_state(&group, "applied", "");
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
	};
	struct group group = group_new(2);

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct answer answer;

		ask(&group, table[i].body, &answer);
		CU_ASSERT(answer.came && answer.result != 0);
		if (strstr(answer.text, table[i].text) == NULL ||
			strstr(answer.mend, table[i].mend) == NULL) {
			fprintf(stderr, "%s: %s; %s\n", table[i].body, answer.text, answer.mend);
			CU_FAIL("another refusal than wanted");
		}
	}
	world_run(group.world, 2 * YETT_SEC);
	expect_state(&group, "nothing is set", "");
	group_free(&group);
}

static void two_administrators_lose_nothing(void)
{
	struct group group = group_new(3);
	struct answer one, other;

	ask(&group, "{\"name\": \"branch.example\", \"values\": {\"HeartbeatInterval\": \"7\"}}",
		&one);
	ask(&group, "{\"name\": \"branch.example\", \"values\": {\"DisplayName\": \"Branch\"}}",
		&other);
	world_run(group.world, 2 * YETT_SEC);
	CU_ASSERT(one.came && one.result == 0);
	CU_ASSERT(other.came && other.result == YETT_ECONFLICT);
	CU_ASSERT_PTR_NOT_NULL(strstr(other.text, "node.heartbeat = 7"));
	CU_ASSERT_PTR_NOT_NULL(strstr(other.text, "by somebody"));
	set_good(&group,
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
	struct yett_desired desired = {.group = trust.group,
		.name = BRANCH,
		.issued_s = now_s(group->server),
		.expires_s = now_s(group->server) + DAY_S,
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
	GByteArray *foreign = certify(&group, stranger_key, stranger_key), *bytes;

	give(&group, signed_by(&good, stranger_key, foreign)); /* of no server */
	give(&group, signed_by(&good, stranger_key, group.certificate));
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

static void pinned_stays(void)
{
	static const char *names[] = {"node.heartbeat"};
	struct group group = group_new(6);
	json_t *json;

	/* As its own file would say. */
	((struct yett_settings *)(uintptr_t)group.branch->node->settings)->node.pinned =
		(struct yett_list){1, names};
	set_good(&group,
		"{\"name\": \"branch.example\", \"values\": {\"HeartbeatInterval\": \"7\", "
		"\"DisplayName\": \"Branch\"}}",
		2 * YETT_SEC);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 60);
	CU_ASSERT_STRING_EQUAL(group.branch->node->settings->node.display_name, "Branch");
	json = yett_view_desired(group.server->manage, BRANCH);
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_object_get(json, "pinned")), "node.heartbeat");
	json_decref(json);
	group_free(&group);
}

#define TO_SECOND                                                                                  \
	"{\"name\": \"branch.example\", \"upstreams\": [{\"name\": \"gw2.example\", "              \
	"\"address\": \"%s\"}]}"

static void move(struct group *group, const char *address, uint64_t run_ns)
{
	g_autofree char *body = g_strdup_printf(TO_SECOND, address);

	set_good(group, body, run_ns);
}

static void it_moves_to_what_is_up(void)
{
	struct group group = group_new(7);

	move(&group, world_address("gw2.example"), 5 * YETT_SEC);
	expect_links(&group, "gw2.example");
	expect_state(&group, "applied", "");
	world_kill(group.branch);
	world_start(group.branch);
	expect_links(&group, "gw2.example");
	/* And to another address of the same. */
	move(&group, "10.9.9.9:1", 5 * YETT_SEC);
	expect_state(&group, "trying", "");
	world_run(group.world, 11 * 60 * YETT_SEC);
	expect_state(&group, "rolled back", "gw2.example");
	expect_links(&group, "gw2.example");
	group_free(&group);
}

static void what_strands_it_is_rolled_back(void)
{
	struct group group = group_new(8);

	world_kill(group.second);
	move(&group, world_address("gw2.example"), 5 * YETT_SEC);
	expect_state(&group, "trying", "");
	expect_links(&group, "gw1.example gw2.example"); /* the old way stays */
	world_run(group.world, 9 * 60 * YETT_SEC);
	expect_state(&group, "trying", "");
	world_run(group.world, 2 * 60 * YETT_SEC);
	expect_state(&group, "rolled back", "none of the new upstreams");
	expect_links(&group, "gw1.example");
	world_kill(group.branch); /* and stays so */
	world_start(group.branch);
	world_start(group.second);
	world_run(group.world, 5 * YETT_SEC);
	expect_links(&group, "gw1.example");
	expect_state(&group, "rolled back", "none of the new upstreams");
	group_free(&group);
}

static void it_dies_between_receiving_and_confirming(void)
{
	struct group group = group_new(9);

	world_kill(group.second);
	move(&group, world_address("gw2.example"), 5 * YETT_SEC);
	world_power(group.branch, YETT_FAULTY_NOTHING);
	world_start(group.second);
	world_start(group.branch);
	expect_links(&group, "gw2.example gw1.example");
	world_run(group.world, 10 * YETT_SEC);
	expect_links(&group, "gw2.example");
	expect_state(&group, "applied", "");
	group_free(&group);
}

static void one_that_is_away_gets_it_when_it_comes(void)
{
	struct group group = group_new(10);

	world_kill(group.branch);
	world_run(group.world, 60 * YETT_SEC);
	set_good(&group,
		"{\"name\": \"branch.example\", \"values\": {\"HeartbeatInterval\": \"7\"}}",
		2 * YETT_SEC);
	expect_state(&group, "sent when the node is reached", "");
	world_start(group.branch);
	world_run(group.world, 10 * YETT_SEC);
	CU_ASSERT_EQUAL(heartbeat_s(&group), 7);
	expect_state(&group, "applied", "");
	group_free(&group);
}

static void a_damaged_file_counts_for_nothing(void)
{
	struct group group = group_new(11);
	struct yett_desired desired = desired_of(&group, 5, "node.heartbeat", "7 s");
	GByteArray *bytes = signed_by(&desired, group.key, group.certificate), *file;
	struct yett_aimed *aimed = yett_aimed_new();

	yett_aimed_set(&aimed->newest, &desired, bytes->data, bytes->len);
	yett_aimed_copy(&aimed->settled, &aimed->newest);
	aimed->state = YETT_APPLIED_DONE;
	file = yett_aimed_write(aimed);
	yett_aimed_free(aimed);
	for (guint at = 0; at < file->len; at++) {
		aimed = yett_aimed_new();
		file->data[at] ^= 0x40;
		(void)yett_aimed_read(aimed, &trust, NULL, BRANCH, file->data, file->len);
		CU_ASSERT(!aimed->settled.there ||
			  memcmp(&aimed->settled.desired, &desired, sizeof(desired)) == 0);
		CU_ASSERT(!aimed->newest.there || aimed->newest.desired.revision == 5);
		file->data[at] ^= 0x40;
		CU_ASSERT(!yett_aimed_read(aimed, &trust, NULL, BRANCH, file->data, at));
		yett_aimed_free(aimed);
	}
	aimed = yett_aimed_new();
	CU_ASSERT(yett_aimed_read(aimed, &trust, NULL, BRANCH, file->data, file->len));
	CU_ASSERT(aimed->settled.there && aimed->newest.there);
	yett_aimed_free(aimed);
	aimed = yett_aimed_new();
	CU_ASSERT(!yett_aimed_read(aimed, &trust, NULL, "gw2.example", file->data, file->len));
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
		{"two administrators lose nothing", two_administrators_lose_nothing},
		{"nothing else counts", nothing_else_counts},
		{"the node refuses what its schema does", the_node_refuses_what_its_schema_does},
		{"pinned stays", pinned_stays},
		{"it moves to what is up", it_moves_to_what_is_up},
		{"what strands it is rolled back", what_strands_it_is_rolled_back},
		{"it dies between receiving and confirming",
			it_dies_between_receiving_and_confirming},
		{"one that is away gets it when it comes", one_that_is_away_gets_it_when_it_comes},
		{"a damaged file counts for nothing", a_damaged_file_counts_for_nothing},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("desired", begin, end, tests);
	return suite_end(argc, argv);
}
