/* The rows of the core's own settings: the one source of the checks, the manual, the sample and
 * --dump-config. A value's text, range and default are said here and nowhere else; what rows cannot
 * say is in check.c. Const data only. */
#include "sections.h"

#define LIVE  YETT_SCHEMA_LIVE
#define AFAR  (YETT_SCHEMA_LIVE | YETT_SCHEMA_REMOTE)
#define MS    INT64_C(1000000)
#define SEC   INT64_C(1000000000)
#define HOUR  (3600 * SEC)
#define KIB   INT64_C(1024)
#define MIB   (1024 * KIB)
#define GIB   (1024 * MIB)
#define S     struct yett_settings
#define COUNT INT64_C(1000000)

static const char *const log_targets[] = {"stderr", "journal", NULL};
static const char *const event_levels[] = {"error", "warning", "notice", "none", NULL};
static const char *const log_levels[] = {"error", "warning", "notice", "info", "debug", NULL};

/* Offsets of rows within an embedded group are the group's own. */
typedef __typeof__(((S *)0)->node) node_group;
typedef __typeof__(((S *)0)->group) group_group;
typedef __typeof__(((S *)0)->admin) admin_group;
typedef __typeof__(((S *)0)->alerts) alerts_group;
typedef __typeof__(((S *)0)->audit) audit_group;
typedef __typeof__(((S *)0)->linger) linger_group;
typedef __typeof__(((S *)0)->full) full_group;

static const char *const full_rules[] = {"push-back", "drop-oldest", NULL};

static const struct yett_schema full_rows[] = {
	YETT_ROW_CHOICE(full_group, lane[YETT_LANE_URGENT], "urgent", LIVE, "push-back", full_rules,
		"State changes, alerts, notices. Always push-back: of the losses that are told in "
		"this lane nobody would hear otherwise."),
	YETT_ROW_CHOICE(full_group, lane[YETT_LANE_NORMAL], "normal", LIVE, "push-back", full_rules,
		"What most sources tell."),
	YETT_ROW_CHOICE(full_group, lane[YETT_LANE_BULK], "bulk", LIVE, "push-back", full_rules,
		"What may wait."),
	YETT_ROW_END,
};

