/* Which node a principal is.
 *
 * Responsible for the rule, which is strict: SERVICE/FQDN@REALM with a service that is configured
 * (host and yett), one host, and a realm that is listed and may speak for the host's name; or, where
 * the configuration says so, Active Directory's NAME$@REALM, which is the host NAME in the realm's
 * first suffix. Anything else is nobody: another number of parts, a character that Kerberos would
 * write with a backslash, a host that is no fully qualified name, a realm in other letters. Not
 * responsible for the proof (accept.c, initiate.c). Any thread; keeps nothing. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "kerberos.h"

#define NAME_MAX_LENGTH  253
#define LABEL_MAX_LENGTH 63

static bool is_label(const char *label, size_t length)
{
	if (length == 0 || length > LABEL_MAX_LENGTH || label[0] == '-' ||
		label[length - 1] == '-') {
		return false;
	}
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)label[i]) && label[i] != '-') {
			return false;
		}
	}
	return true;
}

/* Two labels at least: a short name says nothing about whose it is. */
static bool is_fqdn(const char *name)
{
	size_t labels = 0;

	if (strlen(name) > NAME_MAX_LENGTH) {
		return false;
	}
	while (*name != '\0') {
		size_t length = strcspn(name, ".");

		if (!is_label(name, length) || (name[length] == '.' && name[length + 1] == '\0')) {
			return false;
		}
		labels++;
		name += length + (name[length] == '.' ? 1 : 0);
	}
	return labels >= 2;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name), tail;

	suffix += suffix[0] == '.' ? 1 : 0;
	tail = strlen(suffix);
	if (strcmp(suffix, "*") == 0) {
		return true;
	}
	return tail > 0 && tail <= length && strcasecmp(name + length - tail, suffix) == 0 &&
	       (tail == length || name[length - tail - 1] == '.');
}

static bool may_speak_for(
	const struct yett_kerberos_realm_settings *realm, const char *name, const char *realm_name)
{
	const char **suffixes;

	if (realm == NULL || realm->suffixes.count == 0) {
		return has_suffix(name, realm_name);
	}
	suffixes = realm->suffixes.items;
	for (size_t i = 0; i < realm->suffixes.count; i++) {
		if (has_suffix(name, suffixes[i])) {
			return true;
		}
	}
	return false;
}

/* False: not accepted. `*ret_realm` NULL: the own one, which is not listed. */
static bool find_realm(const struct yett_kerberos_rule *rule, const char *name,
	const struct yett_kerberos_realm_settings **ret_realm)
{
	const struct yett_kerberos_realm_settings *realms = rule->settings->realms.items;

	*ret_realm = NULL;
	for (size_t i = 0; i < rule->settings->realms.count; i++) {
		if (strcmp(realms[i].name, name) == 0) {
			*ret_realm = &realms[i];
			return true;
		}
	}
	return rule->settings->realms.count == 0 && strcmp(rule->own_realm, name) == 0;
}

int yett_kerberos_realm_ok(const struct yett_kerberos_rule *rule, const char *realm,
	const char *name, struct yett_kerberos_cause *ret_cause)
{
	const struct yett_kerberos_realm_settings *settings;

	if (!find_realm(rule, realm, &settings)) {
		return yett_kerberos_say(ret_cause, YETT_EDENIED, "realm not accepted",
			"list the realm under `realms` of auth-kerberos if it is to be trusted",
			"the realm %s is not accepted here", realm);
	}
	if (!may_speak_for(settings, name, realm)) {
		return yett_kerberos_say(ret_cause, YETT_EDENIED,
			"realm not accepted for this name",
			"add the name's domain to the realm's `suffixes` if it may",
			"the realm %s may not speak for %s", realm, name);
	}
	return 0;
}

/* Cut at its separators: exactly one '@', at most one '/'. False: something else is in it. */
static bool take_apart(char *text, char **ret_service, char **ret_host, char **ret_realm)
{
	char *at = strchr(text, '@'), *slash;

	if (at == NULL || at == text || at[1] == '\0' || strpbrk(text, "\\ \t\r\n") != NULL ||
		strpbrk(at + 1, "@/") != NULL) {
		return false;
	}
	*at = '\0';
	*ret_realm = at + 1;
	slash = strchr(text, '/');
	if (slash == NULL) {
		*ret_service = NULL;
		*ret_host = text;
		return true;
	}
	*slash = '\0';
	*ret_service = text;
	*ret_host = slash + 1;
	return *ret_service[0] != '\0' && *ret_host[0] != '\0' && strchr(*ret_host, '/') == NULL;
}

static bool is_service(const struct yett_kerberos_rule *rule, const char *service)
{
	const char **services = rule->settings->services.items;

	for (size_t i = 0; i < rule->settings->services.count; i++) {
		if (strcmp(services[i], service) == 0) {
			return true;
		}
	}
	return false;
}

/* NAME$ → name.suffix */
static bool machine_name(const struct yett_kerberos_rule *rule, const char *account,
	const char *realm, char *ret_name, size_t size)
{
	const struct yett_kerberos_realm_settings *settings;
	size_t length = strlen(account);
	const char *suffix = realm;

	if (!rule->settings->machine_accounts || length < 2 || account[length - 1] != '$' ||
		!is_label(account, length - 1) || !find_realm(rule, realm, &settings)) {
		return false;
	}
	if (settings != NULL && settings->suffixes.count > 0) {
		suffix = ((const char **)settings->suffixes.items)[0];
		suffix += suffix[0] == '.' ? 1 : 0;
	}
	return (size_t)snprintf(ret_name, size, "%.*s.%s", (int)length - 1, account, suffix) < size;
}

static int nobody(struct yett_kerberos_cause *ret_cause, const char *principal)
{
	return yett_kerberos_say(ret_cause, YETT_EDENIED, "principal names no node",
		"use host/FQDN@REALM or yett/FQDN@REALM (`services`), or say `machine-accounts` "
		"for "
		"Active Directory's NAME$@REALM",
		"the principal %.300s names no node by the rule of this one", principal);
}

int yett_kerberos_name_of(const struct yett_kerberos_rule *rule, const char *principal,
	char ret_name[YETT_KERBEROS_NAME_SIZE], char ret_realm[YETT_KERBEROS_REALM_SIZE],
	struct yett_kerberos_cause *ret_cause)
{
	char text[YETT_KERBEROS_PRINCIPAL_SIZE], name[YETT_KERBEROS_NAME_SIZE];
	char *service, *host, *realm;
	int result;

	if (strlen(principal) >= sizeof(text)) {
		return nobody(ret_cause, principal);
	}
	memcpy(text, principal, strlen(principal) + 1);
	if (!take_apart(text, &service, &host, &realm) ||
		strlen(realm) >= YETT_KERBEROS_REALM_SIZE) {
		return nobody(ret_cause, principal);
	}
	if (service != NULL) {
		if (!is_service(rule, service) || !is_fqdn(host) || strlen(host) >= sizeof(name)) {
			return nobody(ret_cause, principal);
		}
		memcpy(name, host, strlen(host) + 1);
	} else if (!machine_name(rule, host, realm, name, sizeof(name)) || !is_fqdn(name)) {
		return nobody(ret_cause, principal);
	}
	for (char *c = name; *c != '\0'; c++) {
		*c = (char)tolower((unsigned char)*c);
	}
	result = yett_kerberos_realm_ok(rule, realm, name, ret_cause);
	if (result == 0) {
		memcpy(ret_name, name, strlen(name) + 1);
		memcpy(ret_realm, realm, strlen(realm) + 1);
	}
	return result;
}
