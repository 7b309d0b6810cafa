/* The API's server: HTTP on a UNIX socket.
 *
 * Responsible for whose request it is (by the peer's credentials), and for carrying it to the loop and its
 * answer back. Not responsible for the socket (socket.c), for who gets a connection (door.c), for what a
 * user may (rights.c), nor for the answers (routes.c, records.c). libmicrohttpd has a thread for each
 * connection, at most a few; such a thread posts its request to the loop and waits, with a deadline.
 *
 * When the daemon ends, whoever waits gets a 503 at once. What is still under way for them (on the loop, or in
 * the store) comes to its end later, when there is no management any more: its request says so
 * (`manage` NULL), and whoever goes on with it looks. */
#include "admin.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../base/name.h"
#include "door.h"
#include "request.h"
#include "rights.h"
#include "scrape.h"

#define IDLE_S    30
#define ANSWER_S  10
#define PATHS_MAX 64
/* More than the door lets in: one that has left is counted here a little longer. */
#define CONNECTIONS_MAX (YETT_DOOR_ALL + 8)

struct yett_admin {
	struct yett_manage *manage;
	const struct yett_loader *loader;
	struct yett_loop *loop;
	struct MHD_Daemon *http;
	struct yett_door *door;
	struct yett_scrape *scrape;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int socket;
	uid_t own;
	struct yett_admin_reads *reads;
	pthread_mutex_t mutex;
	/* Under the mutex: */
	char view_group[64], change_group[64];
	bool stopping;
	GHashTable *waiting; /* a set of struct waiter: those that the loop knows */
};

/* A request with the thread that waits for it. Whoever comes last frees it. */
struct waiter {
	struct yett_admin_request request; /* first */
	struct yett_admin *admin;          /* NULL: it has been stopped */
	pthread_mutex_t mutex;
	pthread_cond_t answered;
	bool done;      /* the loop has answered */
	bool abandoned; /* nobody waits any more */
	bool stopping;  /* the daemon ends: nobody is to wait any longer */
	struct yett_admin_argument copies[YETT_ADMIN_ARGUMENTS_MAX];
};

