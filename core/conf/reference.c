/* The reference manual of settings, from the rows.
 *
 * Responsible for one walk over rows and for its two forms, mdoc and markdown: name, type, default,
 * range, what applies without a restart, and the row's text. Not for the words (they are the rows'),
 * nor for what surrounds them in the manual. Any thread; keeps nothing. */
#include "reference.h"

#include <string.h>

#include "schema.h"
#include "sections.h"

/* Text of a paragraph in mdoc: no line may begin with a macro, no backslash escape. */
static void mdoc_text(GString *to, const char *text)
{
	if (text[0] == '.' || text[0] == '\'') {
		g_string_append(to, "\\&");
	}
	for (; *text != '\0'; text++) {
		if (*text == '\\') {
			g_string_append(to, "\\e");
		} else {
			g_string_append_c(to, *text == '\n' ? ' ' : *text);
		}
	}
}

/* Text within a cell of a table. */
static void markdown_text(GString *to, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("|*_<>", *text) != NULL) {
			g_string_append_c(to, '\\');
		}
		g_string_append_c(to, *text == '\n' ? ' ' : *text);
	}
}

static void append_text(GString *to, enum yett_reference_form form, const char *text)
{
	if (form == YETT_REFERENCE_MDOC) {
		mdoc_text(to, text);
	} else {
		markdown_text(to, text);
	}
}

/* "a duration, from 1 s to 1 d", "one of error, warning". */
static void append_type(GString *to, const struct yett_schema *row)
{
	bool list = (row->flags & YETT_SCHEMA_LIST) != 0;

	if (row->type == YETT_TYPE_CHOICE) {
		g_string_append(to, list ? "a list of " : "one of ");
		for (size_t i = 0; row->choices[i] != NULL; i++) {
			g_string_append_printf(to, "%s\"%s\"", i > 0 ? ", " : "", row->choices[i]);
		}
		return;
	}
	g_string_append(to, yett_schema_type_text(row));
	if (row->type == YETT_TYPE_INT || row->type == YETT_TYPE_SIZE ||
		row->type == YETT_TYPE_DURATION) {
		GString *range = g_string_new("");

		yett_schema_range(range, row);
		g_string_append_printf(to, "%s%s", range->len > 0 ? ", " : "", range->str);
		g_string_free(range, TRUE);
	}
}

/* The default, or that there is none. */
static void append_standard(GString *to, const struct yett_schema *row)
{
	if ((row->flags & YETT_SCHEMA_REQUIRED) != 0) {
		g_string_append(to, "required");
	} else if (row->standard != NULL) {
		yett_schema_standard(to, row);
	} else {
		g_string_append(to, "none");
	}
}

static void append_flags(GString *to, const struct yett_schema *row)
{
	if ((row->flags & YETT_SCHEMA_LIVE) != 0) {
		g_string_append(to, " A reload applies it at once.");
	}
	if ((row->flags & YETT_SCHEMA_REMOTE) != 0) {
		g_string_append(to, " A management server may set it.");
	}
	if ((row->flags & YETT_SCHEMA_SECRET) != 0) {
		g_string_append(to, " It is never shown.");
	}
}

static void mdoc_rows(GString *to, const struct yett_schema *rows)
{
	if (rows == NULL || rows->name == NULL) {
		return;
	}
	g_string_append(to, ".Bl -tag -width Ds\n");
	for (; rows->name != NULL; rows++) {
		GString *line = g_string_new("");

		g_string_append_printf(to, ".It Cm %s\n", rows->name);
		mdoc_text(to, rows->doc != NULL ? rows->doc : "");
		append_flags(to, rows);
		g_string_append_c(to, '\n');
		if (rows->type == YETT_TYPE_GROUP) {
			g_string_append_printf(to, "It is %s%s:\n", yett_schema_type_text(rows),
				(rows->flags & YETT_SCHEMA_REQUIRED) != 0 ? ", and required" : "");
			mdoc_rows(to, rows->rows);
		} else {
			g_string_append(line, "It is ");
			append_type(line, rows);
			g_string_append(line,
				(rows->flags & YETT_SCHEMA_REQUIRED) != 0 ? "; " : "; default: ");
			append_standard(line, rows);
			g_string_append_c(line, '.');
			mdoc_text(to, line->str);
			g_string_append_c(to, '\n');
		}
		g_string_free(line, TRUE);
	}
	g_string_append(to, ".El\n");
}

