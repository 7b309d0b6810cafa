/* Why it failed, said so that a person can mend it.
 *
 * Responsible for turning GnuTLS's codes, the peer's alerts and bytes that are no TLS at all into a
 * result, a sentence and what would mend it. Decides nothing. Keeps nothing; the texts are
 * constants (or GnuTLS's). */
#include <string.h>

#include "tls.h"

struct row {
	int code;
	struct yett_tls_cause cause;
};

static const char old_peer[] = "update the peer, or what terminates TLS in between: yett speaks "
			       "TLS 1.3 alone";
static const char no_node[] = "check address and port: something else listens or calls there";

static const struct row alerts[] = {
	{GNUTLS_A_CLOSE_NOTIFY, {YETT_ECLOSED, "the peer closed the connection", NULL}},
	{GNUTLS_A_PROTOCOL_VERSION,
		{YETT_EPROTO, "the peer refuses: it does not speak TLS 1.3", old_peer}},
	{GNUTLS_A_NO_APPLICATION_PROTOCOL,
		{YETT_EPROTO, "the peer refuses: no common ALPN, it does not speak yett/1",
			no_node}},
	{GNUTLS_A_HANDSHAKE_FAILURE, {YETT_EPROTO,
					     "the peer refuses: it shares no cipher, group or "
					     "signature with us; perhaps "
					     "it speaks only TLS 1.2",
					     old_peer}},
	{GNUTLS_A_INSUFFICIENT_SECURITY,
		{YETT_EPROTO, "the peer refuses: what we offer is too weak for it",
			"issue this node a certificate with a stronger key"}},
	{GNUTLS_A_BAD_CERTIFICATE,
		{YETT_EDENIED, "the peer refuses our certificate as damaged or wrong",
			"look at it: yettctl cert show"}},
	{GNUTLS_A_UNSUPPORTED_CERTIFICATE,
		{YETT_EDENIED, "the peer refuses our certificate: its kind is not supported there",
			"use an ECDSA P-256 or RSA certificate for both server and client"}},
	{GNUTLS_A_CERTIFICATE_REVOKED,
		{YETT_EDENIED, "the peer refuses our certificate: it is revoked",
			"have a new one issued"}},
	{GNUTLS_A_CERTIFICATE_EXPIRED,
		{YETT_EDENIED, "the peer refuses our certificate: it has expired",
			"have a new one issued, or set the clocks right"}},
	{GNUTLS_A_CERTIFICATE_UNKNOWN,
		{YETT_EDENIED, "the peer refuses our certificate", "the peer's log says why"}},
	{GNUTLS_A_UNKNOWN_CA,
		{YETT_EDENIED, "the peer refuses our certificate: it does not know the authority",
			"add its root to the peer's trusted ones"}},
	{GNUTLS_A_CERTIFICATE_REQUIRED,
		{YETT_EDENIED, "the peer refuses: it wants a certificate and was shown none",
			"configure `certificate` and `key` of transport-tls"}},
	{GNUTLS_A_ACCESS_DENIED, {YETT_EDENIED, "the peer refuses us", "the peer's log says why"}},
	{GNUTLS_A_UNRECOGNIZED_NAME,
		{YETT_EDENIED, "the peer refuses: it is not the node that we named",
			"check the name and address of the upstream"}},
	{GNUTLS_A_INTERNAL_ERROR,
		{YETT_EPROTO, "the peer failed within itself", "the peer's log says why"}},
	{GNUTLS_A_DECRYPT_ERROR,
		{YETT_EPROTO,
			"the peer could not verify what we sent: a key does not match, or "
			"someone changed it on its way",
			NULL}},
	{GNUTLS_A_BAD_RECORD_MAC,
		{YETT_EPROTO, "the peer received a damaged or forged record", NULL}},
};

