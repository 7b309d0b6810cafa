/* policy-failover: which upstream, and when to go back, in tables of steps on a turned clock. */
#include "policy-fake.h"
#include "suite.h"

extern const struct yett_module yett_module;

struct settings {
	uint64_t failback_ns;
	uint64_t failback_jitter_ns;
	uint64_t patience_ns;
	uint64_t stall_ns;
	int64_t standby;
};

/* failback 30 s, jitter up to 10 s of which chance draws `jitter_s`, patience 10 s */
struct course {
	const char *name;
	const char *priorities;
	uint64_t jitter_s;
	struct fake_step steps[12];
};

#define OVER "upstream-failover"
#define BACK "upstream-failback"

static const struct course courses[] = {
	{"none at all", NULL, 0, {{1, "", '-', 0, NULL}}},
	{"none up", NULL, 0, {{1, "DC", '-', 0, NULL}}},
	{"the first, while it is up", NULL, 0,
		{{1, "UU", '0', 0, NULL}, {2, "UD", '0', 0, NULL}, {99, "UU", '0', 0, NULL}}},
	{"over at once, back after 30 s", NULL, 0,
		{{1, "UU", '0', 0, NULL}, {2, "DU", '1', 0, OVER}, {5, "CU", '1', 0, NULL},
			{6, "UU", '1', 36, NULL}, {35, "UU", '1', 36, NULL},
			{36, "UU", '0', 0, BACK}, {37, "UU", '0', 0, NULL}}},
	{"back later by chance", NULL, 7,
		{{1, "UU", '0', 0, NULL}, {2, "DU", '1', 0, OVER}, {6, "UU", '1', 43, NULL},
			{42, "UU", '1', 43, NULL}, {43, "UU", '0', 0, BACK}}},
	{"a flapping one starts its time anew", NULL, 0,
		{{1, "UU", '0', 0, NULL}, {2, "DU", '1', 0, OVER}, {6, "UU", '1', 36, NULL},
			{20, "DU", '1', 0, NULL}, {22, "UU", '1', 52, NULL},
			{36, "UU", '1', 52, NULL}, {52, "UU", '0', 0, BACK}}},
	{"the failover goes too: back without waiting", NULL, 0,
		{{1, "UU", '0', 0, NULL}, {2, "DU", '1', 0, OVER}, {6, "UU", '1', 36, NULL},
			{7, "UD", '0', 0, BACK}}},
	{"all gone, then whichever comes first", NULL, 0,
		{{1, "UU", '0', 0, NULL}, {2, "DD", '-', 0, NULL}, {3, "DU", '1', 0, OVER},
			{4, "UU", '1', 34, NULL}, {34, "UU", '0', 0, BACK}}},
	{"a start does not wait", NULL, 5,
		{{1, "CC", '-', 0, NULL}, {2, "CU", '1', 0, NULL}, {3, "NU", '1', 0, NULL},
			{4, "UU", '0', 0, BACK}}},
	{"one that failed at the start does", NULL, 0,
		{{1, "CC", '-', 0, NULL}, {2, "DU", '1', 0, NULL}, {3, "CU", '1', 0, NULL},
			{4, "UU", '1', 34, NULL}, {34, "UU", '0', 0, BACK}}},
	{"full is not gone", NULL, 0,
		{{1, "UU", '0', 0, NULL}, {2, "FU", '-', 12, NULL}, {3, "UU", '0', 0, NULL},
			{5, "FU", '-', 15, NULL}, {14, "FU", '-', 15, NULL}}},
	{"full for too long is", NULL, 0,
		{{1, "UU", '0', 0, NULL}, {2, "FU", '-', 12, NULL}, {12, "FU", '1', 0, OVER},
			{13, "FU", '1', 0, NULL}, {20, "UU", '1', 50, NULL},
			{50, "UU", '0', 0, BACK}}},
	{"full and alone waits", NULL, 0,
		{{1, "UD", '0', 0, NULL}, {2, "FD", '-', 0, NULL}, {99, "FD", '-', 0, NULL},
			{100, "UD", '0', 0, NULL}}},
	{"no path: over, and damped back", NULL, 0,
		{{1, "UU", '0', 0, NULL}, {2, "NU", '1', 0, OVER}, {3, "UU", '1', 33, NULL},
			{33, "UU", '0', 0, BACK}}},
	{"no path anywhere", NULL, 0, {{1, "DN", '-', 0, NULL}, {2, "NN", '-', 0, NULL}}},
	{"over to one that is full: it is waited for", NULL, 0,
		{{1, "UUU", '0', 0, NULL}, {2, "DFU", '-', 12, OVER}, {3, "DUU", '1', 0, NULL}}},
	{"at a start, one that is full is waited for", NULL, 0,
		{{1, "FU", '-', 11, NULL}, {2, "UU", '0', 0, NULL}}},
	{"left for being full, and full for long", NULL, 0,
		{{1, "UU", '0', 0, NULL}, {2, "FU", '-', 12, NULL}, {12, "FU", '1', 0, OVER},
			{99, "FU", '1', 0, NULL}, {100, "FF", '-', 0, NULL},
			{101, "FD", '-', 0, BACK}, {102, "UD", '0', 0, NULL}}},
	{"by priority, not by place", "210", 0,
		{{1, "UUU", '2', 0, NULL}, {2, "UUD", '1', 0, OVER}, {3, "UDD", '0', 0, OVER},
			{4, "UUD", '0', 34, NULL}, {10, "UUU", '0', 40, NULL},
			{40, "UUU", '2', 0, BACK}}},
	{"equal priorities: by place", "000", 0,
		{{1, "DUU", '1', 0, NULL}, {2, "DDU", '2', 0, OVER}}},
	{"the table shrinks and grows", NULL, 0,
		{{1, "DUU", '1', 0, NULL}, {2, "DU", '1', 0, NULL}, {3, "D", '-', 0, NULL},
			{4, "", '-', 0, NULL}, {5, "DUU", '1', 0, NULL}}},
};