static void markdown_rows(GString *to, const struct yett_schema *rows, const char *prefix)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		GString *cell = g_string_new("");

		g_string_append_printf(to, "| `%s%s` | ", prefix, rows->name);
		append_type(cell, rows);
		markdown_text(to, cell->str);
		g_string_append(to, " | ");
		g_string_assign(cell, "");
		if (rows->type != YETT_TYPE_GROUP || (rows->flags & YETT_SCHEMA_REQUIRED) != 0) {
			append_standard(cell, rows);
		}
		if (rows->standard != NULL) {
			g_string_append_printf(to, "`%s`", cell->str);
		} else {
			markdown_text(to, cell->str);
		}
		g_string_append(to, " | ");
		markdown_text(to, rows->doc != NULL ? rows->doc : "");
		append_flags(to, rows);
		g_string_append(to, " |\n");
		if (rows->type == YETT_TYPE_GROUP) {
			g_string_printf(cell, "%s%s.", prefix, rows->name);
			markdown_rows(to, rows->rows, cell->str);
		}
		g_string_free(cell, TRUE);
	}
}

static void append_rows(GString *to, enum yett_reference_form form, const struct yett_schema *rows)
{
	if (rows == NULL || rows->name == NULL) {
		return;
	}
	if (form == YETT_REFERENCE_MDOC) {
		mdoc_rows(to, rows);
	} else {
		g_string_append(to,
			"\n| setting | takes | default | meaning |\n| --- | --- | --- | --- |\n");
		markdown_rows(to, rows, "");
	}
}

static void append_heading(
	GString *to, enum yett_reference_form form, const char *name, const char *doc)
{
	g_string_append_printf(
		to, form == YETT_REFERENCE_MDOC ? ".Ss %s\n" : "\n### `%s`\n\n", name);
	append_text(to, form, doc);
	g_string_append_c(to, '\n');
}

static void append_section(
	GString *to, enum yett_reference_form form, const struct yett_section *section)
{
	const struct yett_schema *row = &section->row;
	GString *text = g_string_new(row->doc);
	struct yett_schema alone[2] = {*row, YETT_ROW_END};

	if (section->kind != 0) {
		g_string_append(text, (row->flags & YETT_SCHEMA_LIST) != 0
					      ? " A list of module blocks, each { module = \"…\"; "
						"name = \"…\"; … }"
					      : " A module block, { module = \"…\"; name = \"…\"; "
						"… }");
		g_string_append(text, ", with the settings of the module that it names; the name "
				      "of the instance is the module's unless given.");
		if (section->standard != NULL) {
			g_string_append_printf(text,
				" Where it is needed and not written, or names no module: \"%s\".",
				section->standard);
		}
	} else if (row->type == YETT_TYPE_GROUP) {
		g_string_append_printf(text, " It is %s.", yett_schema_type_text(row));
	}
	append_heading(to, form, row->name, text->str);
	if (section->kind == 0) {
		append_rows(to, form, row->type == YETT_TYPE_GROUP ? row->rows : alone);
	}
	g_string_free(text, TRUE);
}

void yett_reference_core(enum yett_reference_form form, FILE *to)
{
	GString *text = g_string_new("");

	for (const struct yett_section *s = yett_sections; s->row.name != NULL; s++) {
		append_section(text, form, s);
	}
	fwrite(text->str, 1, text->len, to);
	g_string_free(text, TRUE);
}

static void append_metrics(
	GString *to, enum yett_reference_form form, const struct yett_metric *metrics)
{
	if (metrics == NULL || metrics->name == NULL) {
		return;
	}
	g_string_append(
		to, form == YETT_REFERENCE_MDOC
			    ? "It counts:\n.Bl -tag -width Ds\n"
			    : "\n| metric | type | unit | meaning |\n| --- | --- | --- | --- |\n");
	for (; metrics->name != NULL; metrics++) {
		const char *type = metrics->type == YETT_METRIC_GAUGE ? "gauge" : "counter";

		g_string_append_printf(to,
			form == YETT_REFERENCE_MDOC ? ".It Li %s\n(%s, %s) "
						    : "| `%s` | %s | %s | ",
			metrics->name, type, metrics->unit != NULL ? metrics->unit : "");
		append_text(to, form, metrics->doc != NULL ? metrics->doc : "");
		g_string_append(to, form == YETT_REFERENCE_MDOC ? "\n" : " |\n");
	}
	g_string_append(to, form == YETT_REFERENCE_MDOC ? ".El\n" : "");
}

void yett_reference_module(
	const struct yett_module *module, enum yett_reference_form form, FILE *to)
{
	GString *text = g_string_new("");

	append_heading(text, form, module->name, module->summary != NULL ? module->summary : "");
	append_rows(text, form, module->schema);
	append_metrics(text, form, module->metrics);
	fwrite(text->str, 1, text->len, to);
	g_string_free(text, TRUE);
}
