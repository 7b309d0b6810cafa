/* Any text as a configuration: it is loaded or refused with at least one problem, never anything
 * else; what is loaded is dumped, and the dump loads again. Its modules are those of the tests of
 * configurations (tests/unit/conf-modules.h): one of each kind, with rows of every type. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/conf-modules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses a few bytes of a string that a syntax error interrupts. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yett_problems *problems = yett_problems_new();
	struct yett_conf *conf = NULL, *again = NULL;
	char *text = NULL;
	size_t length = 0;
	FILE *to;
	int result = yett_conf_load_string(
		(const char *)data, size, "/nonexistent/fuzz", &test_hooks, &conf, problems);

	if ((result == 0) != (yett_problems_count(problems) == 0)) {
		abort();
	}
	if (conf != NULL) {
		to = open_memstream(&text, &length);
		yett_conf_dump(conf, to);
		fclose(to);
		if (yett_conf_load_string(text, length, "/nonexistent/fuzz", &test_hooks, &again,
			    problems) != 0) {
			abort();
		}
		yett_conf_free(again);
		free(text);
	}
	yett_conf_free(conf);
	yett_problems_free(problems);
	return 0;
}
