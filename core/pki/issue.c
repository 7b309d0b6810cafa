/* What an authority issues.
 *
 * Responsible for certificates that a Yett node can use: an ECDSA P-256 key of its own, the fully
 * qualified name as SAN dNSName, both extended key usages (server and client: M10), key usage
 * digitalSignature. Not responsible for requests that others made, nor for revoking (crl.c).
 *
 * One thread, under the authority's lock. It stands in the index before it is handed out: so
 * whatever exists can be revoked; an entry whose files could not be written harms nobody. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/name.h"
#include "authority_state.h"
#include "mint.h"
#include "pem.h"

static int check_name(const struct yett_authority *authority, const char *wanted, char *ret_name,
	size_t size, struct yett_error *error)
{
	if (yett_name_normalise(wanted, ret_name, size) < 0) {
		return yett_fail(error, YETT_EINVAL,
			"give the node's fully qualified name, such as gateway.example.com",
			"\"%s\" is no name of a node%s", wanted,
			strchr(wanted, '*') != NULL ? ": wildcards name nobody" : "");
	}
	for (size_t i = 0; i < authority->suffix_count; i++) {
		if (yett_name_has_suffix(ret_name, authority->suffixes[i])) {
			return 0;
		}
	}
	return yett_fail(error, YETT_EDENIED,
		"issue it with another authority, or make one with this --suffix",
		"%s may not speak for %s: it ends in none of the names in %s/suffixes",
		authority->subject, ret_name, authority->directory);
}

static int make_cert(const struct yett_authority *authority, const char *name,
	gnutls_x509_privkey_t key, const uint8_t *serial, int64_t not_before, int64_t not_after,
	gnutls_datum_t *ret_pem)
{
	gnutls_x509_crt_t cert = NULL;
	char common_name[YETT_COMMON_MAX + 1] = "";
	int result = gnutls_x509_crt_init(&cert);

	/* The common name is for people; a name that is too long for one is cut at its first dot. */
	snprintf(common_name, sizeof(common_name), "%.*s",
		strlen(name) > YETT_COMMON_MAX ? (int)strcspn(name, ".") : YETT_COMMON_MAX, name);
	if (result >= 0) {
		result = yett_mint_begin(cert, key, common_name, serial, not_before, not_after);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_basic_constraints(cert, 0, -1);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_key_usage(cert, GNUTLS_KEY_DIGITAL_SIGNATURE);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_key_purpose_oid(cert, GNUTLS_KP_TLS_WWW_SERVER, 0);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_key_purpose_oid(cert, GNUTLS_KP_TLS_WWW_CLIENT, 0);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_subject_alt_name(
			cert, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name), GNUTLS_FSAN_SET);
	}
	if (result >= 0) {
		result = yett_mint_key_ids(cert, authority->cert);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_sign2(
			cert, authority->cert, authority->key, GNUTLS_DIG_SHA256, 0);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, ret_pem);
	}
	gnutls_x509_crt_deinit(cert);
	return result < 0 ? result : 0;
}

/* Before anything is made, so that a refusal leaves nothing behind. */
static int check_free(const char *path, struct yett_error *error)
{
	if (access(path, F_OK) != 0) {
		return 0;
	}
	return yett_fail(error, YETT_EEXIST,
		"move it away first, or write to another folder: --out",
		"%s is there already, and is never written over", path);
}

static int record_issue(struct yett_authority *authority, const char *name,
	const struct yett_issue_result *made, struct yett_error *error)
{
	struct yett_issued row = {.not_after = made->not_after};

	snprintf(row.serial, sizeof(row.serial), "%s", made->serial);
	snprintf(row.name, sizeof(row.name), "%s", name);
	if (yett_index_add(&authority->index, &row) < 0) {
		return yett_fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	return yett_index_write(authority->index_path, &authority->index, error);
}

int yett_authority_issue(struct yett_authority *authority, const struct yett_issue *issue,
	struct yett_issue_result *ret_result, struct yett_error *error)
{
	struct yett_issue_result made = {{0}, 0, {0}, {0}};
	char name[256];
	uint8_t serial[YETT_SERIAL_SIZE];
	gnutls_x509_privkey_t key = NULL;
	gnutls_datum_t key_pem = {NULL, 0};
	gnutls_datum_t cert_pem = {NULL, 0};
	int days = issue->days > 0 ? issue->days : YETT_ISSUE_DAYS;
	int64_t ca_end = (int64_t)gnutls_x509_crt_get_expiration_time(authority->cert);
	int result;

	result = check_name(authority, issue->name, name, sizeof(name), error);
	if (result < 0) {
		return result;
	}
	if (snprintf(made.key, sizeof(made.key), "%s/%s.key", issue->folder, name) >=
			(int)sizeof(made.key) ||
		snprintf(made.certificate, sizeof(made.certificate), "%s/%s.crt", issue->folder,
			name) >= (int)sizeof(made.certificate)) {
		return yett_fail(error, YETT_ELIMIT, "use a shorter path", "%s/%s.crt is too long",
			issue->folder, name);
	}
	if ((result = check_free(made.key, error)) < 0 ||
		(result = check_free(made.certificate, error)) < 0) {
		return result;
	}
	made.not_after = issue->not_before + days * YETT_DAY_S;
	if (made.not_after > ca_end) {
		/* It would be worth nothing beyond that. */
		made.not_after = ca_end;
	}
	if (made.not_after <= issue->not_before) {
		return yett_fail(error, YETT_EINVAL, "make a new authority: yettctl ca init",
			"%s will itself have expired when the certificate begins",
			authority->subject);
	}
	result = yett_mint_key(&key, &key_pem);
	if (result >= 0) {
		result = yett_mint_serial(serial, made.serial);
	}
	if (result >= 0) {
		result = make_cert(
			authority, name, key, serial, issue->not_before, made.not_after, &cert_pem);
	}
	if (result < 0) {
		result = yett_pem_fail(error, result, "make a certificate");
		goto out;
	}
	result = record_issue(authority, name, &made, error);
	if (result == 0) {
		result = yett_pem_create(made.key, &key_pem, 0600, error);
	}
	if (result == 0) {
		result = yett_pem_create(made.certificate, &cert_pem, 0644, error);
		if (result < 0) {
			unlink(made.key);
		}
	}
	if (result == 0) {
		*ret_result = made;
	}
out:
	yett_mint_wipe(&key_pem);
	yett_mint_wipe(&cert_pem);
	gnutls_x509_privkey_deinit(key);
	return result;
}
