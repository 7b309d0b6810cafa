/* transport-tls against what is no yett node: other versions, other protocols, damaged and random
 * bytes. Each is closed with its cause, on both sides, and nothing is left. */

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "transport-ends.h"

#include "../../modules/transport-tls/tls.h"
#include "suite.h"

#define TIMEOUT_NS (10 * YETT_SEC)
#define DAMAGED    1500

#define TLS13 "NORMAL:-VERS-ALL:+VERS-TLS1.3"
#define TLS12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"

/* A peer by GnuTLS alone, with parameters of its own; or without TLS. */
struct raw {
	struct yett_host *host;
	struct yett_stream *stream;
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	GByteArray *in;
	bool ended;
	int result; /* of its handshake, once it failed */
	gnutls_alert_description_t alert;
};

static ssize_t raw_push(gnutls_transport_ptr_t arg, const void *bytes, size_t length)
{
	struct raw *raw = arg;
	struct iovec iov = {.iov_len = length};

	memcpy(&iov.iov_base, &bytes, sizeof(bytes));
	return raw->host->stream_try_write(raw->stream, &iov, 1) == (ssize_t)length
		       ? (ssize_t)length
		       : -1;
}

static ssize_t raw_pull(gnutls_transport_ptr_t arg, void *ret_bytes, size_t length)
{
	struct raw *raw = arg;
	size_t take = MIN(length, raw->in->len);

	if (take == 0) {
		gnutls_transport_set_errno(raw->session, raw->ended ? 0 : EAGAIN);
		return raw->ended ? 0 : -1;
	}
	memcpy(ret_bytes, raw->in->data, take);
	g_byte_array_remove_range(raw->in, 0, (guint)take);
	return (ssize_t)take;
}

static void raw_drive(struct raw *raw)
{
	char bytes[256];
	int result = raw->session != NULL ? gnutls_handshake(raw->session) : GNUTLS_E_AGAIN;

	/* A client may be done before it is refused. */
	if (raw->session != NULL && result == 0) {
		result = (int)gnutls_record_recv(raw->session, bytes, sizeof(bytes));
	}
	if (raw->session != NULL && raw->result == 0 && result < 0 &&
		gnutls_error_is_fatal(result)) {
		raw->result = result;
		raw->alert = gnutls_alert_get(raw->session);
		if (result != GNUTLS_E_FATAL_ALERT_RECEIVED) {
			gnutls_alert_send_appropriate(raw->session, result);
		}
	}
}

static void raw_read(void *arg, int result, const uint8_t *bytes, size_t length)
{
	struct raw *raw = arg;

	if (result != 0) {
		raw->ended = true;
	} else {
		g_byte_array_append(raw->in, bytes, (guint)length);
	}
	raw_drive(raw);
}

static gnutls_x509_privkey_t ecdsa_key(void)
{
	gnutls_x509_privkey_t key;

	gnutls_x509_privkey_init(&key);
	gnutls_x509_privkey_generate(
		key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	return key;
}

/* Signed by itself; with an extension of so many bytes that means nothing, where it is not 0. */
static gnutls_x509_crt_t make_cert(gnutls_x509_privkey_t key, unsigned bytes)
{
	uint8_t *zeros = g_malloc0(bytes);
	gnutls_x509_crt_t cert;

	gnutls_x509_crt_init(&cert);
	gnutls_x509_crt_set_version(cert, 3);
	gnutls_x509_crt_set_serial(cert, "\1", 1);
	gnutls_x509_crt_set_activation_time(cert, 1);
	gnutls_x509_crt_set_expiration_time(cert, INT32_MAX);
	gnutls_x509_crt_set_key(cert, key);
	if (bytes > 0) {
		gnutls_x509_crt_set_extension_by_oid(cert, "1.2.3.4", zeros, bytes, 0);
	}
	gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0);
	g_free(zeros);
	return cert;
}

static void self_sign(gnutls_certificate_credentials_t credentials)
{
	gnutls_x509_privkey_t key = ecdsa_key();
	gnutls_x509_crt_t cert = make_cert(key, 0);

	CU_ASSERT_EQUAL(gnutls_certificate_set_x509_key(credentials, &cert, 1, key), 0);
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
}

