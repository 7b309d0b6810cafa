/* The annotated sample, from the rows.
 *
 * Responsible for text that a person copies and changes: each setting under its meaning, a default
 * as "#name = value;", what must be written as "name = value;". So the sample loads as it stands
 * (with a module's required values filled in), and with any "#" before a setting removed. Any
 * thread; keeps nothing. */
#include <string.h>

#include "reference.h"
#include "schema.h"
#include "sections.h"

#define WIDTH 92

static void indent(GString *to, int depth)
{
	for (int i = 0; i < depth; i++) {
		g_string_append(to, "    ");
	}
}

/* A comment, wrapped. */
static void append_comment(GString *to, int depth, const char *text)
{
	char **words = g_strsplit(text, " ", -1);
	size_t column = WIDTH;

	for (char **word = words; *word != NULL; word++) {
		size_t length = (size_t)g_utf8_strlen(*word, -1);

		if (**word == '\0') {
			continue;
		}
		if (column + 1 + length > WIDTH) {
			g_string_append(to, word == words ? "" : "\n");
			indent(to, depth);
			g_string_append(to, "#");
			column = (size_t)depth * 4 + 1;
		}
		g_string_append_printf(to, " %s", *word);
		column += 1 + length;
	}
	g_string_append_c(to, '\n');
	g_strfreev(words);
}

static void append_meaning(GString *to, const struct yett_schema *row, int depth)
{
	GString *text = g_string_new(row->doc != NULL ? row->doc : "");
	bool choice = row->type == YETT_TYPE_CHOICE;
	GString *range = g_string_new("");

	yett_schema_range(range, row);
	if (range->len > 0) {
		g_string_append_printf(text, " (%s)", range->str);
	}
	for (size_t i = 0; choice && row->choices[i] != NULL; i++) {
		g_string_append_printf(text, "%s\"%s\"%s", i > 0 ? ", " : " (", row->choices[i],
			row->choices[i + 1] == NULL ? ")" : "");
	}
	append_comment(to, depth, text->str);
	g_string_free(range, TRUE);
	g_string_free(text, TRUE);
}

/* `off`: each line that is no comment gets a '#'. */
static void append_rows(GString *to, const struct yett_schema *rows, int depth, bool off)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		bool list = (rows->flags & YETT_SCHEMA_LIST) != 0;
		bool out = off || (rows->flags & YETT_SCHEMA_REQUIRED) == 0;

		append_meaning(to, rows, depth);
		indent(to, depth);
		g_string_append_printf(to, "%s%s = ", out ? "#" : "", rows->name);
		if (rows->type == YETT_TYPE_GROUP) {
			g_string_append(to, list ? "( {\n" : "{\n");
			append_rows(to, rows->rows, depth + 1, out);
			indent(to, depth);
			g_string_append_printf(to, "%s%s", out ? "#" : "", list ? "} )" : "}");
		} else {
			yett_schema_example(to, rows);
		}
		g_string_append(to, ";\n");
	}
}

void yett_sample_core(FILE *to)
{
	GString *text = g_string_new("");

	for (const struct yett_section *s = yett_sections; s->row.name != NULL; s++) {
		const struct yett_schema *row = &s->row;
		struct yett_schema alone[2] = {*row, YETT_ROW_END};

		if (s->kind == 0) {
			append_rows(text, alone, 0, false);
		} else {
			append_comment(text, 0, row->doc);
			g_string_append_printf(text,
				(row->flags & YETT_SCHEMA_LIST) != 0
					? "#%s = ( { module = \"%s\"; } );\n"
					: "#%s = { module = \"%s\"; };\n",
				row->name, s->standard != NULL ? s->standard : "…");
		}
		g_string_append_c(text, '\n');
	}
	fwrite(text->str, 1, text->len, to);
	g_string_free(text, TRUE);
}

void yett_sample_module(const struct yett_module *module, FILE *to)
{
	GString *text = g_string_new("");

	for (const struct yett_section *s = yett_sections; s->row.name != NULL; s++) {
		bool list = (s->row.flags & YETT_SCHEMA_LIST) != 0;

		if (s->kind != module->kind) {
			continue;
		}
		append_comment(text, 0, module->summary != NULL ? module->summary : "");
		g_string_append_printf(text, "%s = %s{\n    module = \"%s\";\n", s->row.name,
			list ? "( " : "", module->name);
		append_comment(text, 1,
			"What this instance is called, in the log and in views; a name of its own "
			"for each.");
		g_string_append_printf(text, "    #name = \"%s\";\n", module->name);
		append_rows(text, module->schema, 1, false);
		g_string_append_printf(text, "}%s;\n", list ? " )" : "");
	}
	fwrite(text->str, 1, text->len, to);
	g_string_free(text, TRUE);
}
