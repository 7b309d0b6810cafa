/* Certificates of every kind, also the wrong ones, for tests. See auth-x509-mint.h. */
#include "auth-x509-mint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "mint: %s: %s\n", what, gnutls_strerror(result));
		abort();
	}
}

/* GnuTLS cuts a name at its 0 byte; what others' software may write is written by hand. */
static void set_raw_name(gnutls_x509_crt_t cert, const struct mint *what)
{
	uint8_t der[64] = {
		0x30, (uint8_t)(what->name_length + 2), 0x82, (uint8_t)what->name_length};

	memcpy(der + 4, what->names[0], (size_t)what->name_length);
	must(gnutls_x509_crt_set_extension_by_oid(
		     cert, GNUTLS_X509EXT_OID_SAN, der, (size_t)what->name_length + 4, 0),
		"raw name");
}

static void set_names(gnutls_x509_crt_t cert, const struct mint *what)
{
	if (what->name_length > 0) {
		set_raw_name(cert, what);
		return;
	}
	for (unsigned i = 0; i < 4 && what->names[i] != NULL; i++) {
		must(gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_DNSNAME, what->names[i],
			     (unsigned)strlen(what->names[i]),
			     i == 0 ? GNUTLS_FSAN_SET : GNUTLS_FSAN_APPEND),
			"name");
	}
}

static void set_usages(gnutls_x509_crt_t cert, const struct mint *what)
{
	static const struct {
		unsigned bit;
		const char *oid;
	} table[] = {{MINT_SERVER, GNUTLS_KP_TLS_WWW_SERVER},
		{MINT_CLIENT, GNUTLS_KP_TLS_WWW_CLIENT}, {MINT_ANY, GNUTLS_KP_ANY}};

	for (size_t i = 0; i < 3; i++) {
		if ((what->usages & table[i].bit) != 0) {
			must(gnutls_x509_crt_set_key_purpose_oid(cert, table[i].oid, 0), "usage");
		}
	}
}

static void set_authority(gnutls_x509_crt_t cert, const struct mint *what)
{
	gnutls_x509_name_constraints_t constraints;
	gnutls_datum_t name;

	must(gnutls_x509_crt_set_basic_constraints(cert, what->authority, what->path_length), "ca");
	if (what->permitted == NULL) {
		return;
	}
	must(gnutls_x509_name_constraints_init(&constraints), "constraints");
	name.data = (unsigned char *)strdup(what->permitted);
	name.size = (unsigned)strlen(what->permitted);
	must(gnutls_x509_name_constraints_add_permitted(constraints, GNUTLS_SAN_DNSNAME, &name),
		"permit");
	must(gnutls_x509_crt_set_name_constraints(cert, constraints, 1), "constraints");
	free(name.data);
	gnutls_x509_name_constraints_deinit(constraints);
}

static void set_key_ids(gnutls_x509_crt_t cert, gnutls_x509_crt_t issuer)
{
	uint8_t id[64];
	size_t size = sizeof(id);

	must(gnutls_x509_crt_get_key_id(cert, 0, id, &size), "key id");
	must(gnutls_x509_crt_set_subject_key_id(cert, id, size), "subject key id");
	size = sizeof(id);
	must(gnutls_x509_crt_get_subject_key_id(issuer, id, &size, NULL), "issuer's key id");
	must(gnutls_x509_crt_set_authority_key_id(cert, id, size), "authority key id");
}

struct minted mint(const struct mint *what, const struct minted *issuer)
{
	static unsigned serial;
	uint8_t number[4];
	struct minted made = {NULL, NULL, {NULL, 0}};
	const struct minted *signer = what->borrow_key != NULL ? what->borrow_key : issuer;
	unsigned key_usage = what->key_usage;

