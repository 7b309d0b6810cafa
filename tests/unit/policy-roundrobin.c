/* policy-roundrobin: whose turn it is, in tables of steps. */
#include "policy-fake.h"
#include "suite.h"

extern const struct yett_module yett_module;

struct settings {
	int64_t batches;
};

struct round {
	const char *name;
	int64_t batches;
	struct fake_step steps[12];
};

static const struct round rounds[] = {
	{"none at all", 1, {{0, "", '-', 0, NULL}}},
	{"one", 1, {{0, "U", '0', 0, NULL}, {0, "U", '0', 0, NULL}, {0, "D", '-', 0, NULL}}},
	{"in turn", 1,
		{{0, "UUU", '0', 0, NULL}, {0, "UUU", '1', 0, NULL}, {0, "UUU", '2', 0, NULL},
			{0, "UUU", '0', 0, NULL}}},
	{"skips what is down or full", 1,
		{{0, "UDUF", '0', 0, NULL}, {0, "UDUF", '2', 0, NULL}, {0, "UDUF", '0', 0, NULL},
			{0, "FDUU", '2', 0, NULL}, {0, "FDUU", '3', 0, NULL}}},
	{"all down, then back", 1,
		{{0, "UU", '0', 0, NULL}, {0, "DC", '-', 0, NULL}, {0, "FF", '-', 0, NULL},
			{0, "UU", '1', 0, NULL}, {0, "UU", '0', 0, NULL}}},
	{"two batches each", 2,
		{{0, "UU", '0', 0, NULL}, {0, "UU", '0', 0, NULL}, {0, "UU", '1', 0, NULL},
			{0, "FU", '1', 0, NULL}, {0, "UU", '0', 0, NULL}, {0, "DU", '1', 0, NULL}}},
	{"the table shrinks and grows", 1,
		{{0, "UUU", '0', 0, NULL}, {0, "UUU", '1', 0, NULL}, {0, "UUU", '2', 0, NULL},
			{0, "U", '0', 0, NULL}, {0, "UU", '1', 0, NULL}, {0, "", '-', 0, NULL},
			{0, "UU", '0', 0, NULL}}},
};

static void test_rounds(void)
{
	for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++) {
		struct settings settings = {.batches = rounds[i].batches};
		void *self = fake_create(&yett_module, &settings);

		fake_run(&yett_module, self, rounds[i].name, NULL, rounds[i].steps);
		yett_module.life->destroy(self);
	}
}

/* Ten thousand batches over three upstreams: as even as can be. */
static void test_even(void)
{
	const struct yett_policy_operations *policy = yett_module.operations;
	struct settings settings = {.batches = 1};
	void *self = fake_create(&yett_module, &settings);
	struct yett_upstream table[FAKE_MAX];
	size_t count = fake_upstreams("UUU", NULL, table);
	unsigned given[3] = {0};
	char text[128];

	for (int i = 0; i < 9999; i++) {
		uint64_t again_ns;

		policy->update(self, table, count);
		given[policy->pick(self, (uint32_t)i % YETT_LANES, &again_ns)]++;
	}
	CU_ASSERT(given[0] == 3333 && given[1] == 3333 && given[2] == 3333);
	CU_ASSERT_EQUAL(fake.metrics[0], 9998 /* every one but the first */);
	CU_ASSERT(policy->explain(self, text, sizeof(text)) > 0);
	CU_ASSERT_STRING_EQUAL(text, "3 of 3 upstreams take batches, each 1 in turn");
	yett_module.life->destroy(self);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"rounds", test_rounds},
		{"even", test_even},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "policy-roundrobin", tests);
}
