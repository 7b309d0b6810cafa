/* The loader.
 *
 * Responsible for: name → file → vetted descriptor → shared object → descriptor of the module, held
 * against this core's ABI and the wanted kind, with its tables copied to the core's own sizes (what
 * a module built against older headers does not have becomes NULL). Not for settings (conf/) nor
 * instances (host.c). Runs on the main thread, at start-up and reload.
 *
 * A module is opened through the descriptor that was vetted (/proc/self/fd), so it cannot be
 * replaced in between, and made resident: code is never unloaded. Every refusal says what the
 * module wants, what this core offers, and what to do. */
#include "load.h"

#include <gmodule.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vet.h"

union operations {
	struct yett_transport_operations transport;
	struct yett_auth_operations auth;
	struct yett_queue_operations queue;
	struct yett_policy_operations policy;
	struct yett_source_operations source;
	struct yett_store_operations store;
};

struct loaded {
	char *file;
	struct yett_module module;
	struct yett_life life;
	union operations operations;
};

struct yett_loader {
	GPtrArray *loaded; /* struct loaded * */
};

/* What each kind must have at the least: sizes of its table, and the offsets of calls that may not
 * be NULL. */
static const struct {
	const char *name;
	size_t size;
	size_t required[12]; /* ends with 0 */
} kinds[] = {
	[YETT_KIND_TRANSPORT] = {"transport", sizeof(struct yett_transport_operations),
		{offsetof(struct yett_transport_operations, listen),
			offsetof(struct yett_transport_operations, endpoint_address),
			offsetof(struct yett_transport_operations, endpoint_close),
			offsetof(struct yett_transport_operations, connect),
			offsetof(struct yett_transport_operations, send),
			offsetof(struct yett_transport_operations, pause),
			offsetof(struct yett_transport_operations, close)}},
	[YETT_KIND_AUTH] = {"auth", sizeof(struct yett_auth_operations),
		{offsetof(struct yett_auth_operations, method),
			offsetof(struct yett_auth_operations, begin),
			offsetof(struct yett_auth_operations, step),
			offsetof(struct yett_auth_operations, identity),
			offsetof(struct yett_auth_operations, end)}},
	[YETT_KIND_QUEUE] = {"queue", sizeof(struct yett_queue_operations),
		{offsetof(struct yett_queue_operations, recover),
			offsetof(struct yett_queue_operations, append),
			offsetof(struct yett_queue_operations, sync),
			offsetof(struct yett_queue_operations, read),
			offsetof(struct yett_queue_operations, settle),
			offsetof(struct yett_queue_operations, oldest),
			offsetof(struct yett_queue_operations, drop),
			offsetof(struct yett_queue_operations, positions),
			offsetof(struct yett_queue_operations, scan),
			offsetof(struct yett_queue_operations, stats)}},
	[YETT_KIND_POLICY] = {"policy", sizeof(struct yett_policy_operations),
		{offsetof(struct yett_policy_operations, update),
			offsetof(struct yett_policy_operations, pick)}},
	[YETT_KIND_SOURCE] = {"source", sizeof(struct yett_source_operations),
		{offsetof(struct yett_source_operations, poll)}},
	[YETT_KIND_STORE] = {"store", sizeof(struct yett_store_operations),
		{offsetof(struct yett_store_operations, open),
			offsetof(struct yett_store_operations, begin),
			offsetof(struct yett_store_operations, put),
			offsetof(struct yett_store_operations, commit),
			offsetof(struct yett_store_operations, rollback),
			offsetof(struct yett_store_operations, registry_put),
			offsetof(struct yett_store_operations, registry_list),
			offsetof(struct yett_store_operations, positions),
			offsetof(struct yett_store_operations, query),
			offsetof(struct yett_store_operations, account),
			offsetof(struct yett_store_operations, stats)}},
};

const char *yett_kind_name(uint32_t kind)
{
	return kind >= YETT_KIND_TRANSPORT && kind <= YETT_KIND_STORE ? kinds[kind].name : "?";
}

