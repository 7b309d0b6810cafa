/* Addresses as people write them.
 *
 * Responsible for "host:port", "[v6]:port", "host" → one form that always has a port, so that two
 * listeners on one address are seen, and for refusals that say what to write. Never asks DNS. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/name.h"
#include "check.h"

#define PORT 5723

static int refuse(struct yett_error *error, const char *mend, const char *text, const char *why)
{
	return yett_fail(error, YETT_ECONFIG, mend, "\"%.100s\" %s", text, why);
}

static int parse_port(const char *text, bool zero, const char *whole, unsigned *ret_port,
	struct yett_error *error)
{
	size_t n = strspn(text, "0123456789");
	unsigned long port = n > 0 && n <= 5 && text[n] == '\0' ? strtoul(text, NULL, 10) : 65536;

	if (port > 65535 || (port == 0 && !zero)) {
		return refuse(error, "write a port from 1 to 65535", whole, "has a wrong port");
	}
	*ret_port = (unsigned)port;
	return 0;
}

static int parse_v6(
	const char *text, bool literal, char *ret_text, size_t size, struct yett_error *error)
{
	const char *end = strchr(text, ']');
	char host[INET6_ADDRSTRLEN], plain[INET6_ADDRSTRLEN + 20];
	struct in6_addr address;
	unsigned port = PORT;

	if (end == NULL || (size_t)(end - text) > sizeof(plain) - 1) {
		return refuse(error, "write \"[::]:5723\"", text, "lacks a ']'");
	}
	snprintf(plain, sizeof(plain), "%.*s", (int)(end - text - 1), text + 1);
	if (inet_pton(AF_INET6, plain, &address) != 1) {
		return refuse(error, "write for example \"[::1]:5723\"", text,
			"has no IPv6 address in its brackets");
	}
	if (end[1] != '\0' &&
		(end[1] != ':' || parse_port(end + 2, literal, text, &port, error) != 0)) {
		return refuse(error, "write for example \"[::1]:5723\"", text,
			"goes on wrongly behind ']'");
	}
	(void)inet_ntop(AF_INET6, &address, host, sizeof(host));
	snprintf(ret_text, size, "[%s]:%u", host, port);
	return 0;
}

int yett_address_normalise(
	const char *text, bool literal, char *ret_text, size_t size, struct yett_error *error)
{
	const char *colon = strchr(text, ':');
	struct in_addr v4;
	unsigned port = PORT;
	char host[256];
	size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);

	if (text[0] == '[') {
		return parse_v6(text, literal, ret_text, size, error);
	}
	if (colon != NULL && strchr(colon + 1, ':') != NULL) {
		return refuse(error, "write \"[ADDRESS]:PORT\"", text,
			"is an IPv6 address without brackets");
	}
	if (length == 0 || length >= sizeof(host) || text[0] == '*') {
		return refuse(error,
			literal ? "write \"0.0.0.0:5723\" or \"[::]:5723\" for every address"
				: "write for example \"gateway.example:5723\"",
			text, "has no address");
	}
	memcpy(host, text, length);
	host[length] = '\0';
	if (colon != NULL && parse_port(colon + 1, literal, text, &port, error) != 0) {
		return YETT_ECONFIG;
	}
	if (inet_pton(AF_INET, host, &v4) != 1) {
		if (literal) {
			return refuse(error, "write for example \"0.0.0.0:5723\" or \"[::]:5723\"",
				text, "is no IP address");
		}
		if (strspn(host, "0123456789.") == length ||
			yett_name_normalise(host, host, sizeof(host)) != 0) {
			return refuse(error, "write for example \"gateway.example:5723\"", text,
				"is neither a host name nor an IP address");
		}
	}
	snprintf(ret_text, size, "%s:%u", host, port);
	return 0;
}