	serial++;
	number[0] = 1;
	number[1] = (uint8_t)(serial >> 16);
	number[2] = (uint8_t)(serial >> 8);
	number[3] = (uint8_t)serial;
	must(gnutls_x509_privkey_init(&made.key), "key");
	must(gnutls_x509_privkey_generate(made.key,
		     what->rsa_bits > 0 ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA,
		     what->rsa_bits > 0
			     ? what->rsa_bits
			     : (unsigned)GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
		     0),
		"generate");
	must(gnutls_x509_crt_init(&made.cert), "certificate");
	must(gnutls_x509_crt_set_version(made.cert, 3), "version");
	must(gnutls_x509_crt_set_serial(made.cert, number, sizeof(number)), "serial");
	must(gnutls_x509_crt_set_activation_time(made.cert,
		     (time_t)(MINT_NOW + (what->from != 0 ? what->from : -1) * MINT_DAY)),
		"from");
	must(gnutls_x509_crt_set_expiration_time(made.cert,
		     (time_t)(MINT_NOW + (what->until != 0 ? what->until : 30) * MINT_DAY)),
		"until");
	must(gnutls_x509_crt_set_dn_by_oid(made.cert, GNUTLS_OID_X520_COMMON_NAME, 0,
		     what->common_name, (unsigned)strlen(what->common_name)),
		"common name");
	must(gnutls_x509_crt_set_key(made.cert, made.key), "set key");
	set_authority(made.cert, what);
	if (key_usage == 0) {
		key_usage = what->authority ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
					    : GNUTLS_KEY_DIGITAL_SIGNATURE;
	}
	must(gnutls_x509_crt_set_key_usage(made.cert, key_usage), "key usage");
	set_names(made.cert, what);
	set_usages(made.cert, what);
	if (!what->no_key_ids) {
		set_key_ids(made.cert, issuer != NULL ? issuer->cert : made.cert);
	}
	must(gnutls_x509_crt_sign2(made.cert, issuer != NULL ? issuer->cert : made.cert,
		     signer != NULL ? signer->key : made.key,
		     what->digest != GNUTLS_DIG_UNKNOWN ? what->digest : GNUTLS_DIG_SHA256, 0),
		"sign");
	must(gnutls_x509_crt_export2(made.cert, GNUTLS_X509_FMT_DER, &made.der), "export");
	return made;
}

void minted_free(struct minted *minted)
{
	gnutls_x509_crt_deinit(minted->cert);
	gnutls_x509_privkey_deinit(minted->key);
	gnutls_free(minted->der.data);
	minted->cert = NULL;
	minted->key = NULL;
}

void mint_write(const char *path, const struct minted *const *certs, unsigned count)
{
	FILE *file = fopen(path, "we");

	for (unsigned i = 0; file != NULL && i < count; i++) {
		gnutls_datum_t pem = {NULL, 0};

		must(gnutls_x509_crt_export2(certs[i]->cert, GNUTLS_X509_FMT_PEM, &pem), "export");
		fwrite(pem.data, 1, pem.size, file);
		gnutls_free(pem.data);
	}
	if (file == NULL || fclose(file) != 0) {
		abort();
	}
}

void mint_crl(const char *path, const struct minted *issuer, const struct minted *signer,
	const struct minted *revoked, int64_t next_update_days)
{
	gnutls_x509_crl_t crl;
	gnutls_datum_t pem = {NULL, 0};
	FILE *file = fopen(path, "we");
	uint8_t id[64];
	size_t size = sizeof(id);

	must(gnutls_x509_crl_init(&crl), "crl");
	must(gnutls_x509_crl_set_version(crl, 2), "version");
	must(gnutls_x509_crl_set_this_update(crl, (time_t)(MINT_NOW - 30 * MINT_DAY)), "this");
	must(gnutls_x509_crl_set_next_update(crl, (time_t)(MINT_NOW + next_update_days * MINT_DAY)),
		"next");
	if (revoked != NULL) {
		must(gnutls_x509_crl_set_crt(crl, revoked->cert, (time_t)MINT_NOW), "revoke");
	}
	must(gnutls_x509_crt_get_subject_key_id(issuer->cert, id, &size, NULL), "key id");
	must(gnutls_x509_crl_set_authority_key_id(crl, id, size), "authority key id");
	must(gnutls_x509_crl_sign2(crl, issuer->cert, signer->key, GNUTLS_DIG_SHA256, 0), "sign");
	must(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &pem), "export");
	if (file == NULL || fwrite(pem.data, 1, pem.size, file) != pem.size || fclose(file) != 0) {
		abort();
	}
	gnutls_free(pem.data);
	gnutls_x509_crl_deinit(crl);
}
