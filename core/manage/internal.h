/* What the files of management share; nobody else includes it. Its folders, each a question:
 * presence/ (who is here?), group/ (whose word counts?), admission/ (who may take part?), desired/ (what
 * should a node be like?), health/ (how is it?), explain/ (why?), views/ (what is shown of all that). */
#ifndef YETT_MANAGE_INTERNAL_H
#define YETT_MANAGE_INTERNAL_H

#include "../flow/stages.h"
#include "manage.h"

/* `gateway` may deliver batches of `origin`. */
struct yett_grant {
	struct yett_id gateway, origin;
};

/* How long another management server may say nothing: three of its words are missed. */
#define YETT_SERVER_SILENCE_NS (12 * YETT_SEC)

/* Another management server of the group, as the store has it. */
struct yett_server {
	struct yett_id id;
	char name[YETT_NODE_NAME_SIZE];
	char software[64];
	char state[16]; /* of its own health */
	char cause[256];
	bool stopped; /* it said that it ends */
	uint64_t revision;
	uint64_t seen_at_ns; /* monotonic: its document was another one then; 0: always as it is */
	uint64_t back_at_ns; /* monotonic: fresh since, or when it was last */
	int64_t seen_ns;     /* the same, Unix time */
	/* How it was when last looked at (health.c), and since when: Unix time. */
	char health[16];
	int64_t health_ns;
};

/* Where a record stands among those of its origin. */
struct yett_standing {
	struct yett_epoch epoch; /* ordinal 0: it is not known */
	uint32_t lane;
	uint64_t number;
	int64_t time_ns; /* no later than it was stored, whatever the clock there says */
};

/* What a monitoring plugin says of a node, where that is not OK. */
struct yett_check {
	char name[YETT_RECORD_MAX_NAME + 1];
	uint32_t state; /* YETT_STATE_… */
	int64_t since_ns;
	struct yett_standing place;
	char output[200];
	bool unsaved;
};

/* What the store has kept apart of an origin, since its numbers were taken, or as it came. */
struct yett_seen_aside {
	bool letter;  /* a dead letter; otherwise a fork */
	bool foreign; /* of a letter: it bears the origin of a server, and is another node's */
	struct yett_id origin;
	char name[YETT_NODE_NAME_SIZE], gateway[YETT_NODE_NAME_SIZE]; /* or "" */
	uint64_t batches;                                             /* of a fork */
	uint64_t number;                                              /* of a letter: its id */
	char reason[200];                                             /* of a letter */
};

struct yett_aside {
	const char *kind; /* of the alert */
	struct yett_id id;
	char name[YETT_NODE_NAME_SIZE];
	char *text; /* cause and mend */
};

struct yett_maintenance {
	char key[YETT_NODE_NAME_SIZE]; /* id of a node, or "site/NAME" */
	char reason[200], by[80];
	int64_t since_ns, until_ns; /* 0: until it is stopped */
};

/* One row of the registry, as the reader found it. */
struct yett_document {
	char *key;
	json_t *json;
	uint64_t revision;
};

/* A state record that is new in the store. */
struct yett_seen_state {
	struct yett_id origin;
	uint32_t state;
	struct yett_standing place;
	char *name, *output;
};

struct yett_lease {
	bool asked;           /* a change is under way */
	uint64_t revision;    /* as last seen; 0: there is none */
	uint64_t seen_at_ns;  /* it was another one before; monotonic */
	uint64_t until_ns;    /* we hold it until then; monotonic */
	uint64_t asked_at_ns; /* what a success counts from */
	uint64_t renew_ns;    /* not before */
	bool released;        /* for good: this node ends */
	char holder[YETT_NODE_NAME_SIZE];
};

struct yett_events;
struct yett_look;
struct yett_alerts;
struct yett_notify;
struct yett_audit;

