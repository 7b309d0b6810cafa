/* An open authority: what authority.c, issue.c and crl.c share. */
#ifndef YETT_PKI_AUTHORITY_STATE_H
#define YETT_PKI_AUTHORITY_STATE_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "authority.h"
#include "index.h"

#define YETT_AUTHORITY_SUFFIXES_MAX 256

struct yett_authority {
	char *directory;
	char *cert_path;
	char *index_path;
	char *subject;
	int lock; /* the directory, under flock */
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t cert;
	struct yett_index index;
	char *suffix_text; /* what `suffixes` point into */
	const char *suffixes[YETT_AUTHORITY_SUFFIXES_MAX];
	size_t suffix_count;
};

/* "DIR/file"; given. NULL: no memory. */
char *yett_authority_path(const char *directory, const char *file);

#endif
