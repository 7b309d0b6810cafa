/* auth-x509: a peer is who its certificate says, if that chains to a root that we trust.
 *
 * Responsible for the module's face: settings, life cycle, the steps of the method. TLS has proved
 * that the peer has the certificate's key; here it is judged (judge.c), at both ends, each for the
 * other. No token is needed: the initiator judges and is done, then the acceptor.
 *
 * check, create, reload and destroy on threads of the core's choice; begin to end and judge on any,
 * at once. What is trusted is counted and never changed, so that a reload waits for nobody: who has
 * begun goes on with what there was. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "x509.h"

#define NANO_PER_S INT64_C(1000000000)

struct auth {
	const struct yett_host *host;
	pthread_mutex_t lock; /* of `trust` and its count */
	struct yett_x509_trust *trust;
};

struct context {
	struct auth *auth;
	struct yett_x509_trust *trust;
	const struct yett_facts *facts;
	char expected[YETT_X509_NAME_SIZE];
	bool initiator;
	bool done;
	int64_t wall_ns;
	struct yett_x509_verdict verdict;
};

static struct yett_x509_trust *take_trust(struct auth *auth)
{
	struct yett_x509_trust *trust;

	pthread_mutex_lock(&auth->lock);
	trust = auth->trust;
	trust->references++;
	pthread_mutex_unlock(&auth->lock);
	return trust;
}

static void drop_trust(struct auth *auth, struct yett_x509_trust *trust)
{
	bool last;

	pthread_mutex_lock(&auth->lock);
	last = --trust->references == 0;
	pthread_mutex_unlock(&auth->lock);
	if (last) {
		yett_x509_trust_free(trust);
	}
}

static int check(const struct yett_host *host, const void *settings, struct yett_error *error)
{
	struct yett_x509_trust *trust = NULL;
	int result = yett_x509_trust_load(host, settings, &trust, error);

	if (result == 0) {
		yett_x509_trust_free(trust);
	}
	return result;
}

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	struct auth *auth = calloc(1, sizeof(*auth));
	int result;

	if (auth == NULL) {
		return host->fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	auth->host = host;
	result = yett_x509_trust_load(host, with->settings, &auth->trust, error);
	if (result < 0) {
		free(auth);
		return result;
	}
	pthread_mutex_init(&auth->lock, NULL);
	*ret_self = auth;
	return 0;
}

static int reload(void *self, const void *settings, struct yett_error *error)
{
	struct auth *auth = self;
	struct yett_x509_trust *old;
	struct yett_x509_trust *trust = NULL;
	int result = yett_x509_trust_load(auth->host, settings, &trust, error);

	if (result < 0) {
		return result;
	}
	pthread_mutex_lock(&auth->lock);
	old = auth->trust;
	auth->trust = trust;
	pthread_mutex_unlock(&auth->lock);
	drop_trust(auth, old);
	return 0;
}

static void destroy(void *self)
{
	struct auth *auth = self;

	yett_x509_trust_free(auth->trust);
	pthread_mutex_destroy(&auth->lock);
	free(auth);
}

static int judge_with(struct auth *auth, const struct yett_x509_trust *trust,
	const struct yett_facts *facts, const char *expected_name, int64_t wall_ns,
	struct yett_x509_verdict *ret_verdict, struct yett_error *error)
{
	struct yett_x509_case what = {
		.host = auth->host,
		.trust = trust,
		.facts = facts,
		.expected_name = expected_name,
		.now = wall_ns / NANO_PER_S,
		.error = error,
	};

	return yett_x509_judge(&what, ret_verdict);
}

static int check_request(
	const struct auth *auth, const struct yett_auth_request *request, struct yett_error *error)
{
	if (request->role == YETT_ROLE_INITIATOR &&
		(request->expected_name == NULL || request->expected_name[0] == '\0' ||
			strlen(request->expected_name) >= YETT_X509_NAME_SIZE)) {
		return auth->host->fail(error, YETT_EINVAL, "give the upstream its name",
			"the upstream has no name that it could prove");
	}
	return 0;
}

static int begin(void *self, const struct yett_auth_request *request, void **ret_context,
	struct yett_error *error)
{
	struct auth *auth = self;
	struct context *context;
	int result = check_request(auth, request, error);

	if (result < 0) {
		return result;
	}
	if (request->role == YETT_ROLE_INITIATOR && request->facts->ephemeral != 0) {
		return auth->host->fail(error, YETT_EUNAVAIL,
			"configure `certificate` and `key` of transport-tls here",
			"this node has no certificate of its own, so the upstream could not know "
			"it by x509");
	}
	context = calloc(1, sizeof(*context));
	if (context == NULL) {
		return auth->host->fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	context->auth = auth;
	context->trust = take_trust(auth);
	context->facts = request->facts;
	context->initiator = request->role == YETT_ROLE_INITIATOR;
	context->wall_ns = request->wall_ns;
	if (context->initiator) {
		memcpy(context->expected, request->expected_name,
			strlen(request->expected_name) + 1);
	}
	*ret_context = context;
	return 0;
}

static int step(void *arg, const uint8_t *token, size_t length, struct yett_auth_token *ret_token,
	struct yett_error *error)
{
	struct context *context = arg;
	int result;

