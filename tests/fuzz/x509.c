/* Certificates, CRLs and the index of an authority, in any bytes. The first byte chooses:
 *   0  what a peer shows: certificates, each its length (2 bytes, little-endian) and its DER; the
 *      second byte sets role and expected name. Judged by a root of this file's
 *   1  a file of roots, by which a good certificate is judged
 *   2  a file of CRLs of that root
 *   3  a certificate's file, examined as `yettctl cert` does
 *   4  the index of an authority
 * Whatever is in it: an answer with a cause, and nothing that is not signed by the root is let in. */
#include "fuzz.h"

#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../modules/auth-x509/x509.h"
#include "base/bytes.h"
#include "base/error.h"
#include "pki/certificate.h"
#include "pki/index.h"

#define NOW INT64_C(1800000000)

static const char root_pem[] = "-----BEGIN CERTIFICATE-----\n"
			       "MIIBbjCCARSgAwIBAgIUNbQqgupeXI/4VSO+iel5nF+QCTQwCgYIKoZIzj0EAwIw\n"
			       "FDESMBAGA1UEAxMJRnV6eiByb290MCAXDTI0MDEwMTAwMDAwMFoYDzIwOTAwMTAx\n"
			       "MDAwMDAwWjAUMRIwEAYDVQQDEwlGdXp6IHJvb3QwWTATBgcqhkjOPQIBBggqhkjO\n"
			       "PQMBBwNCAASgetvYV1bTGJatI6v5zh/tzQD2OC/Sa1FS1aJjDlDyOb0xGyEA+1S4\n"
			       "NLqXTTWAtB2+ZADHMrv9Wd7v9rUEH3LPo0IwQDAPBgNVHRMBAf8EBTADAQH/MA4G\n"
			       "A1UdDwEB/wQEAwIBBjAdBgNVHQ4EFgQUaDsNsE/6HmUexjIRbH58/QscWyswCgYI\n"
			       "KoZIzj0EAwIDSAAwRQIhAJnv4CrKwE1Z1dVr3q2gJyWAf1+//jrn82eeYebcrqt0\n"
			       "AiBE1tuIp3JZSAfqTNomKRC4KWIIzc/pTVOp0oUNtEQbIA==\n"
			       "-----END CERTIFICATE-----\n";
static const char leaf_pem[] = "-----BEGIN CERTIFICATE-----\n"
			       "MIIBxTCCAWugAwIBAgIUFbp+QYnito1YZHfDS7PGBoR7fbgwCgYIKoZIzj0EAwIw\n"
			       "FDESMBAGA1UEAxMJRnV6eiByb290MCAXDTI0MDEwMTAwMDAwMFoYDzIwODkwMTAx\n"
			       "MDAwMDAwWjAVMRMwEQYDVQQDEwphMS5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZI\n"
			       "zj0DAQcDQgAEC9R+u7pJpx2FjNlhydi35S8vnhHsHU5DrIbgZfqnn1iFirqhpf2j\n"
			       "XKRCubtQ31itO2OgGvNcFsiqVnq3i9XKAqOBlzCBlDAMBgNVHRMBAf8EAjAAMB0G\n"
			       "A1UdJQQWMBQGCCsGAQUFBwMCBggrBgEFBQcDATAVBgNVHREEDjAMggphMS5leGFt\n"
			       "cGxlMA4GA1UdDwEB/wQEAwIHgDAdBgNVHQ4EFgQU5sL1/blhoLKT9mAyAvmXzMoL\n"
			       "secwHwYDVR0jBBgwFoAUaDsNsE/6HmUexjIRbH58/QscWyswCgYIKoZIzj0EAwID\n"
			       "SAAwRQIhAIMtLZIlc2TS9w/K38CnP/eBsA0uZ/rImbefBbFYFBanAiANl2n95MNo\n"
			       "1t6+aBzYQUgBWoXrdhSl6hxTq1nPpS2zCA==\n"
			       "-----END CERTIFICATE-----\n";

