/* What keys and certificates are made of.
 *
 * Responsible for the parts that an authority's own certificate and those that it issues have in
 * common: an ECDSA P-256 key, a random serial number, times, common name, key identifiers. Not
 * responsible for what sets them apart (authority.c, issue.c).
 *
 * Any thread; keeps nothing. Results are GnuTLS's codes: the caller makes the sentence. */
#include "mint.h"

#include <stdio.h>
#include <string.h>

#include <gnutls/crypto.h>

int yett_mint_serial(uint8_t ret_serial[YETT_SERIAL_SIZE], char ret_text[2 * YETT_SERIAL_SIZE + 1])
{
	int result = gnutls_rnd(GNUTLS_RND_NONCE, ret_serial, YETT_SERIAL_SIZE);

	/* Positive, and of the same length always. */
	ret_serial[0] = (uint8_t)((ret_serial[0] & 0x7f) | 0x40);
	for (size_t i = 0; i < YETT_SERIAL_SIZE; i++) {
		snprintf(ret_text + 2 * i, 3, "%02x", ret_serial[i]);
	}
	return result;
}

int yett_mint_key(gnutls_x509_privkey_t *ret_key, gnutls_datum_t *ret_pem)
{
	gnutls_x509_privkey_t key = NULL;
	int result = gnutls_x509_privkey_init(&key);

	if (result >= 0) {
		result = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
			(unsigned)GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	}
	if (result >= 0) {
		result = gnutls_x509_privkey_export2_pkcs8(
			key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, ret_pem);
	}
	if (result < 0) {
		gnutls_x509_privkey_deinit(key);
		return result;
	}
	*ret_key = key;
	return 0;
}

void yett_mint_wipe(gnutls_datum_t *pem)
{
	if (pem->data != NULL) {
		gnutls_memset(pem->data, 0, pem->size);
		gnutls_free(pem->data);
	}
	pem->data = NULL;
}

/* Key id by RFC 7093, method 1: SHA-256 of the key's bits, cut to 20 bytes. */
int yett_mint_key_ids(gnutls_x509_crt_t cert, gnutls_x509_crt_t issuer)
{
	uint8_t id[64];
	size_t size = sizeof(id);
	int result = gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA256, id, &size);

	if (result >= 0) {
		result = gnutls_x509_crt_set_subject_key_id(cert, id, size > 20 ? 20 : size);
	}
	if (result >= 0) {
		size = sizeof(id);
		result = gnutls_x509_crt_get_subject_key_id(issuer, id, &size, NULL);
	}
	return result >= 0 ? gnutls_x509_crt_set_authority_key_id(cert, id, size) : result;
}

/* What every certificate has: version, serial, times, common name, key. */
int yett_mint_begin(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key, const char *common_name,
	const uint8_t *serial, int64_t not_before, int64_t not_after)
{
	int result = gnutls_x509_crt_set_version(cert, 3);

	if (result >= 0) {
		result = gnutls_x509_crt_set_serial(cert, serial, YETT_SERIAL_SIZE);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_activation_time(cert, (time_t)not_before);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_expiration_time(cert, (time_t)not_after);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0,
			common_name, (unsigned)strlen(common_name));
	}
	return result >= 0 ? gnutls_x509_crt_set_key(cert, key) : result;
}
