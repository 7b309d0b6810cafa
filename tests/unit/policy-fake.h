/* A host of a clock that the test turns, and what a policy says as a table of steps.
 *
 * A step's `states` has a letter for each upstream: U up, F up but full, N a session without a path
 * to a store, C connecting, D down. `want` is the index to be picked, '-' for none; `again_s` the
 * second (of the same clock) at which the policy wants to be asked again, 0 for none. */
#ifndef YETT_TESTS_POLICY_FAKE_H
#define YETT_TESTS_POLICY_FAKE_H

#include <CUnit/Basic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yett/policy.h>

#define FAKE_SECOND UINT64_C(1000000000)
#define FAKE_MAX    8

struct fake_step {
	uint64_t at_s;
	const char *states;
	char want;
	uint64_t again_s;
	const char *event; /* logged by this pick, or NULL */
};

static struct {
	uint64_t now_ns;
	uint64_t chance;
	char event[64];
	int64_t metrics[8];
} fake;

static uint64_t fake_monotonic_ns(struct yett_instance *instance)
{
	(void)instance;
	return fake.now_ns;
}

static void fake_random_bytes(struct yett_instance *instance, void *ret_bytes, size_t length)
{
	(void)instance;
	memset(ret_bytes, 0, length);
	memcpy(ret_bytes, &fake.chance,
		length < sizeof(fake.chance) ? length : sizeof(fake.chance));
}

static void fake_metric(struct yett_instance *instance, uint32_t index, int64_t value)
{
	(void)instance;
	fake.metrics[index] += value;
}

static void __attribute__((format(printf, 4, 5)))
fake_log(struct yett_instance *instance, int level, const char *event, const char *format, ...)
{
	(void)instance;
	(void)format;
	CU_ASSERT(level >= YETT_LOG_NOTICE);
	snprintf(fake.event, sizeof(fake.event), "%s", event);
}

static int __attribute__((format(printf, 4, 5)))
fake_fail(struct yett_error *error, int code, const char *mend, const char *format, ...)
{
	(void)error;
	(void)mend;
	(void)format;
	return code;
}

static const struct yett_host fake_host = {
	.size = sizeof(fake_host),
	.abi_major = YETT_ABI_MAJOR,
	.abi_minor = YETT_ABI_MINOR,
	.log = fake_log,
	.fail = fake_fail,
	.monotonic_ns = fake_monotonic_ns,
	.random_bytes = fake_random_bytes,
	.metric = fake_metric,
};

static const char *const fake_names[FAKE_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};

/* `priorities`: a digit each, or NULL for the order of the table. */
static size_t fake_upstreams(
	const char *states, const char *priorities, struct yett_upstream ret_table[FAKE_MAX])
{
	size_t count = strlen(states);

	for (size_t i = 0; i < count; i++) {
		char s = states[i];

		ret_table[i] = (struct yett_upstream){
			.size = sizeof(ret_table[i]),
			.name = fake_names[i],
			.since_ns = fake.now_ns,
			.state = s == 'U' || s == 'F' ? YETT_UPSTREAM_UP
				 : s == 'N'           ? YETT_UPSTREAM_NO_PATH
				 : s == 'C'           ? YETT_UPSTREAM_CONNECTING
						      : YETT_UPSTREAM_DOWN,
			.usable = s == 'U',
			.priority =
				priorities != NULL ? (uint32_t)(priorities[i] - '0') : (uint32_t)i,
		};
	}
	return count;
}

static void *fake_create_in(const struct yett_module *module, const void *settings, uint32_t relay)
{
	struct yett_create with = {.size = sizeof(with),
		.name = "test",
		.settings = settings,
		.node = "n.example",
		.relay = relay};
	void *self = NULL;

	memset(&fake, 0, sizeof(fake));
	CU_ASSERT_EQUAL_FATAL(module->life->create(&fake_host, &with, &self, NULL), 0);
	return self;
}

static inline void *fake_create(const struct yett_module *module, const void *settings)
{
	return fake_create_in(module, settings, 0);
}

static void fake_run(const struct yett_module *module, void *self, const char *name,
	const char *priorities, const struct fake_step *steps)
{
	const struct yett_policy_operations *policy = module->operations;

	for (const struct fake_step *step = steps; step->states != NULL; step++) {
		struct yett_upstream table[FAKE_MAX];
		uint64_t again_ns = 1;
		uint32_t got;
		char letter;
		size_t count;

		fake.now_ns = step->at_s * FAKE_SECOND;
		fake.event[0] = '\0';
		count = fake_upstreams(step->states, priorities, table);
		policy->update(self, table, count);
		memset(table, 0xa5, sizeof(table)); /* it was only borrowed */
		got = policy->pick(self, YETT_LANE_NORMAL, &again_ns);
		letter = got == YETT_POLICY_NONE ? '-' : (char)('0' + got);
		if (letter != step->want || again_ns != step->again_s * FAKE_SECOND ||
			strcmp(fake.event, step->event != NULL ? step->event : "") != 0) {
			printf("\n%s, step %td: picked %c, again at %.3f s, event '%s'\n", name,
				step - steps, letter, (double)again_ns / 1e9, fake.event);
			CU_FAIL("not what the table wants");
		} else {
			CU_PASS();
		}
	}
}

#endif
