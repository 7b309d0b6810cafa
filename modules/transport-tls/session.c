/* The TLS session of a channel: how it is set up, and what it has proved.
 *
 * Responsible for the parameters (TLS 1.3, ALPN, certificates asked for but not judged) and for the
 * facts: the peer's chain, the exporters, addresses. Not responsible for moving bytes (channel.c)
 * nor for trust (the auth module).
 *
 * On the loop. The session is the channel's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/x509.h>

#include "channel.h"

#define HANDSHAKE_MAX 65536 /* bytes of one handshake message: a chain, for the most part */
/* What GnuTLS verifies of a stranger, it verifies on the loop, and it knows no bounds of its own. */
#define RSA_BITS_MAX       8192
#define RSA_EXPONENT_BYTES 8

static const char alpn[] = "yett/1";

/* Without our ALPN there is no need to go on, and the alert that says so reaches a client that still
 * waits. */
static int check_alpn(gnutls_session_t session)
{
	gnutls_datum_t chosen;

	return gnutls_alpn_get_selected_protocol(session, &chosen) < 0
		       ? GNUTLS_E_NO_APPLICATION_PROTOCOL
		       : 0;
}

static size_t significant(const gnutls_datum_t *number)
{
	unsigned zeros = 0;

	while (zeros < number->size && number->data[zeros] == 0) {
		zeros++;
	}
	return number->size - zeros;
}

static int check_rsa(gnutls_x509_crt_t cert)
{
	gnutls_datum_t modulus = {NULL, 0}, exponent = {NULL, 0};
	int result = gnutls_x509_crt_get_pk_rsa_raw(cert, &modulus, &exponent);

	if (result >= 0 && (significant(&modulus) > RSA_BITS_MAX / 8 ||
				   significant(&exponent) > RSA_EXPONENT_BYTES)) {
		result = GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE;
	}
	gnutls_free(modulus.data);
	gnutls_free(exponent.data);
	return result;
}

/* Before the proof that the peer has the key of what it shows: how long it takes to verify that is the
 * peer's choice, by the size of an RSA key. */
static int check_key(gnutls_session_t session)
{
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	gnutls_x509_crt_t cert;
	int result, kind;

	if (chain == NULL || count == 0) {
		return GNUTLS_E_NO_CERTIFICATE_FOUND;
	}
	result = gnutls_x509_crt_init(&cert);
	if (result < 0) {
		return result;
	}
	result = gnutls_x509_crt_import(cert, &chain[0], GNUTLS_X509_FMT_DER);
	kind = result < 0 ? result : gnutls_x509_crt_get_pk_algorithm(cert, NULL);
	if (kind < 0) {
		result = kind;
	} else if (kind == GNUTLS_PK_RSA || kind == GNUTLS_PK_RSA_PSS) {
		result = check_rsa(cert);
	} else if (kind != GNUTLS_PK_ECDSA && kind != GNUTLS_PK_EDDSA_ED25519 &&
		   kind != GNUTLS_PK_EDDSA_ED448) {
		result = GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE;
	}
	gnutls_x509_crt_deinit(cert);
	return result < 0 ? result : 0;
}

static int on_message(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
	const gnutls_datum_t *message)
{
	(void)message;
	if (type == GNUTLS_HANDSHAKE_CLIENT_HELLO && when == GNUTLS_HOOK_POST && incoming != 0) {
		return check_alpn(session);
	}
	if (type == GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY && when == GNUTLS_HOOK_PRE &&
		incoming != 0) {
		return check_key(session);
	}
	return 0;
}

static int set_alpn(gnutls_session_t session)
{
	char copy[sizeof(alpn)];
	gnutls_datum_t protocol = {(unsigned char *)copy, sizeof(alpn) - 1};

	memcpy(copy, alpn, sizeof(alpn));
	return gnutls_alpn_set_protocols(session, &protocol, 1, GNUTLS_ALPN_MANDATORY);
}

static int set_up(struct yett_channel *channel)
{
	gnutls_session_t session = channel->session;
	bool acceptor = channel->role == YETT_ROLE_ACCEPTOR;
	int result = gnutls_priority_set(session, channel->tls->priority);

	if (result >= 0) {
		result = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
			acceptor                   ? channel->credentials->acceptor
			: channel->no_certificates ? channel->credentials->bare
						   : channel->credentials->initiator);
	}
	if (result >= 0) {
		result = set_alpn(session);
	}
	if (result >= 0 && !acceptor && channel->name != NULL) {
		result = gnutls_server_name_set(
			session, GNUTLS_NAME_DNS, channel->name, strlen(channel->name));
	}
	if (acceptor) {
		/* Asked for; to show none is for the auth module to judge. */
		gnutls_certificate_server_set_request(session,
			channel->no_certificates ? GNUTLS_CERT_IGNORE : GNUTLS_CERT_REQUEST);
	}
	gnutls_handshake_set_hook_function(
		session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_BOTH, on_message);
	gnutls_handshake_set_max_packet_length(session, HANDSHAKE_MAX);
	gnutls_transport_set_ptr(session, channel);
	gnutls_transport_set_vec_push_function(session, yett_tls_push);
	gnutls_transport_set_pull_function(session, yett_tls_pull);
	return result;
}

