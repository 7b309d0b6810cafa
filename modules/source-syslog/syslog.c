/* source-syslog: takes syslog messages from this computer's programs at a local socket, as syslog(3)
 * sends them, and from others over UDP. Each becomes an event named syslog.message, with the
 * attributes log.syslog.…; where it came from is told by the kernel and not by the message:
 * process.pid and process.user.id, or network.peer.address and port.
 *
 * This file is the module, the reading and the telling; message.c knows the language, sockets.c the
 * sockets. A message that is not understood is told as it came, with yett.malformed. One that is
 * longer than `message-max` is cut, with yett.truncated.
 *
 * There is no position: what a socket gave is gone from it. While the node pushes back nothing is
 * read, so programs on this computer wait in syslog(3), and what comes over UDP is dropped by the
 * kernel, counted and told. Runs on the source's thread, which sleeps only in poll(2). */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "syslog.h"

#define SECOND  INT64_C(1000000000)
#define LOOK_NS UINT64_C(1000000000)

/* The attributes of a message beside its structured data. */
#define FIXED_MAX 16

_Static_assert(FIXED_MAX + SYSLOG_PARAMS_MAX <= YETT_RECORD_MAX_ATTRIBUTES, "too many attributes");

static int check(const struct yett_host *host, const void *with, struct yett_error *error)
{
	const struct settings *settings = with;
	struct sockaddr_storage address;
	socklen_t length;
	mode_t mode;

	if (settings->path == NULL && settings->udp == NULL) {
		return host->fail(error, YETT_ECONFIG, "give path, udp or both",
			"there is nothing to take syslog messages from");
	}
	if (settings->path != NULL &&
		strlen(settings->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		return host->fail(error, YETT_ECONFIG, "choose one of at most 107 bytes",
			"the path of a socket cannot be as long as this: %s", settings->path);
	}
	if (yett_syslog_mode(settings->mode, &mode) != 0) {
		return host->fail(error, YETT_ECONFIG, "write it in octal, as \"0660\"",
			"'%s' is no mode of a file", settings->mode);
	}
	if (settings->udp != NULL && yett_syslog_address(settings->udp, &address, &length) != 0) {
		return host->fail(error, YETT_ECONFIG,
			"write it as \"192.0.2.1:514\" or \"[::]:514\"; names are not looked up",
			"'%s' is no address to listen at", settings->udp);
	}
	return 0;
}

static void destroy(void *arg)
{
	struct syslog *self = arg;

	yett_syslog_close(self);
	free(self->bytes);
	free(self);
}

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	struct syslog *self = calloc(1, sizeof(*self));

	if (self == NULL) {
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for %s", with->name);
	}
	self->host = host;
	self->settings = with->settings;
	self->sockets[SOCKET_LOCAL] = self->sockets[SOCKET_UDP] = -1;
	self->bytes = malloc(SYSLOG_BATCH * self->settings->message_max);
	if (self->bytes == NULL) {
		destroy(self);
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for %s", with->name);
	}
	*ret_self = self;
	return 0;
}

static int start(void *arg, struct yett_error *error)
{
	return yett_syslog_open(arg, error);
}

static void stop(void *arg)
{
	yett_syslog_close(arg);
}

/* A record in the making. */
struct event {
	struct yett_attribute attributes[YETT_RECORD_MAX_ATTRIBUTES];
	size_t count;
	char address[INET6_ADDRSTRLEN];
	/* of structured data: log.syslog.sd.<id>.<name>[.<nth>] */
	char keys[SYSLOG_PARAMS_MAX][96];
};

static void add_text(struct event *event, const char *key, struct yett_text text)
{
	if (text.length > 0) {
		event->attributes[event->count++] = (struct yett_attribute){
			yett_text(key), {.type = YETT_VALUE_TEXT, .text = text}};
	}
}

static void add_value(struct event *event, const char *key, struct yett_value value)
{
	event->attributes[event->count++] = (struct yett_attribute){yett_text(key), value};
}

