/* Ed25519 keys and signatures, by GnuTLS.
 *
 * Responsible for making, loading and using such keys. Not responsible for what is signed, nor for
 * whose key counts (manage/signed.c).
 *
 * Any thread; keeps nothing. A key's file is made once and never written over. On failure nothing is
 * left, and a signature that cannot be checked is none. */
#include "sign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <gnutls/abstract.h>

#include "mint.h"
#include "pem.h"

struct yett_sign_key {
	gnutls_privkey_t private;
	uint8_t public[YETT_SIGN_PUBLIC_SIZE];
};

static int read_public(struct yett_sign_key *key)
{
	gnutls_ecc_curve_t curve;
	gnutls_datum_t x = {NULL, 0};
	gnutls_pubkey_t public;
	int result = gnutls_pubkey_init(&public);

	if (result < 0) {
		return result;
	}
	result = gnutls_pubkey_import_privkey(public, key->private, 0, 0);
	if (result >= 0) {
		result = gnutls_pubkey_export_ecc_raw2(public, &curve, &x, NULL, 0);
	}
	if (result >= 0 && (curve != GNUTLS_ECC_CURVE_ED25519 || x.size != sizeof(key->public))) {
		result = GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
	}
	if (result >= 0) {
		memcpy(key->public, x.data, sizeof(key->public));
	}
	gnutls_free(x.data);
	gnutls_pubkey_deinit(public);
	return result;
}

/* Takes the key. */
static int adopt(gnutls_x509_privkey_t from, struct yett_sign_key **ret_key)
{
	struct yett_sign_key *key = calloc(1, sizeof(*key));
	int result = key != NULL ? gnutls_privkey_init(&key->private) : GNUTLS_E_MEMORY_ERROR;

	if (result >= 0) {
		result = gnutls_privkey_import_x509(
			key->private, from, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE);
	}
	if (result < 0) {
		gnutls_x509_privkey_deinit(from);
	} else {
		result = read_public(key);
	}
	if (result < 0) {
		yett_sign_free(key);
		return result;
	}
	*ret_key = key;
	return 0;
}

int yett_sign_generate(const char *path, struct yett_sign_key **ret_key, struct yett_error *error)
{
	gnutls_x509_privkey_t made = NULL;
	gnutls_datum_t pem = {NULL, 0};
	int result = gnutls_x509_privkey_init(&made);

	if (result >= 0) {
		result = gnutls_x509_privkey_generate(made, GNUTLS_PK_EDDSA_ED25519,
			(unsigned)GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519), 0);
	}
	if (result >= 0) {
		result = gnutls_x509_privkey_export2_pkcs8(
			made, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);
	}
	if (result < 0) {
		gnutls_x509_privkey_deinit(made);
		return yett_pem_fail(error, result, "make a signing key");
	}
	result = yett_pem_create(path, &pem, 0600, error);
	yett_mint_wipe(&pem);
	if (result != 0) {
		gnutls_x509_privkey_deinit(made);
		return result;
	}
	result = adopt(made, ret_key);
	return result < 0 ? yett_pem_fail(error, result, "use a new signing key") : 0;
}

int yett_sign_load(const char *path, struct yett_sign_key **ret_key, struct yett_error *error)
{
	gnutls_x509_privkey_t loaded;
	struct stat st;
	int result;

	if (stat(path, &st) != 0) {
		return yett_fail(error, yett_result_from_errno(errno), NULL,
			"the signing key %s cannot be read: %s", path, strerror(errno));
	}
	if ((st.st_mode & 077) != 0) {
		return yett_fail(error, YETT_EDENIED,
			"make it 0600, and think about who has read it",
			"others may read the signing key %s", path);
	}
	result = yett_pem_load_key(path, &loaded, error);
	if (result != 0) {
		return result;
	}
	result = adopt(loaded, ret_key);
	return result < 0 ? yett_pem_fail(error, result, "use a signing key (Ed25519 is wanted)")
			  : 0;
}

void yett_sign_free(struct yett_sign_key *key)
{
	if (key != NULL) {
		if (key->private != NULL) {
			gnutls_privkey_deinit(key->private);
		}
		free(key);
	}
}

const uint8_t *yett_sign_public(const struct yett_sign_key *key)
{
	return key->public;
}

int yett_sign(const struct yett_sign_key *key, const void *bytes, size_t length,
	uint8_t ret_signature[YETT_SIGNATURE_SIZE])
{
	const gnutls_datum_t data = {(unsigned char *)(uintptr_t)bytes, (unsigned)length};
	gnutls_datum_t signature = {NULL, 0};
	int result = gnutls_privkey_sign_data2(
		key->private, GNUTLS_SIGN_EDDSA_ED25519, 0, &data, &signature);

	if (result >= 0 && signature.size == YETT_SIGNATURE_SIZE) {
		memcpy(ret_signature, signature.data, YETT_SIGNATURE_SIZE);
	} else {
		result = GNUTLS_E_PK_SIGN_FAILED;
	}
	gnutls_free(signature.data);
	return result < 0 ? YETT_EIO : 0;
}

bool yett_sign_verify(const uint8_t public[YETT_SIGN_PUBLIC_SIZE], const void *bytes, size_t length,
	const uint8_t *signature, size_t signature_length)
{
	const gnutls_datum_t x = {(unsigned char *)(uintptr_t) public, YETT_SIGN_PUBLIC_SIZE};
	const gnutls_datum_t data = {(unsigned char *)(uintptr_t)bytes, (unsigned)length};
	const gnutls_datum_t by = {
		(unsigned char *)(uintptr_t)signature, (unsigned)signature_length};
	gnutls_pubkey_t key;
	bool good;

	if (signature_length != YETT_SIGNATURE_SIZE || gnutls_pubkey_init(&key) < 0) {
		return false;
	}
	good = gnutls_pubkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_ED25519, &x, NULL) >= 0 &&
	       gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_EDDSA_ED25519, 0, &data, &by) >= 0;
	gnutls_pubkey_deinit(key);
	return good;
}
