/* Filling.
 *
 * Responsible for: one value against one row (its type, unit, range, choice), defaults, what is
 * required, what is unknown, with a sentence and a mend for each mistake. Not for what rows cannot
 * say (check.c, a module's own `check`), nor for which blocks there are (load.c).
 *
 * Main thread. What is filled in belongs to the arena. A value that is refused leaves its field
 * zero or at its default, so that the rest can still be looked at; the caller throws all of it away
 * once there is a problem. The values of rows marked secret are never shown. */
#include "fill.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/name.h"
#include "schema.h"
#include "units.h"

/* One value under way. */
struct value {
	const struct yett_fill *fill;
	const struct yett_schema *row;
	const char *where;
	const config_setting_t *setting;
};

static bool fill_item(const struct value *v, void *ret_field);

/* What stands in the file, for messages. */
static char *given(const struct value *v)
{
	const config_setting_t *s = v->setting;

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return g_strdup("a group");
	case CONFIG_TYPE_LIST:
	case CONFIG_TYPE_ARRAY:
		return g_strdup("a list");
	case CONFIG_TYPE_STRING:
		return v->row->flags & YETT_SCHEMA_SECRET ? g_strdup("a string")
							  : g_strdup_printf("the string \"%.100s\"",
								    config_setting_get_string(s));
	case CONFIG_TYPE_BOOL:
		return g_ascii_strdown(yett_tree_literal(s), -1);
	default:
		return v->row->flags & YETT_SCHEMA_SECRET
			       ? g_strdup("a number")
			       : g_strdup_printf("the number %.40s", yett_tree_literal(s));
	}
}

__attribute__((format(printf, 3, 4))) static bool refuse(
	const struct value *v, const char *mend, const char *format, ...)
{
	struct yett_place place = yett_tree_place(v->setting);
	va_list args;
	char *text;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	yett_problems_add(v->fill->problems, place.file, place.line, mend, "'%s'%s%s %s",
		v->row->name, v->where[0] != '\0' ? " of " : "", v->where, text);
	g_free(text);
	return false;
}

static bool refuse_type(const struct value *v, const char *mend)
{
	struct yett_schema one = *v->row;
	char *what = given(v);

	one.flags &= (uint16_t)~YETT_SCHEMA_LIST;
	refuse(v, mend, "is %s, not %s", what, yett_schema_type_text(&one));
	g_free(what);
	return false;
}

