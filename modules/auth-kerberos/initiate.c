/* The initiator's turns.
 *
 * Responsible for: a ticket (tickets.c), the token that shows it, bound to the channel; then the
 * acceptor's answer, which must prove that it has the service's key (mutual authentication), and its
 * MIC over the channel; then our own MIC. Where there is no ticket, nothing has been sent, and the
 * answer says that another method may be tried; after that, nothing but right or wrong. On an
 * authentication thread; one context is used by one thread at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include "kerberos.h"

#define FLAGS        (GSS_C_MUTUAL_FLAG | GSS_C_INTEG_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG)
#define CLOCK_WARN_S 60

static void about(
	const struct yett_kerberos_context *context, struct yett_kerberos_about *ret_about)
{
	*ret_about = (struct yett_kerberos_about){
		.doing = "authenticate to the upstream",
		.realm = context->ticket.realm,
		.client = context->ticket.client,
		.server = context->ticket.server,
		.peer_ahead_s = context->peer_ahead_s,
	};
}

static int gss_failed(struct yett_kerberos_context *context, OM_uint32 major, OM_uint32 minor)
{
	struct yett_kerberos_about names;

	about(context, &names);
	yett_kerberos_explain_gss(major, minor, &names, &context->cause);
	context->cause.result = YETT_EDENIED;
	return YETT_EDENIED;
}

/* Before anything is sent: the ticket cannot be used (it has just ended, for one), and that is no more
 * than the want of one. */
static int nothing_to_show(struct yett_kerberos_context *context, OM_uint32 major, OM_uint32 minor)
{
	gss_failed(context, major, minor);
	context->cause.result = YETT_EUNAVAIL;
	return YETT_EUNAVAIL;
}

/* The ticket's service must be what was asked for, in a realm that may speak for that name. */
static int check_server(struct yett_kerberos_context *context)
{
	const struct yett_kerberos *self = context->self;
	const struct yett_kerberos_rule rule = {self->settings, self->own_realm};
	const char *server = context->ticket.server;
	size_t service = strlen(self->settings->service), host = strlen(context->expected);

	if (strncmp(server, self->settings->service, service) != 0 || server[service] != '/' ||
		strncmp(server + service + 1, context->expected, host) != 0 ||
		server[service + 1 + host] != '@') {
		return yett_kerberos_say(&context->cause, YETT_EDENIED, "wrong service", NULL,
			"the KDC gave a ticket for %s, not for %s/%s", server,
			self->settings->service, context->expected);
	}
	memcpy(context->name, context->expected, host + 1);
	memcpy(context->realm, context->ticket.realm, sizeof(context->realm));
	memcpy(context->principal, server, strlen(server) + 1);
	return yett_kerberos_realm_ok(&rule, context->realm, context->name, &context->cause);
}

static void warn_of_clock(const struct yett_kerberos_context *context)
{
	const struct yett_host *host = context->self->host;
	int64_t ahead = context->ticket.kdc_ahead_s;

	if (ahead > CLOCK_WARN_S || ahead < -CLOCK_WARN_S) {
		host->log(host->instance, YETT_LOG_WARNING, "clock-off",
			"this computer's clock and the KDC's differ by %lld s; Kerberos goes by "
			"the "
			"KDC's time, all else does not: set the clock (an NTP service keeps it "
			"right) kdc=%s",
			(long long)(ahead < 0 ? -ahead : ahead), ahead > 0 ? "ahead" : "behind");
	}
}

static int open_credential(struct yett_kerberos_context *context)
{
	gss_key_value_element_desc element = {"ccache", context->ticket.cache};
	gss_key_value_set_desc store = {1, &element};
	gss_buffer_desc name = {strlen(context->ticket.server), context->ticket.server};
	OM_uint32 minor, major;

	major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE,
		(gss_OID_set)(uintptr_t)gss_mech_set_krb5, GSS_C_INITIATE, &store,
		&context->credential, NULL, NULL);
	if (!GSS_ERROR(major)) {
		major = gss_import_name(&minor, &name,
			(gss_OID)(uintptr_t)GSS_KRB5_NT_PRINCIPAL_NAME, &context->target);
	}
	return GSS_ERROR(major) ? nothing_to_show(context, major, minor) : 0;
}

/* Feeds the library; `*ret_out` is to be released. */
static OM_uint32 go_on(struct yett_kerberos_context *context, gss_buffer_t in, gss_buffer_t ret_out,
	OM_uint32 *ret_flags, OM_uint32 *ret_minor)
{
	struct yett_kerberos_bindings bindings;

	yett_kerberos_bind(context->facts, &bindings);
	return gss_init_sec_context(ret_minor, context->credential, &context->gss, context->target,
		(gss_OID)(uintptr_t)gss_mech_krb5, FLAGS, 0, &bindings.gss, in, NULL, ret_out,
		ret_flags, NULL);
}

