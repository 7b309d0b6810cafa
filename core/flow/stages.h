/* The one entry of each stage, and the completions that come back: the whole of what stages call of
 * each other. */
#ifndef YETT_FLOW_STAGES_H
#define YETT_FLOW_STAGES_H

#include "keep.h"
#include "node.h"
#include "peer.h"

/* accept.c */
struct yett_gate { /* one listening address */
	struct yett_node *node;
	const struct yett_listener_settings *settings;
	struct yett_endpoint *endpoint;
	uint32_t sessions;
};
int yett_accept_open(struct yett_node *node, const struct yett_listener_settings *settings,
	struct yett_error *error);
void yett_accept_close(struct yett_node *node, struct yett_gate *gate);
/* The peer is authenticated, or gone: it no longer counts as a stranger. */
void yett_accept_known(struct yett_peer *peer);
/* Something came from it. */
void yett_accept_heard(struct yett_peer *peer);
void yett_accept_gone(struct yett_peer *peer);

/* method.c */
struct yett_auth_slot { /* one configured auth module */
	const struct yett_block *block;
	struct yett_instance *instance;
	const struct yett_auth_operations *operations;
	struct yett_executor *initiators; /* the node's */
	unsigned references; /* authentications that use it; freed at 0 once replaced */
	bool replaced;
};
int yett_method_setup(struct yett_node *node, struct yett_error *error); /* also at a reload */
/* Nobody is kept waiting any more: before the threads are asked back. */
void yett_method_stop(struct yett_node *node);
void yett_method_done(struct yett_node *node);
/* A session's channel is there: where no method goes by certificates, none is asked for nor shown. */
void yett_method_prepare(struct yett_peer *peer);
/* Fills in what the session may use, best first. */
void yett_method_offer(const struct yett_peer *peer, struct yett_hello *hello);
/* The slot of a method that the session may use, or NULL; whether it could be used now. */
struct yett_auth_slot *yett_method_find(const struct yett_peer *peer, const char *method);
bool yett_method_ready(const struct yett_auth_slot *slot, uint32_t role, struct yett_error *error);
void yett_method_unref(struct yett_auth_slot *slot);

/* authenticate.c */
void yett_authenticate(struct yett_peer *peer); /* the channel is up */
void yett_authenticate_hello(struct yett_peer *peer, const struct yett_hello *message);
void yett_authenticate_message(struct yett_peer *peer, const struct yett_auth_message *message);
void yett_authenticate_cancel(struct yett_peer *peer);
/* Judges the open sessions again, after a reload: new roots, new CRLs. Who is on the way in comes again. */
void yett_authenticate_judge(struct yett_node *node);

/* admit.c */
void yett_admit(struct yett_peer *peer); /* both ends are authenticated */
void yett_admit_intro(struct yett_peer *peer, const struct yett_intro *message);
void yett_admit_welcome(struct yett_peer *peer, const struct yett_welcome *message);
/* What the session is for has changed. */
void yett_admit_standby(struct yett_peer *peer, const struct yett_standby *message);
/* Whether a name may come through a gate, and whether it may speak for others there. */
bool yett_admit_may_enter(const struct yett_listener_settings *listener, const char *name);
bool yett_admit_may_proxy(const struct yett_listener_settings *listener, const char *name);
/* Judges the open sessions again, after a reload; those of a name, after a decision. */
void yett_admit_judge(struct yett_node *node);
void yett_admit_judge_name(struct yett_node *node, const char *name);

/* intake.c */
void yett_intake(struct yett_peer *peer, uint64_t number, const struct yett_envelope *envelope,
	const struct yett_batch *batch);
/* Sends the collected acknowledgements of all peers: after a group was committed. */
void yett_intake_acknowledge(struct yett_node *node);
/* Hands a keep to the queue or the store. */
void yett_keep_give(struct yett_node *node, struct yett_keep *keep);

/* credit.c */
void yett_credit_open(struct yett_peer *peer);
void yett_credit_wanted(struct yett_peer *peer, const struct yett_credit *message);
void yett_credit_received(struct yett_peer *peer, uint32_t lane, uint64_t bytes);
void yett_credit_durable(struct yett_peer *peer, uint32_t lane, uint64_t bytes);
/* It is a standby now, and sends nothing until it is opened again. */
void yett_credit_lend(struct yett_peer *peer);
void yett_credit_close(struct yett_peer *peer);
void yett_credit_tick(struct yett_node *node);

