/* auth-x509: certificates that are accepted, and each way in which they are not, with its own
 * cause. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth-x509-run.h"
#include "base/file.h"
#include "suite.h"

static void test_identity(void)
{
	struct x509_setup setup = ORDINARY;
	void *self = x509_create(&setup);
	struct mint several = x509_good;
	struct minted leaf;
	const struct minted *chain[1] = {&leaf};
	struct yett_facts facts;
	struct x509_answer answer;

	several.names[0] = "First.Example";
	several.names[1] = "a.example";
	several.until = 7;
	leaf = mint(&several, &x509_root);
	x509_facts(&facts, chain, 1);
	answer = x509_run(self, &facts, YETT_ROLE_ACCEPTOR, NULL, MINT_NOW);
	CU_ASSERT_EQUAL(answer.status, YETT_AUTH_DONE);
	CU_ASSERT_STRING_EQUAL(answer.name, "first.example");
	CU_ASSERT_STRING_EQUAL(answer.authority, "CN=Root");
	CU_ASSERT_STRING_EQUAL(answer.principal, "CN=a.example");
	CU_ASSERT_EQUAL(answer.expires_ns, (MINT_NOW + 7 * MINT_DAY) * (int64_t)YETT_SEC);
	answer = x509_run(self, &facts, YETT_ROLE_INITIATOR, "A.EXAMPLE", MINT_NOW);
	CU_ASSERT_STRING_EQUAL(answer.name, "a.example");
	answer = x509_run(self, &facts, YETT_ROLE_INITIATOR, NULL, MINT_NOW);
	CU_ASSERT_EQUAL(answer.result, YETT_EINVAL);
	facts.ephemeral = 1;
	answer = x509_run(self, &facts, YETT_ROLE_INITIATOR, "a.example", MINT_NOW);
	CU_ASSERT_EQUAL(answer.result, YETT_EUNAVAIL);
	minted_free(&leaf);
	yett_module.life->destroy(self);
}

/* One certificate each, x509_good but for one thing. */
static void test_leaf_table(void)
{
	static const struct {
		const char *label, *cause;
		struct mint what;
	} table[] = {
		{"expired", "has expired on 2027-01-05",
			{"a.example", {"a.example"}, .usages = MINT_BOTH, .from = -30,
				.until = -10}},
		{"not yet valid", "is not valid before 2027-01-20",
			{"a.example", {"a.example"}, .usages = MINT_BOTH, .from = 5}},
		{"no server usage", "server (1.3.6.1.5.5.7.3.1) is missing",
			{"a.example", {"a.example"}, .usages = MINT_CLIENT}},
		{"no client usage", "client (1.3.6.1.5.5.7.3.2) is missing",
			{"a.example", {"a.example"}, .usages = MINT_SERVER}},
		{"no usages", "server and client", {"a.example", {"a.example"}, .usages = 0}},
		{"any usage", "\"any\" does not count",
			{"a.example", {"a.example"}, .usages = MINT_ANY}},
		{"one usage and any", "\"any\" does not count",
			{"a.example", {"a.example"}, .usages = MINT_ANY | MINT_SERVER}},
		{"key usage", "does not allow it to sign",
			{"a.example", {"a.example"}, .usages = MINT_BOTH,
				.key_usage = GNUTLS_KEY_KEY_ENCIPHERMENT}},
		{"common name only", "the common name does not count",
			{"a.example", {NULL}, .usages = MINT_BOTH}},
		{"wildcard", "carries a wildcard",
			{"a.example", {"*.example"}, .usages = MINT_BOTH}},
		{"wildcard beside", "carries a wildcard",
			{"a.example", {"a.example", "*.example"}, .usages = MINT_BOTH}},
		{"partial wildcard", "carries a wildcard",
			{"a.example", {"a.example", "b*.example"}, .usages = MINT_BOTH}},
		{"a 0 byte in the name", "no host name",
			{"a.example", {"a.example\0.evil"}, 14, .usages = MINT_BOTH}},
		{"spaces in the name", "no host name",
			{"a.example", {"a example"}, .usages = MINT_BOTH}},
		{"RSA 1024", "is too weak: RSA, 1024 bits",
			{"a.example", {"a.example"}, .usages = MINT_BOTH, .rsa_bits = 1024}},
		{"SHA-1", "which can be forged",
			{"a.example", {"a.example"}, .usages = MINT_BOTH,
				.digest = GNUTLS_DIG_SHA1}},
		{"authority", "authority's certificate, not a node's",
			{"a.example", {"a.example"}, .usages = MINT_BOTH, .authority = true}},
		{"outside the suffix", "may not speak for",
			{"a.example", {"a.example.org"}, .usages = MINT_BOTH}},
		{"nearly the suffix", "may not speak for",
			{"a.example", {"a.badexample"}, .usages = MINT_BOTH}},
	};
	struct x509_setup setup = ORDINARY;
	void *self = x509_create(&setup);

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct minted leaf = mint(&table[i].what, &x509_root);
		const struct minted *chain[1] = {&leaf};
		struct yett_facts facts;

		if (strstr(table[i].cause, "speak for") != NULL) {
			/* As an initiator one would already miss the expected name. */
			struct x509_answer answer;

			x509_facts(&facts, chain, 1);
			answer = x509_run(self, &facts, YETT_ROLE_ACCEPTOR, NULL, MINT_NOW);
			CU_ASSERT_EQUAL(answer.status, YETT_AUTH_DENY);
			CU_ASSERT_PTR_NOT_NULL(strstr(answer.error.text, table[i].cause));
			answer = x509_run(self, &facts, YETT_ROLE_INITIATOR, table[i].what.names[0],
				MINT_NOW);
			CU_ASSERT_EQUAL(answer.status, YETT_AUTH_DENY);
			CU_ASSERT_PTR_NOT_NULL(strstr(answer.error.text, table[i].cause));
		} else {
			x509_refused(table[i].label, self, chain, 1, table[i].cause);
		}
		minted_free(&leaf);
	}
	x509_refused("none", self, NULL, 0, "showed no certificate");
	yett_module.life->destroy(self);
}

