/* The environment of libraries that have one for the whole process.
 *
 * Responsible for Kerberos alone: what the invoker's environment says of it (keytabs, caches, traces,
 * another configuration) does not count, since it would change whom this node trusts; the file that
 * the configuration names does. Before any thread is there. */
#include "environment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static const char *const prefixes[] = {"KRB5", "GSS_", "GSSAPI_"};

static bool counts_not(const char *variable)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0) {
			return true;
		}
	}
	return false;
}

void yett_environment_clean(void)
{
	char name[128];

	for (char **at = environ; at != NULL && *at != NULL;) {
		size_t length = strcspn(*at, "=");

		if (!counts_not(*at) || length >= sizeof(name)) {
			at++;
			continue;
		}
		memcpy(name, *at, length);
		name[length] = '\0';
		unsetenv(name);
		at = environ; /* it has moved */
	}
}

int yett_environment_set(const char *krb5_config, struct yett_error *error)
{
	struct stat status;

	if (krb5_config[0] == '\0') {
		return 0;
	}
	/* The library would do without it, as if it were empty. */
	if (access(krb5_config, R_OK) != 0 || stat(krb5_config, &status) != 0) {
		return yett_fail(error, errno == EACCES ? YETT_EPERM : YETT_ENOTFOUND,
			"give the path of a krb5.conf that the daemon's user may read",
			"the file of krb5-config, %s, cannot be read: %s", krb5_config,
			strerror(errno));
	}
	/* It names KDCs, and libraries to load (plugins). */
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		return yett_fail(error, YETT_EPERM, "chmod go-w it",
			"the file of krb5-config, %s, may be changed by others than its owner "
			"(mode %04o)",
			krb5_config, (unsigned)(status.st_mode & 07777));
	}
	return setenv("KRB5_CONFIG", krb5_config, 1) == 0
		       ? 0
		       : yett_fail(error, YETT_ENOMEM, NULL, "no memory for the environment");
}
