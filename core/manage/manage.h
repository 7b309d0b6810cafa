/* Management: who is there, who speaks for whom, and what views show of it. It lies above the flow
 * and is called by it through struct yett_management (flow/node.h). On the loop. */
#ifndef YETT_MANAGE_MANAGE_H
#define YETT_MANAGE_MANAGE_H

#include <jansson.h>

#include "../flow/node.h"

/* Health states of the original, as views show them. */
enum yett_health {
	YETT_HEALTH_NOT_MONITORED = 0,
	YETT_HEALTH_HEALTHY,
	YETT_HEALTH_WARNING,
	YETT_HEALTH_CRITICAL,
	YETT_HEALTH_UNREACHABLE,
};
const char *yett_health_text(enum yett_health health); /* "Not monitored", "Healthy" … */

/* One of the ways that lead to a node: with several upstreams it has several sessions, and a gateway
 * with several upstreams tells of it more than once. */
#define YETT_WAYS_MAX 4
struct yett_way {
	bool used;
	struct yett_id through; /* our own peer that tells of it; zero: it is connected here */
	struct yett_id via;     /* the node that it is connected to; zero: this one */
	uint64_t session;
	uint32_t hops; /* relays between it and us */
};

/* One node that this one knows of, directly or behind a gateway. */
struct yett_known {
	struct yett_id id;
	struct yett_id boot;
	bool boot_here; /* by a session of its own, not by a gateway's word */
	struct yett_way ways[YETT_WAYS_MAX];
	struct yett_id via; /* of the newest way; of the last one, where there is none */
	uint64_t session;   /* the same */
	bool live;          /* there is a session with it, here or at `via` */
	bool relay;         /* a gateway: shows among the servers */
	bool proven; /* by that name it had a session with this node, or a server of the group */
	char name[YETT_NODE_NAME_SIZE];
	char method[YETT_METHOD_NAME_SIZE];
	char software[64];
	char address[64];
	int64_t first_ns;        /* Unix time: first seen */
	int64_t changed_ns;      /* Unix time: `live` is as it is since */
	int64_t heard_ns;        /* Unix time: last sign of life */
	uint64_t heard_at_ns;    /* the same, monotonic; 0: not since we started */
	uint64_t gone_at_ns;     /* monotonic: not live since; 0: live */
	uint64_t live_at_ns;     /* monotonic: live since, or when it was last; 0: never here */
	uint32_t interval_s;     /* its own heartbeats'; 0: not told */
	uint32_t backlog_s;      /* what it says: how long the oldest in its queue has waited */
	char ended[160];         /* how its last session here ended; "": none has */
	char why[YETT_WHY_SIZE]; /* what it says: degraded, and how; "": it is not */
	/* How it was when last looked at (health.c), and since when: Unix time. */
	enum yett_health health;
	int64_t health_ns;
	/* Another management server has it (share.c); zero: none says so. */
	struct yett_id far;
	bool other_method;  /* than that with which it was approved */
	bool cloned_below;  /* a gateway says that two copies of it are alive (clones.c) */
	bool cloned;        /* it was so when it was last looked at */
	bool far_cloned;    /* as that server sees it */
	bool far_silent;    /* and misses its heartbeats */
	bool was_far;       /* one said so at the last look */
	uint64_t far_at_ns; /* monotonic: one says so since, or when one did last; 0: never */
};

struct yett_manage;

/* How a node is, and why. */
struct yett_diagnosis {
	enum yett_health health;
	char cause[256]; /* "": it is healthy */
	struct yett_id
		behind;   /* Unreachable since this gateway or server is; zero: in its own right */
	bool cloned;      /* two copies of it are alive */
	bool maintenance; /* somebody works on it: no alerts */
};

struct yett_manage *yett_manage_new(void);
/* The calls that the node needs; give them to yett_node_new. */
struct yett_management yett_manage_calls(struct yett_manage *manage);
/* After yett_node_new, before yett_node_start: reads the registry (of the store, or of the state
 * directory). */