/* A file without a folder; its name is good until the next one is made. */
static const char *file(const void *bytes, size_t length, int *ret_fd)
{
	static char path[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_REQUIRE(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	*ret_fd = fd;
	return path;
}

static int fail(struct yett_error *error, int code, const char *mend, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int fail(struct yett_error *error, int code, const char *mend, const char *format, ...)
{
	va_list args;
	char text[512];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return yett_fail(error, code, mend, "%s", text);
}

static void no_log(
	struct yett_instance *instance, int level, const char *event, const char *format, ...)
{
	(void)instance, (void)level, (void)event, (void)format;
}

static const struct yett_host host = {
	.size = sizeof(host), .log = no_log, .fail = fail, .result_text = yett_result_text};

/* Whom the files make us trust; NULL: they are refused. */
static struct yett_x509_trust *trust(const char *roots, const char *crls)
{
	const char *suffixes[] = {"example"};
	struct yett_x509_settings settings = {.trust = {1, &roots},
		.crl = {crls != NULL ? 1 : 0, &crls},
		.suffixes = {1, suffixes}};
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_x509_trust *made = NULL;

	if (yett_x509_trust_load(&host, &settings, &made, &error) < 0) {
		FUZZ_REQUIRE(error.text[0] != '\0');
		return NULL;
	}
	return made;
}

static struct yett_x509_trust *trust_root(void)
{
	static struct yett_x509_trust *ours;
	int fd;

	if (ours == NULL) {
		ours = trust(file(root_pem, strlen(root_pem), &fd), NULL);
		close(fd);
		FUZZ_REQUIRE(ours != NULL);
	}
	return ours;
}

static int judge(const struct yett_x509_trust *whom, const struct yett_facts *facts,
	const char *expected, struct yett_x509_verdict *ret_verdict)
{
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_x509_case what = {.host = &host,
		.trust = whom,
		.facts = facts,
		.expected_name = expected,
		.now = NOW,
		.error = &error};
	int result = yett_x509_judge(&what, ret_verdict);

	FUZZ_REQUIRE(result == 0 || error.text[0] != '\0');
	return result;
}

static void run_chain(const uint8_t *bytes, size_t length)
{
	struct yett_facts facts = {.size = sizeof(facts)};
	struct yett_x509_verdict verdict;
	const char *expected;

	if (length < 1) {
		return;
	}
	facts.role = bytes[0] & 1;
	expected = (bytes[0] & 2) != 0 ? "a1.example" : NULL;
	bytes++;
	length--;
	while (length >= 2 && facts.chain_count < YETT_FACTS_CHAIN_MAX) {
		size_t size = MIN(yett_get16(bytes), length - 2);

		facts.chain[facts.chain_count].bytes = bytes + 2;
		facts.chain[facts.chain_count++].length = size;
		bytes += 2 + size;
		length -= 2 + size;
	}
	if (judge(trust_root(), &facts, expected, &verdict) == 0) {
		/* Nobody can sign another name than that of the corpus's certificates. */
		FUZZ_REQUIRE(strcmp(verdict.name, "a1.example") == 0);
		FUZZ_REQUIRE(verdict.expires_ns > NOW);
	}
}

/* The good certificate, by that trust. */
static void judge_leaf(struct yett_x509_trust *whom)
{
	static uint8_t der[4096];
	static size_t size = sizeof(der);
	struct yett_facts facts = {.size = sizeof(facts), .chain_count = 1};
	struct yett_x509_verdict verdict;

	if (size == sizeof(der)) {
		gnutls_datum_t pem = {
			(unsigned char *)(uintptr_t)leaf_pem, (unsigned)strlen(leaf_pem)};
		gnutls_x509_crt_t cert;

		FUZZ_REQUIRE(gnutls_x509_crt_init(&cert) == 0);
		FUZZ_REQUIRE(gnutls_x509_crt_import(cert, &pem, GNUTLS_X509_FMT_PEM) == 0);
		FUZZ_REQUIRE(gnutls_x509_crt_export(cert, GNUTLS_X509_FMT_DER, der, &size) == 0);
		gnutls_x509_crt_deinit(cert);
	}
	facts.chain[0].bytes = der;
	facts.chain[0].length = size;
	(void)judge(whom, &facts, NULL, &verdict);
	yett_x509_trust_free(whom);
}

static void run_roots(const uint8_t *bytes, size_t length)
{
	int fd;
	struct yett_x509_trust *made = trust(file(bytes, length, &fd), NULL);

	close(fd);
	if (made != NULL) {
		FUZZ_REQUIRE(made->anchor_count > 0);
		judge_leaf(made);
	}
}

static void run_crls(const uint8_t *bytes, size_t length)
{
	char roots[64];
	int fd, crl_fd;
	struct yett_x509_trust *made;

	g_strlcpy(roots, file(root_pem, strlen(root_pem), &fd), sizeof(roots));
	made = trust(roots, file(bytes, length, &crl_fd));
	close(fd);
	close(crl_fd);
	if (made != NULL) {
		judge_leaf(made);
	}
}

static void run_examine(const uint8_t *bytes, size_t length)
{
	struct yett_certificate_against against = {.name = "a1.example", .now = NOW};
	struct yett_certificate *certificate = NULL;
	struct yett_error error = YETT_ERROR_INIT;
	char path[64];
	int fd, root_fd;

	g_strlcpy(path, file(bytes, length, &fd), sizeof(path));
	against.trust = file(root_pem, strlen(root_pem), &root_fd);
	if (yett_certificate_examine(path, &against, &certificate, &error) == 0) {
		FUZZ_REQUIRE(certificate->chain >= 1 && certificate->subject != NULL);
		yett_certificate_free(&certificate);
	} else {
		FUZZ_REQUIRE(error.text[0] != '\0');
	}
	close(fd);
	close(root_fd);
}

static void run_index(const uint8_t *bytes, size_t length)
{
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_index index;
	int fd;

	if (yett_index_read(file(bytes, length, &fd), &index, &error) == 0) {
		for (size_t i = 0; i < index.count; i++) {
			FUZZ_REQUIRE(strlen(index.rows[i].serial) <= 2 * YETT_SERIAL_SIZE);
		}
		(void)yett_index_revoke(&index, "a1.example", NOW);
		yett_index_done(&index);
	} else {
		FUZZ_REQUIRE(error.text[0] != '\0');
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static void (*const runs[])(const uint8_t *bytes, size_t length) = {
		run_chain, run_roots, run_crls, run_examine, run_index};

	if (length >= 1) {
		runs[bytes[0] % G_N_ELEMENTS(runs)](bytes + 1, length - 1);
	}
	return 0;
}