static void raw_begin(struct raw *raw, unsigned flags, const char *priority, const char *alpn)
{
	gnutls_datum_t protocol = {NULL, 0};

	gnutls_certificate_allocate_credentials(&raw->credentials);
	self_sign(raw->credentials);
	gnutls_init(&raw->session, flags | GNUTLS_NONBLOCK);
	CU_ASSERT_EQUAL(gnutls_priority_set_direct(raw->session, priority, NULL), 0);
	gnutls_credentials_set(raw->session, GNUTLS_CRD_CERTIFICATE, raw->credentials);
	gnutls_transport_set_ptr(raw->session, raw);
	gnutls_transport_set_push_function(raw->session, raw_push);
	gnutls_transport_set_pull_function(raw->session, raw_pull);
	if (alpn != NULL) {
		protocol.data = (unsigned char *)g_strdup(alpn);
		protocol.size = (unsigned)strlen(alpn);
		gnutls_alpn_set_protocols(raw->session, &protocol, 1, 0);
		g_free(protocol.data);
	}
}

static void raw_init(struct raw *raw, struct memory_world *world)
{
	memset(raw, 0, sizeof(*raw));
	raw->host = memory_host_new(world, NULL);
	raw->in = g_byte_array_new();
}

static void raw_done(struct raw *raw)
{
	if (raw->stream != NULL) {
		raw->host->stream_close(raw->stream);
	}
	if (raw->session != NULL) {
		gnutls_deinit(raw->session);
		gnutls_certificate_free_credentials(raw->credentials);
	}
	g_byte_array_free(raw->in, TRUE);
	memory_host_free(raw->host);
}

static void raw_connected(void *arg, int result, struct yett_stream *stream)
{
	CU_ASSERT_EQUAL_FATAL(result, 0);
	((struct raw *)arg)->stream = stream;
}

/* To the gateway, and reads what comes. */
static void raw_connect(struct raw *raw, struct memory_world *world)
{
	raw_init(raw, world);
	raw->host->connect(
		raw->host->instance, "gateway:1", NULL, TIMEOUT_NS, raw_connected, raw, NULL);
	memory_run(world);
	raw->host->stream_read_start(raw->stream, raw_read, raw);
}

static void raw_accepted(void *arg, struct yett_stream *stream)
{
	struct raw *raw = arg;

	raw->stream = stream;
	raw->host->stream_read_start(stream, raw_read, raw);
}

static void expect(const char *label, const struct end *end, int result, const char *text)
{
	if (end->closeds != 1 || end->ups != 0 || end->result != result ||
		strstr(end->text, text) == NULL || end->mend[0] == '\0') {
		fprintf(stderr, "%s: ups %u, closed %u, result %d, \"%s\"; \"%s\"\n", label,
			end->ups, end->closeds, end->result, end->text, end->mend);
		CU_FAIL("not closed as it should be");
	}
}

