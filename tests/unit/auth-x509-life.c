/* auth-x509 beside judging: settings, reload, tokens, damaged input, threads. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth-x509-run.h"
#include "base/file.h"

static void test_check(void)
{
	struct minted leaf = mint(&x509_good, &x509_root);
	const struct minted *leaves[1] = {&leaf};
	struct {
		struct x509_setup setup;
		int want;
		const char *says;
	} table[] = {
		{ORDINARY, 0, ""},
		{{.suffixes = {"example"}}, YETT_ECONFIG, "needs `trust`"},
		{{.trust = {x509_at("root.crt")}}, YETT_ECONFIG, "needs `suffixes`"},
		{{.trust = {x509_at("none.crt")}, .suffixes = {"*"}}, YETT_ENOTFOUND, "none.crt"},
		{{.trust = {x509_at("junk")}, .suffixes = {"*"}}, YETT_ECONFIG,
			"holds no certificate"},
		{{.trust = {x509_at("leaf.crt")}, .suffixes = {"*"}}, YETT_ECONFIG,
			"no authority's certificate"},
		{{.trust = {x509_at("root.crt")}, .suffixes = {"*.example"}}, YETT_ECONFIG,
			"is no suffix"},
		{{.trust = {x509_at("root.crt")}, .suffixes = {""}}, YETT_ECONFIG, "is no suffix"},
		{{.trust = {x509_at("root.crt")}, .crl = {x509_at("none.crl")}, .suffixes = {"*"}},
			YETT_ENOTFOUND, "none.crl"},
		{{.trust = {x509_at("root.crt")}, .crl = {x509_at("junk")}, .suffixes = {"*"}},
			YETT_ECONFIG, "holds no CRL"},
		{{.trust = {x509_folder}, .suffixes = {"*"}}, YETT_ECONFIG, "is no file"},
		{{.trust = {x509_at("root.crt")},
			 .suffixes = {"*"},
			 .authorities = {{.subject = "CN=Rot"}}},
			YETT_ECONFIG, "\"CN=Rot\""},
	};
	struct yett_error error = YETT_ERROR_INIT;
	size_t last = sizeof(table) / sizeof(table[0]) - 1;

	mint_write(x509_at("leaf.crt"), leaves, 1);
	CU_ASSERT_EQUAL(yett_file_write(x509_at("junk"), "junk", 4, &error), 0);
	table[last].setup.settings.authorities =
		(struct yett_list){1, table[last].setup.authorities};
	for (size_t i = 0; i <= last; i++) {
		error = (struct yett_error)YETT_ERROR_INIT;
		int result = yett_module.life->check(x509_host, x509_fill(&table[i].setup), &error);

		if (result != table[i].want || strstr(error.text, table[i].says) == NULL) {
			fprintf(stderr, "check %zu: %d %s\n", i, result, error.text);
			CU_FAIL("check");
		}
		CU_ASSERT_EQUAL(result < 0, error.mend[0] != '\0');
	}
	minted_free(&leaf);
}

/* New roots judge live sessions; who has begun goes on with the old. */
static void test_reload(void)
{
	struct x509_setup setup = ORDINARY;
	struct x509_setup other = {.trust = {x509_at("other.crt")}, .suffixes = {"example"}};
	struct x509_setup broken = {.trust = {x509_at("none.crt")}, .suffixes = {"example"}};
	void *self = x509_create(&setup);
	struct minted leaf = mint(&x509_good, &x509_root);
	const struct minted *chain[1] = {&leaf};
	struct yett_facts facts;
	const struct yett_auth_request request = x509_asked(&facts);
	struct yett_auth_token token = {.size = sizeof(token)};
	struct yett_error error = YETT_ERROR_INIT;
	void *context = NULL;

	x509_facts(&facts, chain, 1);
	CU_ASSERT_EQUAL(x509_operations()->begin(self, &request, &context, &error), 0);
	CU_ASSERT_EQUAL(yett_module.life->reload(self, x509_fill(&broken), &error), YETT_ENOTFOUND);
	CU_ASSERT_EQUAL(x509_operations()->judge(self, &request, NULL), 0);
	CU_ASSERT_EQUAL(yett_module.life->reload(self, x509_fill(&other), &error), 0);
	CU_ASSERT_EQUAL(x509_operations()->judge(self, &request, NULL), YETT_EDENIED);
	CU_ASSERT_EQUAL(x509_operations()->step(context, NULL, 0, &token, &error), 0);
	CU_ASSERT_EQUAL(token.status, YETT_AUTH_DONE);
	x509_operations()->end(context);
	minted_free(&leaf);
	yett_module.life->destroy(self);
}

