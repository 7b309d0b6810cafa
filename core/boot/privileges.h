/* Becoming the configured user. */
#ifndef YETT_BOOT_PRIVILEGES_H
#define YETT_BOOT_PRIVILEGES_H

#include "../base/error.h"

/* Started as root: makes `state` and the socket's folder the user's, where only root has a say in what these are,
 * then becomes the user for good, with its groups and no way back. Not root, or no user named: stays as it is. */
int yett_privileges_drop(
	const char *user, const char *state, const char *socket, struct yett_error *error);

#endif