/* Strangers that connect to us. */
static void test_strangers(void)
{
	static const struct {
		const char *label, *priority, *alpn, *bytes, *want;
		size_t length;
		gnutls_alert_description_t alert;
	} table[] = {
		{"TLS 1.2 only", TLS12, "yett/1", NULL, "only TLS 1.2", 0,
			GNUTLS_A_PROTOCOL_VERSION},
		{"TLS 1.2 and 1.1", "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.1", NULL, NULL,
			"only TLS 1.2", 0, GNUTLS_A_PROTOCOL_VERSION},
		{"another ALPN", TLS13, "h2", NULL, "no common ALPN", 0,
			GNUTLS_A_NO_APPLICATION_PROTOCOL},
		{"a longer ALPN", TLS13, "yett/11", NULL, "no common ALPN", 0,
			GNUTLS_A_NO_APPLICATION_PROTOCOL},
		{"no ALPN", TLS13, NULL, NULL, "no common ALPN", 0,
			GNUTLS_A_NO_APPLICATION_PROTOCOL},
		{"another group", TLS13 ":-GROUP-ALL:+GROUP-SECP521R1", "yett/1", NULL,
			"common to both", 0, GNUTLS_A_HANDSHAKE_FAILURE},
		{"HTTP", NULL, NULL, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "plain HTTP", 27, 0},
		{"random bytes", NULL, NULL, "\x80\x01\x02\x03\x04\x05", "random bytes", 6, 0},
		{"SSH", NULL, NULL, "SSH-2.0-OpenSSH_9.2\r\n", "random bytes", 21, 0},
		{"nearly TLS", NULL, NULL, "\x16\x07\x01\x00\x05hello", "random bytes", 10, 0},
		{"a record too long", NULL, NULL, "\x16\x03\x01\xff\xff\x01\x00\x00\x00\x00", "",
			10, 0},
		{"an alert", NULL, NULL, "\x15\x03\x03\x00\x02\x02\x28", "", 7, 0},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (size_t chunk = 0; chunk <= 3; chunk += 3) {
			struct memory_world *world = memory_world_new(i);
			struct transport *gateway = transport_new(world, "", "");
			struct end end;
			struct raw raw;

			memory_world_limits(world, chunk, 0);
			transport_listen(gateway, "gateway:1");
			end_init(&end);
			gateway->accepted = &end;
			raw_connect(&raw, world);
			if (table[i].bytes != NULL) {
				struct iovec iov = {g_memdup2(table[i].bytes, table[i].length),
					table[i].length};

				raw.host->stream_try_write(raw.stream, &iov, 1);
				g_free(iov.iov_base);
			} else {
				raw_begin(&raw, GNUTLS_CLIENT, table[i].priority, table[i].alpn);
				raw_drive(&raw);
			}
			memory_run(world);
			expect(table[i].label, &end, YETT_EPROTO,
				/* From one byte one cannot tell what it would have become. */
				chunk == 0 || table[i].priority != NULL ? table[i].want : "");
			if (table[i].alert != 0) {
				CU_ASSERT_EQUAL(raw.result, GNUTLS_E_FATAL_ALERT_RECEIVED);
				CU_ASSERT_EQUAL(raw.alert, table[i].alert);
			}
			raw_done(&raw);
			end_done(&end);
			memory_advance(world, 5 * YETT_SEC);
			transport_free(gateway);
			CU_ASSERT_EQUAL(memory_world_free(world), 0);
		}
	}
}

/* What answers where a gateway should be. */
static void test_wrong_servers(void)
{
	static const struct {
		const char *label, *priority, *alpn, *bytes, *want;
	} table[] = {
		{"TLS 1.2 only", TLS12, "yett/1", NULL, "only TLS 1.2"},
		{"another ALPN", TLS13, "h2", NULL, "no common ALPN"},
		{"no ALPN", TLS13, NULL, NULL, "no common ALPN"},
		{"HTTP", NULL, NULL, "HTTP/1.1 400 Bad Request\r\n\r\n", ""},
		{"SSH", NULL, NULL, "SSH-2.0-OpenSSH_9.2\r\n", ""},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct memory_world *world = memory_world_new(i);
		struct transport *agent = transport_new(world, "", "");
		struct yett_listener *listener = NULL;
		struct end end;
		struct raw raw;

		end_init(&end);
		raw_init(&raw, world);
		if (table[i].priority != NULL) {
			raw_begin(&raw, GNUTLS_SERVER, table[i].priority, table[i].alpn);
		}
		raw.host->listen(raw.host->instance, "raw:1", raw_accepted, &raw, &listener, NULL);
		end_connect(&end, agent, "raw:1", TIMEOUT_NS);
		memory_run(world);
		if (table[i].bytes != NULL) {
			struct iovec iov = {g_memdup2(table[i].bytes, strlen(table[i].bytes)),
				strlen(table[i].bytes)};

			raw.host->stream_try_write(raw.stream, &iov, 1);
			g_free(iov.iov_base);
			memory_run(world);
		}
		expect(table[i].label, &end, YETT_EPROTO, table[i].want);
		raw.host->listener_close(listener);
		raw_done(&raw);
		end_done(&end);
		memory_advance(world, 5 * YETT_SEC);
		transport_free(agent);
		CU_ASSERT_EQUAL(memory_world_free(world), 0);
	}
}

