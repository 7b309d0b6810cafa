/* Whom we trust: roots, the names that each may speak for, and what they have revoked.
 *
 * Responsible for reading them from their files, whole, once, at `create` or `reload`, and for refusing
 * what is not understood: a root that is no authority, a CRL of a kind that would be read wrongly,
 * an `authorities` entry that fits no root (a slip there would widen what a root may do). Not
 * responsible for judging (judge.c).
 *
 * On the main thread or the reloading one; afterwards read by all and changed by none. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "x509.h"

#define FILE_LIMIT  (64 << 20) /* a CRL can be large */
#define ANCHORS_MAX 1024
#define CRLS_MAX    1024

static int out_of_memory(const struct yett_host *host, struct yett_error *error)
{
	return host->fail(error, YETT_ENOMEM, NULL, "out of memory");
}

static int read_file(const struct yett_host *host, const char *path, gnutls_datum_t *ret_data,
	struct yett_error *error)
{
	gnutls_datum_t data = {NULL, 0};
	struct stat status;
	ssize_t n = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &status) != 0) {
		int number = errno;

		if (fd >= 0) {
			close(fd);
		}
		return host->fail(error, number == ENOENT ? YETT_ENOTFOUND : YETT_EPERM,
			number == ENOENT ? "name the file that there is"
					 : "let the daemon's user read it",
			"cannot read %s: %s", path, strerror(number));
	}
	if (!S_ISREG(status.st_mode) || status.st_size > FILE_LIMIT) {
		close(fd);
		return host->fail(error, YETT_ECONFIG, "name a PEM file",
			"%s is no file of at most 64 MiB", path);
	}
	data.data = malloc((size_t)status.st_size + 1);
	while (data.data != NULL && n > 0 && (off_t)data.size < status.st_size) {
		n = read(fd, data.data + data.size, (size_t)status.st_size - data.size);
		if (n > 0) {
			data.size += (unsigned)n;
		}
	}
	close(fd);
	if (data.data == NULL) {
		return out_of_memory(host, error);
	}
	if (n < 0) {
		free(data.data);
		return host->fail(
			error, YETT_EIO, NULL, "cannot read %s: %s", path, strerror(errno));
	}
	*ret_data = data;
	return 0;
}

static void free_list(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
		free(list[i]);
	}
	free(list);
}

static int copy_suffixes(const struct yett_host *host, const struct yett_list *list,
	char ***ret_suffixes, struct yett_error *error)
{
	const char *const *items = list->items;
	char **suffixes = calloc(list->count + 1, sizeof(*suffixes));

	for (size_t i = 0; suffixes != NULL && i < list->count; i++) {
		const char *suffix = items[i][0] == '.' ? items[i] + 1 : items[i];

		if (strcmp(suffix, "*") != 0 && !yett_x509_name_ok(suffix)) {
			free_list(suffixes);
			return host->fail(error, YETT_ECONFIG,
				"give the end of names, such as \"example.com\"; \"*\" alone is "
				"every name",
				"\"%s\" is no suffix of names", items[i]);
		}
		suffixes[i] = strdup(suffix);
		if (suffixes[i] == NULL) {
			free_list(suffixes);
			suffixes = NULL;
		}
	}
	if (suffixes == NULL) {
		return out_of_memory(host, error);
	}
	*ret_suffixes = suffixes;
	return 0;
}

/* What is configured for this root by its subject, or what is for all. */
static const struct yett_list *suffixes_of(
	const struct yett_x509_settings *settings, const char *subject)
{
	const struct yett_x509_authority_settings *items = settings->authorities.items;

	for (size_t i = 0; i < settings->authorities.count; i++) {
		if (strcmp(items[i].subject, subject) == 0) {
			return &items[i].suffixes;
		}
	}
	return &settings->suffixes;
}

/* Takes `cert`, whatever the result. */
static int add_anchor(const struct yett_host *host, const struct yett_x509_settings *settings,
	struct yett_x509_trust *trust, gnutls_x509_crt_t cert, const char *path,
	struct yett_error *error)
{
	struct yett_x509_anchor *anchors =
		reallocarray(trust->anchors, trust->anchor_count + 1, sizeof(*anchors));
	struct yett_x509_anchor *anchor;
	int result;

	if (anchors == NULL) {
		gnutls_x509_crt_deinit(cert);
		return out_of_memory(host, error);
	}
	trust->anchors = anchors;
	anchor = &anchors[trust->anchor_count];
	memset(anchor, 0, sizeof(*anchor));
	anchor->cert = cert;
	yett_x509_subject(cert, anchor->subject);
	if (gnutls_x509_crt_get_ca_status(cert, NULL) <= 0) {
		result = host->fail(error, YETT_ECONFIG, "name the authority's own certificate",
			"%s in %s is no authority's certificate, so nothing can chain to it",
			anchor->subject, path);
	} else if (trust->anchor_count >= ANCHORS_MAX) {
		result = host->fail(error, YETT_ELIMIT, "name only the roots that nodes have",
			"there are more than %d roots", ANCHORS_MAX);
	} else {
		result = copy_suffixes(
			host, suffixes_of(settings, anchor->subject), &anchor->suffixes, error);
	}
	if (result < 0) {
		gnutls_x509_crt_deinit(cert);
		return result;
	}
	trust->anchor_count++;
	return 0;
}

