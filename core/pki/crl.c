/* What an authority has revoked.
 *
 * Responsible for marking certificates in the index as revoked and for ca.crl: every revoked
 * certificate, with the time since when, in force for a number of days, numbered upwards; of those that
 * have run out, as long as a list from before may be in use. Not responsible for bringing it to the nodes.
 *
 * One thread, under the authority's lock. The index is written first: a revocation that could not
 * be published is published with the next CRL. A CRL is replaced whole or not at all. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/file.h"
#include "authority_state.h"
#include "mint.h"
#include "pem.h"

#define LATE_S (3 * YETT_DAY_S) /* by which nodes bear with a list that was not renewed */

/* Numbers must only go up (RFC 5280, 5.2.3): the time is the floor, should the file be lost. */
static int next_number(const struct yett_authority *authority, int64_t now, uint64_t *ret_number,
	struct yett_error *error)
{
	struct yett_error ignored = YETT_ERROR_INIT;
	char *path = yett_authority_path(authority->directory, "number");
	char *text = NULL;
	char line[32];
	size_t length = 0;
	uint64_t number = now > 0 ? (uint64_t)now : 1;
	int result;

	if (path == NULL) {
		return yett_fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	if (yett_file_read(path, sizeof(line), &text, &length, &ignored) == 0) {
		uint64_t last = strtoull(text, NULL, 10);

		if (last >= number && last < UINT64_MAX) {
			number = last + 1;
		}
		free(text);
	}
	snprintf(line, sizeof(line), "%" PRIu64 "\n", number);
	result = yett_file_write(path, line, strlen(line), error);
	free(path);
	if (result == 0) {
		*ret_number = number;
	}
	return result;
}

static int add_serial(gnutls_x509_crl_t crl, const struct yett_issued *row)
{
	uint8_t serial[YETT_SERIAL_SIZE];
	size_t length = strlen(row->serial) / 2;

	for (size_t i = 0; i < length; i++) {
		unsigned byte = 0;

		if (sscanf(row->serial + 2 * i, "%2x", &byte) != 1) {
			return GNUTLS_E_PARSING_ERROR;
		}
		serial[i] = (uint8_t)byte;
	}
	return gnutls_x509_crl_set_crt_serial(crl, serial, length, (time_t)row->revoked_at);
}

static int identify(gnutls_x509_crl_t crl, gnutls_x509_crt_t issuer, uint64_t number)
{
	uint8_t id[64];
	uint8_t bytes[8];
	size_t size = sizeof(id);
	int result = gnutls_x509_crt_get_subject_key_id(issuer, id, &size, NULL);

	if (result >= 0) {
		result = gnutls_x509_crl_set_authority_key_id(crl, id, size);
	}
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(number >> (8 * (sizeof(bytes) - 1 - i)));
	}
	return result >= 0 ? gnutls_x509_crl_set_number(crl, bytes, sizeof(bytes)) : result;
}

static int make_crl(const struct yett_authority *authority, int64_t now, int64_t next,
	uint64_t number, gnutls_datum_t *ret_pem)
{
	gnutls_x509_crl_t crl = NULL;
	int64_t lasts = YETT_CRL_DAYS * YETT_DAY_S;
	int result = gnutls_x509_crl_init(&crl);

	lasts = (next - now > lasts ? next - now : lasts) + LATE_S;

	if (result >= 0) {
		result = gnutls_x509_crl_set_version(crl, 2);
	}
	if (result >= 0) {
		result = gnutls_x509_crl_set_this_update(crl, (time_t)now);
	}
	if (result >= 0) {
		result = gnutls_x509_crl_set_next_update(crl, (time_t)next);
	}
	for (size_t i = 0; result >= 0 && i < authority->index.count; i++) {
		const struct yett_issued *row = &authority->index.rows[i];

		/* What has run out is refused anyway, by clocks that go right: so it leaves the list, and
		 * not before there was one after its end (RFC 5280, 3.3). */
		if (row->revoked_at != 0 && row->not_after > now - lasts) {
			result = add_serial(crl, row);
		}
	}
	if (result >= 0) {
		result = identify(crl, authority->cert, number);
	}
	if (result >= 0) {
		result = gnutls_x509_crl_sign2(
			crl, authority->cert, authority->key, GNUTLS_DIG_SHA256, 0);
	}
	if (result >= 0) {
		result = gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, ret_pem);
	}
	gnutls_x509_crl_deinit(crl);
	return result < 0 ? result : 0;
}

int yett_authority_write_crl(
	struct yett_authority *authority, int64_t now, int days, struct yett_error *error)
{
	gnutls_datum_t pem = {NULL, 0};
	char *path = yett_authority_path(authority->directory, "ca.crl");
	int64_t next = now + (days > 0 ? days : YETT_CRL_DAYS) * YETT_DAY_S;
	uint64_t number = 0;
	int result;

	if (path == NULL) {
		return yett_fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	result = next_number(authority, now, &number, error);
	if (result < 0) {
		goto out;
	}
	result = make_crl(authority, now, next, number, &pem);
	if (result < 0) {
		result = yett_pem_fail(error, result, "make a list of what is revoked");
		goto out;
	}
	result = yett_pem_replace(path, &pem, 0644, error);
out:
	yett_mint_wipe(&pem);
	free(path);
	return result;
}

int yett_authority_revoke(struct yett_authority *authority, const char *which, int64_t now,
	size_t *ret_count, struct yett_error *error)
{
	size_t count = yett_index_revoke(&authority->index, which, now);
	int result;

	if (count == 0) {
		return yett_fail(error, YETT_ENOTFOUND,
			"the names and serial numbers are in the file index of its directory",
			"%s has issued no certificate for \"%s\" that is still in force",
			authority->subject, which);
	}
	result = yett_index_write(authority->index_path, &authority->index, error);
	if (result == 0) {
		result = yett_authority_write_crl(authority, now, 0, error);
	}
	if (result == 0) {
		*ret_count = count;
	}
	return result;
}
