/* The management server's side of admission: what the group has decided, as the registry has it. Shared by
 * papers.c, court.c, change.c and group.c; nobody else includes it but internal users in manage/. On the
 * loop. */
#ifndef YETT_MANAGE_COURT_H
#define YETT_MANAGE_COURT_H

#include "../internal.h"
#include "../group/signed.h"

/* Tables of the registry. */
#define YETT_TABLE_GATEWAYS "gateways" /* by name: decisions about gateways */
#define YETT_TABLE_AGENTS   "agents"   /* by name: about agents */
#define YETT_TABLE_PENDING  "pending"  /* by name: who waits for one */
#define YETT_TABLE_GROUP    "group"    /* `identity`, `settings`, `server/NAME` */
#define YETT_TABLE_DESIRED  "desired"  /* by name: what a node should be like */
#define YETT_TABLE_APPLIED  "applied"  /* by name: what it has made of that */
#define YETT_TABLE_MOVES    "moves"    /* by name: on its way to other upstreams, and how far */
#define YETT_TABLE_AUDIT    "audit"    /* by time: who changed what */

/* Of a decision: the gateway that has told the id, where nobody has decided on that id and the node has not
 * proved its name to a management server. */
#define YETT_HEARSAY "hearsay"

#define YETT_PENDING_MAX 1000 /* nodes that wait for a decision; more are refused unlisted */

/* A document as this server knows it. */
struct yett_paper {
	json_t *json; /* NULL: it is deleted */
	uint64_t revision;
	bool unsure; /* the store was put back, and has not told of it since */
};

struct yett_court {
	struct yett_manage *manage;
	GHashTable *tables;   /* table → (key → struct yett_paper) */
	guint pending;        /* documents there */
	GHashTable *deciding; /* names whose document is being written */
	GHashTable *hearing;  /* names whose answer (desired.c) is being written */
	/* group.c */
	struct yett_trust trust;          /* group zero: there is no group yet */
	struct yett_sign_key *group_key;  /* where this server holds it, else NULL */
	struct yett_sign_key *server_key; /* this server's own, or NULL */
	GByteArray *certificate;          /* of it, by the group's key; NULL: not certified */
	bool certifying;
	uint64_t checked_ns; /* when certificates were looked at last */
	/* moves.c */
	GHashTable *moving;
	uint64_t moves_ns;
	uint64_t drain_ns; /* drain.c */
};

/* papers.c */
void yett_court_init(struct yett_manage *manage);
void yett_court_done(struct yett_manage *manage);
/* Before the node starts: reads the tables. */
int yett_court_open(struct yett_manage *manage, struct yett_error *error);
/* A document has changed, by us or by another management server; json NULL: it is deleted. */
void yett_court_apply(struct yett_court *court, const char *table, const char *key,
	const char *json, uint64_t revision);
/* Of a name, also where it is deleted. */
struct yett_paper *yett_court_paper(
	const struct yett_court *court, const char *table, const char *key);
/* NULL where there is none. */
const struct yett_paper *yett_court_find(
	const struct yett_court *court, const char *table, const char *key);
GHashTable *yett_court_table(const struct yett_court *court, const char *table);
/* A text of a document, "" where there is none. */
const char *yett_paper_text(const struct yett_paper *paper, const char *key);
uint32_t yett_paper_verdict(const struct yett_paper *paper);
/* Whether who has heard of an earlier state of this decision, and not of this one, would let somebody in. */
bool yett_paper_takes_away(const struct yett_paper *paper);
/* The decision about a name, as it counts: one that says no before one that says yes. `ret_gateway`:
 * whether it stands with the gateways. NULL: none. */
const struct yett_paper *yett_court_decision(
	const struct yett_court *court, const char *name, bool *ret_gateway);

/* court.c */
void yett_court_judge(struct yett_court *court, const struct yett_admission_ask *ask, bool fresh,
	struct yett_judgement *ret);
