/* auth-kerberos: a peer is who its realm's KDC says, on this very channel.
 *
 * Responsible for the module's face: settings, what they need to be there (a keytab that can be read,
 * by its owner alone, with the service's key), life cycle, and the frame of an authentication. The
 * turns are initiate.c's and accept.c's. Kerberos authenticates inside the TLS channel and carries no
 * data. What the invoker's environment says of Kerberos does not count: all comes from the
 * configuration, and krb5's own file from the daemon's `krb5-config`.
 *
 * check, create and destroy on threads of the core's choice; begin to end on any, one context on one
 * thread at a time. There is no reload in place: a new instance is made beside the old. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include "kerberos.h"

static bool is_set(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* A FILE keytab that others than its owner may read or change is refused. */
static int check_keytab_file(
	const struct yett_host *host, const char *path, struct yett_error *error)
{
	struct stat status;
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int code = file < 0 || fstat(file, &status) != 0 ? errno : 0;

	if (file >= 0) {
		close(file);
	}
	if (code != 0) {
		return host->fail(error, code == EACCES ? YETT_EPERM : YETT_ENOTFOUND,
			code == EACCES ? "let the daemon's user own the file"
				       : "export the node's key: kadmin -q \"ktadd -k FILE "
					 "yett/NODE\"",
			"the keytab %s cannot be read: %s", path, strerror(code));
	}
	if (!S_ISREG(status.st_mode)) {
		return host->fail(error, YETT_ECONFIG, "give the path of a keytab",
			"the keytab %s is no file", path);
	}
	if (status.st_size == 0) {
		return host->fail(error, YETT_ECONFIG,
			"export the node's key: kadmin -q \"ktadd -k FILE yett/NODE\"",
			"the keytab %s is empty", path);
	}
	if ((status.st_mode & 077) != 0) {
		return host->fail(error, YETT_EPERM,
			"chmod 600 it, and change the key if others could have read it",
			"the keytab %s may be read or changed by others than its owner (mode %04o)",
			path, (unsigned)(status.st_mode & 07777));
	}
	return 0;
}

/* Whoever may read it has the node's tickets; there need not be one yet. */
static int check_cache(const struct yett_host *host, const char *path, struct yett_error *error)
{
	struct stat status;

	if (stat(path, &status) != 0 || (status.st_mode & 077) == 0) {
		return 0;
	}
	return host->fail(error, YETT_EPERM,
		"chmod 600 it; who has read it can be this node until the tickets in it end",
		"the credential cache %s may be read or changed by others than its owner (mode "
		"%04o)",
		path, (unsigned)(status.st_mode & 07777));
}

/* The realm of the first entry, or of the first of a service. `*ret_found` false: there is none.
 * Else why the file is none that could be read. */
static krb5_error_code find_entry(krb5_context context, krb5_keytab keytab, const char *service,
	char *ret_realm, size_t size, bool *ret_found)
{
	krb5_kt_cursor cursor;
	krb5_keytab_entry entry;
	bool found = false;
	krb5_error_code code = krb5_kt_start_seq_get(context, keytab, &cursor);

	*ret_found = false;
	if (code != 0) {
		return code;
	}
	while (!found && krb5_kt_next_entry(context, keytab, &entry, &cursor) == 0) {
		const krb5_data *first = krb5_princ_component(context, entry.principal, 0);
		const krb5_data *realm = krb5_princ_realm(context, entry.principal);

		found = service == NULL ||
			(krb5_princ_size(context, entry.principal) == 2 && first != NULL &&
				first->length == strlen(service) &&
				memcmp(first->data, service, first->length) == 0);
		if (found && realm->length < size) {
			memcpy(ret_realm, realm->data, realm->length);
			ret_realm[realm->length] = '\0';
		}
		krb5_free_keytab_entry_contents(context, &entry);
	}
	krb5_kt_end_seq_get(context, keytab, &cursor);
	*ret_found = found;
	return 0;
}

