/* The figures over TCP (`admin.metrics`), as Prometheus and its like fetch them.
 *
 * Responsible for a listener of its own, which shows /metrics to whoever reaches it, and nothing else to
 * anybody: no view, no change, no name that the figures do not have. Not responsible for the figures
 * (manage/views/metrics.c) nor for how the loop is asked (server.c). There is no authentication: it is
 * off unless configured, and meant for loopback or a network of one's own. A few connections at a time, each
 * with a thread of libmicrohttpd's, so nobody keeps the admin socket's users out by it. */
#include "scrape.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "../net/loop.h"

#define CONNECTIONS_MAX   8
#define FROM_ONE_MAX      4
#define CONNECTION_MEMORY (16 * 1024) /* for a request's head */
#define IDLE_S            10

struct yett_scrape {
	yett_scrape_fn answer;
	void *arg;
	struct MHD_Daemon *http;
};

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *data, size_t *data_size,
	void **context)
{
	struct yett_scrape *scrape = arg;

	(void)version;
	(void)data;
	if (*context == NULL || *data_size != 0) {
		*context = scrape; /* the head has come; a body is thrown away */
		*data_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0) {
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "use GET\n");
	}
	if (strcmp(path, "/metrics") != 0) {
		return refuse(
			connection, MHD_HTTP_NOT_FOUND, "there is /metrics, and nothing else\n");
	}
	return scrape->answer(scrape->arg, connection);
}

int yett_scrape_start(const char *address, yett_scrape_fn answer, void *arg,
	struct yett_scrape **ret_scrape, struct yett_error *error)
{
	struct yett_scrape *scrape;
	int fd, result = yett_listen_socket(address, &fd, error);

	if (result != 0) {
		return result;
	}
	scrape = g_new0(struct yett_scrape, 1);
	scrape->answer = answer;
	scrape->arg = arg;
	scrape->http = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0,
		NULL, NULL, handle, scrape, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned)FROM_ONE_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
		MHD_OPTION_END);
	if (scrape->http == NULL) {
		close(fd);
		g_free(scrape);
		return yett_fail(
			error, YETT_EIO, NULL, "the server of admin.metrics does not start");
	}
	*ret_scrape = scrape;
	return 0;
}

void yett_scrape_stop(struct yett_scrape *scrape)
{
	if (scrape != NULL) {
		MHD_stop_daemon(scrape->http);
		g_free(scrape);
	}
}
