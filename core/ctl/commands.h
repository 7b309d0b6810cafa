/* What yettctl can do, as data: the parser, --help and the manual page go by it. */
#ifndef YETT_CTL_COMMANDS_H
#define YETT_CTL_COMMANDS_H

#include "../base/line.h"

struct yett_ctl;

enum {
	YETT_FORM_JSON = 1,     /* has something to say as JSON */
	YETT_FORM_WATCH = 2,    /* a view, which may be drawn again and again */
	YETT_FORM_STANDARD = 4, /* its last word may be left out */
	YETT_FORM_FILES = 8,    /* works on files, whose names may be any bytes; asks no daemon */
};

/* One thing that can be asked for: "dead show ID". */
struct yett_form {
	const char *words;    /* NULL ends the table */
	const char *operands; /* "NODE", "[DIR]", "NAME…", with spaces between; NULL: none */
	const char *summary;  /* a line */
	const char *doc;      /* all of it, in sentences; NULL: the summary is all */
	const struct yett_option *options; /* NULL: none */
	unsigned flags;
	/* The line holds the operands alone. Returns the exit code. */
	int (*run)(const struct yett_ctl *ctl, const struct yett_line *line);
};

/* Forms that the manual and --help show together. */
struct yett_part {
	const char *title; /* NULL ends the table */
	const char *doc;   /* or NULL */
	const struct yett_form *forms;
};
extern const struct yett_part yett_parts[];

/* What every form takes, before it or behind. */
extern const struct yett_option yett_common_options[];

/* find.c */
/* How many words of the command line are the form's name, and which form: NULL after saying on stderr
 * what was wrong, naming what there is. */
const struct yett_form *yett_form_find(int count, char **words, int *ret_length);
/* YETT_EINVAL: too many operands, or not enough. */
int yett_form_check(const struct yett_form *form, int operands, struct yett_error *error);
/* "dead show ID [--all]"; given (free). */
char *yett_form_usage(const struct yett_form *form);

/* help.c */
void yett_ctl_help(void);
/* Of the forms that begin with these words; false: there are none. */
bool yett_ctl_help_of(int count, char **words);

#endif
