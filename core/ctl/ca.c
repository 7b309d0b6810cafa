/* `yettctl ca`: a certificate authority of one's own (M17).
 *
 * Responsible for what a person types and reads; the authority itself is core/pki. Works on files
 * alone: no daemon is asked. Exit code 0 done, 1 it failed, 2 it was not understood. What went
 * wrong is one line on stderr: what, why, what would mend it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../pki/authority.h"
#include "ctl.h"

#define SUFFIXES_MAX 64

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
	fputc('\n', stderr);
	return YETT_EXIT_USAGE;
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

/* 0, or the exit code. */
static int take_suffixes(struct options *options, const struct yett_line *line)
{
	const char *suffix;
	size_t place = 0;

	while ((suffix = yett_line_next(line, "suffix", &place)) != NULL) {
		if (options->suffix_count == SUFFIXES_MAX) {
			return misused("at most %d suffixes can be given", SUFFIXES_MAX);
		}
		if (strcmp(suffix, "*") != 0) {
			options->suffixes[options->suffix_count++] = suffix;
		}
	}
	return 0;
}

/* What the forms share. */
static void begin(struct options *options, const struct yett_line *line)
{
	const char *ca = yett_line_value(line, "ca");

	options->ca = ca != NULL ? ca : "ca";
	options->out = ".";
	options->now = (int64_t)time(NULL);
	options->not_before = options->now;
	options->argument = line->count > 0 ? line->words[0] : NULL;
}

static int take_days(struct options *options, const struct yett_line *line)
{
	const char *days = yett_line_value(line, "days");

	return days != NULL ? parse_days(days, &options->days) : 0;
}

static int on_authority(struct options *options,
	int (*run)(const struct options *options, struct yett_authority *authority))
{
	struct yett_authority *authority = NULL;
	struct yett_error error = YETT_ERROR_INIT;
	int code;

	if (yett_authority_open(options->ca, &authority, &error) < 0) {
		return failed(&error);
	}
	code = run(options, authority);
	yett_authority_close(&authority);
	return code;
}

int yett_ctl_ca_init(const struct yett_ctl *ctl, const struct yett_line *line)
{
	struct options options = {.name = yett_line_value(line, "name")};
	int code;

	(void)ctl;
	begin(&options, line);
	code = take_days(&options, line);
	code = code == 0 ? take_suffixes(&options, line) : code;
	return code == 0 ? ca_init(&options) : code;
}

int yett_ctl_ca_issue(const struct yett_ctl *ctl, const struct yett_line *line)
{
	struct options options = {.name = NULL};
	const char *out = yett_line_value(line, "out");
	const char *not_before = yett_line_value(line, "not-before");
	int code;

	(void)ctl;
	begin(&options, line);
	options.out = out != NULL ? out : options.out;
	code = take_days(&options, line);
	if (code == 0 && not_before != NULL) {
		code = parse_time(not_before, &options);
	}
	return code == 0 ? on_authority(&options, ca_issue) : code;
}

int yett_ctl_ca_revoke(const struct yett_ctl *ctl, const struct yett_line *line)
{
	struct options options = {.name = NULL};

	(void)ctl;
	begin(&options, line);
	return on_authority(&options, ca_revoke);
}

int yett_ctl_ca_crl(const struct yett_ctl *ctl, const struct yett_line *line)
{
	struct options options = {.name = NULL};
	int code;

	(void)ctl;
	begin(&options, line);
	code = take_days(&options, line);
	return code == 0 ? on_authority(&options, ca_crl) : code;
}
