/* What this node shows of itself: certificate and key.
 *
 * Responsible for reading both, for refusing what could not work (no PEM, a key of another
 * certificate, a key that others may read), and for making an ephemeral certificate where none is
 * configured: self-signed, naming nobody, so that the channel has a server certificate while
 * another method authenticates. An initiator with an ephemeral one shows none. Not responsible for
 * judging anybody's certificate: that is the auth module's.
 *
 * Read on the main thread (check, create) or the loop (reload); used on the loop. Counted. A
 * failure leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include "tls.h"

#define FILE_LIMIT    (1 << 20)
#define EPHEMERAL_S   (INT64_C(3650) * 86400)
#define CLOCK_SLACK_S INT64_C(86400)
#define NANO_PER_S    INT64_C(1000000000)

static int cannot_read(const struct yett_host *host, const char *path, struct yett_error *error)
{
	int number = errno;

	return host->fail(error,
		number == ENOENT   ? YETT_ENOTFOUND
		: number == EACCES ? YETT_EPERM
				   : YETT_EIO,
		number == ENOENT   ? "name the file that there is, or make one: yettctl ca issue"
		: number == EACCES ? "let the daemon's user own the file"
				   : NULL,
		"cannot read %s: %s", path, strerror(number));
}

static int check_file(const struct yett_host *host, const char *path, int fd, bool secret,
	off_t *ret_size, struct yett_error *error)
{
	struct stat status;

	if (fstat(fd, &status) != 0) {
		return cannot_read(host, path, error);
	}
	if (!S_ISREG(status.st_mode) || status.st_size > FILE_LIMIT) {
		return host->fail(error, YETT_ECONFIG, "name a PEM file",
			"%s is no file of at most 1 MiB", path);
	}
	if (secret && (status.st_mode & 077) != 0) {
		return host->fail(error, YETT_EPERM,
			"chmod 600 it, and make a new key if others "
			"could have read it",
			"%s holds a key, and others than its owner may read or change it "
			"(mode %04o)",
			path, (unsigned)(status.st_mode & 07777));
	}
	*ret_size = status.st_size;
	return 0;
}

static void wipe(gnutls_datum_t *data)
{
	if (data->data != NULL) {
		gnutls_memset(data->data, 0, data->size);
		free(data->data);
		data->data = NULL;
	}
}

static int read_file(const struct yett_host *host, const char *path, bool secret,
	gnutls_datum_t *ret_data, struct yett_error *error)
{
	gnutls_datum_t data = {NULL, 0};
	off_t size = 0;
	int result;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		return cannot_read(host, path, error);
	}
	result = check_file(host, path, fd, secret, &size, error);
	if (result == 0 && (data.data = malloc((size_t)size + 1)) == NULL) {
		result = host->fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	while (result == 0 && (off_t)data.size < size) {
		ssize_t n = read(fd, data.data + data.size, (size_t)size - data.size);

		if (n == 0) {
			break;
		}
		if (n < 0 && errno != EINTR) {
			result = cannot_read(host, path, error);
		}
		data.size += n > 0 ? (unsigned)n : 0;
	}
	close(fd);
	if (result < 0) {
		wipe(&data); /* it may be half a key */
		return result;
	}
	*ret_data = data;
	return 0;
}

static int cannot_use(const struct yett_host *host, const struct yett_tls_settings *settings,
	int gnutls_code, struct yett_error *error)
{
	if (gnutls_code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
		return host->fail(error, YETT_ECONFIG,
			"name the key that the certificate was issued for",
			"the key %s does not belong to the certificate %s", settings->key,
			settings->certificate);
	}
	if (gnutls_code == GNUTLS_E_DECRYPTION_FAILED) {
		return host->fail(error, YETT_ECONFIG,
			"take the password off: openssl pkey -in FILE -out FILE.plain",
			"the key %s is encrypted", settings->key);
	}
	return host->fail(error, YETT_ECONFIG,
		"look at them: yettctl cert show FILE --key FILE; both are to be PEM",
		"certificate %s and key %s cannot be used: %s", settings->certificate,
		settings->key, gnutls_strerror(gnutls_code));
}

/* For views and warnings; what cannot be read stays empty. */
static void describe(struct yett_tls_credentials *credentials, gnutls_x509_crt_t cert)
{
	gnutls_datum_t subject = {NULL, 0};

	if (gnutls_x509_crt_get_dn3(cert, &subject, 0) >= 0) {
		snprintf(credentials->subject, sizeof(credentials->subject), "%s",
			(const char *)subject.data);
		gnutls_free(subject.data);
	}
	credentials->not_after = (int64_t)gnutls_x509_crt_get_expiration_time(cert);
}

static int describe_chain(const struct yett_host *host, const struct yett_tls_settings *settings,
	const gnutls_datum_t *pem, struct yett_tls_credentials *credentials,
	struct yett_error *error)
{
	gnutls_x509_crt_t *certs = NULL;
	unsigned count = 0;
	int result = gnutls_x509_crt_list_import2(&certs, &count, pem, GNUTLS_X509_FMT_PEM, 0);

