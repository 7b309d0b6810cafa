/* Loads modules: finds the file, has it vetted, opens it, and holds its descriptor against this
 * core. A module stays resident for the life of the process. */
#ifndef YETT_MODULE_LOAD_H
#define YETT_MODULE_LOAD_H

#include <yett/auth.h>
#include <yett/policy.h>
#include <yett/queue.h>
#include <yett/source.h>
#include <yett/store.h>
#include <yett/transport.h>

#include "../base/error.h"

struct yett_loader;

struct yett_loader *yett_loader_new(void);
void yett_loader_free(struct yett_loader *loader);
/* `module`: a name ("queue-disk", looked for as DIRECTORY/queue-disk.so) or a path with a '/'. The
 * answer is the loader's: tables copied to this core's sizes, calls that the module does not have
 * NULL. The same module is loaded once. */
int yett_loader_load(struct yett_loader *loader, const char *module, uint32_t kind,
	const char *directory, const struct yett_module **ret_module, struct yett_error *error);
/* Walks what is loaded: name, file. */
typedef int (*yett_loader_fn)(void *arg, const struct yett_module *module, const char *file);
int yett_loader_walk(const struct yett_loader *loader, yett_loader_fn visit, void *arg);

const char *yett_kind_name(uint32_t kind); /* "queue"; "?" */

#endif
