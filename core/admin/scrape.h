/* The figures of a node for whoever collects them over the network: GET /metrics, and nothing else. */
#ifndef YETT_ADMIN_SCRAPE_H
#define YETT_ADMIN_SCRAPE_H

#include <microhttpd.h>

#include "../base/error.h"

struct yett_scrape;

/* Answers one request; on a thread of the connection's. */
typedef enum MHD_Result (*yett_scrape_fn)(void *arg, struct MHD_Connection *connection);

/* Listens on "127.0.0.1:9723" or the like. */
int yett_scrape_start(const char *address, yett_scrape_fn answer, void *arg,
	struct yett_scrape **ret_scrape, struct yett_error *error);
/* Waits for the requests that are being answered. NULL is fine. */
void yett_scrape_stop(struct yett_scrape *scrape);

#endif
