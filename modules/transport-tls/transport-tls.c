/* transport-tls: TLS 1.3 over the host's byte streams, by GnuTLS.
 *
 * Responsible for the module's face: settings, life cycle, metrics. Channels are channel.c's, what
 * the node shows of itself credentials.c's. TLS 1.3 alone, ALPN "yett/1" on both sides, no
 * resumption, tickets or early data. It trusts nobody and everybody: the peer's certificates go to
 * the auth module as facts.
 *
 * check, create and destroy on the main thread; all else on the loop. `reload` reads the files
 * again: new channels show what is new, live ones go on with what they began with; a failure leaves
 * everything as it was. From `start` to `stop` a timer looks at how long the certificate still lasts:
 * a node may run for longer than its certificate does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tls.h"

#define DAY_S      INT64_C(86400)
#define SOON_S     (30 * DAY_S)
#define NANO_PER_S INT64_C(1000000000)

/* AES first where both have it; ChaCha20 is several times slower on servers. */
static const char priority[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
	"-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1";

static int check(const struct yett_host *host, const void *settings, struct yett_error *error)
{
	struct yett_tls_credentials *credentials = NULL;
	int result = yett_tls_credentials_load(host, settings, &credentials, error);

	if (result == 0) {
		yett_tls_credentials_unref(credentials);
	}
	return result;
}

static const char *day(int64_t seconds, char ret_text[32])
{
	time_t time = (time_t)seconds;
	struct tm parts;

	if (gmtime_r(&time, &parts) == NULL || strftime(ret_text, 32, "%Y-%m-%d", &parts) == 0) {
		return "?";
	}
	return ret_text;
}

static int64_t wall_s(const struct yett_tls *tls)
{
	return tls->host->wall_ns(tls->host->instance) / NANO_PER_S;
}

/* Whether there is something to do about the certificate, and then says so. */
static bool warn(const struct yett_tls *tls)
{
	const struct yett_tls_credentials *credentials = tls->credentials;
	const struct yett_host *host = tls->host;
	int64_t now = wall_s(tls);
	char text[32];

	if (credentials->ephemeral || credentials->not_after > now + SOON_S) {
		return false;
	}
	if (credentials->not_after <= now) {
		host->log(host->instance, YETT_LOG_ERROR, "certificate-expired",
			"our certificate has expired, and peers will refuse it: have a new one "
			"issued until=%s subject=%s file=%s",
			day(credentials->not_after, text), credentials->subject, credentials->file);
	} else {
		host->log(host->instance, YETT_LOG_WARNING, "certificate-expires-soon",
			"our certificate runs out: have a new one issued, and reload until=%s "
			"subject=%s file=%s",
			day(credentials->not_after, text), credentials->subject, credentials->file);
	}
	return true;
}

/* What is shown from now on. */
static void tell(const struct yett_tls *tls)
{
	const struct yett_tls_credentials *credentials = tls->credentials;
	const struct yett_host *host = tls->host;
	char text[32];

	if (credentials->ephemeral) {
		host->log(host->instance, YETT_LOG_NOTICE, "certificate-ephemeral",
			"no certificate is configured: peers must know this node by another method "
			"than x509");
	} else if (!warn(tls)) {
		host->log(host->instance, YETT_LOG_NOTICE, "certificate-loaded",
			"new sessions show this certificate until=%s subject=%s file=%s",
			day(credentials->not_after, text), credentials->subject, credentials->file);
	}
}

/* A day at most, whatever the clock says now: it may be set meanwhile. */
static void watch_again(struct yett_tls *tls)
{
	int64_t left_s = tls->credentials->not_after - wall_s(tls);
	int64_t next_s = left_s > SOON_S ? left_s - SOON_S : left_s;

	tls->host->timer_start(tls->watch,
		(uint64_t)(next_s > 0 && next_s < DAY_S ? next_s : DAY_S) * (uint64_t)NANO_PER_S);
}

static void on_watch(void *arg)
{
	struct yett_tls *tls = arg;

	warn(tls);
	watch_again(tls);
}

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	const struct yett_tls_settings *settings = with->settings;
	struct yett_tls *tls = calloc(1, sizeof(*tls));
	int result;

	if (tls == NULL) {
		return host->fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	tls->host = host;
	tls->stream_close = host->stream_close;
	tls->references = 1;
	tls->max_unsent_bytes = (size_t)settings->max_unsent_bytes;
	result = gnutls_priority_init(&tls->priority, priority, NULL);
	if (result < 0) {
		result = host->fail(error, YETT_ENOTSUP,
			"check the computer's GnuTLS policy (/etc/gnutls/config)",
			"GnuTLS offers no TLS 1.3 with AES-GCM here: %s", gnutls_strerror(result));
	} else {
		result = yett_tls_credentials_load(host, settings, &tls->credentials, error);
	}
	if (result < 0) {
		yett_tls_unref(tls);
		return result;
	}
	tell(tls);
	*ret_self = tls;
	return 0;
}

static int start(void *self, struct yett_error *error)
{
	struct yett_tls *tls = self;

	tls->watch = tls->host->timer_new(tls->host->instance, on_watch, tls);
	if (tls->watch == NULL) {
		return tls->host->fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	watch_again(tls);
	return 0;
}

static int reload(void *self, const void *settings, struct yett_error *error)
{
	const struct yett_tls_settings *wanted = settings;
	struct yett_tls *tls = self;
	struct yett_tls_credentials *credentials = NULL;
	bool has_cert = wanted->certificate != NULL && wanted->certificate[0] != '\0';
	int result = 0;

	/* An ephemeral one is good for as long as the process lives. */
	if (has_cert || !tls->credentials->ephemeral) {
		result = yett_tls_credentials_load(tls->host, wanted, &credentials, error);
	}
	if (result < 0) {
		return result;
	}
	tls->max_unsent_bytes = (size_t)wanted->max_unsent_bytes;
	if (credentials != NULL) {
		yett_tls_credentials_unref(tls->credentials);
		tls->credentials = credentials;
		tell(tls);
		if (tls->watch != NULL) {
			watch_again(tls);
		}
	}
	return 0;
}

static void stop(void *self)
{
	struct yett_tls *tls = self;

	if (tls->watch != NULL) {
		tls->host->timer_free(tls->watch);
		tls->watch = NULL;
	}
	yett_tls_close_all(tls);
}

static void destroy(void *self)
{
	struct yett_tls *tls = self;

	yett_tls_close_all(tls);
	tls->host = NULL;
	yett_tls_unref(tls);
}

void yett_tls_unref(struct yett_tls *tls)
{
	if (--tls->references > 0) {
		return;
	}
	yett_tls_credentials_unref(tls->credentials);
	if (tls->priority != NULL) {
		gnutls_priority_deinit(tls->priority);
	}
	free(tls->records);
	free(tls);
}

static int describe(void *self, char *ret_text, size_t size)
{
	const struct yett_tls *tls = self;
	char text[32];

	if (tls->credentials->ephemeral) {
		return snprintf(ret_text, size, "no certificate of its own");
	}
	return snprintf(ret_text, size, "%s until %s", tls->credentials->subject,
		day(tls->credentials->not_after, text));
}

static const struct yett_life life = {
	.size = sizeof(life),
	.check = check,
	.create = create,
	.start = start,
	.reload = reload,
	.stop = stop,
	.destroy = destroy,
};

static const struct yett_transport_operations operations = {
	.size = sizeof(operations),
	.listen = yett_tls_listen,
	.endpoint_address = yett_tls_endpoint_address,
	.endpoint_close = yett_tls_endpoint_close,
	.connect = yett_tls_connect,
	.send = yett_tls_send,
	.pause = yett_tls_pause,
	.close = yett_tls_close,
	.describe = describe,
	.without_certificates = yett_tls_without_certificates,
};

static const struct yett_schema schema[] = {
	YETT_ROW_PATH(struct yett_tls_settings, certificate, "certificate", YETT_SCHEMA_LIVE, NULL,
		"PEM file of the certificate that this node shows: its own first, then what leads "
		"to the root. Without one the node shows an ephemeral certificate, and can only "
		"be known by another method than x509."),
	YETT_ROW_PATH(struct yett_tls_settings, key, "key", YETT_SCHEMA_LIVE, NULL,
		"PEM file of the certificate's key, unencrypted. It is refused if others than its "
		"owner may read or change it."),
	YETT_ROW_SIZE(struct yett_tls_settings, max_unsent_bytes, "max-unsent", YETT_SCHEMA_LIVE,
		"256 KiB", 16384, INT64_C(67108864),
		"How much of one session may wait for the network before no more is taken."),
	YETT_ROW_END,
};

static const struct yett_metric metrics[] = {
	[YETT_TLS_HANDSHAKES] = {"handshakes", "{handshake}", "TLS handshakes that succeeded.",
		YETT_METRIC_COUNTER},
	[YETT_TLS_FAILURES] = {"handshake_failures", "{handshake}", "TLS handshakes that failed.",
		YETT_METRIC_COUNTER},
	[YETT_TLS_CHANNELS] = {"channels", "{connection}", "Connections that are open.",
		YETT_METRIC_GAUGE},
	{NULL, NULL, NULL, 0},
};

YETT_MODULE(.kind = YETT_KIND_TRANSPORT, .name = "transport-tls", .version = "0.1.0",
	.licence = "Apache-2.0", .summary = "TLS 1.3, and nothing else.", .life = &life,
	.operations = &operations, .schema = schema, .metrics = metrics,
	.settings_size = sizeof(struct yett_tls_settings));
