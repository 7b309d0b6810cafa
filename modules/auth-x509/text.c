/* Words about certificates: names, subjects, days.
 *
 * Responsible for turning what stands in a certificate, which may be anything, into text that is
 * safe to print and compare. Keeps nothing; any thread. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "x509.h"

static void clean(int result, gnutls_datum_t *dn, char ret_text[YETT_X509_TEXT_SIZE])
{
	snprintf(ret_text, YETT_X509_TEXT_SIZE, "%s",
		result >= 0 && dn->data != NULL && dn->size > 0 ? (const char *)dn->data
								: "(no subject)");
	gnutls_free(dn->data);
	for (char *at = ret_text; *at != '\0'; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f) {
			*at = '?';
		}
	}
}

void yett_x509_subject(gnutls_x509_crt_t cert, char ret_text[YETT_X509_TEXT_SIZE])
{
	gnutls_datum_t dn = {NULL, 0};

	clean(gnutls_x509_crt_get_dn3(cert, &dn, 0), &dn, ret_text);
}

void yett_x509_issuer(gnutls_x509_crt_t cert, char ret_text[YETT_X509_TEXT_SIZE])
{
	gnutls_datum_t dn = {NULL, 0};

	clean(gnutls_x509_crt_get_issuer_dn3(cert, &dn, 0), &dn, ret_text);
}

void yett_x509_crl_issuer(gnutls_x509_crl_t crl, char ret_text[YETT_X509_TEXT_SIZE])
{
	gnutls_datum_t dn = {NULL, 0};

	clean(gnutls_x509_crl_get_issuer_dn3(crl, &dn, 0), &dn, ret_text);
}

const char *yett_x509_day(int64_t seconds, char ret_text[32])
{
	time_t time = (time_t)seconds;
	struct tm parts;

	if (gmtime_r(&time, &parts) == NULL ||
		strftime(ret_text, 32, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
		return "?";
	}
	return ret_text;
}

/* A host name as in RFC 1123: labels of letters, digits and inner hyphens. */
bool yett_x509_name_ok(const char *name)
{
	size_t label = 0;

	if (name[0] == '\0' || strlen(name) > 253) {
		return false;
	}
	for (const char *at = name;; at++) {
		if (*at == '.' || *at == '\0') {
			if (label == 0 || label > 63 || at[-1] == '-') {
				return false;
			}
			if (*at == '\0') {
				return true;
			}
			label = 0;
			continue;
		}
		if (!(isascii((unsigned char)*at) && isalnum((unsigned char)*at)) &&
			!(*at == '-' && label > 0)) {
			return false;
		}
		label++;
	}
}

bool yett_x509_has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name);
	size_t tail = strlen(suffix);

	if (strcmp(suffix, "*") == 0) {
		return true;
	}
	if (tail == 0 || tail > length || strcasecmp(name + length - tail, suffix) != 0) {
		return false;
	}
	return tail == length || name[length - tail - 1] == '.';
}
