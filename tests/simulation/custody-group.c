/* Who is there, by the seed.
 *
 * Responsible for one to two management servers on one store, for gateways (beside each other, in a
 * chain, or backing each other up), for a few agents or dozens of them, for their configurations, and
 * for starting them. Not responsible for what happens to them. A node that cannot start now is tried
 * again later. */
#include "custody.h"

#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "flow/node.h"

#define GROUP "group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"

static const char *const memories[] = {"64 MiB", "4 MiB", "4 MiB"};
static const char *const queue_sizes[] = {"4 MiB", "4 MiB", "4 MiB", "8 MiB"};

uint64_t draw(struct run *run, uint64_t below)
{
	return sim_random(run->sim) % below;
}

bool one_in(struct run *run, uint64_t many)
{
	return draw(run, many) == 0;
}

struct member *group_find(struct run *run, const struct world_node *node)
{
	for (unsigned i = 0; i < run->count; i++) {
		if (run->all[i].at == node) {
			return &run->all[i];
		}
	}
	return NULL;
}

const struct member *group_of(const struct run *run, const struct yett_id *id)
{
	for (unsigned i = 0; i < run->count; i++) {
		if (run->all[i].id_known && yett_id_equal(&run->all[i].id, id)) {
			return &run->all[i];
		}
	}
	return NULL;
}

/* ms0.example, g0.example, a0.example … */
static void member_new(struct run *run, enum role role, unsigned index)
{
	struct member *member = &run->all[run->count++];

	member->run = run;
	member->role = role;
	member->index = index;
}

static void member_name(const struct member *member, char ret_name[32])
{
	static const char *const letters[] = {"ms", "g", "a"};

	snprintf(ret_name, 32, "%s%u.example", letters[member->role], member->index);
}

static char *upstreams_text(struct run *run, const struct member *member)
{
	GString *text = g_string_new("upstreams = (");

	for (unsigned i = 0; i < member->upstream_count; i++) {
		char name[32];

		member_name(&run->all[member->upstreams[i]], name);
		g_string_append_printf(text,
			"%s { name = \"%s\"; address = \"%s\"; priority = %u; }", i > 0 ? "," : "",
			name, world_address(name), i);
	}
	g_string_append(text, " );\n");
	return g_string_free(text, FALSE);
}

static void add(struct run *run, struct member *member, const char *text)
{
	char name[32];
	GString *whole;
	char *memory = g_strdup_printf(
		"user = \"\"; memory = \"%s\";", memories[draw(run, G_N_ELEMENTS(memories))]);

	member_name(member, name);
	member->at = world_add(run->world, name, "%s", text);
	whole = g_string_new(member->at->text);
	g_string_replace(whole, "user = \"\";", memory, 1);
	g_free(member->at->text);
	member->at->text = g_string_free(whole, FALSE);
	g_free(memory);
}

static void add_server(struct run *run, struct member *member)
{
	char name[32];
	g_autofree char *text = NULL;

	member_name(member, name);
	text = g_strdup_printf(GROUP "listeners = ( { address = \"%s\"; admit = [ \"**\" ]; "
				     "proxy = [ \"g*.example\" ]; } );\n"
				     "store = { module = \"store-sqlite\"; path = "
				     "\"/%s/shared/yett.db\"; checkpoint = \"64 KiB\"; };",
		world_address(name), name);
	add(run, member, text);
	if (member != &run->all[0]) {
		world_share_disk(member->at, run->all[0].at);
	}
}

static char *queue_text(struct run *run, struct member *member)
{
	if (member->memory_queue) {
		return g_strdup("queue = { module = \"queue-memory\"; };\n");
	}
	return g_strdup_printf(
		"queue = { module = \"queue-disk\"; size = \"%s\"; segment = \"64 KiB\"; };\n%s",
		queue_sizes[draw(run, G_N_ELEMENTS(queue_sizes))],
		member->drops_oldest ? "full = { normal = \"drop-oldest\"; bulk = "
				       "\"drop-oldest\"; };\n"
				     : "");
}

static void add_gateway(struct run *run, struct member *member)
{
	g_autofree char *ways = upstreams_text(run, member), *queue = NULL, *text = NULL;
	char name[32];

	member->memory_queue = one_in(run, 8);
	member->drops_oldest = !member->memory_queue && one_in(run, 12);
	run->lossy = run->lossy || member->drops_oldest;
	queue = queue_text(run, member);
	member_name(member, name);
	text = g_strdup_printf("listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ "
			       "\"g*.example\" ]; } );\n%s%s",
		world_address(name), ways, queue);
	add(run, member, text);
}

static void upstream(struct member *member, unsigned index)
{
	for (unsigned i = 0; i < member->upstream_count; i++) {
		if (member->upstreams[i] == index) {
			return;
		}
	}
	if (member->upstream_count < G_N_ELEMENTS(member->upstreams)) {
		member->upstreams[member->upstream_count++] = index;
	}
}

static void upstream_servers(struct run *run, struct member *member)
{
	unsigned first = (unsigned)draw(run, run->servers);

	for (unsigned i = 0; i < run->servers; i++) {
		upstream(member, (first + i) % run->servers);
	}
}

