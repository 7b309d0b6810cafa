/* Whose word counts about what is lost, and what claims to be the management server's own: in the simulated
 * world, with nodes of production code, of which one says what no well-behaved node does. */
#include <string.h>

#include "base/buffer.h"
#include "base/id.h"
#include "flow/stages.h"
#include "manage-hostile.h"
#include "suite.h"
#include "wire/batch.h"
#include "wire/record.h"

#define LOST 100

static struct world_node *add_server(struct world *world)
{
	return world_add(world, "ms.example",
		GROUP_CONF
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"g*.example\" ]; "
		"} );\nstore = { module = \"store-sqlite\"; };",
		world_address("ms.example"));
}

static struct world_node *add_agent(struct world *world, const char *name, const char *upstream)
{
	return world_add(world, name, "upstreams = ( { name = \"%s\"; address = \"%s\"; } );\n",
		upstream, world_address(upstream));
}

/* Whether anybody lets it speak for others is up to what it is called. */
static struct world_node *add_relay(struct world *world, const char *name, const char *upstream)
{
	return world_add(world, name,
		"listeners = ( { address = \"%s\"; admit = [ \"**\" ]; proxy = [ \"g*.example\" ]; "
		"} );\nupstreams = ( { name = \"%s\"; address = \"%s\"; } );\n",
		world_address(name), upstream, world_address(upstream));
}

/* One that is there, or was. */
struct whose {
	struct yett_id id;
	struct yett_epoch epoch;
};

static struct whose whose(const struct world_node *node)
{
	return (struct whose){node->node->id, node->node->epoch};
}

/* Some of its numbers, in the normal lane. */
static struct yett_range range_of(const struct whose *of, uint64_t first)
{
	return (struct yett_range){.origin = of->id,
		.epoch = of->epoch,
		.lane = YETT_LANE_NORMAL,
		.first = first,
		.count = LOST};
}

/* Numbers above those that the other one has told. */
static void declare_lost(struct world_node *by, const struct world_node *of)
{
	const struct whose other = whose(of);
	const struct yett_range range = range_of(&other, of->told + 1);

	yett_gap_declare(by->node, &range, 1, YETT_GAP_QUOTA, NULL, NULL);
	world_run(by->world, 10 * YETT_SEC);
}

static void told(struct yett_keep *keep, int result)
{
	(void)keep;
	CU_ASSERT_EQUAL(result, 0);
}

/* Into the queue of `by`, as if it, or somebody behind it, were `as`; it has come over so many relays. */
static void give(struct world_node *by, const struct whose *as, uint64_t first,
	struct yett_payload *payload, uint32_t content, uint32_t hops)
{
	struct yett_envelope envelope = {.hops = hops, .method = "kerberos"};
	uint8_t meta[YETT_ENVELOPE_MAX];
	struct yett_batch batch;

	for (uint32_t i = 0; i < hops; i++) {
		envelope.path[i] = yett_id_new(by->node->clock);
	}
	CU_ASSERT_EQUAL_FATAL(yett_payload_cut(payload, YETT_LANE_NORMAL, content, false,
				      yett_clock_wall(by->node->clock), &batch),
		0);
	yett_payload_free(payload);
	yett_batch_renumber(&batch, &as->id, &as->epoch, first);
	yett_keep_give(by->node,
		yett_keep_new(&batch, meta, yett_envelope_encode(&envelope, meta), told, NULL));
	yett_buffer_unref(batch.buffer);
}

static void give_gap(struct world_node *by, const struct whose *as, uint64_t first,
	const struct yett_range *range)
{
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX / 2);
	const struct yett_notice notice = {.size = sizeof(notice),
		.kind = YETT_NOTICE_GAP,
		.id = yett_id_new(by->node->clock),
		.holder = as->id,
		.range = *range,
		.cause = YETT_GAP_QUOTA};

	CU_ASSERT_EQUAL_FATAL(yett_payload_notice(payload, &notice), 0);
	give(by, as, first, payload, YETT_CONTENT_CUSTODY, 0);
}

