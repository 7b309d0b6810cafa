/* Ed25519 keys (RFC 8032), and signatures by them: of a management group and of its servers. */
#ifndef YETT_PKI_SIGN_H
#define YETT_PKI_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/error.h"

#define YETT_SIGN_PUBLIC_SIZE 32
#define YETT_SIGNATURE_SIZE   64

struct yett_sign_key; /* a private key, and its public half */

/* Makes a key and keeps it in a file, 0600, in PEM (PKCS #8); YETT_EEXIST where there is one. */
int yett_sign_generate(const char *path, struct yett_sign_key **ret_key, struct yett_error *error);
/* YETT_ENOTFOUND; YETT_EDENIED where others may read the file. */
int yett_sign_load(const char *path, struct yett_sign_key **ret_key, struct yett_error *error);
void yett_sign_free(struct yett_sign_key *key); /* NULL is fine */

const uint8_t *yett_sign_public(const struct yett_sign_key *key); /* YETT_SIGN_PUBLIC_SIZE */
int yett_sign(const struct yett_sign_key *key, const void *bytes, size_t length,
	uint8_t ret_signature[YETT_SIGNATURE_SIZE]);
/* Whether it is the signature of these bytes by the owner of this key. */
bool yett_sign_verify(const uint8_t public[YETT_SIGN_PUBLIC_SIZE], const void *bytes, size_t length,
	const uint8_t *signature, size_t signature_length);

#endif
