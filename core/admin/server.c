/* The API's server: HTTP on a UNIX socket.
 *
 * Responsible for the socket (0660, a stale one is replaced, a live one is not), for whose request it
 * is (by the peer's credentials), and for carrying it to the loop and its answer back. Not responsible
 * for what a user may (rights.c) nor for the answers (routes.c, records.c). libmicrohttpd has a thread for each connection, at most a few; such a thread posts its
 * request to the loop and waits, with a deadline. When the daemon ends, whoever waits gets a 503. */
#include "admin.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../base/file.h"
#include "../base/log.h"
#include "../base/name.h"
#include "request.h"
#include "rights.h"
#include "scrape.h"

#define CONNECTIONS_MAX 32
#define IDLE_S          30
#define ANSWER_S        10
#define BODY_MAX        (64 * 1024)
#define PATHS_MAX       64

struct yett_admin {
	struct yett_manage *manage;
	const struct yett_loader *loader;
	struct yett_loop *loop;
	struct MHD_Daemon *http;
	struct yett_scrape *scrape;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int socket;
	pthread_mutex_t mutex;
	/* Under the mutex: */
	char view_group[64], change_group[64];
	bool stopping;
};

/* A request with the thread that waits for it. Whoever comes last frees it. */
struct waiter {
	struct yett_admin_request request; /* first */
	struct yett_admin *admin;
	pthread_mutex_t mutex;
	pthread_cond_t answered;
	bool done;      /* the loop has answered */
	bool abandoned; /* nobody waits any more */
	struct yett_admin_argument copies[YETT_ADMIN_ARGUMENTS_MAX];
};

static void waiter_free(struct waiter *waiter)
{
	json_decref(waiter->request.body);
	for (size_t i = 0; i < waiter->request.argument_count; i++) {
		g_free((char *)(uintptr_t)waiter->request.arguments[i].key);
		g_free((char *)(uintptr_t)waiter->request.arguments[i].value);
	}
	json_decref(waiter->request.json);
	g_free(waiter->request.text);
	pthread_mutex_destroy(&waiter->mutex);
	pthread_cond_destroy(&waiter->answered);
	g_free(waiter);
}

/* On the loop: the answer is there. */
static void finished(struct yett_admin_request *request)
{
	struct waiter *waiter = (struct waiter *)request;
	bool abandoned;

	pthread_mutex_lock(&waiter->mutex);
	waiter->done = true;
	abandoned = waiter->abandoned;
	pthread_cond_signal(&waiter->answered);
	pthread_mutex_unlock(&waiter->mutex);
	if (abandoned) {
		waiter_free(waiter);
	}
}

static void run_on_loop(void *arg)
{
	struct waiter *waiter = arg;

	if (waiter->request.change != NULL) {
		waiter->request.change->run(&waiter->request);
	} else {
		waiter->request.route->run(&waiter->request);
	}
}

static struct waiter *waiter_new(struct yett_admin *admin)
{
	struct waiter *waiter = g_new0(struct waiter, 1);
	pthread_condattr_t attributes;

	waiter->admin = admin;
	waiter->request.manage = admin->manage;
	waiter->request.loader = admin->loader;
	waiter->request.finished = finished;
	pthread_mutex_init(&waiter->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&waiter->answered, &attributes);
	pthread_condattr_destroy(&attributes);
	return waiter;
}

static enum MHD_Result send_text(
	struct MHD_Connection *connection, unsigned status, const char *type, const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* Takes the JSON. */
static enum MHD_Result send_json(struct MHD_Connection *connection, unsigned status, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);
	enum MHD_Result result =
		send_text(connection, status, "application/json", text != NULL ? text : "null");

	free(text);
	json_decref(json);
	return result;
}

/* Posts the request and waits for its answer. Takes the waiter. */
static enum MHD_Result ask_loop(struct MHD_Connection *connection, struct waiter *waiter)
{
	struct yett_admin *admin = waiter->admin;
	struct timespec until;
	enum MHD_Result result;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ANSWER_S;
	pthread_mutex_lock(&admin->mutex);
	if (!admin->stopping) {
		waiter->request.post = (struct yett_post){.fn = run_on_loop, .arg = waiter};
		admin->loop->table->post(admin->loop, &waiter->request.post);
	}
	pthread_mutex_unlock(&admin->mutex);
	pthread_mutex_lock(&waiter->mutex);
	while (!waiter->done) {
		if (pthread_cond_timedwait(&waiter->answered, &waiter->mutex, &until) != 0) {
			break;
		}
	}
	if (!waiter->done) {
		waiter->abandoned = true;
		pthread_mutex_unlock(&waiter->mutex);
		return send_json(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
			yett_admin_error("ETIMEOUT", "try again; look at the load of the node",
				"no answer within %d s", ANSWER_S));
	}
	pthread_mutex_unlock(&waiter->mutex);
	if (waiter->request.text != NULL) {
		result = send_text(connection, waiter->request.status,
			"application/openmetrics-text; version=1.0.0; charset=utf-8",
			waiter->request.text);
	} else {
		result = send_json(
			connection, waiter->request.status, json_incref(waiter->request.json));
	}
	waiter_free(waiter);
	return result;
}

