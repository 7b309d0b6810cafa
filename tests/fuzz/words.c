/* The small parsers of text that people, peers and files give: names and their patterns, ids, times,
 * sizes, durations, numbers. The input is two words, with a NUL between them. */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/name.h"
#include "conf/units.h"

#define NOW INT64_C(1800000000000000000)

static void run_names(const char *first, const char *second)
{
	const char *const candidates[] = {"records", second, "sessions", NULL};
	const char *near = yett_name_nearest(first, candidates);
	char normal[256];

	FUZZ_REQUIRE(
		near == NULL || near == second || near == candidates[0] || near == candidates[2]);
	if (yett_name_match(first, second)) { /* and without regard to case */
		char *upper = g_ascii_strup(second, -1);

		FUZZ_REQUIRE(yett_name_match(first, upper));
		g_free(upper);
	}
	FUZZ_REQUIRE(yett_name_match("**", second));
	FUZZ_REQUIRE(yett_name_has_suffix(second, "*"));
	FUZZ_REQUIRE(yett_name_has_suffix(second, second) || second[0] == '\0' ||
		     !yett_name_is_fqdn(second));
	if (yett_name_normalise(first, normal, sizeof(normal)) == 0) {
		FUZZ_REQUIRE(yett_name_is_fqdn(normal) && strlen(normal) == strlen(first));
	}
}

static void run_numbers(const char *text)
{
	struct yett_error error = YETT_ERROR_INIT;
	char id_text[YETT_ID_TEXT_SIZE];
	struct yett_id id, again;
	int64_t wall_ns;
	uint64_t number;

	if (yett_id_parse(text, &id) == 0) {
		FUZZ_REQUIRE(yett_id_parse(yett_id_text(&id, id_text), &again) == 0);
		FUZZ_REQUIRE(yett_id_equal(&id, &again));
	}
	(void)yett_time_parse(text, NOW, &wall_ns);
	if (yett_size_parse(text, &number, &error) < 0) {
		FUZZ_REQUIRE(error.text[0] != '\0');
	}
	memset(&error, 0, sizeof(error));
	if (yett_duration_parse(text, &number, &error) < 0) {
		FUZZ_REQUIRE(error.text[0] != '\0');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = g_strndup((const char *)bytes, MIN(length, 1024));
	size_t first = strlen(text);
	char *second = first < length ? g_strndup((const char *)bytes + first + 1,
						MIN(length - first - 1, 1024))
				      : g_strdup("");

	run_names(text, second);
	run_numbers(text);
	run_numbers(second);
	g_free(second);
	g_free(text);
	return 0;
}