static void test_good_kinds(void)
{
	static const struct mint table[] = {
		{"a.example", {"a.example"}, .usages = MINT_BOTH},
		{"a.example", {"a.example"}, .usages = MINT_BOTH | MINT_ANY},
		{"a.example", {"a.example"}, .usages = MINT_BOTH, .rsa_bits = 2048},
		{"a.example", {"a.example"}, .usages = MINT_BOTH, .digest = GNUTLS_DIG_SHA384},
		{"whatever, \"x\"", {"A.EXAMPLE"}, .usages = MINT_BOTH},
	};
	struct x509_setup setup = ORDINARY;
	void *self = x509_create(&setup);

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct minted leaf = mint(&table[i], &x509_root);
		const struct minted *chain[1] = {&leaf};

		x509_accepted("good", self, chain, 1);
		minted_free(&leaf);
	}
	yett_module.life->destroy(self);
}

static void test_wrong_name(void)
{
	struct x509_setup setup = ORDINARY;
	void *self = x509_create(&setup);
	struct minted leaf = mint(&x509_good, &x509_root);
	const struct minted *chain[1] = {&leaf};
	struct yett_facts facts;
	struct x509_answer answer;

	x509_facts(&facts, chain, 1);
	answer = x509_run(self, &facts, YETT_ROLE_INITIATOR, "b.example", MINT_NOW);
	CU_ASSERT_EQUAL(answer.status, YETT_AUTH_DENY);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer.error.text, "not for b.example"));
	answer = x509_run(self, &facts, YETT_ROLE_INITIATOR, "x.a.example", MINT_NOW);
	CU_ASSERT_EQUAL(answer.status, YETT_AUTH_DENY);
	minted_free(&leaf);
	yett_module.life->destroy(self);
}

