/* What the files of source-syslog share. All of it is used by the source's thread alone. */
#ifndef YETT_SOURCE_SYSLOG_H
#define YETT_SOURCE_SYSLOG_H

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <yett/module.h>
#include <yett/source.h>

#include "message.h"

#define SYSLOG_BATCH 32 /* datagrams taken by one system call */

enum {
	METRIC_MESSAGES,
	METRIC_MALFORMED,
	METRIC_TRUNCATED,
	METRIC_DROPPED,
};

struct settings {
	const char *path; /* of the local socket, or NULL */
	const char *mode;
	const char *udp; /* address to listen at, or NULL */
	uint64_t message_max;
	uint64_t buffer;
};

enum syslog_socket { SOCKET_LOCAL, SOCKET_UDP, SOCKETS };

struct syslog {
	const struct yett_host *host;
	const struct settings *settings;
	const struct yett_sink *sink; /* of the poll that is under way */
	int sockets[SOCKETS];         /* -1: not listened at */
	struct stat made;             /* the local socket's file, so that no other is removed */
	uint64_t looked_ns;           /* whether it is there still */
	uint32_t dropped;             /* by the kernel, as it last said */
	struct mmsghdr headers[SYSLOG_BATCH];
	struct iovec pieces[SYSLOG_BATCH];
	struct sockaddr_storage peers[SYSLOG_BATCH];
	union { /* room for what comes with a datagram, aligned as it must be */
		char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(uint32_t))];
		struct cmsghdr align;
	} controls[SYSLOG_BATCH];
	char *bytes; /* SYSLOG_BATCH × message_max */
	struct syslog_message message;
};

/* Splits and reads "host:port", numbers only. Returns 0 or an EAI_… error. */
int yett_syslog_address(
	const char *text, struct sockaddr_storage *ret_address, socklen_t *ret_length);
int yett_syslog_mode(const char *text, mode_t *ret_mode);
/* Open what the settings say; on failure say why. */
int yett_syslog_open(struct syslog *self, struct yett_error *error);
void yett_syslog_close(struct syslog *self);
/* Whether the local socket is not at its path any more: what programs send does not come here. */
bool yett_syslog_is_gone(const struct syslog *self);

#endif
