/* From a file to checked settings: parse (libconfig), hold each value against its row, load no
 * code but what resolves a module's schema, and report every mistake with file, line, what is
 * wrong and what would mend it. */
#ifndef YETT_CONF_LOAD_H
#define YETT_CONF_LOAD_H

#include <stdbool.h>
#include <stdio.h>

#include "../base/error.h"
#include "settings.h"

struct yett_conf;

struct yett_place {
	const char *file;
	int line;
};

/* Every mistake of a file, in the order of lines. */
struct yett_problems;
struct yett_problems *yett_problems_new(void);
void yett_problems_free(struct yett_problems *problems);
void yett_problems_add(struct yett_problems *problems, const char *file, int line, const char *mend,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
size_t yett_problems_count(const struct yett_problems *problems);
/* "FILE:LINE: what is wrong: mend", a line each. */
void yett_problems_print(const struct yett_problems *problems, FILE *to);
typedef void (*yett_problem_fn)(
	void *arg, const char *file, int line, const char *text, const char *mend);
void yett_problems_walk(const struct yett_problems *problems, yett_problem_fn visit, void *arg);

/* Finds the descriptor that a block names, or says why not (core/module/load.h provides it;
 * conf/ comes below module/ and so only declares what it needs). */
typedef const struct yett_module *(*yett_conf_resolve_fn)(void *arg, const char *module,
	uint32_t kind, const char *directory, struct yett_error *error);
/* Calls a module's `check` on filled settings (optional). */
typedef int (*yett_conf_check_fn)(void *arg, const struct yett_module *module, const void *settings,
	struct yett_error *error);

/* Puts in force what the node's own settings say of the process, before modules are asked (optional). */
typedef int (*yett_conf_environment_fn)(
	const struct yett_settings *settings, struct yett_error *error);

struct yett_conf_hooks {
	yett_conf_environment_fn environment;
	yett_conf_resolve_fn resolve;
	yett_conf_check_fn check;
	void *arg;
};

/* 0 with no problems, or YETT_ECONFIG with `problems` filled (and no conf). */
int yett_conf_load(const char *path, const struct yett_conf_hooks *hooks,
	struct yett_conf **ret_conf, struct yett_problems *problems);
/* The same of a text that is not in a file; `path` is what messages and relative paths go by. */
int yett_conf_load_string(const char *text, size_t length, const char *path,
	const struct yett_conf_hooks *hooks, struct yett_conf **ret_conf,
	struct yett_problems *problems);
void yett_conf_free(struct yett_conf *conf);
const struct yett_settings *yett_conf_settings(const struct yett_conf *conf);

/* What a management server would have a node be like. */
struct yett_wish {
	const char *name;  /* "node.heartbeat" */
	const char *value; /* as one would write it, without quotes */
};
struct yett_wish_upstream {
	const char *name, *address; /* address "": its name */
};
struct yett_wishes {
	const struct yett_wish *values;
	size_t value_count;
	const struct yett_wish_upstream *upstreams; /* the primary first; none: as they are */
	size_t upstream_count;
	/* These stay as well, behind the others; NULL: they do not. */
	const struct yett_settings *keep;
};
/* The settings with what may be set remotely as it is wished, and what `node.pinned` names as it was:
 * each of those is told by `pinned`. Everything else is shared with `base`, which has to outlive it. NULL
 * as base: only whether it can be. 0, or YETT_ECONFIG with problems added. */
typedef void (*yett_pinned_fn)(void *arg, const char *name);
int yett_conf_overlay(const struct yett_settings *base, const struct yett_wishes *wishes,
	yett_pinned_fn pinned, void *arg, struct yett_conf **ret_conf,
	struct yett_problems *problems);
/* Whether a setting, "node.heartbeat" or "upstreams", may be set remotely; else the problem. */
bool yett_conf_is_remote(const char *name, struct yett_place place, struct yett_problems *problems);

/* Every value in force, defaults included, as a file that loads to the same; secrets masked. */
void yett_conf_dump(const struct yett_conf *conf, FILE *to);

/* Whether two blocks differ: 0 not; 1 only in rows marked live; 2 in others. */
int yett_conf_block_differs(const struct yett_block *a, const struct yett_block *b);

#endif
