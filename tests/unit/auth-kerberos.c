/* Kerberos without a KDC, as tables: which node a principal is, how a turn is taken apart, and what is
 * said of the library's codes. */
#include <stdlib.h>

#include <gssapi/gssapi_ext.h>

#include "../../modules/auth-kerberos/kerberos.h"
#include "suite.h"

#define LABEL63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static const char *services[] = {"host", "yett"};
static const char *suffixes[] = {"branch.example.com", ".shop.example.com"};
static const char *any[] = {"*"};
static struct yett_kerberos_realm_settings listed[] = {
	{"HOME.EXAMPLE", {0, NULL}},
	{"BRANCH.EXAMPLE.COM", {2, suffixes}},
	{"ANY.EXAMPLE", {1, any}},
};

enum { PLAIN, LISTED, ACCOUNTS };

static struct yett_kerberos_settings settings_of(int kind)
{
	struct yett_kerberos_settings settings = {
		.services = {2, services}, .machine_accounts = kind == ACCOUNTS};

	if (kind != PLAIN) {
		settings.realms = (struct yett_list){3, listed};
	}
	return settings;
}

static void test_principals(void)
{
	static const struct {
		int kind;
		const char *principal, *want; /* NULL: nobody */
	} rows[] = {
		{PLAIN, "host/a1.home.example@HOME.EXAMPLE", "a1.home.example"},
		{PLAIN, "yett/a1.home.example@HOME.EXAMPLE", "a1.home.example"},
		{PLAIN, "host/A1.Home.Example@HOME.EXAMPLE", "a1.home.example"},
		{PLAIN, "host/home.example@HOME.EXAMPLE", "home.example"},
		{PLAIN, "host/" LABEL63 ".home.example@HOME.EXAMPLE", LABEL63 ".home.example"},
		{PLAIN, "HOST/a1.home.example@HOME.EXAMPLE", NULL},
		{PLAIN, "http/a1.home.example@HOME.EXAMPLE", NULL},
		{PLAIN, "host/a1.home.example@home.example", NULL},
		{PLAIN, "host/a1.home.example@OTHER.EXAMPLE", NULL},
		{PLAIN, "host/a1.other.example@HOME.EXAMPLE", NULL},
		{PLAIN, "host/a1.nothome.example@HOME.EXAMPLE", NULL},
		{PLAIN, "host/a1nothome.example@HOME.EXAMPLE", NULL},
		{PLAIN, "host/a1@HOME.EXAMPLE", NULL},
		{PLAIN, "host/a1.home.example", NULL},
		{PLAIN, "host/a1.home.example@", NULL},
		{PLAIN, "@HOME.EXAMPLE", NULL},
		{PLAIN, "/a1.home.example@HOME.EXAMPLE", NULL},
		{PLAIN, "host/@HOME.EXAMPLE", NULL},
		{PLAIN, "host/a1.home.example/x@HOME.EXAMPLE", NULL},
		{PLAIN, "host/a1.home.example@HOME.EXAMPLE@HOME.EXAMPLE", NULL},
		{PLAIN, "host/a1.home.example\\@HOME.EXAMPLE@OTHER.EXAMPLE", NULL},
		{PLAIN, "host/a1\\/b.home.example@HOME.EXAMPLE", NULL},
		{PLAIN, "host/a1.home.example @HOME.EXAMPLE", NULL},
		{PLAIN, "host/a1_x.home.example@HOME.EXAMPLE", NULL},
		{PLAIN, "host/*.home.example@HOME.EXAMPLE", NULL},
		{PLAIN, "host/-a.home.example@HOME.EXAMPLE", NULL},
		{PLAIN, "host/a-.home.example@HOME.EXAMPLE", NULL},
		{PLAIN, "host/.a1.home.example@HOME.EXAMPLE", NULL},
		{PLAIN, "host/a1..home.example@HOME.EXAMPLE", NULL},
		{PLAIN, "host/a1.home.example.@HOME.EXAMPLE", NULL},
		{PLAIN, "host/" LABEL63 "x.home.example@HOME.EXAMPLE", NULL},
		{PLAIN,
			"host/" LABEL63 "." LABEL63 "." LABEL63 "." LABEL63
			".home.example@HOME.EXAMPLE",
			NULL},
		{PLAIN, "a1.home.example@HOME.EXAMPLE", NULL},
		{PLAIN, "alice@HOME.EXAMPLE", NULL},
		{PLAIN, "A1$@HOME.EXAMPLE", NULL},
		{PLAIN, "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS", NULL},
		{LISTED, "host/a1.home.example@HOME.EXAMPLE", "a1.home.example"},
		{LISTED, "host/a1.branch.example.com@BRANCH.EXAMPLE.COM", "a1.branch.example.com"},
		{LISTED, "host/a1.shop.example.com@BRANCH.EXAMPLE.COM", "a1.shop.example.com"},
		{LISTED, "host/a1.home.example@BRANCH.EXAMPLE.COM", NULL},
		{LISTED, "host/a1.branch.example.com@HOME.EXAMPLE", NULL},
		{LISTED, "host/a1.wherever.org@ANY.EXAMPLE", "a1.wherever.org"},
		{LISTED, "A1$@BRANCH.EXAMPLE.COM", NULL},
		{ACCOUNTS, "A1$@BRANCH.EXAMPLE.COM", "a1.branch.example.com"},
		{ACCOUNTS, "A1$@HOME.EXAMPLE", "a1.home.example"},
		{ACCOUNTS, "A1$@OTHER.EXAMPLE", NULL},
		{ACCOUNTS, "A1@HOME.EXAMPLE", NULL},
		{ACCOUNTS, "$@HOME.EXAMPLE", NULL},
		{ACCOUNTS, "A1$$@HOME.EXAMPLE", NULL},
		{ACCOUNTS, "A.1$@HOME.EXAMPLE", NULL},
		{ACCOUNTS, "A1$@ANY.EXAMPLE", NULL}, /* "*" is no domain to put it into */
		{ACCOUNTS, "host/A1$@HOME.EXAMPLE", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct yett_kerberos_settings settings = settings_of(rows[i].kind);
		const struct yett_kerberos_rule rule = {&settings, "HOME.EXAMPLE"};
		char name[YETT_KERBEROS_NAME_SIZE] = "", realm[YETT_KERBEROS_REALM_SIZE];
		struct yett_kerberos_cause cause = {0};
		int result = yett_kerberos_name_of(&rule, rows[i].principal, name, realm, &cause);
		bool good = rows[i].want != NULL
				    ? result == 0 && strcmp(name, rows[i].want) == 0
				    : result == YETT_EDENIED && name[0] == '\0' &&
					      cause.text[0] != '\0' && cause.for_peer != NULL;

		if (!good) {
			printf("%s: %d %s (%s)\n", rows[i].principal, result, name, cause.text);
		}
		CU_ASSERT(good);
	}
}

/* A principal that is longer than any name. */
static void test_long_principal(void)
{
	const struct yett_kerberos_settings settings = settings_of(PLAIN);
	const struct yett_kerberos_rule rule = {&settings, "HOME.EXAMPLE"};
	char name[YETT_KERBEROS_NAME_SIZE], realm[YETT_KERBEROS_REALM_SIZE];
	struct yett_kerberos_cause cause;
	char *text = malloc(5001);

	memset(text, 'a', 5000);
	text[5000] = '\0';
	CU_ASSERT_EQUAL(yett_kerberos_name_of(&rule, text, name, realm, &cause), YETT_EDENIED);
	memcpy(text, "host/a1.home.example@", 21);
	CU_ASSERT_EQUAL(yett_kerberos_name_of(&rule, text, name, realm, &cause), YETT_EDENIED);
	free(text);
}

static void test_unpack(void)
{
	static const struct {
		const char *bytes;
		size_t length, count;
		bool want;
	} rows[] = {
		{"\1\0\0\0a", 5, 1, true},
		{"\1\0\0\0a\2\0\0\0bc", 11, 2, true},
		{"", 0, 1, false},
		{"\1\0\0", 3, 1, false},
		{"\1\0\0\0", 4, 1, false},
		{"\0\0\0\0", 4, 1, false},
		{"\2\0\0\0a", 5, 1, false},
		{"\1\0\0\0ab", 6, 1, false},
		{"\377\377\377\377a", 5, 1, false},
		{"\1\0\0\0a", 5, 2, false},
		{"\1\0\0\0a\3\0\0\0bc", 11, 2, false},
		{"\1\0\0\0a\1\0\0\0b", 10, 1, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* of exactly its length, so that a sanitizer sees a read beyond it */
		uint8_t *copy = malloc(rows[i].length > 0 ? rows[i].length : 1);
		gss_buffer_desc pieces[2] = {GSS_C_EMPTY_BUFFER, GSS_C_EMPTY_BUFFER};

		memcpy(copy, rows[i].bytes, rows[i].length);
		CU_ASSERT_EQUAL(yett_kerberos_unpack(copy, rows[i].length, pieces, rows[i].count),
			rows[i].want);
		if (rows[i].want) {
			CU_ASSERT_EQUAL(pieces[0].length, 1);
			CU_ASSERT_EQUAL(*(char *)pieces[0].value, 'a');
		}
		free(copy);
	}
}

/* A transport that says nothing of its channel: anything would fit it. */
static void test_can_bind(void)
{
	struct yett_facts facts = {0};

	CU_ASSERT_FALSE(yett_kerberos_can_bind(&facts));
	facts.binding[31] = 1;
	CU_ASSERT_FALSE(yett_kerberos_can_bind(&facts));
	facts.exporter[0] = 1;
	CU_ASSERT_TRUE(yett_kerberos_can_bind(&facts));
	facts.binding[31] = 0;
	CU_ASSERT_FALSE(yett_kerberos_can_bind(&facts));
}

static void test_pack(void)
{
	struct yett_kerberos_context context = {0};
	struct yett_auth_token token = {.size = sizeof(token)};
	gss_buffer_desc pieces[2] = {{3, (void *)(uintptr_t) "abc"}, {1, (void *)(uintptr_t) "d"}};
	gss_buffer_desc again[2];

	CU_ASSERT_EQUAL(yett_kerberos_pack(&context, pieces, 2, &token), 0);
	CU_ASSERT(yett_kerberos_unpack(token.bytes, token.length, again, 2));
	CU_ASSERT_EQUAL(again[0].length, 3);
	CU_ASSERT_EQUAL(memcmp(again[1].value, "d", 1), 0);
	free(context.out);
}

/* The words hold what a person has to know: names, addresses, the difference of clocks. */
static void test_causes(void)
{
	const struct yett_kerberos_about initiator = {.doing = "get a ticket",
		.realm = "HOME.EXAMPLE",
		.own_realm = "HOME.EXAMPLE",
		.client = "host/a1@HOME.EXAMPLE",
		.server = "yett/gw.home.example@HOME.EXAMPLE",
		.keytab = "a1.keytab"};
	const struct yett_kerberos_about across = {.doing = "get a ticket",
		.realm = "OTHER.EXAMPLE",
		.own_realm = "HOME.EXAMPLE",
		.client = "host/a1@HOME.EXAMPLE",
		.server = "yett/gw.other.example@OTHER.EXAMPLE"};
	const struct yett_kerberos_about acceptor = {.doing = "accept the peer's ticket",
		.realm = "HOME.EXAMPLE",
		.server = "yett",
		.keytab = "gw.keytab",
		.peer_ahead_s = -600};
	const struct {
		const struct yett_kerberos_about *about;
		krb5_error_code code;
		const char *want[2];
		const char *for_peer;
	} rows[] = {
		{&initiator, KRB5_KDC_UNREACH, {"no KDC of the realm HOME.EXAMPLE", ""}, NULL},
		{&initiator, KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN,
			{"knows no service yett/gw.home.example@HOME.EXAMPLE", "HOME.EXAMPLE"},
			NULL},
		{&across, KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN,
			{"the realms HOME.EXAMPLE and OTHER.EXAMPLE have no trust",
				"yett/gw.other.example"},
			NULL},
		{&initiator, KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, {"host/a1@HOME.EXAMPLE", ""}, NULL},
		{&initiator, KRB5KDC_ERR_KEY_EXP, {"locked host/a1@HOME.EXAMPLE", ""}, NULL},
		{&initiator, KRB5_REALM_UNKNOWN, {"no KDC of the realm HOME.EXAMPLE is known", ""},
			NULL},
		{&acceptor, KRB5KRB_AP_ERR_SKEW, {"600 s behind", "clocks differ"}, "600 s behind"},
		{&acceptor, KRB5KRB_AP_ERR_TKT_NYV, {"600 s behind", "clocks differ"},
			"600 s behind"},
		{&acceptor, KRB5KRB_AP_ERR_TKT_EXPIRED, {"600 s behind", "clocks differ"},
			"600 s behind"},
		{&acceptor, KRB5KRB_AP_ERR_BADKEYVER, {"a version of the key", "gw.keytab"},
			"key version"},
		{&acceptor, KRB5KRB_AP_ERR_BAD_INTEGRITY, {"does not fit the key", "gw.keytab"},
			"does not fit"},
		{&acceptor, KRB5KRB_AP_ERR_NOT_US, {"for a service", "gw.keytab"}, "no service"},
		{&acceptor, KRB5_KT_NOTFOUND, {"for a service", "gw.keytab"}, "no service"},
		{&initiator, KRB5_CC_END, {"cannot get a ticket", "code"}, "failed"},
	};
	krb5_context context;

	CU_ASSERT_EQUAL_FATAL(krb5_init_context(&context), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yett_kerberos_cause cause = {0};
		bool good;

		yett_kerberos_explain(context, rows[i].code, rows[i].about, &cause);
		good = strstr(cause.text, rows[i].want[0]) != NULL &&
		       strstr(cause.text, rows[i].want[1]) != NULL && cause.result < 0 &&
		       (rows[i].for_peer == NULL ||
			       (cause.for_peer != NULL &&
				       strstr(cause.for_peer, rows[i].for_peer) != NULL));
		if (!good) {
			printf("%d: %s (%s)\n", (int)rows[i].code, cause.text,
				cause.for_peer != NULL ? cause.for_peer : "-");
		}
		CU_ASSERT(good);
	}
	krb5_free_context(context);
}

static void test_causes_by_major(void)
{
	const struct yett_kerberos_about about = {.doing = "accept the peer's ticket"};
	static const struct {
		OM_uint32 major;
		const char *want, *for_peer;
	} rows[] = {
		{GSS_S_BAD_BINDINGS, "on another channel", "bound to another channel"},
		{GSS_S_BAD_MECH, "another mechanism", "another kind"},
		{GSS_S_NO_CRED, "another mechanism", "another kind"},
		{GSS_S_DEFECTIVE_TOKEN, "none of Kerberos", "broken"},
		{GSS_S_FAILURE, "accept the peer's ticket", "failed"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yett_kerberos_cause cause = {0};

		yett_kerberos_explain_gss(rows[i].major, 0, &about, &cause);
		CU_ASSERT_PTR_NOT_NULL(strstr(cause.text, rows[i].want));
		CU_ASSERT_PTR_NOT_NULL(strstr(cause.for_peer, rows[i].for_peer));
		CU_ASSERT_EQUAL(cause.result, YETT_EDENIED);
	}
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"which node a principal is", test_principals},
		{"a principal that is too long", test_long_principal},
		{"a turn taken apart", test_unpack},
		{"a channel that can be bound to", test_can_bind},
		{"a turn put together", test_pack},
		{"what is said of codes", test_causes},
		{"what is said of major codes", test_causes_by_major},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "auth-kerberos", tests);
}
