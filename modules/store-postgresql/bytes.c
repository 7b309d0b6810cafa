/* The binary forms that PostgreSQL takes and gives.
 *
 * Everything is sent and read in binary: no number is printed and parsed again, and nothing that a
 * record says has to be escaped. Want of memory is remembered and asked for once, where the bytes
 * are used, so that whoever fills them need not look after each step.
 */
#include "bytes.h"

#include <endian.h>
#include <stdlib.h>

void yett_pg_bytes_done(struct yett_pg_bytes *bytes)
{
	free(bytes->at);
	memset(bytes, 0, sizeof(*bytes));
}

uint8_t *yett_pg_bytes_more(struct yett_pg_bytes *bytes, size_t length)
{
	uint8_t *more;

	if (bytes->failed) {
		return NULL;
	}
	if (bytes->room - bytes->length < length) {
		size_t room = bytes->room > 0 ? bytes->room : 512;

		while (room - bytes->length < length) {
			room *= 2;
		}
		more = realloc(bytes->at, room);
		if (more == NULL) {
			bytes->failed = true;
			return NULL;
		}
		bytes->at = more;
		bytes->room = room;
	}
	more = bytes->at + bytes->length;
	bytes->length += length;
	return more;
}

void yett_pg_bytes_put(struct yett_pg_bytes *bytes, const void *from, size_t length)
{
	uint8_t *to = yett_pg_bytes_more(bytes, length);

	if (to != NULL && length > 0) {
		memcpy(to, from, length);
	}
}

void yett_pg_set32(uint8_t *at, int32_t number)
{
	uint32_t word = htobe32((uint32_t)number);

	memcpy(at, &word, sizeof(word));
}

void yett_pg_set64(uint8_t *at, int64_t number)
{
	uint64_t word = htobe64((uint64_t)number);

	memcpy(at, &word, sizeof(word));
}

void yett_pg_put16(struct yett_pg_bytes *bytes, int16_t number)
{
	uint16_t word = htobe16((uint16_t)number);

	yett_pg_bytes_put(bytes, &word, sizeof(word));
}

void yett_pg_put32(struct yett_pg_bytes *bytes, int32_t number)
{
	uint8_t *to = yett_pg_bytes_more(bytes, sizeof(number));

	if (to != NULL) {
		yett_pg_set32(to, number);
	}
}

void yett_pg_put64(struct yett_pg_bytes *bytes, int64_t number)
{
	uint8_t *to = yett_pg_bytes_more(bytes, sizeof(number));

	if (to != NULL) {
		yett_pg_set64(to, number);
	}
}

void yett_pg_args_done(struct yett_pg_args *args)
{
	yett_pg_bytes_done(&args->bytes);
	args->count = 0;
}

/* The next parameter begins; the one before has grown to here. */
static void begin(struct yett_pg_args *args)
{
	args->starts[args->count] = args->bytes.length;
	args->lengths[args->count++] = 0;
}

static void grown(struct yett_pg_args *args)
{
	int last = args->count - 1;

	args->lengths[last] = (int)(args->bytes.length - args->starts[last]);
}

void yett_pg_arg_int(struct yett_pg_args *args, int64_t number)
{
	begin(args);
	yett_pg_put64(&args->bytes, number);
	grown(args);
}

void yett_pg_arg_bytes(struct yett_pg_args *args, const void *from, size_t length)
{
	begin(args);
	yett_pg_bytes_put(&args->bytes, from, length);
	grown(args);
}

void yett_pg_arg_null(struct yett_pg_args *args)
{
	begin(args);
	args->lengths[args->count - 1] = -1;
}

void yett_pg_arg_text(struct yett_pg_args *args, const char *text)
{
	if (text == NULL) {
		yett_pg_arg_null(args);
	} else {
		yett_pg_arg_bytes(args, text, strlen(text));
	}
}

void yett_pg_array(struct yett_pg_args *args, enum yett_pg_type type, size_t count)
{
	begin(args);
	yett_pg_put32(&args->bytes, count > 0 ? 1 : 0); /* dimensions */
	yett_pg_put32(&args->bytes, 1);                 /* some may be NULL */
	yett_pg_put32(&args->bytes, (int32_t)type);
	if (count > 0) {
		yett_pg_put32(&args->bytes, (int32_t)count);
		yett_pg_put32(&args->bytes, 1); /* the first index */
	}
	grown(args);
}

void yett_pg_item_bytes(struct yett_pg_args *args, const void *from, size_t length)
{
	yett_pg_put32(&args->bytes, (int32_t)length);
	yett_pg_bytes_put(&args->bytes, from, length);
	grown(args);
}

void yett_pg_item_int(struct yett_pg_args *args, int64_t number)
{
	yett_pg_put32(&args->bytes, 8);
	yett_pg_put64(&args->bytes, number);
	grown(args);
}

void yett_pg_item_integer(struct yett_pg_args *args, int32_t number)
{
	yett_pg_put32(&args->bytes, 4);
	yett_pg_put32(&args->bytes, number);
	grown(args);
}

void yett_pg_item_null(struct yett_pg_args *args)
{
	yett_pg_put32(&args->bytes, -1);
	grown(args);
}

int64_t yett_pg_int(const PGresult *result, int row, int column)
{
	const char *at = PQgetvalue(result, row, column);
	uint64_t word = 0;
	uint32_t half = 0;
	uint16_t quarter = 0;

	switch (PQgetlength(result, row, column)) { /* 0 where it is NULL */
	case 8:
		memcpy(&word, at, sizeof(word));
		return (int64_t)be64toh(word);
	case 4:
		memcpy(&half, at, sizeof(half));
		return (int32_t)be32toh(half);
	case 2:
		memcpy(&quarter, at, sizeof(quarter));
		return (int16_t)be16toh(quarter);
	case 1:
		return at[0];
	default:
		return 0;
	}
}

double yett_pg_double(const PGresult *result, int row, int column)
{
	int64_t word = yett_pg_int(result, row, column);
	double number;

	memcpy(&number, &word, sizeof(number));
	return number;
}

const char *yett_pg_text(const PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

struct yett_id yett_pg_uuid(const PGresult *result, int row, int column)
{
	struct yett_id id = {{0}};

	if (PQgetlength(result, row, column) == YETT_ID_SIZE) {
		memcpy(&id, PQgetvalue(result, row, column), sizeof(id));
	}
	return id;
}