static int load_anchors(const struct yett_host *host, const struct yett_x509_settings *settings,
	struct yett_x509_trust *trust, const char *path, struct yett_error *error)
{
	gnutls_datum_t data = {NULL, 0};
	gnutls_x509_crt_t *certs = NULL;
	unsigned count = 0;
	int result = read_file(host, path, &data, error);

	if (result < 0) {
		return result;
	}
	result = gnutls_x509_crt_list_import2(&certs, &count, &data, GNUTLS_X509_FMT_PEM, 0);
	free(data.data);
	if (result < 0 || count == 0) {
		return host->fail(error, YETT_ECONFIG,
			"give a PEM file (-----BEGIN CERTIFICATE-----)",
			"%s holds no certificate: %s", path,
			result < 0 ? gnutls_strerror(result) : "it is empty");
	}
	result = 0;
	for (unsigned i = 0; i < count; i++) {
		if (result == 0) {
			result = add_anchor(host, settings, trust, certs[i], path, error);
		} else {
			gnutls_x509_crt_deinit(certs[i]);
		}
	}
	gnutls_free(certs);
	return result;
}

static int check_authorities(const struct yett_host *host,
	const struct yett_x509_settings *settings, const struct yett_x509_trust *trust,
	struct yett_error *error)
{
	const struct yett_x509_authority_settings *items = settings->authorities.items;

	for (size_t i = 0; i < settings->authorities.count; i++) {
		bool found = false;

		for (size_t j = 0; j < trust->anchor_count && !found; j++) {
			found = strcmp(items[i].subject, trust->anchors[j].subject) == 0;
		}
		if (!found) {
			return host->fail(error, YETT_ECONFIG,
				"write the subject as `yettctl cert show` does",
				"`authorities` names \"%s\", which no certificate in `trust` has "
				"(the first there is \"%s\")",
				items[i].subject, trust->anchors[0].subject);
		}
	}
	return 0;
}

/* GnuTLS's clock is the computer's, ours is injected: what it says about times is left out. */
bool yett_x509_crl_signed_by(gnutls_x509_crl_t crl, gnutls_x509_crt_t issuer)
{
	unsigned status = 0;
	unsigned times = GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED |
			 GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;

	if (gnutls_x509_crl_verify(crl, &issuer, 1,
		    GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS,
		    &status) < 0) {
		return false;
	}
	if ((status & times) != 0) {
		status &= ~(times | GNUTLS_CERT_INVALID);
	}
	return status == 0;
}

/* A CRL that covers only a part, or only what changed, must not be taken for the whole. */
static int check_kind(const struct yett_host *host, gnutls_x509_crl_t crl, const char *path,
	struct yett_error *error)
{
	for (unsigned i = 0; i < 64; i++) {
		char oid[128] = "";
		size_t size = sizeof(oid);
		unsigned critical = 0;

		if (gnutls_x509_crl_get_extension_info(crl, i, oid, &size, &critical) < 0) {
			break;
		}
		if (critical != 0) {
			return host->fail(error, YETT_ENOTSUP,
				"have the authority publish one whole CRL",
				"%s is a CRL of a kind that is not supported (critical extension "
				"%s: partial, indirect or delta)",
				path, oid);
		}
	}
	return 0;
}

/* No root has signed it. It may be of an authority below one, whose certificate comes with a chain; in the name of
 * a root it is a mistake, and the root's certificates are refused for it (revoked.c). */
static void tell_unsigned(const struct yett_host *host, const struct yett_x509_trust *trust,
	const struct yett_x509_crl *crl)
{
	for (size_t i = 0; i < trust->anchor_count; i++) {
		if (strcasecmp(crl->name, trust->anchors[i].subject) == 0) {
			host->log(host->instance, YETT_LOG_WARNING, "crl-unused",
				"a CRL has the name of a root that has not signed it, or that "
				"writes its name in other bytes: it counts for nothing, and where "
				"there is no other, nothing that this root has issued is accepted; "
				"bring the authority's real one authority=\"%s\" file=%s",
				crl->name, crl->path);
			return;
		}
	}
	host->log(host->instance, YETT_LOG_NOTICE, "crl-unused",
		"a CRL is signed by no root that is trusted here: it counts for an authority below "
		"one that has its name and has signed it, and for nothing else authority=\"%s\" "
		"file=%s",
		crl->name, crl->path);
}

