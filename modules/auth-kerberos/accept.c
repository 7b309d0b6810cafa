/* The acceptor's turns.
 *
 * Responsible for: the initiator's token, which must be a ticket for a key of our keytab, bound to
 * this channel (the library accepts one that is bound to nothing, so the flag is looked at), of a
 * principal that is a node by the rule; then our proof of the key and our MIC over the channel; then
 * the initiator's MIC, without which it is nobody. No KDC is asked. On an authentication thread; one
 * context is used by one thread at a time. */
#include <string.h>
#include <time.h>

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include "kerberos.h"

static int gss_failed(struct yett_kerberos_context *context, OM_uint32 major, OM_uint32 minor)
{
	struct yett_kerberos_about about = {
		.doing = "accept the peer's ticket",
		.realm = context->self->service_realm,
		.keytab = context->self->settings->keytab,
		.server = context->self->settings->service,
		.peer_ahead_s = context->peer_ahead_s,
	};

	yett_kerberos_explain_gss(major, minor, &about, &context->cause);
	context->cause.result = YETT_EDENIED;
	return YETT_EDENIED;
}

static int check_flags(struct yett_kerberos_context *context, OM_uint32 flags)
{
	if ((flags & GSS_C_CHANNEL_BOUND_FLAG) == 0) {
		return yett_kerberos_say(&context->cause, YETT_EDENIED, "no channel binding",
			"update the peer; if it is up to date, somebody may stand between the two "
			"nodes",
			"the peer's ticket is bound to no channel, so it may have been passed on "
			"by "
			"somebody in between");
	}
	if ((flags & GSS_C_MUTUAL_FLAG) == 0 || (flags & GSS_C_INTEG_FLAG) == 0) {
		return yett_kerberos_say(&context->cause, YETT_EDENIED, "not mutual",
			"update the peer", "the peer does not ask us to prove who we are");
	}
	return 0;
}

static int check_client(struct yett_kerberos_context *context, gss_name_t client)
{
	const struct yett_kerberos_rule rule = {
		context->self->settings, context->self->service_realm};
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, major = gss_display_name(&minor, client, &text, NULL);
	int result;

	if (major != GSS_S_COMPLETE) {
		return gss_failed(context, major, minor);
	}
	if (text.length >= sizeof(context->principal) ||
		memchr(text.value, '\0', text.length) != NULL) {
		result = yett_kerberos_say(&context->cause, YETT_EDENIED, "principal names no node",
			NULL, "the principal of the peer is no name that could be a node's");
	} else {
		memcpy(context->principal, text.value, text.length);
		context->principal[text.length] = '\0';
		result = yett_kerberos_name_of(
			&rule, context->principal, context->name, context->realm, &context->cause);
	}
	gss_release_buffer(&minor, &text);
	return result;
}

/* `*ret_out` is to be released. */
static int accept_ticket(
	struct yett_kerberos_context *context, gss_buffer_t in, gss_buffer_t ret_out)
{
	struct yett_kerberos_bindings bindings;
	gss_name_t client = GSS_C_NO_NAME;
	OM_uint32 minor, ignored, major, flags = 0, seconds = 0;
	int result;

	yett_kerberos_bind(context->facts, &bindings);
	major = gss_accept_sec_context(&minor, &context->gss, context->self->acceptor, in,
		&bindings.gss, &client, NULL, ret_out, &flags, &seconds, NULL);
	if (major != GSS_S_COMPLETE) {
		result = major == GSS_S_CONTINUE_NEEDED
				 ? yett_kerberos_say(&context->cause, YETT_EDENIED,
					   "a token of another kind", NULL,
					   "the peer's token asks for more turns than there are")
				 : gss_failed(context, major, minor);
	} else {
		result = check_flags(context, flags);
	}
	if (result == 0) {
		result = check_client(context, client);
	}
	gss_release_name(&ignored, &client);
	/* The library adds the clock skew that it allows. */
	context->expires_ns = ((int64_t)time(NULL) + seconds) * INT64_C(1000000000);
	return result;
}

static int take_ticket(struct yett_kerberos_context *context, const uint8_t *bytes, size_t length,
	struct yett_auth_token *ret_token)
{
	gss_buffer_desc in, out[2] = {GSS_C_EMPTY_BUFFER, GSS_C_EMPTY_BUFFER};
	OM_uint32 minor;
	int result;

	if (context->self->acceptor == GSS_C_NO_CREDENTIAL) {
		return yett_kerberos_say(&context->cause, YETT_EDENIED, "not offered here",
			"give auth-kerberos a `keytab`",
			"this node has no key to accept tickets with");
	}
	if (!yett_kerberos_unpack(bytes, length, &in, 1)) {
		return yett_kerberos_say(&context->cause, YETT_EDENIED, "a broken token",
			"update the older of both ends", "the peer's token has not its form");
	}
	result = accept_ticket(context, &in, &out[0]);
	if (result == 0) {
		result = yett_kerberos_mic(context, &out[1]);
	}
	if (result == 0) {
		ret_token->status = YETT_AUTH_CONTINUE;
		result = yett_kerberos_pack(context, out, 2, ret_token);
	}
	gss_release_buffer(&minor, &out[0]);
	gss_release_buffer(&minor, &out[1]);
	return result;
}

static int take_mic(struct yett_kerberos_context *context, const uint8_t *bytes, size_t length,
	struct yett_auth_token *ret_token)
{
	gss_buffer_desc mic;
	int result;

	if (!yett_kerberos_unpack(bytes, length, &mic, 1)) {
		return yett_kerberos_say(&context->cause, YETT_EDENIED, "a broken MIC",
			"update the older of both ends", "the peer's last token has not its form");
	}
	result = yett_kerberos_verify(context, &mic);
	if (result == 0) {
		context->done = true;
		ret_token->status = YETT_AUTH_DONE;
	}
	return result;
}

int yett_kerberos_accept(struct yett_kerberos_context *context, const uint8_t *bytes, size_t length,
	struct yett_auth_token *ret_token)
{
	switch (context->turn++) {
	case 0:
		return take_ticket(context, bytes, length, ret_token);
	case 1:
		return take_mic(context, bytes, length, ret_token);
	default:
		return yett_kerberos_say(&context->cause, YETT_EDENIED, "out of turn", NULL,
			"the peer goes on after the end");
	}
}
