/* The command line, read by a table of options: what is parsed, what --help shows and what the manual
 * pages list are the same rows. */
#ifndef YETT_BASE_LINE_H
#define YETT_BASE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

enum {
	YETT_OPTION_REQUIRED = 1,
	YETT_OPTION_REPEATED = 2, /* may be given more than once; else the last one counts */
	YETT_OPTION_MAYBE = 4,    /* its value may be left out, and stands behind a '=' only */
};

struct yett_option {
	const char *name;  /* without its dashes; NULL ends the table */
	const char *value; /* what stands for its value in a usage line; NULL: it takes none */
	const char *doc;
	char letter; /* a short form, or 0 */
	unsigned flags;
};

struct yett_given {
	const struct yett_option *option;
	const char *value; /* "" where the option takes none */
};

/* What was given; the texts are those of argv. */
struct yett_line {
	const struct yett_option *options;
	struct yett_given *given;
	size_t given_count;
	/* What is left of argv: its first word, and operands. */
	char **words;
	int count;
};

/* Takes the options of the table, and their values, out of the words; argv itself stays as it is.
 * `keep` says what becomes of options that the table does not have: they are left among the words,
 * or refused, naming the nearest one; what stands behind "--" is no option either way. `of` is whose
 * options these are, for the sentence. YETT_EINVAL: what is wrong, and what would be right. The line
 * is to be freed (yett_line_done) whatever the result. */
int yett_line_read(struct yett_line *line, const struct yett_option *options, const char *of,
	bool keep, int argc, char **argv, struct yett_error *error);
void yett_line_done(struct yett_line *line);

/* The value of an option, the last one where there are several; "" of one without a value; NULL: it
 * was not given. The table must have the option. */
const char *yett_line_value(const struct yett_line *line, const char *name);
/* The next value of one that may be repeated; *place begins at 0. */
const char *yett_line_next(const struct yett_line *line, const char *name, size_t *place);

#endif
