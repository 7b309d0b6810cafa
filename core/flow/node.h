/* One node: what its stages share. Fields are grouped by the stage that owns them; other stages go
 * through the owner's functions. All on the loop. */
#ifndef YETT_FLOW_NODE_H
#define YETT_FLOW_NODE_H

#include <glib.h>

#include "../conf/settings.h"
#include "../module/host.h"
#include "../module/load.h"
#include "../net/executor.h"
#include "../net/loop.h"
#include "../wire/message.h"
#include "flow.h"

/* Whether a node may take part, as management judges: what `admit` of its listener says, and what the
 * group has decided. */
struct yett_judgement {
	bool admitted;
	bool proxy;    /* may speak for others */
	uint32_t code; /* where it is not admitted: what it is told (enum yett_refuse_code) */
	uint32_t retry_after_ms;
	char cause[YETT_CAUSE_SIZE];
	char mend[YETT_CAUSE_SIZE];
};

/* What the flow needs from management, which lies above it: the flow declares, manage/ provides.
 * Each call is on the loop and must not block. NULL calls are skipped. */
struct yett_management {
	void *arg;
	/* Whether anything but its listeners' lists decides here who may take part; NULL: nothing. */
	bool (*decides)(void *arg);
	/* Judges a peer that has introduced itself. `fresh`: it wants in now; else it is in already,
	 * and is judged again. `ret` comes filled with what the listener's lists say. Logs why not. */
	void (*judge)(void *arg, struct yett_peer *peer, bool fresh, struct yett_judgement *ret);
	/* Whether a peer that wants in is a copy of a node that is here, and is kept out. */
	bool (*held)(void *arg, const struct yett_peer *peer);
	/* Whether the id of a peer that may take part, for others too where `proxy`, is that of somebody
	 * else: then it is kept out, and `ret` says what it is told. Logs it. */
	bool (*taken)(
		void *arg, const struct yett_peer *peer, bool proxy, struct yett_judgement *ret);
	/* A gateway asks about nodes (acceptor); what the group has signed (initiator). */
	void (*admission)(void *arg, struct yett_peer *peer, const struct yett_admission *message);
	/* What a node should be like, from an upstream; what one has made of it, from below. */
	void (*config)(void *arg, struct yett_peer *peer, const struct yett_config *message);
	void (*applied)(void *arg, struct yett_peer *peer, const struct yett_applied *message);
	/* A question from an upstream; an answer from below, to one that was asked there. */
	void (*query)(void *arg, struct yett_peer *peer, const struct yett_query_message *message);
	void (*report)(void *arg, struct yett_peer *peer, const struct yett_report *message);
	/* Whether what comes from this origin is no longer taken; the store's side only. */
	bool (*barred)(void *arg, const struct yett_id *origin);
	/* Whether what a batch of this origin declares of other nodes is believed: it is a gateway whose
	 * word counts here. The store's side only; NULL: nobody's is. */
	bool (*for_others)(void *arg, const struct yett_id *origin);
	/* A peer was admitted; it left. */
	void (*joined)(void *arg, struct yett_peer *peer);
	void (*left)(void *arg, struct yett_peer *peer);
	/* A gateway tells whom it speaks for; returns how many of them it may not. */
	uint32_t (*attach)(void *arg, struct yett_peer *gateway, const struct yett_attach *message);
	void (*detach)(void *arg, struct yett_peer *gateway, const struct yett_detach *message);
	void (*heartbeat)(void *arg, struct yett_peer *peer, const struct yett_heartbeat *message);
	/* Whether this gateway was granted this origin. */
	bool (*granted)(void *arg, const struct yett_id *gateway, const struct yett_id *origin);
	/* An upstream has a way to the store, which does not lead through us: tell it whom we speak
	 * for. What is told along such ways only cannot go in circles. */
	void (*upstream_open)(void *arg, struct yett_peer *upstream);
	/* A peer, of either role, takes more again. */
	void (*writable)(void *arg, struct yett_peer *peer);
	/* Somebody, who may be this node, has changed a document of the registry; json NULL: it was
	 * deleted. Only where the store tells. */
	void (*registry_changed)(
		void *arg, const char *table, const char *key, const char *json, uint64_t revision);
	/* The registry was put back from an older copy: all of it is told anew by registry_changed, and then
	 * this is called once more, `whole`: what was not told is not there. */
	void (*registry_put_back)(void *arg, bool whole);
	/* The oldest number etc. changed, a session opened: something views show. */
	void (*tick)(void *arg, uint64_t now_ns);
};

/* What a node is made with; all borrowed for its life but settings, which reload replaces. */
struct yett_node_make {
	struct yett_loop *loop;
	const struct yett_clock *clock;
	const struct yett_files *files;
	const struct yett_settings *settings;
	bool inline_executors; /* all on the loop: simulator, tests */
};

/* Counters, in the order of node_metrics in node.c. */
enum yett_node_metric {
	YETT_COUNT_BATCHES_IN,
	YETT_COUNT_RECORDS_IN,
	YETT_COUNT_BYTES_IN,
	YETT_COUNT_BATCHES_OUT,
	YETT_COUNT_RECORDS_OUT,
	YETT_COUNT_BYTES_OUT,
	YETT_COUNT_SETTLED,
	YETT_COUNT_RESENT,
	YETT_COUNT_STORED,
	YETT_COUNT_DUPLICATE,
	YETT_COUNT_FORKS,
	YETT_COUNT_DEAD,
	YETT_COUNT_GAPS,
	YETT_COUNT_SYNCS,
	YETT_COUNT_PUSHBACKS,
	YETT_COUNT_ACCEPTED,
	YETT_COUNT_REFUSED,
};

