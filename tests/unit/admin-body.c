/* The body of a change: what is not of its form is refused, and said to be so; nothing of it is passed over. */
#include <string.h>

#include "admin/request.h"
#include "suite.h"

static const struct yett_admin_change change = {"/v1/test", "tests",
	{"name", "for", "all", "decision_days", "id", "names", "values", "upstreams", NULL}, NULL};

static const struct row {
	const char *body, *fault; /* NULL: it is good */
} rows[] = {
	{"{}", NULL},
	{"{\"name\": \"x\", \"all\": true, \"decision_days\": 7, \"id\": 5}", NULL},
	{"{\"name\": null, \"all\": null, \"names\": null, \"values\": null}", NULL},
	{"{\"id\": \"1f2e-1\", \"names\": [\"a\", \"b\"], \"values\": {\"a\": 1}}", NULL},
	{"{\"upstreams\": [{\"name\": \"a\", \"address\": \"b\"}], \"names\": []}", NULL},
	{"", "the body is not understood"},
	{"{", "the body is not understood"},
	{"[]", "the body is not understood"},
	{"{\"name\": \"x\", \"name\": \"y\"}", "the body is not understood"},
	{"{\"name\": \"x\\u0000\"}", "the body is not understood"},
	{"{\"name\": \"\xff\"}", "the body is not understood"},
	{"{} {}", "the body is not understood"},
	{"{\"nam\": \"x\"}", "nam is no key of /v1/test"},
	{"{\"name\": 5}", "name of /v1/test is a text"},
	{"{\"for\": 7200}", "for of /v1/test is a text"},
	{"{\"name\": \"x\", \"for\": {}}", "for of /v1/test is a text"},
	{"{\"all\": \"true\"}", "all of /v1/test is true or false"},
	{"{\"all\": 1}", "all of /v1/test is true or false"},
	{"{\"decision_days\": \"7\"}", "decision_days of /v1/test is a whole number"},
	{"{\"decision_days\": 7.5}", "decision_days of /v1/test is a whole number"},
	{"{\"id\": 1.5}", "id of /v1/test is a text, or a whole number"},
	{"{\"names\": \"a\"}", "names of /v1/test is an array of texts"},
	{"{\"names\": [\"a\", 1]}", "names of /v1/test is an array of texts"},
	{"{\"names\": {\"a\": \"b\"}}", "names of /v1/test is an array of texts"},
	{"{\"values\": [\"a\"]}", "values of /v1/test is an object"},
	{"{\"upstreams\": {\"name\": \"a\"}}",
		"upstreams of /v1/test is an array of objects, whose values are texts"},
	{"{\"upstreams\": [{\"name\": \"a\", \"address\": 5}]}",
		"upstreams of /v1/test is an array of objects, whose values are texts"},
	{"{\"upstreams\": [\"a\"]}",
		"upstreams of /v1/test is an array of objects, whose values are texts"},
};

static void each_key_is_of_its_type(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *fault = NULL;
		json_t *body = yett_admin_body(&change, rows[i].body, strlen(rows[i].body), &fault);
		const char *text =
			json_string_value(json_object_get(json_object_get(fault, "error"), "text"));
		bool good = rows[i].fault == NULL ? body != NULL && fault == NULL
						  : body == NULL && text != NULL &&
							    strcmp(text, rows[i].fault) == 0;

		if (!good) {
			fprintf(stderr, "%s: %s\n", rows[i].body, text != NULL ? text : "good");
			CU_FAIL("another answer than wanted");
		}
		json_decref(body);
		json_decref(fault);
	}
}

static void it_is_small(void)
{
	g_autofree char *long_name = g_strnfill(YETT_ADMIN_BODY_MAX - 12, 'x');
	g_autofree char *fits = g_strdup_printf("{\"name\": \"%s\"}", long_name);
	g_autofree char *larger = g_strdup_printf("{\"name\":  \"%s\"}", long_name);
	json_t *fault = NULL, *body = yett_admin_body(&change, fits, strlen(fits), &fault);

	CU_ASSERT_EQUAL(strlen(fits), YETT_ADMIN_BODY_MAX);
	CU_ASSERT_PTR_NOT_NULL(body);
	json_decref(body);
	CU_ASSERT_PTR_NULL(yett_admin_body(&change, larger, strlen(larger), &fault));
	json_decref(fault);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"each key is of its type", each_key_is_of_its_type},
		{"it is small", it_is_small},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "admin-body", tests);
}
