/* The parts of conf/ on their own: units, addresses, sound and unsound schemas, the list of
 * mistakes, the manual and the sample. */
#include <inttypes.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "conf-modules.h"
#include "conf/check.h"
#include "conf/kit.h"
#include "conf/reference.h"
#include "conf/schema.h"
#include "conf/units.h"
#include "suite.h"

static void test_units(void)
{
	static const struct {
		bool duration;
		const char *text;
		uint64_t want;      /* UINT64_MAX: refused */
		const char *answer; /* as it is written again, or the mend */
	} table[] = {
		{false, "4096", 4096, "4 KiB"},
		{false, "0", 0, "0 B"},
		{false, " 7 B ", 7, "7 B"},
		{false, "64KiB", 65536, "64 KiB"},
		{false, "100 MiB", 104857600, "100 MiB"},
		{false, "2 GiB", UINT64_C(1) << 31, "2 GiB"},
		{false, "3 TiB", UINT64_C(3) << 40, "3 TiB"},
		{false, "9223372036854775807", INT64_MAX, "9223372036854775807 B"},
		{false, "9223372036854775808", UINT64_MAX, "write a smaller number"},
		{false, "99999999999999999999 B", UINT64_MAX, "write a smaller number"},
		{false, "8388608 TiB", UINT64_MAX, "write a smaller number"},
		{false, "1.5 GiB", UINT64_MAX, "write for example \"64 KiB\" or \"100 MiB\""},
		{false, "-1 B", UINT64_MAX, "write for example \"64 KiB\" or \"100 MiB\""},
		{false, "", UINT64_MAX, "write for example \"64 KiB\" or \"100 MiB\""},
		{false, "KiB", UINT64_MAX, "write for example \"64 KiB\" or \"100 MiB\""},
		{false, "10 mb", UINT64_MAX, "write \"10 MiB\""},
		{false, "10 mib", UINT64_MAX, "write \"10 MiB\""},
		{false, "10 s", UINT64_MAX, "the units are B, KiB, MiB, GiB and TiB"},
		{true, "250 ms", 250000000, "250 ms"},
		{true, "60 s", 60000000000, "1 min"},
		{true, "5min", 300000000000, "5 min"},
		{true, "24 h", 86400000000000, "1 d"},
		{true, "7 d", 604800000000000, "7 d"},
		{true, "3 us", 3000, "3 us"},
		{true, "1 ns", 1, "1 ns"},
		{true, "0 s", 0, "0 s"},
		{true, "60", UINT64_MAX, "write \"60 s\""},
		{true, "0", UINT64_MAX, "write \"0 s\""},
		{true, "5 m", UINT64_MAX, "write \"5 min\""},
		{true, "5 seconds", UINT64_MAX, "write \"5 s\""},
		{true, "5 s 3 ms", UINT64_MAX, "the units are ns, us, ms, s, min, h and d"},
		{true, "106752 d", UINT64_MAX, "write a smaller number"},
		{true, "soon", UINT64_MAX, "write for example \"60 s\" or \"250 ms\""},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct yett_error error = YETT_ERROR_INIT;
		uint64_t got = UINT64_MAX;
		char text[YETT_UNITS_TEXT_SIZE];
		int result = table[i].duration ? yett_duration_parse(table[i].text, &got, &error)
					       : yett_size_parse(table[i].text, &got, &error);
		const char *answer = result != 0         ? error.mend
				     : table[i].duration ? yett_duration_text(got, text)
							 : yett_size_text(got, text);

		if (got != table[i].want || strcmp(answer, table[i].answer) != 0) {
			fprintf(stderr, "\n\"%s\": %" PRIu64 ", %s\n", table[i].text, got, answer);
		}
		CU_ASSERT_EQUAL(got, table[i].want);
		CU_ASSERT_STRING_EQUAL(answer, table[i].answer);
		CU_ASSERT_EQUAL(result, table[i].want == UINT64_MAX ? YETT_ECONFIG : 0);
	}
}

