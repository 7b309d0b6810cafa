/* Schemas as such.
 *
 * Responsible for refusing a schema that could make the core write outside of a settings struct or
 * never end, before it is used, and for telling whether two fillings of one schema differ. Values
 * of the file are fill.c's. Keeps nothing; any thread. */
#include "schema.h"

#include <inttypes.h>
#include <string.h>

#include "load.h"
#include "tree.h"
#include "units.h"

#define DEPTH_MAX    8
#define ROWS_MAX     1000
#define SETTINGS_MAX (1u << 20)

size_t yett_schema_item_size(const struct yett_schema *row)
{
	switch (row->type) {
	case YETT_TYPE_STRING:
	case YETT_TYPE_PATH:
		return sizeof(const char *);
	case YETT_TYPE_BOOL:
		return sizeof(bool);
	case YETT_TYPE_INT:
		return sizeof(int64_t);
	case YETT_TYPE_SIZE:
	case YETT_TYPE_DURATION:
		return sizeof(uint64_t);
	case YETT_TYPE_CHOICE:
		return sizeof(int32_t);
	default:
		return row->item_size;
	}
}

const char *yett_schema_type_text(const struct yett_schema *row)
{
	static const char *const texts[][2] = {
		[YETT_TYPE_STRING] = {"a string", "a list of strings"},
		[YETT_TYPE_PATH] = {"a path", "a list of paths"},
		[YETT_TYPE_BOOL] = {"true or false", "a list of true or false"},
		[YETT_TYPE_INT] = {"a whole number", "a list of whole numbers"},
		[YETT_TYPE_SIZE] = {"a size", "a list of sizes"},
		[YETT_TYPE_DURATION] = {"a duration", "a list of durations"},
		[YETT_TYPE_CHOICE] = {"a choice", "a list of choices"},
		[YETT_TYPE_GROUP] = {"a group", "a list of groups"},
	};

	return row->type >= YETT_TYPE_STRING && row->type <= YETT_TYPE_GROUP
		       ? texts[row->type][(row->flags & YETT_SCHEMA_LIST) != 0]
		       : "?";
}

void yett_schema_standard(GString *to, const struct yett_schema *row)
{
	bool bare = (row->flags & YETT_SCHEMA_LIST) != 0 || row->type == YETT_TYPE_BOOL ||
		    row->type == YETT_TYPE_INT;

	if (bare) {
		g_string_append(to, row->standard);
	} else {
		yett_tree_quote(to, row->standard);
	}
}

void yett_schema_example(GString *to, const struct yett_schema *row)
{
	bool list = (row->flags & YETT_SCHEMA_LIST) != 0, groups = row->type == YETT_TYPE_GROUP;

	if (row->standard != NULL && (!list || strcmp(row->standard, "[]") != 0)) {
		yett_schema_standard(to, row);
		return;
	}
	g_string_append(to, !list ? "" : groups ? "( " : "[ ");
	switch (row->type) {
	case YETT_TYPE_PATH:
		g_string_append(to, "\"/…\"");
		break;
	case YETT_TYPE_BOOL:
		g_string_append(to, "true");
		break;
	case YETT_TYPE_INT:
		g_string_append_printf(to, "%" PRId64, row->min);
		break;
	case YETT_TYPE_SIZE:
		g_string_append(to, "\"100 MiB\"");
		break;
	case YETT_TYPE_DURATION:
		g_string_append(to, "\"60 s\"");
		break;
	case YETT_TYPE_CHOICE:
		yett_tree_quote(to, row->choices[0]);
		break;
	case YETT_TYPE_GROUP:
		g_string_append(to, "{ … }");
		break;
	default:
		g_string_append(to, "\"…\"");
	}
	g_string_append(to, !list ? "" : groups ? " )" : " ]");
}

static void append_limit(GString *to, const struct yett_schema *row, int64_t limit)
{
	char text[YETT_UNITS_TEXT_SIZE];

	if (row->type == YETT_TYPE_SIZE) {
		g_string_append(to, yett_size_text((uint64_t)limit, text));
	} else if (row->type == YETT_TYPE_DURATION) {
		g_string_append(to, yett_duration_text((uint64_t)limit, text));
	} else {
		g_string_append_printf(to, "%" PRId64, limit);
	}
}

void yett_schema_range(GString *to, const struct yett_schema *row)
{
	bool ranged = row->type == YETT_TYPE_INT || row->type == YETT_TYPE_SIZE ||
		      row->type == YETT_TYPE_DURATION;

	if (!ranged || (row->min == 0 && row->max == 0)) {
		return;
	}
	if (row->max == INT64_MAX) {
		g_string_append(to, "at least ");
		append_limit(to, row, row->min);
		return;
	}
	g_string_append(to, "from ");
	append_limit(to, row, row->min);
	g_string_append(to, " to ");
	append_limit(to, row, row->max);
}

