/* transport-tls and the end of its certificate: what a node says of it while it runs. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "pki/authority.h"
#include "transport-ends.h"

#include "../../modules/transport-tls/tls.h"
#include "folder.h"
#include "suite.h"

#define HOUR_NS (3600 * YETT_SEC)
#define DAY_NS  (24 * HOUR_NS)

static char folder[] = "/tmp/yett-tls-XXXXXX";
static struct yett_issue_result issued;

/* A node that runs for months says in time that its certificate ends, and says it again each day. */
static void test_warned(void)
{
	static const struct {
		uint64_t after_ns;
		bool reload;
		size_t errors, warnings, all; /* each with what is worse */
		const char *last;
	} steps[] = {
		{0, false, 0, 0, 1, "certificate-loaded"},
		{DAY_NS, false, 0, 0, 1, "certificate-loaded"},
		{HOUR_NS - YETT_SEC, false, 0, 0, 1, "certificate-loaded"},
		{YETT_SEC, false, 0, 1, 2, "certificate-expires-soon"}, /* 30 days are left */
		{DAY_NS, false, 0, 2, 3, "certificate-expires-soon"},
		{28 * DAY_NS, false, 0, 30, 31, "certificate-expires-soon"},
		{12 * HOUR_NS, true, 0, 31, 32, "certificate-expires-soon"},
		{12 * HOUR_NS - YETT_SEC, false, 0, 31, 32, "certificate-expires-soon"},
		{YETT_SEC, false, 1, 32, 33, "certificate-expired"},
		{2 * DAY_NS, false, 3, 34, 35, "certificate-expired"},
	};
	struct memory_world *world = memory_world_new(17);
	struct transport *node;

	memory_world_set_wall(
		world, issued.not_after * (int64_t)YETT_SEC - (int64_t)(31 * DAY_NS + HOUR_NS));
	node = transport_new(world, issued.certificate, issued.key);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		memory_advance(world, steps[i].after_ns);
		if (steps[i].reload) {
			CU_ASSERT_EQUAL(
				transport_reload(node, issued.certificate, issued.key, NULL), 0);
		}
		CU_ASSERT_EQUAL(memory_host_logged(node->host, YETT_LOG_ERROR), steps[i].errors);
		CU_ASSERT_EQUAL(
			memory_host_logged(node->host, YETT_LOG_WARNING), steps[i].warnings);
		CU_ASSERT_EQUAL(memory_host_logged(node->host, YETT_LOG_NOTICE), steps[i].all);
		CU_ASSERT_TRUE(g_str_has_prefix(memory_host_last(node->host), steps[i].last));
	}
	transport_free(node);
	CU_ASSERT_EQUAL(memory_world_free(world), 0);
}

/* A node without a certificate has nothing that could run out. */
static void test_ephemeral(void)
{
	struct memory_world *world = memory_world_new(18);
	struct transport *node = transport_new(world, "", "");

	memory_advance(world, 4000 * DAY_NS);
	CU_ASSERT_EQUAL(memory_host_logged(node->host, YETT_LOG_NOTICE), 1);
	CU_ASSERT_TRUE(g_str_has_prefix(memory_host_last(node->host), "certificate-ephemeral"));
	transport_free(node);
	CU_ASSERT_EQUAL(memory_world_free(world), 0);
}

static void make_certificate(void)
{
	const struct yett_authority_options options = {.name = "Test root",
		.now = yett_clock_wall(&yett_clock_system) / (int64_t)YETT_SEC};
	const struct yett_issue issue = {
		.name = "node.example", .folder = folder, .not_before = options.now - 60};
	struct yett_authority *authority = NULL;
	struct yett_error error = YETT_ERROR_INIT;
	char ca[64];

	g_snprintf(ca, sizeof(ca), "%s/ca", folder);
	YETT_REQUIRE(yett_authority_create(ca, &options, &error) == 0);
	YETT_REQUIRE(yett_authority_open(ca, &authority, &error) == 0);
	YETT_REQUIRE(yett_authority_issue(authority, &issue, &issued, &error) == 0);
	yett_authority_close(&authority);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"warned in time, and each day", test_warned},
		{"no certificate", test_ephemeral},
		CU_TEST_INFO_NULL,
	};
	int result;

	if (mkdtemp(folder) == NULL) {
		return 1;
	}
	make_certificate();
	result = suite_run(argc, argv, "transport-expiry", tests);
	folder_remove(folder);
	return result;
}
