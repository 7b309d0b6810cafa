/* Whether the peer is who its certificate says.
 *
 * Responsible for the order of the checks: what it is, the chain, times, revocation, strength,
 * usages, the name, and whether its authority may speak for that. The first that does not hold is
 * the cause, in full, for our own log; the peer is told nothing of it (auth-x509.c).
 *
 * Any thread, at once on several: reads the trust, which never changes. Whatever cannot be read or
 * understood is refused. */
#include <string.h>

#include "x509.h"

#define NANO_PER_S INT64_C(1000000000)

static int import_chain(struct yett_x509_case *what)
{
	const struct yett_facts *facts = what->facts;

	if (facts->chain_count == 0) {
		return what->host->fail(what->error, YETT_EDENIED,
			"configure `certificate` and `key` of transport-tls there",
			"the peer showed no certificate");
	}
	for (unsigned i = 0; i < facts->chain_count && i < YETT_FACTS_CHAIN_MAX; i++) {
		gnutls_datum_t der = {NULL, (unsigned)facts->chain[i].length};
		int result = gnutls_x509_crt_init(&what->shown[i]);

		/* GnuTLS's type has no const; it only reads. */
		memcpy(&der.data, &facts->chain[i].bytes, sizeof(der.data));
		if (result >= 0) {
			what->shown_count++;
			result = gnutls_x509_crt_import(what->shown[i], &der, GNUTLS_X509_FMT_DER);
		}
		if (result < 0) {
			return what->host->fail(what->error, YETT_EDENIED,
				"look at the peer's: yettctl cert show",
				"certificate %u of the peer's chain cannot be read: %s", i + 1,
				gnutls_strerror(result));
		}
	}
	yett_x509_subject(what->shown[0], what->subject);
	return 0;
}

static int check_kind(struct yett_x509_case *what)
{
	gnutls_x509_crt_t leaf = what->shown[0];

	if (gnutls_x509_crt_get_ca_status(leaf, NULL) > 0) {
		return what->host->fail(what->error, YETT_EDENIED,
			"give the peer a certificate that was issued for it",
			"%s: it is an authority's certificate, not a node's", what->subject);
	}
	if (gnutls_x509_crt_check_issuer(leaf, leaf) != 0) {
		return what->host->fail(what->error, YETT_EDENIED,
			"give the peer a certificate that an authority issued; one that is made at "
			"start, for want of a configured one, proves nothing",
			"%s: it is signed by itself", what->subject);
	}
	return 0;
}

static int check_times(struct yett_x509_case *what, gnutls_x509_crt_t cert, int64_t *expires)
{
	const struct yett_host *host = what->host;
	int64_t from = (int64_t)gnutls_x509_crt_get_activation_time(cert);
	int64_t until = (int64_t)gnutls_x509_crt_get_expiration_time(cert);
	char subject[YETT_X509_TEXT_SIZE];
	char day[32];

	yett_x509_subject(cert, subject);
	if (from < 0 || until < 0) {
		return host->fail(what->error, YETT_EDENIED, "have it issued again",
			"%s: the validity of %s cannot be read", what->subject, subject);
	}
	if (what->now < from) {
		return host->fail(what->error, YETT_EDENIED,
			"wait, or set the clocks of both computers right",
			"%s: %s is not valid before %s", what->subject, subject,
			yett_x509_day(from, day));
	}
	if (what->now > until) {
		return host->fail(what->error, YETT_EDENIED,
			"have a new one issued, or set the clocks of both computers right",
			"%s: %s has expired on %s", what->subject, subject,
			yett_x509_day(until, day));
	}
	if (until < *expires) {
		*expires = until;
	}
	return 0;
}

static int check_path(struct yett_x509_case *what, int64_t *expires)
{
	int result = 0;

	for (unsigned i = 0; i < what->path_length && result == 0; i++) {
		result = yett_x509_check_strength(what, what->path[i], true);
		if (result == 0) {
			result = check_times(what, what->path[i], expires);
		}
	}
	if (result == 0) {
		/* A root's signature on itself says nothing. */
		result = yett_x509_check_strength(what, what->anchor->cert, false);
	}
	return result == 0 ? check_times(what, what->anchor->cert, expires) : result;
}

static int judge(struct yett_x509_case *what, struct yett_x509_verdict *ret_verdict)
{
	int64_t expires = INT64_MAX / NANO_PER_S;
	int result = import_chain(what);

	if (result == 0) {
		result = check_kind(what);
	}
	/* Before the chain, since GnuTLS would only say that something is too weak. */
	if (result == 0) {
		result = yett_x509_check_strength(what, what->shown[0], true);
	}
	if (result == 0) {
		result = yett_x509_find_path(what);
	}
	if (result == 0) {
		result = check_path(what, &expires);
	}
	if (result == 0) {
		result = yett_x509_check_revoked(what);
	}
	if (result == 0) {
		result = yett_x509_check_usages(what);
	}
	if (result == 0) {
		result = yett_x509_check_name(what, ret_verdict->name);
	}
	if (result == 0) {
		memcpy(ret_verdict->principal, what->subject, sizeof(what->subject));
		memcpy(ret_verdict->authority, what->anchor->subject,
			sizeof(what->anchor->subject));
		ret_verdict->expires_ns = expires * NANO_PER_S;
	}
	return result;
}

int yett_x509_judge(struct yett_x509_case *what, struct yett_x509_verdict *ret_verdict)
{
	int result = judge(what, ret_verdict);

	for (unsigned i = 0; i < what->shown_count; i++) {
		gnutls_x509_crt_deinit(what->shown[i]);
	}
	what->shown_count = 0;
	return result;
}
