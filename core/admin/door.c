/* The door of the API: who gets a connection, of those that there are.
 *
 * Responsible for accepting connections, for how many one user and all users have at a time, and for telling
 * who is refused why, as an answer that an HTTP client understands. So nobody who may look only can keep out
 * who has to mend something: some of the connections are for them alone. Not responsible for what a user may
 * (rights.c), nor for HTTP (server.c).
 *
 * On a thread of its own. Who is refused has mostly sent its request already: it is answered, and the socket
 * stays open for a moment until the client has read that and gone, for a close with bytes unread is an error
 * at the other end. Those are few as well: the oldest is closed for the newest. */
#include "door.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "request.h"

#define PATIENCE_NS (1 * YETT_SEC)
#define PAUSE_MS    100 /* where there is no descriptor to accept with */

struct refused {
	int fd;
	uint64_t until_ns;
};

struct yett_door {
	int socket, stop;
	uid_t own;
	struct yett_door_calls calls;
	pthread_t thread;
	bool runs;
	struct refused refused[YETT_DOOR_REFUSED]; /* the thread's; the oldest first */
	size_t refused_count;
	pthread_mutex_t mutex;
	pthread_cond_t entered;
	unsigned entering; /* taken, and not in yet */
	GHashTable *users; /* how many each has, by uid */
	unsigned all;
};

static bool is_trusted(const struct yett_door *door, uid_t uid)
{
	return uid == 0 || uid == door->own;
}

static unsigned count_of(struct yett_door *door, uid_t uid, unsigned *ret_all)
{
	unsigned count;

	pthread_mutex_lock(&door->mutex);
	count = GPOINTER_TO_UINT(g_hash_table_lookup(door->users, GUINT_TO_POINTER(uid)));
	*ret_all = door->all;
	pthread_mutex_unlock(&door->mutex);
	return count;
}

static void change_count(struct yett_door *door, uid_t uid, int by)
{
	unsigned count;

	pthread_mutex_lock(&door->mutex);
	count = GPOINTER_TO_UINT(g_hash_table_lookup(door->users, GUINT_TO_POINTER(uid)));
	if (count + (unsigned)by == 0) {
		g_hash_table_remove(door->users, GUINT_TO_POINTER(uid));
	} else {
		g_hash_table_insert(
			door->users, GUINT_TO_POINTER(uid), GUINT_TO_POINTER(count + (unsigned)by));
	}
	door->all += (unsigned)by;
	pthread_mutex_unlock(&door->mutex);
}

static void change_entering(struct yett_door *door, int by)
{
	pthread_mutex_lock(&door->mutex);
	door->entering += (unsigned)by;
	pthread_cond_signal(&door->entered);
	pthread_mutex_unlock(&door->mutex);
}

/* Why not; given. NULL: it may enter. Only where it is crowded is anybody looked up. */
static json_t *reason_against(struct yett_door *door, uid_t uid)
{
	unsigned all, of_one = count_of(door, uid, &all);

	if (all >= YETT_DOOR_ALL) {
		return yett_admin_error("EAGAIN", "try again in a moment",
			"all %d connections of this node's interface are taken", YETT_DOOR_ALL);
	}
	if (is_trusted(door, uid)) {
		return NULL;
	}
	if (of_one >= YETT_DOOR_OF_ONE) {
		return yett_admin_error("EAGAIN", "end some of them (yettctl --watch, --follow)",
			"you have %d connections to this node's interface, and nobody may have "
			"more",
			YETT_DOOR_OF_ONE);
	}
	if (all >= YETT_DOOR_ALL - YETT_DOOR_KEPT &&
		!door->calls.may_change(door->calls.arg, uid)) {
		return yett_admin_error("EAGAIN", "try again in a moment",
			"all connections of this node's interface are taken, but for those that "
			"are kept "
			"for who may change it");
	}
	return NULL;
}

static void forget_refused(struct yett_door *door, size_t i)
{
	close(door->refused[i].fd);
	memmove(&door->refused[i], &door->refused[i + 1],
		(--door->refused_count - i) * sizeof(door->refused[0]));
}

static void refuse(struct yett_door *door, int fd, json_t *why)
{
	char *body = json_dumps(why, JSON_COMPACT);
	g_autofree char *text =
		g_strdup_printf("HTTP/1.1 503 Service Unavailable\r\n"
				"Content-Type: application/json\r\nRetry-After: 1\r\n"
				"Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
			strlen(body), body);

	/* It is less than any socket holds: what does not go at once is somebody else's fault. */
	if (send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ||
		shutdown(fd, SHUT_WR) != 0) {
		close(fd);
		fd = -1;
	}
	free(body);
	json_decref(why);
	if (fd < 0) {
		return;
	}
	if (door->refused_count == YETT_DOOR_REFUSED) {
		forget_refused(door, 0);
	}
	door->refused[door->refused_count++] =
		(struct refused){fd, yett_clock_monotonic(&yett_clock_system) + PATIENCE_NS};
}