/* Who asks. */

static enum yett_right right_of(
	struct yett_admin *admin, struct MHD_Connection *connection, char *ret_by, size_t size)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char view_group[sizeof(admin->view_group)], change_group[sizeof(admin->change_group)];
	struct ucred credentials;
	socklen_t length = sizeof(credentials);

	if (info == NULL ||
		getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
		return YETT_MAY_NOTHING;
	}
	pthread_mutex_lock(&admin->mutex);
	memcpy(view_group, admin->view_group, sizeof(view_group));
	memcpy(change_group, admin->change_group, sizeof(change_group));
	pthread_mutex_unlock(&admin->mutex);
	return yett_admin_right(credentials.uid, geteuid(), view_group, change_group, ret_by, size);
}

/* What is asked. */

struct collect {
	struct waiter *waiter;
	const char *unknown;
};

static enum MHD_Result collect_argument(
	void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct collect *collect = arg;
	struct yett_admin_request *request = &collect->waiter->request;

	(void)kind;
	for (const char *const *known = request->route->arguments; *known != NULL; known++) {
		if (strcmp(*known, key) == 0 &&
			request->argument_count < YETT_ADMIN_ARGUMENTS_MAX) {
			request->arguments[request->argument_count].key = g_strdup(key);
			request->arguments[request->argument_count++].value =
				g_strdup(value != NULL ? value : "");
			return MHD_YES;
		}
	}
	collect->unknown = key;
	return MHD_NO;
}

static const struct yett_admin_route *find_route(const char *path)
{
	for (const struct yett_admin_route *route = yett_admin_routes; route->path != NULL;
		route++) {
		if (strcmp(route->path, path) == 0) {
			return route;
		}
	}
	return NULL;
}

static const struct yett_admin_change *find_change(const char *path)
{
	for (const struct yett_admin_change *change = yett_admin_changes; change->path != NULL;
		change++) {
		if (strcmp(change->path, path) == 0) {
			return change;
		}
	}
	return NULL;
}

static enum MHD_Result not_found(struct MHD_Connection *connection, const char *path, bool change)
{
	const char *paths[PATHS_MAX + 1];
	const char *near;
	char mend[128] = "see doc/openapi.yaml";
	size_t n = 0;

	if (change ? find_route(path) != NULL : find_change(path) != NULL) {
		return send_json(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
			yett_admin_error("ENOTSUP", change ? "use GET" : "use POST",
				"%.200s is not %s", path, change ? "changed" : "shown"));
	}
	for (; !change && yett_admin_routes[n].path != NULL && n < PATHS_MAX; n++) {
		paths[n] = yett_admin_routes[n].path;
	}
	for (; change && yett_admin_changes[n].path != NULL && n < PATHS_MAX; n++) {
		paths[n] = yett_admin_changes[n].path;
	}
	paths[n] = NULL;
	near = yett_name_nearest(path, paths);
	if (near != NULL) {
		snprintf(mend, sizeof(mend), "did you mean %s?", near);
	}
	return send_json(connection, MHD_HTTP_NOT_FOUND,
		yett_admin_error("ENOTFOUND", mend, "there is no %.200s", path));
}

static enum MHD_Result wrong_key(struct MHD_Connection *connection, const char *path,
	const char *what, const char *key, const char *const *known)
{
	const char *near = yett_name_nearest(key, known);

	return send_json(connection, MHD_HTTP_BAD_REQUEST,
		yett_admin_error("EINVAL", near != NULL ? near : path, "%.100s is no %s of %s", key,
			what, path));
}

static enum MHD_Result show(
	struct yett_admin *admin, struct MHD_Connection *connection, const char *path)
{
	const struct yett_admin_route *route = find_route(path);
	struct collect collect = {NULL, NULL};

