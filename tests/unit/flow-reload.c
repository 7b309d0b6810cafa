/* A reload of a running node, in the simulated world: what becomes of its sessions. */
#include <pthread.h>
#include <sched.h>
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

/* The threads that authenticate have something to do that does not end: what is given to them waits. */
struct busy {
	struct yett_executor *threads, *usual;
	pthread_mutex_t mutex;
	struct yett_job jobs[513];
};

static void wait_for_mutex(void *arg)
{
	struct busy *busy = arg;

	pthread_mutex_lock(&busy->mutex);
	pthread_mutex_unlock(&busy->mutex);
}

static void done(void *arg)
{
	(void)arg;
}

static void begin_busy(struct busy *busy, struct yett_node *node, size_t waiting)
{
	pthread_mutex_init(&busy->mutex, NULL);
	pthread_mutex_lock(&busy->mutex);
	CU_ASSERT_EQUAL_FATAL(yett_executor_new(node->loop, "busy", 1, &busy->threads, NULL), 0);
	for (size_t i = 0; i <= waiting; i++) {
		busy->jobs[i] =
			(struct yett_job){.work = wait_for_mutex, .done = done, .arg = busy};
		yett_executor_submit(busy->threads, &busy->jobs[i]);
	}
	while (yett_executor_waiting(busy->threads) > waiting) {
		sched_yield(); /* until it has taken the first one */
	}
	busy->usual = node->acceptors;
	node->acceptors = busy->threads;
}

static void end_busy(struct busy *busy, struct yett_node *node)
{
	node->acceptors = busy->usual;
	pthread_mutex_unlock(&busy->mutex);
	yett_executor_free(busy->threads, false, 0);
	pthread_mutex_destroy(&busy->mutex);
}

/* As many strangers wait to be authenticated as there is room for: no more are let in. The sessions that are
 * judged again do not count. */
static void lets_in_no_more_than_it_can_judge(void)
{
	static const struct {
		size_t waiting;
		uint32_t judging;
		bool in;
	} table[] = {{511, 0, true}, {512, 0, false}, {512, 1, true}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct both both = start_both(34);
		struct yett_node *node = both.server->node;
		struct found found = {.node = both.server, .state = YETT_PEER_AUTH};
		struct busy busy;

		begin_busy(&busy, node, table[i].waiting);
		node->judging = table[i].judging;
		CU_ASSERT_EQUAL(
			sim_run_until(both.world->sim, find, &found, 5 * YETT_SEC), table[i].in);
		node->judging = 0;
		end_busy(&busy, node);
		world_run(both.world, 60 * YETT_SEC);
		CU_ASSERT(is_open(&both));
		CU_ASSERT_EQUAL(node->judging, 0);
		world_free(both.world);
	}
}

static int begin(void *self, const struct yett_auth_request *request, void **ret_context,
	struct yett_error *error)
{
	(void)self;
	(void)request;
	(void)ret_context;
	(void)error;
	judged.count++;
	return YETT_EDENIED;
}

/* Whoever has gone again before their turn comes costs nothing; at a reload, too, those who end meanwhile. */
static void judges_nobody_who_has_gone(void)
{
	for (int i = 0; i < 2; i++) {
		struct both both = start_both(35);
		struct yett_node *node = both.server->node;
		struct yett_auth_slot *slot = node->auths->pdata[0];
		struct yett_auth_operations operations = *slot->operations;
		const struct yett_auth_operations *usual = slot->operations;
		struct found found = {
			.node = both.server, .state = i == 0 ? YETT_PEER_AUTH : YETT_PEER_OPEN};

		operations.judge = judge;
		operations.begin = i == 0 ? begin : usual->begin;
		slot->operations = &operations;
		memset(&judged, 0, sizeof(judged));
		CU_ASSERT_FATAL(sim_run_until(both.world->sim, find, &found, 5 * YETT_SEC));
		if (i == 1) {
			yett_authenticate_judge(node);
			CU_ASSERT_EQUAL(node->judging, 1);
		}
		yett_peer_close(found.peer, 0, NULL, "it goes");
		world_run(both.world, 10 * YETT_MS);
		slot->operations = usual;
		CU_ASSERT_EQUAL(judged.count, 0);
		CU_ASSERT_EQUAL(node->judging, 0);
		world_run(both.world, 60 * YETT_SEC);
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
		{"lets in no more than it can judge", lets_in_no_more_than_it_can_judge},
		{"judges nobody who has gone", judges_nobody_who_has_gone},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "flow-reload", tests);
}