static void add_peer(struct event *event, const struct msghdr *header)
{
	const struct sockaddr *peer = header->msg_name;
	const void *address = NULL;
	uint16_t port = 0;

	if (peer->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = header->msg_name;

		address = &v4->sin_addr;
		port = v4->sin_port;
	} else if (peer->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = header->msg_name;

		address = &v6->sin6_addr;
		port = v6->sin6_port;
	}
	if (address != NULL && inet_ntop(peer->sa_family, address, event->address,
				       sizeof(event->address)) != NULL) {
		add_text(event, "network.peer.address", yett_text(event->address));
		add_value(event, "network.peer.port", yett_value_int(ntohs(port)));
	}
}

static void add_sender(struct event *event, struct msghdr *header)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		struct ucred sender;

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&sender, CMSG_DATA(c), sizeof(sender));
			add_value(event, "process.pid", yett_value_int(sender.pid));
			add_value(event, "process.user.id", yett_value_int(sender.uid));
		}
	}
}

/* Two parameters can come to the same key (a name may come again, and "a.b" with "c" reads as "a" with
 * "b.c"): the later one gets a number. */
static void make_key(struct event *event, size_t i, const struct syslog_param *param)
{
	size_t size = sizeof(event->keys[i]);
	unsigned nth = 1;
	int length = snprintf(event->keys[i], size, "log.syslog.sd.%.*s.%.*s",
		(int)param->id.length, param->id.bytes, (int)param->name.length, param->name.bytes);

	for (size_t j = 0; j < i;) {
		if (strcmp(event->keys[i], event->keys[j]) != 0) {
			j++;
			continue;
		}
		snprintf(event->keys[i] + length, size - (size_t)length, ".%u", ++nth);
		j = 0;
	}
}

static void add_params(struct event *event, const struct syslog_message *message)
{
	for (size_t i = 0; i < message->param_count; i++) {
		const struct syslog_param *param = &message->params[i];

		make_key(event, i, param);
		/* an empty value is a value here */
		add_value(event, event->keys[i],
			(struct yett_value){.type = YETT_VALUE_TEXT, .text = param->value});
	}
}

/* The time of the message, unless it knows only the second and ours is in it, or just after. */
static int64_t choose_time(const struct syslog_message *message, int64_t now_ns)
{
	int64_t ahead_ns = now_ns - message->time_ns;

	if (!message->has_time ||
		(!message->has_fraction && ahead_ns >= 0 && ahead_ns < 2 * SECOND)) {
		return now_ns;
	}
	return message->time_ns;
}

static int tell(
	struct syslog *self, enum syslog_socket from, struct mmsghdr *datagram, int64_t now_ns)
{
	struct syslog_message *message = &self->message;
	const struct yett_host *host = self->host;
	bool truncated = (datagram->msg_hdr.msg_flags & MSG_TRUNC) != 0;
	struct event event;
	struct yett_record record = {
		.size = sizeof(record),
		.kind = YETT_RECORD_EVENT,
		.name = yett_text("syslog.message"),
		.attributes = event.attributes,
	};
	int r;

	event.count = 0;
	yett_syslog_parse(datagram->msg_hdr.msg_iov->iov_base, datagram->msg_len,
		from == SOCKET_LOCAL, now_ns, message);
	if (message->malformed) {
		host->metric(host->instance, METRIC_MALFORMED, 1);
		add_value(&event, "yett.malformed", yett_value_bool(true));
	} else {
		record.severity = yett_syslog_severity(message->severity);
		add_value(&event, "log.syslog.facility.code", yett_value_int(message->facility));
		add_value(&event, "log.syslog.severity.code", yett_value_int(message->severity));
	}
	if (message->version != 0) {
		add_value(&event, "log.syslog.version", yett_value_int(message->version));
	}
	add_text(&event, "log.syslog.hostname", message->hostname);
	add_text(&event, "log.syslog.appname", message->appname);
	add_text(&event, "log.syslog.procid", message->procid);
	add_text(&event, "log.syslog.msgid", message->msgid);
	if (from == SOCKET_LOCAL) {
		add_sender(&event, &datagram->msg_hdr);
	} else {
		add_peer(&event, &datagram->msg_hdr);
	}
	if (truncated) {
		host->metric(host->instance, METRIC_TRUNCATED, 1);
	}
	if (truncated || message->more_params) {
		add_value(&event, "yett.truncated", yett_value_bool(true));
	}
	add_params(&event, message);
	record.time_ns = choose_time(message, now_ns);
	record.body = message->body;
	record.attribute_count = event.count;
	r = self->sink->record(self->sink->self, YETT_LANE_NORMAL, &record);
	return r == YETT_ELIMIT ? 0 : r;
}