void yett_tls_without_certificates(struct yett_channel *channel)
{
	channel->no_certificates = true;
}

int yett_tls_session_new(struct yett_channel *channel)
{
	unsigned role = channel->role == YETT_ROLE_ACCEPTOR
				? GNUTLS_SERVER
				: GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT;
	int result;

	channel->credentials = yett_tls_credentials_ref(channel->tls->credentials);
	result = gnutls_init(&channel->session, role | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL |
							GNUTLS_NO_TICKETS |
							GNUTLS_NO_AUTO_SEND_TICKET);
	if (result >= 0) {
		result = set_up(channel);
	}
	free(channel->name);
	channel->name = NULL;
	return result;
}

static bool speaks_yett(gnutls_session_t session)
{
	gnutls_datum_t chosen;

	return gnutls_alpn_get_selected_protocol(session, &chosen) >= 0 &&
	       chosen.size == sizeof(alpn) - 1 && memcmp(chosen.data, alpn, chosen.size) == 0;
}

static int export_secret(gnutls_session_t session, const char *label, uint8_t *ret_bytes)
{
	return gnutls_prf_rfc5705(
		session, strlen(label), label, 0, NULL, YETT_EXPORTER_SIZE, (char *)ret_bytes);
}

static bool copy_chain(gnutls_session_t session, struct yett_facts *facts)
{
	unsigned count = 0;
	/* GnuTLS keeps them for as long as the session lives. */
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);

	if (chain == NULL) {
		count = 0;
	}
	if (count > YETT_FACTS_CHAIN_MAX) {
		return false;
	}
	for (unsigned i = 0; i < count; i++) {
		facts->chain[i].bytes = chain[i].data;
		facts->chain[i].length = chain[i].size;
	}
	facts->chain_count = count;
	return true;
}

static const char *word(const char *name)
{
	return name != NULL ? name : "?";
}

int yett_tls_session_facts(struct yett_channel *channel, struct yett_tls_cause *ret_cause)
{
	const struct yett_host *host = channel->tls->host;
	gnutls_session_t session = channel->session;
	struct yett_tls_facts *known;
	struct yett_facts *facts;
	int result = GNUTLS_E_MEMORY_ERROR;

	if (gnutls_protocol_get_version(session) != GNUTLS_TLS1_3) {
		*ret_cause = yett_tls_cause(session, GNUTLS_E_UNSUPPORTED_VERSION_PACKET, true);
		return ret_cause->result;
	}
	if (!speaks_yett(session)) {
		*ret_cause = yett_tls_cause(session, GNUTLS_E_NO_APPLICATION_PROTOCOL, true);
		return ret_cause->result;
	}
	known = calloc(1, sizeof(*known));
	if (known != NULL) {
		facts = &known->facts;
		facts->size = sizeof(*facts);
		facts->role = channel->role;
		facts->ephemeral = channel->credentials->ephemeral || channel->no_certificates;
		result = export_secret(session, "EXPORTER-Channel-Binding", facts->binding);
		if (result >= 0) {
			result = export_secret(session, "EXPORTER-yett-auth", facts->exporter);
		}
		if (result >= 0 && !copy_chain(session, facts)) {
			result = GNUTLS_E_HANDSHAKE_TOO_LARGE;
		}
	}
	if (result < 0) {
		free(known);
		*ret_cause = yett_tls_cause(session, result, true);
		return ret_cause->result;
	}
	host->stream_addresses(channel->stream, known->local, known->peer, sizeof(known->local));
	snprintf(known->suite, sizeof(known->suite), "%s %s %s",
		word(gnutls_protocol_get_name(gnutls_protocol_get_version(session))),
		word(gnutls_cipher_get_name(gnutls_cipher_get(session))),
		word(gnutls_group_get_name(gnutls_group_get(session))));
	facts->local_address = known->local;
	facts->peer_address = known->peer;
	facts->suite = known->suite;
	channel->facts = known;
	return 0;
}