/* queue.c */
struct yett_queue_view { /* what views and path need, as of the last job */
	struct yett_queue_stats stats;
	bool durable;
	uint64_t waiting; /* keeps that do not fit now */
	int refused;      /* why the last of them did not; means nothing where none waits */
};
int yett_queue_open(struct yett_node *node, struct yett_error *error);
/* What recovery found lost: declared as soon as this node can number. */
void yett_queue_declare_recovered(struct yett_node *node);
void yett_queue_close(struct yett_node *node);
void yett_queue_keep(struct yett_node *node, struct yett_keep *keep);
void yett_queue_settle(struct yett_node *node, uint32_t lane, uint64_t entry);
/* Reads on from `from` when the thread is free; the answer goes to yett_deliver_read. */
void yett_queue_read(struct yett_node *node, uint32_t lane, uint64_t from, size_t max_bytes);
/* `made`: there is room now; else not again before the retry. */
void yett_queue_room_made(struct yett_node *node, uint32_t lane, bool made);
/* Something did not fit the lane, and not half of it is free again. */
bool yett_queue_is_full(const struct yett_node *node, uint32_t lane);
bool yett_queue_idle(const struct yett_node *node);
void yett_queue_view(const struct yett_node *node, struct yett_queue_view *ret_view);
/* Before the loop runs: the module itself. */
const struct yett_queue_operations *yett_queue_operations(
	const struct yett_node *node, void **ret_self);
/* Runs fn(arg) on the queue's thread, then done(arg) on the loop. */
void yett_queue_call(struct yett_node *node,
	void (*fn)(const struct yett_queue_operations *operations, void *self, void *arg),
	void (*done)(void *arg), void *arg);

/* sessions.c */
GHashTable *yett_sessions_new(void);
/* It is open from now on, and its id stays as it is. */
void yett_sessions_add(struct yett_peer *peer);
void yett_sessions_remove(struct yett_peer *peer);
/* The newest of them, others behind it (same_node); NULL: none. */
struct yett_peer *yett_sessions_of(const struct yett_node *node, const struct yett_id *id);

/* watch.c: what others have changed in the registry. Open with the store; start once management has
 * read it. */
int yett_watch_open(struct yett_node *node, struct yett_error *error);
void yett_watch_start(struct yett_node *node);
void yett_watch_close(struct yett_node *node);

/* store.c */
int yett_store_open(struct yett_node *node, struct yett_error *error);
void yett_store_close(struct yett_node *node);
void yett_store_keep(struct yett_node *node, struct yett_keep *keep);
/* Whether batches of this origin may declare what other nodes have lost. */
bool yett_store_for_others(const struct yett_node *node, const struct yett_id *origin);
bool yett_store_idle(const struct yett_node *node);
void yett_store_tick(struct yett_node *node); /* housekeeping, when there is time */
bool yett_store_healthy(const struct yett_node *node);
/* A registry document in the next transaction; the newest value of a key wins, also while the store fails;
 * json NULL deletes. */
void yett_store_document(
	struct yett_node *node, const char *table, const char *key, const char *json);
/* The same where nobody else may have changed it meanwhile: `revision` is the one that it was read with (0:
 * it is not there; YETT_REVISION_ANY: whatever it is). `done` is called once, on the loop: 0 and the new
 * revision (0: deleted) when it is durable; YETT_ECONFLICT, and nothing is written, where it was at another
 * revision: read it again and decide anew; YETT_ENOTFOUND, YETT_EINVAL; YETT_ECLOSED where the node stops
 * before the answer is known. While the store fails, it waits; YETT_EUNAVAIL, and it is not written, where
 * YETT_STORE_CHANGES_MAX wait already. A store whose commit was lost on its way back may say YETT_ECONFLICT
 * of what it has written: reading shows it. Changes and documents of a key are written in the order of the
 * calls. `done` may call this, but not while the node closes. */
#define YETT_STORE_CHANGES_MAX 10000
typedef void (*yett_change_done)(void *arg, int result, uint64_t revision);
void yett_store_change(struct yett_node *node, const char *table, const char *key, const char *json,
	uint64_t revision, yett_change_done done, void *arg);
