/* What a peer's token is made of, and what a principal names. The first byte chooses:
 *   0 to 3  as many pieces, and one more
 *   else    a principal, which is judged by three rules: this realm alone, listed realms, and accounts of
 *           machines, too
 * A piece lies within the token; a name is one that the rule's realms may speak for. */
#include "fuzz.h"

#include <ctype.h>
#include <string.h>

#include "../../modules/auth-kerberos/kerberos.h"

#define PIECES_MAX 4

static void unpack(const uint8_t *bytes, size_t length, size_t count)
{
	gss_buffer_desc pieces[PIECES_MAX] = {{0}};
	size_t total = 0;

	if (!yett_kerberos_unpack(bytes, length, pieces, count)) {
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const uint8_t *at = pieces[i].value;

		FUZZ_REQUIRE(pieces[i].length > 0 && at >= bytes);
		FUZZ_REQUIRE(at + pieces[i].length <= bytes + length);
		total += 4 + pieces[i].length;
	}
	FUZZ_REQUIRE(total == length);
}

static void check_name(const char *name)
{
	FUZZ_REQUIRE(strchr(name, '.') != NULL && strlen(name) < YETT_KERBEROS_NAME_SIZE);
	for (; *name != '\0'; name++) {
		FUZZ_REQUIRE(islower((unsigned char)*name) || isdigit((unsigned char)*name) ||
			     strchr("-._", *name) != NULL);
	}
}

static void name_of(const uint8_t *bytes, size_t length)
{
	static const char *services[] = {"host", "yett"}, *suffixes[] = {".example"};
	static struct yett_kerberos_realm_settings realms[] = {
		{.name = "EXAMPLE", .suffixes = {1, suffixes}}, {.name = "OTHER.EXAMPLE"}};
	static const struct yett_kerberos_settings settings[] = {
		{.services = {2, services}},
		{.services = {2, services}, .realms = {2, realms}},
		{.services = {2, services}, .realms = {2, realms}, .machine_accounts = true},
	};
	char *principal = malloc(length + 1);

	memcpy(principal, bytes, length);
	principal[length] = '\0';
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const struct yett_kerberos_rule rule = {&settings[i], "EXAMPLE"};
		char name[YETT_KERBEROS_NAME_SIZE] = "", realm[YETT_KERBEROS_REALM_SIZE] = "";
		struct yett_kerberos_cause cause = {0};

		if (yett_kerberos_name_of(&rule, principal, name, realm, &cause) != 0) {
			FUZZ_REQUIRE(cause.text[0] != '\0' && cause.for_peer != NULL);
			continue;
		}
		check_name(name);
		FUZZ_REQUIRE(strlen(name) > 8 && strcmp(name + strlen(name) - 8, ".example") == 0);
		FUZZ_REQUIRE(strcmp(realm, "EXAMPLE") == 0 ||
			     (i > 0 && strcmp(realm, "OTHER.EXAMPLE") == 0));
	}
	free(principal);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length == 0) {
		return 0;
	}
	if (bytes[0] < PIECES_MAX) {
		unpack(bytes + 1, length - 1, bytes[0] + 1U);
	} else {
		name_of(bytes + 1, length - 1);
	}
	return 0;
}
