/* A running daemon: from a checked configuration to its end. */
#ifndef YETT_BOOT_DAEMON_H
#define YETT_BOOT_DAEMON_H

#include "../module/configure.h"

/* Runs until SIGTERM or SIGINT. Returns the exit code. `conf` is given. */
int yett_daemon_run(struct yett_loader *loader, struct yett_conf *conf);

#endif
