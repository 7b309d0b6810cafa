/* Words for what the Kerberos library says.
 *
 * Responsible for telling the causes apart by minor code (the major says little, and says "Success"
 * beside some) and for a sentence and a mend that a person can act on, with the names that were asked
 * for. The codes are those of RFC 4120 as MIT krb5 numbers them. Not responsible for what is done
 * about them. Any thread. */
#include <profile.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include "kerberos.h"

#define CLOCK_OFF_S 60

int yett_kerberos_say(struct yett_kerberos_cause *ret_cause, int result, const char *for_peer,
	const char *mend, const char *format, ...)
{
	va_list args;

	ret_cause->result = result;
	ret_cause->for_peer = for_peer;
	snprintf(ret_cause->mend, sizeof(ret_cause->mend), "%s", mend != NULL ? mend : "");
	va_start(args, format);
	vsnprintf(ret_cause->text, sizeof(ret_cause->text), format, args);
	va_end(args);
	return result;
}

static const char *or_unknown(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : "?";
}

void yett_kerberos_kdcs(krb5_context context, const char *realm, char *ret_text, size_t size)
{
	const char *names[] = {"realms", realm, "kdc", NULL};
	profile_t profile = NULL;
	char **values = NULL;
	size_t used = 0;

	ret_text[0] = '\0';
	if (context == NULL || realm == NULL || krb5_get_profile(context, &profile) != 0) {
		return;
	}
	if (profile_get_values(profile, names, &values) == 0) {
		for (char **value = values; *value != NULL && used < size; value++) {
			used += (size_t)snprintf(ret_text + used, size - used, "%s%s",
				used > 0 ? ", " : " (", *value);
		}
		if (used > 0 && used + 1 < size) {
			memcpy(ret_text + used, ")", 2);
		}
		profile_free_list(values);
	}
	profile_release(profile);
}

static void unreachable(krb5_context context, const struct yett_kerberos_about *about,
	struct yett_kerberos_cause *ret_cause)
{
	char addresses[200];

	yett_kerberos_kdcs(context, about->realm, addresses, sizeof(addresses));
	yett_kerberos_say(ret_cause, YETT_EUNAVAIL, NULL,
		"see that a KDC of the realm runs and can be reached from here, on port 88",
		"cannot %s: no KDC of the realm %s answers%s", about->doing,
		or_unknown(about->realm), addresses);
}

static void unknown_server(
	const struct yett_kerberos_about *about, struct yett_kerberos_cause *ret_cause)
{
	if (about->own_realm != NULL && about->realm != NULL && about->realm[0] != '\0' &&
		strcmp(about->own_realm, about->realm) != 0) {
		yett_kerberos_say(ret_cause, YETT_EUNAVAIL, NULL,
			"make the trust (both ways, for both ends to know each other), or the "
			"service's principal in its realm; or use certificates between the two",
			"no ticket for %s: the realms %s and %s have no trust in this direction, "
			"or "
			"%s has no such service",
			or_unknown(about->server), about->own_realm, about->realm, about->realm);
		return;
	}
	yett_kerberos_say(ret_cause, YETT_EUNAVAIL, NULL,
		"make the principal and put its key into the upstream's keytab; or check the "
		"upstream's name",
		"no ticket: the KDC of %s knows no service %s",
		or_unknown(about->own_realm != NULL ? about->own_realm : about->realm),
		or_unknown(about->server));
}

static void clock_off(
	const struct yett_kerberos_about *about, struct yett_kerberos_cause *ret_cause)
{
	double ahead_s = about->peer_ahead_s, off_s = ahead_s < 0 ? -ahead_s : ahead_s;

	yett_kerberos_say(ret_cause, YETT_EDENIED, ret_cause->peer_text,
		"set the clock of the one that is wrong (an NTP service keeps it right)",
		"the ticket's time is not ours: the clocks differ too much (the peer's is %.0f s "
		"%s)",
		off_s, ahead_s < 0 ? "behind" : "ahead");
	/* Both ends have told the time in their hellos: no secret. */
	snprintf(ret_cause->peer_text, sizeof(ret_cause->peer_text),
		"the clocks differ too much (yours is %.0f s %s)", off_s,
		ahead_s < 0 ? "behind" : "ahead");
}

