/* What plugins print, as tables: performance data item by item, and text apart from it. */
#include <stdio.h>
#include <stdlib.h>

#include "../../modules/source-exec/output.h"
#include "../../modules/source-exec/perfdata.h"
#include "sink-memory.h"
#include "suite.h"

/* All items of a text, written as label=value unit [warn crit] {min,max}flags, joined by '|';
 * '!' stands for one that could not be read, '?' for one that is not known. */
static void show(const char *text, char *ret_shown, size_t size)
{
	struct perfdata_reader reader;
	struct perfdata item;
	/* of exactly its length, so that a sanitizer sees a read beyond it */
	size_t length = strlen(text), at = 0;
	char *copy = malloc(length > 0 ? length : 1);
	int r;

	memcpy(copy, text, length);
	ret_shown[0] = '\0';
	yett_perfdata_start(&reader, copy, length);
	while ((r = yett_perfdata_next(&reader, &item)) != 0) {
		at += (size_t)snprintf(ret_shown + at, size - at, at > 0 ? "|" : "");
		if (r < 0) {
			at += (size_t)snprintf(ret_shown + at, size - at, "!");
			continue;
		}
		at += (size_t)snprintf(ret_shown + at, size - at, "%.*s=", (int)item.label.length,
			item.label.bytes);
		if (item.value.type == YETT_VALUE_INT) {
			at += (size_t)snprintf(
				ret_shown + at, size - at, "%lld ", (long long)item.value.i);
		} else if (item.value.type == YETT_VALUE_DOUBLE) {
			at += (size_t)snprintf(ret_shown + at, size - at, "%#.4g ", item.value.d);
		} else {
			at += (size_t)snprintf(ret_shown + at, size - at, "? ");
		}
		at += (size_t)snprintf(
			ret_shown + at, size - at, "%.*s", (int)item.unit.length, item.unit.bytes);
		if (item.warn.length > 0 || item.crit.length > 0) {
			at += (size_t)snprintf(ret_shown + at, size - at, " [%.*s %.*s]",
				(int)item.warn.length, item.warn.bytes, (int)item.crit.length,
				item.crit.bytes);
		}
		if (item.has_min) {
			at += (size_t)snprintf(ret_shown + at, size - at, " min %g", item.min);
		}
		if (item.has_max) {
			at += (size_t)snprintf(ret_shown + at, size - at, " max %g", item.max);
		}
		at += (size_t)snprintf(ret_shown + at, size - at, "%s%s",
			item.counter ? " counter" : "", item.bad_limits ? " bad" : "");
	}
	free(copy);
}

static void test_perfdata(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"", ""},
		{" \t\n", ""},
		{"a=1", "a=1 1"},
		{"a=-1 b=+2", "a=-1 1|b=2 1"},
		{"load1=0.560;15.000;30.000;0; load5=0.1;;", /* check_load */
			"load1=0.5600 1 [15.000 30.000] min 0|load5=0.1000 1"},
		{"/=16981688320B;216442024755;243497277849;0;270552530944", /* check_disk */
			"/=16981688320 By [216442024755 243497277849] min 0 max 2.70553e+11"},
		{"procs=90;1000;2000;0;", "procs=90 1 [1000 2000] min 0"}, /* check_procs */
		{"swap=0MB;10;5;0;0", "swap=0 MBy [10 5] min 0 max 0"},    /* check_swap */
		{"time=0.005s;;;0.000;10.000 size=12B;;;0",                /* check_http */
			"time=0.005000 s min 0 max 10|size=12 By min 0"},
		{"rta=0.04ms;100;500;0 pl=0%;20;60;;", /* check_ping */
			"rta=0.04000 ms [100 500] min 0|pl=0 % [20 60]"},
		{"a=1s b=1ms c=1us d=1% e=1B f=1KB g=1MB h=1GB i=1TB j=1c k=1ns l=1kB",
			"a=1 s|b=1 ms|c=1 us|d=1 %|e=1 By|f=1 kBy|g=1 MBy|h=1 GBy|i=1 TBy|"
			"j=1 1 counter|k=1 ns|l=1 kBy"},
		{"a=1KiB b=2GiB", "a=1 KiBy|b=2 GiBy"},
		{"a=5W b=3bps c=1{x}", "a=5 {W}|b=3 {bps}|!"},
		{"'a b'=1 'it''s'=2 ''''=3", "a b=1 1|it's=2 1|'=3 1"},
		{"'a=b'=1", "a=b=1 1"},
		{"''=1", "!"},
		{"'open=1 b=2", "!|b=2 1"},
		{"'a'b=2 c=3", "!|c=3 1"},
		{"=1 c=3", "!|c=3 1"},
		{"a b=2", "!|b=2 1"},
		{"a= b=2", "!|b=2 1"},
		{"a=U b=2 c=Ux", "a=? 1|b=2 1|!"},
		{"a=U;1;2", "a=? 1 [1 2]"},
		{"a=0,5 b=1", "!|b=1 1"}, /* a comma says the locale, not which one */
		{"a=x b=. c=- d=1.", "!|!|!|d=1.000 1"},
		{"a=1e3 b=1.5e-2s c=2e", "a=1000. 1|b=0.01500 s|c=2 {e}"},
		{"a=1e999 b=nan c=inf d=0x10", "!|!|!|!"},
		{"a=999999999999999999 b=9999999999999999999999",
			"a=999999999999999999 1|b=1.000e+22 1"},
		{"a=1;10:20;@~:5", "a=1 1 [10:20 @~:5]"},
		{"a=1;10:20;~:5", "a=1 1 [10:20 ~:5]"},
		{"a=1;@10:20;10:", "a=1 1 [@10:20 10:]"},
		{"a=1;-5:;:7", "a=1 1 [-5: :7]"},
		{"a=1;~;5", "a=1 1 [ 5] bad"},
		{"a=1;x;5", "a=1 1 [ 5] bad"},
		{"a=1;1:x;5:6:7", "a=1 1 bad"},
		{"a=1;;;x;y", "a=1 1 bad"},
		{"a=1;1;2;3;4;5", "a=1 1 [1 2] min 3 max 4 bad"},
		{"a=1abcdefghijklmnopqrstuvwxyz", "!"},
		{"a=1\nb=2\r\nc=3", "a=1 1|b=2 1|c=3 1"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char shown[1024];

		show(rows[i].text, shown, sizeof(shown));
		if (strcmp(shown, rows[i].want) != 0) {
			printf("\n%s: got '%s', want '%s'\n", rows[i].text, shown, rows[i].want);
		}
		CU_ASSERT_STRING_EQUAL(shown, rows[i].want);
	}
}

