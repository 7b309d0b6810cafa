/* The control messages: one struct and one form (message.c) each. Bodies are CBOR maps with
 * unsigned keys (doc/protocol.cddl); unknown keys are skipped, missing required ones are
 * YETT_EPROTO, anything beyond a limit YETT_ELIMIT. Decoded text is copied into the struct, whose
 * content means nothing after a failure. */
#ifndef YETT_WIRE_MESSAGE_H
#define YETT_WIRE_MESSAGE_H

#include <stdbool.h>

#include <yett/batch.h>

#include "../base/error.h"

/* Frame: length of the body (u32), type (u8), flags (u8), lane (u8; 0 but for BATCH), reserved
 * (u8, 0); then the body. A frame fits one TLS record, so that no frame holds up another: batches
 * go in chunks, and what is longer is told in several frames. */
#define YETT_FRAME_HEADER_SIZE 8
#define YETT_FRAME_MAX         16384 /* header included */
#define YETT_FRAME_BODY_MAX    (YETT_FRAME_MAX - YETT_FRAME_HEADER_SIZE)

enum yett_frame_type {
	YETT_FRAME_HELLO = 1,
	YETT_FRAME_AUTH = 2,
	YETT_FRAME_INTRO = 3,
	YETT_FRAME_WELCOME = 4,
	YETT_FRAME_REFUSE = 5,
	YETT_FRAME_BATCH = 16,
	YETT_FRAME_ACK = 17,
	YETT_FRAME_CREDIT = 18,
	YETT_FRAME_PATH = 19,
	YETT_FRAME_ATTACH = 20,
	YETT_FRAME_DETACH = 21,
	YETT_FRAME_ADMISSION = 22,
	YETT_FRAME_CONFIG = 23,
	YETT_FRAME_APPLIED = 24,
	YETT_FRAME_QUERY = 25,
	YETT_FRAME_REPORT = 26,
	YETT_FRAME_HEARTBEAT = 27,
	YETT_FRAME_PING = 28,
	YETT_FRAME_PONG = 29,
	YETT_FRAME_GOODBYE = 30,
	YETT_FRAME_IGNORABLE = 0x80, /* top bit: a receiver that does not know the type skips it */
	YETT_FRAME_STANDBY = YETT_FRAME_IGNORABLE | 32,
};
enum yett_frame_flag {
	YETT_FRAME_MORE = 1 << 1, /* BATCH: another chunk of the same batch follows */
};

#define YETT_HELLO_MAX            4096
#define YETT_AUTH_CHUNK_MAX       15360 /* of a token, in one frame */
#define YETT_AUTH_TOKEN_MAX       65536 /* all chunks */
#define YETT_VERSION_LOW          1
#define YETT_VERSION_HIGH         1
#define YETT_NODE_NAME_SIZE       254
#define YETT_METHODS_MAX          8
#define YETT_METHOD_NAME_SIZE     16
#define YETT_CAUSE_SIZE           256
#define YETT_ACK_RANGES_MAX       256
#define YETT_ACK_REFUSALS_MAX     64
#define YETT_ATTACH_MAX           256
#define YETT_SICK_MAX             48  /* of a HEARTBEAT: with 256 nodes, what a frame holds */
#define YETT_WHY_SIZE             120 /* with its end */
#define YETT_PATH_MAX             8
#define YETT_ADMISSION_ASKS_MAX   12
#define YETT_ADMISSION_SIGNED_MAX 8
#define YETT_SIGNED_MAX           1792 /* bytes of something that is signed (manage/signed.h) */
#define YETT_CONFIG_SIGNED_MAX    8 /* of a CONFIG: new keys, oldest first, and the desired state */
#define YETT_DESIRED_MAX          9216  /* bytes of a desired state, signed */
#define YETT_QUESTIONS_MAX        8     /* of a session, asked and not answered */
#define YETT_REPORT_MAX           16000 /* of the body: a relay's number may be longer */
#define YETT_REPORT_STEPS_MAX     64
#define YETT_REPORT_WAYS_MAX      16

/* Bits of a HELLO's capabilities. */
enum yett_capability {
	YETT_CAN_QUERY = 1 << 0, /* knows QUERY and REPORT */
};

struct yett_hello {
	uint32_t version_low, version_high;
	uint64_t capabilities;
	uint32_t method_count; /* acceptor: what it takes, best first; initiator: what it has */
	char methods[YETT_METHODS_MAX][YETT_METHOD_NAME_SIZE];
	char realm[256]; /* of the acceptor's Kerberos service; "" without. Proved by nothing */
	int64_t wall_ns;
};