/* An RSA key that nobody has the private half of: what it signs is no signature. */

struct odd_key {
	const char *label, *want;
	unsigned modulus_bytes, exponent_bytes;
	gnutls_pk_algorithm_t kind;
	int result;
};

static int rsa_info(gnutls_privkey_t key, unsigned flags, void *arg)
{
	const struct odd_key *odd = arg;
	gnutls_sign_algorithm_t algorithm = odd->kind == GNUTLS_PK_RSA
						    ? GNUTLS_SIGN_RSA_PSS_RSAE_SHA256
						    : GNUTLS_SIGN_RSA_PSS_SHA256;

	(void)key;
	return flags == GNUTLS_PRIVKEY_INFO_PK_ALGO        ? (int)odd->kind
	       : flags == GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS ? (int)odd->modulus_bytes * 8
	       : (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO) != 0
		       ? GNUTLS_FLAGS_TO_SIGN_ALGO(flags) == algorithm
		       : 0;
}

static int rsa_sign(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *arg,
	unsigned flags, const gnutls_datum_t *data, gnutls_datum_t *ret_signature)
{
	const struct odd_key *odd = arg;

	(void)key;
	(void)algorithm;
	(void)flags;
	(void)data;
	ret_signature->data = gnutls_malloc(odd->modulus_bytes);
	ret_signature->size = odd->modulus_bytes;
	memset(ret_signature->data, 0x5a, odd->modulus_bytes);
	return 0;
}