	if (route == NULL) {
		return not_found(connection, path, false);
	}
	collect.waiter = waiter_new(admin);
	collect.waiter->request.route = route;
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, collect_argument, &collect);
	if (collect.unknown != NULL) {
		waiter_free(collect.waiter);
		return wrong_key(connection, path, "argument", collect.unknown, route->arguments);
	}
	return ask_loop(connection, collect.waiter);
}

/* `by` is who asks. */
static enum MHD_Result change(struct yett_admin *admin, struct MHD_Connection *connection,
	const char *path, const GByteArray *bytes, const char *by)
{
	const struct yett_admin_change *what = find_change(path);
	struct waiter *waiter;
	const char *key;
	json_t *body, *value;

	if (what == NULL) {
		return not_found(connection, path, true);
	}
	body = bytes->len <= BODY_MAX ? json_loadb((const char *)bytes->data, bytes->len,
						JSON_REJECT_DUPLICATES, NULL)
				      : NULL;
	if (!json_is_object(body)) {
		json_decref(body);
		return send_json(connection, MHD_HTTP_BAD_REQUEST,
			yett_admin_error("EINVAL", "send a JSON object, 64 KiB at most",
				"the body is not understood"));
	}
	json_object_foreach(body, key, value)
	{
		if (!g_strv_contains(what->fields, key)) {
			enum MHD_Result result =
				wrong_key(connection, path, "key", key, what->fields);

			json_decref(body);
			return result;
		}
	}
	waiter = waiter_new(admin);
	waiter->request.change = what;
	waiter->request.body = body;
	g_strlcpy(waiter->request.by, by, sizeof(waiter->request.by));
	return ask_loop(connection, waiter);
}

static enum MHD_Result denied(struct MHD_Connection *connection, bool sees)
{
	return send_json(connection, MHD_HTTP_FORBIDDEN,
		sees ? yett_admin_error("EDENIED",
			       "have an administrator add you to the group that admin.change-group "
			       "names",
			       "you may look at this node, and may not change it")
		     : yett_admin_error("EDENIED",
			       "have an administrator add you to the group that admin.view-group "
			       "names",
			       "you may not see this node"));
}

/* A POST comes in pieces: `context` collects them, and only what is over the limit is thrown away. */
static bool collect_body(void **context, const char *data, size_t *data_size)
{
	GByteArray *bytes = *context;

	if (bytes == NULL) {
		*context = g_byte_array_new();
		return false;
	}
	if (*data_size == 0) {
		return true;
	}
	if (bytes->len <= BODY_MAX) {
		g_byte_array_append(bytes, (const guint8 *)data,
			(guint)MIN(*data_size, (size_t)(BODY_MAX + 1 - bytes->len)));
	}
	*data_size = 0;
	return false;
}

static void completed(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)connection;
	(void)code;
	if (*context != NULL) {
		g_byte_array_unref(*context);
		*context = NULL;
	}
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *data, size_t *data_size,
	void **context)
{
	struct yett_admin *admin = arg;
	bool changes = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
	char by[80];
	enum yett_right right;

	(void)version;
	if (changes && !collect_body(context, data, data_size)) {
		return MHD_YES;
	}
	right = right_of(admin, connection, by, sizeof(by));
	if (right == YETT_MAY_NOTHING || (changes && right != YETT_MAY_CHANGE)) {
		return denied(connection, right != YETT_MAY_NOTHING);
	}
	if (changes) {
		return change(admin, connection, path, *context, by);
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0) {
		return send_json(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
			yett_admin_error("ENOTSUP", "use GET", "%.20s is not understood", method));
	}
	return show(admin, connection, path);
}

static enum MHD_Result show_metrics(void *arg, struct MHD_Connection *connection)
{
	return show(arg, connection, "/metrics");
}

/* The socket. */

static bool somebody_answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers =
		fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

	if (fd >= 0) {
		close(fd);
	}
	return answers;
}

static int clear_stale(const struct sockaddr_un *address, struct yett_error *error)
{
	struct stat st;

	if (lstat(address->sun_path, &st) != 0) {
		return 0;
	}
	if (!S_ISSOCK(st.st_mode)) {
		return yett_fail(error, YETT_EEXIST, "remove it, or configure another admin.socket",
			"%s is there and is no socket", address->sun_path);
	}
	if (somebody_answers(address)) {
		return yett_fail(error, YETT_EEXIST,
			"stop the daemon that uses it, or configure another admin.socket",
			"another daemon answers on %s", address->sun_path);
	}
	unlink(address->sun_path);
	return 0;
}

