/* What keys and certificates are made of. Results are GnuTLS's codes. */
#ifndef YETT_PKI_MINT_H
#define YETT_PKI_MINT_H

#include <stdint.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "index.h"

#define YETT_DAY_S      INT64_C(86400)
#define YETT_COMMON_MAX 64 /* bytes of a common name: RFC 5280, ub-common-name */

/* A new ECDSA P-256 key, and the same as PKCS #8 in PEM (yett_mint_wipe it). */
int yett_mint_key(gnutls_x509_privkey_t *ret_key, gnutls_datum_t *ret_pem);
/* Overwrites and frees. */
void yett_mint_wipe(gnutls_datum_t *pem);
int yett_mint_serial(uint8_t ret_serial[YETT_SERIAL_SIZE], char ret_text[2 * YETT_SERIAL_SIZE + 1]);
/* Version 3, serial number, times, common name, key. */
int yett_mint_begin(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key, const char *common_name,
	const uint8_t *serial, int64_t not_before, int64_t not_after);
/* Subject and authority key identifiers; `issuer` may be `cert` itself. */
int yett_mint_key_ids(gnutls_x509_crt_t cert, gnutls_x509_crt_t issuer);

#endif