	(void)token;
	ret_token->bytes = NULL;
	ret_token->length = 0;
	ret_token->peer_cause = NULL;
	if (length > 0) {
		return context->auth->host->fail(error, YETT_EPROTO,
			"update the older of both ends",
			"the peer sent a token, which x509 has none of");
	}
	result = judge_with(context->auth, context->trust, context->facts,
		context->initiator ? context->expected : NULL, context->wall_ns, &context->verdict,
		error);
	context->done = result == 0;
	ret_token->status = context->done ? YETT_AUTH_DONE : YETT_AUTH_DENY;
	if (!context->done) {
		ret_token->peer_cause = context->facts->chain_count == 0
						? "no certificate was shown"
						: "certificate not accepted";
	}
	return 0;
}

static int identity(void *arg, struct yett_identity *ret_identity)
{
	const struct context *context = arg;

	if (!context->done) {
		return YETT_EDENIED;
	}
	ret_identity->channel_bound = 1; /* the key was proved in this very handshake */
	ret_identity->mechanism = "x509";
	ret_identity->authority = context->verdict.authority;
	ret_identity->name = context->verdict.name;
	ret_identity->principal = context->verdict.principal;
	ret_identity->expires_ns = context->verdict.expires_ns;
	return 0;
}

static void end(void *arg)
{
	struct context *context = arg;

	drop_trust(context->auth, context->trust);
	free(context);
}

static int judge(void *self, const struct yett_auth_request *request, struct yett_error *error)
{
	struct auth *auth = self;
	struct yett_x509_verdict verdict;
	struct yett_x509_trust *trust;
	int result = check_request(auth, request, error);

	if (result < 0) {
		return YETT_EDENIED;
	}
	trust = take_trust(auth);
	result = judge_with(auth, trust, request->facts,
		request->role == YETT_ROLE_INITIATOR ? request->expected_name : NULL,
		request->wall_ns, &verdict, error);
	drop_trust(auth, trust);
	return result < 0 ? YETT_EDENIED : 0;
}

static const struct yett_life life = {
	.size = sizeof(life),
	.check = check,
	.create = create,
	.reload = reload,
	.destroy = destroy,
};

static const struct yett_auth_operations operations = {
	.size = sizeof(operations),
	.flags = YETT_AUTH_CERTIFICATES,
	.method = "x509",
	.begin = begin,
	.step = step,
	.identity = identity,
	.end = end,
	.judge = judge,
};

static const struct yett_schema authority_rows[] = {
	YETT_ROW_STRING(struct yett_x509_authority_settings, subject, "subject",
		YETT_SCHEMA_REQUIRED, NULL,
		"The subject of one of the roots, as `yettctl cert show` writes it (RFC 4514)."),
	YETT_ROW_STRINGS(struct yett_x509_authority_settings, suffixes, "suffixes",
		YETT_SCHEMA_REQUIRED, NULL,
		"The ends of the names that this root may speak for, instead of the common list."),
	YETT_ROW_END,
};

static const struct yett_schema schema[] = {
	YETT_ROW_PATHS(struct yett_x509_settings, trust, "trust", YETT_SCHEMA_REQUIRED, NULL,
		"PEM files of the roots that a peer's certificate must chain to, over at most five "
		"certificates with the root counted."),
	YETT_ROW_STRINGS(struct yett_x509_settings, suffixes, "suffixes", YETT_SCHEMA_REQUIRED,
		NULL,
		"The ends of the names that the roots may speak for: \"example.com\" is that name "
		"and all below it, \"*\" is every name. A certificate for any other name is "
		"refused."),
	YETT_ROW_GROUPS(struct yett_x509_settings, authorities, "authorities", 0,
		struct yett_x509_authority_settings, authority_rows,
		"Roots that may speak for other names than `suffixes` says."),
	YETT_ROW_PATHS(struct yett_x509_settings, crl, "crl", 0, "[]",
		"PEM files of certificate revocation lists, whole ones; a file may hold several. "
		"One that is past its next update is relied on for three more days, with "
		"warnings; after that nothing that its authority issued is accepted."),
	YETT_ROW_BOOL(struct yett_x509_settings, require_crl, "require-crl", 0, "false",
		"Refuses certificates of authorities that there is no revocation list of."),
	YETT_ROW_END,
};

YETT_MODULE(.kind = YETT_KIND_AUTH, .name = "auth-x509", .version = "0.1.0",
	.licence = "Apache-2.0",
	.summary = "Peers by X.509 certificates: both usages, the name as SAN, CRLs.",
	.life = &life, .operations = &operations, .schema = schema,
	.settings_size = sizeof(struct yett_x509_settings));
