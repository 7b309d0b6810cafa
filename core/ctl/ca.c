/* `yettctl ca`: a certificate authority of one's own (M17).
 *
 * Responsible for what a person types and reads; the authority itself is core/pki. Works on files
 * alone: no daemon is asked. Exit code 0 done, 1 it failed, 2 it was not understood. What went
 * wrong is one line on stderr: what, why, what would mend it. */
#include "ca.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/name.h"
#include "../pki/authority.h"

#define SUFFIXES_MAX 64
#define EXIT_USAGE   2

static const char usage[] =
	"Usage: yettctl ca init [DIR] [--name NAME] [--suffix SUFFIX]... [--days N]\n"
	"       yettctl ca issue NAME [--ca DIR] [--out DIR] [--days N] [--not-before TIME]\n"
	"       yettctl ca revoke NAME|SERIAL [--ca DIR]\n"
	"       yettctl ca crl [--ca DIR] [--days N]\n"
	"\n"
	"A certificate authority in a directory (standard: ca), for nodes that have no other.\n"
	"  init    makes it: a key (0600) and a certificate that nodes are given as `trust`\n"
	"  issue   makes a key and a certificate for the node with this fully qualified name, in\n"
	"          the folder --out, which is made if need be\n"
	"  revoke  takes a certificate back, and writes the list of what is revoked (DIR/ca.crl)\n"
	"  crl     writes that list anew, in force for so many days (standard: 30)\n"
	"\n"
	"  --suffix      the end of the names that it may speak for (example.com); may be "
	"repeated;\n"
	"                without it, it may speak for every name\n"
	"  --not-before  RFC 3339, \"now\", or \"-1d\" (standard: now)\n";

struct options {
	const char *name;
	const char *ca;
	const char *out;
	const char *suffixes[SUFFIXES_MAX];
	size_t suffix_count;
	int days;
	int64_t not_before;
	int64_t now;
	const char *argument; /* the one that is no option; NULL: none */
};

