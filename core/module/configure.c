/* Configuration and modules together.
 *
 * Responsible for the two questions that conf/ asks of what lies above it: which descriptor a block
 * means (the loader), and whether the module itself finds its settings good (its `check`). On the main
 * thread, at start-up and at reload; has no side effects but that modules are loaded, and, the first
 * time, that libraries' environment is what the file says. */
#include "configure.h"

#include "../base/environment.h"
#include "../net/files.h"
#include "host.h"

static const struct yett_module *resolve(void *arg, const char *module, uint32_t kind,
	const char *directory, struct yett_error *error)
{
	const struct yett_module *found = NULL;

	yett_loader_load(arg, module, kind, directory, &found, error);
	return found;
}

static int check(
	void *arg, const struct yett_module *module, const void *settings, struct yett_error *error)
{
	struct yett_host host;

	(void)arg;
	if (module->life->check == NULL) {
		return 0;
	}
	yett_host_fill(&host, NULL, &yett_files_system);
	return module->life->check(&host, settings, error);
}

static int environment(const struct yett_settings *settings, struct yett_error *error)
{
	return yett_environment_set(settings->node.krb5_config, error);
}

int yett_configure(struct yett_loader *loader, const char *path, enum yett_configure_when when,
	struct yett_conf **ret_conf, struct yett_problems *problems)
{
	const struct yett_conf_hooks hooks = {
		.environment = when == YETT_CONFIGURE_FIRST ? environment : NULL,
		.resolve = resolve,
		.check = check,
		.arg = loader};

	return yett_conf_load(path, &hooks, ret_conf, problems);
}
