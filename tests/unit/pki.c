/* The authority in a directory, what it issues and revokes, and what is found in certificates. The
 * commands are called as yettctl calls them. */

#include <fcntl.h>
#include <gnutls/x509.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "ctl/ctl.h"
#include "pki/authority.h"
#include "pki/certificate.h"
#include "pki/mint.h"
#include "pki/pem.h"
#include "folder.h"
#include "suite.h"

#define NOW   INT64_C(1800000000) /* 2027-01-15 */
#define DAY_S INT64_C(86400)

static char folder[] = "/tmp/yett-pki-XXXXXX";
static char output[16384]; /* stdout and stderr of the last command */

static const char *at(const char *file)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, file);
	return path;
}

/* Runs yettctl with what it prints going to `output`. */
static int command(const char *line)
{
	char text[1024];
	char *argv[24] = {"yettctl"};
	char *next = text;
	char *word;
	int argc = 1;
	int saved_out = dup(1);
	int saved_err = dup(2);
	int fd = open(at("output"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int code;
	ssize_t n;

	snprintf(text, sizeof(text), "%s", line);
	while ((word = strsep(&next, " ")) != NULL) {
		if (word[0] != '\0') {
			argv[argc++] = word;
		}
	}
	argv[argc] = NULL;
	fflush(stdout);
	dup2(fd, 1);
	dup2(fd, 2);
	code = yett_ctl_main(argc, argv);
	fflush(stdout);
	dup2(saved_out, 1);
	dup2(saved_err, 2);
	close(saved_out);
	close(saved_err);
	n = pread(fd, output, sizeof(output) - 1, 0);
	output[n > 0 ? n : 0] = '\0';
	close(fd);
	return code;
}

static void said(const char *what)
{
	if (strstr(output, what) == NULL) {
		fprintf(stderr, "wanted \"%s\" in: %s\n", what, output);
		CU_FAIL("not said");
	}
}

static int make(const char *name, const char *const *suffixes, size_t count)
{
	const struct yett_authority_options options = {
		.name = name, .suffixes = suffixes, .suffix_count = count, .now = NOW};
	struct yett_error error = YETT_ERROR_INIT;

	return yett_authority_create(at(name), &options, &error);
}

static int issue(const char *ca, const char *name, int days, int64_t not_before,
	struct yett_issue_result *ret_made, struct yett_error *error)
{
	const struct yett_issue what = {
		.name = name, .folder = folder, .days = days, .not_before = not_before};
	struct yett_authority *authority = NULL;
	int result = yett_authority_open(at(ca), &authority, error);

	if (result == 0) {
		result = yett_authority_issue(authority, &what, ret_made, error);
	}
	yett_authority_close(&authority);
	return result;
}

static unsigned mode(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (unsigned)(status.st_mode & 07777) : 0;
}

static void has_problem(const struct yett_certificate *certificate, const char *what)
{
	for (guint i = 0; i < certificate->problems->len; i++) {
		const struct yett_certificate_problem *problem =
			g_ptr_array_index(certificate->problems, i);

		if (strstr(problem->what, what) != NULL) {
			return;
		}
	}
	fprintf(stderr, "no problem \"%s\" among %u\n", what, certificate->problems->len);
	CU_FAIL("problem not found");
}

static struct yett_certificate *examine(
	const char *path, const char *name, const char *key, const char *trust, int64_t now)
{
	const struct yett_certificate_against against = {
		.name = name, .key = key, .trust = trust, .now = now};
	struct yett_certificate *certificate = NULL;
	struct yett_error error = YETT_ERROR_INIT;

	CU_ASSERT_EQUAL_FATAL(yett_certificate_examine(path, &against, &certificate, &error), 0);
	return certificate;
}

static void test_create(void)
{
	CU_ASSERT_EQUAL(make("first", NULL, 0), 0);
	CU_ASSERT_EQUAL(mode(at("first/ca.key")), 0600);
	CU_ASSERT_EQUAL(mode(at("first/ca.crt")), 0644);
	CU_ASSERT_EQUAL(mode(at("first")), 0700);
	CU_ASSERT_EQUAL(make("first", NULL, 0), YETT_EEXIST);
}

static void test_create_refuses(void)
{
	static const char *const wildcard[] = {"*.example"};
	struct yett_error error = YETT_ERROR_INIT;
	const struct yett_authority_options unnamed = {.name = "", .now = NOW};

	CU_ASSERT_EQUAL(make("bad", wildcard, 1), YETT_EINVAL);
	CU_ASSERT_EQUAL(yett_authority_create(at("bad"), &unnamed, &error), YETT_EINVAL);
	CU_ASSERT_NOT_EQUAL(error.mend[0], '\0');
	CU_ASSERT_EQUAL(access(at("bad"), F_OK), -1);
}

static void test_issue(void)
{
	struct yett_issue_result made;
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_certificate *certificate;

	CU_ASSERT_EQUAL_FATAL(issue("first", "Agent.Example.COM", 0, NOW, &made, &error), 0);
	CU_ASSERT_EQUAL(mode(made.key), 0600);
	CU_ASSERT_EQUAL(mode(made.certificate), 0644);
	certificate = examine(
		made.certificate, "agent.example.com", made.key, at("first/ca.crt"), NOW + 1);
	CU_ASSERT_EQUAL(certificate->problems->len, 0);
	for (guint i = 0; i < certificate->problems->len; i++) {
		fprintf(stderr, "problem: %s\n",
			((struct yett_certificate_problem *)g_ptr_array_index(
				 certificate->problems, i))
				->what);
	}
	CU_ASSERT_EQUAL(certificate->names->len, 1);
	CU_ASSERT_STRING_EQUAL(
		(char *)g_ptr_array_index(certificate->names, 0), "agent.example.com");
	CU_ASSERT_EQUAL(certificate->usages->len, 2);
	CU_ASSERT_EQUAL(certificate->key_bits, 256);
	CU_ASSERT_EQUAL(certificate->not_after, NOW + YETT_ISSUE_DAYS * DAY_S);
	CU_ASSERT_STRING_EQUAL(certificate->subject, "CN=agent.example.com");
	CU_ASSERT_STRING_EQUAL(certificate->issuer, "CN=first");
	CU_ASSERT_STRING_EQUAL(certificate->serial, made.serial);
	CU_ASSERT_EQUAL(strlen(certificate->fingerprint), 64);
	yett_certificate_free(&certificate);

	/* A key is never written over. */
	CU_ASSERT_EQUAL(issue("first", "agent.example.com", 0, NOW, &made, &error), YETT_EEXIST);
	/* Nor does a leaf outlive its authority. */
	memset(&error, 0, sizeof(error));
	CU_ASSERT_EQUAL(issue("first", "long.example.com", 36000, NOW, &made, &error), 0);
	CU_ASSERT_EQUAL(made.not_after, NOW + YETT_AUTHORITY_DAYS * DAY_S);
	CU_ASSERT_EQUAL(issue("first", "late.example.com", 1,
				NOW + (YETT_AUTHORITY_DAYS + 1) * DAY_S, &made, &error),
		YETT_EINVAL);
}

static void test_issue_refuses(void)
{
	static const char *const suffixes[] = {"example", "test.invalid"};
	static const struct {
		const char *name;
		int want;
	} table[] = {
		{"a.example", 0},
		{"b.test.invalid", 0},
		{"a.other", YETT_EDENIED},
		{"a.badexample", YETT_EDENIED},
		{"*.example", YETT_EINVAL},
		{"a b.example", YETT_EINVAL},
		{"../a.example", YETT_EINVAL},
		{"", YETT_EINVAL},
	};

	CU_ASSERT_EQUAL_FATAL(make("narrow", suffixes, 2), 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct yett_issue_result made;
		struct yett_error error = YETT_ERROR_INIT;
		int result = issue("narrow", table[i].name, 0, NOW, &made, &error);

		if (result != table[i].want) {
			fprintf(stderr, "%s: %d, %s\n", table[i].name, result, error.text);
		}
		CU_ASSERT_EQUAL(result, table[i].want);
		if (result < 0) {
			CU_ASSERT_NOT_EQUAL(error.text[0], '\0');
			CU_ASSERT_NOT_EQUAL(error.mend[0], '\0');
		} else {
			struct yett_certificate *certificate = examine(made.certificate,
				table[i].name, made.key, at("narrow/ca.crt"), NOW + 1);

			CU_ASSERT_EQUAL(certificate->problems->len, 0);
			yett_certificate_free(&certificate);
		}
	}
}

/* A name of up to 253 bytes has no room in a common name. */
static void test_issue_long_name(void)
{
	struct yett_issue_result made;
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_certificate *certificate;
	const char *name = "node.a-rather-long-department-name.an-even-longer-site-name."
			   "customer.example.com";

	CU_ASSERT_EQUAL_FATAL(issue("first", name, 0, NOW, &made, &error), 0);
	certificate = examine(made.certificate, name, made.key, at("first/ca.crt"), NOW + 1);
	CU_ASSERT_EQUAL(certificate->problems->len, 0);
	CU_ASSERT_STRING_EQUAL(certificate->subject, "CN=node");
	yett_certificate_free(&certificate);
}

static void test_problems(void)
{
	struct yett_issue_result made;
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_certificate *certificate;

	CU_ASSERT_EQUAL_FATAL(make("other", NULL, 0), 0);
	CU_ASSERT_EQUAL_FATAL(issue("first", "p.example.com", 10, NOW, &made, &error), 0);
	CU_ASSERT_EQUAL(chmod(made.key, 0640), 0);
	certificate = examine(made.certificate, "q.example.com", at("other/ca.key"),
		at("other/ca.crt"), NOW + 11 * DAY_S);
	has_problem(certificate, "not for q.example.com but for p.example.com");
	has_problem(certificate, "another certificate's key");
	has_problem(certificate, "no chain leads from there");
	has_problem(certificate, "expired on");
	CU_ASSERT_EQUAL(certificate->problems->len, 4);
	yett_certificate_free(&certificate);

	certificate = examine(made.certificate, NULL, made.key, NULL, NOW - 1);
	has_problem(certificate, "may be read or changed by others");
	has_problem(certificate, "not valid before");
	CU_ASSERT_EQUAL(certificate->problems->len, 2);
	yett_certificate_free(&certificate);

	certificate = examine(at("first/ca.crt"), NULL, NULL, NULL, NOW + 1);
	has_problem(certificate, "names no computer");
	has_problem(certificate, "as a server");
	has_problem(certificate, "as a client");
	has_problem(certificate, "authority's certificate");
	has_problem(certificate, "signed by itself");
	has_problem(certificate, "does not allow it to sign");
	yett_certificate_free(&certificate);
}

static void test_unreadable(void)
{
	const struct yett_certificate_against against = {.now = NOW};
	struct yett_certificate *certificate = NULL;
	struct yett_error error = YETT_ERROR_INIT;

	CU_ASSERT_EQUAL(yett_certificate_examine(at("none"), &against, &certificate, &error),
		YETT_ENOTFOUND);
	CU_ASSERT_NOT_EQUAL(error.text[0], '\0');
	memset(&error, 0, sizeof(error));
	CU_ASSERT_EQUAL(yett_file_write(at("junk"), "junk", 4, &error), 0);
	CU_ASSERT_EQUAL(yett_certificate_examine(at("junk"), &against, &certificate, &error),
		YETT_ECORRUPT);
	CU_ASSERT_PTR_NULL(certificate);
	CU_ASSERT_NOT_EQUAL(error.mend[0], '\0');
}

static int revoked(const char *crl_path, const char *cert_path)
{
	gnutls_x509_crt_t *certs = NULL;
	gnutls_x509_crt_t *roots = NULL;
	gnutls_x509_crl_t crl = NULL;
	gnutls_datum_t data = {NULL, 0};
	struct yett_error error = YETT_ERROR_INIT;
	unsigned count = 0;
	unsigned root_count = 0;
	unsigned status = 0;
	int answer;

	CU_ASSERT_EQUAL_FATAL(yett_pem_load_certs(cert_path, &certs, &count, &error), 0);
	CU_ASSERT_EQUAL_FATAL(
		yett_pem_load_certs(at("first/ca.crt"), &roots, &root_count, &error), 0);
	CU_ASSERT_EQUAL_FATAL(gnutls_load_file(crl_path, &data), 0);
	gnutls_x509_crl_init(&crl);
	CU_ASSERT_EQUAL(gnutls_x509_crl_import(crl, &data, GNUTLS_X509_FMT_PEM), 0);
	CU_ASSERT_EQUAL(gnutls_x509_crl_verify(crl, roots, 1,
				GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
					GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS,
				&status),
		0);
	/* GnuTLS goes by the computer's clock, this test by its own. */
	status &= ~(unsigned)(GNUTLS_CERT_INVALID | GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED |
			      GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE);
	CU_ASSERT_EQUAL(status, 0);
	answer = gnutls_x509_crt_check_revocation(certs[0], &crl, 1);
	gnutls_x509_crl_deinit(crl);
	gnutls_free(data.data);
	yett_pem_free_certs(&certs, count);
	yett_pem_free_certs(&roots, root_count);
	return answer;
}

static void test_revoke(void)
{
	struct yett_issue_result one;
	struct yett_issue_result two;
	struct yett_authority *authority = NULL;
	struct yett_error error = YETT_ERROR_INIT;
	size_t count = 0;

	CU_ASSERT_EQUAL_FATAL(issue("first", "r1.example.com", 0, NOW, &one, &error), 0);
	CU_ASSERT_EQUAL_FATAL(issue("first", "r2.example.com", 0, NOW, &two, &error), 0);
	CU_ASSERT_EQUAL_FATAL(yett_authority_open(at("first"), &authority, &error), 0);
	CU_ASSERT_EQUAL(yett_authority_write_crl(authority, NOW, 0, &error), 0);
	CU_ASSERT_EQUAL(revoked(at("first/ca.crl"), one.certificate), 0);
	CU_ASSERT_EQUAL(yett_authority_revoke(authority, "R1.example.com", NOW, &count, &error), 0);
	CU_ASSERT_EQUAL(count, 1);
	CU_ASSERT_EQUAL(revoked(at("first/ca.crl"), one.certificate), 1);
	CU_ASSERT_EQUAL(revoked(at("first/ca.crl"), two.certificate), 0);
	CU_ASSERT_EQUAL(yett_authority_revoke(authority, two.serial, NOW, &count, &error), 0);
	yett_authority_close(&authority);
	CU_ASSERT_EQUAL(revoked(at("first/ca.crl"), two.certificate), 1);
	/* It is remembered, and once is enough. */
	CU_ASSERT_EQUAL_FATAL(yett_authority_open(at("first"), &authority, &error), 0);
	CU_ASSERT_EQUAL(yett_authority_revoke(authority, "r1.example.com", NOW, &count, &error),
		YETT_ENOTFOUND);
	yett_authority_close(&authority);
	CU_ASSERT_EQUAL(mode(at("first/ca.crl")), 0644);
}

/* What has run out stays in the list for one more: a node whose clock is behind would take it again. */
static void test_revoked_and_run_out(void)
{
	static const struct {
		int64_t after_days; /* its end */
		int days;           /* that a list is in force; 0: as usual */
		int want;
	} table[] = {
		{-1, 0, 1},
		{1, 0, 1},
		{32, 0, 1},
		{34, 0, 0},
		{40, 90, 1},
		{94, 90, 0},
		{10, 5, 1}, /* it may have been in force for longer before */
		{34, 5, 0},
	};
	struct yett_issue_result made;
	struct yett_authority *authority = NULL;
	struct yett_error error = YETT_ERROR_INIT;
	size_t count = 0;

	CU_ASSERT_EQUAL_FATAL(issue("first", "r3.example.com", 5, NOW, &made, &error), 0);
	CU_ASSERT_EQUAL_FATAL(yett_authority_open(at("first"), &authority, &error), 0);
	CU_ASSERT_EQUAL(yett_authority_revoke(authority, "r3.example.com", NOW, &count, &error), 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int64_t now = made.not_after + table[i].after_days * YETT_DAY_S;

		CU_ASSERT_EQUAL(yett_authority_write_crl(authority, now, table[i].days, &error), 0);
		CU_ASSERT_EQUAL(revoked(at("first/ca.crl"), made.certificate), table[i].want);
	}
	yett_authority_close(&authority);
}

/* An authority's key that others may read is none. */
static void test_key_of_others(void)
{
	static const mode_t modes[] = {0640, 0604, 0660};
	struct yett_authority *authority = NULL;
	struct yett_error error = YETT_ERROR_INIT;

	CU_ASSERT_EQUAL_FATAL(make("open", NULL, 0), 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		CU_ASSERT_EQUAL_FATAL(chmod(at("open/ca.key"), modes[i]), 0);
		error = (struct yett_error)YETT_ERROR_INIT;
		CU_ASSERT_EQUAL(yett_authority_open(at("open"), &authority, &error), YETT_EDENIED);
		CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "ca.key"));
		CU_ASSERT_NOT_EQUAL(error.mend[0], '\0');
		yett_authority_close(&authority);
	}
	CU_ASSERT_EQUAL_FATAL(chmod(at("open/ca.key"), 0600), 0);
	CU_ASSERT_EQUAL(yett_authority_open(at("open"), &authority, &error), 0);
	yett_authority_close(&authority);
}