static int check_keytab(const struct yett_host *host, krb5_context context, const char *path,
	const char *service, char ret_realm[YETT_KERBEROS_REALM_SIZE], struct yett_error *error)
{
	krb5_keytab keytab = NULL;
	krb5_error_code code;
	bool found;
	int result = check_keytab_file(host, path, error);

	if (result != 0) {
		return result;
	}
	if (krb5_kt_resolve(context, path, &keytab) != 0) {
		return host->fail(error, YETT_ECONFIG, "give the path of a keytab",
			"the keytab %s cannot be opened", path);
	}
	code = find_entry(context, keytab, service, ret_realm, YETT_KERBEROS_REALM_SIZE, &found);
	if (code == KRB5_KEYTAB_BADVNO) {
		result =
			host->fail(error, YETT_ECONFIG, "give the path of a keytab (klist -k FILE)",
				"the file %s is no keytab", path);
	} else if (!found) {
		result = host->fail(error, YETT_ECONFIG,
			service != NULL ? "export the key: kadmin -q \"ktadd -k FILE "
					  "yett/NODE\"; or name another `service`"
					: "export the node's key into it (ktadd)",
			"the keytab %s has no key%s%s", path,
			service != NULL ? " of the service " : "", service != NULL ? service : "");
	}
	krb5_kt_close(context, keytab);
	return result;
}

/* The realms that are accepted where none is listed: our own principal's, and our service's key's. */
static int find_realms(const struct yett_host *host, const struct yett_kerberos_settings *settings,
	char ret_own[YETT_KERBEROS_REALM_SIZE], char ret_service[YETT_KERBEROS_REALM_SIZE],
	struct yett_error *error)
{
	krb5_context context;
	int result = 0;

	ret_own[0] = ret_service[0] = '\0';
	if (krb5_init_context(&context) != 0) {
		return host->fail(error, YETT_ECONFIG, "look at the file of `krb5-config`",
			"krb5's own configuration cannot be read");
	}
	if (is_set(settings->client_keytab)) {
		result = check_keytab(host, context, settings->client_keytab, NULL, ret_own, error);
	}
	if (result == 0 && is_set(settings->keytab)) {
		result = check_keytab(
			host, context, settings->keytab, settings->service, ret_service, error);
	}
	krb5_free_context(context);
	if (result == 0 && is_set(settings->principal) &&
		strrchr(settings->principal, '@') != NULL &&
		strlen(strrchr(settings->principal, '@') + 1) < YETT_KERBEROS_REALM_SIZE) {
		const char *realm = strrchr(settings->principal, '@') + 1;

		memcpy(ret_own, realm, strlen(realm) + 1);
	}
	if (ret_own[0] == '\0') {
		memcpy(ret_own, ret_service, YETT_KERBEROS_REALM_SIZE);
	}
	return result;
}

static int check(const struct yett_host *host, const void *arg, struct yett_error *error)
{
	const struct yett_kerberos_settings *settings = arg;
	char own[YETT_KERBEROS_REALM_SIZE], service[YETT_KERBEROS_REALM_SIZE];
	int result;

	if (!is_set(settings->keytab) && !is_set(settings->client_keytab) &&
		!is_set(settings->ccache)) {
		return host->fail(error, YETT_ECONFIG,
			"give it a `keytab` to accept with, a `client-keytab` to connect with, or "
			"both",
			"auth-kerberos has neither a keytab nor a credential cache");
	}
	result = find_realms(host, settings, own, service, error);
	return result == 0 && is_set(settings->ccache) ? check_cache(host, settings->ccache, error)
						       : result;
}

/* One credential serves for all, of Kerberos' own mechanism: others would negotiate, or have this node ask a
 * KDC for a stranger (IAKERB). The library opens the keytab for each ticket, so a key that is
 * added to it is found without a restart. A ticket is worth nothing on another channel than its own,
 * so nothing is gained by remembering tickets against replay, which would cost a sync each. */
