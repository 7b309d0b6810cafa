/* One pass over the text of a configuration, before libconfig: reads files, expands @include, and
 * keeps where each name and value stands and how each number was written, which libconfig does
 * not (it takes the line of what follows, and truncates numbers silently). */
#ifndef YETT_CONF_SCAN_H
#define YETT_CONF_SCAN_H

#include <stdbool.h>

#include "arena.h"
#include "load.h"

enum yett_token_type {
	YETT_TOKEN_NAME,
	YETT_TOKEN_STRING, /* adjacent ones are one */
	YETT_TOKEN_WORD,   /* a number or a truth value, as written */
	YETT_TOKEN_OPEN,
	YETT_TOKEN_CLOSE,
	YETT_TOKEN_END,
};

struct yett_token {
	enum yett_token_type type;
	const char *file;
	int line;
	const char *text; /* of names and words, and the bracket; else "" */
};

struct yett_scan {
	GString *text;  /* what libconfig reads */
	GArray *tokens; /* struct yett_token, ends with END */
	GArray *lines;  /* struct yett_place of each line of `text` */
	GArray *twice;  /* struct yett_token: names set twice in one block */
	GArray *first;  /* struct yett_place: where each of those was set first */
};

void yett_scan_init(struct yett_scan *scan);
void yett_scan_done(struct yett_scan *scan);
/* What is kept is the arena's. 0, or YETT_ECONFIG with problems added. */
int yett_scan_file(struct yett_scan *scan, const char *path, struct yett_arena *arena,
	struct yett_problems *problems);
int yett_scan_text(struct yett_scan *scan, const char *text, size_t length, const char *path,
	struct yett_arena *arena, struct yett_problems *problems);
/* Behind what was scanned: names that are not there yet. */
int yett_scan_more(struct yett_scan *scan, const char *text, size_t length, const char *path,
	struct yett_arena *arena, struct yett_problems *problems);

#endif