/* The acceptor says which realm it is of. That proves nothing, so it counts only where we would believe that
 * realm about this name anyway; then it saves telling each agent which realm the name belongs to. */
static int get_ticket(struct yett_kerberos_context *context)
{
	struct yett_kerberos *self = context->self;
	const struct yett_kerberos_rule rule = {self->settings, self->own_realm};
	const char *said = context->peer_realm;
	bool other = said[0] != '\0' && strcmp(said, self->own_realm) != 0;
	bool good = other &&
		    yett_kerberos_realm_ok(&rule, said, context->expected, &context->cause) == 0;
	int result = yett_kerberos_ticket_get(self->tickets, context->expected, good ? said : "",
		&context->ticket, &context->cause);
	size_t length = strlen(context->cause.text);

	if (result != 0 && other && !good) {
		snprintf(context->cause.text + length, sizeof(context->cause.text) - length,
			" (it says that it is of the realm %.100s, which may not speak for it "
			"here)",
			said);
	}
	return result;
}

static int show_ticket(struct yett_kerberos_context *context, struct yett_auth_token *ret_token)
{
	struct yett_kerberos *self = context->self;
	gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, major, flags;
	int result;

	if (self->tickets == NULL) {
		return yett_kerberos_say(&context->cause, YETT_EUNAVAIL, NULL,
			"give auth-kerberos a `client-keytab`, or a `ccache` that somebody keeps",
			"this node has nothing to get a ticket with");
	}
	result = get_ticket(context);
	if (result == 0) {
		warn_of_clock(context);
		result = check_server(context);
	}
	if (result == 0) {
		result = open_credential(context);
	}
	if (result != 0) {
		return result;
	}
	major = go_on(context, GSS_C_NO_BUFFER, &out, &flags, &minor);
	if (major != GSS_S_CONTINUE_NEEDED) {
		result = nothing_to_show(context, major, minor);
	} else {
		context->shown = true;
		ret_token->status = YETT_AUTH_CONTINUE;
		result = yett_kerberos_pack(context, &out, 1, ret_token);
	}
	gss_release_buffer(&minor, &out);
	return result;
}

static int check_answer(struct yett_kerberos_context *context, const uint8_t *bytes, size_t length)
{
	gss_buffer_desc pieces[2], out = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, major, flags = 0;

	if (!yett_kerberos_unpack(bytes, length, pieces, 2)) {
		return yett_kerberos_say(&context->cause, YETT_EDENIED, "a broken answer",
			"update the older of both ends", "the upstream's answer has not its form");
	}
	major = go_on(context, &pieces[0], &out, &flags, &minor);
	if (major != GSS_S_COMPLETE || out.length > 0) {
		gss_release_buffer(&minor, &out);
		return gss_failed(context, major, minor);
	}
	if ((flags & GSS_C_MUTUAL_FLAG) == 0 || (flags & GSS_C_INTEG_FLAG) == 0) {
		return yett_kerberos_say(&context->cause, YETT_EDENIED, "not mutual", NULL,
			"the upstream has not proved who it is");
	}
	return yett_kerberos_verify(context, &pieces[1]);
}

static int answer(struct yett_kerberos_context *context, const uint8_t *bytes, size_t length,
	struct yett_auth_token *ret_token)
{
	gss_buffer_desc mic = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor;
	int result = check_answer(context, bytes, length);

	if (result == 0) {
		result = yett_kerberos_mic(context, &mic);
	}
	if (result == 0) {
		result = yett_kerberos_pack(context, &mic, 1, ret_token);
	}
	gss_release_buffer(&minor, &mic);
	if (result != 0) {
		context->cause.result = YETT_EDENIED; /* too late for another method */
		return YETT_EDENIED;
	}
	context->expires_ns = context->ticket.until * INT64_C(1000000000);
	context->done = true;
	ret_token->status = YETT_AUTH_DONE;
	return 0;
}

int yett_kerberos_initiate(struct yett_kerberos_context *context, const uint8_t *bytes,
	size_t length, struct yett_auth_token *ret_token)
{
	switch (context->turn++) {
	case 0:
		return show_ticket(context, ret_token);
	case 1:
		return answer(context, bytes, length, ret_token);
	default:
		return yett_kerberos_say(&context->cause, YETT_EDENIED, "out of turn", NULL,
			"the upstream goes on after the end");
	}
}
