/* Writes the reference of all settings, at build time: the core's own, and those of the modules that
 * were built.
 *
 *     make-reference mdoc|markdown MODULE.so… > FILE
 *
 * Responsible for the order and for what stands between the parts; the words are the rows' own
 * (core/conf/reference.h). Modules are opened without the loader's examination of owners and rights:
 * they are this build's own. Exit code 1 where something cannot be read or is no module; what was
 * written then is of no use. */
#include <gmodule.h>
#include <stdlib.h>
#include <string.h>

#include "../core/base/error.h"
#include "../core/conf/reference.h"
#include "../core/conf/schema.h"

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "make-reference: %s: %s\n", what, why);
	return EXIT_FAILURE;
}

static const struct yett_module *open_module(const char *path)
{
	GModule *library = g_module_open(path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
	struct yett_error error = YETT_ERROR_INIT;
	const struct yett_module *module;
	gpointer symbol = NULL;

	if (library == NULL || !g_module_symbol(library, "yett_module", &symbol)) {
		fail(path, g_module_error());
		return NULL;
	}
	g_module_make_resident(library);
	module = symbol;
	if (yett_schema_check(module->schema, module->settings_size, NULL, &error) != 0) {
		fail(path, error.text);
		return NULL;
	}
	return module;
}

static void write_core(enum yett_reference_form form)
{
	yett_reference_core(form, stdout);
	puts(form == YETT_REFERENCE_MDOC
			? ".Sh MODULES\nWhat each module takes in its block, beside\n.Cm module\n"
			  "and\n.Cm name ."
			: "\n## Modules\n\nWhat each takes in its block, beside `module` and "
			  "`name`.");
}

/* Of modules, a management server sets what a policy can take while it runs, and nothing else
 * (core/conf/overlay.c), whatever their rows would allow: so the manual promises no more. */
static void write_module(const struct yett_module *module, enum yett_reference_form form)
{
	struct yett_module shown = *module;
	GArray *rows = g_array_new(TRUE, TRUE, sizeof(struct yett_schema));

	for (const struct yett_schema *row = module->schema; row != NULL && row->name != NULL;
		row++) {
		struct yett_schema one = *row;

		if (module->kind != YETT_KIND_POLICY || (row->flags & YETT_SCHEMA_LIVE) == 0) {
			one.flags &= ~(uint32_t)YETT_SCHEMA_REMOTE;
		}
		g_array_append_val(rows, one);
	}
	shown.schema = (const struct yett_schema *)(const void *)rows->data;
	yett_reference_module(&shown, form, stdout);
	g_array_free(rows, TRUE);
}

int main(int argc, char **argv)
{
	enum yett_reference_form form;

	if (argc < 2) {
		return fail("usage", "mdoc|markdown MODULE.so…");
	}
	if (strcmp(argv[1], "mdoc") == 0) {
		form = YETT_REFERENCE_MDOC;
	} else if (strcmp(argv[1], "markdown") == 0) {
		form = YETT_REFERENCE_MARKDOWN;
	} else {
		return fail(argv[1], "there is mdoc and markdown");
	}
	write_core(form);
	for (int i = 2; i < argc; i++) {
		const struct yett_module *module = open_module(argv[i]);

		if (module == NULL) {
			return EXIT_FAILURE;
		}
		write_module(module, form);
	}
	return fflush(stdout) == 0 ? EXIT_SUCCESS : fail("stdout", "cannot be written");
}
