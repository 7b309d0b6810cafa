/* One request of the API: between the HTTP thread that waits and the loop that answers. */
#ifndef YETT_ADMIN_REQUEST_H
#define YETT_ADMIN_REQUEST_H

#include <pthread.h>

#include "../manage/manage.h"
#include "../module/load.h"

#define YETT_ADMIN_ARGUMENTS_MAX 16

struct yett_admin_argument {
	const char *key, *value;
};

struct yett_admin_request {
	struct yett_manage *manage; /* NULL: the daemon has ended, and nobody waits */
	const struct yett_loader *loader;
	const struct yett_admin_route *route;
	struct yett_admin_argument arguments[YETT_ADMIN_ARGUMENTS_MAX];
	size_t argument_count;
	const struct yett_admin_change *change; /* of a POST; NULL: it is a GET */
	json_t *body;                           /* its object, with keys that `change` names only */
	char by[80];                            /* who asks, for the audit: "root", "uid 1000" */

	/* the answer: JSON, or a text (OpenMetrics) */
	unsigned status;
	json_t *json;
	char *text;

	struct yett_post post;
	void *context; /* of a route whose answer comes from the store's thread */
	struct yett_admin_reads *reads;
	bool (*is_awaited)(const struct yett_admin_request *request); /* on any thread */
	void (*finished)(struct yett_admin_request *request);         /* wakes the waiting thread */
};

struct yett_admin_route {
	const char *path;
	const char *summary;
	const char *arguments[12]; /* NULL-terminated */
	/* On the loop. Answers, or sees to it that yett_admin_answer is called later, on the loop. */
	void (*run)(struct yett_admin_request *request);
};
extern const struct yett_admin_route yett_admin_routes[]; /* ends with path NULL */

/* What a POST changes. Only members of the change group may. */
struct yett_admin_change {
	const char *path;
	const char *summary;
	const char *fields[12]; /* keys that the body may have; NULL-terminated */
	void (*run)(struct yett_admin_request *request);
};
extern const struct yett_admin_change yett_admin_changes[]; /* ends with path NULL */

/* body.c: takes it apart; NULL: it is none that this change understands, and `ret_fault` (given) says why. */
#define YETT_ADMIN_BODY_MAX (64 * 1024)
json_t *yett_admin_body(const struct yett_admin_change *change, const void *bytes, size_t length,
	json_t **ret_fault);

/* A text of the body, or NULL; and whether a switch is on. */
const char *yett_admin_field(const struct yett_admin_request *request, const char *key);
bool yett_admin_switch(const struct yett_admin_request *request, const char *key);

/* The value of an argument, or NULL. */
const char *yett_admin_argument(const struct yett_admin_request *request, const char *key);
void yett_admin_answer(struct yett_admin_request *request, unsigned status, json_t *json);
/* {"error": {"code", "text", "mend"}} */
json_t *yett_admin_error(const char *code, const char *mend, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* socket.c: listens; `path` fits a socket's address. */
int yett_admin_socket(
	const char *path, const char *view_group, int *ret_socket, struct yett_error *error);
void yett_admin_socket_group(const char *path, const char *view_group);

/* reads.c: the store, asked for people. `find` runs on the reader's thread, or not at all where nobody waits
 * any more; then `done`, on the loop. */
typedef void (*yett_admin_find_fn)(
	const struct yett_store_operations *operations, void *self, void *arg);
void yett_admin_read(struct yett_admin_request *request, yett_admin_find_fn find,
	void (*done)(void *arg), void *arg);
struct yett_admin_reads *yett_admin_reads_new(void);
/* Nobody asks any more. It is freed with the last of what is under way. */
void yett_admin_reads_end(struct yett_admin_reads *reads);

/* alerts.c */
void yett_admin_alerts(struct yett_admin_request *request);
void yett_admin_maintenance(struct yett_admin_request *request);
void yett_admin_acknowledge(struct yett_admin_request *request);
void yett_admin_maintenance_start(struct yett_admin_request *request);
void yett_admin_maintenance_stop(struct yett_admin_request *request);

/* dead.c */
void yett_admin_dead_replay(struct yett_admin_request *request);

/* records.c */
void yett_admin_dead(struct yett_admin_request *request);
void yett_admin_events(struct yett_admin_request *request);
void yett_admin_records(struct yett_admin_request *request);
void yett_admin_account(struct yett_admin_request *request);
void yett_admin_losses(struct yett_admin_request *request);
void yett_admin_audit(struct yett_admin_request *request);

#endif
