/* What a certificate says, and what would keep a node from using it.
 *
 * Responsible for reading a certificate from a file, telling what is in it, and finding all that
 * could fail later: name, both usages, key, validity, chain. Not responsible for deciding about a
 * peer: the module auth-x509 does, by rules of its own (it stops at the first cause; this goes on,
 * since a person wants to know everything at once).
 *
 * Any thread; keeps nothing. What is returned is the caller's. A field that cannot be read is a
 * problem or is left empty, never an abort: the file may be anything. */
#include "certificate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "../base/clock.h"
#include "../base/name.h"
#include "pem.h"

#define NAMES_MAX  64
#define USAGES_MAX 32
#define CHAIN_MAX  5 /* certificates from the node's to the root, both counted */

static void problem_free(void *data)
{
	struct yett_certificate_problem *problem = data;

	g_free(problem->what);
	g_free(problem->mend);
	g_free(problem);
}

static void add_problem(struct yett_certificate *certificate, const char *mend, const char *format,
	...) __attribute__((format(printf, 3, 4)));

static void add_problem(
	struct yett_certificate *certificate, const char *mend, const char *format, ...)
{
	struct yett_certificate_problem *problem = g_new0(struct yett_certificate_problem, 1);
	va_list args;

	va_start(args, format);
	problem->what = g_strdup_vprintf(format, args);
	va_end(args);
	problem->mend = g_strdup(mend);
	g_ptr_array_add(certificate->problems, problem);
}

static char *hex(const uint8_t *bytes, size_t length)
{
	GString *text = g_string_sized_new(2 * length + 1);

	for (size_t i = 0; i < length; i++) {
		g_string_append_printf(text, "%02x", bytes[i]);
	}
	return g_string_free(text, FALSE);
}

static char *take_name(int result, gnutls_datum_t *name)
{
	char *text = g_strdup(result >= 0 ? (const char *)name->data : "");

	gnutls_free(name->data);
	name->data = NULL;
	return text;
}

static void read_names(struct yett_certificate *certificate, gnutls_x509_crt_t cert)
{
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		char name[512];
		size_t size = sizeof(name) - 1;
		int type = gnutls_x509_crt_get_subject_alt_name(cert, i, name, &size, NULL);

		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
			break;
		}
		if (type != GNUTLS_SAN_DNSNAME) {
			continue;
		}
		name[size] = '\0';
		if (strlen(name) != size) {
			add_problem(certificate, "have it issued again",
				"one of its names holds a 0 byte");
		}
		g_ptr_array_add(certificate->names, g_strdup(name));
	}
}

static void read_usages(struct yett_certificate *certificate, gnutls_x509_crt_t cert)
{
	for (unsigned i = 0; i < USAGES_MAX; i++) {
		char oid[128];
		size_t size = sizeof(oid);

		if (gnutls_x509_crt_get_key_purpose_oid(cert, i, oid, &size, NULL) < 0) {
			break;
		}
		g_ptr_array_add(certificate->usages, g_strdup(oid));
	}
}

static void describe(struct yett_certificate *certificate, gnutls_x509_crt_t cert)
{
	gnutls_datum_t name = {NULL, 0};
	uint8_t bytes[64];
	size_t size = sizeof(bytes);
	int algorithm;

	certificate->subject = take_name(gnutls_x509_crt_get_dn3(cert, &name, 0), &name);
	certificate->issuer = take_name(gnutls_x509_crt_get_issuer_dn3(cert, &name, 0), &name);
	if (gnutls_x509_crt_get_serial(cert, bytes, &size) < 0) {
		size = 0;
	}
	certificate->serial = hex(bytes, size);
	size = sizeof(bytes);
	if (gnutls_x509_crt_get_fingerprint(cert, GNUTLS_DIG_SHA256, bytes, &size) < 0) {
		size = 0;
	}
	certificate->fingerprint = hex(bytes, size);
	certificate->not_before = (int64_t)gnutls_x509_crt_get_activation_time(cert);
	certificate->not_after = (int64_t)gnutls_x509_crt_get_expiration_time(cert);
	algorithm = gnutls_x509_crt_get_pk_algorithm(cert, &certificate->key_bits);
	certificate->key_type = g_strdup(
		algorithm >= 0 ? gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm) : "unknown");
	algorithm = gnutls_x509_crt_get_signature_algorithm(cert);
	certificate->signature =
		g_strdup(algorithm > 0 ? gnutls_sign_get_name((gnutls_sign_algorithm_t)algorithm)
				       : "unknown");
	certificate->authority = gnutls_x509_crt_get_ca_status(cert, NULL) > 0;
	read_names(certificate, cert);
	read_usages(certificate, cert);
}

static bool has(const GPtrArray *list, const char *text)
{
	for (guint i = 0; i < list->len; i++) {
		if (strcasecmp(g_ptr_array_index(list, i), text) == 0) {
			return true;
		}
	}
	return false;
}

