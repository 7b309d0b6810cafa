/* `yettctl --help`, and `yettctl COMMAND --help`: the table, on 80 columns. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "ctl.h"
#include "table.h"

#define USAGE_TO 26 /* where summaries begin */

/* A text of the table, without the marks of what is code. */
static void print_text(const char *text, int from)
{
	g_autoptr(GString) plain = g_string_new("");

	for (; *text != '\0'; text++) {
		if (*text != '`') {
			g_string_append_c(plain, *text);
		}
	}
	yett_table_wrapped(plain->str, from);
}

/* Whatever is too long for its column has the next line for what explains it. */
static void print_pair(const char *left, const char *right, int column)
{
	long length = g_utf8_strlen(left, -1);

	if (2 + length + 1 < column) {
		printf("  %s%*s", left, column - 2 - (int)length, "");
	} else {
		fputs("  ", stdout);
		yett_table_wrapped(left, 2 + 4);
		printf("%*s", column, "");
	}
	print_text(right, column);
}

static void print_options(const struct yett_option *option)
{
	for (; option != NULL && option->name != NULL; option++) {
		bool maybe = (option->flags & YETT_OPTION_MAYBE) != 0;
		char letter[8] = "";
		g_autofree char *left = NULL;

		if (option->letter != 0) {
			g_snprintf(letter, sizeof(letter), "-%c, ", option->letter);
		}
		left = g_strdup_printf("%s--%s%s%s%s", letter, option->name,
			option->value == NULL ? ""
			: maybe               ? "[="
					      : " ",
			option->value != NULL ? option->value : "", maybe ? "]" : "");
		print_pair(left, option->doc, USAGE_TO);
	}
}

void yett_ctl_help(void)
{
	puts("usage: yettctl [OPTION…] COMMAND …");
	for (const struct yett_part *part = yett_parts; part->title != NULL; part++) {
		printf("\n%s\n", part->title);
		for (const struct yett_form *form = part->forms; form->words != NULL; form++) {
			g_autofree char *usage = yett_form_usage(form);

			print_pair(usage, form->summary, USAGE_TO);
		}
	}
	puts("\nOptions of every command");
	print_options(yett_common_options);
}

static void print_form(const struct yett_form *form)
{
	g_autofree char *usage = yett_form_usage(form);

	fputs("usage: yettctl ", stdout);
	yett_table_wrapped(usage, 15);
	fputs("  ", stdout);
	print_text(form->doc != NULL ? form->doc : form->summary, 2);
	print_options(form->options);
}

static bool print_forms(const char *prefix)
{
	size_t at = strlen(prefix);
	bool any = false;

	for (const struct yett_part *part = yett_parts; part->title != NULL; part++) {
		for (const struct yett_form *form = part->forms; form->words != NULL; form++) {
			if (strncmp(form->words, prefix, at) == 0 &&
				(form->words[at] == '\0' || form->words[at] == ' ')) {
				fputs(any ? "\n" : "", stdout);
				print_form(form);
				any = true;
			}
		}
	}
	return any;
}

bool yett_ctl_help_of(int count, char **words)
{
	/* The last words may be operands. */
	for (; count > 0; count--) {
		g_autoptr(GString) prefix = g_string_new(words[0]);

		for (int i = 1; i < count; i++) {
			g_string_append_printf(prefix, " %s", words[i]);
		}
		if (print_forms(prefix->str)) {
			return true;
		}
	}
	return false;
}