static struct settings standard(void)
{
	return (struct settings){.failback_ns = 30 * FAKE_SECOND,
		.failback_jitter_ns = 10 * FAKE_SECOND,
		.patience_ns = 10 * FAKE_SECOND,
		.stall_ns = 30 * FAKE_SECOND,
		.standby = 1};
}

static void test_courses(void)
{
	for (size_t i = 0; i < sizeof(courses) / sizeof(courses[0]); i++) {
		struct settings settings = standard();
		void *self = fake_create(&yett_module, &settings);

		fake.chance = courses[i].jitter_s * FAKE_SECOND;
		fake_run(&yett_module, self, courses[i].name, courses[i].priorities,
			courses[i].steps);
		yett_module.life->destroy(self);
	}
}

/* Each lane has room of its own: that one has plenty does not hide that another is stuck, and the
 * way back waits for the lane that was stuck. */
static void test_lanes(void)
{
	static const struct {
		uint64_t at_s;
		uint32_t lane;
		const char *states;
		uint32_t want;
	} steps[] = {
		{1, YETT_LANE_BULK, "UU", 0},
		{2, YETT_LANE_BULK, "FU", YETT_POLICY_NONE},
		{3, YETT_LANE_URGENT, "UU", 0},
		{11, YETT_LANE_BULK, "FU", YETT_POLICY_NONE},
		{11, YETT_LANE_URGENT, "UU", 0},
		{12, YETT_LANE_BULK, "FU", 1},
		{13, YETT_LANE_URGENT, "UU", 1},
		{60, YETT_LANE_URGENT, "UU", 1},
		{61, YETT_LANE_BULK, "UU", 1},
		{90, YETT_LANE_BULK, "UU", 1},
		{91, YETT_LANE_URGENT, "UU", 0},
		/* A lane that has nothing any more does not keep the others away. */
		{92, YETT_LANE_BULK, "FU", YETT_POLICY_NONE},
		{102, YETT_LANE_BULK, "FU", 1},
		{162, YETT_LANE_URGENT, "UU", 1},
		{163, YETT_LANE_URGENT, "UU", 1},
		{192, YETT_LANE_URGENT, "UU", 1},
		{193, YETT_LANE_URGENT, "UU", 0},
	};
	const struct yett_policy_operations *policy = yett_module.operations;
	struct settings settings = standard();
	void *self = fake_create(&yett_module, &settings);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct yett_upstream table[FAKE_MAX];
		uint64_t again_ns;
		uint32_t got;

		fake.now_ns = steps[i].at_s * FAKE_SECOND;
		policy->update(self, table, fake_upstreams(steps[i].states, NULL, table));
		got = policy->pick(self, steps[i].lane, &again_ns);
		if (got != steps[i].want) {
			printf("\nstep %zu: picked %u\n", i, got);
		}
		CU_ASSERT_EQUAL(got, steps[i].want);
	}
	yett_module.life->destroy(self);
}

