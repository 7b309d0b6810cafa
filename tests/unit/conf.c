/* Mistakes in configurations: each class with its exact words and line, and six at once. */
#include "conf-text.h"

/* `want` are the lines of the answer, without the file's name before each. */
struct mistake {
	const char *name, *text, *want;
};

static void try_mistakes(const struct mistake *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *got, **lines, *want;
		struct yett_conf *conf = load(table[i].text, &got);

		lines = g_strsplit(got, FILE_NAME, -1);
		want = g_strjoinv("", lines);
		if (strcmp(want, table[i].want) != 0) {
			fprintf(stderr, "\n%s:\n  got  %s  want %s\n", table[i].name, want,
				table[i].want);
		}
		CU_ASSERT_STRING_EQUAL(want, table[i].want);
		CU_ASSERT_PTR_NULL(conf);
		yett_conf_free(conf);
		g_strfreev(lines);
		g_free(want);
		free(got);
	}
}
#define TRY(table) try_mistakes(table, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	static const CU_TestInfo tests[] = {
		{"values against their rows", test_values},
		{"module blocks", test_blocks},
		{"what rows cannot say", test_meaning},
		{"grammar", test_grammar},
		{"six mistakes at once", test_six},
		CU_TEST_INFO_NULL,
	};

	return run_suite("conf", tests);
}
