/* base: the command line, read by a table of options. */
#include <string.h>

#include "base/line.h"
#include "suite.h"

static const struct yett_option options[] = {
	{"site", "SITE", "a text", 's', 0},
	{"all", NULL, "a switch", 'a', 0},
	{"unset", "NAME", "several", 0, YETT_OPTION_REPEATED},
	{"watch", "SECONDS", "perhaps a value", 0, YETT_OPTION_MAYBE},
	{NULL, NULL, NULL, 0, 0},
};

static const struct yett_option required[] = {
	{"primary", "NAME", "must be there", 0, YETT_OPTION_REQUIRED},
	{NULL, NULL, NULL, 0, 0},
};

/* All that was read, in one text: the words, then options with their values. */
static void print_line(const struct yett_line *line, char *ret_text, size_t size)
{
	FILE *out = fmemopen(ret_text, size, "w");

	for (int i = 0; i < line->count; i++) {
		fprintf(out, "%s ", line->words[i]);
	}
	for (size_t i = 0; i < line->given_count; i++) {
		fprintf(out, "%s=%s ", line->given[i].option->name, line->given[i].value);
	}
	fclose(out);
}

static void test_read(void)
{
	static const struct {
		const char *name;
		bool keep;
		const char *words[7], *want;
	} table[] = {
		{"nothing", false, {"x"}, "x "},
		{"operands", false, {"x", "a", "-", ""}, "x a -  "},
		{"a value behind", false, {"x", "--site", "north"}, "x site=north "},
		{"a value that is like an option", false, {"x", "--site", "--all"},
			"x site=--all "},
		{"a value within", false, {"x", "--site=a=b", "y"}, "x y site=a=b "},
		{"an empty value", false, {"x", "--site="}, "x site= "},
		{"letters", false, {"x", "-s", "n", "-sm", "-a"}, "x site=n site=m all= "},
		{"among operands", false, {"x", "a", "--all", "b"}, "x a b all= "},
		{"perhaps, without", false, {"x", "--watch", "5"}, "x 5 watch= "},
		{"perhaps, with", false, {"x", "--watch=5"}, "x watch=5 "},
		{"several", false, {"x", "--unset", "a", "--unset", "b"}, "x unset=a unset=b "},
		{"the end of options", false, {"x", "--all", "--", "--all", "-q"},
			"x --all -q all= "},
		{"others are kept", true, {"x", "--all", "--other", "--", "--all"},
			"x --other -- --all all= "},
		{"the first word is none", false, {"--all", "--all"}, "--all all= "},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct yett_error error = YETT_ERROR_INIT;
		struct yett_line line;
		char *words[8] = {NULL}, text[200] = "";
		int count = 0;

		for (; count < 7 && table[i].words[count] != NULL; count++) {
			words[count] = strdup(table[i].words[count]);
		}
		CU_ASSERT_EQUAL_FATAL(
			yett_line_read(&line, options, "x", table[i].keep, count, words, &error),
			0);
		print_line(&line, text, sizeof(text));
		if (strcmp(text, table[i].want) != 0) {
			printf("%s: \"%s\", not \"%s\"\n", table[i].name, text, table[i].want);
		}
		CU_ASSERT_STRING_EQUAL(text, table[i].want);
		yett_line_done(&line);
		while (count > 0) {
			free(words[--count]);
		}
	}
}

static void test_refuse(void)
{
	static const struct {
		const struct yett_option *options;
		const char *words[3], *text, *mend;
	} table[] = {
		{options, {"x", "--sit"}, "--sit is no option of x", "did you mean --site?"},
		{options, {"x", "-q"}, "-q is no option of x",
			"there are: --site --all --unset --watch"},
		{options, {"x", "--siteall"}, "--siteall is no option of x", NULL},
		{NULL, {"x", "--all"}, "--all is no option of x", "it has none"},
		{options, {"x", "--site"}, "--site wants a value", "--site SITE"},
		{options, {"x", "--all=yes"}, "--all takes no value", "leave it out"},
		{required, {"x", "y"}, "x wants --primary", "--primary NAME"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct yett_error error = YETT_ERROR_INIT;
		struct yett_line line;
		char *words[3] = {strdup(table[i].words[0]), strdup(table[i].words[1]), NULL};

		CU_ASSERT_EQUAL(
			yett_line_read(&line, table[i].options, "x", false, 2, words, &error),
			YETT_EINVAL);
		CU_ASSERT_STRING_EQUAL(error.text, table[i].text);
		if (table[i].mend != NULL) {
			CU_ASSERT_STRING_EQUAL(error.mend, table[i].mend);
		}
		yett_line_done(&line);
		free(words[0]);
		free(words[1]);
	}
}

static void test_values(void)
{
	char *words[] = {"x", "--site", "a", "--unset", "1", "--site", "b", "--unset", "2"};
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_line line;
	size_t place = 0;

	CU_ASSERT_EQUAL_FATAL(yett_line_read(&line, options, "x", false, 9, words, &error), 0);
	CU_ASSERT_STRING_EQUAL(yett_line_value(&line, "site"), "b");
	CU_ASSERT_PTR_NULL(yett_line_value(&line, "all"));
	CU_ASSERT_STRING_EQUAL(yett_line_next(&line, "unset", &place), "1");
	CU_ASSERT_STRING_EQUAL(yett_line_next(&line, "unset", &place), "2");
	CU_ASSERT_PTR_NULL(yett_line_next(&line, "unset", &place));
	yett_line_done(&line);
	CU_ASSERT_PTR_NULL(line.given);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"options, values and operands", test_read},
		{"what is wrong, and the nearest right word", test_refuse},
		{"the last value, and each of several", test_values},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "line", tests);
}