/* The same of what somebody has asked for, and waits for: where the store has failed for 10 s it is taken back,
 * YETT_EUNAVAIL. With what is written in the very transaction of the change, if that is made, and not at all
 * otherwise: who made it, and what it does away with. json NULL: deleted, if it is there. */
struct yett_store_also {
	const char *table, *key, *json;
};
void yett_store_change_also(struct yett_node *node, const char *table, const char *key,
	const char *json, uint64_t revision, const struct yett_store_also *also, size_t count,
	yett_change_done done, void *arg);
/* Documents and changes that are not durable yet. */
size_t yett_store_waiting(const struct yett_node *node);
/* The store was put back from a copy while it was open: what is signed from now on is newer. */
void yett_store_set_generation(struct yett_node *node, uint64_t generation);
/* Before the loop runs: the writer itself, for reading the registry and positions. */
const struct yett_store_operations *yett_store_operations(
	const struct yett_node *node, void **ret_self);
struct yett_id yett_store_id(const struct yett_node *node, uint64_t *ret_generation);
/* Another instance of the same store, open in `mode` (YETT_STORE_…) and started; what there is of it, the
 * caller's also after an error. */
int yett_store_instance(struct yett_node *node, uint32_t mode, struct yett_instance **ret_instance,
	struct yett_error *error);

/* readers.c: opened, closed and seen to be idle with the store. */
enum yett_read_kind {
	YETT_READ_SHORT, /* what the server itself looks for, each second */
	YETT_READ_LONG,  /* what people ask for, or goes through much: as long as it takes */
	YETT_READERS
};
int yett_readers_open(struct yett_node *node, struct yett_error *error);
void yett_readers_close(struct yett_node *node);
bool yett_readers_idle(const struct yett_node *node);
typedef void (*yett_read_store_fn)(
	const struct yett_store_operations *operations, void *self, void *arg);
/* Runs fn(arg) on that reader's thread, behind what it was called for before; then done(arg) on the loop. Where
 * the node is being closed, done(arg) is called from within that, and fn may not have run: node->readers is NULL
 * then, and what is written is answered with YETT_ECLOSED. */
void yett_readers_call(struct yett_node *node, enum yett_read_kind kind, yett_read_store_fn fn,
	void (*done)(void *arg), void *arg);

/* select.c */
/* The link for the next batch of a lane, of so many bytes, or NULL. */
struct yett_link *yett_select(
	struct yett_node *node, uint32_t lane, uint32_t bytes, const struct yett_envelope *way);
/* What a session to it is of use for now. */
enum yett_wanted yett_select_wanted(struct yett_node *node, const struct yett_link *link);
int yett_select_explain(struct yett_node *node, char *ret_text, size_t size);
int yett_select_setup(struct yett_node *node, struct yett_error *error);

/* upstream.c */
struct yett_link { /* one configured upstream */
	struct yett_node *node;
	const struct yett_upstream_settings *settings;
	char name[YETT_NODE_NAME_SIZE];
	struct yett_peer *peer;     /* connecting or open */
	struct yett_peer *renewal;  /* connecting: to take its place */
	struct yett_peer *retiring; /* open: it had the place before, and waits for what it sent */
	uint64_t renew_ns;          /* no renewal before this; monotonic */
	uint64_t retire_ns;         /* `retiring` ends then at the latest; monotonic */
	struct yett_timer *timer;
	size_t address;    /* of the configured ones: the last one that led to a session */
	size_t tried;      /* of them, since then, in vain */
	unsigned failures; /* rounds over all of them, in a row */
	bool parked;       /* no session is wanted: `timer` asks again */
	bool dismissed;    /* the one that is being ended is not wanted: nothing has failed */
	bool proving;      /* a session is new, and has not told of its way to the store yet */
	int64_t proven_ns; /* Unix time: a new session had a way to the store; 0: none yet */
	bool stands_by;    /* a standby is there, and could be used at once */
	uint32_t state;    /* enum yett_upstream_state */
	uint64_t since_ns;
	uint64_t latency_ns; /* smoothed, sending to acknowledgement */
	uint64_t waits_ns;   /* for an acknowledgement, since; means nothing where all is settled */
	struct yett_path path; /* as it told us */
	struct yett_id id;     /* of the node there, as its last session said; zero: none yet */
	struct yett_path way;  /* the last one that it told and that was open; empty: none yet */
	char error[YETT_CAUSE_SIZE]; /* why it is down */
	/* Of the last try, or session, that has failed since one came up; a renewal, too. */
	struct yett_failure failure;
};
int yett_upstream_open(struct yett_node *node, const struct yett_upstream_settings *settings,
	struct yett_error *error);