/* Where the way back takes no time, what is full is left nevertheless. */
static void test_no_failback(void)
{
	static const struct fake_step steps[] = {{1, "UU", '0', 0, NULL}, {2, "FU", '-', 12, NULL},
		{7, "FU", '-', 12, NULL}, {12, "FU", '1', 0, OVER}, {13, "FU", '1', 0, NULL},
		{14, "UU", '0', 0, BACK}, {0, NULL, 0, 0, NULL}};
	struct settings settings = standard();
	void *self;

	settings.failback_ns = settings.failback_jitter_ns = 0;
	self = fake_create(&yett_module, &settings);
	fake_run(&yett_module, self, "no failback", NULL, steps);
	yett_module.life->destroy(self);
}

/* Whatever chance draws, the way back is within failback and failback + jitter. */
static void test_jitter(void)
{
	const struct yett_policy_operations *policy = yett_module.operations;

	for (uint64_t draw = 0; draw < 1000; draw++) {
		struct settings settings = standard();
		void *self = fake_create(&yett_module, &settings);
		struct yett_upstream table[FAKE_MAX];
		uint64_t again_ns = 0;

		fake.chance = draw * UINT64_C(0x9e3779b97f4a7c15);
		for (const char *const *states = (const char *const[]){"UU", "DU", "UU", NULL};
			*states != NULL; states++) {
			policy->update(self, table, fake_upstreams(*states, NULL, table));
			policy->pick(self, YETT_LANE_URGENT, &again_ns);
			fake.now_ns = FAKE_SECOND;
		}
		CU_ASSERT(again_ns >= 31 * FAKE_SECOND && again_ns <= 41 * FAKE_SECOND);
		yett_module.life->destroy(self);
	}
}

/* To which upstreams a session is held, and what for: a letter each, u to be used, s a standby, or '.'. */
static void test_wanted(void)
{
	static const struct {
		const char *name;
		int64_t standby;
		uint32_t relay;
		const char *before; /* the states of an update before, or NULL */
		const char *states;
		const char *want;
	} rows[] = {
		{"a start does not connect to all", 1, 0, NULL, "CDDD", "us.."},
		{"no standby", 0, 0, NULL, "CDDD", "u..."},
		{"the usual", 1, 0, NULL, "UUDD", "us.."},
		{"the usual for a gateway", -1, 1, NULL, "UUDD", "us.."},
		{"the usual for an agent", -1, 0, NULL, "UUDD", "u..."},
		{"none for a gateway", 0, 1, NULL, "UUDD", "u..."},
		{"a second standby", 2, 0, NULL, "UUDD", "uss."},
		{"the first is gone: it is tried, and there is a standby", 1, 0, "UUDD", "DUDD",
			"sus."},
		{"it is back: the third may go", 1, 0, "DUUD", "UUUD", "us.."},
		{"two are gone", 1, 0, "UUUD", "DDUD", "ssus"},
		{"without a path does not count", 1, 0, NULL, "NUDD", "sus."},
		{"no path anywhere: the first shows where this node is", 1, 0, NULL, "NNDD",
			"usss"},
		{"no standby, the first is gone: the next is to be used", 0, 0, "UDDD", "DDDD",
			"su.."},
		{"no standby, the first is back", 0, 0, "DUDD", "UUDD", "u..."},
	};
	const struct yett_policy_operations *policy = yett_module.operations;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct settings settings = standard();
		struct yett_upstream table[FAKE_MAX];
		char got[FAKE_MAX + 1] = "";
		uint64_t again_ns;
		void *self;

		settings.standby = rows[i].standby;
		self = fake_create_in(&yett_module, &settings, rows[i].relay);
		if (rows[i].before != NULL) {
			policy->update(self, table, fake_upstreams(rows[i].before, NULL, table));
			policy->pick(self, YETT_LANE_NORMAL, &again_ns);
		}
		policy->update(self, table, fake_upstreams(rows[i].states, NULL, table));
		policy->pick(self, YETT_LANE_NORMAL, &again_ns);
		for (uint32_t u = 0; u < strlen(rows[i].states); u++) {
			got[u] = ".us"[policy->wanted(self, u)];
		}
		if (strcmp(got, rows[i].want) != 0) {
			printf("\n%s: got %s, want %s\n", rows[i].name, got, rows[i].want);
		}
		CU_ASSERT_STRING_EQUAL(got, rows[i].want);
		yett_module.life->destroy(self);
	}
}

