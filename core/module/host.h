/* The core's side of the host table: what stands behind each call that a module may make. */
#ifndef YETT_MODULE_HOST_H
#define YETT_MODULE_HOST_H

#include <yett/module.h>

#include "../base/error.h"
#include "../base/metrics.h"
#include "../net/loop.h"

/* One instance of a module, from create to destroy. */
struct yett_instance {
	struct yett_host host; /* what the module is given; host.instance points back here */
	char name[64];
	const struct yett_module *module;
	struct yett_loop *loop; /* may be NULL where no streams and timers are needed */
	const struct yett_clock *clock;
	struct yett_metrics *metrics;
	uint32_t metrics_count; /* rows of the module's table */
	void *self;             /* the module's */
	bool started;
	struct yett_error error; /* what error_blank lends */
};

/* The world that instances are made in. All borrowed, and must outlive the instances. */
struct yett_world {
	struct yett_loop *loop;
	const struct yett_clock *clock;
	const struct yett_files *files;
	const char *node;  /* FQDN */
	const char *state; /* state directory */
	bool relay;        /* it has listeners and upstreams */
	const char *group; /* the management group's id; NULL: none is known */
};

/* create of the module; on success the instance is the caller's until yett_instance_free, which
 * calls stop (if started) and destroy. */
int yett_instance_new(const struct yett_world *world, const struct yett_module *module,
	const char *name, const void *settings, const void *position, size_t position_length,
	struct yett_instance **ret_instance, struct yett_error *error);
int yett_instance_start(struct yett_instance *instance, struct yett_error *error);
void yett_instance_stop(struct yett_instance *instance);
void yett_instance_free(struct yett_instance *instance); /* NULL is fine */

/* A host with no instance behind it, for `check` and for tests. */
void yett_host_fill(
	struct yett_host *ret_host, struct yett_instance *instance, const struct yett_files *files);

#endif