/* False: there is nobody, or nothing to accept with. */
static bool accept_one(struct yett_door *door)
{
	int fd = accept4(door->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred credentials;
	socklen_t length = sizeof(credentials);
	json_t *why;

	if (fd < 0) {
		return errno == EINTR || errno == ECONNABORTED;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
		close(fd);
		return true;
	}
	why = reason_against(door, credentials.uid);
	if (why != NULL) {
		refuse(door, fd, why);
		return true;
	}
	change_count(door, credentials.uid, 1);
	change_entering(door, 1);
	if (!door->calls.enter(door->calls.arg, fd, credentials.uid)) {
		change_entering(door, -1);
		change_count(door, credentials.uid, -1);
	}
	return true;
}

/* What they still send is nobody's; then they go, or have to. */
static void mind_refused(struct yett_door *door)
{
	uint64_t now_ns = yett_clock_monotonic(&yett_clock_system);
	char bytes[4096];

	for (size_t i = door->refused_count; i > 0; i--) {
		const struct refused *one = &door->refused[i - 1];
		ssize_t n = recv(one->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
			now_ns >= one->until_ns) {
			forget_refused(door, i - 1);
		}
	}
}

static void *run(void *arg)
{
	struct yett_door *door = arg;
	bool starved = false;

	for (;;) {
		struct pollfd polls[2 + YETT_DOOR_REFUSED] = {
			{.fd = door->stop, .events = POLLIN},
			{.fd = starved ? -1 : door->socket, .events = POLLIN},
		};
		int wait_ms = starved ? PAUSE_MS : door->refused_count > 0 ? PAUSE_MS * 2 : -1;

		for (size_t i = 0; i < door->refused_count; i++) {
			polls[2 + i] = (struct pollfd){.fd = door->refused[i].fd, .events = POLLIN};
		}
		if (poll(polls, 2 + door->refused_count, wait_ms) < 0 && errno != EINTR) {
			break;
		}
		if (polls[0].revents != 0) {
			break;
		}
		mind_refused(door);
		starved = !starved && polls[1].revents != 0 && !accept_one(door) && errno != EAGAIN;
	}
	return NULL;
}

int yett_door_open(int socket, uid_t own, const struct yett_door_calls *calls,
	struct yett_door **ret_door, struct yett_error *error)
{
	struct yett_door *door = g_new0(struct yett_door, 1);
	pthread_condattr_t monotonic;
	sigset_t all, before;

	door->socket = socket;
	door->own = own;
	door->calls = *calls;
	door->users = g_hash_table_new(NULL, NULL);
	door->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&door->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&door->entered, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*ret_door = door; /* who enters at once may leave at once */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	door->runs = door->stop >= 0 && pthread_create(&door->thread, NULL, run, door) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!door->runs) {
		yett_door_free(door);
		*ret_door = NULL;
		return yett_fail(error, YETT_EAGAIN,
			"raise the limits of open files and of processes (LimitNOFILE, TasksMax)",
			"there is no thread for the admin socket");
	}
	pthread_setname_np(door->thread, "admin-door");
	return 0;
}

void yett_door_entered(struct yett_door *door)
{
	change_entering(door, -1);
}

void yett_door_left(struct yett_door *door, uid_t uid)
{
	change_count(door, uid, -1);
}

static void await_entering(struct yett_door *door)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(PATIENCE_NS / YETT_SEC);
	pthread_mutex_lock(&door->mutex);
	while (door->entering > 0 &&
		pthread_cond_timedwait(&door->entered, &door->mutex, &until) == 0) {
	}
	pthread_mutex_unlock(&door->mutex);
}

void yett_door_close(struct yett_door *door)
{
	uint64_t one = 1;

	if (door->runs) {
		YETT_REQUIRE(write(door->stop, &one, sizeof(one)) == sizeof(one));
		pthread_join(door->thread, NULL);
		door->runs = false;
		await_entering(door);
	}
	while (door->refused_count > 0) {
		forget_refused(door, 0);
	}
}

void yett_door_free(struct yett_door *door)
{
	yett_door_close(door);
	if (door->stop >= 0) {
		close(door->stop);
	}
	g_hash_table_unref(door->users);
	pthread_cond_destroy(&door->entered);
	pthread_mutex_destroy(&door->mutex);
	g_free(door);
}