/* Writes down that it waits for a decision. */
void yett_court_hold(struct yett_court *court, const struct yett_admission_ask *ask);
bool yett_court_proxy(const struct yett_court *court, const char *name);
bool yett_court_barred(const struct yett_court *court, const char *name);
/* Whether that name is approved with that id, and not only by what a gateway has told. */
bool yett_court_binds(const struct yett_court *court, const struct yett_id *id, const char *name);
/* Whether the group has decided otherwise than that the node of that id is called so: the name is approved
 * with another id, or the id with another name, or it is barred by the name that it had here. */
bool yett_court_contradicts(
	const struct yett_court *court, const struct yett_id *id, const char *name);
/* What is decided of who asks, signed for a gateway; false: nothing yet, or this server cannot sign. */
bool yett_court_answer(
	struct yett_court *court, const struct yett_admission_ask *ask, GByteArray *to);
/* What is decided of a name, signed; false: this server cannot sign. */
bool yett_court_sign(struct yett_court *court, const char *name, GByteArray *to);

/* change.c: one document, by compare-and-set, with its audit record. The json is given. */
typedef void (*yett_changed_fn)(void *arg, int result);
void yett_court_change(struct yett_court *court, const char *table, const char *key, json_t *json,
	const char *by, const char *what, yett_changed_fn done, void *arg);

/* The registry is an older copy, which is told anew; `whole`: it was. */
void yett_court_put_back(struct yett_court *court, bool whole);

/* settings.c: answers that all changes have in common, and the texts of a request's body */
void yett_court_refuse(yett_answer_fn answer, void *arg, int result, const char *mend,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
const char *yett_court_conflict(int result);                      /* why a change was not made */
const char *yett_court_text(const json_t *body, const char *key); /* "" where it is missing */

/* decide.c: requests of the interface */
typedef void yett_decide_fn(struct yett_court *court, const json_t *body, const char *by,
	yett_answer_fn answer, void *arg);
yett_decide_fn yett_decide_approve_gateway, yett_decide_delete_gateway, yett_decide_approve_agents,
	yett_decide_reject_agents, yett_decide_delete_agents, yett_decide_revoke;

/* forget.c */
yett_decide_fn yett_forget_node;

/* desired.c */
struct yett_desired;
/* A document as it is signed; false: it does not fit. */
bool yett_desired_of(const json_t *json, const char *name, struct yett_desired *ret);
/* What the node has said of this revision; NULL: nothing yet. */
const struct yett_paper *yett_desired_answer(
	const struct yett_court *court, const char *name, uint64_t revision);

/* The session that leads to a node; NULL: there is none here. */
struct yett_peer *yett_desired_way_down(struct yett_manage *manage, const struct yett_id *id);

/* desired-set.c */
yett_decide_fn yett_desired_set;
/* Whether it may be one: a management server, or a gateway that is here or approved. */
bool yett_desired_is_upstream(const struct yett_court *court, const char *name);
/* Whether the way of a gateway, as it is, should be or is about to be, leads to that node; of those that are
 * moving, by what was written before that revision. */
bool yett_desired_leads_to(
	const struct yett_court *court, const char *gateway, const char *node, uint64_t before);

/* group.c */
void yett_group_load(struct yett_court *court);
void yett_group_applied(struct yett_court *court, const char *key);
void yett_group_tick(struct yett_court *court, uint64_t now_ns);
void yett_group_done(struct yett_court *court);
json_t *yett_group_view(const struct yett_court *court);
json_t *yett_group_kit(const struct yett_court *court, const char *name, const char *upstreams,
	struct yett_error *error);
void yett_group_init(struct yett_court *court, const char *name, const char *by,
	yett_answer_fn answer, void *arg);
void yett_group_join(struct yett_court *court, const char *by, yett_answer_fn answer, void *arg);
void yett_group_rollover(struct yett_court *court, bool compromised, const char *by,
	yett_answer_fn answer, void *arg);
/* The envelopes of all rollovers, oldest first. */
json_t *yett_group_rollovers(const struct yett_court *court);

char *yett_hex(const uint8_t *bytes, size_t length); /* given */
/* Exactly `size` bytes. */
bool yett_unhex(const char *text, uint8_t *ret_bytes, size_t size);
GByteArray *yett_unhex_all(const char *text, size_t max); /* NULL: it is none */

#endif
