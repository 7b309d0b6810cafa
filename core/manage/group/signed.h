/* What a management group signs: decisions about nodes, its servers' certificates, its own keys.
 *
 * One envelope for all (doc/protocol.cddl, `signed`): a kind, a payload and its Ed25519 signature,
 * and where a server has signed, the certificate by which the group's key vouches for the server's.
 * The same struct always gives the same bytes. Whoever opens one says whose word counts (struct
 * yett_trust); whether it is in force now is the caller's to judge. */
#ifndef YETT_MANAGE_SIGNED_H
#define YETT_MANAGE_SIGNED_H

#include <glib.h>
#include <yett/batch.h>

#include "../../pki/sign.h"
#include "../../wire/message.h"

enum yett_decided {
	YETT_DECIDED_NONE = 0,
	YETT_DECIDED_APPROVED = 1,
	YETT_DECIDED_REJECTED = 2, /* these two bar a node, whatever a list says... */
	YETT_DECIDED_REVOKED = 3,  /* ... until a newer decision */
	YETT_DECIDED_PENDING = 4,  /* nobody has decided: held for review... */
	YETT_DECIDED_REFUSED = 5,  /* ... or refused by the group's setting. For a short while */
};
const char *yett_verdict_text(uint32_t verdict); /* "approved" … */

/* A decision as it travels and is kept: an older one, by generation and revision, never replaces a
 * newer one. */
struct yett_decision {
	struct yett_id group;
	char name[YETT_NODE_NAME_SIZE];
	struct yett_id id;           /* zero: any, until one is bound to the name */
	uint32_t verdict;            /* enum yett_decided */
	uint32_t as;                 /* enum yett_as */
	int64_t issued_s, expires_s; /* Unix time */
	uint64_t generation, revision;
	int64_t vouched_s; /* its signer's certificate ends then: told by …_open, and not signed itself */
};

/* The keys that a node trusts: the group's, and the one that will succeed it. */
struct yett_trust {
	struct yett_id group; /* zero: no group is known */
	uint64_t sequence;    /* rises with each rollover, from 1 */
	uint8_t current[YETT_SIGN_PUBLIC_SIZE], next[YETT_SIGN_PUBLIC_SIZE];
};

/* The certificate of a management server's key, as an envelope in full. */
struct yett_server_certificate {
	struct yett_id group;
	char name[YETT_NODE_NAME_SIZE];
	uint8_t key[YETT_SIGN_PUBLIC_SIZE];
	int64_t issued_s, expires_s;
};

/* Each appends an envelope. `certificate` is one that yett_server_certificate_sign made. */
int yett_decision_sign(const struct yett_decision *decision, const struct yett_sign_key *key,
	const GByteArray *certificate, GByteArray *to);
int yett_server_certificate_sign(const struct yett_server_certificate *certificate,
	const struct yett_sign_key *group_key, GByteArray *to);
/* What it says, unverified: 0, YETT_EPROTO. */
int yett_decision_peek(const uint8_t *bytes, size_t length, struct yett_decision *ret_decision);
/* The keys after a rollover, signed by the one that becomes current. `compromised`: what the key that goes has
 * vouched for counts no more. */
int yett_trust_sign(const struct yett_trust *trust, bool compromised,
	const struct yett_sign_key *key, GByteArray *to);

/* Open and verify: 0, YETT_EPROTO (not understood), YETT_EDENIED (the signature does not count here);
 * what is not 0 leaves ret_… alone. */
int yett_decision_open(const struct yett_trust *trust, const uint8_t *bytes, size_t length,
	struct yett_decision *ret_decision, struct yett_error *error);
int yett_server_certificate_open(const struct yett_trust *trust, const uint8_t *bytes,
	size_t length, struct yett_server_certificate *ret_certificate, struct yett_error *error);
/* Rolls the trust over, where the envelope is the very next step. YETT_EEXIST: it is an older one. */
int yett_trust_follow(struct yett_trust *trust, const uint8_t *bytes, size_t length,
	bool *ret_compromised, struct yett_error *error);
/* What an envelope is, unverified: 1 a decision, 2 a certificate, 3 keys, 4 a desired
 * state; 0: none. */
uint32_t yett_signed_kind(const uint8_t *bytes, size_t length);

/* What a node should be like. An older one, by generation and revision, never replaces a newer one. */
#define YETT_DESIRED_VALUES_MAX    16
#define YETT_DESIRED_UPSTREAMS_MAX 8
struct yett_desired_value {
	char name[64];   /* "node.heartbeat" */
	char value[200]; /* as one would write it in a configuration, without quotes */
};
struct yett_desired_upstream { /* the first is the primary */
	char name[YETT_NODE_NAME_SIZE];
	char address[288]; /* "": its name */
};
struct yett_desired {
	struct yett_id group;
	char name[YETT_NODE_NAME_SIZE];
	int64_t issued_s, expires_s; /* Unix time: to be taken until then; what is taken stays */
	uint64_t generation, revision;
	int64_t vouched_s;                    /* as a decision's */
	uint32_t value_count, upstream_count; /* no upstreams: as the node's own file says */
	struct yett_desired_value values[YETT_DESIRED_VALUES_MAX];
	struct yett_desired_upstream upstreams[YETT_DESIRED_UPSTREAMS_MAX];
};
int yett_desired_sign(const struct yett_desired *desired, const struct yett_sign_key *key,
	const GByteArray *certificate, GByteArray *to);
/* Its revision, unverified: 0, YETT_EPROTO. */
int yett_desired_peek(
	const uint8_t *bytes, size_t length, uint64_t *ret_generation, uint64_t *ret_revision);
/* As yett_decision_open. */
int yett_desired_open(const struct yett_trust *trust, const uint8_t *bytes, size_t length,
	struct yett_desired *ret_desired, struct yett_error *error);

/* Whether what comes now may be believed, by its times: 0, YETT_EDENIED. A day is left for clocks that differ.
 * What was issued in the time of a certificate that has run out since is not: whoever has a retired server's key
 * writes any time. `what` ("decision") is `of` somebody. */
struct yett_signed_times {
	int64_t issued_s, expires_s, vouched_s;
};
int yett_signed_judge(const struct yett_signed_times *times, int64_t now_s, const char *what,
	const char *of, struct yett_error *error);

#define YETT_SIGNED_DECISION    1
#define YETT_SIGNED_CERTIFICATE 2
#define YETT_SIGNED_KEYS        3
#define YETT_SIGNED_DESIRED     4

#endif