/* The kernel says with each datagram how many it has dropped so far. */
static void count_dropped(struct syslog *self, struct msghdr *header)
{
	const struct yett_host *host = self->host;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		uint32_t dropped, more;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL) {
			continue;
		}
		memcpy(&dropped, CMSG_DATA(c), sizeof(dropped));
		more = dropped - self->dropped;
		self->dropped = dropped;
		if (more > 0) {
			host->metric(host->instance, METRIC_DROPPED, more);
			host->log(host->instance, YETT_LOG_WARNING, "syslog-dropped",
				"%u syslog messages over UDP were dropped by the kernel, since "
				"they "
				"came faster than they were taken; a larger buffer bears longer "
				"bursts messages=%u",
				more, more);
		}
	}
}

/* Takes what one system call gives. Returns how many were told, YETT_EAGAIN if there was none. */
static int receive(struct syslog *self, enum syslog_socket from)
{
	const struct yett_host *host = self->host;
	size_t max = self->settings->message_max;
	/* Open files that a local program sends along come after the credentials: the kernel opens none of
	 * them here, since there is no room for them. */
	size_t room = from == SOCKET_LOCAL ? CMSG_SPACE(sizeof(struct ucred))
					   : sizeof(self->controls[0].bytes);
	int64_t now_ns;
	int count;

	for (size_t i = 0; i < SYSLOG_BATCH; i++) {
		self->pieces[i] = (struct iovec){.iov_base = self->bytes + i * max, .iov_len = max};
		self->headers[i].msg_hdr = (struct msghdr){.msg_name = &self->peers[i],
			.msg_namelen = sizeof(self->peers[i]),
			.msg_iov = &self->pieces[i],
			.msg_iovlen = 1,
			.msg_control = self->controls[i].bytes,
			.msg_controllen = room};
	}
	count = recvmmsg(self->sockets[from], self->headers, SYSLOG_BATCH, MSG_DONTWAIT, NULL);
	if (count < 0) {
		return errno == EAGAIN || errno == EINTR ? YETT_EAGAIN : YETT_EIO;
	}
	now_ns = host->wall_ns(host->instance);
	for (int i = 0; i < count; i++) {
		int r;

		count_dropped(self, &self->headers[i].msg_hdr);
		r = tell(self, from, &self->headers[i], now_ns);
		if (r != 0) {
			host->log(host->instance, YETT_LOG_NOTICE, "syslog-not-taken",
				"%d syslog messages that were read could not be told, since the "
				"node stops messages=%d",
				count - i, count - i);
			return r;
		}
	}
	host->metric(host->instance, METRIC_MESSAGES, count);
	return count;
}

/* Another daemon, or somebody who cleans up, has taken the socket's place: what has come is told, then it is
 * made anew. Where that fails now (somebody listens there), it is tried again when the core says. */
static int make_anew(struct syslog *self, struct yett_error *error)
{
	int r = 0;

	self->host->log(self->host->instance, YETT_LOG_WARNING, "syslog-replaced",
		"the socket at %s is gone, or is another one; it is made anew path=%s",
		self->settings->path, self->settings->path);
	for (int i = 0; i < SOCKETS; i++) {
		while (self->sockets[i] >= 0 && (r = receive(self, (enum syslog_socket)i)) > 0) {
		}
		if (r == YETT_ECLOSED) {
			return r;
		}
	}
	yett_syslog_close(self);
	return yett_syslog_open(self, error);
}