static void give_record(
	struct world_node *by, const struct world_node *as, uint64_t first, uint32_t hops)
{
	struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX / 2);
	const struct yett_record record = {.size = sizeof(record),
		.kind = YETT_RECORD_EVENT,
		.name = yett_text("forged"),
		.body = yett_text("forged")};
	const struct whose other = whose(as);

	CU_ASSERT_EQUAL_FATAL(yett_payload_record(payload, &record), 0);
	give(by, &other, first, payload, YETT_CONTENT_RECORDS, hops);
}

static void nobody_declares_what_another_has_lost(void)
{
	struct world *world = world_new(1);
	struct world_node *server = add_server(world);
	struct world_node *honest = add_agent(world, "a1.example", "ms.example");
	struct world_node *liar = add_agent(world, "a2.example", "ms.example");
	struct world_node *unlisted = add_relay(world, "r1.example", "ms.example");
	struct world_account account;

	for (guint i = 0; i < world->nodes->len; i++) {
		world_start(world->nodes->pdata[i]);
	}
	world_tell(honest, YETT_LANE_NORMAL, 5);
	CU_ASSERT_FATAL(world_wait_events(server, 5, 60 * YETT_SEC));
	declare_lost(liar, honest);
	account = world_account(server);
	CU_ASSERT_EQUAL(account.declared, 0);
	CU_ASSERT_EQUAL(account.dead, 1);
	CU_ASSERT_EQUAL(world_queued(liar), 0); /* acknowledged all the same */
	/* That it calls itself a relay makes it none. */
	declare_lost(unlisted, honest);
	account = world_account(server);
	CU_ASSERT_EQUAL(account.declared, 0);
	CU_ASSERT_EQUAL(account.dead, 2);
	/* Of itself it is believed. */
	declare_lost(liar, liar);
	declare_lost(unlisted, unlisted);
	account = world_account(server);
	CU_ASSERT_EQUAL(account.declared, 2 * LOST);
	CU_ASSERT_EQUAL(account.dead, 2);
	CU_ASSERT_EQUAL(account.missing, 0);
	world_free(world);
}

/* Also what comes by another gateway; what has waited there until its gateway was gone, and the server had
 * started again. */
static void gateways_declare_what_they_held(void)
{
	struct world *world = world_new(2);
	struct world_node *server = add_server(world);
	struct world_node *second = add_relay(world, "g2.example", "ms.example");
	struct world_node *first = add_relay(world, "g1.example", "g2.example");
	struct world_node *agent = add_agent(world, "a1.example", "g1.example");
	struct world_node *other = add_agent(world, "a2.example", "g2.example");
	struct world_account account;
	struct whose gone, whom;
	struct yett_range range;

	for (guint i = 0; i < world->nodes->len; i++) {
		world_start(world->nodes->pdata[i]);
	}
	world_tell(agent, YETT_LANE_NORMAL, 5);
	world_tell(other, YETT_LANE_NORMAL, 5);
	CU_ASSERT_FATAL(world_wait_events(server, 10, 60 * YETT_SEC));
	declare_lost(second, other);
	CU_ASSERT_EQUAL(world_account(server).declared, LOST);
	declare_lost(first, agent);
	CU_ASSERT_EQUAL(world_account(server).declared, 2 * LOST);
	gone = whose(first);
	whom = whose(agent);
	range = range_of(&whom, 5 + LOST + 1);
	world_kill(first);
	world_stop(server, 10 * YETT_SEC);
	give_gap(second, &gone, 1, &range);
	world_start(server);
	world_run(world, 60 * YETT_SEC);
	account = world_account(server);
	CU_ASSERT_EQUAL(account.declared, 3 * LOST);
	CU_ASSERT_EQUAL(account.dead, 0);
	CU_ASSERT_EQUAL(account.missing, 0);
	/* An agent behind them has no more to say of others than elsewhere. */
	declare_lost(other, second);
	account = world_account(server);
	CU_ASSERT_EQUAL(account.declared, 3 * LOST);
	CU_ASSERT_EQUAL(account.dead, 1);
	CU_ASSERT_EQUAL(world_queued(second), 0);
	world_free(world);
}