int yett_manage_open(struct yett_manage *manage, struct yett_node *node, struct yett_error *error);
void yett_manage_free(struct yett_manage *manage); /* after yett_node_free */

/* What an administrator asks for; on the loop. The answer comes on the loop, once: JSON (given), or a
 * result and why. */
typedef void (*yett_answer_fn)(void *arg, int result, json_t *json, const struct yett_error *error);
/* `what` is the path of the interface (doc/openapi.yaml), `body` its object, `by` who asks. */
void yett_manage_change(struct yett_manage *manage, const char *what, const json_t *body,
	const char *by, yett_answer_fn answer, void *arg);

/* Why this node, or another one (`name` not NULL), is as it is, as each end sees it that can be asked: an
 * Explanation of doc/openapi.yaml, within some seconds. */
void yett_manage_explain(
	struct yett_manage *manage, const char *name, yett_answer_fn answer, void *arg);

/* Proves the way by each upstream of this node, or of another one (`name` not NULL), which is asked: an
 * array of Drill of doc/openapi.yaml, within some seconds. */
void yett_manage_drill(
	struct yett_manage *manage, const char *name, yett_answer_fn answer, void *arg);

/* Of the view of a node (yett_view_desired), which is taken: what the node itself says, where nothing is known
 * here; else `asked_why` says why it does not. Within some seconds. */
void yett_manage_show(struct yett_manage *manage, const char *name, json_t *json,
	yett_answer_fn answer, void *arg);

/* New settings from the file of a running node: what is desired of it lies over them. They have to
 * outlive `manage`. */
int yett_manage_reload(
	struct yett_manage *manage, const struct yett_settings *settings, struct yett_error *error);

/* Is called instead of the notification command, with "raised" or "closed": for tests. */
typedef void (*yett_notice_fn)(void *arg, const char *event, const json_t *alert);
void yett_manage_on_notice(struct yett_manage *manage, yett_notice_fn notice, void *arg);
/* Who has changed what, for the table `audit`, at `ret_place` (given, to be freed with free): a document
 * of the registry, JSON as it was and as it will be (NULL: it is not there). It is written in the change's
 * own transaction (yett_store_change_also). */
#define YETT_AUDIT_PLACE_SIZE 64
char *yett_manage_audit(const struct yett_manage *manage, const char *by, const char *action,
	const char *table, const char *key, const char *before, const char *after,
	char ret_place[YETT_AUDIT_PLACE_SIZE]);
/* The name of a node, this one and other management servers among them; NULL: it is not known. */
const char *yett_manage_name_of(const struct yett_manage *manage, const struct yett_id *id);
/* The id of the node of a name; false: nobody is called so, and the nearest name, if any, is told. */
bool yett_manage_named(const struct yett_manage *manage, const char *name, struct yett_id *ret_id,
	char ret_near[YETT_NODE_NAME_SIZE]);
/* The same of a site; "" where there is no site at all. */
bool yett_manage_has_site(
	const struct yett_manage *manage, const char *site, char ret_near[YETT_NODE_NAME_SIZE]);
/* Whether the gateway of that name, or one that it is behind, was approved for that site. */
bool yett_manage_at_site(const struct yett_manage *manage, const char *gateway, const char *site);
/* From now on, what is logged becomes records of the node (node.events); one node of a process. */
void yett_manage_tap_log(struct yett_manage *manage);
struct yett_node *yett_manage_node(const struct yett_manage *manage);
void yett_manage_judge(const struct yett_manage *manage, const struct yett_known *known,
	struct yett_diagnosis *ret_verdict);
/* This node itself. */
void yett_manage_judge_self(const struct yett_manage *manage, struct yett_diagnosis *ret_verdict);
/* In the order of names. */
typedef void (*yett_known_fn)(void *arg, const struct yett_known *known);
void yett_manage_walk(const struct yett_manage *manage, yett_known_fn visit, void *arg);
/* NULL: nobody of that id is known. */
const struct yett_known *yett_manage_find(
	const struct yett_manage *manage, const struct yett_id *id);

#endif
