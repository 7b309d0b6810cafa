/* Small files of state, whole, on the files that the node was given (yett/host.h): read with a limit;
 * written beside, synced, renamed, directory synced, so that after any crash there is the old or the
 * new one. */
#ifndef YETT_NET_SAVED_H
#define YETT_NET_SAVED_H

#include <yett/host.h>

#include "../base/error.h"

/* The directory is made where it is missing. Given: `*ret_bytes` is free()d by the caller, and has a 0
 * byte behind its end. YETT_ENOTFOUND, YETT_ELIMIT, YETT_EPERM, YETT_EIO; fills no error. */
int yett_saved_read(const struct yett_files *files, const char *directory, const char *name,
	size_t limit, char **ret_bytes, size_t *ret_length);
int yett_saved_write(const struct yett_files *files, const char *directory, const char *name,
	const void *bytes, size_t length, struct yett_error *error);

/* For good: the directory is synced. It need not be there. */
int yett_saved_remove(const struct yett_files *files, const char *directory, const char *name);

#endif
