/* The operating system's files behind the table of yett/host.h. */
#ifndef YETT_NET_FILES_H
#define YETT_NET_FILES_H

#include <yett/host.h>

extern const struct yett_files yett_files_system;

#endif
