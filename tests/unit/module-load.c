/* What the loader takes and refuses. Each refusal says what the module wants, what this core offers,
 * and what would mend it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "module/load.h"
#include "suite.h"

#define BAD YETT_TEST_BUILDDIR "/tests/unit/modules-bad/.libs"

static const struct {
	const char *module;
	uint32_t kind;
	int want;
	const char *says, *mends;
} refusals[] = {
	{"missing", YETT_KIND_POLICY, YETT_ENOTFOUND, "missing.so", "module-directory"},
	{"no-symbol", YETT_KIND_POLICY, YETT_EABI, "does not export yett_module",
		"name a module of Yett"},
	{"magic", YETT_KIND_POLICY, YETT_EABI, "no descriptor", "name a module of Yett"},
	{"unresolved", YETT_KIND_POLICY, YETT_EABI, "yett_nobody_has_this", "build it again"},
	{"older-major", YETT_KIND_POLICY, YETT_EABI, "wants ABI 0.0, this core offers 1.0",
		"build the module against"},
	{"newer-major", YETT_KIND_POLICY, YETT_EABI, "wants ABI 2.0, this core offers 1.0",
		"update Yett"},
	{"newer-minor", YETT_KIND_POLICY, YETT_EABI, "wants ABI 1.1, this core offers 1.0",
		"update Yett"},
	{"kind-none", YETT_KIND_POLICY, YETT_EABI, "of kind 0, this core knows the kinds 1",
		"update Yett"},
	{"kind-beyond", YETT_KIND_POLICY, YETT_EABI, "of kind 7, this core knows the kinds 1",
		"update Yett"},
	{"plain", YETT_KIND_QUEUE, YETT_EABI, "is a policy module, and a queue module is wanted",
		"of the kind that belongs here"},
	{"plain", YETT_KIND_STORE, YETT_EABI, "is a policy module, and a store module is wanted",
		"of the kind that belongs here"},
	{"no-name", YETT_KIND_POLICY, YETT_EABI, "incomplete descriptor", "give it a name"},
	{"no-life", YETT_KIND_POLICY, YETT_EABI, "incomplete descriptor", "create, destroy"},
	{"no-operations", YETT_KIND_POLICY, YETT_EABI, "incomplete descriptor", "operations"},
	{"no-create", YETT_KIND_POLICY, YETT_EABI, "incomplete descriptor", "create, destroy"},
	{"no-destroy", YETT_KIND_POLICY, YETT_EABI, "incomplete descriptor", "create, destroy"},
	{"no-pick", YETT_KIND_POLICY, YETT_EABI, "every policy module must have (number 2)",
		"the kind's header"},
	{"short-life", YETT_KIND_POLICY, YETT_EABI, "incomplete descriptor", "create, destroy"},
	{"short-operations", YETT_KIND_POLICY, YETT_EABI,
		"every policy module must have (number 2)", "the kind's header"},
	{"short-descriptor", YETT_KIND_POLICY, YETT_EABI, "incomplete descriptor", "operations"},
	{"sizeless", YETT_KIND_POLICY, YETT_EABI, "incomplete descriptor", "create, destroy"},
};

static void expect_refusal(struct yett_loader *loader, const char *module, uint32_t kind, int want,
	const char *says, const char *mends)
{
	const struct yett_module *found = NULL;
	struct yett_error error = YETT_ERROR_INIT;
	int result = yett_loader_load(loader, module, kind, BAD, &found, &error);

	CU_ASSERT_PTR_NULL(found);
	if (result != want || error.code != want || strstr(error.text, says) == NULL ||
		strstr(error.mend, mends) == NULL) {
		fprintf(stderr, "%s: %s: %s; %s\n", module, yett_result_name(result), error.text,
			error.mend);
		CU_FAIL("another answer than wanted");
	}
}

static int count_one(void *arg, const struct yett_module *module, const char *file)
{
	unsigned *count = arg;

	(void)module;
	(void)file;
	++*count;
	return 0;
}

static unsigned loaded(const struct yett_loader *loader)
{
	unsigned count = 0;

	yett_loader_walk(loader, count_one, &count);
	return count;
}

static void refuses_what_does_not_fit(void)
{
	struct yett_loader *loader = yett_loader_new();

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		/* Twice: a refusal leaves nothing that would be taken the next time. */
		for (int round = 0; round < 2; round++) {
			expect_refusal(loader, refusals[i].module, refusals[i].kind,
				refusals[i].want, refusals[i].says, refusals[i].mends);
		}
	}
	CU_ASSERT_EQUAL(loaded(loader), 0);
	yett_loader_free(loader);
}

