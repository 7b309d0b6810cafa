/* Certificates of every kind, also the wrong ones, for tests. */
#ifndef YETT_TEST_AUTH_X509_MINT_H
#define YETT_TEST_AUTH_X509_MINT_H

#include <stdbool.h>
#include <stdint.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define MINT_NOW INT64_C(1800000000) /* Unix seconds: the tests' time */
#define MINT_DAY INT64_C(86400)

enum mint_usage {
	MINT_SERVER = 1,
	MINT_CLIENT = 2,
	MINT_BOTH = 3,
	MINT_ANY = 4,
};

struct minted {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t cert;
	gnutls_datum_t der;
};

/* What is 0 is as it should be for a node: ECDSA P-256, SHA-256, a day old, valid for a month. */
struct mint {
	const char *common_name;
	const char *names[4]; /* SAN dNSName */
	int name_length;      /* of the first, where it holds a 0 byte */
	bool authority;
	bool no_key_ids; /* only names lead from one to the next */
	int path_length; /* of an authority: -1 any */
	unsigned usages;
	unsigned rsa_bits;
	gnutls_digest_algorithm_t digest;
	int64_t from, until; /* days from MINT_NOW */
	unsigned key_usage;
	const char *permitted;           /* name constraint of an authority */
	const struct minted *borrow_key; /* signed with another key than the issuer's */
};

/* issuer NULL: signed by itself. Aborts where GnuTLS cannot. */
struct minted mint(const struct mint *what, const struct minted *issuer);
void minted_free(struct minted *minted);
/* PEM, to a file. */
void mint_write(const char *path, const struct minted *const *certs, unsigned count);
/* A CRL in the name of `issuer`, signed by `signer`, that revokes `revoked` (may be NULL). */
void mint_crl(const char *path, const struct minted *issuer, const struct minted *signer,
	const struct minted *revoked, int64_t next_update_days);

#endif