static int make_acceptor(struct yett_kerberos *self, struct yett_error *error)
{
	const struct yett_kerberos_settings *settings = self->settings;
	gss_key_value_element_desc elements[] = {{"keytab", settings->keytab}, {"rcache", "none:"}};
	gss_key_value_set_desc store = {2, elements};
	gss_buffer_desc text = {strlen(settings->service), (void *)(uintptr_t)settings->service};
	gss_name_t name = GSS_C_NO_NAME;
	OM_uint32 minor, ignored, major;

	major = gss_import_name(
		&minor, &text, (gss_OID)(uintptr_t)GSS_C_NT_HOSTBASED_SERVICE, &name);
	if (!GSS_ERROR(major)) {
		major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE,
			(gss_OID_set)(uintptr_t)gss_mech_set_krb5, GSS_C_ACCEPT, &store,
			&self->acceptor, NULL, NULL);
	}
	gss_release_name(&ignored, &name);
	if (GSS_ERROR(major)) {
		return self->host->fail(error, YETT_ECONFIG, "look at it: klist -k FILE",
			"the keytab %s cannot be used (major 0x%08x, minor %d)", settings->keytab,
			(unsigned)major, (int)minor);
	}
	return 0;
}

static void destroy(void *arg)
{
	struct yett_kerberos *self = arg;
	OM_uint32 ignored;

	gss_release_cred(&ignored, &self->acceptor);
	yett_kerberos_tickets_free(self->tickets);
	free(self);
}

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	const struct yett_kerberos_settings *settings = with->settings;
	struct yett_kerberos *self = calloc(1, sizeof(*self));
	int result;

	if (self == NULL) {
		return host->fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	self->host = host;
	self->settings = settings;
	self->acceptor = GSS_C_NO_CREDENTIAL;
	result = find_realms(host, settings, self->own_realm, self->service_realm, error);
	if (result == 0 && is_set(settings->keytab)) {
		result = make_acceptor(self, error);
	}
	if (result == 0 && (is_set(settings->client_keytab) || is_set(settings->ccache))) {
		self->tickets = yett_kerberos_tickets_new(settings, self->own_realm);
		result = self->tickets != NULL
				 ? 0
				 : host->fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	if (result != 0) {
		destroy(self);
		return result;
	}
	*ret_self = self;
	return 0;
}

static int ready(void *arg, uint32_t role, struct yett_error *error)
{
	const struct yett_kerberos *self = arg;

	if (role == YETT_ROLE_ACCEPTOR && self->acceptor == GSS_C_NO_CREDENTIAL) {
		return self->host->fail(error, YETT_EUNAVAIL, "give auth-kerberos a `keytab`",
			"this node has no key to accept tickets with");
	}
	if (role == YETT_ROLE_INITIATOR && self->tickets == NULL) {
		return self->host->fail(error, YETT_EUNAVAIL,
			"give auth-kerberos a `client-keytab`",
			"this node has nothing to get a ticket with");
	}
	return 0;
}

static int begin(void *arg, const struct yett_auth_request *request, void **ret_context,
	struct yett_error *error)
{
	struct yett_kerberos *self = arg;
	struct yett_kerberos_context *context;

	if (request->role == YETT_ROLE_INITIATOR &&
		(!is_set(request->expected_name) ||
			strlen(request->expected_name) >= YETT_KERBEROS_NAME_SIZE)) {
		return self->host->fail(error, YETT_EINVAL, "give the upstream its name",
			"the upstream has no name that it could prove");
	}
	if (!yett_kerberos_can_bind(request->facts)) {
		return self->host->fail(error, YETT_EDENIED, "use another transport",
			"the transport gives nothing that a ticket could be bound to");
	}
	context = calloc(1, sizeof(*context));
	if (context == NULL) {
		return self->host->fail(error, YETT_ENOMEM, NULL, "out of memory");
	}
	context->self = self;
	context->facts = request->facts;
	context->initiator = request->role == YETT_ROLE_INITIATOR;
	context->peer_ahead_s = (double)request->peer_ahead_ns / 1e9;
	context->gss = GSS_C_NO_CONTEXT;
	context->credential = GSS_C_NO_CREDENTIAL;
	context->target = GSS_C_NO_NAME;
	if (context->initiator) {
		memcpy(context->expected, request->expected_name,
			strlen(request->expected_name) + 1);
	}
	if (request->peer_realm != NULL &&
		strlen(request->peer_realm) < sizeof(context->peer_realm)) {
		memcpy(context->peer_realm, request->peer_realm, strlen(request->peer_realm) + 1);
	}
	*ret_context = context;
	return 0;
}

static int step(void *arg, const uint8_t *token, size_t length, struct yett_auth_token *ret_token,
	struct yett_error *error)
{
	struct yett_kerberos_context *context = arg;
	int result;

	ret_token->bytes = NULL;
	ret_token->length = 0;
	ret_token->peer_cause = NULL;
	result = context->initiator ? yett_kerberos_initiate(context, token, length, ret_token)
				    : yett_kerberos_accept(context, token, length, ret_token);
	if (result == 0) {
		return 0;
	}
	context->self->host->fail(error, result,
		context->cause.mend[0] != '\0' ? context->cause.mend : NULL, "%s",
		context->cause.text);
	if (result == YETT_EUNAVAIL || result == YETT_ENOMEM) {
		return result;
	}
	ret_token->bytes = NULL;
	ret_token->length = 0;
	ret_token->status = YETT_AUTH_DENY;
	ret_token->peer_cause = context->cause.for_peer;
	return 0;
}

static int identity(void *arg, struct yett_identity *ret_identity)
{
	const struct yett_kerberos_context *context = arg;

	if (!context->done) {
		return YETT_EDENIED;
	}
	ret_identity->channel_bound = 1;
	ret_identity->mechanism = "kerberos";
	ret_identity->authority = context->realm;
	ret_identity->name = context->name;
	ret_identity->principal = context->principal;
	ret_identity->expires_ns = context->expires_ns;
	return 0;
}

static void end(void *arg)
{
	struct yett_kerberos_context *context = arg;
	OM_uint32 ignored;

	/* Shown, and not answered: perhaps the service has another key now. */
	if (context->shown && !context->done) {
		yett_kerberos_ticket_doubt(&context->ticket);
	}
	gss_delete_sec_context(&ignored, &context->gss, GSS_C_NO_BUFFER);
	gss_release_cred(&ignored, &context->credential);
	gss_release_name(&ignored, &context->target);
	yett_kerberos_ticket_release(&context->ticket);
	free(context->out);
	free(context);
}

/* The ticket is as good as it was; the rule may have changed. An upstream's principal is its
 * service's, which need not be among the services that a peer may have. */
static int judge(void *arg, const struct yett_auth_request *request, struct yett_error *error)
{
	const struct yett_kerberos *self = arg;
	const struct yett_kerberos_rule rule = {self->settings,
		request->role == YETT_ROLE_INITIATOR ? self->own_realm : self->service_realm};
	char name[YETT_KERBEROS_NAME_SIZE], realm[YETT_KERBEROS_REALM_SIZE];
	struct yett_kerberos_cause cause;
	int result;

	if (request->identity == NULL) {
		return 0;
	}
	result = request->role == YETT_ROLE_INITIATOR
			 ? yett_kerberos_realm_ok(&rule, request->identity->authority,
				   request->identity->name, &cause)
			 : yett_kerberos_name_of(
				   &rule, request->identity->principal, name, realm, &cause);
	return result == 0 ? 0
			   : self->host->fail(error, YETT_EDENIED,
				     cause.mend[0] != '\0' ? cause.mend : NULL, "%s", cause.text);
}

static const char *realm(void *arg)
{
	return ((const struct yett_kerberos *)arg)->service_realm;
}

static const struct yett_life life = {
	.size = sizeof(life),
	.check = check,
	.create = create,
	.destroy = destroy,
};

static const struct yett_auth_operations operations = {
	.size = sizeof(operations),
	.method = "kerberos",
	.ready = ready,
	.begin = begin,
	.step = step,
	.identity = identity,
	.end = end,
	.judge = judge,
	.realm = realm,
};

static const struct yett_schema realm_rows[] = {
	YETT_ROW_STRING(struct yett_kerberos_realm_settings, name, "name", YETT_SCHEMA_REQUIRED,
		NULL, "The realm, in its own letters: \"EXAMPLE.COM\"."),
	YETT_ROW_STRINGS(struct yett_kerberos_realm_settings, suffixes, "suffixes", 0, "[]",
		"The ends of the names that the realm may speak for; without any: the realm's own "
		"name in lower case."),
	YETT_ROW_END,
};

static const struct yett_schema schema[] = {
	YETT_ROW_PATH(struct yett_kerberos_settings, keytab, "keytab", 0, "",
		"The keys of this node's service, to accept peers with. It is refused if others "
		"than its owner may read it. A key that is added is found without a restart."),
	YETT_ROW_PATH(struct yett_kerberos_settings, client_keytab, "client-keytab", 0, "",
		"The node's own key, to get tickets with for its upstreams. May be the same file."),
	YETT_ROW_STRING(struct yett_kerberos_settings, principal, "principal", 0, "",
		"Whom the client keytab's key belongs to; without it the keytab's first entry."),
	YETT_ROW_PATH(struct yett_kerberos_settings, ccache, "ccache", 0, "",
		"A credential cache, which others than its owner may not read. With a client "
		"keytab, tickets are kept there too, so that a "
		"restart needs no KDC while they last; without, it is taken as somebody else "
		"keeps it."),
	YETT_ROW_STRING(struct yett_kerberos_settings, service, "service", 0, "yett",
		"The service part of the upstream's principal, SERVICE/FQDN@REALM, and of this "
		"node's own in `keytab`. Not `host`: whoever holds that key could be the whole "
		"computer, and yett needs not that."),
	YETT_ROW_STRINGS(struct yett_kerberos_settings, services, "services", 0,
		"[\"host\", \"yett\"]",
		"The service parts of principals that peers may have: SERVICE/FQDN@REALM."),
	YETT_ROW_BOOL(struct yett_kerberos_settings, machine_accounts, "machine-accounts", 0,
		"false",
		"Whether Active Directory's NAME$@REALM is the node NAME in the realm's first "
		"suffix (or the realm's own name in lower case)."),
	YETT_ROW_GROUPS(struct yett_kerberos_settings, realms, "realms", 0,
		struct yett_kerberos_realm_settings, realm_rows,
		"The realms that are accepted; without any: of peers the realm of `keytab`, of "
		"upstreams that of this node's own principal. One that this node's "
		"own realm trusts is accepted only if it is listed."),
	YETT_ROW_DURATION(struct yett_kerberos_settings, kdc_timeout_ns, "kdc-timeout", 0, "4 s",
		INT64_C(100000000), INT64_C(8000000000),
		"How long a session waits for a ticket. After that another method is tried, if "
		"there "
		"is one; the KDC's answer is used when it comes."),
	YETT_ROW_END,
};

YETT_MODULE(.kind = YETT_KIND_AUTH, .name = "auth-kerberos", .version = "0.1.0",
	.licence = "Apache-2.0",
	.summary = "Peers by Kerberos (MIT krb5), bound to the TLS channel.", .life = &life,
	.operations = &operations, .schema = schema,
	.settings_size = sizeof(struct yett_kerberos_settings));