static void test_addresses(void)
{
	static const struct {
		const char *text;
		bool literal;
		const char *want; /* NULL: refused */
	} table[] = {
		{"0.0.0.0", true, "0.0.0.0:5723"},
		{"127.0.0.1:0", true, "127.0.0.1:0"},
		{"[0:0::1]", true, "[::1]:5723"},
		{"[::]:65535", true, "[::]:65535"},
		{"GW.Example:1", false, "gw.example:1"},
		{"gw", false, "gw:5723"},
		{"[::1]:9", false, "[::1]:9"},
		{"gw:0", false, NULL},
		{"gw:", false, NULL},
		{"gw:1x", false, NULL},
		{"gw:+1", false, NULL},
		{":1", false, NULL},
		{"", false, NULL},
		{"1.2.3", false, NULL},
		{"[::1]x", false, NULL},
		{"[::1]:", true, NULL},
		{"[1.2.3.4]:1", true, NULL},
		{"gw", true, NULL},
		{"[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff]",
			true, NULL},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct yett_error error = YETT_ERROR_INIT;
		char text[300] = "unchanged";
		int result = yett_address_normalise(
			table[i].text, table[i].literal, text, sizeof(text), &error);

		if ((result == 0) != (table[i].want != NULL)) {
			fprintf(stderr, "\n\"%s\": %s %s\n", table[i].text, text, error.text);
		}
		CU_ASSERT_EQUAL(result, table[i].want != NULL ? 0 : YETT_ECONFIG);
		CU_ASSERT_STRING_EQUAL(text, table[i].want != NULL ? table[i].want : "unchanged");
		CU_ASSERT_EQUAL(error.mend[0] != '\0', table[i].want == NULL);
	}
}

static void test_schemas(void)
{
	static struct yett_schema round[2];
	static const char *const none[] = {NULL};
	static const char *const reserved[] = {"module", NULL};
	static const struct yett_schema good[] = {
		{.name = "a-1", .type = YETT_TYPE_INT, .offset = 8}, YETT_ROW_END};
	static const struct yett_schema outside[] = {
		{.name = "a", .type = YETT_TYPE_INT, .offset = 9}, YETT_ROW_END};
	static const struct yett_schema far[] = {
		{.name = "a", .type = YETT_TYPE_BOOL, .offset = UINT32_MAX}, YETT_ROW_END};
	static const struct yett_schema list[] = {
		{.name = "a", .type = YETT_TYPE_BOOL, .flags = YETT_SCHEMA_LIST, .offset = 8},
		YETT_ROW_END};
	static const struct yett_schema type[] = {{.name = "a", .type = 99}, YETT_ROW_END};
	static const struct yett_schema name[] = {
		{.name = "A", .type = YETT_TYPE_BOOL}, YETT_ROW_END};
	static const struct yett_schema taken[] = {
		{.name = "module", .type = YETT_TYPE_BOOL}, YETT_ROW_END};
	static const struct yett_schema twice[] = {{.name = "a", .type = YETT_TYPE_BOOL},
		{.name = "a", .type = YETT_TYPE_BOOL}, YETT_ROW_END};
	static const struct yett_schema choice[] = {
		{.name = "a", .type = YETT_TYPE_CHOICE, .choices = none}, YETT_ROW_END};
	static const struct yett_schema limits[] = {
		{.name = "a", .type = YETT_TYPE_INT, .min = 2, .max = 1}, YETT_ROW_END};
	static const struct {
		const struct yett_schema *rows;
		const char *want; /* NULL: sound */
	} table[] = {
		{NULL, NULL},
		{good, NULL},
		{outside, "its row 'a' lies outside of its settings"},
		{far, "its row 'a' lies outside of its settings"},
		{list, "its row 'a' lies outside of its settings"},
		{type, "its row 'a' has a type that this core does not know"},
		{name, "its row \"A\" is not named in lower case, digits and '-'"},
		{taken, "its row 'module' has a name that every block has already"},
		{twice, "it has two rows 'a'"},
		{choice, "its row 'a' has no choices"},
		{limits, "its row 'a' has wrong limits"},
		{round, "its settings are too deep or large"},
	};

	round[0] = (struct yett_schema){
		.name = "a", .type = YETT_TYPE_GROUP, .item_size = 16, .rows = round};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct yett_error error = YETT_ERROR_INIT;
		int result = yett_schema_check(table[i].rows, 16, reserved, &error);

		CU_ASSERT_EQUAL(result, table[i].want != NULL ? YETT_ECONFIG : 0);
		CU_ASSERT_STRING_EQUAL(error.text, table[i].want != NULL ? table[i].want : "");
	}
	CU_ASSERT_EQUAL(
		yett_schema_check(test_module.schema, test_module.settings_size, NULL, NULL), 0);
}

