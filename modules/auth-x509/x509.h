/* What the files of auth-x509 share. */
#ifndef YETT_AUTH_X509_H
#define YETT_AUTH_X509_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <yett/auth.h>

#define YETT_X509_DEPTH_MAX 5 /* certificates of a chain, the node's and the root counted */
#define YETT_X509_NAME_SIZE 256
#define YETT_X509_TEXT_SIZE 256

struct yett_x509_authority_settings {
	const char *subject;
	struct yett_list suffixes;
};

struct yett_x509_settings {
	struct yett_list trust;
	struct yett_list crl;
	struct yett_list suffixes;
	struct yett_list authorities; /* struct yett_x509_authority_settings */
	bool require_crl;
};

/* A root, and the names that it may speak for. */
struct yett_x509_anchor {
	gnutls_x509_crt_t cert;
	char subject[YETT_X509_TEXT_SIZE];
	char **suffixes; /* NULL-terminated; "*" is every name */
};

struct yett_x509_crl {
	gnutls_x509_crl_t crl;
	gnutls_datum_t issuer;          /* raw DN */
	char name[YETT_X509_TEXT_SIZE]; /* the same for people */
	int64_t next_update;            /* Unix seconds; 0: it does not say */
	/* The root that it is signed by; NULL: none, perhaps an authority below one. */
	const struct yett_x509_anchor *anchor;
	char *path;
};

/* Whom we trust. Never changes once it is made, so all threads may read it; counted. */
struct yett_x509_trust {
	unsigned references; /* under the instance's lock */
	struct yett_x509_anchor *anchors;
	size_t anchor_count;
	struct yett_x509_crl *crls;
	size_t crl_count;
	bool require_crl;
};

int yett_x509_trust_load(const struct yett_host *host, const struct yett_x509_settings *settings,
	struct yett_x509_trust **ret_trust, struct yett_error *error);
void yett_x509_trust_free(struct yett_x509_trust *trust);
bool yett_x509_crl_signed_by(gnutls_x509_crl_t crl, gnutls_x509_crt_t issuer);

/* Who the peer is, once it is judged. */
struct yett_x509_verdict {
	char authority[YETT_X509_TEXT_SIZE];
	char name[YETT_X509_NAME_SIZE];
	char principal[YETT_X509_TEXT_SIZE];
	int64_t expires_ns;
};

/* What is judged, and by what. */
struct yett_x509_case {
	const struct yett_host *host;
	const struct yett_x509_trust *trust;
	const struct yett_facts *facts;
	const char *expected_name; /* NULL: any that its authority may speak for */
	int64_t now;               /* Unix seconds */
	struct yett_error *error;
	/* The chain as shown. */
	gnutls_x509_crt_t shown[YETT_FACTS_CHAIN_MAX];
	unsigned shown_count;
	/* The chain as found: from the node's certificate upwards, without the root. */
	gnutls_x509_crt_t path[YETT_X509_DEPTH_MAX];
	unsigned path_length;
	const struct yett_x509_anchor *anchor;
	char subject[YETT_X509_TEXT_SIZE]; /* the node's certificate's */
};

/* 0, or YETT_EDENIED with the cause in `error`. Any thread. */
int yett_x509_judge(struct yett_x509_case *what, struct yett_x509_verdict *ret_verdict);

/* The parts of it: each 0, or YETT_EDENIED with a cause of its own. */
int yett_x509_find_path(struct yett_x509_case *what);
int yett_x509_check_strength(struct yett_x509_case *what, gnutls_x509_crt_t cert, bool signature);
int yett_x509_check_usages(struct yett_x509_case *what);
int yett_x509_check_revoked(struct yett_x509_case *what);
int yett_x509_check_name(struct yett_x509_case *what, char ret_name[YETT_X509_NAME_SIZE]);

/* A certificate's subject for people: what could break a line of the log is replaced. */
void yett_x509_subject(gnutls_x509_crt_t cert, char ret_text[YETT_X509_TEXT_SIZE]);
void yett_x509_issuer(gnutls_x509_crt_t cert, char ret_text[YETT_X509_TEXT_SIZE]);
void yett_x509_crl_issuer(gnutls_x509_crl_t crl, char ret_text[YETT_X509_TEXT_SIZE]);
const char *yett_x509_day(int64_t seconds, char ret_text[32]);
bool yett_x509_name_ok(const char *name);
bool yett_x509_has_suffix(const char *name, const char *suffix);

#endif
