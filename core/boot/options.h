/* The command line of yettd. */
#ifndef YETT_BOOT_OPTIONS_H
#define YETT_BOOT_OPTIONS_H

#include <stdbool.h>

#include "../base/line.h"

/* The parser, --help and the manual page go by it. */
extern const struct yett_option yett_daemon_options[];

struct yett_options {
	const char *config;
	bool check, dump, version, help;
};

/* 0, or 2 after saying on stderr what was wrong. */
int yett_options_parse(int argc, char **argv, struct yett_options *ret_options);
void yett_options_help(void);

#endif