static void test_chains(void)
{
	struct x509_setup setup = ORDINARY;
	void *self = x509_create(&setup);
	struct mint authority = {.common_name = "M", .authority = true, .path_length = -1};
	struct mint leaf_only = x509_good;
	struct minted m[4], deep[2], leaf, foreign, forged, alone, by_node;
	const struct minted *chain[8];

	foreign = mint(&x509_good, &x509_other_root);
	chain[0] = &foreign;
	x509_refused("other root", self, chain, 1, "no chain leads from there");
	chain[1] = &x509_other_root;
	x509_refused("other root, shown too", self, chain, 2, "no chain leads from there");
	leaf_only.borrow_key = &x509_other_root;
	forged = mint(&leaf_only, &x509_root);
	chain[0] = &forged;
	x509_refused("forged", self, chain, 1, "does not verify");
	alone = mint(&x509_good, NULL);
	chain[0] = &alone;
	x509_refused("self-signed", self, chain, 1, "signed by itself");
	chain[0] = &x509_root;
	x509_refused("the root itself", self, chain, 1, "authority's certificate");
	chain[0] = &x509_middle;
	x509_refused("an authority", self, chain, 1, "authority's certificate");

	/* A node's certificate signs nothing. */
	leaf = mint(&x509_good, &x509_root);
	by_node = mint(&x509_good, &leaf);
	chain[0] = &by_node;
	chain[1] = &leaf;
	x509_refused("by a node", self, chain, 2, "no authority's certificate");
	minted_free(&by_node);
	minted_free(&leaf);

	/* root > m0 > m1 > m2 > leaf is five deep; one more is too many. In any order, with
	 * others in between. */
	for (unsigned i = 0; i < 4; i++) {
		char name[8];

		snprintf(name, sizeof(name), "M%u", i);
		authority.common_name = name;
		m[i] = mint(&authority, i == 0 ? &x509_root : &m[i - 1]);
	}
	deep[0] = mint(&x509_good, &m[2]);
	deep[1] = mint(&x509_good, &m[3]);
	chain[0] = &deep[0];
	chain[1] = &x509_other_root;
	chain[2] = &m[0];
	chain[3] = &m[2];
	chain[4] = &foreign;
	chain[5] = &m[1];
	chain[6] = &x509_root;
	x509_accepted("five deep", self, chain, 7);
	chain[3] = &foreign;
	x509_refused("a link missing", self, chain, 7, "no chain leads from there");
	chain[0] = &deep[1];
	for (unsigned i = 0; i < 4; i++) {
		chain[1 + i] = &m[3 - i];
	}
	x509_refused("six deep", self, chain, 5, "too deep");
	for (unsigned i = 0; i < 4; i++) {
		minted_free(&m[i]);
	}
	minted_free(&deep[0]);
	minted_free(&deep[1]);
	minted_free(&foreign);
	minted_free(&forged);
	minted_free(&alone);
	yett_module.life->destroy(self);
}

/* Each could have issued each other one: there are thousands of ways up, and none leads to a root. */
static void test_many_ways(void)
{
	struct x509_setup setup = ORDINARY;
	void *self = x509_create(&setup);
	const struct mint authority = {
		"Same", .authority = true, .path_length = -1, .no_key_ids = true};
	const struct minted *chain[YETT_FACTS_CHAIN_MAX];
	struct minted same[YETT_FACTS_CHAIN_MAX - 1], leaf;
	struct mint below = x509_good;

	for (size_t i = 0; i < YETT_FACTS_CHAIN_MAX - 1; i++) {
		same[i] = mint(&authority, NULL);
		chain[1 + i] = &same[i];
	}
	below.no_key_ids = true;
	leaf = mint(&below, &same[0]);
	chain[0] = &leaf;
	x509_refused("many ways", self, chain, YETT_FACTS_CHAIN_MAX, "leads too many ways");
	x509_refused("few ways", self, chain, 4, "no chain leads from there");
	minted_free(&leaf);
	for (size_t i = 0; i < YETT_FACTS_CHAIN_MAX - 1; i++) {
		minted_free(&same[i]);
	}
	yett_module.life->destroy(self);
}