struct yett_manage {
	struct yett_node *node;
	GHashTable *known; /* struct yett_known by id */
	GHashTable *named; /* the same by name: GPtrArray, borrowed */
	uint64_t
		gone_ns; /* known.c: so long it has them in mind without a store; a test has less */
	GHashTable *grants;  /* a set of struct yett_grant */
	GHashTable *granted; /* how many of them a gateway has, by its id */
	guint known_max;     /* nodes; a test has fewer */
	guint grants_max;    /* of one gateway */
	GHashTable
		*clones; /* by id: which starts of a node came, where there were two (clones.c) */
	GHashTable *untold; /* of whom upstreams have still to hear: by peer (tell.c) */
	uint64_t next_heartbeat_ns, last_heartbeat_ns;
	bool told_backlog; /* by the last heartbeat */
	GHashTable *
		behind; /* behind.c: ids of who may come back while it is emptied; NULL: it is not */
	bool behind_over;     /* the file of them is to be removed */
	bool started_drained; /* it was being emptied when it started, and that file was missing */
	struct yett_court *court; /* court.h; NULL: no store, so no decisions of ours */
	struct yett_kept *kept;   /* kept.h; NULL: no group is known to a node without a store */
	struct yett_asks *asks;   /* ask.c */
	struct yett_aim *aim;     /* aim.c; NULL: nobody sets this node from afar */
	bool desire;              /* desired.c: somebody may have to hear what it should be like */
	uint64_t desire_ns, desire_again_ns;
	uint64_t opened_ns; /* monotonic */
	uint64_t next_second_ns, next_hour_ns;
	/* How this node itself was when last looked at (health.c), and since when: Unix time. */
	enum yett_health health;
	int64_t health_ns;
	/* A management server's: of the group, by way of the store. */
	GHashTable *servers;     /* struct yett_server by id: the others */
	GHashTable *checks;      /* GPtrArray of struct yett_check by id of the node */
	guint checks_count;      /* of all nodes */
	GHashTable *maintenance; /* struct yett_maintenance by key */
	GPtrArray *aside;        /* struct yett_aside */
	bool aside_known;        /* it has been read since alerts were */
	uint64_t next_word_ns;   /* when this one says again that it is there (share.c) */
	uint64_t words;
	bool shared;      /* the others can read whom this one has */
	GPtrArray *stale; /* keys of presence that an earlier start has left; NULL: they are gone */
	struct yett_lease lease;
	struct yett_look *look;
	struct yett_alerts *alerts;
	struct yett_notify *notify;
	struct yett_audit *audit;
	uint64_t
		audit_pause_ns; /* between two looks; so long a clock has to go evenly: a test has less */
	struct yett_events *events;       /* NULL: the log is not tapped */
	GQueue drills;                    /* drill.c */
	struct yett_questions *questions; /* question.c */
	yett_notice_fn notice;
	void *notice_arg;
};

/* Whether this one raises alerts now. */
static inline bool yett_lease_held(const struct yett_manage *manage)
{
	return manage->lease.until_ns > yett_now(manage->node);
}

/* known.c: the tables */
void yett_known_init(struct yett_manage *manage);
void yett_known_done(struct yett_manage *manage);
struct yett_known *yett_known_ensure(struct yett_manage *manage, const struct yett_id *id);
/* What gateways tell, and who comes, is bounded: nobody fills this node's memory with names. */
bool yett_known_has_room(const struct yett_manage *manage, const struct yett_id *id);
void yett_known_describe(struct yett_manage *manage, struct yett_known *known, const char *name,
	const char *method, const char *software, const char *address);
/* The node of that name; of several, that which is there, or was last. NULL: none is known. */
const struct yett_known *yett_known_named(const struct yett_manage *manage, const char *name);
/* How many ids have had a session here, or with a server of the group, by that name. */
unsigned yett_known_proven(const struct yett_manage *manage, const char *name);
void yett_known_set_live(struct yett_manage *manage, struct yett_known *known, bool live);
/* A sign of life, so old. */
void yett_known_heard(struct yett_manage *manage, struct yett_known *known, uint32_t age_ms);
/* Another management server has it, and no way leads to it from here. */
void yett_known_heard_far(struct yett_manage *manage, struct yett_known *known);
/* What an earlier start of the node left counts no more. */
void yett_known_set_boot(struct yett_known *known, const struct yett_id *boot);
struct yett_way *yett_known_way(struct yett_known *known, const struct yett_id *through);
/* Whether it is behind that node. */
bool yett_known_leads(const struct yett_known *known, const struct yett_id *through);
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
void yett_known_ungrant(struct yett_manage *manage, const struct yett_grant *grant);
/* Unless it is here. */
void yett_known_forget(struct yett_manage *manage, const struct yett_id *id);
/* On a node without a store: who has been gone for long, once nothing of them can be here. */
void yett_known_retire(struct yett_manage *manage);
bool yett_known_granted(const struct yett_manage *manage, const struct yett_grant *grant);
/* Whether it may be, as far as there is room: what one gateway tells of is bounded. */
bool yett_known_may_grant(const struct yett_manage *manage, const struct yett_id *gateway,
	const struct yett_id *origin);

