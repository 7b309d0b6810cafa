/* Running auth-x509 as the core does. See auth-x509-run.h. */
#include "auth-x509-run.h"

#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char x509_folder[] = "/tmp/yett-x509-XXXXXX";
struct memory_world *x509_world;
struct yett_host *x509_host;
struct minted x509_root, x509_other_root, x509_middle;

const char *x509_at(const char *file)
{
	static char paths[16][256];
	static unsigned next;
	char *path = paths[next++ % 16];

	snprintf(path, sizeof(paths[0]), "%s/%s", x509_folder, file);
	return path;
}

const struct yett_auth_operations *x509_operations(void)
{
	return yett_module.operations;
}

static unsigned count(const char *const *list)
{
	unsigned n = 0;

	while (n < 4 && list[n] != NULL) {
		n++;
	}
	return n;
}

const struct yett_x509_settings *x509_fill(struct x509_setup *setup)
{
	setup->settings.trust = (struct yett_list){count(setup->trust), setup->trust};
	setup->settings.crl = (struct yett_list){count(setup->crl), setup->crl};
	setup->settings.suffixes = (struct yett_list){count(setup->suffixes), setup->suffixes};
	return &setup->settings;
}

void *x509_create(struct x509_setup *setup)
{
	const struct yett_create with = {
		.size = sizeof(with), .name = "auth-x509", .settings = x509_fill(setup)};
	struct yett_error error = YETT_ERROR_INIT;
	void *self = NULL;
	int result = yett_module.life->create(x509_host, &with, &self, &error);

	if (result < 0) {
		fprintf(stderr, "create: %s\n", error.text);
	}
	CU_ASSERT_EQUAL_FATAL(result, 0);
	return self;
}

void x509_facts(struct yett_facts *facts, const struct minted *const *chain, unsigned n)
{
	memset(facts, 0, sizeof(*facts));
	facts->size = sizeof(*facts);
	facts->chain_count = n;
	for (unsigned i = 0; i < n; i++) {
		facts->chain[i].bytes = chain[i]->der.data;
		facts->chain[i].length = chain[i]->der.size;
	}
}

/* One side's whole run: begin, step, identity, end; and judge says the same. */
struct x509_answer x509_run(void *self, const struct yett_facts *facts, uint32_t role,
	const char *expected, int64_t now)
{
	const struct yett_auth_request request = {
		.size = sizeof(request),
		.role = role,
		.facts = facts,
		.expected_name = expected,
		.wall_ns = now * (int64_t)YETT_SEC,
	};
	struct x509_answer answer = {0};
	struct yett_auth_token token = {.size = sizeof(token)};
	struct yett_identity identity = {.size = sizeof(identity)};
	struct yett_error again = YETT_ERROR_INIT;
	void *context = NULL;
	int judged = x509_operations()->judge(self, &request, &again);

	answer.result = x509_operations()->begin(self, &request, &context, &answer.error);
	if (answer.result < 0) {
		return answer;
	}
	answer.result = x509_operations()->step(context, NULL, 0, &token, &answer.error);
	answer.status = token.status;
	snprintf(answer.peer_cause, sizeof(answer.peer_cause), "%s",
		token.peer_cause != NULL ? token.peer_cause : "");
	CU_ASSERT_EQUAL(token.length, 0);
	CU_ASSERT_EQUAL(judged, token.status == YETT_AUTH_DONE ? 0 : YETT_EDENIED);
	CU_ASSERT_STRING_EQUAL(again.text, answer.error.text);
	if (x509_operations()->identity(context, &identity) == 0) {
		CU_ASSERT_EQUAL(token.status, YETT_AUTH_DONE);
		CU_ASSERT_EQUAL(identity.channel_bound, 1);
		CU_ASSERT_STRING_EQUAL(identity.mechanism, "x509");
		snprintf(answer.authority, sizeof(answer.authority), "%s", identity.authority);
		snprintf(answer.name, sizeof(answer.name), "%s", identity.name);
		snprintf(answer.principal, sizeof(answer.principal), "%s", identity.principal);
		answer.expires_ns = identity.expires_ns;
	} else {
		CU_ASSERT_NOT_EQUAL(token.status, YETT_AUTH_DONE);
	}
	x509_operations()->end(context);
	return answer;
}

struct yett_auth_request x509_asked(const struct yett_facts *facts)
{
	return (struct yett_auth_request){.size = sizeof(struct yett_auth_request),
		.role = YETT_ROLE_ACCEPTOR,
		.facts = facts,
		.wall_ns = MINT_NOW * (int64_t)YETT_SEC};
}

/* Refused on both sides, with a cause that says so, a mend, and nothing given away. */
void x509_refused(const char *label, void *self, const struct minted *const *chain, unsigned n,
	const char *cause)
{
	struct yett_facts facts;

	x509_facts(&facts, chain, n);
	for (uint32_t role = YETT_ROLE_INITIATOR; role <= YETT_ROLE_ACCEPTOR; role++) {
		struct x509_answer answer = x509_run(self, &facts, role,
			role == YETT_ROLE_INITIATOR ? "a.example" : NULL, MINT_NOW);

		if (answer.result != 0 || answer.status != YETT_AUTH_DENY ||
			strstr(answer.error.text, cause) == NULL || answer.error.mend[0] == '\0') {
			fprintf(stderr, "%s (role %u): status %u, \"%s\"; \"%s\"\n", label, role,
				answer.status, answer.error.text, answer.error.mend);
			CU_FAIL("not refused as it should be");
		}
		CU_ASSERT_TRUE(
			strcmp(answer.peer_cause, "certificate not accepted") == 0 || n == 0);
	}
}

void x509_accepted(const char *label, void *self, const struct minted *const *chain, unsigned n)
{
	struct yett_facts facts;

	x509_facts(&facts, chain, n);
	for (uint32_t role = YETT_ROLE_INITIATOR; role <= YETT_ROLE_ACCEPTOR; role++) {
		struct x509_answer answer = x509_run(self, &facts, role,
			role == YETT_ROLE_INITIATOR ? "A.Example" : NULL, MINT_NOW);

		if (answer.status != YETT_AUTH_DONE) {
			fprintf(stderr, "%s: %s\n", label, answer.error.text);
		}
		CU_ASSERT_EQUAL(answer.status, YETT_AUTH_DONE);
		CU_ASSERT_STRING_EQUAL(answer.name, "a.example");
	}
}

const struct mint x509_good = {
	.common_name = "a.example", .names = {"a.example"}, .usages = MINT_BOTH};

static void make_roots(void)
{
	const struct mint authority = {
		.common_name = "Root", .authority = true, .path_length = -1, .until = 300};
	struct mint other = authority;
	const struct minted *one[1] = {&x509_root};
	const struct minted *two[1] = {&x509_other_root};

	x509_root = mint(&authority, NULL);
	other.common_name = "Other";
	x509_other_root = mint(&other, NULL);
	other.common_name = "Middle";
	x509_middle = mint(&other, &x509_root);
	mint_write(x509_at("root.crt"), one, 1);
	mint_write(x509_at("other.crt"), two, 1);
}

void x509_setup_all(void)
{
	YETT_REQUIRE(mkdtemp(x509_folder) != NULL);
	x509_world = memory_world_new(1);
	x509_host = memory_host_new(x509_world, &yett_module);
	make_roots();
}

void x509_free_all(void)
{
	minted_free(&x509_root);
	minted_free(&x509_other_root);
	minted_free(&x509_middle);
	memory_host_free(x509_host);
	YETT_REQUIRE(memory_world_free(x509_world) == 0);
	folder_remove(x509_folder);
}