static void count_visit(void *arg, const char *file, int line, const char *text, const char *mend)
{
	CU_ASSERT_PTR_NOT_NULL(file);
	CU_ASSERT_PTR_NOT_NULL(text);
	CU_ASSERT_PTR_NOT_NULL(mend);
	CU_ASSERT(line >= *(int *)arg);
	*(int *)arg = line;
}

static void test_problems(void)
{
	struct yett_problems *problems = yett_problems_new();
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);
	int last = 0;

	yett_problems_add(problems, "a", 9, "", "nine");
	yett_problems_add(problems, "a", 2, "mend", "two %d", 1);
	yett_problems_add(problems, "b", 1, NULL, "one");
	yett_problems_add(problems, "a", 2, "mend", "two %d", 2);
	yett_problems_add(problems, "a", 2, "another", "two 1");
	yett_problems_add(problems, "a", 0, "", "none");
	CU_ASSERT_EQUAL(yett_problems_count(problems), 5);
	yett_problems_print(problems, to);
	fclose(to);
	CU_ASSERT_STRING_EQUAL(
		text, "a: none\na:2: two 1: mend\na:2: two 2: mend\na:9: nine\nb:1: one\n");
	free(text);
	yett_problems_free(problems);

	problems = yett_problems_new();
	for (int i = 1000; i > 0; i--) {
		yett_problems_add(problems, "a", i, "", "x");
	}
	CU_ASSERT_EQUAL(yett_problems_count(problems), 1000);
	yett_problems_walk(problems, count_visit, &last);
	CU_ASSERT_EQUAL(last, 1000);
	yett_problems_free(problems);
	yett_problems_free(NULL);
}

typedef void (*print_fn)(FILE *to);
static void core_mdoc(FILE *to)
{
	yett_reference_core(YETT_REFERENCE_MDOC, to);
}
static void core_markdown(FILE *to)
{
	yett_reference_core(YETT_REFERENCE_MARKDOWN, to);
}
static void module_mdoc(FILE *to)
{
	yett_reference_module(&test_module, YETT_REFERENCE_MDOC, to);
}
static void module_markdown(FILE *to)
{
	yett_reference_module(&test_module, YETT_REFERENCE_MARKDOWN, to);
}
static void module_sample(FILE *to)
{
	yett_sample_module(&test_module, to);
}

static char *printed(print_fn print)
{
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	print(to);
	fclose(to);
	return text;
}

/* Each row's name, at any depth, is in the text. */
static void has_all(const char *text, const struct yett_schema *rows, const char *before)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		char want[128];

		snprintf(want, sizeof(want), "%s%s", before, rows->name);
		if (strstr(text, want) == NULL) {
			fprintf(stderr, "\nnot there: %s\n", want);
		}
		CU_ASSERT_PTR_NOT_NULL(strstr(text, want));
		has_all(text, rows->rows, before);
	}
}

static void test_reference(void)
{
	static const struct {
		print_fn print;
		const char *want[4];
	} table[] = {
		{core_mdoc, {".Ss node\n", ".It Cm heartbeat\n",
				    "It is a duration, from 1 s to 1 d; default: \"60 s\".\n",
				    "Where it is needed and not written, or names no module: "
				    "\"queue-disk\"."}},
		{core_markdown,
			{"### `node`\n",
				"| `heartbeat` | a duration, from 1 s to 1 d | `\"60 s\"` | ",
				"| `name` | a string | required | The fully qualified name that "
				"the "
				"upstream must prove. A management server may set it. |\n",
				"### `module-directory`\n"}},
		{module_mdoc,
			{".It Cm mode\n", "default: \"careful\".", "\\&.What it trusts: C:\\ex.\n",
				".It Li polls\n(counter, 1) How often it was asked.\n"}},
		{module_markdown, {"| `retry.inner.deep` | a whole number, from 0 to 9 | `7` |",
					  "A secret \\| of \\| it. It is never shown. |",
					  "| `size` | a size, from 4 KiB to 1 GiB | `\"100 MiB\"` "
					  "| How large it "
					  "may grow. A reload applies it at once. |",
					  "| `polls` | counter | 1 | How often it was asked. |\n"}},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char *text = printed(table[i].print);

		for (size_t j = 0; j < 4; j++) {
			if (strstr(text, table[i].want[j]) == NULL) {
				fprintf(stderr, "\nnot there: %s\n", table[i].want[j]);
			}
			CU_ASSERT_PTR_NOT_NULL(strstr(text, table[i].want[j]));
		}
		if (table[i].print == module_mdoc) {
			has_all(text, test_module.schema, ".It Cm ");
		}
		free(text);
	}
}

