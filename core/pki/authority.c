/* A stand-alone root certificate authority in a directory.
 *
 * Responsible for making it and for opening it. Not responsible for what it issues (issue.c) or
 * revokes (crl.c), for judging certificates (certificate.c, the module auth-x509) or for talking
 * to people (ctl/ca.c).
 *
 * One thread; an open authority holds a lock on its directory, so that two commands at once do not
 * lose each other's index. An existing key is never written over: a second `create` fails before
 * it has written anything. */
#include "authority.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/file.h"
#include "../base/name.h"
#include "authority_state.h"
#include "mint.h"
#include "pem.h"

#define SUFFIXES_LIMIT ((size_t)64 << 10)

char *yett_authority_path(const char *directory, const char *file)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", directory, file) < 0 ? NULL : path;
}

/* What it may speak for also stands in the authority's own certificate, so that other software
 * holds it to that too. */
static int constrain(gnutls_x509_crt_t cert, const struct yett_authority_options *options)
{
	gnutls_x509_name_constraints_t constraints = NULL;
	int result;

	if (options->suffix_count == 0) {
		return 0;
	}
	result = gnutls_x509_name_constraints_init(&constraints);
	for (size_t i = 0; result >= 0 && i < options->suffix_count; i++) {
		gnutls_datum_t name;
		char *copy = strdup(options->suffixes[i]);

		name.data = (unsigned char *)copy;
		name.size = copy != NULL ? (unsigned)strlen(copy) : 0;
		result = copy == NULL ? GNUTLS_E_MEMORY_ERROR
				      : gnutls_x509_name_constraints_add_permitted(
						constraints, GNUTLS_SAN_DNSNAME, &name);
		free(copy);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_name_constraints(cert, constraints, 1);
	}
	gnutls_x509_name_constraints_deinit(constraints);
	return result;
}

static int make_root(const struct yett_authority_options *options, gnutls_datum_t *ret_key,
	gnutls_datum_t *ret_cert)
{
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t cert = NULL;
	uint8_t serial[YETT_SERIAL_SIZE];
	char text[33];
	int days = options->days > 0 ? options->days : YETT_AUTHORITY_DAYS;
	int result;

	result = yett_mint_key(&key, ret_key);
	if (result >= 0) {
		result = yett_mint_serial(serial, text);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_init(&cert);
	}
	if (result >= 0) {
		result = yett_mint_begin(cert, key, options->name, serial, options->now,
			options->now + days * YETT_DAY_S);
	}
	if (result >= 0) {
		/* No authorities below it: what it issues are nodes. */
		result = gnutls_x509_crt_set_basic_constraints(cert, 1, 0);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_key_usage(
			cert, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
	}
	if (result >= 0) {
		result = constrain(cert, options);
	}
	if (result >= 0) {
		result = yett_mint_key_ids(cert, cert);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, ret_cert);
	}
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
	return result < 0 ? result : 0;
}

static int write_suffixes(
	const char *path, const struct yett_authority_options *options, struct yett_error *error)
{
	gnutls_datum_t data = {NULL, 0};
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);
	int result;

	if (stream == NULL) {
		return yett_fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	for (size_t i = 0; i < options->suffix_count; i++) {
		fprintf(stream, "%s\n", options->suffixes[i]);
	}
	if (options->suffix_count == 0) {
		fputs("*\n", stream);
	}
	if (fclose(stream) != 0) {
		free(text);
		return yett_fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	data.data = (unsigned char *)text;
	data.size = (unsigned)length;
	result = yett_pem_create(path, &data, 0644, error);
	free(text);
	return result;
}

int yett_authority_create(const char *directory, const struct yett_authority_options *options,
	struct yett_error *error)
{
	gnutls_datum_t key = {NULL, 0};
	gnutls_datum_t cert = {NULL, 0};
	char *key_path = yett_authority_path(directory, "ca.key");
	char *cert_path = yett_authority_path(directory, "ca.crt");
	char *suffix_path = yett_authority_path(directory, "suffixes");
	int result;

	if (key_path == NULL || cert_path == NULL || suffix_path == NULL) {
		result = yett_fail(error, YETT_ENOMEM, NULL, "out of memory");
		goto out;
	}
	if (options->name[0] == '\0' || strlen(options->name) > YETT_COMMON_MAX) {
		result = yett_fail(error, YETT_EINVAL, "give a name of 1 to 64 bytes",
			"\"%s\" cannot be the name of an authority", options->name);
		goto out;
	}
	for (size_t i = 0; i < options->suffix_count; i++) {
		if (!yett_name_is_fqdn(options->suffixes[i])) {
			result = yett_fail(error, YETT_EINVAL,
				"give the end of names, such as example.com",
				"\"%s\" is no suffix of names", options->suffixes[i]);
			goto out;
		}
	}
	if (access(key_path, F_OK) == 0 || access(cert_path, F_OK) == 0) {
		result = yett_fail(error, YETT_EEXIST, "use it as it is, or name another directory",
			"%s holds an authority already, and its key is never written over",
			directory);
		goto out;
	}
	result = make_root(options, &key, &cert);
	if (result < 0) {
		result = yett_pem_fail(error, result, "make an authority's key and certificate");
		goto out;
	}
	result = yett_file_mkdir(directory, error);
	if (result == 0) {
		result = yett_pem_create(key_path, &key, 0600, error);
	}
	if (result == 0) {
		result = write_suffixes(suffix_path, options, error);
	}
	if (result == 0) {
		result = yett_pem_create(cert_path, &cert, 0644, error);
	}
out:
	yett_mint_wipe(&key);
	yett_mint_wipe(&cert);
	free(key_path);
	free(cert_path);
	free(suffix_path);
	return result;
}

static int read_suffixes(struct yett_authority *authority, struct yett_error *error)
{
	char *path = yett_authority_path(authority->directory, "suffixes");
	char *next;
	char *line;
	size_t length = 0;
	int result;

	if (path == NULL) {
		return yett_fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	result = yett_file_read(path, SUFFIXES_LIMIT, &authority->suffix_text, &length, error);
	free(path);
	if (result < 0) {
		return result;
	}
	next = authority->suffix_text;
	while ((line = strsep(&next, "\n")) != NULL) {
		if (line[0] == '\0' || line[0] == '#') {
			continue;
		}
		if (authority->suffix_count == YETT_AUTHORITY_SUFFIXES_MAX) {
			return yett_fail(error, YETT_ELIMIT, "name fewer, shorter suffixes",
				"%s/suffixes has more than %d lines", authority->directory,
				YETT_AUTHORITY_SUFFIXES_MAX);
		}
		authority->suffixes[authority->suffix_count++] = line;
	}
	return 0;
}

static int lock_directory(struct yett_authority *authority, struct yett_error *error)
{
	authority->lock = open(authority->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (authority->lock < 0) {
		return yett_fail(error, yett_result_from_errno(errno),
			"make one with: yettctl ca init DIR; or name it with --ca DIR",
			"there is no authority at %s: %s", authority->directory, strerror(errno));
	}
	while (flock(authority->lock, LOCK_EX) != 0) {
		if (errno != EINTR) {
			return yett_fail(error, yett_result_from_errno(errno), NULL,
				"cannot lock %s: %s", authority->directory, strerror(errno));
		}
	}
	return 0;
}

/* As a signing key's (sign.c): who could read it may have issued what he likes. */
static int check_key_file(const char *path, struct yett_error *error)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & 077) != 0) {
		return yett_fail(error, YETT_EDENIED,
			"make it 0600, and think about who has read it",
			"others may read the authority's key %s", path);
	}
	return 0; /* whether it is there, loading it says */
}

