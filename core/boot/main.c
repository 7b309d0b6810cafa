/* yettd: options, configuration, and then the daemon.
 *
 * Exit codes: 0 it ended as asked; 1 it could not run, or not go on; 2 the command line or the
 * configuration is wrong, and nothing was started. */
#ifdef HAVE_CONFIG_H
#	include <config.h>
#endif

#include <stdio.h>

#include "../base/environment.h"
#include "../base/log.h"
#include "daemon.h"
#include "options.h"

static int with_conf(
	const struct yett_options *options, struct yett_loader *loader, struct yett_conf *conf)
{
	const struct yett_settings *settings = yett_conf_settings(conf);

	if (options->dump || options->check) {
		if (options->dump) {
			yett_conf_dump(conf, stdout);
		} else {
			printf("%s is good\n", settings->file);
		}
		yett_conf_free(conf);
		return 0;
	}
	yett_log_setup(settings->node.log_target == 1 ? YETT_LOG_JOURNAL : YETT_LOG_STDERR,
		settings->node.log_level);
	return yett_daemon_run(loader, conf);
}

int main(int argc, char **argv)
{
	struct yett_options options;
	struct yett_problems *problems;
	struct yett_loader *loader;
	struct yett_conf *conf = NULL;
	int code = yett_options_parse(argc, argv, &options);

	yett_environment_clean();
	if (code != 0) {
		return code;
	}
	if (options.help) {
		yett_options_help();
		return 0;
	}
	if (options.version) {
		printf("yettd %s, ABI %d.%d, protocol yett/1\n", PACKAGE_VERSION, YETT_ABI_MAJOR,
			YETT_ABI_MINOR);
		return 0;
	}
	loader = yett_loader_new();
	problems = yett_problems_new();
	if (yett_configure(loader, options.config, YETT_CONFIGURE_FIRST, &conf, problems) != 0) {
		yett_problems_print(problems, stderr);
		code = 2;
	} else {
		code = with_conf(&options, loader, conf);
	}
	yett_problems_free(problems);
	yett_loader_free(loader);
	return code;
}