	if (result < 0) {
		return host->fail(error, YETT_ECONFIG,
			"give a PEM file (-----BEGIN CERTIFICATE-----), the node's own first",
			"%s holds no certificate: %s", settings->certificate,
			gnutls_strerror(result));
	}
	if (count > 0) {
		describe(credentials, certs[0]);
	}
	for (unsigned i = 0; i < count; i++) {
		gnutls_x509_crt_deinit(certs[i]);
	}
	gnutls_free(certs);
	if (count > YETT_FACTS_CHAIN_MAX) {
		return host->fail(error, YETT_ECONFIG,
			"leave only the certificate and what leads to its root",
			"%s holds %u certificates; a peer takes at most %d", settings->certificate,
			count, YETT_FACTS_CHAIN_MAX);
	}
	return 0;
}

static int load_files(const struct yett_host *host, const struct yett_tls_settings *settings,
	struct yett_tls_credentials *credentials, struct yett_error *error)
{
	gnutls_datum_t cert = {NULL, 0};
	gnutls_datum_t key = {NULL, 0};
	int result = read_file(host, settings->certificate, false, &cert, error);

	credentials->file = strdup(settings->certificate);
	if (result == 0 && credentials->file == NULL) {
		result = host->fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	if (result == 0) {
		result = describe_chain(host, settings, &cert, credentials, error);
	}
	if (result == 0) {
		result = read_file(host, settings->key, true, &key, error);
	}
	if (result == 0) {
		int code = gnutls_certificate_set_x509_key_mem2(credentials->acceptor, &cert, &key,
			GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);

		if (code >= 0) {
			code = gnutls_certificate_set_x509_key_mem2(credentials->initiator, &cert,
				&key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
		}
		result = code < 0 ? cannot_use(host, settings, code, error) : 0;
	}
	wipe(&key);
	wipe(&cert);
	return result;
}

/* It claims nothing: a name that nobody has, signed by itself. */
static int sign_ephemeral(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key, int64_t now)
{
	static const char name[] = "ephemeral";
	uint8_t serial[16];
	int result = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	if (result >= 0) {
		result = gnutls_x509_crt_set_version(cert, 3);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_serial(cert, serial, sizeof(serial));
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_activation_time(cert, (time_t)(now - CLOCK_SLACK_S));
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_expiration_time(cert, (time_t)(now + EPHEMERAL_S));
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_dn_by_oid(
			cert, GNUTLS_OID_X520_COMMON_NAME, 0, name, sizeof(name) - 1);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_set_key(cert, key);
	}
	return result >= 0 ? gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0) : result;
}

static int make_ephemeral(const struct yett_host *host, struct yett_tls_credentials *credentials,
	struct yett_error *error)
{
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t cert = NULL;
	int result = gnutls_x509_privkey_init(&key);

	if (result >= 0) {
		result = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
			(unsigned)GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	}
	if (result >= 0) {
		result = gnutls_x509_crt_init(&cert);
	}
	if (result >= 0) {
		result = sign_ephemeral(cert, key, host->wall_ns(host->instance) / NANO_PER_S);
	}
	if (result >= 0) {
		result = gnutls_certificate_set_x509_key(credentials->acceptor, &cert, 1, key);
	}
	if (result >= 0) {
		describe(credentials, cert);
	}
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
	credentials->ephemeral = true;
	return result < 0 ? host->fail(error, YETT_EIO, NULL,
				    "cannot make an ephemeral certificate: %s",
				    gnutls_strerror(result))
			  : 0;
}

int yett_tls_credentials_load(const struct yett_host *host,
	const struct yett_tls_settings *settings, struct yett_tls_credentials **ret_credentials,
	struct yett_error *error)
{
	struct yett_tls_credentials *credentials;
	bool has_cert = settings->certificate != NULL && settings->certificate[0] != '\0';
	bool has_key = settings->key != NULL && settings->key[0] != '\0';
	int result;

	if (has_cert != has_key) {
		return host->fail(error, YETT_ECONFIG, "give both, or neither",
			"transport-tls has a %s without a %s", has_cert ? "certificate" : "key",
			has_cert ? "key" : "certificate");
	}
	credentials = calloc(1, sizeof(*credentials));
	if (credentials == NULL ||
		gnutls_certificate_allocate_credentials(&credentials->acceptor) < 0 ||
		gnutls_certificate_allocate_credentials(&credentials->initiator) < 0 ||
		gnutls_certificate_allocate_credentials(&credentials->bare) < 0) {
		result = host->fail(error, YETT_ENOMEM, NULL, "out of memory");
	} else {
		credentials->references = 1;
		result = has_cert ? load_files(host, settings, credentials, error)
				  : make_ephemeral(host, credentials, error);
	}
	if (result < 0) {
		if (credentials != NULL) {
			credentials->references = 1;
		}
		yett_tls_credentials_unref(credentials);
		return result;
	}
	*ret_credentials = credentials;
	return 0;
}

struct yett_tls_credentials *yett_tls_credentials_ref(struct yett_tls_credentials *credentials)
{
	credentials->references++;
	return credentials;
}

void yett_tls_credentials_unref(struct yett_tls_credentials *credentials)
{
	if (credentials == NULL || --credentials->references > 0) {
		return;
	}
	if (credentials->acceptor != NULL) {
		gnutls_certificate_free_credentials(credentials->acceptor);
	}
	if (credentials->initiator != NULL) {
		gnutls_certificate_free_credentials(credentials->initiator);
	}
	if (credentials->bare != NULL) {
		gnutls_certificate_free_credentials(credentials->bare);
	}
	free(credentials->file);
	free(credentials);
}
