/* What a node's certificate must be (M10).
 *
 * Responsible for names, usages and strength: the name is a SAN dNSName, never the common name; no
 * wildcards; both extended key usages, said one by one; keys and signatures that hold. Where a
 * certificate carries several names, the first is the node's, unless the one that is expected is
 * among them. Any thread; keeps nothing. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "x509.h"

#define NAMES_MAX  64
#define USAGES_MAX 64
#define RSA_MIN    2048
#define CURVE_MIN  256

int yett_x509_check_strength(struct yett_x509_case *what, gnutls_x509_crt_t cert, bool signature)
{
	const struct yett_host *host = what->host;
	char subject[YETT_X509_TEXT_SIZE];
	unsigned bits = 0;
	int key = gnutls_x509_crt_get_pk_algorithm(cert, &bits);
	int sign = gnutls_x509_crt_get_signature_algorithm(cert);
	bool rsa = key == GNUTLS_PK_RSA || key == GNUTLS_PK_RSA_PSS;
	bool curve = key == GNUTLS_PK_ECDSA || key == GNUTLS_PK_EDDSA_ED25519 ||
		     key == GNUTLS_PK_EDDSA_ED448;

	yett_x509_subject(cert, subject);
	if ((!rsa && !curve) || bits < (rsa ? RSA_MIN : CURVE_MIN)) {
		const char *name = gnutls_pk_get_name((gnutls_pk_algorithm_t)key);

		return host->fail(what->error, YETT_EDENIED,
			"have it issued for ECDSA P-256, or RSA with 2048 bits",
			"%s: the key of %s is too weak: %s, %u bits", what->subject, subject,
			name != NULL ? name : "unknown", bits);
	}
	if (signature && (sign <= 0 || !gnutls_sign_is_secure2((gnutls_sign_algorithm_t)sign,
					       GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS))) {
		const char *name = gnutls_sign_get_name((gnutls_sign_algorithm_t)sign);

		return host->fail(what->error, YETT_EDENIED,
			"have it issued again, signed with SHA-256 or better",
			"%s: %s is signed with %s, which can be forged", what->subject, subject,
			name != NULL ? name : "an unknown algorithm");
	}
	return 0;
}

/* Which of the two, and whether any is said at all. */
static void read_usages(
	gnutls_x509_crt_t cert, bool *ret_server, bool *ret_client, bool *ret_any, bool *ret_some)
{
	*ret_server = *ret_client = *ret_any = *ret_some = false;
	for (unsigned i = 0; i < USAGES_MAX; i++) {
		char oid[128];
		size_t size = sizeof(oid);
		int result = gnutls_x509_crt_get_key_purpose_oid(cert, i, oid, &size, NULL);

		if (result == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
			return;
		}
		*ret_some = true;
		if (result < 0) {
			continue;
		}
		*ret_server = *ret_server || strcmp(oid, GNUTLS_KP_TLS_WWW_SERVER) == 0;
		*ret_client = *ret_client || strcmp(oid, GNUTLS_KP_TLS_WWW_CLIENT) == 0;
		*ret_any = *ret_any || strcmp(oid, GNUTLS_KP_ANY) == 0;
	}
}

static int check_leaf_usages(struct yett_x509_case *what)
{
	const struct yett_host *host = what->host;
	bool server, client, any, some;
	unsigned usage = 0;
	int result;

	read_usages(what->path[0], &server, &client, &any, &some);
	if (!server || !client) {
		return host->fail(what->error, YETT_EDENIED,
			"have it issued with both extended key usages, serverAuth and clientAuth",
			"%s: extended key usage %s is missing%s", what->subject,
			server   ? "client (1.3.6.1.5.5.7.3.2)"
			: client ? "server (1.3.6.1.5.5.7.3.1)"
				 : "server and client (1.3.6.1.5.5.7.3.1 and .2)",
			any ? "; \"any\" does not count" : "");
	}
	result = gnutls_x509_crt_get_key_usage(what->path[0], &usage, NULL);
	if (result != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE &&
		(result < 0 || (usage & GNUTLS_KEY_DIGITAL_SIGNATURE) == 0)) {
		return host->fail(what->error, YETT_EDENIED,
			"have it issued with key usage digitalSignature",
			"%s: its key usage does not allow it to sign, which TLS 1.3 needs",
			what->subject);
	}
	return 0;
}