static const struct yett_schema node_rows[] = {
	YETT_ROW_STRING(node_group, name, "name", 0, NULL,
		"The fully qualified name of this node, which its certificate or principal must "
		"prove. Without it, the computer's own."),
	YETT_ROW_STRING(node_group, display_name, "display-name", AFAR, "",
		"What views call this node; empty: its name."),
	YETT_ROW_PATH(node_group, state, "state", 0, YETT_STATE_DIR "/yett",
		"The directory of what must outlive a restart: the node's id, its queue, "
		"decisions."),
	YETT_ROW_STRING(node_group, user, "user", 0, "yett",
		"The user that the daemon becomes when it was started as root; empty: it stays. "
		"It is given `node.state` and the socket's folder then, where they are root's."),
	YETT_ROW_CHOICE(
		node_group, log_target, "log", 0, "stderr", log_targets, "Where the log goes."),
	YETT_ROW_CHOICE(node_group, log_level, "log-level", LIVE, "notice", log_levels,
		"The least important level that is still logged."),
	YETT_ROW_CHOICE(node_group, events, "events", AFAR, "notice", event_levels,
		"The least important level of the log that also goes to the management server, as "
		"records of this node; what `log-level` leaves out does not."),
	YETT_ROW_DURATION(node_group, heartbeat_ns, "heartbeat", AFAR, "60 s", SEC, 24 * HOUR,
		"How often the node says that it is alive. Who judges it goes by the longest of "
		"this, that of its gateway and its own."),
	YETT_ROW_INT(node_group, missing_heartbeats, "missing-heartbeats", AFAR, "3", 1, 1000,
		"How many heartbeats may be missing before a node counts as unreachable. It counts "
		"at the node that judges, for all others: for alerts on the management servers, "
		"unless they set another one for a node."),
	YETT_ROW_DURATION(node_group, gone_grace_ns, "gone-grace", LIVE, "10 s", 0, 24 * HOUR,
		"How long a node whose session has ended may take to come back before it counts as "
		"unreachable."),
	YETT_ROW_DURATION(node_group, backlog_warning_ns, "backlog-warning", AFAR, "60 s", SEC,
		30 * 24 * HOUR,
		"How long data may wait in a node's queue before that node counts as Warning. It "
		"counts at the node that judges, as `missing-heartbeats` does."),
	YETT_ROW_DURATION(node_group, drain_timeout_ns, "drain-timeout", LIVE, "10 s", 0, HOUR,
		"How long a stop waits for what is under way. systemd has to wait some seconds "
		"longer: TimeoutStopSec of the unit."),
	YETT_ROW_SIZE(node_group, memory_bytes, "memory", 0, "64 MiB", 4 * MIB, 1024 * GIB,
		"The most that batches that come in may take in memory until they are on the disk, "
		"over all sessions. Those that go out may take about as much again, and half of it "
		"for each further upstream that is used at the same time."),
	YETT_ROW_DURATION(node_group, reconnect_min_ns, "reconnect-min", LIVE, "200 ms", MS, HOUR,
		"How long to wait before the first new attempt to reach an upstream; it doubles "
		"with "
		"each, and varies at random."),
	YETT_ROW_DURATION(node_group, reconnect_max_ns, "reconnect-max", AFAR, "30 s", MS, HOUR,
		"The longest wait between two attempts to reach an upstream."),
	YETT_ROW_DURATION(node_group, ping_ns, "ping", LIVE, "2 s", 100 * MS, HOUR,
		"How long a session may be silent, in either direction, before a sign of life is "
		"sent."),
	YETT_ROW_DURATION(node_group, ping_limit_ns, "ping-limit", LIVE, "6 s", 200 * MS, HOUR,
		"How long a peer may be silent before its session is dead, whatever TCP says: "
		"twice `ping` at least."),
	YETT_ROW_DURATION(node_group, session_max_ns, "session-max", AFAR, "24 h", 60 * SEC,
		30 * 24 * HOUR,
		"How long a session may last before a new one takes over, authenticated anew."),
	YETT_ROW_BOOL(node_group, compress, "compress", AFAR, "true",
		"Whether batches that are made here are compressed where it helps."),
	YETT_ROW_BOOL(node_group, drain, "drain", AFAR, "false",
		"Whether this gateway is being emptied: it lets in nobody who was not there, and "
		"those that have another way are told to take it. \"yettctl gateway drain\" sets "
		"it."),
	YETT_ROW_DURATION(node_group, trial_ns, "upstream-trial", LIVE, "10 min", SEC, 24 * HOUR,
		"How long upstreams that a management server has set may take until one of them is "
		"up; after that the node goes back to those that it had."),
	YETT_ROW_STRINGS(node_group, pinned, "pinned", LIVE, "[]",
		"Settings that no management server replaces: \"node.heartbeat\", \"upstreams\" …"),
	YETT_ROW_PATH(node_group, krb5_config, "krb5-config", 0, "",
		"The configuration of Kerberos (krb5.conf), which its owner alone may change; "
		"empty: the "
		"system's. What the environment says of Kerberos does not count."),
	YETT_ROW_END,
};

static const struct yett_schema group_rows[] = {
	YETT_ROW_STRING(group_group, name, "name", 0, "", "The name of the management group."),
	YETT_ROW_STRING(group_group, id, "id", 0, "",
		"The id of the management group, a UUID; the same on all its management servers."),
	YETT_ROW_PATH(group_group, kit, "kit", 0, "",
		"On gateways and agents: the installation file that \"yettctl node kit\" wrote. It "
		"says whose decisions count, and whom to trust and where to go first, where "
		"`authentication` or `upstreams` is not in this file; empty: only `admit` lets "
		"nodes in."),
	YETT_ROW_END,
};

static const struct yett_schema alerts_rows[] = {
	YETT_ROW_STRINGS(alerts_group, command, "command", LIVE, "[]",
		"A program, with its whole path, and its arguments: run for each alert that is "
		"raised or closed, with the alert as JSON on its standard input; empty: none. It "
		"runs as the daemon's user."),
	YETT_ROW_DURATION(alerts_group, deadline_ns, "deadline", LIVE, "30 s", SEC, HOUR,
		"How long the command may take before it is killed."),
	YETT_ROW_DURATION(alerts_group, keep_ns, "keep", LIVE, "30 d", HOUR, 3650 * 24 * HOUR,
		"How long alerts are kept after they have closed."),
	YETT_ROW_END,
};

