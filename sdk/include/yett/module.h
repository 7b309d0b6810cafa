/* SPDX-License-Identifier: Apache-2.0
 *
 * A module is a shared object with one exported symbol, `yett_module`: a const descriptor. The
 * guide is doc/modules.md; the smallest whole example is modules/policy-roundrobin.
 *
 *     YETT_MODULE(.kind = YETT_KIND_POLICY, .name = "policy-roundrobin", …);
 *
 * ABI: the major number must be equal, the minor at most the core's. A table that starts with its
 * size is only ever appended to. Of a module's tables (descriptor, life, operations) the core copies
 * min(size, its own size) into zeroed ones: a call that a module does not have is NULL.
 * Within a major number no field is ever added to what goes as an array (yett_upstream,
 * yett_queue_entry, yett_queue_item, yett_put), to what has no size at its start (rows of settings
 * and metrics, lists, attributes, ranges, ids …), nor to what the core fills in a module's memory
 * (yett_batch, yett_record, yett_notice): sizeof is the same on both sides.
 */
#ifndef YETT_MODULE_H
#define YETT_MODULE_H

#include <yett/error.h>
#include <yett/host.h>
#include <yett/schema.h>

#define YETT_MODULE_MAGIC UINT32_C(0x54544559) /* "YETT" */
#define YETT_ABI_MAJOR    1
#define YETT_ABI_MINOR    0

enum yett_kind {
	YETT_KIND_TRANSPORT = 1,
	YETT_KIND_AUTH = 2,
	YETT_KIND_QUEUE = 3,
	YETT_KIND_POLICY = 4,
	YETT_KIND_SOURCE = 5,
	YETT_KIND_STORE = 6,
};

/* What `create` is given, beside the host. All borrowed. */
struct yett_create {
	uint32_t size;
	uint32_t reserved;
	const char *name;     /* of the instance, unique in its node; for logs */
	const void *settings; /* as the schema fills them; valid until `destroy` */
	const char *node;     /* the node's fully qualified name */
	const char *state;    /* the node's state directory */
	const void *position; /* sources: where it left off (see source.h), or NULL */
	size_t position_length;
	uint32_t relay; /* 1: the node passes on what others send to it */
	uint32_t reserved2;
	const char *group; /* the management group's id, a UUID; "" where none is configured */
};

/* The life of an instance: check → create → start → reload* → stop → destroy. Each
 * `create` that returned 0 is paired with one `destroy`, each such `start` with one `stop`; one that
 * fails leaves nothing behind. Only create and destroy must be there. No mutable statics: two
 * instances of a module always work.
 * Threads: all on the main thread, which is the loop's. But for a queue and a store, `create` and
 * `start` also come at a reload: all of the node waits for them. */
struct yett_life {
	uint32_t size;
	uint32_t reserved;
	/* What rows cannot say: files that must be readable, values that exclude each other. No
	 * side effects. `yettd --check` calls it. */
	int (*check)(const struct yett_host *host, const void *settings, struct yett_error *error);
	int (*create)(const struct yett_host *host, const struct yett_create *with, void **ret_self,
		struct yett_error *error);
	int (*start)(void *self, struct yett_error *error);
	/* `settings` replace those of `create`; on failure the old ones stay in force. This version
	 * calls it of transports, at each reload (certificates are read again). Of the others the
	 * core makes new instances: of auth modules at each reload (roots and CRLs are read again),
	 * of a policy or a source whose settings have changed, of a policy also where the node
	 * begins or ends to relay. Queues and stores get theirs when the daemon restarts. */
	int (*reload)(void *self, const void *settings, struct yett_error *error);
	void (*drain)(void *self); /* reserved: not called in this version; leave it NULL */
	void (*stop)(void *self);
	void (*destroy)(void *self);
};

enum yett_metric_type {
	YETT_METRIC_COUNTER = 1, /* host->metric adds */
	YETT_METRIC_GAUGE = 2,   /* host->metric sets */
};

struct yett_metric {
	const char *name; /* NULL ends the table */
	const char *unit;
	const char *doc;
	uint64_t type;
};

struct yett_module {
	uint32_t magic;
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t size;
	uint32_t kind;
	const char *name; /* "policy-roundrobin": <kind>-<name>, also the file's name */
	const char *version;
	const char *licence; /* SPDX */
	const char *summary; /* a line for the manual */
	const struct yett_life *life;
	const void *operations;            /* struct yett_<kind>_operations */
	const struct yett_schema *schema;  /* NULL: no settings */
	const struct yett_metric *metrics; /* NULL: none */
	uint32_t settings_size;
	uint32_t reserved;
};

/* clang-format off */
#define YETT_MODULE(...)                                                                           \
	extern __attribute__((visibility("default"))) const struct yett_module yett_module;        \
	__attribute__((visibility("default"))) const struct yett_module yett_module = {            \
		.magic = YETT_MODULE_MAGIC, .abi_major = YETT_ABI_MAJOR,                           \
		.abi_minor = YETT_ABI_MINOR, .size = sizeof(struct yett_module), __VA_ARGS__}
/* clang-format on */

#endif