static int misused(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int misused(const char *format, ...)
{
	va_list args;

	fputs("yettctl ca: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("; `yettctl ca --help` shows how\n", stderr);
	return EXIT_USAGE;
}

static int failed(const struct yett_error *error)
{
	fprintf(stderr, "yettctl ca: %s%s%s\n", error->text, error->mend[0] != '\0' ? ": " : "",
		error->mend);
	return EXIT_FAILURE;
}

static const char *day(int64_t seconds, char *ret_text, size_t size)
{
	return yett_time_text(seconds * (int64_t)YETT_SEC, ret_text, size);
}

static void quote_suffixes(const char *const *suffixes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		printf("%s\"%s\"", i > 0 ? ", " : "", suffixes[i]);
	}
	if (count == 0) {
		printf("\"*\"");
	}
}

static int ca_init(const struct options *options)
{
	const struct yett_authority_options with = {
		.name = options->name != NULL ? options->name : "Yett certificate authority",
		.suffixes = options->suffixes,
		.suffix_count = options->suffix_count,
		.days = options->days,
		.now = options->now,
	};
	struct yett_error error = YETT_ERROR_INIT;
	const char *directory = options->argument;

	if (directory == NULL) {
		directory = options->ca;
	}
	if (yett_authority_create(directory, &with, &error) < 0) {
		return failed(&error);
	}
	printf("Made the authority \"%s\".\n"
	       "  %s/ca.key  its key: whoever has it can be any node, so keep it off the nodes\n"
	       "  %s/ca.crt  its certificate: give it to every node\n"
	       "In a node's configuration, for auth-x509: trust = [\"/path/to/ca.crt\"]; suffixes "
	       "= [",
		with.name, directory, directory);
	quote_suffixes(with.suffixes, with.suffix_count);
	printf("];\nNext: yettctl ca issue NAME --ca %s\n", directory);
	return EXIT_SUCCESS;
}

static int ca_issue(const struct options *options, struct yett_authority *authority)
{
	const struct yett_issue issue = {
		.name = options->argument,
		.folder = options->out,
		.days = options->days,
		.not_before = options->not_before,
	};
	struct yett_issue_result made;
	struct yett_error error = YETT_ERROR_INIT;
	char text[32];
	bool new_folder = mkdir(options->out, 0700) == 0;

	if (yett_authority_issue(authority, &issue, &made, &error) < 0) {
		if (new_folder) {
			rmdir(options->out);
		}
		return failed(&error);
	}
	printf("Issued a certificate for %s, until %s.\n"
	       "  %s  certificate, serial number %s\n"
	       "  %s  its key (0600)\n"
	       "  %s  the authority's certificate, which the node trusts\n",
		options->argument, day(made.not_after, text, sizeof(text)), made.certificate,
		made.serial, made.key, yett_authority_certificate(authority));
	return EXIT_SUCCESS;
}

static int ca_revoke(const struct options *options, struct yett_authority *authority)
{
	struct yett_error error = YETT_ERROR_INIT;
	size_t count = 0;

	if (yett_authority_revoke(authority, options->argument, options->now, &count, &error) < 0) {
		return failed(&error);
	}
	printf("Revoked %zu certificate%s of %s.\n"
	       "  %s/ca.crl  the list of what is revoked, in force for %d days: give it to every "
	       "node (crl = [\"/path/to/ca.crl\"]) and reload it\n"
	       "From now on write it anew in time: yettctl ca crl --ca %s\n",
		count, count == 1 ? "" : "s", options->argument, options->ca, YETT_CRL_DAYS,
		options->ca);
	return EXIT_SUCCESS;
}

static int ca_crl(const struct options *options, struct yett_authority *authority)
{
	struct yett_error error = YETT_ERROR_INIT;

	if (yett_authority_write_crl(authority, options->now, options->days, &error) < 0) {
		return failed(&error);
	}
	printf("Wrote %s/ca.crl, in force for %d days.\n", options->ca,
		options->days > 0 ? options->days : YETT_CRL_DAYS);
	return EXIT_SUCCESS;
}

static int parse_days(const char *text, int *ret_days)
{
	char *end = NULL;
	long days = strtol(text, &end, 10);

	if (end == text || *end != '\0' || days < 1 || days > YETT_DAYS_MAX) {
		return misused(
			"--days takes a number from 1 to %d, not \"%s\"", YETT_DAYS_MAX, text);
	}
	*ret_days = (int)days;
	return 0;
}

static int parse_time(const char *text, struct options *options)
{
	int64_t wall_ns = 0;

	if (yett_time_parse(text, options->now * (int64_t)YETT_SEC, &wall_ns) < 0) {
		return misused(
			"--not-before takes a time such as 2026-11-23T19:00:00Z, now or -1d, "
			"not \"%s\"",
			text);
	}
	options->not_before = wall_ns / (int64_t)YETT_SEC;
	return 0;
}

static int take_option(int letter, struct options *options)
{
	switch (letter) {
	case 'n':
		options->name = optarg;
		return 0;
	case 's':
		if (options->suffix_count == SUFFIXES_MAX) {
			return misused("at most %d suffixes can be given", SUFFIXES_MAX);
		}
		if (strcmp(optarg, "*") != 0) {
			options->suffixes[options->suffix_count++] = optarg;
		}
		return 0;
	case 'c':
		options->ca = optarg;
		return 0;
	case 'o':
		options->out = optarg;
		return 0;
	case 'd':
		return parse_days(optarg, &options->days);
	case 'b':
		return parse_time(optarg, options);
	default:
		return EXIT_USAGE; /* getopt has said what is wrong */
	}
}

/* EXIT_SUCCESS: go on; -1: help was asked for. */
static int parse(int argc, char **argv, struct options *options)
{
	static const struct option longs[] = {
		{"name", required_argument, NULL, 'n'},
		{"suffix", required_argument, NULL, 's'},
		{"ca", required_argument, NULL, 'c'},
		{"out", required_argument, NULL, 'o'},
		{"days", required_argument, NULL, 'd'},
		{"not-before", required_argument, NULL, 'b'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int letter;

	optind = 0; /* argv is read anew */
	while ((letter = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
		int result = letter == 'h' ? -1 : take_option(letter, options);

		if (result != 0) {
			return result;
		}
	}
	if (optind < argc) {
		options->argument = argv[optind++];
	}
	if (optind < argc) {
		return misused("\"%s\" is one argument too many", argv[optind]);
	}
	return EXIT_SUCCESS;
}

static const struct command {
	const char *name;
	const char *argument; /* what it needs, for the message; NULL: none */
	int (*run)(const struct options *options, struct yett_authority *authority);
} commands[] = {
	{"issue", "the NAME of a node", ca_issue},
	{"revoke", "the NAME or SERIAL of a certificate", ca_revoke},
	{"crl", NULL, ca_crl},
};

static int unknown(const char *name)
{
	static const char *const names[] = {"init", "issue", "revoke", "crl", NULL};
	const char *nearest = yett_name_nearest(name, names);

	if (nearest != NULL) {
		return misused("there is no `ca %s`, but `ca %s`", name, nearest);
	}
	return misused("there is no `ca %s`, only init, issue, revoke and crl", name);
}

static int run(const char *name, const struct options *options)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *command = &commands[i];
		struct yett_authority *authority = NULL;
		struct yett_error error = YETT_ERROR_INIT;
		int code;

		if (strcmp(command->name, name) != 0) {
			continue;
		}
		if (command->argument != NULL && options->argument == NULL) {
			return misused("`ca %s` needs %s", name, command->argument);
		}
		if (command->argument == NULL && options->argument != NULL) {
			return misused("`ca %s` takes no \"%s\"", name, options->argument);
		}
		if (yett_authority_open(options->ca, &authority, &error) < 0) {
			return failed(&error);
		}
		code = command->run(options, authority);
		yett_authority_close(&authority);
		return code;
	}
	return strcmp(name, "init") == 0 ? ca_init(options) : unknown(name);
}

int yett_ctl_ca(int argc, char **argv)
{
	struct options options = {.ca = "ca", .out = "."};
	int result;

	options.now = (int64_t)time(NULL);
	options.not_before = options.now;
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		fputs(usage, argc < 2 ? stderr : stdout);
		return argc < 2 ? EXIT_USAGE : EXIT_SUCCESS;
	}
	result = parse(argc - 1, argv + 1, &options);
	if (result < 0) {
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	return result == 0 ? run(argv[1], &options) : result;
}