static void show_rsa(struct raw *raw, struct odd_key *odd)
{
	gnutls_datum_t modulus = {g_malloc(odd->modulus_bytes), odd->modulus_bytes};
	gnutls_datum_t exponent = {g_malloc(odd->exponent_bytes), odd->exponent_bytes};
	gnutls_x509_spki_t spki;
	gnutls_x509_privkey_t issuer = ecdsa_key();
	gnutls_pubkey_t public;
	gnutls_privkey_t private;
	gnutls_x509_crt_t cert, authority = make_cert(issuer, 0);
	gnutls_pcert_st pcert; /* what it refers to is given */

	memset(modulus.data, 0xd5, odd->modulus_bytes);
	memset(exponent.data, 0x75, odd->exponent_bytes);
	gnutls_pubkey_init(&public);
	CU_ASSERT_EQUAL_FATAL(gnutls_pubkey_import_rsa_raw(public, &modulus, &exponent), 0);
	gnutls_x509_crt_init(&cert);
	gnutls_x509_crt_set_version(cert, 3);
	gnutls_x509_crt_set_serial(cert, "\1", 1);
	gnutls_x509_crt_set_activation_time(cert, 1);
	gnutls_x509_crt_set_expiration_time(cert, INT32_MAX);
	gnutls_x509_crt_set_pubkey(cert, public);
	if (odd->kind == GNUTLS_PK_RSA_PSS) {
		gnutls_x509_spki_init(&spki);
		gnutls_x509_spki_set_rsa_pss_params(spki, GNUTLS_DIG_SHA256, 32);
		CU_ASSERT_EQUAL(gnutls_x509_crt_set_spki(cert, spki, 0), 0);
		gnutls_x509_spki_deinit(spki);
	}
	CU_ASSERT_EQUAL(gnutls_x509_crt_sign2(cert, authority, issuer, GNUTLS_DIG_SHA256, 0), 0);
	CU_ASSERT_EQUAL(gnutls_pcert_import_x509(&pcert, cert, 0), 0);
	gnutls_privkey_init(&private);
	CU_ASSERT_EQUAL(
		gnutls_privkey_import_ext4(private, odd, NULL, rsa_sign, NULL, NULL, rsa_info, 0),
		0);
	gnutls_certificate_free_credentials(raw->credentials);
	gnutls_certificate_allocate_credentials(&raw->credentials);
	/* Whether the private key belongs to the certificate cannot be asked of this one. */
	gnutls_certificate_set_flags(raw->credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
	CU_ASSERT_EQUAL(
		gnutls_certificate_set_key(raw->credentials, NULL, 0, &pcert, 1, private), 0);
	gnutls_credentials_set(raw->session, GNUTLS_CRD_CERTIFICATE, raw->credentials);
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_crt_deinit(authority);
	gnutls_x509_privkey_deinit(issuer);
	gnutls_pubkey_deinit(public);
	g_free(modulus.data);
	g_free(exponent.data);
}

/* How long it takes to verify what somebody has signed is for their key to decide: before that, its size is
 * looked at, of those that connect and of those that are connected to. */
static void test_rsa_sizes(void)
{
	static struct odd_key table[] = {
		{"usual", "does not have the key", 384, 3, GNUTLS_PK_RSA, YETT_EPROTO},
		{"the largest", "does not have the key", 1024, 8, GNUTLS_PK_RSA, YETT_EPROTO},
		{"large", "larger than allowed", 1025, 3, GNUTLS_PK_RSA, YETT_ELIMIT},
		{"huge", "larger than allowed", 16384, 3, GNUTLS_PK_RSA, YETT_ELIMIT},
		{"a large exponent", "larger than allowed", 384, 9, GNUTLS_PK_RSA, YETT_ELIMIT},
		{"PSS", "does not have the key", 384, 3, GNUTLS_PK_RSA_PSS, YETT_EPROTO},
		{"large PSS", "larger than allowed", 1025, 3, GNUTLS_PK_RSA_PSS, YETT_ELIMIT},
		{"a huge exponent", "larger than allowed", 384, 16384, GNUTLS_PK_RSA, YETT_ELIMIT},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct memory_world *world = memory_world_new(i);
		struct transport *gateway = transport_new(world, "", "");
		struct yett_listener *listener = NULL;
		struct end there, here;
		struct raw client, server;

		transport_listen(gateway, "gateway:1");
		end_init(&there);
		end_init(&here);
		gateway->accepted = &there;
		raw_connect(&client, world);
		raw_begin(&client, GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT, TLS13, "yett/1");
		show_rsa(&client, &table[i]);
		raw_drive(&client);
		memory_run(world);
		expect(table[i].label, &there, table[i].result, table[i].want);
		raw_done(&client);

		raw_init(&server, world);
		raw_begin(&server, GNUTLS_SERVER, TLS13, "yett/1");
		show_rsa(&server, &table[i]);
		server.host->listen(
			server.host->instance, "raw:1", raw_accepted, &server, &listener, NULL);
		end_connect(&here, gateway, "raw:1", TIMEOUT_NS);
		memory_run(world);
		expect(table[i].label, &here, table[i].result, table[i].want);
		server.host->listener_close(listener);
		raw_done(&server);
		end_done(&there);
		end_done(&here);
		memory_advance(world, 5 * YETT_SEC);
		transport_free(gateway);
		CU_ASSERT_EQUAL(memory_world_free(world), 0);
	}
}

/* A chain that takes several records is taken like a short one, however it comes in. */
static void test_long_chain(void)
{
	for (size_t chunk = 0; chunk <= 999; chunk += 333) {
		struct memory_world *world = memory_world_new(chunk);
		struct transport *gateway = transport_new(world, "", "");
		gnutls_x509_privkey_t key = ecdsa_key();
		gnutls_x509_crt_t cert = make_cert(key, 45000);
		struct end end;
		struct raw raw;

		memory_world_limits(world, chunk, 0);
		transport_listen(gateway, "gateway:1");
		end_init(&end);
		gateway->accepted = &end;
		raw_connect(&raw, world);
		raw_begin(&raw, GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT, TLS13, "yett/1");
		gnutls_certificate_free_keys(raw.credentials);
		CU_ASSERT_EQUAL(gnutls_certificate_set_x509_key(raw.credentials, &cert, 1, key), 0);
		raw_drive(&raw);
		memory_run(world);
		CU_ASSERT_EQUAL(end.ups, 1);
		CU_ASSERT_EQUAL(end.closeds, 0);
		CU_ASSERT_TRUE(end.ups == 1 && end.facts.chain[0].length > 45000);
		gnutls_x509_crt_deinit(cert);
		gnutls_x509_privkey_deinit(key);
		raw_done(&raw);
		end_done(&end);
		memory_advance(world, 5 * YETT_SEC);
		transport_free(gateway);
		CU_ASSERT_EQUAL(memory_world_free(world), 0);
	}
}

/* One bit is changed somewhere in a handshake or in the data after it: never a wrong byte, always
 * an end with a cause. */
static void test_damage(void)
{
	struct memory_world *world = memory_world_new(99);
	struct transport *gateway = transport_new(world, "", "");
	struct transport *agent = transport_new(world, "", "");
	unsigned silent = 0, wrong = 0, survived = 0;

	transport_listen(gateway, "gateway:1");
	for (unsigned i = 0; i < DAMAGED; i++) {
		struct end here, there;

		memory_world_limits(world, 1 + memory_world_chance(world, 900), 0);
		memory_world_corrupt(world, 1 + memory_world_chance(world, 2400));
		end_init(&here);
		end_init(&there);
		gateway->accepted = &there;
		end_connect(&here, agent, "gateway:1", TIMEOUT_NS);
		memory_run(world);
		if (here.ups == 1 && there.ups == 1) {
			char text[600] = "all of this arrives or none of it";

			end_send(&here, text, sizeof(text));
			end_send(&there, text, sizeof(text));
			memory_run(world);
			wrong += there.received->len > 0 &&
				 memcmp(there.received->data, text, there.received->len) != 0;
			survived += here.closeds + there.closeds == 0;
		}
		memory_advance(world, 11 * YETT_SEC);
		silent += here.closeds == 1 && here.text[0] == '\0';
		silent += there.closeds == 1 && there.text[0] == '\0';
		/* An initiator that is not up has been told by now. */
		silent += here.ups == 0 && here.closeds == 0;
		end_done(&here);
		end_done(&there);
		memory_advance(world, 5 * YETT_SEC);
	}
	CU_ASSERT_EQUAL(silent, 0);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(survived < DAMAGED / 2);
	transport_free(gateway);
	transport_free(agent);
	CU_ASSERT_EQUAL(memory_world_free(world), 0);
}

/* A stranger who sends random bytes that begin as TLS does. */
static void test_noise(void)
{
	struct memory_world *world = memory_world_new(7);
	struct transport *gateway = transport_new(world, "", "");

	transport_listen(gateway, "gateway:1");
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t bytes[700];
		struct iovec iov = {bytes, 1 + memory_world_chance(world, sizeof(bytes))};
		struct end end;
		struct raw raw;

		for (size_t k = 0; k < sizeof(bytes); k++) {
			bytes[k] = (uint8_t)memory_world_chance(world, 256);
		}
		bytes[0] = 0x16;
		bytes[1] = 3;
		bytes[2] = 1;
		bytes[3] = 0;
		bytes[5] = (uint8_t)(i % 2 == 0 ? 1 : bytes[5]);
		end_init(&end);
		gateway->accepted = &end;
		raw_connect(&raw, world);
		raw.host->stream_try_write(raw.stream, &iov, 1);
		memory_run(world);
		raw_done(&raw);
		memory_run(world);
		CU_ASSERT_EQUAL(end.closeds, 1);
		CU_ASSERT_NOT_EQUAL(end.text[0], '\0');
		end_done(&end);
	}
	memory_advance(world, 5 * YETT_SEC);
	transport_free(gateway);
	CU_ASSERT_EQUAL(memory_world_free(world), 0);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"strangers", test_strangers},
		{"wrong servers", test_wrong_servers},
		{"sizes of RSA keys", test_rsa_sizes},
		{"a long chain", test_long_chain},
		{"damaged bytes", test_damage},
		{"noise", test_noise},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "transport-tls, refusing", tests);
}
