/* What one configuration file says, checked and typed. The rows that bind it (settings.c) are the
 * one source of the manual, the sample, --dump-config and the checks. Durations are nanoseconds,
 * sizes bytes. */
#ifndef YETT_CONF_SETTINGS_H
#define YETT_CONF_SETTINGS_H

#include <yett/module.h>

/* One module block: `module = "queue-disk"; …`. Filled by the loader, not by a row. */
#define YETT_BLOCK_NAME_MAX 40

struct yett_block {
	const char *module; /* a name in the module directory, or a path */
	const char *name;   /* of the instance: as configured, or the module's name */
	const struct yett_module *descriptor;
	void *settings;   /* as the module's schema fills them */
	const char *file; /* where it stands, or is needed if it is not written */
	int line;
};

struct yett_listener_settings {
	const char *address;      /* "0.0.0.0:5723", "[::]:5723"; the port may be left out */
	struct yett_list admit;   /* patterns of names; empty: nobody */
	struct yett_list proxy;   /* patterns of names that may speak for others; empty: nobody */
	struct yett_list methods; /* auth methods offered, best first; empty: all, as configured */
	uint64_t handshake_timeout_ns; /* from accept to WELCOME */
	int64_t max_sessions;
	int64_t max_unauthenticated;
	int64_t max_unauthenticated_per_source; /* of one /32 or /64 */
	struct yett_list shared_sources; /* ranges ("127.0.0.0/8") that share an address: not held
					  * to the per-source limit */
	int64_t handshakes_per_second;
};

#define YETT_UPSTREAMS_MAX 64 /* of one node */

struct yett_upstream_settings {
	const char *name;         /* the fully qualified name that it must prove */
	struct yett_list address; /* "host:port", tried in order; empty: the name, port 5723 */
	const char *source;       /* local address to connect from; "" any */
	struct yett_list methods; /* auth methods allowed; empty: all */
	int64_t priority;
};

/* What a full lane of the queue does. */
enum yett_full {
	YETT_FULL_PUSH_BACK = 0,   /* takes nothing more until there is room: the default */
	YETT_FULL_DROP_OLDEST = 1, /* declares its oldest segment lost, and drops it */
};

struct yett_settings {
	const char *file; /* absolute */
	/* node */
	struct {
		const char *name; /* FQDN; default: the computer's */
		const char *display_name;
		const char *state; /* directory, 0700 */
		const char *user;  /* becomes it when started as root; "" stays */
		int32_t log_target;
		int32_t log_level;
		int32_t events; /* the least important level that becomes a record; 3: none */
		uint64_t heartbeat_ns;       /* 60 s */
		int64_t missing_heartbeats;  /* 3 */
		uint64_t gone_grace_ns;      /* 10 s */
		uint64_t backlog_warning_ns; /* 60 s */
		uint64_t drain_timeout_ns;   /* 10 s */
		uint64_t memory_bytes;       /* budget for batches in memory */
		uint64_t reconnect_min_ns;   /* 200 ms */
		uint64_t reconnect_max_ns;   /* 30 s */
		uint64_t ping_ns;            /* 2 s idle → ping */
		uint64_t ping_limit_ns;      /* 6 s silent → dead */
		uint64_t session_max_ns;     /* 24 h */
		bool compress;               /* M7 */
		bool drain;                  /* it is being emptied */
		uint64_t trial_ns;           /* of upstreams that are set remotely: 10 min */
		struct yett_list pinned;     /* names of settings: not set remotely */
		const char *krb5_config;     /* "": the system's */
	} node;
	/* group: management servers only */
	struct {
		const char *name;
		const char *id;  /* UUID */
		const char *kit; /* other nodes: their installation file; "" none */
	} group;
	/* alerts: management servers only */
	struct {
		struct yett_list command; /* of strings: a program and its arguments; empty: none */
		uint64_t deadline_ns;     /* 30 s */
		uint64_t keep_ns;         /* closed ones: 30 d */
	} alerts;
	/* audit: management servers only */
	struct {
		uint64_t keep_ns; /* 400 d */
		int64_t most;     /* 100,000 */
	} audit;
	struct {
		const char *socket; /* "" none */
		const char *change_group, *view_group;
		const char *metrics; /* "127.0.0.1:9723"; "" none */
	} admin;
	const char *module_directory;
	struct yett_list listeners; /* struct yett_listener_settings */
	struct yett_list upstreams; /* struct yett_upstream_settings */
	struct yett_block transport;
	struct yett_list authentication; /* struct yett_block, best first */
	struct yett_block queue;         /* module NULL: none */
	struct yett_block policy;        /* module NULL: none */
	struct yett_block store;         /* module NULL: none */
	struct yett_list sources;        /* struct yett_block */
	struct {
		int32_t lane[YETT_LANES]; /* enum yett_full */
	} full;
	/* lanes' linger */
	struct {
		uint64_t normal_ns, bulk_ns; /* 1 s, 10 s */
		uint64_t batch_bytes;        /* 64 KiB */
	} linger;
};

#endif