static void refuses_what_is_no_object(void)
{
	static const char *const texts[] = {"", "#!/bin/sh\n", "\177ELF", "\177ELF\2\1\1 and more"};
	struct yett_loader *loader = yett_loader_new();
	char base[] = "/tmp/yett-load-XXXXXX", path[64];

	CU_ASSERT_FATAL(mkdtemp(base) != NULL);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%zu.so", base, i);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		CU_ASSERT_FATAL(fd >= 0);
		CU_ASSERT_EQUAL(write(fd, texts[i], strlen(texts[i])), (ssize_t)strlen(texts[i]));
		close(fd);
		expect_refusal(loader, path, YETT_KIND_POLICY, YETT_EABI, "cannot be loaded",
			"build it again with the SDK");
		unlink(path);
	}
	rmdir(base);
	yett_loader_free(loader);
}

static void loads_once(void)
{
	struct yett_loader *loader = yett_loader_new();
	const struct yett_module *first = NULL, *second = NULL, *by_path = NULL;
	struct yett_error error = YETT_ERROR_INIT;

	CU_ASSERT_EQUAL_FATAL(
		yett_loader_load(loader, "plain", YETT_KIND_POLICY, BAD, &first, &error), 0);
	CU_ASSERT_EQUAL(
		yett_loader_load(loader, "plain", YETT_KIND_POLICY, BAD, &second, &error), 0);
	CU_ASSERT_EQUAL(yett_loader_load(loader, BAD "/plain.so", YETT_KIND_POLICY, "/nowhere",
				&by_path, &error),
		0);
	CU_ASSERT_PTR_EQUAL(first, second);
	CU_ASSERT_PTR_EQUAL(first, by_path);
	CU_ASSERT_EQUAL(loaded(loader), 1);
	CU_ASSERT_STRING_EQUAL(first->name, "policy-variant");
	CU_ASSERT_PTR_NOT_NULL(first->metrics);
	/* What is loaded already is held against the wanted kind as well. */
	expect_refusal(loader, "plain", YETT_KIND_SOURCE, YETT_EABI, "a source module is wanted",
		"of the kind that belongs here");
	yett_loader_free(loader);
}

/* Two files are two modules, though a descriptor's number comes again. */
static void tells_files_apart(void)
{
	struct yett_loader *loader = yett_loader_new();
	const struct yett_module *plain = NULL, *older = NULL;
	struct yett_error error = YETT_ERROR_INIT;

	CU_ASSERT_EQUAL_FATAL(
		yett_loader_load(loader, "plain", YETT_KIND_POLICY, BAD, &plain, &error), 0);
	CU_ASSERT_EQUAL_FATAL(
		yett_loader_load(loader, "older", YETT_KIND_POLICY, BAD, &older, &error), 0);
	CU_ASSERT_PTR_NOT_EQUAL(plain, older);
	CU_ASSERT_PTR_NOT_EQUAL(((const struct yett_policy_operations *)plain->operations)->pick,
		((const struct yett_policy_operations *)older->operations)->pick);
	yett_loader_free(loader);
}

/* What a module of older headers does not have is NULL, whatever stands behind its tables. */
static void takes_older_tables(void)
{
	struct yett_loader *loader = yett_loader_new();
	const struct yett_module *module = NULL;
	const struct yett_policy_operations *operations;
	struct yett_error error = YETT_ERROR_INIT;

	CU_ASSERT_EQUAL_FATAL(
		yett_loader_load(loader, "older", YETT_KIND_POLICY, BAD, &module, &error), 0);
	operations = module->operations;
	CU_ASSERT_PTR_NOT_NULL(operations->pick);
	CU_ASSERT_PTR_NULL(operations->wanted);
	CU_ASSERT_PTR_NULL(operations->explain);
	CU_ASSERT_PTR_NULL(module->metrics);
	CU_ASSERT_EQUAL(module->settings_size, 0);
	CU_ASSERT_PTR_NULL(module->life->start);
	yett_loader_free(loader);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"refuses what does not fit", refuses_what_does_not_fit},
		{"refuses what is no object", refuses_what_is_no_object},
		{"loads once", loads_once},
		{"tells files apart", tells_files_apart},
		{"takes older tables", takes_older_tables},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "module-load", tests);
}
