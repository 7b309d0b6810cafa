/* A stand-alone root certificate authority in a directory (M17):
 *
 *     ca.key    its key, 0600: whoever has it can be any node
 *     ca.crt    its certificate: what nodes are given as `trust`
 *     ca.crl    what it has revoked, once something was
 *     suffixes  the names that it may speak for, one a line; none: "*"
 *     index     what it has issued
 *     number    of the last CRL
 */
#ifndef YETT_PKI_AUTHORITY_H
#define YETT_PKI_AUTHORITY_H

#include <stddef.h>
#include <stdint.h>

#include "../base/error.h"

#define YETT_AUTHORITY_DAYS 3650
#define YETT_ISSUE_DAYS     396 /* 13 months */
#define YETT_CRL_DAYS       30
#define YETT_DAYS_MAX       36500

struct yett_authority; /* open, and locked against other processes until it is closed */

struct yett_authority_options {
	const char *name; /* the certificate's common name */
	const char *const *suffixes;
	size_t suffix_count; /* 0: may speak for every name */
	int days;            /* 0: YETT_AUTHORITY_DAYS */
	int64_t now;         /* Unix seconds */
};

int yett_authority_create(const char *directory, const struct yett_authority_options *options,
	struct yett_error *error);
int yett_authority_open(
	const char *directory, struct yett_authority **ret_authority, struct yett_error *error);
void yett_authority_close(struct yett_authority **authority);

const char *yett_authority_subject(const struct yett_authority *authority);     /* RFC 4514 */
const char *yett_authority_certificate(const struct yett_authority *authority); /* path */
size_t yett_authority_suffixes(
	const struct yett_authority *authority, const char *const **ret_suffixes);

struct yett_issue {
	const char *name;   /* fully qualified */
	const char *folder; /* where NAME.key and NAME.crt are made */
	int days;           /* 0: YETT_ISSUE_DAYS */
	int64_t not_before; /* Unix seconds */
};

struct yett_issue_result {
	char serial[33];
	int64_t not_after;
	char certificate[1024]; /* paths */
	char key[1024];
};

/* YETT_EINVAL (no name), YETT_EDENIED (not one of its names), YETT_EEXIST (a file is there). */
int yett_authority_issue(struct yett_authority *authority, const struct yett_issue *issue,
	struct yett_issue_result *ret_result, struct yett_error *error);

/* Revokes what has this name or serial and is in force, and writes the CRL. YETT_ENOTFOUND. */
int yett_authority_revoke(struct yett_authority *authority, const char *which, int64_t now,
	size_t *ret_count, struct yett_error *error);
/* Writes ca.crl, in force from `now` for so many days (0: YETT_CRL_DAYS). */
int yett_authority_write_crl(
	struct yett_authority *authority, int64_t now, int days, struct yett_error *error);

#endif