static void check_names(struct yett_certificate *certificate, const char *wanted)
{
	static const char *const mend =
		"have it issued with the node's fully qualified name as SAN dNSName";

	if (certificate->names->len == 0) {
		add_problem(certificate, mend,
			"it names no computer: it has no subject alternative name of type dNSName "
			"(the common name does not count)");
		return;
	}
	for (guint i = 0; i < certificate->names->len; i++) {
		const char *name = g_ptr_array_index(certificate->names, i);

		if (strchr(name, '*') != NULL) {
			add_problem(certificate, mend,
				"it carries the wildcard %s, and a wildcard names nobody", name);
		} else if (!yett_name_is_fqdn(name)) {
			add_problem(certificate, mend, "\"%s\" is no fully qualified name", name);
		}
	}
	if (wanted != NULL && !has(certificate->names, wanted)) {
		add_problem(certificate, mend, "it is not for %s but for %s", wanted,
			(const char *)g_ptr_array_index(certificate->names, 0));
	}
}

static void check_usages(struct yett_certificate *certificate, gnutls_x509_crt_t cert)
{
	unsigned usage = 0;

	if (!has(certificate->usages, GNUTLS_KP_TLS_WWW_SERVER)) {
		add_problem(certificate, "have it issued with both extended key usages",
			"it may not be used as a server: extended key usage %s is missing",
			GNUTLS_KP_TLS_WWW_SERVER);
	}
	if (!has(certificate->usages, GNUTLS_KP_TLS_WWW_CLIENT)) {
		add_problem(certificate, "have it issued with both extended key usages",
			"it may not be used as a client: extended key usage %s is missing",
			GNUTLS_KP_TLS_WWW_CLIENT);
	}
	if (gnutls_x509_crt_get_key_usage(cert, &usage, NULL) >= 0 &&
		(usage & GNUTLS_KEY_DIGITAL_SIGNATURE) == 0) {
		add_problem(certificate, "have it issued with key usage digitalSignature",
			"its key usage does not allow it to sign, which TLS 1.3 needs");
	}
	if (certificate->authority) {
		add_problem(certificate, "use a certificate that was issued for the node",
			"it is an authority's certificate, not a node's");
	}
}

static void check_strength(struct yett_certificate *certificate, gnutls_x509_crt_t cert)
{
	int key = gnutls_x509_crt_get_pk_algorithm(cert, NULL);
	int signature = gnutls_x509_crt_get_signature_algorithm(cert);
	bool rsa = key == GNUTLS_PK_RSA || key == GNUTLS_PK_RSA_PSS;
	bool curve = key == GNUTLS_PK_ECDSA || key == GNUTLS_PK_EDDSA_ED25519 ||
		     key == GNUTLS_PK_EDDSA_ED448;

	if ((!rsa && !curve) || certificate->key_bits < (rsa ? 2048 : 256)) {
		add_problem(certificate,
			"have it issued for an RSA key of 2048 bits or ECDSA P-256",
			"its key is too weak: %s, %u bits", certificate->key_type,
			certificate->key_bits);
	}
	if (rsa && certificate->key_bits > 8192) {
		add_problem(certificate,
			"have it issued for an RSA key of 2048 to 8192 bits or ECDSA P-256",
			"its key is larger than other nodes take: %s, %u bits",
			certificate->key_type, certificate->key_bits);
	}
	if (signature <= 0 || !gnutls_sign_is_secure2((gnutls_sign_algorithm_t)signature,
				      GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS)) {
		add_problem(certificate, "have it issued again, signed with SHA-256 or better",
			"it is signed with %s, which can be forged", certificate->signature);
	}
}

static void check_times(struct yett_certificate *certificate, int64_t now)
{
	char text[32];

	if (now < certificate->not_before) {
		add_problem(certificate, "wait, or set this computer's clock right",
			"it is not valid before %s",
			yett_time_text(
				certificate->not_before * (int64_t)YETT_SEC, text, sizeof(text)));
	}
	if (now > certificate->not_after) {
		add_problem(certificate, "have a new one issued", "it has expired on %s",
			yett_time_text(
				certificate->not_after * (int64_t)YETT_SEC, text, sizeof(text)));
	}
}

/* `path` may be a key that only its owner may read; to say so is part of the answer. */
static void check_key(
	struct yett_certificate *certificate, gnutls_x509_crt_t cert, const char *path)
{
	struct yett_error error = YETT_ERROR_INIT;
	gnutls_x509_privkey_t key = NULL;
	struct stat status;
	uint8_t of_cert[64];
	uint8_t of_key[64];
	size_t cert_size = sizeof(of_cert);
	size_t key_size = sizeof(of_key);