static bool is_integer(const config_setting_t *setting)
{
	int type = config_setting_type(setting);

	return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

/* The limits of a row, as its values are written. */
static const char *limit_text(const struct yett_schema *row, int64_t limit, char *ret_text)
{
	switch (row->type) {
	case YETT_TYPE_SIZE:
		return yett_size_text((uint64_t)limit, ret_text);
	case YETT_TYPE_DURATION:
		return yett_duration_text((uint64_t)limit, ret_text);
	default:
		snprintf(ret_text, YETT_UNITS_TEXT_SIZE, "%" PRId64, limit);
		return ret_text;
	}
}

static bool in_range(const struct value *v, int64_t number, int beyond, const char *shown)
{
	const struct yett_schema *row = v->row;
	bool limits = row->min != 0 || row->max != 0;
	char low[YETT_UNITS_TEXT_SIZE], high[YETT_UNITS_TEXT_SIZE], mend[128];
	int64_t min = limits ? row->min : INT64_MIN, max = limits ? row->max : INT64_MAX;

	if (beyond == 0 && number >= min && number <= max) {
		return true;
	}
	(void)limit_text(row, min, low);
	(void)limit_text(row, max, high);
	snprintf(mend, sizeof(mend), "write a value from %s to %s", low, high);
	return refuse(v, mend, "is out of range: %s is %s than %s",
		row->flags & YETT_SCHEMA_SECRET ? "it" : shown,
		beyond > 0 || (beyond == 0 && number > max) ? "more" : "less",
		beyond > 0 || (beyond == 0 && number > max) ? high : low);
}

/* From the text of the file, since libconfig truncates what does not fit. */
static bool fill_integer(const struct value *v, int64_t *ret_field)
{
	const char *literal = yett_tree_literal(v->setting);
	int beyond = 0;
	int64_t number;

	if (!is_integer(v->setting)) {
		return refuse_type(v, config_setting_type(v->setting) == CONFIG_TYPE_STRING
					      ? "write it without quotes"
					      : "write a whole number");
	}
	errno = 0;
	number = strtoll(literal, NULL,
		literal[0] == '0' && (literal[1] == 'x' || literal[1] == 'X') ? 16 : 10);
	if (errno == ERANGE) {
		beyond = number > 0 ? 1 : -1;
	}
	if (!in_range(v, number, beyond, literal)) {
		return false;
	}
	*ret_field = number;
	return true;
}

/* A size or a duration from its text. */
static bool fill_units(const struct value *v, const char *text, uint64_t *ret_field)
{
	struct yett_error error = YETT_ERROR_INIT;
	uint64_t number;
	int result = v->row->type == YETT_TYPE_SIZE ? yett_size_parse(text, &number, &error)
						    : yett_duration_parse(text, &number, &error);

	if (result != 0) {
		return v->row->flags & YETT_SCHEMA_SECRET
			       ? refuse(v, "", "is wrong: %s", error.text)
			       : refuse(v, error.mend, "is \"%.100s\": %s", text, error.text);
	}
	if (!in_range(v, (int64_t)number, 0, text)) {
		return false;
	}
	*ret_field = number;
	return true;
}

static bool refuse_units(const struct value *v)
{
	const char *literal = yett_tree_literal(v->setting);
	bool size = v->row->type == YETT_TYPE_SIZE;
	char mend[128];

	if (!is_integer(v->setting) || strlen(literal) > 40 || literal[0] == '-') {
		return refuse_type(
			v, size ? "write for example \"100 MiB\"" : "write for example \"60 s\"");
	}
	if (size) {
		snprintf(mend, sizeof(mend), "write \"%s\" for bytes, or a unit as in \"100 MiB\"",
			literal);
	} else {
		snprintf(mend, sizeof(mend), "write \"%s s\"", literal);
	}
	return refuse_type(v, mend);
}

static bool fill_choice(const struct value *v, const char *text, int32_t *ret_field)
{
	const char *const *choices = v->row->choices;
	const char *near;
	GString *mend;

	for (int32_t i = 0; choices[i] != NULL; i++) {
		if (strcmp(choices[i], text) == 0) {
			*ret_field = i;
			return true;
		}
	}
	near = yett_name_nearest(text, choices);
	mend = g_string_new("");
	if (near != NULL) {
		g_string_printf(mend, "did you mean \"%s\"?", near);
	} else {
		g_string_assign(mend, "write one of ");
		for (size_t i = 0; choices[i] != NULL; i++) {
			g_string_append_printf(mend, "%s\"%s\"", i > 0 ? ", " : "", choices[i]);
		}
	}
	refuse(v, mend->str, "cannot be \"%.100s\"", text);
	g_string_free(mend, TRUE);
	return false;
}

static const char *absolute(const struct value *v, const char *path)
{
	while (path[0] == '.' && path[1] == '/') {
		path += 2;
	}
	if (path[0] == '/' || path[0] == '\0') {
		return yett_arena_text(v->fill->arena, path);
	}
	return (const char *)yett_arena_keep(
		v->fill->arena, g_build_filename(v->fill->directory, path, NULL));
}

static bool fill_text(const struct value *v, const char *text, void *ret_field)
{
	switch (v->row->type) {
	case YETT_TYPE_STRING:
		*(const char **)ret_field = yett_arena_text(v->fill->arena, text);
		return true;
	case YETT_TYPE_PATH:
		*(const char **)ret_field = absolute(v, text);
		return true;
	case YETT_TYPE_CHOICE:
		return fill_choice(v, text, ret_field);
	default:
		return fill_units(v, text, ret_field);
	}
}

static bool fill_item(const struct value *v, void *ret_field)
{
	const config_setting_t *s = v->setting;
	int type = config_setting_type(s);
	char *where;
	bool good;

	switch (v->row->type) {
	case YETT_TYPE_BOOL:
		if (type != CONFIG_TYPE_BOOL) {
			return refuse_type(v, "write true or false, without quotes");
		}
		*(bool *)ret_field = config_setting_get_bool(s) != 0;
		return true;
	case YETT_TYPE_INT:
		return fill_integer(v, ret_field);
	case YETT_TYPE_GROUP:
		if (type != CONFIG_TYPE_GROUP) {
			return refuse_type(v, "write { … }");
		}
		where = v->where[0] != '\0' ? g_strdup_printf("%s.%s", v->where, v->row->name)
					    : g_strdup(v->row->name);
		good = yett_fill_rows(
			v->fill, v->row->rows, s, where, yett_tree_place(s), NULL, ret_field);
		g_free(where);
		return good;
	default:
		if (type == CONFIG_TYPE_STRING) {
			return fill_text(v, config_setting_get_string(s), ret_field);
		}
		return v->row->type == YETT_TYPE_SIZE || v->row->type == YETT_TYPE_DURATION
			       ? refuse_units(v)
			       : refuse_type(v, "write it in quotes");
	}
}

static bool fill_list(const struct value *v, struct yett_list *ret_list)
{
	size_t size = yett_schema_item_size(v->row);
	unsigned count = yett_tree_count(v->setting);
	bool good = true;
	char *items;

	if (count == 0 && (v->row->flags & YETT_SCHEMA_REQUIRED) != 0) {
		return refuse(v, "put at least one in", "is empty");
	}
	items = (char *)yett_arena_alloc(v->fill->arena, count * size);
	for (unsigned i = 0; i < count; i++) {
		struct value item = *v;

		item.setting = yett_tree_item(v->setting, i);
		good = fill_item(&item, items + i * size) && good;
	}
	ret_list->count = count;
	ret_list->items = items;
	return good;
}

/* A row's default as a line of a file. */
static char *standard_line(const struct yett_schema *row)
{
	GString *text = g_string_new("");

	g_string_printf(text, "%s = ", row->name);
	yett_schema_standard(text, row);
	g_string_append_c(text, ';');
	return g_string_free(text, FALSE);
}

static bool fill_value(const struct value *v, void *ret_field)
{
	return (v->row->flags & YETT_SCHEMA_LIST) != 0 ? fill_list(v, ret_field)
						       : fill_item(v, ret_field);
}

static bool fill_standard(const struct yett_fill *fill, const struct yett_schema *row,
	const char *where, void *ret_field)
{
	char *text = standard_line(row);
	struct yett_tree tree;
	bool good = false;

	yett_tree_init(&tree);
	if (yett_scan_text(&tree.scan, text, strlen(text), "(a default)", fill->arena,
		    fill->problems) == 0 &&
		yett_tree_parse(&tree, fill->problems) == 0) {
		struct value v = {fill, row, where,
			yett_tree_member(config_root_setting(&tree.config), row->name)};

		good = v.setting != NULL && fill_value(&v, ret_field);
	}
	yett_tree_done(&tree);
	g_free(text);
	return good;
}

static void say_unknown(const struct yett_fill *fill, const struct yett_schema *rows,
	const char *const *others, const config_setting_t *setting, const char *where)
{
	struct yett_place place = yett_tree_place(setting);
	GPtrArray *names = g_ptr_array_new();
	GString *mend = g_string_new("");
	const char *near;

	for (; others != NULL && *others != NULL; others++) {
		g_ptr_array_add(names, (void *)(uintptr_t)*others);
	}
	for (; rows != NULL && rows->name != NULL; rows++) {
		g_ptr_array_add(names, (void *)(uintptr_t)rows->name);
	}
	g_ptr_array_add(names, NULL);
	near = yett_name_nearest(config_setting_name(setting), (void *)names->pdata);
	if (near != NULL) {
		g_string_printf(mend, "did you mean '%s'?", near);
	} else {
		g_string_assign(mend, names->len > 1 ? "there are " : "it has no settings");
		for (guint i = 0; i + 1 < names->len; i++) {
			g_string_append_printf(mend, "%s%s", i > 0 ? ", " : "",
				(const char *)g_ptr_array_index(names, i));
		}
	}
	yett_problems_add(fill->problems, place.file, place.line, mend->str,
		"'%s' is no setting%s%s", config_setting_name(setting),
		where[0] != '\0' ? " of " : "", where);
	g_string_free(mend, TRUE);
	g_ptr_array_free(names, TRUE);
}

static bool known(const struct yett_schema *rows, const char *const *others, const char *name)
{
	for (; others != NULL && *others != NULL; others++) {
		if (strcmp(*others, name) == 0) {
			return true;
		}
	}
	for (; rows != NULL && rows->name != NULL; rows++) {
		if (strcmp(rows->name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* What one could write for a row that is missing. */
static void say_missing(const struct yett_fill *fill, const struct yett_schema *row,
	const char *where, struct yett_place place)
{
	GString *mend = g_string_new("");

	g_string_printf(mend, "add %s = ", row->name);
	yett_schema_example(mend, row);
	g_string_append_c(mend, ';');
	yett_problems_add(fill->problems, place.file, place.line, mend->str, "%s%s'%s' is missing",
		where, where[0] != '\0' ? ": " : "", row->name);
	g_string_free(mend, TRUE);
}

/* A group that the file does not have: its defaults; nothing in it is required then. */
static bool fill_absent(const struct yett_fill *fill, const struct yett_schema *row,
	const char *where, struct yett_place place, void *ret_field)
{
	bool good = true;

	if ((row->flags & YETT_SCHEMA_REQUIRED) != 0) {
		say_missing(fill, row, where, place);
		return false;
	}
	if (row->type == YETT_TYPE_GROUP && (row->flags & YETT_SCHEMA_LIST) == 0) {
		for (const struct yett_schema *inner = row->rows; inner->name != NULL; inner++) {
			struct yett_schema lax = *inner;
			void *field = (char *)ret_field + inner->offset;

			lax.flags &= (uint16_t)~YETT_SCHEMA_REQUIRED;
			good = (inner->standard != NULL
					       ? fill_standard(fill, inner, where, field)
					       : fill_absent(fill, &lax, where, place, field)) &&
			       good;
		}
	}
	return good;
}

bool yett_fill_rows(const struct yett_fill *fill, const struct yett_schema *rows,
	const config_setting_t *group, const char *where, struct yett_place place,
	const char *const *others, void *ret_settings)
{
	bool good = true;

	for (int i = 0; group != NULL && i < config_setting_length(group); i++) {
		const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);

		if (!known(rows, others, config_setting_name(member))) {
			say_unknown(fill, rows, others, member, where);
			good = false;
		}
	}
	for (; rows != NULL && rows->name != NULL; rows++) {
		struct value v = {fill, rows, where, yett_tree_member(group, rows->name)};
		void *field = (char *)ret_settings + rows->offset;

		if (v.setting != NULL) {
			if (!fill_value(&v, field)) {
				good = false;
				if (rows->standard != NULL) {
					(void)fill_standard(fill, rows, where, field);
				}
			}
		} else if (rows->standard != NULL) {
			good = fill_standard(fill, rows, where, field) && good;
		} else {
			good = fill_absent(fill, rows, where, place, field) && good;
		}
	}
	return good;
}
