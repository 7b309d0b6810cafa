/* A peer: the far end of one session, of either role, from the first byte to the last. */
#ifndef YETT_FLOW_PEER_H
#define YETT_FLOW_PEER_H

#include <glib.h>
#include <yett/auth.h>

#include "../conf/settings.h"
#include "../net/loop.h"
#include "../wire/session.h"
#include "flow.h"

enum yett_peer_state {
	YETT_PEER_CONNECTING = 1, /* TCP and TLS */
	YETT_PEER_HELLO,
	YETT_PEER_AUTH,
	YETT_PEER_INTRO,
	YETT_PEER_OPEN,
	YETT_PEER_CLOSED,
};

#define YETT_RETRY_MOST_MS (10 * 60 * 1000) /* nobody keeps a node away for longer by a word */

/* What a peer of ours is owed in memory, per lane (credit.c). */
struct yett_peer_credit {
	uint64_t window;  /* what it may have outstanding: granted, or received and not durable */
	uint64_t granted; /* granted and not yet used */
	uint64_t held;    /* received and not yet durable */
	uint64_t wanted;  /* it waits for this much; 0: it does not */
	GList place; /* in the lane's line of those who wait; data: the peer, or NULL: in none */
};

/* Why a session did not come up, or has ended. */
struct yett_failure {
	int64_t at_ns;              /* Unix time; 0: there is none */
	enum yett_peer_state state; /* how far it had come */
	bool reached;               /* the connection was there */
	bool told;                  /* these are the peer's words */
	int result;                 /* of the channel, where that has ended by itself; else 0 */
	uint32_t code;              /* of the peer's REFUSE or GOODBYE; 0: it has said none */
	bool clock_known;           /* both have told the time */
	int64_t clock_offset_ns;    /* the peer's clock less ours */
	char address[64];
	char cause[YETT_CAUSE_SIZE], mend[YETT_CAUSE_SIZE];
};

struct yett_flight; /* deliver.c: batches sent and not acknowledged */

struct yett_peer {
	struct yett_node *node; /* while it is not closed */
	struct yett_loop *loop; /* which outlives the node */
	enum yett_role role;    /* ours */
	enum yett_peer_state state;
	unsigned references; /* keeps, an auth job, the node's list */
	struct yett_channel *channel;
	struct yett_wire *wire;
	const struct yett_facts *facts; /* the channel's */
	char address[64];
	uint64_t opened_ns; /* monotonic: of the connection */
	uint64_t heard_ns;
	uint64_t sent_ns;
	uint64_t ping_ns; /* sent and not answered; 0: none */
	uint64_t rtt_ns;
	uint64_t capabilities;       /* of its hello: enum yett_capability */
	int64_t clock_offset_ns;     /* the peer's wall clock less ours, by the hellos */
	char cause[YETT_CAUSE_SIZE]; /* why it is closed */
	char *mend;                  /* what would mend that, or NULL */
	uint32_t heard_code;         /* of REFUSE or GOODBYE; 0: none was heard */
	int result;                  /* of the channel, where that has ended by itself */
	bool reached;                /* an outgoing connection is there */
	bool denied;                 /* the peer has said so in AUTH */
	bool told;                   /* closing has been logged */
	bool blocked;                /* the channel wants no more for now */
	struct yett_post gone;       /* frees it, once nobody refers to it */

	/* accept */
	struct yett_gate *gate; /* the listener that it came through, or NULL */
	GList silent;           /* its link in the node's list; data NULL: it is not there */
	/* upstream */
	struct yett_link *link;

	/* authenticate */
	struct yett_authentication *authentication; /* while it lasts */
	struct yett_hello *offer;                   /* initiator: the acceptor's HELLO */
	uint32_t next_method;                       /* of the offer */
	bool fell_back;                             /* a better method could not be had */
	char mechanism[YETT_METHOD_NAME_SIZE];
	char authority[256];
	char name[YETT_NODE_NAME_SIZE]; /* as proved */
	char principal[256];
	bool channel_bound;
	int64_t expires_ns; /* Unix time; 0: none */

	/* admit */
	bool introduced;
	bool may_proxy; /* may speak for others: the gate's `proxy` */
	struct yett_id id;
	struct yett_id boot;
	struct yett_peer *same_node; /* the next open session of the same id (sessions.c) */
	uint64_t session;
	uint64_t superseded_ns; /* its node has a newer session since; monotonic; 0: it has none */
	uint32_t flags;         /* enum yett_intro_flag */
	bool standby;           /* it carries nothing: so the initiator has said of this session */
	char software[64];

	/* intake */
	struct yett_peer_credit credit[YETT_LANES];
	bool credit_lent;     /* it is a standby: others have the memory for what it may send */
	struct yett_ack *ack; /* collected, not yet sent; NULL: nothing */
	uint64_t batches, records, bytes; /* taken from it, or delivered to it */
	uint64_t heartbeat_ns;            /* monotonic: last HEARTBEAT of its own */

	/* deliver */
	struct yett_flight *flight;
};

/* An accepted channel, or the start of an outgoing one. The node's list holds it. */
struct yett_peer *yett_peer_new(struct yett_node *node, enum yett_role role, const char *address);
extern const struct yett_channel_events yett_peer_channel_events;

struct yett_peer *yett_peer_ref(struct yett_peer *peer);
void yett_peer_unref(struct yett_peer *peer);

/* Sends what the wire machine has, as far as the channel takes it. */
void yett_peer_flush(struct yett_peer *peer);
/* Ends the session: REFUSE before it is open, GOODBYE after (code 0: say nothing), then close. */
void yett_peer_close(struct yett_peer *peer, uint32_t code, const char *mend, const char *format,
	...) __attribute__((format(printf, 4, 5)));
/* The same with a wait after which it may try again. */
void yett_peer_refuse(struct yett_peer *peer, uint32_t code, uint32_t retry_after_ms,
	const char *mend, const char *cause);
/* The same where the cause has been logged, and the peer is told less: `told` is all that it hears. */
void yett_peer_close_told(struct yett_peer *peer, uint32_t code, const char *told, const char *mend,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Once or twice a second: deadlines, pings, expiry. */
void yett_peer_tick(struct yett_peer *peer, uint64_t now_ns);
/* This node itself did nothing for so long: that is no silence of the peer's. */
void yett_peer_paused(struct yett_peer *peer, uint64_t by_ns, uint64_t now_ns);
const char *yett_peer_state_name(enum yett_peer_state state);
/* Of one that is being closed, and was in that state. */
void yett_peer_failure(
	const struct yett_peer *peer, enum yett_peer_state was, struct yett_failure *ret_failure);

#endif