/* What is known of an upstream goes with its name when the table changes under it. */
static void test_names(void)
{
	const struct yett_policy_operations *policy = yett_module.operations;
	struct settings settings = standard();
	void *self = fake_create(&yett_module, &settings);
	struct yett_upstream table[FAKE_MAX];
	uint64_t again_ns;
	char text[128];

	fake.now_ns = FAKE_SECOND;
	policy->update(self, table, fake_upstreams("DU", NULL, table));
	CU_ASSERT_EQUAL(policy->pick(self, 0, &again_ns), 1);
	/* b is now the first, c is new */
	fake_upstreams("UU", NULL, table);
	table[0].name = "b";
	table[1].name = "c";
	policy->update(self, table, 2);
	CU_ASSERT_EQUAL(policy->pick(self, 0, &again_ns), 0);
	CU_ASSERT_STRING_EQUAL(fake.event, "");
	policy->explain(self, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "b is preferred, and up");
	yett_module.life->destroy(self);
}

static void test_explain(void)
{
	static const struct {
		const char *before, *states, *want;
	} rows[] = {
		{"DD", "DD", "no upstream has been up yet"},
		{"UU", "UU", "a is preferred, and up"},
		{"UU", "DU",
			"b is used while a, which is preferred, is gone, full "
			"or stalled"},
		{"UU", "DD", "none is up; a was used last"},
	};
	const struct yett_policy_operations *policy = yett_module.operations;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct settings settings = standard();
		void *self = fake_create(&yett_module, &settings);
		struct yett_upstream table[FAKE_MAX];
		uint64_t again_ns;
		char text[128];

		policy->update(self, table, fake_upstreams(rows[i].before, NULL, table));
		policy->pick(self, 0, &again_ns);
		policy->update(self, table, fake_upstreams(rows[i].states, NULL, table));
		policy->pick(self, 0, &again_ns);
		CU_ASSERT(policy->explain(self, text, sizeof(text)) > 0);
		CU_ASSERT_STRING_EQUAL(text, rows[i].want);
		CU_ASSERT(policy->explain(self, text, 4) > 3); /* cut, not overrun */
		CU_ASSERT_EQUAL(strlen(text), 3);
		yett_module.life->destroy(self);
	}
}

/* Which is used is decided without anything to send: a node that is silent has its place too. */
static void test_without_data(void)
{
	static const struct {
		uint64_t at_s;
		const char *states;
		uint32_t want; /* the one that a session is wanted to, to be used */
	} steps[] = {
		{1, "CD", 0},
		{2, "UU", 0},
		{3, "DU", 1},
		{4, "UU", 1},
		{33, "UU", 1},
		{34, "UU", 0},
	};
	const struct yett_policy_operations *policy = yett_module.operations;
	struct settings settings = standard();
	void *self = fake_create(&yett_module, &settings);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct yett_upstream table[FAKE_MAX];

		fake.now_ns = steps[i].at_s * FAKE_SECOND;
		policy->update(self, table, fake_upstreams(steps[i].states, NULL, table));
		CU_ASSERT_EQUAL(policy->wanted(self, steps[i].want), YETT_WANTED);
		CU_ASSERT_EQUAL(policy->wanted(self, 1 - steps[i].want), YETT_WANTED_STANDBY);
	}
	yett_module.life->destroy(self);
}

