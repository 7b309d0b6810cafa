/* The mistakes of a configuration, kept in the order in which a person reads the file.
 *
 * Responsible for keeping them sorted (files in the order in which they first came, then lines,
 * then the order of finding), each once, at most a few hundred, and for their one printed form.
 * One thread at a time; owns its texts. */
#include "load.h"

#include <glib.h>
#include <stdarg.h>
#include <string.h>

#define PROBLEMS_MAX 500

struct problem {
	char *file;
	int line;
	char *text;
	char *mend;
	guint rank; /* of the file */
};

struct yett_problems {
	GPtrArray *list;  /* struct problem *, sorted */
	GPtrArray *files; /* in order of coming */
	size_t left_out;
};

static void problem_free(void *arg)
{
	struct problem *problem = arg;

	g_free(problem->file);
	g_free(problem->text);
	g_free(problem->mend);
	g_free(problem);
}

struct yett_problems *yett_problems_new(void)
{
	struct yett_problems *problems = g_new0(struct yett_problems, 1);

	problems->list = g_ptr_array_new_with_free_func(problem_free);
	problems->files = g_ptr_array_new_with_free_func(g_free);
	return problems;
}

void yett_problems_free(struct yett_problems *problems)
{
	if (problems != NULL) {
		g_ptr_array_free(problems->list, TRUE);
		g_ptr_array_free(problems->files, TRUE);
		g_free(problems);
	}
}

static guint rank_of(struct yett_problems *problems, const char *file)
{
	guint i;

	for (i = 0; i < problems->files->len; i++) {
		if (strcmp(g_ptr_array_index(problems->files, i), file) == 0) {
			return i;
		}
	}
	g_ptr_array_add(problems->files, g_strdup(file));
	return i;
}

static bool comes_after(const struct problem *a, const struct problem *b)
{
	return a->rank != b->rank ? a->rank > b->rank : a->line > b->line;
}

void yett_problems_add(struct yett_problems *problems, const char *file, int line, const char *mend,
	const char *format, ...)
{
	struct problem *problem = g_new0(struct problem, 1);
	va_list args;
	guint at;

	problem->file = g_strdup(file != NULL ? file : "");
	problem->line = line;
	problem->rank = rank_of(problems, problem->file);
	problem->mend = g_strdup(mend != NULL ? mend : "");
	va_start(args, format);
	problem->text = g_strdup_vprintf(format, args);
	va_end(args);
	for (at = problems->list->len; at > 0; at--) {
		if (!comes_after(g_ptr_array_index(problems->list, at - 1), problem)) {
			break;
		}
	}
	for (guint i = at; i > 0; i--) {
		const struct problem *before = g_ptr_array_index(problems->list, i - 1);

		if (before->rank != problem->rank || before->line != problem->line) {
			break;
		}
		if (strcmp(before->text, problem->text) == 0) {
			problem_free(problem);
			return;
		}
	}
	if (problems->list->len == PROBLEMS_MAX) {
		problems->left_out++;
		problem_free(problem);
		return;
	}
	g_ptr_array_insert(problems->list, (gint)at, problem);
}

size_t yett_problems_count(const struct yett_problems *problems)
{
	return problems->list->len + problems->left_out;
}

void yett_problems_walk(const struct yett_problems *problems, yett_problem_fn visit, void *arg)
{
	for (guint i = 0; i < problems->list->len; i++) {
		const struct problem *problem = g_ptr_array_index(problems->list, i);

		visit(arg, problem->file, problem->line, problem->text, problem->mend);
	}
}

void yett_problems_print(const struct yett_problems *problems, FILE *to)
{
	for (guint i = 0; i < problems->list->len; i++) {
		const struct problem *problem = g_ptr_array_index(problems->list, i);

		fputs(problem->file, to);
		if (problem->line > 0) {
			fprintf(to, ":%d", problem->line);
		}
		fprintf(to, ": %s%s%s\n", problem->text, problem->mend[0] != '\0' ? ": " : "",
			problem->mend);
	}
	if (problems->left_out > 0) {
		fprintf(to, "and %zu more\n", problems->left_out);
	}
}