/* What is wrong with an authority in between. */
static void test_middle_table(void)
{
	static const struct {
		const char *label, *cause;
		struct mint what;
	} table[] = {
		{"expired", "has expired on",
			{"Middle", .authority = true, .path_length = -1, .from = -30,
				.until = -10}},
		{"weak key", "the key of CN=Middle is too weak",
			{"Middle", .authority = true, .path_length = -1, .rsa_bits = 1024}},
		{"SHA-1", "CN=Middle is signed with",
			{"Middle", .authority = true, .path_length = -1,
				.digest = GNUTLS_DIG_SHA1}},
		{"servers only", "may not issue for both",
			{"Middle", .authority = true, .path_length = -1, .usages = MINT_SERVER}},
		{"other names", "its own certificate says so",
			{"Middle", .authority = true, .path_length = -1,
				.permitted = "elsewhere.example"}},
	};
	struct x509_setup setup = ORDINARY;
	void *self = x509_create(&setup);

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct minted between = mint(&table[i].what, &x509_root);
		struct minted leaf = mint(&x509_good, &between);
		const struct minted *chain[2] = {&leaf, &between};

		x509_refused(table[i].label, self, chain, 2, table[i].cause);
		minted_free(&leaf);
		minted_free(&between);
	}
	yett_module.life->destroy(self);
}

static void test_crl(void)
{
	struct minted leaf = mint(&x509_good, &x509_root);
	struct minted below = mint(&x509_good, &x509_middle);
	const struct minted *chain[1] = {&leaf};
	const struct minted *two[2] = {&below, &x509_middle};
	static const struct {
		const char *label, *cause; /* NULL: accepted */
		bool revoke, foreign_key;
		int64_t next_update;
		bool warns;
	} table[] = {
		{"fresh", NULL, false, false, 7, false},
		{"revoked", "is revoked by CN=Root", true, false, 7, false},
		{"two days stale", NULL, false, false, -2, true},
		{"four days stale", "more than three days ago", false, false, -4, false},
		{"revoked and stale", "is revoked", true, false, -4, false},
		{"forged", "has not signed", false, true, 7, true},
		{"forged, revoking", "has not signed", true, true, 7, true},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct x509_setup setup = ORDINARY;
		size_t warnings = memory_host_logged(x509_host, YETT_LOG_WARNING);
		void *self;

		mint_crl(x509_at("root.crl"), &x509_root,
			table[i].foreign_key ? &x509_other_root : &x509_root,
			table[i].revoke ? &leaf : NULL, table[i].next_update);
		setup.crl[0] = x509_at("root.crl");
		self = x509_create(&setup);
		if (table[i].cause != NULL) {
			x509_refused(table[i].label, self, chain, 1, table[i].cause);
		} else {
			x509_accepted(table[i].label, self, chain, 1);
		}
		CU_ASSERT_EQUAL(
			memory_host_logged(x509_host, YETT_LOG_WARNING) > warnings, table[i].warns);
		yett_module.life->destroy(self);
	}
	/* Of an authority below the root; and whether each must have one. */
	for (int i = 0; i < 5; i++) {
		struct x509_setup setup = ORDINARY;
		void *self;

		mint_crl(x509_at("root.crl"), &x509_root, &x509_root, i == 1 ? &x509_middle : NULL,
			7);
		mint_crl(x509_at("middle.crl"), &x509_middle, i == 4 ? &x509_root : &x509_middle,
			i == 2 ? &below : NULL, 7);
		setup.crl[0] = x509_at("root.crl");
		setup.crl[1] = i == 3 ? NULL : x509_at("middle.crl");
		setup.settings.require_crl = true;
		self = x509_create(&setup);
		switch (i) {
		case 0:
			x509_accepted("both CRLs", self, two, 2);
			break;
		case 1:
			x509_refused("authority revoked", self, two, 2, "CN=Middle is revoked by");
			break;
		case 2:
			x509_refused("revoked below", self, two, 2, "it is revoked by CN=Middle");
			break;
		case 3:
			x509_refused("a CRL is missing", self, two, 2, "no CRL of CN=Middle");
			break;
		default:
			x509_refused("signed by the root", self, two, 2, "has not signed");
			break;
		}
		yett_module.life->destroy(self);
	}
	minted_free(&leaf);
	minted_free(&below);
}

