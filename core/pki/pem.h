/* Files of certificates and keys: made once and never written over, or replaced whole. */
#ifndef YETT_PKI_PEM_H
#define YETT_PKI_PEM_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "../base/error.h"

#define YETT_PEM_LIMIT     ((size_t)1 << 20) /* of one file */
#define YETT_PEM_CERTS_MAX 64                /* of one file */

/* Makes a file, synced; YETT_EEXIST where there is one already: keys are never overwritten. */
int yett_pem_create(
	const char *path, const gnutls_datum_t *data, unsigned mode, struct yett_error *error);
/* Writes beside, syncs, renames: there is the old one or the new one, whatever happens. */
int yett_pem_replace(
	const char *path, const gnutls_datum_t *data, unsigned mode, struct yett_error *error);

/* The certificates of a PEM file, in its order. Given: free with yett_pem_free_certs. */
int yett_pem_load_certs(const char *path, gnutls_x509_crt_t **ret_certs, unsigned *ret_count,
	struct yett_error *error);
void yett_pem_free_certs(gnutls_x509_crt_t **certs, unsigned count);
int yett_pem_load_key(const char *path, gnutls_x509_privkey_t *ret_key, struct yett_error *error);

/* What GnuTLS could not do, as a result and a sentence: "cannot <doing>: <why>". */
int yett_pem_fail(struct yett_error *error, int gnutls_code, const char *doing);

#endif
