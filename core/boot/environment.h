/* What libraries take from the environment of the process. */
#ifndef YETT_BOOT_ENVIRONMENT_H
#define YETT_BOOT_ENVIRONMENT_H

#include <stdbool.h>

#include "../base/error.h"

/* First of all. */
void yett_environment_clean(void);
/* `krb5_config`: the file, or "" for the system's. */
int yett_environment_set(const char *krb5_config, struct yett_error *error);

#endif