/* Beside each other; in a chain; each other's backup. */
static void connect_gateways(struct run *run)
{
	unsigned shape = (unsigned)draw(run, 3);

	for (unsigned i = 0; i < run->gateways; i++) {
		struct member *gateway = &run->all[run->servers + i];

		if (shape == 1 && i + 1 < run->gateways) {
			upstream(gateway, run->servers + i + 1);
			if (one_in(run, 3)) {
				upstream_servers(run, gateway);
			}
			continue;
		}
		upstream_servers(run, gateway);
		if (shape == 2 && run->gateways > 1) {
			upstream(gateway, run->servers + (i ^ 1) % run->gateways);
		}
	}
	for (unsigned i = 0; i < run->gateways; i++) {
		/* A node is not its own upstream: the odd one of a pair. */
		struct member *gateway = &run->all[run->servers + i];

		for (unsigned j = 0; j < gateway->upstream_count; j++) {
			if (gateway->upstreams[j] == run->servers + i) {
				gateway->upstreams[j] =
					gateway->upstreams[--gateway->upstream_count];
			}
		}
	}
}

static void draw_upstreams(struct run *run, struct member *agent)
{
	unsigned first = (unsigned)draw(run, run->gateways);
	unsigned ways = 1 + (unsigned)draw(run, 3);

	agent->upstream_count = 0;
	if (one_in(run, 10)) {
		upstream_servers(run, agent); /* straight to a management server */
		return;
	}
	for (unsigned i = 0; i < ways && i < run->gateways; i++) {
		upstream(agent, run->servers + (first + i) % run->gateways);
	}
}

static void add_agent(struct run *run, struct member *member)
{
	g_autofree char *ways = NULL, *queue = NULL, *text = NULL;

	draw_upstreams(run, member);
	member->drops_oldest = one_in(run, 25);
	run->lossy = run->lossy || member->drops_oldest;
	ways = upstreams_text(run, member);
	queue = queue_text(run, member);
	text = g_strdup_printf("%s%spolicy = { module = \"policy-%s\"; };\n", ways, queue,
		one_in(run, 4)   ? "roundrobin"
		: one_in(run, 2) ? "failover"
				 : "failover\"; standby = 1; stall = \"5 s");
	add(run, member, text);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		struct feed *feed = &member->feeds[lane];

		snprintf(feed->name, sizeof(feed->name), "feed%u", lane);
		feed->lane = lane;
		feed->line = 1;
		feed->next = 1;
	}
}

void group_move(struct run *run, struct member *agent)
{
	char *at = strstr(agent->at->text, "upstreams = ("), *end;
	g_autofree char *ways = NULL;
	GString *text;

	YETT_REQUIRE(at != NULL && agent->role == ROLE_AGENT);
	end = strchr(at, '\n');
	draw_upstreams(run, agent);
	ways = upstreams_text(run, agent);
	text = g_string_new_len(agent->at->text, at - agent->at->text);
	g_string_append(text, ways);
	g_string_append(text, end + 1);
	g_free(agent->at->text);
	agent->at->text = g_string_free(text, FALSE);
	agent->moved = true;
	hostile_taint(run);
}

void group_start(struct run *run, struct member *member)
{
	if (member->at->node != NULL || world_try_start(member->at) != 0) {
		return;
	}
	if (!member->id_known) {
		member->id = member->at->node->id;
		member->id_known = true;
	} else if (memcmp(&member->id, &member->at->node->id, sizeof(member->id)) != 0) {
		run_fail(run, "%s has another id than before", member->at->name);
	}
	sim_loop_slow(member->at->loop, 1 + draw(run, 5 * YETT_MS));
	run->store_opens += member->role == ROLE_SERVER ? 1 : 0;
	if (member->role == ROLE_AGENT) {
		feed_begin(member);
	}
}

void group_make(struct run *run)
{
	run->servers = 1 + (one_in(run, 2) ? 1 : 0);
	run->gateways = 1 + (unsigned)draw(run, one_in(run, 3) ? 4 : 3);
	run->agents = one_in(run, 24) ? 12 + (unsigned)draw(run, AGENTS_MAX - 12)
				      : 1 + (unsigned)draw(run, 5);
	for (unsigned i = 0; i < run->servers; i++) {
		member_new(run, ROLE_SERVER, i);
	}
	for (unsigned i = 0; i < run->gateways; i++) {
		member_new(run, ROLE_GATEWAY, i);
	}
	for (unsigned i = 0; i < run->agents; i++) {
		member_new(run, ROLE_AGENT, i);
	}
	connect_gateways(run);
	for (unsigned i = 0; i < run->count; i++) {
		struct member *member = &run->all[i];

		if (member->role == ROLE_SERVER) {
			add_server(run, member);
		} else if (member->role == ROLE_GATEWAY) {
			add_gateway(run, member);
		} else {
			add_agent(run, member);
		}
	}
	run->flood = one_in(run, 12);
	if (one_in(run, 8)) {
		struct member *evil = &run->all[run->servers + draw(run, run->gateways)];

		evil->hostile = !evil->memory_queue;
		run->hostile = evil->hostile;
		hostile_taint(run);
	}
	for (unsigned i = 0; i < run->count; i++) {
		group_start(run, &run->all[i]);
	}
}
