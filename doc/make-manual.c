/* Writes what stands in the manual pages of the programs between head and tail, at build time, from the
 * tables that their command lines are read by.
 *
 *     make-manual yettctl|yettd|forms > FILE
 *
 * yettctl, yettd: their options and commands, as mdoc(7). forms: a line for each command of yettctl,
 * with tabs between its words, what it can do ("json", "watch"), and its options. Responsible for the
 * layout; the words are the tables' own. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/boot/options.h"
#include "../core/ctl/commands.h"
#include "../core/ctl/ctl.h"

/* A paragraph: no line begins with a macro, `code` is set apart, and hyphens can be copied. */
static void print_text(const char *text)
{
	bool code = false;

	fputs("\\&", stdout);
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '`':
			code = !code;
			fputs(code ? "\\fB" : "\\fR", stdout);
			break;
		case '\\':
			fputs("\\e", stdout);
			break;
		case '-':
			fputs(code ? "\\-" : "-", stdout);
			break;
		default:
			putchar(*text);
		}
	}
	putchar('\n');
}

/* What stands for a value: in small letters, as manual pages have it; dots for an ellipsis. */
static void print_value(const char *value)
{
	g_autofree char *small = g_ascii_strdown(value, -1);
	g_auto(GStrv) parts = g_strsplit(small, "…", -1);
	g_autofree char *text = g_strjoinv("...", parts);

	fputs(text, stdout);
}

static void print_operands(const struct yett_form *form)
{
	g_auto(GStrv) words = g_strsplit(form->operands != NULL ? form->operands : "", " ", -1);

	for (int i = 0; words[i] != NULL; i++) {
		bool maybe = words[i][0] == '[';

		if (maybe) {
			words[i][strlen(words[i]) - 1] = '\0';
		}
		fputs(maybe ? " Oo Ar " : " Ar ", stdout);
		print_value(words[i] + maybe);
		fputs(maybe ? " Oc" : "", stdout);
	}
}

/* Those that have to be there stand in the head; of the others it says that there are some. */
static void print_option_words(const struct yett_option *option)
{
	bool others = false;

	for (; option != NULL && option->name != NULL; option++) {
		if ((option->flags & YETT_OPTION_REQUIRED) != 0) {
			printf(" Fl -%s Ar ", option->name);
			print_value(option->value);
		} else {
			others = true;
		}
	}
	puts(others ? " Op Ar option ..." : "");
}

static void print_option_head(const struct yett_option *option)
{
	bool maybe = (option->flags & YETT_OPTION_MAYBE) != 0;

	fputs(".It", stdout);
	if (option->letter != 0) {
		printf(" Fl %c ,", option->letter);
	}
	printf(" Fl -%s", option->name);
	if (option->value != NULL) {
		fputs(maybe ? " Ns Op = Ns Ar " : " Ar ", stdout);
		print_value(option->value);
	}
	if ((option->flags & YETT_OPTION_REPEATED) != 0) {
		fputs(" ...", stdout);
	}
	putchar('\n');
}

static void print_options(const struct yett_option *option)
{
	if (option == NULL || option->name == NULL) {
		return;
	}
	puts(".Bl -tag -width Ds");
	for (; option->name != NULL; option++) {
		print_option_head(option);
		print_text(option->doc);
	}
	puts(".El");
}

/* The summary as a sentence. */
static void print_summary(const char *summary)
{
	g_autofree char *sentence = g_strdup_printf("%s.", summary);

	sentence[0] = g_ascii_toupper(sentence[0]);
	print_text(sentence);
}

static void print_form(const struct yett_form *form)
{
	const char *last = strrchr(form->words, ' ');

	if ((form->flags & YETT_FORM_STANDARD) != 0 && last != NULL) {
		printf(".It Cm %.*s Op Cm %s", (int)(last - form->words), form->words, last + 1);
	} else {
		printf(".It Cm %s", form->words);
	}
	print_operands(form);
	print_option_words(form->options);
	if (form->doc != NULL) {
		print_text(form->doc);
	} else {
		print_summary(form->summary);
	}
	print_options(form->options);
}

static void print_commands(void)
{
	for (const struct yett_part *part = yett_parts; part->title != NULL; part++) {
		printf(".Ss %s\n", part->title);
		if (part->doc != NULL) {
			print_text(part->doc);
		}
		puts(".Bl -tag -width Ds");
		for (const struct yett_form *form = part->forms; form->words != NULL; form++) {
			print_form(form);
		}
		puts(".El");
	}
}

static void list_forms(void)
{
	for (const struct yett_part *part = yett_parts; part->title != NULL; part++) {
		for (const struct yett_form *form = part->forms; form->words != NULL; form++) {
			const struct yett_option *option = form->options;

			printf("%s\t%s%s\t", form->words,
				(form->flags & YETT_FORM_JSON) != 0 ? "json" : "",
				(form->flags & YETT_FORM_WATCH) != 0 ? " watch" : "");
			for (; option != NULL && option->name != NULL; option++) {
				printf("%s ", option->name);
			}
			putchar('\n');
		}
	}
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (strcmp(what, "yettctl") == 0) {
		print_options(yett_common_options);
		print_commands();
	} else if (strcmp(what, "yettd") == 0) {
		print_options(yett_daemon_options);
	} else if (strcmp(what, "forms") == 0) {
		list_forms();
	} else {
		fputs("usage: make-manual yettctl|yettd|forms\n", stderr);
		return EXIT_FAILURE;
	}
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
