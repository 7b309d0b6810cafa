/* The command line of yettd: responsible for reading it and for saying what exists when it is wrong.
 * Keeps pointers into argv. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "../base/name.h"

static const struct option table[] = {
	{"config", required_argument, NULL, 'c'},
	{"check", no_argument, NULL, 'k'},
	{"dump-config", no_argument, NULL, 'd'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

void yett_options_help(void)
{
	puts("usage: yettd [--config FILE] [--check | --dump-config | --version | --help]\n"
	     "\n"
	     "  -c, --config FILE   the configuration (default: " YETT_SYSCONF_DIR
	     "/yett/yettd.conf)\n"
	     "      --check         check it, say all that is wrong with it, and end (2: it is "
	     "wrong)\n"
	     "      --dump-config   print every value in force, defaults included, and end\n"
	     "      --version       print the version and end\n"
	     "\n"
	     "In the foreground; the log goes to stderr or the journal (node.log). SIGHUP reads "
	     "the\n"
	     "configuration and the certificates again, SIGTERM finishes what is under way and "
	     "ends.");
}

static void tell_wrong(const char *word)
{
	static const char *const names[] = {
		"--config", "--check", "--dump-config", "--version", "--help", NULL};
	const char *near = word != NULL ? yett_name_nearest(word, names) : NULL;

	fprintf(stderr, "yettd: %s is no option%s%s; see yettd --help\n",
		word != NULL ? word : "that", near != NULL ? ", did you mean " : "",
		near != NULL ? near : "");
}

int yett_options_parse(int argc, char **argv, struct yett_options *ret_options)
{
	int c;

	memset(ret_options, 0, sizeof(*ret_options));
	ret_options->config = YETT_SYSCONF_DIR "/yett/yettd.conf";
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":c:h", table, NULL)) != -1) {
		switch (c) {
		case 'c':
			ret_options->config = optarg;
			break;
		case 'k':
			ret_options->check = true;
			break;
		case 'd':
			ret_options->dump = true;
			break;
		case 'V':
			ret_options->version = true;
			break;
		case 'h':
			ret_options->help = true;
			break;
		case ':':
			fprintf(stderr, "yettd: %s wants a value; see yettd --help\n",
				argv[optind - 1]);
			return 2;
		default:
			tell_wrong(argv[optind - 1]);
			return 2;
		}
	}
	if (optind < argc) {
		tell_wrong(argv[optind]);
		return 2;
	}
	return 0;
}