static bool is_name(const char *name)
{
	return name[0] >= 'a' && name[0] <= 'z' && strlen(name) <= 63 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

static int check_row(const struct yett_schema *row, size_t settings_size,
	const char *const *reserved, struct yett_error *error)
{
	size_t size = (row->flags & YETT_SCHEMA_LIST) != 0 ? sizeof(struct yett_list)
							   : yett_schema_item_size(row);

	if (!is_name(row->name)) {
		return yett_fail(error, YETT_ECONFIG, NULL,
			"its row \"%.63s\" is not named in lower case, digits and '-'", row->name);
	}
	for (; reserved != NULL && *reserved != NULL; reserved++) {
		if (strcmp(*reserved, row->name) == 0) {
			return yett_fail(error, YETT_ECONFIG, NULL,
				"its row '%s' has a name that every block has already", row->name);
		}
	}
	if (row->type < YETT_TYPE_STRING || row->type > YETT_TYPE_GROUP) {
		return yett_fail(error, YETT_ECONFIG, NULL,
			"its row '%s' has a type that this core does not know", row->name);
	}
	if (row->offset > settings_size || size > settings_size - row->offset) {
		return yett_fail(error, YETT_ECONFIG, NULL,
			"its row '%s' lies outside of its settings", row->name);
	}
	if (row->min > row->max ||
		((row->type == YETT_TYPE_SIZE || row->type == YETT_TYPE_DURATION) &&
			row->min < 0)) {
		return yett_fail(
			error, YETT_ECONFIG, NULL, "its row '%s' has wrong limits", row->name);
	}
	if (row->type == YETT_TYPE_CHOICE && (row->choices == NULL || row->choices[0] == NULL)) {
		return yett_fail(
			error, YETT_ECONFIG, NULL, "its row '%s' has no choices", row->name);
	}
	return 0;
}

static int check_rows(const struct yett_schema *rows, size_t settings_size,
	const char *const *reserved, unsigned depth, struct yett_error *error)
{
	if (depth == DEPTH_MAX || settings_size > SETTINGS_MAX) {
		return yett_fail(error, YETT_ECONFIG, NULL, "its settings are too deep or large");
	}
	for (size_t i = 0; rows != NULL && rows[i].name != NULL; i++) {
		if (i == ROWS_MAX) {
			return yett_fail(error, YETT_ECONFIG, NULL, "its schema has no end");
		}
		if (check_row(&rows[i], settings_size, reserved, error) != 0) {
			return YETT_ECONFIG;
		}
		for (size_t j = 0; j < i; j++) {
			if (strcmp(rows[i].name, rows[j].name) == 0) {
				return yett_fail(error, YETT_ECONFIG, NULL, "it has two rows '%s'",
					rows[i].name);
			}
		}
		if (rows[i].type == YETT_TYPE_GROUP &&
			check_rows(rows[i].rows, rows[i].item_size, NULL, depth + 1, error) != 0) {
			return YETT_ECONFIG;
		}
	}
	return 0;
}

int yett_schema_check(const struct yett_schema *rows, size_t settings_size,
	const char *const *reserved, struct yett_error *error)
{
	return check_rows(rows, settings_size, reserved, 0, error);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* One element; `plain` is what a difference in a value that is no group counts. */
static int item_differs(const struct yett_schema *row, const void *a, const void *b, int plain)
{
	int worst = 0;

	switch (row->type) {
	case YETT_TYPE_STRING:
	case YETT_TYPE_PATH:
		return same_text(*(const char *const *)a, *(const char *const *)b) ? 0 : plain;
	case YETT_TYPE_GROUP:
		worst = yett_schema_differs(row->rows, a, b);
		return worst > plain ? plain : worst;
	default:
		return memcmp(a, b, yett_schema_item_size(row)) == 0 ? 0 : plain;
	}
}

int yett_schema_differs(const struct yett_schema *rows, const void *a, const void *b)
{
	int worst = 0;

	for (; rows != NULL && rows->name != NULL; rows++) {
		/* All that is in a live group is live. */
		int plain = (rows->flags & YETT_SCHEMA_LIVE) != 0 ? 1 : 2, differs = 0;
		const char *x = (const char *)a + rows->offset, *y = (const char *)b + rows->offset;

		if ((rows->flags & YETT_SCHEMA_LIST) == 0) {
			differs = item_differs(rows, x, y, plain);
		} else {
			const struct yett_list *m = (const void *)x, *n = (const void *)y;
			size_t size = yett_schema_item_size(rows);

			differs = m->count == n->count ? 0 : plain;
			for (size_t i = 0; i < m->count && i < n->count; i++) {
				int one = item_differs(rows, (const char *)m->items + i * size,
					(const char *)n->items + i * size, plain);

				differs = one > differs ? one : differs;
			}
		}
		worst = differs > worst ? differs : worst;
	}
	return worst;
}

int yett_conf_block_differs(const struct yett_block *a, const struct yett_block *b)
{
	if (a->module == NULL && b->module == NULL) {
		return 0;
	}
	if (a->module == NULL || b->module == NULL || a->descriptor != b->descriptor ||
		!same_text(a->name, b->name)) {
		return 2;
	}
	if (a->descriptor == NULL || a->settings == NULL || b->settings == NULL) {
		return a->settings == b->settings ? 0 : 2;
	}
	return yett_schema_differs(a->descriptor->schema, a->settings, b->settings);
}