struct yett_node {
	struct yett_loop *loop;
	const struct yett_clock *clock;
	const struct yett_settings *settings;
	const struct yett_settings *started_with; /* what only a restart changes is as this says */
	struct yett_world world;
	bool inline_executors;
	char name[YETT_NODE_NAME_SIZE];
	struct yett_id id;   /* kept in the state directory */
	struct yett_id boot; /* new at each start */
	struct yett_epoch epoch;
	bool was_there;     /* it had its id before this start */
	uint64_t sessions;  /* counts the sessions that we opened */
	int64_t started_ns; /* Unix time */
	bool relay;         /* has listeners and upstreams */
	bool draining;
	struct yett_drain *drain; /* from the drain's begin until it is done, or given up */
	uint64_t drain_send_ns;   /* while draining: nothing new is sent after it */
	bool degraded;            /* a sync failed, or stored data was damaged, since the start */
	char degraded_why[256];
	struct yett_management management;
	struct yett_metrics *metrics;
	struct yett_timer *ticker;
	uint64_t ticked_ns;
	GPtrArray *peers;          /* all sessions, either role */
	GHashTable *sessions_open; /* of these, by the id of the other node (sessions.c) */

	/* accept */
	struct yett_instance *transport;
	GPtrArray *gates;
	GHashTable *addresses;      /* /32 or /64 → struct source: how much it asks for */
	guint addresses_most;       /* of them, before those that ask for nothing are let go */
	GHashTable *sources_lately; /* the same → when it last authenticated (monotonic) */
	GQueue refusals[2];         /* struct yett_refusal *: strangers, nodes; the newest first */
	uint32_t unauthenticated;
	uint32_t judging;        /* open sessions that a reload has judged again */
	GQueue silent;           /* accepted, and nothing heard; in order */
	double handshake_tokens; /* of the rate limit */
	uint64_t handshake_refill_ns;

	/* authenticate */
	GPtrArray *auths; /* struct yett_auth_slot *, best first */
	struct yett_executor *acceptors;
	GHashTable *initiators; /* method → struct yett_executor * */

	/* intake */
	GPtrArray
		*acknowledging; /* peers that have an acknowledgement collected; each a reference */

	/* credit */
	uint64_t credit_committed; /* bytes that peers may send or have sent, all lanes */
	uint64_t credit_lent;      /* beside that: what standbys may send */
	/* Of it, what has come and is not durable yet, also from peers that are gone. */
	uint64_t credit_held[YETT_LANES];
	GQueue credit_waiting[YETT_LANES]; /* peers, who came first first */
	/* Beyond the budget one peer a lane is let through at a time; NULL: nobody. */
	struct yett_peer *credit_passing[YETT_LANES];
	uint64_t credit_passing_ns[YETT_LANES];

	/* queue or store: exactly one is there (or neither, in a node that only looks) */
	struct yett_keeper *queue;
	struct yett_vault *store;
	struct yett_readers *readers; /* with the store */
	struct yett_watch *watch;     /* of a store that others write to as well; else NULL */

	/* the sending half */
	struct yett_instance *policy;
	GPtrArray *links;
	struct yett_delivery *delivery;
	struct yett_timer *select_timer;
	uint64_t select_ns;    /* when that fires: the earliest that the policy asked for; 0: not */
	struct yett_path path; /* ours, as told to those below */

	/* own records */
	struct yett_origin *origin;
	struct yett_bounds *bounds;
	struct yett_numbers *numbers;
	GPtrArray *sources; /* struct yett_feed * */
};

/* Makes everything, opens queue or store, starts to listen and to dial. On failure nothing is
 * left. */
int yett_node_new(const struct yett_node_make *make, const struct yett_management *management,
	struct yett_node **ret_node, struct yett_error *error);
/* The part that takes traffic: after management is in place. */
int yett_node_start(struct yett_node *node, struct yett_error *error);
/* Takes no new work and calls `done` when all under way is finished, or at the deadline; not, where the
 * node is freed before. */
void yett_node_drain(
	struct yett_node *node, uint64_t timeout_ns, void (*done)(void *arg), void *arg);
void yett_node_free(struct yett_node *node);
/* New settings (already checked), without dropping a session that they do not concern. What cannot
 * change in a running node is told in `error` and stays. */
int yett_node_reload(
	struct yett_node *node, const struct yett_settings *settings, struct yett_error *error);

static inline void yett_count(struct yett_node *node, enum yett_node_metric what, uint64_t by)
{
	yett_metrics_add(node->metrics, (uint32_t)what, (int64_t)by);
}
static inline uint64_t yett_now(const struct yett_node *node)
{
	return yett_clock_monotonic(node->clock);
}
void yett_node_degrade(struct yett_node *node, const char *why);
/* Whether somebody should look at it, and why: it is degraded, or a source of it does not tell. */
bool yett_node_trouble(const struct yett_node *node, char *ret_text, size_t size);

#endif