/* Takes `one`, whatever the result. */
static int add_crl(const struct yett_host *host, struct yett_x509_trust *trust,
	gnutls_x509_crl_t one, const char *path, struct yett_error *error)
{
	struct yett_x509_crl *crls = NULL;
	struct yett_x509_crl *crl;
	int64_t next_update;

	if (trust->crl_count >= CRLS_MAX) {
		gnutls_x509_crl_deinit(one);
		return host->fail(
			error, YETT_ELIMIT, "name fewer", "there are more than %d CRLs", CRLS_MAX);
	}
	crls = reallocarray(trust->crls, trust->crl_count + 1, sizeof(*crls));
	if (crls == NULL) {
		gnutls_x509_crl_deinit(one);
		return out_of_memory(host, error);
	}
	trust->crls = crls;
	crl = &crls[trust->crl_count++]; /* it is freed with the others from here on */
	memset(crl, 0, sizeof(*crl));
	crl->crl = one;
	if (gnutls_x509_crl_get_raw_issuer_dn(one, &crl->issuer) < 0) {
		return host->fail(error, YETT_ECONFIG, "bring the authority's real CRL here",
			"%s holds a CRL that names no issuer", path);
	}
	yett_x509_crl_issuer(one, crl->name);
	crl->path = strdup(path);
	if (crl->path == NULL) {
		return out_of_memory(host, error);
	}
	next_update = (int64_t)gnutls_x509_crl_get_next_update(one);
	crl->next_update = next_update > 0 ? next_update : 0;
	for (size_t i = 0; i < trust->anchor_count && crl->anchor == NULL; i++) {
		if (yett_x509_crl_signed_by(one, trust->anchors[i].cert)) {
			crl->anchor = &trust->anchors[i];
		}
	}
	if (check_kind(host, one, path, error) < 0) {
		return YETT_ENOTSUP;
	}
	if (crl->anchor == NULL) {
		tell_unsigned(host, trust, crl);
	}
	return 0;
}

/* All of them: an authority that has changed its key, or several authorities, may have theirs in one file. */
static int load_crls(const struct yett_host *host, struct yett_x509_trust *trust, const char *path,
	struct yett_error *error)
{
	gnutls_datum_t data = {NULL, 0};
	gnutls_x509_crl_t *list = NULL;
	unsigned count = 0;
	int result = read_file(host, path, &data, error);

	if (result < 0) {
		return result;
	}
	result = gnutls_x509_crl_list_import2(&list, &count, &data, GNUTLS_X509_FMT_PEM, 0);
	free(data.data);
	if (result < 0 || count == 0) {
		return host->fail(error, YETT_ECONFIG,
			"give a PEM file (-----BEGIN X509 CRL-----); openssl crl -inform DER "
			"turns DER into it",
			"%s holds no CRL: %s", path,
			result < 0 ? gnutls_strerror(result) : "it is empty");
	}
	result = 0;
	for (unsigned i = 0; i < count; i++) {
		if (result == 0) {
			result = add_crl(host, trust, list[i], path, error);
		} else {
			gnutls_x509_crl_deinit(list[i]);
		}
	}
	gnutls_free(list);
	return result;
}

int yett_x509_trust_load(const struct yett_host *host, const struct yett_x509_settings *settings,
	struct yett_x509_trust **ret_trust, struct yett_error *error)
{
	const char *const *files = settings->trust.items;
	const char *const *lists = settings->crl.items;
	struct yett_x509_trust *trust = calloc(1, sizeof(*trust));
	int result = 0;

	if (trust == NULL) {
		return out_of_memory(host, error);
	}
	trust->references = 1;
	trust->require_crl = settings->require_crl;
	if (settings->trust.count == 0 || settings->suffixes.count == 0) {
		result = host->fail(error, YETT_ECONFIG,
			settings->trust.count == 0 ? "name the PEM files of the roots"
						   : "say which names their nodes have: suffixes = "
						     "[\"example.com\"]; [\"*\"] is every name",
			"auth-x509 needs `%s`, and the list is empty",
			settings->trust.count == 0 ? "trust" : "suffixes");
	}
	for (size_t i = 0; result == 0 && i < settings->trust.count; i++) {
		result = load_anchors(host, settings, trust, files[i], error);
	}
	if (result == 0) {
		result = check_authorities(host, settings, trust, error);
	}
	for (size_t i = 0; result == 0 && i < settings->crl.count; i++) {
		result = load_crls(host, trust, lists[i], error);
	}
	if (result < 0) {
		yett_x509_trust_free(trust);
		return result;
	}
	*ret_trust = trust;
	return 0;
}

void yett_x509_trust_free(struct yett_x509_trust *trust)
{
	for (size_t i = 0; i < trust->anchor_count; i++) {
		gnutls_x509_crt_deinit(trust->anchors[i].cert);
		free_list(trust->anchors[i].suffixes);
	}
	for (size_t i = 0; i < trust->crl_count; i++) {
		gnutls_x509_crl_deinit(trust->crls[i].crl);
		gnutls_free(trust->crls[i].issuer.data);
		free(trust->crls[i].path);
	}
	free(trust->anchors);
	free(trust->crls);
	free(trust);
}
