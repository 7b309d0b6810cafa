/* 128-bit ids, written as UUIDs (RFC 9562, lower case). */
#ifndef YETT_BASE_ID_H
#define YETT_BASE_ID_H

#include <stdbool.h>
#include <string.h>
#include <yett/batch.h>

#include "clock.h"

#define YETT_ID_TEXT_SIZE 37

struct yett_id yett_id_new(const struct yett_clock *clock); /* version 4 */
const char *yett_id_text(const struct yett_id *id, char ret_text[YETT_ID_TEXT_SIZE]);
int yett_id_parse(const char *text, struct yett_id *ret_id); /* 0 or YETT_EINVAL */

static inline bool yett_id_equal(const struct yett_id *a, const struct yett_id *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
static inline bool yett_id_is_zero(const struct yett_id *id)
{
	static const struct yett_id zero;
	return yett_id_equal(id, &zero);
}
/* For GHashTable. */
unsigned yett_id_hash(const void *id);
int yett_id_equal_key(const void *a, const void *b);

#endif
