/* The admin API of a node: HTTP and JSON on a UNIX socket (doc/openapi.yaml). */
#ifndef YETT_ADMIN_ADMIN_H
#define YETT_ADMIN_ADMIN_H

#include "../manage/manage.h"
#include "../module/load.h"

struct yett_admin;

/* Listens on settings->admin.socket, and for /metrics alone on settings->admin.metrics; "" means none. With
 * neither, *ret_admin is NULL. */
int yett_admin_start(struct yett_manage *manage, const struct yett_loader *loader,
	const struct yett_settings *settings, struct yett_admin **ret_admin,
	struct yett_error *error);
/* What changes at once: the groups. NULL is fine. */
void yett_admin_reload(struct yett_admin *admin, const struct yett_settings *settings);
/* On the loop's thread, after the loop has stopped and before the node is freed: requests that still
 * wait are answered with 503. NULL is fine. */
void yett_admin_stop(struct yett_admin *admin);

#endif
