/* What people are shown of what came over the network: no terminal obeys it, no line is faked by it, and as
 * JSON it says what it said. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/table.h"
#include "suite.h"

static const struct row {
	const char *name, *text;
	size_t length;
	const char *want;
} rows[] = {
	{"plain", "Grüße, 東京", 0, "Grüße, 東京"},
	{"an escape sequence", "\x1b[2J\x1b]0;x\x07", 0, "?[2J?]0;x?"},
	{"C1 as UTF-8",
		"\xc2\x9b"
		"2J \xc2\x90q\xc2\x9c",
		0, "?2J ?q?"},
	{"C1 as a byte",
		"\x9b"
		"2J",
		0,
		"\xef\xbf\xbd"
		"2J"},
	{"DEL and backspace", "a\x7f\x08z", 0, "a??z"},
	{"another line", "bad\r\nHealthy  gw.example\tyes", 0, "bad  Healthy  gw.example yes"},
	{"a line separator", "a\xe2\x80\xa8z", 0, "a?z"},
	{"turned round", "\xe2\x80\xaetxt.exe\xe2\x81\xa6", 0, "?txt.exe?"},
	{"NUL", "a\0z", 3, "a\xef\xbf\xbdz"},
	{"nothing", "", 0, ""},
};

static void texts_are_tame(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = rows[i].length > 0 ? rows[i].length : strlen(rows[i].text);
		char *tame = yett_ctl_tame(rows[i].text, length);

		if (strcmp(tame, rows[i].want) != 0) {
			fprintf(stderr, "%s: \"%s\"\n", rows[i].name, tame);
			CU_FAIL("another text than wanted");
		}
		free(tame);
	}
}

static void all_texts_of_an_answer_are(void)
{
	json_t *json = json_loads(
		"{\"a\\u001b\": [\"\\u009b2J\", {\"b\": \"x\\u0000y\\nz\"}, 5, null, true]}",
		JSON_ALLOW_NUL, NULL);
	char *text;

	json = yett_ctl_tamed(json);
	text = json_dumps(json, JSON_COMPACT);
	CU_ASSERT_STRING_EQUAL(text, "{\"a?\":[\"?2J\",{\"b\":\"x\xef\xbf\xbdy z\"},5,null,true]}");
	free(text);
	json_decref(json);
	CU_ASSERT_PTR_NULL(yett_ctl_tamed(NULL));
}

/* What a function prints; given. */
static char *printed(void (*print)(const json_t *json), const json_t *json)
{
	char *text = calloc(1, 4096);
	int out = dup(STDOUT_FILENO), ends[2];

	CU_ASSERT_FATAL(out >= 0 && pipe(ends) == 0 && fflush(stdout) == 0);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	print(json);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	CU_ASSERT(read(ends[0], text, 4095) > 0);
	close(ends[0]);
	return text;
}

static void dump(const json_t *json)
{
	yett_ctl_dump(json, JSON_COMPACT);
}

static void json_says_the_same(void)
{
	json_t *json =
		json_loads("[\"\\u009b2J\\u007f\\u202e\\u001b\\u0000é\"]", JSON_ALLOW_NUL, NULL);
	char *text = printed(dump, json);
	json_t *again = json_loads(text, JSON_ALLOW_NUL, NULL);

	CU_ASSERT_STRING_EQUAL(text, "[\"\\u009b2J\\u007f\\u202e\\u001B\\u0000é\"]\n");
	CU_ASSERT(json_equal(json, again));
	json_decref(again);
	json_decref(json);
	free(text);
}

static void table(const json_t *json)
{
	static const struct yett_column columns[] = {
		{"NAME", "name", NULL, false},
		{"STATE", "state", NULL, false},
		{NULL, NULL, NULL, false},
	};

	yett_table_print(columns, json, "");
}

/* A cell has no line of its own. */
static void a_row_is_one_line(void)
{
	json_t *json = json_pack("[{s:s, s:s}]", "name",
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxé", "state",
		"\xc2\x9b"
		"A\nHealthy");
	char *text = printed(table, json);

	CU_ASSERT_STRING_EQUAL(strchr(text, '\n') + 1,
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxé  ?A Healthy\n");
	json_decref(json);
	free(text);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"texts are tame", texts_are_tame},
		{"all texts of an answer are", all_texts_of_an_answer_are},
		{"JSON says the same", json_says_the_same},
		{"a row is one line", a_row_is_one_line},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "ctl-tame", tests);
}
