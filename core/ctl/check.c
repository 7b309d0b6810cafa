/* `yettctl check FILE`: the same check that yettd makes before it starts, and nothing is started. */
#include <stdio.h>

#include "../base/environment.h"
#include "../module/configure.h"
#include "ctl.h"

int yett_ctl_check(const struct yett_ctl *ctl, const struct yett_line *line)
{
	struct yett_loader *loader;
	struct yett_problems *problems;
	struct yett_conf *conf = NULL;
	int code = YETT_EXIT_GOOD;

	(void)ctl;
	yett_environment_clean();
	loader = yett_loader_new();
	problems = yett_problems_new();
	if (yett_configure(loader, line->words[0], YETT_CONFIGURE_FIRST, &conf, problems) != 0) {
		yett_problems_print(problems, stderr);
		fprintf(stderr, "%zu to mend\n", yett_problems_count(problems));
		code = YETT_EXIT_USAGE;
	} else {
		printf("%s is good\n", line->words[0]);
		yett_conf_free(conf);
	}
	yett_problems_free(problems);
	yett_loader_free(loader);
	return code;
}
