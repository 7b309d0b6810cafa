/* What the files of management share; nobody else includes it. Each file calls only those above it
 * here: known, registry, tell, manage. */
#ifndef YETT_MANAGE_INTERNAL_H
#define YETT_MANAGE_INTERNAL_H

#include "manage.h"

/* `gateway` may deliver batches of `origin`. */
struct yett_grant {
	struct yett_id gateway, origin;
};

struct yett_manage {
	struct yett_node *node;
	GHashTable *known;  /* struct yett_known by id */
	GHashTable *grants; /* a set of struct yett_grant */
	GHashTable *untold; /* of whom upstreams have still to hear: by peer (tell.c) */
	uint64_t next_heartbeat_ns;
	struct yett_court *court; /* court.h; NULL: no store, so no decisions of ours */
	struct yett_kept *kept;   /* kept.h; NULL: no group is known to a node without a store */
	struct yett_asks *asks;   /* ask.c */
};

/* known.c: the tables */
void yett_known_init(struct yett_manage *manage);
void yett_known_done(struct yett_manage *manage);
struct yett_known *yett_known_ensure(struct yett_manage *manage, const struct yett_id *id);
/* What gateways tell is bounded: nobody fills this node's memory with names. */
bool yett_known_has_room(const struct yett_manage *manage, const struct yett_id *id);
void yett_known_describe(struct yett_known *known, const char *name, const char *method,
	const char *software, const char *address);
void yett_known_set_live(struct yett_manage *manage, struct yett_known *known, bool live);
/* A sign of life, so old. */
void yett_known_heard(struct yett_manage *manage, struct yett_known *known, uint32_t age_ms);
/* What an earlier start of the node left counts no more. */
void yett_known_set_boot(struct yett_known *known, const struct yett_id *boot);
struct yett_way *yett_known_way(struct yett_known *known, const struct yett_id *through);
/* Whether that is news. After one of these: use_newest_way. */
bool yett_known_set_way(struct yett_known *known, const struct yett_id *through,
	const struct yett_id *via, uint64_t session, uint32_t hops);
bool yett_known_drop_way(struct yett_known *known, const struct yett_id *through);
/* The one of the newest session, the shortest of those; NULL: there is none (but through that node). */
const struct yett_way *yett_known_newest_way(
	const struct yett_known *known, const struct yett_id *not_through);
void yett_known_use_newest_way(struct yett_manage *manage, struct yett_known *known);
/* Whether it is new. */
bool yett_known_grant(struct yett_manage *manage, const struct yett_grant *grant);
bool yett_known_granted(const struct yett_manage *manage, const struct yett_grant *grant);

/* registry.c: nodes and grants in the store; no-ops where there is none. */
int yett_registry_load(struct yett_manage *manage, struct yett_error *error);
/* Somebody has changed a document: of nodes that are not connected here, the others know better. */
void yett_registry_changed(void *arg, const char *table, const char *key, const char *json);
void yett_registry_node(struct yett_manage *manage, const struct yett_known *known);
void yett_registry_grant(struct yett_manage *manage, const struct yett_grant *grant);

/* ask.c: the way of decisions, up and down */
void yett_ask_init(struct yett_manage *manage);
void yett_ask_done(struct yett_manage *manage);
/* Of a node that is not decided on: upstream is asked, in time. */
void yett_ask_up(struct yett_manage *manage, const struct yett_admission_ask *ask);
/* A decision has changed: those behind that have asked are told, or all of them. */
void yett_ask_tell(struct yett_manage *manage, const char *name, bool all);
void yett_ask_joined(struct yett_manage *manage, struct yett_peer *gateway);
void yett_ask_left(struct yett_manage *manage, struct yett_peer *peer);
void yett_ask_keys(struct yett_manage *manage); /* the group has new ones */
void yett_ask_writable(struct yett_manage *manage, struct yett_peer *peer);
void yett_ask_tick(struct yett_manage *manage, uint64_t now_ns);
bool yett_ask_is_busy(const struct yett_manage *manage); /* many nodes are asked for */
/* When whoever is refused may try again: the later, the more there are. */
uint32_t yett_ask_wait_ms(const struct yett_manage *manage, uint32_t base_ms);
void yett_ask_answered(struct yett_manage *manage, const char *name);
void yett_ask_message(
	struct yett_manage *manage, struct yett_peer *peer, const struct yett_admission *message);

/* gate.c: a gateway's own judgement, by what the group has signed */
struct yett_trust;
int yett_gate_open(
	struct yett_manage *manage, const struct yett_trust *trust, struct yett_error *error);
void yett_gate_take(
	struct yett_manage *manage, struct yett_peer *peer, const struct yett_signed_bytes *bytes);
void yett_gate_judge(struct yett_manage *manage, const struct yett_admission_ask *ask, bool fresh,
	struct yett_judgement *ret);
void yett_gate_tick(struct yett_manage *manage, uint64_t now_ns);

/* kit.c: the installation file */
int yett_kit_read(
	const char *path, const char *node, struct yett_trust *ret_trust, struct yett_error *error);
int yett_kit_parse(const char *bytes, size_t length, const char *node, struct yett_trust *ret_trust,
	struct yett_error *error);

/* judge.c */
/* Who a peer is, as it would be asked for. */
void yett_manage_ask_of(const struct yett_peer *peer, struct yett_admission_ask *ret_ask);
bool yett_judge_proxy(
	const struct yett_manage *manage, const struct yett_peer *gateway, const char *name);
void yett_judge_calls(struct yett_management *calls);

/* tell.c: to upstreams */
void yett_tell_all(struct yett_manage *manage, struct yett_peer *upstream); /* it has opened */
void yett_tell_of(struct yett_manage *manage, const struct yett_known *known);
/* It takes more again; and it is gone. */
void yett_tell_more(struct yett_manage *manage, struct yett_peer *upstream);
void yett_tell_forget(struct yett_manage *manage, struct yett_peer *upstream);
void yett_tell_init(struct yett_manage *manage);
void yett_tell_done(struct yett_manage *manage);
void yett_tell_gone(struct yett_manage *manage, const struct yett_detach *message);
void yett_tell_heartbeats(struct yett_manage *manage, uint64_t now_ns);

#endif