/* clones.c. A start of the node comes, in the place of the one that is known: by a session here (`by` zero), or
 * by a gateway's word. Before known.c takes it. */
void yett_clones_init(struct yett_manage *manage);
void yett_clones_done(struct yett_manage *manage);
void yett_clones_came(struct yett_manage *manage, struct yett_known *known,
	const struct yett_id *boot, const struct yett_id *by);
/* The one that was replaced is heard of by that gateway (zero: by a session here), so long ago. */
void yett_clones_heard(struct yett_manage *manage, struct yett_known *known,
	const struct yett_id *through, uint32_t age_ms);
/* Another management server has one that is live here. */
void yett_clones_seen_far(struct yett_manage *manage, struct yett_known *known,
	const struct yett_id *server, const struct yett_id *boot);
/* Whether this start of the node is kept out. */
bool yett_clones_held(
	struct yett_manage *manage, const struct yett_id *id, const struct yett_id *boot);
bool yett_clones_is(const struct yett_manage *manage, const struct yett_known *known);
void yett_clones_tick(struct yett_manage *manage);

/* registry.c: nodes and grants in the store; no-ops where there is none. */
int yett_registry_load(struct yett_manage *manage, struct yett_error *error);
/* Somebody has changed a document: of nodes that are not connected here, the others know better. */
void yett_registry_changed(void *arg, const char *table, const char *key, const char *json);
void yett_registry_node(struct yett_manage *manage, const struct yett_known *known);
/* This server's own name, by which its records are found in the store. */
void yett_registry_self(struct yett_manage *manage);
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
void yett_gate_take(struct yett_manage *manage, struct yett_peer *peer,
	const struct yett_signed_bytes *bytes, uint32_t count);
void yett_gate_judge(struct yett_manage *manage, const struct yett_admission_ask *ask, bool fresh,
	struct yett_judgement *ret);
void yett_gate_tick(struct yett_manage *manage, uint64_t now_ns);

/* aim.c: what this node should be like, as its group has signed it */
int yett_aim_open(struct yett_manage *manage, struct yett_error *error);
void yett_aim_done(struct yett_manage *manage);
void yett_aim_tick(struct yett_manage *manage, uint64_t now_ns);
void yett_aim_take(struct yett_manage *manage, const uint8_t *bytes, size_t length);
void yett_aim_tell(struct yett_manage *manage, struct yett_peer *upstream); /* what came of it */
void yett_aim_distrust(struct yett_manage *manage); /* the group's key was in other hands */
int yett_aim_reload(
	struct yett_manage *manage, const struct yett_settings *settings, struct yett_error *error);

/* desired.c: what other nodes should be like, and the way there and back */
void yett_desired_config(
	struct yett_manage *manage, struct yett_peer *peer, const struct yett_config *message);
void yett_desired_applied(
	struct yett_manage *manage, struct yett_peer *peer, const struct yett_applied *message);
void yett_desired_tick(struct yett_manage *manage, uint64_t now_ns);
/* The session that leads down to a node, or to the gateway that tells of it; NULL: none does. */
struct yett_peer *yett_desired_way_down(struct yett_manage *manage, const struct yett_id *id);

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
/* Whether the group has decided that the node of that name is the one of that id. */
bool yett_judge_binds(const struct yett_manage *manage, const struct yett_id *id, const char *name);
/* The name whose id that is; NULL: it may be that name's. */
const char *yett_judge_owner(
	const struct yett_manage *manage, const struct yett_id *id, const char *name);
/* Whether what a gateway says of a node's name is not believed. Logs it. */
bool yett_judge_contradicts(const struct yett_manage *manage, const struct yett_peer *gateway,
	const struct yett_attached *node);