void yett_upstream_close(struct yett_link *link);
/* Ends sessions that the policy does not want, that have been renewed, or that are not used any more
 * and hold back what was sent there. */
void yett_upstream_tick(struct yett_node *node);
/* Batches and presence go by this session from now on, if they do not already. */
void yett_upstream_use(struct yett_link *link);
/* A session of ours nears its end: makes another one, which takes its place once it is up. */
void yett_upstream_renew(struct yett_link *link);
/* The same, to that address. */
void yett_upstream_move(struct yett_link *link, const char *address);
/* Proves the way to an upstream, without an outage: address, connection, authentication, admission, and
 * its way to the store, with a session beside the one that is there, whose place it takes; or, where there
 * is none, with one that ends again unless it is wanted. `proven_ns` then says so, `error` why not. */
void yett_upstream_prove(struct yett_link *link);
/* These are told of a peer whose `link` is set: WELCOME came; it has ended. */
void yett_upstream_ready(struct yett_peer *peer);
void yett_upstream_gone(struct yett_peer *peer, enum yett_peer_state was, uint32_t retry_after_ms);
void yett_upstream_path(struct yett_link *link, const struct yett_path *path);
/* How long it has acknowledged nothing of what it should. */
uint64_t yett_upstream_stalled(const struct yett_link *link);

/* deliver.c */
int yett_deliver_setup(struct yett_node *node);
void yett_deliver_done(struct yett_node *node);
/* Sends as much as there is and may be sent. */
void yett_deliver(struct yett_node *node);
/* An upstream has given credit. */
void yett_deliver_granted(struct yett_peer *peer, const struct yett_credit *message);
/* A batch has just been synced: spares reading it again, where deliver is that far. */
void yett_deliver_offer(struct yett_node *node, uint32_t lane, const struct yett_keep *keep);
/* What the queue holds when it opens. */
void yett_deliver_begin(struct yett_node *node, uint32_t lane, uint64_t oldest, uint64_t next);
/* Items are given; a negative count is why they could not be read. */
void yett_deliver_read(
	struct yett_node *node, uint32_t lane, struct yett_queue_item *items, int count);
struct yett_unit;
/* Refused: again after a while. The unit is given. */
void yett_deliver_defer(struct yett_node *node, struct yett_unit *unit, uint32_t after_ms);
bool yett_deliver_idle(const struct yett_node *node); /* nothing is in flight */
void yett_deliver_gone(struct yett_peer *peer);       /* what was in flight is ready again */
uint64_t yett_deliver_unsettled(const struct yett_peer *peer);
/* Of the buffers of what waits here to be sent; for tests. */
uint64_t yett_deliver_ready_bytes(const struct yett_node *node);
/* Whether so much more may be in flight to a peer: whatever credit it gives, what it has not
 * acknowledged is memory here. */
bool yett_deliver_has_room(const struct yett_peer *peer, uint32_t bytes);

/* settle.c */
void yett_settle(struct yett_peer *peer, const struct yett_ack *message);

/* refusals.c: who was not let in lately, for whoever asks why */
struct yett_refusal {
	struct yett_failure failure;
	int64_t first_ns;               /* Unix time */
	uint32_t count;                 /* of the same */
	char name[YETT_NODE_NAME_SIZE]; /* as proved; "": it was not authenticated */
	char listener[64];
};
/* A stranger, or a node, was not let in; it is being closed, and was in that state. */
void yett_refusal_note(const struct yett_peer *peer, enum yett_peer_state was);
/* The last one of a name, proved or said in the cause; NULL: none is remembered. */
const struct yett_refusal *yett_refusal_find(const struct yett_node *node, const char *name);
void yett_refusals_done(struct yett_node *node);