static int open_socket(struct yett_admin *admin, struct yett_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char folder[PATH_MAX];
	const struct group *group;
	mode_t mask;
	int result;

	memcpy(address.sun_path, admin->path, sizeof(address.sun_path));
	snprintf(folder, sizeof(folder), "%s", admin->path);
	if (access(dirname(folder), F_OK) != 0 && yett_file_mkdir(folder, error) != 0) {
		return error->code;
	}
	result = clear_stale(&address, error);
	if (result != 0) {
		return result;
	}
	admin->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0117);
	result = admin->socket < 0
			 ? -1
			 : bind(admin->socket, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (result != 0 || listen(admin->socket, CONNECTIONS_MAX) != 0) {
		return yett_fail(error, yett_result_from_errno(errno),
			"make its folder writable for the daemon's user, or set admin.socket",
			"the admin socket %s cannot be made: %s", admin->path, strerror(errno));
	}
	/* Members of the view group may knock; who they are is asked of each. */
	group = admin->view_group[0] != '\0' ? getgrnam(admin->view_group) : NULL;
	if (group != NULL && chown(admin->path, (uid_t)-1, group->gr_gid) != 0) {
		yett_log(YETT_LOG_DEBUG, "admin-socket-group",
			"the socket stays in the daemon's own group: %s", strerror(errno));
	}
	return 0;
}

static int serve(struct yett_admin *admin, struct yett_error *error)
{
	int result = open_socket(admin, error);

	if (result != 0) {
		return result;
	}
	admin->http = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0,
		NULL, NULL, handle, admin, MHD_OPTION_LISTEN_SOCKET, admin->socket,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)IDLE_S, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
	return admin->http != NULL ? 0
				   : yett_fail(error, YETT_EIO, NULL,
					     "the server of the admin socket does not start");
}

void yett_admin_reload(struct yett_admin *admin, const struct yett_settings *settings)
{
	if (admin != NULL) {
		pthread_mutex_lock(&admin->mutex);
		g_strlcpy(admin->view_group, settings->admin.view_group, sizeof(admin->view_group));
		g_strlcpy(admin->change_group, settings->admin.change_group,
			sizeof(admin->change_group));
		pthread_mutex_unlock(&admin->mutex);
	}
}

int yett_admin_start(struct yett_manage *manage, const struct yett_loader *loader,
	const struct yett_settings *settings, struct yett_admin **ret_admin,
	struct yett_error *error)
{
	bool socket = settings->admin.socket != NULL && settings->admin.socket[0] != '\0';
	bool metrics = settings->admin.metrics != NULL && settings->admin.metrics[0] != '\0';
	struct yett_admin *admin;
	int result = 0;

	*ret_admin = NULL;
	if (socket && strlen(settings->admin.socket) >= sizeof(admin->path)) {
		return yett_fail(error, YETT_ECONFIG, "configure a shorter path",
			"admin.socket is longer than the %zu bytes that a socket's path may have",
			sizeof(admin->path) - 1);
	}
	if (!socket && !metrics) {
		return 0;
	}
	admin = g_new0(struct yett_admin, 1);
	admin->manage = manage;
	admin->loader = loader;
	admin->loop = yett_manage_node(manage)->loop;
	admin->socket = -1;
	pthread_mutex_init(&admin->mutex, NULL);
	yett_admin_reload(admin, settings);
	if (socket) {
		g_strlcpy(admin->path, settings->admin.socket, sizeof(admin->path));
		result = serve(admin, error);
	}
	if (result == 0 && metrics) {
		result = yett_scrape_start(
			settings->admin.metrics, show_metrics, admin, &admin->scrape, error);
	}
	if (result != 0) {
		yett_admin_stop(admin);
		return result;
	}
	*ret_admin = admin;
	return 0;
}

void yett_admin_stop(struct yett_admin *admin)
{
	if (admin == NULL) {
		return;
	}
	pthread_mutex_lock(&admin->mutex);
	admin->stopping = true;
	pthread_mutex_unlock(&admin->mutex);
	/* Both wait for their threads, which give up by their deadline. */
	yett_scrape_stop(admin->scrape);
	if (admin->http != NULL) {
		MHD_stop_daemon(admin->http);
		unlink(admin->path);
	} else if (admin->socket >= 0) {
		close(admin->socket);
	}
	pthread_mutex_destroy(&admin->mutex);
	g_free(admin);
}
