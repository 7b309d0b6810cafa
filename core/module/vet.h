/* Whether a file may be loaded as code: who owns it, who may change it, and the folders above. */
#ifndef YETT_MODULE_VET_H
#define YETT_MODULE_VET_H

#include "../base/error.h"

/* Opens `path` once (O_RDONLY) and checks it through that descriptor: a regular file, owned by root
 * or by us, not writable by group or others; each folder on the way likewise, where a sticky folder of
 * root's (/tmp) is fine, and each symbolic link is root's or ours too. The descriptor is given.
 * YETT_EPERM, YETT_ENOTFOUND. */
int yett_vet_open(const char *path, int *ret_fd, struct yett_error *error);

#endif