static int poll_syslog(void *arg, const struct yett_sink *sink, uint64_t deadline_ns,
	uint64_t *ret_next_ns, struct yett_error *error)
{
	struct syslog *self = arg;
	const struct yett_host *host = self->host;
	struct pollfd fds[SOCKETS + 1] = {{.fd = sink->wake_fd, .events = POLLIN}};
	struct timespec left = yett_time_left(host, deadline_ns);

	self->sink = sink;
	*ret_next_ns = 0;
	if (host->monotonic_ns(host->instance) - self->looked_ns >= LOOK_NS) {
		int r = yett_syslog_is_gone(self) ? make_anew(self, error) : 0;

		if (r != 0) {
			return r;
		}
		self->looked_ns = host->monotonic_ns(host->instance);
	}
	for (int i = 0; i < SOCKETS; i++) {
		fds[i + 1] = (struct pollfd){.fd = self->sockets[i], .events = POLLIN};
	}
	if (ppoll(fds, SOCKETS + 1, &left, NULL) <= 0 || fds[0].revents != 0) {
		return 0;
	}
	for (int i = 0; i < SOCKETS; i++) {
		int r = fds[i + 1].revents != 0 ? receive(self, (enum syslog_socket)i) : 0;

		if (r == YETT_EIO) {
			return host->fail(error, r, NULL, "cannot read syslog messages %s: %s",
				i == SOCKET_LOCAL ? "from this computer" : "over UDP",
				strerror(errno));
		}
		if (r < 0 && r != YETT_EAGAIN) {
			return r;
		}
	}
	return 0;
}

static const struct yett_life life = {
	.size = sizeof(life),
	.check = check,
	.create = create,
	.start = start,
	.stop = stop,
	.destroy = destroy,
};

static const struct yett_source_operations operations = {
	.size = sizeof(operations),
	.poll = poll_syslog,
};

static const struct yett_schema schema[] = {
	YETT_ROW_PATH(struct settings, path, "path", 0, NULL,
		"Where the socket for this computer's programs is made, such as /dev/log. None if "
		"it is left out."),
	YETT_ROW_STRING(struct settings, mode, "mode", 0, "0660",
		"The mode of that socket, in octal: who may write to it."),
	YETT_ROW_STRING(struct settings, udp, "udp", 0, NULL,
		"Address and port to take messages over UDP at, such as \"127.0.0.1:5514\". Nobody "
		"proves who they are there. A port below 1024 takes CAP_NET_BIND_SERVICE. None if "
		"it is left out."),
	YETT_ROW_SIZE(struct settings, message_max, "message-max", 0, "8 KiB", 480, 65536,
		"What is longer is cut."),
	YETT_ROW_SIZE(struct settings, buffer, "buffer", 0, "1 MiB", 4096, 64 * 1024 * 1024,
		"How much may wait in each socket; the kernel may allow less "
		"(net.core.rmem_max)."),
	YETT_ROW_END,
};

static const struct yett_metric metrics[] = {
	{"messages", "{message}", "Messages that were taken.", YETT_METRIC_COUNTER},
	{"malformed", "{message}", "Messages that were not understood, and told as they came.",
		YETT_METRIC_COUNTER},
	{"truncated", "{message}", "Messages that were cut.", YETT_METRIC_COUNTER},
	{"dropped", "{message}", "Messages over UDP that the kernel dropped.", YETT_METRIC_COUNTER},
	{NULL, NULL, NULL, 0},
};

YETT_MODULE(.kind = YETT_KIND_SOURCE, .name = "source-syslog", .version = "0.1.0",
	.licence = "Apache-2.0", .summary = "Takes syslog messages, local and over UDP.",
	.life = &life, .operations = &operations, .schema = schema, .metrics = metrics,
	.settings_size = sizeof(struct settings));