static const struct yett_schema audit_rows[] = {
	YETT_ROW_DURATION(audit_group, keep_ns, "keep", LIVE, "400 d", 24 * HOUR, 3650 * 24 * HOUR,
		"How long records of who has changed what are kept."),
	YETT_ROW_INT(audit_group, most, "most", LIVE, "100000", 1000, 10000000,
		"How many of them are kept at most; beyond it the oldest are deleted, with a "
		"warning."),
	YETT_ROW_END,
};

static const struct yett_schema admin_rows[] = {
	YETT_ROW_PATH(admin_group, socket, "socket", 0, YETT_RUN_DIR "/yett/admin.sock",
		"The UNIX socket that yettctl talks to; empty: none."),
	YETT_ROW_STRING(admin_group, change_group, "change-group", LIVE, "yett-admin",
		"The group of users who may change things, of those in view-group; root always "
		"may."),
	YETT_ROW_STRING(admin_group, view_group, "view-group", LIVE, "yett-view",
		"The group of users who may look. The socket is open to this group alone."),
	YETT_ROW_STRING(admin_group, metrics, "metrics", 0, "",
		"An address and a port, \"127.0.0.1:9723\", where whoever reaches it may fetch "
		"/metrics (OpenMetrics, over HTTP), and nothing else; empty: none. There is no "
		"authentication: use loopback, or a network of your own."),
	YETT_ROW_END,
};

static const struct yett_schema linger_rows[] = {
	YETT_ROW_DURATION(linger_group, normal_ns, "normal", AFAR, "1 s", 0, HOUR,
		"How long records of the normal lane wait for others to share a batch."),
	YETT_ROW_DURATION(linger_group, bulk_ns, "bulk", AFAR, "10 s", 0, HOUR,
		"How long records of the bulk lane wait for others to share a batch."),
	YETT_ROW_SIZE(linger_group, batch_bytes, "batch", AFAR, "64 KiB", KIB, MIB,
		"How large a batch may grow before it goes without waiting longer."),
	YETT_ROW_END,
};

#define L struct yett_listener_settings
static const struct yett_schema listener_rows[] = {
	YETT_ROW_STRING(L, address, "address", 0, "0.0.0.0:5723",
		"Where to listen: \"0.0.0.0:5723\", \"[::]:5723\"; without a port, 5723."),
	YETT_ROW_STRINGS(L, admit, "admit", LIVE, "[]",
		"Patterns of the names of nodes that may take part (\"*\" within a label, \"**\" "
		"over labels, \"?\" for a character); empty: nobody."),
	YETT_ROW_STRINGS(L, proxy, "proxy", LIVE, "[]",
		"Patterns of the names of nodes that may speak for others, as gateways do; empty: "
		"nobody."),
	YETT_ROW_STRINGS(L, methods, "methods", 0, "[]",
		"Methods of authentication that are offered, best first; empty: all that are "
		"configured. A reload ends the sessions that were opened by others."),
	YETT_ROW_DURATION(L, handshake_timeout_ns, "handshake-timeout", LIVE, "10 s", 100 * MS,
		600 * SEC,
		"How long a connection may take until it is authenticated and admitted."),
	YETT_ROW_INT(L, max_sessions, "max-sessions", LIVE, "20000", 1, COUNT,
		"The most sessions at a time."),
	YETT_ROW_INT(L, max_unauthenticated, "max-unauthenticated", LIVE, "1024", 1, COUNT,
		"The most connections at a time that have not authenticated yet, at all listeners "
		"of this node. Addresses that have not done so within the last hour get half of "
		"it, and none where it is 1."),
	YETT_ROW_INT(L, max_unauthenticated_per_source, "max-unauthenticated-per-source", LIVE,
		"64", 1, COUNT, "The same for one IPv4 address or one IPv6 network of 64 bits."),
	YETT_ROW_STRINGS(L, shared_sources, "shared-sources", LIVE, "[]",
		"Ranges of addresses that many nodes share (\"10.1.0.0/16\"): not held to the "
		"limit "
		"per source."),
	YETT_ROW_INT(L, handshakes_per_second, "handshakes-per-second", LIVE, "2000", 1, COUNT,
		"The most new connections a second, at all listeners of this node, and an eighth "
		"of it from one address that is not "
		"shared; the others are dropped, and try again. Half is kept for addresses that "
		"have authenticated within the last hour."),
	YETT_ROW_END,
};