static const struct row codes[] = {
	{GNUTLS_E_NO_APPLICATION_PROTOCOL,
		{YETT_EPROTO, "no common ALPN: the peer is no yett node (it does not speak yett/1)",
			no_node}},
	{GNUTLS_E_UNSUPPORTED_VERSION_PACKET,
		{YETT_EPROTO, "the peer speaks only TLS 1.2 or older", old_peer}},
	/* Every TLS 1.3 has AES-128-GCM (RFC 8446, 9.1): who has no cipher of ours has no 1.3. */
	{GNUTLS_E_NO_CIPHER_SUITES,
		{YETT_EPROTO, "the peer speaks only TLS 1.2 or older", old_peer}},
	{GNUTLS_E_NO_COMMON_KEY_SHARE,
		{YETT_EPROTO, "no cipher, group or signature is common to both",
			"update the peer: AES-GCM, X25519 or P-256 and SHA-256 are needed"}},
	{GNUTLS_E_INSUFFICIENT_SECURITY,
		{YETT_EPROTO, "no cipher, group or signature is common to both",
			"update the peer: AES-GCM, X25519 or P-256 and SHA-256 are needed"}},
	{GNUTLS_E_PREMATURE_TERMINATION,
		{YETT_ECLOSED, "the connection was cut without a TLS close alert", NULL}},
	{GNUTLS_E_PUSH_ERROR, {YETT_ECLOSED, "the connection broke while sending", NULL}},
	{GNUTLS_E_PULL_ERROR, {YETT_ECLOSED, "the connection broke while receiving", NULL}},
	{GNUTLS_E_DECRYPTION_FAILED,
		{YETT_EPROTO, "a record was damaged or forged on its way", NULL}},
	{GNUTLS_E_PK_SIG_VERIFY_FAILED,
		{YETT_EPROTO, "the peer does not have the key of the certificate that it shows",
			"give the peer the key that belongs to its certificate"}},
	{GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE,
		{YETT_ELIMIT,
			"the key of the peer's certificate is larger than allowed, or of no known "
			"kind",
			"have it issued for ECDSA P-256, or RSA with 2048 to 8192 bits"}},
	{GNUTLS_E_CERTIFICATE_ERROR, {YETT_EPROTO, "the peer's certificates cannot be read",
					     "look at the peer's: yettctl cert show"}},
	{GNUTLS_E_RECORD_OVERFLOW, {YETT_EPROTO, "a record is longer than TLS allows", no_node}},
	{GNUTLS_E_HANDSHAKE_TOO_LARGE,
		{YETT_ELIMIT, "the peer's handshake is larger than allowed",
			"show fewer certificates: the chain without what is not needed"}},
	{GNUTLS_E_UNEXPECTED_PACKET,
		{YETT_EPROTO, "what the peer sends is no TLS handshake", no_node}},
	{GNUTLS_E_UNEXPECTED_PACKET_LENGTH,
		{YETT_EPROTO, "what the peer sends is no well-formed TLS", no_node}},
	{GNUTLS_E_UNEXPECTED_HANDSHAKE_PACKET,
		{YETT_EPROTO, "the peer's TLS messages come out of order", no_node}},
	{GNUTLS_E_MEMORY_ERROR, {YETT_ENOMEM, "out of memory", NULL}},
};

static const struct yett_tls_cause *find(const struct row *rows, size_t count, int code)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].code == code) {
			return &rows[i].cause;
		}
	}
	return NULL;
}

struct yett_tls_cause yett_tls_cause(
	gnutls_session_t session, int gnutls_code, bool during_handshake)
{
	const struct yett_tls_cause *found;
	struct yett_tls_cause cause = {YETT_EPROTO, NULL, NULL};

	if (gnutls_code == GNUTLS_E_FATAL_ALERT_RECEIVED ||
		gnutls_code == GNUTLS_E_WARNING_ALERT_RECEIVED) {
		int alert = (int)gnutls_alert_get(session);

		found = find(alerts, sizeof(alerts) / sizeof(alerts[0]), alert);
		cause.text = gnutls_alert_get_name((gnutls_alert_description_t)alert);
		cause.mend = "that is the alert that the peer sent; its log says why";
	} else {
		found = find(codes, sizeof(codes) / sizeof(codes[0]), gnutls_code);
		cause.text = gnutls_strerror(gnutls_code);
		cause.mend = during_handshake ? no_node : NULL;
	}
	if (found != NULL) {
		return *found;
	}
	if (cause.text == NULL) {
		cause.text = "the peer sent an unknown alert";
	}
	return cause;
}

bool yett_tls_no_tls(const uint8_t *first, size_t length, struct yett_tls_cause *ret_cause)
{
	static const char *const http[] = {
		"GET ", "POST", "HEAD", "PUT ", "OPTI", "CONN", "DELE", "HTTP", "PRI "};

	/* A record of TLS begins with its type (handshake or alert) and 3, the major version. */
	if (length == 0 ||
		((first[0] == 0x16 || first[0] == 0x15) && (length == 1 || first[1] == 3))) {
		return false;
	}
	ret_cause->result = YETT_EPROTO;
	ret_cause->text = "the peer sends random bytes, not TLS";
	ret_cause->mend = no_node;
	for (size_t i = 0; i < sizeof(http) / sizeof(http[0]); i++) {
		if (memcmp(first, http[i], length < 4 ? length : 4) == 0) {
			ret_cause->text = "the peer speaks plain HTTP, not TLS";
		}
	}
	return true;
}