struct yett_auth_message {
	char method[YETT_METHOD_NAME_SIZE];
	uint32_t status;             /* enum yett_auth_status of yett/auth.h */
	bool more;                   /* another chunk of the token follows */
	char cause[YETT_CAUSE_SIZE]; /* DENY: what the peer may know */
	const uint8_t *token;        /* borrowed: from the frame, or the session's assembly */
	size_t token_length;
};

enum yett_intro_flag {
	YETT_INTRO_DURABLE = 1 << 0, /* the sender's queue (or store) is durable */
	YETT_INTRO_STANDBY = 1 << 1, /* the initiator holds this session as a warm standby */
	YETT_INTRO_RELAY = 1 << 2,   /* has listeners: may ask to speak for others */
	YETT_INTRO_STORE = 1 << 3,   /* a management server */
};
struct yett_intro {
	char name[YETT_NODE_NAME_SIZE];
	struct yett_id id;
	struct yett_id boot; /* new at each start of the process */
	uint64_t session;    /* counts the sender's sessions since boot */
	uint32_t flags;
	char software[64]; /* "yett 0.1.0" */
};

struct yett_welcome {
	char group[256];
	struct yett_id group_id;
	struct yett_id store_id;
	uint64_t store_generation;
	uint32_t heartbeat_s; /* how often the acceptor wants to hear */
};

enum yett_refuse_code {
	YETT_REFUSE_VERSION = 1,
	YETT_REFUSE_ADMISSION = 2, /* authenticated, and not on the list */
	YETT_REFUSE_NAME = 3,      /* INTRO's name is not the one that was proved */
	YETT_REFUSE_BUSY = 4,
	YETT_REFUSE_CLONE = 5,
	YETT_REFUSE_SHUTDOWN = 6,
	YETT_REFUSE_PROTOCOL = 7,
	YETT_REFUSE_RELAY = 8,       /* spoke for an origin that it has no grant for */
	YETT_REFUSE_UNAVAILABLE = 9, /* cannot decide now (no way to the store) */
	YETT_REFUSE_TIMEOUT = 10,
};
/* REFUSE and GOODBYE. */
struct yett_refuse {
	uint32_t code;
	char cause[YETT_CAUSE_SIZE];
	char mend[YETT_CAUSE_SIZE];
	uint32_t retry_after_ms; /* 0: as the peer sees fit */
};

struct yett_ack_range {
	uint64_t first, last; /* frame numbers of BATCHes, both included */
};
struct yett_ack_refusal {
	uint64_t number;
	uint32_t code; /* enum yett_refuse_code */
	uint32_t retry_after_ms;
};
struct yett_ack {
	uint32_t range_count, refusal_count;
	struct yett_ack_range ranges[YETT_ACK_RANGES_MAX];
	struct yett_ack_refusal refusals[YETT_ACK_REFUSALS_MAX];
};

struct yett_credit {
	uint64_t granted[YETT_LANES]; /* receiver: bytes more, of batches */
	uint64_t wanted[YETT_LANES];  /* sender: the next batch's length, where credit lacks */
};

/* The acceptor's present way to the store, nearest first; its own id is the first. */
struct yett_path {
	bool open;
	uint32_t count;
	struct yett_id ids[YETT_PATH_MAX];
};

struct yett_attached {
	struct yett_id id;
	struct yett_id boot;
	struct yett_id via; /* the relay that it is attached to */
	uint64_t session;   /* (id, boot, session) rises: the newer presence wins */
	bool live;          /* false: known, and its batches may still come, but not connected */
	bool relay;
	uint32_t hops; /* relays between it and the sender; 0: it is connected to the sender */
	uint32_t heartbeat_s; /* between its heartbeats; 0: it has not said so yet */
	bool cloned;          /* two copies of it are alive at the same time */
	char name[YETT_NODE_NAME_SIZE];
	char method[YETT_METHOD_NAME_SIZE];
	char software[64];
	char address[64];
};
struct yett_attach {
	uint32_t count;
	struct yett_attached nodes[YETT_ATTACH_MAX];
};
struct yett_detach {
	uint32_t count;
	struct yett_id ids[YETT_ATTACH_MAX];
};