/* The files `a.crl` and `b.crl`, one behind the other, with something behind them. */
static void write_both(const char *path, const char *after)
{
	static const char *const names[] = {"a.crl", "b.crl"};
	struct yett_error error = YETT_ERROR_INIT;
	char text[16384];
	size_t total = 0;

	for (size_t i = 0; i < 2; i++) {
		char *one = NULL;
		size_t length = 0;

		CU_ASSERT_EQUAL_FATAL(
			yett_file_read(x509_at(names[i]), 8000, &one, &length, &error), 0);
		memcpy(text + total, one, length);
		total += length;
		free(one);
	}
	memcpy(text + total, after, strlen(after));
	total += strlen(after);
	CU_ASSERT_EQUAL_FATAL(yett_file_write(path, text, total, &error), 0);
}

/* A file may hold those of several authorities, or of several keys of one: each of them counts. */
static void test_crls_of_a_file(void)
{
	struct minted leaf = mint(&x509_good, &x509_root);
	const struct minted *chain[1] = {&leaf};
	static const struct {
		const char *label, *cause; /* NULL: accepted */
		bool revokes[2];           /* the first, the second */
	} table[] = {
		{"neither", NULL, {false, false}},
		{"the first", "is revoked by CN=Root", {true, false}},
		{"the second", "is revoked by CN=Root", {false, true}},
	};
	struct x509_setup setup = ORDINARY;
	struct yett_error error = YETT_ERROR_INIT;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct x509_setup with = ORDINARY;
		void *self;

		mint_crl(x509_at("a.crl"), &x509_root, &x509_root,
			table[i].revokes[0] ? &leaf : NULL, 7);
		mint_crl(x509_at("b.crl"), &x509_root, &x509_root,
			table[i].revokes[1] ? &leaf : NULL, 7);
		write_both(x509_at("both.crl"), "");
		with.crl[0] = x509_at("both.crl");
		self = x509_create(&with);
		if (table[i].cause != NULL) {
			x509_refused(table[i].label, self, chain, 1, table[i].cause);
		} else {
			x509_accepted(table[i].label, self, chain, 1);
		}
		yett_module.life->destroy(self);
	}
	/* One that is not whole is not passed over. */
	write_both(x509_at("both.crl"), "-----BEGIN X509 CRL-----\nMIIB\n");
	setup.crl[0] = x509_at("both.crl");
	CU_ASSERT_EQUAL(
		yett_module.life->check(x509_host, x509_fill(&setup), &error), YETT_ECONFIG);
	minted_free(&leaf);
}

