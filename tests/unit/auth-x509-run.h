/* Running auth-x509 as the core does, and what the two files of its test share. */
#ifndef YETT_TEST_AUTH_X509_RUN_H
#define YETT_TEST_AUTH_X509_RUN_H

#include <CUnit/CUnit.h>

#include "../../modules/auth-x509/x509.h"
#include "auth-x509-mint.h"
#include "base/clock.h"
#include "base/error.h"
#include "memory-host.h"

extern const struct yett_module yett_module; /* the one that is linked in */

extern char x509_folder[];
extern struct memory_world *x509_world;
extern struct yett_host *x509_host;
extern struct minted x509_root, x509_other_root, x509_middle; /* Middle is below Root */
extern const struct mint x509_good;

/* Settings that outlive the call. */
struct x509_setup {
	const char *trust[4], *crl[4], *suffixes[4];
	struct yett_x509_authority_settings authorities[2];
	const char *special[2];
	struct yett_x509_settings settings;
};

/* The root in `trust`, and its usual suffix. */
#define ORDINARY                                                                                   \
	{                                                                                          \
		.trust = {x509_at("root.crt")}, .suffixes = { "example" }                          \
	}

struct x509_answer {
	int result; /* of begin or step */
	uint32_t status;
	char peer_cause[128];
	char authority[256], name[256], principal[256];
	int64_t expires_ns;
	struct yett_error error;
};

const char *x509_at(const char *file); /* in the test's folder */
const struct yett_auth_operations *x509_operations(void);
const struct yett_x509_settings *x509_fill(struct x509_setup *setup);
void *x509_create(struct x509_setup *setup);
void x509_facts(struct yett_facts *facts, const struct minted *const *chain, unsigned n);
/* One side's whole run: begin, step, identity, end; and judge says the same. */
struct x509_answer x509_run(void *self, const struct yett_facts *facts, uint32_t role,
	const char *expected, int64_t now);
/* On both sides. */
void x509_refused(const char *label, void *self, const struct minted *const *chain, unsigned n,
	const char *cause);
void x509_accepted(const char *label, void *self, const struct minted *const *chain, unsigned n);
void x509_setup_all(void);
void x509_free_all(void);

/* An acceptor asks about these facts, now. */
struct yett_auth_request x509_asked(const struct yett_facts *facts);

extern const CU_TestInfo x509_life_tests[]; /* auth-x509-life.c */

#endif