	if (yett_pem_load_key(path, &key, &error) < 0) {
		add_problem(certificate, error.mend, "%s", error.text);
		return;
	}
	if (gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA256, of_cert, &cert_size) < 0 ||
		gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, of_key, &key_size) <
			0 ||
		cert_size != key_size || memcmp(of_cert, of_key, key_size) != 0) {
		add_problem(certificate, "name the key that the certificate was issued for",
			"%s is another certificate's key", path);
	}
	if (stat(path, &status) == 0 && (status.st_mode & 077) != 0) {
		add_problem(certificate, "chmod 600 it",
			"%s may be read or changed by others than its owner (mode %04o)", path,
			(unsigned)(status.st_mode & 07777));
	}
	gnutls_x509_privkey_deinit(key);
}

static void explain_chain(struct yett_certificate *certificate, unsigned status, const char *trust)
{
	if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0) {
		add_problem(certificate,
			"add the root of its issuer to the trusted ones, and authorities between "
			"to the certificate's file",
			"it was issued by %s, and no chain leads from there to a root in %s",
			certificate->issuer, trust);
	} else if ((status & GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE) != 0) {
		add_problem(certificate, "have it issued by the authority of those names",
			"its authority may not speak for its name");
	} else if (status != 0) {
		gnutls_datum_t text = {NULL, 0};

		gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
		add_problem(certificate, "have it issued again", "its chain to a root in %s: %s",
			trust, text.data != NULL ? (const char *)text.data : "does not verify");
		gnutls_free(text.data);
	}
}

static void check_chain(struct yett_certificate *certificate, gnutls_x509_crt_t *chain,
	unsigned count, const char *trust)
{
	struct yett_error error = YETT_ERROR_INIT;
	gnutls_x509_trust_list_t list = NULL;
	gnutls_x509_crt_t *roots = NULL;
	unsigned root_count = 0;
	unsigned status = 0;
	int result;

	if (yett_pem_load_certs(trust, &roots, &root_count, &error) < 0) {
		add_problem(certificate, error.mend, "%s", error.text);
		return;
	}
	if (count > CHAIN_MAX) {
		add_problem(certificate,
			"leave out what is not between the certificate and its root",
			"its chain has %u certificates; at most %d are accepted", count, CHAIN_MAX);
		yett_pem_free_certs(&roots, root_count);
		return;
	}
	result = gnutls_x509_trust_list_init(&list, 0);
	if (result >= 0) {
		result = gnutls_x509_trust_list_add_cas(list, roots, root_count, 0);
	}
	if (result >= 0) {
		result = gnutls_x509_trust_list_verify_crt2(list, chain, count, NULL, 0,
			GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
				GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS,
			&status, NULL);
	}
	if (result < 0) {
		add_problem(certificate, "", "its chain cannot be verified: %s",
			gnutls_strerror(result));
	} else {
		explain_chain(certificate, status, trust);
	}
	/* The list borrows the roots (deinit with all=0). */
	if (list != NULL) {
		gnutls_x509_trust_list_deinit(list, 0);
	}
	yett_pem_free_certs(&roots, root_count);
}

int yett_certificate_examine(const char *path, const struct yett_certificate_against *against,
	struct yett_certificate **ret_certificate, struct yett_error *error)
{
	struct yett_certificate *certificate;
	gnutls_x509_crt_t *chain = NULL;
	unsigned count = 0;
	int result;

	result = yett_pem_load_certs(path, &chain, &count, error);
	if (result < 0) {
		return result;
	}
	certificate = g_new0(struct yett_certificate, 1);
	certificate->names = g_ptr_array_new_with_free_func(g_free);
	certificate->usages = g_ptr_array_new_with_free_func(g_free);
	certificate->problems = g_ptr_array_new_with_free_func(problem_free);
	certificate->chain = count;
	describe(certificate, chain[0]);
	check_names(certificate, against->name);
	check_usages(certificate, chain[0]);
	check_strength(certificate, chain[0]);
	check_times(certificate, against->now);
	if (strcmp(certificate->subject, certificate->issuer) == 0) {
		add_problem(certificate, "have it issued by an authority that the peers trust",
			"it is signed by itself, which proves nothing");
	}
	if (against->key != NULL) {
		check_key(certificate, chain[0], against->key);
	}
	if (against->trust != NULL) {
		check_chain(certificate, chain, count, against->trust);
	}
	yett_pem_free_certs(&chain, count);
	*ret_certificate = certificate;
	return 0;
}

void yett_certificate_free(struct yett_certificate **certificate)
{
	struct yett_certificate *c = *certificate;

	if (c == NULL) {
		return;
	}
	g_free(c->subject);
	g_free(c->issuer);
	g_free(c->serial);
	g_free(c->fingerprint);
	g_free(c->key_type);
	g_free(c->signature);
	g_ptr_array_free(c->names, TRUE);
	g_ptr_array_free(c->usages, TRUE);
	g_ptr_array_free(c->problems, TRUE);
	g_free(c);
	*certificate = NULL;
}

const char *yett_certificate_usage(const char *oid)
{
	if (strcmp(oid, GNUTLS_KP_TLS_WWW_SERVER) == 0) {
		return "server";
	}
	if (strcmp(oid, GNUTLS_KP_TLS_WWW_CLIENT) == 0) {
		return "client";
	}
	return oid;
}
