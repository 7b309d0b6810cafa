/* What the tests of core/conf share: a text is loaded as if it were a file, and a suite is run. */
#ifndef YETT_TEST_CONF_TEXT_H
#define YETT_TEST_CONF_TEXT_H

#include <CUnit/Basic.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "conf-modules.h"

#define FILE_NAME "/etc/yett/f"

/* A whole agent in three lines; what a test adds begins in line 4. */
#define AGENT                                                                                      \
	"node = { name = \"a.example\"; user = \"\"; };\n"                                         \
	"authentication = { module = \"auth-x509\"; };\n"                                          \
	"upstreams = { name = \"ms.example\"; };\n"
/* A whole management server, likewise. */
#define SERVER                                                                                     \
	"node = { name = \"ms.example\"; user = \"\"; };\n"                                        \
	"group = { name = \"HOME\"; id = \"6f1c1cc4-8b2e-4b8f-9d0e-1f2a3b4c5d6e\"; };\n"           \
	"store = { module = \"store-sqlite\"; };\n"

static inline char *printed(const struct yett_problems *problems)
{
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	yett_problems_print(problems, to);
	fclose(to);
	return text;
}

static inline struct yett_conf *load(const char *text, char **ret_problems)
{
	struct yett_problems *problems = yett_problems_new();
	struct yett_conf *conf = NULL;
	int result =
		yett_conf_load_string(text, strlen(text), FILE_NAME, &test_hooks, &conf, problems);

	CU_ASSERT_EQUAL(result, conf != NULL ? 0 : YETT_ECONFIG);
	CU_ASSERT_EQUAL(yett_problems_count(problems) == 0, result == 0);
	*ret_problems = printed(problems);
	yett_problems_free(problems);
	return conf;
}

static inline struct yett_conf *load_well(const char *text)
{
	char *problems;
	struct yett_conf *conf = load(text, &problems);

	if (problems[0] != '\0') {
		fprintf(stderr, "\nnot expected: %s", problems);
	}
	CU_ASSERT_STRING_EQUAL(problems, "");
	free(problems);
	return conf;
}

#endif