static void loaded_free(void *arg)
{
	struct loaded *loaded = arg;

	g_free(loaded->file);
	g_free(loaded);
}

struct yett_loader *yett_loader_new(void)
{
	struct yett_loader *loader = g_new0(struct yett_loader, 1);

	loader->loaded = g_ptr_array_new_with_free_func(loaded_free);
	return loader;
}

void yett_loader_free(struct yett_loader *loader)
{
	if (loader != NULL) {
		g_ptr_array_free(loader->loaded, TRUE);
		g_free(loader);
	}
}

/* Copies a table that starts with its own size into one of ours. */
static void copy_table(void *ret_to, size_t to_size, const void *from)
{
	uint32_t size;

	memcpy(&size, from, sizeof(size));
	memset(ret_to, 0, to_size);
	memcpy(ret_to, from, size < to_size ? size : to_size);
}

static int check_abi(const struct yett_module *from, const char *file, struct yett_error *error)
{
	if (from->magic != YETT_MODULE_MAGIC) {
		return yett_fail(error, YETT_EABI, "name a module of Yett",
			"%s has a yett_module symbol that is no descriptor", file);
	}
	if (from->abi_major != YETT_ABI_MAJOR || from->abi_minor > YETT_ABI_MINOR) {
		return yett_fail(error, YETT_EABI,
			from->abi_major > YETT_ABI_MAJOR || from->abi_minor > YETT_ABI_MINOR
				? "update Yett, or build the module against this version's headers"
				: "build the module against this version's headers",
			"%s wants ABI %u.%u, this core offers %u.%u", file, from->abi_major,
			from->abi_minor, YETT_ABI_MAJOR, YETT_ABI_MINOR);
	}
	return 0;
}

static int check_kind(
	const struct yett_module *module, uint32_t kind, const char *file, struct yett_error *error)
{
	if (module->kind < YETT_KIND_TRANSPORT || module->kind > YETT_KIND_STORE) {
		return yett_fail(error, YETT_EABI,
			"update Yett, or build the module against this version's headers",
			"%s is of kind %u, this core knows the kinds %u (%s) to %u (%s)", file,
			module->kind, YETT_KIND_TRANSPORT, kinds[YETT_KIND_TRANSPORT].name,
			YETT_KIND_STORE, kinds[YETT_KIND_STORE].name);
	}
	if (module->kind != kind) {
		return yett_fail(error, YETT_EABI, "name a module of the kind that belongs here",
			"%s is a %s module, and a %s module is wanted here", file,
			kinds[module->kind].name, kinds[kind].name);
	}
	return 0;
}

static int check_tables(const struct loaded *loaded, const char *file, struct yett_error *error)
{
	const struct yett_module *module = &loaded->module;

	if (module->name == NULL || module->life == NULL || module->operations == NULL ||
		loaded->life.create == NULL || loaded->life.destroy == NULL) {
		return yett_fail(error, YETT_EABI, "give it a name, create, destroy and operations",
			"%s has an incomplete descriptor", file);
	}
	for (size_t i = 0; kinds[module->kind].required[i] != 0; i++) {
		void *call;

		memcpy(&call, (const char *)&loaded->operations + kinds[module->kind].required[i],
			sizeof(call));
		if (call == NULL) {
			return yett_fail(error, YETT_EABI,
				"see the kind's header for what must be there",
				"%s lacks a call that every %s module must have (number %zu)", file,
				kinds[module->kind].name, i + 1);
		}
	}
	return 0;
}

/* The vetted descriptor as a path that was never used before: dlopen() knows what it has loaded by
 * its path, and gives an object that it has back where a descriptor's number comes again. So each
 * has one slash more. */