/* However long a lane waits for room: once it has nothing more to send, the way back takes no longer for that. */
static void test_long_patience(void)
{
	static const struct fake_step steps[] = {{1, "UU", '0', 0, NULL},
		{2, "FU", '-', 3602, NULL}, {3602, "FU", '1', 0, OVER}, {0, NULL, 0, 0, NULL}};
	static const struct {
		uint64_t at_s;
		uint32_t want;
	} looks[] = {{3603, 1}, {3660, 1}, {3664, 1}, {3694, 0}};
	const struct yett_policy_operations *policy = yett_module.operations;
	struct settings settings = standard();
	void *self;

	settings.patience_ns = 3600 * FAKE_SECOND;
	self = fake_create(&yett_module, &settings);
	fake_run(&yett_module, self, "long patience", NULL, steps);
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		struct yett_upstream table[FAKE_MAX];

		fake.now_ns = looks[i].at_s * FAKE_SECOND;
		policy->update(self, table, fake_upstreams("UU", NULL, table));
		CU_ASSERT_EQUAL(policy->wanted(self, looks[i].want), YETT_WANTED);
	}
	yett_module.life->destroy(self);
}

/* One that takes and acknowledges nothing: it is left where there is another, and the way back takes
 * twice as long each time. */
static void test_stalls(void)
{
	static const struct {
		uint64_t at_s;
		const char *states;
		uint64_t stalled_s[2];
		uint32_t want;
		const char *event;
	} steps[] = {
		{1, "UU", {0, 0}, 0, ""},
		{40, "UD", {39, 0}, 0, ""}, /* there is no other */
		{41, "UU", {29, 0}, 0, ""},
		{42, "UU", {30, 0}, 1, OVER},
		{43, "UU", {31, 0}, 1, ""},
		{44, "DU", {0, 0}, 1, ""}, /* the core has taken back what was sent there */
		{45, "UU", {0, 0}, 1, ""},
		{74, "UU", {0, 0}, 1, ""},
		{75, "UU", {0, 0}, 0, BACK},
		{106, "UU", {30, 0}, 1, OVER},
		{107, "DU", {0, 0}, 1, ""},
		{108, "UU", {0, 0}, 1, ""},
		{167, "UU", {0, 0}, 1, ""},
		{168, "UU", {0, 0}, 0, BACK},
		{200, "UU", {5, 0}, 0, ""},
		{229, "UU", {0, 0}, 0, ""}, /* it has held for a minute: what was is forgotten */
		{260, "UU", {30, 0}, 1, OVER},
		{261, "DU", {0, 0}, 1, ""},
		{262, "UU", {0, 0}, 1, ""},
		{292, "UU", {0, 0}, 0, BACK},
		{330, "UU", {30, 0}, 1, OVER},
		{350, "UU", {50, 30}, 1, ""}, /* both: it stays, and does not go to and fro */
		{400, "UU", {90, 80}, 1, ""},
		{401, "UU", {91, 0}, 1, ""},
	};
	const struct yett_policy_operations *policy = yett_module.operations;
	struct settings settings = standard();
	void *self = fake_create(&yett_module, &settings);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct yett_upstream table[FAKE_MAX];
		uint64_t again_ns;
		uint32_t got;

		fake.now_ns = steps[i].at_s * FAKE_SECOND;
		fake.event[0] = '\0';
		fake_upstreams(steps[i].states, NULL, table);
		for (size_t u = 0; u < 2; u++) {
			table[u].stalled_ns = steps[i].stalled_s[u] * FAKE_SECOND;
		}
		policy->update(self, table, 2);
		got = policy->pick(self, YETT_LANE_NORMAL, &again_ns);
		if (got != steps[i].want || strcmp(fake.event, steps[i].event) != 0) {
			printf("\nstep %zu: picked %u, event '%s'\n", i, got, fake.event);
			CU_FAIL("not what the table wants");
		}
	}
	yett_module.life->destroy(self);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"courses", test_courses},
		{"lanes", test_lanes},
		{"without data", test_without_data},
		{"stalls", test_stalls},
		{"no failback", test_no_failback},
		{"long patience", test_long_patience},
		{"jitter", test_jitter},
		{"wanted", test_wanted},
		{"names", test_names},
		{"explain", test_explain},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "policy-failover", tests);
}
