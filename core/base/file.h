/* Small files of state, whole: read with a limit; written beside, synced, renamed, directory
 * synced, so that after any crash there is the old or the new one. Mode 0600. */
#ifndef YETT_BASE_FILE_H
#define YETT_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* Given: `*ret_bytes` is free()d by the caller, and has a 0 byte behind its end. YETT_ENOTFOUND,
 * YETT_ELIMIT, YETT_EPERM, YETT_EIO. */
int yett_file_read(const char *path, size_t limit, char **ret_bytes, size_t *ret_length,
	struct yett_error *error);
int yett_file_write(const char *path, const void *bytes, size_t length, struct yett_error *error);
/* Gives a file that is synced another name, in the same directory; the name is as durable as the file. */
int yett_file_rename(const char *from, const char *to, struct yett_error *error);
/* Makes a directory and its parents, 0700 for the last one, so that a crash does not take them away. */
int yett_file_mkdir(const char *path, struct yett_error *error);

#endif