static int path_through(int fd, char ret_path[PATH_MAX])
{
	static int opened; /* main thread only */
	char slashes[PATH_MAX - 64];

	if (opened + 2 > (int)sizeof(slashes)) {
		return YETT_EFULL;
	}
	memset(slashes, '/', sizeof(slashes));
	snprintf(ret_path, PATH_MAX, "/proc/self/fd%.*s%d", ++opened, slashes, fd);
	return 0;
}

/* Opens the vetted file and finds its one symbol. */
static int open_object(
	const char *file, const struct yett_module **ret_symbol, struct yett_error *error)
{
	char through[PATH_MAX];
	GModule *object;
	void *symbol = NULL;
	int fd, result;

	result = yett_vet_open(file, &fd, error);
	if (result != 0) {
		return result;
	}
	if (path_through(fd, through) != 0) {
		close(fd);
		return yett_fail(error, YETT_EFULL, "start the daemon anew",
			"%s is one module too many for one process", file);
	}
	object = g_module_open_full(through, G_MODULE_BIND_LOCAL, NULL);
	close(fd);
	if (object == NULL) {
		return yett_fail(error, YETT_EABI, "build it again with the SDK (doc/modules.md)",
			"%s cannot be loaded: %s", file, g_module_error());
	}
	if (!g_module_symbol(object, "yett_module", &symbol) || symbol == NULL) {
		g_module_close(object);
		return yett_fail(error, YETT_EABI, "name a module of Yett",
			"%s is no module: it does not export yett_module", file);
	}
	g_module_make_resident(object);
	*ret_symbol = symbol;
	return 0;
}

static int load(struct yett_loader *loader, const char *file, uint32_t kind,
	const struct yett_module **ret_module, struct yett_error *error)
{
	const struct yett_module *symbol = NULL;
	struct loaded *loaded;
	int result;

	result = open_object(file, &symbol, error);
	if (result == 0) {
		result = check_abi(symbol, file, error);
	}
	if (result != 0) {
		return result;
	}
	loaded = g_new0(struct loaded, 1);
	memcpy(&loaded->module, symbol,
		symbol->size < sizeof(loaded->module) ? symbol->size : sizeof(loaded->module));
	result = check_kind(&loaded->module, kind, file, error);
	if (result == 0 && loaded->module.life != NULL && loaded->module.operations != NULL) {
		copy_table(&loaded->life, sizeof(loaded->life), loaded->module.life);
		copy_table(&loaded->operations, kinds[kind].size, loaded->module.operations);
	}
	if (result == 0) {
		result = check_tables(loaded, file, error);
	}
	if (result != 0) {
		g_free(loaded);
		return result;
	}
	loaded->module.life = &loaded->life;
	loaded->module.operations = &loaded->operations;
	loaded->file = g_strdup(file);
	g_ptr_array_add(loader->loaded, loaded);
	*ret_module = &loaded->module;
	return 0;
}

int yett_loader_load(struct yett_loader *loader, const char *module, uint32_t kind,
	const char *directory, const struct yett_module **ret_module, struct yett_error *error)
{
	char *file;
	int result;

	if (strchr(module, '/') != NULL) {
		file = g_strdup(module);
	} else {
		file = g_strdup_printf("%s/%s.so", directory, module);
	}
	for (guint i = 0; i < loader->loaded->len; i++) {
		struct loaded *loaded = loader->loaded->pdata[i];

		if (strcmp(loaded->file, file) == 0) {
			result = check_kind(&loaded->module, kind, file, error);
			if (result == 0) {
				*ret_module = &loaded->module;
			}
			g_free(file);
			return result;
		}
	}
	result = load(loader, file, kind, ret_module, error);
	g_free(file);
	return result;
}

int yett_loader_walk(const struct yett_loader *loader, yett_loader_fn visit, void *arg)
{
	for (guint i = 0; i < loader->loaded->len; i++) {
		struct loaded *loaded = loader->loaded->pdata[i];
		int result = visit(arg, &loaded->module, loaded->file);

		if (result != 0) {
			return result;
		}
	}
	return 0;
}
