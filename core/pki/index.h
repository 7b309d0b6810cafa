/* What an authority has issued: one line a certificate, in DIR/index. */
#ifndef YETT_PKI_INDEX_H
#define YETT_PKI_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "../base/error.h"

#define YETT_SERIAL_SIZE 16 /* bytes; written as 32 hexadecimal digits */

struct yett_issued {
	char serial[2 * YETT_SERIAL_SIZE + 1];
	char name[256];
	int64_t not_after;  /* Unix seconds */
	int64_t revoked_at; /* 0: it is not */
};

struct yett_index {
	struct yett_issued *rows;
	size_t count;
};

/* A file that is not there is an empty index; one that cannot be understood is YETT_ECORRUPT. */
int yett_index_read(const char *path, struct yett_index *ret_index, struct yett_error *error);
int yett_index_write(const char *path, const struct yett_index *index, struct yett_error *error);
int yett_index_add(struct yett_index *index, const struct yett_issued *row);
/* Marks what has this name or serial, is not revoked and has not run out; how many there were. */
size_t yett_index_revoke(struct yett_index *index, const char *which, int64_t now);
void yett_index_done(struct yett_index *index);

#endif