/* Of a node that a gateway tells of: whether it has the id of one above, and cannot be that. */
bool yett_judge_above(const struct yett_manage *manage, const struct yett_peer *gateway,
	const struct yett_attached *node);
/* Whether it is no gateway here, whatever it calls itself; and what is logged of that. */
bool yett_judge_plain(const struct yett_manage *manage, const struct yett_peer *gateway,
	const struct yett_attached *node);
void yett_judge_log_plain(const struct yett_peer *gateway, const struct yett_attached *node);
/* What a node of that name is told that comes with the id of another one. */
void yett_judge_say_taken(const struct yett_manage *manage, const char *name, const char *owner,
	struct yett_judgement *ret);
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

/* share.c: the other management servers, and whom they have */
void yett_share_init(struct yett_manage *manage);
void yett_share_done(struct yett_manage *manage);
void yett_share_open(struct yett_manage *manage); /* what an earlier start said counts no more */
void yett_share_saw_servers(struct yett_manage *manage, const GPtrArray *documents);
void yett_share_saw_presence(struct yett_manage *manage, const GPtrArray *documents);
/* For so long the store could not be read: what the others had to say meanwhile was not heard. */
void yett_share_blind(struct yett_manage *manage, uint64_t for_ns);
void yett_share_tick(struct yett_manage *manage, uint64_t now_ns);
/* A node's presence here has changed. */
void yett_share_node(struct yett_manage *manage, const struct yett_known *known);
const struct yett_server *yett_share_find(
	const struct yett_manage *manage, const struct yett_id *id);
const struct yett_server *yett_share_named(const struct yett_manage *manage, const char *name);
bool yett_share_fresh(const struct yett_manage *manage, const struct yett_server *server);
/* Whether it cannot be told yet: this server has just started, and that one has not said a word since. */
bool yett_share_unheard(const struct yett_manage *manage, const struct yett_server *server);
/* How it is: as it says itself, while it is heard. */
const char *yett_share_health(const struct yett_manage *manage, const struct yett_server *server);
bool yett_share_has(const struct yett_manage *manage, const struct yett_known *known);

/* checks.c: what plugins say */
void yett_checks_init(struct yett_manage *manage);
void yett_checks_done(struct yett_manage *manage);
void yett_checks_forget(struct yett_manage *manage, const struct yett_id *id);
void yett_checks_saw(struct yett_manage *manage, const struct yett_seen_state *state);
void yett_checks_load(struct yett_manage *manage, const GPtrArray *documents);
void yett_checks_save(struct yett_manage *manage); /* by the holder of the lease */
/* The one that weighs most, or NULL; and all of them, or NULL. */
const struct yett_check *yett_checks_worst(
	const struct yett_manage *manage, const struct yett_id *id);
const GPtrArray *yett_checks_of(const struct yett_manage *manage, const struct yett_id *id);
const char *yett_state_text(uint32_t state);
/* Ends a text where it is not UTF-8 any more, as one that was cut may be. */
void yett_text_trim(char *text);

/* aside.c */
#define YETT_ASIDE_NS (3600 * (int64_t)YETT_SEC) /* how long one is remembered */
void yett_aside_init(struct yett_manage *manage);
void yett_aside_done(struct yett_manage *manage);
/* struct yett_seen_aside, of an origin one of each kind at most */
void yett_aside_saw(struct yett_manage *manage, const GPtrArray *seen);

/* maintenance.c */
void yett_maintenance_saw(struct yett_manage *manage, const GPtrArray *documents);
const struct yett_maintenance *yett_maintenance_of(
	const struct yett_manage *manage, const struct yett_known *known);
const struct yett_maintenance *yett_maintenance_of_id(
	const struct yett_manage *manage, const struct yett_id *id);

/* health.c */
void yett_health_tick(struct yett_manage *manage);
/* How long the oldest of what waits in a node's queue has waited. */
uint32_t yett_backlog_s(const struct yett_node *node);
/* How old data in a node's queue may get before that is a warning. */
uint64_t yett_backlog_warning_ns(const struct yett_manage *manage, const struct yett_known *known);