static void test_damaged_index(void)
{
	struct yett_issue_result made;
	struct yett_error error = YETT_ERROR_INIT;

	CU_ASSERT_EQUAL_FATAL(make("damaged", NULL, 0), 0);
	CU_ASSERT_EQUAL(yett_file_write(at("damaged/index"), "what\n", 5, &error), 0);
	CU_ASSERT_EQUAL(issue("damaged", "d.example.com", 0, NOW, &made, &error), YETT_ECORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "line 1"));
	CU_ASSERT_EQUAL(access(at("d.example.com.key"), F_OK), -1);
}

static void test_ca_command(void)
{
	char line[512];
	static const struct {
		const char *line;
		int want;
		const char *says;
	} table[] = {
		{"ca", 2, "say which command of ca: init issue revoke crl"},
		{"ca --help", 0, "usage: yettctl ca revoke"},
		{"ca issue --help", 0, "--not-before"},
		{"ca isue x", 2, "did you mean issue?"},
		{"ca nothing", 2, "there are: init issue revoke crl"},
		{"ca issue", 2, "wants one name"},
		{"ca issue a b", 2, "wants one name"},
		{"ca issue a.example.com --days many", 2, "from 1 to"},
		{"ca issue a.example.com --days 0", 2, "from 1 to"},
		{"ca issue a.example.com --not-before soon", 2, "--not-before"},
		{"ca issue a.example.com --colour red", 2, "--colour is no option of ca issue"},
		{"ca issue a.example.com --ca /nonexistent", 1, "yettctl ca init"},
		{"ca crl x", 2, "takes no more words"},
		{"ca init --json", 2, "has no --json"},
		{"ca init --watch", 2, "has no --watch"},
		{"sessions --watch=x", 2, "--watch wants seconds"},
		{"--colour ca crl", 2, "--colour is no option of yettctl"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		CU_ASSERT_EQUAL(command(table[i].line), table[i].want);
		said(table[i].says);
	}
	snprintf(line, sizeof(line), "ca init %s/cmd --name Commands --suffix example.com", folder);
	CU_ASSERT_EQUAL(command(line), 0);
	said("suffixes = [\"example.com\"]");
	CU_ASSERT_EQUAL(command(line), 1);
	said("never written over");
	snprintf(line, sizeof(line),
		"ca issue c.example.com --ca %s/cmd --out %s --days 20 --not-before -1d", folder,
		folder);
	CU_ASSERT_EQUAL(command(line), 0);
	said("c.example.com.crt");
	CU_ASSERT_EQUAL(command(line), 1);
	snprintf(line, sizeof(line), "ca revoke c.example.com --ca %s/cmd", folder);
	CU_ASSERT_EQUAL(command(line), 0);
	said("Revoked 1 certificate of");
	snprintf(line, sizeof(line), "ca crl --days 5 --ca %s/cmd", folder);
	CU_ASSERT_EQUAL(command(line), 0);
	said("5 days");
}

static void test_cert_command(void)
{
	char line[1024];
	json_t *root;

	snprintf(line, sizeof(line),
		"cert show %s/c.example.com.crt --name c.example.com --key %s/c.example.com.key "
		"--trust %s/cmd/ca.crt",
		folder, folder, folder);
	CU_ASSERT_EQUAL(command(line), 0);
	said("server, client");
	said("No problem found");
	snprintf(line, sizeof(line), "cert show %s/c.example.com.crt --json --name x.example.com",
		folder);
	CU_ASSERT_EQUAL(command(line), 1);
	root = json_loads(output, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(root, "problems")), 1);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(root, "key_bits")), 256);
	json_decref(root);
	CU_ASSERT_EQUAL(command("cert show /nonexistent"), 1);
	said("/nonexistent");
	CU_ASSERT_EQUAL(command("cert show"), 2);
	CU_ASSERT_EQUAL(command("cert"), 2);
	CU_ASSERT_EQUAL(command("cert shoe x"), 2);
	said("did you mean show?");
	CU_ASSERT_EQUAL(command("cert --help"), 0);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"create", test_create},
		{"create refuses", test_create_refuses},
		{"issue", test_issue},
		{"issue refuses", test_issue_refuses},
		{"a long name", test_issue_long_name},
		{"problems of a certificate", test_problems},
		{"what is no certificate", test_unreadable},
		{"revoke", test_revoke},
		{"what is revoked and has run out", test_revoked_and_run_out},
		{"a key that others may read", test_key_of_others},
		{"a damaged index", test_damaged_index},
		{"yettctl ca", test_ca_command},
		{"yettctl cert", test_cert_command},
		CU_TEST_INFO_NULL,
	};
	int result;

	if (mkdtemp(folder) == NULL) {
		return 1;
	}
	result = suite_run(argc, argv, "pki", tests);
	folder_remove(folder);
	return result;
}
