/* What an authority has issued.
 *
 * Responsible for DIR/index: one line a certificate, "SERIAL NOT-AFTER REVOKED-AT NAME", times in
 * Unix seconds, 0 for not revoked. It is what a CRL is made from, so it is written before a
 * certificate is handed out, and replaced whole (base/file.h).
 *
 * One thread, under the authority's lock. The rows are the index's. A line that cannot be
 * understood fails the reading: to skip it could bring a revoked certificate back to life. */
#include "index.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/file.h"

#define INDEX_LIMIT ((size_t)64 << 20)

static int parse_row(const char *line, struct yett_issued *ret_row)
{
	struct yett_issued row = {{0}, {0}, 0, 0};
	int end = 0;

	if (sscanf(line, "%32[0-9a-f] %" SCNd64 " %" SCNd64 " %255s%n", row.serial, &row.not_after,
		    &row.revoked_at, row.name, &end) != 4 ||
		line[end] != '\0') {
		return YETT_ECORRUPT;
	}
	*ret_row = row;
	return 0;
}

int yett_index_add(struct yett_index *index, const struct yett_issued *row)
{
	struct yett_issued *rows =
		reallocarray(index->rows, index->count + 1, sizeof(*index->rows));

	if (rows == NULL) {
		return YETT_ENOMEM;
	}
	index->rows = rows;
	rows[index->count++] = *row;
	return 0;
}

int yett_index_read(const char *path, struct yett_index *ret_index, struct yett_error *error)
{
	struct yett_index index = {NULL, 0};
	struct yett_error missing = YETT_ERROR_INIT;
	char *bytes = NULL;
	char *next;
	char *line;
	size_t length = 0;
	unsigned number = 0;
	int result;

	result = yett_file_read(path, INDEX_LIMIT, &bytes, &length, &missing);
	if (result == YETT_ENOTFOUND) {
		*ret_index = index;
		return 0;
	}
	if (result < 0) {
		return yett_fail(error, result, missing.mend[0] != '\0' ? missing.mend : NULL, "%s",
			missing.text);
	}
	next = bytes;
	while (result == 0 && (line = strsep(&next, "\n")) != NULL) {
		struct yett_issued row;

		number++;
		if (line[0] == '\0') {
			continue;
		}
		result = parse_row(line, &row);
		if (result == 0) {
			result = yett_index_add(&index, &row);
		}
	}
	free(bytes);
	if (result < 0) {
		yett_index_done(&index);
		return yett_fail(error, result, "mend the line, or take the file from a backup",
			"%s: line %u cannot be understood", path, number);
	}
	*ret_index = index;
	return 0;
}

int yett_index_write(const char *path, const struct yett_index *index, struct yett_error *error)
{
	char *bytes = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&bytes, &length);
	int result;

	if (stream == NULL) {
		return yett_fail(error, YETT_ENOMEM, NULL, "cannot write %s: out of memory", path);
	}
	for (size_t i = 0; i < index->count; i++) {
		const struct yett_issued *row = &index->rows[i];

		fprintf(stream, "%s %" PRId64 " %" PRId64 " %s\n", row->serial, row->not_after,
			row->revoked_at, row->name);
	}
	if (fclose(stream) != 0) {
		free(bytes);
		return yett_fail(error, YETT_ENOMEM, NULL, "cannot write %s: out of memory", path);
	}
	result = yett_file_write(path, bytes, length, error);
	free(bytes);
	return result;
}

size_t yett_index_revoke(struct yett_index *index, const char *which, int64_t now)
{
	size_t count = 0;

	for (size_t i = 0; i < index->count; i++) {
		struct yett_issued *row = &index->rows[i];

		if (row->revoked_at == 0 && row->not_after > now &&
			(strcasecmp(row->serial, which) == 0 ||
				strcasecmp(row->name, which) == 0)) {
			row->revoked_at = now;
			count++;
		}
	}
	return count;
}

void yett_index_done(struct yett_index *index)
{
	free(index->rows);
	index->rows = NULL;
	index->count = 0;
}
