/* The command line, read by a table of options.
 *
 * Responsible for which words are options, for their values, and for saying what is wrong with the
 * nearest right word. Not for what a value means. `--name value`, `--name=value`, `-n value`, in any
 * order with the operands; "--" ends the options. One thread; keeps pointers into argv. */
#include "line.h"

#include <glib.h>
#include <string.h>

#include "name.h"

static const struct yett_option *named(
	const struct yett_option *options, const char *name, size_t length)
{
	for (; options != NULL && options->name != NULL; options++) {
		if (strlen(options->name) == length && strncmp(options->name, name, length) == 0) {
			return options;
		}
	}
	return NULL;
}

/* The option of a word, and where its value begins if the word has one. */
static const struct yett_option *option_of(
	const struct yett_option *options, const char *word, const char **ret_value)
{
	const char *equals = strchr(word, '=');
	size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);

	*ret_value = NULL;
	if (strncmp(word, "--", 2) == 0) {
		*ret_value = equals != NULL ? equals + 1 : NULL;
		return named(options, word + 2, length - 2);
	}
	for (; options != NULL && options->name != NULL; options++) {
		if (options->letter != 0 && options->letter == word[1]) {
			*ret_value = word[2] != '\0' ? word + 2 : NULL;
			return options;
		}
	}
	return NULL;
}

static int refuse(const struct yett_option *options, const char *of, const char *word,
	struct yett_error *error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GString) mend = g_string_new("");
	const char *near;

	for (; options != NULL && options->name != NULL; options++) {
		g_ptr_array_add(names, g_strconcat("--", options->name, NULL));
	}
	g_ptr_array_add(names, NULL);
	near = yett_name_nearest(word, (const char *const *)names->pdata);
	if (near != NULL) {
		g_string_printf(mend, "did you mean %s?", near);
	} else if (names->len == 1) {
		g_string_assign(mend, "it has none");
	} else {
		g_string_assign(mend, "there are:");
		for (guint i = 0; i + 1 < names->len; i++) {
			g_string_append_printf(mend, " %s", (const char *)names->pdata[i]);
		}
	}
	return yett_fail(error, YETT_EINVAL, mend->str, "%.200s is no option of %s", word, of);
}

/* Returns how many words the option takes, or an error. */
static int take(struct yett_line *line, const struct yett_option *option, const char *value,
	const char *next, struct yett_error *error)
{
	bool maybe = (option->flags & YETT_OPTION_MAYBE) != 0;
	int words = 1;

	if (option->value == NULL && value != NULL) {
		return yett_fail(
			error, YETT_EINVAL, "leave it out", "--%s takes no value", option->name);
	}
	if (option->value != NULL && value == NULL && !maybe) {
		if (next == NULL) {
			g_autofree char *mend =
				g_strdup_printf("--%s %s", option->name, option->value);

			return yett_fail(
				error, YETT_EINVAL, mend, "--%s wants a value", option->name);
		}
		value = next;
		words = 2;
	}
	line->given[line->given_count].option = option;
	line->given[line->given_count++].value = value != NULL ? value : "";
	return words;
}

static int find_missing(const struct yett_line *line, const char *of, struct yett_error *error)
{
	const struct yett_option *option = line->options;

	for (; option != NULL && option->name != NULL; option++) {
		if ((option->flags & YETT_OPTION_REQUIRED) != 0 &&
			yett_line_value(line, option->name) == NULL) {
			g_autofree char *mend =
				g_strdup_printf("--%s %s", option->name, option->value);

			return yett_fail(
				error, YETT_EINVAL, mend, "%s wants --%s", of, option->name);
		}
	}
	return 0;
}

int yett_line_read(struct yett_line *line, const struct yett_option *options, const char *of,
	bool keep, int argc, char **argv, struct yett_error *error)
{
	bool ended = false;

	line->options = options;
	line->given = g_new0(struct yett_given, argc + 1);
	line->given_count = 0;
	line->words = g_new0(char *, argc + 1);
	line->count = 0;
	for (int i = 0; i < argc; i++) {
		const struct yett_option *option;
		const char *value;
		int taken;

		if (i == 0 || ended || argv[i][0] != '-' || argv[i][1] == '\0') {
			line->words[line->count++] = argv[i];
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			ended = true;
			if (keep) {
				line->words[line->count++] = argv[i];
			}
			continue;
		}
		option = option_of(options, argv[i], &value);
		if (option == NULL && keep) {
			line->words[line->count++] = argv[i];
			continue;
		}
		if (option == NULL) {
			return refuse(options, of, argv[i], error);
		}
		taken = take(line, option, value, i + 1 < argc ? argv[i + 1] : NULL, error);
		if (taken < 0) {
			return taken;
		}
		i += taken - 1;
	}
	return find_missing(line, of, error);
}

void yett_line_done(struct yett_line *line)
{
	g_clear_pointer(&line->given, g_free);
	g_clear_pointer(&line->words, g_free);
	line->given_count = 0;
	line->count = 0;
}

const char *yett_line_next(const struct yett_line *line, const char *name, size_t *place)
{
	YETT_REQUIRE(named(line->options, name, strlen(name)) != NULL);
	while (*place < line->given_count) {
		const struct yett_given *given = &line->given[(*place)++];

		if (strcmp(given->option->name, name) == 0) {
			return given->value;
		}
	}
	return NULL;
}

const char *yett_line_value(const struct yett_line *line, const char *name)
{
	const char *value = NULL, *next;
	size_t place = 0;

	while ((next = yett_line_next(line, name, &place)) != NULL) {
		value = next;
	}
	return value;
}
