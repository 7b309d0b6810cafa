/* Names of nodes and keys: nearest match for a wrong word, patterns, and what a fully qualified
 * domain name is. */
#ifndef YETT_BASE_NAME_H
#define YETT_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* The candidate nearest to `word` (optimal string alignment), or the only one whose first label it is; NULL if
 * none is near enough to be meant. `candidates` is NULL-terminated. */
const char *yett_name_nearest(const char *word, const char *const *candidates);

/* A host name of one or more labels (RFC 1123, letters, digits, hyphens; <= 253), no trailing
 * dot, no wildcard. */
bool yett_name_is_fqdn(const char *name);
/* Copies in lower case; YETT_EINVAL if it is none. */
int yett_name_normalise(const char *name, char *ret_name, size_t size);
/* '*' matches any run of characters but '.', "**" any run; '?' one character but '.'; without
 * regard to case. */
bool yett_name_match(const char *pattern, const char *name);
/* Whether `name` is `suffix` or ends in ".suffix"; the suffix "*" is every name. */
bool yett_name_has_suffix(const char *name, const char *suffix);

#endif