/* Labels up to their limit and beyond it; each prefix of a text ends and is read within it. */
static void test_limits(void)
{
	char text[PERFDATA_LABEL_MAX + 16], shown[1024];
	const char *whole = "'it''s a'=1.5e3MB;@1:2;~:3;0;9 b=U c=7c;1;2";

	memset(text, 'x', sizeof(text));
	memcpy(text + PERFDATA_LABEL_MAX, "=1", 3);
	show(text, shown, sizeof(shown));
	CU_ASSERT_EQUAL(strlen(shown), PERFDATA_LABEL_MAX + 4);
	memset(text, 'x', sizeof(text));
	memcpy(text + PERFDATA_LABEL_MAX + 1, "=1", 3);
	show(text, shown, sizeof(shown));
	CU_ASSERT_STRING_EQUAL(shown, "!");
	for (size_t length = 0; length < strlen(whole); length++) {
		memcpy(text, whole, length);
		text[length] = '\0';
		show(text, shown, sizeof(shown));
		CU_PASS();
	}
}

static void test_output(void)
{
	static const struct {
		const char *output, *text, *long_text, *first, *second;
	} rows[] = {
		{"", "", "", "", ""},
		{"\n", "", "", "", ""},
		{"OK", "OK", "", "", ""},
		{"OK - fine \n", "OK - fine", "", "", ""},
		{"OK | a=1\n", "OK", "", "a=1", ""},
		{"OK|a=1\nmore\nand more | b=2\nc=3\n", "OK", "more\nand more", "a=1", "b=2\nc=3"},
		{"OK\nlong\n", "OK", "long", "", ""},
		{"OK\nlong|b=2", "OK", "long", "", "b=2"},
		{"|a=1", "", "", "a=1", ""},
		{"OK |\n|", "OK", "", "", ""},
		{"OK | a=1 | b=2", "OK", "", "a=1 | b=2", ""},
		{"\r\nOK\r\n", "", "OK", "", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = strlen(rows[i].output);
		char *copy = malloc(length + 1);
		struct output got;

		memcpy(copy, rows[i].output, length);
		got = yett_output_split(copy, length);
		CU_ASSERT(memory_text_is(got.text, rows[i].text));
		CU_ASSERT(memory_text_is(got.long_text, rows[i].long_text));
		CU_ASSERT(memory_text_is(got.perfdata[0], rows[i].first));
		CU_ASSERT(memory_text_is(got.perfdata[1], rows[i].second));
		free(copy);
	}
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"performance data", test_perfdata},
		{"limits and prefixes", test_limits},
		{"output taken apart", test_output},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "source-perfdata", tests);
}