static void an_approved_gateway_declares_what_it_held(void)
{
	struct group group = hostile_group_new(3);
	struct world_node *second = hostile_add_node(&group, "gw2.example", "gw1.example", true);

	hostile_change_good(
		&group, "/v1/gateways/approve", "{\"name\": \"gw2.example\", \"ahead\": true}");
	world_start(second);
	CU_ASSERT_FATAL(hostile_wait_until_in(&group, group.gateway, "gw2.example", true));
	world_run(group.world, 10 * YETT_SEC);
	declare_lost(second, group.gateway);
	CU_ASSERT_EQUAL(world_account(group.server).declared, LOST);
	CU_ASSERT_EQUAL(world_account(group.server).dead, 0);
	world_free(group.world);
}

/* What bears the server's own origin is put aside, and stands in nobody's way: neither of what lies behind it
 * in the queue of a gateway, nor of the server's own numbers, whichever it takes. */
static void what_claims_to_be_the_server_is_put_aside(void)
{
	struct world *world = world_new(4);
	struct world_node *server = add_server(world);
	struct world_node *gateway = add_relay(world, "g1.example", "ms.example");
	struct world_node *agent = add_agent(world, "a1.example", "ms.example");
	struct world_account account;

	for (guint i = 0; i < world->nodes->len; i++) {
		world_start(world->nodes->pdata[i]);
	}
	world_run(world, 10 * YETT_SEC);
	give_record(gateway, server, 1, 0);
	give_record(gateway, server, UINT64_C(1) << 40, 0);
	give_record(agent, server, 2, 0);
	world_tell(gateway, YETT_LANE_NORMAL, 5);
	world_tell(agent, YETT_LANE_NORMAL, 5);
	CU_ASSERT(world_wait_events(server, 10, 20 * YETT_SEC));
	world_run(world, 10 * YETT_SEC);
	CU_ASSERT_EQUAL(world_queued(gateway), 0);
	CU_ASSERT_EQUAL(world_queued(agent), 0);
	CU_ASSERT_EQUAL(world_account(server).dead, 3);
	/* Its own numbers are there to be taken, and end where they do. */
	world_tell(server, YETT_LANE_NORMAL, 5);
	CU_ASSERT(world_wait_events(server, 15, 20 * YETT_SEC));
	world_stop(server, 10 * YETT_SEC);
	world_start(server);
	world_run(world, 20 * YETT_SEC);
	account = world_account(server);
	CU_ASSERT_EQUAL(account.events, 15);
	CU_ASSERT_EQUAL(account.dead, 3);
	CU_ASSERT_EQUAL(account.missing + account.inferred + account.declared, 0);
	CU_ASSERT_EQUAL(account.forks + account.twice, 0);
	world_free(world);
}

/* An agent has no relays before it, whatever it says: else what claims to have passed as many as it may would be
 * refused behind its gateway, for as long as that lives. */
static void an_agent_has_nobody_before_it(void)
{
	struct world *world = world_new(5);
	struct world_node *server = add_server(world);
	struct world_node *gateway = add_relay(world, "g1.example", "ms.example");
	struct world_node *agent = add_agent(world, "a1.example", "g1.example");

	for (guint i = 0; i < world->nodes->len; i++) {
		world_start(world->nodes->pdata[i]);
	}
	world_run(world, 10 * YETT_SEC);
	for (uint32_t hops = 0; hops <= YETT_HOPS_MAX; hops++) {
		give_record(agent, agent, 1 + hops, hops);
	}
	CU_ASSERT(world_wait_events(server, YETT_HOPS_MAX + 1, 60 * YETT_SEC));
	world_run(world, 5 * YETT_SEC);
	CU_ASSERT_EQUAL(world_queued(gateway), 0);
	CU_ASSERT_EQUAL(world_queued(agent), 0);
	world_free(world);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"nobody declares what another has lost", nobody_declares_what_another_has_lost},
		{"gateways declare what they held", gateways_declare_what_they_held},
		{"an approved gateway declares what it held",
			an_approved_gateway_declares_what_it_held},
		{"what claims to be the server is put aside",
			what_claims_to_be_the_server_is_put_aside},
		{"an agent has nobody before it", an_agent_has_nobody_before_it},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("manage-losses", group_keys_begin, group_keys_end, tests);
	return suite_end(argc, argv);
}