int yett_x509_check_usages(struct yett_x509_case *what)
{
	int result = check_leaf_usages(what);

	/* An authority that says what it issues for must say both (or any). */
	for (unsigned i = 1; i < what->path_length && result == 0; i++) {
		char subject[YETT_X509_TEXT_SIZE];
		bool server, client, any, some;

		read_usages(what->path[i], &server, &client, &any, &some);
		if (some && !any && !(server && client)) {
			yett_x509_subject(what->path[i], subject);
			result = what->host->fail(what->error, YETT_EDENIED,
				"have it issued by an authority for both usages",
				"%s: the authority %s may not issue for both server and client",
				what->subject, subject);
		}
	}
	return result;
}

/* The next dNSName from `*index` on: 1 and the name, 0 at the end, or YETT_EDENIED. */
static int next_name(
	struct yett_x509_case *what, unsigned *index, char ret_name[YETT_X509_NAME_SIZE])
{
	const struct yett_host *host = what->host;

	while (*index < NAMES_MAX) {
		char name[YETT_X509_NAME_SIZE];
		size_t size = sizeof(name) - 1;
		int type = gnutls_x509_crt_get_subject_alt_name(
			what->path[0], (*index)++, name, &size, NULL);

		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
			return 0;
		}
		if (type != GNUTLS_SAN_DNSNAME) {
			if (type == GNUTLS_E_SHORT_MEMORY_BUFFER) {
				return host->fail(what->error, YETT_EDENIED,
					"have it issued with names of at most 253 bytes",
					"%s: one of its names is too long", what->subject);
			}
			continue;
		}
		name[size] = '\0';
		if (memchr(name, '*', size) != NULL) {
			return host->fail(what->error, YETT_EDENIED,
				"have it issued with the node's own name",
				"%s: it carries a wildcard, and a wildcard names nobody",
				what->subject);
		}
		if (strlen(name) != size || !yett_x509_name_ok(name)) {
			return host->fail(what->error, YETT_EDENIED,
				"have it issued with fully qualified names as SAN dNSName",
				"%s: one of its names is no host name", what->subject);
		}
		for (size_t i = 0; i < size; i++) {
			name[i] = (char)tolower((unsigned char)name[i]);
		}
		memcpy(ret_name, name, size + 1);
		return 1;
	}
	return host->fail(what->error, YETT_EDENIED, "have it issued with the node's own name",
		"%s: it carries more than %d names", what->subject, NAMES_MAX);
}

static int check_suffix(struct yett_x509_case *what, const char *name)
{
	for (char **suffix = what->anchor->suffixes; *suffix != NULL; suffix++) {
		if (yett_x509_has_suffix(name, *suffix)) {
			return 0;
		}
	}
	return what->host->fail(what->error, YETT_EDENIED,
		"have it issued by the authority of those names, or add the suffix to `suffixes`",
		"%s: the authority %s may not speak for %s", what->subject, what->anchor->subject,
		name);
}

int yett_x509_check_name(struct yett_x509_case *what, char ret_name[YETT_X509_NAME_SIZE])
{
	const struct yett_host *host = what->host;
	char first[YETT_X509_NAME_SIZE] = "";
	char chosen[YETT_X509_NAME_SIZE] = "";
	char name[YETT_X509_NAME_SIZE];
	unsigned index = 0;
	int result;

	/* To the end, whatever is found: a wildcard anywhere spoils it. */
	while ((result = next_name(what, &index, name)) > 0) {
		if (first[0] == '\0') {
			memcpy(first, name, sizeof(first));
		}
		if (what->expected_name != NULL && strcasecmp(name, what->expected_name) == 0) {
			memcpy(chosen, name, sizeof(chosen));
		}
	}
	if (result < 0) {
		return result;
	}
	if (first[0] == '\0') {
		return host->fail(what->error, YETT_EDENIED,
			"have it issued with the node's fully qualified name as SAN dNSName",
			"%s: it names no node: it has no SAN dNSName, and the common name does not "
			"count",
			what->subject);
	}
	if (what->expected_name == NULL) {
		memcpy(chosen, first, sizeof(chosen));
	} else if (chosen[0] == '\0') {
		return host->fail(what->error, YETT_EDENIED,
			"check the upstream's name and address, or who answers there",
			"%s: it is for %s, and not for %s, the upstream's name", what->subject,
			first, what->expected_name);
	}
	result = check_suffix(what, chosen);
	if (result == 0) {
		memcpy(ret_name, chosen, sizeof(chosen));
	}
	return result;
}