/* The sample as it stands, and with each setting that is commented out switched on, is well-formed;
 * where the rows have it, the value is the default. */
static void test_sample(void)
{
	static const print_fn prints[] = {yett_sample_core, module_sample};

	for (size_t i = 0; i < sizeof(prints) / sizeof(prints[0]); i++) {
		char *text = printed(prints[i]);
		config_t config;

		config_init(&config);
		CU_ASSERT_EQUAL(config_read_string(&config, text), CONFIG_TRUE);
		config_destroy(&config);
		for (char *at = text; (at = strchr(at, '#')) != NULL; at++) {
			*at = at[1] != ' ' ? ' ' : '#';
		}
		config_init(&config);
		if (config_read_string(&config, text) != CONFIG_TRUE) {
			fprintf(stderr, "\n%s\nline %d: %s\n", text, config_error_line(&config),
				config_error_text(&config));
			CU_FAIL("the sample does not parse");
		} else {
			const char *value = NULL;

			config_lookup_string(
				&config, i == 0 ? "node.heartbeat" : "sources.[0].size", &value);
			CU_ASSERT_STRING_EQUAL(value, i == 0 ? "60 s" : "100 MiB");
		}
		config_destroy(&config);
		free(text);
	}
}

/* What an installation file stands for; quotes in it stay within their text. */
static void test_kit(void)
{
	static const char auth[] =
		"authentication = ( { module = \"auth-x509\"; trust = [ \"/k\" ]; suffixes = [ "
		"\"example\", \"a\\\"b\" ]; authorities = ( { subject = \"CN=o\"; suffixes = [ "
		"\"other\" ]; } ); } ); ";
	static const char up[] =
		"upstreams = ( { name = \"gw.example\"; address = [ \"10.0.0.1:5723\" ]; priority "
		"= 0; }, { name = \"ms.example\"; address = [  ]; priority = 1; } ); ";
	static const char kit[] =
		"{\"suffixes\": [\"example\", \"a\\\"b\"], \"authorities\": [{\"subject\": "
		"\"CN=o\", \"suffixes\": [\"other\"]}], \"upstreams\": [{\"name\": "
		"\"gw.example\", \"address\": [\"10.0.0.1:5723\"]}, {\"name\": \"ms.example\", "
		"\"address\": []}]}\n-----BEGIN CERTIFICATE-----\n";
	static const struct {
		const char *kit;
		unsigned wanted;
		const char *want[2]; /* NULL: refused */
	} table[] = {
		{kit, YETT_KIT_AUTHENTICATION, {auth, ""}},
		{kit, YETT_KIT_UPSTREAMS, {up, ""}},
		{kit, YETT_KIT_AUTHENTICATION | YETT_KIT_UPSTREAMS, {auth, up}},
		{"{}", YETT_KIT_AUTHENTICATION | YETT_KIT_UPSTREAMS, {"", ""}},
		{"[]", YETT_KIT_UPSTREAMS, {NULL, NULL}},
		{"", YETT_KIT_UPSTREAMS, {NULL, NULL}},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct yett_error error = YETT_ERROR_INIT;
		GString *to = g_string_new(NULL);
		int result = yett_kit_settings(
			table[i].kit, strlen(table[i].kit), "/k", table[i].wanted, to, &error);

		CU_ASSERT_EQUAL(result, table[i].want[0] != NULL ? 0 : YETT_ECONFIG);
		if (table[i].want[0] != NULL) {
			char *want = g_strconcat(table[i].want[0], table[i].want[1], NULL);

			CU_ASSERT_STRING_EQUAL(to->str, want);
			g_free(want);
		}
		g_string_free(to, TRUE);
	}
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"sizes and durations", test_units},
		{"addresses", test_addresses},
		{"schemas", test_schemas},
		{"the list of mistakes", test_problems},
		{"the manual", test_reference},
		{"the sample", test_sample},
		{"the installation file", test_kit},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "conf-parts", tests);
}
