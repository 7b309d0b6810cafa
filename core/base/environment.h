/* What libraries take from the environment of the process. */
#ifndef YETT_BASE_ENVIRONMENT_H
#define YETT_BASE_ENVIRONMENT_H

#include <stdbool.h>

#include "error.h"

/* First of all. */
void yett_environment_clean(void);
/* `krb5_config`: the file, or "" for the system's. YETT_ENOTFOUND or YETT_EPERM if it is not there to read,
 * or others may change it. */
int yett_environment_set(const char *krb5_config, struct yett_error *error);

#endif
