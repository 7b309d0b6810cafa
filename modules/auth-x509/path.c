/* The chain from a node's certificate to a root.
 *
 * Responsible for finding it among what the peer showed (in any order, with certificates that do
 * not belong to it) and the configured roots, within a depth and a number of tries, and for having
 * GnuTLS verify it: signatures, authorities, path lengths, name constraints. Times are left out
 * here, since GnuTLS's clock is not ours (judge.c). Any thread; keeps nothing. */
#include <string.h>

#include "x509.h"

#define TRIES_MAX 16
/* Certificates that are looked at for the next one up: a chain in any order takes less than forty. Where all
 * of them have one name, there are thousands of ways. */
#define STEPS_MAX 64

#define VERIFY_FLAGS (GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS)

struct search {
	struct yett_x509_case *what;
	unsigned tries, steps;
	bool too_deep, too_many;
	bool used[YETT_FACTS_CHAIN_MAX];
	bool failed; /* a chain was there, and did not hold */
	unsigned status;
	const struct yett_x509_anchor *failed_anchor;
	gnutls_x509_crt_t failed_path[YETT_X509_DEPTH_MAX];
	unsigned failed_length;
};

/* A chain up to a root is there: does it hold? */
static bool holds(struct search *search, const struct yett_x509_anchor *anchor)
{
	struct yett_x509_case *what = search->what;
	unsigned status = 0;

	if (search->tries++ >= TRIES_MAX) {
		return false;
	}
	if (gnutls_x509_crt_list_verify(what->path, (int)what->path_length, &anchor->cert, 1, NULL,
		    0, VERIFY_FLAGS, &status) < 0) {
		status = GNUTLS_CERT_INVALID;
	}
	if (status == 0) {
		what->anchor = anchor;
		return true;
	}
	if (!search->failed) {
		search->failed = true;
		search->status = status;
		search->failed_anchor = anchor;
		search->failed_length = what->path_length;
		memcpy(search->failed_path, what->path, sizeof(what->path));
	}
	return false;
}

/* Goes up from the path's last certificate, depth first; at most YETT_X509_DEPTH_MAX deep. */
static bool climb(struct search *search)
{
	struct yett_x509_case *what = search->what;
	gnutls_x509_crt_t last = what->path[what->path_length - 1];

	if (what->path_length + 1 > YETT_X509_DEPTH_MAX) {
		search->too_deep = true;
		return false;
	}
	for (size_t i = 0; i < what->trust->anchor_count; i++) {
		const struct yett_x509_anchor *anchor = &what->trust->anchors[i];

		if (gnutls_x509_crt_check_issuer(last, anchor->cert) != 0 &&
			holds(search, anchor)) {
			return true;
		}
	}
	for (unsigned i = 1; i < what->shown_count && search->tries < TRIES_MAX; i++) {
		if (search->used[i]) {
			continue;
		}
		if (search->steps == STEPS_MAX) {
			search->too_many = true;
			return false;
		}
		search->steps++;
		if (gnutls_x509_crt_check_issuer(last, what->shown[i]) == 0) {
			continue;
		}
		search->used[i] = true;
		what->path[what->path_length++] = what->shown[i];
		if (climb(search)) {
			return true;
		}
		what->path_length--;
		search->used[i] = false;
	}
	return false;
}

static int explain(struct search *search)
{
	struct yett_x509_case *what = search->what;
	const struct yett_host *host = what->host;
	char issuer[YETT_X509_TEXT_SIZE];

	if (search->failed && (search->status & GNUTLS_CERT_SIGNER_NOT_CA) != 0) {
		return host->fail(what->error, YETT_EDENIED,
			"have it issued by an authority, not by another node's certificate",
			"%s: what signed it, on the way to %s, is no authority's certificate",
			what->subject, search->failed_anchor->subject);
	}
	if (search->failed && (search->status & GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE) != 0) {
		return host->fail(what->error, YETT_EDENIED,
			"have it issued by the authority of those names",
			"%s: the authority %s may not speak for its name (its own certificate "
			"says so)",
			what->subject, search->failed_anchor->subject);
	}
	/* Whose signature it is that is too weak. */
	for (unsigned i = 0; search->failed && i < search->failed_length; i++) {
		int result = yett_x509_check_strength(what, search->failed_path[i], true);

		if (result < 0) {
			return result;
		}
	}
	if (search->failed) {
		return host->fail(what->error, YETT_EDENIED,
			"have it issued again; if nobody knows why, someone may have forged it",
			"%s: its chain claims to lead to %s, and does not verify (status 0x%x)",
			what->subject, search->failed_anchor->subject, search->status);
	}
	if (search->too_many) {
		return host->fail(what->error, YETT_EDENIED,
			"show fewer certificates: the chain without what is not needed",
			"%s: what is shown with it leads too many ways", what->subject);
	}
	if (search->too_deep) {
		return host->fail(what->error, YETT_EDENIED,
			"issue it nearer to the root, or trust an authority between them",
			"%s: its chain is too deep; at most %d certificates are accepted, the root "
			"counted",
			what->subject, YETT_X509_DEPTH_MAX);
	}
	yett_x509_issuer(what->shown[0], issuer);
	return host->fail(what->error, YETT_EDENIED,
		"add the issuer's root to `trust`, or have the peer show the authorities between",
		"%s: it was issued by %s, and no chain leads from there to a root that this node "
		"trusts",
		what->subject, issuer);
}

int yett_x509_find_path(struct yett_x509_case *what)
{
	struct search search = {.what = what};

	what->path[0] = what->shown[0];
	what->path_length = 1;
	return climb(&search) ? 0 : explain(&search);
}