struct yett_heartbeat_of {
	struct yett_id id;
	uint32_t age_ms; /* since the sender heard it */
};
/* One of them that is not well, as it says itself. */
struct yett_sick {
	struct yett_id id;
	uint32_t backlog_s;
	char why[YETT_WHY_SIZE]; /* degraded, and how; "" it is not */
};
struct yett_heartbeat {
	int64_t wall_ns;
	uint32_t interval_s; /* the sender's own */
	bool degraded;
	uint32_t backlog_s;      /* how long the oldest of what waits in its queue has waited */
	char why[YETT_WHY_SIZE]; /* of `degraded` */
	uint32_t count;          /* nodes behind the sender */
	uint32_t sick_count;     /* some of them; the others are well */
	struct yett_heartbeat_of nodes[YETT_ATTACH_MAX];
	struct yett_sick sick[YETT_SICK_MAX];
};

struct yett_ping {
	uint64_t token;
};

/* What the initiator holds this session for, from now on. */
struct yett_standby {
	bool on;          /* a warm standby: neither batches nor presence go by it */
	uint64_t session; /* its session counter, which is a new one */
};

enum yett_as {
	YETT_AS_AGENT = 1,
	YETT_AS_GATEWAY = 2, /* may speak for others */
};

/* A node that nobody has decided on, as the gateway that it connected to knows it. */
struct yett_admission_ask {
	struct yett_id id;
	uint32_t as; /* enum yett_as */
	char name[YETT_NODE_NAME_SIZE];
	char method[YETT_METHOD_NAME_SIZE];
	char authority[256];
	char principal[256];
	char fingerprint[65]; /* SHA-256 of its certificate, in hexadecimal; "" without */
	char address[64];
	char via[YETT_NODE_NAME_SIZE]; /* the gateway */
};
struct yett_signed_bytes {
	const uint8_t *bytes; /* borrowed: from the frame */
	size_t length;
};
/* An initiator asks, an acceptor answers; one message does one of both. */
struct yett_admission {
	uint32_t ask_count, signed_count;
	struct yett_admission_ask asks[YETT_ADMISSION_ASKS_MAX];
	struct yett_signed_bytes signeds[YETT_ADMISSION_SIGNED_MAX];
};

/* What a node should be like, on its way down to it: relays pass it on by the id, and never make one. */
struct yett_config {
	struct yett_id node;
	uint32_t signed_count;
	struct yett_signed_bytes signeds[YETT_CONFIG_SIGNED_MAX];
};

enum yett_applied_state {
	YETT_APPLIED_TRYING = 1, /* new upstreams: the old ones stay until one of these is up */
	YETT_APPLIED_DONE = 2,
	YETT_APPLIED_REFUSED = 3,
	YETT_APPLIED_ROLLED_BACK = 4,
};
/* What a node has made of it, on its way up. */
struct yett_applied {
	struct yett_id node;
	uint64_t generation, revision;
	uint32_t state;  /* enum yett_applied_state */
	int64_t since_s; /* Unix time, by the node's clock */
	char why[YETT_CAUSE_SIZE];
	char pinned
		[YETT_CAUSE_SIZE]; /* names of settings that its own file keeps, with spaces between */
};

enum yett_query_what {
	YETT_QUERY_EXPLAIN = 1, /* why it, or `about` as it sees it, is as it is */
	YETT_QUERY_DRILL = 2,   /* whether each of its ways to the store would carry */
	YETT_QUERY_SHOW = 3,    /* what its own file says of it: a step for each property */
};
/* A question on its way down to a node: relays pass it on by the id, and never make one. */
struct yett_query_message {
	uint64_t number; /* of the session's: the machine gives it; rises */
	uint32_t what;   /* enum yett_query_what; others are answered: unknown */
	struct yett_id node;
	uint32_t limit_ms; /* so long whoever asks waits */
	uint32_t hops;     /* relays that it has passed */
	char about[YETT_NODE_NAME_SIZE];
};

enum yett_report_result {
	YETT_REPORT_ANSWERED = 1,
	YETT_REPORT_REFUSED = 2, /* not now, or not by this node */
	YETT_REPORT_NO_WAY = 3,  /* no session leads to it */
	YETT_REPORT_SILENT = 4,  /* no answer in time */
	YETT_REPORT_UNKNOWN = 5, /* it does not know such questions */
};
struct yett_report_step {
	char step[32];
	char about[YETT_NODE_NAME_SIZE];
	uint32_t state; /* 1 ok, 2 warning, 3 failed, 4 not reached */
	char seen[640];
};
struct yett_report_way {
	char upstream[YETT_NODE_NAME_SIZE];
	bool proven;
	int64_t last_ns; /* Unix time; 0: never */
	char why[YETT_CAUSE_SIZE];
	char mend[YETT_CAUSE_SIZE];
};
/* The answer, on its way up. */
struct yett_report {
	uint64_t number;              /* of the question, in this session */
	uint32_t result;              /* enum yett_report_result */
	char by[YETT_NODE_NAME_SIZE]; /* who says so */
	uint32_t state;               /* explain: 1 well, 2 unknown, 3 degraded, 4 blocked */
	char blocked_at[32];
	char why[640], mend[320];
	bool cut; /* some of it had no room */
	uint32_t step_count, way_count;
	struct yett_report_step steps[YETT_REPORT_STEPS_MAX];
	struct yett_report_way ways[YETT_REPORT_WAYS_MAX];
};

