/* What a change is given: one JSON object.
 *
 * Responsible for its form: it is small, each key is one that the change knows, is there once, and is of its
 * type, as doc/openapi.yaml says; so that nothing of what somebody asks for is passed over, and the rest done.
 * Not responsible for what the values mean. Pure; any thread. A null is as good as no key. */
#include <string.h>

#include "../base/name.h"
#include "request.h"

enum type { TEXT, SWITCH, NUMBER, TEXT_OR_NUMBER, TEXTS, OBJECT, OBJECTS };

/* Of the keys that are no texts; a key means the same wherever it stands, but an id: of an alert it is a
 * text. */
static const struct {
	const char *key;
	enum type type;
} types[] = {
	{"ahead", SWITCH},
	{"all", SWITCH},
	{"cancel", SWITCH},
	{"compromised", SWITCH},
	{"force", SWITCH},
	{"decision_days", NUMBER},
	{"id", TEXT_OR_NUMBER},
	{"names", TEXTS},
	{"unset", TEXTS},
	{"values", OBJECT},
	{"to", OBJECTS},
	{"upstreams", OBJECTS},
};

static const char *const wanted[] = {"a text", "true or false", "a whole number",
	"a text, or a whole number", "an array of texts", "an object",
	"an array of objects, whose values are texts"};

static enum type type_of(const char *key)
{
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
		if (strcmp(types[i].key, key) == 0) {
			return types[i].type;
		}
	}
	return TEXT;
}

static bool holds_texts(const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (!json_is_string(value)) {
			return false;
		}
	}
	return json_is_object(object);
}

static bool is_array_of(const json_t *array, bool texts)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *one = json_array_get(array, i);

		if (texts ? !json_is_string(one) : !holds_texts(one)) {
			return false;
		}
	}
	return json_is_array(array);
}

static bool is_of(const json_t *value, enum type type)
{
	switch (type) {
	case TEXT:
		return json_is_string(value);
	case SWITCH:
		return json_is_boolean(value);
	case NUMBER:
		return json_is_integer(value);
	case TEXT_OR_NUMBER:
		return json_is_string(value) || json_is_integer(value);
	case TEXTS:
		return is_array_of(value, true);
	case OBJECT:
		return json_is_object(value);
	default:
		return is_array_of(value, false);
	}
}

/* NULL: it is good. */
static json_t *fault_of(
	const struct yett_admin_change *change, const char *key, const json_t *value)
{
	enum type type = type_of(key);
	const char *near;

	if (!g_strv_contains(change->fields, key)) {
		near = yett_name_nearest(key, change->fields);
		return yett_admin_error("EINVAL", near != NULL ? near : change->path,
			"%.100s is no key of %s", key, change->path);
	}
	if (json_is_null(value) || is_of(value, type)) {
		return NULL;
	}
	return yett_admin_error("EINVAL", "see doc/openapi.yaml", "%.100s of %s is %s", key,
		change->path, wanted[type]);
}

json_t *yett_admin_body(const struct yett_admin_change *change, const void *bytes, size_t length,
	json_t **ret_fault)
{
	json_t *body = length <= YETT_ADMIN_BODY_MAX
			       ? json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL)
			       : NULL;
	json_t *fault = NULL, *value;
	const char *key;

	if (!json_is_object(body)) {
		fault = yett_admin_error("EINVAL", "send a JSON object, 64 KiB at most",
			"the body is not understood");
	}
	json_object_foreach(body, key, value)
	{
		fault = fault == NULL ? fault_of(change, key, value) : fault;
	}
	if (fault != NULL) {
		json_decref(body);
		*ret_fault = fault;
		return NULL;
	}
	return body;
}
