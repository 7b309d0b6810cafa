/* `yettctl check FILE`: the same check that yettd makes before it starts, and nothing is started. */
#include <stdio.h>

#include "../base/environment.h"
#include "../module/configure.h"
#include "ctl.h"

int yett_ctl_check(const struct yett_ctl *ctl, int argc, char **argv)
{
	struct yett_loader *loader;
	struct yett_problems *problems;
	struct yett_conf *conf = NULL;
	int code = YETT_EXIT_GOOD;

	(void)ctl;
	if (argc != 2) {
		fputs("usage: yettctl check FILE\n", stderr);
		return YETT_EXIT_USAGE;
	}
	yett_environment_clean();
	loader = yett_loader_new();
	problems = yett_problems_new();
	if (yett_configure(loader, argv[1], YETT_CONFIGURE_FIRST, &conf, problems) != 0) {
		yett_problems_print(problems, stderr);
		fprintf(stderr, "%zu to mend\n", yett_problems_count(problems));
		code = YETT_EXIT_USAGE;
	} else {
		printf("%s is good\n", argv[1]);
		yett_conf_free(conf);
	}
	yett_problems_free(problems);
	yett_loader_free(loader);
	return code;
}