/* path.c */
void yett_path_update(struct yett_node *node); /* recompute; tell those below if it changed */
void yett_path_tell_all(struct yett_node *node);
void yett_path_tell(struct yett_peer *peer);
bool yett_path_usable(const struct yett_node *node, const struct yett_path *path);
/* Who above this node has that id: an upstream of another name, or a node that its way leads to; of the
 * latter `relay`, one that may speak for others, may be below us as well, unless it has the store. NULL:
 * nobody. */
const char *yett_path_above(
	const struct yett_node *node, const struct yett_id *id, const char *name, bool relay);

/* origin.c */
int yett_origin_load(struct yett_node *node, struct yett_error *error); /* id, boot, epoch */
/* After queue or store is open: positions, and what older epochs left. */
int yett_origin_setup(struct yett_node *node, struct yett_error *error);
void yett_origin_done(struct yett_node *node);
/* The place that a source had reached, as found in queue or store (NULL: none). */
const void *yett_origin_position(
	const struct yett_node *node, const char *source, size_t *ret_length);
/* Numbers a batch that has none yet and keeps it. `source` NULL: no position. Takes the batch's
 * reference. done as in keep.h, with `owner`. */
void yett_origin_submit(struct yett_node *node, struct yett_batch *batch, const char *source,
	const void *position, size_t position_length,
	void (*done)(struct yett_keep *keep, int result), void *owner);
/* A batch is durable here: if it is our own, its numbers will not be given out in vain. */
void yett_origin_durable(struct yett_node *node, const struct yett_batch_info *info);
void yett_origin_tick(struct yett_node *node);

/* bounds.c */
void yett_bounds_setup(struct yett_node *node); /* reads what earlier starts have kept */
void yett_bounds_done(struct yett_node *node);
/* An older epoch of this node: its numbers went as far as this; the queue still holds this of it. */
void yett_bounds_reached(
	struct yett_node *node, const struct yett_epoch *epoch, uint32_t lane, uint64_t next);
void yett_bounds_held(struct yett_node *node, const struct yett_range *range);
void yett_bounds_unread(struct yett_node *node, uint32_t lane); /* the queue may hold more */
void yett_bounds_save(struct yett_node *node);                  /* once all of that is known */
void yett_bounds_tick(struct yett_node *node);                  /* where that failed, again */
/* Tells the store of all of them; later, that the queue holds nothing of this lane any more. */
void yett_bounds_tell(struct yett_node *node);
bool yett_bounds_holds(const struct yett_node *node, uint32_t lane);
void yett_bounds_left(struct yett_node *node, uint32_t lane);
/* Tells that an epoch gives out no more numbers, and that none of its is here. */
void yett_bounds_close(struct yett_node *node, const struct yett_epoch *epoch, uint32_t lane,
	uint64_t next, void (*done)(struct yett_keep *keep, int result), void *owner);

/* source.c */
int yett_source_open(
	struct yett_node *node, const struct yett_block *block, struct yett_error *error);
void yett_source_start_all(struct yett_node *node);
/* Asks the threads back and cuts what is collected; `yett_source_idle` tells when all is kept. */
void yett_source_stop_all(struct yett_node *node);
bool yett_source_idle(const struct yett_node *node);
/* Whether one of them cannot start, or fails again and again: which, and why. */
bool yett_source_trouble(const struct yett_node *node, char *ret_text, size_t size);
void yett_source_close_all(struct yett_node *node); /* the threads are joined */
void yett_source_free_all(struct yett_node *node);
void yett_source_reload(struct yett_node *node, struct yett_error *error);

/* gap.c */
/* A loss that is durable only with its notice: calls done when that is synced. */
void yett_gap_declare(struct yett_node *node, const struct yett_range *ranges, size_t count,
	uint32_t cause, void (*done)(void *arg), void *arg);
/* What a barred origin has sent: `ended` is told once, 0 when the loss is durably declared. */
void yett_gap_reject(struct yett_node *node, const struct yett_range *range,
	void (*ended)(void *arg, int result), void *arg);
/* Declares the oldest segment of a lane lost and drops it; then yett_queue_room_made. */
void yett_gap_make_room(struct yett_node *node, uint32_t lane);

#endif
