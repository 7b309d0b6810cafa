/* The group that hostile nodes are let loose on: see manage-hostile.h. */
#include "manage-hostile.h"

#include <stdio.h>
#include <string.h>

#include "flow/stages.h"
#include "manage/admission/court.h"
#include "suite.h"

struct group hostile_group_new(uint64_t seed)
{
	struct group group = {.world = world_new(seed)};
	g_autofree char *kit = group_kit("gw1.example");

	group.server = world_add(group.world, "ms.example",
		GROUP_CONF
		"listeners = ( { address = \"%s\"; admit = [ \"gw1.example\", \"l*.example\" ]; "
		"proxy = [ \"gw1.example\" ]; } );\n"
		"store = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	group.gateway = world_add(group.world, "gw1.example",
		"group = { kit = \"%s\"; };\n"
		"listeners = ( { address = \"%s\"; admit = [ ]; } );\n"
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n",
		kit, world_address("gw1.example"), world_address("ms.example"));
	world_start(group.server);
	group_sign(group.server);
	world_start(group.gateway);
	world_run(group.world, 5 * YETT_SEC);
	return group;
}

struct world_node *hostile_add_node(
	struct group *group, const char *name, const char *upstream, bool relay)
{
	char listeners[160] = "";

	if (relay) {
		g_snprintf(listeners, sizeof(listeners),
			"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n",
			world_address(name));
	}
	return world_add(group->world, name,
		"%supstreams = ( { name = \"%s\"; address = \"%s\"; } );", listeners, upstream,
		world_address(upstream));
}

void hostile_cut(struct group *group, bool cut)
{
	sim_cut(group->world->sim, "ms.example", "gw1.example", cut);
	sim_cut(group->world->sim, "gw1.example", "ms.example", cut);
	if (cut) {
		sim_break(group->world->sim, "ms.example", "gw1.example");
	}
}

/* Until it is answered, and not a step longer. */
struct group_answer hostile_change(struct group *group, const char *what, const char *body)
{
	struct group_answer answer;

	group_ask_at(group->server, what, body, &answer);
	for (int i = 0; i < 10000 && !answer.came; i++) {
		world_run(group->world, YETT_MS / 10);
	}
	CU_ASSERT_FATAL(answer.came);
	return answer;
}

void hostile_change_good(struct group *group, const char *what, const char *body)
{
	struct group_answer answer = hostile_change(group, what, body);

	if (answer.result != 0) {
		fprintf(stderr, "%s: %s\n", answer.text, answer.mend);
	}
	CU_ASSERT_EQUAL_FATAL(answer.result, 0);
}

struct yett_peer *hostile_peer_of(const struct world_node *node, const char *name)
{
	for (guint i = 0; i < node->node->peers->len; i++) {
		struct yett_peer *peer = node->node->peers->pdata[i];

		if (strcmp(peer->name, name) == 0 && peer->state == YETT_PEER_OPEN) {
			return peer;
		}
	}
	return NULL;
}

bool hostile_is_in(const struct world_node *node, const char *name)
{
	return hostile_peer_of(node, name) != NULL;
}

bool hostile_wait_until_in(
	struct group *group, const struct world_node *node, const char *name, bool in)
{
	for (int i = 0; i < 6000 && hostile_is_in(node, name) != in; i++) {
		world_run(group->world, HOSTILE_STEP);
	}
	return hostile_is_in(node, name) == in;
}

/* Documents of a table at the server: how many have the text in their JSON. */
struct count {
	const char *text;
	unsigned found;
};

static int count_one(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct count *count = arg;

	(void)key;
	(void)revision;
	count->found += strstr(json, count->text) != NULL;
	return 0;
}

unsigned hostile_documents(const struct group *group, const char *table, const char *text)
{
	struct count count = {.text = text};
	void *self;
	const struct yett_store_operations *store =
		yett_store_operations(group->server->node, &self);

	CU_ASSERT_EQUAL(store->registry_list(self, table, NULL, count_one, &count, NULL), 0);
	return count.found;
}

struct yett_id hostile_id_of(uint8_t number)
{
	struct yett_id id;

	memset(&id, number, sizeof(id));
	return id;
}

struct yett_admission_ask hostile_ask_of(const char *name, struct yett_id id, uint32_t as)
{
	struct yett_admission_ask ask = {.id = id, .as = as, .method = "x509"};

	g_strlcpy(ask.name, name, sizeof(ask.name));
	return ask;
}

/* Somebody knocks at the management server. */
bool hostile_knock(struct group *group, const char *name, struct yett_id id)
{
	const struct yett_admission_ask ask = hostile_ask_of(name, id, YETT_AS_AGENT);
	struct yett_judgement judgement = {.admitted = false};

	yett_court_judge(group->server->manage->court, &ask, true, &judgement);
	return judgement.admitted;
}

/* ...and at the gateway. */
bool hostile_knock_gate(struct group *group, const char *name, struct yett_id id)
{
	const struct yett_admission_ask ask = hostile_ask_of(name, id, YETT_AS_AGENT);
	struct yett_judgement judgement = {.admitted = false};

	yett_gate_judge(group->gateway->manage, &ask, true, &judgement);
	return judgement.admitted;
}

uint32_t hostile_attach(struct group *group, struct yett_attached node)
{
	struct yett_management calls = yett_manage_calls(group->server->manage);
	struct yett_attach *message = g_new0(struct yett_attach, 1);
	uint32_t refused;

	message->count = 1;
	message->nodes[0] = node;
	refused = calls.attach(calls.arg, hostile_peer_of(group->server, "gw1.example"), message);
	g_free(message);
	return refused;
}

/* It says that this is the newest session of all. */
void hostile_tell(struct group *group, const char *name, struct yett_id id)
{
	static uint64_t session = UINT64_MAX / 2;
	struct yett_attached node = {.id = id,
		.boot = hostile_id_of(99),
		.via = group->gateway->node->id,
		.session = ++session,
		.live = true};

	g_strlcpy(node.name, name, sizeof(node.name));
	hostile_attach(group, node);
}

const char *hostile_name_of(const struct group *group, struct yett_id id)
{
	const struct yett_known *known = yett_manage_find(group->server->manage, &id);

	return known != NULL ? known->name : "";
}

bool hostile_is_barred(const struct group *group, struct yett_id id)
{
	struct yett_management calls = yett_manage_calls(group->server->manage);

	return calls.barred(calls.arg, &id);
}
