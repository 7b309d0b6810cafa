/* The body of a change, as somebody who may ask sends it: the first byte says which change, the rest is the
 * body. What is taken has keys of that change only; what is not is told why. */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "admin/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const struct yett_admin_change *change = yett_admin_changes;
	json_t *body, *fault = NULL, *value;
	const char *key;

	if (length == 0) {
		return 0;
	}
	for (unsigned n = bytes[0]; n > 0 && change[1].path != NULL; n--) {
		change++;
	}
	body = yett_admin_body(change, bytes + 1, length - 1, &fault);
	if (body == NULL) {
		const json_t *error = json_object_get(fault, "error");

		FUZZ_REQUIRE(json_string_value(json_object_get(error, "text")) != NULL);
		FUZZ_REQUIRE(json_string_value(json_object_get(error, "mend")) != NULL);
		json_decref(fault);
		return 0;
	}
	FUZZ_REQUIRE(fault == NULL && json_is_object(body));
	json_object_foreach(body, key, value)
	{
		FUZZ_REQUIRE(g_strv_contains(change->fields, key));
	}
	json_decref(body);
	return 0;
}
