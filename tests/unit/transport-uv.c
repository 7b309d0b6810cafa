/* transport-tls over real sockets: the production loop, the core's host table, loopback. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "module/host.h"
#include "net/loop.h"

#include "../../modules/transport-tls/tls.h"
#include "suite.h"

#define TIMEOUT_NS (20 * YETT_SEC)
#define TOTAL      ((size_t)8 << 20)
#define PIECE      10000

extern const struct yett_module yett_module;

struct side {
	struct yett_loop *loop;
	struct yett_channel *channel;
	size_t sent, received;
	bool up, closed, in_order;
	int result;
	struct side *other;
};

static const struct yett_transport_operations *operations(void)
{
	return yett_module.operations;
}

static uint8_t byte_at(size_t offset)
{
	return (uint8_t)(offset * 7 + (offset >> 12));
}

/* Both have everything: one closes, and the other's `closed` ends the loop. */
static void close_when_done(struct side *side)
{
	if (side->received == TOTAL && side->other->received == TOTAL && side->sent == TOTAL &&
		side->other->sent == TOTAL && side->channel != NULL &&
		side->other->channel != NULL) {
		operations()->close(side->channel, 1);
		side->channel = NULL;
	}
}

static void send_more(struct side *side)
{
	static uint8_t bytes[PIECE];

	while (side->sent < TOTAL && side->channel != NULL) {
		struct iovec iov = {bytes, TOTAL - side->sent < PIECE ? TOTAL - side->sent : PIECE};
		int result;

		for (size_t i = 0; i < iov.iov_len; i++) {
			bytes[i] = byte_at(side->sent + i);
		}
		result = operations()->send(side->channel, &iov, 1);
		if (result != 0) {
			CU_ASSERT_EQUAL(result, YETT_EAGAIN);
			return;
		}
		side->sent += iov.iov_len;
	}
}

static void on_up(void *arg, const struct yett_facts *facts)
{
	struct side *side = arg;

	side->up = true;
	CU_ASSERT_EQUAL(strncmp(facts->peer_address, "127.0.0.1:", 10), 0);
	send_more(side);
}

static void on_received(void *arg, const uint8_t *bytes, size_t length)
{
	struct side *side = arg;

	for (size_t i = 0; i < length; i++) {
		side->in_order = side->in_order && bytes[i] == byte_at(side->received + i);
	}
	side->received += length;
	close_when_done(side);
}

static void on_writable(void *arg)
{
	send_more(arg);
	close_when_done(arg);
}

static void on_closed(void *arg, int result, const struct yett_error *error)
{
	struct side *side = arg;

	CU_ASSERT_PTR_NOT_NULL(error);
	side->closed = true;
	side->result = result;
	side->channel = NULL;
	yett_loop_uv_stop(side->loop);
}

static const struct yett_channel_events events = {
	.size = sizeof(events),
	.up = on_up,
	.received = on_received,
	.writable = on_writable,
	.closed = on_closed,
};

static int on_accepted(void *arg, struct yett_channel *channel, const char *peer_address,
	const struct yett_channel_events **ret_events, void **ret_events_arg)
{
	struct side *side = arg;

	(void)peer_address;
	side->channel = channel;
	*ret_events = &events;
	*ret_events_arg = side;
	return 0;
}

static void give_up(void *arg)
{
	CU_FAIL("not done in time");
	yett_loop_uv_stop(arg);
}

struct fixture {
	struct yett_loop *loop;
	struct yett_instance *gateway, *agent;
	struct yett_endpoint *endpoint;
	struct yett_timer *timer;
	char address[64];
	struct side here, there;
};

static void fixture_new(struct fixture *f)
{
	static const struct yett_tls_settings settings = {NULL, NULL, 262144};
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_world world = {.clock = &yett_clock_system, .node = "a.example", .state = "/"};

	memset(f, 0, sizeof(*f));
	CU_ASSERT_EQUAL_FATAL(yett_loop_uv_new(&f->loop, &error), 0);
	world.loop = f->loop;
	CU_ASSERT_EQUAL_FATAL(yett_instance_new(&world, &yett_module, "gateway", &settings, NULL, 0,
				      &f->gateway, &error),
		0);
	CU_ASSERT_EQUAL_FATAL(yett_instance_new(&world, &yett_module, "agent", &settings, NULL, 0,
				      &f->agent, &error),
		0);
	CU_ASSERT_EQUAL_FATAL(operations()->listen(f->gateway->self, "127.0.0.1:0", on_accepted,
				      &f->there, &f->endpoint, &error),
		0);
	CU_ASSERT_EQUAL(
		operations()->endpoint_address(f->endpoint, f->address, sizeof(f->address)), 0);
	f->here = (struct side){.loop = f->loop, .in_order = true, .other = &f->there};
	f->there = (struct side){.loop = f->loop, .in_order = true, .other = &f->here};
	f->timer = f->loop->table->timer_new(f->loop, give_up, f->loop);
	f->loop->table->timer_start(f->timer, 2 * TIMEOUT_NS);
}

static void fixture_free(struct fixture *f)
{
	f->loop->table->timer_free(f->timer);
	operations()->endpoint_close(f->endpoint);
	yett_instance_free(f->gateway);
	yett_instance_free(f->agent);
	yett_loop_uv_free(f->loop); /* proves that nothing is left open */
}

static void test_data(void)
{
	struct fixture f;
	struct yett_error error = YETT_ERROR_INIT;

	fixture_new(&f);
	CU_ASSERT_EQUAL(operations()->connect(f.agent->self, f.address, NULL, "gateway.example",
				TIMEOUT_NS, &events, &f.here, &f.here.channel, &error),
		0);
	yett_loop_uv_run(f.loop);
	CU_ASSERT_EQUAL(f.here.received, TOTAL);
	CU_ASSERT_EQUAL(f.there.received, TOTAL);
	CU_ASSERT_TRUE(f.here.in_order && f.there.in_order);
	CU_ASSERT_TRUE(f.here.closed != f.there.closed);
	CU_ASSERT_EQUAL(f.here.closed ? f.here.result : f.there.result, YETT_ECLOSED);
	fixture_free(&f);
}

static void test_refused(void)
{
	struct fixture f;
	struct yett_error error = YETT_ERROR_INIT;

	fixture_new(&f);
	CU_ASSERT_EQUAL(operations()->connect(f.agent->self, "127.0.0.1:1", NULL, NULL, TIMEOUT_NS,
				&events, &f.here, &f.here.channel, &error),
		0);
	yett_loop_uv_run(f.loop);
	CU_ASSERT_TRUE(f.here.closed);
	CU_ASSERT_FALSE(f.here.up);
	fixture_free(&f);
}

/* The instance goes while it dials and while a channel is up. */
static void test_stop(void)
{
	struct fixture f;
	struct yett_error error = YETT_ERROR_INIT;
	struct side second = {.in_order = true};

	fixture_new(&f);
	second.loop = f.loop;
	second.other = &second;
	CU_ASSERT_EQUAL(operations()->connect(f.agent->self, f.address, NULL, NULL, TIMEOUT_NS,
				&events, &second, &second.channel, &error),
		0);
	fixture_free(&f);
	CU_ASSERT_FALSE(second.closed);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"data over sockets", test_data},
		{"nobody there", test_refused},
		{"stop while dialling", test_stop},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "transport-tls, sockets", tests);
}
