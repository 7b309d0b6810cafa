/* SPDX-License-Identifier: Apache-2.0
 *
 * Kind `store` (provisional): where management servers keep what arrived, once. Plain synchronous
 * calls; one instance writes, others read, each on a thread of its own.
 *
 * Exactly once lives here: a batch is judged against the pieces of its (origin, epoch, lane) by
 * host->judge, in the same transaction as its records, under row locks taken in key order. Nothing
 * of it is cached across transactions, since several management servers may share a store.
 */
#ifndef YETT_STORE_H
#define YETT_STORE_H

#include <yett/module.h>

enum yett_store_mode {
	YETT_STORE_WRITER = 1,
	YETT_STORE_READER = 2,
};

enum yett_put_result {
	YETT_PUT_STORED = 1,
	YETT_PUT_DUPLICATE = 2,
	YETT_PUT_FORK = 3,  /* kept apart; alert */
	YETT_PUT_DEAD = 4,  /* cannot be stored: kept raw, to be listed and replayed; alert */
	YETT_PUT_LATER = 5, /* a limit that passes with time: refuse with retry-after */
};

/* What the core knows of the origin of a batch and the store cannot. */
enum yett_put_flags {
	/* It is this server, or a gateway whose word counts here: its notices may declare what other
	 * nodes have lost (host->judge_notice). */
	YETT_PUT_FOR_OTHERS = 1 << 0,
};

struct yett_put {
	uint32_t size;
	uint32_t meta_length;
	const struct yett_batch *batch;
	const void *meta;    /* how it came, as in queue.h */
	int64_t received_ns; /* Unix time, ours */
	const char *gateway; /* name of the node that brought it, or NULL if its origin did */
	/* A position that commits with it (the server's own sources), as in queue.h. */
	const char *key;
	const void *position;
	uint32_t position_length;
	int32_t ret_result; /* filled by put: enum yett_put_result, or a negative result */
	uint32_t flags;     /* enum yett_put_flags */
	uint32_t reserved;
	/* NULL, or why it may not be stored, however sound it is: then it is not judged, takes no
	 * numbers and opens no epoch, but is kept raw, with this as its cause, under the epoch {0, 0} of
	 * its origin, which no node numbers in. Never decoded again. */
	const char *aside;
};

/* Registry: named documents (JSON text), each with a revision for compare-and-set. Kept apart
 * from records. */
#define YETT_REVISION_ANY UINT64_MAX
/* Documents of this table are not kept. To put one whose key is the id of a dead letter decodes that
 * batch again, and stores what it holds within the transaction; then it is a dead letter no more.
 * YETT_ENOTFOUND: there is none; YETT_EINVAL: it still cannot be stored, and is kept, with the
 * cause that it has now. Of a store that shows dead letters. The document says what the core knows of
 * its origin by now: YETT_REPLAY_FOR_OTHERS as YETT_PUT_FOR_OTHERS, any other text: it is not so. */
#define YETT_TABLE_REPLAY      "replay"
#define YETT_REPLAY            "{}"
#define YETT_REPLAY_FOR_OTHERS "{\"for_others\":true}"
typedef int (*yett_document_fn)(void *arg, const char *key, const char *json, uint64_t revision);
/* A document that has changed; json NULL: it was deleted. */
typedef int (*yett_change_fn)(
	void *arg, const char *table, const char *key, const char *json, uint64_t revision);

/* A stored record as a query gives it; borrowed during the visit. */
struct yett_row {
	uint32_t size;
	uint32_t lane;
	uint64_t id; /* rises in the order of storing: the cursor to follow by */
	struct yett_id origin;
	struct yett_epoch epoch;
	uint64_t number;
	int64_t received_ns;
	const char *origin_name;   /* or NULL if none is known */
	const char *attributes;    /* JSON object */
	struct yett_record record; /* without attributes */
};
typedef int (*yett_row_fn)(void *arg, const struct yett_row *row);

/* All conditions must hold; NULL or 0: no condition. */
struct yett_query {
	uint32_t size;
	uint32_t kind;
	const char *origin;     /* name or id; a glob (*, ?) is allowed for names */
	const char *name;       /* of the record; a glob is allowed */
	int64_t from_ns, to_ns; /* record time, [from, to) */
	uint64_t after_id;      /* ids above it, oldest first; 0: the newest `limit`, in order */
	uint32_t limit;
	/* Of a reader; 0: as long as it takes. What would take longer may end, with YETT_ETIMEOUT. */
	uint32_t within_ms;
};

/* The account of one (origin, epoch, lane). */
struct yett_account {
	uint32_t size;
	uint32_t lane;
	struct yett_id origin;
	struct yett_epoch epoch;
	const char *origin_name;
	uint64_t received; /* numbers that are stored */
	uint64_t declared; /* declared lost, and not received */
	uint64_t inferred; /* lost by inference */
	uint64_t highest;  /* the highest number known: received, declared or from bounds */
	uint64_t missing;  /* below `highest`, neither received nor lost: still under way */
	uint64_t metrics, events, states; /* stored records by kind */
	uint64_t forks, dead;             /* numbers kept apart, and kept raw */
	uint32_t closed;
	uint32_t reserved;
	uint64_t twice; /* records beyond one a number: 0 where the table's key excludes it */
};
typedef int (*yett_account_fn)(void *arg, const struct yett_account *account);
/* One lost range, declared or inferred. */
typedef int (*yett_loss_fn)(void *arg, const struct yett_notice *gap);