static void test_token(void)
{
	struct x509_setup setup = ORDINARY;
	void *self = x509_create(&setup);
	struct minted leaf = mint(&x509_good, &x509_root);
	const struct minted *chain[1] = {&leaf};
	struct yett_facts facts;
	const struct yett_auth_request request = x509_asked(&facts);
	struct yett_auth_token token = {.size = sizeof(token)};
	struct yett_identity identity = {.size = sizeof(identity)};
	struct yett_error error = YETT_ERROR_INIT;
	void *context = NULL;

	x509_facts(&facts, chain, 1);
	CU_ASSERT_EQUAL(x509_operations()->begin(self, &request, &context, &error), 0);
	CU_ASSERT_EQUAL(x509_operations()->identity(context, &identity), YETT_EDENIED);
	CU_ASSERT_EQUAL(x509_operations()->step(context, (const uint8_t *)"x", 1, &token, &error),
		YETT_EPROTO);
	CU_ASSERT_EQUAL(x509_operations()->identity(context, &identity), YETT_EDENIED);
	x509_operations()->end(context);
	minted_free(&leaf);
	yett_module.life->destroy(self);
}

/* Whatever bytes stand where a certificate should: refused, and nothing worse. */
static void test_damaged(void)
{
	struct x509_setup setup = ORDINARY;
	void *self = x509_create(&setup);
	struct minted leaf = mint(&x509_good, &x509_root);
	unsigned accepted_count = 0;

	for (unsigned i = 0; i < 3000; i++) {
		uint8_t *bytes = malloc(leaf.der.size);
		size_t length =
			i % 3 == 0 ? memory_world_chance(x509_world, leaf.der.size) : leaf.der.size;
		struct yett_facts facts = {.size = sizeof(facts), .chain_count = 1};
		struct x509_answer answer;

		memcpy(bytes, leaf.der.data, leaf.der.size);
		if (i % 3 != 0) {
			bytes[memory_world_chance(x509_world, leaf.der.size)] ^=
				(uint8_t)(1 << memory_world_chance(x509_world, 8));
		}
		facts.chain[0].bytes = bytes;
		facts.chain[0].length = length;
		answer = x509_run(self, &facts, YETT_ROLE_ACCEPTOR, NULL, MINT_NOW);
		accepted_count += answer.status == YETT_AUTH_DONE;
		if (answer.status != YETT_AUTH_DONE) {
			CU_ASSERT_NOT_EQUAL(answer.error.text[0], '\0');
		}
		free(bytes);
	}
	CU_ASSERT_EQUAL(accepted_count, 0);
	minted_free(&leaf);
	yett_module.life->destroy(self);
}

struct worker {
	void *self;
	const struct yett_facts *facts;
	unsigned denied;
};

static void *work(void *arg)
{
	struct worker *worker = arg;
	const struct yett_auth_request request = x509_asked(worker->facts);

	for (int i = 0; i < 200; i++) {
		worker->denied += x509_operations()->judge(worker->self, &request, NULL) != 0;
	}
	return NULL;
}

/* Judged on several threads while what is trusted is read again. */
static void test_threads(void)
{
	struct x509_setup setup = ORDINARY;
	struct minted leaf = mint(&x509_good, &x509_root);
	const struct minted *chain[1] = {&leaf};
	struct yett_facts facts;
	struct worker workers[3];
	pthread_t threads[3];
	struct yett_error error = YETT_ERROR_INIT;
	void *self;

	mint_crl(x509_at("root.crl"), &x509_root, &x509_root, NULL, 7);
	setup.crl[0] = x509_at("root.crl");
	self = x509_create(&setup);
	x509_facts(&facts, chain, 1);
	for (int i = 0; i < 3; i++) {
		workers[i] = (struct worker){self, &facts, 0};
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(yett_module.life->reload(self, x509_fill(&setup), &error), 0);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(workers[i].denied, 0);
	}
	minted_free(&leaf);
	yett_module.life->destroy(self);
}

const CU_TestInfo x509_life_tests[] = {
	{"check", test_check},
	{"reload", test_reload},
	{"tokens", test_token},
	{"damaged certificates", test_damaged},
	{"threads", test_threads},
	CU_TEST_INFO_NULL,
};