/* encode appends the frame, header and body, to a growing byte string: text is repaired where it is
 * not UTF-8 and cut to what the field holds. decode takes a body. */
struct _GByteArray;
void yett_hello_encode(const struct yett_hello *message, struct _GByteArray *to);
int yett_hello_decode(const uint8_t *bytes, size_t length, struct yett_hello *ret_message);
void yett_auth_encode(const struct yett_auth_message *message, struct _GByteArray *to);
int yett_auth_decode(const uint8_t *bytes, size_t length, struct yett_auth_message *ret_message);
void yett_intro_encode(const struct yett_intro *message, struct _GByteArray *to);
int yett_intro_decode(const uint8_t *bytes, size_t length, struct yett_intro *ret_message);
void yett_welcome_encode(const struct yett_welcome *message, struct _GByteArray *to);
int yett_welcome_decode(const uint8_t *bytes, size_t length, struct yett_welcome *ret_message);
/* type: YETT_FRAME_REFUSE or YETT_FRAME_GOODBYE */
void yett_refuse_encode(const struct yett_refuse *message, int type, struct _GByteArray *to);
int yett_refuse_decode(const uint8_t *bytes, size_t length, struct yett_refuse *ret_message);
void yett_ack_encode(const struct yett_ack *message, struct _GByteArray *to);
int yett_ack_decode(const uint8_t *bytes, size_t length, struct yett_ack *ret_message);
void yett_credit_encode(const struct yett_credit *message, struct _GByteArray *to);
int yett_credit_decode(const uint8_t *bytes, size_t length, struct yett_credit *ret_message);
void yett_path_encode(const struct yett_path *message, struct _GByteArray *to);
int yett_path_decode(const uint8_t *bytes, size_t length, struct yett_path *ret_message);
/* As many frames as it needs: what one says stands for itself. */
void yett_attach_encode(const struct yett_attach *message, struct _GByteArray *to);
int yett_attach_decode(const uint8_t *bytes, size_t length, struct yett_attach *ret_message);
void yett_detach_encode(const struct yett_detach *message, struct _GByteArray *to);
int yett_detach_decode(const uint8_t *bytes, size_t length, struct yett_detach *ret_message);
void yett_heartbeat_encode(const struct yett_heartbeat *message, struct _GByteArray *to);
int yett_heartbeat_decode(const uint8_t *bytes, size_t length, struct yett_heartbeat *ret_message);
void yett_admission_encode(const struct yett_admission *message, struct _GByteArray *to);
int yett_admission_decode(const uint8_t *bytes, size_t length, struct yett_admission *ret_message);
void yett_config_encode(const struct yett_config *message, struct _GByteArray *to);
int yett_config_decode(const uint8_t *bytes, size_t length, struct yett_config *ret_message);
void yett_applied_encode(const struct yett_applied *message, struct _GByteArray *to);
int yett_applied_decode(const uint8_t *bytes, size_t length, struct yett_applied *ret_message);
void yett_query_encode(const struct yett_query_message *message, struct _GByteArray *to);
int yett_query_decode(const uint8_t *bytes, size_t length, struct yett_query_message *ret_message);
/* At most YETT_REPORT_MAX bytes: yett_report_size tells. */
void yett_report_encode(const struct yett_report *message, struct _GByteArray *to);
int yett_report_decode(const uint8_t *bytes, size_t length, struct yett_report *ret_message);
size_t yett_report_size(const struct yett_report *message);
/* type: YETT_FRAME_PING or YETT_FRAME_PONG */
void yett_ping_encode(const struct yett_ping *message, int type, struct _GByteArray *to);
int yett_ping_decode(const uint8_t *bytes, size_t length, struct yett_ping *ret_message);
void yett_standby_encode(const struct yett_standby *message, struct _GByteArray *to);
int yett_standby_decode(const uint8_t *bytes, size_t length, struct yett_standby *ret_message);

#endif