static void waiter_free(struct waiter *waiter)
{
	if (waiter->admin != NULL) {
		pthread_mutex_lock(&waiter->admin->mutex);
		g_hash_table_remove(waiter->admin->waiting, waiter);
		pthread_mutex_unlock(&waiter->admin->mutex);
	}
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

static bool is_awaited(const struct yett_admin_request *request)
{
	struct waiter *waiter = (struct waiter *)(uintptr_t)request;
	bool awaited;

	pthread_mutex_lock(&waiter->mutex);
	awaited = !waiter->abandoned;
	pthread_mutex_unlock(&waiter->mutex);
	return awaited;
}

static json_t *is_stopping(void)
{
	return yett_admin_error("ECLOSED", "ask again once it has started",
		"this node is stopping; whether a change was made, it says then");
}

/* It waits until nothing is asked of its store any more: whoever asks on and on would keep it from ending. */
static bool is_ending(const struct waiter *waiter)
{
	const struct yett_node *node = yett_manage_node(waiter->request.manage);

	return node->draining && node->store != NULL;
}

static void run_on_loop(void *arg)
{
	struct waiter *waiter = arg;

	if (waiter->request.manage == NULL) {
		yett_admin_answer(&waiter->request, MHD_HTTP_SERVICE_UNAVAILABLE, NULL);
	} else if (is_ending(waiter)) {
		yett_admin_answer(&waiter->request, MHD_HTTP_SERVICE_UNAVAILABLE, is_stopping());
	} else if (waiter->request.change != NULL) {
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
	waiter->request.reads = admin->reads;
	waiter->request.is_awaited = is_awaited;
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

static enum MHD_Result send_stopping(struct MHD_Connection *connection)
{
	return send_json(connection, MHD_HTTP_SERVICE_UNAVAILABLE, is_stopping());
}

/* False: the daemon ends. */
static bool post(struct yett_admin *admin, struct waiter *waiter)
{
	bool open;

	pthread_mutex_lock(&admin->mutex);
	open = !admin->stopping;
	if (open) {
		g_hash_table_add(admin->waiting, waiter);
		waiter->request.post = (struct yett_post){.fn = run_on_loop, .arg = waiter};
		admin->loop->table->post(admin->loop, &waiter->request.post);
	}
	pthread_mutex_unlock(&admin->mutex);
	return open;
}

/* Posts the request and waits for its answer. Takes the waiter. */
static enum MHD_Result ask_loop(struct MHD_Connection *connection, struct waiter *waiter)
{
	struct timespec until;
	enum MHD_Result result;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ANSWER_S;
	if (!post(waiter->admin, waiter)) {
		waiter_free(waiter);
		return send_stopping(connection);
	}
	pthread_mutex_lock(&waiter->mutex);
	while (!waiter->done && !waiter->stopping) {
		if (pthread_cond_timedwait(&waiter->answered, &waiter->mutex, &until) != 0) {
			break;
		}
	}
	if (!waiter->done) {
		bool stopping = waiter->stopping;

		waiter->abandoned = true;
		pthread_mutex_unlock(&waiter->mutex);
		return stopping ? send_stopping(connection)
				: send_json(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
					  yett_admin_error("ETIMEOUT",
						  "try again; look at the load of the node",
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

static enum yett_right right_of_user(struct yett_admin *admin, uid_t uid, char *ret_by, size_t size)
{
	char view_group[sizeof(admin->view_group)], change_group[sizeof(admin->change_group)];

	pthread_mutex_lock(&admin->mutex);
	memcpy(view_group, admin->view_group, sizeof(view_group));
	memcpy(change_group, admin->change_group, sizeof(change_group));
	pthread_mutex_unlock(&admin->mutex);
	return yett_admin_right(uid, admin->own, view_group, change_group, ret_by, size);
}

static enum yett_right right_of(
	struct yett_admin *admin, struct MHD_Connection *connection, char *ret_by, size_t size)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred credentials;
	socklen_t length = sizeof(credentials);

	if (info == NULL ||
		getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
		return YETT_MAY_NOTHING;
	}
	return right_of_user(admin, credentials.uid, ret_by, size);
}

static bool may_change(void *arg, uid_t uid)
{
	char by[80];

	return right_of_user(arg, uid, by, sizeof(by)) == YETT_MAY_CHANGE;
}

/* What is asked. */

struct collect {
	struct waiter *waiter;
	const char *unknown, *unclear; /* a key that the route lacks; one without one text */
};

static enum MHD_Result collect_argument(
	void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct collect *collect = arg;
	struct yett_admin_request *request = &collect->waiter->request;

	(void)kind;
	if (yett_admin_argument(request, key) != NULL ||
		(value != NULL && !g_utf8_validate(value, -1, NULL))) {
		collect->unclear = key;
		return MHD_NO;
	}
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

static enum MHD_Result wrong_argument(
	struct MHD_Connection *connection, const struct yett_admin_route *route, const char *key)
{
	const char *near = yett_name_nearest(key, route->arguments);

	return send_json(connection, MHD_HTTP_BAD_REQUEST,
		yett_admin_error("EINVAL", near != NULL ? near : route->path,
			"%.100s is no argument of %s", key, route->path));
}

static enum MHD_Result show(
	struct yett_admin *admin, struct MHD_Connection *connection, const char *path)
{
	const struct yett_admin_route *route = find_route(path);
	struct collect collect = {.waiter = NULL};

	if (route == NULL) {
		return not_found(connection, path, false);
	}
	collect.waiter = waiter_new(admin);
	collect.waiter->request.route = route;
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, collect_argument, &collect);
	if (collect.unknown != NULL) {
		waiter_free(collect.waiter);
		return wrong_argument(connection, route, collect.unknown);
	}
	if (collect.unclear != NULL) {
		waiter_free(collect.waiter);
		return send_json(connection, MHD_HTTP_BAD_REQUEST,
			yett_admin_error("EINVAL", "give it once, as UTF-8",
				"%.100s is given twice, or is no text", collect.unclear));
	}
	return ask_loop(connection, collect.waiter);
}

/* `by` is who asks. */
static enum MHD_Result change(struct yett_admin *admin, struct MHD_Connection *connection,
	const char *path, const GByteArray *bytes, const char *by)
{
	const struct yett_admin_change *what = find_change(path);
	struct waiter *waiter;
	json_t *body, *fault = NULL;

	if (what == NULL) {
		return not_found(connection, path, true);
	}
	body = yett_admin_body(what, bytes->data, bytes->len, &fault);
	if (body == NULL) {
		return send_json(connection, MHD_HTTP_BAD_REQUEST, fault);
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
	if (bytes->len <= YETT_ADMIN_BODY_MAX) {
		g_byte_array_append(bytes, (const guint8 *)data,
			(guint)MIN(*data_size, (size_t)(YETT_ADMIN_BODY_MAX + 1 - bytes->len)));
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

/* A connection knows whose it is until it has ended, when its socket may not tell any more. */
static void connected(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct yett_admin *admin = arg;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred credentials;
	socklen_t length = sizeof(credentials);

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		yett_door_left(admin->door, GPOINTER_TO_UINT(*context));
		return;
	}
	yett_door_entered(admin->door);
	if (info != NULL &&
		getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0) {
		*context = GUINT_TO_POINTER(credentials.uid);
	}
}

static bool enter(void *arg, int fd, uid_t uid)
{
	struct yett_admin *admin = arg;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)uid;
	return MHD_add_connection(admin->http, fd, (struct sockaddr *)&address, sizeof(address)) ==
	       MHD_YES;
}

static int serve(struct yett_admin *admin, struct yett_error *error)
{
	const struct yett_door_calls calls = {admin, may_change, enter};
	int result = yett_admin_socket(admin->path, admin->view_group, &admin->socket, error);

	if (result != 0) {
		return result;
	}
	admin->http = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD |
					       MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
					       MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET,
		0, NULL, NULL, handle, admin, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_NOTIFY_COMPLETED,
		completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, connected, admin, MHD_OPTION_END);
	if (admin->http == NULL) {
		return yett_fail(
			error, YETT_EIO, NULL, "the server of the admin socket does not start");
	}
	return yett_door_open(admin->socket, admin->own, &calls, &admin->door, error);
}

void yett_admin_reload(struct yett_admin *admin, const struct yett_settings *settings)
{
	if (admin != NULL) {
		pthread_mutex_lock(&admin->mutex);
		g_strlcpy(admin->view_group, settings->admin.view_group, sizeof(admin->view_group));
		g_strlcpy(admin->change_group, settings->admin.change_group,
			sizeof(admin->change_group));
		pthread_mutex_unlock(&admin->mutex);
		if (admin->socket >= 0) {
			yett_admin_socket_group(admin->path, settings->admin.view_group);
		}
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
	admin->own = geteuid();
	admin->waiting = g_hash_table_new(NULL, NULL);
	admin->reads = yett_admin_reads_new();
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

/* Nobody waits any longer, nor comes. */
static void send_away(struct yett_admin *admin)
{
	GHashTableIter iter;
	gpointer key;

	pthread_mutex_lock(&admin->mutex);
	admin->stopping = true;
	g_hash_table_iter_init(&iter, admin->waiting);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		struct waiter *waiter = key;

		pthread_mutex_lock(&waiter->mutex);
		waiter->stopping = true;
		pthread_cond_signal(&waiter->answered);
		pthread_mutex_unlock(&waiter->mutex);
	}
	pthread_mutex_unlock(&admin->mutex);
}

/* Those that are left belong to whoever goes on with them, on this thread. */
static void leave_alone(struct yett_admin *admin)
{
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, admin->waiting);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		struct waiter *waiter = key;

		waiter->admin = NULL;
		waiter->request.manage = NULL;
	}
	g_hash_table_unref(admin->waiting);
	yett_admin_reads_end(admin->reads);
}

void yett_admin_stop(struct yett_admin *admin)
{
	if (admin == NULL) {
		return;
	}
	if (admin->door != NULL) {
		yett_door_close(admin->door);
	}
	send_away(admin);
	/* Both wait for their threads. */
	yett_scrape_stop(admin->scrape);
	if (admin->http != NULL) {
		MHD_stop_daemon(admin->http);
	}
	if (admin->door != NULL) {
		yett_door_free(admin->door);
	}
	if (admin->socket >= 0) {
		close(admin->socket);
		unlink(admin->path);
	}
	leave_alone(admin);
	pthread_mutex_destroy(&admin->mutex);
	g_free(admin);
}
