/* What the authorities have taken back.
 *
 * Responsible for holding each certificate of a chain against the CRLs of its issuer: revoked or
 * not, and whether the CRL may still be relied on. Past its next update it is for three days, with
 * a warning, and then no more: an authority whose lists stop must not go unnoticed. An authority
 * without a CRL is accepted unless `require-crl` says otherwise; one whose CRL it has not signed
 * is not, also where that only reads like its name: a name in other letters or another encoding is no
 * reason to pass over what it revokes. Any thread; keeps nothing. */
#include <string.h>
#include <strings.h>

#include "x509.h"

#define GRACE_S (INT64_C(3) * 86400)

struct found {
	bool any;    /* a CRL in the issuer's name */
	bool usable; /* one that the issuer has signed */
	bool revoked;
	int64_t next_update; /* the latest of them; 0: one says none */
	const char *path;
};

static gnutls_x509_crt_t issuer_of(const struct yett_x509_case *what, unsigned i)
{
	return i + 1 < what->path_length ? what->path[i + 1] : what->anchor->cert;
}

static bool applies(const struct yett_x509_case *what, const struct yett_x509_crl *crl, unsigned i)
{
	/* Roots' CRLs were verified when they were read. */
	if (i + 1 == what->path_length && crl->anchor == what->anchor) {
		return true;
	}
	return yett_x509_crl_signed_by(crl->crl, issuer_of(what, i));
}

static void look_at(const struct yett_x509_case *what, const struct yett_x509_crl *crl, unsigned i,
	struct found *found)
{
	gnutls_x509_crl_t one = crl->crl;

	found->any = true;
	if (!applies(what, crl, i)) {
		return;
	}
	/* An error counts as revoked. */
	found->revoked =
		found->revoked || gnutls_x509_crt_check_revocation(what->path[i], &one, 1) != 0;
	if (!found->usable || crl->next_update == 0 ||
		(found->next_update != 0 && crl->next_update > found->next_update)) {
		found->next_update = crl->next_update;
		found->path = crl->path;
	}
	found->usable = true;
}

static int check_age(struct yett_x509_case *what, const struct found *found, const char *issuer)
{
	const struct yett_host *host = what->host;
	char day[32];

	if (found->next_update == 0 || what->now <= found->next_update) {
		return 0;
	}
	yett_x509_day(found->next_update, day);
	if (what->now > found->next_update + GRACE_S) {
		return host->fail(what->error, YETT_EDENIED,
			"bring the authority's new CRL here and reload",
			"%s: the CRL of %s in %s should have been renewed by %s, more than three "
			"days ago, so nothing that it issued is accepted",
			what->subject, issuer, found->path, day);
	}
	host->log(host->instance, YETT_LOG_WARNING, "crl-stale",
		"a CRL should have been renewed; three days after that, nothing that its authority "
		"issued is accepted: bring the new one here and reload until=%s authority=%s "
		"file=%s",
		day, issuer, found->path);
	return 0;
}

static int check_one(struct yett_x509_case *what, unsigned i)
{
	const struct yett_host *host = what->host;
	struct found found = {false, false, false, 0, ""};
	gnutls_datum_t dn = {NULL, 0};
	char subject[YETT_X509_TEXT_SIZE];
	char issuer[YETT_X509_TEXT_SIZE];

	if (gnutls_x509_crt_get_raw_issuer_dn(what->path[i], &dn) < 0) {
		return host->fail(what->error, YETT_EDENIED, NULL, "%s: its issuer cannot be read",
			what->subject);
	}
	yett_x509_subject(what->path[i], subject);
	yett_x509_issuer(what->path[i], issuer);
	for (size_t c = 0; c < what->trust->crl_count; c++) {
		const struct yett_x509_crl *crl = &what->trust->crls[c];

		if ((crl->issuer.size == dn.size &&
			    memcmp(crl->issuer.data, dn.data, dn.size) == 0) ||
			strcasecmp(crl->name, issuer) == 0) {
			look_at(what, crl, i, &found);
		}
	}
	gnutls_free(dn.data);
	if (found.revoked) {
		return host->fail(what->error, YETT_EDENIED,
			"have a new certificate issued, if the node is still yours",
			"%s: %s is revoked by %s", what->subject, i == 0 ? "it" : subject, issuer);
	}
	if (found.any && !found.usable) {
		return host->fail(what->error, YETT_EDENIED, "bring the authority's real CRL here",
			"%s: there is a CRL in the name of %s that it has not signed, or that "
			"writes this name in other bytes",
			what->subject, issuer);
	}
	if (!found.any && what->trust->require_crl) {
		return host->fail(what->error, YETT_EDENIED,
			"bring the authority's CRL here (`crl`), or do not set `require-crl`",
			"%s: `require-crl` is set, and there is no CRL of %s", what->subject,
			issuer);
	}
	return found.usable ? check_age(what, &found, issuer) : 0;
}

int yett_x509_check_revoked(struct yett_x509_case *what)
{
	int result = 0;

	for (unsigned i = 0; i < what->path_length && result == 0; i++) {
		result = check_one(what, i);
	}
	return result;
}
