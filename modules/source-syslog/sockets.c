/* The sockets of source-syslog: a local one at a path, like /dev/log, and one for UDP.
 *
 * The local one gets its mode before it gets its name, so that it never stands open wider than the
 * settings say. A socket that a dead process left behind is replaced; one that somebody listens at,
 * a link or a file is not touched. Only the very file that was made is removed at the end.
 *
 * UDP addresses are numbers: no name service is asked. Runs on the source's thread. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "syslog.h"

int yett_syslog_mode(const char *text, mode_t *ret_mode)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (text[0] < '0' || text[0] > '7' || *end != '\0' || mode > 0777) {
		return YETT_ECONFIG;
	}
	*ret_mode = (mode_t)mode;
	return 0;
}

int yett_syslog_address(
	const char *text, struct sockaddr_storage *ret_address, socklen_t *ret_length)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM};
	const char *colon = strrchr(text, ':');
	char host[128];
	size_t length;
	struct addrinfo *found;
	int r;

	/* getaddrinfo would take a port of 70000 for one of 4464 */
	if (colon == NULL || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
		strlen(colon + 1) > 5 || colon[1] == '\0' || strtoul(colon + 1, NULL, 10) > 65535) {
		return EAI_NONAME;
	}
	length = (size_t)(colon - text);
	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	} else if (memchr(text, ':', length) != NULL) {
		return EAI_NONAME; /* an IPv6 address without brackets */
	}
	if (length == 0 || length >= sizeof(host)) {
		return EAI_NONAME;
	}
	memcpy(host, text, length);
	host[length] = '\0';
	r = getaddrinfo(host, colon + 1, &hints, &found);
	if (r != 0) {
		return r;
	}
	memcpy(ret_address, found->ai_addr, found->ai_addrlen);
	*ret_length = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int refuse(struct syslog *self, struct yett_error *error, const char *what)
{
	int code = errno == EADDRINUSE                 ? YETT_EEXIST
		   : errno == EACCES || errno == EPERM ? YETT_EPERM
						       : YETT_EUNAVAIL;
	const char *mend = NULL;

	if (code == YETT_EPERM && what == self->settings->udp) {
		mend = "choose a port from 1024 on, or grant CAP_NET_BIND_SERVICE";
	} else if (code == YETT_EPERM) {
		mend = "let the user that the daemon runs as do it, or choose another place";
	}
	return self->host->fail(error, code, mend, "cannot listen for syslog messages at %s: %s",
		what, strerror(errno));
}

/* Makes way for our socket where that takes nothing from anybody. */
static int clear_path(
	struct syslog *self, const struct sockaddr_un *address, struct yett_error *error)
{
	const char *path = self->settings->path;
	struct stat st;
	int fd, r;

	if (lstat(path, &st) != 0) {
		return errno == ENOENT ? 0 : refuse(self, error, path);
	}
	if (!S_ISSOCK(st.st_mode)) {
		return self->host->fail(error, YETT_EEXIST,
			"choose another path; where systemd's journal takes the messages, as its "
			"link at /dev/log says, use source-journal",
			"%s is there already and is no socket", path);
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return refuse(self, error, path);
	}
	r = connect(fd, (const struct sockaddr *)(const void *)address, sizeof(*address));
	if (r == 0 || errno != ECONNREFUSED) {
		close(fd);
		return self->host->fail(error, YETT_EEXIST,
			"stop the other one, or choose another path",
			"another process takes messages at %s", path);
	}
	close(fd);
	return unlink(path) == 0 || errno == ENOENT ? 0 : refuse(self, error, path);
}

static int open_local(struct syslog *self, struct yett_error *error)
{
	const char *path = self->settings->path;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, on = 1, size = (int)self->settings->buffer, r;
	mode_t mode = 0;

	r = yett_syslog_mode(self->settings->mode, &mode);
	if (r != 0 || strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return refuse(self, error, path);
	}
	memcpy(address.sun_path, path, strlen(path));
	r = clear_path(self, &address, error);
	if (r != 0) {
		return r;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return refuse(self, error, path);
	}
	self->sockets[SOCKET_LOCAL] = fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)); /* as far as it is allowed */
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
		fchmod(fd, mode) != 0 ||
		bind(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) != 0) {
		return refuse(self, error, path);
	}
	if (lstat(path, &self->made) != 0 || chmod(path, mode) != 0) { /* whatever the umask took */
		return refuse(self, error, path);
	}
	return 0;
}

static int open_udp(struct syslog *self, struct yett_error *error)
{
	struct sockaddr_storage address;
	socklen_t length = 0;
	int fd, on = 1, size = (int)self->settings->buffer;

	if (yett_syslog_address(self->settings->udp, &address, &length) != 0) {
		errno = EINVAL;
		return refuse(self, error, self->settings->udp);
	}
	fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return refuse(self, error, self->settings->udp);
	}
	self->sockets[SOCKET_UDP] = fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	if (address.ss_family == AF_INET6) {
		/* [::] takes IPv4 too, whatever the computer's default is */
		int off = 0;

		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	}
	if (bind(fd, (const struct sockaddr *)(const void *)&address, length) != 0) {
		return refuse(self, error, self->settings->udp);
	}
	return 0;
}

int yett_syslog_open(struct syslog *self, struct yett_error *error)
{
	int r = 0;

	memset(&self->made, 0, sizeof(self->made));
	self->dropped = 0;
	if (self->settings->path != NULL) {
		r = open_local(self, error);
	}
	if (r == 0 && self->settings->udp != NULL) {
		r = open_udp(self, error);
	}
	if (r != 0) {
		yett_syslog_close(self);
	}
	return r;
}

static bool is_ours(const struct syslog *self)
{
	struct stat st;

	return self->made.st_ino != 0 && lstat(self->settings->path, &st) == 0 &&
	       st.st_dev == self->made.st_dev && st.st_ino == self->made.st_ino;
}

bool yett_syslog_is_gone(const struct syslog *self)
{
	return self->settings->path != NULL && !is_ours(self);
}

void yett_syslog_close(struct syslog *self)
{
	if (is_ours(self)) {
		unlink(self->settings->path);
	}
	memset(&self->made, 0, sizeof(self->made));
	for (int i = 0; i < SOCKETS; i++) {
		if (self->sockets[i] >= 0) {
			close(self->sockets[i]);
			self->sockets[i] = -1;
		}
	}
}
