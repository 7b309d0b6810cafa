/* The fields of a log line: "… peer=a.example code=6 subject="CN=a b"" at the end of its sentence. */
#ifndef YETT_BASE_FIELDS_H
#define YETT_BASE_FIELDS_H

#include <stddef.h>

struct yett_field {
	const char *key; /* not terminated */
	size_t key_length;
	const char *value; /* terminated; without the quotes around it */
};

/* The last one first, `max` at most; they point into the sentence, which is cut up for it. A word that is
 * no field ends them. */
size_t yett_fields_take(char *sentence, struct yett_field *ret_fields, size_t max);

/* Of a sentence that was made by a format: what looks like a field before those that the format has is none any
 * more. Where a value has brought blanks with it, fields may get lost; none comes of it. */
void yett_fields_guard(char *sentence, const char *format);
/* What somebody else has said, to stand in a sentence or between the quotes of a value: its quotes become others,
 * and key=value in it key:value. */
void yett_fields_tame(char *text);

#endif