static int load_authority(struct yett_authority *authority, struct yett_error *error)
{
	gnutls_x509_crt_t *certs = NULL;
	gnutls_datum_t subject = {NULL, 0};
	unsigned count = 0;
	char *key_path = yett_authority_path(authority->directory, "ca.key");
	int result;

	authority->cert_path = yett_authority_path(authority->directory, "ca.crt");
	authority->index_path = yett_authority_path(authority->directory, "index");
	if (key_path == NULL || authority->cert_path == NULL || authority->index_path == NULL) {
		result = yett_fail(error, YETT_ENOMEM, NULL, "out of memory");
		goto out;
	}
	result = yett_pem_load_certs(authority->cert_path, &certs, &count, error);
	if (result < 0) {
		goto out;
	}
	authority->cert = certs[0];
	certs[0] = NULL;
	yett_pem_free_certs(&certs, count);
	result = check_key_file(key_path, error);
	if (result == 0) {
		result = yett_pem_load_key(key_path, &authority->key, error);
	}
	if (result < 0) {
		goto out;
	}
	result = gnutls_x509_crt_get_dn3(authority->cert, &subject, 0);
	if (result < 0) {
		result = yett_pem_fail(error, result, "read the authority's name");
		goto out;
	}
	authority->subject = strdup((const char *)subject.data);
	gnutls_free(subject.data);
	result = authority->subject != NULL ? read_suffixes(authority, error) : YETT_ENOMEM;
	if (result == 0) {
		result = yett_index_read(authority->index_path, &authority->index, error);
	}
out:
	free(key_path);
	return result;
}

int yett_authority_open(
	const char *directory, struct yett_authority **ret_authority, struct yett_error *error)
{
	struct yett_authority *authority = calloc(1, sizeof(*authority));
	int result;

	if (authority == NULL) {
		return yett_fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	authority->lock = -1;
	authority->directory = strdup(directory);
	result = authority->directory != NULL ? lock_directory(authority, error) : YETT_ENOMEM;
	if (result == 0) {
		result = load_authority(authority, error);
	}
	if (result < 0) {
		yett_authority_close(&authority);
		return result;
	}
	*ret_authority = authority;
	return 0;
}

void yett_authority_close(struct yett_authority **authority)
{
	struct yett_authority *a = *authority;

	if (a == NULL) {
		return;
	}
	gnutls_x509_crt_deinit(a->cert);
	gnutls_x509_privkey_deinit(a->key);
	yett_index_done(&a->index);
	if (a->lock >= 0) {
		close(a->lock);
	}
	free(a->directory);
	free(a->cert_path);
	free(a->index_path);
	free(a->subject);
	free(a->suffix_text);
	free(a);
	*authority = NULL;
}

const char *yett_authority_subject(const struct yett_authority *authority)
{
	return authority->subject;
}

const char *yett_authority_certificate(const struct yett_authority *authority)
{
	return authority->cert_path;
}

size_t yett_authority_suffixes(
	const struct yett_authority *authority, const char *const **ret_suffixes)
{
	*ret_suffixes = (const char *const *)authority->suffixes;
	return authority->suffix_count;
}
