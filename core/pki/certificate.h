/* What a certificate says, and what would keep a Yett node from using it (M10, M19). */
#ifndef YETT_PKI_CERTIFICATE_H
#define YETT_PKI_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "../base/error.h"

struct yett_certificate_problem {
	char *what;
	char *mend;
};

struct yett_certificate {
	char *subject, *issuer;        /* RFC 4514 */
	char *serial;                  /* hexadecimal */
	GPtrArray *names;              /* char *: SAN dNSName, as written */
	GPtrArray *usages;             /* char *: OIDs of the extended key usages */
	int64_t not_before, not_after; /* Unix seconds */
	char *fingerprint;             /* SHA-256, hexadecimal */
	char *key_type;                /* "EC/ECDSA", "RSA" */
	unsigned key_bits;
	char *signature;     /* "ECDSA-SHA256" */
	bool authority;      /* it may sign others */
	unsigned chain;      /* certificates in the file, itself included */
	GPtrArray *problems; /* struct yett_certificate_problem *; empty: none found */
};

/* What to hold it against; each may be NULL. */
struct yett_certificate_against {
	const char *name;  /* that it must carry */
	const char *key;   /* file of the key that must belong to it */
	const char *trust; /* file of the roots that it must chain to */
	int64_t now;       /* Unix seconds */
};

/* `path`: PEM, the node's certificate first. Fails where it cannot be read; whatever is wrong with
 * what it says is a problem in the answer. */
int yett_certificate_examine(const char *path, const struct yett_certificate_against *against,
	struct yett_certificate **ret_certificate, struct yett_error *error);
void yett_certificate_free(struct yett_certificate **certificate);

/* "server", "client", or the OID itself. */
const char *yett_certificate_usage(const char *oid);

#endif