/* What the codes mean where the words need nothing but names. */
static bool simple(krb5_error_code code, const struct yett_kerberos_about *about,
	struct yett_kerberos_cause *ret_cause)
{
	switch (code) {
	case KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN:
		yett_kerberos_say(ret_cause, YETT_EUNAVAIL, NULL,
			"make the principal in the realm, or name the right one in `principal`",
			"the KDC of %s does not know %s", or_unknown(about->realm),
			or_unknown(about->client));
		return true;
	case KRB5KDC_ERR_PREAUTH_FAILED:
	case KRB5KRB_AP_ERR_BAD_INTEGRITY:
		if (about->client == NULL && about->server != NULL) { /* an acceptor's */
			yett_kerberos_say(ret_cause, YETT_EDENIED,
				"the ticket does not fit the key of this node",
				"export the key again (ktadd); see that its kind of encryption is "
				"allowed (klist -k -e FILE; RC4 is not)",
				"the peer's ticket does not fit the key in %s",
				or_unknown(about->keytab));
			return true;
		}
		if (about->server != NULL) {
			break;
		}
		yett_kerberos_say(ret_cause, YETT_EUNAVAIL, NULL,
			"export the key again (ktadd), since it was changed at the KDC",
			"the key of %s in %s is not the KDC's", or_unknown(about->client),
			or_unknown(about->keytab));
		return true;
	case KRB5KDC_ERR_CLIENT_REVOKED:
	case KRB5KDC_ERR_NAME_EXP:
	case KRB5KDC_ERR_KEY_EXP:
		yett_kerberos_say(ret_cause, YETT_EUNAVAIL, NULL,
			"have the realm's administrator look at the principal",
			"the KDC of %s has locked %s, or it has expired", or_unknown(about->realm),
			or_unknown(about->client));
		return true;
	case KRB5_REALM_UNKNOWN:
	case KRB5_REALM_CANT_RESOLVE:
		yett_kerberos_say(ret_cause, YETT_EUNAVAIL, NULL,
			"name its KDC in the file of `krb5-config`, under [realms]",
			"cannot %s: no KDC of the realm %s is known", about->doing,
			or_unknown(about->realm));
		return true;
	case KRB5KRB_AP_ERR_BADKEYVER:
		yett_kerberos_say(ret_cause, YETT_EDENIED,
			"the ticket is for a key version that is not in the keytab",
			"add the key of that version to the keytab (ktadd), or let the peer get a "
			"new "
			"ticket",
			"the peer's ticket is for a version of the key that is not in %s",
			or_unknown(about->keytab));
		return true;
	case KRB5_KT_NOTFOUND:
	case KRB5KRB_AP_ERR_NOKEY:
	case KRB5KRB_AP_WRONG_PRINC:
	case KRB5KRB_AP_ERR_NOT_US:
		yett_kerberos_say(ret_cause, YETT_EDENIED,
			"the ticket is for no service of this node",
			"put the service's key into the keytab, or check the name that the peer "
			"connects to",
			"the peer's ticket is for a service, or a kind of key, that %s does not "
			"have",
			or_unknown(about->keytab));
		return true;
	case KRB5KRB_AP_ERR_TKT_EXPIRED:
		if (about->peer_ahead_s < -CLOCK_OFF_S) { /* short tickets, and our clock ahead */
			clock_off(about, ret_cause);
			return true;
		}
		yett_kerberos_say(ret_cause, YETT_EDENIED, "the ticket has expired", NULL,
			"the peer's ticket has expired");
		return true;
	default:
		break;
	}
	return false;
}

void yett_kerberos_explain(krb5_context context, krb5_error_code code,
	const struct yett_kerberos_about *about, struct yett_kerberos_cause *ret_cause)
{
	const char *message;

	if (simple(code, about, ret_cause)) {
		return;
	}
	switch (code) {
	case KRB5_KDC_UNREACH:
		unreachable(context, about, ret_cause);
		return;
	case KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN:
		unknown_server(about, ret_cause);
		return;
	case KRB5KRB_AP_ERR_SKEW:
	case KRB5KRB_AP_ERR_TKT_NYV:
		clock_off(about, ret_cause);
		return;
	default:
		message = krb5_get_error_message(context, code);
		yett_kerberos_say(ret_cause, YETT_EUNAVAIL, "authentication failed", NULL,
			"cannot %s: %s (code %d)", about->doing, message, (int)code);
		krb5_free_error_message(context, message);
		return;
	}
}

/* What the major code says by itself. */
static bool by_major(OM_uint32 major, OM_uint32 minor, struct yett_kerberos_cause *ret_cause)
{
	switch (GSS_ROUTINE_ERROR(major)) {
	case GSS_S_BAD_BINDINGS:
		yett_kerberos_say(ret_cause, YETT_EDENIED, "the ticket is bound to another channel",
			"somebody may stand between the two nodes: compare what both say of this "
			"session",
			"the peer has authenticated on another channel than this one (major "
			"0x%08x)",
			(unsigned)major);
		return true;
	case GSS_S_NO_CRED:
		if (minor != 0) {
			return false;
		}
		__attribute__((fallthrough));
	case GSS_S_BAD_MECH:
		yett_kerberos_say(ret_cause, YETT_EDENIED, "a token of another kind",
			"use the mechanism of Kerberos itself, without negotiation",
			"the peer's token is of another mechanism than Kerberos (major 0x%08x)",
			(unsigned)major);
		return true;
	case GSS_S_DEFECTIVE_TOKEN:
		yett_kerberos_say(ret_cause, YETT_EDENIED, "a broken token",
			"update the older of both ends",
			"the peer's token is none of Kerberos (minor %d)", (int)minor);
		return true;
	default:
		return false;
	}
}

void yett_kerberos_explain_gss(OM_uint32 major, OM_uint32 minor,
	const struct yett_kerberos_about *about, struct yett_kerberos_cause *ret_cause)
{
	static const char nothing[] = "Success"; /* says the library of what it could not read */
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
	OM_uint32 ignored, more = 0;
	krb5_error_code code = (krb5_error_code)minor;

	if (by_major(major, minor, ret_cause) || simple(code, about, ret_cause)) {
		return;
	}
	if (code == KRB5KRB_AP_ERR_SKEW || code == KRB5KRB_AP_ERR_TKT_NYV) {
		clock_off(about, ret_cause);
		return;
	}
	gss_display_status(
		&ignored, minor, GSS_C_MECH_CODE, (gss_OID)(uintptr_t)gss_mech_krb5, &more, &text);
	if (text.length == sizeof(nothing) - 1 && memcmp(text.value, nothing, text.length) == 0) {
		by_major(GSS_S_DEFECTIVE_TOKEN, minor, ret_cause);
	} else {
		yett_kerberos_say(ret_cause, YETT_EDENIED, "authentication failed", NULL,
			"cannot %s: %.*s (major 0x%08x, minor %d)", about->doing, (int)text.length,
			text.value != NULL ? (const char *)text.value : "?", (unsigned)major,
			(int)minor);
	}
	gss_release_buffer(&ignored, &text);
}