/* A batch that is kept raw, since it could not be stored; borrowed during the visit. */
struct yett_dead_letter {
	uint32_t size;
	uint32_t lane;
	uint64_t id;
	uint64_t epoch; /* ordinal */
	uint64_t first;
	uint64_t count;
	int64_t received_ns;
	const char *origin; /* id, as text */
	const char *origin_name;
	const char *cause;   /* why it could not be stored */
	const char *gateway; /* who brought it, or NULL */
	const void *
		batch; /* header and payload, as they came; NULL where the batch was not asked for */
	uint64_t length;
};
typedef int (*yett_dead_letter_fn)(void *arg, const struct yett_dead_letter *letter);

/* What was kept apart of one origin, since its numbers were taken, by other content; borrowed during the
 * visit. */
struct yett_fork {
	uint32_t size;
	uint32_t reserved;
	struct yett_id origin;
	const char *origin_name; /* or NULL if none is known */
	const char *gateway;     /* one that brought some of it, or NULL */
	uint64_t batches;
	int64_t newest_ns; /* when the last of it came */
};
typedef int (*yett_fork_fn)(void *arg, const struct yett_fork *fork);

struct yett_store_stats {
	uint32_t size;
	uint32_t reserved;
	uint64_t records;
	uint64_t bytes;
	uint64_t dead; /* dead letters */
	uint64_t forks;
	uint64_t generation; /* higher after a restore */
	struct yett_id store_id;
};

struct yett_store_operations {
	uint32_t size;
	uint32_t reserved;
	/* Before `start`: what this instance is for. */
	int (*open)(void *self, uint32_t mode, struct yett_error *error);

	/* Writer. begin → put* → commit, or rollback. When commit returned 0 it is durable. */
	int (*begin)(void *self, struct yett_error *error);
	int (*put)(void *self, struct yett_put *puts, size_t count, struct yett_error *error);
	int (*commit)(void *self, struct yett_error *error);
	void (*rollback)(void *self);
	/* Housekeeping between transactions: retention, closing of epochs, at most for about
	 * `budget_ns`. Returns 1 if there is more to do. Optional. */
	int (*tidy)(void *self, uint64_t budget_ns, struct yett_error *error);
	/* Writer: `revision` must be the present one (0: it must not exist), else YETT_ECONFLICT;
	 * YETT_REVISION_ANY: whatever it is. json NULL deletes. Within a transaction. */
	int (*registry_put)(void *self, const char *table, const char *key, const char *json,
		uint64_t revision, uint64_t *ret_revision, struct yett_error *error);
	/* The last committed position of every key that starts with `prefix`. */
	int (*positions)(void *self, const char *prefix,
		int (*visit)(void *arg, const char *key, const void *position, size_t length),
		void *arg);

	/* Both. These and all others that visit do so until a visitor returns non-zero, which they return. */
	int (*registry_list)(void *self, const char *table, const char *key, yett_document_fn visit,
		void *arg, struct yett_error *error); /* key NULL: all */
	int (*query)(void *self, const struct yett_query *query, yett_row_fn visit, void *arg,
		struct yett_error *error);
	int (*account)(void *self, yett_account_fn visit, void *arg, struct yett_error *error);
	/* Optional. */
	int (*losses)(void *self, yett_loss_fn visit, void *arg, struct yett_error *error);
	int (*stats)(void *self, struct yett_store_stats *ret_stats, struct yett_error *error);

	/* Reader; NULL in a store that nobody else can write to. Visits what has changed in the
	 * registry since revision `after`, whoever changed it, in the order of revisions, of each
	 * document the last change only; where there is nothing, waits for it, at most `timeout_ns`.
	 * Comes back after what it has visited: the next call goes on from the highest revision.
	 * YETT_ECONFLICT: the registry has not got as far as `after`, so it was put back from a
	 * copy: it has to be read anew. */
	int (*watch)(void *self, uint64_t after, uint64_t timeout_ns, yett_change_fn visit,
		void *arg, struct yett_error *error);
	/* Both; NULL in a store that does not show them. The newest `limit` of what is kept raw, oldest
	 * first; with an id, that one alone. */
	int (*dead_letters)(void *self, uint64_t id, uint32_t limit, yett_dead_letter_fn visit,
		void *arg, struct yett_error *error);
	/* Both; NULL in a store that keeps none. Of what was received since `since_ns` (Unix time) and
	 * kept apart, by origin; where that is more than 10,000 batches, of the newest of them. */
	int (*forks)(void *self, int64_t since_ns, yett_fork_fn visit, void *arg,
		struct yett_error *error);
	/* Both; NULL in a store that shows no dead letters. Of what was received since `since_ns` (Unix
	 * time) and kept raw, the newest letter of each origin, without its batch; where that is more
	 * than 10,000 letters, of the newest of them. */
	int (*newest_dead)(void *self, int64_t since_ns, yett_dead_letter_fn visit, void *arg,
		struct yett_error *error);
};

#endif