/* notify.c: the notification command */
int yett_notify_open(struct yett_manage *manage, struct yett_error *error);
void yett_notify_tick(struct yett_manage *manage, uint64_t now_ns);
void yett_notify_close(struct yett_manage *manage); /* after the node is freed */
/* `what` is "raised" or "closed"; later, on the loop, yett_alerts_notified unless the command failed.
 * False: there is no room now, or no command. */
bool yett_notify_send(
	struct yett_manage *manage, const char *what, const char *id, const json_t *alert);

/* alerts.c: what people have to know of */
void yett_alerts_init(struct yett_manage *manage);
void yett_alerts_done(struct yett_manage *manage);
/* The holder of the lease has them in memory; it reads them when it becomes one, and when somebody else
 * has changed one. */
bool yett_alerts_unread(const struct yett_manage *manage);
void yett_alerts_load(struct yett_manage *manage, const GPtrArray *documents);
void yett_alerts_forget(struct yett_manage *manage);
void yett_alerts_tick(struct yett_manage *manage, uint64_t now_ns);
/* How many are kept, open or closed; and how many may be, for tests. */
unsigned yett_alerts_count(const struct yett_manage *manage);
void yett_alerts_set_most(struct yett_manage *manage, unsigned most);
/* Somebody has been told; or could not be, for good. */
void yett_alerts_notified(struct yett_manage *manage, const char *id, const char *what);

/* audit.c: for how long it is known who has changed what */
void yett_audit_open(struct yett_manage *manage);
void yett_audit_done(struct yett_manage *manage);
void yett_audit_tick(struct yett_manage *manage, uint64_t now_ns);

/* events.c: the log, as records */
#define YETT_STORE_WHY_SIZE 512
/* Why the store fails, or failed the last time, in its own words, and what follows from that. */
void yett_events_store_why(const struct yett_manage *manage, char ret_why[YETT_STORE_WHY_SIZE]);
void yett_events_tick(struct yett_manage *manage, uint64_t now_ns);
void yett_events_done(struct yett_manage *manage);

/* lease.c: one management server at a time raises alerts */
void yett_lease_saw(struct yett_manage *manage, const GPtrArray *documents);
void yett_lease_blind(struct yett_manage *manage, uint64_t for_ns);
void yett_lease_tick(struct yett_manage *manage, uint64_t now_ns);
uint64_t yett_lease_cursor(const struct yett_document *document);

/* question.c: what nodes are asked from above, one hop at a time */
/* Once: an answer, or why there is none. `report` is the callee's to change, and not to keep. */
typedef void (*yett_report_fn)(void *arg, struct yett_report *report);
void yett_question_init(struct yett_manage *manage);
void yett_question_done(struct yett_manage *manage);
/* Asks a node behind this one, within query->limit_ms; `done` may come from within. */
void yett_question_ask(struct yett_manage *manage, const struct yett_query_message *query,
	yett_report_fn done, void *arg);
void yett_question_query(struct yett_manage *manage, struct yett_peer *upstream,
	const struct yett_query_message *query);
void yett_question_report(
	struct yett_manage *manage, struct yett_peer *peer, const struct yett_report *report);
void yett_question_left(struct yett_manage *manage, struct yett_peer *peer);
void yett_question_tick(struct yett_manage *manage, uint64_t now_ns);

/* told.c: what a node says of its own properties */
void yett_told_report(const struct yett_manage *manage, struct yett_report *ret_report);

/* drill.c: whether the ways that are not used would carry */
/* Within `limit_ns`, and 8 s: an array of Drill (doc/openapi.yaml). */
void yett_drill_begin(
	struct yett_manage *manage, uint64_t limit_ns, yett_answer_fn answer, void *arg);
void yett_drill_tick(struct yett_manage *manage);
void yett_drill_done(struct yett_manage *manage);

/* look.c: reads what the group has in the store, every second */
void yett_look_open(struct yett_manage *manage);
void yett_look_free(struct yett_manage *manage);
void yett_look_tick(struct yett_manage *manage, uint64_t now_ns);
/* Whether what is known of the other servers is new enough to judge them by. */
bool yett_look_is_recent(const struct yett_manage *manage);
uint64_t yett_look_cursor(const struct yett_manage *manage);

#endif
