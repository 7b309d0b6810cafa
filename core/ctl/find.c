/* Which form of yettctl's table a command line means.
 *
 * Responsible for the words that name a form, for how many operands it takes, and for its usage
 * line. A wrong word is answered with the nearest right one, or with all that there are. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "ctl.h"

#define WORDS_MAX 4 /* of a form's name */

/* How many of the words are those of the form, from its first one on. */
static int same_words(char **parts, int count, char **words)
{
	int n = 0;

	while (parts[n] != NULL && n < count && strcmp(parts[n], words[n]) == 0) {
		n++;
	}
	return n;
}

static bool fits(const struct yett_form *form, char **parts, int same)
{
	int length = (int)g_strv_length(parts);

	return same == length || ((form->flags & YETT_FORM_STANDARD) != 0 && same == length - 1);
}

/* What may stand behind the words that were right. */
static void tell(GPtrArray *candidates, int right, int count, char **words)
{
	g_autoptr(GString) what = g_string_new("command");

	for (int i = 0; i < right; i++) {
		g_string_append_printf(what, "%s%s", i == 0 ? " of " : " ", words[i]);
	}
	g_ptr_array_add(candidates, NULL);
	if (right < count) {
		yett_ctl_wrong(what->str, words[right], (const char *const *)candidates->pdata);
		return;
	}
	fprintf(stderr, "yettctl: say which %s:", what->str);
	for (guint i = 0; candidates->pdata[i] != NULL; i++) {
		fprintf(stderr, " %s", (const char *)candidates->pdata[i]);
	}
	fputc('\n', stderr);
}

const struct yett_form *yett_form_find(int count, char **words, int *ret_length)
{
	g_autoptr(GPtrArray) candidates = g_ptr_array_new_with_free_func(g_free);
	const struct yett_form *best = NULL;
	int right = 0, length = 0;

	for (const struct yett_part *part = yett_parts; part->title != NULL; part++) {
		for (const struct yett_form *form = part->forms; form->words != NULL; form++) {
			g_auto(GStrv) parts = g_strsplit(form->words, " ", WORDS_MAX);
			int same = same_words(parts, count, words);

			if (fits(form, parts, same) && (best == NULL || same > length)) {
				best = form;
				length = same;
			}
			if (same > right) {
				right = same;
				g_ptr_array_set_size(candidates, 0);
			}
			if (same == right && parts[same] != NULL &&
				!g_ptr_array_find_with_equal_func(
					candidates, parts[same], g_str_equal, NULL)) {
				g_ptr_array_add(candidates, g_strdup(parts[same]));
			}
		}
	}
	/* What stands behind may be an operand, or a word that is meant to be another form's. */
	if (best != NULL && (best->operands != NULL || length == count || candidates->len == 0)) {
		*ret_length = length;
		return best;
	}
	tell(candidates, right, count, words);
	return NULL;
}

int yett_form_check(const struct yett_form *form, int operands, struct yett_error *error)
{
	g_auto(GStrv) parts = g_strsplit(form->operands != NULL ? form->operands : "", " ", -1);
	int least = 0, most = 0;
	g_autofree char *usage = yett_form_usage(form);
	g_autofree char *mend = g_strconcat("write: yettctl ", usage, NULL);

	for (int i = 0; parts[i] != NULL; i++) {
		least += parts[i][0] != '[';
		most = strstr(parts[i], "…") != NULL ? G_MAXINT : most + 1;
	}
	if (operands >= least && operands <= most) {
		return 0;
	}
	if (most == 0) {
		return yett_fail(error, YETT_EINVAL, mend, "%s takes no more words", form->words);
	}
	if (least == 1 && most == 1) {
		g_autofree char *small = g_ascii_strdown(form->operands, -1);

		return yett_fail(error, YETT_EINVAL, mend, "%s wants one %s", form->words, small);
	}
	return yett_fail(error, YETT_EINVAL, mend,
		operands < least ? "%s wants more words" : "%s wants fewer words", form->words);
}

char *yett_form_usage(const struct yett_form *form)
{
	GString *text = g_string_new(form->words);
	const struct yett_option *option = form->options;

	if ((form->flags & YETT_FORM_STANDARD) != 0) {
		gsize at = (gsize)(strrchr(text->str, ' ') + 1 - text->str);

		g_string_insert_c(text, (gssize)at, '[');
		g_string_append_c(text, ']');
	}
	if (form->operands != NULL) {
		g_string_append_printf(text, " %s", form->operands);
	}
	for (; option != NULL && option->name != NULL; option++) {
		bool required = (option->flags & YETT_OPTION_REQUIRED) != 0;

		g_string_append_printf(text, " %s--%s%s%s%s%s", required ? "" : "[", option->name,
			option->value != NULL ? " " : "",
			option->value != NULL ? option->value : "", required ? "" : "]",
			(option->flags & YETT_OPTION_REPEATED) != 0 ? "…" : "");
	}
	return g_string_free(text, FALSE);
}
