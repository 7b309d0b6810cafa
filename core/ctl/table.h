/* Tables of text for a terminal. */
#ifndef YETT_CTL_TABLE_H
#define YETT_CTL_TABLE_H

#include <jansson.h>
#include <stdbool.h>

struct yett_column {
	const char *title; /* NULL ends the table */
	const char *key;   /* of the row's object */
	/* Makes the text of a value; NULL: as it is. Given (free). */
	char *(*text)(const json_t *row, const json_t *value);
	bool right; /* numbers */
};

/* Rows of objects, aligned; `empty` instead of an empty table. States are coloured on a terminal. */
void yett_table_print(const struct yett_column *columns, const json_t *rows, const char *empty);
/* The same, with a line under each row for what is too long for a column. `below` makes it, given
 * (free); NULL: none. */
void yett_table_print_with(const struct yett_column *columns, const json_t *rows, const char *empty,
	char *(*below)(const json_t *row));

/* Words on the screen's columns, 80 unless it is a terminal's: the first line has got to column `from`,
 * where the next ones begin. */
void yett_table_wrapped(const char *text, int from);
/* A state, coloured on a terminal. */
void yett_table_word(const char *text);

char *yett_table_bytes(const json_t *row, const json_t *value);  /* 1.5 MiB */
char *yett_table_age_ms(const json_t *row, const json_t *value); /* 3 min */
char *yett_table_since(const json_t *row, const json_t *value);  /* a time → how long ago */
char *yett_table_until(const json_t *row, const json_t *value);  /* a time → how long from now */
char *yett_table_whole(const json_t *row, const json_t *value);  /* as it is, on one line */
char *yett_table_yes(const json_t *row, const json_t *value);    /* true → yes */

#endif
