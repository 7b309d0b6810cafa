/* Growing room for bytes, and the binary forms that PostgreSQL takes and gives: big-endian numbers,
 * the parameters of a statement, arrays in them, fields of a COPY. */
#ifndef STORE_POSTGRESQL_BYTES_H
#define STORE_POSTGRESQL_BYTES_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <yett/batch.h>

/* `failed`: there was no memory, once; what follows is left out. */
struct yett_pg_bytes {
	uint8_t *at;
	size_t length, room;
	bool failed;
};

void yett_pg_bytes_done(struct yett_pg_bytes *bytes);
/* Room for so many more, counted as used; NULL: no memory. */
uint8_t *yett_pg_bytes_more(struct yett_pg_bytes *bytes, size_t length);
void yett_pg_bytes_put(struct yett_pg_bytes *bytes, const void *from, size_t length);
void yett_pg_put16(struct yett_pg_bytes *bytes, int16_t number);
void yett_pg_put32(struct yett_pg_bytes *bytes, int32_t number);
void yett_pg_put64(struct yett_pg_bytes *bytes, int64_t number);
void yett_pg_set32(uint8_t *at, int32_t number);
void yett_pg_set64(uint8_t *at, int64_t number);

/* The parameters of one statement. Arrays are counted before their items are given. */
#define YETT_PG_ARGS_MAX 24
struct yett_pg_args {
	struct yett_pg_bytes bytes;
	size_t starts[YETT_PG_ARGS_MAX];
	int lengths[YETT_PG_ARGS_MAX]; /* -1: NULL */
	int count;
};

#define YETT_PG_ARGS_EMPTY                                                                         \
	{                                                                                          \
		.count = 0                                                                         \
	}

void yett_pg_args_done(struct yett_pg_args *args);
void yett_pg_arg_int(struct yett_pg_args *args, int64_t number);    /* bigint */
void yett_pg_arg_text(struct yett_pg_args *args, const char *text); /* NULL: NULL */
void yett_pg_arg_bytes(struct yett_pg_args *args, const void *from, size_t length);
void yett_pg_arg_null(struct yett_pg_args *args);

enum yett_pg_type { /* as pg_type has them */
	YETT_PG_BYTEA = 17,
	YETT_PG_BIGINT = 20,
	YETT_PG_INTEGER = 23,
	YETT_PG_TEXT = 25,
	YETT_PG_UUID = 2950,
};
void yett_pg_array(struct yett_pg_args *args, enum yett_pg_type type, size_t count);
void yett_pg_item_int(struct yett_pg_args *args, int64_t number);     /* BIGINT */
void yett_pg_item_integer(struct yett_pg_args *args, int32_t number); /* INTEGER */
void yett_pg_item_bytes(struct yett_pg_args *args, const void *from, size_t length);
void yett_pg_item_null(struct yett_pg_args *args);

/* Columns of a binary result: any of the integer types and boolean; NULL is 0 or NULL. */
int64_t yett_pg_int(const PGresult *result, int row, int column);
double yett_pg_double(const PGresult *result, int row, int column);
const char *yett_pg_text(const PGresult *result, int row, int column);
struct yett_id yett_pg_uuid(const PGresult *result, int row, int column);

#endif
