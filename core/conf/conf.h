/* What a configuration is inside of conf/. */
#ifndef YETT_CONF_CONF_H
#define YETT_CONF_CONF_H

#include "arena.h"
#include "load.h"

struct yett_conf {
	struct yett_settings settings;
	struct yett_arena arena; /* owns all that the settings point to */
};

#endif
