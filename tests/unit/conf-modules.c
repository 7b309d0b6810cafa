/* See conf-modules.h. Static descriptors; the hooks keep nothing. */
#include "conf-modules.h"

#include <string.h>

#include <yett/queue.h>

typedef __typeof__(((struct test_settings *)0)->retry) retry_group;
typedef __typeof__(((struct test_settings *)0)->retry.inner) inner_group;

static const char *const modes[] = {"slow", "fast", "careful", NULL};
static const struct yett_schema check_rows[] = {
	YETT_ROW_STRING(
		struct test_check, command, "command", YETT_SCHEMA_REQUIRED, NULL, "What is run."),
	YETT_ROW_DURATION(struct test_check, timeout_ns, "timeout", 0, "10 s", 1000000,
		3600000000000, "How long it may take."),
	YETT_ROW_STRINGS(struct test_check, arguments, "arguments", 0, "[\"-a\", \"b \\\"c\\\"\"]",
		"What it is given."),
	YETT_ROW_END,
};
static const struct yett_schema inner_rows[] = {
	YETT_ROW_INT(inner_group, deep, "deep", 0, "7", 0, 9, "A number deep down."),
	YETT_ROW_END,
};
static const struct yett_schema retry_rows[] = {
	YETT_ROW_DURATION(retry_group, after_ns, "after", YETT_SCHEMA_LIVE, "5 s", 0, 0,
		"When to try again."),
	YETT_ROW_STRING(retry_group, who, "who", YETT_SCHEMA_REQUIRED, NULL, "Who tries."),
	YETT_ROW_GROUP(retry_group, inner, "inner", 0, inner_rows, "A group in a group."),
	YETT_ROW_END,
};
#define T struct test_settings
static const struct yett_schema rows[] = {
	YETT_ROW_PATH(T, path, "path", 0, "test.db", "Where it is kept."),
	YETT_ROW_STRING(T, password, "password", YETT_SCHEMA_SECRET, "", "A secret | of | it."),
	YETT_ROW_STRING(T, optional, "optional", 0, NULL, "May be left out."),
	YETT_ROW_SIZE(T, size_bytes, "size", YETT_SCHEMA_LIVE, "100 MiB", 4096, 1 << 30,
		"How large it may grow."),
	YETT_ROW_INT(T, count, "count", YETT_SCHEMA_LIVE | YETT_SCHEMA_REMOTE, "3", -5, 1000,
		"How many."),
	YETT_ROW_INT(T, any, "any", 0, "0", 0, 0, "A number without limits."),
	YETT_ROW_BOOL(T, fast, "fast", 0, "false", "Whether it hurries."),
	YETT_ROW_CHOICE(T, mode, "mode", 0, "careful", modes, "How it goes about it."),
	YETT_ROW_PATHS(T, trust, "trust", 0, "[\"ca.pem\"]", ".What it trusts: C:\\x."),
	YETT_ROW_GROUPS(T, checks, "checks", 0, struct test_check, check_rows, "What to check."),
	YETT_ROW_GROUP(T, retry, "retry", 0, retry_rows, "How to try again."),
	YETT_ROW_END,
};
static const struct yett_schema strict_rows[] = {
	YETT_ROW_PATH(T, path, "certificate", YETT_SCHEMA_REQUIRED, NULL, "The certificate."),
	YETT_ROW_PATHS(T, trust, "trust", YETT_SCHEMA_REQUIRED, NULL, "The anchors."),
	YETT_ROW_END,
};
static const struct yett_schema broken_rows[] = {
	YETT_ROW_STRING(T, path, "name", 0, "", "A name that each block has."),
	YETT_ROW_END,
};
static const struct yett_metric metrics[] = {
	{"polls", "1", "How often it was asked.", YETT_METRIC_COUNTER},
	{NULL, NULL, NULL, 0},
};

static const struct yett_queue_operations durable = {
	.size = sizeof(durable), .flags = YETT_QUEUE_DURABLE};
static const struct yett_queue_operations fleeting = {.size = sizeof(fleeting)};

#define MODULE_OF(k, n, r, o)                                                                      \
	{                                                                                          \
		.magic = YETT_MODULE_MAGIC, .size = sizeof(struct yett_module), .kind = (k),       \
		.name = (n), .version = "1", .licence = "Apache-2.0", .summary = "For tests.",     \
		.operations = (o), .schema = (r), .metrics = metrics, .settings_size = sizeof(T)   \
	}
#define MODULE(k, n, r) MODULE_OF(k, n, r, NULL)
const struct yett_module test_module = MODULE(YETT_KIND_SOURCE, "source-test", rows);
static const struct yett_module modules[] = {
	MODULE(YETT_KIND_TRANSPORT, "transport-tls", rows),
	MODULE(YETT_KIND_TRANSPORT, "transport-strict", strict_rows),
	MODULE(YETT_KIND_AUTH, "auth-x509", rows),
	MODULE(YETT_KIND_AUTH, "auth-kerberos", rows),
	MODULE_OF(YETT_KIND_QUEUE, "queue-disk", rows, &durable),
	MODULE_OF(YETT_KIND_QUEUE, "queue-memory", NULL, &fleeting),
	MODULE(YETT_KIND_POLICY, "policy-failover", rows),
	MODULE(YETT_KIND_POLICY, "wrong-kind", rows),
	MODULE(YETT_KIND_SOURCE, "source-host", rows),
	MODULE(YETT_KIND_SOURCE, "broken", broken_rows),
	MODULE(YETT_KIND_STORE, "store-sqlite", rows),
};

static const struct yett_module *resolve(void *arg, const char *module, uint32_t kind,
	const char *directory, struct yett_error *error)
{
	(void)arg;
	(void)kind;
	if (strcmp(module, test_module.name) == 0) {
		return &test_module;
	}
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		if (strcmp(modules[i].name, module) == 0) {
			return &modules[i];
		}
	}
	(void)yett_fail(
		error, YETT_ENOTFOUND, "install it", "%s/%s.so is not there", directory, module);
	return NULL;
}

static int check(
	void *arg, const struct yett_module *module, const void *settings, struct yett_error *error)
{
	const struct test_settings *test = settings;

	(void)arg;
	(void)module;
	if (test->path != NULL && strlen(test->path) > 8 &&
		strcmp(test->path + strlen(test->path) - 8, "/refused") == 0) {
		return yett_fail(error, YETT_ECONFIG, "make it", "%s is not there", test->path);
	}
	return 0;
}

const struct yett_conf_hooks test_hooks = {NULL, resolve, check, NULL};