/* A CRL that is nobody's is told of, and one that only reads like an authority's closes the door. */
static void test_crl_of_whom(void)
{
	const struct mint loud = {
		.common_name = "ROOT", .authority = true, .path_length = -1, .until = 300};
	struct minted leaf = mint(&x509_good, &x509_root), written = mint(&loud, NULL);
	const struct minted *chain[1] = {&leaf};
	struct {
		const char *label, *cause; /* NULL: accepted */
		const struct minted *issuer, *signer;
		int level; /* of the event; 0: there is none */
	} table[] = {
		{"the root's", "is revoked by CN=Root", &x509_root, &x509_root, 0},
		{"of one below", NULL, &x509_middle, &x509_middle, YETT_LOG_NOTICE},
		{"of a stranger", NULL, &x509_other_root, &x509_other_root, YETT_LOG_NOTICE},
		{"written otherwise", "in other bytes", &written, &x509_root, YETT_LOG_WARNING},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct x509_setup setup = ORDINARY;
		size_t warnings = memory_host_logged(x509_host, YETT_LOG_WARNING);
		size_t notices = memory_host_logged(x509_host, YETT_LOG_NOTICE);
		void *self;

		mint_crl(x509_at("whose.crl"), table[i].issuer, table[i].signer, &leaf, 7);
		setup.crl[0] = x509_at("whose.crl");
		self = x509_create(&setup);
		warnings = memory_host_logged(x509_host, YETT_LOG_WARNING) - warnings;
		notices = memory_host_logged(x509_host, YETT_LOG_NOTICE) - notices;
		CU_ASSERT_EQUAL(warnings, table[i].level == YETT_LOG_WARNING);
		CU_ASSERT_EQUAL(notices, table[i].level != 0);
		if (table[i].level != 0) {
			const char *last = memory_host_last(x509_host);

			CU_ASSERT_PTR_NOT_NULL(strstr(last, "crl-unused: "));
			CU_ASSERT_PTR_NOT_NULL(strstr(last, x509_at("whose.crl")));
		}
		if (table[i].cause != NULL) {
			x509_refused(table[i].label, self, chain, 1, table[i].cause);
		} else {
			x509_accepted(table[i].label, self, chain, 1);
		}
		yett_module.life->destroy(self);
	}
	minted_free(&leaf);
	minted_free(&written);
}

static void test_authorities(void)
{
	struct x509_setup setup = {
		.trust = {x509_at("root.crt"), x509_at("other.crt")}, .suffixes = {"example"}};
	struct mint wide = x509_good;
	struct minted ours, theirs;
	const struct minted *chain[1];
	struct yett_facts facts;
	struct x509_answer answer;
	void *self;

	setup.special[0] = "customer.test";
	setup.authorities[0].subject = "CN=Other";
	setup.authorities[0].suffixes = (struct yett_list){1, setup.special};
	setup.settings.authorities = (struct yett_list){1, setup.authorities};
	self = x509_create(&setup);
	wide.names[0] = "x.customer.test";
	theirs = mint(&wide, &x509_other_root);
	ours = mint(&x509_good, &x509_other_root);
	chain[0] = &theirs;
	x509_facts(&facts, chain, 1);
	answer = x509_run(self, &facts, YETT_ROLE_ACCEPTOR, NULL, MINT_NOW);
	CU_ASSERT_STRING_EQUAL(answer.name, "x.customer.test");
	CU_ASSERT_STRING_EQUAL(answer.authority, "CN=Other");
	chain[0] = &ours;
	x509_refused("a name of the other's", self, chain, 1, "may not speak for a.example");
	minted_free(&theirs);
	minted_free(&ours);
	yett_module.life->destroy(self);
	/* "*" is every name. */
	setup = (struct x509_setup){.trust = {x509_at("other.crt")}, .suffixes = {"*"}};
	self = x509_create(&setup);
	ours = mint(&x509_good, &x509_other_root);
	x509_accepted("every name", self, chain, 1);
	minted_free(&ours);
	yett_module.life->destroy(self);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"identity", test_identity},
		{"a node's certificate", test_leaf_table},
		{"kinds that are accepted", test_good_kinds},
		{"wrong name", test_wrong_name},
		{"chains", test_chains},
		{"many ways up", test_many_ways},
		{"authorities in between", test_middle_table},
		{"CRLs", test_crl},
		{"CRLs of one file", test_crls_of_a_file},
		{"CRLs, and whose they are", test_crl_of_whom},
		{"names of authorities", test_authorities},
		CU_TEST_INFO_NULL,
	};
	int result;

	x509_setup_all();
	suite_add("auth-x509", tests);
	suite_add("auth-x509, life", x509_life_tests);
	result = suite_end(argc, argv);
	x509_free_all();
	return result;
}