#define U struct yett_upstream_settings
static const struct yett_schema upstream_rows[] = {
	YETT_ROW_STRING(U, name, "name", YETT_SCHEMA_REQUIRED | YETT_SCHEMA_REMOTE, NULL,
		"The fully qualified name that the upstream must prove."),
	YETT_ROW_STRINGS(U, address, "address", YETT_SCHEMA_REMOTE, "[]",
		"Where it is reached, \"host:port\", tried in order; empty: its name, port 5723."),
	YETT_ROW_STRING(
		U, source, "source", 0, "", "The local address to connect from; empty: any."),
	YETT_ROW_STRINGS(U, methods, "methods", 0, "[]",
		"Methods of authentication that are allowed; empty: all that are configured. A "
		"reload ends the session if it was opened by another."),
	YETT_ROW_INT(U, priority, "priority", YETT_SCHEMA_REMOTE, "0", 0, 1000000,
		"0 is preferred; among equals, the one that stands first."),
	YETT_ROW_END,
};

#define SECTION(...)                                                                               \
	{                                                                                          \
		.row = __VA_ARGS__                                                                 \
	}
#define BLOCK(f, n, k, flag, def, d)                                                               \
	{                                                                                          \
		.row = {.name = (n),                                                               \
			.type = YETT_TYPE_GROUP,                                                   \
			.flags = (flag),                                                           \
			.offset = offsetof(S, f),                                                  \
			.item_size = sizeof(struct yett_block),                                    \
			.doc = (d)},                                                               \
		.kind = (k), .standard = (def)                                                     \
	}

const struct yett_section yett_sections[] = {
	SECTION(YETT_ROW_GROUP(S, node, "node", 0, node_rows, "The node itself.")),
	SECTION(YETT_ROW_GROUP(S, group, "group", 0, group_rows,
		"The management group: its name and id on management servers, which have a store; "
		"on "
		"gateways, whose decisions count.")),
	SECTION(YETT_ROW_PATH(S, module_directory, "module-directory", 0, YETT_MODULE_DIR,
		"Where modules are looked for by name.")),
	BLOCK(transport, "transport", YETT_KIND_TRANSPORT, 0, "transport-tls",
		"The channel between nodes, for listeners and upstreams alike."),
	BLOCK(authentication, "authentication", YETT_KIND_AUTH, YETT_SCHEMA_LIST, NULL,
		"How nodes prove who they are, best first."),
	SECTION(YETT_ROW_GROUPS(S, listeners, "listeners", 0, L, listener_rows,
		"Where other nodes may connect, and which of them.")),
	BLOCK(queue, "queue", YETT_KIND_QUEUE, 0, "queue-disk",
		"Where data waits for an upstream."),
	SECTION(YETT_ROW_GROUPS(S, upstreams, "upstreams", 0, U, upstream_rows,
		"The nodes that data is delivered to: gateways or management servers; 64 at "
		"most.")),
	BLOCK(policy, "policy", YETT_KIND_POLICY, 0, "policy-failover",
		"Which upstream is used, and when another."),
	BLOCK(sources, "sources", YETT_KIND_SOURCE, YETT_SCHEMA_LIST, NULL,
		"What this node watches on its own computer."),
	BLOCK(store, "store", YETT_KIND_STORE, 0, NULL,
		"Where a management server keeps records and its registry."),
	SECTION(YETT_ROW_GROUP(S, alerts, "alerts", 0, alerts_rows,
		"What is done about nodes that are not well; on management servers.")),
	SECTION(YETT_ROW_GROUP(S, audit, "audit", 0, audit_rows,
		"The records of who has changed what; on management servers.")),
	SECTION(YETT_ROW_GROUP(S, admin, "admin", 0, admin_rows,
		"The interface for people and programs on this computer.")),
	SECTION(YETT_ROW_GROUP(S, full, "full", 0, full_rows,
		"What a lane of the queue does when it is full: take nothing more until there is "
		"room, or declare its oldest data lost and drop it, which a queue in memory "
		"cannot.")),
	SECTION(YETT_ROW_GROUP(S, linger, "linger", 0, linger_rows,
		"How long the node's own records wait to be sent together.")),
	SECTION(YETT_ROW_END),
};

const char *const yett_block_names[] = {"module", "name", NULL};
