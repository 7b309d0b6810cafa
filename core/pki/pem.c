/* Files of certificates and keys.
 *
 * Responsible for reading PEM files with a limit and for writing them so that nothing is lost: a
 * key is made with O_EXCL (an existing one is never written over), a CRL is replaced by rename.
 * Not responsible for what is in them (certificate.c, authority.c).
 *
 * Any thread; keeps nothing. Everything returned is the caller's. A failure leaves the file that
 * was there as it was, and no half-written new one. */
#include "pem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/file.h"

int yett_pem_fail(struct yett_error *error, int gnutls_code, const char *doing)
{
	return yett_fail(error, gnutls_code == GNUTLS_E_MEMORY_ERROR ? YETT_ENOMEM : YETT_EIO, NULL,
		"cannot %s: %s", doing, gnutls_strerror(gnutls_code));
}

/* So that the name is there after a crash too. */
static int sync_folder(const char *path)
{
	char *copy = strdup(path);
	char *slash;
	int fd;
	int result = 0;

	if (copy == NULL) {
		return ENOMEM;
	}
	slash = strrchr(copy, '/');
	if (slash != NULL) {
		slash[slash == copy ? 1 : 0] = '\0';
	}
	fd = open(slash != NULL ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0) {
		result = errno;
	}
	if (fd >= 0) {
		close(fd);
	}
	free(copy);
	return result;
}

static int write_synced(int fd, const gnutls_datum_t *data)
{
	size_t at = 0;

	while (at < data->size) {
		ssize_t n = write(fd, data->data + at, data->size - at);

		if (n < 0 && errno != EINTR) {
			return errno;
		}
		at += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) == 0 ? 0 : errno;
}

static int cannot_write(struct yett_error *error, const char *path, int number)
{
	return yett_fail(error, yett_result_from_errno(number),
		number == ENOENT   ? "make its folder first"
		: number == EACCES ? "write where you may, or run as the owner"
				   : NULL,
		"cannot write %s: %s", path, strerror(number));
}

int yett_pem_create(
	const char *path, const gnutls_datum_t *data, unsigned mode, struct yett_error *error)
{
	int number;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);

	if (fd < 0 && errno == EEXIST) {
		return yett_fail(error, YETT_EEXIST,
			"move it away first, or write to another folder",
			"%s is there already, and is never written over", path);
	}
	if (fd < 0) {
		return cannot_write(error, path, errno);
	}
	/* Whatever the umask: a key is 0600, and a certificate is for everybody. */
	number = fchmod(fd, (mode_t)mode) == 0 ? write_synced(fd, data) : errno;
	close(fd);
	if (number == 0) {
		number = sync_folder(path);
	}
	if (number != 0) {
		unlink(path);
		return cannot_write(error, path, number);
	}
	return 0;
}

int yett_pem_replace(
	const char *path, const gnutls_datum_t *data, unsigned mode, struct yett_error *error)
{
	char *beside = NULL;
	int result;

	if (asprintf(&beside, "%s.new", path) < 0) {
		return yett_fail(error, YETT_ENOMEM, NULL, "cannot write %s: out of memory", path);
	}
	/* What a crash left; the caller holds the folder's lock. */
	unlink(beside);
	result = yett_pem_create(beside, data, mode, error);
	if (result == 0 && rename(beside, path) != 0) {
		result = cannot_write(error, path, errno);
		unlink(beside);
	}
	if (result == 0) {
		int number = sync_folder(path);

		result = number != 0 ? cannot_write(error, path, number) : 0;
	}
	free(beside);
	return result;
}

/* The bytes are the caller's to free. */
static int read_datum(const char *path, gnutls_datum_t *ret_data, struct yett_error *error)
{
	char *bytes = NULL;
	size_t length = 0;
	int result = yett_file_read(path, YETT_PEM_LIMIT, &bytes, &length, error);

	if (result == 0) {
		ret_data->data = (unsigned char *)bytes;
		ret_data->size = (unsigned)length;
	}
	return result;
}

int yett_pem_load_certs(const char *path, gnutls_x509_crt_t **ret_certs, unsigned *ret_count,
	struct yett_error *error)
{
	gnutls_datum_t data;
	gnutls_x509_crt_t *certs = NULL;
	unsigned count = 0;
	int result;

	result = read_datum(path, &data, error);
	if (result < 0) {
		return result;
	}
	result = gnutls_x509_crt_list_import2(&certs, &count, &data, GNUTLS_X509_FMT_PEM, 0);
	free(data.data);
	if (result < 0 || count == 0) {
		return yett_fail(error, YETT_ECORRUPT,
			"give a PEM file (-----BEGIN CERTIFICATE-----); openssl x509 -inform DER "
			"turns DER into it",
			"%s holds no certificate: %s", path,
			result < 0 ? gnutls_strerror(result) : "it is empty");
	}
	if (count > YETT_PEM_CERTS_MAX) {
		yett_pem_free_certs(&certs, count);
		return yett_fail(error, YETT_ELIMIT, "split the file",
			"%s holds %u certificates; at most %d are read", path, count,
			YETT_PEM_CERTS_MAX);
	}
	*ret_certs = certs;
	*ret_count = count;
	return 0;
}

void yett_pem_free_certs(gnutls_x509_crt_t **certs, unsigned count)
{
	if (*certs == NULL) {
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		gnutls_x509_crt_deinit((*certs)[i]);
	}
	gnutls_free(*certs);
	*certs = NULL;
}

int yett_pem_load_key(const char *path, gnutls_x509_privkey_t *ret_key, struct yett_error *error)
{
	gnutls_datum_t data;
	gnutls_x509_privkey_t key = NULL;
	int result;

	result = read_datum(path, &data, error);
	if (result < 0) {
		return result;
	}
	result = gnutls_x509_privkey_init(&key);
	if (result >= 0) {
		result = gnutls_x509_privkey_import2(
			key, &data, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
	}
	gnutls_memset(data.data, 0, data.size);
	free(data.data);
	if (result < 0) {
		gnutls_x509_privkey_deinit(key);
		return yett_fail(error, YETT_ECORRUPT,
			result == GNUTLS_E_DECRYPTION_FAILED
				? "take the password off: openssl pkey -in FILE -out FILE.plain"
				: "give an unencrypted PEM file (-----BEGIN PRIVATE KEY-----)",
			"%s holds no key that can be read: %s", path, gnutls_strerror(result));
	}
	*ret_key = key;
	return 0;
}
