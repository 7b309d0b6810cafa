/* The dump: every value in force as a file that loads to the same settings.
 *
 * Responsible for the one way in which values are written back, from the rows that read them.
 * Values of rows marked secret are masked, so a dump that has some is for reading only. Main
 * thread; writes to what the caller gives, and does not look whether that worked (the caller has
 * the FILE). */
#include <inttypes.h>
#include <string.h>

#include "conf.h"
#include "schema.h"
#include "sections.h"
#include "tree.h"
#include "units.h"

static void dump_rows(GString *to, const struct yett_schema *rows, const void *settings, int depth);

static void indent(GString *to, int depth)
{
	for (int i = 0; i < depth; i++) {
		g_string_append(to, "    ");
	}
}

static void dump_item(GString *to, const struct yett_schema *row, const void *field, int depth)
{
	char text[YETT_UNITS_TEXT_SIZE];
	const char *string;

	if ((row->flags & YETT_SCHEMA_SECRET) != 0 && row->type != YETT_TYPE_GROUP) {
		g_string_append(to, "\"********\"");
		return;
	}
	switch (row->type) {
	case YETT_TYPE_STRING:
	case YETT_TYPE_PATH:
		string = *(const char *const *)field;
		yett_tree_quote(to, string != NULL ? string : "");
		return;
	case YETT_TYPE_BOOL:
		g_string_append(to, *(const bool *)field ? "true" : "false");
		return;
	case YETT_TYPE_INT:
		g_string_append_printf(to, "%" PRId64, *(const int64_t *)field);
		return;
	case YETT_TYPE_SIZE:
		yett_tree_quote(to, yett_size_text(*(const uint64_t *)field, text));
		return;
	case YETT_TYPE_DURATION:
		yett_tree_quote(to, yett_duration_text(*(const uint64_t *)field, text));
		return;
	case YETT_TYPE_CHOICE:
		yett_tree_quote(to, row->choices[*(const int32_t *)field]);
		return;
	default:
		g_string_append(to, "{\n");
		dump_rows(to, row->rows, field, depth + 1);
		indent(to, depth);
		g_string_append_c(to, '}');
	}
}

static void dump_list(
	GString *to, const struct yett_schema *row, const struct yett_list *list, int depth)
{
	bool groups = row->type == YETT_TYPE_GROUP;
	size_t size = yett_schema_item_size(row);

	g_string_append(to, groups ? "(" : "[");
	for (size_t i = 0; i < list->count; i++) {
		g_string_append(to, i > 0 ? ", " : groups ? "" : " ");
		dump_item(to, row, (const char *)list->items + i * size, depth);
	}
	g_string_append(to, groups ? ")" : list->count > 0 ? " ]" : "]");
}

static bool is_there(const struct yett_schema *row, const void *field);

/* A group that the file did not have lacks what is required in it. A required 0 that its limits
 * allow looks like one that was written, and loads to the same. */
static bool is_group_there(const struct yett_schema *rows, const void *settings)
{
	static const char zero[sizeof(uint64_t)];

	for (; rows != NULL && rows->name != NULL; rows++) {
		const char *field = (const char *)settings + rows->offset;
		bool limits = rows->min != 0 || rows->max != 0;

		if ((rows->flags & YETT_SCHEMA_REQUIRED) == 0) {
			continue;
		}
		if (!is_there(rows, field) ||
			((rows->flags & YETT_SCHEMA_LIST) != 0 &&
				((const struct yett_list *)(const void *)field)->count == 0)) {
			return false;
		}
		if ((rows->flags & YETT_SCHEMA_LIST) == 0 && limits && rows->min > 0 &&
			memcmp(field, zero, yett_schema_item_size(rows)) == 0) {
			return false;
		}
	}
	return true;
}

/* Whether a row was filled at all: one without a value and without a default is not written, so
 * that it stays so. */
static bool is_there(const struct yett_schema *row, const void *field)
{
	static const char zero[sizeof(uint64_t)];

	if ((row->flags & YETT_SCHEMA_LIST) != 0) {
		return row->standard != NULL || ((const struct yett_list *)field)->count > 0;
	}
	if (row->type == YETT_TYPE_STRING || row->type == YETT_TYPE_PATH) {
		return *(const char *const *)field != NULL;
	}
	if (row->type == YETT_TYPE_GROUP) {
		return (row->flags & YETT_SCHEMA_REQUIRED) != 0 || is_group_there(row->rows, field);
	}
	/* An optional value without a default cannot be told from 0, which means none then. */
	return row->standard != NULL || (row->flags & YETT_SCHEMA_REQUIRED) != 0 ||
	       memcmp(field, zero, yett_schema_item_size(row)) != 0;
}

static void dump_row(GString *to, const struct yett_schema *row, const void *field, int depth)
{
	if (!is_there(row, field)) {
		return;
	}
	indent(to, depth);
	g_string_append_printf(to, "%s = ", row->name);
	if ((row->flags & YETT_SCHEMA_LIST) != 0) {
		dump_list(to, row, field, depth);
	} else {
		dump_item(to, row, field, depth);
	}
	g_string_append(to, ";\n");
}

static void dump_rows(GString *to, const struct yett_schema *rows, const void *settings, int depth)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		dump_row(to, rows, (const char *)settings + rows->offset, depth);
	}
}

static void dump_block(GString *to, const struct yett_block *block, int depth)
{
	g_string_append(to, "{\n");
	indent(to, depth + 1);
	g_string_append(to, "module = ");
	yett_tree_quote(to, block->module);
	g_string_append(to, ";\n");
	indent(to, depth + 1);
	g_string_append(to, "name = ");
	yett_tree_quote(to, block->name);
	g_string_append(to, ";\n");
	dump_rows(to, block->descriptor->schema, block->settings, depth + 1);
	indent(to, depth);
	g_string_append_c(to, '}');
}

static void dump_section(
	GString *to, const struct yett_section *section, const struct yett_settings *settings)
{
	const char *field = (const char *)settings + section->row.offset;
	const struct yett_list *list = (const void *)field;
	const struct yett_block *block = (const void *)field;

	if (section->kind == 0) {
		dump_row(to, &section->row, field, 0);
		return;
	}
	if ((section->row.flags & YETT_SCHEMA_LIST) == 0) {
		if (block->module != NULL) {
			g_string_append_printf(to, "%s = ", section->row.name);
			dump_block(to, block, 0);
			g_string_append(to, ";\n");
		}
		return;
	}
	if (list->count == 0) {
		return;
	}
	g_string_append_printf(to, "%s = (", section->row.name);
	block = list->items;
	for (size_t i = 0; i < list->count; i++) {
		g_string_append(to, i > 0 ? ", " : "");
		dump_block(to, &block[i], 0);
	}
	g_string_append(to, ");\n");
}

void yett_conf_dump(const struct yett_conf *conf, FILE *to)
{
	GString *text = g_string_new("");

	for (const struct yett_section *s = yett_sections; s->row.name != NULL; s++) {
		dump_section(text, s, &conf->settings);
	}
	fwrite(text->str, 1, text->len, to);
	g_string_free(text, TRUE);
}
