/* A reload of a running node, in the simulated world: what becomes of its sessions. */
#include <stdio.h>
#include <string.h>

#include "flow/stages.h"
#include "simulation/world.h"
#include "suite.h"

struct both {
	struct world *world;
	struct world_node *server, *agent;
};

static struct both start_both(uint64_t seed)
{
	struct both both = {.world = world_new(seed)};

	both.server = world_add(both.world, "ms.example",
		"group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; } );\n"
		"store = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
	both.agent = world_add(both.world, "a.example",
		"upstreams = ( { name = \"ms.example\"; address = \"%s\"; } );\n",
		world_address("ms.example"));
	sim_delay(both.world->sim, 20 * YETT_MS, 30 * YETT_MS);
	world_start(both.server);
	world_start(both.agent);
	return both;
}

static bool is_open(const struct both *both)
{
	struct yett_id id = both->agent->node->id;

	return yett_sessions_of(both->server->node, &id) != NULL;
}

/* Where a session is to be found. */
struct found {
	const struct world_node *node;
	enum yett_peer_state state;
	struct yett_peer *peer;
};

/* Something has been asked or said there already. */
static bool find(void *arg)
{
	struct found *found = arg;

	for (guint i = 0; i < found->node->node->peers->len; i++) {
		struct yett_peer *peer = found->node->node->peers->pdata[i];

		if (peer->state == found->state &&
			(peer->state != YETT_PEER_AUTH || peer->authentication != NULL)) {
			found->peer = peer;
			return true;
		}
	}
	return false;
}

static void reload(struct world_node *node, const struct yett_settings *settings)
{
	struct yett_error error = YETT_ERROR_INIT;

	CU_ASSERT_EQUAL(yett_node_reload(node->node, settings, &error), 0);
}

/* Whoever was judged by what was trusted before comes again, also where the session is not open yet: at
 * either end, while it is being judged, and after that. (An agent of ours introduces itself in the moment in which
 * it has proved its name; one that does not is played by system/reload-live.) */
static void begins_anew_what_is_half_open(void)
{
	static const struct {
		bool at_server;
		enum yett_peer_state state;
	} table[] = {{true, YETT_PEER_AUTH}, {false, YETT_PEER_AUTH}, {false, YETT_PEER_INTRO}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct both both = start_both(31);
		struct world_node *node = table[i].at_server ? both.server : both.agent;
		struct found found = {.node = node, .state = table[i].state};

		CU_ASSERT_FATAL(sim_run_until(both.world->sim, find, &found, 5 * YETT_SEC));
		yett_peer_ref(found.peer);
		reload(node, node->node->settings);
		CU_ASSERT_EQUAL(found.peer->state, YETT_PEER_CLOSED);
		yett_peer_unref(found.peer);
		world_run(both.world, 20 * YETT_SEC);
		CU_ASSERT(is_open(&both));
		world_free(both.world);
	}
}

/* One that is open is judged, and stays. */
static void keeps_what_is_open(void)
{
	for (int i = 0; i < 2; i++) {
		struct both both = start_both(32);
		struct world_node *node = i == 0 ? both.server : both.agent;
		struct found found = {.node = node, .state = YETT_PEER_OPEN};

		world_run(both.world, 5 * YETT_SEC);
		CU_ASSERT_FATAL(find(&found));
		yett_peer_ref(found.peer);
		reload(node, node->node->settings);
		world_run(both.world, 5 * YETT_SEC);
		CU_ASSERT_EQUAL(found.peer->state, YETT_PEER_OPEN);
		yett_peer_unref(found.peer);
		world_free(both.world);
	}
}

/* The settings of a node with other methods for all listeners and upstreams: a copy that lives as long as the
 * test. */
struct narrowed {
	struct yett_settings settings;
	struct yett_listener_settings listener;
	struct yett_upstream_settings upstream;
	const char *methods[2];
};

static const struct yett_settings *narrow(
	struct narrowed *narrowed, const struct yett_settings *settings, const char *method)
{
	narrowed->settings = *settings;
	narrowed->methods[0] = method;
	if (settings->listeners.count > 0) {
		narrowed->listener =
			*(const struct yett_listener_settings *)settings->listeners.items;
		narrowed->listener.methods = (struct yett_list){1, narrowed->methods};
		narrowed->settings.listeners.items = &narrowed->listener;
	}
	if (settings->upstreams.count > 0) {
		narrowed->upstream =
			*(const struct yett_upstream_settings *)settings->upstreams.items;
		narrowed->upstream.methods = (struct yett_list){1, narrowed->methods};
		narrowed->settings.upstreams.items = &narrowed->upstream;
	}
	return &narrowed->settings;
}

/* A method that is no longer allowed there ends what was opened by it, though others may still use it. */
static void ends_what_a_method_opened(void)
{
	static const char *const methods[] = {"sim", "another"};

	for (int i = 0; i < 4; i++) {
		struct both both = start_both(33);
		struct world_node *node = i % 2 == 0 ? both.server : both.agent;
		struct found found = {.node = node, .state = YETT_PEER_OPEN};
		struct narrowed narrowed;
		bool stays = i / 2 == 0;

		world_run(both.world, 5 * YETT_SEC);
		CU_ASSERT_FATAL(find(&found));
		yett_peer_ref(found.peer);
		reload(node, narrow(&narrowed, node->node->settings, methods[i / 2]));
		world_run(both.world, 5 * YETT_SEC);
		CU_ASSERT_EQUAL(found.peer->state == YETT_PEER_OPEN, stays);
		CU_ASSERT_EQUAL(is_open(&both), stays);
		yett_peer_unref(found.peer);
		world_free(both.world);
	}
}

struct judged {
	unsigned count;
	char realm[16];
};
static struct judged judged;

static int judge(void *self, const struct yett_auth_request *request, struct yett_error *error)
{
	(void)self;
	(void)error;
	judged.count++;
	snprintf(judged.realm, sizeof(judged.realm), "%s",
		request->peer_realm != NULL ? request->peer_realm : "(null)");
	return 0;
}

/* A module that judges a session again is shown what it was shown at first, and no NULL for what is empty. */
static void shows_a_judge_all_of_it(void)
{
	static const char *const realms[] = {"", "EXAMPLE"};

	for (size_t i = 0; i < 2 * G_N_ELEMENTS(realms); i++) {
		const char *realm = realms[i / 2];
		struct both both = start_both(3);
		struct world_node *node = i % 2 == 0 ? both.server : both.agent;
		struct yett_auth_slot *slot = node->node->auths->pdata[0];
		struct yett_auth_operations operations = *slot->operations;
		struct found found = {.node = node, .state = YETT_PEER_OPEN};

		world_run(both.world, 5 * YETT_SEC);
		CU_ASSERT_FATAL(find(&found));
		if (found.peer->offer != NULL) {
			snprintf(found.peer->offer->realm, sizeof(found.peer->offer->realm), "%s",
				realm);
		}
		operations.judge = judge;
		slot->operations = &operations;
		memset(&judged, 0, sizeof(judged));
		yett_authenticate_judge(node->node);
		world_run(both.world, YETT_SEC);
		CU_ASSERT_EQUAL(judged.count, 1);
		CU_ASSERT_STRING_EQUAL(judged.realm, node == both.agent ? realm : "");
		CU_ASSERT(is_open(&both));
		world_free(both.world);
	}
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"begins anew what is half open", begins_anew_what_is_half_open},
		{"keeps what is open", keeps_what_is_open},
		{"ends what a method opened", ends_what_a_method_opened},
		{"shows a judge all of it", shows_a_judge_all_of_it},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "flow-reload", tests);
}
